/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of kinds that are switched on and off: what is kept, what is refused, the trail. */
#include <stdio.h>
#include <string.h>

#include "records/audit.h"
#include "records/records_test.h"
#include "records/registers/register_switch.h"

static struct err e;

static int put(struct db *db, const struct span *kinds, uint32_t count, bool on, const char *why)
{
    const struct register_switching s = {kinds, count, on, SPAN("*"), SPAN("Anna"), span_of(why), TEST_NOW};
    return register_switch_put(db, &s, &e);
}

static size_t read_all(struct db *db, struct arena *a, struct register_switch *out)
{
    size_t n = 0;
    assert_int_equal(register_switches_read(db, a, out, &n, &e), 0);
    return n;
}

static void kept(void **state)
{
    (void)state;
    static struct register_switch got[REGISTER_SWITCHES_MAX];
    const struct span two[] = {SPAN("tender"), SPAN("bid")};
    struct arena a;
    int64_t rows = 0;
    struct db *db = test_db();
    arena_init(&a, 0);
    assert_int_equal(read_all(db, &a, got), 0);
    assert_int_equal(put(db, two, 2, true, "for the new year"), 0);
    assert_int_equal(put(db, two, 1, false, ""), 0);
    assert_int_equal(read_all(db, &a, got), 2); /* one row for each kind */
    assert_true(span_eq(got[0].kind, SPAN("bid")) && got[0].on);
    assert_true(span_eq(got[1].kind, SPAN("tender")) && !got[1].on);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'register.on' AND who = 'Anna' AND why = 'for the new year'"), 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'register.off' AND subject = 'tender' AND before_value = 'on' "
                                     "AND after_value = 'off'"), 1);
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    arena_fini(&a);
    db_close(&db);
}

/* All of it or nothing. */
static void refused(void **state)
{
    (void)state;
    static struct register_switch got[REGISTER_SWITCHES_MAX];
    static struct span many[REGISTER_KINDS_MAX + 1];
    static const char *const bad[] = {"", "Tender", "a-b", "a%", "a b", "1a", "a'b"};
    struct arena a;
    struct db *db = test_db();
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const struct span kinds[] = {SPAN("tender"), span_of(bad[i])};
        assert_int_equal(put(db, kinds, 2, true, ""), ERR_INVALID);
    }
    for (size_t i = 0; i < ARRAY_LEN(many); i++) {
        many[i] = span_of(arena_printf(&a, "kind_%zu", i));
    }
    assert_int_equal(put(db, many, 0, true, ""), ERR_INVALID);
    assert_int_equal(put(db, many, REGISTER_KINDS_MAX + 1, true, ""), ERR_INVALID);
    assert_int_equal(read_all(db, &a, got), 0);
    int rc = 0;
    for (size_t round = 0; rc == 0; round++) { /* until there is no room for more */
        assert_true(round <= REGISTER_SWITCHES_MAX / REGISTER_KINDS_MAX);
        for (size_t i = 0; i < REGISTER_KINDS_MAX; i++) {
            many[i] = span_of(arena_printf(&a, "kind_%zu_%zu", round, i));
        }
        rc = put(db, many, REGISTER_KINDS_MAX, false, "");
    }
    assert_int_equal(rc, ERR_LIMIT);
    assert_true(read_all(db, &a, got) <= REGISTER_SWITCHES_MAX);
    arena_fini(&a);
    db_close(&db);
}

int run_register_switch_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kept), cmocka_unit_test(refused)};
    return cmocka_run_group_tests_name("switches of registers", tests, NULL, NULL);
}
