/* SPDX-License-Identifier: EUPL-1.2 */
/* x-computed: fields that are worked out of others of the same record, whenever it is read; lists know them by a key. See register_expr.h. */
#include "records/registers/register_priv.h"

static int wrong(struct err *e, const struct yaml_node *n, const char *place, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s/x-computed: %s", place, what);
    err_at(e, "", n->line);
    return ERR_INVALID;
}

static bool is_of(const struct yaml_node *field, const char *type)
{
    const struct yaml_node *n = yaml_get(field, "type");
    return n != NULL && n->kind == YAML_SCALAR && span_eq(n->text, span_of(type));
}

int register_read_computed(struct arena *a, const struct yaml_node *field, const char *place, struct register_field *out, struct err *e)
{
    struct span text = SPAN("");
    struct err why = {0};
    const struct yaml_node *n = yaml_get(field, "x-computed");
    int rc = yaml_get_text(field, "x-computed", true, &text, e);
    if (rc != 0) {
        return rc;
    }
    if (!(is_of(field, "integer") || is_of(field, "number") || is_of(field, "string") || is_of(field, "boolean")) || yaml_get(field, "format") != NULL || out->ref.len > 0) {
        return wrong(e, n, place, "is for type: integer, number, boolean or string without a format");
    }
    out->type = yaml_get(field, "type")->text;
    out->source = text;
    if (expr_read(a, text, &out->computed, &why) != 0) {
        return wrong(e, n, place, why.text);
    }
    return 0;
}

/* What is wrong with the i-th name of f, or NULL; what leads to other records is marked. */
static const char *check_path(struct arena *a, const struct register_kind *k, struct register_field *f, uint32_t i)
{
    struct span names[EXPR_PATH_MAX];
    uint32_t n = expr_path(f->computed, i, names);
    int at = register_field_of(k, names[0]);
    if (at < 0 || k->fields[at].computed != NULL) {
        return arena_printf(a, "%.*s is no field of this file that holds a value of its own", SPAN_ARG(names[0]));
    }
    if (k->fields[at].ref.len == 0) {
        return NULL;
    }
    if (n != 2) {
        return arena_printf(a, "%.*s names records: one field of them, or their state, stands behind it, as %.*s.state", SPAN_ARG(names[0]), SPAN_ARG(names[0]));
    }
    f->through |= UINT64_C(1) << at;
    return f->index == INDEX_NONE ? NULL : "looks at other records and cannot have x-index: it is not the same for all who read it";
}

int register_check_computed(struct arena *a, const struct register_kind *k, const struct yaml_node *root, struct err *e)
{
    for (uint32_t i = 0; i < k->nfields; i++) {
        struct register_field *f = &k->fields[i];
        const char *place = arena_printf(a, "/properties/%.*s", SPAN_ARG(f->name));
        const struct yaml_node *field = yaml_get(yaml_get(root, "properties"), arena_cstr(a, f->name));
        for (uint32_t p = 0; f->computed != NULL && p < expr_paths(f->computed); p++) {
            const char *why = check_path(a, k, f, p);
            if (why != NULL) {
                return wrong(e, field, place, why);
            }
        }
        if (f->computed != NULL && f->required) {
            return wrong(e, field, place, "nobody fills it in: it cannot be required");
        }
    }
    return 0;
}

uint64_t register_made_of(const struct register_kind *k, const struct register_field *f)
{
    uint64_t made_of = 0;
    for (uint32_t p = 0; f->computed != NULL && p < expr_paths(f->computed); p++) {
        struct span names[EXPR_PATH_MAX];
        (void)expr_path(f->computed, p, names);
        made_of |= UINT64_C(1) << register_field_of(k, names[0]);
    }
    return made_of;
}

void register_hide_computed(struct register_kind *k)
{
    for (uint32_t i = 0; i < k->nfields; i++) {
        const struct register_field *f = &k->fields[i];
        uint64_t made_of = register_made_of(k, f);
        for (uint32_t r = 0; f->computed != NULL && r < k->rights.nroles; r++) {
            struct record_role *role = &k->rights.role[r];
            role->hidden |= (role->hidden & made_of) != 0 ? UINT64_C(1) << i : 0;
            role->fixed |= UINT64_C(1) << i;
        }
    }
}

struct jcs *register_computed(struct arena *a, const struct register_field *f, const struct jcs *fields)
{
    struct expr_value v;
    if (f->computed == NULL || f->through != 0) {
        return NULL;
    }
    expr_value(f->computed, fields, &v);
    return expr_as(a, &v, f->type);
}

/* The fields, but for those that name other records what was looked at of these. */
static const struct jcs *laid_over(struct arena *a, const struct jcs *fields, const struct jcs *looked)
{
    struct jcs *out = jcs_new_object(a);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        if (jcs_get(looked, arena_cstr(a, m->key)) == NULL) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        }
    }
    for (const struct jcs *m = looked->first; m != NULL; m = m->next) {
        jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
    }
    return out;
}

static uint64_t bits_of(const struct register_kind *k, const struct jcs *looked)
{
    uint64_t bits = 0;
    for (const struct jcs *m = looked == NULL ? NULL : looked->first; m != NULL; m = m->next) {
        int at = register_field_of(k, m->key);
        bits |= at < 0 ? 0 : UINT64_C(1) << at;
    }
    return bits;
}

struct jcs *register_computed_looking(struct arena *a, const struct register_kind *k, const struct jcs *fields, const struct jcs *looked)
{
    struct jcs *out = jcs_new_object(a);
    uint64_t known = bits_of(k, looked);
    const struct jcs *over = looked == NULL ? fields : laid_over(a, fields, looked);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        int at = register_field_of(k, m->key);
        if (at < 0 || k->fields[at].computed == NULL) {
            jcs_set(a, out, arena_cstr(a, m->key), jcs_copy(a, m));
        }
    }
    for (uint32_t i = 0; i < k->nfields; i++) {
        const struct register_field *f = &k->fields[i];
        struct expr_value v;
        if (f->computed == NULL || (f->through & ~known) != 0) {
            continue;
        }
        expr_value(f->computed, f->through == 0 ? fields : over, &v);
        struct jcs *worth = expr_as(a, &v, f->type);
        if (worth != NULL) {
            jcs_set(a, out, arena_cstr(a, f->name), worth);
        }
    }
    return out;
}

struct jcs *register_computed_all(struct arena *a, const struct register_kind *k, const struct jcs *fields)
{
    return register_computed_looking(a, k, fields, NULL);
}
