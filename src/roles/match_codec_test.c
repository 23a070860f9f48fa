/* SPDX-License-Identifier: EUPL-1.2 */
/* Rule matches of a window: the same comes out, and every cut or turned body is refused or harmless. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "roles/match_codec.h"

static void place(void *ctx, uint32_t arrival, uint32_t *block_out, uint32_t *index_out)
{
    (void)ctx;
    *block_out = arrival / 10;
    *index_out = arrival % 10;
}

static void fill(struct match_writer *w, struct span long_value)
{
    const struct span fields[] = {SPAN("user"), SPAN("src_ip")};
    const struct span one[] = {SPAN("root"), {NULL, 0}};
    const struct span two[] = {SPAN(""), long_value};
    const struct match_origin town = {SPAN("town"), SPAN("udp"), SPAN("linux"), SPAN(""), SPAN("sshd")};
    const struct match_origin other = {.organisation = SPAN("other")};
    const struct match_in all[] = {
        {.rule = SPAN("r7"), .rule_number = 7, .nfields = 2, .fields = fields, .values = one, .origin = town,
         .origin_number = 300, .time = 5, .received = 6, .tags = 8, .host = SPAN("h"), .user = SPAN("u"), .arrival = 12},
        {.rule = SPAN("r0"), .rule_number = 0, .origin = other, .origin_number = 0, .time = -5, .received = 7, .arrival = 3},
        {.rule = SPAN("r7"), .rule_number = 7, .nfields = 2, .fields = fields, .values = two, .origin = other,
         .origin_number = 0, .time = 9, .received = 8, .arrival = 99},
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        assert_true(match_writer_add(w, &all[i]));
    }
}

static void same_comes_out(void **state)
{
    (void)state;
    struct match_writer *w = match_writer_new();
    struct match_reader r;
    struct match_row row;
    struct arena scratch;
    struct buf b;
    struct err e;
    char longer[MATCH_VALUE_MAX + 2];
    memset(longer, 'x', sizeof longer);
    arena_init(&scratch, 0);
    buf_init(&b, MATCHES_MAX_BYTES);
    match_writer_seal(w, place, NULL, &b);
    assert_int_equal(b.len, 0);
    for (int round = 0; round < 2; round++) { /* an emptied writer is as good as a new one */
        fill(w, span_make(longer, sizeof longer));
        assert_true(match_writer_bytes(w) > 0);
        buf_clear(&b);
        match_writer_seal(w, place, NULL, &b);
        assert_int_equal(match_writer_bytes(w), 0);
        assert_int_equal(match_reader_open(&r, buf_view(&b), &scratch, &e), 0);
        assert_true(r.nrules == 2 && r.norigins == 2 && r.left == 3);
        assert_int_equal(match_reader_next(&r, &row, &e), 1);
        assert_true(span_eq(row.rule->id, SPAN("r7")) && span_eq(row.rule->fields[1], SPAN("src_ip")));
        assert_true(span_eq(row.values[0], SPAN("root")) && row.values[1].ptr == NULL);
        assert_true(row.time == 5 && row.received == 6 && row.tags == 8 && row.block == 1 && row.index == 2);
        assert_true(span_eq(row.origin->service, SPAN("sshd")) && span_eq(row.host, SPAN("h")));
        assert_int_equal(match_reader_next(&r, &row, &e), 1);
        assert_true(row.time == -5 && row.rule->nfields == 0 && span_eq(row.origin->organisation, SPAN("other")));
        assert_int_equal(match_reader_next(&r, &row, &e), 1);
        assert_true(row.values[0].ptr != NULL && row.values[0].len == 0 && row.values[1].len == MATCH_VALUE_MAX);
        char kept[MATCH_VALUE_MAX];
        memcpy(kept, row.values[1].ptr, sizeof kept);
        assert_int_equal(match_reader_next(&r, &row, &e), 0);
        longer[sizeof longer - 1] = (char)('y' + round); /* differs behind what is kept: still another value */
        fill(w, span_make(longer, sizeof longer));
        buf_clear(&b);
        match_writer_seal(w, place, NULL, &b);
        assert_int_equal(match_reader_open(&r, buf_view(&b), &scratch, &e), 0);
        while (match_reader_next(&r, &row, &e) == 1) {
        }
        assert_memory_not_equal(kept, row.values[1].ptr, sizeof kept);
    }
    buf_free(&b);
    arena_fini(&scratch);
    match_writer_free(&w);
    match_writer_free(&w);
}

static int read_all(struct span body, struct arena *scratch)
{
    struct match_reader r;
    struct match_row row;
    struct err e;
    int rc = match_reader_open(&r, body, scratch, &e);
    while (rc == 0 && (rc = match_reader_next(&r, &row, &e)) == 1) {
        rc = 0;
        if (r.left == 0) {
            return match_reader_next(&r, &row, &e);
        }
    }
    return rc;
}

static void damage_is_refused(void **state)
{
    (void)state;
    struct match_writer *w = match_writer_new();
    struct arena scratch;
    struct buf b;
    arena_init(&scratch, 0);
    buf_init(&b, MATCHES_MAX_BYTES);
    fill(w, SPAN("10.0.0.1"));
    match_writer_seal(w, place, NULL, &b);
    assert_int_equal(read_all(buf_view(&b), &scratch), 0);
    for (size_t cut = 0; cut < b.len; cut++) {
        char *exact = mem_alloc(b.len);
        memcpy(exact, b.data, b.len);
        assert_int_equal(read_all(span_make(exact, cut), &scratch), ERR_INVALID);
        exact[cut] = (char)(exact[cut] ^ 0x80);
        (void)read_all(span_make(exact, b.len), &scratch);
        mem_free(exact);
        arena_reset(&scratch);
    }
    buf_u8(&b, 0);
    assert_int_equal(read_all(buf_view(&b), &scratch), ERR_INVALID);
    buf_free(&b);
    arena_fini(&scratch);
    match_writer_free(&w);
}

/* One event may match a thousand rules that ask for long values: what does not fit is said, and the body stays in bounds. */
static void room_is_bounded(void **state)
{
    (void)state;
    enum { FIELDS = 100 };
    static char text[MATCH_VALUE_MAX];
    struct match_writer *w = match_writer_new();
    struct span fields[FIELDS];
    struct span values[FIELDS];
    struct arena scratch;
    struct buf b;
    memset(text, 'v', sizeof text);
    for (size_t i = 0; i < FIELDS; i++) {
        fields[i] = SPAN("field");
        values[i] = span_make(text, sizeof text);
    }
    struct match_in m = {.rule = SPAN("r"), .nfields = FIELDS, .fields = fields, .values = values};
    uint32_t added = 0;
    while (match_writer_add(w, &m)) {
        m.rule_number = ++added;
    }
    assert_in_range(added, 10, 30);
    m.nfields = 0; /* a small one still fits */
    assert_true(match_writer_add(w, &m));
    arena_init(&scratch, 0);
    buf_init(&b, MATCHES_MAX_BYTES);
    match_writer_seal(w, place, NULL, &b);
    assert_false(b.failed);
    assert_int_equal(read_all(buf_view(&b), &scratch), 0);
    buf_free(&b);
    arena_fini(&scratch);
    match_writer_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(same_comes_out), cmocka_unit_test(damage_is_refused),
                                       cmocka_unit_test(room_is_bounded)};
    return cmocka_run_group_tests_name("match codec", tests, NULL, NULL);
}
