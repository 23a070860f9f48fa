/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What `sereno bench archive` and `sereno bench hunt` share: the feed on the way that it takes in a node, into day files on
 * disk. Two caged processes, as there: one reads records and packs windows, one writes, merges and opens files.
 */
#ifndef CLI_BENCH_ARCHIVE_H
#define CLI_BENCH_ARCHIVE_H

#include "cli/bench.h"
#include "wire/json_write.h"

/* Sent through a pipe as it is. CPU in seconds. */
struct bench_kept {
    uint64_t events, bytes; /* of originals */
    uint64_t windows, blocks, packs;
    uint64_t kept_bytes, merged_bytes; /* of day files in use, before and after merging */
    uint64_t filters, filter_bytes;
    double parse_s, pack_s;         /* records into slots; windows sorted, packed and handed on */
    double write_s, write_wall_s;   /* one transaction a window, durable */
    double merge_s, filter_s;       /* merging as a whole; what of it makes filters, measured alone */
    char error[512];
};

/* Writes all into data_dir/archive, which is empty; merge: small blocks and filters too, else merged_bytes stays 0. */
int bench_keep(const struct bench_options *o, const struct engine *engine, const char *data_dir, bool merge,
               struct bench_kept *out, struct err *e) NODISCARD;

/* A folder of its own for one run, below TMPDIR or /var/tmp, with what `sereno hunt` asks for; 0 or ERR_IO. */
enum { BENCH_FOLDER_MAX = 256 };
int bench_folder_make(char out[BENCH_FOLDER_MAX], struct err *e) NODISCARD;
void bench_folder_drop(const char *folder);

struct bench_text {
    const char *cpu, *build;
    bool json;
};
/* Begins the object that --json prints: which bench, of what feed, on what. The caller ends it. */
void bench_json_head(struct json_writer *j, struct span name, const struct bench_options *o, const struct bench_text *t);
/* Measure and print; 0 or an error. */
int bench_archive(const struct bench_options *o, const struct engine *engine, const struct bench_text *t,
                  struct err *e) NODISCARD;
/* rules: folders and files for "every rule"; without any that case is left out. */
int bench_hunt(const struct bench_options *o, const struct engine *engine, const struct bench_text *t,
               const char *const *rules, size_t nrules, struct err *e) NODISCARD;

#endif
