/* SPDX-License-Identifier: EUPL-1.2 */
/* Strict numbers from text: the whole span must be the number; no blanks, no locale, no surprises. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { NUM_TEXT_MAX = 400 }; /* bytes of text taken as a number: the longest exact double has 325 */

/* Decimal digits only. False on anything else or overflow. */
bool num_u64(struct span s, uint64_t *out) __attribute__((warn_unused_result));
/* Optional sign, then digits. */
bool num_i64(struct span s, int64_t *out) __attribute__((warn_unused_result));
/* JSON number grammar, also with a leading '+'. Huge values become ±infinity; never NaN. */
bool num_double(struct span s, double *out) __attribute__((warn_unused_result));
/* "0x" optional, then 1 to 16 hex digits. */
bool num_hex(struct span s, uint64_t *out) __attribute__((warn_unused_result));

#endif
