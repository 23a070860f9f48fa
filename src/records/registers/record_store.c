/* SPDX-License-Identifier: EUPL-1.2 */
/* Records in the database: see record_row.h. Runs in the keeper. */
#include <stdio.h>

#include "records/audit.h"
#include "records/registers/record_constraint.h"
#include "records/registers/record_seal.h"
#include "records/registers/record_store.h"
#include "records/settings.h"

/* tlp is a rank. record_key: one row for each key of each record, value '' where it has none. */
const char record_sql[] =
    "CREATE TABLE record ("
    " id TEXT PRIMARY KEY, kind TEXT NOT NULL, organisation TEXT NOT NULL, author TEXT NOT NULL,"
    " author_name TEXT NOT NULL, state TEXT NOT NULL, fields TEXT NOT NULL, tlp BIGINT NOT NULL,"
    " created BIGINT NOT NULL, changed BIGINT NOT NULL, version BIGINT NOT NULL);"
    "CREATE INDEX record_kind ON record (kind, id);"
    "CREATE TABLE record_key ("
    " record_id TEXT NOT NULL REFERENCES record (id), kind TEXT NOT NULL, field TEXT NOT NULL,"
    " organisation TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (record_id, field));"
    "CREATE INDEX record_key_order ON record_key (kind, field, value, record_id);"
    "CREATE INDEX record_key_own ON record_key (kind, field, organisation, value, record_id);";

/* Lists look whether a record has a value in the same small stretch of an index for all of them: what has it, in the order of ids. */
const char record_key_sql[] =
    "CREATE TABLE record_key_new ("
    " record_id TEXT NOT NULL REFERENCES record (id), kind TEXT NOT NULL, field TEXT NOT NULL,"
    " organisation TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (kind, field, value, record_id));"
    "INSERT INTO record_key_new SELECT record_id, kind, field, organisation, value FROM record_key;"
    "DROP TABLE record_key;"
    "ALTER TABLE record_key_new RENAME TO record_key;"
    "CREATE INDEX record_key_record ON record_key (record_id, field, value);"
    "CREATE INDEX record_key_own ON record_key (kind, field, organisation, value, record_id);";

/*
 * What a reader's sight asks of a record stands in one index: counts and lists do not read the record for it. In the place of one that had less.
 */
const char record_sight_sql[] = "CREATE INDEX record_sight ON record (kind, id, organisation, tlp, author);"
                                "DROP INDEX record_kind;";

enum { KEY_BATCH = 500 };

int record_get(struct db *db, const struct record_scope *scope, struct span kind, struct span id, struct arena *a,
               struct record_row *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT " RECORD_COLUMNS " FROM record r WHERE r.id = ");
    sql_value(&s, id);
    sql_put(&s, " AND r.kind = ");
    sql_value(&s, kind);
    sql_put(&s, " AND ");
    sql_scope(&s, scope, NULL);
    int rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        sql_row(st, a, out);
        db_done(st);
    }
    sql_end(&s);
    return rc > 0 ? 0 : rc == 0 ? err_set(e, ERR_NOT_FOUND, "no such record") : rc;
}

/* ---- writing ---- */

static int forget_keys(struct db *db, struct span id, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM record_key WHERE record_id = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, id);
        rc = db_run(s, e);
    }
    return rc;
}

int record_keys_put(struct db *db, const struct record_row *r, const struct record_key *keys, size_t count, struct err *e)
{
    struct db_stmt *st = NULL;
    struct sql s;
    int rc = r->version == 1 || count == 0 ? 0 : forget_keys(db, r->id, e);
    if (rc != 0 || count == 0) {
        return rc;
    }
    sql_begin(&s);
    sql_put(&s, "INSERT INTO record_key (record_id, kind, organisation, field, value) VALUES (");
    sql_value(&s, r->id);
    sql_put(&s, ", ");
    sql_value(&s, r->kind);
    sql_put(&s, ", ");
    sql_value(&s, r->organisation);
    for (size_t i = 0; i < count; i++) {
        sql_put(&s, i == 0 ? ", " : "), ($1, $2, $3, ");
        sql_value(&s, keys[i].field);
        sql_put(&s, ", ");
        sql_value(&s, keys[i].value);
    }
    sql_put(&s, ")");
    rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? db_run(st, e) : rc;
    sql_end(&s);
    return rc;
}

int record_row_write(struct db *db, const struct record_row *r, uint32_t hidden, struct err *e)
{
    struct db_stmt *s = NULL;
    const char *sql = r->version == 1
                          ? "INSERT INTO record (state, title, fields, tlp, changed, version, id, kind, organisation, author, author_name, created) "
                            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING"
                          : "UPDATE record SET state = $1, title = $2, fields = $3, tlp = $4, changed = $5, version = $6 WHERE id = $7 AND version = $6 - 1";
    int rc = db_query(db, sql, e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, r->state);
    db_bind_text(s, 2, r->title);
    db_bind_text(s, 3, r->fields);
    db_bind_i64(s, 4, (int64_t)tlp_rank(r->tlp) + hidden);
    db_bind_i64(s, 5, r->changed);
    db_bind_i64(s, 6, r->version);
    db_bind_text(s, 7, r->id);
    if (r->version == 1) {
        db_bind_text(s, 8, r->kind);
        db_bind_text(s, 9, r->organisation);
        db_bind_text(s, 10, r->author);
        db_bind_text(s, 11, r->author_name);
        db_bind_i64(s, 12, r->created);
    }
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) != 1 ? err_set(e, ERR_EXISTS, "the record was changed meanwhile") : rc;
}

struct span record_as_text(struct arena *a, const struct record_row *r)
{
    return span_of(arena_printf(a, "{\"fields\":%.*s,\"state\":\"%.*s\",\"tlp\":\"%s\"}", SPAN_ARG(r->fields), SPAN_ARG(r->state),
                                tlp_name(r->tlp)));
}

static int append(struct db *db, const struct record_put *p, struct span before, struct span after, struct arena *a, struct err *e)
{
    const struct audit_entry entry = {
        .at = p->row.changed,
        .organisation = p->row.organisation,
        .who = p->who,
        .what = p->what,
        .subject = record_subject(a, &p->row),
        .why = p->why,
        .before = before,
        .after = after,
    };
    return audit_append(db, &entry, e);
}

int record_note(struct db *db, const struct record_put *p, const struct record_row *before, struct arena *a, struct err *e)
{
    struct span was = SPAN(""), is = SPAN("");
    int rc = before == NULL ? 0 : record_seal(db, p->sealed_by, before, a, &was, e);
    rc = rc == 0 ? record_seal(db, p->sealed_by, &p->row, a, &is, e) : rc;
    return rc == 0 ? append(db, p, was, is, a, e) : rc;
}

int record_note_as(struct db *db, const struct register_kind *k, const struct record_put *p, const struct record_row *before, struct arena *a, struct err *e)
{
    struct span was = SPAN(""), is = SPAN("");
    int rc = record_seal_as(db, k, before, a, &was, e);
    rc = rc == 0 ? record_seal_as(db, k, &p->row, a, &is, e) : rc;
    return rc == 0 ? append(db, p, was, is, a, e) : rc;
}

int record_put_all(struct db *db, const struct record_put *p, struct record_astray *astray, struct arena *a, struct err *e)
{
    struct record_row before = {0};
    struct record_row after = {0};
    bool is_new = p->row.version == 1;
    int rc = is_new ? 0 : record_get(db, &p->scope, p->row.kind, p->row.id, a, &before, e);
    if (rc == 0 && !is_new && before.version != p->row.version - 1) {
        rc = err_set(e, ERR_EXISTS, "the record was changed meanwhile");
    }
    if (rc == 0 && !is_new && !span_eq(before.organisation, p->row.organisation)) {
        rc = err_set(e, ERR_INVALID, "a record never leaves its organisation");
    }
    rc = rc == 0 ? record_links_check(db, &p->sight, p->links, p->nlinks, astray, e) : rc;
    rc = rc == 0 ? record_row_write(db, &p->row, 0, e) : rc;
    rc = rc == 0 ? record_keys_put(db, &p->row, p->keys, p->nkeys, e) : rc;
    rc = rc == 0 ? record_links_put(db, &p->row, p->links, p->nlinks, e) : rc;
    rc = rc == 0 ? record_note(db, p, is_new ? NULL : &before, a, e) : rc;
    if (rc == 0 && record_get(db, &p->scope, p->row.kind, p->row.id, a, &after, e) != 0) {
        rc = err_set(e, ERR_DENIED, "who writes it could not read it");
    }
    if (rc == 0 && p->kinds != NULL) {
        rc = record_constraints_check(db, p->kinds, &p->row, &p->scope, &astray->breach, e);
        rc = rc == 0 && astray->breach.there ? err_set(e, ERR_INVALID, "it does not hold beside other records") : rc;
    }
    return rc;
}

int record_put(struct db *db, const struct record_put *p, struct record_astray *astray, struct err *e)
{
    struct arena a;
    *astray = (struct record_astray){0};
    int rc = db_begin(db, e);
    if (rc != 0) {
        return rc;
    }
    arena_init(&a, 0);
    rc = db_end(db, record_put_all(db, p, astray, &a, e), e);
    arena_fini(&a);
    return rc;
}

/* ---- keys made anew ---- */

static int put_title(struct db *db, struct span id, struct span title, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE record SET title = $1 WHERE id = $2", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, title);
        db_bind_text(s, 2, id);
        rc = db_run(s, e);
    }
    return rc;
}

static int renew_links(struct db *db, const struct register_kind *k, const struct record_row *r, const struct jcs *fields, struct err *e)
{
    struct register_link links[REGISTER_LINKS_MAX];
    struct record_to to[REGISTER_LINKS_MAX];
    size_t n = register_links(k, fields, links);
    n = n < REGISTER_LINKS_MAX ? n : REGISTER_LINKS_MAX;
    for (size_t i = 0; i < n; i++) {
        to[i] = (struct record_to){links[i].field->name, links[i].field->ref, links[i].target, true};
    }
    return record_links_put(db, r, to, n, e);
}

static int renew_row(struct db *db, const struct register_kind *k, const struct record_row *r, struct arena *a, struct err *e)
{
    struct jcs *fields = NULL;
    struct record_key keys[REGISTER_KEYS_MAX];
    int rc = jcs_read_decimals(a, r->fields, JCS_DEPTH_MAX, &fields, e);
    if (rc != 0) {
        return rc;
    }
    size_t n = register_keys(a, k, fields, r->organisation, r->state, r->tlp, r->created, r->changed, keys);
    rc = record_keys_put(db, r, keys, n, e);
    rc = rc == 0 ? put_title(db, r->id, register_title(k, fields), e) : rc;
    return rc == 0 ? renew_links(db, k, r, fields, e) : rc;
}

/* The next ones of a kind behind `after`, whose end is told by *count_out 0. */
static int renew_some(struct db *db, const struct register_kind *k, char after[RECORD_ID_MAX + 1], size_t *count_out, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    arena_init(&a, 0);
    struct record_row *rows = arena_calloc(&a, KEY_BATCH, sizeof *rows);
    *count_out = 0;
    int rc = db_query(db, "SELECT " RECORD_COLUMNS " FROM record r WHERE r.kind = $1 AND r.id > $2 ORDER BY r.id LIMIT 500", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, k->name);
        db_bind_text(s, 2, span_of(after));
        while ((rc = db_step(s, e)) > 0) {
            sql_row(s, &a, &rows[(*count_out)++]);
        }
    }
    for (size_t i = 0; i < *count_out && rc == 0; i++) {
        rc = renew_row(db, k, &rows[i], &a, e);
        (void)snprintf(after, RECORD_ID_MAX + 1, "%.*s", SPAN_ARG(rows[i].id));
    }
    arena_fini(&a);
    return rc;
}

static int renew_kind(struct db *db, const struct register_kind *k, struct span name, struct span signature, time_ns now, struct err *e)
{
    char after[RECORD_ID_MAX + 1] = "";
    size_t n = 1;
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM record_key WHERE kind = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, k->name);
        rc = db_run(s, e);
    }
    while (rc == 0 && n > 0) {
        rc = renew_some(db, k, after, &n, e);
    }
    return rc == 0 ? settings_put(db, name, signature, now, e) : rc;
}

int record_keys_renew(struct db *db, const struct registers *kinds, time_ns now, struct err *e)
{
    size_t n = 0;
    int rc = 0;
    const struct register_kind *k = registers_all(kinds, &n);
    for (size_t i = 0; i < n && rc == 0; i++) {
        struct arena a;
        char text[SETTING_MAX];
        struct span known = SPAN("");
        arena_init(&a, 0);
        struct span name = span_of(arena_printf(&a, "registers.keys.%.*s", SPAN_ARG(k[i].name)));
        struct span signature = register_keys_signature(&a, &k[i]);
        rc = settings_get(db, name, text, sizeof text, &known, e);
        rc = rc == ERR_NOT_FOUND ? 0 : rc;
        if (rc == 0 && !span_eq(known, signature)) {
            rc = db_begin(db, e);
            rc = rc == 0 ? db_end(db, renew_kind(db, &k[i], name, signature, now, e), e) : rc;
        }
        arena_fini(&a);
    }
    return rc;
}
