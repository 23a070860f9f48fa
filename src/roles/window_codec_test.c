/* SPDX-License-Identifier: EUPL-1.2 */
/* Windows between intake and keeper: the same comes out, and every cut message is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "archive/window.h"
#include "base/mem.h"
#include "roles/window_codec.h"

static void test_window(void **state)
{
    (void)state;
    struct window *builder = window_new(1);
    struct arena scratch;
    struct buf b;
    struct err e;
    struct archive_window out;
    for (int i = 0; i < 3; i++) {
        struct archive_record r = {.organisation = i == 1 ? SPAN("a") : SPAN("b"),
                                   .original = SPAN("hello")};
        (void)window_add(builder, &r);
    }
    struct archive_alert_in alerts[] = {{.block = 1, .index = 0, .body = SPAN("first")},
                                        {.placed = true, .at = {-7, 8, 9}, .body = SPAN("second")}};
    struct archive_position position = {SPAN("name"), SPAN("value")};
    struct archive_window in = {.intake = 1,
                                .id = 2,
                                .received = -3,
                                .alerts = alerts,
                                .nalerts = 2,
                                .positions = &position,
                                .npositions = 1,
                                .matches = SPAN("matches")};
    window_seal(builder, &in.blocks, &in.nblocks);
    assert_int_equal(in.nblocks, 2);
    buf_init(&b, WINDOW_MESSAGE_MAX);
    arena_init(&scratch, 0);
    window_encode(&b, &in);
    assert_int_equal(window_decode(buf_view(&b), &scratch, &out, &e), 0);
    assert_true(out.intake == 1 && out.id == 2 && out.received == -3 && out.nblocks == 2 &&
                out.nalerts == 2);
    assert_true(span_eq(out.blocks[1].body, in.blocks[1].body));
    assert_memory_equal(out.blocks[1].header.originals_hash, in.blocks[1].header.originals_hash,
                        ARCHIVE_HASH_BYTES);
    assert_true(!out.alerts[0].placed && out.alerts[0].block == 1 &&
                span_eq(out.alerts[0].body, SPAN("first")));
    assert_true(out.alerts[1].placed && out.alerts[1].at.day == -7 && out.alerts[1].at.index == 9);
    assert_true(span_eq(out.positions[0].value, SPAN("value")));
    assert_true(span_eq(out.matches, SPAN("matches")));
    for (size_t cut = 0; cut < b.len; cut++) {
        char *exact = mem_alloc(cut);
        memcpy(exact, b.data, cut);
        assert_int_equal(window_decode(span_make(exact, cut), &scratch, &out, &e), ERR_INVALID);
        mem_free(exact);
    }
    buf_u8(&b, 0);
    assert_int_equal(window_decode(buf_view(&b), &scratch, &out, &e), ERR_INVALID);
    buf_free(&b);
    arena_fini(&scratch);
    window_free(&builder);
}

static void test_small_ones(void **state)
{
    (void)state;
    struct arena scratch;
    struct buf b;
    struct err e;
    arena_init(&scratch, 0);
    buf_init(&b, 4096);
    struct window_kept kept = {1, 2, {.day = -1, .first_block = 7}};
    struct window_kept kept_out;
    window_kept_encode(&b, &kept);
    assert_int_equal(window_kept_decode(buf_view(&b), &kept_out, &e), 0);
    assert_true(kept_out.id == 2 && kept_out.kept.day == -1 && kept_out.kept.first_block == 7);
    assert_int_equal(window_kept_decode(span_make(b.data, b.len - 1), &kept_out, &e), ERR_INVALID);
    buf_clear(&b);
    struct intake_token token = {
        .hash = {1, 2, 3}, .name = SPAN("n"), .kind = SPAN("auto"), .organisation = SPAN("o")};
    struct intake_token *tokens;
    size_t n;
    intake_tokens_encode(&b, &token, 1);
    assert_int_equal(intake_tokens_decode(buf_view(&b), &scratch, &tokens, &n, &e), 0);
    assert_true(n == 1 && tokens[0].hash[2] == 3 && span_eq(tokens[0].organisation, SPAN("o")));
    assert_int_equal(intake_tokens_decode(span_make(b.data, b.len - 1), &scratch, &tokens, &n, &e),
                     ERR_INVALID);
    buf_clear(&b);
    buf_u32(&b, UINT32_MAX);
    assert_int_equal(intake_tokens_decode(buf_view(&b), &scratch, &tokens, &n, &e), ERR_INVALID);
    struct archive_position *positions;
    assert_int_equal(positions_decode(buf_view(&b), &scratch, &positions, &n, &e), ERR_INVALID);
    buf_free(&b);
    arena_fini(&scratch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_window),
                                       cmocka_unit_test(test_small_ones)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
