/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * `sereno bench receive`: see bench_receive.h. The receiver is a caged process with the receivers of flow/receive on a loop, as in an
 * intake, and a sink that counts. The sender is another process: what it costs counts for nothing. What was sent must be what was
 * received and what the socket says it dropped, to the last message.
 */
#include "cli/bench_receive.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cli/bench_priv.h"
#include "cli/child.h"
#include "flow/receive/tcp.h"
#include "flow/receive/udp.h"
#include "os/listen.h"
#include "os/sandbox.h"

enum {
    CHUNK_LINES = 474,      /* of one write by TCP: 64 KiB */
    SEND_BATCH = 64,        /* datagrams of one call */
    QUIET_TURNS = 3,        /* turns of the loop that bring nothing: all that was sent is through */
    PACE_NS = 1000 * 1000,
};

struct sent {
    uint64_t messages;
    double cpu_s, wall_s;
    int failed; /* errno */
};

struct received {
    uint64_t messages, bytes, dropped;
    struct sent sent;
    double cpu_s, wall_s;
    char error[256];
};

struct receive_job {
    const struct bench_options *o;
    bool tcp;
};

/* ---- the sender ---- */

/* Lines of a fixed length, whose end is a line end: as syslog is, with a number that differs. */
static void make_lines(char *out, size_t count, size_t bytes)
{
    for (size_t i = 0; i < count; i++) {
        char *line = out + i * bytes;
        int n = snprintf(line, bytes, "<38>1 2026-11-27T08:00:00Z host%zu.town.example sshd %zu - - Failed password for clerk from 10.0.0.%zu port ",
                         i % 97, 1000 + i, i % 250);
        size_t at = n < 0 || (size_t)n >= bytes ? bytes - 1 : (size_t)n;
        for (; at < bytes - 1; at++) {
            line[at] = (char)('0' + (at + i) % 10);
        }
        line[bytes - 1] = '\n';
    }
}

static bool goes_on(const struct bench_options *o, const struct sent *s, time_ns from)
{
    return o->events > 0 ? s->messages < o->events : clock_mono() - from < (time_ns)o->seconds * TIME_SECOND;
}

/* How many may go now: all that are asked for, unless there is a rate. */
static uint64_t allowed(const struct bench_options *o, const struct sent *s, time_ns from, uint64_t most)
{
    if (o->events > 0 && o->events - s->messages < most) {
        most = o->events - s->messages;
    }
    while (o->rate > 0) {
        double due = (double)o->rate * (double)(clock_mono() - from) / 1e9 - (double)s->messages;
        if (due >= 1) {
            return due < (double)most ? (uint64_t)due : most;
        }
        const struct timespec pause = {.tv_nsec = PACE_NS};
        (void)nanosleep(&pause, NULL);
    }
    return most;
}

static void send_udp(const struct bench_options *o, const int *fds, char *lines, struct sent *s, time_ns from)
{
    struct mmsghdr messages[SEND_BATCH] = {0};
    struct iovec io[SEND_BATCH];
    for (size_t i = 0; i < SEND_BATCH; i++) {
        io[i] = (struct iovec){lines + i * RECEIVE_UDP_BYTES, RECEIVE_UDP_BYTES - 1};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &io[i], .msg_iovlen = 1};
    }
    for (size_t k = 0; goes_on(o, s, from); k++) {
        int n = sendmmsg(fds[k % RECEIVE_SENDERS], messages, (unsigned)allowed(o, s, from, SEND_BATCH), 0);
        if (n < 0 && errno != EINTR) {
            s->failed = errno;
            return;
        }
        s->messages += n > 0 ? (uint64_t)n : 0;
    }
}

static void send_tcp(const struct bench_options *o, const int *fds, char *lines, struct sent *s, time_ns from)
{
    for (size_t k = 0; goes_on(o, s, from); k++) {
        uint64_t n = allowed(o, s, from, CHUNK_LINES);
        struct span left = span_make(lines, (size_t)n * RECEIVE_LINE_BYTES);
        while (left.len > 0) {
            ssize_t done = send(fds[k % RECEIVE_SENDERS], left.ptr, left.len, MSG_NOSIGNAL);
            if (done < 0 && errno != EINTR) {
                s->failed = errno;
                return;
            }
            left = span_sub(left, done < 0 ? 0 : (size_t)done, left.len);
        }
        s->messages += n;
    }
}

static _Noreturn void sender(const struct receive_job *job, const struct listen_address *to, int out)
{
    struct sent s = {0};
    int fds[RECEIVE_SENDERS];
    size_t bytes = job->tcp ? RECEIVE_LINE_BYTES : RECEIVE_UDP_BYTES;
    char *lines = mem_alloc(CHUNK_LINES * bytes);
    make_lines(lines, CHUNK_LINES, bytes);
    for (size_t i = 0; i < RECEIVE_SENDERS; i++) {
        fds[i] = socket(to->addr.ss_family, (job->tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0);
        if (fds[i] < 0 || connect(fds[i], (const struct sockaddr *)&to->addr, to->len) != 0) {
            s.failed = errno;
        }
    }
    double cpu = bench_now_cpu();
    time_ns from = clock_mono();
    if (s.failed == 0) {
        (job->tcp ? send_tcp : send_udp)(job->o, fds, lines, &s, from);
    }
    s.wall_s = (double)(clock_mono() - from) / 1e9;
    s.cpu_s = bench_now_cpu() - cpu;
    for (size_t i = 0; i < RECEIVE_SENDERS; i++) {
        (void)close(fds[i]);
    }
    cli_child_write(out, span_make((const char *)&s, sizeof s));
    _exit(0);
}

/* ---- the receiver ---- */

struct receiving {
    struct received r;
    uv_loop_t loop;
    uv_poll_t ended; /* the sender's pipe */
    int pipe;
    bool sender_ended;
    struct udp_receiver *udp;
    struct tcp_receiver *tcp;
    struct receive_sink sink;
};

static bool count_record(void *ctx, const struct receive_record *r)
{
    struct receiving *g = ctx;
    g->r.messages++;
    g->r.bytes += r->bytes.len;
    return true;
}

static void count_drops(void *ctx, uint32_t source, enum drop_cause why, uint64_t count)
{
    struct receiving *g = ctx;
    (void)source;
    (void)why;
    g->r.dropped += count;
}

static void on_sender(uv_poll_t *poll, int status, int events)
{
    struct receiving *g = poll->data;
    (void)status;
    (void)events;
    g->sender_ended = true;
    MUST(uv_poll_stop(poll));
}

static void receive_all(struct receiving *g)
{
    double cpu = bench_now_cpu();
    time_ns from = clock_mono();
    while (!g->sender_ended) {
        (void)uv_run(&g->loop, UV_RUN_ONCE);
    }
    for (int quiet = 0; quiet < QUIET_TURNS || (g->tcp != NULL && tcp_receiver_connections(g->tcp) > 0);) {
        uint64_t before = g->r.messages;
        (void)uv_run(&g->loop, UV_RUN_NOWAIT);
        quiet = g->r.messages == before ? quiet + 1 : 0;
    }
    if (g->udp != NULL) {
        (void)udp_receiver_count(g->udp);
    }
    g->r.cpu_s = bench_now_cpu() - cpu;
    g->r.wall_s = (double)(clock_mono() - from) / 1e9;
}

static int start(struct receiving *g, const struct receive_job *job, int fd, struct err *e)
{
    g->sink = (struct receive_sink){.ctx = g, .record = count_record, .dropped = count_drops};
    int rc = sandbox_enter(SANDBOX_INTAKE, e);
    if (rc == 0 && (uv_loop_init(&g->loop) != 0 || uv_poll_init(&g->loop, &g->ended, g->pipe) != 0)) {
        rc = err_set(e, ERR_IO, "no loop");
    }
    if (rc == 0) {
        g->ended.data = g;
        MUST(uv_poll_start(&g->ended, UV_READABLE | UV_DISCONNECT, on_sender));
        rc = job->tcp ? tcp_receiver_new(&g->loop, fd, 0, &g->sink, &g->tcp, e) : udp_receiver_new(&g->loop, fd, 0, &g->sink, NULL, &g->udp, e);
    }
    return rc;
}

static int judge(struct receiving *g, struct err *e)
{
    ssize_t n = read(g->pipe, &g->r.sent, sizeof g->r.sent);
    if (n != (ssize_t)sizeof g->r.sent) {
        return err_set(e, ERR_IO, "the sending process ended early");
    }
    if (g->r.sent.failed != 0) {
        return err_set_errno(e, ERR_IO, g->r.sent.failed, "sending");
    }
    if (g->r.messages + g->r.dropped != g->r.sent.messages) {
        return err_set(e, ERR_INVALID, "%llu were sent, %llu received and %llu counted as dropped", (unsigned long long)g->r.sent.messages,
                       (unsigned long long)g->r.messages, (unsigned long long)g->r.dropped);
    }
    return 0;
}

static void receiver(void *arg, int out)
{
    static struct receiving g;
    const struct receive_job *job = arg;
    struct listen_address at;
    char text[LISTEN_TEXT_MAX];
    struct err e = {0};
    int fd = -1;
    int ends[2];
    int rc = listen_parse(SPAN("127.0.0.1:0"), &at, &e);
    rc = rc == 0 ? (job->tcp ? listen_tcp(&at, 1, &fd, &e) : listen_udp(&at, 1, &fd, &e)) : rc;
    rc = rc == 0 ? listen_parse(span_of(listen_format(fd, text)), &at, &e) : rc;
    rc = rc == 0 && pipe(ends) != 0 ? err_set_errno(&e, ERR_IO, errno, "pipe") : rc;
    pid_t pid = rc == 0 ? fork() : -1;
    if (pid == 0) {
        (void)close(ends[0]);
        (void)close(fd);
        (void)close(out);
        sender(job, &at, ends[1]);
    }
    rc = rc == 0 && pid < 0 ? err_set_errno(&e, ERR_IO, errno, "fork") : rc;
    if (rc == 0) {
        (void)close(ends[1]);
        g.pipe = ends[0];
        rc = start(&g, job, fd, &e);
    }
    if (rc == 0) {
        receive_all(&g);
        rc = judge(&g, &e);
    }
    if (rc != 0) {
        (void)snprintf(g.r.error, sizeof g.r.error, "%.250s", e.text);
    }
    cli_child_write(out, span_make((const char *)&g.r, sizeof g.r));
    _exit(0);
}

static int measure(const struct bench_options *o, bool tcp, struct received *out, struct err *e)
{
    struct receive_job job = {o, tcp};
    struct buf answer;
    int status = 0;
    buf_init(&answer, 1 << 16);
    int rc = cli_child(receiver, &job, "the receiving process", &answer, &status, e);
    if (rc == 0 && (answer.len != sizeof *out || status != 0)) {
        rc = err_set(e, ERR_IO, "the receiving process ended early (status %d)", status);
    }
    if (rc == 0) {
        memcpy(out, answer.data, sizeof *out);
        out->error[sizeof out->error - 1] = '\0';
        rc = out->error[0] == '\0' ? 0 : err_set(e, ERR_INVALID, "%s", out->error);
    }
    buf_free(&answer);
    return rc;
}

static double per(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static void put_json(struct json_writer *j, const char *name, size_t bytes, const struct received *r)
{
    const struct {
        const char *key;
        uint64_t value;
    } whole[] = {{"bytes_each", bytes}, {"sent", r->sent.messages}, {"received", r->messages}, {"dropped", r->dropped}};
    const struct {
        const char *key;
        double value;
    } parts[] = {{"per_cpu_s", per((double)r->messages, r->cpu_s)}, {"cpu_s", r->cpu_s},
                 {"per_wall_s", per((double)r->messages, r->wall_s)}, {"wall_s", r->wall_s}, {"sender_cpu_s", r->sent.cpu_s}};
    json_object(j);
    json_key(j, "case");
    json_text(j, span_of(name));
    for (size_t i = 0; i < ARRAY_LEN(whole); i++) {
        json_key(j, whole[i].key);
        json_u64(j, whole[i].value);
    }
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        json_key(j, parts[i].key);
        json_double(j, parts[i].value);
    }
    json_end(j);
}

static void print_json(const struct bench_text *t, const struct received *all, const char *const *names, const size_t *bytes)
{
    struct buf b;
    struct json_writer j;
    buf_init(&b, 65536);
    json_writer_init(&j, &b);
    json_object(&j);
    json_key(&j, "bench");
    json_text(&j, SPAN("receive"));
    json_key(&j, "build");
    json_text(&j, span_of(t->build));
    json_key(&j, "cpu");
    json_text(&j, span_of(t->cpu));
    json_key(&j, "cases");
    json_array(&j);
    for (size_t i = 0; i < 2; i++) {
        put_json(&j, names[i], bytes[i], &all[i]);
    }
    json_end(&j);
    json_end(&j);
    (void)printf("%.*s\n", (int)b.len, b.data);
    buf_free(&b);
}

int bench_receive(const struct bench_options *o, const struct bench_text *t, struct err *e)
{
    static const char *const names[] = {"udp", "tcp"};
    static const size_t bytes[] = {RECEIVE_UDP_BYTES - 1, RECEIVE_LINE_BYTES};
    struct received all[2];
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < 2; i++) {
        rc = measure(o, i == 1, &all[i], e);
    }
    if (rc == 0 && t->json) {
        print_json(t, all, names, bytes);
    } else if (rc == 0) {
        (void)printf("receive and framing only, one receiver, %s\n", t->cpu);
        for (size_t i = 0; i < 2; i++) {
            const struct received *r = &all[i];
            (void)printf("  %s, %zu bytes each: %.0f per receiver CPU second (%.2f s), %.0f per second of wall time; %llu sent = %llu received + %llu "
                         "dropped and counted; the sender %.2f s\n", names[i], bytes[i], per((double)r->messages, r->cpu_s), r->cpu_s,
                         per((double)r->messages, r->wall_s), (unsigned long long)r->sent.messages, (unsigned long long)r->messages,
                         (unsigned long long)r->dropped, r->sent.cpu_s);
        }
    }
    return rc;
}
