/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lists of records: filtered, sorted, counted, page by page. See record_row.h; runs in the keeper.
 *
 * With filters it goes along what fits the one that fewest records fit, and looks at each whether it fits the others. When that are no more
 * than are counted, they are sorted here and only the page is read. Else, and without filters, it goes along the sort key until a page is
 * full. What fits a filter is counted first, up to a bound: the engine has no figures of its own.
 */
#include <stdlib.h>
#include <string.h>

#include "records/registers/record_store.h"

enum { FIT_COUNT_MAX = 4096 /* records that fit one filter are counted up to here */ };

static const char *const compares[] = {[RECORD_EQUAL] = " = ", [RECORD_FROM] = " >= ", [RECORD_TO] = " <= "};

/* Filters that ask the same keys: by one field, or alone where it names records, of which there may be many. */
struct group {
    uint32_t first; /* place of its first filter, by which its table is called */
    int64_t fits;
};

_Static_assert((int)RECORD_FILTERS_MAX <= 10, "each has a name of one digit");

struct listing {
    const struct record_query *q;
    struct span sort; /* the key along which it goes or by which it sorts */
    struct group groups[RECORD_FILTERS_MAX];
    uint32_t ngroups;
};

static uint32_t first_of(const struct record_query *q, uint32_t i)
{
    uint32_t first = q->filters[i].target.len > 0 ? i : 0;
    while (first < i && (q->filters[first].target.len > 0 || !span_eq(q->filters[first].field, q->filters[i].field))) {
        first++;
    }
    return first;
}

static bool is_link(const struct record_query *q, uint32_t i)
{
    return q->filters[i].target.len > 0;
}

static const char *table_of(const struct record_query *q, uint32_t i)
{
    return is_link(q, i) ? "record_link" : "record_key";
}

/* The group asks the keys that the list sorts by: those are read anyway. */
static bool is_sort(const struct listing *l, uint32_t first)
{
    return !is_link(l->q, first) && span_eq(l->q->filters[first].field, l->sort);
}

/* What a group asks of its table, called by `name`. */
static void put_values(struct sql *s, const struct listing *l, uint32_t first, const char *name)
{
    const struct record_query *q = l->q;
    for (uint32_t i = first; i < q->nfilters; i++) {
        const struct record_filter *f = &q->filters[i];
        if (first_of(q, i) != first) {
            continue;
        }
        buf_printf(&s->text, " AND %s.value%s", name, compares[f->how]);
        sql_value(s, f->value);
        if (f->how == RECORD_TO) {
            buf_printf(&s->text, " AND %s.value > ''", name);
        }
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
}

/* A table along which a list goes: one stretch of an index. */
static void put_base(struct sql *s, const struct listing *l, const char *name, struct span field)
{
    buf_printf(&s->text, "%s.kind = ", name);
    sql_value(s, l->q->kind);
    buf_printf(&s->text, " AND %s.field = ", name);
    sql_value(s, field);
}

/* Of one value its kind is told too: then what has it is looked through in order. Of a range that would be all of it, each time. */
static void put_kind(struct sql *s, const struct listing *l, uint32_t first, const char *name)
{
    bool one = false;
    for (uint32_t i = first; i < l->q->nfilters; i++) {
        one = one || (first_of(l->q, i) == first && l->q->filters[i].how == RECORD_EQUAL);
    }
    if (one) {
        buf_printf(&s->text, " AND %s.kind = ", name);
        sql_value(s, l->q->kind);
    }
}

static const char *name_of(const struct listing *l, uint32_t first, char out[8])
{
    CHECK(first < RECORD_FILTERS_MAX);
    out[0] = is_sort(l, first) ? 'k' : 'f';
    out[1] = is_sort(l, first) ? '\0' : (char)('0' + first);
    out[2] = '\0';
    return out;
}

/*
 * FROM and WHERE of a list, without its place. by_filter: along the first group. CROSS JOIN says SQLite in which order to go. with_key: the
 * sort key is asked for.
 */
static void put_list(struct sql *s, const struct listing *l, bool by_filter, bool with_key)
{
    char text[8], other[8];
    const char *base = by_filter ? name_of(l, l->groups[0].first, text) : "k";
    bool by_key = base[0] == 'k';
    buf_printf(&s->text, " FROM %s %s", by_key ? "record_key" : table_of(l->q, l->groups[0].first), base);
    for (uint32_t g = 0; g < l->ngroups; g++) {
        uint32_t first = l->groups[g].first;
        if (!is_sort(l, first) && !(by_filter && g == 0)) {
            buf_printf(&s->text, " CROSS JOIN %s %s", table_of(l->q, first), name_of(l, first, other));
        }
    }
    sql_put(s, !by_key && with_key ? " CROSS JOIN record_key k" : "");
    sql_put(s, " CROSS JOIN record r WHERE ");
    put_base(s, l, base, by_key ? l->sort : l->q->filters[l->groups[0].first].field);
    buf_printf(&s->text, " AND r.id = %s.record_id", base);
    if (!by_key && with_key) {
        buf_printf(&s->text, " AND k.record_id = %s.record_id AND k.field = ", base);
        sql_value(s, l->sort);
    }
    for (uint32_t g = 0; g < l->ngroups; g++) {
        uint32_t first = l->groups[g].first;
        const char *name = name_of(l, first, other);
        if (!is_sort(l, first) && !(by_filter && g == 0)) {
            buf_printf(&s->text, " AND %s.record_id = %s.record_id AND %s.field = ", name, base, name);
            sql_value(s, l->q->filters[first].field);
            put_kind(s, l, first, name);
        }
        put_values(s, l, first, name);
    }
    sql_put(s, " AND ");
    sql_scope(s, &l->q->scope, base);
}

/* The number that a statement answers with. */
static int one_number(struct db *db, struct sql *s, int64_t *out, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = sql_prepare(db, s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        *out = db_col_i64(st, 0);
        db_done(st);
        rc = 0;
    }
    sql_end(s);
    return rc;
}

static int count_fits(struct db *db, const struct listing *l, struct group *g, struct err *e)
{
    struct sql s;
    sql_begin(&s);
    buf_printf(&s.text, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM %s f WHERE ", table_of(l->q, g->first));
    put_base(&s, l, "f", l->q->filters[g->first].field);
    put_values(&s, l, g->first, "f");
    buf_printf(&s.text, " LIMIT %d) AS found", FIT_COUNT_MAX);
    return one_number(db, &s, &g->fits, e);
}

/* Groups, that with the fewest records first. */
static int order_groups(struct db *db, struct listing *l, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; i < l->q->nfilters; i++) {
        if (first_of(l->q, i) == i) {
            l->groups[l->ngroups++] = (struct group){i, 0};
        }
    }
    for (uint32_t g = 0; l->ngroups > 1 && g < l->ngroups && rc == 0; g++) {
        rc = count_fits(db, l, &l->groups[g], e);
        for (uint32_t i = g; i > 0 && l->groups[i].fits < l->groups[i - 1].fits; i--) {
            struct group less = l->groups[i];
            l->groups[i] = l->groups[i - 1];
            l->groups[i - 1] = less;
        }
    }
    return rc;
}

/* All records of a kind that he may read, as far as they are counted. */
static int count_all(struct db *db, const struct listing *l, struct record_page *out, struct err *e)
{
    struct sql s;
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*) FROM (SELECT 1 AS one");
    put_list(&s, l, false, false);
    buf_printf(&s.text, " LIMIT %d) AS found", RECORD_COUNT_MAX + 1);
    int rc = one_number(db, &s, &out->count, e);
    out->uncounted = out->count > RECORD_COUNT_MAX;
    out->count = out->uncounted ? RECORD_COUNT_MAX : out->count;
    return rc;
}

/* ---- few enough to sort them here ---- */

struct found {
    struct span value, id;
};

static int span_order(struct span a, struct span b)
{
    size_t least = a.len < b.len ? a.len : b.len;
    int order = least == 0 ? 0 : memcmp(a.ptr, b.ptr, least);
    return order != 0 ? order : a.len < b.len ? -1 : a.len > b.len;
}

/* By key and then id, as the engine sorts texts: by bytes. */
static int found_order(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    int order = span_order(x->value, y->value);
    return order != 0 ? order : span_order(x->id, y->id);
}

/* Keys of all that fit, unless they are more than are counted. */
static int find_all(struct db *db, const struct listing *l, struct arena *a, struct found *found, struct record_page *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT k.value, k.record_id");
    put_list(&s, l, true, true);
    buf_printf(&s.text, " LIMIT %d", RECORD_COUNT_MAX + 1);
    int rc = sql_prepare(db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        rc = 0;
        if (out->count == RECORD_COUNT_MAX) {
            out->uncounted = true;
            db_done(st);
            break;
        }
        found[out->count++] = (struct found){arena_copy(a, db_col_text(st, 0)), arena_copy(a, db_col_text(st, 1))};
    }
    sql_end(&s);
    return rc;
}

/* The page of those that were found. */
static int page_of_found(struct db *db, const struct listing *l, struct found *found, struct arena *a, struct record_page *out, struct err *e)
{
    const struct record_query *q = l->q;
    const struct found after = {q->after, q->after_id};
    int rc = 0;
    qsort(found, (size_t)out->count, sizeof *found, found_order);
    out->rows = arena_calloc(a, q->limit, sizeof *out->rows);
    for (int64_t i = 0; i < out->count && rc == 0 && !out->more; i++) {
        const struct found *f = &found[q->descending ? out->count - 1 - i : i];
        int order = q->after_id.len == 0 ? 1 : found_order(f, &after);
        if (q->after_id.len > 0 && (q->descending ? order >= 0 : order <= 0)) {
            continue;
        }
        if (out->nrows == q->limit) {
            out->more = true;
        } else {
            rc = record_get(db, &q->scope, q->kind, f->id, a, &out->rows[out->nrows++], e);
            out->last = f->value;
        }
    }
    return rc == 0 ? record_links_read(db, &q->sight, a, out->rows, out->nrows, e) : rc;
}

static int read_page(struct db *db, const struct listing *l, struct arena *a, struct record_page *out, struct err *e)
{
    const struct record_query *q = l->q;
    struct sql s;
    struct db_stmt *st = NULL;
    const char *order = q->descending ? "DESC" : "ASC";
    sql_begin(&s);
    sql_put(&s, "SELECT " RECORD_COLUMNS ", k.value");
    put_list(&s, l, false, true);
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

int record_list(struct db *db, const struct record_query *q, struct arena *a, struct record_page *out, struct err *e)
{
    struct listing l = {.q = q, .sort = q->sort};
    CHECK(q->nfilters <= RECORD_FILTERS_MAX && q->limit > 0 && q->limit <= RECORD_PAGE_MAX);
    *out = (struct record_page){0};
    if (record_scope_empty(&q->scope)) {
        return 0;
    }
    int rc = order_groups(db, &l, e);
    if (rc == 0 && l.ngroups > 0) {
        struct found *found = arena_calloc(a, RECORD_COUNT_MAX, sizeof *found);
        rc = find_all(db, &l, a, found, out, e);
        if (rc == 0 && !out->uncounted) {
            return page_of_found(db, &l, found, a, out, e);
        }
    } else if (rc == 0) {
        rc = count_all(db, &l, out, e);
    }
    return rc == 0 && out->count > 0 ? read_page(db, &l, a, out, e) : rc;
}
