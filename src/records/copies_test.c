/* SPDX-License-Identifier: EUPL-1.2 */
/* Days at one place and another, a failure that lasts and one that ended, a setting that somebody else wrote. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_places), cmocka_unit_test(test_failures)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
