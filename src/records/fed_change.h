/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What officers of a hub sign, as one transaction: the request that is decided; of who belongs to a
 * circle the new membership, its envelope for every member, and what no longer goes to those who left;
 * of an item that is taken back the tombstone, applied here and passed on. What lacks signatures is
 * only noted as a request that waits. Called by the keeper; the codec also by the desk.
 */
#ifndef RECORDS_FED_CHANGE_H
#define RECORDS_FED_CHANGE_H

#include "records/fed_book.h"
#include "records/fed_enrol.h"
#include "records/fed_out.h"
#include "records/fed_take.h"

enum { FED_CHANGE_LEAVERS_MAX = 64 };

struct fed_change {
    bool request_new;  /* the request is made by this change (an officer's own act) */
    bool has_request;
    struct fed_request_row request;
    bool has_membership;
    struct fed_membership_row membership;
    bool has_out; /* the membership's envelope, for the members as they are now */
    struct fed_out out;
    bool replaces; /* memberships of the circle that still wait for members need not go any more */
    bool has_taken; /* officers' tombstone: taken in here as if it had come */
    struct fed_taken taken;
    uint32_t nleavers;
    struct span leavers[FED_CHANGE_LEAVERS_MAX]; /* nodes that belong to no circle of this hub now */
    struct span who;
};

void fed_change_encode(struct buf *out, const struct fed_change *ch);
void fed_change_decode(struct cursor *c, struct arena *arena, struct fed_change *out);
/* ERR_BUSY: the request was decided meanwhile; ERR_DENIED: the tombstone is refused here. */
int fed_change_apply(struct db *db, const struct fed_change *ch, fed_apply_of *apply_of,
                     time_ns now, struct err *e) NODISCARD;

#endif
