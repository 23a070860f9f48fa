/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The audit trail: one append-only row per change, each carrying the hash of the one before, so
 * that an edited, removed or inserted row shows. Written by every function in records/ that changes
 * something for a person, in the same transaction as the change. It does not hide from an intruder
 * who rewrites the whole chain: sealing heads elsewhere does.
 */
#ifndef RECORDS_AUDIT_H
#define RECORDS_AUDIT_H

#include "base/clock.h"
#include "records/db.h"

enum {
    AUDIT_HASH_BYTES = 32,
    AUDIT_TEXT_MAX = 16 * 1024 /* bytes of one part; longer ones are refused */
};

struct audit_entry {
    time_ns at;
    struct span organisation;
    struct span who;     /* name of a person, or "sereno" */
    struct span what;    /* "alert.closed", "token.created" … */
    struct span subject; /* id of what was changed */
    struct span why;     /* reason given, may be empty */
    struct span
        before; /* state before and after, short text for people; empty when there was none */
    struct span after;
};

/* Appends inside the transaction that the caller holds. ERR_LIMIT, ERR_IO. */
int audit_append(struct db *db, const struct audit_entry *entry, struct err *e) NODISCARD;

/* Reads the whole chain. ERR_INVALID names the first row that does not fit; *rows_out counts those
 * that do. */
int audit_verify(struct db *db, struct err *e, int64_t *rows_out) NODISCARD;

#endif
