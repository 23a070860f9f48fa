/* SPDX-License-Identifier: EUPL-1.2 */
/* The index kernel in plain C: the one for processors without vectors, and the measure the others
 * are tested against. */
#include "wire/json_index.h"

#include <string.h>

#include "wire/leaves.h"

#define KERNEL json_index_plain
#define SCAN_KERNEL json_scan_plain
#define KERNEL_WIDE 0
#define KERNEL_TARGET
#define KERNEL_FN static inline

struct lanes {
    const unsigned char *p;
};

KERNEL_FN struct lanes lanes_load(const char *p)
{
    return (struct lanes){(const unsigned char *)p};
}

KERNEL_FN uint64_t lanes_eq(struct lanes v, unsigned char c)
{
    uint64_t m = 0;
    for (unsigned i = 0; i < JSON_BLOCK; i++) {
        m |= (uint64_t)(v.p[i] == c) << i;
    }
    return m;
}

KERNEL_FN uint64_t lanes_below(struct lanes v, unsigned char c)
{
    uint64_t m = 0;
    for (unsigned i = 0; i < JSON_BLOCK; i++) {
        m |= (uint64_t)(v.p[i] < c) << i;
    }
    return m;
}

KERNEL_FN uint64_t lanes_bracket(struct lanes v, char c)
{
    return lanes_eq(v, (unsigned char)c) | lanes_eq(v, (unsigned char)(c - 0x20));
}

KERNEL_FN uint64_t lanes_high(struct lanes v)
{
    return ~lanes_below(v, 0x80);
}

KERNEL_FN uint64_t lanes_escape(struct lanes v)
{
    uint64_t m = 0;
    for (unsigned i = 0; i < JSON_BLOCK; i++) {
        bool known = v.p[i] != 0 && memchr("\"\\/bfnrtu", v.p[i], 9) != NULL;
        m |= (uint64_t)known << i;
    }
    return m;
}

KERNEL_FN uint64_t mask_prefix_xor(uint64_t m)
{
    for (unsigned shift = 1; shift < 64; shift *= 2) {
        m ^= m << shift;
    }
    return m;
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
