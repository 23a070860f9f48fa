/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tests of the community's eye: what several members saw is found, once; windows and shares hold;
 * and on random signals it says what a slow and simple count says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "desk/federation/community.h"

enum { DAY = 96, NOW = 2000000 }; /* buckets */

static struct arena arena;
static struct community_finding found[COMMUNITY_FINDINGS_MAX];

static struct community *community(uint32_t things)
{
    struct community_options o = {.things_max = things, .seed = {7}};
    arena_init(&arena, 0);
    return community_new(&o);
}

static void end(struct community *c)
{
    community_free(&c);
    assert_null(c);
    arena_fini(&arena);
}

static struct signal signal_of(const char *rule, const char *ip, int64_t bucket)
{
    static int64_t number;
    struct signal s = {
        .number = ++number,
        .rule = span_of(rule),
        .level = LEVEL_HIGH,
        .product = SPAN("linux"),
        .bucket = bucket,
        .count = 1,
    };
    if (ip != NULL) {
        s.indicators[s.nindicators++] = (struct fed_indicator){FED_INDICATOR_IP, span_of(ip)};
    }
    return s;
}

static size_t take(struct community *c, const char *member, const struct signal *s, int64_t now)
{
    return community_take(c, span_of(member), s, now, &arena, found);
}

static const struct community_finding *finding(size_t n, enum community_kind kind)
{
    for (size_t i = 0; i < n; i++) {
        if (found[i].kind == kind) {
            return &found[i];
        }
    }
    return NULL;
}

static void the_second_member_counts(void **state)
{
    (void)state;
    struct community *c = community(4096);
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    size_t n = take(c, "m1", &s, NOW);
    assert_int_equal(n, 2);
    assert_int_equal(finding(n, COMMUNITY_INDICATOR)->members, 1);
    n = take(c, "m1", &s, NOW); /* the same member again is no second one */
    assert_int_equal(finding(n, COMMUNITY_INDICATOR)->members, 1);
    s = signal_of("r2", "8.8.8.8", NOW - 3);
    n = take(c, "m2", &s, NOW);
    const struct community_finding *f = finding(n, COMMUNITY_INDICATOR);
    assert_int_equal(f->members, 2);
    assert_int_equal(f->before, 1);
    int64_t first, last;
    assert_true(community_span(c, COMMUNITY_INDICATOR, f->value, NOW, &first, &last));
    assert_int_equal(first, NOW - 3);
    assert_int_equal(last, NOW);
    assert_false(community_span(c, COMMUNITY_INDICATOR, SPAN("ip:1.1.1.1"), NOW, &first, &last));
    assert_true(span_eq(f->value, SPAN("ip:8.8.8.8")));
    assert_int_equal(finding(n, COMMUNITY_RULE)->members, 1); /* another rule */
    assert_int_equal(community_members(c, COMMUNITY_PRODUCT, SPAN("linux"), NOW), 2);
    end(c);
}

static void windows_hold(void **state)
{
    (void)state;
    struct community *c = community(4096);
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    take(c, "m1", &s, NOW);
    int64_t last = NOW + community_window(COMMUNITY_INDICATOR);
    assert_int_equal(community_members(c, COMMUNITY_RULE, SPAN("r1"), NOW + DAY), 1);
    assert_int_equal(community_members(c, COMMUNITY_RULE, SPAN("r1"), NOW + DAY + 1), 0);
    assert_int_equal(community_members(c, COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), last), 1);
    assert_int_equal(community_members(c, COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), last + 1), 0);
    /* Old signals of a node that was away say nothing of today. */
    s = signal_of("r1", "8.8.4.4", last - community_window(COMMUNITY_INDICATOR));
    assert_int_equal(take(c, "m2", &s, last + 1), 0);
    /* And a long silence empties all. */
    assert_int_equal(community_members(c, COMMUNITY_PRODUCT, SPAN("linux"), last + 1000 * DAY), 0);
    struct community_stats st;
    community_stats(c, &st);
    assert_int_equal(st.things, 0);
    assert_int_equal(st.keys, 0);
    end(c);
}

static void a_clock_from_the_future_moves_nothing(void **state)
{
    (void)state;
    struct community *c = community(4096);
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    take(c, "m1", &s, NOW);
    s = signal_of("r1", "8.8.8.8", NOW + 1000 * DAY);
    size_t n = take(c, "m2", &s, NOW);
    assert_int_equal(finding(n, COMMUNITY_INDICATOR)->members, 2);
    int64_t first, last;
    assert_true(community_span(c, COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), NOW, &first, &last));
    assert_int_equal(last, NOW);
    /* It is forgotten with the others. */
    assert_int_equal(community_members(c, COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), NOW + 8 * DAY), 0);
    end(c);
}

static void levels_count(void **state)
{
    (void)state;
    struct community *c = community(4096);
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    s.level = LEVEL_LOW; /* enough for an indicator, not for a rule */
    s.techniques[s.ntechniques++] = SPAN("T1110");
    size_t n = take(c, "m1", &s, NOW);
    assert_int_equal(n, 1);
    assert_non_null(finding(n, COMMUNITY_INDICATOR));
    s.level = LEVEL_MEDIUM;
    n = take(c, "m1", &s, NOW);
    assert_non_null(finding(n, COMMUNITY_RULE));
    assert_null(finding(n, COMMUNITY_TECHNIQUE));
    s.level = LEVEL_CRITICAL;
    n = take(c, "m1", &s, NOW);
    assert_int_equal(finding(n, COMMUNITY_TECHNIQUE)->level, LEVEL_CRITICAL);
    end(c);
}

static void sequences_have_an_order(void **state)
{
    (void)state;
    struct community *c = community(4096);
    struct signal a = signal_of("a", NULL, NOW);
    struct signal b = signal_of("b", NULL, NOW); /* same bucket, later number */
    take(c, "m1", &a, NOW);
    size_t n = take(c, "m1", &b, NOW);
    assert_true(span_eq(finding(n, COMMUNITY_SEQUENCE)->value, SPAN("a > b")));
    /* The other way round in m2: another sequence. */
    b = signal_of("b", NULL, NOW - 2);
    a = signal_of("a", NULL, NOW - 1);
    take(c, "m2", &b, NOW);
    n = take(c, "m2", &a, NOW);
    assert_true(span_eq(finding(n, COMMUNITY_SEQUENCE)->value, SPAN("b > a")));
    assert_int_equal(finding(n, COMMUNITY_SEQUENCE)->members, 1);
    /* m3 tells the later one first: the order is that of the events. */
    b = signal_of("b", NULL, NOW);
    a = signal_of("a", NULL, NOW - 1);
    take(c, "m3", &b, NOW);
    n = take(c, "m3", &a, NOW);
    assert_true(span_eq(finding(n, COMMUNITY_SEQUENCE)->value, SPAN("a > b")));
    assert_int_equal(finding(n, COMMUNITY_SEQUENCE)->members, 2);
    /* Too far apart. */
    a = signal_of("a", NULL, NOW - 2 * COMMUNITY_STEP_MAX);
    b = signal_of("b", NULL, NOW);
    take(c, "m4", &a, NOW);
    n = take(c, "m4", &b, NOW);
    assert_null(finding(n, COMMUNITY_SEQUENCE));
    end(c);
}

static void what_is_taken_back_is_not_counted(void **state)
{
    (void)state;
    struct community *c = community(4096);
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    struct signal other = signal_of("r2", "9.9.9.9", NOW);
    take(c, "m1", &s, NOW);
    take(c, "m2", &s, NOW);
    take(c, "m2", &other, NOW);
    community_forget(c, SPAN("m2"));
    take(c, "m2", &other, NOW); /* what still holds */
    assert_int_equal(community_members(c, COMMUNITY_RULE, SPAN("r1"), NOW), 1);
    assert_int_equal(community_members(c, COMMUNITY_RULE, SPAN("r2"), NOW), 1);
    community_forget(c, SPAN("nobody"));
    s.count = 0;
    assert_int_equal(take(c, "m3", &s, NOW), 0);
    end(c);
}

/* A member that tells of everything loses its own older things, never another's. */
static void a_flood_pushes_out_only_its_own(void **state)
{
    (void)state;
    struct community *c = community(4096); /* 256 for each of 16 */
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    take(c, "quiet", &s, NOW);
    for (int i = 0; i < 100000; i++) {
        char ip[32];
        (void)snprintf(ip, sizeof ip, "11.%d.%d.%d", i >> 16 & 255, i >> 8 & 255, i & 255);
        s = signal_of("r2", ip, NOW);
        take(c, "loud", &s, NOW);
        arena_reset(&arena);
    }
    struct community_stats st;
    community_stats(c, &st);
    assert_true(st.things <= 256 + 4);
    assert_true(st.displaced > 90000);
    assert_int_equal(community_members(c, COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), NOW), 1);
    s = signal_of("r1", "8.8.8.8", NOW);
    size_t n = take(c, "third", &s, NOW);
    assert_int_equal(finding(n, COMMUNITY_INDICATOR)->members, 2);
    end(c);
}

/* ---- against a slow and simple count ---- */

enum { MEMBERS = 12, IPS = 9, RULES = 4, HISTORY = 4000 };

struct told {
    int member, ip, rule;
    int64_t bucket;
};

static uint64_t seed = 0x9e3779b97f4a7c15u;
static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)(seed >> 33) % n;
}

/* Since when each member counts; changed in the middle of a run. */
static uint64_t joined[MEMBERS];

static uint64_t since(void *ctx, struct span member)
{
    (void)ctx;
    int at = 0;
    for (size_t i = 1; i < member.len; i++) {
        at = 10 * at + (member.ptr[i] - '0');
    }
    return joined[at];
}

static bool in_cohort(int member, uint64_t epoch)
{
    return joined[member] != COMMUNITY_NEVER && (epoch == 0 || joined[member] <= epoch);
}

enum { ALL = -1 };

/* epoch ALL: whoever saw it. */
static uint32_t slow_count(const struct told *t, size_t n, bool by_ip, int value, int64_t window,
                           int64_t now, int epoch)
{
    bool seen[MEMBERS] = {0};
    uint32_t count = 0;
    for (size_t i = 0; i < n; i++) {
        int v = by_ip ? t[i].ip : t[i].rule;
        bool counts = epoch == ALL || in_cohort(t[i].member, (uint64_t)epoch);
        if (v == value && t[i].bucket >= now - window && counts && !seen[t[i].member]) {
            seen[t[i].member] = true;
            count++;
        }
    }
    return count;
}

static void counts_as_a_slow_count_does(void **state)
{
    (void)state;
    struct community *c = community(1 << 16);
    struct told *told = mem_calloc(HISTORY, sizeof *told);
    int64_t now = NOW;
    size_t n = 0;
    uint64_t cases = test_cases(HISTORY);
    enum { EPOCHS = 3 * COMMUNITY_TALLIES_MAX }; /* more than are kept of one thing */
    for (uint64_t i = 0; i < cases; i++) {
        char member[16], ip[32], rule[16];
        if (i == 0 || below(200) == 0) { /* another membership */
            for (int m = 0; m < MEMBERS; m++) {
                joined[m] = below(5) == 0 ? COMMUNITY_NEVER : 1 + below(EPOCHS);
            }
            community_cohorts(c, since, NULL);
        }
        if (n == HISTORY) { /* begin again after everything fell out */
            now += 31 * DAY;
            n = 0;
        }
        now += below(20) == 0 ? below(40) : 0;
        struct told t = {(int)below(MEMBERS), (int)below(IPS), (int)below(RULES),
                         now - below(9 * DAY)};
        if (below(50) == 0) { /* one takes everything back and tells again what holds */
            (void)snprintf(member, sizeof member, "m%d", t.member);
            community_forget(c, span_of(member));
            size_t kept = 0;
            for (size_t k = 0; k < n; k++) {
                if (told[k].member != t.member) {
                    told[kept++] = told[k];
                }
            }
            n = kept;
        }
        (void)snprintf(member, sizeof member, "m%d", t.member);
        (void)snprintf(ip, sizeof ip, "8.8.8.%d", t.ip);
        (void)snprintf(rule, sizeof rule, "r%d", t.rule);
        struct signal s = signal_of(rule, ip, t.bucket);
        told[n++] = t;
        arena_reset(&arena);
        size_t nf = take(c, member, &s, now);
        const struct community_finding *f = finding(nf, COMMUNITY_INDICATOR);
        uint32_t want = slow_count(told, n, true, t.ip, community_window(COMMUNITY_INDICATOR), now, ALL);
        assert_int_equal(f == NULL, t.bucket < now - community_window(COMMUNITY_INDICATOR));
        assert_true(f == NULL || f->members == want);
        want = slow_count(told, n, false, t.rule, community_window(COMMUNITY_RULE), now, ALL);
        assert_int_equal(community_members(c, COMMUNITY_RULE, span_of(rule), now), want);
        for (int k = 0; k < 3; k++) {
            int epoch = (int)below(EPOCHS + 1);
            want = slow_count(told, n, false, t.rule, community_window(COMMUNITY_RULE), now, epoch);
            assert_int_equal(community_cohort(c, COMMUNITY_RULE, span_of(rule), now, (uint64_t)epoch),
                             want);
        }
    }
    mem_free(told);
    end(c);
}

/* What thousands of members see is counted on, not counted anew with each of them: that is what once held a hub of
 * 4,000 members up until its watchdog ended it. */
static void a_count_is_kept_up(void **state)
{
    (void)state;
    struct community *c = community(1 << 16);
    struct community_stats st;
    for (int m = 0; m < MEMBERS; m++) {
        joined[m] = 1;
    }
    community_cohorts(c, since, NULL);
    for (int i = 0; i < 10000; i++) {
        char member[16];
        (void)snprintf(member, sizeof member, "m%d", i % MEMBERS);
        struct signal s = signal_of("r1", NULL, NOW);
        arena_reset(&arena);
        take(c, member, &s, NOW);
        uint32_t want = (uint32_t)(i < MEMBERS ? i + 1 : MEMBERS);
        assert_int_equal(community_cohort(c, COMMUNITY_RULE, SPAN("r1"), NOW, 0), want);
        assert_int_equal(community_cohort(c, COMMUNITY_PRODUCT, SPAN("linux"), NOW, 1), want);
    }
    community_stats(c, &st);
    assert_int_equal(st.recounted, 2); /* one look for each of the two */
    end(c);
}

static void many_members(void **state)
{
    (void)state;
    struct community *c = community(1 << 18);
    struct signal s = signal_of("r1", "8.8.8.8", NOW);
    size_t n = 0;
    for (int i = 0; i < COMMUNITY_MEMBERS_MAX + 10; i++) {
        char member[16];
        (void)snprintf(member, sizeof member, "m%d", i);
        arena_reset(&arena);
        size_t got = take(c, member, &s, NOW);
        n = got > 0 ? got : n;
        assert_int_equal(got == 0, i >= COMMUNITY_MEMBERS_MAX);
    }
    assert_int_equal(community_members(c, COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), NOW),
                     COMMUNITY_MEMBERS_MAX);
    end(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_second_member_counts),
        cmocka_unit_test(windows_hold),
        cmocka_unit_test(a_clock_from_the_future_moves_nothing),
        cmocka_unit_test(levels_count),
        cmocka_unit_test(sequences_have_an_order),
        cmocka_unit_test(what_is_taken_back_is_not_counted),
        cmocka_unit_test(a_flood_pushes_out_only_its_own),
        cmocka_unit_test(counts_as_a_slow_count_does),
        cmocka_unit_test(a_count_is_kept_up),
        cmocka_unit_test(many_members),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
