/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Walking the archive for a hunt: the blocks that may hold events of a stretch of time, in the order (day, block). Headers
 * are read first, bodies only of blocks that fit. Runs in keeper's reader threads and in the reader of `sereno hunt`, one
 * struct archive_reader each.
 */
#ifndef ARCHIVE_WALK_H
#define ARCHIVE_WALK_H

#include "archive/filter.h"

struct archive_walk {
    /* which blocks */
    time_ns from, to;         /* event time, from ≤ t < to; TIME_NONE = open */
    struct span organisation; /* empty = all */
    struct span source;
    int32_t end_day;          /* nothing behind this block: what comes later is not of this walk */
    uint32_t end_block;
    const struct filter_query *query; /* NULL: every block that fits. Else not those which surely hold nothing of it,
                                         lie in the stretch of time with all their records, and have a class */
    void (*skipped)(void *ctx, const struct archive_header *h); /* told of each of those; not NULL when query is not */
    void *ctx;
    uint32_t pause_after;     /* skipped blocks in one call; 0: no pause */
    bool context;             /* also those without a class: they may explain later ones (headers of text logs) */
    /* where it stands: behind this block */
    int32_t day;
    uint32_t block;
};

struct archive_walk_totals {
    uint64_t blocks, events;            /* that fit; events by their headers, so an upper bound */
    int32_t end_day;                    /* newest block of all; 0, 0 in an empty archive */
    uint32_t end_block;
    time_ns retained_from, retained_to; /* receipt, of all blocks; TIME_NONE = empty */
};

enum { ARCHIVE_WALK_PAUSED = 2 };

/* A walk over everything, from the first block on. */
void archive_walk_init(struct archive_walk *w);
/* Whether a block's times, organisation and source fit. */
bool archive_walk_fits(const struct archive_walk *w, const struct archive_header *h);
/*
 * Next block in scratch, and moves on: 1; 0 at the end; ARCHIVE_WALK_PAUSED: pause_after blocks were skipped, call again. body_out->ptr NULL: purged. A day that went meanwhile (retention)
 * is passed over; a header that cannot be read is told as ERR_INVALID once, the walk stands behind it.
 */
int archive_walk_next(struct archive_reader *r, struct archive_walk *w, struct arena *scratch,
                      struct archive_header *header_out, struct span *body_out,
                      struct err *e) NODISCARD;
/* Reads all headers. w->end_* are not looked at: the newest block is what it finds. */
int archive_walk_count(struct archive_reader *r, const struct archive_walk *w,
                       struct archive_walk_totals *out, struct err *e) NODISCARD;

#endif
