/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of addresses and of opening sockets. */
#include "os/listen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/mem.h"

static void test_addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int port; /* -1 = refused */
        bool loopback;
    } cases[] = {
        {"127.0.0.1:8600", 8600, true},
        {"127.9.8.7:1", 1, true},
        {"0.0.0.0:514", 514, false},
        {"192.0.2.7:65535", 65535, false},
        {"[::1]:8600", 8600, true},
        {"[::]:0", 0, false},
        {"[2001:db8::5]:99", 99, false},
        {"[::ffff:127.0.0.1]:99", 99, false},
        {"", -1, false},
        {":", -1, false},
        {"127.0.0.1", -1, false},
        {"127.0.0.1:", -1, false},
        {"127.0.0.1:65536", -1, false},
        {"127.0.0.1:-1", -1, false},
        {"127.0.0.1: 80", -1, false},
        {"127.0.0.1:80x", -1, false},
        {"127.0.0.01:80", -1, false},
        {"127.1:80", -1, false},
        {"::1:80", -1, false},
        {"[::1]", -1, false},
        {"[::1:80", -1, false},
        {"[127.0.0.1]:80", -1, false},
        {"[]:80", -1, false},
        {"localhost:80", -1, false},
        {"[::1%lo]:80", -1, false},
        {"127.0.0.1:99999999999999999999", -1, false},
        {"1111:1111:1111:1111:1111:1111:1111:1111:1111:1111:80", -1, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = strlen(cases[i].text);
        char *exact = mem_alloc(n);
        memcpy(exact, cases[i].text, n);
        struct listen_address a;
        struct err e;
        memset(&e, 0, sizeof e);
        int rc = listen_parse(span_make(exact, n), &a, &e);
        mem_free(exact);
        if (rc != (cases[i].port < 0 ? ERR_INVALID : 0)) {
            fail_msg("%s: %d", cases[i].text, rc);
        }
        if (rc == 0) {
            assert_int_equal(listen_port(&a), cases[i].port);
            assert_int_equal(listen_is_loopback(&a), cases[i].loopback);
        } else {
            assert_non_null(strstr(e.text, "no address:port"));
        }
    }
}

static void test_open(void **state)
{
    (void)state;
    static const char *const texts[] = {"127.0.0.1:0", "[::1]:0"};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        struct listen_address a;
        struct err e;
        int fd = -1, second = -1;
        char text[LISTEN_TEXT_MAX];
        assert_int_equal(listen_parse(span_of(texts[i]), &a, &e), 0);
        if (listen_tcp(&a, 1, &fd, &e) != 0 && a.addr.ss_family == AF_INET6) {
            print_message("no IPv6 on this machine: %s\n", e.text);
            continue;
        }
        assert_true(fd >= 0);
        assert_int_equal(listen_parse(span_of(listen_format(fd, text)), &a, &e), 0);
        assert_int_not_equal(listen_port(&a), 0);
        assert_int_equal(listen_tcp(&a, 1, &second, &e), ERR_IO); /* taken, and the message helps */
        assert_non_null(strstr(e.text, "another program has this port"));
        assert_int_equal(listen_udp(&a, 1, &second, &e), 0); /* UDP has its own ports */
        int on = 0;
        socklen_t len = sizeof on;
        assert_int_equal(getsockopt(second, SOL_SOCKET, SO_RXQ_OVFL, &on, &len), 0);
        assert_int_equal(on, 1);
        (void)close(fd);
        (void)close(second);
    }
}

/* A process that is ending still has the port: it is waited for. */
static void test_port_let_go_of(void **state)
{
    (void)state;
    struct listen_address a;
    struct err e;
    int fd = -1, second = -1;
    char text[LISTEN_TEXT_MAX];
    assert_int_equal(listen_parse(SPAN("127.0.0.1:0"), &a, &e), 0);
    assert_int_equal(listen_tcp(&a, 1, &fd, &e), 0);
    assert_int_equal(listen_parse(span_of(listen_format(fd, text)), &a, &e), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const struct timespec while_dying = {.tv_nsec = 100000000};
        (void)nanosleep(&while_dying, NULL);
        _exit(0);
    }
    (void)close(fd);
    assert_int_equal(listen_tcp(&a, 1, &second, &e), 0);
    assert_int_equal(waitpid(child, NULL, 0), child);
    (void)close(second);
}

/* Several sockets on one address: each sender's datagrams come to one of them, nobody else may
 * join. */
static void test_shared_udp(void **state)
{
    (void)state;
    enum { SHARES = 3, SENDERS = 60 };
    struct listen_address a;
    struct err e;
    int fds[SHARES];
    int other = -1;
    char text[LISTEN_TEXT_MAX];
    int got[SHARES] = {0};
    assert_int_equal(listen_parse(SPAN("127.0.0.1:0"), &a, &e), 0);
    assert_int_equal(listen_udp(&a, SHARES, fds, &e), 0);
    assert_int_equal(listen_parse(span_of(listen_format(fds[2], text)), &a, &e), 0);
    assert_int_equal(listen_udp(&a, 1, &other, &e), ERR_IO);
    int more[SHARES];
    assert_int_equal(listen_udp(&a, SHARES, more, &e), ERR_IO);
    for (int i = 0; i < SENDERS; i++) {
        int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        for (int k = 0; k < 2; k++) {
            assert_int_equal(sendto(s, "x", 1, 0, (struct sockaddr *)&a.addr, a.len), 1);
        }
        (void)close(s);
    }
    for (int i = 0; i < SHARES; i++) { /* loopback: what was sent is there */
        char byte;
        while (recv(fds[i], &byte, 1, 0) == 1) {
            got[i]++;
        }
        assert_int_equal(got[i] % 2, 0);
        (void)close(fds[i]);
    }
    assert_int_equal(got[0] + got[1] + got[2], 2 * SENDERS);
    assert_true(got[0] > 0 && got[1] > 0 && got[2] > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_addresses), cmocka_unit_test(test_open),
        cmocka_unit_test(test_port_let_go_of), cmocka_unit_test(test_shared_udp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
