/* SPDX-License-Identifier: EUPL-1.2 */
/* Builds chunks of event log files byte by byte, for the tests of wire/evtx. Sizes of elements are
 * written as 0: the reader does not go by them. */
#ifndef WIRE_EVTX_KIT_H
#define WIRE_EVTX_KIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/evtx.h"

struct evtx_kit {
    uint8_t data[EVTX_CHUNK_BYTES];
    size_t at;
    size_t record;   /* where the open record begins */
    size_t template; /* where the open template's definition begins */
    uint64_t records;
};

void kit_begin(struct evtx_kit *k);
/* Writes header and checksums; the chunk stays EVTX_CHUNK_BYTES long. */
void kit_finish(struct evtx_kit *k);
void kit_record(struct evtx_kit *k);
void kit_record_end(struct evtx_kit *k);

void kit_put(struct evtx_kit *k, const void *p, size_t n);
void kit_u8(struct evtx_kit *k, unsigned v);
void kit_u16(struct evtx_kit *k, unsigned v);
void kit_u32(struct evtx_kit *k, uint32_t v);
/* ASCII text as UTF-16. */
void kit_units(struct evtx_kit *k, const char *text);

/* Tokens of binary XML. */
void kit_fragment(struct evtx_kit *k);
void kit_open(struct evtx_kit *k, const char *name, bool attributes); /* with a dependency number */
void kit_open_inside(struct evtx_kit *k, const char *name, bool attributes); /* without */
void kit_attribute(struct evtx_kit *k, const char *name);
void kit_text(struct evtx_kit *k, const char *text);
void kit_value(struct evtx_kit *k, unsigned number, unsigned type);
/* <name attribute="text"> of the usual <Data Name="…">. */
void kit_data(struct evtx_kit *k, const char *name);
enum { KIT_TAG = 2, KIT_EMPTY = 3, KIT_CLOSE = 4, KIT_END = 0 }; /* for kit_u8 */

/* A template instance with its definition here; between the two stand the definition's tokens. */
void kit_template(struct evtx_kit *k);
void kit_template_end(struct evtx_kit *k);
/* An instance of the definition at an offset. */
void kit_instance(struct evtx_kit *k, uint32_t definition);
/* Values follow kit_template_end or kit_instance: their number, then each one's type and size, then
 * their bytes. */
void kit_value_entry(struct evtx_kit *k, unsigned type, size_t size);

/* All leaves of the record as "name=value;" lines: strings in quotes, numbers, true, false and null
 * as they are. */
void kit_dump(const struct evtx *x, const struct leaves *l, struct buf *out);

/* ---- reading ---- */

/* A chunk being built, and what is read of it. */
struct kit_reading {
    struct evtx_kit kit;
    struct evtx *x;
    struct leaves l;
    const struct keytable *keys;
    char *chunk; /* exact copy */
    struct buf out;
    struct err e;
};

struct kit_reading *kit_reading_new(void);
void kit_reading_free(struct kit_reading *r);
/* Hands the first len bytes of the chunk to the reader, in a heap buffer of just that size. */
enum evtx_chunk_state kit_take(struct kit_reading *r, size_t len);
/* Reads all records; each is a line: its values, "BAD" for a stretch that is none, "FAILED" for one
 * that cannot be read. */
const char *kit_lines(struct kit_reading *r);
/* Finishes the chunk, which must be good, and reads it. */
const char *kit_read_all(struct kit_reading *r);

/* A record <Event><EventData><Data Name="v">%0</Data></EventData></Event> with one value. */
void kit_one_value(struct evtx_kit *k, unsigned type, const char *bytes, size_t len);
/* A record with a template: <Event xmlns="u">, to its end; values follow. */
void kit_event(struct evtx_kit *k);
void kit_event_end(struct evtx_kit *k);
/* No values, and the record's end. */
void kit_no_values(struct evtx_kit *k);

#endif
