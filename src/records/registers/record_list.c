/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lists of records: filtered, sorted, counted, page by page. See record_row.h; runs in the keeper.
 *
 * What fits is counted up to a bound (record_fits.h). Is it few, its sort keys are read and sorted here. Else the list goes along the sort key and asks of
 * each record whether it fits; is the page not full soon, all that fit are read.
 */
#include <stdlib.h>

#include "records/registers/record_filter.h"
#include "records/registers/record_fits.h"
#include "records/registers/record_store.h"

/* So many records are asked for along the sort key before all that fit are read: a few thousandths of a second. */
enum { WALK_MAX = 1500 };

struct found {
    struct span value, id;
};

/* By key and then id, as the engine sorts texts. */
static int found_order(const void *a, const void *b)
{
    const struct found *x = a;
    const struct found *y = b;
    int order = record_order(x->value, y->value);
    return order != 0 ? order : record_order(x->id, y->id);
}

struct listing {
    struct db *db;
    const struct record_query *q;
    struct arena *a;
    struct fits fits;
    struct record_ask row; /* one record in sight */
    struct found *found;   /* what fits, where that is few */
    size_t nfound, room;
};

static int begin_row(struct listing *l, struct err *e)
{
    if (l->row.sql != NULL) {
        return 0;
    }
    struct sql *s = record_ask_begin(&l->row, l->a);
    sql_put(s, "SELECT " RECORD_COLUMNS " FROM record r WHERE r.id = ");
    sql_value(s, record_ask_id());
    sql_put(s, " AND r.kind = ");
    sql_value(s, l->q->kind);
    sql_put(s, " AND ");
    sql_scope(s, &l->q->scope, NULL);
    return record_ask_ready(&l->row, l->db, e);
}

/* One more for the page, unless it is full, or the record is out of sight. */
static int add_row(struct listing *l, struct span id, struct span value, struct record_page *out, struct err *e)
{
    int rc = begin_row(l, e);
    rc = rc == 0 ? record_ask_for(&l->row, id, e) : rc;
    if (rc <= 0) {
        return rc;
    }
    if (out->nrows == l->q->limit) {
        out->more = true;
    } else {
        sql_row(l->row.st, l->a, &out->rows[out->nrows++]);
        out->last = arena_copy(l->a, value);
    }
    record_ask_done(&l->row);
    return 0;
}

/* ---- few: sorted here ---- */

static void add_found(struct listing *l, struct span value, struct span id)
{
    l->found = arena_more(l->a, l->found, l->nfound, &l->room, sizeof *l->found);
    l->found[l->nfound++] = (struct found){arena_copy(l->a, value), arena_copy(l->a, id)};
}

/* All that fit, in one statement, or more than are counted. */
static int find_joined(struct listing *l, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    uint32_t groups[RECORD_FILTERS_MAX];
    for (uint32_t g = 0; g < l->fits.ngroups; g++) {
        groups[g] = l->fits.groups[g].first;
    }
    sql_begin(&s);
    sql_put(&s, "SELECT k.value, r.id");
    filter_put_joined(&s, l->q, groups, l->fits.ngroups);
    buf_printf(&s.text, " LIMIT %d", l->fits.ngroups > 2 ? FIT_SORT_MAX : RECORD_COUNT_MAX + 1); /* of many filters hardly more, and a page of them lies far apart */
    int rc = sql_prepare(l->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        add_found(l, db_col_text(st, 0), db_col_text(st, 1));
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

/* The sort keys of what was found. */
static int find_keys(struct listing *l, struct err *e)
{
    struct record_ask k;
    struct sql *s = record_ask_begin(&k, l->a);
    sql_put(s, "SELECT k.value FROM record_key k WHERE k.record_id = ");
    sql_value(s, record_ask_id());
    sql_put(s, " AND k.field = ");
    sql_value(s, l->q->sort);
    int rc = record_ask_ready(&k, l->db, e);
    for (size_t i = 0; i < l->fits.nids && rc == 0; i++) {
        if (l->fits.mapped && !fits_has(&l->fits, l->fits.ids[i])) {
            continue;
        }
        rc = record_ask_for(&k, l->fits.ids[i], e);
        if (rc > 0) {
            add_found(l, db_col_text(k.st, 0), l->fits.ids[i]);
            record_ask_done(&k);
        }
        rc = rc < 0 ? rc : 0;
    }
    return rc;
}

static int page_of_found(struct listing *l, struct record_page *out, struct err *e)
{
    const struct record_query *q = l->q;
    const struct found after = {q->after, q->after_id};
    int rc = 0;
    if (l->nfound > 0) {
        qsort(l->found, l->nfound, sizeof *l->found, found_order);
    }
    for (size_t i = 0; i < l->nfound && rc == 0 && !out->more; i++) {
        const struct found *it = &l->found[q->descending ? l->nfound - 1 - i : i];
        int order = q->after_id.len == 0 ? 0 : found_order(it, &after);
        if (q->after_id.len == 0 || (q->descending ? order < 0 : order > 0)) {
            rc = add_row(l, it->id, it->value, out, e);
        }
    }
    return rc;
}

/* ---- many: along the sort key ---- */

/* *full_out: the page is, or the keys are at their end; else too many were asked for that do not fit, or are out of sight. */
static int walk(struct listing *l, struct record_page *out, bool *full_out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    struct fits *f = &l->fits;
    const char *order = l->q->descending ? "DESC" : "ASC";
    uint32_t looked = 0;
    out->nrows = 0;
    sql_begin(&s);
    sql_put(&s, "SELECT k.value, k.record_id");
    filter_put_walk(&s, l->q);
    buf_printf(&s.text, " ORDER BY k.value %s, k.record_id %s", order, order);
    int rc = sql_prepare(l->db, &s, e, &st);
    while (rc == 0 && !out->more && looked < WALK_MAX && (rc = db_step(st, e)) > 0) {
        struct span id = db_col_text(st, 1);
        uint32_t before = out->nrows;
        rc = f->mapped ? fits_has(f, id) : fits_one(f, id, e);
        looked += rc > 0 || !f->mapped;
        rc = rc > 0 ? add_row(l, id, db_col_text(st, 0), out, e) : rc;
        looked -= out->nrows > before;
    }
    if (st != NULL) {
        db_done(st);
    }
    sql_end(&s);
    *full_out = looked < WALK_MAX || out->more;
    return rc;
}

static int page_of_many(struct listing *l, struct record_page *out, struct err *e)
{
    struct fits *f = &l->fits;
    bool full = false;
    int rc = f->mapped ? 0 : walk(l, out, &full, e);
    if (rc != 0 || full) {
        return rc;
    }
    rc = f->mapped ? 0 : fits_find_all(f, e);
    if (rc == 0 && f->set.left <= 2 * (size_t)FIT_SORT_MAX) {
        rc = find_keys(l, e);
        return rc == 0 ? page_of_found(l, out, e) : rc;
    }
    rc = rc == 0 ? walk(l, out, &full, e) : rc;
    if (rc == 0 && !full && !f->sighted) {
        rc = fits_sight_all(f, e);
        rc = rc == 0 ? walk(l, out, &full, e) : rc;
    }
    return rc;
}

/* What fits, counted; and found where that is few. */
static int count(struct listing *l, struct record_page *out, struct err *e)
{
    struct fits *f = &l->fits;
    int rc = f->ngroups == 0 ? fits_count_home(f, e) : 0;
    int64_t most = f->ngroups == 0 ? f->home : f->groups[0].fits;
    if (rc != 0 || most == 0) {
        return rc;
    }
    bool few = false;
    rc = fits_are_few(f, &few, e);
    if (rc != 0) {
        return rc;
    }
    if (few) {
        rc = find_joined(l, e);
        out->count = (int64_t)l->nfound;
        l->nfound = l->nfound == FIT_SORT_MAX || (l->nfound > RECORD_COUNT_MAX && f->ngroups <= 2) ? 0 : l->nfound; /* some, not those of the page */
    } else if (f->ngroups == 0) {
        rc = fits_count_kind(f, &out->count, e);
    } else {
        rc = fits_find(f, e);
        out->count = f->counted;
        rc = rc == 0 && (f->mapped ? f->sighted : f->all) && out->count <= FIT_SORT_MAX ? find_keys(l, e) : rc;
    }
    out->uncounted = out->count > RECORD_COUNT_MAX;
    return rc;
}

static int read_list(struct listing *l, struct record_page *out, struct err *e)
{
    int rc = fits_begin(&l->fits, l->db, l->q, l->a, e);
    rc = rc == 0 ? count(l, out, e) : rc;
    if (rc == 0 && out->count > 0) {
        out->rows = arena_calloc(l->a, l->q->limit, sizeof *out->rows);
        rc = l->nfound > 0 ? page_of_found(l, out, e) : page_of_many(l, out, e);
    }
    out->count = out->uncounted ? RECORD_COUNT_MAX : out->count;
    record_ask_done(&l->row);
    fits_end(&l->fits);
    return rc == 0 ? record_links_read(l->db, &l->q->sight, l->a, out->rows, out->nrows, e) : rc;
}

int record_list(struct db *db, const struct record_query *q, struct arena *a, struct record_page *out, struct err *e)
{
    CHECK(q->nfilters <= RECORD_FILTERS_MAX && q->limit > 0 && q->limit <= RECORD_PAGE_MAX);
    *out = (struct record_page){0};
    if (record_scope_empty(&q->scope)) {
        return 0;
    }
    struct listing *l = arena_calloc(a, 1, sizeof *l);
    *l = (struct listing){.db = db, .q = q, .a = a};
    bool alone = db_read_begin(db);
    int rc = read_list(l, out, e);
    if (alone) {
        db_read_end(db);
    }
    return rc;
}
