/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The stream splitter by a table of streams, each given whole, byte by byte, and in pieces of
 * several sizes, to every kernel: the values found must not depend on the pieces.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "wire/json_index.h"
#include "wire/json_read.h"

enum { OUT_MAX = 16 << 20 };

/* Splits text in pieces of `piece` bytes; items go to out as "<value>" or "!<bad>!" with their
 * stream offsets checked. */
static void split(struct span text, size_t piece, bool unwrap, struct buf *out)
{
    struct json_split s;
    struct err e;
    size_t start = 0;
    size_t have = piece < text.len ? piece : text.len;
    json_split_init(&s, unwrap);
    buf_clear(out);
    for (;;) {
        /* A copy of exactly the window, so that a sanitizer sees a read beyond it. */
        size_t len = have - start;
        char *window = mem_alloc(len);
        struct span record;
        size_t used;
        if (len > 0) {
            memcpy(window, text.ptr + start, len);
        }
        enum json_split_result r =
            json_split_next(&s, span_make(window, len), have == text.len, &used, &record, &e);
        assert_true(used <= len);
        start += used;
        assert_int_equal(s.offset, start);
        if (r == JSON_SPLIT_RECORD || r == JSON_SPLIT_BAD) {
            assert_true(used > 0);
            const char *mark = r == JSON_SPLIT_RECORD ? "<>" : "!!";
            buf_u8(out, (uint8_t)mark[0]);
            buf_span(out, record);
            buf_u8(out, (uint8_t)mark[1]);
        }
        mem_free(window);
        if (r == JSON_SPLIT_END) {
            break;
        }
        if (r == JSON_SPLIT_MORE) {
            assert_true(have < text.len);
            have = text.len - have < piece ? text.len : have + piece;
        }
    }
    assert_int_equal(start, text.len);
    buf_u8(out, 0);
}

struct stream_case {
    const char *text;
    const char *items;
};

static const struct stream_case streams[] = {
    {"", ""},
    {" \r\n\t\n", ""},
    {"{}", "<{}>"},
    {"{\"a\":1}\n{\"a\":2}\n", "<{\"a\":1}><{\"a\":2}>"},
    {"{\"a\":1}\r\n\r\n  {\"a\":2}", "<{\"a\":1}><{\"a\":2}>"},
    {"{}{} {}\n{}", "<{}><{}><{}><{}>"},
    {"\xef\xbb\xbf{}\n{}", "<{}><{}>"},
    {"\x1e{}\n\x1e{}\n", "<{}><{}>"},
    {"{\n  \"a\": {\n    \"b\": [\n      {}\n    ]\n  }\n}\n{\n  \"a\": 1\n}\n",
     "<{\n  \"a\": {\n    \"b\": [\n      {}\n    ]\n  }\n}><{\n  \"a\": 1\n}>"},
    {"{\"a\":\n{\"b\":1}}\n{}", "<{\"a\":\n{\"b\":1}}><{}>"},
    {"{\"a\":[\n{},\n{}\n]}\n{}", "<{\"a\":[\n{},\n{}\n]}><{}>"},
    {"{\"a\":\"}{\\\"}\\\\\"}\n{}", "<{\"a\":\"}{\\\"}\\\\\"}><{}>"},
    {"1 22\ntrue \"a b\" null\n-1.5e3", "<1><22><true><\"a b\"><null><-1.5e3>"},
    /* arrays and Records */
    {"[{\"a\":1},{\"a\":2}]", "<{\"a\":1}><{\"a\":2}>"},
    {"[\n  {\n    \"a\": 1\n  },\n  {\n    \"a\": 2\n  }\n]\n",
     "<{\n    \"a\": 1\n  }><{\n    \"a\": 2\n  }>"},
    {"[]", ""},
    {"[[1],[2]]", "<[1]><[2]>"},
    {"[1,\"x\"]{}", "<1><\"x\"><{}>"},
    {"[{}][{}]\n{}", "<{}><{}><{}>"},
    {"{\"Records\":[{\"a\":1},{\"a\":2}]}", "<{\"a\":1}><{\"a\":2}>"},
    {"{ \"Records\" : [ {\"a\":1} ] , \"x\":{\"y\":\"]}\\\"\"} }\n{\"b\":1}",
     "<{\"a\":1}><{\"b\":1}>"},
    {"{\"Records\":[]}{}", "<{}>"},
    {"{\"Records\":[{}]\n{\"b\":1}", "<{}><{\"b\":1}>"},
    {"{\"Records\":[1]}", "<{\"Records\":[1]}>"},
    {"{\"Records\":{}}", "<{\"Records\":{}}>"},
    {"{\"RecordsX\":[{}]}", "<{\"RecordsX\":[{}]}>"},
    {"[{\"Records\":[{}]}]", "<{\"Records\":[{}]}>"},
    /* broken ones cost nothing else */
    {"{\"a\":1\n{\"b\":2}\n{\"c\":3}", "!{\"a\":1!<{\"b\":2}><{\"c\":3}>"},
    {"{\"a\":\"x\n{\"b\":2}\n", "!{\"a\":\"x!<{\"b\":2}>"},
    {"{\"a\":[\n{\"b\":2}\n{\"c\":3}\n", "!{\"a\":[!<{\"b\":2}><{\"c\":3}>"},
    {"{\"a\":\n{\"b\":2}\n{\"c\":3}\n", "!{\"a\":!<{\"b\":2}><{\"c\":3}>"},
    {"{\"a\":1", "!{\"a\":1!"},
    {"{\"a\":1}\n{\"b\":\"tail", "<{\"a\":1}>!{\"b\":\"tail!"},
    {"oops\n{}", "!oops!<{}>"},
    {"oops\nagain\n\n{}\n", "!oops\nagain!<{}>"},
    {"{}\n}\n{}", "<{}>!}!<{}>"},
    {"{},\n{}", "<{}>!,!<{}>"},
    {"{\"a\":\"t\":\"}\n{}", "!{\"a\":\"t\":\"}!<{}>"},
    {"[{\"a\":1\n,{\"b\":2}]", "<{\"a\":1\n,{\"b\":2}]>"},
    {"  {\n    \"a\": 1\n  {\n  }\n", "!{\n    \"a\": 1!<{\n  }>"},
    {"\xef\xbb{}", "!\xef\xbb{}!"},
    {"\\\"{\n{}", "!\\\"{!<{}>"},
    {"{\\\"}\n{\"a\":\"}\"}", "<{\\\"}><{\"a\":\"}\"}>"},
};

static void test_streams(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(streams); i++) {
        struct span text = span_of(streams[i].text);
        for (size_t piece = 1; piece <= text.len + 1; piece++) {
            split(text, piece, true, &out);
            if (strcmp(out.data, streams[i].items) != 0) {
                fail_msg("in pieces of %zu:\n%s\ngave %s\nnot  %s", piece, streams[i].text,
                         out.data, streams[i].items);
            }
        }
    }
    buf_free(&out);
}

static void test_without_unwrap(void **state)
{
    (void)state;
    struct buf out;
    buf_init(&out, OUT_MAX);
    split(SPAN("[{},\n{}]\n{\"Records\":[{}]}"), 1000, false, &out);
    assert_string_equal(out.data, "<[{},\n{}]><{\"Records\":[{}]}>");
    buf_free(&out);
}

/* Long lines go through the quick step over blocks: the same values whatever stands at the block
 * borders. */
static void test_long_lines(void **state)
{
    (void)state;
    struct buf text;
    struct buf out;
    struct buf want;
    buf_init(&text, OUT_MAX);
    buf_init(&out, OUT_MAX);
    buf_init(&want, OUT_MAX);
    static const char *const fillers[] = {"x", "\\\"", "\\\\", "{", "]", "\xc3\xa4"};
    for (size_t i = 0; i < 400; i++) {
        size_t from = text.len;
        buf_printf(&text, "{\"n\":%zu,\"o\":{\"l\":[1,[2]]},\"s\":\"", i);
        for (size_t k = 0; k < i; k++) {
            buf_cstr(&text, fillers[(i + k) % ARRAY_LEN(fillers)]);
        }
        buf_cstr(&text, "\"}");
        buf_u8(&want, '<');
        buf_put(&want, text.data + from, text.len - from);
        buf_u8(&want, '>');
        buf_cstr(&text, i % 3 == 0 ? "" : "\n");
    }
    buf_u8(&want, 0);
    static const size_t pieces[] = {1 << 20, 4096, 1000, 97, 64};
    for (size_t p = 0; p < ARRAY_LEN(pieces); p++) {
        split(buf_view(&text), pieces[p], true, &out);
        assert_string_equal(out.data, want.data);
    }
    buf_free(&text);
    buf_free(&out);
    buf_free(&want);
}

/* A value over the limit is cut there, the rest of it passed over, the next one found. */
static void test_too_long(void **state)
{
    (void)state;
    struct buf text;
    struct buf out;
    buf_init(&text, OUT_MAX);
    buf_init(&out, OUT_MAX);
    for (int extra = -1; extra <= 1; extra++) {
        buf_clear(&text);
        buf_cstr(&text, "{}\n{\"a\":\"");
        for (int i = 0; i < JSON_RECORD_MAX + extra - 8; i++) {
            buf_u8(&text, 'x');
        }
        buf_cstr(&text, "\"}\n  {\"inner\":1}\n{\"b\":1}\n");
        for (size_t piece = 65536; piece <= 4 << 20; piece *= 64) {
            split(buf_view(&text), piece, true, &out);
            size_t long_len = (size_t)JSON_RECORD_MAX + (size_t)extra;
            if (extra <= 0) {
                assert_int_equal(strlen(out.data), 4 + long_len + 2 + 13 + 9);
                assert_string_equal(out.data + 4 + long_len + 2, "<{\"inner\":1}><{\"b\":1}>");
            } else {
                assert_int_equal(strlen(out.data), 4 + JSON_RECORD_MAX + 2 + 9);
                assert_string_equal(out.data + 4 + JSON_RECORD_MAX + 1, "!<{\"b\":1}>");
            }
        }
    }
    /* As deep as can be, and deeper. */
    for (size_t depth = JSON_DEPTH_MAX; depth <= JSON_DEPTH_MAX + 1; depth++) {
        buf_clear(&text);
        for (size_t i = 0; i < 2 * depth; i++) {
            buf_u8(&text, i < depth ? '[' : ']');
        }
        buf_cstr(&text, "\n{\"b\":1}\n");
        split(buf_view(&text), 1 << 20, false, &out);
        assert_int_equal(out.data[0], depth == JSON_DEPTH_MAX ? '<' : '!');
        assert_string_equal(out.data + 2 * depth + 2, "<{\"b\":1}>");
    }
    buf_free(&text);
    buf_free(&out);
}

/* Random soups of the bytes that matter: any pieces and any kernel find the same items, and nothing
 * is lost. */
static void test_soup(void **state)
{
    (void)state;
    static const char alphabet[] = "{}[]\"\\\n ,:1ax{}{}\n\"";
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    uint64_t seed = 12345;
    char text[700];
    struct buf first;
    struct buf out;
    buf_init(&first, OUT_MAX);
    buf_init(&out, OUT_MAX);
    for (int round = 0; round < 3000; round++) {
        size_t len = (size_t)round % sizeof text;
        for (size_t i = 0; i < len; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            text[i] = alphabet[(seed >> 40) % (sizeof alphabet - 1)];
        }
        json_kernel_use(&kernels[n - 1]);
        split(span_make(text, len), sizeof text, true, &first);
        json_kernel_use(&kernels[(unsigned)round % n]);
        split(span_make(text, len), 1 + (size_t)round % 200, true, &out);
        assert_int_equal(out.len, first.len);
        assert_memory_equal(out.data, first.data, out.len);
    }
    json_kernel_use(NULL);
    buf_free(&first);
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),    cmocka_unit_test(test_without_unwrap),
        cmocka_unit_test(test_long_lines), cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_soup),
    };
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    int failed = 0;
    for (uint32_t i = 0; i < n; i++) {
        json_kernel_use(&kernels[i]);
        failed += cmocka_run_group_tests_name(kernels[i].name, tests, NULL, NULL);
    }
    return failed;
}
