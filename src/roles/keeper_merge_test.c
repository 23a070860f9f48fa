/* SPDX-License-Identifier: EUPL-1.2 */
/* How large the next stretch may be, by how long the last commit held the loop. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "roles/keeper_merge.h"

enum { MS = 1000000 };

static void test_table(void **state)
{
    (void)state;
    static const struct {
        unsigned now, want;
        time_ns held;
    } rows[] = {
        {3, 2, 0},
        {3, 2, (time_ns)(MERGE_HOLD_MS / 4) * MS - 1},
        {3, 3, (time_ns)(MERGE_HOLD_MS / 4) * MS},
        {3, 3, (time_ns)MERGE_HOLD_MS * MS},
        {3, 4, (time_ns)MERGE_HOLD_MS * MS + 1},
        {0, 0, 0},
        {0, 1, (time_ns)3600 * TIME_SECOND},
        {MERGE_HALVINGS_MAX, MERGE_HALVINGS_MAX, INT64_MAX},
        {MERGE_HALVINGS_MAX, MERGE_HALVINGS_MAX - 1, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(keeper_merge_halvings(rows[i].now, rows[i].held), rows[i].want);
    }
}

/* A disk on which each MiB of a stretch holds the loop for so long: after a few commits none is over what may be. */
static void test_settles(void **state)
{
    (void)state;
    const time_ns per_mib[] = {10, MS / 10, MS, 3 * MS, 10 * MS, 50 * MS, 199 * MS};
    for (size_t i = 0; i < sizeof per_mib / sizeof per_mib[0]; i++) {
        unsigned halvings = MERGE_HALVINGS_FIRST;
        for (int n = 0; n < 100; n++) {
            time_ns held = per_mib[i] * (time_ns)((MERGE_STRETCH_BYTES >> halvings) >> 20);
            assert_true(n < MERGE_HALVINGS_MAX || held <= (time_ns)MERGE_HOLD_MS * MS);
            halvings = keeper_merge_halvings(halvings, held);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_table), cmocka_unit_test(test_settles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
