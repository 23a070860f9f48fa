/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The shape of regular expressions: what is read of some, and that no expression matches a text that its shape rules
 * out. Expressions and texts are generated of few letters, so that many match; the judge is the search itself.
 * SERENO_CASES sets how many expressions are tried (default 3,000), each on 24 texts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/test_cases.h"
#include "base/utf8.h"
#include "flow/detect/match_priv.h"
#include "flow/detect/plan_build.h"
#include "flow/detect/sigma.h"

enum { CASES_DEFAULT = 3000, TEXTS = 24, PATTERN_MAX = 256, TEXT_MAX = 400 };

static uint64_t seed = 20261127;

static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 11) % n);
}

static struct plan_shape shape_of(const char *pattern)
{
    struct span unused[PLAN_NEEDED_MAX];
    struct plan_shape shape = {0};
    struct arena a;
    arena_init(&a, 0);
    (void)plan_regex_needs(&a, span_of(pattern), unused, &shape);
    arena_fini(&a);
    return shape;
}

/* Whether the shape lets a text of ASCII pass. */
static bool passes(const struct plan_shape *shape, struct span text)
{
    char folded[TEXT_MAX + EVENT_PAD] = {0};
    assert_true(text.len <= TEXT_MAX);
    return match_shape(shape, span_make(folded, utf8_fold(text, folded)));
}

static void what_expressions_ask_for(void **state)
{
    static const struct {
        const char *pattern;
        uint32_t run;
        bool window;
        const char *yes; /* passes */
        const char *no;  /* does not; NULL: everything passes */
    } cases[] = {
        {"\\s[a-fA-F0-9]{12}\\s[a-f]{2}", 12, true, "x 0123456789AB ff", "x 0123456789A  ff"},
        {"[0-9]{9,}", 9, true, "a123456789", "a12345678b9"},
        {"[0-9]{8}{2}", 0, false, "a", NULL},
        {"[0-9]{9}|x", 0, false, "a", NULL},
        {"([0-9]{9})?", 0, false, "a", NULL},
        {"[0-9]{0,9}", 0, false, "a", NULL},
        {"x[0-9]*;", 0, true, "x;", "y"},
        {"\\\\[a-z0-9]{1,9}\\.[a-z]{1,3}\\.[ \"']", 0, true, "c:\\a.b.'", "c:\\windows\\cmd.exe /c dir"},
        {"-K\\s\\w+", 0, true, "svchost -k netsvcs", "svchost -keep"},
        {"[^a-z]{3}@", 0, true, "ABC@", ""},
        {"\\n\\n\\n\\n", 0, true, "a\n\n\n\n", "a\n\n\nb"},
        {"\\x41{20}", 0, false, "a", NULL},
        {"\\Q[0-9]{9}\\E", 0, false, "a", NULL},
        {"(?x)[0-9]{ 9}", 0, false, "a", NULL},
        {"[\\d;]{9}", 0, false, "a", NULL},
        {"", 0, false, "", NULL},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct plan_shape s = shape_of(cases[i].pattern);
        if (s.run != cases[i].run || (s.has_window != 0) != cases[i].window) {
            fail_msg("%s: run %u, window %u", cases[i].pattern, s.run, s.has_window);
        }
        if (!passes(&s, span_of(cases[i].yes)) || (cases[i].no != NULL && passes(&s, span_of(cases[i].no)))) {
            fail_msg("%s: a text is judged wrongly", cases[i].pattern);
        }
    }
}

/* A run at every place of texts of every length, beside one that is a byte too short. */
static void runs_are_found_wherever_they_stand(void **state)
{
    (void)state;
    struct plan_shape s = shape_of("[0-9]{9}");
    for (size_t len = 9; len < 150; len++) {
        for (size_t at = 0; at + 9 <= len; at++) {
            char text[TEXT_MAX];
            memset(text, 'x', sizeof text);
            memset(text + at, '7', 9);
            if (!passes(&s, span_make(text, len))) {
                fail_msg("a run at %zu of %zu bytes is missed", at, len);
            }
            text[at + below(9)] = 'x';
            if (passes(&s, span_make(text, len))) {
                fail_msg("a broken run at %zu of %zu bytes passes", at, len);
            }
        }
    }
}

static size_t element(char *out, size_t room)
{
    static const char *const atoms[] = {"a", "b", "K", "\\.", "\\s", "\\d", "\\w", "\\S", "[ab]", "[^ab]", "[0-9a-b]", ".", "\\n", "1",
                                        "[^\\s]", "[\\w.]", "[]a]", "[^]a]", "[a-]", "(a|b1)", "(?:1.)", "^", "$", "\\b", "[[:digit:]]",
                                        "(?i)", "(?=a)", "\\h", "{", "[k-m]", "[^K]", "\\D", "\\W", "-", "\xc3\xa9", "[1\xc3\xa9]"};
    static const char *const counts[] = {"", "", "", "", "", "+", "*", "?", "{2}", "{1,3}", "{9}", "{8,}", "{0,2}", "{2,}?", "++", "{,2}"};
    const char *a = atoms[below(ARRAY_LEN(atoms))];
    const char *c = counts[below(ARRAY_LEN(counts))];
    return (size_t)snprintf(out, room, "%s%s", a, c);
}

static struct span text_make(char out[TEXT_MAX])
{
    static const char *const words[] = {"a", "b", "k", "K", ".", " ", "1", "11111111", "aaaaaaaaa", "b1", "\n", "\n\n", "l-", "]", "{", "Ab0", "é", "^"};
    size_t n = 0;
    for (uint32_t words_left = below(14); words_left > 0 && n + 16 < TEXT_MAX; words_left--) {
        const char *w = words[below(ARRAY_LEN(words))];
        memcpy(out + n, w, strlen(w));
        n += strlen(w);
    }
    return span_make(out, n);
}

static void no_match_is_ruled_out(void **state)
{
    (void)state;
    unsigned judged = 0;
    unsigned matched = 0;
    unsigned ruled_out = 0;
    for (unsigned long cases = test_cases(CASES_DEFAULT); cases > 0; cases--) {
        char pattern[PATTERN_MAX];
        size_t n = 0;
        struct err e;
        for (uint32_t k = 1 + below(6); k > 0; k--) {
            n += element(pattern + n, sizeof pattern - n);
        }
        pattern[n] = '\0';
        unsigned flags = below(2) == 0 ? REGEX_I : 0;
        struct regex *r = regex_new(span_of(pattern), flags, &e);
        struct plan_shape s = shape_of(pattern);
        for (unsigned t = 0; r != NULL && t < TEXTS; t++) {
            char room[TEXT_MAX];
            struct span text = text_make(room);
            if (!utf8_is_ascii(text)) {
                continue;
            }
            bool pass = passes(&s, text);
            bool match = regex_search(r, text, NULL, NULL) == REGEX_YES;
            judged++;
            matched += match;
            ruled_out += !pass;
            if (match && !pass) {
                fail_msg("/%s/ matches \"%.*s\", which its shape rules out", pattern, SPAN_ARG(text));
            }
        }
        regex_free(&r);
    }
    /* Both happen often, or this proves nothing. */
    assert_true(matched > judged / 20 && ruled_out > judged / 20);
}

/* ".{n,}" answered without a search, against the search: texts of few letters and line ends, expressions that are not it. */
static void rows_are_answered_as_searched(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        unsigned flags;
        uint32_t row;
    } cases[] = {
        {".{1000,}", 0, 1000}, {".{1,}", REGEX_I | REGEX_M, 1}, {".{7,}", REGEX_I, 7}, {".{65535,}", 0, 65535},
        {".{7,}", REGEX_S, 0}, {".{0,}", 0, 0},      {".{,}", 0, 0},     {".{7}", 0, 0},          {".{7,9}", 0, 0},
        {"(.){7,}", 0, 0},     {".{7,}x", 0, 0},     {".{7,}?", 0, 0},   {"^.{7,}", 0, 0},        {".{ 7,}", 0, 0},
        {".{65536,}", 0, 0},   {".{7,},}", 0, 0},    {".{,}", 0, 0},     {".{", 0, 0},            {"", 0, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (plan_row_of(span_of(cases[i].pattern), cases[i].flags) != cases[i].row) {
            fail_msg("%s is misread", cases[i].pattern);
        }
    }
    unsigned yes = 0, no = 0;
    for (uint32_t n = 1; n < 40; n++) {
        char pattern[PATTERN_MAX];
        struct err e;
        (void)snprintf(pattern, sizeof pattern, ".{%u,}", n);
        struct regex *r = regex_new(span_of(pattern), 0, &e);
        assert_non_null(r);
        for (unsigned t = 0; t < 200; t++) {
            char text[TEXT_MAX];
            size_t len = below(60);
            for (size_t i = 0; i < len; i++) {
                text[i] = "ab\r\0\nc \x7f"[below(n < 8 ? 8 : 64) % 8];
                text[i] = text[i] == '\n' && below(n) > 2 ? 'x' : text[i];
            }
            bool match = regex_search(r, span_make(text, len), NULL, NULL) == REGEX_YES;
            assert_int_equal(match_row(n, span_make(text, len)), match);
            yes += match;
            no += !match;
        }
        regex_free(&r);
    }
    assert_true(yes > 500 && no > 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_expressions_ask_for),
        cmocka_unit_test(runs_are_found_wherever_they_stand),
        cmocka_unit_test(no_match_is_ruled_out),
        cmocka_unit_test(rows_are_answered_as_searched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
