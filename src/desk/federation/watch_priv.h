/* SPDX-License-Identifier: EUPL-1.2 */
/* State of a watch, shared by watch*.c only. */
#ifndef DESK_FEDERATION_WATCH_PRIV_H
#define DESK_FEDERATION_WATCH_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "desk/federation/signal_row.h"
#include "desk/federation/watch.h"
#include "policy/publish.h"
#include "records/ask.h"
#include "records/fed_share.h"

enum {
    WATCH_MAGIC = 0x77617463,
    WATCH_QUESTION_MAX = 8 << 20, /* bytes of one question to the keeper */
    WATCH_CIRCLES_MAX = 64,
    WATCH_CARE_S = 5,             /* between two looks at warnings that want a dry run */
};

/* ---- telling (watch_tell.c) ---- */

struct tell_signal {
    struct signal signal;
    struct span circle, hub;
};

/* One round: alerts that were due, until the keeper knows that they are dealt with. */
struct tell_round {
    struct arena arena;
    VEC(struct tell_signal) signals; /* each number once, as it stands after the round */
    VEC(struct fed_tell) tells;
    VEC(struct span) shares; /* row of the policy that let each of tells out */
    VEC(struct fed_dealt) dealt;
    size_t open; /* envelopes not yet durable */
    bool failed;
};

/* ---- the hub (watch_hub.c) ---- */

struct hub_warning {
    char id[WARNING_ID_LEN + 1];
    enum community_kind kind;
    struct span value; /* heap */
    int64_t version;
    bool withdrawn;
    struct policy_published published;
    char from[WARNING_ID_LEN + 1]; /* the warning of another circle that it passes on; "" = own */
    int64_t from_version;
};

/* A warning on its way: its rules are asked for, then it is issued. */
struct hub_plan {
    struct arena arena;
    struct warning w;
    struct span circle;
    struct policy_published published; /* once it is durable */
    bool told; /* rules are there */
    struct span source; /* of another circle: the warning that is to be passed on; empty = own */
    struct span pap;    /* of what is passed on; empty = GREEN */
    time_ns expires;    /* of what is passed on; 0 = as a fresh warning's */
    unsigned tries;
};

struct hub_circle {
    char id[FED_CIRCLE_MAX + 1];
    struct community *community;
    VEC(struct hub_warning *) warnings;
    struct map by_id;
};

struct hub_dirty {
    struct hub_circle *circle;
    struct span organisation; /* heap */
};

struct fed_watch {
    uint32_t magic;
    struct watch_host host;
    char node[FED_NODE_LEN + 1];
    unsigned char seed[32];
    time_ns now;
    bool wake;
    /* telling */
    struct tell_round *round;
    time_ns tell_at;
    int64_t last_number;
    /* hub */
    VEC(struct hub_circle *) circles;
    bool agreed; /* as the policy of sharing says */
    bool loading, loaded, reading;
    time_ns load_before;
    int64_t place;
    VEC(struct hub_plan *) plans; /* the first is under way */
    bool planning;
    time_ns plan_at; /* not before */
    VEC(struct hub_dirty) dirty;
    bool forgetting;
    time_ns forget_at;
    /* passing on: rows that changed since `onward_mark` are looked at */
    bool passing, onward_wide;
    time_ns onward_at, onward_mark, onward_before, onward_newest;
    /* warnings */
    bool caring;
    time_ns care_at;
    VEC(struct level_warning) in_force;
    struct level_report level;
};

/* Asks, and frees the question. */
bool watch_ask(struct fed_watch *w, struct buf *question, watch_answer *answer, void *ctx);
void watch_question(struct buf *q, enum ask ask);

void watch_tell_tick(struct fed_watch *w);
void watch_tell_free(struct fed_watch *w);
void watch_hub_tick(struct fed_watch *w);
void watch_hub_free(struct fed_watch *w);
void watch_warn_tick(struct fed_watch *w);

/* watch_plan.c: what a finding becomes. */
void watch_plan_finding(struct fed_watch *w, struct hub_circle *c,
                        const struct community_finding *f, const struct signal *s);
void watch_plan_withdraw(struct fed_watch *w, struct hub_circle *c, struct hub_warning *hw);
void watch_plan_tick(struct fed_watch *w);
void watch_plan_free(struct hub_plan **p);
struct hub_plan *watch_plan_new(struct fed_watch *w, struct hub_circle *c, enum community_kind kind,
                                struct span value);
void watch_plan_tell(struct fed_watch *w, struct hub_plan *p);
/* The first plan comes to nothing. */
void watch_plan_drop(struct fed_watch *w);
/* It could not be issued now. */
void watch_plan_failed(struct fed_watch *w, struct span why);
bool watch_plan_room(const struct fed_watch *w);
bool watch_plan_waits(const struct fed_watch *w, struct span id);

/* watch_onward.c: warnings of other circles for the own ones. */
void watch_onward_tick(struct fed_watch *w);
void watch_onward_ask(struct fed_watch *w, struct hub_plan *p);

struct hub_circle *watch_circle_at(struct fed_watch *w, struct span id);
struct hub_warning *watch_warning_add(struct hub_circle *c, const struct warning *w);

#endif
