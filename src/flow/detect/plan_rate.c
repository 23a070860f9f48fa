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

uint64_t plan_gram_rate(struct map *known, struct span gram)
{
    uint64_t rate = 1; /* per million: any four bytes are met somewhere */
    if (known->len == 0) {
        for (size_t i = 0; i < ARRAY_LEN(common_texts); i++) {
            struct span t = span_of(common_texts[i].text);
            for (size_t at = 0; at + PLAN_GRAM <= t.len; at++) {
                *map_at(known, span_sub(t, at, PLAN_GRAM), NULL) +=
                    (uint64_t)(common_texts[i].rate * 1e6);
            }
        }
    }
    (void)map_get(known, gram, &rate);
    return rate;
}
