/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What rules cost, told to keeper now and then, and rules that cost too much: rules come from other cities too, and one of
 * them must not slow down all the others. A rule whose sampled cost looks too high is timed exactly for a while; if that
 * says the same, it is evaluated no more, and shown as stopped with its reason. Runs in intake.
 */
#include <stdio.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "records/rule_cost.h"
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

static bool hash_of(const struct intake *in, uint32_t rule, unsigned char hash[RULE_COST_HASH_BYTES])
{
    return hex_decode(ruleset_rule(in->compiled->ruleset, rule)->hash, hash, RULE_COST_HASH_BYTES);
}

static void tell_costs(struct intake *in)
{
    struct ipc *keeper = role_peer(in->role, ROLE_KEEPER, 0);
    struct buf b;
    struct buf rows;
    uint32_t n = 0;
    if (keeper == NULL) {
        return;
    }
    buf_init(&rows, 8 << 20);
    for (uint32_t r = 0; r < ruleset_nrules(in->compiled->ruleset) && n < RULE_COSTS_MAX; r++) {
        const struct matcher_cost *now = &in->costs[r];
        const struct matcher_cost *was = &in->costs_told[r];
        struct rule_cost_delta d = {.events = now->events - was->events,
                                    .candidates = now->candidates - was->candidates,
                                    .hits = now->hits - was->hits,
                                    .ns = now->ns - was->ns};
        if (d.events > 0 && hash_of(in, r, d.hash)) {
            rule_cost_encode(&rows, &d);
            n++;
        }
    }
    buf_init(&b, (8 << 20) + 8);
    buf_u32(&b, n);
    buf_span(&b, buf_view(&rows));
    if (n > 0 && !b.failed && ipc_send(keeper, MSG_RULE_COSTS, 0, buf_view(&b)) == 0) {
        memcpy(in->costs_told, in->costs, ruleset_nrules(in->compiled->ruleset) * sizeof *in->costs);
    }
    buf_free(&b);
    buf_free(&rows);
}

static void tell_stop(struct intake *in, uint32_t rule, const char *reason)
{
    struct ipc *keeper = role_peer(in->role, ROLE_KEEPER, 0);
    unsigned char hash[RULE_COST_HASH_BYTES];
    struct buf b;
    char shown[LOG_VALUE_MAX];
    const struct ruleset_rule *r = ruleset_rule(in->compiled->ruleset, rule);
    log_error("rule.stopped", "id=\"%s\" why=\"%s\"", log_value(r->id, shown), reason);
    if (keeper == NULL || !hash_of(in, rule, hash)) {
        return;
    }
    buf_init(&b, 1024);
    buf_put(&b, hash, sizeof hash);
    buf_str(&b, span_of(reason));
    if (ipc_send(keeper, MSG_RULE_STOP, 0, buf_view(&b)) != 0) {
        log_warn("rule.stopped", "why=\"keeper was not told\"");
    }
    buf_free(&b);
}

/* ---- judging ---- */

bool intake_over_share(const struct rule_use *use)
{
    return use->elapsed > 0 && use->candidates > 0 && use->ns / use->candidates > INTAKE_RULE_SLOW_NS &&
           use->ns > (uint64_t)use->cpu / 100 * INTAKE_RULE_SHARE_PERCENT &&
           use->ns > (uint64_t)use->elapsed / 100 * INTAKE_RULE_CORE_PERCENT;
}

/* Those that were timed exactly: guilty, or let go. */
static void judge_watched(struct intake *in, struct rule_use use)
{
    for (size_t i = 0; i < in->watched.len; i++) {
        uint32_t rule = in->watched.data[i];
        use.ns = matcher_watched_ns(in->matcher, rule);
        use.candidates = in->costs[rule].candidates - in->costs_judged[rule].candidates;
        bool over = intake_over_share(&use);
        matcher_mark(in->matcher, rule, over ? MATCHER_STOP : MATCHER_PLAIN);
        if (over) {
            char reason[RULE_STOP_REASON_MAX];
            (void)snprintf(reason, sizeof reason,
                           "it alone used %u %% of the time of an intake for %u s, %llu microseconds for each of %llu events;"
                           " a rule may use %u %%",
                           (unsigned)(use.ns / ((uint64_t)use.cpu / 100 + 1)), (unsigned)(use.elapsed / TIME_SECOND),
                           (unsigned long long)(use.ns / use.candidates / 1000), (unsigned long long)use.candidates,
                           (unsigned)INTAKE_RULE_SHARE_PERCENT);
            tell_stop(in, rule, reason);
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
        if ((intake_over_share(&use) || (few && use.candidates > 0)) && !matcher_stopped(in->matcher, r)) {
            matcher_mark(in->matcher, r, MATCHER_WATCH);
            vec_push(&in->watched, r);
        }
    }
}

void intake_costs_tick(struct intake *in)
{
    time_ns now = clock_mono();
    time_ns elapsed = now - in->judged_at;
    if (in->compiled == NULL || in->costs == NULL || elapsed < INTAKE_JUDGE_S * TIME_SECOND) {
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
    if (now - in->told_at >= INTAKE_COSTS_S * TIME_SECOND) {
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
    struct cursor c = cursor_of(body);
    uint32_t n = cursor_u32(&c);
    if (c.failed || n > RULE_COST_LIST_MAX || n * RULE_COST_HASH_BYTES != cursor_left(&c)) {
        return err_set(e, ERR_INVALID, "list of stopped rules is out of range");
    }
    buf_clear(&in->stops);
    buf_span(&in->stops, span_make(c.ptr, cursor_left(&c)));
    intake_stops_apply(in);
    return 0;
}

void intake_stops_apply(struct intake *in)
{
    unsigned char hash[RULE_COST_HASH_BYTES];
    if (in->compiled == NULL) {
        return;
    }
    for (uint32_t r = 0; r < ruleset_nrules(in->compiled->ruleset); r++) {
        bool stopped = false;
        for (size_t i = 0; i < in->stops.len && !stopped; i += RULE_COST_HASH_BYTES) {
            stopped = hash_of(in, r, hash) && memcmp(in->stops.data + i, hash, sizeof hash) == 0;
        }
        if (stopped || matcher_stopped(in->matcher, r)) {
            matcher_mark(in->matcher, r, stopped ? MATCHER_STOP : MATCHER_PLAIN);
        }
    }
}
