/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * First pass of the JSON reader: picks the kernel, feeds it blocks, pads the last one. See
 * json_index.h. Runs in every role that reads JSON; never reads outside the text it was given.
 */
#include "wire/json_index.h"

#include <stdatomic.h>
#include <string.h>

#include "base/check.h"
#include "wire/leaves.h"

#if defined(__x86_64__)
static const struct json_kernel avx512 = {"avx512", json_index_avx512, json_scan_avx512};
static const struct json_kernel avx2 = {"avx2", json_index_avx2, json_scan_avx2};
static const struct json_kernel sse2 = {"sse2", json_index_sse2, json_scan_sse2};
#endif
static const struct json_kernel plain = {"plain", json_index_plain, json_scan_plain};

/* Set to the same value by whoever comes first; tests change it. */
static const struct json_kernel *_Atomic chosen;

uint32_t json_kernels(struct json_kernel out[JSON_KERNELS_MAX])
{
    uint32_t n = 0;
#if defined(__x86_64__)
    __builtin_cpu_init();
    bool bits = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("pclmul") &&
                __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2") &&
                __builtin_cpu_supports("popcnt");
    if (bits && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vbmi2")) {
        out[n++] = avx512;
    }
    if (bits) {
        out[n++] = avx2;
    }
    out[n++] = sse2;
#endif
    out[n++] = plain;
    return n;
}

static const struct json_kernel *best_kernel(void)
{
    struct json_kernel all[JSON_KERNELS_MAX];
    (void)json_kernels(all);
#if defined(__x86_64__)
    if (all[0].index == json_index_avx512) {
        return &avx512;
    }
    return all[0].index == json_index_avx2 ? &avx2 : &sse2;
#else
    return &plain;
#endif
}

void json_kernel_use(const struct json_kernel *k)
{
    atomic_store_explicit(&chosen, k, memory_order_relaxed);
}

const struct json_kernel *json_kernel(void)
{
    const struct json_kernel *k = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (__builtin_expect(k == NULL, 0)) {
        k = best_kernel();
        json_kernel_use(k);
    }
    return k;
}

void json_index_init(struct json_index *x, const char *text, size_t len)
{
    CHECK(len < JSON_INDEX_ESCAPED - JSON_BLOCK);
    memset(x, 0, sizeof *x);
    x->text = text;
    x->len = len;
}

/* The last bytes of the text, under one block, filled up with spaces: at least one block at pad. */
static const char *padded(const struct json_index *x, size_t len, char pad[2 * JSON_BLOCK])
{
    memset(pad + JSON_BLOCK, ' ', JSON_BLOCK);
    if (x->len >= JSON_BLOCK) {
        /* A copy whose size is known is a few moves. */
        memcpy(pad, x->text + x->len - JSON_BLOCK, JSON_BLOCK);
    } else {
        memcpy(pad + JSON_BLOCK - len, x->text, len);
    }
    return pad + JSON_BLOCK - len;
}

uint32_t json_index_more(struct json_index *x, uint32_t *out)
{
    char pad[2 * JSON_BLOCK] __attribute__((uninitialized)); /* padded fills what is read */
    const char *tail = NULL;
    size_t left = x->len - x->next;
    size_t take = left < JSON_CHUNK ? left : JSON_CHUNK;
    size_t rest = take % JSON_BLOCK;
    if (rest > 0) {
        tail = padded(x, rest, pad); /* only the end of the text leaves a rest */
    }
    uint32_t n = json_kernel()->index(x, x->text + x->next, take / JSON_BLOCK, tail, out);
    x->next += take;
    return n;
}

uint32_t json_index_tags(const struct json_index *x)
{
    uint32_t cut = x->next == x->len && x->utf8_must != 0 ? TAG_BAD_UTF8 : 0;
    return x->tags | cut | (x->low_at != 0 ? TAG_LONE_SURROGATE : 0);
}

/* Value of the four hex digits at byte `at`, or -1. */
static int32_t hex4(const struct json_index *x, size_t at)
{
    int32_t value = 0;
    if (x->len < 4 || at > x->len - 4) {
        return -1;
    }
    for (size_t i = at; i < at + 4; i++) {
        char c = x->text[i];
        int32_t digit;
        if (c >= '0' && c <= '9') {
            digit = c - '0';
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = (c | 0x20) - 'a' + 10;
        } else {
            return -1;
        }
        value = value << 4 | digit;
    }
    return value;
}

void json_index_unicode(struct json_index *x, size_t base, uint64_t escaped_u)
{
    for (; escaped_u != 0; escaped_u &= escaped_u - 1) {
        size_t at = base + (size_t)__builtin_ctzll(escaped_u);
        int32_t unit = hex4(x, at + 1);
        bool low = unit >= 0xdc00 && unit <= 0xdfff;
        bool paired = x->low_at != 0 && low && at == x->low_at;
        if (unit < 0) {
            x->tags |= TAG_BAD_ESCAPE;
        }
        if ((x->low_at != 0 && !paired) || (low && !paired)) {
            x->tags |= TAG_LONE_SURROGATE;
        }
        /* Behind the `u` of a high surrogate come four digits, a backslash, and the `u` of the low
         * one. */
        x->low_at = unit >= 0xd800 && unit <= 0xdbff ? at + 6 : 0;
    }
}
