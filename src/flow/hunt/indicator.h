/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An indicator: something that was seen in an attack and is looked for in logs. Kept in one normal form per type, so that
 * two ways of writing the same thing are equal. Pure. Written by the desk and the command line, read by the hunter.
 */
#ifndef FLOW_HUNT_INDICATOR_H
#define FLOW_HUNT_INDICATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

enum {
    INDICATOR_VALUE_MAX = 2048, /* bytes; URLs are the longest */
    INDICATOR_ID_MAX = 256,     /* bytes of the caller's own id */
    INDICATOR_COMMAND_MIN = 6,  /* bytes: a shorter piece of text is in every second log */
};

/* name, word people write, how it is compared */
#define INDICATOR_TYPES(X)                                                                         \
    X(IPV4, "ipv4")       /* binary */                                                             \
    X(IPV6, "ipv6")       /* binary; an IPv4-mapped one is IPv4 */                                 \
    X(CIDR, "cidr")       /* address inside the network */                                         \
    X(DOMAIN, "domain")   /* letters without case; sub-domains when asked for */                   \
    X(URL, "url")         /* scheme and host without case, the rest as it is */                    \
    X(MD5, "md5")         /* hex digits without case */                                            \
    X(SHA1, "sha1")                                                                                \
    X(SHA256, "sha256")                                                                            \
    X(EMAIL, "email")     /* without case */                                                       \
    X(FILE, "file")       /* last part of a path, or the whole path when it has a slash; no case */ \
    X(PROCESS, "process") /* as file, on the process of the event only */                          \
    X(COMMAND, "command") /* a piece of one value, without case */

enum indicator_type {
#define X(name, text) INDICATOR_##name,
    INDICATOR_TYPES(X)
#undef X
        INDICATOR_TYPE_COUNT
};

struct indicator {
    enum indicator_type type;
    struct span value;     /* normal form */
    struct span id;        /* the caller's own; may be empty */
    bool subdomains;       /* domain: those below it too */
    time_ns valid_until;   /* events from then on do not count; TIME_NONE = for ever */
    unsigned char addr[16];
    uint8_t addr_len;      /* 4 or 16: address types */
    uint8_t prefix;        /* bits, cidr */
};

/* "ipv4"; never NULL. */
const char *indicator_type_name(enum indicator_type type);
bool indicator_type_parse(struct span word, enum indicator_type *out);

/*
 * Makes the normal form of a value as people write it, also with "[.]" and "hxxp". type_word empty: by its shape. A domain
 * with "*." or "." in front means those below it too. The value lives in arena. ERR_INVALID, ERR_LIMIT.
 */
int indicator_make(struct span type_word, struct span value, struct arena *arena,
                   struct indicator *out, struct err *e) NODISCARD;

/* One line "[TYPE] VALUE [until TIME]"; blanks inside a value only for file, process and command. */
int indicator_line(struct span line, struct arena *arena, struct indicator *out,
                   struct err *e) NODISCARD;

void indicator_encode(struct buf *out, const struct indicator *in);
/* Trusts nothing: makes the normal form again. */
int indicator_decode(struct cursor *c, struct arena *arena, struct indicator *out,
                     struct err *e) NODISCARD;

/* ---- shapes, for the maker and the matcher ---- */

/* Dotted decimal without leading zeros, or RFC 4291 text. IPv4-mapped gives 4 bytes. */
bool shape_ip(struct span s, unsigned char out[16], uint8_t *len_out);
/* Labels of letters, digits, '-' and '_' with a dot between them and a letter in the last; no trailing dot. */
bool shape_domain(struct span s);
/* All hex digits, at least one. */
bool shape_hex(struct span s);
/* Lower-case scheme and host, no default port, no fragment, "/" for an empty path; false when it is no URL. */
bool shape_url(struct span s, struct arena *arena, struct span *url_out, struct span *host_out);
/* Part behind the last slash or backslash. */
struct span shape_last_part(struct span s);

#endif
