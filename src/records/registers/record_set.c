/* SPDX-License-Identifier: EUPL-1.2 */
/* Sets of ids: see record_set.h. Runs in the keeper. */
#include "records/registers/record_set.h"

#include <sodium.h>

#include "base/check.h"
#include "base/mem.h"

/* Eight bytes at a time; who does not know the key cannot choose ids that meet. */
static uint64_t hash_of(const struct record_set *s, struct span id)
{
    uint64_t h = s->key ^ id.len;
    for (size_t i = 0; i < id.len; i += sizeof h) {
        uint64_t part = 0;
        memcpy(&part, id.ptr + i, id.len - i < sizeof part ? id.len - i : sizeof part);
        h = (h ^ part) * UINT64_C(0x9e3779b97f4a7c15);
        h ^= h >> 29 ^ s->key >> 7;
    }
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 32;
}

/* Where it is, or the empty place where it would be. */
static struct record_set_slot *slot_of(const struct record_set *s, struct span id, uint32_t *tag_out)
{
    uint64_t h = hash_of(s, id);
    size_t i = (size_t)h & s->mask;
    *tag_out = (uint32_t)(h >> 32);
    while (s->slots[i].place != 0 && (s->slots[i].tag != *tag_out || !span_eq(s->ids[s->slots[i].place - 1], id))) {
        i = (i + 1) & s->mask;
    }
    return &s->slots[i];
}

void record_set_fill(struct record_set *s, const struct span *ids, size_t count)
{
    size_t room = 16;
    CHECK(count < RECORD_SET_MAX);
    while (room < 2 * count) {
        room *= 2;
    }
    *s = (struct record_set){.ids = ids, .count = count, .left = count, .mask = room - 1};
    s->level = mem_calloc(count + 1, 1);
    s->slots = mem_calloc(room, sizeof *s->slots);
    randombytes_buf(&s->key, sizeof s->key);
    for (size_t i = 0; i < count; i++) {
        uint32_t tag = 0;
        *slot_of(s, ids[i], &tag) = (struct record_set_slot){tag, (uint32_t)i + 1};
    }
}

void record_set_free(struct record_set *s)
{
    mem_free(s->level);
    mem_free(s->slots);
    *s = (struct record_set){0};
}

bool record_set_has(const struct record_set *s, struct span id)
{
    uint32_t tag = 0;
    const struct record_set_slot *slot = slot_of(s, id, &tag);
    return slot->place != 0 && s->level[slot->place - 1] == s->sets;
}

void record_set_mark(struct record_set *s, struct span id)
{
    uint32_t tag = 0;
    const struct record_set_slot *slot = slot_of(s, id, &tag);
    if (slot->place != 0 && s->level[slot->place - 1] == s->sets) {
        s->level[slot->place - 1]++;
        s->marked++;
    }
}

void record_set_next(struct record_set *s)
{
    CHECK(s->sets < UINT8_MAX);
    s->sets++;
    s->left = s->marked;
    s->marked = 0;
}
