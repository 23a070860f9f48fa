/* SPDX-License-Identifier: EUPL-1.2 */
/* What `sereno bench` and its caged measuring child share. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/engine.h"

enum bench_what { BENCH_PARSE, BENCH_DETECT };
enum { BENCH_ROUNDS_MAX = 99 };

struct bench_options {
    enum bench_what what;
    bool interleaved;
    uint64_t seed;
    unsigned rounds;
    const int *fds; /* inputs, opened before the cage */
    size_t nfds;
};

struct bench_figure {
    double cpu_s; /* median of the rounds */
    double wall_s;
    double best_s; /* CPU of the quickest round: what a loaded machine disturbs least */
};

/* Sent through a pipe as it is: same program on both sides. */
struct bench_result {
    uint64_t events, bytes, rules, matches, candidates, peak_rss;
    struct bench_figure parse, detect;
    char error[512];
};

/* Measures and writes a struct bench_result to `out`; never returns. */
_Noreturn void bench_child(const struct bench_options *o, const struct engine *engine, int out);

#endif
