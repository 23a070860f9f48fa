/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which literals must be found before a rule can match. On the negation normal form: AND picks its rarest kid, OR needs
 * all of its kids, a negated predicate gives none. What is known of an event class (fields no path fills, the value of
 * its split field) is folded in first. Sound by construction: an anchor may be weaker than its predicate, never stronger.
 * Compiler role.
 */
#include <math.h>

#include "base/utf8.h"
#include "flow/detect/plan_build.h"

enum {
    ANCHOR_MAX_BYTES = 96, /* of a literal looked for; nothing real is rarer by being longer */
    SECOND_MIN_BYTES = 7,  /* of a literal that only confirms another: such are looked for at every third place */
};
/* A second anchor is worth its search where the first is found this often, and itself is not found everywhere. */
static const double SECOND_MIN_FIRST = 0.0005;
static const double SECOND_MAX_RATE = 0.5;
/* A veto is worth its search for a rule that is tried this often, where it is itself met in every few events. */
static const double VETO_MIN_TRIED = 0.02;
static const double VETO_MIN_RATE = 0.2;

static struct span longest_part(const struct plan_pred *p)
{
    struct span best = SPAN("");
    for (uint32_t i = 0; i < p->nparts; i++) {
        if (p->parts[i].kind == PART_LITERAL && p->parts[i].text.len > best.len) {
            best = p->parts[i].text;
        }
    }
    return best;
}

static void anchor_string(const struct plan_pred *p, struct anchor *a)
{
    static const enum anchor_kind kinds[] = {
        [OP_EXACT] = ANCHOR_EXACT, [OP_STARTS] = ANCHOR_STARTS, [OP_ENDS] = ANCHOR_ENDS,
        [OP_CONTAINS] = ANCHOR_CONTAINS,
    };
    a->text = p->text;
    a->kind = kinds[p->op];
    if (a->kind == ANCHOR_ENDS && plan_is_base(p->text)) {
        a->kind = ANCHOR_BASE;
    }
    if (p->keyword) {
        a->kind = ANCHOR_CONTAINS; /* values are scanned joined: ends are not seen there */
    }
}

/* A part of a long literal finds the same values, and keeps databases small. */
static struct span anchor_cut(enum anchor_kind kind, struct span s)
{
    if (s.len <= ANCHOR_MAX_BYTES || kind == ANCHOR_EXACT || kind == ANCHOR_BASE) {
        return s;
    }
    return kind == ANCHOR_ENDS ? span_sub(s, s.len - ANCHOR_MAX_BYTES, ANCHOR_MAX_BYTES)
                               : span_sub(s, 0, ANCHOR_MAX_BYTES);
}

/* A cased literal is looked for folded: folding keeps equal what was equal. */
static struct span folded_copy(struct plan_build *b, struct span s)
{
    char *out = arena_bytes(&b->temp, utf8_fold_room(s.len));
    return span_make(out, utf8_fold(s, out));
}

static struct span rarest_needed(const struct plan_pred *p)
{
    struct span best = SPAN("");
    double best_rate = INFINITY;
    for (uint32_t i = 0; i < p->nneeded; i++) {
        double rate = plan_rate(ANCHOR_CONTAINS, p->needed[i]);
        if (rate < best_rate) {
            best = p->needed[i];
            best_rate = rate;
        }
    }
    return best;
}

static void anchor_find(struct plan_build *b, const struct plan_pred *p, struct anchor *a)
{
    *a = (struct anchor){.kind = ANCHOR_NONE, .field = p->field, .rate = INFINITY};
    switch ((enum plan_op)p->op) {
    case OP_EXACT:
    case OP_STARTS:
    case OP_ENDS:
    case OP_CONTAINS:
        anchor_string(p, a);
        break;
    case OP_GLOB:
        a->kind = ANCHOR_CONTAINS;
        a->text = longest_part(p);
        break;
    case OP_REGEX:
        a->kind = ANCHOR_CONTAINS;
        a->text = rarest_needed(p);
        break;
    case OP_ANY:
    case OP_CIDR:
    case OP_COMPARE:
    case OP_TIMEPART:
    case OP_FIELDREF:
        a->kind = ANCHOR_PRESENT;
        break;
    case OP_NEVER:
    case OP_ALWAYS:
    case OP_NULL:
    case OP_EXISTS:
    case OP_LIST: /* in no tree */
        return;
    }
    if (p->cased) {
        a->text = folded_copy(b, a->text);
    }
    if (a->kind != ANCHOR_EXACT && a->text.len == 0) {
        a->kind = ANCHOR_PRESENT;
    }
    if (a->kind == ANCHOR_PRESENT) {
        a->text = SPAN("");
        if (p->keyword) {
            a->kind = ANCHOR_NONE;
            return;
        }
    }
    a->text = anchor_cut(a->kind, a->text);
    a->rate = plan_rate(a->kind, a->text);
}

static const struct anchor *anchor_of(struct plan_build *b, uint32_t pred)
{
    struct anchor *a = &b->anchors.data[pred];
    if (a->kind == ANCHOR_UNKNOWN) {
        anchor_find(b, &b->preds.data[pred], a);
    }
    return a;
}

/* Share of the class's events that have what is looked for: by the table where it knows, else guessed. */
static double anchor_rate(struct plan_build *b, uint32_t pred, const struct plan_env *env)
{
    static const enum rate_kind kinds[] = {
        [ANCHOR_EXACT] = RATE_VALUE, [ANCHOR_BASE] = RATE_BASE, [ANCHOR_STARTS] = RATE_STARTS,
        [ANCHOR_ENDS] = RATE_ENDS,   [ANCHOR_CONTAINS] = RATE_CONTAINS,
    };
    (void)anchor_of(b, pred);
    struct anchor *a = &b->anchors.data[pred];
    if (b->rates == NULL || a->field == FIELD_NONE || a->kind == ANCHOR_NONE || a->kind == ANCHOR_PRESENT) {
        return a->rate;
    }
    if (a->known_in != env->class_id + 1) {
        const struct rates_field *f =
            rates_find(b->rates, b->catalog->classes[env->class_id].name, b->catalog->fields[a->field]);
        a->known_in = env->class_id + 1;
        a->known = f == NULL ? a->rate : rates_estimate(f, kinds[a->kind], a->text, a->rate);
    }
    return a->known;
}

static bool view_has(const struct view *v, field_id f)
{
    return v->start[f] < v->start[f + 1];
}

/* The answer to a predicate under env, not negated. */
static enum plan_known pred_known(const struct plan_pred *p, const struct plan_env *env)
{
    if (p->op == OP_NEVER || p->op == OP_ALWAYS) {
        return p->op == OP_ALWAYS ? KNOWN_TRUE : KNOWN_FALSE;
    }
    if (p->keyword) {
        return KNOWN_NOT;
    }
    if (!view_has(env->view, p->field) ||
        (p->op == OP_FIELDREF && !view_has(env->view, p->other))) {
        bool holds = p->op == OP_NULL || (p->op == OP_EXISTS && !p->want);
        return holds ? KNOWN_TRUE : KNOWN_FALSE;
    }
    if (env->split == FIELD_NONE || p->field != env->split) {
        return KNOWN_NOT;
    }
    if (p->op == OP_NULL) {
        return KNOWN_FALSE; /* exactly one value, not null */
    }
    if (p->op != OP_EXACT || p->cased) {
        return KNOWN_NOT;
    }
    if (!env->other) {
        return span_eq(p->text, env->value) ? KNOWN_TRUE : KNOWN_FALSE;
    }
    uint64_t unused;
    return map_get(env->values, p->text, &unused) ? KNOWN_FALSE : KNOWN_NOT;
}

enum plan_known plan_weigh(struct plan_build *b, const struct plan_node *n,
                           const struct plan_env *env, double *rate_out)
{
    *rate_out = INFINITY;
    switch ((enum plan_node_kind)n->kind) {
    case PLAN_TRUE:
        return KNOWN_TRUE;
    case PLAN_FALSE:
        return KNOWN_FALSE;
    case PLAN_PRED: {
        enum plan_known k = pred_known(&b->preds.data[n->n], env);
        if (k == KNOWN_NOT) {
            *rate_out = n->negate ? INFINITY : anchor_rate(b, n->n, env);
            return k;
        }
        return (k == KNOWN_TRUE) != n->negate ? KNOWN_TRUE : KNOWN_FALSE;
    }
    case PLAN_AND:
    case PLAN_OR:
        break;
    }
    enum plan_known absorbing = n->kind == PLAN_AND ? KNOWN_FALSE : KNOWN_TRUE;
    enum plan_known result = n->kind == PLAN_AND ? KNOWN_TRUE : KNOWN_FALSE;
    double rate = n->kind == PLAN_AND ? INFINITY : 0;
    for (uint32_t i = 0; i < n->n; i++) {
        double kid;
        enum plan_known k = plan_weigh(b, &n->kids[i], env, &kid);
        if (k == absorbing) {
            return absorbing;
        }
        if (k == KNOWN_NOT) {
            result = KNOWN_NOT;
            rate = n->kind == PLAN_OR ? rate + kid : kid < rate ? kid : rate;
        }
    }
    *rate_out = result == KNOWN_NOT ? rate : INFINITY;
    return result;
}

void plan_anchors(struct plan_build *b, const struct plan_node *n, const struct plan_env *env,
                  plan_anchor_visit *visit, void *ctx)
{
    if (n->kind == PLAN_PRED) {
        visit(ctx, anchor_of(b, n->n));
        return;
    }
    CHECK(n->kind == PLAN_AND || n->kind == PLAN_OR);
    const struct plan_node *best = NULL;
    double best_rate = INFINITY;
    for (uint32_t i = 0; i < n->n; i++) {
        double kid;
        if (plan_weigh(b, &n->kids[i], env, &kid) != KNOWN_NOT) {
            continue;
        }
        if (n->kind == PLAN_OR) {
            plan_anchors(b, &n->kids[i], env, visit, ctx);
        } else if (kid < best_rate) {
            best = &n->kids[i];
            best_rate = kid;
        }
    }
    if (n->kind == PLAN_AND) {
        CHECK(best != NULL);
        plan_anchors(b, best, env, visit, ctx);
    }
}

/* The rarest part of a condition, and the rarest beside it that is cheap to look for. */
struct parts {
    struct plan_build *b;
    const struct plan_env *env;
    const struct plan_node *first;
    const struct plan_node *second;
    double first_rate;
    double second_rate;
};

static void is_cheap(void *ctx, const struct anchor *a)
{
    bool *cheap = ctx;
    bool hashed = a->kind == ANCHOR_EXACT || a->kind == ANCHOR_BASE;
    bool literal = a->kind == ANCHOR_STARTS || a->kind == ANCHOR_ENDS || a->kind == ANCHOR_CONTAINS;
    *cheap = *cheap && a->field != FIELD_NONE && (hashed || (literal && a->text.len >= SECOND_MIN_BYTES));
}

static void take_second(struct parts *p, const struct plan_node *n, double rate)
{
    bool cheap = true;
    if (rate < p->second_rate) {
        plan_anchors(p->b, n, p->env, is_cheap, &cheap);
        if (cheap) {
            p->second = n;
            p->second_rate = rate;
        }
    }
}

static void take_parts(struct parts *p, const struct plan_node *n)
{
    double rate;
    if (plan_weigh(p->b, n, p->env, &rate) != KNOWN_NOT || isinf(rate)) {
        return;
    }
    if (n->kind == PLAN_AND) {
        for (uint32_t i = 0; i < n->n; i++) {
            take_parts(p, &n->kids[i]);
        }
        return;
    }
    if (rate < p->first_rate) {
        if (p->first != NULL) {
            take_second(p, p->first, p->first_rate);
        }
        p->first = n;
        p->first_rate = rate;
    } else {
        take_second(p, n, rate);
    }
}

bool plan_second_anchors(struct plan_build *b, const struct plan_node *n, const struct plan_env *env,
                         plan_anchor_visit *visit, void *ctx)
{
    struct parts p = {.b = b, .env = env, .first_rate = INFINITY, .second_rate = SECOND_MAX_RATE};
    take_parts(&p, n);
    if (p.second == NULL || p.first_rate < SECOND_MIN_FIRST) {
        return false;
    }
    plan_anchors(b, p.second, env, visit, ctx);
    return true;
}

/* Finding the anchor shows that the predicate holds: it is all that is asked, in any case and byte by byte. */
static bool is_whole_question(const struct plan_pred *p, const struct anchor *a)
{
    bool literal = p->op == OP_EXACT || p->op == OP_STARTS || p->op == OP_ENDS || p->op == OP_CONTAINS;
    return literal && !p->cased && !p->keyword && !p->units && a->kind != ANCHOR_PRESENT && a->kind != ANCHOR_NONE &&
           p->text.len > 0 && a->text.len == p->text.len;
}

/* What is met most often of all that a condition excludes. */
struct vetoes {
    struct plan_build *b;
    const struct plan_env *env;
    const struct anchor *best[PLAN_VETOES];
    double rates[PLAN_VETOES]; /* falling */
    uint32_t n;
};

static void take_veto(struct vetoes *v, const struct anchor *a, double rate)
{
    uint32_t at = v->n;
    while (at > 0 && v->rates[at - 1] < rate) {
        at--;
    }
    if (at == PLAN_VETOES) {
        return;
    }
    v->n += v->n < PLAN_VETOES;
    for (uint32_t i = v->n - 1; i > at; i--) {
        v->best[i] = v->best[i - 1];
        v->rates[i] = v->rates[i - 1];
    }
    v->best[at] = a;
    v->rates[at] = rate;
}

static void take_vetoes(struct vetoes *v, const struct plan_node *n)
{
    if (n->kind == PLAN_AND) {
        for (uint32_t i = 0; i < n->n; i++) {
            take_vetoes(v, &n->kids[i]);
        }
        return;
    }
    if (n->kind != PLAN_PRED || !n->negate || pred_known(&v->b->preds.data[n->n], v->env) != KNOWN_NOT) {
        return;
    }
    double rate = anchor_rate(v->b, n->n, v->env);
    if (rate >= VETO_MIN_RATE && is_whole_question(&v->b->preds.data[n->n], anchor_of(v->b, n->n))) {
        take_veto(v, anchor_of(v->b, n->n), rate);
    }
}

void plan_vetoes(struct plan_build *b, const struct plan_node *n, const struct plan_env *env, double rate,
                 plan_anchor_visit *visit, void *ctx)
{
    struct vetoes v = {.b = b, .env = env};
    if (rate < VETO_MIN_TRIED) {
        return;
    }
    take_vetoes(&v, n);
    for (uint32_t i = 0; i < v.n; i++) {
        visit(ctx, v.best[i]);
    }
}

void plan_split_values(const struct plan_build *b, const struct plan_node *n, field_id split,
                       struct map *values)
{
    if (n->kind == PLAN_PRED) {
        const struct plan_pred *p = &b->preds.data[n->n];
        if (p->op == OP_EXACT && !p->keyword && p->field == split && !p->cased) {
            map_put(values, p->text, 1);
        }
        return;
    }
    if (n->kind == PLAN_AND || n->kind == PLAN_OR) {
        for (uint32_t i = 0; i < n->n; i++) {
            plan_split_values(b, &n->kids[i], split, values);
        }
    }
}
