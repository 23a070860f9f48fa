/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to correlator*.c: the state of the correlator. One process, one thread, one loop.
 *
 *     row of the log (keeper) → correlator_take_row: decoded, held until every intake has told what it received before
 *     → in event-time order into flow/detect/correlate.h → what completes is folded → alerts to keeper
 *
 * It is a function of the stored windows and the rows behind them: no clock is read on that way, "now" is when the newest
 * row was received. So rows told twice after a crash make the same alerts, and those have the same ids.
 */
#ifndef ROLES_CORRELATOR_PRIV_H
#define ROLES_CORRELATOR_PRIV_H

#include "base/map.h"
#include "base/vec.h"
#include "event/alert.h"
#include "flow/detect/correlate.h"
#include "roles/compile.h"
#include "roles/correlate_wire.h"
#include "roles/match_codec.h"
#include "roles/role.h"
#include "roles/rule_share.h"

enum {
    LINK_SETTLE_MS = 1000,            /* with several intakes: windows of one may come this much behind those of another */
    LINK_SLOT_MS = 250,               /* matches go on in slices of this much received time */
    LINK_HELD_MAX = 32 * 1024 * 1024, /* bytes held: then nothing waits any longer */
    LINK_FOLD_S = 60,                 /* of event time: completions of one group in the same slice of it are one alert */
    LINK_FOLD_ALERTS = 60,            /* groups with alerts of their own, per correlation and organisation in LINK_FOLD_S of received time */
    LINK_FOLDS_MAX = 4096,            /* open at once; then the one touched longest ago is closed */
    LINK_UPDATE_S = 5,                /* a grown count is told this often */
    LINK_STORE_BYTES = 4 * 1024 * 1024, /* windows are stored after so many bytes of rows, or what they themselves have */
    LINK_STORE_S = 30,                /* … or after so long */
};

/* A match on its way into the correlator. Spans point into its row. */
struct link_input {
    struct link_row *row;
    uint32_t rule; /* of the present set */
    uint32_t tags;
    uint64_t seq; /* order of arrival */
    uint64_t ref; /* link_ref of its record */
    time_ns time, received;
    const struct span *values;
    const struct match_origin *origin;
    struct span host, user;
};

/* A row of the log, while some of its matches wait. */
struct link_row {
    struct archive_match head; /* body: own copy */
    struct arena arena;
    size_t left; /* matches not yet gone on */
};

/* Completions of one group that are one alert. */
struct link_fold {
    struct link_fold *older, *newer; /* by last touch */
    uint32_t correlation;
    struct span key; /* u32 correlation, u64 minute, scope, group; owned with the fold */
    time_ns first, last; /* event time; the first is always of the fold's minute */
    time_ns opened, touched; /* received time */
    uint32_t count, told;
    bool again; /* its group has another fold that counts for the limit */
    struct archive_address at;
    struct span scope, group; /* in key */
    struct buf alert; /* encoded, with the count it was first told with */
};

struct link {
    struct role *role;
    bool several; /* intakes: their windows have to be merged */

    /* what the compiler made */
    const struct compiled *compiled;
    int compiled_fd;
    uint64_t generation;
    struct map rule_numbers; /* id or hash → number */

    /* the session with keeper */
    bool in_session;
    bool out_of_step; /* keeper was not told something: a new session is needed */
    uint32_t session;
    struct buf stored; /* parts of the stored windows as they come */
    struct archive_match_place place; /* the last row taken in */

    /* what is stored */
    struct correlator *correlator;
    VEC(struct link_row *) rows;
    VEC(struct link_input) waiting;
    size_t held_bytes;
    time_ns clock;     /* the newest row's time of receipt */
    time_ns watermark; /* matches received up to here have gone on */
    time_ns updated;   /* clock when grown counts were told last */
    uint64_t seq;
    struct link_fold *oldest, *newest;
    struct map folds; /* key → struct link_fold */
    size_t nfolds;
    uint64_t alerts, unknown_rule, stragglers; /* counters */

    /* on the way out */
    struct buf out;
    uint32_t nout;
    time_ns want_tick, told_tick;
    struct arena scratch;
    size_t since_bytes, stored_bytes; /* rows since windows were stored; size of these */
    time_ns stored_clock;
    struct correlate_pulse pulsed;
    struct correlator_cost *costs_told, *costs_judged; /* per correlation: as keeper knows it, when they were judged last */
    uint32_t ncosts;
    time_ns told_at, judged_at; /* monotonic */
    time_ns judged_cpu;         /* of this thread */
    struct buf stops;           /* hashes of rules that keeper says are stopped */
    uv_timer_t timer;
};

/* correlator_rows.c */
/* Takes a row in; what completes becomes alerts in l->out. */
void link_take_row(struct link *l, const struct archive_match *row);
/* Decodes the matches of a held row that have not gone on, under the present rule set. */
void link_hold_row(struct link *l, const struct archive_match *row);
void link_rows_free(struct link *l);
/* When the next matches can go on although nothing comes; 0 = none wait. */
time_ns link_rows_due(const struct link *l);

/* correlator_fold.c */
void link_completed(struct link *l, const struct link_input *in, const struct correlate_output *o);
/* Tells grown counts when it is time, closes folds that are over. */
void link_folds_tick(struct link *l);
time_ns link_folds_due(const struct link *l);
void link_folds_save(const struct link *l, struct buf *out);
int link_folds_load(struct link *l, struct cursor *c, struct err *e) NODISCARD;
/* Numbers of the old rule set become those of the new one; folds of what is no longer there are told and closed. */
void link_folds_move(struct link *l, const struct ruleset *old);
void link_folds_free(struct link *l);

/* correlator_state.c */
/* All that a restart needs, place first. */
void link_save(const struct link *l, struct buf *out);
/* ERR_INVALID: damaged; only the place is taken over then. */
int link_load(struct link *l, struct span bytes, struct err *e) NODISCARD;
/* Nothing is known and nothing waits. */
void link_clear(struct link *l);

/* correlator_cost.c: as intake_cost.c for rules. */
void link_costs_begin(struct link *l);
void link_costs_forget(struct link *l);
void link_costs_tick(struct link *l);
void link_costs_end(struct link *l);
int link_stops_take(struct link *l, struct span body, struct err *e) NODISCARD;

/* correlator.c */
/* Sends what waits in l->out. */
void link_flush(struct link *l);

#endif
