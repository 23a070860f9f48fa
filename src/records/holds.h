/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Legal holds: while one stands, retention lets nothing go that it names (archive/purge.h). Set and lifted by an
 * administrator with a reason; both stay in the audit trail, and a lifted hold stays in its table. Called by the keeper; the
 * codec also by the desk.
 */
#ifndef RECORDS_HOLDS_H
#define RECORDS_HOLDS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum { HOLDS_MAX = 1000 /* in force */, HOLD_REASON_MAX = 1000 /* bytes */, HOLD_NAME_MAX = 256 };

struct hold {
    struct span id;
    struct span organisation; /* "*" = all of the node */
    struct span source;       /* empty = all */
    int64_t first_day, last_day; /* of receipt, days since 1970, both inclusive */
    struct span reason, who;
    time_ns created;
    time_ns lifted; /* TIME_NONE = it stands */
    struct span lifted_by, lifted_reason;
};

/* ERR_LIMIT at HOLDS_MAX, ERR_EXISTS, ERR_INVALID: no reason, or days that end before they begin. */
int hold_set(struct db *db, const struct hold *h, struct err *e) NODISCARD;
/* ERR_NOT_FOUND: none with this id that stands and is of `organisation` ("*" = any). */
int hold_lift(struct db *db, struct span organisation, struct span id, struct span who, struct span reason,
              time_ns now, struct err *e) NODISCARD;
/* Newest first; lifted ones too when `all`. Of `organisation` ("*" = any), and those of the whole node. */
int holds_list(struct db *db, struct span organisation, bool all, struct arena *arena, struct hold **out,
               size_t *count_out, struct err *e) NODISCARD;

void hold_encode(struct buf *out, const struct hold *h);
/* Spans point into the cursor's bytes. */
void hold_decode(struct cursor *c, struct hold *out);

#endif
