/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where one of many texts stands in the raw bytes of a block, ASCII letters without case. Few texts, and short ones, by
 * masks over 64 places at once (flow/detect/masks.h); many by a table of four-byte windows of which every fourth or eighth place of the
 * block is enough. Pure; one per hunter, made once per hunt.
 */
#ifndef FLOW_HUNT_NEEDLES_H
#define FLOW_HUNT_NEEDLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    NEEDLES_MAX = 200000,    /* texts: 20,000 indicators, each in up to ten spellings */
    NEEDLE_TEXT_MAX = 64,    /* bytes of one; the caller cuts longer ones, which then stand in more places */
    NEEDLE_GROUPS = 4,       /* of needles that do not share their masks with others */
};

struct needle {
    struct span text; /* 1 to NEEDLE_TEXT_MAX bytes, lower case unless exact; borrowed until needles_free */
    bool exact;       /* case counts */
    uint8_t group;    /* 0: any number of needles; 1 to NEEDLE_GROUPS: few, that begin alike, found by masks of their own */
};

struct needles;

struct needles *needles_new(const struct needle *list, uint32_t count);
void needles_free(struct needles **n);

/*
 * Needle number `which` stands at `at`. Returns where to go on: a place behind `at` whose bytes before it are of no more
 * interest, or NEEDLES_ON for the next place.
 */
#define NEEDLES_ON SIZE_MAX
typedef size_t needles_found(void *ctx, uint32_t which, size_t at);

/* Tells every place where a needle stands, but for those that the answers leave out. Not in the order of places: needles
 * are looked for in two passes. */
void needles_scan(const struct needles *n, struct span text, needles_found *found, void *ctx);

#endif
