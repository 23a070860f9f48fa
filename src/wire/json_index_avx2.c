/* SPDX-License-Identifier: EUPL-1.2 */
/* The index kernel for processors with AVX2, carry-less multiplication and bit manipulation (since
 * about 2013). */
#include "wire/json_index.h"

#if defined(__x86_64__)
#include <immintrin.h>

#include "wire/leaves.h"

#define KERNEL json_index_avx2
#define SCAN_KERNEL json_scan_avx2
#define KERNEL_TARGET __attribute__((target("avx2,pclmul,bmi,bmi2,popcnt")))
#define KERNEL_FN                                                                                  \
    static inline __attribute__((always_inline, target("avx2,pclmul,bmi,bmi2,popcnt")))

struct lanes {
    __m256i lo;
    __m256i hi;
};

KERNEL_FN struct lanes lanes_load(const char *p)
{
    return (struct lanes){_mm256_loadu_si256((const __m256i *)(const void *)p),
                          _mm256_loadu_si256((const __m256i *)(const void *)(p + 32))};
}

KERNEL_FN uint64_t mask_of(__m256i lo, __m256i hi)
{
    return (uint64_t)(uint32_t)_mm256_movemask_epi8(lo) |
           (uint64_t)(uint32_t)_mm256_movemask_epi8(hi) << 32;
}

KERNEL_FN uint64_t lanes_eq(struct lanes v, unsigned char c)
{
    __m256i k = _mm256_set1_epi8((char)c);
    return mask_of(_mm256_cmpeq_epi8(v.lo, k), _mm256_cmpeq_epi8(v.hi, k));
}

KERNEL_FN uint64_t lanes_below(struct lanes v, unsigned char c)
{
    __m256i top = _mm256_set1_epi8((char)(c - 1));
    return mask_of(_mm256_cmpeq_epi8(_mm256_min_epu8(v.lo, top), v.lo),
                   _mm256_cmpeq_epi8(_mm256_min_epu8(v.hi, top), v.hi));
}

KERNEL_FN uint64_t lanes_bracket(struct lanes v, char c)
{
    const __m256i bit = _mm256_set1_epi8(0x20);
    struct lanes lower = {_mm256_or_si256(v.lo, bit), _mm256_or_si256(v.hi, bit)};
    return lanes_eq(lower, (unsigned char)c);
}

KERNEL_FN uint64_t lanes_odd(struct lanes v)
{
    const __m256i space = _mm256_set1_epi8(0x20);
    return mask_of(_mm256_cmpgt_epi8(space, v.lo), _mm256_cmpgt_epi8(space, v.hi));
}

/* A table by the low four bits holds all but 'b' and '"', which share theirs with 'r'. */
KERNEL_FN __m256i escape32(__m256i v)
{
    const __m256i by_low =
        _mm256_setr_epi8(-1, 0, 'r', 0, 't', 'u', 'f', 0, 0, 0, 0, 0, '\\', 0, 'n', '/', -1, 0, 'r',
                         0, 't', 'u', 'f', 0, 0, 0, 0, 0, '\\', 0, 'n', '/');
    __m256i known = _mm256_cmpeq_epi8(_mm256_shuffle_epi8(by_low, v), v);
    known = _mm256_or_si256(known, _mm256_cmpeq_epi8(v, _mm256_set1_epi8('b')));
    return _mm256_or_si256(known, _mm256_cmpeq_epi8(v, _mm256_set1_epi8('"')));
}

KERNEL_FN uint64_t lanes_escape(struct lanes v)
{
    return mask_of(escape32(v.lo), escape32(v.hi));
}

KERNEL_FN uint64_t mask_prefix_xor(uint64_t m)
{
    __m128i all = _mm_set1_epi8(-1);
    return (uint64_t)_mm_cvtsi128_si64(
        _mm_clmulepi64_si128(_mm_set_epi64x(0, (long long)m), all, 0));
}

/* Eight at a time without asking how many there are: most blocks have fewer. */
KERNEL_FN uint32_t mask_write(uint32_t *out, uint64_t m, uint32_t base)
{
    uint32_t n = (uint32_t)__builtin_popcountll(m);
    for (uint32_t done = 0; done < n; done += 8) {
        for (uint32_t i = 0; i < 8; i++) {
            out[done + i] = base + (uint32_t)_tzcnt_u64(m);
            m = _blsr_u64(m);
        }
    }
    return n;
}

#include "wire/json_index_block.inc"
#endif
