/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * When what keeps a node's data safe was done last: backup, verification. One setting each, written by the command that
 * did it, read by `sereno doctor`. Not part of the audit trail: nobody's decision, and the newest alone counts.
 */
#ifndef RECORDS_UPKEEP_H
#define RECORDS_UPKEEP_H

#include "base/clock.h"
#include "records/db.h"

enum { UPKEEP_PLACE_MAX = 1024 /* bytes; a longer path is cut */ };

enum upkeep_kind { UPKEEP_BACKUP, UPKEEP_VERIFY, UPKEEP_KIND_COUNT };

struct upkeep {
    time_ns at;     /* when it ended; TIME_NONE = never */
    uint64_t items; /* backup: files; verification: records */
    uint64_t bytes;
    uint64_t faults;                  /* verification: what does not fit; backup: 1 = without the archive */
    char place[UPKEEP_PLACE_MAX + 1]; /* backup: the file it went to */
};

int upkeep_put(struct db *db, enum upkeep_kind kind, const struct upkeep *done, struct err *e) NODISCARD;
/* ERR_INVALID: what stands there cannot be read. Never done is no error: out->at is TIME_NONE. */
int upkeep_get(struct db *db, enum upkeep_kind kind, struct upkeep *out, struct err *e) NODISCARD;

#endif
