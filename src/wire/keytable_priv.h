/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Inside of the key table, for the JSON reader's inlined lookup. A key of up to 16 bytes is wholly
 * told by its first and last eight bytes and its length, so most lookups end with three comparisons
 * and never touch the name.
 */
#ifndef WIRE_KEYTABLE_PRIV_H
#define WIRE_KEYTABLE_PRIV_H

#include <string.h>

#include "wire/keytable.h"

struct key_slot {
    uint64_t head; /* first 8 bytes, missing ones zero */
    uint64_t tail; /* last 8 bytes; of a shorter key the same as head */
    uint32_t parent;
    uint32_t len;
    uint32_t name; /* offset into names */
    key_node node; /* KEY_NONE: empty slot */
};

struct key_info {
    uint32_t name;
    uint32_t len;
    uint32_t flags;
};

struct keytable {
    const struct key_slot *slots;
    uint64_t seed;
    uint32_t mask; /* slots - 1 */
    uint32_t nodes;
    const struct key_info *info;
    const char *names;
};

struct key_words {
    uint64_t head;
    uint64_t tail;
};

/* Reads nothing outside the key, whatever its length. */
static inline struct key_words key_words_of(const char *p, size_t len)
{
    struct key_words w = {0, 0};
    if (len >= 8) {
        memcpy(&w.head, p, 8);
        memcpy(&w.tail, p + len - 8, 8);
        return w;
    }
    if (len >= 4) {
        uint32_t a;
        uint32_t b;
        memcpy(&a, p, 4);
        memcpy(&b, p + len - 4, 4);
        w.head = (uint64_t)a | (uint64_t)b << (8 * (len - 4));
    } else if (len > 0) {
        uint64_t first = (unsigned char)p[0];
        uint64_t mid = (unsigned char)p[len / 2];
        uint64_t last = (unsigned char)p[len - 1];
        w.head = first | mid << (8 * (len / 2)) | last << (8 * (len - 1));
    }
    w.tail = w.head;
    return w;
}

/* As key_words_of where at least 8 bytes from p on may be read: no branch on the length. */
static inline struct key_words key_words_wide(const char *p, size_t len)
{
    struct key_words w;
    size_t over = len > 8 ? len - 8 : 0;
    size_t bits = (len < 8 ? 8 - len : 0) * 8;
    uint64_t keep = bits == 64 ? 0 : UINT64_MAX >> bits;
    memcpy(&w.head, p, 8);
    memcpy(&w.tail, p + over, 8);
    w.head &= keep;
    w.tail &= keep;
    return w;
}

static inline uint64_t key_hash(uint64_t seed, key_node parent, struct key_words w, size_t len)
{
    uint64_t a = w.head ^ seed;
    /* The parent's share is the same for all keys of an object: worked out once. */
    uint64_t b = w.tail ^ (uint64_t)parent * 0x9e3779b97f4a7c15u ^ ((uint64_t)len << 56 | (uint64_t)len << 24);
    unsigned __int128 m = (unsigned __int128)(a | 1) * (b | 1);
    uint64_t h = (uint64_t)m ^ (uint64_t)(m >> 64) ^ (a << 1);
    return h ^ h >> 29;
}

/* Whether two keys of more than 16 bytes are equal but for their first and last eight. */
static inline bool key_middle_eq(const char *a, const char *b, size_t len)
{
    uint64_t x[4];
    if (len > 32) {
        return memcmp(a + 8, b + 8, len - 16) == 0;
    }
    memcpy(&x[0], a + 8, 8);
    memcpy(&x[1], b + 8, 8);
    memcpy(&x[2], a + len - 16, 8);
    memcpy(&x[3], b + len - 16, 8);
    return ((x[0] ^ x[1]) | (x[2] ^ x[3])) == 0;
}

/* parent must not be KEY_NONE. The table is at most half full, so the loop meets an empty slot. */
static inline key_node keytable_probe(const struct keytable *t, key_node parent, struct key_words w,
                                      const char *p, size_t len)
{
    uint32_t at = (uint32_t)key_hash(t->seed, parent, w, len) & t->mask;
    for (;; at = (at + 1) & t->mask) {
        const struct key_slot *s = &t->slots[at];
        if (s->node == KEY_NONE) {
            return KEY_NONE;
        }
        if (s->head == w.head && s->tail == w.tail && s->len == len && s->parent == parent &&
            (len <= 16 || key_middle_eq(t->names + s->name, p, len))) {
            return s->node;
        }
    }
}

#endif
