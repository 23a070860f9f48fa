/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of migrations: from each older version to today, undone on failure, refused when newer. */
#include <string.h>

#include "records/migrate.h"
#include "records/records.h"
#include "records/records_test.h"

static struct db *empty_db(void)
{
    struct db *db = NULL;
    struct err e = {0};
    assert_int_equal(db_open(":memory:", &e, &db), 0);
    return db;
}

static int64_t version_of(struct db *db)
{
    int64_t version = -1;
    struct err e = {0};
    assert_int_equal(migrate_version(db, &e, &version), 0);
    return version;
}

static void each_older_version_arrives(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    for (size_t from = 0; from <= count; from++) {
        struct db *db = empty_db();
        struct err e = {0};
        assert_int_equal(migrate_run(db, list, from, TEST_NOW, &e), 0);
        assert_int_equal(version_of(db), from);
        if (from > 0) {
            assert_int_equal(db_exec(db, "INSERT INTO setting VALUES ('kept', 'yes', 1)", &e), 0);
        }
        assert_int_equal(migrate_run(db, list, count, TEST_NOW, &e), 0);
        assert_int_equal(version_of(db), count);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM schema_version"), count);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM setting"), from > 0 ? 1 : 0);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM rule_text"), 0);
        assert_int_equal(migrate_run(db, list, count, TEST_NOW, &e), 0); /* nothing to do is fine */
        db_close(&db);
    }
}

static void failure_undoes_the_whole_step(void **state)
{
    (void)state;
    const struct migration list[] = {
        {"good", "CREATE TABLE one (a BIGINT)"},
        {"bad",
         "CREATE TABLE two (a BIGINT); INSERT INTO one VALUES (7); SELECT nonsense FROM nowhere"},
    };
    struct db *db = empty_db();
    struct err e = {0};
    assert_true(migrate_run(db, list, 2, TEST_NOW, &e) < 0);
    assert_non_null(strstr(e.text, "migration 2 (bad)"));
    assert_int_equal(version_of(db), 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM one"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'two'"), 0);
    db_close(&db);
}

static void newer_database_is_refused(void **state)
{
    (void)state;
    const char *path = test_path("c.db");
    struct db *db = NULL;
    struct err e = {0};
    assert_int_equal(records_open(path, TEST_NOW, &e, &db), 0);
    assert_int_equal(db_exec(db, "INSERT INTO schema_version VALUES (9999, 'future', 1)", &e), 0);
    db_close(&db);
    assert_int_equal(records_open(path, TEST_NOW, &e, &db), ERR_UNSUPPORTED);
    assert_null(db);
    assert_non_null(strstr(e.text, "newer program"));
}

int run_migrate_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_older_version_arrives),
        cmocka_unit_test(failure_undoes_the_whole_step),
        cmocka_unit_test(newer_database_is_refused),
    };
    return cmocka_run_group_tests_name("records/migrate", tests, NULL, NULL);
}
