/* SPDX-License-Identifier: EUPL-1.2 */
/* The engine's own state, shared by engine*.c only. */
#ifndef DESK_FEDERATION_ENGINE_PRIV_H
#define DESK_FEDERATION_ENGINE_PRIV_H

#include "base/arena.h"
#include "base/map.h"
#include "base/vec.h"
#include "desk/federation/batch.h"
#include "desk/federation/certs.h"
#include "desk/federation/engine.h"
#include "desk/federation/handlers.h"
#include "desk/federation/stream.h"
#include "records/ask.h"
#include "records/fed_book.h"
#include "records/fed_change.h"
#include "records/fed_enrol.h"

enum {
    ENGINE_MAGIC = 0x66656465,
    ENGINE_KNOWN_MAX = 8,           /* epochs of a circle in memory */
    ENGINE_QUESTION_MAX = 24 << 20, /* bytes of one question to the keeper */
    ENGINE_GROUP_BYTES = 16 << 20,  /* bytes of envelopes of one transaction */
    ENGINE_RETRY_MS = 1000,         /* after the first failure; doubles */
    ENGINE_RETRY_MAX_MS = 300 * 1000,
    ENGINE_POLL_S = 25,             /* of one pull */
    ENGINE_CARRY_MS = 20 * 1000,    /* for any other request */
    ENGINE_PULL_MS = (ENGINE_POLL_S + 8) * 1000, /* for the answer of a pull: a line that is dead shows */
    ENGINE_ENROL_POLL_MS = 1000,    /* between two looks whether the hub approved */
    ENGINE_ENROL_POLL_MAX_MS = 30 * 1000,
    ENGINE_JOINS_MAX = 16,
    ENGINE_IMPORTS = 16,            /* files of which it is known what became of them */
    ENGINE_LATE_S = 120,            /* a member not heard of for so long is late */
    ENGINE_SILENT_S = 3600,
    ENGINE_HELD_S = 5,              /* held envelopes are looked at again this often */
};

/* One epoch of a circle. */
struct kept {
    struct arena arena;
    struct fed_membership m;
};

struct circle {
    char id[FED_CIRCLE_MAX + 1];
    bool own;
    bool conflict; /* its hub said two things */
    struct kept *known[ENGINE_KNOWN_MAX]; /* newest first */
    size_t count;
};

/* A member of this hub, or any node that was one. */
struct hub_peer {
    struct fed_engine *engine;
    char node[FED_NODE_LEN + 1];
    int64_t in_epoch, in_seq;
    char in_id[FED_ID_LEN + 1];
    struct fed_stream_out out;
    bool pushing;             /* a push of its is being taken in */
    struct fed_call *pull;    /* waits for news */
    size_t waiting_at;        /* place of `pull` among those that wait */
    bool asking;              /* a batch for `pull` is asked for, or about to be */
    int64_t asked_epoch, asked_after; /* for which place */
    bool news;                /* something new since then */
    time_ns given;            /* when it was last given news, all there was; 0 = not since we run */
    bool greeted;             /* said hello since we run */
    time_ns contact;
    time_ns certificate_until; /* of the one it spoke with last, or was given since; 0 = not known */
    char version[32];
};

enum link_state { LINK_ENROLLING, LINK_DOWN, LINK_HELLO, LINK_UP, LINK_REFUSED };

/* One thing of a link that is on its way. */
struct errand {
    uint64_t id; /* of the carry; 0 = nothing under way */
    time_ns due; /* not before */
};

struct fed_link {
    struct fed_engine *engine;
    struct arena texts;
    struct fed_link_row row; /* texts in the arena */
    enum link_state state;
    time_ns since;
    struct errand hello, push, pull, renew;
    unsigned failures;
    bool batch_asked;
    bool more;              /* the outbox may hold something */
    struct fed_stream_out out;
    int64_t waiting, dropped;
    int64_t pushed_to;      /* last number of the push under way */
    int64_t in_epoch, in_seq;
    char in_id[FED_ID_LEN + 1];
    bool taking;            /* what a pull brought is being kept */
    time_ns renew_at, expires;
    struct buf body;        /* of the push under way */
    char problem[200];
    char hub_version[32];
};

/* A join that has no answer yet. */
struct join {
    char id[ID_TEXT_LEN + 1];
    struct arena texts;
    struct span url, who, fingerprint, csr, code;
    uint64_t carry;
    char state[16]; /* "asking", "waiting", "failed" */
    char problem[200];
    char hub[FED_NODE_LEN + 1];
    char hub_fingerprint[FED_FINGERPRINT_LEN + 1];
};

/* Who waits for a part of a group of envelopes. */
struct waiter {
    void (*done)(struct fed_engine *en, void *ctx, int rc, const struct fed_outcome *outcomes,
                 uint32_t count);
    void *ctx;
    uint32_t count; /* items of the group that are its */
};

/* Envelopes that go to the keeper in one transaction. */
struct group {
    struct arena arena;
    VEC(struct fed_taken) items;
    VEC(struct waiter) waiters;
    size_t bytes;
};

struct officer {
    char user_id[ID_TEXT_LEN + 1];
    struct arena texts;
    struct span name, sealed;
    unsigned char key[FED_KEY_BYTES];
};

struct fed_engine {
    uint32_t magic;
    struct fed_engine_config config;
    struct arena texts;
    struct fed_keys keys;
    char fingerprint[FED_FINGERPRINT_LEN + 1];
    char server_pin[CERTS_PIN_LEN + 1];
    bool loaded, loading;
    time_ns now;
    uint64_t next_carry;
    VEC(struct circle *) circles;
    VEC(struct fed_link *) links;
    VEC(struct join *) joins;
    VEC(struct officer *) officers;
    VEC(struct hub_peer *) peers;
    struct map peer_by_node;
    struct group *gathering, *under_way;
    VEC(struct fed_call *) waiting; /* long polls */
    VEC(struct hub_peer *) pulls;   /* whose batches are to be asked for next */
    struct hub_peer *pulled[FED_OUT_BATCHES_MAX]; /* whose are being asked for */
    size_t npulled;
    struct buf stopped;             /* text of the setting; empty = not stopped */
    time_ns stopped_seen;
    bool may_hold;       /* some envelopes may be held */
    time_ns held_due;    /* when they are looked at again */
    time_ns held_at;     /* place up to which they were looked at this time */
    char held_id[FED_ID_LEN + 1];
    uint64_t taken, refused, alarms;
    struct fed_import imports[ENGINE_IMPORTS]; /* number n at n % ENGINE_IMPORTS */
    uint64_t nimports;
};

/* engine.c */
bool engine_ask(struct fed_engine *en, struct buf *question, fed_answer *answer, void *ctx);
void engine_ask_begin(struct buf *q, enum ask ask);
/* Seconds of the wall clock. */
int64_t engine_now_s(void);

/* "up" or "down" of a hello: where the receiving half stands. */
bool engine_read_half(const struct jcs *root, const char *name, struct fed_stream_in *out);
/* Whether a batch can be taken behind epoch.seq, and from which item on: TAKEN; GAP; STREAM (of an
 * epoch that is over). */
enum fed_refusal engine_arrive(int64_t epoch, int64_t seq, const struct batch *b, uint32_t *skip_out);

/* engine_book.c */
struct circle *engine_circle(const struct fed_engine *en, struct span id);
/* Adds an epoch that was kept; text is copied. */
void engine_circle_add(struct fed_engine *en, struct span id, bool own, struct span text);
/* The row that the records keep of a membership. */
void engine_membership_row(struct fed_engine *en, struct arena *a, const struct fed_membership *m,
                           struct span text, bool own, struct fed_membership_row *out);
/* Whether a node may speak to this hub now: FED_TAKEN, ISSUER, SUSPENDED, REMOVED. */
enum fed_refusal engine_member_state(const struct fed_engine *en, struct span node);
void engine_circle_free(struct circle **c);
const char *engine_state_word(enum fed_state state);
void engine_classes(uint32_t classes, struct buf *out);

/* engine_take.c */
struct engine_source {
    struct span peer;   /* whose stream */
    bool at_hub;        /* it is a member's push */
    struct span hub;    /* a pull's: whose circles it may speak of */
};
/* Judges one envelope and makes what the records keep of it; only that lies in a. The refusal, for the answer. */
enum fed_refusal engine_judge(struct fed_engine *en, struct arena *a, const struct engine_source *src,
                              struct span text, struct fed_taken *out);
/* The group that gathers now. */
struct group *engine_group(struct fed_engine *en);
/* Sends it unless one is under way. */
void engine_group_go(struct fed_engine *en);
void engine_group_free(struct group **g);
/* Refusals that concern the envelope's own circle go to those who may read it. */
void engine_relay(struct fed_engine *en, struct arena *a, const struct fed_envelope *env,
                  struct fed_taken *out);

/* What follows once one is kept and applied that came with a question of its own. */
void engine_after(struct fed_engine *en, const struct fed_taken *t);

/* Looks at held envelopes again, now and then. */
void engine_held_tick(struct fed_engine *en);

/* engine_link.c */
void engine_links_tick(struct fed_engine *en);
bool engine_link_carried(struct fed_engine *en, uint64_t id, const struct fed_carried *c);
struct fed_link *engine_link_add(struct fed_engine *en, const struct fed_link_row *row);
void engine_link_free(struct fed_link **l);
void engine_link_keep(struct fed_link *l, struct span who);
uint64_t engine_carry(struct fed_engine *en, const struct fed_link_row *row, const char *method,
                      const char *path, struct span body, struct span proof, struct span reason,
                      struct span audience, uint32_t wait_ms);
void engine_link_enrolled(struct fed_link *l);
time_ns engine_pause(unsigned failures);
/* Takes back an answer that refuses: its error text. */
void engine_problem(char *out, size_t size, const struct fed_carried *c);

/* engine_issue.c: makes an envelope and takes it in here as if it had come, with the members it is passed
 * on to: ERR_DENIED as fed_engine_issue. */
int engine_issue_taken(struct fed_engine *en, struct arena *a, const struct fed_issue *i, const struct fed_membership *m,
                       struct fed_taken *out, struct err *e) NODISCARD;

/* engine_stone.c: whether a request is for a tombstone; one more officer signs it, and with enough of them it is
 * ready to be taken in. */
bool engine_stone_is(const struct fed_request_row *r);
int engine_stone_sign(struct fed_engine *en, struct arena *a, const struct fed_change_ask *ask, const struct circle *c,
                      struct fed_change *ch, bool *complete_out, struct err *e) NODISCARD;
/* How many officers of a circle it takes. */
int64_t engine_stone_needs(const struct fed_membership *m);

/* engine_join.c */
void engine_joins_tick(struct fed_engine *en);
bool engine_join_carried(struct fed_engine *en, uint64_t id, const struct fed_carried *c);
void engine_join_free(struct join **j);
void engine_enrol_go(struct fed_link *l);
void engine_enrol_carried(struct fed_link *l, const struct fed_carried *c);

/* engine_hub.c */
struct hub_peer *engine_peer(struct fed_engine *en, struct span node);
/* engine_pull.c */
void engine_pull(struct fed_engine *en, struct fed_call *call);
void engine_peer_wake(struct fed_engine *en, struct span node);
/* Asks the keeper for those that wait for it, unless a question is under way. */
void engine_pulls_go(struct fed_engine *en);
/* The pull that waits does so no longer. */
void engine_pull_end(struct fed_engine *en, struct hub_peer *p);
/* Ends the pull that waits, if one does: its node speaks on another connection now. */
void engine_pull_replace(struct fed_engine *en, struct hub_peer *p);
void engine_hub_tick(struct fed_engine *en);
void engine_hub_wake_all(struct fed_engine *en);
void engine_respond(struct fed_call *call, unsigned status, struct buf *body);
void engine_respond_error(struct fed_call *call, unsigned status, const char *code,
                          const char *message);
/* engine_enrol.c */
void engine_enrol_call(struct fed_engine *en, struct fed_call *call);
void engine_enrolled_call(struct fed_engine *en, struct fed_call *call);
/* Who asked for one of the two above is gone, and its call's memory soon; call->work must not be NULL. */
void engine_enrol_gone(struct fed_call *call);
void engine_renew_call(struct fed_engine *en, struct fed_call *call);

#endif
