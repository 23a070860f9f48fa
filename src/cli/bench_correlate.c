/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno bench correlate`: what one match costs in a correlation of each type, with one group and with many, when
 * nothing completes and when every event does. Made events, the same for the same seed; the work runs in a caged child.
 */
#include "cli/bench_correlate.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/child.h"
#include "cli/cli.h"
#include "flow/detect/correlate.h"
#include "flow/detect/sigma.h"
#include "os/sandbox.h"
#include "wire/json_write.h"

enum {
    EVENTS = 200000,
    GROUPS = 10000,
    WINDOW_S = 60, /* of event time; an event a millisecond: 60,000 in the window of one group */
    NUMBERS = 100000,
    TARGETS = 1000,
    RARE = 20000, /* one event in so many is of the fourth rule */
    NRULES = 4,
    NFIELDS = 3,
    NCASES = 10,
    NSHAPES = 5,
};

static const struct span field_names[NFIELDS] = {SPAN("N"), SPAN("T"), SPAN("U")};

/* Conditions: one that is never met, one that every event meets. */
static const struct bench_type {
    const char *name, *head, *never, *always;
} types[NCASES] = {
    {"event_count", "type: event_count, rules: [r0, r1, r2]", "{gte: 1000000}", "{gte: 1}"},
    {"value_count", "type: value_count, rules: [r0, r1, r2]", "{field: T, gte: 1000000}", "{field: T, gte: 1}"},
    {"value_sum", "type: value_sum, rules: [r0, r1, r2]", "{field: N, lt: 0}", "{field: N, gte: 0}"},
    {"value_avg", "type: value_avg, rules: [r0, r1, r2]", "{field: N, lt: 0}", "{field: N, gte: 0}"},
    {"value_median", "type: value_median, rules: [r0, r1, r2]", "{field: N, lt: 0}", "{field: N, gte: 0}"},
    {"value_percentile", "type: value_percentile, rules: [r0, r1, r2]", "{field: N, percentile: 95, lt: 0}",
     "{field: N, percentile: 95, gte: 0}"},
    {"value_percentile, share", "type: value_percentile, rules: [r0, r1, r2]", "{field: T, lt: 0}", "{field: T, gte: 0}"},
    {"temporal", "type: temporal, rules: [r0, r1, r2, r3]", "{gte: 5}", "{gte: 1}"},
    {"temporal_ordered", "type: temporal_ordered, rules: [r3, r0, r1, r2]", NULL, NULL},
    {"temporal_ordered, chains", "type: temporal_ordered, rules: [r3, r0, r1, r2]", "{gte: 5}", "{gte: 1}"},
};

/* What is measured of each type. */
static const struct bench_shape {
    uint32_t groups;
    bool completes;
    uint32_t late; /* one in so many comes up to a second late; 0 = all in order */
    const char *name;
} shapes[NSHAPES] = {
    {1, false, 0, "one_group"},          {GROUPS, false, 0, "many_groups"},
    {1, true, 0, "one_group_completing"}, {GROUPS, true, 0, "many_groups_completing"},
    {GROUPS, false, 20, "many_groups_late"},
};

struct made {
    time_ns time;
    uint32_t rule;
    char n[12], t[12], u[12];
};

struct figures {
    double ns[NCASES][NSHAPES]; /* CPU time of one event, median */
    uint64_t outputs[NCASES][NSHAPES];
    uint64_t state[NCASES][NSHAPES]; /* bytes */
};

struct job {
    uint64_t seed;
    unsigned rounds;
};

static uint64_t next_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static struct made *make_events(uint64_t seed, const struct bench_shape *shape)
{
    struct made *all = mem_calloc(EVENTS, sizeof *all);
    for (uint32_t i = 0; i < EVENTS; i++) {
        struct made *ev = &all[i];
        ev->time = TIME_DAY + (time_ns)i * TIME_SECOND / 1000;
        if (shape->late > 0 && next_random(&seed) % shape->late == 0) {
            ev->time -= (time_ns)(next_random(&seed) % TIME_SECOND);
        }
        ev->rule = next_random(&seed) % RARE == 0 ? 3 : (uint32_t)(next_random(&seed) % 3);
        (void)snprintf(ev->n, sizeof ev->n, "%u", (unsigned)(next_random(&seed) % NUMBERS));
        (void)snprintf(ev->t, sizeof ev->t, "t%u", (unsigned)(next_random(&seed) % TARGETS));
        (void)snprintf(ev->u, sizeof ev->u, "u%u", (unsigned)(next_random(&seed) % shape->groups));
    }
    return all;
}

static struct sigma_set *load(struct arena *a, const struct bench_type *type, bool completes)
{
    const char *condition = completes ? type->always : type->never;
    const char *text = "";
    for (unsigned i = 0; i < NRULES; i++) {
        text = arena_printf(a,
                            "%stitle: R\nid: id%u\nname: r%u\nlogsource: {product: p}\n"
                            "detection: {s: {A: 1}, condition: s}\n---\n",
                            text, i, i);
    }
    text = arena_printf(a, "%stitle: C\nid: c\ncorrelation: {%s, group-by: [U], timespan: %us%s%s}\n", text, type->head,
                        (unsigned)WINDOW_S, condition == NULL ? "" : ", condition: ", condition == NULL ? "" : condition);
    struct sigma_loader *l = sigma_loader_new();
    sigma_loader_file(l, SPAN("bench"), span_of(text));
    struct sigma_set *set = sigma_loader_finish(l);
    sigma_loader_free(&l);
    CHECK(set->refused.len == 0 && set->correlations.len == 1);
    return set;
}

static double now_cpu(void)
{
    struct timespec ts;
    MUST(clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts));
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* One pass over all events with a fresh correlator; CPU seconds. */
static double pass(const struct correlations *c, const struct made *events, struct correlator_stats *stats)
{
    struct correlator *k = correlator_new(c, CORRELATE_STATE_MAX_BYTES, CORRELATE_LATENESS_S * TIME_SECOND);
    double from = now_cpu();
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct made *ev = &events[i];
        const char *const texts[NFIELDS] = {ev->n, ev->t, ev->u};
        const struct correlate_output *out;
        struct span values[NFIELDS];
        uint32_t n = 0;
        const field_id *ids = correlations_fields(c, ev->rule, &n);
        for (uint32_t f = 0; f < n; f++) {
            values[f] = span_of(texts[ids[f]]);
        }
        const struct correlate_input in = {.rule = ev->rule, .time = ev->time, .values = values, .ref = i};
        (void)correlator_feed(k, &in, &out);
    }
    double took = now_cpu() - from;
    correlator_stats(k, stats);
    correlator_free(&k);
    return took;
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const struct job *job, unsigned type, unsigned shape, const struct made *events, struct figures *f)
{
    static const struct catalog catalog = {.fields = field_names, .nfields = NFIELDS};
    double took[BENCH_CORRELATE_ROUNDS_MAX] = {0};
    struct correlator_stats stats = {0};
    struct arena region;
    arena_init(&region, 0);
    struct sigma_set *set = load(&region, &types[type], shapes[shape].completes);
    const struct correlations *c = correlations_compile(set, &catalog, &region);
    for (unsigned i = 0; i < job->rounds; i++) {
        took[i] = pass(c, events, &stats);
    }
    qsort(took, job->rounds, sizeof took[0], by_number);
    f->ns[type][shape] = took[job->rounds / 2] * 1e9 / EVENTS;
    f->outputs[type][shape] = stats.outputs;
    f->state[type][shape] = stats.state_bytes;
    sigma_set_free(&set);
    arena_fini(&region);
}

static void child(void *arg, int out)
{
    static struct figures figures;
    const struct job *job = arg;
    struct err e = {0};
    if (sandbox_enter(SANDBOX_SCAN_WORKER, &e) != 0) {
        _exit(1);
    }
    for (unsigned shape = 0; shape < NSHAPES; shape++) {
        struct made *events = make_events(job->seed, &shapes[shape]);
        for (unsigned type = 0; type < NCASES; type++) {
            measure(job, type, shape, events, &figures);
        }
        mem_free(events);
    }
    const char *p = (const char *)&figures;
    for (size_t left = sizeof figures; left > 0;) {
        ssize_t n = write(out, p, left);
        if (n <= 0) {
            _exit(1);
        }
        p += n;
        left -= (size_t)n;
    }
    _exit(0);
}

static void print_text(const struct job *job, const struct figures *f)
{
    (void)printf("%u matches, window of %u s with 1,000 a second, seed %llu, one core, medians of %u rounds\n"
                 "ns per match                 one group  %u groups   completing: one     %u   5 %% late\n",
                 (unsigned)EVENTS, (unsigned)WINDOW_S, (unsigned long long)job->seed, job->rounds, (unsigned)GROUPS,
                 (unsigned)GROUPS);
    for (unsigned t = 0; t < NCASES; t++) {
        (void)printf("  %-26s", types[t].name);
        for (unsigned s = 0; s < NSHAPES; s++) {
            (void)printf(" %12.0f", f->ns[t][s]);
        }
        (void)printf("\n");
    }
}

static void print_json(const struct job *job, const struct figures *f)
{
    struct buf b;
    struct json_writer j;
    buf_init(&b, 1 << 20);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "bench");
    json_text(&j, SPAN("correlate"));
    json_key(&j, "events");
    json_u64(&j, EVENTS);
    json_key(&j, "rounds");
    json_u64(&j, job->rounds);
    json_key(&j, "cases");
    json_array(&j);
    for (unsigned t = 0; t < NCASES; t++) {
        for (unsigned s = 0; s < NSHAPES; s++) {
            json_object(&j);
            json_key(&j, "type");
            json_text(&j, span_of(types[t].name));
            json_key(&j, "shape");
            json_text(&j, span_of(shapes[s].name));
            json_key(&j, "ns_per_event");
            json_double(&j, f->ns[t][s]);
            json_key(&j, "events_per_s");
            json_double(&j, f->ns[t][s] > 0 ? 1e9 / f->ns[t][s] : 0);
            json_key(&j, "completed");
            json_u64(&j, f->outputs[t][s]);
            json_key(&j, "state_bytes");
            json_u64(&j, f->state[t][s]);
            json_end(&j);
        }
    }
    json_end(&j);
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

int bench_correlate(uint64_t seed, unsigned rounds, bool json)
{
    struct job job = {seed, rounds};
    struct figures f;
    struct buf answer;
    struct err e = {0};
    int status = 0;
    buf_init(&answer, 1 << 20);
    int rc = cli_child(child, &job, "the measuring process", &answer, &status, &e);
    if (rc == 0 && (answer.len != sizeof f || status != 0)) {
        rc = err_set(&e, ERR_IO, "the measuring process ended early (status %d)", status);
    }
    if (rc == 0) {
        memcpy(&f, answer.data, sizeof f);
        (json ? print_json : print_text)(&job, &f);
    } else {
        cli_print_err(&e);
    }
    buf_free(&answer);
    return rc == 0 ? CLI_OK : CLI_UNREAD;
}
