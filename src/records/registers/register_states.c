/* SPDX-License-Identifier: EUPL-1.2 */
/* x-states of a kind: which there are, what leads from one to another, who may take it there. See register.h. */
#include "records/registers/register_priv.h"

struct reading {
    struct arena *a;
    struct register_kind *k;
    struct err *e;
};

static int wrong(struct reading *r, const struct yaml_node *n, const char *place, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "/x-states%s: %s", place, what);
    err_at(r->e, "", n->line);
    return ERR_INVALID;
}

static int read_list(struct reading *r, const struct yaml_node *map)
{
    static const char *const keys[] = {"id", "final", "was", NULL};
    const struct yaml_node *list = yaml_get(map, "list");
    if (list == NULL || list->kind != YAML_SEQ || list->len == 0 || list->len > REGISTER_STATES_MAX) {
        return wrong(r, list == NULL ? map : list, "/list", "must be a list of 1 to 16 states");
    }
    r->k->states = arena_calloc(r->a, list->len, sizeof *r->k->states);
    for (uint32_t i = 0; i < list->len; i++) {
        struct register_state *s = &r->k->states[i];
        const struct yaml_node *n = list->items[i];
        int rc = yaml_expect(n, YAML_MAP, "a state", r->e);
        rc = rc == 0 ? yaml_known_keys(n, keys, r->e) : rc;
        rc = rc == 0 ? yaml_get_text(n, "id", true, &s->id, r->e) : rc;
        rc = rc == 0 ? yaml_get_bool(n, "final", false, &s->final, r->e) : rc;
        rc = rc == 0 ? register_read_was(r->a, n, "was", "/x-states/list", &s->was, r->e) : rc;
        if (rc != 0) {
            return rc;
        }
        if (!register_name_fits(s->id) || register_state_of(r->k, s->id) >= 0) {
            return wrong(r, n, "/list", "a state is named by small letters, digits and _, once");
        }
        r->k->nstates = i + 1;
    }
    return 0;
}

static int read_state(struct reading *r, const struct yaml_node *map, const char *key, uint32_t *out)
{
    struct span text;
    int rc = yaml_get_text(map, key, true, &text, r->e);
    int place = rc == 0 ? register_state_of(r->k, text) : -1;
    *out = place < 0 ? 0 : (uint32_t)place;
    return rc == 0 && place < 0 ? wrong(r, map, arena_printf(r->a, "/%s", key), "there is no such state") : rc;
}

/* Only roles that may move records at all. */
static int read_roles(struct reading *r, const struct yaml_node *map, uint32_t *out)
{
    const struct span *list = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, "roles", true, &list, &n, r->e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        uint32_t role = 0;
        bool may = false;
        if (register_role_of(list[i], &role) == 0) {
            for (uint32_t j = 0; j < r->k->rights.nroles; j++) {
                const struct record_role *given = &r->k->rights.role[j];
                may = may || (given->role == role && (given->ops & RECORD_MOVE) != 0);
            }
        }
        rc = may ? 0 : wrong(r, map, "/transitions/roles", "names a role without the right to move in x-perm");
        *out |= role;
    }
    return rc == 0 && n == 0 ? wrong(r, map, "/transitions/roles", "names nobody") : rc;
}

/* A guard that speaks of no field there is would be passed by nobody, or by everybody. NULL: all names are of fields. */
static const struct yaml_node *unknown_name(struct reading *r, const struct yaml_node *guard)
{
    const struct yaml_node *properties = yaml_get(guard, "properties"), *required = yaml_get(guard, "required");
    for (uint32_t i = 0; properties != NULL && properties->kind == YAML_MAP && i < properties->len; i++) {
        if (register_field_of(r->k, properties->pairs[i].key->text) < 0) {
            return properties->pairs[i].key;
        }
    }
    for (uint32_t i = 0; required != NULL && required->kind == YAML_SEQ && i < required->len; i++) {
        if (register_field_of(r->k, required->items[i]->text) < 0) {
            return required->items[i];
        }
    }
    return NULL;
}

/* Of the guard, and of the schemas that it is put together from (no deeper than YAML is read). */
static int check_guard(struct reading *r, const struct yaml_node *guard)
{
    static const char *const lists[] = {"allOf", "anyOf", "oneOf"}, *const single[] = {"not", "if", "then", "else"};
    const struct yaml_node *odd = unknown_name(r, guard);
    if (odd != NULL) {
        return wrong(r, odd, "/transitions/guard", "names a field that is not there");
    }
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(single); i++) {
        const struct yaml_node *n = yaml_get(guard, single[i]);
        rc = n == NULL ? 0 : check_guard(r, n);
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(lists); i++) {
        const struct yaml_node *list = yaml_get(guard, lists[i]);
        for (uint32_t j = 0; rc == 0 && list != NULL && list->kind == YAML_SEQ && j < list->len; j++) {
            rc = check_guard(r, list->items[j]);
        }
    }
    return rc;
}

static int read_transition(struct reading *r, const struct yaml_node *n, struct register_transition *t)
{
    static const char *const keys[] = {"from", "to", "roles", "reason", "guard", NULL};
    const struct yaml_node *guard = NULL;
    int rc = yaml_expect(n, YAML_MAP, "a transition", r->e);
    rc = rc == 0 ? yaml_known_keys(n, keys, r->e) : rc;
    rc = rc == 0 ? read_state(r, n, "from", &t->from) : rc;
    rc = rc == 0 ? read_state(r, n, "to", &t->to) : rc;
    rc = rc == 0 ? read_roles(r, n, &t->roles) : rc;
    rc = rc == 0 ? yaml_get_bool(n, "reason", false, &t->reason, r->e) : rc;
    if (rc != 0) {
        return rc;
    }
    guard = yaml_get(n, "guard");
    if (t->from == t->to || r->k->states[t->from].final) {
        return wrong(r, n, "/transitions", "leads from a final state, or nowhere");
    }
    for (const struct register_transition *o = r->k->transitions; o < t; o++) {
        if (o->from == t->from && o->to == t->to) {
            return wrong(r, n, "/transitions", "stands twice");
        }
    }
    if (guard == NULL) {
        return 0;
    }
    rc = schema_read(r->a, guard, &t->guard, r->e);
    return rc == 0 ? check_guard(r, guard) : rc;
}

/* Every state can be reached, and those that are not final can be left. */
static int check_ways(struct reading *r, const struct yaml_node *map)
{
    uint32_t reached = 1u << r->k->initial;
    uint32_t left = 0;
    for (uint32_t round = 0; round < r->k->nstates; round++) {
        for (uint32_t i = 0; i < r->k->ntransitions; i++) {
            const struct register_transition *t = &r->k->transitions[i];
            reached |= (reached >> t->from & 1) != 0 ? 1u << t->to : 0;
            left |= 1u << t->from;
        }
    }
    for (uint32_t i = 0; i < r->k->nstates; i++) {
        if ((reached >> i & 1) == 0 || ((left >> i & 1) == 0 && !r->k->states[i].final)) {
            return wrong(r, map, arena_printf(r->a, "/list/%u", i), "cannot be reached, or is not final and cannot be left");
        }
    }
    return 0;
}

int register_read_states(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e)
{
    static const char *const keys[] = {"initial", "list", "transitions", NULL};
    struct reading r = {a, k, e};
    const struct yaml_node *map = yaml_get(root, "x-states");
    if (map == NULL) {
        return wrong(&r, root, "", "is missing");
    }
    int rc = yaml_expect(map, YAML_MAP, "x-states", e);
    rc = rc == 0 ? yaml_known_keys(map, keys, e) : rc;
    rc = rc == 0 ? read_list(&r, map) : rc;
    rc = rc == 0 ? read_state(&r, map, "initial", &k->initial) : rc;
    const struct yaml_node *list = yaml_get(map, "transitions");
    if (rc != 0 || list == NULL) {
        return rc == 0 ? check_ways(&r, map) : rc;
    }
    if (list->kind != YAML_SEQ || list->len > REGISTER_TRANSITIONS_MAX) {
        return wrong(&r, list, "/transitions", "must be a list of at most 64");
    }
    k->transitions = arena_calloc(a, list->len, sizeof *k->transitions);
    for (uint32_t i = 0; i < list->len && rc == 0; i++) {
        k->ntransitions = i + 1; /* also the one that fails: its guard is freed with the others */
        rc = read_transition(&r, list->items[i], &k->transitions[i]);
    }
    return rc == 0 ? check_ways(&r, map) : rc;
}
