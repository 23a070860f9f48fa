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
        uint32_t from = plan_gram_hash(t->slots[s].gram) >> t->slot_shift;
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(windows_that_begin_alike_lie_apart)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
