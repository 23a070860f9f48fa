/* SPDX-License-Identifier: EUPL-1.2 */
/* Certificates: see tls.h. Runs in the desk. Must never log a key. */
#include "api/tls.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <time.h>

static int fail(struct err *e, int rc, const char *what)
{
    return err_set(e, ERR_INVALID, "certificate: %s: %s", what, gnutls_strerror(rc));
}

static int fingerprint(gnutls_x509_crt_t crt, char *text, size_t size, struct err *e)
{
    unsigned char hash[32];
    size_t n = sizeof hash;
    int rc = gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, hash, &n);
    if (rc < 0) {
        return fail(e, rc, "fingerprint");
    }
    CHECK(size >= TLS_FINGERPRINT_TEXT && n == sizeof hash);
    for (size_t i = 0; i < n; i++) {
        (void)snprintf(text + 3 * i, size - 3 * i, i + 1 < n ? "%02X:" : "%02X", hash[i]);
    }
    return 0;
}

static void add_names(gnutls_x509_crt_t crt, struct arena *arena, struct head_policy *policy)
{
    for (unsigned i = 0; policy->nhosts < HEAD_HOSTS_MAX; i++) {
        char name[256];
        size_t n = sizeof name;
        int rc = gnutls_x509_crt_get_subject_alt_name(crt, i, name, &n, NULL);
        if (rc == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE) {
            return;
        }
        if (rc == GNUTLS_SAN_DNSNAME) {
            policy->hosts[policy->nhosts++] = arena_copy(arena, span_make(name, n));
        }
    }
}

int tls_describe(struct span cert_pem, struct arena *arena, struct head_policy *policy, char *text,
                 size_t size, struct err *e)
{
    gnutls_x509_crt_t crt;
    gnutls_datum_t pem = {(unsigned char *)(uintptr_t)cert_pem.ptr, (unsigned)cert_pem.len};
    int rc = gnutls_x509_crt_init(&crt);
    if (rc < 0) {
        return fail(e, rc, "memory");
    }
    rc = gnutls_x509_crt_import(crt, &pem, GNUTLS_X509_FMT_PEM);
    if (rc < 0) {
        rc = fail(e, rc, "not readable");
    } else {
        rc = fingerprint(crt, text, size, e);
        add_names(crt, arena, policy);
    }
    gnutls_x509_crt_deinit(crt);
    return rc;
}

static int put_pem(const gnutls_datum_t *pem, struct buf *out)
{
    buf_clear(out);
    buf_put(out, pem->data, pem->size);
    buf_u8(out, 0);
    return out->failed ? GNUTLS_E_SHORT_MEMORY_BUFFER : 0;
}

static int set_names(gnutls_x509_crt_t crt, const char *name)
{
    static const unsigned char loopback4[4] = {127, 0, 0, 1};
    static const unsigned char loopback6[16] = {[15] = 1};
    int rc = gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name,
                                           (unsigned)strlen(name));
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name,
                                                  (unsigned)strlen(name), GNUTLS_FSAN_SET);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "localhost", 9,
                                                  GNUTLS_FSAN_APPEND);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback4, 4,
                                                  GNUTLS_FSAN_APPEND);
    }
    if (rc >= 0) {
        rc = gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, loopback6, 16,
                                                  GNUTLS_FSAN_APPEND);
    }
    return rc;
}

static int fill(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name)
{
    unsigned char serial[16];
    randombytes_buf(serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) |
                                0x40); /* positive and of full length (RFC 5280 §4.1.2.2) */
    time_t now = time(NULL);
    int rc = gnutls_x509_crt_set_version(crt, 3);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    rc = rc < 0 ? rc : set_names(crt, name);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_activation_time(crt, now - 3600);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(crt, now + (time_t)TLS_OWN_DAYS * 86400);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key(crt, key);
    return rc < 0 ? rc : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
}

static int make(gnutls_x509_crt_t crt, gnutls_x509_privkey_t key, const char *name,
                struct buf *cert_pem, struct buf *key_pem)
{
    gnutls_datum_t pem = {NULL, 0};
    int rc = gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                          GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    rc = rc < 0 ? rc : fill(crt, key, name);
    rc = rc < 0 ? rc : gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
    rc = rc < 0 ? rc : put_pem(&pem, cert_pem);
    gnutls_free(pem.data);
    pem.data = NULL;
    rc = rc < 0 ? rc
                : gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                    GNUTLS_PKCS_PLAIN, &pem);
    if (rc >= 0) {
        rc = put_pem(&pem, key_pem);
        sodium_memzero(pem.data, pem.size);
    }
    gnutls_free(pem.data);
    return rc;
}

int tls_make_own(const char *name, struct buf *cert_pem, struct buf *key_pem, struct err *e)
{
    gnutls_x509_crt_t crt = NULL;
    gnutls_x509_privkey_t key = NULL;
    int rc = gnutls_x509_crt_init(&crt);
    if (rc >= 0) {
        rc = gnutls_x509_privkey_init(&key);
    }
    if (rc >= 0) {
        rc = make(crt, key, name, cert_pem, key_pem);
    }
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
    return rc < 0 ? fail(e, rc, "cannot be made") : 0;
}
