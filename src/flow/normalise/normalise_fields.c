/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What people see of an event: every field with its name, and the fields that the view adds. Slow
 * on purpose: it walks the original once more, so that the event path need not keep names that
 * nobody asks for.
 */
#include "flow/normalise/normalise_priv.h"
#include "wire/evtx.h"
#include "wire/json_read.h"

struct show {
    struct normaliser *n;
    struct arena *scratch;
    normalise_visit *visit;
    void *ctx;
};

/* "Event.EventData.Image" is shown as Image. */
static struct span lifted(const struct norm_tables *t, struct span name)
{
    for (uint32_t i = 0; i < t->nlifted; i++) {
        struct span at = t->lifted[i];
        if (span_starts(name, at) && name.len > at.len + 1 && name.ptr[at.len] == '.') {
            return span_sub(name, at.len + 1, name.len);
        }
    }
    return name;
}

static struct span leaf_value(const struct leaf *l, struct arena *scratch)
{
    struct span raw = span_make(l->ptr, l->len);
    switch ((enum leaf_kind)l->kind) {
    case LEAF_TRUE:
        return SPAN("true");
    case LEAF_FALSE:
        return SPAN("false");
    case LEAF_NULL:
        return SPAN("");
    case LEAF_STRING:
    case LEAF_NUMBER:
        break;
    }
    if ((l->flags & LEAF_ESCAPED) == 0) {
        return raw;
    }
    char *out = arena_bytes(scratch, raw.len + 1);
    return span_make(out, json_unescape(raw, out, NULL));
}

static void show_leaf(void *ctx, struct span name, const struct leaf *leaf)
{
    struct show *s = ctx;
    s->visit(s->ctx, lifted(s->n->tables, name), leaf_value(leaf, s->scratch));
}

/* The reader of an event log file still has the names of the record it read last. */
static void show_evtx(struct show *s, const struct evtx *x, struct event *ev)
{
    for (uint32_t i = 0; i < ev->leaves.len; i++) {
        struct span name = evtx_name(x, i);
        if (name.ptr != NULL) {
            s->visit(s->ctx, lifted(s->n->tables, name), event_plain(ev, i));
        }
    }
}

/* Fields that are filled from a place with another name: Provider_Name, host_name, what a pattern
 * found … */
static void show_view(struct show *s, struct event *ev)
{
    const struct catalog *c = s->n->catalog;
    const struct view *v = ev->view;
    for (field_id f = 0; v != NULL && f < c->nfields; f++) {
        uint32_t leaf = event_first(ev, f);
        if (leaf != LEAF_NIL && c->fields[f].ptr[0] != '@' &&
            ev->leaves.data[leaf].node != v->nodes[v->start[f]]) {
            s->visit(s->ctx, c->fields[f], event_plain(ev, leaf));
        }
    }
}

void normalise_fields(struct normaliser *n, struct event *ev, struct arena *scratch,
                      normalise_visit *visit, void *ctx)
{
    CHECK_OBJ(n, NORMALISER_MAGIC);
    CHECK_OBJ(ev, EVENT_MAGIC);
    struct show s = {n, scratch, visit, ctx};
    struct err e = {0};
    bool named = n->last == ev && n->last_stamp == ev->leaves.stamp;
    if (n->last_evtx != NULL && named && !ev->keywords_raw) {
        show_evtx(&s, n->last_evtx, ev);
    } else if (!ev->keywords_raw) {
        /* It has been read before; should it fail now, what came until then has been shown. */
        int rc = json_walk(ev->raw, scratch, show_leaf, &s, &e);
        (void)rc;
    }
    for (uint32_t i = n->named_from; named && i < ev->leaves.len && i < n->names.len; i++) {
        visit(ctx, n->names.data[i], event_plain(ev, i));
    }
    show_view(&s, ev);
}
