/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A connection to a directory: TLS first, then LDAP (RFC 4511) by libldap. The bytes go through our own layer below libldap: OpenSSL with
 * the authority of the config and the host's name checked (RFC 4513 §3.1.3), one moment by which all must be over, and a limit on what the
 * other side may send. Nothing of LDAP but StartTLS is said before the certificate was checked. Blocking; the courier's worker threads run it.
 */
#ifndef ROLES_LDAP_WIRE_H
#define ROLES_LDAP_WIRE_H

#include <stdatomic.h>
#include <sys/time.h>

#include <ldap.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/identity/directory.h"

enum {
    LDAP_PDU_MAX = 1 << 20, /* bytes of one message of the server */
};

struct ldap_wire;

struct ldap_place {
    struct directory_url url;
    struct span authority;    /* PEM; empty = the system's */
    time_ns until;            /* clock_mono: then it fails whatever it does */
    uint64_t bytes_max;       /* that the server may send in all */
    const atomic_bool *stop;  /* the node stops */
};

/* Before the sandbox: libldap shall read no file and no word of the environment. */
int ldap_wire_preload(struct err *e) NODISCARD;
/* Connected, and encrypted to who it says it is. ERR_IO, ERR_DENIED (the certificate), ERR_INVALID. */
int ldap_wire_open(const struct ldap_place *place, struct ldap_wire **out, struct err *e) NODISCARD;
void ldap_wire_close(struct ldap_wire **w);
LDAP *ldap_wire_ldap(struct ldap_wire *w);
/* What is left until the end, at least a moment; for libldap's own waits. */
struct timeval ldap_wire_left(const struct ldap_wire *w);

#endif
