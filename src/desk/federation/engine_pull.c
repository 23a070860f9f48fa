/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The hub's side of pull (docs/FEDERATION.md §4): a member's long poll waits here until there is something
 * for it. What is asked of the keeper for many members goes in one question and one transaction, the next
 * gathers meanwhile: a warning to thousands of members costs some dozens of commits, not thousands. See
 * engine.h.
 */
#include "base/mem.h"
#include "desk/federation/engine_priv.h"

/* ---- long polls that wait ---- */

void engine_pull_end(struct fed_engine *en, struct hub_peer *p)
{
    struct fed_call *last = *vec_last(&en->waiting);
    CHECK(en->waiting.data[p->waiting_at] == p->pull);
    en->waiting.data[p->waiting_at] = last;
    last->peer->waiting_at = p->waiting_at;
    en->waiting.len--;
    p->pull = NULL;
}

static void pull_answer(struct fed_engine *en, struct hub_peer *p, const struct batch *b)
{
    struct buf out;
    struct fed_call *call = p->pull;
    buf_init(&out, BATCH_BODY_MAX);
    batch_write_pull(b, &out);
    engine_pull_end(en, p);
    engine_respond(call, 200, &out);
    buf_free(&out);
}

static void pull_refuse(struct fed_engine *en, struct hub_peer *p, unsigned status, const char *code,
                        const char *message)
{
    struct fed_call *call = p->pull;
    engine_pull_end(en, p);
    engine_respond_error(call, status, code, message);
}

/* ---- what the keeper has for them ---- */

/* Wants a batch for the pull that waits; it goes with the next question. */
static void pull_ask(struct fed_engine *en, struct hub_peer *p)
{
    p->news = false;
    p->asking = true;
    vec_push(&en->pulls, p);
    engine_pulls_go(en);
}

/* *more_out: the keeper has more than fits into this batch. */
static bool read_batch(struct cursor *data, struct fed_stream_out *place, struct batch *b, bool *more_out)
{
    int64_t st[6]; /* epoch, seq, acked, waiting, bytes, dropped */
    for (size_t i = 0; i < ARRAY_LEN(st); i++) {
        st[i] = (int64_t)cursor_u64(data);
    }
    uint32_t n = cursor_u32(data);
    b->epoch = st[0];
    b->count = 0;
    for (uint32_t i = 0; i < n && i < BATCH_MAX && !data->failed; i++) {
        b->items[i].seq = (int64_t)cursor_u64(data);
        for (int k = 0; k < 5; k++) { /* id, type, circle, reason, audience: for the courier's log */
            (void)cursor_str(data);
        }
        b->items[i].envelope = cursor_str(data);
        b->count++;
    }
    *place = (struct fed_stream_out){(uint64_t)st[0], (uint64_t)st[1], (uint64_t)st[2]};
    *more_out = st[3] > b->count;
    return !data->failed && n <= BATCH_MAX;
}

/* Whether it may be given what is new, or waits for more to come: see fed_stream_pause. */
static bool may_have_news(const struct fed_engine *en, const struct hub_peer *p)
{
    return p->given == 0 || en->now - p->given >= fed_stream_pause(en->peers.len);
}

/* One member's part of the answer. rc: of the question, or of this part. */
static void pull_batch(struct fed_engine *en, struct hub_peer *p, int rc, const struct batch *b, bool more)
{
    struct fed_call *call = p->pull;
    if (call == NULL) { /* its connection is gone */
        return;
    }
    if (rc == ERR_BUSY || call->epoch != p->asked_epoch || call->after != p->asked_after) {
        pull_ask(en, p); /* no room in this answer, or another pull came in its place */
    } else if (rc == ERR_INVALID) { /* a receipt for what was never sent: somebody's memory is wrong */
        pull_refuse(en, p, 409, "stream", "say hello first");
    } else if (rc < 0) {
        pull_refuse(en, p, 503, "busy", "the hub is busy; try again");
    } else if (b->count > 0 || en->now >= call->until) {
        p->given = more ? 0 : b->count > 0 ? en->now : p->given;
        pull_answer(en, p, b);
    } else if (p->news && may_have_news(en, p)) {
        pull_ask(en, p);
    }
}

static void pulls_known(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct fed_engine *en = ctx;
    struct batch *b = mem_alloc(sizeof *b);
    (void)text;
    for (size_t i = 0; i < en->npulled; i++) { /* who asks again meanwhile gathers for the next question */
        struct hub_peer *p = en->pulled[i];
        struct fed_stream_out place = {0};
        int mine = rc;
        bool more = false;
        if (rc == 0) {
            mine = -(int)cursor_u32(data);
            if (!read_batch(data, &place, b, &more)) {
                rc = mine = ERR_CLOSED; /* the rest cannot be read either */
            }
        }
        p->asking = false;
        if (mine == 0) {
            p->out = place;
        }
        pull_batch(en, p, mine, b, more);
    }
    mem_free(b);
    en->npulled = 0;
    engine_pulls_go(en);
}

/* Takes those whose turn it is off the queue, and writes what is asked for each. */
static void pulls_take(struct fed_engine *en, struct buf *q)
{
    size_t at = 0;
    for (; at < en->pulls.len && en->npulled < FED_OUT_BATCHES_MAX; at++) {
        struct hub_peer *p = en->pulls.data[at];
        if (p->pull == NULL) {
            p->asking = false;
            continue;
        }
        p->asked_epoch = p->pull->epoch;
        p->asked_after = p->pull->after;
        buf_str(q, span_of(p->node));
        buf_u64(q, (uint64_t)p->asked_epoch);
        buf_u64(q, (uint64_t)p->asked_after);
        en->pulled[en->npulled++] = p;
    }
    memmove(en->pulls.data, en->pulls.data + at, (en->pulls.len - at) * sizeof *en->pulls.data);
    en->pulls.len -= at;
}

void engine_pulls_go(struct fed_engine *en)
{
    struct buf q, each;
    if (en->npulled > 0 || en->pulls.len == 0) {
        return;
    }
    buf_init(&each, FED_OUT_BATCHES_MAX * 128);
    pulls_take(en, &each);
    engine_ask_begin(&q, ASK_FED_BATCHES);
    buf_u32(&q, BATCH_MAX);
    buf_u32(&q, (uint32_t)en->npulled);
    buf_span(&q, buf_view(&each));
    buf_free(&each);
    if (en->npulled == 0) {
        buf_free(&q);
    } else if (!engine_ask(en, &q, pulls_known, en)) {
        for (size_t i = 0; i < en->npulled; i++) { /* again with the next tick */
            en->pulled[i]->asking = false;
            en->pulled[i]->news = true;
        }
        en->npulled = 0;
    }
}

/* After a cut the old connection may seem to live for long: the newest one counts. */
void engine_pull_replace(struct fed_engine *en, struct hub_peer *p)
{
    if (p->pull != NULL) {
        pull_refuse(en, p, 409, "stream", "this node speaks on another connection now");
    }
}

void engine_pull(struct fed_engine *en, struct fed_call *call)
{
    struct hub_peer *p = call->peer;
    if (!p->greeted) {
        engine_respond_error(call, 409, "stream", "say hello first");
        return;
    }
    engine_pull_replace(en, p);
    call->until = en->now + call->wait_s * TIME_SECOND;
    p->pull = call;
    p->waiting_at = en->waiting.len;
    vec_push(&en->waiting, call);
    /* While it waits for news its receipt does, too: both go with one question. One that is being asked for is
     * looked at when its answer comes. */
    p->news = p->news || !may_have_news(en, p);
    if (!p->asking && may_have_news(en, p)) {
        pull_ask(en, p);
    }
}

void engine_peer_wake(struct fed_engine *en, struct span node)
{
    uint64_t at = 0;
    if (!map_get(&en->peer_by_node, node, &at)) {
        return;
    }
    struct hub_peer *p = (struct hub_peer *)(uintptr_t)at;
    p->news = true;
    if (p->pull != NULL && !p->asking && may_have_news(en, p)) {
        pull_ask(en, p);
    }
}

void engine_hub_wake_all(struct fed_engine *en)
{
    for (size_t i = 0; i < en->peers.len; i++) {
        struct hub_peer *p = en->peers.data[i];
        p->news = true;
        if (p->pull != NULL && !p->asking && may_have_news(en, p)) {
            pull_ask(en, p);
        }
    }
}

/* Long polls that waited long enough, and those of members that are none any more. */
void engine_hub_tick(struct fed_engine *en)
{
    for (size_t i = en->waiting.len; i-- > 0;) {
        struct fed_call *call = en->waiting.data[i];
        struct hub_peer *p = call->peer;
        if (p->asking) {
            continue;
        }
        if (engine_member_state(en, span_of(p->node)) != FED_TAKEN) {
            pull_refuse(en, p, 403, "removed", "no longer a member");
        } else if (p->news && (may_have_news(en, p) || en->now >= call->until)) {
            pull_ask(en, p);
        } else if (en->now >= call->until) {
            const struct batch nothing = {.epoch = (int64_t)p->out.epoch};
            pull_answer(en, p, &nothing);
        }
    }
    engine_pulls_go(en);
}
