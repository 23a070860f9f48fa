/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of schemas: what is taken and refused, which faults a value has and where, and that hostile ones end. */
#include "records/schema/schema.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static int read_file(struct arena *a, const char *text, struct schema_file **out, struct err *e)
{
    const struct yaml_node *root = NULL;
    size_t n = strlen(text);
    char *exact = arena_bytes(a, n);
    memcpy(exact, text, n);
    struct yaml_docs docs = {0};
    memset(e, 0, sizeof *e);
    *out = NULL;
    int rc = yaml_read(a, span_make(exact, n), &docs, e);
    root = rc == 0 && docs.len == 1 ? docs.docs[0].root : NULL;
    return root == NULL ? ERR_INVALID : schema_read(a, root, out, e);
}

/* "pointer:word:limit;" of each fault. */
static const char *faults(struct arena *a, const struct schema_file *f, const char *json)
{
    struct jcs *v = NULL;
    struct err e = {0};
    struct schema_result r;
    struct buf b;
    size_t n = strlen(json);
    char *exact = mem_alloc(n);
    memcpy(exact, json, n);
    if (jcs_read_decimals(a, span_make(exact, n), JCS_DEPTH_MAX, &v, &e) != 0) {
        fail_msg("%s: %s", json, e.text);
    }
    mem_free(exact);
    schema_check(f, v, a, &r);
    buf_init(&b, 1 << 16);
    assert_int_equal(r.valid, r.count == 0);
    assert_true(r.kept <= r.count);
    for (uint32_t i = 0; i < r.kept; i++) {
        buf_printf(&b, "%.*s:%s:%.*s;", SPAN_ARG(r.list[i].pointer), schema_reason_word(r.list[i].reason), SPAN_ARG(r.list[i].limit));
    }
    const char *said = arena_cstr(a, buf_view(&b));
    buf_free(&b);
    return said;
}

static const struct {
    const char *schema, *value, *said;
} value_cases[] = {
    {"true", "7", ""},
    {"false", "7", ":never:;"},
    {"{}", "[1, {\"a\": null}]", ""},
    {"{type: string}", "\"x\"", ""},
    {"{type: string}", "1", ":type:string;"},
    {"{type: [integer, 'null']}", "null", ""},
    {"{type: [integer, null]}", "1.5", ":type:null, integer;"},
    {"{type: integer}", "2.0", ""},
    {"{type: number}", "2.5", ""},
    {"{type: boolean}", "0", ":type:boolean;"},
    {"{enum: [low, 2, null, [a]]}", "[\"a\"]", ""},
    {"{enum: [low, 2]}", "2.0", ""},
    {"{enum: [low, 2]}", "\"2\"", ":enum:;"},
    {"{const: {a: 1, b: [x]}}", "{\"b\": [\"x\"], \"a\": 1}", ""},
    {"{const: {a: 1}}", "{\"a\": true}", ":const:{\"a\":1};"},
    {"{multipleOf: 0.01}", "19.99", ""},
    {"{multipleOf: 0.01}", "19.999", ":multiple:0.01;"},
    {"{multipleOf: 0.0001}", "0.0075", ""},
    {"{minimum: 0, maximum: 10}", "-0.5", ":minimum:0;"},
    {"{minimum: 0, maximum: 10}", "10.000001", ":maximum:10;"},
    {"{minimum: 0, maximum: 10}", "\"no number\"", ""},
    {"{exclusiveMinimum: 0, exclusiveMaximum: 1}", "0", ":above:0;"},
    {"{exclusiveMinimum: 0, exclusiveMaximum: 1}", "1", ":below:1;"},
    {"{minLength: 2, maxLength: 3}", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\"", ""},
    {"{minLength: 2, maxLength: 3}", "\"\xf0\x9f\x98\x80\"", ":short:2;"},
    {"{maxLength: 1}", "\"ab\"", ":long:1;"},
    {"{pattern: '^[A-Z]{2}-[0-9]+$'}", "\"ES-28\"", ""},
    {"{pattern: '^[A-Z]{2}-[0-9]+$'}", "\"ES-28\\n\"", ":pattern:^[A-Z]{2}-[0-9]+$;"},
    {"{pattern: a}", "\"bab\"", ""},
    {"{minItems: 1, maxItems: 2}", "[]", ":few_items:1;"},
    {"{minItems: 1, maxItems: 2}", "[1,2,3]", ":many_items:2;"},
    {"{uniqueItems: true}", "[1, \"1\", true, [1], {\"a\": 1}, {\"a\": 2}]", ""},
    {"{uniqueItems: true}", "[{\"a\": 1, \"b\": 2}, 7, {\"b\": 2.0, \"a\": 1}]", ":twice:{\"a\":1,\"b\":2};"},
    {"{uniqueItems: false}", "[1,1]", ""},
    {"{items: {type: integer}}", "[1, \"b\", 3, null]", "/1:type:integer;/3:type:integer;"},
    {"{prefixItems: [{type: string}], items: false}", "[\"a\", 2]", "/1:never:;"},
    {"{required: [a, b]}", "{\"b\": 1}", ":missing:a;"},
    {"{properties: {a: {properties: {'b/~c': {type: string}}}}}", "{\"a\": {\"b/~c\": 1}}", "/a/b~1~0c:type:string;"},
    {"{properties: {a: {}}, additionalProperties: false}", "{\"a\": 1, \"z\": 2}", "/z:unknown:z;"},
    {"{properties: {a: {}}, additionalProperties: {type: string}}", "{\"a\": 1, \"z\": 2}", "/z:type:string;"},
    {"{minProperties: 1, maxProperties: 1}", "{}", ":few_members:1;"},
    {"{minProperties: 1, maxProperties: 1}", "{\"a\":1,\"b\":2}", ":many_members:1;"},
    {"{propertyNames: {pattern: '^[a-z]+$'}}", "{\"ab\": 1, \"A\": 2}", ":name:A;"},
    {"{dependentRequired: {from: [to]}}", "{\"from\": 1}", ":missing_with:to;"},
    {"{dependentRequired: {from: [to]}}", "{\"other\": 1}", ""},
    {"{allOf: [{minimum: 1}, {maximum: 5}]}", "9", ":maximum:5;"},
    {"{anyOf: [{type: string}, {minimum: 5}]}", "3", ":none_fits:;"},
    {"{required: [c], anyOf: [{required: [a]}, {required: [b]}]}", "{}", ":missing:c;:missing:a;"},
    {"{anyOf: [{required: [a]}, {required: [b]}]}", "{\"b\":1}", ""},
    {"{anyOf: [{required: [a]}, {required: [b]}]}", "[]", ""},
    {"{anyOf: [{required: [a]}, {properties: {b: {const: 1}}}]}", "{\"b\":2}", ":none_fits:;"},
    {"{oneOf: [{minimum: 1}, {minimum: 5}]}", "7", ":several_fit:;"},
    {"{oneOf: [{minimum: 1}, {minimum: 5}]}", "0", ":none_fits:;"},
    {"{not: {type: string}}", "\"x\"", ":fits:;"},
    {"{if: {properties: {kind: {const: rent}}, required: [kind]}, then: {required: [until]}, else: {required: [own]}}",
     "{\"kind\": \"rent\"}", ":missing:until;"},
    {"{if: {properties: {kind: {const: rent}}, required: [kind]}, then: {required: [until]}, else: {required: [own]}}",
     "{\"kind\": \"bought\"}", ":missing:own;"},
    {"{then: {required: [a]}}", "{}", ""}, /* without if it asks nothing */
    {"{allOf: [{properties: {a: {}}}], properties: {b: {}}, unevaluatedProperties: false}", "{\"a\":1,\"b\":2,\"c\":3}", "/c:unknown:c;"},
    {"{anyOf: [{properties: {a: {const: 1}}}, {properties: {b: {}}}], unevaluatedProperties: false}", "{\"a\":2,\"b\":2}", "/a:unknown:a;"},
    {"{$ref: '#/$defs/x', $defs: {x: {properties: {a: {}}}}, unevaluatedProperties: false}", "{\"a\":1,\"z\":1}", "/z:unknown:z;"},
    {"{$defs: {'a/b': {type: string}}, items: {$ref: '#/$defs/a~1b'}}", "[1]", "/0:type:string;"},
    {"{properties: {child: {$ref: '#'}}, additionalProperties: false}", "{\"child\": {\"child\": {\"x\": 1}}}", "/child/child/x:unknown:x;"},
    {"{title: t, description: d, default: 1, examples: [1], deprecated: false, readOnly: true, writeOnly: false, $comment: c,"
     " $id: 'https://city.example/x', $schema: '" SCHEMA_DIALECT "'}", "1", ""},
};

static void test_values(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(value_cases); i++) {
        struct schema_file *f = NULL;
        struct err e;
        if (read_file(&a, value_cases[i].schema, &f, &e) != 0) {
            fail_msg("%s: %s", value_cases[i].schema, e.text);
        }
        const char *said = faults(&a, f, value_cases[i].value);
        if (strcmp(said, value_cases[i].said) != 0) {
            fail_msg("%s\n%s\nsaid %s", value_cases[i].schema, value_cases[i].value, said);
        }
        schema_free(&f);
        arena_reset(&a);
    }
    arena_fini(&a);
}

static void test_formats(void **state)
{
    (void)state;
    static const struct {
        const char *format, *good, *bad; /* blanks between */
    } cases[] = {
        {"date", "2024-02-29 2000-02-29 1963-06-19 0000-01-01",
         "2023-02-29 1900-02-29 2024-13-01 2024-00-01 2024-04-31 24-01-01 2024-1-01 2024-01-01Z 2024/01/01 2024-01-32 a"},
        {"date-time", "2026-11-27T04:35:00Z 2026-11-27t04:35:00.123456789z 1998-12-31T23:59:60Z 1998-12-31T15:59:60-08:00",
         "2026-11-27T04:35:00 2026-11-27T24:00:00Z 2026-11-27T04:35:60Z 2026-11-27T04:35:00.Z 2026-11-27T04:35Z 2026-11-27T04:35:00+2:00"
         " 2026-11-27T04:35:00+24:00 2026-11-27T04:60:00Z 2026-02-30T00:00:00Z"},
        {"uri", "https://city.example/a?b=c#d mailto:a@b urn:isbn:0451450523 http://[::1]:80/ http://u:p@h:1/x ftp://h/%41 a: tel:+1-816",
         "//host/x /x x http://[::1 http://a<b> http://a\\b 1a:b :x http://h:80x/ http://h/%zz a:#x#y http://a|b http://[fe80::1%25x]/"},
        {"email", "a@b a.b@c.example te~st@x.org o'neil@x.ie \"a@b\"@x.org a@[127.0.0.1] a@[IPv6:::1]",
         "a @b a@ .a@b a.@b a..b@c a@-b a@b- a@b..c a@[127.0.0.300] a@[ipv7:1] a@b@c"},
        {"uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380 2EB8AA08-AA98-11EA-B4AA-73B441D16380",
         "2eb8aa08aa9811eab4aa73b441d16380 2eb8aa08-aa98-11ea-b4aa-73b441d1638 g eb8aa08-aa98-11ea-b4aa-73b441d16380-2"},
        {"ipv4", "127.0.0.1 0.0.0.0 255.255.255.255", "256.0.0.1 127.0.0 127.0.0.01 087.10.0.1 1.2.3.4.5 0x7f.0.0.1 127.1"},
        {"ipv6", "::1 :: 2001:db8::1 ::ffff:192.0.2.1 1:2:3:4:5:6:7:8", "1 ::1/64 fe80::a%eth1 1:2:3:4:5:6:7 ::ffff:192.0.02.1 12345:: :1"},
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[128];
        struct schema_file *f = NULL;
        struct err e;
        (void)snprintf(text, sizeof text, "{format: %s}", cases[i].format);
        assert_int_equal(read_file(&a, text, &f, &e), 0);
        for (int bad = 0; bad < 2; bad++) {
            struct span rest = span_of(bad ? cases[i].bad : cases[i].good);
            while (rest.len > 0) {
                ptrdiff_t blank = span_find(rest, ' ');
                struct span one = blank < 0 ? rest : span_sub(rest, 0, (size_t)blank);
                rest = span_sub(rest, one.len + 1, rest.len);
                struct jcs v = {.kind = JCS_TEXT, .text = one};
                struct schema_result r;
                schema_check(f, &v, &a, &r);
                if (r.valid == (bad == 1)) {
                    fail_msg("%s: %.*s", cases[i].format, SPAN_ARG(one));
                }
            }
        }
        struct jcs empty = {.kind = JCS_TEXT, .text = SPAN("")}, number = {.kind = JCS_INT};
        struct schema_result r;
        schema_check(f, &empty, &a, &r);
        assert_false(r.valid);
        schema_check(f, &number, &a, &r);
        assert_true(r.valid); /* a format asks of texts only */
        schema_free(&f);
    }
    arena_fini(&a);
}

static const struct {
    const char *schema;
    uint32_t line;
    const char *said;
} refused_cases[] = {
    {"type: object\nproperties:\n  a:\n    contains: {}\n", 4, "/properties/a/contains: no such keyword"},
    {"type: object\nproperty: {}\n", 2, "/property: no such keyword"},
    {"patternProperties: {}\n", 1, "no such keyword"},
    {"$anchor: x\n", 1, "no such keyword"},
    {"$dynamicRef: '#x'\n", 1, "no such keyword"},
    {"x-unknown: 1\n", 1, "no such keyword"},
    {"type: text\n", 1, "/type: is no type"},
    {"type: [string, string]\n", 1, "/type/1: stands twice"},
    {"type: []\n", 1, "names no type"},
    {"enum: []\n", 1, "/enum: must be a list"},
    {"enum: [no]\n", 1, "/enum/0: this could be read in two ways"},
    {"enum:\n  - yes\n", 2, "/enum/0: this could be read in two ways"},
    {"const: 012\n", 1, "two ways"},
    {"const: 1_000\n", 1, "two ways"},
    {"const: 12:30\n", 1, "two ways"},
    {"const: ~\n", 1, "two ways"},
    {"const: \"a\\0b\"\n", 1, "holds a zero character"},
    {"const: {\"a\\0b\": 1, a: 2}\n", 1, "holds a zero character"},
    {"enum:\n  - {a: 1}\n  - {\"a\\0\": 1}\n", 3, "holds a zero character"},
    {"minimum: high\n", 1, "/minimum: must be a number"},
    {"minLength: -1\n", 1, "whole number"},
    {"minLength: 1.5\n", 1, "whole number"},
    {"multipleOf: 0\n", 1, "above 0"},
    {"multipleOf: -2\n", 1, "above 0"},
    {"pattern: '['\n", 1, "/pattern: the pattern is wrong at byte"},
    {"pattern: 7\n", 1, "must be a text"},
    {"format: hostname\n", 1, "/format: is no format here"},
    {"required: a\n", 1, "list of names"},
    {"required: [a, a]\n", 1, "/required/1: stands twice"},
    {"required: [1]\n", 1, "must be a name"},
    {"allOf: []\n", 1, "at least one schema"},
    {"items: [a]\n", 1, "/items: must be a schema"},
    {"not: text\n", 1, "/not: must be a schema"},
    {"properties: []\n", 1, "must be a map of schemas"},
    {"uniqueItems: 1\n", 1, "true or false"},
    {"$ref: 'https://elsewhere.example/x'\n", 1, "/$ref: must be"},
    {"$ref: '#/$defs/nowhere'\n", 1, "there is no #/$defs/nowhere"},
    {"$ref: '#/properties/a'\nproperties: {a: {}}\n", 1, "/$ref: must be"},
    {"$ref: '#'\n", 1, "leads back to itself"},
    {"$ref: '#/$defs/a'\n$defs: {a: {$ref: '#/$defs/b'}, b: {$ref: '#/$defs/a'}}\n", 2, "leads back to itself"},
    {"$schema: 'http://json-schema.org/draft-07/schema#'\n", 1, "/$schema: must be"},
    {"properties: {a: {$defs: {}}}\n", 1, "root only"},
    {"properties: {a: {$id: x}}\n", 1, "root only"},
    {"7\n", 1, "must be a schema"},
    {"[]\n", 1, "must be a schema"},
};

static void test_refused(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        struct schema_file *f = NULL;
        struct err e;
        int rc = read_file(&a, refused_cases[i].schema, &f, &e);
        if (rc >= 0 || f != NULL || strstr(e.text, refused_cases[i].said) == NULL || e.line != refused_cases[i].line) {
            fail_msg("%s\n -> %d, line %u: %s", refused_cases[i].schema, rc, e.line, e.text);
        }
        arena_reset(&a);
    }
    arena_fini(&a);
}

/* Text of n times `open`, `core`, n times `close`. */
static const char *nest(struct arena *a, const char *open, const char *core, const char *close, unsigned n)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    for (unsigned i = 0; i < n; i++) {
        buf_cstr(&b, open);
    }
    buf_cstr(&b, core);
    for (unsigned i = 0; i < n; i++) {
        buf_cstr(&b, close);
    }
    const char *s = arena_cstr(a, buf_view(&b));
    buf_free(&b);
    return s;
}

static void test_hostile(void **state)
{
    (void)state;
    struct arena a;
    struct schema_file *f = NULL;
    struct err e;
    arena_init(&a, 0);
    /* Deeper than is read. */
    assert_true(read_file(&a, nest(&a, "{\"not\":", "{}", "}", 60), &f, &e) < 0);
    /* Each level applies twice the one below: 2^40 without a bound. */
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_cstr(&b, "{\"$defs\":{\"d0\":{\"type\":\"string\"}");
    for (int i = 1; i <= 40; i++) {
        buf_printf(&b, ",\"d%d\":{\"anyOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}]}", i, i - 1, i - 1);
    }
    buf_cstr(&b, "},\"not\":{\"$ref\":\"#/$defs/d20\"}}");
    assert_int_equal(read_file(&a, arena_cstr(&a, buf_view(&b)), &f, &e), 0);
    assert_non_null(strstr(faults(&a, f, "1"), ":too_much:;")); /* stopped is refused, within a `not` too */
    schema_free(&f);
    buf_free(&b);
    /* An expression that tries for ever. */
    assert_int_equal(read_file(&a, "{pattern: '^(a+)+$'}", &f, &e), 0);
    assert_string_equal(faults(&a, f, "\"aaaaaaaaaaaaaaaa\""), "");
    assert_non_null(strstr(faults(&a, f, "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!\""), ":too_much:;"));
    schema_free(&f);
    /* Pairs of a long list. */
    assert_int_equal(read_file(&a, "{uniqueItems: true}", &f, &e), 0);
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 20000; i++) {
        buf_printf(&b, "%s%d", i == 0 ? "[" : ",", i);
    }
    buf_cstr(&b, "]");
    assert_string_equal(faults(&a, f, arena_cstr(&a, buf_view(&b))), ":too_much:;");
    schema_free(&f);
    /* More faults than are kept: all are counted. */
    assert_int_equal(read_file(&a, "{items: {type: string}}", &f, &e), 0);
    struct jcs *v = NULL;
    struct schema_result r;
    assert_int_equal(jcs_read_decimals(&a, buf_view(&b), 4, &v, &e), 0);
    schema_check(f, v, &a, &r);
    assert_int_equal(r.count, 20000);
    assert_int_equal(r.kept, SCHEMA_FAULTS_MAX);
    schema_free(&f);
    buf_free(&b);
    /* A schema within itself, and a document as deep as one may be. */
    assert_int_equal(read_file(&a, "{items: {$ref: '#'}, type: array}", &f, &e), 0);
    assert_string_equal(faults(&a, f, nest(&a, "[", "", "]", 20)), "");
    assert_non_null(strstr(faults(&a, f, nest(&a, "[", "", "]", 30)), ":too_much:;"));
    schema_free(&f);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_formats),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_hostile),
    };
    return cmocka_run_group_tests_name("records/schema", tests, NULL, NULL);
}
