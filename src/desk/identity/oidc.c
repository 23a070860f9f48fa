/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents and addresses of OpenID Connect: see oidc.h. The id token is id_token.c. */
#include "desk/identity/oidc.h"

#include <sodium.h>

#include "wire/jcs.h"

enum { DOCUMENT_DEPTH = 16 };

/* A list of texts holds it; absent: `otherwise`. */
static bool lists(const struct jcs *doc, const char *key, struct span text, bool otherwise)
{
    const struct jcs *list = jcs_get_array(doc, key);
    for (const struct jcs *x = list == NULL ? NULL : list->first; x != NULL; x = x->next) {
        if (x->kind == JCS_TEXT && span_eq(x->text, text)) {
            return true;
        }
    }
    return list == NULL && jcs_get(doc, key) == NULL && otherwise;
}

static int endpoint(const struct jcs *doc, const char *key, const struct provider *p, struct span *out, struct err *e)
{
    if (!jcs_get_text(doc, key, out)) {
        return err_set(e, ERR_INVALID, "the discovery document has no %s", key);
    }
    if (!provider_url_allowed(p, *out)) {
        return err_set(e, ERR_INVALID, "%s is no https address on a host that the config names (hosts)", key);
    }
    return 0;
}

static int read_document(struct arena *a, struct span json, const struct jcs **out, struct err *e)
{
    struct jcs *doc = NULL;
    if (json.len > OIDC_DOCUMENT_MAX) {
        return err_set(e, ERR_INVALID, "the document is too large");
    }
    if (jcs_read_decimals(a, json, DOCUMENT_DEPTH, &doc, e) < 0) {
        return ERR_INVALID;
    }
    *out = doc;
    return doc->kind == JCS_OBJECT ? 0 : err_set(e, ERR_INVALID, "the document is no object");
}

int oidc_discovery_read(struct arena *a, struct span json, const struct provider *p, struct oidc_discovery *out, struct err *e)
{
    const struct jcs *doc = NULL;
    struct span issuer = SPAN("");
    *out = (struct oidc_discovery){0};
    int rc = read_document(a, json, &doc, e);
    if (rc == 0 && (!jcs_get_text(doc, "issuer", &issuer) || !span_eq(issuer, p->issuer))) {
        rc = err_set(e, ERR_INVALID, "the discovery document is of another issuer");
    }
    rc = rc == 0 ? endpoint(doc, "authorization_endpoint", p, &out->authorization_endpoint, e) : rc;
    rc = rc == 0 ? endpoint(doc, "token_endpoint", p, &out->token_endpoint, e) : rc;
    rc = rc == 0 ? endpoint(doc, "jwks_uri", p, &out->jwks_uri, e) : rc;
    if (rc == 0 && !lists(doc, "response_types_supported", SPAN("code"), true)) {
        rc = err_set(e, ERR_INVALID, "the provider has no code flow");
    }
    if (rc == 0 && !lists(doc, "code_challenge_methods_supported", SPAN("S256"), true)) { /* some do it and do not say so */
        rc = err_set(e, ERR_INVALID, "the provider has no PKCE with S256");
    }
    if (rc < 0) {
        return rc;
    }
    bool named = false;
    out->names_issuer = jcs_get_bool(doc, "authorization_response_iss_parameter_supported", &named) && named;
    /* not the header where the form will do: providers differ in how they decode it */
    out->secret_in_form = lists(doc, "token_endpoint_auth_methods_supported", SPAN("client_secret_post"), false);
    return 0;
}

/* ---- keys ---- */

static struct span text_of(const struct jcs *o, const char *key)
{
    struct span s = SPAN("");
    bool there = jcs_get_text(o, key, &s);
    return there ? s : SPAN("");
}

static bool is_base64url(struct span s, size_t least, size_t most)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
        if (!fine) {
            return false;
        }
    }
    return s.len >= least && s.len <= most && s.len % 4 != 1; /* a single digit of a group says no byte, and libcjose falls over it */
}

/* Room of base64url without padding. */
#define ENCODED(bytes) (((bytes) * 4 + 2) / 3)

static bool rsa_fits(const struct oidc_key *k)
{
    /* 2048 to 8192 bits; an exponent of at most 32 bits: more costs time and gives nothing */
    return is_base64url(k->n, ENCODED(2048 / 8), ENCODED(8192 / 8)) && is_base64url(k->e, 2, ENCODED(4));
}

static bool ec_fits(const struct oidc_key *k)
{
    static const struct {
        const char *name;
        size_t bytes;
    } curves[] = {{"P-256", 32}, {"P-384", 48}, {"P-521", 66}};
    for (size_t i = 0; i < ARRAY_LEN(curves); i++) {
        size_t n = ENCODED(curves[i].bytes);
        if (span_eq(k->crv, span_of(curves[i].name))) {
            return is_base64url(k->x, n, n) && is_base64url(k->y, n, n);
        }
    }
    return false;
}

/* False: of a kind or for a use that is not ours. */
static bool key_read(const struct jcs *o, struct oidc_key *k)
{
    struct span kty = text_of(o, "kty"), use = text_of(o, "use");
    *k = (struct oidc_key){.kid = text_of(o, "kid"), .alg = text_of(o, "alg"), .n = text_of(o, "n"), .e = text_of(o, "e"),
                           .crv = text_of(o, "crv"), .x = text_of(o, "x"), .y = text_of(o, "y")};
    if ((use.len > 0 && !span_eq(use, SPAN("sig"))) || k->kid.len > PROVIDER_TEXT_MAX) {
        return false;
    }
    k->rsa = span_eq(kty, SPAN("RSA"));
    return k->rsa ? rsa_fits(k) : span_eq(kty, SPAN("EC")) && ec_fits(k);
}

int oidc_keys_read(struct arena *a, struct span json, struct oidc_keys *out, struct err *e)
{
    const struct jcs *doc = NULL;
    out->n = 0;
    int rc = read_document(a, json, &doc, e);
    const struct jcs *list = rc == 0 ? jcs_get_array(doc, "keys") : NULL;
    if (list == NULL) {
        return rc < 0 ? rc : err_set(e, ERR_INVALID, "the document has no keys");
    }
    for (const struct jcs *o = list->first; o != NULL; o = o->next) {
        struct oidc_key k;
        if (!key_read(o, &k)) {
            continue;
        }
        if (out->n == OIDC_KEYS_MAX) {
            return err_set(e, ERR_LIMIT, "more than %d keys", OIDC_KEYS_MAX);
        }
        out->key[out->n++] = k;
    }
    return out->n > 0 ? 0 : err_set(e, ERR_INVALID, "the document has no key that can be used");
}

int oidc_answer_read(struct arena *a, struct span json, struct span *id_token_out, struct err *e)
{
    const struct jcs *doc = NULL;
    *id_token_out = SPAN("");
    int rc = read_document(a, json, &doc, e);
    if (rc < 0) {
        return rc;
    }
    struct span error = text_of(doc, "error");
    if (error.len > 0) {
        return err_set(e, ERR_DENIED, "the provider says: %.*s", SPAN_ARG(span_sub(error, 0, 64)));
    }
    *id_token_out = text_of(doc, "id_token");
    if (id_token_out->len == 0 || id_token_out->len > OIDC_TOKEN_MAX) {
        return err_set(e, ERR_INVALID, "the answer has no id token, or one that is too large");
    }
    return 0;
}

/* ---- addresses ---- */

void oidc_challenge(struct span verifier, char out[OIDC_CHALLENGE_LEN + 1])
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    (void)crypto_hash_sha256(hash, (const unsigned char *)verifier.ptr, verifier.len);
    (void)sodium_bin2base64(out, OIDC_CHALLENGE_LEN + 1, hash, sizeof hash, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void oidc_form_value(struct buf *out, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_put(out, &c, 1);
        } else {
            buf_printf(out, "%%%02X", c);
        }
    }
}

void oidc_authorization_url(struct buf *out, const struct provider *p, const struct oidc_discovery *d, const struct oidc_request *r)
{
    char challenge[OIDC_CHALLENGE_LEN + 1];
    oidc_challenge(r->verifier, challenge);
    const struct {
        const char *name;
        struct span value;
    } fields[] = {{"response_type", SPAN("code")}, {"client_id", p->client_id}, {"redirect_uri", r->redirect}, {"scope", p->scope},
                  {"state", r->state}, {"nonce", r->nonce}, {"code_challenge", span_of(challenge)}, {"code_challenge_method", SPAN("S256")}};
    buf_span(out, d->authorization_endpoint);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        bool first = i == 0 && span_find(d->authorization_endpoint, '?') < 0;
        buf_printf(out, "%s%s=", first ? "?" : "&", fields[i].name);
        oidc_form_value(out, fields[i].value);
    }
}
