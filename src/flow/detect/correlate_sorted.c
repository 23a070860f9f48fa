/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The values of a window in order, for medians and percentiles: chunks of sorted values with the largest of each beside
 * them, and a finger on the chunk that was asked for last. Insert and remove search the largest values (logarithm) and
 * move within one chunk; the rank asked for moves by little from event to event, so the finger goes there in a step or
 * two, however long the window is. Used by correlate_group.c; bytes are bounded by its owner.
 */
#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

enum { CHUNK_MAX = 256, CHUNK_SMALL = 64, CHUNKS_FIRST = 4 };

struct sorted_chunk {
    uint32_t n;
    double v[CHUNK_MAX];
};

static void set_top(struct sorted_list *s, uint32_t at)
{
    const struct sorted_chunk *c = s->chunks[at];
    s->tops[at] = c->n == 0 ? 0 : c->v[c->n - 1];
}

/* First chunk whose last value is at least v, or the last chunk. */
static uint32_t chunk_for(const struct sorted_list *s, double v)
{
    uint32_t lo = 0;
    uint32_t hi = s->n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (s->tops[mid] < v) {
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

/* A new empty chunk at `at`. Where the finger is has to be said by the caller. */
static struct sorted_chunk *chunk_open(struct sorted_list *s, uint32_t at)
{
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? CHUNKS_FIRST : s->cap * 2;
        s->chunks = mem_realloc(s->chunks, s->cap * sizeof *s->chunks);
        s->tops = mem_realloc(s->tops, s->cap * sizeof *s->tops);
    }
    memmove(s->chunks + at + 1, s->chunks + at, (s->n - at) * sizeof *s->chunks);
    memmove(s->tops + at + 1, s->tops + at, (s->n - at) * sizeof *s->tops);
    s->chunks[at] = mem_alloc(sizeof **s->chunks);
    s->tops[at] = 0;
    s->n++;
    return s->chunks[at];
}

/* Takes out chunk `at`, whose values are gone or have moved into the one before it. */
static void chunk_close(struct sorted_list *s, uint32_t at)
{
    mem_free(s->chunks[at]);
    memmove(s->chunks + at, s->chunks + at + 1, (s->n - at - 1) * sizeof *s->chunks);
    memmove(s->tops + at, s->tops + at + 1, (s->n - at - 1) * sizeof *s->tops);
    s->n--;
}

/* The upper half of a full chunk becomes one of its own. */
static void chunk_split(struct sorted_list *s, uint32_t at)
{
    struct sorted_chunk *upper = chunk_open(s, at + 1);
    struct sorted_chunk *c = s->chunks[at];
    upper->n = CHUNK_MAX / 2;
    c->n = CHUNK_MAX - CHUNK_MAX / 2;
    memcpy(upper->v, c->v + c->n, upper->n * sizeof *c->v);
    set_top(s, at);
    set_top(s, at + 1);
    s->finger += s->finger > at ? 1 : 0; /* on the chunk itself: it stays on the lower half, which begins where it did */
}

void sorted_insert(struct sorted_list *s, double v)
{
    if (s->n == 0) {
        (void)chunk_open(s, 0);
        s->finger = 0;
        s->before = 0;
    }
    uint32_t at = chunk_for(s, v);
    if (s->chunks[at]->n == CHUNK_MAX) {
        chunk_split(s, at);
        at += v > s->tops[at] ? 1 : 0;
    }
    struct sorted_chunk *c = s->chunks[at];
    uint32_t i = place_in(c, v);
    memmove(c->v + i + 1, c->v + i, (c->n - i) * sizeof *c->v);
    c->v[i] = v;
    c->n++;
    s->len++;
    s->before += at < s->finger ? 1 : 0;
    set_top(s, at);
}

/* A small chunk joins its right neighbour when both fit: else a slid window would leave a chunk per value. */
static void chunk_join(struct sorted_list *s, uint32_t at)
{
    struct sorted_chunk *c = s->chunks[at];
    if (c->n == 0) {
        chunk_close(s, at);
        if (s->finger > at) {
            s->finger--;
        } else if (s->finger == s->n && s->n > 0) { /* it stood on the last one, which is gone */
            s->finger--;
            s->before = s->len - s->chunks[s->finger]->n;
        }
        return;
    }
    if (at + 1 >= s->n || c->n + s->chunks[at + 1]->n > CHUNK_MAX) {
        return;
    }
    if (c->n < CHUNK_SMALL || s->chunks[at + 1]->n < CHUNK_SMALL) {
        if (s->finger == at + 1) {
            s->before -= c->n;
        }
        memcpy(c->v + c->n, s->chunks[at + 1]->v, s->chunks[at + 1]->n * sizeof *c->v);
        c->n += s->chunks[at + 1]->n;
        chunk_close(s, at + 1);
        set_top(s, at);
        s->finger -= s->finger > at ? 1 : 0;
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
    s->before -= at < s->finger ? 1 : 0;
    set_top(s, at);
    chunk_join(s, at);
}

double sorted_at(struct sorted_list *s, uint32_t rank)
{
    CHECK(rank < s->len);
    while (rank < s->before) {
        s->finger--;
        s->before -= s->chunks[s->finger]->n;
    }
    while (rank >= s->before + s->chunks[s->finger]->n) {
        s->before += s->chunks[s->finger]->n;
        s->finger++;
    }
    return s->chunks[s->finger]->v[rank - s->before];
}

void sorted_free(struct sorted_list *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        mem_free(s->chunks[i]);
    }
    mem_free(s->chunks);
    mem_free(s->tops);
    *s = (struct sorted_list){0};
}

size_t sorted_bytes(const struct sorted_list *s)
{
    return s->cap * (sizeof *s->chunks + sizeof *s->tops) + s->n * sizeof(struct sorted_chunk);
}
