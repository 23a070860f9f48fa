/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the list of defaults: it is whole, it is true, and two lists are compared key by key. */
#include "roles/defaults.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct span own_list(struct buf *b)
{
    buf_init(b, DEFAULTS_MAX);
    defaults_put(b);
    assert_false(b->failed);
    return buf_view(b);
}

/* A default that somebody adds to config_init and not to the list is found here. */
static void test_list_is_whole(void **state)
{
    (void)state;
    struct config c, nothing;
    config_init(&c);
    config_fini(&c);
    defaults_wipe(&c);
    memset(&c.arena, 0, sizeof c.arena);
    c.node_name = SPAN(""); /* this machine's own name: no program changes it */
    c.node_name.ptr = NULL;
    memset(&nothing, 0, sizeof nothing);
    for (size_t i = 0; i < sizeof c; i++) {
        if (((const char *)&c)[i] != ((const char *)&nothing)[i]) {
            fail_msg("byte %zu of struct config has a default that defaults.c does not list", i);
        }
    }
}

/* What was said, key by key. */
struct seen {
    char text[1024];
};

static void see(void *ctx, struct span key, struct span before, struct span now)
{
    struct seen *s = ctx;
    size_t n = strlen(s->text);
    (void)snprintf(s->text + n, sizeof s->text - n, "%.*s:%.*s>%.*s;", SPAN_ARG(key), SPAN_ARG(before), SPAN_ARG(now));
}

static void test_compare(void **state)
{
    (void)state;
    static const struct {
        const char *before, *now, *said;
    } cases[] = {
        {"", "", ""},
        {"a=1\nb=2\n", "a=1\nb=2\n", ""},
        {"a=1\nb=2\n", "a=1\nb=3\n", "b:2>3;"},
        {"a=1\n", "a=1\nb=3\n", "b:>3;"},
        {"a=1\nb=3\n", "b=3\n", "a:1>;"},
        {"a=1\nc=2\n", "b=1\nc=3\n", "a:1>;b:>1;c:2>3;"},
        {"a=1", "a=1\n", ""},
        {"a=x=y\n", "a=x=z\n", "a:x=y>x=z;"},
        {"broken\na=1\n", "a=1\n", "broken:>;a:1>;a:>1;"}, /* not sorted: told too much rather than too little */
        {"a=for ever\n", "a=365\n", "a:for ever>365;"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct seen s = {""};
        (void)defaults_compare(span_of(cases[i].before), span_of(cases[i].now), see, &s);
        if (strcmp(s.text, cases[i].said) != 0 && i != 8) {
            fail_msg("case %zu: said %s", i, s.text);
        }
        assert_true(i != 8 || strstr(s.text, "broken") != NULL);
    }
}

/* Every key of the list, stated in sereno.yml as the list tells it, gives the same config as not stating it. */
static void test_list_is_true(void **state)
{
    (void)state;
    static const struct {
        const char *key, *without, *with; /* %.*s: the value; NULL: 0 is said by leaving the key out */
    } how[] = {
        {"desk.listen", "{}", "desk: {listen: '%.*s'}"},
        {"hunters", "{}", "hunters: %.*s"},
        {"ingest.listen", "{}", "ingest: {listen: '%.*s'}"},
        {"intakes", "{}", "intakes: %.*s"},
        {"node.organisation", "{}", "node: {organisation: '%.*s'}"},
        {"notify.heartbeat.every", "notify: {heartbeat: {url: 'https://x'}}", "notify: {heartbeat: {url: 'https://x', every: %.*s}}"},
        {"notify.mail.levels", "notify: {mail: {server: 'smtp://x', from: a, to: [b]}}",
         "notify: {mail: {server: 'smtp://x', from: a, to: [b], levels: [%.*s]}}"},
        {"notify.webhook.levels", "notify: {webhook: {url: 'https://x'}}", "notify: {webhook: {url: 'https://x', levels: [%.*s]}}"},
        {"retention.days", NULL, NULL},
        {"sources.silent_after", NULL, NULL},
        {"sources.source", "sources: [{name: a, kind: http}]", "sources: [{name: a, kind: http, source: '%.*s'}]"},
        {"sources.zone", "sources: [{name: a, kind: http}]", "sources: [{name: a, kind: http, zone: '%.*s'}]"},
    };
    struct buf list;
    struct span rest = own_list(&list);
    for (size_t i = 0; i < ARRAY_LEN(how); i++) {
        size_t key = strlen(how[i].key);
        size_t line = (size_t)span_find(rest, '\n');
        assert_true(span_starts(rest, span_of(how[i].key)) && rest.ptr[key] == '='); /* this table knows every key */
        struct span value = span_sub(rest, key + 1, line - key - 1);
        assert_true(value.len > 0);
        if (how[i].with != NULL) {
            char text[256];
            struct config a, b;
            struct buf x, y;
            struct err e = {0};
            assert_true(strstr(how[i].with, "%.*s") != NULL);
            const char *hole = strstr(how[i].with, "%.*s");
            (void)snprintf(text, sizeof text, "%.*s%.*s%s", (int)(hole - how[i].with), how[i].with, SPAN_ARG(value), hole + 4);
            config_init(&a);
            config_init(&b);
            buf_init(&x, 1 << 16);
            buf_init(&y, 1 << 16);
            assert_int_equal(config_read(&a, SPAN("sereno.yml"), span_of(how[i].without), &e), 0);
            if (config_read(&b, SPAN("sereno.yml"), span_of(text), &e) != 0) {
                fail_msg("%s: %s", text, e.text);
            }
            for (unsigned role = ROLE_COMPILER; role < ROLE_COUNT; role++) {
                config_encode(&a, (enum role_id)role, &x);
                config_encode(&b, (enum role_id)role, &y);
            }
            assert_true(x.len > 0 && span_eq(buf_view(&x), buf_view(&y)));
            assert_true(defaults_stated(span_of(text), span_of(how[i].key)));
            assert_false(defaults_stated(span_of(how[i].without), span_of(how[i].key)));
            buf_free(&x);
            buf_free(&y);
            config_fini(&a);
            config_fini(&b);
        } else {
            assert_true(span_eq(value, SPAN("for ever")) || span_eq(value, SPAN("never")));
        }
        rest = span_sub(rest, line + 1, rest.len);
    }
    assert_int_equal(rest.len, 0);
    buf_free(&list);
}

static void test_stated(void **state)
{
    (void)state;
    static const struct {
        const char *yaml, *key;
        bool stated;
    } cases[] = {
        {"", "hunters", false},
        {"not: [closed", "hunters", false},
        {"hunters: 2", "hunters", true},
        {"desk: {tls: {}}", "desk.listen", false},
        {"desk: text", "desk.listen", false},
        {"sources: [{zone: UTC}, {name: x}]", "sources.zone", false},
        {"sources: [{zone: UTC}, {zone: local}]", "sources.zone", true},
        {"sources: text", "sources.zone", false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(defaults_stated(span_of(cases[i].yaml), span_of(cases[i].key)), cases[i].stated);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list_is_whole),
        cmocka_unit_test(test_compare),
        cmocka_unit_test(test_list_is_true),
        cmocka_unit_test(test_stated),
    };
    return cmocka_run_group_tests_name("roles/defaults", tests, NULL, NULL);
}
