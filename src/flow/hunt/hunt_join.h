/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlations of a hunt: what the matcher found for the rules that they join waits here until there is much of it, then
 * goes in the order of event time into the same correlator as on the live stream. So as long as no more waits than
 * HUNT_WAITING_MAX the order is exact whatever way the archive lies; beyond that the correlator takes what comes late
 * in its place, as it does live, and what it could not is counted and told with the verdict. Runs in the hunter.
 */
#ifndef FLOW_HUNT_HUNT_JOIN_H
#define FLOW_HUNT_HUNT_JOIN_H

#include "event/event.h"
#include "flow/detect/correlate.h"

enum {
    HUNT_WAITING_MAX = 32768,             /* matches held to be put in order */
    HUNT_WAITING_BYTES = 4 << 20,         /* of their values; then as if there were HUNT_WAITING_MAX */
    HUNT_JOIN_STATE_BYTES = 16 << 20,     /* of all windows */
    HUNT_JOIN_LATENESS_S = 3600,          /* windows are kept so much longer than they are long */
    HUNT_JOIN_VALUE_MAX = 4096,           /* bytes of a value; a longer one is cut and told apart by a hash, as live */
    HUNT_JOIN_FIELDS_MAX = 1024,          /* of one rule: those that all correlations on it ask for */
    HUNT_PLACES_MAX = 65536,              /* blocks × sources × hosts whose records can be named */
};

/* Where a match was, as far as it is told of it. */
struct hunt_place {
    int32_t day;
    uint32_t block;
    struct span source, host;
};

/* One record that completed a correlation. place NULL: there were too many to name it. */
struct hunt_joined {
    uint32_t correlation;
    time_ns time;
    struct span organisation;
    const struct hunt_place *place;
    uint32_t index;
    bool counted; /* this record was counted among the matches before */
};
typedef void (*hunt_joined_fn)(void *ctx, const struct hunt_joined *joined);

struct hunt_join;

/* c is borrowed; joined is called from hunt_join_add and hunt_join_flush. */
struct hunt_join *hunt_join_new(const struct correlations *c, hunt_joined_fn joined, void *ctx);
void hunt_join_free(struct hunt_join **join);

/* A match of a rule that correlations refer to (correlations_uses); the event is the one that matched.
 * source and host must outlive the run. */
struct hunt_join_match {
    uint32_t rule;
    class_id class_id; /* the view of the event that matched */
    struct span organisation;
    struct hunt_place place;
    uint32_t index; /* of the record in its block */
    uint64_t event; /* a number that no other event of this run has */
    bool counted;   /* among the matches, for something else */
};
void hunt_join_add(struct hunt_join *join, struct event *ev, const struct hunt_join_match *match);
/* At the end: nothing waits any more. */
void hunt_join_flush(struct hunt_join *join);

/* What it could not judge: too late, given up for want of room, not tried again, not told. 0 = it has the live verdicts. */
uint64_t hunt_join_unsure(const struct hunt_join *join);

void hunt_join_save(const struct hunt_join *join, struct buf *out);
/* Into one that was given nothing. `keep` makes texts last for the run. False: broken. */
typedef struct span (*hunt_keep_fn)(void *ctx, struct span text);
bool hunt_join_restore(struct hunt_join *join, struct cursor *c, uint32_t nrules, hunt_keep_fn keep) NODISCARD;

#endif
