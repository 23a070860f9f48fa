/* SPDX-License-Identifier: EUPL-1.2 */
/* Lingering ends of connections: see linger.h. Runs in the roles that serve HTTP; reads bytes from anyone and keeps none. */
#include "os/linger.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/check.h"
#include "base/mem.h"

enum { READ_BYTES = 16 * 1024, READS_PER_WAKE = 16 };

struct lingering {
    uv_poll_t poll;
    uv_timer_t timer;
    int fd;
    int handles; /* not yet closed */
    size_t left; /* bytes that may still come */
    struct linger_set *owner;
    struct lingering *next;
    struct lingering **back; /* what points at this one */
};

void linger_init(struct linger_set *l, uv_loop_t *loop)
{
    *l = (struct linger_set){.loop = loop};
}

static void on_closed(uv_handle_t *handle)
{
    struct lingering *c = handle->data;
    if (--c->handles == 0) {
        (void)close(c->fd);
        mem_free(c);
    }
}

static void end(struct lingering *c)
{
    *c->back = c->next;
    if (c->next != NULL) {
        c->next->back = c->back;
    }
    c->owner->count--;
    uv_close((uv_handle_t *)&c->poll, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}

static void on_time(uv_timer_t *timer)
{
    end(timer->data);
}

static void on_data(uv_poll_t *poll, int status, int events)
{
    struct lingering *c = poll->data;
    char dropped[READ_BYTES];
    (void)events;
    for (int i = 0; status >= 0 && i < READS_PER_WAKE; i++) {
        ssize_t n = recv(c->fd, dropped, sizeof dropped, MSG_DONTWAIT);
        if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        if (n <= 0 || (size_t)n > c->left) {
            end(c);
            return;
        }
        c->left -= (size_t)n;
    }
    if (status < 0) {
        end(c);
    }
}

void linger_start(struct linger_set *l, int fd)
{
    int own = l->count < LINGER_MAX ? fcntl(fd, F_DUPFD_CLOEXEC, 3) : -1;
    if (own < 0) {
        return; /* too many, or out of fds: the caller's close is all there is */
    }
    struct lingering *c = mem_alloc(sizeof *c);
    if (uv_poll_init(l->loop, &c->poll, own) != 0) {
        (void)close(own);
        mem_free(c);
        return;
    }
    MUST(uv_timer_init(l->loop, &c->timer));
    c->poll.data = c->timer.data = c;
    c->fd = own;
    c->handles = 2;
    c->left = LINGER_MAX_BYTES;
    c->owner = l;
    c->next = l->first;
    c->back = &l->first;
    if (c->next != NULL) {
        c->next->back = &c->next;
    }
    l->first = c;
    l->count++;
    (void)shutdown(own, SHUT_WR);
    MUST(uv_timer_start(&c->timer, on_time, LINGER_MAX_MS, 0));
    MUST(uv_poll_start(&c->poll, UV_READABLE, on_data));
}

void linger_end_all(struct linger_set *l)
{
    while (l->first != NULL) {
        end(l->first);
    }
}
