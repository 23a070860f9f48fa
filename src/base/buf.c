/* SPDX-License-Identifier: EUPL-1.2 */
/* Bounded writer and reader of bytes: see buf.h. */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

void buf_init(struct buf *b, size_t max_bytes)
{
    memset(b, 0, sizeof *b);
    b->max = max_bytes;
}

void buf_free(struct buf *b)
{
    mem_free(b->data);
    size_t max = b->max;
    buf_init(b, max);
}

void buf_clear(struct buf *b)
{
    b->len = 0;
    b->failed = false;
}

char *buf_room(struct buf *b, size_t n)
{
    if (b->failed || n > b->max - b->len) {
        b->failed = true;
        return NULL;
    }
    if (b->len + n > b->cap || b->data == NULL) {
        size_t cap = b->cap == 0 ? 256 : b->cap;
        while (cap < b->len + n) {
            cap = cap > b->max / 2 ? b->max : cap * 2;
        }
        b->data = mem_realloc(b->data, cap);
        b->cap = cap;
    }
    return b->data + b->len;
}

void buf_added(struct buf *b, size_t n)
{
    CHECK(n <= b->cap - b->len);
    b->len += n;
}

void buf_put(struct buf *b, const void *p, size_t n)
{
    char *to = buf_room(b, n);
    if (to != NULL && n > 0) {
        memcpy(to, p, n);
        b->len += n;
    }
}

void buf_span(struct buf *b, struct span s)
{
    buf_put(b, s.ptr, s.len);
}

void buf_cstr(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    CHECK(n >= 0);
    char *to = buf_room(b, (size_t)n + 1);
    if (to == NULL) {
        return;
    }
    va_start(ap, fmt);
    (void)vsnprintf(to, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

static void buf_le(struct buf *b, uint64_t v, size_t n)
{
    unsigned char le[8];
    for (size_t i = 0; i < n; i++) {
        le[i] = (unsigned char)(v >> (8 * i));
    }
    buf_put(b, le, n);
}

void buf_u8(struct buf *b, uint8_t v)
{
    buf_le(b, v, 1);
}

void buf_u16(struct buf *b, uint16_t v)
{
    buf_le(b, v, 2);
}

void buf_u32(struct buf *b, uint32_t v)
{
    buf_le(b, v, 4);
}

void buf_u64(struct buf *b, uint64_t v)
{
    buf_le(b, v, 8);
}

void buf_str(struct buf *b, struct span s)
{
    if (s.len > UINT32_MAX) {
        b->failed = true;
        return;
    }
    buf_u32(b, (uint32_t)s.len);
    buf_span(b, s);
}

void buf_drop(struct buf *b, size_t n)
{
    CHECK(n <= b->len);
    if (n < b->len && n > 0) {
        memmove(b->data, b->data + n, b->len - n);
    }
    b->len -= n;
}

struct cursor cursor_of(struct span s)
{
    /* An empty span may have no pointer at all, to which nothing may be added. */
    return (struct cursor){s.ptr, s.len == 0 ? s.ptr : s.ptr + s.len, false};
}

struct span cursor_take(struct cursor *c, size_t n)
{
    if (c->failed || n > (size_t)(c->end - c->ptr)) {
        c->failed = true;
        return span_make("", 0);
    }
    struct span s = span_make(c->ptr, n);
    c->ptr = n == 0 ? c->ptr : c->ptr + n;
    return s;
}

static uint64_t cursor_le(struct cursor *c, size_t n)
{
    struct span s = cursor_take(c, n);
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        v |= (uint64_t)(unsigned char)s.ptr[i] << (8 * i);
    }
    return v;
}

uint8_t cursor_u8(struct cursor *c)
{
    return (uint8_t)cursor_le(c, 1);
}

uint16_t cursor_u16(struct cursor *c)
{
    return (uint16_t)cursor_le(c, 2);
}

uint32_t cursor_u32(struct cursor *c)
{
    return (uint32_t)cursor_le(c, 4);
}

uint64_t cursor_u64(struct cursor *c)
{
    return cursor_le(c, 8);
}

struct span cursor_str(struct cursor *c)
{
    uint32_t n = cursor_u32(c);
    return cursor_take(c, n);
}

bool cursor_done(const struct cursor *c)
{
    return !c->failed && c->ptr == c->end;
}
