/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Literals that every match of a regular expression contains, so that a rule with only a regex needs not be tried on
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

/* Skips a quantifier; *min_out tells whether what it follows must be there at all. True when there was one. */
static bool skip_quantifier(struct scan *s, bool *needed_out)
{
    *needed_out = true;
    if (s->p == s->end) {
        return false;
    }
    char c = *s->p;
    if (c == '*' || c == '?' || c == '+') {
        *needed_out = c == '+';
        s->p++;
    } else if (c == '{') {
        const char *close = memchr(s->p, '}', (size_t)(s->end - s->p));
        if (close == NULL) {
            return false;
        }
        bool form = close > s->p + 1;
        for (const char *q = s->p + 1; q < close; q++) {
            form = form && ((*q >= '0' && *q <= '9') || *q == ',');
        }
        if (!form) {
            return false;
        }
        /* {1…}: {01} or {,n} are taken as "may be missing", which only weakens. */
        *needed_out = s->p[1] >= '1' && s->p[1] <= '9';
        s->p = close + 1;
    } else {
        return false;
    }
    if (s->p < s->end && (*s->p == '?' || *s->p == '+')) {
        s->p++;
    }
    return true;
}

static void take_char(struct scan *s, const char *c, size_t n)
{
    bool needed;
    memcpy(s->run + s->run_len, c, n);
    bool repeated = skip_quantifier(s, &needed);
    if (needed) {
        s->run_len += n;
    }
    if (repeated) {
        run_end(s);
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
    run_end(s);
    bool needed;
    (void)skip_quantifier(s, &needed);
    return true;
}

/* One element of the top level; false: give up. */
static bool take_element(struct scan *s)
{
    bool needed;
    switch (*s->p) {
    case '|':
        return false;
    case '\\':
        return take_escape(s);
    case '[':
    case '(':
        run_end(s);
        if (*s->p == '[' ? !skip_class(s) : !skip_group(s)) {
            return false;
        }
        (void)skip_quantifier(s, &needed);
        return true;
    case '.':
    case '^':
    case '$':
        run_end(s);
        s->p++;
        (void)skip_quantifier(s, &needed);
        return true;
    case '{':
        run_end(s);
        if (skip_quantifier(s, &needed)) {
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

uint32_t plan_regex_literals(struct arena *temp, struct span pattern, struct span out[PLAN_NEEDED_MAX])
{
    if (pattern.len == 0 || is_beyond_us(pattern)) {
        return 0;
    }
    struct scan s = {
        .p = pattern.ptr,
        .end = pattern.ptr + pattern.len,
        .run = arena_bytes(temp, pattern.len + UTF8_MAX_BYTES),
    };
    while (s.p < s.end) {
        if (!take_element(&s)) {
            return 0;
        }
    }
    run_end(&s);
    for (uint32_t i = 0; i < s.nbest; i++) {
        char *folded = arena_bytes(temp, utf8_fold_room(s.best[i].len));
        out[i] = span_make(folded, utf8_fold(s.best[i], folded));
    }
    return s.nbest;
}
