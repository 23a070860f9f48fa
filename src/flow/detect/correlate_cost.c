/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What each correlation costs: matches, completions, time, bytes; and that none takes the room of all others. Rules come from
 * other cities too. Clocks are read for this and for nothing else: what completes does not hang on them. Runs where correlate.c does.
 */
#include "base/mem.h"
#include "flow/detect/correlate_priv.h"

void account_add(struct correlator *k, const struct corr_group *g)
{
    size_t bytes = group_bytes(g);
    k->bytes += bytes;
    k->accounts[g->number].cost.bytes += bytes;
}

void account_take(struct correlator *k, const struct corr_group *g)
{
    size_t bytes = group_bytes(g);
    k->bytes -= bytes;
    k->accounts[g->number].cost.bytes -= bytes;
}

void account_link(struct correlator *k, struct corr_group *g)
{
    struct corr_account *a = &k->accounts[g->number];
    g->own_older = a->newest;
    g->own_newer = NULL;
    *(a->newest == NULL ? &a->oldest : &a->newest->own_newer) = g;
    a->newest = g;
    a->cost.groups++;
}

void account_unlink(struct correlator *k, struct corr_group *g)
{
    struct corr_account *a = &k->accounts[g->number];
    *(g->own_older == NULL ? &a->oldest : &g->own_older->own_newer) = g->own_newer;
    *(g->own_newer == NULL ? &a->newest : &g->own_newer->own_older) = g->own_older;
    g->own_older = g->own_newer = NULL;
    a->cost.groups--;
}

bool account_over(const struct correlator *k, uint32_t number)
{
    return k->c->n > 1 && k->accounts[number].cost.bytes > k->max_bytes / CORRELATE_RULE_SHARE;
}

time_ns account_begin(const struct correlator *k, uint32_t number)
{
    const struct corr_account *a = &k->accounts[number];
    if (a->mark == CORRELATOR_WATCH) {
        return clock_cpu();
    }
    return a->cost.events % CORRELATE_SAMPLE == 0 ? clock_mono() : -1;
}

void account_end(struct correlator *k, uint32_t number, time_ns begun)
{
    struct corr_account *a = &k->accounts[number];
    if (begun < 0) {
        return;
    }
    if (a->mark == CORRELATOR_WATCH) {
        a->watched_ns += (uint64_t)(clock_cpu() - begun);
    } else {
        a->cost.ns += (uint64_t)(clock_mono() - begun) * CORRELATE_SAMPLE;
    }
}

void correlator_cost(const struct correlator *k, uint32_t correlation, struct correlator_cost *out)
{
    CHECK(correlation < k->c->n);
    const struct corr_account *a = &k->accounts[correlation];
    *out = a->cost;
    if (a->mark == CORRELATOR_WATCH) {
        out->ns = a->watched_ns;
    }
}

void correlator_mark(struct correlator *k, uint32_t correlation, enum correlator_mark mark)
{
    CHECK(correlation < k->c->n);
    struct corr_account *a = &k->accounts[correlation];
    if (a->mark == CORRELATOR_WATCH && mark != CORRELATOR_WATCH) {
        a->cost.ns += a->watched_ns;
    }
    a->watched_ns = 0;
    a->mark = mark;
}

enum correlator_mark correlator_marked(const struct correlator *k, uint32_t correlation)
{
    CHECK(correlation < k->c->n);
    return k->accounts[correlation].mark;
}
