/* SPDX-License-Identifier: EUPL-1.2 */
/* Providers in sereno.yml, and their way to the roles: see config_sign_in.h. Must never open a file. */
#include "roles/config_sign_in_priv.h"

#include <string.h>

#include "base/utf8.h"
#include "os/net_range.h"

int sign_in_wrong(const struct sign_in_reading *r, const struct yaml_node *at, const char *what)
{
    (void)err_set(r->e, ERR_INVALID, "%s", what);
    r->e->line = at->line;
    return ERR_INVALID;
}

int sign_in_text(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, bool required, size_t most, struct span *out)
{
    struct span s = SPAN("");
    int rc = yaml_get_text(map, key, required, &s, r->e);
    if (rc != 0 || yaml_get(map, key) == NULL) {
        return rc;
    }
    bool fine = s.len > 0 && s.len <= most && utf8_valid(s);
    for (size_t i = 0; fine && i < s.len; i++) {
        fine = (unsigned char)s.ptr[i] >= 0x20 && s.ptr[i] != 0x7f;
    }
    *out = arena_copy(r->a, s);
    return fine ? 0 : sign_in_wrong(r, yaml_get(map, key), "is empty, too long or no plain text");
}

int sign_in_path(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, struct span *out)
{
    int rc = sign_in_text(r, map, key, false, CONFIG_TEXT_MAX, out);
    if (rc == 0 && out->len > 0 && out->ptr[0] != '/' && r->folder.len > 0) {
        *out = span_of(arena_printf(r->a, "%.*s/%.*s", SPAN_ARG(r->folder), SPAN_ARG(*out)));
    }
    return rc;
}

static int list(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, struct provider_list *out)
{
    const struct span *texts = NULL;
    uint32_t n = 0;
    int rc = yaml_get_texts(r->a, map, key, false, &texts, &n, r->e);
    if (rc != 0 || n == 0) {
        return rc;
    }
    if (n > PROVIDER_LIST_MAX) {
        return sign_in_wrong(r, yaml_get(map, key), "too many entries");
    }
    out->text = arena_calloc(r->a, n, sizeof *out->text);
    out->n = n;
    for (uint32_t i = 0; i < n; i++) {
        if (texts[i].len == 0 || texts[i].len > PROVIDER_TEXT_MAX || memchr(texts[i].ptr, '\0', texts[i].len) != NULL) {
            return sign_in_wrong(r, yaml_get(map, key), "an entry is empty or too long");
        }
        out->text[i] = arena_copy(r->a, texts[i]);
    }
    return 0;
}

static int read_allow(const struct sign_in_reading *r, const struct yaml_node *map, struct provider *p)
{
    int rc = list(r, map, "allow", &p->allow);
    for (uint32_t i = 0; rc == 0 && i < p->allow.n; i++) {
        struct net_range range;
        rc = net_range_parse(p->allow.text[i], &range, NULL) == 0 ? 0 : sign_in_wrong(r, yaml_get(map, "allow"), "allow: networks like 10.20.0.0/16");
    }
    return rc;
}

/* scopes: [openid, profile]: as it is asked for, with blanks. */
static int read_scopes(const struct sign_in_reading *r, const struct yaml_node *map, struct provider *p)
{
    struct provider_list scopes = {0};
    bool openid = false;
    p->scope = SPAN("openid profile email");
    int rc = list(r, map, "scopes", &scopes);
    if (rc != 0 || scopes.n == 0) {
        return rc;
    }
    p->scope = SPAN("");
    for (uint32_t i = 0; i < scopes.n; i++) {
        if (span_find(scopes.text[i], ' ') >= 0) {
            return sign_in_wrong(r, yaml_get(map, "scopes"), "a scope has no blank");
        }
        openid |= span_eq(scopes.text[i], SPAN("openid"));
        p->scope = span_of(arena_printf(r->a, "%.*s%s%.*s", SPAN_ARG(p->scope), i == 0 ? "" : " ", SPAN_ARG(scopes.text[i])));
    }
    return openid ? 0 : sign_in_wrong(r, yaml_get(map, "scopes"), "scopes must have openid");
}

/* roles: [{group: soc, role: analyst, organisation: Ourtown}] */
int sign_in_roles(const struct sign_in_reading *r, const struct yaml_node *map, struct provider_role **out, uint32_t *count_out)
{
    static const char *const keys[] = {"group", "role", "organisation", NULL};
    const struct yaml_node *rows = yaml_get(map, "roles");
    int rc = rows == NULL ? sign_in_wrong(r, map, "roles is missing: who may do what") : yaml_expect(rows, YAML_SEQ, "roles", r->e);
    if (rc == 0 && (rows->len == 0 || rows->len > PROVIDER_ROLES_MAX)) {
        rc = sign_in_wrong(r, rows, "roles has no row, or too many");
    }
    if (rc != 0) {
        return rc;
    }
    struct provider_role *all = arena_calloc(r->a, rows->len, sizeof *all);
    *out = all;
    *count_out = rows->len;
    for (uint32_t i = 0; rc == 0 && i < rows->len; i++) {
        struct provider_role *row = &all[i];
        row->organisation = SPAN("*");
        rc = yaml_expect(rows->items[i], YAML_MAP, "a row of roles", r->e);
        rc = rc == 0 ? yaml_known_keys(rows->items[i], keys, r->e) : rc;
        rc = rc == 0 ? sign_in_text(r, rows->items[i], "group", true, PROVIDER_TEXT_MAX, &row->group) : rc;
        rc = rc == 0 ? sign_in_text(r, rows->items[i], "role", true, CONFIG_NAME_MAX, &row->role) : rc;
        rc = rc == 0 ? sign_in_text(r, rows->items[i], "organisation", false, CONFIG_NAME_MAX, &row->organisation) : rc;
    }
    return rc;
}

static int read_claims(const struct sign_in_reading *r, const struct yaml_node *map, struct provider *p)
{
    static const char *const keys[] = {"name", "groups", NULL};
    static const char *const factor_keys[] = {"amr", "acr", NULL};
    const struct yaml_node *claims = yaml_get(map, "claims"), *factor = yaml_get(map, "second_factor");
    int rc = claims == NULL ? 0 : yaml_expect(claims, YAML_MAP, "claims", r->e);
    p->name_claim = SPAN("preferred_username");
    p->groups_claim = SPAN("groups");
    if (rc == 0 && claims != NULL) {
        rc = yaml_known_keys(claims, keys, r->e);
        rc = rc == 0 ? sign_in_text(r, claims, "name", false, PROVIDER_TEXT_MAX, &p->name_claim) : rc;
        rc = rc == 0 ? sign_in_text(r, claims, "groups", false, PROVIDER_TEXT_MAX, &p->groups_claim) : rc;
    }
    rc = rc == 0 && factor != NULL ? yaml_expect(factor, YAML_MAP, "second_factor", r->e) : rc;
    if (rc == 0 && factor != NULL) {
        rc = yaml_known_keys(factor, factor_keys, r->e);
        rc = rc == 0 ? list(r, factor, "amr", &p->amr) : rc;
        rc = rc == 0 ? list(r, factor, "acr", &p->acr) : rc;
    }
    return rc;
}

static int read_address(const struct sign_in_reading *r, const struct yaml_node *map, struct provider *p)
{
    int rc = sign_in_text(r, map, "issuer", true, PROVIDER_URL_MAX, &p->issuer);
    if (rc == 0 && (!provider_url_valid(p->issuer) || span_find(p->issuer, '?') >= 0)) {
        rc = sign_in_wrong(r, yaml_get(map, "issuer"), "issuer must be an https address");
    }
    rc = rc == 0 ? sign_in_path(r, map, "ca_file", &p->ca_file) : rc;
    rc = rc == 0 ? sign_in_text(r, map, "proxy", false, PROVIDER_TEXT_MAX, &p->proxy) : rc;
    if (rc == 0 && p->proxy.len > 0 && !span_starts(p->proxy, SPAN("http://")) && !span_starts(p->proxy, SPAN("https://"))) {
        rc = sign_in_wrong(r, yaml_get(map, "proxy"), "proxy must be like http://host:3128");
    }
    rc = rc == 0 ? list(r, map, "hosts", &p->hosts) : rc;
    for (uint32_t i = 0; rc == 0 && i < p->hosts.n; i++) {
        const char *url = arena_printf(r->a, "https://%.*s", SPAN_ARG(p->hosts.text[i]));
        bool host = provider_url_valid(span_of(url)) && span_eq(provider_host(span_of(url)), p->hosts.text[i]);
        rc = host ? 0 : sign_in_wrong(r, yaml_get(map, "hosts"), "hosts: names like keys.example, without https:// and port");
    }
    return rc == 0 ? read_allow(r, map, p) : rc;
}

static int read_provider(const struct sign_in_reading *r, const struct yaml_node *map, const struct sign_in *before, struct provider *p)
{
    static const char *const keys[] = {"name", "title", "issuer", "client_id", "client_secret_file", "ca_file", "proxy", "hosts", "allow",
                                       "scopes", "claims", "roles", "second_factor", NULL};
    int rc = yaml_expect(map, YAML_MAP, "a provider", r->e);
    rc = rc == 0 ? yaml_known_keys(map, keys, r->e) : rc;
    rc = rc == 0 ? sign_in_text(r, map, "name", true, PROVIDER_NAME_MAX, &p->name) : rc;
    if (rc == 0 && !provider_name_valid(p->name)) {
        rc = sign_in_wrong(r, yaml_get(map, "name"), "a provider's name has small letters, digits and dashes");
    }
    if (rc == 0 && provider_find(before, p->name) != NULL) {
        rc = sign_in_wrong(r, yaml_get(map, "name"), "two providers have this name");
    }
    p->title = p->name;
    rc = rc == 0 ? sign_in_text(r, map, "title", false, CONFIG_NAME_MAX, &p->title) : rc;
    rc = rc == 0 ? read_address(r, map, p) : rc;
    rc = rc == 0 ? sign_in_text(r, map, "client_id", true, PROVIDER_TEXT_MAX, &p->client_id) : rc;
    rc = rc == 0 ? sign_in_path(r, map, "client_secret_file", &p->secret_file) : rc;
    p->has_secret = p->secret_file.len > 0;
    rc = rc == 0 ? read_scopes(r, map, p) : rc;
    rc = rc == 0 ? read_claims(r, map, p) : rc;
    return rc == 0 ? sign_in_roles(r, map, &p->roles, &p->nroles) : rc;
}

/* Without TLS only where nobody can listen: browsers bring the code there. */
static bool is_here(struct span url)
{
    static const char *const names[] = {"http://127.0.0.1", "http://localhost"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct span name = span_of(names[i]);
        if (span_starts(url, name) && (url.len == name.len || (url.ptr[name.len] == ':' && span_find(span_sub(url, name.len, url.len), '@') < 0))) {
            return true;
        }
    }
    return false;
}

static int read_providers(const struct sign_in_reading *r, const struct yaml_node *map, struct sign_in *s)
{
    const struct yaml_node *all = yaml_get(map, "oidc");
    int rc = all != NULL ? yaml_expect(all, YAML_SEQ, "oidc", r->e) : 0;
    if (rc != 0 || all == NULL) {
        return rc;
    }
    if (all->len > PROVIDERS_MAX) {
        return sign_in_wrong(r, all, "too many providers");
    }
    s->providers = arena_calloc(r->a, all->len, sizeof *s->providers);
    for (uint32_t i = 0; rc == 0 && i < all->len; i++) {
        rc = read_provider(r, all->items[i], s, &s->providers[i]);
        s->n += rc == 0;
    }
    return rc;
}

int config_sign_in_read(struct config *c, const struct yaml_node *root, struct span folder, struct err *e)
{
    static const char *const keys[] = {"url", "oidc", "ldap", NULL};
    const struct sign_in_reading r = {&c->arena, folder, e};
    struct sign_in *s = &c->sign_in;
    const struct yaml_node *map = yaml_get(root, "sign_in");
    if (map == NULL) {
        return 0;
    }
    int rc = yaml_expect(map, YAML_MAP, "sign_in", e);
    rc = rc == 0 ? yaml_known_keys(map, keys, e) : rc;
    rc = rc == 0 ? sign_in_text(&r, map, "url", true, PROVIDER_URL_MAX, &s->url) : rc;
    if (rc == 0 && ((!is_here(s->url) && !provider_url_valid(s->url)) || span_ends(s->url, SPAN("/")) || span_find(s->url, '?') >= 0)) {
        return sign_in_wrong(&r, yaml_get(map, "url"), "url must be where people reach the desk: https://soc.example, without / at its end");
    }
    rc = rc == 0 ? read_providers(&r, map, s) : rc;
    return rc == 0 ? config_directories_read(&r, map, s) : rc;
}

/* ---- to the roles ---- */

static void put_list(struct buf *out, const struct provider_list *l, bool told)
{
    buf_u32(out, told ? l->n : 0);
    for (uint32_t i = 0; told && i < l->n; i++) {
        buf_str(out, l->text[i]);
    }
}

void sign_in_put_roles(struct buf *out, const struct provider_role *roles, uint32_t n)
{
    buf_u32(out, n);
    for (uint32_t k = 0; k < n; k++) {
        buf_str(out, roles[k].group);
        buf_str(out, roles[k].role);
        buf_str(out, roles[k].organisation);
    }
}

void config_sign_in_put(struct buf *out, const struct config *c, enum role_id role)
{
    bool desk = role == ROLE_DESK, courier = role == ROLE_COURIER;
    const struct sign_in *s = &c->sign_in;
    buf_str(out, desk ? s->url : SPAN(""));
    buf_u32(out, desk || courier ? s->n : 0);
    for (uint32_t i = 0; (desk || courier) && i < s->n; i++) {
        const struct provider *p = &s->providers[i];
        const struct span texts[] = {p->name, desk ? p->title : SPAN(""), p->issuer, p->client_id, courier ? p->secret_file : SPAN(""),
                                     courier ? p->ca_file : SPAN(""), courier ? p->proxy : SPAN(""), desk ? p->scope : SPAN(""),
                                     desk ? p->name_claim : SPAN(""), desk ? p->groups_claim : SPAN("")};
        for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
            buf_str(out, texts[t]);
        }
        buf_u8(out, p->has_secret);
        put_list(out, &p->hosts, true);
        put_list(out, &p->allow, courier);
        put_list(out, &p->amr, desk);
        put_list(out, &p->acr, desk);
        sign_in_put_roles(out, p->roles, desk ? p->nroles : 0);
    }
    config_directories_put(out, s, desk, courier);
}

struct span sign_in_get_text(struct config *c, struct cursor *in)
{
    struct span s = cursor_str(in);
    in->failed = in->failed || s.len > CONFIG_TEXT_MAX;
    return in->failed ? SPAN("") : arena_copy(&c->arena, s);
}

uint32_t sign_in_get_count(struct cursor *in, uint32_t most)
{
    uint32_t n = cursor_u32(in);
    in->failed = in->failed || n > most;
    return in->failed ? 0 : n;
}

void sign_in_get_roles(struct config *c, struct cursor *in, struct provider_role **out, uint32_t *count_out)
{
    *count_out = sign_in_get_count(in, PROVIDER_ROLES_MAX);
    *out = arena_calloc(&c->arena, *count_out, sizeof **out);
    for (uint32_t k = 0; k < *count_out; k++) {
        (*out)[k].group = sign_in_get_text(c, in);
        (*out)[k].role = sign_in_get_text(c, in);
        (*out)[k].organisation = sign_in_get_text(c, in);
    }
}

static void get_list(struct config *c, struct cursor *in, struct provider_list *out)
{
    out->n = sign_in_get_count(in, PROVIDER_LIST_MAX);
    out->text = arena_calloc(&c->arena, out->n, sizeof *out->text);
    for (uint32_t i = 0; i < out->n; i++) {
        out->text[i] = sign_in_get_text(c, in);
    }
}

static void get_provider(struct config *c, struct cursor *in, struct provider *p)
{
    struct span *const texts[] = {&p->name, &p->title, &p->issuer, &p->client_id, &p->secret_file,
                                  &p->ca_file, &p->proxy, &p->scope, &p->name_claim, &p->groups_claim};
    for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
        *texts[t] = sign_in_get_text(c, in);
    }
    p->has_secret = cursor_u8(in) == 1;
    get_list(c, in, &p->hosts);
    get_list(c, in, &p->allow);
    get_list(c, in, &p->amr);
    get_list(c, in, &p->acr);
    sign_in_get_roles(c, in, &p->roles, &p->nroles);
}

void config_sign_in_get(struct config *c, struct cursor *in)
{
    struct sign_in *s = &c->sign_in;
    s->url = sign_in_get_text(c, in);
    s->n = sign_in_get_count(in, PROVIDERS_MAX);
    s->providers = arena_calloc(&c->arena, s->n, sizeof *s->providers);
    for (uint32_t i = 0; i < s->n && !in->failed; i++) {
        get_provider(c, in, &s->providers[i]);
    }
    config_directories_get(c, in, s);
}
