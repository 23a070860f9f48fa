/* SPDX-License-Identifier: EUPL-1.2 */
/* Token filters: which runs are found however the record writes them, which records leave a block without a filter, how often
 * "perhaps" is said of what is not there, and that a changed or exchanged filter is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <sodium.h>

#include "archive/filter.h"

static struct filter_builder *builder;
static struct buf out;
static struct err e;
static const unsigned char hash[ARCHIVE_HASH_BYTES] = {7};

static int make(void **state)
{
    (void)state;
    builder = filter_builder_new();
    buf_init(&out, FILTER_MAX_BYTES + FILTER_CHECK_BYTES);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    filter_builder_free(&builder);
    buf_free(&out);
    return 0;
}

/* False: the block can have none. */
static bool filter_of(struct span text, struct filter *f)
{
    buf_clear(&out);
    filter_add(builder, text);
    if (!filter_finish(builder, &out)) {
        assert_int_equal(out.len, 0);
        return false;
    }
    assert_int_equal(filter_decode(buf_view(&out), f, &e), 0);
    return true;
}

/* "run" or "run.run" */
static uint64_t token_of(struct span word)
{
    ptrdiff_t dot = span_find(word, '.');
    return dot < 0 ? filter_token(word)
                   : filter_pair(span_sub(word, 0, (size_t)dot), span_sub(word, (size_t)dot + 1, word.len));
}

static const struct {
    const char *text;
    const char *has[6];
    const char *hasnt[3];
} runs[] = {
    {"GET /Index.HTML", {"get", "INDEX", "html", "index.html"}, {"ind", "get.index"}},
    {"10.0.0.12 10.1", {"10", "0", "12", "10.0", "0.12", "10.1"}, {"2", "0.10", "12.10"}},
    {"a.b.evil.example.", {"a.b", "b.evil", "evil.example", "evil", "example"}, {"a.evil", "example.a"}},
    {"C:\\\\Temp\\\\nc.exe", {"temp", "nc", "c", "nc.exe", "c.exe", "emp"}, {"tempnc", "xe"}},
    {"one\\ntwo\\u003cthree\\x09four", {"two", "ntwo", "three", "four", "u003cthree", "x09four"}, {"onentwo", "hree"}},
    {"\\u003c10.2.3.4 \\n10.9", {"10.2", "2.3", "3.4", "10.9"}, {"3.10", "4.10"}},
    {"caf\xc3\xa9s x_y-z", {"caf", "s", "x", "y", "z"}, {"cafs", "xy"}},
    {"type=PROCTITLE msg=audit(1.1:1): proctitle=2F62696E2F6E63002D65", {"bin", "nc", "e", "2f62696e2f6e63002d65"},
     {"nce", "bi"}},
    {"", {NULL}, {"a"}},
    {"0123456789abcdef0123456789ABCDEF0123456789abcdef0123456789abcdef0",
     {"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0"}, {"0123456789abcdef"}},
};

static void runs_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct filter f;
        assert_true(filter_of(span_of(runs[i].text), &f));
        for (size_t k = 0; k < 6 && runs[i].has[k] != NULL; k++) {
            if (!filter_may_hold(&f, token_of(span_of(runs[i].has[k])))) {
                fail_msg("%s: %s is not found", runs[i].text, runs[i].has[k]);
            }
        }
        for (size_t k = 0; k < 3 && runs[i].hasnt[k] != NULL; k++) {
            if (filter_may_hold(&f, token_of(span_of(runs[i].hasnt[k])))) {
                fail_msg("%s: %s is found", runs[i].text, runs[i].hasnt[k]);
            }
        }
    }
}

static void what_hides_letters_leaves_no_filter(void **state)
{
    (void)state;
    static const struct {
        struct span text;
        bool none;
    } cases[] = {
        {SPAN("{\"a\":\"\\u006dimikatz\"}"), true},  {SPAN("{\"a\":\"\\u0039\"}"), true},
        {SPAN("{\"a\":\"x\\u017Fy\"}"), true},       {SPAN("{\"a\":\"x\\u212ay\"}"), true},
        {SPAN("x\\x41y"), true},                     {SPAN("x\\xe2\\x84\\xaay"), true},
        {SPAN("a\0b"), true},                        {SPAN("mimi\xe2\x84\xaa" "atz"), true},
        {SPAN("\xc5\xbfvc.exe"), true},              {SPAN("proctitle=6D69E284AA61747A"), true},
        {SPAN("{\"a\":\"\\u003c\\u00e9\"}"), false}, {SPAN("\\u12 \\uzzzz \\x9"), false},
        {SPAN("\xff\xfe\x80"), false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct filter f;
        if (filter_of(cases[i].text, &f) == cases[i].none) {
            fail_msg("case %zu", i);
        }
    }
    struct filter f; /* and the next block is not hurt by it */
    assert_true(filter_of(SPAN("plain"), &f));
}

/* Words of one letter and a number; `word` counts from 0. */
static struct span word_of(char letter, unsigned word, char text[16])
{
    int n = snprintf(text, 16, "%c%u", letter, word);
    return span_make(text, (size_t)n);
}

static void perhaps_is_rare(void **state)
{
    (void)state;
    enum { WORDS = 4000, OTHERS = 100000 };
    char text[16];
    struct filter f;
    unsigned perhaps = 0;
    buf_clear(&out);
    for (unsigned i = 0; i < WORDS; i++) {
        filter_add(builder, word_of('a', i, text));
    }
    assert_true(filter_finish(builder, &out));
    assert_int_equal(filter_decode(buf_view(&out), &f, &e), 0);
    for (unsigned i = 0; i < WORDS; i++) {
        assert_true(filter_may_hold(&f, filter_token(word_of('A', i, text))));
    }
    for (unsigned i = 0; i < OTHERS; i++) {
        perhaps += filter_may_hold(&f, filter_token(word_of('b', i, text)));
    }
    assert_in_range(perhaps, 1, OTHERS / 50);
    assert_in_range(out.len, WORDS, WORDS * FILTER_BITS_PER_TOKEN / 8 + 64);
}

static void too_many_words_leave_no_filter(void **state)
{
    (void)state;
    char text[16];
    struct filter f;
    for (unsigned over = 0; over < 2; over++) {
        buf_clear(&out);
        for (unsigned i = 0; i < FILTER_TOKENS_MAX + over; i++) {
            filter_add(builder, word_of('a', i, text));
        }
        assert_true(filter_finish(builder, &out) == (over == 0));
        if (over == 0) {
            assert_int_equal(filter_decode(buf_view(&out), &f, &e), 0);
        }
    }
    assert_true(filter_of(SPAN("again"), &f));
}

/* The runs that 16 bytes at a time find are those that a look at each byte finds. */
static void every_run_of_any_text(void **state)
{
    (void)state;
    static const char bytes[] = "aZ09._-@[`{/:\",\x80\xff ";
    char text[400];
    for (uint32_t round = 0; round < 2000; round++) {
        struct filter f;
        size_t n = randombytes_uniform(sizeof text);
        for (size_t i = 0; i < n; i++) {
            text[i] = bytes[randombytes_uniform(sizeof bytes - 1)];
        }
        assert_true(filter_of(span_make(text, n), &f));
        for (size_t at = 0; at < n;) {
            size_t end = at;
            while (end < n && strchr("aZ09", text[end]) != NULL) {
                end++;
            }
            assert_true(end == at || filter_may_hold(&f, filter_token(span_make(text + at, end - at))));
            at = end + (end == at);
        }
    }
}

/*
 * Filters of records that have much in common are, byte for byte, those that were made before pieces were remembered: they
 * stand in day files, and verify makes them again. Words, marks and their order come from one number, so do the lengths of
 * what has no blank.
 */
static void filters_are_what_they_were(void **state)
{
    (void)state;
    static const char *const parts[] = {"\"", "\":\"", "\",\"", ":", ", ", " ", ".", "\\\\", "\\r\\n\\t", "\\u003c", "\\\"",
                                        "User", "4688", "C:\\\\Windows\\\\System32\\\\cmd.exe", "10.0.0.7", "evil.example",
                                        "=", "type=", "a0=2F62696E", "(", "caf\xc3\xa9", "0x3e7", "-enc", "SQBFAFgA"};
    static const unsigned char want[16] = {0xf1, 0x41, 0x7f, 0x5d, 0xd1, 0x9f, 0x39, 0x4b, 0x02, 0xea, 0x82, 0x58, 0x2b, 0xfa, 0xa2, 0x99};
    unsigned char made[sizeof want];
    char text[3000];
    uint64_t state_of = 1;
    crypto_generichash_state all;
    MUST(crypto_generichash_init(&all, NULL, 0, sizeof made));
    for (unsigned block = 0; block < 20; block++) {
        buf_clear(&out);
        for (unsigned i = 0; i < 60; i++) {
            size_t n = 0;
            if (i % 3 == 0) {
                state_of = block; /* the same record again, and then others */
            }
            while (n < sizeof text - 200) {
                state_of = state_of * 6364136223846793005U + 1442695040888963407U;
                unsigned pick = (unsigned)(state_of >> 33) % (sizeof parts / sizeof parts[0] + 2);
                size_t run = (state_of >> 50) % 180;
                if (pick < sizeof parts / sizeof parts[0]) {
                    n += (size_t)snprintf(text + n, sizeof text - n, "%s", parts[pick]);
                } else {
                    memset(text + n, (int)('a' + run % 26), run);
                    n += run;
                }
            }
            filter_add(builder, span_make(text, n));
        }
        assert_true(filter_finish(builder, &out));
        MUST(crypto_generichash_update(&all, (const unsigned char *)out.data, out.len));
    }
    MUST(crypto_generichash_final(&all, made, sizeof made));
    assert_memory_equal(made, want, sizeof want);
}

static void a_changed_filter_is_not_believed(void **state)
{
    (void)state;
    struct filter f;
    struct buf stored;
    static const unsigned char other[ARCHIVE_HASH_BYTES] = {8};
    assert_true(filter_of(SPAN("some words of one block"), &f));
    buf_init(&stored, FILTER_MAX_BYTES + FILTER_CHECK_BYTES);
    filter_stored(&stored, buf_view(&out), hash);
    assert_int_equal(filter_decode_stored(buf_view(&stored), hash, &f, &e), 0);
    assert_int_equal(filter_decode_stored(buf_view(&stored), other, &f, &e), ERR_INVALID);
    for (size_t i = 0; i < stored.len; i++) {
        stored.data[i] = (char)(stored.data[i] ^ 0x10);
        assert_int_equal(filter_decode_stored(buf_view(&stored), hash, &f, &e), ERR_INVALID);
        stored.data[i] = (char)(stored.data[i] ^ 0x10);
        assert_int_equal(filter_decode_stored(span_make(stored.data, i), hash, &f, &e), ERR_INVALID);
    }
    buf_free(&stored);
}

static void queries(void **state)
{
    (void)state;
    const struct filter_clause has = {{filter_token(SPAN("alpha"))}, 1};
    const struct filter_clause hasnt = {{filter_token(SPAN("omega"))}, 1};
    const struct filter_clause either = {{filter_token(SPAN("omega")), filter_token(SPAN("beta"))}, 2};
    const struct filter_clause both[] = {has, either};
    const struct filter_clause half[] = {has, hasnt};
    const struct {
        struct filter_thing things[2];
        uint32_t count;
        bool may;
    } cases[] = {
        {{{&has, 1}}, 1, true},
        {{{&hasnt, 1}}, 1, false},
        {{{&either, 1}}, 1, true},
        {{{both, 2}}, 1, true},
        {{{half, 2}}, 1, false},
        {{{half, 2}, {both, 2}}, 2, true},
        {{{&hasnt, 1}, {NULL, 0}}, 2, true}, /* it may be anywhere */
        {{{NULL, 0}}, 0, false},
    };
    struct filter f;
    struct arena arena;
    struct buf b;
    arena_init(&arena, 0);
    buf_init(&b, 4096);
    assert_true(filter_of(SPAN("Alpha beta"), &f));
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct filter_query q = {cases[i].things, cases[i].count};
        struct filter_query again;
        assert_int_equal(filter_query_may_hold(&q, &f), cases[i].may);
        buf_clear(&b);
        filter_query_encode(&b, &q);
        assert_int_equal(filter_query_decode(buf_view(&b), &arena, &again, &e), 0);
        assert_int_equal(filter_query_may_hold(&again, &f), cases[i].may);
        for (size_t n = 0; n < b.len; n++) {
            assert_int_equal(filter_query_decode(span_make(b.data, n), &arena, &again, &e), ERR_INVALID);
        }
    }
    buf_free(&b);
    arena_fini(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(runs_are_found),
        cmocka_unit_test(what_hides_letters_leaves_no_filter),
        cmocka_unit_test(perhaps_is_rare),
        cmocka_unit_test(too_many_words_leave_no_filter),
        cmocka_unit_test(every_run_of_any_text),
        cmocka_unit_test(filters_are_what_they_were),
        cmocka_unit_test(a_changed_filter_is_not_believed),
        cmocka_unit_test(queries),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
