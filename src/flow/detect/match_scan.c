/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Finds the anchors of a plan in the current event and wakes their rules: hash tables for whole values and last path
 * parts, windows of four bytes for literals, keywords in one scan over all values joined. On the event path; allocates
 * nothing once warm. Waking too many rules costs time, waking too few would lose matches.
 */
#include "flow/detect/match_priv.h"

static void wake(struct matcher *m, struct plan_wake w)
{
    const uint32_t *r = m->plan->wakes + w.first;
    for (uint32_t i = 0; i < w.n; i++) {
        m->woken[r[i] / 64] |= UINT64_C(1) << (r[i] % 64);
    }
}

const struct plan_entry *match_hash_find(const struct plan_hash *h, struct span text)
{
    if ((h->lengths & plan_length_bit(text.len)) == 0) {
        return NULL;
    }
    uint32_t hash = plan_hash_text(text.ptr, text.len);
    for (uint32_t at = hash & h->mask; h->slots[at] != 0; at = (at + 1) & h->mask) {
        if (h->hashes[at] == hash) {
            const struct plan_entry *e = &h->entries[h->slots[at] - 1];
            if (span_eq(e->text, text)) {
                return e;
            }
        }
    }
    return NULL;
}

static void scan_hash(struct matcher *m, const struct plan_hash *h, struct span text)
{
    const struct plan_entry *e = match_hash_find(h, text);
    if (e != NULL) {
        wake(m, e->wake);
    }
}

static bool literal_in(const struct plan_literal *l, struct span text)
{
    switch (l->op) {
    case OP_STARTS:
        return span_starts(text, l->text);
    case OP_ENDS:
        return span_ends(text, l->text);
    default:
        return match_find(text, l->text) != NULL;
    }
}

static void compare_gram(struct matcher *m, const struct plan_group *g, const struct plan_grams *t,
                         struct span text, size_t at, uint32_t gram)
{
    for (uint32_t i = plan_gram_hash(gram) & t->mask; t->slots[i].n != 0; i = (i + 1) & t->mask) {
        const struct plan_gram_slot *s = &t->slots[i];
        if (s->gram != gram) {
            continue;
        }
        for (uint32_t k = s->first; k < s->first + s->n; k++) {
            const struct plan_literal *l = &g->literals[t->refs[k].literal];
            size_t offset = t->refs[k].offset;
            if (at >= offset && l->text.len <= text.len - (at - offset) &&
                memcmp(text.ptr + at - offset, l->text.ptr, l->text.len) == 0) {
                wake(m, l->wake);
            }
        }
        return;
    }
}

static inline void look_at(struct matcher *m, const struct plan_group *g, const struct plan_grams *t,
                           struct span text, size_t at)
{
    uint32_t gram;
    memcpy(&gram, text.ptr + at, sizeof gram);
    uint32_t bit = plan_gram_hash(gram) >> t->shift;
    if ((t->bitmap[bit / 64] >> (bit % 64) & 1) != 0) {
        compare_gram(m, g, t, text, at, gram);
    }
}

static void scan_literals(struct matcher *m, const struct plan_group *g, struct span text)
{
    for (uint32_t i = 0; i < g->ndirect; i++) {
        if (literal_in(&g->literals[i], text)) {
            wake(m, g->literals[i].wake);
        }
    }
    if (text.len < PLAN_GRAM || g->ndirect == g->nliterals) {
        return;
    }
    if (g->starts.step != 0) {
        look_at(m, g, &g->starts, text, 0);
    }
    if (g->ends.step != 0) {
        look_at(m, g, &g->ends, text, text.len - PLAN_GRAM);
    }
    for (unsigned k = 0; k < ARRAY_LEN(g->inside); k++) {
        const struct plan_grams *t = &g->inside[k];
        for (size_t at = 0; t->step != 0 && at + PLAN_GRAM <= text.len; at += t->step) {
            look_at(m, g, t, text, at);
        }
    }
}

static void scan_value(struct matcher *m, const struct plan_group *g, struct span text)
{
    if (g->exact.n > 0) {
        scan_hash(m, &g->exact, text);
    }
    if (g->base.n > 0) {
        size_t at = plan_base_start(text);
        if (at != SIZE_MAX) {
            scan_hash(m, &g->base, span_make(text.ptr + at, text.len - at));
        }
    }
    if (g->nliterals > 0) {
        scan_literals(m, g, text);
    }
}

static void scan_field(struct matcher *m, const struct plan_group *g)
{
    uint32_t leaf = match_first(m, g->field);
    if (leaf == LEAF_NIL) {
        return;
    }
    bool value = false;
    for (; leaf != LEAF_NIL; leaf = event_next(m->ev, leaf)) {
        if (m->ev->leaves.data[leaf].kind != LEAF_NULL) {
            value = true;
            scan_value(m, g, event_folded(m->ev, leaf));
        }
    }
    if (value && g->present.n > 0) {
        wake(m, g->present);
    }
}

/* All values one after the other, a NUL between: a literal found across two values wakes a rule for nothing, no more. */
static struct span joined_values(struct matcher *m)
{
    struct event *ev = m->ev;
    buf_clear(&m->keywords);
    for (uint32_t i = 0; i < ev->leaves.len; i++) {
        if (ev->leaves.data[i].kind != LEAF_NULL) {
            buf_span(&m->keywords, event_folded(ev, i));
            buf_u8(&m->keywords, 0);
        }
    }
    CHECK(!m->keywords.failed);
    return buf_view(&m->keywords);
}

/* False when the record as it came shows that no value holds a keyword: then nothing is unescaped or folded. */
static bool record_may_hold(struct matcher *m, const struct plan_group *g)
{
    const struct event *ev = m->ev;
    const char *end = ev->raw.ptr + ev->raw.len;
    if (g->raw == NULL) {
        return true;
    }
    for (uint32_t i = 0; i < ev->leaves.len && !ev->keywords_raw; i++) {
        const struct leaf *l = &ev->leaves.data[i];
        if (l->ptr < ev->raw.ptr || l->ptr + l->len > end) {
            return true; /* a value that is not part of the record: made from it */
        }
    }
    return match_raw(g->raw, ev->raw);
}

static void scan_keywords(struct matcher *m, const struct plan_group *g)
{
    if (!record_may_hold(m, g)) {
        return;
    }
    struct span text = m->ev->keywords_raw ? event_raw_folded(m->ev) : joined_values(m);
    scan_literals(m, g, text);
}

void match_scan(struct matcher *m, const struct plan *plan)
{
    m->plan = plan;
    memcpy(m->woken, plan->always, plan->nwords * sizeof *m->woken);
    for (uint32_t i = 0; i < plan->ngroups; i++) {
        const struct plan_group *g = &plan->groups[i];
        if (g->field == FIELD_NONE) {
            scan_keywords(m, g);
        } else {
            scan_field(m, g);
        }
    }
}
