/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The collector of `sereno bench e2e`: POST /ingest over a few lasting connections, each batch sent when the one before it was
 * acked, and once more after a 429. A process of its own, so that what sending costs is told apart from what the node costs.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/num.h"
#include "cli/bench_e2e.h"
#include "cli/bench_priv.h"
#include "cli/child.h"

enum { HEAD_MAX = 512, ANSWER_MAX = 4096, AGAIN_MS = 500, STUCK_S = 120, LINES_MAX = BENCH_CONNECTIONS_MAX * BENCH_CORES_MAX };

enum line_state { LINE_FREE, LINE_WAITS /* to send again */, LINE_SENDS, LINE_LISTENS };

/* One connection. */
struct line {
    int fd;
    enum line_state state;
    const struct bench_batch *batch;
    char head[HEAD_MAX];
    size_t head_len, sent;
    char answer[ANSWER_MAX];
    size_t got;
    time_ns due; /* LINE_WAITS */
};

struct sending {
    const struct bench_options *o;
    const struct bench_feed *feed;
    const struct listen_address *to;
    const char *token;
    struct bench_sent done;
    uint64_t begun; /* events of batches that were begun */
    uint64_t next;  /* batch */
    time_ns from;
    struct line lines[LINES_MAX];
    size_t nlines;
};

static int dial(struct sending *s, struct line *l, struct err *e)
{
    l->fd = socket(s->to->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    l->state = LINE_FREE;
    return l->fd >= 0 && connect(l->fd, (const struct sockaddr *)&s->to->addr, s->to->len) == 0
               ? 0
               : err_set_errno(e, ERR_IO, errno, "the node cannot be reached");
}

static void begin(struct sending *s, struct line *l)
{
    l->head_len = (size_t)snprintf(l->head, sizeof l->head,
                                   "POST /ingest HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n"
                                   "Content-Type: application/x-ndjson\r\nContent-Length: %u\r\n\r\n", s->token, l->batch->len);
    CHECK(l->head_len < sizeof l->head);
    l->sent = l->got = 0;
    l->state = LINE_SENDS;
}

static bool ends(const struct sending *s, time_ns now)
{
    if (s->o->events > 0) {
        return s->begun >= s->o->events;
    }
    return s->o->seconds > 0 ? now - s->from >= (time_ns)s->o->seconds * TIME_SECOND : s->begun >= s->feed->events;
}

/* Gives a free line its next batch, when one is due. */
static void give(struct sending *s, struct line *l, time_ns now)
{
    double allowed = s->o->rate == 0 ? 1e18 : (double)s->o->rate * (double)(now - s->from) / 1e9;
    if (!ends(s, now) && (double)s->begun <= allowed) {
        l->batch = &s->feed->batches[s->next];
        s->next = (s->next + 1) % s->feed->nbatches;
        s->begun += l->batch->events;
        begin(s, l);
    }
}

static int write_some(struct sending *s, struct line *l, struct err *e)
{
    size_t all = l->head_len + l->batch->len;
    while (l->sent < all) {
        bool head = l->sent < l->head_len;
        const char *at = head ? l->head + l->sent : s->feed->data + l->batch->at + (l->sent - l->head_len);
        ssize_t n = send(l->fd, at, (head ? l->head_len : all) - l->sent, MSG_NOSIGNAL | MSG_DONTWAIT | (head ? MSG_MORE : 0));
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return 0;
        }
        if (n < 0 && (errno == EPIPE || errno == ECONNRESET)) {
            break; /* refused before it was read: the answer says so */
        }
        if (n <= 0) {
            return err_set_errno(e, ERR_IO, errno, "sending");
        }
        l->sent += (size_t)n;
    }
    l->state = LINE_LISTENS;
    return 0;
}

/* "name":number in an answer of one flat object. */
static bool number_of(struct span answer, struct span name, uint64_t *out)
{
    const char *at = memmem(answer.ptr, answer.len, name.ptr, name.len);
    struct span rest = at == NULL ? SPAN("") : span_make(at + name.len, (size_t)(answer.ptr + answer.len - at) - name.len);
    size_t n = 0;
    while (n < rest.len && rest.ptr[n] >= '0' && rest.ptr[n] <= '9') {
        n++;
    }
    return num_u64(span_sub(rest, 0, n), out);
}

/* A whole answer is here. */
static int take_answer(struct sending *s, struct line *l, struct err *e)
{
    struct span a = span_make(l->answer, l->got);
    uint64_t kept = 0;
    uint64_t bad = 0;
    if (span_starts(a, SPAN("HTTP/1.1 429 "))) {
        s->done.again++;
        l->state = LINE_WAITS;
        l->due = clock_mono() + AGAIN_MS * (TIME_SECOND / 1000);
        return 0;
    }
    if (!span_starts(a, SPAN("HTTP/1.1 200 ")) || !number_of(a, SPAN("\"kept\":"), &kept) || !number_of(a, SPAN("\"bad\":"), &bad) ||
        kept != l->batch->events) {
        return err_set(e, ERR_IO, "the node answered \"%.*s\" to %u events", (int)(a.len > 120 ? 120 : a.len), a.ptr, l->batch->events);
    }
    s->done.events += kept;
    s->done.bad += bad;
    s->done.bytes += l->batch->len - l->batch->events;
    s->done.batches++;
    s->done.wall_s = (double)(clock_mono() - s->from) / 1e9;
    l->state = LINE_FREE;
    return 0;
}

static int read_some(struct sending *s, struct line *l, struct err *e)
{
    ssize_t n = recv(l->fd, l->answer + l->got, sizeof l->answer - l->got, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n <= 0) {
        return err_set(e, ERR_CLOSED, "the node closed a connection without an answer");
    }
    l->got += (size_t)n;
    const char *end = memmem(l->answer, l->got, "\r\n\r\n", 4);
    if (end != NULL && l->answer[l->got - 1] == '\n' && end + 4 < l->answer + l->got) {
        return take_answer(s, l, e);
    }
    return l->got < sizeof l->answer ? 0 : err_set(e, ERR_LIMIT, "the node's answer is too long");
}

static int step(struct sending *s, struct line *l, short seen, time_ns now, struct err *e)
{
    int rc = 0;
    if (l->state == LINE_WAITS && now >= l->due) { /* who refused did not read on: a new connection */
        (void)close(l->fd);
        rc = dial(s, l, e);
        begin(s, l);
    } else if (l->state == LINE_SENDS && (seen & POLLIN) != 0) { /* an answer before its time: refused */
        rc = read_some(s, l, e);
    } else if (l->state == LINE_SENDS && seen != 0) {
        rc = write_some(s, l, e);
    } else if (l->state == LINE_LISTENS && seen != 0) {
        rc = read_some(s, l, e);
    }
    if (rc == 0 && l->state == LINE_FREE) {
        give(s, l, now);
    }
    return rc;
}

static bool all_free(const struct sending *s)
{
    for (size_t i = 0; i < s->nlines; i++) {
        if (s->lines[i].state != LINE_FREE) {
            return false;
        }
    }
    return true;
}

static int send_all(struct sending *s, struct err *e)
{
    struct pollfd polls[LINES_MAX];
    time_ns heard = s->from = clock_mono();
    uint64_t before = 0;
    int rc = 0;
    while (rc == 0 && !(all_free(s) && ends(s, clock_mono()))) {
        for (size_t i = 0; i < s->nlines; i++) {
            const struct line *l = &s->lines[i];
            short want = l->state == LINE_SENDS ? POLLIN | POLLOUT : l->state == LINE_LISTENS ? POLLIN : 0;
            polls[i] = (struct pollfd){.fd = want == 0 ? -1 : l->fd, .events = want};
        }
        bool idle = all_free(s);
        if (poll(polls, s->nlines, idle && s->begun == 0 ? 0 : 5) < 0 && errno != EINTR) {
            return err_set_errno(e, ERR_IO, errno, "poll");
        }
        time_ns now = clock_mono();
        for (size_t i = 0; rc == 0 && i < s->nlines; i++) {
            rc = step(s, &s->lines[i], polls[i].fd < 0 ? 0 : polls[i].revents, now, e);
        }
        heard = s->done.batches != before || idle ? now : heard;
        before = s->done.batches;
        if (rc == 0 && now - heard > STUCK_S * TIME_SECOND) {
            rc = err_set(e, ERR_IO, "nothing was acked for %d s", (int)STUCK_S);
        }
    }
    return rc;
}

static void sender(void *arg, int out)
{
    struct sending *s = arg;
    struct err e = {0};
    int rc = 0;
    s->nlines = (size_t)s->o->connections * s->o->cores;
    for (size_t i = 0; rc == 0 && i < s->nlines; i++) {
        rc = dial(s, &s->lines[i], &e);
    }
    double cpu = bench_now_cpu();
    rc = rc == 0 ? send_all(s, &e) : rc;
    s->done.cpu_s = bench_now_cpu() - cpu;
    if (rc != 0) {
        (void)snprintf(s->done.error, sizeof s->done.error, "%.250s", e.text);
    }
    cli_child_write(out, span_make((const char *)&s->done, sizeof s->done));
    _exit(0);
}

int bench_send(const struct bench_options *o, const struct bench_feed *f, const struct listen_address *to, const char *token,
               struct bench_sent *out, struct err *e)
{
    static struct sending s; /* large; one per process */
    struct buf answer;
    int status = 0;
    memset(&s, 0, sizeof s);
    s.o = o;
    s.feed = f;
    s.to = to;
    s.token = token;
    buf_init(&answer, 1 << 16);
    int rc = cli_child(sender, &s, "the sending process", &answer, &status, e);
    if (rc == 0 && (answer.len != sizeof *out || status != 0)) {
        rc = err_set(e, ERR_IO, "the sending process ended early (status %d)", status);
    }
    if (rc == 0) {
        memcpy(out, answer.data, sizeof *out);
        out->error[sizeof out->error - 1] = '\0';
        rc = out->error[0] == '\0' ? 0 : err_set(e, ERR_IO, "%s", out->error);
    }
    buf_free(&answer);
    return rc;
}
