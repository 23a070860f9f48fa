/* SPDX-License-Identifier: EUPL-1.2 */
/* Certificates of the desk: read the one given, or make one of our own. By GnuTLS, which the HTTP
 * library uses too. */
#ifndef API_TLS_H
#define API_TLS_H

#include "api/head.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum {
    TLS_PEM_MAX = 256 << 10,       /* bytes of a certificate with its chain, or of a key */
    TLS_FINGERPRINT_TEXT = 32 * 3, /* "AB:CD:…" with its zero */
    TLS_OWN_DAYS = 825,            /* browsers take no longer ones */
};

/* Names of the certificate into policy->hosts (in arena), SHA-256 fingerprint of its first into
 * text. ERR_INVALID. */
int tls_describe(struct span cert_pem, struct arena *arena, struct head_policy *policy, char *text,
                 size_t size, struct err *e) NODISCARD;

/* A self-signed certificate (ECDSA P-256) for `name`, localhost and the loopback addresses; PEM
 * with a zero after it. */
int tls_make_own(const char *name, struct buf *cert_pem, struct buf *key_pem,
                 struct err *e) NODISCARD;

#endif
