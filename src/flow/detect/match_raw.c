/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The first look for keywords in a record as it came (plan_raw.c prepares it): may this record hold one? With AVX2 by
 * shuffled masks, 32 places at once; else place by place. On the event path; reads only inside the record.
 */
#include "flow/detect/match_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#define MATCH_RAW_AVX2 1
#endif

/* "\u" is an escape when an odd number of backslashes ends here. */
static bool is_escape(struct span raw, size_t backslash)
{
    size_t n = 1;
    while (n <= backslash && raw.ptr[backslash - n] == '\\') {
        n++;
    }
    return n % 2 == 1;
}

static bool literal_at(const struct plan_raw_literal *l, struct span raw, size_t window)
{
    if (window < l->offset || l->text.len > raw.len - (window - l->offset)) {
        return false;
    }
    size_t at = window - l->offset;
    struct span here = span_make(raw.ptr + at, l->text.len);
    if (!(l->exact ? span_eq(here, l->text) : span_eq_nocase(here, l->text))) {
        return false;
    }
    return !l->escape || is_escape(raw, at);
}

static bool any_at(const struct plan_raw *r, struct span raw, size_t window, unsigned buckets)
{
    for (; buckets != 0; buckets &= buckets - 1) {
        unsigned b = (unsigned)__builtin_ctz(buckets);
        for (uint32_t i = r->first[b]; i < r->first[b + 1]; i++) {
            if (literal_at(&r->literals[i], raw, window)) {
                return true;
            }
        }
    }
    return false;
}

bool match_raw_plain(const struct plan_raw *r, struct span raw, size_t from)
{
    for (size_t i = from; i < raw.len; i++) {
        unsigned buckets = 0xff;
        for (unsigned k = 0; k < PLAN_RAW_WINDOW; k++) {
            /* Behind the end anything may be admitted: literal_at knows where the record ends. */
            unsigned char c = i + k < raw.len ? (unsigned char)raw.ptr[i + k] : 0;
            buckets &= i + k < raw.len ? r->low[k][c & 15] & r->high[k][c >> 4] : 0xffu;
        }
        if (buckets != 0 && any_at(r, raw, i, buckets)) {
            return true;
        }
    }
    return false;
}

#ifdef MATCH_RAW_AVX2
__attribute__((target("avx2"))) static inline __m256i admitted(const char *p, __m256i low, __m256i high)
{
    const __m256i half = _mm256_set1_epi8(15);
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i l = _mm256_shuffle_epi8(low, _mm256_and_si256(v, half));
    __m256i h = _mm256_shuffle_epi8(high, _mm256_and_si256(_mm256_srli_epi16(v, 4), half));
    return _mm256_and_si256(l, h);
}

__attribute__((target("avx2"))) static inline __m256i twice(const uint8_t mask[16])
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const __m128i *)(const void *)mask));
}

__attribute__((target("avx2"))) static bool raw_avx2(const struct plan_raw *r, struct span raw)
{
    const __m256i zero = _mm256_setzero_si256();
    const __m256i l0 = twice(r->low[0]), l1 = twice(r->low[1]), l2 = twice(r->low[2]);
    const __m256i h0 = twice(r->high[0]), h1 = twice(r->high[1]), h2 = twice(r->high[2]);
    size_t i = 0;
    for (; i + 32 + PLAN_RAW_WINDOW - 1 <= raw.len; i += 32) {
        const char *p = raw.ptr + i;
        __m256i found = _mm256_and_si256(admitted(p, l0, h0), admitted(p + 1, l1, h1));
        found = _mm256_and_si256(found, admitted(p + 2, l2, h2));
        uint32_t places = ~(uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(found, zero));
        if (places == 0) {
            continue;
        }
        uint8_t buckets[32];
        _mm256_storeu_si256((__m256i *)(void *)buckets, found);
        for (; places != 0; places &= places - 1) {
            unsigned k = (unsigned)__builtin_ctz(places);
            if (any_at(r, raw, i + k, buckets[k])) {
                return true;
            }
        }
    }
    return match_raw_plain(r, raw, i);
}
#endif

bool match_raw(const struct plan_raw *r, struct span raw)
{
#ifdef MATCH_RAW_AVX2
    if (__builtin_cpu_supports("avx2")) {
        return raw_avx2(r, raw);
    }
#endif
    return match_raw_plain(r, raw, 0);
}
