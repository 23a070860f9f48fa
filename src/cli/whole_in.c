/* SPDX-License-Identifier: EUPL-1.2 */
/* The files of a whole export into records, archive and folders: see whole_in.h. */
#include "cli/whole_in.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "os/sqlite_why.h"
#include "records/migrate.h"
#include "records/proof.h"
#include "records/records.h"

enum { TOLD_EVERY_MS = 200 };

struct table {
    struct rows_table shape;
    sqlite3_stmt *insert;
};

struct whole_in {
    char folder[PATH_MAX];
    int into;
    bool terminal, headed;
    struct whole_head head;
    sqlite3 *db;
    struct table *tables;
    size_t count;
    struct archive_whole *archive; /* NULL until its first line */
    struct pack_folder file;
    char path[PACK_PATH_MAX + 1]; /* of the file that comes */
    struct whole_path is;
    struct table *table;
    struct buf line; /* of which no end came yet; of the head all of it */
    uint64_t lines; /* of this file */
    uint64_t rows, files;
    struct arena row;
    time_ns told;
};

struct whole_in *whole_in_new(const char *folder, int into, bool terminal)
{
    struct whole_in *w = mem_alloc(sizeof *w);
    memset(w, 0, sizeof *w);
    (void)snprintf(w->folder, sizeof w->folder, "%s", folder);
    w->into = into;
    w->terminal = terminal;
    pack_folder_init(&w->file, into);
    buf_init(&w->line, ROWS_LINE_MAX);
    arena_init(&w->row, 1 << 20);
    return w;
}

static void close_records(struct whole_in *w)
{
    for (size_t i = 0; i < w->count; i++) {
        (void)sqlite3_finalize(w->tables[i].insert);
    }
    mem_free(w->tables);
    w->tables = NULL;
    w->count = 0;
    (void)sqlite3_close(w->db);
    w->db = NULL;
}

void whole_in_free(struct whole_in **w)
{
    close_records(*w);
    archive_whole_free(&(*w)->archive);
    pack_folder_fini(&(*w)->file);
    buf_free(&(*w)->line);
    arena_fini(&(*w)->row);
    mem_free(*w);
    *w = NULL;
}

static int sql_fail(sqlite3 *db, struct err *e)
{
    char why[SQLITE_WHY_MAX];
    return err_set(e, ERR_IO, "records.db: %s", sqlite_why(db, why));
}

static int path_in(const struct whole_in *w, const char *name, char out[PATH_MAX], struct err *e)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", w->folder, name);
    return n < PATH_MAX ? 0 : err_set(e, ERR_LIMIT, "the path of the data folder is too long");
}

/* Empty tables in the form that the rows have; what migrations put in goes, the export has it. */
static int make_tables(struct whole_in *w, const char *path, struct err *e)
{
    struct db *db = NULL;
    size_t known = 0;
    const struct migration *list = migrate_list(&known);
    int rc = db_open(path, e, &db);
    rc = rc == 0 ? migrate_run(db, list, (size_t)w->head.records_version, clock_now(), e) : rc;
    db_close(&db);
    return rc;
}

static int read_shapes(struct whole_in *w, struct err *e)
{
    const char **names = NULL;
    size_t n = 0;
    char sql[ROWS_NAME_MAX + 32];
    int rc = rows_tables(w->db, &w->row, &names, &n, e);
    w->tables = mem_calloc(n + 1, sizeof *w->tables);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = rows_shape(w->db, names[i], &w->tables[w->count++].shape, e);
        (void)snprintf(sql, sizeof sql, "DELETE FROM \"%s\"", names[i]);
        if (rc == 0 && rows_when(names[i], NULL) != ROWS_NEVER && sqlite3_exec(w->db, sql, NULL, NULL, NULL) != SQLITE_OK) {
            rc = sql_fail(w->db, e);
        }
    }
    return rc;
}

/* Rows come in the order of the tables' names: what names what is looked at when all are there. */
static int open_records(struct whole_in *w, struct err *e)
{
    char path[PATH_MAX];
    int rc = path_in(w, "records.db", path, e);
    rc = rc == 0 ? make_tables(w, path, e) : rc;
    if (rc == 0 && sqlite3_open_v2(path, &w->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK) {
        rc = sql_fail(w->db, e);
    }
    if (rc == 0) {
        (void)sqlite3_db_config(w->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
        (void)sqlite3_db_config(w->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        (void)sqlite3_limit(w->db, SQLITE_LIMIT_LENGTH, DB_VALUE_MAX);
        if (sqlite3_exec(w->db, "PRAGMA foreign_keys=OFF; PRAGMA temp_store=MEMORY; BEGIN IMMEDIATE", NULL, NULL, NULL) != SQLITE_OK) {
            rc = sql_fail(w->db, e);
        }
    }
    return rc == 0 ? read_shapes(w, e) : rc;
}

static struct table *find_table(struct whole_in *w, struct span name)
{
    for (size_t i = 0; i < w->count; i++) {
        const char *is = w->tables[i].shape.name;
        enum rows_when when = rows_when(is, NULL);
        if (span_eq(span_of(is), name)) {
            return when == ROWS_ALWAYS || (when == ROWS_WITH_SECRETS && w->head.secrets) ? &w->tables[i] : NULL;
        }
    }
    return NULL;
}

static int open_archive(struct whole_in *w, struct err *e)
{
    char path[PATH_MAX];
    int rc = path_in(w, "archive", path, e);
    if (rc == 0 && mkdirat(w->into, "archive", 0700) != 0 && errno != EEXIST) {
        rc = err_set_errno(e, ERR_IO, errno, "archive");
    }
    if (rc == 0 && w->archive == NULL) {
        w->archive = archive_whole_new(path);
    }
    return rc;
}

static void tell(struct whole_in *w)
{
    time_ns now = clock_mono();
    if (w->terminal && now - w->told > (time_ns)TOLD_EVERY_MS * 1000000) {
        w->told = now;
        (void)fprintf(stderr, "\r\x1b[K%" PRIu64 " files, %" PRIu64 " rows of records, ", w->files, w->rows);
        struct buf safe;
        buf_init(&safe, 4 * PACK_PATH_MAX + 16);
        cli_put_safe(&safe, span_of(w->path));
        (void)fprintf(stderr, "%.*s", SPAN_ARG(buf_view(&safe)));
        buf_free(&safe);
    }
}

static int begin(void *ctx, const char *path, struct err *e)
{
    struct whole_in *w = ctx;
    (void)snprintf(w->path, sizeof w->path, "%s", path);
    w->lines = 0;
    w->files++;
    buf_clear(&w->line);
    tell(w);
    if (!whole_path_read(w->path, w->head.secrets, &w->is)) {
        return err_set(e, ERR_INVALID, "%s is no file of an export%s", path, w->headed ? "" : ", which begins with " WHOLE_HEAD);
    }
    if (w->headed == (w->is.kind == WHOLE_IS_HEAD)) {
        return err_set(e, ERR_INVALID, "%s: an export begins with one " WHOLE_HEAD, path);
    }
    if (w->is.kind == WHOLE_IS_ROWS) {
        w->table = find_table(w, w->is.table);
        return w->table != NULL ? 0 : err_set(e, ERR_INVALID, "%s: these records know no such table", path);
    }
    if (w->is.kind == WHOLE_IS_DAY) {
        return open_archive(w, e);
    }
    return w->is.kind == WHOLE_IS_FILE ? pack_folder_begin(&w->file, w->is.place, e) : 0;
}

static int take_line(struct whole_in *w, struct span line, struct err *e)
{
    int rc = 0;
    w->lines++;
    if (w->is.kind == WHOLE_IS_ROWS) {
        arena_reset(&w->row);
        rc = rows_take(w->db, &w->table->shape, &w->table->insert, line, w->head.secrets, &w->row, e);
        w->rows += rc == 0;
    } else {
        rc = archive_whole_line(w->archive, w->is.day, w->is.part, w->is.table, line, e);
    }
    if (rc != 0) {
        char why[ERR_TEXT_MAX];
        (void)snprintf(why, sizeof why, "%s", e->text);
        return err_set(e, rc, "%.300s:%" PRIu64 ": %.400s", w->path, w->lines, why);
    }
    return 0;
}

static int keep(struct whole_in *w, struct span s, struct err *e)
{
    buf_span(&w->line, s);
    return w->line.failed ? err_set(e, ERR_LIMIT, "%s: a line is too long", w->path) : 0;
}

static int take_lines(struct whole_in *w, struct span s, struct err *e)
{
    int rc = 0;
    ptrdiff_t end = 0;
    while (rc == 0 && (end = span_find(s, '\n')) >= 0) {
        struct span line = span_sub(s, 0, (size_t)end);
        if (w->line.len > 0) {
            rc = keep(w, line, e);
            line = buf_view(&w->line);
        }
        rc = rc == 0 ? take_line(w, line, e) : rc;
        buf_clear(&w->line);
        s = span_sub(s, (size_t)end + 1, s.len);
    }
    return rc == 0 ? keep(w, s, e) : rc;
}

static int data(void *ctx, struct span bytes, struct err *e)
{
    struct whole_in *w = ctx;
    switch (w->is.kind) {
    case WHOLE_IS_HEAD:
        return w->line.len + bytes.len <= WHOLE_HEAD_MAX ? keep(w, bytes, e) : err_set(e, ERR_LIMIT, WHOLE_HEAD " is too long");
    case WHOLE_IS_ROWS:
    case WHOLE_IS_DAY:
        return take_lines(w, bytes, e);
    case WHOLE_IS_FILE:
        return pack_folder_data(&w->file, bytes, e);
    case WHOLE_IS_COUNTS: /* for people, and for the manifest */
    case WHOLE_NONE:
        break;
    }
    return 0;
}

static int end(void *ctx, struct err *e)
{
    struct whole_in *w = ctx;
    size_t known = 0;
    (void)migrate_list(&known);
    if (w->is.kind == WHOLE_IS_HEAD) {
        int rc = whole_head_read(buf_view(&w->line), (int64_t)known, &w->head, e);
        w->headed = true;
        return rc == 0 ? open_records(w, e) : rc;
    }
    if (w->is.kind == WHOLE_IS_FILE) {
        return pack_folder_end(&w->file, e);
    }
    return w->line.len == 0 ? 0 : err_set(e, ERR_TRUNCATED, "%s: its last line has no end", w->path);
}

void whole_in_visitor(struct whole_in *w, struct pack_visitor *out)
{
    *out = (struct pack_visitor){.ctx = w, .begin = begin, .data = data, .end = end};
}

/* What one table says of another must be there; an export that lacks a table's file would leave such. */
static int check_references(struct whole_in *w, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(w->db, "SELECT \"table\", parent FROM pragma_foreign_key_check LIMIT 1", -1, &s, NULL) != SQLITE_OK) {
        return sql_fail(w->db, e);
    }
    int rc = rows_next(w->db, s, e);
    if (rc == 1) {
        rc = err_set(e, ERR_INVALID, "a row of records/%s names one of records/%s that is not there", sqlite3_column_text(s, 0),
                     sqlite3_column_text(s, 1));
    }
    (void)sqlite3_finalize(s);
    return rc;
}

int whole_in_end(struct whole_in *w, struct err *e)
{
    char path[PATH_MAX];
    struct db *db = NULL;
    if (!w->headed) {
        return err_set(e, ERR_INVALID, "there is no " WHOLE_HEAD " in it: it is no export");
    }
    int rc = w->archive == NULL ? open_archive(w, e) : 0;
    rc = rc == 0 ? archive_whole_end(w->archive, e) : rc;
    rc = rc == 0 ? check_references(w, e) : rc;
    if (rc == 0 && sqlite3_exec(w->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK) {
        rc = sql_fail(w->db, e);
    }
    close_records(w);
    rc = rc == 0 ? path_in(w, "records.db", path, e) : rc;
    rc = rc == 0 ? records_open(path, clock_now(), e, &db) : rc;
    rc = rc == 0 ? proof_anew(db, e) : rc; /* what is exported without secrets comes back without them */
    db_close(&db);
    return rc == 0 && fsync(w->into) != 0 ? err_set_errno(e, ERR_IO, errno, "%s", w->folder) : rc;
}

void whole_in_tell(const struct whole_in *w, struct buf *answer)
{
    struct archive_whole_totals t = {0};
    if (w->archive != NULL) {
        archive_whole_totals_of(w->archive, &t);
    }
    buf_printf(answer, "%" PRIu64 " files, %" PRIu64 " rows of records, %" PRIu64 " log records", w->files, w->rows, t.records);
}
