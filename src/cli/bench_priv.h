/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to the measuring children of `sereno bench`: the feed in memory. bench_child.c makes it, all of them read it. */
#ifndef CLI_BENCH_PRIV_H
#define CLI_BENCH_PRIV_H

#include "cli/bench.h"
#include "flow/normalise/normalise.h"

enum { BENCH_FILES_MAX = 4096 };

/* A record; of event log files a chunk, since its records need its templates. */
struct bench_record {
    size_t at;
    uint32_t len;
    uint32_t stream; /* index into streams */
    uint32_t events;
};

struct bench {
    const struct bench_options *o;
    struct buf bytes; /* all records, in feed order once shuffled */
    VEC(struct bench_record) records;
    VEC(struct stream) streams;
    const struct compiled *compiled;
    struct normaliser *normaliser;
    struct matcher *matcher;
    struct event ev;
    struct evtx *evtx; /* reads the chunk at hand */
    uint64_t events;   /* of this process's share */
    uint64_t share_bytes;
    uint64_t matches;
    struct arena temp;
    int fds[BENCH_FILES_MAX]; /* of this process: offsets are its own */
    unsigned part;            /* of o->cores */
    struct meeting *meeting;
};

/* Cages the process, then loads and lays out all inputs; b->o, part and meeting are set. */
int bench_prepare(struct bench *b, const struct engine *engine, struct err *e) NODISCARD;
struct span bench_record_at(const struct bench *b, size_t i);
/* CLASS_NONE: none, or a chunk of an event log file. The event stays in b->ev. */
class_id bench_class(struct bench *b, const struct bench_record *r);
/* CPU seconds of this thread. */
double bench_now_cpu(void);

#endif
