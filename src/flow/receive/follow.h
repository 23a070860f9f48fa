/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Followed files and pipes (the journal): lines as they are appended. Super hands over the open
 * file and, after rotation, the next one; the position of each is given with every window, so that
 * it commits with what was read.
 */
#ifndef FLOW_RECEIVE_FOLLOW_H
#define FLOW_RECEIVE_FOLLOW_H

#include "base/buf.h"
#include "base/err.h"
#include "flow/receive/receive.h"

enum {
    FOLLOW_FILES_MAX = 1000, /* of one intake */
    FOLLOW_READ_BYTES = 64 * 1024,
    FOLLOW_BYTES_PER_POLL = 4 * 1024 * 1024, /* of one file, then others have their turn; or after RECEIVE_TURN_MS of all files */
    FOLLOW_GRACE_MS = 2000,   /* how long a rotated file stays quiet before it is let go */
    JOURNAL_CURSOR_MAX = 250, /* bytes; systemd 252 writes about 140 */
    FOLLOW_EVERY_MS = 200,    /* how often files are looked at: regular files wake nobody */
};

/* Where reading of one file stands. */
struct follow_position {
    uint64_t device;
    uint64_t inode;
    uint64_t offset; /* of the first byte not yet in a window */
};
void follow_position_encode(struct buf *out, const struct follow_position *p);
bool follow_position_decode(struct span bytes, struct follow_position *out) NODISCARD;

struct follow_file {
    struct span name; /* path, as in the config */
    int fd;           /* taken over */
    uint32_t source;
    struct follow_position at; /* device and inode of fd; offset to start from */
    bool pipe; /* the journal: its position is a cursor, it ends when the writer does */
};

/* Cursor of one line of `journalctl -o json`; empty when it has none. Points into the line. */
struct span journal_cursor(struct span line);

struct follow;
struct follow *follow_new(const struct receive_sink *sink);
void follow_free(struct follow **f);
/* The same name with another inode: the old file is read to its end first. The same file again: what comes from now on is of
 * the source that is named now. ERR_LIMIT at FOLLOW_FILES_MAX. */
int follow_add(struct follow *f, const struct follow_file *file, struct err *e) NODISCARD;
/* No more from this name once it is read to its end. */
void follow_end(struct follow *f, struct span name);
/* Reads what is there, for RECEIVE_TURN_MS at most, until *stop is set by a sink that wants no more; the next call goes on
 * with the next file. True: more may be waiting, call soon again, after others had their turn. */
bool follow_poll(struct follow *f, const bool *stop);
/*
 * Calls visit for each thing whose position moved since the last call: of a file what
 * follow_position_encode makes, of the journal the cursor of its last entry (JOURNAL_CURSOR_MAX
 * bytes at most).
 */
typedef void follow_visit(void *ctx, struct span name, struct span position);
void follow_positions(struct follow *f, follow_visit *visit, void *ctx);
size_t follow_count(const struct follow *f);

#endif
