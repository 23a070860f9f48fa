/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Hash map from bytes to a 64-bit value, keyed SipHash (hostile keys cannot build long chains).
 * Keys are borrowed: they must outlive the map (put them in an arena). Values may hold pointers via uintptr_t.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct map_slot {
    struct span key;
    uint64_t value;
    uint64_t hash; /* 0 = empty */
};

struct map {
    struct map_slot *slots;
    size_t cap; /* power of two, or 0 */
    size_t len;
    unsigned char seed[16];
};

void map_init(struct map *m);
void map_free(struct map *m);
/* Value by key; false when absent. */
bool map_get(const struct map *m, struct span key, uint64_t *value_out);
/* Sets or replaces; the first key bytes stay the stored ones. */
void map_put(struct map *m, struct span key, uint64_t value);
/* Pointer to the value of key, made 0 when new (new_out may be NULL). Valid until the next put. */
uint64_t *map_at(struct map *m, struct span key, bool *new_out);

#endif
