/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Questions on one text: wildcards, addresses, numbers, dates. Pure functions, no state, no allocation. On the event path
 * of intake, scan, hunt. Values come from outside: time is bounded by value length × pattern length, never more.
 */
#include <arpa/inet.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/utf8.h"
#include "flow/detect/match_priv.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

/* ---- finding ---- */

enum { FIND_SHORT_MAX = 64 }; /* longer needles go to memmem, whose time does not grow with value × needle */

/* Last resort and judge: place by place. */
static const char *find_plain(struct span v, struct span needle, size_t at)
{
    for (size_t places = v.len - needle.len + 1; at < places; at++) {
        if (v.ptr[at] == needle.ptr[0] && memcmp(v.ptr + at, needle.ptr, needle.len) == 0) {
            return v.ptr + at;
        }
    }
    return NULL;
}

/*
 * Where the needle may stand, judged by two of its bytes, WIDTH places at once; one body for every width. The bytes are
 * chosen when the plan is made: two that are rare, for in paths the first and the last of a needle stand everywhere.
 */
#define FIND_BODY(WIDTH, MASK)                                                                     \
    size_t places = v.len - needle.len + 1;                                                        \
    size_t at = 0;                                                                                 \
    for (; at + (WIDTH) <= places; at += (WIDTH)) {                                                \
        for (uint64_t m = MASK(v.ptr + at, needle.ptr, pair); m != 0; m &= m - 1) {                \
            const char *p = v.ptr + at + __builtin_ctzll(m);                                       \
            if (memcmp(p, needle.ptr, needle.len) == 0) {                                          \
                return p;                                                                          \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    return find_plain(v, needle, at)

#if defined(__x86_64__)
#define AVX512_FN __attribute__((target("avx512f,avx512bw,avx512vl")))
#define AVX2_FN __attribute__((target("avx2")))

static inline uint64_t mask16(const char *p, const char *needle, struct plan_pair pair)
{
    __m128i a = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + pair.a)), _mm_set1_epi8(needle[pair.a]));
    __m128i b = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)(p + pair.b)), _mm_set1_epi8(needle[pair.b]));
    return (uint32_t)_mm_movemask_epi8(_mm_and_si128(a, b));
}

AVX2_FN static inline uint64_t mask32(const char *p, const char *needle, struct plan_pair pair)
{
    __m256i a = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(p + pair.a)), _mm256_set1_epi8(needle[pair.a]));
    __m256i b = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)(p + pair.b)), _mm256_set1_epi8(needle[pair.b]));
    return (uint32_t)_mm256_movemask_epi8(_mm256_and_si256(a, b));
}

AVX512_FN static inline uint64_t mask64(const char *p, const char *needle, struct plan_pair pair)
{
    __mmask64 a = _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(p + pair.a), _mm512_set1_epi8(needle[pair.a]));
    return _mm512_mask_cmpeq_epi8_mask(a, _mm512_loadu_si512(p + pair.b), _mm512_set1_epi8(needle[pair.b]));
}

static const char *find_sse2(struct span v, struct span needle, struct plan_pair pair)
{
    FIND_BODY(16, mask16);
}

AVX2_FN static const char *find_avx2(struct span v, struct span needle, struct plan_pair pair)
{
    FIND_BODY(32, mask32);
}

AVX512_FN static const char *find_avx512(struct span v, struct span needle, struct plan_pair pair)
{
    FIND_BODY(64, mask64);
}
#endif

const char *match_find_by(struct span v, struct span needle, struct plan_pair pair)
{
    if (needle.len > v.len) {
        return NULL;
    }
    if (needle.len == 0) {
        return v.ptr;
    }
    if (needle.len > FIND_SHORT_MAX) {
        return memmem(v.ptr, v.len, needle.ptr, needle.len);
    }
#if defined(__x86_64__)
    size_t places = v.len - needle.len + 1;
    if (places >= 64 && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl")) {
        return find_avx512(v, needle, pair);
    }
    if (places >= 32 && __builtin_cpu_supports("avx2")) {
        return find_avx2(v, needle, pair);
    }
    if (places >= 16) {
        return find_sse2(v, needle, pair);
    }
    return find_plain(v, needle, 0);
#else
    (void)pair;
    return memmem(v.ptr, v.len, needle.ptr, needle.len);
#endif
}

const char *match_find(struct span v, struct span needle)
{
    uint8_t last = (uint8_t)(needle.len == 0 || needle.len > UINT8_MAX ? 0 : needle.len - 1);
    return match_find_by(v, needle, (struct plan_pair){0, last});
}

/* ---- wildcards ----
 * A text is a row of characters; a byte that is no valid UTF-8 is a character of its own. "?" is one character, "*" any
 * number. Between two "*" lies a segment of fixed character count: the first place it fits is as good as any later one. */

/* A position is inside a character when a valid one that starts up to three bytes before reaches beyond it. */
static bool is_boundary(struct span v, size_t at)
{
    for (size_t k = 1; k <= 3 && k <= at; k++) {
        const char *p = v.ptr + at - k;
        size_t n;
        if ((unsigned char)*p >= 0xC2 && utf8_decode(p, v.ptr + v.len, &n) != UTF8_BAD && n > k) {
            return false;
        }
    }
    return true;
}

static size_t step_forward(struct span v, size_t at)
{
    size_t n;
    (void)utf8_decode(v.ptr + at, v.ptr + v.len, &n);
    return at + n;
}

static size_t step_back(struct span v, size_t at)
{
    for (size_t k = 2; k <= UTF8_MAX_BYTES && k <= at; k++) {
        size_t n;
        const char *p = v.ptr + at - k;
        if ((unsigned char)*p >= 0xC2 && utf8_decode(p, v.ptr + v.len, &n) != UTF8_BAD && n == k) {
            return at - k;
        }
    }
    return at - 1;
}

struct glob {
    const struct sigma_part *parts;
    bool units; /* literals may begin or end inside a character of the value: check */
    struct span v;
    struct match_range *ranges; /* or NULL */
};

/* Parts [from, to) at `at`: end offset, or SIZE_MAX. */
static size_t segment_at(const struct glob *g, uint32_t from, uint32_t to, size_t at)
{
    for (uint32_t i = from; i < to; i++) {
        struct span lit = g->parts[i].text;
        if (g->parts[i].kind == PART_ONE) {
            if (at >= g->v.len) {
                return SIZE_MAX;
            }
            at = step_forward(g->v, at);
            continue;
        }
        if (lit.len > g->v.len - at || memcmp(g->v.ptr + at, lit.ptr, lit.len) != 0 ||
            (g->units && (!is_boundary(g->v, at) || !is_boundary(g->v, at + lit.len)))) {
            return SIZE_MAX;
        }
        if (g->ranges != NULL) {
            g->ranges[i] = (struct match_range){at, at + lit.len};
        }
        at += lit.len;
    }
    return at;
}

/* First place at or behind `at` where the segment fits: its end, or SIZE_MAX. */
static size_t segment_find(const struct glob *g, uint32_t from, uint32_t to, size_t at)
{
    struct span v = g->v;
    bool literal = g->parts[from].kind == PART_LITERAL;
    struct span lit = g->parts[from].text;
    while (at <= v.len) {
        if (literal) {
            const char *p = match_find(span_sub(v, at, v.len), lit);
            if (p == NULL) {
                return SIZE_MAX;
            }
            at = (size_t)(p - v.ptr);
        }
        size_t end = segment_at(g, from, to, at);
        if (end != SIZE_MAX || at == v.len) {
            return end;
        }
        at = literal ? at + 1 : step_forward(v, at);
    }
    return SIZE_MAX;
}

/* The segment at the very end of the value, not before `at`. */
static bool segment_last(const struct glob *g, uint32_t from, uint32_t to, size_t at)
{
    size_t start = g->v.len;
    for (uint32_t i = to; i > from; i--) {
        const struct sigma_part *p = &g->parts[i - 1];
        if (p->kind == PART_LITERAL) {
            if (p->text.len > start) {
                return false;
            }
            start -= p->text.len;
        } else {
            if (start == 0) {
                return false;
            }
            start = step_back(g->v, start);
        }
    }
    return start >= at && segment_at(g, from, to, start) == g->v.len;
}

bool match_glob(const struct sigma_part *parts, uint32_t nparts, bool units, struct span v,
                struct match_range *ranges_out)
{
    struct glob g = {.parts = parts, .units = units, .v = v, .ranges = ranges_out};
    size_t at = 0;
    bool any = false; /* a "*" stands before the segment at hand */
    uint32_t i = 0;
    while (i < nparts) {
        if (parts[i].kind == PART_ANY) {
            any = true;
            i++;
            continue;
        }
        uint32_t to = i;
        while (to < nparts && parts[to].kind != PART_ANY) {
            to++;
        }
        if (to == nparts && any) {
            return segment_last(&g, i, to, at);
        }
        at = any ? segment_find(&g, i, to, at) : segment_at(&g, i, to, at);
        if (at == SIZE_MAX) {
            return false;
        }
        any = false;
        i = to;
    }
    return any || at == v.len;
}

/* ---- addresses ---- */

bool match_ip(struct span s, unsigned char out[16], uint8_t *len_out)
{
    char text[INET6_ADDRSTRLEN + 1];
    ptrdiff_t zone = span_find(s, '%');
    bool v6 = span_find(s, ':') >= 0;
    if (zone >= 0) {
        if (!v6 || (size_t)zone + 1 == s.len) {
            return false;
        }
        s.len = (size_t)zone;
    }
    if (s.len == 0 || s.len >= sizeof text || memchr(s.ptr, '\0', s.len) != NULL) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    *len_out = v6 ? 16 : 4;
    return inet_pton(v6 ? AF_INET6 : AF_INET, text, out) == 1;
}

bool match_cidr(const struct plan_pred *p, struct span v)
{
    unsigned char addr[16];
    uint8_t len;
    if (!match_ip(v, addr, &len) || len != p->addr_len) {
        return false;
    }
    unsigned whole = p->prefix / 8u;
    unsigned rest = p->prefix % 8u;
    if (memcmp(addr, p->addr, whole) != 0) {
        return false;
    }
    return rest == 0 || ((addr[whole] ^ p->addr[whole]) >> (8u - rest)) == 0;
}

/* ---- numbers and dates ---- */

bool match_compare(enum sigma_cmp cmp, double a, double b)
{
    switch (cmp) {
    case CMP_EQ:
        return a >= b && a <= b;
    case CMP_NEQ:
        return a < b || a > b;
    case CMP_LT:
        return a < b;
    case CMP_LTE:
        return a <= b;
    case CMP_GT:
        return a > b;
    case CMP_GTE:
        return a >= b;
    }
    UNREACHABLE();
}

/* Seconds, milli-, micro- or nanoseconds since 1970, told apart by size: years 1970 to 5138 in each. */
static bool epoch_parts(struct span v, struct time_parts *out)
{
    double x;
    if (!num_double(v, &x) || x < 0 || x >= 9e18) {
        return false;
    }
    double ns = x < 1e11 ? x * 1e9 : x < 1e14 ? x * 1e6 : x < 1e17 ? x * 1e3 : x;
    if (ns >= 9e18) {
        return false;
    }
    time_to_parts((time_ns)ns, out);
    return true;
}

/* ISO 8601 week: week 1 holds the year's first Thursday. */
static int iso_week(time_ns t)
{
    int64_t day = time_day(t);
    int64_t weekday = ((day + 3) % 7 + 7) % 7; /* 1970-01-01 was a Thursday; Monday = 0 */
    int64_t thursday = day - weekday + 3;
    struct time_parts p;
    time_to_parts(thursday * TIME_DAY, &p);
    struct time_parts new_year = {.year = p.year, .month = 1, .day = 1};
    time_ns first;
    if (!time_from_parts(&new_year, 0, &first)) {
        return 0;
    }
    return (int)((thursday - time_day(first)) / 7 + 1);
}

bool match_timepart(enum sigma_timepart part, struct span v, double *out)
{
    struct time_parts p;
    time_ns t;
    if (!time_parse_parts(v, &p) && !epoch_parts(v, &p)) {
        return false;
    }
    /* As written, in whatever zone it was written. */
    p.has_offset = false;
    if (!time_from_parts(&p, 0, &t)) {
        return false;
    }
    const int values[] = {
        [TIME_MINUTE] = p.minute, [TIME_HOUR] = p.hour,   [TIME_DAY_OF_MONTH] = p.day,
        [TIME_WEEK] = 0,          [TIME_MONTH] = p.month, [TIME_YEAR] = p.year,
    };
    *out = part == TIME_WEEK ? iso_week(t) : values[part];
    return true;
}
