/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Is any literal of a list met in a text (plan.h, plan_list)? One look for all of them, where asking one by one walks the
 * text once for each. Pure functions on the event path; as plan_steps.c makes the lists, so they are read here.
 */
#include "flow/detect/match_priv.h"

static bool ends_fit(const struct plan_list *l, struct span text)
{
    for (uint32_t i = 0; i < l->nends; i++) {
        const struct plan_literal *e = &l->ends[i];
        if (e->op == OP_STARTS ? span_starts(text, e->text) : span_ends(text, e->text)) {
            return true;
        }
    }
    return false;
}

static bool inside_at(const struct plan_list *l, struct span text, size_t window, unsigned buckets)
{
    const struct plan_shorts *t = l->shorts;
    for (; buckets != 0; buckets &= buckets - 1) {
        unsigned b = (unsigned)__builtin_ctz(buckets);
        for (uint32_t i = t->first[b]; i < t->first[b + 1]; i++) {
            struct span s = l->inside[i].text;
            size_t offset = t->offsets[i];
            if (window >= offset && s.len <= text.len - (window - offset) &&
                memcmp(text.ptr + window - offset, s.ptr, s.len) == 0) {
                return true;
            }
        }
    }
    return false;
}

static bool inside_fits(const struct plan_list *l, struct span text)
{
    struct match_places found __attribute__((uninitialized)); /* set where match_masks stops */
    size_t blocks = (text.len + MATCH_MASKS_BLOCK - 1) / MATCH_MASKS_BLOCK;
    for (size_t block = 0; (block = match_masks(&l->shorts->masks, text.ptr, block, blocks, &found)) < blocks; block++) {
        for (uint64_t places = found.places; places != 0; places &= places - 1) {
            unsigned k = (unsigned)__builtin_ctzll(places);
            size_t window = block * MATCH_MASKS_BLOCK + k;
            if (window < text.len && inside_at(l, text, window, found.buckets[k])) {
                return true;
            }
        }
    }
    return false;
}

bool match_list(const struct plan_list *l, struct span text)
{
    if (l->exact != NULL && match_hash_find(l->exact, text) != PLAN_HASH_NONE) {
        return true;
    }
    if (l->base != NULL) {
        size_t at = plan_base_start(text);
        if (at != SIZE_MAX && match_hash_find(l->base, span_sub(text, at, text.len)) != PLAN_HASH_NONE) {
            return true;
        }
    }
    return ends_fit(l, text) || (l->shorts != NULL && inside_fits(l, text));
}
