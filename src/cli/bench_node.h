/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A real node for `sereno bench e2e`: this very program as `serve`, in a folder of its own below TMPDIR, on loopback, with its
 * sandbox, its durable archive and the rules given. What it costs is read from /proc.
 */
#ifndef CLI_BENCH_NODE_H
#define CLI_BENCH_NODE_H

#include <sys/types.h>

#include "cli/bench_archive.h"
#include "os/listen.h"

enum { BENCH_ROLES = 16 /* kinds of processes of a node */, BENCH_TOKEN_BYTES = 64 };

struct bench_node {
    char folder[BENCH_FOLDER_MAX];
    char token[BENCH_TOKEN_BYTES]; /* of POST /ingest */
    struct listen_address ingest;
    pid_t pid; /* of super; 0: none runs */
};

/* CPU seconds, peak resident bytes, of all processes of one role. */
struct bench_role {
    char name[16];
    double cpu_s;
    uint64_t peak_bytes;
};

/* Starts it and waits until it serves with all rules in use and does nothing more. cores: so many intakes, on so many cores. */
int bench_node_start(struct bench_node *n, unsigned cores, const char *const *rules, size_t nrules, struct err *e) NODISCARD;
/* As of now; count_out at most BENCH_ROLES. */
int bench_node_roles(const struct bench_node *n, struct bench_role out[BENCH_ROLES], size_t *count_out, struct err *e) NODISCARD;
/* What it says of itself: rules in use, alerts stored, records of all sources that it counts as dropped. */
struct bench_told {
    uint64_t rules, alerts, dropped;
};
int bench_node_status(const struct bench_node *n, struct bench_told *out, struct err *e) NODISCARD;
/* Ends it as a service manager does; what it kept stays. ERR_IO: it did not end well. */
int bench_node_stop(struct bench_node *n, struct err *e) NODISCARD;
/* Events and bytes of its archive, counted in its day files. When it has ended. */
int bench_node_kept(const struct bench_node *n, uint64_t *events_out, uint64_t *bytes_out, struct err *e) NODISCARD;
/* Removes all of it; ends it first where that was not done. */
void bench_node_drop(struct bench_node *n);

#endif
