/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Places of a text where one of some literals may stand (plan.h, plan_masks), 64 at once: one kernel per instruction set,
 * chosen at run time, and a plain one. They may differ in what they admit for nothing; none misses. On the event path.
 */
#include "flow/detect/match_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define MATCH_MASKS_X86 1
#endif

size_t match_masks_plain(const struct plan_masks *t, const char *text, size_t block, size_t blocks,
                         struct match_places *out)
{
    for (; block < blocks; block++) {
        out->places = 0;
        for (size_t i = 0; i < MATCH_MASKS_BLOCK; i++) {
            unsigned b = 0xff;
            for (size_t k = 0; k < PLAN_MASK_PLACES; k++) {
                unsigned char c = (unsigned char)text[block * MATCH_MASKS_BLOCK + i + k];
                b &= (unsigned)t->low[k][c & 15] & t->high[k][c >> 4];
            }
            out->buckets[i] = (uint8_t)b;
            out->places |= (uint64_t)(b != 0) << i;
        }
        if (out->places != 0) {
            break;
        }
    }
    return block;
}

#ifdef MATCH_MASKS_X86
#define AVX2_FN __attribute__((target("avx2")))
#define AVX512_FN __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi")))

struct halves {
    __m256i low;
    __m256i high;
};

AVX2_FN static inline struct halves halves_of(const struct plan_masks *t, unsigned place)
{
    return (struct halves){
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)t->low[place])),
        _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)t->high[place]))};
}

AVX2_FN static inline __m256i admitted(const char *p, struct halves t)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i l = _mm256_shuffle_epi8(t.low, _mm256_and_si256(v, half));
    __m256i h = _mm256_shuffle_epi8(t.high, _mm256_and_si256(_mm256_srli_epi16(v, 4), half));
    return _mm256_and_si256(l, h);
}

AVX2_FN static size_t masks_avx2(const struct plan_masks *t, const char *text, size_t block, size_t blocks,
                                 struct match_places *out)
{
    const __m256i zero = _mm256_setzero_si256();
    const struct halves t0 = halves_of(t, 0), t1 = halves_of(t, 1), t2 = halves_of(t, 2), t3 = halves_of(t, 3);
    for (; block < blocks; block++) {
        __m256i found[2];
        for (unsigned k = 0; k < 2; k++) {
            const char *p = text + block * MATCH_MASKS_BLOCK + (size_t)k * 32;
            found[k] = _mm256_and_si256(_mm256_and_si256(admitted(p, t0), admitted(p + 1, t1)),
                                        _mm256_and_si256(admitted(p + 2, t2), admitted(p + 3, t3)));
        }
        __m256i any = _mm256_or_si256(found[0], found[1]);
        if (_mm256_testz_si256(any, any)) {
            continue;
        }
        uint32_t none0 = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(found[0], zero));
        uint32_t none1 = (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(found[1], zero));
        out->places = ~((uint64_t)none1 << 32 | none0);
        _mm256_storeu_si256((__m256i *)(void *)out->buckets, found[0]);
        _mm256_storeu_si256((__m256i *)(void *)(out->buckets + 32), found[1]);
        return block;
    }
    return blocks;
}

/* A byte's lower seven bits choose among 128 entries, in one step. */
AVX512_FN static inline __m512i chosen(const char *p, __m512i below_64, __m512i above)
{
    return _mm512_permutex2var_epi8(below_64, _mm512_loadu_si512(p), above);
}

AVX512_FN static size_t masks_avx512(const struct plan_masks *t, const char *text, size_t block, size_t blocks,
                                     struct match_places *out)
{
    __m512i m[PLAN_MASK_PLACES][2];
    for (unsigned k = 0; k < PLAN_MASK_PLACES; k++) {
        m[k][0] = _mm512_loadu_si512(t->by_char[k]);
        m[k][1] = _mm512_loadu_si512(t->by_char[k] + 64);
    }
    for (; block < blocks; block++) {
        const char *p = text + block * MATCH_MASKS_BLOCK;
        __m512i a = _mm512_and_si512(chosen(p, m[0][0], m[0][1]), chosen(p + 1, m[1][0], m[1][1]));
        __m512i b = _mm512_and_si512(chosen(p + 2, m[2][0], m[2][1]), chosen(p + 3, m[3][0], m[3][1]));
        uint64_t places = _mm512_test_epi8_mask(a, b);
        if (places != 0) {
            out->places = places;
            _mm512_storeu_si512(out->buckets, _mm512_and_si512(a, b));
            return block;
        }
    }
    return blocks;
}

static bool has_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
           __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi");
}
#endif

uint32_t match_masks_kernels(match_masks_kernel *out[3])
{
    uint32_t n = 0;
#ifdef MATCH_MASKS_X86
    if (has_avx512()) {
        out[n++] = masks_avx512;
    }
    if (__builtin_cpu_supports("avx2")) {
        out[n++] = masks_avx2;
    }
#endif
    out[n++] = match_masks_plain;
    return n;
}

size_t match_masks(const struct plan_masks *t, const char *text, size_t block, size_t blocks, struct match_places *out)
{
#ifdef MATCH_MASKS_X86
    if (__builtin_expect(has_avx512(), 1)) {
        return masks_avx512(t, text, block, blocks, out);
    }
    if (__builtin_cpu_supports("avx2")) {
        return masks_avx2(t, text, block, blocks, out);
    }
#endif
    return match_masks_plain(t, text, block, blocks, out);
}
