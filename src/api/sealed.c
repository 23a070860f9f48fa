/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a browser carries for the desk between two requests, sealed with a key of this run: the desk keeps nothing, so nobody can fill its
 * memory. Each use has a key of its own, so that a text of one is none of another. See pages.h.
 */
#include <string.h>

#include <sodium.h>

#include "api/api_priv.h"
#include "api/pages.h"
#include "base/id.h"

_Static_assert((int)SEALED_PURPOSE == (int)crypto_generichash_KEYBYTES, "a purpose is a key");

static void key_of(const struct api *api, const char purpose[SEALED_PURPOSE], unsigned char key[crypto_secretbox_KEYBYTES])
{
    MUST(crypto_generichash(key, crypto_secretbox_KEYBYTES, (const unsigned char *)api->form_key, strlen(api->form_key),
                            (const unsigned char *)purpose, SEALED_PURPOSE));
}

/* Hex of nonce and box. */
struct span sealed_text(struct api_request *req, const char purpose[SEALED_PURPOSE], struct span plain)
{
    unsigned char key[crypto_secretbox_KEYBYTES];
    size_t len = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES + plain.len;
    unsigned char *out = arena_alloc(&req->arena, len);
    char *text = arena_bytes(&req->arena, 2 * len + 1);
    CHECK(plain.len <= SEALED_MAX);
    randombytes_buf(out, crypto_secretbox_NONCEBYTES);
    key_of(req->api, purpose, key);
    MUST(crypto_secretbox_easy(out + crypto_secretbox_NONCEBYTES, (const unsigned char *)plain.ptr, plain.len, out, key));
    hex_encode(out, len, text);
    sodium_memzero(key, sizeof key);
    return span_of(text);
}

bool sealed_open(struct api_request *req, const char purpose[SEALED_PURPOSE], struct span text, struct span *plain_out)
{
    enum { AROUND = crypto_secretbox_NONCEBYTES + crypto_secretbox_MACBYTES };
    unsigned char key[crypto_secretbox_KEYBYTES];
    size_t len = text.len / 2;
    if (text.len > 2 * (SEALED_MAX + AROUND) || text.len % 2 != 0 || len <= AROUND) {
        return false;
    }
    unsigned char *box = arena_alloc(&req->arena, len);
    unsigned char *plain = arena_alloc(&req->arena, len);
    if (!hex_decode(text, box, len)) {
        return false;
    }
    key_of(req->api, purpose, key);
    int rc = crypto_secretbox_open_easy(plain, box + crypto_secretbox_NONCEBYTES, len - crypto_secretbox_NONCEBYTES, box, key);
    sodium_memzero(key, sizeof key);
    *plain_out = span_make((const char *)plain, len - AROUND);
    return rc == 0;
}
