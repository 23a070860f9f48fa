/* SPDX-License-Identifier: EUPL-1.2 */
/* Making envelopes: signed, sealed where they must be, queued. See fed_engine_issue. */
#include "base/log.h"
#include "base/mem.h"
#include "desk/federation/engine_priv.h"

struct issuing {
    struct fed_engine *en;
    fed_issued *done;
    void *ctx;
    char id[FED_ID_LEN + 1];
};

static void finish(struct issuing *w, int rc, struct span text)
{
    if (w->done != NULL) {
        w->done(w->ctx, rc, text, rc == 0 ? span_of(w->id) : SPAN(""));
    }
    mem_free(w);
}

/* The hub's way: it was taken in here like anybody's. */
static void applied_here(struct fed_engine *en, void *ctx, int rc, const struct fed_outcome *out,
                         uint32_t count)
{
    (void)en;
    bool fine = rc == 0 && count == 1 && !span_eq(out->state, SPAN("refused"));
    finish(ctx, rc < 0 ? rc : fine ? 0 : ERR_DENIED, fine || rc < 0 ? SPAN("") : out->reason);
}

/* The member's way: it waits in the outbox of the circle's hub. */
static void queued(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct issuing *w = ctx;
    (void)data;
    struct fed_engine *en = w->en;
    finish(w, rc, text);
    if (rc == 0) {
        fed_engine_wake(en);
    }
}

static int may_issue(const struct fed_engine *en, const struct fed_membership *m, struct err *e)
{
    const struct fed_member *self =
        m == NULL ? NULL : fed_membership_find(m, span_of(en->keys.node));
    if (m == NULL) {
        return err_set(e, ERR_NOT_FOUND, "this node is in no such circle");
    }
    if (fed_engine_stopped(en)) {
        return err_set(e, ERR_DENIED, "sharing is stopped on this node");
    }
    if (self == NULL || self->state != FED_ACTIVE) {
        return err_set(e, ERR_DENIED, "this node is no active member of the circle");
    }
    return fed_membership_over(m, engine_now_s())
               ? err_set(e, ERR_DENIED, "the circle's membership file is over its date")
               : 0;
}

static int make(struct fed_engine *en, struct arena *a, const struct fed_issue *i,
                const struct fed_membership *m, struct span *text_out, char id[FED_ID_LEN + 1],
                struct err *e)
{
    struct fed_draft d = i->draft;
    struct fed_reader *readers = NULL;
    uint32_t n = 0;
    bool red = span_eq(d.tlp, SPAN("RED"));
    d.created_s = engine_now_s();
    d.epoch = m->epoch;
    if ((i->sealed || red || m->nda) && !fed_type_is_control(d.type)) {
        struct fed_audience who;
        fed_audience_read(a, d.audience, &who);
        int rc = fed_envelope_readers(a, m, &who, red, span_of(en->keys.node), &readers, &n, e);
        if (rc < 0) {
            return rc;
        }
    }
    return fed_envelope_make(a, &d, &en->keys, readers, n, text_out, id, e);
}

/* Judged like anybody's, and passed on to whom the policy lets have it. */
static int judge_own(struct fed_engine *en, struct arena *a, struct span text, struct fed_taken *out, struct err *e)
{
    struct fed_envelope env;
    const struct engine_source src = {.peer = SPAN(""), .hub = span_of(en->keys.node)};
    enum fed_refusal r = engine_judge(en, a, &src, text, out);
    enum fed_act act = fed_refusal_act(r);
    if ((act != FED_ACT_TAKE && act != FED_ACT_STORE) || fed_envelope_read(a, text, &env, e) != FED_TAKEN) {
        return err_set(e, ERR_DENIED, "it would be refused: %s", fed_refusal_text(r));
    }
    engine_relay(en, a, &env, out);
    return 0;
}

int engine_issue_taken(struct fed_engine *en, struct arena *a, const struct fed_issue *i, const struct fed_membership *m,
                       struct fed_taken *out, struct err *e)
{
    char id[FED_ID_LEN + 1];
    struct span text = SPAN("");
    int rc = may_issue(en, m, e);
    rc = rc < 0 ? rc : make(en, a, i, m, &text, id, e);
    rc = rc < 0 ? rc : judge_own(en, a, text, out, e);
    out->class = i->class;
    return rc;
}

static int issue_at_hub(struct fed_engine *en, const struct fed_issue *i, struct span text,
                        struct issuing *w, struct err *e)
{
    struct group *g = engine_group(en);
    struct fed_taken t;
    if (g->items.len >= FED_TAKE_MAX || g->bytes + text.len > ENGINE_GROUP_BYTES) {
        return err_set(e, ERR_BUSY, "too much is being taken in at once");
    }
    int rc = judge_own(en, &g->arena, text, &t, e);
    if (rc < 0) {
        return rc;
    }
    t.class = i->class;
    vec_push(&g->items, t);
    vec_push(&g->waiters, (struct waiter){applied_here, w, 1});
    g->bytes += text.len;
    engine_group_go(en);
    return 0;
}

static int issue_to_hub(struct fed_engine *en, const struct fed_issue *i,
                        const struct fed_membership *m, struct span text, struct issuing *w,
                        struct err *e)
{
    struct buf q;
    const struct fed_out out = {.circle = i->draft.circle,
                                .class = i->class,
                                .id = span_of(w->id),
                                .type = span_of(fed_type_word(i->draft.type)),
                                .issuer = span_of(en->keys.node),
                                .epoch = (int64_t)m->epoch,
                                .created = clock_now(),
                                .expires = i->draft.expires_s * TIME_SECOND,
                                .envelope = text,
                                .reason = i->reason,
                                .audience = i->audience};
    engine_ask_begin(&q, ASK_FED_SEND);
    buf_u32(&q, 1);
    fed_out_encode(&q, &out);
    return engine_ask(en, &q, queued, w) ? 0
                                         : err_set(e, ERR_CLOSED, "the keeper is away; try again");
}

int fed_engine_issue(struct fed_engine *en, const struct fed_issue *i, fed_issued *done, void *ctx,
                     struct err *e)
{
    CHECK_OBJ(en, ENGINE_MAGIC);
    struct arena a;
    struct span text = SPAN("");
    const struct fed_membership *m = fed_engine_circle(en, i->draft.circle);
    const struct circle *c = engine_circle(en, i->draft.circle);
    int rc = may_issue(en, m, e);
    if (rc < 0) {
        return rc;
    }
    struct issuing *w = mem_alloc(sizeof *w);
    *w = (struct issuing){.en = en, .done = done, .ctx = ctx};
    arena_init(&a, 0);
    rc = make(en, &a, i, m, &text, w->id, e);
    if (rc == 0) {
        rc = c->own ? issue_at_hub(en, i, text, w, e) : issue_to_hub(en, i, m, text, w, e);
    }
    arena_fini(&a);
    if (rc < 0) {
        mem_free(w);
    }
    return rc;
}
