/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The index kernel in plain C, for processors whose vectors we do not use: eight bytes at a time in
 * ordinary registers.
 */
#include "wire/json_index.h"

#include <endian.h>
#include <string.h>

#include "wire/leaves.h"

#define KERNEL json_index_plain
#define SCAN_KERNEL json_scan_plain
#define KERNEL_TARGET
#define KERNEL_FN static inline

enum { WORDS = JSON_BLOCK / 8 };

#define EACH(byte) ((uint64_t)(byte)*0x0101010101010101u)
#define TOPS EACH(0x80)

struct lanes {
    uint64_t w[WORDS]; /* first byte lowest */
};

KERNEL_FN struct lanes lanes_load(const char *p)
{
    struct lanes v;
    memcpy(v.w, p, sizeof v.w);
    for (unsigned i = 0; i < WORDS; i++) {
        v.w[i] = le64toh(v.w[i]);
    }
    return v;
}

/* The top bits of eight bytes, side by side: the product brings each to its own place in the
 * highest byte. */
KERNEL_FN uint64_t gather(uint64_t tops)
{
    return (tops >> 7) * 0x0102040810204080u >> 56;
}

KERNEL_FN uint64_t lanes_eq(struct lanes v, unsigned char c)
{
    uint64_t m = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t x = v.w[i] ^ EACH(c);
        /* No carry leaves a byte: the sum has its top bit wherever the low seven bits are not all
         * zero. */
        uint64_t zero = ~(((x & ~TOPS) + ~TOPS) | x) & TOPS;
        m |= gather(zero) << 8 * i;
    }
    return m;
}

KERNEL_FN uint64_t lanes_below(struct lanes v, unsigned char c)
{
    uint64_t m = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t x = v.w[i];
        uint64_t low = (x & ~TOPS) + EACH(0x80 - (c <= 0x80 ? c : c - 0x80));
        uint64_t not_below = c <= 0x80 ? low | x : low & x;
        m |= gather(~not_below & TOPS) << 8 * i;
    }
    return m;
}

KERNEL_FN uint64_t lanes_bracket(struct lanes v, char c)
{
    for (unsigned i = 0; i < WORDS; i++) {
        v.w[i] |= EACH(0x20);
    }
    return lanes_eq(v, (unsigned char)c);
}

KERNEL_FN uint64_t lanes_odd(struct lanes v)
{
    uint64_t m = 0;
    for (unsigned i = 0; i < WORDS; i++) {
        uint64_t x = v.w[i];
        uint64_t printable = ((x & ~TOPS) + EACH(0x80 - 0x20)) & ~x;
        m |= gather(~printable & TOPS) << 8 * i;
    }
    return m;
}

KERNEL_FN uint64_t lanes_escape(struct lanes v)
{
    uint64_t m = 0;
    for (const char *c = "\"\\/bfnrtu"; *c != '\0'; c++) {
        m |= lanes_eq(v, (unsigned char)*c);
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
