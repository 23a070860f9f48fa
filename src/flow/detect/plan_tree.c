/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * From a rule's condition to a tree in negation normal form over interned predicates: equal questions on equal fields
 * get one number however many rules ask them. Compiler role. Called by ruleset_compile; must never change what a
 * condition means (reference.c is its judge).
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/utf8.h"
#include "flow/detect/plan_build.h"

enum { PRED_KEY_MAX_BYTES = 4 * 1024 * 1024 }; /* one serialised predicate: far above a rule file's own limit */

struct span plan_copy(struct plan_build *b, struct span s)
{
    /* Empty ones too: the region must not point at this program's constants. */
    s = s.len == 0 ? SPAN("") : s;
    uint64_t at;
    if (!map_get(&b->texts, s, &at)) {
        struct span copy = arena_copy(b->region, s);
        map_put(&b->texts, copy, (uint64_t)(uintptr_t)copy.ptr);
        return copy;
    }
    return span_make((const char *)(uintptr_t)at, s.len);
}

/* Drops empty literals, joins neighbours, collapses "**". Returns the number of parts kept in out. */
static uint32_t parts_normalise(struct plan_build *b, const struct sigma_pred *p,
                                struct sigma_part *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < p->nparts; i++) {
        struct sigma_part part = p->parts[i];
        if (part.kind == PART_LITERAL && part.text.len == 0) {
            continue;
        }
        struct sigma_part *last = n > 0 ? &out[n - 1] : NULL;
        if (last != NULL && part.kind == PART_ANY && last->kind == PART_ANY) {
            continue;
        }
        if (last != NULL && part.kind == PART_LITERAL && last->kind == PART_LITERAL) {
            char *joined = arena_bytes(&b->temp, last->text.len + part.text.len);
            memcpy(joined, last->text.ptr, last->text.len);
            memcpy(joined + last->text.len, part.text.ptr, part.text.len);
            last->text = span_make(joined, last->text.len + part.text.len);
            continue;
        }
        if (part.kind != PART_LITERAL) {
            part.text = SPAN("");
        }
        out[n++] = part;
    }
    return n;
}

static enum plan_op string_op(const struct sigma_part *parts, uint32_t n, struct span *text_out)
{
    *text_out = SPAN("");
    if (n == 0) {
        return OP_EXACT;
    }
    if (n == 1) {
        *text_out = parts[0].text;
        return parts[0].kind == PART_LITERAL ? OP_EXACT
               : parts[0].kind == PART_ANY   ? OP_ANY
                                             : OP_GLOB;
    }
    bool first_any = parts[0].kind == PART_ANY;
    bool last_any = parts[n - 1].kind == PART_ANY;
    if (n == 2 && last_any && parts[0].kind == PART_LITERAL) {
        *text_out = parts[0].text;
        return OP_STARTS;
    }
    if (n == 2 && first_any && parts[1].kind == PART_LITERAL) {
        *text_out = parts[1].text;
        return OP_ENDS;
    }
    if (n == 3 && first_any && last_any && parts[1].kind == PART_LITERAL) {
        *text_out = parts[1].text;
        return OP_CONTAINS;
    }
    return OP_GLOB;
}

static void fill_string(struct plan_build *b, const struct sigma_pred *p, struct plan_pred *out)
{
    struct sigma_part *parts = arena_calloc(&b->temp, p->nparts + 1, sizeof *parts);
    uint32_t n = parts_normalise(b, p, parts);
    out->op = (uint8_t)string_op(parts, n, &out->text);
    out->cased = p->cased;
    for (uint32_t i = 0; i < n; i++) {
        out->units |= !utf8_valid(parts[i].text);
    }
    if (out->op == OP_GLOB || out->units) {
        out->parts = parts;
        out->nparts = n;
    }
}

/* A question on a field that no view fills is answered now. */
static void fill_absent(struct plan_pred *out)
{
    bool holds = out->op == OP_NULL || (out->op == OP_EXISTS && !out->want);
    *out = (struct plan_pred){.op = holds ? OP_ALWAYS : OP_NEVER, .field = FIELD_NONE, .other = FIELD_NONE};
}

static void fill_pred(struct plan_build *b, const struct sigma_pred *p, struct plan_pred *out)
{
    *out = (struct plan_pred){.other = FIELD_NONE};
    out->keyword = p->field.len == 0;
    out->field = out->keyword ? FIELD_NONE : catalog_field(b->catalog, p->field);
    switch (p->kind) {
    case PRED_STRING:
        fill_string(b, p, out);
        break;
    case PRED_REGEX:
        out->op = OP_REGEX;
        out->text = p->regex;
        out->regex_flags = (uint8_t)p->regex_flags;
        break;
    case PRED_CIDR:
        out->op = OP_CIDR;
        memcpy(out->addr, p->addr, sizeof out->addr);
        out->addr_len = p->addr_len;
        out->prefix = p->prefix;
        break;
    case PRED_COMPARE:
    case PRED_TIMEPART:
        out->op = p->kind == PRED_COMPARE ? OP_COMPARE : OP_TIMEPART;
        out->cmp = (uint8_t)p->cmp;
        out->number = p->number;
        out->timepart = p->kind == PRED_TIMEPART ? (uint8_t)p->timepart : 0;
        break;
    case PRED_NULL:
        out->op = OP_NULL;
        break;
    case PRED_EXISTS:
        out->op = OP_EXISTS;
        out->want = p->want;
        break;
    case PRED_FIELDREF:
        out->op = OP_FIELDREF;
        out->cased = p->cased;
        out->mode = (uint8_t)p->mode;
        out->other = catalog_field(b->catalog, p->other);
        if (out->other == FIELD_NONE) {
            out->field = FIELD_NONE;
        }
        break;
    }
    if (!out->keyword && out->field == FIELD_NONE) {
        fill_absent(out);
    }
}

static struct span pred_key(struct plan_build *b, const struct plan_pred *p)
{
    struct buf k;
    buf_init(&k, PRED_KEY_MAX_BYTES);
    const uint8_t small[] = {p->op,       p->keyword, p->cased,    p->want,   p->cmp,
                             p->timepart, p->mode,    p->addr_len, p->prefix, p->regex_flags};
    buf_put(&k, small, sizeof small);
    buf_u32(&k, p->field);
    buf_u32(&k, p->other);
    buf_put(&k, p->addr, sizeof p->addr);
    buf_put(&k, &p->number, sizeof p->number);
    buf_str(&k, p->text);
    for (uint32_t i = 0; i < p->nparts; i++) {
        buf_u8(&k, (uint8_t)p->parts[i].kind);
        buf_str(&k, p->parts[i].text);
    }
    CHECK(!k.failed);
    struct span key = arena_copy(&b->temp, buf_view(&k));
    buf_free(&k);
    return key;
}

static void fill_needed(struct plan_build *b, struct plan_pred *p)
{
    struct span found[PLAN_NEEDED_MAX];
    struct plan_shape shape = {0};
    p->row = plan_row_of(p->text, p->regex_flags);
    p->nneeded = plan_regex_needs(&b->temp, p->text, found, &shape);
    if (shape.has_window != 0 || shape.run > 0) {
        struct plan_shape *copy = arena_alloc(b->region, sizeof *copy);
        *copy = shape;
        p->shape = copy;
    }
    struct span *needed = arena_calloc(b->region, p->nneeded, sizeof *needed);
    for (uint32_t i = 0; i < p->nneeded; i++) {
        needed[i] = plan_copy(b, found[i]);
    }
    p->needed = needed;
}

static uint32_t pred_intern(struct plan_build *b, const struct sigma_pred *sp)
{
    struct plan_pred p;
    fill_pred(b, sp, &p);
    bool fresh;
    uint64_t *number = map_at(&b->pred_index, pred_key(b, &p), &fresh);
    if (!fresh) {
        return (uint32_t)*number;
    }
    uint32_t id = (uint32_t)b->preds.len;
    *number = id;
    p.text = plan_copy(b, p.text);
    p.pair = plan_rare_pair(p.text);
    if (p.nparts > 0) {
        struct sigma_part *parts = arena_calloc(b->region, p.nparts, sizeof *parts);
        for (uint32_t i = 0; i < p.nparts; i++) {
            parts[i] = (struct sigma_part){p.parts[i].kind, plan_copy(b, p.parts[i].text)};
        }
        p.parts = parts;
    }
    if (p.op == OP_REGEX) {
        p.regex = (uint32_t)b->regexes.len;
        fill_needed(b, &p);
        vec_push(&b->regexes, id);
    }
    vec_push(&b->preds, p);
    vec_push(&b->anchors, (struct anchor){.kind = ANCHOR_UNKNOWN});
    return id;
}

/* Rough nanoseconds to answer: decides only the order in which kids are tried. */
static double pred_cost(const struct plan_pred *p)
{
    static const double costs[] = {
        [OP_NEVER] = 0,     [OP_ALWAYS] = 0,  [OP_EXACT] = 5,    [OP_STARTS] = 6,
        [OP_ENDS] = 6,      [OP_CONTAINS] = 30, [OP_ANY] = 3,    [OP_GLOB] = 60,
        [OP_REGEX] = 2000,  [OP_CIDR] = 40,   [OP_COMPARE] = 40, [OP_TIMEPART] = 60,
        [OP_NULL] = 3,      [OP_EXISTS] = 3,  [OP_FIELDREF] = 50,
    };
    return costs[p->op] * (p->keyword ? 30 : 1);
}

struct ranked {
    struct plan_node node;
    double cost;
    uint32_t order;
};

static int ranked_cmp(const void *x, const void *y)
{
    const struct ranked *a = x;
    const struct ranked *b = y;
    if (a->cost < b->cost || a->cost > b->cost) {
        return a->cost < b->cost ? -1 : 1;
    }
    return a->order < b->order ? -1 : 1;
}

struct tree_walk {
    struct plan_build *b;
    unsigned depth;
};

static double convert(struct tree_walk *w, const struct sigma_node *n, bool negate,
                      struct plan_node *out);

static double convert_kids(struct tree_walk *w, const struct sigma_node *n, bool negate,
                           struct plan_node *out)
{
    struct ranked *kids = arena_calloc(&w->b->temp, n->nkids + 1, sizeof *kids);
    double total = 1;
    for (uint32_t i = 0; i < n->nkids; i++) {
        kids[i].cost = convert(w, n->kids[i], negate, &kids[i].node);
        kids[i].order = i;
        total += kids[i].cost;
    }
    qsort(kids, n->nkids, sizeof *kids, ranked_cmp);
    struct plan_node *packed = arena_calloc(w->b->region, n->nkids, sizeof *packed);
    for (uint32_t i = 0; i < n->nkids; i++) {
        packed[i] = kids[i].node;
    }
    out->kids = packed;
    out->n = n->nkids;
    return total;
}

static double convert_pred(struct tree_walk *w, const struct sigma_pred *p, bool negate,
                           struct plan_node *out)
{
    out->kind = PLAN_PRED;
    out->negate = negate;
    out->n = pred_intern(w->b, p);
    struct plan_label *label = arena_alloc(w->b->region, sizeof *label);
    label->field = plan_copy(w->b, p->field);
    label->written = plan_copy(w->b, p->written);
    out->label = label;
    return pred_cost(&w->b->preds.data[out->n]);
}

static double convert(struct tree_walk *w, const struct sigma_node *n, bool negate,
                      struct plan_node *out)
{
    /* Conditions and selections nest apart, and filters add a level: the loader's own limit is per part. */
    CHECK(++w->depth <= 4 * SIGMA_DEPTH_MAX);
    double cost = 0;
    if (n->selection.len > 0) {
        struct span *s = arena_alloc(w->b->region, sizeof *s);
        *s = plan_copy(w->b, n->selection);
        out->selection = s;
    }
    switch (n->kind) {
    case NODE_AND:
    case NODE_OR:
        out->kind = (n->kind == NODE_AND) != negate ? PLAN_AND : PLAN_OR;
        cost = convert_kids(w, n, negate, out);
        break;
    case NODE_NOT: {
        CHECK(n->nkids == 1);
        const struct span *name = out->selection;
        cost = convert(w, n->kids[0], !negate, out);
        out->selection = out->selection == NULL ? name : out->selection;
        break;
    }
    case NODE_PRED:
        cost = convert_pred(w, n->pred, negate, out);
        break;
    case NODE_TRUE:
    case NODE_FALSE:
        out->kind = (n->kind == NODE_TRUE) != negate ? PLAN_TRUE : PLAN_FALSE;
        break;
    }
    w->depth--;
    return cost;
}

const struct plan_node *plan_tree(struct plan_build *b, const struct sigma_rule *rule)
{
    struct tree_walk w = {.b = b};
    struct plan_node *root = arena_alloc(b->region, sizeof *root);
    (void)convert(&w, rule->root, false, root);
    return root;
}
