/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads the file of a mapping profile: see profile.h. Whether its fields are there is asked when its kind is known (registers.c). */
#include "records/registers/profile.h"

#include "records/registers/register_priv.h"
#include "wire/yaml.h"

static int wrong(struct err *e, const struct yaml_node *n, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s", what);
    err_at(e, "", n == NULL ? 0 : n->line);
    return ERR_INVALID;
}

bool profile_is(struct span text)
{
    text = span_starts(text, SPAN("\xef\xbb\xbf")) ? span_sub(text, 3, text.len) : text;
    while (text.len > 0 && (text.ptr[0] == '#' || text.ptr[0] == '\n' || text.ptr[0] == '\r')) {
        ptrdiff_t n = span_find(text, '\n');
        text = span_sub(text, n < 0 ? text.len : (size_t)n + 1, text.len);
    }
    return span_starts(text, SPAN("profile:"));
}

static bool is_text(const struct yaml_node *n)
{
    return n != NULL && n->kind == YAML_SCALAR && n->text.len <= PROFILE_TEXT_MAX;
}

/* {theirs: ours}; ~ for no value. */
static int read_values(struct arena *a, const struct yaml_node *map, struct profile_column *c, struct err *e)
{
    if (map == NULL) {
        return 0;
    }
    if (map->kind != YAML_MAP || map->len > PROFILE_VALUES_MAX) {
        return wrong(e, map, "values: a map of at most 64 words");
    }
    c->values = arena_calloc(a, map->len + 1, sizeof *c->values);
    for (uint32_t i = 0; i < map->len; i++) {
        const struct yaml_node *theirs = map->pairs[i].key, *ours = map->pairs[i].value;
        if (!is_text(theirs) || !is_text(ours)) {
            return wrong(e, theirs, "values: a word becomes a word");
        }
        c->values[c->nvalues++] = (struct profile_value){theirs->text, yaml_is_null(ours) ? SPAN("") : ours->text};
    }
    return 0;
}

static int read_column(struct arena *a, const struct yaml_pair *p, struct profile_column *c, struct err *e)
{
    static const char *const known[] = {"field", "values", "list", NULL};
    if (!is_text(p->key) || p->key->text.len == 0) {
        return wrong(e, p->key, "columns: a name of at most 200 bytes");
    }
    c->column = p->key->text;
    if (p->value->kind == YAML_SCALAR) {
        c->field = yaml_is_null(p->value) ? SPAN("") : p->value->text;
    } else {
        int rc = yaml_expect(p->value, YAML_MAP, "a column", e);
        rc = rc == 0 ? yaml_known_keys(p->value, known, e) : rc;
        rc = rc == 0 ? yaml_get_text(p->value, "field", true, &c->field, e) : rc;
        rc = rc == 0 ? yaml_get_text(p->value, "list", false, &c->list, e) : rc;
        rc = rc == 0 ? read_values(a, yaml_get(p->value, "values"), c, e) : rc;
        if (rc != 0) {
            return rc;
        }
    }
    if (c->list.len > 1) {
        return wrong(e, p->value, "list: one character");
    }
    return c->field.len == 0 || register_name_fits(c->field) ? 0 : wrong(e, p->value, "field: the name of a field");
}

static int read_columns(struct arena *a, const struct yaml_node *map, struct profile *out, struct err *e)
{
    if (map == NULL || map->kind != YAML_MAP || map->len == 0 || map->len > PROFILE_COLUMNS_MAX) {
        return wrong(e, map, "columns: a map of 1 to 96 names");
    }
    out->columns = arena_calloc(a, map->len, sizeof *out->columns);
    for (uint32_t i = 0; i < map->len; i++) {
        struct profile_column *c = &out->columns[out->ncolumns];
        int rc = read_column(a, &map->pairs[i], c, e);
        if (rc != 0) {
            return rc;
        }
        for (uint32_t k = 0; k < out->ncolumns; k++) {
            bool same = span_eq_nocase(out->columns[k].column, c->column);
            if (same || (c->field.len > 0 && span_eq(out->columns[k].field, c->field))) {
                return wrong(e, map->pairs[i].key, same ? "columns: this column stands here twice" : "columns: two columns would fill one field");
            }
        }
        out->ncolumns++;
    }
    return 0;
}

static int read_constants(struct arena *a, const struct yaml_node *map, struct profile *out, struct err *e)
{
    if (map == NULL) {
        return 0;
    }
    if (map->kind != YAML_MAP || map->len > PROFILE_COLUMNS_MAX) {
        return wrong(e, map, "constants: a map of fields");
    }
    out->constants = arena_calloc(a, map->len + 1, sizeof *out->constants);
    for (uint32_t i = 0; i < map->len; i++) {
        const struct yaml_pair *p = &map->pairs[i];
        if (!is_text(p->key) || !register_name_fits(p->key->text) || !is_text(p->value)) {
            return wrong(e, p->key, "constants: a field and what it becomes");
        }
        for (uint32_t k = 0; k < out->ncolumns; k++) {
            if (span_eq(out->columns[k].field, p->key->text)) {
                return wrong(e, p->key, "constants: a column fills this field");
            }
        }
        out->constants[out->nconstants++] = (struct profile_column){.field = p->key->text, .column = p->value->text};
    }
    return 0;
}

/* One of two or three words; the first where nothing is said. */
static int read_word(const struct yaml_node *map, const char *key, const char *const *words, uint32_t *out, struct err *e)
{
    struct span said = span_of(words[0]);
    int rc = yaml_get_text(map, key, false, &said, e);
    for (uint32_t i = 0; rc == 0 && words[i] != NULL; i++) {
        if (span_eq(said, span_of(words[i]))) {
            *out = i;
            return 0;
        }
    }
    return rc != 0 ? rc : wrong(e, yaml_get(map, key), "not one of the words that can stand here (docs/REGISTERS.md)");
}

int profile_read(struct arena *a, const struct register_file *file, struct profile *out, struct err *e)
{
    static const char *const known[] = {"profile", "title", "kind", "columns", "constants", "others", "dates", "decimal", "encoding", NULL};
    static const char *const others[] = {"refuse", "pass", NULL}, *const dates[] = {"y-m-d", "d.m.y", "m/d/y", NULL};
    static const char *const decimals[] = {"point", "comma", NULL}, *const encodings[] = {"utf-8", "windows-1252", NULL};
    const struct yaml_node *map = NULL;
    uint32_t pass = 0, order = 0, comma = 0, old = 0;
    *out = (struct profile){.file = arena_copy(a, file->name)};
    if (file->text.len > REGISTER_FILE_MAX) {
        return err_set(e, ERR_LIMIT, "longer than %d bytes", (int)REGISTER_FILE_MAX);
    }
    int rc = yaml_read_map(a, arena_copy(a, file->text), &map, e);
    rc = rc == 0 ? yaml_known_keys(map, known, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "profile", true, &out->name, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "title", true, &out->title, e) : rc;
    rc = rc == 0 ? yaml_get_text(map, "kind", true, &out->kind, e) : rc;
    if (rc == 0 && !register_name_fits(out->name)) {
        rc = wrong(e, yaml_get(map, "profile"), "profile: small letters, digits and _, at most 40");
    }
    if (rc == 0 && (out->title.len == 0 || out->title.len > PROFILE_TEXT_MAX)) {
        rc = wrong(e, yaml_get(map, "title"), "title: 1 to 200 bytes");
    }
    rc = rc == 0 ? read_columns(a, yaml_get(map, "columns"), out, e) : rc;
    rc = rc == 0 ? read_constants(a, yaml_get(map, "constants"), out, e) : rc;
    rc = rc == 0 ? read_word(map, "others", others, &pass, e) : rc;
    rc = rc == 0 ? read_word(map, "dates", dates, &order, e) : rc;
    rc = rc == 0 ? read_word(map, "decimal", decimals, &comma, e) : rc;
    rc = rc == 0 ? read_word(map, "encoding", encodings, &old, e) : rc;
    out->pass_others = pass == 1;
    out->dates = (enum profile_dates)order;
    out->decimal_comma = comma == 1;
    out->windows_1252 = old == 1;
    return rc;
}
