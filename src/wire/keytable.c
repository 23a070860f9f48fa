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
    KEYTABLE_SPARSE = 4, /* slots per key at least */
    KEYTABLE_SEEDS = 24, /* tries to find a seed with few collisions */
};
#define KEYTABLE_NAMES_MAX (UINT32_C(1) << 31) /* bytes of all keys */

struct build_node {
    struct span key;
    key_node parent;
    unsigned flags;
};

/* A further way to a node: (parent, key) that is not its first one. */
struct build_link {
    struct span key;
    key_node parent;
    key_node node;
};

struct keytable_builder {
    struct arena names;
    struct map by_key; /* parent number, then key bytes */
    VEC(struct build_node) nodes;
    VEC(struct build_link) links;
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
    vec_free(&(*b)->links);
    mem_free(*b);
    *b = NULL;
}

/* Where (parent, key) leads, as a place to be written; *fresh: nowhere yet. key_out is the key's lasting copy. */
static uint64_t *edge_at(struct keytable_builder *b, key_node parent, struct span key,
                         struct span *key_out, bool *fresh)
{
    CHECK(parent < b->nodes.len);
    char *mapped = arena_bytes(&b->names, sizeof parent + key.len);
    memcpy(mapped, &parent, sizeof parent);
    if (key.len > 0) {
        memcpy(mapped + sizeof parent, key.ptr, key.len);
    }
    *key_out = span_make(mapped + sizeof parent, key.len);
    return map_at(&b->by_key, span_make(mapped, sizeof parent + key.len), fresh);
}

key_node keytable_add(struct keytable_builder *b, key_node parent, struct span key)
{
    bool fresh = false;
    struct span kept;
    uint64_t *value = edge_at(b, parent, key, &kept, &fresh);
    if (fresh) {
        CHECK(b->nodes.len < KEYTABLE_NODES_MAX);
        *value = b->nodes.len;
        vec_push(&b->nodes, (struct build_node){kept, parent, 0});
    }
    return (key_node)*value;
}

key_node keytable_link(struct keytable_builder *b, key_node parent, struct span key, key_node node)
{
    CHECK(node < b->nodes.len);
    bool fresh = false;
    struct span kept;
    uint64_t *value = edge_at(b, parent, key, &kept, &fresh);
    if (fresh) {
        CHECK(b->links.len < KEYTABLE_NODES_MAX);
        *value = node;
        vec_push(&b->links, (struct build_link){kept, parent, node});
    }
    return (key_node)*value;
}

void keytable_flag(struct keytable_builder *b, key_node node, unsigned flags)
{
    CHECK(node < b->nodes.len);
    b->nodes.data[node].flags |= flags;
}

/* Puts one edge in; returns how many steps beyond its first slot it needed. */
static uint64_t fill_slot(struct key_slot *slots, uint32_t nslots, uint64_t seed,
                          const struct build_link *edge, uint32_t name)
{
    uint64_t steps = 0;
    struct key_words w = key_words_of(edge->key.ptr, edge->key.len);
    uint64_t place = key_place(edge->parent, edge->key.len);
    uint32_t first = (uint32_t)key_hash(key_hash_under(seed, edge->parent), w) & (nslots - 1);
    uint32_t at = first;
    while (slots[at].node != KEY_NONE) {
        at = (at + 1) & (nslots - 1);
        steps++;
    }
    slots[at].head = w.head;
    slots[at].tail = w.tail;
    slots[at].place = place;
    slots[at].name = name & (KEYTABLE_NAMES_MAX - 1);
    slots[at].node = edge->node;
    slots[first].more |= steps > 0;
    return steps;
}

/* Fills slots under the seed; returns how many steps beyond the first slot all keys need together. names: of the links. */
static uint64_t fill_slots(struct key_slot *slots, uint32_t nslots, uint64_t seed,
                           const struct keytable_builder *b, const struct key_info *info,
                           uint32_t names)
{
    uint64_t steps = 0;
    memset(slots, 0, nslots * sizeof *slots);
    for (uint32_t i = 0; i < nslots; i++) {
        slots[i].node = KEY_NONE;
    }
    for (uint32_t n = 1; n < b->nodes.len; n++) {
        struct build_link edge = {b->nodes.data[n].key, b->nodes.data[n].parent, n};
        steps += fill_slot(slots, nslots, seed, &edge, info[n].name);
    }
    for (size_t i = 0; i < b->links.len; i++) {
        steps += fill_slot(slots, nslots, seed, &b->links.data[i], names);
        names += (uint32_t)b->links.data[i].key.len;
    }
    return steps;
}

static uint64_t best_seed(struct key_slot *slots, uint32_t nslots, const struct keytable_builder *b,
                          const struct key_info *info, uint32_t names)
{
    uint64_t best = 0;
    uint64_t best_steps = UINT64_MAX;
    for (uint64_t i = 0; i < KEYTABLE_SEEDS && best_steps > 0; i++) {
        uint64_t seed = (i + 1) * 0xd1342543de82ef95u;
        uint64_t steps = fill_slots(slots, nslots, seed, b, info, names);
        if (steps < best_steps) {
            best = seed;
            best_steps = steps;
        }
    }
    return best;
}

/* Bytes of all keys, the links' behind the nodes'. */
static size_t key_bytes(const struct keytable_builder *b)
{
    size_t bytes = 0;
    for (size_t i = 0; i < b->nodes.len; i++) {
        bytes += b->nodes.data[i].key.len;
    }
    for (size_t i = 0; i < b->links.len; i++) {
        bytes += b->links.data[i].key.len;
    }
    CHECK(bytes < KEYTABLE_NAMES_MAX);
    return bytes;
}

static uint32_t put_name(char *names, uint32_t at, struct span key)
{
    if (key.len > 0) {
        memcpy(names + at, key.ptr, key.len);
    }
    return at + (uint32_t)key.len;
}

const struct keytable *keytable_pack(const struct keytable_builder *b, struct arena *region)
{
    uint32_t nslots = KEYTABLE_SLOTS_MIN;
    while (nslots < (b->nodes.len + b->links.len) * KEYTABLE_SPARSE) {
        nslots *= 2;
    }
    struct keytable *t = arena_alloc(region, sizeof *t);
    struct key_slot *slots = arena_alloc_aligned(region, nslots * sizeof *slots, 64);
    struct key_info *info = arena_calloc(region, b->nodes.len, sizeof *info);
    char *names = arena_alloc(region, key_bytes(b) + 1);
    uint32_t at = 0;
    for (size_t i = 0; i < b->nodes.len; i++) {
        const struct build_node *k = &b->nodes.data[i];
        info[i] = (struct key_info){at, (uint32_t)k->key.len, k->flags};
        at = put_name(names, at, k->key);
    }
    uint32_t links = at;
    for (size_t i = 0; i < b->links.len; i++) {
        at = put_name(names, at, b->links.data[i].key);
    }
    uint64_t seed = best_seed(slots, nslots, b, info, links);
    (void)fill_slots(slots, nslots, seed, b, info, links);
    *t = (struct keytable){slots, seed, nslots - 1, (uint32_t)b->nodes.len, info, names};
    return t;
}

key_node keytable_probe_on(const struct keytable *t, uint32_t at, struct key_words w,
                           uint64_t place, const char *p)
{
    size_t len = (uint32_t)place;
    for (;; at = (at + 1) & t->mask) {
        const struct key_slot *s = &t->slots[at];
        if (s->node == KEY_NONE) {
            return KEY_NONE;
        }
        if (key_slot_fits(s, w, place) && (len <= 16 || key_middle_eq(t->names + s->name, p, len))) {
            return s->node;
        }
    }
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
    return keytable_probe(t, key_hash_under(t->seed, parent), parent,
                          key_words_of(key.ptr, key.len), key.ptr, key.len);
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
