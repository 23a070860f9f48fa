/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One libmicrohttpd daemon on a libuv loop, in the loop's one thread: it is run when its epoll descriptor or its
 * own time-outs say so, and after a connection was resumed. Under intake's receiver, the desk's server and the
 * hub's listener. Knows nothing of requests; must never block.
 *
 *     daemon = MHD_start_daemon(… mhd_loop_log, "desk" …) → mhd_loop_join → mhd_loop_kick … → mhd_loop_end
 */
#ifndef OS_MHD_LOOP_H
#define OS_MHD_LOOP_H

#include <microhttpd.h>
#include <stdarg.h>
#include <stdbool.h>
#include <uv.h>

#include "base/err.h"
#include "os/linger.h"

struct mhd_loop {
    struct MHD_Daemon *daemon; /* the caller's to start; NULL = none */
    uv_poll_t poll;
    uv_timer_t timer; /* its time-outs */
    uv_idle_t kick;   /* runs it once in the loop's next turn */
    int handles_open;
    struct linger_set linger; /* connections whose clients still send what nobody will read */
    bool closing;
    void (*closed)(void *arg);
    void *arg;
};

/* Serves the daemon, which was started with MHD_USE_EPOLL, from now on. ERR_IO. */
int mhd_loop_join(struct mhd_loop *l, uv_loop_t *loop, struct err *e) NODISCARD;
/* Something was resumed: the daemon runs with the loop's next turn, once for all that was. */
void mhd_loop_kick(struct mhd_loop *l);
/* The same at once. Never from within the library's callbacks. */
void mhd_loop_run(struct mhd_loop *l);
/* Whether the request on this connection says that a body follows. */
bool mhd_has_body(struct MHD_Connection *connection);
/*
 * To be called when a request is completed, from MHD_OPTION_NOTIFY_COMPLETED. One that was answered before its body was read
 * (unread): its client shall be able to read the answer although it still sends, see linger.h.
 */
void mhd_loop_completed(struct mhd_loop *l, struct MHD_Connection *connection, bool unread,
                        enum MHD_RequestTerminationCode how);
/* Lets the last answers out, stops the daemon, which closes the listening socket, and leaves the loop: `closed` is
 * called with arg when the memory of l may go, at once where it never joined. */
void mhd_loop_end(struct mhd_loop *l, void (*closed)(void *arg), void *arg);
/* What the library says goes to the debug log; cls is the listener's name. */
void mhd_loop_log(void *cls, const char *format, va_list ap) __attribute__((format(printf, 2, 0)));

#endif
