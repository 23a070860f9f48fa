/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of OpenID Connect: documents of a provider, and id tokens that are signed here with keys made for it. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjose/cjose.h>
#include <sodium.h>
#include <string.h>

#include "base/mem.h"
#include "desk/identity/oidc.h"

static struct arena arena;
static struct provider_role roles[] = {{SPAN("chiefs"), SPAN("ciso"), SPAN("city")}, {SPAN("soc"), SPAN("analyst"), SPAN("*")}};
static struct span factors[] = {SPAN("mfa"), SPAN("otp")}, hosts[] = {SPAN("keys.example")};
static struct provider provider = {.name = SPAN("city"), .issuer = SPAN("https://id.example/realm"), .client_id = SPAN("sereno"),
                                   .scope = SPAN("openid profile"), .name_claim = SPAN("preferred_username"), .groups_claim = SPAN("groups"),
                                   .hosts = {1, hosts}, .amr = {2, factors}, .nroles = 2, .roles = roles};
static const time_ns now = INT64_C(1700000000) * TIME_SECOND;

/* ---- discovery ---- */

#define ENDPOINTS "\"authorization_endpoint\":\"https://id.example/auth?x=1\",\"token_endpoint\":\"https://id.example/token\","
#define WHOLE "\"issuer\":\"https://id.example/realm\"," ENDPOINTS "\"jwks_uri\":\"https://keys.example/jwks\""

static void discovery(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int rc;
    } cases[] = {
        {"{" WHOLE "}", 0},
        {"{" WHOLE ",\"response_types_supported\":[\"id_token\",\"code\"],\"code_challenge_methods_supported\":[\"S256\"]}", 0},
        {"{" WHOLE ",\"response_types_supported\":[\"id_token\"]}", ERR_INVALID},
        {"{" WHOLE ",\"code_challenge_methods_supported\":[\"plain\"]}", ERR_INVALID},
        {"{" WHOLE ",\"code_challenge_methods_supported\":\"S256\"}", ERR_INVALID},
        {"{\"issuer\":\"https://id.example\"," ENDPOINTS "\"jwks_uri\":\"https://keys.example/jwks\"}", ERR_INVALID},
        {"{" ENDPOINTS "\"jwks_uri\":\"https://keys.example/jwks\"}", ERR_INVALID},
        {"{\"issuer\":\"https://id.example/realm\"," ENDPOINTS "\"jwks_uri\":\"https://else.example/jwks\"}", ERR_INVALID},
        {"{\"issuer\":\"https://id.example/realm\"," ENDPOINTS "\"jwks_uri\":\"http://keys.example/jwks\"}", ERR_INVALID},
        {"{\"issuer\":\"https://id.example/realm\"," ENDPOINTS "\"jwks_uri\":\"https://keys.example@else.example/\"}", ERR_INVALID},
        {"{\"issuer\":\"https://id.example/realm\"," ENDPOINTS "\"jwks_uri\":\"https://keys.example\\\\@else.example/\"}", ERR_INVALID},
        {"{\"issuer\":\"https://id.example/realm\"," ENDPOINTS "\"jwks_uri\":7}", ERR_INVALID},
        {"{" WHOLE ",\"issuer\":\"https://id.example/realm\"}", ERR_INVALID}, /* twice */
        {"[]", ERR_INVALID},
        {"", ERR_INVALID},
        {"{" WHOLE, ERR_INVALID},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oidc_discovery d;
        struct err e = {0};
        int rc = oidc_discovery_read(&arena, span_of(cases[i].json), &provider, &d, &e);
        if (rc != cases[i].rc) {
            fail_msg("%s: %d %s", cases[i].json, rc, e.text);
        }
        assert_true(rc == 0 || e.text[0] != '\0');
    }
    struct oidc_discovery d;
    assert_int_equal(oidc_discovery_read(&arena, SPAN("{" WHOLE ",\"authorization_response_iss_parameter_supported\":true,"
                                                      "\"token_endpoint_auth_methods_supported\":[\"client_secret_post\"]}"), &provider, &d, NULL), 0);
    assert_true(d.names_issuer && d.secret_in_form);
    char *large = mem_calloc(1, OIDC_DOCUMENT_MAX + 2);
    memset(large, ' ', OIDC_DOCUMENT_MAX + 1);
    assert_int_equal(oidc_discovery_read(&arena, span_of(large), &provider, &d, NULL), ERR_INVALID);
    mem_free(large);
}

static void address(void **state)
{
    (void)state;
    struct oidc_discovery d;
    struct buf b;
    /* RFC 7636, appendix B */
    char challenge[OIDC_CHALLENGE_LEN + 1];
    oidc_challenge(SPAN("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), challenge);
    assert_string_equal(challenge, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
    assert_int_equal(oidc_discovery_read(&arena, SPAN("{" WHOLE "}"), &provider, &d, NULL), 0);
    buf_init(&b, 4096);
    oidc_authorization_url(&b, &provider, &d, &(struct oidc_request){SPAN("https://soc.example/a b&c"), SPAN("S"), SPAN("N"),
                                                                     SPAN("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")});
    buf_u8(&b, 0);
    assert_string_equal(b.data, "https://id.example/auth?x=1&response_type=code&client_id=sereno&redirect_uri=https%3A%2F%2Fsoc.example%2Fa%20b%26c"
                                "&scope=openid%20profile&state=S&nonce=N&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256");
    buf_free(&b);
}

/* ---- keys and answers ---- */

#define N2048 "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu" \
              "uuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuuu"

static void keys_and_answers(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int rc;
        uint32_t n;
    } cases[] = {
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"AQAB\"}]}", 0, 1},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"AQAB\",\"use\":\"enc\"}]}", ERR_INVALID, 0},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}]}", ERR_INVALID, 0}, /* a small key */
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"AQABAQABAQAB\"}]}", ERR_INVALID, 0},
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"AQABA\"}]}", ERR_INVALID, 0}, /* a digit that makes no byte */
        {"{\"keys\":[{\"kty\":\"RSA\",\"n\":\"" N2048 "\\\"\",\"e\":\"AQAB\"}]}", ERR_INVALID, 0},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"}]}", ERR_INVALID, 0},
        {"{\"keys\":[{\"kty\":\"oct\",\"k\":\"AAAA\"},{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"AQAB\"},7,{}]}", 0, 1},
        {"{\"keys\":[{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAA\",\"y\":\"AAAA\"}]}", ERR_INVALID, 0},
        {"{\"keys\":{}}", ERR_INVALID, 0},
        {"{\"keys\":[]}", ERR_INVALID, 0},
        {"{}", ERR_INVALID, 0},
    };
    static struct oidc_keys keys;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(oidc_keys_read(&arena, span_of(cases[i].json), &keys, NULL), cases[i].rc);
        assert_int_equal(cases[i].rc == 0 ? keys.n : 0, cases[i].n);
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i <= OIDC_KEYS_MAX; i++) {
        buf_printf(&b, "%s{\"kty\":\"RSA\",\"n\":\"" N2048 "\",\"e\":\"AQAB\"}", i == 0 ? "{\"keys\":[" : ",");
    }
    buf_cstr(&b, "]}");
    assert_int_equal(oidc_keys_read(&arena, buf_view(&b), &keys, NULL), ERR_LIMIT);
    buf_free(&b);
    struct span token;
    assert_int_equal(oidc_answer_read(&arena, SPAN("{\"id_token\":\"a.b.c\",\"access_token\":\"x\"}"), &token, NULL), 0);
    assert_true(span_eq(token, SPAN("a.b.c")));
    assert_int_equal(oidc_answer_read(&arena, SPAN("{\"error\":\"invalid_grant\",\"id_token\":\"a.b.c\"}"), &token, NULL), ERR_DENIED);
    assert_int_equal(oidc_answer_read(&arena, SPAN("{\"access_token\":\"x\"}"), &token, NULL), ERR_INVALID);
    assert_int_equal(oidc_answer_read(&arena, SPAN("<html>"), &token, NULL), ERR_INVALID);
}

/* ---- id tokens ---- */

static cjose_jwk_t *rsa, *other, *ec;

static int make_keys(void **state)
{
    (void)state;
    cjose_err e;
    static const uint8_t exponent[] = {1, 0, 1};
    arena_init(&arena, 0);
    rsa = cjose_jwk_create_RSA_random(2048, exponent, sizeof exponent, &e);
    other = cjose_jwk_create_RSA_random(2048, exponent, sizeof exponent, &e);
    ec = cjose_jwk_create_EC_random(CJOSE_JWK_EC_P_256, &e);
    bool named = cjose_jwk_set_kid(rsa, "one", 3, &e) && cjose_jwk_set_kid(ec, "two", 3, &e) && cjose_jwk_set_kid(other, "one", 3, &e);
    return sodium_init() < 0 || !named;
}

static int drop_keys(void **state)
{
    (void)state;
    (void)cjose_jwk_release(rsa);
    (void)cjose_jwk_release(other);
    (void)cjose_jwk_release(ec);
    arena_fini(&arena);
    return 0;
}

static void shown_keys(struct oidc_keys *out)
{
    cjose_err e;
    char *a = cjose_jwk_to_json(rsa, false, &e), *b = cjose_jwk_to_json(ec, false, &e);
    const char *json = arena_printf(&arena, "{\"keys\":[%s,%s]}", a, b);
    struct err why = {0};
    if (oidc_keys_read(&arena, span_of(json), out, &why) != 0) {
        fail_msg("%s: %s", why.text, json);
    }
    assert_int_equal(out->n, 2);
    cjose_get_dealloc()(a);
    cjose_get_dealloc()(b);
}

/* A signed token: alg by cjose's names; kid may be NULL. */
static struct span sign(cjose_jwk_t *key, const char *alg, const char *kid, const char *claims)
{
    cjose_err e;
    const char *text = NULL;
    cjose_header_t *h = cjose_header_new(&e);
    assert_true(cjose_header_set(h, CJOSE_HDR_ALG, alg, &e));
    if (kid != NULL) {
        assert_true(cjose_header_set(h, CJOSE_HDR_KID, kid, &e));
    }
    cjose_jws_t *jws = cjose_jws_sign(key, h, (const uint8_t *)claims, strlen(claims), &e);
    assert_non_null(jws);
    assert_true(cjose_jws_export(jws, &text, &e));
    struct span out = arena_copy(&arena, span_of(text));
    cjose_jws_release(jws);
    cjose_header_release(h);
    return out;
}

#define CLAIMS(aud, times, more) "{\"iss\":\"https://id.example/realm\",\"sub\":\"0042\",\"nonce\":\"N\",\"aud\":" aud "," times more "}"
#define US "\"sereno\""
#define TIMES "\"iat\":1700000000,\"exp\":1700000300"
#define GOOD CLAIMS(US, TIMES, ",\"preferred_username\":\" anna \",\"groups\":[\"x\",\"soc\",\"chiefs\"]")

static void signatures(void **state)
{
    (void)state;
    static struct oidc_keys keys;
    shown_keys(&keys);
    const struct oidc_expect x = {&provider, &keys, SPAN("N"), now};
    uint8_t shared[32] = "a shared secret, known to all";
    cjose_err ce;
    cjose_jwk_t *oct = cjose_jwk_create_oct_spec(shared, sizeof shared, &ce);
    const struct {
        const char *what;
        struct span token;
        int rc;
    } cases[] = {
        {"RS256", sign(rsa, "RS256", "one", GOOD), 0},
        {"PS256", sign(rsa, "PS256", "one", GOOD), 0},
        {"RS512", sign(rsa, "RS512", "one", GOOD), 0},
        {"ES256", sign(ec, "ES256", "two", GOOD), 0},
        {"no kid, one key of its kind", sign(ec, "ES256", NULL, GOOD), 0},
        {"no such kid", sign(rsa, "RS256", "three", GOOD), ERR_NOT_FOUND},
        {"the kid of a key of another kind", sign(rsa, "RS256", "two", GOOD), ERR_NOT_FOUND},
        {"another key under that kid", sign(other, "RS256", "one", GOOD), ERR_INVALID},
        {"HS256", sign(oct, "HS256", "one", GOOD), ERR_INVALID},
        {"nothing", SPAN(""), ERR_INVALID},
        {"two parts", SPAN("e30.e30"), ERR_INVALID},
        {"four parts", SPAN("e30.e30.e30.e30"), ERR_INVALID},
        {"no header", SPAN(".e30.AAAA"), ERR_INVALID},
        {"no alg", SPAN("e30.e30.AAAA"), ERR_INVALID},
        {"alg none", SPAN("eyJhbGciOiJub25lIn0.e30."), ERR_INVALID},       /* {"alg":"none"} */
        {"alg none, signed", SPAN("eyJhbGciOiJub25lIn0.e30.AAAA"), ERR_INVALID},
        {"alg twice", SPAN("eyJhbGciOiJSUzI1NiIsImFsZyI6IlJTMjU2In0.e30.AAAA"), ERR_INVALID},
        {"padding in the middle", SPAN("eyJhbGciOiJFUzI1NiJ9.e30=========.AAAA"), ERR_INVALID}, /* libcjose asserts that there is none */
        {"padding in the signature", SPAN("eyJhbGciOiJFUzI1NiJ9.e30.AA==AA"), ERR_INVALID},
        {"a digit that makes no byte", SPAN("eyJhbGciOiJFUzI1NiJ9.e30AA.AAAA"), ERR_INVALID},
        {"crit", SPAN("eyJhbGciOiJSUzI1NiIsImNyaXQiOlsiYiJdfQ.e30.AAAA"), ERR_INVALID}, /* {"alg":"RS256","crit":["b"]} */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oidc_person who;
        struct err e = {0};
        int rc = oidc_id_token_check(&arena, cases[i].token, &x, &who, &e);
        if (rc != cases[i].rc) {
            fail_msg("%s: %d %s", cases[i].what, rc, e.text);
        }
    }
    (void)cjose_jwk_release(oct);
    /* each byte of a good one changed is no good one */
    struct oidc_person who;
    char *copy = arena_bytes(&arena, cases[3].token.len);
    for (size_t i = 0; i < cases[3].token.len; i++) {
        memcpy(copy, cases[3].token.ptr, cases[3].token.len);
        copy[i] = copy[i] == 'A' ? 'Q' : 'A';
        assert_true(oidc_id_token_check(&arena, span_make(copy, cases[3].token.len), &x, &who, NULL) < 0);
    }
    char *huge = mem_calloc(1, OIDC_TOKEN_MAX + 8);
    memset(huge, 'A', OIDC_TOKEN_MAX + 4);
    huge[4] = huge[9] = '.';
    assert_int_equal(oidc_id_token_check(&arena, span_of(huge), &x, &who, NULL), ERR_INVALID);
    mem_free(huge);
}

static void claims(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        int rc;
    } cases[] = {
        {GOOD, 0},
        {CLAIMS("[\"sereno\"]", TIMES, ""), 0},
        {CLAIMS("[\"sereno\",\"x\"]", TIMES, ""), ERR_DENIED},
        {CLAIMS("[\"sereno\",\"x\"]", TIMES, ",\"azp\":\"sereno\""), 0},
        {CLAIMS(US, TIMES, ",\"azp\":\"x\""), ERR_DENIED},
        {CLAIMS(US, TIMES, ",\"azp\":7"), ERR_DENIED},
        {CLAIMS("\"x\"", TIMES, ""), ERR_DENIED},
        {CLAIMS("[]", TIMES, ""), ERR_DENIED},
        {CLAIMS("{\"sereno\":1}", TIMES, ""), ERR_DENIED},
        {CLAIMS(US, "\"iat\":1700000000", ""), ERR_DENIED},
        {CLAIMS(US, "\"exp\":1700000300", ""), ERR_DENIED},
        {CLAIMS(US, "\"iat\":1699999700,\"exp\":1699999900", ""), 0}, /* within what clocks may differ */
        {CLAIMS(US, "\"iat\":1699999700,\"exp\":1699999880", ""), ERR_DENIED},
        {CLAIMS(US, "\"iat\":1699990000,\"exp\":1700009999", ""), ERR_DENIED},
        {CLAIMS(US, "\"iat\":1700000121,\"exp\":1700009999", ""), ERR_DENIED},
        {CLAIMS(US, "\"iat\":1700000120,\"exp\":1700009999", ""), 0},
        {CLAIMS(US, "\"iat\":\"1700000000\",\"exp\":1700009999", ""), ERR_DENIED},
        {CLAIMS(US, TIMES, ",\"nbf\":1700000121"), ERR_DENIED},
        {CLAIMS(US, TIMES, ",\"nbf\":1699999999"), 0},
        {CLAIMS(US, TIMES, ",\"nonce\":\"M\""), ERR_INVALID}, /* twice */
        {"{\"iss\":\"https://id.example/realm\",\"sub\":\"1\",\"aud\":\"sereno\"," TIMES "}", ERR_DENIED}, /* no nonce */
        {"{\"iss\":\"https://id.example/realm\",\"sub\":\"1\",\"nonce\":\"M\",\"aud\":\"sereno\"," TIMES "}", ERR_DENIED},
        {"{\"iss\":\"https://id.example/\",\"sub\":\"1\",\"nonce\":\"N\",\"aud\":\"sereno\"," TIMES "}", ERR_DENIED},
        {"{\"iss\":\"https://id.example/realm\",\"nonce\":\"N\",\"aud\":\"sereno\"," TIMES "}", ERR_DENIED}, /* nobody */
        {"{\"iss\":\"https://id.example/realm\",\"sub\":\"\",\"nonce\":\"N\",\"aud\":\"sereno\"," TIMES "}", ERR_DENIED},
        {"{\"iss\":\"https://id.example/realm\",\"sub\":\"a\\nb\",\"nonce\":\"N\",\"aud\":\"sereno\"," TIMES "}", ERR_DENIED},
        {"[1]", ERR_INVALID},
        {"{", ERR_INVALID},
    };
    const struct oidc_expect x = {&provider, NULL, SPAN("N"), now};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct oidc_person who;
        struct err e = {0};
        int rc = oidc_claims_check(&arena, span_of(cases[i].json), &x, &who, &e);
        if (rc != cases[i].rc) {
            fail_msg("%s: %d %s", cases[i].json, rc, e.text);
        }
    }
    const struct oidc_expect none = {&provider, NULL, SPAN(""), now};
    struct oidc_person who;
    assert_int_equal(oidc_claims_check(&arena, SPAN("{\"iss\":\"https://id.example/realm\",\"sub\":\"1\",\"nonce\":\"\",\"aud\":\"sereno\"," TIMES "}"),
                                       &none, &who, NULL), ERR_DENIED);
}

static void people(void **state)
{
    (void)state;
    static const struct {
        const char *more, *claim, *role, *name;
        bool factor;
    } cases[] = {
        {",\"preferred_username\":\" anna \",\"groups\":[\"x\",\"soc\"]", "groups", "analyst", "anna", false},
        {",\"groups\":[\"soc\",\"chiefs\"]", "groups", "ciso", "0042", false}, /* the first row counts, not the first group */
        {",\"groups\":\"soc\"", "groups", "analyst", "0042", false},
        {",\"groups\":[\"SOC\",\"soc \"]", "groups", NULL, "0042", false},
        {",\"groups\":{\"soc\":1}", "groups", NULL, "0042", false},
        {"", "groups", NULL, "0042", false},
        {",\"realm_access\":{\"roles\":[\"soc\"]}", "realm_access.roles", "analyst", "0042", false},
        {",\"realm_access.roles\":[\"soc\"]", "realm_access.roles", "analyst", "0042", false},
        {",\"realm_access\":[\"soc\"]", "realm_access.roles", NULL, "0042", false},
        {",\"amr\":[\"pwd\",\"mfa\"]", "groups", NULL, "0042", true},
        {",\"amr\":\"otp\"", "groups", NULL, "0042", true},
        {",\"amr\":[\"pwd\"],\"acr\":\"mfa\"", "groups", NULL, "0042", false}, /* acr is not asked for */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct provider p = provider;
        struct oidc_person who;
        p.groups_claim = span_of(cases[i].claim);
        const struct oidc_expect x = {&p, NULL, SPAN("N"), now};
        const char *json = arena_printf(&arena, CLAIMS(US, TIMES, "%s"), cases[i].more);
        assert_int_equal(oidc_claims_check(&arena, span_of(json), &x, &who, NULL), 0);
        assert_true(span_eq(who.subject, SPAN("0042")) && span_eq(who.name, span_of(cases[i].name)) && who.factor == cases[i].factor);
        assert_int_equal(who.role != NULL, cases[i].role != NULL);
        if (who.role != NULL && cases[i].role != NULL) {
            assert_true(span_eq(who.role->role, span_of(cases[i].role)));
        }
    }
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host;
        bool valid;
    } cases[] = {
        {"https://id.example", "id.example", true},        {"https://id.example:8443/x?y", "id.example", true},
        {"https://[::1]:8443/", "[::1]", true},             {"http://id.example", "", false},
        {"https://", "", false},                            {"https://u@id.example/", "", false},
        {"https://id.example/#x", "id.example", false},     {"https://id.example/a b", "id.example", false},
        {"https://id.example/\xC3\xA9", "id.example", false}, {"https://[::1", "", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_true(span_eq(provider_host(span_of(cases[i].url)), span_of(cases[i].host)));
        assert_int_equal(provider_url_valid(span_of(cases[i].url)), cases[i].valid);
    }
    assert_true(provider_name_valid(SPAN("city-2")));
    assert_false(provider_name_valid(SPAN("City")) || provider_name_valid(SPAN("")) || provider_name_valid(SPAN("a/b")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(discovery), cmocka_unit_test(address), cmocka_unit_test(keys_and_answers),
                                       cmocka_unit_test(signatures), cmocka_unit_test(claims), cmocka_unit_test(people),
                                       cmocka_unit_test(urls)};
    return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
