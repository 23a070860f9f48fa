/* SPDX-License-Identifier: EUPL-1.2 */
/* Formats that are asserted. Pure; each reads no further than the text. */
#include <arpa/inet.h>

#include "records/schema/schema_priv.h"

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool hex(char c)
{
    return digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool one_of(char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* n digits at `at` as a number; -1 when they are not there. */
static int number(struct span s, size_t at, size_t n)
{
    int v = 0;
    if (at > s.len || s.len - at < n) {
        return -1;
    }
    for (size_t i = 0; i < n; i++) {
        if (!digit(s.ptr[at + i])) {
            return -1;
        }
        v = v * 10 + (s.ptr[at + i] - '0');
    }
    return v;
}

/* RFC 3339 full-date. */
static bool is_date(struct span s)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    int year = number(s, 0, 4);
    int month = number(s, 5, 2);
    int day = number(s, 8, 2);
    if (s.len != 10 || s.ptr[4] != '-' || s.ptr[7] != '-' || year < 0 || month < 1 || month > 12 || day < 1) {
        return false;
    }
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return day <= days[month - 1] + (month == 2 && leap ? 1 : 0);
}

/* Offset of RFC 3339 in minutes; false when it is none. */
static bool offset_minutes(struct span s, int *out)
{
    *out = 0;
    if (s.len == 1) {
        return s.ptr[0] == 'Z' || s.ptr[0] == 'z';
    }
    int hours = number(s, 1, 2);
    int minutes = number(s, 4, 2);
    bool good = s.len == 6 && (s.ptr[0] == '+' || s.ptr[0] == '-') && s.ptr[3] == ':' && hours >= 0 && hours < 24 &&
                minutes >= 0 && minutes < 60;
    *out = good ? (s.ptr[0] == '-' ? -1 : 1) * (hours * 60 + minutes) : 0;
    return good;
}

/* RFC 3339 date-time; a 60th second only where UTC has one. */
static bool is_date_time(struct span s)
{
    int hour = number(s, 11, 2);
    int minute = number(s, 14, 2);
    int second = number(s, 17, 2);
    int offset = 0;
    size_t at = 19;
    if (s.len < 20 || !is_date(span_sub(s, 0, 10)) || !one_of(s.ptr[10], "Tt") || s.ptr[13] != ':' || s.ptr[16] != ':' ||
        hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 60) {
        return false;
    }
    if (s.ptr[at] == '.') {
        size_t start = ++at;
        while (at < s.len && digit(s.ptr[at])) {
            at++;
        }
        if (at == start) {
            return false;
        }
    }
    if (!offset_minutes(span_sub(s, at, s.len), &offset)) {
        return false;
    }
    enum { DAY_MINUTES = 1440 };
    int utc = ((hour * 60 + minute - offset) % DAY_MINUTES + DAY_MINUTES) % DAY_MINUTES;
    return second < 60 || utc == DAY_MINUTES - 1;
}

static bool is_ip(struct span s, int family)
{
    char text[INET6_ADDRSTRLEN];
    unsigned char out[16];
    if (s.len == 0 || s.len >= sizeof text || memchr(s.ptr, '\0', s.len) != NULL) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(family, text, out) == 1;
}

static bool is_ipv4(struct span s)
{
    for (size_t i = 0; i + 1 < s.len; i++) { /* 087 is 87 for some and 71 for others */
        if (s.ptr[i] == '0' && digit(s.ptr[i + 1]) && (i == 0 || s.ptr[i - 1] == '.')) {
            return false;
        }
    }
    return is_ip(s, AF_INET);
}

static bool is_ipv6(struct span s)
{
    ptrdiff_t dot = span_find(s, '.');
    if (dot >= 0) {
        size_t from = (size_t)dot;
        while (from > 0 && s.ptr[from - 1] != ':') {
            from--;
        }
        if (!is_ipv4(span_sub(s, from, s.len))) {
            return false;
        }
    }
    return is_ip(s, AF_INET6);
}

static bool is_uuid(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.ptr[i] != '-' : !hex(s.ptr[i])) {
            return false;
        }
    }
    return s.len == 36;
}

/* ---- RFC 3986 ---- */

/* unreserved, sub-delims, pct-encoded, and what `more` names. */
static bool uri_part(struct span s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '%') {
            if (s.len - i < 3 || !hex(s.ptr[i + 1]) || !hex(s.ptr[i + 2])) {
                return false;
            }
            i += 2;
        } else if (!letter(c) && !digit(c) && !one_of(c, "-._~!$&'()*+,;=") && !one_of(c, more)) {
            return false;
        }
    }
    return true;
}

static bool ip_literal(struct span s)
{
    if (s.len > 1 && one_of(s.ptr[0], "vV")) {
        ptrdiff_t dot = span_find(s, '.');
        bool good = dot > 1 && (size_t)dot + 1 < s.len;
        for (ptrdiff_t i = 1; good && i < dot; i++) {
            good = hex(s.ptr[i]);
        }
        return good && uri_part(span_sub(s, (size_t)dot + 1, s.len), ":") && span_find(s, '%') < 0;
    }
    return is_ipv6(s);
}

/* [userinfo@]host[:port] */
static bool uri_authority(struct span s)
{
    ptrdiff_t at = span_find(s, '@');
    if (at >= 0) {
        if (!uri_part(span_sub(s, 0, (size_t)at), ":")) {
            return false;
        }
        s = span_sub(s, (size_t)at + 1, s.len);
    }
    size_t host = 0;
    if (s.len > 0 && s.ptr[0] == '[') {
        ptrdiff_t end = span_find(s, ']');
        if (end < 0 || !ip_literal(span_sub(s, 1, (size_t)end - 1))) {
            return false;
        }
        host = (size_t)end + 1;
    } else {
        ptrdiff_t colon = span_find(s, ':');
        host = colon < 0 ? s.len : (size_t)colon;
        if (!uri_part(span_sub(s, 0, host), "")) {
            return false;
        }
    }
    if (host < s.len && s.ptr[host] != ':') {
        return false;
    }
    for (size_t i = host + 1; i < s.len; i++) {
        if (!digit(s.ptr[i])) {
            return false;
        }
    }
    return true;
}

/* The part of *s before the first c; *s keeps what follows it, or nothing. */
static struct span cut(struct span *s, const char *set, char *met)
{
    size_t i = 0;
    while (i < s->len && !one_of(s->ptr[i], set)) {
        i++;
    }
    struct span head = span_sub(*s, 0, i);
    *met = i < s->len ? s->ptr[i] : '\0';
    *s = span_sub(*s, i + (i < s->len ? 1 : 0), s->len);
    return head;
}

/* A URI with a scheme. */
static bool is_uri(struct span s)
{
    char met = '\0';
    if (s.len == 0 || memchr(s.ptr, '\0', s.len) != NULL) {
        return false;
    }
    struct span scheme = cut(&s, ":/?#", &met);
    if (met != ':' || scheme.len == 0 || !letter(scheme.ptr[0])) {
        return false;
    }
    for (size_t i = 0; i < scheme.len; i++) {
        if (!letter(scheme.ptr[i]) && !digit(scheme.ptr[i]) && !one_of(scheme.ptr[i], "+-.")) {
            return false;
        }
    }
    struct span rest = cut(&s, "#", &met);
    if (!uri_part(s, ":@/?")) {
        return false;
    }
    struct span path = cut(&rest, "?", &met);
    if (!uri_part(rest, ":@/?")) {
        return false;
    }
    if (span_starts(path, SPAN("//"))) {
        path = span_sub(path, 2, path.len);
        struct span authority = cut(&path, "/", &met);
        if (!uri_authority(authority)) {
            return false;
        }
    }
    return uri_part(path, ":@/");
}

/* ---- RFC 5321 §4.1.2 ---- */

static bool dot_atom(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        bool dot = s.ptr[i] == '.';
        if (dot && (i == 0 || i + 1 == s.len || s.ptr[i - 1] == '.')) {
            return false;
        }
        if (!dot && !letter(s.ptr[i]) && !digit(s.ptr[i]) && !one_of(s.ptr[i], "!#$%&'*+-/=?^_`{|}~")) {
            return false;
        }
    }
    return s.len > 0;
}

static bool quoted_local(struct span s)
{
    if (s.len < 2 || s.ptr[0] != '"' || s.ptr[s.len - 1] != '"') {
        return false;
    }
    for (size_t i = 1; i + 1 < s.len; i++) {
        bool escape = s.ptr[i] == '\\';
        i += escape ? 1 : 0;
        if (i + 1 >= s.len || s.ptr[i] < 0x20 || s.ptr[i] == 0x7f || (!escape && s.ptr[i] == '"')) {
            return false;
        }
    }
    return true;
}

static bool domain(struct span s)
{
    size_t label = 0;
    if (s.len > 2 && s.ptr[0] == '[' && s.ptr[s.len - 1] == ']') {
        struct span inner = span_sub(s, 1, s.len - 2);
        return span_starts(inner, SPAN("IPv6:")) ? is_ipv6(span_sub(inner, 5, inner.len)) : is_ipv4(inner);
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.') {
            if (label == 0 || s.ptr[i - 1] == '-') {
                return false;
            }
            label = 0;
        } else if ((!letter(c) && !digit(c) && (c != '-' || label == 0)) || ++label > 63) {
            return false;
        }
    }
    return s.len > 0 && s.len <= 253 && label > 0 && s.ptr[s.len - 1] != '-';
}

static bool is_email(struct span s)
{
    size_t at = s.len;
    while (at > 0 && s.ptr[at - 1] != '@') {
        at--;
    }
    if (at == 0) {
        return false;
    }
    struct span local = span_sub(s, 0, at - 1);
    return local.len <= 64 && (dot_atom(local) || quoted_local(local)) && domain(span_sub(s, at, s.len));
}

const struct schema_format *schema_format_of(struct span name)
{
    static const struct schema_format formats[] = {
        {"date", is_date}, {"date-time", is_date_time}, {"uri", is_uri},   {"email", is_email},
        {"uuid", is_uuid}, {"ipv4", is_ipv4},           {"ipv6", is_ipv6},
    };
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (span_eq(name, span_of(formats[i].name))) {
            return &formats[i];
        }
    }
    return NULL;
}
