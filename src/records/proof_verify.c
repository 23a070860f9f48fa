/* SPDX-License-Identifier: EUPL-1.2 */
/* The rows of records.db against their proofs: see proof.h. Runs in `sereno verify`. Must never write. */
#include "records/proof.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "os/sqlite_why.h"
#include "records/proof_verify_priv.h"

enum { STEP_ROWS = 8192, FIELDS_NAMED_MAX = 5, TEXT_MAX = 600, SQL_MAX = 8192, KEY_MAX = 1 << 20 };

void proof_complain(struct proof_walk *v, int code, const char *fmt, ...)
{
    struct err e = {0};
    char text[TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    (void)err_set(&e, code, "%s", text);
    err_at(&e, "records.db", 0);
    v->odd = true;
    v->hooks->complain(v->hooks->ctx, &e);
}

/* Complains of a table that the engine cannot read on. */
static void unread(struct proof_walk *v, const char *table)
{
    char why[SQLITE_WHY_MAX];
    proof_complain(v, ERR_INVALID, "%s cannot be read: %s", table, sqlite_why(v->db, why));
}

static void about_row(struct proof_walk *v, const struct proof_table *t, struct span key, const char *what)
{
    struct buf name;
    buf_init(&name, 256);
    proof_key_print(key, &name);
    proof_complain(v, ERR_INVALID, "%s %.*s: %s", t->name, (int)(name.len < 200 ? name.len : 200), name.data == NULL ? "" : name.data, what);
    buf_free(&name);
}

/* ---- one row ---- */

/* Which fields have other marks, as words. Returns how many. */
static size_t name_fields(const struct proof_layout *l, const unsigned char *is, struct span was, size_t n, struct buf *out)
{
    size_t odd = 0, cell = 0;
    for (size_t i = 0; i < l->ncolumns && cell < n; i++) {
        if (l->column[i].loose) {
            continue;
        }
        size_t at = PROOF_MARK_BYTES * cell++;
        if (at + PROOF_MARK_BYTES > was.len || memcmp(is + at, was.ptr + at, PROOF_MARK_BYTES) != 0) {
            if (odd < FIELDS_NAMED_MAX) {
                buf_printf(out, "%s%s", odd == 0 ? "" : ", ", l->column[i].name);
            }
            odd++;
        }
    }
    return odd;
}

/* The row's digest is another, or what row_proof has is damaged. */
static void say_changed(struct proof_walk *v, const struct proof_table *t, const struct proof_layout *l, const struct proof_cell *cells, size_t n,
                        bool digest_fits)
{
    unsigned char marks[PROOF_MARK_BYTES * PROOF_CELLS_MAX];
    const char *p = sqlite3_column_blob(v->get, 1);
    struct span was = p == NULL ? SPAN("") : span_make(p, (size_t)sqlite3_column_bytes(v->get, 1));
    struct buf fields;
    char what[TEXT_MAX / 2];
    buf_init(&fields, FIELDS_NAMED_MAX * PROOF_NAME_MAX);
    proof_marks(cells, n, marks);
    size_t odd = name_fields(l, marks, was, n, &fields);
    if (odd == 0 && was.len == PROOF_MARK_BYTES * n && digest_fits) {
        buf_free(&fields);
        return;
    }
    if (digest_fits || odd == 0) {
        (void)snprintf(what, sizeof what, "its proof was changed");
    } else {
        (void)snprintf(what, sizeof what, "not what was written: %.*s%s", SPAN_ARG(buf_view(&fields)), odd > FIELDS_NAMED_MAX ? " and more" : "");
    }
    about_row(v, t, buf_view(&v->key), what);
    buf_free(&fields);
}

static void check_row(struct proof_walk *v, const struct proof_table *t, const struct proof_layout *l, sqlite3_stmt *row)
{
    struct proof_cell cells[PROOF_CELLS_MAX];
    unsigned char digest[PROOF_HASH_BYTES];
    buf_clear(&v->key);
    size_t n = proof_row_cells(row, l, cells, &v->key);
    proof_digest(t->number, cells, n, digest);
    proof_sum_change(&v->sums[proof_part(t)], digest, false);
    if (++v->seen % STEP_ROWS == 0) {
        v->hooks->step(v->hooks->ctx, t->name, v->seen);
    }
    if (t->how == PROOF_SUM) {
        return;
    }
    (void)sqlite3_bind_int(v->get, 1, t->number);
    (void)sqlite3_bind_blob64(v->get, 2, v->key.len == 0 ? "" : v->key.data, v->key.len, SQLITE_STATIC);
    int code = sqlite3_step(v->get);
    if (code == SQLITE_ROW) {
        v->matched++;
        say_changed(v, t, l, cells, n,
                    sqlite3_column_bytes(v->get, 0) == PROOF_HASH_BYTES && memcmp(sqlite3_column_blob(v->get, 0), digest, sizeof digest) == 0);
    } else if (code == SQLITE_DONE) {
        about_row(v, t, buf_view(&v->key), "was not written by the node, or its key was changed");
    } else {
        unread(v, "row_proof");
    }
    (void)sqlite3_reset(v->get);
}

/* ---- proofs without a row ---- */

static int64_t number_of(struct proof_walk *v, const char *sql, int64_t value)
{
    sqlite3_stmt *s = NULL;
    int64_t n = -1;
    if (sqlite3_prepare_v2(v->db, sql, -1, &s, NULL) == SQLITE_OK) {
        if (sqlite3_bind_parameter_count(s) > 0) {
            (void)sqlite3_bind_int64(s, 1, value);
        }
        n = sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : -1;
    }
    (void)sqlite3_finalize(s);
    return n;
}

static int prepare_row(struct proof_walk *v, const struct proof_table *t, const struct proof_layout *l, sqlite3_stmt **out, struct err *e)
{
    struct buf sql;
    buf_init(&sql, SQL_MAX);
    buf_printf(&sql, "SELECT 1 FROM \"%s\"", t->name);
    int n = 0;
    for (size_t i = 0; i < l->ncolumns; i++) {
        if (l->column[i].key) {
            buf_printf(&sql, " %s \"%s\" IS ?%d", n == 0 ? "WHERE" : "AND", l->column[i].name, n + 1);
            n++;
        }
    }
    buf_u8(&sql, 0);
    int rc = sql.failed ? err_set(e, ERR_LIMIT, "records: the key of %s is too long", t->name) : proof_prepare(v->db, sql.data, out, e);
    buf_free(&sql);
    return rc;
}

static void bind_cell(sqlite3_stmt *s, int at, const struct proof_cell *c)
{
    const char *p = c->bytes.len == 0 ? "" : c->bytes.ptr;
    if (c->type == PROOF_NUMBER) {
        (void)sqlite3_bind_int64(s, at, c->number);
    } else if (c->type == PROOF_TEXT) {
        (void)sqlite3_bind_text64(s, at, p, c->bytes.len, SQLITE_TRANSIENT, SQLITE_UTF8);
    } else if (c->type == PROOF_BYTES) {
        (void)sqlite3_bind_blob64(s, at, p, c->bytes.len, SQLITE_TRANSIENT);
    } else {
        (void)sqlite3_bind_null(s, at);
    }
}

static bool has_row(struct proof_walk *v, sqlite3_stmt *row, struct span key, bool *readable)
{
    struct cursor c = cursor_of(key);
    struct proof_cell cell;
    int want = sqlite3_bind_parameter_count(row);
    *readable = true;
    for (int i = 1; *readable && i <= want; i++) {
        buf_clear(&v->key);
        *readable = proof_key_get(&c, &v->key, &cell);
        bind_cell(row, i, &cell);
    }
    *readable = *readable && cursor_left(&c) == 0;
    bool there = *readable && sqlite3_step(row) == SQLITE_ROW;
    (void)sqlite3_reset(row);
    return there;
}

static int find_lost(struct proof_walk *v, const struct proof_table *t, const struct proof_layout *l, struct err *e)
{
    sqlite3_stmt *s = NULL, *row = NULL;
    bool readable = true;
    int code = SQLITE_DONE;
    int rc = prepare_row(v, t, l, &row, e);
    rc = rc == 0 ? proof_prepare(v->db, "SELECT row FROM row_proof WHERE tab = ?1", &s, e) : rc;
    if (rc == 0) {
        (void)sqlite3_bind_int(s, 1, t->number);
        while ((code = sqlite3_step(s)) == SQLITE_ROW) {
            const char *p = sqlite3_column_blob(s, 0);
            struct span key = p == NULL ? SPAN("") : span_make(p, (size_t)sqlite3_column_bytes(s, 0));
            if (!has_row(v, row, key, &readable)) {
                about_row(v, t, key, readable ? "was there and is gone, or its key was changed" : "its proof was changed");
            }
        }
        if (code != SQLITE_DONE) {
            unread(v, "row_proof");
        }
    }
    (void)sqlite3_finalize(s);
    (void)sqlite3_finalize(row);
    return rc;
}

/* ---- tables ---- */

static int check_table(struct proof_walk *v, const struct proof_table *t, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    int rc = proof_layout_read(v->db, t, v->layout, e);
    if (rc != 0 || v->layout->ncolumns == 0) {
        return rc;
    }
    rc = proof_select(v->db, t, v->layout, &s, e);
    if (rc != 0) {
        unread(v, t->name);
        return 0;
    }
    v->matched = 0;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        check_row(v, t, v->layout, s);
    }
    (void)sqlite3_finalize(s);
    if (code != SQLITE_DONE) {
        unread(v, t->name);
    }
    if (t->how == PROOF_SUM) {
        return 0;
    }
    int64_t proofs = number_of(v, "SELECT count(*) FROM row_proof WHERE tab = ?1", t->number);
    v->proofs += proofs > 0 ? (uint64_t)proofs : 0;
    v->report->rows += v->matched;
    return proofs == (int64_t)v->matched ? 0 : find_lost(v, t, v->layout, e);
}

/* Indexes hold what the tables hold, pages are what they must be. */
static int check_pages(struct proof_walk *v, struct err *e)
{
    sqlite3_stmt *s = NULL;
    int code = SQLITE_DONE;
    int rc = proof_prepare(v->db, "PRAGMA integrity_check(100)", &s, e);
    if (rc != 0) {
        unread(v, "the file");
        return 0;
    }
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(s, 0);
        if (text != NULL && strcmp(text, "ok") != 0) {
            proof_complain(v, ERR_INVALID, "%s", text);
        }
    }
    if (code != SQLITE_DONE) {
        unread(v, "the file");
    }
    (void)sqlite3_finalize(s);
    return 0;
}

static void check_counts(struct proof_walk *v)
{
    sqlite3_stmt *s = NULL;
    int64_t all = number_of(v, "SELECT COUNT(*) FROM alert", 0), told = number_of(v, "SELECT COALESCE(SUM(alerts), 0) FROM alert_count", 0);
    if (all != told) {
        proof_complain(v, ERR_INVALID, "alert_count: says %" PRId64 " alerts, there are %" PRId64, told, all);
    }
    if (sqlite3_prepare_v2(v->db,
                           "SELECT organisation, status FROM alert_count c WHERE alerts <> (SELECT COUNT(*) FROM alert a WHERE "
                           "a.organisation = c.organisation AND a.status = c.status)",
                           -1, &s, NULL) != SQLITE_OK) {
        unread(v, "alert_count");
        return;
    }
    while (sqlite3_step(s) == SQLITE_ROW) {
        const char *organisation = (const char *)sqlite3_column_text(s, 0);
        proof_complain(v, ERR_INVALID, "alert_count %.200s/%" PRId64 ": another number than there are", organisation == NULL ? "" : organisation,
                       (int64_t)sqlite3_column_int64(s, 1));
    }
    (void)sqlite3_finalize(s);
}

static int check_all(struct proof_walk *v, struct err *e)
{
    int rc = check_pages(v, e);
    for (size_t i = 0; rc == 0 && i < PROOF_TABLE_COUNT; i++) {
        const struct proof_table *t = &proof_tables[i];
        if (t->how == PROOF_ROWS || t->how == PROOF_SUM) {
            v->hooks->step(v->hooks->ctx, t->name, v->seen);
            rc = check_table(v, t, e);
        }
    }
    if (rc == 0) {
        int64_t proofs = number_of(v, "SELECT COUNT(*) FROM row_proof", 0);
        if (proofs != (int64_t)v->proofs) {
            proof_complain(v, ERR_INVALID, "row_proof: %" PRId64 " proofs are of no table", proofs - (int64_t)v->proofs);
        }
        check_counts(v);
        proof_check_chain(v);
    }
    return rc;
}

int proof_verify_raw(sqlite3 *db, const struct proof_hooks *hooks, struct proof_report *out, struct err *e)
{
    struct proof_walk v = {.db = db, .hooks = hooks, .report = out};
    *out = (struct proof_report){
        .there = sqlite3_table_column_metadata(db, "main", "row_proof", NULL, NULL, NULL, NULL, NULL, NULL) == SQLITE_OK};
    if (!out->there) {
        return check_pages(&v, e);
    }
    if (sqlite3_exec(db, "BEGIN", NULL, NULL, NULL) != SQLITE_OK) {
        return proof_sql_fail(db, e);
    }
    v.layout = mem_alloc(sizeof *v.layout);
    buf_init(&v.key, KEY_MAX);
    int rc = proof_prepare(db, "SELECT digest, marks FROM row_proof WHERE tab = ?1 AND row = ?2", &v.get, e);
    rc = rc == 0 ? check_all(&v, e) : rc;
    (void)sqlite3_finalize(v.get);
    buf_free(&v.key);
    mem_free(v.layout);
    (void)sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    return rc;
}
