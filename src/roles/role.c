/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The common life of a role: see role.h. Called by main in each process that super starts.
 * Must never open, connect or parse anything itself; what a role does stands in its own file.
 */
#include "roles/role.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/vec.h"

enum { ROLE_MAGIC = 0x524f4c45, STOP_FLUSH_MS = 2000 };

struct peer {
    struct role *owner;
    enum role_id role;
    uint32_t instance;
    struct ipc *ch; /* NULL = lost */
};

struct role {
    uint32_t magic;
    const struct role_ops *ops;
    struct role_args args;
    uv_loop_t loop;
    struct ipc *super;
    VEC(struct peer *) peers;
    struct config *config;
    void *state;
    bool stopped; /* what the role held may be gone: nothing is called any more, though the loop ends its turn */
    int status;
};

uv_loop_t *role_loop(struct role *r)
{
    return &r->loop;
}

void role_set_state(struct role *r, void *state)
{
    r->state = state;
}

void *role_state(struct role *r)
{
    return r->state;
}

uint32_t role_instance(const struct role *r)
{
    return r->args.instance;
}

const char *role_data_dir(const struct role *r)
{
    return r->args.data_dir;
}

const struct config *role_config(const struct role *r)
{
    return r->config;
}

struct ipc *role_super(struct role *r)
{
    return r->super;
}

static struct peer *find_peer(struct role *r, enum role_id role, uint32_t instance)
{
    for (size_t i = 0; i < r->peers.len; i++) {
        if (r->peers.data[i]->role == role && r->peers.data[i]->instance == instance) {
            return r->peers.data[i];
        }
    }
    return NULL;
}

struct ipc *role_peer(struct role *r, enum role_id peer, uint32_t instance)
{
    struct peer *p = find_peer(r, peer, instance);
    return p == NULL ? NULL : p->ch;
}

void role_fail(struct role *r, const char *doing, const struct err *e)
{
    log_error("role.failed", "doing=\"%s\" where=\"%s\" line=%u why=\"%s\"", doing, e->where,
              e->line, e->text);
    if (r != NULL && r->super != NULL) {
        (void)ipc_flush(r->super, STOP_FLUSH_MS);
    }
    _exit(1);
}

void role_note(struct role *r, const char *fmt, ...)
{
    char text[4096];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    if (text[0] == '\0' || ipc_send(r->super, MSG_NOTE, 0, span_of(text)) != 0) {
        log_warn("role.note", "text=\"not delivered\"");
    }
}

void role_stopped(struct role *r)
{
    if (r->super != NULL && ipc_send(r->super, MSG_STOPPED, 0, SPAN("")) == 0) {
        (void)ipc_flush(r->super, STOP_FLUSH_MS);
    }
    r->stopped = true;
    uv_stop(&r->loop);
}

/* ---- fds ---- */

void role_fd_encode(struct buf *out, const struct role_fd *f)
{
    buf_u32(out, (uint32_t)f->kind);
    buf_u32(out, f->source);
    buf_str(out, f->name);
    buf_u64(out, f->device);
    buf_u64(out, f->inode);
    buf_u64(out, f->size);
    buf_u8(out, f->from_start ? 1 : 0);
    buf_u64(out, f->begin);
}

int role_fd_decode(struct span body, struct role_fd *f, struct err *e)
{
    struct cursor c = cursor_of(body);
    uint32_t kind = cursor_u32(&c);
    f->source = cursor_u32(&c);
    f->name = cursor_str(&c);
    f->device = cursor_u64(&c);
    f->inode = cursor_u64(&c);
    f->size = cursor_u64(&c);
    uint8_t from_start = cursor_u8(&c);
    f->begin = cursor_u64(&c);
    if (!cursor_done(&c) || kind >= FD_KIND_COUNT || f->name.len > FD_NAME_MAX || from_start > 1) {
        return err_set(e, ERR_INVALID, "a handed-over fd is described wrongly");
    }
    f->kind = (enum fd_kind)kind;
    f->from_start = from_start == 1;
    return 0;
}

/* ---- peers ---- */

static void tell_bad_peer(struct role *r, const struct peer *p, const struct err *e)
{
    struct buf b;
    buf_init(&b, 2048);
    buf_u32(&b, (uint32_t)p->role);
    buf_u32(&b, p->instance);
    buf_str(&b, span_of(e->text));
    if (ipc_send(r->super, MSG_BAD_PEER, 0, buf_view(&b)) != 0) {
        log_warn("peer.bad", "peer=%s text=\"super was not told\"", role_name(p->role));
    }
    buf_free(&b);
}

static void on_peer_message(void *arg, struct ipc *ch, struct ipc_msg *msg)
{
    struct peer *p = arg;
    if (!p->owner->stopped && p->owner->ops->on_message != NULL) {
        p->owner->ops->on_message(p->owner, p->role, p->instance, ch, msg);
    }
}

static void on_peer_closed(void *arg, struct ipc *ch, const struct err *e)
{
    struct peer *p = arg;
    struct role *r = p->owner;
    CHECK(p->ch == ch);
    if (e->code == ERR_INVALID) {
        log_error("peer.bad", "peer=%s instance=%u why=\"%s\"", role_name(p->role), p->instance,
                  e->text);
        tell_bad_peer(r, p, e);
    }
    ipc_free(&p->ch);
    if (!r->stopped && r->ops->on_peer_lost != NULL) {
        r->ops->on_peer_lost(r, p->role, p->instance);
    }
}

static void on_peer_ready(void *arg, struct ipc *ch)
{
    struct peer *p = arg;
    if (!p->owner->stopped && p->owner->ops->on_peer_ready != NULL) {
        p->owner->ops->on_peer_ready(p->owner, p->role, p->instance, ch);
    }
}

static struct peer *peer_slot(struct role *r, enum role_id role, uint32_t instance)
{
    struct peer *p = find_peer(r, role, instance);
    if (p == NULL) {
        p = mem_alloc(sizeof *p);
        p->owner = r;
        p->role = role;
        p->instance = instance;
        vec_push(&r->peers, p);
    }
    if (p->ch != NULL) { /* the old one died before its end was noticed */
        ipc_free(&p->ch);
        if (r->ops->on_peer_lost != NULL) {
            r->ops->on_peer_lost(r, role, instance);
        }
    }
    return p;
}

static int take_peer(struct role *r, struct ipc_msg *msg, struct err *e)
{
    struct cursor c = cursor_of(msg->body);
    uint32_t role = cursor_u32(&c);
    uint32_t instance = cursor_u32(&c);
    if (!cursor_done(&c) || role >= ROLE_COUNT) {
        return err_set(e, ERR_INVALID, "MSG_PEER is wrong");
    }
    struct peer *p = peer_slot(r, (enum role_id)role, instance);
    const struct ipc_config config = {.table = messages_table(),
                                      .self = role_bit(r->ops->role),
                                      .peer = role_bit((enum role_id)role),
                                      .peer_name = role_name((enum role_id)role),
                                      .arg = p,
                                      .on_message = on_peer_message,
                                      .on_closed = on_peer_closed,
                                      .on_ready = on_peer_ready};
    p->ch = ipc_new(ipc_msg_take_fd(msg, 0), &config);
    /* Before start() nothing is read: a peer that is up earlier asks at once, and is answered then. */
    int rc = r->config == NULL ? 0 : ipc_attach(p->ch, &r->loop, e);
    if (rc == 0 && r->ops->on_peer != NULL) {
        r->ops->on_peer(r, (enum role_id)role, instance, p->ch);
    }
    return rc;
}

/* ---- super ---- */

static struct config *config_of(struct span body, struct err *e)
{
    struct config *c = mem_alloc(sizeof *c);
    config_init(c);
    if (config_decode(c, body, e) != 0) {
        config_fini(c);
        mem_free(c);
        return NULL;
    }
    return c;
}

static int take_start(struct role *r, struct span body, struct err *e)
{
    if (r->config != NULL) {
        return err_set(e, ERR_INVALID, "started twice");
    }
    r->config = config_of(body, e);
    if (r->config == NULL) {
        return ERR_INVALID;
    }
    int rc = r->ops->start(r, r->config, e);
    for (size_t i = 0; rc == 0 && i < r->peers.len; i++) {
        if (r->peers.data[i]->ch != NULL) {
            rc = ipc_attach(r->peers.data[i]->ch, &r->loop, e);
        }
    }
    if (rc == 0 && ipc_send(r->super, MSG_READY, 0, SPAN("")) != 0) {
        rc = err_set(e, ERR_CLOSED, "super is gone");
    }
    (void)ipc_flush(r->super, 0); /* now: what comes next may keep the role busy, and the watchdog starts here */
    return rc;
}

static int take_reload(struct role *r, struct span body, struct err *e)
{
    struct config *next = config_of(body, e);
    if (next == NULL) {
        return ERR_INVALID;
    }
    if (r->ops->on_reload != NULL) {
        r->ops->on_reload(r, next);
    }
    struct config *old = r->config;
    r->config = next;
    if (old != NULL) {
        config_fini(old);
        mem_free(old);
    }
    return 0;
}

static int take_fd(struct role *r, struct ipc_msg *msg, struct err *e)
{
    struct role_fd f = {.fd = -1};
    int rc = role_fd_decode(msg->body, &f, e);
    if (rc == 0 && r->ops->on_fd != NULL) {
        f.fd = ipc_msg_take_fd(msg, 0);
        r->ops->on_fd(r, &f);
    }
    return rc;
}

static int take_fd_close(struct role *r, struct ipc *ch, struct ipc_msg *msg, struct err *e)
{
    struct cursor c = cursor_of(msg->body);
    uint32_t kind = cursor_u32(&c);
    struct span name = cursor_str(&c);
    if (!cursor_done(&c) || kind >= FD_KIND_COUNT) {
        return err_set(e, ERR_INVALID, "MSG_FD_CLOSE is wrong");
    }
    if (r->ops->on_fd_close != NULL) {
        r->ops->on_fd_close(r, (enum fd_kind)kind, name);
    } else if (r->ops->on_message != NULL) {
        r->ops->on_message(r, ROLE_SUPER, 0, ch, msg);
    }
    return 0;
}

static int take_from_super(struct role *r, struct ipc *ch, struct ipc_msg *msg, struct err *e)
{
    switch (msg->type) {
    case MSG_PEER:
        return take_peer(r, msg, e);
    case MSG_START:
        return take_start(r, msg->body, e);
    case MSG_FD:
        return take_fd(r, msg, e);
    case MSG_FD_CLOSE:
        return take_fd_close(r, ch, msg, e);
    case MSG_RELOAD:
        return take_reload(r, msg->body, e);
    case MSG_PING:
        return ipc_send(ch, MSG_PONG, 0, msg->body);
    case MSG_STOP:
        if (r->ops->on_stop != NULL && r->config != NULL) {
            r->ops->on_stop(r);
        } else {
            role_stopped(r);
        }
        return 0;
    default:
        if (r->ops->on_message != NULL) {
            r->ops->on_message(r, ROLE_SUPER, 0, ch, msg);
        }
        return 0;
    }
}

static void on_super_message(void *arg, struct ipc *ch, struct ipc_msg *msg)
{
    struct role *r = arg;
    struct err e = {0};
    if (!r->stopped && take_from_super(r, ch, msg, &e) != 0) {
        role_fail(r, "starting", &e);
    }
}

static void on_super_closed(void *arg, struct ipc *ch, const struct err *e)
{
    struct role *r = arg;
    (void)ch;
    log_error("role.orphan", "why=\"%s\"", e->text);
    r->status = 1;
    ipc_free(&r->super);
    uv_stop(&r->loop); /* what was acked is on disk; nobody would ever stop us properly */
}

static void ignore_signals(void)
{
    /* Ctrl-C and a service manager's TERM reach the whole group: super alone decides when a role ends. */
    static const int ignored[] = {SIGINT, SIGTERM, SIGHUP, SIGPIPE};
    for (size_t i = 0; i < ARRAY_LEN(ignored); i++) {
        (void)signal(ignored[i], SIG_IGN);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static void enter(struct role *r)
{
    struct err e = {0};
    char name[16]; /* what ps and top show; the kernel keeps 15 bytes */
    (void)snprintf(name, sizeof name, "sereno-%s", role_name(r->ops->role));
    (void)prctl(PR_SET_NAME, name, 0, 0, 0);
    tzset(); /* reads /etc/localtime now or never */
    int rc = r->ops->preload == NULL ? 0 : r->ops->preload(r, &e);
    if (rc != 0) {
        role_fail(NULL, "preloading", &e);
    }
    MUST(uv_loop_init(&r->loop));
    const struct sandbox_options options = {
        .data_dir = r->ops->profile == SANDBOX_KEEPER ? r->args.data_dir : NULL,
        .weaker = r->args.weaker};
    rc = sandbox_enter_with(r->ops->profile, &options, &e);
    if (rc != 0) {
        role_fail(NULL, "entering the sandbox", &e);
    }
}

static void leave(struct role *r)
{
    for (size_t i = 0; i < r->peers.len; i++) {
        ipc_free(&r->peers.data[i]->ch);
    }
    ipc_free(&r->super);
    log_info("role.stopped", "instance=%u", r->args.instance);
    /* The kernel frees the rest; a role's own threads may still hold on to it. */
    _exit(r->status);
}

int role_run(const struct role_ops *ops, const struct role_args *args)
{
    struct role *r = mem_alloc(sizeof *r);
    r->magic = ROLE_MAGIC;
    r->ops = ops;
    r->args = *args;
    log_init(role_name(ops->role), args->quiet_log ? LOG_WARN : LOG_INFO);
    ignore_signals();
    enter(r);
    const struct ipc_config config = {.table = messages_table(),
                                      .self = role_bit(ops->role),
                                      .peer = role_bit(ROLE_SUPER),
                                      .peer_name = "super",
                                      .arg = r,
                                      .on_message = on_super_message,
                                      .on_closed = on_super_closed};
    r->super = ipc_new(args->super_fd, &config);
    struct err e = {0};
    if (ipc_attach(r->super, &r->loop, &e) != 0) {
        role_fail(NULL, "attaching to super", &e);
    }
    (void)uv_run(&r->loop, UV_RUN_DEFAULT);
    leave(r);
    return r->status;
}

/* The part after "--name=", or NULL. */
static const char *option_value(const char *arg, const char *name)
{
    size_t n = strlen(name);
    return strncmp(arg, name, n) == 0 ? arg + n : NULL;
}

static bool parse_u32(const char *text, uint32_t *out)
{
    uint64_t v = 0;
    if (!num_u64(span_of(text), &v) || v > INT32_MAX) {
        return false;
    }
    *out = (uint32_t)v;
    return true;
}

static bool parse_args(int argc, char **argv, struct role_args *a)
{
    uint32_t fd = 0;
    bool has_fd = false;
    for (int i = 1; i < argc; i++) {
        const char *v = NULL;
        bool good = true;
        if ((v = option_value(argv[i], "--role=")) != NULL) {
            good = role_by_name(span_of(v), &a->role);
        } else if ((v = option_value(argv[i], "--fd=")) != NULL) {
            good = has_fd = parse_u32(v, &fd);
        } else if ((v = option_value(argv[i], "--instance=")) != NULL) {
            good = parse_u32(v, &a->instance);
        } else if ((v = option_value(argv[i], "--data=")) != NULL) {
            a->data_dir = v;
        } else if (strcmp(argv[i], "--quiet-log") == 0) {
            a->quiet_log = true;
        } else {
            a->weaker = good = strcmp(argv[i], "--weaker-sandbox") == 0;
        }
        if (!good) {
            return false;
        }
    }
    a->super_fd = (int)fd;
    return has_fd;
}

int role_main(int argc, char **argv, const struct role_ops *const *table, size_t count)
{
    if (argc < 2 || option_value(argv[1], "--role=") == NULL) {
        return -1;
    }
    struct role_args args = {0};
    if (parse_args(argc, argv, &args)) {
        for (size_t i = 0; i < count; i++) {
            if (table[i]->role == args.role) {
                return role_run(table[i], &args);
            }
        }
    }
    (void)fputs("sereno: --role is for sereno itself; `sereno serve` starts a node\n", stderr);
    return 2;
}
