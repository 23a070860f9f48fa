/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The sending half of a channel: see ipc.h. Small frames gather in chunks of 64 KiB, larger ones
 * get a chunk of their own. Called by every role. Must never block and never raise SIGPIPE.
 */
#include "os/ipc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

static void close_fds(const struct ipc *ch, struct ipc_chunk *k)
{
    for (unsigned i = 0; i < k->fd_count; i++) {
        if (ch->config.close_fd != NULL) {
            ch->config.close_fd(ch->config.arg, k->fds[i]);
        } else {
            (void)close(k->fds[i]);
        }
    }
    k->fd_count = 0;
}

static void chunk_free(const struct ipc *ch, struct ipc_chunk *k)
{
    close_fds(ch, k);
    mem_free(k);
}

static struct ipc_chunk *chunk_push(struct ipc *ch, size_t need)
{
    struct ipc_chunk *k = NULL;
    size_t cap = need > IPC_BATCH_BYTES ? need : IPC_BATCH_BYTES;
    if (cap == IPC_BATCH_BYTES && ch->spare != NULL) {
        k = ch->spare;
        ch->spare = NULL;
        k->next = NULL;
        k->len = k->sent = 0;
        k->fd_count = 0;
    } else {
        k = mem_alloc(sizeof *k + cap);
        k->cap = cap;
    }
    if (ch->tail == NULL) {
        ch->head = k;
    } else {
        ch->tail->next = k;
    }
    ch->tail = k;
    return k;
}

static void chunk_pop(struct ipc *ch)
{
    struct ipc_chunk *k = ch->head;
    ch->head = k->next;
    if (ch->head == NULL) {
        ch->tail = NULL;
    }
    close_fds(ch, k);
    if (k->cap == IPC_BATCH_BYTES && ch->spare == NULL) {
        ch->spare = k;
    } else {
        mem_free(k);
    }
}

void ipc_queue_clear(struct ipc *ch)
{
    while (ch->head != NULL) {
        struct ipc_chunk *k = ch->head;
        ch->head = k->next;
        chunk_free(ch, k);
    }
    ch->tail = NULL;
    ch->queued_bytes = 0;
    mem_free(ch->spare);
    ch->spare = NULL;
}

static ssize_t chunk_send(struct ipc *ch, struct ipc_chunk *k)
{
    struct iovec io = {k->data + k->sent, k->len - k->sent};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
    } control;
    if (k->fd_count > 0 && k->sent == 0) {
        memset(&control, 0, sizeof control);
        m.msg_control = control.bytes;
        m.msg_controllen = CMSG_SPACE(sizeof(int) * k->fd_count);
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int) * k->fd_count);
        memcpy(CMSG_DATA(c), k->fds, sizeof(int) * k->fd_count);
    }
    return sendmsg(ch->fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL);
}

int ipc_write_some(struct ipc *ch)
{
    while (ch->head != NULL && !ch->write_dead) {
        ssize_t n = chunk_send(ch, ch->head);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        /* ETOOMANYREFS: too many fds in flight for this user; they drain as the other side reads.
         */
        if (n < 0 && (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS)) {
            return ERR_BUSY;
        }
        if (n < 0) {
            ch->write_dead = true;
            break;
        }
        ch->head->sent += (size_t)n;
        ch->queued_bytes -= (size_t)n;
        if (ch->head->sent == ch->head->len) {
            chunk_pop(ch);
        }
    }
    if (ch->write_dead) {
        ipc_queue_clear(ch);
        return ERR_CLOSED;
    }
    return 0;
}

static void header_put(char *to, uint16_t type, uint16_t fd_count, uint64_t id, size_t len)
{
    /* A borrowed 16 bytes are a full buf: nothing grows. */
    struct buf b = {.data = to, .cap = IPC_HEADER_BYTES, .max = IPC_HEADER_BYTES};
    buf_u32(&b, (uint32_t)len);
    buf_u16(&b, type);
    buf_u16(&b, fd_count);
    buf_u64(&b, id);
    CHECK(!b.failed);
}

/* Room for one frame of `size` bytes with fd_count fds at the end of the queue. */
static struct ipc_chunk *queue_room(struct ipc *ch, size_t size, unsigned fd_count)
{
    struct ipc_chunk *k = ch->tail;
    if (fd_count == 0 && k != NULL && k->cap - k->len >= size) {
        return k;
    }
    if (k != NULL && !ch->want_write) {
        (void)ipc_write_some(ch); /* a full batch need not wait for the loop */
    }
    return chunk_push(ch, size);
}

static int fds_duplicate(struct ipc_chunk *k, const int *fds, unsigned fd_count)
{
    for (unsigned i = 0; i < fd_count; i++) {
        k->fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 3);
        if (k->fds[i] < 0) {
            return ERR_IO;
        }
        k->fd_count = i + 1;
    }
    return 0;
}

struct outgoing {
    uint16_t type;
    uint64_t id;
    const struct span *parts;
    size_t part_count;
    const int *fds;
    unsigned fd_count;
};

static size_t outgoing_bytes(const struct outgoing *o)
{
    size_t len = 0;
    for (size_t i = 0; i < o->part_count; i++) {
        if (o->parts[i].len > IPC_BODY_MAX) {
            return (size_t)IPC_BODY_MAX + 1;
        }
        len += o->parts[i].len;
    }
    return len;
}

static int queue_frame(struct ipc *ch, const struct outgoing *o, size_t len)
{
    size_t size = IPC_HEADER_BYTES + len;
    struct ipc_chunk *k = queue_room(ch, size, o->fd_count);
    if (ch->write_dead) {
        ipc_queue_clear(ch);
        return ERR_CLOSED;
    }
    int rc = fds_duplicate(k, o->fds, o->fd_count);
    if (rc != 0) {
        /* The chunk is new and empty: it may stay as a batch for the next frame, without the fds.
         */
        close_fds(ch, k);
        return rc;
    }
    char *to = k->data + k->len;
    header_put(to, o->type, (uint16_t)o->fd_count, o->id, len);
    to += IPC_HEADER_BYTES;
    for (size_t i = 0; i < o->part_count; i++) {
        if (o->parts[i].len > 0) {
            memcpy(to, o->parts[i].ptr, o->parts[i].len);
            to += o->parts[i].len;
        }
    }
    k->len += size;
    ch->queued_bytes += size;
    return 0;
}

static const struct ipc_type *row_of(const struct ipc *ch, const struct outgoing *o)
{
    CHECK(o->type < ch->config.table->count);
    const struct ipc_type *row = &ch->config.table->types[o->type];
    CHECK(row->name != NULL);
    CHECK((row->from & ch->config.self) != 0 && (row->to & ch->config.peer) != 0);
    bool may = (row->flags & (IPC_FD | IPC_FD_MAYBE)) != 0;
    bool must = (row->flags & IPC_FD) != 0;
    CHECK(o->fd_count <= IPC_FDS_MAX && (o->fd_count == 0 || may) && (o->fd_count > 0 || !must));
    return row;
}

static int send_outgoing(struct ipc *ch, const struct outgoing *o)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    const struct ipc_type *row = row_of(ch, o);
    if (ch->write_dead || ch->closing) {
        return ERR_CLOSED;
    }
    size_t len = outgoing_bytes(o);
    CHECK(len >= row->min_bytes);
    if (len > row->max_bytes || len > IPC_BODY_MAX ||
        ch->queued_bytes + len > IPC_QUEUE_MAX_BYTES) {
        return ERR_LIMIT;
    }
    bool counts = (row->flags & IPC_CREDIT) != 0;
    if (counts && !ipc_ready(ch)) {
        ch->blocked = true;
        return ERR_BUSY;
    }
    int rc = queue_frame(ch, o, len);
    if (rc == 0 && counts) {
        ch->used_bytes += IPC_HEADER_BYTES + len;
    }
    return rc;
}

int ipc_send(struct ipc *ch, uint16_t type, uint64_t id, struct span body)
{
    const struct outgoing o = {.type = type, .id = id, .parts = &body, .part_count = 1};
    return send_outgoing(ch, &o);
}

int ipc_send_parts(struct ipc *ch, uint16_t type, uint64_t id, const struct span *parts,
                   size_t count)
{
    const struct outgoing o = {.type = type, .id = id, .parts = parts, .part_count = count};
    return send_outgoing(ch, &o);
}

int ipc_send_fds(struct ipc *ch, uint16_t type, uint64_t id, struct span body, const int *fds,
                 unsigned fd_count)
{
    const struct outgoing o = {type, id, &body, 1, fds, fd_count};
    return send_outgoing(ch, &o);
}

void ipc_credit_return(struct ipc *ch, size_t bytes)
{
    ch->released_bytes += bytes;
    CHECK(ch->released_bytes <= ch->outstanding_bytes);
    if (ch->released_bytes < ch->window_bytes / 4 || ch->write_dead || ch->closing) {
        return;
    }
    char body[8];
    struct buf b = {.data = body, .cap = sizeof body, .max = sizeof body};
    buf_u64(&b, ch->released_bytes);
    const struct span part = buf_view(&b);
    const struct outgoing o = {.type = IPC_TYPE_CREDIT, .parts = &part, .part_count = 1};
    if (queue_frame(ch, &o, part.len) == 0) {
        ch->outstanding_bytes -= ch->released_bytes;
        ch->released_bytes = 0;
    }
}

bool ipc_ready(const struct ipc *ch)
{
    return ch->used_bytes < ch->window_bytes;
}

size_t ipc_queued_bytes(const struct ipc *ch)
{
    return ch->queued_bytes;
}
