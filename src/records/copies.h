/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which days of the archive were copied to which place, and since when tries fail. Written by the keeper, read by it and by
 * `sereno doctor`. Another place begins anew; what lies in the former one is remembered.
 */
#ifndef RECORDS_COPIES_H
#define RECORDS_COPIES_H

#include "base/arena.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    COPY_WHY_MAX = 512,        /* bytes of a reason; longer ones are cut */
    COPY_DAYS_MAX = 200000,    /* of one place: more than 500 years */
};

struct copy_day {
    int32_t day;
    time_ns at;
    int64_t bytes;    /* of the encrypted file */
    struct span hash; /* hex: its BLAKE2b, as its own trailer has it */
};

struct copy_state {
    int64_t days, bytes;
    int32_t newest;    /* day; INT32_MIN = none */
    time_ns at;        /* when the last one was made; TIME_NONE = never */
    time_ns failed_at; /* since when tries fail; TIME_NONE = they do not */
    char why[COPY_WHY_MAX + 1];
};

/* A day lies at the place; tries no longer fail. */
int copies_put(struct db *db, struct span place, const struct copy_day *day, struct err *e) NODISCARD;
/* A try failed; the time of the first one in a row is kept. */
int copies_failed(struct db *db, struct span why, time_ns now, struct err *e) NODISCARD;
/* Days at the place, ascending, in scratch. */
int copies_days(struct db *db, struct span place, struct arena *scratch, int32_t **out, size_t *count_out,
                struct err *e) NODISCARD;
/* place empty: all places together. */
int copies_state(struct db *db, struct span place, struct copy_state *out, struct err *e) NODISCARD;

#endif
