/* SPDX-License-Identifier: EUPL-1.2 */
/* The index kernel for every 64-bit x86 processor (SSE2). */
#include "wire/json_index.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "wire/leaves.h"

#define KERNEL json_index_sse2
#define SCAN_KERNEL json_scan_sse2
#define KERNEL_TARGET
#define KERNEL_FN static inline __attribute__((always_inline))

struct lanes {
    __m128i a; /* no array: that would be kept in memory */
    __m128i b;
    __m128i c;
    __m128i d;
};

KERNEL_FN __m128i load16(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

KERNEL_FN struct lanes lanes_load(const char *p)
{
    return (struct lanes){load16(p), load16(p + 16), load16(p + 32), load16(p + 48)};
}

KERNEL_FN uint64_t mask_of(__m128i a, __m128i b, __m128i c, __m128i d)
{
    return (uint64_t)(uint32_t)_mm_movemask_epi8(a) |
           (uint64_t)(uint32_t)_mm_movemask_epi8(b) << 16 |
           (uint64_t)(uint32_t)_mm_movemask_epi8(c) << 32 |
           (uint64_t)(uint32_t)_mm_movemask_epi8(d) << 48;
}

KERNEL_FN uint64_t lanes_eq(struct lanes v, unsigned char c)
{
    __m128i k = _mm_set1_epi8((char)c);
    return mask_of(_mm_cmpeq_epi8(v.a, k), _mm_cmpeq_epi8(v.b, k), _mm_cmpeq_epi8(v.c, k),
                   _mm_cmpeq_epi8(v.d, k));
}

KERNEL_FN __m128i below16(__m128i v, __m128i top)
{
    return _mm_cmpeq_epi8(_mm_min_epu8(v, top), v);
}

KERNEL_FN uint64_t lanes_below(struct lanes v, unsigned char c)
{
    __m128i top = _mm_set1_epi8((char)(c - 1));
    return mask_of(below16(v.a, top), below16(v.b, top), below16(v.c, top),
                   below16(v.d, top));
}

KERNEL_FN uint64_t lanes_bracket(struct lanes v, char c)
{
    const __m128i bit = _mm_set1_epi8(0x20);
    struct lanes lower = {_mm_or_si128(v.a, bit), _mm_or_si128(v.b, bit), _mm_or_si128(v.c, bit),
                          _mm_or_si128(v.d, bit)};
    return lanes_eq(lower, (unsigned char)c);
}

KERNEL_FN uint64_t lanes_odd(struct lanes v)
{
    const __m128i space = _mm_set1_epi8(0x20);
    return mask_of(_mm_cmplt_epi8(v.a, space), _mm_cmplt_epi8(v.b, space),
                   _mm_cmplt_epi8(v.c, space), _mm_cmplt_epi8(v.d, space));
}

KERNEL_FN uint64_t lanes_escape(struct lanes v)
{
    return lanes_eq(v, '"') | lanes_eq(v, '\\') | lanes_eq(v, '/') | lanes_eq(v, 'b') |
           lanes_eq(v, 'f') | lanes_eq(v, 'n') | lanes_eq(v, 'r') | lanes_eq(v, 't') |
           lanes_eq(v, 'u');
}

KERNEL_FN uint64_t mask_prefix_xor(uint64_t m)
{
    m ^= m << 1;
    m ^= m << 2;
    m ^= m << 4;
    m ^= m << 8;
    m ^= m << 16;
    return m ^ m << 32;
}

KERNEL_FN uint32_t mask_write(uint32_t *out, uint64_t m, uint32_t base)
{
    uint32_t n = 0;
    for (; m != 0; m &= m - 1) {
        out[n++] = base + (uint32_t)__builtin_ctzll(m);
    }
    return n;
}

#include "wire/json_index_block.inc"
#endif
