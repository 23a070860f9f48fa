/* SPDX-License-Identifier: EUPL-1.2 */
/* Strict number parsing: see num.h. */
#include "base/num.h"

#include <stdlib.h>

bool num_u64(struct span s, uint64_t *out)
{
    if (s.len == 0) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9' || __builtin_mul_overflow(v, 10u, &v) ||
            __builtin_add_overflow(v, (uint64_t)(s.ptr[i] - '0'), &v)) {
            return false;
        }
    }
    *out = v;
    return true;
}

bool num_i64(struct span s, int64_t *out)
{
    bool neg = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (neg || s.ptr[0] == '+')) {
        s = span_sub(s, 1, s.len);
    }
    uint64_t v;
    if (!num_u64(s, &v) || v > (uint64_t)INT64_MAX + (neg ? 1u : 0u)) {
        return false;
    }
    *out = neg ? (int64_t)(0 - v) : (int64_t)v;
    return true;
}

static size_t digits(struct span s, size_t at)
{
    size_t n = 0;
    while (at + n < s.len && s.ptr[at + n] >= '0' && s.ptr[at + n] <= '9') {
        n++;
    }
    return n;
}

static bool looks_like_number(struct span s)
{
    size_t i = s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+') ? 1 : 0;
    size_t n = digits(s, i);
    if (n == 0) {
        return false;
    }
    i += n;
    if (i < s.len && s.ptr[i] == '.') {
        n = digits(s, i + 1);
        if (n == 0) {
            return false;
        }
        i += n + 1;
    }
    if (i < s.len && (s.ptr[i] == 'e' || s.ptr[i] == 'E')) {
        i++;
        if (i < s.len && (s.ptr[i] == '-' || s.ptr[i] == '+')) {
            i++;
        }
        n = digits(s, i);
        if (n == 0) {
            return false;
        }
        i += n;
    }
    return i == s.len;
}

bool num_double(struct span s, double *out)
{
    char text[NUM_TEXT_MAX + 1];
    if (s.len > NUM_TEXT_MAX || !looks_like_number(s)) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    *out = strtod(text, NULL); /* roles run in the C locale: the point is a point */
    return true;
}

bool num_hex(struct span s, uint64_t *out)
{
    if (s.len > 2 && s.ptr[0] == '0' && (s.ptr[1] == 'x' || s.ptr[1] == 'X')) {
        s = span_sub(s, 2, s.len);
    }
    if (s.len == 0 || s.len > 16) {
        return false;
    }
    uint64_t v = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.ptr[i]);
        unsigned d = c >= '0' && c <= '9'   ? (unsigned)(c - '0')
                     : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                            : 16;
        if (d == 16) {
            return false;
        }
        v = v << 4 | d;
    }
    *out = v;
    return true;
}
