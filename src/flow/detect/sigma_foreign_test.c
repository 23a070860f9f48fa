/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rules that another node sent: they may add alerts, and whatever they say, the rules of this house
 * load and mean what they meant without them.
 */
#include "flow/detect/sigma_testing.h"

#define RULE(id, name, field)                                                                      \
    "title: T\nid: " id "\nname: " name "\nlogsource: {product: p}\n"                              \
    "detection: {s: {" field "}, condition: s}\n"
#define OWN_CORRELATION                                                                            \
    "title: C\nid: c1\nlogsource: {product: p}\n"                                                  \
    "correlation: {type: event_count, rules: [n1], group-by: [A], timespan: 5m, condition: {gte: 2}}\n"

static void add_foreign(struct sigma_loader *l, const char *file, const char *text)
{
    size_t n = strlen(text);
    char *copy = mem_alloc(n);
    memcpy(copy, text, n);
    sigma_loader_foreign(l, span_of(file), span_make(copy, n));
    mem_free(copy);
}

/* Our two rules and our correlation, then what came from outside. */
static struct sigma_set *load_with(const char *foreign)
{
    struct sigma_loader *l = sigma_loader_new();
    test_add(l, "own.yml", RULE("i1", "n1", "A: 1") "---\n" RULE("i2", "n2", "A: 2") "---\n"
                           OWN_CORRELATION);
    if (foreign != NULL) {
        add_foreign(l, "federation/w.yml", foreign);
    }
    struct sigma_set *set = sigma_loader_finish(l);
    sigma_loader_free(&l);
    return set;
}

static void describe(struct buf *b, const struct sigma_set *set)
{
    buf_clear(b);
    for (size_t i = 0; i < set->rules.len; i++) {
        const struct sigma_rule *r = set->rules.data[i];
        if (!r->foreign) {
            buf_printf(b, "%.*s %.*s quiet=%d ", SPAN_ARG(r->id), SPAN_ARG(r->name), r->quiet);
            struct buf tree;
            buf_init(&tree, 4096);
            buf_span(b, dump_rule(&tree, r));
            buf_free(&tree);
            buf_u8(b, '\n');
        }
    }
    for (size_t i = 0; i < set->correlations.len; i++) {
        const struct sigma_correlation *c = set->correlations.data[i];
        if (!c->meta.foreign) {
            buf_printf(b, "%.*s -> %.*s\n", SPAN_ARG(c->meta.id),
                       SPAN_ARG(set->rules.data[c->ref_index[0]]->id));
        }
    }
}

static const struct {
    const char *what, *text;
    unsigned rules, correlations, refused; /* of it */
} cases[] = {
    {"a plain rule", RULE("f1", "x", "B: 1"), 1, 0, 0},
    {"a name of ours", RULE("f1", "n1", "B: 1"), 1, 0, 0},
    {"an id of ours", RULE("i1", "x", "B: 1"), 0, 0, 1},
    {"our correlation's id", RULE("c1", "x", "B: 1"), 0, 0, 1},
    {"a filter for one of ours",
     "title: F\nid: f1\nlogsource: {product: p}\nfilter: {rules: [i1], s: {A: 1}, condition: not s}\n",
     0, 0, 1},
    {"a filter for any rule",
     "title: F\nid: f1\nlogsource: {product: p}\nfilter: {rules: any, s: {A: 1}, condition: not s}\n",
     0, 0, 1},
    {"a correlation that would silence ours",
     "title: C\nid: f1\ncorrelation: {type: event_count, rules: [i1], timespan: 5m, condition: {gte: 9}}\n",
     0, 0, 1},
    {"the same by name",
     "title: C\nid: f1\ncorrelation: {type: event_count, rules: [n2], timespan: 5m, condition: {gte: 9}}\n",
     0, 0, 1},
    {"a correlation over our correlation",
     "title: C\nid: f1\ncorrelation: {type: event_count, rules: [c1], timespan: 5m, condition: {gte: 9}}\n",
     0, 0, 1},
    {"one of its own and one of ours",
     RULE("f1", "x", "B: 1") "---\ntitle: C\nid: f2\ncorrelation: {type: temporal, rules: [f1, i2], "
     "timespan: 5m}\n",
     1, 0, 1},
    {"a sequence of its own",
     RULE("f1", "x", "B: 1") "---\n" RULE("f2", "y", "B: 2") "---\ntitle: C\nid: f3\n"
     "correlation: {type: temporal_ordered, rules: [f1, f2], timespan: 2h}\n",
     2, 1, 0},
    {"a correlation over its own, by name",
     RULE("f1", "x", "B: 1") "---\ntitle: C\nid: f2\n"
     "correlation: {type: event_count, rules: [x], timespan: 5m, condition: {gte: 9}}\n",
     1, 1, 0},
    {"a name that is ours and its own",
     RULE("f1", "n1", "B: 1") "---\ntitle: C\nid: f2\n"
     "correlation: {type: event_count, rules: [n1], timespan: 5m, condition: {gte: 9}}\n",
     1, 1, 0},
    {"a name that two of its own have",
     RULE("f1", "x", "B: 1") "---\n" RULE("f2", "x", "B: 2") "---\ntitle: C\nid: f3\n"
     "correlation: {type: event_count, rules: [x], timespan: 5m, condition: {gte: 9}}\n",
     2, 0, 1},
    {"a copy of ours that it joins",
     RULE("i1", "n1", "A: 1") "---\ntitle: C\nid: f2\n"
     "correlation: {type: event_count, rules: [i1], timespan: 5m, condition: {gte: 9}}\n",
     1, 1, 0},
    {"the same, which would be loud",
     RULE("i1", "n1", "A: 1") "---\ntitle: C\nid: f2\ngenerate: true\n"
     "correlation: {type: event_count, rules: [n1], timespan: 5m, condition: {gte: 9}}\n",
     1, 1, 0},
    {"copies of ours and of our correlation, and one above",
     RULE("i1", "n1", "A: 1") "---\n" OWN_CORRELATION "---\n" RULE("f1", "x", "B: 1") "---\n"
     "title: C\nid: f2\ncorrelation: {type: temporal, rules: [c1, x], group-by: [A], timespan: 5m, aliases: "
     "{A: {c1: A, f1: B}}}\n",
     2, 2, 0},
    {"a copy of our correlation alone",
     RULE("i1", "n1", "A: 1") "---\n" OWN_CORRELATION, 0, 0, 2},
    {"a circle",
     "title: C\nid: f1\ncorrelation: {type: temporal, rules: [f2], timespan: 5m}\n---\n"
     "title: C\nid: f2\ncorrelation: {type: temporal, rules: [f1], timespan: 5m}\n",
     0, 0, 2},
    {"a circle with a copy of ours",
     RULE("i1", "n1", "A: 1") "---\ntitle: C\nid: f1\ncorrelation: {type: temporal, rules: [f2, i1], timespan: 5m}\n---\n"
     "title: C\nid: f2\ncorrelation: {type: temporal, rules: [f1], timespan: 5m}\n",
     1, 0, 2},
    {"a rule that did not come", "title: C\nid: f1\ncorrelation: {type: temporal, rules: [f2], timespan: 5m}\n", 0, 0, 1},
    {"a collection that would reach on",
     "action: global\nlogsource: {product: q}\n---\n" RULE("f1", "x", "B: 1"), 1, 0, 0},
    {"no YAML", "title: [", 0, 0, 1},
};

static void ours_mean_what_they_meant(void **state)
{
    (void)state;
    struct buf without;
    struct buf with;
    buf_init(&without, 1 << 16);
    buf_init(&with, 1 << 16);
    struct sigma_set *set = load_with(NULL);
    describe(&without, set);
    assert_int_equal(set->refused.len, 0);
    sigma_set_free(&set);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        set = load_with(cases[i].text);
        describe(&with, set);
        if (!span_eq(buf_view(&with), buf_view(&without))) {
            fail_msg("%s:\n%.*swas\n%.*s", cases[i].what, SPAN_ARG(buf_view(&with)),
                     SPAN_ARG(buf_view(&without)));
        }
        if (set->rules.len != 2 + cases[i].rules || set->correlations.len != 1 + cases[i].correlations ||
            set->refused.len != cases[i].refused || set->nfilters != 0) {
            fail_msg("%s: %zu rules, %zu correlations, %zu refused", cases[i].what, set->rules.len,
                     set->correlations.len, set->refused.len);
        }
        for (size_t k = 0; k < set->rules.len; k++) { /* who takes an id that is another's says nothing */
            assert_true(!set->rules.data[k]->stand_in || set->rules.data[k]->quiet);
        }
        if (cases[i].refused > 0) {
            assert_true(span_eq(set->refused.data[0].file, SPAN("federation/w.yml")));
        }
        sigma_set_free(&set);
    }
    buf_free(&without);
    buf_free(&with);
}

/* "*" stands for every log source; nothing stated is still refused. */
static void a_star_is_every_source(void **state)
{
    (void)state;
    struct sigma_set *set = test_load("title: T\nid: a\nlogsource: {product: '*'}\n"
                                      "detection: {s: [x], condition: s}\n");
    assert_int_equal(set->rules.len, 1);
    const struct logsource event = {SPAN("windows"), SPAN("process_creation"), SPAN("sysmon")};
    assert_true(logsource_applies(&set->rules.data[0]->logsource, &event));
    sigma_set_free(&set);
    set = test_load("title: T\nid: a\nlogsource: {}\ndetection: {s: [x], condition: s}\n");
    assert_int_equal(set->rules.len, 0);
    sigma_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ours_mean_what_they_meant),
        cmocka_unit_test(a_star_is_every_source),
    };
    return cmocka_run_group_tests_name("sigma foreign", tests, NULL, NULL);
}
