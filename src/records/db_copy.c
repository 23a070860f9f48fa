/* SPDX-License-Identifier: EUPL-1.2 */
/* Copies by SQLite's own backup interface: see db_copy.h. Must never write to the database it copies. */
#include "records/db_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "os/sqlite_why.h"

enum { BUSY_MS = 10, BUSY_TRIES = 6000 /* a minute */ };

static int fail(sqlite3 *db, struct err *e, const char *path)
{
    char why[SQLITE_WHY_MAX];
    int code = db == NULL ? SQLITE_NOMEM : sqlite3_errcode(db) & 0xff;
    return err_set(e, code == SQLITE_NOTADB || code == SQLITE_CORRUPT ? ERR_INVALID : ERR_IO, "%s: %s", path,
                   sqlite_why(db, why));
}

static int copy_pages(sqlite3 *in, sqlite3 *out, const char *from, const char *to, struct err *e)
{
    sqlite3_backup *b = sqlite3_backup_init(out, "main", in, "main");
    if (b == NULL) {
        return fail(out, e, to);
    }
    int code = SQLITE_OK;
    for (int tries = 0; tries < BUSY_TRIES;) {
        code = sqlite3_backup_step(b, DB_COPY_PAGES);
        if (code != SQLITE_BUSY && code != SQLITE_LOCKED && code != SQLITE_OK) {
            break;
        }
        if (code != SQLITE_OK) {
            tries++;
            (void)sqlite3_sleep(BUSY_MS);
        }
    }
    (void)sqlite3_backup_finish(b);
    if (code == SQLITE_DONE) {
        return 0;
    }
    return code == SQLITE_BUSY || code == SQLITE_LOCKED ? err_set(e, ERR_BUSY, "%s: held by another program", from)
                                                        : fail(out, e, from);
}

/* The copy is not used as a database before it is whole: no journal. SQLite syncs it once, at its end. */
static int fill(sqlite3 *in, sqlite3 *out, const char *from, const char *to, struct err *e)
{
    if (sqlite3_exec(out, "PRAGMA journal_mode = OFF; PRAGMA synchronous = NORMAL", NULL, NULL, NULL) != SQLITE_OK) {
        return fail(out, e, to);
    }
    /* One read transaction for all pages: else each write of others would begin the copy anew. */
    if (sqlite3_exec(in, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL) != SQLITE_OK) {
        return fail(in, e, from);
    }
    return copy_pages(in, out, from, to, e);
}

static int make_target(const char *to, struct err *e)
{
    int fd = open(to, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    return fd < 0 ? err_set_errno(e, ERR_IO, errno, "%s", to) : fd;
}

int db_copy(const char *from, const char *to, struct err *e)
{
    sqlite3 *in = NULL;
    sqlite3 *out = NULL;
    if (access(from, F_OK) != 0) {
        return err_set_errno(e, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, errno, "%s", from);
    }
    int fd = make_target(to, e);
    if (fd < 0) {
        return fd;
    }
    /* A reader of a database with a write-ahead log needs its shared memory file, so it opens to write. */
    int rc = 0;
    if (sqlite3_open_v2(from, &in, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK) {
        rc = fail(in, e, from);
    } else if (sqlite3_open_v2(to, &out, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, NULL) != SQLITE_OK) {
        rc = fail(out, e, to);
    } else {
        (void)sqlite3_busy_timeout(in, BUSY_MS * 100);
        rc = fill(in, out, from, to, e);
    }
    (void)sqlite3_close(out);
    (void)sqlite3_close(in);
    if (rc == 0 && fsync(fd) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", to);
    }
    (void)close(fd);
    return rc;
}
