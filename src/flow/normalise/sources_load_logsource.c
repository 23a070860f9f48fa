/* SPDX-License-Identifier: EUPL-1.2 */
/* The parts `logsource` and `also` of a source file: see sources/README.md. Compiler role only. */
#include "flow/normalise/sources_priv.h"
#include "wire/yaml.h"

static int load_names(const struct yaml_node *map, struct logsource *out, struct err *e)
{
    int rc = yaml_get_text(map, "product", false, &out->product, e);
    rc = rc == 0 ? yaml_get_text(map, "category", false, &out->category, e) : rc;
    return rc == 0 ? yaml_get_text(map, "service", false, &out->service, e) : rc;
}

/* What a row may say beside its keys. */
static const char *const row_words[] = {"product", "category", "service", "service-is",
                                        "switch",  "declared", NULL};

static int load_keys(struct arena *a, struct source *s, const struct yaml_node *map, struct err *e)
{
    const struct src_alias *keys = NULL;
    uint32_t n = 0;
    int rc = source_aliases(a, map, "'keys'", &keys, &n, e);
    if (rc == 0 && n > SOURCE_KEYS_MAX) {
        rc = source_error(e, map, "more than %d keys", SOURCE_KEYS_MAX);
    }
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        for (size_t k = 0; row_words[k] != NULL; k++) {
            if (span_eq(keys[i].field, span_of(row_words[k]))) {
                rc = source_error(e, map, "a key may not be named '%s'", row_words[k]);
            }
        }
        s->key_names[i] = keys[i].field;
        s->key_paths[i] = keys[i].paths;
    }
    s->nkeys = rc == 0 ? n : 0;
    return rc;
}

/* The known keys of a row: the names of the table's keys and the fixed ones. */
static int row_known(struct arena *a, const struct source *s, const struct yaml_node *map,
                     const char *const *fixed, struct err *e)
{
    const char *keys[SOURCE_KEYS_MAX + 16];
    size_t n = 0;
    for (; fixed[n] != NULL; n++) {
        CHECK(n < 16);
        keys[n] = fixed[n];
    }
    for (uint32_t i = 0; i < s->nkeys; i++) {
        keys[n++] = arena_cstr(a, s->key_names[i]);
    }
    keys[n] = NULL;
    return yaml_known_keys(map, keys, e);
}

static int load_row_keys(struct arena *a, const struct source *s, const struct yaml_node *map,
                         struct src_row *row, struct err *e)
{
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < s->nkeys; i++) {
        rc = source_texts(a, map, arena_cstr(a, s->key_names[i]), false, &row->keys[i], e);
    }
    return rc;
}

/* `service-is: KEY` makes a row for each value of that key, with the value as its service. */
static int push_row(struct arena *a, const struct source *s, const struct yaml_node *map,
                    const struct src_row *row, struct src_row *rows, uint32_t *n, struct err *e)
{
    struct span key = SPAN("");
    int rc = yaml_get_text(map, "service-is", false, &key, e);
    if (rc != 0 || key.len == 0) {
        if (rc == 0) {
            rows[(*n)++] = *row;
        }
        return rc;
    }
    for (uint32_t k = 0; k < s->nkeys; k++) {
        if (!span_eq(key, s->key_names[k])) {
            continue;
        }
        for (uint32_t i = 0; i < row->keys[k].len; i++) {
            if (*n == SOURCE_ROWS_MAX) {
                return source_error(e, map, "more than %d rows", SOURCE_ROWS_MAX);
            }
            struct span *value = arena_alloc(a, sizeof *value);
            *value = row->keys[k].items[i];
            rows[*n] = *row;
            rows[*n].keys[k] = (struct span_list){value, 1};
            rows[(*n)++].services = (struct span_list){value, 1};
        }
        return 0;
    }
    return source_error(e, map, "'service-is' must name a key of 'keys'");
}

static int load_rows(struct arena *a, struct source *s, const struct yaml_node *list, struct err *e)
{
    uint32_t count = 0;
    int rc = source_list(list, "'rows'", SOURCE_ROWS_MAX, &count, e);
    struct src_row *rows = arena_calloc(a, SOURCE_ROWS_MAX, sizeof *rows);
    uint32_t n = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        const struct yaml_node *map = list->items[i];
        struct src_row row = {.also = -1, .switch_ = -1, .declared = true};
        rc = row_known(a, s, map, row_words, e);
        rc = rc == 0 ? load_row_keys(a, s, map, &row, e) : rc;
        rc = rc == 0 ? source_texts(a, map, "product", false, &row.products, e) : rc;
        rc = rc == 0 ? source_texts(a, map, "category", false, &row.categories, e) : rc;
        rc = rc == 0 ? source_texts(a, map, "service", false, &row.services, e) : rc;
        rc = rc == 0 ? source_switch_index(s, map, &row.switch_, e) : rc;
        rc = rc == 0 ? yaml_get_bool(map, "declared", false, &row.declared, e) : rc;
        if (rc == 0 && n == SOURCE_ROWS_MAX) {
            rc = source_error(e, map, "more than %d rows", SOURCE_ROWS_MAX);
        }
        rc = rc == 0 ? push_row(a, s, map, &row, rows, &n, e) : rc;
    }
    s->rows = rows;
    s->nrows = n;
    return rc;
}

int source_load_logsource(struct arena *a, struct source *s, const struct yaml_node *map,
                          struct err *e)
{
    static const char *const keys[] = {"product", "category", "service", "keys",
                                       "rows",    "like",     NULL};
    if (map == NULL) {
        s->rows = arena_calloc(a, SOURCE_ROWS_MAX, sizeof *s->rows);
        return 0;
    }
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? load_names(map, &s->logsource, e) : rc;
    rc = rc == 0 ? load_keys(a, s, yaml_get(map, "keys"), e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "like", false, &s->rows_like, e) : rc;
    return rc == 0 ? load_rows(a, s, yaml_get(map, "rows"), e) : rc;
}

/* ---- also ---- */

static int load_derive(struct arena *a, const struct yaml_node *list, struct src_also *out,
                       struct err *e)
{
    static const char *const keys[] = {"field", "from", "replace", NULL};
    uint32_t n = 0;
    int rc = source_list(list, "'derive'", 32, &n, e);
    struct src_derive *derive = arena_calloc(a, n + 1, sizeof *derive);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct yaml_node *map = list->items[i];
        const struct src_alias *pairs = NULL;
        uint32_t npairs = 0;
        rc = yaml_known_keys(map, keys, e);
        rc = rc == 0 ? yaml_get_text(map, "field", true, &derive[i].field, e) : rc;
        rc = rc == 0 ? yaml_get_text(map, "from", true, &derive[i].from, e) : rc;
        rc = rc == 0 ? source_aliases(a, yaml_get(map, "replace"), "'replace'", &pairs, &npairs, e)
                     : rc;
        struct dissect_pattern tried = {0};
        if (rc == 0 && dissect_parse(a, derive[i].from, &tried, e) != 0) {
            err_at(e, "", map->line);
            rc = e->code;
        }
        struct span *flat = arena_calloc(a, npairs * 2 + 1, sizeof *flat);
        for (uint32_t k = 0; rc == 0 && k < npairs; k++) {
            flat[k * 2] = pairs[k].field;
            flat[k * 2 + 1] = pairs[k].paths.items[0];
            if (pairs[k].paths.len != 1) {
                rc = source_error(e, map, "'replace' needs one value each");
            }
        }
        derive[i].replace = (struct span_list){flat, npairs * 2};
    }
    out->derive = derive;
    out->nderive = n;
    return rc;
}

/* The `when` of an also is a row of the table that stands for it. */
static int load_when(struct arena *a, struct source *s, const struct yaml_node *map, int32_t index,
                     struct err *e)
{
    static const char *const none[] = {NULL};
    const struct yaml_node *when = yaml_get(map, "when");
    struct src_row row = {.also = index, .switch_ = -1};
    int rc = yaml_expect(when, YAML_MAP, "'when'", e);
    rc = rc == 0 ? row_known(a, s, when, none, e) : rc;
    rc = rc == 0 ? load_row_keys(a, s, when, &row, e) : rc;
    rc = rc == 0 ? source_switch_index(s, map, &row.switch_, e) : rc;
    rc = rc == 0 ? yaml_get_bool(map, "declared", false, &row.declared, e) : rc;
    if (rc == 0 && when->len == 0) {
        rc = source_error(e, when, "'when' is empty");
    }
    if (rc == 0 && s->nrows == SOURCE_ROWS_MAX) {
        rc = source_error(e, map, "more than %d rows", SOURCE_ROWS_MAX);
    }
    if (rc == 0) {
        struct src_row *rows = arena_calloc(a, SOURCE_ROWS_MAX, sizeof *rows);
        memcpy(rows, s->rows, s->nrows * sizeof *rows);
        rows[s->nrows++] = row;
        s->rows = rows;
    }
    return rc;
}

/* One map, or a list of maps. */
static int load_also_logsources(struct arena *a, const struct yaml_node *node, struct src_also *out,
                                struct err *e)
{
    static const char *const names[] = {"product", "category", "service", NULL};
    bool list = node != NULL && node->kind == YAML_SEQ;
    uint32_t n = list ? node->len : 1;
    if (n == 0 || n > 16) {
        return source_error(e, node, "'logsource' must have 1 to 16 entries");
    }
    struct logsource *all = arena_calloc(a, n, sizeof *all);
    int rc = 0;
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct yaml_node *one = list ? node->items[i] : node;
        rc = yaml_expect(one, YAML_MAP, "'logsource'", e);
        rc = rc == 0 ? yaml_known_keys(one, names, e) : rc;
        rc = rc == 0 ? load_names(one, &all[i], e) : rc;
    }
    out->logsources = all;
    out->nlogsources = n;
    return rc;
}

int source_load_also(struct arena *a, struct source *s, const struct yaml_node *list, struct err *e)
{
    static const char *const keys[] = {"name",      "when",    "switch", "declared",
                                       "logsource", "instead", "derive", NULL};
    uint32_t n = 0;
    int rc = source_list(list, "'also'", 32, &n, e);
    struct src_also *out = arena_calloc(a, n + 1, sizeof *out);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct yaml_node *map = list->items[i];
        rc = yaml_known_keys(map, keys, e);
        rc = rc == 0 ? yaml_get_text(map, "name", true, &out[i].name, e) : rc;
        rc = rc == 0 ? load_also_logsources(a, yaml_get(map, "logsource"), &out[i], e) : rc;
        rc = rc == 0 ? source_aliases(a, yaml_get(map, "instead"), "'instead'", &out[i].instead,
                                      &out[i].ninstead, e)
                     : rc;
        rc = rc == 0 ? load_derive(a, yaml_get(map, "derive"), &out[i], e) : rc;
        rc = rc == 0 ? load_when(a, s, map, (int32_t)i, e) : rc;
    }
    s->also = out;
    s->nalso = n;
    return rc;
}
