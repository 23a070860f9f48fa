/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to archive/: numbers of one to ten bytes (LEB128), and differences of them. */
#ifndef ARCHIVE_VARINT_H
#define ARCHIVE_VARINT_H

#include "base/buf.h"

enum { VARINT_MAX_BYTES = 10 };

static inline void put_varint(struct buf *b, uint64_t v)
{
    char *to = buf_room(b, VARINT_MAX_BYTES);
    size_t n = 0;
    if (to == NULL) {
        return;
    }
    for (; v >= 0x80; v >>= 7) {
        to[n++] = (char)(unsigned char)(v | 0x80);
    }
    to[n++] = (char)(unsigned char)v;
    buf_added(b, n);
}

static inline uint64_t take_varint(struct cursor *c)
{
    uint64_t v = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        uint8_t byte = cursor_u8(c);
        v |= (uint64_t)(byte & 0x7f) << shift;
        if ((byte & 0x80) == 0) {
            return v;
        }
    }
    c->failed = true;
    return 0;
}

/* Differences wrap around on purpose: any two numbers have one. */
static inline void put_delta(struct buf *b, uint64_t now, uint64_t before)
{
    uint64_t d = now - before;
    put_varint(b, (d << 1) ^ (d >> 63 ? UINT64_MAX : 0));
}

static inline uint64_t take_delta(struct cursor *c, uint64_t before)
{
    uint64_t v = take_varint(c);
    return before + ((v >> 1) ^ (v & 1 ? UINT64_MAX : 0));
}

#endif
