/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The first look for keywords in a record as it came (plan_raw.c prepares it): may this record hold one? On the event
 * path; reads only inside the record.
 */
#include "base/id.h"
#include "flow/detect/match_priv.h"

/* "\u" is an escape when an odd number of backslashes ends here, and hex digits follow; two of the four are asked for. */
static bool is_escape(struct span raw, size_t backslash)
{
    size_t n = 1;
    while (n <= backslash && raw.ptr[backslash - n] == '\\') {
        n++;
    }
    unsigned char unused;
    return n % 2 == 1 && raw.len - backslash >= 4 && hex_decode(span_sub(raw, backslash + 2, 2), &unused, 1);
}

static bool literal_at(const struct plan_raw_literal *l, struct span raw, size_t window)
{
    if (window < l->offset || l->text.len > raw.len - (window - l->offset)) {
        return false;
    }
    size_t at = window - l->offset;
    struct span here = span_make(raw.ptr + at, l->text.len);
    if (!(l->exact ? span_eq(here, l->text) : span_eq_nocase(here, l->text))) {
        return false;
    }
    return !l->escape || is_escape(raw, at);
}

static bool any_at(const struct plan_raw *r, struct span raw, size_t window, unsigned buckets)
{
    for (; buckets != 0; buckets &= buckets - 1) {
        unsigned b = (unsigned)__builtin_ctz(buckets);
        for (uint32_t i = r->first[b]; i < r->first[b + 1]; i++) {
            if (literal_at(&r->literals[i], raw, window)) {
                return true;
            }
        }
    }
    return false;
}

static bool any_in(const struct plan_raw *r, struct span raw, size_t base, const struct match_places *found)
{
    for (uint64_t places = found->places; places != 0; places &= places - 1) {
        unsigned k = (unsigned)__builtin_ctzll(places);
        if (base + k < raw.len && any_at(r, raw, base + k, found->buckets[k])) {
            return true;
        }
    }
    return false;
}

bool match_raw_by(match_masks_kernel *kernel, const struct plan_raw *r, struct span raw)
{
    struct match_places found;
    size_t over = raw.len < MATCH_MASKS_OVER ? raw.len : MATCH_MASKS_OVER;
    size_t blocks = (raw.len - over) / MATCH_MASKS_BLOCK;
    for (size_t block = 0; (block = kernel(&r->masks, raw.ptr, block, blocks, &found)) < blocks; block++) {
        if (any_in(r, raw, block * MATCH_MASKS_BLOCK, &found)) {
            return true;
        }
    }
    /* The rest, under two blocks, from a copy with room behind it. */
    char rest[2 * MATCH_MASKS_BLOCK + MATCH_MASKS_OVER] = {0};
    size_t base = blocks * MATCH_MASKS_BLOCK;
    if (raw.len > base) {
        memcpy(rest, raw.ptr + base, raw.len - base);
    }
    blocks = (raw.len - base + MATCH_MASKS_BLOCK - 1) / MATCH_MASKS_BLOCK;
    for (size_t block = 0; (block = kernel(&r->masks, rest, block, blocks, &found)) < blocks; block++) {
        if (any_in(r, raw, base + block * MATCH_MASKS_BLOCK, &found)) {
            return true;
        }
    }
    return false;
}

bool match_raw(const struct plan_raw *r, struct span raw)
{
    return match_raw_by(match_masks, r, raw);
}
