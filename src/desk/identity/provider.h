/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the config says of providers that sign people in: OpenID Connect. Plain data: roles/config_sign_in.c reads it from sereno.yml,
 * the courier connects by it, the desk decides by it. A provider says who somebody is; the config alone says what that is worth here.
 */
#ifndef DESK_IDENTITY_PROVIDER_H
#define DESK_IDENTITY_PROVIDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    PROVIDERS_MAX = 8,         /* of one node */
    PROVIDER_NAME_MAX = 32,    /* bytes; part of an address */
    PROVIDER_URL_MAX = 1024,   /* bytes of an issuer or an endpoint */
    PROVIDER_TEXT_MAX = 256,   /* bytes of any other text */
    PROVIDER_ROLES_MAX = 500,  /* rows of groups and roles */
    PROVIDER_LIST_MAX = 32,    /* hosts, networks, values of amr or acr */
};

/* Who is in that group has this role. */
struct provider_role {
    struct span group, role, organisation; /* organisation: "*" = the whole node */
};

struct provider_list {
    uint32_t n;
    struct span *text;
};

struct provider {
    struct span name;        /* small letters, digits, - */
    struct span title;       /* on the button */
    struct span issuer;      /* https://… exactly as the provider says it */
    struct span client_id;
    struct span secret_file, ca_file; /* paths; empty = none; never told to the desk */
    bool has_secret;
    struct span proxy;       /* "http://host:3128"; empty = none */
    struct span scope;       /* "openid profile email" */
    struct span name_claim, groups_claim; /* dots lead into objects: realm_access.roles */
    struct provider_list hosts; /* beside the issuer's: where its endpoints may lie */
    struct provider_list allow; /* networks of addresses that are not public */
    struct provider_list amr, acr; /* values that count as a second factor; none = the provider's does not count */
    uint32_t nroles;
    struct provider_role *roles; /* the first row that fits counts */
};

struct directory; /* directory.h */

struct sign_in {
    struct span url; /* where people reach the desk: "https://soc.example"; empty = no provider */
    uint32_t n;
    struct provider *providers;
    uint32_t ndirectories;
    struct directory *directories;
};

/* By name, or NULL. */
static inline const struct provider *provider_find(const struct sign_in *s, struct span name)
{
    for (uint32_t i = 0; i < s->n; i++) {
        if (span_eq(s->providers[i].name, name)) {
            return &s->providers[i];
        }
    }
    return NULL;
}

/* The host of an https address, without port; empty: it is none, or has a name or password in it. */
struct span provider_host(struct span url);
/* An https address of at most PROVIDER_URL_MAX bytes with a host, and nothing in it that could be read in two ways: no blank, no
 * control character, no fragment, no user, no backslash. */
bool provider_url_valid(struct span url);
/* Whether the provider's endpoints may lie there. */
bool provider_url_allowed(const struct provider *p, struct span url);
/* "city-2": PROVIDER_NAME_MAX small letters, digits and dashes. */
bool provider_name_valid(struct span name);

#endif
