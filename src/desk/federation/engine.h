/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a node does in a federation: as a member of hubs (links: hello, push, pull, renew), as a hub
 * (its members' requests, relay), and who belongs (codes, approval, epochs). Holds in memory what the
 * records keep; decides; has no input or output of its own: it asks the keeper and lets the courier
 * carry through struct fed_host. Called by the desk role and the interface, on the desk's one thread.
 *
 *     fed_engine_new → fed_engine_keeper(true) → fed_engine_tick four times a second
 */
#ifndef DESK_FEDERATION_ENGINE_H
#define DESK_FEDERATION_ENGINE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "desk/federation/carry.h"
#include "desk/federation/envelope.h"
#include "desk/federation/keys.h"
#include "records/fed_out.h"

struct fed_engine;

/* Called once with the keeper's answer; rc ERR_CLOSED = it is away. */
typedef void fed_answer(void *ctx, int rc, struct span text, struct cursor *data);

struct fed_host {
    void *arg;
    /* As api.h's ask: the answer comes later, never before this returns. False = not now. */
    bool (*ask)(void *arg, struct span question, fed_answer *answer, void *ctx);
    /* Sends a request out; fed_engine_carried(id) follows. False = not now. */
    bool (*carry)(void *arg, uint64_t id, const struct fed_carry *c);
    void (*cancel)(void *arg, uint64_t id);
    /* An item of a circle is kept here, for the first time (id: of the item). May be NULL. */
    void (*item)(void *arg, struct span circle, struct span id);
};

struct fed_engine_config {
    struct fed_host host;
    const struct fed_keys *keys; /* copied */
    struct span organisation;    /* what this node's organisation is called */
    struct span tls_key;         /* of the node, PEM */
    bool hub;
    struct span hub_name, hub_url;           /* of this node as a hub; empty when it is none */
    struct span ca_key, ca_cert, server_cert; /* PEM */
};

/* ERR_INVALID: a certificate cannot be read. Texts are copied. */
int fed_engine_new(const struct fed_engine_config *c, struct err *e, struct fed_engine **out) NODISCARD;
void fed_engine_free(struct fed_engine **en);
/* The keeper is there (again): what it knows is read. Until then members are told to come later. */
void fed_engine_keeper(struct fed_engine *en);
/* Time passes: links, long polls, deadlines. */
void fed_engine_tick(struct fed_engine *en, time_ns now);
/* What a request came to. */
void fed_engine_carried(struct fed_engine *en, uint64_t id, const struct fed_carried *c);

/* ---- for those who make envelopes ---- */

struct fed_issue {
    struct fed_draft draft; /* created_s, epoch are filled in; expires_s must be there */
    bool sealed;            /* to the audience's readers; RED and NDA are sealed whatever this says */
    enum fed_out_class class;
    struct span reason;   /* the policy's reason why it may leave */
    struct span audience; /* who will be able to read it, in words */
};

/* rc and, with 0, the envelope's id. */
typedef void fed_issued(void *ctx, int rc, struct span text, struct span id);

/*
 * Makes, signs and queues an envelope for a circle: to its hub; where this node is the hub, it is
 * applied here and passed to the members whom the policy lets read it. `done` comes later, once it is
 * durable (may be NULL). ERR_NOT_FOUND: no such circle; ERR_DENIED: the membership is over its date,
 * this node is no active member, nobody may read it, or everything is stopped.
 */
int fed_engine_issue(struct fed_engine *en, const struct fed_issue *i, fed_issued *done, void *ctx,
                     struct err *e) NODISCARD;

/* Newest membership of a circle, or NULL. Valid until the next tick or message. */
const struct fed_membership *fed_engine_circle(const struct fed_engine *en, struct span circle);
/* Calls for each circle; own: this node is its hub. */
void fed_engine_each_circle(const struct fed_engine *en, void *ctx,
                            void (*visit)(void *ctx, const struct fed_membership *m, bool own));
const struct fed_keys *fed_engine_keys(const struct fed_engine *en);
bool fed_engine_is_hub(const struct fed_engine *en);
/* Somebody put something into an outbox by a question of his own: it is looked after now. */
void fed_engine_wake(struct fed_engine *en);

/* ---- courier mode ---- */

/* Where an export begins: the peer, and up to where it is known to have received. */
struct fed_courier_place {
    struct span peer; /* node id */
    uint64_t epoch, after;
};
/* wanted: a node id; empty = the one hub. ERR_NOT_FOUND: no such peer; ERR_DENIED: everything is
 * stopped; ERR_INVALID: say for whom. */
int fed_engine_courier_place(const struct fed_engine *en, struct span wanted,
                             struct fed_courier_place *out, struct err *e) NODISCARD;
/* The signed file out of the answer to ASK_FED_BATCH; lives in a. ERR_NOT_FOUND: nothing waits. */
int fed_engine_courier_write(struct fed_engine *en, struct span peer, struct cursor *batch,
                             struct arena *a, struct span *text_out, struct err *e) NODISCARD;

/* What became of a file. received: epoch.last, for the other side's next export. */
struct fed_import {
    bool over; /* all is durable, or rc says why not */
    int rc;
    uint32_t count, fresh, refused;
    uint64_t epoch, last;
    char from[FED_NODE_LEN + 1];
};
/* Takes a file in; *id_out asks for what became of it. ERR_INVALID: the file is refused as a whole;
 * ERR_BUSY. */
int fed_engine_courier_read(struct fed_engine *en, struct span text, uint64_t *id_out,
                            struct err *e) NODISCARD;
/* NULL: not known any more. */
const struct fed_import *fed_engine_import(const struct fed_engine *en, uint64_t id);

/* ---- for the interface: each writes a JSON document or says what is wrong ---- */

/* Questions of officers carry the open key: fed_engine_officer_* says how it is had. */
struct fed_officer_key {
    struct span name;          /* of the person */
    struct span user_id;
    const struct fed_sign_key *key;
};

/* §8 of docs/FEDERATION.md. streams: the answer to ASK_FED_STREAMS. */
int fed_engine_status(struct fed_engine *en, struct cursor *streams, struct buf *json,
                      struct err *e) NODISCARD;
int fed_engine_members(struct fed_engine *en, struct buf *json, struct err *e) NODISCARD;
/* answer: to ASK_FED_REQUESTS. */
int fed_engine_requests(struct fed_engine *en, struct cursor *answer, struct buf *json,
                        struct err *e) NODISCARD;
bool fed_engine_stopped(const struct fed_engine *en);
/* When and who, "" = go on: as ASK_FED_STOP stored it. */
void fed_engine_set_stopped(struct fed_engine *en, struct span text);

/* The sealed key of a person, empty when he has none yet. */
struct span fed_engine_officer_sealed(const struct fed_engine *en, struct span user_id);
/* He has one now: it is kept already. */
void fed_engine_officer_known(struct fed_engine *en, struct span user_id, struct span name,
                              const unsigned char key[FED_KEY_BYTES], struct span sealed);

/* What officers sign: a change of membership, or an item of a circle taken back for its author; ready for
 * ASK_FED_CHANGE: the question goes to `question`. *complete_out:
 * enough officers have signed, and it takes effect; fed_engine_changed says so once it is durable. */
enum fed_change_kind { FED_CHANGE_CIRCLE, FED_CHANGE_APPROVE, FED_CHANGE_REFUSE, FED_CHANGE_SUSPEND, FED_CHANGE_REMOVE, FED_CHANGE_RESUME, FED_CHANGE_RENEW, FED_CHANGE_TOMBSTONE };
struct fed_change_ask {
    enum fed_change_kind kind;
    struct fed_officer_key officer;
    struct span circle;      /* id; CIRCLE makes one */
    struct span name;        /* CIRCLE */
    bool nda;                /* CIRCLE */
    struct span node;        /* SUSPEND, REMOVE, RESUME */
    struct span request;     /* APPROVE, REFUSE: its row follows */
    struct cursor *row;      /* answer to ASK_FED_REQUEST */
    struct span item, reason; /* TOMBSTONE: id, and why; the reason goes to all members */
    struct span fingerprint; /* APPROVE: what the officer compared; empty for changes of officers */
};
int fed_engine_change(struct fed_engine *en, const struct fed_change_ask *ask, struct buf *question,
                      bool *complete_out, struct err *e) NODISCARD;
/* The question was answered with 0. */
void fed_engine_changed(struct fed_engine *en, struct span question);

/* Starts to join a hub; what becomes of it shows in the status. fingerprint may be empty: then it has
 * to be compared before the hub's officer approves. */
int fed_engine_join(struct fed_engine *en, struct span url, struct span code, struct span fingerprint,
                    struct span who, struct buf *json, struct err *e) NODISCARD;

/* ---- for the hub's listener ---- */

enum fed_call_kind { FED_CALL_ENROL, FED_CALL_ENROLLED, FED_CALL_HELLO, FED_CALL_PUSH, FED_CALL_PULL, FED_CALL_RENEW };

/* One request of a member. Owned by the listener; the engine keeps the pointer until it responds. */
struct fed_call {
    enum fed_call_kind kind;
    struct span node; /* of its certificate, checked against the hub's authority; empty = none */
    int64_t certificate_until_s; /* when that ends, in seconds since 1970 */
    struct span body;
    struct span request, proof; /* ENROLLED */
    int64_t epoch, after, wait_s; /* PULL */
    /* Called once: status and JSON. May be called before fed_hub_call returns. */
    void (*respond)(struct fed_call *call, unsigned status, struct span body);
    /* the engine's */
    struct fed_engine *engine;
    struct hub_peer *peer;
    time_ns until;
    void *work;
};
void fed_hub_call(struct fed_engine *en, struct fed_call *call);
/* Its connection is gone: forget it. */
void fed_hub_gone(struct fed_engine *en, struct fed_call *call);

#endif
