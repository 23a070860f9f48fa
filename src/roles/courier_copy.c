/* SPDX-License-Identifier: EUPL-1.2 */
/* Errands for the second copy: see courier_copy.h. The thread has the job to itself until it is done. */
#include "roles/courier_copy.h"

#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "roles/copy_remote.h"

enum { TELL_EVERY_MS = 5000, ANSWER_MAX = 2048 };

struct copy_carrier {
    uv_work_t work;
    uv_timer_t timer; /* tells how far it is */
    struct role *role;
    struct arena texts;
    bool busy;
    atomic_bool stop;
    atomic_uint_fast64_t moved;
    uint64_t told;
    void (*done)(struct role *r);
    /* the errand */
    enum copy_errand errand;
    int32_t day;
    struct copy_place place;
    char name[COPY_NAME_MAX];
    struct remote_job job;
    int rc;
    struct err e;
};

struct copy_carrier *copy_carrier_new(struct role *r)
{
    struct copy_carrier *c = mem_alloc(sizeof *c);
    c->role = r;
    c->work.data = c;
    MUST(uv_timer_init(role_loop(r), &c->timer));
    c->timer.data = c;
    return c;
}

static void answer(struct copy_carrier *c, enum copy_errand errand, int32_t day, int rc, const char *why)
{
    struct buf b;
    enum copy_carried what = rc == 0 ? CARRIED_DONE : rc == ERR_NOT_FOUND && errand == COPY_FETCH ? CARRIED_ABSENT : CARRIED_FAILED;
    buf_init(&b, ANSWER_MAX);
    buf_u8(&b, (uint8_t)errand);
    buf_u32(&b, (uint32_t)day);
    buf_u8(&b, (uint8_t)what);
    buf_str(&b, what == CARRIED_FAILED ? span_of(why) : SPAN(""));
    (void)!ipc_send(role_super(c->role), MSG_COPY_CARRIED, 0, buf_view(&b));
    buf_free(&b);
}

static void on_timer(uv_timer_t *timer)
{
    struct copy_carrier *c = timer->data;
    char body[8];
    struct buf b = {.data = body, .cap = sizeof body, .max = sizeof body};
    uint64_t moved = atomic_load(&c->moved);
    if (moved == c->told) {
        return;
    }
    c->told = moved;
    buf_u64(&b, moved);
    (void)!ipc_send(role_super(c->role), MSG_COPY_MOVED, 0, buf_view(&b));
}

static void on_pool(uv_work_t *work)
{
    struct copy_carrier *c = work->data;
    c->rc = c->errand == COPY_SEND ? remote_send(&c->job, &c->e) : remote_fetch(&c->job, &c->e);
}

static void on_closed(uv_handle_t *handle)
{
    struct copy_carrier *c = handle->data;
    struct role *r = c->role;
    void (*done)(struct role *) = c->done;
    mem_free(c);
    done(r);
}

static void on_done(uv_work_t *work, int status)
{
    struct copy_carrier *c = work->data;
    char shown[LOG_VALUE_MAX];
    (void)status; /* nobody cancels it */
    (void)uv_timer_stop(&c->timer);
    (void)close(c->job.fd);
    (void)close(c->job.key_fd);
    if (c->rc == 0) {
        log_info("courier.copy", "name=%s errand=%s bytes=%llu", c->name, c->errand == COPY_SEND ? "send" : "fetch", (unsigned long long)atomic_load(&c->moved));
    } else if (c->rc != ERR_NOT_FOUND) {
        log_warn("courier.copy", "name=%s errand=%s why=\"%s\"", c->name, c->errand == COPY_SEND ? "send" : "fetch", log_value(span_of(c->e.text), shown));
    }
    c->busy = false;
    answer(c, c->errand, c->day, c->rc, c->e.text);
    arena_fini(&c->texts);
    if (c->done != NULL) {
        uv_close((uv_handle_t *)&c->timer, on_closed);
    }
}

void copy_carrier_take(struct copy_carrier *c, struct ipc_msg *msg)
{
    int fd = ipc_msg_take_fd(msg, 0), key = ipc_msg_take_fd(msg, 1);
    struct copy_place place;
    /* before anything is changed: an errand that is on its way has its texts in the arena */
    struct cursor in = cursor_of(msg->body);
    uint8_t errand = cursor_u8(&in);
    int32_t day = (int32_t)cursor_u32(&in);
    uint64_t most = cursor_u64(&in);
    copy_place_decode(&in, &place);
    CHECK(cursor_done(&in) && errand < COPY_ERRAND_COUNT && fd >= 0 && key >= 0); /* super is us */
    if (c->busy || c->done != NULL) {
        (void)close(fd);
        (void)close(key);
        answer(c, (enum copy_errand)errand, day, ERR_BUSY, "the courier carries another file");
        return;
    }
    c->busy = true;
    arena_init(&c->texts, 4096);
    in = cursor_of(arena_copy(&c->texts, msg->body));
    (void)cursor_take(&in, 13); /* errand, day, bytes */
    copy_place_decode(&in, &c->place);
    c->errand = (enum copy_errand)errand;
    c->day = day;
    c->e = (struct err){0};
    copy_name(day, c->name);
    atomic_store(&c->moved, 0);
    c->told = 0;
    c->job = (struct remote_job){.place = &c->place, .name = c->name, .fd = fd, .key_fd = key, .max_bytes = most, .stop = &c->stop, .moved = &c->moved};
    MUST(uv_timer_start(&c->timer, on_timer, TELL_EVERY_MS, TELL_EVERY_MS));
    MUST(uv_queue_work(role_loop(c->role), &c->work, on_pool, on_done));
}

void copy_carrier_stop(struct copy_carrier *c, void (*done)(struct role *r))
{
    c->done = done;
    atomic_store(&c->stop, true);
    if (!c->busy) {
        uv_close((uv_handle_t *)&c->timer, on_closed);
    }
}
