/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of db.h on SQLite: values, transactions, and the switches that keep a hostile file from
 * acting. */
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "records/records.h"
#include "records/records_test.h"

static void values_come_back_as_they_went(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e = {0};
    assert_int_equal(db_exec(db, "CREATE TABLE t (a BIGINT, b TEXT, c BYTEA, d TEXT)", &e), 0);
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db, "INSERT INTO t (d, c, b, a) VALUES ($4, $3, $2, $1)", &e, &s), 0);
    struct span bytes = SPAN("\0\xff\x80'; DROP TABLE t;--");
    db_bind_i64(s, 1, INT64_MIN);
    db_bind_text(s, 2, SPAN("Ž'\"$1"));
    db_bind_bytes(s, 3, bytes);
    db_bind_text_or_null(s, 4, SPAN(""));
    assert_int_equal(db_run(s, &e), 0);
    assert_int_equal(db_changes(db), 1);
    assert_int_equal(db_query(db, "SELECT a, b, c, d FROM t", &e, &s), 0);
    assert_int_equal(db_step(s, &e), 1);
    assert_true(db_col_i64(s, 0) == INT64_MIN);
    assert_true(span_eq(db_col_text(s, 1), SPAN("Ž'\"$1")));
    assert_true(span_eq(db_col_bytes(s, 2), bytes));
    assert_true(db_col_null(s, 3));
    assert_int_equal(db_step(s, &e), 0);
    db_close(&db);
    assert_null(db);
}

static void rollback_leaves_nothing(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e = {0};
    assert_int_equal(db_exec(db, "CREATE TABLE t (a BIGINT PRIMARY KEY)", &e), 0);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", &e), 0);
    assert_int_equal(db_end(db, ERR_DENIED, &e), ERR_DENIED);
    assert_false(db_in_transaction(db));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM t"), 0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", &e), 0);
    assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1)", &e), ERR_EXISTS);
    db_close(&db);
}

static void switches_bite(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e = {0};
    assert_true(db_exec(db, "SELECT load_extension('x')", &e) < 0);
    assert_true(db_exec(db, "SELECT \"no such column\"", &e) < 0);
    assert_true(db_exec(db, "ATTACH ':memory:' AS other", &e) < 0);
    assert_true(db_exec(db, "PRAGMA writable_schema = ON; DELETE FROM sqlite_schema", &e) < 0);
    assert_int_equal(test_number(db, "PRAGMA foreign_keys"), 1);
    assert_true(db_exec(db, "INSERT INTO session VALUES (x'00', 'nobody', 0, 0, '')", &e) < 0);
    db_close(&db);
}

static void file_is_private_and_durable(void **state)
{
    (void)state;
    const char *path = test_path("a.db");
    mode_t old = umask(0);
    struct db *db = NULL;
    struct err e = {0};
    assert_int_equal(records_open(path, TEST_NOW, &e, &db), 0);
    (void)umask(old);
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(test_number(db, "PRAGMA synchronous"), 2);
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db, "PRAGMA journal_mode", &e, &s), 0);
    assert_int_equal(db_step(s, &e), 1);
    assert_true(span_eq(db_col_text(s, 0), SPAN("wal")));
    db_close(&db);
}

static void other_files_are_refused(void **state)
{
    (void)state;
    const char *path = test_path("b.db");
    struct db *db = NULL;
    struct err e = {0};
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "CREATE TABLE theirs (a)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
    assert_int_equal(records_open(path, TEST_NOW, &e, &db), ERR_INVALID);
    assert_null(db);
    assert_non_null(strstr(e.text, "another program"));
    int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "this is not a database, it only pretends", 40), 40);
    assert_int_equal(close(fd), 0);
    assert_true(records_open(path, TEST_NOW, &e, &db) < 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("a.db", path), 0);
    assert_true(records_open(path, TEST_NOW, &e, &db) < 0);
}

static void oversize_value_is_an_error(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e = {0};
    assert_int_equal(db_exec(db, "CREATE TABLE t (c BYTEA)", &e), 0);
    char *big = mem_alloc(DB_VALUE_MAX + 1);
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db, "INSERT INTO t VALUES ($1)", &e, &s), 0);
    db_bind_bytes(s, 1, span_make(big, DB_VALUE_MAX + 1));
    assert_int_equal(db_run(s, &e), ERR_LIMIT);
    mem_free(big);
    db_close(&db);
}

static void many_statements_share_the_cache(void **state)
{
    (void)state;
    struct db *db = test_db();
    for (int i = 0; i < 3 * DB_STMT_CACHE_MAX; i++) {
        char sql[64];
        (void)snprintf(sql, sizeof sql, "SELECT %d", i);
        assert_int_equal(test_number(db, sql), i);
    }
    db_close(&db);
}

int run_db_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_come_back_as_they_went),
        cmocka_unit_test(rollback_leaves_nothing),
        cmocka_unit_test(switches_bite),
        cmocka_unit_test(file_is_private_and_durable),
        cmocka_unit_test(other_files_are_refused),
        cmocka_unit_test(oversize_value_is_an_error),
        cmocka_unit_test(many_statements_share_the_cache),
    };
    return cmocka_run_group_tests_name("records/db", tests, NULL, NULL);
}
