/* SPDX-License-Identifier: EUPL-1.2 */
/* Certificates: see certs.h. Must never log a key. */
#include "desk/federation/certs.h"

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <sodium.h>
#include <time.h>

#include "base/id.h"

static int fail(struct err *e, int rc, const char *what)
{
    return err_set(e, ERR_INVALID, "certificate: %s: %s", what, gnutls_strerror(rc));
}

static gnutls_datum_t datum(struct span s)
{
    return (gnutls_datum_t){(unsigned char *)(uintptr_t)s.ptr, (unsigned)s.len};
}

static int put(gnutls_datum_t *pem, int rc, struct buf *out)
{
    buf_clear(out);
    if (rc >= 0) {
        buf_put(out, pem->data, pem->size);
        rc = out->failed ? GNUTLS_E_SHORT_MEMORY_BUFFER : 0;
    }
    gnutls_free(pem->data);
    pem->data = NULL;
    return rc;
}

int certs_key(struct buf *key_out, struct err *e)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int rc = gnutls_x509_privkey_init(&key);
    rc = rc < 0 ? rc
                : gnutls_x509_privkey_generate(
                      key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    rc = rc < 0 ? rc
                : gnutls_x509_privkey_export2_pkcs8(key, GNUTLS_X509_FMT_PEM, NULL,
                                                    GNUTLS_PKCS_PLAIN, &pem);
    rc = put(&pem, rc, key_out);
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    return rc < 0 ? fail(e, rc, "no key can be made") : 0;
}

static int load_key(struct span pem, gnutls_x509_privkey_t *out)
{
    gnutls_datum_t d = datum(pem);
    int rc = gnutls_x509_privkey_init(out);
    if (rc >= 0) {
        rc = gnutls_x509_privkey_import2(*out, &d, GNUTLS_X509_FMT_PEM, NULL, 0);
        if (rc < 0) {
            gnutls_x509_privkey_deinit(*out);
            *out = NULL;
        }
    }
    return rc;
}

static int load_crt(struct span pem, gnutls_x509_crt_t *out)
{
    gnutls_datum_t d = datum(pem);
    int rc = gnutls_x509_crt_init(out);
    if (rc >= 0) {
        rc = gnutls_x509_crt_import(*out, &d, GNUTLS_X509_FMT_PEM);
        if (rc < 0) {
            gnutls_x509_crt_deinit(*out);
            *out = NULL;
        }
    }
    return rc;
}

int certs_request(struct span key_pem, struct span node, struct buf *csr_out, struct err *e)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crq_t crq = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int rc = load_key(key_pem, &key);
    rc = rc < 0 ? rc : gnutls_x509_crq_init(&crq);
    rc = rc < 0 ? rc : gnutls_x509_crq_set_version(crq, 1);
    rc = rc < 0 ? rc
                : gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, node.ptr,
                                                (unsigned)node.len);
    rc = rc < 0 ? rc : gnutls_x509_crq_set_key(crq, key);
    rc = rc < 0 ? rc : gnutls_x509_crq_sign2(crq, key, GNUTLS_DIG_SHA256, 0);
    rc = rc < 0 ? rc : gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem);
    rc = put(&pem, rc, csr_out);
    if (crq != NULL) {
        gnutls_x509_crq_deinit(crq);
    }
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    return rc < 0 ? fail(e, rc, "no request can be made") : 0;
}

/* What all certificates of ours have: a random serial (RFC 5280 §4.1.2.2), a name, a life. */
static int begin(gnutls_x509_crt_t crt, struct span name, int64_t from_s, int64_t until_s)
{
    unsigned char serial[16];
    randombytes_buf(serial, sizeof serial);
    serial[0] = (unsigned char)((serial[0] & 0x7f) | 0x40);
    int rc = gnutls_x509_crt_set_version(crt, 3);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_serial(crt, serial, sizeof serial);
    rc = rc < 0 ? rc
                : gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, name.ptr,
                                                (unsigned)name.len);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_activation_time(crt, (time_t)from_s);
    return rc < 0 ? rc : gnutls_x509_crt_set_expiration_time(crt, (time_t)until_s);
}

int certs_own(struct span key_pem, struct span name, bool authority, int64_t now_s,
              struct buf *cert_out, struct err *e)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t crt = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int64_t until = now_s + INT64_C(365) * 86400 * CERTS_HUB_YEARS;
    unsigned usage = authority ? GNUTLS_KEY_KEY_CERT_SIGN : GNUTLS_KEY_DIGITAL_SIGNATURE;
    int rc = load_key(key_pem, &key);
    rc = rc < 0 ? rc : gnutls_x509_crt_init(&crt);
    rc = rc < 0 ? rc : begin(crt, name, now_s - 3600, until);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_basic_constraints(crt, authority, authority ? 0 : -1);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_usage(crt, usage);
    if (rc >= 0 && !authority) {
        rc = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
        rc = rc < 0 ? rc
                    : gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, "hub", 3,
                                                           GNUTLS_FSAN_SET);
    }
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key(crt, key);
    rc = rc < 0 ? rc : gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
    rc = put(&pem, rc, cert_out);
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    return rc < 0 ? fail(e, rc, "cannot be made") : 0;
}

/* The request must prove that its sender holds the key; only P-256 is taken. */
static int load_request(struct span csr, gnutls_x509_crq_t *out, struct err *e)
{
    gnutls_datum_t d = datum(csr);
    int rc = gnutls_x509_crq_init(out);
    rc = rc < 0 ? rc : gnutls_x509_crq_import(*out, &d, GNUTLS_X509_FMT_PEM);
    rc = rc < 0 ? rc : gnutls_x509_crq_verify(*out, 0);
    if (rc < 0) {
        return fail(e, rc, "the request is not good");
    }
    unsigned bits = 0;
    int algorithm = gnutls_x509_crq_get_pk_algorithm(*out, &bits);
    if (algorithm != GNUTLS_PK_ECDSA || bits != 256) {
        return err_set(e, ERR_INVALID, "certificate: the request has no ECDSA key of 256 bits");
    }
    return 0;
}

static int fill_issued(gnutls_x509_crt_t crt, gnutls_x509_crq_t crq, struct span node, int64_t now_s,
                       unsigned days)
{
    int rc = begin(crt, node, now_s - 3600, now_s + INT64_C(86400) * days);
    gnutls_pubkey_t pub = NULL;
    rc = rc < 0 ? rc : gnutls_x509_crt_set_basic_constraints(crt, 0, -1);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    rc = rc < 0 ? rc : gnutls_pubkey_init(&pub);
    rc = rc < 0 ? rc : gnutls_pubkey_import_x509_crq(pub, crq, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_set_pubkey(crt, pub);
    if (pub != NULL) {
        gnutls_pubkey_deinit(pub);
    }
    return rc;
}

int certs_issue(struct span ca_key, struct span ca_cert, struct span csr, struct span node,
                int64_t now_s, unsigned days, struct buf *cert_out, struct err *e)
{
    gnutls_x509_privkey_t key = NULL;
    gnutls_x509_crt_t ca = NULL, crt = NULL;
    gnutls_x509_crq_t crq = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int bad = load_request(csr, &crq, e);
    int rc = bad < 0 ? -1 : load_key(ca_key, &key);
    rc = rc < 0 ? rc : load_crt(ca_cert, &ca);
    rc = rc < 0 ? rc : gnutls_x509_crt_init(&crt);
    rc = rc < 0 ? rc : fill_issued(crt, crq, node, now_s, days);
    rc = rc < 0 ? rc : gnutls_x509_crt_sign2(crt, ca, key, GNUTLS_DIG_SHA256, 0);
    rc = rc < 0 ? rc : gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &pem);
    rc = put(&pem, rc, cert_out);
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
    if (ca != NULL) {
        gnutls_x509_crt_deinit(ca);
    }
    if (crq != NULL) {
        gnutls_x509_crq_deinit(crq);
    }
    if (key != NULL) {
        gnutls_x509_privkey_deinit(key);
    }
    return bad < 0 ? bad : rc < 0 ? fail(e, rc, "cannot be issued") : 0;
}

int certs_pin(struct span cert, char out[CERTS_PIN_LEN + 1], struct err *e)
{
    gnutls_x509_crt_t crt = NULL;
    unsigned char hash[CERTS_PIN_LEN / 2];
    size_t n = sizeof hash;
    int rc = load_crt(cert, &crt);
    rc = rc < 0 ? rc : gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, hash, &n);
    if (crt != NULL) {
        gnutls_x509_crt_deinit(crt);
    }
    if (rc < 0 || n != sizeof hash) {
        return fail(e, rc, "no pin of it");
    }
    hex_encode(hash, sizeof hash, out);
    return 0;
}

int certs_dates(struct span cert, int64_t *from_s_out, int64_t *until_s_out, struct err *e)
{
    gnutls_x509_crt_t crt = NULL;
    int rc = load_crt(cert, &crt);
    if (rc < 0) {
        return fail(e, rc, "not readable");
    }
    *from_s_out = (int64_t)gnutls_x509_crt_get_activation_time(crt);
    *until_s_out = (int64_t)gnutls_x509_crt_get_expiration_time(crt);
    gnutls_x509_crt_deinit(crt);
    return 0;
}
