/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The result memo gives back exactly what was put under the same group, bytes and spelling, or nothing, however full it
 * is; it goes without where values never come again. And the searches it saves agree with each other: match_find with
 * memmem, the mask kernels with a search written plainly.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/detect/match_priv.h"
#include "flow/detect/plan_build.h"

static uint64_t seed = 88172645463325252u;

static uint32_t below(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (uint32_t)((seed >> 20) % n);
}

/* What a value "has": told by itself, so that any mix-up shows. */
static uint32_t wakes_of(uint32_t group, struct span v, bool escaped, struct plan_wake out[MATCH_FOUND_MAX])
{
    uint32_t sum = group * 31 + escaped;
    for (size_t i = 0; i < v.len; i++) {
        sum = sum * 131 + (unsigned char)v.ptr[i];
    }
    for (uint32_t i = 0; i < sum % (MATCH_FOUND_MAX + 1); i++) {
        out[i] = (struct plan_wake){sum + i, i};
    }
    return sum % (MATCH_FOUND_MAX + 1);
}

static bool ask(struct memo *x, uint32_t group, struct span v, bool escaped)
{
    struct plan_wake want[MATCH_FOUND_MAX];
    const struct plan_wake *got;
    struct memo_key key;
    uint32_t n = wakes_of(group, v, escaped, want);
    uint32_t found = 0;
    memo_key(x, &key, group, v, escaped);
    if (memo_find(x, &key, &got, &found)) {
        assert_int_equal(found, n);
        if (n > 0) {
            assert_memory_equal(got, want, n * sizeof *want);
        }
        return true;
    }
    if (key.wanted) {
        memo_put(x, &key, want, n);
    }
    return false;
}

static void gives_back_what_was_put(void **state)
{
    (void)state;
    enum { VALUES = 3000, LONGEST = 3000, ROUNDS = 200000 };
    static char text[VALUES + LONGEST];
    struct memo *x = memo_new(4);
    uint32_t hits = 0;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = (char)('a' + below(3));
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint32_t at = below(100) < 60 ? below(40) : below(VALUES);
        size_t len = at % 7 == 0 ? at % LONGEST : at % 40;
        /* An exact-size copy: a byte read behind it is seen by the sanitizer. */
        char *copy = mem_alloc(len + (len == 0));
        memcpy(copy, text + at, len);
        hits += ask(x, at % 4, span_make(copy, len), at % 3 == 0);
        mem_free(copy);
    }
    assert_in_range(hits, ROUNDS / 3, ROUNDS);
    memo_free(&x);
    assert_null(x);
}

static void forgets_the_oldest(void **state)
{
    (void)state;
    enum { LEN = 30000, VALUES = 400 }; /* 12 MB: several times what is kept */
    char *text = mem_alloc(LEN + VALUES);
    struct memo *x = memo_new(VALUES);
    for (size_t i = 0; i < LEN + VALUES; i++) {
        text[i] = (char)('a' + below(26));
    }
    for (uint32_t i = 0; i < VALUES; i++) {
        assert_false(ask(x, i, span_make(text + i, LEN), false));
        assert_true(ask(x, i, span_make(text + i, LEN), false));
        assert_false(ask(x, i, span_make(text + i, LEN), true));
    }
    assert_false(ask(x, 0, span_make(text, LEN), false));
    memo_free(&x);
    mem_free(text);
}

static void goes_without_where_nothing_repeats(void **state)
{
    (void)state;
    struct memo *x = memo_new(2);
    uint32_t asked = 0;
    for (uint32_t i = 0; i < 10000; i++) {
        char text[16];
        const struct plan_wake *wakes;
        uint32_t n;
        struct memo_key key;
        size_t len = (size_t)snprintf(text, sizeof text, "value %u", i);
        memo_key(x, &key, 0, span_make(text, len), false);
        assert_false(memo_find(x, &key, &wakes, &n));
        asked += key.wanted;
        if (key.wanted) {
            memo_put(x, &key, NULL, 0);
        }
        if (i % 2 == 0) { /* the other group's values do repeat */
            assert_int_equal(ask(x, 1, SPAN("always the same"), false), i > 0);
        }
    }
    assert_in_range(asked, 100, 1000);
    memo_free(&x);
}

static void finds_as_memmem_does(void **state)
{
    (void)state;
    uint32_t found = 0;
    for (uint32_t round = 0; round < 60000; round++) {
        size_t len = below(round % 2 == 0 ? 300 : 40);
        size_t needle_len = 1 + below(round % 16 == 0 ? 80 : 6);
        char *text = mem_alloc(len + (len == 0));
        char needle[81];
        for (size_t i = 0; i < len; i++) {
            text[i] = "ab\\"[below(round % 3 == 0 ? 2 : 3)];
        }
        for (size_t i = 0; i < needle_len; i++) {
            needle[i] = "ab\\"[below(3)];
        }
        if (len >= needle_len && below(4) == 0) { /* often at the very ends */
            memcpy(text + (below(2) == 0 ? len - needle_len : below((uint32_t)(len - needle_len + 1))), needle, needle_len);
        }
        const char *want = len == 0 ? NULL : memmem(text, len, needle, needle_len);
        assert_ptr_equal(match_find(span_make(text, len), span_make(needle, needle_len)), want);
        found += want != NULL;
        mem_free(text);
    }
    assert_in_range(found, 5000, 55000);
}

static void masks_miss_nothing(void **state)
{
    (void)state;
    static struct plan_masks masks;
    static const char *const words[] = {"ab", "abc", "q-", "zzzz", "\xc3\xa9", "k1k2", " -e", "\\"};
    match_masks_kernel *kernels[3];
    uint32_t n = match_masks_kernels(kernels);
    for (unsigned w = 0; w < ARRAY_LEN(words); w++) {
        for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
            if (k < strlen(words[w])) {
                plan_admit(&masks, k, (unsigned char)words[w][k], w);
            } else {
                plan_admit_all(&masks, k, w);
            }
        }
    }
    assert_ptr_equal(kernels[n - 1], match_masks_plain);
    for (uint32_t round = 0; round < 4000; round++) {
        enum { BLOCKS = 3, BYTES = BLOCKS * MATCH_MASKS_BLOCK + MATCH_MASKS_OVER };
        char text[BYTES + 1] = {0};
        for (size_t i = 0; i < BYTES; i++) {
            text[i] = "abcq-z\xc3\xa9k12 e\\................"[below(30)];
        }
        for (uint32_t k = 0; k < n; k++) {
            struct match_places got;
            size_t block = kernels[k](&masks, text, 0, BLOCKS, &got);
            for (size_t at = 0; at < (block + (block < BLOCKS)) * MATCH_MASKS_BLOCK; at++) {
                for (unsigned w = 0; w < ARRAY_LEN(words); w++) {
                    bool there = strncmp(text + at, words[w], strlen(words[w])) == 0;
                    bool told = at / MATCH_MASKS_BLOCK == block && (got.places >> (at % MATCH_MASKS_BLOCK) & 1) != 0 &&
                                (got.buckets[at % MATCH_MASKS_BLOCK] >> w & 1) != 0;
                    assert_true(told || !there);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_back_what_was_put),
        cmocka_unit_test(forgets_the_oldest),
        cmocka_unit_test(goes_without_where_nothing_repeats),
        cmocka_unit_test(finds_as_memmem_does),
        cmocka_unit_test(masks_miss_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
