/* SPDX-License-Identifier: EUPL-1.2 */
/* The strict reader of jcs.h. Must never read past the text, and never go deeper than it was told. */
#include "base/utf8.h"
#include "wire/jcs.h"
#include "wire/jcs_priv.h"

struct reader {
    struct arena *a;
    const char *start;
    const char *at;
    const char *end;
    uint32_t depth_max;
    uint32_t nodes;
    struct err *e;
    bool decimals;
};

static int bad(struct reader *r, int code, const char *what)
{
    (void)err_set(r->e, code, "%s", what);
    if (r->e != NULL) {
        r->e->offset = (uint64_t)(r->at - r->start);
        r->e->has_offset = 1;
    }
    return code;
}

static void skip_blanks(struct reader *r)
{
    while (r->at < r->end &&
           (*r->at == ' ' || *r->at == '\t' || *r->at == '\n' || *r->at == '\r')) {
        r->at++;
    }
}

/* Next byte without taking it, 0 at the end (a zero byte stands nowhere in JSON either). */
static char peek(const struct reader *r)
{
    return r->at < r->end ? *r->at : '\0';
}

static int unexpected(struct reader *r)
{
    return r->at >= r->end ? bad(r, ERR_TRUNCATED, "the document ends too early")
                           : bad(r, ERR_INVALID, "this is no JSON");
}

/* Four hex digits of \u; -1 when they are none. */
static int32_t hex4(const struct reader *r, const char *p)
{
    int32_t v = 0;
    if (r->end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        int digit = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'f' ? c - 'a' + 10
                    : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                           : -1;
        if (digit < 0) {
            return -1;
        }
        v = v * 16 + digit;
    }
    return v;
}

/* Behind "\u": one code point into *out, of two escapes where it is a surrogate pair. */
static int read_unicode(struct reader *r, uint32_t *out)
{
    int32_t cp = hex4(r, r->at);
    if (cp < 0) {
        return unexpected(r);
    }
    r->at += 4;
    if (cp >= 0xd800 && cp < 0xdc00 && r->end - r->at >= 6 && r->at[0] == '\\' && r->at[1] == 'u') {
        int32_t low = hex4(r, r->at + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            r->at += 6;
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
        }
    }
    if (cp >= 0xd800 && cp < 0xe000) {
        return bad(r, ERR_INVALID, "half of a surrogate pair");
    }
    if (cp == 0) {
        return bad(r, ERR_INVALID, "a zero character in a text");
    }
    *out = (uint32_t)cp;
    return 0;
}

static int read_escape(struct reader *r, uint32_t *out)
{
    static const char from[] = "\"\\/bfnrt";
    static const char to[] = "\"\\/\b\f\n\r\t";
    char c = peek(r);
    if (c == 'u') {
        r->at++;
        return read_unicode(r, out);
    }
    const char *hit = c == '\0' ? NULL : strchr(from, c);
    if (hit == NULL) {
        return unexpected(r);
    }
    r->at++;
    *out = (uint32_t)(unsigned char)to[hit - from];
    return 0;
}

/* At the opening quote; the text without escapes, in the arena. */
static int read_string(struct reader *r, struct span *out)
{
    size_t left = (size_t)(r->end - ++r->at);
    size_t raw = 0;
    while (raw < left && r->at[raw] != '"') {
        raw += r->at[raw] == '\\' ? 2 : 1;
    }
    if (raw >= left) {
        r->at = r->end;
        return unexpected(r);
    }
    const char *close = r->at + raw;
    char *text = arena_bytes(r->a, raw + 1); /* unescaping never grows it */
    size_t len = 0;
    while (*r->at != '"') {
        size_t used = 1;
        uint32_t cp = 0;
        if (*r->at == '\\') {
            r->at++;
            int rc = read_escape(r, &cp);
            if (rc != 0) {
                return rc;
            }
        } else {
            int32_t got = utf8_decode(r->at, close, &used);
            if (got < 0x20) {
                return bad(r, ERR_INVALID, got < 0 ? "not UTF-8" : "a raw control character");
            }
            cp = (uint32_t)got;
            r->at += used;
        }
        len += utf8_encode(cp, text + len);
    }
    text[len] = '\0';
    r->at++;
    *out = span_make(text, len);
    return 0;
}

static int read_int(struct reader *r, int64_t *out)
{
    bool minus = peek(r) == '-';
    int64_t v = 0;
    r->at += minus ? 1 : 0;
    const char *digits = r->at;
    while (peek(r) >= '0' && peek(r) <= '9') {
        v = v * 10 + (*r->at - '0');
        if (v > JCS_INT_MAX) {
            return bad(r, ERR_LIMIT, "a number of 2^53 or more");
        }
        r->at++;
    }
    if (r->at == digits) {
        return unexpected(r);
    }
    if ((*digits == '0' && r->at - digits > 1) || (minus && v == 0)) {
        return bad(r, ERR_INVALID, "a number written in two ways");
    }
    if (peek(r) == '.' || peek(r) == 'e' || peek(r) == 'E') {
        return bad(r, ERR_INVALID, "a number that is no whole number");
    }
    *out = minus ? -v : v;
    return 0;
}

/* Digits so far: value = number * 10^(zeros - behind), where zeros are those at the end, not yet taken in. */
struct digits {
    int64_t number;
    uint32_t zeros, behind;
    bool any;
};

/* A run of digits into d; ERR_LIMIT when they do not fit. */
static int read_digits(struct reader *r, struct digits *d, bool behind)
{
    const char *start = r->at;
    for (; peek(r) >= '0' && peek(r) <= '9'; r->at++) {
        int digit = *r->at - '0';
        d->behind += behind ? 1 : 0;
        d->zeros += d->number != 0 || digit != 0 ? 1 : 0;
        if (digit == 0) {
            continue;
        }
        for (; d->zeros > 0; d->zeros--) {
            d->number *= 10;
            if (d->number > JCS_INT_MAX) {
                return bad(r, ERR_LIMIT, "a number with more digits than are kept exactly");
            }
        }
        d->number += digit;
    }
    d->any = r->at > start;
    return d->number > JCS_INT_MAX ? bad(r, ERR_LIMIT, "a number with more digits than are kept exactly") : 0;
}

static int read_exponent(struct reader *r, int64_t *out)
{
    enum { EXPONENT_MAX = 100000 }; /* beyond it digits are only counted over */
    r->at++;
    bool minus = peek(r) == '-';
    r->at += minus || peek(r) == '+' ? 1 : 0;
    const char *start = r->at;
    int64_t v = 0;
    for (; peek(r) >= '0' && peek(r) <= '9'; r->at++) {
        v = v > EXPONENT_MAX ? v : v * 10 + (*r->at - '0');
    }
    *out = minus ? -v : v;
    return r->at > start ? 0 : unexpected(r);
}

/* RFC 8259 §6, exactly: JCS_INT where it is whole, else JCS_DECIMAL. */
static int read_decimal(struct reader *r, struct jcs *v)
{
    struct digits d = {0};
    int64_t exponent = 0;
    bool minus = peek(r) == '-';
    r->at += minus ? 1 : 0;
    bool zero = peek(r) == '0' && r->end - r->at > 1 && r->at[1] >= '0' && r->at[1] <= '9';
    int rc = zero ? bad(r, ERR_INVALID, "a number that begins with 0") : read_digits(r, &d, false);
    if (rc == 0 && !d.any) {
        rc = unexpected(r);
    }
    if (rc == 0 && peek(r) == '.') {
        r->at++;
        rc = read_digits(r, &d, true);
        rc = rc == 0 && !d.any ? unexpected(r) : rc;
    }
    if (rc == 0 && (peek(r) == 'e' || peek(r) == 'E')) {
        rc = read_exponent(r, &exponent);
    }
    if (rc != 0) {
        return rc;
    }
    exponent += (int64_t)d.zeros - (int64_t)d.behind;
    for (; d.number != 0 && exponent > 0; exponent--) {
        d.number *= 10;
        if (d.number > JCS_INT_MAX) {
            return bad(r, ERR_LIMIT, "a number of 2^53 or more");
        }
    }
    if (d.number != 0 && exponent < -JCS_SCALE_MAX) {
        return bad(r, ERR_LIMIT, "a number with more digits than are kept exactly");
    }
    bool whole = d.number == 0 || exponent == 0;
    v->kind = whole ? JCS_INT : JCS_DECIMAL;
    v->number = minus ? -d.number : d.number;
    v->scale = whole ? 0 : (uint8_t)-exponent;
    return 0;
}

static int read_number(struct reader *r, struct jcs *v)
{
    v->kind = JCS_INT;
    return r->decimals ? read_decimal(r, v) : read_int(r, &v->number);
}

static int read_value(struct reader *r, struct jcs *v, uint32_t depth);

static int new_child(struct reader *r, struct jcs *parent, struct jcs **out)
{
    if (++r->nodes > JCS_NODES_MAX) {
        return bad(r, ERR_LIMIT, "too many values");
    }
    *out = arena_alloc(r->a, sizeof **out);
    jcs_link_last(parent, *out);
    return 0;
}

static int read_array(struct reader *r, struct jcs *v, uint32_t depth)
{
    v->kind = JCS_ARRAY;
    r->at++;
    skip_blanks(r);
    if (peek(r) == ']') {
        r->at++;
        return 0;
    }
    for (;;) {
        struct jcs *child = NULL;
        int rc = new_child(r, v, &child);
        rc = rc == 0 ? read_value(r, child, depth + 1) : rc;
        if (rc != 0) {
            return rc;
        }
        char c = peek(r);
        if (c != ',' && c != ']') {
            return unexpected(r);
        }
        r->at++;
        if (c == ']') {
            return 0;
        }
    }
}

static int read_member(struct reader *r, struct jcs *v, uint32_t depth)
{
    struct jcs *child = NULL;
    int rc = new_child(r, v, &child);
    skip_blanks(r);
    if (rc == 0 && peek(r) != '"') {
        rc = unexpected(r);
    }
    rc = rc == 0 ? read_string(r, &child->key) : rc;
    if (rc != 0) {
        return rc;
    }
    skip_blanks(r);
    if (peek(r) != ':') {
        return unexpected(r);
    }
    r->at++;
    return read_value(r, child, depth + 1);
}

static int read_object(struct reader *r, struct jcs *v, uint32_t depth)
{
    v->kind = JCS_OBJECT;
    r->at++;
    skip_blanks(r);
    if (peek(r) == '}') {
        r->at++;
        return 0;
    }
    for (;;) {
        int rc = read_member(r, v, depth);
        if (rc != 0) {
            return rc;
        }
        char c = peek(r);
        if (c != ',' && c != '}') {
            return unexpected(r);
        }
        r->at++;
        if (c == '}') {
            break;
        }
    }
    return jcs_sort_members(v) ? 0 : bad(r, ERR_INVALID, "a key that stands twice");
}

static int read_word(struct reader *r, struct jcs *v)
{
    static const struct {
        struct span text;
        enum jcs_kind kind;
        bool truth;
    } words[] = {
        {SPAN("true"), JCS_BOOL, true}, {SPAN("false"), JCS_BOOL, false}, {SPAN("null"), JCS_NULL, false}};
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (span_starts(span_make(r->at, (size_t)(r->end - r->at)), words[i].text)) {
            v->kind = words[i].kind;
            v->truth = words[i].truth;
            r->at += words[i].text.len;
            return 0;
        }
    }
    return unexpected(r);
}

/* One value with the blanks around it. */
static int read_value(struct reader *r, struct jcs *v, uint32_t depth)
{
    int rc = 0;
    skip_blanks(r);
    char c = peek(r);
    if ((c == '[' || c == '{') && depth >= r->depth_max) {
        return bad(r, ERR_LIMIT, "nested too deeply");
    }
    if (c == '{') {
        rc = read_object(r, v, depth);
    } else if (c == '[') {
        rc = read_array(r, v, depth);
    } else if (c == '"') {
        v->kind = JCS_TEXT;
        rc = read_string(r, &v->text);
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        rc = read_number(r, v);
    } else {
        rc = read_word(r, v);
    }
    skip_blanks(r);
    return rc;
}

static int read_document(struct arena *a, struct span text, uint32_t depth_max, bool decimals, struct jcs **out,
                         struct err *e)
{
    struct reader r = {a, text.ptr, text.ptr, text.ptr, depth_max, 1, e, decimals};
    CHECK(depth_max <= JCS_DEPTH_MAX);
    if (text.len == 0) {
        return bad(&r, ERR_TRUNCATED, "an empty document");
    }
    if (text.len > JCS_BYTES_MAX) {
        return bad(&r, ERR_LIMIT, "too large a document");
    }
    r.end = text.ptr + text.len;
    struct jcs *root = arena_alloc(a, sizeof *root);
    int rc = read_value(&r, root, 0);
    if (rc == 0 && r.at != r.end) {
        rc = bad(&r, ERR_INVALID, "something stands behind the document");
    }
    if (rc == 0) {
        *out = root;
    }
    return rc;
}

int jcs_read(struct arena *a, struct span text, uint32_t depth_max, struct jcs **out,
             struct err *e)
{
    return read_document(a, text, depth_max, false, out, e);
}

int jcs_read_decimals(struct arena *a, struct span text, uint32_t depth_max, struct jcs **out, struct err *e)
{
    return read_document(a, text, depth_max, true, out, e);
}
