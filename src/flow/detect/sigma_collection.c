/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Merging of documents as pySigma does it: the global document's keys go over the rule's, maps are merged key by key, a
 * repeat adds to the rule before it. Called by sigma_loader.c in the compiler role.
 */
#include "flow/detect/sigma_collection.h"

static struct yaml_pair *pair_find(struct yaml_pair *pairs, uint32_t n, struct span key)
{
    for (uint32_t i = 0; i < n; i++) {
        if (span_eq(pairs[i].key->text, key)) {
            return &pairs[i];
        }
    }
    return NULL;
}

/* A new map: base with the keys of over put in its place or merged. NULL when there are too many keys. */
static const struct yaml_node *merge(struct arena *a, const struct yaml_node *base,
                                     const struct yaml_node *over)
{
    if (base->len + over->len > COLLECTION_KEYS_MAX) {
        return NULL;
    }
    struct yaml_node *out = arena_alloc(a, sizeof *out);
    struct yaml_pair *pairs = arena_calloc(a, (size_t)base->len + over->len + 1, sizeof *pairs);
    *out = *base;
    for (uint32_t i = 0; i < base->len; i++) {
        pairs[i] = base->pairs[i];
    }
    for (uint32_t i = 0; i < over->len; i++) {
        const struct yaml_pair *p = &over->pairs[i];
        struct yaml_pair *mine = pair_find(pairs, out->len, p->key->text);
        if (mine == NULL) {
            pairs[out->len++] = *p;
            continue;
        }
        mine->value = p->value->kind == YAML_MAP && mine->value->kind == YAML_MAP
                          ? merge(a, mine->value, p->value)
                          : p->value;
        if (mine->value == NULL) {
            return NULL;
        }
    }
    out->pairs = pairs;
    return out;
}

/* The map without one key. */
static const struct yaml_node *without(struct arena *a, const struct yaml_node *map, const char *key)
{
    struct yaml_node *out = arena_alloc(a, sizeof *out);
    struct yaml_pair *pairs = arena_calloc(a, (size_t)map->len + 1, sizeof *pairs);
    *out = *map;
    out->len = 0;
    for (uint32_t i = 0; i < map->len; i++) {
        if (!span_eq(map->pairs[i].key->text, span_of(key))) {
            pairs[out->len++] = map->pairs[i];
        }
    }
    out->pairs = pairs;
    return out;
}

const char *collection_next(struct collection *c, struct arena *a, const struct yaml_node *doc,
                            const struct yaml_node **out, bool *merged_out)
{
    static const char too_many[] = "collection: more than 1000 keys to merge";
    const struct yaml_node *action = yaml_get(doc, "action");
    *out = NULL;
    *merged_out = false;
    if (action == NULL) {
        *out = c->global == NULL ? doc : merge(a, doc, c->global);
        *merged_out = c->global != NULL;
        c->previous = *out;
        return *out == NULL ? too_many : NULL;
    }
    if (action->kind == YAML_SCALAR && span_eq(action->text, SPAN("global"))) {
        c->global = without(a, doc, "action");
        c->previous = c->global;
        return NULL;
    }
    if (action->kind == YAML_SCALAR && span_eq(action->text, SPAN("reset"))) {
        c->global = NULL;
        return NULL;
    }
    if (action->kind == YAML_SCALAR && span_eq(action->text, SPAN("repeat"))) {
        if (c->previous == NULL) {
            return "collection: nothing stands before this repeat";
        }
        *out = merge(a, c->previous, without(a, doc, "action"));
        *merged_out = true;
        c->previous = *out == NULL ? c->previous : *out;
        return *out == NULL ? too_many : NULL;
    }
    return "collection: action must be global, reset or repeat";
}
