/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to whole*.c: a block as it is put together from records. */
#ifndef ARCHIVE_WHOLE_PRIV_H
#define ARCHIVE_WHOLE_PRIV_H

#include "archive/whole.h"
#include "wire/rows.h"

#define WHOLE_HAS_BODY "has_body" /* beside the columns of a link: whether a block lies behind it */

enum {
    /* All lines of one block: each byte escaped at worst, and names and numbers around each record. */
    WHOLE_BLOCK_LINES_MAX = 6 * ARCHIVE_BLOCK_MAX_BYTES + 4096 * 1024 + ARCHIVE_BLOCK_RECORDS_MAX * 1024,
};

struct whole_block {
    const struct archive_record **records; /* in the arena of the block, room for as many as its header says */
    struct block_origin *origins;
    size_t count, bytes;
};

/* One more record of the block whose header is h; its text must live as long as a. ERR_INVALID: it is not of that block. */
int whole_block_add(struct whole_block *b, const struct archive_header *h, const struct archive_whole_record *r, struct arena *a,
                    struct err *e) NODISCARD;
/* Whether the records are all and make exactly that header. ERR_INVALID. */
int whole_block_fits(struct whole_block *b, const struct archive_header *h, struct block_packer *p, struct err *e) NODISCARD;

#endif
