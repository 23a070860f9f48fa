/* SPDX-License-Identifier: EUPL-1.2 */
/* x-was, and `was` of states and kinds: what they were called in earlier files. See register.h. */
#include "records/registers/register_priv.h"

static int wrong(struct err *e, const struct yaml_node *n, const char *place, const char *key, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s/%s: %s", place, key, what);
    err_at(e, "", n->line);
    return ERR_INVALID;
}

bool register_was_called(const struct register_was *w, struct span name)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (span_eq(w->names[i], name)) {
            return true;
        }
    }
    return false;
}

int register_read_was(struct arena *a, const struct yaml_node *map, const char *key, const char *place, struct register_was *out, struct err *e)
{
    int rc = yaml_get_texts(a, map, key, false, &out->names, &out->count, e);
    if (rc == 0 && out->count > REGISTER_WAS_MAX) {
        return wrong(e, map, place, key, "more than 8 names");
    }
    for (uint32_t i = 0; rc == 0 && i < out->count; i++) {
        const struct register_was before = {i, out->names};
        if (!register_name_fits(out->names[i]) || register_was_called(&before, out->names[i])) {
            rc = wrong(e, map, place, key, "names are of small letters, digits and _, at most 40, each once");
        }
    }
    return rc;
}

/* Whether a name of before is one of today, or another thing claims it as well. */
static bool is_taken(const struct register_kind *k, bool states, uint32_t self, struct span name)
{
    uint32_t n = states ? k->nstates : k->nfields;
    for (uint32_t i = 0; i < n; i++) {
        const struct span today = states ? k->states[i].id : k->fields[i].name;
        const struct register_was *was = states ? &k->states[i].was : &k->fields[i].was;
        if (span_eq(today, name) || (i < self && register_was_called(was, name))) {
            return true;
        }
    }
    return false;
}

int register_check_was(const struct register_kind *k, const struct yaml_node *root, struct err *e)
{
    for (int states = 0; states <= 1; states++) {
        for (uint32_t i = 0; i < (states ? k->nstates : k->nfields); i++) {
            const struct register_was *was = states ? &k->states[i].was : &k->fields[i].was;
            for (uint32_t n = 0; n < was->count; n++) {
                if (is_taken(k, states, i, was->names[n])) {
                    return wrong(e, root, states ? "/x-states" : "/properties", states ? "was" : "x-was",
                                 "names what the file has under this name, or names the same twice");
                }
            }
        }
    }
    return register_was_called(&k->was, k->name) ? wrong(e, root, "/x-table", "was", "is the name that it has") : 0;
}

const char *register_was_wrong(struct arena *a, const struct registers *all, const struct register_kind *k)
{
    size_t n = 0;
    const struct register_kind *kinds = registers_all(all, &n);
    for (uint32_t i = 0; i < k->was.count; i++) {
        for (const struct register_kind *other = kinds; other < kinds + n; other++) {
            if (span_eq(other->name, k->was.names[i]) || (other < k && register_was_called(&other->was, k->was.names[i]))) {
                return arena_printf(a, "/x-table/was: another file has or had the kind \"%.*s\"", SPAN_ARG(k->was.names[i]));
            }
        }
    }
    return NULL;
}

int register_field_ever(const struct register_kind *k, struct span name)
{
    int at = register_field_of(k, name);
    for (uint32_t i = 0; at < 0 && i < k->nfields; i++) {
        at = register_was_called(&k->fields[i].was, name) ? (int)i : -1;
    }
    return at;
}

int register_state_ever(const struct register_kind *k, struct span id)
{
    int at = register_state_of(k, id);
    for (uint32_t i = 0; at < 0 && i < k->nstates; i++) {
        at = register_was_called(&k->states[i].was, id) ? (int)i : -1;
    }
    return at;
}
