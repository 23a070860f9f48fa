/* SPDX-License-Identifier: EUPL-1.2 */
/* Addresses, filters, distinguished names and ids of directories: see directory.h. Pure; whatever comes in may be hostile. */
#include "desk/identity/directory.h"

#include <stdio.h>
#include <string.h>

#include "base/id.h"

/* ---- address ---- */

int directory_url_parse(struct span url, struct directory_url *out, struct err *e)
{
    bool tls = span_starts(url, SPAN("ldaps://")), plain = span_starts(url, SPAN("ldap://"));
    struct span rest = tls ? span_sub(url, 8, url.len) : plain ? span_sub(url, 7, url.len) : SPAN("");
    bool fine = rest.len > 0 && rest.len <= PROVIDER_TEXT_MAX;
    uint32_t port = 0;
    for (size_t i = 0; fine && i < rest.len; i++) {
        char c = ascii_lower(rest.ptr[i]);
        fine = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || memchr("-.:[]", c, 5) != NULL;
    }
    bool six = fine && rest.ptr[0] == '[';
    ptrdiff_t end = six ? span_find(rest, ']') : span_find(rest, ':');
    fine = fine && (!six || end > 0);
    size_t host_end = end < 0 ? rest.len : (size_t)end;
    struct span host = fine ? span_sub(rest, six, host_end - six) : SPAN("");
    struct span tail = fine ? span_sub(rest, host_end + six, rest.len) : SPAN("");
    fine = fine && host.len > 0 && span_find(host, '[') < 0 && span_find(host, ']') < 0 && (tail.len == 0 || tail.ptr[0] == ':');
    for (size_t i = 1; fine && i < tail.len; i++) {
        port = port * 10 + (uint32_t)(tail.ptr[i] - '0');
        fine = tail.ptr[i] >= '0' && tail.ptr[i] <= '9' && port <= UINT16_MAX;
    }
    if (!fine || (tail.len > 0 && port == 0)) {
        return err_set(e, ERR_INVALID, "url must be ldaps://host, or ldap://host, which speaks StartTLS first; a port may follow");
    }
    *out = (struct directory_url){host, tail.len > 0 ? (uint16_t)port : tls ? 636 : 389, tls};
    return 0;
}

/* ---- filters ---- */

static ptrdiff_t find_hole(struct span filter, struct span hole, size_t from)
{
    for (size_t i = from; i + hole.len <= filter.len; i++) {
        if (memcmp(filter.ptr + i, hole.ptr, hole.len) == 0) {
            return (ptrdiff_t)i;
        }
    }
    return -1;
}

bool directory_filter_valid(struct span filter, struct span hole)
{
    size_t depth = 0;
    for (size_t i = 0; i < filter.len; i++) {
        unsigned char c = (unsigned char)filter.ptr[i];
        if (c < 0x20 || c == 0x7f || (c == ')' && depth == 0)) {
            return false;
        }
        depth += c == '(';
        depth -= c == ')';
        if (depth == 0 && i + 1 < filter.len) { /* one filter, and nothing behind it or before it */
            return false;
        }
    }
    return filter.len > 2 && filter.len <= DIRECTORY_FILTER_MAX && depth == 0 && find_hole(filter, hole, 0) > 0;
}

void directory_filter_value(struct buf *out, struct span value)
{
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z')) {
            buf_u8(out, c);
        } else {
            buf_printf(out, "\\%02x", c);
        }
    }
}

void directory_filter(struct buf *out, struct span filter, struct span hole, struct span value)
{
    size_t at = 0;
    for (ptrdiff_t i = find_hole(filter, hole, 0); i >= 0; i = find_hole(filter, hole, at)) {
        buf_span(out, span_sub(filter, at, (size_t)i - at));
        directory_filter_value(out, value);
        at = (size_t)i + hole.len;
    }
    buf_span(out, span_sub(filter, at, filter.len));
}

void directory_filter_equals(struct buf *out, struct span attribute, struct span value)
{
    buf_printf(out, "(%.*s=", SPAN_ARG(attribute));
    directory_filter_value(out, value);
    buf_cstr(out, ")");
}

bool directory_attribute_valid(struct span name)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = ascii_lower(name.ptr[i]);
        if ((c < 'a' || c > 'z') && (i == 0 || ((c < '0' || c > '9') && c != '-' && c != ';'))) {
            return false;
        }
    }
    return name.len > 0 && name.len <= 64;
}

/* ---- distinguished names (RFC 4514) ---- */

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f' ? ascii_lower(c) - 'a' + 10 : -1;
}

/* An escape behind a backslash: two digits, or the character itself. False: it is none. */
static bool escaped(struct span dn, size_t *at, unsigned char *out)
{
    size_t i = *at + 1;
    if (i >= dn.len) {
        return false;
    }
    int high = hex_digit(dn.ptr[i]), low = i + 1 < dn.len ? hex_digit(dn.ptr[i + 1]) : -1;
    if (high >= 0 && low >= 0) {
        *out = (unsigned char)(high * 16 + low);
        *at = i + 2;
        return true;
    }
    *out = (unsigned char)dn.ptr[i];
    *at = i + 1;
    return memchr(" \"#+,;<=>\\", *out, 10) != NULL;
}

/* Letters and digits stand as they are, one blank for each run of them; whatever else is written \xx. */
static void put_folded(struct buf *out, unsigned char c)
{
    c = (unsigned char)ascii_lower((char)c);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c >= 0x80) {
        buf_u8(out, c);
    } else {
        buf_printf(out, "\\%02x", c);
    }
}

/* A value up to the separator behind it. Blanks at its ends do not count unless escaped; nothing of it may stand in quotes (LDAPv2). */
static bool fold_value(struct buf *out, struct span dn, size_t *at)
{
    size_t begin = out->len, blanks = 0;
    while (*at < dn.len && dn.ptr[*at] != ',' && dn.ptr[*at] != '+' && dn.ptr[*at] != ';') {
        unsigned char c = (unsigned char)dn.ptr[*at];
        bool is_escaped = c == '\\';
        if (is_escaped ? !escaped(dn, at, &c) : c == 0 || c == '"' || c == '<' || c == '>') {
            return false;
        }
        *at += !is_escaped;
        if (c == ' ' && !is_escaped) {
            blanks++;
            continue;
        }
        if (blanks > 0 && out->len > begin) {
            put_folded(out, ' ');
        }
        blanks = 0;
        put_folded(out, c);
    }
    return out->len > begin;
}

bool directory_dn_fold(struct buf *out, struct span dn)
{
    size_t at = 0;
    if (dn.len == 0 || dn.len > DIRECTORY_DN_MAX) {
        return false;
    }
    for (;;) {
        ptrdiff_t equals = span_find(span_sub(dn, at, dn.len), '=');
        struct span type = equals < 0 ? SPAN("") : span_trim(span_sub(dn, at, (size_t)equals));
        bool numbers = type.len > 0; /* 2.5.4.3 */
        for (size_t i = 0; i < type.len; i++) {
            numbers = numbers && ((type.ptr[i] >= '0' && type.ptr[i] <= '9') || type.ptr[i] == '.');
        }
        if (!numbers && !directory_attribute_valid(type)) {
            return false;
        }
        for (size_t i = 0; i < type.len; i++) {
            buf_u8(out, (uint8_t)ascii_lower(type.ptr[i]));
        }
        buf_u8(out, '=');
        at += (size_t)equals + 1;
        if (!fold_value(out, dn, &at)) {
            return false;
        }
        if (at == dn.len) {
            return !out->failed;
        }
        buf_u8(out, dn.ptr[at] == '+' ? '+' : ',');
        at++;
    }
}

bool directory_dn_same(struct span a, struct span b)
{
    struct buf x, y;
    buf_init(&x, 4 * DIRECTORY_DN_MAX);
    buf_init(&y, 4 * DIRECTORY_DN_MAX);
    bool same = directory_dn_fold(&x, a) && directory_dn_fold(&y, b) && span_eq(buf_view(&x), buf_view(&y));
    buf_free(&x);
    buf_free(&y);
    return same;
}

/* ---- ids ---- */

/* Order in which the 16 bytes of a GUID are written ([MS-DTYP] §2.3.4.3: three numbers with the low byte first). */
static const unsigned char guid_order[16] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};

bool directory_id_text(struct span attribute, struct span value, char out[DIRECTORY_ID_TEXT_MAX], size_t *len_out)
{
    *len_out = 0;
    if (span_eq_nocase(attribute, SPAN("objectGUID"))) {
        for (size_t i = 0; value.len == 16 && i < 16; i++) {
            *len_out += (size_t)snprintf(out + *len_out, DIRECTORY_ID_TEXT_MAX - *len_out, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "",
                                         (unsigned char)value.ptr[guid_order[i]]);
        }
        return value.len == 16;
    }
    for (size_t i = 0; i < value.len && value.len <= DIRECTORY_ID_MAX; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        if (c <= 0x20 || c >= 0x7f) {
            return false;
        }
        out[(*len_out)++] = ascii_lower((char)c);
    }
    return *len_out > 0;
}

bool directory_id_value(struct span attribute, struct span text, char out[DIRECTORY_ID_MAX], size_t *len_out)
{
    *len_out = 0;
    if (!span_eq_nocase(attribute, SPAN("objectGUID"))) {
        *len_out = text.len > DIRECTORY_ID_MAX ? 0 : text.len;
        memcpy(out, *len_out == 0 ? "" : text.ptr, *len_out);
        return *len_out > 0;
    }
    char digits[32];
    unsigned char bytes[16];
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if ((text.ptr[i] == '-') != dash || (!dash && n == sizeof digits)) {
            return false;
        }
        if (!dash) {
            digits[n++] = text.ptr[i];
        }
    }
    if (n != sizeof digits || !hex_decode(span_make(digits, n), bytes, sizeof bytes)) {
        return false;
    }
    for (size_t i = 0; i < sizeof bytes; i++) {
        out[guid_order[i]] = (char)bytes[i];
    }
    *len_out = sizeof bytes;
    return true;
}
