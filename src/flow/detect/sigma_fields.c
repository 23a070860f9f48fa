/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which fields the loaded rules and correlations look at: the compiler makes the key table of them, so that a reader keeps
 * just those. Called once per compile.
 */
#include <stdlib.h>

#include "flow/detect/sigma_priv.h"

struct field_set {
    struct map seen;
    spans names;
};

static void add(struct field_set *f, struct span name)
{
    bool fresh = false;
    if (name.len == 0) {
        return;
    }
    (void)map_at(&f->seen, name, &fresh);
    if (fresh) {
        vec_push(&f->names, name);
    }
}

/* Depth is bounded by the loader (conditions, selections, one level of filters). */
static void walk(struct field_set *f, const struct sigma_node *n)
{
    if (n->kind == NODE_PRED) {
        add(f, n->pred->field);
        add(f, n->pred->other);
    }
    for (uint32_t i = 0; i < n->nkids; i++) {
        walk(f, n->kids[i]);
    }
}

static bool is_alias(const struct sigma_correlation *c, struct span name)
{
    for (uint32_t i = 0; i < c->naliases; i++) {
        if (span_eq(c->aliases[i].alias, name)) {
            return true;
        }
    }
    return false;
}

static void add_correlation(struct field_set *f, const struct sigma_correlation *c)
{
    for (uint32_t i = 0; i < c->ngroup_by; i++) {
        add(f, is_alias(c, c->group_by[i]) ? span_make(NULL, 0) : c->group_by[i]);
    }
    for (uint32_t i = 0; i < c->nfields; i++) {
        add(f, is_alias(c, c->fields[i]) ? span_make(NULL, 0) : c->fields[i]);
    }
    for (uint32_t i = 0; i < c->naliases; i++) {
        add(f, c->aliases[i].field);
    }
}

static int by_bytes(const void *a, const void *b)
{
    const struct span *x = a;
    const struct span *y = b;
    size_t n = x->len < y->len ? x->len : y->len;
    int d = memcmp(x->ptr, y->ptr, n);
    return d != 0 ? d : (x->len > y->len) - (x->len < y->len);
}

const struct span *sigma_set_fields(struct sigma_set *set, uint32_t *count_out)
{
    struct field_set f = {0};
    map_init(&f.seen);
    for (size_t i = 0; i < set->rules.len; i++) {
        walk(&f, set->rules.data[i]->root);
    }
    for (size_t i = 0; i < set->correlations.len; i++) {
        add_correlation(&f, set->correlations.data[i]);
    }
    struct span *out = arena_calloc(&set->arena, f.names.len + 1, sizeof *out);
    if (f.names.len > 0) {
        qsort(f.names.data, f.names.len, sizeof *f.names.data, by_bytes);
        memcpy(out, f.names.data, f.names.len * sizeof *out);
    }
    *count_out = (uint32_t)f.names.len;
    vec_free(&f.names);
    map_free(&f.seen);
    return out;
}
