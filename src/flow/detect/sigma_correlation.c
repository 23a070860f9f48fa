/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlation documents: type, rules, window, grouping, condition; checked here, references resolved later by
 * sigma_resolve.c. Where the specification and its readers differ both forms are taken: `generate` at the top or inside,
 * a range of two bounds, a percentile as a rank or as a share. Called by the loader in the compiler role.
 */
#include <math.h>

#include "base/num.h"
#include "flow/detect/sigma_priv.h"

static int bad(struct sigma_build *b, const struct yaml_node *n, const char *what)
{
    return sigma_refuse(b, n == NULL ? b->line : n->line, "correlation: %s", what);
}

static int read_type(struct sigma_build *b, const struct yaml_node *section,
                     struct sigma_correlation *c)
{
    static const char *const names[] = {"event_count", "value_count", "temporal", "temporal_ordered",
                                        "value_sum", "value_avg", "value_percentile", "value_median"};
    const struct yaml_node *n = yaml_get(section, "type");
    if (n == NULL || n->kind != YAML_SCALAR) {
        return bad(b, n == NULL ? section : n, "'type' is missing");
    }
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_eq(n->text, span_of(names[i]))) {
            c->type = (enum sigma_correlation_type)i;
            return 0;
        }
    }
    return sigma_refuse(b, n->line, "correlation: unknown type '%.*s'",
                        SPAN_ARG(span_sub(n->text, 0, 100)));
}

/* A scalar or a list of texts, copied; refused when empty, over max or not text. */
static int read_texts(struct sigma_build *b, const struct yaml_node *n, const char *what, uint32_t max,
                      const struct span **out, uint32_t *count_out)
{
    uint32_t count = n->kind == YAML_SEQ ? n->len : 1;
    struct span *texts = arena_calloc(b->arena, (size_t)count + 1, sizeof *texts);
    if (n->kind == YAML_MAP || count == 0 || count > max) {
        return sigma_refuse(b, n->line, "correlation: '%s' must be one to %u texts", what, max);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml_node *item = n->kind == YAML_SEQ ? n->items[i] : n;
        if (item->kind != YAML_SCALAR || item->text.len == 0) {
            return sigma_refuse(b, item->line, "correlation: '%s' must hold texts", what);
        }
        texts[i] = arena_copy(b->arena, item->text);
    }
    *out = texts;
    *count_out = count;
    return 0;
}

static bool is_temporal(const struct sigma_correlation *c)
{
    return c->type == CORR_TEMPORAL || c->type == CORR_TEMPORAL_ORDERED;
}

static bool is_value(const struct sigma_correlation *c)
{
    return !is_temporal(c) && c->type != CORR_EVENT_COUNT;
}

/* Rules may be left out when an extended condition names them. */
static int read_rules(struct sigma_build *b, const struct yaml_node *section,
                      struct sigma_correlation *c)
{
    const struct yaml_node *rules = yaml_get(section, "rules");
    const struct yaml_node *cond = yaml_get(section, "condition");
    bool extended = is_temporal(c) && cond != NULL && cond->kind == YAML_SCALAR;
    bool none = rules == NULL || yaml_is_null(rules) || (rules->kind == YAML_SEQ && rules->len == 0);
    if (!none) {
        int code = read_texts(b, rules, "rules", SIGMA_REFS_MAX, &c->refs, &c->nrefs);
        for (uint32_t i = 0; code == 0 && i < c->nrefs; i++) {
            for (uint32_t k = 0; k < i; k++) {
                if (span_eq(c->refs[i], c->refs[k])) {
                    return sigma_refuse(b, rules->line, "correlation: rule '%.*s' is listed twice",
                                        SPAN_ARG(span_sub(c->refs[i], 0, 200)));
                }
            }
        }
        return code;
    }
    if (!extended) {
        return bad(b, rules == NULL ? section : rules, "'rules' is missing or empty");
    }
    spans names = {0};
    int code = sigma_corr_condition_names(b, cond->text, cond->line, &names);
    if (code == 0 && names.len > SIGMA_REFS_MAX) {
        code = bad(b, cond, "too many rules");
    }
    struct span *refs = arena_calloc(b->arena, names.len + 1, sizeof *refs);
    for (size_t i = 0; code == 0 && i < names.len; i++) {
        refs[c->nrefs++] = arena_copy(b->arena, names.data[i]);
    }
    c->refs = refs;
    vec_free(&names);
    return code;
}

static int read_timespan(struct sigma_build *b, const struct yaml_node *section,
                         struct sigma_correlation *c)
{
    static const struct {
        char unit;
        int64_t seconds;
    } units[] = {{'s', 1},      {'m', 60},          {'h', 3600},        {'d', 86400},
                 {'w', 604800}, {'M', 2629746},     {'y', 31556952}};
    const struct yaml_node *n = yaml_get(section, "timespan");
    if (n == NULL) {
        n = yaml_get(section, "timeframe"); /* its name before version 2 */
    }
    uint64_t count = 0;
    if (n == NULL || n->kind != YAML_SCALAR || n->text.len < 2) {
        return bad(b, n == NULL ? section : n, "'timespan' is missing: a number and s, m, h, d, w, M or y");
    }
    char unit = n->text.ptr[n->text.len - 1];
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        int64_t most = (int64_t)(100LL * 31556952) / units[i].seconds; /* a hundred years */
        if (unit == units[i].unit && num_u64(span_sub(n->text, 0, n->text.len - 1), &count) &&
            count > 0 && count <= (uint64_t)most) {
            c->timespan_ns = (int64_t)count * units[i].seconds * TIME_SECOND;
            return 0;
        }
    }
    return sigma_refuse(b, n->line,
                        "correlation: timespan '%.*s' must be a number from 1 and one of s, m, h, d, w, M, y",
                        SPAN_ARG(span_sub(n->text, 0, 100)));
}

static int read_bound(struct sigma_build *b, const struct yaml_pair *pair, struct sigma_bound *out)
{
    static const char *const ops[] = {"eq", "neq", "lt", "lte", "gt", "gte"};
    for (size_t i = 0; i < ARRAY_LEN(ops); i++) {
        if (!span_eq(pair->key->text, span_of(ops[i]))) {
            continue;
        }
        out->cmp = (enum sigma_cmp)i;
        if (pair->value->kind != YAML_SCALAR ||
            (!yaml_as_double(pair->value, &out->number) && !num_double(pair->value->text, &out->number)) ||
            !isfinite(out->number)) {
            return sigma_refuse(b, pair->value->line, "correlation: '%s' needs a number", ops[i]);
        }
        return 0;
    }
    return sigma_refuse(b, pair->key->line, "correlation: unknown key '%.*s' in the condition",
                        SPAN_ARG(span_sub(pair->key->text, 0, 100)));
}

static int read_percentile(struct sigma_build *b, const struct yaml_node *n,
                           struct sigma_correlation *c)
{
    double v = 0;
    if (c->type != CORR_VALUE_PERCENTILE) {
        return bad(b, n, "'percentile' belongs to value_percentile");
    }
    if (n->kind != YAML_SCALAR || !yaml_as_double(n, &v) || !(v >= 0 && v <= 100)) {
        return bad(b, n, "'percentile' must be a number from 0 to 100");
    }
    c->percentile = v;
    return 0;
}

static int read_condition_map(struct sigma_build *b, const struct yaml_node *cond,
                              struct sigma_correlation *c)
{
    struct sigma_bound *bounds = arena_calloc(b->arena, (size_t)cond->len + 1, sizeof *bounds);
    int code = 0;
    for (uint32_t i = 0; i < cond->len && code == 0; i++) {
        const struct yaml_pair *p = &cond->pairs[i];
        if (span_eq(p->key->text, SPAN("field"))) {
            code = read_texts(b, p->value, "field", SIGMA_GROUP_MAX, &c->fields, &c->nfields);
        } else if (span_eq(p->key->text, SPAN("percentile"))) {
            code = read_percentile(b, p->value, c);
        } else {
            code = read_bound(b, p, &bounds[c->nbounds]);
            c->nbounds++;
        }
    }
    c->bounds = bounds;
    if (code == 0 && (c->nbounds == 0 || c->nbounds > 2)) {
        return bad(b, cond, "the condition needs one of gt, gte, lt, lte, eq, neq, or two as a range");
    }
    return code;
}

static int check_fields(struct sigma_build *b, const struct yaml_node *cond,
                        const struct sigma_correlation *c)
{
    if (is_value(c) && c->nfields == 0) {
        return bad(b, cond, "the condition of this type needs a 'field'");
    }
    if (is_value(c) && c->type != CORR_VALUE_COUNT && c->nfields > 1) {
        return bad(b, cond, "only value_count takes several fields");
    }
    if (!is_value(c) && c->nfields > 0) {
        return bad(b, cond, "this type takes no 'field'");
    }
    return 0;
}

static int read_condition(struct sigma_build *b, const struct yaml_node *section,
                          struct sigma_correlation *c)
{
    const struct yaml_node *cond = yaml_get(section, "condition");
    c->percentile = -1;
    if (cond == NULL || yaml_is_null(cond)) {
        return is_temporal(c) ? 0 : bad(b, section, "'condition' is missing");
    }
    if (cond->kind == YAML_MAP) {
        int code = read_condition_map(b, cond, c);
        return code != 0 ? code : check_fields(b, cond, c);
    }
    if (cond->kind != YAML_SCALAR || !is_temporal(c)) {
        return bad(b, cond, "the condition must be a map (gte: 10)");
    }
    c->extended = sigma_corr_condition(b, cond->text, cond->line, c->refs, c->nrefs);
    return c->extended == NULL ? ERR_INVALID : 0;
}

static int read_aliases(struct sigma_build *b, const struct yaml_node *section,
                        struct sigma_correlation *c)
{
    const struct yaml_node *map = yaml_get(section, "aliases");
    VEC(struct sigma_alias) all = {0};
    int code = 0;
    if (map == NULL || yaml_is_null(map)) {
        return 0;
    }
    if (map->kind != YAML_MAP) {
        return bad(b, map, "'aliases' must be a map of alias to {rule: field}");
    }
    for (uint32_t i = 0; i < map->len && code == 0; i++) {
        const struct yaml_node *per_rule = map->pairs[i].value;
        if (per_rule->kind != YAML_MAP || per_rule->len == 0) {
            code = bad(b, per_rule, "an alias must be a map of rule to field");
        }
        for (uint32_t k = 0; code == 0 && k < per_rule->len; k++) {
            const struct yaml_pair *p = &per_rule->pairs[k];
            if (p->value->kind != YAML_SCALAR || p->value->text.len == 0) {
                code = bad(b, p->value, "an alias needs the name of a field for each rule");
                break;
            }
            vec_push(&all, (struct sigma_alias){arena_copy(b->arena, map->pairs[i].key->text),
                                                arena_copy(b->arena, p->key->text),
                                                arena_copy(b->arena, p->value->text)});
        }
    }
    if (code == 0 && all.len > SIGMA_REFS_MAX) {
        code = bad(b, map, "too many aliases");
    }
    struct sigma_alias *copy = arena_calloc(b->arena, all.len + 1, sizeof *copy);
    if (all.len > 0) {
        memcpy(copy, all.data, all.len * sizeof *copy);
    }
    c->aliases = copy;
    c->naliases = (uint32_t)all.len;
    vec_free(&all);
    return code;
}

static int read_generate(struct sigma_build *b, const struct yaml_node *root,
                         const struct yaml_node *section, struct sigma_correlation *c)
{
    const struct yaml_node *n = yaml_get(section, "generate");
    if (n == NULL) {
        n = yaml_get(root, "generate");
    }
    return n == NULL || yaml_is_null(n) || yaml_as_bool(n, &c->generate)
               ? 0
               : bad(b, n, "'generate' must be true or false");
}

static int read_group(struct sigma_build *b, const struct yaml_node *section,
                      struct sigma_correlation *c)
{
    const struct yaml_node *n = yaml_get(section, "group-by");
    if (n == NULL || yaml_is_null(n) || (n->kind == YAML_SEQ && n->len == 0)) {
        return 0; /* one group for all */
    }
    return read_texts(b, n, "group-by", SIGMA_GROUP_MAX, &c->group_by, &c->ngroup_by);
}

/* Chains of an ordered correlation are followed one by one: that bounds how many rules it may have. */
static int check_ordered(struct sigma_build *b, const struct yaml_node *section,
                         const struct sigma_correlation *c)
{
    bool own = c->extended != NULL || c->nbounds > 0;
    uint32_t most = own ? SIGMA_ORDERED_OWN_MAX : SIGMA_ORDERED_MAX;
    if (c->type != CORR_TEMPORAL_ORDERED || c->nrefs <= most) {
        return 0;
    }
    return sigma_refuse(b, section->line, "correlation: temporal_ordered takes at most %u rules%s", most,
                        own ? " with a condition of its own" : "");
}

struct sigma_correlation *sigma_correlation(struct sigma_build *b, const struct yaml_node *root,
                                            struct span text)
{
    static const char *const keys[] = {"type",      "rules",   "timespan", "timeframe", "group-by",
                                       "condition", "aliases", "generate", NULL};
    struct sigma_correlation *c = arena_alloc(b->arena, sizeof *c);
    const struct yaml_node *section = yaml_get(root, "correlation");
    struct err e = {0};
    if (yaml_get(root, "detection") != NULL || yaml_get(root, "filter") != NULL) {
        (void)bad(b, section, "a document is either a rule, a correlation or a filter");
        return NULL;
    }
    if (yaml_known_keys(section, keys, &e) != 0) {
        (void)sigma_refuse(b, e.line, "correlation: %s", e.text);
        return NULL;
    }
    if (sigma_meta(b, root, text, &c->meta) != 0 || read_type(b, section, c) != 0 ||
        read_rules(b, section, c) != 0 || read_timespan(b, section, c) != 0 ||
        read_group(b, section, c) != 0 || read_condition(b, section, c) != 0 ||
        read_aliases(b, section, c) != 0 || read_generate(b, root, section, c) != 0 ||
        check_ordered(b, section, c) != 0) {
        return NULL;
    }
    return c;
}
