/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Typed values of binary XML as text, in the form that exports to JSON use: numbers in decimal,
 * HexInt without leading zeros, GUIDs without braces, times as ISO 8601 with six digits, binary in
 * hex.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "base/utf8.h"
#include "wire/evtx_priv.h"

enum {
    SID_HEADER_BYTES = 8,
    SID_PART_TEXT_MAX = 11, /* "-4294967295" */
    REAL32_DIGITS = 9,
    REAL64_DIGITS = 17,
};

#define FILETIME_1970 INT64_C(116444736000000000)
#define FILETIME_MICROS 10

/* ---- UTF-16 ---- */

static uint32_t unit_at(const char *p)
{
    uint16_t u;
    memcpy(&u, p, sizeof u);
    return u;
}

/* One character at *i of units; moves *i behind it. */
static size_t put_char(struct span units, size_t *i, char *out, uint32_t *tags)
{
    uint32_t c = unit_at(units.ptr + *i);
    *i += 2;
    if (c >= 0xd800 && c < 0xe000) {
        uint32_t low = c < 0xdc00 && *i + 2 <= units.len ? unit_at(units.ptr + *i) : 0;
        if (low >= 0xdc00 && low < 0xe000) {
            *i += 2;
            c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
        } else {
            *tags |= TAG_LONE_SURROGATE;
            c = 0xfffd;
        }
    }
    return utf8_encode(c, out);
}

size_t evtx_utf16_plain(struct span units, char *out, uint32_t *tags)
{
    size_t n = 0;
    for (size_t i = 0; i + 2 <= units.len;) {
        n += put_char(units, &i, out + n, tags);
    }
    return n;
}

size_t evtx_utf16(struct span units, char *out, uint32_t *tags)
{
    size_t n = 0;
    size_t i = 0;
    while (i + 2 <= units.len) {
#if defined(__SSE2__)
        /* Eight units at once while all are ASCII: nearly always. */
        const __m128i high = _mm_set1_epi16((short)0xff80);
        while (i + 16 <= units.len) {
            __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(units.ptr + i));
            __m128i odd = _mm_cmpeq_epi16(_mm_and_si128(v, high), _mm_setzero_si128());
            if (_mm_movemask_epi8(odd) != 0xffff) {
                break;
            }
            _mm_storel_epi64((__m128i *)(void *)(out + n), _mm_packus_epi16(v, v));
            i += 16;
            n += 8;
        }
        if (i + 2 > units.len) {
            break;
        }
#endif
        n += put_char(units, &i, out + n, tags);
    }
    return n;
}

/* Strings often carry the zero that ended them. */
static struct span without_zeros(struct span s, size_t unit)
{
    while (s.len >= unit && s.ptr[s.len - 1] == 0 && s.ptr[s.len - unit] == 0) {
        s.len -= unit;
    }
    return s;
}

/* Windows-1252, which Windows took for "ANSI" where it took this Europe's: 0x80 to 0x9f; the rest
 * is Latin-1. */
static const uint16_t ansi_high[32] = {
    0x20ac, 0x81,   0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8d,   0x017d, 0x8f,   0x90,   0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
    0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,   0x017e, 0x0178};

static size_t put_ansi(struct span s, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n += utf8_encode(c >= 0x80 && c < 0xa0 ? ansi_high[c - 0x80] : c, out + n);
    }
    return n;
}

/* ---- numbers ---- */

static size_t put_decimal(uint64_t v, char *out)
{
    char digits[20];
    size_t n = 0;
    do {
        digits[sizeof digits - ++n] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    memcpy(out, digits + sizeof digits - n, n);
    return n;
}

static size_t put_signed(int64_t v, char *out)
{
    size_t sign = v < 0;
    out[0] = '-';
    return sign + put_decimal(v < 0 ? 0 - (uint64_t)v : (uint64_t)v, out + sign);
}

/* Of a fixed number of digits, or as few as it takes (0). */
static size_t put_hex(uint64_t v, unsigned digits, const char *alphabet, char *out)
{
    unsigned n = digits;
    if (digits == 0) {
        n = v == 0 ? 1 : (unsigned)(67 - __builtin_clzll(v)) / 4;
    }
    for (unsigned i = 0; i < n; i++) {
        out[i] = alphabet[v >> (4 * (n - 1 - i)) & 15];
    }
    return n;
}

static const char upper[] = "0123456789ABCDEF";
static const char lower[] = "0123456789abcdef";

static size_t put_0x(uint64_t v, char *out)
{
    memcpy(out, "0x", 2);
    return 2 + put_hex(v, 0, lower, out + 2);
}

static size_t put_binary(struct span s, char *out)
{
    for (size_t i = 0; i < s.len; i++) {
        (void)put_hex((unsigned char)s.ptr[i], 2, upper, out + 2 * i);
    }
    return 2 * s.len;
}

/* The shortest text that reads back as the same number. */
static size_t put_real(double v, int most, char *out)
{
    char text[EVTX_FIXED_TEXT_MAX];
    int n = 0;
    if (isnan(v) || isinf(v)) {
        n = snprintf(text, sizeof text, "%s", isnan(v) ? "NaN" : v < 0 ? "-inf" : "inf");
    } else {
        for (int digits = 1; digits <= most; digits++) {
            double back = 0;
            n = snprintf(text, sizeof text, "%.*g", digits, v);
            CHECK(n > 0 && (size_t)n < sizeof text);
            back = strtod(text, NULL);
            if (most == REAL32_DIGITS ? (float)back == (float)v : back == v) {
                break;
            }
        }
    }
    memcpy(out, text, (size_t)n);
    return (size_t)n;
}

/* ---- times, ids ---- */

static size_t put_padded(unsigned v, unsigned digits, char *out)
{
    for (unsigned i = digits; i > 0; i--, v /= 10) {
        out[i - 1] = (char)('0' + v % 10);
    }
    return digits;
}

/* "2026-11-22T01:02:03.456789Z" */
static size_t put_time(const unsigned date[6], unsigned micros, char *out)
{
    static const char between[] = "--T::.";
    size_t n = 0;
    for (int i = 0; i < 6; i++) {
        n += put_padded(date[i], i == 0 ? 4 : 2, out + n);
        out[n++] = between[i];
    }
    n += put_padded(micros, 6, out + n);
    out[n++] = 'Z';
    return n;
}

/* Days since 1601-01-01 to a date: the Gregorian calendar repeats every 146,097 days, and that day
 * begins a cycle. */
static void date_of_days(uint64_t days, unsigned date[3])
{
    /* Counted from 1600-03-01, so that the leap day is a year's last. */
    uint64_t d = days + 306;
    uint64_t cycle = d / 146097;
    unsigned in_cycle = (unsigned)(d % 146097);
    unsigned year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
    unsigned day = in_cycle - (365 * year + year / 4 - year / 100);
    unsigned month = (5 * day + 2) / 153;
    date[2] = day - (153 * month + 2) / 5 + 1;
    date[1] = month < 10 ? month + 3 : month - 9;
    date[0] = (unsigned)(1600 + cycle * 400 + year + (date[1] <= 2));
}

static size_t put_filetime(uint64_t t, char *out)
{
    uint64_t micros = t / FILETIME_MICROS;
    uint64_t seconds = micros / 1000000;
    unsigned date[6];
    unsigned in_day = (unsigned)(seconds % 86400);
    if (seconds / 86400 > 3067670) { /* beyond the year 9999 */
        return put_0x(t, out);
    }
    date_of_days(seconds / 86400, date);
    date[3] = in_day / 3600;
    date[4] = in_day / 60 % 60;
    date[5] = in_day % 60;
    return put_time(date, (unsigned)(micros % 1000000), out);
}

static size_t put_systemtime(struct span s, char *out)
{
    uint16_t part[8]; /* year, month, day of week, day, hour, minute, second, millisecond */
    memcpy(part, s.ptr, sizeof part);
    unsigned date[6] = {part[0], part[1], part[3], part[4], part[5], part[6]};
    if (part[0] > 9999 || part[1] > 12 || part[3] > 31 || part[4] > 23 || part[5] > 59 ||
        part[6] > 60 || part[7] > 999) {
        return put_binary(s, out);
    }
    return put_time(date, part[7] * 1000u, out);
}

static size_t put_guid(struct span s, char *out)
{
    static const uint8_t order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    size_t n = 0;
    for (size_t i = 0; i < sizeof order; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            out[n++] = '-';
        }
        n += put_hex((unsigned char)s.ptr[order[i]], 2, upper, out + n);
    }
    return n;
}

/* [MS-DTYP] 2.4.2.1: "S-1-5-21-…"; an authority of more than 32 bits in hex. */
static size_t put_sid(struct span s, char *out)
{
    uint64_t authority = 0;
    for (size_t i = 2; i < SID_HEADER_BYTES; i++) {
        authority = authority << 8 | (unsigned char)s.ptr[i];
    }
    size_t n = 2;
    memcpy(out, "S-", 2);
    n += put_decimal((unsigned char)s.ptr[0], out + n);
    out[n++] = '-';
    n += authority >> 32 == 0 ? put_decimal(authority, out + n) : put_0x(authority, out + n);
    for (size_t i = SID_HEADER_BYTES; i + 4 <= s.len; i += 4) {
        uint32_t part;
        memcpy(&part, s.ptr + i, sizeof part);
        out[n++] = '-';
        n += put_decimal(part, out + n);
    }
    return n;
}

static bool is_sid(struct span s)
{
    return s.len >= SID_HEADER_BYTES &&
           s.len == SID_HEADER_BYTES + 4 * (size_t)(unsigned char)s.ptr[1];
}

/* ---- by type ---- */

struct type_info {
    uint8_t size; /* bytes; 0: any */
    uint8_t kind; /* enum leaf_kind */
};

static const struct type_info types[] = {
    [EVTX_STRING] = {0, LEAF_STRING},   [EVTX_ANSI] = {0, LEAF_STRING},
    [EVTX_INT8] = {1, LEAF_NUMBER},     [EVTX_UINT8] = {1, LEAF_NUMBER},
    [EVTX_INT16] = {2, LEAF_NUMBER},    [EVTX_UINT16] = {2, LEAF_NUMBER},
    [EVTX_INT32] = {4, LEAF_NUMBER},    [EVTX_UINT32] = {4, LEAF_NUMBER},
    [EVTX_INT64] = {8, LEAF_NUMBER},    [EVTX_UINT64] = {8, LEAF_NUMBER},
    [EVTX_REAL32] = {4, LEAF_NUMBER},   [EVTX_REAL64] = {8, LEAF_NUMBER},
    [EVTX_BOOL] = {4, LEAF_TRUE},       [EVTX_BINARY] = {0, LEAF_STRING},
    [EVTX_GUID] = {16, LEAF_STRING},    [EVTX_SIZE] = {8, LEAF_STRING},
    [EVTX_FILETIME] = {8, LEAF_STRING}, [EVTX_SYSTEMTIME] = {16, LEAF_STRING},
    [EVTX_SID] = {0, LEAF_STRING},      [EVTX_HEX32] = {4, LEAF_STRING},
    [EVTX_HEX64] = {8, LEAF_STRING},    [EVTX_HANDLE] = {0, LEAF_STRING},
    [EVTX_XML] = {0, LEAF_STRING},
};

size_t evtx_item_size(uint8_t type)
{
    return type < ARRAY_LEN(types) ? types[type].size : 0;
}

size_t evtx_text_room(uint8_t type, size_t size)
{
    size_t most = type == EVTX_SID ? size / 4 * SID_PART_TEXT_MAX : 0;
    return 3 * size + most + EVTX_FIXED_TEXT_MAX;
}

static uint64_t unsigned_of(struct span s)
{
    uint64_t v = 0;
    memcpy(&v, s.ptr, s.len); /* at most 8 bytes: its type has that size */
    return v;
}

/* A type of fixed size; the value has it. */
static size_t put_fixed(uint8_t type, struct span s, char *out, uint8_t *kind)
{
    uint64_t v = s.len <= sizeof v ? unsigned_of(s) : 0;
    unsigned shift = s.len < sizeof v ? (unsigned)(8 * (sizeof v - s.len)) : 0;
    float real32;
    double real64;
    switch (type) {
    case EVTX_INT8:
    case EVTX_INT16:
    case EVTX_INT32:
    case EVTX_INT64:
        return put_signed((int64_t)(v << shift) >> shift, out);
    case EVTX_REAL32:
        memcpy(&real32, s.ptr, sizeof real32);
        return put_real((double)real32, REAL32_DIGITS, out);
    case EVTX_REAL64:
        memcpy(&real64, s.ptr, sizeof real64);
        return put_real(real64, REAL64_DIGITS, out);
    case EVTX_BOOL:
        *kind = v != 0 ? LEAF_TRUE : LEAF_FALSE;
        memcpy(out, v != 0 ? "true" : "false", 5);
        return v != 0 ? 4 : 5;
    case EVTX_GUID:
        return put_guid(s, out);
    case EVTX_FILETIME:
        return put_filetime(v, out);
    case EVTX_SYSTEMTIME:
        return put_systemtime(s, out);
    case EVTX_SIZE:
    case EVTX_HEX32:
    case EVTX_HEX64:
        return put_0x(v, out);
    default:
        return put_decimal(v, out);
    }
}

/* A size that does not fit the type: pointers have 4 bytes in events of 32-bit programs, and a
 * boolean may be a byte. */
static bool fits(uint8_t type, struct span s)
{
    if (type == EVTX_SID) {
        return is_sid(s);
    }
    bool other = (type == EVTX_SIZE && s.len == 4) || (type == EVTX_BOOL && s.len == 1);
    return s.len > 0 && type < ARRAY_LEN(types) && (s.len == types[type].size || other);
}

size_t evtx_text(uint8_t type, struct span value, char *out, uint8_t *kind_out, uint32_t *tags)
{
    *kind_out = LEAF_STRING;
    if (type == EVTX_STRING || type == EVTX_XML) {
        return evtx_utf16(without_zeros(value, 2), out, tags);
    }
    if (type == EVTX_ANSI) {
        return put_ansi(without_zeros(value, 1), out);
    }
    if (!fits(type, value)) {
        return put_binary(value, out);
    }
    if (type == EVTX_SID) {
        return put_sid(value, out);
    }
    *kind_out = types[type].kind;
    return put_fixed(type, value, out, kind_out);
}
