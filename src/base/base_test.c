/* SPDX-License-Identifier: EUPL-1.2 */
/* Table tests of base/: good, bad and edge values of every small tool the rest stands on. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <math.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/map.h"
#include "base/num.h"
#include "base/retry.h"
#include "base/shared.h"
#include "base/utf8.h"
#include "base/vec.h"
#include "base/log.h"

static void test_arena(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 256);
    char *first = arena_alloc(&a, 10);
    memset(first, 'x', 10);
    for (int i = 0; i < 1000; i++) {
        char *p = arena_alloc(&a, 33);
        assert_int_equal((uintptr_t)p % 16, 0);
        for (int k = 0; k < 33; k++) {
            assert_int_equal(p[k], 0);
        }
        memset(p, 'y', 33);
    }
    assert_int_equal(first[9], 'x');
    assert_string_equal(arena_printf(&a, "%d-%s", 7, "b"), "7-b");
    char *big = arena_alloc_aligned(&a, 5000, 4096);
    assert_int_equal((uintptr_t)big % 4096, 0);
    arena_reset(&a);
    assert_int_equal(a.used_bytes, 0);
    assert_string_equal(arena_cstr(&a, SPAN("hello")), "hello");
    arena_fini(&a);

    static char region[4096];
    arena_init_region(&a, region, sizeof region);
    char *q = arena_alloc(&a, 100);
    assert_true(q >= region && q + 100 <= region + sizeof region);
    arena_reset(&a);
    assert_ptr_equal(arena_alloc(&a, 1), q);
    arena_fini(&a);
}

static void test_buf_cursor(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 64);
    buf_u8(&b, 7);
    buf_u16(&b, 0xbeef);
    buf_u32(&b, 0xdeadbeef);
    buf_u64(&b, UINT64_MAX - 1);
    buf_str(&b, SPAN("text"));
    assert_false(b.failed);
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(cursor_u8(&c), 7);
    assert_int_equal(cursor_u16(&c), 0xbeef);
    assert_int_equal(cursor_u32(&c), 0xdeadbeef);
    assert_true(cursor_u64(&c) == UINT64_MAX - 1);
    assert_true(span_eq(cursor_str(&c), SPAN("text")));
    assert_true(cursor_done(&c));
    assert_int_equal(cursor_u8(&c), 0);
    assert_false(cursor_done(&c));
    c = cursor_of(SPAN("\xff\xff\xff\xff"));
    assert_int_equal(cursor_str(&c).len, 0);
    assert_true(c.failed);
    buf_put(&b, "0123456789012345678901234567890123456789012345678901234567890123", 64);
    assert_true(b.failed);
    buf_free(&b);
}

static void test_map(void **state)
{
    (void)state;
    struct map m;
    struct arena a;
    map_init(&m);
    arena_init(&a, 0);
    uint64_t v = 0;
    assert_false(map_get(&m, SPAN(""), &v));
    for (uint64_t i = 0; i < 5000; i++) {
        map_put(&m, span_of(arena_printf(&a, "key-%d", (int)i)), i);
    }
    bool is_new = true;
    *map_at(&m, SPAN("key-7"), &is_new) += 1000000;
    assert_false(is_new);
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(map_get(&m, span_of(arena_printf(&a, "key-%d", (int)i)), &v));
        assert_true(v == (i == 7 ? 1000007 : i));
    }
    assert_false(map_get(&m, SPAN("key-5000"), &v));
    map_free(&m);
    arena_fini(&a);
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool valid;
    } rows[] = {{"", true},          {"plain", true},         {"\xc3\xa9", true},
                {"\xc0\x80", false}, {"\xed\xa0\x80", false}, {"\xf4\x90\x80\x80", false},
                {"\xe2\x82", false}, {"\x80", false},         {"\xf0\x9f\x98\x80", true},
                {"\xff", false},     {"a\xe0\x9f\x80", false}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(utf8_valid(span_of(rows[i].text)), rows[i].valid);
    }
    static const struct {
        const char *text;
        const char *folded;
    } folds[] = {{"ABCxyz-\\1 and a longer RUN OF ASCII", "abcxyz-\\1 and a longer run of ascii"},
                 {"\xc3\x84\xc3\x96", "\xc3\xa4\xc3\xb6"},
                 {"\xd0\x96", "\xd0\xb6"},                 /* Cyrillic ZHE */
                 {"\xe1\xba\x9e", "\xc3\x9f"},             /* capital sharp s -> sharp s */
                 {"\xc5\xbf", "s"},                        /* long s */
                 {"\xe2\x84\xaa", "k"},                    /* Kelvin sign */
                 {"\xc8\xba", "\xe2\xb1\xa5"},             /* grows from two to three bytes */
                 {"\xf0\x90\x90\x80", "\xf0\x90\x90\xa8"}, /* Deseret */
                 {"A\xff" "B", "a\xff" "b"}};
    for (size_t i = 0; i < ARRAY_LEN(folds); i++) {
        char out[128];
        struct span s = span_of(folds[i].text);
        assert_true(utf8_fold_room(s.len) <= sizeof out);
        size_t n = utf8_fold(s, out);
        assert_true(span_eq(span_make(out, n), span_of(folds[i].folded)));
    }
    for (uint32_t cp = 0; cp < 0x110000; cp++) { /* folding is idempotent, and encoding reversible */
        uint32_t f = utf8_fold_cp(cp);
        assert_int_equal(utf8_fold_cp(f), f);
        char out[UTF8_MAX_BYTES];
        size_t used;
        size_t n = utf8_encode(cp, out);
        int32_t back = utf8_decode(out, out + n, &used);
        assert_int_equal(back, cp >= 0xd800 && cp < 0xe000 ? UTF8_BAD : (int32_t)cp);
    }
}

static void test_num(void **state)
{
    (void)state;
    uint64_t u;
    int64_t i;
    double d;
    assert_true(num_u64(SPAN("18446744073709551615"), &u) && u == UINT64_MAX);
    assert_false(num_u64(SPAN("18446744073709551616"), &u));
    assert_false(num_u64(SPAN(""), &u));
    assert_false(num_u64(SPAN("1 "), &u));
    assert_true(num_i64(SPAN("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_false(num_i64(SPAN("9223372036854775808"), &i));
    assert_true(num_double(SPAN("-1.5e3"), &d) && d == -1500.0);
    assert_true(num_double(SPAN("1e999"), &d) && isinf(d));
    static const char *const bad[] = {"", "nan", "inf", "0x10", "1.", ".5", "1e", " 1", "1e+", "--1"};
    for (size_t k = 0; k < ARRAY_LEN(bad); k++) {
        assert_false(num_double(span_of(bad[k]), &d));
    }
    assert_true(num_hex(SPAN("0xFf"), &u) && u == 255);
    assert_false(num_hex(SPAN("0x"), &u) && u != 0);
    assert_false(num_hex(SPAN("11112222333344445"), &u));
}

static void test_clock(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *want; /* NULL = refused */
    } rows[] = {{"2026-11-22T01:02:03.5Z", "2026-11-22T01:02:03.500Z"},
                {"2026-11-22 01:02:03,123+01:00", "2026-11-22T00:02:03.123Z"},
                {"2026-11-22T01:02:03-0530", "2026-11-22T06:32:03.000Z"},
                {"2024-02-29", "2024-02-29T00:00:00.000Z"},
                {"1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999Z"},
                {"2020-09-22 03:36:08.000Z", "2020-09-22T03:36:08.000Z"},
                {"2023-02-29T00:00:00Z", NULL},
                {"2023-13-01T00:00:00Z", NULL},
                {"2023-01-01T25:00:00Z", NULL},
                {"2023-01-01T00:00:00+99:00", NULL},
                {"2023-01-01T00:00:00Zjunk", NULL},
                {"1500-01-01T00:00:00Z", NULL},
                {"", NULL}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        time_ns t = 0;
        char out[TIME_TEXT_MAX];
        bool ok = time_parse(span_of(rows[i].text), 0, &t);
        assert_int_equal(ok, rows[i].want != NULL);
        if (ok) {
            assert_string_equal(time_format(t, out), rows[i].want);
        }
    }
    for (int64_t day = -100000; day < 80000; day += 7) {
        struct time_parts p;
        time_ns t = 0;
        time_to_parts(day * TIME_DAY + 12345, &p);
        assert_true(time_from_parts(&p, 0, &t));
        assert_true(t == day * TIME_DAY + 12345);
        assert_true(time_day(t) == day);
    }
    char first[TIME_TEXT_MAX];
    assert_string_equal(time_format(TIME_NONE + 1, first), "1677-09-21T00:12:43.145Z");
    assert_string_equal(time_format(INT64_MAX, first), "2262-04-11T23:47:16.854Z");
}

static void test_id_err_log(void **state)
{
    (void)state;
    char a[ID_TEXT_LEN + 1];
    char b[ID_TEXT_LEN + 1];
    id_new(clock_now(), a);
    id_new(clock_now() + TIME_SECOND, b);
    assert_true(id_valid(span_of(a)) && a[14] == '7');
    assert_true(strcmp(a, b) < 0);
    assert_false(id_valid(SPAN("01234567-89ab-cdef-0123-456789abcdeg")));
    struct err e = {0};
    assert_int_equal(err_set_errno(&e, ERR_IO, 2, "open %s", "f"), ERR_IO);
    assert_string_equal(e.text, "open f: No such file or directory");
    assert_string_equal(err_name(ERR_LIMIT), "over a limit");
    char out[LOG_VALUE_MAX];
    assert_string_equal(log_value(SPAN("a\n\"\xff"), out), "a\\x0a\\x22\\xff");
    VEC(int) v = {0};
    for (int i = 0; i < 100; i++) {
        vec_push(&v, i);
    }
    assert_int_equal(*vec_last(&v), 99);
    vec_free(&v);
}

static void test_log_lasting(void **state)
{
    (void)state;
    static const time_ns hour = 3600 * TIME_SECOND;
    struct log_lasting l = {0};
    assert_false(log_lasting_over(&l));
    assert_true(log_lasting_failed(&l, 1)); /* also in the machine's first hour */
    assert_false(log_lasting_failed(&l, 1 + TIME_SECOND));
    assert_false(log_lasting_failed(&l, hour));
    assert_true(log_lasting_failed(&l, hour + 1));
    assert_false(log_lasting_failed(&l, 2 * hour));
    assert_true(log_lasting_over(&l));
    assert_false(log_lasting_over(&l));
    assert_true(log_lasting_failed(&l, 2 * hour + 1)); /* it begins anew */
}

/* Every pause lies within a quarter of what doubling gives, all of that range is used, evenly, and never more than the most. */
static void test_retry_spreads(void **state)
{
    (void)state;
    enum { DRAWS = 4096, PARTS = 16 };
    static const struct {
        unsigned failures;
        int64_t middle;
    } cases[] = {{0, 1000}, {1, 1000}, {2, 2000}, {3, 4000}, {9, 256000}, {10, 300000}, {11, 300000}, {1000000000, 300000}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int64_t low = cases[i].middle - cases[i].middle / 4;
        int64_t high = cases[i].middle + cases[i].middle / 4;
        unsigned in_part[PARTS] = {0};
        for (uint64_t k = 0; k < DRAWS; k++) {
            int64_t ms = retry_pause_ms(1000, 300000, cases[i].failures, (uint32_t)(k << 20));
            assert_in_range(ms, low, high);
            in_part[(ms - low) * PARTS / (high - low + 1)]++;
        }
        for (size_t k = 0; k < PARTS; k++) {
            assert_in_range(in_part[k], DRAWS / PARTS - DRAWS / PARTS / 8, DRAWS / PARTS + DRAWS / PARTS / 8);
        }
        assert_int_equal(retry_pause_ms(1000, 300000, cases[i].failures, 0), low);
        assert_int_equal(retry_pause_ms(1000, 300000, cases[i].failures, UINT32_MAX), high);
    }
    assert_int_equal(retry_pause_ms(INT64_C(1) << 31, INT64_C(1) << 31, 9, UINT32_MAX), (INT64_C(1) << 31) + (INT64_C(1) << 29));
}

static void test_shared(void **state)
{
    (void)state;
    struct shared *none = NULL;
    struct shared *first = shared_new(10);
    buf_cstr(&first->bytes, "abc");
    struct shared *second = shared_hold(first);
    assert_ptr_equal(first, second);
    assert_int_equal(second->owners, 2);
    shared_drop(&first);
    assert_null(first);
    assert_true(span_eq(buf_view(&second->bytes), SPAN("abc"))); /* stands while somebody holds it */
    buf_cstr(&second->bytes, "more than ten");
    assert_true(second->bytes.failed);
    shared_drop(&second); /* the last one frees it: the leak sanitizer would tell */
    shared_drop(&none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena), cmocka_unit_test(test_buf_cursor),
        cmocka_unit_test(test_map),   cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_num),   cmocka_unit_test(test_clock),
        cmocka_unit_test(test_id_err_log), cmocka_unit_test(test_log_lasting),
        cmocka_unit_test(test_retry_spreads), cmocka_unit_test(test_shared),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
