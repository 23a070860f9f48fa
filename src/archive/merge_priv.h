/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to archive/: what merge.c, merge_unit.c and merge_filter.c share. */
#ifndef ARCHIVE_MERGE_PRIV_H
#define ARCHIVE_MERGE_PRIV_H

#include "archive/block.h"
#include "archive/filter.h"
#include "archive/merge.h"
#include "archive/stretch.h"
#include "base/vec.h"

struct merge_member {
    uint32_t id;
    uint32_t count;
    uint32_t bytes; /* of its originals */
};

/* Rows of one unit that are to be one: same organisation, source, class, hash of originals. */
struct merge_unit {
    const struct merge_member *members; /* ascending ids */
    size_t count;
    bool in_order; /* not sorted by host: some record explains later ones */
    enum archive_digest digest; /* of every member's header, and of the packs */
};

struct merge_row {
    struct archive_header header; /* day and id set; spans live in the merge's arena */
    struct span body;
};

struct merge_filter {
    uint32_t id;      /* of its block, merged or not */
    struct span bytes; /* filter_stored */
};

struct merge {
    int32_t day;
    struct stretch stretch;
    struct arena arena;
    VEC(uint32_t) gone; /* rows that go */
    VEC(struct merge_row) rows;
    VEC(struct merge_filter) filters;
    struct merge_totals totals;
};

/* Packs one unit, into m. A member whose header cannot be made again stays out of it; when nothing is won, all do. */
int merge_unit_pack(struct merge *m, sqlite3 *db, const struct merge_unit *u,
                    struct block_packer *p, struct filter_builder *f, struct err *e) NODISCARD;

/* Keeps a filter for the block of that header, whose day and id are set. */
void merge_filter_keep(struct merge *m, const struct archive_header *h, struct span filter);
/* Makes one for a block that stays as it is; none for a damaged one. */
int merge_filter_block(struct merge *m, sqlite3 *db, uint32_t id, struct filter_builder *f, struct err *e) NODISCARD;
/* Writes them all; a block that was purged since gets none. */
int merge_filters_put(const struct merge *m, sqlite3 *db, struct err *e) NODISCARD;

#endif
