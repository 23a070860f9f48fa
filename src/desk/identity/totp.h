/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The second factor: time-based one-time passwords (RFC 6238 over RFC 4226, HMAC-SHA-1, 30 s, six digits: what every
 * authenticator knows), recovery codes for whoever lost his, and the box in which a shared secret is stored. Pure but for the
 * kernel's random numbers; HMAC is GnuTLS's, the box libsodium's. Used by the desk. Must never log a secret or a code.
 */
#ifndef DESK_IDENTITY_TOTP_H
#define DESK_IDENTITY_TOTP_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

enum {
    TOTP_SECRET_BYTES = 20, /* RFC 4226 §4 R6 recommends 160 bits */
    TOTP_SECRET_TEXT = 32,  /* the same in base32 (RFC 4648 §6): 160 bits need no padding */
    TOTP_STEP_S = 30,
    TOTP_DIGITS = 6,
    TOTP_SLACK_STEPS = 1, /* a telephone's clock and a slow typist: one step before and behind (RFC 6238 §5.2) */
    TOTP_KEY_BYTES = 32,  /* of DATA/keys/factor.key */
    TOTP_BOX_BYTES = 24 + TOTP_SECRET_BYTES + 16, /* nonce, secret, tag of XChaCha20-Poly1305 */
    TOTP_URI_MAX = 1024,  /* bytes of an otpauth address */
    RECOVERY_CODES = 10,
    RECOVERY_TEXT = 19, /* "abcd-efgh-jkmn-pqrs": 16 characters of 5 random bits */
    RECOVERY_HASH_BYTES = 32,
};

/* Steps of 30 s since 1970; negative before it. */
int64_t totp_step(time_ns now);
/* HOTP (RFC 4226 §5.3) of a counter, as a number below 10^digits; digits 6 to 8. */
uint32_t totp_code(struct span secret, uint64_t counter, unsigned digits);
/*
 * Which step a typed code is of: `now`'s, or one of those within the slack, and later than last_step, so that no code counts
 * twice. Blanks in the code do not matter. False: none. Compares all steps that could be in constant time.
 */
bool totp_fits(struct span secret, struct span typed, time_ns now, int64_t last_step, int64_t *step_out);

void totp_secret_new(unsigned char out[TOTP_SECRET_BYTES]);
/* For people who type it. */
void totp_secret_text(const unsigned char secret[TOTP_SECRET_BYTES], char out[TOTP_SECRET_TEXT + 1]);
/* otpauth://totp/ISSUER:ACCOUNT?secret=… for a QR code (Google's key URI format). Parts are percent-encoded. */
void totp_uri(struct buf *out, struct span issuer, struct span account, const unsigned char secret[TOTP_SECRET_BYTES]);

/* The secret as stored: under the node's key and bound to the person, so that no row opens for another. */
void totp_box_seal(const unsigned char key[TOTP_KEY_BYTES], struct span user_id, const unsigned char secret[TOTP_SECRET_BYTES],
                   unsigned char out[TOTP_BOX_BYTES]);
/* ERR_INVALID: another key, another person, changed. */
int totp_box_open(const unsigned char key[TOTP_KEY_BYTES], struct span user_id, struct span box,
                  unsigned char out[TOTP_SECRET_BYTES], struct err *e) NODISCARD;

/* A new recovery code: 80 random bits, so that a fast hash will do. */
void recovery_new(char out[RECOVERY_TEXT + 1]);
/* What is stored of a code as typed: capitals, blanks and dashes do not matter. False: it has not the shape of one. */
bool recovery_hash(struct span user_id, struct span typed, unsigned char out[RECOVERY_HASH_BYTES]);

#endif
