/* SPDX-License-Identifier: EUPL-1.2 */
/* Zeek TSV: headers as Zeek writes them, strange ones and hostile ones; data lines from exact-size
 * buffers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/zeek.h"

enum { OUT_MAX = 1 << 20 };

static int header(struct zeek *z, const char *line)
{
    size_t len = strlen(line);
    char *copy = mem_alloc(len);
    memcpy(copy, line, len);
    int rc = zeek_header(z, span_make(copy, len), NULL);
    mem_free(copy);
    return rc;
}

/* "name=value;" of a data line; unset ones as "name!", empty ones as "name=;". */
static const char *fields(const struct zeek *z, const char *line, struct buf *out)
{
    const struct zeek_column *columns;
    uint32_t n = zeek_columns(z, &columns);
    size_t len = strlen(line);
    char *copy = mem_alloc(len);
    memcpy(copy, line, len);
    struct zeek_cursor c = zeek_begin(span_make(copy, len));
    struct zeek_value v;
    uint32_t at = 0;
    buf_clear(out);
    while (zeek_next(z, &c, &v)) {
        assert_true(v.column < n);
        assert_int_equal(v.column, at++);
        buf_span(out, columns[v.column].name);
        buf_cstr(out, v.kind == ZEEK_UNSET ? "!" : "=");
        buf_span(out, v.text);
        buf_cstr(out, ";");
        assert_true(v.kind == ZEEK_TEXT || v.text.len == 0);
    }
    buf_u8(out, 0);
    mem_free(copy);
    return out->data;
}

static void test_real_header(void **state)
{
    (void)state;
    struct zeek *z = zeek_new();
    struct buf out;
    const struct zeek_column *columns;
    buf_init(&out, OUT_MAX);
    assert_int_equal(zeek_columns(z, &columns), 0);
    assert_string_equal(fields(z, "a\tb", &out), "");
    assert_int_equal(header(z, "### a comment of somebody"), 0);
    assert_int_equal(header(z, "#separator \\x09"), 0);
    assert_int_equal(header(z, "#set_separator\t,"), 0);
    assert_int_equal(header(z, "#empty_field\t(empty)"), 0);
    assert_int_equal(header(z, "#unset_field\t-"), 0);
    assert_int_equal(header(z, "#path\tdns"), 0);
    assert_int_equal(header(z, "#open\t2024-01-01-00-00-00"), 0);
    assert_int_equal(header(z, "#fields\tts\tid.orig_h\tquery\tanswers"), 0);
    assert_int_equal(header(z, "#types\ttime\taddr\tstring\tvector[string]"), 0);
    assert_int_equal(zeek_columns(z, &columns), 4);
    assert_true(span_eq(columns[1].name, SPAN("id.orig_h")));
    assert_true(span_eq(columns[3].type, SPAN("vector[string]")));
    assert_true(span_eq(zeek_path(z), SPAN("dns")));
    uint32_t version = zeek_version(z);

    assert_string_equal(fields(z, "1.5\t10.0.0.1\ta\\x09b\tx,y", &out),
                        "ts=1.5;id.orig_h=10.0.0.1;query=a\\x09b;answers=x,y;");
    assert_string_equal(fields(z, "-\t-x\t(empty)\t", &out), "ts!;id.orig_h=-x;query=;answers=;");
    assert_string_equal(fields(z, "1\t2", &out), "ts=1;id.orig_h=2;");
    assert_string_equal(fields(z, "1\t2\t3\t4\t5\t6", &out), "ts=1;id.orig_h=2;query=3;answers=4;");
    assert_string_equal(fields(z, "", &out), "ts=;");
    assert_true(zeek_fits(z, SPAN("1\t2\t3\t4")));
    assert_false(zeek_fits(z, SPAN("1\t2\t3\t4\t")));
    assert_false(zeek_fits(z, SPAN("1\t2\t3")));

    /* Another log behind the first. */
    assert_int_equal(header(z, "#close\t2024-01-01-00-00-01"), 0);
    assert_int_equal(header(z, "#separator |"), 0);
    assert_int_equal(header(z, "#unset_field|NIL"), 0);
    assert_int_equal(header(z, "#fields|a|b"), 0);
    assert_int_equal(zeek_path(z).len, 0);
    assert_true(zeek_version(z) != version);
    assert_string_equal(fields(z, "-|NIL", &out), "a=-;b!;");
    assert_int_equal(zeek_columns(z, &columns), 2);
    assert_int_equal(columns[1].type.len, 0);
    buf_free(&out);
    zeek_free(&z);
    assert_null(z);
}

static void test_hostile_headers(void **state)
{
    (void)state;
    struct zeek *z = zeek_new();
    struct buf line;
    const struct zeek_column *columns;
    buf_init(&line, OUT_MAX);
    assert_int_equal(header(z, "#fields\ta\tb"), 0);
    assert_int_equal(header(z, "#separator "), ERR_INVALID);
    assert_int_equal(header(z, "#separator \\x0a"), ERR_INVALID);
    assert_int_equal(header(z, "#separator ab"), ERR_INVALID);
    assert_int_equal(header(z, "#separator"), 0);
    assert_int_equal(header(z, "#fields\t"), ERR_INVALID);
    assert_int_equal(header(z, "#fields"), 0);
    assert_int_equal(header(z, "#types\tonly\tas\tmany\tas\tfit"), 0);
    assert_int_equal(zeek_columns(z, &columns), 2);
    assert_true(span_eq(columns[1].type, SPAN("as")));
    assert_int_equal(header(z, "#types\tone"), 0);
    assert_int_equal(columns[1].type.len, 0);

    static const int counts[] = {ZEEK_COLUMNS_MAX, ZEEK_COLUMNS_MAX + 1};
    for (size_t k = 0; k < ARRAY_LEN(counts); k++) {
        buf_clear(&line);
        buf_cstr(&line, "#fields");
        for (int i = 0; i < counts[k]; i++) {
            buf_cstr(&line, "\tf");
        }
        assert_int_equal(zeek_header(z, buf_view(&line), NULL), k == 0 ? 0 : ERR_LIMIT);
        assert_int_equal(zeek_columns(z, &columns), ZEEK_COLUMNS_MAX);
    }
    buf_clear(&line);
    buf_cstr(&line, "#path\t");
    for (int i = 0; i <= ZEEK_PATH_MAX; i++) {
        buf_u8(&line, 'p');
    }
    assert_int_equal(zeek_header(z, buf_view(&line), NULL), ERR_LIMIT);
    memcpy(line.data, "#unset_field\t", 13);
    assert_int_equal(zeek_header(z, buf_view(&line), NULL), ERR_LIMIT);
    memcpy(line.data, "#separator ppp", 14);
    assert_int_equal(zeek_header(z, buf_view(&line), NULL), ERR_LIMIT);
    while (line.len <= ZEEK_HEADER_MAX) {
        buf_u8(&line, 'p');
    }
    assert_int_equal(zeek_header(z, buf_view(&line), NULL), ERR_LIMIT);
    buf_free(&line);
    zeek_free(&z);
}

static void test_unescape(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"", ""},
        {"plain", "plain"},
        {"a\\x09b\\xC3\\xa4", "a\tb\xc3\xa4"},
        {"\\\\x41", "\\x41"},
        {"\\x4", "\\x4"},
        {"\\xzz\\", "\\xzz\\"},
        {"\\x0x", "\\x0x"},
        {"\\PIPE", "\\PIPE"},
        {"\\\\PIPE\\\\d", "\\PIPE\\d"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t len = strlen(cases[i][0]);
        char *raw = mem_alloc(len);
        char *out = mem_alloc(len);
        memcpy(raw, cases[i][0], len);
        size_t n = zeek_unescape(span_make(raw, len), out);
        assert_true(span_eq(span_make(out, n), span_of(cases[i][1])));
        mem_free(raw);
        mem_free(out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_real_header),
        cmocka_unit_test(test_hostile_headers),
        cmocka_unit_test(test_unescape),
    };
    return cmocka_run_group_tests_name("zeek", tests, NULL, NULL);
}
