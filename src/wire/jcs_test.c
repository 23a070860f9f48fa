/* SPDX-License-Identifier: EUPL-1.2 */
/* Canonical JSON: what is read, what is refused, the order of keys, and that writing and reading agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "base/utf8.h"
#include "wire/jcs.h"

struct good {
    struct span text;
    struct span canonical;
};

static const struct good goods[] = {
    {SPAN("null"), SPAN("null")},
    {SPAN(" true "), SPAN("true")},
    {SPAN("[ ]"), SPAN("[]")},
    {SPAN("{}"), SPAN("{}")},
    {SPAN("0"), SPAN("0")},
    {SPAN("-12"), SPAN("-12")},
    {SPAN("9007199254740991"), SPAN("9007199254740991")},
    {SPAN("{\"b\":1,\"a\":[false,null,{\"y\":2,\"x\":\"\"}]}"), SPAN("{\"a\":[false,null,{\"x\":\"\",\"y\":2}],\"b\":1}")},
    {SPAN("\"\\u0041\\/\\b\\f\\n\\r\\t\\u001f\\\"\\\\\""), SPAN("\"A/\\b\\f\\n\\r\\t\\u001f\\\"\\\\\"")},
    {SPAN("\"\\ud83d\\ude00\\u20ac\x7f\""), SPAN("\"\xf0\x9f\x98\x80\xe2\x82\xac\x7f\"")},
    /* RFC 8785 §3.2.3: the keys of its example, by UTF-16 code units */
    {SPAN("{\"\\u20ac\":1,\"\\r\":2,\"\\ufb33\":3,\"1\":4,\"\\ud83d\\ude00\":5,\"\\u0080\":6,\"\\u00f6\":7}"),
     SPAN("{\"\\r\":2,\"1\":4,\"\xc2\x80\":6,\"\xc3\xb6\":7,\"\xe2\x82\xac\":1,\"\xf0\x9f\x98\x80\":5,\"\xef\xac\xb3\":3}")},
};

static const struct {
    struct span text;
    int code;
} bads[] = {
    {SPAN(""), ERR_TRUNCATED},
    {SPAN("  "), ERR_TRUNCATED},
    {SPAN("{"), ERR_TRUNCATED},
    {SPAN("[1"), ERR_TRUNCATED},
    {SPAN("[1,"), ERR_TRUNCATED},
    {SPAN("[1,]"), ERR_INVALID},
    {SPAN("{\"a\":1,}"), ERR_INVALID},
    {SPAN("{\"a\" 1}"), ERR_INVALID},
    {SPAN("{a:1}"), ERR_INVALID},
    {SPAN("{\"a\":1,\"a\":2}"), ERR_INVALID},
    {SPAN("{\"b\":1,\"a\":2,\"\\u0062\":2}"), ERR_INVALID},
    {SPAN("1.0"), ERR_INVALID},
    {SPAN("1e2"), ERR_INVALID},
    {SPAN("01"), ERR_INVALID},
    {SPAN("-0"), ERR_INVALID},
    {SPAN("-"), ERR_TRUNCATED},
    {SPAN("+1"), ERR_INVALID},
    {SPAN("9007199254740992"), ERR_LIMIT},
    {SPAN("99999999999999999999999"), ERR_LIMIT},
    {SPAN("tru"), ERR_INVALID},
    {SPAN("NaN"), ERR_INVALID},
    {SPAN("1 2"), ERR_INVALID},
    {SPAN("\"a"), ERR_TRUNCATED},
    {SPAN("\"a\\"), ERR_TRUNCATED},
    {SPAN("\"\\"), ERR_TRUNCATED},
    {SPAN("\"a\\\""), ERR_TRUNCATED},
    {SPAN("\"\\x\""), ERR_INVALID},
    {SPAN("\"\\u12g4\""), ERR_INVALID},
    {SPAN("\"\\u0000\""), ERR_INVALID},
    {SPAN("\"\\ud800\""), ERR_INVALID},
    {SPAN("\"\\ud800\\u0041\""), ERR_INVALID},
    {SPAN("\"\\udc00\""), ERR_INVALID},
    {SPAN("\"\xff\""), ERR_INVALID},
    {SPAN("\"\xed\xa0\x80\""), ERR_INVALID},
    {SPAN("\"\n\""), ERR_INVALID},
    {SPAN("\0"), ERR_INVALID},
    {SPAN("\x1f\x8b\x08"), ERR_INVALID},
    {SPAN("[[[[[1]]]]]"), ERR_LIMIT}, /* the test allows four */
};

static void test_good(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(goods); i++) {
        char *exact = mem_alloc(goods[i].text.len);
        struct jcs *v = NULL;
        struct err e = {0};
        memcpy(exact, goods[i].text.ptr, goods[i].text.len);
        assert_int_equal(jcs_read(&a, span_make(exact, goods[i].text.len), 4, &v, &e), 0);
        struct span out = jcs_text(&a, v);
        assert_string_equal(out.ptr, goods[i].canonical.ptr);
        assert_int_equal(jcs_is_canonical(v, goods[i].text), span_eq(goods[i].text, goods[i].canonical));
        assert_true(jcs_is_canonical(v, out));
        mem_free(exact);
    }
    arena_fini(&a);
}

static void test_bad(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(bads); i++) {
        char *exact = mem_alloc(bads[i].text.len);
        struct jcs *v = NULL;
        struct err e = {0};
        memcpy(exact, bads[i].text.ptr, bads[i].text.len);
        int rc = jcs_read(&a, span_make(exact, bads[i].text.len), 4, &v, &e);
        if (rc != bads[i].code) {
            print_message("case %zu: %.*s\n", i, SPAN_ARG(bads[i].text));
        }
        assert_int_equal(rc, bads[i].code);
        assert_null(v);
        assert_true(e.offset <= bads[i].text.len);
        mem_free(exact);
    }
    arena_fini(&a);
}

/* More values, or bytes, than a document may have. */
static void test_limits(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    struct jcs *v = NULL;
    struct err e = {0};
    arena_init(&a, 0);
    buf_init(&b, JCS_BYTES_MAX + 16);
    buf_u8(&b, '[');
    for (uint32_t i = 0; i < JCS_NODES_MAX; i++) {
        buf_cstr(&b, i == 0 ? "1" : ",1");
    }
    buf_u8(&b, ']');
    assert_int_equal(jcs_read(&a, buf_view(&b), 2, &v, &e), ERR_LIMIT);
    buf_clear(&b);
    while (b.len <= JCS_BYTES_MAX) {
        buf_cstr(&b, "          ");
    }
    assert_int_equal(jcs_read(&a, buf_view(&b), 2, &v, &e), ERR_LIMIT);
    buf_free(&b);
    arena_fini(&a);
}

static void test_get_and_build(void **state)
{
    (void)state;
    static const char *const some[] = {"a", "s", "t", "n", NULL};
    static const char *const hide[] = {"s", "t", NULL};
    struct arena a;
    struct span text = {0};
    int64_t n = 0;
    bool t = false;
    arena_init(&a, 0);
    struct jcs *o = jcs_new_object(&a);
    struct jcs *list = jcs_new_array(&a);
    jcs_add(list, jcs_new_int(&a, -1));
    jcs_add(list, jcs_new_null(&a));
    jcs_set_text(&a, o, "s", span_make("a\xff\0b", 4));
    jcs_set_int(&a, o, "n", JCS_INT_MAX);
    jcs_set_bool(&a, o, "t", true);
    jcs_set(&a, o, "a", list);
    assert_string_equal(jcs_text(&a, o).ptr, "{\"a\":[-1,null],\"n\":9007199254740991,\"s\":\"a\xef\xbf\xbd\xef\xbf\xbd" "b\",\"t\":true}");
    assert_string_equal(jcs_text_without(&a, o, hide).ptr, "{\"a\":[-1,null],\"n\":9007199254740991}");
    assert_true(jcs_get_int(o, "n", &n) && n == JCS_INT_MAX);
    assert_true(jcs_get_bool(o, "t", &t) && t);
    assert_true(jcs_get_text(o, "s", &text));
    assert_false(jcs_get_text(o, "n", &text) || jcs_get_int(o, "s", &n) || jcs_get_bool(o, "x", &t));
    assert_ptr_equal(jcs_get_array(o, "a"), list);
    assert_null(jcs_get_object(o, "a"));
    assert_null(jcs_get(NULL, "a"));
    assert_true(jcs_only(o, some));
    assert_false(jcs_only(o, hide) || jcs_only(list, some));
    assert_string_equal(jcs_text(&a, jcs_copy(&a, o)).ptr, jcs_text(&a, o).ptr);
    arena_fini(&a);
}

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static struct jcs *random_value(struct arena *a, uint64_t *s, uint32_t depth)
{
    static const uint32_t letters[] = {'a', 'b', '"', '\\', '\n', 1, 0x7f, 0xe9, 0x20ac, 0xfb33, 0x1f600, 0xffff};
    char text[64];
    size_t len = 0;
    uint64_t kind = next_random(s) % (depth == 0 ? 4 : 6);
    for (uint64_t n = next_random(s) % 6; n > 0; n--) {
        len += utf8_encode(letters[next_random(s) % ARRAY_LEN(letters)], text + len);
    }
    if (kind == 0) {
        return jcs_new_int(a, (int64_t)(next_random(s) >> 11) - (JCS_INT_MAX / 2));
    }
    if (kind == 1) {
        return jcs_new_bool(a, next_random(s) % 2 == 0);
    }
    if (kind == 2) {
        return jcs_new_null(a);
    }
    if (kind == 3) {
        return jcs_new_text(a, span_make(text, len));
    }
    struct jcs *v = kind == 4 ? jcs_new_array(a) : jcs_new_object(a);
    for (uint64_t n = next_random(s) % 5; n > 0; n--) {
        struct jcs *child = random_value(a, s, depth - 1);
        text[len] = '\0';
        const char *key = arena_printf(a, "%s%u", text, (unsigned)(next_random(s) % 9));
        if (kind == 4) {
            jcs_add(v, child);
        } else if (jcs_get(v, key) == NULL) {
            jcs_set(a, v, key, child);
        }
    }
    return v;
}

/* Writes an object's members in another order and with blanks: the canonical form must come out again. */
static void write_shuffled(struct buf *b, struct arena *a, const struct jcs *v, uint64_t *s)
{
    if (v->kind != JCS_OBJECT && v->kind != JCS_ARRAY) {
        jcs_write(b, v);
        return;
    }
    buf_u8(b, v->kind == JCS_OBJECT ? '{' : '[');
    const struct jcs **order = arena_calloc(a, v->count, sizeof *order);
    uint32_t n = 0;
    for (const struct jcs *m = v->first; m != NULL; m = m->next) {
        order[n++] = m;
    }
    for (uint32_t i = n; i > 1 && v->kind == JCS_OBJECT; i--) {
        uint32_t j = (uint32_t)(next_random(s) % i);
        const struct jcs *swap = order[i - 1];
        order[i - 1] = order[j];
        order[j] = swap;
    }
    for (uint32_t i = 0; i < n; i++) {
        buf_cstr(b, i > 0 ? " ,\n" : " ");
        if (v->kind == JCS_OBJECT) {
            jcs_write(b, jcs_new_text(a, order[i]->key));
            buf_cstr(b, "\t: ");
        }
        write_shuffled(b, a, order[i], s);
    }
    buf_u8(b, v->kind == JCS_OBJECT ? '}' : ']');
}

static void test_generated(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    uint64_t s = 0x5eed;
    arena_init(&a, 0);
    buf_init(&b, 1 << 20);
    for (uint64_t i = 0; i < test_cases(5000); i++) {
        struct jcs *v = random_value(&a, &s, 4);
        struct jcs *back = NULL;
        struct err e = {0};
        buf_clear(&b);
        write_shuffled(&b, &a, v, &s);
        assert_int_equal(jcs_read(&a, buf_view(&b), JCS_DEPTH_MAX, &back, &e), 0);
        assert_string_equal(jcs_text(&a, back).ptr, jcs_text(&a, v).ptr);
        arena_reset(&a);
    }
    buf_free(&b);
    arena_fini(&a);
}

static void test_decimals(void **state)
{
    (void)state;
    static const struct {
        const char *text, *form; /* NULL: refused */
    } cases[] = {
        {"0", "0"}, {"-0", "0"}, {"0.0", "0"}, {"1.0", "1"}, {"1e2", "100"}, {"12.50", "12.5"}, {"-0.001", "-0.001"},
        {"100e-2", "1"}, {"1.5E+1", "15"}, {"0.1e1", "1"}, {"1e-15", "0.000000000000001"}, {"1e-16", NULL},
        {"9007199254740991", "9007199254740991"}, {"9007199254740992", NULL}, {"900719925474099.1", "900719925474099.1"},
        {"1.00000000000000000000000000000000000", "1"}, {"1e15", "1000000000000000"}, {"1e16", NULL}, {"1e999999999999", NULL},
        {"0e999999999999", "0"}, {"1000000000000000000000e-21", "1"}, {"3.14159265358979", "3.14159265358979"},
        {"3.141592653589793238", NULL}, {"01", NULL}, {"1.", NULL}, {".5", NULL}, {"1e", NULL}, {"1e+", NULL}, {"-", NULL},
        {"+1", NULL}, {"1.5.5", NULL}, {"--1", NULL}, {"0x10", NULL}, {"[1.5,2,\"x\"]", "[1.5,2,\"x\"]"},
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct jcs *v = NULL;
        struct err e = {0};
        size_t n = strlen(cases[i].text);
        char *exact = mem_alloc(n);
        memcpy(exact, cases[i].text, n);
        int rc = jcs_read_decimals(&a, span_make(exact, n), 4, &v, &e);
        mem_free(exact);
        if ((rc == 0) != (cases[i].form != NULL) || (rc == 0 && !span_eq(jcs_text(&a, v), span_of(cases[i].form)))) {
            fail_msg("%s: %d %s", cases[i].text, rc, rc == 0 ? jcs_text(&a, v).ptr : e.text);
        }
        assert_true(rc != 0 || span_eq(jcs_text(&a, jcs_copy(&a, v)), span_of(cases[i].form)));
    }
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_good), cmocka_unit_test(test_bad), cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_get_and_build), cmocka_unit_test(test_generated),
                                       cmocka_unit_test(test_decimals)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
