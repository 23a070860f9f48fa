/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the time that is trusted: how far the clock may be from it, what is noted of a doubt, and how it ends. */
#include "records/trusted_time.h"

#include "records/audit.h"
#include "records/records_test.h"

enum { MOST = TRUSTED_TIME_DAYS };

static struct err e;

static enum trusted_state pass(struct db *db, time_ns now)
{
    struct trusted_time t, again;
    assert_int_equal(trusted_time_pass(db, now, &t, &e), 0);
    assert_int_equal(trusted_time_get(db, now, &again, &e), 0);
    assert_true(again.state == t.state && again.newest == t.newest && again.doubted == t.doubted);
    assert_int_equal(t.doubted != TIME_NONE, t.state != TIME_FITS);
    return t.state;
}

static void steps(void **state)
{
    (void)state;
    static const struct {
        int64_t after; /* seconds, from the first look on */
        enum trusted_state state;
    } cases[] = {
        {0, TIME_FITS},         {MOST * 86400, TIME_FITS},           {MOST * 86400 + 1, TIME_AHEAD}, {-MOST * 86400, TIME_FITS},
        {-MOST * 86400 - 1, TIME_BEHIND}, {5 * 365 * 86400L, TIME_AHEAD}, {-40 * 365 * 86400L, TIME_BEHIND}, {3599, TIME_FITS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db *db = test_db();
        assert_int_equal(pass(db, TEST_NOW), TIME_FITS);
        assert_int_equal(pass(db, TEST_NOW + cases[i].after * TIME_SECOND), cases[i].state);
        db_close(&db);
    }
}

/* Day after day it moves on; a jump is told once; back again, all is well. */
static void ahead_and_back(void **state)
{
    (void)state;
    struct db *db = test_db();
    const time_ns jump = TEST_NOW + 3650 * TIME_DAY;
    for (int64_t day = 0; day < 3 * MOST; day++) {
        assert_int_equal(pass(db, TEST_NOW + day * TIME_DAY), TIME_FITS);
    }
    for (int64_t day = 0; day < MOST; day++) {
        assert_int_equal(pass(db, jump + day * TIME_DAY), TIME_AHEAD);
    }
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.waits' AND who = 'sereno'"), 1);
    assert_int_equal(pass(db, TEST_NOW + 3 * MOST * TIME_DAY), TIME_FITS);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.goes_on'"), 1);
    assert_int_equal(pass(db, jump), TIME_AHEAD);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.waits'"), 2);
    assert_int_equal(audit_verify(db, &e, &(int64_t){0}), 0);
    db_close(&db);
}

/* A clock that goes on for 14 days from where it jumped to is the clock; one that jumps again, stands, goes back or was not looked at is not. */
static void believed_after_days(void **state)
{
    (void)state;
    static const struct {
        int64_t hours; /* a look each */
        int64_t jump;  /* days, in the middle of them */
        enum trusted_state state;
    } cases[] = {
        {MOST * 24, 0, TIME_FITS}, {MOST * 24 - 1, 0, TIME_AHEAD}, {MOST * 24, 2, TIME_AHEAD}, {MOST * 24, -1, TIME_AHEAD}, {MOST * 48, 40, TIME_FITS},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db *db = test_db();
        time_ns now = TEST_NOW + 400 * TIME_DAY;
        assert_int_equal(pass(db, TEST_NOW), TIME_FITS);
        assert_int_equal(pass(db, now), TIME_AHEAD);
        for (int64_t h = 1; h <= cases[i].hours; h++) {
            now += 3600 * TIME_SECOND + (h == cases[i].hours / 2 ? cases[i].jump * TIME_DAY : 0);
            enum trusted_state got = pass(db, now);
            assert_int_equal(got, h < cases[i].hours && got != TIME_FITS ? TIME_AHEAD : cases[i].state);
        }
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.goes_on'"), cases[i].state == TIME_FITS);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.waits'"), 1);
        db_close(&db);
    }
}

static void confirmed(void **state)
{
    (void)state;
    struct db *db = test_db();
    const time_ns later = TEST_NOW + 100 * TIME_DAY;
    assert_int_equal(trusted_time_confirm(db, SPAN("Anna"), SPAN("it is right"), TEST_NOW, &e), ERR_EXISTS); /* nobody doubts it */
    assert_int_equal(pass(db, TEST_NOW), TIME_FITS);
    assert_int_equal(pass(db, later), TIME_AHEAD);
    assert_int_equal(trusted_time_confirm(db, SPAN("Anna"), SPAN(""), later, &e), ERR_INVALID);
    assert_int_equal(trusted_time_confirm(db, SPAN("Anna"), SPAN("the node stood still"), later, &e), 0);
    assert_int_equal(pass(db, later), TIME_FITS);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.clock_confirmed' AND who = 'Anna' AND why = 'the node stood still'"), 1);
    assert_int_equal(pass(db, TEST_NOW), TIME_BEHIND); /* it was wrong after all: a person says so again */
    assert_int_equal(trusted_time_confirm(db, SPAN("Anna"), SPAN("now it is right"), TEST_NOW, &e), 0);
    assert_int_equal(pass(db, TEST_NOW + TIME_DAY), TIME_FITS);
    assert_int_equal(pass(db, later), TIME_AHEAD);
    db_close(&db);
}

/* A node of before asks the first time: the newest of its trail and its sources counts, not the clock. */
static void first_look(void **state)
{
    (void)state;
    static const struct {
        int trail, received; /* days before the look; -1 = nothing */
        enum trusted_state state;
    } cases[] = {{-1, -1, TIME_FITS}, {1, -1, TIME_FITS}, {400, -1, TIME_AHEAD}, {400, 0, TIME_FITS}, {-1, 20, TIME_AHEAD}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct db *db = test_db();
        struct db_stmt *s = NULL;
        struct audit_entry entry = {.at = TEST_NOW - cases[i].trail * TIME_DAY, .organisation = SPAN("*"), .who = SPAN("Anna"), .what = SPAN("hold.set")};
        if (cases[i].trail >= 0) {
            assert_int_equal(db_begin(db, &e), 0);
            assert_int_equal(db_end(db, audit_append(db, &entry, &e), &e), 0);
        }
        if (cases[i].received >= 0) {
            assert_int_equal(db_query(db, "INSERT INTO source_counter (name, kind, product, category, service, organisation, events, dropped, anomalies, last_event) "
                                          "VALUES ('fw', '', '', '', '', 'town', 1, 0, 0, $1)", &e, &s), 0);
            db_bind_i64(s, 1, TEST_NOW - cases[i].received * TIME_DAY);
            assert_int_equal(db_run(s, &e), 0);
        }
        assert_int_equal(pass(db, TEST_NOW), cases[i].state);
        db_close(&db);
    }
}

int run_trusted_time_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(steps), cmocka_unit_test(ahead_and_back), cmocka_unit_test(believed_after_days), cmocka_unit_test(confirmed), cmocka_unit_test(first_look)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
