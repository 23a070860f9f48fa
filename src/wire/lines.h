/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Newline framing over a growing window of a stream. LF ends a line, a CR in front of it is no part
 * of it; NUL bytes are kept; the last line needs no newline. How the stream comes in pieces changes
 * nothing. Who calls it: scan, intake.
 */
#ifndef WIRE_LINES_H
#define WIRE_LINES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    LINES_MAX_BYTES = 1024 * 1024, /* of one line (DESIGN: event limit 1 MiB) */
};

struct lines {
    uint64_t offset;  /* of the window start in the stream */
    uint64_t number;  /* lines given, so the last one's number counted from 1 */
    size_t max_bytes; /* longer lines are cut there */
    size_t scanned;   /* private: bytes of the window without a newline */
    bool skipping;    /* private: in the rest of a cut line */
};

enum lines_result {
    LINES_LINE,
    LINES_MORE, /* needs more input: drop *used_out bytes, append, call again */
    LINES_END,  /* nothing left (only when final) */
};

/* max_bytes 0: LINES_MAX_BYTES. The window must be able to hold max_bytes + 2 bytes. */
void lines_init(struct lines *s, size_t max_bytes);

/* window: unread bytes; final: no more will come. *used_out: bytes now consumed. *cut_out: the line
 * was over the limit (tag it TAG_TOO_LONG); its rest is passed over. Empty lines are given. */
enum lines_result lines_next(struct lines *s, struct span window, bool final, size_t *used_out,
                             struct span *line_out, bool *cut_out);

#endif
