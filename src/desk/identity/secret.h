/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Random secrets that people or senders carry (cookies, set-up links, ingest tokens), the hashes
 * that are stored of them, and the request-forgery token derived from a cookie. Pure but for the
 * kernel's random numbers. Used by desk and keeper.
 */
#ifndef DESK_IDENTITY_SECRET_H
#define DESK_IDENTITY_SECRET_H

#include <stdbool.h>

#include "base/span.h"

enum {
    SECRET_BYTES = 32,
    SECRET_TEXT_LEN = 2 * SECRET_BYTES, /* as it is carried: lower-case hex */
    SECRET_HASH_BYTES = 32,             /* BLAKE2b-256, as stored */
};

/* A new secret as text with a zero. */
void secret_new(char out[SECRET_TEXT_LEN + 1]);
/* Whether it has the shape of one. */
bool secret_valid(struct span text);
/* What is stored: BLAKE2b-256 of the text. A fast hash will do, since the secret has 256 random
 * bits. */
void secret_hash(struct span text, unsigned char out[SECRET_HASH_BYTES]);
/* Token against request forgery that belongs to a cookie and to nothing else; does not give the
 * cookie away. */
void secret_csrf(struct span cookie, char out[SECRET_TEXT_LEN + 1]);
/* In constant time for equal lengths. */
bool secret_equal(struct span a, struct span b);

#endif
