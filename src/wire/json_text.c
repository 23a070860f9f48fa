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

#if defined(__x86_64__)
#include <immintrin.h>
#define AVX512_FN __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi2,bmi,bmi2,popcnt")))
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif

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

/* ---- unescaped and folded ---- */

typedef unsigned char bytes16 __attribute__((vector_size(16)));

/* Folds 16 bytes of ASCII; returns a bit for each that is a backslash or none of ASCII. */
static inline unsigned fold16(const char *p, char *out)
{
    bytes16 v;
    memcpy(&v, p, sizeof v);
    bytes16 stop = (bytes16)((v == '\\') | (v >= 0x80));
    v |= (bytes16)((v >= 'A') & (v <= 'Z')) & 0x20;
    memcpy(out, &v, sizeof v);
#if defined(__SSE2__)
    return (unsigned)_mm_movemask_epi8((__m128i)stop);
#else
    unsigned bits = 0;
    for (unsigned i = 0; i < 16; i++) {
        bits |= (unsigned)(stop[i] & 1) << i;
    }
    return bits;
#endif
}

/* One escape at p: bytes read, *c_out what it stands for, folded; 0 when that is no ASCII. */
static size_t ascii_escape(const char *p, const char *end, char *c_out)
{
    char one = end - p >= 2 ? short_escape(p[1]) : 0;
    uint32_t cp = '\\';
    size_t used = 0;
    bool odd = false;
    if (one != 0) {
        *c_out = one;
        return 2;
    }
    if (end - p >= 2 && p[1] == 'u') {
        used = unicode_escape(p, end, &cp, &odd);
    }
    *c_out = ascii_lower((char)(cp & 0x7f));
    return cp >= 0x80 ? 0 : used == 0 ? 1 : used;
}

bool json_unescape_folded_by_16(struct span raw, char *out, size_t *len_out)
{
    char rest[32] = {0}; /* the last bytes, with others behind them to read */
    const char *p = raw.ptr;
    const char *end = p + raw.len;
    char *o = out;
    bool in_rest = false;
    while (p < end) {
        size_t left = (size_t)(end - p);
        if (left < 16 && !in_rest) {
            memcpy(rest, p, left);
            p = rest;
            end = rest + left;
            in_rest = true;
        }
        unsigned stops = fold16(p, o) | (left < 16 ? 1u << left : 0);
        unsigned n = stops == 0 ? 16 : (unsigned)__builtin_ctz(stops);
        p += n;
        o += n;
        if (stops == 0 || p == end) {
            continue;
        }
        size_t used = *p == '\\' ? ascii_escape(p, end, o) : 0;
        if (used == 0) {
            return false;
        }
        p += used;
        o++;
    }
    *len_out = (size_t)(o - out);
    return true;
}

#if defined(__x86_64__)
/* Backslashes that escape what follows; the first byte is escaped by none. See block_escaped in json_index_block.inc. */
static inline uint64_t escaping_of(uint64_t slash)
{
    const uint64_t odd = 0xaaaaaaaaaaaaaaaau;
    uint64_t starts = slash & ~(slash << 1);
    uint64_t odd_runs = slash & ~(slash + (starts & odd));
    return (odd_runs & odd) | (slash & ~odd_runs & ~odd);
}

/*
 * Up to 64 bytes from p on, up to an escape that stands for something else than the byte behind the backslash, or a byte that
 * is no ASCII. Reads and writes nothing behind end. Returns how many were read.
 */
AVX512_FN static size_t unescape_64(const char *p, const char *end, char **o_io)
{
    size_t left = end - p < 64 ? (size_t)(end - p) : 64;
    uint64_t all = UINT64_MAX >> (64 - left);
    __m512i v = _mm512_maskz_loadu_epi8(all, p);
    uint64_t slash = _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
    uint64_t escaping = slash == 0 ? 0 : escaping_of(slash);
    uint64_t as_is = slash | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) | _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('/'));
    uint64_t stop = _mm512_movepi8_mask(v) | (escaping & ~(as_is >> 1));
    size_t n = stop == 0 ? left : (size_t)__builtin_ctzll(stop);
    uint64_t keep = n == 0 ? 0 : ~escaping & UINT64_MAX >> (64 - n);
    __mmask64 upper = _mm512_cmplt_epu8_mask(_mm512_sub_epi8(v, _mm512_set1_epi8('A')), _mm512_set1_epi8(26));
    v = _mm512_or_si512(v, _mm512_maskz_mov_epi8(upper, _mm512_set1_epi8(0x20)));
    size_t kept = (size_t)__builtin_popcountll(keep);
    if (kept > 0) {
        _mm512_mask_storeu_epi8(*o_io, UINT64_MAX >> (64 - kept), _mm512_maskz_compress_epi8(keep, v));
    }
    *o_io += kept;
    return n;
}

static bool unescape_folded_by_64(struct span raw, char *out, size_t *len_out)
{
    const char *p = raw.ptr;
    const char *end = p + raw.len;
    char *o = out;
    while (p < end) {
        size_t n = unescape_64(p, end, &o);
        p += n;
        if (n >= 63 || p == end) {
            continue; /* of 63 bytes the last one may be half of an escape */
        }
        size_t used = *p == '\\' ? ascii_escape(p, end, o) : 0;
        if (used == 0) {
            return false;
        }
        p += used;
        o++;
    }
    *len_out = (size_t)(o - out);
    return true;
}
#endif

bool json_unescape_folded(struct span raw, char *out, size_t *len_out)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2")) {
        return unescape_folded_by_64(raw, out, len_out);
    }
#endif
    return json_unescape_folded_by_16(raw, out, len_out);
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
