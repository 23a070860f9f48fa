/* SPDX-License-Identifier: EUPL-1.2 */
/* What was done last is read back as it was written; what was never done, and what cannot be read, is told apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "records/records.h"
#include "records/settings.h"
#include "records/upkeep.h"

static struct db *open_records(void)
{
    struct db *db = NULL;
    struct err e = {0};
    assert_int_equal(records_open(":memory:", 1, &e, &db), 0);
    return db;
}

static void test_there_and_back(void **state)
{
    (void)state;
    struct db *db = open_records();
    struct err e = {0};
    struct upkeep got;
    const struct upkeep backup = {.at = 5 * TIME_DAY, .items = 12, .bytes = UINT64_MAX, .faults = 1, .place = "/mnt/a b  c"};
    const struct upkeep verify = {.at = 6 * TIME_DAY, .items = 7};
    for (int kind = 0; kind < UPKEEP_KIND_COUNT; kind++) {
        assert_int_equal(upkeep_get(db, (enum upkeep_kind)kind, &got, &e), 0);
        assert_true(got.at == TIME_NONE);
    }
    assert_int_equal(upkeep_put(db, UPKEEP_BACKUP, &(struct upkeep){.at = 1}, &e), 0);
    assert_int_equal(upkeep_put(db, UPKEEP_BACKUP, &backup, &e), 0);
    assert_int_equal(upkeep_put(db, UPKEEP_VERIFY, &verify, &e), 0);
    assert_int_equal(upkeep_get(db, UPKEEP_BACKUP, &got, &e), 0);
    assert_true(got.at == backup.at && got.items == 12 && got.bytes == UINT64_MAX && got.faults == 1);
    assert_string_equal(got.place, backup.place);
    assert_int_equal(upkeep_get(db, UPKEEP_VERIFY, &got, &e), 0);
    assert_true(got.at == verify.at && got.items == 7 && got.bytes == 0 && got.place[0] == '\0');
    db_close(&db);
}

static void test_what_cannot_be_read(void **state)
{
    (void)state;
    static const char *const bad[] = {"", "x", "1", "1 2 3", "1 2 3 4", "1 2 3 -4 ", "1 2 3 99999999999999999999 ", "x 2 3 4 /p"};
    struct db *db = open_records();
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        struct upkeep got;
        assert_int_equal(settings_put(db, SPAN("upkeep.verify"), span_of(bad[i]), 1, &e), 0);
        assert_int_equal(upkeep_get(db, UPKEEP_VERIFY, &got, &e), ERR_INVALID);
        assert_true(got.at == TIME_NONE);
    }
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_what_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
