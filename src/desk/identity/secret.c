/* SPDX-License-Identifier: EUPL-1.2 */
/* Secrets: see secret.h. Must never log or keep one. */
#include "desk/identity/secret.h"

#include <sodium.h>

#include "base/check.h"
#include "base/id.h"

void secret_new(char out[SECRET_TEXT_LEN + 1])
{
    unsigned char bytes[SECRET_BYTES];
    randombytes_buf(bytes, sizeof bytes);
    hex_encode(bytes, sizeof bytes, out);
    sodium_memzero(bytes, sizeof bytes);
}

bool secret_valid(struct span text)
{
    unsigned char bytes[SECRET_BYTES];
    bool good = hex_decode(text, bytes, sizeof bytes);
    sodium_memzero(bytes, sizeof bytes);
    return good;
}

void secret_hash(struct span text, unsigned char out[SECRET_HASH_BYTES])
{
    MUST(crypto_generichash(out, SECRET_HASH_BYTES, (const unsigned char *)text.ptr, text.len, NULL,
                            0));
}

void secret_csrf(struct span cookie, char out[SECRET_TEXT_LEN + 1])
{
    /* A key of its own keeps it apart from the stored hash: neither can be made from the other. */
    static const char purpose[crypto_generichash_KEYBYTES] = "sereno request forgery token 1";
    unsigned char token[SECRET_BYTES];
    MUST(crypto_generichash(token, sizeof token, (const unsigned char *)cookie.ptr, cookie.len,
                            (const unsigned char *)purpose, sizeof purpose));
    hex_encode(token, sizeof token, out);
}

bool secret_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || sodium_memcmp(a.ptr, b.ptr, a.len) == 0);
}
