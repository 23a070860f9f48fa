/* SPDX-License-Identifier: EUPL-1.2 */
/* Documents: head matter, ids, collections, filters, correlations and what refers to what; and rules in plain words. */
#include "base/clock.h"
#include "flow/detect/sigma_explain.h"
#include "flow/detect/sigma_testing.h"

#define RULE(id, name, product, body)                                                              \
    "title: Rule " name "\nid: " id "\nname: " name "\nlogsource: {product: " product ", category: c}\n" \
    "detection:\n  selection_x: {" body "}\n  condition: 1 of selection_*\n"
#define CORR(id, body) "---\ntitle: Corr\nid: " id "\ncorrelation:\n" body

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

static void assert_span(struct span got, const char *want)
{
    if (!span_eq(got, span_of(want))) {
        fail_msg("got '%.*s', want '%s'", SPAN_ARG(got), want);
    }
}

static void assert_says(struct span text, const char *word)
{
    if (!says(text, word)) {
        fail_msg("'%.*s' does not say '%s'", SPAN_ARG(text), word);
    }
}

static void head_matter_is_kept(void **state)
{
    (void)state;
    const char *text = "# comment\ntitle: ' A title '\nid: 11111111-1111-1111-1111-111111111111\nname: n\n"
                       "related:\n  - {id: x, type: derived}\n  - {id: y, type: odd}\nstatus: test\nlevel: high\n"
                       "description: |\n  Some\n  text\nauthor: me\nlicense: DRL\ndate: 2024-01-02\n"
                       "references: http://x\ntags: [attack.t1000, a.b]\nfalsepositives:\n  - none\nfields: [A]\n"
                       "taxonomy: sigma\nregression_tests_path: a/b\nsimulation: [{type: x}]\n"
                       "logsource: {product: p, service: s, definition: whatever}\n"
                       "detection: {s: {A: 1}, condition: s}\n";
    struct sigma_set *set = test_load(text);
    assert_int_equal(set->rules.len, 1);
    const struct sigma_rule *r = set->rules.data[0];
    assert_span(r->title, "A title");
    assert_span(r->id, "11111111-1111-1111-1111-111111111111");
    assert_span(r->status, "test");
    assert_int_equal(r->level, LEVEL_HIGH);
    assert_span(r->description, "Some\ntext");
    assert_span(r->date, "2024-01-02");
    assert_int_equal(r->ntags, 2);
    assert_span(r->tags[1], "a.b");
    assert_int_equal(r->nreferences, 1);
    assert_int_equal(r->nrelated, 1);
    assert_int_equal(r->nfields, 1);
    assert_int_equal(r->nothers, 2);
    assert_span(r->others[0].key, "regression_tests_path");
    assert_span(r->others[0].value, "a/b");
    assert_span(r->condition, "s");
    assert_span(r->logsource.product, "p");
    assert_span(r->logsource.category, "");
    assert_span(r->logsource.service, "s");
    assert_span(r->text, text);
    assert_int_equal(strlen(r->hash), 64);
    assert_int_equal(set->warnings.len, 1);
    assert_int_equal(set->warnings.data[0].line, 7);
    sigma_set_free(&set);
}

static void bad_documents_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
        uint32_t line;
    } cases[] = {
        {"title: x\n", "neither a detection", 1},
        {"- a\n", "must be a map", 1},
        {"just text\n", "must be a map", 1},
        {"", "holds no rule", 0},
        {"# only a comment\n", "holds no rule", 0},
        {"a: [\n", "not valid YAML", 2},
        {"title: x\ndetection: {s: {A: 1}, condition: s}\n", "logsource is missing", 1},
        {"logsource: {definition: d}\ndetection: {s: {A: 1}, condition: s}\n", "states no product", 1},
        {"logsource: {product: [a]}\ndetection: {s: {A: 1}, condition: s}\n", "must be a word", 1},
        {"logsource: x\ndetection: {s: {A: 1}, condition: s}\n", "no map", 1},
        {"logsource: {product: p}\ndetection: 5\n", "must be a map", 2},
        {"logsource: {product: p}\ncorrelation: 5\n", "must be a map", 2},
        {"logsource: {product: p}\nfilter: 5\n", "must be a map", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigma_set *set = test_load(cases[i].text);
        assert_int_equal(set->rules.len, 0);
        assert_int_equal(set->refused.len, 1);
        assert_says(set->refused.data[0].reason, cases[i].reason);
        assert_int_equal(set->refused.data[0].line, cases[i].line);
        sigma_set_free(&set);
    }
}

static void ids_are_unique_and_files_stand_in(void **state)
{
    (void)state;
    struct sigma_loader *l = sigma_loader_new();
    test_add(l, "a.yml", RULE("i1", "n1", "p", "A: 1"));
    test_add(l, "b.yml", RULE("i1", "n2", "p", "A: 2"));
    test_add(l, "c.yml", "logsource: {product: p}\ndetection: {s: {A: 1}, condition: s}\n---\n"
                         "logsource: {product: p}\ndetection: {s: {A: 2}, condition: s}\n");
    struct sigma_set *set = sigma_loader_finish(l);
    assert_int_equal(set->rules.len, 3);
    assert_span(set->rules.data[1]->id, "c.yml");
    assert_span(set->rules.data[2]->id, "c.yml:3");
    assert_int_equal(set->refused.len, 1);
    assert_span(set->refused.data[0].file, "b.yml");
    assert_says(set->refused.data[0].reason, "id i1 is taken by a.yml line 1");
    sigma_set_free(&set);
    sigma_loader_free(&l);
}

static void collections_merge(void **state)
{
    (void)state;
    struct sigma_set *set = test_load(
        "action: global\ntitle: G\nid: g\nlevel: high\nlogsource: {product: p}\n"
        "detection: {condition: s}\n---\n"
        "detection: {s: {A: 1}}\n---\n"
        "action: repeat\ndetection: {s: {B: 2}}\n---\n"
        "action: reset\n---\n"
        "title: R\nlogsource: {product: q}\ndetection: {t: {C: 1}, condition: t}\n---\n"
        "action: odd\n");
    assert_int_equal(set->rules.len, 3);
    assert_span(dump_rule(&out, set->rules.data[0]), "A=1");
    assert_span(set->rules.data[0]->id, "g");
    assert_int_equal(set->rules.data[0]->level, LEVEL_HIGH);
    assert_span(dump_rule(&out, set->rules.data[1]), "(A=1 & B=2)");
    assert_span(set->rules.data[1]->id, "g#9");
    assert_span(set->rules.data[2]->logsource.product, "q");
    assert_int_equal(set->refused.len, 1);
    assert_says(set->refused.data[0].reason, "global, reset or repeat");
    sigma_set_free(&set);
    set = test_load("action: repeat\ndetection: {s: {B: 2}}\n");
    assert_says(set->refused.data[0].reason, "nothing stands before");
    sigma_set_free(&set);
}

#define FILTER(head, rules, cond)                                                                  \
    "---\ntitle: F\n" head "filter:\n  rules: " rules "\n  selection_x: {U|startswith: adm_}\n  condition: " cond "\n"

static void filters_are_anded(void **state)
{
    (void)state;
    static const struct {
        const char *filter, *tree, *warning;
    } cases[] = {
        {FILTER("logsource: {product: p}\n", "[i1]", "not selection_x"), "(A=1 & !U=adm_*)", NULL},
        {FILTER("logsource: {product: p}\n", "n1", "not 1 of selection*"), "(A=1 & !U=adm_*)", NULL},
        {FILTER("logsource: {product: P, category: C}\n", "any", "not selection_x"), "(A=1 & !U=adm_*)", NULL},
        {FILTER("logsource: {product: p}\n", "[]", "not selection_x"), "(A=1 & !U=adm_*)", NULL},
        {FILTER("logsource: {product: p}\n", "[i1, n1, i1]", "not selection_x"), "(A=1 & !U=adm_*)", NULL},
        {FILTER("logsource: {product: p}\n", "[i1]", "selection_x"), "(A=1 & U=adm_*)", "without 'not'"},
        {FILTER("logsource: {product: q}\n", "[i1]", "not selection_x"), "A=1", "outside the filter's"},
        {FILTER("logsource: {product: p, service: s}\n", "any", "not selection_x"), "A=1", NULL},
        {FILTER("logsource: {product: p}\n", "[gone]", "not selection_x"), "A=1", "is not known"},
        {FILTER("logsource: {product: p}\nid: f1\n", "[i1]", "not selection_x")
             FILTER("logsource: {product: p}\nid: f2\n", "[i1]", "not selection_x"),
         "(A=1 & !U=adm_* & !U=adm_*)", NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        arena_init(&a, 0);
        struct sigma_set *set = test_load(
            arena_printf(&a, "%s%s", RULE("i1", "n1", "p", "A: 1"), cases[i].filter));
        if (set->refused.len > 0) {
            fail_msg("%.*s", SPAN_ARG(set->refused.data[0].reason));
        }
        assert_span(dump_rule(&out, set->rules.data[0]), cases[i].tree);
        assert_int_equal(set->warnings.len, cases[i].warning == NULL ? 0 : 1);
        if (cases[i].warning != NULL) {
            assert_says(set->warnings.data[0].text, cases[i].warning);
        }
        sigma_set_free(&set);
        arena_fini(&a);
    }
}

static void bad_filters_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text, *reason;
    } cases[] = {
        {"logsource: {product: p}\nfilter: {s: {A: 1}, condition: not s}\n", "'rules' must be"},
        {"logsource: {product: p}\nfilter: {rules: {a: b}, s: {A: 1}, condition: not s}\n", "'rules' must be"},
        {"logsource: {product: p}\nfilter: {rules: [[a]], s: {A: 1}, condition: not s}\n", "ids or names"},
        {"filter: {rules: any, s: {A: 1}, condition: not s}\n", "logsource is missing"},
        {"logsource: {product: p}\nfilter: {rules: any, s: {A: 1}}\n", "filter has no condition"},
        {"logsource: {product: p}\nfilter: {rules: any, condition: not s}\n", "filter has no selection"},
        {"logsource: {product: p}\nfilter: {rules: any, s: {A|x: 1}, condition: not s}\n", "unknown modifier"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigma_set *set = test_load(cases[i].text);
        assert_int_equal(set->refused.len, 1);
        assert_says(set->refused.data[0].reason, cases[i].reason);
        assert_int_equal(set->nfilters, 0);
        sigma_set_free(&set);
    }
}

/* Two rules, then the correlation under test. */
static struct sigma_set *load_corr(const char *body)
{
    struct arena a;
    arena_init(&a, 0);
    struct sigma_set *set = test_load(arena_printf(
        &a, "%s---\n%s---\ntitle: Corr\nid: c\n%s", RULE("i1", "n1", "p", "A: 1"),
        RULE("i2", "n2", "p", "A: 2"), body));
    arena_fini(&a);
    return set;
}

static void correlations_load(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        enum sigma_correlation_type type;
        uint32_t nrefs, ngroup, nbounds, nfields;
        int64_t seconds;
    } cases[] = {
        {"correlation: {type: event_count, rules: [i1, n2], group-by: [H, U], timespan: 5m, condition: {gte: 10}}\n",
         CORR_EVENT_COUNT, 2, 2, 1, 0, 300},
        {"correlation: {type: event_count, rules: n1, timespan: 90s, condition: {gt: 1, lte: 5}}\n",
         CORR_EVENT_COUNT, 1, 0, 2, 0, 90},
        {"correlation: {type: value_count, rules: [n1], group-by: H, timespan: 1h, condition: {field: [A, B], neq: 3}}\n",
         CORR_VALUE_COUNT, 1, 1, 1, 2, 3600},
        {"correlation: {type: value_sum, rules: [n1], timespan: 2d, condition: {field: A, gte: 1.5}}\n",
         CORR_VALUE_SUM, 1, 0, 1, 1, 172800},
        {"correlation: {type: value_avg, rules: [n1], timespan: 1w, condition: {field: A, lt: -5}}\n",
         CORR_VALUE_AVG, 1, 0, 1, 1, 604800},
        {"correlation: {type: value_median, rules: [n1], timespan: 1M, condition: {field: A, eq: 5}}\n",
         CORR_VALUE_MEDIAN, 1, 0, 1, 1, 2629746},
        {"correlation: {type: value_percentile, rules: [n1], timespan: 1y, condition: {field: A, lte: 1, percentile: 95}}\n",
         CORR_VALUE_PERCENTILE, 1, 0, 1, 1, 31556952},
        {"correlation: {type: temporal, rules: [n1, n2], timespan: 10s}\n", CORR_TEMPORAL, 2, 0, 0, 0, 10},
        {"correlation: {type: temporal_ordered, rules: [n1, n2], timespan: 10s, condition: {gte: 2}}\n",
         CORR_TEMPORAL_ORDERED, 2, 0, 1, 0, 10},
        {"correlation: {type: temporal, timespan: 10s, condition: n1 and not n2}\n", CORR_TEMPORAL, 2, 0, 0, 0, 10},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct sigma_set *set = load_corr(cases[i].body);
        if (set->correlations.len != 1) {
            fail_msg("%s: %.*s", cases[i].body, SPAN_ARG(set->refused.data[0].reason));
        }
        const struct sigma_correlation *c = set->correlations.data[0];
        assert_int_equal(c->type, cases[i].type);
        assert_int_equal(c->nrefs, cases[i].nrefs);
        assert_int_equal(c->ngroup_by, cases[i].ngroup);
        assert_int_equal(c->nbounds, cases[i].nbounds);
        assert_int_equal(c->nfields, cases[i].nfields);
        assert_true(c->timespan_ns == cases[i].seconds * TIME_SECOND);
        assert_int_equal(c->ref_index[0], 0);
        assert_true(set->rules.data[0]->quiet);
        assert_int_equal(set->rules.data[1]->quiet, c->nrefs == 2);
        sigma_set_free(&set);
    }
}

static void bad_correlations_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *section, *reason;
    } cases[] = {
        {"rules: [n1], timespan: 5m, condition: {gte: 1}", "'type' is missing"},
        {"type: odd, rules: [n1], timespan: 5m, condition: {gte: 1}", "unknown type 'odd'"},
        {"type: event_count, timespan: 5m, condition: {gte: 1}", "'rules' is missing"},
        {"type: event_count, rules: [], timespan: 5m, condition: {gte: 1}", "'rules' is missing"},
        {"type: event_count, rules: [gone], timespan: 5m, condition: {gte: 1}", "'gone' is not the id or name"},
        {"type: event_count, rules: [c], timespan: 5m, condition: {gte: 1}", "circle"},
        {"type: event_count, rules: [n1, n1], timespan: 5m, condition: {gte: 1}", "listed twice"},
        {"type: event_count, rules: [n1, i1], timespan: 5m, condition: {gte: 1}", "listed twice"},
        {"type: event_count, rules: [n1], condition: {gte: 1}", "'timespan' is missing"},
        {"type: event_count, rules: [n1], timespan: 5, condition: {gte: 1}", "'timespan' is missing"},
        {"type: event_count, rules: [n1], timespan: 5x, condition: {gte: 1}", "timespan '5x'"},
        {"type: event_count, rules: [n1], timespan: 0s, condition: {gte: 1}", "timespan '0s'"},
        {"type: event_count, rules: [n1], timespan: -5m, condition: {gte: 1}", "timespan '-5m'"},
        {"type: event_count, rules: [n1], timespan: 101y, condition: {gte: 1}", "timespan '101y'"},
        {"type: event_count, rules: [n1], timespan: 1.5h, condition: {gte: 1}", "timespan '1.5h'"},
        {"type: event_count, rules: [n1], timespan: 5m", "'condition' is missing"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {}", "needs one of"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1, lt: 5, neq: 3}", "needs one of"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: x}", "needs a number"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {min: 1}", "unknown key 'min'"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1, field: A}", "takes no 'field'"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: n1", "must be a map"},
        {"type: value_count, rules: [n1], timespan: 5m, condition: {gte: 1}", "needs a 'field'"},
        {"type: value_sum, rules: [n1], timespan: 5m, condition: {gte: 1, field: [A, B]}", "several fields"},
        {"type: value_sum, rules: [n1], timespan: 5m, condition: {gte: 1, field: A, percentile: 5}", "belongs to"},
        {"type: value_percentile, rules: [n1], timespan: 5m, condition: {gte: 1, field: A, percentile: 101}",
         "from 0 to 100"},
        {"type: temporal, rules: [n1, n2], timespan: 5m, condition: n1 and gone", "not in the list of rules"},
        {"type: temporal, rules: [n1, n2], timespan: 5m, condition: n1", "listed but not named"},
        {"type: temporal, rules: [n1, n2], timespan: 5m, condition: n1 and", "missing at the end"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}, extra: 1", "unknown key 'extra'"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}, group-by: {a: b}", "'group-by'"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}, generate: maybe", "'generate'"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}, aliases: [a]", "'aliases'"},
        {"type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}, aliases: {a: {n2: X}}",
         "'n2' has an alias"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        arena_init(&a, 0);
        struct sigma_set *set = load_corr(arena_printf(&a, "correlation: {%s}\n", cases[i].section));
        if (set->correlations.len != 0 || set->refused.len != 1) {
            fail_msg("%s was taken", cases[i].section);
        }
        assert_says(set->refused.data[0].reason, cases[i].reason);
        assert_false(set->rules.data[0]->quiet);
        sigma_set_free(&set);
        arena_fini(&a);
    }
}

static void ordered_correlations_are_bounded(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1024 * 1024);
    for (int own = 0; own < 2; own++) {
        uint32_t most = own == 1 ? SIGMA_ORDERED_OWN_MAX : SIGMA_ORDERED_MAX;
        for (uint32_t n = most; n <= most + 1; n++) {
            buf_clear(&b);
            for (uint32_t i = 0; i < n; i++) {
                buf_printf(&b, "id: r%u\nlogsource: {product: p}\ndetection: {s: {A: 1}, condition: s}\n---\n", i);
            }
            buf_cstr(&b, "correlation:\n  type: temporal_ordered\n  timespan: 5m\n  rules:\n");
            for (uint32_t i = 0; i < n; i++) {
                buf_printf(&b, "    - r%u\n", i);
            }
            buf_cstr(&b, own == 1 ? "  condition: {gte: 2}\n" : "");
            buf_u8(&b, 0);
            struct sigma_set *set = test_load(b.data);
            assert_int_equal(set->correlations.len, n == most ? 1 : 0);
            sigma_set_free(&set);
        }
    }
    buf_free(&b);
}

static void generate_is_read_in_both_places(void **state)
{
    (void)state;
    static const char *const loud[] = {
        "correlation: {type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}, generate: true}\n",
        "generate: true\ncorrelation: {type: event_count, rules: [n1], timespan: 5m, condition: {gte: 1}}\n",
    };
    for (size_t i = 0; i < ARRAY_LEN(loud); i++) {
        struct sigma_set *set = load_corr(loud[i]);
        assert_int_equal(set->correlations.len, 1);
        assert_true(set->correlations.data[0]->generate);
        assert_false(set->rules.data[0]->quiet);
        sigma_set_free(&set);
    }
}

#define COUNT(id, refs) CORR(id, "  {type: event_count, rules: [" refs "], timespan: 5m, condition: {gte: 1}}\n")

static void chains_are_ordered_and_bounded(void **state)
{
    (void)state;
    struct sigma_set *set = test_load(COUNT("c2", "c1, i1") COUNT("c1", "i1") "---\n" RULE("i1", "n1", "p", "A: 1"));
    assert_int_equal(set->correlations.len, 2);
    assert_span(set->correlations.data[0]->meta.id, "c1");
    assert_span(set->correlations.data[1]->meta.id, "c2");
    assert_int_equal(set->correlations.data[1]->ref_index[0], 1); /* one rule, then c1 */
    assert_int_equal(set->correlations.data[1]->ref_index[1], 0);
    assert_true(set->correlations.data[0]->meta.quiet);
    assert_false(set->correlations.data[1]->meta.quiet);
    sigma_set_free(&set);

    set = test_load(COUNT("a", "b") COUNT("b", "a") COUNT("d", "a") COUNT("e", "gone") COUNT("f", "e") "---\n" RULE(
        "i1", "n1", "p", "A: 1"));
    assert_int_equal(set->correlations.len, 0);
    assert_int_equal(set->refused.len, 5);
    assert_int_equal(set->rules.len, 1);
    sigma_set_free(&set);

    set = test_load(RULE("i1", "n1", "p", "A: 1") COUNT("d1", "i1") COUNT("d2", "d1") COUNT("d3", "d2")
                        COUNT("d4", "d3") COUNT("d5", "d4") COUNT("d6", "d5") COUNT("d7", "d6") COUNT("d8", "d7")
                            COUNT("d9", "d8") COUNT("d10", "d9") COUNT("d11", "d10") COUNT("d12", "d11"));
    assert_int_equal(set->correlations.len, 10);
    assert_int_equal(set->refused.len, 2);
    sigma_set_free(&set);
}

static void an_ambiguous_name_is_refused(void **state)
{
    (void)state;
    struct sigma_set *set = test_load(RULE("i1", "n", "p", "A: 1") "---\n" RULE("i2", "n", "p", "A: 2") COUNT("c", "n"));
    assert_int_equal(set->rules.len, 2);
    assert_int_equal(set->correlations.len, 0);
    assert_says(set->refused.data[0].reason, "name of several rules");
    sigma_set_free(&set);
}

static void fields_of_a_set(void **state)
{
    (void)state;
    uint32_t n = 0;
    struct sigma_set *set = test_load(
        RULE("i1", "n1", "p", "B: 1, A|contains: x, C|fieldref: D")
        CORR("c", "  type: value_count\n  rules: [n1]\n  group-by: [who, H]\n  timespan: 5m\n"
                  "  aliases: {who: {n1: User}}\n  condition: {field: Z, gte: 1}\n"));
    const struct span *fields = sigma_set_fields(set, &n);
    static const char *const want[] = {"A", "B", "C", "D", "H", "User", "Z"};
    assert_int_equal(n, ARRAY_LEN(want));
    for (uint32_t i = 0; i < n; i++) {
        assert_span(fields[i], want[i]);
    }
    sigma_set_free(&set);
}

static void plain_words(void **state)
{
    (void)state;
    struct sigma_set *set = test_load(
        "title: Shell\nlevel: high\nlogsource: {product: windows, category: process_creation}\n"
        "detection:\n  img:\n    - Image|endswith: ['\\cmd.exe', '\\sh.exe', '\\x.exe']\n    - Orig: Cmd.Exe\n"
        "  cli:\n    CommandLine|contains|windash: ' -c'\n    Port|gte: 5\n    Time|hour|lt: 6\n"
        "  filter: {User: null}\n  condition: img and cli and not filter\n");
    buf_clear(&out);
    sigma_explain_rule(&out, set->rules.data[0], 2);
    assert_false(out.failed);
    assert_span(buf_view(&out),
                "Shell (high)\n\n"
                "It looks at events of product windows, category process_creation.\n"
                "It fires when this holds:\n"
                "  all of these:\n"
                "    - img: any of these:\n"
                "      - Image ends with any of:\n"
                "        \\cmd.exe\n"
                "        \\sh.exe\n"
                "        … and 1 more\n"
                "      - Orig is Cmd.Exe\n"
                "    - cli: all of these:\n"
                "      - CommandLine contains  -c (with any kind of dash)\n"
                "      - Port is at least 5\n"
                "      - the hour of Time is less than 6\n"
                "    - not filter: User is missing or null\n");
    sigma_set_free(&set);
}

static void plain_words_of_correlations(void **state)
{
    (void)state;
    struct sigma_set *set = load_corr("level: high\ncorrelation: {type: value_count, rules: [n1, n2], group-by: [H], "
                                      "timespan: 10m, condition: {field: U, gt: 5, lte: 10}}\n");
    buf_clear(&out);
    sigma_explain_correlation(&out, set, set->correlations.data[0]);
    assert_span(buf_view(&out), "Corr (high)\n\nIt looks at matches of:\n  - Rule n1\n  - Rule n2\n"
                                "It fires when within 10 minutes the number of different values of U is more than 5 "
                                "and is at most 10, each time for the same H.\n"
                                "Its rules make no alerts of their own.\n");
    sigma_set_free(&set);
    set = load_corr("correlation: {type: temporal_ordered, timespan: 1h, condition: n1 and not n2, generate: true}\n");
    buf_clear(&out);
    sigma_explain_correlation(&out, set, set->correlations.data[0]);
    assert_says(buf_view(&out), "within 1 hour this is seen: (n1 and not (n2)), in this order.\n");
    sigma_set_free(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_matter_is_kept),
        cmocka_unit_test(bad_documents_are_refused),
        cmocka_unit_test(ids_are_unique_and_files_stand_in),
        cmocka_unit_test(collections_merge),
        cmocka_unit_test(filters_are_anded),
        cmocka_unit_test(bad_filters_are_refused),
        cmocka_unit_test(correlations_load),
        cmocka_unit_test(bad_correlations_are_refused),
        cmocka_unit_test(ordered_correlations_are_bounded),
        cmocka_unit_test(generate_is_read_in_both_places),
        cmocka_unit_test(chains_are_ordered_and_bounded),
        cmocka_unit_test(an_ambiguous_name_is_refused),
        cmocka_unit_test(fields_of_a_set),
        cmocka_unit_test(plain_words),
        cmocka_unit_test(plain_words_of_correlations),
    };
    return cmocka_run_group_tests_name("sigma documents", tests, setup, teardown);
}
