/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Merging small blocks. A quiet node commits a window every 200 ms, so its blocks hold a few records each and pack badly.
 * Later, beside the watch, the records of many small blocks of one organisation, source and class are sorted by host and
 * packed anew into few large ones (packs). Addresses stay: a pack knows of each record in which block and at which index it
 * lay.
 *
 * The chain stays too, without trust in whoever merged: a block's header follows from its records (block_header_again), so
 * merging takes only blocks whose header it can make again byte for byte, drops those headers, and `sereno verify` makes
 * them again and walks the same chain, past the same seals. Nothing is signed anew, and nothing has to be.
 *
 * Token filters (filter.h) are made here too, of the packs and of the large blocks that stay as they are: this is the one
 * place where every record passes once and nobody waits for it.
 *
 * archive_merge_prepare reads and packs and may run on any thread with a reader of its own; archive_merge_commit is one
 * transaction of the writer: before it the old blocks stand, after it the packs, in a crash either.
 */
#ifndef ARCHIVE_MERGE_H
#define ARCHIVE_MERGE_H

#include <stdatomic.h>

#include "archive/archive.h"

enum {
    MERGE_LEVEL = 6,                       /* zstd: a fifth smaller than 2, for four times its time */
    MERGE_SMALL_BYTES = 256 * 1024,        /* originals: a block from here on is let be */
    MERGE_UNIT_BYTES = 8 * 1024 * 1024,    /* originals sorted together: memory of merging and verifying */
    MERGE_UNIT_RECORDS = 131072,
    MERGE_STRETCH_BYTES = 64 * 1024 * 1024, /* originals in small blocks that a stretch waits for */
    MERGE_FILTERS_MAX = 1024, /* large blocks of a stretch: 20 KB of filter each at most, written in one go */
};

struct merge; /* one stretch, packed anew, not yet written */

struct merge_options {
    int level;            /* zstd */
    uint64_t wait_bytes;  /* originals in small blocks that must be there before an open day is merged */
    uint32_t links_max;   /* of a stretch, at most STRETCH_LINKS_MAX; 0 = that */
    uint32_t filters_max; /* of a stretch, at most MERGE_FILTERS_MAX; 0 = that */
    bool closed;          /* nothing comes to this day any more: take what there is */
    /* Whether later records of its source may need this record to be read (a header of a text log): such records keep
     * their order with the others of their source. Only records without a class are asked about. */
    bool (*explains)(const struct archive_record *r);
    unsigned rest;        /* after each unit it sleeps so many times as long as the unit took */
    const atomic_bool *stop; /* may be NULL: set, prepare ends soon with 0 */
};

/* The oldest stretch of `day` that is not merged yet: 1 with *out, 0 when none is due. ERR_*. */
int archive_merge_prepare(struct archive_reader *r, int32_t day, const struct merge_options *o,
                          struct merge **out, struct err *e) NODISCARD;
struct merge_totals {
    uint64_t blocks, packs, records;
    uint64_t bytes_before, bytes_after; /* of bodies */
    uint64_t filters, filter_bytes;
};
void archive_merge_totals(const struct merge *m, struct merge_totals *out);
/* Durable when it returns 0. ERR_BUSY: the file changed since; prepare again. */
int archive_merge_commit(struct archive *a, const struct merge *m, struct err *e) NODISCARD;
void archive_merge_free(struct merge **m);

#endif
