/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Retention: whole days go; a note of each stays in the chain, with what it held and where its
 * chain began and ended, so that `verify` can tell a day that was let go from one that was taken
 * away. Runs in keeper.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "archive/purge_priv.h"
#include "base/id.h"

struct summary {
    int64_t links;
    int64_t records;
    int64_t bytes;
    char first[2 * ARCHIVE_HASH_BYTES + 1]; /* hash before its first link */
    char last[2 * ARCHIVE_HASH_BYTES + 1];  /* hash of its last link */
};

static void hex_of(struct span hash, char out[2 * ARCHIVE_HASH_BYTES + 1])
{
    unsigned char zero[ARCHIVE_HASH_BYTES] = {0};
    hex_encode(hash.len == ARCHIVE_HASH_BYTES ? hash.ptr : (const char *)zero, ARCHIVE_HASH_BYTES,
               out);
}

static int summarise(const char *path, struct summary *out, struct err *e)
{
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    int rc = dayfile_open_reader(path, &db, e);
    if (rc == 0) {
        rc = dayfile_prepare(db,
                             "SELECT coalesce(max(id),0), coalesce(sum(CASE WHEN kind IN (0,3) THEN count END),0),"
                             " coalesce(sum(bytes),0),"
                             " (SELECT value FROM meta WHERE key='chain'),"
                             " (SELECT hash FROM block ORDER BY id DESC LIMIT 1) FROM block",
                             &s, e);
    }
    if (rc == 0) {
        rc = dayfile_row(db, s, e);
    }
    if (rc == 1) {
        out->links = sqlite3_column_int64(s, 0);
        out->records = sqlite3_column_int64(s, 1);
        out->bytes = sqlite3_column_int64(s, 2);
        hex_of(dayfile_column(s, 3), out->first);
        hex_of(out->links > 0 ? dayfile_column(s, 4) : dayfile_column(s, 3), out->last);
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    dayfile_close(&db);
    return rc;
}

int retention_delete_day(const char *path, struct err *e)
{
    static const char *const tails[] = {"-shm", "-wal", ""};
    for (size_t i = 0; i < ARRAY_LEN(tails); i++) {
        char name[DB_PATH_MAX + 8];
        (void)snprintf(name, sizeof name, "%s%s", path, tails[i]);
        if (unlink(name) != 0 && errno != ENOENT) {
            return err_set_errno(e, ERR_IO, errno, "%s", name);
        }
    }
    return 0;
}

int retention_drop_day(struct archive *a, int32_t day, struct span reason, time_ns now, struct err *e)
{
    char path[DB_PATH_MAX];
    struct summary sum = {0};
    int rc = dayfile_path(a->folder, day, path, e);
    if (rc == 0) {
        rc = summarise(path, &sum, e);
    }
    if (rc != 0) {
        return rc;
    }
    char text[ARCHIVE_NOTE_MAX - NOTE_TAIL_MAX];
    struct span head = span_make(path + strlen(path) - DB_NAME_LEN, DB_NAME_LEN - 3);
    struct span short_reason = span_sub(reason, 0, 256);
    int n = snprintf(text, sizeof text,
                     "deleted %.*s first=%s last=%s links=%lld records=%lld bytes=%lld reason=%.*s",
                     SPAN_ARG(head), sum.first, sum.last, (long long)sum.links,
                     (long long)sum.records, (long long)sum.bytes, SPAN_ARG(short_reason));
    CHECK(n > 0 && n < (int)sizeof text);
    rc = purge_note_put(a, span_sub(span_of(text), 0, (size_t)(strstr(text, " links=") - text)),
                        span_make(text, (size_t)n), now, e);
    return rc == 0 ? retention_delete_day(path, e) : rc;
}

int archive_retain(struct archive *a, int32_t day, struct span reason, time_ns now,
                   size_t *count_out, struct err *e)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t ndays = 0;
    *count_out = 0;
    arena_init(&scratch, 0);
    int rc = archive_list_days(a->folder, &scratch, &days, &ndays, e);
    if (rc == 0 && ndays > 0 && days[0] < day) {
        rc = archive_use_day(a, (int32_t)time_day(now), e); /* where the notes go */
    }
    for (size_t i = 0; rc == 0 && i < ndays && days[i] < day && days[i] < a->day; i++) {
        rc = retention_drop_day(a, days[i], reason, now, e);
        *count_out += rc == 0;
    }
    arena_fini(&scratch);
    return rc;
}
