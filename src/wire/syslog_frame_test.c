/* SPDX-License-Identifier: EUPL-1.2 */
/* Framing tests: each stream is fed whole, byte by byte and in pieces of every size; the frames
 * must not differ. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "wire/syslog_frame.h"

enum { MAX = 24 };

struct row {
    const char *stream;
    enum syslog_framing framing;
    const char *frames; /* joined by '|'; a cut one ends in '~', an unfinished one in '?' */
    uint64_t skipped;
};

static const struct row rows[] = {
    {"<1>a\n<2>b\n", SYSLOG_FRAMING_AUTO, "<1>a|<2>b|", 0},
    {"<1>a\r\n\n\r\n<2>b", SYSLOG_FRAMING_AUTO, "<1>a|<2>b?|", 0},
    {"5 <1>ab6 <2>a\nb", SYSLOG_FRAMING_AUTO, "<1>ab|<2>a\nb|", 0},
    {"5 <1>ab<2>line\n4 <3>c", SYSLOG_FRAMING_AUTO, "<1>ab|<2>line|<3>c|", 0},
    {"5 <1>ab\n5 <2>ab\n", SYSLOG_FRAMING_AUTO, "<1>ab|<2>ab|", 0},
    {"9 <1>ab", SYSLOG_FRAMING_AUTO, "<1>ab?|", 0},
    {"2026-11-22T00 x\n", SYSLOG_FRAMING_AUTO, "2026-11-22T00 x|", 0},
    {"0 zero\n", SYSLOG_FRAMING_AUTO, "0 zero|", 0},
    {"1234567890 x\n", SYSLOG_FRAMING_AUTO, "1234567890 x|", 0},
    {"123", SYSLOG_FRAMING_AUTO, "123?|", 0},
    {"5 abcde\n", SYSLOG_FRAMING_LINES, "5 abcde|", 0},
    {"0123456789012345678901234567890\nok\n", SYSLOG_FRAMING_LINES, "012345678901234567890123~|ok|",
     7},
    {"012345678901234567890123\nok\n", SYSLOG_FRAMING_LINES, "012345678901234567890123|ok|", 0},
    {"30 abcdefghijabcdefghijabcdefghij2 ok", SYSLOG_FRAMING_AUTO, "abcdefghijabcdefghijabcd~|ok|",
     6},
    {"999999999 abcdefghijabcdefghijabcdefghij", SYSLOG_FRAMING_AUTO, "abcdefghijabcdefghijabcd~|",
     999999999 - 24},
    {"", SYSLOG_FRAMING_AUTO, "", 0},
};

static void note(struct buf *got, const struct syslog_frame *frame)
{
    buf_span(got, frame->bytes);
    buf_cstr(got, frame->cut ? "~|" : frame->unfinished ? "?|" : "|");
}

static void run_row(const struct row *r, size_t piece)
{
    struct syslog_framer f;
    struct syslog_frame frame;
    struct buf got;
    size_t n = strlen(r->stream);
    buf_init(&got, 4096);
    syslog_framer_init(&f, r->framing, MAX);
    for (size_t at = 0; at < n; at += piece) {
        size_t len = n - at < piece ? n - at : piece;
        char *exact = mem_alloc(len);
        memcpy(exact, r->stream + at, len);
        struct span input = span_make(exact, len);
        while (syslog_framer_next(&f, &input, &frame)) {
            note(&got, &frame);
        }
        assert_int_equal(input.len, 0);
        mem_free(exact);
    }
    assert_true(f.consumed + f.pending == n);
    while (syslog_framer_end(&f, &frame)) {
        note(&got, &frame);
    }
    if (!span_eq(buf_view(&got), span_of(r->frames))) {
        fail_msg("\"%s\" in pieces of %zu: got \"%.*s\", want \"%s\"", r->stream, piece,
                 SPAN_ARG(buf_view(&got)), r->frames);
    }
    assert_int_equal(f.skipped_bytes, r->skipped);
    buf_free(&got);
    syslog_framer_fini(&f);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (size_t piece = 1; piece < 40; piece++) {
            run_row(&rows[i], piece);
        }
        run_row(&rows[i], 4096);
    }
}

/* A follower stores `consumed` as its position: after each frame it must be where the next line
 * starts. */
static void test_positions(void **state)
{
    (void)state;
    struct syslog_framer f;
    struct syslog_frame frame;
    syslog_framer_init(&f, SYSLOG_FRAMING_LINES, MAX);
    struct span input = SPAN("one\n\ntwo\r\nthr");
    assert_true(syslog_framer_next(&f, &input, &frame));
    assert_int_equal(f.consumed, 4);
    assert_true(syslog_framer_next(&f, &input, &frame));
    assert_int_equal(f.consumed, 10);
    assert_false(syslog_framer_next(&f, &input, &frame));
    assert_int_equal(f.consumed, 10);
    input = SPAN("ee\n");
    assert_true(syslog_framer_next(&f, &input, &frame));
    assert_int_equal(f.consumed, 16);
    assert_memory_equal(frame.bytes.ptr, "three", 5);
    syslog_framer_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_positions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
