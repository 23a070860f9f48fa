/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * May a regular expression match here at all? Asked before it is searched for, which costs as much as many other
 * questions (plan.h, plan_shape). Pure functions on the event path, time linear in the text.
 */
#include "flow/detect/match_priv.h"

/* Looks at every n-th byte only, as long as that is none of the class. */
static bool has_run(const struct plan_shape *s, struct span text)
{
    size_t n = s->run;
    size_t have = 0; /* bytes of the class right before `at` */
    for (size_t at = 0; at + (n - have) <= text.len;) {
        size_t last = at + (n - have) - 1;
        size_t k = last + 1;
        while (k > at && (unsigned char)text.ptr[k - 1] < 128 && s->run_class[(unsigned char)text.ptr[k - 1]]) {
            k--;
        }
        if (k == at) {
            return true;
        }
        have = last + 1 - k;
        at = last + 1;
    }
    return false;
}

static bool has_window(const struct plan_shape *s, struct span text)
{
    struct match_places found;
    size_t blocks = (text.len + MATCH_MASKS_BLOCK - 1) / MATCH_MASKS_BLOCK;
    size_t block = match_masks(&s->window, text.ptr, 0, blocks, &found);
    if (block + 1 < blocks) {
        return true;
    }
    /* Of the last block only the places inside the text count. */
    size_t rest = text.len - block * MATCH_MASKS_BLOCK;
    return block < blocks && (found.places & (rest >= 64 ? UINT64_MAX : (UINT64_C(1) << rest) - 1)) != 0;
}

bool match_shape(const struct plan_shape *s, struct span folded)
{
    return (s->run == 0 || has_run(s, folded)) && (s->has_window == 0 || has_window(s, folded));
}

bool match_row(uint32_t n, struct span text)
{
    while (text.len >= n) {
        ptrdiff_t end = span_find(text, '\n');
        if (end < 0 || (size_t)end >= n) {
            return true;
        }
        text = span_sub(text, (size_t)end + 1, text.len);
    }
    return false;
}
