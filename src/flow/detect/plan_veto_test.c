/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a condition excludes keeps its rule from being tried where that is found (plan_anchor.c, plan_vetoes): only there, and
 * never where the condition holds. Verdicts in general are compared by plan_random_test and plan_data_test.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/detect/plan_kit.h"

static const char *const fields[] = {"Image", "CommandLine", "User", NULL};
static const struct kit_class classes[] = {{.name = "win", .sources = {{.product = {"windows", 7}}}, .nsources = 1}};

struct outcome {
    uint64_t tried;
    uint32_t matches;
};

static struct outcome run(struct kit *k, const char *json)
{
    struct matcher_stats before;
    struct matcher_stats after;
    const struct match *found;
    matcher_stats(k->m, &before);
    uint32_t n = matcher_run(k->m, kit_event(k, span_of(json), 0), &found);
    matcher_stats(k->m, &after);
    return (struct outcome){after.candidates - before.candidates, n};
}

/* A rule of this condition alone. */
static void make(struct kit *k, const struct sigma_node *(*build)(struct kit *k))
{
    kit_init(k, fields, classes, 1);
    (void)kit_rule(k, "one", (struct logsource){.product = SPAN("windows")}, build(k));
    kit_compile(k, NULL);
}

/* Neither an ending nor a whole value: nothing must be found for it to hold. */
static const struct sigma_node *odd_image(struct kit *k)
{
    return kit_and(k, kit_not(k, kit_string(k, "Image", "*.exe")), kit_not(k, kit_string(k, "Image", "c:\\\\windows\\\\*")));
}

/* Common, and with a common exception beside one that takes two questions to be sure. */
static const struct sigma_node *known_image(struct kit *k)
{
    return kit_and(k, kit_string(k, "Image", "*\\\\svchost.exe"),
                   kit_and(k, kit_not(k, kit_string(k, "Image", "c:\\\\windows\\\\system32\\\\*")),
                           kit_not(k, kit_and(k, kit_string(k, "Image", "*.exe"), kit_string(k, "User", "system")))));
}

static const struct sigma_node *cased_image(struct kit *k)
{
    return kit_not(k, kit_string_span(k, "Image", SPAN("*.exe"), true));
}

static void an_exclusion_found_keeps_the_rule_asleep(void **state)
{
    static const struct {
        const struct sigma_node *(*build)(struct kit *k);
        const char *json;
        struct outcome want;
    } cases[] = {
        {odd_image, "{\"Image\":\"d:\\\\a.exe\"}", {0, 0}},
        {odd_image, "{\"Image\":\"d:\\\\A.EXE\"}", {0, 0}},
        {odd_image, "{\"Image\":\"c:\\\\windows\\\\a.dat\"}", {0, 0}},
        {odd_image, "{\"Image\":\"d:\\\\a.exe.dat\"}", {1, 1}},
        {odd_image, "{\"Image\":\"d:\\\\c:\\\\windows\\\\a\"}", {1, 1}},
        {odd_image, "{\"Image\":[\"d:\\\\a.dat\",\"d:\\\\a.exe\"]}", {0, 0}},
        {odd_image, "{\"Image\":[\"d:\\\\a.dat\",\"d:\\\\b.dat\"]}", {1, 1}},
        {odd_image, "{\"Image\":null}", {1, 1}},
        {odd_image, "{\"User\":\"d:\\\\a.exe\"}", {1, 1}},
        {known_image, "{\"Image\":\"c:\\\\windows\\\\system32\\\\svchost.exe\"}", {0, 0}},
        {known_image, "{\"Image\":\"c:\\\\temp\\\\svchost.exe\"}", {1, 1}},
        {known_image, "{\"Image\":\"c:\\\\temp\\\\svchost.exe\",\"User\":\"system\"}", {1, 0}},
        {known_image, "{\"Image\":\"c:\\\\temp\\\\svchost.exe\",\"User\":\"x\"}", {1, 1}},
        {cased_image, "{\"Image\":\"d:\\\\a.EXE\"}", {1, 1}},
        {cased_image, "{\"Image\":\"d:\\\\a.exe\"}", {1, 0}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct kit k;
        make(&k, cases[i].build);
        for (int again = 0; again < 3; again++) { /* the first time from the text, then from what is remembered of it */
            struct outcome got = run(&k, cases[i].json);
            if (got.tried != cases[i].want.tried || got.matches != cases[i].want.matches) {
                fail_msg("%zu: %s: tried %u, %u matches", i, cases[i].json, (unsigned)got.tried, got.matches);
            }
        }
        kit_fini(&k);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(an_exclusion_found_keeps_the_rule_asleep)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
