/* SPDX-License-Identifier: EUPL-1.2 */
/* What stands in a whole export: see whole_out.h. Nothing here parses; rows.h and archive/whole.h say how rows look. */
#include "cli/whole_out.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "archive/archive.h"
#include "base/id.h"
#include "base/mem.h"
#include "os/sqlite_why.h"
#include "records/migrate.h"

enum {
    LINES_MAX = WHOLE_PART_BYTES + (96 << 20), /* a part and what one block of a day may add to it */
    COUNTS_MAX = 64 << 20,
    DEPTH_MAX = 8,                  /* folders in folders */
    NAME_CUT = 120,                 /* bytes of a source's name in a path; longer ones get a hash */
    CONFIG_MAX = 1 << 20,
    TOLD_EVERY_MS = 200,
};

void whole_out_init(struct whole_out *o, const struct whole_export *x)
{
    *o = (struct whole_out){.x = x};
    buf_init(&o->lines, LINES_MAX);
    buf_init(&o->counts, COUNTS_MAX);
}

void whole_out_fini(struct whole_out *o)
{
    buf_free(&o->lines);
    buf_free(&o->counts);
}

static void tell(struct whole_out *o)
{
    time_ns now = clock_mono();
    if (o->x->terminal && now - o->told > (time_ns)TOLD_EVERY_MS * 1000000) {
        o->told = now;
        (void)fprintf(stderr, "\r\x1b[K%" PRIu64 " files, %" PRIu64 " MiB, %s", pack_files(o->pack), pack_bytes(o->pack) >> 20, o->stem);
    }
}

static int end_part(struct whole_out *o, struct err *e)
{
    char path[PACK_PATH_MAX + 1];
    if (o->lines.len == 0) {
        return 0;
    }
    (void)snprintf(path, sizeof path, "%s.%04u.ndjson", o->stem, ++o->part);
    int rc = pack_span(o->pack, path, buf_view(&o->lines), e);
    buf_clear(&o->lines);
    tell(o);
    return rc;
}

int whole_out_flush(struct whole_out *o, struct err *e)
{
    int rc = end_part(o, e);
    if (o->stem[0] != '\0') {
        buf_printf(&o->counts, "{\"lines\":%" PRIu64 ",\"of\":\"%s\"}\n", o->count, o->stem);
    }
    o->stem[0] = '\0';
    o->part = 0;
    o->count = 0;
    return rc == 0 && o->counts.failed ? err_set(e, ERR_LIMIT, "too many files in one export") : rc;
}

static uint64_t lines_in(struct span s)
{
    uint64_t n = 0;
    for (const char *p = s.ptr; (p = memchr(p, '\n', (size_t)(s.ptr + s.len - p))) != NULL; p++) {
        n++;
    }
    return n;
}

static int put_lines(struct whole_out *o, const char *stem, struct span lines, struct err *e)
{
    int rc = 0;
    if (strcmp(o->stem, stem) != 0) {
        rc = whole_out_flush(o, e);
        (void)snprintf(o->stem, sizeof o->stem, "%s", stem);
    }
    buf_span(&o->lines, lines);
    o->count += lines_in(lines);
    if (rc == 0 && o->lines.failed) {
        rc = err_set(e, ERR_LIMIT, "%s: lines are too long", stem);
    }
    return rc == 0 && o->lines.len >= WHOLE_PART_BYTES ? end_part(o, e) : rc;
}

/* A name that may hold anything as a part of a path; what it really is stands in the lines. */
static void path_name(struct span name, char out[WHOLE_STEM_MAX])
{
    unsigned char hash[8];
    size_t n = 0;
    for (size_t i = 0; i < name.len && i < NAME_CUT; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        n += (size_t)snprintf(out + n, WHOLE_STEM_MAX - n, plain ? "%c" : "%%%02x", c);
    }
    if (name.len > NAME_CUT || name.len == 0) {
        MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)name.ptr, name.len, NULL, 0));
        out[n++] = '~';
        hex_encode(hash, sizeof hash, out + n);
        n += 2 * sizeof hash;
    }
    out[n] = '\0';
}

void whole_out_day(struct whole_out *o, int32_t day)
{
    char text[TIME_TEXT_MAX];
    (void)snprintf(o->day, sizeof o->day, "%.10s", time_format((time_ns)day * TIME_DAY, text));
}

int whole_out_archive(void *ctx, const char *part, struct span name, struct span line, struct err *e)
{
    struct whole_out *o = ctx;
    char named[WHOLE_STEM_MAX], stem[WHOLE_STEM_MAX + 64];
    path_name(name, named);
    (void)snprintf(stem, sizeof stem, "archive/%s/%s/%.380s", o->day, part, named);
    stem[WHOLE_STEM_MAX - 1] = '\0';
    return put_lines(o, stem, line, e);
}

static int sql_fail(sqlite3 *db, struct err *e, const char *what)
{
    char why[SQLITE_WHY_MAX];
    return err_set(e, ERR_IO, "%s: %s", what, sqlite_why(db, why));
}

static void head_table(struct json_writer *j, const struct rows_table *t)
{
    const char *why = NULL;
    json_object(j);
    json_key(j, "name");
    json_text(j, span_of(t->name));
    json_key(j, "columns");
    json_array(j);
    for (size_t i = 0; i < t->count; i++) {
        json_object(j);
        json_key(j, "name");
        json_text(j, span_of(t->columns[i].name));
        json_key(j, "type");
        json_text(j, span_of(rows_type_word(t->columns[i].type)));
        if (t->columns[i].secret) {
            json_key(j, "secret");
            json_bool(j, true);
        }
        json_end(j);
    }
    json_end(j);
    if (rows_when(t->name, &why) != ROWS_ALWAYS) {
        json_key(j, "left_out");
        json_text(j, span_of(why));
    }
    json_end(j);
}

static int put_head(struct whole_out *o, sqlite3 *db, const char *const *names, size_t n, int64_t version, struct err *e)
{
    struct buf b;
    struct json_writer j;
    char now[TIME_TEXT_MAX];
    struct rows_table t;
    int rc = 0;
    buf_init(&b, WHOLE_HEAD_MAX);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "format");
    json_text(&j, SPAN(WHOLE_FORMAT));
    json_key(&j, "format_version");
    json_u64(&j, WHOLE_FORMAT_VERSION);
    json_key(&j, "program");
    json_text(&j, SPAN(SERENO_VERSION));
    json_key(&j, "made");
    json_text(&j, span_of(time_format(clock_now(), now)));
    json_key(&j, "records_version");
    json_i64(&j, version);
    json_key(&j, "archive_format");
    json_u64(&j, ARCHIVE_FORMAT);
    json_key(&j, "secrets");
    json_bool(&j, o->x->secrets);
    json_key(&j, "tables");
    json_array(&j);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = rows_shape(db, names[i], &t, e);
        head_table(&j, &t);
    }
    json_end(&j);
    json_end(&j);
    buf_u8(&b, '\n');
    if (rc == 0 && b.failed) {
        rc = err_set(e, ERR_LIMIT, "too many tables");
    }
    rc = rc == 0 ? pack_span(o->pack, WHOLE_HEAD, buf_view(&b), e) : rc;
    buf_free(&b);
    return rc;
}

static int put_table(struct whole_out *o, sqlite3 *db, const char *name, struct arena *row, struct err *e)
{
    struct rows_table t;
    struct buf line;
    sqlite3_stmt *s = NULL;
    char stem[WHOLE_STEM_MAX];
    enum rows_when when = rows_when(name, NULL);
    if (when == ROWS_NEVER || (when == ROWS_WITH_SECRETS && !o->x->secrets)) {
        return 0;
    }
    (void)snprintf(stem, sizeof stem, "records/%s", name);
    buf_init(&line, ROWS_LINE_MAX + 1024);
    int rc = rows_shape(db, name, &t, e);
    rc = rc == 0 ? rows_select(db, &t, &s, e) : rc;
    while (rc == 0 && (rc = rows_next(db, s, e)) > 0) {
        arena_reset(row);
        buf_clear(&line);
        rc = rows_line(&t, s, o->x->secrets, row, &line, e);
        rc = rc == 0 ? put_lines(o, stem, buf_view(&line), e) : rc;
        o->rows++;
    }
    (void)sqlite3_finalize(s);
    buf_free(&line);
    return rc == 0 ? whole_out_flush(o, e) : rc;
}

static int read_version(sqlite3 *db, int64_t *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, "SELECT max(version) FROM schema_version", -1, &s, NULL) != SQLITE_OK) {
        return sql_fail(db, e, "records.db");
    }
    int rc = rows_next(db, s, e);
    *out = rc == 1 ? sqlite3_column_int64(s, 0) : 0;
    (void)sqlite3_finalize(s);
    return rc < 0 ? rc : 0;
}

static int put_records(struct whole_out *o, sqlite3 *db, struct err *e)
{
    const char **names = NULL;
    size_t n = 0, known = 0;
    int64_t version = 0;
    struct arena keep, row;
    arena_init(&keep, 1 << 14);
    arena_init(&row, 1 << 18);
    (void)migrate_list(&known);
    int rc = read_version(db, &version, e);
    if (rc == 0 && (version < 1 || version > (int64_t)known)) {
        rc = err_set(e, ERR_UNSUPPORTED, "the records have version %" PRId64 ", which this program does not know", version);
    }
    rc = rc == 0 ? rows_tables(db, &keep, &names, &n, e) : rc;
    rc = rc == 0 ? put_head(o, db, names, n, version, e) : rc;
    for (size_t i = 0; rc == 0 && i < n; i++) {
        rc = put_table(o, db, names[i], &row, e);
    }
    arena_fini(&row);
    arena_fini(&keep);
    return rc;
}

/* One read transaction: what people write meanwhile is not of it, and is not kept waiting. */
int whole_out_records(struct whole_out *o, struct err *e)
{
    char path[PATH_MAX];
    sqlite3 *db = NULL;
    (void)snprintf(path, sizeof path, "%s/records.db", o->x->data_dir);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX;
    int rc = sqlite3_open_v2(path, &db, flags, NULL) == SQLITE_OK ? 0 : sql_fail(db, e, "records.db");
    if (rc == 0) {
        (void)sqlite3_busy_timeout(db, 5000);
        (void)sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
        if (sqlite3_exec(db, "PRAGMA query_only=ON; PRAGMA temp_store=MEMORY; BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
            rc = sql_fail(db, e, "records.db");
        }
    }
    rc = rc == 0 ? put_records(o, db, e) : rc;
    (void)sqlite3_close(db);
    return rc;
}

int whole_out_file(struct whole_out *o, const char *path, const char *as, bool optional, struct err *e)
{
    char full[PATH_MAX];
    (void)snprintf(full, sizeof full, "%s/%s", o->x->data_dir, path);
    int fd = open(full, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0) {
        return optional && errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    int rc = pack_file(o->pack, as, fd, e);
    (void)close(fd);
    return rc;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* What lies in a folder of the data folder, in the order of its names; links are no files of the city's. */
static int put_folder(struct whole_out *o, const char *folder, const char *under, int depth, struct err *e)
{
    char full[PATH_MAX];
    struct dirent **list = NULL;
    int rc = 0;
    (void)snprintf(full, sizeof full, "%s/%s", o->x->data_dir, folder);
    int n = scandir(full, &list, NULL, by_name);
    if (n < 0) {
        return errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", folder);
    }
    for (int i = 0; i < n; i++) {
        char path[PATH_MAX], as[PATH_MAX];
        struct stat st;
        const char *name = list[i]->d_name;
        int len = snprintf(path, sizeof path, "%s/%s", folder, name);
        int as_len = snprintf(as, sizeof as, "%s%s", under, path);
        bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        bool made = strcmp(path, "rules/federation") == 0; /* made from the records */
        if (rc == 0 && !dots && !made) {
            int at = snprintf(full, sizeof full, "%s/%s", o->x->data_dir, path);
            if (len >= (int)sizeof path || as_len > PACK_PATH_MAX || at >= (int)sizeof full || !pack_path_is_plain(as)) {
                rc = err_set(e, ERR_INVALID, "%s: a name that an export cannot hold", folder);
            } else if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode)) {
                rc = depth < DEPTH_MAX ? put_folder(o, path, under, depth + 1, e) : err_set(e, ERR_LIMIT, "%s: folders lie too deep", path);
            } else if (lstat(full, &st) == 0 && S_ISREG(st.st_mode)) {
                rc = whole_out_file(o, path, as, true, e);
            }
        }
        mem_free(list[i]);
    }
    mem_free(list);
    return rc;
}

static int put_config(struct whole_out *o, int fd, struct err *e)
{
    struct buf text;
    ssize_t n = 1;
    buf_init(&text, CONFIG_MAX);
    while (n > 0) {
        char *to = buf_room(&text, 4096);
        n = to == NULL ? 0 : read(fd, to, 4096);
        buf_added(&text, n > 0 ? (size_t)n : 0);
    }
    int rc = n < 0         ? err_set_errno(e, ERR_IO, errno, "sereno.yml")
             : text.failed ? err_set(e, ERR_LIMIT, "sereno.yml: longer than %d bytes", (int)CONFIG_MAX)
                           : pack_span(o->pack, "config/sereno.yml", buf_view(&text), e);
    buf_free(&text);
    return rc;
}

int whole_out_files(struct whole_out *o, int config, struct err *e)
{
    int rc = config >= 0 ? put_config(o, config, e) : 0;
    for (size_t i = 0; rc == 0 && i < whole_folder_count; i++) {
        rc = put_folder(o, whole_folders[i], "files/", 0, e);
    }
    return rc == 0 && o->x->secrets ? put_folder(o, "keys", "", 0, e) : rc;
}

int whole_out_end(struct whole_out *o, struct err *e)
{
    int rc = whole_out_flush(o, e);
    rc = rc == 0 ? pack_span(o->pack, WHOLE_COUNTS, buf_view(&o->counts), e) : rc;
    return rc == 0 ? pack_end(o->pack, e) : rc;
}
