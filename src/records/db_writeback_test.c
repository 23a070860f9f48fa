/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the write-back beside the writer: nothing is lost, the log begins anew, a reader of an old state only delays
 * it, and what was committed survives the death of the process in the midst of it. */
#include "records/db_writeback.h"

#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "records/records_test.h"

enum { PAGES_A_COMMIT = 64, COMMITS_MOST = 60000, LIMIT_S = 60 };

static sqlite3 *open_raw(const char *path)
{
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(path, &raw), SQLITE_OK);
    assert_int_equal(sqlite3_exec(raw, "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;", NULL, NULL, NULL), SQLITE_OK);
    return raw;
}

static int64_t number(sqlite3 *raw, const char *sql)
{
    sqlite3_stmt *s = NULL;
    assert_int_equal(sqlite3_prepare_v2(raw, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t n = sqlite3_column_int64(s, 0);
    assert_int_equal(sqlite3_finalize(s), SQLITE_OK);
    return n;
}

/* One commit of 64 pages. */
static void commit(sqlite3 *raw)
{
    char sql[96];
    (void)snprintf(sql, sizeof sql, "INSERT INTO t VALUES (NULL, randomblob(%d))", PAGES_A_COMMIT * 4096);
    assert_int_equal(sqlite3_exec(raw, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* What has happened when it is asked for: the thread takes its time. */
static bool until(time_ns end)
{
    (void)usleep(200); /* a condition is polled here, nothing is timed */
    return clock_mono() < end;
}

/* Commits until the writer finished the log `times` times; how many commits it took. */
static int commit_until_finished(sqlite3 *raw, struct db_writeback *w, uint64_t times)
{
    time_ns end = clock_mono() + LIMIT_S * TIME_SECOND;
    int n = 0;
    while (db_writeback_stats(w).finished < times && n < COMMITS_MOST && until(end)) {
        commit(raw);
        n++;
        if (n % 8 == 0) { /* the file stays small; the log does not */
            assert_int_equal(sqlite3_exec(raw, "DELETE FROM t WHERE id % 16 <> 0", NULL, NULL, NULL), SQLITE_OK);
        }
    }
    assert_true(db_writeback_stats(w).finished >= times);
    return n;
}

static void the_log_begins_anew_and_nothing_is_lost(void **state)
{
    (void)state;
    const char *path = test_path("w.db");
    struct err e = {0};
    struct db_writeback *w = NULL;
    sqlite3 *raw = open_raw(path);
    assert_int_equal(sqlite3_exec(raw, "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(db_writeback_start(raw, path, &e, &w), 0);
    int commits = commit_until_finished(raw, w, 2);
    assert_true(commits * PAGES_A_COMMIT > DB_WRITEBACK_AT); /* not before there was something to do */
    struct db_writeback_stats stats = db_writeback_stats(w);
    assert_true(stats.rounds >= 2);
    assert_true(stats.pages_most >= DB_WRITEBACK_AT);
    commit(raw); /* the first of a new log */
    int in_log = 0;
    int copied = 0;
    assert_int_equal(sqlite3_wal_checkpoint_v2(raw, NULL, SQLITE_CHECKPOINT_PASSIVE, &in_log, &copied), SQLITE_OK);
    assert_true((uint64_t)in_log < stats.pages_most);
    int64_t rows = number(raw, "SELECT count(*) FROM t");
    db_writeback_stop(&w);
    assert_null(w);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
    raw = open_raw(path);
    assert_int_equal(number(raw, "SELECT count(*) FROM t"), rows);
    assert_int_equal(number(raw, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    assert_int_equal(sqlite3_exec(raw, "DROP TABLE t", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static int64_t log_bytes(const char *path)
{
    char name[160];
    struct stat s;
    (void)snprintf(name, sizeof name, "%s-wal", path);
    return stat(name, &s) == 0 ? (int64_t)s.st_size : -1;
}

/* Somebody asked for it: also where a reader of an old state lets it wait, and once more later. */
static void the_log_is_cut(void **state)
{
    (void)state;
    const char *path = test_path("w.db");
    struct err e = {0};
    struct db_writeback *w = NULL;
    sqlite3 *raw = open_raw(path);
    assert_int_equal(sqlite3_exec(raw, "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(db_writeback_start(raw, path, &e, &w), 0);
    for (uint64_t i = 1; i <= 2; i++) {
        time_ns end = clock_mono() + LIMIT_S * TIME_SECOND;
        sqlite3 *reader = open_raw(path);
        commit(raw);
        assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL), SQLITE_OK);
        commit(raw);
        assert_true(log_bytes(path) > 0);
        db_writeback_cut(w);
        assert_int_equal(db_writeback_stats(w).cut, i - 1);
        assert_int_equal(sqlite3_exec(reader, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
        while (db_writeback_stats(w).cut < i && until(end)) {
        }
        assert_int_equal(db_writeback_stats(w).cut, i);
        assert_int_equal(log_bytes(path), 0);
        assert_int_equal(number(raw, "SELECT count(*) FROM t"), 2 * i);
        assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    }
    db_writeback_stop(&w);
    assert_int_equal(sqlite3_exec(raw, "DROP TABLE t", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

static void a_reader_of_an_old_state_only_delays_it(void **state)
{
    (void)state;
    const char *path = test_path("w.db");
    struct err e = {0};
    struct db_writeback *w = NULL;
    sqlite3 *raw = open_raw(path);
    sqlite3 *reader = open_raw(path);
    assert_int_equal(sqlite3_exec(raw, "CREATE TABLE t (id INTEGER PRIMARY KEY, b BLOB)", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(db_writeback_start(raw, path, &e, &w), 0);
    commit(raw);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM t", NULL, NULL, NULL), SQLITE_OK);
    for (int i = 0; i < 3 * DB_WRITEBACK_AT / PAGES_A_COMMIT; i++) {
        commit(raw);
    }
    assert_int_equal(number(reader, "SELECT count(*) FROM t"), 1); /* it still sees what it saw */
    assert_int_equal(db_writeback_stats(w).finished, 0);
    assert_int_equal(sqlite3_exec(reader, "COMMIT", NULL, NULL, NULL), SQLITE_OK);
    (void)commit_until_finished(raw, w, 1);
    db_writeback_stop(&w);
    assert_int_equal(number(raw, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    assert_int_equal(sqlite3_exec(raw, "DROP TABLE t", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

/* The other process: commits as the keeper does, and says each number once it is committed. */
_Noreturn static void child(const char *path, int out)
{
    struct db *db = NULL;
    struct err e = {0};
    if (db_open(path, &e, &db) < 0 || db_write_back_aside(db, path, &e) < 0 ||
        db_exec(db, "CREATE TABLE u (id BIGINT PRIMARY KEY, b BYTEA)", &e) < 0) {
        _exit(1);
    }
    for (int64_t i = 1;; i++) {
        char sql[96];
        (void)snprintf(sql, sizeof sql, "INSERT INTO u VALUES (%lld, randomblob(%d))", (long long)i, 4 * PAGES_A_COMMIT * 4096);
        if (db_begin(db, &e) < 0 || db_end(db, db_exec(db, sql, &e), &e) < 0 || write(out, &i, sizeof i) != sizeof i) {
            _exit(1);
        }
    }
}

static void what_was_committed_survives_the_process(void **state)
{
    (void)state;
    const char *path = test_path("v.db");
    int ends[2];
    int64_t last = 0;
    int64_t got = 0;
    struct err e = {0};
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(path, ends[1]);
    }
    (void)close(ends[1]);
    /* Beyond where the thread begins, so that it dies in the midst of its work or soon after. */
    while (last < DB_WRITEBACK_AT / (4 * PAGES_A_COMMIT) + 4 && read(ends[0], &got, sizeof got) == sizeof got) {
        last = got;
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    while (read(ends[0], &got, sizeof got) == sizeof got) {
        last = got;
    }
    (void)close(ends[0]);
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
    assert_true(last > DB_WRITEBACK_AT / (4 * PAGES_A_COMMIT));
    struct db *db = NULL;
    assert_int_equal(db_open(path, &e, &db), 0);
    int64_t rows = test_number(db, "SELECT COUNT(*) FROM u");
    assert_true(rows == last || rows == last + 1);
    assert_int_equal(test_number(db, "SELECT MAX(id) FROM u"), rows);
    assert_int_equal(test_number(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    db_close(&db);
}

static void a_file_that_cannot_be_opened_is_an_error(void **state)
{
    (void)state;
    struct err e = {0};
    struct db_writeback *w = NULL;
    sqlite3 *raw = NULL;
    assert_int_equal(sqlite3_open(":memory:", &raw), SQLITE_OK);
    assert_int_equal(db_writeback_start(raw, "/nowhere/at/all.db", &e, &w), ERR_IO);
    assert_null(w);
    db_writeback_stop(&w); /* nothing to end */
    assert_int_equal(sqlite3_close(raw), SQLITE_OK);
}

int run_db_writeback_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_log_begins_anew_and_nothing_is_lost),
        cmocka_unit_test(the_log_is_cut),
        cmocka_unit_test(a_reader_of_an_old_state_only_delays_it),
        cmocka_unit_test(what_was_committed_survives_the_process),
        cmocka_unit_test(a_file_that_cannot_be_opened_is_an_error),
    };
    return cmocka_run_group_tests_name("records/db_writeback", tests, NULL, NULL);
}
