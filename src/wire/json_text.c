/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * JSON strings as people mean them: escapes undone (RFC 8259 §7), names joined with dots. Runs
 * wherever a predicate or a page asks for a value's text. An escape that is none stays as written:
 * dropping it would hide bytes from rules.
 */
#include "wire/json_read.h"

#include <string.h>

#include "base/utf8.h"
#include "wire/json_priv.h"

enum { REPLACEMENT = 0xfffd };

/* Value of four hex digits at p, or -1. */
static int32_t hex4(const char *p, const char *end)
{
    int32_t value = 0;
    if (end - p < 4) {
        return -1;
    }
    for (int i = 0; i < 4; i++) {
        char c = p[i];
        char low = (char)(c | 0x20);
        if (c >= '0' && c <= '9') {
            value = value << 4 | (c - '0');
        } else if (low >= 'a' && low <= 'f') {
            value = value << 4 | (low - 'a' + 10);
        } else {
            return -1;
        }
    }
    return value;
}

/* \uXXXX at p (the backslash), perhaps a pair of them. Returns bytes read, 0 when it is none;
 * *cp_out, *odd set. */
static size_t unicode_escape(const char *p, const char *end, uint32_t *cp_out, bool *odd)
{
    int32_t unit = hex4(p + 2, end);
    if (unit < 0) {
        return 0;
    }
    *cp_out = (uint32_t)unit;
    if (unit < 0xd800 || unit > 0xdfff) {
        return 6;
    }
    if (unit <= 0xdbff && end - p >= 12 && p[6] == '\\' && p[7] == 'u') {
        int32_t low = hex4(p + 8, end);
        if (low >= 0xdc00 && low <= 0xdfff) {
            *cp_out = 0x10000 + (((uint32_t)unit & 0x3ff) << 10 | ((uint32_t)low & 0x3ff));
            return 12;
        }
    }
    *cp_out = REPLACEMENT;
    *odd = true;
    return 6;
}

/* What a one-letter escape stands for, or 0. */
static char short_escape(char c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

size_t json_unescape(struct span raw, char *out, bool *odd_out)
{
    const char *p = raw.ptr;
    const char *end = p + raw.len;
    size_t n = 0;
    bool odd = false;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        size_t plain = (size_t)((slash == NULL ? end : slash) - p);
        memcpy(out + n, p, plain);
        n += plain;
        p += plain;
        if (p == end) {
            break;
        }
        char one = end - p >= 2 ? short_escape(p[1]) : 0;
        uint32_t cp = 0;
        size_t used = 0;
        if (one != 0) {
            out[n++] = one;
            p += 2;
            continue;
        }
        if (end - p >= 2 && p[1] == 'u') {
            used = unicode_escape(p, end, &cp, &odd);
        }
        if (used == 0) {
            /* No escape at all: the backslash stands for itself. */
            out[n++] = *p++;
            continue;
        }
        n += utf8_encode(cp, out + n);
        p += used;
    }
    if (odd_out != NULL) {
        *odd_out = odd;
    }
    return n;
}

void json_names_push(struct json_names *n, struct span key, bool escaped)
{
    if (n->len > 0) {
        n->text[n->len++] = '.';
    }
    if (escaped) {
        n->len += json_unescape(key, n->text + n->len, NULL);
    } else if (key.len > 0) {
        memcpy(n->text + n->len, key.ptr, key.len);
        n->len += key.len;
    }
}

void json_names_visit(const struct json_names *n, const struct leaf *leaf)
{
    n->visit(n->ctx, span_make(n->text, n->len), leaf);
}
