/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The key table: see keytable.h. Built by the compiler role, read by every role that decodes
 * records. The packed form holds no heap pointer and is never written again; lookups never read
 * outside the key they are given.
 */
#include "wire/keytable.h"

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/vec.h"
#include "wire/keytable_priv.h"

enum {
    KEYTABLE_NODES_MAX = 1 << 20, /* paths of all sources and rules; SigmaHQ needs a few thousand */
    KEYTABLE_SLOTS_MIN = 64,
    KEYTABLE_SEEDS = 24, /* tries to find a seed with few collisions */
};

struct build_node {
    struct span key;
    key_node parent;
    unsigned flags;
};

struct keytable_builder {
    struct arena names;
    struct map by_key; /* parent number, then key bytes */
    VEC(struct build_node) nodes;
};

struct keytable_builder *keytable_builder_new(void)
{
    struct keytable_builder *b = mem_alloc(sizeof *b);
    arena_init(&b->names, 0);
    map_init(&b->by_key);
    vec_push(&b->nodes, (struct build_node){SPAN(""), KEY_NONE, 0});
    return b;
}

void keytable_builder_free(struct keytable_builder **b)
{
    if (*b == NULL) {
        return;
    }
    arena_fini(&(*b)->names);
    map_free(&(*b)->by_key);
    vec_free(&(*b)->nodes);
    mem_free(*b);
    *b = NULL;
}

key_node keytable_add(struct keytable_builder *b, key_node parent, struct span key)
{
    CHECK(parent < b->nodes.len);
    char *mapped = arena_bytes(&b->names, sizeof parent + key.len);
    memcpy(mapped, &parent, sizeof parent);
    if (key.len > 0) {
        memcpy(mapped + sizeof parent, key.ptr, key.len);
    }
    bool fresh = false;
    uint64_t *value = map_at(&b->by_key, span_make(mapped, sizeof parent + key.len), &fresh);
    if (fresh) {
        CHECK(b->nodes.len < KEYTABLE_NODES_MAX);
        *value = b->nodes.len;
        vec_push(&b->nodes,
                 (struct build_node){span_make(mapped + sizeof parent, key.len), parent, 0});
    }
    return (key_node)*value;
}

void keytable_flag(struct keytable_builder *b, key_node node, unsigned flags)
{
    CHECK(node < b->nodes.len);
    b->nodes.data[node].flags |= flags;
}

/* Fills slots (all empty) under the seed; returns how many steps beyond the first slot all keys
 * need together. */
static uint64_t fill_slots(struct key_slot *slots, uint32_t nslots, uint64_t seed,
                           const struct keytable_builder *b, const struct key_info *info)
{
    uint64_t steps = 0;
    memset(slots, 0, nslots * sizeof *slots);
    for (uint32_t i = 0; i < nslots; i++) {
        slots[i].node = KEY_NONE;
    }
    for (uint32_t n = 1; n < b->nodes.len; n++) {
        const struct build_node *k = &b->nodes.data[n];
        struct key_words w = key_words_of(k->key.ptr, k->key.len);
        uint32_t at = (uint32_t)key_hash(seed, k->parent, w, k->key.len) & (nslots - 1);
        while (slots[at].node != KEY_NONE) {
            at = (at + 1) & (nslots - 1);
            steps++;
        }
        slots[at] =
            (struct key_slot){w.head, w.tail, k->parent, (uint32_t)k->key.len, info[n].name, n};
    }
    return steps;
}

static uint64_t best_seed(struct key_slot *slots, uint32_t nslots, const struct keytable_builder *b,
                          const struct key_info *info)
{
    uint64_t best = 0;
    uint64_t best_steps = UINT64_MAX;
    for (uint64_t i = 0; i < KEYTABLE_SEEDS && best_steps > 0; i++) {
        uint64_t seed = (i + 1) * 0xd1342543de82ef95u;
        uint64_t steps = fill_slots(slots, nslots, seed, b, info);
        if (steps < best_steps) {
            best = seed;
            best_steps = steps;
        }
    }
    return best;
}

const struct keytable *keytable_pack(const struct keytable_builder *b, struct arena *region)
{
    size_t bytes = 0;
    for (size_t i = 0; i < b->nodes.len; i++) {
        bytes += b->nodes.data[i].key.len;
    }
    CHECK(bytes < UINT32_MAX);
    uint32_t nslots = KEYTABLE_SLOTS_MIN;
    while (nslots < b->nodes.len * 2) {
        nslots *= 2;
    }
    struct keytable *t = arena_alloc(region, sizeof *t);
    struct key_slot *slots = arena_alloc_aligned(region, nslots * sizeof *slots, 64);
    struct key_info *info = arena_calloc(region, b->nodes.len, sizeof *info);
    char *names = arena_alloc(region, bytes + 1);
    uint32_t at = 0;
    for (size_t i = 0; i < b->nodes.len; i++) {
        const struct build_node *k = &b->nodes.data[i];
        info[i] = (struct key_info){at, (uint32_t)k->key.len, k->flags};
        if (k->key.len > 0) {
            memcpy(names + at, k->key.ptr, k->key.len);
        }
        at += (uint32_t)k->key.len;
    }
    uint64_t seed = best_seed(slots, nslots, b, info);
    (void)fill_slots(slots, nslots, seed, b, info);
    *t = (struct keytable){slots, seed, nslots - 1, (uint32_t)b->nodes.len, info, names};
    return t;
}

uint32_t keytable_nodes(const struct keytable *t)
{
    return t->nodes;
}

key_node keytable_find(const struct keytable *t, key_node parent, struct span key)
{
    if (parent == KEY_NONE || key.len > UINT32_MAX) {
        return KEY_NONE;
    }
    return keytable_probe(t, parent, key_words_of(key.ptr, key.len), key.ptr, key.len);
}

unsigned keytable_flags(const struct keytable *t, key_node node)
{
    return node < t->nodes ? t->info[node].flags : 0;
}

struct span keytable_name(const struct keytable *t, key_node node)
{
    if (node >= t->nodes) {
        return SPAN("");
    }
    return span_make(t->names + t->info[node].name, t->info[node].len);
}
