/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The result memo: what a group of anchors found in a value that it saw before. Most values of a stream come again and
 * again; for them nothing is unescaped, folded or searched. A remembered value is kept whole and compared byte for byte,
 * so a hit is never wrong. Values that never come again cost one look-up each until their group's share of hits falls
 * below HITS_MIN of ASKED; then the group goes without for PASS values. Fixed memory, one per worker, on the event path.
 */
#include <sys/mman.h>

#include "base/mem.h"
#include "flow/detect/match_priv.h"

enum {
    SETS = 8192,              /* of two entries each, in one cache line */
    RING_BYTES = 4 << 20,     /* wakes and values, oldest overwritten first */
    VALUE_MAX_BYTES = 32768,  /* longer values are always scanned */
    ASKED = 64,
    HITS_MIN = 12,
    PASS = 1024,
    LANES_FROM = 64,
    SETS_BYTES = SETS * 64,
    TABLE_BYTES = SETS_BYTES + RING_BYTES,
};

struct entry {
    uint64_t hash;
    uint64_t at;     /* of wakes and value: bytes ever written; 0 = empty */
    uint32_t group;
    uint32_t len;
    uint8_t nwakes;
    bool escaped;    /* 32 bytes: two entries to a cache line */
};

struct gauge {
    uint8_t asked;
    uint8_t hits;
    uint16_t pass; /* values to go without */
};

struct memo {
    struct entry (*sets)[2];
    char *ring;
    uint64_t head; /* bytes ever written, those left out at the ring's end too */
    struct gauge *gauges; /* per group */
};

struct memo *memo_new(uint32_t ngroups)
{
    struct memo *x = mem_alloc(sizeof *x);
    void *tables = mmap(NULL, TABLE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(tables != MAP_FAILED);
    (void)madvise(tables, TABLE_BYTES, MADV_HUGEPAGE); /* read all over; a wish: without it only slower */
    x->sets = tables;
    x->ring = (char *)tables + SETS_BYTES;
    x->gauges = mem_calloc(ngroups, sizeof *x->gauges);
    x->head = RING_BYTES;
    return x;
}

void memo_free(struct memo **x)
{
    if (*x == NULL) {
        return;
    }
    MUST(munmap((*x)->sets, TABLE_BYTES));
    mem_free((*x)->gauges);
    mem_free(*x);
    *x = NULL;
}

static inline uint64_t mixed(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)(a ^ UINT64_C(0x2d358dccaa6c78a5)) * (b ^ UINT64_C(0x8bb84b93962eacc9));
    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static inline uint64_t word_at(const char *p)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return w;
}

/* Of bytes, group and spelling. Reads nothing outside the value. Not keyed: a clash costs a scan. */
static inline uint64_t hash_of(uint32_t group, struct span v, bool escaped)
{
    uint64_t h = (uint64_t)group << 32 ^ (uint64_t)v.len << 1 ^ (uint64_t)escaped;
    if (v.len < 8) {
        uint64_t w = 0;
        for (size_t i = 0; i < v.len; i++) {
            w = w << 8 | (unsigned char)v.ptr[i];
        }
        return mixed(w, h);
    }
    size_t i = 0;
    if (v.len > LANES_FROM) { /* two rows of products side by side: each waits for the one before it */
        uint64_t other = h;
        for (; i + 32 < v.len; i += 32) {
            h = mixed(word_at(v.ptr + i) ^ h, word_at(v.ptr + i + 8));
            other = mixed(word_at(v.ptr + i + 16) ^ other, word_at(v.ptr + i + 24));
        }
        h ^= other << 1 | other >> 63;
    }
    for (; i + 16 < v.len; i += 16) {
        h = mixed(word_at(v.ptr + i) ^ h, word_at(v.ptr + i + 8));
    }
    const char *last = v.ptr + v.len;
    return mixed(word_at(v.len < 16 ? v.ptr : last - 16) ^ h, word_at(last - 8) + v.len);
}

static size_t wakes_bytes(uint32_t n)
{
    return n * sizeof(struct plan_wake);
}

void memo_key(struct memo *x, struct memo_key *key, uint32_t group, struct span value, bool escaped)
{
    struct gauge *g = &x->gauges[group];
    *key = (struct memo_key){.group = group, .escaped = escaped, .value = value};
    if (value.len > VALUE_MAX_BYTES || value.len == 0) {
        return;
    }
    if (g->pass > 0) {
        g->pass--;
        return;
    }
    key->wanted = true;
    key->hash = hash_of(group, value, escaped);
    __builtin_prefetch(x->sets[key->hash % SETS]);
}

void memo_fetch(const struct memo *x, const struct memo_key *key)
{
    if (!key->wanted) {
        return;
    }
    const struct entry *set = x->sets[key->hash % SETS];
    const struct entry *e = set[0].hash == key->hash ? &set[0] : &set[1];
    const char *at = x->ring + e->at % RING_BYTES;
    __builtin_prefetch(at);
    __builtin_prefetch(at + 64);
}

static bool is_same(const struct memo *x, const struct entry *e, const struct memo_key *k)
{
    if (e->hash != k->hash || e->group != k->group || e->len != k->value.len || e->escaped != k->escaped ||
        e->at + RING_BYTES <= x->head) {
        return false;
    }
    return memcmp(x->ring + e->at % RING_BYTES + wakes_bytes(e->nwakes), k->value.ptr, k->value.len) == 0;
}

bool memo_find(struct memo *x, const struct memo_key *key, const struct plan_wake **wakes_out, uint32_t *n_out)
{
    if (!key->wanted) {
        return false;
    }
    const struct entry *set = x->sets[key->hash % SETS];
    const struct entry *e = is_same(x, &set[0], key)   ? &set[0]
                            : is_same(x, &set[1], key) ? &set[1]
                                                       : NULL;
    struct gauge *g = &x->gauges[key->group];
    g->hits = (uint8_t)(g->hits + (e != NULL));
    if (++g->asked == ASKED) {
        g->pass = g->hits < HITS_MIN ? PASS : 0;
        g->asked = 0;
        g->hits = 0;
    }
    if (e == NULL) {
        return false;
    }
    *wakes_out = (const struct plan_wake *)(const void *)(x->ring + e->at % RING_BYTES);
    *n_out = e->nwakes;
    return true;
}

void memo_put(struct memo *x, const struct memo_key *key, const struct plan_wake *wakes, uint32_t n)
{
    size_t len = key->value.len;
    CHECK(n <= MATCH_FOUND_MAX && key->wanted);
    size_t bytes = (wakes_bytes(n) + len + 7) & ~(size_t)7;
    if (x->head % RING_BYTES + bytes > RING_BYTES) {
        x->head += RING_BYTES - x->head % RING_BYTES;
    }
    struct entry *set = x->sets[key->hash % SETS];
    char *to = x->ring + x->head % RING_BYTES;
    set[1] = set[0];
    set[0] = (struct entry){.hash = key->hash, .at = x->head, .group = key->group, .len = (uint32_t)len,
                            .nwakes = (uint8_t)n, .escaped = key->escaped};
    if (n > 0) {
        memcpy(to, wakes, wakes_bytes(n));
    }
    memcpy(to + wakes_bytes(n), key->value.ptr, len);
    x->head += bytes;
}
