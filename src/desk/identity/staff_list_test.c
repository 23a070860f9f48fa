/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of lists of the personnel office: what is read, what a row means. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "desk/identity/staff_list.h"

static struct arena arena;
static struct people_roles *roles;

static struct staff_importer by(const char *organisation)
{
    return (struct staff_importer){roles, span_of(organisation), SPAN("me")};
}

static void tables(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int rc;
        uint32_t rows, line;
    } table[] = {
        {"name\nEva\nBo\n", 0, 2, 0},
        {"\xef\xbb\xbfName;Role;State\r\nEva;reader;active\r\n", 0, 1, 0},
        {"state\tname\nleft\tEva\n", 0, 1, 0},
        {"name,role\n\n\n", 0, 0, 0},
        {"", ERR_INVALID, 0, 1},
        {"role\nreader\n", ERR_INVALID, 0, 1},
        {"name,salary\nEva,1\n", ERR_INVALID, 0, 1},
        {"name,name\nEva,Eva\n", ERR_INVALID, 0, 1},
        {"name\n\"Eva\n", ERR_INVALID, 0, 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct err e = {0};
        struct staff_list l;
        const struct staff_importer me = by("*");
        assert_int_equal(staff_list_read(&arena, span_of(table[i].text), &me, &l, &e), table[i].rc);
        if (table[i].rc == 0) {
            assert_int_equal(l.count, table[i].rows);
        } else {
            assert_true(e.text[0] != '\0');
            assert_int_equal(e.line, table[i].line);
        }
    }
}

static void too_many_rows(void **state)
{
    (void)state;
    struct buf b;
    struct err e = {0};
    struct staff_list l;
    const struct staff_importer me = by("*");
    buf_init(&b, 1 << 20);
    buf_cstr(&b, "name\n");
    for (int i = 0; i < STAFF_ROWS_MAX; i++) {
        buf_printf(&b, "P%d\n", i);
    }
    assert_int_equal(staff_list_read(&arena, buf_view(&b), &me, &l, &e), 0);
    assert_int_equal(l.count, STAFF_ROWS_MAX);
    buf_cstr(&b, "one more\n");
    assert_int_equal(staff_list_read(&arena, buf_view(&b), &me, &l, &e), ERR_LIMIT);
    assert_int_equal(e.line, STAFF_ROWS_MAX + 2);
    buf_free(&b);
}

static void faults_by_row(void **state)
{
    (void)state;
    static const struct {
        const char *row;
        const char *column; /* NULL = none */
    } table[] = {
        {"Eva,active,reader,harbour", NULL}, {"Bo,,analyst,", NULL},           {"Cy,LEFT,,", NULL},
        {",active,reader,", "name"},         {"eva,left,,", "name"} /* twice */, {"Di,gone,reader,", "state"},
        {"Ed,active,king,", "role"},         {"Fe,active,reader,quay", "organisation"},
        {"'=cmd,active,reader,", NULL}, /* a formula's apostrophe is not part of the name */
    };
    struct buf b;
    struct err e = {0};
    struct staff_list l;
    const struct staff_importer me = by("harbour");
    buf_init(&b, 4096);
    buf_cstr(&b, "name,state,role,organisation\n");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        buf_printf(&b, "%s\n", table[i].row);
    }
    assert_int_equal(staff_list_read(&arena, buf_view(&b), &me, &l, &e), 0);
    assert_int_equal(l.count, ARRAY_LEN(table));
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        assert_int_equal(l.rows[i].line, i + 2);
        assert_int_equal(l.rows[i].fault != NULL, table[i].column != NULL);
        if (table[i].column != NULL) {
            assert_string_equal(l.rows[i].column, table[i].column);
        }
    }
    assert_true(span_eq(l.rows[8].name, SPAN("=cmd")));
    buf_free(&b);
}

/* As spreadsheets write them. */
static void numbers_and_days(void **state)
{
    (void)state;
    static const struct {
        const char *number, *day;        /* cells */
        const char *is, *last, *column; /* what is read; column: of a fault, NULL = none */
    } table[] = {
        {"42", "2026-12-31", "42", "2026-12-31", NULL},
        {"0042", "31.12.2026", "0042", "2026-12-31", NULL},
        {"\"=\"\"0043\"\"\"", "1.2.2027", "0043", "2027-02-01", NULL},
        {"\xc2\xa0 44 \xc2\xa0", "", "44", "", NULL},
        {"'=45", " 05.06.2027 ", "=45", "2027-06-05", NULL},
        {"=\"", "", "=\"", "", NULL},
        {"A-46", "29.02.2028", "A-46", "2028-02-29", NULL},
        {"47", "29.02.2027", NULL, NULL, "last_day"},
        {"48", "2026-13-01", NULL, NULL, "last_day"},
        {"49", "12/31/2026", NULL, NULL, "last_day"}, /* which is the month, nobody knows of 01/02/2026 */
        {"50", "31.12.26", NULL, NULL, "last_day"},
        {"51", "31.12.2026.", NULL, NULL, "last_day"},
        {"52", "..2026", NULL, NULL, "last_day"},
        {"53", "+1.+2.2026", NULL, NULL, "last_day"},
        {"42", "", NULL, NULL, "number"}, /* twice */
    };
    struct buf b;
    struct err e = {0};
    struct staff_list l;
    const struct staff_importer me = by("*");
    buf_init(&b, 4096);
    buf_cstr(&b, "name;NUMBER; last_day\r\n");
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        buf_printf(&b, "P%zu;%s;%s\r\n", i, table[i].number, table[i].day);
    }
    for (int i = 0; i < 2; i++) {
        buf_printf(&b, "L%d;%0*d;\r\n", i, 240 + i, 1);
    }
    assert_int_equal(staff_list_read(&arena, buf_view(&b), &me, &l, &e), 0);
    assert_int_equal(l.count, ARRAY_LEN(table) + 2);
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        assert_int_equal(l.rows[i].fault != NULL, table[i].column != NULL);
        if (table[i].column != NULL) {
            assert_string_equal(l.rows[i].column, table[i].column);
        } else {
            assert_true(span_eq(l.rows[i].says.number, span_of(table[i].is)));
            assert_true(span_eq(l.rows[i].says.last_day, span_of(table[i].last)));
        }
    }
    assert_null(l.rows[ARRAY_LEN(table)].fault);
    assert_string_equal(l.rows[ARRAY_LEN(table) + 1].column, "number");
    buf_free(&b);
}

static void what_a_row_means(void **state)
{
    (void)state;
    const struct person there = {.id = SPAN("u"), .name = SPAN("Eva"), .role = SPAN("reader"), .organisation = SPAN("harbour"), .disabled = TIME_NONE};
    struct person off = there;
    struct person me = there;
    off.disabled = 5;
    me.id = SPAN("me");
    const struct {
        struct staff_row row;
        const struct person *found;
        bool changes;
        enum staff_change_kind kind;
        const char *column; /* of a fault */
    } table[] = {
        {{.name = SPAN("Eva"), .role = SPAN("reader")}, NULL, true, STAFF_JOINS, NULL},
        {{.name = SPAN("Eva")}, NULL, false, STAFF_JOINS, "role"},
        {{.name = SPAN("Eva"), .left = true}, NULL, false, STAFF_JOINS, NULL},
        {{.name = SPAN("Eva"), .role = SPAN("reader")}, &there, false, STAFF_ROLE, NULL},
        {{.name = SPAN("Eva")}, &there, false, STAFF_ROLE, NULL},
        {{.name = SPAN("Eva"), .role = SPAN("analyst")}, &there, true, STAFF_ROLE, NULL},
        {{.name = SPAN("Eva"), .left = true}, &there, true, STAFF_LEAVES, NULL},
        {{.name = SPAN("Eva"), .left = true, .role = SPAN("analyst")}, &there, true, STAFF_LEAVES, NULL},
        {{.name = SPAN("Eva"), .left = true}, &off, false, STAFF_LEAVES, NULL},
        {{.name = SPAN("Eva"), .role = SPAN("reader")}, &off, false, STAFF_ROLE, "state"},
        {{.name = SPAN("Eva"), .organisation = SPAN("quay")}, &there, false, STAFF_ROLE, "organisation"},
        {{.name = SPAN("Eva"), .left = true}, &me, false, STAFF_LEAVES, "name"},
        {{.name = SPAN("Eva"), .role = SPAN("analyst")}, &me, false, STAFF_ROLE, "name"},
        {{.name = SPAN("Eva"), .role = SPAN("reader")}, &me, false, STAFF_ROLE, NULL},
    };
    for (size_t i = 0; i < ARRAY_LEN(table); i++) {
        struct staff_row row = table[i].row;
        struct staff_change c;
        const struct staff_importer importer = by("*");
        assert_int_equal(staff_row_change(&importer, &row, table[i].found, &c), table[i].changes);
        assert_int_equal(row.fault != NULL, table[i].column != NULL);
        if (table[i].column != NULL) {
            assert_string_equal(row.column, table[i].column);
        }
        if (table[i].changes) {
            assert_int_equal(c.kind, table[i].kind);
            assert_true(c.kind == STAFF_JOINS ? span_eq(c.organisation, SPAN("*")) : span_eq(c.was, SPAN("reader")));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tables),
        cmocka_unit_test(too_many_rows),
        cmocka_unit_test(faults_by_row),
        cmocka_unit_test(numbers_and_days),
        cmocka_unit_test(what_a_row_means),
    };
    arena_init(&arena, 0);
    roles = people_roles_load(NULL, 0);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    people_roles_free(&roles);
    arena_fini(&arena);
    return failed;
}
