/* SPDX-License-Identifier: EUPL-1.2 */
/* What an expression is worth: see register_expr.h. Each part is worked out at most once; what does not fit is none. */
#include "records/registers/register_expr_priv.h"

static const struct expr_value none = {EXPR_NONE, 0, {NULL, 0}, false};

/* What a name stands for: a member of the fields, but one that is a list for the part of it that is looked at just now. */
struct scope {
    const struct jcs *fields;
    struct span list; /* empty: none */
    const struct jcs *part;
    uint32_t *left; /* steps */
};

static struct expr_value value_of(const struct expr *x, uint32_t at, const struct scope *in);

static struct expr_value truth(bool t)
{
    return (struct expr_value){.kind = EXPR_TRUTH, .truth = t};
}

/* Of parts of one; none where it does not fit. */
static struct expr_value fitting(__int128 n)
{
    return n > INT64_MAX || n < -INT64_MAX ? none : (struct expr_value){.kind = EXPR_NUMBER, .number = (int64_t)n};
}

static struct expr_value of_json(const struct jcs *v)
{
    __int128 n = 0;
    switch (v->kind) {
    case JCS_BOOL:
        return truth(v->truth);
    case JCS_TEXT:
        return (struct expr_value){.kind = EXPR_TEXT, .text = v->text};
    case JCS_INT:
    case JCS_DECIMAL:
        n = (__int128)v->number * EXPR_SCALE;
        for (uint8_t i = 0; v->kind == JCS_DECIMAL && i < v->scale; i++) {
            n /= 10;
        }
        return fitting(n);
    case JCS_NULL:
    case JCS_ARRAY:
    case JCS_OBJECT:
    default:
        return none;
    }
}

/* ---- values of a path ---- */

struct gather {
    enum expr_op op;
    uint32_t seen; /* all, none too */
    uint32_t n;    /* those that count */
    struct expr_value result;
    const struct expr_value *wanted; /* of OP_IN */
};

static int order(const struct expr_value *a, const struct expr_value *b, bool *comparable)
{
    *comparable = a->kind == b->kind && a->kind != EXPR_NONE;
    if (!*comparable || a->kind == EXPR_TRUTH) {
        return a->truth - b->truth;
    }
    if (a->kind == EXPR_NUMBER) {
        return a->number < b->number ? -1 : a->number > b->number;
    }
    size_t least = a->text.len < b->text.len ? a->text.len : b->text.len;
    int bytes = least == 0 ? 0 : memcmp(a->text.ptr, b->text.ptr, least);
    return bytes != 0 ? bytes : a->text.len < b->text.len ? -1 : a->text.len > b->text.len;
}

static void take(struct gather *g, struct expr_value v)
{
    bool comparable = false;
    if (g->seen++ >= EXPR_VALUES_MAX || v.kind == EXPR_NONE) {
        return;
    }
    if (g->op == OP_IN) {
        g->result = order(&v, g->wanted, &comparable) == 0 && comparable ? truth(true) : g->result;
        return;
    }
    g->n++;
    if (g->op == OP_SUM) {
        bool fits = g->result.kind == EXPR_NUMBER && v.kind == EXPR_NUMBER;
        g->result = fits ? fitting((__int128)g->result.number + v.number) : none;
    } else if (g->op == OP_MIN || g->op == OP_MAX) {
        int o = g->n == 1 ? 0 : order(&v, &g->result, &comparable);
        bool better = g->n == 1 || (comparable && (g->op == OP_MIN ? o < 0 : o > 0));
        g->result = better ? v : g->result;
    }
}

/* A list on the way stands for all that is in it. */
static void walk(const struct expr_node *n, uint32_t depth, const struct jcs *v, struct gather *g)
{
    if (v->kind == JCS_ARRAY) {
        for (const struct jcs *i = v->first; i != NULL && g->seen < EXPR_VALUES_MAX; i = i->next) {
            if (i->kind != JCS_ARRAY) {
                walk(n, depth, i, g);
            }
        }
    } else if (depth == n->npath) {
        take(g, of_json(v));
    } else if (v->kind == JCS_OBJECT) {
        for (const struct jcs *m = v->first; m != NULL; m = m->next) {
            if (span_eq(m->key, n->path[depth])) {
                walk(n, depth + 1, m, g);
            }
        }
    }
}

static const struct jcs *member(const struct jcs *v, struct span name)
{
    const struct jcs *m = v->kind == JCS_OBJECT ? v->first : NULL;
    while (m != NULL && !span_eq(m->key, name)) {
        m = m->next;
    }
    return m;
}

static const struct jcs *first_of(const struct scope *in, struct span name)
{
    return in->list.len > 0 && span_eq(in->list, name) ? in->part : member(in->fields, name);
}

/* A path alone: its one value. */
static struct expr_value alone(const struct expr_node *n, const struct scope *in)
{
    const struct jcs *v = first_of(in, n->path[0]);
    for (uint32_t i = 1; i < n->npath && v != NULL; i++) {
        v = member(v, n->path[i]);
    }
    return v == NULL ? none : of_json(v);
}

/* A list of objects that is named by a path of two or more below this node, other than one whose parts are looked at already. */
static const struct expr_node *list_below(const struct expr *x, uint32_t at, const struct scope *in)
{
    const struct expr_node *n = &x->nodes[at];
    if (n->op == OP_PATH) {
        const struct jcs *v = n->npath > 1 ? first_of(in, n->path[0]) : NULL;
        return v != NULL && v->kind == JCS_ARRAY ? n : NULL;
    }
    if (n->op == OP_NONE || n->op == OP_NUMBER || n->op == OP_TEXT || n->op == OP_TRUTH || (n->op >= OP_MIN && n->op <= OP_EXISTS)) {
        return NULL; /* a function looks for its own */
    }
    const struct expr_node *found = list_below(x, n->left, in);
    return found == NULL && n->right != 0 ? list_below(x, n->right, in) : found;
}

/* Of conditions those count that are true. */
static struct expr_value counting(enum expr_op op, struct expr_value v)
{
    return (op == OP_COUNT || op == OP_EXISTS) && v.kind == EXPR_TRUTH && !v.truth ? none : v;
}

/* An expression over the parts of a list: worth what it is worth for each of them. */
static void take_parts(const struct expr *x, uint32_t at, const struct expr_node *list, const struct scope *in, struct gather *g)
{
    struct scope one = {in->fields, list->path[0], NULL, in->left};
    for (const struct jcs *m = first_of(in, list->path[0])->first; m != NULL && g->seen < EXPR_VALUES_MAX; m = m->next) {
        one.part = m;
        take(g, counting(g->op, value_of(x, at, &one)));
    }
}

static struct expr_value gathered(const struct expr *x, enum expr_op op, uint32_t list, const struct expr_value *wanted, const struct scope *in)
{
    struct gather g = {.op = op, .wanted = wanted, .result = op == OP_SUM ? fitting(0) : op == OP_IN ? truth(false) : none};
    for (uint32_t at = list; at != 0; at = x->nodes[at].right) {
        const struct expr_node *one = &x->nodes[x->nodes[at].left];
        const struct jcs *first = one->op == OP_PATH ? first_of(in, one->path[0]) : NULL;
        const struct expr_node *parts = one->op == OP_PATH || op == OP_IN || in->list.len > 0 ? NULL : list_below(x, x->nodes[at].left, in);
        if (first != NULL) {
            walk(one, 1, first, &g);
        } else if (parts != NULL) {
            take_parts(x, x->nodes[at].left, parts, in, &g);
        } else {
            take(&g, counting(op, value_of(x, x->nodes[at].left, in)));
        }
    }
    *in->left -= g.seen < *in->left ? g.seen : *in->left;
    if (op == OP_COUNT) {
        return fitting((__int128)g.n * EXPR_SCALE);
    }
    if (op == OP_EXISTS) {
        return truth(g.n > 0);
    }
    return op == OP_IN || g.n > 0 ? g.result : none;
}

/* ---- the rest ---- */

static struct expr_value arithmetic(enum expr_op op, const struct expr_value *a, const struct expr_value *b)
{
    if (a->kind != EXPR_NUMBER || b->kind != EXPR_NUMBER || (op == OP_DIVIDE && b->number == 0)) {
        return none;
    }
    const __int128 x = a->number, y = b->number;
    return fitting(op == OP_PLUS ? x + y : op == OP_MINUS ? x - y : op == OP_TIMES ? x * y / EXPR_SCALE : x * EXPR_SCALE / y);
}

static struct expr_value compared(enum expr_op op, const struct expr_value *a, const struct expr_value *b)
{
    bool comparable = false;
    int o = order(a, b, &comparable);
    bool t = op == OP_EQUAL ? o == 0 : op == OP_DIFFER ? o != 0 : op == OP_LESS ? o < 0 : op == OP_LESS_EQUAL ? o <= 0 : op == OP_MORE ? o > 0 : o >= 0;
    return truth(comparable && t);
}

static bool is_true(struct expr_value v)
{
    return v.kind == EXPR_TRUTH && v.truth;
}

static struct expr_value pair(const struct expr *x, const struct expr_node *n, const struct scope *in)
{
    struct expr_value a = value_of(x, n->left, in);
    if (n->op == OP_AND || n->op == OP_OR) {
        bool decided = is_true(a) == (n->op == OP_OR);
        return truth(decided ? n->op == OP_OR : is_true(value_of(x, n->right, in)));
    }
    if (n->op == OP_IN) {
        return a.kind == EXPR_NONE ? truth(false) : gathered(x, OP_IN, n->right, &a, in);
    }
    struct expr_value b = value_of(x, n->right, in);
    return n->op >= OP_PLUS && n->op <= OP_DIVIDE ? arithmetic(n->op, &a, &b) : compared(n->op, &a, &b);
}

static struct expr_value chosen(const struct expr *x, const struct expr_node *n, const struct scope *in)
{
    const struct expr_node *condition = &x->nodes[n->left];
    const struct expr_node *first = &x->nodes[condition->right];
    const struct expr_node *second = &x->nodes[first->right];
    return value_of(x, is_true(value_of(x, condition->left, in)) ? first->left : second->left, in);
}

static struct expr_value value_of(const struct expr *x, uint32_t at, const struct scope *in)
{
    const struct expr_node *n = &x->nodes[at];
    struct expr_value v;
    if (*in->left == 0) {
        return none;
    }
    --*in->left;
    switch (n->op) {
    case OP_NUMBER:
        return (struct expr_value){.kind = EXPR_NUMBER, .number = n->number};
    case OP_TEXT:
        return (struct expr_value){.kind = EXPR_TEXT, .text = n->path[0]};
    case OP_TRUTH:
        return truth(n->number != 0);
    case OP_PATH:
        return alone(n, in);
    case OP_NEGATE:
        v = value_of(x, n->left, in);
        return v.kind == EXPR_NUMBER ? fitting(-(__int128)v.number) : none;
    case OP_NOT:
        return truth(!is_true(value_of(x, n->left, in)));
    case OP_MIN:
    case OP_MAX:
    case OP_SUM:
    case OP_COUNT:
    case OP_EXISTS:
        return gathered(x, n->op, n->left, NULL, in);
    case OP_IF:
        return chosen(x, n, in);
    case OP_NONE:
    case OP_NEXT:
        return none;
    default:
        return pair(x, n, in);
    }
}

void expr_value(const struct expr *x, const struct jcs *fields, struct expr_value *out)
{
    uint32_t left = EXPR_STEPS_MAX;
    const struct scope in = {.fields = fields, .left = &left};
    *out = value_of(x, x->top, &in);
    *out = left == 0 ? none : *out;
}

struct jcs *expr_as(struct arena *a, const struct expr_value *v, struct span type)
{
    bool whole = span_eq(type, SPAN("integer"));
    if (v->kind == EXPR_TEXT) {
        return span_eq(type, SPAN("string")) ? jcs_new_text(a, v->text) : NULL;
    }
    if (v->kind == EXPR_TRUTH) {
        return span_eq(type, SPAN("boolean")) ? jcs_new_bool(a, v->truth) : NULL;
    }
    if (v->kind != EXPR_NUMBER || !(whole || span_eq(type, SPAN("number")))) {
        return NULL;
    }
    int64_t n = v->number;
    uint8_t scale = 6;
    if (whole) {
        int64_t half = n < 0 ? -EXPR_SCALE / 2 : EXPR_SCALE / 2;
        return jcs_new_int(a, n / EXPR_SCALE + (n % EXPR_SCALE + half) / EXPR_SCALE);
    }
    for (; scale > 0 && n % 10 == 0; scale--) {
        n /= 10;
    }
    if (n > JCS_INT_MAX || n < -JCS_INT_MAX) {
        return NULL;
    }
    struct jcs *out = jcs_new_int(a, n);
    out->kind = scale == 0 ? JCS_INT : JCS_DECIMAL;
    out->scale = scale;
    return out;
}
