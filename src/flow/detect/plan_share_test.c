/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Groups of two classes that look for nearly the same literals share one table (plan_share.c), and each wakes its own rules only;
 * keywords of a chain's classes are looked for at once (plan_raw.c).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow/detect/plan.h"
#include "flow/detect/plan_kit.h"

enum { CLASS_A, CLASS_B, CLASS_FAR, CLASSES, BOTH = 560, OWN = 20, FAR = 600, RULES = BOTH + 2 * OWN + FAR };

static const char *const fields[] = {"F", "G", NULL};
static const struct kit_class classes[CLASSES] = {
    {.name = "a", .sources = {{.product = {"p", 1}, .service = {"a", 1}}}, .nsources = 1},
    {.name = "b", .sources = {{.product = {"p", 1}, .service = {"b", 1}}}, .nsources = 1},
    {.name = "far", .sources = {{.product = {"q", 1}}}, .nsources = 1},
};

/* Of which class a rule is, beside those of both: then CLASSES. */
static unsigned class_of(unsigned rule)
{
    return rule < BOTH ? CLASSES : rule < BOTH + OWN ? CLASS_A : rule < BOTH + 2 * OWN ? CLASS_B : CLASS_FAR;
}

static void literal(unsigned rule, char out[32])
{
    (void)snprintf(out, 32, "%c%clit%04ukj", 'a' + rule % 26, 'a' + rule / 26 % 26, rule);
}

static void make(struct kit *k)
{
    static const struct logsource sources[] = {
        [CLASS_A] = {.product = {"p", 1}, .service = {"a", 1}}, [CLASS_B] = {.product = {"p", 1}, .service = {"b", 1}},
        [CLASS_FAR] = {.product = {"q", 1}}, [CLASSES] = {.product = {"p", 1}}};
    kit_init(k, fields, classes, CLASSES);
    for (unsigned i = 0; i < RULES; i++) {
        char text[32];
        char pattern[40];
        literal(i, text);
        (void)snprintf(pattern, sizeof pattern, "%s%s%s", i % 3 == 1 ? "" : "*", text, i % 3 == 2 ? "" : "*");
        (void)kit_rule(k, "r", sources[class_of(i)], kit_string(k, "F", pattern));
    }
    kit_compile(k, NULL);
}

static const struct plan_group *group_of(const struct kit *k, class_id cls)
{
    const struct plan *plan = k->rs->chains[cls].stages[0].whole;
    assert_int_equal(plan->ngroups, 1);
    return &plan->groups[0];
}

static void groups_that_look_for_nearly_the_same_share_a_table(void **state)
{
    (void)state;
    struct kit k;
    make(&k);
    const struct plan_group *a = group_of(&k, CLASS_A);
    const struct plan_group *b = group_of(&k, CLASS_B);
    assert_ptr_equal(a->set, b->set);
    assert_int_equal(a->set->n, BOTH + 2 * OWN);
    assert_ptr_not_equal(a->set_wakes, b->set_wakes);
    assert_ptr_not_equal(group_of(&k, CLASS_FAR)->set, a->set);
    kit_fini(&k);
}

static void each_class_wakes_its_own_rules(void **state)
{
    (void)state;
    struct kit k;
    make(&k);
    for (unsigned i = 0; i < RULES; i++) {
        for (class_id cls = 0; cls < CLASSES; cls++) {
            char text[32];
            char json[64];
            literal(i, text);
            (void)snprintf(json, sizeof json, "{\"F\":\"%s\"}", text);
            bool want = class_of(i) == cls || (class_of(i) == CLASSES && cls != CLASS_FAR);
            for (int again = 0; again < 2; again++) { /* from the text, then from what is remembered of it */
                struct event *ev = kit_event(&k, span_of(json), cls);
                assert_int_equal(kit_matches(&k, ev, i), want);
                assert_int_equal(kit_reference(&k, ev, i), want);
            }
        }
    }
    kit_fini(&k);
}

/* More literals of the other class in one value than the memo has room for, then one of its own. */
static void what_only_the_other_looks_for_does_not_crowd_out(void **state)
{
    (void)state;
    struct kit k;
    char json[1024] = "{\"F\":\"";
    size_t at = strlen(json);
    make(&k);
    for (unsigned i = BOTH + OWN; i < BOTH + 2 * OWN; i++) {
        char text[32];
        literal(i, text);
        at += (size_t)snprintf(json + at, sizeof json - at, "%s ", text);
    }
    char own[32];
    unsigned rule = BOTH + (3 - BOTH % 3) % 3; /* one that may stand anywhere */
    literal(rule, own);
    (void)snprintf(json + at, sizeof json - at, "%s.\"}", own);
    for (int again = 0; again < 3; again++) {
        struct event *ev = kit_event(&k, span_of(json), CLASS_A);
        const struct match *found;
        assert_int_equal(matcher_run(k.m, ev, &found), 1);
        assert_int_equal(found[0].rule, rule);
        assert_true(kit_reference(&k, ev, rule));
    }
    kit_fini(&k);
}

/* Of three classes in a chain each has keywords of its own; a record is looked through once, and each still finds its own. */
static void keywords_of_a_chain_are_looked_for_at_once(void **state)
{
    (void)state;
    static const struct kit_class chain[] = {
        {.name = "x", .sources = {{.product = {"p", 1}, .service = {"x", 1}}}, .nsources = 1, .also = "y"},
        {.name = "y", .sources = {{.product = {"p", 1}, .service = {"y", 1}}}, .nsources = 1, .also = "z"},
        {.name = "z", .sources = {{.product = {"p", 1}, .service = {"z", 1}}}, .nsources = 1},
    };
    static const char *const words[] = {"firstword", "secondword", "thirdword"};
    struct kit k;
    kit_init(&k, fields, chain, ARRAY_LEN(chain));
    for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
        char pattern[32];
        (void)snprintf(pattern, sizeof pattern, "*%s*", words[i]);
        (void)kit_rule(&k, "r", chain[i].sources[0], kit_string(&k, "", pattern));
    }
    kit_compile(&k, NULL);
    assert_non_null(k.rs->chains[0].raw);
    assert_non_null(k.rs->chains[1].raw);
    assert_null(k.rs->chains[2].raw); /* its own set has one */
    for (unsigned which = 0; which < 1u << ARRAY_LEN(words); which++) {
        char json[64];
        (void)snprintf(json, sizeof json, "{\"F\":\"a %s\",\"G\":\"%s b\",\"H\":\"%s\"}", (which & 1) != 0 ? "FirstWord" : "first",
                       (which & 2) != 0 ? words[1] : "second", (which & 4) != 0 ? words[2] : "third");
        for (class_id cls = 0; cls < ARRAY_LEN(chain); cls++) {
            struct event *ev = kit_event(&k, span_of(json), cls);
            for (unsigned i = 0; i < ARRAY_LEN(words); i++) {
                bool want = (which >> i & 1) != 0 && i >= cls;
                assert_int_equal(kit_matches(&k, ev, i), want);
                assert_int_equal(kit_reference(&k, ev, i), want);
            }
        }
    }
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(groups_that_look_for_nearly_the_same_share_a_table),
                                       cmocka_unit_test(each_class_wakes_its_own_rules),
                                       cmocka_unit_test(what_only_the_other_looks_for_does_not_crowd_out),
                                       cmocka_unit_test(keywords_of_a_chain_are_looked_for_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
