/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reads a source file into struct source: see sources/README.md for the words. Compiler role only.
 * Every key that is not known is an error with its line: a misspelt key that is passed over would
 * silently lose events.
 */
#include <stdarg.h>
#include <stdio.h>

#include "flow/normalise/sources_priv.h"
#include "wire/yaml.h"

enum { SCHEMA_VERSION = 1, RANK_MAX = 1000 };

int source_error(struct err *e, const struct yaml_node *at, const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    int code = err_set(e, ERR_INVALID, "%s", text);
    err_at(e, "", at == NULL ? 0 : at->line);
    return code;
}

int source_list(const struct yaml_node *n, const char *what, uint32_t max, uint32_t *count_out,
                struct err *e)
{
    *count_out = 0;
    if (n == NULL) {
        return 0;
    }
    int rc = yaml_expect(n, YAML_SEQ, what, e);
    if (rc == 0 && n->len > max) {
        rc = source_error(e, n, "%s has more than %u items", what, max);
    }
    *count_out = rc == 0 ? n->len : 0;
    return rc;
}

static int check_path(const struct yaml_node *at, const char *key, struct span path, struct err *e)
{
    if (path.len == 0 || path.len > 512) {
        return source_error(e, at, "'%s' holds an empty or over-long name", key);
    }
    if (memchr(path.ptr, '\0', path.len) != NULL) {
        return source_error(e, at, "'%s' holds a zero byte", key);
    }
    return 0;
}

int source_texts(struct arena *a, const struct yaml_node *map, const char *key, bool required,
                 struct span_list *out, struct err *e)
{
    int rc = yaml_get_texts(a, map, key, required, &out->items, &out->len, e);
    const struct yaml_node *n = yaml_get(map, key);
    if (rc == 0 && out->len > SOURCE_LIST_MAX) {
        rc = source_error(e, n, "'%s' has more than %d items", key, SOURCE_LIST_MAX);
    }
    for (uint32_t i = 0; rc == 0 && i < out->len; i++) {
        rc = check_path(n, key, out->items[i], e);
        for (uint32_t k = 0; rc == 0 && out->len <= 64 && k < i; k++) {
            if (span_eq(out->items[k], out->items[i])) {
                rc = source_error(e, n, "'%s' names '%.*s' twice", key, SPAN_ARG(out->items[i]));
            }
        }
    }
    return rc;
}

int source_aliases(struct arena *a, const struct yaml_node *map, const char *what,
                   const struct src_alias **out, uint32_t *count_out, struct err *e)
{
    *count_out = 0;
    if (map == NULL) {
        return 0;
    }
    int rc = yaml_expect(map, YAML_MAP, what, e);
    if (rc == 0 && map->len > SOURCE_LIST_MAX) {
        rc = source_error(e, map, "%s has more than %d fields", what, SOURCE_LIST_MAX);
    }
    if (rc != 0) {
        return rc;
    }
    struct src_alias *list = arena_calloc(a, map->len + 1, sizeof *list);
    for (uint32_t i = 0; rc == 0 && i < map->len; i++) {
        list[i].field = map->pairs[i].key->text;
        rc = check_path(map->pairs[i].key, what, list[i].field, e);
        const char *key = arena_cstr(a, list[i].field);
        rc = rc == 0 ? source_texts(a, map, key, true, &list[i].paths, e) : rc;
    }
    *out = list;
    *count_out = rc == 0 ? map->len : 0;
    return rc;
}

/* ---- recognise ---- */

static int load_conds_of(struct arena *a, const struct yaml_node *map, const char *key,
                         enum cond_op op, struct src_cond *conds, uint32_t *n, uint32_t room,
                         struct err *e)
{
    const struct src_alias *pairs = NULL;
    uint32_t count = 0;
    int rc = source_aliases(a, yaml_get(map, key), key, &pairs, &count, e);
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        if (*n == room) {
            return source_error(e, map, "more than %u conditions", room);
        }
        conds[(*n)++] = (struct src_cond){op, pairs[i].field, pairs[i].paths};
    }
    return rc;
}

static int load_presence(struct arena *a, const struct yaml_node *map, const char *key,
                         enum cond_op op, struct src_cond *conds, uint32_t *n, uint32_t room,
                         struct err *e)
{
    struct span_list paths = {NULL, 0};
    int rc = source_texts(a, map, key, false, &paths, e);
    for (uint32_t i = 0; rc == 0 && i < paths.len; i++) {
        if (*n == room) {
            return source_error(e, map, "more than %u conditions", room);
        }
        conds[(*n)++] = (struct src_cond){op, paths.items[i], {NULL, 0}};
    }
    return rc;
}

static int load_recognise_one(struct arena *a, const struct yaml_node *map,
                              struct src_recognise *out, struct err *e)
{
    enum { CONDS_MAX = 32 };
    static const char *const keys[] = {"present",  "absent",   "equal", "prefix",
                                       "contains", "declared", NULL};
    struct src_cond *conds = arena_calloc(a, CONDS_MAX, sizeof *conds);
    uint32_t n = 0;
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? load_presence(a, map, "present", COND_PRESENT, conds, &n, CONDS_MAX, e) : rc;
    rc = rc == 0 ? load_presence(a, map, "absent", COND_ABSENT, conds, &n, CONDS_MAX, e) : rc;
    rc = rc == 0 ? load_conds_of(a, map, "equal", COND_EQUAL, conds, &n, CONDS_MAX, e) : rc;
    rc = rc == 0 ? load_conds_of(a, map, "prefix", COND_PREFIX, conds, &n, CONDS_MAX, e) : rc;
    rc = rc == 0 ? load_conds_of(a, map, "contains", COND_CONTAINS, conds, &n, CONDS_MAX, e) : rc;
    rc = rc == 0 ? yaml_get_bool(map, "declared", false, &out->declared, e) : rc;
    if (rc == 0 && n == 0) {
        rc = source_error(e, map, "an entry of 'recognise' without a condition would fit anything");
    }
    out->conds = conds;
    out->nconds = n;
    return rc;
}

static int load_recognise(struct arena *a, struct source *s, const struct yaml_node *list,
                          struct err *e)
{
    uint32_t n = 0;
    int rc = source_list(list, "'recognise'", 64, &n, e);
    struct src_recognise *out = arena_calloc(a, n + 1, sizeof *out);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = load_recognise_one(a, list->items[i], &out[i], e);
    }
    s->recognise = out;
    s->nrecognise = n;
    return rc;
}

/* ---- children, views, entities, switches ---- */

static int load_child(struct arena *a, const struct yaml_node *map, struct src_child *out,
                      struct err *e)
{
    static const char *const keys[] = {"at",   "text",         "attributes", "names",
                                       "deep", "strip-blanks", "after",      NULL};
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? yaml_get_text(map, "at", true, &out->at, e) : rc;
    rc = rc == 0 ? check_path(map, "at", out->at, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "text", false, &out->text, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "attributes", false, &out->attributes, e) : rc;
    rc = rc == 0 ? source_texts(a, map, "names", false, &out->names, e) : rc;
    rc = rc == 0 ? yaml_get_bool(map, "deep", false, &out->deep, e) : rc;
    rc = rc == 0 ? yaml_get_bool(map, "strip-blanks", false, &out->strip_blanks, e) : rc;
    rc = rc == 0 ? yaml_get_bool(map, "after", false, &out->after, e) : rc;
    if (rc == 0 && out->after != (out->names.len > 0)) {
        rc = source_error(e, map, "'names' and 'after' go together");
    }
    if (rc == 0 && out->after && (out->deep || out->strip_blanks)) {
        rc = source_error(e, map, "'after' does not go with 'deep' or 'strip-blanks'");
    }
    if (rc == 0 && out->attributes.len > 0 && !out->after) {
        rc = source_error(e, map, "'attributes' needs 'after' and 'names'");
    }
    return rc;
}

static int load_children(struct arena *a, struct source *s, const struct yaml_node *list,
                         struct err *e)
{
    uint32_t n = 0;
    int rc = source_list(list, "'children'", 64, &n, e);
    struct src_child *out = arena_calloc(a, n + 1, sizeof *out);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        rc = load_child(a, list->items[i], &out[i], e);
    }
    s->children = out;
    s->nchildren = n;
    return rc;
}

static int load_views(struct arena *a, struct source *s, const struct yaml_node *list,
                      struct err *e)
{
    static const char *const keys[] = {"category", "fields", NULL};
    uint32_t n = 0;
    int rc = source_list(list, "'views'", SOURCE_VIEWS_MAX, &n, e);
    struct src_view *out = arena_calloc(a, n + 1, sizeof *out);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct yaml_node *map = list->items[i];
        rc = yaml_known_keys(map, keys, e);
        rc = rc == 0 ? source_texts(a, map, "category", true, &out[i].categories, e) : rc;
        rc = rc == 0 ? source_aliases(a, yaml_get(map, "fields"), "'fields'", &out[i].fields,
                                      &out[i].nfields, e)
                     : rc;
    }
    s->views = out;
    s->nviews = n;
    return rc;
}

static int load_entities(struct arena *a, struct source *s, const struct yaml_node *map,
                         struct err *e)
{
    static const char *const keys[ENTITY_COUNT + 1] = {"host", "user",   "src_ip",  "dst_ip",
                                                       "hash", "domain", "process", NULL};
    int rc = map == NULL ? 0 : yaml_known_keys(map, keys, e);
    for (int i = 0; rc == 0 && i < ENTITY_COUNT; i++) {
        rc = source_texts(a, map, keys[i], false, &s->entities[i], e);
    }
    return rc;
}

static int load_switches(struct arena *a, struct source *s, const struct yaml_node *map,
                         struct err *e)
{
    static const char *const keys[] = {"on", "text", NULL};
    int rc = map == NULL ? 0 : yaml_expect(map, YAML_MAP, "'switches'", e);
    uint32_t n = map == NULL || rc != 0 ? 0 : map->len;
    if (n > 32) {
        return source_error(e, map, "more than 32 switches");
    }
    s->switches = arena_calloc(a, n + 1, sizeof *s->switches);
    for (uint32_t i = 0; rc == 0 && i < n; i++) {
        const struct yaml_node *value = map->pairs[i].value;
        s->switches[i].name = map->pairs[i].key->text;
        rc = yaml_known_keys(value, keys, e);
        rc = rc == 0 ? yaml_get_bool(value, "on", true, &s->switches[i].on, e) : rc;
        rc = rc == 0 ? yaml_get_text(value, "text", true, &s->switches[i].text, e) : rc;
        if (rc == 0 && s->switches[i].name.len > SOURCE_NAME_MAX) {
            rc = source_error(e, value, "the name of a switch is longer than %d bytes",
                              SOURCE_NAME_MAX);
        }
    }
    s->nswitches = n;
    return rc;
}

int source_switch_index(const struct source *s, const struct yaml_node *map, int32_t *out,
                        struct err *e)
{
    struct span name = SPAN("");
    *out = -1;
    int rc = yaml_get_text(map, "switch", false, &name, e);
    if (rc != 0 || name.len == 0) {
        return rc;
    }
    for (uint32_t i = 0; i < s->nswitches; i++) {
        if (span_eq(s->switches[i].name, name)) {
            *out = (int32_t)i;
            return 0;
        }
    }
    return source_error(e, map, "'switch' names '%.*s', which 'switches' does not have",
                        SPAN_ARG(span_sub(name, 0, SOURCE_NAME_MAX)));
}

/* ---- the file ---- */

static int check_name(const struct yaml_node *map, struct span name, struct err *e)
{
    bool fine = name.len > 0 && name.len <= SOURCE_NAME_MAX;
    for (size_t i = 0; fine && i < name.len; i++) {
        char c = name.ptr[i];
        fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    }
    return fine ? 0
                : source_error(e, yaml_get(map, "name"), "'name' must be 1 to %d of a-z, 0-9 and -",
                               SOURCE_NAME_MAX);
}

static int load_head(const struct yaml_node *map, struct source *s, struct err *e)
{
    static const char *const keys[] = {"version",   "name",      "title",    "format", "rank",
                                       "recognise", "logsource", "children", "fields", "views",
                                       "entities",  "time",      "split",    "also",   "switches",
                                       "text",      NULL};
    int64_t version = 0;
    struct span format = SPAN("");
    int rc = yaml_known_keys(map, keys, e);
    rc = rc == 0 ? yaml_get_int(map, "version", true, SCHEMA_VERSION, SCHEMA_VERSION, &version, e)
                 : rc;
    rc = rc == 0 ? yaml_get_text(map, "name", true, &s->name, e) : rc;
    rc = rc == 0 ? check_name(map, s->name, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "title", true, &s->title, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "format", true, &format, e) : rc;
    if (rc == 0 && !source_format_parse(format, &s->format)) {
        rc = source_error(e, yaml_get(map, "format"), "'format' is not known: '%.*s'",
                          SPAN_ARG(span_sub(format, 0, SOURCE_NAME_MAX)));
    }
    if (rc == 0 && s->format == FORMAT_EVTX) {
        rc = source_error(e, yaml_get(map, "format"),
                          "'evtx' is no format of a source: its events are those of format 'json'");
    }
    s->rank = RANK_MAX / 2;
    return rc == 0 ? yaml_get_int(map, "rank", false, 0, RANK_MAX, &s->rank, e) : rc;
}

int source_load(struct arena *a, struct span file_name, struct span bytes, struct source *out,
                struct err *e)
{
    const struct yaml_node *map = NULL;
    out->file = arena_copy(a, file_name);
    int rc = yaml_read_map(a, bytes, &map, e);
    rc = rc == 0 ? load_head(map, out, e) : rc;
    rc = rc == 0 ? load_switches(a, out, yaml_get(map, "switches"), e) : rc;
    rc = rc == 0 ? load_recognise(a, out, yaml_get(map, "recognise"), e) : rc;
    rc = rc == 0 ? source_load_logsource(a, out, yaml_get(map, "logsource"), e) : rc;
    rc = rc == 0 ? load_children(a, out, yaml_get(map, "children"), e) : rc;
    rc = rc == 0 ? source_aliases(a, yaml_get(map, "fields"), "'fields'", &out->fields,
                                  &out->nfields, e)
                 : rc;
    rc = rc == 0 ? load_views(a, out, yaml_get(map, "views"), e) : rc;
    rc = rc == 0 ? load_entities(a, out, yaml_get(map, "entities"), e) : rc;
    rc = rc == 0 ? source_texts(a, map, "time", false, &out->times, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "split", false, &out->split, e) : rc;
    rc = rc == 0 ? source_load_also(a, out, yaml_get(map, "also"), e) : rc;
    rc = rc == 0 ? source_load_text(a, out, yaml_get(map, "text"), e) : rc;
    return rc;
}
