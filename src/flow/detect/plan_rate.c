/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How often a text is met in logs: what decides which part of a rule becomes its anchor. A wrong guess costs time, never
 * a match. The table holds texts that ordinary logs are full of; everything else is judged by its length.
 * Compiler role; called by plan_anchor.c.
 */
#include "flow/detect/plan_build.h"

struct common_text {
    const char *text; /* folded */
    double rate;      /* share of events of a typical mix in which a field holds it */
};

static const struct common_text common_texts[] = {
#include "flow/detect/plan_rate.inc"
};

static bool text_has(const char *text, enum anchor_kind kind, struct span s)
{
    struct span t = span_of(text);
    switch (kind) {
    case ANCHOR_EXACT:
        return span_eq(t, s);
    case ANCHOR_STARTS:
        return span_starts(t, s);
    case ANCHOR_ENDS:
    case ANCHOR_BASE:
        return span_ends(t, s);
    case ANCHOR_CONTAINS:
        return s.len == 0 || memmem(t.ptr, t.len, s.ptr, s.len) != NULL;
    case ANCHOR_PRESENT:
    case ANCHOR_UNKNOWN:
    case ANCHOR_NONE:
        break;
    }
    return true;
}

static double exact_rate(struct span s)
{
    if (s.len == 0 || (s.len == 1 && s.ptr[0] == '-')) {
        return 0.2;
    }
    if (s.len <= 2) {
        return 0.08; /* small numbers: logon types, flags */
    }
    return s.len <= 4 ? 0.02 : s.len <= 8 ? 0.008 : 0.002;
}

static double literal_rate(enum anchor_kind kind, size_t len)
{
    static const double contains[] = {1, 0.8, 0.4, 0.15, 0.05, 0.02, 0.01, 0.006, 0.004};
    double rate = len < ARRAY_LEN(contains) ? contains[len] : len < 14 ? 0.002 : 0.0007;
    /* Anchored at one end: fewer places to be. */
    return kind == ANCHOR_CONTAINS ? rate : rate / 4;
}

double plan_rate(enum anchor_kind kind, struct span folded)
{
    if (kind == ANCHOR_PRESENT) {
        return 0.6;
    }
    double absent = 1 - (kind == ANCHOR_EXACT ? exact_rate(folded) : literal_rate(kind, folded.len));
    for (size_t i = 0; i < ARRAY_LEN(common_texts); i++) {
        if (text_has(common_texts[i].text, kind, folded)) {
            absent *= 1 - common_texts[i].rate;
        }
    }
    return 1 - absent;
}

/* ---- four bytes ---- */

enum { PER_MILLION = 1000 * 1000 };

static void raise_to(struct map *known, struct span part, uint64_t rate)
{
    uint64_t *at = map_at(known, part, NULL);
    *at = rate > *at ? rate : *at;
}

/* What is known of three bytes bounds what is guessed of four. */
static void note_parts(struct map *known, struct span gram, uint64_t rate)
{
    raise_to(known, span_sub(gram, 0, PLAN_GRAM - 1), rate);
    raise_to(known, span_sub(gram, 1, PLAN_GRAM - 1), rate);
}

static void note_common(struct map *known)
{
    for (size_t i = 0; i < ARRAY_LEN(common_texts); i++) {
        struct span t = span_of(common_texts[i].text);
        for (size_t at = 0; at + PLAN_GRAM <= t.len; at++) {
            struct span gram = span_sub(t, at, PLAN_GRAM);
            uint64_t *rate = map_at(known, gram, NULL);
            *rate += (uint64_t)(common_texts[i].rate * PER_MILLION);
            note_parts(known, gram, *rate);
        }
    }
}

/* Four digits of base64, folded, at each of the eight places where they can stand in UTF-16 that holds x and then y. */
static void note_pair(struct plan_build *b, char x, char y, double often)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz0123456789+/";
    static const double share = 0.02, length = 100; /* of events with such a text; its characters */
    const uint64_t most = (uint64_t)(share * PER_MILLION);
    uint64_t bits = (uint64_t)(unsigned char)x << 24 | (uint64_t)(unsigned char)y << 8; /* 40: 0 x 0 y 0 */
    for (unsigned from = 0; from < 16; from += 2) {
        char *gram = arena_bytes(&b->temp, PLAN_GRAM);
        for (unsigned k = 0; k < PLAN_GRAM; k++) {
            gram[k] = digits[bits >> (40 - from - 6 * (k + 1)) & 63];
        }
        uint64_t *rate = map_at(&b->gram_rates, span_make(gram, PLAN_GRAM), NULL);
        uint64_t more = (uint64_t)(often * length * share * PER_MILLION);
        *rate = *rate >= most ? *rate : *rate + more < most ? *rate + more : most;
    }
}

/* Commands are often written as base64 of UTF-16. How often four of its digits are met follows from how common characters are. */
static void note_encoded(struct plan_build *b)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 $.-=()'\";[]{}:,/\\_|";
    for (size_t i = 0; i + 1 < sizeof letters; i++) {
        for (size_t k = 0; k + 1 < sizeof letters; k++) {
            double often = plan_byte_weight(letters[i]) * plan_byte_weight(letters[k]) / 1e6;
            unsigned capitals = (letters[i] >= 'A' && letters[i] <= 'Z') + (letters[k] >= 'A' && letters[k] <= 'Z');
            note_pair(b, letters[i], letters[k], capitals == 0 ? often : capitals == 1 ? often / 8 : often / 64);
        }
    }
}

static void note_learnt(void *ctx, struct span gram, double share)
{
    struct map *known = ctx;
    uint64_t rate = (uint64_t)(share * PER_MILLION);
    raise_to(known, gram, rate);
    note_parts(known, gram, rate);
}

/* Of four bytes that nobody has seen: by single bytes, and by three of them and the other. */
static uint64_t guessed_rate(const struct map *known, struct span gram)
{
    static const double places = 100; /* of a value */
    const double first = plan_byte_weight(gram.ptr[0]) / 1000, last = plan_byte_weight(gram.ptr[PLAN_GRAM - 1]) / 1000;
    uint64_t begin = 0, end = 0;
    double rate = first * last * places * PER_MILLION;
    for (size_t i = 1; i + 1 < PLAN_GRAM; i++) {
        rate *= plan_byte_weight(gram.ptr[i]) / 1000;
    }
    (void)map_get(known, span_sub(gram, 0, PLAN_GRAM - 1), &begin);
    (void)map_get(known, span_sub(gram, 1, PLAN_GRAM - 1), &end);
    rate = rate < (double)begin * last ? (double)begin * last : rate;
    rate = rate < (double)end * first ? (double)end * first : rate;
    return 1 + (uint64_t)rate;
}

uint64_t plan_gram_rate(struct plan_build *b, struct span gram)
{
    uint64_t rate = 0;
    if (b->gram_rates.len == 0) {
        note_common(&b->gram_rates);
        note_encoded(b);
        if (b->rates != NULL) {
            rates_each_gram(b->rates, note_learnt, &b->gram_rates);
        }
    }
    return map_get(&b->gram_rates, gram, &rate) && rate > 0 ? rate : guessed_rate(&b->gram_rates, gram);
}
