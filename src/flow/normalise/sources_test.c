/* SPDX-License-Identifier: EUPL-1.2 */
/* Source files: what is refused and where, switches, order, tables, and what is compiled from them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "flow/normalise/norm_kit.h"

#define HEAD "version: 1\nname: x\ntitle: X\nformat: json\n"

struct bad_case {
    const char *text;
    uint32_t line; /* 0: any */
    const char *says;
};

static const struct bad_case bad[] = {
    {"", 0, "empty"},
    {"- a\n", 1, "must be a map"},
    {"version: 2\nname: x\ntitle: X\nformat: json\n", 1, "'version'"},
    {"name: x\ntitle: X\nformat: json\n", 1, "'version' is missing"},
    {"version: 1\nname: X y\ntitle: X\nformat: json\n", 2, "'name'"},
    {"version: 1\nname: x\nformat: json\n", 1, "'title' is missing"},
    {"version: 1\nname: x\ntitle: X\nformat: xml\n", 4, "'format' is not known"},
    {HEAD "colour: red\n", 5, "unknown key 'colour'"},
    {HEAD "rank: -1\n", 5, "'rank'"},
    {HEAD "rank: high\n", 5, "whole number"},
    {HEAD "name: y\n", 0, "twice"},
    {HEAD "recognise: {present: [a]}\n", 5, "must be a list"},
    {HEAD "recognise:\n  - {present: [a], colour: red}\n", 6, "unknown key 'colour'"},
    {HEAD "recognise:\n  - {declared: true}\n", 6, "without a condition"},
    {HEAD "recognise:\n  - {equal: {a: {b: c}}}\n", 6, "'a' must be a value"},
    {HEAD "recognise:\n  - {present: ['']}\n", 6, "empty"},
    {HEAD "recognise:\n  - {present: [a, a]}\n", 6, "twice"},
    {HEAD "logsource: {service: [a]}\n", 5, "'service'"},
    {HEAD "logsource: {keys: {a: [x], b: [y], c: [z]}}\n", 5, "more than 2 keys"},
    {HEAD "logsource: {keys: {category: [x]}}\n", 5, "may not be named"},
    {HEAD "logsource:\n  keys: {a: [x]}\n  rows:\n    - {b: 1}\n", 8, "unknown key 'b'"},
    {HEAD "logsource:\n  keys: {a: [x]}\n  rows:\n    - {service-is: c, a: [1]}\n", 8,
     "'service-is'"},
    {HEAD "logsource:\n  keys: {a: [x]}\n  rows:\n    - {a: 1, switch: no}\n", 8, "'switch' names"},
    {HEAD "children:\n  - {text: a}\n", 6, "'at' is missing"},
    {HEAD "children:\n  - {at: a, after: true}\n", 6, "go together"},
    {HEAD "children:\n  - {at: a, attributes: b}\n", 6, "'attributes' needs"},
    {HEAD "children:\n  - {at: a, after: true, names: [b], deep: true}\n", 6, "does not go"},
    {HEAD "fields: [a]\n", 5, "must be a map"},
    {HEAD "fields: {a: []}\nfields: {b: c}\n", 0, "twice"},
    {HEAD "views:\n  - {fields: {a: b}}\n", 6, "'category' is missing"},
    {HEAD "entities: {planet: [a]}\n", 5, "unknown key 'planet'"},
    {HEAD "switches: {a: {on: maybe, text: t}}\n", 5, "true or false"},
    {HEAD "switches: {a: {on: true}}\n", 5, "'text' is missing"},
    {HEAD "also:\n  - {name: a, logsource: {product: p}}\n", 0, "'when' is missing"},
    {HEAD "also:\n  - {name: a, when: {b: 1}, logsource: {product: p}}\n", 6, "unknown key 'b'"},
    {HEAD "also:\n  - {name: a, when: {}, logsource: []}\n", 6, "1 to 16"},
    {HEAD "text: {patterns: [{match: '%{a'}]}\n", 5, "%{ without }"},
    {HEAD "text: {patterns: [{match: 'a', set: {b: [c, d]}}]}\n", 5, "one value each"},
    {HEAD "text: {patterns: [{program: [a]}]}\n", 5, "'match' is missing"},
    {HEAD "time: {a: b}\n", 5, "'time'"},
    {HEAD "title: &t X\n", 0, ""},
};

static int add_exact(struct sources *s, const char *text, struct err *e)
{
    size_t n = strlen(text);
    char *copy = mem_alloc(n);
    memcpy(copy, text, n);
    int rc = sources_add(s, SPAN("bad.yml"), span_make(copy, n), e);
    mem_free(copy);
    return rc;
}

static void test_bad_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct sources *s = sources_new();
        struct err e = {0};
        int rc = add_exact(s, bad[i].text, &e);
        if (rc == 0 || strstr(e.text, bad[i].says) == NULL ||
            (bad[i].line != 0 && e.line != bad[i].line) || strcmp(e.where, "bad.yml") != 0) {
            print_error("%s\n→ %d %s:%u: %s\n", bad[i].text, rc, e.where, e.line, e.text);
            fail();
        }
        assert_int_equal(sources_count(s), 0);
        /* the set is still of use */
        assert_int_equal(add_exact(s, HEAD, &e), 0);
        assert_int_equal(sources_count(s), 1);
        assert_int_equal(add_exact(s, HEAD, &e), ERR_INVALID);
        assert_non_null(strstr(e.text, "taken"));
        sources_free(&s);
        assert_null(s);
    }
}

static void test_order(void **state)
{
    (void)state;
    struct sources *s = sources_new();
    assert_int_equal(add_exact(s, "version: 1\nname: b\ntitle: B\nformat: json\n", NULL), 0);
    assert_int_equal(add_exact(s, "version: 1\nname: a\ntitle: A\nformat: json\n", NULL), 0);
    assert_int_equal(add_exact(s, "version: 1\nname: c\ntitle: C\nformat: json\nrank: 1\n", NULL),
                     0);
    assert_int_equal(sources_count(s), 3);
    assert_true(span_eq(sources_name(s, 0), SPAN("c")));
    assert_true(span_eq(sources_name(s, 1), SPAN("a")));
    assert_true(span_eq(sources_name(s, 2), SPAN("b")));
    sources_free(&s);
}

static void test_missing_like(void **state)
{
    (void)state;
    static const char *const files[] = {HEAD "logsource: {like: nobody}\n",
                                        HEAD "text: {like: nobody}\n"};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        struct sources *s = sources_new();
        struct arena region;
        struct err e = {0};
        const struct catalog *c = NULL;
        arena_init(&region, 0);
        assert_int_equal(add_exact(s, files[i], &e), 0);
        assert_int_equal(sources_compile(s, NULL, 0, NULL, 0, &region, &c, &e), ERR_INVALID);
        assert_non_null(strstr(e.text, "nobody"));
        arena_fini(&region);
        sources_free(&s);
    }
}

static void test_switches(void **state)
{
    (void)state;
    struct norm_kit k;
    struct err e = {0};
    norm_kit_load(&k, SOURCES_DIR);
    assert_int_equal(sources_switch(k.sources, SPAN("windows.audit-4688"), false, &e), 0);
    assert_int_equal(sources_switch(k.sources, SPAN("windows.audit-4657"), true, &e), 0);
    assert_int_equal(sources_switch(k.sources, SPAN("windows.nothing"), true, &e), ERR_NOT_FOUND);
    assert_non_null(strstr(e.text, "windows.audit-4657"));
    assert_int_equal(sources_switch(k.sources, SPAN("nothing"), true, &e), ERR_NOT_FOUND);
    const struct span fields[] = {SPAN("Image"), SPAN("TargetObject"), SPAN("Details")};
    norm_kit_compile(&k, fields, 3, NULL, 0);
    assert_int_equal(
        norm_kit_feed(
            &k, SPAN("{\"Channel\":\"Security\",\"EventID\":4688,\"NewProcessName\":\"a\"}"), &e),
        NORMALISE_EVENT);
    assert_false(norm_kit_use(&k, "windows/process_creation-4688"));
    assert_int_equal(
        norm_kit_feed(&k,
                      SPAN("{\"Channel\":\"Security\",\"EventID\":4657,\"ProcessName\":\"p.exe\","
                           "\"ObjectName\":\"\\\\REGISTRY\\\\MACHINE\\\\SOFTWARE\","
                           "\"ObjectValueName\":\"Run\","
                           "\"NewValue\":\"x\"}"),
                      &e),
        NORMALISE_EVENT);
    assert_string_equal(norm_kit_class(&k), "windows/security");
    assert_null(norm_kit_value(&k, "TargetObject"));
    assert_true(norm_kit_use(&k, "windows/registry_event-4657"));
    assert_string_equal(norm_kit_value(&k, "TargetObject"), "HKLM\\SOFTWARE\\Run");
    assert_string_equal(norm_kit_value(&k, "Image"), "p.exe");
    assert_string_equal(norm_kit_value(&k, "Details"), "x");
    norm_kit_free(&k);
}

static void test_audit_hex(void **state)
{
    (void)state;
    static const char line[] =
        "type=PROCTITLE msg=audit(1.1:1): proctitle=6C73002D6C a0=\"6C73\" a1=6c7 a2=6C7Z";
    for (int on = 0; on < 2; on++) {
        struct norm_kit k;
        struct err e = {0};
        const struct span fields[] = {SPAN("proctitle"), SPAN("a0"), SPAN("a1"), SPAN("a2")};
        norm_kit_load(&k, SOURCES_DIR);
        assert_int_equal(sources_switch(k.sources, SPAN("auditd.decode-hex"), on == 1, &e), 0);
        norm_kit_compile(&k, fields, 4, NULL, 0);
        k.stream.format = FORMAT_AUDITD;
        assert_int_equal(norm_kit_feed(&k, span_of(line), &e), NORMALISE_EVENT);
        assert_string_equal(norm_kit_value(&k, "proctitle"), on == 1 ? "ls -l" : "6C73002D6C");
        assert_string_equal(norm_kit_value(&k, "a0"), "6C73");
        assert_string_equal(norm_kit_value(&k, "a1"), "6c7");
        assert_string_equal(norm_kit_value(&k, "a2"), "6C7Z");
        norm_kit_free(&k);
    }
}

/* The compiled catalog keeps its promises to the planner. */
static void test_catalog(void **state)
{
    (void)state;
    struct norm_kit k;
    const struct span fields[] = {SPAN("z"), SPAN("a.b.c"), SPAN("Threat Name"), SPAN("ThreatName"),
                                  SPAN("")};
    const struct declared_source declared[] = {
        {FORMAT_JSON, {SPAN(""), SPAN(""), SPAN("")}},
        {FORMAT_TEXT, {SPAN("linux"), SPAN(""), SPAN("auth")}},
    };
    norm_kit_load(&k, SOURCES_DIR);
    norm_kit_compile(&k, fields, 5, declared, 2);
    const struct catalog *c = k.catalog;
    for (uint32_t i = 1; i < c->nfields; i++) {
        struct span a = c->fields[i - 1];
        struct span b = c->fields[i];
        int d = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
        assert_true(d < 0 || (d == 0 && a.len < b.len));
        assert_int_equal(catalog_field(c, b), i);
    }
    for (uint32_t v = 0; v < c->nviews; v++) {
        for (uint32_t f = 0; f < c->nfields; f++) {
            assert_true(c->views[v].start[f] <= c->views[v].start[f + 1]);
            for (uint32_t i = c->views[v].start[f]; i < c->views[v].start[f + 1]; i++) {
                assert_true(c->views[v].nodes[i] < keytable_nodes(c->keys));
            }
        }
    }
    for (uint32_t i = 0; i < c->nclasses; i++) {
        assert_true(c->classes[i].nsources > 0);
        assert_true(c->classes[i].also == CLASS_NONE || c->classes[i].also < c->nclasses);
        assert_true(c->classes[i].view >= c->views && c->classes[i].view < c->views + c->nviews);
        uint32_t steps = 0;
        for (class_id at = i; at != CLASS_NONE; at = c->classes[at].also) {
            assert_true(++steps < 8);
        }
    }
    assert_true(catalog_declared_class(c, 0) < c->nclasses);
    const struct event_class *auth = &c->classes[catalog_declared_class(c, 1)];
    assert_true(span_eq(auth->sources[0].service, SPAN("auth")));
    norm_kit_free(&k);
}

static void test_formats(void **state)
{
    (void)state;
    enum source_format f = FORMAT_COUNT;
    static const char *const words[] = {"json", "text",     "web",    "auditd",
                                        "zeek", "zeekjson", "syslog", "journald", "evtx"};
    assert_int_equal(ARRAY_LEN(words), FORMAT_COUNT);
    for (int i = 0; i < FORMAT_COUNT; i++) {
        assert_true(source_format_parse(span_of(words[i]), &f));
        assert_int_equal(f, i);
    }
    assert_false(source_format_parse(SPAN("evt"), &f));
    assert_false(source_format_parse(SPAN("JSON"), &f));
    assert_false(source_format_parse(SPAN(""), &f));
}

/* A stream may say which source it is; a name that is not loaded recognises nothing. */
static void test_forced(void **state)
{
    (void)state;
    struct norm_kit k;
    struct err e = {0};
    norm_kit_load(&k, SOURCES_DIR);
    norm_kit_compile(&k, NULL, 0, NULL, 0);
    k.stream.source = SPAN("okta");
    assert_int_equal(norm_kit_feed(&k, SPAN("{\"x\":1}"), &e), NORMALISE_EVENT);
    assert_true(norm_kit_has(&k, "okta", "", "okta"));
    k.stream.source = SPAN("nobody");
    assert_int_equal(norm_kit_feed(&k, SPAN("{\"x\":1}"), &e), NORMALISE_EVENT);
    assert_true(norm_kit_has(&k, "", "", ""));
    norm_kit_free(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bad_files), cmocka_unit_test(test_forced),
        cmocka_unit_test(test_order),     cmocka_unit_test(test_missing_like),
        cmocka_unit_test(test_switches),  cmocka_unit_test(test_audit_hex),
        cmocka_unit_test(test_catalog),   cmocka_unit_test(test_formats),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
