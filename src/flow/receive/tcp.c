/* SPDX-License-Identifier: EUPL-1.2 */
/* TCP receiver: see tcp.h. Runs in intake. Memory per connection is bounded by RECEIVE_LINE_MAX;
 * never answers. */
#include "flow/receive/tcp.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "wire/syslog_frame.h"

struct connection {
    uv_poll_t poll;
    int fd;
    struct tcp_receiver *owner;
    struct connection *next;
    struct connection **back; /* what points at this one */
    struct syslog_framer framer;
    char address[RECEIVE_ADDRESS_MAX];
    struct span sender; /* in address */
    uint64_t skipped_told;
};

struct tcp_receiver {
    uv_poll_t poll;
    int fd;
    int spare_fd; /* given up for a moment when fds run out, to turn a sender away instead of
                     spinning */
    uint32_t source;
    const struct receive_sink *sink;
    struct connection *connections;
    size_t count;
    bool paused;
    struct receive_pace pace;
    uint64_t turn; /* the loop's time of the turn that pace.end ends: all connections together have one */
    char read_buffer[TCP_READ_BYTES];
};

static void on_connection_closed(uv_handle_t *handle)
{
    struct connection *c = handle->data;
    (void)close(c->fd);
    mem_free(c);
}

static struct receive_record record_of(const struct connection *c, time_ns received)
{
    return (struct receive_record){.source = c->owner->source, .sender = c->sender, .received = received};
}

static void hand_on(const struct receive_sink *sink, struct receive_record *r, const struct syslog_frame *frame)
{
    r->bytes = frame->bytes;
    r->cut = frame->cut;
    (void)sink->record(sink->ctx, r);
}

static void end_connection(struct connection *c)
{
    struct syslog_frame frame;
    struct receive_record r = record_of(c, clock_now());
    while (syslog_framer_end(&c->framer, &frame)) {
        hand_on(c->owner->sink, &r, &frame);
    }
    syslog_framer_fini(&c->framer);
    *c->back = c->next;
    if (c->next != NULL) {
        c->next->back = c->back;
    }
    c->owner->count--;
    uv_close((uv_handle_t *)&c->poll, on_connection_closed);
}

/* Frames of one read: they came together, at one time. */
static void feed(struct connection *c, struct span input)
{
    struct syslog_frame frame;
    struct receive_record r = record_of(c, clock_now());
    receive_handles(c->owner->sink, c->owner->source, true);
    while (syslog_framer_next(&c->framer, &input, &frame)) {
        hand_on(c->owner->sink, &r, &frame);
    }
    receive_handles(c->owner->sink, c->owner->source, false);
    if (c->framer.skipped_bytes != c->skipped_told) {
        log_warn("receive.cut", "source=%u sender=%s bytes=%llu", c->owner->source, c->address,
                 (unsigned long long)(c->framer.skipped_bytes - c->skipped_told));
        c->skipped_told = c->framer.skipped_bytes;
    }
}

static void on_data(uv_poll_t *poll, int status, int events)
{
    struct connection *c = poll->data;
    struct tcp_receiver *t = c->owner;
    (void)events;
    if (status < 0) {
        end_connection(c);
        return;
    }
    receive_pace_begin(&t->pace, t->turn != uv_now(poll->loop));
    t->turn = uv_now(poll->loop);
    for (int i = 0; i < TCP_READS_PER_WAKE && !t->paused; i++) { /* a sink that has enough pauses us on the way */
        ssize_t n = recv(c->fd, t->read_buffer, t->pace.step, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0) { /* ended, or torn off: either way nothing more will come */
            end_connection(c);
            return;
        }
        feed(c, span_make(t->read_buffer, (size_t)n));
        if (!receive_pace_goes_on(&t->pace, (size_t)n)) {
            return;
        }
    }
}

static size_t count_of(const struct tcp_receiver *t, struct span address)
{
    size_t n = 0;
    for (const struct connection *c = t->connections; c != NULL; c = c->next) {
        n += span_eq(span_of(c->address), address);
    }
    return n;
}

static void turn_away(struct tcp_receiver *t, int fd, const char *address, const char *why)
{
    log_warn("receive.refused", "source=%u sender=%s why=\"%s\"", t->source, address, why);
    (void)close(fd);
    t->sink->dropped(t->sink->ctx, t->source, DROP_REFUSED, 1);
}

static void take_connection(struct tcp_receiver *t, int fd, const struct sockaddr *from)
{
    char address[RECEIVE_ADDRESS_MAX];
    struct span text = receive_address(from, address);
    if (t->count >= TCP_CONNECTIONS_MAX) {
        turn_away(t, fd, address, "too many connections");
        return;
    }
    if (count_of(t, text) >= TCP_CONNECTIONS_PER_SENDER) {
        turn_away(t, fd, address, "too many connections of this sender");
        return;
    }
    struct connection *c = mem_alloc(sizeof *c);
    c->fd = fd;
    c->owner = t;
    c->poll.data = c;
    memcpy(c->address, address, sizeof address);
    c->sender = span_of(c->address);
    if (uv_poll_init(t->poll.loop, &c->poll, fd) != 0) {
        mem_free(c);
        turn_away(t, fd, address, "cannot be watched");
        return;
    }
    int on = 1; /* a sender that vanished without a word is noticed, and its place is free again */
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    syslog_framer_init(&c->framer, SYSLOG_FRAMING_AUTO, RECEIVE_LINE_MAX);
    c->next = t->connections;
    c->back = &t->connections;
    if (c->next != NULL) {
        c->next->back = &c->next;
    }
    t->connections = c;
    t->count++;
    MUST(uv_poll_start(&c->poll, UV_READABLE, on_data));
}

/* Out of fds: without the spare one the listener would be ready for ever and the loop would spin.
 */
static void shed(struct tcp_receiver *t)
{
    (void)close(t->spare_fd);
    int fd = accept4(t->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        turn_away(t, fd, "-", "out of file descriptors");
    }
    t->spare_fd = fcntl(t->fd, F_DUPFD_CLOEXEC, 3);
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
    struct tcp_receiver *t = poll->data;
    (void)events;
    for (int i = 0; status >= 0 && i < 64; i++) {
        struct sockaddr_storage from = {0};
        socklen_t len = sizeof from;
        int fd = accept4(t->fd, (struct sockaddr *)&from, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EMFILE || errno == ENFILE)) {
            shed(t);
        }
        if (fd < 0) {
            return;
        }
        take_connection(t, fd, (const struct sockaddr *)&from);
    }
}

int tcp_receiver_new(uv_loop_t *loop, int fd, uint32_t source, const struct receive_sink *sink,
                     struct tcp_receiver **out, struct err *e)
{
    struct tcp_receiver *t = mem_alloc(sizeof *t);
    t->fd = fd;
    t->spare_fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    t->source = source;
    t->sink = sink;
    t->poll.data = t;
    receive_pace_init(&t->pace, RECEIVE_STEP_MIN, sizeof t->read_buffer);
    int rc = uv_poll_init(loop, &t->poll, fd);
    if (rc != 0) {
        (void)close(fd);
        (void)close(t->spare_fd);
        mem_free(t);
        return err_set(e, ERR_IO, "TCP listener: %s", uv_strerror(rc));
    }
    MUST(uv_poll_start(&t->poll, UV_READABLE, on_connect));
    *out = t;
    return 0;
}

static void on_listener_closed(uv_handle_t *handle)
{
    struct tcp_receiver *t = handle->data;
    (void)close(t->fd);
    (void)close(t->spare_fd);
    mem_free(t);
}

void tcp_receiver_free(struct tcp_receiver **given)
{
    struct tcp_receiver *t = *given;
    if (t == NULL) {
        return;
    }
    while (t->connections != NULL) {
        end_connection(t->connections);
    }
    uv_close((uv_handle_t *)&t->poll, on_listener_closed);
    *given = NULL;
}

void tcp_receiver_source(struct tcp_receiver *t, uint32_t source)
{
    t->source = source;
}

void tcp_receiver_pause(struct tcp_receiver *t, bool pause)
{
    t->paused = pause;
    for (struct connection *c = t->connections; c != NULL; c = c->next) {
        MUST(pause ? uv_poll_stop(&c->poll) : uv_poll_start(&c->poll, UV_READABLE, on_data));
    }
    MUST(pause ? uv_poll_stop(&t->poll) : uv_poll_start(&t->poll, UV_READABLE, on_connect));
}

size_t tcp_receiver_connections(const struct tcp_receiver *t)
{
    return t->count;
}
