/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The outbox of federation (docs/FEDERATION.md §4): envelopes on their way to a hub (node side) or
 * to members (hub side), in the transaction of what caused them.
 *
 *     db_begin … whatever is being changed … fed_out_put(db, &out, &placed, e) … db_end
 *
 * An envelope's exact bytes are kept once (fed_envelope), each receiver has a row that says where
 * it stands. A row gets its number in the receiver's stream when it is first taken out to be sent,
 * and stays, marked, after the receipt until the envelope expires: a receiver that lost its memory
 * gets it again. Over the limit, bulk goes first. Called by the keeper, on its one thread.
 */
#ifndef RECORDS_FED_OUT_H
#define RECORDS_FED_OUT_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    FED_ROW_NODE_LEN = 32,              /* hex digits of a node id */
    FED_ROW_ID_LEN = 64,                /* hex digits of an envelope id */
    FED_OUT_ROWS_MAX = 100000,      /* rows that wait for one peer */
    FED_OUT_BYTES_MAX = 256 << 20,  /* bytes of envelopes that wait for one peer */
    FED_OUT_PEERS_MAX = 4096,       /* receivers of one envelope */
    FED_OUT_BATCH_MAX = 500,        /* envelopes of one push or pull */
    FED_OUT_BATCH_BYTES = 4 << 20,  /* bytes of one push or pull; one envelope always fits */
    FED_OUT_BATCHES_MAX = 128,      /* peers asked for in one transaction: others wait behind it */
    FED_OUT_BATCHES_BYTES = 8 << 20, /* after so much no further peer is read: an answer has 16 MiB */
    FED_TEXT_MAX = 1024,            /* bytes of a reason or an audience */
};

/* Who makes room when the outbox is full, and who goes first when there is much. */
enum fed_out_class {
    FED_OUT_CONTROL, /* membership, revocation, keys, receipts: never dropped, always first */
    FED_OUT_RESULT,  /* items, warnings, tombstones, answers: over the limit a new one is refused */
    FED_OUT_BULK,    /* signals: the oldest waiting ones are dropped, and counted */
    FED_OUT_CLASS_COUNT
};

struct fed_out {
    struct span circle;      /* id, or empty for what concerns a link alone */
    const struct span *peer; /* node ids; NULL: the hub of the circle (nothing when we are it) */
    size_t npeers;
    enum fed_out_class class;
    struct span id;       /* of the envelope, 64 hex digits */
    struct span type;     /* "signal" … */
    struct span issuer;   /* node id */
    int64_t epoch;        /* membership epoch that the envelope names */
    time_ns created, expires;
    struct span envelope; /* exact bytes, at most 1 MiB */
    /* The decision that lets it out: policy's reason and the audience in words. Both must be there. */
    struct span reason, audience;
};

/*
 * Inside the transaction that the caller holds. *placed_out: rows that are new (0 when all had it
 * already, or this node is itself the circle's hub). ERR_NOT_FOUND: the circle is not known;
 * ERR_LIMIT: no room for a result; ERR_INVALID: a part is missing or too long.
 */
int fed_out_put(struct db *db, const struct fed_out *out, time_ns now, size_t *placed_out,
                struct err *e) NODISCARD;

void fed_out_encode(struct buf *b, const struct fed_out *out);
/* Spans point into the cursor; peers come from the arena. Sets c->failed. */
void fed_out_decode(struct cursor *c, struct arena *arena, struct fed_out *out);

/* Where the sending half of a stream stands. */
struct fed_out_state {
    int64_t epoch; /* 0 = nothing was ever sent */
    int64_t seq;   /* last number given */
    int64_t acked; /* all up to it have a receipt */
    int64_t waiting, bytes, dropped;
};

int fed_out_state(struct db *db, struct span peer, struct fed_out_state *out,
                  struct err *e) NODISCARD;

struct fed_out_row {
    int64_t seq;
    int64_t class;
    struct span id, type, circle, reason, audience, envelope;
};

struct fed_out_batch {
    struct fed_out_state state; /* after giving numbers */
    struct fed_out_row *rows;
    size_t count;
    int rc; /* of fed_out_batches: ERR_INVALID as below, ERR_BUSY: no room in this answer, ask again */
};

/* One peer, and up to where it has received. */
struct fed_out_ask {
    struct span peer;
    int64_t epoch, after;
};

/*
 * A transaction of its own: takes `after` as the receipt for everything up to it (when `epoch` is
 * the stream's), gives the next numbers, and reads the envelopes from after + 1 on. Control goes
 * first, then by age. Rows are the arena's. ERR_INVALID: a receipt for what was never sent.
 */
int fed_out_batch(struct db *db, struct span peer, int64_t epoch, int64_t after, size_t max_rows,
                  struct arena *arena, struct fed_out_batch *out, struct err *e) NODISCARD;
/* The same of up to FED_OUT_BATCHES_MAX peers in one transaction: after something went to thousands of
 * members one commit is for many. out[i].rc says what became of each; an error is of all. */
int fed_out_batches(struct db *db, const struct fed_out_ask *asks, size_t count, size_t max_rows,
                    struct arena *arena, struct fed_out_batch *out, struct err *e) NODISCARD;

/*
 * A new epoch of the stream: everything that has not expired is sent again from number 1. For a
 * peer or a self that went back in time. ERR_INVALID when epoch does not grow.
 */
int fed_out_restart(struct db *db, struct span peer, int64_t epoch, struct err *e) NODISCARD;

/* Id of the envelope that has this number in the stream; empty when no row has it any more. */
int fed_out_id(struct db *db, struct span peer, int64_t seq, char id_out[FED_ROW_ID_LEN + 1],
               struct err *e) NODISCARD;

/* Forgets rows and bodies of envelopes that expired; called now and then. */
int fed_out_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

/* A peer that is no member any more gets nothing: its waiting rows go. */
int fed_out_drop_peer(struct db *db, struct span peer, struct err *e) NODISCARD;

#endif
