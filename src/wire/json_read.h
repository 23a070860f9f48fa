/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Our bounded JSON reader (RFC 8259): lenient on content, strict on structure. It never reads past
 * its input, never allocates per value, never unescapes: values are spans into the input. Bad
 * UTF-8, lone surrogates, huge numbers, duplicate keys, raw control characters are tags (refusing a
 * record would be a way to hide); a broken structure is an error with its offset. Who calls it:
 * normalise (event path), api (request bodies), loaders.
 */
#ifndef WIRE_JSON_READ_H
#define WIRE_JSON_READ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/keytable.h"
#include "wire/leaves.h"

enum {
    JSON_DEPTH_MAX = 128,          /* nesting; real logs stay under 20 */
    JSON_RECORD_MAX = 1024 * 1024, /* bytes of one record (DESIGN: event limit 1 MiB) */
    JSON_WALK_MAX =
        1024 * 1024 * 1024, /* bytes of a document that json_walk takes: places are 32-bit */
};

/*
 * Reads exactly one JSON value (blanks around it allowed) into l (cleared first) along the keys of
 * t, from node `at`. Arrays pass their node on to their elements (several values of one node);
 * objects in arrays likewise. A top-level scalar or array is allowed. Returns 0, or ERR_INVALID /
 * ERR_TRUNCATED / ERR_LIMIT with e->offset set. On error l holds what was read so far, l->tags what
 * was odd. TAG_DUPLICATE_KEY is told of keys that have a node. `t` may be NULL: all leaves get
 * KEY_NONE.
 */
int json_read(struct leaves *l, const struct keytable *t, key_node at, struct span text,
              struct err *e) NODISCARD;

/* Unescapes a LEAF_ESCAPED string into out (room for len bytes: it never grows); returns the
 * length. Lone surrogates become U+FFFD. *odd_out (may be NULL) is set when there were any. */
size_t json_unescape(struct span raw, char *out, bool *odd_out);
/*
 * The same, folded (base/utf8.h), in one step, where all of it is ASCII when unescaped; out has room for len + JSON_FOLD_OVER
 * bytes, of which those behind *len_out may be anything. False, and out worth nothing, as soon as something else is met.
 */
enum { JSON_FOLD_OVER = 16 };
bool json_unescape_folded(struct span raw, char *out, size_t *len_out) NODISCARD;
/* … on any processor; tests compare the two. */
bool json_unescape_folded_by_16(struct span raw, char *out, size_t *len_out) NODISCARD;

/*
 * Slow walk with full path names, for showing a record's fields to a person: calls visit(ctx,
 * dotted name, leaf) for each leaf in order; `name` lives in scratch and dies with it. Returns as
 * json_read.
 */
typedef void json_visit(void *ctx, struct span name, const struct leaf *leaf);
int json_walk(struct span text, struct arena *scratch, json_visit *visit, void *ctx,
              struct err *e) NODISCARD;

/*
 * Cuts a stream into top-level values: NDJSON, concatenated or pretty-printed objects, one array of
 * objects, and CloudTrail's {"Records":[…]} (elements given one by one; what else the outer object
 * says is passed over). Feed it a growing window of the stream, which must be able to hold
 * JSON_RECORD_MAX bytes and a read more. Values are found by counting brackets outside strings:
 * whether one is JSON is for json_read to say. How the stream comes in pieces changes nothing. A
 * record without end is given once as bad, from its start to the next line that starts a value and
 * stands no further in; a record over JSON_RECORD_MAX is cut there. The rest goes on.
 */
struct json_split {
    uint64_t offset;   /* of the window start in the stream, for messages */
    uint32_t in_array; /* 1 inside a top-level array, 2 inside Records, 3 behind Records */
    bool unwrap;       /* set: {"Records":[…]} and top-level arrays are opened */
    /* Private: how far the value at the window start has been looked at. */
    bool in_string;
    bool escaped;  /* the next byte is */
    bool new_line; /* only blanks since the last newline */
    bool skipping; /* a bad stretch was given; nothing counts until a line starts a value */
    int broken;    /* ERR_* of a value without end whose stretch is still being looked for, or 0 */
    uint32_t depth;
    uint32_t blanks; /* since the last newline, between values */
    uint32_t indent; /* blanks in front of the value on its line */
    size_t scanned;  /* bytes */
    size_t line_at;  /* start of the line being looked at */
};

enum json_split_result {
    JSON_SPLIT_RECORD, /* *record_out is one value */
    JSON_SPLIT_BAD,    /* *record_out is a stretch that is no JSON value; e says why */
    JSON_SPLIT_MORE,   /* needs more input: drop *used_out bytes, append, call again */
    JSON_SPLIT_END,    /* nothing left (only when final) */
};

void json_split_init(struct json_split *s, bool unwrap);
/* window: unread bytes; final: no more will come. *used_out: bytes of the window now consumed (also
 * the record's). */
enum json_split_result json_split_next(struct json_split *s, struct span window, bool final,
                                       size_t *used_out, struct span *record_out, struct err *e);

#endif
