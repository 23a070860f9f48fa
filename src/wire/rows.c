/* SPDX-License-Identifier: EUPL-1.2 */
/* Which tables and columns there are, and rows as lines: see rows.h. Lines back into rows: rows_take.c. */
#include "wire/rows.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/utf8.h"
#include "os/sqlite_why.h"
#include "wire/jcs.h"
#include "wire/json_write.h"

enum { NEVER = ROWS_NEVER, SECRET = ROWS_WITH_SECRETS, SQL_MAX = 8192, YEARS_FROM = 1900, YEARS_TO = 2200 };

static const struct {
    const char *name;
    enum rows_when when;
    const char *why;
} tables[] = {
#define ROWS_TABLE(name, when, why) {#name, (enum rows_when)(when), why},
#define ROWS_OPEN(table, column)
#define ROWS_SECRET(column)
#define ROWS_TIME(column)
#include "wire/rows.def"
#undef ROWS_TABLE
#undef ROWS_OPEN
#undef ROWS_SECRET
#undef ROWS_TIME
};

enum said { SAID_OPEN, SAID_SECRET, SAID_TIME };

static const struct {
    enum said what;
    const char *table; /* NULL: any */
    const char *column;
} columns[] = {
#define ROWS_TABLE(name, when, why)
#define ROWS_OPEN(table, column) {SAID_OPEN, #table, #column},
#define ROWS_SECRET(column) {SAID_SECRET, NULL, #column},
#define ROWS_TIME(column) {SAID_TIME, NULL, #column},
#include "wire/rows.def"
#undef ROWS_TABLE
#undef ROWS_OPEN
#undef ROWS_SECRET
#undef ROWS_TIME
};

enum rows_when rows_when(const char *table, const char **why_out)
{
    for (size_t i = 0; i < ARRAY_LEN(tables); i++) {
        if (strcmp(tables[i].name, table) == 0) {
            if (why_out != NULL) {
                *why_out = tables[i].why;
            }
            return tables[i].when;
        }
    }
    return ROWS_ALWAYS;
}

static bool is_said(enum said what, const char *table, const char *column)
{
    for (size_t i = 0; i < ARRAY_LEN(columns); i++) {
        if (columns[i].what == what && strcmp(columns[i].column, column) == 0 &&
            (columns[i].table == NULL || strcmp(columns[i].table, table) == 0)) {
            return true;
        }
    }
    return false;
}

const char *rows_type_word(enum rows_type type)
{
    static const char *const words[] = {"any", "number", "time", "text", "bytes"};
    return words[type];
}

static int fail(sqlite3 *db, struct err *e, const char *what)
{
    char why[SQLITE_WHY_MAX];
    return err_set(e, ERR_IO, "%s: %s", what, sqlite_why(db, why));
}

int rows_next(sqlite3 *db, sqlite3_stmt *s, struct err *e)
{
    int rc = sqlite3_step(s);
    return rc == SQLITE_ROW ? 1 : rc == SQLITE_DONE ? 0 : fail(db, e, "rows");
}

int rows_tables(sqlite3 *db, struct arena *a, const char ***names_out, size_t *count_out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    const char **names = arena_calloc(a, ROWS_TABLES_MAX, sizeof *names);
    *names_out = names;
    *count_out = 0;
    if (sqlite3_prepare_v2(db,
                           "SELECT name FROM sqlite_schema WHERE type = 'table' AND (name NOT LIKE 'sqlite%' OR"
                           " name = 'sqlite_sequence') ORDER BY name",
                           -1, &s, NULL) != SQLITE_OK) {
        return fail(db, e, "tables");
    }
    int rc = 0;
    while ((rc = rows_next(db, s, e)) > 0) {
        if (*count_out == ROWS_TABLES_MAX) {
            rc = err_set(e, ERR_LIMIT, "more than %d tables", (int)ROWS_TABLES_MAX);
            break;
        }
        names[(*count_out)++] = arena_strdup(a, (const char *)sqlite3_column_text(s, 0));
    }
    (void)sqlite3_finalize(s);
    return rc;
}

static enum rows_type type_of(const char *declared, const char *column)
{
    if (declared == NULL || declared[0] == '\0') {
        return ROWS_ANY;
    }
    if (strcmp(declared, "BYTEA") == 0 || strcmp(declared, "BLOB") == 0) {
        return ROWS_BYTES;
    }
    if (strcmp(declared, "BIGINT") == 0 || strcmp(declared, "INTEGER") == 0) {
        return is_said(SAID_TIME, "", column) ? ROWS_TIME : ROWS_NUMBER;
    }
    return ROWS_TEXT;
}

static int add_column(struct rows_table *t, sqlite3_stmt *s, struct err *e)
{
    const char *name = (const char *)sqlite3_column_text(s, 0);
    if (t->count == ROWS_COLUMNS_MAX || strlen(name) >= ROWS_NAME_MAX) {
        return err_set(e, ERR_LIMIT, "%s: too many columns, or too long a name", t->name);
    }
    struct rows_column *c = &t->columns[t->count++];
    (void)snprintf(c->name, sizeof c->name, "%s", name);
    c->type = type_of((const char *)sqlite3_column_text(s, 1), name);
    c->optional = sqlite3_column_int(s, 2) == 0 && sqlite3_column_int(s, 3) == 0;
    c->secret = is_said(SAID_SECRET, t->name, name) ||
                (c->type == ROWS_BYTES && strcmp(name, "hash") == 0 && !is_said(SAID_OPEN, t->name, name));
    return 0;
}

int rows_shape(sqlite3 *db, const char *table, struct rows_table *out, struct err *e)
{
    sqlite3_stmt *s = NULL;
    memset(out, 0, sizeof *out);
    if (strlen(table) >= ROWS_NAME_MAX) {
        return err_set(e, ERR_LIMIT, "a table with too long a name");
    }
    (void)snprintf(out->name, sizeof out->name, "%s", table);
    if (sqlite3_prepare_v2(db, "SELECT name, type, \"notnull\", pk FROM pragma_table_info(?1) ORDER BY cid", -1, &s, NULL) != SQLITE_OK) {
        return fail(db, e, table);
    }
    MUST(sqlite3_bind_text(s, 1, table, -1, SQLITE_STATIC));
    int rc = 0;
    while (rc == 0 && (rc = rows_next(db, s, e)) > 0) {
        rc = add_column(out, s, e);
    }
    (void)sqlite3_finalize(s);
    return rc == 0 && out->count == 0 ? err_set(e, ERR_NOT_FOUND, "no table %s", table) : rc;
}

/* Names are the engine's own words for its schema; quoted all the same. */
int rows_select(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **out, struct err *e)
{
    struct buf sql;
    buf_init(&sql, SQL_MAX);
    buf_cstr(&sql, "SELECT ");
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(&sql, "%s\"%s\"", i == 0 ? "" : ", ", t->columns[i].name);
    }
    buf_printf(&sql, " FROM \"%s\"", t->name);
    size_t plain = sql.len;
    buf_cstr(&sql, " ORDER BY rowid");
    CHECK(!sql.failed);
    /* A table without row numbers lies in the order of its key. */
    int rc = sqlite3_prepare_v2(db, sql.data, (int)sql.len, out, NULL);
    if (rc != SQLITE_OK) {
        rc = sqlite3_prepare_v2(db, sql.data, (int)plain, out, NULL);
    }
    buf_free(&sql);
    return rc == SQLITE_OK ? 0 : fail(db, e, t->name);
}

bool rows_time_text(int64_t ns, char out[ROWS_TIME_TEXT_MAX])
{
    struct time_parts p;
    if (ns == TIME_NONE) {
        return false;
    }
    time_to_parts(ns, &p);
    (void)snprintf(out, ROWS_TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%09dZ", p.year, p.month, p.day, p.hour, p.minute,
                   p.second, p.nanos);
    return p.year >= YEARS_FROM && p.year < YEARS_TO;
}

static void put_number(struct json_writer *j, int64_t v)
{
    char digits[24];
    if (v >= -JCS_INT_MAX && v <= JCS_INT_MAX) {
        json_i64(j, v);
        return;
    }
    (void)snprintf(digits, sizeof digits, "%" PRId64, v);
    json_text(j, span_of(digits));
}

void rows_put_bytes(struct json_writer *j, struct span bytes, struct arena *a)
{
    size_t room = sodium_base64_ENCODED_LEN(bytes.len, sodium_base64_VARIANT_ORIGINAL);
    char *text = arena_alloc(a, room);
    (void)sodium_bin2base64(text, room, (const unsigned char *)bytes.ptr, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    json_text(j, span_of(text));
}

/* Objects and lists that come back as exactly this text: what is written of the tree. */
static bool is_plain_json(struct span text, struct arena *a)
{
    struct jcs *v = NULL;
    struct err ignored = {0};
    if (text.len < 2 || (text.ptr[0] != '{' && text.ptr[0] != '[') || text.len > ROWS_LINE_MAX / 2 ||
        jcs_read_decimals(a, text, JCS_DEPTH_MAX - 1, &v, &ignored) != 0) {
        return false;
    }
    return jcs_get(v, "base64") == NULL && span_eq(jcs_text(a, v), text);
}

void rows_put_text(struct json_writer *j, struct span text, struct arena *a)
{
    bool odd = !utf8_valid(text) || (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL);
    if (odd) {
        json_object(j);
        json_key(j, "base64");
        rows_put_bytes(j, text, a);
        json_end(j);
    } else if (is_plain_json(text, a)) {
        json_raw(j, text);
    } else {
        json_text(j, text);
    }
}

static struct span column_bytes(sqlite3_stmt *s, int i)
{
    const char *p = sqlite3_column_blob(s, i);
    int n = sqlite3_column_bytes(s, i);
    return span_make(p == NULL ? "" : p, p == NULL || n < 0 ? 0 : (size_t)n);
}

static void put_value(struct json_writer *j, const struct rows_column *c, sqlite3_stmt *s, int i, struct arena *a)
{
    char time[ROWS_TIME_TEXT_MAX];
    int is = sqlite3_column_type(s, i);
    int64_t number = is == SQLITE_INTEGER ? sqlite3_column_int64(s, i) : 0;
    if (is == SQLITE_NULL) {
        json_null(j);
    } else if (is == SQLITE_INTEGER && c->type == ROWS_TIME && rows_time_text(number, time)) {
        json_text(j, span_of(time));
    } else if (is == SQLITE_INTEGER) {
        put_number(j, number);
    } else if (c->type == ROWS_BYTES) {
        rows_put_bytes(j, column_bytes(s, i), a);
    } else {
        rows_put_text(j, column_bytes(s, i), a);
    }
}

void rows_members(const struct rows_table *t, sqlite3_stmt *s, bool secrets, const char *without, struct arena *a,
                  struct json_writer *j)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct rows_column *c = &t->columns[i];
        if ((secrets || !c->secret) && (without == NULL || strcmp(c->name, without) != 0)) {
            json_key_text(j, span_of(c->name));
            put_value(j, c, s, (int)i, a);
        }
    }
}

int rows_line(const struct rows_table *t, sqlite3_stmt *s, bool secrets, struct arena *a, struct buf *out, struct err *e)
{
    struct json_writer j;
    size_t before = out->len;
    json_writer_init(&j, out);
    json_object(&j);
    rows_members(t, s, secrets, NULL, a, &j);
    json_end(&j);
    bool fits = !out->failed && out->len - before < ROWS_LINE_MAX;
    buf_u8(out, '\n');
    return fits && !out->failed ? 0 : err_set(e, ERR_LIMIT, "a row of %s is too long for a line", t->name);
}
