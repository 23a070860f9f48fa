/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Counts for somebody's first page: open alerts by level and age, and records whose day has come or comes soon. Each is the count of
 * a list that the same person can open, by the same conditions; each looks at a bounded number of rows, and says when it
 * stopped. Called by the keeper; the codecs also by the desk.
 */
#ifndef RECORDS_TODAY_H
#define RECORDS_TODAY_H

#include "records/alert_row.h"
#include "records/registers/record_row.h"

enum {
    TODAY_COUNT_MAX = 1000,       /* counted exactly up to here, as lists are */
    TODAY_SCAN_MAX = 20 * 1000,   /* rows that one count looks at */
    TODAY_ALERTS_MAX = 16,        /* counts of alerts in one question */
    TODAY_DUE_MAX = 384,          /* counts of records in one question, which has room for them (ASK_MAX_BYTES) */
    TODAY_ASK_MAX_BYTES = 4 << 20, /* which has room for them, each with the scope of somebody who is appointed in 64 organisations */
    TODAY_LAG_MS = 60 * 1000,     /* a source that is further behind is told */
    TODAY_DAY_MAX = 32,           /* bytes of a day or a time, as a key has it */
};

/* Alerts that nobody closed. */
struct today_alerts {
    int32_t level; /* of enum alert_level; -1 = any */
    int64_t until; /* received before; INT64_MAX = any */
};

/* Records of a kind in one state whose day lies from..to, both within; what the reader may read of them. */
struct today_due {
    struct record_scope scope;
    struct span kind, state, field, from, to; /* from empty = any day until `to` */
};

struct today_count {
    int64_t count; /* at most TODAY_COUNT_MAX */
    bool more;     /* there are more than that, or more may be where it did not look */
};

/* places as in alert_filter. */
int today_alerts_count(struct db *db, const struct policy_places *places, const struct today_alerts *q, struct today_count *out, struct err *e) NODISCARD;
int today_due_count(struct db *db, const struct today_due *q, struct today_count *out, struct err *e) NODISCARD;
/* Exactly those that today_due_count counts: at most TODAY_COUNT_MAX of them, in no order; *more_out: there are more, or may be. Texts live in a. */
int today_due_records(struct db *db, const struct today_due *q, struct arena *a, struct record_row **out, uint32_t *count_out, bool *more_out, struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void today_alerts_encode(struct buf *out, const struct today_alerts *q);
void today_alerts_decode(struct cursor *c, struct today_alerts *out);
void today_due_encode(struct buf *out, const struct today_due *q);
void today_due_decode(struct cursor *c, struct today_due *out);
void today_count_encode(struct buf *out, const struct today_count *n);
void today_count_decode(struct cursor *c, struct today_count *out);

#endif
