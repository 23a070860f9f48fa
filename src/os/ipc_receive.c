/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The receiving half of a channel: see ipc.h. Bytes are read into one buffer, frames are handed out
 * in place. Called by every role. Must never take memory for a length that the table forbids, nor
 * keep an fd nobody claims.
 */
#include "os/ipc_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"

void ipc_drop_pending_fds(struct ipc *ch)
{
    for (unsigned i = 0; i < ch->pending_count; i++) {
        (void)close(ch->pending_fds[i]);
    }
    ch->pending_count = 0;
}

static int keep_fds(struct ipc *ch, struct msghdr *m)
{
    int rc = (m->msg_flags & MSG_CTRUNC) != 0 ? ERR_INVALID : 0;
    for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c != NULL; c = CMSG_NXTHDR(m, c)) {
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) {
            continue;
        }
        size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        for (size_t i = 0; i < count; i++) {
            int fd = -1;
            memcpy(&fd, CMSG_DATA(c) + i * sizeof fd, sizeof fd);
            if (ch->pending_count < IPC_FDS_PENDING) {
                ch->pending_fds[ch->pending_count++] = fd;
            } else {
                (void)close(fd);
                rc = ERR_INVALID;
            }
        }
    }
    return rc;
}

/* Room for at least one read, or for the rest of the frame that has begun. */
static void make_room(struct ipc *ch)
{
    if (ch->in_pos > 0) {
        memmove(ch->in, ch->in + ch->in_pos, ch->in_len - ch->in_pos);
        ch->in_len -= ch->in_pos;
        ch->in_pos = 0;
    }
    size_t want = IPC_READ_BYTES;
    struct ipc_frame f;
    size_t need = 0;
    /* The header was checked when it came (ipc_take_frame runs before each read), so `need` is
     * within the table. */
    if (ch->in_len > 0 &&
        ipc_frame_read(ch->config.table, ch->config.peer, ch->config.self,
                       span_make(ch->in, ch->in_len), &f, &need, NULL) == 0 &&
        need > want) {
        want = need;
    }
    bool far_too_big = ch->in_len == 0 && ch->in_cap > IPC_READ_KEEP_BYTES;
    if (ch->in_cap < want || far_too_big) {
        ch->in = mem_realloc(ch->in, want);
        ch->in_cap = want;
    }
}

int ipc_read_some(struct ipc *ch, struct err *e)
{
    CHECK(!ch->has_current);
    if (ch->eof) {
        return err_set(e, ERR_CLOSED, "%s is gone", ch->name);
    }
    make_room(ch);
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int) * IPC_FDS_MAX)];
    } control;
    struct iovec io = {ch->in + ch->in_len, ch->in_cap - ch->in_len};
    struct msghdr m = {.msg_iov = &io, .msg_iovlen = 1};
    m.msg_control = control.bytes;
    m.msg_controllen = sizeof control.bytes;
    CHECK(io.iov_len > 0);
    ssize_t n = recvmsg(ch->fd, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return 0;
    }
    if (n <= 0) {
        ch->eof = true;
        return err_set(e, ERR_CLOSED, "%s is gone%s", ch->name,
                       ch->in_len > ch->in_pos ? ", in the middle of a message" : "");
    }
    ch->in_len += (size_t)n;
    if (keep_fds(ch, &m) != 0) {
        return err_set(e, ERR_INVALID, "%s sent more than %d fds with a message", ch->name,
                       IPC_FDS_MAX);
    }
    return 1;
}

static int take_credit(struct ipc *ch, const struct ipc_frame *f, struct err *e)
{
    struct cursor c = cursor_of(f->body);
    uint64_t bytes = cursor_u64(&c);
    if (bytes == 0 || bytes > ch->used_bytes) {
        return err_set(e, ERR_INVALID, "%s gave back %llu bytes of credit, %zu are out", ch->name,
                       (unsigned long long)bytes, ch->used_bytes);
    }
    ch->used_bytes -= (size_t)bytes;
    return 0;
}

static int claim_fds(struct ipc *ch, const struct ipc_frame *f, struct err *e)
{
    ch->current.fd_count = f->fd_count;
    if (f->fd_count == 0) {
        return 0;
    }
    if (f->fd_count > ch->pending_count) {
        ch->current.fd_count = 0;
        return err_set(e, ERR_INVALID, "%s announced %u fds and sent %u", ch->name, f->fd_count,
                       ch->pending_count);
    }
    memcpy(ch->current.fds, ch->pending_fds, f->fd_count * sizeof(int));
    ch->pending_count -= f->fd_count;
    memmove(ch->pending_fds, ch->pending_fds + f->fd_count, ch->pending_count * sizeof(int));
    return 0;
}

static int make_current(struct ipc *ch, const struct ipc_frame *f, size_t size, struct err *e)
{
    ch->current_cost = 0;
    if ((ch->config.table->types[f->type].flags & IPC_CREDIT) != 0) {
        if (ch->outstanding_bytes >= ch->window_bytes) {
            return err_set(e, ERR_INVALID, "%s sent beyond its window", ch->name);
        }
        ch->outstanding_bytes += size;
        ch->current_cost = size;
    }
    int rc = claim_fds(ch, f, e);
    if (rc != 0) {
        return rc;
    }
    ch->current.type = f->type;
    ch->current.id = f->id;
    ch->current.body = f->body;
    ch->current_bytes = size;
    ch->has_current = true;
    return 1;
}

int ipc_take_frame(struct ipc *ch, struct err *e)
{
    CHECK(!ch->has_current);
    while (ch->in_pos < ch->in_len) {
        struct ipc_frame f;
        struct span in = span_make(ch->in + ch->in_pos, ch->in_len - ch->in_pos);
        ptrdiff_t size =
            ipc_frame_read(ch->config.table, ch->config.peer, ch->config.self, in, &f, NULL, e);
        if (size <= 0) {
            return (int)size;
        }
        if (f.type != IPC_TYPE_CREDIT) {
            return make_current(ch, &f, (size_t)size, e);
        }
        int rc = take_credit(ch, &f, e);
        if (rc != 0) {
            return rc;
        }
        ch->in_pos += (size_t)size;
    }
    if (ch->pending_count > 0) {
        return err_set(e, ERR_INVALID, "%s sent fds that no message announced", ch->name);
    }
    return 0;
}

void ipc_finish_current(struct ipc *ch)
{
    if (!ch->has_current) {
        return;
    }
    ch->has_current = false;
    for (unsigned i = 0; i < ch->current.fd_count; i++) {
        if (ch->current.fds[i] >= 0) {
            (void)close(ch->current.fds[i]);
        }
    }
    ch->current.fd_count = 0;
    ch->in_pos += ch->current_bytes;
    if (ch->current_cost > 0) {
        ipc_credit_return(ch, ch->current_cost);
    }
    ch->current_cost = 0;
}

int ipc_msg_take_fd(struct ipc_msg *msg, unsigned i)
{
    if (i >= msg->fd_count) {
        return -1;
    }
    int fd = msg->fds[i];
    msg->fds[i] = -1;
    return fd;
}

size_t ipc_hold(struct ipc *ch)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    CHECK(ch->has_current);
    size_t bytes = ch->current_cost;
    ch->current_cost = 0;
    return bytes;
}

void ipc_release(struct ipc *ch, size_t bytes)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    if (bytes > 0) {
        ipc_credit_return(ch, bytes);
    }
}
