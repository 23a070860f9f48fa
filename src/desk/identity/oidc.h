/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * OpenID Connect as far as a node needs it: the code flow with PKCE (RFC 7636), of which the desk builds the first address and reads
 * what the courier brings: discovery document, keys, the token endpoint's answer, the id token. Every one of them is hostile until it
 * was checked. Pure: no I/O, the caller brings the clock. libcjose verifies signatures (RFC 7515) and gets only what was read here.
 */
#ifndef DESK_IDENTITY_OIDC_H
#define DESK_IDENTITY_OIDC_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "desk/identity/provider.h"

enum {
    OIDC_DOCUMENT_MAX = 512 << 10, /* bytes of discovery document, keys or token answer */
    OIDC_TOKEN_MAX = 64 << 10,     /* bytes of an id token: hundreds of groups */
    OIDC_HEADER_MAX = 8 << 10,     /* bytes of its header, decoded */
    OIDC_KEYS_MAX = 64,            /* of one provider */
    OIDC_SUBJECT_MAX = 255,        /* bytes (OpenID Connect Core §2) */
    OIDC_SKEW_S = 120,             /* that two clocks may differ */
    OIDC_AGE_MAX_S = 600,          /* since an id token was made */
    OIDC_CHALLENGE_LEN = 43,       /* base64url of SHA-256 */
    OIDC_GROUPS_MAX = 2048,        /* that are looked at */
};

/* Of a discovery document (OpenID Connect Discovery §3). Texts in the arena it was read into. */
struct oidc_discovery {
    struct span authorization_endpoint, token_endpoint, jwks_uri;
    bool names_issuer; /* the answer must carry iss (RFC 9207 §3) */
    bool secret_in_form; /* client_secret_post is taken; else client_secret_basic */
};
/* ERR_INVALID: broken, of another issuer, an endpoint that is not allowed, no code flow, no S256. */
int oidc_discovery_read(struct arena *a, struct span json, const struct provider *p, struct oidc_discovery *out, struct err *e) NODISCARD;

/* One public key of a provider (RFC 7517), its parts as base64url. */
struct oidc_key {
    struct span kid, alg; /* may be empty */
    bool rsa;
    struct span n, e;      /* RSA */
    struct span crv, x, y; /* EC */
};
struct oidc_keys {
    uint32_t n;
    struct oidc_key key[OIDC_KEYS_MAX];
};
/* Keys of other kinds and uses are left out; symmetric ones never count. ERR_INVALID; ERR_LIMIT: too many. */
int oidc_keys_read(struct arena *a, struct span json, struct oidc_keys *out, struct err *e) NODISCARD;

/* The id token of a token endpoint's answer (OpenID Connect Core §3.1.3.3). ERR_DENIED: the answer is an error (e says which). */
int oidc_answer_read(struct arena *a, struct span json, struct span *id_token_out, struct err *e) NODISCARD;

/* S256 of RFC 7636 §4.2. */
void oidc_challenge(struct span verifier, char out[OIDC_CHALLENGE_LEN + 1]);

/* Value of a form field or query, percent-encoded (RFC 3986 §2.3). */
void oidc_form_value(struct buf *out, struct span value);

struct oidc_request {
    struct span redirect, state, nonce, verifier;
};
/* Where the browser is sent. */
void oidc_authorization_url(struct buf *out, const struct provider *p, const struct oidc_discovery *d, const struct oidc_request *r);

/* Who signed in. Texts in the arena. */
struct oidc_person {
    struct span subject, name;
    bool factor;                      /* the provider asked for a second one, of a kind that the config counts */
    const struct provider_role *role; /* NULL: no group of his has one */
};
struct oidc_expect {
    const struct provider *provider;
    const struct oidc_keys *keys;
    struct span nonce;
    time_ns now;
};
/*
 * Verifies an id token (OpenID Connect Core §3.1.3.7) and says who it is of. ERR_NOT_FOUND: it is signed with a key that is not among
 * these; ERR_DENIED: signed, and not for us, not now, or not for this sign-in; ERR_INVALID: no id token, or its signature is wrong.
 */
int oidc_id_token_check(struct arena *a, struct span token, const struct oidc_expect *x, struct oidc_person *out, struct err *e) NODISCARD;
/* The part of it that comes after the signature: JSON of a token that was verified. ERR_INVALID, ERR_DENIED. */
int oidc_claims_check(struct arena *a, struct span json, const struct oidc_expect *x, struct oidc_person *out, struct err *e) NODISCARD;

/* Before the sandbox: the libraries read their tables. */
int oidc_preload(struct err *e) NODISCARD;

#endif
