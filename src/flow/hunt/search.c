/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A search expression becomes a Sigma rule, so that it runs on the one engine: see hunt.h. The rule's log source is a
 * placeholder that the compiler takes away (hunt_plan.c), since a search looks everywhere.
 *
 *     or = and ("OR" and)*   and = not (["AND"] not)*   not = "NOT" not | "(" or ")" | term
 *     term = [field "="] value, value = word | "quoted text"
 */
#include "flow/hunt/person.h"

enum { SEARCH_DEPTH_MAX = 32, SEARCH_TERMS_MAX = 200 };

struct search {
    struct span text;
    size_t at;
    uint32_t terms;
    unsigned depth;
    bool person; /* a term names one */
    struct buf selections, condition;
    struct err *e;
};

static int wrong(const struct search *s, const char *what)
{
    int rc = err_set(s->e, ERR_INVALID, "the search, at character %zu: %s", s->at + 1, what);
    if (s->e != NULL) {
        s->e->offset = s->at;
        s->e->has_offset = 1;
    }
    return rc;
}

static void skip_blanks(struct search *s)
{
    while (s->at < s->text.len && strchr(" \t\r\n", s->text.ptr[s->at]) != NULL &&
           s->text.ptr[s->at] != '\0') {
        s->at++;
    }
}

static bool ends_word(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == '(' || c == ')' || c == '"';
}

/* The next word without taking it; empty at a bracket, a quote or the end. */
static struct span peek(const struct search *s)
{
    size_t n = s->at;
    while (n < s->text.len && !ends_word(s->text.ptr[n])) {
        n++;
    }
    return span_sub(s->text, s->at, n - s->at);
}

static bool take(struct search *s, struct span word)
{
    skip_blanks(s);
    if (!span_eq(peek(s), word)) {
        return false;
    }
    s->at += word.len;
    return true;
}

static bool take_char(struct search *s, char c)
{
    skip_blanks(s);
    if (s->at >= s->text.len || s->text.ptr[s->at] != c) {
        return false;
    }
    s->at++;
    return true;
}

/* In YAML's single quotes. */
static void put_quoted(struct buf *b, struct span v)
{
    buf_cstr(b, "'");
    for (size_t i = 0; i < v.len; i++) {
        buf_put(b, &v.ptr[i], 1);
        if (v.ptr[i] == '\'') {
            buf_cstr(b, "'");
        }
    }
    buf_cstr(b, "'");
}

static int take_quoted(struct search *s, struct span *out)
{
    size_t from = ++s->at;
    while (s->at < s->text.len && s->text.ptr[s->at] != '"') {
        s->at++;
    }
    if (s->at >= s->text.len) {
        return wrong(s, "a quote is not closed");
    }
    *out = span_sub(s->text, from, s->at - from);
    s->at++;
    return 0;
}

static bool field_ok(struct span f)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.@|/{}";
    for (size_t i = 0; i < f.len; i++) {
        if (f.ptr[i] == '\0' || strchr(good, f.ptr[i]) == NULL) {
            return false;
        }
    }
    return f.len > 0 && f.len <= HUNT_NAME_MAX && f.ptr[0] != '|';
}

static int term(struct search *s)
{
    skip_blanks(s);
    struct span field = {NULL, 0};
    struct span value = {NULL, 0};
    bool quoted = s->at < s->text.len && s->text.ptr[s->at] == '"';
    struct span word = quoted ? SPAN("") : peek(s);
    ptrdiff_t eq = span_find(word, '=');
    int rc = 0;
    if (!quoted && word.len == 0) {
        return wrong(s, "a word is missing");
    }
    if (eq == 0 || (eq > 0 && !field_ok(span_sub(word, 0, (size_t)eq)))) {
        return wrong(s, "this is no field name (put a text with = in quotes)");
    }
    if (eq > 0) {
        field = span_sub(word, 0, (size_t)eq);
        s->at += (size_t)eq + 1;
        quoted = s->at < s->text.len && s->text.ptr[s->at] == '"';
    }
    if (quoted) {
        rc = take_quoted(s, &value);
    } else {
        value = peek(s);
        s->at += value.len;
    }
    if (rc == 0 && field.len == 0 && value.len == 0) {
        return wrong(s, "an empty text is in every record");
    }
    if (rc == 0 && ++s->terms > SEARCH_TERMS_MAX) {
        return err_set(s->e, ERR_LIMIT, "a search has at most %d terms", SEARCH_TERMS_MAX);
    }
    s->person = s->person || (rc == 0 && person_term(field, value));
    if (rc == 0) {
        buf_printf(&s->condition, "t%u", s->terms);
        buf_printf(&s->selections, "    t%u:\n", s->terms);
        buf_cstr(&s->selections, field.len > 0 ? "        " : "        - ");
        if (field.len > 0) {
            put_quoted(&s->selections, field);
            buf_cstr(&s->selections, ": ");
        }
        put_quoted(&s->selections, value);
        buf_cstr(&s->selections, "\n");
    }
    return rc;
}

static int any_of(struct search *s);

static int negation(struct search *s)
{
    if (++s->depth > SEARCH_DEPTH_MAX) {
        return err_set(s->e, ERR_LIMIT, "a search nests at most %d deep", SEARCH_DEPTH_MAX);
    }
    int rc = 0;
    if (take(s, SPAN("NOT"))) {
        buf_cstr(&s->condition, "not ");
        rc = negation(s);
    } else if (take_char(s, '(')) {
        buf_cstr(&s->condition, "(");
        rc = any_of(s);
        if (rc == 0 && !take_char(s, ')')) {
            rc = wrong(s, "a bracket is not closed");
        }
        buf_cstr(&s->condition, ")");
    } else if (take(s, SPAN("AND")) || take(s, SPAN("OR"))) {
        rc = wrong(s, "a word is missing before it");
    } else {
        rc = term(s);
    }
    s->depth--;
    return rc;
}

/* More follows that is neither OR nor a closing bracket. */
static bool goes_on(struct search *s)
{
    skip_blanks(s);
    return s->at < s->text.len && s->text.ptr[s->at] != ')' && !span_eq(peek(s), SPAN("OR"));
}

static int all_of(struct search *s)
{
    int rc = negation(s);
    while (rc == 0 && goes_on(s)) {
        (void)take(s, SPAN("AND"));
        buf_cstr(&s->condition, " and ");
        rc = negation(s);
    }
    return rc;
}

static int any_of(struct search *s)
{
    int rc = all_of(s);
    while (rc == 0 && take(s, SPAN("OR"))) {
        buf_cstr(&s->condition, " or ");
        rc = all_of(s);
    }
    return rc;
}

static void finish(struct search *s)
{
    buf_free(&s->selections);
    buf_free(&s->condition);
}

/* Reads it whole; finish afterwards, whatever comes of it. */
static int parse(struct search *s, struct span search, struct err *e)
{
    *s = (struct search){.text = search, .e = e};
    buf_init(&s->selections, 256 << 10);
    buf_init(&s->condition, 64 << 10);
    if (search.len > HUNT_SEARCH_MAX) {
        return err_set(e, ERR_LIMIT, "a search has at most %d bytes", HUNT_SEARCH_MAX);
    }
    for (s->at = 0; s->at < search.len; s->at++) {
        if ((unsigned char)search.ptr[s->at] < ' ' && search.ptr[s->at] != '\t') {
            return wrong(s, "a control character");
        }
    }
    s->at = 0;
    int rc = any_of(s);
    return rc == 0 && s->at < s->text.len ? wrong(s, "a bracket closes that was not opened") : rc;
}

int hunt_search_rule(struct span search, struct arena *arena, struct span *rule_out, struct err *e)
{
    struct search s;
    struct buf rule;
    buf_init(&rule, 512 << 10);
    int rc = parse(&s, search, e);
    if (rc == 0) {
        buf_cstr(&rule, "title: Search\nlogsource:\n    category: everywhere\ndetection:\n");
        buf_span(&rule, buf_view(&s.selections));
        buf_cstr(&rule, "    condition: ");
        buf_span(&rule, buf_view(&s.condition));
        buf_cstr(&rule, "\n");
        CHECK(!rule.failed && !s.selections.failed && !s.condition.failed);
        *rule_out = arena_copy(arena, buf_view(&rule));
    }
    finish(&s);
    buf_free(&rule);
    return rc;
}

bool hunt_search_names_person(struct span search)
{
    struct search s;
    struct err none = {0};
    bool person = parse(&s, search, &none) == 0 && s.person;
    finish(&s);
    return person;
}
