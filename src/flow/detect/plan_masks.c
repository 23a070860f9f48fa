/* SPDX-License-Identifier: EUPL-1.2 */
/* Fills the masks by which match_masks.c looks for places where a literal may stand (plan.h, plan_masks). Compiler role. */
#include "flow/detect/plan_build.h"

void plan_admit(struct plan_masks *t, unsigned place, unsigned char c, unsigned bucket)
{
    uint8_t bit = (uint8_t)(1u << bucket);
    t->low[place][c & 15] |= bit;
    t->high[place][c >> 4] |= bit;
    t->by_char[place][c & 127] |= bit;
}

void plan_admit_all(struct plan_masks *t, unsigned place, unsigned bucket)
{
    for (unsigned c = 0; c < 256; c++) {
        plan_admit(t, place, (unsigned char)c, bucket);
    }
}

/* How common a byte is in logs, per thousand, by rough experience: only speed hangs on it. */
double plan_byte_weight(char c)
{
    c = ascii_lower(c);
    if (c >= '0' && c <= '9') {
        return 30;
    }
    if (c >= 'a' && c <= 'z') {
        static const unsigned char letters[26] = {45, 12, 35, 35, 75, 18, 14, 12, 50, 3, 6,  30, 22,
                                                  50, 55, 22, 2,  48, 55, 55, 20, 10, 15, 6, 9, 3};
        return letters[c - 'a'];
    }
    return strchr(" :-.,_=", c) != NULL ? 25 : 4;
}

/* The same of a byte inside a text: punctuation that stands twice, as in "misc::", is rare. */
static double weight_at(struct span text, size_t at)
{
    char c = text.ptr[at];
    bool twice = at > 0 && text.ptr[at - 1] == c && strchr(":=.,_", c) != NULL;
    return twice ? 1 : plan_byte_weight(c);
}

uint16_t plan_rare_window(struct span text)
{
    size_t best = 0;
    double best_weight = 1e9;
    for (size_t i = 0; i + PLAN_MASK_PLACES <= text.len; i++) {
        double w = 1;
        for (size_t k = 0; k < PLAN_MASK_PLACES; k++) {
            w *= weight_at(text, i + k);
        }
        if (w < best_weight) {
            best_weight = w;
            best = i;
        }
    }
    return (uint16_t)best;
}

/* How common a byte is in folded texts of logs, roughly: 0 = rare. Only speed hangs on it. */
static unsigned byte_rank(unsigned char c)
{
    static const unsigned char letters[26] = {9, 3, 7, 7, 9, 4, 3, 3, 9, 1, 2, 7, 5, 9, 9, 5, 0, 9, 9, 9, 5, 3, 5, 2, 2, 1};
    if (c >= 'a' && c <= 'z') {
        return letters[c - 'a'];
    }
    return c == ' ' || c == '\\' || c == '.' || (c >= '0' && c <= '9') ? 8 : c < 0x80 ? 3 : 1;
}

struct plan_pair plan_rare_pair(struct span needle)
{
    if (needle.len == 0 || needle.len > UINT8_MAX) {
        return (struct plan_pair){0, 0};
    }
    struct plan_pair pair = {0, (uint8_t)(needle.len - 1)};
    unsigned best[2] = {byte_rank((unsigned char)needle.ptr[pair.a]), byte_rank((unsigned char)needle.ptr[pair.b])};
    for (size_t i = 1; i + 1 < needle.len && best[0] + best[1] > 4; i++) {
        unsigned rank = byte_rank((unsigned char)needle.ptr[i]);
        unsigned worse = best[0] >= best[1] ? 0 : 1;
        if (rank < best[worse]) {
            best[worse] = rank;
            *(worse == 0 ? &pair.a : &pair.b) = (uint8_t)i;
        }
    }
    return pair;
}
