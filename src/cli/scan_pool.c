/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The command's side of scan: forks caged workers, opens files and hands them over one by one, gathers what they tell,
 * prints files in the order given. A worker that dies takes down only the file it was reading, which is named.
 */
#include "cli/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { POOL_BAR_MS = 200, POOL_BAR_AFTER_S = 2, POOL_INPUTS_MAX = 20 * 1000 * 1000 };

struct pool_worker {
    pid_t pid;
    int sock;
    bool busy;
    uint32_t file;
};

struct pool {
    struct scan *s;
    struct pool_worker workers[SCAN_WORKERS_MAX];
    unsigned count;
    size_t next;    /* file to hand out next */
    size_t printed; /* files printed so far */
    uint64_t total_bytes;
    time_ns started;
    char *packet;
    bool correlating;
    bool bar_shown;
};

static int pool_spawn(struct pool *p, struct pool_worker *w, struct err *e)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        return err_set_errno(e, ERR_IO, errno, "socketpair");
    }
    (void)fflush(NULL);
    pid_t pid = fork();
    if (pid < 0) {
        return err_set_errno(e, ERR_IO, errno, "fork");
    }
    if (pid == 0) {
        for (unsigned i = 0; i < p->count; i++) {
            if (p->workers[i].sock >= 0 && &p->workers[i] != w) {
                (void)close(p->workers[i].sock);
            }
        }
        (void)close(ends[0]);
        scan_worker(ends[1], &p->s->engine, p->s->source, p->s->explain);
    }
    (void)close(ends[1]);
    *w = (struct pool_worker){.pid = pid, .sock = ends[0]};
    return 0;
}

static void send_with_fd(int sock, const struct buf *b, int fd)
{
    union {
        char room[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = {0};
    struct iovec iov = {b->data, b->len};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};
    if (fd >= 0) {
        msg.msg_control = control.room;
        msg.msg_controllen = sizeof control.room;
        struct cmsghdr *cm = CMSG_FIRSTHDR(&msg);
        cm->cmsg_level = SOL_SOCKET;
        cm->cmsg_type = SCM_RIGHTS;
        cm->cmsg_len = CMSG_LEN(sizeof fd);
        memcpy(CMSG_DATA(cm), &fd, sizeof fd);
    }
    /* A dead worker shows up as end of file on its socket; nothing to do here. */
    while (sendmsg(sock, &msg, MSG_NOSIGNAL) < 0 && errno == EINTR) {
    }
}

static void print_files(struct pool *p)
{
    struct scan *s = p->s;
    /* Correlations may still add lines to any file. */
    if (s->engine.correlations > 0 && !p->correlating) {
        return;
    }
    while (p->printed < s->files.len) {
        struct scan_file *f = &s->files.data[p->printed];
        if (f->parts_done < f->parts) {
            return;
        }
        if (p->bar_shown) {
            (void)fputs("\r\033[K", stderr);
            p->bar_shown = false;
        }
        scan_print_file(s, f);
        p->printed++;
    }
}

static void file_failed(struct pool *p, struct scan_file *f, const char *why)
{
    struct buf b;
    buf_init(&b, 8192);
    cli_put_safe(&b, span_sub(span_of(f->name), 0, 2048));
    buf_cstr(&b, ": ");
    cli_put_safe(&b, span_sub(span_of(why), 0, 1024));
    (void)fprintf(stderr, "sereno: %.*s\n", (int)b.len, b.data);
    buf_free(&b);
    f->failed = true;
    p->s->unread = true;
}

/* Opens the next file that can be opened and hands (a part of) it to w. False when there is none. */
static bool pool_assign(struct pool *p, struct pool_worker *w)
{
    while (p->next < p->s->files.len) {
        struct scan_file *f = &p->s->files.data[p->next];
        uint32_t number = (uint32_t)p->next;
        int fd = strcmp(f->path, "-") == 0 ? dup(STDIN_FILENO) : open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
        uint8_t part = f->parts_sent++;
        if (f->parts_sent == f->parts) {
            p->next++;
        }
        if (fd < 0) {
            if (!f->failed) {
                file_failed(p, f, strerror(errno));
            }
            f->parts_done++;
            continue;
        }
        struct buf b;
        buf_init(&b, 256);
        buf_u8(&b, PACKET_JOB);
        buf_u32(&b, number);
        buf_u32(&b, (uint32_t)f->declared);
        buf_u8(&b, f->format);
        buf_u8(&b, part);
        buf_u8(&b, f->parts);
        send_with_fd(w->sock, &b, fd);
        buf_free(&b);
        (void)close(fd);
        w->busy = true;
        w->file = number;
        return true;
    }
    return false;
}

static struct scan_file *packet_file(struct pool *p, struct cursor *c)
{
    uint32_t number = cursor_u32(c);
    if (number >= p->s->files.len) {
        c->failed = true;
        return NULL;
    }
    return &p->s->files.data[number];
}

static void take_alerts(struct pool *p, struct cursor *c)
{
    while (cursor_left(c) > 0) {
        struct scan_file *f = packet_file(p, c);
        uint64_t index = cursor_u64(c);
        struct span id = cursor_str(c);
        struct span encoded = cursor_str(c);
        if (f == NULL || c->failed) {
            return;
        }
        struct scan_alert a = {index, arena_copy(&f->arena, id), {NULL, 0}};
        /* The text table needs only the rule id; the rest needs the alert. */
        if (p->s->format != SCAN_TSV || p->s->summary != NULL) {
            a.encoded = arena_copy(&f->arena, encoded);
        }
        vec_push(&f->alerts, a);
    }
}

static void take_inputs(struct pool *p, struct cursor *c)
{
    while (cursor_left(c) > 0 && !c->failed) {
        struct scan_input in = {0}; /* one statement each: initialisers have no order */
        in.rule = cursor_u32(c);
        in.time = (int64_t)cursor_u64(c);
        in.file = cursor_u32(c);
        in.index = cursor_u64(c);
        const char *from = c->ptr;
        uint16_t n = cursor_u16(c);
        for (uint16_t i = 0; i < n && !c->failed; i++) {
            (void)cursor_u8(c);
            (void)cursor_str(c);
        }
        if (!c->failed && p->s->inputs.len < POOL_INPUTS_MAX) {
            in.values = arena_copy(&p->s->arena, span_make(from, (size_t)(c->ptr - from)));
            vec_push(&p->s->inputs, in);
        }
    }
}

static void take_done(struct pool *p, struct pool_worker *w, struct cursor *c)
{
    uint32_t number = cursor_u32(c);
    uint64_t events = cursor_u64(c);
    uint64_t bad = cursor_u64(c);
    (void)cursor_u64(c);
    struct span error = cursor_str(c);
    uint64_t late = cursor_u64(c);
    uint64_t evicted = cursor_u64(c);
    w->busy = false;
    p->s->late += late;
    p->s->evicted += evicted;
    if (number >= p->s->files.len) {
        return; /* the end of correlating */
    }
    struct scan_file *f = &p->s->files.data[number];
    f->events += events;
    f->bad += bad;
    f->parts_done++;
    if (bad > 0) {
        p->s->unread = true;
    }
    if (error.len > 0 && !f->failed) {
        char text[1024];
        (void)snprintf(text, sizeof text, "%.*s", SPAN_ARG(error));
        file_failed(p, f, text);
    }
}

static void take_packet(struct pool *p, struct pool_worker *w, struct span packet)
{
    struct cursor c = cursor_of(packet);
    uint8_t type = cursor_u8(&c);
    if (type == PACKET_ALERTS) {
        take_alerts(p, &c);
    } else if (type == PACKET_INPUTS) {
        take_inputs(p, &c);
    } else if (type == PACKET_DONE) {
        take_done(p, w, &c);
    } else if (type == PACKET_BAD || type == PACKET_PROGRESS) {
        struct scan_file *f = packet_file(p, &c);
        uint64_t a = cursor_u64(&c);
        if (f != NULL && type == PACKET_PROGRESS) {
            f->read_bytes = a;
        } else if (f != NULL) {
            uint64_t offset = cursor_u64(&c);
            struct span text = cursor_str(&c);
            scan_print_bad(p->s, f, a, offset, text);
        }
    } else {
        c.failed = true;
    }
    CHECK(!c.failed); /* a worker that speaks another language is our own mistake */
}

/* A worker is gone without saying DONE: name the file, start another worker. */
static int worker_died(struct pool *p, struct pool_worker *w, struct err *e)
{
    int status = 0;
    while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) {
    }
    (void)close(w->sock);
    w->sock = -1;
    if (!w->busy || p->correlating) {
        return err_set(e, ERR_CLOSED, "a worker ended by itself (status %d)", status);
    }
    struct scan_file *f = &p->s->files.data[w->file];
    char text[256];
    (void)snprintf(text, sizeof text, "the reader died of %s; the rest of this file is not read",
                   WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "an error");
    file_failed(p, f, text);
    f->parts_done++;
    w->busy = false;
    return pool_spawn(p, w, e);
}

static void show_bar(struct pool *p)
{
    time_ns run = clock_mono() - p->started;
    if (p->s->quiet || isatty(STDERR_FILENO) == 0 || run < POOL_BAR_AFTER_S * TIME_SECOND) {
        return;
    }
    uint64_t done = 0;
    size_t files = 0;
    for (size_t i = 0; i < p->s->files.len; i++) {
        const struct scan_file *f = &p->s->files.data[i];
        bool whole = f->parts_done == f->parts;
        done += whole ? f->size : f->read_bytes < f->size ? f->read_bytes : f->size;
        files += whole;
    }
    double part = p->total_bytes == 0 ? 1.0 : (double)done / (double)p->total_bytes;
    char bar[31];
    for (size_t i = 0; i < 30; i++) {
        bar[i] = (double)i < part * 30 ? '#' : '.';
    }
    bar[30] = '\0';
    (void)fprintf(stderr, "\r\033[K[%s] %3.0f %%  %zu of %zu files  %.0f s", bar, part * 100, files,
                  p->s->files.len, (double)run / 1e9);
    (void)fflush(stderr);
    p->bar_shown = true;
}

/* Waits for packets of any worker and handles what is there. */
static int pool_wait(struct pool *p, struct err *e)
{
    struct pollfd fds[SCAN_WORKERS_MAX];
    for (unsigned i = 0; i < p->count; i++) {
        fds[i] = (struct pollfd){p->workers[i].sock, POLLIN, 0};
    }
    int n = poll(fds, p->count, POOL_BAR_MS);
    if (n < 0 && errno != EINTR) {
        return err_set_errno(e, ERR_IO, errno, "poll");
    }
    show_bar(p);
    for (unsigned i = 0; i < p->count && n > 0; i++) {
        if (fds[i].revents == 0) {
            continue;
        }
        ssize_t got = recv(p->workers[i].sock, p->packet, SCAN_PACKET_MAX, 0);
        if (got > 0) {
            take_packet(p, &p->workers[i], span_make(p->packet, (size_t)got));
        } else if (got == 0 || errno != EINTR) {
            int rc = worker_died(p, &p->workers[i], e);
            if (rc != 0) {
                return rc;
            }
        }
    }
    return 0;
}

static bool pool_idle(struct pool *p)
{
    bool idle = true;
    for (unsigned i = 0; i < p->count; i++) {
        if (!p->workers[i].busy && !pool_assign(p, &p->workers[i])) {
            continue;
        }
        idle = false;
    }
    return idle;
}

static int by_time(const void *x, const void *y)
{
    const struct scan_input *a = x;
    const struct scan_input *b = y;
    if (a->time != b->time) {
        return a->time < b->time ? -1 : 1;
    }
    if (a->file != b->file) {
        return a->file < b->file ? -1 : 1;
    }
    if (a->index != b->index) {
        return a->index < b->index ? -1 : 1;
    }
    return (a->rule > b->rule) - (a->rule < b->rule);
}

/* All matches that correlations wait for, in event-time order, through one worker. */
static int pool_correlate(struct pool *p, struct err *e)
{
    struct scan *s = p->s;
    struct pool_worker *w = &p->workers[0];
    struct buf b;
    int rc = 0;
    p->correlating = true;
    if (s->inputs.len > 0) {
        qsort(s->inputs.data, s->inputs.len, sizeof *s->inputs.data, by_time);
    }
    buf_init(&b, SCAN_PACKET_MAX);
    w->busy = true;
    for (size_t i = 0; i <= s->inputs.len; i++) {
        bool last = i == s->inputs.len;
        if (b.len > 0 && (last || b.len > SCAN_PACKET_FILL)) {
            send_with_fd(w->sock, &b, -1);
            buf_clear(&b);
            struct pollfd pfd = {w->sock, POLLIN, 0};
            while (rc == 0 && poll(&pfd, 1, 0) > 0) {
                rc = pool_wait(p, e);
            }
        }
        if (!last) {
            const struct scan_input *in = &s->inputs.data[i];
            if (b.len == 0) {
                buf_u8(&b, PACKET_CORRELATE);
            }
            buf_u32(&b, in->rule);
            buf_u64(&b, (uint64_t)in->time);
            buf_u32(&b, in->file);
            buf_u64(&b, in->index);
            buf_span(&b, in->values);
        }
    }
    buf_clear(&b);
    buf_u8(&b, PACKET_FINISH);
    send_with_fd(w->sock, &b, -1);
    buf_free(&b);
    while (rc == 0 && w->busy) {
        rc = pool_wait(p, e);
    }
    return rc;
}

/* A file that is large beside the rest is read by all workers, each matching its own slices. */
static void plan_parts(struct pool *p)
{
    CHECK(p->count > 0);
    for (size_t i = 0; i < p->s->files.len; i++) {
        struct scan_file *f = &p->s->files.data[i];
        bool large = f->size > (1 << 20) && f->size > p->total_bytes / (2 * p->count);
        f->parts = large && strcmp(f->path, "-") != 0 ? (uint8_t)p->count : 1;
    }
}

static void pool_end(struct pool *p)
{
    for (unsigned i = 0; i < p->count; i++) {
        if (p->workers[i].sock >= 0) {
            (void)close(p->workers[i].sock);
            while (waitpid(p->workers[i].pid, NULL, 0) < 0 && errno == EINTR) {
            }
        }
    }
    if (p->bar_shown) {
        (void)fputs("\r\033[K", stderr);
    }
    mem_free(p->packet);
}

int scan_run(struct scan *s, struct err *e)
{
    struct pool p = {.s = s, .started = clock_mono(), .packet = mem_alloc(SCAN_PACKET_MAX)};
    int rc = 0;
    for (size_t i = 0; i < s->files.len; i++) {
        p.total_bytes += s->files.data[i].size;
    }
    for (unsigned i = 0; i < s->jobs && rc == 0; i++) {
        rc = pool_spawn(&p, &p.workers[i], e);
        p.count += rc == 0;
    }
    if (rc == 0) {
        plan_parts(&p);
    }
    while (rc == 0 && !pool_idle(&p)) {
        rc = pool_wait(&p, e);
        print_files(&p);
    }
    if (rc == 0 && s->engine.correlations > 0) {
        rc = pool_correlate(&p, e);
    }
    p.correlating = true;
    print_files(&p);
    pool_end(&p);
    return rc;
}
