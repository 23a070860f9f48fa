/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The stream splitter: see json_read.h. Called by scan, intake and hunter on a growing window of a
 * file or body. It decides only where a value ends; it must find the same values however the stream
 * is cut, and never look at a byte more than a bounded number of times.
 */
#include "wire/json_read.h"

#include <string.h>

#include "base/check.h"
#include "wire/json_index.h"

_Static_assert((int)JSON_SCAN_DEPTH == (int)JSON_DEPTH_MAX,
               "the quick step counts as the slow one");

enum {
    RECORDS_HEAD_MAX = 256, /* bytes looked at for {"Records":[ */
};

enum step {
    STEP_DONE,   /* the value ends at *end */
    STEP_MORE,   /* the window ends first */
    STEP_BROKEN, /* s->broken says why */
};

static const struct span bom = {"\xef\xbb\xbf", 3};

void json_split_init(struct json_split *s, bool unwrap)
{
    memset(s, 0, sizeof *s);
    s->unwrap = unwrap;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void value_reset(struct json_split *s)
{
    s->in_string = s->escaped = s->new_line = false;
    s->broken = 0;
    s->depth = 0;
    s->scanned = 0;
    s->line_at = 0;
}

/* Is the bracket at byte `at`, first of its line, the start of another value rather than a part of
 * this one? */
static bool starts_another(const struct json_split *s, struct span w, size_t at)
{
    if (at - s->line_at > s->indent) {
        return false;
    }
    if (s->in_string) {
        return true; /* a string goes over lines only when its end was lost */
    }
    size_t before = s->line_at;
    while (before > 0 && is_blank(w.ptr[before - 1])) {
        before--;
    }
    char c = before == 0 ? 0 : w.ptr[before - 1];
    return c != ',' && c != ':' && c != '[';
}

/* One byte of a value; true when it ends there or is broken. */
static bool scan_byte(struct json_split *s, struct span w, size_t at)
{
    char c = w.ptr[at];
    if (c == '\n') {
        s->new_line = true;
        s->line_at = at + 1;
        s->escaped = false;
        return false;
    }
    if (s->new_line && c != ' ' && c != '\t') {
        s->new_line = false;
        if (c == '{' && starts_another(s, w, at)) {
            s->broken = ERR_TRUNCATED;
            return true;
        }
    }
    if (s->in_string) {
        s->in_string = c != '"' || s->escaped;
        s->escaped = c == '\\' && !s->escaped;
        return !s->in_string && s->depth == 0;
    }
    /* A backslash outside strings is no JSON; it escapes here too so that both steps count alike.
     */
    bool escaped = s->escaped;
    s->escaped = c == '\\' && !escaped;
    switch (c) {
    case '"':
        s->in_string = !escaped;
        return false;
    case '{':
    case '[':
        if (++s->depth > JSON_DEPTH_MAX) {
            s->broken = ERR_LIMIT;
            return true;
        }
        return false;
    case '}':
    case ']':
        return --s->depth == 0;
    default:
        return false;
    }
}

/* Blocks of one line at once; returns bytes stepped over, *done when the value ends with them. */
static size_t scan_blocks(struct json_split *s, struct span w, bool *done)
{
    struct json_scan k = {s->in_string ? UINT64_MAX : 0, s->escaped, s->depth, false, 0};
    size_t n = json_kernel()->scan(&k, w.ptr + s->scanned, (w.len - s->scanned) / JSON_BLOCK);
    *done = k.done;
    s->in_string = k.in_string != 0;
    s->escaped = k.escaped != 0;
    s->depth = k.depth;
    return k.done ? k.end : n;
}

/* Goes on through the object, list or string at the window start. */
static enum step scan_value(struct json_split *s, struct span w, size_t *end)
{
    while (s->scanned < w.len) {
        bool done = false;
        if (s->depth > 0 && !s->new_line) {
            s->scanned += scan_blocks(s, w, &done);
        }
        /* Behind the first bracket, and behind a block that was too much for the quick step, try
         * that again. */
        size_t step = s->depth == 0 ? 1 : JSON_BLOCK;
        size_t stop = w.len - s->scanned < step ? w.len : s->scanned + step;
        while (!done && s->scanned < stop) {
            done = scan_byte(s, w, s->scanned++);
        }
        if (s->broken != 0) {
            return STEP_BROKEN;
        }
        if (done) {
            *end = s->scanned;
            return STEP_DONE;
        }
    }
    return STEP_MORE;
}

/* A number or word: up to the next byte that cannot be part of one. */
static enum step scan_word(const struct json_split *s, struct span w, bool final, size_t *end)
{
    size_t n = s->scanned;
    while (n < w.len && !is_blank(w.ptr[n]) && strchr(",:{}[]\"", w.ptr[n]) == NULL) {
        n++;
    }
    *end = n;
    return n < w.len || final ? STEP_DONE : STEP_MORE;
}

/* At a byte outside of values: takes what may stand between them. False when a value, or something
 * wrong, starts here. */
static bool take_between(struct json_split *s, char c)
{
    switch (c) {
    case '\n':
        s->blanks = 0;
        return true;
    case ' ':
    case '\t':
        s->blanks++;
        return true;
    case '\r':
    case '\x1e': /* RFC 7464: in front of each value */
        return true;
    case ',':
        s->blanks = 0;
        return s->in_array != 0;
    case ']':
        if (s->in_array == 0) {
            return false;
        }
        s->in_array = s->in_array == 1 ? 0 : 3;
        s->depth = s->in_array == 3 ? 1 : 0;
        return true;
    default:
        return false;
    }
}

/* Behind Records: passes over the rest of the outer object; true while bytes belong to it. */
static bool take_outer(struct json_split *s, char c)
{
    if (s->new_line && c == '{' && !s->in_string) {
        s->in_array = 0; /* the outer object was never closed */
        value_reset(s);
        return false;
    }
    s->new_line = c == '\n' || (s->new_line && is_blank(c));
    if (s->in_string) {
        s->in_string = c != '"' || s->escaped;
        s->escaped = c == '\\' && !s->escaped;
        return true;
    }
    s->in_string = c == '"';
    s->depth += c == '{' || c == '[' ? 1 : 0;
    s->depth -= c == '}' || c == ']' ? 1 : 0;
    if (s->depth == 0) {
        s->in_array = 0;
        value_reset(s);
    }
    return true;
}

/* In a bad stretch already given: true while no line starts a value. */
static bool take_skipped(struct json_split *s, char c)
{
    if (s->new_line && (c == '{' || c == '[') && s->blanks <= s->indent) {
        s->skipping = s->new_line = false;
        return false;
    }
    bool blank = s->new_line && (c == ' ' || c == '\t');
    s->blanks = blank ? s->blanks + 1 : 0;
    s->new_line = c == '\n' || blank;
    return true;
}

/* Bytes in front of the next value. */
static size_t take_lead(struct json_split *s, struct span w)
{
    size_t at = 0;
    if (s->offset == 0 && span_starts(w, bom)) {
        at = bom.len;
    }
    for (; at < w.len; at++) {
        char c = w.ptr[at];
        bool taken = s->skipping ? take_skipped(s, c) : s->in_array == 3 && take_outer(s, c);
        if (!taken && (s->skipping || s->in_array == 3 || !take_between(s, c))) {
            break;
        }
    }
    return at;
}

static bool starts_word(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == 't' || c == 'f' || c == 'n';
}

/* {"Records":[{ or {"Records":[] at the window start: bytes up to and with the list's bracket, or
 * 0. *more: cannot tell. */
static size_t records_head(struct span w, bool final, bool *more)
{
    static const char *const tokens[] = {"{", "\"Records\"", ":", "["};
    size_t at = 0;
    size_t head = 0;
    *more = false;
    for (size_t i = 0; i <= ARRAY_LEN(tokens); i++) {
        while (at < w.len && is_blank(w.ptr[at])) {
            at++;
        }
        if (i == ARRAY_LEN(tokens)) {
            break;
        }
        size_t len = strlen(tokens[i]);
        size_t have = w.len - at < len ? w.len - at : len;
        if (have > 0 && memcmp(w.ptr + at, tokens[i], have) != 0) {
            return 0;
        }
        if (have < len) {
            *more = !final;
            return 0;
        }
        at += len;
        head = at;
    }
    if (at == w.len) {
        *more = !final;
        return 0;
    }
    return w.ptr[at] == '{' || w.ptr[at] == ']' ? head : 0;
}

/* First line from byte `from` on that starts a value no further in than the broken one did; its
 * bracket's line start. */
static bool find_restart(struct json_split *s, struct span w, size_t *at_out)
{
    while (s->line_at < w.len) {
        const char *nl = memchr(w.ptr + s->line_at, '\n', w.len - s->line_at);
        if (nl == NULL) {
            return false;
        }
        size_t line = (size_t)(nl - w.ptr) + 1;
        size_t at = line;
        while (at < w.len && (w.ptr[at] == ' ' || w.ptr[at] == '\t')) {
            at++;
        }
        if (at == w.len) {
            return false; /* looked at again when there is more */
        }
        s->line_at = line;
        if ((w.ptr[at] == '{' || w.ptr[at] == '[') && at - line <= s->indent) {
            *at_out = line;
            return true;
        }
    }
    return false;
}

/* The value at the window start, from wherever the last look stopped. */
static enum step scan(struct json_split *s, struct span w, bool final, size_t *end)
{
    enum step step = STEP_BROKEN;
    char c = w.ptr[0];
    if (s->broken != 0) {
        return STEP_BROKEN;
    }
    if (c == '{' || c == '[' || c == '"') {
        step = scan_value(s, w, end);
    } else if (starts_word(c)) {
        step = scan_word(s, w, final, end);
    } else {
        s->broken = ERR_INVALID;
    }
    if (step == STEP_MORE && w.len == JSON_RECORD_MAX) {
        s->broken = ERR_LIMIT;
        step = STEP_BROKEN;
    } else if (step == STEP_MORE && final) {
        s->broken = ERR_TRUNCATED;
        step = STEP_BROKEN;
    }
    if (step == STEP_BROKEN) {
        s->line_at = 0;
    }
    return step;
}

static void tell_broken(const struct json_split *s, struct err *e)
{
    const char *why = s->broken == ERR_LIMIT       ? "a value too long or too deep"
                      : s->broken == ERR_TRUNCATED ? "a value without end"
                                                   : "no value";
    (void)err_set(e, s->broken, "JSON: %s at byte %llu", why, (unsigned long long)s->offset);
    if (e != NULL) {
        e->offset = s->offset;
        e->has_offset = 1;
    }
}

/* Length of the bad stretch at the window start, or 0 when more input is needed to know. */
static size_t bad_stretch(struct json_split *s, struct span w, bool final)
{
    size_t at;
    if (find_restart(s, w, &at)) {
        return at;
    }
    if (w.len == JSON_RECORD_MAX) {
        s->skipping = true;
        return w.len;
    }
    return final ? w.len : 0;
}

static void consume(struct json_split *s, size_t n, size_t *used_out)
{
    s->offset += n;
    *used_out += n;
}

/* Opens a list of records at the window start; bytes taken, 0 when there is none. */
static size_t open_list(struct json_split *s, struct span w, bool final, bool *more)
{
    *more = false;
    if (!s->unwrap || s->in_array != 0 || s->scanned > 0 || s->broken != 0) {
        return 0;
    }
    if (w.ptr[0] == '[') {
        s->in_array = 1;
        return 1;
    }
    struct span head = span_sub(w, 0, RECORDS_HEAD_MAX);
    size_t n = records_head(head, final || w.len > head.len, more);
    s->in_array = n > 0 ? 2 : 0;
    return n;
}

enum json_split_result json_split_next(struct json_split *s, struct span window, bool final,
                                       size_t *used_out, struct span *record_out, struct err *e)
{
    struct span w = window;
    size_t end = 0;
    *used_out = 0;
    *record_out = span_make(window.ptr, 0);
    if (s->offset == 0 && !final && window.len < bom.len && span_starts(bom, window)) {
        return JSON_SPLIT_MORE;
    }
    for (size_t list = 1; list > 0;) {
        if (s->scanned == 0 && s->broken == 0) {
            consume(s, take_lead(s, w), used_out);
        }
        w = span_sub(window, *used_out, window.len);
        if (w.len == 0) {
            return final ? JSON_SPLIT_END : JSON_SPLIT_MORE;
        }
        bool more;
        list = open_list(s, w, final, &more);
        if (more) {
            return JSON_SPLIT_MORE;
        }
        consume(s, list, used_out);
        w = span_sub(window, *used_out, window.len);
    }
    if (s->scanned == 0 && s->broken == 0) {
        s->indent = s->blanks;
    }
    final = final && w.len <= JSON_RECORD_MAX;
    w = span_sub(w, 0, JSON_RECORD_MAX);
    enum json_split_result result = JSON_SPLIT_RECORD;
    switch (scan(s, w, final, &end)) {
    case STEP_DONE:
        break;
    case STEP_MORE:
        return JSON_SPLIT_MORE;
    case STEP_BROKEN:
        result = JSON_SPLIT_BAD;
        end = bad_stretch(s, w, final);
        if (end == 0) {
            return JSON_SPLIT_MORE;
        }
        tell_broken(s, e);
        break;
    }
    *record_out = span_trim(span_sub(w, 0, end));
    consume(s, end, used_out);
    s->blanks = 0;
    value_reset(s);
    return result;
}
