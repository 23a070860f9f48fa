/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What correlations cost, told to keeper now and then, and correlations that cost too much, as intake_cost.c has it for
 * rules: what looks too high by samples is timed exactly for a while; if that says the same, it takes no match any more, and is
 * shown as stopped with its reason. Runs in correlator, beside the way of a match: what completes does not hang on any of it
 * but for a stop.
 */
#include "base/mem.h"
#include "roles/correlator_priv.h"

static const struct ruleset_rule *rule_of(const struct link *l, uint32_t correlation)
{
    const struct ruleset *rules = l->compiled->ruleset;
    return ruleset_rule(rules, ruleset_nrules(rules) + correlation);
}

static void apply_stops(struct link *l)
{
    for (uint32_t i = 0; l->correlator != NULL && i < l->ncosts; i++) {
        bool stopped = rule_stops_have(&l->stops, rule_of(l, i));
        if (stopped || correlator_marked(l->correlator, i) == CORRELATOR_STOP) {
            correlator_mark(l->correlator, i, stopped ? CORRELATOR_STOP : CORRELATOR_PLAIN);
        }
    }
}

void link_costs_begin(struct link *l)
{
    link_costs_forget(l);
    l->ncosts = ruleset_ncorrelations(l->compiled->ruleset);
    l->costs_told = mem_calloc(l->ncosts + (size_t)1, sizeof *l->costs_told);
    l->costs_judged = mem_calloc(l->ncosts + (size_t)1, sizeof *l->costs_judged);
    l->told_at = l->judged_at = clock_mono();
    l->judged_cpu = clock_cpu();
    apply_stops(l);
}

void link_costs_forget(struct link *l)
{
    mem_free(l->costs_told);
    mem_free(l->costs_judged);
    l->costs_told = l->costs_judged = NULL;
    l->ncosts = 0;
}

static void tell_costs(struct link *l)
{
    struct buf rows;
    uint32_t n = 0;
    buf_init(&rows, 8 << 20);
    for (uint32_t i = 0; i < l->ncosts; i++) {
        struct correlator_cost now;
        const struct correlator_cost *was = &l->costs_told[i];
        correlator_cost(l->correlator, i, &now);
        if (correlator_marked(l->correlator, i) == CORRELATOR_WATCH) {
            now.ns = was->ns; /* of its own clock; told when that is over */
        }
        struct rule_cost_delta d = {.events = now.events - was->events,
                                    .candidates = now.tried - was->tried,
                                    .hits = now.outputs - was->outputs,
                                    .ns = now.ns - was->ns,
                                    .evicted = now.evicted - was->evicted,
                                    .windows = now.groups,
                                    .state_bytes = now.bytes};
        rule_costs_put(&rows, rule_of(l, i), &d, &n);
    }
    if (rule_costs_send(role_peer(l->role, ROLE_KEEPER, 0), &rows, n)) {
        for (uint32_t i = 0; i < l->ncosts; i++) {
            uint64_t ns = l->costs_told[i].ns;
            correlator_cost(l->correlator, i, &l->costs_told[i]);
            if (correlator_marked(l->correlator, i) == CORRELATOR_WATCH) {
                l->costs_told[i].ns = ns;
            }
        }
    }
    buf_free(&rows);
}

/* One that was timed exactly is guilty or let go; one whose samples look bad is timed from now on. */
static void judge_one(struct link *l, uint32_t i, struct rule_use use)
{
    struct correlator_cost now;
    correlator_cost(l->correlator, i, &now);
    enum correlator_mark mark = correlator_marked(l->correlator, i);
    use.candidates = now.tried - l->costs_judged[i].tried;
    use.ns = mark == CORRELATOR_WATCH ? now.ns : 2 * (now.ns - l->costs_judged[i].ns);
    bool over = mark != CORRELATOR_STOP && rule_over_share(&use);
    if (over && mark == CORRELATOR_WATCH) {
        char reason[RULE_STOP_REASON_MAX];
        rule_share_reason(&use, "the correlator", reason);
        correlator_mark(l->correlator, i, CORRELATOR_STOP);
        rule_tell_stop(role_peer(l->role, ROLE_KEEPER, 0), rule_of(l, i), reason);
    } else if (mark != CORRELATOR_STOP) {
        correlator_mark(l->correlator, i, over ? CORRELATOR_WATCH : CORRELATOR_PLAIN);
    }
    correlator_cost(l->correlator, i, &l->costs_judged[i]);
}

void link_costs_tick(struct link *l)
{
    time_ns now = clock_mono();
    time_ns elapsed = now - l->judged_at;
    if (l->correlator == NULL || l->ncosts == 0 || elapsed < RULE_JUDGE_S * TIME_SECOND) {
        return;
    }
    time_ns cpu = clock_cpu();
    const struct rule_use use = {.cpu = cpu - l->judged_cpu, .elapsed = elapsed};
    for (uint32_t i = 0; i < l->ncosts; i++) {
        judge_one(l, i, use);
    }
    l->judged_at = now;
    l->judged_cpu = cpu;
    if (now - l->told_at >= RULE_COSTS_TOLD_S * TIME_SECOND) {
        l->told_at = now;
        tell_costs(l);
    }
}

void link_costs_end(struct link *l)
{
    if (l->correlator != NULL && l->ncosts > 0) {
        tell_costs(l);
    }
}

int link_stops_take(struct link *l, struct span body, struct err *e)
{
    int rc = rule_stops_take(&l->stops, body, e);
    if (rc == 0) {
        apply_stops(l);
    }
    return rc;
}
