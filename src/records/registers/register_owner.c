/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * x-owner: which field says whose a record is. A link to one person, unit or appointment, whose account then hears of what is due; a text that
 * lists know, which counts by the name of an account; or both, link first. Where nothing is said a text called "owner" is it. See register.h.
 */
#include "records/registers/register_priv.h"

static int wrong(struct err *e, const struct yaml_node *n, const char *what)
{
    (void)err_set(e, ERR_INVALID, "/x-owner: %s", what);
    err_at(e, "", n->line);
    return ERR_INVALID;
}

static bool is_link(const struct register_field *f)
{
    return !f->many && (span_eq(f->ref, SPAN("person")) || span_eq(f->ref, SPAN("unit")) || span_eq(f->ref, SPAN("appointment")));
}

static bool is_text(const struct register_field *f)
{
    return f->ref.len == 0 && f->index == INDEX_TEXT && f->computed == NULL && f->pii == PII_NONE;
}

static int take(const struct yaml_node *n, struct register_kind *k, struct err *e)
{
    int place = n->kind == YAML_SCALAR ? register_field_of(k, n->text) : -1;
    if (place >= 0 && is_link(&k->fields[place]) && k->owner_link < 0 && k->owner_text < 0) {
        k->owner_link = place;
        return 0;
    }
    if (place >= 0 && is_text(&k->fields[place]) && k->owner_text < 0) {
        k->owner_text = place;
        return 0;
    }
    return wrong(e, n, "names a field with x-ref to one person, unit or appointment, a text with x-index and without x-pii, or a list of such a link and such a text");
}

int register_read_owner(const struct yaml_node *root, struct register_kind *k, struct err *e)
{
    const struct yaml_node *n = yaml_get(root, "x-owner");
    int rc = 0;
    k->owner_link = k->owner_text = -1;
    if (n == NULL) {
        int place = register_field_of(k, SPAN("owner"));
        k->owner_text = place >= 0 && is_text(&k->fields[place]) ? place : -1;
        return 0;
    }
    if (n->kind != YAML_SEQ) {
        return take(n, k, e);
    }
    if (n->len == 0) {
        return wrong(e, n, "names at least one field");
    }
    for (uint32_t i = 0; i < n->len && rc == 0; i++) {
        rc = take(n->items[i], k, e);
    }
    return rc;
}
