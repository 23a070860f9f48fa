/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Correlations in a warning: they come with all that they join or not at all, what a hostile hub makes of it is refused
 * when it comes, and what was taken loads beside the rules of the house without changing one of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/mem.h"
#include "desk/federation/watch_priv.h"
#include "flow/detect/sigma.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)
#define BASE                                                                                                           \
    "title: Refused once\nid: base-1\nname: refused\nlogsource: {product: linux}\n"                                    \
    "detection: {s: {message|contains: x}, condition: s}"
#define OTHER                                                                                                          \
    "title: Let in\nid: base-2\nname: let_in\nlogsource: {product: linux}\n"                                           \
    "detection: {s: {message|contains: y}, condition: s}\n"
#define INNER                                                                                                          \
    "title: Guessed\nid: inner\nname: guessed\ncorrelation: {type: event_count, rules: [refused], group-by: [host], "  \
    "timespan: 5m, condition: {gte: 5}}\n"
#define OUTER                                                                                                          \
    "title: Guessed right\nid: outer\ncorrelation: {type: temporal_ordered, rules: [guessed, let_in], "                \
    "group-by: [host], timespan: 1h}\n"

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

static struct warning *empty(void)
{
    char *id = arena_bytes(&arena, WARNING_ID_LEN + 1);
    struct warning *w = arena_alloc(&arena, sizeof *w);
    warning_make_id(SPAN("circle"), COMMUNITY_RULE, SPAN("outer"), id);
    *w = (struct warning){.id = span_of(id), .version = 1, .kind = COMMUNITY_RULE, .value = SPAN("outer"),
                          .title = SPAN("A rule fired at several members"), .level = LEVEL_HIGH,
                          .first = signal_bucket(NOW) - 1, .last = signal_bucket(NOW)};
    return w;
}

static uint32_t add(struct warning *w, const char *id, const char *yaml)
{
    w->rules[w->nrules] = (struct warning_rule){.id = span_of(arena_strdup(&arena, id)), .yaml = span_of(yaml)};
    return w->nrules++;
}

static void need(struct warning *w, uint32_t rule, uint32_t other)
{
    w->rules[rule].needs[w->rules[rule].nneeds++] = (uint8_t)other;
}

/* The correlation above first, as it comes from the keeper. */
static struct warning *chained(void)
{
    struct warning *w = empty();
    uint32_t outer = add(w, "outer", OUTER);
    uint32_t inner = add(w, "inner", INNER);
    uint32_t other = add(w, "base-2", OTHER);
    uint32_t base = add(w, "base-1", BASE);
    need(w, outer, inner);
    need(w, outer, other);
    need(w, inner, base);
    return w;
}

static struct span text_of(const struct warning *w)
{
    return jcs_text(&arena, warning_body(&arena, w));
}

static int read_text(struct span text, struct warning *out, struct err *e)
{
    struct jcs *tree = NULL;
    int rc = jcs_read(&arena, text, 16, &tree, e);
    return rc < 0 ? rc : warning_read(tree, &arena, out, e);
}

static struct sigma_set *load(const char *ours, struct span file)
{
    struct sigma_loader *l = sigma_loader_new();
    sigma_loader_file(l, SPAN("own.yml"), span_of(ours));
    sigma_loader_foreign(l, SPAN("federation/w/0.yml"), file);
    struct sigma_set *set = sigma_loader_finish(l);
    sigma_loader_free(&l);
    if (set->refused.len > 0) {
        fail_msg("%.*s\n%.*s", SPAN_ARG(set->refused.data[0].reason), SPAN_ARG(file));
    }
    return set;
}

static const struct sigma_rule *loaded(const struct sigma_set *set, const char *id)
{
    for (size_t i = 0; i < set->rules.len + set->correlations.len; i++) {
        const struct sigma_rule *r = i < set->rules.len ? set->rules.data[i]
                                                        : &set->correlations.data[i - set->rules.len]->meta;
        if (span_eq(r->id, span_of(id))) {
            return r;
        }
    }
    fail_msg("%s is not loaded", id);
    return NULL;
}

static void comes_whole(void **state)
{
    (void)state;
    struct err e = {0};
    struct buf files;
    struct warning *out = arena_alloc(&arena, sizeof *out);
    struct span text = text_of(chained());
    if (read_text(text, out, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_true(span_eq(text, text_of(out)));
    assert_int_equal(out->nrules, 4);
    assert_int_equal(warning_nfiles(out), 1);
    assert_int_equal(warning_file_of(out, 0), 0);
    assert_int_equal(warning_file_of(out, 1), UINT32_MAX);
    buf_init(&files, WARNING_FILES_BYTES);
    assert_true(warning_files(out, &files));
    struct cursor c = cursor_of(buf_view(&files));
    assert_int_equal(cursor_u32(&c), 1);
    assert_true(span_eq(cursor_str(&c), SPAN("0.yml")));
    assert_true(span_eq(cursor_str(&c), SPAN("outer")));
    struct span file = cursor_str(&c);
    assert_true(cursor_done(&c));

    /* in a house that has one of the rules, loud, and another of that name */
    struct sigma_set *set = load(BASE "\n---\ntitle: Ours\nid: ours\nname: let_in\nlogsource: {product: linux}\n"
                                      "detection: {s: {message: z}, condition: s}\n", file);
    assert_int_equal(set->rules.len, 4);
    assert_int_equal(set->correlations.len, 2);
    assert_false(loaded(set, "base-1")->quiet);
    assert_false(loaded(set, "base-1")->foreign);
    assert_false(loaded(set, "ours")->quiet);
    assert_true(loaded(set, "federation/w/0.yml:base-1")->quiet);
    assert_true(loaded(set, "base-2")->quiet);
    assert_true(loaded(set, "inner")->quiet);
    assert_false(loaded(set, "outer")->quiet);
    assert_string_not_equal(loaded(set, "base-1")->hash, loaded(set, "federation/w/0.yml:base-1")->hash);
    sigma_set_free(&set);
    buf_free(&files);
}

/* Two correlations over one rule: two files, each whole. */
static void one_rule_in_two_files(void **state)
{
    (void)state;
    struct warning *w = empty();
    struct buf files;
    uint32_t base = add(w, "base-1", BASE);
    uint32_t one = add(w, "inner", INNER);
    uint32_t two = add(w, "second", "title: Second\nid: second\ncorrelation: {type: event_count, rules: [base-1], "
                                    "timespan: 1m, condition: {gte: 2}}\n");
    need(w, one, base);
    need(w, two, base);
    assert_int_equal(warning_nfiles(w), 2);
    buf_init(&files, WARNING_FILES_BYTES);
    assert_true(warning_files(w, &files));
    struct cursor c = cursor_of(buf_view(&files));
    struct sigma_loader *l = sigma_loader_new();
    assert_int_equal(cursor_u32(&c), 2);
    for (int i = 0; i < 2; i++) {
        struct span name = cursor_str(&c);
        (void)cursor_str(&c);
        sigma_loader_foreign(l, name, cursor_str(&c));
    }
    struct sigma_set *set = sigma_loader_finish(l);
    sigma_loader_free(&l);
    assert_int_equal(set->refused.len, 0);
    assert_int_equal(set->correlations.len, 2);
    assert_int_equal(set->rules.len, 2);
    sigma_set_free(&set);
    buf_free(&files);
}

static void circle(struct warning *w)
{
    need(w, 3, 0);
}

static void itself(struct warning *w)
{
    need(w, 1, 1);
}

static void the_same_id(struct warning *w)
{
    w->rules[2].id = w->rules[3].id;
}

static void a_long_chain(struct warning *w)
{
    for (uint32_t i = 0; i < WARNING_CHAIN_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "more-%u", i);
        uint32_t above = add(w, id, INNER);
        need(w, above, i == 0 ? 0 : above - 1);
    }
}

static void five_files(struct warning *w)
{
    for (uint32_t i = 0; i < WARNING_FILES_MAX; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "more-%u", i);
        (void)add(w, id, INNER);
    }
}

/* Each rule is small enough, and so is the envelope; its files would not be. */
static void too_much(struct warning *w)
{
    char *yaml = arena_bytes(&arena, WARNING_YAML_MAX);
    memset(yaml, 'x', WARNING_YAML_MAX);
    yaml[WARNING_YAML_MAX - 1] = '\0';
    for (uint32_t i = 0; i < 6; i++) {
        char id[16];
        (void)snprintf(id, sizeof id, "more-%u", i);
        need(w, 0, add(w, id, yaml));
    }
    add(w, "second", INNER);
    need(w, w->nrules - 1, 4);
}

static const struct {
    void (*spoil)(struct warning *w);
    const char *says;
} spoilt[] = {
    {circle, "circle"}, {itself, "circle"}, {the_same_id, "has the id"}, {a_long_chain, "chain"},
    {five_files, "that none joins"}, {too_much, "bytes"},
};

static void hostile_sets_are_refused_when_they_come(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        struct err e = {0};
        struct warning *w = chained();
        struct warning *out = arena_alloc(&arena, sizeof *out);
        spoilt[i].spoil(w);
        if (read_text(text_of(w), out, &e) != ERR_INVALID || strstr(e.text, spoilt[i].says) == NULL) {
            fail_msg("%s: %s", spoilt[i].says, e.text);
        }
    }
}

static struct span list_of(uint32_t count, const char *id)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    for (uint32_t i = 0; i < count; i++) {
        buf_printf(&b, "%s\"%s%u\"", i > 0 ? "," : "", id, i);
    }
    struct span s = arena_copy(&arena, buf_view(&b));
    buf_free(&b);
    return s;
}

static void hostile_texts_are_refused_when_they_come(void **state)
{
    (void)state;
    const struct span many = list_of(WARNING_NEEDS_MAX + 1, "r");
    const char *const bad[] = {
        "[]", "{}", "null", "1", "[1]", "[\"\"]", "[\"base-9\"]", "[\"inner\",\"inner\"]", "[[\"inner\"]]",
        arena_printf(&arena, "[%.*s]", SPAN_ARG(many)),
    };
    struct span good = text_of(chained());
    struct span from = SPAN("[\"inner\",\"base-2\"]");
    const char *at = memmem(good.ptr, good.len, from.ptr, from.len);
    assert_non_null(at);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = {0};
        struct warning *out = arena_alloc(&arena, sizeof *out);
        const char *text = arena_printf(&arena, "%.*s%s%s", (int)(at - good.ptr), good.ptr, bad[i], at + from.len);
        if (read_text(span_of(text), out, &e) != ERR_INVALID || e.text[0] == '\0') {
            fail_msg("taken: %s", bad[i]);
        }
    }
    struct warning *w = empty(); /* one rule more than there may be */
    for (uint32_t i = 0; i < WARNING_RULES_MAX; i++) {
        (void)add(w, arena_printf(&arena, "r%u", i), INNER);
    }
    struct span full = text_of(w);
    const char *one = strstr(full.ptr, "{\"hash\"");
    assert_non_null(one);
    struct err e = {0};
    struct warning *out = arena_alloc(&arena, sizeof *out);
    const char *next = strstr(one + 1, "{\"hash\"");
    assert_non_null(next);
    const char *text = arena_printf(&arena, "%.*s%.*s%s", (int)(one - full.ptr), full.ptr, (int)(next - one), one, one);
    assert_int_equal(read_text(span_of(text), out, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "at most"));
}

/* ---- what the hub makes of its own rules ---- */

static void put_rule(struct buf *b, const char *id, const char *yaml, bool asked, const char *joins)
{
    buf_str(b, span_of(id));
    buf_str(b, SPAN("a title"));
    buf_str(b, span_of(yaml));
    buf_u8(b, asked);
    buf_str(b, span_of(joins));
}

static struct warning *made_of(struct buf *b, uint32_t n)
{
    struct warning *w = empty();
    watch_rules_take(w, cursor_of(buf_view(b)), n, &arena);
    struct err e = {0};
    struct warning *out = arena_alloc(&arena, sizeof *out);
    if (read_text(text_of(w), out, &e) != 0) { /* what is told can be taken */
        fail_msg("%s", e.text);
    }
    return w;
}

static void told_whole_or_not_at_all(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4 << 20);
    put_rule(&b, "outer", OUTER, true, "inner\nbase-2");
    put_rule(&b, "inner", INNER, false, "base-1");
    put_rule(&b, "base-2", OTHER, false, "");
    put_rule(&b, "base-1", BASE, false, "");
    struct warning *w = made_of(&b, 4);
    assert_int_equal(w->nrules, 4);
    assert_int_equal(warning_nfiles(w), 1);
    assert_true(span_eq(text_of(w), text_of(chained())));
    w = made_of(&b, 3); /* one that it joins is not known here */
    assert_int_equal(w->nrules, 0);
    buf_clear(&b);
    put_rule(&b, "base-2", OTHER, true, "");
    put_rule(&b, "inner", INNER, true, "base-1");
    w = made_of(&b, 2); /* the plain one goes by itself */
    assert_int_equal(w->nrules, 1);
    assert_true(span_eq(w->rules[0].id, SPAN("base-2")));
    char *yaml = arena_bytes(&arena, WARNING_YAML_MAX + 2);
    memset(yaml, 'x', WARNING_YAML_MAX + 1);
    put_rule(&b, "base-1", yaml, false, "");
    w = made_of(&b, 3); /* so it does when a text is too long */
    assert_int_equal(w->nrules, 1);
    w = made_of(&b, 9); /* a broken answer */
    assert_int_equal(w->nrules, 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(comes_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_rule_in_two_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_sets_are_refused_when_they_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(hostile_texts_are_refused_when_they_come, set_up, tear_down),
        cmocka_unit_test_setup_teardown(told_whole_or_not_at_all, set_up, tear_down),
    };
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests_name("warning joins", tests, NULL, NULL);
}
