/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which days of the archive were copied to which place, and since when tries fail. Written by the keeper, read by it and by
 * `sereno doctor`; the desk gets it as a report. Another place begins anew; what lies in the former one is remembered.
 */
#ifndef RECORDS_COPIES_H
#define RECORDS_COPIES_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    COPY_WHY_MAX = 512,        /* bytes of a reason; longer ones are cut */
    COPY_DAYS_MAX = 200000,    /* of one place: more than 500 years */
    COPY_LATE_DAYS = 1,        /* yesterday is sealed and copied today */
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

/* How the second copy is, the worst first; only the first that holds is told. */
enum copy_health {
    COPY_HEALTH_NONE,   /* no place for one is configured */
    COPY_HEALTH_NO_KEY, /* nothing can be encrypted without a recovery key */
    COPY_HEALTH_FAILS,  /* the last try failed */
    COPY_HEALTH_LATE,   /* a day waits for longer than COPY_LATE_DAYS */
    COPY_HEALTH_FINE,
    COPY_HEALTH_COUNT
};

/* What there is to tell of it. */
struct copy_report {
    struct span place; /* as configured; empty = none */
    bool has_key;      /* a recovery key was made */
    struct copy_state state;
    int64_t waiting;   /* days that are over and do not lie there */
    int32_t oldest;    /* of them; INT32_MIN = none */
};

/* Pure. */
enum copy_health copies_health(const struct copy_report *r, time_ns now);
/* "none", "no_key", "fails", "late", "fine" */
const char *copy_health_name(enum copy_health h) __attribute__((returns_nonnull));
/* "folder", "sftp" or "s3", by how a place is written; it is not empty. */
const char *copy_place_kind(struct span place) __attribute__((returns_nonnull));
/* How a report travels from the keeper to the desk. Spans point into the message; what is wrong fails the cursor. */
void copy_report_encode(struct buf *out, const struct copy_report *r);
void copy_report_decode(struct cursor *c, struct copy_report *out);

/* A day lies at the place; tries no longer fail. */
int copies_put(struct db *db, struct span place, const struct copy_day *day, struct err *e) NODISCARD;
/* A try failed; the time of the first one in a row is kept. */
int copies_failed(struct db *db, struct span why, time_ns now, struct err *e) NODISCARD;
/* Days at the place, ascending, in scratch. */
int copies_days(struct db *db, struct span place, struct arena *scratch, int32_t **out, size_t *count_out,
                struct err *e) NODISCARD;
/* All that is known of each, ascending, in scratch. */
int copies_rows(struct db *db, struct span place, struct arena *scratch, struct copy_day **out, size_t *count_out, struct err *e) NODISCARD;
/* place empty: all places together. */
int copies_state(struct db *db, struct span place, struct copy_state *out, struct err *e) NODISCARD;

#endif
