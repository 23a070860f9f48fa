/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to intake*.c: the state of an intake. One process, one thread, one loop.
 *
 *     receivers (flow/receive) → intake_take (intake_event.c): normalise, keep in the window,
 * detect, fold → intake_seal (intake_window.c): sort, pack, send to keeper → kept: senders are told
 */
#ifndef ROLES_INTAKE_PRIV_H
#define ROLES_INTAKE_PRIV_H

#include "archive/window.h"
#include "base/map.h"
#include "base/vec.h"
#include "flow/detect/rates.h"
#include "flow/normalise/normalise.h"
#include "flow/receive/follow.h"
#include "flow/receive/http.h"
#include "flow/receive/tcp.h"
#include "flow/receive/udp.h"
#include "roles/compile.h"
#include "roles/flight.h"
#include "roles/intake_fold.h"
#include "roles/match_codec.h"
#include "roles/role.h"
#include "roles/rule_share.h"
#include "roles/window_codec.h"

enum {
    INTAKE_UNKEPT_MAX = 48 * 1024 * 1024,   /* bytes of windows not yet kept: then reading stops */
    INTAKE_SOURCE_UNKEPT_MAX = INTAKE_UNKEPT_MAX / 2, /* of them, one source's: then it alone is read no more */
    INTAKE_ALERTS_SEAL = 8 * 1024 * 1024,   /* bytes of alerts that seal a window early */
    INTAKE_ALERT_FIELDS_BYTES = 128 * 1024, /* of fields told with one alert */
    INTAKE_SOURCES_MAX = 8192,              /* sources of the config and of tokens */
    /* Learning takes an event at most this often, and at most one part in INTAKE_LEARN_SHARE of the time. */
    INTAKE_LEARN_MS = 20,
    INTAKE_LEARN_SHARE = 100,
    INTAKE_LEARN_TEXTS = 100 * 1000, /* about 10 MB */
    INTAKE_LEARN_TOLD_S = 3600,
    INTAKE_LEARN_FLOOR = 5,
    INTAKE_LEARN_PERMILLE = 5,
    INTAKE_JUDGE_EVENTS = 8,                /* in a flood: the time is looked at after so many events at the latest */
    INTAKE_SAMPLED_EVENTS = 4096,           /* below so many, sampled times say too little */
};

/* Where records come from: decided by listener or token. */
struct intake_source {
    char *name, *organisation, *kind, *as; /* `as`: a file of sources/, empty = by content */
    int32_t zone_s;
    struct stream stream;
    bool guess; /* format by the first record */
    /* since the last pulse */
    uint64_t events, dropped, anomalies;
    uint64_t dropped_by[DROP_COUNT]; /* of `dropped` */
    double lag_ms;                      /* sum over lag_events: receipt minus own time, of those that state one */
    uint64_t lag_events;
    uint64_t drops[DROP_COUNT]; /* of `dropped`; not yet an event */
    time_ns drops_from;                 /* the first of them, or the last event about such; wall clock */
    uint64_t waits;                     /* how often it was made to wait */
    size_t open_bytes, unkept_bytes;    /* originals in the open window; its share of windows on their way */
    bool waiting;
    bool held; /* super says that intakes crashed over it */
    time_ns last_event;
    struct logsource logsource; /* of its last event; points into the compiled region */
};

struct intake_share {
    uint32_t source;
    size_t bytes;
};

/* A window on its way: its message, until keeper has it on disk. */
struct intake_sent {
    uint64_t id;
    bool sent;
    struct buf body;
    VEC(struct intake_share) shares; /* of body.len, by source */
};

struct intake_receiver {
    enum fd_kind kind;
    char *name;
    uint32_t source;
    struct udp_receiver *udp;
    struct tcp_receiver *tcp;
    struct udp_counted told; /* drops that events tell of */
    bool told_moved;         /* since the last window */
};

struct intake_waiting_fd {
    struct role_fd fd; /* name: own copy */
    char *name;
};

struct intake_position {
    char *name;
    struct follow_position at;
};

struct intake_counted {
    char *name; /* of the listener */
    struct udp_counted at;
};

struct intake {
    struct role *role;
    uint64_t start_id; /* random: with the window's number, what makes a window unique */

    /* what the compiler made */
    const struct compiled *compiled;
    int compiled_fd;
    uint64_t generation;
    struct normaliser *normaliser;
    struct matcher *matcher;
    struct event event;
    struct arena scratch; /* one event's alert */

    /* the window */
    struct window *window;
    uint64_t window_id; /* of the open one, from 1 */
    VEC(struct intake_sent) unkept;
    size_t unkept_bytes;
    struct folds *folds;
    struct match_writer *matches; /* that correlations ask for */
    struct map origins;           /* (source, class) → a small number, while a rule set is in use */
    struct arena origin_keys;

    /* where records come from */
    VEC(struct intake_source *) sources;
    VEC(uint32_t) by_config; /* index in config->sources → in sources */
    struct tokens tokens;
    struct receive_sink sink;
    VEC(struct intake_receiver) receivers;
    struct follow *follow;
    struct http_receiver *http;
    VEC(struct intake_waiting_fd) waiting; /* until rules and positions are here */
    VEC(struct intake_position) positions; /* as keeper told them */
    VEC(struct intake_counted) counted;    /* drops of sockets, likewise */
    bool have_positions, have_tokens;
    char *tls_cert, *tls_key;             /* PEM */
    bool tls_renewed;                     /* since the HTTP receiver began */
    VEC(struct intake_token) told_tokens; /* as keeper told them; texts in told_arena */
    struct arena told_arena;

    /* what rules cost */
    struct matcher_cost *costs, *costs_told, *costs_judged; /* per rule: now, as keeper knows it, when they were judged last */
    time_ns told_at, judged_at;                             /* monotonic */
    time_ns judged_cpu;                                     /* of this thread */
    VEC(uint32_t) watched;
    struct buf stops; /* hashes of rules that keeper says are stopped */
    uint32_t since_judge; /* events */
    uint64_t events_judged;

    struct flight *flight; /* NULL: nobody looks */
    uint32_t flight_source;
    struct buf held;       /* MSG_SOURCES_HELD */

    /* what is common in these logs */
    struct learner *learner;
    time_ns learn_due;      /* time of receipt: the next event from then on */
    time_ns learnt_told_at; /* monotonic */

    bool paused, stopping, stopped;
    uint64_t matches_lost; /* for which one window had no room, since the last pulse */
    uint64_t unknown; /* events of senders nobody knows, since the last pulse */
    uv_timer_t window_timer, early_timer, follow_timer, second_timer;
    uv_idle_t follow_more; /* files are looked at again in the loop's next turn */
    uint32_t seconds;
};

/* intake_event.c */
bool intake_take(void *ctx, const struct receive_record *r);
/* A new compiled set: maps it, makes normaliser and matcher, lets the old one go. */
int intake_use_rules(struct intake *in, int fd, uint64_t address, uint64_t generation,
                     struct err *e) NODISCARD;

/* intake_alert.c */
void intake_alerts(struct intake *in, struct intake_source *s, uint32_t source, uint32_t arrival);

/* intake_match.c */
void intake_match(struct intake *in, const struct intake_source *s, uint32_t source, uint32_t arrival,
                  const struct match *match);
/* The numbers of the old rule set mean nothing any more; nothing may be waiting. */
void intake_matches_forget(struct intake *in);

/* intake_cost.c */
/* A new rule set: counting begins; those that keeper says are stopped are. */
void intake_costs_begin(struct intake *in);
void intake_costs_forget(struct intake *in);
/* Judges and tells when it is time. */
void intake_costs_tick(struct intake *in);
/* Tells what was not told yet: before the rule set goes, and at the end. */
void intake_costs_end(struct intake *in);
/* MSG_RULES_STOPPED. */
int intake_stops_take(struct intake *in, struct span body, struct err *e) NODISCARD;
void intake_stops_apply(struct intake *in);

/* intake_learn.c: how often texts are met, told to super for the next compile. */
void intake_learn_begin(struct intake *in);
/* The event at hand, when it is time; nothing may look at its view afterwards. */
void intake_learn(struct intake *in, time_ns received);
void intake_learn_tick(struct intake *in);
/* Tells, and forgets: before the rule set goes, and at the end. */
void intake_learn_end(struct intake *in);

/* intake_window.c */
void intake_seal(struct intake *in);
void intake_send(struct intake *in);
void intake_resend(struct intake *in);
void intake_kept(struct intake *in, const struct window_kept *kept);
/* Number of the window that holds what was taken last; a sender waits for it from now on. */
uint64_t intake_window_of_last(void *ctx);
/* Somebody waits until the window is kept: it is sealed soon, where its senders have more to send, it is worth a transaction and no other
 * is on its way. */
void intake_seal_early(struct intake *in);
bool intake_is_busy(void *ctx, uint32_t source);
void intake_arm(struct intake *in);

/* intake_drop.c: what was lost becomes an event; one source's flood is that source's alone. */
void intake_dropped(void *ctx, uint32_t source, enum drop_cause why, uint64_t count);
/* Once a second: an event for each source and cause of which something was lost. */
void intake_drops_tell(struct intake *in);
/* What the events of the window being sealed tell of, as positions beside it. */
void intake_drops_positions(struct intake *in, follow_visit *visit, void *ctx);
/* A position as keeper has it; false when it is none of a socket. */
bool intake_drops_position(struct intake *in, const struct archive_position *p);
const struct udp_counted *intake_drops_before(const struct intake *in, struct span name);
/* The window is sealed as `sent`: whose bytes it holds. */
void intake_shares_take(struct intake *in, struct intake_sent *sent);
void intake_shares_give_back(struct intake *in, struct intake_sent *sent);
bool intake_waits(void *ctx, uint32_t source);

/* intake_hold.c */
void intake_flight_take(struct intake *in, int fd);
/* Bytes of a source are being handled from now on, or no more. */
void intake_handles(void *ctx, uint32_t source, bool begins);
int intake_held_take(struct intake *in, struct span body, struct err *e) NODISCARD;
void intake_held_apply(struct intake *in, uint32_t source);

/* intake_source.c */
void intake_sources_from_config(struct intake *in, const struct config *config);
void intake_sources_from_tokens(struct intake *in, const struct config *config);
void intake_pulse(struct intake *in);

/* intake_receive.c */
void intake_fd(struct intake *in, const struct role_fd *f);
void intake_fds_go(struct intake *in);
void intake_fd_close(struct intake *in, struct span body);
void intake_pause(struct intake *in, bool pause);
/* The receivers of one source. */
void intake_pause_source(struct intake *in, uint32_t source);
uint32_t intake_own_source(struct intake *in, struct span organisation);
void intake_follow_arm(struct intake *in);
void intake_receive_end(struct intake *in);

#endif
