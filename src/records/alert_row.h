/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An alert as it is kept and shown: the row of a list, the steps of its life, the filter of a list,
 * and how all three travel between keeper and desk. Pure data and codec; the reader trusts nothing.
 */
#ifndef RECORDS_ALERT_ROW_H
#define RECORDS_ALERT_ROW_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "event/alert.h"
#include "policy/own.h"

enum {
    ALERT_ID_LEN = 32,          /* hex digits */
    ALERT_PAGE_MAX = 500,       /* alerts of one page */
    ALERT_NOTE_MAX = 4000,      /* characters of a note; up to four times as many bytes */
    ALERT_QUERY_MAX = 200,      /* bytes of search words */
    ALERT_SCAN_MAX = 20 * 1000, /* rows looked at for one page of a word search: about 0.1 s */
};

enum alert_status { ALERT_NEW, ALERT_ACKNOWLEDGED, ALERT_CLOSED, ALERT_STATUS_COUNT };

const char *alert_status_name(enum alert_status status);
bool alert_status_parse(struct span s, enum alert_status *out) NODISCARD;

/* "true_positive", "false_positive", "benign", "duplicate". */
bool alert_close_reason_valid(struct span s);

/* Spans and numbers of a row in the order in which they are stored and travel. */
#define ALERT_ROW_SPANS(X)                                                                         \
    X(id)                                                                                          \
    X(organisation)                                                                                \
    X(rule_id) X(rule_hash) X(title) X(host) X(user) X(source) X(product) X(category) X(service)   \
        X(summary) X(assignee) X(close_reason)
#define ALERT_ROW_NUMBERS(X)                                                                       \
    X(level)                                                                                       \
    X(status)                                                                                      \
    X(time) X(received) X(last_time) X(count) X(revision) X(closed) X(block_day) X(block_id)       \
        X(block_index)

/* An empty span means none. closed is TIME_NONE unless closed. */
struct alert_row {
#define X(name) struct span name;
    ALERT_ROW_SPANS(X)
#undef X
#define X(name) int64_t name;
    ALERT_ROW_NUMBERS(X)
#undef X
};

void alert_row_encode(struct buf *out, const struct alert_row *row);
/* Spans point into the message. Sets c->failed on anything out of range. */
void alert_row_decode(struct cursor *c, struct alert_row *out);

/* Which alerts a list holds. */
struct alert_filter {
    struct policy_places places; /* whose; never nobody's */
    uint32_t statuses;        /* bit per enum alert_status, 0 = all */
    uint32_t levels;          /* bit per enum alert_level, 0 = all */
    struct span rule_id;      /* empty = any, so are the next two */
    struct span host;
    struct span
        words;      /* each must be in title, summary, host, user or source; case does not matter */
    uint32_t limit; /* 1 to ALERT_PAGE_MAX */
    int64_t before_received; /* where the page before ended; INT64_MAX = from the newest */
    struct span before_id;
};

void alert_filter_encode(struct buf *out, const struct alert_filter *f);
void alert_filter_decode(struct cursor *c, struct alert_filter *out);

struct alert_counts {
    int64_t by_status[ALERT_STATUS_COUNT]; /* closed: all ever */
    int64_t closed_today;                  /* since midnight UTC */
    int64_t oldest_open;                   /* received, TIME_NONE when nothing is open */
};

void alert_counts_encode(struct buf *out, const struct alert_counts *n);
void alert_counts_decode(struct cursor *c, struct alert_counts *out);

/* One line of an alert's life. */
struct alert_step {
    time_ns at;
    struct span who;
    struct span what; /* created, acknowledged, closed, reopened, noted */
    struct span reason;
    struct span note;
};

enum alert_action { ALERT_DO_ACKNOWLEDGE, ALERT_DO_CLOSE, ALERT_DO_REOPEN, ALERT_ACTION_COUNT };

/* A person's change. `revision` is the one he saw: a change of somebody else in between refuses
 * his. */
struct alert_change {
    struct span id;
    struct policy_places places; /* in which he may, as in the filter */
    enum alert_action action;
    int64_t revision;
    struct span who;
    struct span reason;
    struct span note;
};

void alert_change_encode(struct buf *out, const struct alert_change *ch);
void alert_change_decode(struct cursor *c, struct alert_change *out);

#endif
