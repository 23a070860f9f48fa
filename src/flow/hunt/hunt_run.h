/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Running a hunt: blocks of the archive go in, one after another; a result comes out. The same normaliser and matcher as
 * on the live stream, so the verdicts are the same. Everything that was counted so far can be taken out as bytes (a
 * tally) and put back into a new run, which then goes on behind the same block: nothing is counted twice.
 * Runs in the sandboxed hunter, and in the sandboxed worker of `sereno hunt`.
 */
#ifndef FLOW_HUNT_HUNT_RUN_H
#define FLOW_HUNT_HUNT_RUN_H

#include "archive/archive.h"
#include "flow/hunt/hunt.h"
#include "flow/hunt/hunt_plan.h"
#include "flow/hunt/hunt_result.h"
#include "flow/normalise/sources.h"

struct hunt_run;

/* Everything is borrowed until hunt_run_free. ERR_INVALID: the rule set does not work here. */
struct hunt_run_parts {
    const struct hunt *hunt;
    const struct catalog *catalog;
    const struct ruleset *ruleset;
    const struct hunt_plan *plan;
};
int hunt_run_new(const struct hunt_run_parts *parts, struct hunt_run **out,
                 struct err *e) NODISCARD;
void hunt_run_free(struct hunt_run **run);

/* How a source of the config is read, for records that do not say it; texts are copied. */
void hunt_run_source(struct hunt_run *run, struct span name, enum source_format format,
                     struct span as);

enum hunt_block_use {
    HUNT_BLOCK_COUNT,   /* look for everything in it */
    HUNT_BLOCK_CONTEXT, /* only headers that later records need, nothing counts */
};
/* One block as archive_read_block gives it: decoded header, packed body; body.ptr NULL = purged. */
void hunt_run_block(struct hunt_run *run, const struct archive_header *header, struct span body,
                    enum hunt_block_use use);

/*
 * What the rest of the archive's blocks must hold to be worth reading (filter_query_encode), once that is known: true and
 * appended to out, once. Not when rules or a search are part of it, nor before a value of each kind looked for was seen:
 * "clean" rests on that.
 */
bool hunt_run_needs(struct hunt_run *run, struct buf *out) NODISCARD;
/* Blocks that were not handed in because their token filters hold none of these needs: hunt_skips_take. ERR_INVALID. */
int hunt_run_skipped(struct hunt_run *run, struct span skips, struct err *e) NODISCARD;

/* Blocks that nobody could hand in: told with those that could not be unpacked. */
void hunt_run_damaged(struct hunt_run *run, uint64_t count);

struct hunt_run_progress {
    uint64_t blocks, events, matches;
};
void hunt_run_progress(const struct hunt_run *run, struct hunt_run_progress *out);

/* What the archive holds, for the coverage told. */
void hunt_run_retained(struct hunt_run *run, time_ns from, time_ns to);

void hunt_run_tally(const struct hunt_run *run, struct buf *out);
/* Into a run that has seen nothing. ERR_INVALID: of other rules or sources; start again, with an empty run. */
int hunt_run_restore(struct hunt_run *run, struct span tally, struct err *e) NODISCARD;

/* final: all blocks were given. Else what matched so far only. */
void hunt_run_result(struct hunt_run *run, bool final, struct buf *out);

#endif
