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
#include "records/db.h"

enum { SOURCES_MAX = 4096 /* per node */ };

struct source_row {
    struct span name;
    struct span kind; /* http, syslog-udp, syslog-tcp, file, journal */
    struct span product, category, service;
    struct span organisation;
    int64_t events;
    int64_t dropped;
    int64_t anomalies;
    time_ns last_event; /* TIME_NONE = none yet */
    bool silent;        /* longer without an event than silent_after of the config; not stored */
    bool held;          /* on hold: intakes crashed over it; not stored */
    int64_t rate_milli; /* thousandths of an event per second over the last minute; not stored */
};

void source_encode(struct buf *out, const struct source_row *row);
void source_decode(struct cursor *c, struct source_row *out);

int sources_put(struct db *db, const struct source_row *row, struct err *e) NODISCARD;
int sources_list(struct db *db, struct arena *arena, struct source_row **rows_out,
                 size_t *count_out, struct err *e) NODISCARD;

#endif
