/* SPDX-License-Identifier: EUPL-1.2 */
/* Keys: the same of the same seeds, fingerprints as people type them, officers' keys under passwords, base64 and times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "desk/federation/keys.h"
#include "desk/federation/test_world.h"
#include "desk/federation/text.h"

#define FINGERPRINT_OF_ZERO "B24S-HMGL-2JG7-KRAB-3GMF-GH7O-VU22-I6UZ"

static void test_pairs(void **state)
{
    (void)state;
    unsigned char seed[FED_SEED_BYTES] = {1};
    unsigned char other[FED_SEED_BYTES] = {2};
    unsigned char sig[FED_SIG_BYTES];
    struct fed_keys k;
    struct fed_keys same;
    struct fed_keys zero = {0};
    struct span node = SPAN("00112233445566778899aabbccddeeff");
    fed_keys_make(&k, node, seed, other);
    fed_keys_make(&same, node, seed, other);
    assert_memory_equal(&k, &same, sizeof k);
    assert_false(fed_key_equal(k.sign.public_key, k.seal_public));
    fed_sign(&k.sign, "a\n", SPAN("text"), sig);
    assert_true(fed_verify(k.sign.public_key, "a\n", SPAN("text"), sig));
    assert_false(fed_verify(k.sign.public_key, "b\n", SPAN("text"), sig));
    assert_false(fed_verify(k.sign.public_key, "a\n", SPAN("texts"), sig));
    assert_false(fed_verify(k.seal_public, "a\n", SPAN("text"), sig));
    sig[0] ^= 1;
    assert_false(fed_verify(k.sign.public_key, "a\n", SPAN("text"), sig));
    fed_keys_wipe(&k);
    assert_memory_equal(&k, &zero, sizeof k);
}

static void test_fingerprint(void **state)
{
    (void)state;
    unsigned char sign[FED_KEY_BYTES] = {0};
    unsigned char seal[FED_KEY_BYTES] = {0};
    char text[FED_FINGERPRINT_LEN + 1];
    char other[FED_FINGERPRINT_LEN + 1];
    fed_fingerprint(sign, seal, text);
    /* BLAKE2b-256 of 64 zero bytes, its first 20 bytes in base32: worked out with another program */
    assert_string_equal(text, FINGERPRINT_OF_ZERO);
    seal[31] = 1;
    fed_fingerprint(sign, seal, other);
    assert_string_not_equal(text, other);
    static const struct {
        const char *typed;
        bool right;
    } cases[] = {{FINGERPRINT_OF_ZERO, true}, {"", false}, {"AAAA", false}, {FINGERPRINT_OF_ZERO "A", false}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(fed_fingerprint_is(text, span_of(cases[i].typed)), cases[i].right);
    }
    char sloppy[FED_FINGERPRINT_LEN + 1];
    for (size_t i = 0; i <= FED_FINGERPRINT_LEN; i++) {
        sloppy[i] = (char)(text[i] == '-' ? ' ' : text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    }
    assert_true(fed_fingerprint_is(text, span_of(sloppy)));
    sloppy[0] = sloppy[0] == 'z' ? 'y' : 'z';
    assert_false(fed_fingerprint_is(text, span_of(sloppy)));
}

static void test_officer(void **state)
{
    (void)state;
    struct arena a;
    struct span sealed = {0};
    struct span another = {0};
    struct fed_sign_key k;
    unsigned char public_key[FED_KEY_BYTES];
    unsigned char random[FED_OFFICER_RANDOM_BYTES] = {9};
    struct err e = {0};
    arena_init(&a, 0);
    assert_int_equal(fed_officer_make(&a, SPAN("a good long password"), random, &sealed, public_key, &e), 0);
    assert_int_equal(fed_officer_open(&a, sealed, SPAN("a good long password"), &k, &e), 0);
    assert_memory_equal(k.public_key, public_key, sizeof public_key);
    assert_int_equal(fed_officer_open(&a, sealed, SPAN("a good long passwort"), &k, &e), ERR_DENIED);
    /* another's public key beside it: the seal is bound to its own */
    random[0] = 8;
    assert_int_equal(fed_officer_make(&a, SPAN("x"), random, &another, public_key, &e), 0);
    struct jcs *o = NULL;
    static const char *const names[] = {"key", NULL};
    MUST(jcs_read(&a, sealed, 2, &o, &e));
    MUST(jcs_read(&a, jcs_text_without(&a, o, names), 2, &o, &e));
    jcs_set_text(&a, o, "key", fed_base64(&a, public_key, sizeof public_key));
    assert_int_equal(fed_officer_open(&a, jcs_text(&a, o), SPAN("a good long password"), &k, &e), ERR_DENIED);
    static const char *const bad[] = {"", "{}", "[]", "{\"alg\":\"argon2id-xchacha20\",\"memory\":9007199254740991,\"ops\":1}"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(fed_officer_open(&a, span_of(bad[i]), SPAN("x"), &k, &e), ERR_INVALID);
    }
    arena_fini(&a);
}

static void test_texts(void **state)
{
    (void)state;
    struct arena a;
    unsigned char bytes[3];
    size_t len = 0;
    int64_t t = 0;
    arena_init(&a, 0);
    assert_string_equal(fed_base64(&a, "\xff\xfe\xfd\xfc", 4).ptr, "__79_A");
    assert_true(fed_base64_read(SPAN("__79"), bytes, 3));
    static const char *const bad64[] = {"", "__7", "__7=", "__79_A", "++79", "__79 ", "__7\n", ("\xcd\xa3" "79"), "__\xcd\xa3"};
    for (size_t i = 0; i < ARRAY_LEN(bad64); i++) {
        assert_false(fed_base64_read(span_of(bad64[i]), bytes, 3));
    }
    assert_true(fed_base64_read_some(SPAN("_w"), bytes, 3, &len) && len == 1);
    assert_false(fed_base64_read_some(SPAN("_x"), bytes, 3, &len)); /* bits behind the last byte */
    assert_true(fed_time_read(SPAN("2026-11-26T20:00:00Z"), &t) && t == WORLD_NOW_S);
    assert_string_equal(fed_time(&a, WORLD_NOW_S).ptr, "2026-11-26T20:00:00Z");
    static const char *const bad_time[] = {"2026-11-26T20:00:00", "2026-11-26 20:00:00Z", "2026-11-26T20:00:00.0Z", "2026-13-26T20:00:00Z",
                                           "2026-02-30T20:00:00Z", "1969-12-31T23:59:59Z", "2026-11-26T24:00:00Z", "2026-11-26T20:00:00z",
                                           "2026-11-26T20:00:60Z", ""};
    for (size_t i = 0; i < ARRAY_LEN(bad_time); i++) {
        assert_false(fed_time_read(span_of(bad_time[i]), &t));
    }
    assert_true(fed_node_valid(SPAN("00112233445566778899aabbccddeeff")));
    assert_false(fed_node_valid(SPAN("00112233445566778899AABBCCDDEEFF")));
    assert_false(fed_node_valid(SPAN("00112233445566778899aabbccddeef")));
    assert_true(fed_circle_valid(SPAN("isac-2")));
    assert_false(fed_circle_valid(SPAN("")) || fed_circle_valid(SPAN("a b")) || fed_circle_valid(SPAN("../x")));
    assert_true(fed_name_valid(SPAN("Ville d\xc3\xa9"), 20));
    assert_false(fed_name_valid(SPAN("a\nb"), 20) || fed_name_valid(SPAN(""), 20) || fed_name_valid(SPAN("abc"), 2) ||
                 fed_name_valid(SPAN("\xff"), 2));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pairs), cmocka_unit_test(test_fingerprint),
                                       cmocka_unit_test(test_officer), cmocka_unit_test(test_texts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
