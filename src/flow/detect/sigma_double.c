/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A rule set of twice the size, for measuring what more rules cost: every rule once more, of the same shape, on the same
 * fields, with other strings. Regular expressions, addresses and numbers stay. Compile step of bench only.
 */
#include <string.h>

#include "flow/detect/sigma.h"

struct doubling {
    struct arena *arena;
    uint64_t state;
};

static uint64_t next(struct doubling *d)
{
    d->state = d->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return d->state >> 33;
}

static struct span other_text(struct doubling *d, struct span s)
{
    struct span copy = arena_copy(d->arena, s);
    char *p = (char *)(uintptr_t)copy.ptr;
    for (size_t i = 0; i < copy.len; i++) {
        if ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z') {
            p[i] = (char)((p[i] & 0x20) + 'A' + (char)(next(d) % 26));
        }
    }
    return copy;
}

static const struct sigma_pred *other_pred(struct doubling *d, const struct sigma_pred *p)
{
    if (p->kind != PRED_STRING) {
        return p;
    }
    struct sigma_pred *out = arena_alloc(d->arena, sizeof *out);
    struct sigma_part *parts = arena_calloc(d->arena, p->nparts, sizeof *parts);
    *out = *p;
    for (uint32_t i = 0; i < p->nparts; i++) {
        parts[i] = p->parts[i];
        if (parts[i].kind == PART_LITERAL) {
            parts[i].text = other_text(d, parts[i].text);
        }
    }
    out->parts = parts;
    return out;
}

/* Depth is bounded by the loader. */
static const struct sigma_node *other_node(struct doubling *d, const struct sigma_node *n)
{
    struct sigma_node *out = arena_alloc(d->arena, sizeof *out);
    *out = *n;
    if (n->kind == NODE_PRED) {
        out->pred = other_pred(d, n->pred);
        return out;
    }
    const struct sigma_node **kids = arena_calloc(d->arena, n->nkids, sizeof(const struct sigma_node *));
    for (uint32_t i = 0; i < n->nkids; i++) {
        kids[i] = other_node(d, n->kids[i]);
    }
    out->kids = kids;
    return out;
}

void sigma_double(struct sigma_set *set, uint64_t seed)
{
    struct doubling d = {&set->arena, seed};
    size_t n = set->rules.len;
    for (size_t i = 0; i < set->correlations.len; i++) {
        struct sigma_correlation *c = set->correlations.data[i];
        uint32_t *refs = arena_calloc(&set->arena, c->nrefs, sizeof *refs);
        for (uint32_t k = 0; k < c->nrefs; k++) { /* correlations are numbered behind the rules, of which there are more now */
            refs[k] = c->ref_index[k] + (c->ref_index[k] >= n ? (uint32_t)n : 0);
        }
        c->ref_index = refs;
    }
    for (size_t i = 0; i < n; i++) {
        struct sigma_rule *out = arena_alloc(&set->arena, sizeof *out);
        *out = *set->rules.data[i];
        out->id = span_of(arena_printf(&set->arena, "%.*s-again", SPAN_ARG(out->id)));
        out->root = other_node(&d, out->root);
        vec_push(&set->rules, out);
    }
}
