/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Envelopes as they came or went, exact bytes, each once, with what became of it. The id is known
 * for ever after tombstones, else until the envelope expired: what comes again is no news. Called by
 * the keeper.
 */
#ifndef RECORDS_FED_ENVELOPE_H
#define RECORDS_FED_ENVELOPE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

/* "own", "applied", "stored" (unknown type, not run), "held" (clock ahead), "quarantined",
 * "refused" or "gone" (content removed). */
struct fed_envelope_row {
    struct span id, type, issuer, circle;
    int64_t epoch;
    time_ns created, expires, received;
    struct span peer; /* node it came from; empty = made here */
    struct span state, reason;
    struct span body; /* empty when gone */
};

/* Inside a transaction. Stores it unless its id is known: then *state_out (if not NULL) is the state
 * that it has, a copy in the arena given; else "". */
struct fed_known {
    struct arena *arena;
    struct span state, reason; /* empty = it was new */
};
int fed_envelope_put(struct db *db, const struct fed_envelope_row *row, struct fed_known *known,
                     struct err *e) NODISCARD;

/* The same of one that is not to be stored: its state, or "" when the id is not known. */
int fed_envelope_known(struct db *db, struct span id, struct fed_known *known, struct err *e) NODISCARD;

/* ERR_NOT_FOUND. Texts are the arena's. */
int fed_envelope_get(struct db *db, struct span id, struct arena *arena,
                     struct fed_envelope_row *out, struct err *e) NODISCARD;

/* Another state for one that is there; state "gone" removes the content. Inside a transaction. */
int fed_envelope_set(struct db *db, struct span id, struct span state, struct span reason,
                     struct err *e) NODISCARD;

/* Writes u64: held ones that a later version of Sereno wrote, of the oldest 10,000 that are held. */
int fed_envelope_newer(struct db *db, struct buf *out, struct err *e) NODISCARD;

/* Writes u32 n, n of (u64 received, str id, str peer, str body): envelopes that are held, oldest first, behind this place;
 * some of them, so that they fit. */
int fed_envelope_held(struct db *db, time_ns received, struct span id, struct buf *out,
                      struct err *e) NODISCARD;

/* Removes what expired a day ago and is in nobody's outbox, and gives its peer the room back; ids of what is gone stay for 400 days more. Inside a
 * transaction. */
int fed_envelope_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

#endif
