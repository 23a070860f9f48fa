/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What came from each log source since the node was made: counters that survive restarts. Written
 * by the keeper about once a minute and at shutdown; the live numbers of the last minute are the
 * keeper's own.
 */
#ifndef RECORDS_SOURCES_H
#define RECORDS_SOURCES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "event/drops.h"
#include "records/db.h"

enum { SOURCES_MAX = 4096 /* per node */ };
#define SOURCE_LAG_MAX_MS INT64_C(20000000000000) /* 634 years: more than any two times lie apart */

struct source_row {
    struct span name;
    struct span kind; /* http, syslog-udp, syslog-tcp, file, journal */
    struct span product, category, service;
    struct span organisation;
    int64_t events;
    int64_t dropped;
    int64_t drops[DROP_COUNT]; /* of dropped; what was lost before causes were kept is in neither */
    time_ns dropped_at;        /* about when the last of them was; TIME_NONE = none, or not known */
    int64_t anomalies;
    time_ns last_event; /* TIME_NONE = none yet */
    bool silent;        /* longer without an event than silent_after of the config; not stored */
    bool held;          /* on hold: intakes crashed over it; not stored */
    int64_t rate_milli; /* thousandths of an event per second over the last minute */
    int64_t lag_ms;     /* receipt minus the event's own time: mean of the last minute in which events came that state one; negative: its clock is ahead */
    int64_t lag_events; /* of how many; 0 = not known */
};

/* ---- what is told of a source in numbers: one table for API and metrics ---- */

enum source_number_kind {
    SOURCE_NUMBER_COUNT, /* as it is */
    SOURCE_NUMBER_MILLI, /* thousandths */
    SOURCE_NUMBER_MS,    /* milliseconds; may be not known */
    SOURCE_NUMBER_TIME,  /* a moment; may be not known */
    SOURCE_NUMBER_FLAG,
};

struct source_number {
    const char *key;    /* in the API */
    const char *metric; /* in /metrics, behind "sereno_"; seconds where it is a time */
    const char *type;   /* of the metric */
    const char *help;
    enum source_number_kind kind;
    size_t at; /* in struct source_row */
};
extern const struct source_number source_numbers[];
extern const size_t source_number_count;

/* False: it is not known. A flag is 0 or 1, the rest as in the row. */
bool source_number_get(const struct source_row *row, const struct source_number *n, int64_t *out) NODISCARD;

void source_encode(struct buf *out, const struct source_row *row);
void source_decode(struct cursor *c, struct source_row *out);

/* Whether a row can be what an intake counted: for the keeper, which adds it up. */
bool source_delta_fits(const struct source_row *row) NODISCARD;

int sources_put(struct db *db, const struct source_row *row, struct err *e) NODISCARD;
int sources_list(struct db *db, struct arena *arena, struct source_row **rows_out,
                 size_t *count_out, struct err *e) NODISCARD;

#endif
