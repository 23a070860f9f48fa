/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Filters: a city's own "and not" for rules it did not write. As in pySigma the filter's condition is and-ed onto the
 * rule, so an exclusion says "not selection". The filter's selections are compiled on their own, so the rule's
 * "1 of selection_*" never reaches into them. Called by the loader in the compiler role; the same filter is never
 * applied twice to one rule, and never to a correlation.
 */
#include <stdlib.h>

#include "flow/detect/sigma_priv.h"

static int filter_refs(struct sigma_build *b, const struct yaml_node *section, struct sigma_filter *out)
{
    const struct yaml_node *list = yaml_get(section, "rules");
    if (list == NULL || list->kind == YAML_MAP || yaml_is_null(list)) {
        return sigma_refuse(b, list == NULL ? section->line : list->line,
                            "filter: 'rules' must be 'any', an id or name, or a list of them");
    }
    if (list->kind == YAML_SCALAR && span_eq_nocase(list->text, SPAN("any"))) {
        return 0;
    }
    uint32_t count = list->kind == YAML_SEQ ? list->len : 1;
    if (count > SIGMA_REFS_MAX * 10) {
        return sigma_refuse(b, list->line, "filter: more than %d rules", SIGMA_REFS_MAX * 10);
    }
    struct span *refs = arena_calloc(b->arena, (size_t)count + 1, sizeof *refs);
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml_node *n = list->kind == YAML_SEQ ? list->items[i] : list;
        if (n->kind != YAML_SCALAR || n->text.len == 0) {
            return sigma_refuse(b, n->line, "filter: 'rules' must hold ids or names");
        }
        refs[i] = arena_copy(b->arena, n->text);
    }
    out->refs = refs;
    out->nrefs = count;
    return 0;
}

struct sigma_filter *sigma_filter(struct sigma_build *b, const struct yaml_node *root,
                                  struct span text)
{
    static const char *const own[] = {"rules", "condition", NULL};
    struct sigma_filter *f = arena_alloc(b->arena, sizeof *f);
    const struct yaml_node *section = yaml_get(root, "filter");
    bool negated = false;
    if (section->kind != YAML_MAP) {
        (void)sigma_refuse(b, section->line, "filter must be a map");
        return NULL;
    }
    if (sigma_meta(b, root, text, &f->meta) != 0 || sigma_logsource(b, root, &f->meta.logsource) != 0 ||
        filter_refs(b, section, f) != 0) {
        return NULL;
    }
    f->meta.root = sigma_detection(b, section, "filter", own, &negated);
    if (f->meta.root == NULL) {
        return NULL;
    }
    f->meta.nleaves = b->nleaves;
    if (!negated) {
        sigma_warn(b, section->line,
                   "filter without 'not': its rules now match only where the filter does; to leave events out, "
                   "say 'condition: not selection'");
    }
    return f;
}

/* The filter's log source holds the rule's: what the filter states, the rule states alike. */
static bool contains_source(const struct logsource *filter, const struct logsource *rule)
{
    return logsource_applies(filter, rule);
}

static void warn_filter(struct sigma_set *set, const struct sigma_filter *f, struct span ref,
                        const char *what)
{
    struct sigma_warning w = {
        .file = f->meta.file,
        .line = f->meta.line,
        .text = span_of(arena_printf(&set->arena, "filter: rule '%.*s' %s",
                                     SPAN_ARG(span_sub(ref, 0, 200)), what))};
    vec_push(&set->warnings, w);
}

/* Filter `filter` goes onto rule `rule`. */
struct filter_use {
    uint32_t rule;
    uint32_t filter;
};
typedef VEC(struct filter_use) uses;

static void use_all(const struct sigma_set *set, const struct sigma_filter *f, uint32_t number, uses *out)
{
    for (size_t i = 0; i < set->rules.len; i++) {
        if (contains_source(&f->meta.logsource, &set->rules.data[i]->logsource)) {
            vec_push(out, (struct filter_use){(uint32_t)i, number});
        }
    }
}

static void use_named(struct sigma_set *set, const struct sigma_index *index, const struct sigma_filter *f,
                      uint32_t number, uses *out)
{
    for (uint32_t i = 0; i < f->nrefs; i++) {
        bool ambiguous = false;
        uint32_t at = sigma_index_find(index, f->refs[i], &ambiguous);
        if (at == SIGMA_UNKNOWN) {
            warn_filter(set, f, f->refs[i], ambiguous ? "is a name of several rules" : "is not known");
        } else if (at >= set->rules.len) {
            warn_filter(set, f, f->refs[i], "is a correlation: filters never apply to one");
        } else if (!contains_source(&f->meta.logsource, &set->rules.data[at]->logsource)) {
            warn_filter(set, f, f->refs[i], "has a log source outside the filter's: not applied");
        } else {
            vec_push(out, (struct filter_use){at, number});
        }
    }
}

static int use_order(const void *a, const void *b)
{
    const struct filter_use *x = a;
    const struct filter_use *y = b;
    return x->rule != y->rule ? (x->rule > y->rule) - (x->rule < y->rule)
                              : (x->filter > y->filter) - (x->filter < y->filter);
}

/* One AND over the rule's condition and all its filters, each once, so that depth does not grow with their number. */
static void and_filters(struct sigma_set *set, struct sigma_filter *const *filters,
                        const struct filter_use *from, size_t count)
{
    struct sigma_rule *rule = set->rules.data[from->rule];
    struct sigma_node *all = arena_alloc(&set->arena, sizeof *all);
    all->kind = NODE_AND;
    all->kids = arena_calloc(&set->arena, count + 1, sizeof *all->kids);
    all->kids[all->nkids++] = rule->root;
    for (size_t i = 0; i < count; i++) {
        const struct sigma_filter *f = filters[from[i].filter];
        if (i > 0 && from[i].filter == from[i - 1].filter) {
            continue;
        }
        if (rule->nleaves + f->meta.nleaves > SIGMA_PREDS_FILTERED_MAX) {
            warn_filter(set, f, rule->id, "would grow over the limit of values with this filter: not applied");
            continue;
        }
        rule->nleaves += f->meta.nleaves;
        all->kids[all->nkids++] = f->meta.root;
    }
    rule->root = all;
}

void sigma_filters_apply(struct sigma_set *set, const struct sigma_index *index,
                         struct sigma_filter *const *filters, size_t count)
{
    uses all = {0};
    for (size_t i = 0; i < count; i++) {
        if (filters[i]->nrefs == 0) {
            use_all(set, filters[i], (uint32_t)i, &all);
        } else {
            use_named(set, index, filters[i], (uint32_t)i, &all);
        }
    }
    if (all.len > 0) {
        qsort(all.data, all.len, sizeof *all.data, use_order);
    }
    for (size_t from = 0; from < all.len;) {
        size_t to = from + 1;
        while (to < all.len && all.data[to].rule == all.data[from].rule) {
            to++;
        }
        and_filters(set, filters, all.data + from, to - from);
        from = to;
    }
    vec_free(&all);
}
