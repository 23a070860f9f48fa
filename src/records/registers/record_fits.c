/* SPDX-License-Identifier: EUPL-1.2 */
/* Which records fit a list: see record_fits.h. Runs in the keeper. */
#include "records/registers/record_fits.h"

#include <stdio.h>

#include "records/registers/record_filter.h"

enum {
    FAR_APART = 12 * RECORD_COUNT_MAX, /* ids passed until more are found than are counted */
    FURTHER_MAX = 1 << 15, /* records that fit a group are counted up to here before some are read whole */
    ASK_MAX = 2000,   /* so many single records are asked for, some two thousandths of a second, */
    ASK_ENOUGH = 6000 /* and so many if by then enough will be found, before a range is read whole */
};

/* ---- counting ---- */

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

static int count_group(const struct fits *f, struct fit_group *g, int most, struct err *e)
{
    struct sql s;
    sql_begin(&s);
    buf_printf(&s.text, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM %s f WHERE ", filter_table(f->q, g->first));
    filter_put_stretch(&s, f->q, g->first, "f", false);
    buf_printf(&s.text, " LIMIT %d) AS found", most);
    return one_number(f->db, &s, &g->fits, e);
}

/* Before another one: fewer fit it, or as far as is known as many and it has one value. */
static bool is_less(const struct fit_group *a, const struct fit_group *b)
{
    return a->fits < b->fits || (a->fits == b->fits && a->one_value && !b->one_value);
}

/* Where it belongs among those before it. */
static void sort_in(struct fits *f, struct fit_group *g)
{
    for (; g > f->groups && is_less(g, g - 1); g--) {
        struct fit_group more = g[-1];
        g[-1] = *g;
        *g = more;
    }
}

int fits_begin(struct fits *f, struct db *db, const struct record_query *q, struct arena *a, struct err *e)
{
    int rc = 0;
    *f = (struct fits){.db = db, .q = q, .a = a};
    for (uint32_t i = 0; i < q->nfilters && rc == 0; i++) {
        if (filter_first(q, i) != i) {
            continue;
        }
        struct fit_group *g = &f->groups[f->ngroups++];
        *g = (struct fit_group){.first = i, .one_value = filter_is_one_value(q, i)};
        rc = count_group(f, g, FIT_COUNT_MAX, e);
        sort_in(f, g);
    }
    return rc;
}

int fits_count_home(struct fits *f, struct err *e)
{
    struct sql s;
    f->home = FIT_COUNT_MAX;
    if (sql_scope_others(&f->q->scope)) {
        return 0;
    }
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM record_key k WHERE ");
    filter_put_keys(&s, f->q, "k", f->q->sort, true);
    buf_printf(&s.text, " LIMIT %d) AS found", FIT_COUNT_MAX);
    return one_number(f->db, &s, &f->home, e);
}

int fits_count_kind(const struct fits *f, int64_t *count_out, struct err *e)
{
    struct sql s;
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*) FROM (SELECT 1 AS one FROM record r WHERE r.kind = ");
    sql_value(&s, f->q->kind);
    sql_put(&s, " AND ");
    sql_scope(&s, &f->q->scope, NULL);
    buf_printf(&s.text, " LIMIT %d) AS found", RECORD_COUNT_MAX + 1);
    return one_number(f->db, &s, count_out, e);
}

/* ---- asking ---- */

/* Its ids in order. */
static int begin_run(struct fits *f, struct fit_group *g, struct err *e)
{
    char name[16];
    if (g->run.ask.sql != NULL) {
        return 0;
    }
    struct sql *s = record_ask_begin(&g->run.ask, f->a);
    (void)snprintf(name, sizeof name, "f%u", g->first); /* each a statement of its own */
    buf_printf(&s->text, "SELECT %s.record_id FROM %s %s WHERE ", name, filter_table(f->q, g->first), name);
    filter_put_stretch(s, f->q, g->first, name, true);
    buf_printf(&s->text, " AND %s.record_id >= ", name);
    sql_value(s, record_ask_id());
    buf_printf(&s->text, " ORDER BY %s.record_id", name);
    return record_ask_ready(&g->run.ask, f->db, e);
}

static int begin_ask(struct fits *f, struct fit_group *g, struct err *e)
{
    char name[16];
    if (g->ask.sql != NULL) {
        return 0;
    }
    struct sql *s = record_ask_begin(&g->ask, f->a);
    (void)snprintf(name, sizeof name, "f%u", g->first);
    buf_printf(&s->text, "SELECT 1 FROM %s %s WHERE ", filter_table(f->q, g->first), name);
    filter_put_one(s, f->q, g->first, name, NULL);
    return record_ask_ready(&g->ask, f->db, e);
}

/* Of one value: its row of ids is looked at, which is where the record before was. */
static int group_has(struct fits *f, struct fit_group *g, struct span id, struct err *e)
{
    f->asked++;
    if (g->one_value) {
        int rc = begin_run(f, g, e);
        rc = rc == 0 ? record_run_to(&g->run, id, e) : rc;
        return rc != 0 ? rc : !g->run.over && span_eq(g->run.id, id);
    }
    int rc = begin_ask(f, g, e);
    rc = rc == 0 ? record_ask_for(&g->ask, id, e) : rc;
    if (rc > 0) {
        record_ask_done(&g->ask);
    }
    return rc;
}

int fits_one(struct fits *f, struct span id, struct err *e)
{
    int rc = 1;
    for (uint32_t g = 0; g < f->ngroups && rc == 1; g++) {
        rc = filter_is_sort(f->q, f->groups[g].first) ? 1 : group_has(f, &f->groups[g], id, e);
    }
    return rc;
}

/* What he may read of the kind in the order of ids, from an id on; one: that one alone. The index has all that is asked. */
static int begin_sight(struct fits *f, struct record_ask *ask, bool one, struct err *e)
{
    if (ask->sql != NULL) {
        return 0;
    }
    struct sql *s = record_ask_begin(ask, f->a);
    sql_put(s, "SELECT r.id FROM record r WHERE r.kind = ");
    sql_value(s, f->q->kind);
    sql_put(s, " AND r.id >= ");
    sql_value(s, record_ask_id());
    if (one) { /* "=" would take the index by id alone, and read the record */
        sql_put(s, " AND r.id <= ");
        sql_value(s, record_ask_id());
    }
    sql_put(s, " AND ");
    sql_scope(s, &f->q->scope, NULL);
    sql_put(s, one ? "" : " ORDER BY r.id");
    return record_ask_ready(ask, f->db, e);
}

static int is_in_sight(struct fits *f, struct span id, struct err *e)
{
    f->asked++;
    int rc = begin_sight(f, &f->label, true, e);
    rc = rc == 0 ? record_ask_for(&f->label, id, e) : rc;
    if (rc > 0) {
        record_ask_done(&f->label);
    }
    return rc;
}

static void take(struct fits *f, struct span id)
{
    f->ids = arena_more(f->a, f->ids, f->nids, &f->room, sizeof *f->ids);
    f->ids[f->nids++] = arena_copy(f->a, id);
}

/* ---- side by side ---- */

/* Rows of ids: those of groups with one value, that with the fewest first, and that of what is in sight. */
static int begin_runs(struct fits *f, struct record_run *runs[RECORD_FILTERS_MAX + 1], uint32_t *n_out, struct err *e)
{
    int rc = 0;
    *n_out = 0;
    for (uint32_t g = 0; g < f->ngroups && rc == 0; g++) {
        if (f->groups[g].one_value) {
            rc = begin_run(f, &f->groups[g], e);
            runs[(*n_out)++] = &f->groups[g].run;
        }
    }
    rc = rc == 0 ? begin_sight(f, &f->sight.ask, false, e) : rc;
    runs[(*n_out)++] = &f->sight;
    return rc;
}

/* To the next id that all have, from where the first one is: 1, 0 = there is none, or an error. */
static int meet(struct record_run *const *runs, uint32_t n, struct err *e)
{
    while (!runs[0]->over) {
        uint32_t i = 1;
        for (; i < n; i++) {
            int rc = record_run_to(runs[i], runs[0]->id, e);
            if (rc != 0 || runs[i]->over) {
                return rc;
            }
            if (!span_eq(runs[i]->id, runs[0]->id)) {
                break;
            }
        }
        int rc = i == n ? 0 : record_run_to(runs[0], runs[i]->id, e);
        if (rc != 0 || i == n) {
            return rc != 0 ? rc : 1;
        }
    }
    return 0;
}

/* Whether a record is in each range but the one that is gone along. */
static int in_ranges(struct fits *f, const struct fit_group *along, struct span id, struct err *e)
{
    int rc = 1;
    for (uint32_t g = 0; g < f->ngroups && rc == 1; g++) {
        struct fit_group *group = &f->groups[g];
        rc = group->one_value || group == along ? 1 : group_has(f, group, id, e);
    }
    return rc;
}

/* More than are counted; where they lie far apart as many as are sorted, since a page of them would not be found soon along the sort key. */
static bool is_enough(const struct fits *f)
{
    uint64_t moves = f->sight.moves;
    for (uint32_t g = 0; g < f->ngroups; g++) {
        moves += f->groups[g].run.moves;
    }
    return f->nids >= (moves > FAR_APART ? FIT_SORT_MAX : RECORD_COUNT_MAX + 1);
}

/* As it went so far, enough will not be found by asking. */
static bool is_too_much(const struct fits *f)
{
    return !f->few_in_sight && f->asked > ASK_MAX && (uint64_t)f->asked * RECORD_COUNT_MAX > (uint64_t)f->nids * ASK_ENOUGH;
}

static int find_side_by_side(struct fits *f, struct err *e)
{
    struct record_run *runs[RECORD_FILTERS_MAX + 1];
    uint32_t n = 0;
    bool stopped = false;
    int rc = begin_runs(f, runs, &n, e);
    rc = rc == 0 ? record_run_to(runs[0], SPAN(""), e) : rc;
    while (rc == 0 && !stopped && (rc = meet(runs, n, e)) > 0) {
        rc = in_ranges(f, NULL, runs[0]->id, e);
        if (rc > 0) {
            take(f, runs[0]->id);
        }
        f->enough = is_enough(f);
        stopped = f->enough || is_too_much(f);
        rc = rc < 0 ? rc : record_run_next(runs[0], e);
    }
    for (uint32_t i = 0; i < n; i++) {
        record_run_end(runs[i]);
    }
    f->all = rc == 0 && !stopped;
    return rc;
}

/* All groups are ranges. */
static int find_along_range(struct fits *f, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    const struct fit_group *along = &f->groups[0];
    bool stopped = false;
    sql_begin(&s);
    sql_put(&s, "SELECT b.record_id FROM record_key b WHERE ");
    filter_put_stretch(&s, f->q, along->first, "b", false);
    int rc = sql_prepare(f->db, &s, e, &st);
    while (rc == 0 && !stopped && (rc = db_step(st, e)) > 0) {
        struct span id = db_col_text(st, 0);
        rc = in_ranges(f, along, id, e);
        rc = rc > 0 ? is_in_sight(f, id, e) : rc;
        if (rc > 0) {
            take(f, id);
        }
        f->enough = is_enough(f);
        stopped = f->enough || is_too_much(f);
        rc = rc < 0 ? rc : 0;
    }
    if (st != NULL) {
        db_done(st);
    }
    sql_end(&s);
    f->all = rc == 0 && !stopped;
    return rc;
}

int fits_are_few(struct fits *f, bool *few_out, struct err *e)
{
    int64_t sight = RECORD_COUNT_MAX + 1;
    int64_t least = f->ngroups == 0 ? f->home : f->groups[0].fits;
    bool ranges = false;
    for (uint32_t g = 0; g < f->ngroups; g++) {
        ranges = ranges || !f->groups[g].one_value;
    }
    *few_out = least <= FIT_FEW_MAX;
    int rc = !*few_out && ranges ? fits_count_kind(f, &sight, e) : 0;
    f->few_in_sight = sight <= RECORD_COUNT_MAX;
    *few_out = *few_out || (ranges && !f->few_in_sight && f->ngroups > 1 && least < FIT_COUNT_MAX);
    return rc;
}

static bool has_runs(const struct fits *f)
{
    bool any = f->ngroups == 0;
    for (uint32_t g = 0; g < f->ngroups; g++) {
        any = any || f->groups[g].one_value;
    }
    return any;
}

static void end_runs(struct fits *f)
{
    for (uint32_t g = 0; g < f->ngroups; g++) {
        record_run_end(&f->groups[g].run);
    }
    record_run_end(&f->sight);
}

/* ---- sets compared ---- */

/* Each of few is asked whether it is in the set: a group, or NULL: what is in sight. */
static int narrow_by_asking(struct fits *f, struct fit_group *g, struct err *e)
{
    int rc = 0;
    for (size_t i = 0; i < f->set.count && rc >= 0; i++) {
        struct span id = f->set.ids[i];
        if (record_set_has(&f->set, id)) {
            rc = g == NULL ? is_in_sight(f, id, e) : group_has(f, g, id, e);
            if (rc > 0) {
                record_set_mark(&f->set, id);
            }
        }
    }
    return rc < 0 ? rc : 0;
}

/* What fits a group, or NULL: what is in sight; the first of all sets, or one that narrows them. */
static int read_set(struct fits *f, const struct fit_group *g, bool is_first, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    if (g == NULL) {
        sql_put(&s, "SELECT r.id FROM record r WHERE r.kind = ");
        sql_value(&s, f->q->kind);
        sql_put(&s, " AND ");
        sql_scope(&s, &f->q->scope, NULL);
    } else {
        buf_printf(&s.text, "SELECT b.record_id FROM %s b WHERE ", filter_table(f->q, g->first));
        filter_put_stretch(&s, f->q, g->first, "b", false);
    }
    int rc = sql_prepare(f->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        if (is_first) {
            take(f, db_col_bytes(st, 0));
        } else {
            record_set_mark(&f->set, db_col_bytes(st, 0));
        }
        rc = 0;
    }
    sql_end(&s);
    return rc;
}

static int narrow(struct fits *f, struct fit_group *g, struct err *e)
{
    int rc = f->set.left <= ASK_MAX ? narrow_by_asking(f, g, e) : read_set(f, g, false, e);
    record_set_next(&f->set);
    return rc;
}

/* Groups by how many fit them, further than before. */
static int count_further(struct fits *f, struct err *e)
{
    int rc = 0;
    end_runs(f); /* a statement knows where they are */
    for (uint32_t g = 0; f->ngroups > 1 && g < f->ngroups && rc == 0; g++) {
        if (f->groups[g].fits == FIT_COUNT_MAX) {
            rc = count_group(f, &f->groups[g], FURTHER_MAX, e);
        }
        sort_in(f, &f->groups[g]);
    }
    return rc;
}

/* Of many in no sight yet: asked until more are found than are counted. */
static int count_in_sight(struct fits *f, struct err *e)
{
    int rc = 0;
    uint32_t outside = 0;
    for (size_t i = 0; i < f->nids && rc >= 0 && f->counted <= RECORD_COUNT_MAX && outside < ASK_MAX; i++) {
        if (record_set_has(&f->set, f->ids[i])) {
            rc = is_in_sight(f, f->ids[i], e);
            f->counted += rc > 0;
            outside += rc == 0;
        }
    }
    return rc < 0 ? rc : f->counted > RECORD_COUNT_MAX ? 0 : fits_sight_all(f, e);
}

int fits_find_all(struct fits *f, struct err *e)
{
    CHECK(!f->mapped);
    f->nids = 0;
    int rc = count_further(f, e);
    rc = rc == 0 ? read_set(f, f->ngroups == 0 ? NULL : &f->groups[0], true, e) : rc;
    if (rc != 0) {
        return rc;
    }
    record_set_fill(&f->set, f->ids, f->nids);
    f->mapped = true;
    f->sighted = f->ngroups == 0;
    for (uint32_t g = 1; g < f->ngroups && rc == 0; g++) {
        rc = narrow(f, &f->groups[g], e);
    }
    return rc;
}

int fits_sight_all(struct fits *f, struct err *e)
{
    CHECK(f->mapped);
    int rc = f->sighted ? 0 : narrow(f, NULL, e);
    f->sighted = true;
    f->counted = (int64_t)f->set.left;
    return rc;
}

bool fits_has(const struct fits *f, struct span id)
{
    CHECK(f->mapped);
    return record_set_has(&f->set, id);
}

int fits_find(struct fits *f, struct err *e)
{
    bool by_runs = has_runs(f) || f->few_in_sight; /* where that is few it is asked, and no range is gone along */
    int rc = by_runs ? find_side_by_side(f, e) : find_along_range(f, e);
    f->counted = (int64_t)f->nids;
    if (rc != 0 || f->all || f->enough) {
        return rc;
    }
    f->counted = 0;
    rc = fits_find_all(f, e);
    return rc != 0 ? rc : f->set.left <= ASK_MAX ? fits_sight_all(f, e) : count_in_sight(f, e);
}

void fits_end(struct fits *f)
{
    end_runs(f);
    record_set_free(&f->set);
}
