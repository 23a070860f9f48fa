/* SPDX-License-Identifier: EUPL-1.2 */
/* Opens the records, and keeps a copy of them before they change their form: see records.h. */
#include "records/records.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "records/db_copy.h"

bool records_copy_path(const char *path, int64_t version, char out[RECORDS_PATH_MAX])
{
    struct span stem = span_of(path);
    if (span_ends(stem, SPAN(".db"))) {
        stem.len -= 3;
    }
    int n = snprintf(out, RECORDS_PATH_MAX, "%.*s.before-%" PRId64 ".db", SPAN_ARG(stem), version);
    return n > 0 && n < RECORDS_PATH_MAX;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash == NULL ? path : slash + 1;
}

/* A new name is durable when its folder is. */
static int sync_folder(const char *path, struct err *e)
{
    char folder[RECORDS_PATH_MAX];
    size_t len = (size_t)(base_name(path) - path);
    (void)snprintf(folder, sizeof folder, "%.*s", len == 0 ? 1 : (int)len, len == 0 ? "." : path);
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd < 0 || fsync(fd) != 0 ? err_set_errno(e, ERR_IO, errno, "%s", folder) : 0;
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

/* Under another name until it is whole: what bears the name of a copy is one. */
static int keep_copy(const char *path, int64_t version, struct err *e)
{
    char to[RECORDS_PATH_MAX];
    char unfinished[RECORDS_PATH_MAX];
    struct err why = {0};
    int rc = records_copy_path(path, version, to) ? 0 : err_set(&why, ERR_LIMIT, "its path is too long");
    int n = snprintf(unfinished, sizeof unfinished, "%s.unfinished", path);
    rc = rc == 0 && (n < 0 || n >= RECORDS_PATH_MAX) ? err_set(&why, ERR_LIMIT, "its path is too long") : rc;
    rc = rc == 0 ? db_copy(path, unfinished, &why) : rc;
    if (rc == 0 && rename(unfinished, to) != 0) {
        rc = err_set_errno(&why, ERR_IO, errno, "%s", to);
    }
    rc = rc == 0 ? sync_folder(path, &why) : rc;
    if (rc == 0) {
        return 0;
    }
    (void)unlink(unfinished);
    return err_set(e, rc,
                   "the records are of version %" PRId64 " and would change their form, but no copy of them could be "
                   "made first, so they were left as they are: %.300s. Make room, or start the former program again",
                   version, why.text);
}

static void remove_older_copies(const char *path, int64_t version)
{
    char old[RECORDS_PATH_MAX];
    for (int64_t v = 1; v < version; v++) {
        if (records_copy_path(path, v, old)) {
            (void)unlink(old);
        }
    }
}

static int say_way_back(const char *path, int64_t version, int rc, struct err *e)
{
    char copy[RECORDS_PATH_MAX];
    char why[400];
    if (e == NULL || !records_copy_path(path, version, copy)) {
        return rc;
    }
    (void)snprintf(why, sizeof why, "%.399s", e->text);
    return err_set(e, rc,
                   "%s. The records are as they were (version %" PRId64 "): start the former program again. "
                   "A copy from before lies in %.100s",
                   why, version, base_name(copy));
}

/* Migrations of a database that holds something already. */
static int renew(struct db *db, const char *path, int64_t version, const struct migration *list, size_t count,
                 time_ns now, struct err *e)
{
    int rc = keep_copy(path, version, e);
    if (rc < 0) {
        return rc;
    }
    rc = migrate_run(db, list, count, now, e);
    if (rc < 0) {
        return say_way_back(path, version, rc, e);
    }
    remove_older_copies(path, version);
    return 0;
}

int records_open_at(const char *path, const struct migration *list, size_t count, time_ns now, struct err *e,
                    struct db **db_out)
{
    int64_t version = 0;
    int rc = db_open(path, e, db_out);
    if (rc < 0) {
        return rc;
    }
    rc = migrate_version(*db_out, e, &version);
    if (rc == 0) {
        bool holds = version > 0 && version < (int64_t)count && strcmp(path, ":memory:") != 0;
        rc = holds ? renew(*db_out, path, version, list, count, now, e)
                   : migrate_run(*db_out, list, count, now, e);
    }
    if (rc < 0) {
        db_close(db_out);
    }
    return rc;
}

int records_open(const char *path, time_ns now, struct err *e, struct db **db_out)
{
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    return records_open_at(path, list, count, now, e, db_out);
}
