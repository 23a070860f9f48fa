/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The leaf list of one record: see leaves.h. Used by every decoder in intake, hunter and scan;
 * grows up to LEAVES_MAX and keeps its memory from record to record.
 */
#include "wire/leaves.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { LEAVES_FIRST = 256 };

void leaves_init(struct leaves *l, uint32_t nodes)
{
    memset(l, 0, sizeof *l);
    CHECK(nodes <= INT32_MAX);
    l->slots = (struct leaf_slot *)mem_calloc((size_t)nodes + 1, sizeof *l->slots) + 1;
    l->nslots = nodes;
    l->data = mem_calloc(LEAVES_FIRST, sizeof *l->data);
    l->cap = LEAVES_FIRST;
    l->stamp = 1;
}

void leaves_fini(struct leaves *l)
{
    mem_free(l->data);
    if (l->slots != NULL) {
        mem_free(l->slots - 1);
    }
    mem_free(l->scratch);
    memset(l, 0, sizeof *l);
}

void leaves_clear(struct leaves *l)
{
    l->len = 0;
    l->tags = 0;
    l->stamp++;
    if (l->stamp == 0) {
        /* The counter came round: stamps of long ago must not look current. */
        memset(l->slots - 1, 0, ((size_t)l->nslots + 1) * sizeof *l->slots);
        l->stamp = 1;
    }
}

void leaves_grow(struct leaves *l)
{
    uint32_t cap = l->cap == 0 ? LEAVES_FIRST : l->cap * 2;
    CHECK(cap <= LEAVES_MAX);
    l->data = mem_realloc(l->data, cap * sizeof *l->data);
    l->cap = cap;
}
