/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a courier file: bounded; only the corpus, made with the test world's key, is ever taken. */
#include <stdint.h>

#include "desk/federation/courier_file.h"
#include "desk/federation/test_world.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const unsigned char *signer(void *ctx, struct span from)
{
    const struct world *w = ctx;
    return span_eq(from, span_of(w->nodes[1].node)) ? w->nodes[1].sign.public_key : NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct world w;
    static struct arena a;
    struct fed_courier_file f;
    struct fed_envelope env;
    struct err e = {0};
    if (a.magic == 0) {
        world_init(&w, false);
        arena_init(&a, 0);
    }
    enum fed_refusal r = fed_courier_file_read(&a, span_make((const char *)data, size), span_of(w.nodes[0].node), signer, &w, &f, &e);
    CHECK(r < FED_REFUSAL_COUNT);
    for (uint32_t i = 0; r == FED_TAKEN && i < f.count; i++) {
        struct fed_check c = world_check(&w, true);
        CHECK(fed_envelope_check(&a, f.envelopes[i], &c, &env, &e) < FED_REFUSAL_COUNT);
    }
    arena_reset(&a);
    return 0;
}
