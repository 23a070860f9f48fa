/* SPDX-License-Identifier: EUPL-1.2 */
/* The HTTP receiver over real sockets: what is answered, and that whoever is answered early can read it. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "flow/receive/http.h"
#include "os/linger.h"
#include "flow/receive/receive_kit.h"

struct http_fixture {
    struct seen seen;
    bool busy;
    unsigned unknown;
};

static bool is_busy(void *ctx, uint32_t source)
{
    (void)source;
    return ((struct http_fixture *)ctx)->busy;
}

static uint64_t window_now(void *ctx)
{
    (void)ctx;
    return 42;
}

static void count_unknown(void *ctx)
{
    ((struct http_fixture *)ctx)->unknown++;
}

/* Sends one request, runs the loop until the answer is complete (the server closes), returns the
 * answer. */
static const char *ask(uv_loop_t *loop, struct http_receiver *h, const struct sockaddr_in *address,
                       struct span request)
{
    static char reply[8192];
    size_t n = 0;
    int fd = connect_to(SOCK_STREAM, address);
    send_all(fd, request);
    for (;;) {
        ssize_t got = recv(fd, reply + n, sizeof reply - 1 - n, MSG_DONTWAIT);
        if (got == 0 || (got < 0 && errno != EAGAIN)) {
            break;
        }
        n += got > 0 ? (size_t)got : 0;
        if (got < 0) {
            (void)uv_run(loop, UV_RUN_NOWAIT);
            if (http_receiver_waiting(h) > 0) {
                assert_int_equal(n, 0); /* nothing is said before the window is kept */
                http_receiver_kept(h, 41);
                assert_int_equal(http_receiver_waiting(h), 1);
                http_receiver_kept(h, 42);
            }
        }
    }
    reply[n] = '\0';
    (void)close(fd);
    return reply;
}

#define HEAD                                                                                       \
    "POST /ingest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer alpha\r\n"

static const struct {
    const char *request;
    const char *want; /* start of the answer */
    const char *holds;
} http_rows[] = {
    {HEAD "Content-Length: 17\r\n\r\n{\"a\":1}\n{\"b\":2}\n\n", "HTTP/1.1 200",
     "{\"kept\":2,\"bad\":0}"},
    {HEAD "Transfer-Encoding: chunked\r\n\r\n9\r\n[{\"a\":1},\r\n3\r\n{}]\r\n0\r\n\r\n",
     "HTTP/1.1 200", "{\"kept\":2,\"bad\":0}"},
    {HEAD "Content-Length: 0\r\n\r\n", "HTTP/1.1 200", "{\"kept\":0,\"bad\":0}"},
    {"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 200", "ok"},
    {"POST /ingest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
     "HTTP/1.1 401", "WWW-Authenticate"},
    {"POST /ingest HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer "
     "no\r\nContent-Length: 2\r\n\r\n{}",
     "HTTP/1.1 401", "error"},
    {HEAD "Content-Length: 99999999\r\n\r\n", "HTTP/1.1 413", "larger"},
    {HEAD "Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400", ""},
    {HEAD "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "HTTP/1.1 400", ""},
    {HEAD "Host: y\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400", ""},
    {HEAD "Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 415", "gzip"},
    {HEAD "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", "HTTP/1.1 400", ""},
    {"GET /ingest HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 405", "Allow: POST"},
    {"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", "HTTP/1.1 404", "healthz"},
};

static void test_http(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct sockaddr_in address;
    struct http_fixture fixture = {0};
    struct receive_sink sink = sink_of(&fixture.seen);
    struct tokens tokens = {0};
    struct http_receiver *h;
    struct err e;
    add_token(&tokens, "alpha", 4);
    MUST(uv_loop_init(&loop));
    struct http_config config = {.fd = bound_socket(SOCK_STREAM, &address),
                                 .sink = &sink,
                                 .tokens = &tokens,
                                 .ctx = &fixture,
                                 .busy = is_busy,
                                 .window = window_now,
                                 .unknown = count_unknown};
    assert_int_equal(http_receiver_new(&loop, &config, &h, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(http_rows); i++) {
        const char *reply = ask(&loop, h, &address, span_of(http_rows[i].request));
        if (!span_starts(span_of(reply), span_of(http_rows[i].want)) ||
            strstr(reply, http_rows[i].holds) == NULL) {
            fail_msg("row %zu: \"%s\"", i, reply);
        }
    }
    assert_int_equal(fixture.unknown, 2);
    assert_int_equal(fixture.seen.source, 4);
    assert_seen(&fixture.seen, "{\"a\":1}|{\"b\":2}|{\"a\":1}|{}|");
    fixture.busy = true;
    const char *reply = ask(&loop, h, &address, span_of(http_rows[0].request));
    assert_true(span_starts(span_of(reply), SPAN("HTTP/1.1 429")));
    assert_non_null(strstr(reply, "Retry-After: 2"));
    http_receiver_free(&h);
    drain_loop(&loop);
    tokens_free(&tokens);
    buf_free(&fixture.seen.text);
}

/* A client that sends all it has before it reads a byte, or until it is torn off; then reads. Returns the answer, or NULL
 * when the connection was reset. */
static const char *send_then_read(uv_loop_t *loop, const struct sockaddr_in *address, struct span head, size_t body,
                                  size_t *sent_out)
{
    static const char zeros[64 * 1024];
    static char reply[8192];
    size_t n = 0;
    int fd = connect_to(SOCK_STREAM, address);
    send_all(fd, head);
    *sent_out = 0;
    while (*sent_out < body) {
        size_t want = body - *sent_out < sizeof zeros ? body - *sent_out : sizeof zeros;
        ssize_t sent = send(fd, zeros, want, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN) {
            break;
        }
        *sent_out += sent > 0 ? (size_t)sent : 0;
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    for (ssize_t got = 1; got != 0; n += got > 0 ? (size_t)got : 0) {
        got = recv(fd, reply + n, sizeof reply - 1 - n, MSG_DONTWAIT);
        if (got < 0 && errno != EAGAIN) {
            (void)close(fd);
            return NULL;
        }
        (void)uv_run(loop, UV_RUN_NOWAIT);
    }
    reply[n] = '\0';
    (void)close(fd);
    return reply;
}

/* Who is refused before his body is read hears why, however long he sends; but not for ever. */
static void test_http_early_answer(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        size_t body;
        const char *want; /* start of the answer; NULL: torn off while it sends */
    } rows[] = {
        {HEAD "Content-Length: 16777216\r\n\r\n", 16 << 20, "HTTP/1.1 429"},
        {"POST /ingest HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n", 16 << 20, "HTTP/1.1 401"},
        {"GET /other HTTP/1.1\r\nHost: x\r\nContent-Length: 16777216\r\n\r\n", 16 << 20, "HTTP/1.1 404"},
        {HEAD "Transfer-Encoding: chunked\r\n\r\n1000000\r\n", 16 << 20, "HTTP/1.1 429"},
        {HEAD "Content-Length: 50331648\r\n\r\n", 48 << 20, "HTTP/1.1 413"},
        {HEAD "Content-Length: 99999999999\r\n\r\n", (size_t)1 << 30, NULL},
    };
    uv_loop_t loop;
    struct sockaddr_in address;
    struct http_fixture fixture = {.busy = true};
    struct receive_sink sink = sink_of(&fixture.seen);
    struct tokens tokens = {0};
    struct http_receiver *h;
    struct err e;
    size_t sent;
    add_token(&tokens, "alpha", 4);
    MUST(uv_loop_init(&loop));
    struct http_config config = {.fd = bound_socket(SOCK_STREAM, &address),
                                 .sink = &sink,
                                 .tokens = &tokens,
                                 .ctx = &fixture,
                                 .busy = is_busy,
                                 .window = window_now,
                                 .unknown = count_unknown};
    assert_int_equal(http_receiver_new(&loop, &config, &h, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *reply = send_then_read(&loop, &address, span_of(rows[i].head), rows[i].body, &sent);
        if (rows[i].want == NULL) {
            assert_in_range(sent, LINGER_MAX_BYTES / 2, LINGER_MAX_BYTES + (16 << 20)); /* and what the kernel holds */
        } else if (reply == NULL || !span_starts(span_of(reply), span_of(rows[i].want)) || sent != rows[i].body ||
                   strstr(reply, "\"}\n") == NULL) {
            fail_msg("row %zu: sent %zu, \"%s\"", i, sent, reply == NULL ? "(reset)" : reply);
        }
    }
    /* One that goes on while the receiver ends. */
    int fd = connect_to(SOCK_STREAM, &address);
    send_all(fd, span_of(rows[0].head));
    char first;
    while (recv(fd, &first, 1, MSG_DONTWAIT) < 0) {
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    http_receiver_free(&h);
    drain_loop(&loop);
    (void)close(fd);
    tokens_free(&tokens);
    buf_free(&fixture.seen.text);
}

int main(void)
{
    MUST(sodium_init() < 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_http),
        cmocka_unit_test(test_http_early_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
