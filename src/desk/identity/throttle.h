/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Slows down guessing of passwords, per account and per address. Failures are counted per (account,
 * address), per address and per account; beyond a few free ones each further failure doubles the
 * wait. The account count alone waits at most ACCOUNT_WAIT_MAX_S, so that a stranger cannot lock
 * somebody out for long. Pure: the caller brings the clock. In the desk's memory only, bounded; a
 * restart forgets.
 */
#ifndef DESK_IDENTITY_THROTTLE_H
#define DESK_IDENTITY_THROTTLE_H

#include <stdint.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/span.h"

enum {
    THROTTLE_SLOTS = 8192,      /* remembered at once; the stalest makes room */
    THROTTLE_FREE_PAIR = 5,     /* failures of one account from one address before waits begin */
    THROTTLE_FREE_ADDRESS = 20, /* a town hall behind one address has many people who mistype */
    THROTTLE_FREE_ACCOUNT = 20,
    THROTTLE_WAIT_MAX_S = 900,
    THROTTLE_ACCOUNT_WAIT_MAX_S = 30,
    THROTTLE_FORGET_S = 3600, /* without a failure */
    THROTTLE_FLIGHT_S = 30,   /* a try of which nothing was heard so long is over */
};

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle **t);
/* Seconds to wait before a password of this account may be tried from this address; 0 = now. */
int64_t throttle_wait_s(const struct throttle *t, struct span account, struct span address,
                        time_ns now);
/*
 * As throttle_wait_s; where it may be tried now, a try begins, which one of the three below ends. Tries that are under way count as failures do until it
 * is known: many at the same moment are no more than one after another. Once waits have begun there is one at a time.
 */
int64_t throttle_try(struct throttle *t, struct span account, struct span address, time_ns now) NODISCARD;
/* It was not tried after all, or says nothing. */
void throttle_void(struct throttle *t, struct span account, struct span address);
void throttle_failed(struct throttle *t, struct span account, struct span address, time_ns now);
/* A right password: forgets this account's failures from this address. */
void throttle_passed(struct throttle *t, struct span account, struct span address);

#endif
