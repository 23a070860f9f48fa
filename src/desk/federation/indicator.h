/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Indicators: what an attack leaves behind that another city can look for. A public address, a
 * domain, a hash of a file, the address of a page. Pure. Called where signals are made and where
 * warnings are read; what is private, special or not well formed is no indicator, whoever says so.
 */
#ifndef DESK_FEDERATION_INDICATOR_H
#define DESK_FEDERATION_INDICATOR_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/span.h"

enum {
    FED_INDICATOR_VALUE_MAX = 512, /* bytes; a longer address of a page says more about its reader */
    FED_INDICATOR_TYPE_MAX = 32,   /* bytes of the word of a type */
    FED_INDICATOR_DOMAIN_MAX = 253, /* RFC 1035 §2.3.4 */
};

/* name in JSON, as STIX calls it where it does */
#define FED_INDICATOR_TABLE(X)                                                                         \
    X(FED_INDICATOR_IP, "ip")                                                                          \
    X(FED_INDICATOR_DOMAIN, "domain") X(FED_INDICATOR_MD5, "md5") X(FED_INDICATOR_SHA1, "sha1")                \
        X(FED_INDICATOR_SHA256, "sha256") X(FED_INDICATOR_URL, "url")

enum fed_indicator_type {
#define X(name, word) name,
    FED_INDICATOR_TABLE(X)
#undef X
        FED_INDICATOR_TYPES
};

struct fed_indicator {
    enum fed_indicator_type type;
    struct span value; /* in the one form of fed_indicator_read */
};

const char *fed_indicator_type_name(enum fed_indicator_type type);
bool fed_indicator_type_parse(struct span s, enum fed_indicator_type *out) NODISCARD;

/*
 * Reads a value as an indicator of this type, in its one form (lower case, address as RFC 5952
 * writes it, a page without user, query and fragment), in memory of the arena. False when it is
 * none: not well formed; an address that is private, reserved, of documentation or multicast
 * (RFC 6890, RFC 5737, RFC 3849); a name of one label or below local, internal, home.arpa and
 * the like.
 */
bool fed_indicator_read(enum fed_indicator_type type, struct span text, struct arena *arena,
                    struct fed_indicator *out) NODISCARD;

/* An address that anybody in the world may know: see fed_indicator_read. */
bool fed_indicator_ip_public(struct span text) NODISCARD;

/* The host of a page's address in the form of fed_indicator_read: "https://a.example/b" is "a.example".
 */
struct span fed_indicator_url_host(struct span url);

/* True when the domain is one of the list, or below one. */
bool fed_indicator_domain_below(struct span domain, const struct span *list, size_t count);
/* True when the address lies in one of the networks ("192.0.2.0/24"); a broken network holds none.
 */
bool fed_indicator_ip_within(struct span ip, const struct span *networks, size_t count);
/* A network that fed_indicator_ip_within can use. */
bool fed_indicator_network_valid(struct span network) NODISCARD;

#endif
