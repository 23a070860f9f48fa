/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads of sensitive records: stored once each, paged without gap or double, of the places asked for alone, gone after their days; no message beyond its bounds is taken. */
#include <stdio.h>
#include <string.h>

#include "base/test_cases.h"
#include "records/reads.h"
#include "records/records_test.h"

static struct err e;

static const struct policy_places town = {1, {SPAN("town")}};

static void put(struct db *db, const char *organisation, const char *ids, time_ns at)
{
    const struct read_note n = {.at = at, .organisation = span_of(organisation), .who = SPAN("bea"), .kind = SPAN("person"), .way = SPAN("list"), .why = SPAN(""),
                                .ids = span_of(ids), .count = 3, .persons = true};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, reads_put(db, &n, &e), &e), 0);
}

static void pages(void **state)
{
    enum { ROWS = 25, PAGE = 4 };
    struct db *db = test_db();
    struct arena a;
    int64_t before = 0;
    int want = ROWS - 1;
    struct read_note *rows = NULL;
    uint32_t n = 0;
    (void)state;
    arena_init(&a, 0);
    for (int i = 0; i < ROWS; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "%d", i);
        put(db, i % 5 == 0 ? "harbour" : "town", id, TEST_NOW + i * TIME_DAY);
    }
    do {
        assert_int_equal(reads_page(db, &town, before, PAGE, &a, &rows, &n, &before, &e), 0);
        for (uint32_t i = 0; i < n; i++, want--) {
            char id[16];
            want -= want % 5 == 0;
            (void)snprintf(id, sizeof id, "%d", want);
            assert_true(span_eq(rows[i].ids, span_of(id)) && span_eq(rows[i].organisation, SPAN("town")) && rows[i].persons && !rows[i].red && rows[i].count == 3);
        }
    } while (before > 0);
    assert_int_equal(want, 0);
    assert_int_equal(reads_page(db, &policy_whole_node, 0, READS_PAGE_MAX, &a, &rows, &n, &before, &e), 0);
    assert_int_equal(n, ROWS);
    assert_int_equal(before, 0);
    assert_int_equal(reads_sweep(db, TEST_NOW + (READS_KEPT_DAYS + 5) * TIME_DAY, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM sensitive_read"), ROWS - 5);
    put(db, "town", "next", TEST_NOW);
    assert_int_equal(test_number(db, "SELECT MAX(number) FROM sensitive_read"), ROWS + 1);
    db_close(&db);
    arena_fini(&a);
}

static void messages(void **state)
{
    static char long_text[READS_IDS_MAX * (READS_ID_MAX + 1) + 2];
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    static const struct {
        bool ids, who, kind, organisation, count, good;
    } cases[] = {{false, true, true, true, true, true},   {true, true, true, true, true, false},  {false, false, true, true, true, false},
                 {false, true, false, true, true, false}, {false, true, true, false, true, false}, {false, true, true, true, false, false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct read_note n = {.at = 7, .organisation = cases[i].organisation ? SPAN("town") : SPAN(""), .who = cases[i].who ? SPAN("bea") : SPAN(""),
                              .kind = cases[i].kind ? SPAN("risk") : SPAN(""), .way = SPAN("record"), .why = SPAN("case 47"), .count = cases[i].count,
                              .ids = cases[i].ids ? span_of(long_text) : SPAN("a b"), .red = true};
        struct read_note got;
        struct buf b;
        buf_init(&b, 1 << 16);
        read_note_encode(&b, &n);
        struct cursor c = cursor_of(buf_view(&b));
        read_note_decode(&c, &got);
        assert_int_equal(cursor_done(&c), cases[i].good);
        assert_true(!cases[i].good || (got.red && !got.persons && got.at == 7 && span_eq(got.ids, n.ids) && span_eq(got.why, n.why)));
        for (size_t len = 0; len < b.len; len++) {
            c = cursor_of(span_sub(buf_view(&b), 0, len));
            read_note_decode(&c, &got);
            assert_false(cursor_done(&c));
        }
        buf_free(&b);
    }
}

int run_reads_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(messages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
