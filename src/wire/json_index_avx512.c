/* SPDX-License-Identifier: EUPL-1.2 */
/* The index kernel for processors with AVX-512 including byte compression (VBMI2; since about
 * 2020). */
#include "wire/json_index.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "wire/leaves.h"

#define SET512 "avx512f,avx512bw,avx512vl,avx512vbmi2,pclmul,bmi,bmi2,popcnt"
#define KERNEL json_index_avx512
#define SCAN_KERNEL json_scan_avx512
#define KERNEL_TARGET __attribute__((target(SET512)))
#define KERNEL_FN static inline __attribute__((always_inline, target(SET512)))

struct lanes {
    __m512i v;
};

KERNEL_FN struct lanes lanes_load(const char *p)
{
    return (struct lanes){_mm512_loadu_si512(p)};
}

KERNEL_FN uint64_t lanes_eq(struct lanes v, unsigned char c)
{
    return _mm512_cmpeq_epi8_mask(v.v, _mm512_set1_epi8((char)c));
}

KERNEL_FN uint64_t lanes_below(struct lanes v, unsigned char c)
{
    return _mm512_cmplt_epu8_mask(v.v, _mm512_set1_epi8((char)c));
}

KERNEL_FN uint64_t lanes_bracket(struct lanes v, char c)
{
    struct lanes lower = {_mm512_or_si512(v.v, _mm512_set1_epi8(0x20))};
    return lanes_eq(lower, (unsigned char)c);
}

KERNEL_FN uint64_t lanes_odd(struct lanes v)
{
    return _mm512_cmplt_epi8_mask(v.v, _mm512_set1_epi8(0x20));
}

/* A table by the low four bits holds all but 'b' and '"', which share theirs with 'r'. */
KERNEL_FN uint64_t lanes_escape(struct lanes v)
{
    const __m512i by_low = _mm512_broadcast_i32x4(
        _mm_setr_epi8(-1, 0, 'r', 0, 't', 'u', 'f', 0, 0, 0, 0, 0, '\\', 0, 'n', '/'));
    return _mm512_cmpeq_epi8_mask(_mm512_shuffle_epi8(by_low, v.v), v.v) | lanes_eq(v, 'b') |
           lanes_eq(v, '"');
}

KERNEL_FN uint64_t mask_prefix_xor(uint64_t m)
{
    __m128i all = _mm_set1_epi8(-1);
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)m), all, 0));
}

/* The places as bytes, pressed together, then widened sixteen at a time. */
KERNEL_FN uint32_t mask_write(uint32_t *out, uint64_t m, uint32_t base)
{
    const __m512i places = _mm512_set_epi8(
        63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43, 42, 41,
        40, 39, 38, 37, 36, 35, 34, 33, 32, 31, 30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18,
        17, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    uint32_t n = (uint32_t)__builtin_popcountll(m);
    __m512i packed = _mm512_maskz_compress_epi8(m, places);
    __m512i add = _mm512_set1_epi32((int)base);
    _mm512_storeu_si512(
        out, _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_castsi512_si128(packed)), add));
    if (n > 16) {
        _mm512_storeu_si512(
            out + 16,
            _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 1)), add));
    }
    if (n > 32) {
        _mm512_storeu_si512(
            out + 32,
            _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 2)), add));
        _mm512_storeu_si512(
            out + 48,
            _mm512_add_epi32(_mm512_cvtepu8_epi32(_mm512_extracti32x4_epi32(packed, 3)), add));
    }
    return n;
}

#include "wire/json_index_block.inc"
#endif
