/* SPDX-License-Identifier: EUPL-1.2 */
/* Rows of a table as records: see import.h. */
#include "desk/govern/import.h"

#include "base/id.h"
#include "desk/govern/record_priv.h"

/* ---- which record ---- */

void record_import_key(const struct record_worker *w, struct span home, struct arena *a, struct import_row *r)
{
    const struct register_field *f = &w->kind->fields[w->kind->key];
    const struct jcs *v = jcs_get(r->row.fields, arena_cstr(a, f->name));
    r->organisation = r->row.organisation.len > 0 ? r->row.organisation : home;
    r->key = SPAN("");
    if (r->organisation.len > RECORD_ORGANISATION_MAX) {
        record_fault(&r->faults, SPAN("/organisation"), SCHEMA_LONG, SPAN("256"));
    } else if (!record_is_line(r->organisation)) {
        record_fault(&r->faults, SPAN("/organisation"), SCHEMA_FORMAT, SPAN("text"));
    }
    if (r->row.id.len > 0) {
        if (!id_valid(r->row.id)) {
            record_fault(&r->faults, SPAN("/id"), SCHEMA_FORMAT, SPAN("uuid"));
        }
        return;
    }
    if (v == NULL || v->kind != JCS_TEXT || v->text.len == 0) {
        if (r->faults.count == 0) {
            record_fault(&r->faults, span_of(arena_printf(a, "/fields/%.*s", SPAN_ARG(f->name))), SCHEMA_MISSING, f->name);
        }
        return;
    }
    r->key = span_sub(v->text, 0, (size_t)4 * REGISTER_TEXT_MAX);
}

struct span record_import_column(const struct schema_fault *f)
{
    struct span pointer = f->pointer;
    if (span_eq(pointer, SPAN("/fields")) && (f->reason == SCHEMA_MISSING || f->reason == SCHEMA_MISSING_WITH || f->reason == SCHEMA_UNKNOWN)) {
        return f->limit;
    }
    struct span p = span_starts(pointer, SPAN("/fields/")) ? span_sub(pointer, 8, pointer.len) : span_sub(pointer, 1, pointer.len);
    ptrdiff_t slash = span_find(p, '/');
    return span_sub(p, 0, slash < 0 ? p.len : (size_t)slash);
}

/* ---- its state ---- */

/* Whether somebody in these roles may go this way with these fields. A table does not tell what records are worth that it names: of a kind that looks at
 * others no guard lets it pass. */
static bool passes(const struct register_kind *k, uint32_t roles, const struct register_transition *t, const struct jcs *fields, struct arena *a)
{
    struct schema_result r = {.valid = true};
    if ((t->roles & roles) == 0 || (t->guard != NULL && k->nlooks > 0)) {
        return false;
    }
    if (t->guard != NULL) {
        schema_check(t->guard, fields, a, &r);
    }
    return r.valid;
}

/* Whether ways lead from one state to another; reasons: also those that need one. */
static bool reaches(const struct register_kind *k, uint32_t roles, uint32_t from, uint32_t to, bool reasons, const struct jcs *fields, struct arena *a)
{
    bool met[REGISTER_STATES_MAX] = {false};
    uint32_t queue[REGISTER_STATES_MAX] = {from};
    uint32_t n = 1;
    met[from] = true;
    for (uint32_t at = 0; at < n; at++) {
        for (uint32_t t = 0; t < k->ntransitions; t++) {
            const struct register_transition *way = &k->transitions[t];
            if (way->from == queue[at] && !met[way->to] && (reasons || !way->reason) && passes(k, roles, way, fields, a)) {
                met[way->to] = true;
                queue[n++] = way->to;
            }
        }
    }
    return met[to];
}

/* Where one way leads there and its guard is not fit, what it lacks is said by field. */
static void no_way(const struct record_worker *w, uint32_t roles, uint32_t from, uint32_t to, const struct jcs *fields, struct arena *a, struct record_faults *f)
{
    uint32_t before = f->count;
    for (uint32_t t = 0; t < w->kind->ntransitions && f->count == before; t++) {
        const struct register_transition *way = &w->kind->transitions[t];
        if (way->from == from && way->to == to && (way->roles & roles) != 0 && way->guard != NULL) {
            record_check(way->guard, fields, a, f);
        }
    }
    if (f->count == before) {
        record_fault(f, SPAN("/state"), SCHEMA_NO_WAY, w->kind->states[to].id);
    }
}

static void set_state(const struct record_worker *w, struct span wanted, struct span why, struct arena *a, struct import_row *r)
{
    struct jcs *fields = NULL;
    struct record_put *p = &r->put;
    int from = register_state_of(w->kind, p->row.state);
    int to = register_state_ever(w->kind, wanted);
    wanted = to < 0 ? wanted : w->kind->states[to].id;
    if (span_eq(wanted, p->row.state) || wanted.len == 0) {
        return;
    }
    if (from < 0 || to < 0) {
        record_fault(&r->faults, SPAN("/state"), SCHEMA_NO_WAY, span_sub(wanted, 0, REGISTER_NAME_MAX));
        return;
    }
    MUST(jcs_read_decimals(a, p->row.fields, JCS_DEPTH_MAX, &fields, NULL));
    const struct jcs *guarded = register_computed_all(a, w->kind, fields);
    bool may = record_may(w, &p->row, RECORD_MOVE);
    uint32_t roles = record_roles(w, &p->row);
    bool is_free = may && reaches(w->kind, roles, (uint32_t)from, (uint32_t)to, false, guarded, a);
    if (!is_free && (!may || !reaches(w->kind, roles, (uint32_t)from, (uint32_t)to, true, guarded, a))) {
        no_way(w, roles, (uint32_t)from, (uint32_t)to, guarded, a, &r->faults);
        return;
    }
    if (!is_free && why.len == 0) {
        record_fault(&r->faults, SPAN("/why"), SCHEMA_MISSING, SPAN("why"));
        return;
    }
    p->row.state = w->kind->states[to].id;
    p->nkeys = (uint32_t)register_keys(a, w->kind, fields, p->row.organisation, p->row.state, p->row.tlp, p->row.created, p->row.changed, p->keys);
}

/* ---- the record ---- */

/* The record as it becomes: what the row says nothing of stays. */
static struct jcs *filled(const struct jcs *stands, const struct register_kind *k, const struct sheet_row *row, struct arena *a)
{
    struct jcs *out = jcs_copy(a, row->fields);
    for (const struct jcs *m = stands == NULL ? NULL : stands->first; m != NULL; m = m->next) {
        int place = register_field_of(k, m->key);
        if (place >= 0 && (row->named >> place & 1) == 0) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        }
    }
    return out;
}

/* What takes a change back: the record as it stands, one version on. */
static void make_back(const struct record_worker *w, const struct record_row *current, struct arena *a, struct import_row *r)
{
    struct register_link links[REGISTER_LINKS_MAX];
    struct jcs *fields = NULL;
    struct record_put *b = &r->back;
    *b = (struct record_put){.row = *current, .scope = r->put.scope, .who = w->name, .what = SPAN("record.import_undone")};
    b->row.version = r->put.row.version + 1;
    b->row.links = SPAN("");
    MUST(jcs_read_decimals(a, current->fields, JCS_DEPTH_MAX, &fields, NULL));
    b->nkeys = (uint32_t)register_keys(a, w->kind, fields, current->organisation, current->state, current->tlp, current->created,
                                       current->changed, b->keys);
    size_t n = register_links(w->kind, fields, links);
    b->nlinks = (uint32_t)(n < REGISTER_LINKS_MAX ? n : REGISTER_LINKS_MAX);
    for (uint32_t i = 0; i < b->nlinks; i++) {
        b->links[i] = (struct record_to){links[i].field->name, links[i].field->ref, links[i].target, true};
    }
}

/* With what is worked out of it, as far as he sees that. */
static struct jcs *becomes(const struct record_worker *w, const struct jcs *fields, struct arena *a)
{
    uint64_t hidden = policy_record_hidden(w->reader, &w->kind->rights, w->now);
    const struct jcs *all = register_computed_all(a, w->kind, fields);
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = all->first; m != NULL; m = m->next) {
        int place = register_field_of(w->kind, m->key);
        if (place < 0 || w->kind->fields[place].computed == NULL || (hidden >> place & 1) == 0) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        }
    }
    return out;
}

static int decide(const struct record_worker *w, const struct record_row *current, struct span id, struct span why, struct arena *a,
                  struct import_row *r)
{
    struct record_input in = {.why = why, .tlp = r->row.tlp, .fields = r->row.fields};
    int rc = 0;
    if (current == NULL) {
        rc = record_make(w, id, r->organisation, &in, a, &r->put, &r->faults);
    } else {
        r->was = record_fields_shown(w, current, a);
        in.fields = filled(r->was, w->kind, &r->row, a);
        rc = record_change(w, current, &in, a, &r->put, &r->faults);
    }
    r->becomes = becomes(w, in.fields, a);
    if (rc == 0) {
        r->put.what = SPAN("record.imported");
        set_state(w, r->row.state, why, a, r);
    }
    return rc;
}

void record_import(const struct record_worker *w, enum import_found found, const struct record_row *current, struct span id, struct span why,
                   struct arena *a, struct import_row *r)
{
    r->outcome = IMPORT_FAULTY;
    if (r->faults.count > 0) {
        return;
    }
    if (found == IMPORT_FOUND_SEVERAL) {
        record_fault(&r->faults, SPAN("/id"), SCHEMA_SEVERAL, SPAN(""));
    } else if (found == IMPORT_FOUND_NONE && r->row.id.len > 0) {
        record_fault(&r->faults, SPAN("/id"), SCHEMA_NO_RECORD, SPAN(""));
    } else if (found == IMPORT_FOUND_ONE && r->row.organisation.len > 0 && !span_eq(r->row.organisation, current->organisation)) {
        record_fault(&r->faults, SPAN("/organisation"), SCHEMA_FIXED, SPAN(""));
    } else if (decide(w, found == IMPORT_FOUND_ONE ? current : NULL, id, why, a, r) != 0) {
        record_fault(&r->faults, SPAN(""), SCHEMA_DENIED, SPAN(""));
    }
    if (r->faults.count > 0) {
        return;
    }
    if (found == IMPORT_FOUND_NONE) {
        r->outcome = IMPORT_NEW;
        return;
    }
    bool same = span_eq(r->put.row.fields, current->fields) && r->put.row.tlp == current->tlp && span_eq(r->put.row.state, current->state);
    r->outcome = same ? IMPORT_SAME : IMPORT_CHANGED;
    if (!same) {
        make_back(w, current, a, r);
    }
}
