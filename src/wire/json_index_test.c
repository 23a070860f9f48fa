/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * All index kernels give the plain one's bytes, on random soups and mutated records; and the plain
 * one gives what a byte-at-a-time reading of the same text says, so that a fault in the shared body
 * is found too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "base/utf8.h"
#include "wire/json_index.h"
#include "wire/leaves.h"

enum { TEXT_MAX = 10000, ROUNDS = 6000 /* SERENO_CASES sets another number */ };

struct result {
    uint32_t entries[TEXT_MAX + JSON_INDEX_SLACK];
    uint32_t count;
    uint32_t tags;
};

static void run(const char *text, size_t len, struct result *out)
{
    struct json_index x;
    static uint32_t chunk[JSON_CHUNK + JSON_INDEX_SLACK];
    json_index_init(&x, text, len);
    out->count = 0;
    while (x.next < x.len) {
        size_t before = x.next;
        uint32_t n = json_index_more(&x, chunk);
        assert_true(x.next > before && n <= JSON_CHUNK);
        memcpy(out->entries + out->count, chunk, n * sizeof chunk[0]);
        out->count += n;
    }
    out->tags = json_index_tags(&x);
}

static bool is_hex(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* \uXXXX at text[i] (the `u`): its value or -1. */
static int unit_at(const char *text, size_t len, size_t i)
{
    int value = 0;
    for (size_t k = 1; k <= 4; k++) {
        if (i + k >= len || !is_hex(text[i + k])) {
            return -1;
        }
        char c = text[i + k];
        value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
    }
    return value;
}

/* The rules of json_index.h, one byte after the other. */
static void reference(const char *text, size_t len, struct result *out)
{
    bool inside = false;
    bool marked = false;
    bool escaped = false;
    int high = 0; /* the last \u escape of a string was a high surrogate; counts down to where its
                     other half must be */
    size_t low_at = 0;
    *out = (struct result){.count = 0};
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        bool was_escaped = escaped;
        escaped = c == '\\' && !was_escaped;
        if (inside && (unsigned char)c < 0x20) {
            out->tags |= TAG_CONTROL_CHAR;
        }
        if (inside && was_escaped && (c == '\0' || strchr("\"\\/bfnrtu", c) == NULL)) {
            out->tags |= TAG_BAD_ESCAPE;
        }
        if (inside && was_escaped && c == 'u') {
            int unit = unit_at(text, len, i);
            bool low = unit >= 0xdc00 && unit <= 0xdfff;
            bool pair = high && low && i == low_at;
            out->tags |= unit < 0 ? TAG_BAD_ESCAPE : 0;
            out->tags |= (high && !pair) || (low && !pair) ? TAG_LONE_SURROGATE : 0;
            high = unit >= 0xd800 && unit <= 0xdbff;
            low_at = i + 6;
        }
        if (c == '"' && !was_escaped) {
            out->entries[out->count++] = (uint32_t)i | (inside && marked ? JSON_INDEX_ESCAPED : 0);
            inside = !inside;
            marked = false;
        }
        marked |= c == '\\' && inside;
    }
    out->tags |= high ? TAG_LONE_SURROGATE : 0;
    out->tags |= utf8_valid(span_make(text, len)) ? 0 : TAG_BAD_UTF8;
    /* A backslash as the very last byte escapes nothing that is there. */
    if (inside && escaped && len % JSON_BLOCK != 0) {
        out->tags |= TAG_BAD_ESCAPE;
    }
}

static void compare(const char *text, size_t len)
{
    static struct result want;
    static struct result got;
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    char *exact = mem_alloc(len);
    if (len > 0) {
        memcpy(exact, text, len);
    }
    reference(exact, len, &want);
    for (uint32_t k = 0; k < n; k++) {
        json_kernel_use(&kernels[k]);
        run(exact, len, &got);
        if (got.count != want.count || got.tags != want.tags ||
            memcmp(got.entries, want.entries, want.count * sizeof want.entries[0]) != 0) {
            fail_msg("%s differs on %zu bytes: %u entries not %u, tags %x not %x\n%.*s",
                     kernels[k].name, len, got.count, want.count, got.tags, want.tags, (int)len,
                     exact);
        }
    }
    json_kernel_use(NULL);
    mem_free(exact);
}

static uint64_t seed = 42;

static uint32_t next_random(uint32_t below)
{
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return below == 0 ? 0 : (uint32_t)(seed >> 33) % below;
}

static void test_soup(void **state)
{
    (void)state;
    static const char *const parts[] = {
        "\"",
        "\\",
        "\\\\",
        "\\\"",
        "x",
        "{",
        "}",
        ",",
        "\n",
        "\t",
        "\\n",
        "\\u0041",
        "\\ud83d",
        "\\ude00",
        "\\ud83d\\ude00",
        "\\u12",
        "\\x",
        "\xc3\xa4",
        "\xe2\x82\xac",
        "\xf0\x9f\x98\x80",
        "\xed\xa0\x80",
        "\xe0\x80\x80",
        "\xf4\x90\x80\x80",
        "\xf0\x80\x80\x80",
        "\xc0\x80",
        "\xff",
        "\x80",
        "\xc3",
        "a rather long stretch without anything of interest in it, longer than a block",
    };
    static char text[TEXT_MAX];
    uint64_t cases = test_cases(ROUNDS);
    for (uint64_t round = 0; round < cases; round++) {
        size_t len = 0;
        /* A few kinds of part at a time, else some would always stand beside a spoiler. */
        uint32_t kinds = 1 + next_random(6);
        uint32_t pick[6] = {0};
        for (uint32_t k = 0; k < kinds; k++) {
            pick[k] = next_random((uint32_t)(sizeof parts / sizeof parts[0]));
        }
        size_t stop = next_random(round % 50 == 0 ? 9000 : 400);
        while (len < stop) {
            const char *part = parts[pick[next_random(kinds)]];
            size_t n = strlen(part);
            memcpy(text + len, part, n);
            len += n;
        }
        compare(text, len);
    }
}

static void test_mutated_record(void **state)
{
    (void)state;
    static const char record[] =
        "{\"EventID\":4688,\"Image\":\"C:\\\\Windows\\\\System32\\\\cmd.exe\",\"Message\":\"A new "
        "process"
        "\\r\\n\\tCreator \\\"x\\\" Gr\xc3\xbc\xc3\x9f"
        "e \xf0\x9f\x98\x80 \\ud83d\\ude00\",\"l\":[1,2.5e3,true,null,\"\"]}";
    char text[sizeof record];
    uint64_t cases = test_cases(ROUNDS);
    for (uint64_t round = 0; round < cases; round++) {
        size_t len = sizeof record - 1;
        memcpy(text, record, len);
        for (uint32_t k = next_random(4); k > 0; k--) {
            text[next_random((uint32_t)len)] = (char)next_random(256);
        }
        compare(text, round % 3 == 0 ? next_random((uint32_t)len + 1) : len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_soup),
        cmocka_unit_test(test_mutated_record),
    };
    return cmocka_run_group_tests_name("json_index", tests, NULL, NULL);
}
