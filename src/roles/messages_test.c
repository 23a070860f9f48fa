/* SPDX-License-Identifier: EUPL-1.2 */
/* The message table is sane: what a typing mistake in messages.def would break. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "roles/messages.h"

static void test_rows(void **state)
{
    (void)state;
    const struct ipc_table *t = messages_table();
    unsigned rows = 0;
    for (size_t i = 0; i < t->count; i++) {
        const struct ipc_type *row = &t->types[i];
        if (row->name == NULL) {
            continue;
        }
        rows++;
        assert_true(i > IPC_TYPE_CREDIT && i <= IPC_TYPE_MAX);
        assert_int_equal(strncmp(row->name, "MSG_", 4), 0);
        assert_true(row->min_bytes <= row->max_bytes);
        assert_true(row->max_bytes <= IPC_BODY_MAX);
        assert_true(row->from != 0 && row->to != 0);
        assert_true(((row->from | row->to) >> ROLE_COUNT) == 0);
    }
    unsigned named = 0;
#define MSG(word, number, from, to, min, max, flags)                                               \
    named++;                                                                                       \
    assert_string_equal(t->types[number].name, #word);
#include "roles/messages.def"
#undef MSG
    assert_int_equal(rows, named); /* no number given twice */
}

static void test_role_names(void **state)
{
    (void)state;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        enum role_id r = ROLE_COUNT;
        assert_true(role_by_name(span_of(role_name((enum role_id)i)), &r));
        assert_int_equal(r, i);
    }
    enum role_id r = ROLE_COUNT;
    assert_false(role_by_name(SPAN("intake2"), &r));
    assert_false(role_by_name(SPAN(""), &r));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows),
                                       cmocka_unit_test(test_role_names)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
