/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of x-computed: what expressions are worth, what refuses one, and the shipped kinds that have some. */
/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "records/registers/register.h"

static const char fields_text[] = "{\"a\":3,\"b\":4,\"c\":-2,\"half\":0.5,\"t\":\"high\",\"u\":\"low\",\"yes\":true,\"day\":\"2026-12-01\",\"big\":9007199254740991,"
                                  "\"list\":[1,5,2],\"empty\":[],\"words\":[\"x\",\"high\"],\"rows\":[{\"n\":2},{\"n\":7.25},{\"m\":1},{\"n\":null}],\"o\":{\"p\":6,\"q\":{\"r\":8}}}";

/* NULL: none */
static const struct {
    const char *text, *type, *want;
} value_cases[] = {
    {"a * b", "integer", "12"},
    {"a + b * 2 - 1", "integer", "10"},
    {"(a + b) * 2", "integer", "14"},
    {"a - b - 1", "integer", "-2"},
    {"-a + 1", "integer", "-2"},
    {"a / b", "number", "0.75"},
    {"a / b", "integer", "1"}, /* rounded, half away from 0 */
    {"a / 6", "integer", "1"},
    {"-a / 6", "integer", "-1"},
    {"a / 7", "integer", "0"},
    {"1 / 3", "number", "0.333333"},
    {"a / 0", "number", NULL},
    {"half * half", "number", "0.25"},
    {"0.1 + 0.2", "number", "0.3"},
    {"a - a", "number", "0"},
    {"big * big", "number", NULL},
    {"big", "number", NULL}, /* in millionths of one it is more than 63 bits */
    {"a", "string", NULL},
    {"t", "integer", NULL},
    {"t", "string", "\"high\""},
    {"nothing", "integer", NULL},
    {"nothing + 1", "integer", NULL},
    {"list + 1", "integer", NULL}, /* a list alone is none */
    {"sum(list)", "integer", "8"},
    {"sum(list, a, nothing)", "integer", "11"},
    {"sum(empty)", "integer", NULL},
    {"min(list)", "integer", "1"},
    {"max(list, a)", "integer", "5"},
    {"max(a, nothing)", "integer", "3"},
    {"min(nothing)", "integer", NULL},
    {"count(list)", "integer", "3"},
    {"count(empty)", "integer", "0"},
    {"count(rows.n)", "integer", "2"},
    {"count(rows.n > 3)", "integer", "1"}, /* part by part */
    {"count(rows.n > 3 or rows.m = 1)", "integer", "2"},
    {"count(not rows.n > 3)", "integer", "3"},
    {"count(rows.n > 3, a = 3, a = 4)", "integer", "2"},
    {"count(gone.n > 3)", "integer", "0"},
    {"sum(if(rows.n > 3, rows.n, 1))", "number", "10.25"},
    {"max(rows.n * a)", "number", "21.75"},
    {"exists(rows.n = 7.25)", "boolean", "true"},
    {"exists(rows.n = 7)", "boolean", "false"},
    {"exists(a = 4)", "boolean", "false"},
    {"count(rows.n = max(rows.n))", "integer", "2"}, /* a list in a list is the part that is looked at */
    {"count(rows.n > 3) + rows.n", "integer", NULL},
    {"sum(rows.n)", "number", "9.25"},
    {"max(rows.n) * 2", "number", "14.5"},
    {"o.p", "integer", "6"},
    {"o.q.r", "integer", "8"},
    {"o.x.r", "integer", NULL},
    {"t = 'high'", "boolean", "true"},
    {"t != 'high'", "boolean", "false"},
    {"t = 3", "boolean", "false"}, /* of different sorts: neither alike nor not */
    {"t != 3", "boolean", "false"},
    {"a < b", "boolean", "true"},
    {"a >= 3", "boolean", "true"},
    {"a > 3", "boolean", "false"},
    {"a <= 3", "boolean", "true"},
    {"day < '2026-12-02'", "boolean", "true"},
    {"nothing < 3", "boolean", "false"},
    {"not nothing < 3", "boolean", "true"},
    {"t in ['low', 'high']", "boolean", "true"},
    {"t in ['low']", "boolean", "false"},
    {"'high' in [u, t]", "boolean", "true"},
    {"t in [words]", "boolean", "true"},
    {"5 in [list]", "boolean", "true"},
    {"6 in [list]", "boolean", "false"},
    {"nothing in [nothing]", "boolean", "false"},
    {"yes", "boolean", "true"},
    {"yes and a = 3", "boolean", "true"},
    {"yes and a = 4 or t = 'high'", "boolean", "true"},
    {"not yes", "boolean", "false"},
    {"exists(a)", "boolean", "true"},
    {"exists(nothing)", "boolean", "false"},
    {"exists(empty)", "boolean", "false"},
    {"exists(rows.m)", "boolean", "true"},
    {"if(a > 2, 'x', 'y')", "string", "\"x\""},
    {"if(nothing, 'x', if(false, 'y', 'z'))", "string", "\"z\""},
    {"if(a > 9, 1, none)", "integer", NULL},
    {"999999999999", "number", "999999999999"},
};

static void test_values(void **state)
{
    (void)state;
    struct arena a;
    struct jcs *fields = NULL;
    struct err e = {0};
    size_t wrong = 0;
    arena_init(&a, 0);
    assert_int_equal(jcs_read_decimals(&a, span_of(fields_text), 6, &fields, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(value_cases); i++) {
        const struct expr *x = NULL;
        struct expr_value v;
        const char *want = value_cases[i].want;
        if (expr_read(&a, span_of(value_cases[i].text), &x, &e) != 0) {
            fail_msg("%s: %s", value_cases[i].text, e.text);
        }
        expr_value(x, fields, &v);
        const struct jcs *got = expr_as(&a, &v, span_of(value_cases[i].type));
        bool fits = got == NULL ? want == NULL : want != NULL && span_eq(jcs_text(&a, got), span_of(want));
        if (!fits) {
            print_error("%s: %.*s\n", value_cases[i].text, got == NULL ? 4 : (int)jcs_text(&a, got).len, got == NULL ? "none" : jcs_text(&a, got).ptr);
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
    arena_fini(&a);
}

static const char *const refused_cases[] = {
    "", " ", "a +", "* a", "(a", "a)", "a b", "a = b = c", "1.", "1.1234567", "1234567890123", "'a", "A", "a.", "a.b.c.d", "a..b", "min()", "if(a, b)", "if(a, b, c, d)",
    "exists(a, b)", "now()", "user(a)", "for(a)", "a in b", "a in []", "a in ['x'", "a & b", "a == b", "a[0]", "--a", "not", "min(a,)", "a,b", "\xc3\xa9", "not not a",
};

static void test_refused(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    const struct expr *x = NULL;
    struct err e = {0};
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused_cases); i++) {
        if (expr_read(&a, span_of(refused_cases[i]), &x, &e) == 0) {
            fail_msg("taken: %s", refused_cases[i]);
        }
        assert_true(e.text[0] != '\0');
    }
    /* one below each limit, and one above it */
    static const struct {
        const char *begin, *again, *middle, *close;
        int fits;
    } limits[] = {{"", "1+", "1", "", 63}, {"", "(", "1", ")", EXPR_DEPTH_MAX - 1}, {"a", " ", "", "", EXPR_BYTES_MAX - 1}};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        for (int more = 0; more < 2; more++) {
            buf_init(&b, 4096);
            buf_cstr(&b, limits[i].begin);
            for (int n = 0; n < limits[i].fits + more; n++) {
                buf_cstr(&b, limits[i].again);
            }
            buf_cstr(&b, limits[i].middle);
            for (int n = 0; n < limits[i].fits + more; n++) {
                buf_cstr(&b, limits[i].close);
            }
            assert_int_equal(expr_read(&a, buf_view(&b), &x, &e) == 0, !more);
            buf_free(&b);
        }
    }
    arena_fini(&a);
}

static int read_kind(struct arena *a, const char *field, const char *rest, struct register_kind *k, struct err *e)
{
    const char *text = arena_printf(a,
                                    "title: T\ntype: object\nrequired: [label]\nadditionalProperties: false\nproperties:\n  label: {type: string, maxLength: 40}\n"
                                    "  a: {type: integer}\n  b: {type: integer}\n  to: {type: string, format: uuid, x-ref: {kind: t, inverse: ts}}\n  %s\n"
                                    "x-table: {name: t, plural: ts, title: label}\n%s\nx-states: {initial: s, list: [{id: s, final: true}]}\n",
                                    field, rest);
    const struct register_file f = {SPAN("t.yml"), span_of(text)};
    return register_kind_read(a, &f, k, e);
}

static const char plain[] = "x-perm: {administrator: {ops: [read, create, change]}}";

static void test_files(void **state)
{
    (void)state;
    static const struct {
        const char *field, *said;
    } refused[] = {
        {"c: {type: integer, x-computed: a +}", "at character"},
        {"c: {type: integer, x-computed: a + nothing}", "nothing is no field"},
        {"c: {type: integer, x-computed: c + 1}", "c is no field"},
        {"c: {type: integer, x-computed: count(to)}", "one field of them, or their state, stands behind it, as to.state"},
        {"c: {type: integer, x-computed: to.a.b}", "one field of them"},
        {"c: {type: integer, x-computed: 1 + to.a, x-index: true}", "looks at other records and cannot have x-index"},
        {"c: {type: array, items: {type: integer}, x-computed: a}", "is for type: integer"},
        {"c: {type: string, format: date, x-computed: label}", "without a format"},
        {"c: {type: string, x-computed: label, x-index: true}", "lists know only"},
        {"c: {type: integer, x-computed: 7 8}", "behind its end"},
    };
    struct arena a;
    struct register_kind k;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct err e = {0};
        if (read_kind(&a, refused[i].field, plain, &k, &e) == 0 || strstr(e.text, refused[i].said) == NULL || e.line == 0) {
            fail_msg("%s: %s", refused[i].field, e.text);
        }
    }
    struct err e = {0};
    assert_int_equal(read_kind(&a, "c: {type: integer, x-computed: a * b, x-index: true}",
                               "x-perm: {administrator: {ops: [read, change]}, officer: {ops: [read], fields: {b: hidden}}, reader: {ops: [read], fields: {label: read}}}", &k, &e), 0);
    assert_true(k.rights.role[0].hidden == 0 && k.rights.role[0].fixed == 16);
    assert_true(k.rights.role[1].hidden == (4 | 16)); /* b, and what is made of it */
    assert_true(k.rights.role[2].hidden == 0 && (k.rights.role[2].fixed & 16) != 0);
    struct jcs *fields = NULL;
    struct record_key keys[REGISTER_KEYS_MAX];
    assert_int_equal(jcs_read_decimals(&a, SPAN("{\"a\":3,\"b\":5,\"c\":99,\"label\":\"x\"}"), 4, &fields, &e), 0);
    assert_true(span_eq(jcs_text(&a, register_computed_all(&a, &k, fields)), SPAN("{\"a\":3,\"b\":5,\"c\":15,\"label\":\"x\"}"))); /* what was sent is nothing */
    size_t n = register_keys(&a, &k, fields, SPAN("o"), SPAN("s"), TLP_GREEN, 1, 2, keys);
    assert_true(n == 7 && span_eq(keys[6].field, SPAN("c")) && span_eq(keys[6].value, register_key_number(&a, 15)));
    register_kind_free(&k);
    arena_fini(&a);
}

static const char *kind_text(struct arena *a, const char *name, const char *fields)
{
    return arena_printf(a,
                        "title: T\ntype: object\nrequired: [label]\nadditionalProperties: false\nproperties:\n  label: {type: string, maxLength: 40}\n%s\n"
                        "x-table: {name: %s, plural: %ss, title: label}\n%s\nx-states: {initial: s, list: [{id: s, final: true}]}\n",
                        fields, name, name, plain);
}

/* What is looked at in other kinds: there, kept by a key, nobody's name, and worked out of nothing that looks further. */
static void test_looks(void **state)
{
    (void)state;
    static const char one[] = "  k: {type: integer, x-index: true}\n  free: {type: integer}\n  who: {type: string, maxLength: 40, x-index: true, x-pii: {category: identity}}\n";
    static const struct {
        const char *field, *said; /* NULL: it is taken */
    } cases[] = {
        {"c: {type: integer, x-computed: to.k + 1}", NULL},
        {"c: {type: string, x-computed: to.state}", NULL},
        {"c: {type: integer, x-computed: to.k + to.k + to.k}", NULL},
        {"c: {type: integer, x-computed: to.nothing}", "to.nothing is no field of one with x-index"},
        {"c: {type: integer, x-computed: to.free}", "to.free is no field of one with x-index"},
        {"c: {type: string, x-computed: to.who}", "says something of a person"},
    };
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *fields = arena_printf(&a, "  to: {type: string, format: uuid, x-ref: {kind: one, inverse: twos}}\n  %s", cases[i].field);
        const struct register_file files[] = {{SPAN("one.yml"), span_of(kind_text(&a, "one", one))}, {SPAN("two.yml"), span_of(kind_text(&a, "two", fields))}};
        struct registers *r = registers_load(files, 2);
        size_t n = 0;
        const struct register_refusal *why = registers_refusals(r, &n);
        const struct register_kind *k = registers_by_name(r, SPAN("two"));
        bool fits = cases[i].said == NULL ? n == 0 && k != NULL && k->nlooks == 1 : n == 1 && k == NULL && strstr(arena_cstr(&a, why[0].why), cases[i].said) != NULL;
        if (!fits) {
            fail_msg("%s: %s", cases[i].field, n == 0 ? "taken" : arena_cstr(&a, why[0].why));
        }
        registers_free(&r);
    }
    arena_fini(&a);
}

/* Fields that would look at one another in a ring, over any number of kinds: refused, and the way is told. */
static void test_ring(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (int kinds = 1; kinds <= 3; kinds++) {
        struct register_file files[3];
        static const char *const names[] = {"one", "two", "six"};
        for (int i = 0; i < kinds; i++) {
            const char *next = names[(i + 1) % kinds];
            const char *fields = arena_printf(&a, "  to: {type: string, format: uuid, x-ref: {kind: %s, inverse: %ss}}\n  c: {type: integer, x-computed: to.c + 1}", next, names[i]);
            files[i] = (struct register_file){span_of(arena_printf(&a, "%s.yml", names[i])), span_of(kind_text(&a, names[i], fields))};
        }
        struct registers *r = registers_load(files, (size_t)kinds);
        static const char *const ways[] = {"one.c -> one.c", "one.c -> two.c -> one.c", "one.c -> two.c -> six.c -> one.c"};
        size_t n = 0;
        const struct register_refusal *why = registers_refusals(r, &n);
        assert_int_equal(n, kinds); /* and those that name it */
        assert_non_null(strstr(arena_cstr(&a, why[0].why), ways[kinds - 1]));
        registers_free(&r);
    }
    arena_fini(&a);
}

static void test_keys_back(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    static const int64_t numbers[] = {0, 1, -1, 41, -9007199254740991, 9007199254740991};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
        const struct jcs *v = register_key_value(&a, INDEX_INTEGER, register_key_number(&a, numbers[i]));
        assert_true(v != NULL && v->kind == JCS_INT && v->number == numbers[i]);
    }
    assert_true(span_eq(jcs_text(&a, register_key_value(&a, INDEX_DECIMAL, register_key_number(&a, 2500000))), SPAN("2.5")));
    assert_true(span_eq(register_key_value(&a, INDEX_TEXT, SPAN("x"))->text, SPAN("x")));
    assert_null(register_key_value(&a, INDEX_TEXT, SPAN("")));
    assert_null(register_key_value(&a, INDEX_INTEGER, SPAN("x")));
    assert_null(register_key_value(&a, INDEX_INTEGER, register_key_number(&a, INT64_MAX)));
    arena_fini(&a);
}

/* What the shipped kinds say: reference values. */
static void test_shipped(void **state)
{
    (void)state;
    static const struct {
        const char *kind, *fields, *field, *want;
    } cases[] = {
        {"risk", "{\"likelihood\":3,\"impact\":4}", "score", "12"},
        {"risk", "{\"likelihood\":3,\"impact\":4}", "residual_score", NULL},
        {"risk", "{\"residual_likelihood\":2,\"residual_impact\":4}", "residual_score", "8"},
        {"system", "{\"availability\":\"low\",\"integrity\":\"high\"}", "category", "\"high\""},
        {"system", "{\"availability\":\"low\",\"traceability\":\"medium\"}", "category", "\"medium\""},
        {"system", "{\"authenticity\":\"low\"}", "category", "\"low\""},
        {"system", "{}", "category", NULL},
        {"procedure", "{\"confidentiality\":\"medium\",\"integrity\":\"low\"}", "category", "\"medium\""},
        {"bid", "{\"sovereignty\":{\"sov_1\":3,\"sov_2\":2,\"sov_3\":3,\"sov_4\":2,\"sov_5\":1,\"sov_6\":3,\"sov_7\":4,\"sov_8\":2}}", "sovereignty_score", "60"},
        {"bid", "{\"sovereignty\":{\"sov_1\":3,\"sov_2\":2,\"sov_3\":3,\"sov_4\":2,\"sov_5\":1,\"sov_6\":3,\"sov_7\":4,\"sov_8\":2}}", "sovereignty_least", "1"},
        {"bid", "{\"sovereignty\":{\"sov_1\":4,\"sov_2\":4,\"sov_3\":4,\"sov_4\":4,\"sov_5\":4,\"sov_6\":4,\"sov_7\":4,\"sov_8\":4}}", "sovereignty_score", "100"},
        {"bid", "{\"sovereignty\":{\"sov_1\":3,\"sov_2\":2,\"sov_3\":3,\"sov_4\":2,\"sov_5\":1,\"sov_6\":3,\"sov_7\":4,\"sov_8\":3}}", "sovereignty_score", "61.25"},
        {"bid", "{\"sovereignty\":{\"sov_1\":3}}", "sovereignty_score", NULL},
    };
    struct arena a;
    struct err e = {0};
    struct registers *r = registers_load(NULL, 0);
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct register_kind *k = registers_any(r, span_of(cases[i].kind));
        struct jcs *fields = NULL;
        assert_int_equal(jcs_read_decimals(&a, span_of(cases[i].fields), 6, &fields, &e), 0);
        const struct jcs *got = register_computed(&a, &k->fields[register_field_of(k, span_of(cases[i].field))], fields);
        if (!(got == NULL ? cases[i].want == NULL : cases[i].want != NULL && span_eq(jcs_text(&a, got), span_of(cases[i].want)))) {
            fail_msg("%s %s", cases[i].kind, cases[i].fields);
        }
    }
    struct span key, more;
    assert_true(register_key_parse(&a, KEY_DECIMAL, SPAN("60"), &key) && register_key_parse(&a, KEY_DECIMAL, SPAN("60.000001"), &more) && memcmp(key.ptr, more.ptr, key.len) < 0);
    assert_true(register_key_parse(&a, KEY_DECIMAL, SPAN("-0.5"), &more) && memcmp(key.ptr, more.ptr, key.len) > 0);
    static const char *const bad[] = {"", "-", ".5", "5.", "1.1234567", "1e3", "1.-5", "--1", "+1", "1234567890123"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(register_key_parse(&a, KEY_DECIMAL, span_of(bad[i]), &key));
    }
    arena_fini(&a);
    registers_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values), cmocka_unit_test(test_refused), cmocka_unit_test(test_files), cmocka_unit_test(test_looks), cmocka_unit_test(test_ring), cmocka_unit_test(test_keys_back), cmocka_unit_test(test_shipped)};
    return cmocka_run_group_tests_name("computed fields", tests, NULL, NULL);
}
