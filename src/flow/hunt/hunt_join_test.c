/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlations over an archive: in the order of event time whatever way the blocks lie, the same completions as a
 * correlator that is fed in order, one window for each organisation, "clean" only where each joined rule could have
 * matched, and a run that was cut anywhere goes on as if it had not been.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "archive/block.h"
#include "base/mem.h"
#include "flow/hunt/hunt_run_priv.h"
#include "flow/normalise/norm_kit.h"

enum { START_S = 1795309200, PER_BLOCK = 16, BLOCKS_MAX = 4096, USERS = 5 };

#define BASE(id, image)                                                                                                \
    "title: Base " id "\nid: b" id "\nname: n" id "\nlogsource: {product: windows, category: process_creation}\n"      \
    "detection:\n  s: {Image|endswith: '" image "'}\n  condition: s\n---\n"
#define JOIN(title, body) "title: " title "\nid: j-" title "\ncorrelation: {" body "}\n---\n"

static const char rule_text[] =
    BASE("1", "/one") BASE("2", "/two") BASE("3", "/three")
    "title: Base 4\nid: b4\nlogsource: {product: aws, service: cloudtrail}\n"
    "detection:\n  s: {eventName: x}\n  condition: s\n---\n"
    JOIN("Three", "type: event_count, rules: [b1], group-by: [User], timespan: 60s, condition: {gte: 3}")
    JOIN("Both", "type: temporal, rules: [n1, b2], group-by: [User], timespan: 60s, aliases: {}")
    JOIN("Order", "type: temporal_ordered, rules: [b1, b2], group-by: [User], timespan: 60s")
    JOIN("Never", "type: event_count, rules: [b3], group-by: [User], timespan: 60s, condition: {gte: 1}")
    JOIN("Elsewhere", "type: temporal, rules: [b1, b4], timespan: 1s")
    JOIN("No field", "type: event_count, rules: [b3], group-by: [Hovercraft], timespan: 60s, condition: {gte: 2}")
    "title: Inner\nid: inner\ncorrelation: {type: event_count, rules: [b1], group-by: [User], timespan: 60s, condition: {gte: 3}}\n---\n"
    "title: Chain\nid: chain\ncorrelation: {type: temporal_ordered, rules: [inner, b2], group-by: [User], timespan: 120s}\n";

struct made {
    time_ns time;
    int user, kind; /* kind 0: nothing, 1 /one, 2 /two */
    int organisation;
};

static struct norm_kit kit;
static struct sigma_set *set;
static const struct ruleset *rules;
static const struct correlations *joins;
static const struct hunt_plan *plan;
static struct arena arena;
static struct hunt hunt;
static struct err e;

static int make(void **state)
{
    (void)state;
    struct sigma_loader *loader = sigma_loader_new();
    uint32_t n = 0;
    const struct ruleset_options options = {0};
    arena_init(&arena, 0);
    sigma_loader_file(loader, SPAN("rules.yml"), span_of(rule_text));
    set = sigma_loader_finish(loader);
    sigma_loader_free(&loader);
    if (set->refused.len > 0) {
        fail_msg("%.*s", SPAN_ARG(set->refused.data[0].reason));
    }
    hunt_plan_prepare(set);
    const struct span *fields = sigma_set_fields(set, &n);
    norm_kit_load(&kit, SOURCES_DIR);
    norm_kit_compile(&kit, fields, n, NULL, 0);
    assert_int_equal(ruleset_compile(set, kit.catalog, &kit.region, &options, &rules, &e), 0);
    joins = correlations_compile(set, kit.catalog, &kit.region);
    plan = hunt_plan_compile(set, kit.catalog, joins, &kit.region);
    hunt_init(&hunt);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    sigma_set_free(&set);
    norm_kit_free(&kit);
    arena_fini(&arena);
    return 0;
}

static struct hunt_run *run_new(void)
{
    const struct hunt_run_parts parts = {&hunt, kit.catalog, rules, plan};
    struct hunt_run *run = NULL;
    assert_int_equal(hunt_run_new(&parts, &run, &e), 0);
    return run;
}

/* A packed archive: the events in the order given, PER_BLOCK to a block, in pieces of one organisation. */
struct packed {
    size_t n;
    struct archive_header headers[BLOCKS_MAX];
    struct buf bodies[BLOCKS_MAX];
};

static struct span record_of(const struct made *m)
{
    static const char *const images[] = {"/bin/none", "/bin/one", "/bin/two"};
    return span_of(arena_printf(&arena,
                                "{\"Channel\":\"Microsoft-Windows-Sysmon/Operational\",\"EventID\":1,"
                                "\"Image\":\"%s\",\"User\":\"u%d\"}",
                                images[m->kind], m->user));
}

static struct packed *pack(const struct made *events, size_t n)
{
    struct packed *p = mem_alloc(sizeof *p);
    struct block_packer *packer = block_packer_new(1);
    for (size_t at = 0; at < n;) {
        struct archive_record r[PER_BLOCK];
        const struct archive_record *list[PER_BLOCK];
        size_t k = 0;
        for (; k < PER_BLOCK && at < n && events[at].organisation == events[at - k].organisation; k++, at++) {
            r[k] = (struct archive_record){
                .organisation = events[at].organisation == 0 ? SPAN("town") : SPAN("village"),
                .source = SPAN("test"), .class_name = SPAN("any"), .host = SPAN("h"),
                .time = events[at].time, .received = (START_S + 100000) * TIME_SECOND,
                .flags = normalise_flag(FORMAT_JSON), .arrival = (uint32_t)k, .original = record_of(&events[at])};
            list[k] = &r[k];
        }
        assert_true(p->n < BLOCKS_MAX);
        buf_init(&p->bodies[p->n], 1 << 20);
        block_pack(packer, list, k, &p->headers[p->n], &p->bodies[p->n]);
        p->headers[p->n].day = 20780;
        p->headers[p->n].id = (uint32_t)p->n + 1;
        p->n++;
    }
    block_packer_free(&packer);
    return p;
}

static void unpack(struct packed **p)
{
    for (size_t i = 0; i < (*p)->n; i++) {
        buf_free(&(*p)->bodies[i]);
    }
    mem_free(*p);
    *p = NULL;
    arena_reset(&arena);
}

static void feed(struct hunt_run *run, const struct packed *p, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        hunt_run_block(run, &p->headers[i], buf_view(&p->bodies[i]), HUNT_BLOCK_COUNT);
    }
}

static struct hunt_result result_of(struct hunt_run *run, struct buf *b)
{
    struct hunt_result r;
    buf_init(b, HUNT_RESULT_MAX);
    hunt_run_result(run, true, b);
    assert_false(b->failed);
    assert_int_equal(hunt_result_decode(buf_view(b), &arena, &r, &e), 0);
    return r;
}

static const struct hunt_item *item(const struct hunt_result *r, const char *name)
{
    for (uint32_t i = 0; i < r->nitems; i++) {
        if (span_eq(r->items[i].name, span_of(name))) {
            return &r->items[i];
        }
    }
    fail_msg("no item %s", name);
    return NULL;
}

#define AT(second, user, kind) {(START_S + (second)) * TIME_SECOND, user, kind, 0}

static void verdicts(void **state)
{
    (void)state;
    /* not in order: the third /one of user 1 lies in front of the others */
    const struct made events[] = {AT(50, 1, 1), AT(10, 1, 1), AT(20, 1, 1), AT(70, 1, 2),
                                  AT(0, 2, 2),  AT(5, 2, 1),  AT(300, 3, 1)};
    struct packed *p = pack(events, ARRAY_LEN(events));
    struct hunt_run *run = run_new();
    struct buf b;
    feed(run, p, 0, p->n);
    struct hunt_result r = result_of(run, &b);
    const struct hunt_item *it = item(&r, "Three");
    assert_int_equal(it->state, HUNT_MATCHED);
    assert_int_equal(it->count, 1); /* by the event of second 50 */
    assert_int_equal(it->first, (START_S + 50) * TIME_SECOND);
    assert_int_equal(it->nrefs, 1);
    assert_int_equal(it->refs[0].block, 1);
    assert_int_equal(it->refs[0].index, 0);
    assert_true(span_eq(it->refs[0].organisation, SPAN("town")));
    assert_true(span_eq(it->refs[0].source, SPAN("test")));
    assert_true(span_eq(it->refs[0].host, SPAN("h")));
    assert_int_equal(item(&r, "Both")->count, 2);  /* users 1 and 2, in whatever order */
    assert_int_equal(item(&r, "Order")->count, 1); /* user 1 */
    assert_int_equal(item(&r, "Chain")->count, 1);
    assert_int_equal(r.matches, 3);                /* seconds 50, 70 and 5 */
    assert_int_equal(item(&r, "Never")->state, HUNT_CLEAN);
    assert_int_equal(item(&r, "Elsewhere")->state, HUNT_NOT_COVERED);
    assert_non_null(memmem(item(&r, "Elsewhere")->reason.ptr, item(&r, "Elsewhere")->reason.len, "cloudtrail", 10));
    assert_int_equal(item(&r, "No field")->state, HUNT_RULE_UNSUPPORTED);
    for (uint32_t i = 0; i < r.nitems; i++) { /* what only feeds others is not told */
        assert_false(span_starts(r.items[i].name, SPAN("Base")));
        assert_false(span_eq(r.items[i].name, SPAN("Inner")));
    }
    hunt_run_free(&run);
    buf_free(&b);
    unpack(&p);
}

/* Two organisations on one node are never in one window. */
static void organisations_apart(void **state)
{
    (void)state;
    struct made events[] = {AT(0, 1, 1), AT(1, 1, 1), AT(2, 1, 1), AT(3, 1, 1)};
    events[2].organisation = events[3].organisation = 1;
    struct packed *p = pack(events, ARRAY_LEN(events));
    struct hunt_run *run = run_new();
    struct buf b;
    feed(run, p, 0, p->n);
    struct hunt_result r = result_of(run, &b);
    assert_int_equal(item(&r, "Three")->state, HUNT_CLEAN);
    hunt_run_free(&run);
    buf_free(&b);
    unpack(&p);
}

static uint32_t seed;

static uint32_t rnd(uint32_t below)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % below;
}

static int by_time(const void *a, const void *b)
{
    const struct made *x = a;
    const struct made *y = b;
    return (x->time > y->time) - (x->time < y->time);
}

/* How often a correlator that is fed in order completes each. Times are distinct, so the order is one. */
static void expected(const struct made *events, size_t n, uint64_t *counts)
{
    struct made *sorted = mem_calloc(n, sizeof *sorted);
    struct correlator *k = correlator_new(joins, (size_t)512 << 20, HUNT_JOIN_LATENESS_S * TIME_SECOND);
    memcpy(sorted, events, n * sizeof *sorted);
    qsort(sorted, n, sizeof *sorted, by_time);
    for (size_t i = 0; i < n; i++) {
        uint32_t nvalues = 0;
        char user[16];
        if (sorted[i].kind == 0) {
            continue;
        }
        (void)snprintf(user, sizeof user, "u%d", sorted[i].user);
        struct correlate_input in = {.rule = (uint32_t)sorted[i].kind - 1, .time = sorted[i].time, .ref = i,
                                     .scope = sorted[i].organisation == 0 ? SPAN("town") : SPAN("village")};
        const struct correlate_output *out = NULL;
        struct span values[1] = {span_of(user)};
        (void)correlations_fields(joins, in.rule, &nvalues);
        assert_int_equal(nvalues, 1);
        in.values = values;
        uint32_t got = correlator_feed(k, &in, &out);
        for (uint32_t o = 0; o < got; o++) {
            counts[out[o].correlation]++;
        }
    }
    correlator_free(&k);
    mem_free(sorted);
}

static void shuffle(struct made *events, size_t n)
{
    for (size_t i = n - 1; i > 0; i--) {
        size_t k = rnd((uint32_t)i + 1);
        struct made swap = events[i];
        events[i] = events[k];
        events[k] = swap;
    }
}

static void compare(struct hunt_run *run, const uint64_t *want)
{
    struct buf b;
    struct hunt_result r = result_of(run, &b);
    for (size_t i = 0; i < set->correlations.len; i++) {
        const struct sigma_rule *meta = &set->correlations.data[i]->meta;
        if (!meta->quiet) {
            char name[32];
            (void)snprintf(name, sizeof name, "%.*s", SPAN_ARG(meta->title));
            const struct hunt_item *it = item(&r, name);
            if (it->count != want[i]) {
                fail_msg("%s: %llu, not %llu", name, (unsigned long long)it->count, (unsigned long long)want[i]);
            }
        }
    }
    buf_free(&b);
}

/* As on the live stream, and cut anywhere. */
static void same_as_in_order(void **state)
{
    (void)state;
    enum { N = 160 };
    for (uint32_t round = 0; round < 30; round++) {
        struct made events[N];
        uint64_t want[16] = {0};
        seed = round;
        for (size_t i = 0; i < N; i++) {
            events[i] = (struct made){(START_S + (time_ns)i * 7) * TIME_SECOND + (time_ns)rnd(5) * TIME_SECOND,
                                      (int)rnd(USERS), (int)rnd(3), (int)rnd(2)};
        }
        shuffle(events, N);
        expected(events, N, want);
        struct packed *p = pack(events, N);
        struct hunt_run *whole = run_new();
        feed(whole, p, 0, p->n);
        compare(whole, want);
        hunt_run_free(&whole);
        struct hunt_run *one = run_new();
        struct hunt_run *two = run_new();
        struct buf tally;
        size_t cut = rnd((uint32_t)p->n + 1);
        buf_init(&tally, 4 << 20);
        feed(one, p, 0, cut);
        hunt_run_tally(one, &tally);
        assert_int_equal(hunt_run_restore(two, buf_view(&tally), &e), 0);
        feed(two, p, cut, p->n);
        compare(two, want);
        hunt_run_free(&one);
        hunt_run_free(&two);
        for (size_t n = 0; n < tally.len && round < 3; n += 13) { /* shortened: refused */
            two = run_new();
            assert_int_equal(hunt_run_restore(two, span_make(tally.data, n), &e), ERR_INVALID);
            hunt_run_free(&two);
        }
        buf_free(&tally);
        unpack(&p);
    }
}

/* More than may wait, nearly in order as archives are: still exact. */
static void more_than_may_wait(void **state)
{
    (void)state;
    enum { N = HUNT_WAITING_MAX + HUNT_WAITING_MAX / 2 };
    struct made *events = mem_calloc(N, sizeof *events);
    uint64_t want[16] = {0};
    seed = 7;
    for (size_t i = 0; i < N; i++) {
        events[i] = (struct made){(START_S + (time_ns)i * 11) * TIME_SECOND, (int)rnd(USERS), 1 + (int)rnd(2), 0};
    }
    expected(events, N, want);
    for (size_t i = 0; i + 500 <= N; i += 500) {
        shuffle(events + i, 500);
    }
    struct packed *p = pack(events, N);
    struct hunt_run *run = run_new();
    feed(run, p, 0, p->n);
    compare(run, want);
    assert_int_equal(hunt_join_unsure(run->join), 0);
    hunt_run_free(&run);
    unpack(&p);
    mem_free(events);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(verdicts),         cmocka_unit_test(organisations_apart),
        cmocka_unit_test(same_as_in_order), cmocka_unit_test(more_than_may_wait),
    };
    return cmocka_run_group_tests_name("hunt join", tests, make, drop);
}
