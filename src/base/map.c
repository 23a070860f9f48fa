/* SPDX-License-Identifier: EUPL-1.2 */
/* Open-addressing map with SipHash: see map.h. No removal: maps here are built once or per batch. */
#include "base/map.h"

#include <sodium.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"

_Static_assert(crypto_shorthash_KEYBYTES == 16, "SipHash key size");

void map_init(struct map *m)
{
    memset(m, 0, sizeof *m);
    randombytes_buf(m->seed, sizeof m->seed);
}

void map_free(struct map *m)
{
    mem_free(m->slots);
    m->slots = NULL;
    m->cap = m->len = 0;
}

static uint64_t map_hash(const struct map *m, struct span key)
{
    uint64_t h = 0;
    unsigned char out[crypto_shorthash_BYTES];
    MUST(crypto_shorthash(out, (const unsigned char *)key.ptr, key.len, m->seed));
    memcpy(&h, out, sizeof h);
    return h == 0 ? 1 : h;
}

static struct map_slot *map_probe(const struct map *m, struct span key, uint64_t hash)
{
    size_t mask = m->cap - 1;
    size_t i = (size_t)hash & mask;
    while (m->slots[i].hash != 0) {
        if (m->slots[i].hash == hash && span_eq(m->slots[i].key, key)) {
            break;
        }
        i = (i + 1) & mask;
    }
    return &m->slots[i];
}

bool map_get(const struct map *m, struct span key, uint64_t *value_out)
{
    if (m->len == 0) {
        return false;
    }
    struct map_slot *s = map_probe(m, key, map_hash(m, key));
    if (s->hash == 0) {
        return false;
    }
    *value_out = s->value;
    return true;
}

static void map_grow(struct map *m)
{
    struct map old = *m;
    m->cap = old.cap == 0 ? 16 : old.cap * 2;
    m->slots = mem_calloc(m->cap, sizeof *m->slots);
    for (size_t i = 0; i < old.cap; i++) {
        if (old.slots[i].hash != 0) {
            *map_probe(m, old.slots[i].key, old.slots[i].hash) = old.slots[i];
        }
    }
    mem_free(old.slots);
}

uint64_t *map_at(struct map *m, struct span key, bool *new_out)
{
    if (m->len * 4 >= m->cap * 3) {
        map_grow(m);
    }
    uint64_t hash = map_hash(m, key);
    struct map_slot *s = map_probe(m, key, hash);
    bool is_new = s->hash == 0;
    if (is_new) {
        *s = (struct map_slot){key, 0, hash};
        m->len++;
    }
    if (new_out != NULL) {
        *new_out = is_new;
    }
    return &s->value;
}

void map_put(struct map *m, struct span key, uint64_t value)
{
    *map_at(m, key, NULL) = value;
}
