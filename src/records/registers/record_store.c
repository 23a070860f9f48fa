/* SPDX-License-Identifier: EUPL-1.2 */
/* Records in the database: see record_row.h. Runs in the keeper. */
#include <stdio.h>

#include "records/audit.h"
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

/* ---- lists ---- */

static const char *const compares[] = {[RECORD_EQUAL] = " = ", [RECORD_FROM] = " >= ", [RECORD_TO] = " <= "};

/* The first filter by the same field, whose keys serve both: a range is one stretch of an index. */
static uint32_t keys_of(const struct record_query *q, uint32_t i)
{
    uint32_t first = q->filters[i].target.len > 0 ? i : 0; /* a record names many */
    while (first < i && !span_eq(q->filters[first].field, q->filters[i].field)) {
        first++;
    }
    return first;
}

static const char *table_of(const struct record_query *q, uint32_t i)
{
    return q->filters[i].target.len > 0 ? "record_link" : "record_key";
}

/* base: the keys along which the list goes. */
static void put_filter(struct sql *s, const struct record_query *q, uint32_t i, const char *base)
{
    const struct record_filter *f = &q->filters[i];
    uint32_t keys = keys_of(q, i);
    if (keys == i) {
        buf_printf(&s->text, " AND f%u.record_id = %s.record_id AND f%u.kind = ", i, i == 0 ? "k" : base, i);
        sql_value(s, q->kind);
        buf_printf(&s->text, " AND f%u.field = ", i);
        sql_value(s, f->field);
        buf_printf(&s->text, " AND f%u.value <> ''", i);
    }
    buf_printf(&s->text, " AND f%u.value%s", keys, compares[f->how]);
    sql_value(s, f->value);
    if (f->target.len > 0) { /* of a record that he may not read nothing tells what names it */
        sql_put(s, " AND EXISTS (SELECT 1 FROM record r WHERE r.id = ");
        sql_value(s, f->value);
        sql_put(s, " AND r.kind = ");
        sql_value(s, f->target);
        sql_put(s, " AND ");
        sql_sight(s, &q->sight);
        sql_put(s, ")");
    }
}

/*
 * FROM and WHERE of a list, without its place. CROSS JOIN says SQLite in which order to go: along the first filter and then
 * sort what it found, or along the sort key and filter that. Which is less work only the number of hits tells (record_list).
 */
static void put_list(struct sql *s, const struct record_query *q, bool by_filter)
{
    const char *base = by_filter ? "f0" : "k";
    buf_printf(&s->text, " FROM %s %s", by_filter ? table_of(q, 0) : "record_key", base);
    for (uint32_t i = by_filter ? 1 : 0; i < q->nfilters; i++) {
        if (keys_of(q, i) == i) {
            buf_printf(&s->text, " CROSS JOIN %s f%u", table_of(q, i), i);
        }
    }
    sql_put(s, by_filter ? " CROSS JOIN record_key k CROSS JOIN record r" : " CROSS JOIN record r");
    sql_put(s, " WHERE r.id = k.record_id AND k.kind = ");
    sql_value(s, q->kind);
    sql_put(s, " AND k.field = ");
    sql_value(s, q->sort);
    for (uint32_t i = 0; i < q->nfilters; i++) {
        put_filter(s, q, i, base);
    }
    sql_put(s, " AND ");
    sql_scope(s, &q->scope, base);
}

static int count_all(struct db *db, const struct record_query *q, struct record_page *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*) FROM (SELECT 1 AS one");
    put_list(&s, q, q->nfilters > 0);
    buf_printf(&s.text, " LIMIT %d) AS found", RECORD_COUNT_MAX + 1);
    int rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        out->count = db_col_i64(st, 0);
        db_done(st);
        rc = 0;
    }
    out->uncounted = out->count > RECORD_COUNT_MAX;
    out->count = out->uncounted ? RECORD_COUNT_MAX : out->count;
    sql_end(&s);
    return rc;
}

static int read_page(struct db *db, const struct record_query *q, struct arena *a, struct record_page *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    const char *order = q->descending ? "DESC" : "ASC";
    sql_begin(&s);
    sql_put(&s, "SELECT " RECORD_COLUMNS ", k.value");
    put_list(&s, q, q->nfilters > 0 && !out->uncounted);
    if (q->after_id.len > 0) {
        sql_put(&s, q->descending ? " AND (k.value, k.record_id) < (" : " AND (k.value, k.record_id) > (");
        sql_value(&s, q->after);
        sql_put(&s, ", ");
        sql_value(&s, q->after_id);
        sql_put(&s, ")");
    }
    buf_printf(&s.text, " ORDER BY k.value %s, k.record_id %s LIMIT %u", order, order, q->limit + 1);
    int rc = sql_prepare(db, &s, e, &st);
    out->rows = arena_calloc(a, q->limit, sizeof *out->rows);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        if (out->nrows == q->limit) {
            out->more = true;
            db_done(st);
            rc = 0;
            break;
        }
        sql_row(st, a, &out->rows[out->nrows++]);
        out->last = arena_copy(a, db_col_text(st, RECORD_COLUMN_COUNT));
        rc = 0;
    }
    sql_end(&s);
    return rc == 0 ? record_links_read(db, &q->sight, a, out->rows, out->nrows, e) : rc;
}

int record_list(struct db *db, const struct record_query *asked, struct arena *a, struct record_page *out, struct err *e)
{
    struct record_query q = *asked;
    CHECK(q.nfilters <= RECORD_FILTERS_MAX && q.limit > 0 && q.limit <= RECORD_PAGE_MAX);
    *out = (struct record_page){0};
    if (record_scope_empty(&q.scope)) {
        return 0;
    }
    for (uint32_t i = 1; i < q.nfilters && q.filters[0].how != RECORD_EQUAL; i++) { /* one value finds less than a range */
        struct record_filter first = q.filters[0];
        q.filters[0] = q.filters[i];
        q.filters[i] = first;
    }
    int rc = count_all(db, &q, out, e);
    return rc == 0 ? read_page(db, &q, a, out, e) : rc;
}

/* ---- writing ---- */

int record_keys_put(struct db *db, const struct record_row *r, const struct record_key *keys, size_t count, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db,
                      "INSERT INTO record_key (record_id, kind, field, organisation, value) VALUES ($1, $2, $3, $4, $5) "
                      "ON CONFLICT (record_id, field) DO UPDATE SET value = excluded.value",
                      e, &s);
        if (rc == 0) {
            const struct span values[] = {r->id, r->kind, keys[i].field, r->organisation, keys[i].value};
            for (size_t v = 0; v < ARRAY_LEN(values); v++) {
                db_bind_text(s, (int)v + 1, values[v]);
            }
            rc = db_run(s, e);
        }
    }
    return rc;
}

static int write_row(struct db *db, const struct record_row *r, struct err *e)
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
    db_bind_i64(s, 4, tlp_rank(r->tlp));
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

static int note(struct db *db, const struct record_put *p, const struct record_row *before, struct arena *a, struct err *e)
{
    const struct audit_entry entry = {
        .at = p->row.changed,
        .organisation = p->row.organisation,
        .who = p->who,
        .what = p->what,
        .subject = span_of(arena_printf(a, "%.*s/%.*s", SPAN_ARG(p->row.kind), SPAN_ARG(p->row.id))),
        .why = p->why,
        .before = before == NULL ? SPAN("") : record_as_text(a, before),
        .after = record_as_text(a, &p->row),
    };
    return audit_append(db, &entry, e);
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
    rc = rc == 0 ? record_links_check(db, p, astray, e) : rc;
    rc = rc == 0 ? write_row(db, &p->row, e) : rc;
    rc = rc == 0 ? record_keys_put(db, &p->row, p->keys, p->nkeys, e) : rc;
    rc = rc == 0 ? record_links_put(db, &p->row, p->links, p->nlinks, e) : rc;
    rc = rc == 0 ? note(db, p, is_new ? NULL : &before, a, e) : rc;
    if (rc == 0 && record_get(db, &p->scope, p->row.kind, p->row.id, a, &after, e) != 0) {
        rc = err_set(e, ERR_DENIED, "who writes it could not read it");
    }
    return rc;
}

int record_put(struct db *db, const struct record_put *p, struct record_astray *astray, struct err *e)
{
    struct arena a;
    astray->count = 0;
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
