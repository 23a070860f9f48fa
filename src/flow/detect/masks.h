/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Many literals in one text, 64 places at once: where one of them may stand. The caller compares. Pure; used by the matcher
 * for rules and by hunts for raw blocks.
 */
#ifndef FLOW_DETECT_MASKS_H
#define FLOW_DETECT_MASKS_H

#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

/*
 * Where in a text may one of some literals stand? Each literal is in one of eight buckets and has a window of four bytes
 * (anything fits behind its end); for each place of the window and each byte the masks say which buckets admit it (the
 * shuffle method known as "Teddy"). By halves of the byte for shuffles of 16, by its lower seven bits for those of 128:
 * each admits a little more than it must, never less.
 */
enum { PLAN_MASK_PLACES = 4, PLAN_MASK_BUCKETS = 8 };
struct plan_masks {
    uint8_t low[PLAN_MASK_PLACES][16];
    uint8_t high[PLAN_MASK_PLACES][16];
    uint8_t by_char[PLAN_MASK_PLACES][128];
};

/* plan_masks.c: how common a byte is in folded texts of logs, roughly, from 1 on. */
double plan_byte_weight(char c);
/* The bucket admits c at this place of a window. */
void plan_admit(struct plan_masks *t, unsigned place, unsigned char c, unsigned bucket);
/* … and any byte. */
void plan_admit_all(struct plan_masks *t, unsigned place, unsigned bucket);
/* Offset of the rarest window of a folded text, judged by single bytes. */
uint16_t plan_rare_window(struct span text);

/*
 * match_masks.c: looks at blocks [block, blocks) of text, 64 places each, for the first one where some bucket's literals
 * may stand. Returns it, with those places and which buckets; or `blocks`. Reads MATCH_MASKS_OVER bytes behind the last.
 */
enum { MATCH_MASKS_BLOCK = 64, MATCH_MASKS_OVER = PLAN_MASK_PLACES - 1 };
struct match_places {
    uint64_t places;
    uint8_t buckets[MATCH_MASKS_BLOCK];
};
typedef size_t match_masks_kernel(const struct plan_masks *t, const char *text, size_t block, size_t blocks,
                                  struct match_places *out);
match_masks_kernel match_masks;
match_masks_kernel match_masks_plain;
/* The kernels this processor can run, best first; the last is the plain one. */
uint32_t match_masks_kernels(match_masks_kernel *out[3]);

#endif
