/* SPDX-License-Identifier: EUPL-1.2 */
/* libcurl on libuv: see curl_loop.h. Runs in the courier, on its one thread. */
#include "roles/curl_loop.h"

#include "base/check.h"
#include "base/mem.h"

enum { CURL_LOOP_MAGIC = 0x6375726c };

struct curl_loop {
    uint32_t magic;
    uv_loop_t *loop;
    curl_loop_done *done;
    void *arg;
    CURLM *multi;
    uv_timer_t timer;
    bool closing;
};

/* One socket of libcurl's, watched by the loop. */
struct watch {
    uv_poll_t poll;
    struct curl_loop *owner;
    curl_socket_t fd;
};

static void check_done(struct curl_loop *l)
{
    CURLMsg *m = NULL;
    int left = 0;
    while ((m = curl_multi_info_read(l->multi, &left)) != NULL) {
        if (m->msg == CURLMSG_DONE) {
            CURL *easy = m->easy_handle;
            CURLcode rc = m->data.result; /* m is gone once the transfer is */
            l->done(l->arg, easy, rc);
        }
    }
}

static void act(struct curl_loop *l, curl_socket_t fd, int what)
{
    int running = 0;
    if (!l->closing) {
        (void)curl_multi_socket_action(l->multi, fd, what, &running);
        check_done(l);
    }
}

static void on_timer(uv_timer_t *timer)
{
    act(timer->data, CURL_SOCKET_TIMEOUT, 0);
}

static int on_curl_timer(CURLM *multi, long ms, void *arg)
{
    struct curl_loop *l = arg;
    (void)multi;
    if (ms < 0) {
        (void)uv_timer_stop(&l->timer);
    } else {
        (void)uv_timer_start(&l->timer, on_timer, ms == 0 ? 1 : (uint64_t)ms, 0);
    }
    return 0;
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    struct watch *w = poll->data;
    int what = status < 0 ? CURL_CSELECT_ERR : 0;
    what |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    what |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    act(w->owner, w->fd, what);
}

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
    struct curl_loop *l = arg;
    struct watch *w = socket_arg;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (w != NULL) {
            (void)uv_poll_stop(&w->poll);
            (void)curl_multi_assign(l->multi, fd, NULL);
            uv_close((uv_handle_t *)&w->poll, on_watch_closed);
        }
        return 0;
    }
    if (w == NULL) {
        w = mem_alloc(sizeof *w);
        w->owner = l;
        w->fd = fd;
        if (uv_poll_init_socket(l->loop, &w->poll, fd) != 0) {
            mem_free(w);
            return -1;
        }
        w->poll.data = w;
        (void)curl_multi_assign(l->multi, fd, w);
    }
    int events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);
    return uv_poll_start(&w->poll, events, on_poll);
}

bool curl_loop_add(struct curl_loop *l, CURL *easy)
{
    CHECK_OBJ(l, CURL_LOOP_MAGIC);
    return curl_multi_add_handle(l->multi, easy) == CURLM_OK;
}

void curl_loop_remove(struct curl_loop *l, CURL *easy)
{
    CHECK_OBJ(l, CURL_LOOP_MAGIC);
    (void)curl_multi_remove_handle(l->multi, easy);
}

struct curl_loop *curl_loop_new(uv_loop_t *loop, curl_loop_done *done, void *arg)
{
    struct curl_loop *l = mem_alloc(sizeof *l);
    l->magic = CURL_LOOP_MAGIC;
    l->loop = loop;
    l->done = done;
    l->arg = arg;
    l->multi = curl_multi_init();
    CHECK(l->multi != NULL);
    MUST(uv_timer_init(loop, &l->timer));
    l->timer.data = l;
    MUST(curl_multi_setopt(l->multi, CURLMOPT_SOCKETFUNCTION, on_socket));
    MUST(curl_multi_setopt(l->multi, CURLMOPT_SOCKETDATA, l));
    MUST(curl_multi_setopt(l->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer));
    MUST(curl_multi_setopt(l->multi, CURLMOPT_TIMERDATA, l));
    return l;
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct curl_loop *l = handle->data;
    l->magic = 0;
    mem_free(l);
}

void curl_loop_free(struct curl_loop **out)
{
    struct curl_loop *l = *out;
    *out = NULL;
    CHECK_OBJ(l, CURL_LOOP_MAGIC);
    (void)curl_multi_cleanup(l->multi);
    l->closing = true;
    uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}
