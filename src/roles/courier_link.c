/* SPDX-License-Identifier: EUPL-1.2 */
/* Links to hubs: see courier_link.h. Runs in the courier, on its one thread; names are resolved on
 * libcurl's own. Must never read a body, follow a redirect, or send what no decision came with. */
#include "roles/courier_link.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/federation/carry.h"
#include "os/net_range.h"
#include "roles/curl_loop.h"

enum { LINKS_MAGIC = 0x6c696e6b, KEY_MAX = 16 << 10, PIN_HEX = 64 };

struct transfer {
    struct links *links;
    uint64_t id;
    CURL *easy;
    struct curl_slist *headers;
    struct arena texts;
    struct fed_carry carry; /* texts in the arena */
    struct buf answer;
    char shown[PIN_HEX + 1]; /* pin of the key that the other side showed */
    bool wrong_key, refused_address;
    char why[CURL_ERROR_SIZE];
};

struct links {
    uint32_t magic;
    struct links_host host;
    struct curl_loop *loop;
    VEC(struct transfer *) under_way;
    char proxy[256];
    struct net_range allow[CONFIG_ALLOW_MAX];
    uint32_t nallow;
    int key_fd;
};

/* ---- answers ---- */

static void answer(struct links *l, uint64_t id, long status, const char *why, const char *pin,
                   struct span body)
{
    struct buf b;
    const struct fed_carried c = {
        .status = (uint32_t)status, .why = span_of(why), .pin = span_of(pin), .body = body};
    buf_init(&b, CARRY_ANSWER_MAX + 4096);
    fed_carried_encode(&b, &c);
    l->host.carried(l->host.arg, id, buf_view(&b));
    buf_free(&b);
}

static void transfer_free(struct transfer *t)
{
    struct links *l = t->links;
    for (size_t i = 0; i < l->under_way.len; i++) {
        if (l->under_way.data[i] == t) {
            l->under_way.data[i] = *vec_last(&l->under_way);
            l->under_way.len--;
            break;
        }
    }
    if (t->easy != NULL) {
        curl_loop_remove(l->loop, t->easy);
        curl_easy_cleanup(t->easy);
    }
    curl_slist_free_all(t->headers);
    buf_free(&t->answer);
    arena_fini(&t->texts);
    mem_free(t);
}

static void transfer_end(struct transfer *t, CURLcode rc)
{
    long status = 0;
    const char *why = "";
    (void)curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK) {
        status = 0;
        why = t->wrong_key         ? "the other side is not the hub: it shows another key"
              : t->refused_address ? "the hub's address is not public, and the config does not allow it"
              : t->answer.failed   ? "the hub's answer is too large"
              : t->why[0] != '\0'  ? t->why
                                   : curl_easy_strerror(rc);
    }
    answer(t->links, t->id, status, why, t->shown,
           status == 0 ? SPAN("") : buf_view(&t->answer));
    transfer_free(t);
}

/* ---- what libcurl asks ---- */

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct transfer *t = arg;
    buf_put(&t->answer, bytes, size * count);
    return t->answer.failed ? 0 : size * count;
}

/* Where it may connect to: looked at after the name is resolved, so that no name can point inside. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct transfer *t = arg;
    struct links *l = t->links;
    bool allowed = l->proxy[0] != '\0' || net_is_public(&a->addr);
    for (uint32_t i = 0; i < l->nallow && !allowed; i++) {
        allowed = net_range_holds(&l->allow[i], &a->addr);
    }
    if (purpose != CURLSOCKTYPE_IPCXN || !allowed) {
        t->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* The hub's certificate is its own; what counts is that its key is the one that was pinned. */
static int on_certificate(X509_STORE_CTX *store, void *arg)
{
    struct transfer *t = arg;
    unsigned char hash[PIN_HEX / 2];
    unsigned char *der = NULL;
    X509 *cert = X509_STORE_CTX_get0_cert(store);
    int len = cert == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(cert), &der);
    if (len <= 0) {
        t->wrong_key = true;
        return 0;
    }
    (void)crypto_hash_sha256(hash, der, (unsigned long long)len);
    OPENSSL_free(der);
    hex_encode(hash, sizeof hash, t->shown);
    t->wrong_key = t->carry.pin.len > 0 && !span_eq(t->carry.pin, span_of(t->shown));
    return t->wrong_key ? 0 : 1;
}

static CURLcode on_ssl(CURL *easy, void *ctx, void *arg)
{
    (void)easy;
    SSL_CTX_set_cert_verify_callback(ctx, on_certificate, arg);
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    return CURLE_OK;
}

static void on_done(void *arg, CURL *easy, CURLcode rc)
{
    struct transfer *t = NULL;
    (void)arg;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    transfer_end(t, rc);
}

/* ---- one request ---- */

static bool set_blob(CURL *h, CURLoption option, struct span s)
{
    struct curl_blob blob = {(void *)(uintptr_t)s.ptr, s.len, CURL_BLOB_COPY};
    return s.len > 0 && curl_easy_setopt(h, option, &blob) == CURLE_OK;
}

/* Shows this node's certificate with the key behind it. */
static bool set_identity(struct transfer *t)
{
    char key[KEY_MAX];
    if (t->carry.certificate.len == 0) {
        return true;
    }
    ssize_t n = t->links->key_fd < 0 ? -1 : pread(t->links->key_fd, key, sizeof key, 0);
    bool fine = n > 0 && (size_t)n < sizeof key &&
                set_blob(t->easy, CURLOPT_SSLCERT_BLOB, t->carry.certificate) &&
                curl_easy_setopt(t->easy, CURLOPT_SSLCERTTYPE, "PEM") == CURLE_OK &&
                set_blob(t->easy, CURLOPT_SSLKEY_BLOB, span_make(key, n > 0 ? (size_t)n : 0)) &&
                curl_easy_setopt(t->easy, CURLOPT_SSLKEYTYPE, "PEM") == CURLE_OK;
    sodium_memzero(key, sizeof key);
    return fine;
}

/* A connection is used again only where the same key was asked for: libcurl compares this pin; one
 * without a pin is used once. */
static bool set_pin(struct transfer *t)
{
    unsigned char hash[PIN_HEX / 2];
    char text[16 + sodium_base64_ENCODED_LEN(sizeof hash, sodium_base64_VARIANT_ORIGINAL)] = "sha256//";
    if (t->carry.pin.len == 0) {
        return curl_easy_setopt(t->easy, CURLOPT_FRESH_CONNECT, 1L) == CURLE_OK &&
               curl_easy_setopt(t->easy, CURLOPT_FORBID_REUSE, 1L) == CURLE_OK;
    }
    if (!hex_decode(t->carry.pin, hash, sizeof hash)) {
        return false;
    }
    (void)sodium_bin2base64(text + 8, sizeof text - 8, hash, sizeof hash,
                            sodium_base64_VARIANT_ORIGINAL);
    return curl_easy_setopt(t->easy, CURLOPT_PINNEDPUBLICKEY, text) == CURLE_OK;
}

static bool set_headers(struct transfer *t)
{
    const struct fed_carry *c = &t->carry;
    struct curl_slist *list = curl_slist_append(NULL, "Expect:");
    list = list == NULL ? NULL : curl_slist_append(list, "Content-Type: application/json");
    if (list != NULL && c->proof.len > 0) {
        char text[256];
        (void)snprintf(text, sizeof text, "Sereno-Proof: %.*s", SPAN_ARG(c->proof));
        list = curl_slist_append(list, text);
    }
    t->headers = list;
    return list != NULL && curl_easy_setopt(t->easy, CURLOPT_HTTPHEADER, list) == CURLE_OK;
}

static bool set_request(struct transfer *t)
{
    const struct fed_carry *c = &t->carry;
    CURL *h = t->easy;
    CURLcode rc = curl_easy_setopt(h, CURLOPT_URL, arena_cstr(&t->texts, c->url));
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PROXY, t->links->proxy);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSL_VERIFYHOST, 0L); /* the pin says who it is */
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSL_CTX_FUNCTION, on_ssl);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSL_CTX_DATA, t);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSL_SESSIONID_CACHE, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)LINKS_CONNECT_MS);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)c->wait_ms);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_ERRORBUFFER, t->why);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_WRITEDATA, t);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, t);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PRIVATE, t);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_USERAGENT, "sereno/" SERENO_VERSION);
    if (rc == CURLE_OK && span_eq(c->method, SPAN("POST"))) {
        rc = curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)c->body.len);
        rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_POSTFIELDS, c->body.ptr);
    }
    return rc == CURLE_OK && set_pin(t) && set_headers(t) && set_identity(t);
}

/* Of a URL, what may stand in a log line: not what comes behind a '?'. */
static struct span shown_url(struct span url)
{
    ptrdiff_t query = span_find(url, '?');
    return span_sub(url, 0, query < 0 ? url.len : (size_t)query);
}

void links_carry(struct links *l, uint64_t id, struct span body)
{
    CHECK_OBJ(l, LINKS_MAGIC);
    struct transfer *t = mem_alloc(sizeof *t);
    char reason[LOG_VALUE_MAX], audience[LOG_VALUE_MAX], url[LOG_VALUE_MAX];
    t->links = l;
    t->id = id;
    arena_init(&t->texts, 4096);
    buf_init(&t->answer, CARRY_ANSWER_MAX);
    struct cursor in = cursor_of(arena_copy(&t->texts, body));
    fed_carry_decode(&in, &t->carry);
    const char *why = NULL;
    if (!cursor_done(&in)) {
        why = "the request is broken";
    } else if (t->carry.reason.len == 0 || t->carry.audience.len == 0) {
        why = "no decision came with it";
    } else if (l->under_way.len >= LINKS_UNDER_WAY_MAX) {
        why = "too much is under way";
    } else if ((t->easy = curl_easy_init()) == NULL || !set_request(t)) {
        why = "the request cannot be made";
    }
    if (why == NULL) {
        log_info("courier.carry", "url=\"%s\" bytes=%zu reason=\"%s\" audience=\"%s\"",
                 log_value(shown_url(t->carry.url), url), t->carry.body.len,
                 log_value(t->carry.reason, reason), log_value(t->carry.audience, audience));
        vec_push(&l->under_way, t);
        if (curl_loop_add(l->loop, t->easy)) {
            return;
        }
        why = "the request cannot be sent";
    }
    log_warn("courier.refused", "why=\"%s\"", why);
    answer(l, id, 0, why, "", SPAN(""));
    transfer_free(t);
}

void links_cancel(struct links *l, uint64_t id)
{
    CHECK_OBJ(l, LINKS_MAGIC);
    for (size_t i = 0; i < l->under_way.len; i++) {
        if (l->under_way.data[i]->id == id) {
            transfer_free(l->under_way.data[i]);
            return;
        }
    }
}

/* ---- life ---- */

struct links *links_new(uv_loop_t *loop, const struct links_host *host)
{
    struct links *l = mem_alloc(sizeof *l);
    l->magic = LINKS_MAGIC;
    l->host = *host;
    l->key_fd = -1;
    l->loop = curl_loop_new(loop, on_done, l);
    return l;
}

void links_free(struct links **out)
{
    struct links *l = *out;
    *out = NULL;
    CHECK_OBJ(l, LINKS_MAGIC);
    while (l->under_way.len > 0) {
        transfer_free(*vec_last(&l->under_way));
    }
    vec_free(&l->under_way);
    curl_loop_free(&l->loop);
    if (l->key_fd >= 0) {
        (void)close(l->key_fd);
    }
    l->magic = 0;
    mem_free(l);
}

void links_configure(struct links *l, const struct config *config)
{
    CHECK_OBJ(l, LINKS_MAGIC);
    (void)snprintf(l->proxy, sizeof l->proxy, "%.*s", SPAN_ARG(config->federation.proxy));
    l->nallow = 0;
    for (uint32_t i = 0; i < config->federation.nallow; i++) {
        if (net_range_parse(config->federation.allow[i], &l->allow[l->nallow], NULL) == 0) {
            l->nallow++;
        }
    }
}

void links_key(struct links *l, int fd)
{
    CHECK_OBJ(l, LINKS_MAGIC);
    if (l->key_fd >= 0) {
        (void)close(l->key_fd);
    }
    l->key_fd = fd;
}
