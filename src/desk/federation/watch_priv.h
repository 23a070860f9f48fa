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

struct hub_plan;

/* What was warned of, or is about to be (version 0). */
struct hub_warning {
    char id[WARNING_ID_LEN + 1];
    enum community_kind kind;
    struct span value; /* heap */
    int64_t version;
    bool withdrawn;
    struct policy_published published;
    char from[WARNING_ID_LEN + 1]; /* the warning of another circle that it passes on; "" = own */
    int64_t from_version;
    enum alert_level level; /* of what was told last, as the next three */
    int64_t seen;          /* 0 = "at least one other" */
    int64_t last;          /* bucket */
    time_ns issued;        /* since we run; 0 = not yet */
    time_ns expires;       /* of its newest version; 0 = never told */
    struct hub_plan *plan; /* that waits */
};

/* A warning on its way: its rules are asked for, then it is issued. */
struct hub_plan {
    struct arena arena;
    struct warning w;
    struct hub_circle *circle;
    struct hub_warning *warning;
    struct hub_plan *next, **link; /* among those that wait */
    time_ns due;                   /* not before */
    struct policy_published published; /* once it is durable */
    bool told; /* rules are there */
    struct span source; /* of another circle: the warning that is to be passed on; empty = own */
    struct span pap;    /* of what is passed on; empty = GREEN */
    time_ns expires;    /* of what is passed on; 0 = as a fresh warning's */
    unsigned tries;
};

/* Whom counts are over: the organisations of a circle's newest membership, and since when. */
struct cohort {
    uint64_t epoch; /* of the membership; 0 = none yet */
    struct arena texts;
    struct map since; /* by organisation */
    VEC(uint64_t) joined; /* the same, in order */
};

struct hub_circle {
    char id[FED_CIRCLE_MAX + 1];
    struct community *community;
    struct cohort cohort;
    VEC(struct hub_warning *) warnings; /* at most WATCH_WARNINGS_MAX */
    struct map by_id;
    int64_t forgotten; /* highest version of those that it no longer knows */
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
    struct hub_plan *plans, **plans_end; /* that wait, in their order */
    size_t nplans;
    uint64_t left_out; /* findings for which there was no room: they come again with their next member */
    int64_t forgotten; /* highest version that the records no longer have */
    struct hub_plan *plan;               /* under way, or to be tried again */
    bool planning;
    time_ns plan_at;                     /* not before */
    VEC(struct hub_dirty) dirty;
    bool forgetting;
    time_ns forget_at;
    /* passing on: rows that changed since `onward_mark` are looked at */
    bool passing, onward_wide;
    time_ns onward_at, onward_mark, onward_before, onward_newest;
    /* telling hubs above */
    struct report_round *report_round;
    time_ns report_at;
    struct map reported; /* circle above and warning → the version that it was told */
    struct arena reported_keys;
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

/* watch_cohort.c: who counts. */
void cohort_init(struct cohort *c);
void cohort_free(struct cohort *c);
/* True when it is another membership than before; then the community is to ask again. */
bool cohort_read(struct cohort *c, const struct fed_membership *m);
/* Since which epoch an organisation counts, or COMMUNITY_NEVER: a community_since. */
uint64_t cohort_since(void *cohort, struct span organisation);
/* Organisations that counted in an epoch and count today; 0 = today's. */
uint32_t cohort_size(const struct cohort *c, uint64_t epoch);

/* watch_plan.c: what a finding becomes. */
void watch_plan_finding(struct fed_watch *w, struct hub_circle *c,
                        const struct community_finding *f, const struct signal *s);
void watch_plan_withdraw(struct fed_watch *w, struct hub_circle *c, struct hub_warning *hw);
void watch_plan_tick(struct fed_watch *w);
void watch_plans_free(struct fed_watch *w);
/* Takes the place of one for the same warning that waits. NULL: the circle knows of as many as it may. */
struct hub_plan *watch_plan_new(struct fed_watch *w, struct hub_circle *c, enum community_kind kind,
                                struct span value);
void watch_plan_tell(struct fed_watch *w, struct hub_plan *p);
/* The plan under way comes to nothing. */
void watch_plan_drop(struct fed_watch *w);
/* It could not be issued now. */
void watch_plan_failed(struct fed_watch *w, struct span why);
bool watch_plan_room(const struct fed_watch *w);
/* Whether this warning (may be NULL) is about to be told. */
bool watch_plan_waits(const struct fed_watch *w, const struct hub_warning *hw);

/* watch_onward.c: warnings of other circles for the own ones. */
void watch_onward_tick(struct fed_watch *w);
void watch_onward_ask(struct fed_watch *w, struct hub_plan *p);

/* watch_report.c: findings of the own circles for the hubs above. */
void watch_report_init(struct fed_watch *w);
void watch_report_tick(struct fed_watch *w);
void watch_report_forget(struct fed_watch *w);
void watch_report_free(struct fed_watch *w);

struct hub_circle *watch_circle_at(struct fed_watch *w, struct span id);
/* The one known, or a new one; what is over makes room for it. NULL: all are in force, or about to be told. */
struct hub_warning *watch_warning_add(struct fed_watch *w, struct hub_circle *c, struct span id,
                                      enum community_kind kind, struct span value);

/* ---- the texts of its rules (watch_rules.c) ---- */

/* One rule of an answer to ASK_RULE_TEXTS; spans point into it. */
struct watch_rule {
    struct span id, title, yaml;
    bool asked;        /* it is what the finding is about; else one of those joins it */
    struct span joins; /* ids, a line each */
};
struct watch_rule watch_rule_next(struct cursor *data);
/* The n rules of an answer into a warning that has none yet; texts are copied into arena. */
void watch_rules_take(struct warning *w, struct cursor data, uint32_t n, struct arena *arena);

#endif
