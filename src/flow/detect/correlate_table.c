/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How often each value stands in a window: it forgets as well as it learns, since windows slide. Used by
 * correlate_group.c in whichever role correlates; bytes are bounded by its owner.
 */
#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

enum { COUNT_FIRST_CAP = 8 };

/* ---- counts ---- */

static uint32_t count_slot(const struct count_table *t, uint64_t key)
{
    uint32_t mask = t->cap - 1;
    uint32_t i = (uint32_t)key & mask;
    while (t->slots[i].count != 0 && t->slots[i].key != key) {
        i = (i + 1) & mask;
    }
    return i;
}

static void count_grow(struct count_table *t)
{
    struct count_table old = *t;
    t->cap = old.cap == 0 ? COUNT_FIRST_CAP : old.cap * 2;
    CHECK(t->cap != 0);
    t->slots = mem_calloc(t->cap, sizeof *t->slots);
    for (uint32_t i = 0; i < old.cap; i++) {
        if (old.slots[i].count != 0) {
            t->slots[count_slot(t, old.slots[i].key)] = old.slots[i];
        }
    }
    mem_free(old.slots);
}

uint32_t count_add(struct count_table *t, uint64_t key)
{
    if ((uint64_t)t->len * 4 >= (uint64_t)t->cap * 3) {
        count_grow(t);
    }
    uint32_t i = count_slot(t, key);
    t->len += t->slots[i].count == 0 ? 1 : 0;
    t->slots[i].key = key;
    return ++t->slots[i].count;
}

uint32_t count_get(const struct count_table *t, uint64_t key)
{
    return t->cap == 0 ? 0 : t->slots[count_slot(t, key)].count;
}

/* Closes the gap that a freed slot leaves, so that no probe stops early. */
static void count_close(struct count_table *t, uint32_t gap)
{
    uint32_t mask = t->cap - 1;
    for (uint32_t i = (gap + 1) & mask; t->slots[i].count != 0; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)t->slots[i].key & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            t->slots[gap] = t->slots[i];
            t->slots[i].count = 0;
            gap = i;
        }
    }
}

uint32_t count_remove(struct count_table *t, uint64_t key)
{
    uint32_t i = count_slot(t, key);
    CHECK(t->slots[i].count > 0);
    uint32_t left = --t->slots[i].count;
    if (left == 0) {
        t->len--;
        count_close(t, i);
    }
    return left;
}

void count_free(struct count_table *t)
{
    mem_free(t->slots);
    *t = (struct count_table){0};
}

size_t count_bytes(const struct count_table *t)
{
    return (size_t)t->cap * sizeof *t->slots;
}
