/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of CSV: what spreadsheets write, what they do not, and that what is written is read again. */
#include "wire/csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"
#include "base/mem.h"

/* Rows as "cell|cell" by line, and in the end an error's line and the beginning of what it says. */
static const struct {
    const char *text, *want;
} cases[] = {
    {"", ""},
    {"\n\r\n\r", ""},
    {"a,b\nc,d\n", "1:a|b 2:c|d "},
    {"a,b\r\nc,d", "1:a|b 2:c|d "},
    {"a;b\rc;d\r", "1:a|b 2:c|d "},
    {"a\tb,c\n", "1:a\tb|c "}, /* as often: the comma */
    {"a;b;c,d\n1;2;3,4\n", "1:a|b|c,d 2:1|2|3,4 "},
    {"\xef\xbb\xbfid;n\n1;\xc3\xa4\n", "1:id|n 2:1|\xc3\xa4 "},
    {"sep=;\r\na;b,c,d\r\n", "2:a|b,c,d "},
    {"SEP=\t\na\tb;c;d\n", "2:a|b;c;d "},
    {"sep=|\na|b\n", "!1:Cells are parted"},
    {"\"a\"\"b\",\"c\nd\"\ne,f\n", "1:a\"b|c\nd 3:e|f "},
    {"\"\",\"\"\"\"\"\"\n", "1:|\"\" "},
    {",,\na,,\n", "2:a|| "},
    {"a,b\"c\"\n", "1:a|b\"c\" "},
    {"a,\"b\" c\n", "!1:There is text between"},
    {"a\n\"b\nc", "!2:A quote that begins"},
    {"a\n\"", "!2:A quote that begins"},
    {"a,", "1:a| "},
    {"a\nb\0c\n", "!2:There is a zero byte"},
    {"a\n\nM\xfcller\n", "!3:This line is not UTF-8"},
    {"\xff\xfe"
     "a\0",
     "!0:This is UTF-16"},
    {"PK\x03\x04xx", "!0:This is a spreadsheet's"},
};

static size_t length_of(size_t i)
{
    /* the two with a zero byte inside */
    return strncmp(cases[i].want, "!2:There is a zero", 18) == 0 ? 6 : strncmp(cases[i].want, "!0:This is UTF-16", 17) == 0 ? 4 : strlen(cases[i].text);
}

static void read_all(struct span text, struct buf *out)
{
    struct csv c;
    struct arena a;
    struct csv_row *row = mem_alloc(sizeof *row);
    struct err e = {0};
    arena_init(&a, 0);
    int rc = csv_open(&c, text, &e);
    while (rc == 0 && (rc = csv_next(&c, &a, row, &e)) > 0) {
        buf_printf(out, "%u:", row->line);
        for (uint32_t i = 0; i < row->count; i++) {
            buf_cstr(out, i > 0 ? "|" : "");
            buf_span(out, row->cell[i]);
        }
        buf_u8(out, ' ');
        rc = 0;
    }
    if (rc < 0) {
        buf_clear(out);
        buf_printf(out, "!%u:%s", e.line, e.text);
    }
    arena_fini(&a);
    mem_free(row);
}

static void table(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf got;
        size_t n = length_of(i);
        char *exact = mem_alloc(n + 1); /* a byte read too far is seen */
        memcpy(exact, cases[i].text, n);
        exact = mem_realloc(exact, n == 0 ? 1 : n);
        buf_init(&got, 1 << 20);
        read_all(span_make(exact, n), &got);
        struct span want = span_of(cases[i].want);
        bool fits = want.len > 0 && want.ptr[0] == '!' ? span_starts(buf_view(&got), want) : span_eq(buf_view(&got), want);
        if (!fits) {
            fail_msg("case %zu: \"%.*s\"", i, SPAN_ARG(buf_view(&got)));
        }
        buf_free(&got);
        mem_free(exact);
    }
}

static void limits(void **state)
{
    (void)state;
    struct buf text, got;
    buf_init(&text, 1 << 20);
    buf_init(&got, 1 << 20);
    for (int i = 0; i <= CSV_COLUMNS_MAX; i++) {
        buf_cstr(&text, "x,");
    }
    read_all(buf_view(&text), &got);
    assert_true(span_starts(buf_view(&got), SPAN("!1:This row has more")));
    for (int quoted = 0; quoted < 2; quoted++) {
        buf_clear(&text);
        buf_cstr(&text, quoted ? "a\n\"" : "a\n");
        for (int i = 0; i <= CSV_CELL_MAX; i++) {
            buf_u8(&text, 'x');
        }
        buf_cstr(&text, quoted ? "\"\n" : "\n");
        read_all(buf_view(&text), &got);
        assert_true(span_starts(buf_view(&got), SPAN("!2:A cell of this row")));
    }
    buf_free(&text);
    buf_free(&got);
}

/* What a spreadsheet would run as a formula goes out with an apostrophe and comes back without. */
static void formulas(void **state)
{
    (void)state;
    static const struct {
        const char *text, *cell;
    } guards[] = {
        {"=1+1", "'=1+1"}, {"+34 900", "'+34 900"}, {"-x", "'-x"},      {"@SUM(A1)", "'@SUM(A1)"}, {"\t=1", "'\t=1"}, {"\r=1", "'\r=1"},
        {"'=1", "''=1"},   {"''@", "'''@"},         {"\"\"", "'\"\""},  {"plain", "plain"},        {"'tis", "'tis"},  {"a=b", "a=b"},
        {"'", "'"},        {"''", "''"},            {"\"a\"", "\"a\""}, {"", ""},
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(guards); i++) {
        struct span cell = csv_guard(&a, span_of(guards[i].text));
        assert_true(span_eq(cell, span_of(guards[i].cell)));
        assert_true(span_eq(csv_unguard(cell), span_of(guards[i].text)));
        assert_true(cell.len == 0 || strchr("=+-@\t\r", cell.ptr[0]) == NULL);
    }
    arena_fini(&a);
}

static void written_and_read(void **state)
{
    (void)state;
    static const char *const cells[] = {"plain", "a,b", "a;b", "a\tb", "\"", "a\"b\"\"", "two\nlines", "cr\rlf\r\n", "", " blank ", "\xe2\x82\xac"};
    static const char separators[] = {',', ';', '\t'};
    for (size_t s = 0; s < sizeof separators; s++) {
        struct buf text, got, want;
        buf_init(&text, 1 << 16);
        buf_init(&got, 1 << 16);
        buf_init(&want, 1 << 16);
        buf_cstr(&want, "1:");
        for (size_t i = 0; i < ARRAY_LEN(cells); i++) {
            if (i > 0) {
                buf_u8(&text, (uint8_t)separators[s]);
                buf_u8(&want, '|');
            }
            csv_put(&text, span_of(cells[i]), separators[s]);
            buf_cstr(&want, cells[i]);
        }
        csv_end_row(&text);
        buf_u8(&want, ' ');
        read_all(buf_view(&text), &got);
        assert_true(span_eq(buf_view(&got), buf_view(&want)));
        buf_free(&text);
        buf_free(&got);
        buf_free(&want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table),
        cmocka_unit_test(limits),
        cmocka_unit_test(formulas),
        cmocka_unit_test(written_and_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
