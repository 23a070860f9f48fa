/* SPDX-License-Identifier: EUPL-1.2 */
/* UTF-8 decoding and case folding: see utf8.h. On the event path; allocates nothing. */
#include "base/utf8.h"

#include "base/check.h"

struct fold_row {
    uint32_t first;
    uint32_t last;
    int32_t step;
    int32_t delta;
};

static const struct fold_row fold_rows[] = {
#include "base/casefold.inc"
};

static inline bool is_cont(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

int32_t utf8_decode(const char *p, const char *end, size_t *len_out)
{
    const unsigned char *s = (const unsigned char *)p;
    size_t left = (size_t)(end - p);
    *len_out = 1;
    if (s[0] < 0x80) {
        return s[0];
    }
    if (s[0] >= 0xC2 && s[0] <= 0xDF && left >= 2 && is_cont(s[1])) {
        *len_out = 2;
        return (s[0] & 0x1F) << 6 | (s[1] & 0x3F);
    }
    if ((s[0] & 0xF0) == 0xE0 && left >= 3 && is_cont(s[1]) && is_cont(s[2])) {
        int32_t cp = (s[0] & 0x0F) << 12 | (s[1] & 0x3F) << 6 | (s[2] & 0x3F);
        if (cp < 0x800 || (cp >= 0xD800 && cp <= 0xDFFF)) {
            return UTF8_BAD;
        }
        *len_out = 3;
        return cp;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4 && left >= 4 && is_cont(s[1]) && is_cont(s[2]) &&
        is_cont(s[3])) {
        int32_t cp = (s[0] & 0x07) << 18 | (s[1] & 0x3F) << 12 | (s[2] & 0x3F) << 6 | (s[3] & 0x3F);
        if (cp < 0x10000 || cp > 0x10FFFF) {
            return UTF8_BAD;
        }
        *len_out = 4;
        return cp;
    }
    return UTF8_BAD;
}

size_t utf8_encode(uint32_t cp, char out[UTF8_MAX_BYTES])
{
    CHECK(cp <= 0x10FFFF);
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xC0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3F));
        return 2;
    }
    if (cp < 0x10000) {
        out[0] = (char)(0xE0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3F));
        out[2] = (char)(0x80 | (cp & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3F));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3F));
    out[3] = (char)(0x80 | (cp & 0x3F));
    return 4;
}

bool utf8_is_ascii(struct span s)
{
    size_t i = 0;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t w;
        memcpy(&w, s.ptr + i, sizeof w);
        if ((w & 0x8080808080808080u) != 0) {
            return false;
        }
    }
    for (; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] >= 0x80) {
            return false;
        }
    }
    return true;
}

bool utf8_valid(struct span s)
{
    if (s.len == 0) {
        return true; /* which may lie nowhere */
    }
    const char *p = s.ptr;
    const char *end = s.ptr + s.len;
    while (p < end) {
        size_t n;
        uint64_t w;
        if ((size_t)(end - p) >= sizeof w) {
            memcpy(&w, p, sizeof w);
            if ((w & 0x8080808080808080u) == 0) {
                p += sizeof w;
                continue;
            }
        }
        if (utf8_decode(p, end, &n) == UTF8_BAD) {
            return false;
        }
        p += n;
    }
    return true;
}

uint32_t utf8_fold_cp(uint32_t cp)
{
    if (cp < 0x80) {
        return cp >= 'A' && cp <= 'Z' ? cp + 32 : cp;
    }
    size_t lo = 0;
    size_t hi = ARRAY_LEN(fold_rows);
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        const struct fold_row *r = &fold_rows[mid];
        if (cp < r->first) {
            hi = mid;
        } else if (cp > r->last) {
            lo = mid + 1;
        } else if ((cp - r->first) % (uint32_t)r->step == 0) {
            return (uint32_t)((int32_t)cp + r->delta);
        } else {
            return cp;
        }
    }
    return cp;
}

/* 16 bytes at once by the compiler's portable vectors: SSE2 or NEON, no run-time choice needed. */
typedef unsigned char bytes16 __attribute__((vector_size(16)));
typedef uint64_t words2 __attribute__((vector_size(16)));

/* Lower-cases a run of ASCII; returns how many bytes were ASCII. */
static size_t fold_ascii_run(struct span s, char *out)
{
    size_t i = 0;
    for (; i + 16 <= s.len; i += 16) {
        bytes16 v;
        memcpy(&v, s.ptr + i, sizeof v);
        words2 w = (words2)v;
        if (((w[0] | w[1]) & UINT64_C(0x8080808080808080)) != 0) {
            break;
        }
        bytes16 upper = (bytes16)((v >= 'A') & (v <= 'Z'));
        v |= upper & 0x20;
        memcpy(out + i, &v, sizeof v);
    }
    if (i < s.len && s.len - i < 16 && i > 0) {
        bytes16 v; /* the last 16 bytes: those that are done already stay as they are */
        memcpy(&v, s.ptr + s.len - 16, sizeof v);
        words2 w = (words2)v;
        if (((w[0] | w[1]) & UINT64_C(0x8080808080808080)) == 0) {
            v |= (bytes16)((v >= 'A') & (v <= 'Z')) & 0x20;
            memcpy(out + s.len - 16, &v, sizeof v);
            return s.len;
        }
    }
    for (; i < s.len && (unsigned char)s.ptr[i] < 0x80; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    return i;
}

size_t utf8_fold(struct span s, char *out)
{
    if (s.len == 0) {
        return 0; /* the pointer may be NULL */
    }
    const char *p = s.ptr;
    const char *end = s.ptr + s.len;
    char *o = out;
    while (p < end) {
        size_t n = fold_ascii_run(span_make(p, (size_t)(end - p)), o);
        p += n;
        o += n;
        if (p == end) {
            break;
        }
        int32_t cp = utf8_decode(p, end, &n);
        if (cp == UTF8_BAD) {
            *o++ = *p++;
            continue;
        }
        o += utf8_encode(utf8_fold_cp((uint32_t)cp), o);
        p += n;
    }
    return (size_t)(o - out);
}
