/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Condition texts: "selection and not 1 of filter_*". Precedence or < and < not < x-of < parentheses; words of the
 * grammar in any case, names exact. The same grammar without x-of serves extended correlation conditions. Called by
 * sigma_detection.c and sigma_correlation.c in the compiler role; recursion is bounded by SIGMA_DEPTH_MAX.
 */
#include "flow/detect/sigma_priv.h"

enum expr_kind { EXPR_AND, EXPR_OR, EXPR_NOT, EXPR_NAME, EXPR_ANY_OF, EXPR_ALL_OF };

struct expr {
    enum expr_kind kind;
    struct span word; /* name, or pattern of x-of ("them" empty) */
    const struct expr **kids;
    uint32_t nkids;
};

struct parser {
    struct sigma_build *b;
    uint32_t line;
    struct span rest;
    struct span token; /* empty at the end */
    uint32_t depth;
    bool selectors; /* x-of allowed */
    bool (*known)(const void *ctx, struct span word); /* a name that may hold a bar */
    const void *ctx;
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void next_token(struct parser *p)
{
    struct span s = p->rest;
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s = span_sub(s, 1, SIZE_MAX);
    }
    size_t n = s.len > 0 && (s.ptr[0] == '(' || s.ptr[0] == ')') ? 1 : 0;
    if (n == 0) {
        while (n < s.len && !is_blank(s.ptr[n]) && s.ptr[n] != '(' && s.ptr[n] != ')') {
            n++;
        }
    }
    p->token = span_sub(s, 0, n);
    p->rest = span_sub(s, n, SIZE_MAX);
}

static bool at_word(const struct parser *p, const char *word)
{
    return span_eq_nocase(p->token, span_of(word));
}

static struct span peek(const struct parser *p)
{
    struct parser ahead = *p;
    next_token(&ahead);
    return ahead.token;
}

static struct expr *expr_new(struct parser *p, enum expr_kind kind, struct span word)
{
    struct expr *e = arena_alloc(p->b->scratch, sizeof *e);
    e->kind = kind;
    e->word = word;
    return e;
}

static const struct expr *fail(struct parser *p, const char *what)
{
    if (p->token.len == 0) {
        (void)sigma_refuse(p->b, p->line, "condition: %s at the end", what);
    } else {
        (void)sigma_refuse(p->b, p->line, "condition: %s at '%.*s'", what,
                           SPAN_ARG(span_sub(p->token, 0, 100)));
    }
    return NULL;
}

static bool is_number(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

static bool at_operator(const struct parser *p)
{
    return p->token.len == 0 || p->token.ptr[0] == '(' || p->token.ptr[0] == ')' || at_word(p, "and") ||
           at_word(p, "or") || at_word(p, "not");
}

/* The old form "selection | count() by x > 5" is told apart from names that hold a bar. */
static bool at_aggregation(const struct parser *p)
{
    return span_find(p->token, '|') >= 0 && !p->known(p->ctx, p->token);
}

static const char *const old_aggregation =
    "aggregations behind '|' are not part of Sigma any more: write a correlation rule";

static const struct expr *parse_selector(struct parser *p)
{
    bool all = at_word(p, "all");
    if (is_number(p->token) && !at_word(p, "1")) {
        return fail(p, "only '1 of', 'any of' and 'all of' are known; a count is a correlation's");
    }
    next_token(p);
    next_token(p);
    if (at_operator(p)) {
        return fail(p, "a name, a pattern or 'them' must follow 'of'");
    }
    if (at_aggregation(p)) {
        return fail(p, old_aggregation);
    }
    struct span word = at_word(p, "them") ? span_make(NULL, 0) : p->token;
    next_token(p);
    return expr_new(p, all ? EXPR_ALL_OF : EXPR_ANY_OF, word);
}

static const struct expr *parse_or(struct parser *p);

static const struct expr *parse_primary(struct parser *p)
{
    if (p->token.len > 0 && p->token.ptr[0] == '(') {
        next_token(p);
        const struct expr *inner = parse_or(p);
        if (inner == NULL) {
            return NULL;
        }
        if (p->token.len == 0 || p->token.ptr[0] != ')') {
            return fail(p, "a closing parenthesis is missing");
        }
        next_token(p);
        return inner;
    }
    if (p->selectors && span_eq_nocase(peek(p), SPAN("of")) &&
        (at_word(p, "any") || at_word(p, "all") || is_number(p->token))) {
        return parse_selector(p);
    }
    if (at_operator(p)) {
        return fail(p, "a selection is missing");
    }
    if (at_aggregation(p)) {
        return fail(p, old_aggregation);
    }
    const struct expr *name = expr_new(p, EXPR_NAME, p->token);
    next_token(p);
    return name;
}

static const struct expr *parse_not(struct parser *p)
{
    const struct expr *e = NULL;
    if (++p->depth > SIGMA_DEPTH_MAX) {
        return fail(p, "nested deeper than 64");
    }
    if (at_word(p, "not")) {
        next_token(p);
        const struct expr *kid = parse_not(p);
        if (kid != NULL) {
            struct expr *n = expr_new(p, EXPR_NOT, (struct span){0});
            n->kids = arena_calloc(p->b->scratch, 1, sizeof *n->kids);
            n->kids[0] = kid;
            n->nkids = 1;
            e = n;
        }
    } else {
        e = parse_primary(p);
    }
    p->depth--;
    return e;
}

/* kind AND: not-terms joined by "and"; kind OR: and-terms joined by "or". */
static const struct expr *parse_chain(struct parser *p, enum expr_kind kind)
{
    VEC(const struct expr *) kids = {0};
    const char *word = kind == EXPR_AND ? "and" : "or";
    for (bool more = true; more;) {
        const struct expr *kid = kind == EXPR_AND ? parse_not(p) : parse_chain(p, EXPR_AND);
        if (kid == NULL) {
            vec_free(&kids);
            return NULL;
        }
        vec_push(&kids, kid);
        more = at_word(p, word);
        if (more) {
            next_token(p);
        }
    }
    const struct expr *out = kids.data[0];
    if (kids.len > 1) {
        struct expr *e = expr_new(p, kind, (struct span){0});
        e->kids = arena_calloc(p->b->scratch, kids.len, sizeof *e->kids);
        memcpy(e->kids, kids.data, kids.len * sizeof *e->kids);
        e->nkids = (uint32_t)kids.len;
        out = e;
    }
    vec_free(&kids);
    return out;
}

static const struct expr *parse_or(struct parser *p)
{
    return parse_chain(p, EXPR_OR);
}

static const struct expr *parse_text(struct parser *p, struct span text)
{
    if (text.len > SIGMA_CONDITION_MAX_BYTES) {
        (void)sigma_refuse(p->b, p->line, "condition longer than %d bytes", SIGMA_CONDITION_MAX_BYTES);
        return NULL;
    }
    p->rest = text;
    next_token(p);
    if (p->token.len == 0) {
        (void)sigma_refuse(p->b, p->line, "the condition is empty");
        return NULL;
    }
    const struct expr *e = parse_or(p);
    if (e == NULL || p->token.len == 0) {
        return e;
    }
    return fail(p, at_aggregation(p) ? old_aggregation : "'and' or 'or' is missing");
}

/* ---- conditions of rules ---- */

struct names {
    struct ident *idents;
    size_t n;
};

/* Whether name fits a pattern in which * stands for anything. */
static bool name_fits(struct span name, struct span pattern)
{
    size_t i = 0;
    size_t j = 0;
    size_t star = SIZE_MAX;
    size_t back = 0;
    while (i < name.len) {
        if (j < pattern.len && pattern.ptr[j] == '*') {
            star = j++;
            back = i;
        } else if (j < pattern.len && pattern.ptr[j] == name.ptr[i]) {
            i++;
            j++;
        } else if (star != SIZE_MAX) {
            j = star + 1;
            i = ++back;
        } else {
            return false;
        }
    }
    while (j < pattern.len && pattern.ptr[j] == '*') {
        j++;
    }
    return j == pattern.len;
}

static bool ident_known(const void *ctx, struct span word)
{
    const struct names *names = ctx;
    for (size_t i = 0; i < names->n; i++) {
        if (name_fits(names->idents[i].name, word)) {
            return true;
        }
    }
    return false;
}

/* "1 of them" leaves out names that start with an underscore; a pattern takes what it fits. */
static bool selected(struct span name, struct span pattern)
{
    return pattern.len == 0 ? name.len == 0 || name.ptr[0] != '_' : name_fits(name, pattern);
}

/* Takes a selection into the tree; the leaves a walk of the tree will meet are bounded. */
static int use_ident(struct sigma_build *b, uint32_t line, struct ident *ident, sigma_nodes *kids)
{
    ident->used = true;
    vec_push(kids, ident->node);
    b->nleaves += ident->nleaves;
    return b->nleaves <= SIGMA_PREDS_PER_RULE_MAX
               ? 0
               : sigma_refuse(b, line, "condition: names selections with more than %d values together",
                              SIGMA_PREDS_PER_RULE_MAX);
}

static struct sigma_node *build_selector(struct sigma_build *b, uint32_t line, const struct expr *e,
                                         const struct names *names)
{
    sigma_nodes kids = {0};
    int code = 0;
    for (size_t i = 0; i < names->n && code == 0; i++) {
        if (selected(names->idents[i].name, e->word)) {
            code = use_ident(b, line, &names->idents[i], &kids);
        }
    }
    if (code == 0 && kids.len == 0) {
        struct span word = e->word.len == 0 ? SPAN("them") : span_sub(e->word, 0, 100);
        code = sigma_refuse(b, line, "condition: no selection fits '%.*s'", SPAN_ARG(word));
    }
    if (code != 0) {
        vec_free(&kids);
        return NULL;
    }
    return sigma_node_group(b, e->kind == EXPR_ALL_OF ? NODE_AND : NODE_OR, &kids);
}

static struct sigma_node *build_name(struct sigma_build *b, uint32_t line, const struct expr *e,
                                     const struct names *names)
{
    for (size_t i = 0; i < names->n; i++) {
        if (span_eq(names->idents[i].name, e->word)) {
            sigma_nodes one = {0};
            if (use_ident(b, line, &names->idents[i], &one) != 0) {
                vec_free(&one);
                return NULL;
            }
            return sigma_node_group(b, NODE_AND, &one);
        }
    }
    (void)sigma_refuse(b, line, "condition: there is no selection '%.*s'",
                       SPAN_ARG(span_sub(e->word, 0, 100)));
    return NULL;
}

static struct sigma_node *build(struct sigma_build *b, uint32_t line, const struct expr *e,
                                const struct names *names, bool *negated)
{
    sigma_nodes kids = {0};
    if (e->kind == EXPR_NAME) {
        return build_name(b, line, e, names);
    }
    if (e->kind == EXPR_ANY_OF || e->kind == EXPR_ALL_OF) {
        return build_selector(b, line, e, names);
    }
    for (uint32_t i = 0; i < e->nkids; i++) {
        struct sigma_node *kid = build(b, line, e->kids[i], names, negated);
        if (kid == NULL) {
            vec_free(&kids);
            return NULL;
        }
        vec_push(&kids, kid);
    }
    if (e->kind == EXPR_NOT) {
        CHECK(kids.len == 1 && kids.data != NULL);
        struct sigma_node *n = sigma_node_not(b, kids.data[0]);
        *negated = true;
        vec_free(&kids);
        return n;
    }
    return sigma_node_group(b, e->kind == EXPR_AND ? NODE_AND : NODE_OR, &kids);
}

struct sigma_node *sigma_condition(struct sigma_build *b, struct span text, uint32_t line,
                                   struct ident *idents, size_t nidents, bool *negated_out)
{
    struct names names = {idents, nidents};
    struct parser p = {
        .b = b, .line = line, .selectors = true, .known = ident_known, .ctx = &names};
    *negated_out = false;
    const struct expr *e = parse_text(&p, text);
    return e == NULL ? NULL : build(b, line, e, &names, negated_out);
}

/* ---- extended conditions of temporal correlations ---- */

struct refs {
    const struct span *names;
    uint32_t n;
    bool *used;
};

static bool ref_known(const void *ctx, struct span word)
{
    const struct refs *refs = ctx;
    for (uint32_t i = 0; i < refs->n; i++) {
        if (span_eq(refs->names[i], word)) {
            return true;
        }
    }
    return false;
}

static struct sigma_corr_node *build_corr(struct sigma_build *b, uint32_t line, const struct expr *e,
                                          const struct refs *refs)
{
    struct sigma_corr_node *n = arena_alloc(b->arena, sizeof *n);
    if (e->kind == EXPR_NAME) {
        n->kind = NODE_PRED;
        for (n->ref = 0; n->ref < refs->n; n->ref++) {
            if (span_eq(refs->names[n->ref], e->word)) {
                refs->used[n->ref] = true;
                return n;
            }
        }
        (void)sigma_refuse(b, line, "condition: '%.*s' is not in the list of rules",
                           SPAN_ARG(span_sub(e->word, 0, 100)));
        return NULL;
    }
    n->kind = e->kind == EXPR_AND ? NODE_AND : e->kind == EXPR_OR ? NODE_OR : NODE_NOT;
    n->kids = arena_calloc(b->arena, e->nkids, sizeof *n->kids);
    n->nkids = e->nkids;
    for (uint32_t i = 0; i < e->nkids; i++) {
        n->kids[i] = build_corr(b, line, e->kids[i], refs);
        if (n->kids[i] == NULL) {
            return NULL;
        }
    }
    return n;
}

static void collect_names(const struct expr *e, spans *out)
{
    bool seen = out->len > SIGMA_REFS_MAX; /* too many already: the caller refuses */
    for (size_t i = 0; i < out->len && e->kind == EXPR_NAME; i++) {
        seen = seen || span_eq(out->data[i], e->word);
    }
    if (e->kind == EXPR_NAME && !seen) {
        vec_push(out, e->word);
    }
    for (uint32_t i = 0; i < e->nkids; i++) {
        collect_names(e->kids[i], out);
    }
}

int sigma_corr_condition_names(struct sigma_build *b, struct span text, uint32_t line, spans *out)
{
    struct refs none = {0};
    struct parser p = {.b = b, .line = line, .known = ref_known, .ctx = &none};
    const struct expr *e = parse_text(&p, text);
    if (e == NULL) {
        return ERR_INVALID;
    }
    collect_names(e, out);
    return 0;
}

const struct sigma_corr_node *sigma_corr_condition(struct sigma_build *b, struct span text,
                                                   uint32_t line, const struct span *refs,
                                                   uint32_t nrefs)
{
    struct refs names = {refs, nrefs, arena_calloc(b->scratch, (size_t)nrefs + 1, sizeof(bool))};
    struct parser p = {.b = b, .line = line, .known = ref_known, .ctx = &names};
    const struct expr *e = parse_text(&p, text);
    const struct sigma_corr_node *n = e == NULL ? NULL : build_corr(b, line, e, &names);
    for (uint32_t i = 0; n != NULL && i < nrefs; i++) {
        if (!names.used[i]) {
            (void)sigma_refuse(b, line, "condition: rule '%.*s' is listed but not named here",
                               SPAN_ARG(span_sub(refs[i], 0, 100)));
            return NULL;
        }
    }
    return n;
}
