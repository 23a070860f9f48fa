/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Rows of literals asked as one question (plan_steps.c, match_list.c): which rows become lists, and that a list holds exactly
 * where one of its literals does. Verdicts in general are compared by plan_random_test and plan_data_test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow/detect/match_priv.h"
#include "flow/detect/plan_kit.h"

enum { ROW_MAX = 200, TEXT_MAX = 400 };

static const char *const fields[] = {"f", "g", NULL};
static const struct kit_class classes[] = {{.name = "c", .sources = {{.product = {"p", 1}}}, .nsources = 1}};

static const struct sigma_node *row_of(struct kit *k, enum sigma_node_kind kind, const char *field, const char *const *patterns,
                                       bool negate)
{
    const struct sigma_node *kids[ROW_MAX];
    uint32_t n = 0;
    for (; patterns[n] != NULL; n++) {
        kids[n] = kit_string(k, field, patterns[n]);
        kids[n] = negate ? kit_not(k, kids[n]) : kids[n];
    }
    return kit_join(k, kind, kids, n);
}

/* Steps and lists of the one rule. */
struct shape {
    uint32_t steps;
    uint32_t lists;
};

static struct shape shape_of(const struct kit *k)
{
    struct shape s = {.steps = k->rs->nsteps};
    for (uint32_t i = 0; i < k->rs->npreds; i++) {
        s.lists += k->rs->preds[i].op == OP_LIST;
    }
    return s;
}

static const char *const three[] = {"*one*", "*two*", "*six*", NULL};
static const char *const two[] = {"*one*", "*two*", NULL};
static const char *const mixed[] = {"*one*", "*two*", "*six*", "a", "b*", "*\\\\c.exe", "x*y", NULL};
static const char *const tiny[] = {"*ab*", "*cd*", "*ef*", NULL};

/* A row's kids, and the root: what a condition takes. */
static void rows_become_lists(void **state)
{
    static const struct {
        enum sigma_node_kind kind;
        const char *const *patterns;
        bool negate;
        struct shape want;
    } cases[] = {
        {NODE_OR, three, false, {1, 1}},  {NODE_OR, two, false, {3, 0}},   {NODE_AND, three, false, {4, 0}},
        {NODE_AND, three, true, {1, 1}},  {NODE_OR, three, true, {4, 0}},  {NODE_OR, mixed, false, {4, 2}},
        {NODE_OR, tiny, false, {4, 0}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit k;
        kit_init(&k, fields, classes, 1);
        (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")},
                       row_of(&k, cases[i].kind, "f", cases[i].patterns, cases[i].negate));
        kit_compile(&k, NULL);
        struct shape got = shape_of(&k);
        if (got.steps != cases[i].want.steps || got.lists != cases[i].want.lists) {
            fail_msg("%zu: %u steps, %u lists", i, got.steps, got.lists);
        }
        kit_fini(&k);
    }
}

/* Rows inside rows of the same kind are one; two rules with the same row, in any order, share the list. */
static void rows_are_joined_and_shared(void **state)
{
    static const char *const turned[] = {"*six*", "*one*", "*two*", NULL};
    struct kit k;
    (void)state;
    kit_init(&k, fields, classes, 1);
    struct logsource p = {.product = SPAN("p")};
    (void)kit_rule(&k, "a", p, kit_or(&k, kit_string(&k, "f", "*one*"), kit_or(&k, kit_string(&k, "f", "*two*"), kit_string(&k, "f", "*six*"))));
    (void)kit_rule(&k, "b", p, row_of(&k, NODE_OR, "f", turned, false));
    (void)kit_rule(&k, "c", p, row_of(&k, NODE_OR, "g", turned, false));
    kit_compile(&k, NULL);
    struct shape got = shape_of(&k);
    assert_int_equal(got.lists, 2);
    assert_int_equal(got.steps, 3);
    kit_fini(&k);
}

static uint64_t seed = 1;

static uint32_t below(uint32_t n)
{
    seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)((seed >> 33) % n);
}

static size_t put_letters(char *out, size_t n)
{
    static const char letters[] = "abcABC-/. ";
    for (size_t i = 0; i < n; i++) {
        out[i] = letters[below(sizeof letters - 1)];
    }
    return n;
}

/* Patterns that begin, end, are or stand in a text of few letters. */
static const struct sigma_node *random_row(struct kit *k, bool negate)
{
    const struct sigma_node *kids[ROW_MAX];
    uint32_t n = 1 + below(ROW_MAX);
    for (uint32_t i = 0; i < n; i++) {
        char text[16];
        size_t at = 0;
        unsigned shape = below(8); /* the most of them inside */
        if (shape != 1 && shape != 2) {
            text[at++] = '*';
        }
        at += put_letters(text + at, 3 + below(7));
        if (shape != 0 && shape != 2) {
            text[at++] = '*';
        }
        const struct sigma_node *kid = kit_string_span(k, below(8) == 0 ? "g" : "f", span_make(text, at), below(20) == 0);
        kids[i] = negate ? kit_not(k, kid) : kid;
    }
    return kit_join(k, negate ? NODE_AND : NODE_OR, kids, n);
}

static struct event *random_event(struct kit *k, char *json)
{
    char text[TEXT_MAX + 1];
    size_t n = put_letters(text, below(below(3) == 0 ? TEXT_MAX : 12));
    text[n] = '\0';
    char other[9];
    other[put_letters(other, 8)] = '\0';
    int len = snprintf(json, 2 * TEXT_MAX, "{\"f\":[\"%s\",null,\"%s\"],\"g\":\"%s\"}", other, text, other);
    return kit_event(k, span_make(json, (size_t)len), 0);
}

static void a_list_holds_where_one_of_it_does(void **state)
{
    uint32_t held = 0;
    uint32_t failed = 0;
    (void)state;
    for (unsigned round = 0; round < 40; round++) {
        struct kit k;
        char json[2 * TEXT_MAX];
        kit_init(&k, fields, classes, 1);
        for (uint32_t r = 0; r < 6; r++) {
            (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")}, random_row(&k, r % 2 == 1));
        }
        kit_compile(&k, NULL);
        for (unsigned i = 0; i < 60; i++) {
            struct event *ev = random_event(&k, json);
            for (uint32_t r = 0; r < 6; r++) {
                bool want = kit_reference(&k, ev, r);
                held += want;
                failed += !want;
                if (kit_matches(&k, ev, r) != want) {
                    fail_msg("round %u, rule %u: %d wanted: %s", round, r, want, json);
                }
            }
        }
        kit_fini(&k);
    }
    assert_true(held > 1000 && failed > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_become_lists), cmocka_unit_test(rows_are_joined_and_shared),
                                       cmocka_unit_test(a_list_holds_where_one_of_it_does)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
