/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of networks: which are read, what they hold, which addresses are public. */
#include "os/net_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct sockaddr *address(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, text, &in.sin_addr) == 1) {
        memcpy(out, &in, sizeof in);
    } else {
        assert_int_equal(inet_pton(AF_INET6, text, &in6.sin6_addr), 1);
        memcpy(out, &in6, sizeof in6);
    }
    return (const struct sockaddr *)out;
}

static void reading(void **state)
{
    (void)state;
    static const char *const good[] = {"10.0.0.0/8", "0.0.0.0/0", "127.0.0.1", "192.168.4.4/32",
                                       "fd00::/8",   "::1",       "::/0",      "2001:db8::/32"};
    static const char *const bad[] = {"",           "/",           "10.0.0.0/",   "10.0.0.0/33",
                                      "10.0.0.1/8", "fd00::/129",  "fd00::1/8",   "10.0.0/8",
                                      "hub.example", "10.0.0.0/8 ", "10.0.0.0/-1", "10.0.0.0/8/8"};
    struct net_range r;
    struct err e;
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_int_equal(net_range_parse(span_of(good[i]), &r, &e), 0);
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_int_equal(net_range_parse(span_of(bad[i]), &r, &e), ERR_INVALID);
    }
    assert_int_equal(net_range_parse(SPAN("10.0.0.0\0/8"), &r, &e), ERR_INVALID);
}

static void holding(void **state)
{
    (void)state;
    static const struct {
        const char *range, *in, *out;
    } cases[] = {
        {"10.0.0.0/8", "10.255.3.4", "11.0.0.0"},     {"10.99.1.0/30", "10.99.1.3", "10.99.1.4"},
        {"0.0.0.0/0", "203.0.113.9", "::1"},          {"127.0.0.1", "127.0.0.1", "127.0.0.2"},
        {"fd00::/8", "fdff::1", "fe00::1"},           {"::1", "::1", "::2"},
        {"10.0.0.0/8", "::ffff:10.1.1.1", "::10.1.1.1"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct net_range r;
        struct sockaddr_storage a;
        assert_int_equal(net_range_parse(span_of(cases[i].range), &r, NULL), 0);
        assert_true(net_range_holds(&r, address(cases[i].in, &a)));
        assert_false(net_range_holds(&r, address(cases[i].out, &a)));
    }
}

static void public_addresses(void **state)
{
    (void)state;
    static const char *const yes[] = {"9.9.9.9", "8.8.8.8", "172.32.0.1", "2606:4700::1", "2a01::1",
                                      "64:ff9b::808:808", "2002:808:808::1", "::ffff:8.8.4.4"};
    static const char *const no[] = {
        "127.0.0.1",       "10.0.0.1",    "172.16.0.1", "172.31.255.255",  "192.168.1.1",
        "169.254.169.254", "100.64.0.1",  "0.0.0.0",    "224.0.0.1",       "255.255.255.255",
        "192.0.2.5",       "198.18.0.1",  "::1",        "::",              "fe80::1",
        "fd00:ec2::254",   "fc00::1",     "ff02::1",    "::ffff:10.0.0.1", "::ffff:169.254.169.254",
        "::10.0.0.1",      "2001:db8::1", "64:ff9b::a9fe:a9fe", "2002:a00:1::1", "2002:7f00:1::"};
    struct sockaddr_storage a;
    for (size_t i = 0; i < ARRAY_LEN(yes); i++) {
        if (!net_is_public(address(yes[i], &a))) {
            fail_msg("%s is public", yes[i]);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(no); i++) {
        if (net_is_public(address(no[i], &a))) {
            fail_msg("%s is not public", no[i]);
        }
    }
    memset(&a, 0, sizeof a);
    a.ss_family = AF_UNIX;
    assert_false(net_is_public((const struct sockaddr *)&a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(reading), cmocka_unit_test(holding),
                                       cmocka_unit_test(public_addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
