/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading maps of settings with errors that name key and line: used by the loaders of sources/, registers/, rules and of
 * sereno.yml. Pure; the caller adds the file name to the error.
 */
#include "wire/yaml.h"

const struct yaml_node *yaml_get(const struct yaml_node *map, const char *key)
{
    if (map == NULL || map->kind != YAML_MAP) {
        return NULL;
    }
    struct span want = span_of(key);
    for (uint32_t i = 0; i < map->len; i++) {
        if (span_eq(map->pairs[i].key->text, want)) {
            return map->pairs[i].value;
        }
    }
    return NULL;
}

static int bad(struct err *e, uint32_t line, const char *key, const char *what)
{
    int code = err_set(e, ERR_INVALID, "'%s' %s", key, what);
    err_at(e, "", line);
    return code;
}

int yaml_expect(const struct yaml_node *n, enum yaml_kind kind, const char *what, struct err *e)
{
    if (n != NULL && n->kind == kind) {
        return 0;
    }
    int code = n == NULL ? err_set(e, ERR_INVALID, "%s is missing", what)
                         : err_set(e, ERR_INVALID, "%s must be %s, not %s", what,
                                   yaml_kind_name(kind), yaml_kind_name(n->kind));
    err_at(e, "", n == NULL ? 0 : n->line);
    return code;
}

static bool known(const char *const *keys, struct span key)
{
    for (; *keys != NULL; keys++) {
        if (span_eq(key, span_of(*keys))) {
            return true;
        }
    }
    return false;
}

int yaml_known_keys(const struct yaml_node *map, const char *const *keys, struct err *e)
{
    int code = yaml_expect(map, YAML_MAP, "this part", e);
    if (code != 0) {
        return code;
    }
    for (uint32_t i = 0; i < map->len; i++) {
        const struct yaml_node *key = map->pairs[i].key;
        if (!known(keys, key->text)) {
            code = err_set(e, ERR_INVALID, "unknown key '%.*s'",
                           SPAN_ARG(span_sub(key->text, 0, 200)));
            err_at(e, "", key->line);
            return code;
        }
    }
    return 0;
}

/* Finds the scalar of a key; *n_out NULL when it is absent and may be. */
static int find_scalar(const struct yaml_node *map, const char *key, bool required,
                       const struct yaml_node **n_out, struct err *e)
{
    *n_out = yaml_get(map, key);
    if (*n_out == NULL) {
        return required ? bad(e, map == NULL ? 0 : map->line, key, "is missing") : 0;
    }
    return (*n_out)->kind == YAML_SCALAR ? 0 : bad(e, (*n_out)->line, key, "must be a single value");
}

int yaml_get_text(const struct yaml_node *map, const char *key, bool required, struct span *out,
                  struct err *e)
{
    const struct yaml_node *n = NULL;
    int code = find_scalar(map, key, required, &n, e);
    if (code == 0 && n != NULL) {
        *out = n->text;
    }
    return code;
}

int yaml_get_int(const struct yaml_node *map, const char *key, bool required, int64_t min,
                 int64_t max, int64_t *out, struct err *e)
{
    const struct yaml_node *n = NULL;
    int64_t v = 0;
    int code = find_scalar(map, key, required, &n, e);
    if (code != 0 || n == NULL) {
        return code;
    }
    if (!yaml_as_int(n, &v)) {
        return bad(e, n->line, key, "must be a whole number");
    }
    if (v < min || v > max) {
        code = err_set(e, ERR_INVALID, "'%s' must lie between %lld and %lld", key, (long long)min,
                       (long long)max);
        err_at(e, "", n->line);
        return code;
    }
    *out = v;
    return 0;
}

int yaml_get_bool(const struct yaml_node *map, const char *key, bool required, bool *out,
                  struct err *e)
{
    const struct yaml_node *n = NULL;
    bool v = false;
    int code = find_scalar(map, key, required, &n, e);
    if (code != 0 || n == NULL) {
        return code;
    }
    if (!yaml_as_bool(n, &v)) {
        return bad(e, n->line, key, "must be true or false");
    }
    *out = v;
    return 0;
}

int yaml_get_texts(struct arena *a, const struct yaml_node *map, const char *key, bool required,
                   const struct span **out, uint32_t *count_out, struct err *e)
{
    const struct yaml_node *n = yaml_get(map, key);
    if (n == NULL) {
        return required ? bad(e, map == NULL ? 0 : map->line, key, "is missing") : 0;
    }
    if (n->kind == YAML_MAP) {
        return bad(e, n->line, key, "must be a value or a list of values");
    }
    uint32_t count = n->kind == YAML_SCALAR ? 1 : n->len;
    struct span *texts = arena_calloc(a, count + 1, sizeof *texts);
    for (uint32_t i = 0; i < count; i++) {
        const struct yaml_node *item = n->kind == YAML_SCALAR ? n : n->items[i];
        if (item->kind != YAML_SCALAR) {
            return bad(e, item->line, key, "must be a value or a list of values");
        }
        texts[i] = item->text;
    }
    *out = texts;
    *count_out = count;
    return 0;
}

int yaml_read_map(struct arena *a, struct span text, const struct yaml_node **out, struct err *e)
{
    struct yaml_docs docs;
    int code = yaml_read(a, text, &docs, e);
    if (code != 0) {
        return code;
    }
    if (docs.len != 1) {
        return err_set(e, ERR_INVALID,
                       docs.len == 0 ? "the file is empty" : "the file must hold one document");
    }
    code = yaml_expect(docs.docs[0].root, YAML_MAP, "the file", e);
    *out = docs.docs[0].root;
    return code;
}
