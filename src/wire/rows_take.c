/* SPDX-License-Identifier: EUPL-1.2 */
/* Lines back into rows: see rows.h. What stands in them is hostile; nothing of it becomes SQL. */
#include "wire/rows.h"

#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "os/sqlite_why.h"

enum { STAND_IN_BYTES = 32 /* of a secret that was left out: nothing has it */, SQL_MAX = 8192 };

struct cell {
    bool given, null;
    bool is_number;
    int64_t number;
    struct span bytes; /* text too */
};

bool rows_bytes(struct span text, struct arena *a, struct span *out)
{
    size_t room = text.len / 4 * 3 + 4, n = 0;
    char *p = arena_alloc(a, room);
    if (sodium_base642bin((unsigned char *)p, room, text.ptr, text.len, NULL, &n, NULL, sodium_base64_VARIANT_ORIGINAL) != 0) {
        return false;
    }
    *out = span_make(p, n);
    return true;
}

bool rows_text(const struct jcs *v, struct arena *a, struct span *out)
{
    struct span coded;
    if (v == NULL) {
        return false;
    }
    if (v->kind == JCS_TEXT) {
        *out = v->text;
        return true;
    }
    if (v->kind == JCS_OBJECT && jcs_get(v, "base64") != NULL) {
        return v->count == 1 && jcs_get_text(v, "base64", &coded) && rows_bytes(coded, a, out);
    }
    if (v->kind == JCS_OBJECT || v->kind == JCS_ARRAY) {
        *out = jcs_text(a, v);
        return true;
    }
    return false;
}

bool rows_number(const struct jcs *v, int64_t *out)
{
    if (v != NULL && v->kind == JCS_INT) {
        *out = v->number;
        return true;
    }
    return v != NULL && v->kind == JCS_TEXT && num_i64(v->text, out);
}

bool rows_time(const struct jcs *v, int64_t *out)
{
    return rows_number(v, out) || (v != NULL && v->kind == JCS_TEXT && time_parse(v->text, 0, out));
}

static bool take_cell(const struct rows_column *c, const struct jcs *v, struct arena *a, struct cell *out)
{
    out->given = true;
    out->null = v->kind == JCS_NULL;
    if (out->null) {
        return c->optional || c->type == ROWS_ANY;
    }
    switch (c->type) {
    case ROWS_NUMBER:
        out->is_number = true;
        return rows_number(v, &out->number);
    case ROWS_TIME:
        out->is_number = true;
        return rows_time(v, &out->number);
    case ROWS_BYTES:
        return v->kind == JCS_TEXT && rows_bytes(v->text, a, &out->bytes);
    case ROWS_ANY:
        out->is_number = v->kind == JCS_INT;
        out->number = v->number;
        return out->is_number || rows_text(v, a, &out->bytes);
    case ROWS_TEXT:
        break;
    }
    return rows_text(v, a, &out->bytes);
}

static int column_of(const struct rows_table *t, struct span name)
{
    for (size_t i = 0; i < t->count; i++) {
        if (span_eq(span_of(t->columns[i].name), name)) {
            return (int)i;
        }
    }
    return -1;
}

/* Every member into its place; cells has one for each column. */
static int take_cells(const struct rows_table *t, const struct jcs *row, bool secrets, bool loose, struct arena *a,
                      struct cell *cells, struct err *e)
{
    if (row->kind != JCS_OBJECT) {
        return err_set(e, ERR_INVALID, "a line of %s is no object", t->name);
    }
    for (const struct jcs *m = row->first; m != NULL; m = m->next) {
        int i = column_of(t, m->key);
        if (i < 0 && loose) {
            continue;
        }
        if (i < 0 || (t->columns[i].secret && !secrets)) {
            return err_set(e, ERR_INVALID, "%s has no column %.*s here", t->name, SPAN_ARG(span_sub(m->key, 0, ROWS_NAME_MAX)));
        }
        if (!take_cell(&t->columns[i], m, a, &cells[i])) {
            return err_set(e, ERR_INVALID, "%s of %s is no %s", t->columns[i].name, t->name, rows_type_word(t->columns[i].type));
        }
    }
    return 0;
}

/* What stands where nothing was given: a sign-in that is refused, a token that nobody has. */
static void fill_cell(const struct rows_column *c, struct arena *a, struct cell *cell)
{
    if (cell->given) {
        return;
    }
    cell->null = c->optional;
    cell->is_number = c->type == ROWS_NUMBER || c->type == ROWS_TIME;
    if (c->type == ROWS_BYTES && c->secret) {
        char *p = arena_alloc(a, STAND_IN_BYTES);
        randombytes_buf(p, STAND_IN_BYTES);
        cell->bytes = span_make(p, STAND_IN_BYTES);
    }
}

static int prepare(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **out, struct err *e)
{
    struct buf sql;
    char why[SQLITE_WHY_MAX];
    /* The engine's counter of ids has rows by now, of what came before. */
    if (strcmp(t->name, "sqlite_sequence") == 0 && sqlite3_exec(db, "DELETE FROM sqlite_sequence", NULL, NULL, NULL) != SQLITE_OK) {
        return err_set(e, ERR_IO, "%s: %s", t->name, sqlite_why(db, why));
    }
    buf_init(&sql, SQL_MAX);
    buf_printf(&sql, "INSERT INTO \"%s\" (", t->name);
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(&sql, "%s\"%s\"", i == 0 ? "" : ", ", t->columns[i].name);
    }
    buf_cstr(&sql, ") VALUES (");
    for (size_t i = 0; i < t->count; i++) {
        buf_printf(&sql, "%s?%zu", i == 0 ? "" : ", ", i + 1);
    }
    buf_cstr(&sql, ")");
    CHECK(!sql.failed);
    int rc = sqlite3_prepare_v2(db, sql.data, (int)sql.len, out, NULL);
    buf_free(&sql);
    return rc == SQLITE_OK ? 0 : err_set(e, ERR_IO, "%s: %s", t->name, sqlite_why(db, why));
}

static void bind(sqlite3_stmt *s, int at, const struct rows_column *c, const struct cell *cell)
{
    const char *p = cell->bytes.ptr == NULL ? "" : cell->bytes.ptr;
    if (cell->null) {
        MUST(sqlite3_bind_null(s, at));
    } else if (cell->is_number) {
        MUST(sqlite3_bind_int64(s, at, cell->number));
    } else if (c->type == ROWS_BYTES) {
        MUST(sqlite3_bind_blob64(s, at, p, cell->bytes.len, SQLITE_STATIC));
    } else {
        MUST(sqlite3_bind_text64(s, at, p, cell->bytes.len, SQLITE_STATIC, SQLITE_UTF8));
    }
}

int rows_take_object(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **insert, const struct jcs *row, bool secrets, bool loose,
                     struct arena *a, struct err *e)
{
    char why[SQLITE_WHY_MAX];
    struct cell *cells = arena_calloc(a, t->count, sizeof *cells);
    int rc = take_cells(t, row, secrets, loose, a, cells, e);
    rc = rc == 0 && *insert == NULL ? prepare(db, t, insert, e) : rc;
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < t->count; i++) {
        fill_cell(&t->columns[i], a, &cells[i]);
        bind(*insert, (int)i + 1, &t->columns[i], &cells[i]);
    }
    if (sqlite3_step(*insert) != SQLITE_DONE) {
        bool wrong = (sqlite3_errcode(db) & 0xff) == SQLITE_CONSTRAINT;
        rc = err_set(e, wrong ? ERR_INVALID : ERR_IO, "a row of %s: %s", t->name, sqlite_why(db, why));
    }
    (void)sqlite3_reset(*insert);
    (void)sqlite3_clear_bindings(*insert);
    return rc;
}

static int read_line(const struct rows_table *t, struct span line, struct arena *a, struct jcs **out, struct err *e)
{
    if (line.len >= ROWS_LINE_MAX) {
        return err_set(e, ERR_LIMIT, "a line of %s is too long", t->name);
    }
    return jcs_read_decimals(a, line, JCS_DEPTH_MAX, out, e);
}

int rows_take(sqlite3 *db, const struct rows_table *t, sqlite3_stmt **insert, struct span line, bool secrets, struct arena *a,
              struct err *e)
{
    struct jcs *row = NULL;
    int rc = read_line(t, line, a, &row, e);
    return rc == 0 ? rows_take_object(db, t, insert, row, secrets, false, a, e) : rc;
}

int rows_check(const struct rows_table *t, struct span line, bool secrets, struct arena *a, struct err *e)
{
    struct jcs *row = NULL;
    struct cell *cells = arena_calloc(a, t->count, sizeof *cells);
    int rc = read_line(t, line, a, &row, e);
    return rc == 0 ? take_cells(t, row, secrets, false, a, cells, e) : rc;
}
