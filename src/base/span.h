/* SPDX-License-Identifier: EUPL-1.2 */
/* Pointer and length, passed by value. Never owns; never assumes a terminating zero. */
#ifndef BASE_SPAN_H
#define BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

#define SPAN(lit) ((struct span){"" lit, sizeof(lit) - 1})
#define SPAN_ARG(s) (int)((s).len > 0x7fffffff ? 0x7fffffff : (s).len), (s).ptr

static inline struct span span_make(const char *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline struct span span_of(const char *cstr)
{
    return (struct span){cstr, cstr == NULL ? 0 : strlen(cstr)};
}

static inline bool span_eq(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline char ascii_lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c + 32 : c);
}

/* ASCII letters without regard to case; other bytes as they are. */
static inline bool span_eq_nocase(struct span a, struct span b)
{
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a span without text has no length */
        if (ascii_lower(a.ptr[i]) != ascii_lower(b.ptr[i])) {
            return false;
        }
    }
    return true;
}

static inline bool span_starts(struct span s, struct span prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool span_ends(struct span s, struct span suffix)
{
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.ptr + s.len - suffix.len, suffix.ptr, suffix.len) == 0);
}

/* Offset of the first byte c, or -1. */
static inline ptrdiff_t span_find(struct span s, char c)
{
    const char *p = s.len == 0 ? NULL : memchr(s.ptr, c, s.len);
    return p == NULL ? -1 : p - s.ptr;
}

/* Part from offset `from` (clipped) of at most `len` bytes. */
static inline struct span span_sub(struct span s, size_t from, size_t len)
{
    if (from > s.len) {
        from = s.len;
    }
    /* An empty span may have no pointer at all, to which nothing may be added. */
    return span_make(s.len == 0 ? s.ptr : s.ptr + from, len < s.len - from ? len : s.len - from);
}

/* Without ASCII blanks (space, tab, CR, LF) at both ends. */
static inline struct span span_trim(struct span s)
{
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[0]) != NULL && s.ptr[0] != '\0') {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && strchr(" \t\r\n", s.ptr[s.len - 1]) != NULL && s.ptr[s.len - 1] != '\0') {
        s.len--;
    }
    return s;
}

#endif
