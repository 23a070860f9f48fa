/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of legal holds: their life, whose they are, their trail, their bytes. */
#include <string.h>

#include "records/holds.h"
#include "records/records_test.h"

static struct err e;

static struct hold make(const char *id, const char *organisation)
{
    return (struct hold){.id = span_of(id),
                         .organisation = span_of(organisation),
                         .source = SPAN("fw"),
                         .first_day = 20779,
                         .last_day = 20780,
                         .reason = SPAN("case 4711"),
                         .who = SPAN("ana"),
                         .created = TEST_NOW,
                         .lifted = TIME_NONE};
}

static size_t count(struct db *db, const char *organisation, bool all, struct hold **out)
{
    static struct arena arena;
    static bool ready;
    size_t n = 0;
    if (!ready) {
        arena_init(&arena, 0);
        ready = true;
    }
    arena_reset(&arena);
    assert_int_equal(holds_list(db, span_of(organisation), all, &arena, out, &n, &e), 0);
    return n;
}

static void life(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct hold *list;
    struct hold town = make("1", "town");
    struct hold node = make("2", "*");
    assert_int_equal(hold_set(db, &town, &e), 0);
    assert_int_equal(hold_set(db, &node, &e), 0);
    assert_true(hold_set(db, &town, &e) < 0); /* the same id */
    assert_int_equal(count(db, "*", false, &list), 2);
    assert_int_equal(count(db, "town", false, &list), 2); /* the node's own binds it too */
    assert_int_equal(count(db, "other", false, &list), 1);
    assert_int_equal(hold_lift(db, SPAN("other"), SPAN("1"), SPAN("bob"), SPAN("over"), TEST_NOW + 1, &e), ERR_NOT_FOUND);
    assert_int_equal(hold_lift(db, SPAN("town"), SPAN("2"), SPAN("bob"), SPAN("over"), TEST_NOW + 1, &e), ERR_NOT_FOUND);
    assert_int_equal(hold_lift(db, SPAN("town"), SPAN("1"), SPAN("bob"), SPAN(""), TEST_NOW + 1, &e), ERR_INVALID);
    assert_int_equal(hold_lift(db, SPAN("town"), SPAN("1"), SPAN("bob"), SPAN("over"), TEST_NOW + 1, &e), 0);
    assert_int_equal(hold_lift(db, SPAN("*"), SPAN("1"), SPAN("bob"), SPAN("over"), TEST_NOW + 2, &e), ERR_NOT_FOUND);
    assert_int_equal(count(db, "*", false, &list), 1);
    assert_int_equal(count(db, "town", true, &list), 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'hold.set'"), 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'hold.lifted' AND who = 'bob'"), 1);
    db_close(&db);
}

static void refused(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct hold h = make("1", "town");
    h.reason = SPAN("");
    assert_int_equal(hold_set(db, &h, &e), ERR_INVALID);
    h = make("1", "");
    assert_int_equal(hold_set(db, &h, &e), ERR_INVALID);
    h = make("1", "town");
    h.last_day = h.first_day - 1;
    assert_int_equal(hold_set(db, &h, &e), ERR_INVALID);
    h.last_day = INT64_MAX;
    assert_int_equal(hold_set(db, &h, &e), ERR_INVALID);
    db_close(&db);
}

static void bytes(void **state)
{
    (void)state;
    struct hold h = make("1", "town");
    struct hold got;
    struct buf b;
    buf_init(&b, 4096);
    hold_encode(&b, &h);
    struct cursor c = cursor_of(buf_view(&b));
    hold_decode(&c, &got);
    assert_true(cursor_done(&c) && span_eq(got.reason, h.reason) && got.last_day == h.last_day && got.lifted == TIME_NONE);
    c = cursor_of(span_sub(buf_view(&b), 0, b.len - 1));
    hold_decode(&c, &got);
    assert_false(cursor_done(&c));
    buf_free(&b);
}

int run_hold_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(life), cmocka_unit_test(refused), cmocka_unit_test(bytes)};
    return cmocka_run_group_tests_name("holds", tests, NULL, NULL);
}
