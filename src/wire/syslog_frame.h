/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Cuts a byte stream into messages: RFC 6587 octet counting (§3.4.1) and newline framing (§3.4.2),
 * told apart per frame, since one sender may use both; or plain lines, for followed files and the
 * journal. Bounded: a frame over its limit is handed out once, cut and marked, and its rest is
 * skipped and counted. Called by flow/receive in intake. Whole frames point into the input; only a
 * frame that spans two reads is copied.
 */
#ifndef WIRE_SYSLOG_FRAME_H
#define WIRE_SYSLOG_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

enum {
    SYSLOG_FRAME_LEN_DIGITS = 9, /* digits of an octet count taken as one: below 1 GB */
};

enum syslog_framing { SYSLOG_FRAMING_AUTO, SYSLOG_FRAMING_LINES };

struct syslog_frame {
    struct span
        bytes; /* without length prefix and line end; good until the next call on the framer */
    bool cut;  /* the sender's frame was longer than the limit */
    bool unfinished; /* the stream ended inside it */
};

struct syslog_framer {
    enum syslog_framing framing;
    size_t max_bytes;
    struct buf held;     /* start of a frame whose end has not come */
    bool held_given;     /* `held` was handed out and is emptied at the next call */
    size_t counted_left; /* octets still to come of a counted frame */
    size_t skip_left;    /* octets of a cut counted frame still to be skipped */
    bool skip_line;      /* skipping to the next line end */
    uint64_t consumed; /* bytes taken from the stream up to the end of the last frame handed out */
    uint64_t pending;  /* bytes taken since */
    uint64_t skipped_bytes; /* bytes that no frame carries: rests of cut frames */
};

/* max_bytes: limit of one frame. */
void syslog_framer_init(struct syslog_framer *f, enum syslog_framing framing, size_t max_bytes);
void syslog_framer_fini(struct syslog_framer *f);

/*
 * Next frame from *input, which is moved past what was used. False when more input is needed (then
 * *input is empty). Empty lines are passed over: they carry nothing.
 */
bool syslog_framer_next(struct syslog_framer *f, struct span *input, struct syslog_frame *out);

/* What is left when the stream ends; false when nothing is. */
bool syslog_framer_end(struct syslog_framer *f, struct syslog_frame *out);

#endif
