/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Streaming decompression of log files: gzip (RFC 1952, several members), zstd (RFC 8878, several
 * frames) or plain, told apart by their first bytes. Reads an open descriptor with read() alone, or
 * bytes in memory; memory is bounded whatever the file claims. Who calls it: scan and hunt workers,
 * inside their sandbox.
 */
#ifndef WIRE_UNPACK_H
#define WIRE_UNPACK_H

#include <stdint.h>

#include "base/check.h"
#include "base/err.h"
#include "base/span.h"

enum {
    UNPACK_WINDOW_LOG_MAX =
        27, /* log2 of bytes: 128 MiB, the most that zstd --long=27 asks for; more is refused */
};

enum unpack_kind {
    UNPACK_PLAIN,
    UNPACK_GZIP,
    UNPACK_ZSTD,
};

struct unpack;

/* fd stays the caller's and must outlive it; it is read from where it stands. */
struct unpack *unpack_new(int fd);
/* The same over bytes in memory, borrowed. */
struct unpack *unpack_new_span(struct span bytes);
void unpack_free(struct unpack **u);

/*
 * Next bytes of the content into out (room for cap > 0); *len_out 0 means the end. ERR_INVALID: not
 * what its first bytes promised; ERR_TRUNCATED: ends inside a member or frame; ERR_LIMIT: asks for
 * a larger window; ERR_IO. e->offset is the place in the packed file. What was given before an
 * error stands; after one there is no more (the same error again). A descriptor that would block
 * gives ERR_BUSY and may be tried again.
 */
int unpack_read(struct unpack *u, char *out, size_t cap, size_t *len_out, struct err *e) NODISCARD;

/* Known after the first successful read. */
enum unpack_kind unpack_kind(const struct unpack *u);
/* Packed bytes taken so far, for progress. */
uint64_t unpack_offset(const struct unpack *u);

#endif
