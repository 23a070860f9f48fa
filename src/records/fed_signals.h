/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Signals in the database. At a node: which alerts have to be looked at, and what was told of them.
 * At a hub: what members told, each signal once, as "machine signal, unreviewed"; no awareness of
 * anybody derives from it. Called by the keeper, the codecs also by the desk, which decides.
 *
 *   an alert comes or changes → fed_pending_mark, in its transaction
 *   each second the desk asks  → fed_pending_list; it answers with fed_told_put and the envelope
 */
#ifndef RECORDS_FED_SIGNALS_H
#define RECORDS_FED_SIGNALS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/alert_row.h"
#include "records/db.h"

enum {
    FED_PENDING_BATCH = 64,     /* alerts looked at in one go: their details may be large */
    FED_SIGNALS_BATCH = 128,    /* signals of a hub read in one go: two milliseconds of the desk, which answers members between */
    FED_SIGNAL_TEXT_MAX = 16 << 10, /* bytes of techniques or indicators */
};

#define FED_SIGNAL_STATE "machine signal, unreviewed"

/* In wire and column order. Techniques are parted by blanks; indicators are lines "type value". */
#define FED_SIGNAL_SPANS(X)                                                                        \
    X(circle) X(node) X(organisation) X(rule) X(rule_hash) X(title) X(techniques) X(indicators)    \
        X(product)
#define FED_SIGNAL_NUMBERS(X) X(number) X(place) X(level) X(bucket) X(count) X(received)

struct fed_signal_row {
#define X(name) struct span name;
    FED_SIGNAL_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_SIGNAL_NUMBERS(X)
#undef X
};

void fed_signal_encode(struct buf *out, const struct fed_signal_row *row);
/* Spans point into the message; c->failed on anything out of range. */
void fed_signal_decode(struct cursor *c, struct fed_signal_row *out);

/* ---- at a hub ---- */

/*
 * Stores what members told, in this order; the same number again replaces, count 0 takes back. Inside a
 * transaction. organisation: the member's, from fed_member when empty, its node where it is none. place is given here.
 */
int fed_signals_put(struct db *db, const struct fed_signal_row *rows, size_t count, struct err *e) NODISCARD;

/*
 * What the envelope type "signal" does (fed_take.h): its digest is u32 n, n fed_signal_encode. Kept
 * by a hub only: where the circle is another's, nothing is kept.
 */
struct fed_envelope_row;
int fed_signal_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                     time_ns now, struct err *e) NODISCARD;

/* Signals of the circles that this node is the hub of, with place > after, in order of place. */
int fed_signals_after(struct db *db, int64_t after, int64_t first_bucket, struct arena *arena,
                      struct fed_signal_row **rows_out, size_t *count_out, struct err *e) NODISCARD;
/* What an organisation told and did not take back, since a bucket, in order of place. */
int fed_signals_of(struct db *db, struct span circle, struct span organisation,
                   int64_t first_bucket, struct arena *arena, struct fed_signal_row **rows_out,
                   size_t *count_out, struct err *e) NODISCARD;
/* Forgets signals of buckets before this one, told and received. Inside a transaction. */
int fed_signals_sweep(struct db *db, int64_t first_bucket, struct err *e) NODISCARD;

/* ---- at a node ---- */

/* An alert is new or changed: to be looked at now. Does nothing while the node is in no circle.
 * Inside the transaction of the change. */
int fed_pending_mark(struct db *db, struct span alert, time_ns now, struct err *e) NODISCARD;

/* What was told of an alert in one circle, and of the row that it is or would be part of. */
struct fed_told {
    struct span circle;
    struct span hub;
    bool own;            /* this node is the hub */
    int64_t epoch;       /* of the membership known */
    time_ns expires;     /* of it */
    int64_t alert_number; /* the signal it is part of, 0 = none yet */
    int64_t alert_events; /* told of it there */
    int64_t number;      /* of the signal of its rule and bucket; 0 = none yet */
    int64_t count;
    struct span indicators;
};

struct fed_pending {
    struct alert_row alert;
    struct span detail;    /* event/alert.h */
    struct span tags;      /* of the rule: JSON array */
    struct span rule_file; /* where the rule came from */
    int64_t stamp;         /* of the mark: hand it back */
    struct fed_told *told; /* one per circle */
    size_t ntold;
};

void fed_pending_encode(struct buf *out, const struct fed_pending *p);
void fed_pending_decode(struct cursor *c, struct arena *arena, struct fed_pending *out);

/* Alerts due at `now`, oldest first, at most FED_PENDING_BATCH. */
int fed_pending_list(struct db *db, time_ns now, struct arena *arena, struct fed_pending **list_out,
                     size_t *count_out, struct err *e) NODISCARD;

/* How one alert was dealt with: not again until it changes (due TIME_NONE), or at `due`. */
struct fed_dealt {
    struct span alert;
    int64_t stamp;
    time_ns due;
};
/* Inside a transaction. Changed since it was listed: stays marked. */
int fed_pending_done(struct db *db, const struct fed_dealt *d, struct err *e) NODISCARD;

/* What is told from now on: the signal as it stands, and the alerts' parts. */
struct fed_tell {
    struct fed_signal_row signal; /* node and place are filled by the hub */
    struct span alert;
    int64_t events; /* of this alert */
};
void fed_tell_encode(struct buf *out, const struct fed_tell *t);
void fed_tell_decode(struct cursor *c, struct fed_tell *out);
/* Inside a transaction. */
int fed_told_put(struct db *db, const struct fed_tell *t, struct err *e) NODISCARD;
/* Highest number ever told in a circle; 0 = none. */
int fed_told_last(struct db *db, struct span circle, int64_t *number_out, struct err *e) NODISCARD;

#endif
