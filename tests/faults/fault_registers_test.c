/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A register's file becomes another one on a disk that loses what was not synced: the process is killed at its n-th file operation, for
 * every n in turn. Records, names and file are then all of before or all of today, and the next start arrives.
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
#include "records/registers/register_force.h"

enum { ROWS = 150, NOW = 1, OPERATIONS_MAX = 20000, STEP_MAX = 16 };

#define FILE_OF(kind, was, fields, states)                                                                                                      \
    "title: Things\ntype: object\nrequired: [label]\nadditionalProperties: false\nproperties:\n  label: {type: string, maxLength: 40}\n" fields \
    "x-table: {name: " kind ", plural: " kind "s, title: label" was "}\nx-perm: {administrator: {ops: [read, create, change, move]}}\n"          \
    "x-states: {initial: open, list: [{id: open}, " states "], transitions: [{from: open, to: shut, roles: [administrator]}]}\n"
static const char before_text[] = FILE_OF("thing", "", "  colour: {type: string, maxLength: 40}\n", "{id: shut, final: true}");
static const char today_text[] = FILE_OF("gadget", ", was: thing", "  paint: {type: string, maxLength: 40, x-was: colour}\n", "{id: shut, final: true}");

static char folder[64], page_path[80], path[80], kept[80];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof folder, "%s/faults-test-XXXXXX", test_folder_base());
    int rc = mkdtemp(folder) == NULL ? -1 : 0;
    (void)snprintf(page_path, sizeof page_path, "%s/page", folder);
    (void)snprintf(path, sizeof path, "%s/records.db", folder);
    (void)snprintf(kept, sizeof kept, "%s/before.db", folder);
    return rc;
}

static int remove_folder(void **state)
{
    static const char *const names[] = {"page", "before.db", "before.db-wal", "before.db-shm", "records.db", "records.db-wal", "records.db-shm"};
    char one[128];
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)snprintf(one, sizeof one, "%s/%s", folder, names[i]);
        (void)unlink(one);
    }
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

/* What the keeper does at its start with this file. */
static int start(struct db *db, const char *text, struct err *e)
{
    const struct register_file own = {SPAN("DATA/registers/thing.yml"), span_of(text)};
    struct register_choice c;
    struct arena a;
    arena_init(&a, 0);
    int rc = register_choose(db, &a, &own, 1, &c, e);
    rc = rc == 0 ? register_force(db, &c, NOW, e) : rc;
    rc = rc == 0 ? record_keys_renew(db, c.kinds, NOW, e) : rc;
    register_choice_free(&c);
    arena_fini(&a);
    return rc;
}

/* Records of the former file, on a disk that is well. */
static void former(void)
{
    struct db *db = NULL;
    struct err e = {0};
    char sql[800];
    assert_int_equal(records_open(kept, NOW, &e, &db), 0);
    assert_int_equal(start(db, before_text, &e), 0);
    (void)snprintf(sql, sizeof sql,
                   "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) INSERT INTO record (state, title, fields, tlp, changed, version, id, "
                   "kind, organisation, author, author_name, created) SELECT 'open', 't', '{\"colour\":\"red ' || i || '\",\"label\":\"t\"}', 3, 1, 1, 'id' || i, "
                   "'thing', 'town', 'p', 'Anna', 1 FROM n", ROWS);
    if (db_exec(db, sql, &e) != 0 || db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", &e) != 0) {
        fail_msg("%s", e.text);
    }
    db_close(&db);
}

static void copy_former(void)
{
    static const char *const tails[] = {"-wal", "-shm"};
    char bytes[64 << 10], one[128];
    ssize_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        (void)snprintf(one, sizeof one, "%s%s", path, tails[i]);
        (void)unlink(one);
    }
    int from = open(kept, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(from >= 0 && to >= 0);
    while ((n = read(from, bytes, sizeof bytes)) > 0) {
        assert_int_equal(write(to, bytes, (size_t)n), n);
    }
    assert_true(n == 0 && close(from) == 0 && close(to) == 0);
}

/* All of before, or all of today; which. */
static bool is_todays(void)
{
    struct db *db = NULL;
    struct err e = {0};
    if (db_open(path, &e, &db) != 0) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(number(db, "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    int64_t named = number(db, "SELECT COUNT(*) FROM record WHERE kind = 'gadget' AND fields = '{\"label\":\"t\",\"paint\":\"red ' || SUBSTR(id, 3) || '\"}'");
    int64_t unnamed = number(db, "SELECT COUNT(*) FROM record WHERE kind = 'thing' AND fields = '{\"colour\":\"red ' || SUBSTR(id, 3) || '\",\"label\":\"t\"}'");
    int64_t files = number(db, "SELECT COUNT(*) FROM register_file WHERE kind = 'gadget'");
    int64_t said = number(db, "SELECT COUNT(*) FROM audit WHERE what = 'register.changed'");
    int64_t names = number(db, "SELECT COUNT(*) FROM register_rename");
    db_close(&db);
    bool todays = named == ROWS;
    assert_int_equal(named + unnamed, ROWS);
    assert_true(todays || named == 0);
    assert_int_equal(files, todays);
    assert_int_equal(said, todays);
    assert_int_equal(names, todays ? 2 : 0);
    return todays;
}

static int run(const struct fault_page *page)
{
    int status = 0;
    int fd = open(page_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0 && write(fd, page, sizeof *page) == (ssize_t)sizeof *page && close(fd) == 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct db *db = NULL;
        (void)sqlite3_shutdown(); /* the parent read with it */
        fault_vfs_install(page_path);
        int rc = records_open(path, NOW, NULL, &db);
        rc = rc == 0 ? start(db, today_text, NULL) : rc;
        db_close(&db);
        _exit(rc == 0 ? 0 : 3);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void test_kill(void **state)
{
    (void)state;
    size_t killed = 0, todays = 0;
    former();
    for (uint32_t at = 1;; at += 1 + at / STEP_MAX) {
        struct fault_page page = {.magic = FAULT_MAGIC, .seed = at, .kill_in = at, .early_percent = (at % 3) * 30};
        copy_former();
        int status = run(&page);
        bool is = is_todays();
        if (WIFEXITED(status)) { /* fewer operations than that */
            assert_int_equal(WEXITSTATUS(status), 0);
            assert_true(is);
            break;
        }
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        killed++;
        todays += is;
        struct fault_page calm = {.magic = FAULT_MAGIC, .seed = at};
        assert_int_equal(run(&calm), 0);
        assert_true(is_todays());
        assert_true(at < OPERATIONS_MAX);
    }
    print_message("%zu kills: %zu left what was before, %zu what is today\n", killed, killed - todays, todays);
    assert_true(killed - todays > 10 && todays > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(test_kill, make_folder, remove_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
