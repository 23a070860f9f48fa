/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Strict JSON writer over a bounded buffer (RFC 8259). Text from outside is escaped; bytes that are
 * not UTF-8 become U+FFFD. Commas and nesting are the writer's business. Called by the API, scan
 * and every exporter.
 */
#ifndef WIRE_JSON_WRITE_H
#define WIRE_JSON_WRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum { JSON_WRITE_DEPTH_MAX = 64 };

struct json_writer {
    struct buf *out; /* borrowed; out->failed tells of a full buffer */
    uint8_t depth;
    uint8_t is_array[JSON_WRITE_DEPTH_MAX];
    bool need_comma;
    bool after_key;
};

void json_writer_init(struct json_writer *j, struct buf *out);
void json_object(struct json_writer *j);
void json_array(struct json_writer *j);
/* Ends the innermost object or array. */
void json_end(struct json_writer *j);
/* Name of the next value; a literal of ours. */
void json_key(struct json_writer *j, const char *key);
/* Name that comes from data. */
void json_key_text(struct json_writer *j, struct span key);
void json_text(struct json_writer *j, struct span s);
void json_u64(struct json_writer *j, uint64_t v);
void json_i64(struct json_writer *j, int64_t v);
/* Shortest text that reads back the same; NaN and infinities become null. */
void json_double(struct json_writer *j, double v);
void json_bool(struct json_writer *j, bool v);
void json_null(struct json_writer *j);
/* A member whose value is a text; null where it is empty. key: a literal of ours. */
void json_member_text(struct json_writer *j, const char *key, struct span s);
void json_member_text_or_null(struct json_writer *j, const char *key, struct span s);
/* Bytes that are JSON already. */
void json_raw(struct json_writer *j, struct span json);
/* True when every object and array is ended and the buffer held it all. */
bool json_writer_done(const struct json_writer *j) __attribute__((warn_unused_result));

#endif
