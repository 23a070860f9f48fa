/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of one-time passwords against the vectors of RFC 4226 and RFC 6238, of recovery codes, and of the box. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "desk/identity/totp.h"

#define RFC_SECRET SPAN("12345678901234567890")
#define USER SPAN("0193c0de-0000-7000-8000-000000000001")

/* RFC 4226, appendix D. */
static void hotp_vectors(void **state)
{
    static const uint32_t codes[] = {755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489};
    (void)state;
    for (uint64_t i = 0; i < ARRAY_LEN(codes); i++) {
        assert_int_equal(totp_code(RFC_SECRET, i, 6), codes[i]);
    }
}

/* RFC 6238, appendix B, the rows of SHA-1. */
static void totp_vectors(void **state)
{
    static const struct {
        int64_t second;
        uint32_t code;
    } rows[] = {{59, 94287082},          {1111111109, 7081804},   {1111111111, 14050471},
                {1234567890, 89005924}, {2000000000, 69279037}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(totp_code(RFC_SECRET, (uint64_t)totp_step(rows[i].second * TIME_SECOND), 8), rows[i].code);
    }
    /* The last row of the table lies behind what nanoseconds in 64 bits can say (year 2262): its step is given. */
    assert_int_equal(totp_code(RFC_SECRET, UINT64_C(20000000000) / TOTP_STEP_S, 8), 65353130);
}

static void what_fits(void **state)
{
    const time_ns now = INT64_C(1111111111) * TIME_SECOND; /* code 050471, step 37037037 */
    const int64_t step = 37037037;
    int64_t got = 0;
    (void)state;
    const struct {
        struct span typed;
        time_ns at;
        int64_t last;
        int64_t step; /* -1: does not fit */
    } cases[] = {
        {SPAN("050471"), now, -1, step},
        {SPAN(" 050 471 "), now, -1, step},
        {SPAN("050471"), now, step - 1, step},
        {SPAN("050471"), now, step, -1}, /* used */
        {SPAN("050471"), now, step + 5, -1},
        {SPAN("050471"), now + 30 * TIME_SECOND, -1, step},
        {SPAN("050471"), now - 30 * TIME_SECOND, -1, step},
        {SPAN("050471"), now + 60 * TIME_SECOND, -1, -1},
        {SPAN("050471"), now - 60 * TIME_SECOND, -1, -1},
        {SPAN("081804"), now, -1, step - 1}, /* of second 1111111109 */
        {SPAN("050472"), now, -1, -1},
        {SPAN("50471"), now, -1, -1},
        {SPAN("0050471"), now, -1, -1},
        {SPAN("05O471"), now, -1, -1},
        {SPAN("050471\0"), now, -1, -1},
        {SPAN("-50471"), now, -1, -1},
        {SPAN(""), now, -1, -1},
        {SPAN("      "), now, -1, -1},
        {SPAN("755224"), 0, -1, 0}, /* step 0, whose neighbour before is none */
        {SPAN("755224"), -60 * TIME_SECOND, -1, -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        bool fits = totp_fits(RFC_SECRET, cases[i].typed, cases[i].at, cases[i].last, &got);
        if (fits != (cases[i].step >= 0) || (fits && got != cases[i].step)) {
            fail_msg("case %zu", i);
        }
    }
}

static void secret_as_text(void **state)
{
    char text[TOTP_SECRET_TEXT + 1];
    struct buf b;
    unsigned char a[TOTP_SECRET_BYTES], c[TOTP_SECRET_BYTES];
    (void)state;
    totp_secret_text((const unsigned char *)RFC_SECRET.ptr, text);
    assert_string_equal(text, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    buf_init(&b, TOTP_URI_MAX);
    totp_uri(&b, SPAN("Sereno a:b"), SPAN("Zoë & co"), (const unsigned char *)RFC_SECRET.ptr);
    assert_true(span_eq(buf_view(&b), SPAN("otpauth://totp/Sereno%20a%3Ab:Zo%C3%AB%20%26%20co?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
                                           "&issuer=Sereno%20a%3Ab&algorithm=SHA1&digits=6&period=30")));
    buf_free(&b);
    totp_secret_new(a);
    totp_secret_new(c);
    assert_memory_not_equal(a, c, sizeof a);
}

static void boxes(void **state)
{
    unsigned char key[TOTP_KEY_BYTES], other[TOTP_KEY_BYTES], box[TOTP_BOX_BYTES], again[TOTP_BOX_BYTES], out[TOTP_SECRET_BYTES];
    const unsigned char *secret = (const unsigned char *)RFC_SECRET.ptr;
    struct err e = {0};
    (void)state;
    randombytes_buf(key, sizeof key);
    randombytes_buf(other, sizeof other);
    totp_box_seal(key, USER, secret, box);
    totp_box_seal(key, USER, secret, again);
    assert_memory_not_equal(box, again, sizeof box);
    struct span s = span_make((const char *)box, sizeof box);
    assert_int_equal(totp_box_open(key, USER, s, out, &e), 0);
    assert_memory_equal(out, secret, sizeof out);
    assert_int_equal(totp_box_open(other, USER, s, out, &e), ERR_INVALID);
    assert_int_equal(totp_box_open(key, SPAN("0193c0de-0000-7000-8000-000000000002"), s, out, &e), ERR_INVALID);
    assert_int_equal(totp_box_open(key, USER, span_sub(s, 0, s.len - 1), out, &e), ERR_INVALID);
    assert_int_equal(totp_box_open(key, USER, SPAN(""), out, &e), ERR_INVALID);
    for (size_t i = 0; i < sizeof box; i++) {
        box[i] ^= 1;
        assert_int_equal(totp_box_open(key, USER, s, out, &e), ERR_INVALID);
        box[i] ^= 1;
    }
}

static void recovery(void **state)
{
    char code[RECOVERY_TEXT + 1], another[RECOVERY_TEXT + 1], mangled[2 * RECOVERY_TEXT + 1];
    unsigned char want[RECOVERY_HASH_BYTES], got[RECOVERY_HASH_BYTES];
    (void)state;
    recovery_new(code);
    recovery_new(another);
    assert_int_equal(strlen(code), RECOVERY_TEXT);
    assert_string_not_equal(code, another);
    assert_true(recovery_hash(USER, span_of(code), want));
    assert_true(recovery_hash(USER, span_of(another), got));
    assert_memory_not_equal(want, got, sizeof want);
    assert_true(recovery_hash(SPAN("0193c0de-0000-7000-8000-000000000002"), span_of(code), got));
    assert_memory_not_equal(want, got, sizeof want);
    size_t n = 0;
    for (const char *p = code; *p != '\0'; p++) { /* in capitals, without dashes, letters misread */
        if (*p != '-') {
            mangled[n++] = *p == '0' ? 'O' : *p == '1' ? 'l' : *p >= 'a' ? (char)(*p - 32) : *p;
            mangled[n++] = ' ';
        }
    }
    assert_true(recovery_hash(USER, span_make(mangled, n), got));
    assert_memory_equal(want, got, sizeof want);
    const struct span bad[] = {SPAN(""), SPAN("abcd-efgh-jkmn-pqr"), SPAN("abcd-efgh-jkmn-pqrst"), SPAN("abcd-efgh-jkmn-pqru"),
                               SPAN("abcd-efgh-jkmn-pqr\0"), SPAN("abcd_efgh_jkmn_pqrs"), span_sub(span_of(code), 1, RECOVERY_TEXT)};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        if (recovery_hash(USER, bad[i], got)) {
            fail_msg("bad %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hotp_vectors), cmocka_unit_test(totp_vectors), cmocka_unit_test(what_fits),
        cmocka_unit_test(secret_as_text), cmocka_unit_test(boxes), cmocka_unit_test(recovery),
    };
    if (sodium_init() < 0) {
        return 1;
    }
    return cmocka_run_group_tests_name("desk/totp", tests, NULL, NULL);
}
