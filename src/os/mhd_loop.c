/* SPDX-License-Identifier: EUPL-1.2 */
/* A libmicrohttpd daemon on a libuv loop: see mhd_loop.h. */
#include "os/mhd_loop.h"

#include <stdio.h>
#include <string.h>

#include "base/check.h"
#include "base/log.h"

static void on_timer(uv_timer_t *timer);
static void on_idle(uv_idle_t *idle);

/*
 * There may be work left, at once: then the next turn is the loop's next one, by an idle handle. Not by a timer of
 * zero: libuv 1.44 runs a timer that its own callback starts anew with zero again and again before it looks at
 * anything else, so that a server with much to do would shut out all other handles, its watchdog's among them.
 */
static void turn(struct mhd_loop *l)
{
    if (l->closing) {
        return;
    }
    (void)MHD_run(l->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    bool waits = MHD_get_timeout(l->daemon, &wait_ms) == MHD_YES;
    if (waits && wait_ms > 0) {
        (void)uv_timer_start(&l->timer, on_timer, wait_ms, 0);
    } else {
        (void)uv_timer_stop(&l->timer);
    }
    if (waits && wait_ms == 0) {
        mhd_loop_kick(l);
    }
}

static void on_timer(uv_timer_t *timer)
{
    turn(timer->data);
}

static void on_idle(uv_idle_t *idle)
{
    (void)uv_idle_stop(idle);
    turn(idle->data);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    turn(poll->data);
}

void mhd_loop_run(struct mhd_loop *l)
{
    turn(l);
}

bool mhd_has_body(struct MHD_Connection *connection)
{
    static const char *const names[] = {"Content-Length", "Transfer-Encoding"};
    bool has = false;
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, names[i]);
        has = has || (value != NULL && strcmp(value, "0") != 0);
    }
    return has;
}

void mhd_loop_completed(struct mhd_loop *l, struct MHD_Connection *connection, bool unread,
                        enum MHD_RequestTerminationCode how)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (unread && how == MHD_REQUEST_TERMINATED_COMPLETED_OK && info != NULL && !l->closing) {
        linger_start(&l->linger, info->connect_fd);
    }
}

void mhd_loop_kick(struct mhd_loop *l)
{
    if (!l->closing && l->handles_open > 0) {
        (void)uv_idle_start(&l->kick, on_idle);
    }
}

int mhd_loop_join(struct mhd_loop *l, uv_loop_t *loop, struct err *e)
{
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(l->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    if (info == NULL || uv_poll_init(loop, &l->poll, info->epoll_fd) != 0) {
        return err_set(e, ERR_IO, "the HTTP server cannot join the loop");
    }
    MUST(uv_timer_init(loop, &l->timer));
    MUST(uv_idle_init(loop, &l->kick));
    linger_init(&l->linger, loop);
    l->poll.data = l->timer.data = l->kick.data = l;
    l->handles_open = 3;
    MUST(uv_poll_start(&l->poll, UV_READABLE, on_poll));
    mhd_loop_kick(l);
    return 0;
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct mhd_loop *l = handle->data;
    if (--l->handles_open == 0) {
        l->closed(l->arg);
    }
}

void mhd_loop_end(struct mhd_loop *l, void (*closed)(void *arg), void *arg)
{
    l->closing = true; /* what is completed from now on does not linger */
    if (l->daemon != NULL) {
        (void)MHD_run(l->daemon);
        MHD_stop_daemon(l->daemon);
        l->daemon = NULL;
    }
    linger_end_all(&l->linger);
    l->closed = closed;
    l->arg = arg;
    if (l->handles_open == 0) {
        closed(arg);
        return;
    }
    uv_close((uv_handle_t *)&l->poll, on_handle_closed);
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
    uv_close((uv_handle_t *)&l->kick, on_handle_closed);
}

void mhd_loop_log(void *cls, const char *format, va_list ap)
{
    char text[256];
    char shown[LOG_VALUE_MAX];
    (void)vsnprintf(text, sizeof text, format, ap);
    log_debug("http.library", "listener=%s said=\"%s\"", (const char *)cls, log_value(span_trim(span_of(text)), shown));
}
