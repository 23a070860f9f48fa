/* SPDX-License-Identifier: EUPL-1.2 */
/* One direction of a link: see stream.h. */
#include "desk/federation/stream.h"

uint64_t fed_stream_number(struct fed_stream_out *out)
{
    if (out->epoch == 0) {
        out->epoch = 1;
    }
    return ++out->seq;
}

enum fed_refusal fed_stream_receipt(struct fed_stream_out *out, uint64_t epoch, uint64_t seq)
{
    if (epoch != out->epoch || seq > out->seq) {
        return FED_STREAM;
    }
    if (seq > out->acked) {
        out->acked = seq;
    }
    return FED_TAKEN;
}

void fed_stream_restart(struct fed_stream_out *out, uint64_t epoch)
{
    CHECK(epoch > out->epoch);
    *out = (struct fed_stream_out){.epoch = epoch};
}

time_ns fed_stream_pause(size_t members)
{
    return members <= FED_PAUSE_FREE ? 0 : (time_ns)(members - FED_PAUSE_FREE) * FED_PAUSE_EACH_US * 1000;
}

enum fed_meeting fed_stream_meet(const struct fed_stream_out *mine, const struct fed_stream_in *theirs,
                                 struct span id_there, uint64_t *epoch_out)
{
    enum fed_meeting meeting = FED_MEET_FITS;
    if (theirs->epoch > mine->epoch) {
        meeting = FED_MEET_SENDER_BACK; /* it knows an epoch that this end has forgotten */
    } else if (theirs->epoch < mine->epoch) {
        /* It may not have heard of the epoch yet; but what gave a receipt in it has. */
        meeting = mine->acked > 0 ? FED_MEET_RECEIVER_BACK : FED_MEET_FITS;
    } else if (theirs->seq > mine->seq) {
        meeting = FED_MEET_SENDER_BACK;
    } else if (theirs->seq < mine->acked) {
        meeting = FED_MEET_RECEIVER_BACK;
    } else if (theirs->stopped || (theirs->seq > 0 && !span_eq(id_there, span_of(theirs->id)))) {
        meeting = FED_MEET_SENDER_BACK;
    }
    *epoch_out = meeting == FED_MEET_FITS ? mine->epoch
                                          : 1 + (theirs->epoch > mine->epoch ? theirs->epoch : mine->epoch);
    return meeting;
}

enum fed_refusal fed_stream_take(struct fed_stream_in *in, uint64_t epoch, uint64_t seq, struct span id,
                                 bool known)
{
    CHECK(id.len == FED_ID_LEN);
    if (epoch < in->epoch || epoch == 0 || seq == 0) {
        return FED_STREAM;
    }
    if (epoch > in->epoch && seq == 1) {
        *in = (struct fed_stream_in){.epoch = epoch}; /* an epoch opens with its first number */
    }
    if (epoch > in->epoch || (!in->stopped && seq > in->seq + 1)) {
        return FED_GAP;
    }
    /* A number that was used for an envelope that never came: the sender went back and on again. */
    if (in->stopped || (seq == in->seq && !span_eq(id, span_of(in->id))) ||
        (seq < in->seq && !known)) {
        in->stopped = true;
        return FED_TWO_TRUTHS;
    }
    if (seq <= in->seq) {
        return FED_SEEN;
    }
    in->seq = seq;
    memcpy(in->id, id.ptr, FED_ID_LEN);
    in->id[FED_ID_LEN] = '\0';
    return FED_TAKEN;
}
