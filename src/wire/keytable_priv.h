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
    uint64_t head;  /* first 8 bytes, missing ones zero */
    uint64_t tail;  /* last 8 bytes; of a shorter key the same as head */
    uint64_t place; /* key_place of parent and length */
    uint32_t name : 31;
    uint32_t more : 1; /* a key that belongs here stands further on */
    key_node node;     /* KEY_NONE: empty slot */
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
    static const uint64_t keep[9] = {0,
                                     UINT64_MAX >> 56,
                                     UINT64_MAX >> 48,
                                     UINT64_MAX >> 40,
                                     UINT64_MAX >> 32,
                                     UINT64_MAX >> 24,
                                     UINT64_MAX >> 16,
                                     UINT64_MAX >> 8,
                                     UINT64_MAX};
    struct key_words w;
    size_t short_len = len < 8 ? len : 8;
    memcpy(&w.head, p, 8);
    memcpy(&w.tail, p + len - short_len, 8);
    w.head &= keep[short_len];
    w.tail &= keep[short_len];
    return w;
}

/* What two keys must share beside their bytes. */
static inline uint64_t key_place(key_node parent, size_t len)
{
    return (uint64_t)parent << 32 | (uint32_t)len;
}

/* The share of the hash that all keys of a parent have. */
static inline uint64_t key_hash_under(uint64_t seed, key_node parent)
{
    return (parent + 1 + seed) * 0x9e3779b97f4a7c15u;
}

static inline uint64_t key_hash(uint64_t under, struct key_words w)
{
    unsigned __int128 m = (unsigned __int128)(w.head ^ under) * (w.tail + under);
    return (uint64_t)m ^ (uint64_t)(m >> 64);
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

/* The slot holds this key under this parent, but for the middle of a long one. */
static inline bool key_slot_fits(const struct key_slot *s, struct key_words w, uint64_t place)
{
    return ((s->head ^ w.head) | (s->tail ^ w.tail) | (s->place ^ place)) == 0;
}

/* From slot `at` on. The table is at most a quarter full, so the loop meets an empty slot. */
key_node keytable_probe_on(const struct keytable *t, uint32_t at, struct key_words w,
                           uint64_t place, const char *p);

/*
 * under: key_hash_under of the parent, which must not be KEY_NONE. Most keys of up to 16 bytes stand at the first place
 * looked at or nowhere; which of the two no branch can foresee, so there is none.
 */
static inline key_node keytable_probe(const struct keytable *t, uint64_t under, key_node parent,
                                      struct key_words w, const char *p, size_t len)
{
    uint64_t place = key_place(parent, len);
    uint32_t at = (uint32_t)key_hash(under, w) & t->mask;
    const struct key_slot *s = &t->slots[at];
    if (__builtin_expect(len > 16, 0)) {
        return keytable_probe_on(t, at, w, place, p);
    }
    uint32_t fits = key_slot_fits(s, w, place);
    if (__builtin_expect(s->more > fits, 0)) {
        return keytable_probe_on(t, at, w, place, p);
    }
    return s->node | (fits - 1);
}

#endif
