/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a node knows of circles, their members, the hubs it is linked to, and the streams between
 * (docs/FEDERATION.md §3, §4): memberships exactly as signed, and unfolded for lists. Called by the
 * keeper; the rows also travel to the desk by records/fed_ask.h.
 */
#ifndef RECORDS_FED_BOOK_H
#define RECORDS_FED_BOOK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    FED_EPOCHS_KEPT = 64,   /* memberships of one circle in the records; older ones say nothing new */
    FED_EPOCHS_LOADED = 8,  /* of these, what the desk keeps in memory */
    FED_CIRCLES_MAX = 256,  /* of one node */
    FED_LINKS_MAX = 64,     /* hubs of one node */
    FED_STREAMS_MAX = 20000 /* peers of a hub, both ways */
};

/* One hub that this node is, or will be, a member of. state: "waiting" (for approval), "up",
 * "refused". */
#define FED_LINK_SPANS(X)                                                                          \
    X(hub) X(organisation) X(url) X(name) X(state) X(sign) X(seal) X(pin) X(request) X(certificate) \
        X(problem)
#define FED_LINK_NUMBERS(X) X(created) X(contact)
struct fed_link_row {
#define X(name) struct span name;
    FED_LINK_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_LINK_NUMBERS(X)
#undef X
};

/* Half of a stream: way 0 what goes to the peer, 1 what comes from it. */
#define FED_STREAM_SPANS(X) X(peer) X(id)
#define FED_STREAM_NUMBERS(X)                                                                      \
    X(way) X(epoch) X(seq) X(acked) X(waiting) X(bytes) X(dropped) X(contact)
struct fed_stream_row {
#define X(name) struct span name;
    FED_STREAM_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_STREAM_NUMBERS(X)
#undef X
};

struct fed_member_row {
    struct span node, org, sign, seal, classes, state;
    int64_t since;
};

struct fed_membership_row {
    struct span circle, organisation, hub, name, class;
    bool own; /* this node is its hub */
    int64_t epoch, issued, expires;
    struct span body; /* as signed */
    const struct fed_member_row *members;
    uint32_t nmembers;
};

/* Inside a transaction: a new epoch of a circle, or the same again (nothing happens). ERR_INVALID
 * for an epoch that is lower than what is known. */
int fed_membership_put(struct db *db, const struct fed_membership_row *m, time_ns now,
                       struct err *e) NODISCARD;
void fed_membership_encode(struct buf *out, const struct fed_membership_row *m);
void fed_membership_decode(struct cursor *c, struct arena *arena, struct fed_membership_row *out);

/* What the envelope type "membership" does (fed_take.h): its digest is a fed_membership_encode. */
struct fed_envelope_row;
int fed_member_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                     time_ns now, struct err *e) NODISCARD;

/* Writes for each circle: str id, u8 own, str organisation, u32 n, n memberships (str) newest first. */
int fed_circles_write(struct db *db, struct buf *out, struct err *e) NODISCARD;

/* Puts a link in the place of the one with the same hub. A change of a person: who is for the audit
 * trail; empty = none is written. */
int fed_link_put(struct db *db, const struct fed_link_row *link, struct span who, time_ns now,
                 struct err *e) NODISCARD;
void fed_link_encode(struct buf *out, const struct fed_link_row *row);
void fed_link_decode(struct cursor *c, struct fed_link_row *out);
/* u32 n, n links. */
int fed_links_write(struct db *db, struct buf *out, struct err *e) NODISCARD;

void fed_stream_encode(struct buf *out, const struct fed_stream_row *row);
void fed_stream_decode(struct cursor *c, struct fed_stream_row *out);
/* u32 n, n streams. */
int fed_streams_write(struct db *db, struct buf *out, struct err *e) NODISCARD;
/* Where the receiving half stands; inside a transaction. */
int fed_stream_took(struct db *db, struct span peer, int64_t epoch, int64_t seq, struct span id,
                    time_ns now, struct err *e) NODISCARD;

#endif
