/* SPDX-License-Identifier: EUPL-1.2 */
/* Errands to providers: see courier_sign_in.h. Runs in the courier, on its one thread. Must never read a body, log a form or an
 * answer, follow a redirect, or go where the config does not let it. */
#include "roles/courier_sign_in.h"

#include <sodium.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "desk/identity/directory.h"
#include "desk/identity/fetch.h"
#include "desk/identity/oidc.h"
#include "os/net_range.h"
#include "roles/curl_loop.h"

enum {
    SIGN_IN_MAGIC = 0x7369676e,
    SECRET_MAX = 512,       /* bytes of a client's secret */
    CA_MAX = 256 << 10,     /* bytes of an authority's certificates */
    FILES_MAX = 2 * (PROVIDERS_MAX + DIRECTORIES_MAX),
};

struct kept_file {
    char *path;
    int fd;
};

struct errand {
    struct sign_in_errands *owner;
    uint64_t id;
    CURL *easy;
    struct curl_slist *headers;
    struct arena texts;
    struct buf form; /* with the secret: wiped */
    struct buf answer;
    struct net_range allow[PROVIDER_LIST_MAX];
    uint32_t nallow;
    bool proxied, refused_address;
    char why[CURL_ERROR_SIZE];
};

struct sign_in_errands {
    uint32_t magic;
    struct sign_in_host host;
    struct curl_loop *loop;
    const struct sign_in *sign_in; /* the role's config */
    VEC(struct errand *) under_way;
    VEC(struct kept_file) files;
};

static void answer(struct sign_in_errands *s, uint64_t id, long status, const char *why, struct span body)
{
    struct buf b;
    const struct fetched f = {.status = (uint32_t)status, .why = span_sub(span_of(why), 0, FETCH_WHY_MAX), .body = body};
    buf_init(&b, FETCH_ANSWER_MAX + 4096);
    fetched_encode(&b, &f);
    s->host.fetched(s->host.arg, id, buf_view(&b));
    sodium_memzero(b.data, b.len); /* it may hold tokens */
    buf_free(&b);
}

static void wipe(struct buf *b)
{
    if (b->len > 0) {
        sodium_memzero(b->data, b->len);
    }
    buf_free(b);
}

static void errand_free(struct errand *x)
{
    struct sign_in_errands *s = x->owner;
    for (size_t i = 0; i < s->under_way.len; i++) {
        if (s->under_way.data[i] == x) {
            s->under_way.data[i] = *vec_last(&s->under_way);
            s->under_way.len--;
            break;
        }
    }
    if (x->easy != NULL) {
        curl_loop_remove(s->loop, x->easy);
        curl_easy_cleanup(x->easy);
    }
    curl_slist_free_all(x->headers);
    wipe(&x->form);
    wipe(&x->answer);
    arena_fini(&x->texts);
    mem_free(x);
}

static void on_done(void *arg, CURL *easy, CURLcode rc)
{
    struct errand *x = NULL;
    char shown[LOG_VALUE_MAX];
    const char *why = "";
    long status = 0;
    (void)arg;
    (void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &x);
    (void)curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (rc != CURLE_OK) {
        status = 0;
        why = x->refused_address  ? "its address is not public, and the config does not allow it"
              : x->answer.failed  ? "its answer is too large"
              : x->why[0] != '\0' ? x->why
                                  : curl_easy_strerror(rc);
        log_warn("courier.sign_in", "why=\"%s\"", log_value(span_of(why), shown));
    }
    answer(x->owner, x->id, status, why, status == 0 ? SPAN("") : buf_view(&x->answer));
    errand_free(x);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
    struct errand *x = arg;
    buf_put(&x->answer, bytes, size * count);
    return x->answer.failed ? 0 : size * count;
}

/* Where it may connect to: looked at after the name is resolved, so that no name can point inside. */
static curl_socket_t on_open(void *arg, curlsocktype purpose, struct curl_sockaddr *a)
{
    struct errand *x = arg;
    bool allowed = x->proxied || net_is_public(&a->addr);
    for (uint32_t i = 0; i < x->nallow && !allowed; i++) {
        allowed = net_range_holds(&x->allow[i], &a->addr);
    }
    if (purpose != CURLSOCKTYPE_IPCXN || !allowed) {
        x->refused_address = true;
        return CURL_SOCKET_BAD;
    }
    return socket(a->family, a->socktype | SOCK_CLOEXEC, a->protocol);
}

/* ---- files ---- */

/* What is in a file that super handed over; empty: it is not here, or too large. */
static struct span read_file(const struct sign_in_errands *s, struct span path, struct arena *a, size_t most)
{
    for (size_t i = 0; i < s->files.len; i++) {
        if (!span_eq(span_of(s->files.data[i].path), path)) {
            continue;
        }
        char *bytes = arena_bytes(a, most + 1);
        ssize_t n = pread(s->files.data[i].fd, bytes, most + 1, 0);
        return n <= 0 || (size_t)n > most ? SPAN("") : span_make(bytes, (size_t)n);
    }
    return SPAN("");
}

struct span sign_in_errands_read(const struct sign_in_errands *s, struct span path, struct arena *a, bool secret)
{
    CHECK_OBJ(s, SIGN_IN_MAGIC);
    return path.len == 0 ? SPAN("") : secret ? span_trim(read_file(s, path, a, SECRET_MAX)) : read_file(s, path, a, CA_MAX);
}

void sign_in_errands_file(struct sign_in_errands *s, struct span path, int fd)
{
    CHECK_OBJ(s, SIGN_IN_MAGIC);
    for (size_t i = 0; i < s->files.len; i++) {
        if (span_eq(span_of(s->files.data[i].path), path)) { /* renewed */
            (void)close(s->files.data[i].fd);
            s->files.data[i].fd = fd;
            return;
        }
    }
    if (s->files.len == FILES_MAX) { /* of earlier configs */
        (void)close(s->files.data[0].fd);
        mem_free(s->files.data[0].path);
        memmove(s->files.data, s->files.data + 1, (s->files.len - 1) * sizeof *s->files.data);
        s->files.len--;
    }
    char *name = mem_alloc(path.len + 1);
    memcpy(name, path.len == 0 ? "" : path.ptr, path.len);
    vec_push(&s->files, (struct kept_file){name, fd});
}

/* ---- one request ---- */

static CURLcode set_blob(CURL *h, CURLoption option, struct span s)
{
    struct curl_blob blob = {(void *)(uintptr_t)s.ptr, s.len, CURL_BLOB_COPY};
    return curl_easy_setopt(h, option, &blob);
}

static CURLcode set_authority(struct errand *x, const struct provider *p)
{
    if (p->ca_file.len == 0) {
        return CURLE_OK;
    }
    struct span pem = read_file(x->owner, p->ca_file, &x->texts, CA_MAX);
    CURLcode rc = pem.len == 0 ? CURLE_SSL_CACERT_BADFILE : set_blob(x->easy, CURLOPT_CAINFO_BLOB, pem);
    rc = rc != 0 ? rc : curl_easy_setopt(x->easy, CURLOPT_CAINFO, NULL);
    return rc != 0 ? rc : curl_easy_setopt(x->easy, CURLOPT_CAPATH, NULL);
}

/* The form, with the secret where it goes (RFC 6749 §2.3.1: both parts are form-encoded, also in the header). */
static CURLcode set_form(struct errand *x, const struct provider *p, const struct fetch *f)
{
    struct span secret = SPAN("");
    struct buf both;
    if (f->client != FETCH_NO_SECRET) {
        secret = span_trim(read_file(x->owner, p->secret_file, &x->texts, SECRET_MAX));
        if (secret.len == 0) {
            return CURLE_LOGIN_DENIED;
        }
    }
    buf_init(&both, 8 * SECRET_MAX);
    buf_init(&x->form, FETCH_FORM_MAX + 4 * SECRET_MAX);
    buf_span(&x->form, f->form);
    CURLcode rc = CURLE_OK;
    if (f->client == FETCH_SECRET_FORM) {
        buf_cstr(&x->form, "&client_secret=");
        oidc_form_value(&x->form, secret);
    } else if (f->client == FETCH_SECRET_BASIC) {
        oidc_form_value(&both, p->client_id);
        buf_u8(&both, 0);
        size_t at = both.len;
        oidc_form_value(&both, secret);
        buf_u8(&both, 0);
        rc = curl_easy_setopt(x->easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        rc = rc != 0 ? rc : curl_easy_setopt(x->easy, CURLOPT_USERNAME, both.data);
        rc = rc != 0 ? rc : curl_easy_setopt(x->easy, CURLOPT_PASSWORD, both.data + at);
    }
    bool failed = both.failed || x->form.failed;
    wipe(&both);
    sodium_memzero((void *)(uintptr_t)secret.ptr, secret.len);
    rc = rc != 0 ? rc : curl_easy_setopt(x->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)x->form.len);
    rc = rc != 0 ? rc : curl_easy_setopt(x->easy, CURLOPT_POSTFIELDS, x->form.data);
    return failed ? CURLE_OUT_OF_MEMORY : rc;
}

static CURLcode set_request(struct errand *x, const struct provider *p, const struct fetch *f)
{
    CURL *h = x->easy;
    x->headers = curl_slist_append(NULL, "Accept: application/json");
    CURLcode rc = x->headers == NULL ? CURLE_OUT_OF_MEMORY : curl_easy_setopt(h, CURLOPT_HTTPHEADER, x->headers);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_URL, arena_cstr(&x->texts, f->url));
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, "https");
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PROXY, arena_cstr(&x->texts, p->proxy));
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)SIGN_IN_CONNECT_MS);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)SIGN_IN_WHOLE_MS);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_ERRORBUFFER, x->why);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_WRITEDATA, x);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_OPENSOCKETFUNCTION, on_open);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_OPENSOCKETDATA, x);
    /* another provider's rules may be others: no connection is used again */
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_FRESH_CONNECT, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PRIVATE, x);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_USERAGENT, "sereno/" SERENO_VERSION);
    rc = rc != 0 ? rc : set_authority(x, p);
    return rc != 0 || f->form.len == 0 ? rc : set_form(x, p, f);
}

static struct errand *errand_new(struct sign_in_errands *s, uint64_t id, const struct provider *p)
{
    struct errand *x = mem_alloc(sizeof *x);
    x->owner = s;
    x->id = id;
    arena_init(&x->texts, 4096);
    buf_init(&x->answer, FETCH_ANSWER_MAX);
    x->proxied = p != NULL && p->proxy.len > 0;
    for (uint32_t i = 0; p != NULL && i < p->allow.n; i++) {
        x->nallow += net_range_parse(p->allow.text[i], &x->allow[x->nallow], NULL) == 0;
    }
    return x;
}

void sign_in_errands_take(struct sign_in_errands *s, uint64_t id, struct span body)
{
    CHECK_OBJ(s, SIGN_IN_MAGIC);
    struct fetch f;
    struct cursor in = cursor_of(body);
    char shown[LOG_VALUE_MAX];
    fetch_decode(&in, &f);
    bool whole = cursor_done(&in);
    const struct provider *p = whole ? provider_find(s->sign_in, f.provider) : NULL;
    const char *why = !whole                                  ? "the request is broken"
                      : p == NULL                             ? "the config names no such provider"
                      : !provider_url_allowed(p, f.url)       ? "the config does not name this host"
                      : s->under_way.len >= SIGN_IN_UNDER_WAY_MAX ? "too much is under way"
                                                              : NULL;
    if (why != NULL) {
        log_warn("courier.refused", "why=\"%s\"", why);
        answer(s, id, 0, why, SPAN(""));
        return;
    }
    struct errand *x = errand_new(s, id, p);
    x->easy = curl_easy_init();
    CURLcode rc = x->easy == NULL ? CURLE_OUT_OF_MEMORY : set_request(x, p, &f);
    vec_push(&s->under_way, x);
    if (rc == CURLE_OK && curl_loop_add(s->loop, x->easy)) {
        return;
    }
    why = rc == CURLE_LOGIN_DENIED        ? "client_secret_file is empty or cannot be read"
          : rc == CURLE_SSL_CACERT_BADFILE ? "ca_file is empty or cannot be read"
                                           : "the request cannot be made";
    log_error("courier.sign_in", "provider=%s why=\"%s\"", log_value(f.provider, shown), why);
    answer(s, id, 0, why, SPAN(""));
    errand_free(x);
}

/* ---- life ---- */

struct sign_in_errands *sign_in_errands_new(uv_loop_t *loop, const struct sign_in_host *host)
{
    static const struct sign_in none;
    struct sign_in_errands *s = mem_alloc(sizeof *s);
    s->magic = SIGN_IN_MAGIC;
    s->host = *host;
    s->sign_in = &none;
    s->loop = curl_loop_new(loop, on_done, s);
    return s;
}

void sign_in_errands_configure(struct sign_in_errands *s, const struct config *config)
{
    CHECK_OBJ(s, SIGN_IN_MAGIC);
    s->sign_in = &config->sign_in;
}

void sign_in_errands_free(struct sign_in_errands **out)
{
    struct sign_in_errands *s = *out;
    *out = NULL;
    CHECK_OBJ(s, SIGN_IN_MAGIC);
    while (s->under_way.len > 0) {
        errand_free(*vec_last(&s->under_way));
    }
    vec_free(&s->under_way);
    curl_loop_free(&s->loop);
    for (size_t i = 0; i < s->files.len; i++) {
        (void)close(s->files.data[i].fd);
        mem_free(s->files.data[i].path);
    }
    vec_free(&s->files);
    s->magic = 0;
    mem_free(s);
}
