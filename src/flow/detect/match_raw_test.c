/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The first look for keywords: its two ways agree with each other and with a search written plainly here, at every
 * length and place; and folding to ASCII has no more sources than it knows of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "flow/detect/match_priv.h"
#include "flow/detect/plan_build.h"

static struct plan_build build;
static struct arena region;

static const struct plan_raw *make(const char *const *words, uint32_t n)
{
    struct plan_literal *l = arena_calloc(&region, n, sizeof *l);
    for (uint32_t i = 0; i < n; i++) {
        l[i] = (struct plan_literal){.text = span_of(words[i]), .op = OP_CONTAINS};
    }
    return plan_raw_make(&build, l, n);
}

static int setup(void **state)
{
    (void)state;
    arena_init(&region, 0);
    arena_init(&build.temp, 0);
    build.region = &region;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&build.temp);
    arena_fini(&region);
    return 0;
}

static bool is_hex(char c)
{
    return strchr("0123456789abcdefABCDEF", c) != NULL && c != '\0';
}

static bool plainly(const struct plan_raw *r, struct span raw)
{
    for (uint32_t i = 0; i < r->n; i++) {
        const struct plan_raw_literal *l = &r->literals[i];
        for (size_t at = 0; at + l->text.len <= raw.len; at++) {
            struct span here = span_sub(raw, at, l->text.len);
            bool same = l->exact ? span_eq(here, l->text) : span_eq_nocase(here, l->text);
            size_t slashes = 0;
            while (slashes < at && raw.ptr[at - 1 - slashes] == '\\') {
                slashes++;
            }
            bool digits = at + 4 <= raw.len && is_hex(raw.ptr[at + 2]) && is_hex(raw.ptr[at + 3]);
            if (same && (!l->escape || (slashes % 2 == 0 && digits))) {
                return true;
            }
        }
    }
    return false;
}

/* An exact-size heap copy, so that a byte read behind it is seen by the sanitizer. */
static bool all_ways(const struct plan_raw *r, const char *p, size_t n)
{
    char *copy = mem_alloc(n);
    memcpy(copy, p, n);
    struct span raw = span_make(copy, n);
    bool want = plainly(r, raw);
    match_masks_kernel *kernels[3];
    for (uint32_t k = match_masks_kernels(kernels); k > 0; k--) {
        if (match_raw_by(kernels[k - 1], r, raw) != want) {
            fail_msg("%.*s: wanted %d", (int)n, p, want);
        }
    }
    if (match_raw(r, raw) != want) {
        fail_msg("%.*s: wanted %d", (int)n, p, want);
    }
    mem_free(copy);
    return want;
}

static const char *const words[] = {"mimikatz", "sekurlsa::", "eo.oe", "\\secret/path\"x", "kiwi", "zzz"};

static void every_place_and_length(void **state)
{
    (void)state;
    const struct plan_raw *r = make(words, ARRAY_LEN(words));
    static const char *const found[] = {"MimiKatz", "sekurlsa::", "EO.OE", "secret", "\\u0041", "\xe2\x84\xaa",
                                        "\xc5\xbf", "\\\\\\uFf"};
    static const char *const not_found[] = {"mimikat", "sekurlsa:", "path", "\\\\u0041", "\xe2\x84", "zz", "u004", "\\u", "\\u0", "\\uso", "\\u0x41"};
    char text[160];
    for (size_t at = 0; at < 80; at++) {
        for (size_t tail = 0; tail < 70; tail += 3) {
            for (size_t i = 0; i < ARRAY_LEN(found); i++) {
                memset(text, '-', sizeof text);
                memcpy(text + at, found[i], strlen(found[i]));
                assert_true(all_ways(r, text, at + strlen(found[i]) + tail));
            }
            for (size_t i = 0; i < ARRAY_LEN(not_found); i++) {
                memset(text, '-', sizeof text);
                memcpy(text + at, not_found[i], strlen(not_found[i]));
                assert_false(all_ways(r, text, at + strlen(not_found[i]) + tail));
            }
        }
    }
}

static void random_texts(void **state)
{
    (void)state;
    const struct plan_raw *r = make(words, ARRAY_LEN(words));
    static const char letters[] = "mikatzkMIKATZ\\ue.o:zsrlw\xe2\x84\xaa";
    uint64_t seed = 88172645463325252u;
    uint32_t hits = 0;
    for (int round = 0; round < 20000; round++) {
        char text[100];
        size_t n = 0;
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        size_t len = seed % sizeof text;
        for (uint64_t x = seed; n < len; n++) {
            x = x * UINT64_C(6364136223846793005) + 1442695040888963407u;
            text[n] = letters[(x >> 40) % (sizeof letters - 1)];
        }
        hits += all_ways(r, text, n);
    }
    assert_in_range(hits, 100, 19900);
}

static void many_literals_share_buckets(void **state)
{
    (void)state;
    enum { WORDS = 40 };
    const char *many[WORDS];
    for (int i = 0; i < WORDS; i++) {
        many[i] = arena_printf(&region, "%c%cq%d-word", 'a' + i % 26, 'a' + i / 26, i);
    }
    const struct plan_raw *r = make(many, WORDS);
    for (int i = 0; i < WORDS; i++) {
        const char *text = arena_printf(&region, "{\"message\":\"it holds %s and more of it\"}", many[i]);
        assert_true(all_ways(r, text, strlen(text)));
        assert_false(all_ways(r, text, strlen(text) / 2));
    }
}

static void short_parts_are_not_looked_for(void **state)
{
    (void)state;
    const char *const too_short[] = {"mimikatz", "a\\b\\c"};
    assert_null(make(too_short, 2));
}

static void what_folds_to_ascii(void **state)
{
    (void)state;
    for (uint32_t c = 0x80; c <= 0x10ffff; c++) {
        if (utf8_fold_cp(c) < 0x80) {
            assert_true(c == 0x212a || c == 0x17f);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_place_and_length),      cmocka_unit_test(random_texts),
        cmocka_unit_test(many_literals_share_buckets), cmocka_unit_test(short_parts_are_not_looked_for),
        cmocka_unit_test(what_folds_to_ascii),
    };
    return cmocka_run_group_tests_name("match_raw", tests, setup, teardown);
}
