/* SPDX-License-Identifier: EUPL-1.2 */
/* UTF-8 (RFC 3629): strict decoding of hostile bytes, and Unicode simple case folding. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum { UTF8_BAD = -1, UTF8_MAX_BYTES = 4 };

/* Code point at p (p < end); *len_out bytes used (1 for a bad byte). UTF8_BAD for overlong, surrogate, > U+10FFFF, cut. */
int32_t utf8_decode(const char *p, const char *end, size_t *len_out);

/* Writes cp (≤ U+10FFFF) into out[4]; returns the byte count. Surrogates are written as three bytes, as they came. */
size_t utf8_encode(uint32_t cp, char out[UTF8_MAX_BYTES]);

bool utf8_valid(struct span s);

/* Simple folding of one code point (Unicode CaseFolding, status C and S); itself when it has none. */
uint32_t utf8_fold_cp(uint32_t cp);

/* True when all bytes are ASCII. */
bool utf8_is_ascii(struct span s);

/*
 * Folds s into out (room for utf8_fold_room(s.len) bytes) and returns the length. Bad bytes are copied as they are.
 * Simple folding may change the byte length of a character, by at most half of it upwards.
 */
size_t utf8_fold(struct span s, char *out);
static inline size_t utf8_fold_room(size_t len)
{
    return len + len / 2 + 1;
}

#endif
