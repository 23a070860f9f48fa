/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The archive's readers: a record by its address, blocks, alerts. Run in keeper's reader threads
 * (one struct each) and in `sereno verify`. Bytes on disk are not trusted: they may be damaged, or
 * changed by someone.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "archive/block.h"
#include "archive/priv.h"
#include "archive/stretch.h"
#include "base/mem.h"
#include "base/vec.h"

struct archive_reader {
    char *folder;
    sqlite3 *db; /* the day read last */
    int32_t day;
    bool steady;
};

static int compare_days(const void *a, const void *b)
{
    const int32_t *x = a;
    const int32_t *y = b;
    return *x < *y ? -1 : *x > *y;
}

int archive_list_days(const char *folder, struct arena *scratch, int32_t **out, size_t *count_out,
                      struct err *e)
{
    DIR *d = opendir(folder);
    VEC(int32_t) days = {0};
    if (d == NULL) {
        return err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    for (struct dirent *entry = readdir(d); entry != NULL; entry = readdir(d)) {
        int32_t day;
        if (dayfile_name_day(entry->d_name, &day)) {
            vec_push(&days, day);
        }
    }
    (void)closedir(d);
    *count_out = days.len;
    *out = arena_calloc(scratch, days.len, sizeof **out);
    if (days.len > 0) {
        qsort(days.data, days.len, sizeof days.data[0], compare_days);
        memcpy(*out, days.data, days.len * sizeof **out);
    }
    vec_free(&days);
    return 0;
}

const char *archive_reader_folder(const struct archive_reader *r)
{
    return r->folder;
}

int archive_reader_open(const char *folder, struct archive_reader **out, struct err *e)
{
    DIR *d = opendir(folder);
    if (d == NULL) {
        return err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    (void)closedir(d);
    struct archive_reader *r = mem_alloc(sizeof *r);
    r->folder = mem_strdup(folder);
    *out = r;
    return 0;
}

void archive_reader_close(struct archive_reader **r)
{
    if (*r != NULL) {
        dayfile_close(&(*r)->db);
        mem_free((*r)->folder);
        mem_free(*r);
        *r = NULL;
    }
}

int archive_days(struct archive_reader *r, struct arena *scratch, int32_t **out, size_t *count_out,
                 struct err *e)
{
    return archive_list_days(r->folder, scratch, out, count_out, e);
}

static int use_day(struct archive_reader *r, int32_t day, struct err *e)
{
    char path[DB_PATH_MAX];
    if (r->db != NULL && r->day == day) {
        return 0;
    }
    dayfile_close(&r->db);
    int rc = dayfile_path(r->folder, day, path, e);
    if (rc == 0) {
        rc = dayfile_open_reader(path, &r->db, e);
    }
    if (rc == 0 && r->steady) {
        rc = dayfile_exec(r->db, "BEGIN", e);
    }
    if (rc != 0) {
        dayfile_close(&r->db);
    }
    r->day = day;
    return rc;
}

void archive_reader_steady(struct archive_reader *r, bool steady)
{
    dayfile_close(&r->db);
    r->steady = steady;
}

int archive_reader_day(struct archive_reader *r, int32_t day, sqlite3 **out, struct err *e)
{
    int rc = use_day(r, day, e);
    *out = r->db;
    return rc;
}

/* Adds day and block to what went wrong, so that a person can find it. */
static int blame(struct err *e, int rc, int32_t day, uint32_t block)
{
    if (e != NULL) {
        char when[TIME_TEXT_MAX];
        char where[ERR_WHERE_MAX];
        (void)time_format((time_ns)day * TIME_DAY, when);
        (void)snprintf(where, sizeof where, "archive day %.10s block %u", when, block);
        err_at(e, where, 0);
    }
    return rc;
}

int archive_read_block(struct archive_reader *r, int32_t day, uint32_t block, struct arena *scratch,
                       struct archive_header *header_out, struct span *body_out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = use_day(r, day, e);
    if (rc == 0) {
        rc = dayfile_prepare(r->db, "SELECT header, body FROM block WHERE id=?1", &s, e);
    }
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, block));
        rc = dayfile_row(r->db, s, e);
        rc = rc == 0 ? err_set(e, ERR_NOT_FOUND, "no such block") : rc < 0 ? rc : 0;
    }
    if (rc == 0) {
        struct cursor c = cursor_of(arena_copy(scratch, dayfile_column(s, 0)));
        rc = archive_header_decode(&c, header_out, e);
        *body_out = span_make(NULL, 0);
        if (rc == 0 && sqlite3_column_type(s, 1) != SQLITE_NULL) {
            *body_out = arena_copy(scratch, dayfile_column(s, 1));
        }
    }
    (void)sqlite3_finalize(s);
    return rc == 0 ? 0 : blame(e, rc, day, block);
}

/* Looks for one record among those of a unit. 1: found. */
static int fetch_merged(struct archive_reader *r, struct archive_address address,
                        struct arena *scratch, struct archive_record *out, struct err *e)
{
    struct stretch s = {0};
    int rc = use_day(r, address.day, e);
    rc = rc == 0 ? stretch_find(r->db, address.block, scratch, &s, e) : rc;
    CHECK(rc != 1 || s.links != NULL);
    uint32_t unit = rc == 1 ? s.links[address.block - s.first].unit : 0;
    if (rc != 1 || unit == 0) {
        return rc < 0 ? rc : 0;
    }
    for (size_t i = 0; i < s.units[unit - 1].npacks; i++) {
        struct archive_header h;
        struct span body;
        struct block b;
        rc = archive_read_block(r, address.day, s.units[unit - 1].packs[i], scratch, &h, &body, e);
        if (rc == 0 && h.kind != ARCHIVE_KIND_PACK) {
            rc = err_set(e, ERR_INVALID, "is not the merged block that was written here");
        } else if (rc == 0 && body.ptr == NULL) {
            rc = err_set(e, ERR_NOT_FOUND, "its originals were purged");
        }
        rc = rc == 0 ? block_unpack(&h, body, scratch, &b, e) : rc;
        rc = rc == 0 ? block_check(&h, &b, e) : rc;
        for (size_t k = 0; rc == 0 && k < b.count; k++) {
            if (b.origins[k].block == address.block && b.origins[k].index == address.index) {
                *out = b.records[k];
                return 1;
            }
        }
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

int archive_fetch(struct archive_reader *r, struct archive_address address, struct arena *scratch,
                  struct archive_record *out, struct err *e)
{
    struct archive_header h;
    struct span body;
    struct block b;
    int rc = fetch_merged(r, address, scratch, out, e);
    if (rc != 0) {
        return rc == 1 ? 0 : blame(e, rc, address.day, address.block);
    }
    rc = archive_read_block(r, address.day, address.block, scratch, &h, &body, e);
    if (rc != 0) {
        return rc;
    }
    if (h.kind != ARCHIVE_KIND_BLOCK || address.index >= h.count) {
        rc = err_set(e, ERR_NOT_FOUND, "no record %u", address.index);
    } else if (body.ptr == NULL) {
        rc = err_set(e, ERR_NOT_FOUND, "its originals were purged");
    } else {
        rc = block_unpack(&h, body, scratch, &b, e);
    }
    if (rc == 0) {
        rc = block_check(&h, &b, e);
    }
    if (rc != 0) {
        return blame(e, rc, address.day, address.block);
    }
    *out = b.records[address.index];
    return 0;
}

int archive_alerts(struct archive_reader *r, int32_t day, uint64_t after, size_t max,
                   struct arena *scratch, struct archive_alert **out, size_t *count_out,
                   struct err *e)
{
    sqlite3_stmt *s = NULL;
    *count_out = 0;
    *out = arena_calloc(scratch, max, sizeof **out);
    int rc = use_day(r, day, e);
    if (rc == 0) {
        rc = dayfile_prepare(
            r->db,
            "SELECT id, day, block, record, body FROM alert WHERE id>?1 ORDER BY id LIMIT ?2", &s,
            e);
    }
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after));
        MUST(sqlite3_bind_int64(s, 2, max > INT32_MAX ? INT32_MAX : (int64_t)max));
    }
    while (rc == 0 && (rc = dayfile_row(r->db, s, e)) == 1) {
        (*out)[(*count_out)++] = (struct archive_alert){
            .row = (uint64_t)sqlite3_column_int64(s, 0),
            .address = {(int32_t)sqlite3_column_int64(s, 1), (uint32_t)sqlite3_column_int64(s, 2),
                        (uint32_t)sqlite3_column_int64(s, 3)},
            .body = arena_copy(scratch, dayfile_column(s, 4)),
        };
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int archive_matches(struct archive_reader *r, int32_t day, uint64_t after, size_t max, size_t max_bytes,
                    struct arena *scratch, struct archive_match **out, size_t *count_out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    size_t bytes = 0;
    *count_out = 0;
    *out = arena_calloc(scratch, max, sizeof **out);
    int rc = use_day(r, day, e);
    if (rc == 0 && sqlite3_table_column_metadata(r->db, NULL, "match", "id", NULL, NULL, NULL, NULL, NULL) != SQLITE_OK) {
        return 0; /* a file from before correlations were stored */
    }
    rc = rc == 0 ? dayfile_prepare(r->db, "SELECT id, received, first_block, body FROM match WHERE id>?1 ORDER BY id LIMIT ?2",
                                   &s, e)
                 : rc;
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, after > INT64_MAX ? INT64_MAX : (int64_t)after));
        MUST(sqlite3_bind_int64(s, 2, max > INT32_MAX ? INT32_MAX : (int64_t)max));
    }
    while (rc == 0 && bytes < max_bytes && (rc = dayfile_row(r->db, s, e)) == 1) {
        (*out)[*count_out] = (struct archive_match){
            .place = {day, (uint64_t)sqlite3_column_int64(s, 0)},
            .received = sqlite3_column_int64(s, 1),
            .first_block = (uint32_t)sqlite3_column_int64(s, 2),
            .body = arena_copy(scratch, dayfile_column(s, 3)),
        };
        bytes += (*out)[(*count_out)++].body.len;
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int archive_block_owner(struct archive_reader *r, int32_t day, uint32_t block, struct arena *scratch,
                        struct span *organisation_out, uint32_t *count_out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    struct stretch merged = {0};
    int64_t row = block;
    int64_t count = -1;
    int rc = use_day(r, day, e);
    rc = rc == 0 ? stretch_find(r->db, block, scratch, &merged, e) : rc;
    CHECK(rc != 1 || merged.links != NULL);
    if (rc == 1 && merged.links[block - merged.first].unit > 0) {
        const struct stretch_link *link = &merged.links[block - merged.first];
        row = merged.units[link->unit - 1].packs[0];
        count = link->count;
    }
    rc = rc == 1 ? 0 : rc;
    rc = rc == 0 ? dayfile_prepare(r->db, "SELECT organisation, count FROM block WHERE id=?1 AND kind IN (0,3)", &s, e) : rc;
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, row));
        rc = dayfile_row(r->db, s, e);
    }
    if (rc == 1) {
        *organisation_out = arena_copy(scratch, dayfile_column(s, 0));
        *count_out = (uint32_t)(count >= 0 ? count : sqlite3_column_int64(s, 1));
    }
    (void)sqlite3_finalize(s);
    return rc == 1 ? 0 : rc == 0 ? err_set(e, ERR_NOT_FOUND, "no block %u on that day", block) : rc;
}

/* One number from one query. */
static int ask_number(struct archive_reader *r, const char *sql, uint64_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(r->db, sql, &s, e);
    if (rc == 0) {
        rc = dayfile_row(r->db, s, e);
        *out = rc == 1 ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
        rc = rc < 0 ? rc : 0;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int archive_copied_row(struct archive_reader *r, int32_t day, uint64_t *row_out, struct err *e)
{
    *row_out = 0;
    int rc = use_day(r, day, e);
    return rc != 0
               ? rc
               : ask_number(
                     r, "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE key='copied'",
                     row_out, e);
}

int archive_totals(struct archive_reader *r, struct archive_totals *out, struct err *e)
{
    static const char *const tails[] = {"", "-wal"};
    struct arena scratch;
    int32_t *days = NULL;
    size_t ndays = 0;
    *out = (struct archive_totals){.oldest_day = -1};
    arena_init(&scratch, 0);
    int rc = archive_list_days(r->folder, &scratch, &days, &ndays, e);
    for (size_t i = 0; rc == 0 && i < ndays; i++) {
        char path[DB_PATH_MAX];
        uint64_t events = 0;
        rc = dayfile_path(r->folder, days[i], path, e);
        for (size_t k = 0; rc == 0 && k < ARRAY_LEN(tails); k++) {
            struct stat st;
            const char *name = arena_printf(&scratch, "%s%s", path, tails[k]);
            out->bytes_on_disk += stat(name, &st) == 0 ? (uint64_t)st.st_size : 0;
        }
        if (rc == 0 && use_day(r, days[i], NULL) == 0 &&
            ask_number(r, "SELECT coalesce(sum(records),0) FROM window", &events, NULL) == 0) {
            out->events += events;
        }
    }
    out->days = ndays;
    out->oldest_day = ndays == 0 ? -1 : days[0];
    arena_fini(&scratch);
    return rc;
}

static int read_end(struct archive_reader *r, int32_t day, struct archive_end *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = use_day(r, day, e);
    rc = rc == 0 ? dayfile_prepare(r->db, "SELECT id, hash, received_max FROM block WHERE kind<>3 ORDER BY id DESC LIMIT 1", &s, e) : rc;
    rc = rc == 0 ? dayfile_row(r->db, s, e) : rc;
    if (rc == 1) {
        struct span hash = dayfile_column(s, 1);
        int64_t id = sqlite3_column_int64(s, 0);
        rc = hash.len == ARCHIVE_HASH_BYTES && id > 0 && id <= UINT32_MAX ? 1 : err_set(e, ERR_INVALID, "its newest link is damaged");
        out->day = day;
        out->link = (uint32_t)id;
        out->received = sqlite3_column_int64(s, 2);
        if (rc == 1) {
            memcpy(out->hash, hash.ptr, ARCHIVE_HASH_BYTES);
        }
    }
    (void)sqlite3_finalize(s);
    return rc < 0 && rc != ERR_NOT_FOUND ? blame(e, rc, day, out->link) : rc;
}

int archive_is_sealed(struct archive_reader *r, int32_t day, const struct seal *last, bool *out, struct err *e)
{
    struct archive_end end = {.received = TIME_NONE};
    int rc = day < last->head.day ? 0 : read_end(r, day, &end, e);
    *out = rc >= 0 && (day < last->head.day || end.link == 0 || (day == last->head.day && end.link <= last->head.link));
    return rc < 0 ? rc : 0;
}

int archive_reader_end(struct archive_reader *r, struct archive_end *out, struct err *e)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t n = 0;
    *out = (struct archive_end){.received = TIME_NONE};
    arena_init(&scratch, 0);
    int rc = archive_days(r, &scratch, &days, &n, e);
    int found = 0;
    while (rc == 0 && found == 0 && n > 0) {
        found = read_end(r, days[--n], out, e);
        found = found == ERR_NOT_FOUND ? 0 : found; /* a file that a crash left before its tables were made */
    }
    arena_fini(&scratch);
    if (rc == 0 && found == 0) {
        return err_set(e, ERR_NOT_FOUND, "nothing was kept yet");
    }
    return rc < 0 ? rc : found < 0 ? found : 0;
}
