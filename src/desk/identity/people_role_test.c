/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of role files: those shipped, what refuses one and where, and that nothing is given that no file names. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "desk/identity/people_role.h"
#include "policy/policy.h"

static struct arena arena;

static const struct people_role *shipped(struct people_roles *roles, const char *name)
{
    const struct people_role *r = people_roles_find(roles, span_of(name));
    assert_non_null(r);
    return r;
}

static void shipped_roles(void **state)
{
    (void)state;
    size_t n = 0;
    struct people_roles *roles = people_roles_load(NULL, 0);
    (void)people_roles_refusals(roles, &n);
    assert_int_equal(n, 0);
    (void)people_roles_all(roles, &n);
    assert_int_equal(n, people_role_shipped_count);
    for (enum right r = 0; r < RIGHT_COUNT; r++) { /* a new right is first of all the administrator's */
        if (!people_role_may(shipped(roles, "administrator"), r)) {
            fail_msg("roles/administrator.yml lacks %s", right_name(r));
        }
    }
    for (size_t i = 0; i < n; i++) {
        const struct people_role *role = &people_roles_all(roles, &n)[i];
        bool admin = span_eq(role->name, SPAN("administrator"));
        assert_int_equal(people_role_may(role, RIGHT_PEOPLE), admin);
        assert_int_equal((role->acts_as & POLICY_ROLE_ADMINISTRATOR) != 0, admin);
    }
    static const enum right changes[] = {RIGHT_ALERTS, RIGHT_HUNTS, RIGHT_SOURCES, RIGHT_RULES, RIGHT_HOLDS, RIGHT_WARNINGS,
                                         RIGHT_ITEMS_SEND, RIGHT_SHARING, RIGHT_FEDERATION, RIGHT_RECORDS, RIGHT_PEOPLE};
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        assert_false(people_role_may(shipped(roles, "reader"), changes[i]));
        assert_false(people_role_may(shipped(roles, "auditor"), changes[i]));
        assert_false(people_role_may(shipped(roles, "manager"), changes[i]));
    }
    assert_int_equal(shipped(roles, "ciso")->acts_as, POLICY_ROLE_OFFICER | POLICY_ROLE_ANALYST);
    people_roles_free(&roles);
    assert_null(roles);
    people_roles_free(&roles);
}

static void nobody_may_nothing(void **state)
{
    (void)state;
    struct people_roles *roles = people_roles_load(NULL, 0);
    assert_null(people_roles_find(roles, SPAN("janitor")));
    assert_null(people_roles_find(roles, SPAN("")));
    assert_null(people_roles_find(roles, SPAN("Administrator")));
    for (enum right r = 0; r < RIGHT_COUNT; r++) {
        assert_int_equal(people_role_may(NULL, r), r <= RIGHT_KNOWN);
    }
    people_roles_free(&roles);
}

/* Lines 1 to 5 of a whole file; each case changes one of them. */
static const char *const whole[] = {"name: shift_lead", "title: Shift lead", "help: Leads a shift.", "acts_as: [analyst, reader]",
                                    "may: [watch, alerts.work]"};

static const struct {
    uint32_t line; /* that is changed, from 1; 0 = none */
    const char *text;
    const char *why; /* NULL = it reads */
    uint32_t at;     /* line of the message */
} cases[] = {
    {0, "", NULL, 0},
    {1, "name: a2345678901234567890123456789012", NULL, 0},
    {1, "name: a23456789012345678901234567890123", "name: 1 to 32", 1},
    {1, "name: Lead", "name: 1 to 32", 1},
    {1, "name: 9lives", "name: 1 to 32", 1},
    {1, "name: ''", "name: 1 to 32", 1},
    {1, "name: [a]", "name", 1},
    {1, "# none", "name", 0},
    {2, "title: ' x'", "title: one line", 2},
    {2, "title: \"a\\nb\"", "title: one line", 2},
    {2, "# none", "title", 0},
    {3, "help: ''", "help: one line", 3},
    {4, "acts_as: reader", NULL, 0},
    {4, "acts_as: []", "acts_as: is empty", 4},
    {4, "acts_as: [administrator, king]", "acts_as: is a list", 4},
    {4, "# none", "acts_as", 0},
    {5, "may: watch", NULL, 0},
    {5, "may: []", "may: is empty", 5},
    {4, "acts_as: []\nfunctions: [ciso]", "acts_as: is empty", 4},
    {5, "may: [watch]\nfunctions: [ciso, other]\nheld_in: unit\nreaches_below: true", NULL, 0},
    {5, "may: [watch]\nfunctions: [CISO]", "functions: are up to 8", 6},
    {5, "may: [watch]\nfunctions: [a, b, c, d, e, f, g, h]", NULL, 0},
    {5, "may: [watch]\nfunctions: [a, b, c, d, e, f, g, h, i]", "functions: are up to 8", 6},
    {5, "may: [watch]\nfunctions: {a: b}", "functions", 6},
    {5, "may: [watch, hunts.run]\nfunctions: [ciso]\nappointment_gives: [watch]", NULL, 0},
    {5, "may: [watch]\nfunctions: [ciso]\nappointment_gives: []", NULL, 0},
    {5, "may: [watch]\nfunctions: [ciso]\nappointment_gives: [watch, alerts.work]", "appointment_gives: \"alerts.work\" is not among", 7},
    {5, "may: [watch, people.manage]\nfunctions: [ciso]\nappointment_gives: [people.manage]", "no appointment gives \"people.manage\"", 7},
    {5, "may: [watch]\nfunctions: [ciso]\nappointment_gives: [everything]", "no right \"everything\"", 7},
    {5, "may: [watch]\nappointment_gives: [watch]", "appointment_gives: says nothing without functions", 6},
    {5, "may: [watch]\nheld_in: unit", "held_in: says nothing without functions", 6},
    {5, "may: [watch]\nreaches_below: true", "reaches_below: says nothing without functions", 6},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: everywhere", "held_in: is unit, organisation or nowhere", 7},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: organisation\nheld_at: [nation, city]", NULL, 0},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: unit\nheld_at: [a, b, c, d, e, f, g, h]", NULL, 0},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: unit\nheld_at: [a, b, c, d, e, f, g, h, i]", "held_at: are up to 8", 8},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: unit\nheld_at: [City]", "held_at: are up to 8", 8},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: unit\nheld_at: []", "held_at: is empty", 8},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_at: [city]", "held_at: says nothing without held_in", 7},
    {5, "may: [watch]\nfunctions: [ciso]\nheld_in: nowhere\nheld_at: [city]", "held_at: says nothing without held_in", 8},
    {5, "may: [watch]\nfunctions: [ciso]\nreaches_below: perhaps", "reaches_below", 7},
    {5, "may: [watch, everything]", "no right \"everything\"", 5},
    {5, "may: ['signed in']", "no right \"signed in\"", 5},
    {5, "may: [anybody]", "no right \"anybody\"", 5},
    {5, "may: [Watch]", "no right \"Watch\"", 5},
    {5, "may: [{watch: true}]", "may", 5},
    {5, "may: [watch]\nowner: x", "owner", 6},
    {5, "may: [watch]\nmay: [watch]", "may", 6},
    {5, "may: [watch", "", 0},
    {5, "may: watch\nsecond_factor: required", NULL, 0},
    {5, "may: watch\nsecond_factor: optional", NULL, 0},
    {5, "may: watch\nsecond_factor: true", "second_factor: is required or optional", 6},
    {5, "may: watch\nsecond_factor: [required]", "second_factor", 6},
    {5, "may: watch\ntightens: analyst", "name", 1}, /* one that tightens gives nothing */
};

static void files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *text = "";
        struct err e = {0};
        struct people_role role;
        bool tightens = true;
        for (uint32_t k = 1; k <= ARRAY_LEN(whole); k++) {
            text = arena_printf(&arena, "%s%s\n", text, k == cases[i].line ? cases[i].text : whole[k - 1]);
        }
        const struct people_role_file f = {SPAN("x.yml"), span_of(text)};
        int rc = people_role_read(&arena, &f, &role, &tightens, &e);
        if ((rc == 0) != (cases[i].why == NULL) || (rc != 0 && strstr(e.text, cases[i].why) == NULL) ||
            (cases[i].at > 0 && e.line != cases[i].at)) {
            fail_msg("case %zu: %d, line %u, %s", i, rc, e.line, e.text);
        }
        if (rc == 0) {
            assert_true(people_role_may(&role, RIGHT_WATCH));
            assert_false(tightens);
            assert_false(people_role_may(&role, RIGHT_PEOPLE));
        }
    }
}

static void file_too_long(void **state)
{
    (void)state;
    struct err e = {0};
    struct people_role role;
    bool tightens = false;
    char *text = arena_bytes(&arena, PEOPLE_ROLE_FILE_MAX + 1);
    memset(text, '#', PEOPLE_ROLE_FILE_MAX + 1);
    const struct people_role_file f = {SPAN("x.yml"), span_make(text, PEOPLE_ROLE_FILE_MAX + 1)};
    assert_int_equal(people_role_read(&arena, &f, &role, &tightens, &e), ERR_LIMIT);
}

static void own_roles(void **state)
{
    (void)state;
    const struct people_role_file own[] = {
        {SPAN("DATA/roles/a.yml"), SPAN("name: night\ntitle: Night\nhelp: h\nacts_as: reader\nmay: watch\n")},
        {SPAN("DATA/roles/b.yml"), SPAN("name: analyst\ntitle: Mine\nhelp: h\nacts_as: administrator\nmay: people.manage\n")},
        {SPAN("DATA/roles/c.yml"), SPAN("name: broken\n")},
        {SPAN("DATA/roles/d.yml"), SPAN("name: night\ntitle: Night\nhelp: h\nacts_as: reader\nmay: watch\n")},
    };
    size_t n = 0;
    struct people_roles *roles = people_roles_load(own, ARRAY_LEN(own));
    (void)people_roles_all(roles, &n);
    assert_int_equal(n, people_role_shipped_count + 1);
    assert_true(span_eq(shipped(roles, "night")->file, SPAN("DATA/roles/a.yml")));
    assert_false(people_role_may(shipped(roles, "analyst"), RIGHT_PEOPLE)); /* a file cannot change a shipped role */
    const struct people_role_refusal *r = people_roles_refusals(roles, &n);
    assert_int_equal(n, 3);
    assert_true(span_eq(r[0].file, SPAN("DATA/roles/b.yml")));
    assert_true(span_eq(r[1].file, SPAN("DATA/roles/c.yml")));
    assert_true(span_eq(r[2].file, SPAN("DATA/roles/d.yml")));
    people_roles_free(&roles);
}

/* What appointments give: shipped files say it, and a city's own file takes a function for another role. */
static void functions(void **state)
{
    (void)state;
    const struct people_role_file own[] = {
        {SPAN("a.yml"), SPAN("name: keeper\ntitle: Keeper\nhelp: h\nacts_as: reader\nmay: registers.read\nfunctions: [security_officer, other]\n")}};
    struct people_roles *plain = people_roles_load(NULL, 0);
    struct people_roles *roles = people_roles_load(own, 1);
    assert_ptr_equal(people_roles_of_function(plain, SPAN("security_officer")), shipped(plain, "officer"));
    assert_ptr_equal(people_roles_of_function(plain, SPAN("ciso")), shipped(plain, "ciso"));
    assert_null(people_roles_of_function(plain, SPAN("other")));
    assert_null(people_roles_of_function(plain, SPAN("")));
    assert_ptr_equal(people_roles_of_function(roles, SPAN("security_officer")), shipped(roles, "keeper"));
    assert_ptr_equal(people_roles_of_function(roles, SPAN("other")), shipped(roles, "keeper"));
    assert_int_equal(shipped(plain, "officer")->held_in, HELD_IN_UNIT);
    assert_int_equal(shipped(plain, "ciso")->held_in, HELD_IN_ORGANISATION);
    assert_int_equal(shipped(plain, "officer")->nlevels, 0);
    assert_true(shipped(plain, "ciso")->nlevels == 4 && span_eq(shipped(plain, "ciso")->levels[2], SPAN("city")));
    assert_true(shipped(plain, "ciso")->reaches_below && !shipped(plain, "officer")->reaches_below);
    assert_true(shipped(plain, "appointed")->rights == 0 && shipped(plain, "appointed")->acts_as == 0);
    assert_false(people_role_may(shipped(plain, "appointed"), RIGHT_WATCH));
    people_roles_free(&plain);
    people_roles_free(&roles);
}

static void tightening(void **state)
{
    (void)state;
    const struct people_role_file own[] = {
        {SPAN("a.yml"), SPAN("tightens: administrator\nsecond_factor: required\n")},
        {SPAN("b.yml"), SPAN("tightens: night\nsecond_factor: required\n")},
        {SPAN("c.yml"), SPAN("name: night\ntitle: Night\nhelp: h\nacts_as: reader\nmay: watch\n")},
        {SPAN("d.yml"), SPAN("name: day\ntitle: Day\nhelp: h\nacts_as: reader\nmay: watch\nsecond_factor: required\n")},
        {SPAN("e.yml"), SPAN("tightens: day\nsecond_factor: optional\n")}, /* loosens nothing */
        {SPAN("f.yml"), SPAN("tightens: reader\n")},
        {SPAN("g.yml"), SPAN("tightens: reader\nsecond_factor: required\nmay: people.manage\n")},
    };
    static const char *const refused[] = {"b.yml", "e.yml", "f.yml", "g.yml"};
    size_t n = 0;
    struct people_roles *plain = people_roles_load(NULL, 0);
    struct people_roles *roles = people_roles_load(own, ARRAY_LEN(own));
    const struct people_role_refusal *r = people_roles_refusals(roles, &n);
    assert_int_equal(n, ARRAY_LEN(refused));
    for (size_t i = 0; i < n; i++) {
        assert_true(span_eq(r[i].file, span_of(refused[i])));
    }
    assert_false(shipped(plain, "administrator")->second_factor);
    assert_true(shipped(roles, "administrator")->second_factor);
    assert_true(shipped(roles, "administrator")->rights == shipped(plain, "administrator")->rights);
    assert_true(shipped(roles, "day")->second_factor);
    assert_false(shipped(roles, "night")->second_factor);
    assert_false(shipped(roles, "reader")->second_factor);
    assert_false(people_role_may(shipped(roles, "reader"), RIGHT_PEOPLE));
    people_roles_free(&plain);
    people_roles_free(&roles);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shipped_roles), cmocka_unit_test(nobody_may_nothing), cmocka_unit_test(files),
        cmocka_unit_test(file_too_long), cmocka_unit_test(own_roles), cmocka_unit_test(functions), cmocka_unit_test(tightening),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("desk/roles", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
