/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's merging of small blocks (archive/merge.h): chosen and packed on a thread of libuv's pool that rests three
 * times as long as it works, written on the loop in one transaction, whose size follows from how long those before held it, and never while a hunt is under way, whose place in
 * the archive is a block. Days that are over are finished first.
 */
#ifndef ROLES_KEEPER_MERGE_H
#define ROLES_KEEPER_MERGE_H

#include <uv.h>

#include "archive/merge.h"

enum {
    MERGE_HOLD_MS = 200,     /* so long a commit may hold the loop, and windows wait: as a slice of retention */
    MERGE_HALVINGS_MAX = 6,  /* stretches of 1 MiB of originals */
    MERGE_HALVINGS_FIRST = 3, /* until it is known how fast the disk is */
};

struct keeper_merge;

/* How often the limits of a stretch (MERGE_STRETCH_BYTES, links, filters) are to be halved for the next one, when the last one's
 * commit held the loop so long: what it costs grows with the stretch. Pure. */
unsigned keeper_merge_halvings(unsigned now, time_ns held);


struct keeper_merge *keeper_merge_open(uv_loop_t *loop, const char *folder)
    __attribute__((returns_nonnull));
/* Waits for nothing: what is being packed is thrown away by itself. */
void keeper_merge_close(struct keeper_merge **k);
/* How often it has merged. */
uint64_t keeper_merge_count(const struct keeper_merge *k);
/* About once a second. hunting: blocks stay where they are now. */
void keeper_merge_tick(struct keeper_merge *k, struct archive *a, bool hunting);

#endif
