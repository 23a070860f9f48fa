/* SPDX-License-Identifier: EUPL-1.2 */
/* x-ref: fields that name other records. What one may look like, and whether all kinds fit to one another. See register.h. */
#include "records/registers/register_priv.h"

static int wrong(struct err *e, const struct yaml_node *n, const char *place, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s/x-ref: %s", place, what);
    err_at(e, "", n->line);
    return ERR_INVALID;
}

static bool word_is(const struct yaml_node *map, const char *key, const char *word)
{
    const struct yaml_node *n = map->kind == YAML_MAP ? yaml_get(map, key) : NULL;
    return n != NULL && n->kind == YAML_SCALAR && span_eq(n->text, span_of(word));
}

static bool is_id(const struct yaml_node *n)
{
    return n != NULL && word_is(n, "type", "string") && word_is(n, "format", "uuid");
}

int register_read_ref(const struct yaml_node *field, const char *place, struct register_field *out, struct err *e)
{
    static const char *const keys[] = {"kind", "inverse", "stands_on", NULL};
    const struct yaml_node *ref = yaml_get(field, "x-ref");
    int64_t most = 0;
    struct err none = {0};
    int rc = yaml_expect(ref, YAML_MAP, "x-ref", e);
    rc = rc == 0 ? yaml_known_keys(ref, keys, e) : rc;
    rc = rc == 0 ? yaml_get_text(ref, "kind", true, &out->ref, e) : rc;
    rc = rc == 0 ? yaml_get_text(ref, "inverse", true, &out->inverse, e) : rc;
    rc = rc == 0 ? yaml_get_bool(ref, "stands_on", false, &out->stands_on, e) : rc;
    if (rc != 0) {
        return rc;
    }
    if (!register_name_fits(out->ref) || !register_name_fits(out->inverse)) {
        return wrong(e, ref, place, "kind and inverse are of small letters, digits and _, at most 40");
    }
    out->many = word_is(field, "type", "array");
    bool fits = out->many ? is_id(yaml_get(field, "items")) && word_is(field, "uniqueItems", "true") &&
                                yaml_get_int(field, "maxItems", true, 1, REGISTER_LINKS_MAX, &most, &none) == 0
                          : is_id(field);
    return fits && out->index == INDEX_NONE
               ? 0
               : wrong(e, ref, place,
                       "is for type: string with format: uuid, or for a list of such with uniqueItems and a maxItems of at most 64; x-index is not needed");
}

/* Whether a field before this one, of this kind or an earlier one, is called alike from the other side. */
static bool is_called_alike(const struct register_kind *kinds, const struct register_kind *k, const struct register_field *f)
{
    for (const struct register_kind *other = kinds; other <= k; other++) {
        for (const struct register_field *g = other->fields; g < other->fields + other->nfields && g != f; g++) {
            if (span_eq(g->ref, f->ref) && span_eq(g->inverse, f->inverse)) {
                return true;
            }
        }
    }
    return false;
}

const char *register_refs_wrong(struct arena *a, const struct registers *all, const struct register_kind *k)
{
    size_t n = 0;
    size_t refs = 0;
    const struct register_kind *kinds = registers_all(all, &n);
    for (const struct register_kind *other = kinds; other <= k; other++) {
        for (uint32_t i = 0; i < other->nfields; i++) {
            refs += other->fields[i].ref.len > 0;
        }
    }
    for (uint32_t i = 0; i < k->nfields; i++) {
        const struct register_field *f = &k->fields[i];
        if (f->ref.len == 0) {
            continue;
        }
        if (refs > REGISTER_REFS_MAX) {
            return "more than 256 fields of all kinds have x-ref";
        }
        if (registers_any(all, f->ref) == NULL) {
            return arena_printf(a, "/properties/%.*s/x-ref: there is no kind \"%.*s\"", SPAN_ARG(f->name), SPAN_ARG(f->ref));
        }
        if (is_called_alike(kinds, k, f)) {
            return arena_printf(a, "/properties/%.*s/x-ref: another field has this inverse at that kind", SPAN_ARG(f->name));
        }
    }
    return NULL;
}
