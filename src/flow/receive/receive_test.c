/* SPDX-License-Identifier: EUPL-1.2 */
/* Receivers over real sockets and files, on one loop: what comes in, what is counted, what is
 * refused. */
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

#include "base/mem.h"
#include "base/vec.h"
#include "flow/receive/follow.h"
#include "flow/receive/http.h"
#include "flow/receive/tcp.h"
#include "flow/receive/udp.h"

/* ---- a sink that remembers ---- */

struct seen {
    struct buf text; /* records, each followed by '|', a cut one by '~|', a broken one by '!|' */
    uint64_t records;
    uint64_t dropped;
    uint32_t source;
    char sender[RECEIVE_ADDRESS_MAX];
};

static bool see(void *ctx, const struct receive_record *r)
{
    struct seen *s = ctx;
    buf_span(&s->text, span_sub(r->bytes, 0, 100));
    buf_cstr(&s->text, r->cut ? "~|" : r->broken ? "!|" : "|");
    s->records++;
    s->source = r->source;
    (void)snprintf(s->sender, sizeof s->sender, "%.*s", SPAN_ARG(r->sender));
    return !r->broken;
}

static void see_dropped(void *ctx, uint32_t source, enum receive_drop why, uint64_t count)
{
    struct seen *s = ctx;
    (void)source;
    assert_true(why < RECEIVE_DROP_COUNT);
    s->dropped += count;
}

static struct receive_sink sink_of(struct seen *s)
{
    memset(s, 0, sizeof *s);
    buf_init(&s->text, 64 << 20);
    return (struct receive_sink){s, see, see_dropped, NULL, NULL};
}

static void assert_seen(struct seen *s, const char *want)
{
    if (!span_eq(buf_view(&s->text), span_of(want))) {
        fail_msg("got \"%.*s\", want \"%s\"", SPAN_ARG(buf_view(&s->text)), want);
    }
}

static int bound_socket(int type, struct sockaddr_in *address_out)
{
    int fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof a;
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    if (type == SOCK_STREAM) {
        assert_int_equal(listen(fd, 64), 0);
    } else {
        int on = 1;
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RXQ_OVFL, &on, sizeof on), 0);
    }
    assert_int_equal(getsockname(fd, (struct sockaddr *)address_out, &len), 0);
    return fd;
}

static int connect_to(int type, const struct sockaddr_in *address)
{
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)address, sizeof *address), 0);
    return fd;
}

static void send_all(int fd, struct span s)
{
    while (s.len > 0) {
        ssize_t n = send(fd, s.ptr, s.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        s = span_sub(s, (size_t)n, s.len);
    }
}

static void drain_loop(uv_loop_t *loop)
{
    (void)uv_run(loop, UV_RUN_DEFAULT); /* closing handles only */
    assert_int_equal(uv_loop_close(loop), 0);
}

/* ---- UDP ---- */

static void test_udp(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct sockaddr_in address;
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct udp_receiver *u;
    struct err e;
    MUST(uv_loop_init(&loop));
    int fd = bound_socket(SOCK_DGRAM, &address);
    int small = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    assert_int_equal(udp_receiver_new(&loop, fd, 7, &sink, NULL, &u, &e), 0);
    int out = connect_to(SOCK_DGRAM, &address);
    assert_int_equal(send(out, "<13>one\nline", 12, 0), 12);
    assert_int_equal(send(out, "", 0, 0), 0);
    while (seen.records < 2) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_seen(&seen, "<13>one\nline||");
    assert_int_equal(seen.source, 7);
    assert_string_equal(seen.sender, "127.0.0.1");
    /* More than the small buffer holds, unread: every datagram is either received or counted as
     * dropped. */
    udp_receiver_pause(u, true);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(send(out, "<13>flood", 9, 0), 9);
    }
    udp_receiver_pause(u, false);
    (void)uv_run(&loop, UV_RUN_ONCE);
    assert_int_equal(send(out, "last", 4, 0), 4); /* brings the counter */
    while (seen.text.len < 5 || memcmp(seen.text.data + seen.text.len - 5, "last|", 5) != 0) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_true(seen.dropped > 0);
    assert_int_equal(seen.records + seen.dropped, 2 + 500 + 1);
    (void)close(out);
    udp_receiver_free(&u);
    drain_loop(&loop);
    buf_free(&seen.text);
}

/* What is lost behind the last datagram that was taken is known without another one, and is not told again by the next who
 * reads the socket. */
static void test_udp_count(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct sockaddr_in address;
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct udp_receiver *u;
    struct err e;
    MUST(uv_loop_init(&loop));
    int fd = bound_socket(SOCK_DGRAM, &address);
    int small = 4096;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small), 0);
    int kept_open = dup(fd);
    assert_int_equal(udp_receiver_new(&loop, fd, 7, &sink, NULL, &u, &e), 0);
    int out = connect_to(SOCK_DGRAM, &address);
    udp_receiver_pause(u, true);
    for (int i = 0; i < 500; i++) {
        assert_int_equal(send(out, "<13>flood", 9, 0), 9);
    }
    struct udp_counted counted = udp_receiver_count(u);
    assert_true(seen.dropped > 0);
    assert_int_equal(counted.drops, seen.dropped);
    udp_receiver_pause(u, false);
    while (seen.records + seen.dropped < 500) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(seen.records + seen.dropped, 500);
    struct udp_receiver *next;
    assert_int_equal(udp_receiver_new(&loop, kept_open, 7, &sink, &counted, &next, &e), 0);
    uint64_t before = seen.dropped;
    (void)udp_receiver_count(next);
    assert_int_equal(seen.dropped, before);
    udp_receiver_free(&next);
    (void)close(out);
    udp_receiver_free(&u);
    drain_loop(&loop);
    buf_free(&seen.text);
}

/* ---- TCP ---- */

static void test_tcp(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct sockaddr_in address;
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct tcp_receiver *t;
    struct err e;
    MUST(uv_loop_init(&loop));
    assert_int_equal(tcp_receiver_new(&loop, bound_socket(SOCK_STREAM, &address), 3, &sink, &t, &e),
                     0);
    int a = connect_to(SOCK_STREAM, &address);
    int b = connect_to(SOCK_STREAM, &address);
    send_all(a, SPAN("<1>a\n<2>half"));
    while (seen.records < 1) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    send_all(b, SPAN("6 <3>b\nb"));
    while (seen.records < 2) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(tcp_receiver_connections(t), 2);
    (void)close(a); /* what was half sent is kept */
    while (seen.records < 3) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_seen(&seen, "<1>a|<3>b\nb|<2>half|");
    char *big = mem_alloc(RECEIVE_LINE_MAX + 1000);
    memset(big, 'x', RECEIVE_LINE_MAX + 1000);
    big[RECEIVE_LINE_MAX + 999] = '\n';
    buf_clear(&seen.text);
    send_all(b, span_make(big, RECEIVE_LINE_MAX + 1000));
    send_all(b, SPAN("<4>after\n"));
    while (seen.records < 5) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_true(span_ends(buf_view(&seen.text), SPAN("x~|<4>after|")));
    mem_free(big);
    tcp_receiver_free(&t);
    (void)close(b);
    drain_loop(&loop);
    buf_free(&seen.text);
}

static void test_tcp_limit(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct sockaddr_in address;
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct tcp_receiver *t;
    struct err e;
    int fds[TCP_CONNECTIONS_PER_SENDER + 3];
    MUST(uv_loop_init(&loop));
    assert_int_equal(tcp_receiver_new(&loop, bound_socket(SOCK_STREAM, &address), 3, &sink, &t, &e),
                     0);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = connect_to(SOCK_STREAM, &address);
        (void)uv_run(&loop, UV_RUN_NOWAIT);
    }
    while (seen.dropped < 3) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(tcp_receiver_connections(t), TCP_CONNECTIONS_PER_SENDER);
    tcp_receiver_free(&t);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        (void)close(fds[i]);
    }
    drain_loop(&loop);
    buf_free(&seen.text);
}

/* ---- followed files ---- */

static int open_at(const char *path, struct follow_position *at)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &st), 0);
    *at = (struct follow_position){st.st_dev, st.st_ino, 0};
    return fd;
}

static void append(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    (void)close(fd);
}

static void note_position(void *ctx, struct span name, struct span position)
{
    (void)name;
    assert_true(follow_position_decode(position, ctx));
}

/* Rotated: the old one's last line comes before the new one's first. */
static void check_rotation(struct follow *f, struct seen *seen, const char *path)
{
    struct follow_file file = {.name = span_of(path), .source = 5};
    struct follow_position at = {0};
    struct err e;
    bool stop = false;
    char rotated[64];
    (void)snprintf(rotated, sizeof rotated, "%s.1", path);
    append(path, "last");
    assert_int_equal(rename(path, rotated), 0);
    append(path, "first\n");
    file.fd = open_at(path, &file.at);
    assert_int_equal(follow_add(f, &file, &e), 0);
    assert_int_equal(follow_count(f), 2);
    buf_clear(&seen->text);
    while (seen->records < 7) {
        (void)follow_poll(f, &stop); /* waits out the grace of the rotated file */
    }
    assert_seen(seen, "last|first|");
    assert_int_equal(follow_count(f), 1);
    follow_positions(f, note_position, &at);
    assert_int_equal(at.offset, 6);
    (void)unlink(path);
    (void)unlink(rotated);
}

static void test_follow(void **state)
{
    (void)state;
    char path[] = "/tmp/follow-test-XXXXXX";
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct follow_position at = {0};
    struct err e;
    bool stop = false;
    int made = mkstemp(path);
    assert_true(made >= 0);
    (void)close(made);
    struct follow *f = follow_new(&sink);
    append(path, "one\ntwo\nthr");
    struct follow_file file = {.name = span_of(path), .source = 5};
    file.fd = open_at(path, &file.at);
    assert_int_equal(follow_add(f, &file, &e), 0);
    assert_false(follow_poll(f, &stop));
    assert_seen(&seen, "one|two|");
    follow_positions(f, note_position, &at);
    assert_int_equal(at.offset, 8); /* the unfinished line is not claimed */
    append(path, "ee\n");
    (void)follow_poll(f, &stop);
    assert_seen(&seen, "one|two|three|");

    /* Restart from the stored position. */
    follow_positions(f, note_position, &at);
    follow_free(&f);
    append(path, "four\n");
    f = follow_new(&sink);
    buf_clear(&seen.text);
    file.fd = open_at(path, &file.at);
    file.at.offset = at.offset;
    assert_int_equal(follow_add(f, &file, &e), 0);
    (void)follow_poll(f, &stop);
    assert_seen(&seen, "four|");

    /* Emptied in place. */
    assert_int_equal(truncate(path, 0), 0);
    append(path, "new\n");
    (void)follow_poll(f, &stop);
    assert_seen(&seen, "four|new|");

    check_rotation(f, &seen, path);
    follow_free(&f);
    buf_free(&seen.text);
}

static void note_cursor(void *ctx, struct span name, struct span position)
{
    assert_true(span_eq(name, SPAN("journal")));
    (void)snprintf(ctx, 64, "%.*s", SPAN_ARG(position));
}

static void test_pipe(void **state)
{
    (void)state;
    int fds[2];
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct err e;
    bool stop = false;
    assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
    struct follow *f = follow_new(&sink);
    struct follow_file file = {.name = SPAN("journal"), .fd = fds[0], .pipe = true};
    assert_int_equal(follow_add(f, &file, &e), 0);
    static const char lines[] =
        "{ \"__CURSOR\" : \"s=ab;i=1\" "
        "}\n{\"M\":\"\\\"__CURSOR\\\":\\\"s=no\\\"\",\"__CURSOR\":\"s=ab;i=2\"}\n{\"a\":1";
    char cursor[64] = "";
    assert_int_equal(write(fds[1], lines, sizeof lines - 1), sizeof lines - 1);
    assert_false(follow_poll(f, &stop));
    assert_int_equal(seen.records, 2);
    follow_positions(f, note_cursor, cursor);
    assert_string_equal(cursor, "s=ab;i=2");
    assert_int_equal(journal_cursor(SPAN("{\"__CURSOR\":\"never ends")).len, 0);
    assert_int_equal(journal_cursor(SPAN("{\"__CURSOR\":12}")).len, 0);
    (void)close(fds[1]);
    (void)follow_poll(f, &stop);
    assert_true(span_ends(buf_view(&seen.text), SPAN("|{\"a\":1|")));
    assert_int_equal(follow_count(f), 0);
    follow_free(&f);
    buf_free(&seen.text);
}

static void test_position_codec(void **state)
{
    (void)state;
    struct follow_position p = {1, 2, UINT64_MAX};
    struct follow_position q;
    struct buf b;
    buf_init(&b, 64);
    follow_position_encode(&b, &p);
    assert_true(follow_position_decode(buf_view(&b), &q));
    assert_memory_equal(&p, &q, sizeof p);
    assert_false(follow_position_decode(span_make(b.data, b.len - 1), &q));
    buf_u8(&b, 0);
    assert_false(follow_position_decode(buf_view(&b), &q));
    buf_free(&b);
}

/* ---- tokens ---- */

static void add_token(struct tokens *t, const char *text, uint32_t source)
{
    unsigned char hash[TOKEN_HASH_BYTES];
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)text, strlen(text), NULL, 0));
    tokens_add(t, hash, source);
}

static void test_tokens(void **state)
{
    (void)state;
    struct tokens t = {0};
    uint32_t source = 99;
    add_token(&t, "alpha", 1);
    add_token(&t, "beta", 2);
    assert_true(tokens_find(&t, SPAN("Bearer beta"), &source));
    assert_int_equal(source, 2);
    assert_true(tokens_find(&t, SPAN("bearer  alpha "), &source));
    assert_int_equal(source, 1);
    static const char *const wrong[] = {"Bearer gamma", "Bearer ",    "Basic alpha", "alpha", "",
                                        "Bearer alph",  "Beareralpha"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_false(tokens_find(&t, span_of(wrong[i]), &source));
    }
    tokens_free(&t);
}

/* ---- HTTP ---- */

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

int main(void)
{
    MUST(sodium_init() < 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_udp_count),       cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_limit), cmocka_unit_test(test_follow),
        cmocka_unit_test(test_pipe),      cmocka_unit_test(test_position_codec),
        cmocka_unit_test(test_tokens),    cmocka_unit_test(test_http),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
