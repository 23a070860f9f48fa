/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What all receivers share: how a record is handed on. A receiver knows bytes, framing and who sent
 * them, nothing of what they mean. It runs in intake, on its one thread and loop; every receiver
 * can be paused (back-pressure).
 */
#ifndef FLOW_RECEIVE_RECEIVE_H
#define FLOW_RECEIVE_RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/shared.h"
#include "base/span.h"
#include "event/drops.h"

enum {
    RECEIVE_LINE_MAX = 64 * 1024, /* one syslog message or text line from the network */
    RECEIVE_EVENT_MAX =
        1024 * 1024,          /* one event in files, the journal and HTTP bodies, DESIGN §4 */
    RECEIVE_ADDRESS_MAX = 64, /* text of a sender's address */
};

/* One record as it was received; spans are good during the call only, but for what `held` says. */
struct receive_record {
    struct span bytes;
    struct shared *held; /* bytes lie in there, for whoever holds it too (shared_hold); NULL: in nothing that lasts */
    uint32_t source; /* which configured source brought it: decided by listener or token, never by
                        content */
    struct span sender;
    time_ns received;
    bool cut;    /* longer than its limit: the rest is gone, and counted */
    bool broken; /* not a record of its format (half a JSON value): kept as it is */
};

struct receive_sink {
    void *ctx;
    /* True: it was understood. False: it is kept all the same, tagged, and counted as bad. */
    bool (*record)(void *ctx, const struct receive_record *r);
    /* Lost before we could read them, or refused at the door: counted, never silent. */
    void (*dropped)(void *ctx, uint32_t source, enum drop_cause why, uint64_t count);
    /* True: this source has enough on its way already, and is to be read again later. NULL: never. */
    bool (*waits)(void *ctx, uint32_t source);
    /* Bytes of this source are being handled from now on, or (begins false) no more; calls nest. NULL: nobody cares. */
    void (*handles)(void *ctx, uint32_t source, bool begins);
};

static inline void receive_handles(const struct receive_sink *sink, uint32_t source, bool begins)
{
    if (sink->handles != NULL) {
        sink->handles(sink->ctx, source, begins);
    }
}

/*
 * How much is read at a time: bytes of a stream, or datagrams. A rule may make each record dear, and an intake that does not
 * come round counts as hung: so a receiver gives others their turn after RECEIVE_TURN_MS, and one read is never much more
 * than takes RECEIVE_STEP_MS. UDP, TCP and files keep to this; a body of HTTP is one record after another, once it is whole.
 */
enum {
    RECEIVE_TURN_MS = 100,
    RECEIVE_STEP_MS = 10,
    RECEIVE_STEP_MIN = 1024, /* bytes of one read of a stream, at first and where records are dear */
};
struct receive_pace {
    size_t step; /* to read next */
    size_t min, max;
    time_ns end;   /* of this turn; monotonic */
    time_ns begun; /* the step */
};

static inline void receive_pace_init(struct receive_pace *p, size_t min, size_t max)
{
    *p = (struct receive_pace){.step = min, .min = min, .max = max};
}

/* Reading begins; turn: it is a new one, not the rest of the last. */
static inline void receive_pace_begin(struct receive_pace *p, bool turn)
{
    p->begun = clock_mono();
    p->end = turn ? p->begun + RECEIVE_TURN_MS * (TIME_SECOND / 1000) : p->end;
}

/* So much came, of p->step that was asked for, and its records were handed on. True: read on, there is more and time. */
static inline bool receive_pace_goes_on(struct receive_pace *p, size_t came)
{
    static const time_ns most = RECEIVE_STEP_MS * (TIME_SECOND / 1000);
    time_ns now = clock_mono();
    time_ns took = now - p->begun;
    bool full = came >= p->step;
    if (took > most) {
        size_t fits = (size_t)((double)came * (double)most / (double)took);
        p->step = fits < p->min ? p->min : fits;
    } else if (full && took < most / 2) {
        p->step = p->step > p->max / 2 ? p->max : 2 * p->step;
    }
    p->begun = now;
    return full && now < p->end;
}

struct sockaddr;
/* "192.0.2.1", "2001:db8::1" (mapped IPv4 as IPv4), without port; "" for anything else. Returns a
 * span into out. */
struct span receive_address(const struct sockaddr *address, char out[RECEIVE_ADDRESS_MAX]);

#endif
