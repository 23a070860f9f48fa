/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An upgrade of the records on a disk that loses what was not synced: the process is killed at its n-th file operation,
 * for every n in turn, and writes fail. The records are then of the former version or of today's, whole, and what bears
 * the name of a copy is one.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/check.h"
#include "base/test_folder.h"
#include "fault_vfs.h"
#include "records/records.h"

enum { ROWS = 600, BEFORE = 2, AFTER = 4, NOW = 1, EXIT_REFUSED = 3, OPERATIONS_MAX = 5000 };

static char folder[64], page_path[80], path[80], copy[RECORDS_PATH_MAX];

/* The third changes every row, the fourth gives up a table: what a half of them would leave is not to be mistaken. */
static const struct migration steps[] = {
    {"kept", "CREATE TABLE kept (id BIGINT PRIMARY KEY, text TEXT NOT NULL)"},
    {"former", "CREATE TABLE former (id BIGINT PRIMARY KEY)"},
    {"longer", "ALTER TABLE kept ADD COLUMN more TEXT NOT NULL DEFAULT ''; UPDATE kept SET more = text;"
               "CREATE INDEX kept_more ON kept (more)"},
    {"gone", "DROP TABLE former; CREATE TABLE today (id BIGINT PRIMARY KEY)"},
};

static const char *const names[] = {"page",           "records.db",          "records.db-wal",
                                    "records.db-shm", "records.before-2.db", "records.before-2.db-wal",
                                    "records.before-2.db-shm", "records.db.unfinished"};

static void empty_folder(void)
{
    char one[128];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(one, sizeof one, "%s/%s", folder, names[i]);
        (void)unlink(one);
    }
}

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/faults-test-XXXXXX", test_folder_base());
    int rc = mkdtemp(folder) == NULL ? -1 : 0;
    (void)snprintf(page_path, sizeof page_path, "%s/page", folder);
    (void)snprintf(path, sizeof path, "%s/records.db", folder);
    return rc == 0 && records_copy_path(path, BEFORE, copy) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    empty_folder();
    return rmdir(folder);
}

static int64_t number(struct db *db, const char *sql)
{
    struct err e = {0};
    struct db_stmt *s = NULL;
    if (db_query(db, sql, &e, &s) < 0 || db_step(s, &e) != 1) {
        fail_msg("%s: %s", sql, e.text);
    }
    int64_t v = db_col_i64(s, 0);
    db_done(s);
    return v;
}

/* Records as the former program left them, on a disk that is well; the last of them only in the log. */
static void former_program(void)
{
    struct db *db = NULL;
    struct err e = {0};
    char sql[160];
    empty_folder();
    assert_int_equal(records_open_at(path, steps, BEFORE, NOW, &e, &db), 0);
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                   "INSERT INTO kept SELECT i, 'what a city keeps ' || i FROM n", ROWS);
    assert_int_equal(db_exec(db, sql, &e), 0);
    db_close(&db);
}

static void is_former(struct db *db)
{
    assert_int_equal(number(db, "SELECT MAX(version) FROM schema_version"), BEFORE);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM former"), 0);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM pragma_table_info('kept')"), 2);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name IN ('today', 'kept_more')"), 0);
}

static void is_todays(struct db *db)
{
    assert_int_equal(number(db, "SELECT MAX(version) FROM schema_version"), AFTER);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM kept WHERE more = text"), ROWS);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM today"), 0);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM sqlite_schema WHERE name = 'former'"), 0);
}

/* Whole, one of the two, and every row there. Returns the version. */
static int64_t look(const char *at)
{
    struct db *db = NULL;
    struct err e = {0};
    if (db_open(at, &e, &db) != 0) {
        fail_msg("%s: %s", at, e.text);
    }
    assert_int_equal(number(db, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    assert_int_equal(number(db, "SELECT COUNT(*) FROM kept WHERE text = 'what a city keeps ' || id"), ROWS);
    int64_t version = number(db, "SELECT MAX(version) FROM schema_version");
    if (version == BEFORE) {
        is_former(db);
    } else {
        is_todays(db);
    }
    db_close(&db);
    return version;
}

static void put_page(const struct fault_page *page)
{
    int fd = open(page_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, page, sizeof *page) == (ssize_t)sizeof *page && close(fd) == 0);
}

static uint32_t failed_operations(void)
{
    struct fault_page page = {0};
    int fd = open(page_path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && read(fd, &page, sizeof page) == (ssize_t)sizeof page && close(fd) == 0);
    return page.failed;
}

/* Today's program on a disk as page says; returns its wait status. */
static int upgrade(const struct fault_page *page)
{
    int status = 0;
    put_page(page);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db *db = NULL;
        (void)sqlite3_shutdown(); /* the parent read with it */
        fault_vfs_install(page_path);
        int rc = records_open_at(path, steps, AFTER, NOW, NULL, &db);
        db_close(&db);
        _exit(rc == 0 ? 0 : EXIT_REFUSED);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_kill_at_every_operation(void **state)
{
    (void)state;
    size_t killed = 0, former = 0, todays = 0, copies = 0;
    for (uint32_t at = 1;; at++) {
        struct fault_page page = {.magic = FAULT_MAGIC, .seed = at, .kill_in = at, .early_percent = (at % 3) * 30};
        former_program();
        int status = upgrade(&page);
        bool has_copy = access(copy, F_OK) == 0;
        int64_t version = look(path);
        assert_true(version == BEFORE || has_copy); /* never changed before the copy was there */
        if (has_copy) {
            assert_int_equal(look(copy), BEFORE);
            copies++;
        }
        if (WIFEXITED(status)) { /* fewer operations than that */
            assert_int_equal(WEXITSTATUS(status), 0);
            assert_int_equal(version, AFTER);
            break;
        }
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        killed++;
        *(version == BEFORE ? &former : &todays) += 1;
        struct fault_page calm = {.magic = FAULT_MAGIC, .seed = at};
        assert_int_equal(upgrade(&calm), 0); /* and the next start arrives */
        assert_int_equal(look(path), AFTER);
        assert_true(at < OPERATIONS_MAX);
    }
    print_message("%zu kills: %zu left the former version, %zu today's; %zu copies\n", killed, former, todays, copies);
    assert_true(former > 10 && todays > 0 && copies > 10 && copies < killed);
}

/* Writes and syncs that fail, one by one, and a disk without room: refused, and the former program finds its records. */
static void test_failing_disk(void **state)
{
    (void)state;
    size_t refused = 0;
    for (uint32_t at = 1; at <= 80; at++) {
        struct fault_page page = {.magic = FAULT_MAGIC, .seed = at};
        *(at % 2 == 0 ? &page.write_error_in : &page.sync_error_in) = (at + 1) / 2;
        page.full = at == 80;
        former_program();
        int status = upgrade(&page);
        assert_true(WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == EXIT_REFUSED));
        assert_true(WEXITSTATUS(status) == 0 || failed_operations() > 0);
        int64_t version = look(path);
        if (WEXITSTATUS(status) == EXIT_REFUSED) {
            refused++;
            /* A commit whose sync fails may still be read back from the log, whole; never a half. */
            assert_true(version == BEFORE || access(copy, F_OK) == 0);
        } else {
            assert_int_equal(version, AFTER);
        }
    }
    assert_true(refused > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kill_at_every_operation, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_failing_disk, make_folder, remove_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
