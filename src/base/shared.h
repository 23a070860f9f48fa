/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A buffer with several owners, of one thread: freed with the last of them. So that bytes which came over the network can be used
 * where they lie until their window is packed, and need not be copied. Used by receivers and windows, in intake.
 */
#ifndef BASE_SHARED_H
#define BASE_SHARED_H

#include "base/buf.h"

struct shared {
    uint32_t magic;
    uint32_t owners;
    struct buf bytes; /* while there is one owner it may grow, which moves it; from then on it stands */
};

/* One owner. The buffer takes at most max_bytes. */
struct shared *shared_new(size_t max_bytes);
/* One more owner; returns s. */
struct shared *shared_hold(struct shared *s);
/* One owner less, and *s is NULL; NULL is fine. */
void shared_drop(struct shared **s);

#endif
