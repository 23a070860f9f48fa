/* SPDX-License-Identifier: EUPL-1.2 */
/* What was shown to whom, and until when: bounded, apart by session, over at its time. And what is a reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "desk/identity/shown.h"

static const time_ns now = INT64_C(1796040000) * TIME_SECOND;
static const unsigned char anna[SECRET_HASH_BYTES] = {1};
static const unsigned char bo[SECRET_HASH_BYTES] = {2};
static const struct policy_shown people = {SPAN("person"), SPAN("")};
static const struct policy_shown one = {SPAN("person"), SPAN("01890a5d-ac96-774b-bcce-b302099a8057")};

static void until_its_time(void **state)
{
    struct arena a;
    struct shown_part *list = NULL;
    struct shown *s = shown_new();
    (void)state;
    arena_init(&a, 0);
    assert_int_equal(shown_of(s, anna, now, &a, &list), 0);
    shown_add(s, anna, &people, now + TIME_SECOND, now);
    shown_add(s, anna, &one, now + 3 * TIME_SECOND, now);
    shown_add(s, bo, &one, now + TIME_SECOND, now);
    assert_int_equal(shown_of(s, anna, now, &a, &list), 2);
    assert_int_equal(shown_of(s, bo, now, &a, &list), 1);
    assert_true(span_eq(list[0].what.record, one.record));
    assert_int_equal(shown_of(s, bo, now + TIME_SECOND, &a, &list), 0); /* not a moment longer */
    assert_int_equal(shown_of(s, anna, now + TIME_SECOND, &a, &list), 1);
    shown_add(s, anna, &one, now + 2 * TIME_SECOND, now); /* again, shorter: the longer time stays */
    assert_int_equal(shown_of(s, anna, now + 2 * TIME_SECOND, &a, &list), 1);
    assert_int_equal(list[0].until, now + 3 * TIME_SECOND);
    shown_end(s, anna);
    assert_int_equal(shown_of(s, anna, now, &a, &list), 0);
    assert_int_equal(shown_of(s, bo, now, &a, &list), 1);
    shown_free(&s);
    arena_fini(&a);
}

static void bounded(void **state)
{
    struct arena a;
    struct shown_part *list = NULL;
    struct shown *s = shown_new();
    char name[32];
    (void)state;
    arena_init(&a, 0);
    shown_add(s, bo, &people, now + TIME_DAY, now);
    for (int i = 0; i < SHOWN_EACH_MAX + 5; i++) {
        (void)snprintf(name, sizeof name, "kind_%d", i);
        shown_add(s, anna, &(struct policy_shown){span_of(name), SPAN("")}, now + (1 + i) * TIME_SECOND, now);
    }
    assert_int_equal(shown_of(s, anna, now, &a, &list), SHOWN_EACH_MAX);
    for (int i = 0; i < SHOWN_EACH_MAX; i++) {
        assert_true(list[i].until > now + 5 * TIME_SECOND); /* those that end first made room */
    }
    for (int i = 0; i < SHOWN_ALL_MAX + 10; i++) { /* of so many sessions: nothing of another is lost before it must */
        unsigned char who[SECRET_HASH_BYTES] = {3, (unsigned char)(i & 255), (unsigned char)(i >> 8)};
        shown_add(s, who, &people, now + 3600 * TIME_SECOND + i, now);
    }
    assert_int_equal(shown_of(s, bo, now, &a, &list), 1);
    assert_int_equal(shown_of(s, anna, now, &a, &list), 0);
    struct span long_name = SPAN("a_name_that_is_longer_than_any_kind_may_have_one");
    shown_add(s, anna, &(struct policy_shown){long_name, SPAN("")}, now + TIME_DAY, now);
    assert_int_equal(shown_of(s, anna, now, &a, &list), 0);
    shown_free(&s);
    arena_fini(&a);
}

static void reasons(void **state)
{
    static const struct {
        const char *text;
        bool fits;
    } rows[] = {
        {"", false},
        {"urgent", false},
        {"ticket 47", false},
        {"ticket 471", true},
        {"aaaaaaaaaaaaaaaaaa", false},
        {". . . . . . . .", false},
        {"Опасност", false},
        {"Опасност 1", true}, /* characters, not bytes */
        {"call about the\nnight shift", false},
        {"call about the night \xff shift", false},
    };
    char text[SHOWN_REASON_MAX + 2] = {0};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(shown_reason_fits(span_of(rows[i].text)), rows[i].fits);
    }
    memset(text, 'x', SHOWN_REASON_MAX + 1);
    memcpy(text, "abcdefg", 7);
    assert_true(shown_reason_fits(span_make(text, SHOWN_REASON_MAX)));
    assert_false(shown_reason_fits(span_make(text, SHOWN_REASON_MAX + 1)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(until_its_time),
        cmocka_unit_test(bounded),
        cmocka_unit_test(reasons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
