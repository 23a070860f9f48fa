/* SPDX-License-Identifier: EUPL-1.2 */
/* Records in the database: see record_row.h. Runs in the keeper. */
#include <stdio.h>

#include "records/audit.h"
#include "records/registers/record_row.h"
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

enum { BINDS_MAX = 64, KEY_BATCH = 500 };

/* A statement as it grows: its text, and its values in the order of their first use, as db.h asks. */
struct sql {
    struct buf text;
    struct span texts[BINDS_MAX];
    int count;
};

/* "$n" of a text. */
static void put_value(struct sql *s, struct span value)
{
    CHECK(s->count < BINDS_MAX);
    s->texts[s->count++] = value;
    buf_printf(&s->text, "$%d", s->count);
}

static void put(struct sql *s, const char *text)
{
    buf_cstr(&s->text, text);
}

static void put_ranks(struct sql *s, const struct record_scope *scope, uint8_t all, uint8_t mine)
{
    buf_printf(&s->text, "r.tlp <= %u", all);
    if (mine > all) {
        put(s, " OR (r.author = ");
        put_value(s, scope->person);
        buf_printf(&s->text, " AND r.tlp <= %u)", mine);
    }
}

/*
 * What the reader may read, as a condition on the row r. keys: name of the keys along which a list goes, or NULL; they have the
 * organisation of their record, and naming it there lets an index be used.
 */
static void put_scope(struct sql *s, const struct record_scope *scope, const char *keys)
{
    bool others = scope->other > 0 || scope->other_mine > 0;
    put(s, "(");
    if (others && scope->own == scope->other && scope->own_mine == scope->other_mine) {
        put_ranks(s, scope, scope->own, scope->own_mine);
        put(s, ")");
        return;
    }
    put(s, "r.organisation = ");
    put_value(s, scope->organisation);
    if (!others && keys != NULL) {
        buf_printf(&s->text, " AND %s.organisation = ", keys);
        put_value(s, scope->organisation);
    }
    put(s, " AND (");
    put_ranks(s, scope, scope->own, scope->own_mine);
    put(s, ")");
    if (others) {
        put(s, " OR r.organisation <> ");
        put_value(s, scope->organisation);
        put(s, " AND (");
        put_ranks(s, scope, scope->other, scope->other_mine);
        put(s, ")");
    }
    put(s, ")");
}

static int prepare(struct db *db, struct sql *s, struct err *e, struct db_stmt **out)
{
    buf_u8(&s->text, 0);
    int rc = s->text.failed ? err_set(e, ERR_LIMIT, "too much is asked at once") : db_query(db, s->text.data, e, out);
    for (int i = 0; rc == 0 && i < s->count; i++) {
        db_bind_text(*out, i + 1, s->texts[i]);
    }
    return rc;
}

static void sql_begin(struct sql *s)
{
    s->count = 0;
    buf_init(&s->text, DB_SQL_MAX);
}

#define ROW_COLUMNS                                                                                                    \
    "r.id, r.kind, r.organisation, r.author, r.author_name, r.state, r.fields, r.tlp, r.created, r.changed, r.version"

static void take_row(struct db_stmt *s, struct arena *a, struct record_row *out)
{
    struct span *texts[] = {&out->id, &out->kind, &out->organisation, &out->author, &out->author_name, &out->state, &out->fields};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(a, db_col_text(s, (int)i));
    }
    int64_t rank = db_col_i64(s, 7);
    out->tlp = TLP_UNKNOWN; /* which nobody may read */
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) {
        out->tlp = tlp_rank((enum tlp)t) == (uint64_t)rank ? (enum tlp)t : out->tlp;
    }
    out->created = db_col_i64(s, 8);
    out->changed = db_col_i64(s, 9);
    out->version = db_col_i64(s, 10);
}

int record_get(struct db *db, const struct record_scope *scope, struct span kind, struct span id, struct arena *a,
               struct record_row *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    put(&s, "SELECT " ROW_COLUMNS " FROM record r WHERE r.id = ");
    put_value(&s, id);
    put(&s, " AND r.kind = ");
    put_value(&s, kind);
    put(&s, " AND ");
    put_scope(&s, scope, NULL);
    int rc = prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        take_row(st, a, out);
        db_done(st);
    }
    buf_free(&s.text);
    return rc > 0 ? 0 : rc == 0 ? err_set(e, ERR_NOT_FOUND, "no such record") : rc;
}

/* ---- lists ---- */

static const char *const compares[] = {[RECORD_EQUAL] = " = ", [RECORD_FROM] = " >= ", [RECORD_TO] = " <= "};

/* The first filter by the same field, whose keys serve both: a range is one stretch of an index. */
static uint32_t keys_of(const struct record_query *q, uint32_t i)
{
    uint32_t first = 0;
    while (!span_eq(q->filters[first].field, q->filters[i].field)) {
        first++;
    }
    return first;
}

/* base: the keys along which the list goes. */
static void put_filter(struct sql *s, const struct record_query *q, uint32_t i, const char *base)
{
    const struct record_filter *f = &q->filters[i];
    uint32_t keys = keys_of(q, i);
    if (keys == i) {
        buf_printf(&s->text, " AND f%u.record_id = %s.record_id AND f%u.kind = ", i, i == 0 ? "k" : base, i);
        put_value(s, q->kind);
        buf_printf(&s->text, " AND f%u.field = ", i);
        put_value(s, f->field);
        buf_printf(&s->text, " AND f%u.value <> ''", i);
    }
    buf_printf(&s->text, " AND f%u.value%s", keys, compares[f->how]);
    put_value(s, f->value);
}

/*
 * FROM and WHERE of a list, without its place. CROSS JOIN says SQLite in which order to go: along the first filter and then
 * sort what it found, or along the sort key and filter that. Which is less work only the number of hits tells (record_list).
 */
static void put_list(struct sql *s, const struct record_query *q, bool by_filter)
{
    const char *base = by_filter ? "f0" : "k";
    buf_printf(&s->text, " FROM record_key %s", base);
    for (uint32_t i = by_filter ? 1 : 0; i < q->nfilters; i++) {
        if (keys_of(q, i) == i) {
            buf_printf(&s->text, " CROSS JOIN record_key f%u", i);
        }
    }
    put(s, by_filter ? " CROSS JOIN record_key k CROSS JOIN record r" : " CROSS JOIN record r");
    put(s, " WHERE r.id = k.record_id AND k.kind = ");
    put_value(s, q->kind);
    put(s, " AND k.field = ");
    put_value(s, q->sort);
    for (uint32_t i = 0; i < q->nfilters; i++) {
        put_filter(s, q, i, base);
    }
    put(s, " AND ");
    put_scope(s, &q->scope, base);
}

static int count_all(struct db *db, const struct record_query *q, struct record_page *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    put(&s, "SELECT COUNT(*) FROM (SELECT 1 AS one");
    put_list(&s, q, q->nfilters > 0);
    buf_printf(&s.text, " LIMIT %d) AS found", RECORD_COUNT_MAX + 1);
    int rc = prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        out->count = db_col_i64(st, 0);
        db_done(st);
        rc = 0;
    }
    out->uncounted = out->count > RECORD_COUNT_MAX;
    out->count = out->uncounted ? RECORD_COUNT_MAX : out->count;
    buf_free(&s.text);
    return rc;
}

static int read_page(struct db *db, const struct record_query *q, struct arena *a, struct record_page *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    const char *order = q->descending ? "DESC" : "ASC";
    sql_begin(&s);
    put(&s, "SELECT " ROW_COLUMNS ", k.value");
    put_list(&s, q, q->nfilters > 0 && !out->uncounted);
    if (q->after_id.len > 0) {
        put(&s, q->descending ? " AND (k.value, k.record_id) < (" : " AND (k.value, k.record_id) > (");
        put_value(&s, q->after);
        put(&s, ", ");
        put_value(&s, q->after_id);
        put(&s, ")");
    }
    buf_printf(&s.text, " ORDER BY k.value %s, k.record_id %s LIMIT %u", order, order, q->limit + 1);
    int rc = prepare(db, &s, e, &st);
    out->rows = arena_calloc(a, q->limit, sizeof *out->rows);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        if (out->nrows == q->limit) {
            out->more = true;
            db_done(st);
            rc = 0;
            break;
        }
        take_row(st, a, &out->rows[out->nrows++]);
        out->last = arena_copy(a, db_col_text(st, 11));
        rc = 0;
    }
    buf_free(&s.text);
    return rc;
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

static int put_keys(struct db *db, const struct record_row *r, const struct record_key *keys, size_t count, struct err *e)
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
                          ? "INSERT INTO record (state, fields, tlp, changed, version, id, kind, organisation, author, author_name, created) "
                            "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT DO NOTHING"
                          : "UPDATE record SET state = $1, fields = $2, tlp = $3, changed = $4, version = $5 WHERE id = $6 AND version = $5 - 1";
    int rc = db_query(db, sql, e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, r->state);
    db_bind_text(s, 2, r->fields);
    db_bind_i64(s, 3, tlp_rank(r->tlp));
    db_bind_i64(s, 4, r->changed);
    db_bind_i64(s, 5, r->version);
    db_bind_text(s, 6, r->id);
    if (r->version == 1) {
        db_bind_text(s, 7, r->kind);
        db_bind_text(s, 8, r->organisation);
        db_bind_text(s, 9, r->author);
        db_bind_text(s, 10, r->author_name);
        db_bind_i64(s, 11, r->created);
    }
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) != 1 ? err_set(e, ERR_EXISTS, "the record was changed meanwhile") : rc;
}

/* A record as the audit trail keeps it. */
static struct span as_text(struct arena *a, const struct record_row *r)
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
        .before = before == NULL ? SPAN("") : as_text(a, before),
        .after = as_text(a, &p->row),
    };
    return audit_append(db, &entry, e);
}

static int put_all(struct db *db, const struct record_put *p, struct arena *a, struct err *e)
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
    rc = rc == 0 ? write_row(db, &p->row, e) : rc;
    rc = rc == 0 ? put_keys(db, &p->row, p->keys, p->nkeys, e) : rc;
    rc = rc == 0 ? note(db, p, is_new ? NULL : &before, a, e) : rc;
    if (rc == 0 && record_get(db, &p->scope, p->row.kind, p->row.id, a, &after, e) != 0) {
        rc = err_set(e, ERR_DENIED, "who writes it could not read it");
    }
    return rc;
}

int record_put(struct db *db, const struct record_put *p, struct err *e)
{
    struct arena a;
    int rc = db_begin(db, e);
    if (rc != 0) {
        return rc;
    }
    arena_init(&a, 0);
    rc = db_end(db, put_all(db, p, &a, e), e);
    arena_fini(&a);
    return rc;
}

/* ---- keys made anew ---- */

static int renew_row(struct db *db, const struct register_kind *k, const struct record_row *r, struct arena *a, struct err *e)
{
    struct jcs *fields = NULL;
    struct record_key keys[REGISTER_KEYS_MAX];
    int rc = jcs_read_decimals(a, r->fields, JCS_DEPTH_MAX, &fields, e);
    if (rc != 0) {
        return rc;
    }
    size_t n = register_keys(a, k, fields, r->organisation, r->state, r->tlp, r->created, r->changed, keys);
    return put_keys(db, r, keys, n, e);
}

/* The next ones of a kind behind `after`, whose end is told by *count_out 0. */
static int renew_some(struct db *db, const struct register_kind *k, char after[RECORD_ID_MAX + 1], size_t *count_out, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    arena_init(&a, 0);
    struct record_row *rows = arena_calloc(&a, KEY_BATCH, sizeof *rows);
    *count_out = 0;
    int rc = db_query(db, "SELECT " ROW_COLUMNS " FROM record r WHERE r.kind = $1 AND r.id > $2 ORDER BY r.id LIMIT 500", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, k->name);
        db_bind_text(s, 2, span_of(after));
        while ((rc = db_step(s, e)) > 0) {
            take_row(s, &a, &rows[(*count_out)++]);
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
    const struct register_kind *k = registers_kinds(kinds, &n);
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
