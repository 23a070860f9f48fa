/* SPDX-License-Identifier: EUPL-1.2 */
/* SQLite day files: see db.h. Runs in keeper (writer and reader threads) and in `sereno verify`. */
#include "archive/db.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "os/sqlite_why.h"

enum { BUSY_MS = 5000 /* a reader's checkpoint may hold the writer up for a moment */ };

static const char schema[] =
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;"
    /* One row per link of the chain, blocks and notes; body last, so that a walk over headers skips
       its pages. */
    "CREATE TABLE block(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, organisation TEXT NOT NULL,"
    " source TEXT NOT NULL, class TEXT NOT NULL, count INTEGER NOT NULL, time_min INTEGER NOT NULL,"
    " time_max INTEGER NOT NULL, received_min INTEGER NOT NULL, received_max INTEGER NOT NULL,"
    " bytes INTEGER NOT NULL, header BLOB NOT NULL, hash BLOB NOT NULL, body BLOB) STRICT;"
    "CREATE INDEX block_time ON block(organisation, time_min, time_max);"
    "CREATE TABLE window(intake INTEGER NOT NULL, id INTEGER NOT NULL, first_block INTEGER NOT "
    "NULL,"
    " received INTEGER NOT NULL, records INTEGER NOT NULL, PRIMARY KEY(intake, id)) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE alert(id INTEGER PRIMARY KEY, day INTEGER NOT NULL, block INTEGER NOT NULL, "
    "record INTEGER NOT NULL,"
    " body BLOB NOT NULL) STRICT;"
    "CREATE TABLE position(name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;";

/* Came after the first files of format 1 were written; a program that does not know it leaves it alone. */
static const char later_tables[] =
    "CREATE TABLE IF NOT EXISTS match(id INTEGER PRIMARY KEY AUTOINCREMENT, received INTEGER NOT NULL,"
    " first_block INTEGER NOT NULL, body BLOB NOT NULL) STRICT;"
    /* Stretches of links whose small blocks were merged: stretch.h. */
    "CREATE TABLE IF NOT EXISTS stretch(first INTEGER PRIMARY KEY, last INTEGER NOT NULL,"
    " links BLOB NOT NULL) STRICT;"
    /* What stays of merged blocks whose records were let go: purge_stub.c. */
    "CREATE TABLE IF NOT EXISTS stub(pack INTEGER PRIMARY KEY, links BLOB NOT NULL) STRICT;"
    /* Token filters that merging made, filter_stored: filter.h. */
    "CREATE TABLE IF NOT EXISTS filter(block INTEGER PRIMARY KEY, bytes BLOB NOT NULL) STRICT;";

int dayfile_path(const char *folder, int32_t day, char out[DB_PATH_MAX], struct err *e)
{
    struct time_parts p;
    time_to_parts((time_ns)day * TIME_DAY, &p);
    int n = snprintf(out, DB_PATH_MAX, "%s/%04d-%02d-%02d.db", folder, p.year, p.month, p.day);
    return n > 0 && n < DB_PATH_MAX ? 0 : err_set(e, ERR_LIMIT, "archive folder: path too long");
}

bool dayfile_name_day(const char *name, int32_t *day_out)
{
    time_ns t;
    size_t n = strlen(name);
    if (n != DB_NAME_LEN || strcmp(name + 10, ".db") != 0 || name[4] != '-' ||
        !time_parse(span_make(name, 10), 0, &t)) {
        return false;
    }
    *day_out = (int32_t)time_day(t);
    return true;
}

int dayfile_fail(sqlite3 *db, struct err *e, const char *doing)
{
    int code = sqlite3_errcode(db) == SQLITE_FULL ? ERR_LIMIT : ERR_IO;
    const char *file = sqlite3_db_filename(db, "main");
    char why[SQLITE_WHY_MAX];
    (void)err_set(e, code, "%s: %s", doing, sqlite_why(db, why));
    err_at(e, file == NULL ? "archive" : file, 0);
    return code;
}

int dayfile_exec(sqlite3 *db, const char *sql, struct err *e)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : dayfile_fail(db, e, sql);
}

void dayfile_rollback(sqlite3 *db)
{
    if (sqlite3_get_autocommit(db) == 0) {
        (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
}

int dayfile_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *e)
{
    return sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
               ? 0
               : dayfile_fail(db, e, sql);
}

int dayfile_row(sqlite3 *db, sqlite3_stmt *s, struct err *e)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW) {
        return 1;
    }
    if (rc == SQLITE_DONE) {
        return 0;
    }
    return dayfile_fail(db, e, sqlite3_sql(s));
}

int dayfile_run(sqlite3 *db, sqlite3_stmt *s, struct err *e)
{
    int rc = dayfile_row(db, s, e);
    (void)sqlite3_reset(s); /* repeats the error of the step */
    (void)sqlite3_clear_bindings(s);
    CHECK(rc <= 0);
    return rc;
}

void dayfile_bind_blob(sqlite3_stmt *s, int at, struct span bytes)
{
    MUST(sqlite3_bind_blob64(s, at, bytes.ptr == NULL ? "" : bytes.ptr, bytes.len, SQLITE_STATIC));
}

void dayfile_bind_text(sqlite3_stmt *s, int at, struct span text)
{
    MUST(sqlite3_bind_text64(s, at, text.ptr == NULL ? "" : text.ptr, text.len, SQLITE_STATIC,
                             SQLITE_UTF8));
}

struct span dayfile_column(sqlite3_stmt *s, int at)
{
    const char *p = sqlite3_column_blob(s, at);
    int n = sqlite3_column_bytes(s, at);
    return span_make(p == NULL ? "" : p, p == NULL || n < 0 ? 0 : (size_t)n);
}

int dayfile_put_block(sqlite3 *db, sqlite3_stmt *s, const struct archive_header *h,
                      struct span header, const unsigned char hash[ARCHIVE_HASH_BYTES],
                      struct span body, struct err *e)
{
    const int64_t numbers[] = {h->count,        h->time_min,     h->time_max,
                               h->received_min, h->received_max, h->originals_bytes};
    MUST(sqlite3_bind_int64(s, 1, h->id));
    MUST(sqlite3_bind_int64(s, 2, (int64_t)h->kind));
    dayfile_bind_text(s, 3, h->organisation);
    dayfile_bind_text(s, 4, h->source);
    dayfile_bind_text(s, 5, h->class_name);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        MUST(sqlite3_bind_int64(s, 6 + (int)i, numbers[i]));
    }
    dayfile_bind_blob(s, 12, header);
    dayfile_bind_blob(s, 13, span_make((const char *)hash, ARCHIVE_HASH_BYTES));
    if (body.ptr != NULL) {
        dayfile_bind_blob(s, 14, body);
    }
    return dayfile_run(db, s, e);
}

bool dayfile_has_filters(sqlite3 *db)
{
    return sqlite3_table_column_metadata(db, NULL, "filter", "block", NULL, NULL, NULL, NULL, NULL) == SQLITE_OK;
}

void dayfile_close(sqlite3 **db)
{
    if (*db != NULL) {
        CHECK(sqlite3_close(*db) == SQLITE_OK); /* statements are finalised first */
        *db = NULL;
    }
}

static int pragma_number(sqlite3 *db, const char *sql, int64_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int rc = dayfile_prepare(db, sql, &s, e);
    if (rc == 0) {
        rc = dayfile_row(db, s, e);
        *out = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
        rc = rc < 0 ? rc : 0;
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int dayfile_format(sqlite3 *db)
{
    int64_t format = 0;
    struct err ignored = {0};
    return pragma_number(db, "PRAGMA user_version", &format, &ignored) == 0 ? (int)format : 0;
}

int dayfile_set_format(sqlite3 *db, int format, struct err *e)
{
    char sql[64];
    (void)snprintf(sql, sizeof sql, "PRAGMA user_version=%d", format);
    return dayfile_exec(db, sql, e);
}

/* Not ours, or newer than this program: say so before anything is read or written. */
static int check_format(sqlite3 *db, const char *path, struct err *e)
{
    int64_t application = 0;
    int64_t format = 0;
    int rc = pragma_number(db, "PRAGMA application_id", &application, e);
    if (rc == 0) {
        rc = pragma_number(db, "PRAGMA user_version", &format, e);
    }
    if (rc == 0 && application != ARCHIVE_APPLICATION_ID) {
        rc = err_set(e, ERR_UNSUPPORTED, "is not an archive file of Sereno");
    } else if (rc == 0 && (format < 1 || format > ARCHIVE_FORMAT)) {
        rc = err_set(e, ERR_UNSUPPORTED, "has format %lld; this program knows formats up to %d",
                     (long long)format, (int)ARCHIVE_FORMAT);
    }
    err_at(e, path, 0);
    return rc;
}

static int open_db(const char *path, int flags, sqlite3 **out, struct err *e)
{
    int rc = sqlite3_open_v2(path, out, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW, NULL);
    if (rc != SQLITE_OK) {
        rc = *out == NULL ? err_set(e, ERR_IO, "out of memory") : dayfile_fail(*out, e, "open");
        err_at(e, path, 0);
        dayfile_close(out);
        return rc;
    }
    (void)sqlite3_busy_timeout(*out, BUSY_MS);
    (void)sqlite3_db_config(*out, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    (void)sqlite3_db_config(*out, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    (void)sqlite3_db_config(*out, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    (void)sqlite3_db_config(*out, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    (void)sqlite3_limit(*out, SQLITE_LIMIT_LENGTH, 16 * 1024 * 1024);
    rc = dayfile_exec(*out,
                      "PRAGMA cell_size_check=ON; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0", e);
    if (rc != 0) {
        dayfile_close(out);
    }
    return rc;
}

int dayfile_create(sqlite3 *db, int32_t day, struct err *e)
{
    char sql[256];
    (void)snprintf(sql, sizeof sql,
                   "PRAGMA application_id=%d; PRAGMA user_version=%d;"
                   "INSERT INTO meta VALUES('day', CAST('%d' AS BLOB))",
                   ARCHIVE_APPLICATION_ID, (int)ARCHIVE_FORMAT, day);
    int rc = dayfile_exec(db, schema, e);
    rc = rc != 0 ? rc : dayfile_exec(db, later_tables, e);
    return rc != 0 ? rc : dayfile_exec(db, sql, e);
}

static int is_fresh(sqlite3 *db, bool *out, struct err *e)
{
    int64_t application = 0;
    int64_t tables = 0;
    int rc = pragma_number(db, "PRAGMA application_id", &application, e);
    if (rc == 0) {
        rc = pragma_number(db, "SELECT count(*) FROM sqlite_schema", &tables, e);
    }
    *out = application == 0 && tables == 0;
    return rc;
}

int dayfile_open_writer(const char *path, sqlite3 **out, bool *fresh_out, struct err *e)
{
    int rc = open_db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, out, e);
    if (rc != 0) {
        return rc;
    }
    rc = is_fresh(*out, fresh_out, e);
    if (rc == 0 && *fresh_out) {
        rc = dayfile_exec(*out, "PRAGMA page_size=16384; PRAGMA auto_vacuum=INCREMENTAL", e);
    }
    if (rc == 0) {
        rc = dayfile_exec(*out, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL", e);
    }
    if (rc == 0 && !*fresh_out) {
        rc = check_format(*out, path, e);
        rc = rc != 0 ? rc : dayfile_exec(*out, later_tables, e);
    }
    if (rc != 0) {
        dayfile_close(out);
    }
    return rc;
}

int dayfile_file_is_fresh(const char *path, bool *out, struct err *e)
{
    sqlite3 *db = NULL;
    int rc = open_db(path, SQLITE_OPEN_READWRITE, &db, e);
    if (rc == 0) {
        rc = is_fresh(db, out, e);
    }
    dayfile_close(&db);
    return rc;
}

int dayfile_open_reader(const char *path, sqlite3 **out, struct err *e)
{
    if (access(path, F_OK) != 0) {
        (void)err_set(e, ERR_NOT_FOUND, "no archive file of that day");
        err_at(e, path, 0);
        return ERR_NOT_FOUND;
    }
    int rc = open_db(path, SQLITE_OPEN_READWRITE, out,
                     e); /* the log of a live file needs its shared memory */
    if (rc != 0) {
        rc = open_db(path, SQLITE_OPEN_READONLY, out, e);
    }
    bool fresh = false;
    if (rc == 0) {
        rc = dayfile_exec(*out, "PRAGMA query_only=ON", e);
    }
    if (rc == 0) {
        rc = is_fresh(*out, &fresh, e);
    }
    if (rc == 0 && fresh) {
        rc = err_set(e, ERR_NOT_FOUND, "nothing was written to it before a crash");
        err_at(e, path, 0);
    }
    if (rc == 0) {
        rc = check_format(*out, path, e);
    }
    if (rc != 0) {
        dayfile_close(out);
    }
    return rc;
}
