/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a node does with signals and warnings (docs/FEDERATION.md §5): tells of its alerts what its
 * policy lets go, and corrects it; on a hub finds in them what several members saw, and warns; at
 * each node tries a warning on the archive, and takes it where the policy says so. It asks the
 * keeper and issues envelopes through its host and has no input or output of its own. Runs in the
 * desk, on its one thread.
 *
 *     watch_new → watch_tick once a second or more often → watch_free
 */
#ifndef DESK_FEDERATION_WATCH_H
#define DESK_FEDERATION_WATCH_H

#include "base/buf.h"
#include "desk/federation/envelope.h"
#include "desk/federation/finding.h"
#include "records/fed_out.h"

enum {
    WATCH_THINGS = 1 << 18,         /* sightings a hub remembers of one circle: at most about 25 MB */
    WATCH_WARNINGS_MAX = 2048,      /* of one circle that a hub knows of, told or about to be: half of what is kept (fed_room.def) */
    WATCH_WARNING_LIFE_S = 14 * 86400, /* a warning holds for so long after its newest version */
    WATCH_SIGNAL_LIFE_S = FINDING_LIFE_S, /* an undelivered signal says nothing after this */
    WATCH_RETRY_S = 30,             /* after an envelope that could not be issued */
    WATCH_SPREAD_MS = 30,           /* between two versions of a warning, for each member: 2,000 members hear of
                                       a higher number once a minute */
    WATCH_FORGET_S = 5,             /* what a member took back is counted anew this often at most */
    WATCH_DRY_RUN_DAYS = 30,        /* of archive that a dry run looks at, unless somebody says else */
    WATCH_DRY_RUN_DAYS_MAX = 3650,
};

/* As the source of a class in the policy of sharing: what members of the own circles saw, for a hub above. No log source is
 * called so. */
#define WATCH_FINDINGS "federation:circles"

struct fed_watch;

/* Called once with the keeper's answer; rc ERR_CLOSED = it is away. */
typedef void watch_answer(void *ctx, int rc, struct span text, struct cursor *data);
/* The envelope is durable (rc 0, with its id), or could not be. */
typedef void watch_issued(void *ctx, int rc, struct span text, struct span id);

/* What the watch tells by itself; each has its row in policy/paths.def, or watch.c does not compile. */
#define WATCH_TELLINGS(X)                                                                          \
    X(ALERTS)   /* of this node's alerts, to a circle's hub */                                     \
    X(WARNINGS) /* a hub, what several members saw, to its circle */                               \
    X(ONWARD)   /* a hub, what a hub above warned of, to its own circle */                         \
    X(FINDINGS) /* a hub, what it warned its own circle of, to a hub above */

enum watch_telling {
    WATCH_TELLS_NOTHING,
#define X(name) WATCH_TELLS_##name,
    WATCH_TELLINGS(X)
#undef X
};

/* An envelope for a circle. */
struct watch_issue {
    enum watch_telling telling;
    struct fed_draft draft; /* created_s and epoch are the host's */
    enum fed_out_class class;
    struct span reason;   /* why it may leave */
    struct span audience; /* who will be able to read it, in words */
};

struct watch_host {
    void *arg;
    /* Sends a question to the keeper; the answer comes later, never before this returns. False = not
     * now. */
    bool (*ask)(void *arg, struct span question, watch_answer *answer, void *ctx);
    /* Makes, signs and queues it; where this node is the circle's hub, it is applied here and passed
     * on. `done` comes later; with an error at once it does not come. */
    int (*issue)(void *arg, const struct watch_issue *i, watch_issued *done, void *ctx,
                 struct err *e);
    /* Newest membership known of a circle, or NULL; borrowed until the watch returns. */
    const struct fed_membership *(*circle)(void *arg, struct span circle);
    /* Whether a person stopped that anything leaves. */
    bool (*stopped)(void *arg);
    /* The circles whose hub this node is, each once; borrowed during the call. May be NULL: none. */
    void (*own_circles)(void *arg, void *ctx,
                        void (*visit)(void *ctx, const struct fed_membership *m));
    /* The circles of other hubs that this node is in; the same. */
    void (*circles_above)(void *arg, void *ctx,
                          void (*visit)(void *ctx, const struct fed_membership *m));
};

struct watch_config {
    struct watch_host host;
    struct span node; /* own id; copied */
    unsigned char seed[32]; /* random: see community_options */
};

struct fed_watch *watch_new(const struct watch_config *c);
void watch_free(struct fed_watch **w);
void watch_tick(struct fed_watch *w, time_ns now);
/* Something waits: look at once. */
void watch_wake(struct fed_watch *w);

/* How far the community is on its guard, of what this node knows. */
const struct level_report *watch_level(const struct fed_watch *w);

/* The question that starts a dry run of a warning (ASK_HUNT_START) over so many days. False: it
 * holds nothing to look for. */
bool watch_dry_run_ask(const struct warning *w, int64_t days, time_ns now, struct buf *question);
/* The same for one that brings nothing but names a technique: first what this house has against it (ASK_RULES_TAGGED); false:
 * it names none. Then the hunt, of the answer. False: there is no such rule. */
bool watch_dry_run_rules(const struct warning *w, struct buf *question);
bool watch_dry_run_own(const struct warning *w, struct cursor *rules, int64_t days, time_ns now, struct buf *question);

#endif
