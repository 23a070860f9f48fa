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
};

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle **t);
/* Seconds to wait before a password of this account may be tried from this address; 0 = now. */
int64_t throttle_wait_s(const struct throttle *t, struct span account, struct span address,
                        time_ns now);
void throttle_failed(struct throttle *t, struct span account, struct span address, time_ns now);
/* A right password: forgets this account's failures from this address. */
void throttle_passed(struct throttle *t, struct span account, struct span address);

#endif
