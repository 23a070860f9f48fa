/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Pauses between tries of something that failed elsewhere: they double, and each is a quarter more or less by chance, so that
 * many nodes that failed at the same moment do not come back at the same moment. Used by whatever connects out.
 */
#ifndef BASE_RETRY_H
#define BASE_RETRY_H

#include <stdint.h>

/*
 * Milliseconds to wait after so many failures in a row (0 counts as 1): first_ms, doubled with each further one, at most
 * most_ms (at most 2^31); of that three quarters to five quarters, evenly, as `chance` lies in 0 to 2^32 - 1. Pure.
 */
int64_t retry_pause_ms(int64_t first_ms, int64_t most_ms, unsigned failures, uint32_t chance);

/* The same by a chance of its own. */
int64_t retry_random_ms(int64_t first_ms, int64_t most_ms, unsigned failures);

#endif
