/* SPDX-License-Identifier: EUPL-1.2 */
/* Many texts in raw bytes: see needles.h. Runs in the hunter on bytes of anybody; reads only inside the text. */
#include "flow/hunt/needles.h"

#include <stdlib.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "flow/detect/masks.h"

enum {
    GRAM = 4,
    STEP = 4,                         /* every fourth place is enough for … */
    LONG_MIN = GRAM + STEP - 1,       /* … texts of this many bytes */
    STEP_MOST = 8,                    /* every eighth, when all are at least so long: */
    LONGER_MIN = GRAM + STEP_MOST - 1,
    MASKS_FEW = 12,                   /* texts that masks tell apart well enough */
    SHARED = PLAN_MASK_BUCKETS - NEEDLE_GROUPS, /* buckets of group 0 */
    BITS_PER_WINDOW = 32,             /* one place in 32 stops for nothing, at most … */
    BITS_MIN = 4096,
    BITS_MAX = 1 << 20,               /* … as long as the bitmap stays in the second cache: 128 KiB */
    STOPS = 64,                       /* places that are looked at before those are looked up that stopped */
};

#define LOWER 0x20202020u /* folds letters, and a few other bytes with them: comparing tells */

/* A window of a text that the table finds. */
struct window {
    uint32_t gram;
    uint32_t needle;
    uint16_t offset;
};

struct needles {
    const struct needle *list;
    uint32_t count;
    /* by masks: numbers of needles, by bucket */
    uint32_t *order;
    uint16_t *offsets; /* of their windows */
    uint32_t norder;
    uint32_t first[PLAN_MASK_BUCKETS + 1];
    struct plan_masks masks;
    /* by windows: sorted by gram; slots hold a place in there + 1 */
    struct window *windows;
    uint32_t nwindows;
    uint32_t *slots;
    uint32_t slot_mask, slot_shift;
    uint64_t *bitmap;
    uint32_t shift;
    uint32_t step; /* every which place is looked at */
};

static uint32_t hash(uint32_t gram)
{
    return gram * 0x9E3779B1u;
}

static uint32_t gram_at(const char *p)
{
    uint32_t gram;
    memcpy(&gram, p, sizeof gram);
    return gram | LOWER;
}

/* ---- making: masks ---- */

static void admit(struct needles *n, uint32_t number, uint16_t offset, unsigned bucket)
{
    const struct needle *x = &n->list[number];
    for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
        if (offset + k >= x->text.len) {
            plan_admit_all(&n->masks, k, bucket);
            continue;
        }
        char c = x->text.ptr[offset + k];
        plan_admit(&n->masks, k, (unsigned char)c, bucket);
        if (!x->exact && c >= 'a' && c <= 'z') {
            plan_admit(&n->masks, k, (unsigned char)(c - 32), bucket);
        }
    }
}

struct placed {
    uint32_t number;
    uint16_t offset;
    uint8_t group;
    char window[GRAM];
};

/* Those that share a bucket should look alike. */
static int placed_cmp(const void *x, const void *y)
{
    const struct placed *a = x;
    const struct placed *b = y;
    if (a->group != b->group) {
        return a->group < b->group ? -1 : 1;
    }
    int c = memcmp(a->window, b->window, GRAM);
    return c != 0 ? c : (a->number > b->number) - (a->number < b->number);
}

static void make_masks(struct needles *n, struct placed *list, uint32_t count)
{
    uint32_t shared = 0;
    qsort(list, count, sizeof *list, placed_cmp);
    while (shared < count && list[shared].group == 0) {
        shared++;
    }
    n->order = mem_calloc((size_t)count + 1, sizeof *n->order);
    n->offsets = mem_calloc((size_t)count + 1, sizeof *n->offsets);
    n->norder = count;
    for (uint32_t i = 0; i < count; i++) {
        unsigned bucket = i < shared ? (unsigned)((uint64_t)i * SHARED / shared) : SHARED + list[i].group - 1u;
        n->order[i] = list[i].number;
        n->offsets[i] = list[i].offset;
        n->first[bucket + 1] = i + 1;
        admit(n, list[i].number, list[i].offset, bucket);
    }
    for (unsigned k = 1; k <= PLAN_MASK_BUCKETS; k++) {
        n->first[k] = n->first[k] < n->first[k - 1] ? n->first[k - 1] : n->first[k];
    }
}

/* ---- making: windows ---- */

static int window_cmp(const void *x, const void *y)
{
    const struct window *a = x;
    const struct window *b = y;
    if (a->gram != b->gram) {
        return a->gram < b->gram ? -1 : 1;
    }
    return (a->needle > b->needle) - (a->needle < b->needle);
}

static double stretch_weight(struct span s, size_t at, uint32_t step)
{
    double sum = 0;
    for (size_t k = 0; k < step; k++) {
        double w = 1;
        for (size_t i = 0; i < GRAM; i++) {
            w *= plan_byte_weight(s.ptr[at + k + i]);
        }
        sum += w;
    }
    return sum;
}

/* The text's rarest windows side by side, as many as a step has places: one of them begins at a place that is looked at. */
static void add_windows(struct needles *n, uint32_t number)
{
    struct span s = n->list[number].text;
    size_t best = 0;
    double least = 0;
    for (size_t at = 0; at + GRAM + n->step - 1 <= s.len; at++) {
        double w = stretch_weight(s, at, n->step);
        if (at == 0 || w < least) {
            least = w;
            best = at;
        }
    }
    for (size_t k = 0; k < n->step; k++) {
        n->windows[n->nwindows++] = (struct window){gram_at(s.ptr + best + k), number, (uint16_t)(best + k)};
    }
}

static uint32_t power_of_two(uint64_t least, uint32_t from, uint32_t most)
{
    uint32_t v = from;
    while (v < least && v < most) {
        v *= 2;
    }
    return v;
}

static void make_table(struct needles *n)
{
    uint32_t size = power_of_two((uint64_t)n->nwindows * 2, 8, UINT32_C(1) << 30);
    uint32_t bits = power_of_two((uint64_t)n->nwindows * BITS_PER_WINDOW, BITS_MIN, BITS_MAX);
    qsort(n->windows, n->nwindows, sizeof *n->windows, window_cmp);
    n->slots = mem_calloc(size, sizeof *n->slots);
    n->slot_mask = size - 1;
    n->slot_shift = 32 - (uint32_t)__builtin_ctz(size);
    n->bitmap = mem_calloc(bits / 64, sizeof *n->bitmap);
    n->shift = 32 - (uint32_t)__builtin_ctz(bits);
    for (uint32_t i = 0; i < n->nwindows; i++) {
        uint32_t h = hash(n->windows[i].gram);
        uint32_t bit = h >> n->shift;
        uint32_t at = h >> n->slot_shift;
        n->bitmap[bit / 64] |= UINT64_C(1) << (bit % 64);
        if (i > 0 && n->windows[i].gram == n->windows[i - 1].gram) {
            continue; /* found by the first of them */
        }
        while (n->slots[at] != 0) {
            at = (at + 1) & n->slot_mask;
        }
        n->slots[at] = i + 1;
    }
}

static bool by_windows(const struct needle *x, bool many)
{
    return many && x->group == 0 && !x->exact && x->text.len >= LONG_MIN;
}

struct needles *needles_new(const struct needle *list, uint32_t count)
{
    struct needles *n = mem_alloc(sizeof *n);
    struct placed *placed = mem_calloc((size_t)count + 1, sizeof *placed);
    uint32_t nplaced = 0;
    uint32_t shared = 0;
    CHECK(count <= NEEDLES_MAX);
    n->list = list;
    n->count = count;
    for (uint32_t i = 0; i < count; i++) {
        CHECK(list[i].text.len > 0 && list[i].text.len <= NEEDLE_TEXT_MAX && list[i].group <= NEEDLE_GROUPS);
        shared += list[i].group == 0;
    }
    bool many = shared > MASKS_FEW;
    n->step = STEP_MOST;
    for (uint32_t i = 0; i < count; i++) {
        n->step = by_windows(&list[i], many) && list[i].text.len < LONGER_MIN ? STEP : n->step;
    }
    n->windows = mem_calloc((size_t)shared * n->step + 1, sizeof *n->windows);
    for (uint32_t i = 0; i < count; i++) {
        if (by_windows(&list[i], many)) {
            add_windows(n, i);
            continue;
        }
        struct placed *p = &placed[nplaced++];
        *p = (struct placed){i, plan_rare_window(list[i].text), list[i].group, {0}};
        struct span window = span_sub(list[i].text, p->offset, GRAM);
        memcpy(p->window, window.ptr, window.len);
    }
    make_masks(n, placed, nplaced);
    if (n->nwindows > 0) {
        make_table(n);
    }
    mem_free(placed);
    return n;
}

void needles_free(struct needles **given)
{
    struct needles *n = *given;
    if (n == NULL) {
        return;
    }
    mem_free(n->order);
    mem_free(n->offsets);
    mem_free(n->windows);
    mem_free(n->slots);
    mem_free(n->bitmap);
    mem_free(n);
    *given = NULL;
}

/* ---- looking ---- */

struct scan {
    const struct needles *n;
    struct span text;
    needles_found *found;
    void *ctx;
};

/* Whether the needle whose window begins at `window` stands there; its own beginning in at_out. */
static bool stands(const struct scan *s, const struct needle *x, size_t offset, size_t window, size_t *at_out)
{
    if (window < offset || x->text.len > s->text.len - (window - offset)) {
        return false;
    }
    *at_out = window - offset;
    struct span here = span_make(s->text.ptr + *at_out, x->text.len);
    return x->exact ? span_eq(here, x->text) : span_eq_nocase(here, x->text);
}

static size_t tell(const struct scan *s, uint32_t which, size_t at)
{
    size_t next = s->found(s->ctx, which, at);
    CHECK(next == NEEDLES_ON || next > at);
    return next;
}

/* What stands where some bucket admits it. Where to go on, or NEEDLES_ON. */
static size_t at_place(const struct scan *s, size_t window, unsigned buckets)
{
    const struct needles *n = s->n;
    size_t on = NEEDLES_ON;
    for (; buckets != 0; buckets &= buckets - 1) {
        unsigned b = (unsigned)__builtin_ctz(buckets);
        for (uint32_t i = n->first[b]; i < n->first[b + 1]; i++) {
            size_t at = 0;
            if (!stands(s, &n->list[n->order[i]], n->offsets[i], window, &at)) {
                continue;
            }
            size_t next = tell(s, n->order[i], at);
            if (next != NEEDLES_ON) {
                on = on == NEEDLES_ON || next > on ? next : on;
            }
        }
    }
    return on;
}

/* The text from `from` on, in whole blocks; where to go on, or the end of what was looked at. text: bytes at `from`. */
static size_t scan_blocks(const struct scan *s, const char *text, size_t from, size_t blocks)
{
    struct match_places found;
    for (size_t b = 0; (b = match_masks(&s->n->masks, text, b, blocks, &found)) < blocks; b++) {
        for (uint64_t places = found.places; places != 0; places &= places - 1) {
            unsigned k = (unsigned)__builtin_ctzll(places);
            size_t window = from + b * MATCH_MASKS_BLOCK + k;
            size_t next = window < s->text.len ? at_place(s, window, found.buckets[k]) : NEEDLES_ON;
            if (next != NEEDLES_ON && next > window) {
                return next;
            }
        }
    }
    return from + blocks * MATCH_MASKS_BLOCK;
}

static void scan_masks(const struct scan *s)
{
    size_t from = 0;
    while (from < s->text.len) {
        size_t left = s->text.len - from;
        size_t blocks = left <= MATCH_MASKS_OVER ? 0 : (left - MATCH_MASKS_OVER) / MATCH_MASKS_BLOCK;
        if (blocks > 0) {
            from = scan_blocks(s, s->text.ptr + from, from, blocks);
            continue;
        }
        /* The rest, under two blocks, from a copy with room behind it. */
        char rest[2 * MATCH_MASKS_BLOCK + MATCH_MASKS_OVER] = {0};
        memcpy(rest, s->text.ptr + from, left);
        from = scan_blocks(s, rest, from, (left + MATCH_MASKS_BLOCK - 1) / MATCH_MASKS_BLOCK);
    }
}

/* The needles that this window finds. Where to go on, or NEEDLES_ON. */
static size_t at_window(const struct scan *s, size_t window)
{
    const struct needles *n = s->n;
    uint32_t gram = gram_at(s->text.ptr + window);
    uint32_t slot = hash(gram) >> n->slot_shift;
    size_t on = NEEDLES_ON;
    while (n->slots[slot] != 0 && n->windows[n->slots[slot] - 1].gram != gram) {
        slot = (slot + 1) & n->slot_mask;
    }
    for (uint32_t i = n->slots[slot]; i != 0 && i <= n->nwindows && n->windows[i - 1].gram == gram; i++) {
        const struct window *w = &n->windows[i - 1];
        size_t at = 0;
        if (stands(s, &n->list[w->needle], w->offset, window, &at)) {
            size_t next = tell(s, w->needle, at);
            on = next != NEEDLES_ON && (on == NEEDLES_ON || next > on) ? next : on;
        }
    }
    return on;
}

static void scan_windows(const struct scan *s)
{
    const uint64_t *bitmap = s->n->bitmap;
    uint32_t shift = s->n->shift;
    size_t end = s->text.len >= GRAM ? s->text.len - GRAM + 1 : 0; /* behind the last window */
    size_t step = s->n->step;
    size_t at = 0;
    size_t stops[STOPS] = {0};
    while (at < end) {
        size_t n = 0;
        size_t left = (end - at + step - 1) / step;
        for (size_t i = left < STOPS ? left : STOPS; i > 0; i--, at += step) {
            uint32_t bit = hash(gram_at(s->text.ptr + at)) >> shift;
            stops[n] = at;
            n += bitmap[bit / 64] >> (bit % 64) & 1; /* no branch: nobody could foresee it */
        }
        size_t on = 0;
        for (size_t i = 0; i < n; i++) {
            size_t next = stops[i] < on ? NEEDLES_ON : at_window(s, stops[i]);
            on = next != NEEDLES_ON && next > on ? next : on;
        }
        if (on > at) {
            at += (on - at) / step * step; /* whatever window of a needle stands first at a place that is looked at finds it */
        }
    }
}

void needles_scan(const struct needles *n, struct span text, needles_found *found, void *ctx)
{
    const struct scan s = {n, text, found, ctx};
    if (n->norder > 0) {
        scan_masks(&s);
    }
    if (n->nwindows > 0) {
        scan_windows(&s);
    }
}
