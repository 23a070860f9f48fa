/* SPDX-License-Identifier: EUPL-1.2 */
/* How keys, ids and times are written in federation documents. Pure. */
#ifndef DESK_FEDERATION_TEXT_H
#define DESK_FEDERATION_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/span.h"

/* base64url without padding (RFC 4648 §5) of exactly len bytes; false on anything else, also on
 * bits behind the last byte. */
bool fed_base64_read(struct span text, void *out, size_t len) __attribute__((warn_unused_result));
/* As above of any length up to max; *len_out says how long. */
bool fed_base64_read_some(struct span text, void *out, size_t max, size_t *len_out)
    __attribute__((warn_unused_result));
/* Bytes as base64url without padding, in a. */
struct span fed_base64(struct arena *a, const void *bytes, size_t len);

/* Whether it is a node id: 32 lower-case hex digits. */
bool fed_node_valid(struct span s);
/* Whether it is an envelope id: 64 lower-case hex digits. */
bool fed_id_valid(struct span s);
/* Whether it is a circle's id: lower-case letters, digits, '-', 1 to FED_CIRCLE_MAX. */
bool fed_circle_valid(struct span s);
/* Whether it can be a name: 1 to max bytes of UTF-8 without control characters. */
bool fed_name_valid(struct span s, size_t max);

/* "2026-11-26T20:00:00Z" and nothing else, no leap second either (one moment, one text), to seconds since 1970. */
bool fed_time_read(struct span s, int64_t *out) __attribute__((warn_unused_result));
/* The other way; 1970 to 9999. */
struct span fed_time(struct arena *a, int64_t seconds);

#endif
