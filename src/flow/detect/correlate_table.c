/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How often each value stands in a window, and the values of a window in order: both forget as well as they learn, since
 * windows slide. Used by correlate_group.c in whichever role correlates; bytes are bounded by its owner.
 */
#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

enum { COUNT_FIRST_CAP = 16, CHUNK_MAX = 512, CHUNK_SMALL = 128 };

/* ---- counts ---- */

static uint32_t count_slot(const struct count_table *t, uint64_t key)
{
    uint32_t mask = t->cap - 1;
    uint32_t i = (uint32_t)key & mask;
    while (t->counts[i] != 0 && t->keys[i] != key) {
        i = (i + 1) & mask;
    }
    return i;
}

static void count_grow(struct count_table *t)
{
    struct count_table old = *t;
    t->cap = old.cap == 0 ? COUNT_FIRST_CAP : old.cap * 2;
    CHECK(t->cap != 0);
    t->keys = mem_calloc(t->cap, sizeof *t->keys);
    t->counts = mem_calloc(t->cap, sizeof *t->counts);
    for (uint32_t i = 0; i < old.cap; i++) {
        if (old.counts[i] != 0) {
            uint32_t at = count_slot(t, old.keys[i]);
            t->keys[at] = old.keys[i];
            t->counts[at] = old.counts[i];
        }
    }
    mem_free(old.keys);
    mem_free(old.counts);
}

uint32_t count_add(struct count_table *t, uint64_t key)
{
    if ((uint64_t)t->len * 4 >= (uint64_t)t->cap * 3) {
        count_grow(t);
    }
    uint32_t i = count_slot(t, key);
    t->len += t->counts[i] == 0 ? 1 : 0;
    t->keys[i] = key;
    return ++t->counts[i];
}

uint32_t count_get(const struct count_table *t, uint64_t key)
{
    return t->cap == 0 ? 0 : t->counts[count_slot(t, key)];
}

/* Closes the gap that a freed slot leaves, so that no probe stops early. */
static void count_close(struct count_table *t, uint32_t gap)
{
    uint32_t mask = t->cap - 1;
    for (uint32_t i = (gap + 1) & mask; t->counts[i] != 0; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)t->keys[i] & mask;
        if (((i - home) & mask) >= ((i - gap) & mask)) {
            t->keys[gap] = t->keys[i];
            t->counts[gap] = t->counts[i];
            t->counts[i] = 0;
            gap = i;
        }
    }
}

uint32_t count_remove(struct count_table *t, uint64_t key)
{
    uint32_t i = count_slot(t, key);
    CHECK(t->counts[i] > 0);
    uint32_t left = --t->counts[i];
    if (left == 0) {
        t->len--;
        count_close(t, i);
    }
    return left;
}

void count_free(struct count_table *t)
{
    mem_free(t->keys);
    mem_free(t->counts);
    *t = (struct count_table){0};
}

size_t count_bytes(const struct count_table *t)
{
    return (size_t)t->cap * (sizeof *t->keys + sizeof *t->counts);
}

/* ---- sorted values ---- */

struct sorted_chunk {
    uint32_t n;
    double v[CHUNK_MAX];
};

/* First chunk whose last value is at least v, or the last chunk. */
static uint32_t chunk_for(const struct sorted_list *s, double v)
{
    uint32_t lo = 0;
    uint32_t hi = s->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (s->chunks[mid]->v[s->chunks[mid]->n - 1] < v) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo == s->n ? s->n - 1 : lo;
}

static uint32_t place_in(const struct sorted_chunk *c, double v)
{
    uint32_t lo = 0;
    uint32_t hi = c->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (c->v[mid] < v) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static struct sorted_chunk *chunk_open(struct sorted_list *s, uint32_t at)
{
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 4 : s->cap * 2;
        s->chunks = mem_realloc(s->chunks, s->cap * sizeof *s->chunks);
    }
    memmove(s->chunks + at + 1, s->chunks + at, (s->n - at) * sizeof *s->chunks);
    s->chunks[at] = mem_alloc(sizeof **s->chunks);
    s->n++;
    return s->chunks[at];
}

static void chunk_close(struct sorted_list *s, uint32_t at)
{
    mem_free(s->chunks[at]);
    memmove(s->chunks + at, s->chunks + at + 1, (s->n - at - 1) * sizeof *s->chunks);
    s->n--;
}

void sorted_insert(struct sorted_list *s, double v)
{
    if (s->n == 0) {
        (void)chunk_open(s, 0);
    }
    uint32_t at = s->n == 1 ? 0 : chunk_for(s, v);
    struct sorted_chunk *c = s->chunks[at];
    if (c->n == CHUNK_MAX) {
        struct sorted_chunk *upper = chunk_open(s, at + 1);
        upper->n = CHUNK_MAX / 2;
        c->n = CHUNK_MAX - CHUNK_MAX / 2;
        memcpy(upper->v, c->v + c->n, upper->n * sizeof *c->v);
        c = v > c->v[c->n - 1] ? upper : c;
    }
    uint32_t i = place_in(c, v);
    memmove(c->v + i + 1, c->v + i, (c->n - i) * sizeof *c->v);
    c->v[i] = v;
    c->n++;
    s->len++;
}

/* A small chunk joins its right neighbour when both fit: else a slid window would leave a chunk per value. */
static void chunk_join(struct sorted_list *s, uint32_t at)
{
    struct sorted_chunk *c = s->chunks[at];
    if (c->n == 0) {
        chunk_close(s, at);
        return;
    }
    if (at + 1 >= s->n || c->n + s->chunks[at + 1]->n > CHUNK_MAX) {
        return;
    }
    if (c->n < CHUNK_SMALL || s->chunks[at + 1]->n < CHUNK_SMALL) {
        memcpy(c->v + c->n, s->chunks[at + 1]->v, s->chunks[at + 1]->n * sizeof *c->v);
        c->n += s->chunks[at + 1]->n;
        chunk_close(s, at + 1);
    }
}

void sorted_remove(struct sorted_list *s, double v)
{
    CHECK(s->n > 0);
    uint32_t at = chunk_for(s, v);
    struct sorted_chunk *c = s->chunks[at];
    uint32_t i = place_in(c, v);
    CHECK(i < c->n && c->v[i] == v);
    memmove(c->v + i, c->v + i + 1, (c->n - i - 1) * sizeof *c->v);
    c->n--;
    s->len--;
    chunk_join(s, at);
}

double sorted_at(const struct sorted_list *s, uint32_t rank)
{
    CHECK(rank < s->len);
    uint32_t at = 0;
    while (rank >= s->chunks[at]->n) {
        rank -= s->chunks[at]->n;
        at++;
    }
    return s->chunks[at]->v[rank];
}

void sorted_free(struct sorted_list *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        mem_free(s->chunks[i]);
    }
    mem_free(s->chunks);
    *s = (struct sorted_list){0};
}

size_t sorted_bytes(const struct sorted_list *s)
{
    return s->cap * sizeof *s->chunks + s->n * sizeof(struct sorted_chunk);
}
