/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Literals and a shape (plan_shape.c) that every match of a regular expression contains, so that a rule with only a regex needs not be tried on
 * every event, and few values are searched. Reads the top level of the pattern only and gives up ("") on anything it is not sure of: a wrong literal
 * would lose matches. Compiler role.
 */
#include "base/utf8.h"
#include "flow/detect/plan_build.h"

struct scan {
    const char *p;
    const char *end;
    char *run; /* current stretch of literal characters; those before it are kept in front of it */
    size_t run_len;
    struct span best[PLAN_NEEDED_MAX]; /* longest first */
    uint32_t nbest;
    struct plan_shaping *shape;
};

static void run_end(struct scan *s)
{
    struct span run = span_make(s->run, s->run_len);
    uint32_t at = s->nbest;
    while (at > 0 && s->best[at - 1].len < run.len) {
        at--;
    }
    s->run += s->run_len;
    s->run_len = 0;
    if (run.len == 0 || at == PLAN_NEEDED_MAX) {
        return;
    }
    s->nbest += s->nbest < PLAN_NEEDED_MAX;
    memmove(&s->best[at + 1], &s->best[at], (s->nbest - 1 - at) * sizeof s->best[0]);
    s->best[at] = run;
}

/* Things that change how the rest is read, or that we do not follow. */
static bool is_beyond_us(struct span pattern)
{
    /* "(*ACCEPT)" ends a match early; "(?#" comments may hold anything. */
    if (memmem(pattern.ptr, pattern.len, "(*", 2) != NULL ||
        memmem(pattern.ptr, pattern.len, "(?#", 3) != NULL ||
        memmem(pattern.ptr, pattern.len, "\\Q", 2) != NULL) {
        return true;
    }
    for (size_t i = 0; i + 2 < pattern.len; i++) {
        if (pattern.ptr[i] != '(' || pattern.ptr[i + 1] != '?') {
            continue;
        }
        for (size_t k = i + 2; k < pattern.len && strchr("imsxnJU-^", pattern.ptr[k]) != NULL; k++) {
            if (pattern.ptr[k] == 'x' || pattern.ptr[k] == '\0') {
                return true; /* extended mode: blanks and # mean something else */
            }
        }
    }
    return false;
}

/* Behind a [class]; false when it does not end. */
static bool skip_class(struct scan *s)
{
    s->p++;
    if (s->p < s->end && *s->p == '^') {
        s->p++;
    }
    bool first = true;
    for (; s->p < s->end; s->p++, first = false) {
        if (*s->p == '\\') {
            s->p++;
        } else if (*s->p == '[' && s->p + 1 < s->end && strchr(":.=", s->p[1]) != NULL &&
                   s->p[1] != '\0') {
            const char *close = memchr(s->p + 2, ']', (size_t)(s->end - s->p - 2));
            if (close != NULL && close[-1] == s->p[1] && close > s->p + 2) {
                s->p = close;
            }
        } else if (*s->p == ']' && !first) {
            s->p++;
            return true;
        }
    }
    return false;
}

/* Behind a (group). */
static bool skip_group(struct scan *s)
{
    unsigned depth = 0;
    while (s->p < s->end) {
        char c = *s->p;
        if (c == '[') {
            if (!skip_class(s)) {
                return false;
            }
            continue;
        }
        s->p += c == '\\' && s->p + 1 < s->end ? 2 : 1;
        if (c == '(') {
            depth++;
        } else if (c == ')' && --depth == 0) {
            return true;
        }
    }
    return false;
}

/* {n}, {n,}, {n,m} behind s->p; false: no such thing, an ordinary "{". {01} and {,n} are taken as "may be missing". */
static bool read_counts(struct scan *s, struct plan_times *out)
{
    const char *close = memchr(s->p, '}', (size_t)(s->end - s->p));
    if (close == NULL || close == s->p + 1) {
        return false;
    }
    uint32_t n = 0;
    bool comma = false;
    for (const char *q = s->p + 1; q < close; q++) {
        if ((*q < '0' || *q > '9') && *q != ',') {
            return false;
        }
        comma = comma || *q == ',';
        n = comma || n >= PLAN_TIMES_MAX ? n : n * 10 + (uint32_t)(*q - '0');
    }
    bool sure = s->p[1] >= '1' && s->p[1] <= '9';
    *out = (struct plan_times){sure ? (n < PLAN_TIMES_MAX ? n : PLAN_TIMES_MAX) : 0, sure && !comma};
    s->p = close + 1;
    return true;
}

/* Skips a quantifier; *times_out tells how often what it follows must be there. True when there was one. */
static bool skip_quantifier(struct scan *s, struct plan_times *times_out)
{
    *times_out = (struct plan_times){1, true};
    if (s->p == s->end) {
        return false;
    }
    char c = *s->p;
    if (c == '*' || c == '?' || c == '+') {
        *times_out = (struct plan_times){c == '+', false};
        s->p++;
    } else if (c != '{' || !read_counts(s, times_out)) {
        return false;
    }
    if (s->p < s->end && (*s->p == '?' || *s->p == '+')) {
        s->p++;
    }
    return true;
}

static void take_char(struct scan *s, const char *c, size_t n)
{
    struct plan_times times;
    struct plan_class class = {{0}};
    memcpy(s->run + s->run_len, c, n);
    bool repeated = skip_quantifier(s, &times);
    if (times.min > 0) {
        s->run_len += n;
    }
    if (repeated) {
        run_end(s);
    }
    if (n == 1) {
        plan_class_add(&class, (unsigned char)*c, (unsigned char)*c);
        plan_shaping_put(s->shape, &class, times);
    } else {
        plan_shaping_break(s->shape);
    }
}

/* Behind an element that is one byte of a class (of ASCII), or anything at all for NULL. */
static void take_class(struct scan *s, const struct plan_class *class)
{
    struct plan_times times;
    (void)skip_quantifier(s, &times);
    if (class == NULL) {
        plan_shaping_break(s->shape);
    } else {
        plan_shaping_put(s->shape, class, times);
    }
}

/* An escape outside classes; false: give up. */
static bool take_escape(struct scan *s)
{
    if (s->p + 1 >= s->end) {
        return false;
    }
    char c = s->p[1];
    if ((unsigned char)c >= 0x80) {
        return false;
    }
    s->p += 2;
    bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!alnum) {
        take_char(s, &c, 1);
        return true;
    }
    if (strchr("dDwWsSbBAzZhHvVRnrtfea", c) == NULL) {
        return false;
    }
    static const char blanks[][2] = {{'n', '\n'}, {'r', '\r'}, {'t', '\t'}, {'f', '\f'}};
    struct plan_class class = {{0}};
    bool known = plan_class_escape(&class, c);
    for (size_t i = 0; i < ARRAY_LEN(blanks); i++) {
        if (blanks[i][0] == c) {
            plan_class_add(&class, (unsigned char)blanks[i][1], (unsigned char)blanks[i][1]);
            known = true;
        }
    }
    run_end(s);
    take_class(s, known ? &class : NULL);
    return true;
}

/* A [class]; false: give up. */
static bool take_brackets(struct scan *s)
{
    const char *from = s->p + 1;
    struct plan_class class;
    run_end(s);
    if (!skip_class(s)) {
        return false;
    }
    plan_class_read(&class, span_make(from, (size_t)(s->p - 1 - from)));
    take_class(s, &class);
    return true;
}

/* One element of the top level; false: give up. */
static bool take_element(struct scan *s)
{
    struct plan_times times;
    struct plan_class any;
    switch (*s->p) {
    case '|':
        return false;
    case '\\':
        return take_escape(s);
    case '[':
        return take_brackets(s);
    case '(':
        run_end(s);
        if (!skip_group(s)) {
            return false;
        }
        take_class(s, NULL);
        return true;
    case '.':
        memset(&any, 0, sizeof any);
        plan_class_add(&any, 0, 127);
        run_end(s);
        s->p++;
        take_class(s, &any);
        return true;
    case '^':
    case '$':
        run_end(s);
        s->p++;
        take_class(s, NULL);
        return true;
    case '{':
        run_end(s);
        plan_shaping_break(s->shape);
        if (skip_quantifier(s, &times)) {
            return false; /* a quantifier on a quantifier */
        }
        s->p++;
        return true;
    case '*':
    case '+':
    case '?':
    case ')':
        return false;
    default:
        break;
    }
    size_t n;
    const char *at = s->p;
    if (utf8_decode(at, s->end, &n) == UTF8_BAD) {
        return false;
    }
    s->p += n;
    take_char(s, at, n);
    return true;
}

uint32_t plan_regex_needs(struct arena *temp, struct span pattern, struct span out[PLAN_NEEDED_MAX],
                          struct plan_shape *shape_out)
{
    if (pattern.len == 0 || is_beyond_us(pattern)) {
        return 0;
    }
    struct scan s = {
        .p = pattern.ptr,
        .end = pattern.ptr + pattern.len,
        .run = arena_bytes(temp, pattern.len + UTF8_MAX_BYTES),
        .shape = arena_alloc(temp, sizeof *s.shape),
    };
    plan_shaping_init(s.shape);
    while (s.p < s.end) {
        if (!take_element(&s)) {
            return 0;
        }
    }
    run_end(&s);
    plan_shaping_break(s.shape);
    *shape_out = s.shape->shape;
    for (uint32_t i = 0; i < s.nbest; i++) {
        char *folded = arena_bytes(temp, utf8_fold_room(s.best[i].len));
        out[i] = span_make(folded, utf8_fold(s.best[i], folded));
    }
    return s.nbest;
}

uint32_t plan_regex_literals(struct arena *temp, struct span pattern, struct span out[PLAN_NEEDED_MAX])
{
    struct plan_shape unused;
    return plan_regex_needs(temp, pattern, out, &unused);
}
