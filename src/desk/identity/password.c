/* SPDX-License-Identifier: EUPL-1.2 */
/* Passwords: see password.h. Runs in the desk, on a worker thread. Must never log or keep one. */
#include "desk/identity/password.h"

#include <sodium.h>
#include <string.h>

#include "base/utf8.h"

static size_t characters(struct span s)
{
    size_t n = 0;
    const char *p = s.ptr;
    while (p < s.ptr + s.len) {
        size_t step = 1;
        (void)utf8_decode(p, s.ptr + s.len, &step);
        p += step;
        n++;
    }
    return n;
}

/* Few distinct bytes in a short password: "aaaaaaaaaaaa", "121212121212". */
static bool is_monotonous(struct span s)
{
    bool seen[256] = {false};
    size_t distinct = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        distinct += !seen[c];
        seen[c] = true;
    }
    return distinct < 5;
}

/* Long enough to pass the length rule, and the first that anybody tries. */
static bool is_notorious(struct span s)
{
    static const char *const worst[] = {
        "password1234",
        "password12345",
        "passwordpassword",
        "administrator",
        "administrator1",
        "123456789012",
        "1234567890123",
        "qwertyuiop12",
        "qwertyuiop123",
        "changemeplease",
        "letmeinplease",
        "welcome12345",
        "correct horse battery staple",
        "correcthorsebatterystaple",
    };
    for (size_t i = 0; i < ARRAY_LEN(worst); i++) {
        if (span_eq_nocase(s, span_of(worst[i]))) {
            return true;
        }
    }
    return false;
}

int password_acceptable(struct span password, struct span name, struct err *e)
{
    if (password.len > PASSWORD_MAX) {
        return err_set(e, ERR_LIMIT, "Use at most %d bytes for the password.", PASSWORD_MAX);
    }
    if (!utf8_valid(password) || memchr(password.ptr, '\0', password.len) != NULL) {
        return err_set(e, ERR_INVALID, "The password holds a character that cannot be typed.");
    }
    if (characters(password) < PASSWORD_MIN) {
        return err_set(e, ERR_INVALID, "Use at least %d characters for the password.",
                       PASSWORD_MIN);
    }
    if (is_monotonous(password) || is_notorious(password) ||
        (name.len >= 3 && memmem(password.ptr, password.len, name.ptr, name.len) != NULL)) {
        return err_set(e, ERR_INVALID,
                       "This password is easy to guess. A few unrelated words make a good one.");
    }
    return 0;
}

int password_hash(struct span password, char out[PASSWORD_STRING_MAX], struct err *e)
{
    _Static_assert(PASSWORD_STRING_MAX == crypto_pwhash_STRBYTES, "room for the string");
    if (crypto_pwhash_str_alg(out, password.ptr, password.len, PASSWORD_OPS, PASSWORD_MEMORY_BYTES,
                              crypto_pwhash_ALG_ARGON2ID13) != 0) {
        return err_set(e, ERR_LIMIT, "not enough memory to hash a password");
    }
    return 0;
}

bool password_verify(struct span string, struct span password)
{
    /* Argon2id of random bytes that nobody knows, with the costs above: a stranger's name takes as
     * long as a known one. */
    static const char nobody[] = "$argon2id$v=19$m=65536,t=2,p=1$cmFuZG9tc2FsdDEyMzQ1Ng$"
                                 "hY2b0Qb5Jr1b3VQmV8vYb1cB1mS7l0wN0v4d1m2r3Zk";
    char text[PASSWORD_STRING_MAX] = {0};
    bool known = string.len > 0 && string.len < sizeof text;
    struct span used = known ? string : span_of(nobody);
    memcpy(text, used.ptr, used.len);
    bool fits = password.len <= PASSWORD_MAX &&
                crypto_pwhash_str_verify(text, password.ptr, password.len) == 0;
    return known && fits;
}
