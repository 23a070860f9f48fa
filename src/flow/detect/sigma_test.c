/* SPDX-License-Identifier: EUPL-1.2 */
/* Detections: every modifier, string form, shape and condition form, as tables of text and tree, or text and refusal. */
#include <stdio.h>

#include "flow/detect/sigma_testing.h"

static struct buf out;

static int setup(void **state)
{
    (void)state;
    buf_init(&out, 64 * 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    buf_free(&out);
    return 0;
}

#define HEAD "title: T\nlogsource: {product: p}\ndetection:\n"

static struct sigma_set *load_detection(const char *detection)
{
    struct arena a;
    arena_init(&a, 0);
    struct sigma_set *set = test_load(arena_printf(&a, HEAD "%s", detection));
    arena_fini(&a);
    return set;
}

struct good {
    const char *detection, *tree;
};

static void check_good(const struct good *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sigma_set *set = load_detection(cases[i].detection);
        if (set->rules.len != 1 || set->refused.len != 0) {
            fail_msg("%s refused: %.*s", cases[i].detection,
                     SPAN_ARG(set->refused.len > 0 ? set->refused.data[0].reason : SPAN("?")));
        }
        struct span got = dump_rule(&out, set->rules.data[0]);
        if (!span_eq(got, span_of(cases[i].tree))) {
            fail_msg("%s\n gave %.*s\n want %s", cases[i].detection, SPAN_ARG(got), cases[i].tree);
        }
        sigma_set_free(&set);
    }
}

struct bad {
    const char *detection, *reason;
    uint32_t line; /* in the file: the head has 3 lines */
};

static void check_bad(const struct bad *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct sigma_set *set = load_detection(cases[i].detection);
        if (set->rules.len != 0 || set->refused.len != 1) {
            fail_msg("%s was taken", cases[i].detection);
        }
        const struct sigma_refused *r = &set->refused.data[0];
        if (!says(r->reason, cases[i].reason) || r->line != cases[i].line ||
            !span_eq(r->file, SPAN("f.yml"))) {
            fail_msg("%s\n said %u: %.*s\n want %u: %s", cases[i].detection, r->line, SPAN_ARG(r->reason),
                     cases[i].line, cases[i].reason);
        }
        sigma_set_free(&set);
    }
}

/* One item of a selection, in a file whose sixth line holds it. */
#define ITEM(text) " s:\n  " text "\n condition: s\n"

static void strings_wildcards_and_escapes(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {ITEM("F: AbC"), "F=abc"},
        {ITEM("F: ÄÖÜ"), "F=äöü"},
        {ITEM("F: 'a*b?c'"), "F=a*b?c"},
        {ITEM("F: '*'"), "F=*"},
        {ITEM("F: '***x**'"), "F=*x*"},
        {ITEM("F: ''"), "F="},
        {ITEM("F: 'a\\*b'"), "F=a*b"}, /* see escapes_are_literal for the parts */
        {ITEM("F: 'C:\\Dir\\f'"), "F=c:\\dir\\f"},
        {ITEM("F: '\\\\srv\\x'"), "F=\\srv\\x"},
        {ITEM("F: '\\\\\\\\srv'"), "F=\\\\srv"},
        {ITEM("F: '\\\\\\srv'"), "F=\\\\srv"},
        {ITEM("F: 'end\\'"), "F=end\\"},
        {ITEM("F: 'end\\\\*'"), "F=end\\*"},
        {ITEM("F: 4624"), "F=4624"},
        {ITEM("F: 0x10"), "F=16"},
        {ITEM("F: '0x10'"), "F=0x10"},
        {ITEM("F: true"), "F=true"},
        {ITEM("F: 'True'"), "F=true"},
        {ITEM("F: 1.5"), "F=1.5"},
        {ITEM("F: -5"), "F=-5"},
        {ITEM("F: null"), "F null"},
        {ITEM("F:"), "F null"},
        {ITEM("F: ~"), "F null"},
        {ITEM("F: 'null'"), "F=null"},
        {ITEM("a.b-c d: x"), "a.b-c d=x"},
        {ITEM("F: [a, 1, '']"), "(F=a | F=1 | F=)"},
        {ITEM("F: [a]"), "F=a"},
    };
    check_good(cases, ARRAY_LEN(cases));
}

static void escapes_are_literal(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t nparts;
        enum sigma_part_kind first;
    } cases[] = {
        {"a\\*b", 1, PART_LITERAL},   {"a\\\\*", 2, PART_LITERAL}, {"\\\\\\*", 1, PART_LITERAL},
        {"\\?x", 1, PART_LITERAL},    {"?x", 2, PART_ONE},         {"*", 1, PART_ANY},
        {"\\\\\\\\*", 2, PART_LITERAL},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[256];
        (void)snprintf(text, sizeof text, " s:\n  F: '%s'\n condition: s\n", cases[i].text);
        struct sigma_set *set = load_detection(text);
        assert_int_equal(set->rules.len, 1);
        const struct sigma_pred *p = set->rules.data[0]->root->pred;
        assert_int_equal(p->nparts, cases[i].nparts);
        assert_int_equal(p->parts[0].kind, cases[i].first);
        assert_true(span_eq(p->written, span_of(cases[i].text)));
        sigma_set_free(&set);
    }
}

static void string_modifiers(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {ITEM("F|contains: Ab"), "F=*ab*"},
        {ITEM("F|startswith: a"), "F=a*"},
        {ITEM("F|endswith: '\\a'"), "F=*\\a"},
        {ITEM("F|contains: '*a'"), "F=*a*"},
        {ITEM("F|contains: a*b"), "F=*a*b*"},
        {ITEM("F|contains: ''"), "F=*"},
        {ITEM("F|contains: 5"), "F=*5*"},
        {ITEM("F|endswith: 'a\\'"), "F=*a\\"},
        {ITEM("F|contains|all: [a, b]"), "(F=*a* & F=*b*)"},
        {ITEM("F|all|contains: [a, b]"), "(F=*a* & F=*b*)"},
        {ITEM("F|contains: [a, b]"), "(F=*a* | F=*b*)"},
        {ITEM("F|cased: AbC"), "F=cased:AbC"},
        {ITEM("F|contains|cased: A"), "F=cased:*A*"},
        {ITEM("F|neq: a"), "!F=a"},
        {ITEM("F|neq: [a, b]"), "!(F=a | F=b)"},
        {ITEM("F|contains|neq: a"), "!F=*a*"},
        {ITEM("F|contains|all|neq: [a, b]"), "!(F=*a* & F=*b*)"},
        {ITEM("F|neq: null"), "!F null"},
        {ITEM("F|neq: 5"), "!F=5"},
        {ITEM("F|windash: a"), "F=a"},
        {ITEM("F|windash|contains: ' -x'"),
         "(F=* -x* | F=* /x* | F=* \xe2\x80\x93x* | F=* \xe2\x80\x94x* | F=* \xe2\x80\x95x*)"},
        {ITEM("F|contains|windash: ' /x'"),
         "(F=* -x* | F=* /x* | F=* \xe2\x80\x93x* | F=* \xe2\x80\x94x* | F=* \xe2\x80\x95x*)"},
        {ITEM("F|exists: true"), "F exists"},
        {ITEM("F|exists: no"), "F absent"},
        {ITEM("F|fieldref: G"), "F->G"},
        {ITEM("F|fieldref|startswith: G"), "F->^G"},
        {ITEM("F|fieldref|endswith: G"), "F->$G"},
        {ITEM("F|fieldref|contains: [G, H]"), "(F->~G | F->~H)"},
        {ITEM("F|fieldref|neq: G"), "!F->G"},
    };
    check_good(cases, ARRAY_LEN(cases));
}

/* Expected texts were made with Python's base64 and codecs modules. */
static void encodings(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {ITEM("F|base64: foobar"), "F=zm9vymfy"},
        {ITEM("F|base64|cased: foobar"), "F=cased:Zm9vYmFy"},
        {ITEM("F|base64|contains|cased: fo"), "F=cased:*Zm8=*"},
        {ITEM("F|base64offset|contains|cased: foobar"),
         "(F=cased:*Zm9vYmFy* | F=cased:*Zvb2Jhc* | F=cased:*mb29iYX*)"},
        {ITEM("F|base64offset|contains|cased: fooba"),
         "(F=cased:*Zm9vYm* | F=cased:*Zvb2Jh* | F=cased:*mb29iY*)"},
        {ITEM("F|base64offset|contains|cased: ä"), "(F=cased:*w6* | F=cased:*Ok* | F=cased:*Dp*)"},
        {ITEM("F|wide|base64|cased: ab"), "F=cased:YQBiAA=="},
        {ITEM("F|utf16le|base64|cased: ab"), "F=cased:YQBiAA=="},
        {ITEM("F|utf16be|base64|cased: ab"), "F=cased:AGEAYg=="},
        {ITEM("F|utf16|base64|cased: ab"), "F=cased://5hAGIA"},
        {ITEM("F|wide|base64|cased: '\xf0\x9f\x98\x80'"), "F=cased:PdgA3g=="},
        {ITEM("F|base64: ''"), "F="},
        {ITEM("F|windash|base64|cased: '-'"),
         "(F=cased:LQ== | F=cased:Lw== | F=cased:4oCT | F=cased:4oCU | F=cased:4oCV)"},
    };
    check_good(cases, ARRAY_LEN(cases));
}

static void regexes_networks_numbers(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {ITEM("F|re: 'A\\d+.*?'"), "F/A\\d+.*?/"},
        {ITEM("F|re|i: a"), "F/a/i"},
        {ITEM("F|re|ignorecase|multiline|dotall: a"), "F/a/ims"},
        {ITEM("F|re|m|s: a"), "F/a/ms"},
        {ITEM("F|re|contains: a"), "F/a/"},
        {ITEM("F|re|startswith: a|b"), "F/\\A(?:a|b)/"},
        {ITEM("F|re|endswith: a|b"), "F/(?:a|b)\\z/"},
        {ITEM("F|re|neq: a"), "!F/a/"},
        {ITEM("F|re|all: [a, b]"), "(F/a/ & F/b/)"},
        {ITEM("F|re: 5"), "F/5/"},
        {ITEM("F|cidr: 10.0.0.0/8"), "F@0a000000/8"},
        {ITEM("F|cidr: [192.168.1.0/24, 0.0.0.0/0]"), "(F@c0a80100/24 | F@00000000/0)"},
        {ITEM("F|cidr: 10.1.2.3"), "F@0a010203/32"},
        {ITEM("F|cidr: '::1/128'"), "F@00000000000000000000000000000001/128"},
        {ITEM("F|cidr: 'fc00::/7'"), "F@fc000000000000000000000000000000/7"},
        {ITEM("F|cidr: 'fe80::'"), "F@fe800000000000000000000000000000/128"},
        {ITEM("F|cidr|neq: 10.0.0.0/8"), "!F@0a000000/8"},
        {ITEM("F|lt: 5"), "F<5"},
        {ITEM("F|lte: 5.5"), "F<=5.5"},
        {ITEM("F|gt: -1"), "F>-1"},
        {ITEM("F|gte: '10'"), "F>=10"},
        {ITEM("F|gte: [1, 2]"), "(F>=1 | F>=2)"},
        {ITEM("F|hour: 8"), "hour F==8"},
        {ITEM("F|hour|gte: 8"), "hour F>=8"},
        {ITEM("F|minute|lt: 30"), "minute F<30"},
        {ITEM("F|day: 31"), "day F==31"},
        {ITEM("F|week: 53"), "week F==53"},
        {ITEM("F|month|neq: 12"), "!month F==12"},
        {ITEM("F|year|lte: 2030"), "year F<=2030"},
    };
    check_good(cases, ARRAY_LEN(cases));
}

static void bad_items(void **state)
{
    (void)state;
    static const struct bad cases[] = {
        {ITEM("F|nope: a"), "unknown modifier 'nope'", 5},
        {ITEM("F|: a"), "unknown modifier ''", 5},
        {ITEM("F|Contains: a"), "unknown modifier", 5},
        {ITEM("F|contains|re: a"), "'re' must be the first", 5},
        {ITEM("F|all|re: [a, b]"), "'re' must be the first", 5},
        {ITEM("F|i: a"), "cannot be used", 5},
        {ITEM("F|re|cidr: a"), "cannot stand together", 5},
        {ITEM("F|re|cased: a"), "cannot be used", 5},
        {ITEM("F|re: '('"), "regular expression", 5},
        {ITEM("F|re: ''"), "empty regular expression", 5},
        {ITEM("F|re: 'a\\C'"), "regular expression", 5},
        {ITEM("F|re: '((a{999}){999}){99}'"), "regular expression", 5},
        {ITEM("F|cidr|contains: 10.0.0.0/8"), "cannot be used", 5},
        {ITEM("F|cidr|all: [10.0.0.0/8, 11.0.0.0/8]"), "cannot be used", 5},
        {ITEM("F|cidr: 10.0.0.1/8"), "bits set behind", 5},
        {ITEM("F|cidr: 'fc00::1/7'"), "bits set behind", 5},
        {ITEM("F|cidr: 10.0.0/8"), "is no network", 5},
        {ITEM("F|cidr: 10.0.0.0/33"), "is no network", 5},
        {ITEM("F|cidr: 10.0.0.0/"), "is no network", 5},
        {ITEM("F|cidr: host"), "is no network", 5},
        {ITEM("F|exists: 1"), "true or false", 5},
        {ITEM("F|exists: 'true'"), "true or false", 5},
        {ITEM("F|exists|contains: true"), "cannot be used", 5},
        {ITEM("F|exists:"), "null cannot be used", 5},
        {ITEM("F|contains:"), "null cannot be used", 5},
        {ITEM("F: [a, null]"), "null cannot stand in a list", 5},
        {ITEM("F: []"), "empty list", 5},
        {ITEM("F: {a: b}"), "is a map", 5},
        {ITEM("F: [[a]]"), "a list inside a list", 5},
        {ITEM("F|lt: abc"), "is no number", 5},
        {ITEM("F|gte: '0x10'"), "is no number", 5},
        {ITEM("F|lt|gt: 5"), "cannot stand together", 5},
        {ITEM("F|hour|lt|gt: 5"), "cannot stand together", 5},
        {ITEM("F|lt|hour: 5"), "cannot stand together", 5},
        {ITEM("F|hour: 24"), "from 0 to 23", 5},
        {ITEM("F|month: 0"), "from 1 to 12", 5},
        {ITEM("F|contains|lt: 5"), "cannot be used", 5},
        {ITEM("F|base64: a*"), "wildcards cannot be encoded", 5},
        {ITEM("F|contains|base64: a"), "wildcards cannot be encoded", 5},
        {ITEM("F|wide: a"), "needs base64", 5},
        {ITEM("F|wide|contains|base64: a"), "needs base64", 5},
        {ITEM("F|base64offset|contains: a"), "too short", 5},
        {ITEM("F|contains|all: a"), "'all' needs a list", 5},
        {ITEM("F|windash: '------'"), "more than 4096 variants", 5},
        {ITEM("F|fieldref: ''"), "name of a field", 5},
        {ITEM("F|fieldref|startswith|endswith: G"), "one of", 5},
        {ITEM("F|fieldref|cased: G"), "cannot be used", 5},
        {ITEM("F|contains|expand: '%gone%'"), "placeholder %gone% has no values", 5},
        {ITEM("'|cidr': [10.0.0.0/8]"), "needs a field name", 5},
        {ITEM("'|exists': true"), "needs a field name", 5},
        {ITEM("F|a|a|a|a|a|a: x"), "unknown modifier", 5},
        {ITEM("F|contains|contains|contains|contains|contains|contains|contains|contains|contains|contains|"
              "contains|contains|contains|contains|contains|contains|contains: x"),
         "more than 16 modifiers", 5},
    };
    check_bad(cases, ARRAY_LEN(cases));
}

static void shapes_of_selections(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {" s: {A: 1, B: 2}\n condition: s\n", "(A=1 & B=2)"},
        {" s:\n  - A: 1\n    B: 2\n  - C: [3, 4]\n condition: s\n", "((A=1 & B=2) | C=3 | C=4)"},
        {" s: [foo, 'b*r', 5]\n condition: s\n", "(=*foo* | =*b*r* | =*5*)"},
        {" s: foo\n condition: s\n", "=*foo*"},
        {" s: {'|all': [a, b]}\n condition: s\n", "(=*a* & =*b*)"},
        {" s: {'|contains': [a, b]}\n condition: s\n", "(=*a* | =*b*)"},
        {" s: {'|re': 'a.c'}\n condition: s\n", "/a.c/"},
        {" s: {'|startswith': a}\n condition: s\n", "=a*"},
        {" s:\n  - foo\n  - A: 1\n  - [bar, {B: 2}]\n condition: s\n", "(=*foo* | A=1 | =*bar* | B=2)"},
        {" s: {A: [1, 2], B|contains|all: [x, y]}\n condition: s\n",
         "((A=1 | A=2) & B=*x* & B=*y*)"},
        {" s: {A: 1}\n timeframe: 5m\n condition: s\n", "A=1"},
    };
    static const struct bad bad[] = {
        {" s: {}\n condition: s\n", "empty map", 4},
        {" s: []\n condition: s\n", "empty list", 4},
        {" s:\n condition: s\n", "null is no keyword", 4},
        {" s: ''\n condition: s\n", "empty keyword", 4},
        {" s: [a, null]\n condition: s\n", "null is no keyword", 4},
        {" condition: s\n", "no selection", 4},
        {" s: {A: 1}\n", "no condition", 4},
        {" s: {A: 1}\n condition: {a: b}\n", "must be text", 5},
        {" s: {A: 1}\n condition: []\n", "empty list", 5},
        {" s: {A: 1}\n condition: [[s]]\n", "must be text", 5},
        {" - A: 1\n", "detection must be a map", 4},
        {" s: {A: 1, A: 2}\n condition: s\n", "stands twice", 4},
    };
    check_good(cases, ARRAY_LEN(cases));
    check_bad(bad, ARRAY_LEN(bad));
}

#define COND(text) " a: {A: 1}\n b: {B: 1}\n sel_1: {C: 1}\n sel_2: {D: 1}\n _h: {E: 1}\n 'f.x|y': {F: 1}\n condition: " text "\n"

static void conditions(void **state)
{
    (void)state;
    static const struct good cases[] = {
        {COND("a"), "A=1"},
        {COND("a and b"), "(A=1 & B=1)"},
        {COND("a or b and not sel_1"), "(A=1 | (B=1 & !C=1))"},
        {COND("(a or b) and sel_1"), "((A=1 | B=1) & C=1)"},
        {COND("not a and b"), "(!A=1 & B=1)"},
        {COND("not not a"), "!!A=1"},
        {COND("not (a or b)"), "!(A=1 | B=1)"},
        {COND("a AND Not b OR sel_1"), "((A=1 & !B=1) | C=1)"},
        {COND("1 of sel_*"), "(C=1 | D=1)"},
        {COND("all of sel_*"), "(C=1 & D=1)"},
        {COND("any of sel_*"), "(C=1 | D=1)"},
        {COND("ALL OF sel_*"), "(C=1 & D=1)"},
        {COND("not 1 of sel_*"), "!(C=1 | D=1)"},
        {COND("a and not all of sel_* or b"), "((A=1 & !(C=1 & D=1)) | B=1)"},
        {COND("1 of them"), "(A=1 | B=1 | C=1 | D=1 | F=1)"},
        {COND("all of THEM"), "(A=1 & B=1 & C=1 & D=1 & F=1)"},
        {COND("1 of *_1"), "C=1"},
        {COND("1 of *"), "(A=1 | B=1 | C=1 | D=1 | E=1 | F=1)"},
        {COND("1 of f.x*"), "F=1"},
        {COND("f.x|y"), "F=1"},
        {COND("all of sel_1"), "C=1"},
        {COND("1 of s*l*2"), "D=1"},
        {COND("(a)and(b)"), "(A=1 & B=1)"},
        {COND("[a, b and sel_1]"), "(A=1 | (B=1 & C=1))"},
        {COND(">-\n  a\n  or\n  b"), "(A=1 | B=1)"},
        {" all: {A: 1}\n them: {B: 1}\n condition: all and them\n", "(A=1 & B=1)"},
    };
    static const struct bad bad[] = {
        {COND("gone"), "no selection 'gone'", 10},
        {COND("A"), "no selection 'A'", 10},
        {COND("1 of gone*"), "no selection fits 'gone*'", 10},
        {COND("2 of sel_*"), "only '1 of'", 10},
        {COND("a and"), "a selection is missing at the end", 10},
        {COND("and a"), "a selection is missing at 'and'", 10},
        {COND("a b"), "'and' or 'or' is missing", 10},
        {COND("(a"), "closing parenthesis", 10},
        {COND("a)"), "'and' or 'or' is missing", 10},
        {COND("()"), "a selection is missing", 10},
        {COND("''"), "condition is empty", 10},
        {COND("not"), "a selection is missing", 10},
        {COND("1 of"), "must follow 'of'", 10},
        {COND("1 of (a)"), "must follow 'of'", 10},
        {COND("a | count() > 5"), "correlation", 10},
        {COND("a |count() by B > 5"), "correlation", 10},
        {COND("a|near b"), "correlation", 10},
        {COND("1 of a*|count()"), "correlation", 10},
        {COND("not not not not not not not not not not not not not not not not not not not not not not not "
              "not not not not not not not not not not not not not not not not not not not not not not not "
              "not not not not not not not not not not not not not not not not not not not not not not a"),
         "nested deeper", 10},
    };
    check_good(cases, ARRAY_LEN(cases));
    check_bad(bad, ARRAY_LEN(bad));
}

static void selections_keep_their_names(void **state)
{
    (void)state;
    struct sigma_set *set = load_detection(" x: {A: 1}\n y: {B: [1, 2]}\n z: {C: 1}\n condition: x and not y\n");
    const struct sigma_node *root = set->rules.data[0]->root;
    assert_true(span_eq(root->kids[0]->selection, SPAN("x")));
    assert_true(span_eq(root->kids[1]->kids[0]->selection, SPAN("y")));
    assert_int_equal(set->rules.data[0]->nleaves, 3);
    assert_int_equal(set->warnings.len, 1);
    assert_true(says(set->warnings.data[0].text, "'z' is not used"));
    assert_int_equal(set->warnings.data[0].line, 6);
    sigma_set_free(&set);
    set = load_detection(" x: {A: 1}\n condition: 1 of x*\n");
    assert_true(span_eq(set->rules.data[0]->root->selection, SPAN("x")));
    assert_true(span_eq(set->rules.data[0]->root->pred->field, SPAN("A")));
    sigma_set_free(&set);
}

static void expansion_is_bounded(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4 * 1024 * 1024);
    buf_cstr(&b, HEAD " s:\n  F|windash: [");
    for (int i = 0; i < 10; i++) {
        buf_printf(&b, "'%d-----',", i); /* 3,125 each */
    }
    buf_cstr(&b, "]\n condition: s\n");
    buf_u8(&b, 0);
    struct sigma_set *set = test_load(b.data);
    assert_int_equal(set->refused.len, 1);
    assert_true(says(set->refused.data[0].reason, "more than 20000 values"));
    sigma_set_free(&set);
    buf_clear(&b);
    buf_cstr(&b, HEAD " s:\n  F: [");
    for (int i = 0; i < 1000; i++) {
        buf_printf(&b, "v%d,", i);
    }
    buf_cstr(&b, "]\n condition: s");
    for (int i = 0; i < 30; i++) {
        buf_cstr(&b, " or s");
    }
    buf_cstr(&b, "\n");
    buf_u8(&b, 0);
    set = test_load(b.data);
    assert_int_equal(set->refused.len, 1);
    assert_true(says(set->refused.data[0].reason, "more than 20000 values together"));
    sigma_set_free(&set);
    buf_clear(&b);
    buf_cstr(&b, HEAD " s: {F|re: '");
    for (int i = 0; i < SIGMA_REGEX_MAX_BYTES; i++) {
        buf_cstr(&b, "a");
    }
    buf_cstr(&b, "b'}\n condition: s\n");
    buf_u8(&b, 0);
    set = test_load(b.data);
    assert_int_equal(set->refused.len, 1);
    assert_true(says(set->refused.data[0].reason, "longer than 8192"));
    sigma_set_free(&set);
    buf_free(&b);
}

static void placeholders_expand(void **state)
{
    (void)state;
    static const struct span names[] = {SPAN("adm"), SPAN("r*ot")};
    static const struct span nets[] = {SPAN("10.0.0.0/8"), SPAN("192.168.0.0/16")};
    static const struct {
        const char *item, *tree;
    } cases[] = {
        {"F|expand: '%users%'", "(F=adm | F=r*ot)"},
        {"F|contains|expand: 'x%users%'", "(F=*xadm* | F=*xr*ot*)"},
        {"F|expand: '%users%-%users%'", "(F=adm-adm | F=r*ot-adm | F=adm-r*ot | F=r*ot-r*ot)"},
        {"F|expand: '\\%users%'", "F=%users%"},
        {"F|expand: '50%'", "F=50%"},
        {"F: '%users%'", "F=%users%"},
        {"F|re|expand: '^%users%$'", "(F/^adm$/ | F/^r*ot$/)"},
        {"F|cidr|expand: '%nets%'", "(F@0a000000/8 | F@c0a80000/16)"},
        {"F|contains|expand|all: ['%users%', x]", "((F=*adm* | F=*r*ot*) & F=*x*)"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[512];
        struct sigma_loader *l = sigma_loader_new();
        (void)snprintf(text, sizeof text, HEAD " s:\n  %s\n condition: s\n", cases[i].item);
        test_add(l, "f.yml", text);
        sigma_loader_placeholder(l, &(struct sigma_placeholder){SPAN("users"), names, 1});
        sigma_loader_placeholder(l, &(struct sigma_placeholder){SPAN("users"), names + 1, 1});
        sigma_loader_placeholder(l, &(struct sigma_placeholder){SPAN("nets"), nets, 2});
        struct sigma_set *set = sigma_loader_finish(l);
        if (set->rules.len != 1) {
            fail_msg("%s: %.*s", cases[i].item, SPAN_ARG(set->refused.data[0].reason));
        }
        struct span got = dump_rule(&out, set->rules.data[0]);
        if (!span_eq(got, span_of(cases[i].tree))) {
            fail_msg("%s gave %.*s", cases[i].item, SPAN_ARG(got));
        }
        if (i == 0) { /* a star in a placeholder's value is a star */
            assert_int_equal(set->rules.data[0]->root->kids[1]->pred->nparts, 1);
        }
        sigma_set_free(&set);
        sigma_loader_free(&l);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strings_wildcards_and_escapes), cmocka_unit_test(escapes_are_literal),
        cmocka_unit_test(string_modifiers),              cmocka_unit_test(encodings),
        cmocka_unit_test(regexes_networks_numbers),      cmocka_unit_test(bad_items),
        cmocka_unit_test(shapes_of_selections),          cmocka_unit_test(conditions),
        cmocka_unit_test(selections_keep_their_names),   cmocka_unit_test(expansion_is_bounded),
        cmocka_unit_test(placeholders_expand),
    };
    return cmocka_run_group_tests_name("sigma", tests, setup, teardown);
}
