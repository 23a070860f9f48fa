/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Windows event log files (EVTX, the format of Windows Vista and later; [MS-EVEN6] 2.2.12 describes
 * its binary XML): file header, chunks, records, and of each record its values as leaves, under the
 * same names that the usual export to JSON gives them ("Event.System.Provider.#attributes.Name",
 * "Event.EventData.Image"). No XML and no JSON text is made. A template is compiled once per chunk
 * into a list of steps; a record then costs its values only.
 *
 * Bounded: never reads outside the chunk, no recursion beyond EVTX_NESTED_MAX, no allocation per
 * value, and every chunk has a budget of steps and text, so that templates which point at each
 * other cannot grow without end. What is damaged is told with its place, and the rest is read. Who
 * calls it: record_reader (chunks, records), normalise (values).
 */
#ifndef WIRE_EVTX_H
#define WIRE_EVTX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "wire/keytable.h"
#include "wire/leaves.h"

enum {
    EVTX_HEADER_BYTES = 4096,
    EVTX_CHUNK_BYTES = 65536,
    EVTX_CHUNK_HEADER_BYTES = 512,
    EVTX_RECORD_MIN = 28,      /* bytes: header, empty body, second size */
    EVTX_DEPTH_MAX = 64,       /* open elements; real events stay under 10 */
    EVTX_NESTED_MAX = 8,       /* fragments inside fragments; real ones 2 */
    EVTX_ATTRIBUTES_MAX = 256, /* of one element; real ones stay under 10 */
    EVTX_VALUES_MAX = 4096, /* substitutions of one template instance; real ones stay under 100 */
    EVTX_NAME_MAX = 512,    /* UTF-16 units of an element's or attribute's name */
    EVTX_PATH_MAX = 1024,   /* bytes of a dotted name; cut there (for people only) */
    EVTX_TEXT_MAX = 1024 * 1024,           /* bytes of one record's values as UTF-8 */
    EVTX_CHUNK_TEXT_MAX = 8 * 1024 * 1024, /* the same of all records of a chunk */
    EVTX_CHUNK_STEPS_MAX =
        256 * 1024, /* tokens read and values made per chunk; real chunks stay under 30,000 */
    EVTX_CHUNK_MEMORY_MAX = 16 * 1024 * 1024, /* bytes of compiled templates per chunk */
};

struct evtx;
struct evtx *evtx_new(void);
void evtx_free(struct evtx **x);

/* Does a file begin like one? Eight bytes tell. */
bool evtx_is_file(struct span head);

/* The first EVTX_HEADER_BYTES of a file. Damage (ERR_INVALID, ERR_TRUNCATED, ERR_UNSUPPORTED) says
 * what; chunks may be readable all the same. */
int evtx_file_header(struct span header, struct err *e) NODISCARD;

enum evtx_chunk_state {
    EVTX_CHUNK_GOOD,
    EVTX_CHUNK_EMPTY,   /* only zeros: room that Windows keeps ready */
    EVTX_CHUNK_DAMAGED, /* a checksum or the length is wrong (e says which): its records are given
                           all the same, each judged by itself */
    EVTX_CHUNK_LOST,    /* no chunk: no record can be found here; e says why */
};

/*
 * Begins a chunk: EVTX_CHUNK_BYTES from a file, fewer only at its end. It is borrowed until the
 * next call or evtx_free. verify: compute the checksums (a reader that only counts records need
 * not).
 */
enum evtx_chunk_state evtx_chunk(struct evtx *x, struct span chunk, bool verify, struct err *e);

enum evtx_next {
    EVTX_RECORD,
    EVTX_RECORD_BAD, /* a stretch that is no record; e says why. Reading goes on behind it */
    EVTX_RECORDS_END,
};

/* Next record of the chunk, in the order of the file; it lies inside the chunk. */
enum evtx_next evtx_record_next(struct evtx *x, struct span *record_out, struct err *e);

/*
 * Reads one record that evtx_record_next gave into l (cleared first) along the keys of t from
 * KEY_ROOT; t may be NULL. The values' text lies in *text_out, one after the other, a newline
 * between; leaves point into it. Valid until the next call. Returns 0 or ERR_INVALID /
 * ERR_TRUNCATED / ERR_LIMIT, where e->text names the place in the chunk; then l and text hold what
 * was read until there.
 */
int evtx_read(struct evtx *x, const struct keytable *t, struct span record, struct leaves *l,
              struct span *text_out, struct err *e) NODISCARD;

/* Dotted name of leaf i of the record read last; ptr NULL for the second of two leaves that one
 * value has (a key with blanks and without). Lives until the next chunk. */
struct span evtx_name(const struct evtx *x, uint32_t i);

/* When the record was written, by its own header. */
time_ns evtx_written(struct span record);

#endif
