/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Prepares the search for many literals in one text (plan.h, plan_grams): which four-byte windows stand for each of them,
 * the bitmap and the table that the matcher looks into. Compiler role.
 */
#include <stdlib.h>

#include "flow/detect/plan_build.h"

enum {
    STEP_LONG = 4,                           /* every fourth place is enough for … */
    LONG_MIN = PLAN_GRAM + STEP_LONG - 1,    /* … literals of this many bytes */
    BITS_PER_WINDOW = 32,                    /* one place in 32 stops for nothing, at most */
    BITS_MIN = 4096,
    BITS_MAX = 1 << 18,                      /* 32 KiB: stays in the first cache */
};

/* One window of one literal. */
struct window {
    uint32_t gram;
    struct plan_gram_ref ref;
};

static uint32_t gram_at(struct span s, size_t at)
{
    uint32_t gram;
    memcpy(&gram, s.ptr + at, sizeof gram);
    return gram;
}

/* How often the windows from `at` on are met in ordinary logs. */
static uint64_t stretch_rate(struct plan_build *b, struct span s, size_t at, uint32_t step)
{
    uint64_t rate = 0;
    for (uint32_t k = 0; k < step; k++) {
        rate += plan_gram_rate(&b->gram_rates, span_sub(s, at + k, PLAN_GRAM));
    }
    return rate;
}

/* Offset of the literal's rarest stretch of `step` windows; found once per literal. */
static uint32_t rare_stretch(struct plan_build *b, struct span s, uint32_t step)
{
    bool fresh;
    uint64_t *known = map_at(&b->windows, s, &fresh);
    if (!fresh) {
        return (uint32_t)*known;
    }
    size_t best = 0;
    uint64_t best_rate = UINT64_MAX;
    for (size_t at = 0; at + PLAN_GRAM + step - 1 <= s.len; at++) {
        uint64_t rate = stretch_rate(b, s, at, step);
        if (rate < best_rate) {
            best_rate = rate;
            best = at;
        }
    }
    *known = best;
    return (uint32_t)best;
}

static int window_cmp(const void *x, const void *y)
{
    const struct window *a = x;
    const struct window *b = y;
    if (a->gram != b->gram) {
        return a->gram < b->gram ? -1 : 1;
    }
    if (a->ref.literal != b->ref.literal) {
        return a->ref.literal < b->ref.literal ? -1 : 1;
    }
    return a->ref.offset < b->ref.offset ? -1 : 1;
}

static uint32_t power_of_two(uint32_t least, uint32_t from, uint32_t most)
{
    uint32_t n = from;
    while (n < least && n < most) {
        n *= 2;
    }
    return n;
}

static void fill_slots(struct plan_build *b, const struct window *w, uint32_t n, struct plan_grams *out)
{
    uint32_t size = power_of_two(n * 2, 8, UINT32_C(1) << 31);
    struct plan_gram_slot *slots = arena_calloc(b->region, size, sizeof *slots);
    struct plan_gram_ref *refs = arena_calloc(b->region, n, sizeof *refs);
    for (uint32_t i = 0; i < n;) {
        uint32_t end = i;
        while (end < n && w[end].gram == w[i].gram) {
            refs[end] = w[end].ref;
            end++;
        }
        uint32_t at = plan_gram_hash(w[i].gram) & (size - 1);
        while (slots[at].n != 0) {
            at = (at + 1) & (size - 1);
        }
        slots[at] = (struct plan_gram_slot){w[i].gram, i, end - i};
        i = end;
    }
    out->mask = size - 1;
    out->slots = slots;
    out->refs = refs;
}

static void fill_bitmap(struct plan_build *b, const struct window *w, uint32_t n, struct plan_grams *out)
{
    uint32_t bits = power_of_two(n * BITS_PER_WINDOW, BITS_MIN, BITS_MAX);
    uint64_t *bitmap = arena_calloc(b->region, bits / 64, sizeof *bitmap);
    out->shift = 32 - (uint32_t)__builtin_ctz(bits);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t bit = plan_gram_hash(w[i].gram) >> out->shift;
        bitmap[bit / 64] |= UINT64_C(1) << (bit % 64);
    }
    out->bitmap = bitmap;
}

/* Table for literals [from, to): their rarest stretches, or for starts and ends the window that stands there. */
static void make_table(struct plan_build *b, const struct plan_literal *l, uint32_t from, uint32_t to,
                       uint32_t step, struct plan_grams *out)
{
    if (from == to) {
        return;
    }
    struct window *w = arena_calloc(&b->temp, (to - from) * step, sizeof *w);
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++) {
        uint32_t at = l[i].op == OP_STARTS ? 0
                      : l[i].op == OP_ENDS ? (uint32_t)(l[i].text.len - PLAN_GRAM)
                                           : rare_stretch(b, l[i].text, step);
        for (uint32_t k = 0; k < step; k++) {
            w[n++] = (struct window){gram_at(l[i].text, at + k), {i, at + k}};
        }
    }
    qsort(w, n, sizeof *w, window_cmp);
    out->step = step;
    fill_slots(b, w, n, out);
    fill_bitmap(b, w, n, out);
}

/* Kinds of literals in the order they are kept in. */
enum { KIND_DIRECT, KIND_STARTS, KIND_ENDS, KIND_LONG, KIND_MIDDLE, KINDS };

static unsigned kind_of(const struct plan_literal *l, bool few)
{
    if (few || l->text.len < PLAN_GRAM) {
        return KIND_DIRECT;
    }
    return l->op == OP_STARTS           ? KIND_STARTS
           : l->op == OP_ENDS           ? KIND_ENDS
           : l->text.len >= LONG_MIN    ? KIND_LONG
                                        : KIND_MIDDLE;
}

void plan_grams_make(struct plan_build *b, struct plan_literal *literals, uint32_t n, struct plan_group *g)
{
    struct plan_literal *sorted = arena_calloc(&b->temp, n, sizeof *sorted);
    uint32_t first[KINDS + 1] = {0};
    uint32_t at = 0;
    for (unsigned kind = 0; kind < KINDS; kind++) {
        for (uint32_t i = 0; i < n; i++) {
            if (kind_of(&literals[i], n <= PLAN_DIRECT_MAX) == kind) {
                sorted[at++] = literals[i];
            }
        }
        first[kind + 1] = at;
    }
    memcpy(literals, sorted, n * sizeof *sorted);
    g->literals = literals;
    g->nliterals = n;
    g->ndirect = first[KIND_DIRECT + 1];
    make_table(b, literals, first[KIND_STARTS], first[KIND_STARTS + 1], 1, &g->starts);
    make_table(b, literals, first[KIND_ENDS], first[KIND_ENDS + 1], 1, &g->ends);
    make_table(b, literals, first[KIND_LONG], first[KIND_LONG + 1], STEP_LONG, &g->inside[0]);
    make_table(b, literals, first[KIND_MIDDLE], first[KIND_MIDDLE + 1], 1, &g->inside[1]);
}
