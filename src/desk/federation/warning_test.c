/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of warnings: the body, the rule that looks for indicators, and the community's level. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/mem.h"
#include "desk/federation/refusal.h"
#include "desk/federation/warning.h"
#include "flow/detect/sigma.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    arena_init(&arena, 0);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

static struct warning *whole(void)
{
    static char id[WARNING_ID_LEN + 1];
    struct warning *w = arena_alloc(&arena, sizeof *w);
    warning_make_id(SPAN("circle"), COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), id);
    *w = (struct warning){
        .id = span_of(id),
        .version = 2,
        .kind = COMMUNITY_INDICATOR,
        .value = SPAN("ip:8.8.8.8"),
        .title = SPAN("An address seen at several members"),
        .level = LEVEL_HIGH,
        .seen = 5,
        .first = signal_bucket(NOW) - 4,
        .last = signal_bucket(NOW),
        .nrules = 1,
        .rules = {{.id = SPAN("r1"), .yaml = SPAN("title: x\n")}},
        .nindicators = 2,
        .indicators = {{FED_INDICATOR_IP, SPAN("8.8.8.8")},
                       {FED_INDICATOR_URL, SPAN("http://evil.net/a'b*c")}},
        .nproducts = 1,
        .products = {SPAN("linux")},
    };
    return w;
}

static int read_text(struct span text, struct warning *out, struct err *e)
{
    struct jcs *tree;
    int rc = jcs_read(&arena, text, 16, &tree, e);
    return rc < 0 ? rc : warning_read(tree, &arena, out, e);
}

static void a_body_comes_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct warning *w = whole();
    struct warning *out = arena_alloc(&arena, sizeof *out);
    struct span text = jcs_text(&arena, warning_body(&arena, w));
    if (read_text(text, out, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_true(span_eq(out->id, w->id));
    assert_int_equal(out->seen, 5);
    assert_int_equal(out->version, 2);
    assert_int_equal(out->nrules, 1);
    assert_true(span_eq(out->rules[0].yaml, SPAN("title: x\n")));
    assert_int_equal(out->nindicators, 2);
    assert_true(span_eq(text, jcs_text(&arena, warning_body(&arena, out))));
    w->seen = 0;
    assert_int_equal(read_text(jcs_text(&arena, warning_body(&arena, w)), out, &e), 0);
    assert_int_equal(out->seen, 0);
}

struct swap {
    const char *from, *to;
};
static const struct swap breaks[] = {
    {"\"seen\":5", "\"seen\":0"},
    {"\"seen\":5", "\"seen\":4097"},
    {"\"seen\":5", "\"seen\":\"at least two\""},
    {"\"version\":2", "\"version\":0"},
    {"\"version\":2", "\"version\":1000001"},
    {"\"withdrawn\":false", "\"withdrawn\":0"},
    {"\"kind\":\"indicator\"", "\"kind\":\"product\""},
    {"\"kind\":\"indicator\"", "\"kind\":\"Two words\""},
    {"\"level\":\"high\"", "\"level\":\"\""},
    {"title: x", "title: y"}, /* not what the hash is of */
    {"\"value\":\"8.8.8.8\"", "\"value\":\"10.1.1.1\""},
    {"\"products\":[\"linux\"]", "\"products\":[\"\"]"},
    {"\"products\":[\"linux\"]", "\"products\":null"},
    {"\"warning\":\"", "\"warning\":\"Z"},
    {"An address", "An\\u0007address"},
    {"\"first\":", "\"derived\":[],\"first\":"},
    {"\"first\":", "\"derived\":{},\"first\":"},
    {"\"first\":", "\"derived\":[{\"circle\":\"c\",\"version\":1,\"warning\":\"x\"}],\"first\":"},
};

/* What a later version may say: it waits until this node is upgraded, whole, and is told apart from what is broken. */
static const struct swap laters[] = {
    {"\"version\":2", "\"version\":2,\"w\":1"},
    {"\"kind\":\"indicator\"", "\"kind\":\"person\""},
    {"\"kind\":\"indicator\"", "\"from\":1,\"kind\":\"indicator\""},
    {"\"type\":\"ip\"", "\"type\":\"ja4\""},
    {"\"type\":\"ip\"", "\"seen\":1,\"type\":\"ip\""},
    {"\"hash\":", "\"engine\":\"yara\",\"hash\":"},
    {"\"first\":", "\"derived\":[{\"by\":1,\"circle\":\"c\",\"version\":1,\"warning\":\"x\"}],\"first\":"},
};

static int read_with(const struct swap *s, struct err *e)
{
    struct span good = jcs_text(&arena, warning_body(&arena, whole()));
    struct warning *out = arena_alloc(&arena, sizeof *out);
    const char *at = memmem(good.ptr, good.len, s->from, strlen(s->from));
    assert_non_null(at);
    size_t before = (size_t)(at - good.ptr);
    return read_text(span_of(arena_printf(&arena, "%.*s%s%s", (int)before, good.ptr, s->to, at + strlen(s->from))), out, e);
}

static void what_a_later_version_says_is_told_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(laters); i++) {
        struct err e = {0};
        int rc = read_with(&laters[i], &e);
        if (rc != ERR_UNSUPPORTED || strstr(e.text, "this version does not know") == NULL) {
            fail_msg("%s: %d, %s", laters[i].to, rc, e.text);
        }
    }
    assert_int_equal(fed_refusal_act(FED_NEWER), FED_ACT_HOLD);
    assert_string_equal(fed_refusal_text(FED_NEWER), "says more than this version of Sereno understands; it waits for an upgrade, or its end");
}

static void broken_bodies_are_refused_whole(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
        struct err e = {0};
        if (read_with(&breaks[i], &e) != ERR_INVALID || e.text[0] == '\0') {
            fail_msg("taken: %s", breaks[i].to);
        }
    }
}

static void ids_differ(void **state)
{
    (void)state;
    char a[WARNING_ID_LEN + 1], b[WARNING_ID_LEN + 1];
    warning_make_id(SPAN("c"), COMMUNITY_RULE, SPAN("x"), a);
    warning_make_id(SPAN("c"), COMMUNITY_RULE, SPAN("x"), b);
    assert_string_equal(a, b);
    warning_make_id(SPAN("c"), COMMUNITY_TECHNIQUE, SPAN("x"), b);
    assert_string_not_equal(a, b);
    warning_make_id(SPAN("d"), COMMUNITY_RULE, SPAN("x"), b);
    assert_string_not_equal(a, b);
}

/* The rule loads as any other, whatever printable bytes an indicator holds. */
static void the_rule_for_indicators_loads(void **state)
{
    (void)state;
    struct warning *w = whole();
    struct buf b;
    buf_init(&b, 1 << 20);
    w->indicators[2] = (struct fed_indicator){FED_INDICATOR_DOMAIN, SPAN("_x.evil-site.net")};
    w->indicators[3] = (struct fed_indicator){FED_INDICATOR_IP, SPAN("2a00:1450:4003:800::200e")};
    w->indicators[4] =
        (struct fed_indicator){FED_INDICATOR_URL, SPAN("http://e.net/!#$%&()+,-./:;=?@[]_~'")};
    w->nindicators = 5;
    warning_indicator_rule(&b, w);
    struct sigma_loader *l = sigma_loader_new();
    sigma_loader_foreign(l, SPAN("w.yml"), buf_view(&b));
    struct sigma_set *set = sigma_loader_finish(l);
    if (set->rules.len != 1) {
        fail_msg("%.*s\n%.*s", SPAN_ARG(set->refused.data[0].reason), SPAN_ARG(buf_view(&b)));
    }
    char id[ID_TEXT_LEN + 1];
    warning_rule_id(w->id, id);
    assert_true(span_eq(set->rules.data[0]->id, span_of(id)));
    assert_true(id_valid(span_of(id)));
    assert_int_equal(set->rules.data[0]->level, LEVEL_HIGH);
    assert_int_equal(set->warnings.len, 0);
    sigma_set_free(&set);
    sigma_loader_free(&l);
    buf_free(&b);
}

/* From circle to circle: an id of its own in each, a way that grows, and never twice through one. */
static void passed_on(void **state)
{
    (void)state;
    struct err e = {0};
    char id[WARNING_ID_LEN + 1];
    struct warning *w = whole();
    struct warning *out = arena_alloc(&arena, sizeof *out);
    struct span first = w->id;
    assert_false(warning_onward(w, SPAN("circle"), SPAN("circle"), &arena));
    assert_true(warning_onward(w, SPAN("circle"), SPAN("below"), &arena));
    warning_make_id(SPAN("below"), COMMUNITY_INDICATOR, SPAN("ip:8.8.8.8"), id);
    assert_true(span_eq(w->id, span_of(id)));
    assert_int_equal(w->seen, 0); /* counted over other members */
    assert_int_equal(w->nproducts, 0);
    assert_int_equal(read_text(jcs_text(&arena, warning_body(&arena, w)), out, &e), 0);
    assert_int_equal(out->nderived, 1);
    assert_true(span_eq(out->derived[0].warning, first));
    assert_true(span_eq(out->derived[0].circle, SPAN("circle")));
    assert_int_equal(out->derived[0].version, 2);
    assert_int_equal(out->nindicators, 2);
    assert_true(warning_onward(out, SPAN("below"), SPAN("deeper"), &arena));
    assert_int_equal(out->nderived, 2);
    assert_false(warning_onward(out, SPAN("deeper"), SPAN("circle"), &arena)); /* where it was */
    *out = *w;
    for (int i = 0; i < WARNING_DERIVED_MAX - 1; i++) {
        struct span from = i == 0 ? SPAN("below") : span_of(arena_printf(&arena, "c%d", i));
        assert_true(warning_onward(out, from, span_of(arena_printf(&arena, "c%d", i + 1)), &arena));
    }
    assert_false(warning_onward(out, SPAN("c7"), SPAN("c8"), &arena)); /* the way ends */
}

static void levels(void **state)
{
    (void)state;
    struct level_warning w[4] = {
        {COMMUNITY_RULE, LEVEL_MEDIUM, 0, NOW - TIME_DAY / 2},
        {COMMUNITY_INDICATOR, LEVEL_MEDIUM, 7, NOW},
        {COMMUNITY_TECHNIQUE, LEVEL_CRITICAL, 0, NOW},
        {COMMUNITY_RULE, LEVEL_CRITICAL, 9, NOW - 2 * TIME_DAY},
    };
    struct level_report r;
    community_level_of(w, 0, NOW, &r);
    assert_int_equal(r.level, LEVEL_CALM);
    assert_int_equal(r.nreasons, 1);
    assert_int_equal(r.reasons[0].count, 0);
    community_level_of(w, 1, NOW, &r);
    assert_int_equal(r.level, LEVEL_WATCHFUL);
    assert_string_equal(r.reasons[0].text, "rule that fired at several members");
    community_level_of(w, 2, NOW, &r);
    assert_int_equal(r.level, LEVEL_RAISED);
    assert_int_equal(r.since, NOW);
    community_level_of(w, 3, NOW, &r);
    assert_int_equal(r.level, LEVEL_ALARMED);
    community_level_of(w + 3, 1, NOW, &r); /* of the day before yesterday */
    assert_int_equal(r.level, LEVEL_CALM);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_body_comes_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(broken_bodies_are_refused_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_later_version_says_is_told_apart, set_up, tear_down),
        cmocka_unit_test(ids_differ),
        cmocka_unit_test_setup_teardown(the_rule_for_indicators_loads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(passed_on, set_up, tear_down),
        cmocka_unit_test(levels),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
