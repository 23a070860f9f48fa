/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Why a match fired: the parts of the rule's condition that held, each with the value that made it hold and the bytes to
 * mark in it. Called once per alert by intake, scan and desk's workers, never per event. Tells positive parts; only
 * where a rule has none of those that held does it tell what was asked to be missing.
 */
#include "base/utf8.h"
#include "flow/detect/match_priv.h"

/* words for "held" and "was asked not to hold", by enum plan_op */
static const char *const op_words[][2] = {
    [OP_NEVER] = {"exists", "has no value"},
    [OP_ALWAYS] = {"is missing", "exists"},
    [OP_EXACT] = {"is", "is not"},
    [OP_STARTS] = {"starts with", "does not start with"},
    [OP_ENDS] = {"ends with", "does not end with"},
    [OP_CONTAINS] = {"contains", "does not contain"},
    [OP_ANY] = {"has a value", "has no value"},
    [OP_GLOB] = {"matches", "does not match"},
    [OP_REGEX] = {"matches the expression", "does not match the expression"},
    [OP_CIDR] = {"is in the network", "is not in the network"},
    [OP_NULL] = {"is missing or null", "has a value"},
    [OP_EXISTS] = {"exists", "does not exist"},
};

static const char *const cmp_words[][2] = {
    [CMP_EQ] = {"is", "is not"},
    [CMP_NEQ] = {"is not", "is"},
    [CMP_LT] = {"is less than", "is not less than"},
    [CMP_LTE] = {"is at most", "is more than"},
    [CMP_GT] = {"is more than", "is at most"},
    [CMP_GTE] = {"is at least", "is less than"},
};

static const char *const timepart_words[] = {
    [TIME_MINUTE] = "minute", [TIME_HOUR] = "hour",   [TIME_DAY_OF_MONTH] = "day of the month",
    [TIME_WEEK] = "week",     [TIME_MONTH] = "month", [TIME_YEAR] = "year",
};

static const char *const fieldref_words[][2] = {
    [MATCH_WHOLE] = {"equals the field", "does not equal the field"},
    [MATCH_STARTS] = {"starts with the field", "does not start with the field"},
    [MATCH_ENDS] = {"ends with the field", "does not end with the field"},
    [MATCH_CONTAINS] = {"contains the field", "does not contain the field"},
};

struct explaining {
    struct matcher *m;
    struct arena *scratch;
    struct alert_why *why;
    uint32_t count;
    bool negated; /* tell the negated parts instead of the positive ones */
    struct span selection;
};

static struct span words_for(struct explaining *x, const struct plan_pred *p, bool negate)
{
    switch ((enum plan_op)p->op) {
    case OP_COMPARE:
        return span_of(cmp_words[p->cmp][negate]);
    case OP_TIMEPART:
        return span_of(arena_printf(x->scratch, "%s %s", timepart_words[p->timepart],
                                    cmp_words[p->cmp][negate]));
    case OP_FIELDREF:
        return span_of(fieldref_words[p->mode][negate]);
    case OP_EXISTS:
        return span_of(op_words[OP_EXISTS][negate == p->want]);
    default:
        return span_of(op_words[p->op][negate]);
    }
}

/* ---- marks ---- */

/* Offset in plain of a place in its folded text. Inside a character: its start, or its end when `up`. */
static size_t unfold_offset(struct span plain, size_t folded, bool up)
{
    size_t at = 0;
    size_t done = 0;
    while (at < plain.len) {
        size_t n;
        char out[UTF8_MAX_BYTES];
        int32_t c = utf8_decode(plain.ptr + at, plain.ptr + plain.len, &n);
        size_t folds = c == UTF8_BAD ? 1 : utf8_encode(utf8_fold_cp((uint32_t)c), out);
        if (done >= folded || (!up && done + folds > folded)) {
            break;
        }
        done += folds;
        at += n;
    }
    return at;
}

static void mark(struct alert_why *w, size_t start, size_t end)
{
    if (w->nmarks < ALERT_MARKS_MAX && end > start && end <= UINT32_MAX) {
        w->marks[w->nmarks][0] = (uint32_t)start;
        w->marks[w->nmarks][1] = (uint32_t)end;
        w->nmarks++;
    }
}

static void mark_all(struct alert_why *w, struct span text, struct span lit)
{
    size_t at = 0;
    while (lit.len > 0 && at + lit.len <= text.len && w->nmarks < ALERT_MARKS_MAX) {
        const char *p = memmem(text.ptr + at, text.len - at, lit.ptr, lit.len);
        if (p == NULL) {
            return;
        }
        at = (size_t)(p - text.ptr);
        mark(w, at, at + lit.len);
        at += lit.len;
    }
}

static void mark_glob(struct explaining *x, struct alert_why *w, const struct plan_pred *p,
                      struct span text)
{
    struct match_range *r = arena_calloc(x->scratch, p->nparts + 1, sizeof *r);
    if (!match_glob(p->parts, p->nparts, p->units, text, r)) {
        return;
    }
    for (uint32_t i = 0; i < p->nparts; i++) {
        if (p->parts[i].kind == PART_LITERAL) {
            mark(w, r[i].start, r[i].end);
        }
    }
}

static void mark_value(struct explaining *x, struct alert_why *w, const struct plan_pred *p,
                       struct span plain, struct span text)
{
    size_t start = 0;
    size_t end = 0;
    switch ((enum plan_op)p->op) {
    case OP_STARTS:
        mark(w, 0, p->text.len);
        break;
    case OP_ENDS:
        mark(w, text.len - p->text.len, text.len);
        break;
    case OP_CONTAINS:
        mark_all(w, text, p->text);
        break;
    case OP_GLOB:
        mark_glob(x, w, p, text);
        break;
    case OP_REGEX:
        if (regex_search(x->m->regexes[p->regex], plain, &start, &end) == REGEX_YES) {
            mark(w, start, end);
        }
        return; /* offsets are of the plain text already */
    default:
        mark(w, 0, text.len);
        break;
    }
    for (uint16_t i = 0; i < w->nmarks && text.ptr != plain.ptr; i++) {
        w->marks[i][0] = (uint32_t)unfold_offset(plain, w->marks[i][0], false);
        w->marks[i][1] = (uint32_t)unfold_offset(plain, w->marks[i][1], true);
    }
}

static bool inside_character(struct span s, size_t at)
{
    return at < s.len && ((unsigned char)s.ptr[at] & 0xC0) == 0x80;
}

/* A long value is told around its first mark. */
static void cut_value(struct alert_why *w)
{
    if (w->value.len <= ALERT_VALUE_MAX) {
        return;
    }
    size_t first = w->nmarks > 0 ? w->marks[0][0] : 0;
    size_t start = first > ALERT_VALUE_MAX / 4 ? first - ALERT_VALUE_MAX / 4 : 0;
    for (unsigned k = 0; k < 3 && inside_character(w->value, start); k++) {
        start++;
    }
    size_t end = w->value.len - start > ALERT_VALUE_MAX ? start + ALERT_VALUE_MAX : w->value.len;
    for (unsigned k = 0; k < 3 && inside_character(w->value, end); k++) {
        end--;
    }
    uint16_t kept = 0;
    for (uint16_t i = 0; i < w->nmarks; i++) {
        size_t to = w->marks[i][1] < end ? w->marks[i][1] : end;
        if (w->marks[i][0] >= start && w->marks[i][0] < to) {
            w->marks[kept][0] = (uint32_t)(w->marks[i][0] - start);
            w->marks[kept][1] = (uint32_t)(to - start);
            kept++;
        }
    }
    w->nmarks = kept;
    w->value = span_sub(w->value, start, end - start);
}

/* ---- parts of the condition ---- */

/* First value that makes p hold; false when none does by itself. LEAF_NIL in *leaf_out: the raw line. */
static bool holding_leaf(struct explaining *x, const struct plan_pred *p, uint32_t *leaf_out)
{
    struct matcher *m = x->m;
    *leaf_out = LEAF_NIL;
    if (p->op == OP_NEVER || p->op == OP_ALWAYS || p->op == OP_NULL || p->op == OP_EXISTS) {
        return false;
    }
    if (p->keyword && m->ev->keywords_raw) {
        return match_value(m, p, LEAF_NIL);
    }
    uint32_t i = p->keyword ? 0 : match_first(m, p->field);
    uint32_t end = p->keyword ? m->ev->leaves.len : LEAF_NIL;
    while (i != end) {
        if (m->ev->leaves.data[i].kind != LEAF_NULL && match_value(m, p, i)) {
            *leaf_out = i;
            return true;
        }
        i = p->keyword ? i + 1 : event_next(m->ev, i);
    }
    return false;
}

static void fill_value(struct explaining *x, struct alert_why *w, const struct plan_pred *p,
                       bool negate)
{
    struct event *ev = x->m->ev;
    uint32_t leaf;
    if (!negate && holding_leaf(x, p, &leaf)) {
        bool raw = leaf == LEAF_NIL;
        struct span plain = raw ? ev->raw : event_plain(ev, leaf);
        struct span text = p->cased                     ? plain
                           : raw                        ? event_raw_folded(ev)
                                                        : event_folded(ev, leaf);
        w->value = plain;
        mark_value(x, w, p, plain, text);
    } else if (!p->keyword && p->field != FIELD_NONE) {
        leaf = match_first(x->m, p->field);
        w->value = leaf == LEAF_NIL ? SPAN("") : event_plain(ev, leaf);
    }
    cut_value(w);
    w->value = arena_copy(x->scratch, w->value);
}

static void tell(struct explaining *x, const struct plan_node *n)
{
    const struct plan_pred *p = &x->m->rs->preds[n->n];
    struct span wanted = n->label->written.len > 0 ? n->label->written : p->text;
    for (uint32_t i = 0; i < x->count; i++) {
        if (span_eq(x->why[i].wanted, wanted) && span_eq(x->why[i].field, n->label->field) &&
            span_eq(x->why[i].selection, x->selection)) {
            return; /* another spelling of the same value: dashes, encodings */
        }
    }
    if (x->count == ALERT_WHY_MAX) {
        return;
    }
    struct alert_why *w = &x->why[x->count++];
    *w = (struct alert_why){.selection = x->selection,
                            .field = n->label->field,
                            .operator_ = words_for(x, p, n->negate),
                            .wanted = wanted,
                            .value = SPAN("")};
    fill_value(x, w, p, n->negate);
}

static bool node_holds(struct explaining *x, const struct plan_node *n)
{
    if (n->kind == PLAN_PRED) {
        return match_pred(x->m, n->n) != n->negate;
    }
    bool all = true;
    bool any = false;
    for (uint32_t i = 0; i < n->n; i++) {
        bool kid = (n->kind == PLAN_AND || n->kind == PLAN_OR) && node_holds(x, &n->kids[i]);
        all = all && kid;
        any = any || kid;
    }
    return n->kind == PLAN_AND ? all : n->kind == PLAN_OR ? any : n->kind == PLAN_TRUE;
}

static void walk(struct explaining *x, const struct plan_node *n)
{
    if (!node_holds(x, n)) {
        return;
    }
    struct span outer = x->selection;
    if (n->selection != NULL) {
        x->selection = *n->selection;
    }
    if (n->kind == PLAN_PRED) {
        if (n->negate == x->negated) {
            tell(x, n);
        }
    } else if (n->kind == PLAN_AND || n->kind == PLAN_OR) {
        for (uint32_t i = 0; i < n->n; i++) {
            walk(x, &n->kids[i]);
        }
    }
    x->selection = outer;
}

uint32_t matcher_explain(struct matcher *m, struct event *ev, const struct match *match,
                         struct arena *scratch, const struct alert_why **why_out)
{
    CHECK_OBJ(m, MATCHER_MAGIC);
    CHECK(match->rule < m->rs->nrules && match->class_id < m->rs->nclasses);
    const struct plan_node *root = m->rs->roots[match->rule];
    CHECK(root != NULL);
    match_look_through(m, ev, match->class_id);
    struct explaining x = {.m = m, .scratch = scratch, .selection = SPAN("")};
    x.why = arena_calloc(scratch, ALERT_WHY_MAX, sizeof *x.why);
    walk(&x, root);
    if (x.count == 0) {
        x.negated = true;
        walk(&x, root);
    }
    event_use_class(ev, ev->class_id);
    *why_out = x.why;
    return x.count;
}
