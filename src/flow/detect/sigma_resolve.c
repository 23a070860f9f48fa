/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * References between documents: ids and names to numbers, correlations put behind those they name, circles and long
 * chains refused, and which rules stay quiet. Called once by sigma_loader_finish in the compiler role.
 */
#include "flow/detect/sigma_priv.h"

enum order_state { WAITING, PLACED, REFUSED };

struct order {
    struct sigma_set *set;
    const struct sigma_index *index;
    struct sigma_correlation **all;
    size_t count;
    uint32_t **refs; /* numbers as in the index */
    enum order_state *state;
    uint32_t *depth;
    uint32_t *place; /* in set->correlations once placed */
};

uint32_t sigma_index_find(const struct sigma_index *ix, struct span ref, bool *ambiguous_out)
{
    uint64_t at = 0;
    *ambiguous_out = false;
    if (map_get(&ix->ids, ref, &at)) {
        return (uint32_t)(at - 1);
    }
    if (!map_get(&ix->names, ref, &at)) {
        return SIGMA_UNKNOWN;
    }
    *ambiguous_out = at == SIGMA_AMBIGUOUS;
    return at == SIGMA_AMBIGUOUS ? SIGMA_UNKNOWN : (uint32_t)(at - 1);
}

static void refuse(struct order *o, size_t i, const char *fmt, struct span what)
{
    const struct sigma_rule *meta = &o->all[i]->meta;
    struct sigma_refused r = {.file = meta->file, .line = meta->line};
    r.reason = span_of(arena_printf(&o->set->arena, "correlation: '%.*s' %s", SPAN_ARG(span_sub(what, 0, 200)), fmt));
    vec_push(&o->set->refused, r);
    o->state[i] = REFUSED;
}

static void resolve_one(struct order *o, size_t i)
{
    const struct sigma_correlation *c = o->all[i];
    o->refs[i] = arena_calloc(&o->set->arena, (size_t)c->nrefs + 1, sizeof **o->refs);
    for (uint32_t k = 0; k < c->nrefs; k++) {
        bool ambiguous = false;
        o->refs[i][k] = sigma_index_find(o->index, c->refs[k], &ambiguous);
        if (o->refs[i][k] == SIGMA_UNKNOWN) {
            refuse(o, i, ambiguous ? "is a name of several rules" : "is not the id or name of a loaded rule",
                   c->refs[k]);
            return;
        }
        for (uint32_t j = 0; j < k; j++) {
            if (o->refs[i][j] == o->refs[i][k]) {
                refuse(o, i, "is listed twice, by id and by name", c->refs[k]);
                return;
            }
        }
    }
}

static const struct sigma_rule *meta_of(const struct order *o, uint32_t number)
{
    size_t nrules = o->set->rules.len;
    return number < nrules ? o->set->rules.data[number] : &o->all[number - nrules]->meta;
}

/* An alias must speak of a listed rule, else its group would silently miss a field. */
static void check_aliases(struct order *o, size_t i)
{
    const struct sigma_correlation *c = o->all[i];
    for (uint32_t a = 0; a < c->naliases; a++) {
        bool found = false;
        for (uint32_t k = 0; k < c->nrefs && !found; k++) {
            const struct sigma_rule *meta = meta_of(o, o->refs[i][k]);
            found = span_eq(c->aliases[a].rule, c->refs[k]) || span_eq(c->aliases[a].rule, meta->id) ||
                    (meta->name.len > 0 && span_eq(c->aliases[a].rule, meta->name));
        }
        if (!found) {
            refuse(o, i, "has an alias but is not in the list of rules", c->aliases[a].rule);
            return;
        }
    }
}

static void place(struct order *o, size_t i, uint32_t depth)
{
    struct sigma_correlation *c = o->all[i];
    size_t nrules = o->set->rules.len;
    for (uint32_t k = 0; k < c->nrefs; k++) {
        uint32_t number = o->refs[i][k];
        if (number >= nrules) {
            o->refs[i][k] = (uint32_t)(nrules + o->place[number - nrules]);
        }
    }
    c->ref_index = o->refs[i];
    o->depth[i] = depth;
    o->place[i] = (uint32_t)o->set->correlations.len;
    o->state[i] = PLACED;
    vec_push(&o->set->correlations, c);
}

/* Places or refuses correlation i when all it refers to is decided; false when it must wait. */
static bool try_place(struct order *o, size_t i)
{
    const struct sigma_correlation *c = o->all[i];
    size_t nrules = o->set->rules.len;
    uint32_t depth = 1;
    for (uint32_t k = 0; k < c->nrefs; k++) {
        if (o->refs[i][k] < nrules) {
            continue;
        }
        size_t on = o->refs[i][k] - nrules;
        if (o->state[on] == REFUSED) {
            refuse(o, i, "could not be loaded itself", c->refs[k]);
            return true;
        }
        if (o->state[on] == WAITING) {
            return false;
        }
        depth = o->depth[on] + 1 > depth ? o->depth[on] + 1 : depth;
    }
    if (depth > SIGMA_CHAIN_MAX) {
        refuse(o, i, "makes a chain of more than 10 correlations", c->meta.id);
        return true;
    }
    place(o, i, depth);
    return true;
}

static void place_all(struct order *o)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (size_t i = 0; i < o->count; i++) {
            moved = (o->state[i] == WAITING && try_place(o, i)) || moved;
        }
    }
    for (size_t i = 0; i < o->count; i++) {
        if (o->state[i] == WAITING) {
            refuse(o, i, "stands in a circle of correlations that refer to each other", o->all[i]->meta.id);
        }
    }
}

/* Rules that only feed correlations make no alert, unless a correlation asks that they do. */
static void mark_quiet(struct sigma_set *set)
{
    size_t nrules = set->rules.len;
    for (int loud = 0; loud < 2; loud++) {
        for (size_t i = 0; i < set->correlations.len; i++) {
            const struct sigma_correlation *c = set->correlations.data[i];
            for (uint32_t k = 0; k < c->nrefs && c->generate == (loud == 1); k++) {
                uint32_t at = c->ref_index[k];
                struct sigma_rule *r = at < nrules ? set->rules.data[at]
                                                   : &set->correlations.data[at - nrules]->meta;
                r->quiet = loud == 0;
            }
        }
    }
}

void sigma_correlations_resolve(struct sigma_set *set, const struct sigma_index *index,
                                struct sigma_correlation **all, size_t count)
{
    struct order o = {.set = set, .index = index, .all = all, .count = count};
    o.refs = mem_calloc(count + 1, sizeof *o.refs);
    o.state = mem_calloc(count + 1, sizeof *o.state);
    o.depth = mem_calloc(count + 1, sizeof *o.depth);
    o.place = mem_calloc(count + 1, sizeof *o.place);
    for (size_t i = 0; i < count; i++) {
        resolve_one(&o, i);
        if (o.state[i] == WAITING) {
            check_aliases(&o, i);
        }
    }
    place_all(&o);
    mark_quiet(set);
    mem_free(o.refs);
    mem_free(o.state);
    mem_free(o.depth);
    mem_free(o.place);
}
