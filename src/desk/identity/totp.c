/* SPDX-License-Identifier: EUPL-1.2 */
/* One-time passwords and recovery codes: see totp.h. Must never log or keep a secret. */
#include "desk/identity/totp.h"

#include <string.h>

#include <gnutls/crypto.h>
#include <sodium.h>

#include "base/check.h"

enum { SHA1_BYTES = 20, RECOVERY_CHARS = 16 };

_Static_assert(TOTP_BOX_BYTES == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES + TOTP_SECRET_BYTES +
                                     crypto_aead_xchacha20poly1305_ietf_ABYTES, "nonce, secret, tag");
_Static_assert(TOTP_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "one key");

int64_t totp_step(time_ns now)
{
    int64_t second = now / TIME_SECOND;
    return second / TOTP_STEP_S;
}

uint32_t totp_code(struct span secret, uint64_t counter, unsigned digits)
{
    unsigned char text[8], mac[SHA1_BYTES];
    uint32_t limit = 1;
    CHECK(digits >= 6 && digits <= 8);
    for (int i = 7; i >= 0; i--) {
        text[i] = (unsigned char)counter;
        counter >>= 8;
    }
    MUST(gnutls_hmac_fast(GNUTLS_MAC_SHA1, secret.ptr, secret.len, text, sizeof text, mac));
    unsigned at = mac[SHA1_BYTES - 1] & 15U; /* dynamic truncation, RFC 4226 §5.3 */
    uint32_t code = (uint32_t)(mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 | mac[at + 3];
    for (unsigned i = 0; i < digits; i++) {
        limit *= 10;
    }
    sodium_memzero(mac, sizeof mac);
    return code % limit;
}

/* Six digits, with blanks anywhere, as a number. */
static bool typed_code(struct span typed, uint32_t *out)
{
    unsigned digits = 0;
    *out = 0;
    for (size_t i = 0; i < typed.len; i++) {
        char c = typed.ptr[i];
        if (c == ' ') {
            continue;
        }
        if (c < '0' || c > '9' || ++digits > TOTP_DIGITS) {
            return false;
        }
        *out = *out * 10 + (uint32_t)(c - '0');
    }
    return digits == TOTP_DIGITS;
}

bool totp_fits(struct span secret, struct span typed, time_ns now, int64_t last_step, int64_t *step_out)
{
    uint32_t code = 0;
    bool found = false;
    if (!typed_code(typed, &code)) {
        return false;
    }
    for (int64_t step = totp_step(now) - TOTP_SLACK_STEPS; step <= totp_step(now) + TOTP_SLACK_STEPS; step++) {
        uint32_t want = step < 0 ? 0 : totp_code(secret, (uint64_t)step, TOTP_DIGITS);
        bool same = sodium_memcmp(&want, &code, sizeof want) == 0;
        if (same && step > last_step && step >= 0 && !found) {
            *step_out = step;
            found = true;
        }
    }
    return found;
}

void totp_secret_new(unsigned char out[TOTP_SECRET_BYTES])
{
    randombytes_buf(out, TOTP_SECRET_BYTES);
}

/* Five bits a character, the first bits first. */
static void five_bits(const unsigned char *bytes, size_t chars, const char *alphabet, char *out)
{
    for (size_t i = 0; i < chars; i++) {
        size_t bit = 5 * i;
        unsigned two = (unsigned)bytes[bit / 8] << 8 | (bit % 8 > 3 ? bytes[bit / 8 + 1] : 0U);
        out[i] = alphabet[two >> (11 - bit % 8) & 31U];
    }
    out[chars] = '\0';
}

void totp_secret_text(const unsigned char secret[TOTP_SECRET_BYTES], char out[TOTP_SECRET_TEXT + 1])
{
    five_bits(secret, TOTP_SECRET_TEXT, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", out);
}

static void put_percent(struct buf *b, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
        if (plain) {
            buf_put(b, &c, 1);
        } else {
            buf_printf(b, "%%%02X", c);
        }
    }
}

void totp_uri(struct buf *out, struct span issuer, struct span account, const unsigned char secret[TOTP_SECRET_BYTES])
{
    char text[TOTP_SECRET_TEXT + 1];
    totp_secret_text(secret, text);
    buf_cstr(out, "otpauth://totp/");
    put_percent(out, issuer);
    buf_cstr(out, ":");
    put_percent(out, account);
    buf_printf(out, "?secret=%s&issuer=", text);
    put_percent(out, issuer);
    buf_printf(out, "&algorithm=SHA1&digits=%d&period=%d", TOTP_DIGITS, TOTP_STEP_S);
    sodium_memzero(text, sizeof text);
}

void totp_box_seal(const unsigned char key[TOTP_KEY_BYTES], struct span user_id, const unsigned char secret[TOTP_SECRET_BYTES],
                   unsigned char out[TOTP_BOX_BYTES])
{
    unsigned char *sealed = out + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES;
    randombytes_buf(out, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
    MUST(crypto_aead_xchacha20poly1305_ietf_encrypt(sealed, NULL, secret, TOTP_SECRET_BYTES, (const unsigned char *)user_id.ptr,
                                                    user_id.len, NULL, out, key));
}

int totp_box_open(const unsigned char key[TOTP_KEY_BYTES], struct span user_id, struct span box,
                  unsigned char out[TOTP_SECRET_BYTES], struct err *e)
{
    const unsigned char *bytes = (const unsigned char *)box.ptr;
    if (box.len != TOTP_BOX_BYTES ||
        crypto_aead_xchacha20poly1305_ietf_decrypt(
            out, NULL, NULL, bytes + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
            box.len - crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, (const unsigned char *)user_id.ptr, user_id.len, bytes, key) != 0) {
        return err_set(e, ERR_INVALID, "the stored second factor does not open with this node's key");
    }
    return 0;
}

/* Without letters that look alike (Crockford's base 32 in small letters). */
static const char recovery_alphabet[] = "0123456789abcdefghjkmnpqrstvwxyz";

void recovery_new(char out[RECOVERY_TEXT + 1])
{
    unsigned char bytes[RECOVERY_CHARS * 5 / 8];
    char chars[RECOVERY_CHARS + 1];
    char *p = out;
    randombytes_buf(bytes, sizeof bytes);
    five_bits(bytes, RECOVERY_CHARS, recovery_alphabet, chars);
    for (size_t i = 0; i < RECOVERY_CHARS; i++) {
        if (i > 0 && i % 4 == 0) {
            *p++ = '-';
        }
        *p++ = chars[i];
    }
    *p = '\0';
    sodium_memzero(bytes, sizeof bytes);
    sodium_memzero(chars, sizeof chars);
}

/* As people misread them: o is 0, i and l are 1. */
static char canonical(char c)
{
    c = ascii_lower(c);
    return (char)(c == 'o' ? '0' : c == 'i' || c == 'l' ? '1' : c);
}

bool recovery_hash(struct span user_id, struct span typed, unsigned char out[RECOVERY_HASH_BYTES])
{
    char chars[RECOVERY_CHARS];
    size_t n = 0;
    for (size_t i = 0; i < typed.len; i++) {
        char c = canonical(typed.ptr[i]);
        if (c == ' ' || c == '-') {
            continue;
        }
        if (n == RECOVERY_CHARS || c == '\0' || strchr(recovery_alphabet, c) == NULL) {
            return false;
        }
        chars[n++] = c;
    }
    if (n != RECOVERY_CHARS || user_id.len < crypto_generichash_KEYBYTES_MIN || user_id.len > crypto_generichash_KEYBYTES_MAX) {
        return false;
    }
    /* The person's id as key: the same code of two people is two hashes. */
    MUST(crypto_generichash(out, RECOVERY_HASH_BYTES, (const unsigned char *)chars, sizeof chars, (const unsigned char *)user_id.ptr,
                            user_id.len));
    sodium_memzero(chars, sizeof chars);
    return true;
}
