/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of hunts: their life, whose they are, their bytes. */
#include <stdio.h>
#include <string.h>

#include "records/hunts.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

static struct hunt_row make(struct db *db, int i, const char *organisation)
{
    struct hunt_row row = {.id = span_of(arena_printf(&arena, "00000000-0000-7000-8000-%012d", i)),
                           .organisation = span_of(arena_strdup(&arena, organisation)),
                           .who = SPAN("ana"),
                           .why = SPAN("warning 17"),
                           .problem = SPAN(""),
                           .status = HUNT_STATUS_WAITING,
                           .created = TEST_NOW + i,
                           .finished = TIME_NONE,
                           .retained_from = TIME_NONE,
                           .retained_to = TIME_NONE};
    assert_int_equal(hunts_create(db, &row, SPAN("definition"), SPAN(""), &e), 0);
    return row;
}

static void life(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct hunt_row row = make(db, 1, "town");
    struct hunt_row *rows = NULL;
    struct hunt_row got;
    struct span definition;
    struct span tally;
    struct span result;
    size_t n = 0;
    row.status = HUNT_STATUS_RUNNING;
    row.day = 20780;
    row.block = 5;
    row.blocks_done = 5;
    assert_int_equal(hunts_progress(db, &row, SPAN("tally"), SPAN("so far"), &e), 0);
    assert_int_equal(hunts_open(db, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].block, 5);
    assert_int_equal(
        hunts_get(db, &(const struct policy_places){1, {SPAN("town")}}, row.id, &arena, &got, &definition, &tally, &result, &e), 0);
    assert_true(span_eq(definition, SPAN("definition")) && span_eq(tally, SPAN("tally")));
    assert_true(span_eq(result, SPAN("so far")));
    row.status = HUNT_STATUS_DONE;
    row.finished = TEST_NOW + 10;
    assert_int_equal(hunts_finish(db, &row, SPAN("all"), SPAN("sereno"), &e), 0);
    assert_int_equal(hunts_open(db, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(hunts_get(db, &(const struct policy_places){1, {SPAN("*")}}, row.id, &arena, &got, NULL, &tally, &result, &e), 0);
    assert_int_equal(got.status, HUNT_STATUS_DONE);
    assert_int_equal(tally.len, 0);
    assert_true(span_eq(result, SPAN("all")) && got.finished == row.finished);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'hunt.started' AND "
                                     "why = 'warning 17'"),
                     1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'hunt.done'"), 1);
    struct hunt_row none = row;
    none.id = SPAN("00000000-0000-7000-8000-999999999999");
    assert_int_equal(hunts_finish(db, &none, SPAN(""), SPAN("x"), &e), ERR_NOT_FOUND);
    db_close(&db);
}

static void whose(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct hunt_row *rows = NULL;
    struct hunt_row got;
    size_t n = 0;
    struct hunt_row a = make(db, 1, "town");
    (void)make(db, 2, "village");
    assert_int_equal(hunts_list(db, &(const struct policy_places){1, {SPAN("town")}}, 10, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(hunts_list(db, &(const struct policy_places){1, {SPAN("*")}}, 10, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_true(span_eq(rows[0].organisation, SPAN("village"))); /* newest first */
    assert_int_equal(hunts_list(db, &(const struct policy_places){1, {SPAN("*")}}, 1, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(hunts_get(db, &(const struct policy_places){1, {SPAN("village")}}, a.id, &arena, &got, NULL, NULL, NULL, &e),
                     ERR_NOT_FOUND);
    for (int i = 3; i <= HUNTS_OPEN_MAX; i++) {
        (void)make(db, i, "town");
    }
    a.id = SPAN("00000000-0000-7000-8000-000000099999");
    assert_int_equal(hunts_create(db, &a, SPAN("d"), SPAN(""), &e), ERR_LIMIT);
    db_close(&db);
}

static void codec(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct hunt_row row = make(db, 7, "town");
    struct hunt_row back;
    struct buf b;
    buf_init(&b, 4096);
    hunt_row_encode(&b, &row);
    struct cursor c = cursor_of(buf_view(&b));
    hunt_row_decode(&c, &back);
    assert_true(cursor_done(&c) && span_eq(back.why, row.why) && back.created == row.created);
    for (size_t n = 0; n < b.len; n++) {
        c = cursor_of(span_make(b.data, n));
        hunt_row_decode(&c, &back);
        assert_true(c.failed);
    }
    buf_clear(&b);
    row.status = HUNT_STATUS_COUNT;
    hunt_row_encode(&b, &row);
    c = cursor_of(buf_view(&b));
    hunt_row_decode(&c, &back);
    assert_true(c.failed);
    buf_free(&b);
    db_close(&db);
}

int run_hunt_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(life),
        cmocka_unit_test(whose),
        cmocka_unit_test(codec),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("hunts", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
