/* SPDX-License-Identifier: EUPL-1.2 */
/* Bytes to and from a directory: see ldap_wire.h. Runs on worker threads of the courier, each connection on one. Must never let libldap
 * connect, choose a certificate or follow a referral by itself, and never log what goes over it. */
#include "roles/ldap_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <lber.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/check.h"
#include "base/mem.h"

/* openldap.h, which is not told to C++ or strict readers: a handle on a connection of one's own. */
#include <openldap.h>

enum {
    SLICE_MS = 250, /* how soon it sees that the node stops */
    HOST_MAX = 256,
    LINGER_MS = 1000, /* libldap waits at least so long for what is there already */
    NS_PER_MS = 1000 * 1000,
};

struct ldap_wire {
    struct ldap_place place;
    char host[HOST_MAX];
    int sock;
    SSL_CTX *context;
    SSL *ssl; /* NULL: nothing is encrypted yet */
    LDAP *ldap;
    uint64_t came; /* bytes of the server */
    bool too_much;
};

/* ---- waiting ---- */

static bool over(const struct ldap_wire *w)
{
    return clock_mono() >= w->place.until || atomic_load(w->place.stop);
}

static bool ready(const struct ldap_wire *w, short events)
{
    struct pollfd p = {.fd = w->sock, .events = events};
    while (!over(w)) {
        int n = poll(&p, 1, SLICE_MS);
        if (n > 0) {
            return true;
        }
        if (n < 0 && errno != EINTR) {
            return false;
        }
    }
    return false;
}

/* After a step of OpenSSL that is not through: waits for what it waits for. False: it will not be. */
static bool goes_on(struct ldap_wire *w, int rc)
{
    int why = SSL_get_error(w->ssl, rc);
    return (why == SSL_ERROR_WANT_READ && ready(w, POLLIN)) || (why == SSL_ERROR_WANT_WRITE && ready(w, POLLOUT));
}

/* ---- the layer below libldap ---- */

static int io_setup(Sockbuf_IO_Desc *d, void *arg)
{
    d->sbiod_pvt = arg;
    return 0;
}

static int io_remove(Sockbuf_IO_Desc *d)
{
    d->sbiod_pvt = NULL;
    return 0;
}

static int io_ctrl(Sockbuf_IO_Desc *d, int option, void *arg)
{
    const struct ldap_wire *w = d->sbiod_pvt;
    (void)arg;
    return option == LBER_SB_OPT_DATA_READY && w->ssl != NULL && SSL_pending(w->ssl) > 0 ? 1 : 0;
}

static ber_slen_t fail_io(void)
{
    errno = ETIMEDOUT; /* libldap then takes the connection for lost */
    return -1;
}

static ber_slen_t io_read(Sockbuf_IO_Desc *d, void *to, ber_len_t size)
{
    struct ldap_wire *w = d->sbiod_pvt;
    ber_slen_t n = -1;
    if (size > INT32_MAX || w->came >= w->place.bytes_max) {
        w->too_much = true;
        return fail_io();
    }
    for (bool more = true; more && n < 0;) {
        if (w->ssl != NULL) {
            int got = SSL_read(w->ssl, to, (int)size);
            n = got > 0 ? got : -1;
            more = got <= 0 && goes_on(w, got);
        } else {
            ssize_t got = ready(w, POLLIN) ? recv(w->sock, to, size, 0) : -1;
            n = got;
            more = got < 0 && (errno == EAGAIN || errno == EINTR) && !over(w);
        }
    }
    w->came += n > 0 ? (uint64_t)n : 0;
    return n < 0 ? fail_io() : n;
}

static ber_slen_t io_write(Sockbuf_IO_Desc *d, void *from, ber_len_t size)
{
    struct ldap_wire *w = d->sbiod_pvt;
    ber_slen_t n = -1;
    if (size > INT32_MAX) {
        return fail_io();
    }
    for (bool more = true; more && n < 0;) {
        if (w->ssl != NULL) {
            int sent = SSL_write(w->ssl, from, (int)size);
            n = sent > 0 ? sent : -1;
            more = sent <= 0 && goes_on(w, sent);
        } else {
            ssize_t sent = ready(w, POLLOUT) ? send(w->sock, from, size, MSG_NOSIGNAL) : -1;
            n = sent;
            more = sent < 0 && (errno == EAGAIN || errno == EINTR) && !over(w);
        }
    }
    return n < 0 ? fail_io() : n;
}

/* The socket stays ours until ldap_wire_close. */
static int io_close(Sockbuf_IO_Desc *d)
{
    (void)d;
    return 0;
}

static Sockbuf_IO layer = {io_setup, io_remove, io_ctrl, io_read, io_write, io_close};

/* ---- TLS ---- */

/* Certificates of a PEM text become the only authorities. */
static int trust(SSL_CTX *context, struct span pem, struct err *e)
{
    unsigned n = 0;
    X509 *one = NULL;
    BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    CHECK(in != NULL);
    while ((one = PEM_read_bio_X509(in, NULL, NULL, NULL)) != NULL) {
        n += X509_STORE_add_cert(SSL_CTX_get_cert_store(context), one) == 1;
        X509_free(one);
    }
    ERR_clear_error();
    BIO_free(in);
    return n > 0 ? 0 : err_set(e, ERR_INVALID, "ca_file holds no certificate");
}

static int context_new(struct ldap_wire *w, struct err *e)
{
    w->context = SSL_CTX_new(TLS_client_method());
    CHECK(w->context != NULL);
    SSL_CTX_set_verify(w->context, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_mode(w->context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_set_min_proto_version(w->context, TLS1_2_VERSION) != 1) {
        return err_set(e, ERR_UNSUPPORTED, "no TLS 1.2");
    }
    if (w->place.authority.len > 0) {
        return trust(w->context, w->place.authority, e);
    }
    return SSL_CTX_set_default_verify_paths(w->context) == 1 ? 0 : err_set(e, ERR_IO, "the system's authorities cannot be read");
}

/* An address in the certificate, or a name: whichever the config names. */
static bool expect_host(struct ldap_wire *w)
{
    unsigned char address[sizeof(struct in6_addr)];
    X509_VERIFY_PARAM *p = SSL_get0_param(w->ssl);
    if (inet_pton(AF_INET, w->host, address) == 1 || inet_pton(AF_INET6, w->host, address) == 1) {
        return X509_VERIFY_PARAM_set1_ip_asc(p, w->host) == 1;
    }
    X509_VERIFY_PARAM_set_hostflags(p, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    return X509_VERIFY_PARAM_set1_host(p, w->host, 0) == 1 && SSL_set_tlsext_host_name(w->ssl, w->host) == 1;
}

static int encrypt(struct ldap_wire *w, struct err *e)
{
    int rc = context_new(w, e);
    if (rc < 0) {
        return rc;
    }
    w->ssl = SSL_new(w->context);
    CHECK(w->ssl != NULL);
    if (!expect_host(w) || SSL_set_fd(w->ssl, w->sock) != 1) {
        return err_set(e, ERR_INVALID, "TLS cannot be prepared");
    }
    int done = 0;
    do {
        ERR_clear_error();
        done = SSL_connect(w->ssl);
    } while (done != 1 && goes_on(w, done));
    long verified = SSL_get_verify_result(w->ssl);
    ERR_clear_error();
    if (verified != X509_V_OK) {
        return err_set(e, ERR_DENIED, "its certificate is not good: %s", X509_verify_cert_error_string(verified));
    }
    return done == 1 ? 0 : err_set(e, ERR_IO, over(w) ? "no answer in time" : "TLS was refused");
}

/* ---- the connection ---- */

static int try_one(struct ldap_wire *w, const struct addrinfo *a)
{
    int error = 0;
    socklen_t size = sizeof error;
    w->sock = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    if (w->sock >= 0 && (connect(w->sock, a->ai_addr, a->ai_addrlen) == 0 || (errno == EINPROGRESS && ready(w, POLLOUT))) &&
        getsockopt(w->sock, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0) {
        return 0;
    }
    if (w->sock >= 0) {
        (void)close(w->sock);
    }
    w->sock = -1;
    return ERR_IO;
}

static int connect_any(struct ldap_wire *w, struct err *e)
{
    char port[8];
    struct addrinfo *all = NULL;
    const struct addrinfo wanted = {.ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
    (void)snprintf(port, sizeof port, "%u", w->place.url.port);
    int rc = getaddrinfo(w->host, port, &wanted, &all);
    if (rc != 0) {
        return err_set(e, ERR_IO, "%s: %s", w->host, gai_strerror(rc));
    }
    rc = ERR_IO;
    for (const struct addrinfo *a = all; a != NULL && rc != 0 && !over(w); a = a->ai_next) {
        rc = try_one(w, a);
    }
    freeaddrinfo(all);
    return rc == 0 ? 0 : err_set(e, ERR_IO, "%s does not answer", w->host);
}

/* libldap on our socket, through our layer. */
static int attach(struct ldap_wire *w, struct err *e)
{
    Sockbuf *sb = NULL;
    ber_len_t pdu = LDAP_PDU_MAX;
    int version = LDAP_VERSION3;
    if (ldap_init_fd(w->sock, LDAP_PROTO_EXT, NULL, &w->ldap) != LDAP_SUCCESS || ldap_get_option(w->ldap, LDAP_OPT_SOCKBUF, &sb) != LDAP_SUCCESS ||
        ber_sockbuf_add_io(sb, &layer, LBER_SBIOD_LEVEL_PROVIDER, w) != 0) {
        return err_set(e, ERR_IO, "libldap does not start");
    }
    struct timeval left = ldap_wire_left(w);
    bool set = ber_sockbuf_ctrl(sb, LBER_SB_OPT_SET_MAX_INCOMING, &pdu) >= 0 &&
               ldap_set_option(w->ldap, LDAP_OPT_PROTOCOL_VERSION, &version) == LDAP_SUCCESS &&
               ldap_set_option(w->ldap, LDAP_OPT_REFERRALS, LDAP_OPT_OFF) == LDAP_SUCCESS &&
               ldap_set_option(w->ldap, LDAP_OPT_RESTART, LDAP_OPT_OFF) == LDAP_SUCCESS &&
               ldap_set_option(w->ldap, LDAP_OPT_DEREF, &(int){LDAP_DEREF_NEVER}) == LDAP_SUCCESS &&
               ldap_set_option(w->ldap, LDAP_OPT_SIZELIMIT, &(int){0}) == LDAP_SUCCESS &&
               ldap_set_option(w->ldap, LDAP_OPT_TIMEOUT, &left) == LDAP_SUCCESS;
    return set ? 0 : err_set(e, ERR_IO, "libldap does not take its options");
}

/* RFC 4511 §4.14: encrypted only after the server said yes; bytes that came before it said so are read as TLS, and fail as such. */
static int start_tls(struct ldap_wire *w, struct err *e)
{
    struct berval *data = NULL;
    char *oid = NULL;
    int rc = ldap_extended_operation_s(w->ldap, LDAP_EXOP_START_TLS, NULL, NULL, NULL, &oid, &data);
    ldap_memfree(oid);
    ber_bvfree(data);
    return rc == LDAP_SUCCESS ? encrypt(w, e) : err_set(e, ERR_IO, "StartTLS: %s", over(w) ? "no answer in time" : ldap_err2string(rc));
}

int ldap_wire_preload(struct err *e)
{
    return setenv("LDAPNOINIT", "1", 1) == 0 ? 0 : err_set(e, ERR_IO, "the environment cannot be set");
}

int ldap_wire_open(const struct ldap_place *place, struct ldap_wire **out, struct err *e)
{
    struct ldap_wire *w = mem_alloc(sizeof *w);
    w->place = *place;
    w->sock = -1;
    (void)snprintf(w->host, sizeof w->host, "%.*s", SPAN_ARG(place->url.host));
    int rc = place->url.host.len < sizeof w->host ? connect_any(w, e) : err_set(e, ERR_INVALID, "the host's name is too long");
    rc = rc == 0 && place->url.tls ? encrypt(w, e) : rc;
    rc = rc == 0 ? attach(w, e) : rc;
    rc = rc == 0 && !place->url.tls ? start_tls(w, e) : rc;
    if (rc < 0) {
        ldap_wire_close(&w);
        return rc;
    }
    *out = w;
    return 0;
}

void ldap_wire_close(struct ldap_wire **out)
{
    struct ldap_wire *w = *out;
    *out = NULL;
    if (w->ldap != NULL) {
        (void)ldap_unbind_ext(w->ldap, NULL, NULL);
    }
    SSL_free(w->ssl);
    SSL_CTX_free(w->context);
    if (w->sock >= 0) {
        (void)close(w->sock);
    }
    mem_free(w);
}

LDAP *ldap_wire_ldap(struct ldap_wire *w)
{
    return w->ldap;
}

struct timeval ldap_wire_left(const struct ldap_wire *w)
{
    int64_t ms = (w->place.until - clock_mono()) / NS_PER_MS;
    ms = ms < LINGER_MS ? LINGER_MS : ms;
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}
