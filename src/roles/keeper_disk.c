/* SPDX-License-Identifier: EUPL-1.2 */
/* See keeper_disk.h. Runs in keeper; the hook on any of its threads. */
#include "roles/keeper_disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/seal.h"
#include "base/log.h"

enum { DISK_PATH_MAX = 4096, DISK_EXIT = 1 };

static void on_report(void *arg, int code, const char *text)
{
    char shown[LOG_VALUE_MAX];
    (void)arg;
    if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) {
        log_error("disk.sync", "why=\"%s\" note=\"nothing more is acked; the keeper starts again from what is durable\"",
                  log_value(span_of(text), shown));
        _exit(DISK_EXIT); /* from here: no caller can go on as if it had worked */
    }
    log_debug("disk.report", "code=%d text=\"%s\"", code, log_value(span_of(text), shown));
}

int keeper_disk_watch(struct err *e)
{
    return sqlite3_config(SQLITE_CONFIG_LOG, on_report, NULL) == SQLITE_OK
               ? 0
               : err_set(e, ERR_IO, "SQLite was started before it could be listened to");
}

static int settle_file(const char *folder, const char *name, struct err *e)
{
    char path[DISK_PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s", folder, name);
    if (n < 0 || n >= (int)sizeof path) {
        return err_set(e, ERR_LIMIT, "%s: path too long", folder);
    }
    int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        /* Read-only disk: nothing there waits to be written, and opening the database will say what is wrong. */
        return errno == ENOENT || errno == EROFS || errno == EACCES ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    int rc = fdatasync(fd) == 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    /* Pages that are clean, whether written or given up: read again from the disk. */
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
    (void)close(fd);
    return rc;
}

/* A database with a log was not closed: only such a one may differ from what memory shows. */
static int settle_folder(const char *folder, struct err *e)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    int rc = 0;
    for (struct dirent *entry; rc == 0 && (entry = readdir(d)) != NULL;) {
        struct span name = span_of(entry->d_name);
        char database[sizeof entry->d_name];
        if (name.len < 4 || !span_eq(span_sub(name, name.len - 4, name.len), SPAN("-wal"))) {
            continue;
        }
        (void)snprintf(database, sizeof database, "%.*s", (int)(name.len - 4), name.ptr);
        rc = settle_file(folder, database, e);
        rc = rc == 0 ? settle_file(folder, entry->d_name, e) : rc;
    }
    (void)closedir(d);
    return rc;
}

int keeper_disk_settle(const char *data_dir, struct err *e)
{
    char archive[DISK_PATH_MAX];
    int n = snprintf(archive, sizeof archive, "%s/archive", data_dir);
    if (n < 0 || n >= (int)sizeof archive) {
        return err_set(e, ERR_LIMIT, "data directory: path too long");
    }
    int rc = settle_folder(data_dir, e);
    rc = rc == 0 ? settle_folder(archive, e) : rc;
    return rc == 0 ? settle_file(archive, SEAL_FILE_NAME, e) : rc;
}
