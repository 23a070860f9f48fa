/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prepares the search for many literals in one text (plan.h, plan_grams): which windows of four or five bytes stand for each of them,
 * the bitmap and the table that the matcher looks into. Compiler role.
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "flow/detect/plan_build.h"

enum {
    STEP_LONG = 3,                           /* every third place is enough for … */
    LONG_MIN = PLAN_GRAM_WIDE + STEP_LONG - 1, /* … literals of this many bytes */
    MIDDLE_FEW = 32,                         /* literals of four to six bytes that are looked for as short ones are */
    BITS_PER_WINDOW = 32,                    /* two of them set, in one word: of places that hold none, one in some hundreds stops */
    BITS_MIN = 4096,
    BITS_MAX = 1 << 20,                      /* 128 KiB: stays in the second cache */
};
_Static_assert(STEP_LONG == 3, "scan_masked knows this step and 1");
static const double MASKS_MOST = 0.10; /* share of places that masks may admit, as guessed, to be worth their look */

/* One window of one literal. */
struct window {
    uint32_t hash;
    uint32_t gram; /* its first PLAN_GRAM bytes */
    struct plan_gram_ref ref;
};

static uint32_t gram_at(struct span s, size_t at)
{
    uint32_t gram;
    memcpy(&gram, s.ptr + at, sizeof gram);
    return gram;
}

/* How often a window is met in ordinary logs: of a wide one, no oftener than each of its parts. */
static uint64_t window_rate(struct plan_build *b, struct span s, size_t at, uint32_t width)
{
    uint64_t rate = UINT64_MAX;
    for (uint32_t k = 0; k + PLAN_GRAM <= width; k++) {
        uint64_t part = plan_gram_rate(b, span_sub(s, at + k, PLAN_GRAM));
        rate = part < rate ? part : rate;
    }
    return rate;
}

static uint64_t stretch_rate(struct plan_build *b, struct span s, size_t at, uint32_t width, uint32_t step)
{
    uint64_t rate = 0;
    for (uint32_t k = 0; k < step; k++) {
        rate += window_rate(b, s, at + k, width);
    }
    return rate;
}

/* Offset of the literal's rarest stretch of `step` windows; found once per literal. */
static uint32_t rare_stretch(struct plan_build *b, struct span s, uint32_t width, uint32_t step)
{
    bool fresh;
    uint64_t *known = map_at(&b->windows, s, &fresh);
    if (!fresh) {
        return (uint32_t)*known;
    }
    size_t best = 0;
    uint64_t best_rate = UINT64_MAX;
    for (size_t at = 0; at + width + step - 1 <= s.len; at++) {
        uint64_t rate = stretch_rate(b, s, at, width, step);
        if (rate < best_rate) {
            best_rate = rate;
            best = at;
        }
    }
    *known = best;
    return (uint32_t)best;
}

/* Where another window of the literal stands, rare and far from the one at `at` as can be. */
static uint16_t guard_of(struct plan_build *b, struct span s, size_t at)
{
    size_t best = at;
    size_t best_far = 0;
    uint64_t best_rate = UINT64_MAX;
    for (size_t i = 0; i + PLAN_GRAM <= s.len; i++) {
        size_t far = i > at ? i - at : at - i;
        far = far < PLAN_GRAM ? far : PLAN_GRAM;
        uint64_t rate = plan_gram_rate(b, span_sub(s, i, PLAN_GRAM));
        if (far > best_far || (far == best_far && rate < best_rate)) {
            best = i;
            best_far = far;
            best_rate = rate;
        }
    }
    return (uint16_t)best;
}

static struct window window_make(struct plan_build *b, const struct plan_literal *l, uint32_t literal, size_t at,
                                 uint32_t width)
{
    char bytes[PLAN_GRAM_READ] = {0};
    uint16_t guard = guard_of(b, l->text, at);
    CHECK(l->text.len <= UINT16_MAX && at + width <= l->text.len);
    memcpy(bytes, l->text.ptr + at, width);
    return (struct window){plan_gram_hash(bytes, width), gram_at(l->text, at),
                           {.literal = literal, .word = gram_at(l->text, guard), .offset = (uint16_t)at, .guard = guard,
                            .len = (uint16_t)l->text.len, .op = l->op}};
}

static int ref_cmp(const struct plan_gram_ref *a, const struct plan_gram_ref *b)
{
    if (a->literal != b->literal) {
        return a->literal < b->literal ? -1 : 1;
    }
    return a->offset < b->offset ? -1 : 1;
}

static int by_hash(const void *x, const void *y)
{
    const struct window *a = x;
    const struct window *b = y;
    return a->hash != b->hash ? (a->hash < b->hash ? -1 : 1) : ref_cmp(&a->ref, &b->ref);
}

/* Those that end alike side by side. */
static int by_bytes(const void *x, const void *y)
{
    const struct window *a = x;
    const struct window *b = y;
    return a->gram != b->gram ? (a->gram < b->gram ? -1 : 1) : ref_cmp(&a->ref, &b->ref);
}

static uint32_t power_of_two(uint32_t least, uint32_t from, uint32_t most)
{
    uint32_t n = from;
    while (n < least && n < most) {
        n *= 2;
    }
    return n;
}

/* Windows that are not equal to the one before: w is sorted by hash. */
static uint32_t count_different(const struct window *w, uint32_t n)
{
    uint32_t different = 0;
    for (uint32_t i = 0; i < n; i++) {
        different += i == 0 || w[i].hash != w[i - 1].hash;
    }
    return different;
}

static void fill_slots(struct plan_build *b, const struct window *w, uint32_t n, struct plan_grams *out)
{
    uint32_t size = power_of_two(count_different(w, n) * 2, 8, UINT32_C(1) << 31);
    struct plan_gram_slot *slots = arena_calloc(b->region, size, sizeof *slots);
    struct plan_gram_ref *refs = arena_calloc(b->region, n, sizeof *refs);
    out->slot_shift = 32 - (uint32_t)__builtin_ctz(size);
    for (uint32_t i = 0; i < n;) {
        uint32_t end = i;
        while (end < n && w[end].hash == w[i].hash) {
            refs[end] = w[end].ref;
            end++;
        }
        uint32_t at = w[i].hash >> out->slot_shift;
        while (slots[at].n != 0) {
            at = (at + 1) & (size - 1);
        }
        slots[at] = (struct plan_gram_slot){w[i].hash, i, end - i};
        i = end;
    }
    out->mask = size - 1;
    out->slots = slots;
    out->refs = refs;
}

static void fill_bitmap(struct plan_build *b, const struct window *w, uint32_t n, struct plan_grams *out)
{
    uint32_t bits = power_of_two(count_different(w, n) * BITS_PER_WINDOW, BITS_MIN, BITS_MAX);
    uint64_t *bitmap = arena_calloc(b->region, bits / 64, sizeof *bitmap);
    out->shift = 32 - (uint32_t)__builtin_ctz(bits / 64);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t both = UINT64_C(1) << plan_gram_bit(w[i].hash, 0) | UINT64_C(1) << plan_gram_bit(w[i].hash, 1);
        bitmap[w[i].hash >> out->shift] |= both;
    }
    out->bitmap = bitmap;
}

/*
 * Masks that admit every window of a table, those that end alike in one bucket. NULL where what they admit would be more than
 * MASKS_MOST of all places, by how common bytes are.
 */
static const struct plan_masks *make_masks(struct plan_build *b, const struct window *w, uint32_t n)
{
    struct plan_masks masks = {0};
    double admitted = 0;
    for (uint32_t bucket = 0; bucket < PLAN_MASK_BUCKETS; bucket++) {
        uint8_t has[PLAN_MASK_PLACES][256] = {0};
        uint32_t from = (uint32_t)((uint64_t)bucket * n / PLAN_MASK_BUCKETS);
        uint32_t to = (uint32_t)((uint64_t)(bucket + 1) * n / PLAN_MASK_BUCKETS);
        double share = from < to ? 1 : 0;
        for (uint32_t i = from; i < to; i++) {
            for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
                unsigned char c = (unsigned char)(w[i].gram >> (8 * k));
                plan_admit(&masks, k, c, bucket);
                has[k][c] = 1;
            }
        }
        for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
            double weight = 0;
            for (unsigned c = 0; c < 256; c++) {
                weight += has[k][c] != 0 ? plan_byte_weight((char)c) / 1000 : 0;
            }
            share *= weight < 1 ? weight : 1;
        }
        admitted += share;
    }
    if (admitted > MASKS_MOST) {
        return NULL;
    }
    struct plan_masks *out = arena_alloc(b->region, sizeof *out);
    *out = masks;
    return out;
}

/* Table for literals [from, to): their rarest stretches, or for short starts and ends the window that stands there. */
static void make_table(struct plan_build *b, const struct plan_literal *l, uint32_t from, uint32_t to,
                       uint32_t step, struct plan_grams *out)
{
    if (from == to) {
        return;
    }
    struct window *w = arena_calloc(&b->temp, (to - from) * step, sizeof *w);
    uint32_t n = 0;
    out->step = step;
    out->width = step > 1 ? PLAN_GRAM_WIDE : PLAN_GRAM;
    for (uint32_t i = from; i < to; i++) {
        uint32_t at = step > 1 || l[i].op == OP_CONTAINS ? rare_stretch(b, l[i].text, out->width, step)
                      : l[i].op == OP_STARTS             ? 0
                                                         : (uint32_t)(l[i].text.len - PLAN_GRAM);
        for (uint32_t k = 0; k < step; k++) {
            w[n++] = window_make(b, &l[i], i, at + k, out->width);
        }
    }
    qsort(w, n, sizeof *w, by_hash);
    fill_slots(b, w, n, out);
    fill_bitmap(b, w, n, out);
    qsort(w, n, sizeof *w, by_bytes);
    out->masks = make_masks(b, w, n);
}

uint8_t plan_shorts_window(struct span text)
{
    return (uint8_t)plan_rare_window(span_sub(text, 0, UINT8_MAX));
}

const struct plan_shorts *plan_shorts_make(struct plan_build *b, const struct plan_literal *l, uint32_t from, uint32_t to)
{
    if (from == to) {
        return NULL;
    }
    struct plan_shorts *t = arena_alloc(b->region, sizeof *t);
    uint8_t *offsets = arena_calloc(b->region, to - from, sizeof *offsets);
    for (uint32_t i = from; i < to; i++) {
        unsigned bucket = (unsigned)((uint64_t)(i - from) * PLAN_MASK_BUCKETS / (to - from));
        struct span s = l[i].text;
        offsets[i - from] = plan_shorts_window(s);
        t->first[bucket + 1] = i + 1;
        for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
            size_t at = offsets[i - from] + k;
            if (at < s.len) {
                plan_admit(&t->masks, k, (unsigned char)s.ptr[at], bucket);
            } else {
                plan_admit_all(&t->masks, k, bucket);
            }
        }
    }
    t->first[0] = from;
    for (unsigned k = 1; k <= PLAN_MASK_BUCKETS; k++) {
        t->first[k] = t->first[k] < t->first[k - 1] ? t->first[k - 1] : t->first[k];
    }
    t->offsets = offsets;
    return t;
}

/* Kinds of literals in the order they are kept in. */
enum { KIND_DIRECT, KIND_HIGH, KIND_HIGH_HASH, KIND_SHORT, KIND_STARTS, KIND_ENDS, KIND_LONG, KIND_MIDDLE, KINDS };

static unsigned kind_of_high(const struct plan_literal *l)
{
    bool begins = (unsigned char)l->text.ptr[0] >= 0x80;
    return begins && l->text.len >= 2 && l->op == OP_CONTAINS ? KIND_HIGH_HASH : KIND_HIGH;
}

static unsigned kind_of(const struct plan_literal *l)
{
    if (l->text.len < PLAN_GRAM) {
        return !utf8_is_ascii(l->text)                        ? kind_of_high(l)
               : l->op == OP_CONTAINS && l->text.len >= 2     ? KIND_SHORT
                                                              : KIND_DIRECT;
    }
    return l->text.len >= LONG_MIN    ? KIND_LONG /* paths: many start and end alike, and differ inside */
           : l->op == OP_STARTS       ? KIND_STARTS
           : l->op == OP_ENDS         ? KIND_ENDS
                                      : KIND_MIDDLE;
}

/* Looking at every place of a text is for many literals only. */
static unsigned final_kind(const struct plan_literal *l, uint32_t n, uint32_t nmiddle)
{
    unsigned kind = n <= PLAN_DIRECT_MAX ? KIND_DIRECT : kind_of(l);
    return kind == KIND_MIDDLE && nmiddle <= MIDDLE_FEW ? KIND_SHORT : kind;
}

static void order_literals(const struct plan_literal *literals, uint32_t n, uint32_t *order_out,
                           uint32_t first_out[KINDS + 1])
{
    uint32_t at = 0;
    uint32_t nmiddle = 0;
    for (uint32_t i = 0; i < n; i++) {
        nmiddle += kind_of(&literals[i]) == KIND_MIDDLE;
    }
    first_out[0] = 0;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (uint32_t i = 0; i < n; i++) {
            if (final_kind(&literals[i], n, nmiddle) == kind) {
                order_out[at++] = i;
            }
        }
        first_out[kind + 1] = at;
    }
}

static const struct plan_hash *make_high(struct plan_build *b, const struct plan_literal *l, uint32_t from, uint32_t to)
{
    if (from == to) {
        return NULL;
    }
    struct span *texts = arena_calloc(&b->temp, to - from, sizeof *texts);
    for (uint32_t i = from; i < to; i++) {
        texts[i - from] = l[i].text;
    }
    return plan_pack_hash(b, texts, to - from);
}

static const struct plan_set *set_make(struct plan_build *b, const struct plan_literal *literals, uint32_t n,
                                       bool keywords, const uint32_t *order, const uint32_t first[KINDS + 1])
{
    struct plan_set *s = arena_alloc(b->region, sizeof *s);
    struct plan_literal *l = arena_calloc(b->region, n, sizeof *l);
    for (uint32_t i = 0; i < n; i++) {
        l[i] = literals[order[i]];
        l[i].pair = plan_rare_pair(l[i].text);
    }
    s->literals = l;
    s->n = n;
    s->ndirect = first[KIND_DIRECT + 1];
    s->nhigh = first[KIND_HIGH + 1] - first[KIND_HIGH];
    s->high = make_high(b, l, first[KIND_HIGH_HASH], first[KIND_HIGH_HASH + 1]);
    s->high_first = first[KIND_HIGH_HASH];
    s->shorts = plan_shorts_make(b, l, first[KIND_SHORT], first[KIND_SHORT + 1]);
    make_table(b, l, first[KIND_STARTS], first[KIND_STARTS + 1], 1, &s->starts);
    make_table(b, l, first[KIND_ENDS], first[KIND_ENDS + 1], 1, &s->ends);
    make_table(b, l, first[KIND_LONG], first[KIND_LONG + 1], STEP_LONG, &s->inside[0]);
    make_table(b, l, first[KIND_MIDDLE], first[KIND_MIDDLE + 1], 1, &s->inside[1]);
    s->raw = keywords ? plan_raw_make(b, l, n) : NULL;
    return s;
}

const struct plan_set *plan_set_make(struct plan_build *b, const struct plan_literal *literals, uint32_t n,
                                     bool keywords, uint32_t *order_out)
{
    uint32_t first[KINDS + 1];
    bool fresh;
    order_literals(literals, n, order_out, first);
    /* Texts lie in the region once each: equal ones have equal addresses. Padding is zero, the arena's. */
    struct plan_literal *key = arena_calloc(&b->temp, n + 1, sizeof *key);
    for (uint32_t i = 0; i < n; i++) {
        key[i].text = literals[i].text;
        key[i].op = literals[i].op;
    }
    key[n].op = keywords;
    uint64_t *at = map_at(&b->sets, span_make((const char *)key, (n + 1) * sizeof *key), &fresh);
    if (fresh) {
        *at = (uint64_t)(uintptr_t)set_make(b, literals, n, keywords, order_out, first);
    }
    return (const struct plan_set *)(uintptr_t)*at;
}
