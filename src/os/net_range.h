/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Networks as "10.0.0.0/8", and which addresses are public: what the courier checks before it
 * connects, so that an address that somebody typed (or a name that somebody else's server resolves)
 * cannot turn it against the own network. Pure.
 */
#ifndef OS_NET_RANGE_H
#define OS_NET_RANGE_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/span.h"

struct net_range {
    unsigned char bytes[16]; /* IPv4 as ::ffff:a.b.c.d */
    unsigned bits;           /* of the prefix, 0 to 128 */
};

/* "10.0.0.0/8", "fd00::/8", a bare address for itself alone. ERR_INVALID: also host bits that are set. */
int net_range_parse(struct span text, struct net_range *out, struct err *e) NODISCARD;
bool net_range_holds(const struct net_range *r, const struct sockaddr *sa);
/* Whether the address is one of the public internet: not loopback, private, link-local (cloud
 * metadata lies there), shared, documentation, multicast, reserved, nor such an IPv4 address inside
 * an IPv6 one (RFC 6890). An unknown family is not. */
bool net_is_public(const struct sockaddr *sa);

#endif
