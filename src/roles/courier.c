/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The courier role: the only one that connects out. It carries notices that the desk decided on, by
 * mail and webhook, and the heartbeat, to the addresses of the config and nowhere else, what the
 * desk says to the hubs of its links (courier_link.c), what it asks of providers that sign people in (courier_sign_in.c), and encrypted
 * days of the archive to the second copy (courier_copy.c); tries again
 * with growing pauses; says what became of each. It parses transport only (libcurl) and never reads
 * what the other side answers beyond its status.
 */
#include <sodium.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/retry.h"
#include "base/vec.h"
#include "desk/notify/notify.h"
#include "roles/copy_remote.h"
#include "roles/courier_copy.h"
#include "roles/courier_directory.h"
#include "roles/courier_link.h"
#include "roles/courier_post.h"
#include "roles/courier_sign_in.h"
#include "roles/ldap_wire.h"
#include "roles/role.h"

enum {
    COURIER_MAGIC = 0x636f7572,
    COURIER_QUEUE_MAX = 512, /* notices that wait or are on their way */
    COURIER_TRIES_MAX = 8,   /* the last one about ten minutes after the first */
    COURIER_PAUSE_MS = 2000, /* after the first failure; doubles */
    COURIER_PAUSE_MAX_MS = 300 * 1000,
    COURIER_SENT_MAX = 256, /* letters that went and are remembered: a desk that died asks for them again */
};

struct errand {
    struct errand *next, **link;
    struct courier *courier;
    uint64_t id;
    struct post post;
    unsigned tries;
    bool under_way;
    uv_timer_t timer;
    uv_work_t work;
    struct post_result result;
};

struct courier {
    uint32_t magic;
    struct role *role;
    struct errand *errands;
    unsigned count;
    bool stopping;
    struct links *links;
    struct sign_in_errands *sign_in;
    struct directory_errands *directories; /* NULL: they have stopped */
    struct copy_carrier *carrier; /* NULL: it has stopped */
    char sent[COURIER_SENT_MAX][NOTICE_KEY_MAX + 1]; /* keys of letters that went, the oldest overwritten */
    unsigned nsent;
};

static struct courier *courier_of(struct role *r)
{
    struct courier *c = role_state(r);
    CHECK_OBJ(c, COURIER_MAGIC);
    return c;
}

static void report(struct courier *c, uint64_t id, bool delivered, const char *why)
{
    struct ipc *desk = role_peer(c->role, ROLE_DESK, 0);
    struct buf b;
    buf_init(&b, 2048);
    buf_u8(&b, delivered);
    buf_str(&b, span_sub(span_of(why), 0, 1024));
    if (desk != NULL) {
        (void)!ipc_send(desk, MSG_NOTIFY_RESULT, id, buf_view(&b));
    }
    buf_free(&b);
}

static void stopped_maybe(struct courier *c)
{
    if (c->stopping && c->count == 0 && c->carrier == NULL && c->directories == NULL) {
        role_stopped(c->role);
    }
}

static void on_carrier_stopped(struct role *r)
{
    struct courier *c = courier_of(r);
    c->carrier = NULL;
    stopped_maybe(c);
}

static void directories_stopped(void *arg)
{
    struct courier *c = arg;
    c->directories = NULL;
    stopped_maybe(c);
}

static void on_errand_closed(uv_handle_t *handle)
{
    struct errand *x = handle->data;
    struct courier *c = x->courier;
    *x->link = x->next;
    if (x->next != NULL) {
        x->next->link = x->link;
    }
    c->count--;
    post_free(&x->post);
    mem_free(x);
    stopped_maybe(c);
}

static void errand_end(struct errand *x, bool delivered, const char *why)
{
    report(x->courier, x->id, delivered, why);
    uv_close((uv_handle_t *)&x->timer, on_errand_closed);
}

static void on_work(uv_work_t *work)
{
    struct errand *x = work->data;
    post_send(&x->post, &x->result);
}

static void on_timer(uv_timer_t *timer);

static void remember(struct courier *c, struct span key)
{
    if (key.len > 0 && key.len <= NOTICE_KEY_MAX) {
        char *to = c->sent[c->nsent++ % COURIER_SENT_MAX];
        memcpy(to, key.ptr, key.len);
        to[key.len] = '\0';
    }
}

static bool was_sent(const struct courier *c, struct span key)
{
    for (unsigned i = 0; key.len > 0 && i < c->nsent && i < COURIER_SENT_MAX; i++) {
        if (span_eq(span_of(c->sent[i]), key)) {
            return true;
        }
    }
    return false;
}

static void on_work_done(uv_work_t *work, int status)
{
    struct errand *x = work->data;
    char shown[LOG_VALUE_MAX];
    (void)status;
    x->under_way = false;
    x->tries++;
    if (x->result.delivered) {
        remember(x->courier, x->post.key);
        errand_end(x, true, "");
        return;
    }
    bool last = x->result.for_good || x->tries >= COURIER_TRIES_MAX || x->courier->stopping;
    log_warn("courier.failed", "way=%s try=%u again=%d why=\"%s\"", post_way_name(&x->post),
             x->tries, !last, log_value(span_of(x->result.why), shown));
    if (last || x->post.way == NOTICE_HEARTBEAT) { /* a late heartbeat would be a lie */
        errand_end(x, false, x->result.why);
        return;
    }
    MUST(uv_timer_start(&x->timer, on_timer, (uint64_t)retry_random_ms(COURIER_PAUSE_MS, COURIER_PAUSE_MAX_MS, x->tries), 0));
}

static void errand_go(struct errand *x)
{
    x->under_way = true;
    x->work.data = x;
    MUST(uv_queue_work(role_loop(x->courier->role), &x->work, on_work, on_work_done));
}

static void on_timer(uv_timer_t *timer)
{
    errand_go(timer->data);
}

static bool known(const struct courier *c, uint64_t id)
{
    for (const struct errand *x = c->errands; x != NULL; x = x->next) {
        if (x->id == id) {
            return true;
        }
    }
    return false;
}

/* A letter that a desk before this one handed over: on its way already, or gone. What becomes of it is told to this desk. */
static bool letter_again(struct courier *c, const struct notice *n, uint64_t id)
{
    for (struct errand *x = c->errands; x != NULL && n->key.len > 0; x = x->next) {
        if (span_eq(x->post.key, n->key) && !uv_is_closing((uv_handle_t *)&x->timer)) {
            x->id = id;
            return true;
        }
    }
    if (was_sent(c, n->key)) {
        report(c, id, true, "");
        return true;
    }
    return false;
}

static void take_notice(struct courier *c, const struct ipc_msg *msg)
{
    struct notice n;
    struct cursor in = cursor_of(msg->body);
    notice_decode(&in, &n);
    if (known(c, msg->id)) {
        return; /* told again by a desk that met us anew */
    }
    if (cursor_done(&in) && letter_again(c, &n, msg->id)) {
        return;
    }
    if (!cursor_done(&in) || c->count >= COURIER_QUEUE_MAX || c->stopping) {
        report(c, msg->id, false,
               c->count >= COURIER_QUEUE_MAX ? "too many notices wait" : "broken or late notice");
        return;
    }
    struct errand *x = mem_alloc(sizeof *x);
    x->courier = c;
    x->id = msg->id;
    post_init(&x->post, role_config(c->role), &n);
    MUST(uv_timer_init(role_loop(c->role), &x->timer));
    x->timer.data = x;
    x->next = c->errands;
    x->link = &c->errands;
    if (x->next != NULL) {
        x->next->link = &x->next;
    }
    c->errands = x;
    c->count++;
    if (post_has_target(&x->post)) {
        errand_go(x);
    } else {
        errand_end(x, true, ""); /* the config names no such target: nothing to do */
    }
}

static void on_message(struct role *r, enum role_id peer, uint32_t instance, struct ipc *ch,
                       struct ipc_msg *msg)
{
    (void)peer;
    (void)instance;
    (void)ch;
    struct courier *c = courier_of(r);
    if (msg->type == MSG_NOTIFY) {
        take_notice(c, msg);
    } else if (msg->type == MSG_FED_CARRY && c->links != NULL) {
        links_carry(c->links, msg->id, msg->body);
    } else if (msg->type == MSG_FED_CANCEL && c->links != NULL) {
        links_cancel(c->links, msg->id);
    } else if (msg->type == MSG_SIGN_IN_FETCH && c->sign_in != NULL) {
        sign_in_errands_take(c->sign_in, msg->id, msg->body);
    } else if (msg->type == MSG_DIRECTORY_ASK && c->directories != NULL) {
        directory_errands_take(c->directories, msg->id, msg->body);
        sodium_memzero((void *)(uintptr_t)msg->body.ptr, msg->body.len); /* a password */
    } else if (msg->type == MSG_COPY_CARRY && c->carrier != NULL) {
        copy_carrier_take(c->carrier, msg);
    }
}

static void carried(void *arg, uint64_t id, struct span body)
{
    struct courier *c = arg;
    struct ipc *desk = role_peer(c->role, ROLE_DESK, 0);
    if (desk != NULL) {
        (void)!ipc_send(desk, MSG_FED_CARRIED, id, body); /* a new desk asks anew */
    }
}

static void fetched(void *arg, uint64_t id, struct span body)
{
    struct courier *c = arg;
    struct ipc *desk = role_peer(c->role, ROLE_DESK, 0);
    if (desk != NULL) {
        (void)!ipc_send(desk, MSG_SIGN_IN_FETCHED, id, body); /* a new desk knows nothing of it */
    }
}

static void directory_answered(void *arg, uint64_t id, struct span body)
{
    struct courier *c = arg;
    struct ipc *desk = role_peer(c->role, ROLE_DESK, 0);
    if (desk != NULL) {
        (void)!ipc_send(desk, MSG_DIRECTORY_ANSWER, id, body); /* a new desk knows nothing of it */
    }
}

static void on_fd(struct role *r, struct role_fd *f)
{
    struct courier *c = courier_of(r);
    if (f->kind == FD_FED_KEY && c->links != NULL) {
        links_key(c->links, f->fd);
    } else if (f->kind == FD_SIGN_IN_FILE && c->sign_in != NULL) {
        sign_in_errands_file(c->sign_in, f->name, f->fd);
    } else {
        (void)close(f->fd);
    }
}

static void on_reload(struct role *r, const struct config *config)
{
    struct courier *c = courier_of(r);
    if (c->links != NULL) {
        links_configure(c->links, config);
    }
    if (c->sign_in != NULL) {
        sign_in_errands_configure(c->sign_in, config);
    }
    if (c->directories != NULL) {
        directory_errands_configure(c->directories, config);
    }
}

static int preload(struct role *r, struct err *e)
{
    (void)r;
    int rc = sodium_init() < 0 ? err_set(e, ERR_IO, "the crypto library does not start") : post_preload(e);
    rc = rc == 0 ? ldap_wire_preload(e) : rc;
    return rc == 0 ? remote_preload(e) : rc;
}

static int start(struct role *r, const struct config *config, struct err *e)
{
    (void)e;
    struct courier *c = mem_alloc(sizeof *c);
    c->magic = COURIER_MAGIC;
    c->role = r;
    role_set_state(r, c);
    c->links = links_new(role_loop(r), &(struct links_host){c, carried});
    links_configure(c->links, config);
    c->sign_in = sign_in_errands_new(role_loop(r), &(struct sign_in_host){c, fetched});
    sign_in_errands_configure(c->sign_in, config);
    c->directories = directory_errands_new(role_loop(r), &(struct directory_host){c, directory_answered, directories_stopped}, c->sign_in);
    directory_errands_configure(c->directories, config);
    c->carrier = copy_carrier_new(r);
    return 0;
}

static void on_stop(struct role *r)
{
    struct courier *c = courier_of(r);
    c->stopping = true;
    links_free(&c->links);
    sign_in_errands_free(&c->sign_in);
    post_stop(); /* what is under way ends now */
    directory_errands_stop(c->directories); /* while count or carrier is there, or by itself the last */
    copy_carrier_stop(c->carrier, on_carrier_stopped);
    for (struct errand *x = c->errands; x != NULL; x = x->next) {
        if (!x->under_way && !uv_is_closing((uv_handle_t *)&x->timer)) {
            errand_end(x, false, "the node stops");
        }
    }
}

const struct role_ops role_ops_courier = {
    .role = ROLE_COURIER,
    .profile = SANDBOX_COURIER,
    .preload = preload,
    .start = start,
    .on_fd = on_fd,
    .on_message = on_message,
    .on_reload = on_reload,
    .on_stop = on_stop,
};
