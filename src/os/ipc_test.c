/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of the frame reader and of channels, blocking and on a loop. */
#include "os/ipc.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"

enum { A = 1, B = 2 };
enum { T_SMALL = 2, T_BULK = 3, T_FD = 4, T_BACK = 5, T_FIXED = 6 };
enum { BULK_MAX = 8 << 20, WINDOW = 64 << 10 };

static const struct ipc_type types[] = {
    [T_SMALL] = {"SMALL", A, B, 0, 1000, 0}, [T_BULK] = {"BULK", A, B, 1, BULK_MAX, IPC_CREDIT},
    [T_FD] = {"FD", A, B, 0, 100, IPC_FD},   [T_BACK] = {"BACK", B, A, 0, 1000, 0},
    [T_FIXED] = {"FIXED", A, B, 8, 8, 0},
};
static const struct ipc_table table = {types, ARRAY_LEN(types)};

static size_t frame_make(char *out, uint32_t len, uint16_t type, uint16_t fds, size_t body)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_u32(&b, len);
    buf_u16(&b, type);
    buf_u16(&b, fds);
    buf_u64(&b, 77);
    for (size_t i = 0; i < body; i++) {
        buf_u8(&b, (uint8_t)i);
    }
    size_t n = b.len;
    memcpy(out, b.data, n);
    buf_free(&b);
    return n;
}

static void test_frames(void **state)
{
    (void)state;
    static const struct {
        const char *what;
        uint32_t from, to;
        uint32_t len;
        uint16_t type, fds;
        size_t body; /* bytes present */
        ptrdiff_t want;
        size_t need;
    } cases[] = {
        {"empty body", A, B, 0, T_SMALL, 0, 0, 16, 16},
        {"good", A, B, 5, T_SMALL, 0, 5, 21, 21},
        {"followed by another", A, B, 5, T_SMALL, 0, 9, 21, 21},
        {"body not all there", A, B, 5, T_SMALL, 0, 4, 0, 21},
        {"largest", A, B, 1000, T_SMALL, 0, 1000, 1016, 1016},
        {"one too large, refused before the body comes", A, B, 1001, T_SMALL, 0, 0, ERR_INVALID, 0},
        {"absurd length", A, B, UINT32_MAX, T_SMALL, 0, 0, ERR_INVALID, 0},
        {"absurd length of a bulk type", A, B, UINT32_MAX, T_BULK, 0, 0, ERR_INVALID, 0},
        {"too short", A, B, 7, T_FIXED, 0, 7, ERR_INVALID, 0},
        {"too long for a fixed size", A, B, 9, T_FIXED, 0, 9, ERR_INVALID, 0},
        {"type 0", A, B, 0, 0, 0, 0, ERR_INVALID, 0},
        {"first type beyond the table", A, B, 0, 7, 0, 0, ERR_INVALID, 0},
        {"type far beyond", A, B, 0, UINT16_MAX, 0, 0, ERR_INVALID, 0},
        {"wrong direction", B, A, 0, T_SMALL, 0, 0, ERR_INVALID, 0},
        {"right direction back", B, A, 0, T_BACK, 0, 0, 16, 16},
        {"fds where none belong", A, B, 0, T_SMALL, 1, 0, ERR_INVALID, 0},
        {"no fd where one belongs", A, B, 0, T_FD, 0, 0, ERR_INVALID, 0},
        {"fds", A, B, 0, T_FD, IPC_FDS_MAX, 0, 16, 16},
        {"too many fds", A, B, 0, T_FD, IPC_FDS_MAX + 1, 0, ERR_INVALID, 0},
        {"credit", B, A, 8, IPC_TYPE_CREDIT, 0, 8, 24, 24},
        {"short credit", B, A, 7, IPC_TYPE_CREDIT, 0, 7, ERR_INVALID, 0},
        {"credit with fd", B, A, 8, IPC_TYPE_CREDIT, 1, 8, ERR_INVALID, 0},
    };
    char bytes[4096];
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        size_t n = frame_make(bytes, cases[i].len, cases[i].type, cases[i].fds, cases[i].body);
        char *exact = mem_alloc(n);
        memcpy(exact, bytes, n);
        struct ipc_frame f;
        struct err e;
        memset(&e, 0, sizeof e);
        size_t need = 0;
        ptrdiff_t got =
            ipc_frame_read(&table, cases[i].from, cases[i].to, span_make(exact, n), &f, &need, &e);
        if (got != cases[i].want || need != cases[i].need) {
            print_message("case: %s: %td, need %zu\n", cases[i].what, got, need);
        }
        assert_int_equal(got, cases[i].want);
        assert_int_equal(need, cases[i].need);
        assert_true(got >= 0 || e.text[0] != '\0');
        if (got > 0) {
            assert_int_equal(f.id, 77);
            assert_int_equal(f.body.len, cases[i].len);
            assert_true(f.body.ptr == exact + 16);
        }
        mem_free(exact);
    }
}

static void test_short_headers(void **state)
{
    (void)state;
    char bytes[64];
    size_t n = frame_make(bytes, 5, T_SMALL, 0, 5);
    for (size_t cut = 0; cut < n; cut++) {
        char *exact = mem_alloc(cut);
        memcpy(exact, bytes, cut);
        struct ipc_frame f;
        size_t need = 0;
        assert_int_equal(ipc_frame_read(&table, A, B, span_make(exact, cut), &f, &need, NULL), 0);
        assert_int_equal(need, cut < 16 ? 16 : 21);
        mem_free(exact);
    }
}

struct two {
    struct ipc *a, *b;
    int raw_a; /* a's socket, for tests that speak out of turn */
};

static void two_open(struct two *t)
{
    int fds[2];
    struct err e;
    assert_int_equal(ipc_pair(fds, &e), 0);
    struct ipc_config ca = {
        .table = &table, .self = A, .peer = B, .peer_name = "b", .window_bytes = WINDOW};
    struct ipc_config cb = {
        .table = &table, .self = B, .peer = A, .peer_name = "a", .window_bytes = WINDOW};
    t->raw_a = fds[0];
    t->a = ipc_new(fds[0], &ca);
    t->b = ipc_new(fds[1], &cb);
}

static void two_close(struct two *t)
{
    ipc_free(&t->a);
    ipc_free(&t->b);
    assert_null(t->a);
}

static struct ipc_msg *expect(struct ipc *ch, uint16_t type, uint64_t id)
{
    struct ipc_msg *m = NULL;
    struct err e;
    memset(&e, 0, sizeof e);
    int rc = ipc_next(ch, 5000, &m, &e);
    if (rc != 0) {
        print_message("ipc_next: %s\n", e.text);
    }
    assert_int_equal(rc, 0);
    assert_int_equal(m->type, type);
    assert_int_equal(m->id, id);
    return m;
}

static void test_many_small(void **state)
{
    (void)state;
    struct two t;
    two_open(&t);
    char text[32];
    for (unsigned i = 0; i < 5000; i++) {
        (void)snprintf(text, sizeof text, "message %u", i);
        assert_int_equal(ipc_send(t.a, T_SMALL, i, span_of(text)), 0);
        if (i % 500 == 499) {
            for (unsigned k = i - 499; k <= i; k++) {
                if (ipc_queued_bytes(t.a) > 0) {
                    assert_true(ipc_flush(t.a, 0) != ERR_CLOSED);
                }
                struct ipc_msg *m = expect(t.b, T_SMALL, k);
                (void)snprintf(text, sizeof text, "message %u", k);
                assert_true(span_eq(m->body, span_of(text)));
            }
        }
    }
    struct ipc_msg *m = NULL;
    assert_int_equal(ipc_next(t.b, 0, &m, NULL), ERR_BUSY);
    two_close(&t);
}

static void test_large_in_pieces(void **state)
{
    (void)state;
    struct two t;
    two_open(&t);
    char *big = mem_alloc(BULK_MAX);
    for (size_t i = 0; i < BULK_MAX; i++) {
        big[i] = (char)(i * 31 + i / 4096);
    }
    struct span parts[] = {span_make(big, 1000), span_make(big, 0),
                           span_make(big + 1000, BULK_MAX - 1000)};
    assert_int_equal(ipc_send_parts(t.a, T_BULK, 9, parts, ARRAY_LEN(parts)), 0);
    assert_int_equal(ipc_send(t.a, T_SMALL, 10, SPAN("after")), 0);
    struct ipc_msg *m = NULL;
    while (ipc_next(t.b, 0, &m, NULL) ==
           ERR_BUSY) { /* one process is both ends: write and read in turn */
        assert_true(ipc_flush(t.a, 0) != ERR_CLOSED);
    }
    assert_int_equal(m->id, 9);
    assert_int_equal(m->body.len, BULK_MAX);
    assert_memory_equal(m->body.ptr, big, BULK_MAX);
    (void)ipc_flush(t.a, 0);
    assert_true(span_eq(expect(t.b, T_SMALL, 10)->body, SPAN("after")));
    assert_int_equal(ipc_send(t.a, T_SMALL, 1, span_make(big, 1001)), ERR_LIMIT);
    mem_free(big);
    two_close(&t);
}

static void test_fds(void **state)
{
    (void)state;
    struct two t;
    two_open(&t);
    int p[2], q[2];
    assert_int_equal(pipe2(p, O_CLOEXEC), 0);
    assert_int_equal(pipe2(q, O_CLOEXEC), 0);
    assert_int_equal(ipc_send(t.a, T_SMALL, 1, SPAN("x")), 0);
    int both[2] = {p[1], q[1]};
    assert_int_equal(ipc_send_fds(t.a, T_FD, 2, SPAN("pipes"), both, 2), 0);
    assert_int_equal(ipc_send_fds(t.a, T_FD, 3, SPAN("again"), both, 1), 0);
    assert_int_equal(ipc_send(t.a, T_SMALL, 4, SPAN("y")), 0);
    assert_int_equal(ipc_flush(t.a, 1000), 0);
    (void)close(p[1]);
    (void)close(q[1]);

    (void)expect(t.b, T_SMALL, 1);
    struct ipc_msg *m = expect(t.b, T_FD, 2);
    assert_int_equal(m->fd_count, 2);
    int second = ipc_msg_take_fd(m, 1);
    assert_true(second >= 0);
    assert_int_equal(ipc_msg_take_fd(m, 1), -1);
    assert_int_equal(ipc_msg_take_fd(m, 2), -1);
    assert_true((fcntl(second, F_GETFD) & FD_CLOEXEC) != 0);
    (void)expect(t.b, T_FD, 3); /* fds of message 2 that were not taken are closed now */
    (void)expect(t.b, T_SMALL, 4);

    char c = 0;
    assert_int_equal(write(second, "Z", 1), 1);
    assert_int_equal(read(q[0], &c, 1), 1);
    assert_int_equal(c, 'Z');
    (void)close(second);
    assert_int_equal(read(q[0], &c, 1), 0); /* no writer left: nothing leaked */
    assert_int_equal(read(p[0], &c, 1), 0);
    (void)close(p[0]);
    (void)close(q[0]);
    two_close(&t);
}

static int send_raw(int sock, const char *bytes, size_t n, int fd)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    memset(&control, 0, sizeof control);
    char *copy = mem_alloc(n);
    memcpy(copy, bytes, n);
    struct iovec io = {copy, n};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    if (fd >= 0) {
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof control.bytes;
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(c), &fd, sizeof fd);
    }
    ssize_t sent = sendmsg(sock, &m, MSG_NOSIGNAL);
    mem_free(copy);
    return sent == (ssize_t)n ? 0 : -1;
}

static void expect_bad(const char *bytes, size_t n, int fd, const char *why)
{
    struct two t;
    two_open(&t);
    assert_int_equal(send_raw(t.raw_a, bytes, n, fd), 0);
    struct ipc_msg *m = NULL;
    struct err e;
    int rc = 0;
    while (rc == 0) { /* good frames before the bad one are handed out */
        rc = ipc_next(t.b, 5000, &m, &e);
    }
    assert_int_equal(rc, ERR_INVALID);
    assert_non_null(strstr(e.text, why));
    two_close(&t);
}

static void test_bad_peers(void **state)
{
    (void)state;
    char bytes[256];
    size_t n = frame_make(bytes, 0, T_BACK, 0, 0);
    expect_bad(bytes, n, -1, "not allowed in this direction");
    n = frame_make(bytes, 0, T_FD, 2, 0);
    expect_bad(bytes, n, STDERR_FILENO, "announced 2 fds and sent 1");
    n = frame_make(bytes, 1, T_SMALL, 0, 1);
    bytes[0] = 0; /* one byte too many: begins the next frame, which then is nonsense */
    n += frame_make(bytes + n, 0, 999, 0, 0);
    expect_bad(bytes, n, -1, "no such type");
    n = frame_make(bytes, 8, IPC_TYPE_CREDIT, 0, 8);
    expect_bad(bytes, n, -1, "credit");

    struct two t;
    two_open(&t);
    n = frame_make(bytes, 0, T_SMALL, 0, 0);
    assert_int_equal(send_raw(t.raw_a, bytes, n, STDERR_FILENO), 0);
    (void)expect(t.b, T_SMALL, 77);
    struct ipc_msg *m = NULL;
    struct err e;
    assert_int_equal(ipc_next(t.b, 5000, &m, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "no message announced"));
    two_close(&t);
}

static void test_end_of_peer(void **state)
{
    (void)state;
    struct two t;
    struct err e;
    struct ipc_msg *m = NULL;
    two_open(&t);
    assert_int_equal(ipc_send(t.a, T_SMALL, 5, SPAN("last words")), 0);
    ipc_free(&t.a); /* what was queued still leaves */
    (void)expect(t.b, T_SMALL, 5);
    assert_int_equal(ipc_next(t.b, 5000, &m, &e), ERR_CLOSED);
    assert_int_equal(ipc_send(t.b, T_BACK, 1, SPAN("hello?")), 0);
    assert_int_equal(ipc_flush(t.b, 1000), ERR_CLOSED);
    assert_int_equal(ipc_send(t.b, T_BACK, 1, SPAN("hello?")), ERR_CLOSED);
    ipc_free(&t.b);

    two_open(&t);
    char bytes[64];
    size_t n = frame_make(bytes, 9, T_SMALL, 0, 3);
    assert_int_equal(send_raw(t.raw_a, bytes, n, -1), 0);
    ipc_free(&t.a);
    assert_int_equal(ipc_next(t.b, 5000, &m, &e), ERR_CLOSED);
    assert_non_null(strstr(e.text, "in the middle"));
    ipc_free(&t.b);
}

static void test_credits(void **state)
{
    (void)state;
    struct two t;
    two_open(&t);
    char *body = mem_alloc(WINDOW);
    const size_t third = WINDOW / 3;
    unsigned sent = 0;
    while (ipc_send(t.a, T_BULK, sent, span_make(body, third)) == 0) {
        sent++;
        assert_int_equal(ipc_flush(t.a, 1000), 0);
    }
    assert_int_equal(sent, 3);
    assert_false(ipc_ready(t.a));
    assert_int_equal(ipc_send(t.a, T_BULK, 0, SPAN("x")), ERR_BUSY);
    assert_int_equal(ipc_send(t.a, T_SMALL, 50, SPAN("always goes")), 0);

    size_t held = 0;
    for (unsigned i = 0; i < sent; i++) {
        (void)expect(t.b, T_BULK, i);
        held += ipc_hold(t.b);
        assert_int_equal(ipc_hold(t.b), 0);
    }
    assert_int_equal(held, 3 * (third + 16));
    assert_int_equal(ipc_flush(t.a, 1000), 0);
    (void)expect(t.b, T_SMALL, 50);
    struct ipc_msg *m = NULL;
    assert_int_equal(ipc_flush(t.b, 1000), 0);
    assert_int_equal(ipc_next(t.a, 0, &m, NULL), ERR_BUSY);
    assert_false(ipc_ready(t.a)); /* held: nothing comes back */
    ipc_release(t.b, held);
    assert_int_equal(ipc_flush(t.b, 1000), 0);
    assert_int_equal(ipc_next(t.a, 0, &m, NULL), ERR_BUSY);
    assert_true(ipc_ready(t.a));
    mem_free(body);
    two_close(&t);
}

static void test_window_is_enforced(void **state)
{
    (void)state;
    int fds[2];
    assert_int_equal(ipc_pair(fds, NULL), 0);
    struct ipc_config wide = {.table = &table, .self = A, .peer = B, .window_bytes = WINDOW};
    struct ipc_config narrow = {.table = &table, .self = B, .peer = A, .window_bytes = 2000};
    struct ipc *a = ipc_new(fds[0], &wide);
    struct ipc *b = ipc_new(fds[1], &narrow);
    char body[1500] = {0};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(ipc_send(a, T_BULK, 0, span_make(body, sizeof body)), 0);
    }
    assert_int_equal(ipc_flush(a, 1000), 0);
    struct err e;
    for (int i = 0; i < 2; i++) {
        (void)expect(b, T_BULK, 0);
        (void)ipc_hold(b);
    }
    struct ipc_msg *m = NULL;
    assert_int_equal(ipc_next(b, 1000, &m, &e), ERR_INVALID);
    assert_non_null(strstr(e.text, "beyond its window"));
    ipc_free(&a);
    ipc_free(&b);
}

/* On a loop: a sends as fast as the window lets it, b counts; a closes; b sees the end. */
struct loop_test {
    uv_loop_t loop;
    struct ipc *a, *b;
    unsigned sent, got, ready, closed;
    unsigned total;
    int closed_code;
    uv_timer_t guard;
};

static char loop_body[30000];

static void loop_pump(struct loop_test *t)
{
    while (t->sent < t->total) {
        int rc = ipc_send(t->a, T_BULK, t->sent, span_make(loop_body, 1 + t->sent % 30000));
        if (rc == ERR_BUSY) {
            return;
        }
        assert_int_equal(rc, 0);
        t->sent++;
    }
    ipc_free(&t->a);
}

static void loop_on_message(void *arg, struct ipc *ch, struct ipc_msg *m)
{
    struct loop_test *t = arg;
    assert_ptr_equal(ch, t->b);
    assert_int_equal(m->id, t->got);
    assert_int_equal(m->body.len, 1 + t->got % 30000);
    t->got++;
}

static void loop_on_ready(void *arg, struct ipc *ch)
{
    struct loop_test *t = arg;
    assert_true(ipc_ready(ch));
    t->ready++;
    loop_pump(t);
}

static void loop_on_closed(void *arg, struct ipc *ch, const struct err *e)
{
    struct loop_test *t = arg;
    t->closed++;
    t->closed_code = e->code;
    assert_ptr_equal(ch, t->b);
    ipc_free(&t->b);
    uv_close((uv_handle_t *)&t->guard, NULL);
}

static void loop_late(uv_timer_t *timer)
{
    (void)timer;
    fail_msg("the loop did not finish in time");
}

static void loop_open(struct loop_test *t)
{
    memset(t, 0, sizeof *t);
    assert_int_equal(uv_loop_init(&t->loop), 0);
    assert_int_equal(uv_timer_init(&t->loop, &t->guard), 0);
    assert_int_equal(uv_timer_start(&t->guard, loop_late, 20000, 0), 0);
    int fds[2];
    assert_int_equal(ipc_pair(fds, NULL), 0);
    struct ipc_config c = {.table = &table,
                           .self = A,
                           .peer = B,
                           .window_bytes = WINDOW,
                           .arg = t,
                           .on_message = loop_on_message,
                           .on_closed = loop_on_closed,
                           .on_ready = loop_on_ready};
    t->a = ipc_new(fds[0], &c);
    c.self = B;
    c.peer = A;
    t->b = ipc_new(fds[1], &c);
}

static void test_loop_back_pressure(void **state)
{
    (void)state;
    struct loop_test t;
    loop_open(&t);
    t.total = 2000;
    assert_int_equal(ipc_attach(t.a, &t.loop, NULL), 0);
    assert_int_equal(ipc_attach(t.b, &t.loop, NULL), 0);
    loop_pump(&t);
    assert_int_equal(uv_run(&t.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(t.got, t.total);
    assert_true(t.ready > 10);
    assert_int_equal(t.closed, 1);
    assert_int_equal(t.closed_code, ERR_CLOSED);
    assert_int_equal(uv_loop_close(&t.loop), 0);
}

static void test_loop_after_blocking(void **state)
{
    (void)state;
    struct loop_test t;
    loop_open(&t);
    t.total = 3;
    loop_pump(&t); /* closes a: all is in the socket before b is on the loop */
    struct ipc_msg *m = NULL;
    assert_int_equal(ipc_next(t.b, 1000, &m, NULL), 0);
    assert_int_equal(m->id, 0);
    t.got = 1;
    assert_int_equal(ipc_attach(t.b, &t.loop, NULL), 0);
    assert_int_equal(uv_run(&t.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(t.got, 3);
    assert_int_equal(t.closed, 1);
    assert_int_equal(uv_loop_close(&t.loop), 0);
}

static void test_loop_bad_peer(void **state)
{
    (void)state;
    struct loop_test t;
    loop_open(&t);
    ipc_free(&t.a);
    ipc_free(&t.b);
    int fds[2];
    assert_int_equal(ipc_pair(fds, NULL), 0);
    struct ipc_config c = {.table = &table,
                           .self = B,
                           .peer = A,
                           .arg = &t,
                           .on_message = loop_on_message,
                           .on_closed = loop_on_closed};
    t.b = ipc_new(fds[1], &c);
    assert_int_equal(ipc_attach(t.b, &t.loop, NULL), 0);
    char bytes[64];
    size_t n = frame_make(bytes, 1, T_BULK, 0, 1);
    bytes[8] = 0; /* id 0 */
    size_t bad = frame_make(bytes + n, 3, T_BACK, 0, 3);
    assert_int_equal(send_raw(fds[0], bytes, n + bad, -1), 0);
    assert_int_equal(uv_run(&t.loop, UV_RUN_DEFAULT), 0);
    assert_int_equal(t.got, 1); /* what came before the bad frame was handed out */
    assert_int_equal(t.closed_code, ERR_INVALID);
    (void)close(fds[0]);
    assert_int_equal(uv_loop_close(&t.loop), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames),
        cmocka_unit_test(test_short_headers),
        cmocka_unit_test(test_many_small),
        cmocka_unit_test(test_large_in_pieces),
        cmocka_unit_test(test_fds),
        cmocka_unit_test(test_bad_peers),
        cmocka_unit_test(test_end_of_peer),
        cmocka_unit_test(test_credits),
        cmocka_unit_test(test_window_is_enforced),
        cmocka_unit_test(test_loop_back_pressure),
        cmocka_unit_test(test_loop_after_blocking),
        cmocka_unit_test(test_loop_bad_peer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
