/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * X.509 of the federation: a node's TLS key and signing request, a hub's server certificate, the
 * authority with which it issues its members' certificates, and pins. By GnuTLS, ECDSA P-256, texts
 * in PEM. Pure but for randomness and the clock that is given. Called by the desk. Never logs a key.
 */
#ifndef DESK_FEDERATION_CERTS_H
#define DESK_FEDERATION_CERTS_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    CERTS_PEM_MAX = 16 << 10, /* bytes of one key, request or certificate */
    CERTS_PIN_LEN = 64,       /* SHA-256 of a public key (SubjectPublicKeyInfo), in hex */
    CERTS_MEMBER_DAYS = 90,   /* renewed at two thirds */
    CERTS_HUB_YEARS = 20,     /* pinned, not trusted by date; RFC 5280 wants one */
};

/* A new private key (PKCS #8). All outs are emptied first and hold no zero at the end. */
int certs_key(struct buf *key_out, struct err *e) NODISCARD;
/* A signing request for CN `node`. */
int certs_request(struct span key, struct span node, struct buf *csr_out, struct err *e) NODISCARD;
/* Self-signed: an authority that may sign certificates, or a server's. */
int certs_own(struct span key, struct span name, bool authority, int64_t now_s, struct buf *cert_out,
              struct err *e) NODISCARD;
/*
 * Certificate for the key of a request, CN `node` whatever the request says, for TLS clients, from an
 * hour ago for `days`. ERR_INVALID: the request is broken, not signed by its key, or of a weak one.
 */
int certs_issue(struct span ca_key, struct span ca_cert, struct span csr, struct span node,
                int64_t now_s, unsigned days, struct buf *cert_out, struct err *e) NODISCARD;
/* Pin of a certificate's public key. */
int certs_pin(struct span cert, char out[CERTS_PIN_LEN + 1], struct err *e) NODISCARD;
/* When it was made valid, and ends, in seconds since 1970. */
int certs_dates(struct span cert, int64_t *from_s_out, int64_t *until_s_out, struct err *e) NODISCARD;

#endif
