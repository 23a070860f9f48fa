/* SPDX-License-Identifier: EUPL-1.2 */
/* What `sereno bench` and its caged measuring child share. */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/engine.h"

enum bench_what { BENCH_PARSE, BENCH_DETECT, BENCH_E2E, BENCH_ARCHIVE, BENCH_HUNT };
enum { BENCH_ROUNDS_MAX = 99, BENCH_CORES_MAX = 64, BENCH_CONNECTIONS = 8, BENCH_CONNECTIONS_MAX = 64, BENCH_VARY_MAX = 10 * 1000 * 1000 /* events */,
       BENCH_RATE_MAX = 1000 * 1000 /* events a second */, BENCH_HOSTS_MAX = 100 * 1000, BENCH_LEVEL_MAX = 19, BENCH_SECONDS_MAX = 86400, BENCH_EVENTS_MAX = 1000 * 1000 * 1000, BENCH_LEVEL = 1 /* as in a node */ };

struct bench_options {
    enum bench_what what;
    bool interleaved;
    uint64_t seed;
    unsigned rounds;
    unsigned cores;       /* as many processes, each on its share of the feed, at the same time */
    unsigned connections; /* e2e: of the sender, for each core */
    const char *only;     /* category of log source: events of others are left out; or NULL */
    uint64_t vary;        /* so many events made from the real ones; 0: the real ones themselves */
    uint64_t rate;        /* events a second (archive: a window every 200 ms); 0: as many as go, windows are always full */
    uint64_t events;      /* e2e, receive: so many are sent; 0: as many as go in `seconds` */
    unsigned seconds;     /* e2e: 0: the feed once */
    unsigned level;       /* archive, hunt: zstd, as windows are packed */
    uint64_t hosts;       /* archive: so many hosts in turn; 0: those of the records */
    bool unique;          /* every value is made different from all others */
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

/* splitmix64: a fixed, well-mixed sequence per seed, so that a feed can be made again anywhere. */
static inline uint64_t bench_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

/* bench_vary.c: changes the values of a JSON record in place, without changing its length or structure. */
struct bench_vary {
    uint64_t random; /* state */
    uint64_t marks;  /* values made unique so far */
    struct arena scratch;
};
/* Digits, long runs of hex digits, and in every second longer value a word: as other events of the same kind differ. */
void bench_vary(struct bench_vary *v, struct span record);
/* Five letters or digits in the middle of every string that has as many become a number never used before. */
void bench_make_unique(struct bench_vary *v, struct span record);

#endif
