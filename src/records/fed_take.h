/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Taking envelopes in, many at once (docs/FEDERATION.md §2, §4): stored exactly, applied by their
 * type, passed on to other members, and the stream's place noted, all in one transaction, so that
 * what a sender was told is taken survives. What the desk decided about each comes with it. Called by
 * the keeper; the codec also by the desk.
 */
#ifndef RECORDS_FED_TAKE_H
#define RECORDS_FED_TAKE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"
#include "records/fed_envelope.h"
#include "records/fed_out.h"

enum { FED_TAKE_MAX = 4096 /* envelopes of one transaction */ };

struct fed_taken {
    int64_t stream_epoch, seq; /* seq 0: not from a stream (made here, or from a file) */
    struct fed_envelope_row row; /* row.peer: whose stream; state as the desk decided */
    struct span digest;          /* what the type's verify function read out of the body */
    /* To whom it is passed on; npeers 0 = nobody. Class, reason and audience count, the rest is the
     * envelope's own. */
    const struct span *peer;
    size_t npeers;
    enum fed_out_class class;
    struct span relay_reason, audience;
};

void fed_taken_encode(struct buf *out, const struct fed_taken *t);
void fed_taken_decode(struct cursor *c, struct arena *arena, struct fed_taken *out);

/*
 * What a type does, inside the transaction. It looks first and changes after: with ERR_INVALID,
 * ERR_DENIED or ERR_NOT_FOUND nothing was changed, and the envelope is kept as refused with e's text;
 * anything else undoes the whole batch. `digest` is its verify function's.
 */
typedef int fed_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                      time_ns now, struct err *e);
typedef fed_apply *fed_apply_of(struct span type);

/* What became of one: "" state = as the desk said, and it was new. */
struct fed_outcome {
    bool fresh;               /* it was not known before, and is applied now if it may be */
    struct span state, reason; /* as stored */
};

/* Outcomes are the arena's. Inside a transaction … */
int fed_take_within(struct db *db, const struct fed_taken *list, size_t count,
                    fed_apply_of *apply_of, time_ns now, struct arena *arena,
                    struct fed_outcome *out, struct err *e) NODISCARD;
/* … and as one of its own. */
int fed_take(struct db *db, const struct fed_taken *list, size_t count, fed_apply_of *apply_of,
             time_ns now, struct arena *arena, struct fed_outcome *out, struct err *e) NODISCARD;

#endif
