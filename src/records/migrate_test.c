/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of migrations: from each older version to today, undone on failure, refused when newer. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

static void failure_undoes_all_steps(void **state)
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
    assert_int_equal(version_of(db), 0);
    assert_false(db_in_transaction(db));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('one', 'two')"), 0);
    assert_int_equal(migrate_run(db, list, 1, TEST_NOW, &e), 0); /* and nothing stands in the way of the first alone */
    assert_int_equal(version_of(db), 1);
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


/* Every table that stands after `from` migrations, with one row of values that no default has; but for the proofs, which the program makes. */
static void fill_all_tables(struct db *db, char tables[][64], size_t *count_out)
{
    struct err e = {0};
    struct db_stmt *s = NULL;
    *count_out = 0;
    assert_int_equal(db_query(db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT IN ('schema_version', 'row_proof', 'proof_chain')", &e, &s), 0);
    while (db_step(s, &e) > 0) {
        assert_true(*count_out < 100);
        (void)snprintf(tables[(*count_out)++], 64, "%.*s", SPAN_ARG(db_col_text(s, 0)));
    }
    for (size_t i = 0; i < *count_out; i++) {
        char sql[4096];
        char columns[2048] = "", values[2048] = "";
        (void)snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s')", tables[i]);
        assert_int_equal(db_query(db, sql, &e, &s), 0);
        for (size_t n = 0; db_step(s, &e) > 0; n++) {
            struct span type = db_col_text(s, 1);
            const char *value = span_eq(type, SPAN("BIGINT")) ? "7919" : span_eq(type, SPAN("TEXT")) ? "'a city''s own'" : "x'0badcafe'";
            assert_true(strlen(columns) + db_col_text(s, 0).len + 4 < sizeof columns && strlen(values) + 24 < sizeof values);
            (void)snprintf(columns + strlen(columns), sizeof columns - strlen(columns), "%s%.*s", n > 0 ? ", " : "", SPAN_ARG(db_col_text(s, 0)));
            (void)snprintf(values + strlen(values), sizeof values - strlen(values), "%s%s", n > 0 ? ", " : "", value);
        }
        assert_true((size_t)snprintf(sql, sizeof sql, "INSERT INTO %s (%s) VALUES (%s)", tables[i], columns, values) < sizeof sql);
        if (db_exec(db, sql, &e) < 0) {
            fail_msg("%s: %s", sql, e.text);
        }
        (void)snprintf(sql, sizeof sql, "CREATE TEMP TABLE was_%s AS SELECT * FROM %s", tables[i], tables[i]);
        assert_int_equal(db_exec(db, sql, &e), 0);
    }
}

/* The row is there as it was in every column it had, or the table was renamed by a migration that says so here. */
static void row_is_as_it_was(struct db *db, const char *table, size_t from)
{
    char sql[4096], columns[2048] = "";
    struct err e = {0};
    struct db_stmt *s = NULL;
    (void)snprintf(sql, sizeof sql, "SELECT name FROM pragma_table_info('was_%s')", table);
    assert_int_equal(db_query(db, sql, &e, &s), 0);
    for (size_t n = 0; db_step(s, &e) > 0; n++) {
        (void)snprintf(columns + strlen(columns), sizeof columns - strlen(columns), "%s%.*s", n > 0 ? ", " : "", SPAN_ARG(db_col_text(s, 0)));
    }
    assert_true(columns[0] != '\0');
    (void)snprintf(sql, sizeof sql, "SELECT (SELECT COUNT(*) FROM %s) * 10 + COUNT(*) FROM (SELECT %s FROM %s INTERSECT SELECT %s FROM was_%s)",
                   table, columns, table, columns, table);
    if (test_number(db, sql) != 11) {
        fail_msg("migrations after %zu change what a city keeps in %s", from, table);
    }
}

/* No upgrade resets a setting, or anything else that a city has: every table, from every version. */
static void no_upgrade_resets_anything(void **state)
{
    (void)state;
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    for (size_t from = 1; from < count; from++) {
        static char tables[100][64];
        size_t ntables = 0;
        struct db *db = empty_db();
        struct err e = {0};
        assert_int_equal(db_exec(db, "PRAGMA foreign_keys = OFF", &e), 0);
        assert_int_equal(migrate_run(db, list, from, TEST_NOW, &e), 0);
        fill_all_tables(db, tables, &ntables);
        assert_true(ntables >= 5);
        if (migrate_run(db, list, count, TEST_NOW, &e) != 0) {
            fail_msg("from %zu: %s", from, e.text);
        }
        for (size_t i = 0; i < ntables; i++) {
            row_is_as_it_was(db, tables[i], from);
        }
        db_close(&db);
    }
}

static const struct migration steps[] = {
    {"first", "CREATE TABLE one (a BIGINT); INSERT INTO one VALUES (7)"},
    {"second", "INSERT INTO one VALUES (8)"},
    {"third", "CREATE TABLE two (a BIGINT); DELETE FROM one"},
    {"broken", "CREATE TABLE three (a BIGINT); DROP TABLE one; SELECT nonsense FROM nowhere"},
};

static int64_t count_in_copy(const char *path, int64_t version)
{
    char copy[RECORDS_PATH_MAX];
    struct db *db = NULL;
    struct err e = {0};
    assert_true(records_copy_path(path, version, copy));
    if (access(copy, F_OK) != 0) {
        return -1;
    }
    assert_int_equal(db_open(copy, &e, &db), 0);
    assert_int_equal(version_of(db), version);
    int64_t n = test_number(db, "SELECT COUNT(*) FROM one");
    db_close(&db);
    return n;
}

static void a_copy_is_kept_before(void **state)
{
    (void)state;
    const char *path = test_path("d.db");
    struct db *db = NULL;
    struct err e = {0};
    assert_int_equal(records_open_at(path, steps, 1, TEST_NOW, &e, &db), 0);
    db_close(&db);
    assert_int_equal(count_in_copy(path, 0), -1); /* nothing was there: nothing to keep */
    assert_int_equal(records_open_at(path, steps, 2, TEST_NOW, &e, &db), 0);
    db_close(&db);
    assert_int_equal(count_in_copy(path, 1), 1);
    assert_int_equal(records_open_at(path, steps, 2, TEST_NOW, &e, &db), 0); /* no change: no copy */
    db_close(&db);
    assert_int_equal(count_in_copy(path, 2), -1);
    assert_int_equal(records_open_at(path, steps, 3, TEST_NOW, &e, &db), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM one"), 0);
    db_close(&db);
    assert_int_equal(count_in_copy(path, 2), 2);
    assert_int_equal(count_in_copy(path, 1), -1); /* one upgrade back is enough, backups are for more */
}

static void failed_upgrade_says_the_way_back(void **state)
{
    (void)state;
    const char *path = test_path("e.db");
    struct db *db = NULL;
    struct err e = {0};
    assert_int_equal(records_open_at(path, steps, 2, TEST_NOW, &e, &db), 0);
    db_close(&db);
    assert_true(records_open_at(path, steps, 4, TEST_NOW, &e, &db) < 0);
    assert_null(db);
    assert_non_null(strstr(e.text, "migration 4 (broken)"));
    assert_non_null(strstr(e.text, "start the former program again"));
    assert_non_null(strstr(e.text, "e.before-2.db"));
    assert_int_equal(count_in_copy(path, 2), 2);
    assert_int_equal(records_open_at(path, steps, 2, TEST_NOW, &e, &db), 0); /* the former program does start */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM one"), 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('two', 'three')"), 0);
    db_close(&db);
}

/* Where the copy should lie is something else: no copy, no change. */
static void without_a_copy_nothing_changes(void **state)
{
    (void)state;
    const char *path = test_path("f.db");
    char blocked[RECORDS_PATH_MAX];
    struct db *db = NULL;
    struct err e = {0};
    (void)snprintf(blocked, sizeof blocked, "%s.unfinished", path);
    assert_int_equal(records_open_at(path, steps, 2, TEST_NOW, &e, &db), 0);
    db_close(&db);
    assert_int_equal(mkdir(blocked, 0700), 0);
    assert_true(records_open_at(path, steps, 3, TEST_NOW, &e, &db) < 0);
    assert_int_equal(rmdir(blocked), 0);
    assert_non_null(strstr(e.text, "no copy"));
    assert_int_equal(records_open_at(path, steps, 2, TEST_NOW, &e, &db), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM one"), 2);
    db_close(&db);
}

int run_migrate_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_older_version_arrives),
        cmocka_unit_test(failure_undoes_all_steps),
        cmocka_unit_test(newer_database_is_refused),
        cmocka_unit_test(no_upgrade_resets_anything),
        cmocka_unit_test(a_copy_is_kept_before),
        cmocka_unit_test(failed_upgrade_says_the_way_back),
        cmocka_unit_test(without_a_copy_nothing_changes),
    };
    return cmocka_run_group_tests_name("records/migrate", tests, NULL, NULL);
}
