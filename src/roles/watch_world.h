/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A hub and its members in one process, for tests: real records, the keeper's real answers, the real
 * watch of each; only the wire between them is a function call. Time is the test's own.
 */
#ifndef ROLES_WATCH_WORLD_H
#define ROLES_WATCH_WORLD_H

#include "desk/federation/watch.h"
#include "records/fed_share.h"
#include "records/fed_warnings.h"
#include "roles/keeper_records_priv.h"
#include "roles/keeper_signals.h"

enum { WORLD_MEMBERS_MAX = 24, WORLD_WARNINGS_MAX = 4096 };

struct world;

struct world_node {
    struct world *world;
    char id[FED_NODE_LEN + 1];
    char folder[64];
    struct keeper_records kr;
    struct fed_watch *watch;
    struct {
        struct buf question;
        watch_answer *answer;
        void *ctx;
    } asked[64];
    size_t nasked;
    struct {
        watch_issued *done;
        void *ctx;
        int rc;
    } issued[16];
    size_t nissued;
    bool stopped;
    uint64_t matched; /* what each dry run here finds */
    unsigned hunts, rules_changed, alerts;
};

/* What every member reads of a warning. */
struct world_said {
    char id[FED_WARNING_ID_LEN + 1];
    int64_t version, seen;
    bool withdrawn;
    char kind[16], value[160];
    time_ns at;
};

struct world {
    struct fed_membership membership;
    struct fed_member members[WORLD_MEMBERS_MAX];
    struct world_node *node[WORLD_MEMBERS_MAX]; /* 0 is the hub */
    size_t count;
    time_ns now;
    struct world_said said[WORLD_WARNINGS_MAX];
    size_t nsaid;
    uint64_t signal_envelopes;
    struct buf last_signals; /* the last body of signals, as text */
    bool has_above;          /* the hub is a member of a circle "above", too */
    struct fed_membership above; /* its membership: its own hub, and this one */
    struct fed_member above_members[2]; /* in the order of their ids: this one, its hub */
    uint64_t above_envelopes;
    struct buf last_above;   /* as last_signals, of what went there */
};

/* A hub and `members` others, each an organisation of its own "org-1" …; circle "c". */
struct world *world_new(size_t members);
void world_free(struct world **w);
/* Lets time pass in quarters of a second, and everything that is asked and issued happen. */
void world_run(struct world *w, int64_t seconds);
/* A node starts again: its watch forgets all, its records stay. */
void world_restart(struct world *w, size_t node);
/* An alert of this rule at a member, from an address; its id. */
void world_alert(struct world *w, size_t node, const char *rule, const char *ip,
                 enum alert_level level, char id_out[ALERT_ID_LEN + 1]);
void world_change(struct world *w, size_t node, const char *id, enum alert_action action,
                  const char *reason);
/* What a node's own policy says of all alerts. */
void world_sharing(struct world *w, size_t node, const char *moment, int64_t minutes,
                   bool automatic, int64_t cap);
/* The hub's policy lets findings of its circle go to the circle above, or no more. */
void world_findings(struct world *w, const char *moment, int64_t minutes, int64_t level);
/* The newest row of a warning at a node; false when it has none of this kind and value. */
bool world_warning(struct world *w, size_t node, const char *kind, const char *value,
                   struct arena *arena, struct fed_warning_row *out);
/* A warning of another circle, whose hub this world's hub is a member of, comes to it. from: the circles
 * that it says it came through, parted by blanks. */
void world_from_above(struct world *w, const char *circle, const char *from, const char *ip, int64_t version,
                      bool withdrawn, const char *onward);
int64_t world_number(struct world *w, size_t node, const char *sql);

#endif
