/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The correlator against a reference written straight from the decision (docs/decisions/003): it keeps all that ever
 * came and looks through all of it for each event. Then the same streams in another order of arrival.
 */
#include "base/num.h"
#include "base/test_cases.h"
#include "flow/detect/correlate_testing.h"

/* ---- the reference ---- */

struct ref_entry {
    time_ns time;
    uint64_t ref;
    uint32_t rule;
    const char *group[4];
    const char *value;
    const char *value2;
};

struct ref_out {
    uint32_t corr;
    time_ns time;
    uint64_t ref;
    double value;
};

typedef VEC(struct ref_entry) ref_entries;
typedef VEC(struct ref_out) ref_outs;

struct reference {
    const struct sigma_set *set;
    ref_entries history[8];
    ref_outs outs;
};

static bool same(const char *a, const char *b)
{
    return (a == NULL) == (b == NULL) && (a == NULL || strcmp(a, b) == 0);
}

static bool ref_bounds(const struct sigma_correlation *c, double v)
{
    bool all = true;
    for (uint32_t i = 0; i < c->nbounds; i++) {
        double n = c->bounds[i].number;
        enum sigma_cmp op = c->bounds[i].cmp;
        all = all && (op == CMP_EQ ? v == n : op == CMP_NEQ ? v != n : op == CMP_LT ? v < n : op == CMP_LTE ? v <= n
                      : op == CMP_GT ? v > n : v >= n);
    }
    return all;
}

static bool ref_extended(const struct sigma_corr_node *n, unsigned chain, unsigned window, bool negated)
{
    if (n->kind == NODE_PRED) {
        return ((negated ? window : chain) >> n->ref & 1) != 0;
    }
    if (n->kind == NODE_NOT) {
        return !ref_extended(n->kids[0], chain, window, !negated);
    }
    bool all = true;
    bool any = false;
    for (uint32_t i = 0; i < n->nkids; i++) {
        bool v = ref_extended(n->kids[i], chain, window, negated);
        all = all && v;
        any = any || v;
    }
    return n->kind == NODE_AND ? all : any;
}

/* All chains that end with w[at], every one of an earlier and lower rule: marks their sets of rules. */
static void ref_chains(const struct ref_entry *const *w, size_t at, unsigned mask, bool *sets)
{
    mask |= 1u << w[at]->rule;
    sets[mask] = true;
    for (size_t i = 0; i < at; i++) {
        if (w[i]->rule < w[at]->rule) {
            ref_chains(w, i, mask, sets);
        }
    }
}

static bool ref_ordered(const struct sigma_correlation *c, const struct ref_entry *const *w, size_t n,
                        unsigned window, double *v)
{
    bool sets[1u << NRULES] = {false};
    bool holds = false;
    *v = 0;
    ref_chains(w, n - 1, 0, sets);
    for (unsigned m = 1; m < 1u << c->nrefs; m++) {
        double length = __builtin_popcount(m);
        bool good = c->extended != NULL ? ref_extended(c->extended, m, window, false)
                    : c->nbounds > 0    ? ref_bounds(c, length)
                                        : m == (1u << c->nrefs) - 1;
        if (sets[m] && good && length > *v) {
            *v = length;
            holds = true;
        }
    }
    return holds;
}

static double ref_measure(const struct sigma_correlation *c, const struct ref_entry *const *w, size_t n)
{
    double numbers[NEVENTS];
    double sum = 0;
    size_t distinct = 0;
    size_t alike = 0;
    for (size_t i = 0; i < n; i++) {
        bool seen = false;
        for (size_t j = 0; j < i; j++) {
            seen = seen || (same(w[i]->value, w[j]->value) && same(w[i]->value2, w[j]->value2));
        }
        distinct += seen ? 0 : 1;
        alike += same(w[i]->value, w[n - 1]->value) ? 1 : 0;
        numbers[i] = 0;
        if (w[i]->value != NULL) {
            (void)!num_double(span_of(w[i]->value), &numbers[i]);
        }
        sum += numbers[i];
    }
    qsort(numbers, n, sizeof *numbers, by_number);
    double p = c->type == CORR_VALUE_MEDIAN ? 50 : c->percentile;
    double rank = p / 100 * (double)(n - 1);
    size_t below = p < 0 ? 0 : (size_t)rank;
    switch (c->type) {
    case CORR_EVENT_COUNT:
        return (double)n;
    case CORR_VALUE_COUNT:
        return (double)distinct;
    case CORR_VALUE_SUM:
        return sum;
    case CORR_VALUE_AVG:
        return sum / (double)n;
    case CORR_VALUE_PERCENTILE:
    case CORR_VALUE_MEDIAN:
    default:
        break;
    }
    if (p < 0) {
        return 100.0 * (double)alike / (double)n;
    }
    return below + 1 < n ? numbers[below] + (rank - (double)below) * (numbers[below + 1] - numbers[below])
                         : numbers[below];
}

/* Whether the last of the history completes correlation c; *v the measure. */
static bool ref_holds(const struct sigma_correlation *c, const ref_entries *h, double *v)
{
    const struct ref_entry *w[NEVENTS];
    const struct ref_entry *last = &h->data[h->len - 1];
    unsigned rules = 0;
    size_t n = 0;
    for (size_t i = 0; i < h->len; i++) {
        const struct ref_entry *e = &h->data[i];
        bool mine = e->time >= last->time - c->timespan_ns;
        for (uint32_t g = 0; g < c->ngroup_by; g++) {
            mine = mine && same(e->group[g], last->group[g]);
        }
        if (mine) {
            w[n++] = e;
            rules |= 1u << e->rule;
        }
    }
    if (c->type == CORR_TEMPORAL_ORDERED) {
        return ref_ordered(c, w, n, rules, v);
    }
    if (c->type == CORR_TEMPORAL) {
        *v = __builtin_popcount(rules);
        return c->extended != NULL ? ref_extended(c->extended, rules, rules, false)
               : c->nbounds > 0    ? ref_bounds(c, *v)
                                   : *v >= c->nrefs;
    }
    *v = ref_measure(c, w, n);
    return ref_bounds(c, *v);
}

/* Value of a group-by or value name for ref k: alias, then the group of an inner correlation, then the event. */
static const char *ref_value(const struct reference *r, const struct sigma_correlation *c, uint32_t k, struct span name,
                             const struct sample *ev, const struct sigma_correlation *inner,
                             const struct ref_entry *inner_entry)
{
    for (uint32_t i = 0; i < c->naliases; i++) {
        if (span_eq(c->aliases[i].alias, name) && span_eq(c->aliases[i].rule, c->refs[k])) {
            name = c->aliases[i].field;
            break;
        }
    }
    for (uint32_t i = 0; inner != NULL && i < inner->ngroup_by; i++) {
        if (span_eq(inner->group_by[i], name)) {
            return inner_entry->group[i];
        }
    }
    for (int f = 0; f < NFIELDS; f++) {
        if (span_eq(field_names[f], name)) {
            return ev->fields[f];
        }
    }
    (void)r;
    return NULL;
}

static void ref_feed(struct reference *r, uint32_t number, const struct sample *ev, const struct sigma_correlation *inner,
                     const struct ref_entry *inner_entry)
{
    for (uint32_t i = 0; i < r->set->correlations.len; i++) {
        const struct sigma_correlation *c = r->set->correlations.data[i];
        for (uint32_t k = 0; k < c->nrefs; k++) {
            struct ref_entry e = {.time = ev->time, .ref = ev->ref, .rule = k};
            bool whole = c->ref_index[k] == number;
            for (uint32_t g = 0; g < c->ngroup_by && whole; g++) {
                e.group[g] = ref_value(r, c, k, c->group_by[g], ev, inner, inner_entry);
                whole = e.group[g] != NULL;
            }
            for (uint32_t f = 0; f < c->nfields && whole; f++) {
                const char *v = ref_value(r, c, k, c->fields[f], ev, inner, inner_entry);
                double number_of = 0;
                whole = v != NULL && (c->type == CORR_VALUE_COUNT || (c->type == CORR_VALUE_PERCENTILE && c->percentile < 0) ||
                                      num_double(span_of(v), &number_of));
                *(f == 0 ? &e.value : &e.value2) = v;
            }
            if (!whole) {
                continue;
            }
            double v = 0;
            vec_push(&r->history[i], e);
            if (ref_holds(c, &r->history[i], &v)) {
                vec_push(&r->outs, (struct ref_out){i, ev->time, ev->ref, v});
                ref_feed(r, (uint32_t)r->set->rules.len + i, ev, c, &e);
            }
        }
    }
}

/* ---- generated streams ---- */

static const char *const bodies[] = {
    C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 20s, condition: {gte: 3}"),
    C("c", "type: event_count, rules: [r0, r1], timespan: 10s, condition: {gt: 2, lte: 5}"),
    C("c", "type: event_count, rules: [r0, r2], group-by: [U, T], timespan: 30s, condition: {eq: 2}"),
    C("c", "type: event_count, rules: [r1], group-by: U, timespan: 30s, condition: {neq: 1}"),
    C("c", "type: value_count, rules: [r0, r1], group-by: [U], timespan: 20s, condition: {field: T, gte: 3}"),
    C("c", "type: value_count, rules: [r0, r1], timespan: 25s, condition: {field: [T, U], gte: 4}"),
    C("c", "type: value_sum, rules: [r0, r1, r2], group-by: [U], timespan: 20s, condition: {field: N, gt: 8}"),
    C("c", "type: value_avg, rules: [r0, r1, r2], timespan: 15s, condition: {field: N, lt: 2}"),
    C("c", "type: value_median, rules: [r0, r1, r2], timespan: 25s, condition: {field: N, gte: 2}"),
    C("c", "type: value_percentile, rules: [r0, r1], timespan: 40s, condition: {field: N, percentile: 90, gte: 5}"),
    C("c", "type: value_percentile, rules: [r0, r1], timespan: 40s, condition: {field: T, lte: 20}"),
    C("c", "type: temporal, rules: [r0, r1, r2], group-by: [U], timespan: 20s"),
    C("c", "type: temporal, rules: [r0, r1, r2, r3], timespan: 8s, condition: {gte: 3}"),
    C("c", "type: temporal, rules: [r0, r1, r2], group-by: [U], timespan: 15s, condition: r0 and (r1 or not r2)"),
    C("c", "type: temporal_ordered, rules: [r0, r1, r2], group-by: [U], timespan: 30s"),
    C("c", "type: temporal_ordered, rules: [r2, r0], timespan: 5s"),
    C("c", "type: temporal_ordered, rules: [r3, r1, r0, r2], timespan: 10s, condition: {gte: 3}"),
    C("c", "type: temporal_ordered, rules: [r0, r1, r2], timespan: 10s, condition: r0 and (r1 or r2)"),
    C("c", "type: temporal_ordered, rules: [r0, r1, r2], timespan: 10s, condition: r0 and r1 and not r2"),
    C("c", "type: temporal, rules: [r0, r1], group-by: [who], timespan: 20s, aliases: {who: {r0: U, r1: A}}"),
    C("c", "type: event_count, rules: [r0], group-by: [U, T], timespan: 30s, condition: {gte: 2}")
        C("d", "type: temporal_ordered, rules: [c, r1], group-by: [U], timespan: 20s"),
    C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 30s, condition: {gte: 2}")
        C("d", "type: value_count, rules: [c], timespan: 60s, condition: {field: U, gte: 2}")
            C("e", "type: event_count, rules: [d, r3], group-by: [T], timespan: 60s, condition: {gte: 2}"),
    C("c", "type: event_count, rules: [r0, r1], group-by: [who], timespan: 30s, condition: {gte: 2}, "
           "aliases: {who: {r0: U, r1: A}}")
        C("d", "type: temporal, rules: [c, r2], group-by: [x], timespan: 20s, aliases: {x: {c: who, r2: A}}"),
    C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 20s, condition: {gte: 2}")
        C("d", "type: event_count, rules: [r0], group-by: [T], timespan: 20s, condition: {gte: 2}"),
};

static void check_feed(struct rig *rig, struct reference *ref, const struct sample *ev, const char *body)
{
    const struct correlate_output *out = NULL;
    size_t before = ref->outs.len;
    ref_feed(ref, ev->rule, ev, NULL, NULL);
    uint32_t n = feed(rig, ev, &out);
    /* the reference tells an inner correlation before those above it, as the correlator does */
    if (n != ref->outs.len - before) {
        fail_msg("%s event %llu: %u outputs, reference %zu", body, (unsigned long long)ev->ref, n, ref->outs.len - before);
    }
    for (uint32_t i = 0; i < n; i++) {
        CHECK(ref->outs.data != NULL);
        const struct ref_out *want = &ref->outs.data[before + i];
        if (out[i].correlation != want->corr || out[i].ref != want->ref || out[i].time != want->time ||
            fabs(out[i].value - want->value) > 1e-6) {
            fail_msg("%s event %llu: correlation %u value %g, reference %u %g", body, (unsigned long long)ev->ref,
                     out[i].correlation, out[i].value, want->corr, want->value);
        }
        assert_true(out[i].nrefs >= 1 && out[i].refs[out[i].nrefs - 1] == ev->ref);
    }
}

static void check_streams(bool restarts)
{
    uint64_t streams = test_cases(5 * NEVENTS * ARRAY_LEN(bodies)) / (NEVENTS * ARRAY_LEN(bodies)) + 1;
    uint64_t outputs = 0;
    for (size_t b = 0; b < ARRAY_LEN(bodies); b++) {
        uint64_t mine = 0;
        for (uint32_t seed = 1; seed <= streams; seed++) {
            struct rig rig;
            struct reference ref = {0};
            time_ns now = 1000 * TIME_SECOND;
            rig_open(&rig, bodies[b], CORRELATE_STATE_MAX_BYTES, 0);
            ref.set = rig.set;
            seed_state = seed * 7919;
            for (uint64_t i = 0; i < NEVENTS; i++) {
                struct sample ev;
                make_event(&ev, i, &now);
                check_feed(&rig, &ref, &ev, bodies[b]);
                if (restarts && rnd(10) == 0) {
                    rig_restart(&rig, CORRELATE_STATE_MAX_BYTES, 0);
                }
            }
            mine += ref.outs.len;
            for (size_t i = 0; i < ARRAY_LEN(ref.history); i++) {
                vec_free(&ref.history[i]);
            }
            vec_free(&ref.outs);
            rig_close(&rig);
        }
        if (mine == 0) {
            fail_msg("%s never fired: it tests nothing", bodies[b]);
        }
        outputs += mine;
    }
    assert_true(outputs > 1000);
}

static void streams_agree_with_the_reference(void **state)
{
    (void)state;
    check_streams(false);
}

/* Stored and read again at random points: nothing is counted twice, nothing is lost. */
static void restarts_change_nothing(void **state)
{
    (void)state;
    check_streams(true);
}

/* ---- out of order ---- */

static int by_out(const void *a, const void *b)
{
    const struct ref_out *x = a;
    const struct ref_out *y = b;
    return x->corr != y->corr ? (x->corr > y->corr) - (x->corr < y->corr) : (x->ref > y->ref) - (x->ref < y->ref);
}

static void collect(struct rig *rig, const struct sample *events, size_t n, size_t restart_every, ref_outs *all)
{
    for (size_t i = 0; i < n; i++) {
        const struct correlate_output *out = NULL;
        uint32_t fired = feed(rig, &events[i], &out);
        for (uint32_t k = 0; k < fired; k++) {
            vec_push(all, (struct ref_out){out[k].correlation, out[k].time, out[k].ref, 0});
        }
        if (restart_every != 0 && i % restart_every == 0) {
            rig_restart(rig, CORRELATE_STATE_MAX_BYTES, 300 * TIME_SECOND);
        }
    }
    if (all->len > 0) {
        qsort(all->data, all->len, sizeof *all->data, by_out);
    }
}

/* Conditions that more events can only help: whatever the order of arrival, the same events complete them. */
static void order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    static const char *const monotone[] = {
        C("c", "type: event_count, rules: [r0, r1], group-by: [U], timespan: 20s, condition: {gte: 3}"),
        C("c", "type: value_count, rules: [r0, r1], timespan: 20s, condition: {field: T, gte: 3}"),
        C("c", "type: temporal, rules: [r0, r1, r2], group-by: [U], timespan: 20s"),
        C("c", "type: temporal_ordered, rules: [r0, r1, r2], group-by: [U], timespan: 30s"),
        C("c", "type: temporal_ordered, rules: [r0, r1, r2], timespan: 10s, condition: r0 and (r1 or r2)"),
    };
    for (size_t b = 0; b < ARRAY_LEN(monotone); b++) {
        struct sample events[NEVENTS];
        ref_outs in_order = {0};
        ref_outs shuffled = {0};
        struct rig rig;
        time_ns now = 0;
        seed_state = 77 + (uint32_t)b;
        for (uint64_t i = 0; i < NEVENTS; i++) {
            make_event(&events[i], i, &now);
            now += TIME_SECOND / 10; /* no two at one time */
        }
        rig_open(&rig, monotone[b], CORRELATE_STATE_MAX_BYTES, 300 * TIME_SECOND);
        collect(&rig, events, NEVENTS, 0, &in_order);
        rig_close(&rig);
        for (size_t i = 0; i + 40 < NEVENTS; i += 40) { /* blocks of about a minute, shuffled */
            for (size_t j = 0; j < 40; j++) {
                size_t to = i + rnd(40);
                struct sample t = events[i + j];
                events[i + j] = events[to];
                events[to] = t;
            }
        }
        rig_open(&rig, monotone[b], CORRELATE_STATE_MAX_BYTES, 300 * TIME_SECOND);
        collect(&rig, events, NEVENTS, 7, &shuffled);
        rig_close(&rig);
        assert_true(in_order.len > 10);
        assert_int_equal(shuffled.len, in_order.len);
        for (size_t i = 0; i < in_order.len; i++) {
            assert_true(in_order.data[i].ref == shuffled.data[i].ref && in_order.data[i].time == shuffled.data[i].time);
        }
        vec_free(&in_order);
        vec_free(&shuffled);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(streams_agree_with_the_reference),
        cmocka_unit_test(restarts_change_nothing),
        cmocka_unit_test(order_of_arrival_does_not_matter),
    };
    return cmocka_run_group_tests_name("correlate reference", tests, NULL, NULL);
}
