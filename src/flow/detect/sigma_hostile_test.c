/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rules of a city that means no good: each wants more of one thing than a rule may have, and is refused with file, line,
 * reason and the limit, while the rules beside it load. (What a rule uses while it runs is in match_test and tests/node.)
 */
#include <stdio.h>

#include "flow/detect/sigma_priv.h"
#include "flow/detect/sigma_testing.h"

#define HEAD "title: T\nlogsource: {product: p}\ndetection:\n" /* three lines */
#define GOOD "title: Good\nid: 00000000-0000-4000-8000-000000000001\nlogsource: {product: p}\ndetection:\n s: {F: x}\n condition: s\n"

enum { TEXT_MAX = 4 << 20 };

/* `count` times `part`, in which %d (if any) is the number. */
static void repeat(struct buf *b, const char *part, int count)
{
    const char *number = strstr(part, "%d");
    for (int i = 0; i < count; i++) {
        if (number == NULL) {
            buf_cstr(b, part);
        } else {
            buf_printf(b, "%.*s%d%s", (int)(number - part), part, i, number + 2);
        }
    }
}

struct hostile {
    const char *before, *part;
    int count;
    const char *after;
    const char *says;
    uint32_t line;
    bool correlation;
};

static const struct hostile cases[] = {
    /* patterns */
    {HEAD " s:\n  F: [", "v%d,", SIGMA_PREDS_PER_RULE_MAX + 1, "]\n condition: s\n", "more than 20000 values", 5, false},
    {HEAD " s:\n  F|windash: '", " -a", 6, "'\n condition: s\n", "4096", 5, false},
    {HEAD " s:\n  F|windash: [", "' -a -b -c -d -e',", 7, "]\n condition: s\n", "more than 20000 values", 5, false},
    {HEAD " s:\n  F|expand: '", "%many%", 3, "'\n condition: s\n", "4096", 5, false},
    {HEAD " s:\n  F", "|contains", SIGMA_MODIFIERS_MAX + 1, ": x\n condition: s\n", "16", 5, false},
    {HEAD " s: {F: [a, b]}\n condition: s", " or s", SIGMA_CONDITION_MAX_BYTES / 5 + 1, "\n", "65536", 5, false},
    /* nesting */
    {HEAD " s: {F: a}\n condition: ", "(", SIGMA_DEPTH_MAX + 1, "s\n", "64", 5, false},
    {HEAD " s: {F: a}\n condition: ", "not ", SIGMA_DEPTH_MAX + 1, "s\n", "64", 5, false},
    {HEAD " s: ", "[", 200, "x\n condition: s\n", "", 0, false},
    /* regular expressions: length, nesting, states of one, states of all */
    {HEAD " s:\n  F|re: '", "a", SIGMA_REGEX_MAX_BYTES + 1, "'\n condition: s\n", "8192", 5, false},
    {HEAD " s:\n  F|re: '", "(", 251, "'\n condition: s\n", "regular expression", 5, false},
    {HEAD " s:\n  F|re: '", "(?:a{1,999}){1,999}", 10, "'\n condition: s\n", "regular expression", 5, false},
    {HEAD " s:\n  F|re: [", "'x%d(?:abcdefghij){1,800}',", 60, "]\n condition: s\n", "1048576 bytes of states", 5, false},
    /* state of correlations */
    {"title: C\ncorrelation:\n type: temporal\n timespan: 1m\n rules: [", "r%d,", SIGMA_REFS_MAX + 1, "]\n", "1000", 5, true},
    {"title: C\ncorrelation:\n type: temporal_ordered\n timespan: 1m\n rules: [", "r%d,", SIGMA_ORDERED_MAX + 1, "]\n",
     "at most 64 rules", 3, true},
    {"title: C\ncorrelation:\n type: temporal_ordered\n timespan: 1m\n condition: {gte: 2}\n rules: [", "r%d,",
     SIGMA_ORDERED_OWN_MAX + 1, "]\n", "at most 10 rules", 3, true},
    {"title: C\ncorrelation:\n type: event_count\n timespan: 1m\n rules: [r]\n condition: {gte: 2}\n group-by: [", "g%d,",
     SIGMA_GROUP_MAX + 1, "]\n", "64", 7, true},
    {"title: C\ncorrelation:\n type: event_count\n rules: [r]\n condition: {gte: 2}\n timespan: ", "9", 30, "d\n", "timespan", 6, true},
};

static void hostile_rules_are_refused_by_name(void **state)
{
    (void)state;
    static struct span many[100];
    struct buf b;
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = SPAN("value");
    }
    buf_init(&b, TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct hostile *h = &cases[i];
        struct sigma_loader *l = sigma_loader_new();
        const struct sigma_placeholder p = {SPAN("many"), many, ARRAY_LEN(many)};
        buf_clear(&b);
        buf_cstr(&b, h->before);
        repeat(&b, h->part, h->count);
        buf_cstr(&b, h->after);
        CHECK(!b.failed);
        sigma_loader_placeholder(l, &p);
        sigma_loader_foreign(l, SPAN("federation/w/hostile.yml"), buf_view(&b));
        test_add(l, "good.yml", GOOD);
        struct sigma_set *set = sigma_loader_finish(l);
        const struct sigma_refused *r = set->refused.data;
        if (set->refused.len != 1 || !says(r->reason, h->says) || !span_eq(r->file, SPAN("federation/w/hostile.yml")) ||
            (h->line != 0 && r->line != h->line)) {
            fail_msg("case %zu: %zu refused, %.*s:%u: %.*s", i, set->refused.len,
                     SPAN_ARG(set->refused.len > 0 ? r->file : SPAN("")), set->refused.len > 0 ? r->line : 0,
                     SPAN_ARG(set->refused.len > 0 ? r->reason : SPAN("")));
        }
        assert_int_equal(set->correlations.len, 0);
        assert_int_equal(set->rules.len, 1); /* the one beside it */
        sigma_set_free(&set);
        sigma_loader_free(&l);
    }
    buf_free(&b);
}

/* What no single rule has too much of, but all together have. */
static void many_rules_are_bounded_together(void **state)
{
    (void)state;
    struct buf b;
    struct sigma_loader *l = sigma_loader_new();
    buf_init(&b, TEXT_MAX);
    for (int i = 0; i < 100; i++) {
        char name[32];
        buf_clear(&b);
        buf_cstr(&b, HEAD " s:\n  F|re: [");
        repeat(&b, "'x%d(?:abcdefghij){1,800}',", 35);
        buf_cstr(&b, "]\n condition: s\n");
        (void)snprintf(name, sizeof name, "r%d.yml", i);
        sigma_loader_file(l, span_of(name), buf_view(&b));
    }
    struct sigma_set *set = sigma_loader_finish(l);
    assert_true(set->rules.len > 10 && set->rules.len < 100);
    assert_int_equal(set->rules.len + set->refused.len, 100);
    assert_true(says(set->refused.data[0].reason, "67108864 bytes of states"));
    sigma_set_free(&set);
    sigma_loader_free(&l);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hostile_rules_are_refused_by_name),
        cmocka_unit_test(many_rules_are_bounded_together),
    };
    return cmocka_run_group_tests_name("sigma hostile", tests, NULL, NULL);
}
