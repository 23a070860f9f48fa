/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Blocks of the archive for one hunt, read on a thread of libuv's pool, so that windows go on being written meanwhile.
 * Runs in keeper: the callbacks on its loop, the reading on the pool with a connection of its own.
 */
#ifndef ROLES_HUNT_READER_H
#define ROLES_HUNT_READER_H

#include <uv.h>

#include "archive/walk.h"
#include "base/vec.h"
#include "flow/hunt/hunt_skips.h"

enum {
    HUNT_READ_BLOCKS = 8,         /* blocks of one step: what waits in memory for a hunter */
    HUNT_READ_BYTES = 8 << 20,    /* packed bytes of one step */
    HUNT_READ_SKIP = 4096,        /* blocks skipped in one step: a hunt that ends waits no longer */
    HUNT_READ_DAMAGED_MAX = 1000, /* headers that cannot be read, of one step */
};

struct hunt_read_block {
    struct span header; /* as archive_header_encode writes it */
    struct span body;   /* ptr NULL: purged */
    int32_t day;
    uint32_t block;
    bool context; /* nothing in it counts */
    struct span skips; /* counts of blocks skipped before it, as hunt_skips_take writes them */
};

struct hunt_reader;

/* After a step, on the loop. The blocks live until the next step. rc ERR_*: e says why the archive cannot be read. */
typedef void hunt_read_done(void *ctx, struct hunt_reader *r, int rc, const struct err *e);

/* walk: where it begins and which blocks; its spans must live as long as the reader. */
struct hunt_reader *hunt_reader_new(uv_loop_t *loop, const char *folder,
                                    const struct archive_walk *walk, hunt_read_done *done,
                                    void *ctx);
/* Waits for nothing: a step that still runs ends by itself, its callback does not come any more. */
void hunt_reader_free(struct hunt_reader **r);

/* Steps; one at a time. */
void hunt_reader_count(struct hunt_reader *r);
void hunt_reader_next(struct hunt_reader *r);
/* From the next step on: blocks in which surely nothing of this is (filter_query_encode) are skipped. Copied.
 * ERR_INVALID. */
int hunt_reader_look_for(struct hunt_reader *r, struct span query, struct err *e) NODISCARD;
/* Counts of blocks skipped behind the last block: once, at the end. */
void hunt_reader_take_skips(struct hunt_reader *r, struct buf *out);
bool hunt_reader_busy(const struct hunt_reader *r);

/* What the last step brought. */
const struct archive_walk_totals *hunt_reader_totals(const struct hunt_reader *r);
const struct hunt_read_block *hunt_reader_blocks(const struct hunt_reader *r, size_t *count_out);
bool hunt_reader_at_end(const struct hunt_reader *r);
/* Blocks passed over because their headers cannot be read, since it began. */
uint64_t hunt_reader_damaged(const struct hunt_reader *r);

#endif
