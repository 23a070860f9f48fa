/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The archive's writer: one transaction per window, one file per day, one chain. Runs in keeper,
 * one thread. Must never say a window is kept before its transaction is on disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/db.h"
#include "archive/priv.h"
#include "base/mem.h"
#include "base/vec.h"

enum { REPEATED_DAYS_MAX = 2 /* how many earlier files are asked for a window that may have been kept */ };

#define FIND_WINDOW "SELECT first_block FROM window WHERE intake=?1 AND id=?2"

static void close_day(struct archive *a)
{
    sqlite3_stmt **all[] = {&a->put_block, &a->put_window, &a->put_alert, &a->put_position,
                            &a->find_window, &a->put_matches};
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        (void)sqlite3_finalize(*all[i]);
        *all[i] = NULL;
    }
    dayfile_close(&a->db);
}

static int prepare_day(struct archive *a, struct err *e)
{
    const struct {
        sqlite3_stmt **to;
        const char *sql;
    } all[] = {
        {&a->put_block, DAYFILE_PUT_BLOCK},
        {&a->put_window, "INSERT INTO window VALUES(?1,?2,?3,?4,?5)"},
        {&a->put_alert, "INSERT INTO alert(day,block,record,body) VALUES(?1,?2,?3,?4)"},
        {&a->put_position, "INSERT OR REPLACE INTO position VALUES(?1,?2)"},
        {&a->put_matches, "INSERT INTO match(received,first_block,body) VALUES(?1,?2,?3)"},
        {&a->find_window, FIND_WINDOW},
    };
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(all); i++) {
        rc = dayfile_prepare(a->db, all[i].sql, all[i].to, e);
    }
    return rc;
}

/* Last link of the open file; the chain's start of the file when it has none yet. */
static int load_chain(struct archive *a, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(a->db,
                             "SELECT hash, id FROM block UNION ALL SELECT value, 0 FROM meta "
                             "WHERE key='chain' ORDER BY 2 DESC LIMIT 1",
                             &s, e);
    if (rc == 0) {
        rc = dayfile_row(a->db, s, e);
    }
    if (rc == 1) {
        struct span hash = dayfile_column(s, 0);
        a->next_id = (uint32_t)sqlite3_column_int64(s, 1) + 1;
        if (hash.len == ARCHIVE_HASH_BYTES) {
            memcpy(a->chain, hash.ptr, ARCHIVE_HASH_BYTES);
            rc = 0;
        } else {
            rc = err_set(e, ERR_INVALID, "chain: a hash of %zu bytes", hash.len);
        }
    } else if (rc == 0) {
        a->next_id = 1;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static int sync_folder(const char *folder, struct err *e)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = fd >= 0 && fsync(fd) == 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", folder);
    if (fd >= 0 && rc != 0) { /* told as SQLite tells its own: to ask again would be answered with "fine" */
        sqlite3_log(SQLITE_IOERR_DIR_FSYNC, "%s", folder);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

struct carried {
    struct archive_position *positions;
    size_t npositions;
    unsigned char chain[ARCHIVE_HASH_BYTES];
};

/* Tables of a new day's file and what it takes over from the day before, in one transaction. */
static int create_day(struct archive *a, int32_t day, const struct carried *carried, struct err *e)
{
    sqlite3_stmt *chain = NULL;
    sqlite3_stmt *position = NULL;
    int rc = dayfile_exec(a->db, "BEGIN IMMEDIATE", e);
    if (rc != 0) {
        return rc;
    }
    rc = dayfile_create(a->db, day, e);
    if (rc == 0) {
        rc = dayfile_prepare(a->db, "INSERT INTO meta VALUES('chain', ?1)", &chain, e);
    }
    if (rc == 0) {
        rc = dayfile_prepare(a->db, "INSERT INTO position VALUES(?1,?2)", &position, e);
    }
    if (rc == 0) {
        dayfile_bind_blob(chain, 1, span_make((const char *)carried->chain, ARCHIVE_HASH_BYTES));
        rc = dayfile_run(a->db, chain, e);
    }
    for (size_t i = 0; rc == 0 && i < carried->npositions; i++) {
        dayfile_bind_text(position, 1, carried->positions[i].name);
        dayfile_bind_blob(position, 2, carried->positions[i].value);
        rc = dayfile_run(a->db, position, e);
    }
    (void)sqlite3_finalize(chain);
    (void)sqlite3_finalize(position);
    if (rc == 0) {
        rc = dayfile_exec(a->db, "COMMIT", e);
    }
    if (rc != 0) {
        dayfile_rollback(a->db);
    }
    return rc;
}

/* Opens the file of `day`; an older one that is open is closed, its log folded in, and its chain
 * goes on here. */
static int step_day(struct archive *a, int32_t day, struct err *e)
{
    char path[DB_PATH_MAX];
    struct arena scratch;
    struct carried carried = {0};
    bool fresh = false, first = a->db == NULL;
    arena_init(&scratch, 0);
    int rc = dayfile_path(a->folder, day, path, e);
    if (rc == 0 && a->db != NULL) {
        memcpy(carried.chain, a->chain, sizeof carried.chain);
        rc = archive_positions(a, &scratch, &carried.positions, &carried.npositions, e);
    }
    if (rc != 0) {
        goto out;
    }
    close_day(a);
    rc = dayfile_open_writer(path, &a->db, &fresh, e);
    if (rc == 0 && first && !fresh) { /* what a power cut left behind the last commit goes: a log holds leftovers of one at most (os/sqlite_wal.h) */
        rc = dayfile_exec(a->db, "PRAGMA wal_checkpoint(TRUNCATE)", e);
    }
    if (rc == 0 && fresh) {
        rc = create_day(a, day, &carried, e);
    }
    if (rc == 0) {
        rc = prepare_day(a, e);
    }
    if (rc == 0) {
        rc = load_chain(a, e);
    }
    if (rc == 0) {
        rc = sync_folder(a->folder, e);
    }
    a->day = day;
    if (rc != 0) {
        close_day(a);
    }
out:
    arena_fini(&scratch);
    return rc;
}

/*
 * With no file open: goes to the newest that has its tables, then forward over files that a crash
 * left empty, so that the chain has no gap.
 */
static int resume(struct archive *a, int32_t before, struct err *e)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t ndays = 0;
    arena_init(&scratch, 0);
    int rc = archive_list_days(a->folder, &scratch, &days, &ndays, e);
    size_t from = ndays;
    for (bool fresh = true; rc == 0 && fresh && from > 0;) {
        char path[DB_PATH_MAX];
        from--;
        rc = dayfile_path(a->folder, days[from], path, e);
        if (rc == 0) {
            rc = dayfile_file_is_fresh(path, &fresh, e);
        }
    }
    for (size_t i = from; rc == 0 && i < ndays && (days[i] < before || i == from); i++) {
        rc = step_day(a, days[i], e);
    }
    arena_fini(&scratch);
    return rc;
}

int archive_use_day(struct archive *a, int32_t day, struct err *e)
{
    int rc = a->db == NULL ? resume(a, day, e) : 0;
    if (rc == 0 && (a->db == NULL || a->day < day)) {
        rc = step_day(a, day, e);
    }
    return rc;
}

int archive_end_days(struct archive *a, int32_t today, struct err *e)
{
    int rc = a->db == NULL ? resume(a, today, e) : 0;
    return rc == 0 && a->db != NULL && a->day < today && a->next_id > 1 ? step_day(a, today, e) : rc;
}

int32_t archive_open_day(const struct archive *a)
{
    return a->db == NULL ? INT32_MIN : a->day;
}

int archive_open(const char *folder, struct archive **out, struct err *e)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
        return err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    struct archive *a = mem_alloc(sizeof *a);
    a->folder = mem_strdup(folder);
    buf_init(&a->header, ARCHIVE_HEADER_MAX_BYTES);
    int rc = resume(a, INT32_MAX, e);
    if (rc != 0) {
        archive_close(&a);
        return rc;
    }
    *out = a;
    return 0;
}

void archive_close(struct archive **a)
{
    if (*a != NULL) {
        close_day(*a);
        buf_free(&(*a)->header);
        mem_free((*a)->folder);
        mem_free(*a);
        *a = NULL;
    }
}

int archive_put_link(struct archive *a, const struct archive_header *given, struct span body,
                     struct err *e)
{
    struct archive_header h = *given;
    h.day = a->day;
    h.id = a->next_id;
    memcpy(h.previous, a->chain, sizeof h.previous);
    buf_clear(&a->header);
    archive_header_encode(&a->header, &h);
    struct cursor c = cursor_of(buf_view(&a->header));
    struct archive_header checked;
    int rc = a->header.failed ? err_set(e, ERR_INVALID, "header over its limit")
                              : archive_header_decode(&c, &checked, e);
    if (rc != 0) {
        return rc;
    }
    unsigned char hash[ARCHIVE_HASH_BYTES];
    archive_hash(buf_view(&a->header), hash);
    rc = dayfile_put_block(a->db, a->put_block, &h, buf_view(&a->header), hash, body, e);
    if (rc == 0) {
        memcpy(a->chain, hash, sizeof hash);
        a->next_id++;
    }
    return rc;
}

static int check_window(const struct archive_window *w, struct err *e)
{
    if (w->nblocks > ARCHIVE_WINDOW_BLOCKS_MAX) {
        return err_set(e, ERR_INVALID, "window of %zu blocks", w->nblocks);
    }
    for (size_t i = 0; i < w->nblocks; i++) {
        if (w->blocks[i].header.kind != ARCHIVE_KIND_BLOCK || w->blocks[i].body.len == 0 ||
            w->blocks[i].body.len > ARCHIVE_BODY_MAX_BYTES) {
            return err_set(e, ERR_INVALID, "window's block %zu is not a block, or of %zu bytes", i,
                           w->blocks[i].body.len);
        }
    }
    for (size_t i = 0; i < w->nalerts; i++) {
        if (w->alerts[i].placed && w->alerts[i].body.len <= ARCHIVE_ALERT_MAX_BYTES) {
            continue;
        }
        if (w->alerts[i].block >= w->nblocks || w->alerts[i].body.len > ARCHIVE_ALERT_MAX_BYTES ||
            w->alerts[i].index >= w->blocks[w->alerts[i].block].header.count) {
            return err_set(e, ERR_INVALID, "window's alert %zu refers to no record of it", i);
        }
    }
    for (size_t i = 0; i < w->npositions; i++) {
        if (w->positions[i].name.len > ARCHIVE_POSITION_MAX_BYTES ||
            w->positions[i].value.len > ARCHIVE_POSITION_MAX_BYTES) {
            return err_set(e, ERR_INVALID, "window's position %zu is too long", i);
        }
    }
    if (w->matches.len > ARCHIVE_MATCHES_MAX_BYTES) {
        return err_set(e, ERR_INVALID, "window's matches are of %zu bytes", w->matches.len);
    }
    return 0;
}

/* 1 when that earlier day's file has the window. One that cannot be read holds nothing up: rather kept twice than not. */
static int find_in_day(const struct archive *a, int32_t day, const struct archive_window *w, struct archive_kept *out)
{
    char path[DB_PATH_MAX];
    sqlite3 *db = NULL;
    sqlite3_stmt *s = NULL;
    struct err e = {0};
    int rc = dayfile_path(a->folder, day, path, &e);
    rc = rc == 0 ? dayfile_open_reader(path, &db, &e) : rc;
    rc = rc == 0 ? dayfile_prepare(db, FIND_WINDOW, &s, &e) : rc;
    if (rc == 0) {
        MUST(sqlite3_bind_int64(s, 1, (int64_t)w->intake));
        MUST(sqlite3_bind_int64(s, 2, (int64_t)w->id));
        rc = dayfile_row(db, s, &e);
    }
    if (rc == 1) {
        *out = (struct archive_kept){day, (uint32_t)sqlite3_column_int64(s, 0), true};
    }
    (void)sqlite3_finalize(s);
    dayfile_close(&db);
    return rc == 1;
}

/* A window that comes once more after the day changed lies in a file that was the newest when it first came. */
static int find_earlier(const struct archive *a, const struct archive_window *w, struct archive_kept *out, struct err *e)
{
    struct arena scratch;
    int32_t *days = NULL;
    size_t n = 0, looked = 0;
    arena_init(&scratch, 0);
    int rc = archive_list_days(a->folder, &scratch, &days, &n, e);
    for (size_t i = n; rc == 0 && i-- > 0 && looked < REPEATED_DAYS_MAX && days[i] >= time_day(w->received);) {
        if (days[i] < a->day) {
            rc = find_in_day(a, days[i], w, out);
            looked++;
        }
    }
    arena_fini(&scratch);
    return rc;
}

static int find_repeated(struct archive *a, const struct archive_window *w,
                         struct archive_kept *out, struct err *e)
{
    MUST(sqlite3_bind_int64(a->find_window, 1, (int64_t)w->intake));
    MUST(sqlite3_bind_int64(a->find_window, 2, (int64_t)w->id));
    int rc = dayfile_row(a->db, a->find_window, e);
    if (rc == 1) {
        *out =
            (struct archive_kept){a->day, (uint32_t)sqlite3_column_int64(a->find_window, 0), true};
    }
    (void)sqlite3_reset(a->find_window);
    return rc == 0 && time_day(w->received) < a->day ? find_earlier(a, w, out, e) : rc;
}

/* The link that holds the hash of the window's alerts, rows `first_row` and on. */
static int put_alerts_link(struct archive *a, const struct archive_window *w, int64_t first_row,
                           const crypto_generichash_state *state, struct err *e)
{
    char first[32];
    crypto_generichash_state end = *state;
    struct archive_header h = {.kind = ARCHIVE_KIND_ALERTS,
                               .count = (uint32_t)w->nalerts,
                               .time_min = w->received,
                               .time_max = w->received,
                               .received_min = w->received,
                               .received_max = w->received};
    (void)snprintf(first, sizeof first, "%lld", (long long)first_row);
    h.class_name = span_of(first);
    archive_alerts_hash_end(&end, h.originals_hash);
    return archive_put_link(a, &h, span_make(NULL, 0), e);
}

static int put_alerts(struct archive *a, const struct archive_window *w, uint32_t first,
                      struct err *e)
{
    int rc = 0;
    int64_t first_row = 0;
    crypto_generichash_state hash;
    archive_alerts_hash_begin(&hash);
    a->last_alert = 0;
    for (size_t i = 0; rc == 0 && i < w->nalerts; i++) {
        const struct archive_alert_in *in = &w->alerts[i];
        struct archive_address here = {a->day, first + in->block, in->index};
        struct archive_address at = in->placed ? in->at : here;
        MUST(sqlite3_bind_int64(a->put_alert, 1, at.day));
        MUST(sqlite3_bind_int64(a->put_alert, 2, at.block));
        MUST(sqlite3_bind_int64(a->put_alert, 3, at.index));
        dayfile_bind_blob(a->put_alert, 4, in->body);
        rc = dayfile_run(a->db, a->put_alert, e);
        a->last_alert = (uint64_t)sqlite3_last_insert_rowid(a->db);
        first_row = i == 0 ? (int64_t)a->last_alert : first_row;
        archive_alerts_hash_add(&hash, at, in->body);
    }
    return rc == 0 && w->nalerts > 0 ? put_alerts_link(a, w, first_row, &hash, e) : rc;
}

/* How far the alerts were copied lies in the day's own meta; an earlier day's last ones may be
 * copied twice, harmlessly. */
static int put_copied(struct archive *a, struct err *e)
{
    char sql[128];
    if (a->copied_row == 0 || a->copied_day != a->day) {
        return 0;
    }
    (void)snprintf(sql, sizeof sql,
                   "INSERT OR REPLACE INTO meta VALUES('copied', CAST('%llu' AS BLOB))",
                   (unsigned long long)a->copied_row);
    a->copied_row = 0;
    return dayfile_exec(a->db, sql, e);
}

static int put_matches(struct archive *a, time_ns received, uint32_t first, struct span body, struct err *e)
{
    MUST(sqlite3_bind_int64(a->put_matches, 1, received));
    MUST(sqlite3_bind_int64(a->put_matches, 2, first));
    dayfile_bind_blob(a->put_matches, 3, body);
    return dayfile_run(a->db, a->put_matches, e);
}

/* What lies in an earlier day's file stays there: it is little, and the file goes as a whole. */
static int drop_matches(struct archive *a, struct err *e)
{
    char sql[96];
    struct archive_match_place done = a->matches_done;
    if (done.row == 0 || done.day != a->day) {
        return 0;
    }
    a->matches_done.row = 0;
    (void)snprintf(sql, sizeof sql, "DELETE FROM match WHERE id<=%llu", (unsigned long long)done.row);
    return dayfile_exec(a->db, sql, e);
}

/* An older program must not take headers and bodies that it does not know for broken ones. In a file of format 1 alerts stand beside
 * the chain, which its number says: it stays one. */
static int raise_format(struct archive *a, struct err *e)
{
    int format = dayfile_format(a->db);
    return format > 1 && format < ARCHIVE_FORMAT ? dayfile_set_format(a->db, ARCHIVE_FORMAT, e) : 0;
}

static int put_window(struct archive *a, const struct archive_window *w, uint32_t first,
                      struct err *e)
{
    int rc = raise_format(a, e);
    uint64_t records = 0;
    for (size_t i = 0; rc == 0 && i < w->nblocks; i++) {
        rc = archive_put_link(a, &w->blocks[i].header, w->blocks[i].body, e);
        records += w->blocks[i].header.count;
    }
    if (rc == 0) {
        rc = put_alerts(a, w, first, e);
    }
    for (size_t i = 0; rc == 0 && i < w->npositions; i++) {
        dayfile_bind_text(a->put_position, 1, w->positions[i].name);
        dayfile_bind_blob(a->put_position, 2, w->positions[i].value);
        rc = dayfile_run(a->db, a->put_position, e);
    }
    if (rc == 0) {
        const int64_t values[] = {(int64_t)w->intake, (int64_t)w->id, first, w->received,
                                  (int64_t)records};
        for (size_t i = 0; i < ARRAY_LEN(values); i++) {
            MUST(sqlite3_bind_int64(a->put_window, (int)i + 1, values[i]));
        }
        rc = dayfile_run(a->db, a->put_window, e);
    }
    if (rc == 0 && w->matches.len > 0) {
        rc = put_matches(a, w->received, first, w->matches, e);
    }
    rc = rc == 0 ? drop_matches(a, e) : rc;
    return rc == 0 ? put_copied(a, e) : rc;
}

int archive_tick(struct archive *a, time_ns now, struct archive_match_place *place_out, struct err *e)
{
    int rc = archive_use_day(a, (int32_t)time_day(now), e);
    rc = rc == 0 ? dayfile_exec(a->db, "BEGIN IMMEDIATE", e) : rc;
    if (rc != 0) {
        return rc;
    }
    rc = put_matches(a, now, 0, SPAN(""), e);
    *place_out = (struct archive_match_place){a->day, (uint64_t)sqlite3_last_insert_rowid(a->db)};
    rc = rc == 0 ? drop_matches(a, e) : rc;
    rc = rc == 0 ? dayfile_exec(a->db, "COMMIT", e) : rc;
    if (rc != 0) {
        dayfile_rollback(a->db);
    }
    return rc;
}

void archive_matches_done(struct archive *a, struct archive_match_place upto)
{
    a->matches_done = upto;
}

void archive_copied(struct archive *a, int32_t day, uint64_t row)
{
    a->copied_day = day;
    a->copied_row = row;
}

uint64_t archive_last_alert(const struct archive *a)
{
    return a->last_alert;
}

int archive_write(struct archive *a, const struct archive_window *w, struct archive_kept *out,
                  struct err *e)
{
    int rc = check_window(w, e);
    if (rc == 0 && a->db == NULL) {
        rc = resume(a, INT32_MAX, e);
    }
    if (rc == 0 && a->db != NULL) {
        /* Before the day changes: a window repeated over midnight lies in yesterday's file. */
        rc = find_repeated(a, w, out, e);
    }
    if (rc != 0) {
        return rc < 0 ? rc : 0;
    }
    rc = archive_use_day(a, (int32_t)time_day(w->received), e);
    if (rc == 0) {
        rc = dayfile_exec(a->db, "BEGIN IMMEDIATE", e);
    }
    if (rc != 0) {
        return rc;
    }
    uint32_t first = a->next_id;
    unsigned char chain[ARCHIVE_HASH_BYTES];
    memcpy(chain, a->chain, sizeof chain);
    rc = put_window(a, w, first, e);
    if (rc == 0) {
        rc = dayfile_exec(a->db, "COMMIT", e);
    }
    if (rc != 0) {
        dayfile_rollback(a->db);
        memcpy(a->chain, chain, sizeof chain);
        a->next_id = first;
        return rc;
    }
    *out = (struct archive_kept){a->day, first, false};
    return 0;
}

int archive_positions(struct archive *a, struct arena *scratch, struct archive_position **out,
                      size_t *count_out, struct err *e)
{
    *out = NULL;
    *count_out = 0;
    if (a->db == NULL) {
        return 0;
    }
    sqlite3_stmt *s = NULL;
    VEC(struct archive_position) all = {0};
    int rc = dayfile_prepare(a->db, "SELECT name, value FROM position ORDER BY name", &s, e);
    while (rc == 0 && (rc = dayfile_row(a->db, s, e)) == 1) {
        struct archive_position p = {arena_copy(scratch, dayfile_column(s, 0)),
                                     arena_copy(scratch, dayfile_column(s, 1))};
        vec_push(&all, p);
        rc = 0;
    }
    (void)sqlite3_finalize(s);
    if (rc == 0 && all.len > 0) {
        *out = arena_calloc(scratch, all.len, sizeof **out);
        memcpy(*out, all.data, all.len * sizeof **out);
        *count_out = all.len;
    }
    vec_free(&all);
    return rc;
}
