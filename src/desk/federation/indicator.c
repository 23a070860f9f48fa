/* SPDX-License-Identifier: EUPL-1.2 */
/* Indicators: see indicator.h. Reads text that attackers and other members wrote. */
#include "desk/federation/indicator.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "base/utf8.h"

static const char *const names[] = {
#define X(name, word) word,
    FED_INDICATOR_TABLE(X)
#undef X
};

const char *fed_indicator_type_name(enum fed_indicator_type type)
{
    CHECK((size_t)type < ARRAY_LEN(names));
    return names[type];
}

bool fed_indicator_type_parse(struct span s, enum fed_indicator_type *out)
{
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (span_eq(s, span_of(names[i]))) {
            *out = (enum fed_indicator_type)i;
            return true;
        }
    }
    return false;
}

/* ---- addresses ---- */

/* An address as bytes: 4 or 16 of them, or none. An IPv4 address mapped into IPv6 is IPv4. */
struct address {
    unsigned char byte[16];
    int len;
};

static struct address address_of(struct span text)
{
    struct address a = {0};
    char z[INET6_ADDRSTRLEN];
    if (text.len == 0 || text.len >= sizeof z || memchr(text.ptr, '\0', text.len) != NULL) {
        return a;
    }
    memcpy(z, text.ptr, text.len);
    z[text.len] = '\0';
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (inet_pton(AF_INET, z, a.byte) == 1) {
        a.len = 4;
    } else if (inet_pton(AF_INET6, z, a.byte) == 1) {
        a.len = 16;
        if (memcmp(a.byte, mapped, sizeof mapped) == 0) {
            memmove(a.byte, a.byte + 12, 4);
            a.len = 4;
        }
    }
    return a;
}

static bool within(const struct address *a, const unsigned char *net, int len, unsigned bits)
{
    if (a->len != len) {
        return false;
    }
    unsigned whole = bits / 8;
    unsigned rest = bits % 8;
    if (memcmp(a->byte, net, whole) != 0) {
        return false;
    }
    unsigned mask = rest == 0 ? 0 : 0xffu << (8 - rest) & 0xffu;
    return rest == 0 || (a->byte[whole] & mask) == (net[whole] & mask);
}

struct special {
    int len;
    unsigned char net[16];
    unsigned bits;
};

/* The registries of special purpose addresses (RFC 6890 and what amended it), and multicast. */
static const struct special specials[] = {
    {4, {0}, 8},
    {4, {10}, 8},
    {4, {100, 64}, 10},
    {4, {127}, 8},
    {4, {169, 254}, 16},
    {4, {172, 16}, 12},
    {4, {192, 0, 0}, 24},
    {4, {192, 0, 2}, 24},
    {4, {192, 88, 99}, 24},
    {4, {192, 168}, 16},
    {4, {198, 18}, 15},
    {4, {198, 51, 100}, 24},
    {4, {203, 0, 113}, 24},
    {4, {224}, 3}, /* multicast, reserved, broadcast */
    {16, {0x01, 0x00}, 64},
    {16, {0x00, 0x64, 0xff, 0x9b}, 32},
    {16, {0x20, 0x01, 0x00}, 23}, /* protocol assignments, Teredo, ORCHID */
    {16, {0x20, 0x01, 0x0d, 0xb8}, 32},
    {16, {0x20, 0x02}, 16},
    {16, {0x3f, 0xff}, 20},
};

static bool is_public(const struct address *a)
{
    /* Of IPv6 only 2000::/3 is given out at all (RFC 4291 §2.4, IANA). */
    if (a->len == 0 || (a->len == 16 && (a->byte[0] & 0xe0) != 0x20)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(specials); i++) {
        if (within(a, specials[i].net, specials[i].len, specials[i].bits)) {
            return false;
        }
    }
    return true;
}

bool fed_indicator_ip_public(struct span text)
{
    struct address a = address_of(text);
    return is_public(&a);
}

static bool read_ip(struct span text, struct arena *arena, struct span *out)
{
    char z[INET6_ADDRSTRLEN];
    struct address a = address_of(text);
    if (!is_public(&a) || inet_ntop(a.len == 4 ? AF_INET : AF_INET6, a.byte, z, sizeof z) == NULL) {
        return false;
    }
    *out = arena_copy(arena, span_of(z));
    return true;
}

static bool network_of(struct span text, struct address *a, unsigned *bits)
{
    ptrdiff_t slash = span_find(text, '/');
    uint64_t n = 0;
    *a = address_of(slash < 0 ? text : span_sub(text, 0, (size_t)slash));
    if (a->len == 0) {
        return false;
    }
    *bits = (unsigned)a->len * 8;
    if (slash >= 0) {
        if (!num_u64(span_sub(text, (size_t)slash + 1, text.len), &n) || n > *bits) {
            return false;
        }
        *bits = (unsigned)n;
    }
    return true;
}

bool fed_indicator_network_valid(struct span network)
{
    struct address a;
    unsigned bits;
    return network_of(network, &a, &bits);
}

bool fed_indicator_ip_within(struct span ip, const struct span *networks, size_t count)
{
    struct address a = address_of(ip);
    for (size_t i = 0; i < count; i++) {
        struct address net;
        unsigned bits;
        if (network_of(networks[i], &net, &bits) && within(&a, net.byte, net.len, bits)) {
            return true;
        }
    }
    return false;
}

/* ---- names ---- */

/* What never leaves a house's own naming (RFC 6761, RFC 6762, RFC 8375, ICANN's "internal"). */
static const char *const inside[] = {
    "local", "localhost", "localdomain", "internal", "intranet", "lan",  "home", "corp",
    "private", "test", "example", "invalid", "onion", "alt", "arpa", "domain", "workgroup",
};

static bool label_ok(struct span label)
{
    if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-') {
        return false;
    }
    for (size_t i = 0; i < label.len; i++) {
        char c = label.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')) {
            return false;
        }
    }
    return true;
}

static bool all_digits(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return true;
}

/* Lower case and without the dot of the root; names beyond ASCII come as xn-- or not at all. */
static bool read_domain(struct span text, struct arena *arena, struct span *out)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '.') {
        text.len--;
    }
    if (text.len == 0 || text.len > FED_INDICATOR_DOMAIN_MAX) {
        return false;
    }
    char *low = arena_bytes(arena, text.len + 1);
    for (size_t i = 0; i < text.len; i++) {
        low[i] = ascii_lower(text.ptr[i]);
    }
    low[text.len] = '\0';
    struct span rest = span_make(low, text.len);
    struct span label = SPAN("");
    size_t labels = 0;
    while (rest.len > 0) {
        ptrdiff_t dot = span_find(rest, '.');
        label = dot < 0 ? rest : span_sub(rest, 0, (size_t)dot);
        rest = dot < 0 ? SPAN("") : span_sub(rest, (size_t)dot + 1, rest.len);
        labels++;
        if (!label_ok(label)) {
            return false;
        }
    }
    if (labels < 2 || label.len < 2 || all_digits(label)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(inside); i++) {
        if (span_eq(label, span_of(inside[i]))) {
            return false;
        }
    }
    *out = span_make(low, text.len);
    return true;
}

bool fed_indicator_domain_below(struct span domain, const struct span *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct span one = list[i];
        while (one.len > 0 && one.ptr[0] == '.') {
            one = span_sub(one, 1, one.len);
        }
        if (one.len == 0 || domain.len < one.len) {
            continue;
        }
        struct span end = span_sub(domain, domain.len - one.len, one.len);
        if (span_eq_nocase(end, one) &&
            (domain.len == one.len || domain.ptr[domain.len - one.len - 1] == '.')) {
            return true;
        }
    }
    return false;
}

/* ---- hashes and pages ---- */

static bool read_hash(struct span text, size_t digits, struct arena *arena, struct span *out)
{
    if (text.len != digits) {
        return false;
    }
    bool zeros = true;
    char *low = arena_bytes(arena, digits + 1);
    for (size_t i = 0; i < digits; i++) {
        char c = ascii_lower(text.ptr[i]);
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return false;
        }
        zeros = zeros && c == '0';
        low[i] = c;
    }
    low[digits] = '\0';
    *out = span_make(low, digits);
    return !zeros; /* programs write zeros when they could not read the file */
}

static bool path_byte(char c)
{
    return c > 0x20 && c < 0x7f && strchr("\"<>\\^`{|}", c) == NULL;
}

/* "scheme://[user@]host[:port][/path][?…][#…]"; only what is no person's business stays. */
static bool read_url(struct span text, struct arena *arena, struct span *out)
{
    bool tls = text.len > 8 && span_eq_nocase(span_sub(text, 0, 8), SPAN("https://"));
    bool plain = text.len > 7 && span_eq_nocase(span_sub(text, 0, 7), SPAN("http://"));
    if (!tls && !plain) {
        return false;
    }
    struct span rest = span_sub(text, tls ? 8 : 7, text.len);
    size_t end = 0;
    while (end < rest.len && strchr("/?#", rest.ptr[end]) == NULL) {
        end++;
    }
    struct span authority = span_sub(rest, 0, end);
    struct span path = span_sub(rest, end, rest.len);
    for (ptrdiff_t at; (at = span_find(authority, '@')) >= 0;) {
        authority = span_sub(authority, (size_t)at + 1, authority.len);
    }
    ptrdiff_t colon = span_find(authority, ':'); /* no IPv6 literals: their colons fail below */
    uint64_t port = 0;
    if (colon >= 0 && (!num_u64(span_sub(authority, (size_t)colon + 1, authority.len), &port) ||
                       port == 0 || port > 65535)) {
        return false;
    }
    struct span name = colon < 0 ? authority : span_sub(authority, 0, (size_t)colon);
    struct span host;
    if (!read_ip(name, arena, &host) && !read_domain(name, arena, &host)) {
        return false;
    }
    for (size_t i = 0; i < path.len; i++) {
        if (path.ptr[i] == '?' || path.ptr[i] == '#') {
            path.len = i;
        } else if (!path_byte(path.ptr[i])) {
            return false;
        }
    }
    const char *url = colon < 0 ? arena_printf(arena, "%s://%.*s%.*s", tls ? "https" : "http",
                                               SPAN_ARG(host), SPAN_ARG(path))
                                : arena_printf(arena, "%s://%.*s:%u%.*s", tls ? "https" : "http",
                                               SPAN_ARG(host), (unsigned)port, SPAN_ARG(path));
    *out = span_of(url);
    return out->len <= FED_INDICATOR_VALUE_MAX;
}

struct span fed_indicator_url_host(struct span url)
{
    struct span rest = span_starts(url, SPAN("https://")) ? span_sub(url, 8, url.len)
                                                          : span_sub(url, 7, url.len);
    size_t end = 0;
    while (end < rest.len && strchr("/:", rest.ptr[end]) == NULL) {
        end++;
    }
    return span_sub(rest, 0, end);
}

bool fed_indicator_read(enum fed_indicator_type type, struct span text, struct arena *arena,
                    struct fed_indicator *out)
{
    *out = (struct fed_indicator){.type = type};
    if (text.len > FED_INDICATOR_VALUE_MAX * 4 || !utf8_valid(text) ||
        (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)) {
        return false;
    }
    switch (type) {
    case FED_INDICATOR_IP:
        return read_ip(text, arena, &out->value);
    case FED_INDICATOR_DOMAIN:
        return read_domain(text, arena, &out->value);
    case FED_INDICATOR_MD5:
        return read_hash(text, 32, arena, &out->value);
    case FED_INDICATOR_SHA1:
        return read_hash(text, 40, arena, &out->value);
    case FED_INDICATOR_SHA256:
        return read_hash(text, 64, arena, &out->value);
    case FED_INDICATOR_URL:
        return read_url(text, arena, &out->value);
    default:
        return false;
    }
}
