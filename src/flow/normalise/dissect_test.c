/* SPDX-License-Identifier: EUPL-1.2 */
/* Dissect patterns: what they take, what they refuse, and that hostile lines cost no more than
 * honest ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "flow/normalise/dissect.h"

struct take_case {
    const char *pattern;
    const char *line;
    const char *want; /* "name=value|…"; NULL: does not fit */
};

static const struct take_case cases[] = {
    {"a", "a", ""},
    {"a", "ab", NULL},
    {"a%%b", "a%b", ""},
    {"user %{u} from %{ip:word}", "user x from 1.2.3.4", "u=x|ip=1.2.3.4"},
    {"user %{u} from %{ip:word}", "user  from 1.2.3.4", NULL},
    {"user %{u?} from %{ip:word}", "user  from 1.2.3.4", "u=|ip=1.2.3.4"},
    {"user %{u?} from %{ip:word}", "user from 1.2.3.4", NULL},
    /* the first literal ends a stretch, the last one ends a stretch that a stranger fills */
    {"for %{u} from %{r:rest}", "for a from 9.9.9.9 from 1.1.1.1", "u=a|r=9.9.9.9 from 1.1.1.1"},
    {"for %{u:last} from %{ip:word}", "for a from 9.9.9.9 from 1.1.1.1",
     "u=a from 9.9.9.9|ip=1.1.1.1"},
    {"for %{u:last} from %{ip:word}", "for  from 1.1.1.1", NULL},
    {"%{n:int}x", "12x", "n=12"},
    {"%{n:int}x", "x", NULL},
    {"%{n:int}x", "1a2x", NULL},
    {"%{ip:ip} end", "2001:db8::1 end", "ip=2001:db8::1"},
    {"%{ip:ip} end", "fe80::1%eth0 end", "ip=fe80::1%eth0"},
    {"%{ip:ip} end", "beef end", NULL},
    {"%{w:Failed=failure|Accepted=success} it", "Accepted it", "w=success"},
    {"%{w:open|opened}!", "opened!", "w=opened"},
    {"%{w:open|opened}!", "close!", NULL},
    {"a[[ b %{x:int}]] c", "a c", ""},
    {"a[[ b %{x:int}]] c", "a b 7 c", "x=7"},
    {"a[[ b %{x:int}]] c", "a b q c", NULL},
    {"%{x}[[ (%{y})]]", "one (two)", "x=one|y=two"},
    {"%{x}[[ (%{y})]]", "one", "x=one"},
    {"%{x}[[ (%{y})]] end", "one end", "x=one"},
    {"%{x}[[ (%{y})]] end", "one (two) end", "x=one|y=two"},
    {"(%{u}) CMD (%{c:last})", "(root) CMD (echo (1))", "u=root|c=echo (1)"},
    {"%{:word} %{x}", "skip keep", "x=keep"},
    {"%{} - %{x:rest}", "skip - ", "x="},
    {"%{x:rest}", "", "x="},
};

static int run_exact(const struct dissect_pattern *p, const char *line, struct dissect_value *out,
                     char **copy)
{
    size_t n = strlen(line);
    *copy = mem_alloc(n);
    memcpy(*copy, line, n);
    return dissect_run(p, span_make(*copy, n), out);
}

static void test_take(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct arena a;
        struct err e = {0};
        struct dissect_pattern p = {0};
        struct dissect_value values[DISSECT_VALUES_MAX];
        char *copy = NULL;
        char got[1024] = "";
        arena_init(&a, 0);
        assert_int_equal(dissect_parse(&a, span_of(cases[i].pattern), &p, &e), 0);
        int n = run_exact(&p, cases[i].line, values, &copy);
        for (int k = 0; k < n; k++) {
            size_t len = strlen(got);
            (void)snprintf(got + len, sizeof got - len, "%s%.*s=%.*s", k == 0 ? "" : "|",
                           SPAN_ARG(values[k].name), SPAN_ARG(values[k].value));
        }
        if (cases[i].want == NULL ? n >= 0 : n < 0 || strcmp(got, cases[i].want) != 0) {
            print_error("%s on '%s': %d '%s'\n", cases[i].pattern, cases[i].line, n, got);
            fail();
        }
        mem_free(copy);
        arena_fini(&a);
    }
}

static const char *const bad[] = {
    "",
    "%",
    "100%",
    "%{a",
    "%{a b}",
    "%{a:colour}",
    "]]",
    "[[a",
    "[[a[[b]]",
    "[[%{a}]]",
    "[[]]x",
    "%{a}%{b}",
    "%{a}%{b:int}",
    "%{a:|}",
    "%{a:x|}",
    "%{a}[[b]]%{c:int}",
    "[[ a %{b}]]%{c:word}",
    "%{a:=x}",
};

static void test_bad_patterns(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct arena a;
        struct err e = {0};
        struct dissect_pattern p = {0};
        arena_init(&a, 0);
        if (dissect_parse(&a, span_of(bad[i]), &p, &e) == 0) {
            print_error("'%s' is taken\n", bad[i]);
            fail();
        }
        assert_true(strlen(e.text) > 0);
        arena_fini(&a);
    }
    struct arena a;
    struct dissect_pattern p = {0};
    arena_init(&a, 0);
    char *many = arena_bytes(&a, DISSECT_TEXT_MAX + 1);
    memset(many, 'a', DISSECT_TEXT_MAX + 1);
    assert_int_equal(dissect_parse(&a, span_make(many, DISSECT_TEXT_MAX + 1), &p, NULL),
                     ERR_INVALID);
    for (size_t i = 0; i + 5 <= DISSECT_TEXT_MAX; i += 5) {
        memcpy(many + i, "%{:a=", 5);
    }
    assert_int_not_equal(dissect_parse(&a, span_make(many, DISSECT_TEXT_MAX), &p, NULL), 0);
    arena_fini(&a);
}

/* Steps × length is the most a line may cost: many near misses of each literal must not multiply.
 */
static void test_cost(void **state)
{
    (void)state;
    enum { LEN = 1 << 20 };
    struct arena a;
    struct dissect_pattern p = {0};
    struct dissect_value values[DISSECT_VALUES_MAX];
    arena_init(&a, 0);
    assert_int_equal(dissect_parse(&a,
                                   SPAN("%{a:last} from %{b:last} from %{c:last} from %{d} port "
                                        "%{e:int}"),
                                   &p, NULL),
                     0);
    char *line = arena_bytes(&a, LEN);
    for (size_t i = 0; i + 6 <= LEN; i += 6) {
        memcpy(line + i, " from ", 6);
    }
    time_ns start = clock_cpu();
    assert_int_equal(dissect_run(&p, span_make(line, LEN - LEN % 6), values), -1);
    assert_true(clock_cpu() - start < TIME_SECOND);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_take),
        cmocka_unit_test(test_bad_patterns),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
