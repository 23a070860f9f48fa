/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Passwords: Argon2id by libsodium. Slow on purpose (about a tenth of a second and 64 MiB), so the
 * desk calls these on a worker thread, one at a time. There is no default password anywhere.
 */
#ifndef DESK_IDENTITY_PASSWORD_H
#define DESK_IDENTITY_PASSWORD_H

#include <stdbool.h>

#include "base/err.h"
#include "base/span.h"

enum {
    PASSWORD_MIN =
        12, /* characters (NIST SP 800-63B-4 asks for 15 without a second factor, 8 with one) */
    PASSWORD_MAX = 256,        /* bytes: a long sentence; more would only feed the hash */
    PASSWORD_STRING_MAX = 128, /* crypto_pwhash_STRBYTES */
    PASSWORD_OPS = 2,
    PASSWORD_MEMORY_BYTES =
        64 << 20, /* on two cores: an attacker pays this per guess, we per log-in */
};

/* Whether somebody may choose it: long enough, not his name, not one character over and over, not
 * on the short list of the worst. e says what to do. */
int password_acceptable(struct span password, struct span name, struct err *e) NODISCARD;

/* Argon2id string with a zero. ERR_LIMIT when the memory is not there. */
int password_hash(struct span password, char out[PASSWORD_STRING_MAX], struct err *e) NODISCARD;

/* Whether the password fits the string. An empty string (no such person) takes as long and is
 * false. */
bool password_verify(struct span string, struct span password);

#endif
