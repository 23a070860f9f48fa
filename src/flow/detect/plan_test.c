/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the planner promises beyond right verdicts: few candidates, equal bytes for equal input, plans that another
 * process can use read-only, literals of regular expressions that lose no match, and reasons that point at the right bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/mem.h"
#include "flow/detect/plan_build.h"
#include "flow/detect/plan_kit.h"

static const char *const fields[] = {"Image", "CommandLine", "EventID", "User", NULL};
static const struct kit_class classes[] = {
    {.name = "win", .sources = {{.product = {"windows", 7}}}, .nsources = 1, .split = "EventID"},
    {.name = "twin", .sources = {{.product = {"windows", 7}}}, .nsources = 1, .split = "EventID"},
};

static struct logsource windows(void)
{
    return (struct logsource){.product = SPAN("windows")};
}

static const struct sigma_node *numbered(struct kit *k, const char *field, const char *form, int i)
{
    return kit_string(k, field, arena_printf(&k->arena, "%s%04d%s", form, i, form[0] == '*' ? "*" : ""));
}

static void add_rules(struct kit *k, int n)
{
    for (int i = 0; i < n; i++) {
        const struct sigma_node *body = kit_or(k, numbered(k, "CommandLine", "*word", i),
                                               numbered(k, "Image", "tool", i));
        (void)kit_rule(k, "body", windows(), body);
        (void)kit_rule(k, "id", windows(), kit_and(k, numbered(k, "EventID", "", i), kit_string(k, "User", "*")));
    }
}

static uint64_t candidates(struct kit *k, const char *json)
{
    struct matcher_stats before;
    struct matcher_stats after;
    const struct match *found;
    matcher_stats(k->m, &before);
    (void)matcher_run(k->m, kit_event(k, span_of(json), 0), &found);
    matcher_stats(k->m, &after);
    return after.candidates - before.candidates;
}

static void only_woken_rules_are_tried(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    add_rules(&k, 500);
    kit_compile(&k, NULL);
    assert_int_equal(candidates(&k, "{\"CommandLine\":\"nothing\",\"Image\":\"x\",\"User\":\"u\"}"), 0);
    assert_int_equal(candidates(&k, "{\"CommandLine\":\"a word0007 b\",\"User\":\"u\"}"), 1);
    assert_int_equal(candidates(&k, "{\"EventID\":\"0003\",\"User\":\"u\"}"), 1);
    assert_int_equal(candidates(&k, "{\"EventID\":\"0003\"}"), 0);
    assert_int_equal(candidates(&k, "{\"EventID\":[\"0003\",\"0004\"],\"User\":\"u\"}"), 2);
    const struct ruleset_options off = {.reference = true};
    kit_compile(&k, &off);
    assert_int_equal(candidates(&k, "{\"CommandLine\":\"nothing\"}"), 1000);
    kit_fini(&k);
}

static void two_anchors_wake_a_rule_together(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    const struct sigma_node *image = kit_or(&k, kit_string(&k, "Image", "*\\\\tool.exe"), kit_string(&k, "User", "operator"));
    (void)kit_rule(&k, "both", windows(), kit_and(&k, image, kit_string(&k, "CommandLine", "*shadows*")));
    (void)kit_rule(&k, "short", windows(), kit_and(&k, kit_string(&k, "CommandLine", "*-q*"), kit_string(&k, "Image", "*tool*")));
    kit_compile(&k, NULL);
    assert_int_equal(candidates(&k, "{\"Image\":\"c:\\\\tool.exe\",\"CommandLine\":\"x\"}"), 1); /* "tool" alone: its other is too short */
    assert_int_equal(candidates(&k, "{\"Image\":\"c:\\\\other.exe\",\"CommandLine\":\"shadows\"}"), 0);
    assert_int_equal(candidates(&k, "{\"User\":\"operator\",\"CommandLine\":\"shadows\"}"), 1);
    assert_int_equal(candidates(&k, "{\"Image\":\"c:\\\\tool.exe\",\"CommandLine\":\"to shadows -q\"}"), 2);
    kit_fini(&k);
}

static void equal_classes_share_their_plans(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    add_rules(&k, 50);
    kit_compile(&k, NULL);
    const struct plan_stage *a = &k.rs->chains[0].stages[0];
    const struct plan_stage *b = &k.rs->chains[1].stages[0];
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(a->whole, b->whole);
    assert_ptr_equal(a->other, b->other);
    assert_int_equal(a->values->n, 50);
    assert_int_equal(a->other->nrules, 50);
    assert_int_equal(a->by_value[0]->nrules, 51);
    kit_fini(&k);
}

static void equal_input_gives_equal_bytes(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    add_rules(&k, 300);
    kit_compile(&k, NULL);
    size_t used = (size_t)(k.region.next - k.region.base);
    char *first = mem_alloc(used);
    memcpy(first, k.region_bytes, used);
    matcher_free(&k.m);
    assert_int_equal(madvise(k.region_bytes, KIT_REGION_BYTES, MADV_DONTNEED), 0);
    kit_compile(&k, NULL);
    assert_int_equal((size_t)(k.region.next - k.region.base), used);
#ifndef SERENO_NO_SANDBOX /* a sanitizer build: its gaps may not be read, and clang 14 leaves padding as it was */
    assert_memory_equal(first, k.region_bytes, used);
#endif
    mem_free(first);
    kit_fini(&k);
}

extern char __executable_start[];
extern char _end[];

/* Other programs map the region: not one word of it may point at this program's constants or at its heap. */
static void the_region_points_at_nothing_else(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    add_rules(&k, 200);
    (void)kit_rule(&k, "keyword", windows(), kit_string(&k, "", "*mimikatz*"));
    (void)kit_rule(&k, "re", windows(), kit_regex(&k, "User", "^ro+t$", 0));
    (void)kit_rule(&k, "glob", windows(), kit_string(&k, "User", "a*b?c"));
    (void)kit_rule(&k, "cidr", windows(), kit_cidr(&k, "User", "10.0.0.0/8"));
    kit_compile(&k, NULL);
    uintptr_t heap = (uintptr_t)mem_strdup("somewhere in the heap");
    for (const char *p = k.region.base; p + sizeof(uintptr_t) <= k.region.next; p += sizeof(uintptr_t)) {
        uintptr_t word;
        memcpy(&word, p, sizeof word);
        if ((word >= (uintptr_t)__executable_start && word < (uintptr_t)_end) ||
            word >> 24 == heap >> 24) {
            fail_msg("byte %zu points out of the region", (size_t)(p - k.region.base));
        }
    }
    mem_free((void *)heap);
    kit_fini(&k);
}

/* A child compiles into shared memory at a fixed address and is gone; this process maps it read-only and matches. */
static void another_process_can_use_the_plan(void **state)
{
    (void)state;
    enum { BYTES = 64 * 1024 * 1024 };
    void *const where = (void *)UINT64_C(0x5e0000000000);
    struct kit k;
    kit_init(&k, fields, classes, 2);
    add_rules(&k, 300);
    (void)kit_rule(&k, "re", windows(), kit_regex(&k, "User", "^ro+t$", 0));
    int fd = memfd_create("rules", MFD_CLOEXEC);
    assert_true(fd >= 0 && ftruncate(fd, BYTES) == 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct err e = {0};
        struct arena region;
        const struct ruleset *rs;
        void *at = mmap(where, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
        CHECK(at == where);
        arena_init_region(&region, at, BYTES);
        const struct ruleset **head = arena_alloc(&region, sizeof *head);
        int rc = ruleset_compile(k.set, &k.catalog, &region, NULL, &rs, &e);
        *head = rs;
        _exit(rc == 0 ? 0 : 1);
    }
    int status;
    assert_true(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    void *at = mmap(where, BYTES, PROT_READ, MAP_SHARED | MAP_FIXED_NOREPLACE, fd, 0);
    assert_ptr_equal(at, where);
    struct err e = {0};
    k.rs = *(const struct ruleset *const *)at;
    k.m = matcher_new(k.rs, &k.catalog, &e);
    assert_non_null(k.m);
    struct event *ev = kit_event(&k, SPAN("{\"CommandLine\":\"WORD0123\",\"EventID\":\"0042\",\"User\":\"root\"}"), 0);
    const struct match *found;
    assert_int_equal(matcher_run(k.m, ev, &found), 3);
    assert_int_equal(found[0].rule, 85);
    assert_int_equal(found[1].rule, 246);
    assert_int_equal(found[2].rule, 600);
    struct arena scratch;
    arena_init(&scratch, 0);
    const struct alert_why *why;
    assert_int_equal(matcher_explain(k.m, ev, &found[1], &scratch, &why), 1);
    arena_fini(&scratch);
    kit_fini(&k);
    assert_int_equal(munmap(at, BYTES), 0);
    assert_int_equal(close(fd), 0);
}

static void literals_of_regular_expressions(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *literal;
    } cases[] = {
        {"abc", "abc"},
        {"ABC", "abc"},
        {"^abc$", "abc"},
        {"ab+c", "ab"},
        {"ab?cd", "cd"},
        {"ab*cd", "cd"},
        {"ab{0,3}cd", "cd"},
        {"ab{2}cd", "ab"},
        {"ab{,3}cd", "cd"},
        {"a{2}{3}b", ""},
        {"a|bcd", ""},
        {"(a|b)cd", "cd"},
        {"(?:abc)?de", "de"},
        {"(?i)AbC[x]y", "abc"},
        {"(?x)a b", ""},
        {"(?i-x:a b)cd", ""},
        {"\\\\cmd\\.exe", "\\cmd.exe"},
        {"ab\\dcd\\x41", ""},
        {"ab\\d+cde", "cde"},
        {"ab\\Qc|d\\E", ""},
        {"[abc]de", "de"},
        {"[]a]bc", "bc"},
        {"[^]a]bc", "bc"},
        {"[[:alpha:]]bc", "bc"},
        {"[\\]x]bc", "bc"},
        {"[a-z", ""},
        {"ab(*ACCEPT)cd", ""},
        {"ab(?#c)d", ""},
        {"a.c", "a"},
        {"\xc3\x89t\xc3\xa9?x", "\xc3\xa9t"},
        {"", ""},
        {"a{x}", "x}"},
        {"ab\\", ""},
        {"(a[)]b)cd", "cd"},
        {"(a\\)b)cd", "cd"},
        {"a++b", "a"},
        {"ab+?cde", "cde"},
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span all[PLAN_NEEDED_MAX];
        struct span got = plan_regex_literals(&a, span_of(cases[i].pattern), all) > 0 ? all[0] : SPAN("");
        if (!span_eq(got, span_of(cases[i].literal))) {
            fail_msg("%s: wanted '%s', got '%.*s'", cases[i].pattern, cases[i].literal, SPAN_ARG(got));
        }
    }
    arena_fini(&a);
}

static void all_literals_of_a_regular_expression(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct span all[PLAN_NEEDED_MAX];
    static const char *const longest[PLAN_NEEDED_MAX] = {"dddd", "ccc", "xxx", "bb"};
    assert_int_equal(plan_regex_literals(&a, SPAN("a.bb.CCC.dddd.xxx.y"), all), PLAN_NEEDED_MAX);
    for (size_t i = 0; i < PLAN_NEEDED_MAX; i++) {
        assert_true(span_eq(all[i], span_of(longest[i])));
    }
    assert_int_equal(plan_regex_literals(&a, SPAN("(set).*&&\\s?set.*\""), all), 3);
    assert_true(span_eq(all[0], SPAN("set")) && span_eq(all[1], SPAN("&&")) && span_eq(all[2], SPAN("\"")));
    arena_fini(&a);
}

/* ---- hostile rules and values ---- */

static struct span repeated(struct kit *k, const char *head, char c, size_t n, const char *tail)
{
    size_t h = strlen(head);
    size_t t = strlen(tail);
    char *out = arena_bytes(&k->arena, h + n + t);
    memcpy(out, head, h);
    memset(out + h, c, n);
    memcpy(out + h + n, tail, t);
    return span_make(out, h + n + t);
}

static void hostile_patterns_end(void **state)
{
    (void)state;
    enum { STARS = 200, VALUE = 20000, SECONDS_MAX = 20 };
    struct kit k;
    kit_init(&k, fields, classes, 2);
    char stars[STARS * 2 + 2];
    for (int i = 0; i < STARS; i++) {
        memcpy(stars + (size_t)i * 2, "*a", 2);
    }
    memcpy(stars + (size_t)STARS * 2, "b", 1);
    (void)kit_rule(&k, "stars", windows(), kit_string_span(&k, "User", span_make(stars, sizeof stars - 1), false));
    (void)kit_rule(&k, "ones", windows(), kit_string(&k, "User", "*a?a?a?a?a?a?a?a?b*a?b"));
    (void)kit_rule(&k, "re", windows(), kit_regex(&k, "User", "^(a+)+$", 0));
    (void)kit_rule(&k, "re2", windows(), kit_regex(&k, "User", "(a*)*(a|aa)*c", 0));
    kit_compile(&k, NULL);
    time_ns from = clock_cpu();
    struct event *ev = kit_event(&k, repeated(&k, "{\"User\":\"", 'a', VALUE, "!\"}"), 0);
    const struct match *found;
    assert_int_equal(matcher_run(k.m, ev, &found), 0);
    assert_true(clock_cpu() - from < SECONDS_MAX * TIME_SECOND);
    struct matcher_stats s;
    matcher_stats(k.m, &s);
    assert_true(s.regex_limits >= 1);
    kit_fini(&k);
}

static void long_literals_and_values(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    const char *const ends[] = {"*%s", "%s*", "*%s*", "%s"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        for (int n = 0; n < 3; n++) {
            struct span lit = repeated(&k, "", (char)('p' + n), 3000, "");
            char *pattern = arena_bytes(&k.arena, lit.len + 2);
            size_t len = 0;
            if (ends[i][0] == '*') {
                pattern[len++] = '*';
            }
            memcpy(pattern + len, lit.ptr, lit.len);
            len += lit.len;
            if (ends[i][strlen(ends[i]) - 1] == '*') {
                pattern[len++] = '*';
            }
            (void)kit_rule(&k, "long", windows(), kit_string_span(&k, "User", span_make(pattern, len), false));
        }
    }
    kit_compile(&k, NULL);
    struct event *ev = kit_event(&k, repeated(&k, "{\"User\":\"", 'Q', 3000, "\"}"), 0);
    const struct match *found;
    assert_int_equal(matcher_run(k.m, ev, &found), 4);
    ev = kit_event(&k, repeated(&k, "{\"User\":\"x", 'q', 3000, "\"}"), 0);
    assert_int_equal(matcher_run(k.m, ev, &found), 2);
    ev = kit_event(&k, repeated(&k, "{\"User\":\"", 'q', 2999, "\"}"), 0);
    assert_int_equal(matcher_run(k.m, ev, &found), 0);
    kit_fini(&k);
}

/* Sets of literals with one byte in common, texts in which it is rare: leaping to that byte has lost matches before. */
static void literals_that_share_a_rare_byte(void **state)
{
    (void)state;
    enum { LITERALS = 60, TEXTS = 400, TEXT_MAX = 220 };
    static const char letters[] = "abcxe./0zqw-";
    uint64_t seed = 88172645463325252u;
    uint32_t found_some = 0;
    for (uint32_t shared = 0; shared < 6; shared++) {
        struct kit k;
        struct span literals[LITERALS];
        kit_init(&k, fields, classes, 2);
        for (uint32_t i = 0; i < LITERALS; i++) {
            char pattern[32] = "*";
            size_t n = 2 + shared + i % 9;
            for (size_t c = 0; c < n; c++) {
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
                pattern[1 + c] = c == shared ? '#' : letters[(seed >> 40) % (sizeof letters - 1)];
            }
            pattern[1 + n] = '*';
            literals[i] = arena_copy(&k.arena, span_make(pattern + 1, n));
            (void)kit_rule(&k, "l", windows(), kit_string_span(&k, "User", span_make(pattern, n + 2), false));
        }
        kit_compile(&k, NULL);
        for (uint32_t t = 0; t < TEXTS; t++) {
            char json[TEXT_MAX + 64] = "{\"User\":\"";
            size_t at = strlen(json);
            size_t from = at;
            for (size_t n = 30 + t % (TEXT_MAX - 30); n > 0; n--) {
                seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
                json[at++] = letters[(seed >> 40) % (sizeof letters - 1)];
            }
            struct span put = literals[t % LITERALS];
            memcpy(json + from + (seed >> 33) % (at - from - put.len), put.ptr, put.len);
            memcpy(json + at, "\"}", 2);
            struct event *ev = kit_event(&k, span_make(json, at + 2), 0);
            const struct match *found;
            uint32_t n = matcher_run(k.m, ev, &found);
            uint32_t next = 0;
            for (uint32_t i = 0; i < LITERALS; i++) {
                bool there = memmem(json + from, at - from, literals[i].ptr, literals[i].len) != NULL;
                bool told = next < n && found[next].rule == i;
                next += told;
                found_some += there;
                assert_int_equal(told, there);
            }
        }
        kit_fini(&k);
    }
    assert_true(found_some >= 6 * TEXTS);
}

/* ---- reasons ---- */

struct reason {
    const char *selection, *field, *operator_, *wanted, *value;
    uint16_t nmarks;
    uint32_t marks[3][2];
};

static void expect_reason(const struct alert_why *w, const struct reason *r)
{
    assert_true(span_eq(w->selection, span_of(r->selection)));
    assert_true(span_eq(w->field, span_of(r->field)));
    if (!span_eq(w->operator_, span_of(r->operator_)) || !span_eq(w->wanted, span_of(r->wanted)) ||
        !span_eq(w->value, span_of(r->value))) {
        fail_msg("got %.*s '%.*s' '%.*s'", SPAN_ARG(w->operator_), SPAN_ARG(w->wanted), SPAN_ARG(w->value));
    }
    assert_int_equal(w->nmarks, r->nmarks);
    for (uint16_t i = 0; i < r->nmarks; i++) {
        assert_int_equal(w->marks[i][0], r->marks[i][0]);
        assert_int_equal(w->marks[i][1], r->marks[i][1]);
    }
}

static void explain_one(const struct sigma_node *(*build)(struct kit *k), const char *json,
                        const struct reason *reasons, uint32_t n)
{
    struct kit k;
    kit_init(&k, fields, classes, 2);
    (void)kit_rule(&k, "r", windows(), build(&k));
    kit_compile(&k, NULL);
    struct event *ev = kit_event(&k, span_of(json), 0);
    const struct match *found;
    assert_int_equal(matcher_run(k.m, ev, &found), 1);
    struct arena scratch;
    arena_init(&scratch, 0);
    const struct alert_why *why;
    assert_int_equal(matcher_explain(k.m, ev, &found[0], &scratch, &why), n);
    for (uint32_t i = 0; i < n; i++) {
        expect_reason(&why[i], &reasons[i]);
    }
    arena_fini(&scratch);
    kit_fini(&k);
}

static const struct sigma_node *build_selections(struct kit *k)
{
    const struct sigma_node *tools = kit_or(k, kit_string(k, "Image", "*\\\\cmd.exe"),
                                            kit_string(k, "Image", "*\\\\nothing.exe"));
    const struct sigma_node *words = kit_string(k, "CommandLine", "*Whoami*");
    const struct sigma_node *filter = kit_string(k, "User", "SYSTEM");
    return kit_and(k, kit_and(k, kit_named(k, "tools", tools), kit_named(k, "words", words)),
                   kit_not(k, kit_named(k, "filter", filter)));
}

static const struct sigma_node *build_kelvin(struct kit *k)
{
    return kit_named(k, "sel", kit_string(k, "CommandLine", "*k2*"));
}

static const struct sigma_node *build_glob(struct kit *k)
{
    return kit_named(k, "sel", kit_string(k, "CommandLine", "*ab?c*\xc3\x89*"));
}

static const struct sigma_node *build_regex(struct kit *k)
{
    return kit_named(k, "sel", kit_regex(k, "CommandLine", "[0-9]+", 0));
}

static const struct sigma_node *build_ends(struct kit *k)
{
    return kit_or(k, kit_named(k, "one", kit_string(k, "User", "R*")), kit_named(k, "two", kit_string(k, "User", "*T")));
}

static const struct sigma_node *build_keyword(struct kit *k)
{
    return kit_named(k, "keywords", kit_string(k, "", "*needle*"));
}

static const struct sigma_node *build_negative(struct kit *k)
{
    return kit_not(k, kit_named(k, "filter", kit_string(k, "User", "root*")));
}

static const struct sigma_node *build_null(struct kit *k)
{
    const struct sigma_node *n;
    (void)kit_pred(k, PRED_NULL, "User", &n);
    return kit_named(k, "sel", n);
}

static const struct sigma_node *build_number(struct kit *k)
{
    const struct sigma_node *n;
    struct sigma_pred *p = kit_pred(k, PRED_COMPARE, "EventID", &n);
    p->cmp = CMP_GTE;
    p->number = 10;
    p->written = SPAN("10");
    return kit_named(k, "sel", n);
}

static void reasons(void **state)
{
    (void)state;
    const struct reason selections[] = {
        {"tools", "Image", "ends with", "*\\\\cmd.exe", "C:\\CMD.exe", 1, {{2, 10}}},
        {"words", "CommandLine", "contains", "*Whoami*", "x WHOAMI whoami", 2, {{2, 8}, {9, 15}}},
    };
    explain_one(build_selections, "{\"Image\":\"C:\\\\CMD.exe\",\"CommandLine\":\"x WHOAMI whoami\",\"User\":\"u\"}",
                selections, 2);
    const struct reason kelvin = {"sel", "CommandLine", "contains", "*k2*", "\xc3\x84 \xe2\x84\xaa" "2 K2", 2, {{3, 7}, {8, 10}}};
    explain_one(build_kelvin, "{\"CommandLine\":\"\xc3\x84 \xe2\x84\xaa" "2 K2\"}", &kelvin, 1);
    const struct reason glob = {"sel", "CommandLine", "matches", "*ab?c*\xc3\x89*", "xAB\xe2\x84\xaa" "C \xc3\xa9", 3, {{1, 3}, {6, 7}, {8, 10}}};
    explain_one(build_glob, "{\"CommandLine\":\"xAB\xe2\x84\xaa" "C \xc3\xa9\"}", &glob, 1);
    const struct reason regex = {"sel", "CommandLine", "matches the expression", "[0-9]+", "ab 42 c", 1, {{3, 5}}};
    explain_one(build_regex, "{\"CommandLine\":[\"none\",\"ab 42 c\"]}", &regex, 1);
    const struct reason ends[] = {{"one", "User", "starts with", "R*", "root", 1, {{0, 1}}},
                                  {"two", "User", "ends with", "*T", "root", 1, {{3, 4}}}};
    explain_one(build_ends, "{\"User\":\"root\"}", ends, 2);
    const struct reason keyword = {"keywords", "", "contains", "*needle*", "a needle", 1, {{2, 8}}};
    explain_one(build_keyword, "{\"x\":\"hay\",\"y\":\"a needle\"}", &keyword, 1);
    const struct reason negative = {"filter", "User", "does not start with", "root*", "mallory", 0, {{0}}};
    explain_one(build_negative, "{\"User\":\"mallory\"}", &negative, 1);
    const struct reason missing = {"sel", "User", "is missing or null", "", "", 0, {{0}}};
    explain_one(build_null, "{}", &missing, 1);
    const struct reason number = {"sel", "EventID", "is at least", "10", "12", 1, {{0, 2}}};
    explain_one(build_number, "{\"EventID\":12}", &number, 1);
}

static void long_values_are_told_around_the_mark(void **state)
{
    (void)state;
    struct kit k;
    kit_init(&k, fields, classes, 2);
    (void)kit_rule(&k, "r", windows(), kit_string(&k, "CommandLine", "*needle*"));
    kit_compile(&k, NULL);
    char *json = arena_bytes(&k.arena, 100000);
    size_t len = 0;
    memcpy(json, "{\"CommandLine\":\"", 16);
    len = 16;
    for (int i = 0; i < 20000; i++) {
        memcpy(json + len, "\xc3\xa4", 2);
        len += 2;
    }
    memcpy(json + len, "NEEDLE", 6);
    len += 6;
    memset(json + len, 'z', 30000);
    len += 30000;
    memcpy(json + len, "\"}", 2);
    struct event *ev = kit_event(&k, span_make(json, len + 2), 0);
    const struct match *found;
    assert_int_equal(matcher_run(k.m, ev, &found), 1);
    struct arena scratch;
    arena_init(&scratch, 0);
    const struct alert_why *why;
    assert_int_equal(matcher_explain(k.m, ev, &found[0], &scratch, &why), 1);
    assert_in_range(why->value.len, 1, ALERT_VALUE_MAX);
    assert_int_equal(why->nmarks, 1);
    assert_true(span_eq(span_sub(why->value, why->marks[0][0], why->marks[0][1] - why->marks[0][0]), SPAN("NEEDLE")));
    assert_int_equal((unsigned char)why->value.ptr[0], 0xc3); /* no character is cut */
    arena_fini(&scratch);
    kit_fini(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_woken_rules_are_tried),
        cmocka_unit_test(two_anchors_wake_a_rule_together),
        cmocka_unit_test(equal_classes_share_their_plans),
        cmocka_unit_test(equal_input_gives_equal_bytes),
        cmocka_unit_test(the_region_points_at_nothing_else),
        cmocka_unit_test(another_process_can_use_the_plan),
        cmocka_unit_test(literals_of_regular_expressions),
        cmocka_unit_test(all_literals_of_a_regular_expression),
        cmocka_unit_test(hostile_patterns_end),
        cmocka_unit_test(long_literals_and_values),
        cmocka_unit_test(literals_that_share_a_rare_byte),
        cmocka_unit_test(reasons),
        cmocka_unit_test(long_values_are_told_around_the_mark),
    };
    return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
