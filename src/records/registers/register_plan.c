/* SPDX-License-Identifier: EUPL-1.2 */
/* What another file would do to the records that are there: see register_plan.h. */
#include "records/registers/register_plan.h"

#include <inttypes.h>
#include <stdio.h>

#include "records/registers/record_sql.h"
#include "records/registers/record_stage.h"

enum { PLAN_BATCH = 500 };

/* ---- what does not fit ---- */

static void misfit(struct register_plan *p, enum register_misfit_how how, struct span name, enum schema_reason reason, const struct record_row *r)
{
    struct register_misfit *m = p->misfits;
    while (m < p->misfits + p->nmisfits && !(m->how == how && m->reason == reason && span_eq(m->name, name))) {
        m++;
    }
    if (m == p->misfits + REGISTER_MISFITS_MAX) {
        p->untold++;
        return;
    }
    if (m == p->misfits + p->nmisfits) {
        *m = (struct register_misfit){.how = how, .name = name, .reason = reason};
        p->nmisfits++;
    }
    m->count++;
    if (m->nids < REGISTER_EXAMPLES && r->tlp != TLP_RED && r->tlp != TLP_UNKNOWN) {
        (void)snprintf(m->ids[m->nids++], RECORD_ID_MAX + 1, "%.*s", SPAN_ARG(r->id));
    }
}

/* The field of a fault: the first name of its pointer, or what is missing. */
static int fault_field(const struct register_kind *k, const struct schema_fault *f)
{
    struct span p = span_sub(f->pointer, f->pointer.len > 0, f->pointer.len);
    ptrdiff_t slash = span_find(p, '/');
    p = span_sub(p, 0, slash < 0 ? p.len : (size_t)slash);
    return register_field_of(k, p.len > 0 ? p : f->limit);
}

/* Once for each field, by its first fault. */
static void count_faults(struct register_plan *p, const struct schema_result *r, const struct record_row *row)
{
    uint64_t told = 0;
    for (uint32_t i = 0; i < r->kept; i++) {
        int at = fault_field(p->diff.after, &r->list[i]);
        if (at < 0 || (told >> at & 1) == 0) {
            misfit(p, MISFIT_VALUE, at < 0 ? SPAN("") : p->diff.after->fields[at].name, r->list[i].reason, row);
            told |= at < 0 ? 0 : UINT64_C(1) << at;
        }
    }
}

/* What did not fit the file of before is not the doing of the new one. */
static bool fitted(const struct register_diff *d, const struct jcs *fields, struct arena *a)
{
    struct schema_result r;
    schema_check(d->before->schema, register_diff_known(a, d->before, fields), a, &r);
    return r.valid;
}

static void count_gone(struct register_plan *p, const struct jcs *fields, const struct record_row *r)
{
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int was = register_field_of(p->diff.before, m->key);
        if (was >= 0 && p->diff.before->fields[was].computed == NULL && register_diff_field(&p->diff, m->key) < 0) {
            misfit(p, MISFIT_GONE, p->diff.before->fields[was].name, SCHEMA_UNKNOWN, r);
        }
    }
}

static int plan_row(struct register_plan *p, const struct record_row *r, struct arena *a, struct err *e)
{
    struct jcs *fields = NULL;
    struct schema_result result;
    bool renamed = false;
    bool filled = false;
    p->records++;
    if (p->diff.after == NULL) {
        misfit(p, MISFIT_KIND, p->diff.before->name, SCHEMA_UNKNOWN, r);
        return 0;
    }
    int rc = jcs_read_decimals(a, r->fields, JCS_DEPTH_MAX, &fields, e);
    if (rc != 0) {
        return rc;
    }
    int state = register_diff_state(&p->diff, r->state);
    int known = register_state_of(p->diff.before, r->state);
    struct jcs *today = register_diff_fill(a, &p->diff, register_diff_carry(a, &p->diff, fields, &renamed), &filled);
    if (state < 0 && known >= 0) {
        misfit(p, MISFIT_STATE, p->diff.before->states[known].id, SCHEMA_NO_WAY, r);
    }
    count_gone(p, fields, r);
    schema_check(p->diff.after->schema, register_diff_known(a, p->diff.after, today), a, &result);
    if (!result.valid && fitted(&p->diff, fields, a)) {
        count_faults(p, &result, r);
    }
    if (jcs_text(a, today).len > REGISTER_DOCUMENT_MAX) {
        misfit(p, MISFIT_LARGE, SPAN(""), SCHEMA_TOO_MUCH, r);
    }
    bool kind = !span_eq(p->diff.before->name, p->diff.after->name);
    bool moved = state >= 0 && !span_eq(p->diff.after->states[state].id, r->state);
    p->rewritten += renamed || filled || kind || moved;
    p->filled += filled;
    return 0;
}

/* ---- all of them ---- */

/* The next ones of the kind behind `after`; *count_out 0: there are no more. What an import let wait is not there yet. */
static int plan_some(struct db *db, struct register_plan *p, char after[RECORD_ID_MAX + 1], size_t *count_out, struct err *e)
{
    struct arena a;
    struct db_stmt *s = NULL;
    *count_out = 0;
    arena_init(&a, 256 << 10);
    struct record_row *rows = arena_calloc(&a, PLAN_BATCH, sizeof *rows);
    int rc = db_query(db, "SELECT " RECORD_COLUMNS " FROM record r WHERE r.kind = $1 AND r.id > $2 AND r.tlp < $3 ORDER BY r.id LIMIT 500", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, p->diff.before->name);
        db_bind_text(s, 2, span_of(after));
        db_bind_i64(s, 3, RECORD_HIDDEN);
        while ((rc = db_step(s, e)) > 0) {
            sql_row(s, &a, &rows[(*count_out)++]);
        }
    }
    for (size_t i = 0; i < *count_out && rc == 0; i++) {
        struct arena one;
        arena_init(&one, 0);
        rc = plan_row(p, &rows[i], &one, e);
        arena_fini(&one);
        (void)snprintf(after, RECORD_ID_MAX + 1, "%.*s", SPAN_ARG(rows[i].id));
    }
    arena_fini(&a);
    return rc;
}

int register_plan(struct db *db, struct arena *a, const struct register_kind *before, const struct register_kind *after, struct register_plan *out,
                  struct err *e)
{
    char last[RECORD_ID_MAX + 1] = "";
    size_t n = before == NULL ? 0 : 1;
    int rc = 0;
    *out = (struct register_plan){0};
    register_diff(a, before, after, &out->diff);
    while (rc == 0 && n > 0 && out->diff.count > 0) {
        rc = plan_some(db, out, last, &n, e);
    }
    return rc;
}

bool register_plan_loses(const struct register_plan *p)
{
    return p->nmisfits > 0;
}

bool register_plan_stuck(const struct register_plan *p)
{
    for (uint32_t i = 0; i < p->nmisfits; i++) {
        if (p->misfits[i].how == MISFIT_STATE || p->misfits[i].how == MISFIT_LARGE) {
            return true;
        }
    }
    return false;
}

/* ---- told ---- */

static const char *how_word(const struct register_misfit *m)
{
    static const char *const words[REGISTER_MISFIT_COUNT] = {[MISFIT_GONE] = "field_gone", [MISFIT_LARGE] = "too_much", [MISFIT_STATE] = "state_gone", [MISFIT_KIND] = "kind_gone"};
    return m->how == MISFIT_VALUE ? schema_reason_word(m->reason) : words[m->how];
}

static void number_member(struct json_writer *j, const char *key, int64_t n)
{
    json_key(j, key);
    json_i64(j, n);
}

void register_plan_put(const struct register_plan *p, struct json_writer *j)
{
    json_key(j, "changes");
    json_array(j);
    for (uint32_t i = 0; i < p->diff.count; i++) {
        const struct register_change *c = &p->diff.list[i];
        json_object(j);
        json_member_text_or_null(j, "what", span_of(register_change_word(c->what)));
        json_member_text_or_null(j, "name", c->name);
        json_member_text_or_null(j, "was", c->was);
        json_member_text_or_null(j, "how", c->how);
        json_end(j);
    }
    json_end(j);
    number_member(j, "records", p->records);
    number_member(j, "rewritten", p->rewritten);
    number_member(j, "filled", p->filled);
    json_key(j, "misfits");
    json_array(j);
    for (uint32_t i = 0; i < p->nmisfits; i++) {
        const struct register_misfit *m = &p->misfits[i];
        json_object(j);
        json_member_text_or_null(j, "why", span_of(how_word(m)));
        json_member_text_or_null(j, "name", m->name);
        number_member(j, "count", m->count);
        json_key(j, "examples");
        json_array(j);
        for (uint32_t k = 0; k < m->nids; k++) {
            json_text(j, span_of(m->ids[k]));
        }
        json_end(j);
        json_end(j);
    }
    json_end(j);
}

static void say_change(const struct register_change *c, struct buf *out)
{
    static const char *const before[REGISTER_CHANGE_COUNT] = {
        [CHANGE_KIND_ADDED] = "a new kind", [CHANGE_KIND_GONE] = "the kind goes", [CHANGE_KIND_RENAMED] = "the kind is called otherwise",
        [CHANGE_FIELD_ADDED] = "a new field", [CHANGE_FIELD_GONE] = "a field goes", [CHANGE_FIELD_RENAMED] = "a field is called otherwise",
        [CHANGE_FIELD_CHANGED] = "a field changes", [CHANGE_STATE_ADDED] = "a new state", [CHANGE_STATE_GONE] = "a state goes",
        [CHANGE_STATE_RENAMED] = "a state is called otherwise", [CHANGE_REST_CHANGED] = "another part changes"};
    buf_printf(out, "  %s: %.*s", before[c->what], SPAN_ARG(c->name));
    if (c->was.len > 0) {
        buf_printf(out, ", before %.*s", SPAN_ARG(c->was));
    }
    if (c->how.len > 0) {
        buf_printf(out, " (%.*s)", SPAN_ARG(c->how));
    }
    buf_cstr(out, "\n");
}

static void say_misfit(const struct register_misfit *m, struct buf *out)
{
    buf_printf(out, "  does not fit: %" PRId64 " %s, ", m->count, m->count == 1 ? "record" : "records");
    if (m->how == MISFIT_VALUE) {
        buf_printf(out, "field %.*s (%s)", SPAN_ARG(m->name), how_word(m));
    } else if (m->how == MISFIT_GONE) {
        buf_printf(out, "a value in %.*s, which goes", SPAN_ARG(m->name));
    } else if (m->how == MISFIT_LARGE) {
        buf_printf(out, "larger than a record may be");
    } else {
        buf_printf(out, "in the %s %.*s, which goes%s", m->how == MISFIT_STATE ? "state" : "kind", SPAN_ARG(m->name),
                   m->how == MISFIT_STATE ? ": the state that takes its place must say so by `was`" : "");
    }
    for (uint32_t i = 0; i < m->nids; i++) {
        buf_printf(out, "%s%s", i == 0 ? ": " : ", ", m->ids[i]);
    }
    buf_cstr(out, m->count > m->nids && m->nids > 0 ? " …\n" : "\n");
}

void register_plan_say(const struct register_plan *p, struct buf *out)
{
    for (uint32_t i = 0; i < p->diff.count; i++) {
        say_change(&p->diff.list[i], out);
    }
    if (p->rewritten > 0) {
        buf_printf(out, "  %" PRId64 " of %" PRId64 " records would be rewritten, %" PRId64 " filled with a default\n", p->rewritten, p->records, p->filled);
    }
    for (uint32_t i = 0; i < p->nmisfits; i++) {
        say_misfit(&p->misfits[i], out);
    }
    if (p->untold > 0) {
        buf_printf(out, "  and %" PRId64 " of further sorts\n", p->untold);
    }
}
