/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What addresses, names, hashes and URLs look like: see indicator.h. Runs on every value that a hunt reads, so each
 * gives up at the first byte that does not fit; nothing here allocates but shape_url.
 */
#include "flow/hunt/shape.h"

#include <arpa/inet.h>

#include "base/num.h"

enum {
    IP_TEXT_MAX = 45,    /* RFC 4291 text with an IPv4 tail */
    DOMAIN_MAX = 253,    /* RFC 1035 §2.3.4, as text */
    LABEL_MAX = 63,
    SCHEME_MAX = 20,
};

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z');
}

bool shape_number(struct span s, uint64_t most, uint64_t *out)
{
    return s.len > 0 && s.len <= 20 && (s.len == 1 || s.ptr[0] != '0') && num_u64(s, out) &&
           *out <= most;
}

void shape_mask(unsigned char *addr, uint8_t addr_len, uint8_t prefix)
{
    for (uint8_t i = 0; i < addr_len; i++) {
        int bits = prefix - i * 8;
        addr[i] &= bits >= 8 ? 0xff : bits <= 0 ? 0 : (unsigned char)(0xff << (8 - bits));
    }
}

static bool ipv4(struct span s, unsigned char out[16])
{
    for (int i = 0; i < 4; i++) {
        ptrdiff_t dot = span_find(s, '.');
        uint64_t part = 0;
        if ((i < 3) != (dot >= 0) ||
            !shape_number(i < 3 ? span_sub(s, 0, (size_t)dot) : s, 255, &part)) {
            return false;
        }
        out[i] = (unsigned char)part;
        s = i < 3 ? span_sub(s, (size_t)dot + 1, s.len) : s;
    }
    return true;
}

bool shape_ip(struct span s, unsigned char out[16], uint8_t *len_out)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[IP_TEXT_MAX + 1];
    memset(out, 0, 16);
    if (s.len < 2 || s.len > IP_TEXT_MAX) {
        return false;
    }
    if (is_digit(s.ptr[0]) && ipv4(s, out)) {
        *len_out = 4;
        return true;
    }
    if (span_find(s, ':') < 0) {
        return false;
    }
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    if (memchr(text, '\0', s.len) != NULL || inet_pton(AF_INET6, text, out) != 1) {
        return false;
    }
    *len_out = 16;
    if (memcmp(out, mapped, sizeof mapped) == 0) {
        memmove(out, out + 12, 4);
        memset(out + 4, 0, 12);
        *len_out = 4;
    }
    return true;
}

bool shape_domain(struct span s)
{
    size_t label = 0;
    size_t dots = 0;
    bool letter = false;
    if (s.len < 3 || s.len > DOMAIN_MAX) {
        return false;
    }
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '.') {
            if (label == 0) {
                return false;
            }
            dots++;
            label = 0;
            letter = false;
            continue;
        }
        if ((!is_alnum(c) && c != '_' && (c != '-' || label == 0)) || ++label > LABEL_MAX) {
            return false;
        }
        letter = letter || (is_alnum(c) && !is_digit(c));
    }
    return dots > 0 && label > 0 && letter;
}

bool shape_hex(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = ascii_lower(s.ptr[i]);
        if (!is_digit(c) && (c < 'a' || c > 'f')) {
            return false;
        }
    }
    return s.len > 0;
}

struct span shape_last_part(struct span s)
{
    size_t at = s.len;
    while (at > 0 && s.ptr[at - 1] != '/' && s.ptr[at - 1] != '\\') {
        at--;
    }
    return span_sub(s, at, s.len);
}

/* A name or an address as it may stand in a URL: brackets are for addresses with colons alone (RFC 3986 section 3.2.2). */
static bool is_host(struct span s, bool bracketed)
{
    return s.len > 0 && span_find(s, '[') < 0 && span_find(s, ']') < 0 && bracketed == (span_find(s, ':') >= 0);
}

/* Host and port of "user@host:port"; IPv6 in brackets. False when there is no host. */
static bool split_authority(struct span s, struct span *host, struct span *port)
{
    for (size_t i = s.len; i-- > 0;) {
        if (s.ptr[i] == '@') {
            s = span_sub(s, i + 1, s.len);
            break;
        }
    }
    size_t end = 0;
    bool bracketed = s.len > 0 && s.ptr[0] == '[';
    *port = SPAN("");
    if (bracketed) {
        ptrdiff_t close = span_find(s, ']');
        if (close < 0) {
            return false;
        }
        end = (size_t)close + 1;
        *host = span_sub(s, 1, (size_t)close - 1);
    } else {
        ptrdiff_t colon = span_find(s, ':');
        end = colon < 0 ? s.len : (size_t)colon;
        *host = span_sub(s, 0, end);
    }
    struct span rest = span_sub(s, end, s.len);
    if (rest.len > 0) {
        *port = span_sub(rest, 1, rest.len);
    }
    for (size_t i = 0; i < port->len; i++) {
        if (!is_digit(port->ptr[i])) {
            return false;
        }
    }
    return is_host(*host, bracketed) && (rest.len == 0 || rest.ptr[0] == ':');
}

static bool default_port(struct span scheme, struct span port)
{
    return port.len == 0 || (span_eq_nocase(scheme, SPAN("http")) && span_eq(port, SPAN("80"))) ||
           (span_eq_nocase(scheme, SPAN("https")) && span_eq(port, SPAN("443")));
}

static size_t put_lower(char *out, struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        out[i] = ascii_lower(s.ptr[i]);
    }
    return s.len;
}

static size_t put(char *out, struct span s)
{
    if (s.len > 0) {
        memcpy(out, s.ptr, s.len);
    }
    return s.len;
}

bool shape_url(struct span s, struct arena *arena, struct span *url_out, struct span *host_out)
{
    struct span host;
    struct span port;
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] <= ' ' || s.ptr[i] == 0x7f) {
            return false;
        }
    }
    while (n < s.len && n <= SCHEME_MAX && (is_alnum(s.ptr[n]) || s.ptr[n] == '+')) {
        n++;
    }
    struct span scheme = span_sub(s, 0, n);
    struct span rest = span_sub(s, n, s.len);
    if (n == 0 || n > SCHEME_MAX || !span_starts(rest, SPAN("://"))) {
        return false;
    }
    rest = span_sub(rest, 3, rest.len);
    ptrdiff_t fragment = span_find(rest, '#');
    rest = fragment < 0 ? rest : span_sub(rest, 0, (size_t)fragment);
    size_t end = 0;
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?') {
        end++;
    }
    if (!split_authority(span_sub(rest, 0, end), &host, &port)) {
        return false;
    }
    struct span path = span_sub(rest, end, rest.len);
    bool bracket = span_find(host, ':') >= 0;
    char *out = arena_bytes(arena, s.len + 8);
    size_t at = put_lower(out, scheme);
    at += put(out + at, SPAN("://"));
    at += bracket ? put(out + at, SPAN("[")) : 0;
    size_t host_at = at;
    at += put_lower(out + at, host);
    *host_out = span_make(out + host_at, host.len);
    at += bracket ? put(out + at, SPAN("]")) : 0;
    if (!default_port(scheme, port)) {
        at += put(out + at, SPAN(":"));
        at += put(out + at, port);
    }
    at += path.len == 0 || path.ptr[0] != '/' ? put(out + at, SPAN("/")) : 0;
    at += put(out + at, path);
    *url_out = span_make(out, at);
    return true;
}
