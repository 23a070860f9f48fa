/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of x-due: what refuses a file, the day of a record, the steps of reminders as days go by, and the shipped kinds. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "records/registers/register_due.h"

static int read_with(struct arena *a, const char *due, struct register_kind *k, struct err *e)
{
    const char *text = arena_printf(a,
                                    "title: Bicycles\ntype: object\nrequired: [label]\nadditionalProperties: false\nproperties:\n"
                                    "  label: {type: string, maxLength: 40}\n"
                                    "  due: {type: string, format: date, x-index: true}\n"
                                    "  back: {type: string, format: date-time, maxLength: 30, x-index: true}\n"
                                    "  oiled: {type: string, format: date}\n"
                                    "  months: {type: integer, minimum: 1}\n"
                                    "x-table: {name: bicycle, plural: bicycles, title: label}\n"
                                    "x-perm: {administrator: {ops: [read, create, change, move]}}\n"
                                    "x-states:\n  initial: fine\n  list: [{id: fine}, {id: lent}, {id: gone, final: true}]\n"
                                    "  transitions: [{from: fine, to: lent, roles: [administrator]}, {from: lent, to: gone, roles: [administrator]}]\n%s\n",
                                    due);
    const struct register_file f = {SPAN("test.yml"), span_of(text)};
    return register_kind_read(a, &f, k, e);
}

static const struct {
    const char *due, *said;
} refused_cases[] = {
    {"x-due: {field: due}", "must be a list of 1 to 4 days"},
    {"x-due: []", "must be a list"},
    {"x-due: [a]", "x-due"},
    {"x-due: [{field: due, as: work}]", "/remind: must be a list"},
    {"x-due: [{field: due, as: work, remind: []}]", "/remind: must be a list"},
    {"x-due: [{field: due, as: work, remind: [3, 7]}]", "the most first"},
    {"x-due: [{field: due, as: work, remind: [3, 3]}]", "the most first"},
    {"x-due: [{field: due, as: work, remind: [366]}]", "0 to 365"},
    {"x-due: [{field: due, as: work, remind: [-1]}]", "0 to 365"},
    {"x-due: [{field: due, as: work, remind: [7, 6, 5, 4, 3, 2, 1]}]", "1 to 6 numbers"},
    {"x-due: [{field: due, as: play, remind: [3]}]", "/as: is work, ends or look"},
    {"x-due: [{field: due, remind: [3]}]", "as"},
    {"x-due: [{field: label, as: work, remind: [3]}]", "/field: must name a field with format: date"},
    {"x-due: [{field: nothing, as: work, remind: [3]}]", "/field: must name"},
    {"x-due: [{field: oiled, as: work, remind: [3]}]", "/field: must name a field with x-index"},
    {"x-due: [{as: work, remind: [3]}]", "/field: must name"},
    {"x-due: [{field: due, name: x, as: work, remind: [3]}]", "has no name of its own"},
    {"x-due: [{field: due, as: work, remind: [3]}, {field: due, as: ends, remind: [3]}]", "stands twice"},
    {"x-due: [{field: due, as: work, states: [fine, sold], remind: [3]}]", "/states: there is no such state"},
    {"x-due: [{field: due, as: work, remind: [3], mail: true}]", "mail"},
    {"x-due: [{name: next, from: oiled, as: work, remind: [3]}]", "/from: stands together"},
    {"x-due: [{name: next, every: 3, as: work, remind: [3]}]", "/from: stands together"},
    {"x-due: [{name: next, from: oiled, every: 3, before: 3, as: work, remind: [3]}]", "/from: stands together"},
    {"x-due: [{from: oiled, every: 3, as: work, remind: [3]}]", "name"},
    {"x-due: [{name: due, from: oiled, every: 3, as: work, remind: [3]}]", "/name: is of small letters"},
    {"x-due: [{name: due_day, from: oiled, every: 3, as: work, remind: [3]}]", "/name: is of small letters"},
    {"x-due: [{name: next, from: oiled, every: 121, as: work, remind: [3]}]", "/every: must be a number"},
    {"x-due: [{name: next, from: oiled, every: label, as: work, remind: [3]}]", "/every: must be a number"},
    {"x-due: [{name: next, from: label, every: 3, as: work, remind: [3]}]", "/from: must name a field with format"},
};

static void test_refused(void **state)
{
    (void)state;
    size_t wrong = 0;
    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        struct arena a;
        struct register_kind k;
        struct err e = {0};
        arena_init(&a, 0);
        int rc = read_with(&a, refused_cases[i].due, &k, &e);
        if (rc >= 0 || strstr(e.text, refused_cases[i].said) == NULL || e.line == 0) {
            print_error("%s\n -> %d, line %u: %s\n", refused_cases[i].due, rc, e.line, e.text);
            wrong++;
        }
        arena_fini(&a);
    }
    assert_int_equal(wrong, 0);
}

static const char days_text[] = "x-due:\n"
                                "  - {field: due, as: work, states: [fine], remind: [14, 3, 0]}\n"
                                "  - {field: back, as: ends, states: [lent], remind: [1]}\n"
                                "  - {name: oil, field: due, from: oiled, every: months, as: look, states: [lent], remind: [7]}\n"
                                "  - {name: notice, from: back, before: 30, as: work, states: [lent], remind: [10]}\n";

/* NULL: none */
static const struct {
    const char *fields, *state, *name, *day;
} day_cases[] = {
    {"{}", "fine", NULL, NULL},
    {"{\"due\":\"2026-12-01\"}", "fine", "due", "2026-12-01"},
    {"{\"due\":\"2026-12-01\"}", "gone", NULL, NULL},
    {"{\"due\":\"soon\"}", "fine", NULL, NULL},
    {"{\"due\":7}", "fine", NULL, NULL},
    {"{\"due\":\"9999-12-31\"}", "fine", NULL, NULL}, /* behind the end of our clock */
    {"{\"back\":\"2026-12-01T23:59:59Z\"}", "fine", NULL, NULL},
    {"{\"back\":\"2027-03-01T23:59:59Z\"}", "lent", "notice", "2027-01-30"},
    {"{\"oiled\":\"2026-08-31\",\"months\":6}", "lent", "oil", "2027-02-28"},
    {"{\"oiled\":\"2027-08-31\",\"months\":6}", "lent", "oil", "2028-02-29"},
    {"{\"oiled\":\"2026-12-31\",\"months\":1}", "lent", "oil", "2027-01-31"},
    {"{\"oiled\":\"2026-12-31\",\"months\":120}", "lent", "oil", "2036-12-31"},
    {"{\"oiled\":\"2026-12-31\",\"months\":121}", "lent", NULL, NULL},
    {"{\"oiled\":\"2026-12-31\"}", "lent", NULL, NULL},
    {"{\"months\":6}", "lent", NULL, NULL},
    {"{\"due\":\"2026-12-05\",\"oiled\":\"2026-11-01\",\"months\":6}", "lent", "oil", "2026-12-05"}, /* the day that was said */
    {"{\"due\":\"2026-10-05\",\"oiled\":\"2026-11-01\",\"months\":6}", "lent", "oil", "2027-05-01"}, /* it was done since */
    {"{\"back\":\"2026-12-03T10:00:00Z\",\"oiled\":\"2026-01-01\",\"months\":10}", "lent", "oil", "2026-11-01"}, /* the first of several */
};

static void test_days(void **state)
{
    (void)state;
    struct arena a;
    struct register_kind k;
    struct err e = {0};
    size_t wrong = 0;
    arena_init(&a, 0);
    assert_int_equal(read_with(&a, days_text, &k, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(day_cases); i++) {
        struct jcs *fields = NULL;
        int64_t day = 0;
        assert_int_equal(jcs_read_decimals(&a, span_of(day_cases[i].fields), 4, &fields, &e), 0);
        const struct register_due *d = register_due_first(&k, fields, span_of(day_cases[i].state), 0, &day);
        bool fits = d == NULL ? day_cases[i].name == NULL
                              : day_cases[i].name != NULL && span_eq(d->name, span_of(day_cases[i].name)) && span_eq(register_day_text(&a, day), span_of(day_cases[i].day));
        if (!fits) {
            print_error("%s %s: %.*s\n", day_cases[i].state, day_cases[i].fields, d == NULL ? 0 : 10, d == NULL ? "" : register_day_text(&a, day).ptr);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    register_kind_free(&k);
    arena_fini(&a);
}

/* Lists know the days that are counted, and the first one; who does not see a field does not see the day. */
static void test_keys(void **state)
{
    (void)state;
    struct arena a;
    struct register_kind k;
    struct err e = {0};
    struct jcs *fields = NULL;
    struct record_key keys[REGISTER_KEYS_MAX];
    int64_t day = 0;
    arena_init(&a, 0);
    assert_int_equal(read_with(&a, days_text, &k, &e), 0);
    assert_int_equal(register_key_type(&k, SPAN("oil")), KEY_TEXT);
    assert_int_equal(register_key_type(&k, REGISTER_KEY_DUE), KEY_TEXT);
    assert_int_equal(register_key_type(&k, SPAN("oiled")), KEY_NO);
    assert_int_equal(jcs_read_decimals(&a, SPAN("{\"back\":\"2026-12-03T10:00:00Z\",\"oiled\":\"2026-01-31\",\"months\":1}"), 4, &fields, &e), 0);
    size_t n = register_keys(&a, &k, fields, SPAN("town"), SPAN("lent"), TLP_RED, 1, 2, keys);
    assert_int_equal(n, 5 + 3 + 3); /* label, due, back; oil, notice, due_day */
    assert_true(span_eq(keys[8].field, SPAN("oil")) && span_eq(keys[8].value, SPAN("2026-02-28")));
    assert_true(span_eq(keys[9].field, SPAN("notice")) && span_eq(keys[9].value, SPAN("2026-11-03")));
    assert_true(span_eq(keys[10].field, REGISTER_KEY_DUE) && span_eq(keys[10].value, SPAN("2026-02-28")));
    n = register_keys(&a, &k, fields, SPAN("town"), SPAN("gone"), TLP_RED, 1, 2, keys);
    assert_true(span_eq(keys[n - 1].field, REGISTER_KEY_DUE) && keys[n - 1].value.len == 0);
    uint64_t hidden = UINT64_C(1) << register_field_of(&k, SPAN("months"));
    assert_ptr_equal(register_due_first(&k, fields, SPAN("lent"), hidden, &day), register_due_of(&k, SPAN("notice")));
    hidden |= UINT64_C(1) << register_field_of(&k, SPAN("back"));
    assert_null(register_due_first(&k, fields, SPAN("lent"), hidden, &day));
    register_kind_free(&k);
    arena_fini(&a);
}

/* As days go by each step is reached once, in its order, and then it is past. */
static void test_steps(void **state)
{
    (void)state;
    const struct register_due d = {.nremind = 3, .remind = {14, 3, 0}};
    static const int want[] = {DUE_STEP_NONE, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 14, 3, 3, 3, 0, DUE_STEP_PAST, DUE_STEP_PAST};
    for (int64_t i = 0; i < (int64_t)ARRAY_LEN(want); i++) {
        assert_int_equal(register_due_step(&d, 1000, 985 + i), want[i]);
    }
}

/* Everything that the product had on its first page before days stood in the files is still there. */
static void test_shipped(void **state)
{
    (void)state;
    static const char *const want[] = {
        "finding due", "finding retest", "risk review", "bug_report due", "minute due", "assessment due", "completion due", "crisis report_due", "action_line ends",
        "project ends", "waiver until", "evidence valid_until", "risk accepted_until", "appointment ends", "access_grant ends", "contract ends", "membership ends",
        "procedure certified_until", "system support_ends", "supplier excluded_until", "person leaves", "system review", "supplier review", "access_grant review",
        "baseline review", "continuity_plan review", "contract review", "control test_due", "course review", "procedure review", "solution review",
        "contract notice_due", "continuity_plan test_due", "service test_due"};
    struct registers *r = registers_load(NULL, 0);
    for (size_t i = 0; i < ARRAY_LEN(want); i++) {
        ptrdiff_t blank = span_find(span_of(want[i]), ' ');
        const struct register_kind *k = registers_any(r, span_make(want[i], (size_t)blank));
        if (k == NULL || register_due_of(k, span_of(want[i] + blank + 1)) == NULL) {
            fail_msg("%s", want[i]);
        }
    }
    registers_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_refused), cmocka_unit_test(test_days), cmocka_unit_test(test_keys), cmocka_unit_test(test_steps),
                                       cmocka_unit_test(test_shipped)};
    return cmocka_run_group_tests_name("days on which something is due", tests, NULL, NULL);
}
