/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How much of imports is kept on the disk: what waits of those on their way, and what could take stored ones back. An import whose sender
 * went away is forgotten once it was idle; of stored ones the oldest lose what takes them back when all together have too much. Runs
 * in the keeper, a slice at a time beside all else.
 */
#ifndef RECORDS_REGISTERS_RECORD_ROOM_H
#define RECORDS_REGISTERS_RECORD_ROOM_H

#include "base/clock.h"
#include "records/db.h"
#include "records/registers/record_row.h"

enum {
    RECORD_ROOM_IMPORTS = 16,          /* on their way at a time, of all people of the node */
    RECORD_ROOM_IDLE_S = 120,          /* of which nothing came for so long: its sender went away */
    RECORD_ROOM_WAITING = 192 << 20,   /* bytes that wait, of all of them; keys and indexes take about as much again */
    RECORD_ROOM_KEPT = 256 << 20,      /* bytes by which stored imports can be taken back */
    RECORD_ROOM_ROW = 96,              /* bytes that a kept row takes beside its own */
    RECORD_ROOM_SLICE = 2000,          /* rows that are forgotten in one transaction */
};

/* What is on its way; zero-initialised it is empty, as after each start: then nothing is on its way, and record_room_sweep forgets what was. */
struct record_room {
    struct {
        char id[RECORD_ID_MAX + 1];
        time_ns seen; /* when something of it came last */
        uint64_t bytes;
    } open[RECORD_ROOM_IMPORTS];
    size_t nopen;
};

/* So many more bytes of an import are to wait. ERR_LIMIT: that is too much, or too many are on their way; then nothing is counted. */
int record_room_take(struct record_room *r, struct span import, uint64_t bytes, time_ns now, struct err *e) NODISCARD;
/* It was stored, or all that waited of it went. One that is not known is no error. */
void record_room_done(struct record_room *r, struct span import);
/*
 * Forgets a slice of an import that was left on its way, or was taken back while its sender went away. *more_out: call again.
 * Must not be called inside a transaction.
 */
int record_room_sweep(struct record_room *r, struct db *db, time_ns now, bool *more_out, struct err *e) NODISCARD;
/* Forgets a slice of what takes stored imports back: of those older than RECORD_IMPORT_UNDO_DAYS, and the oldest beyond kept_max bytes. */
int record_room_forget(struct db *db, time_ns now, uint64_t kept_max, bool *more_out, struct err *e) NODISCARD;

#endif
