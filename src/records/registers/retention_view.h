/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What retention of records (record_retention.h) will do, did, and could not: counted, and record by record, by the same conditions as it acts itself.
 * All of it in the scope of a reader: what he may not read is in no figure. Called by the keeper; the codecs also by the desk.
 */
#ifndef RECORDS_REGISTERS_RETENTION_VIEW_H
#define RECORDS_REGISTERS_RETENTION_VIEW_H

#include "records/registers/record_retention.h"
#include "records/trusted_time.h"

enum {
    RETENTION_PAGE_MAX = 200,   /* records of one list */
    RETENTION_WHY_MAX = 1000,   /* bytes of why a record is held, or the run ended */
    RETENTION_ASK_MAX_BYTES = 4 << 20, /* of a question about all kinds, each with the scope of somebody who is appointed in 64 organisations */
};

/* DUE: goes until a day; HELD: would, did a hold not stand; ERASED: went in the last run, and nobody changed it since; PASSED_BY: the last run could not erase it
 * (of those, the first RETENTION_PASSED_MAX). */
enum retention_which { RETENTION_DUE, RETENTION_HELD, RETENTION_ERASED, RETENTION_PASSED_BY, RETENTION_WHICH_COUNT };
/* "due", "held", "erased", "passed_by" */
const char *retention_which_name(enum retention_which which) __attribute__((returns_nonnull));

/* The last run that ended. */
struct retention_last {
    time_ns begun, ended; /* TIME_NONE: none yet */
    uint64_t erased, passed_by;
    uint32_t npassed;
    char passed[RETENTION_PASSED_MAX][RECORD_ID_MAX + 1];
    char why[ERR_TEXT_MAX]; /* it ended before all was looked at; empty: it did not */
};
int retention_last_put(struct db *db, const struct retention_last *last, struct err *e) NODISCARD;
/* None yet is no error. */
int retention_last_get(struct db *db, struct retention_last *out, struct err *e) NODISCARD;

struct retention_count {
    int64_t count; /* at most RECORD_COUNT_MAX */
    bool more;     /* there are more than that */
    int64_t first; /* of DUE: day of the first one, in days since 1970; only with count > 0 */
};

struct retention_query {
    struct span kind;
    struct record_scope scope;
    enum retention_which which;
    int64_t until;               /* of DUE and HELD: a day, in days since 1970, included */
    uint32_t limit;              /* 1 to RETENTION_PAGE_MAX */
    struct span after, after_id; /* key and id of the last one of the page before; id empty = from the start */
};

struct retention_row {
    struct span key;      /* the day from which its days count, as text; empty where the order is none of days */
    int64_t day;          /* on which it goes, or would; of DUE and HELD */
    struct span why, who; /* of the oldest hold over it; of HELD */
    struct record_row row; /* without links */
};

/* Counts what the list has; q->limit and q->after are not looked at. */
int retention_count(struct db *db, const struct retention_rules *rules, const struct retention_query *q, struct retention_count *out, struct err *e) NODISCARD;
int retention_list(struct db *db, const struct retention_rules *rules, const struct retention_query *q, struct arena *a, struct retention_row **out, uint32_t *count_out,
                   bool *more_out, struct err *e) NODISCARD;
/* The day since when the rule of a kind is here, and the first on which it acts; both 0: it is not noted yet. */
int retention_since(struct db *db, const struct retention_rules *rules, const struct register_kind *k, int64_t *since_out, int64_t *acts_out, struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void retention_query_encode(struct buf *out, const struct retention_query *q);
void retention_query_decode(struct cursor *c, struct retention_query *out);
void retention_count_encode(struct buf *out, const struct retention_count *n);
void retention_count_decode(struct cursor *c, struct retention_count *out);
void retention_row_encode(struct buf *out, const struct retention_row *r);
void retention_row_decode(struct cursor *c, struct retention_row *out);
/* Of the last run what is told of the whole node: when it was, and why it ended early; and of the clock. */
void retention_state_encode(struct buf *out, const struct retention_last *last, const struct trusted_time *t);
void retention_state_decode(struct cursor *c, struct retention_last *last, struct trusted_time *t);

#endif
