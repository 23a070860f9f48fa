/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The JSON reader by tables: what is accepted, tagged, refused and where; which node a value lands
 * on. Every input is read from a heap buffer of its exact size, by every kernel this processor has.
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
#include "base/utf8.h"
#include "wire/json_index.h"
#include "wire/json_read.h"

enum { TEXT_MAX = 4 << 20 };

/* Leaves as text, one a line: path=kind:value, "?" for a path nobody asks for, "~" behind an
 * escaped string. */
static void put_leaves(struct buf *out, const struct keytable *t, const struct leaves *l)
{
    static const char *const kinds[] = {"s", "n", "true", "false", "null"};
    for (uint32_t i = 0; i < l->len; i++) {
        const struct leaf *leaf = &l->data[i];
        struct span name = leaf->node == KEY_NONE ? SPAN("?") : keytable_name(t, leaf->node);
        buf_span(out, name);
        buf_printf(out, "=%s", kinds[leaf->kind]);
        if (leaf->kind <= LEAF_NUMBER) {
            buf_printf(out, ":%.*s", SPAN_ARG(span_make(leaf->ptr, leaf->len)));
        }
        buf_cstr(out, (leaf->flags & LEAF_ESCAPED) != 0 ? "~" : "");
        buf_cstr(out, (leaf->flags & LEAF_BAD_UTF8) != 0 ? "!" : "");
        buf_cstr(out, i + 1 < l->len ? " " : "");
    }
    buf_u8(out, 0);
}

static struct keytable *small_table(struct arena *region)
{
    struct keytable_builder *b = keytable_builder_new();
    (void)keytable_add(b, KEY_ROOT, SPAN("a"));
    key_node n = keytable_add(b, KEY_ROOT, SPAN("nest"));
    (void)keytable_add(b, n, SPAN("b"));
    (void)keytable_add(b, KEY_ROOT, SPAN("a.b"));
    (void)keytable_add(b, KEY_ROOT, SPAN("a rather long key"));
    key_node deep = keytable_add(b, KEY_ROOT, SPAN("UserData"));
    keytable_flag(b, deep, KEY_DEEP);
    (void)keytable_add(b, deep, SPAN("Channel"));
    key_node own = keytable_add(b, deep, SPAN("Own"));
    (void)keytable_add(b, own, SPAN("#text"));
    key_node strip = keytable_add(b, KEY_ROOT, SPAN("EventData"));
    keytable_flag(b, strip, KEY_STRIP_BLANKS);
    (void)keytable_add(b, strip, SPAN("ThreatName"));
    (void)keytable_add(b, strip, SPAN("Both Ways"));
    (void)keytable_add(b, strip, SPAN("BothWays"));
    struct keytable *t = (struct keytable *)(uintptr_t)keytable_pack(b, region);
    keytable_builder_free(&b);
    return t;
}

struct fixture {
    struct arena region;
    struct keytable *t;
    struct leaves l;
    struct buf text;
};

static void fixture_init(struct fixture *f)
{
    arena_init(&f->region, 0);
    f->t = small_table(&f->region);
    leaves_init(&f->l, keytable_nodes(f->t));
    buf_init(&f->text, TEXT_MAX);
}

static void fixture_fini(struct fixture *f)
{
    arena_fini(&f->region);
    leaves_fini(&f->l);
    buf_free(&f->text);
}

/* Reads from an exact-size copy and leaves the leaves' text in f->text. */
static int read_exact(struct fixture *f, const char *json, size_t len, struct err *e)
{
    char *copy = mem_alloc(len);
    if (len > 0) {
        memcpy(copy, json, len);
    }
    memset(e, 0, sizeof *e);
    int rc = json_read(&f->l, f->t, KEY_ROOT, span_make(copy, len), e);
    buf_clear(&f->text);
    put_leaves(&f->text, f->t, &f->l);
    mem_free(copy);
    return rc;
}

struct good_case {
    const char *json;
    const char *leaves;
    uint32_t tags;
};

static const struct good_case good[] = {
    {"{}", "", 0},
    {" [ ] ", "", 0},
    {"null", "=null", 0},
    {"\"top\"", "=s:top", 0},
    {"-0", "=n:-0", 0},
    {"{\"a\":1}", "a=n:1", 0},
    {"{\"a\" : \"x\" , \"b\"\n:\ttrue}", "a=s:x ?=true", 0},
    {"{\"a\":[1,\"2\",null,[false,[3]]]}", "a=n:1 a=s:2 a=null a=false a=n:3", 0},
    {"{\"nest\":{\"b\":1,\"c\":2}}", "b=n:1 ?=n:2", 0},
    {"{\"nest\":[{\"b\":1},{\"b\":2}]}", "b=n:1 b=n:2", 0},
    {"{\"other\":{\"a\":1,\"nest\":{\"b\":2}}}", "?=n:1 ?=n:2", 0},
    {"{\"a.b\":1}", "a.b=n:1", 0},
    {"{\"a\":{\"b\":1}}", "?=n:1", 0},
    {"{\"a rather long key\":1,\"a rather LONG key\":2}", "a rather long key=n:1 ?=n:2", 0},
    {"{\"a\":\"\"}", "a=s:", 0},
    {"{\"\":\"\"}", "?=s:", 0},
    {"{\"a\":\"x\\ny\\\\\",\"nest\":{\"b\":\"\\\"\"}}", "a=s:x\\ny\\\\~ b=s:\\\"~", 0},
    {"{\"\\u0061\":1,\"n\\u0065st\":{\"\\u0062\":2}}", "a=n:1 b=n:2", 0},
    {"[1e5,1E+5,1.5e-5,-1.25]", "=n:1e5 =n:1E+5 =n:1.5e-5 =n:-1.25", 0},
    /* deep: leaves by their own name wherever they are, objects of any name passed through */
    {"{\"UserData\":{\"X\":{\"Channel\":\"c\",\"y\":1}}}", "Channel=s:c ?=n:1", 0},
    {"{\"UserData\":{\"X\":{\"Y\":[{\"Channel\":\"c\"}]}}}", "Channel=s:c", 0},
    {"{\"UserData\":{\"Own\":{\"#text\":\"t\",\"Channel\":\"c\"}}}", "#text=s:t Channel=s:c", 0},
    {"{\"UserData\":{\"Channel\":{\"Channel\":1}},\"Channel\":2}", "Channel=n:1 ?=n:2", 0},
    {"{\"UserData\":\"leaf\"}", "UserData=s:leaf", 0},
    /* blanks left out */
    {"{\"EventData\":{\"Threat Name\":1}}", "ThreatName=n:1", 0},
    {"{\"EventData\":{\"Threat\\u0020Name\":1}}", "ThreatName=n:1", 0},
    {"{\"EventData\":{\"Both Ways\":[1,2]}}",
     "Both Ways=n:1 BothWays=n:1 Both Ways=n:2 BothWays=n:2", 0},
    {"{\"EventData\":{\"BothWays\":1}}", "BothWays=n:1", 0},
    {"{\"EventData\":{\"x\":{\"Threat Name\":1}}}", "?=n:1", 0},
    {"{\"Threat Name\":1}", "?=n:1", 0},
    /* odd but kept */
    {"\xef\xbb\xbf{\"a\":1}", "a=n:1", TAG_BOM},
    {"{\"a\":1,\"a\":2}", "a=n:1 a=n:2", TAG_DUPLICATE_KEY},
    {"{\"a\":[1],\"\\u0061\":2}", "a=n:1 a=n:2", TAG_DUPLICATE_KEY},
    {"{\"nest\":[{\"b\":1,\"b\":2}]}", "b=n:1 b=n:2", TAG_DUPLICATE_KEY},
    {"{\"a\":\"x\ny\"}", "a=s:x\ny", TAG_CONTROL_CHAR},
    {"{\"a\":\"\xff\"}", "a=s:\xff!", TAG_BAD_UTF8},
    {"{\"a\":\"\xc3\xa4\",\"b\":\"\xc3\"}", "a=s:\xc3\xa4 ?=s:\xc3!", TAG_BAD_UTF8},
    {"{\"\xed\xa0\x80\":1}", "?=n:1", TAG_BAD_UTF8},
    {"{\"a\":\"\\ud83d\"}", "a=s:\\ud83d~", TAG_LONE_SURROGATE},
    {"{\"a\":\"\\ude00\"}", "a=s:\\ude00~", TAG_LONE_SURROGATE},
    {"{\"a\":\"\\ud83d\\\\ude00\"}", "a=s:\\ud83d\\\\ude00~", TAG_LONE_SURROGATE},
    {"{\"a\":\"\\ud83d\\ud83d\\ude00\"}", "a=s:\\ud83d\\ud83d\\ude00~", TAG_LONE_SURROGATE},
    {"{\"a\":\"\\ud83d\",\"b\":\"\\ude00\"}", "a=s:\\ud83d~ ?=s:\\ude00~", TAG_LONE_SURROGATE},
    {"{\"a\":\"\\ud83d\\ude00\"}", "a=s:\\ud83d\\ude00~", 0},
    {"{\"a\":\"C:\\Users\\x\"}", "a=s:C:\\Users\\x~", TAG_BAD_ESCAPE},
    {"{\"a\":\"\\x22\"}", "a=s:\\x22~", TAG_BAD_ESCAPE},
    {"{\"a\":\"\\u12g4\"}", "a=s:\\u12g4~", TAG_BAD_ESCAPE},
    {"{\"a\":\"\\u123\"}", "a=s:\\u123~", TAG_BAD_ESCAPE},
    {"[1e309]", "=n:1e309", TAG_HUGE_NUMBER},
    {"[1234567890123456789012345678901]", "=n:1234567890123456789012345678901", TAG_HUGE_NUMBER},
    {"[123456789012345678901234567890]", "=n:123456789012345678901234567890", 0},
};

static void test_good(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        struct err e;
        int rc = read_exact(&f, good[i].json, strlen(good[i].json), &e);
        if (rc != 0 || strcmp(f.text.data, good[i].leaves) != 0 || f.l.tags != good[i].tags) {
            fail_msg("%s\n gave %d %s tags %x\n %s\n not %s tags %x", good[i].json, rc, e.text,
                     f.l.tags, f.text.data, good[i].leaves, good[i].tags);
        }
    }
    fixture_fini(&f);
}

struct bad_case {
    const char *json;
    int code;
    uint64_t offset;
};

static const struct bad_case bad[] = {
    {"", ERR_TRUNCATED, 0},
    {"  ", ERR_TRUNCATED, 2},
    {"{", ERR_TRUNCATED, 1},
    {"{\"a\"", ERR_TRUNCATED, 4},
    {"{\"a\":", ERR_TRUNCATED, 5},
    {"{\"a\":1", ERR_TRUNCATED, 6},
    {"{\"a\":\"x", ERR_TRUNCATED, 5},
    {"{\"a\":\"x\\", ERR_TRUNCATED, 5},
    {"{\"a\":\"x\\\"}", ERR_TRUNCATED, 5},
    {"{\"a\":tru", ERR_TRUNCATED, 8},
    {"[1,", ERR_TRUNCATED, 3},
    {"-", ERR_TRUNCATED, 1},
    {"1.", ERR_TRUNCATED, 2},
    {"1e", ERR_TRUNCATED, 2},
    {"1e+", ERR_TRUNCATED, 3},
    {"{a:1}", ERR_INVALID, 1},
    {"{'a':1}", ERR_INVALID, 1},
    {"{\"a\" 1}", ERR_INVALID, 5},
    {"{\"a\":1,}", ERR_INVALID, 7},
    {"{\"a\":1 \"b\":2}", ERR_INVALID, 7},
    {"{,\"a\":1}", ERR_INVALID, 1},
    {"{1:1}", ERR_INVALID, 1},
    {"[1,]", ERR_INVALID, 3},
    {"[,1]", ERR_INVALID, 1},
    {"[1 2]", ERR_INVALID, 3},
    {"[1}", ERR_INVALID, 2},
    {"{\"a\":1]", ERR_INVALID, 6},
    {"[1]]", ERR_INVALID, 3},
    {"{}{}", ERR_INVALID, 2},
    {"{} x", ERR_INVALID, 3},
    {"01", ERR_INVALID, 0},
    {"-01", ERR_INVALID, 1},
    {"+1", ERR_INVALID, 0},
    {".5", ERR_INVALID, 0},
    {"[1.]", ERR_INVALID, 3},
    {"[1e]", ERR_INVALID, 3},
    {"[0x1]", ERR_INVALID, 2},
    {"NaN", ERR_INVALID, 0},
    {"Infinity", ERR_INVALID, 0},
    {"True", ERR_INVALID, 0},
    {"nul", ERR_TRUNCATED, 3},
    {"nulL", ERR_INVALID, 0},
    {"nullx", ERR_INVALID, 4},
    {"[\\\"a\"]", ERR_INVALID, 1},
    {"[\"a\"\\\"]", ERR_INVALID, 4},
    {"\"a\" \"b\"", ERR_INVALID, 4},
    {"{\"a\":/*c*/1}", ERR_INVALID, 5},
    {"\xff", ERR_INVALID, 0},
    {"\xc2\xa0{}", ERR_INVALID, 0},
    {"{,\"a\":\"as long as a short way asks\"}", ERR_INVALID, 1},
    {"{x y\"a\":\"as long as a short way asks\"}", ERR_INVALID, 1},
    {"{\"nest\":{,\"b\":\"as long as a short way asks\"}}", ERR_INVALID, 9},
};

static void test_bad(void **state)
{
    (void)state;
    struct fixture f;
    fixture_init(&f);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        static const char whole[] = "{\"a\":\"b\",\"nest\":{\"b\":\"c\"}}";
        struct err e;
        /* What is wrong with a record may not depend on the one read before it. */
        assert_int_equal(read_exact(&f, whole, strlen(whole), &e), 0);
        int rc = read_exact(&f, bad[i].json, strlen(bad[i].json), &e);
        if (rc != bad[i].code || e.offset != bad[i].offset || e.has_offset == 0) {
            fail_msg("%s\n gave %d at %llu (%s), not %d at %llu", bad[i].json, rc,
                     (unsigned long long)e.offset, e.text, bad[i].code,
                     (unsigned long long)bad[i].offset);
        }
    }
    fixture_fini(&f);
}

/* NUL bytes are no blanks outside strings and odd bytes inside. */
static void test_nul_bytes(void **state)
{
    (void)state;
    struct fixture f;
    struct err e;
    fixture_init(&f);
    assert_int_equal(read_exact(&f, "{}\0", 3, &e), ERR_INVALID);
    assert_int_equal(e.offset, 2);
    assert_int_equal(read_exact(&f, "\0{}", 3, &e), ERR_INVALID);
    assert_int_equal(read_exact(&f, "[\0]", 3, &e), ERR_INVALID);
    assert_int_equal(read_exact(&f, "{\"a\":\"\0\"}", 9, &e), 0);
    assert_int_equal(f.l.tags, TAG_CONTROL_CHAR);
    assert_int_equal(f.l.data[0].len, 1);
    fixture_fini(&f);
}

static void test_depth(void **state)
{
    (void)state;
    struct fixture f;
    struct err e;
    char text[2 * JSON_DEPTH_MAX + 4];
    fixture_init(&f);
    for (size_t depth = JSON_DEPTH_MAX - 1; depth <= JSON_DEPTH_MAX + 1; depth++) {
        memset(text, '[', depth);
        memset(text + depth, ']', depth);
        int rc = read_exact(&f, text, 2 * depth, &e);
        assert_int_equal(rc, depth <= JSON_DEPTH_MAX ? 0 : ERR_LIMIT);
        assert_int_equal(f.l.tags, depth <= JSON_DEPTH_MAX ? 0 : TAG_TOO_DEEP);
    }
    fixture_fini(&f);
}

static void test_limits(void **state)
{
    (void)state;
    struct fixture f;
    struct err e;
    fixture_init(&f);
    char *text = mem_alloc(JSON_RECORD_MAX + 1);
    memset(text, ' ', JSON_RECORD_MAX + 1);
    memcpy(text, "{}", 2);
    assert_int_equal(json_read(&f.l, f.t, KEY_ROOT, span_make(text, JSON_RECORD_MAX), &e), 0);
    assert_int_equal(json_read(&f.l, f.t, KEY_ROOT, span_make(text, JSON_RECORD_MAX + 1), &e),
                     ERR_LIMIT);
    assert_int_equal(f.l.tags, TAG_TOO_LONG);

    /* One string as long as a record may be, and as many values as it may have. */
    memset(text, 'x', JSON_RECORD_MAX);
    text[0] = text[JSON_RECORD_MAX - 1] = '"';
    text[JSON_RECORD_MAX - 2] = '\\';
    text[JSON_RECORD_MAX - 3] = '\\';
    assert_int_equal(json_read(&f.l, f.t, KEY_ROOT, span_make(text, JSON_RECORD_MAX), &e), 0);
    assert_int_equal(f.l.data[0].len, JSON_RECORD_MAX - 2);
    assert_int_equal(f.l.data[0].flags, LEAF_ESCAPED);
    for (size_t i = 0; i < JSON_RECORD_MAX; i++) {
        text[i] = "1,"[i % 2];
    }
    text[0] = '[';
    text[1] = ' ';
    text[JSON_RECORD_MAX - 1] = ']';
    assert_int_equal(json_read(&f.l, f.t, KEY_ROOT, span_make(text, JSON_RECORD_MAX), &e), 0);
    assert_int_equal(f.l.len, LEAVES_MAX);
    assert_int_equal(f.l.tags, TAG_TOO_MANY_FIELDS);
    mem_free(text);
    fixture_fini(&f);
}

/* Values of one node are chained in order; a new record forgets the old one, also without a table.
 */
static void test_chain(void **state)
{
    (void)state;
    struct fixture f;
    struct err e;
    fixture_init(&f);
    key_node a = keytable_find(f.t, KEY_ROOT, SPAN("a"));
    assert_int_equal(read_exact(&f, "{\"a\":[1,2],\"x\":0,\"a\":3}", 23, &e), 0);
    uint32_t i = leaves_first(&f.l, a);
    assert_int_equal(i, 0);
    assert_int_equal(f.l.data[i].next, 1);
    assert_int_equal(f.l.data[1].next, 3);
    assert_int_equal(f.l.data[3].next, LEAF_NIL);
    assert_int_equal(read_exact(&f, "{\"b\":1}", 7, &e), 0);
    assert_int_equal(leaves_first(&f.l, a), LEAF_NIL);
    f.l.stamp = UINT32_MAX;
    assert_int_equal(read_exact(&f, "{\"a\":1}", 7, &e), 0);
    assert_int_equal(f.l.stamp, 1);
    assert_int_equal(leaves_first(&f.l, a), 0);
    assert_int_equal(json_read(&f.l, NULL, KEY_ROOT, SPAN("{\"a\":1}"), NULL), 0);
    assert_int_equal(f.l.data[0].node, KEY_NONE);
    key_node nest = keytable_find(f.t, KEY_ROOT, SPAN("nest"));
    assert_int_equal(json_read(&f.l, f.t, nest, SPAN("{\"b\":1}"), NULL), 0);
    assert_int_equal(f.l.data[0].node, keytable_find(f.t, nest, SPAN("b")));
    fixture_fini(&f);
}

/* Strings of all lengths around the block and chunk borders, with a backslash or a quote escape at
 * each place. */
static void test_borders(void **state)
{
    (void)state;
    struct fixture f;
    struct err e;
    struct buf b;
    fixture_init(&f);
    buf_init(&b, TEXT_MAX);
    static const size_t lens[] = {0,  1,  2,  57,  58,   59,   60,   61,   62,   63,   64,
                                  65, 66, 67, 126, 4080, 4088, 4089, 4090, 4091, 4092, 8190};
    for (size_t k = 0; k < ARRAY_LEN(lens); k++) {
        for (size_t slash = 0; slash <= lens[k]; slash += lens[k] > 200 ? 61 : 1) {
            buf_clear(&b);
            buf_cstr(&b, "{\"a\":\"");
            for (size_t i = 0; i < lens[k]; i++) {
                buf_cstr(&b, i == slash ? "\\\"" : "x");
            }
            size_t value_len = b.len - 6;
            buf_cstr(&b, "\",\"nest\":{\"b\":\"yz\"}}");
            assert_int_equal(read_exact(&f, b.data, b.len, &e), 0);
            assert_int_equal(f.l.len, 2);
            assert_int_equal(f.l.tags, 0);
            assert_int_equal(f.l.data[0].len, value_len);
            assert_int_equal(f.l.data[0].flags, slash < lens[k] ? LEAF_ESCAPED : 0);
            assert_int_equal(f.l.data[1].len, 2);
            assert_int_equal(f.l.data[1].flags, 0);
        }
    }
    buf_free(&b);
    fixture_fini(&f);
}

struct unescape_case {
    const char *raw;
    const char *text;
    bool odd;
};

static const struct unescape_case unescapes[] = {
    {"", "", false},
    {"plain", "plain", false},
    {"\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t", false},
    {"\\u0041\\u00e4\\u20ac", "A\xc3\xa4\xe2\x82\xac", false},
    {"\\uD83D\\uDE00", "\xf0\x9f\x98\x80", false},
    {"\\uD83D", "\xef\xbf\xbd", true},
    {"\\uD83Dx", "\xef\xbf\xbdx", true},
    {"\\uDE00\\uD83D", "\xef\xbf\xbd\xef\xbf\xbd", true},
    {"\\uD83D\\u0041",
     "\xef\xbf\xbd"
     "A",
     true},
    {"\\uD83D\\\\uDE00", "\xef\xbf\xbd\\uDE00", true},
    {"\\x41\\u12", "\\x41\\u12", false},
    {"C:\\Users\\", "C:\\Users\\", false},
    {"\\u12g4\\", "\\u12g4\\", false},
};

static void test_unescape(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(unescapes); i++) {
        size_t len = strlen(unescapes[i].raw);
        char *raw = mem_alloc(len);
        char *out = mem_alloc(len);
        bool odd = !unescapes[i].odd;
        memcpy(raw, unescapes[i].raw, len);
        size_t n = json_unescape(span_make(raw, len), out, &odd);
        assert_true(span_eq(span_make(out, n), span_of(unescapes[i].text)));
        assert_int_equal(odd, unescapes[i].odd);
        mem_free(raw);
        mem_free(out);
    }
    char zero[6];
    assert_int_equal(json_unescape(SPAN("\\u0000"), zero, NULL), 1);
    assert_int_equal(zero[0], 0);
}

/* In one step what unescaping and then folding give, or a refusal exactly where that is not all ASCII. */
static void check_folded(struct span text)
{
    char *raw = mem_alloc(text.len); /* as long as it is: reading behind it is seen */
    char *plain = mem_alloc(text.len);
    char *folded = mem_alloc(utf8_fold_room(text.len));
    char *out = mem_alloc(text.len + JSON_FOLD_OVER);
    if (text.len > 0) {
        memcpy(raw, text.ptr, text.len);
    }
    struct span want = span_make(plain, json_unescape(span_make(raw, text.len), plain, NULL));
    bool ascii = utf8_is_ascii(want);
    want = span_make(folded, utf8_fold(want, folded));
    size_t n = 0;
    assert_int_equal(json_unescape_folded(span_make(raw, text.len), out, &n), ascii);
    assert_true(!ascii || span_eq(span_make(out, n), want));
    assert_int_equal(json_unescape_folded_by_16(span_make(raw, text.len), out, &n), ascii);
    assert_true(!ascii || span_eq(span_make(out, n), want));
    mem_free(raw);
    mem_free(plain);
    mem_free(folded);
    mem_free(out);
}

static void test_unescape_folded(void **state)
{
    (void)state;
    static const char *const pieces[] = {
        "\\\\", "\\", "\\u", "\\u0041", "\\u005a", "\\u00e4", "\\u212a", "\\ud83d", "\\\"", "\\/", "\\n", "\\q", "A", "zZ",
        "[@`{", "windows", "SYSTEM32", "0123456789abcdefABCDEF", "\x7f", "\x80", "\xc3\xa4", "\xe2\x84\xaa", "\"",
    };
    uint32_t seed = 1;
    for (size_t i = 0; i < ARRAY_LEN(unescapes); i++) {
        check_folded(span_of(unescapes[i].raw));
    }
    for (unsigned round = 0; round < 20000; round++) {
        char text[256];
        size_t n = 0, most = round % 220;
        unsigned kinds = round % 3 == 0 ? (unsigned)ARRAY_LEN(pieces) : 18; /* two thirds nearly always ASCII */
        while (n < most) {
            seed = seed * 1664525u + 1013904223u;
            const char *piece = pieces[(seed >> 8) % kinds];
            memcpy(text + n, piece, strlen(piece));
            n += strlen(piece);
        }
        check_folded(span_make(text, n));
    }
}

static void walk_put(void *ctx, struct span name, const struct leaf *leaf)
{
    buf_printf(ctx, "%.*s=%.*s;", SPAN_ARG(name), (int)leaf->len, leaf->ptr);
}

struct walk_case {
    const char *json;
    const char *out;
    int rc;
};

static const struct walk_case walks[] = {
    {"{\"a\":{\"b\":1,\"c\":[2,{\"d\":3},4]},\"e\":5}", "a.b=1;a.c=2;a.c.d=3;a.c=4;e=5;", 0},
    {"[1,[2],{\"a\":3}]", "=1;=2;a=3;", 0},
    {"{\"\\u0041\\u00e4\":{\"\":{\"x.y\":null}}}", "A\xc3\xa4..x.y=null;", 0},
    {"{\"a\":1,\"a\":2}", "a=1;a=2;", 0},
    {"\"s\"", "=s;", 0},
    {"{\"a\":1,", "a=1;", ERR_TRUNCATED},
    {"{\"a\":x}", "", ERR_INVALID},
};

static void test_walk(void **state)
{
    (void)state;
    struct arena scratch;
    struct buf out;
    arena_init(&scratch, 0);
    buf_init(&out, TEXT_MAX);
    for (size_t i = 0; i < ARRAY_LEN(walks); i++) {
        struct err e;
        buf_clear(&out);
        int rc = json_walk(span_of(walks[i].json), &scratch, walk_put, &out, &e);
        buf_u8(&out, 0);
        assert_int_equal(rc, walks[i].rc);
        assert_string_equal(out.data, walks[i].out);
        arena_reset(&scratch);
    }
    buf_free(&out);
    arena_fini(&scratch);
}

/* A member's value as machines write it goes a shorter way than one with blanks in front of the colon; both must say the
 * same. */
static void test_short_way(void **state)
{
    (void)state;
    static const char *const values[] = {
        "\"\"", "\"x\"", "\"a\\\\b\"", "\"\\\"\"", "\"open", "0", "-0", "00", "01", "-", "-x", "7", "12345678",
        "123456789", "1234567890123456", "-9214364837600034816", "12345678901234567890123",
        "123456789012345678901234", "1234567890123456789012345678901", "1.5", "1e5", "1e999", "1x", "true", "false",
        "null", "tru", "truex", "fals", "falsy", "nul", "nulls", "T", "", "[]", "[1]", "{}", "{\"b\":1}", "\"a\"x",
        "1 ", "\"s\" ", "\x01", "'x'",
    };
    static const char *const behind[] = {"}", ",\"a.b\":1}", ", \"a.b\":\"y\"}", ",\"a\":2}", ",}", ",", "", "]", ",,",
                                         ",  \"nest\":{\"b\":\"z\"}}"};
    struct fixture f;
    fixture_init(&f);
    for (size_t v = 0; v < ARRAY_LEN(values); v++) {
        for (size_t b = 0; b < ARRAY_LEN(behind); b++) {
            char text[3][256];
            char seen[3][512];
            int rc[3];
            static const char *const colons[] = {":", ": ", " :"};
            for (size_t k = 0; k < 3; k++) {
                struct err e;
                int n = snprintf(text[k], sizeof text[k], "{\"a\"%s%s%s", colons[k], values[v], behind[b]);
                rc[k] = read_exact(&f, text[k], (size_t)n, &e);
                (void)snprintf(seen[k], sizeof seen[k], "%s tags %x", f.text.data, f.l.tags);
            }
            for (size_t k = 0; k < 2; k++) {
                if (rc[k] != rc[2] || strcmp(seen[k], seen[2]) != 0) {
                    fail_msg("%s: %d %s\n%s: %d %s", text[k], rc[k], seen[k], text[2], rc[2], seen[2]);
                }
            }
        }
    }
    fixture_fini(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),      cmocka_unit_test(test_bad),
        cmocka_unit_test(test_nul_bytes), cmocka_unit_test(test_depth),
        cmocka_unit_test(test_limits),    cmocka_unit_test(test_chain),
        cmocka_unit_test(test_borders),   cmocka_unit_test(test_short_way),
        cmocka_unit_test(test_unescape),
        cmocka_unit_test(test_unescape_folded),
        cmocka_unit_test(test_walk),
    };
    struct json_kernel kernels[JSON_KERNELS_MAX];
    uint32_t n = json_kernels(kernels);
    int failed = 0;
    for (uint32_t i = 0; i < n; i++) {
        (void)printf("kernel %s\n", kernels[i].name);
        json_kernel_use(&kernels[i]);
        failed += cmocka_run_group_tests_name(kernels[i].name, tests, NULL, NULL);
    }
    return failed;
}
