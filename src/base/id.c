/* SPDX-License-Identifier: EUPL-1.2 */
/* Identifiers: see id.h. */
#include "base/id.h"

#include <sodium.h>
#include <stdint.h>

#include "base/check.h"

void hex_encode(const void *bytes, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    const unsigned char *b = bytes;
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[b[i] >> 4];
        out[2 * i + 1] = digits[b[i] & 15];
    }
    out[2 * len] = '\0';
}

static int hex_digit(char c)
{
    c = ascii_lower(c);
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_decode(struct span s, void *out, size_t len)
{
    unsigned char *b = out;
    if (s.len != 2 * len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        int hi = hex_digit(s.ptr[2 * i]);
        int lo = hex_digit(s.ptr[2 * i + 1]);
        if (hi < 0 || lo < 0) {
            return false;
        }
        b[i] = (unsigned char)(hi << 4 | lo);
    }
    return true;
}

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

void base32_encode(const void *bytes, size_t len, char *out)
{
    const unsigned char *b = bytes;
    CHECK(len % 5 == 0);
    for (size_t bit = 0; bit < 8 * len; bit += 5) {
        unsigned next = bit / 8 + 1 < len ? b[bit / 8 + 1] : 0;
        unsigned pair = (unsigned)b[bit / 8] << 8 | next;
        if (bit > 0 && bit % 20 == 0) {
            *out++ = '-';
        }
        *out++ = base32[pair >> (11 - bit % 8) & 31];
    }
    *out = '\0';
}

static int base32_digit(char c)
{
    if (c >= 'a' && c <= 'z') {
        return c - 'a';
    }
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    return c >= '2' && c <= '7' ? c - '2' + 26 : -1;
}

bool base32_decode(struct span s, void *out, size_t len)
{
    unsigned char *b = out;
    size_t digits = 0;
    unsigned bits = 0; /* those of the digits that fill no byte yet */
    CHECK(len % 5 == 0);
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == ' ' || s.ptr[i] == '-' || s.ptr[i] == '\t') {
            continue;
        }
        int digit = base32_digit(s.ptr[i]);
        if (digit < 0 || digits == 8 * len / 5) {
            return false;
        }
        bits = (bits << 5 | (unsigned)digit) & 0xfff;
        size_t had = 5 * digits++;
        if ((had + 5) / 8 > had / 8) {
            b[had / 8] = (unsigned char)(bits >> ((had + 5) % 8));
        }
    }
    return digits == 8 * len / 5;
}

void id_new(time_ns now, char out[ID_TEXT_LEN + 1])
{
    unsigned char b[16];
    randombytes_buf(b, sizeof b);
    uint64_t ms = (uint64_t)(now / 1000000);
    for (size_t i = 0; i < 6; i++) {
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    }
    b[6] = (unsigned char)(0x70 | (b[6] & 0x0F));
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3F));
    char hex[33];
    hex_encode(b, sizeof b, hex);
    static const size_t cuts[] = {0, 8, 12, 16, 20, 32};
    char *o = out;
    for (size_t i = 0; i < 5; i++) {
        if (i > 0) {
            *o++ = '-';
        }
        memcpy(o, hex + cuts[i], cuts[i + 1] - cuts[i]);
        o += cuts[i + 1] - cuts[i];
    }
    *o = '\0';
}

bool id_valid(struct span s)
{
    if (s.len != ID_TEXT_LEN) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : hex_digit(s.ptr[i]) < 0) {
            return false;
        }
    }
    return true;
}
