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
    bool product = q->holders >= show_at;
    uint32_t candidates = q->bound || product ? q->holders : q->members;
    if (q->saw < warn_at) {
        return said_before(state, PUBLISH_TOO_FEW);
    }
    if (q->bound && !product && !rule->agreed) {
        return said_before(state, PUBLISH_RARE_PRODUCT);
    }
    if (candidates < warn_at + POLICY_CANDIDATES_LEAST) {
        product = false;
        candidates = q->bound ? q->holders : q->members;
    }
    if (candidates < warn_at + POLICY_CANDIDATES_LEAST && !rule->agreed) {
        return said_before(state, PUBLISH_SMALL_CIRCLE);
    }
    uint32_t shown = number(q->saw, candidates, show_at);
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
