/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Ids that are narrowed to those that other sets have too, which are read once each. Used by record_fits.c; runs in the keeper. Smaller and quicker than
 * base/map.h, since all ids are there from the begin; the table is keyed by chance.
 */
#ifndef RECORDS_REGISTERS_RECORD_SET_H
#define RECORDS_REGISTERS_RECORD_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum { RECORD_SET_MAX = 1 << 30 /* ids */ };

struct record_set_slot {
    uint32_t tag;   /* of the hash */
    uint32_t place; /* from 1; 0 = empty */
};

struct record_set {
    const struct span *ids; /* borrowed */
    size_t count, left;     /* at first; in all sets so far */
    size_t marked;          /* of those: in the set that is read */
    uint8_t *level, sets;   /* by place: how many sets have it; how many were read */
    struct record_set_slot *slots;
    size_t mask;
    uint64_t key;
};

/* ids stay where they are, and none is there twice. Ended by record_set_free. */
void record_set_fill(struct record_set *s, const struct span *ids, size_t count);
void record_set_free(struct record_set *s);
/* In all sets that were read. */
bool record_set_has(const struct record_set *s, struct span id);
/* The set that is read has it; others than those that are left are passed over. */
void record_set_mark(struct record_set *s, struct span id);
/* That set is read: those that were not marked are no longer left. */
void record_set_next(struct record_set *s);

#endif
