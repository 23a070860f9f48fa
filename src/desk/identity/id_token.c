/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The id token: signature, then what it says. libcjose (which reads JSON by jansson) gets the token only after its header was read
 * here and found to be one of a few signatures with a public key, and that one key rebuilt from checked parts. See oidc.h.
 */
#include "desk/identity/oidc.h"

#include <cjose/cjose.h>
#include <sodium.h>
#include <string.h>

#include "base/utf8.h"
#include "wire/jcs.h"

enum { HEADER_DEPTH = 4, CLAIMS_DEPTH = 12, KEY_JSON_MAX = 4096 };

/* The signatures that count (RFC 7518 §3.1): none with a shared key, and never "none". */
static const struct algorithm {
    const char *name;
    const char *crv; /* NULL = RSA */
} algorithms[] = {{"RS256", NULL}, {"RS384", NULL}, {"RS512", NULL}, {"PS256", NULL}, {"PS384", NULL}, {"PS512", NULL},
                  {"ES256", "P-256"}, {"ES384", "P-384"}, {"ES512", "P-521"}};

static const struct algorithm *algorithm_of(struct span name)
{
    for (size_t i = 0; i < ARRAY_LEN(algorithms); i++) {
        if (span_eq(name, span_of(algorithms[i].name))) {
            return &algorithms[i];
        }
    }
    return NULL;
}

static bool fits(const struct oidc_key *k, const struct algorithm *alg)
{
    bool kind = alg->crv == NULL ? k->rsa : !k->rsa && span_eq(k->crv, span_of(alg->crv));
    return kind && (k->alg.len == 0 || span_eq(k->alg, span_of(alg->name)));
}

/* NULL: none; without a kid only where there is one that it can be. */
static const struct oidc_key *key_find(const struct oidc_keys *keys, struct span kid, const struct algorithm *alg)
{
    const struct oidc_key *found = NULL;
    for (uint32_t i = 0; i < keys->n; i++) {
        const struct oidc_key *k = &keys->key[i];
        if (!fits(k, alg) || (kid.len > 0 && !span_eq(k->kid, kid))) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = k;
    }
    return found;
}

static int decode(struct arena *a, struct span text, struct span *out, struct err *e)
{
    size_t room = text.len / 4 * 3 + 3, len = 0;
    const char *end = NULL;
    char *bytes = arena_bytes(a, room);
    if (sodium_base642bin((unsigned char *)bytes, room, text.ptr, text.len, NULL, &len, &end, sodium_base64_VARIANT_URLSAFE_NO_PADDING) != 0 ||
        end != text.ptr + text.len) {
        return err_set(e, ERR_INVALID, "the id token is not base64url");
    }
    *out = span_make(bytes, len);
    return 0;
}

/* Header, and that there are three parts. */
static int header_read(struct arena *a, struct span token, const struct algorithm **alg, struct span *kid, struct err *e)
{
    struct span json = SPAN(""), name = SPAN(""), rest_of_it = SPAN("");
    struct jcs *header = NULL;
    ptrdiff_t first = span_find(token, '.');
    struct span rest = first < 0 ? SPAN("") : span_sub(token, (size_t)first + 1, token.len);
    ptrdiff_t second = span_find(rest, '.');
    struct span tail = second < 0 ? SPAN("") : span_sub(rest, (size_t)second + 1, rest.len);
    if (first <= 0 || second <= 0 || tail.len == 0 || span_find(tail, '.') >= 0 || (size_t)first > OIDC_HEADER_MAX || token.len > OIDC_TOKEN_MAX) {
        return err_set(e, ERR_INVALID, "the id token has not three parts");
    }
    /* all of it, strictly, before libcjose sees it: that falls over padding in the middle */
    int rc = decode(a, span_sub(token, 0, (size_t)first), &json, e);
    rc = rc == 0 ? decode(a, span_sub(rest, 0, (size_t)second), &rest_of_it, e) : rc;
    rc = rc == 0 ? decode(a, tail, &rest_of_it, e) : rc;
    rc = rc == 0 ? jcs_read_decimals(a, json, HEADER_DEPTH, &header, e) : rc;
    if (rc < 0) {
        return ERR_INVALID;
    }
    *kid = SPAN("");
    if (header->kind != JCS_OBJECT || !jcs_get_text(header, "alg", &name) || (*alg = algorithm_of(name)) == NULL) {
        return err_set(e, ERR_INVALID, "the id token is not signed in a way that counts");
    }
    if (jcs_get(header, "kid") != NULL && !jcs_get_text(header, "kid", kid)) {
        return err_set(e, ERR_INVALID, "the id token's kid is no text");
    }
    /* RFC 7515 §4.1.11: what must be understood, and is not */
    return jcs_get(header, "crit") == NULL ? 0 : err_set(e, ERR_INVALID, "the id token has critical extensions");
}

/* The signed bytes, copied; the key was checked when it was read. */
static int verify(struct arena *a, struct span token, const struct oidc_key *k, struct span *claims, struct err *e)
{
    cjose_err ce = {0};
    uint8_t *plain = NULL;
    size_t len = 0;
    struct buf json;
    buf_init(&json, KEY_JSON_MAX);
    if (k->rsa) {
        buf_printf(&json, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"}", SPAN_ARG(k->n), SPAN_ARG(k->e));
    } else {
        buf_printf(&json, "{\"kty\":\"EC\",\"crv\":\"%.*s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}", SPAN_ARG(k->crv), SPAN_ARG(k->x), SPAN_ARG(k->y));
    }
    CHECK(!json.failed);
    cjose_jwk_t *key = cjose_jwk_import(json.data, json.len, &ce);
    cjose_jws_t *jws = key == NULL ? NULL : cjose_jws_import(token.ptr, token.len, &ce);
    bool good = jws != NULL && cjose_jws_verify(jws, key, &ce) && cjose_jws_get_plaintext(jws, &plain, &len, &ce);
    if (good) {
        *claims = arena_copy(a, span_make((const char *)plain, len));
    }
    if (jws != NULL) {
        cjose_jws_release(jws);
    }
    if (key != NULL) {
        (void)cjose_jwk_release(key);
    }
    buf_free(&json);
    return good ? 0 : err_set(e, ERR_INVALID, "the id token's signature is wrong");
}

/* ---- what it says ---- */

static int denied(struct err *e, const char *why)
{
    return err_set(e, ERR_DENIED, "%s", why);
}

/* A text that is it, or a list that holds it. *several_out: a list of more than one. */
static bool holds(const struct jcs *v, struct span text, bool *several_out)
{
    *several_out = v != NULL && v->kind == JCS_ARRAY && v->count > 1;
    if (v == NULL || v->kind == JCS_TEXT) {
        return v != NULL && span_eq(v->text, text);
    }
    for (const struct jcs *x = v->kind == JCS_ARRAY ? v->first : NULL; x != NULL; x = x->next) {
        if (x->kind == JCS_TEXT && span_eq(x->text, text)) {
            return true;
        }
    }
    return false;
}

static int check_audience(const struct jcs *claims, const struct provider *p, struct err *e)
{
    struct span issuer = SPAN(""), party = SPAN("");
    bool several = false;
    if (!jcs_get_text(claims, "iss", &issuer) || !span_eq(issuer, p->issuer)) {
        return denied(e, "the id token is of another issuer");
    }
    if (!holds(jcs_get(claims, "aud"), p->client_id, &several)) {
        return denied(e, "the id token is for somebody else");
    }
    bool named = jcs_get_text(claims, "azp", &party);
    if ((several || jcs_get(claims, "azp") != NULL) && (!named || !span_eq(party, p->client_id))) {
        return denied(e, "the id token was made for another party");
    }
    return 0;
}

static int check_times(const struct jcs *claims, time_ns now_ns, struct err *e)
{
    int64_t exp = 0, iat = 0, nbf = 0, now = now_ns / TIME_SECOND;
    if (!jcs_get_int(claims, "exp", &exp) || !jcs_get_int(claims, "iat", &iat)) {
        return denied(e, "the id token does not say from when till when it is good");
    }
    bool early = jcs_get(claims, "nbf") != NULL && (!jcs_get_int(claims, "nbf", &nbf) || nbf > now + OIDC_SKEW_S);
    if (exp <= now - OIDC_SKEW_S || iat < now - OIDC_AGE_MAX_S - OIDC_SKEW_S) {
        return denied(e, "the id token is too old: is this machine's clock right?");
    }
    return early || iat > now + OIDC_SKEW_S ? denied(e, "the id token is from the future: is this machine's clock right?") : 0;
}

static int check_nonce(const struct jcs *claims, struct span nonce, struct err *e)
{
    struct span given = SPAN("");
    bool same = jcs_get_text(claims, "nonce", &given) && given.len == nonce.len && nonce.len > 0 && sodium_memcmp(given.ptr, nonce.ptr, nonce.len) == 0;
    return same ? 0 : denied(e, "the id token is of another sign-in");
}

/* A claim by its name, or by the way to it: realm_access.roles. */
static const struct jcs *claim(const struct jcs *claims, struct arena *a, struct span name)
{
    const struct jcs *v = jcs_get(claims, arena_cstr(a, name));
    ptrdiff_t dot = span_find(name, '.');
    while (v == NULL && dot > 0 && claims != NULL) {
        claims = jcs_get_object(claims, arena_cstr(a, span_sub(name, 0, (size_t)dot)));
        name = span_sub(name, (size_t)dot + 1, name.len);
        v = jcs_get(claims, arena_cstr(a, name));
        dot = span_find(name, '.');
    }
    return v;
}

static bool group_is(const struct jcs *groups, struct span group)
{
    uint32_t seen = 0;
    if (groups == NULL || groups->kind == JCS_TEXT) {
        return groups != NULL && span_eq(groups->text, group);
    }
    for (const struct jcs *x = groups->kind == JCS_ARRAY ? groups->first : NULL; x != NULL && seen < OIDC_GROUPS_MAX; x = x->next, seen++) {
        if (x->kind == JCS_TEXT && span_eq(x->text, group)) {
            return true;
        }
    }
    return false;
}

static bool any_of(const struct jcs *claims, const char *name, const struct provider_list *counted)
{
    bool several = false;
    for (uint32_t i = 0; i < counted->n; i++) {
        if (holds(jcs_get(claims, name), counted->text[i], &several)) {
            return true;
        }
    }
    return false;
}

static bool printable(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < 0x20 || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    return s.len > 0 && utf8_valid(s);
}

static int person(struct arena *a, const struct jcs *claims, const struct provider *p, struct oidc_person *out, struct err *e)
{
    if (!jcs_get_text(claims, "sub", &out->subject) || !printable(out->subject) || out->subject.len > OIDC_SUBJECT_MAX) {
        return denied(e, "the id token does not say of whom it is");
    }
    const struct jcs *name = claim(claims, a, p->name_claim);
    out->name = name != NULL && name->kind == JCS_TEXT ? span_trim(name->text) : out->subject;
    out->factor = any_of(claims, "amr", &p->amr) || any_of(claims, "acr", &p->acr);
    const struct jcs *groups = claim(claims, a, p->groups_claim);
    for (uint32_t i = 0; i < p->nroles && out->role == NULL; i++) {
        out->role = group_is(groups, p->roles[i].group) ? &p->roles[i] : NULL;
    }
    return 0;
}

int oidc_claims_check(struct arena *a, struct span json, const struct oidc_expect *x, struct oidc_person *out, struct err *e)
{
    struct jcs *claims = NULL;
    *out = (struct oidc_person){0};
    if (jcs_read_decimals(a, json, CLAIMS_DEPTH, &claims, e) < 0) {
        return ERR_INVALID;
    }
    int rc = claims->kind == JCS_OBJECT ? check_audience(claims, x->provider, e) : err_set(e, ERR_INVALID, "the id token says nothing");
    rc = rc == 0 ? check_times(claims, x->now, e) : rc;
    rc = rc == 0 ? check_nonce(claims, x->nonce, e) : rc;
    return rc == 0 ? person(a, claims, x->provider, out, e) : rc;
}

int oidc_id_token_check(struct arena *a, struct span token, const struct oidc_expect *x, struct oidc_person *out, struct err *e)
{
    const struct algorithm *alg = NULL;
    struct span kid = SPAN(""), claims = SPAN("");
    *out = (struct oidc_person){0};
    int rc = header_read(a, token, &alg, &kid, e);
    if (rc < 0) {
        return rc;
    }
    const struct oidc_key *key = key_find(x->keys, kid, alg);
    if (key == NULL) {
        return err_set(e, ERR_NOT_FOUND, "the id token is signed with a key that the provider does not show");
    }
    rc = verify(a, token, key, &claims, e);
    return rc == 0 ? oidc_claims_check(a, claims, x, out, e) : rc;
}

int oidc_preload(struct err *e)
{
    /* jansson takes its seed and OpenSSL reads its settings with the first key */
    static const char any[] = "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                              "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}";
    cjose_err ce = {0};
    cjose_jwk_t *key = cjose_jwk_import(any, sizeof any - 1, &ce);
    if (key == NULL) {
        return err_set(e, ERR_IO, "the library for tokens does not start");
    }
    (void)cjose_jwk_release(key);
    return 0;
}
