/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An export in pages, for those who cannot hold an archive open while somebody takes it: each page goes on where the one before
 * ended, at a record, and all of them together are what `sereno export` writes of the same window, byte for byte. Blocks must stay
 * where they are between two pages: whoever merges meanwhile must say so. Runs on a pool thread of keeper with a reader of its own.
 */
#ifndef ARCHIVE_EXPORT_PAGE_H
#define ARCHIVE_EXPORT_PAGE_H

#include "archive/export.h"
#include "archive/walk.h"

enum {
    EXPORT_PAGE_BYTES = 1 << 20, /* a page ends with the record that comes to them */
    EXPORT_PAGE_BLOCKS = 512,    /* or after so many blocks, whatever of them was asked for */
    EXPORT_PAGE_MAX = EXPORT_PAGE_BYTES + EXPORT_RECORD_MAX,
};

/* What is asked for. Spans are borrowed. */
struct export_window {
    time_ns from, to;         /* of the record's own time, from ≤ t < to; TIME_NONE = open */
    struct span organisation; /* empty = all */
    struct span source;
    enum export_format format;
};

/* Where a page begins: behind that block, or (index > 0) in it, at that record. */
struct export_place {
    int32_t day;
    uint32_t block, index;
    int32_t end_day; /* what comes behind that link is not of this export; block 0: not known yet */
    uint32_t end_block;
};

struct export_counts {
    uint64_t records, damaged, purged; /* the two: of blocks that are left out */
};

void export_place_first(struct export_place *out);
/* Appends to out, moves place on, adds to counts. 1: there may be more; 0: this was the last page; ERR_* of the disk. */
int export_page(struct archive_reader *r, const struct export_window *w, struct export_place *place, struct buf *out,
                struct export_counts *counts, struct err *e) NODISCARD;

/* How both travel between desk and keeper; what is wrong fails the cursor. */
void export_window_encode(struct buf *out, const struct export_window *w);
void export_window_decode(struct cursor *c, struct export_window *out);
void export_place_encode(struct buf *out, const struct export_place *p);
void export_place_decode(struct cursor *c, struct export_place *out);

#endif
