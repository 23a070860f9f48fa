/* SPDX-License-Identifier: EUPL-1.2 */
/* Newline framing by a table of streams, each in pieces of every size, from exact-size windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/lines.h"

enum { OUT_MAX = 1 << 20 };

static void frame(struct span text, size_t piece, size_t max, struct buf *out)
{
    struct lines s;
    size_t start = 0;
    size_t have = piece < text.len ? piece : text.len;
    lines_init(&s, max);
    buf_clear(out);
    for (uint64_t number = 0;;) {
        size_t len = have - start;
        char *window = mem_alloc(len);
        struct span line;
        size_t used;
        bool cut;
        if (len > 0) {
            memcpy(window, text.ptr + start, len);
        }
        enum lines_result r =
            lines_next(&s, span_make(window, len), have == text.len, &used, &line, &cut);
        assert_true(used <= len);
        start += used;
        assert_int_equal(s.offset, start);
        if (r == LINES_LINE) {
            assert_true(used > 0);
            assert_true(line.len <= max);
            buf_u8(out, '<');
            buf_span(out, line);
            buf_cstr(out, cut ? "~" : ">");
            number++;
        }
        assert_int_equal(s.number, number);
        mem_free(window);
        if (r == LINES_END) {
            break;
        }
        if (r == LINES_MORE) {
            assert_true(have < text.len);
            have = text.len - have < piece ? text.len : have + piece;
        }
    }
    assert_int_equal(start, text.len);
}

#define STREAM(text, items)                                                                        \
    {                                                                                              \
        {text, sizeof(text) - 1},                                                                  \
        {                                                                                          \
            items, sizeof(items) - 1                                                               \
        }                                                                                          \
    }

static const struct {
    struct span text;
    struct span items;
} streams[] = {
    STREAM("", ""),
    STREAM("\n", "<>"),
    STREAM("a", "<a>"),
    STREAM("a\n", "<a>"),
    STREAM("a\r\nb\r\n", "<a><b>"),
    STREAM("a\n\n\nb", "<a><><><b>"),
    STREAM("a\rb\r\r\nc\r", "<a\rb\r><c\r>"),
    STREAM("\0a\n\0\n", "<\0a><\0>"),
    STREAM("12345678\n", "<12345678>"),
    STREAM("12345678\r\nx", "<12345678><x>"),
    STREAM("12345678", "<12345678>"),
    STREAM("123456789\nx", "<12345678~<x>"),
    STREAM("123456789", "<12345678~"),
    STREAM("1234567890", "<12345678~"),
    STREAM("1234567890\nx\n", "<12345678~<x>"),
    STREAM("1234567890abcdefghijklmnop\r\nx\n\n", "<12345678~<x><>"),
    STREAM("12345678\r\r\nx", "<12345678~<x>"),
    STREAM("1234567890abcdefghijklmnop", "<12345678~"),
};

static void test_streams(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        for (size_t piece = 1; piece <= streams[i].text.len + 1; piece++) {
            frame(streams[i].text, piece, 8, &out);
            if (!span_eq(buf_view(&out), streams[i].items)) {
                fail_msg("stream %zu in pieces of %zu gave %.*s", i, piece,
                         SPAN_ARG(buf_view(&out)));
            }
        }
    }
    buf_free(&out);
}

static void test_default_limit(void **state)
{
    (void)state;
    struct lines s;
    struct span line;
    size_t used;
    bool cut;
    size_t len = LINES_MAX_BYTES + 10;
    char *text = mem_alloc(len);
    memset(text, 'x', len);
    lines_init(&s, 0);
    assert_int_equal(lines_next(&s, span_make(text, len), false, &used, &line, &cut), LINES_LINE);
    assert_int_equal(line.len, LINES_MAX_BYTES);
    assert_true(cut);
    mem_free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_default_limit),
    };
    return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
