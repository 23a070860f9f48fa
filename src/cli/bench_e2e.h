/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno bench e2e`: the feed through a real node, until all of it is durable. */
#ifndef CLI_BENCH_E2E_H
#define CLI_BENCH_E2E_H

#include "cli/bench_archive.h"
#include "os/listen.h"

enum {
    BENCH_BATCH_EVENTS = 1000,      /* of one POST, as collectors gather them */
    BENCH_BATCH_BYTES = 4 << 20,    /* ... and no more than this, but for one event */
};

/* One body of the feed. */
struct bench_batch {
    uint64_t at;
    uint32_t len, events;
};

/* The feed, cut into batches, in memory that the processes of a measurement share. */
struct bench_feed {
    uint64_t events, bytes, matches; /* of it all; matches as `bench detect` finds them */
    uint64_t nbatches;
    const struct bench_batch *batches;
    const char *data;
    void *map;
};
/* A caged child reads the files, lays them out and tries every rule once; kept until bench_feed_free. */
int bench_feed_make(const struct bench_options *o, const struct engine *engine, struct bench_feed *out, struct err *e) NODISCARD;
void bench_feed_free(struct bench_feed *f);

/* What the sending process did. */
struct bench_sent {
    uint64_t events, bytes, batches, bad; /* acked; bad: kept, not understood */
    uint64_t again;                       /* answered 429, and sent once more */
    double wall_s, cpu_s;                 /* from the first byte to the last ack; of the sender */
    char error[256];
};
/* Sends by as many connections as cores ask for, at the options' rate, for their seconds or events, in a process of its own. */
int bench_send(const struct bench_options *o, const struct bench_feed *f, const struct listen_address *to, const char *token,
               struct bench_sent *out, struct err *e) NODISCARD;

/* Measure and print; 0 or an error. */
int bench_e2e(const struct bench_options *o, const struct engine *engine, const struct bench_text *t, const char *const *rules,
              size_t nrules, struct err *e) NODISCARD;

#endif
