/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The community's eye: finds in the signals of one circle what several members saw. The same
 * indicator, rule or technique, or one rule after another, within a window of event time. Pure and
 * bounded: constant work per signal, memory with a hard limit in which no member can push out
 * another's share. Runs on the hub; what may be said of its findings is policy/publish.h's
 * business. After a restart the caller feeds the kept signals again, in their order, and what was
 * found before is found again, not anew.
 */
#ifndef DESK_FEDERATION_COMMUNITY_H
#define DESK_FEDERATION_COMMUNITY_H

#include "desk/federation/signal.h"

enum {
    COMMUNITY_MEMBERS_MAX = 4096,
    COMMUNITY_SHARE_MIN = 64,     /* things that one member is remembered by, at least */
    COMMUNITY_SHARE_MAX = 65536,  /* and at most */
    COMMUNITY_RECENT = 8,         /* a member's latest rules, for sequences */
    COMMUNITY_FINDINGS_MAX = SIGNAL_INDICATORS_MAX + SIGNAL_TECHNIQUES_MAX + 1 + COMMUNITY_RECENT,
    COMMUNITY_STEP_MAX = 8,       /* buckets between two rules of a sequence: two hours */
    COMMUNITY_TALLIES_MAX = 16,   /* cohorts over which one thing is counted at once */
};

enum community_kind {
    COMMUNITY_INDICATOR, /* value "ip:192.0.2.1" */
    COMMUNITY_RULE,      /* value: its id */
    COMMUNITY_TECHNIQUE, /* value "T1110" */
    COMMUNITY_SEQUENCE,  /* value "id > id" */
    COMMUNITY_PRODUCT,   /* who has what; never found, only asked */
    COMMUNITY_KINDS
};
const char *community_kind_name(enum community_kind kind);
bool community_kind_parse(struct span s, enum community_kind *out) NODISCARD;
/* Window of a kind in buckets: sightings further apart have nothing to do with one another. */
int64_t community_window(enum community_kind kind);
/* Longest of all windows: how far back the caller feeds kept signals. */
int64_t community_window_max(void);

struct community;

struct community_options {
    uint32_t things_max;    /* sightings remembered, all members together; ≥ COMMUNITY_SHARE_MIN */
    unsigned char seed[32]; /* random: members must not be able to choose what collides */
};

struct community *community_new(const struct community_options *o);
void community_free(struct community **c);

/* One thing that a signal was part of, as it stands now. */
struct community_finding {
    enum community_kind kind;
    struct span value;    /* in the arena of the call */
    uint32_t members;     /* distinct ones that saw it within the window, ≥ 1 */
    uint32_t before;      /* the same before this signal */
    enum alert_level level; /* highest told of */
};

/*
 * Takes a signal of a member (its node id) at `now` (bucket). findings: COMMUNITY_FINDINGS_MAX of
 * them; returns how many were filled: every thing of the signal that is within its window. A signal
 * from the future counts as now; one with count 0 is for community_forget. Returns 0 also for a
 * member beyond COMMUNITY_MEMBERS_MAX.
 */
size_t community_take(struct community *c, struct span member, const struct signal *s, int64_t now,
                      struct arena *arena, struct community_finding *findings);

/*
 * Forgets all that a member told: it left, or took something back. The caller then feeds what
 * still holds of it. Work in proportion to what the member is remembered by.
 */
void community_forget(struct community *c, struct span member);

/* Members that saw a thing within its window. */
uint32_t community_members(struct community *c, enum community_kind kind, struct span value,
                           int64_t now);

/* Buckets of the oldest and newest sighting remembered; false when nobody saw it. Looks at each member that did: for
 * what is published, not for each signal. */
bool community_span(struct community *c, enum community_kind kind, struct span value, int64_t now,
                    int64_t *first_out, int64_t *last_out) NODISCARD;

/*
 * Fixed sets of members (policy/publish.h): since which epoch of the circle a member counts;
 * COMMUNITY_NEVER: it does not. Asked once for each member; ctx lives as long as c does. To be called again whenever
 * the answers may be others: what was counted is counted anew.
 */
#define COMMUNITY_NEVER UINT64_MAX
typedef uint64_t community_since(void *ctx, struct span member);
void community_cohorts(struct community *c, community_since *since, void *ctx);

/* As community_members, of those only that counted in an epoch already (0: that count today). Constant work: of
 * each thing it is counted on for the last COMMUNITY_TALLIES_MAX epochs asked for; another one looks at each member
 * that saw it once. Nobody counts before community_cohorts. */
uint32_t community_cohort(struct community *c, enum community_kind kind, struct span value,
                          int64_t now, uint64_t epoch);

struct community_stats {
    uint32_t members, things, keys;
    uint64_t displaced; /* sightings that a member's own newer ones pushed out */
    uint64_t recounted; /* counts over a cohort that looked at each member */
    size_t bytes;
};
void community_stats(const struct community *c, struct community_stats *out);

#endif
