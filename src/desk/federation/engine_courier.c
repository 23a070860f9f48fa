/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Courier mode (docs/FEDERATION.md §4): what waits for a peer as one signed file, and such a file taken in.
 * Its envelopes are judged one by one, as if they had come over the wire, and have no place in a stream: what
 * comes again over the line is known by its id. See engine.h.
 */
#include <inttypes.h>

#include "base/mem.h"
#include "desk/federation/courier_file.h"
#include "desk/federation/engine_priv.h"

enum { FILE_BYTES = 3 << 20 /* of envelopes in one file: it must fit one request of the interface */ };

static bool may_exchange(const struct fed_engine *en, struct span peer)
{
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        const struct fed_member *m = c->count == 0 ? NULL : fed_membership_find(&c->known[0]->m, peer);
        bool hub = c->count > 0 && span_eq(c->known[0]->m.hub.node, peer);
        if (m != NULL && m->state == FED_ACTIVE && (c->own || hub)) {
            return true;
        }
    }
    return false;
}

int fed_engine_courier_place(const struct fed_engine *en, struct span wanted, struct fed_courier_place *out, struct err *e)
{
    uint64_t at = 0;
    *out = (struct fed_courier_place){.peer = wanted};
    if (wanted.len == 0 && en->links.len == 1) {
        out->peer = en->links.data[0]->row.hub;
    }
    if (!en->loaded || fed_engine_stopped(en)) {
        return err_set(e, ERR_DENIED, "sharing is stopped on this node, or it is starting");
    }
    if (out->peer.len == 0) {
        return err_set(e, ERR_INVALID, "say for whom: this node has not exactly one hub");
    }
    if (!may_exchange(en, out->peer)) {
        return err_set(e, ERR_NOT_FOUND, "no such peer: neither a hub of this node nor an active member of it");
    }
    const struct fed_stream_out *stream = NULL;
    for (size_t i = 0; i < en->links.len; i++) {
        stream = span_eq(en->links.data[i]->row.hub, out->peer) ? &en->links.data[i]->out : stream;
    }
    if (stream == NULL && map_get(&en->peer_by_node, out->peer, &at)) {
        stream = &((const struct hub_peer *)(uintptr_t)at)->out;
    }
    out->epoch = stream == NULL ? 0 : stream->epoch;
    out->after = stream == NULL ? 0 : stream->acked;
    return 0;
}

int fed_engine_courier_write(struct fed_engine *en, struct span peer, struct cursor *batch, struct arena *a, struct span *text_out, struct err *e)
{
    int64_t state[6];
    size_t bytes = 0;
    bool up = false;
    for (size_t i = 0; i < ARRAY_LEN(state); i++) {
        state[i] = (int64_t)cursor_u64(batch);
    }
    uint32_t n = cursor_u32(batch);
    if (n > FED_OUT_BATCH_MAX) {
        return err_set(e, ERR_INVALID, "broken answer");
    }
    struct fed_courier_file f = {.from = span_of(en->keys.node), .to = peer, .epoch = (uint64_t)state[0]};
    f.envelopes = arena_calloc(a, n, sizeof *f.envelopes);
    for (uint32_t i = 0; i < n && !batch->failed; i++) {
        uint64_t seq = cursor_u64(batch);
        for (int k = 0; k < 5; k++) { /* id, type, circle, reason, audience */
            (void)cursor_str(batch);
        }
        struct span envelope = cursor_str(batch);
        bytes += envelope.len;
        if (bytes <= FILE_BYTES) {
            f.from_seq = f.count == 0 ? seq : f.from_seq;
            f.envelopes[f.count++] = envelope;
        }
    }
    for (size_t i = 0; i < en->links.len; i++) {
        up = up || span_eq(en->links.data[i]->row.hub, peer);
    }
    f.up = up;
    if (!cursor_done(batch) || f.count == 0 || f.epoch > JCS_INT_MAX || f.from_seq > JCS_INT_MAX) {
        return f.count == 0 ? err_set(e, ERR_NOT_FOUND, "nothing waits for this peer") : err_set(e, ERR_INVALID, "broken answer");
    }
    return fed_courier_file_make(a, &f, &en->keys.sign, text_out, e);
}

/* ---- a file that came ---- */

struct importing {
    uint64_t id;
    uint32_t count;
    enum fed_refusal said[FED_COURIER_ENVELOPES_MAX];
};

static const unsigned char *signer(void *ctx, struct span from)
{
    const struct fed_engine *en = ctx;
    for (size_t i = 0; i < en->circles.len; i++) {
        const struct circle *c = en->circles.data[i];
        const struct fed_member *m = c->count == 0 ? NULL : fed_membership_find(&c->known[0]->m, from);
        if (m != NULL && m->state == FED_ACTIVE) {
            return m->sign;
        }
    }
    return NULL;
}

static void kept(struct fed_engine *en, void *ctx, int rc, const struct fed_outcome *out, uint32_t count)
{
    struct importing *w = ctx;
    struct fed_import *r = &en->imports[w->id % ENGINE_IMPORTS];
    for (uint32_t i = 0; rc == 0 && i < count; i++) {
        enum fed_act act = fed_refusal_act(w->said[i]);
        bool refused = act == FED_ACT_REFUSE || act == FED_ACT_ALARM || span_eq(out[i].state, SPAN("refused"));
        r->refused += refused ? 1 : 0;
        r->fresh += !refused && out[i].fresh ? 1 : 0;
    }
    r->rc = rc;
    r->over = true;
    mem_free(w);
}

static struct importing *new_import(struct fed_engine *en, const struct fed_courier_file *f)
{
    struct importing *w = mem_alloc(sizeof *w);
    w->id = ++en->nimports;
    w->count = f->count;
    struct fed_import *r = &en->imports[w->id % ENGINE_IMPORTS];
    *r = (struct fed_import){.count = f->count, .epoch = f->epoch, .last = f->from_seq + f->count - 1};
    memcpy(r->from, f->from.ptr, FED_NODE_LEN);
    return w;
}

int fed_engine_courier_read(struct fed_engine *en, struct span text, uint64_t *id_out, struct err *e)
{
    struct group *g = engine_group(en);
    struct fed_courier_file f;
    enum fed_refusal r = fed_courier_file_read(&g->arena, text, span_of(en->keys.node), signer, en, &f, e);
    if (r != FED_TAKEN) {
        return err_set(e, ERR_INVALID, "the file is refused: %s", fed_refusal_text(r));
    }
    const struct fed_import *old = &en->imports[(en->nimports + 1) % ENGINE_IMPORTS];
    bool busy = g->items.len + f.count > FED_TAKE_MAX || g->bytes + text.len > ENGINE_GROUP_BYTES || (old->count > 0 && !old->over);
    if (f.count == 0 || busy) {
        return err_set(e, busy ? ERR_BUSY : ERR_INVALID, "%s", busy ? "too much at once; try again" : "the file is empty");
    }
    const struct engine_source src = {.peer = f.from, .at_hub = f.up, .hub = f.up ? SPAN("") : f.from};
    struct importing *w = new_import(en, &f);
    for (uint32_t i = 0; i < f.count; i++) {
        struct fed_taken t;
        w->said[i] = engine_judge(en, &g->arena, &src, f.envelopes[i], &t);
        g->bytes += f.envelopes[i].len;
        vec_push(&g->items, t); /* seq 0: it has no place in a stream */
    }
    vec_push(&g->waiters, (struct waiter){kept, w, f.count});
    *id_out = w->id;
    engine_group_go(en);
    return 0;
}

const struct fed_import *fed_engine_import(const struct fed_engine *en, uint64_t id)
{
    return id == 0 || id > en->nimports || en->nimports - id >= ENGINE_IMPORTS ? NULL : &en->imports[id % ENGINE_IMPORTS];
}
