/* SPDX-License-Identifier: EUPL-1.2 */
/* When a rule has used too much: the share, to the edge. What leads there is in tests/node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roles/rule_share.h"

static void share_has_edges(void **state)
{
    (void)state;
    const time_ns five = 5 * TIME_SECOND;
    const uint64_t half = (uint64_t)five / 200 * RULE_SHARE_PERCENT; /* of the share, when the intake had half a core */
    const struct {
        struct rule_use use;
        bool over;
    } cases[] = {
        {{0, 0, five, five}, false},
        {{half, 1, five / 2, five}, false},
        {{half + 1, 1, five / 2, five}, true},
        {{half + 1, 1, five, five}, false},                                  /* the intake had more */
        {{half + 1, (half + 1) / RULE_SLOW_NS + 1, five / 2, five}, false}, /* often, but quick */
        {{half + 1, (half + 1) / RULE_SLOW_NS - 1, five / 2, five}, true},
        {{(uint64_t)five / 100 * RULE_CORE_PERCENT, 1, five / 100, five}, false}, /* an idle node */
        {{(uint64_t)five / 100 * RULE_CORE_PERCENT + 1, 1, five / 100, five}, true},
        {{UINT64_MAX, 1, 0, 0}, false}, /* no time, no share */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (rule_over_share(&cases[i].use) != cases[i].over) {
            fail_msg("case %zu", i);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(share_has_edges)};
    return cmocka_run_group_tests_name("intake cost", tests, NULL, NULL);
}
