/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The rules and sources as a command of the command line uses them: files are read here, parsed and compiled in a
 * sandboxed child, and the compiled region is sealed and mapped read-only by sandboxed workers. The command itself
 * never looks into the region.
 */
#ifndef CLI_ENGINE_H
#define CLI_ENGINE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"
#include "base/vec.h"
#include "roles/compile.h"

struct engine_refused {
    struct span file;
    uint32_t line;
    struct span reason;
};

struct engine {
    struct arena arena;
    struct bundle bundle;
    int memfd;
    void *address; /* where the region is mapped in every process that uses it */
    size_t size;
    /* what the compile step told */
    uint32_t rules, correlations, filters, unreachable;
    uint64_t region_bytes;
    double seconds;
    VEC(struct engine_refused) refused;
    VEC(struct engine_refused) warnings;
};

void engine_init(struct engine *en);
void engine_free(struct engine *en);

/* Adds the folders and files given, or the shipped ones when none are. */
int engine_add(struct engine *en, enum bundle_kind kind, const char *const *paths, size_t count,
               struct err *e) NODISCARD;

/* Compiles in a sandboxed child. Refused rules do not fail it: see en->refused. */
int engine_compile(struct engine *en, const struct compile_options *options, struct err *e) NODISCARD;

/* In a worker: maps the sealed region read-only. */
const struct compiled *engine_map(const struct engine *en, struct err *e);

/* One line per refused rule and unreadable file, "file:line: reason", to stderr; returns how many. */
size_t engine_print_refused(const struct engine *en);
/* Warnings likewise; at most `most`, then a line that counts the rest. */
void engine_print_warnings(const struct engine *en, size_t most);

#endif
