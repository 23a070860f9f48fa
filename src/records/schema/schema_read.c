/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reads a schema file: see schema.h. One table of keywords; whatever stands in a schema and not in it is refused, since a
 * keyword that is passed over would let through what its author thought refused.
 */
#include <stdio.h>

#include "base/mem.h"
#include "records/schema/schema_priv.h"

enum { LIST_MAX = 10000 /* values of an enum, members of a list */, COUNT_MAX = 1 << 30 };

struct reader {
    struct arena *a;
    struct schema_file *file;
    struct err *e;
    uint32_t nodes;
    unsigned depth;
};

enum slot { AS_SCHEMA, AS_SCHEMAS, AS_NUMBER, AS_COUNT, AS_NAMES, AS_MEMBERS, AS_NOTE, AS_OWN };

struct keyword;
typedef int (*keyword_fn)(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s);

struct keyword {
    const char *name;
    enum slot slot;
    size_t offset;
    keyword_fn own;
};

/* "place: what", with the line of n. */
static int wrong(struct reader *r, const struct yaml_node *n, const struct schema_place *at, int code, const char *what)
{
    struct buf b;
    buf_init(&b, 2048);
    schema_pointer(&b, at);
    (void)err_set(r->e, code, "%.*s: %s", b.len == 0 ? 10 : (int)(b.len > 300 ? 300 : b.len), b.len == 0 ? "the schema" : b.data, what);
    buf_free(&b);
    err_at(r->e, "", n->line);
    return code;
}

static int wrong_kind(struct reader *r, const struct yaml_node *n, const struct schema_place *at, const char *want)
{
    char text[128];
    (void)snprintf(text, sizeof text, "must be %s, not %s", want, yaml_kind_name(n->kind));
    return wrong(r, n, at, ERR_INVALID, text);
}

static int read_schema(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema **out);

static int read_schemas(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema_list *out)
{
    if (n->kind != YAML_SEQ || n->len == 0 || n->len > LIST_MAX) {
        return wrong_kind(r, n, at, "a list of at least one schema");
    }
    out->items = arena_calloc(r->a, n->len, sizeof *out->items);
    out->len = n->len;
    int rc = 0;
    for (uint32_t i = 0; i < n->len && rc == 0; i++) {
        const struct schema_place here = {at, {NULL, 0}, i};
        rc = read_schema(r, n->items[i], &here, &out->items[i]);
    }
    return rc;
}

static int read_value(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct jcs **out)
{
    struct err why = {0};
    int rc = schema_value(r->a, n, 0, out, &why);
    struct yaml_node here = *n;
    here.line = why.line;
    return rc == 0 ? 0 : wrong(r, &here, at, rc, why.text);
}

static int read_number(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct jcs **out)
{
    int rc = n->kind == YAML_SCALAR ? read_value(r, n, at, out) : wrong_kind(r, n, at, "a number");
    return rc == 0 && !schema_is_number(*out) ? wrong(r, n, at, ERR_INVALID, "must be a number") : rc;
}

static int read_count(struct reader *r, const struct yaml_node *n, const struct schema_place *at, int64_t *out)
{
    struct jcs *v = NULL;
    int rc = read_number(r, n, at, &v);
    if (rc == 0 && (v->kind != JCS_INT || v->number < 0 || v->number > COUNT_MAX)) {
        rc = wrong(r, n, at, ERR_INVALID, "must be a whole number from 0 to 2^30");
    }
    *out = rc == 0 ? v->number : -1;
    return rc;
}

static bool has_name(const struct schema_names *names, uint32_t upto, struct span name)
{
    for (uint32_t i = 0; i < upto; i++) {
        if (span_eq(names->items[i], name)) {
            return true;
        }
    }
    return false;
}

static int read_names(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema_names *out)
{
    if (n->kind != YAML_SEQ || n->len > 1000) {
        return wrong_kind(r, n, at, "a list of names");
    }
    out->items = arena_calloc(r->a, n->len, sizeof *out->items);
    for (uint32_t i = 0; i < n->len; i++) {
        struct jcs *v = NULL;
        const struct schema_place here = {at, {NULL, 0}, i};
        int rc = read_value(r, n->items[i], &here, &v);
        if (rc != 0) {
            return rc;
        }
        if (v->kind != JCS_TEXT || has_name(out, i, v->text)) {
            return wrong(r, n->items[i], &here, ERR_INVALID, v->kind != JCS_TEXT ? "must be a name" : "stands twice");
        }
        out->items[i] = v->text;
    }
    out->len = n->len;
    return 0;
}

static int read_members(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema_member **out,
                        uint32_t *count_out)
{
    if (n->kind != YAML_MAP) {
        return wrong_kind(r, n, at, "a map of schemas");
    }
    *out = arena_calloc(r->a, n->len, sizeof **out);
    *count_out = n->len;
    int rc = 0;
    for (uint32_t i = 0; i < n->len && rc == 0; i++) {
        struct span key = n->pairs[i].key->text;
        const struct schema_place here = {at, key.ptr == NULL ? SPAN("") : key, 0};
        (*out)[i].key = key;
        rc = read_schema(r, n->pairs[i].value, &here, &(*out)[i].schema);
    }
    return rc;
}

/* ---- keywords with rules of their own ---- */

static int add_type(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    static const struct {
        const char *name;
        uint32_t bit;
    } types[] = {{"null", TYPE_NULL},     {"boolean", TYPE_BOOLEAN}, {"object", TYPE_OBJECT},  {"array", TYPE_ARRAY},
                 {"number", TYPE_NUMBER}, {"string", TYPE_STRING},   {"integer", TYPE_INTEGER}};
    for (size_t i = 0; n->kind == YAML_SCALAR && i < ARRAY_LEN(types); i++) {
        /* type: null, as people write it, means the type. */
        if (span_eq(n->text, span_of(types[i].name))) {
            bool twice = (s->types & types[i].bit) != 0;
            s->types |= types[i].bit;
            return twice ? wrong(r, n, at, ERR_INVALID, "stands twice") : 0;
        }
    }
    return wrong(r, n, at, ERR_INVALID, "is no type: null, boolean, object, array, number, string, integer");
}

static int key_type(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    int rc = n->kind == YAML_SEQ ? (n->len == 0 ? wrong(r, n, at, ERR_INVALID, "names no type") : 0) : add_type(r, n, at, s);
    for (uint32_t i = 0; rc == 0 && n->kind == YAML_SEQ && i < n->len; i++) {
        const struct schema_place here = {at, {NULL, 0}, i};
        rc = add_type(r, n->items[i], &here, s);
    }
    return rc;
}

static int key_enum(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    if (n->kind != YAML_SEQ || n->len == 0 || n->len > LIST_MAX) {
        return wrong_kind(r, n, at, "a list of 1 to 10000 values");
    }
    s->values = arena_calloc(r->a, n->len, sizeof *s->values);
    s->nvalues = n->len;
    int rc = 0;
    for (uint32_t i = 0; i < n->len && rc == 0; i++) {
        const struct schema_place here = {at, {NULL, 0}, i};
        rc = read_value(r, n->items[i], &here, &s->values[i]);
    }
    return rc;
}

static int key_const(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    return read_value(r, n, at, &s->constant);
}

static int key_multiple(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    int rc = read_number(r, n, at, &s->multiple);
    return rc == 0 && s->multiple->number <= 0 ? wrong(r, n, at, ERR_INVALID, "must be above 0") : rc;
}

static int key_unique(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    struct jcs *v = NULL;
    int rc = read_value(r, n, at, &v);
    s->unique = rc == 0 && v->kind == JCS_BOOL && v->truth;
    return rc == 0 && v->kind != JCS_BOOL ? wrong(r, n, at, ERR_INVALID, "must be true or false") : rc;
}

static int read_text(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct span *out)
{
    struct jcs *v = NULL;
    int rc = n->kind == YAML_SCALAR ? read_value(r, n, at, &v) : wrong_kind(r, n, at, "a text");
    if (rc == 0 && v->kind != JCS_TEXT) {
        rc = wrong(r, n, at, ERR_INVALID, "must be a text");
    }
    *out = rc == 0 ? v->text : SPAN("");
    return rc;
}

static int key_pattern(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    struct err why = {0};
    int rc = read_text(r, n, at, &s->pattern_text);
    if (rc == 0 && schema_pattern_new(s->pattern_text, &s->pattern, &why) != 0) {
        rc = wrong(r, n, at, ERR_INVALID, why.text);
    }
    return rc;
}

static int key_format(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    struct span name;
    int rc = read_text(r, n, at, &name);
    s->format = rc == 0 ? schema_format_of(name) : NULL;
    return rc == 0 && s->format == NULL
               ? wrong(r, n, at, ERR_UNSUPPORTED, "is no format here: date, date-time, uri, email, uuid, ipv4, ipv6")
               : rc;
}

static int key_dependent(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    if (n->kind != YAML_MAP) {
        return wrong_kind(r, n, at, "a map of lists of names");
    }
    s->dependent = arena_calloc(r->a, n->len, sizeof *s->dependent);
    s->ndependent = n->len;
    int rc = 0;
    for (uint32_t i = 0; i < n->len && rc == 0; i++) {
        struct span key = n->pairs[i].key->text;
        const struct schema_place here = {at, key.ptr == NULL ? SPAN("") : key, 0};
        s->dependent[i].key = key;
        rc = read_names(r, n->pairs[i].value, &here, &s->dependent[i].names);
    }
    return rc;
}

static int key_reference(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    int rc = read_text(r, n, at, &s->reference_text);
    if (rc == 0 && !span_eq(s->reference_text, SPAN("#")) && !span_starts(s->reference_text, SPAN("#/$defs/"))) {
        rc = wrong(r, n, at, ERR_UNSUPPORTED, "must be \"#\" or \"#/$defs/NAME\" of the same file");
    }
    return rc;
}

static int only_at_root(struct reader *r, const struct yaml_node *n, const struct schema_place *at)
{
    return at->up == NULL ? 0 : wrong(r, n, at, ERR_UNSUPPORTED, "may stand at the root only");
}

static int key_defs(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    (void)s;
    int rc = only_at_root(r, n, at);
    return rc == 0 ? read_members(r, n, at, &r->file->defs, &r->file->ndefs) : rc;
}

static int key_dialect(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    (void)s;
    struct span text;
    int rc = only_at_root(r, n, at);
    rc = rc == 0 ? read_text(r, n, at, &text) : rc;
    return rc == 0 && !span_eq(text, SPAN(SCHEMA_DIALECT))
               ? wrong(r, n, at, ERR_UNSUPPORTED, "must be " SCHEMA_DIALECT)
               : rc;
}

static int key_id(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    (void)s;
    struct span text;
    int rc = only_at_root(r, n, at);
    return rc == 0 ? read_text(r, n, at, &text) : rc;
}

#define AT(slot, member) slot, offsetof(struct schema, member), NULL
#define OWN(fn) AS_OWN, 0, fn
#define NOTE AS_NOTE, 0, NULL

static const struct keyword keywords[] = {
    {"$comment", NOTE},
    {"$defs", OWN(key_defs)},
    {"$id", OWN(key_id)},
    {"$ref", OWN(key_reference)},
    {"$schema", OWN(key_dialect)},
    {"additionalProperties", AT(AS_SCHEMA, additional)},
    {"allOf", AT(AS_SCHEMAS, all)},
    {"anyOf", AT(AS_SCHEMAS, any)},
    {"const", OWN(key_const)},
    {"default", NOTE},
    {"dependentRequired", OWN(key_dependent)},
    {"deprecated", NOTE},
    {"description", NOTE},
    {"else", AT(AS_SCHEMA, otherwise)},
    {"enum", OWN(key_enum)},
    {"examples", NOTE},
    {"exclusiveMaximum", AT(AS_NUMBER, below)},
    {"exclusiveMinimum", AT(AS_NUMBER, above)},
    {"format", OWN(key_format)},
    {"if", AT(AS_SCHEMA, when)},
    {"items", AT(AS_SCHEMA, items)},
    {"maxItems", AT(AS_COUNT, max_items)},
    {"maxLength", AT(AS_COUNT, max_length)},
    {"maxProperties", AT(AS_COUNT, max_members)},
    {"maximum", AT(AS_NUMBER, maximum)},
    {"minItems", AT(AS_COUNT, min_items)},
    {"minLength", AT(AS_COUNT, min_length)},
    {"minProperties", AT(AS_COUNT, min_members)},
    {"minimum", AT(AS_NUMBER, minimum)},
    {"multipleOf", OWN(key_multiple)},
    {"not", AT(AS_SCHEMA, not)},
    {"oneOf", AT(AS_SCHEMAS, one)},
    {"pattern", OWN(key_pattern)},
    {"prefixItems", AT(AS_SCHEMAS, prefix)},
    {"properties", AT(AS_MEMBERS, members)},
    {"propertyNames", AT(AS_SCHEMA, names)},
    {"readOnly", NOTE},
    {"required", AT(AS_NAMES, required)},
    {"then", AT(AS_SCHEMA, then)},
    {"title", NOTE},
    {"type", OWN(key_type)},
    {"unevaluatedProperties", AT(AS_SCHEMA, unevaluated)},
    {"uniqueItems", OWN(key_unique)},
    {"writeOnly", NOTE},
};

static int read_keyword(struct reader *r, const struct keyword *k, const struct yaml_node *n, const struct schema_place *at,
                        struct schema *s)
{
    void *to = (char *)s + k->offset;
    struct jcs *note = NULL;
    switch (k->slot) {
    case AS_SCHEMA:
        return read_schema(r, n, at, to);
    case AS_SCHEMAS:
        return read_schemas(r, n, at, to);
    case AS_NUMBER:
        return read_number(r, n, at, to);
    case AS_COUNT:
        return read_count(r, n, at, to);
    case AS_NAMES:
        return read_names(r, n, at, to);
    case AS_MEMBERS:
        return read_members(r, n, at, &s->members, &s->nmembers);
    case AS_OWN:
        return k->own(r, n, at, s);
    case AS_NOTE:
        break;
    }
    return read_value(r, n, at, &note);
}

static struct schema *new_schema(struct reader *r, const struct yaml_node *n)
{
    struct schema *s = arena_alloc(r->a, sizeof *s);
    s->min_length = s->max_length = s->min_items = s->max_items = s->min_members = s->max_members = -1;
    s->line = n->line;
    s->next = r->file->all;
    r->file->all = s;
    return s;
}

static const struct keyword *keyword_of(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
        if (span_eq(name, span_of(keywords[i].name))) {
            return &keywords[i];
        }
    }
    return NULL;
}

static int read_map(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema *s)
{
    int rc = 0;
    for (uint32_t i = 0; i < n->len && rc == 0; i++) {
        const struct yaml_node *key = n->pairs[i].key;
        const struct keyword *k = keyword_of(key->text);
        const struct schema_place here = {at, key->text.ptr == NULL ? SPAN("") : key->text, 0};
        rc = k == NULL ? wrong(r, key, &here, ERR_UNSUPPORTED, "no such keyword here (src/records/schema/README.md lists them)")
                       : read_keyword(r, k, n->pairs[i].value, &here, s);
    }
    return rc;
}

static int read_schema(struct reader *r, const struct yaml_node *n, const struct schema_place *at, struct schema **out)
{
    struct jcs *v = NULL;
    if (++r->nodes > SCHEMA_NODES_MAX || r->depth >= SCHEMA_DEPTH_MAX) {
        return wrong(r, n, at, ERR_LIMIT, "too many schemas, or too deep within one another");
    }
    *out = new_schema(r, n);
    if (n->kind == YAML_MAP) {
        r->depth++;
        int rc = read_map(r, n, at, *out);
        r->depth--;
        return rc;
    }
    if (n->kind == YAML_SEQ || schema_value(r->a, n, 0, &v, NULL) != 0 || v->kind != JCS_BOOL) {
        return wrong(r, n, at, ERR_INVALID, "must be a schema: a map, true or false");
    }
    (*out)->always = v->truth ? SCHEMA_ALWAYS : SCHEMA_NEVER_FITS;
    return 0;
}

/* "#/$defs/a~1b" to the schema. */
static struct schema *find(const struct schema_file *f, struct span reference)
{
    if (span_eq(reference, SPAN("#"))) {
        return f->root;
    }
    for (uint32_t i = 0; i < f->ndefs; i++) {
        struct buf b;
        const struct schema_place defs = {NULL, SPAN("$defs"), 0};
        const struct schema_place here = {&defs, f->defs[i].key.ptr == NULL ? SPAN("") : f->defs[i].key, 0};
        buf_init(&b, 4096);
        schema_pointer(&b, &here);
        bool same = span_eq(span_sub(reference, 1, reference.len), buf_view(&b));
        buf_free(&b);
        if (same) {
            return f->defs[i].schema;
        }
    }
    return NULL;
}

static int resolve(struct schema_file *f, struct err *e)
{
    for (struct schema *s = f->all; s != NULL; s = s->next) {
        if (s->reference_text.len == 0) {
            continue;
        }
        s->reference = find(f, s->reference_text);
        if (s->reference == NULL) {
            (void)err_set(e, ERR_INVALID, "$ref: there is no %.*s", SPAN_ARG(span_sub(s->reference_text, 0, 100)));
            err_at(e, "", s->line);
            return ERR_INVALID;
        }
    }
    /* A reference that leads to itself with nothing between asks nothing and ends never. */
    for (struct schema *s = f->all; s != NULL; s = s->next) {
        uint32_t hops = 0;
        for (const struct schema *at = s->reference; at != NULL; at = at->reference) {
            if (++hops > SCHEMA_DEPTH_MAX) {
                (void)err_set(e, ERR_INVALID, "$ref: leads back to itself");
                err_at(e, "", s->line);
                return ERR_INVALID;
            }
        }
    }
    return 0;
}

int schema_read(struct arena *a, const struct yaml_node *root, struct schema_file **out, struct err *e)
{
    struct err local = {0};
    *out = NULL;
    struct schema_file *f = mem_alloc(sizeof *f);
    f->magic = SCHEMA_MAGIC;
    struct reader r = {.a = a, .file = f, .e = e == NULL ? &local : e};
    int rc = read_schema(&r, root, NULL, &f->root);
    rc = rc == 0 ? resolve(f, r.e) : rc;
    if (rc != 0) {
        schema_free(&f);
    }
    *out = f;
    return rc;
}

void schema_free(struct schema_file **file)
{
    struct schema_file *f = *file;
    *file = NULL;
    if (f == NULL) {
        return;
    }
    CHECK_OBJ(f, SCHEMA_MAGIC);
    for (struct schema *s = f->all; s != NULL; s = s->next) {
        schema_pattern_free(&s->pattern);
    }
    f->magic = 0;
    mem_free(f);
}
