/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How many cases a generated test tries. Called by tests only: SERENO_CASES says so for all of them (.ci/run 100,000,
 * `make prove` a million), else each test's own number keeps `make test` quick.
 */
#ifndef BASE_TEST_CASES_H
#define BASE_TEST_CASES_H

#include <stdint.h>
#include <stdlib.h>

static inline uint64_t test_cases(uint64_t otherwise)
{
    const char *s = getenv("SERENO_CASES");
    uint64_t n = s == NULL ? 0 : strtoull(s, NULL, 10);
    return n == 0 ? otherwise : n;
}

#endif
