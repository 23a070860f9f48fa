/* SPDX-License-Identifier: EUPL-1.2 */
/* Networks: see net_range.h. */
#include "os/net_range.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"

/* What is not the public internet: IANA's special-purpose registries (RFC 6890 and its updates). */
static const char *const special[] = {
    "0.0.0.0/8",      "10.0.0.0/8",     "100.64.0.0/10",   "127.0.0.0/8",  "169.254.0.0/16",
    "172.16.0.0/12",  "192.0.0.0/24",   "192.0.2.0/24",    "192.88.99.0/24", "192.168.0.0/16",
    "198.18.0.0/15",  "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/3",
    "::/96",          "64:ff9b:1::/48", "100::/64",        "2001::/23",    "2001:db8::/32",
    "fc00::/7",       "fe80::/10",      "fec0::/10",       "ff00::/8",
};

static bool to_bytes(const struct sockaddr *sa, unsigned char out[16])
{
    if (sa->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, sa, sizeof in);
        memset(out, 0, 10);
        out[10] = out[11] = 0xff;
        memcpy(out + 12, &in.sin_addr, 4);
        return true;
    }
    if (sa->sa_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, sa, sizeof in6);
        memcpy(out, &in6.sin6_addr, 16);
        return true;
    }
    return false;
}

static bool same_prefix(const unsigned char *a, const unsigned char *b, unsigned bits)
{
    unsigned whole = bits / 8, rest = bits % 8;
    if (memcmp(a, b, whole) != 0) {
        return false;
    }
    return rest == 0 || (unsigned)(a[whole] ^ b[whole]) >> (8 - rest) == 0;
}

static bool host_bits_clear(const struct net_range *r)
{
    for (unsigned bit = r->bits; bit < 128; bit++) {
        if ((r->bytes[bit / 8] >> (7 - bit % 8) & 1) != 0) {
            return false;
        }
    }
    return true;
}

int net_range_parse(struct span text, struct net_range *out, struct err *e)
{
    char address[INET6_ADDRSTRLEN + 1] = "";
    ptrdiff_t slash = span_find(text, '/');
    struct span host = span_sub(text, 0, slash < 0 ? text.len : (size_t)slash);
    struct sockaddr_in in = {.sin_family = AF_INET};
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
    bool four = false, six = false;
    if (host.len > 0 && host.len < sizeof address && memchr(host.ptr, '\0', host.len) == NULL) {
        memcpy(address, host.ptr, host.len);
        four = inet_pton(AF_INET, address, &in.sin_addr) == 1;
        six = !four && inet_pton(AF_INET6, address, &in6.sin6_addr) == 1;
    }
    const struct sockaddr *sa = four ? (const struct sockaddr *)&in : (const struct sockaddr *)&in6;
    int64_t bits = four ? 32 : 128;
    bool fine = (four || six) && to_bytes(sa, out->bytes);
    if (fine && slash >= 0) {
        struct span n = span_sub(text, (size_t)slash + 1, text.len);
        fine = num_i64(n, &bits) && bits >= 0 && bits <= (four ? 32 : 128);
    }
    out->bits = (unsigned)(four ? bits + 96 : bits);
    if (!fine || !host_bits_clear(out)) {
        return err_set(e, ERR_INVALID, "\"%.*s\" is no network like 10.0.0.0/8 or fd00::/8",
                       SPAN_ARG(span_sub(text, 0, 64)));
    }
    return 0;
}

bool net_range_holds(const struct net_range *r, const struct sockaddr *sa)
{
    unsigned char bytes[16];
    return to_bytes(sa, bytes) && same_prefix(r->bytes, bytes, r->bits);
}

/* The IPv4 address inside a translated (64:ff9b::/96) or 6to4 (2002::/16) one. */
static bool inner(const unsigned char *bytes, struct sockaddr_in *out)
{
    static const unsigned char nat64[12] = {0x00, 0x64, 0xff, 0x9b};
    memset(out, 0, sizeof *out);
    out->sin_family = AF_INET;
    if (memcmp(bytes, nat64, sizeof nat64) == 0) {
        memcpy(&out->sin_addr, bytes + 12, 4);
        return true;
    }
    if (bytes[0] == 0x20 && bytes[1] == 0x02) {
        memcpy(&out->sin_addr, bytes + 2, 4);
        return true;
    }
    return false;
}

static bool is_special(const unsigned char *bytes)
{
    struct net_range r;
    for (size_t i = 0; i < ARRAY_LEN(special); i++) {
        MUST(net_range_parse(span_of(special[i]), &r, NULL));
        if (same_prefix(r.bytes, bytes, r.bits)) {
            return true;
        }
    }
    return false;
}

bool net_is_public(const struct sockaddr *sa)
{
    unsigned char bytes[16], inside[16];
    struct sockaddr_in in;
    if (!to_bytes(sa, bytes) || is_special(bytes)) {
        return false;
    }
    return !inner(bytes, &in) || (to_bytes((const struct sockaddr *)&in, inside) && !is_special(inside));
}
