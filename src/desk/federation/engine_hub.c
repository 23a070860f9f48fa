/* SPDX-License-Identifier: EUPL-1.2 */
/* The hub's side of its members' streams: hello and push (docs/FEDERATION.md §4); pull is engine_pull.c's. See
 * engine.h. */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/text.h"

/* ---- peers ---- */

struct hub_peer *engine_peer(struct fed_engine *en, struct span node)
{
    uint64_t at = 0;
    if (map_get(&en->peer_by_node, node, &at)) {
        return (struct hub_peer *)(uintptr_t)at;
    }
    if (!fed_node_valid(node)) {
        return NULL;
    }
    struct hub_peer *p = mem_alloc(sizeof *p);
    p->engine = en;
    memcpy(p->node, node.ptr, FED_NODE_LEN);
    vec_push(&en->peers, p);
    map_put(&en->peer_by_node, span_make(p->node, FED_NODE_LEN), (uint64_t)(uintptr_t)p);
    return p;
}

/* ---- answers ---- */

void engine_respond(struct fed_call *call, unsigned status, struct buf *body)
{
    void (*respond)(struct fed_call *, unsigned, struct span) = call->respond;
    CHECK(respond != NULL);
    call->respond = NULL;
    respond(call, body->failed ? 500 : status, body->failed ? SPAN("{}") : buf_view(body));
}

void engine_respond_error(struct fed_call *call, unsigned status, const char *code,
                          const char *message)
{
    struct buf b;
    buf_init(&b, 1024);
    buf_printf(&b, "{\"error\":\"%s\",\"message\":\"%s\"}", code, message);
    engine_respond(call, status, &b);
    buf_free(&b);
}

static void put_stream(struct buf *b, const char *name, int64_t epoch, int64_t seq, const char *id)
{
    buf_printf(b, "\"%s\":{\"epoch\":%" PRId64 ",\"hash\":\"%s\",\"seq\":%" PRId64 "}", name, epoch,
               id, seq);
}

static void put_circles(struct fed_engine *en, struct span node, struct buf *b)
{
    bool first = true;
    buf_cstr(b, "\"circles\":{");
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        if (c->own && c->count > 0 && fed_membership_find(&c->known[0]->m, node) != NULL) {
            buf_printf(b, "%s\"%s\":%" PRIu64, first ? "" : ",", c->id, c->known[0]->m.epoch);
            first = false;
        }
    }
    buf_cstr(b, "}");
}

static void answer_hello(struct fed_engine *en, struct fed_call *call)
{
    struct buf b;
    struct hub_peer *p = call->peer;
    buf_init(&b, 64 << 10);
    buf_cstr(&b, "{");
    put_circles(en, span_of(p->node), &b);
    buf_printf(&b, ",\"clock\":%" PRId64 ",", engine_now_s());
    put_stream(&b, "down", (int64_t)p->out.epoch, (int64_t)p->out.seq, "");
    buf_printf(&b, ",\"node\":\"%s\",", en->keys.node);
    put_stream(&b, "up", p->in_epoch, p->in_seq, p->in_id);
    buf_printf(&b, ",\"version\":\"%s\"}", SERENO_VERSION);
    engine_respond(call, 200, &b);
    buf_free(&b);
}

/* ---- hello ---- */

struct hello {
    struct fed_engine *en;
    struct fed_call *call; /* NULL: its connection is gone */
    struct hub_peer *peer;
    struct fed_stream_in in;
    uint64_t epoch;
};

static void hello_end(struct hello *h, int rc)
{
    struct fed_call *call = h->call;
    if (call != NULL) {
        call->work = NULL;
        if (rc < 0) {
            engine_respond_error(call, 503, "busy", "the hub is busy; try again");
        } else {
            h->peer->greeted = true;
            h->peer->given = 0;
            answer_hello(h->en, call);
        }
    }
    mem_free(h);
}

static void restarted(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct hello *h = ctx;
    (void)text;
    (void)data;
    if (rc == 0) {
        h->peer->out = (struct fed_stream_out){h->epoch, 0, 0};
        log_info("federation.restart", "peer=%s way=down epoch=%" PRIu64, h->peer->node, h->epoch);
    }
    hello_end(h, rc);
}

static void met(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct hello *h = ctx;
    struct buf q;
    (void)text;
    struct span id_at = rc == 0 ? cursor_str(data) : SPAN("");
    if (rc < 0) {
        hello_end(h, rc);
        return;
    }
    if (fed_stream_meet(&h->peer->out, &h->in, id_at, &h->epoch) == FED_MEET_FITS) {
        hello_end(h, 0);
        return;
    }
    engine_ask_begin(&q, ASK_FED_RESTART);
    buf_str(&q, span_of(h->peer->node));
    buf_u64(&q, h->epoch);
    if (!engine_ask(h->en, &q, restarted, h)) {
        hello_end(h, ERR_CLOSED);
    }
}


static void take_version(struct hub_peer *p, const struct jcs *root)
{
    struct span v = SPAN("");
    if (jcs_get_text(root, "version", &v) && fed_name_valid(v, sizeof p->version - 1)) {
        memcpy(p->version, v.ptr, v.len);
        p->version[v.len] = '\0';
    }
}

static void hello(struct fed_engine *en, struct fed_call *call)
{
    struct arena a;
    struct jcs *root = NULL;
    struct fed_stream_in in = {0};
    struct buf q;
    arena_init(&a, 4096);
    bool fine = jcs_read(&a, call->body, FED_DEPTH_MAX, &root, NULL) == 0 &&
                engine_read_half(root, "down", &in);
    if (!fine) {
        arena_fini(&a);
        engine_respond_error(call, 400, "shape", "no hello that can be read");
        return;
    }
    if (call->peer->pushing) { /* what it would be told of is not over: a push from before is being kept */
        arena_fini(&a);
        engine_respond_error(call, 503, "busy", "what you sent is being kept; try again");
        return;
    }
    struct hello *h = mem_alloc(sizeof *h);
    *h = (struct hello){.en = en, .call = call, .peer = call->peer, .in = in};
    take_version(call->peer, root);
    engine_pull_replace(en, call->peer);
    arena_fini(&a);
    call->work = h;
    engine_ask_begin(&q, ASK_FED_STREAM_ID);
    buf_str(&q, span_of(h->peer->node));
    buf_u64(&q, h->in.seq);
    if (!engine_ask(en, &q, met, h)) {
        hello_end(h, ERR_CLOSED);
    }
}

/* ---- push ---- */

struct push {
    struct fed_call *call; /* NULL: its connection is gone */
    struct hub_peer *peer;
    int64_t epoch, first, last;
    char last_id[FED_ID_LEN + 1];
    enum fed_refusal refused[BATCH_MAX];
    uint32_t count;
};

static void put_refused(struct buf *b, int64_t seq, const char *reason, bool *first)
{
    buf_printf(b, "%s{\"reason\":\"%s\",\"seq\":%" PRId64 "}", *first ? "" : ",", reason, seq);
    *first = false;
}

static bool tells(enum fed_refusal r)
{
    enum fed_act act = fed_refusal_act(r);
    return act == FED_ACT_REFUSE || act == FED_ACT_ALARM;
}

static void push_kept(struct fed_engine *en, void *ctx, int rc, const struct fed_outcome *out,
                      uint32_t count)
{
    struct push *w = ctx;
    (void)en;
    struct hub_peer *p = w->peer;
    p->pushing = false;
    if (rc == 0 && count > 0) {
        p->in_epoch = w->epoch;
        p->in_seq = w->last;
        memcpy(p->in_id, w->last_id, sizeof p->in_id);
    }
    if (w->call != NULL) {
        struct fed_call *call = w->call;
        struct buf b;
        bool first = true;
        call->work = NULL;
        buf_init(&b, 1 << 20);
        buf_cstr(&b, "{\"refused\":[");
        for (uint32_t i = 0; rc == 0 && i < count; i++) {
            bool later = !tells(w->refused[i]) && span_eq(out[i].state, SPAN("refused"));
            if (tells(w->refused[i]) || later) {
                put_refused(&b, w->first + i, later ? "body" : fed_refusal_word(w->refused[i]),
                            &first);
            }
        }
        buf_printf(&b, "],\"seq\":%" PRId64 "}", rc == 0 ? w->last : p->in_seq);
        if (rc == 0) {
            engine_respond(call, 200, &b);
        } else {
            engine_respond_error(call, 503, "busy", "it could not be kept; try again");
        }
        buf_free(&b);
    }
    mem_free(w);
}

/* Gives every item of the batch from `skip` on to the group that gathers. */
static void push_take(struct fed_engine *en, struct fed_call *call, const struct batch *b,
                      uint32_t skip)
{
    struct group *g = engine_group(en);
    struct hub_peer *p = call->peer;
    const struct engine_source src = {.peer = span_of(p->node), .at_hub = true};
    struct push *w = mem_alloc(sizeof *w);
    w->call = call;
    w->peer = p;
    w->epoch = b->epoch;
    w->count = b->count - skip;
    w->first = b->items[skip].seq;
    w->last = b->items[b->count - 1].seq;
    for (uint32_t i = skip; i < b->count; i++) {
        struct fed_taken t;
        w->refused[i - skip] = engine_judge(en, &g->arena, &src, b->items[i].envelope, &t);
        t.stream_epoch = b->epoch;
        t.seq = b->items[i].seq;
        g->bytes += b->items[i].envelope.len;
        vec_push(&g->items, t);
        if (i + 1 == b->count && t.row.id.len == FED_ID_LEN) {
            memcpy(w->last_id, t.row.id.ptr, FED_ID_LEN);
        }
    }
    vec_push(&g->waiters, (struct waiter){push_kept, w, w->count});
    call->work = w;
    p->pushing = true;
    engine_group_go(en);
}

/* Numbers that are known must be known for the same: else a push from before the last hello was taken
 * in after it, and what comes now under its numbers would be lost. They part, and meet anew. */
static bool same_truth(const struct hub_peer *p, const struct batch *b, uint32_t skip)
{
    struct arena a;
    struct jcs *root = NULL;
    struct span id = SPAN("");
    if (skip == 0 || b->items[skip - 1].seq != p->in_seq || p->in_id[0] == '\0') {
        return true;
    }
    arena_init(&a, 4096);
    bool same = jcs_read(&a, b->items[skip - 1].envelope, FED_DEPTH_MAX, &root, NULL) == 0 &&
                jcs_get_text(root, "id", &id) && span_eq(id, span_of(p->in_id));
    arena_fini(&a);
    return same;
}

static void push(struct fed_engine *en, struct fed_call *call)
{
    struct err e = {0};
    uint32_t skip = 0;
    struct hub_peer *p = call->peer;
    struct group *g = engine_group(en);
    struct batch *b = mem_alloc(sizeof *b);
    int rc = batch_read_push(call->body, b, &e);
    enum fed_refusal how =
        rc < 0 ? FED_TAKEN : engine_arrive(p->in_epoch, p->in_seq, b, &skip);
    if (rc == 0 && how == FED_TAKEN && b->epoch == p->in_epoch && !same_truth(p, b, skip)) {
        how = FED_STREAM;
        log_warn("federation.parted", "peer=%s epoch=%" PRId64 " seq=%" PRId64, p->node, p->in_epoch,
                 p->in_seq);
    }
    if (rc < 0) {
        engine_respond_error(call, 400, "shape", e.text);
    } else if (!p->greeted || how != FED_TAKEN) {
        engine_respond_error(call, 409, !p->greeted || how == FED_STREAM ? "stream" : "gap",
                             "say hello first");
    } else if (p->pushing || g->items.len + b->count > FED_TAKE_MAX ||
               g->bytes + call->body.len > ENGINE_GROUP_BYTES) {
        engine_respond_error(call, 503, "busy", "too much at once; try again");
    } else if (skip == b->count) {
        struct buf out;
        buf_init(&out, 256);
        buf_printf(&out, "{\"refused\":[],\"seq\":%" PRId64 "}", p->in_seq);
        engine_respond(call, 200, &out);
        buf_free(&out);
    } else {
        push_take(en, call, b, skip);
    }
    mem_free(b);
}

/* ---- all calls ---- */

void fed_hub_call(struct fed_engine *en, struct fed_call *call)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    en->now = clock_mono();
    call->engine = en;
    call->peer = NULL;
    call->work = NULL;
    if (!en->loaded || !en->config.hub) {
        engine_respond_error(call, 503, "starting", "the hub is starting; try again");
        return;
    }
    if (call->kind == FED_CALL_ENROL || call->kind == FED_CALL_ENROLLED) {
        call->kind == FED_CALL_ENROL ? engine_enrol_call(en, call) : engine_enrolled_call(en, call);
        return;
    }
    enum fed_refusal r = call->node.len == 0 ? FED_ISSUER : engine_member_state(en, call->node);
    if (r != FED_TAKEN) {
        log_warn("federation.denied", "node=%.*s word=%s", SPAN_ARG(call->node),
                 fed_refusal_word(r));
        engine_respond_error(call, 403, fed_refusal_word(r), fed_refusal_text(r));
        return;
    }
    call->peer = engine_peer(en, call->node);
    CHECK(call->peer != NULL); /* it stands in a membership, so it is a node id */
    call->peer->contact = clock_now();
    call->peer->certificate_until = call->certificate_until_s * TIME_SECOND;
    switch (call->kind) {
    case FED_CALL_HELLO:
        hello(en, call);
        break;
    case FED_CALL_PUSH:
        push(en, call);
        break;
    case FED_CALL_PULL:
        engine_pull(en, call);
        break;
    case FED_CALL_RENEW:
        engine_renew_call(en, call);
        break;
    default:
        UNREACHABLE();
    }
}

void fed_hub_gone(struct fed_engine *en, struct fed_call *call)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    call->respond = NULL;
    if ((call->kind == FED_CALL_ENROL || call->kind == FED_CALL_ENROLLED) && call->work != NULL) {
        engine_enrol_gone(call);
    } else if (call->kind == FED_CALL_HELLO && call->work != NULL) {
        ((struct hello *)call->work)->call = NULL;
    } else if (call->kind == FED_CALL_PUSH && call->work != NULL) {
        ((struct push *)call->work)->call = NULL;
    } else if (call->kind == FED_CALL_PULL && call->peer != NULL && call->peer->pull == call) {
        engine_pull_end(en, call->peer);
    }
}
