/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Growing byte buffer with a hard maximum, and its bounded reader `struct cursor`.
 * All messages between roles and all encoders go through these two. Numbers are little-endian.
 * A put beyond the maximum, or a get beyond the end, sets `failed` and does nothing more: check once at the end.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/span.h"

struct buf {
    char *data;
    size_t len;
    size_t cap;
    size_t max; /* bytes */
    bool failed;
};

void buf_init(struct buf *b, size_t max_bytes);
void buf_free(struct buf *b);
/* Empties it and clears `failed`; keeps the memory. */
void buf_clear(struct buf *b);
/* Room for n more bytes; returns where they go or NULL (failed). Follow with buf_added. */
char *buf_room(struct buf *b, size_t n);
void buf_added(struct buf *b, size_t n);
void buf_put(struct buf *b, const void *p, size_t n);
void buf_span(struct buf *b, struct span s);
void buf_cstr(struct buf *b, const char *s);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
void buf_u8(struct buf *b, uint8_t v);
void buf_u16(struct buf *b, uint16_t v);
void buf_u32(struct buf *b, uint32_t v);
void buf_u64(struct buf *b, uint64_t v);
/* u32 length, then the bytes. */
void buf_str(struct buf *b, struct span s);
/* Removes n bytes from the front. */
void buf_drop(struct buf *b, size_t n);
static inline struct span buf_view(const struct buf *b)
{
    return span_make(b->data, b->len);
}

struct cursor {
    const char *ptr;
    const char *end;
    bool failed;
};

struct cursor cursor_of(struct span s);
uint8_t cursor_u8(struct cursor *c);
uint16_t cursor_u16(struct cursor *c);
uint32_t cursor_u32(struct cursor *c);
uint64_t cursor_u64(struct cursor *c);
/* n bytes in place; empty and failed when fewer are left. */
struct span cursor_take(struct cursor *c, size_t n);
/* What buf_str wrote. */
struct span cursor_str(struct cursor *c);
static inline size_t cursor_left(const struct cursor *c)
{
    return c->failed ? 0 : (size_t)(c->end - c->ptr);
}
/* True when nothing failed and nothing is left over: the end of every message reader. */
bool cursor_done(const struct cursor *c) NODISCARD;

#endif
