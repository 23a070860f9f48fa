/* SPDX-License-Identifier: EUPL-1.2 */
/* Tables of frequencies: what is read, what is refused with its line, what is made of it, and what intakes learn. */
#include "flow/detect/rates.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#include "flow/detect/plan_kit.h"

#define HEAD "sereno-frequencies 1\n"

static void bad_tables_are_refused_with_their_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
        uint32_t line;
    } cases[] = {
        {"", "sereno-frequencies 1", 1},
        {"# only a comment\n", "sereno-frequencies 1", 1},
        {"sereno-frequencies 2\n", "sereno-frequencies 1", 1},
        {HEAD "X\t1\ta\n", "expected F, V, B or G", 2},
        {HEAD "\n", "", 0},
        {HEAD "V\t1\ta\n", "before the field", 2},
        {HEAD "F\tc\tf\t100\n", "expected F", 2},
        {HEAD "F\tc\tf\t100\t3\tmore\n", "expected F", 2},
        {HEAD "F\tc\tf\t100\t101\n", "expected F", 2},
        {HEAD "F\tc\tf\t-1\t0\n", "expected F", 2},
        {HEAD "F\tc\tf\t1000000001\t0\n", "expected F", 2},
        {HEAD "F\t\tf\t1\t0\n", "expected F", 2},
        {HEAD "F\tc\tf\t100\t3\nV\t101\ta\n", "no more than events", 3},
        {HEAD "F\tc\tf\t100\t3\nV\tten\ta\n", "no more than events", 3},
        {HEAD "F\tc\tf\t100\t3\nG\t4\tabc\n", "too short", 3},
        {HEAD "F\tc\tf\t100\t3\nG\t4\tabcde\n", "too short", 3},
        {HEAD "F\tc\tf\t100\t3\nV\t4\t\\q41\n", "wrongly escaped", 3},
        {HEAD "F\tc\tf\t100\t3\nV\t4\t\\x4\n", "wrongly escaped", 3},
        {HEAD "# fine\n\nF\tc\tf\t100\t3\nB\t4\t\\x5ccmd.exe\nG\t4\tab\\x00d\n", "", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct rates *r = rates_new();
        struct err e = {0};
        size_t n = strlen(cases[i].text);
        char *copy = mem_alloc(n + 1);
        memcpy(copy, cases[i].text, n);
        int rc = rates_add(r, SPAN("f.tsv"), span_make(copy, n), &e);
        mem_free(copy);
        if ((rc != 0) != (cases[i].says[0] != '\0') || (rc != 0 && (strstr(e.text, cases[i].says) == NULL || e.line != cases[i].line))) {
            fail_msg("case %zu: %d, line %u, %s", i, rc, e.line, e.text);
        }
        rates_free(&r);
    }
}

static void tables_add_up_and_tell(void **state)
{
    (void)state;
    struct rates *r = rates_new();
    struct err e = {0};
    static const char one[] = HEAD "F\tc\tf\t800\t4\nV\t400\tsystem\nB\t80\t\\x5ccmd.exe\nG\t600\t\\x5cwin\nG\t40\t.exe\n"
                                   "F\tc\tfew\t40\t1\nG\t9\tabcd\n";
    static const char two[] = HEAD "F\tc\tf\t200\t1\nG\t60\t.exe\nG\t100\tcmd.\n";
    assert_int_equal(rates_add(r, SPAN("one"), span_of(one), &e), 0);
    assert_int_equal(rates_add(r, SPAN("two"), span_of(two), &e), 0);
    assert_null(rates_find(r, SPAN("c"), SPAN("few"))); /* too few events to say anything */
    assert_null(rates_find(r, SPAN("f"), SPAN("c")));
    const struct rates_field *f = rates_find(r, SPAN("c"), SPAN("f"));
    assert_non_null(f);
#define NEAR(kind, text, guess, want)                                                              \
    assert_true(rates_estimate(f, kind, SPAN(text), guess) > (want) * 0.95 &&                      \
                rates_estimate(f, kind, SPAN(text), guess) < (want) * 1.05)
    NEAR(RATE_VALUE, "system", 0.01, 0.4 / 1.02);
    NEAR(RATE_BASE, "\\cmd.exe", 0.01, 0.08 / 1.02);
    NEAR(RATE_CONTAINS, "cmd.exe", 0.5, 15.0 / 1020);  /* "md.e" is not listed: met less often than the floor of five */
    NEAR(RATE_CONTAINS, "cmd.", 0.01, 0.1 / 1.02);
    NEAR(RATE_STARTS, "\\win", 0.01, 0.3 / 1.02);      /* tied to an end: half */
    NEAR(RATE_CONTAINS, "ab", 0.3, 0.3);               /* too short for the table */
    NEAR(RATE_VALUE, "never seen", 0.001, 0.001);      /* a guess below the floor stays */
#undef NEAR
    rates_free(&r);
}

/* A table may change which part of a rule is looked for, never what matches. */
static void a_table_chooses_the_anchor(void **state)
{
    (void)state;
    static const char *const fields[] = {"F", NULL};
    static const struct kit_class classes[] = {{.name = "c", .sources = {{.product = {"p", 1}}}, .nsources = 1}};
    static const char *const tables[] = {
        NULL,
        HEAD "F\tc\tF\t1000\t1\nG\t900\taaaa\nG\t1\tbbbb\n",
        HEAD "F\tc\tF\t1000\t1\nG\t1\taaaa\nG\t900\tbbbb\n",
    };
    static const uint64_t candidates[ARRAY_LEN(tables)] = {0, 1, 2}; /* unknown; only by b; only by a */
    static const char *const events[] = {"{\"F\":\"xaaaax\"}", "{\"F\":\"aaaa again\"}", "{\"F\":\"xbbbb\"}", "{\"F\":\"none\"}"};
    for (size_t t = 0; t < ARRAY_LEN(tables); t++) {
        struct kit k;
        struct err e = {0};
        struct rates *r = tables[t] == NULL ? NULL : rates_new();
        struct matcher_stats stats;
        if (r != NULL) {
            assert_int_equal(rates_add(r, SPAN("t"), span_of(tables[t]), &e), 0);
        }
        kit_init(&k, fields, classes, 1);
        (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")},
                       kit_and(&k, kit_string(&k, "F", "*aaaa*"), kit_string(&k, "F", "*bbbb*")));
        const struct ruleset_options o = {.rates = r};
        kit_compile(&k, &o);
        for (size_t i = 0; i < ARRAY_LEN(events); i++) {
            assert_false(kit_matches(&k, kit_event(&k, span_of(events[i]), 0), 0));
        }
        matcher_stats(k.m, &stats);
        if (t > 0) {
            assert_int_equal(stats.candidates, candidates[t]);
        }
        assert_true(kit_matches(&k, kit_event(&k, SPAN("{\"F\":\"aaaabbbb\"}"), 0), 0));
        kit_fini(&k);
        rates_free(&r);
    }
}

/* What was learnt says what was in the events, reads back, and is the same for the same events. */
static void learning_counts_events(void **state)
{
    (void)state;
    static const char *const fields[] = {"F", NULL};
    static const struct kit_class classes[] = {{.name = "c", .sources = {{.product = {"p", 1}}}, .nsources = 1}};
    struct kit k;
    struct err e = {0};
    struct buf text[2];
    const struct learn_options o = {.floor = 2, .permille = 5, .values = true};
    kit_init(&k, fields, classes, 1);
    (void)kit_rule(&k, "r", (struct logsource){.product = SPAN("p")}, kit_string(&k, "F", "x"));
    kit_compile(&k, NULL);
    for (size_t round = 0; round < 2; round++) {
        struct learner *l = learner_new(&k.catalog, 100);
        for (int i = 0; i < 100; i++) {
            char json[128];
            (void)snprintf(json, sizeof json, "{\"F\":\"%s\"}", i % 4 == 0 ? "C:\\\\Windows\\\\CMD.exe" : i == 1 ? "once" : "other other");
            learner_event(l, kit_event(&k, span_of(json), 0));
        }
        assert_int_equal(learner_events(l), 100);
        buf_init(&text[round], LEARN_WRITTEN_MAX);
        learner_write(l, &o, &text[round]);
        learner_free(&l);
    }
    assert_true(span_eq(buf_view(&text[0]), buf_view(&text[1])));
    assert_null(memmem(text[0].data, text[0].len, "once", 4)); /* under the floor */
    struct rates *r = rates_new();
    assert_int_equal(rates_add(r, SPAN("learnt"), buf_view(&text[0]), &e), 0);
    const struct rates_field *f = rates_find(r, SPAN("c"), SPAN("F"));
    assert_non_null(f);
    double base = rates_estimate(f, RATE_BASE, SPAN("\\cmd.exe"), 0.001);
    double value = rates_estimate(f, RATE_VALUE, SPAN("other other"), 0.001);
    double gram = rates_estimate(f, RATE_CONTAINS, SPAN("othe"), 0.001); /* once per event, however often it stands there */
    assert_true(base > 0.2 && base < 0.25 && value > 0.6 && value < 0.75 && gram > 0.6 && gram < 0.75);
    rates_free(&r);
    buf_free(&text[0]);
    buf_free(&text[1]);
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bad_tables_are_refused_with_their_line),
        cmocka_unit_test(tables_add_up_and_tell),
        cmocka_unit_test(a_table_chooses_the_anchor),
        cmocka_unit_test(learning_counts_events),
    };
    return cmocka_run_group_tests_name("rates", tests, NULL, NULL);
}
