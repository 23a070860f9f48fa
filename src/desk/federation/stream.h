/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One direction of a link (docs/FEDERATION.md §4): the sender numbers what it sends, 1, 2, 3 … within
 * an epoch; the receiver takes exactly the next one. Numbers are for order and receipts only: that
 * nothing is doubled is the envelope id's doing, that nothing is lost is the outbox's, which keeps
 * what was received until it expires. So whenever the two ends do not fit, because an older copy of
 * a data folder was put back at either, the sender opens a new epoch and sends all it has again.
 *
 *   before the first push after a (re)connect, and whenever an answer surprises: fed_stream_meet
 *   sender                     fed_stream_number … fed_stream_receipt
 *   receiver, per envelope     fed_stream_take, in the transaction that applies it
 *
 * What must hold outside: what was sent before a hello is dead after it. The hub answers no hello while
 * it keeps a push of that node, and parts with a sender whose numbers stand for something else than what
 * it has (engine_hub.c); a long poll ends when its node speaks anew.
 * Pure; who calls it keeps the structs with what they count, in one transaction.
 */
#ifndef DESK_FEDERATION_STREAM_H
#define DESK_FEDERATION_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/span.h"
#include "desk/federation/limits.h"
#include "desk/federation/refusal.h"

/* The sending end. Zeroed = nothing was ever sent. */
struct fed_stream_out {
    uint64_t epoch; /* 0 = none yet */
    uint64_t seq;   /* last number given */
    uint64_t acked; /* all up to it were received */
};

/* The receiving end. Zeroed = nothing was ever received. */
struct fed_stream_in {
    uint64_t epoch;
    uint64_t seq;              /* last one taken */
    char id[FED_ID_LEN + 1];   /* of that envelope; "" when seq is 0 */
    bool stopped;              /* the sender said two things: nothing more until a new epoch */
};

/* ---- sender ---- */

/* The number of the next envelope. The first opens epoch 1. */
uint64_t fed_stream_number(struct fed_stream_out *out);
/* The receiver has all up to seq. FED_STREAM: of another epoch, or of what was never sent (then
 * meet again): nothing changed. */
enum fed_refusal fed_stream_receipt(struct fed_stream_out *out, uint64_t epoch, uint64_t seq) NODISCARD;
/* A new epoch: everything that has not expired is numbered again from 1. */
void fed_stream_restart(struct fed_stream_out *out, uint64_t epoch);

/*
 * How long a member that was just given news waits for more, in nanoseconds. With few members nobody waits; with
 * many, what comes meanwhile goes with one answer, so that all together are given at most 2,000 answers a second:
 * 300 members wait 0.1 s, 4,000 wait 2 s. What comes to a member that was given nothing for so long goes at once.
 */
time_ns fed_stream_pause(size_t members);

enum fed_meeting {
    FED_MEET_FITS,          /* go on behind the receiver's seq */
    FED_MEET_SENDER_BACK,   /* this end has gone back in time, or parted from what it said */
    FED_MEET_RECEIVER_BACK, /* the other end has lost what it gave a receipt for */
};

/*
 * At hello, on the sender's side: `theirs` is what the receiver says; id_there the id that this end
 * gave that number (epoch and seq of theirs), "" when it knows none. FITS: *epoch_out is the present
 * epoch, and all up to theirs.seq is received. Else *epoch_out is the new epoch to restart with,
 * greater than both.
 */
enum fed_meeting fed_stream_meet(const struct fed_stream_out *mine, const struct fed_stream_in *theirs,
                                 struct span id_there, uint64_t *epoch_out) NODISCARD;

/* ---- receiver ---- */

/*
 * May this envelope be taken now? `known`: its id was here before, by whatever number. FED_TAKEN: yes, and `in` has moved (whether it is applied, refused
 * or seen before is the envelope's matter). FED_SEEN: it was taken under this number. FED_GAP: one
 * before it is missing; ask again behind in->seq. FED_STREAM: of an older epoch. FED_TWO_TRUTHS:
 * another content under the same number; the stream has stopped.
 */
enum fed_refusal fed_stream_take(struct fed_stream_in *in, uint64_t epoch, uint64_t seq, struct span id,
                                 bool known) NODISCARD;

#endif
