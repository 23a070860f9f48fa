/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a membership file: bounded, and never believed, since no fuzzer holds the hub's key. */
#include <stdint.h>

#include "desk/federation/test_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    static struct arena a;
    struct fed_membership m;
    struct fed_membership again;
    struct err e = {0};
    struct span text = {0};
    if (a.magic == 0) {
        world_init(&w, false);
        arena_init(&a, 0);
    }
    struct fed_pin pin = fed_membership_pin(world_newest(&w));
    if (fed_membership_read(&a, span_make((const char *)data, size), &m, &e) == FED_TAKEN) {
        enum fed_refusal r = fed_membership_judge(world_newest(&w), &pin, &m, w.now_s);
        CHECK(r == FED_CIRCLE || r == FED_HUB_KEY || r == FED_QUORUM || r == FED_SEEN);
        /* what was read can be written, and says the same */
        MUST(fed_membership_draft(&a, &m, &text, &e));
        CHECK(fed_membership_read(&a, text, &again, &e) == FED_TAKEN);
        CHECK(span_eq(again.form, m.form));
    }
    arena_reset(&a);
    return 0;
}
