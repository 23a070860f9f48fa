/* SPDX-License-Identifier: EUPL-1.2 */
/* Imports in the database: see record_import.h. Runs in the keeper. */
#include "records/registers/record_import.h"

#include "base/id.h"
#include "records/audit.h"
#include "records/registers/record_constraint.h"
#include "records/registers/record_seal.h"
#include "records/registers/record_stage.h"
#include "records/registers/register_force.h"
#include "records/registers/record_store.h"

/*
 * record_import_row.put: of a changed one, until it is stored; new ones are among the records, hidden (record_stage.h). back: what takes it
 * back, empty = it was a new one. version: of the record since.
 */
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
    record_part_encode(out, &i->put);
    buf_u8(out, i->back.row.id.len > 0);
    if (i->back.row.id.len > 0) {
        record_part_encode(out, &i->back);
    }
}

void record_import_item_decode(struct cursor *c, struct record_import_item *out)
{
    record_part_decode(c, &out->put);
    out->back = (struct record_put){0};
    if (cursor_u8(c) != 0) {
        record_part_decode(c, &out->back);
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
    if (item->back.row.id.len > 0) {
        record_part_encode(&put, &item->put);
        record_part_encode(&back, &item->back);
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

int record_import_add(struct db *db, const struct record_importer *by, struct span import, uint64_t place, const struct record_import_item *item, bool keep,
                      struct record_astray *astray, struct err *e)
{
    *astray = (struct record_astray){0};
    int rc = record_links_check(db, by->sight, item->put.links, item->put.nlinks, astray, e);
    if (astray->count > 0) {
        return 0;
    }
    if (rc == 0 && by->kinds != NULL) {
        rc = record_constraints_check(db, by->kinds, &item->put.row, by->scope, &astray->breach, e);
    }
    if (rc != 0 || astray->breach.there || !keep) {
        return rc;
    }
    rc = item->back.row.id.len == 0 ? record_stage_put(db, &item->put, e) : 0;
    return rc == 0 ? insert_row(db, import, place, item, e) : rc;
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

/* ---- stored ---- */

/* One of an import on its way, and who does it. */
struct step {
    const struct record_importer *as;
    const struct record_import_row *by;
    time_ns now;
    struct span id, put, back;
    int64_t version;
};
typedef int step_fn(struct db *db, const struct step *s, struct arena *a, struct err *e);

/* Each of an import in the order of its file, until one fails. */
static int each_row(struct db *db, struct step *step, step_fn *does, int64_t *count_out, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    *count_out = 0;
    int rc = db_query(db, "SELECT record_id, version, put, back FROM record_import_row WHERE import_id = $1 ORDER BY place", e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, step->by->id);
    arena_init(&a, 256 << 10);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        step->id = db_col_text(s, 0);
        step->version = db_col_i64(s, 1);
        step->put = db_col_bytes(s, 2);
        step->back = db_col_bytes(s, 3);
        rc = does(db, step, &a, e);
        (*count_out)++;
        arena_reset(&a);
        if (rc != 0) {
            db_done(s);
        }
    }
    arena_fini(&a);
    return rc;
}

/* What stands in the bytes, by whom and why. */
static int read_part(const struct step *step, struct span bytes, struct record_put *out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    record_part_decode(&c, out);
    if (!cursor_done(&c)) {
        return err_set(e, ERR_INVALID, "what waits of the import is damaged");
    }
    out->scope = *step->as->scope;
    out->who = step->by->who;
    out->why = step->by->why;
    out->sealed_by = step->as->kinds;
    return 0;
}

/* A changed one is stored; a new one is there by now, and has its line in the trail to come. */
static int store_row(struct db *db, const struct step *step, struct arena *a, struct err *e)
{
    struct record_put *p = arena_alloc(a, sizeof *p);
    struct record_astray astray = {0};
    int rc = 0;
    if (step->back.len == 0) {
        rc = record_get(db, step->as->scope, step->by->kind, step->id, a, &p->row, e);
        p->who = step->by->who;
        p->why = step->by->why;
        p->what = SPAN("record.imported");
        p->sealed_by = step->as->kinds;
        return rc == ERR_NOT_FOUND ? err_set(e, ERR_DENIED, "who writes it could not read it") : rc == 0 ? record_note(db, p, NULL, a, e) : rc;
    }
    rc = read_part(step, step->put, p, e);
    if (rc == 0) {
        p->sight = *step->as->sight;
        rc = record_put_all(db, p, &astray, a, e);
    }
    return astray.count > 0 ? err_set(e, ERR_EXISTS, "a record that is named was changed meanwhile; look at the file again") : rc;
}

/* When all are stored: one may stand in the place of another that goes elsewhere in the same file. */
static int check_row(struct db *db, const struct step *step, struct arena *a, struct err *e)
{
    static const char *const ways[BREACH_COUNT][2] = {
        [BREACH_BESIDE] = {" and \"", "\" cannot stand beside one another"},
        [BREACH_SUM] = {": together this is more than ", ""},
        [BREACH_LOOP] = {" would stand below itself by \"", "\""},
        [BREACH_DEEP] = {": there would be more levels than ", ""},
    };
    struct record_row row;
    struct record_breach breach = {0};
    int rc = record_get(db, step->as->scope, step->by->kind, step->id, a, &row, e);
    if (rc == ERR_NOT_FOUND) {
        return 0; /* it went with the import that is taken back */
    }
    rc = rc == 0 ? record_constraints_check(db, step->as->kinds, &row, step->as->scope, &breach, e) : rc;
    return rc == 0 && breach.there ? err_set(e, ERR_EXISTS, "\"%.*s\"%s%.200s%s (%s). Nothing was stored.", SPAN_ARG(span_sub(row.title, 0, 200)),
                                             ways[breach.how][0], breach.text, ways[breach.how][1], breach.name)
                                   : rc;
}

static int check_all(struct db *db, struct step *step, struct err *e)
{
    int64_t count = 0;
    bool asks = step->as->kinds != NULL && record_constraints_any(step->as->kinds, step->by->kind);
    return asks ? each_row(db, step, check_row, &count, e) : 0;
}

/* Bytes that were needed to store are not kept. */
static int forget(struct db *db, struct span import, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE record_import_row SET put = $1 WHERE import_id = $2 AND version > 1", e, &s);
    if (rc == 0) {
        db_bind_bytes(s, 1, SPAN(""));
        db_bind_text(s, 2, import);
        rc = db_run(s, e);
    }
    return rc;
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

static int apply_all(struct db *db, struct step *step, int64_t made, int64_t waits, struct span field, struct err *e)
{
    int64_t count = 0;
    int rc = record_stage_show(db, step->by->id, made, step->as->scope, step->as->sight, field, e);
    rc = rc == 0 ? each_row(db, step, store_row, &count, e) : rc;
    if (rc == 0 && count != waits) {
        rc = err_set(e, ERR_EXISTS, "what waited of the import is not all there any more");
    }
    rc = rc == 0 ? check_all(db, step, e) : rc;
    rc = rc == 0 ? note_import(db, step->by, e) : rc;
    return rc == 0 ? forget(db, step->by->id, e) : rc;
}

int record_import_apply(struct db *db, const struct record_importer *by, const struct record_import_row *import, struct span field, struct err *e)
{
    struct step step = {.as = by, .by = import};
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, apply_all(db, &step, import->made, import->made + import->changed, field, e), e) : rc;
}

/* ---- one after another, in the caller's transaction ---- */

int record_import_put(struct db *db, const struct record_importer *by, const struct record_import_row *import, uint64_t place,
                      struct record_import_item *item, struct arena *a, struct err *e)
{
    struct record_astray astray = {0};
    struct record_put *p = &item->put;
    p->scope = *by->scope;
    p->sight = *by->sight;
    p->kinds = by->kinds;
    p->sealed_by = by->kinds;
    p->who = import->who;
    p->why = p->why.len > 0 ? p->why : import->why;
    int rc = record_put_all(db, p, &astray, a, e);
    if (astray.count > 0 || astray.breach.there) {
        return err_set(e, ERR_EXISTS, "The record of \"%.*s\" does not hold beside others any more. Look again.", SPAN_ARG(span_sub(p->row.title, 0, 200)));
    }
    return rc == 0 ? insert_row(db, import->id, place, item, e) : rc;
}

int record_import_note(struct db *db, const struct record_import_row *import, struct err *e)
{
    int rc = note_import(db, import, e);
    return rc == 0 ? forget(db, import->id, e) : rc;
}

/* ---- taken back ---- */

/* A record that the import made goes, and what it said of persons; its life stays in the audit trail. */
static int remove_record(struct db *db, const struct record_row *row, const struct step *step, struct arena *a, struct err *e)
{
    struct audit_entry entry = {
        .at = step->now,
        .organisation = row->organisation,
        .who = step->by->who,
        .what = RECORD_UNDONE,
        .subject = record_subject(a, row),
        .why = step->by->why,
    };
    int rc = record_stage_hide(db, row->id, e);
    rc = rc == 0 ? record_seal(db, step->as->kinds, row, a, &entry.before, e) : rc;
    rc = rc == 0 ? record_seal_erase(db, row->id, e) : rc;
    return rc == 0 ? audit_append(db, &entry, e) : rc;
}

static int put_back(struct db *db, const struct step *step, struct arena *a, struct err *e)
{
    struct record_put *p = arena_alloc(a, sizeof *p);
    struct record_astray astray = {0};
    int rc = read_part(step, step->back, p, e);
    if (rc != 0) {
        return rc;
    }
    p->row.changed = step->now;
    for (uint32_t i = 0; i < p->nkeys; i++) {
        p->keys[i].value = span_eq(p->keys[i].field, REGISTER_KEY_CHANGED) ? register_key_number(a, step->now) : p->keys[i].value;
    }
    return record_put_all(db, p, &astray, a, e); /* its links were kept: none is asked for */
}

static int undo_row(struct db *db, const struct step *step, struct arena *a, struct err *e)
{
    struct record_row row;
    struct err none = {0};
    int rc = record_get(db, step->as->scope, step->by->kind, step->id, a, &row, &none);
    if (rc == ERR_NOT_FOUND || (rc == 0 && row.version != step->version)) {
        return err_set(e, ERR_EXISTS, "Some of these records were changed since; nothing was taken back.");
    }
    if (rc != 0) {
        return err_set(e, rc, "%s", none.text);
    }
    return step->back.len == 0 ? remove_record(db, &row, step, a, e) : put_back(db, step, a, e);
}

/* Of this person, and still to be taken back. */
static int may_undo(struct db *db, const struct record_import_row *by, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT undone, at, made + changed - (SELECT COUNT(*) FROM record_import_row WHERE import_id = record_import.id) "
                      "FROM record_import WHERE id = $1 AND kind = $2 AND who_id = $3", e, &s);
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
    time_ns at = db_col_i64(s, 1);
    time_ns rewritten = 0;
    bool old = at <= now - RECORD_IMPORT_UNDO_DAYS * TIME_DAY;
    bool gone = db_col_i64(s, 2) != 0;
    db_done(s);
    rc = register_rewritten(db, by->kind, &rewritten, e);
    if (rc == 0 && !undone && rewritten >= at) { /* what would be put back is of the form of before */
        return err_set(e, ERR_EXISTS, "The file of this register has changed since, and the records with it: what this import changed cannot be taken back.");
    }
    return rc != 0  ? rc
           : undone ? err_set(e, ERR_EXISTS, "This import was taken back already.")
           : old  ? err_set(e, ERR_EXISTS, "This import is older than %d days and cannot be taken back.", RECORD_IMPORT_UNDO_DAYS)
           : gone ? err_set(e, ERR_EXISTS, "So much was imported since that what takes this one back is not kept any more.")
                  : 0;
}

static int undo_all(struct db *db, struct step *step, struct err *e)
{
    int64_t count = 0;
    int rc = may_undo(db, step->by, step->now, e);
    rc = rc == 0 ? each_row(db, step, undo_row, &count, e) : rc;
    rc = rc == 0 ? check_all(db, step, e) : rc;
    return rc == 0 ? run_text(db, "UPDATE record_import SET undone = 1 WHERE id = $1", step->by->id, e) : rc;
}

int record_import_undo_within(struct db *db, const struct record_importer *by, const struct record_import_row *import, time_ns now, struct err *e)
{
    struct step step = {.as = by, .by = import, .now = now};
    return undo_all(db, &step, e);
}

int record_import_undo(struct db *db, const struct record_importer *by, const struct record_import_row *import, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc == 0 ? db_end(db, record_import_undo_within(db, by, import, now, e), e) : rc;
}

/* ---- told ---- */

int record_import_list(struct db *db, struct span kind, struct span who_id, time_ns now, struct arena *a, struct record_import_row *out,
                       uint32_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    time_ns rewritten = 0;
    *count_out = 0;
    int rc = register_rewritten(db, kind, &rewritten, e);
    rc = rc != 0 ? rc : db_query(db, "SELECT id, who, why, at, made, changed, undone, made + changed = 0 OR EXISTS (SELECT 1 FROM record_import_row WHERE import_id = record_import.id AND place = 0) "
                      "FROM record_import WHERE kind = $1 AND who_id = $2 ORDER BY at DESC, id DESC LIMIT 50", e, &s);
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
        r->can_undo = !r->undone && db_col_i64(s, 7) != 0 && r->at > now - RECORD_IMPORT_UNDO_DAYS * TIME_DAY && r->at > rewritten;
        rc = 0;
    }
    return rc;
}
