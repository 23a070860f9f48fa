/* SPDX-License-Identifier: EUPL-1.2 */
/* Tables of others, by table: encodings, cells of spreadsheets, columns and words of profiles; the shipped profiles both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "desk/govern/mapping_priv.h"

static struct arena a;
static struct registers *kinds;

static const struct {
    const char *in;
    enum profile_dates order;
    const char *out; /* NULL: as it is */
} days[] = {
    {"31.12.2026", DATES_DMY, "2026-12-31"}, {"1.2.2026", DATES_DMY, "2026-02-01"},  {"01/02/2026", DATES_DMY, "2026-02-01"},
    {"01/02/2026", DATES_MDY, "2026-01-02"}, {"2026-02-01", DATES_DMY, NULL},        {"2026/2/1", DATES_YMD, "2026-02-01"},
    {" 2026-02-01 ", DATES_YMD, "2026-02-01"}, {"01.02.2026 00:00", DATES_DMY, "2026-02-01"}, {"45992", DATES_DMY, "2025-12-01"},
    {"46022", DATES_YMD, "2025-12-31"},      {"25569", DATES_YMD, "1970-01-01"},     {"31.02.2026", DATES_DMY, NULL},
    {"29.02.2028", DATES_DMY, "2028-02-29"}, {"29.02.2027", DATES_DMY, NULL},        {"13/13/2026", DATES_MDY, NULL},
    {"1.2.26", DATES_DMY, NULL},             {"01/02/2026", DATES_YMD, NULL},        {"1.2/2026", DATES_DMY, NULL},
    {"", DATES_DMY, NULL},                   {"soon", DATES_DMY, NULL},              {"1234", DATES_DMY, NULL},
    {"99999", DATES_DMY, NULL},              {"1.2.2026.", DATES_DMY, NULL},         {"1..2026", DATES_DMY, NULL},
    {"0.0.2026", DATES_DMY, NULL},           {"1.2.99999", DATES_DMY, NULL},         {"999999999999999999999.1.1", DATES_DMY, NULL},
};

static const struct {
    const char *in;
    bool comma;
    const char *out;
} numbers[] = {
    {"1.234,56", true, "1234.56"}, {"1 234,56", true, "1234.56"},  {"1\xc2\xa0" "234,5", true, "1234.5"}, {"1\xe2\x80\xaf" "234", true, "1234"},
    {"1'234.50", false, "1234.50"}, {"1,234,567", false, "1234567"}, {"1,234.5", false, "1234.5"},        {"-2,5", true, "-2.5"},
    {"12", true, NULL},            {"0,5", true, "0.5"},           {"1.5", true, NULL},                  {"1.500", true, "1500"},
    {"12,34,567", false, NULL},    {"1,23", false, NULL},          {"1.234.56", true, NULL},             {"1,5,6", true, NULL},
    {"", true, NULL},              {"-", true, NULL},              {"5,", true, NULL},                   {",5", true, NULL},
    {"1e5", false, NULL},          {"12 EUR", true, NULL},         {"--5", true, NULL},                  {" 7 ", true, "7"},
    {"1234.567,8", true, NULL},    {"1.234,5.6", true, NULL},
};

static void cells(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(days); i++) {
        struct span got = mapping_day(&a, span_of(days[i].in), days[i].order);
        if (!span_eq(got, span_of(days[i].out == NULL ? days[i].in : days[i].out))) {
            fail_msg("day %s: %.*s", days[i].in, SPAN_ARG(got));
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        struct span got = mapping_number(&a, span_of(numbers[i].in), numbers[i].comma);
        if (!span_eq(got, span_of(numbers[i].out == NULL ? numbers[i].in : numbers[i].out))) {
            fail_msg("number %s: %.*s", numbers[i].in, SPAN_ARG(got));
        }
    }
    assert_true(span_eq(mapping_formula(&a, SPAN("=\"007\"")), SPAN("007")));
    assert_true(span_eq(mapping_formula(&a, SPAN("=\"=1+1\"")), SPAN("'=1+1")));
    assert_true(span_eq(mapping_formula(&a, SPAN("=1+1")), SPAN("=1+1")));
    assert_true(span_eq(mapping_formula(&a, SPAN("=\"a\"&\"b\"")), SPAN("=\"a\"&\"b\"")));
    assert_true(span_eq(mapping_list(&a, SPAN(" a, b|c ,,d\\ "), ','), SPAN("a|b\\|c|d\\\\")));
    assert_true(span_eq(mapping_list(&a, SPAN(""), ','), SPAN("")));
}

static void encodings(void **state)
{
    (void)state;
    static const struct {
        struct span in;
        bool old;
        struct span out; /* ptr NULL: refused */
        const char *word;
    } cases[] = {
        {{"\xff\xfe" "a\0\xac\x20=\xd8\xa8\xde", 10}, false, {"a\xe2\x82\xac\xf0\x9f\x9a\xa8", 8}, "utf-16le"},
        {{"\xfe\xff\0a\x20\xac", 6}, false, {"a\xe2\x82\xac", 4}, "utf-16be"},
        {{"\xff\xfe", 2}, false, {"", 0}, "utf-16le"},
        {{"\xff\xfe" "a", 3}, false, {NULL, 0}, NULL},
        {{"\xff\xfe=\xd8", 4}, false, {NULL, 0}, NULL},
        {{"\xff\xfe\xa8\xde", 4}, false, {NULL, 0}, NULL},
        {{"M\xfcller \x80 5", 10}, true, {"M\xc3\xbcller \xe2\x82\xac 5", 13}, "windows-1252"},
        {{"M\xfcller", 6}, false, {"M\xfcller", 6}, "utf-8"},
        {{"M\xc3\xbcller", 7}, true, {"M\xc3\xbcller", 7}, "utf-8"},
        {{"", 0}, true, {"", 0}, "utf-8"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct span out = {0};
        struct err e = {0};
        const char *word = NULL;
        int rc = mapping_decode(cases[i].in, cases[i].old, &a, &out, &word, &e);
        if (cases[i].out.ptr == NULL) {
            assert_int_equal(rc, ERR_INVALID);
            continue;
        }
        assert_int_equal(rc, 0);
        assert_string_equal(word, cases[i].word);
        assert_true(span_eq(out, cases[i].out));
    }
}

static const char control_profile[] = "# a city's own\nprofile: old_list\ntitle: Our old list\nkind: control\n"
                                      "columns:\n  Bezeichnung: title\n  Art: {field: nature, values: {Technik: technical, Papier: organisational, '-': ~}}\n"
                                      "  Geltung: {field: scopes, list: ';'}\n  Kosten: cost\n  Getestet: tested\n  Nr: ~\n"
                                      "constants: {owner: Amt 16}\ndates: d.m.y\ndecimal: comma\nencoding: windows-1252\n";

static void read_profile(struct profile *p)
{
    const struct register_file f = {SPAN("old.yml"), span_of(control_profile)};
    struct err e = {0};
    assert_true(profile_is(f.text));
    if (profile_read(&a, &f, p, &e) != 0) {
        fail_msg("%s (line %u)", e.text, e.line);
    }
}

static void a_table(void **state)
{
    (void)state;
    struct profile p;
    struct mapping_told told = {0};
    struct span out;
    struct err e = {0};
    read_profile(&p);
    const struct register_kind *k = registers_any(kinds, SPAN("control"));
    static const char in[] = "sep=;\nNr;Bezeichnung;Art;Geltung;Kosten;Getestet;;\n"
                             "1;\"Schl\xc3\xbcssel\nbuch\";Technik;\"IT; OT\";1.234,50;31.12.2026;;\n"
                             ";;;;;;;\n"
                             "2;=\"007\";-;IT;12;46022\n";
    assert_int_equal(mapping_in(&p, k, span_of(in), &a, &out, &told, &e), 0);
    assert_true(span_eq(out, SPAN("\ntitle,nature,scopes,cost,tested,owner\n"
                                  "\"Schl\xc3\xbcssel\nbuch\",technical,IT|OT,1234.50,2026-12-31,Amt 16\n"
                                  "\n"
                                  "007,,IT,12,2025-12-31,Amt 16\n")));
    assert_int_equal(told.separator, ';');
    assert_int_equal(told.columns, 6);
    assert_int_equal(told.passed_over, 1);
    /* a column that nobody named, one twice, cells behind the last */
    assert_int_equal(mapping_in(&p, k, SPAN("Bezeichnung,Zusatz\nx,y\n"), &a, &out, &told, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "Zusatz"));
    assert_int_equal(e.line, 1);
    assert_int_equal(mapping_in(&p, k, SPAN("Bezeichnung,bezeichnung\nx,y\n"), &a, &out, &told, &e), ERR_INVALID);
    assert_int_equal(mapping_in(&p, k, SPAN("Bezeichnung\nx,y\n"), &a, &out, &told, &e), 0);
    assert_true(span_eq(out, SPAN("title,owner\nx,Amt 16,y\n")));
    assert_int_equal(mapping_in(&p, k, SPAN("Bezeichnung\n\"x\n"), &a, &out, &told, &e), ERR_INVALID);
}

static const struct {
    const char *text;
    const char *word; /* of the reason; NULL: it is one */
} files[] = {
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title}\n", NULL},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title}\nmore: 1\n", "more"},
    {"profile: A b\ntitle: A\nkind: risk\ncolumns: {x: title}\n", "small letters"},
    {"profile: a\nkind: risk\ncolumns: {x: title}\n", "title"},
    {"profile: a\ntitle: A\ncolumns: {x: title}\n", "kind"},
    {"profile: a\ntitle: A\nkind: risk\n", "columns"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: []\n", "columns"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title, X: text}\n", "twice"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title, y: title}\n", "one field"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: [title]}\n", "column"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: {field: title, lookup: 1}}\n", "lookup"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: {list: ','}}\n", "field"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: {field: title, list: ', '}}\n", "one character"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: {field: title, values: [a]}}\n", "values"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: {field: title, values: {a: {}}}}\n", "values"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title}\nconstants: {title: y}\n", "fills"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title}\ndates: d-m-y\n", "words"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title}\ndecimal: both\n", "words"},
    {"profile: a\ntitle: A\nkind: risk\ncolumns: {x: title}\nencoding: ebcdic\n", "words"},
};

static void profile_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        const struct register_file f = {SPAN("x.yml"), span_of(files[i].text)};
        struct profile p;
        struct err e = {0};
        int rc = profile_read(&a, &f, &p, &e);
        if ((rc == 0) != (files[i].word == NULL) || (rc != 0 && strstr(e.text, files[i].word) == NULL)) {
            fail_msg("%s: %d %s", files[i].text, rc, e.text);
        }
    }
    assert_true(profile_is(SPAN("\xef\xbb\xbf# x\n\nprofile: y\n")));
    assert_false(profile_is(SPAN("title: Bicycles\nprofile: y\n")));
    assert_false(profile_is(SPAN("")));
}

/* A city's own, good and bad, beside the shipped ones. */
static void with_the_kinds(void **state)
{
    (void)state;
    const struct register_file own[] = {
        {SPAN("1.yml"), span_of(control_profile)},
        {SPAN("2.yml"), SPAN("profile: old_list\ntitle: Again\nkind: risk\ncolumns: {x: title}\n")},
        {SPAN("3.yml"), SPAN("profile: b\ntitle: B\nkind: nothing\ncolumns: {x: title}\n")},
        {SPAN("4.yml"), SPAN("profile: c\ntitle: C\nkind: risk\ncolumns: {x: no_such}\n")},
        {SPAN("5.yml"), SPAN("profile: d\ntitle: D\n")},
    };
    struct registers *r = registers_load(own, ARRAY_LEN(own));
    size_t n = 0, refused = 0;
    (void)registers_profiles(r, &n);
    (void)registers_refusals(r, &refused);
    assert_int_equal(n, profile_shipped_count + 1);
    assert_int_equal(refused, 4);
    assert_non_null(registers_profile(r, registers_any(r, SPAN("control")), SPAN("old_list")));
    assert_null(registers_profile(r, registers_any(r, SPAN("risk")), SPAN("old_list")));
    registers_free(&r);
}

static const struct {
    const char *kind, *first, *profile;
} guesses[] = {
    {"system", "name,description,domain,type\n", "ciso_assistant_assets"},
    {"system", "ref_id,name,description,type,folder,observation\n", "ciso_assistant_assets"},
    {"control", "ref_id,name,description,domain,status,category,priority,csf_function,owner,progress_field\n", "ciso_assistant_controls"},
    {"control", "title,text,owner\n", NULL},
    {"control", "id;state;tlp;organisation;title\n", NULL},
    {"control", "alpha,beta\n", NULL},
    {"risk", "name,description,domain,type\n", NULL},
    {"control", "", NULL},
};

static void guessed(void **state)
{
    (void)state;
    size_t n = 0;
    const struct profile *list = registers_profiles(kinds, &n);
    for (size_t i = 0; i < ARRAY_LEN(guesses); i++) {
        const struct profile *p = mapping_guess(list, n, registers_any(kinds, span_of(guesses[i].kind)), span_of(guesses[i].first), &a);
        if ((p == NULL) != (guesses[i].profile == NULL) || (p != NULL && !span_eq(p->name, span_of(guesses[i].profile)))) {
            fail_msg("%s: %.*s", guesses[i].first, SPAN_ARG(p == NULL ? SPAN("none") : p->name));
        }
    }
}

/* What goes out by a shipped profile comes in as what it was. */
static void there_and_back(void **state)
{
    (void)state;
    struct err e = {0};
    struct mapping_told told = {0};
    struct span theirs, ours, again;
    const struct register_kind *k = registers_any(kinds, SPAN("control"));
    const struct profile *p = registers_profile(kinds, k, SPAN("ciso_assistant_controls"));
    static const char table[] = "\xef\xbb\xbfid,state,tlp,organisation,title,text,nature,cost,owner\r\n"
                                "01890a5d-ac96-774b-bcce-b302099a8057,planned,AMBER,town,\"Keys, locked\",\"two\nlines\",technical,12.5,Anna\r\n"
                                ",,,,'=1+1,,physical,,\r\n";
    assert_non_null(p);
    assert_int_equal(mapping_out(p, k, span_of(table), ';', &a, &theirs, &e), 0);
    assert_true(span_starts(theirs, SPAN("\xef\xbb\xbfname;description;owner;category;cost;labels;ref_id;domain;")));
    assert_int_equal(mapping_in(p, k, theirs, &a, &ours, &told, &e), 0);
    assert_true(span_eq(ours, SPAN("title,text,owner,nature,cost,tags\n\"Keys, locked\",\"two\nlines\",Anna,technical,12.5,\n'=1+1,,,physical,,\n")));
    assert_int_equal(mapping_out(p, k, ours, ';', &a, &again, &e), 0);
    assert_true(span_eq(again, theirs));
}

static int begin(void **state)
{
    (void)state;
    arena_init(&a, 1 << 16);
    kinds = registers_load(NULL, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    registers_free(&kinds);
    arena_fini(&a);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cells),   cmocka_unit_test(encodings),      cmocka_unit_test(a_table), cmocka_unit_test(profile_files),
        cmocka_unit_test(guessed), cmocka_unit_test(with_the_kinds), cmocka_unit_test(there_and_back),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
