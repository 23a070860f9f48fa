/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Answers predicates on the current event through the current view, each at most once (memo). On the event path; no
 * allocation. Semantics: an absent field makes everything false but "null"; of several values one is enough; JSON null
 * is a value for "null" and "exists" only.
 */
#include "base/num.h"
#include "base/utf8.h"
#include "flow/detect/match_priv.h"

static struct span value_text(struct matcher *m, uint32_t leaf, bool folded)
{
    if (leaf == LEAF_NIL) {
        return folded ? event_raw_folded(m->ev) : m->ev->raw;
    }
    return folded ? event_folded(m->ev, leaf) : event_plain(m->ev, leaf);
}

static bool holds_string(const struct plan_pred *p, struct span v)
{
    if (p->units && p->op != OP_EXACT) {
        return match_glob(p->parts, p->nparts, true, v, NULL);
    }
    switch ((enum plan_op)p->op) {
    case OP_EXACT:
        return span_eq(v, p->text);
    case OP_STARTS:
        return span_starts(v, p->text);
    case OP_ENDS:
        return span_ends(v, p->text);
    case OP_CONTAINS:
        return match_find_by(v, p->text, p->pair) != NULL;
    default:
        return match_glob(p->parts, p->nparts, false, v, NULL);
    }
}

static bool holds_regex(struct matcher *m, const struct plan_pred *p, uint32_t leaf)
{
    struct span plain = value_text(m, leaf, false);
    if (p->row > 0 && plain.len <= REGEX_TEXT_MAX_BYTES && (plain.len < p->row || utf8_is_ascii(plain))) {
        return match_row(p->row, plain); /* characters are bytes, or there are fewer of them than bytes */
    }
    for (uint32_t i = 0; i < p->nneeded; i++) {
        if (match_find(value_text(m, leaf, true), p->needed[i]) == NULL) {
            return false;
        }
    }
    if (p->shape != NULL && utf8_is_ascii(plain) && !match_shape(p->shape, value_text(m, leaf, true))) {
        return false;
    }
    enum regex_result r = regex_search(m->regexes[p->regex], plain, NULL, NULL);
    m->stats.regex_limits += r == REGEX_LIMIT;
    return r == REGEX_YES;
}

static bool fieldref_texts(enum sigma_match_mode mode, struct span a, struct span b)
{
    const struct sigma_part parts[] = {{PART_ANY, {"", 0}}, {PART_LITERAL, b}, {PART_ANY, {"", 0}}};
    if (mode == MATCH_WHOLE) {
        return span_eq(a, b);
    }
    if (b.len == 0) {
        return true;
    }
    uint32_t from = mode == MATCH_STARTS ? 1 : 0;
    uint32_t to = mode == MATCH_ENDS ? 2 : 3;
    return match_glob(parts + from, to - from, !utf8_valid(b), a, NULL);
}

static bool is_null(const struct matcher *m, uint32_t leaf)
{
    return leaf != LEAF_NIL && m->ev->leaves.data[leaf].kind == LEAF_NULL;
}

static bool holds_fieldref(struct matcher *m, const struct plan_pred *p, uint32_t leaf)
{
    struct span a = value_text(m, leaf, !p->cased);
    for (uint32_t o = match_first(m, p->other); o != LEAF_NIL; o = event_next(m->ev, o)) {
        if (!is_null(m, o) &&
            fieldref_texts((enum sigma_match_mode)p->mode, a, value_text(m, o, !p->cased))) {
            return true;
        }
    }
    return false;
}

bool match_value(struct matcher *m, const struct plan_pred *p, uint32_t leaf)
{
    double x;
    switch ((enum plan_op)p->op) {
    case OP_EXACT:
    case OP_STARTS:
    case OP_ENDS:
    case OP_CONTAINS:
    case OP_GLOB:
        return holds_string(p, value_text(m, leaf, !p->cased));
    case OP_ANY:
        return true;
    case OP_REGEX:
        return holds_regex(m, p, leaf);
    case OP_CIDR:
        return match_cidr(p, value_text(m, leaf, false));
    case OP_COMPARE:
        return num_double(value_text(m, leaf, false), &x) &&
               match_compare((enum sigma_cmp)p->cmp, x, p->number);
    case OP_TIMEPART:
        return match_timepart((enum sigma_timepart)p->timepart, value_text(m, leaf, false), &x) &&
               match_compare((enum sigma_cmp)p->cmp, x, p->number);
    case OP_FIELDREF:
        return holds_fieldref(m, p, leaf);
    case OP_LIST:
        return match_list(p->list, value_text(m, leaf, true));
    case OP_NULL:
    case OP_EXISTS:
    case OP_NEVER:
    case OP_ALWAYS:
        break;
    }
    return false;
}

static bool ask_keyword(struct matcher *m, const struct plan_pred *p)
{
    if (m->ev->keywords_raw) {
        return match_value(m, p, LEAF_NIL);
    }
    for (uint32_t i = 0; i < m->ev->leaves.len; i++) {
        if (!is_null(m, i) && match_value(m, p, i)) {
            return true;
        }
    }
    return false;
}

static bool ask(struct matcher *m, const struct plan_pred *p)
{
    if (p->op == OP_NEVER || p->op == OP_ALWAYS) {
        return p->op == OP_ALWAYS;
    }
    if (p->keyword) {
        return ask_keyword(m, p);
    }
    uint32_t leaf = match_first(m, p->field);
    if (p->op == OP_EXISTS) {
        return (leaf != LEAF_NIL) == p->want;
    }
    if (p->op == OP_NULL && leaf == LEAF_NIL) {
        return true;
    }
    for (; leaf != LEAF_NIL; leaf = event_next(m->ev, leaf)) {
        if (is_null(m, leaf) ? p->op == OP_NULL : match_value(m, p, leaf)) {
            return true;
        }
    }
    return false;
}

bool match_pred(struct matcher *m, uint32_t pred)
{
    uint32_t *answer = &m->answers[pred];
    if (*answer >> 1 != m->epoch) {
        *answer = m->epoch << 1 | (uint32_t)ask(m, &m->rs->preds[pred]);
    }
    return (*answer & 1) != 0;
}
