/* SPDX-License-Identifier: EUPL-1.2 */
/* Imports in the database: see record_import.h. Runs in the keeper. */
#include "records/registers/record_import.h"

#include "base/id.h"
#include "records/audit.h"
#include "records/registers/record_store.h"

/* record_import_row.put: until it is stored; back: what takes it back, empty = it was a new one. version: of the record since. */
const char record_import_sql[] =
    "CREATE TABLE record_import ("
    " id TEXT PRIMARY KEY, kind TEXT NOT NULL, who_id TEXT NOT NULL, who TEXT NOT NULL, why TEXT NOT NULL, at BIGINT NOT NULL,"
    " made BIGINT NOT NULL, changed BIGINT NOT NULL, undone BIGINT NOT NULL DEFAULT 0);"
    "CREATE INDEX record_import_who ON record_import (kind, who_id, at);"
    "CREATE TABLE record_import_row ("
    " import_id TEXT NOT NULL, place BIGINT NOT NULL, record_id TEXT NOT NULL, version BIGINT NOT NULL, put BYTEA NOT NULL,"
    " back BYTEA NOT NULL, PRIMARY KEY (import_id, place));";

enum { ITEM_MAX = 512 << 10 /* bytes of one waiting record, far above what its parts may have */ };

void record_import_row_encode(struct buf *out, const struct record_import_row *r)
{
    const struct span texts[] = {r->id, r->kind, r->who, r->who_id, r->why};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u64(out, (uint64_t)r->at);
    buf_u64(out, (uint64_t)r->made);
    buf_u64(out, (uint64_t)r->changed);
    buf_u8(out, r->undone);
    buf_u8(out, r->can_undo);
}

void record_import_row_decode(struct cursor *c, struct record_import_row *out)
{
    const struct {
        struct span *text;
        size_t max;
    } texts[] = {{&out->id, RECORD_ID_MAX}, {&out->kind, REGISTER_NAME_MAX}, {&out->who, RECORD_ORGANISATION_MAX}, {&out->who_id, RECORD_ID_MAX}, {&out->why, RECORD_WHY_MAX}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i].text = cursor_str(c);
        c->failed = c->failed || texts[i].text->len > texts[i].max;
    }
    out->at = (time_ns)cursor_u64(c);
    out->made = (int64_t)cursor_u64(c);
    out->changed = (int64_t)cursor_u64(c);
    out->undone = cursor_u8(c) != 0;
    out->can_undo = cursor_u8(c) != 0;
}

void record_import_item_encode(struct buf *out, const struct record_import_item *i)
{
    record_put_encode(out, &i->put);
    buf_u8(out, i->back.row.id.len > 0);
    if (i->back.row.id.len > 0) {
        record_put_encode(out, &i->back);
    }
}

void record_import_item_decode(struct cursor *c, struct record_import_item *out)
{
    record_put_decode(c, &out->put);
    out->back = (struct record_put){0};
    if (cursor_u8(c) != 0) {
        record_put_decode(c, &out->back);
        c->failed = c->failed || !span_eq(out->back.row.id, out->put.row.id) || out->back.row.version != out->put.row.version + 1;
    } else {
        c->failed = c->failed || out->put.row.version != 1;
    }
}

/* ---- what a row is about ---- */

int record_import_find(struct db *db, const struct record_scope *scope, const struct record_sight *sight, struct span kind, struct span field,
                       const struct record_wanted *wanted, struct arena *a, uint32_t *found_out, struct record_row *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    struct record_row second;
    *found_out = 0;
    if (record_scope_empty(scope) || (wanted->id.len == 0 && wanted->key.len == 0)) {
        return 0;
    }
    sql_begin(&s);
    if (wanted->id.len > 0) {
        sql_put(&s, "SELECT " RECORD_COLUMNS " FROM record r WHERE r.id = ");
        sql_value(&s, wanted->id);
    } else {
        sql_put(&s, "SELECT " RECORD_COLUMNS " FROM record_key k CROSS JOIN record r WHERE k.kind = ");
        sql_value(&s, kind);
        sql_put(&s, " AND k.field = ");
        sql_value(&s, field);
        sql_put(&s, " AND k.organisation = ");
        sql_value(&s, wanted->organisation);
        sql_put(&s, " AND k.value = ");
        sql_value(&s, wanted->key);
        sql_put(&s, " AND r.id = k.record_id");
    }
    sql_put(&s, " AND r.kind = ");
    sql_value(&s, kind);
    sql_put(&s, " AND ");
    sql_scope(&s, scope, NULL);
    sql_put(&s, " LIMIT 2");
    int rc = sql_prepare(db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        sql_row(st, a, *found_out == 0 ? out : &second);
        (*found_out)++;
        rc = 0;
    }
    sql_end(&s);
    return rc == 0 && *found_out == 1 ? record_links_read(db, sight, a, out, 1, e) : rc;
}

/* ---- what waits ---- */

static int insert_row(struct db *db, struct span import, uint64_t place, const struct record_import_item *item, struct err *e)
{
    struct buf put, back;
    struct db_stmt *s = NULL;
    buf_init(&put, ITEM_MAX);
    buf_init(&back, ITEM_MAX);
    record_import_item_encode(&put, item);
    if (item->back.row.id.len > 0) {
        record_put_encode(&back, &item->back);
    }
    CHECK(!put.failed && !back.failed);
    int rc = db_query(db, "INSERT INTO record_import_row (import_id, place, record_id, version, put, back) VALUES ($1, $2, $3, $4, $5, $6)", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, import);
        db_bind_i64(s, 2, (int64_t)place);
        db_bind_text(s, 3, item->put.row.id);
        db_bind_i64(s, 4, item->put.row.version);
        db_bind_bytes(s, 5, buf_view(&put));
        db_bind_bytes(s, 6, buf_view(&back));
        rc = db_run(s, e);
    }
    buf_free(&put);
    buf_free(&back);
    return rc;
}

int record_import_add(struct db *db, struct span import, uint64_t place, const struct record_import_item *item, bool keep,
                      struct record_astray *astray, struct err *e)
{
    int rc = record_links_check(db, &item->put, astray, e);
    if (astray->count > 0) {
        return 0;
    }
    return rc == 0 && keep ? insert_row(db, import, place, item, e) : rc;
}

static int run_text(struct db *db, const char *sql, struct span value, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, value);
        rc = db_run(s, e);
    }
    return rc;
}

int record_import_drop(struct db *db, struct span import, struct err *e)
{
    return run_text(db, "DELETE FROM record_import_row WHERE import_id = $1", import, e);
}

/* ---- stored ---- */

static int is_taken(struct db *db, const struct record_put *p, struct span field, struct arena *a, struct err *e)
{
    struct record_row row;
    const struct record_sight none = {0};
    struct record_wanted wanted = {.organisation = p->row.organisation};
    uint32_t found = 0;
    for (uint32_t i = 0; i < p->nkeys; i++) {
        wanted.key = span_eq(p->keys[i].field, field) ? p->keys[i].value : wanted.key;
    }
    int rc = record_import_find(db, &p->scope, &none, p->row.kind, field, &wanted, a, &found, &row, e);
    return rc == 0 && found > 0 ? err_set(e, ERR_EXISTS, "somebody made one of these records meanwhile; look at the file again") : rc;
}

static int store_one(struct db *db, struct span bytes, struct span field, struct record_import_row *sum, struct arena *a, struct err *e)
{
    struct record_import_item *item = arena_alloc(a, sizeof *item);
    struct record_astray astray = {0};
    struct cursor c = cursor_of(bytes);
    record_import_item_decode(&c, item);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "what waits of the import is damaged");
    }
    bool is_new = item->put.row.version == 1;
    int rc = is_new ? is_taken(db, &item->put, field, a, e) : 0;
    rc = rc == 0 ? record_put_all(db, &item->put, &astray, a, e) : rc;
    sum->made += is_new;
    sum->changed += !is_new;
    return astray.count > 0 ? err_set(e, ERR_EXISTS, "a record that is named was changed meanwhile; look at the file again") : rc;
}

/* One row behind `after`: 1 and its parts, 0 at the end. */
static int next_row(struct db *db, struct span import, int64_t *after, struct arena *a, struct span *put, struct span *back, struct span *record,
                    int64_t *version, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT place, put, back, record_id, version FROM record_import_row WHERE import_id = $1 AND place > $2 ORDER BY place LIMIT 1", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, import);
    db_bind_i64(s, 2, *after);
    rc = db_step(s, e);
    if (rc > 0) {
        *after = db_col_i64(s, 0);
        *put = arena_copy(a, db_col_bytes(s, 1));
        *back = arena_copy(a, db_col_bytes(s, 2));
        *record = arena_copy(a, db_col_text(s, 3));
        *version = db_col_i64(s, 4);
        db_done(s);
    }
    return rc;
}

/* Bytes that were needed to store are not kept, and old imports cannot be taken back. */
static int forget(struct db *db, struct span import, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE record_import_row SET put = $1 WHERE import_id = $2", e, &s);
    if (rc == 0) {
        db_bind_bytes(s, 1, SPAN(""));
        db_bind_text(s, 2, import);
        rc = db_run(s, e);
    }
    /* Ids sort by time: of more than a day ago what was never finished goes as well. */
    char old[ID_TEXT_LEN + 1], left[ID_TEXT_LEN + 1];
    id_new(now - RECORD_IMPORT_UNDO_DAYS * TIME_DAY, old);
    id_new(now - TIME_DAY, left);
    rc = rc == 0 ? run_text(db, "DELETE FROM record_import_row WHERE import_id < $1", span_of(old), e) : rc;
    return rc == 0 ? run_text(db, "DELETE FROM record_import_row WHERE import_id < $1 AND import_id NOT IN (SELECT id FROM record_import)", span_of(left), e) : rc;
}

static int note_import(struct db *db, const struct record_import_row *r, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "INSERT INTO record_import (id, kind, who_id, who, why, at, made, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)", e, &s);
    if (rc == 0) {
        const struct span texts[] = {r->id, r->kind, r->who_id, r->who, r->why};
        for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
            db_bind_text(s, (int)i + 1, texts[i]);
        }
        db_bind_i64(s, 6, r->at);
        db_bind_i64(s, 7, r->made);
        db_bind_i64(s, 8, r->changed);
        rc = db_run(s, e);
    }
    return rc;
}

static int apply_all(struct db *db, struct record_import_row *sum, int64_t waits, struct span field, struct err *e)
{
    struct arena a;
    int64_t after = -1, version = 0;
    struct span put = SPAN(""), back = SPAN(""), record = SPAN("");
    int rc = 0;
    arena_init(&a, 256 << 10);
    while (rc == 0 && (rc = next_row(db, sum->id, &after, &a, &put, &back, &record, &version, e)) > 0) {
        rc = store_one(db, put, field, sum, &a, e);
        arena_reset(&a);
    }
    arena_fini(&a);
    if (rc == 0 && sum->made + sum->changed != waits) {
        rc = err_set(e, ERR_EXISTS, "what waited of the import is not all there any more");
    }
    rc = rc == 0 ? note_import(db, sum, e) : rc;
    return rc == 0 ? forget(db, sum->id, sum->at, e) : rc;
}

int record_import_apply(struct db *db, const struct record_import_row *import, struct span field, struct err *e)
{
    struct record_import_row sum = *import;
    sum.made = 0;
    sum.changed = 0;
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, apply_all(db, &sum, import->made + import->changed, field, e), e) : rc;
}

/* ---- taken back ---- */

/* A record that the import made goes; its life stays in the audit trail. */
static int remove_record(struct db *db, const struct record_row *row, const struct record_import_row *by, time_ns now, struct arena *a, struct err *e)
{
    static const char *const statements[] = {"DELETE FROM record_key WHERE record_id = $1", "DELETE FROM record_link WHERE record_id = $1",
                                             "DELETE FROM record WHERE id = $1"};
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM record_link WHERE value = $1 AND record_id <> $2 LIMIT 1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, row->id);
        db_bind_text(s, 2, row->id);
        rc = db_step(s, e);
        if (rc > 0) {
            db_done(s);
            return err_set(e, ERR_EXISTS, "Other records name one of these since; nothing was taken back.");
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(statements) && rc == 0; i++) {
        rc = run_text(db, statements[i], row->id, e);
    }
    const struct audit_entry entry = {
        .at = now,
        .organisation = row->organisation,
        .who = by->who,
        .what = SPAN("record.import_undone"),
        .subject = span_of(arena_printf(a, "%.*s/%.*s", SPAN_ARG(row->kind), SPAN_ARG(row->id))),
        .why = by->why,
        .before = record_as_text(a, row),
    };
    return rc == 0 ? audit_append(db, &entry, e) : rc;
}

static int put_back(struct db *db, struct span bytes, const struct record_scope *scope, const struct record_import_row *by, time_ns now,
                    struct arena *a, struct err *e)
{
    struct record_put *p = arena_alloc(a, sizeof *p);
    struct record_astray astray = {0};
    struct cursor c = cursor_of(bytes);
    record_put_decode(&c, p);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "what takes the import back is damaged");
    }
    p->scope = *scope;
    p->who = by->who;
    p->why = by->why;
    p->row.changed = now;
    for (uint32_t i = 0; i < p->nkeys; i++) {
        p->keys[i].value = span_eq(p->keys[i].field, REGISTER_KEY_CHANGED) ? register_key_number(a, now) : p->keys[i].value;
    }
    return record_put_all(db, p, &astray, a, e);
}

static int undo_row(struct db *db, struct span back, struct span record, int64_t version, const struct record_scope *scope,
                    const struct record_import_row *by, time_ns now, struct arena *a, struct err *e)
{
    struct record_row row;
    struct err none = {0};
    int rc = record_get(db, scope, by->kind, record, a, &row, &none);
    if (rc == ERR_NOT_FOUND || (rc == 0 && row.version != version)) {
        return err_set(e, ERR_EXISTS, "Some of these records were changed since; nothing was taken back.");
    }
    if (rc != 0) {
        return err_set(e, rc, "%s", none.text);
    }
    return back.len == 0 ? remove_record(db, &row, by, now, a, e) : put_back(db, back, scope, by, now, a, e);
}

/* Of this person, and still to be taken back. */
static int may_undo(struct db *db, const struct record_import_row *by, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT undone, at FROM record_import WHERE id = $1 AND kind = $2 AND who_id = $3", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, by->id);
    db_bind_text(s, 2, by->kind);
    db_bind_text(s, 3, by->who_id);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc == 0 ? err_set(e, ERR_NOT_FOUND, "no such import") : rc;
    }
    bool undone = db_col_i64(s, 0) != 0;
    bool old = db_col_i64(s, 1) <= now - RECORD_IMPORT_UNDO_DAYS * TIME_DAY;
    db_done(s);
    return undone ? err_set(e, ERR_EXISTS, "This import was taken back already.")
           : old  ? err_set(e, ERR_EXISTS, "This import is older than %d days and cannot be taken back.", RECORD_IMPORT_UNDO_DAYS)
                  : 0;
}

static int undo_all(struct db *db, const struct record_scope *scope, const struct record_import_row *by, time_ns now, struct err *e)
{
    struct arena a;
    int64_t after = -1, version = 0;
    struct span put = SPAN(""), back = SPAN(""), record = SPAN("");
    int rc = may_undo(db, by, now, e);
    arena_init(&a, 256 << 10);
    while (rc == 0 && (rc = next_row(db, by->id, &after, &a, &put, &back, &record, &version, e)) > 0) {
        rc = undo_row(db, back, record, version, scope, by, now, &a, e);
        arena_reset(&a);
    }
    arena_fini(&a);
    rc = rc == 0 ? run_text(db, "UPDATE record_import SET undone = 1 WHERE id = $1", by->id, e) : rc;
    return rc == 0 ? record_import_drop(db, by->id, e) : rc;
}

int record_import_undo(struct db *db, const struct record_scope *scope, const struct record_import_row *import, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, undo_all(db, scope, import, now, e), e) : rc;
}

/* ---- told ---- */

int record_import_list(struct db *db, struct span kind, struct span who_id, time_ns now, struct arena *a, struct record_import_row *out,
                       uint32_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    *count_out = 0;
    int rc = db_query(db, "SELECT id, who, why, at, made, changed, undone FROM record_import WHERE kind = $1 AND who_id = $2 ORDER BY at DESC, id DESC LIMIT 50", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, kind);
    db_bind_text(s, 2, who_id);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        struct record_import_row *r = &out[(*count_out)++];
        *r = (struct record_import_row){.id = arena_copy(a, db_col_text(s, 0)), .kind = kind, .who = arena_copy(a, db_col_text(s, 1)), .who_id = who_id,
                                        .why = arena_copy(a, db_col_text(s, 2)), .at = db_col_i64(s, 3), .made = db_col_i64(s, 4),
                                        .changed = db_col_i64(s, 5), .undone = db_col_i64(s, 6) != 0};
        r->can_undo = !r->undone && r->at > now - RECORD_IMPORT_UNDO_DAYS * TIME_DAY;
        rc = 0;
    }
    return rc;
}
