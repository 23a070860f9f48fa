/* SPDX-License-Identifier: EUPL-1.2 */
/* What a provider says: discovery document, keys, the token endpoint's answer, an id token, and what stands in one. The first byte
 * says which of them the rest is. */
#include <stdint.h>
#include <string.h>

#include "desk/identity/oidc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct provider_role roles[] = {{SPAN("soc"), SPAN("analyst"), SPAN("*")}, {SPAN("chiefs"), SPAN("ciso"), SPAN("city")}};
static struct span factors[] = {SPAN("mfa"), SPAN("otp")};
static const struct provider provider = {.name = SPAN("city"), .issuer = SPAN("https://id.example"), .client_id = SPAN("sereno"),
                                         .scope = SPAN("openid"), .name_claim = SPAN("preferred_username"),
                                         .groups_claim = SPAN("realm_access.roles"), .amr = {2, factors}, .nroles = 2, .roles = roles};
static const time_ns now = INT64_C(1700000000) * TIME_SECOND;

static void try_discovery(struct arena *a, struct span text)
{
    struct oidc_discovery d;
    struct buf url;
    const struct oidc_request r = {SPAN("https://soc.example/back"), SPAN("state"), SPAN("nonce"), SPAN("verifier")};
    if (oidc_discovery_read(a, text, &provider, &d, NULL) != 0) {
        return;
    }
    CHECK(provider_url_allowed(&provider, d.token_endpoint) && provider_url_allowed(&provider, d.jwks_uri));
    buf_init(&url, 1 << 14);
    oidc_authorization_url(&url, &provider, &d, &r);
    CHECK(!url.failed && span_starts(buf_view(&url), d.authorization_endpoint) && provider_url_allowed(&provider, d.authorization_endpoint));
    for (size_t i = 0; i < url.len; i++) {
        CHECK((unsigned char)url.data[i] > 0x20 && (unsigned char)url.data[i] < 0x7f);
    }
    buf_free(&url);
}

static void try_token(struct arena *a, struct span text)
{
    /* any key will do: nobody signs by chance */
    static const char keys[] = "{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"x\":\"axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY\","
                               "\"y\":\"T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU\"}]}";
    static struct oidc_keys read;
    struct oidc_person who;
    CHECK(oidc_keys_read(a, span_of(keys), &read, NULL) == 0 && read.n == 1);
    CHECK(oidc_id_token_check(a, text, &(struct oidc_expect){&provider, &read, SPAN("n"), now}, &who, NULL) < 0);
}

/* Each kind of key is handed to the library. */
static void try_keys(struct arena *a, const struct oidc_keys *keys)
{
    static const char *const tokens[] = {"eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "eyJhbGciOiJFUzI1NiJ9.e30.AAAA", "eyJhbGciOiJFUzUxMiJ9.e30.AAAA"};
    struct oidc_person who;
    for (size_t i = 0; i < ARRAY_LEN(tokens); i++) {
        CHECK(oidc_id_token_check(a, span_of(tokens[i]), &(struct oidc_expect){&provider, keys, SPAN("n"), now}, &who, NULL) < 0);
    }
}

static void try_claims(struct arena *a, struct span text)
{
    struct oidc_person who;
    if (oidc_claims_check(a, text, &(struct oidc_expect){&provider, NULL, SPAN("n"), now}, &who, NULL) == 0) {
        CHECK(who.subject.len > 0 && who.subject.len <= OIDC_SUBJECT_MAX && (who.role == NULL || (who.role >= roles && who.role < roles + 2)));
        CHECK(memmem(text.ptr, text.len, "sereno", 6) != NULL || memchr(text.ptr, '\\', text.len) != NULL);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct oidc_keys keys;
    struct arena a;
    if (size == 0) {
        return 0;
    }
    struct span text = span_make((const char *)data + 1, size - 1), token = SPAN("");
    arena_init(&a, 0);
    switch (data[0]) {
    case 'd':
        try_discovery(&a, text);
        break;
    case 'k':
        if (oidc_keys_read(&a, text, &keys, NULL) == 0) {
            CHECK(keys.n > 0 && keys.n <= OIDC_KEYS_MAX);
            try_keys(&a, &keys);
        }
        break;
    case 'a':
        if (oidc_answer_read(&a, text, &token, NULL) == 0) {
            CHECK(token.len > 0 && token.len <= OIDC_TOKEN_MAX);
        }
        break;
    case 't':
        try_token(&a, text);
        break;
    default:
        try_claims(&a, text);
        break;
    }
    arena_fini(&a);
    return 0;
}
