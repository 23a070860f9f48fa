/* SPDX-License-Identifier: EUPL-1.2 */
/* Directories in sereno.yml, and their way to the roles: see config_sign_in_priv.h. Must never open a file. */
#include "roles/config_sign_in_priv.h"

/* What holds where the config says nothing, by the kind of directory. */
static const struct directory_kind {
    const char *name, *filter, *id, *shown, *groups, *nested;
} kinds[] = {
    {"active_directory", "(&(objectCategory=person)(objectClass=user)(sAMAccountName={name}))", "objectGUID", "sAMAccountName", "(member={dn})",
     "(member:1.2.840.113556.1.4.1941:={dn})"}, /* LDAP_MATCHING_RULE_IN_CHAIN ([MS-ADTS] §3.1.1.3.4.4) */
    {"openldap", "(&(objectClass=inetOrgPerson)(uid={name}))", "entryUUID", "uid", "(|(member={dn})(uniqueMember={dn}))", NULL},
};

static int attribute(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, struct span *out)
{
    int rc = sign_in_text(r, map, key, false, PROVIDER_TEXT_MAX, out);
    return rc != 0 || out->len == 0 || directory_attribute_valid(*out) ? rc : sign_in_wrong(r, yaml_get(map, key), "is no name of an attribute");
}

static int dn(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, bool required, struct span *out)
{
    int rc = sign_in_text(r, map, key, required, DIRECTORY_DN_MAX, out);
    return rc != 0 || out->len == 0 || directory_dn_same(*out, *out) ? rc : sign_in_wrong(r, yaml_get(map, key), "is no distinguished name, like OU=People,DC=city,DC=example");
}

static int filter(const struct sign_in_reading *r, const struct yaml_node *map, struct span hole, const char *what, struct span *out)
{
    int rc = sign_in_text(r, map, "filter", false, DIRECTORY_FILTER_MAX, out);
    return rc != 0 || directory_filter_valid(*out, hole) ? rc : sign_in_wrong(r, yaml_get(map, "filter"), what);
}

static int read_kind(const struct sign_in_reading *r, const struct yaml_node *map, const struct directory_kind **out)
{
    struct span name = SPAN("");
    int rc = sign_in_text(r, map, "kind", true, PROVIDER_NAME_MAX, &name);
    *out = NULL;
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(kinds); i++) {
        *out = span_eq(name, span_of(kinds[i].name)) ? &kinds[i] : *out;
    }
    return rc != 0 || *out != NULL ? rc : sign_in_wrong(r, yaml_get(map, "kind"), "kind is active_directory or openldap");
}

/* people: {base: DN, filter: …, id: …, name: …} */
static int read_people(const struct sign_in_reading *r, const struct yaml_node *map, const struct directory_kind *kind, struct directory *d)
{
    static const char *const keys[] = {"base", "filter", "id", "name", NULL};
    const struct yaml_node *people = yaml_get(map, "people");
    int rc = people == NULL ? sign_in_wrong(r, map, "people is missing: where they lie") : yaml_expect(people, YAML_MAP, "people", r->e);
    d->filter = span_of(kind->filter);
    d->id = span_of(kind->id);
    d->shown = span_of(kind->shown);
    rc = rc == 0 ? yaml_known_keys(people, keys, r->e) : rc;
    rc = rc == 0 ? dn(r, people, "base", true, &d->base) : rc;
    rc = rc == 0 ? filter(r, people, SPAN("{name}"), "filter must be one filter in parentheses with {name} in it", &d->filter) : rc;
    rc = rc == 0 ? attribute(r, people, "id", &d->id) : rc;
    return rc == 0 ? attribute(r, people, "name", &d->shown) : rc;
}

/* groups: {base: DN, filter: …, nested: true} or {attribute: memberOf} */
static int read_groups(const struct sign_in_reading *r, const struct yaml_node *map, const struct directory_kind *kind, struct directory *d)
{
    static const char *const keys[] = {"base", "filter", "nested", "attribute", NULL};
    const struct yaml_node *groups = yaml_get(map, "groups");
    bool nested = false;
    d->groups_base = d->base;
    d->groups_filter = span_of(kind->groups);
    int rc = groups == NULL ? 0 : yaml_expect(groups, YAML_MAP, "groups", r->e);
    if (rc != 0 || groups == NULL) {
        return rc;
    }
    rc = yaml_known_keys(groups, keys, r->e);
    rc = rc == 0 ? yaml_get_bool(groups, "nested", false, &nested, r->e) : rc;
    if (rc == 0 && nested && (kind->nested == NULL || yaml_get(groups, "filter") != NULL || yaml_get(groups, "attribute") != NULL)) {
        return sign_in_wrong(r, yaml_get(groups, "nested"), "nested is for active_directory, and stands for a filter of its own");
    }
    d->groups_filter = nested ? span_of(kind->nested) : d->groups_filter;
    rc = rc == 0 ? dn(r, groups, "base", false, &d->groups_base) : rc;
    rc = rc == 0 ? filter(r, groups, SPAN("{dn}"), "filter must be one filter in parentheses with {dn} in it", &d->groups_filter) : rc;
    return rc == 0 ? attribute(r, groups, "attribute", &d->groups_attribute) : rc;
}

static int read_rows(const struct sign_in_reading *r, const struct yaml_node *map, struct directory *d)
{
    int rc = sign_in_roles(r, map, &d->roles, &d->nroles);
    for (uint32_t i = 0; rc == 0 && i < d->nroles; i++) {
        rc = directory_dn_same(d->roles[i].group, d->roles[i].group) ? 0 : sign_in_wrong(r, yaml_get(map, "roles")->items[i], "group must be a distinguished name, like CN=soc,OU=Groups,DC=city,DC=example");
    }
    return rc;
}

static int read_name(const struct sign_in_reading *r, const struct yaml_node *map, const struct sign_in *before, struct directory *d)
{
    int rc = sign_in_text(r, map, "name", true, PROVIDER_NAME_MAX, &d->name);
    if (rc == 0 && !provider_name_valid(d->name)) {
        rc = sign_in_wrong(r, yaml_get(map, "name"), "a directory's name has small letters, digits and dashes");
    }
    if (rc == 0 && (provider_find(before, d->name) != NULL || directory_find(before, d->name) != NULL)) {
        rc = sign_in_wrong(r, yaml_get(map, "name"), "two have this name");
    }
    d->title = d->name;
    return rc == 0 ? sign_in_text(r, map, "title", false, CONFIG_NAME_MAX, &d->title) : rc;
}

static int read_directory(const struct sign_in_reading *r, const struct yaml_node *map, const struct sign_in *before, struct directory *d)
{
    static const char *const keys[] = {"name", "title", "kind", "url", "ca_file", "bind_dn", "bind_password_file", "people", "groups", "roles", NULL};
    const struct directory_kind *kind = NULL;
    struct directory_url url;
    struct err e = {0};
    int rc = yaml_expect(map, YAML_MAP, "a directory", r->e);
    rc = rc == 0 ? yaml_known_keys(map, keys, r->e) : rc;
    rc = rc == 0 ? read_name(r, map, before, d) : rc;
    rc = rc == 0 ? read_kind(r, map, &kind) : rc;
    rc = rc == 0 ? sign_in_text(r, map, "url", true, PROVIDER_TEXT_MAX, &d->url) : rc;
    if (rc == 0 && directory_url_parse(d->url, &url, &e) < 0) {
        rc = sign_in_wrong(r, yaml_get(map, "url"), e.text);
    }
    rc = rc == 0 ? sign_in_path(r, map, "ca_file", &d->ca_file) : rc;
    rc = rc == 0 ? dn(r, map, "bind_dn", true, &d->bind_dn) : rc;
    rc = rc == 0 ? sign_in_path(r, map, "bind_password_file", &d->password_file) : rc;
    if (rc == 0 && d->password_file.len == 0) {
        rc = sign_in_wrong(r, map, "bind_password_file is missing: a directory is asked by a service account");
    }
    if (rc != 0) {
        return rc;
    }
    CHECK(kind != NULL);
    rc = read_people(r, map, kind, d);
    rc = rc == 0 ? read_groups(r, map, kind, d) : rc;
    return rc == 0 ? read_rows(r, map, d) : rc;
}

int config_directories_read(const struct sign_in_reading *r, const struct yaml_node *map, struct sign_in *s)
{
    const struct yaml_node *all = yaml_get(map, "ldap");
    int rc = all == NULL ? 0 : yaml_expect(all, YAML_SEQ, "ldap", r->e);
    if (rc != 0 || all == NULL) {
        return rc;
    }
    if (all->len > DIRECTORIES_MAX) {
        return sign_in_wrong(r, all, "too many directories");
    }
    s->directories = arena_calloc(r->a, all->len, sizeof *s->directories);
    for (uint32_t i = 0; rc == 0 && i < all->len; i++) {
        rc = read_directory(r, all->items[i], s, &s->directories[i]);
        s->ndirectories += rc == 0;
    }
    return rc;
}

/* ---- to the roles ---- */

void config_directories_put(struct buf *out, const struct sign_in *s, bool desk, bool courier)
{
    size_t n = 0;
    const struct directory_text *texts = directory_texts(&n);
    buf_u32(out, desk || courier ? s->ndirectories : 0);
    for (uint32_t i = 0; (desk || courier) && i < s->ndirectories; i++) {
        for (size_t t = 0; t < n; t++) {
            bool told = (desk && texts[t].desk) || (courier && texts[t].courier);
            buf_str(out, told ? *directory_text_of(&s->directories[i], &texts[t]) : SPAN(""));
        }
        sign_in_put_roles(out, s->directories[i].roles, desk ? s->directories[i].nroles : 0);
    }
}

void config_directories_get(struct config *c, struct cursor *in, struct sign_in *s)
{
    size_t n = 0;
    const struct directory_text *texts = directory_texts(&n);
    s->ndirectories = sign_in_get_count(in, DIRECTORIES_MAX);
    s->directories = arena_calloc(&c->arena, s->ndirectories, sizeof *s->directories);
    for (uint32_t i = 0; i < s->ndirectories && !in->failed; i++) {
        for (size_t t = 0; t < n; t++) {
            *directory_text_of(&s->directories[i], &texts[t]) = sign_in_get_text(c, in);
        }
        sign_in_get_roles(c, in, &s->directories[i].roles, &s->directories[i].nroles);
    }
}
