/* SPDX-License-Identifier: EUPL-1.2 */
/* Where things stand in an encrypted file; for crypt.c and crypt_read.c alone. */
#ifndef WIRE_CRYPT_PRIV_H
#define WIRE_CRYPT_PRIV_H

#include <sodium.h>

#include "base/check.h"
#include "wire/crypt.h"

#define CRYPT_MAGIC "sereno-crypt-1\n" /* with its zero: 16 bytes */

enum {
    CRYPT_MAGIC_BYTES = sizeof CRYPT_MAGIC,
    CRYPT_BOX_BYTES = crypto_secretstream_xchacha20poly1305_KEYBYTES + crypto_box_SEALBYTES,
    CRYPT_MORE = crypto_secretstream_xchacha20poly1305_ABYTES, /* bytes by which a chunk grows */
    CRYPT_AT_MAGIC = 0,
    CRYPT_AT_TO = CRYPT_MAGIC_BYTES,
    CRYPT_AT_BOX = CRYPT_AT_TO + CRYPT_KEY_BYTES,
    CRYPT_AT_STREAM = CRYPT_AT_BOX + CRYPT_BOX_BYTES,
    CRYPT_SIGNED_BYTES = CRYPT_MAGIC_BYTES + CRYPT_HASH_BYTES,
};
_Static_assert(CRYPT_AT_STREAM + crypto_secretstream_xchacha20poly1305_HEADERBYTES == CRYPT_HEADER_BYTES,
               "crypt.h tells the sizes");

/* What the signature is over. */
void crypt_signed_text(const unsigned char hash[CRYPT_HASH_BYTES], unsigned char out[CRYPT_SIGNED_BYTES]);

#endif
