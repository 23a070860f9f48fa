/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The stored windows of the correlator: opaque bytes that say themselves how far in the log of matches they go. Called by
 * the keeper.
 */
#ifndef RECORDS_CORRELATION_H
#define RECORDS_CORRELATION_H

#include "base/buf.h"
#include "records/db.h"

enum {
    CORRELATION_STATE_MAX = 256 << 20, /* bytes: what the correlator's bound makes at most, and then some */
    CORRELATION_PART_BYTES = 1 << 20,  /* of one row */
};

/* Replaces what was stored, in a transaction of its own. */
int correlation_state_put(struct db *db, struct span bytes, struct err *e) NODISCARD;
/* Appends what is stored; nothing when nothing is. */
int correlation_state_get(struct db *db, struct buf *out, struct err *e) NODISCARD;

#endif
