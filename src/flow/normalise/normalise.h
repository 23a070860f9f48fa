/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From bytes to an event: decode, recognise, classify, find its time. One normaliser per worker;
 * allocates nothing per event once warm. Called by intake, scan, bench and hunt with one record at
 * a time.
 */
#ifndef FLOW_NORMALISE_NORMALISE_H
#define FLOW_NORMALISE_NORMALISE_H

#include "base/err.h"
#include "event/event.h"
#include "flow/normalise/sources.h"

struct normaliser;
struct normaliser *normaliser_new(const struct catalog *catalog);
void normaliser_free(struct normaliser **n);

/*
 * How to read what follows, the state of one stream (file, connection, listener):
 * - declared >= 0: the whole truth is declared[declared] (manifest): nothing is dissected or
 * recognised beyond the format's own fields and, where it states no log source, Windows JSON by its
 * content;
 * - else format, and the source by content; `source` names one of the files of sources/ to force it
 * (empty = recognise). Zeek TSV keeps its header here: feed header lines as records, they give
 * NORMALISE_HEADER.
 */
struct stream {
    int32_t declared;
    enum source_format format;
    struct span source;
    int zone_s;          /* seconds east of UTC for times without a zone */
    time_ns received;    /* of the records that follow */
    uint32_t zeek_ncols; /* state of Zeek TSV, set by the normaliser; starts zeroed */
    struct stream_zeek *zeek;
    struct evtx *evtx; /* EVTX: the reader whose chunk the records lie in; borrowed */
};
void stream_init(struct stream *st);
void stream_fini(struct stream *st);

enum normalise_result {
    NORMALISE_EVENT,  /* ev is ready for the matcher */
    NORMALISE_HEADER, /* a header or comment line: no event, not counted */
    NORMALISE_BAD,    /* ev holds the record as a line without fields, tagged TAG_NOT_PARSED; e says
                         why and where */
};

/* record: one JSON value, one line without its newline, or one record of st->evtx's chunk. It must stay valid while ev is
 * used. ev->raw is then the record, of EVTX the text of its values. */
enum normalise_result normalise(struct normaliser *n, struct stream *st, struct span record,
                                struct event *ev, struct err *e);

/* Format and source guessed from the first bytes of a file ("{" …, "#separator", syslog PRI,
 * combined log line …). */
enum source_format normalise_guess_format(struct span head);

/*
 * How a record was read, as the archive keeps it in the upper bits of the record's flags: what a hunt needs in order to
 * read it the same way again. 0 = not noted.
 */
enum { NORMALISE_FLAG_SHIFT = 24 };
static inline uint32_t normalise_flag(enum source_format format)
{
    return ((uint32_t)format + 1) << NORMALISE_FLAG_SHIFT;
}
static inline bool normalise_flag_format(uint32_t flags, enum source_format *out)
{
    uint32_t n = flags >> NORMALISE_FLAG_SHIFT;
    *out = n == 0 || n > FORMAT_COUNT ? FORMAT_JSON : (enum source_format)(n - 1);
    return n != 0 && n <= FORMAT_COUNT;
}

/* Fields of the event for people: calls visit for each (name, value) incl. extracted and derived
 * ones. Of EVTX only while the reader that its stream borrows is at the event's chunk. */
typedef void normalise_visit(void *ctx, struct span name, struct span value);
void normalise_fields(struct normaliser *n, struct event *ev, struct arena *scratch,
                      normalise_visit *visit, void *ctx);

/* Class of declared[i]. */
class_id catalog_declared_class(const struct catalog *c, uint32_t declared);

#endif
