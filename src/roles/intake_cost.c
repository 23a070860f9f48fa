/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What rules cost, told to keeper now and then, and rules that cost too much: rules come from other cities too, and one of
 * them must not slow down all the others. A rule whose sampled cost looks too high is timed exactly for a while; if that
 * says the same, it is evaluated no more, and shown as stopped with its reason. Runs in intake.
 */
#include "base/mem.h"
#include "roles/intake_priv.h"

void intake_costs_begin(struct intake *in)
{
    intake_costs_forget(in);
    uint32_t n = ruleset_nrules(in->compiled->ruleset);
    in->costs = mem_calloc(n, sizeof *in->costs);
    in->costs_told = mem_calloc(n, sizeof *in->costs_told);
    in->costs_judged = mem_calloc(n, sizeof *in->costs_judged);
    in->judged_at = in->told_at = clock_mono();
    in->judged_cpu = clock_cpu();
    in->events_judged = 0;
    intake_stops_apply(in);
}

void intake_costs_forget(struct intake *in)
{
    mem_free(in->costs);
    mem_free(in->costs_told);
    mem_free(in->costs_judged);
    in->costs = in->costs_told = in->costs_judged = NULL;
    vec_clear(&in->watched);
}

/* ---- telling ---- */

static void tell_costs(struct intake *in)
{
    const struct ruleset *rules = in->compiled->ruleset;
    struct buf rows;
    uint32_t n = 0;
    buf_init(&rows, 8 << 20);
    for (uint32_t r = 0; r < ruleset_nrules(rules); r++) {
        const struct matcher_cost *now = &in->costs[r];
        const struct matcher_cost *was = &in->costs_told[r];
        struct rule_cost_delta d = {.events = now->events - was->events,
                                    .candidates = now->candidates - was->candidates,
                                    .hits = now->hits - was->hits,
                                    .ns = now->ns - was->ns};
        rule_costs_put(&rows, ruleset_rule(rules, r), &d, &n);
    }
    if (rule_costs_send(role_peer(in->role, ROLE_KEEPER, 0), &rows, n)) {
        memcpy(in->costs_told, in->costs, ruleset_nrules(rules) * sizeof *in->costs);
    }
    buf_free(&rows);
}

/* ---- judging ---- */

/* Those that were timed exactly: guilty, or let go. */
static void judge_watched(struct intake *in, struct rule_use use)
{
    for (size_t i = 0; i < in->watched.len; i++) {
        uint32_t rule = in->watched.data[i];
        use.ns = matcher_watched_ns(in->matcher, rule);
        use.candidates = in->costs[rule].candidates - in->costs_judged[rule].candidates;
        bool over = rule_over_share(&use);
        matcher_mark(in->matcher, rule, over ? MATCHER_STOP : MATCHER_PLAIN);
        if (over) {
            char reason[RULE_STOP_REASON_MAX];
            rule_share_reason(&use, "an intake", reason);
            rule_tell_stop(role_peer(in->role, ROLE_KEEPER, 0), ruleset_rule(in->compiled->ruleset, rule), reason);
        }
    }
    vec_clear(&in->watched);
}

/* Sampled times are rough: they only choose whom to look at. Of few events none may have been timed: then all are. */
static void choose_watched(struct intake *in, struct rule_use use)
{
    struct matcher_stats stats;
    matcher_stats(in->matcher, &stats);
    bool few = stats.events - in->events_judged < INTAKE_SAMPLED_EVENTS;
    in->events_judged = stats.events;
    for (uint32_t r = 0; r < ruleset_nrules(in->compiled->ruleset); r++) {
        use.ns = 2 * (in->costs[r].ns - in->costs_judged[r].ns);
        use.candidates = in->costs[r].candidates - in->costs_judged[r].candidates;
        if ((rule_over_share(&use) || (few && use.candidates > 0)) && !matcher_stopped(in->matcher, r)) {
            matcher_mark(in->matcher, r, MATCHER_WATCH);
            vec_push(&in->watched, r);
        }
    }
}

void intake_costs_tick(struct intake *in)
{
    time_ns now = clock_mono();
    time_ns elapsed = now - in->judged_at;
    if (in->compiled == NULL || in->costs == NULL || elapsed < RULE_JUDGE_S * TIME_SECOND) {
        return;
    }
    matcher_costs(in->matcher, in->costs);
    time_ns cpu = clock_cpu();
    const struct rule_use use = {.cpu = cpu - in->judged_cpu, .elapsed = elapsed};
    judge_watched(in, use);
    choose_watched(in, use);
    in->judged_cpu = cpu;
    memcpy(in->costs_judged, in->costs, ruleset_nrules(in->compiled->ruleset) * sizeof *in->costs);
    in->judged_at = now;
    if (now - in->told_at >= RULE_COSTS_TOLD_S * TIME_SECOND) {
        in->told_at = now;
        tell_costs(in);
    }
}

void intake_costs_end(struct intake *in)
{
    if (in->compiled != NULL && in->costs != NULL) {
        matcher_costs(in->matcher, in->costs);
        tell_costs(in);
    }
}

/* ---- what keeper says is stopped ---- */

int intake_stops_take(struct intake *in, struct span body, struct err *e)
{
    int rc = rule_stops_take(&in->stops, body, e);
    if (rc == 0) {
        intake_stops_apply(in);
    }
    return rc;
}

void intake_stops_apply(struct intake *in)
{
    if (in->compiled == NULL) {
        return;
    }
    for (uint32_t r = 0; r < ruleset_nrules(in->compiled->ruleset); r++) {
        bool stopped = rule_stops_have(&in->stops, ruleset_rule(in->compiled->ruleset, r));
        if (stopped || matcher_stopped(in->matcher, r)) {
            matcher_mark(in->matcher, r, stopped ? MATCHER_STOP : MATCHER_PLAIN);
        }
    }
}
