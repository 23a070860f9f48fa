/* SPDX-License-Identifier: EUPL-1.2 */
/* Federation in the desk: see desk_fed.h. Reads keys from fds that super hands in, makes those that are
 * empty, starts the engine and, on a hub, its listener. Must never log a key. */
#include "roles/desk_fed.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "api/hub.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/federation/certs.h"
#include "desk/federation/watch.h"
#include "roles/desk_letters.h"

enum { FED_TICK_MS = 250 };

/* In the order of §1 of docs/FEDERATION.md. */
enum key { NODE_ID, NODE_SIGN, NODE_SEAL, NODE_TLS, HUB_TLS, HUB_CRT, CA_KEY, CA_CRT, KEYS };
static const char *const names[KEYS] = {"node.id",     "node.sign",   "node.seal",  "node.tls.key",
                                        "hub.tls.key", "hub.tls.crt", "hub.ca.key", "hub.ca.crt"};

struct desk_fed {
    struct role *role;
    bool (*ask)(void *arg, struct span question, fed_answer *answer, void *ctx);
    void *arg;
    uv_timer_t timer;
    int fd[KEYS]; /* -1 = not here yet, or read */
    struct buf key[KEYS];
    int listen_fd;
    struct fed_engine *engine;
    struct fed_circles circles;
    struct fed_watch *watch;
    struct desk_letters_host letters_host;
    struct desk_letters letters;
    struct hub *hub;
    VEC(uint64_t) carried; /* ids with the courier */
    bool closing;
};

/* ---- what items need ---- */

static const struct fed_keys *circle_keys(void *arg)
{
    const struct desk_fed *f = arg;
    return fed_engine_keys(f->engine);
}

static const struct fed_membership *circle_of(void *arg, struct span id, bool *own_out)
{
    const struct desk_fed *f = arg;
    const struct fed_membership *m = f->engine == NULL ? NULL : fed_engine_circle(f->engine, id);
    if (own_out != NULL) {
        *own_out = m != NULL && span_eq(m->hub.node, span_of(fed_engine_keys(f->engine)->node));
    }
    return m;
}

static bool circles_stopped(void *arg)
{
    const struct desk_fed *f = arg;
    return fed_engine_stopped(f->engine);
}

static void item_kept(void *arg, struct span circle, struct span id)
{
    struct desk_fed *f = arg;
    (void)circle, (void)id; /* its letters were written with it */
    desk_letters_wake(&f->letters);
}

bool desk_fed_notice(struct desk_fed *f, uint64_t id, bool delivered, struct span why)
{
    return desk_letters_result(&f->letters, id, delivered, why);
}

static void circles_sent(void *arg, struct span circle, struct span id)
{
    const struct desk_fed *f = arg;
    item_kept(arg, circle, id);
    fed_engine_wake(f->engine);
}

const struct fed_circles *desk_fed_circles(const struct desk_fed *f)
{
    return &f->circles;
}

/* ---- the engine's host ---- */

static bool host_ask(void *arg, struct span question, fed_answer *answer, void *ctx)
{
    struct desk_fed *f = arg;
    return f->ask(f->arg, question, answer, ctx);
}

static bool host_carry(void *arg, uint64_t id, const struct fed_carry *c)
{
    struct desk_fed *f = arg;
    struct ipc *courier = role_peer(f->role, ROLE_COURIER, 0);
    struct buf b;
    bool sent = false;
    buf_init(&b, CARRY_BODY_MAX + (256 << 10));
    fed_carry_encode(&b, c);
    if (courier != NULL && !b.failed) {
        sent = ipc_send(courier, MSG_FED_CARRY, id, buf_view(&b)) == 0;
    }
    buf_free(&b);
    if (sent) {
        vec_push(&f->carried, id);
    }
    return sent;
}

static bool forget(struct desk_fed *f, uint64_t id)
{
    for (size_t i = 0; i < f->carried.len; i++) {
        if (f->carried.data[i] == id) {
            f->carried.data[i] = *vec_last(&f->carried);
            f->carried.len--;
            return true;
        }
    }
    return false;
}

static void host_cancel(void *arg, uint64_t id)
{
    struct desk_fed *f = arg;
    struct ipc *courier = role_peer(f->role, ROLE_COURIER, 0);
    if (forget(f, id) && courier != NULL) {
        (void)!ipc_send(courier, MSG_FED_CANCEL, id, SPAN(""));
    }
}

void desk_fed_carried(struct desk_fed *f, const struct ipc_msg *msg)
{
    struct fed_carried c;
    struct cursor in = cursor_of(msg->body);
    fed_carried_decode(&in, &c);
    if (!cursor_done(&in)) {
        c = (struct fed_carried){0, SPAN("the courier's answer is broken"), SPAN(""), SPAN("")};
    }
    if (forget(f, msg->id) && f->engine != NULL) {
        fed_engine_carried(f->engine, msg->id, &c);
    }
}

void desk_fed_courier_lost(struct desk_fed *f)
{
    const struct fed_carried c = {0, SPAN("the own courier went away"), SPAN(""), SPAN("")};
    while (f->carried.len > 0 && f->engine != NULL) {
        uint64_t id = *vec_last(&f->carried);
        f->carried.len--;
        fed_engine_carried(f->engine, id, &c);
    }
}

/* ---- the watch's host ---- */

static int watch_issues(void *arg, const struct watch_issue *i, watch_issued *done, void *ctx,
                        struct err *e)
{
    struct desk_fed *f = arg;
    CHECK(i->telling != WATCH_TELLS_NOTHING);
    const struct fed_issue issue = {
        .draft = i->draft, .class = i->class, .reason = i->reason, .audience = i->audience};
    return fed_engine_issue(f->engine, &issue, done, ctx, e);
}

static const struct fed_membership *watch_circle(void *arg, struct span circle)
{
    struct desk_fed *f = arg;
    return fed_engine_circle(f->engine, circle);
}

static bool watch_stopped(void *arg)
{
    struct desk_fed *f = arg;
    return fed_engine_stopped(f->engine);
}

struct own_visit {
    bool own; /* which are wanted */
    void *ctx;
    void (*visit)(void *ctx, const struct fed_membership *m);
};

static void visit_own(void *ctx, const struct fed_membership *m, bool own)
{
    const struct own_visit *v = ctx;
    if (own == v->own) {
        v->visit(v->ctx, m);
    }
}

static void watch_own_circles(void *arg, void *ctx,
                              void (*visit)(void *ctx, const struct fed_membership *m))
{
    struct desk_fed *f = arg;
    struct own_visit v = {true, ctx, visit};
    fed_engine_each_circle(f->engine, &v, visit_own);
}

static void watch_circles_above(void *arg, void *ctx, void (*visit)(void *ctx, const struct fed_membership *m))
{
    struct desk_fed *f = arg;
    struct own_visit v = {false, ctx, visit};
    fed_engine_each_circle(f->engine, &v, visit_own);
}

static void watch_start(struct desk_fed *f)
{
    struct watch_config c = {
        .host = {f, host_ask, watch_issues, watch_circle, watch_stopped, watch_own_circles, watch_circles_above},
        .node = span_of(fed_engine_keys(f->engine)->node),
    };
    randombytes_buf(c.seed, sizeof c.seed);
    watch_free(&f->watch);
    f->watch = watch_new(&c);
}

static void count_circle(void *ctx, const struct fed_membership *m, bool own)
{
    unsigned *n = ctx;
    (void)m;
    (void)own;
    ++*n;
}

/* ---- keys ---- */

static int read_file(int fd, struct buf *out, struct err *e)
{
    char part[4096];
    ssize_t n = 0;
    off_t at = 0;
    buf_clear(out);
    while ((n = pread(fd, part, sizeof part, at)) > 0) {
        buf_put(out, part, (size_t)n);
        at += n;
    }
    sodium_memzero(part, sizeof part);
    return n == 0 && !out->failed ? 0 : err_set(e, ERR_IO, "a key cannot be read");
}

/* What is empty is made, in this order: later ones are made of earlier ones. */
static int make_key(struct desk_fed *f, enum key k, struct err *e)
{
    const struct config *c = role_config(f->role);
    int64_t now = clock_now() / TIME_SECOND;
    int rc = 0;
    switch (k) {
    case NODE_TLS:
    case HUB_TLS:
    case CA_KEY:
        rc = certs_key(&f->key[k], e);
        break;
    case HUB_CRT:
        rc = certs_own(buf_view(&f->key[HUB_TLS]), c->hub.name, false, now, &f->key[k], e);
        break;
    case CA_CRT:
        rc = certs_own(buf_view(&f->key[CA_KEY]), c->hub.name, true, now, &f->key[k], e);
        break;
    default:
        return err_set(e, ERR_INVALID, "the key %s is empty", names[k]);
    }
    struct span s = buf_view(&f->key[k]);
    if (rc == 0 && pwrite(f->fd[k], s.ptr, s.len, 0) != (ssize_t)s.len) {
        rc = err_set(e, ERR_IO, "the key %s cannot be written", names[k]);
    }
    if (rc == 0) {
        log_info("federation.key", "made=%s", names[k]);
    }
    return rc;
}

static int read_keys(struct desk_fed *f, bool hub, struct err *e)
{
    int rc = 0;
    for (int k = 0; k < (hub ? KEYS : HUB_TLS) && rc == 0; k++) {
        rc = read_file(f->fd[k], &f->key[k], e);
        if (rc == 0 && f->key[k].len == 0) {
            rc = make_key(f, (enum key)k, e);
        }
    }
    return rc;
}

static void close_fds(struct desk_fed *f)
{
    for (int k = 0; k < KEYS; k++) {
        if (f->fd[k] >= 0) {
            (void)close(f->fd[k]);
            f->fd[k] = -1;
        }
    }
}

static int seed(const struct buf *text, unsigned char out[FED_SEED_BYTES], struct err *e)
{
    return hex_decode(span_trim(buf_view(text)), out, FED_SEED_BYTES)
               ? 0
               : err_set(e, ERR_INVALID, "a key of this node is damaged");
}

static int identity(struct desk_fed *f, struct fed_keys *out, struct err *e)
{
    unsigned char sign[FED_SEED_BYTES], seal[FED_SEED_BYTES], node[FED_NODE_RANDOM_BYTES];
    struct span id = span_trim(buf_view(&f->key[NODE_ID]));
    int rc = hex_decode(id, node, sizeof node) ? 0 : err_set(e, ERR_INVALID, "node.id is damaged");
    rc = rc < 0 ? rc : seed(&f->key[NODE_SIGN], sign, e);
    rc = rc < 0 ? rc : seed(&f->key[NODE_SEAL], seal, e);
    if (rc == 0) {
        char text[FED_NODE_LEN + 1];
        fed_node_id(node, text);
        fed_keys_make(out, span_of(text), sign, seal);
    }
    sodium_memzero(sign, sizeof sign);
    sodium_memzero(seal, sizeof seal);
    return rc;
}

/* ---- start ---- */

static void listen_if_ready(struct desk_fed *f)
{
    struct err e = {0};
    if (f->engine == NULL || f->listen_fd < 0 || !fed_engine_is_hub(f->engine)) {
        return;
    }
    hub_free(&f->hub);
    const struct hub_config c = {.loop = role_loop(f->role),
                                 .listen_fd = f->listen_fd,
                                 .cert = buf_view(&f->key[HUB_CRT]),
                                 .key = buf_view(&f->key[HUB_TLS]),
                                 .authority = buf_view(&f->key[CA_CRT]),
                                 .engine = f->engine};
    f->listen_fd = -1; /* the listener's now */
    if (hub_new(&c, &e, &f->hub) < 0) {
        role_fail(f->role, "desk: hub", &e);
    }
    log_info("hub.serving", "listen=%.*s", SPAN_ARG(role_config(f->role)->hub.at.listen));
}

static int start(struct desk_fed *f, struct err *e)
{
    struct fed_keys keys;
    const struct config *config = role_config(f->role);
    bool hub = config->hub.at.listen.len > 0;
    int rc = read_keys(f, hub, e);
    close_fds(f);
    rc = rc < 0 ? rc : identity(f, &keys, e);
    if (rc < 0) {
        return rc;
    }
    const struct fed_engine_config c = {
        .host = {f, host_ask, host_carry, host_cancel, item_kept},
        .keys = &keys,
        .organisation = config->organisation,
        .tls_key = buf_view(&f->key[NODE_TLS]),
        .hub = hub,
        .hub_name = config->hub.name,
        .hub_url = config->hub.url,
        .ca_key = buf_view(&f->key[CA_KEY]),
        .ca_cert = buf_view(&f->key[CA_CRT]),
        .server_cert = buf_view(&f->key[HUB_CRT]),
    };
    rc = fed_engine_new(&c, e, &f->engine);
    fed_keys_wipe(&keys);
    if (rc == 0) {
        watch_start(f);
        fed_engine_keeper(f->engine);
        listen_if_ready(f);
    }
    return rc;
}

static bool keys_are_here(const struct desk_fed *f)
{
    int last = role_config(f->role)->hub.at.listen.len > 0 ? KEYS : HUB_TLS;
    for (int k = 0; k < last; k++) {
        if (f->fd[k] < 0) {
            return false;
        }
    }
    return true;
}

static void take_key(struct desk_fed *f, struct role_fd *fd)
{
    struct err e = {0};
    for (int k = 0; k < KEYS; k++) {
        char tail[32];
        (void)snprintf(tail, sizeof tail, "/%s", names[k]);
        if (!span_ends(fd->name, span_of(tail))) {
            continue;
        }
        if (f->fd[k] >= 0) {
            (void)close(f->fd[k]);
        }
        f->fd[k] = fd->fd;
        bool was_hub = f->engine != NULL && fed_engine_is_hub(f->engine);
        bool is_hub = role_config(f->role)->hub.at.listen.len > 0;
        if (f->engine != NULL && was_hub == is_hub) {
            close_fds(f); /* a reload: they are the same */
        } else if (f->engine == NULL && keys_are_here(f) && start(f, &e) < 0) {
            role_fail(f->role, "desk: federation keys", &e);
        }
        return;
    }
    (void)close(fd->fd);
}

bool desk_fed_fd(struct desk_fed *f, struct role_fd *fd)
{
    if (fd->kind == FD_FED_KEY) {
        take_key(f, fd);
        return true;
    }
    if (fd->kind != FD_LISTEN_HUB) {
        return false;
    }
    if (f->listen_fd >= 0) {
        (void)close(f->listen_fd);
        f->listen_fd = -1;
    }
    if (f->hub != NULL) { /* a reload: it listens already */
        (void)close(fd->fd);
        return true;
    }
    f->listen_fd = fd->fd;
    listen_if_ready(f);
    return true;
}

void desk_fed_fd_close(struct desk_fed *f, enum fd_kind kind)
{
    if (kind == FD_LISTEN_HUB) {
        hub_free(&f->hub);
    }
}

/* ---- life ---- */

static void on_timer(uv_timer_t *timer)
{
    struct desk_fed *f = timer->data;
    if (f->engine != NULL) {
        unsigned circles = 0;
        fed_engine_tick(f->engine, clock_mono());
        fed_engine_each_circle(f->engine, &circles, count_circle);
        if (circles > 0) {
            watch_tick(f->watch, clock_now());
        }
        if (circles > 0 && fed_engine_is_hub(f->engine) && role_config(f->role)->mail.server.len > 0) {
            desk_letters_tick(&f->letters, clock_mono());
        }
    }
}

struct desk_fed *desk_fed_new(struct role *r, bool (*ask)(void *arg, struct span question,
                                                          fed_answer *answer, void *ctx),
                              uint64_t (*queue)(void *arg, struct buf *notice), void *arg)
{
    struct desk_fed *f = mem_alloc(sizeof *f);
    f->role = r;
    f->ask = ask;
    f->arg = arg;
    f->listen_fd = -1;
    f->circles = (struct fed_circles){f, circle_keys, circle_of, circles_stopped, circles_sent};
    f->letters_host = (struct desk_letters_host){arg, ask, queue};
    f->letters = (struct desk_letters){.host = &f->letters_host, .circles = &f->circles};
    for (int k = 0; k < KEYS; k++) {
        f->fd[k] = -1;
        buf_init(&f->key[k], CERTS_PEM_MAX);
    }
    MUST(uv_timer_init(role_loop(r), &f->timer));
    f->timer.data = f;
    MUST(uv_timer_start(&f->timer, on_timer, FED_TICK_MS, FED_TICK_MS));
    return f;
}

static void on_closed(uv_handle_t *handle)
{
    struct desk_fed *f = handle->data;
    for (int k = 0; k < KEYS; k++) {
        if (f->key[k].len > 0) {
            sodium_memzero(f->key[k].data, f->key[k].len);
        }
        buf_free(&f->key[k]);
    }
    vec_free(&f->carried);
    desk_letters_free(&f->letters);
    mem_free(f);
}

void desk_fed_free(struct desk_fed **out)
{
    struct desk_fed *f = *out;
    *out = NULL;
    if (f == NULL) {
        return;
    }
    hub_free(&f->hub);
    watch_free(&f->watch);
    fed_engine_free(&f->engine);
    close_fds(f);
    uv_close((uv_handle_t *)&f->timer, on_closed);
}

void desk_fed_keeper(struct desk_fed *f)
{
    if (f->engine != NULL) {
        fed_engine_keeper(f->engine);
    }
}

const struct level_report *desk_fed_level(const struct desk_fed *f)
{
    return f->watch == NULL ? NULL : watch_level(f->watch);
}

struct fed_engine *desk_fed_engine(struct desk_fed *f)
{
    return f->engine;
}
