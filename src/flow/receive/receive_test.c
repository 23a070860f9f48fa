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
#include <time.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/mem.h"
#include "base/vec.h"
#include "flow/receive/follow.h"
#include "flow/receive/receive_kit.h"
#include "flow/receive/tcp.h"
#include "flow/receive/udp.h"

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

static bool take_long(void *ctx, const struct receive_record *r)
{
    static const struct timespec pause = {.tv_nsec = 2 * RECEIVE_STEP_MS * 1000000L}; /* as a dear rule would */
    (void)nanosleep(&pause, NULL);
    return see(ctx, r);
}

/* Where each datagram is dear, a turn ends after a few: not after the 64 that one call could bring. Every one comes, in its time. */
static void test_udp_turns(void **state)
{
    (void)state;
    enum { SENT = 40, MOST = RECEIVE_TURN_MS / (2 * RECEIVE_STEP_MS) + 1 };
    uv_loop_t loop;
    struct sockaddr_in address;
    struct seen seen;
    struct receive_sink sink = sink_of(&seen);
    struct udp_receiver *u;
    struct err e;
    sink.record = take_long;
    MUST(uv_loop_init(&loop));
    int fd = bound_socket(SOCK_DGRAM, &address);
    assert_int_equal(udp_receiver_new(&loop, fd, 7, &sink, NULL, &u, &e), 0);
    int out = connect_to(SOCK_DGRAM, &address);
    for (int i = 0; i < SENT; i++) {
        assert_int_equal(send(out, "<13>dear", 8, 0), 8);
    }
    for (uint64_t before = 0; seen.records < SENT; before = seen.records) {
        (void)uv_run(&loop, UV_RUN_ONCE);
        assert_in_range(seen.records - before, 0, MOST);
    }
    assert_int_equal(seen.dropped, 0);
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

/* ---- dear records ---- */

enum { DEAR_RECORDS = 128, DEAR_BYTES = 512, DEAR_MS = RECEIVE_TURN_MS / 2 };

struct dear {
    struct seen seen;
    bool cheap;
};

/* A rule makes each record take half a turn. */
static bool see_dear(void *ctx, const struct receive_record *r)
{
    struct dear *d = ctx;
    time_ns until = d->cheap ? 0 : clock_mono() + DEAR_MS * (TIME_SECOND / 1000);
    while (clock_mono() < until) {
    }
    return see(&d->seen, r);
}

static void see_dear_dropped(void *ctx, uint32_t source, enum drop_cause why, uint64_t count)
{
    see_dropped(&((struct dear *)ctx)->seen, source, why, count);
}

static struct receive_sink dear_sink(struct dear *d)
{
    memset(d, 0, sizeof *d);
    (void)sink_of(&d->seen);
    return (struct receive_sink){d, see_dear, see_dear_dropped, NULL, NULL};
}

static const char *dear_lines(void)
{
    static char text[DEAR_RECORDS * DEAR_BYTES + 1];
    memset(text, 'x', sizeof text - 1);
    for (size_t i = 1; i <= DEAR_RECORDS; i++) {
        text[i * DEAR_BYTES - 1] = '\n';
    }
    return text;
}

/* However much waits: one turn is over soon, for all connections together, and nothing is lost. */
static void test_tcp_dear(void **state)
{
    (void)state;
    uv_loop_t loop;
    struct sockaddr_in address;
    struct dear dear;
    struct receive_sink sink = dear_sink(&dear);
    struct tcp_receiver *t;
    struct err e;
    int fds[2];
    MUST(uv_loop_init(&loop));
    assert_int_equal(tcp_receiver_new(&loop, bound_socket(SOCK_STREAM, &address), 3, &sink, &t, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        fds[i] = connect_to(SOCK_STREAM, &address);
        while (tcp_receiver_connections(t) <= i) {
            (void)uv_run(&loop, UV_RUN_ONCE);
        }
        send_all(fds[i], span_of(dear_lines()));
    }
    for (int turn = 1; turn <= 3; turn++) {
        uint64_t before = dear.seen.records;
        while (dear.seen.records == before) {
            (void)uv_run(&loop, UV_RUN_ONCE);
        }
        assert_in_range(dear.seen.records - before, 1, ARRAY_LEN(fds) * RECEIVE_STEP_MIN / DEAR_BYTES + 1);
    }
    dear.cheap = true;
    while (dear.seen.records < ARRAY_LEN(fds) * DEAR_RECORDS) {
        (void)uv_run(&loop, UV_RUN_ONCE);
    }
    assert_int_equal(dear.seen.records, ARRAY_LEN(fds) * DEAR_RECORDS);
    tcp_receiver_free(&t);
    for (size_t i = 0; i < ARRAY_LEN(fds); i++) {
        (void)close(fds[i]);
    }
    drain_loop(&loop);
    buf_free(&dear.seen.text);
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
    while (seen->records < 8) {
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

    /* Left out of the config, and back in it as another source's, before it was let go. */
    follow_end(f, span_of(path));
    (void)follow_poll(f, &stop);
    file.fd = open_at(path, &file.at);
    file.source = 6;
    assert_int_equal(follow_add(f, &file, &e), 0);
    assert_int_equal(follow_count(f), 1);
    append(path, "back\n");
    (void)follow_poll(f, &stop);
    assert_seen(&seen, "four|new|back|");
    assert_int_equal(seen.source, 6);

    check_rotation(f, &seen, path);
    follow_free(&f);
    buf_free(&seen.text);
}

/* A file of dear records does not keep others from their turn, or intake from its loop. */
static void test_follow_dear(void **state)
{
    (void)state;
    char paths[2][24] = {"/tmp/follow-dear-XXXXXX", "/tmp/follow-dear-XXXXXX"};
    struct dear dear;
    struct receive_sink sink = dear_sink(&dear);
    struct err e;
    bool stop = false;
    struct follow *f = follow_new(&sink);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        int made = mkstemp(paths[i]);
        assert_true(made >= 0);
        (void)close(made);
        append(paths[i], dear_lines());
        struct follow_file file = {.name = span_of(paths[i]), .source = 5};
        file.fd = open_at(paths[i], &file.at);
        assert_int_equal(follow_add(f, &file, &e), 0);
    }
    for (size_t turn = 0; turn < 4; turn++) {
        uint64_t before = dear.seen.records;
        assert_true(follow_poll(f, &stop));
        assert_in_range(dear.seen.records - before, 1, 2 * RECEIVE_STEP_MIN / DEAR_BYTES);
        assert_string_equal(dear.seen.sender, paths[turn % 2]);
    }
    dear.cheap = true;
    while (follow_poll(f, &stop)) {
    }
    assert_int_equal(dear.seen.records, ARRAY_LEN(paths) * DEAR_RECORDS);
    assert_int_equal(dear.seen.text.len, ARRAY_LEN(paths) * DEAR_RECORDS * 101);
    follow_free(&f);
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        (void)unlink(paths[i]);
    }
    buf_free(&dear.seen.text);
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

int main(void)
{
    MUST(sodium_init() < 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_udp),
        cmocka_unit_test(test_udp_count), cmocka_unit_test(test_udp_turns), cmocka_unit_test(test_tcp),
        cmocka_unit_test(test_tcp_limit), cmocka_unit_test(test_follow),
        cmocka_unit_test(test_tcp_dear),  cmocka_unit_test(test_follow_dear),
        cmocka_unit_test(test_pipe),      cmocka_unit_test(test_position_codec),
        cmocka_unit_test(test_tokens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
