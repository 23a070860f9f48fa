/* SPDX-License-Identifier: EUPL-1.2 */
/* Days at one place and another, a failure that lasts and one that ended, a setting that somebody else wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "records/copies.h"
#include "records/records.h"
#include "records/settings.h"

static struct err e;

static struct db *open_records(void)
{
    struct db *db = NULL;
    assert_int_equal(records_open(":memory:", 1, &e, &db), 0);
    return db;
}

static void expect_days(struct db *db, struct span place, const int32_t *want, size_t n)
{
    struct arena a;
    int32_t *got = NULL;
    size_t count = 0;
    arena_init(&a, 0);
    assert_int_equal(copies_days(db, place, &a, &got, &count, &e), 0);
    assert_int_equal(count, n);
    for (size_t i = 0; i < n; i++) {
        assert_int_equal(got[i], want[i]);
    }
    arena_fini(&a);
}

static void test_places(void **state)
{
    (void)state;
    static const struct copy_day days[] = {{20001, 70, 300, {"bb", 2}}, {20000, 60, 200, {"aa", 2}}};
    struct db *db = open_records();
    struct copy_state s;
    expect_days(db, SPAN("/a"), NULL, 0);
    assert_int_equal(copies_state(db, SPAN("/a"), &s, &e), 0);
    assert_true(s.days == 0 && s.bytes == 0 && s.newest == INT32_MIN && s.at == TIME_NONE && s.failed_at == TIME_NONE);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(copies_put(db, SPAN("/a"), &days[i], &e), 0);
        assert_int_equal(copies_put(db, SPAN("/a"), &days[i], &e), 0); /* told twice: one */
    }
    assert_int_equal(copies_put(db, SPAN("/b"), &days[1], &e), 0);
    expect_days(db, SPAN("/a"), (const int32_t[]){20000, 20001}, 2);
    expect_days(db, SPAN("/b"), (const int32_t[]){20000}, 1);
    struct arena a;
    struct copy_day *rows = NULL;
    size_t n = 0;
    arena_init(&a, 0);
    assert_int_equal(copies_rows(db, SPAN("/a"), &a, &rows, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_true(rows[1].day == 20001 && rows[1].at == 70 && rows[1].bytes == 300 && span_eq(rows[1].hash, SPAN("bb")));
    assert_int_equal(copies_rows(db, SPAN("/c"), &a, &rows, &n, &e), 0);
    assert_int_equal(n, 0);
    arena_fini(&a);
    assert_int_equal(copies_state(db, SPAN("/a"), &s, &e), 0);
    assert_true(s.days == 2 && s.bytes == 500 && s.newest == 20001 && s.at == 70);
    assert_int_equal(copies_state(db, SPAN(""), &s, &e), 0);
    assert_true(s.days == 3 && s.bytes == 700);
    db_close(&db);
}

static void test_failures(void **state)
{
    (void)state;
    struct db *db = open_records();
    struct copy_state s;
    char longest[2 * COPY_WHY_MAX];
    memset(longest, 'x', sizeof longest);
    assert_int_equal(copies_failed(db, SPAN("it is full"), 5, &e), 0);
    assert_int_equal(copies_failed(db, SPAN("it is gone"), 9, &e), 0);
    assert_int_equal(copies_state(db, SPAN("/a"), &s, &e), 0);
    assert_true(s.failed_at == 5);
    assert_string_equal(s.why, "it is gone");
    assert_int_equal(copies_failed(db, span_make(longest, sizeof longest), 9, &e), 0);
    assert_int_equal(copies_state(db, SPAN("/a"), &s, &e), 0);
    assert_true(s.failed_at == 5 && strlen(s.why) == COPY_WHY_MAX - 1);
    assert_int_equal(copies_put(db, SPAN("/a"), &(struct copy_day){1, 12, 3, SPAN("aa")}, &e), 0);
    assert_int_equal(copies_state(db, SPAN("/a"), &s, &e), 0);
    assert_true(s.failed_at == TIME_NONE && s.why[0] == '\0');
    assert_int_equal(settings_put(db, SPAN("copy.failed"), SPAN("yesterday"), 1, &e), 0);
    assert_int_equal(copies_state(db, SPAN("/a"), &s, &e), ERR_INVALID);
    db_close(&db);
}

static void test_health(void **state)
{
    (void)state;
    enum { TODAY = 20010 };
    const time_ns now = TODAY * TIME_DAY + 7;
    static const struct {
        const char *place, *kind;
        bool key;
        time_ns failed_at;
        int64_t waiting;
        int32_t oldest;
        enum copy_health want;
    } rows[] = {
        {"", NULL, true, 5, 9, 20000, COPY_HEALTH_NONE},
        {"/mnt/safe", "folder", false, 5, 9, 20000, COPY_HEALTH_NO_KEY},
        {"sftp://a@b/c", "sftp", true, 5, 9, 20000, COPY_HEALTH_FAILS},
        {"s3://b", "s3", true, TIME_NONE, 2, TODAY - 2, COPY_HEALTH_LATE},
        {"s3://b", "s3", true, TIME_NONE, 1, TODAY - 1, COPY_HEALTH_FINE},
        {"s3://b", "s3", true, TIME_NONE, 0, INT32_MIN, COPY_HEALTH_FINE},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct copy_report r = {.place = span_of(rows[i].place), .has_key = rows[i].key, .state = {.failed_at = rows[i].failed_at},
                                      .waiting = rows[i].waiting, .oldest = rows[i].oldest};
        assert_int_equal(copies_health(&r, now), rows[i].want);
        if (rows[i].kind != NULL) {
            assert_string_equal(copy_place_kind(r.place), rows[i].kind);
        }
    }
    assert_string_equal(copy_health_name(COPY_HEALTH_NO_KEY), "no_key");
    assert_string_equal(copy_health_name(COPY_HEALTH_FINE), "fine");
}

static void test_report_travels(void **state)
{
    (void)state;
    struct copy_report r = {.place = SPAN("s3://b"), .has_key = true, .waiting = 3, .oldest = 20000,
                            .state = {.days = 7, .bytes = 8, .newest = 19999, .at = 9, .failed_at = TIME_NONE}};
    struct copy_report got;
    struct buf b;
    (void)snprintf(r.state.why, sizeof r.state.why, "it is full");
    buf_init(&b, 4096);
    copy_report_encode(&b, &r);
    struct cursor c = cursor_of(buf_view(&b));
    copy_report_decode(&c, &got);
    assert_true(cursor_done(&c) && span_eq(got.place, r.place) && got.has_key && got.waiting == 3 && got.oldest == 20000);
    assert_true(got.state.days == 7 && got.state.bytes == 8 && got.state.newest == 19999 && got.state.at == 9 && got.state.failed_at == TIME_NONE);
    assert_string_equal(got.state.why, "it is full");
    for (size_t cut = 0; cut < b.len; cut++) {
        c = cursor_of(span_sub(buf_view(&b), 0, cut));
        copy_report_decode(&c, &got);
        assert_false(cursor_done(&c));
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_failures), cmocka_unit_test(test_health),
                                       cmocka_unit_test(test_report_travels)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
