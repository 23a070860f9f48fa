/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Blocks that a walk passed over because their token filters say that nothing looked for is in them: how many, and with
 * how many events of which kind, so that the hunt's coverage is what it would be had they been read. Counted by who reads
 * the archive (keeper, the reader of `sereno hunt`), told to who looks before the next block. Pure.
 */
#ifndef FLOW_HUNT_HUNT_SKIPS_H
#define FLOW_HUNT_HUNT_SKIPS_H

#include "archive/archive.h"

enum {
    HUNT_SKIPS_CLASSES_MAX = 512, /* kinds told apart; more are one, without a name */
    HUNT_SKIPS_MAX_BYTES = 4 + HUNT_SKIPS_CLASSES_MAX * (4 + ARCHIVE_NAME_MAX + 16),
};

struct hunt_skip {
    struct span class_name;
    uint64_t blocks, events;
};

struct hunt_skips {
    struct arena names;
    struct hunt_skip *list; /* HUNT_SKIPS_CLASSES_MAX + 1 */
    uint32_t count;
};

void hunt_skips_init(struct hunt_skips *s);
void hunt_skips_free(struct hunt_skips *s);
void hunt_skips_add(struct hunt_skips *s, const struct archive_header *h);
/* Appends what was counted, and begins anew. */
void hunt_skips_take(struct hunt_skips *s, struct buf *out);
/* Into list, of HUNT_SKIPS_CLASSES_MAX + 1. ERR_INVALID. */
int hunt_skips_decode(struct span bytes, struct hunt_skip *list, uint32_t *count_out, struct err *e) NODISCARD;

#endif
