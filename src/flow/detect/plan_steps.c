/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the matcher evaluates: from a rule's tree (plan_tree.c), which planning and explaining need whole, to steps that lie
 * side by side. What is joined alike is joined once, and a row of literals that are looked for in one field becomes one
 * question (plan.h, plan_list). Compiler role. Must never change what a condition means.
 */
#include <stdlib.h>

#include "flow/detect/plan_build.h"

enum {
    LIST_MIN = 3,       /* fewer are asked one by one */
    LIST_INSIDE = 64,   /* literals searched for in one look: eight to a bucket */
    INSIDE_MIN_BYTES = 3, /* shorter ones would stop such a look everywhere */
    LISTS_MAX = 32,     /* fields and families of one row; what is beyond is asked one by one */
};

/* Literals of one list: answered at a value's ends or by its hash, or searched for. */
enum family { FAMILY_NONE, FAMILY_ENDS, FAMILY_INSIDE };

/* A kid of a join: a node, or a list that stands for several. */
struct item {
    const struct plan_node *node; /* NULL: a list, or nothing when `list` is LIST_NONE */
    uint32_t list;                /* number of its predicate */
};
#define LIST_NONE UINT32_MAX

struct row {
    struct plan_build *b;
    enum plan_node_kind kind; /* PLAN_AND, PLAN_OR */
    struct item *items;
    size_t n;
    size_t room;
};

struct member {
    uint32_t pred;
    uint32_t window; /* offset of its rarest bytes */
    struct span text;
};

/* Kids of n, and those of kids that join in the same way. */
static void gather(struct row *r, const struct plan_node *n)
{
    for (uint32_t i = 0; i < n->n; i++) {
        if (n->kids[i].kind == n->kind) {
            gather(r, &n->kids[i]);
            continue;
        }
        r->items = arena_more(&r->b->temp, r->items, r->n, &r->room, sizeof *r->items);
        r->items[r->n++] = (struct item){&n->kids[i], LIST_NONE};
    }
}

/* "Any of" is what an OR asks of its kids, and what an AND denies of its negated ones. */
static enum family family_of(const struct row *r, const struct item *x)
{
    if (x->node == NULL || x->node->kind != PLAN_PRED || x->node->negate != (r->kind == PLAN_AND)) {
        return FAMILY_NONE;
    }
    const struct plan_pred *p = &r->b->preds.data[x->node->n];
    if (p->keyword || p->cased || p->units) {
        return FAMILY_NONE;
    }
    if (p->op == OP_CONTAINS) {
        return p->text.len >= INSIDE_MIN_BYTES ? FAMILY_INSIDE : FAMILY_NONE;
    }
    return p->op == OP_EXACT || p->op == OP_STARTS || p->op == OP_ENDS ? FAMILY_ENDS : FAMILY_NONE;
}

/* Equal windows side by side, so that they share a bucket. */
static int member_cmp(const void *x, const void *y)
{
    const struct member *a = x;
    const struct member *b = y;
    struct span s = span_sub(a->text, a->window, PLAN_MASK_PLACES);
    struct span t = span_sub(b->text, b->window, PLAN_MASK_PLACES);
    int c = memcmp(s.ptr, t.ptr, s.len < t.len ? s.len : t.len);
    if (c == 0) {
        c = (s.len > t.len) - (s.len < t.len);
    }
    return c != 0 ? c : (a->pred > b->pred) - (a->pred < b->pred);
}

static void add_ends(struct plan_build *b, const struct member *m, uint32_t n, struct plan_list *out)
{
    struct span *exact = arena_calloc(&b->temp, n, sizeof *exact);
    struct span *base = arena_calloc(&b->temp, n, sizeof *base);
    struct plan_literal *ends = arena_calloc(b->region, n, sizeof *ends);
    uint32_t nexact = 0;
    uint32_t nbase = 0;
    for (uint32_t i = 0; i < n; i++) {
        const struct plan_pred *p = &b->preds.data[m[i].pred];
        if (p->op == OP_EXACT) {
            exact[nexact++] = p->text;
        } else if (p->op == OP_ENDS && plan_is_base(p->text)) {
            base[nbase++] = p->text;
        } else {
            ends[out->nends++] = (struct plan_literal){.text = p->text, .op = p->op};
        }
    }
    out->exact = nexact > 0 ? plan_pack_hash(b, exact, nexact) : NULL;
    out->base = nbase > 0 ? plan_pack_hash(b, base, nbase) : NULL;
    out->ends = ends;
}

static void add_inside(struct plan_build *b, const struct member *m, uint32_t n, struct plan_list *out)
{
    struct plan_literal *inside = arena_calloc(b->region, n, sizeof *inside);
    for (uint32_t i = 0; i < n; i++) {
        inside[i] = (struct plan_literal){.text = m[i].text, .op = OP_CONTAINS};
    }
    out->inside = inside;
    out->shorts = plan_shorts_make(b, inside, 0, n);
}

/* Number of the predicate that asks for any of these; equal lists are one. */
static uint32_t list_intern(struct plan_build *b, enum family family, const struct member *m, uint32_t n)
{
    bool fresh;
    uint32_t *key = arena_calloc(&b->temp, n, sizeof *key);
    for (uint32_t i = 0; i < n; i++) {
        key[i] = m[i].pred;
    }
    uint64_t *at = map_at(&b->lists, span_make((const char *)key, n * sizeof *key), &fresh);
    if (!fresh) {
        return (uint32_t)*at;
    }
    struct plan_list *list = arena_alloc(b->region, sizeof *list);
    if (family == FAMILY_ENDS) {
        add_ends(b, m, n, list);
    } else {
        add_inside(b, m, n, list);
    }
    struct plan_pred p = {.op = OP_LIST, .field = b->preds.data[m[0].pred].field, .other = FIELD_NONE, .list = list};
    p.text = plan_copy(b, SPAN(""));
    *at = b->preds.len;
    vec_push(&b->preds, p);
    vec_push(&b->anchors, (struct anchor){.kind = ANCHOR_UNKNOWN});
    return (uint32_t)*at;
}

/* All of the row that are of the first one's field and family become lists, which stand where the first of them stood. */
static void make_list(struct row *r, size_t first, enum family family)
{
    struct plan_build *b = r->b;
    struct member *m = arena_calloc(&b->temp, r->n - first, sizeof *m);
    size_t *places = arena_calloc(&b->temp, r->n - first, sizeof *places);
    field_id field = b->preds.data[r->items[first].node->n].field;
    uint32_t n = 0;
    for (size_t i = first; i < r->n; i++) {
        if (family_of(r, &r->items[i]) != family || b->preds.data[r->items[i].node->n].field != field) {
            continue;
        }
        struct span text = b->preds.data[r->items[i].node->n].text;
        m[n] = (struct member){r->items[i].node->n, plan_shorts_window(text), text};
        places[n++] = i;
    }
    if (n < LIST_MIN) {
        return;
    }
    qsort(m, n, sizeof *m, member_cmp);
    uint32_t most = family == FAMILY_INSIDE ? LIST_INSIDE : n;
    for (uint32_t i = 0; i < n; i++) {
        size_t from = (size_t)i * most;
        uint32_t len = from >= n ? 0 : n - (uint32_t)from < most ? n - (uint32_t)from : most;
        r->items[places[i]] = (struct item){NULL, len == 0 ? LIST_NONE : list_intern(b, family, m + from, len)};
    }
}

static void make_lists(struct row *r)
{
    unsigned tried = 0;
    for (size_t i = 0; i < r->n && tried < LISTS_MAX; i++) {
        enum family family = family_of(r, &r->items[i]);
        if (family != FAMILY_NONE) {
            tried++;
            make_list(r, i, family);
        }
    }
    size_t n = 0;
    for (size_t i = 0; i < r->n; i++) {
        if (r->items[i].node != NULL || r->items[i].list != LIST_NONE) {
            r->items[n++] = r->items[i];
        }
    }
    r->n = n;
}

static void fill(struct plan_build *b, size_t at, const struct plan_node *n);

static void fill_item(const struct row *r, size_t at, const struct item *x)
{
    if (x->node != NULL) {
        fill(r->b, at, x->node);
        return;
    }
    r->b->steps.data[at] = (struct plan_step){.kind = PLAN_PRED, .negate = r->kind == PLAN_AND, .n = x->list};
}

static void fill_join(struct plan_build *b, size_t at, const struct plan_node *n)
{
    struct row r = {.b = b, .kind = (enum plan_node_kind)n->kind};
    gather(&r, n);
    if (!b->reference) {
        make_lists(&r);
    }
    if (r.n == 1) {
        fill_item(&r, at, &r.items[0]);
        return;
    }
    size_t first = b->steps.len;
    CHECK(first + r.n < UINT32_MAX);
    for (size_t i = 0; i < r.n; i++) {
        vec_push(&b->steps, (struct plan_step){0});
    }
    bool dear = false;
    for (size_t i = 0; i < r.n; i++) {
        fill_item(&r, first + i, &r.items[i]);
        dear = dear || b->steps.data[first + i].dear;
    }
    b->steps.data[at] = (struct plan_step){.kind = n->kind, .dear = dear, .n = (uint32_t)r.n, .number = b->njoints++,
                                           .kids = (uint32_t)first};
}

/* As deep as the tree, whose depth plan_tree bounds. */
static void fill(struct plan_build *b, size_t at, const struct plan_node *n)
{
    if (n->kind == PLAN_AND || n->kind == PLAN_OR) {
        fill_join(b, at, n);
        return;
    }
    struct plan_step s = {.kind = n->kind, .negate = n->negate};
    if (n->kind == PLAN_PRED) {
        s.n = n->n;
        s.dear = b->preds.data[n->n].op == OP_REGEX;
    }
    b->steps.data[at] = s;
}

uint32_t plan_steps(struct plan_build *b, const struct plan_node *root)
{
    size_t at = b->steps.len;
    vec_push(&b->steps, (struct plan_step){0});
    fill(b, at, root);
    return (uint32_t)at;
}
