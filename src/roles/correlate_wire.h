/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Bodies of the messages between keeper and correlator. Each side trusts the other as little as any: the correlator reads
 * what hostile logs put into matches, the keeper could hand over what a damaged disk gave it.
 *
 * A session begins with the windows that the keeper has stored; what the correlator says of an older session is ignored.
 * So a keeper that could not write what it was told begins anew, and nothing is lost or counted twice: the correlator is
 * a function of the stored windows and the rows behind them.
 */
#ifndef ROLES_CORRELATE_WIRE_H
#define ROLES_CORRELATE_WIRE_H

#include "archive/archive.h"
#include "flow/detect/correlate.h"
#include "records/ask.h"

enum {
    CORRELATE_PART_BYTES = 4 << 20, /* of stored windows in one message */
    CORRELATE_ALERTS_MAX = 5000,    /* in one MSG_CORRELATED */
};

/*
 * A time of receipt as it was read, within what can be counted with: not before 1970, and an hour before the end of time. The clock of a window is its
 * intake's word: one that lies must not stop the correlation of all others.
 */
static inline time_ns correlate_time(uint64_t read)
{
    time_ns t = (time_ns)read, last = INT64_MAX - 3600 * TIME_SECOND;
    return t < 0 ? 0 : t > last ? last : t;
}

/* MSG_CORRELATE_STATE: u32 session, u8 last, bytes. */
struct correlate_part {
    uint32_t session;
    bool last;
    struct span bytes;
};
void correlate_part_encode(struct buf *out, const struct correlate_part *p);
int correlate_part_decode(struct span body, struct correlate_part *out, struct err *e) NODISCARD;

/* What all parts together begin with: the last row of the log that is in these windows; row 0 = none. */
void correlate_place_encode(struct buf *out, struct archive_match_place place);
int correlate_place_decode(struct cursor *c, struct archive_match_place *out, struct err *e) NODISCARD;

/* MSG_CORRELATE_ROW: u32 session, place, u32 first block, u64 received, str matches. */
void correlate_row_encode(struct buf *out, uint32_t session, const struct archive_match *row);
int correlate_row_decode(struct span body, uint32_t *session_out, struct archive_match *out, struct err *e) NODISCARD;

/* An alert of a correlation, on the record of the event that completed it. */
struct correlate_alert {
    struct archive_address at;
    struct span group; /* tells apart what one event completes in several groups */
    struct span body;  /* event/alert.h */
};

/* MSG_CORRELATED: u32 session, u64 wanted tick (0 = none), u32 alerts, each: i32 day, u32 block, u32 index, str group, str body. */
struct correlated {
    uint32_t session;
    time_ns want_tick; /* a row received at this time or later is wanted, be it empty; 0 = none */
    uint32_t count;
    const struct correlate_alert *alerts;
};
void correlated_begin(struct buf *out, uint32_t session, time_ns want_tick, uint32_t count);
void correlated_alert_encode(struct buf *out, const struct correlate_alert *a);
int correlated_decode(struct span body, struct arena *scratch, struct correlated *out, struct err *e) NODISCARD;

/* MSG_CORRELATE_PULSE: u64 each. */
struct correlate_pulse {
#define X(name) uint64_t name;
    CORRELATE_COUNTERS(X)
#undef X
};
void correlate_pulse_encode(struct buf *out, const struct correlate_pulse *p);
int correlate_pulse_decode(struct span body, struct correlate_pulse *out, struct err *e) NODISCARD;

#endif
