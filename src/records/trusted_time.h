/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Whether the clock may be believed before anything is let go for good. The newest time at which this node counted days is kept; it moves on
 * with the clock, as long as that is not further from it than TRUSTED_TIME_DAYS. A clock that is further ahead or behind is doubted, which is a
 * line of the audit trail, until it is right again, or a person says that it is, or it went on from there for TRUSTED_TIME_DAYS without a jump:
 * a node that nobody looks at must not fill its disk. Retention of logs and of records asks here. Called by the
 * keeper; `sereno doctor` reads it.
 */
#ifndef RECORDS_TRUSTED_TIME_H
#define RECORDS_TRUSTED_TIME_H

#include "base/clock.h"
#include "records/db.h"

enum {
    TRUSTED_TIME_DAYS = 14,     /* a node may have stood still for so long, and what goes goes as many days early at most */
    TRUSTED_TIME_STEP_S = 3600, /* of the clock, until the time is written again */
    TRUSTED_TIME_LOOK_S = 86400, /* between two looks at a doubted clock, or it jumped, or nobody looked: its days are counted anew */
    TRUSTED_TIME_WHY_MAX = 500, /* bytes of a reason */
};

enum trusted_state { TIME_FITS, TIME_AHEAD, TIME_BEHIND };

struct trusted_time {
    enum trusted_state state;
    time_ns newest;  /* counted last; TIME_NONE = never */
    time_ns doubted; /* by the clock that is doubted: since when; TIME_NONE = it is not */
    time_ns steady;  /* by that clock: since when it goes on without a jump */
    time_ns looked;  /* by that clock: when that was seen last */
};

/* How the clock stands to what was counted last; writes nothing. */
int trusted_time_get(struct db *db, time_ns now, struct trusted_time *out, struct err *e) NODISCARD;
/* The same, and moves the time on, or notes the doubt, or that it is over. The first time of all is the newest of trail and sources. */
int trusted_time_pass(struct db *db, time_ns now, struct trusted_time *out, struct err *e) NODISCARD;
/* A person says that the clock is right, and why. ERR_INVALID: no reason; ERR_EXISTS: it is not in doubt. */
int trusted_time_confirm(struct db *db, struct span who, struct span why, time_ns now, struct err *e) NODISCARD;
/* "fits", "ahead", "behind" */
const char *trusted_state_name(enum trusted_state state) __attribute__((returns_nonnull));

#endif
