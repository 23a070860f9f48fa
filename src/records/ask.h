/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The questions of the desk and the answers of the keeper, as bytes. ask.def lists them. Pure
 * codecs: the reader trusts nothing and sets c->failed. Written and read by api/ (desk) and
 * roles/keeper_records.c (keeper).
 */
#ifndef RECORDS_ASK_H
#define RECORDS_ASK_H

#include "base/buf.h"
#include "records/accounts.h"
#include "records/alert_row.h"
#include "records/hunts.h"
#include "records/rules.h"
#include "records/sources.h"
#include "records/tokens.h"

enum ask {
#define ASK(name, number, goes, comes) name = (number),
#include "records/ask.def"
#undef ASK
};

enum {
    ASK_MAX_BYTES = 64 << 10, /* a question: a note of 16,000 bytes is the longest part */
    ASK_HUNT_MAX_BYTES = (2 << 20) + (64 << 10), /* the one question that is longer: rules and indicators of a hunt */
    ASK_ANSWER_MAX_BYTES =
        16 << 20,               /* 500 alerts with long summaries, or a record with its marks */
    ASK_RECORD_MAX = 256 << 10, /* bytes of an original record shown with its alert */
};

/* Name of a question for log lines; "unknown" for others. */
const char *ask_name(uint16_t number);

/* Starts a question or an answer in `out`, which is emptied first. */
void ask_begin(struct buf *out, enum ask ask);
void answer_begin(struct buf *out, int rc, const struct err *e);
/* Reads the head of an answer: its code, and its sentence in *text_out. */
int answer_read(struct cursor *c, struct span *text_out);

/* Without the password string, which has its own place. */
void account_encode(struct buf *out, const struct account *a);
void account_decode(struct cursor *c, struct account *out);
void token_encode(struct buf *out, const struct ingest_token *t);
void token_decode(struct cursor *c, struct ingest_token *out);
void step_encode(struct buf *out, const struct alert_step *s);
void step_decode(struct cursor *c, struct alert_step *out);
void refusal_encode(struct buf *out, const struct rule_refusal *r);
void refusal_decode(struct cursor *c, struct rule_refusal *out);

/* The original record of an alert. */
struct ask_record {
    bool found;     /* false: no longer in the archive, or damaged; text says which */
    bool truncated; /* at ASK_RECORD_MAX */
    struct span text;
};

void record_encode(struct buf *out, const struct ask_record *r);
void record_decode(struct cursor *c, struct ask_record *out);

/* What correlations did since their windows were made: CORRELATE_COUNTERS of the correlator, shown with the status. */
#define CORRELATE_COUNTERS(X)                                                                      \
    X(matches)       /* of rules that correlations refer to */                                     \
    X(completed)                                                                                   \
    X(alerts)        /* after folding */                                                           \
    X(evicted)       /* events forgotten for want of room while a later one could have counted them */ \
    X(late)          /* came later than the lateness behind the newest */                          \
    X(out_of_reach)  /* so far out of order that not all their windows were tried again */         \
    X(without_group) /* a group-by or value field was missing or no number */                      \
    X(dropped)       /* completions of one event beyond the limit */                               \
    X(forgotten)     /* events in windows of correlations that went or changed */                  \
    X(unknown_rule)  /* matches of rules that no correlation of the present set asks for */        \
    X(stragglers)    /* committed so late that those received after them had gone on */            \
    X(groups)                                                                                      \
    X(state_bytes)                                                                                 \
    X(state_max_bytes)

struct keeper_status {
    int64_t events; /* taken in since the node was made */
    int64_t alerts;
    time_ns last_event;
    int64_t sources_total, sources_live; /* live: an event within five minutes */
    int64_t rate_milli;                  /* events per 1000 s over the last minute, all sources */
    int64_t open;                        /* alerts not closed */
    int64_t rules_loaded, rules_refused;
    int64_t archive_bytes, archive_events, archive_oldest_day; /* day -1 = nothing kept */
    int64_t copy_wanted;                /* 1: the config names a place for a second copy of the archive */
    int64_t copy_days, copy_bytes;      /* that lie there */
    int64_t copy_waiting;               /* days that are sealed and not there yet */
    time_ns copy_at, copy_failed_at;    /* when the last one was made; since when tries fail: TIME_NONE = never, they do not */
#define X(name) int64_t correlate_##name;
    CORRELATE_COUNTERS(X)
#undef X
    int64_t matches_lost; /* for which one window had no room, since the keeper started */
};

void keeper_status_encode(struct buf *out, const struct keeper_status *s);
void keeper_status_decode(struct cursor *c, struct keeper_status *out);

/* What the keeper tells the desk unasked: u8 kind, then the body. */
enum ask_event {
    EVENT_ALERT,  /* alert_row, new */
    EVENT_CHANGE, /* alert_row, changed by somebody */
    EVENT_PULSE,  /* keeper_status, every five seconds */
    EVENT_HUNT,   /* hunt_row: began, went on (about once a second), ended */
    EVENT_WARNING, /* fed_warning without its body: came, or changed here */
    EVENT_KIND_COUNT
};

#endif
