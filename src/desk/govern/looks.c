/* SPDX-License-Identifier: EUPL-1.2 */
/* Computed fields that look at other records, as one reader sees those: see record_priv.h, and decision 082. */
#include "desk/govern/record_priv.h"

/* Whether his roles hide the field from him in any way in which he reads records of that kind; the state is open to whoever reads one. */
static bool is_hidden(const struct record_worker *w, const struct register_kind *to, struct span name)
{
    int place = register_field_of(to, name);
    return place >= 0 && (policy_record_hidden(w->reader, &to->rights, w->now) >> place & 1) != 0;
}

/* What was looked at of one record, by its link; NULL: the keeper told nothing of it. */
static struct jcs *seen(const struct record_worker *w, uint32_t ref, const struct record_link *l, struct arena *a)
{
    const struct register_kind *to = registers_any(w->kinds, w->kind->fields[ref].ref);
    struct jcs *out = jcs_new_object(a);
    if (to == NULL || l->nlooked != w->kind->nlooks) {
        return NULL;
    }
    for (uint32_t i = 0; i < w->kind->nlooks; i++) {
        const struct register_look *look = &w->kind->looks[i];
        struct jcs *v = look->ref != ref || is_hidden(w, to, look->name) ? NULL : register_key_value(a, look->index, l->looked[i]);
        if (v != NULL) {
            jcs_set(a, out, arena_cstr(a, look->name), v);
        }
    }
    return out;
}

/* Of all records that one field names and that the reader may read; false: of one of them nothing was told. */
static bool look_through(const struct record_worker *w, const struct record_row *row, uint32_t ref, struct arena *a, struct jcs *out)
{
    const struct register_field *f = &w->kind->fields[ref];
    struct jcs *list = jcs_new_array(a);
    struct jcs *one = NULL;
    struct cursor c = cursor_of(row->links);
    while (!c.failed && cursor_left(&c) > 0) {
        struct record_link l;
        record_link_decode(&c, &l);
        if (c.failed || !span_eq(l.field, f->name)) {
            continue;
        }
        one = seen(w, ref, &l, a);
        if (one == NULL) {
            return false;
        }
        if (f->many) {
            jcs_add(list, one);
        }
    }
    if (f->many || one == NULL) {
        one = f->many ? list : jcs_new_object(a);
    }
    jcs_set(a, out, arena_cstr(a, f->name), one);
    return !c.failed;
}

struct jcs *record_computed(const struct record_worker *w, const struct record_row *row, const struct jcs *fields, struct arena *a)
{
    struct jcs *looked = jcs_new_object(a);
    uint64_t done = 0;
    for (uint32_t i = 0; i < w->kind->nlooks && w->kinds != NULL; i++) {
        uint32_t ref = w->kind->looks[i].ref;
        if ((done >> ref & 1) == 0) {
            done |= UINT64_C(1) << ref;
            (void)look_through(w, row, ref, a, looked);
        }
    }
    return register_computed_looking(a, w->kind, fields, looked);
}
