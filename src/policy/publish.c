/* SPDX-License-Identifier: EUPL-1.2 */
/* How many members saw it, so that nobody learns who: see publish.h. */
#include "policy/publish.h"

#include "base/check.h"

static uint32_t at_least(uint32_t set, uint32_t otherwise, uint32_t least)
{
    uint32_t v = set == 0 ? otherwise : set;
    return v < least ? least : v;
}

/* Highest number that may be said: a multiple of the step, while a whole step of candidates may be
 * those who did not. */
static uint32_t number(uint32_t saw, uint32_t candidates, uint32_t step)
{
    uint32_t most = candidates > step ? candidates - step : 0;
    uint32_t n = saw < most ? saw : most;
    return n - n % step;
}

/* Whether "at least n" leaves it open, beside `most` of a part, which of those outside the part saw
 * it. What two members of the part know of themselves is allowed for. */
static bool leaves_open(uint32_t n, uint32_t margin, uint32_t holders, uint32_t most,
                        uint32_t outside)
{
    uint32_t others = holders > 2 ? holders - 2 : 0;
    most = most < others ? most : others;
    return outside == 0 || n <= most || n + margin <= most + outside;
}

/* The same beside each part, and beside all of them together. */
static bool fits_parts(const struct policy_publish_question *q, uint32_t n, uint32_t margin)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < q->ngroups; i++) {
        const struct policy_publish_group *g = &q->groups[i];
        CHECK(g->holders <= q->members);
        if (!leaves_open(n, margin, g->holders, g->most, q->members - g->holders)) {
            return false;
        }
        most += g->most;
    }
    return q->ngroups == 0 || leaves_open(n, margin, q->members - q->outside, most, q->outside);
}

uint32_t policy_publish_most(const struct policy_publish_rule *rule, uint32_t holders,
                             const struct policy_published *state)
{
    uint32_t warn_at = at_least(rule->warn_at, POLICY_WARN_AT, POLICY_WARN_AT);
    uint32_t show_at = at_least(rule->show_at, POLICY_SHOW_AT, POLICY_SHOW_AT_LEAST);
    bool silent = holders < show_at || holders < warn_at + POLICY_CANDIDATES_LEAST;
    if (silent && !rule->agreed) {
        return holders; /* never told, whatever was seen: that it is not told says nothing */
    }
    /* No more than that: whoever watches the clock knows the very moment in which a threshold was
     * reached. */
    return state->count > 0 ? state->count : state->warned ? warn_at : warn_at - 1;
}

static struct policy_publication said_before(const struct policy_published *state,
                                             enum policy_publish_why why)
{
    return (struct policy_publication){.warn = state->warned,
                                       .show_count = state->count > 0,
                                       .count = state->count,
                                       .show_product = state->product_told,
                                       .why = state->warned ? PUBLISH_SAID : why};
}

struct policy_publication policy_publish_count(const struct policy_publish_rule *rule,
                                               const struct policy_publish_question *q,
                                               struct policy_published *state)
{
    CHECK(q->saw <= q->members && q->holders <= q->members);
    uint32_t warn_at = at_least(rule->warn_at, POLICY_WARN_AT, POLICY_WARN_AT);
    uint32_t show_at = at_least(rule->show_at, POLICY_SHOW_AT, POLICY_SHOW_AT_LEAST);
    /* Told only where the key names it anyway: else its absence would say that it is a rare one. */
    bool product = q->bound && q->holders >= show_at;
    uint32_t candidates = q->bound ? q->holders : q->members;
    if (q->saw < warn_at) {
        return said_before(state, PUBLISH_TOO_FEW);
    }
    if (q->bound && !product && !rule->agreed) {
        return said_before(state, PUBLISH_RARE_PRODUCT);
    }
    if (candidates < warn_at + POLICY_CANDIDATES_LEAST && !rule->agreed) {
        return said_before(state, PUBLISH_SMALL_CIRCLE);
    }
    if (!fits_parts(q, warn_at, POLICY_CANDIDATES_LEAST) && !rule->agreed) {
        return said_before(state, PUBLISH_PARTS);
    }
    uint32_t shown = number(q->saw, candidates, show_at);
    while (shown > 0 && !fits_parts(q, shown, show_at)) {
        shown -= show_at;
    }
    struct policy_publication p = {.warn = true, .why = PUBLISH_SAID};
    p.count = shown > state->count ? shown : state->count;
    p.show_count = p.count > 0;
    p.show_product = product || state->product_told;
    p.news = !state->warned || p.count > state->count || (p.show_product && !state->product_told);
    *state = (struct policy_published){.warned = true,
                                       .product_told = p.show_product,
                                       .count = p.count,
                                       .cohort_epoch = state->cohort_epoch};
    return p;
}
