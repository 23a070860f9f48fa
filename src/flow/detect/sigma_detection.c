/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The detection section: identifiers, each a map (all must hold), a list (any may), or keywords; then the condition over
 * them. Also reads the selections of filters. Called by sigma_loader.c in the compiler role.
 */
#include "flow/detect/sigma_priv.h"

struct sigma_node *sigma_node_group(struct sigma_build *b, enum sigma_node_kind kind,
                                    sigma_nodes *kids)
{
    size_t n = 0;
    for (size_t i = 0; i < kids->len; i++) {
        const struct sigma_node *k = kids->data[i];
        n += k->kind == kind && k->selection.len == 0 ? k->nkids : 1;
    }
    struct sigma_node *out = arena_alloc(b->arena, sizeof *out);
    if (kids->len == 1) {
        *out = *kids->data[0]; /* a copy: the caller may name it */
        vec_free(kids);
        return out;
    }
    out->kind = kind;
    out->kids = arena_calloc(b->arena, n + 1, sizeof *out->kids);
    for (size_t i = 0; i < kids->len; i++) {
        const struct sigma_node *k = kids->data[i];
        if (k->kind == kind && k->selection.len == 0) {
            for (uint32_t j = 0; j < k->nkids; j++) {
                out->kids[out->nkids++] = k->kids[j];
            }
        } else {
            out->kids[out->nkids++] = k;
        }
    }
    vec_free(kids);
    return out;
}

struct sigma_node *sigma_node_not(struct sigma_build *b, const struct sigma_node *kid)
{
    struct sigma_node *n = arena_alloc(b->arena, sizeof *n);
    n->kind = NODE_NOT;
    n->kids = arena_calloc(b->arena, 1, sizeof *n->kids);
    n->kids[0] = kid;
    n->nkids = 1;
    return n;
}

struct sigma_node *sigma_node_pred(struct sigma_build *b, const struct sigma_pred *pred,
                                   uint32_t line)
{
    if (++b->npreds > SIGMA_PREDS_PER_RULE_MAX) {
        (void)sigma_refuse(b, line, "more than %d values after expansion", SIGMA_PREDS_PER_RULE_MAX);
        return NULL;
    }
    struct sigma_pred *p = arena_alloc(b->arena, sizeof *p);
    struct sigma_node *n = arena_alloc(b->arena, sizeof *n);
    *p = *pred;
    p->field = arena_copy(b->arena, pred->field);
    p->other = arena_copy(b->arena, pred->other);
    p->written = arena_copy(b->arena, pred->written);
    p->modifiers = arena_copy(b->arena, pred->modifiers);
    n->kind = NODE_PRED;
    n->pred = p;
    return n;
}

/* Values of a list: each becomes one kid (its variants or-ed), linked by "all" or "any". */
static struct sigma_node *item_values(struct sigma_build *b, const struct chain *c,
                                      const struct yaml_node *const *values, uint32_t count)
{
    sigma_nodes all = {0};
    for (uint32_t i = 0; i < count; i++) {
        sigma_nodes variants = {0};
        if (count > 1 && yaml_is_null(values[i])) {
            (void)sigma_refuse(b, values[i]->line, "null cannot stand in a list of values");
        } else if (sigma_value(b, c, values[i], &variants) == 0 && variants.len > 0) {
            vec_push(&all, sigma_node_group(b, NODE_OR, &variants));
            continue;
        }
        vec_free(&variants);
        vec_free(&all);
        return NULL;
    }
    return sigma_node_group(b, chain_has(c, MOD_ALL) ? NODE_AND : NODE_OR, &all);
}

/* One "Field|modifiers: value" of a map. */
static struct sigma_node *item_node(struct sigma_build *b, const struct yaml_pair *pair)
{
    struct chain c;
    const struct yaml_node *value = pair->value;
    struct sigma_node *n = NULL;
    if (chain_parse(b, pair->key, &c) != 0) {
        return NULL;
    }
    if (value->kind == YAML_MAP) {
        (void)sigma_refuse(b, value->line, "the value of '%.*s' is a map",
                           SPAN_ARG(span_sub(pair->key->text, 0, 200)));
        return NULL;
    }
    if (value->kind == YAML_SEQ && value->len == 0) {
        (void)sigma_refuse(b, value->line, "'%.*s' has an empty list of values",
                           SPAN_ARG(span_sub(pair->key->text, 0, 200)));
        return NULL;
    }
    if (chain_has(&c, MOD_ALL) && value->kind == YAML_SCALAR) {
        (void)sigma_refuse(b, value->line, "modifier 'all' needs a list of values");
        return NULL;
    }
    if (chain_has(&c, MOD_ALL) && value->len == 1) {
        sigma_warn(b, value->line, "modifier 'all' on a list of one value says nothing");
    }
    if (value->kind == YAML_SCALAR) {
        n = item_values(b, &c, &value, 1);
    } else {
        n = item_values(b, &c, value->items, value->len);
    }
    return n != NULL && chain_has(&c, MOD_NEQ) ? sigma_node_not(b, n) : n;
}

static struct sigma_node *map_node(struct sigma_build *b, const struct yaml_node *map)
{
    sigma_nodes items = {0};
    if (map->len == 0) {
        (void)sigma_refuse(b, map->line, "an empty map matches nothing in particular");
        return NULL;
    }
    for (uint32_t i = 0; i < map->len; i++) {
        struct sigma_node *n = item_node(b, &map->pairs[i]);
        if (n == NULL) {
            vec_free(&items);
            return NULL;
        }
        vec_push(&items, n);
    }
    return sigma_node_group(b, NODE_AND, &items);
}

static struct sigma_node *keyword_node(struct sigma_build *b, const struct yaml_node *value)
{
    static const struct chain keyword = {.item = ITEM_STRING};
    return item_values(b, &keyword, &value, 1);
}

/* A selection: map, list of any of these, or keyword. The YAML reader bounds the nesting. */
static struct sigma_node *selection_node(struct sigma_build *b, const struct yaml_node *value)
{
    sigma_nodes any = {0};
    if (value->kind == YAML_MAP) {
        return map_node(b, value);
    }
    if (value->kind == YAML_SCALAR) {
        return keyword_node(b, value);
    }
    if (value->len == 0) {
        (void)sigma_refuse(b, value->line, "an empty list matches nothing");
        return NULL;
    }
    for (uint32_t i = 0; i < value->len; i++) {
        struct sigma_node *n = selection_node(b, value->items[i]);
        if (n == NULL) {
            vec_free(&any);
            return NULL;
        }
        vec_push(&any, n);
    }
    return sigma_node_group(b, NODE_OR, &any);
}

static bool is_own_key(struct span key, const char *const *skip)
{
    for (; *skip != NULL; skip++) {
        if (span_eq(key, span_of(*skip))) {
            return true;
        }
    }
    return false;
}

typedef VEC(struct ident) idents;

static int read_idents(struct sigma_build *b, const struct yaml_node *map, const char *const *skip,
                       idents *out)
{
    for (uint32_t i = 0; i < map->len; i++) {
        const struct yaml_node *key = map->pairs[i].key;
        if (is_own_key(key->text, skip)) {
            continue;
        }
        uint32_t before = b->npreds;
        struct sigma_node *n = selection_node(b, map->pairs[i].value);
        if (n == NULL) {
            return ERR_INVALID;
        }
        n->selection = arena_copy(b->arena, key->text);
        vec_push(out, (struct ident){.name = n->selection,
                                     .node = n,
                                     .nleaves = b->npreds - before,
                                     .line = key->line});
    }
    return 0;
}

/* A list of conditions means that any of them may hold. */
static struct sigma_node *read_conditions(struct sigma_build *b, const struct yaml_node *cond,
                                          const idents *ids, bool *negated_out)
{
    sigma_nodes any = {0};
    bool list = cond->kind == YAML_SEQ;
    uint32_t count = list ? cond->len : 1;
    *negated_out = false;
    if (cond->kind == YAML_MAP || count == 0) {
        (void)sigma_refuse(b, cond->line, "the condition must be text, not %s",
                           count == 0 ? "an empty list" : "a map");
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml_node *text = list ? cond->items[i] : cond;
        bool negated = false;
        struct sigma_node *n = NULL;
        if (text->kind != YAML_SCALAR) {
            (void)sigma_refuse(b, text->line, "the condition must be text, not %s",
                               yaml_kind_name(text->kind));
        } else {
            n = sigma_condition(b, text->text, text->line, ids->data, ids->len, &negated);
        }
        if (n == NULL) {
            vec_free(&any);
            return NULL;
        }
        *negated_out = *negated_out || negated;
        vec_push(&any, n);
    }
    return sigma_node_group(b, NODE_OR, &any);
}

struct sigma_node *sigma_detection(struct sigma_build *b, const struct yaml_node *map,
                                   const char *what, const char *const *skip, bool *negated_out)
{
    idents ids = {0};
    struct sigma_node *root = NULL;
    const struct yaml_node *cond = yaml_get(map, "condition");
    if (map->kind != YAML_MAP) {
        (void)sigma_refuse(b, map->line, "%s must be a map, not %s", what, yaml_kind_name(map->kind));
    } else if (cond == NULL) {
        (void)sigma_refuse(b, map->line, "%s has no condition", what);
    } else if (read_idents(b, map, skip, &ids) == 0) {
        if (ids.len == 0) {
            (void)sigma_refuse(b, map->line, "%s has no selection", what);
        } else {
            root = read_conditions(b, cond, &ids, negated_out);
        }
    }
    for (size_t i = 0; root != NULL && i < ids.len; i++) {
        if (!ids.data[i].used) {
            sigma_warn(b, ids.data[i].line, "selection '%.*s' is not used by the condition",
                       SPAN_ARG(span_sub(ids.data[i].name, 0, 200)));
        }
    }
    vec_free(&ids);
    return root;
}
