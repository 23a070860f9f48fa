/* SPDX-License-Identifier: EUPL-1.2 */
/* Table tests of every kind of predicate: the matcher and the plain evaluator must both give the answer written here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flow/detect/plan_kit.h"

static const char *const fields[] = {"f", "g", NULL};
static const struct kit_class one_class[] = {
    {.name = "any", .sources = {{.product = {"p", 1}}}, .nsources = 1},
};

static struct logsource everywhere(void)
{
    return (struct logsource){.product = SPAN("")};
}

/* The rule alone, on one event, by both evaluators. Padding rules make the field scanned by a database as well. */
static void expect(struct kit *k, const char *json, bool want, const char *what)
{
    struct event *ev = kit_event(k, span_of(json), 0);
    bool fast = kit_matches(k, ev, 0);
    bool plain = kit_reference(k, ev, 0);
    if (fast != want || plain != want) {
        fail_msg("%s on %s: wanted %d, matcher %d, reference %d", what, json, want, fast, plain);
    }
}

static void pad(struct kit *k)
{
    static const char *const words[] = {"*zq0*", "*zq1*", "*zq2*", "*zq3*", "zq4*", "*zq5", "zq6", "*\\\\zq7"};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        (void)kit_rule(k, words[i], everywhere(), kit_string(k, "f", words[i]));
        (void)kit_rule(k, words[i], everywhere(), kit_string(k, "", words[i]));
    }
}

/* Runs a one-rule kit over events, alone and among others. */
struct check {
    const char *json;
    bool want;
};
typedef const struct sigma_node *build_rule(struct kit *k, const void *arg);

static void run_checks(build_rule *build, const void *arg, const char *what,
                       const struct check *checks, size_t n)
{
    for (int padded = 0; padded < 2; padded++) {
        struct kit k;
        kit_init(&k, fields, one_class, 1);
        (void)kit_rule(&k, what, everywhere(), build(&k, arg));
        if (padded) {
            pad(&k);
        }
        kit_compile(&k, NULL);
        for (size_t i = 0; i < n; i++) {
            expect(&k, checks[i].json, checks[i].want, what);
        }
        kit_fini(&k);
    }
}

static const struct sigma_node *build_string(struct kit *k, const void *arg)
{
    return kit_string(k, "f", arg);
}

static const struct sigma_node *build_not_string(struct kit *k, const void *arg)
{
    return kit_not(k, kit_string(k, "f", arg));
}

static const struct sigma_node *build_cased(struct kit *k, const void *arg)
{
    return kit_string_span(k, "f", span_of(arg), true);
}

static const struct sigma_node *build_keyword(struct kit *k, const void *arg)
{
    return kit_string(k, "", arg);
}

static const struct sigma_node *build_cidr(struct kit *k, const void *arg)
{
    return kit_cidr(k, "f", arg);
}

#define RUN(build, arg, ...)                                                                       \
    do {                                                                                           \
        const struct check checks_[] = {__VA_ARGS__};                                              \
        run_checks(build, arg, #build " " arg, checks_, ARRAY_LEN(checks_));                       \
    } while (0)

static void strings(void **state)
{
    (void)state;
    RUN(build_string, "abc", {"{\"f\":\"ABC\"}", true}, {"{\"f\":\"abcd\"}", false},
        {"{\"f\":\"\"}", false}, {"{}", false}, {"{\"f\":null}", false}, {"{\"g\":\"abc\"}", false},
        {"{\"f\":[\"x\",\"abc\"]}", true}, {"{\"f\":[]}", false}, {"{\"f\":\"\\u0061bc\"}", true});
    RUN(build_string, "", {"{\"f\":\"\"}", true}, {"{\"f\":\" \"}", false}, {"{}", false},
        {"{\"f\":null}", false}, {"{\"f\":[\"a\",\"\"]}", true});
    RUN(build_string, "*", {"{\"f\":\"\"}", true}, {"{\"f\":0}", true}, {"{}", false},
        {"{\"f\":null}", false}, {"{\"f\":[null,false]}", true});
    RUN(build_string, "4624", {"{\"f\":4624}", true}, {"{\"f\":\"4624\"}", true},
        {"{\"f\":4624.0}", false}, {"{\"f\":\"04624\"}", false});
    RUN(build_string, "true", {"{\"f\":true}", true}, {"{\"f\":\"True\"}", true},
        {"{\"f\":1}", false}, {"{\"f\":false}", false});
    RUN(build_string, "abc*", {"{\"f\":\"abc\"}", true}, {"{\"f\":\"ABCd\"}", true},
        {"{\"f\":\"xabc\"}", false}, {"{\"f\":\"ab\"}", false});
    RUN(build_string, "*abc", {"{\"f\":\"abc\"}", true}, {"{\"f\":\"dABC\"}", true},
        {"{\"f\":\"abcx\"}", false}, {"{\"f\":\"abcabcx\"}", false}, {"{\"f\":\"abcxabc\"}", true});
    RUN(build_string, "*abc*", {"{\"f\":\"xxABCxx\"}", true}, {"{\"f\":\"abd\"}", false},
        {"{\"f\":\"ab\"}", false}, {"{\"f\":\"a\\nabc\\n\"}", true});
    RUN(build_string, "*\\\\cmd.exe", {"{\"f\":\"C:\\\\Windows\\\\CMD.exe\"}", true},
        {"{\"f\":\"cmd.exe\"}", false}, {"{\"f\":\"\\\\cmd.exe\"}", true},
        {"{\"f\":\"c:/cmd.exe\"}", false}, {"{\"f\":\"\\\\xcmd.exe\"}", false},
        {"{\"f\":\"\\\\cmd.exe\\\\\"}", false}, {"{\"f\":\"\\\\cmd.exe/x\"}", false});
    RUN(build_string, "*/bin/sh", {"{\"f\":\"/bin/sh\"}", true}, {"{\"f\":\"/usr/bin/sh\"}", true},
        {"{\"f\":\"/bin/bash\"}", false});
    RUN(build_not_string, "abc", {"{}", true}, {"{\"f\":null}", true}, {"{\"f\":\"abc\"}", false},
        {"{\"f\":[\"x\",\"abc\"]}", false}, {"{\"f\":[\"x\"]}", true});
    RUN(build_cased, "aBc*", {"{\"f\":\"aBcd\"}", true}, {"{\"f\":\"abcd\"}", false});
    RUN(build_cased, "*\xc3\x89t\xc3\xa9*", {"{\"f\":\"l'\xc3\x89t\xc3\xa9\"}", true},
        {"{\"f\":\"l'\xc3\xa9t\xc3\xa9\"}", false});
}

static void unicode(void **state)
{
    (void)state;
    RUN(build_string, "*STRASSE \xc3\x84*", {"{\"f\":\"die strasse \xc3\xa4 x\"}", true},
        {"{\"f\":\"die strasse a\"}", false}, {"{\"f\":\"die strasse \\u00c4\"}", true});
    /* The Kelvin sign folds to k, the long s to s: their folded texts are shorter. */
    RUN(build_string, "*mimikatz.exe*", {"{\"f\":\"mimi\xe2\x84\xaa" "atz.exe\"}", true},
        {"{\"f\":\"MIMI\\u212AATZ.EXE\"}", true});
    RUN(build_string, "*\xc5\xbfvc", {"{\"f\":\"SVC\"}", true});
    /* "?" is one character, and one stray byte. */
    RUN(build_string, "a?b", {"{\"f\":\"a\xc3\xa4" "b\"}", true}, {"{\"f\":\"axb\"}", true},
        {"{\"f\":\"ab\"}", false}, {"{\"f\":\"a\xf0\x9f\x98\x80" "b\"}", true},
        {"{\"f\":\"axxb\"}", false}, {"{\"f\":\"a\xff" "b\"}", true},
        {"{\"f\":\"a\xff\xff" "b\"}", false});
    RUN(build_string, "*??", {"{\"f\":\"\xe2\x82\xac\"}", false}, {"{\"f\":\"\xe2\x82\xac" "1\"}", true},
        {"{\"f\":\"x\"}", false}, {"{\"f\":\"12\"}", true});
    RUN(build_string, "??*", {"{\"f\":\"\xe2\x82\xac\"}", false}, {"{\"f\":\"\xe2\x82\xac" "1\"}", true});
    RUN(build_string, "*\x82\xac*", {"{\"f\":\"\xe2\x82\xac\"}", false}, {"{\"f\":\"x\x82\xacx\"}", true});
    RUN(build_string, "*\xe2\x82", {"{\"f\":\"x\xe2\x82\"}", true}, {"{\"f\":\"x\xe2\x82\xac\"}", false});
    RUN(build_string, "\xe2\x82*", {"{\"f\":\"\xe2\x82x\"}", true}, {"{\"f\":\"\xe2\x82\xac\"}", false});
}

static void wildcards(void **state)
{
    (void)state;
    RUN(build_string, "a*b*c", {"{\"f\":\"abc\"}", true}, {"{\"f\":\"aXbXc\"}", true},
        {"{\"f\":\"aXbXcX\"}", false}, {"{\"f\":\"acb\"}", false}, {"{\"f\":\"abcbc\"}", true});
    RUN(build_string, "*a?c*e", {"{\"f\":\"xxabce\"}", true}, {"{\"f\":\"abcabce\"}", true},
        {"{\"f\":\"acce\"}", true}, {"{\"f\":\"ace\"}", false});
    RUN(build_string, "a*a", {"{\"f\":\"a\"}", false}, {"{\"f\":\"aa\"}", true});
    RUN(build_string, "*ab*ab*", {"{\"f\":\"ab\"}", false}, {"{\"f\":\"abab\"}", true},
        {"{\"f\":\"aab\"}", false}, {"{\"f\":\"aabab\"}", true});
    RUN(build_string, "**a**", {"{\"f\":\"bab\"}", true}, {"{\"f\":\"b\"}", false});
    RUN(build_string, "?", {"{\"f\":\"x\"}", true}, {"{\"f\":\"\"}", false}, {"{\"f\":\"xx\"}", false});
    RUN(build_string, "a\\*b", {"{\"f\":\"a*b\"}", true}, {"{\"f\":\"axb\"}", false});
    RUN(build_string, "a\\?b*", {"{\"f\":\"a?bc\"}", true}, {"{\"f\":\"axbc\"}", false});
    RUN(build_string, "*a\nb*", {"{\"f\":\"xa\\nbx\"}", true}, {"{\"f\":\"xabx\"}", false});
}

static void keywords(void **state)
{
    (void)state;
    RUN(build_keyword, "*secret*", {"{\"x\":\"a SECRET\"}", true}, {"{\"f\":[1,\"secrets\"]}", true},
        {"{\"secret\":1}", false}, {"{\"x\":\"sec\",\"y\":\"ret\"}", false},
        {"{\"x\":{\"y\":[{\"z\":\"secret\"}]}}", true}, {"{}", false});
    /* Found in the record as it came, however it is spelled there. */
    RUN(build_keyword, "*kiosk/mas\\\\x*", {"{\"x\":\"a KIOSK\\/mas\\\\x\"}", true},
        {"{\"x\":\"\xe2\x84\xaaiosk/mas\\\\x\"}", true}, {"{\"x\":\"kio\\u0053k/mas\\\\x\"}", true},
        {"{\"x\":\"kio\xc5\xbfk/MAS\\\\X\"}", true}, {"{\"x\":\"kiosk/mas/x\"}", false},
        {"{\"kiosk/mas\\\\x\":1}", false}, {"{\"x\":\"kio\\u212A/mas\\\\x kios\"}", false},
        {"{\"x\":\"kios\\u212A/mas\\\\x\"}", true});
    RUN(build_keyword, "*a*c*", {"{\"x\":\"abc\"}", true}, {"{\"x\":\"a\",\"y\":\"c\"}", false});
    RUN(build_keyword, "*true*", {"{\"x\":true}", true}, {"{\"x\":null}", false});
}

static void raw_line_keywords(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, one_class, 1);
    (void)kit_rule(&k, "kw", everywhere(), kit_string(&k, "", "*session opened for user root*"));
    kit_compile(&k, NULL);
    struct event *ev = kit_event(&k, SPAN("{}"), 0);
    ev->keywords_raw = true;
    ev->raw = SPAN("su: Session opened for user ROOT by x");
    assert_true(kit_matches(&k, ev, 0) && kit_reference(&k, ev, 0));
    ev = kit_event(&k, SPAN("{\"f\":\"session opened for user root\"}"), 0);
    ev->keywords_raw = true;
    ev->raw = SPAN("nothing of it");
    assert_false(kit_matches(&k, ev, 0) || kit_reference(&k, ev, 0));
    kit_fini(&k);
}

static void cidrs(void **state)
{
    (void)state;
    RUN(build_cidr, "10.0.0.0/8", {"{\"f\":\"10.255.0.1\"}", true}, {"{\"f\":\"11.0.0.1\"}", false},
        {"{\"f\":\"10.0.0\"}", false}, {"{\"f\":\"010.0.0.1\"}", false}, {"{\"f\":\"-\"}", false},
        {"{\"f\":\"10.0.0.1 \"}", false}, {"{\"f\":[\"x\",\"10.1.1.1\"]}", true}, {"{}", false},
        {"{\"f\":\"::ffff:10.0.0.1\"}", false}, {"{\"f\":\"10.0.0.1\\u0000\"}", false});
    RUN(build_cidr, "192.168.128.0/17", {"{\"f\":\"192.168.128.0\"}", true},
        {"{\"f\":\"192.168.255.255\"}", true}, {"{\"f\":\"192.168.127.255\"}", false});
    RUN(build_cidr, "0.0.0.0/0", {"{\"f\":\"1.2.3.4\"}", true}, {"{\"f\":\"::1\"}", false});
    RUN(build_cidr, "1.2.3.4/32", {"{\"f\":\"1.2.3.4\"}", true}, {"{\"f\":\"1.2.3.5\"}", false});
    RUN(build_cidr, "fe80::/10", {"{\"f\":\"fe80:0:0:0:1:2:3:4\"}", true},
        {"{\"f\":\"FEBF::1\"}", true}, {"{\"f\":\"fec0::1\"}", false},
        {"{\"f\":\"fe80::1%eth0\"}", true}, {"{\"f\":\"fe80::1%\"}", false},
        {"{\"f\":\"fe80\"}", false}, {"{\"f\":\"10.0.0.1%eth0\"}", false});
    RUN(build_cidr, "::1/128", {"{\"f\":\"0:0:0:0:0:0:0:1\"}", true}, {"{\"f\":\"::2\"}", false});
}

struct number_case {
    enum sigma_cmp cmp;
    double number;
    bool time;
    enum sigma_timepart part;
};

static const struct sigma_node *build_number(struct kit *k, const void *arg)
{
    const struct number_case *c = arg;
    const struct sigma_node *n;
    struct sigma_pred *p = kit_pred(k, c->time ? PRED_TIMEPART : PRED_COMPARE, "f", &n);
    p->cmp = c->cmp;
    p->number = c->number;
    p->timepart = c->part;
    return n;
}

static void numbers(void **state)
{
    (void)state;
    const struct check over[] = {{"{\"f\":6}", true}, {"{\"f\":\"6\"}", true}, {"{\"f\":5}", false},
                                 {"{\"f\":5.5}", true}, {"{\"f\":\"1e2\"}", true},
                                 {"{\"f\":\"0x10\"}", false}, {"{\"f\":\"six\"}", false},
                                 {"{\"f\":true}", false}, {"{\"f\":[1,9]}", true}, {"{}", false},
                                 {"{\"f\":null}", false}, {"{\"f\":\"\"}", false}, {"{\"f\":-6}", false}};
    const struct number_case gt = {.cmp = CMP_GT, .number = 5};
    run_checks(build_number, &gt, "gt 5", over, ARRAY_LEN(over));
    const struct check edges[] = {{"{\"f\":5}", true}, {"{\"f\":5.0}", true}, {"{\"f\":4.9}", false}};
    const struct number_case gte = {.cmp = CMP_GTE, .number = 5};
    run_checks(build_number, &gte, "gte 5", edges, ARRAY_LEN(edges));
    const struct check eq[] = {{"{\"f\":5}", true}, {"{\"f\":\"5.00\"}", true}, {"{\"f\":6}", false}};
    const struct number_case same = {.cmp = CMP_EQ, .number = 5};
    run_checks(build_number, &same, "eq 5", eq, ARRAY_LEN(eq));
    const struct check lt[] = {{"{\"f\":-1}", true}, {"{\"f\":0}", false}, {"{\"f\":\"x\"}", false}};
    const struct number_case less = {.cmp = CMP_LT, .number = 0};
    run_checks(build_number, &less, "lt 0", lt, ARRAY_LEN(lt));
    const struct check ne[] = {{"{\"f\":1}", true}, {"{\"f\":0}", false}, {"{}", false}};
    const struct number_case differ = {.cmp = CMP_NEQ, .number = 0};
    run_checks(build_number, &differ, "neq 0", ne, ARRAY_LEN(ne));
}

static void time_parts_of_dates(void **state)
{
    (void)state;
    static const struct {
        enum sigma_timepart part;
        double want;
        const char *json;
    } cases[] = {
        {TIME_HOUR, 23, "{\"f\":\"2024-02-29T23:59:58.123Z\"}"},
        {TIME_HOUR, 23, "{\"f\":\"2024-02-29 23:59:58\"}"},
        {TIME_HOUR, 23, "{\"f\":\"2024-02-29T23:59:58+05:00\"}"}, /* as written */
        {TIME_MINUTE, 59, "{\"f\":\"2024-02-29T23:59:58Z\"}"},
        {TIME_DAY_OF_MONTH, 29, "{\"f\":\"2024-02-29\"}"},
        {TIME_MONTH, 2, "{\"f\":\"2024/02/29 01:02\"}"},
        {TIME_YEAR, 2024, "{\"f\":\"2024-02-29\"}"},
        {TIME_WEEK, 9, "{\"f\":\"2024-02-29\"}"},
        {TIME_WEEK, 53, "{\"f\":\"2021-01-03\"}"}, /* Sunday of the last week of 2020 */
        {TIME_WEEK, 1, "{\"f\":\"2024-12-30\"}"},
        {TIME_YEAR, 2020, "{\"f\":1591367999.305988}"},
        {TIME_HOUR, 14, "{\"f\":1591367999305}"},
        {TIME_WEEK, 1, "{\"f\":\"1970-01-01\"}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct number_case c = {.cmp = CMP_EQ, .number = cases[i].want, .time = true, .part = cases[i].part};
        const struct check good[] = {{cases[i].json, true}, {"{\"f\":\"yesterday\"}", false},
                                     {"{\"f\":\"2023-02-29\"}", false}, {"{}", false},
                                     {"{\"f\":\"2024-13-01\"}", false}};
        run_checks(build_number, &c, "time part", good, ARRAY_LEN(good));
        const struct number_case off = {.cmp = CMP_EQ, .number = cases[i].want + 1, .time = true, .part = cases[i].part};
        const struct check bad[] = {{cases[i].json, false}};
        run_checks(build_number, &off, "time part + 1", bad, 1);
    }
}

static const struct sigma_node *build_null(struct kit *k, const void *arg)
{
    (void)arg;
    const struct sigma_node *n;
    (void)kit_pred(k, PRED_NULL, "f", &n);
    return n;
}

static const struct sigma_node *build_exists(struct kit *k, const void *arg)
{
    const struct sigma_node *n;
    kit_pred(k, PRED_EXISTS, "f", &n)->want = *(const char *)arg == 'y';
    return n;
}

static const struct sigma_node *build_unknown_field(struct kit *k, const void *arg)
{
    const struct sigma_node *n;
    (void)arg;
    (void)kit_pred(k, PRED_NULL, "in no view", &n);
    return kit_and(k, n, kit_not(k, kit_string(k, "in no view", "*")));
}

static void presence(void **state)
{
    (void)state;
    RUN(build_null, "", {"{}", true}, {"{\"f\":null}", true}, {"{\"f\":\"\"}", false},
        {"{\"f\":0}", false}, {"{\"f\":[null,1]}", true});
    RUN(build_exists, "y", {"{}", false}, {"{\"f\":null}", true}, {"{\"f\":\"\"}", true});
    RUN(build_exists, "n", {"{}", true}, {"{\"f\":null}", false}, {"{\"f\":\"\"}", false});
    RUN(build_unknown_field, "", {"{}", true}, {"{\"f\":1}", true});
}

struct ref_case {
    enum sigma_match_mode mode;
    bool cased;
};

static const struct sigma_node *build_fieldref(struct kit *k, const void *arg)
{
    const struct ref_case *c = arg;
    const struct sigma_node *n;
    struct sigma_pred *p = kit_pred(k, PRED_FIELDREF, "f", &n);
    p->other = SPAN("g");
    p->mode = c->mode;
    p->cased = c->cased;
    return n;
}

static void fieldrefs(void **state)
{
    (void)state;
    const struct ref_case whole = {MATCH_WHOLE, false};
    const struct check w[] = {{"{\"f\":\"Abc\",\"g\":\"aBC\"}", true}, {"{\"f\":\"a\",\"g\":\"b\"}", false},
                              {"{\"f\":\"a\"}", false}, {"{}", false}, {"{\"f\":null,\"g\":null}", false},
                              {"{\"f\":5,\"g\":\"5\"}", true}, {"{\"f\":[1,2],\"g\":[3,2]}", true},
                              {"{\"f\":\"\",\"g\":\"\"}", true}, {"{\"f\":\"*\",\"g\":\"x\"}", false}};
    run_checks(build_fieldref, &whole, "fieldref", w, ARRAY_LEN(w));
    const struct ref_case starts = {MATCH_STARTS, false};
    const struct check s[] = {{"{\"f\":\"abcd\",\"g\":\"AB\"}", true}, {"{\"f\":\"ab\",\"g\":\"abc\"}", false}};
    run_checks(build_fieldref, &starts, "fieldref|startswith", s, ARRAY_LEN(s));
    const struct ref_case ends = {MATCH_ENDS, false};
    const struct check e[] = {{"{\"f\":\"abcd\",\"g\":\"CD\"}", true}, {"{\"f\":\"abcd\",\"g\":\"bc\"}", false}};
    run_checks(build_fieldref, &ends, "fieldref|endswith", e, ARRAY_LEN(e));
    const struct ref_case has = {MATCH_CONTAINS, false};
    const struct check h[] = {{"{\"f\":\"abcd\",\"g\":\"BC\"}", true}, {"{\"f\":\"abcd\",\"g\":\"\"}", true},
                              {"{\"f\":\"abcd\",\"g\":\"x\"}", false}};
    run_checks(build_fieldref, &has, "fieldref|contains", h, ARRAY_LEN(h));
    const struct ref_case cased = {MATCH_WHOLE, true};
    const struct check c[] = {{"{\"f\":\"Abc\",\"g\":\"Abc\"}", true}, {"{\"f\":\"Abc\",\"g\":\"abc\"}", false}};
    run_checks(build_fieldref, &cased, "fieldref|cased", c, ARRAY_LEN(c));
}

struct regex_case {
    const char *pattern;
    unsigned flags;
};

static const struct sigma_node *build_regex(struct kit *k, const void *arg)
{
    const struct regex_case *c = arg;
    return kit_regex(k, "f", c->pattern, c->flags);
}

static void regexes(void **state)
{
    (void)state;
    const struct regex_case word = {"cmd[0-9]+\\.exe$", 0};
    const struct check w[] = {{"{\"f\":\"x cmd12.exe\"}", true}, {"{\"f\":\"x CMD12.exe\"}", false},
                              {"{\"f\":\"cmd1.exe x\"}", false}, {"{}", false},
                              {"{\"f\":[\"a\",\"cmd1.exe\"]}", true}};
    run_checks(build_regex, &word, "regex", w, ARRAY_LEN(w));
    const struct regex_case nocase = {"a.c", REGEX_I};
    const struct check n[] = {{"{\"f\":\"xABCx\"}", true}, {"{\"f\":\"a\\nc\"}", false}};
    run_checks(build_regex, &nocase, "regex|i", n, ARRAY_LEN(n));
    const struct regex_case dot = {"a.c", REGEX_S};
    const struct check d[] = {{"{\"f\":\"a\\nc\"}", true}, {"{\"f\":\"AxC\"}", false}};
    run_checks(build_regex, &dot, "regex|s", d, ARRAY_LEN(d));
    const struct regex_case multi = {"^b$", REGEX_M};
    const struct check m[] = {{"{\"f\":\"a\\nb\\nc\"}", true}, {"{\"f\":\"ab\"}", false}};
    run_checks(build_regex, &multi, "regex|m", m, ARRAY_LEN(m));
    const struct regex_case inner = {"(?i)evil|\\\\tmp\\\\[a-z]{2,3}", 0};
    const struct check i[] = {{"{\"f\":\"EVIL\"}", true}, {"{\"f\":\"c:\\\\TMP\\\\ab\"}", true}, {"{\"f\":\"tmp\"}", false}};
    run_checks(build_regex, &inner, "regex (?i)", i, ARRAY_LEN(i));
    const struct regex_case invalid = {"bad.byte", 0};
    const struct check b[] = {{"{\"f\":\"\xff bad byte\"}", true}, {"{\"f\":\"bad\xff" "byte\"}", false},
                              {"{\"f\":\"bad\xc3\xa4" "byte\"}", true}};
    run_checks(build_regex, &invalid, "regex on bad UTF-8", b, ARRAY_LEN(b));
    const struct regex_case empty = {"^$", 0};
    const struct check e[] = {{"{\"f\":\"\"}", true}, {"{\"f\":\"x\"}", false}, {"{\"f\":null}", false}};
    run_checks(build_regex, &empty, "empty regex", e, ARRAY_LEN(e));
}

/* A stopped rule is evaluated no more, alone; a watched one is timed and judges as before. */
static void marked_rules(void **state)
{
    (void)state;
    struct kit k;
    struct matcher_cost costs[2];
    kit_init(&k, fields, one_class, 1);
    (void)kit_rule(&k, "one", everywhere(), kit_string(&k, "f", "*secret*"));
    (void)kit_rule(&k, "two", everywhere(), kit_string(&k, "f", "*secret*"));
    kit_compile(&k, NULL);
    struct event *ev = kit_event(&k, SPAN("{\"f\":\"a secret\"}"), 0);
    assert_true(kit_matches(&k, ev, 0));
    assert_int_equal(matcher_watched_ns(k.m, 0), 0);
    matcher_mark(k.m, 0, MATCHER_WATCH);
    assert_true(kit_matches(&k, ev, 0));
    assert_true(matcher_watched_ns(k.m, 0) > 0 && matcher_watched_ns(k.m, 1) == 0);
    matcher_mark(k.m, 0, MATCHER_STOP);
    assert_true(matcher_stopped(k.m, 0) && !matcher_stopped(k.m, 1));
    assert_false(kit_matches(&k, ev, 0));
    assert_true(kit_matches(&k, ev, 1));
    matcher_costs(k.m, costs);
    assert_int_equal(costs[0].hits, 2);
    matcher_mark(k.m, 0, MATCHER_PLAIN);
    assert_true(kit_matches(&k, ev, 0));
    kit_fini(&k);
}

static void what_each_rule_costs_is_counted(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, one_class, 1);
    (void)kit_rule(&k, "hits", everywhere(), kit_string(&k, "f", "*needle*"));
    (void)kit_rule(&k, "woken for nothing", everywhere(),
                   kit_and(&k, kit_string(&k, "f", "*needle*"), kit_not(&k, kit_string(&k, "f", "*e*"))));
    (void)kit_rule(&k, "sleeps", everywhere(), kit_string(&k, "f", "*nothing has this*"));
    pad(&k);
    kit_compile(&k, NULL);
    for (int i = 0; i < 200; i++) { /* the same values again and again: the memo answers */
        const struct match *found;
        struct event *ev = kit_event(&k, i % 2 == 0 ? SPAN("{\"f\":\"a needle\"}") : SPAN("{\"f\":\"hay\"}"), 0);
        assert_int_equal(matcher_run(k.m, ev, &found), i % 2 == 0);
    }
    struct matcher_cost *costs = arena_calloc(&k.arena, ruleset_nrules(k.rs), sizeof *costs);
    matcher_costs(k.m, costs);
    const uint64_t want[3][3] = {{200, 100, 100}, {200, 100, 0}, {200, 0, 0}};
    for (int r = 0; r < 3; r++) {
        assert_int_equal(costs[r].events, want[r][0]);
        assert_int_equal(costs[r].candidates, want[r][1]);
        assert_int_equal(costs[r].hits, want[r][2]);
    }
    assert_int_equal(costs[2].ns, 0);
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings),    cmocka_unit_test(unicode),
        cmocka_unit_test(wildcards),  cmocka_unit_test(keywords),
        cmocka_unit_test(raw_line_keywords), cmocka_unit_test(cidrs),
        cmocka_unit_test(numbers),    cmocka_unit_test(time_parts_of_dates),
        cmocka_unit_test(presence),   cmocka_unit_test(fieldrefs),
        cmocka_unit_test(regexes),    cmocka_unit_test(marked_rules),
        cmocka_unit_test(what_each_rule_costs_is_counted),
    };
    return cmocka_run_group_tests_name("match", tests, NULL, NULL);
}
