/* SPDX-License-Identifier: EUPL-1.2 */
/* x-pii: fields that say something of a person. What one may look like, and that no constraint and no computed field tells of it. See register.h. */
#include "records/registers/register_priv.h"

static const char *const categories[PII_COUNT] = {
    [PII_IDENTITY] = "identity", [PII_CONTACT] = "contact", [PII_EMPLOYMENT] = "employment",
    [PII_TRAINING] = "training", [PII_ACCESS] = "access",   [PII_STATEMENT] = "statement",
};

static int wrong(struct err *e, const struct yaml_node *n, const char *place, const char *what)
{
    (void)err_set(e, ERR_INVALID, "%s/x-pii: %s", place, what);
    err_at(e, "", n->line);
    return ERR_INVALID;
}

int register_read_pii(const struct yaml_node *field, const char *place, struct register_field *out, struct err *e)
{
    static const char *const keys[] = {"category", NULL};
    const struct yaml_node *pii = yaml_get(field, "x-pii");
    struct span category = SPAN("");
    int rc = yaml_expect(pii, YAML_MAP, "x-pii", e);
    rc = rc == 0 ? yaml_known_keys(pii, keys, e) : rc;
    rc = rc == 0 ? yaml_get_text(pii, "category", true, &category, e) : rc;
    if (rc != 0) {
        return rc;
    }
    for (int i = PII_NONE + 1; i < PII_COUNT; i++) {
        out->pii = span_eq(category, span_of(categories[i])) ? (enum register_pii)i : out->pii;
    }
    if (out->pii == PII_NONE) {
        return wrong(e, pii, place, "category is identity, contact, employment, training, access or statement");
    }
    if (out->computed != NULL) {
        return wrong(e, pii, place, "a computed field is none: nothing personal may go into it");
    }
    return out->ref.len == 0 ? 0 : wrong(e, pii, place, "a field that names records is none: what is personal stands in the record that it names");
}

int register_take_pii(const struct yaml_node *root, struct register_kind *k, struct err *e)
{
    uint64_t told = 0;
    k->rights.kind = k->name;
    for (uint32_t i = 0; i < k->nfields; i++) {
        k->rights.personal |= k->fields[i].pii == PII_NONE ? 0 : UINT64_C(1) << i;
    }
    for (uint32_t i = 0; i < k->nfields; i++) {
        if ((register_made_of(k, &k->fields[i]) & k->rights.personal) != 0) {
            return wrong(e, root, "/properties", "a field of x-computed cannot have it: what is worked out of it would tell its value");
        }
    }
    for (uint32_t i = 0; i < k->nconstraints; i++) {
        told |= register_constraint_fields(&k->constraints[i]);
    }
    return (told & k->rights.personal) == 0 ? 0 : wrong(e, root, "/properties", "a field of x-constraints cannot have it: who writes another record would learn its value");
}
