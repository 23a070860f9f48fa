/* SPDX-License-Identifier: EUPL-1.2 */
/* From loaded rules to what a hunter tells of them: see hunt_plan.h. Runs in the compiler. */
#include "flow/hunt/hunt_plan.h"

#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "flow/hunt/hunt.h"

static bool is_search(const struct sigma_rule *r)
{
    return span_eq(r->file, SPAN(HUNT_SEARCH_NAME));
}

void hunt_plan_prepare(struct sigma_set *set)
{
    for (size_t i = 0; i < set->rules.len; i++) {
        if (is_search(set->rules.data[i])) {
            set->rules.data[i]->logsource = (struct logsource){SPAN(""), SPAN(""), SPAN("")};
        }
    }
}

typedef VEC(struct span) name_list;

static void add(struct map *seen, name_list *names, struct span name)
{
    bool fresh = false;
    if (name.len > 0) {
        (void)map_at(seen, name, &fresh);
    }
    if (fresh) {
        vec_push(names, name);
    }
}

/* Depth is bounded by the loader. */
static void walk(struct map *seen, name_list *names, const struct sigma_node *n)
{
    if (n->kind == NODE_PRED) {
        add(seen, names, n->pred->field);
        add(seen, names, n->pred->other);
    }
    for (uint32_t i = 0; i < n->nkids; i++) {
        walk(seen, names, n->kids[i]);
    }
}

static void fields_of(const struct sigma_rule *r, const struct catalog *catalog,
                      struct arena *region, struct hunt_plan_rule *out)
{
    name_list names = {0};
    struct map seen;
    map_init(&seen);
    walk(&seen, &names, r->root);
    field_id *fields = arena_calloc(region, names.len, sizeof *fields);
    struct span *texts = arena_calloc(region, names.len, sizeof *texts);
    for (size_t i = 0; i < names.len; i++) {
        fields[i] = catalog_field(catalog, names.data[i]);
        texts[i] = arena_copy(region, names.data[i]);
    }
    out->fields = fields;
    out->names = texts;
    out->nfields = (uint32_t)names.len;
    vec_free(&names);
    map_free(&seen);
}

static void head_of(const struct sigma_rule *r, struct arena *region, struct hunt_plan_rule *out)
{
    out->id = arena_copy(region, r->id);
    out->title = arena_copy(region, r->title);
    out->file = arena_copy(region, r->file);
}

static void rule_of(const struct sigma_set *set, uint32_t number, const struct catalog *catalog,
                    struct arena *region, struct hunt_plan_rule *out)
{
    const struct sigma_rule *r = set->rules.data[number];
    head_of(r, region, out);
    out->number = number;
    out->correlation = UINT32_MAX;
    out->anywhere = is_search(r);
    out->logsource = (struct logsource){arena_copy(region, r->logsource.product),
                                        arena_copy(region, r->logsource.category),
                                        arena_copy(region, r->logsource.service)};
    fields_of(r, catalog, region, out);
}

/* Every rule that some correlation joins, once. */
static void bases_of_all(struct hunt_plan *plan, const struct sigma_set *set,
                         const struct catalog *catalog, struct arena *region)
{
    struct hunt_plan_rule *bases = arena_calloc(region, set->rules.len, sizeof *bases);
    for (size_t i = 0; i < set->rules.len; i++) {
        if (correlations_uses(plan->correlations, (uint32_t)i)) {
            struct hunt_plan_rule *out = &bases[plan->nbases++];
            rule_of(set, (uint32_t)i, catalog, region, out);
            out->keys = correlations_fields(plan->correlations, (uint32_t)i, &out->nkeys);
        }
    }
    plan->bases = bases;
}

/* Marks the rules below a correlation. The chain is bounded by the loader; each correlation is looked at once. */
static void mark_bases(const struct sigma_set *set, size_t correlation, bool *rules, bool *seen)
{
    const struct sigma_correlation *c = set->correlations.data[correlation];
    seen[correlation] = true;
    for (uint32_t i = 0; i < c->nrefs; i++) {
        size_t at = c->ref_index[i];
        if (at < set->rules.len) {
            rules[at] = true;
        } else if (!seen[at - set->rules.len]) {
            mark_bases(set, at - set->rules.len, rules, seen);
        }
    }
}

/* What the correlations seen read of a base rule. */
static void keys_of(const struct hunt_plan *plan, uint32_t base, const bool *seen, struct arena *region,
                    struct hunt_plan_base *out)
{
    field_id *keys = arena_calloc(region, HUNT_PLAN_KEYS_MAX, sizeof *keys);
    for (uint32_t c = 0; c < correlations_count(plan->correlations); c++) {
        if (seen[c]) {
            out->nkeys += correlations_reads(plan->correlations, c, plan->bases[base].number, keys + out->nkeys,
                                             HUNT_PLAN_KEYS_MAX - out->nkeys);
        }
    }
    out->base = base;
    out->keys = keys;
}

static void correlation_of(const struct hunt_plan *plan, const struct sigma_set *set, size_t number,
                           struct arena *region, struct hunt_plan_rule *out)
{
    bool *rules = mem_calloc(set->rules.len + 1, sizeof *rules);
    bool *seen = mem_calloc(set->correlations.len, sizeof *seen);
    struct hunt_plan_base *bases = arena_calloc(region, plan->nbases, sizeof *bases);
    mark_bases(set, number, rules, seen);
    for (uint32_t i = 0; i < plan->nbases; i++) {
        if (rules[plan->bases[i].number]) {
            keys_of(plan, i, seen, region, &bases[out->nbases++]);
        }
    }
    mem_free(rules);
    mem_free(seen);
    head_of(&set->correlations.data[number]->meta, region, out);
    out->bases = bases;
    out->number = UINT32_MAX;
    out->correlation = (uint32_t)number;
}

const struct hunt_plan *hunt_plan_compile(const struct sigma_set *set, const struct catalog *catalog,
                                          const struct correlations *correlations,
                                          struct arena *region)
{
    struct hunt_plan *plan = arena_alloc(region, sizeof *plan);
    struct hunt_plan_rule *rules =
        arena_calloc(region, set->rules.len + set->correlations.len, sizeof *rules);
    plan->correlations = correlations;
    for (size_t i = 0; i < set->rules.len; i++) {
        if (!set->rules.data[i]->quiet) {
            rule_of(set, (uint32_t)i, catalog, region, &rules[plan->nrules++]);
        }
    }
    bases_of_all(plan, set, catalog, region);
    for (size_t i = 0; i < set->correlations.len; i++) {
        if (!set->correlations.data[i]->meta.quiet) {
            correlation_of(plan, set, i, region, &rules[plan->nrules++]);
        }
    }
    size_t n = set->refused.len < HUNT_PLAN_REFUSED_MAX ? set->refused.len : HUNT_PLAN_REFUSED_MAX;
    struct hunt_plan_refused *refused = arena_calloc(region, n, sizeof *refused);
    for (size_t i = 0; i < n; i++) {
        refused[i] = (struct hunt_plan_refused){arena_copy(region, set->refused.data[i].file),
                                                set->refused.data[i].line,
                                                arena_copy(region, set->refused.data[i].reason)};
    }
    plan->rules = rules;
    plan->refused = refused;
    plan->nrefused = (uint32_t)n;
    return plan;
}
