/* SPDX-License-Identifier: EUPL-1.2 */
/* Logs of the real engine: whole, cut, and with each place changed; against what the engine itself makes of them. */
#include "os/sqlite_wal.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

enum { TRANSACTIONS = 12, PAGE = 512, FRAME = PAGE + 24, STEP = 13 };

struct file {
    unsigned char *bytes;
    size_t len;
};

struct world {
    char folder[64], db[80], wal[96], shm[96], kept[112];
    struct file whole[3]; /* database, log, shared memory */
    size_t last;          /* where the last transaction begins in the log */
};

static struct file get(const char *path)
{
    struct stat st = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && fstat(fd, &st) == 0);
    struct file f = {mem_alloc((size_t)st.st_size + 1), (size_t)st.st_size};
    assert_int_equal(read(fd, f.bytes, f.len), f.len);
    (void)close(fd);
    return f;
}

static void put(const char *path, const unsigned char *p, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600); /* not emptied first: some file systems then sync it when it is closed */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, p, len), len);
    assert_int_equal(ftruncate(fd, (off_t)len), 0);
    (void)close(fd);
}

static void run(sqlite3 *db, const char *sql)
{
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

/* As a node that was killed leaves them: the files as they are while it has them open. */
static int make(void **state)
{
    struct world *w = mem_alloc(sizeof *w);
    sqlite3 *db = NULL;
    (void)snprintf(w->folder, sizeof w->folder, "/tmp/sqlite-wal-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    (void)snprintf(w->db, sizeof w->db, "%s/a.db", w->folder);
    (void)snprintf(w->wal, sizeof w->wal, "%s-wal", w->db);
    (void)snprintf(w->shm, sizeof w->shm, "%s-shm", w->db);
    (void)snprintf(w->kept, sizeof w->kept, "%s.damaged", w->wal);
    assert_int_equal(sqlite3_open(w->db, &db), SQLITE_OK);
    run(db, "PRAGMA page_size = 512; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; CREATE TABLE t (n INTEGER PRIMARY KEY, x BLOB);");
    run(db, "INSERT INTO t (x) VALUES (randomblob(3000)); PRAGMA wal_checkpoint(RESTART); PRAGMA wal_autocheckpoint = 0;");
    for (int i = 0; i < TRANSACTIONS; i++) {
        struct stat st;
        if (i == TRANSACTIONS - 1) {
            assert_int_equal(stat(w->wal, &st), 0);
            w->last = (size_t)st.st_size;
        }
        run(db, "INSERT INTO t (x) VALUES (randomblob(1200))");
    }
    w->whole[0] = get(w->db);
    w->whole[1] = get(w->wal);
    w->whole[2] = get(w->shm);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    *state = w;
    return 0;
}

static int drop(void **state)
{
    struct world *w = *state;
    const char *const files[] = {w->db, w->wal, w->shm, w->kept};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        (void)unlink(files[i]);
    }
    (void)rmdir(w->folder);
    for (size_t i = 0; i < 3; i++) {
        mem_free(w->whole[i].bytes);
    }
    mem_free(w);
    return 0;
}

static int check(struct world *w, const unsigned char *log, size_t len, bool shm)
{
    struct err e = {0};
    put(w->db, w->whole[0].bytes, w->whole[0].len);
    put(w->wal, log, len);
    (void)unlink(w->shm);
    if (shm) {
        put(w->shm, w->whole[2].bytes, w->whole[2].len);
    }
    return sqlite_wal_check(w->db, &e);
}

static int rows(struct world *w)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int n = -1;
    assert_int_equal(sqlite3_open(w->db, &db), SQLITE_OK);
    if (sqlite3_prepare_v2(db, "SELECT count(*) FROM t", -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW) {
        n = sqlite3_column_int(s, 0);
    }
    (void)sqlite3_finalize(s);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return n;
}

static void whole_logs_fit(void **state)
{
    struct world *w = *state;
    struct err e = {0};
    assert_int_equal(check(w, w->whole[1].bytes, w->whole[1].len, true), 0);
    assert_int_equal(check(w, w->whole[1].bytes, w->whole[1].len, false), 0);
    assert_int_equal(rows(w), TRANSACTIONS + 1);
    assert_int_equal(sqlite_wal_check(w->db, &e), 0); /* written back, and gone */
    assert_int_equal(sqlite_wal_check("/nonexistent/x.db", &e), 0);
}

static void any_changed_byte_is_found(void **state)
{
    struct world *w = *state;
    size_t len = w->whole[1].len, tried = 0;
    unsigned char *log = w->whole[1].bytes;
    assert_int_equal((len - 32) % FRAME, 0);
    for (size_t at = 0; at < len; at += at < 96 ? 1 : STEP) {
        log[at] ^= (unsigned char)(1 << at % 8);
        if (check(w, log, len, true) != ERR_INVALID) {
            fail_msg("the byte at %zu of the log", at);
        }
        if (at < w->last - FRAME && check(w, log, len, false) != ERR_INVALID) { /* but for the end of the last transaction but one */
            fail_msg("the byte at %zu of the log, without shared memory", at);
        }
        log[at] ^= (unsigned char)(1 << at % 8);
        tried++;
    }
    assert_true(tried > 1000);
    log[w->last / 2] ^= 1;
    assert_int_equal(check(w, log, len, false), ERR_INVALID);
    assert_in_range(rows(w), 1, TRANSACTIONS); /* so much the engine makes of it */
    log[w->last / 2] ^= 1;
}

/* What a power cut leaves: the last transaction not there, in part, or its later frames without the earlier ones. */
static void a_power_cut_is_no_damage(void **state)
{
    struct world *w = *state;
    size_t len = w->whole[1].len;
    unsigned char *torn = mem_alloc(len);
    for (size_t at = w->last; at < len; at += 131) {
        assert_int_equal(check(w, w->whole[1].bytes, at, false), 0);
        assert_int_equal(check(w, w->whole[1].bytes, at, true), ERR_INVALID); /* but it had been acknowledged */
    }
    memcpy(torn, w->whole[1].bytes, len);
    memset(torn + w->last, 0, FRAME);
    assert_int_equal(check(w, torn, len, false), 0);
    memcpy(torn, w->whole[1].bytes, len);
    memset(torn + w->last + FRAME, 0xff, 100);
    assert_int_equal(check(w, torn, len, false), 0);
    mem_free(torn);
}

static void a_log_that_is_gone(void **state)
{
    struct world *w = *state;
    struct err e = {0};
    assert_int_equal(check(w, w->whole[1].bytes, 0, true), ERR_INVALID);
    assert_int_equal(check(w, w->whole[1].bytes, 20, true), ERR_INVALID);
    assert_int_equal(check(w, w->whole[1].bytes, 0, false), 0);
    assert_int_equal(check(w, w->whole[1].bytes, 0, true), ERR_INVALID);
    (void)unlink(w->wal);
    assert_int_equal(sqlite_wal_check(w->db, &e), ERR_INVALID);
    (void)unlink(w->shm);
    assert_int_equal(sqlite_wal_check(w->db, &e), 0);
}

struct told {
    int count;
    char text[2048];
};

static void on_told(void *ctx, const struct err *e)
{
    struct told *t = ctx;
    t->count++;
    (void)snprintf(t->text, sizeof t->text, "%s: %s", e->where, e->text);
}

static void a_damaged_log_is_kept(void **state)
{
    struct world *w = *state;
    struct told told = {0};
    struct err e = {0};
    unsigned char *log = w->whole[1].bytes;
    size_t len = w->whole[1].len;
    log[len / 2] ^= 1;
    assert_int_equal(check(w, log, len, true), ERR_INVALID);
    assert_int_equal(sqlite_wal_guard(w->folder, false, on_told, &told, &e), 0);
    assert_int_equal(told.count, 1);
    assert_non_null(strstr(told.text, "a.db: its log"));
    assert_in_range(rows(w), 1, TRANSACTIONS); /* the engine takes what it can, and forgets the rest */
    struct file kept = get(w->kept);
    assert_int_equal(kept.len, len);
    assert_memory_equal(kept.bytes, log, len);
    mem_free(kept.bytes);
    assert_int_equal(sqlite_wal_guard(w->folder, false, on_told, &told, &e), 0);
    assert_int_equal(told.count, 1);
    assert_int_equal(sqlite_wal_guard(w->folder, true, on_told, &told, &e), 0);
    assert_int_equal(told.count, 2);
    assert_non_null(strstr(told.text, "a.db-wal.damaged"));
    assert_int_equal(sqlite_wal_guard("/nonexistent", true, on_told, &told, &e), 0);
    log[len / 2] ^= 1;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whole_logs_fit, make, drop),           cmocka_unit_test_setup_teardown(any_changed_byte_is_found, make, drop),
        cmocka_unit_test_setup_teardown(a_power_cut_is_no_damage, make, drop), cmocka_unit_test_setup_teardown(a_log_that_is_gone, make, drop),
        cmocka_unit_test_setup_teardown(a_damaged_log_is_kept, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
