/* SPDX-License-Identifier: EUPL-1.2 */
/* Constraints over several records: see record_constraint.h. Runs in the keeper. */
#include "records/registers/record_constraint.h"

#include <stdio.h>

#include "records/registers/record_store.h"

enum { SUM_SCALE = 15 /* digits behind the point in which sums are made: JCS_SCALE_MAX */ };
_Static_assert((int)SUM_SCALE == (int)JCS_SCALE_MAX, "every decimal fits");

struct check {
    struct db *db;
    const struct register_kind *k; /* whose constraint it is */
    const struct register_constraint *c;
    const struct record_row *row;
    const struct record_scope *scope;
    const struct jcs *fields; /* of row */
    struct arena *a;
    struct record_breach *out;
};

static const struct register_field *field_at(const struct check *x, uint32_t place)
{
    CHECK(place < x->k->nfields);
    return &x->k->fields[place];
}

static void copy_text(char *out, size_t room, struct span text)
{
    (void)snprintf(out, room, "%.*s", SPAN_ARG(text));
}

static void breach(const struct check *x, struct span field, struct span id, struct span text)
{
    struct record_breach *b = x->out;
    b->there = true;
    b->how = x->c->how == CONSTRAINT_SUM ? BREACH_SUM : BREACH_BESIDE;
    copy_text(b->name, sizeof b->name, x->c->name);
    copy_text(b->field, sizeof b->field, field);
    copy_text(b->id, sizeof b->id, id);
    copy_text(b->text, sizeof b->text, text);
}

/* The value of a field as lists know it; empty = none. */
static struct span key_of(const struct check *x, uint32_t place)
{
    const struct register_field *f = field_at(x, place);
    const struct jcs *v = jcs_get(x->fields, arena_cstr(x->a, f->name));
    return v == NULL                ? SPAN("")
           : v->kind == JCS_TEXT    ? v->text
           : v->kind == JCS_INT     ? register_key_number(x->a, v->number)
                                    : SPAN("");
}

/* Whether the constraint speaks of the record at all. */
static bool concerns(const struct check *x)
{
    int state = register_state_of(x->k, x->row->state);
    bool fits = x->c->nwords == 0;
    for (uint32_t i = 0; i < x->c->nwords; i++) {
        fits = fits || span_eq(x->c->words[i], key_of(x, x->c->when));
    }
    bool alike = x->c->how == CONSTRAINT_SUM || x->c->how == CONSTRAINT_TREE; /* who has none of the fields is alike to nobody */
    for (uint32_t i = 0; i < x->c->nalike; i++) {
        alike = alike || key_of(x, x->c->alike[i]).len > 0;
    }
    return fits && alike && state >= 0 && (x->c->states >> state & 1) != 0;
}

/* ---- others ---- */

/* Has this value in a field, or names this record; value empty: has none. Of the record r. */
static void put_alike(struct sql *s, const struct register_field *f, struct span value)
{
    bool link = f->ref.len > 0;
    sql_put(s, link && value.len == 0 ? " AND NOT EXISTS (SELECT 1 FROM record_link x WHERE x.record_id = r.id AND x.field = "
               : link                 ? " AND EXISTS (SELECT 1 FROM record_link x WHERE x.record_id = r.id AND x.field = "
                                      : " AND EXISTS (SELECT 1 FROM record_key x WHERE x.record_id = r.id AND x.field = ");
    sql_value(s, f->name);
    if (!link || value.len > 0) {
        sql_put(s, " AND x.value = ");
        sql_value(s, value);
    }
    sql_put(s, ")");
}

/* Others in one of the states of the constraint, for which its condition holds; b is the table along which one goes. */
static void put_others(struct sql *s, const struct check *x, struct span but)
{
    sql_put(s, " AND r.id = b.record_id AND r.kind = ");
    sql_value(s, x->k->name);
    sql_put(s, " AND r.organisation = ");
    sql_value(s, x->row->organisation);
    sql_put(s, " AND r.id <> ");
    sql_value(s, but);
    sql_put(s, " AND r.state IN (");
    bool first = true;
    for (uint32_t i = 0; i < x->k->nstates; i++) {
        if ((x->c->states >> i & 1) != 0) {
            sql_put(s, first ? "" : ", ");
            sql_value(s, x->k->states[i].id);
            first = false;
        }
    }
    sql_put(s, ")");
    if (x->c->nwords > 0) {
        sql_put(s, " AND EXISTS (SELECT 1 FROM record_key w WHERE w.record_id = r.id AND w.field = ");
        sql_value(s, field_at(x, x->c->when)->name);
        sql_put(s, " AND w.value IN (");
        for (uint32_t i = 0; i < x->c->nwords; i++) {
            sql_put(s, i == 0 ? "" : ", ");
            sql_value(s, x->c->words[i]);
        }
        sql_put(s, "))");
    }
    sql_put(s, " AND ");
    sql_scope(s, x->scope, NULL);
}

/* Along the records that name the same one, or have the same value; where all of these are missing, along those of the organisation. */
static void put_base(struct sql *s, const struct check *x)
{
    const struct register_field *best = NULL;
    struct span value = SPAN("");
    for (uint32_t i = 0; i < x->c->nalike; i++) {
        const struct register_field *f = field_at(x, x->c->alike[i]);
        struct span v = key_of(x, x->c->alike[i]);
        bool link = f->ref.len > 0;
        if ((link && v.len == 0) || (best != NULL && (best->ref.len > 0 || !link))) {
            continue;
        }
        best = f;
        value = v;
    }
    sql_put(s, best != NULL && best->ref.len > 0 ? " FROM record_link b CROSS JOIN record r WHERE b.kind = "
                                                 : " FROM record_key b CROSS JOIN record r WHERE b.kind = ");
    sql_value(s, x->k->name);
    sql_put(s, " AND b.field = ");
    sql_value(s, best == NULL ? REGISTER_KEY_STATE : best->name);
    sql_put(s, " AND b.organisation = ");
    sql_value(s, x->row->organisation);
    if (best != NULL) {
        sql_put(s, " AND b.value = ");
        sql_value(s, value);
    }
}

static void put_key_column(struct sql *s, const struct check *x, uint32_t place)
{
    sql_put(s, ", (SELECT t.value FROM record_key t WHERE t.record_id = r.id AND t.field = ");
    sql_value(s, field_at(x, place)->name);
    sql_put(s, ")");
}

/* ---- time ---- */

/* A time as it is written; the end of a day that is included is the next one's beginning. Empty: none = as far as `open` says. */
static time_ns when_of(const struct check *x, struct span text, bool end)
{
    time_ns t = 0;
    if (text.len == 0) {
        return end ? INT64_MAX : INT64_MIN;
    }
    if (x->c->days) {
        text = span_of(arena_printf(x->a, "%.*sT00:00:00Z", SPAN_ARG(text)));
    }
    if (!time_parse(text, 0, &t)) {
        return end ? INT64_MAX : INT64_MIN;
    }
    return x->c->days && end ? t + TIME_DAY : t;
}

/* Whether both hold at some moment: one that ends when the other begins does not meet it. */
static bool meets(const struct check *x, struct span from, struct span to)
{
    return when_of(x, key_of(x, x->c->from), false) < when_of(x, to, true) && when_of(x, from, false) < when_of(x, key_of(x, x->c->to), true);
}

static int check_alike(const struct check *x, struct err *e)
{
    bool apart = x->c->how == CONSTRAINT_APART;
    struct sql s;
    struct db_stmt *st = NULL;
    int64_t rows = 0;
    sql_begin(&s);
    sql_put(&s, "SELECT r.id, r.title");
    if (apart) {
        put_key_column(&s, x, x->c->from);
        put_key_column(&s, x, x->c->to);
    }
    put_base(&s, x);
    for (uint32_t i = 0; i < x->c->nalike; i++) {
        put_alike(&s, field_at(x, x->c->alike[i]), key_of(x, x->c->alike[i]));
    }
    put_others(&s, x, x->row->id);
    buf_printf(&s.text, " ORDER BY r.id LIMIT %d", apart ? CONSTRAINT_ROWS_MAX + 1 : 1);
    int rc = sql_prepare(x->db, &s, e, &st);
    while (rc == 0 && !x->out->there && (rc = db_step(st, e)) > 0) {
        rc = 0;
        if (!apart || ++rows > CONSTRAINT_ROWS_MAX || meets(x, db_col_text(st, 2), db_col_text(st, 3))) {
            breach(x, field_at(x, apart ? x->c->from : x->c->alike[0])->name, db_col_text(st, 0), db_col_text(st, 1));
            db_done(st);
        }
    }
    sql_end(&s);
    return rc;
}

/* ---- sums ---- */

static __int128 scaled(const struct jcs *v)
{
    __int128 n = v == NULL || (v->kind != JCS_INT && v->kind != JCS_DECIMAL) ? 0 : v->number;
    for (int i = v != NULL && v->kind == JCS_DECIMAL ? v->scale : 0; i < SUM_SCALE; i++) {
        n *= 10;
    }
    return n;
}

static int number_of(const struct check *x, struct span fields, struct span name, const struct jcs **out, struct err *e)
{
    struct jcs *doc = NULL;
    int rc = jcs_read_decimals(x->a, fields, JCS_DEPTH_MAX, &doc, e);
    *out = rc == 0 ? jcs_get(doc, arena_cstr(x->a, name)) : NULL;
    return rc;
}

/* The sum over all that name `target`, but for one; more than are looked at: *many_out. */
static int sum_others(const struct check *x, struct span target, struct span but, __int128 *sum, bool *many_out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    int64_t rows = 0;
    sql_begin(&s);
    sql_put(&s, "SELECT r.fields FROM record_link b CROSS JOIN record r WHERE b.kind = ");
    sql_value(&s, x->k->name);
    sql_put(&s, " AND b.field = ");
    sql_value(&s, field_at(x, x->c->within)->name);
    sql_put(&s, " AND b.value = ");
    sql_value(&s, target);
    put_others(&s, x, but);
    buf_printf(&s.text, " LIMIT %d", CONSTRAINT_ROWS_MAX + 1);
    int rc = sql_prepare(x->db, &s, e, &st);
    while (rc == 0 && (rc = db_step(st, e)) > 0) {
        const struct jcs *v = NULL;
        rc = number_of(x, db_col_text(st, 0), field_at(x, x->c->sum)->name, &v, e);
        *sum += scaled(v);
        *many_out = ++rows > CONSTRAINT_ROWS_MAX;
        if (rc != 0) {
            db_done(st);
        }
    }
    sql_end(&s);
    return rc;
}

static int check_sum(const struct check *x, struct err *e)
{
    struct db_stmt *s = NULL;
    const struct jcs *most = NULL;
    __int128 sum = scaled(jcs_get(x->fields, arena_cstr(x->a, field_at(x, x->c->sum)->name)));
    bool many = false;
    struct span target = key_of(x, x->c->within);
    int rc = db_query(x->db, "SELECT fields FROM record WHERE id = $1 AND organisation = $2", e, &s);
    if (rc != 0 || target.len == 0) {
        return rc;
    }
    db_bind_text(s, 1, target);
    db_bind_text(s, 2, x->row->organisation);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc; /* of another organisation: that says nothing of its numbers */
    }
    rc = number_of(x, db_col_text(s, 0), x->c->most, &most, e);
    db_done(s);
    rc = rc == 0 ? sum_others(x, target, x->row->id, &sum, &many, e) : rc;
    if (rc == 0 && (many || sum > scaled(most))) {
        breach(x, field_at(x, x->c->sum)->name, target, most == NULL ? SPAN("0") : jcs_text(x->a, most));
    }
    return rc;
}

/* The other way round: this record says how much those that name it may come to. */
static int check_most(const struct check *x, struct err *e)
{
    __int128 sum = 0;
    bool many = false;
    const struct jcs *most = jcs_get(x->fields, arena_cstr(x->a, x->c->most));
    int rc = sum_others(x, x->row->id, SPAN(""), &sum, &many, e);
    if (rc == 0 && (many || sum > scaled(most))) {
        breach(x, x->c->most, x->row->id, most == NULL ? SPAN("0") : jcs_text(x->a, most));
    }
    return rc;
}

/* ---- trees ---- */

/* The record above: what `id` names by the field; empty = it stands at the top. */
static int above(const struct check *x, struct span id, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(x->db, "SELECT value FROM record_link WHERE record_id = $1 AND field = $2 AND kind = $3", e, &s);
    *out = SPAN("");
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, field_at(x, x->c->by)->name);
    db_bind_text(s, 3, x->k->name);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(x->a, db_col_text(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

/* How many levels stand below the record, looked for no deeper than `most`. */
static int levels_below(const struct check *x, int64_t most, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(x->db,
                      "WITH RECURSIVE below (id, level) AS (SELECT $1, 0 UNION SELECT l.record_id, b.level + 1 FROM below b CROSS JOIN record_link l "
                      "WHERE l.value = b.id AND l.kind = $2 AND l.field = $3 AND b.level < $4) SELECT MAX(level) FROM below",
                      e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, x->row->id);
    db_bind_text(s, 2, x->k->name);
    db_bind_text(s, 3, field_at(x, x->c->by)->name);
    db_bind_i64(s, 4, most);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

static int title_of(const struct check *x, struct span id, struct span *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(x->db, "SELECT title FROM record WHERE id = $1", e, &s);
    *out = SPAN("");
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = arena_copy(x->a, db_col_text(s, 0));
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

/*
 * Up from the record that it names, then down from itself. Whoever is refused learns only of the record that he named himself, and
 * how many levels there may be.
 */
static int check_tree(const struct check *x, struct err *e)
{
    struct span parent = key_of(x, x->c->by);
    struct span at = parent;
    struct span title = SPAN("");
    struct span field = field_at(x, x->c->by)->name;
    int64_t levels = 1;
    int64_t below = 0;
    int rc = 0;
    bool loop = false;
    while (rc == 0 && at.len > 0 && !loop && levels <= x->c->levels) {
        levels++;
        loop = span_eq(at, x->row->id);
        rc = loop ? 0 : above(x, at, &at, e);
    }
    rc = rc == 0 && parent.len > 0 && !loop ? levels_below(x, x->c->levels, &below, e) : rc;
    rc = rc == 0 && loop ? title_of(x, parent, &title, e) : rc;
    if (rc == 0 && loop) {
        breach(x, field, parent, title);
        x->out->how = BREACH_LOOP;
    } else if (rc == 0 && levels + below > x->c->levels) {
        breach(x, field, parent, span_of(arena_printf(x->a, "%lld", (long long)x->c->levels)));
        x->out->how = BREACH_DEEP;
    }
    return rc;
}

/* ---- all of them ---- */

/* This constraint of another kind is about how much records of the kind `name` allow. */
static bool is_held_by(const struct register_kind *k, const struct register_constraint *c, struct span name)
{
    return c->how == CONSTRAINT_SUM && span_eq(k->fields[c->within].ref, name);
}

bool record_constraints_any(const struct registers *kinds, struct span kind)
{
    size_t n = 0;
    const struct register_kind *all = registers_all(kinds, &n);
    for (size_t i = 0; i < n; i++) {
        for (uint32_t c = 0; c < all[i].nconstraints; c++) {
            if (span_eq(all[i].name, kind) || is_held_by(&all[i], &all[i].constraints[c], kind)) {
                return true;
            }
        }
    }
    return false;
}

int record_constraints_check(struct db *db, const struct registers *kinds, const struct record_row *row, const struct record_scope *scope,
                             struct record_breach *out, struct err *e)
{
    struct arena a;
    struct jcs *fields = NULL;
    size_t n = 0;
    const struct register_kind *all = registers_all(kinds, &n);
    *out = (struct record_breach){0};
    if (!record_constraints_any(kinds, row->kind)) {
        return 0;
    }
    arena_init(&a, 0);
    int rc = jcs_read_decimals(&a, row->fields, JCS_DEPTH_MAX, &fields, e);
    for (size_t i = 0; i < n && rc == 0; i++) {
        for (uint32_t c = 0; c < all[i].nconstraints && rc == 0 && !out->there; c++) {
            const struct check x = {db, &all[i], &all[i].constraints[c], row, scope, fields, &a, out};
            bool own = span_eq(all[i].name, row->kind);
            if (own && concerns(&x)) {
                rc = x.c->how == CONSTRAINT_SUM    ? check_sum(&x, e)
                     : x.c->how == CONSTRAINT_TREE ? check_tree(&x, e)
                                                   : check_alike(&x, e);
            }
            if (rc == 0 && !out->there && is_held_by(x.k, x.c, row->kind)) {
                rc = check_most(&x, e);
            }
        }
    }
    arena_fini(&a);
    return rc;
}
