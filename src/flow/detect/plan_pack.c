/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From rules and what is known of the event to a plan: which literals to look for in which field, and whom each wakes.
 * Plans that come out equal are kept once. Compiler role; called by ruleset_compile.
 */
#include <math.h>
#include <stdlib.h>

#include "base/buf.h"
#include "flow/detect/plan_build.h"

enum {
    PLAN_KEY_MAX_BYTES = 256 * 1024 * 1024, /* one serialised plan: far above all rules at once */
    NO_NEXT = -1,
};
#define SECOND UINT32_C(0x80000000) /* of a link's rule: its second anchors wake the other map */
#define VETO UINT32_C(0x40000000)   /* … what keeps it from being tried marks the third */

enum waking { WAKE_ANCHOR, WAKE_ALWAYS, WAKE_BOTH /* its anchors and its second ones */ };

/* One pattern of the plan being made, with the rules it wakes as a chain of links, oldest first. */
struct draft {
    struct anchor anchor;
    int64_t first;
    int64_t last;
    uint32_t count;
};

struct link {
    uint32_t rule; /* index into rules kept, or that | SECOND or VETO */
    int64_t next;
};

struct drafting {
    struct plan_build *b;
    struct arena arena;
    struct map index; /* serialised anchor → number + 1 of draft */
    VEC(struct draft) drafts;
    VEC(struct link) links;
    VEC(uint32_t) rules;  /* kept */
    VEC(uint8_t) always;  /* parallel to rules: enum waking */
    uint32_t rule;        /* index being drafted, or that | SECOND or VETO */
};

static struct span anchor_key(struct arena *a, const struct anchor *x)
{
    char *key = arena_bytes(a, x->text.len + 5);
    memcpy(key, &x->field, 4);
    key[4] = (char)x->kind;
    if (x->text.len > 0) {
        memcpy(key + 5, x->text.ptr, x->text.len);
    }
    return span_make(key, x->text.len + 5);
}

static void draft_add(void *ctx, const struct anchor *a)
{
    struct drafting *d = ctx;
    bool fresh;
    uint64_t *number = map_at(&d->index, anchor_key(&d->arena, a), &fresh);
    if (fresh) {
        vec_push(&d->drafts, (struct draft){.anchor = *a, .first = NO_NEXT, .last = NO_NEXT});
        *number = d->drafts.len;
    }
    struct draft *x = &d->drafts.data[*number - 1];
    if (x->last != NO_NEXT && d->links.data[x->last].rule == d->rule) {
        return;
    }
    vec_push(&d->links, (struct link){d->rule, NO_NEXT});
    int64_t at = (int64_t)d->links.len - 1;
    if (x->last == NO_NEXT) {
        x->first = at;
    } else {
        d->links.data[x->last].next = at;
    }
    x->last = at;
    x->count++;
}

static int draft_cmp(const void *x, const void *y)
{
    const struct anchor *a = &((const struct draft *)x)->anchor;
    const struct anchor *b = &((const struct draft *)y)->anchor;
    if (a->field != b->field) {
        return a->field < b->field ? -1 : 1;
    }
    if (a->kind != b->kind) {
        return a->kind < b->kind ? -1 : 1;
    }
    size_t n = a->text.len < b->text.len ? a->text.len : b->text.len;
    int c = n == 0 ? 0 : memcmp(a->text.ptr, b->text.ptr, n);
    return c != 0 ? c : (a->text.len > b->text.len) - (a->text.len < b->text.len);
}

static void draft_rules(struct drafting *d, const uint32_t *rules, uint32_t nrules,
                        const struct plan_env *env)
{
    for (uint32_t i = 0; i < nrules; i++) {
        double rate = INFINITY;
        const struct plan_node *root = d->b->roots[rules[i]];
        enum plan_known k = plan_weigh(d->b, root, env, &rate);
        if (k == KNOWN_FALSE) {
            continue;
        }
        bool always = d->b->reference || k == KNOWN_TRUE || isinf(rate);
        d->rule = (uint32_t)d->rules.len;
        vec_push(&d->rules, rules[i]);
        vec_push(&d->always, always ? WAKE_ALWAYS : WAKE_ANCHOR);
        if (!always) {
            plan_anchors(d->b, root, env, draft_add, d);
            d->rule |= SECOND;
            if (plan_second_anchors(d->b, root, env, draft_add, d)) {
                d->always.data[d->always.len - 1] = WAKE_BOTH;
            }
        }
        if (!d->b->reference && k == KNOWN_NOT) {
            d->rule = (uint32_t)(d->rules.len - 1) | VETO;
            plan_vetoes(d->b, root, env, rate, draft_add, d);
        }
    }
    if (d->drafts.len > 0) {
        qsort(d->drafts.data, d->drafts.len, sizeof *d->drafts.data, draft_cmp);
    }
}

/* Everything a plan is made of, in order: equal keys mean equal plans. */
static struct span draft_key(struct drafting *d)
{
    struct buf k;
    buf_init(&k, PLAN_KEY_MAX_BYTES);
    buf_u32(&k, (uint32_t)d->rules.len);
    for (size_t i = 0; i < d->rules.len; i++) {
        buf_u32(&k, d->rules.data[i]);
        buf_u8(&k, d->always.data[i]);
    }
    for (size_t i = 0; i < d->drafts.len; i++) {
        const struct draft *x = &d->drafts.data[i];
        buf_u32(&k, x->anchor.field);
        buf_u8(&k, (uint8_t)x->anchor.kind);
        buf_str(&k, x->anchor.text);
        buf_u32(&k, x->count);
        for (int64_t l = x->first; l != NO_NEXT; l = d->links.data[l].next) {
            buf_u32(&k, d->links.data[l].rule);
        }
    }
    CHECK(!k.failed);
    struct span key = arena_copy(&d->b->temp, buf_view(&k));
    buf_free(&k);
    return key;
}

static const struct plan_hash *hash_make(struct plan_build *b, const struct span *texts, uint32_t n)
{
    struct plan_hash *h = arena_alloc(b->region, sizeof *h);
    struct span *copy = arena_calloc(b->region, n, sizeof *copy);
    uint32_t size = 4;
    while (size < n * 2) {
        size *= 2;
    }
    struct plan_hash_slot *slots = arena_calloc(b->region, size, sizeof *slots);
    for (uint32_t i = 0; i < n; i++) {
        copy[i] = texts[i];
        uint32_t hash = plan_hash_text(texts[i].ptr, texts[i].len);
        uint32_t at = hash & (size - 1);
        while (slots[at].text != 0) {
            at = (at + 1) & (size - 1);
        }
        slots[at] = (struct plan_hash_slot){i + 1, hash};
        h->lengths |= plan_length_bit(texts[i].len);
    }
    h->n = n;
    h->texts = copy;
    h->mask = size - 1;
    h->slots = slots;
    return h;
}

const struct plan_hash *plan_pack_hash(struct plan_build *b, const struct span *texts, uint32_t n)
{
    /* Texts lie in the region once each: equal ones have equal addresses. */
    bool fresh;
    struct span key = arena_copy(&b->temp, span_make((const char *)texts, n * sizeof *texts));
    uint64_t *at = map_at(&b->hashes, key, &fresh);
    if (fresh) {
        *at = (uint64_t)(uintptr_t)hash_make(b, texts, n);
    }
    return (const struct plan_hash *)(uintptr_t)*at;
}

struct packing {
    struct drafting *d;
    uint32_t map; /* added to a rule's index for its second anchors, and twice for what keeps it from being tried */
    uint32_t *wakes;
    uint32_t nwakes;
};

static struct plan_wake pack_wake(struct packing *p, const struct draft *x)
{
    struct plan_wake w = {p->nwakes, x->count};
    for (int64_t l = x->first; l != NO_NEXT; l = p->d->links.data[l].next) {
        uint32_t rule = p->d->links.data[l].rule;
        uint32_t map = (rule & SECOND) != 0 ? p->map : (rule & VETO) != 0 ? 2 * p->map : 0;
        p->wakes[p->nwakes++] = (rule & ~(SECOND | VETO)) + map;
    }
    return w;
}

/* Hash table of the n drafts from x on. */
static const struct plan_hash *pack_texts(struct packing *p, const struct draft *x, uint32_t n,
                                          const struct plan_wake **wakes_out)
{
    struct plan_build *b = p->d->b;
    struct span *texts = arena_calloc(&p->d->arena, n, sizeof *texts);
    struct plan_wake *wakes = arena_calloc(b->region, n, sizeof *wakes);
    for (uint32_t i = 0; i < n; i++) {
        texts[i] = plan_copy(b, x[i].anchor.text);
        wakes[i] = pack_wake(p, &x[i]);
    }
    *wakes_out = wakes;
    return plan_pack_hash(b, texts, n);
}

static void pack_literals(struct packing *p, const struct draft *x, uint32_t n, struct plan_group *g)
{
    static const uint8_t ops[] = {[ANCHOR_STARTS] = OP_STARTS, [ANCHOR_ENDS] = OP_ENDS,
                                  [ANCHOR_CONTAINS] = OP_CONTAINS};
    struct plan_build *b = p->d->b;
    struct plan_literal *l = arena_calloc(&b->temp, n, sizeof *l);
    struct plan_wake *wakes = arena_calloc(&b->temp, n, sizeof *wakes);
    for (uint32_t i = 0; i < n; i++) {
        l[i].text = plan_copy(b, x[i].anchor.text);
        l[i].op = ops[x[i].anchor.kind];
        wakes[i] = pack_wake(p, &x[i]);
    }
    vec_push(&b->pending, (struct plan_pending){.group = g, .literals = l, .wakes = wakes, .n = n, .shares = -1});
}

/* The group of one field from its n drafts, which are sorted by kind. */
static void pack_group(struct packing *p, const struct draft *x, uint32_t n, struct plan_group *g)
{
    g->field = x[0].anchor.field;
    g->number = p->d->b->ngroups++;
    uint32_t i = 0;
    while (i < n) {
        enum anchor_kind kind = x[i].anchor.kind;
        bool literal = kind == ANCHOR_STARTS || kind == ANCHOR_ENDS || kind == ANCHOR_CONTAINS;
        uint32_t end = i + 1;
        while (end < n && (x[end].anchor.kind == kind ||
                           (literal && x[end].anchor.kind > kind &&
                            x[end].anchor.kind <= ANCHOR_CONTAINS))) {
            end++;
        }
        if (literal) {
            pack_literals(p, &x[i], end - i, g);
        } else if (kind == ANCHOR_PRESENT) {
            g->present = pack_wake(p, &x[i]);
        } else if (kind == ANCHOR_EXACT) {
            g->exact = pack_texts(p, &x[i], end - i, &g->exact_wakes);
        } else {
            g->base = pack_texts(p, &x[i], end - i, &g->base_wakes);
        }
        i = end;
    }
    g->light = true; /* until it gets literals: plan_share.c */
}

static void pack_groups(struct packing *p, struct plan *plan)
{
    const struct draft *x = p->d->drafts.data;
    uint32_t n = (uint32_t)p->d->drafts.len;
    uint32_t ngroups = 0;
    for (uint32_t i = 0; i < n; i++) {
        ngroups += i == 0 || x[i].anchor.field != x[i - 1].anchor.field;
    }
    struct plan_group *groups = arena_calloc(p->d->b->region, ngroups, sizeof *groups);
    uint32_t g = 0;
    for (uint32_t i = 0; i < n;) {
        uint32_t end = i + 1;
        while (end < n && x[end].anchor.field == x[i].anchor.field) {
            end++;
        }
        pack_group(p, &x[i], end - i, &groups[g++]);
        i = end;
    }
    plan->groups = groups;
    plan->ngroups = ngroups;
}

static const struct plan *pack_plan(struct drafting *d)
{
    struct arena *region = d->b->region;
    struct plan *plan = arena_alloc(region, sizeof *plan);
    plan->number = (uint32_t)d->b->made.len;
    vec_push(&d->b->made, plan);
    plan->nrules = (uint32_t)d->rules.len;
    plan->nwords = (plan->nrules + 63) / 64;
    uint32_t *rules = arena_calloc(region, plan->nrules, sizeof *rules);
    uint64_t *always = arena_calloc(region, (size_t)plan->nwords * PLAN_MAPS, sizeof *always);
    for (uint32_t i = 0; i < plan->nrules; i++) {
        rules[i] = d->rules.data[i];
        if (d->always.data[i] == WAKE_ALWAYS) {
            always[i / 64] |= UINT64_C(1) << (i % 64);
        }
        if (d->always.data[i] != WAKE_BOTH) {
            always[plan->nwords + i / 64] |= UINT64_C(1) << (i % 64);
        }
    }
    plan->rules = rules;
    plan->always = always;
    struct packing p = {.d = d, .map = plan->nwords * 64, .wakes = arena_calloc(region, d->links.len, sizeof(uint32_t))};
    plan->wakes = p.wakes;
    pack_groups(&p, plan);
    CHECK(p.nwakes == d->links.len);
    if (plan->nwords > d->b->max_words) {
        d->b->max_words = plan->nwords;
    }
    return plan;
}

const struct plan *plan_make(struct plan_build *b, const uint32_t *rules, uint32_t nrules,
                             const struct plan_env *env)
{
    struct drafting d = {.b = b};
    arena_init(&d.arena, 0);
    map_init(&d.index);
    draft_rules(&d, rules, nrules, env);
    bool fresh;
    uint64_t *at = map_at(&b->plans, draft_key(&d), &fresh);
    if (fresh) {
        *at = (uint64_t)(uintptr_t)pack_plan(&d);
    }
    const struct plan *plan = (const struct plan *)(uintptr_t)*at;
    vec_free(&d.drafts);
    vec_free(&d.links);
    vec_free(&d.rules);
    vec_free(&d.always);
    map_free(&d.index);
    arena_fini(&d.arena);
    return plan;
}
