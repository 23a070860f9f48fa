/* SPDX-License-Identifier: EUPL-1.2 */
/* Encodings of tables, and cells as spreadsheets left them: see mapping.h and mapping_priv.h. */
#include <string.h>

#include "base/clock.h"
#include "base/num.h"
#include "base/utf8.h"
#include "desk/govern/mapping_priv.h"

/* Bytes 0x80 to 0x9f of Windows-1252; those that it has not stay control characters. */
static const uint16_t old_page[32] = {
    0x20ac, 0x0081, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0x008d, 0x017d, 0x008f,
    0x0090, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x009d, 0x017e, 0x0178,
};

static uint32_t unit_at(struct span s, size_t at, bool big)
{
    unsigned char x = (unsigned char)s.ptr[at], y = (unsigned char)s.ptr[at + 1];
    return big ? (uint32_t)x << 8 | y : (uint32_t)y << 8 | x;
}

static int from_utf16(struct span s, bool big, struct arena *a, struct span *out, struct err *e)
{
    char *to = arena_bytes(a, s.len / 2 * 3 + 4);
    size_t n = 0;
    for (size_t at = 0; at < s.len; at += 2) {
        uint32_t cp = at + 1 < s.len ? unit_at(s, at, big) : 0xd800;
        if (cp >= 0xd800 && cp < 0xdc00 && at + 3 < s.len) {
            uint32_t low = unit_at(s, at + 2, big);
            if (low >= 0xdc00 && low < 0xe000) {
                cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
                at += 2;
            }
        }
        if (cp >= 0xd800 && cp < 0xe000) {
            return err_set(e, ERR_INVALID, "This UTF-16 text is damaged. Save it as \"CSV UTF-8\" and try again.");
        }
        n += utf8_encode(cp, to + n);
    }
    *out = span_make(to, n);
    return 0;
}

static struct span from_old_page(struct span s, struct arena *a)
{
    char *to = arena_bytes(a, s.len * 3 + 4);
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        n += utf8_encode(c >= 0x80 && c < 0xa0 ? old_page[c - 0x80] : c, to + n);
    }
    return span_make(to, n);
}

int mapping_decode(struct span text, bool old, struct arena *a, struct span *out, const char **encoding_out, struct err *e)
{
    bool little = span_starts(text, SPAN("\xff\xfe")), big = span_starts(text, SPAN("\xfe\xff"));
    *out = text;
    *encoding_out = "utf-8";
    if (text.len > CSV_BYTES_MAX) {
        return err_set(e, ERR_LIMIT, "The file has more than 16 MiB. Cut it into several.");
    }
    if (little || big) {
        *encoding_out = big ? "utf-16be" : "utf-16le";
        return from_utf16(span_sub(text, 2, text.len), big, a, out, e);
    }
    if (old && !utf8_valid(text)) {
        *encoding_out = "windows-1252";
        *out = from_old_page(text, a);
    }
    return 0;
}

/* ---- cells ---- */

/* Up to three numbers of digits, parted by one kind of sign. */
static uint32_t parts_of(struct span s, uint64_t part[3], size_t len[3])
{
    uint32_t n = 0;
    char sign = 0;
    while (n < 3) {
        size_t i = 0;
        while (i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9') {
            i++;
        }
        if (i == 0 || i > 5 || !num_u64(span_sub(s, 0, i), &part[n])) {
            return 0;
        }
        len[n++] = i;
        if (i == s.len) {
            return n;
        }
        char at = s.ptr[i];
        if ((at != '.' && at != '/' && at != '-') || (sign != 0 && at != sign)) {
            return 0;
        }
        sign = at;
        s = span_sub(s, i + 1, s.len);
    }
    return 0;
}

static struct span iso(struct arena *a, uint64_t year, uint64_t month, uint64_t day, struct span as_is)
{
    struct time_parts p = {.year = (int)year, .month = (int)month, .day = (int)day, .has_offset = true};
    time_ns ignored;
    bool fits = year >= 1900 && year < 2200 && month >= 1 && month <= 12 && day >= 1 && day <= 31 && time_from_parts(&p, 0, &ignored);
    return fits ? span_of(arena_printf(a, "%04d-%02d-%02d", p.year, p.month, p.day)) : as_is;
}

struct span mapping_day(struct arena *a, struct span cell, enum profile_dates order)
{
    enum { SERIAL_1950 = 18264, SERIAL_2100 = 73051, SERIAL_1970 = 25569 /* days since 1899-12-30 */ };
    uint64_t part[3];
    size_t len[3];
    struct span s = span_trim(cell);
    ptrdiff_t blank = span_find(s, ' '); /* a time of the day behind it: "01.02.2026 00:00" */
    uint32_t n = parts_of(blank > 0 ? span_sub(s, 0, (size_t)blank) : s, part, len);
    if (n == 1 && len[0] == 5 && part[0] >= SERIAL_1950 && part[0] < SERIAL_2100) {
        struct time_parts p;
        time_to_parts(((time_ns)part[0] - SERIAL_1970) * TIME_DAY, &p);
        return span_of(arena_printf(a, "%04d-%02d-%02d", p.year, p.month, p.day));
    }
    if (n != 3) {
        return cell;
    }
    if (len[0] == 4) {
        return iso(a, part[0], part[1], part[2], cell);
    }
    if (len[2] != 4 || order == DATES_YMD) { /* a year of two digits is nobody's year */
        return cell;
    }
    return order == DATES_DMY ? iso(a, part[2], part[1], part[0], cell) : iso(a, part[2], part[0], part[1], cell);
}

/* A sign between thousands: a blank, a narrow or fixed one, an apostrophe, and what is no decimal sign here. Its length, or 0. */
static size_t thousands(struct span s, bool comma)
{
    static const char *const signs[] = {" ", "\xc2\xa0", "\xe2\x80\xaf", "'", "\xe2\x80\x99"};
    for (size_t i = 0; i < ARRAY_LEN(signs); i++) {
        if (span_starts(s, span_of(signs[i]))) {
            return strlen(signs[i]);
        }
    }
    return s.len > 0 && s.ptr[0] == (comma ? '.' : ',') ? 1 : 0;
}

struct span mapping_number(struct arena *a, struct span cell, bool comma)
{
    struct span s = span_trim(cell);
    char *to = arena_bytes(a, s.len + 1);
    size_t n = 0;
    uint32_t since = 0; /* digits since the last sign between thousands */
    bool parted = false, decimal = false;
    while (s.len > 0) {
        char c = s.ptr[0];
        size_t sign = decimal ? 0 : thousands(s, comma);
        if (c >= '0' && c <= '9') {
            since++;
            to[n++] = c;
            sign = 1;
        } else if (c == '-' && n == 0) {
            to[n++] = c;
            sign = 1;
        } else if (c == (comma ? ',' : '.') && !decimal && since > 0) {
            if (parted && since != 3) {
                return cell;
            }
            decimal = true;
            to[n++] = '.';
            sign = 1;
        } else if (sign > 0 && since > 0 && since <= 3 && (!parted || since == 3)) {
            parted = true;
            since = 0;
        } else {
            return cell;
        }
        s = span_sub(s, sign, s.len);
    }
    return n == 0 || (parted && !decimal && since != 3) || to[n - 1] == '.' ? cell : span_make(to, n);
}

/* ="007" is how a spreadsheet keeps a text that looks like a number; what runs stays a text. */
struct span mapping_formula(struct arena *a, struct span cell)
{
    if (cell.len < 3 || !span_starts(cell, SPAN("=\"")) || cell.ptr[cell.len - 1] != '"') {
        return cell;
    }
    struct span inner = span_sub(cell, 2, cell.len - 3);
    return span_find(inner, '"') < 0 && inner.len > 0 ? csv_guard(a, inner) : cell;
}

struct span mapping_list(struct arena *a, struct span cell, char sign)
{
    struct buf b;
    buf_init(&b, (size_t)CSV_CELL_MAX * 4);
    struct span s = cell;
    bool first = true;
    while (true) {
        ptrdiff_t n = span_find(s, sign);
        struct span one = span_trim(span_sub(s, 0, n < 0 ? s.len : (size_t)n));
        if (one.len > 0) {
            buf_cstr(&b, first ? "" : "|");
            first = false;
        }
        for (size_t i = 0; i < one.len; i++) {
            if (one.ptr[i] == '|' || one.ptr[i] == '\\') {
                buf_u8(&b, '\\');
            }
            buf_u8(&b, (uint8_t)one.ptr[i]);
        }
        if (n < 0) {
            break;
        }
        s = span_sub(s, (size_t)n + 1, s.len);
    }
    CHECK(!b.failed);
    struct span out = arena_copy(a, buf_view(&b));
    buf_free(&b);
    return out.len > 0 && out.ptr[0] == '[' ? cell : csv_guard(a, out);
}
