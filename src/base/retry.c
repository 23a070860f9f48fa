/* SPDX-License-Identifier: EUPL-1.2 */
/* Pauses between tries: see retry.h. */
#include "base/retry.h"

#include <sodium.h>

#include "base/check.h"

int64_t retry_pause_ms(int64_t first_ms, int64_t most_ms, unsigned failures, uint32_t chance)
{
    CHECK(first_ms > 0 && most_ms >= first_ms && most_ms <= INT64_C(1) << 31);
    int64_t ms = first_ms;
    for (unsigned i = 1; i < failures && ms < most_ms; i++) {
        ms *= 2;
    }
    ms = ms > most_ms ? most_ms : ms;
    return ms - ms / 4 + (int64_t)((uint64_t)(ms / 2 + 1) * chance >> 32);
}

int64_t retry_random_ms(int64_t first_ms, int64_t most_ms, unsigned failures)
{
    return retry_pause_ms(first_ms, most_ms, failures, randombytes_random());
}
