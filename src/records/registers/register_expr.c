/* SPDX-License-Identifier: EUPL-1.2 */
/* The language of x-computed: see register_expr.h. This file reads it; register_expr_value.c works it out. */
#include "records/registers/register_expr_priv.h"

struct parse {
    struct arena *a;
    struct expr *x;
    struct span text;
    size_t at;
    uint32_t depth;
    struct err *e;
};

static int parse_or(struct parse *p, uint32_t *out);

static int wrong(struct parse *p, const char *what)
{
    return err_set(p->e, ERR_INVALID, "at character %zu: %s", p->at + 1, what);
}

static int node(struct parse *p, enum expr_op op, uint32_t left, uint32_t right, uint32_t *out)
{
    if (p->x->nnodes == EXPR_NODES_MAX) {
        return wrong(p, "has more than 128 parts");
    }
    p->x->nodes[p->x->nnodes] = (struct expr_node){.op = op, .left = left, .right = right};
    *out = p->x->nnodes++;
    return 0;
}

/* ---- words ---- */

static void blanks(struct parse *p)
{
    while (p->at < p->text.len && (p->text.ptr[p->at] == ' ' || p->text.ptr[p->at] == '\n' || p->text.ptr[p->at] == '\t')) {
        p->at++;
    }
}

static bool is_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
}

/* This sign or word, and no longer word that begins so. */
static bool take(struct parse *p, const char *word)
{
    struct span w = span_of(word);
    blanks(p);
    struct span rest = span_sub(p->text, p->at, p->text.len);
    if (!span_starts(rest, w) || (is_name(w.ptr[0]) && rest.len > w.len && is_name(rest.ptr[w.len]))) {
        return false;
    }
    p->at += w.len;
    return true;
}

static bool peek_name(const struct parse *p)
{
    char c = p->at < p->text.len ? p->text.ptr[p->at] : '\0';
    return c >= 'a' && c <= 'z';
}

static struct span name(struct parse *p)
{
    size_t from = p->at;
    while (p->at < p->text.len && is_name(p->text.ptr[p->at])) {
        p->at++;
    }
    return span_sub(p->text, from, p->at - from);
}

static int number(struct parse *p, uint32_t *out)
{
    int64_t whole = 0;
    int64_t part = 0;
    int64_t unit = EXPR_SCALE;
    size_t from = p->at;
    for (; p->at < p->text.len && p->text.ptr[p->at] >= '0' && p->text.ptr[p->at] <= '9'; p->at++) {
        whole = whole * 10 + (p->text.ptr[p->at] - '0');
        if (p->at - from > 11) {
            return wrong(p, "a number has at most 12 digits");
        }
    }
    if (p->at < p->text.len && p->text.ptr[p->at] == '.') {
        p->at++;
        for (; p->at < p->text.len && p->text.ptr[p->at] >= '0' && p->text.ptr[p->at] <= '9' && unit > 1; p->at++) {
            unit /= 10;
            part += unit * (p->text.ptr[p->at] - '0');
        }
        if (unit == EXPR_SCALE || (p->at < p->text.len && p->text.ptr[p->at] >= '0' && p->text.ptr[p->at] <= '9')) {
            return wrong(p, "a number has one to six digits behind its point");
        }
    }
    int rc = node(p, OP_NUMBER, 0, 0, out);
    if (rc == 0) {
        p->x->nodes[*out].number = whole * EXPR_SCALE + part;
    }
    return rc;
}

static int text(struct parse *p, uint32_t *out)
{
    size_t from = ++p->at;
    while (p->at < p->text.len && p->text.ptr[p->at] != '\'') {
        p->at++;
    }
    if (p->at == p->text.len) {
        return wrong(p, "a text has no end");
    }
    int rc = node(p, OP_TEXT, 0, 0, out);
    if (rc == 0) {
        p->x->nodes[*out].path[0] = span_sub(p->text, from, p->at - from);
    }
    p->at++;
    return rc;
}

/* ---- what stands in one another ---- */

/* Arguments of a function hang on one another by OP_NEXT: left is one, right the rest. */
static int arguments(struct parse *p, uint32_t least, uint32_t most, uint32_t *out)
{
    uint32_t list[EXPR_ARGUMENTS_MAX];
    uint32_t n = 0;
    do {
        if (n == most) {
            return wrong(p, "has too many parts");
        }
        int rc = parse_or(p, &list[n]);
        if (rc != 0) {
            return rc;
        }
        n++;
    } while (take(p, ","));
    if (n < least || !take(p, ")")) {
        return wrong(p, n < least ? "has too few parts" : "a ) is missing");
    }
    *out = 0;
    for (uint32_t i = n; i > 0; i--) {
        int rc = node(p, OP_NEXT, list[i - 1], *out, out);
        if (rc != 0) {
            return rc;
        }
    }
    return 0;
}

static int path(struct parse *p, struct span first, uint32_t *out)
{
    int rc = node(p, OP_PATH, 0, 0, out);
    if (rc != 0) {
        return rc;
    }
    struct expr_node *n = &p->x->nodes[*out];
    n->path[n->npath++] = first;
    while (p->at < p->text.len && p->text.ptr[p->at] == '.') {
        p->at++;
        if (!peek_name(p) || n->npath == EXPR_PATH_MAX) {
            return wrong(p, "a path is of up to three names");
        }
        n->path[n->npath++] = name(p);
    }
    return 0;
}

static int function(struct parse *p, struct span word, uint32_t *out)
{
    static const struct {
        const char *name;
        enum expr_op op;
        uint32_t least, most;
    } functions[] = {{"min", OP_MIN, 1, EXPR_ARGUMENTS_MAX}, {"max", OP_MAX, 1, EXPR_ARGUMENTS_MAX}, {"sum", OP_SUM, 1, EXPR_ARGUMENTS_MAX},
                     {"count", OP_COUNT, 1, EXPR_ARGUMENTS_MAX}, {"exists", OP_EXISTS, 1, 1}, {"if", OP_IF, 3, 3}};
    for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
        if (span_eq(word, span_of(functions[i].name))) {
            uint32_t list = 0;
            int rc = arguments(p, functions[i].least, functions[i].most, &list);
            return rc == 0 ? node(p, functions[i].op, list, 0, out) : rc;
        }
    }
    return wrong(p, "there is no such function: min, max, sum, count, exists, if");
}

static int parse_word(struct parse *p, uint32_t *out)
{
    if (take(p, "true") || take(p, "false")) {
        bool truth = p->text.ptr[p->at - 2] == 'u';
        int rc = node(p, OP_TRUTH, 0, 0, out);
        if (rc == 0) {
            p->x->nodes[*out].number = truth;
        }
        return rc;
    }
    if (take(p, "none")) {
        return node(p, OP_NONE, 0, 0, out);
    }
    struct span word = name(p);
    return take(p, "(") ? function(p, word, out) : path(p, word, out);
}

static int primary(struct parse *p, uint32_t *out)
{
    blanks(p);
    char c = p->at < p->text.len ? p->text.ptr[p->at] : '\0';
    if (c >= '0' && c <= '9') {
        return number(p, out);
    }
    if (c == '\'') {
        return text(p, out);
    }
    if (take(p, "(")) {
        int rc = parse_or(p, out);
        return rc != 0 || take(p, ")") ? rc : wrong(p, "a ) is missing");
    }
    return peek_name(p) ? parse_word(p, out) : wrong(p, "a value is missing");
}

static int unary(struct parse *p, uint32_t *out)
{
    if (!take(p, "-")) {
        return primary(p, out);
    }
    int rc = primary(p, out);
    return rc == 0 ? node(p, OP_NEGATE, *out, 0, out) : rc;
}

struct infix {
    const char *sign;
    enum expr_op op;
};

/* A row of the same rank, from the left. */
static int row(struct parse *p, const struct infix *signs, size_t n, int (*part)(struct parse *p, uint32_t *out), uint32_t *out)
{
    int rc = part(p, out);
    for (size_t i = 0; rc == 0 && i < n; i++) {
        if (take(p, signs[i].sign)) {
            uint32_t right = 0;
            rc = part(p, &right);
            rc = rc == 0 ? node(p, signs[i].op, *out, right, out) : rc;
            i = (size_t)-1; /* and again */
        }
    }
    return rc;
}

static int product(struct parse *p, uint32_t *out)
{
    static const struct infix signs[] = {{"*", OP_TIMES}, {"/", OP_DIVIDE}};
    return row(p, signs, ARRAY_LEN(signs), unary, out);
}

static int total(struct parse *p, uint32_t *out)
{
    static const struct infix signs[] = {{"+", OP_PLUS}, {"-", OP_MINUS}};
    return row(p, signs, ARRAY_LEN(signs), product, out);
}

static int comparison(struct parse *p, uint32_t *out)
{
    static const struct infix signs[] = {{"<=", OP_LESS_EQUAL}, {">=", OP_MORE_EQUAL}, {"!=", OP_DIFFER}, {"=", OP_EQUAL}, {"<", OP_LESS}, {">", OP_MORE}};
    uint32_t right = 0;
    int rc = total(p, out);
    if (rc == 0 && take(p, "in")) {
        uint32_t list = 0;
        if (!take(p, "[")) {
            return wrong(p, "a list stands in [ ]");
        }
        do {
            rc = total(p, &right);
            rc = rc == 0 ? node(p, OP_NEXT, right, list, &list) : rc;
        } while (rc == 0 && take(p, ","));
        rc = rc != 0 || take(p, "]") ? rc : wrong(p, "a ] is missing");
        return rc == 0 ? node(p, OP_IN, *out, list, out) : rc;
    }
    for (size_t i = 0; rc == 0 && i < ARRAY_LEN(signs); i++) {
        if (take(p, signs[i].sign)) {
            rc = total(p, &right);
            return rc == 0 ? node(p, signs[i].op, *out, right, out) : rc;
        }
    }
    return rc;
}

static int negation(struct parse *p, uint32_t *out)
{
    if (!take(p, "not")) {
        return comparison(p, out);
    }
    int rc = comparison(p, out);
    return rc == 0 ? node(p, OP_NOT, *out, 0, out) : rc;
}

static int parse_and(struct parse *p, uint32_t *out)
{
    static const struct infix signs[] = {{"and", OP_AND}};
    return row(p, signs, 1, negation, out);
}

static int parse_or(struct parse *p, uint32_t *out)
{
    static const struct infix signs[] = {{"or", OP_OR}};
    if (++p->depth > EXPR_DEPTH_MAX) {
        return wrong(p, "more than 16 stand in one another");
    }
    int rc = row(p, signs, 1, parse_and, out);
    p->depth--;
    return rc;
}

int expr_read(struct arena *a, struct span from, const struct expr **out, struct err *e)
{
    struct parse p = {.a = a, .e = e};
    if (from.len == 0 || from.len > EXPR_BYTES_MAX) {
        return err_set(e, ERR_INVALID, "an expression has 1 to 1,000 bytes");
    }
    p.x = arena_calloc(a, 1, sizeof *p.x);
    p.text = arena_copy(a, from);
    int rc = node(&p, OP_NONE, 0, 0, &p.x->top); /* number 0 is the end of each list */
    rc = rc == 0 ? parse_or(&p, &p.x->top) : rc;
    blanks(&p);
    *out = p.x;
    return rc == 0 && p.at < p.text.len ? wrong(&p, "something stands behind its end") : rc;
}

/* ---- what it names ---- */

uint32_t expr_paths(const struct expr *x)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->nnodes; i++) {
        n += x->nodes[i].op == OP_PATH;
    }
    return n;
}

uint32_t expr_path(const struct expr *x, uint32_t at, struct span *names)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->nnodes; i++) {
        if (x->nodes[i].op == OP_PATH && n++ == at) {
            memcpy(names, x->nodes[i].path, x->nodes[i].npath * sizeof *names);
            return x->nodes[i].npath;
        }
    }
    return 0;
}
