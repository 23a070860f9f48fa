/* SPDX-License-Identifier: EUPL-1.2 */
/* The table of windows: how far a look-up has to go, for literals that begin alike as those of real rules do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "flow/detect/plan.h"
#include "flow/detect/plan_kit.h"

enum { LITERALS = 600, STEPS_MAX = 4 };

static const char *const fields[] = {"F", NULL};
static const struct kit_class classes[] = {{.name = "c", .sources = {{.product = {"p", 1}}}, .nsources = 1}};

static const struct plan_set *the_set(const struct kit *k)
{
    const struct plan *plan = k->rs->chains[0].stages[0].whole;
    assert_int_equal(plan->ngroups, 1);
    assert_non_null(plan->groups[0].set);
    return plan->groups[0].set;
}

/* Slots looked at to find each window that the table holds, on average. */
static double mean_steps(const struct plan_grams *t)
{
    uint64_t steps = 0;
    uint64_t held = 0;
    for (uint32_t s = 0; s <= t->mask; s++) {
        if (t->slots[s].n == 0) {
            continue;
        }
        uint32_t from = t->slots[s].hash >> t->slot_shift;
        assert_true(from <= t->mask);
        steps += ((s - from) & t->mask) + 1;
        held++;
    }
    assert_true(held > 0);
    return (double)steps / (double)held;
}

static void windows_that_begin_alike_lie_apart(void **state)
{
    (void)state;
    struct kit k;
    char text[64];
    kit_init(&k, fields, classes, ARRAY_LEN(classes));
    for (unsigned i = 0; i < LITERALS; i++) {
        (void)snprintf(text, sizeof text, "*ab%c%ccd%c%cef*", 'a' + i % 26, 'a' + i / 26, 'z' - i % 26, 'a' + i / 26);
        (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")}, kit_string(&k, "F", text));
    }
    kit_compile(&k, NULL);
    const struct plan_set *set = the_set(&k);
    assert_true(set->inside[0].step > 0);
    assert_true(mean_steps(&set->inside[0]) < STEPS_MAX);
    kit_fini(&k);
}

/* Many literals of seven to ten bytes: found wherever they stand, up to both ends of a text, and not when a byte is another. */
static void many_literals_are_found_by_windows(void **state)
{
    (void)state;
    enum { PLACES = 8, SHORTEST = 7, LENGTHS = 4 };
    struct kit k;
    char texts[LITERALS][16];
    kit_init(&k, fields, classes, ARRAY_LEN(classes));
    for (unsigned i = 0; i < LITERALS; i++) {
        char pattern[32];
        uint64_t letters = (i + 1) * UINT64_C(0x9E3779B97F4A7C15);
        for (unsigned c = 0; c < SHORTEST + i % LENGTHS; c++, letters /= 26) {
            texts[i][c] = (char)('a' + letters % 26);
        }
        texts[i][SHORTEST + i % LENGTHS] = 0;
        (void)snprintf(pattern, sizeof pattern, "*%.15s*", texts[i]);
        (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")}, kit_string(&k, "F", pattern));
    }
    kit_compile(&k, NULL);
    assert_null(the_set(&k)->inside[0].masks);
    for (unsigned i = 0; i < LITERALS; i++) {
        for (int at = 0; at < PLACES; at++) {
            char json[64];
            (void)snprintf(json, sizeof json, "{\"F\":\"%.*s%.15s%.*s\"}", at, "........", texts[i], (int)(i % 5), "....");
            struct event *ev = kit_event(&k, span_of(json), 0);
            assert_true(kit_matches(&k, ev, i));
            char *last = strrchr(json, texts[i][strlen(texts[i]) - 1]);
            *last = '_';
            ev = kit_event(&k, span_of(json), 0);
            assert_false(kit_matches(&k, ev, i));
        }
    }
    kit_fini(&k);
}

/* Literals that masks find: at each place of a text, up to its very end, and not when one byte is another. */
static void few_literals_are_found_by_masks(void **state)
{
    (void)state;
    enum { FEW = 12, LONGEST = 150 };
    struct kit k;
    kit_init(&k, fields, classes, ARRAY_LEN(classes));
    for (unsigned i = 0; i < FEW; i++) {
        char text[64];
        (void)snprintf(text, sizeof text, "*zqx%02ukjv%u*", i, i * 7);
        (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")}, kit_string(&k, "F", text));
    }
    kit_compile(&k, NULL);
    assert_non_null(the_set(&k)->inside[0].masks);
    for (unsigned i = 0; i < FEW; i++) {
        for (int at = 0; at < LONGEST; at++) {
            for (int wrong = 0; wrong < 2; wrong++) {
                char json[2 * LONGEST + 64];
                (void)snprintf(json, sizeof json, "{\"F\":\"%.*s%s%02ukjv%u%.*s\"}", at, "zqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjv"
                               "zqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjvzqxkjv",
                               wrong == 0 ? "ZQX" : "ZQY", i, i * 7, at % 3, "..");
                struct event *ev = kit_event(&k, span_of(json), 0);
                bool found = kit_matches(&k, ev, i);
                assert_int_equal(found, wrong == 0);
                assert_int_equal(found, kit_reference(&k, ev, i));
            }
        }
    }
    kit_fini(&k);
}

/* Each literal's windows are those that logs hold least: the end here, not the path; and of two texts in base64 the rarer one. */
static void rare_windows_are_chosen(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        uint32_t from; /* none of its windows begins before */
    } cases[] = {
        {"*c:\\\\windows\\\\system32\\\\zqxvkjq*", 17},
        {"*zqxvkjq\\\\windows\\\\system32*", 0},
        {"*powershell.exe -zqxvkjq*", 13},
        /* "eeeeezzzzz" in UTF-16: e is met all the time, z is not. */
        {"*zqblaguazqblahoaegb6ahoaega*", 12},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit k;
        kit_init(&k, fields, classes, ARRAY_LEN(classes));
        (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")}, kit_string(&k, "F", cases[i].pattern));
        for (unsigned other = 0; other < 8; other++) { /* a single literal would be searched for directly */
            char text[64];
            (void)snprintf(text, sizeof text, "*otherjkq%u*", other);
            (void)kit_rule(&k, "o", (struct logsource){.product = SPAN("p")}, kit_string(&k, "F", text));
        }
        kit_compile(&k, NULL);
        const struct plan_set *set = the_set(&k);
        const struct plan_grams *t = &set->inside[0];
        size_t seen = 0;
        for (uint32_t s = 0; s <= t->mask; s++) {
            for (uint32_t r = 0; r < t->slots[s].n; r++) {
                const struct plan_gram_ref *ref = &t->refs[t->slots[s].first + r];
                if (!span_starts(set->literals[ref->literal].text, SPAN("otherjkq"))) {
                    assert_true(ref->offset >= cases[i].from && ref->offset < cases[i].from + 8);
                    seen++;
                }
            }
        }
        assert_int_equal(seen, t->step);
        kit_fini(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_that_begin_alike_lie_apart),
        cmocka_unit_test(many_literals_are_found_by_windows),
        cmocka_unit_test(few_literals_are_found_by_masks),
        cmocka_unit_test(rare_windows_are_chosen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
