/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno bench correlate`: see bench_correlate.c. Needs no input: its events are made. */
#ifndef CLI_BENCH_CORRELATE_H
#define CLI_BENCH_CORRELATE_H

#include <stdbool.h>
#include <stdint.h>

enum { BENCH_CORRELATE_ROUNDS_MAX = 99 };

/* Measures in a caged child and prints a table or one JSON object. Returns the exit status. */
int bench_correlate(uint64_t seed, unsigned rounds, bool json);

#endif
