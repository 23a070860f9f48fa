/* SPDX-License-Identifier: EUPL-1.2 */
/* The correlator one case at a time: what others got wrong, what is told, what is counted, what is bounded. */
#include "flow/detect/correlate_priv.h"
#include "flow/detect/correlate_testing.h"

/* ---- one by one ---- */

struct step {
    uint32_t rule;
    int seconds;
    const char *user, *target;
    const char *fires; /* correlation numbers told, in order */
};

static void run_steps(const char *body, const struct step *steps, size_t n)
{
    struct rig rig;
    rig_open(&rig, body, CORRELATE_STATE_MAX_BYTES, 0);
    for (size_t i = 0; i < n; i++) {
        const struct correlate_output *out = NULL;
        struct sample ev = {steps[i].rule, steps[i].seconds * TIME_SECOND, i, {NULL, steps[i].target, steps[i].target, steps[i].user}};
        char got[64] = "";
        uint32_t fired = feed(&rig, &ev, &out);
        for (uint32_t k = 0; k < fired && k < 60; k++) {
            got[k] = (char)('0' + out[k].correlation);
        }
        if (strcmp(got, steps[i].fires) != 0) {
            fail_msg("%s step %zu fired '%s', want '%s'", body, i, got, steps[i].fires);
        }
    }
    rig_close(&rig);
}
#define RUN(body, ...)                                                                             \
    do {                                                                                           \
        static const struct step steps_[] = {__VA_ARGS__};                                         \
        run_steps(body, steps_, ARRAY_LEN(steps_));                                                \
    } while (0)

static void what_others_got_wrong(void **state)
{
    (void)state;
    /* the window slides, both ends count: three within exactly 10 s, though in no fixed slice of 10 s */
    RUN(C("c", "type: event_count, rules: [r0], timespan: 10s, condition: {gte: 3}"),
        {0, 5, "a", "1", ""}, {0, 12, "a", "1", ""}, {0, 15, "a", "1", "0"}, {0, 26, "a", "1", ""}, {0, 36, "a", "1", ""});
    /* distinct values are those of the window, not of all that came */
    RUN(C("c", "type: value_count, rules: [r0], timespan: 10s, condition: {field: T, gte: 3}"),
        {0, 0, "a", "1", ""}, {0, 5, "a", "2", ""}, {0, 11, "a", "3", ""}, {0, 12, "a", "1", "0"}, {0, 16, "a", "1", ""});
    /* temporal keeps groups apart */
    RUN(C("c", "type: temporal, rules: [r0, r1], group-by: [U], timespan: 10s"),
        {0, 0, "a", "1", ""}, {1, 1, "b", "1", ""}, {1, 2, "a", "1", "0"});
    /* a span just over the timespan does not count, in either direction of it */
    RUN(C("c", "type: temporal, rules: [r0, r1, r2], timespan: 5s"),
        {1, 0, "a", "1", ""}, {0, 5, "a", "1", ""}, {2, 10, "a", "1", ""}, {1, 10, "a", "1", "0"});
    /* every step of an order is checked, not just the first */
    RUN(C("c", "type: temporal_ordered, rules: [r0, r1, r2], timespan: 60s"),
        {0, 0, "a", "1", ""}, {2, 1, "a", "1", ""}, {1, 2, "a", "1", ""}, {2, 3, "a", "1", "0"}, {0, 4, "a", "1", ""});
    /* the latest start counts: an old one does not hide a new one */
    RUN(C("c", "type: temporal_ordered, rules: [r0, r1], timespan: 5s"),
        {0, 0, "a", "1", ""}, {0, 8, "a", "1", ""}, {1, 10, "a", "1", "0"}, {1, 13, "a", "1", "0"}, {1, 14, "a", "1", ""});
    /* two correlations on one rule both fire */
    RUN(C("c", "type: event_count, rules: [r0], timespan: 10s, condition: {gte: 2}")
            C("d", "type: event_count, rules: [r0], timespan: 20s, condition: {gte: 2}"),
        {0, 0, "a", "1", ""}, {0, 1, "a", "1", "01"}, {0, 15, "a", "1", "1"});
    /* a chain: brute force, then a success of the same user */
    RUN(C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 10s, condition: {gte: 2}")
            C("d", "type: temporal_ordered, rules: [c, r1], group-by: [U], timespan: 60s"),
        {0, 0, "a", "1", ""}, {1, 1, "a", "1", ""}, {0, 2, "a", "1", "0"}, {1, 3, "b", "1", ""}, {1, 4, "a", "1", "1"});
    /* the outer groups by a field the inner one does not have: the completing event's own */
    RUN(C("c", "type: event_count, rules: [r0], group-by: [T], timespan: 10s, condition: {gte: 2}")
            C("d", "type: value_count, rules: [c], group-by: [U], timespan: 60s, condition: {field: T, gte: 2}"),
        {0, 0, "a", "1", ""}, {0, 1, "a", "1", "0"}, {0, 2, "b", "2", ""}, {0, 3, "a", "2", "01"});
    /* no group-by: one group for all; equal times keep the order they came in */
    RUN(C("c", "type: temporal_ordered, rules: [r0, r1], timespan: 1s"),
        {1, 7, "a", "1", ""}, {0, 7, "b", "1", ""}, {1, 7, NULL, "1", "0"});
    /* sums are exact: ten tenths are one */
    RUN(C("c", "type: value_sum, rules: [r0], timespan: 60s, condition: {field: N, eq: 0.3}"),
        {0, 0, "a", "0.1", ""}, {0, 1, "a", "0.1", ""}, {0, 2, "a", "0.1", "0"}, {0, 3, "a", "1e17", ""});
}

static void missing_fields_are_counted(void **state)
{
    (void)state;
    struct rig rig;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: value_sum, rules: [r0], group-by: [U], timespan: 10s, condition: {field: N, gte: 0}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    struct sample cases[] = {
        {0, TIME_SECOND, 0, {NULL, "1", NULL, NULL}},   {0, TIME_SECOND, 1, {NULL, NULL, NULL, "a"}},
        {0, TIME_SECOND, 2, {NULL, "abc", NULL, "a"}},  {0, TIME_SECOND, 3, {NULL, "1e300", NULL, "a"}},
        {0, TIME_SECOND, 4, {NULL, "1", NULL, ""}},     {0, TIME_NONE, 5, {NULL, "1", NULL, "a"}},
        {1, TIME_SECOND, 6, {NULL, "1", NULL, "a"}},
    };
    uint32_t fired = 0;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        fired += feed(&rig, &cases[i], &out);
    }
    correlator_stats(rig.k, &stats);
    assert_int_equal(fired, 1); /* an empty value is a value */
    assert_int_equal(stats.no_group, 4);
    assert_int_equal(stats.late, 1);
    assert_int_equal(stats.inputs, 7);
    assert_true(correlations_uses(rig.c, 0));
    assert_false(correlations_uses(rig.c, 1));
    rig_close(&rig);
}

static void groups_are_told(void **state)
{
    (void)state;
    struct rig rig;
    const struct correlate_output *out = NULL;
    char longer[3000];
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    rig_open(&rig, C("c", "type: event_count, rules: [r0], group-by: [U, T], timespan: 10s, condition: {gte: 2}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    struct sample ev = {0, TIME_SECOND, 7, {NULL, NULL, "10.0.0.1", "root"}};
    assert_int_equal(feed(&rig, &ev, &out), 0);
    ev.ref = 8;
    assert_int_equal(feed(&rig, &ev, &out), 1);
    assert_true(span_eq(out[0].group, SPAN("U=root, T=10.0.0.1")));
    assert_int_equal(out[0].nrefs, 2);
    assert_int_equal(out[0].refs[0], 7);
    assert_int_equal(out[0].refs[1], 8);
    assert_true(out[0].value == 2);
    ev.fields[F_U] = longer;
    assert_int_equal(feed(&rig, &ev, &out), 0);
    assert_int_equal(feed(&rig, &ev, &out), 1);
    longer[2998] = 'y'; /* differs behind what is kept */
    assert_int_equal(feed(&rig, &ev, &out), 0);
    rig_close(&rig);
}

static void refs_name_every_rule(void **state)
{
    (void)state;
    struct rig rig;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: temporal, rules: [r0, r1], timespan: 1d"), CORRELATE_STATE_MAX_BYTES, 0);
    struct sample ev = {0, TIME_SECOND, 1000, {0}};
    assert_int_equal(feed(&rig, &ev, &out), 0);
    uint32_t fired = 0;
    for (uint64_t i = 0; i < 200; i++) {
        ev = (struct sample){1, (time_ns)(i + 2) * TIME_SECOND, i, {0}};
        fired += feed(&rig, &ev, &out);
    }
    assert_int_equal(fired, 200);
    assert_int_equal(out[0].nrefs, CORRELATE_REFS_MAX);
    assert_int_equal(out[0].refs[0], 1000);
    assert_int_equal(out[0].refs[CORRELATE_REFS_MAX - 1], 199);
    rig_close(&rig);
}

/* One event of tomorrow must not blind a group for a day. */
static void a_future_event_costs_only_itself(void **state)
{
    (void)state;
    struct rig rig;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 10s, condition: {gte: 3}"),
             CORRELATE_STATE_MAX_BYTES, 60 * TIME_SECOND);
    struct sample future = {0, 80000 * TIME_SECOND, 99, {NULL, NULL, NULL, "a"}};
    assert_int_equal(feed(&rig, &future, &out), 0);
    uint32_t fired = 0;
    for (uint64_t i = 0; i < 1000; i++) {
        struct sample ev = {0, (time_ns)(i + 1) * TIME_SECOND, i, {NULL, NULL, NULL, "a"}};
        fired += feed(&rig, &ev, &out);
    }
    correlator_stats(rig.k, &stats);
    assert_int_equal(fired, 998);
    assert_int_equal(stats.late, 1000); /* and it shows */
    rig_close(&rig);
}

/* ---- bounds ---- */

static void state_is_bounded_and_losses_counted(void **state)
{
    (void)state;
    enum { BOUND = 256 * 1024 };
    struct rig rig;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: value_count, rules: [r0], group-by: [U], timespan: 1h, condition: {field: T, gte: 100}")
                       C("d", "type: value_median, rules: [r1], group-by: [U], timespan: 1h, condition: {field: N, lt: 0}"),
             BOUND, 0);
    for (uint64_t i = 0; i < 20000; i++) {
        char user[32];
        char target[32];
        (void)snprintf(user, sizeof user, "u%llu", (unsigned long long)(i % 3 == 0 ? 0 : i));
        (void)snprintf(target, sizeof target, "%u", rnd(1000000));
        struct sample ev = {(uint32_t)(i & 1), (time_ns)i * TIME_SECOND / 100, i, {NULL, target, target, user}};
        (void)feed(&rig, &ev, &out);
        correlator_stats(rig.k, &stats);
        assert_true(stats.state_bytes <= BOUND);
    }
    assert_true(stats.evicted > 1000);
    rig_close(&rig);
}

static void one_flood_does_not_push_others_out(void **state)
{
    (void)state;
    struct rig rig;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 1h, condition: {eq: 2}"), 256 * 1024, 0);
    struct sample quiet = {0, TIME_SECOND, 1, {NULL, NULL, NULL, "quiet"}};
    assert_int_equal(feed(&rig, &quiet, &out), 0);
    for (uint64_t i = 0; i < 50000; i++) {
        struct sample ev = {0, 2 * TIME_SECOND + (time_ns)i, i, {NULL, NULL, NULL, "flood"}};
        (void)feed(&rig, &ev, &out);
    }
    quiet.time = 100 * TIME_SECOND;
    assert_int_equal(feed(&rig, &quiet, &out), 1);
    rig_close(&rig);
}

/* Rules come from other cities too: one that makes windows without end pushes out its own, and is told with what it took. */
static void one_correlation_does_not_push_others_out(void **state)
{
    (void)state;
    enum { BOUND = 256 * 1024, QUIET = 50, FLOOD = 20000 };
    struct rig rig;
    struct correlator_cost quiet, flood;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    uint32_t fired = 0;
    rig_open(&rig, C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 1h, condition: {eq: 2}")
                       C("d", "type: event_count, rules: [r1], group-by: [U], timespan: 1h, condition: {eq: 2}"),
             BOUND, 0);
    for (uint64_t i = 0; i < QUIET + FLOOD + QUIET; i++) {
        bool is_quiet = i < QUIET || i >= QUIET + FLOOD;
        char user[32];
        (void)snprintf(user, sizeof user, "u%llu", (unsigned long long)(i % (is_quiet ? QUIET + FLOOD : UINT64_MAX)));
        struct sample ev = {is_quiet ? 0 : 1, TIME_SECOND + (time_ns)i, i, {NULL, NULL, NULL, user}};
        fired += feed(&rig, &ev, &out);
        correlator_cost(rig.k, 1, &flood);
        assert_true(flood.bytes <= BOUND / CORRELATE_RULE_SHARE + 4096); /* the window that was touched last stays */
    }
    assert_int_equal(fired, QUIET); /* none of the quiet one's windows was lost */
    correlator_cost(rig.k, 0, &quiet);
    correlator_stats(rig.k, &stats);
    assert_int_equal(quiet.events, 2 * QUIET);
    assert_int_equal(quiet.tried, 2 * QUIET);
    assert_int_equal(quiet.outputs, QUIET);
    assert_int_equal(quiet.evicted, 0);
    assert_int_equal(quiet.groups, QUIET);
    assert_int_equal(flood.events, FLOOD);
    assert_int_equal(flood.outputs, 0);
    assert_true(flood.evicted > FLOOD / 2 && flood.evicted == stats.evicted);
    assert_true(quiet.bytes + flood.bytes == stats.state_bytes && quiet.groups + flood.groups == stats.groups);
    rig_close(&rig);
}

static void a_stopped_correlation_rests(void **state)
{
    (void)state;
    struct rig rig;
    struct correlator_cost cost;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: event_count, rules: [r0], timespan: 1h, condition: {gte: 2}")
                       C("d", "type: event_count, rules: [r0], timespan: 1h, condition: {gte: 2}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    struct sample ev = {0, TIME_SECOND, 1, {NULL, NULL, NULL, "a"}};
    assert_int_equal(feed(&rig, &ev, &out), 0);
    correlator_mark(rig.k, 1, CORRELATOR_STOP);
    assert_int_equal(feed(&rig, &ev, &out), 1);
    assert_int_equal(out[0].correlation, 0);
    correlator_cost(rig.k, 1, &cost);
    assert_int_equal(cost.events, 1);
    correlator_mark(rig.k, 1, CORRELATOR_WATCH); /* goes on with the windows it had; timed */
    assert_int_equal(correlator_marked(rig.k, 1), CORRELATOR_WATCH);
    assert_int_equal(feed(&rig, &ev, &out), 2);
    correlator_cost(rig.k, 1, &cost);
    assert_true(cost.ns > 0);
    correlator_mark(rig.k, 1, CORRELATOR_PLAIN);
    assert_int_equal(feed(&rig, &ev, &out), 2);
    rig_close(&rig);
}

static void tidied_groups_are_no_losses(void **state)
{
    (void)state;
    struct rig rig;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 1s, condition: {gte: 2}"), 64 * 1024, 0);
    for (uint64_t i = 0; i < 5000; i++) {
        char user[32];
        (void)snprintf(user, sizeof user, "u%llu", (unsigned long long)i);
        struct sample ev = {0, (time_ns)i * TIME_SECOND, i, {NULL, NULL, NULL, user}};
        (void)feed(&rig, &ev, &out);
    }
    correlator_stats(rig.k, &stats);
    assert_int_equal(stats.evicted, 0);
    assert_true(stats.state_bytes <= 64 * 1024);
    rig_close(&rig);
}

/* Thousands of events at the bounds of one event's work: time must not explode. */
static void old_floods_are_bounded(void **state)
{
    (void)state;
    struct rig rig;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: temporal_ordered, rules: [r0, r1], timespan: 1d") C(
                       "d", "type: event_count, rules: [r0, r1], timespan: 1d, condition: {gte: 100000}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    for (uint64_t i = 0; i < 30000; i++) { /* each older than all before */
        struct sample ev = {(uint32_t)(i & 1), (time_ns)(100000 - (int64_t)i) * TIME_SECOND / 10, i, {0}};
        if (i % 10 == 0 || i < 9000) {
            (void)feed(&rig, &ev, &out);
        }
    }
    correlator_stats(rig.k, &stats);
    assert_true(stats.not_tried > 0);
    rig_close(&rig);
}

static void the_sorted_list_and_the_counts_forget(void **state)
{
    (void)state;
    struct rig rig;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: value_median, rules: [r0], timespan: 300s, condition: {field: N, gte: 0}")
                       C("d", "type: value_count, rules: [r0], timespan: 300s, condition: {field: N, gte: 0}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    double window[4000];
    size_t n = 0;
    for (uint64_t i = 0; i < 4000; i++) {
        char number[32];
        window[i] = rnd(5000);
        (void)snprintf(number, sizeof number, "%g", window[i]);
        struct sample ev = {0, (time_ns)i * TIME_SECOND / 10, i, {NULL, number, NULL, NULL}};
        assert_int_equal(feed(&rig, &ev, &out), 2);
        if (i % 500 == 499) {
            double sorted[3001];
            size_t distinct = 0;
            n = i < 3000 ? (size_t)i + 1 : 3001;
            memcpy(sorted, window + i + 1 - n, n * sizeof *sorted);
            qsort(sorted, n, sizeof *sorted, by_number);
            for (size_t k = 0; k < n; k++) {
                distinct += k == 0 || sorted[k] != sorted[k - 1];
            }
            assert_true(fabs(out[0].value - (sorted[(n - 1) / 2] + sorted[n / 2]) / 2) < 1e-9);
            assert_true(out[1].value == (double)distinct);
        }
    }
    rig_close(&rig);
}

/* Every rank of the list against plain sorting, while it grows, shrinks and empties. */
static void order_statistics_agree_with_sorting(void **state)
{
    (void)state;
    enum { MOST = 3000, STEPS = 20000 };
    struct sorted_list list = {0};
    double plain[MOST];
    size_t n = 0;
    for (uint32_t i = 0; i < STEPS; i++) {
        bool grows = i / 4000 % 2 == 0 ? rnd(3) > 0 : rnd(3) == 0;
        if (n < MOST && (grows || n == 0)) {
            plain[n] = rnd(i % 2 == 0 ? 40 : 100000);
            sorted_insert(&list, plain[n++]);
        } else {
            size_t at = rnd((uint32_t)n);
            sorted_remove(&list, plain[at]);
            plain[at] = plain[--n];
        }
        assert_int_equal(list.len, n);
        if (n > 0 && (i % 50 == 0 || n < 20)) {
            qsort(plain, n, sizeof *plain, by_number);
            for (uint32_t k = 0; k < 8; k++) {
                uint32_t rank = k == 0 ? 0 : k == 1 ? (uint32_t)n - 1 : rnd((uint32_t)n);
                assert_true(sorted_at(&list, rank) == plain[rank]);
            }
        }
    }
    while (n > 0) {
        sorted_remove(&list, plain[--n]);
        assert_true(n == 0 || sorted_at(&list, (uint32_t)n / 2) <= sorted_at(&list, (uint32_t)n - 1));
    }
    sorted_insert(&list, 1);
    assert_true(sorted_at(&list, 0) == 1);
    sorted_free(&list);
}

static void scopes_never_mix(void **state)
{
    (void)state;
    struct rig rig;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: event_count, rules: [r0], group-by: [U], timespan: 10s, condition: {gte: 2}")
                       C("d", "type: event_count, rules: [c], timespan: 60s, condition: {gte: 2}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    const struct span towns[] = {SPAN("hill"), SPAN("dale")};
    struct span user = SPAN("root");
    uint32_t fired[4];
    for (uint32_t i = 0; i < 4; i++) {
        struct correlate_input in = {
            .rule = 0, .time = (time_ns)(i + 1) * TIME_SECOND, .scope = towns[i % 2], .values = &user, .ref = i};
        fired[i] = correlator_feed(rig.k, &in, &out);
        assert_true(fired[i] == 0 || span_eq(out[0].scope, towns[i % 2]));
    }
    assert_true(fired[0] == 0 && fired[1] == 0 && fired[2] == 1 && fired[3] == 1); /* nor in the one above */
    assert_true(span_eq(out[0].group, SPAN("U=root")));
    rig_close(&rig);
}

/* A new rule set: windows of what is the same go on, those of what changed are counted as forgotten. */
static void a_new_rule_set_keeps_what_did_not_change(void **state)
{
    (void)state;
#define KEPT C("kept", "type: event_count, rules: [r0], group-by: [U], timespan: 60s, generate: true, condition: {gte: 3}")
#define ABOVE C("above", "type: event_count, rules: [kept], timespan: 60s, condition: {gte: 1}")
    static const char before[] = C("gone", "type: event_count, rules: [r1], timespan: 60s, condition: {gte: 3}") KEPT ABOVE
        C("changed", "type: event_count, rules: [r0], group-by: [U], timespan: 60s, condition: {gte: 3}");
    static const char after[] = KEPT C("new", "type: event_count, rules: [r0], timespan: 60s, condition: {gte: 1}")
        C("changed", "type: event_count, rules: [r0], group-by: [U], timespan: 61s, condition: {gte: 3}") ABOVE;
    struct rig a;
    struct rig b;
    struct correlator_stats stats;
    const struct correlate_output *out = NULL;
    rig_open(&a, before, CORRELATE_STATE_MAX_BYTES, 0);
    rig_open(&b, after, CORRELATE_STATE_MAX_BYTES, 0);
    struct sample ev = {0, TIME_SECOND, 1, {NULL, NULL, NULL, "root"}};
    for (; ev.ref <= 2; ev.ref++) {
        assert_int_equal(feed(&a, &ev, &out), 0);
    }
    ev.rule = 1;
    assert_int_equal(feed(&a, &ev, &out), 0);
    correlator_free(&b.k);
    b.k = correlator_move(&a.k, b.c);
    assert_null(a.k);
    correlator_stats(b.k, &stats);
    assert_int_equal(stats.forgotten, 3); /* two of "changed", one of "gone" */
    assert_int_equal(stats.inputs, 3);
    ev = (struct sample){0, 2 * TIME_SECOND, 9, {NULL, NULL, NULL, "root"}};
    uint32_t n = feed(&b, &ev, &out);
    assert_int_equal(n, 3); /* kept, above it, and new; not changed */
    for (uint32_t i = 0; i < n; i++) {
        struct span name = b.set->correlations.data[out[i].correlation]->meta.name;
        assert_false(span_eq(name, SPAN("changed")));
        assert_true(!span_eq(name, SPAN("kept")) || out[i].nrefs == 3);
    }
    rig_close(&a);
    rig_close(&b);
}

static void damaged_state_is_refused(void **state)
{
    (void)state;
    struct rig rig;
    struct buf b;
    const struct correlate_output *out = NULL;
    rig_open(&rig, C("c", "type: temporal_ordered, rules: [r0, r1], group-by: [U], timespan: 60s, condition: {gte: 2}")
                       C("d", "type: value_sum, rules: [r0], timespan: 60s, condition: {field: N, gte: 3}"),
             CORRELATE_STATE_MAX_BYTES, 0);
    time_ns now = TIME_SECOND;
    for (uint64_t i = 0; i < 60; i++) {
        struct sample ev;
        make_event(&ev, i, &now);
        (void)feed(&rig, &ev, &out);
    }
    buf_init(&b, 1 << 20);
    correlator_save(rig.k, &b);
    uint32_t refused = 0;
    for (size_t i = 0; i <= b.len; i++) { /* every shortening, every byte turned */
        struct correlator *k = NULL;
        char *copy = mem_alloc(b.len); /* exact: a read beyond it is seen */
        memcpy(copy, b.data, b.len);
        assert_true(i == b.len || correlator_load(rig.c, 1 << 20, 0, span_make(copy, i), &k, NULL) == ERR_INVALID);
        copy[i % b.len] = (char)(copy[i % b.len] ^ 0x40);
        refused += correlator_load(rig.c, 1 << 20, 0, span_make(copy, b.len), &k, NULL) != 0;
        correlator_free(&k);
        mem_free(copy);
    }
    assert_true(refused > 100);
    buf_free(&b);
    rig_close(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_others_got_wrong),
        cmocka_unit_test(missing_fields_are_counted),
        cmocka_unit_test(groups_are_told),
        cmocka_unit_test(refs_name_every_rule),
        cmocka_unit_test(a_future_event_costs_only_itself),
        cmocka_unit_test(state_is_bounded_and_losses_counted),
        cmocka_unit_test(one_flood_does_not_push_others_out),
        cmocka_unit_test(one_correlation_does_not_push_others_out),
        cmocka_unit_test(a_stopped_correlation_rests),
        cmocka_unit_test(tidied_groups_are_no_losses),
        cmocka_unit_test(old_floods_are_bounded),
        cmocka_unit_test(the_sorted_list_and_the_counts_forget),
        cmocka_unit_test(order_statistics_agree_with_sorting),
        cmocka_unit_test(scopes_never_mix),
        cmocka_unit_test(a_new_rule_set_keeps_what_did_not_change),
        cmocka_unit_test(damaged_state_is_refused),
    };
    return cmocka_run_group_tests_name("correlate", tests, NULL, NULL);
}
