/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The window: records gather (16 MiB or 200 ms; docs/decisions/088 for earlier), are sorted by organisation, source, class and
 * host, and are cut into packed blocks. Pure code, no I/O; one per intake. Which block holds a
 * record is known once the window is sealed.
 */
#ifndef ARCHIVE_WINDOW_H
#define ARCHIVE_WINDOW_H

#include "archive/archive.h"
#include "base/shared.h"

enum {
    WINDOW_MAX_BYTES =
        16 * 1024 *
        1024, /* originals; sorting more wins little (reference: ratio by window size) */
    WINDOW_MAX_RECORDS =
        1 << 18,              /* small records: bounds sorting, columns and the message to keeper */
    WINDOW_MAX_GROUPS = 1024, /* different (organisation, source, class) in one window */
    WINDOW_MAX_MS = 200,      /* how long a record waits at most */
    WINDOW_EARLY_BYTES = 1024 * 1024, /* enough to be sealed early, when all who send wait for it: a block's worth */
    WINDOW_EARLY_MS = 5,              /* after nobody else came */
    WINDOW_HELD_MIN = 64 * 1024,               /* bytes of a buffer; what lies in smaller ones is copied */
    WINDOW_HELD_MAX = 2 * WINDOW_MAX_BYTES, /* bytes of all buffers that a window holds; then it copies */
};

struct window;
struct window *window_new(int zstd_level);
void window_free(struct window **w);
/* As block_packer_digest. */
void window_digest(struct window *w, enum archive_digest digest);
/* As block_packer_lanes. */
void window_lanes(struct window *w);

/* Whether it can take this record; if not, seal it first. A window holds receipts of one UTC day.
 */
bool window_fits(const struct window *w, const struct archive_record *r);
/* Copies the record in (it must fit); long names are cut to ARCHIVE_NAME_MAX. Returns its arrival
 * number, from 0. */
uint32_t window_add(struct window *w, const struct archive_record *r);
/* As window_add; the original lies in `held` (NULL: in nothing that lasts), which the window holds until it is empty again where that
 * is cheaper than copying. */
uint32_t window_add_held(struct window *w, const struct archive_record *r, struct shared *held);
size_t window_count(const struct window *w);
/* Bytes of all originals in it. */
size_t window_bytes(const struct window *w);
/* Monotonic time when it must be sealed; TIME_NONE when empty. */
time_ns window_due(const struct window *w);

/* Sorts and packs. The blocks live until window_reset. Nothing can be added in between. */
void window_seal(struct window *w, const struct archive_block_in **blocks_out, size_t *count_out);
/* After sealing: where record `arrival` went. */
void window_place(const struct window *w, uint32_t arrival, uint32_t *block_out,
                  uint32_t *index_out);
/* Empty again; keeps its memory. */
void window_reset(struct window *w);

#endif
