/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From a file to its records: unpacks (.gz, .zst, by their first bytes), guesses the format when asked, cuts into JSON
 * values, lines, or the records of event log files. Used inside sandboxed workers only.
 */
#ifndef CLI_RECORD_READER_H
#define CLI_RECORD_READER_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "flow/normalise/sources.h"
#include "wire/evtx.h"
#include "wire/json_read.h"
#include "wire/lines.h"
#include "wire/unpack.h"

enum {
    RECORD_CHUNK = 256 * 1024,            /* bytes read at once */
    RECORD_WINDOW_MAX = 8 * 1024 * 1024,  /* unread bytes kept: a record may be 1 MiB, a bad stretch longer */
};

enum record_result {
    RECORD_OK,
    RECORD_BAD,
    RECORD_DAMAGE, /* a place that is damaged, but no record: it has no index */
    RECORD_END,
    RECORD_FAILED,
};

struct record_reader {
    struct unpack *unpack;
    struct buf window;
    size_t at;            /* consumed part of the window */
    uint64_t base;        /* offset of the window start in the unpacked stream */
    bool final;           /* the stream has ended */
    bool failed;          /* … with an error, told once */
    struct err stream_err;
    enum source_format format;
    struct json_split split;
    struct lines lines;
    struct evtx *evtx;    /* FORMAT_EVTX only; the stream borrows it */
    bool header_seen;     /* of the EVTX file */
    size_t chunk_bytes;   /* of the EVTX chunk being read, 0: none */
    uint64_t chunks;      /* begun so far */
    unsigned part, parts; /* set by a caller that works on its own slices only: others' are not checked */
};

/* Reads the head; format SCAN_GUESS (255) guesses. ERR_* when nothing can be read at all. */
int record_reader_open(struct record_reader *r, int fd, unsigned format, struct err *e) NODISCARD;
void record_reader_close(struct record_reader *r);

/*
 * Next record, valid until the next call; *offset_out is its place in the unpacked stream. RECORD_BAD: a stretch that
 * is no record of the format (it still has an index); RECORD_DAMAGE: a damaged place without one; e says why. RECORD_FAILED: the rest cannot be read (damaged
 * compression, read error): e has the offset; what came before stands.
 */
enum record_result record_next(struct record_reader *r, struct span *record_out,
                               uint64_t *offset_out, struct err *e);

/* Number of the slice that the record given last (or the damage) is part of, for dealing a file out to several readers:
 * chunks of EVTX, else `records` many records. index: of that record. */
uint64_t record_reader_slice(const struct record_reader *r, uint64_t index, uint64_t records);

/* Bytes of the file read so far (packed), for progress. */
uint64_t record_reader_position(const struct record_reader *r);

#endif
