/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as an envelope: bounded, and never taken, since no fuzzer holds a member's key. */
#include <stdint.h>

#include "desk/federation/test_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    static struct arena a;
    struct fed_envelope env;
    struct err e = {0};
    const struct jcs *body = NULL;
    struct jcs *who = NULL;
    struct span text = span_make((const char *)data, size);
    if (a.magic == 0) {
        world_init(&w, false);
        arena_init(&a, 0);
    }
    struct fed_check c = world_check(&w, true);
    enum fed_refusal r = fed_envelope_check(&a, text, &c, &env, &e);
    CHECK(r < FED_REFUSAL_COUNT);
    if (fed_envelope_read(&a, text, &env, &e) == FED_TAKEN) {
        /* a real envelope of the test world stands in the corpus, so that taking one can happen; a made one cannot */
        CHECK(fed_envelope_open(&a, &env, &w.nodes[2], &body) != FED_TAKEN || body->kind == JCS_OBJECT);
        if (!env.who.unknown) {
            MUST(fed_audience_write(&a, &env.who, &who, &e));
        }
    }
    arena_reset(&a);
    return 0;
}
