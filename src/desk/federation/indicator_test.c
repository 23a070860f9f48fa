/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of indicators: one form, and nothing private passes for one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/mem.h"
#include "desk/federation/indicator.h"

struct row {
    enum fed_indicator_type type;
    const char *text;
    const char *form; /* NULL = no indicator */
};

static const struct row rows[] = {
    {FED_INDICATOR_IP, "8.8.8.8", "8.8.8.8"},
    {FED_INDICATOR_IP, "::ffff:8.8.4.4", "8.8.4.4"},
    {FED_INDICATOR_IP, "2A00:1450:4003:0800:0000:0000:0000:200E", "2a00:1450:4003:800::200e"},
    {FED_INDICATOR_IP, "10.1.2.3", NULL},
    {FED_INDICATOR_IP, "172.16.0.1", NULL},
    {FED_INDICATOR_IP, "172.32.0.1", "172.32.0.1"},
    {FED_INDICATOR_IP, "192.168.1.1", NULL},
    {FED_INDICATOR_IP, "100.64.0.1", NULL},
    {FED_INDICATOR_IP, "100.128.0.1", "100.128.0.1"},
    {FED_INDICATOR_IP, "127.0.0.66", NULL},
    {FED_INDICATOR_IP, "169.254.1.1", NULL},
    {FED_INDICATOR_IP, "192.0.2.1", NULL},
    {FED_INDICATOR_IP, "198.51.100.7", NULL},
    {FED_INDICATOR_IP, "203.0.113.9", NULL},
    {FED_INDICATOR_IP, "198.19.255.255", NULL},
    {FED_INDICATOR_IP, "224.0.0.1", NULL},
    {FED_INDICATOR_IP, "255.255.255.255", NULL},
    {FED_INDICATOR_IP, "0.1.2.3", NULL},
    {FED_INDICATOR_IP, "::1", NULL},
    {FED_INDICATOR_IP, "fe80::1", NULL},
    {FED_INDICATOR_IP, "fd00::1", NULL},
    {FED_INDICATOR_IP, "2001:db8::1", NULL},
    {FED_INDICATOR_IP, "2001:0:1::1", NULL},
    {FED_INDICATOR_IP, "2002:0a00:0001::1", NULL},
    {FED_INDICATOR_IP, "::ffff:10.0.0.1", NULL},
    {FED_INDICATOR_IP, "8.8.8", NULL},
    {FED_INDICATOR_IP, "8.8.8.8 ", NULL},
    {FED_INDICATOR_IP, "", NULL},
    {FED_INDICATOR_DOMAIN, "Evil.Example.COM.", "evil.example.com"},
    {FED_INDICATOR_DOMAIN, "xn--bcher-kva.de", "xn--bcher-kva.de"},
    {FED_INDICATOR_DOMAIN, "_dmarc.evil.net", "_dmarc.evil.net"},
    {FED_INDICATOR_DOMAIN, "b\303\274cher.de", NULL},
    {FED_INDICATOR_DOMAIN, "fileserver", NULL},
    {FED_INDICATOR_DOMAIN, "fileserver.local", NULL},
    {FED_INDICATOR_DOMAIN, "pc7.town.internal", NULL},
    {FED_INDICATOR_DOMAIN, "1.168.192.in-addr.arpa", NULL},
    {FED_INDICATOR_DOMAIN, "8.8.8.8", NULL},
    {FED_INDICATOR_DOMAIN, "a..b.com", NULL},
    {FED_INDICATOR_DOMAIN, "-a.com", NULL},
    {FED_INDICATOR_DOMAIN, ".", NULL},
    {FED_INDICATOR_DOMAIN, "", NULL},
    {FED_INDICATOR_MD5, "D41D8CD98F00B204E9800998ECF8427E", "d41d8cd98f00b204e9800998ecf8427e"},
    {FED_INDICATOR_MD5, "d41d8cd98f00b204e9800998ecf8427", NULL},
    {FED_INDICATOR_MD5, "00000000000000000000000000000000", NULL},
    {FED_INDICATOR_MD5, "g41d8cd98f00b204e9800998ecf8427e", NULL},
    {FED_INDICATOR_SHA1, "da39a3ee5e6b4b0d3255bfef95601890afd80709",
     "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
    {FED_INDICATOR_URL, "HTTP://anna:secret@Evil.example.com:8080/a/b?token=anna#x",
     "http://evil.example.com:8080/a/b"},
    {FED_INDICATOR_URL, "https://evil.net", "https://evil.net"},
    {FED_INDICATOR_URL, "https://evil.net@10.0.0.1/x", NULL},
    {FED_INDICATOR_URL, "http://10.0.0.1/x", NULL},
    {FED_INDICATOR_URL, "http://8.8.8.8/x", "http://8.8.8.8/x"},
    {FED_INDICATOR_URL, "http://intranet/x", NULL},
    {FED_INDICATOR_URL, "/etc/passwd", NULL},
    {FED_INDICATOR_URL, "http://evil.net/a b", NULL},
    {FED_INDICATOR_URL, "http://evil.net:0/", NULL},
    {FED_INDICATOR_URL, "ftp://evil.net/", NULL},
};

/* In a heap buffer of just its size, so that a look beyond the end shows. */
static void one_form(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct fed_indicator in;
        size_t len = strlen(rows[i].text);
        char *exact = mem_alloc(len == 0 ? 1 : len);
        memcpy(exact, rows[i].text, len);
        bool got = fed_indicator_read(rows[i].type, span_make(exact, len), &a, &in);
        mem_free(exact);
        if (got != (rows[i].form != NULL) ||
            (got && !span_eq(in.value, span_of(rows[i].form)))) {
            fail_msg("%s gives %.*s", rows[i].text, got ? (int)in.value.len : 4,
                     got ? in.value.ptr : "none");
        }
        if (got) { /* the one form is its own form */
            struct fed_indicator again;
            assert_true(fed_indicator_read(rows[i].type, in.value, &a, &again));
            assert_true(span_eq(again.value, in.value));
        }
    }
    arena_fini(&a);
}

static void names_are_words(void **state)
{
    (void)state;
    for (int i = 0; i < FED_INDICATOR_TYPES; i++) {
        enum fed_indicator_type t;
        const char *name = fed_indicator_type_name((enum fed_indicator_type)i);
        assert_true(fed_indicator_type_parse(span_of(name), &t));
        assert_int_equal(t, i);
    }
    enum fed_indicator_type t;
    assert_false(fed_indicator_type_parse(SPAN("IP"), &t));
}

static void own_lists(void **state)
{
    (void)state;
    const struct span domains[] = {SPAN("town.example"), SPAN(".city.es"), SPAN("")};
    const struct span nets[] = {SPAN("nonsense"), SPAN("195.1.2.0/24"), SPAN("2a00:1::/32"),
                                SPAN("8.8.8.8"), SPAN("9.0.0.0/33")};
    assert_true(fed_indicator_domain_below(SPAN("www.town.example"), domains, 3));
    assert_true(fed_indicator_domain_below(SPAN("CITY.ES"), domains, 3));
    assert_false(fed_indicator_domain_below(SPAN("evilcity.es"), domains, 3));
    assert_true(fed_indicator_ip_within(SPAN("195.1.2.255"), nets, 5));
    assert_false(fed_indicator_ip_within(SPAN("195.1.3.0"), nets, 5));
    assert_true(fed_indicator_ip_within(SPAN("2a00:1:2::3"), nets, 5));
    assert_true(fed_indicator_ip_within(SPAN("8.8.8.8"), nets, 5));
    assert_false(fed_indicator_ip_within(SPAN("9.0.0.1"), nets, 5));
    assert_false(fed_indicator_network_valid(SPAN("1.2.3.4/")));
    assert_true(fed_indicator_network_valid(SPAN("1.2.3.4/0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_form),
        cmocka_unit_test(names_are_words),
        cmocka_unit_test(own_lists),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
