/* SPDX-License-Identifier: EUPL-1.2 */
/* Functions that nobody holds: see appointment_gaps.h. Runs in the keeper. */
#include "records/appointment_gaps.h"

#include <stdlib.h>
#include <string.h>

#include "records/registers/record_sql.h"
#include "wire/jcs.h"

/* One that holds: where, as one text that sorts, and when. */
struct held {
    struct span where;
    time_ns begins, ends;
    enum gap_why why; /* not GAP_NOBODY: it would hold, and who has it is not there any more */
};

struct place {
    struct span organisation, unit, title, level; /* level: empty = nothing is said of it */
};

struct looking {
    struct db *db;
    const struct gap_query *q;
    struct arena *a;
    struct err *e;
    struct gap_list *out;
    struct held *held;
    uint32_t nheld;
};

static struct span where_of(struct arena *a, struct span organisation, struct span unit, struct span function)
{
    return span_of(arena_printf(a, "%.*s\x01%.*s\x01%.*s", SPAN_ARG(organisation), SPAN_ARG(unit), SPAN_ARG(function)));
}

static int compare_span(struct span a, struct span b)
{
    int way = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return way != 0 ? way : (a.len > b.len) - (a.len < b.len);
}

static int compare_held(const void *a, const void *b)
{
    const struct held *x = a;
    const struct held *y = b;
    int way = compare_span(x->where, y->where);
    return way != 0 ? way : (x->begins > y->begins) - (x->begins < y->begins);
}

static struct span text_of(const struct jcs *fields, const char *name)
{
    const struct jcs *v = jcs_get(fields, name);
    return v != NULL && v->kind == JCS_TEXT ? v->text : SPAN("");
}

/* ---- who holds what ---- */

static void take_held(struct looking *l, struct span organisation, struct span text, enum gap_why why)
{
    struct jcs *fields = NULL;
    time_ns begins = 0;
    time_ns ends = INT64_MAX;
    if (jcs_read_decimals(l->a, arena_copy(l->a, text), JCS_DEPTH_MAX, &fields, NULL) != 0 || !time_parse(text_of(fields, "begins"), 0, &begins)) {
        return;
    }
    struct span until = text_of(fields, "ends");
    if (until.len > 0 && !time_parse(until, 0, &ends)) {
        return;
    }
    if (begins < l->q->to && ends > l->q->from && begins < ends) {
        l->held[l->nheld++] = (struct held){where_of(l->a, organisation, text_of(fields, "unit"), text_of(fields, "function")), begins, ends, why};
    }
}

static int read_held(struct looking *l)
{
    struct sql s;
    struct db_stmt *st = NULL;
    uint32_t rows = 0;
    sql_begin(&s);
    sql_put(&s, "SELECT r.organisation, r.fields, CASE WHEN EXISTS (SELECT 1 FROM record_link l JOIN record p ON p.id = l.value WHERE l.record_id = r.id "
                "AND l.field = 'person' AND p.state = 'left') THEN 1 WHEN EXISTS (SELECT 1 FROM record_link l JOIN account_person a ON a.person = l.value "
                "JOIN user_account u ON u.id = a.user_id WHERE l.record_id = r.id AND l.field = 'person' AND u.disabled IS NOT NULL) THEN 2 ELSE 0 END "
                "FROM record_key k CROSS JOIN record r WHERE k.kind = 'appointment' AND k.field = 'function' AND k.value IN (");
    for (uint32_t i = 0; i < l->q->nfunctions; i++) {
        sql_put(&s, i == 0 ? "" : ", ");
        sql_value(&s, l->q->functions[i].word);
    }
    sql_put(&s, ") AND r.id = k.record_id AND r.state = 'signed' AND ");
    sql_scope(&s, &l->q->appointments, "k");
    buf_printf(&s.text, " LIMIT %d", GAP_APPOINTMENTS_MAX + 1);
    int rc = sql_prepare(l->db, &s, l->e, &st);
    l->held = arena_calloc(l->a, GAP_APPOINTMENTS_MAX, sizeof *l->held);
    while (rc == 0 && (rc = db_step(st, l->e)) > 0) {
        rc = 0;
        if (++rows > GAP_APPOINTMENTS_MAX) {
            l->out->more = true;
            db_done(st);
            break;
        }
        take_held(l, arena_copy(l->a, db_col_text(st, 0)), db_col_text(st, 1), (enum gap_why)db_col_i64(st, 2));
    }
    sql_end(&s);
    if (rc == 0 && l->nheld > 0) {
        qsort(l->held, l->nheld, sizeof *l->held, compare_held);
    }
    return rc;
}

/* ---- what is missing ---- */

/* first: of what is said of this place, in l->held. */
static void tell(struct looking *l, const struct place *p, struct span function, uint32_t first, time_ns from, time_ns to)
{
    enum gap_why why = GAP_NOBODY;
    if (from >= to) {
        return;
    }
    if (l->out->count == GAPS_MAX) {
        l->out->more = true;
        return;
    }
    for (uint32_t i = first; i < l->nheld && why == GAP_NOBODY && span_eq(l->held[i].where, l->held[first].where); i++) {
        why = l->held[i].begins < to && l->held[i].ends > from ? l->held[i].why : GAP_NOBODY;
    }
    l->out->gaps[l->out->count++] = (struct gap){p->organisation, p->unit, p->title, function, from, to, why};
}

static void look(struct looking *l, const struct place *p, struct span function)
{
    struct span where = where_of(l->a, p->organisation, p->unit, function);
    time_ns at = l->q->from;
    uint32_t low = 0;
    uint32_t high = l->nheld;
    while (low < high) { /* the first one that is not before it */
        uint32_t middle = low + (high - low) / 2;
        if (compare_span(l->held[middle].where, where) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    uint32_t first = low < l->nheld && span_eq(l->held[low].where, where) ? low : l->nheld;
    for (uint32_t i = first; i < l->nheld && span_eq(l->held[i].where, where); i++) {
        if (l->held[i].why == GAP_NOBODY) {
            tell(l, p, function, first, at, l->held[i].begins);
            at = l->held[i].ends > at ? l->held[i].ends : at;
        }
    }
    tell(l, p, function, first, at, l->q->to);
}

static bool is_needed(const struct gap_function *f, const struct place *p)
{
    bool is_level = f->nlevels == 0 || p->level.len == 0;
    for (uint32_t i = 0; i < f->nlevels && !is_level; i++) {
        is_level = span_eq(f->levels[i], p->level);
    }
    return is_level && f->in_unit == (p->unit.len > 0);
}

static void look_all(struct looking *l, const struct place *p)
{
    for (uint32_t i = 0; i < l->q->nfunctions; i++) {
        if (is_needed(&l->q->functions[i], p)) {
            look(l, p, l->q->functions[i].word);
        }
    }
}

/* What the organisation is, by the oldest record that has its code and that the reader may read. */
static int look_organisation(struct looking *l, struct span organisation)
{
    struct sql s;
    struct db_stmt *st = NULL;
    struct place p = {.organisation = organisation};
    if (memchr(organisation.ptr, '/', organisation.len) != NULL) {
        p.level = SPAN("department");
    }
    int rc = 0;
    if (!record_scope_empty(&l->q->organisations)) {
        sql_begin(&s);
        sql_put(&s, "SELECT t.value FROM record_key k CROSS JOIN record r CROSS JOIN record_key t WHERE k.kind = 'organisation' AND k.field = 'code' AND k.value = ");
        sql_value(&s, organisation);
        sql_put(&s, " AND r.id = k.record_id AND t.record_id = r.id AND t.field = 'type' AND t.value <> '' AND ");
        sql_scope(&s, &l->q->organisations, "k");
        sql_put(&s, " ORDER BY r.created, r.id LIMIT 1");
        rc = sql_prepare(l->db, &s, l->e, &st);
        rc = rc == 0 ? db_step(st, l->e) : rc;
        if (rc > 0) {
            p.level = arena_copy(l->a, db_col_text(st, 0));
            db_done(st);
            rc = 0;
        }
        sql_end(&s);
    }
    if (rc == 0) {
        look_all(l, &p);
    }
    return rc;
}

/* Units one after another; before the first of each organisation that organisation. */
static int read_units(struct looking *l)
{
    struct sql s;
    struct db_stmt *st = NULL;
    struct span last = SPAN("");
    bool own = false;
    uint32_t rows = 0;
    sql_begin(&s);
    sql_put(&s, "SELECT r.id, r.organisation, r.title, t.value FROM record_key k CROSS JOIN record r LEFT JOIN record_key t ON t.record_id = r.id AND t.field = 'type' WHERE k.kind = 'unit' AND k.field = 'state' AND k.value = 'active' "
                "AND r.id = k.record_id AND ");
    sql_scope(&s, &l->q->units, "k");
    buf_printf(&s.text, " ORDER BY r.organisation, r.title, r.id LIMIT %d", GAP_UNITS_MAX + 1);
    int rc = sql_prepare(l->db, &s, l->e, &st);
    while (rc == 0 && (rc = db_step(st, l->e)) > 0) {
        rc = 0;
        if (++rows > GAP_UNITS_MAX) {
            l->out->more = true;
            db_done(st);
            break;
        }
        const struct place p = {arena_copy(l->a, db_col_text(st, 1)), arena_copy(l->a, db_col_text(st, 0)), arena_copy(l->a, db_col_text(st, 2)),
                                arena_copy(l->a, db_col_text(st, 3))};
        if (!span_eq(p.organisation, last)) {
            rc = look_organisation(l, p.organisation);
            last = p.organisation;
        }
        own = own || span_eq(p.organisation, l->q->units.organisation);
        look_all(l, &p);
    }
    sql_end(&s);
    if (rc == 0 && !own && l->q->appointments.own > 0) {
        rc = look_organisation(l, l->q->units.organisation);
    }
    return rc;
}

int appointment_gaps(struct db *db, const struct gap_query *q, struct arena *a, struct gap_list *out, struct err *e)
{
    struct looking l = {.db = db, .q = q, .a = a, .e = e, .out = out};
    out->count = 0;
    out->more = false;
    if (q->nfunctions == 0 || record_scope_empty(&q->units) || record_scope_empty(&q->appointments)) {
        return 0; /* whoever may not read who holds what is not told that nobody does */
    }
    int rc = read_held(&l);
    return rc == 0 ? read_units(&l) : rc;
}

const char *gap_why_name(enum gap_why why)
{
    static const char *const names[GAP_WHY_COUNT] = {"nobody", "left", "closed"};
    CHECK(why < GAP_WHY_COUNT);
    return names[why];
}

/* ---- as messages ---- */

void gap_query_encode(struct buf *out, const struct gap_query *q)
{
    record_scope_encode(out, &q->units);
    record_scope_encode(out, &q->appointments);
    record_scope_encode(out, &q->organisations);
    buf_u64(out, (uint64_t)q->from);
    buf_u64(out, (uint64_t)q->to);
    buf_u32(out, q->nfunctions);
    for (uint32_t i = 0; i < q->nfunctions; i++) {
        buf_str(out, q->functions[i].word);
        buf_u8(out, q->functions[i].in_unit);
        buf_u8(out, (uint8_t)q->functions[i].nlevels);
        for (uint32_t n = 0; n < q->functions[i].nlevels; n++) {
            buf_str(out, q->functions[i].levels[n]);
        }
    }
}

void gap_query_decode(struct cursor *c, struct gap_query *out)
{
    record_scope_decode(c, &out->units);
    record_scope_decode(c, &out->appointments);
    record_scope_decode(c, &out->organisations);
    out->from = (time_ns)cursor_u64(c);
    out->to = (time_ns)cursor_u64(c);
    out->nfunctions = cursor_u32(c);
    if (out->nfunctions > GAP_FUNCTIONS_MAX || out->to <= out->from || out->from < 0 || out->to - out->from > GAP_DAYS_MAX * (time_ns)TIME_DAY) {
        c->failed = true;
        out->nfunctions = 0;
    }
    for (uint32_t i = 0; i < out->nfunctions; i++) {
        out->functions[i].word = cursor_str(c);
        uint8_t in_unit = cursor_u8(c);
        out->functions[i].in_unit = in_unit != 0;
        out->functions[i].nlevels = cursor_u8(c);
        if (in_unit > 1 || out->functions[i].nlevels > GAP_LEVELS_MAX) {
            c->failed = true;
            out->functions[i].nlevels = 0;
        }
        for (uint32_t n = 0; n < out->functions[i].nlevels; n++) {
            out->functions[i].levels[n] = cursor_str(c);
        }
    }
}

void gap_encode(struct buf *out, const struct gap *g)
{
    const struct span texts[] = {g->organisation, g->unit, g->title, g->function};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u64(out, (uint64_t)g->from);
    buf_u64(out, (uint64_t)g->to);
    buf_u8(out, (uint8_t)g->why);
}

void gap_decode(struct cursor *c, struct gap *out)
{
    struct span *texts[] = {&out->organisation, &out->unit, &out->title, &out->function};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
    }
    out->from = (time_ns)cursor_u64(c);
    out->to = (time_ns)cursor_u64(c);
    uint8_t why = cursor_u8(c);
    out->why = why < GAP_WHY_COUNT ? (enum gap_why)why : GAP_NOBODY;
    c->failed = c->failed || out->from >= out->to || why >= GAP_WHY_COUNT;
}
