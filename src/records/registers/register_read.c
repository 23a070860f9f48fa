/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads the file of a kind: what is a keyword of JSON Schema goes to records/schema, annotations stay here. See register.h. */
#include "records/registers/register_priv.h"

#include "records/schema/schema_priv.h"

struct reading {
    struct arena *a;
    struct register_kind *k;
    struct err *e;
};

static int wrong(struct reading *r, const struct yaml_node *n, const char *place, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "%s: %s", place, what);
    err_at(r->e, "", n == NULL ? 0 : n->line);
    return ERR_INVALID;
}

bool register_name_fits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (i > 0 && ((c >= '0' && c <= '9') || c == '_')))) {
            return false;
        }
    }
    return s.len > 0 && s.len <= REGISTER_NAME_MAX;
}

bool register_name_taken(struct span s)
{
    static const char *const taken[] = {"id",      "kind",    "organisation", "author", "tlp",    "state", "created",
                                        "changed", "version", "sort",         "limit",  "cursor", "q",     "count", "due_day", "kept_from"};
    for (size_t i = 0; i < ARRAY_LEN(taken); i++) {
        if (span_eq(s, span_of(taken[i]))) {
            return true;
        }
    }
    return false;
}

/* ---- fields ---- */

static bool is_annotation(struct span key)
{
    return span_starts(key, SPAN("x-"));
}

/* A map without its annotations, which must be among `known`. */
static int strip(struct reading *r, const struct yaml_node *map, const char *place, const char *const *known, struct yaml_node **out)
{
    struct yaml_node *n = arena_alloc(r->a, sizeof *n);
    struct yaml_pair *pairs = arena_calloc(r->a, map->len, sizeof *pairs);
    *n = *map;
    n->len = 0;
    n->pairs = pairs;
    for (uint32_t i = 0; i < map->len; i++) {
        struct span key = map->pairs[i].key->text;
        bool is_known = !is_annotation(key);
        for (size_t j = 0; known[j] != NULL && !is_known; j++) {
            is_known = span_eq(key, span_of(known[j]));
        }
        if (!is_known) {
            return wrong(r, map->pairs[i].key, arena_printf(r->a, "%s/%.*s", place, SPAN_ARG(span_sub(key, 0, 80))),
                         "no such annotation here (src/records/registers/README.md lists them)");
        }
        if (!is_annotation(key)) {
            pairs[n->len++] = map->pairs[i];
        }
    }
    *out = n;
    return 0;
}

static bool text_is(const struct yaml_node *n, const char *text)
{
    return n != NULL && n->kind == YAML_SCALAR && span_eq(n->text, span_of(text));
}

/* Lists sort and filter by texts of a known length, and by whole numbers. */
static int read_index(struct reading *r, const struct yaml_node *field, const char *place, enum register_index *out)
{
    const struct yaml_node *type = yaml_get(field, "type");
    int64_t longest = 0;
    struct err none = {0};
    if (text_is(type, "integer")) {
        *out = INDEX_INTEGER;
        return 0;
    }
    if (text_is(type, "number") && yaml_get(field, "x-computed") != NULL) {
        *out = INDEX_DECIMAL;
        return 0;
    }
    *out = INDEX_TEXT;
    bool bounded = yaml_get_int(field, "maxLength", true, 1, REGISTER_TEXT_MAX, &longest, &none) == 0;
    const struct yaml_node *words = yaml_get(field, "enum");
    for (uint32_t i = 0; words != NULL && words->kind == YAML_SEQ && i < words->len; i++) {
        const struct yaml_node *w = words->items[i];
        bounded = (i == 0 || bounded) && w->kind == YAML_SCALAR && w->text.len > 0 && w->text.len <= REGISTER_TEXT_MAX;
    }
    if (!text_is(type, "string") || !(bounded || text_is(yaml_get(field, "format"), "date"))) {
        return wrong(r, field, place,
                     "lists know only type: integer, and type: string with a maxLength of at most 200, an enum or format: date");
    }
    return 0;
}

static enum register_cell cell_of(const struct yaml_node *field)
{
    const struct yaml_node *type = yaml_get(field, "type");
    if (text_is(type, "array")) {
        const struct yaml_node *items = yaml_get(field, "items");
        return items != NULL && items->kind == YAML_MAP && text_is(yaml_get(items, "type"), "string") ? CELL_TEXTS : CELL_JSON;
    }
    return text_is(type, "string")                                  ? CELL_TEXT
           : text_is(type, "integer") || text_is(type, "number") ? CELL_NUMBER
           : text_is(type, "boolean")                               ? CELL_BOOLEAN
                                                                    : CELL_JSON;
}

static int read_field(struct reading *r, const struct yaml_pair *p, struct register_field *out, struct yaml_node **stripped)
{
    static const char *const known[] = {"x-index", "x-ref", "x-computed", "x-pii", "x-was", NULL};
    bool index = false;
    const char *place = arena_printf(r->a, "/properties/%.*s", SPAN_ARG(span_sub(p->key->text, 0, 80)));
    out->name = p->key->text;
    if (!register_name_fits(out->name) || register_name_taken(out->name)) {
        return wrong(r, p->key, place, "a field is named by small letters, digits and _, and not as a list's own words are (id, state, sort …)");
    }
    if (p->value->kind != YAML_MAP) {
        return wrong(r, p->value, place, "must be a map: the schema of the field");
    }
    out->cell = cell_of(p->value);
    int rc = strip(r, p->value, place, known, stripped);
    rc = rc == 0 ? yaml_get_bool(p->value, "x-index", false, &index, r->e) : rc;
    rc = rc == 0 ? register_read_was(r->a, p->value, "x-was", place, &out->was, r->e) : rc;
    rc = rc == 0 && index ? read_index(r, p->value, place, &out->index) : rc;
    rc = rc == 0 && yaml_get(p->value, "x-ref") != NULL ? register_read_ref(p->value, place, out, r->e) : rc;
    rc = rc == 0 && yaml_get(p->value, "x-computed") != NULL ? register_read_computed(r->a, p->value, place, out, r->e) : rc;
    return rc == 0 && yaml_get(p->value, "x-pii") != NULL ? register_read_pii(p->value, place, out, r->e) : rc;
}

static bool is_required(const struct yaml_node *root, struct span name)
{
    const struct yaml_node *list = yaml_get(root, "required");
    for (uint32_t i = 0; list != NULL && list->kind == YAML_SEQ && i < list->len; i++) {
        if (list->items[i]->kind == YAML_SCALAR && span_eq(list->items[i]->text, name)) {
            return true;
        }
    }
    return false;
}

/* The schema without annotations, and the fields as lists know them. */
static int read_fields(struct reading *r, const struct yaml_node *root, struct yaml_node *schema)
{
    const struct yaml_node *fields = yaml_get(root, "properties");
    const struct yaml_node *closed = yaml_get(root, "additionalProperties");
    closed = closed == NULL ? yaml_get(root, "unevaluatedProperties") : closed;
    if (!text_is(yaml_get(root, "type"), "object") || fields == NULL || fields->kind != YAML_MAP || fields->len == 0 ||
        fields->len > RECORD_FIELDS_MAX || !text_is(closed, "false")) {
        return wrong(r, root, "/", "must be type: object with 1 to 64 properties and additionalProperties: false");
    }
    struct yaml_node *copy = arena_alloc(r->a, sizeof *copy);
    struct yaml_pair *pairs = arena_calloc(r->a, fields->len, sizeof *pairs);
    *copy = *fields;
    copy->pairs = pairs;
    r->k->fields = arena_calloc(r->a, fields->len, sizeof *r->k->fields);
    r->k->nfields = fields->len;
    uint32_t indexed = 0;
    for (uint32_t i = 0; i < fields->len; i++) {
        struct yaml_node *stripped = NULL;
        int rc = read_field(r, &fields->pairs[i], &r->k->fields[i], &stripped);
        if (rc != 0) {
            return rc;
        }
        pairs[i] = (struct yaml_pair){fields->pairs[i].key, stripped};
        r->k->fields[i].required = is_required(root, r->k->fields[i].name);
        indexed += r->k->fields[i].index != INDEX_NONE;
    }
    struct yaml_pair *own = arena_calloc(r->a, schema->len, sizeof *own);
    for (uint32_t i = 0; i < schema->len; i++) {
        own[i] = schema->pairs[i];
        own[i].value = span_eq(own[i].key->text, SPAN("properties")) ? copy : own[i].value;
    }
    schema->pairs = own;
    return indexed > REGISTER_INDEXED_MAX ? wrong(r, fields, "/properties", "more than 16 fields with x-index") : 0;
}

/* ---- x-table, x-tlp ---- */

static int read_key(struct reading *r, const struct yaml_node *t)
{
    struct span key = SPAN("");
    int rc = yaml_get_text(t, "key", false, &key, r->e);
    int place = key.len > 0 ? register_field_of(r->k, key) : (int)r->k->title;
    if (rc == 0 && (place < 0 || r->k->fields[place].index != INDEX_TEXT)) {
        return wrong(r, t, "/x-table/key", "must name a text that lists know (x-index)");
    }
    r->k->key = rc == 0 ? (uint32_t)place : 0;
    return rc;
}

static int read_table(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"name", "plural", "title", "key", "was", NULL};
    const struct yaml_node *t = yaml_get(root, "x-table");
    struct span title = SPAN("");
    if (t == NULL) {
        return wrong(r, root, "/x-table", "is missing");
    }
    int rc = yaml_expect(t, YAML_MAP, "x-table", r->e);
    rc = rc == 0 ? yaml_known_keys(t, keys, r->e) : rc;
    rc = rc == 0 ? yaml_get_text(t, "name", true, &r->k->name, r->e) : rc;
    rc = rc == 0 ? yaml_get_text(t, "plural", true, &r->k->plural, r->e) : rc;
    rc = rc == 0 ? yaml_get_text(t, "title", true, &title, r->e) : rc;
    rc = rc == 0 ? register_read_was(r->a, t, "was", "/x-table", &r->k->was, r->e) : rc;
    rc = rc == 0 ? yaml_get_text(root, "title", true, &r->k->heading, r->e) : rc;
    rc = rc == 0 ? yaml_get_text(root, "description", false, &r->k->about, r->e) : rc;
    if (rc != 0) {
        return rc;
    }
    if (!register_name_fits(r->k->name) || !register_name_fits(r->k->plural)) {
        return wrong(r, t, "/x-table", "name and plural are of small letters, digits and _, at most 40");
    }
    int place = register_field_of(r->k, title);
    if (place < 0 || !is_required(root, title)) {
        return wrong(r, t, "/x-table/title", "must name a required field");
    }
    r->k->title = (uint32_t)place;
    struct register_field *f = &r->k->fields[place];
    rc = read_index(r, yaml_get(yaml_get(root, "properties"), arena_cstr(r->a, title)), "/x-table/title", &f->index);
    rc = rc == 0 && f->index != INDEX_TEXT ? wrong(r, t, "/x-table/title", "must be a text") : rc;
    return rc == 0 ? read_key(r, t) : rc;
}

static int read_label(struct reading *r, const struct yaml_node *map, const char *key, enum tlp *out)
{
    struct span text = SPAN("");
    int rc = yaml_get_text(map, key, false, &text, r->e);
    if (rc != 0 || text.len == 0) {
        return rc;
    }
    for (int t = TLP_CLEAR; t <= TLP_RED; t++) {
        if (span_eq(text, span_of(tlp_name((enum tlp)t)))) {
            *out = (enum tlp)t;
            return 0;
        }
    }
    return wrong(r, map, "/x-tlp", "labels are CLEAR, GREEN, AMBER, AMBER+STRICT, RED");
}

static int read_labels(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"default", "max", NULL};
    const struct yaml_node *t = yaml_get(root, "x-tlp");
    r->k->tlp_default = policy_label_default(true);
    r->k->tlp_max = TLP_RED;
    if (t == NULL) {
        return 0;
    }
    int rc = yaml_expect(t, YAML_MAP, "x-tlp", r->e);
    rc = rc == 0 ? yaml_known_keys(t, keys, r->e) : rc;
    rc = rc == 0 ? read_label(r, t, "default", &r->k->tlp_default) : rc;
    rc = rc == 0 ? read_label(r, t, "max", &r->k->tlp_max) : rc;
    return rc == 0 && tlp_rank(r->k->tlp_default) > tlp_rank(r->k->tlp_max) ? wrong(r, t, "/x-tlp", "the default is above max") : rc;
}

/* ---- x-perm ---- */

int register_role_of(struct span name, uint32_t *out)
{
    static const struct {
        const char *name;
        uint32_t role;
    } roles[] = {{"administrator", POLICY_ROLE_ADMINISTRATOR},
                 {"analyst", POLICY_ROLE_ANALYST},
                 {"officer", POLICY_ROLE_OFFICER},
                 {"reader", POLICY_ROLE_READ_ONLY},
                 {"auditor", POLICY_ROLE_AUDITOR}};
    _Static_assert(ARRAY_LEN(roles) == RECORD_ROLES_MAX, "each role once");
    for (size_t i = 0; i < ARRAY_LEN(roles); i++) {
        if (span_eq(name, span_of(roles[i].name))) {
            *out = roles[i].role;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

static int read_ops(struct reading *r, const struct yaml_node *map, uint32_t *out)
{
    static const char *const words[] = {"read", "create", "change", "move"};
    const struct span *list = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, "ops", true, &list, &n, r->e);
    for (uint32_t i = 0; i < n && rc == 0; i++) {
        size_t w = 0;
        while (w < ARRAY_LEN(words) && !span_eq(list[i], span_of(words[w]))) {
            w++;
        }
        rc = w == ARRAY_LEN(words) ? wrong(r, map, "/x-perm", "ops are read, create, change, move") : 0;
        *out |= rc == 0 ? 1u << w : 0;
    }
    return rc == 0 && (*out & RECORD_READ) == 0 ? wrong(r, map, "/x-perm", "who may not read may do nothing: leave the role out") : rc;
}

static int read_field_rights(struct reading *r, const struct yaml_node *map, struct record_role *out)
{
    const struct yaml_node *fields = yaml_get(map, "fields");
    int rc = fields == NULL ? 0 : yaml_expect(fields, YAML_MAP, "fields", r->e);
    for (uint32_t i = 0; fields != NULL && rc == 0 && i < fields->len; i++) {
        int place = register_field_of(r->k, fields->pairs[i].key->text);
        bool hidden = text_is(fields->pairs[i].value, "hidden");
        if (place < 0 || !(hidden || text_is(fields->pairs[i].value, "read")) || (hidden && (uint32_t)place == r->k->title)) {
            return wrong(r, fields->pairs[i].key, "/x-perm/fields", "is NAME: hidden or NAME: read of a field; a title is never hidden");
        }
        *(hidden ? &out->hidden : &out->fixed) |= UINT64_C(1) << place;
    }
    return rc;
}

static int read_rights(struct reading *r, const struct yaml_node *root)
{
    static const char *const keys[] = {"ops", "fields", NULL};
    const struct yaml_node *map = yaml_get(root, "x-perm");
    if (map == NULL || map->kind != YAML_MAP || map->len == 0 || map->len > RECORD_ROLES_MAX) {
        return wrong(r, map == NULL ? root : map, "/x-perm", "must be a map of roles");
    }
    int rc = 0;
    for (uint32_t i = 0; i < map->len && rc == 0; i++) {
        struct record_role *role = &r->k->rights.role[r->k->rights.nroles++];
        const struct yaml_node *value = map->pairs[i].value;
        if (register_role_of(map->pairs[i].key->text, &role->role) != 0) {
            return wrong(r, map->pairs[i].key, "/x-perm", "roles are administrator, analyst, officer, reader, auditor");
        }
        rc = yaml_expect(value, YAML_MAP, "a role", r->e);
        rc = rc == 0 ? yaml_known_keys(value, keys, r->e) : rc;
        rc = rc == 0 ? read_ops(r, value, &role->ops) : rc;
        rc = rc == 0 ? read_field_rights(r, value, role) : rc;
    }
    return rc;
}

int register_kind_read(struct arena *a, const struct register_file *file, struct register_kind *out, struct err *e)
{
    static const char *const known[] = {"x-table", "x-states", "x-perm", "x-tlp", "x-constraints", "x-due", "x-owner", "x-retention", NULL};
    struct err local = {0};
    struct reading r = {.a = a, .k = out, .e = e == NULL ? &local : e};
    const struct yaml_node *root = NULL;
    struct yaml_node *schema = NULL;
    struct jcs *document = NULL;
    *out = (struct register_kind){.file = arena_copy(a, file->name)};
    if (file->text.len > REGISTER_FILE_MAX) {
        return err_set(r.e, ERR_LIMIT, "has more than %d KiB", REGISTER_FILE_MAX >> 10);
    }
    int rc = yaml_read_map(a, arena_copy(a, file->text), &root, r.e);
    rc = rc == 0 ? strip(&r, root, "", known, &schema) : rc;
    rc = rc == 0 ? read_fields(&r, root, schema) : rc;
    rc = rc == 0 ? register_check_computed(a, out, root, r.e) : rc;
    rc = rc == 0 ? schema_read(a, schema, &out->schema, r.e) : rc;
    rc = rc == 0 ? read_table(&r, root) : rc;
    rc = rc == 0 ? read_labels(&r, root) : rc;
    rc = rc == 0 ? read_rights(&r, root) : rc;
    if (rc == 0) {
        register_hide_computed(out);
    }
    rc = rc == 0 ? register_read_states(a, root, out, r.e) : rc;
    rc = rc == 0 ? register_check_was(out, root, r.e) : rc;
    rc = rc == 0 ? register_read_constraints(a, root, out, r.e) : rc;
    rc = rc == 0 ? register_read_due(a, root, out, r.e) : rc;
    rc = rc == 0 ? register_take_pii(root, out, r.e) : rc;
    rc = rc == 0 ? register_read_owner(root, out, r.e) : rc;
    rc = rc == 0 ? register_read_retention(a, root, out, r.e) : rc;
    rc = rc == 0 ? schema_value(a, root, 0, &document, r.e) : rc;
    if (rc == 0) {
        out->document = jcs_text(a, document);
    } else {
        register_kind_free(out);
    }
    return rc;
}

void register_kind_free(struct register_kind *k)
{
    for (uint32_t i = 0; i < k->ntransitions; i++) {
        schema_free(&k->transitions[i].guard);
    }
    schema_free(&k->schema);
    k->ntransitions = 0;
}
