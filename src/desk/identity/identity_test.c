/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of secrets, passwords and the throttle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "desk/identity/password.h"
#include "desk/identity/secret.h"
#include "desk/identity/throttle.h"

static void secrets_differ_and_hide(void **state)
{
    (void)state;
    char a[SECRET_TEXT_LEN + 1];
    char b[SECRET_TEXT_LEN + 1];
    secret_new(a);
    secret_new(b);
    assert_true(strlen(a) == SECRET_TEXT_LEN && strcmp(a, b) != 0);
    assert_true(secret_valid(span_of(a)));
    assert_false(secret_valid(span_of("abc")));
    assert_false(secret_valid(span_sub(span_of(a), 1, SECRET_TEXT_LEN)));
    unsigned char ha[SECRET_HASH_BYTES];
    unsigned char hb[SECRET_HASH_BYTES];
    secret_hash(span_of(a), ha);
    secret_hash(span_of(b), hb);
    assert_memory_not_equal(ha, hb, sizeof ha);
    char ca[SECRET_TEXT_LEN + 1];
    char again[SECRET_TEXT_LEN + 1];
    secret_csrf(span_of(a), ca);
    secret_csrf(span_of(a), again);
    assert_string_equal(ca, again);
    assert_string_not_equal(ca, a);
    char hex[SECRET_TEXT_LEN + 1];
    (void)sodium_bin2hex(hex, sizeof hex, ha, sizeof ha);
    assert_string_not_equal(ca, hex); /* who reads the database cannot forge requests */
    secret_csrf(span_of(b), again);
    assert_string_not_equal(ca, again);
    assert_true(secret_equal(span_of(a), span_of(a)));
    assert_false(secret_equal(span_of(a), span_of(b)));
    assert_false(secret_equal(span_of(a), SPAN("")));
    assert_true(secret_equal(SPAN(""), SPAN("")));
}

static void which_passwords_are_taken(void **state)
{
    (void)state;
    static char long_one[PASSWORD_MAX + 1];
    for (size_t i = 0; i < sizeof long_one; i++) {
        long_one[i] = (char)('a' + i % 26);
    }
    const struct {
        struct span password;
        int rc;
    } cases[] = {
        {SPAN("harbour lamp seven"), 0},
        {SPAN("Žluťoučký kůň"), 0},
        {SPAN("elevenchars"), ERR_INVALID},
        {SPAN("ééééééééééé"), ERR_INVALID}, /* eleven characters, though 22 bytes */
        {SPAN(""), ERR_INVALID},
        {SPAN("aaaaaaaaaaaaaaaa"), ERR_INVALID},
        {SPAN("121212121212"), ERR_INVALID},
        {SPAN("PassWord1234"), ERR_INVALID},
        {SPAN("anna-is-the-best"), ERR_INVALID},
        {SPAN("ends with \xff\xff\xff"), ERR_INVALID},
        {SPAN("holds a\0zero byte"), ERR_INVALID},
        {span_make(long_one, PASSWORD_MAX), 0},
        {span_make(long_one, PASSWORD_MAX + 1), ERR_LIMIT},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct err e = {0};
        if (password_acceptable(cases[i].password, SPAN("anna"), &e) != cases[i].rc) {
            fail_msg("password %zu: %s", i, e.text);
        }
    }
}

static void only_the_right_password_fits(void **state)
{
    (void)state;
    char string[PASSWORD_STRING_MAX];
    struct err e = {0};
    assert_int_equal(password_hash(SPAN("harbour lamp seven"), string, &e), 0);
    assert_non_null(strstr(string, "$argon2id$v=19$m=65536,t=2,p=1$"));
    assert_true(password_verify(span_of(string), SPAN("harbour lamp seven")));
    assert_false(password_verify(span_of(string), SPAN("harbour lamp eight")));
    assert_false(password_verify(span_of(string), SPAN("")));
    assert_false(password_verify(SPAN("nonsense"), SPAN("harbour lamp seven")));
}

/* A stranger's name must cost the same work as a known one; the time of one hash is far above any
 * noise. */
static void strangers_take_as_long(void **state)
{
    (void)state;
    char string[PASSWORD_STRING_MAX];
    struct err e = {0};
    assert_int_equal(password_hash(SPAN("harbour lamp seven"), string, &e), 0);
    time_ns start = clock_cpu();
    assert_false(password_verify(span_of(string), SPAN("wrong")));
    time_ns known = clock_cpu() - start;
    start = clock_cpu();
    assert_false(password_verify(SPAN(""), SPAN("wrong")));
    time_ns unknown = clock_cpu() - start;
    assert_true(unknown > known / 4);
}

#define NOW (INT64_C(1795309200) * TIME_SECOND)

static void waits_grow(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    time_ns now = NOW;
    int64_t last = 0;
    for (int i = 0; i < 30; i++) {
        int64_t wait_s = throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), now);
        assert_true(i < THROTTLE_FREE_PAIR ? wait_s == 0 : wait_s >= last);
        assert_true(wait_s <= THROTTLE_WAIT_MAX_S);
        last = wait_s;
        throttle_failed(t, SPAN("ANNA"), SPAN("10.0.0.1"), now);
    }
    assert_int_equal(throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), now), THROTTLE_WAIT_MAX_S);
    now += THROTTLE_WAIT_MAX_S * TIME_SECOND;
    assert_int_equal(throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), now), 0);
    throttle_failed(t, SPAN("anna"), SPAN("10.0.0.1"), now);
    assert_int_equal(throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), now), THROTTLE_WAIT_MAX_S);
    now += (THROTTLE_FORGET_S + 1) * TIME_SECOND;
    throttle_failed(t, SPAN("anna"), SPAN("10.0.0.1"), now);
    assert_int_equal(throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), now), 0);
    throttle_free(&t);
}

static void a_stranger_cannot_lock_out(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    for (int i = 0; i < 1000; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "10.0.%d.%d", i / 250, i % 250);
        throttle_failed(t, SPAN("anna"), span_of(address), NOW);
    }
    int64_t wait_s = throttle_wait_s(t, SPAN("anna"), SPAN("192.0.2.1"), NOW);
    assert_true(wait_s > 0 && wait_s <= THROTTLE_ACCOUNT_WAIT_MAX_S);
    assert_int_equal(throttle_wait_s(t, SPAN("boris"), SPAN("192.0.2.1"), NOW), 0);
    throttle_free(&t);
}

static void one_address_tries_many_names(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    for (int i = 0; i < 2 * THROTTLE_FREE_ADDRESS; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "user%d", i);
        throttle_failed(t, span_of(name), SPAN("10.0.0.1"), NOW);
    }
    assert_true(throttle_wait_s(t, SPAN("fresh"), SPAN("10.0.0.1"), NOW) > 0);
    assert_int_equal(throttle_wait_s(t, SPAN("fresh"), SPAN("10.0.0.2"), NOW), 0);
    throttle_free(&t);
}

static void success_forgives(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    for (int i = 0; i < THROTTLE_FREE_PAIR; i++) {
        throttle_failed(t, SPAN("anna"), SPAN("10.0.0.1"), NOW);
    }
    assert_true(throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), NOW) > 0);
    throttle_passed(t, SPAN("Anna"), SPAN("10.0.0.1"));
    assert_int_equal(throttle_wait_s(t, SPAN("anna"), SPAN("10.0.0.1"), NOW), 0);
    throttle_free(&t);
}

static void tries_at_the_same_moment_are_no_more(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    int begun = 0;
    for (int i = 0; i < 100; i++) { /* before the first of them is known */
        begun += throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), NOW) == 0;
    }
    assert_int_equal(begun, THROTTLE_FREE_PAIR);
    throttle_void(t, SPAN("anna"), SPAN("10.0.0.1")); /* one was none */
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), NOW), 0);
    for (int i = 0; i < THROTTLE_FREE_PAIR; i++) {
        throttle_failed(t, SPAN("anna"), SPAN("10.0.0.1"), NOW);
    }
    time_ns later = NOW + 2 * TIME_SECOND; /* waits have begun: one at a time */
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), later), 0);
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), later), 1);
    throttle_passed(t, SPAN("anna"), SPAN("10.0.0.1"));
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), later), 0);
    throttle_free(&t);
}

static void tries_of_which_nothing_is_heard_end(void **state)
{
    (void)state;
    struct throttle *t = throttle_new();
    char name[16];
    for (int i = 0; i < THROTTLE_FREE_ADDRESS; i++) { /* one name each, from one address */
        (void)snprintf(name, sizeof name, "user%d", i);
        assert_int_equal(throttle_try(t, span_of(name), SPAN("10.0.0.1"), NOW), 0);
    }
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), NOW), 1);
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.2"), NOW), 0);
    time_ns later = NOW + (THROTTLE_FLIGHT_S + 1) * TIME_SECOND;
    assert_int_equal(throttle_try(t, SPAN("anna"), SPAN("10.0.0.1"), later), 0);
    throttle_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_differ_and_hide),
        cmocka_unit_test(which_passwords_are_taken),
        cmocka_unit_test(only_the_right_password_fits),
        cmocka_unit_test(strangers_take_as_long),
        cmocka_unit_test(waits_grow),
        cmocka_unit_test(a_stranger_cannot_lock_out),
        cmocka_unit_test(one_address_tries_many_names),
        cmocka_unit_test(success_forgives),
        cmocka_unit_test(tries_at_the_same_moment_are_no_more),
        cmocka_unit_test(tries_of_which_nothing_is_heard_end),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
