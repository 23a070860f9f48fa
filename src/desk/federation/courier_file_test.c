/* SPDX-License-Identifier: EUPL-1.2 */
/* Courier files: what goes in comes out, and nothing that somebody changed on the way does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_cases.h"
#include "desk/federation/courier_file.h"
#include "desk/federation/test_world.h"

static const unsigned char *signer(void *ctx, struct span from)
{
    const struct world *w = ctx;
    return span_eq(from, span_of(w->nodes[1].node)) ? w->nodes[1].sign.public_key : NULL;
}

static struct span make(struct world *w, uint32_t count)
{
    struct fed_courier_file f = {.from = span_of(w->nodes[1].node), .to = span_of(w->nodes[0].node), .up = true, .epoch = 2, .from_seq = 7, .count = count};
    struct span text = {0};
    struct err e = {0};
    f.envelopes = arena_calloc(&w->a, count, sizeof *f.envelopes);
    for (uint32_t i = 0; i < count; i++) {
        struct fed_draft d = world_draft(w, "{\"all\":true}", "GREEN");
        d.created_s -= i;
        MUST(world_make(w, 1, &d, false, &f.envelopes[i]));
    }
    MUST(fed_courier_file_make(&w->a, &f, &w->nodes[1].sign, &text, &e));
    return text;
}

static void test_round(void **state)
{
    (void)state;
    struct world w;
    struct fed_courier_file f;
    struct fed_envelope env;
    struct err e = {0};
    world_init(&w, false);
    for (uint32_t n = 0; n < 3; n++) {
        struct span text = make(&w, n);
        assert_int_equal(fed_courier_file_read(&w.a, text, span_of(w.nodes[0].node), signer, &w, &f, &e), FED_TAKEN);
        assert_true(f.up && f.epoch == 2 && f.from_seq == 7 && f.count == n);
        for (uint32_t i = 0; i < n; i++) {
            struct fed_check c = world_check(&w, true);
            assert_int_equal(fed_envelope_check(&w.a, f.envelopes[i], &c, &env, &e), FED_TAKEN);
        }
        assert_int_equal(fed_courier_file_read(&w.a, text, span_of(w.nodes[2].node), signer, &w, &f, &e), FED_STREAM);
        assert_int_equal(fed_courier_file_read(&w.a, span_sub(text, 0, text.len - 1), span_of(w.nodes[0].node), signer, &w, &f, &e), FED_SYNTAX);
    }
    w.nodes[1].sign.public_key[0] ^= 1;
    assert_int_equal(fed_courier_file_read(&w.a, make(&w, 1), span_of(w.nodes[0].node), signer, &w, &f, &e), FED_SIGNATURE);
    world_fini(&w);
}

static void test_bad(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum fed_refusal expect;
    } bads[] = {{"", FED_SYNTAX}, {"{}", FED_VERSION}, {"{\"v\":1}", FED_SHAPE}, {"{ \"v\":1}", FED_NOT_CANONICAL}, {"\x1f\x8b", FED_SYNTAX}};
    struct world w;
    struct fed_courier_file f;
    struct err e = {0};
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        assert_int_equal(fed_courier_file_read(&w.a, span_of(bads[i].text), span_of(w.nodes[0].node), signer, &w, &f, &e), bads[i].expect);
    }
    char *large = arena_alloc(&w.a, FED_COURIER_BYTES_MAX + 1);
    assert_int_equal(fed_courier_file_read(&w.a, span_make(large, FED_COURIER_BYTES_MAX + 1), span_of(w.nodes[0].node), signer, &w, &f, &e), FED_OVERSIZED);
    struct span text = make(&w, 2);
    uint64_t s = 5;
    for (uint64_t i = 0; i < test_cases(2000); i++) {
        struct arena a;
        arena_init(&a, 0);
        s = s * 6364136223846793005u + 1442695040888963407u;
        struct span forged = world_flipped(&a, text, (s >> 33) % text.len, s >> 60);
        assert_int_not_equal(fed_courier_file_read(&a, forged, span_of(w.nodes[0].node), signer, &w, &f, &e), FED_TAKEN);
        arena_fini(&a);
    }
    f = (struct fed_courier_file){.from = SPAN("x"), .to = SPAN("y"), .epoch = 1, .from_seq = 1};
    assert_int_equal(fed_courier_file_make(&w.a, &f, &w.nodes[1].sign, &text, &e), ERR_INVALID);
    f.count = FED_COURIER_ENVELOPES_MAX + 1;
    assert_int_equal(fed_courier_file_make(&w.a, &f, &w.nodes[1].sign, &text, &e), ERR_LIMIT);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_bad)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
