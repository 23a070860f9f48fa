/* SPDX-License-Identifier: EUPL-1.2 */
/* UDP receiver: see udp.h. Runs in intake. Must never block, never answer. */
#include "flow/receive/udp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"

struct udp_slot {
    struct sockaddr_storage from;
    char data[UDP_DATAGRAM_MAX];
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(uint32_t))];
};

struct udp_receiver {
    uv_poll_t poll;
    int fd;
    uint32_t source;
    const struct receive_sink *sink;
    struct udp_counted counted;
    struct receive_pace pace; /* in datagrams */
    struct sockaddr_storage last; /* who sent the last one, and that as text */
    socklen_t last_len;
    char address[RECEIVE_ADDRESS_MAX];
    struct span sender;
    struct mmsghdr messages[UDP_BATCH];
    struct iovec io[UDP_BATCH];
    struct udp_slot slots[UDP_BATCH]; /* touched only as far as datagrams fill it */
};

struct span receive_address(const struct sockaddr *address, char out[RECEIVE_ADDRESS_MAX])
{
    const void *bytes = NULL;
    int family = address->sa_family;
    struct sockaddr_in in4;
    struct sockaddr_in6 in6;
    if (family == AF_INET) {
        memcpy(&in4, address, sizeof in4);
        bytes = &in4.sin_addr;
    } else if (family == AF_INET6) {
        memcpy(&in6, address, sizeof in6);
        bytes = &in6.sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr)) {
            bytes = &in6.sin6_addr.s6_addr[12];
            family = AF_INET;
        }
    }
    if (bytes == NULL || inet_ntop(family, bytes, out, RECEIVE_ADDRESS_MAX) == NULL) {
        out[0] = '\0';
    }
    return span_of(out);
}

/* The socket counts what it drops, up to 2^32 and on from zero. */
static void note_drops(struct udp_receiver *u, uint32_t now)
{
    if (now != u->counted.drops) {
        u->sink->dropped(u->sink->ctx, u->source, DROP_BUFFER, (uint32_t)(now - u->counted.drops));
        u->counted.drops = now;
    }
}

/* The counter comes with each message: how many the socket had dropped when it came. */
static void count_drops(struct udp_receiver *u, struct msghdr *m)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t now;
            memcpy(&now, CMSG_DATA(c), sizeof now);
            if ((int32_t)(now - u->counted.drops) > 0) { /* one that waited while we asked the socket itself is older */
                note_drops(u, now);
            }
        }
    }
}

static void prepare(struct udp_receiver *u, int n)
{
    for (int i = 0; i < n; i++) {
        struct udp_slot *s = &u->slots[i];
        u->io[i] = (struct iovec){s->data, sizeof s->data};
        u->messages[i].msg_hdr = (struct msghdr){
            .msg_name = &s->from,
            .msg_namelen = sizeof s->from,
            .msg_iov = &u->io[i],
            .msg_iovlen = 1,
            .msg_control = s->control,
            .msg_controllen = sizeof s->control,
        };
    }
}

/* The sender's address as text, of the last one without asking again: datagrams mostly come in rows. */
static struct span sender_of(struct udp_receiver *u, const struct sockaddr_storage *from, socklen_t len)
{
    len = len > sizeof u->last ? sizeof u->last : len;
    if (len != u->last_len || memcmp(from, &u->last, len) != 0) {
        memcpy(&u->last, from, len);
        u->last_len = len;
        u->sender = receive_address((const struct sockaddr *)from, u->address);
    }
    return u->sender;
}

static int receive_batch(struct udp_receiver *u)
{
    int n = recvmmsg(u->fd, u->messages, (unsigned)u->pace.step, MSG_DONTWAIT, NULL);
    if (n <= 0) {
        return n;
    }
    time_ns now = clock_now();
    for (int i = 0; i < n; i++) {
        struct msghdr *m = &u->messages[i].msg_hdr;
        count_drops(u, m);
        struct receive_record r = {
            .bytes = span_make(u->slots[i].data, u->messages[i].msg_len),
            .source = u->source,
            .sender = sender_of(u, &u->slots[i].from, m->msg_namelen),
            .received = now,
            .cut = (m->msg_flags & MSG_TRUNC) != 0,
        };
        (void)u->sink->record(u->sink->ctx, &r);
    }
    prepare(u, n); /* the kernel wrote into lengths and flags */
    return n;
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct udp_receiver *u = poll->data;
    (void)events;
    if (status < 0) {
        log_error("receive.udp", "source=%u why=\"%s\"", u->source, uv_strerror(status));
        return;
    }
    receive_pace_begin(&u->pace, true);
    for (int i = 0; i < UDP_BATCHES_PER_WAKE && uv_is_active((uv_handle_t *)poll) != 0; i++) {
        int n = receive_batch(u);
        if (n <= 0 || !receive_pace_goes_on(&u->pace, (size_t)n)) {
            return;
        }
    }
}

struct udp_counted udp_receiver_count(struct udp_receiver *u)
{
    uint32_t memory[SK_MEMINFO_VARS] = {0};
    socklen_t len = sizeof memory;
    if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, memory, &len) == 0 && len > SK_MEMINFO_DROPS * sizeof memory[0]) {
        note_drops(u, memory[SK_MEMINFO_DROPS]);
    }
    return u->counted;
}

int udp_receiver_new(uv_loop_t *loop, int fd, uint32_t source, const struct receive_sink *sink,
                     const struct udp_counted *before, struct udp_receiver **out, struct err *e)
{
    struct udp_receiver *u = mem_alloc(sizeof *u);
    socklen_t len = sizeof u->counted.socket;
    /* A kernel without cookies: drops of a socket that an earlier intake read may be counted twice. */
    (void)getsockopt(fd, SOL_SOCKET, SO_COOKIE, &u->counted.socket, &len);
    u->counted.drops = before != NULL && before->socket == u->counted.socket ? before->drops : 0;
    u->fd = fd;
    u->source = source;
    u->sink = sink;
    u->poll.data = u;
    prepare(u, UDP_BATCH);
    receive_pace_init(&u->pace, 1, UDP_BATCH);
    int rc = uv_poll_init(loop, &u->poll, fd);
    if (rc != 0) {
        mem_free(u);
        (void)close(fd);
        return err_set(e, ERR_IO, "UDP socket: %s", uv_strerror(rc));
    }
    MUST(uv_poll_start(&u->poll, UV_READABLE, on_readable));
    *out = u;
    return 0;
}

static void on_close(uv_handle_t *handle)
{
    struct udp_receiver *u = handle->data;
    (void)close(u->fd);
    mem_free(u);
}

void udp_receiver_free(struct udp_receiver **u)
{
    if (*u != NULL) {
        uv_close((uv_handle_t *)&(*u)->poll, on_close);
        *u = NULL;
    }
}

void udp_receiver_source(struct udp_receiver *u, uint32_t source)
{
    u->source = source;
}

void udp_receiver_pause(struct udp_receiver *u, bool pause)
{
    if (pause) {
        MUST(uv_poll_stop(&u->poll));
    } else {
        MUST(uv_poll_start(&u->poll, UV_READABLE, on_readable));
    }
}
