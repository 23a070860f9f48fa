/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The desk role: serves people over HTTP on the socket that super hands in, asks the keeper by
 * messages, decides which alert is told to whom and gives it to the courier. It opens no file,
 * connects nowhere, sees no database.
 */
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "api/api.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/identity/oidc.h"
#include "desk/notify/notify.h"
#include "records/demo.h"
#include "roles/desk_priv.h"
#include "roles/desk_reminders.h"
#include "wire/json_write.h"

static struct desk *desk_of(struct role *r)
{
    struct desk *d = role_state(r);
    CHECK_OBJ(d, DESK_MAGIC);
    return d;
}

/* ---- questions to the keeper ---- */

static size_t pending_count(const struct desk *d)
{
    return d->pending.len - d->pending_head;
}

static bool ask(void *arg, struct span question, api_answer *answer, void *ctx)
{
    struct desk *d = arg;
    struct ipc *keeper = role_peer(d->role, ROLE_KEEPER, 0);
    if (keeper == NULL || pending_count(d) >= DESK_PENDING_MAX) {
        return false;
    }
    uint64_t id = ++d->next_id;
    uint16_t type = question.len > ASK_MAX_BYTES ? MSG_FED_ASK : MSG_DESK_ASK;
    if (ipc_send(keeper, type, id, question) != 0) {
        return false;
    }
    if (d->pending_head > DESK_PENDING_MAX) {
        memmove(d->pending.data, d->pending.data + d->pending_head,
                pending_count(d) * sizeof *d->pending.data);
        d->pending.len -= d->pending_head;
        d->pending_head = 0;
    }
    vec_push(&d->pending, (struct pending){id, answer, ctx});
    return true;
}

/* Takes number i out; the first is the one that is asked for as a rule. */
static struct pending pending_take(struct desk *d, size_t i)
{
    struct pending p = d->pending.data[i];
    d->pending.data[i] = d->pending.data[d->pending_head];
    d->pending_head++;
    if (d->pending_head == d->pending.len) {
        d->pending_head = d->pending.len = 0;
    }
    return p;
}

static void take_answer(struct desk *d, struct ipc_msg *msg)
{
    for (size_t i = d->pending_head; i < d->pending.len; i++) {
        if (d->pending.data[i].id == msg->id) {
            struct span text;
            struct cursor c = cursor_of(msg->body);
            struct pending p = pending_take(d, i);
            int rc = answer_read(&c, &text);
            p.answer(p.ctx, rc, text, &c);
            return;
        }
    }
}

/* The keeper is gone: whoever waits is told so, and may try again. Who asks again meanwhile is told at
 * once: there is nobody to ask. */
static void fail_pending(struct desk *d)
{
    struct cursor nothing = cursor_of(SPAN(""));
    while (pending_count(d) > 0) {
        struct pending p = pending_take(d, d->pending_head);
        p.answer(p.ctx, ERR_CLOSED, SPAN(""), &nothing);
    }
}

static void desk_demo(void *arg, bool on)
{
    struct desk *d = arg;
    if (d->api != NULL) {
        api_set_demo(d->api, on);
    }
    if (d->control != NULL) {
        api_set_demo(d->control, on);
    }
}

static void admin_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct desk *d = ctx;
    (void)text;
    bool exists = cursor_u8(data) != 0;
    bool demo = cursor_u8(data) != 0;
    if (rc == 0 && cursor_done(data) && d->api != NULL) {
        api_set_admin_exists(d->api, exists);
        desk_demo(d, demo);
        d->admin_known = true;
    }
}

static void ask_admin(struct desk *d)
{
    struct buf q;
    buf_init(&q, 64);
    ask_begin(&q, ASK_ADMIN_EXISTS);
    (void)ask(d, buf_view(&q), admin_known, d);
    buf_free(&q);
}

/* ---- the server ---- */

static const struct level_report *level(void *arg)
{
    struct desk *d = arg;
    return d->fed == NULL ? NULL : desk_fed_level(d->fed);
}

static struct fed_engine *federation(void *arg)
{
    struct desk *d = arg;
    return d->fed == NULL ? NULL : desk_fed_engine(d->fed);
}

static void serve(struct desk *d)
{
    struct err e = {0};
    const struct config *config = role_config(d->role);
    int fd = fcntl(d->listen_fd, F_DUPFD_CLOEXEC, 0); /* the server closes its own when it ends */
    bool tls = config->desk.tls;
    struct api_config c = {
        .loop = role_loop(d->role),
        .listen_fd = fd,
        .tls_cert = tls ? span_make(d->cert.data, d->cert.len) : SPAN(""),
        .tls_key = tls ? span_make(d->key.data, d->key.len) : SPAN(""),
        .loopback = d->loopback,
        .node_name = config->node_name,
        .organisation = config->organisation,
        .ingest = span_of(d->ingest),
        .arg = d,
        .ask = ask,
        .federation = federation,
        .level = level,
        .switched = desk_switched,
        .demo = desk_demo,
        .fetch = desk_fetch,
        .directory = desk_directory,
        .examine = desk_examine,
        .signed_out = desk_signed_out,
    };
    if (d->api != NULL) {
        fail_pending(d);
        desk_fetch_fail(d);
        api_free(&d->api);
    }
    if (fd < 0 || api_new(&c, &e, &d->api) < 0) {
        role_fail(d->role, "desk", &e);
    }
    api_set_circles(d->api, desk_fed_circles(d->fed));
    struct span print = api_fingerprint(d->api);
    log_info("desk.serving", "tls=%d loopback=%d fingerprint=%.*s", tls, d->loopback,
             SPAN_ARG(print));
    if (d->made_cert) {
        role_note(d->role, "The desk made its own certificate. Its SHA-256 fingerprint:\n  %.*s",
                  SPAN_ARG(print));
        d->made_cert = false;
    }
    api_set_metrics(d->api, config->metrics_hash);
    api_set_sign_in(d->api, &config->sign_in);
    if (d->factor_ready) {
        api_set_factor_key(d->api, d->factor_key);
    }
    desk_tell_node(d);
    d->admin_known = false;
    ask_admin(d);
}

/* The command line's way in; served as soon as its socket is here. */
static void serve_control(struct desk *d)
{
    struct err e = {0};
    const struct config *config = role_config(d->role);
    const struct api_config c = {
        .loop = role_loop(d->role),
        .listen_fd = d->control_fd,
        .loopback = true,
        .local = true,
        .node_name = config->node_name,
        .organisation = config->organisation,
        .arg = d,
        .ask = ask,
        .federation = federation,
        .level = level,
        .switched = desk_switched,
        .directory = desk_directory,
        .demo = desk_demo,
        .signed_out = desk_signed_out,
    };
    d->control_fd = -1; /* the server's now */
    if (d->control != NULL) {
        fail_pending(d);
        desk_fetch_fail(d);
        api_free(&d->control);
    }
    if (api_new(&c, &e, &d->control) < 0) {
        role_fail(d->role, "desk: control", &e);
    }
    api_set_circles(d->control, desk_fed_circles(d->fed));
    api_set_sign_in(d->control, &config->sign_in);
    api_set_admin_exists(d->control, true);
    d->admin_known = false; /* with it comes whether the invented city is here */
    ask_admin(d);
    desk_tell_node(d);
}

/* Serves once everything is there, in whatever order it came: the socket, and for TLS certificate
 * and key. */
static void serve_if_ready(struct desk *d)
{
    bool keys = d->cert.len > 0 && d->key.len > 0;
    if (d->listen_fd >= 0 && (keys || !role_config(d->role)->desk.tls)) {
        serve(d);
    }
}

static void on_fd(struct role *r, struct role_fd *f)
{
    struct desk *d = desk_of(r);
    if (f->kind == FD_FED_KEY && span_ends(f->name, SPAN("/factor.key"))) {
        desk_take_factor_key(d, f->fd);
        return;
    }
    if (desk_fed_fd(d->fed, f)) {
        return;
    }
    int *place = f->kind == FD_LISTEN_DESK ? &d->listen_fd
                 : f->kind == FD_TLS_CERT  ? &d->cert_fd
                 : f->kind == FD_TLS_KEY   ? &d->key_fd
                 : f->kind == FD_LISTEN_CONTROL ? &d->control_fd
                                           : NULL;
    if (place == NULL) {
        (void)close(f->fd);
        return;
    }
    if (*place >= 0) {
        (void)close(*place);
    }
    *place = f->fd;
    if (f->kind == FD_LISTEN_CONTROL) {
        serve_control(d);
        return;
    }
    if (d->cert_fd >= 0 && d->key_fd >= 0) {
        desk_take_keys(d);
    }
    if (d->cert_fd < 0 && d->key_fd < 0) { /* one of the two alone: its other half follows */
        serve_if_ready(d);
    }
}

static void on_fd_close(struct role *r, enum fd_kind kind, struct span name)
{
    (void)name;
    desk_fed_fd_close(desk_of(r)->fed, kind);
}

/* ---- notices ---- */

static void notice_send(struct desk *d, const struct notice_out *n)
{
    struct ipc *courier = role_peer(d->role, ROLE_COURIER, 0);
    if (courier != NULL) {
        (void)!ipc_send(courier, MSG_NOTIFY, n->id, buf_view(&n->body)); /* else when it is back */
    }
}

/* Keeps a notice until the courier says what became of it; takes over the buffer's bytes. Its number; 0 = lost. */
static uint64_t notice_queue(struct desk *d, struct buf *body)
{
    if (body->failed || d->notices.len == DESK_NOTICES_MAX) {
        log_error("notify.lost", "why=\"%s\"", body->failed ? "too large" : "too many wait for the courier");
        buf_free(body);
        return 0;
    }
    vec_push(&d->notices, (struct notice_out){++d->next_id, *body});
    notice_send(d, vec_last(&d->notices));
    return d->next_id;
}

/* A letter waits in the records, not here, while there are many. */
static uint64_t queue_letter(void *arg, struct buf *notice)
{
    struct desk *d = arg;
    if (d->notices.len >= DESK_NOTICES_MAX / 2) {
        buf_free(notice);
        return 0;
    }
    return notice_queue(d, notice);
}

static void take_result(struct desk *d, struct ipc_msg *msg)
{
    struct cursor c = cursor_of(msg->body);
    bool delivered = cursor_u8(&c) != 0;
    struct span why = cursor_str(&c);
    char shown[LOG_VALUE_MAX];
    for (size_t i = 0; i < d->notices.len; i++) {
        if (d->notices.data[i].id == msg->id) {
            buf_free(&d->notices.data[i].body);
            d->notices.data[i] = *vec_last(&d->notices);
            d->notices.len--;
            break;
        }
    }
    /* A letter is in the records, which say when it is tried again. */
    if (!desk_reminders_result(d, msg->id, delivered, why) && !desk_fed_notice(d->fed, msg->id, delivered, why) && !delivered) {
        log_error("notify.failed", "why=\"%s\"", log_value(why, shown));
    }
}

static void tell_alert(struct desk *d, const struct alert_row *row)
{
    static const enum notice_way ways[] = {NOTICE_MAIL, NOTICE_WEBHOOK};
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        int64_t held_back = 0;
        if (!demo_is(row->organisation) && notify_decide(&d->notify, ways[i], row, clock_now(), &held_back)) {
            struct buf b;
            buf_init(&b, DESK_NOTICE_MAX);
            notify_alert(&d->notify, ways[i], row, held_back, &b);
            (void)notice_queue(d, &b);
        }
    }
}

/* The heartbeat goes out on a fresh word of the keeper only: without it, somebody elsewhere gets an
 * alarm. */
static void heartbeat(struct desk *d, const struct keeper_status *status)
{
    time_ns now = clock_mono();
    time_ns every = role_config(d->role)->heartbeat_every_s * TIME_SECOND;
    if (every == 0 || (d->beaten != 0 && now - d->beaten < every)) {
        return;
    }
    d->beaten = now;
    struct buf b;
    buf_init(&b, DESK_NOTICE_MAX);
    notify_heartbeat(&d->notify, status, clock_now(), &b);
    (void)notice_queue(d, &b);
}

static void take_event(struct desk *d, struct ipc_msg *msg)
{
    struct err e = {0};
    struct cursor c = cursor_of(msg->body);
    uint8_t kind = cursor_u8(&c);
    if (kind == EVENT_ALERT) {
        struct alert_row row;
        alert_row_decode(&c, &row);
        if (cursor_done(&c)) {
            tell_alert(d, &row);
        }
    } else if (kind == EVENT_PULSE) {
        struct keeper_status status;
        keeper_status_decode(&c, &status);
        if (cursor_done(&c)) {
            heartbeat(d, &status);
            desk_reminders_tick(d, clock_mono());
            if (!d->admin_known) { /* it was asked before the keeper could answer */
                ask_admin(d);
            }
        }
    }
    if (d->api != NULL && api_event(d->api, msg->body, &e) < 0) {
        log_error("desk.event", "why=\"%s\"", e.text);
    }
}

/* ---- the role ---- */

static void take_node_status(struct desk *d, struct ipc_msg *msg)
{
    static const char *const sandboxes[] = {"on", "weaker", "off"};
    struct node_status *s = &d->node;
    struct cursor c = cursor_of(msg->body);
    struct json_writer j;
    node_status_decode(&c, s);
    if (!cursor_done(&c)) {
        return;
    }
    struct api_role roles[NODE_ROLES_MAX];
    for (uint32_t i = 0; i < s->count; i++) {
        roles[i] = (struct api_role){s->roles[i].name, s->roles[i].restarts};
    }
    buf_clear(&d->node_metrics);
    api_roles_metrics(&d->node_metrics, roles, s->count);
    buf_clear(&d->node_roles);
    json_writer_init(&j, &d->node_roles);
    json_array(&j);
    for (uint32_t i = 0; i < s->count; i++) {
        json_object(&j);
        json_key(&j, "name");
        json_text(&j, s->roles[i].name);
        json_key(&j, "pid");
        json_i64(&j, s->roles[i].pid);
        json_key(&j, "restarts");
        json_i64(&j, s->roles[i].restarts);
        json_end(&j);
    }
    json_end(&j);
    d->node_known = true;
    d->node_started = s->started;
    d->node_sandbox = sandboxes[s->sandbox];
    desk_tell_node(d);
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg)
{
    struct desk *d = desk_of(r);
    (void)peer;
    (void)instance;
    (void)ch;
    switch (msg->type) {
    case MSG_DESK_ANSWER:
        take_answer(d, msg);
        break;
    case MSG_DESK_EVENT:
        take_event(d, msg);
        break;
    case MSG_NOTIFY_RESULT:
        take_result(d, msg);
        break;
    case MSG_FED_CARRIED:
        desk_fed_carried(d->fed, msg);
        break;
    case MSG_SIGN_IN_FETCHED:
        desk_fetch_take(d, msg);
        break;
    case MSG_DIRECTORY_ANSWER:
        desk_directory_take(d, msg);
        break;
    case MSG_DOCTOR_TOLD:
        desk_take_doctor(d, msg->body);
        break;
    case MSG_NODE_STATUS:
        take_node_status(d, msg);
        break;
    default: /* the rule set, which the desk has no use for; its fd dies with the message */
        break;
    }
}

static void on_peer(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch)
{
    struct desk *d = role_state(r); /* peers come before start, too */
    (void)instance;
    (void)ch;
    if (d == NULL) {
        return;
    }
    if (peer == ROLE_KEEPER) {
        ask_admin(d);
        desk_fed_keeper(d->fed);
    } else if (peer == ROLE_COURIER) {
        for (size_t i = 0; i < d->notices.len; i++) {
            notice_send(d, &d->notices.data[i]);
        }
    }
}

static void on_peer_lost(struct role *r, enum role_id peer, uint32_t instance)
{
    (void)instance;
    if (peer == ROLE_KEEPER && role_state(r) != NULL) {
        fail_pending(desk_of(r));
    }
    if (peer == ROLE_COURIER && role_state(r) != NULL) {
        desk_fed_courier_lost(desk_of(r)->fed);
        desk_fetch_fail(desk_of(r));
    }
}

/* "http://127.0.0.1:8601/ingest" for people to copy, when the address is one that senders can use.
 */
static void set_addresses(struct desk *d, const struct config *c)
{
    bool any = span_starts(c->ingest.listen, SPAN("0.0.0.0:")) ||
               span_starts(c->ingest.listen, SPAN("[::]:"));
    d->ingest[0] = '\0';
    if (c->ingest.listen.len > 0 && !any) {
        (void)snprintf(d->ingest, sizeof d->ingest, "%s://%.*s/ingest",
                       c->ingest.tls ? "https" : "http", SPAN_ARG(c->ingest.listen));
    }
    d->loopback = config_is_loopback(c->desk.listen);
    (void)snprintf(d->link, sizeof d->link, "%s://%.*s", c->desk.tls ? "https" : "http",
                   SPAN_ARG(c->desk.listen));
}

static void set_notify(struct desk *d, const struct config *c)
{
    notify_init(&d->notify, c->mail.server.len > 0 ? c->mail.levels : 0,
                c->webhook.url.len > 0 ? c->webhook.levels : 0, c->node_name, span_of(d->link),
                clock_now());
}

static int preload(struct role *r, struct err *e)
{
    (void)r;
    /* One worker: passwords are hashed one after the other, each with its 64 MiB. */
    if (sodium_init() < 0 || setenv("UV_THREADPOOL_SIZE", "1", 1) != 0) {
        return err_set(e, ERR_IO, "the crypto library does not start");
    }
    int rc = oidc_preload(e);
    return rc == 0 ? api_preload(e) : rc;
}

static int start(struct role *r, const struct config *config, struct err *e)
{
    (void)e;
    struct desk *d = mem_alloc(sizeof *d);
    d->magic = DESK_MAGIC;
    d->role = r;
    d->listen_fd = d->cert_fd = d->key_fd = d->control_fd = -1;
    arena_init(&d->texts, 0);
    buf_init(&d->cert, DESK_PEM_MAX);
    buf_init(&d->key, DESK_PEM_MAX);
    buf_init(&d->node_roles, 1 << 20);
    buf_init(&d->node_metrics, 1 << 20);
    /* Ids of an earlier desk may still come back from keeper and courier. */
    randombytes_buf(&d->next_id, sizeof d->next_id);
    set_addresses(d, config);
    set_notify(d, config);
    role_set_state(r, d);
    d->ask = ask;
    d->queue = queue_letter;
    d->fed = desk_fed_new(r, ask, queue_letter, d);
    return 0;
}

static void on_reload(struct role *r, const struct config *config)
{
    struct desk *d = desk_of(r);
    set_addresses(d, config);
    set_notify(d, config);
    desk_fetch_fail(d); /* what is under way belongs to the config before */
    if (d->api != NULL) {
        api_set_metrics(d->api, config->metrics_hash);
        api_set_sign_in(d->api, &config->sign_in);
    }
    if (d->control != NULL) {
        api_set_sign_in(d->control, &config->sign_in);
    }
}

static void on_stop(struct role *r)
{
    struct desk *d = desk_of(r);
    fail_pending(d);
    desk_fetch_fail(d);
    vec_free(&d->fetches.list);
    api_free(&d->api);
    api_free(&d->control);
    desk_fed_free(&d->fed);
    sodium_memzero(d->factor_key, sizeof d->factor_key);
    role_stopped(r);
}

const struct role_ops role_ops_desk = {
    .role = ROLE_DESK,
    .profile = SANDBOX_DESK,
    .preload = preload,
    .start = start,
    .on_peer = on_peer,
    .on_peer_lost = on_peer_lost,
    .on_fd = on_fd,
    .on_fd_close = on_fd_close,
    .on_message = on_message,
    .on_reload = on_reload,
    .on_stop = on_stop,
};
