/* SPDX-License-Identifier: EUPL-1.2 */
/* From loaded rules to what a hunter tells of them: see hunt_plan.h. Runs in the compiler. */
#include "flow/hunt/hunt_plan.h"

#include "base/map.h"
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

const struct hunt_plan *hunt_plan_compile(const struct sigma_set *set,
                                          const struct catalog *catalog, struct arena *region)
{
    struct hunt_plan *plan = arena_alloc(region, sizeof *plan);
    struct hunt_plan_rule *rules =
        arena_calloc(region, set->rules.len + set->correlations.len, sizeof *rules);
    for (size_t i = 0; i < set->rules.len; i++) {
        const struct sigma_rule *r = set->rules.data[i];
        if (r->quiet) {
            continue;
        }
        struct hunt_plan_rule *out = &rules[plan->nrules++];
        head_of(r, region, out);
        out->number = (uint32_t)i;
        out->anywhere = is_search(r);
        out->logsource = (struct logsource){arena_copy(region, r->logsource.product),
                                            arena_copy(region, r->logsource.category),
                                            arena_copy(region, r->logsource.service)};
        fields_of(r, catalog, region, out);
    }
    for (size_t i = 0; i < set->correlations.len; i++) {
        struct hunt_plan_rule *out = &rules[plan->nrules++];
        head_of(&set->correlations.data[i]->meta, region, out);
        out->number = UINT32_MAX;
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
