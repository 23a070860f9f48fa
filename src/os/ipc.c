/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Life of a channel and its two ways of being served, on a loop or blocking: see ipc.h.
 * Called by every role; must never call a handler from inside ipc_send, so that senders need not be
 * re-entrant.
 */
#include "os/ipc_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

struct ipc *ipc_new(int fd, const struct ipc_config *config)
{
    CHECK(fd >= 0 && config->table != NULL && config->self != 0 && config->peer != 0);
    struct ipc *ch = mem_alloc(sizeof *ch);
    ch->magic = IPC_MAGIC;
    ch->fd = fd;
    ch->config = *config;
    ch->window_bytes = config->window_bytes == 0 ? IPC_WINDOW_BYTES : config->window_bytes;
    (void)snprintf(ch->name, sizeof ch->name, "%s",
                   config->peer_name == NULL ? "peer" : config->peer_name);
    ch->config.peer_name = ch->name;
    return ch;
}

const char *ipc_peer_name(const struct ipc *ch)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    return ch->name;
}

static void channel_release(struct ipc *ch)
{
    ch->magic = 0;
    mem_free(ch->in);
    mem_free(ch);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct ipc *ch = handle->data;
    if (--ch->handles_open == 0) {
        channel_release(ch);
    }
}

void ipc_free(struct ipc **pch)
{
    struct ipc *ch = *pch;
    *pch = NULL;
    if (ch == NULL) {
        return;
    }
    CHECK_OBJ(ch, IPC_MAGIC);
    CHECK(!ch->closing);
    (void)ipc_write_some(ch);
    ipc_queue_clear(ch);
    ipc_drop_pending_fds(ch);
    ch->closing = true;
    if (!ch->attached) {
        ipc_finish_current(ch);
        (void)close(ch->fd);
        channel_release(ch);
        return;
    }
    uv_close((uv_handle_t *)&ch->poll, on_handle_closed);
    uv_close((uv_handle_t *)&ch->prepare, on_handle_closed);
    (void)close(ch->fd); /* now, so that the other end sees it at once: uv_close has left the fd
                            alone already */
}

static void channel_tell_closed(struct ipc *ch, const struct err *e)
{
    if (ch->closed_told) {
        return;
    }
    ch->closed_told = true;
    (void)uv_poll_stop(&ch->poll);
    (void)uv_prepare_stop(&ch->prepare);
    ch->write_dead = true;
    ipc_queue_clear(ch);
    ch->config.on_closed(ch->config.arg, ch, e);
}

/* Hands out all complete frames. 0, or the error that ends the channel. */
static int channel_dispatch(struct ipc *ch, struct err *e)
{
    int rc = 0;
    while (!ch->closing && (rc = ipc_take_frame(ch, e)) == 1) {
        ch->config.on_message(ch->config.arg, ch, &ch->current);
        ipc_finish_current(ch);
    }
    if (rc == 0 && !ch->closing && ch->blocked && ipc_ready(ch)) {
        ch->blocked = false;
        if (ch->config.on_ready != NULL) {
            ch->config.on_ready(ch->config.arg, ch);
        }
    }
    return rc;
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void channel_want_write(struct ipc *ch, bool want)
{
    if (want == ch->want_write || ch->closing || ch->closed_told) {
        return;
    }
    ch->want_write = want;
    MUST(uv_poll_start(&ch->poll, UV_READABLE | (want ? UV_WRITABLE : 0), on_poll));
}

static void channel_read(struct ipc *ch)
{
    struct err e;
    memset(&e, 0, sizeof e);
    int rc = 1;
    for (int i = 0; i < IPC_READS_PER_WAKE && rc == 1 && !ch->closing; i++) {
        rc = channel_dispatch(ch, &e);
        if (rc == 0 && !ch->closing) {
            rc = ipc_read_some(ch, &e);
        }
    }
    if (rc >= 0 && !ch->closing) {
        rc = channel_dispatch(ch, &e);
    }
    if (rc < 0 && !ch->closing) {
        channel_tell_closed(ch, &e);
    }
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct ipc *ch = handle->data;
    if ((events & UV_WRITABLE) != 0 && status == 0) {
        channel_want_write(ch, ipc_write_some(ch) == ERR_BUSY);
    }
    if ((events & UV_READABLE) != 0) {
        channel_read(ch);
    }
    /* On an error libuv stops polling: what is left to read must be read now, up to the end that
     * comes. */
    while (status != 0 && !ch->closing && !ch->closed_told) {
        channel_read(ch);
    }
}

/* Before the loop sleeps: hands out what a blocking phase left in the buffer, and lets the queue
 * go. */
static void on_prepare(uv_prepare_t *handle)
{
    struct ipc *ch = handle->data;
    if (ch->in_pos < ch->in_len) {
        struct err e;
        memset(&e, 0, sizeof e);
        if (channel_dispatch(ch, &e) < 0 && !ch->closing) {
            channel_tell_closed(ch, &e);
        }
    }
    if (!ch->closing && !ch->want_write) {
        channel_want_write(ch, ipc_write_some(ch) == ERR_BUSY);
    }
}

int ipc_attach(struct ipc *ch, uv_loop_t *loop, struct err *e)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    CHECK(!ch->attached && ch->config.on_message != NULL && ch->config.on_closed != NULL);
    ipc_finish_current(ch);
    int rc = uv_poll_init(loop, &ch->poll, ch->fd);
    if (rc != 0) {
        return err_set(e, ERR_IO, "%s: the loop does not take the channel: %s", ch->name,
                       uv_strerror(rc));
    }
    MUST(uv_prepare_init(loop, &ch->prepare));
    ch->poll.data = ch->prepare.data = ch;
    ch->attached = true;
    ch->handles_open = 2;
    MUST(uv_prepare_start(&ch->prepare, on_prepare));
    uv_unref((uv_handle_t *)&ch->prepare);
    MUST(uv_poll_start(&ch->poll, UV_READABLE, on_poll));
    return 0;
}

/* Waits for events on the socket. 1, 0 on timeout. `deadline` TIME_NONE = none. */
static int wait_fd(struct ipc *ch, short events, time_ns deadline)
{
    int ms = -1;
    if (deadline != TIME_NONE) {
        time_ns left = deadline - clock_mono();
        ms = left <= 0 ? 0 : (int)((left + 999999) / 1000000);
    }
    struct pollfd p = {ch->fd, events, 0};
    int n = poll(&p, 1, ms);
    return n > 0 || (n < 0 && errno == EINTR) ? 1 : 0;
}

static time_ns deadline_of(int timeout_ms)
{
    return timeout_ms < 0 ? TIME_NONE : clock_mono() + (time_ns)timeout_ms * 1000000;
}

int ipc_flush(struct ipc *ch, int timeout_ms)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    time_ns deadline = deadline_of(timeout_ms);
    int rc = ipc_write_some(ch);
    while (rc == ERR_BUSY && wait_fd(ch, POLLOUT, deadline) == 1) {
        rc = ipc_write_some(ch);
    }
    return rc;
}

int ipc_next(struct ipc *ch, int timeout_ms, struct ipc_msg **msg_out, struct err *e)
{
    CHECK_OBJ(ch, IPC_MAGIC);
    CHECK(!ch->attached);
    time_ns deadline = deadline_of(timeout_ms);
    ipc_finish_current(ch);
    for (;;) {
        int rc = ipc_take_frame(ch, e);
        if (rc == 1) {
            *msg_out = &ch->current;
            return 0;
        }
        bool more_to_write = rc == 0 && ipc_write_some(ch) == ERR_BUSY;
        if (rc == 0) {
            rc = ipc_read_some(ch, e);
        }
        if (rc < 0) {
            return rc;
        }
        short events = (short)(POLLIN | (more_to_write ? POLLOUT : 0));
        if (rc == 0 && wait_fd(ch, events, deadline) == 0) {
            return err_set(e, ERR_BUSY, "nothing from %s within %d ms", ch->name, timeout_ms);
        }
    }
}

int ipc_pair(int fds_out[2], struct err *e)
{
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds_out) != 0) {
        return err_set_errno(e, ERR_IO, errno, "a pair of sockets between two roles");
    }
    for (int i = 0; i < 2; i++) {
        int bytes =
            8 * IPC_BATCH_BYTES; /* the kernel cuts it to net.core.wmem_max: a wish, not a need */
        (void)setsockopt(fds_out[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof bytes);
    }
    return 0;
}
