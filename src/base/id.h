/* SPDX-License-Identifier: EUPL-1.2 */
/* Identifiers: UUIDv7 (RFC 9562 §5.7) for everything we store, hex and base32 text. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>

#include "base/clock.h"
#include "base/span.h"

enum { ID_TEXT_LEN = 36 };

/* New UUIDv7 as lower-case text with zero; random bits from the kernel. */
void id_new(time_ns now, char out[ID_TEXT_LEN + 1]);
/* 8-4-4-4-12 hex digits, any version. */
bool id_valid(struct span s);
/* 2*len lower-case hex digits and a zero into out. */
void hex_encode(const void *bytes, size_t len, char *out);
/* len bytes from 2*len hex digits; false on anything else. */
bool hex_decode(struct span s, void *out, size_t len) __attribute__((warn_unused_result));
/* Base32 (RFC 4648 §6) in groups of four with dashes between, for people to compare and to type: 8*len/5 characters,
 * dashes and a zero into out. len is a multiple of 5. */
#define BASE32_TEXT_MAX(len) ((len) * 8 / 5 + ((len) * 8 / 5 - 1) / 4 + 1)
void base32_encode(const void *bytes, size_t len, char *out);
/* len bytes from that text; case, blanks and dashes do not matter; false on anything else. */
bool base32_decode(struct span s, void *out, size_t len) __attribute__((warn_unused_result));

#endif
