/* SPDX-License-Identifier: EUPL-1.2 */
/* Envelopes that come: judged, gathered into transactions, passed on. See engine.h. Trusts nothing of
 * what it reads; the checks and their order are fed_envelope_check's. */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"
#include "desk/federation/envelope_policy.h"
#include "policy/policy.h"

enum { LOOK_BYTES = 32 << 10 /* of one envelope of signals, parsed */ };

static const struct {
    const char *word;
    fed_judge_body *verify;
    fed_after *after;
} handlers[] = {
#define FED_HANDLER(word, verify, apply, after) {word, verify, after},
#include "desk/federation/handlers.def"
#undef FED_HANDLER
};

static size_t handler_of(struct span word)
{
    size_t i = 0;
    while (i < ARRAY_LEN(handlers) && !span_eq(word, span_of(handlers[i].word))) {
        i++;
    }
    return i;
}

struct judging {
    struct fed_engine *en;
    struct arena *arena; /* of what is only looked at */
    const struct engine_source *src;
};

/* What this node knows of an issuer. A member's push speaks for the member alone, in circles of this
 * hub; a hub's stream of its own circles only. */
static enum fed_refusal find_issuer(void *ctx, const struct fed_envelope *env,
                                    struct fed_issuer *out)
{
    const struct judging *j = ctx;
    const struct circle *c = engine_circle(j->en, env->circle);
    const struct fed_membership *known[ENGINE_KNOWN_MAX];
    if (c == NULL || c->count == 0 || (j->src->at_hub && !c->own)) {
        return FED_CIRCLE;
    }
    if (!j->src->at_hub && j->src->hub.len > 0 && !span_eq(c->known[0]->m.hub.node, j->src->hub)) {
        return FED_CIRCLE;
    }
    if (j->src->at_hub && !span_eq(env->issuer, j->src->peer)) {
        return FED_ISSUER;
    }
    for (size_t i = 0; i < c->count; i++) {
        known[i] = &c->known[i]->m;
    }
    return fed_issuer_find(known, c->count, env, engine_now_s(), out);
}

/* The policy's word, before anything of it is opened: this node is one of its readers, or the hub that carries it. A relay is
 * not trusted to have asked. */
static enum fed_refusal let_in(void *ctx, const struct fed_envelope *env, const struct fed_issuer *issuer)
{
    const struct judging *j = ctx;
    const struct circle *c = engine_circle(j->en, env->circle);
    (void)issuer;
    return c == NULL || c->count == 0
               ? FED_CIRCLE
               : fed_policy_takes(j->arena, env, &c->known[0]->m, span_of(j->en->keys.node), engine_now_s() * TIME_SECOND);
}

static struct span state_of(enum fed_refusal r)
{
    switch (fed_refusal_act(r)) {
    case FED_ACT_TAKE:
        return SPAN("applied");
    case FED_ACT_STORE:
        return SPAN("stored");
    case FED_ACT_HOLD:
        return SPAN("held");
    case FED_ACT_QUARANTINE:
        return SPAN("quarantined");
    default:
        return SPAN("refused");
    }
}

/* Opens it and asks its type's own function; what is kept is copied to `a`. */
static enum fed_refusal judge_body(const struct judging *j, struct arena *a,
                                   const struct fed_envelope *env, struct fed_taken *out,
                                   struct err *e)
{
    struct fed_engine *en = j->en;
    const struct jcs *body = NULL;
    struct buf digest;
    enum fed_refusal r = fed_envelope_open(j->arena, env, &en->keys, &body);
    size_t h = handler_of(env->type_word);
    if (r != FED_TAKEN) {
        return r;
    }
    if (h == ARRAY_LEN(handlers)) {
        return FED_TYPE;
    }
    buf_init(&digest, ENGINE_GROUP_BYTES);
    r = handlers[h].verify(en, env, body, j->arena, &digest, e);
    out->digest = arena_copy(a, buf_view(&digest));
    buf_free(&digest);
    return r;
}

/* A label that is not known, of something that is here: its author has taken the known one back. Only what it is about is read of it. */
static enum fed_refusal judge_label(const struct judging *j, struct arena *a, const struct fed_envelope *env, struct fed_taken *out, struct err *e)
{
    enum fed_refusal r = judge_body(j, a, env, out, e);
    return r == FED_TAKEN ? FED_NEWER : r;
}

static void fill_row(struct arena *a, const struct fed_envelope *env, const struct engine_source *src,
                     enum fed_refusal r, const struct err *e, struct fed_envelope_row *row)
{
    row->id = span_of(arena_strdup(a, env->id));
    row->type = arena_copy(a, env->type_word);
    row->issuer = arena_copy(a, env->issuer);
    row->circle = arena_copy(a, env->circle);
    row->epoch = (int64_t)env->epoch;
    row->created = env->created_s * TIME_SECOND;
    row->expires = env->expires_s * TIME_SECOND;
    row->received = clock_now();
    row->peer = arena_copy(a, src->peer);
    row->state = state_of(r);
    row->reason = r == FED_TAKEN ? SPAN("")
                                 : span_of(arena_printf(a, "%s%s%s", fed_refusal_word(r),
                                                        e->text[0] == '\0' ? "" : ": ", e->text));
    row->body = arena_copy(a, env->text);
}

static enum fed_refusal judge_within(struct fed_engine *en, struct arena *look, struct arena *a, const struct engine_source *src,
                                     struct span text, struct fed_taken *out)
{
    struct judging j = {en, look, src};
    struct fed_envelope env;
    struct err e = {0};
    const struct fed_check check = {.now_s = engine_now_s(),
                                    .at_hub = src->at_hub,
                                    .ctx = &j,
                                    .issuer = find_issuer,
                                    .policy = let_in};
    memset(out, 0, sizeof *out);
    memset(&env, 0, sizeof env);
    out->row.peer = arena_copy(a, src->peer);
    enum fed_refusal r = fed_envelope_check(look, text, &check, &env, &e);
    /* A membership that comes after others that were missed: it is signed by itself, by its hub and its
     * officers, and judged by what is known of those. */
    bool later = r == FED_EPOCH && env.type == FED_TYPE_MEMBERSHIP && !src->at_hub;
    if (r == FED_TAKEN || later) {
        r = judge_body(&j, a, &env, out, &e);
    } else if ((r == FED_LABEL || r == FED_AUDIENCE) && env.type == FED_TYPE_RELABEL && !src->at_hub) {
        r = judge_label(&j, a, &env, out, &e);
    }
    enum fed_act act = fed_refusal_act(r);
    en->may_hold = en->may_hold || act == FED_ACT_HOLD;
    if (act == FED_ACT_ALARM) {
        char shown[LOG_VALUE_MAX];
        en->alarms++;
        log_error("federation.alarm", "peer=%.*s word=%s why=\"%s\"", SPAN_ARG(src->peer),
                  fed_refusal_word(r), log_value(span_of(e.text), shown));
    }
    if (act == FED_ACT_TAKE || act == FED_ACT_STORE || act == FED_ACT_HOLD ||
        act == FED_ACT_QUARANTINE) {
        fill_row(a, &env, src, r, &e, &out->row);
        if (src->at_hub && (act == FED_ACT_TAKE || act == FED_ACT_STORE)) {
            engine_relay(en, a, &env, out);
        }
    } else {
        /* Nothing of it is kept: its id is not to be trusted before its signature is. */
        char shown[LOG_VALUE_MAX];
        en->refused++;
        log_warn("federation.refused", "peer=%.*s word=%s why=\"%s\"", SPAN_ARG(src->peer),
                 fed_refusal_word(r), log_value(span_of(e.text), shown));
    }
    return r;
}

/* A parsed envelope is ten times its text: of a group of thousands that wait for the keeper only what is kept may wait. */
enum fed_refusal engine_judge(struct fed_engine *en, struct arena *a, const struct engine_source *src,
                              struct span text, struct fed_taken *out)
{
    struct arena look;
    arena_init(&look, LOOK_BYTES);
    enum fed_refusal r = judge_within(en, &look, a, src, text, out);
    arena_fini(&look);
    return r;
}

/* ---- groups: one transaction at a time, the next gathers meanwhile ---- */

void engine_group_free(struct group **out)
{
    struct group *g = *out;
    *out = NULL;
    if (g != NULL) {
        vec_free(&g->items);
        vec_free(&g->waiters);
        arena_fini(&g->arena);
        mem_free(g);
    }
}

struct group *engine_group(struct fed_engine *en)
{
    if (en->gathering == NULL) {
        en->gathering = mem_alloc(sizeof *en->gathering);
        arena_init(&en->gathering->arena, 64 << 10);
    }
    return en->gathering;
}

static void wake_peers(struct fed_engine *en, const struct fed_taken *t)
{
    for (size_t i = 0; i < t->npeers; i++) {
        engine_peer_wake(en, t->peer[i]);
    }
}

static void applied(struct fed_engine *en, const struct fed_taken *t)
{
    size_t h = handler_of(t->row.type);
    en->taken++;
    if (h < ARRAY_LEN(handlers)) {
        handlers[h].after(en, t);
    }
}

void engine_after(struct fed_engine *en, const struct fed_taken *t)
{
    applied(en, t);
    wake_peers(en, t);
}

static void run_after(struct fed_engine *en, const struct fed_taken *t,
                      const struct fed_outcome *o)
{
    if (o->fresh && span_eq(o->state, SPAN("applied"))) {
        applied(en, t);
    }
    if (o->fresh) {
        wake_peers(en, t);
    }
}

static void group_kept(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_engine *en = ctx;
    struct group *g = en->under_way;
    char shown[LOG_VALUE_MAX];
    en->under_way = NULL;
    struct fed_outcome *out = arena_calloc(&g->arena, g->items.len + 1, sizeof *out);
    for (size_t i = 0; rc == 0 && i < g->items.len; i++) {
        out[i].fresh = cursor_u8(data) != 0;
        out[i].state = cursor_str(data);
        out[i].reason = cursor_str(data);
    }
    if (rc == 0 && !cursor_done(data)) {
        rc = ERR_INVALID;
    }
    if (rc < 0) {
        log_error("federation.keep", "rc=%d why=\"%s\"", rc, log_value(text, shown));
    }
    for (size_t i = 0; rc == 0 && i < g->items.len; i++) {
        run_after(en, &g->items.data[i], &out[i]);
    }
    size_t at = 0;
    for (size_t i = 0; i < g->waiters.len; i++) {
        const struct waiter *w = &g->waiters.data[i];
        w->done(en, w->ctx, rc, rc == 0 ? &out[at] : NULL, w->count);
        at += w->count;
    }
    engine_group_free(&g);
    engine_group_go(en);
}

void engine_group_go(struct fed_engine *en)
{
    struct buf q;
    if (en->under_way != NULL || en->gathering == NULL || en->gathering->items.len == 0) {
        return;
    }
    struct group *g = en->gathering;
    engine_ask_begin(&q, ASK_FED_TAKE);
    buf_u32(&q, (uint32_t)g->items.len);
    for (size_t i = 0; i < g->items.len; i++) {
        fed_taken_encode(&q, &g->items.data[i]);
    }
    en->gathering = NULL;
    en->under_way = g;
    if (!engine_ask(en, &q, group_kept, en)) {
        struct cursor nothing = cursor_of(SPAN(""));
        group_kept(en, ERR_CLOSED, SPAN("the keeper is away"), &nothing);
    }
}

/* ---- held ones again ---- */

static void held_kept(struct fed_engine *en, void *ctx, int rc, const struct fed_outcome *out,
                      uint32_t count)
{
    (void)ctx;
    uint32_t n = 0;
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        n += out[i].fresh;
    }
    if (n > 0) {
        log_info("federation.held", "looked_at=%u let_in=%u", count, n);
    }
    (void)en;
}

/* A hub's stream speaks of its own circles, anybody else's for himself. */
static struct engine_source source_of(const struct fed_engine *en, struct span peer)
{
    for (size_t i = 0; i < en->links.len; i++) {
        if (span_eq(en->links.data[i]->row.hub, peer)) {
            return (struct engine_source){.peer = peer, .hub = peer};
        }
    }
    return (struct engine_source){.peer = peer, .at_hub = peer.len > 0};
}

static void held_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_engine *en = ctx;
    struct group *g = engine_group(en);
    uint32_t n = rc == 0 ? cursor_u32(data) : 0, count = 0;
    (void)text;
    for (uint32_t i = 0; i < n && !data->failed && g->items.len < FED_TAKE_MAX; i++) {
        struct fed_taken t;
        time_ns received = (time_ns)cursor_u64(data);
        struct span id = cursor_str(data);
        struct span peer = cursor_str(data);
        struct span body = cursor_str(data);
        if (data->failed || id.len != FED_ID_LEN) {
            break;
        }
        const struct engine_source src = source_of(en, arena_copy(&g->arena, peer));
        en->held_at = received;
        memcpy(en->held_id, id.ptr, FED_ID_LEN);
        (void)engine_judge(en, &g->arena, &src, arena_copy(&g->arena, body), &t);
        if (t.row.id.len > 0 && !span_eq(t.row.state, SPAN("held"))) {
            vec_push(&g->items, t);
            g->bytes += t.row.body.len;
            count++;
        }
    }
    if (n == 0) { /* the end of the list: from its beginning, later */
        en->may_hold = rc != 0 || en->held_at != 0;
        en->held_at = 0;
        en->held_id[0] = '\0';
    }
    if (count > 0) {
        vec_push(&g->waiters, (struct waiter){held_kept, NULL, count});
    }
    engine_group_go(en);
}

void engine_held_tick(struct fed_engine *en)
{
    struct buf q;
    if (!en->may_hold || en->now < en->held_due) {
        return;
    }
    en->held_due = en->now + ENGINE_HELD_S * TIME_SECOND;
    engine_ask_begin(&q, ASK_FED_HELD);
    buf_u64(&q, (uint64_t)en->held_at);
    buf_str(&q, span_of(en->held_id));
    (void)engine_ask(en, &q, held_known, en);
}
