/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One delivery: see courier_post.h. Runs in the courier. Must never follow a redirect, speak
 * another protocol than the one asked for, take a proxy from the environment, or read an answer's
 * body.
 */
#include "roles/courier_post.h"

#include <curl/curl.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "base/id.h"
#include "base/utf8.h"

static atomic_bool stop_all;

int post_preload(struct err *e)
{
    if (curl_global_init(CURL_GLOBAL_ALL) != 0) {
        return err_set(e, ERR_IO, "libcurl does not start");
    }
    tzset();
    return 0;
}

void post_stop(void)
{
    atomic_store(&stop_all, true);
}

const char *post_way_name(const struct post *p)
{
    static const char *const names[] = {"mail", "webhook", "heartbeat", "letter", "reminder"};
    return names[p->way];
}

static bool is_mail(const struct post *p)
{
    return p->way == NOTICE_MAIL || p->way == NOTICE_LETTER || p->way == NOTICE_REMINDER;
}

bool post_has_target(const struct post *p)
{
    return p->url != NULL;
}

/* RFC 2047 §4.1 for a header that is not plain ASCII: base64 words of at most 75 characters. */
static void header_text(struct buf *b, struct span s)
{
    enum { PIECE = 42 }; /* bytes per word, so that it stays below 75 with its frame */
    if (utf8_is_ascii(s)) {
        buf_span(b, s);
        return;
    }
    bool first = true;
    while (s.len > 0) {
        size_t n = s.len < PIECE ? s.len : PIECE;
        while (n < s.len && n > PIECE - 4 && ((unsigned char)s.ptr[n] & 0xC0) == 0x80) {
            n--; /* not in the middle of a character */
        }
        char text[sodium_base64_ENCODED_LEN(PIECE, sodium_base64_VARIANT_ORIGINAL)];
        (void)sodium_bin2base64(text, sizeof text, (const unsigned char *)s.ptr, n,
                                sodium_base64_VARIANT_ORIGINAL);
        buf_printf(b, "%s=?UTF-8?B?%s?=", first ? "" : "\r\n ", text);
        s = span_sub(s, n, s.len);
        first = false;
    }
}

/* The text as base64 lines of 76 characters (RFC 2045 §6.8): safe whatever it holds. */
static void body_base64(struct buf *b, struct span s)
{
    enum { LINE = 57 };
    while (s.len > 0) {
        size_t n = s.len < LINE ? s.len : LINE;
        char text[sodium_base64_ENCODED_LEN(LINE, sodium_base64_VARIANT_ORIGINAL)];
        (void)sodium_bin2base64(text, sizeof text, (const unsigned char *)s.ptr, n,
                                sodium_base64_VARIANT_ORIGINAL);
        buf_printf(b, "%s\r\n", text);
        s = span_sub(s, n, s.len);
    }
}

/* Only what may stand in an address: a line break would be a header of somebody else's. */
static bool address_fine(struct span s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c <= 0x20 || c == 0x7f || c == '<' || c == '>') {
            return false;
        }
    }
    return s.len > 0;
}

static void write_mail(struct post *p, const struct config *c, const struct notice *n)
{
    struct buf b;
    char id[ID_TEXT_LEN + 1];
    char date[64];
    time_t now = time(NULL);
    struct tm tm;
    (void)gmtime_r(&now, &tm);
    (void)strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", &tm);
    id_new(clock_now(), id);
    struct span known_by = p->key.len > 0 ? p->key : span_of(id); /* a letter that is tried again is the same mail */
    ptrdiff_t at = span_find(c->mail.from, '@');
    struct span domain =
        at < 0 ? SPAN("localhost") : span_sub(c->mail.from, (size_t)at + 1, c->mail.from.len);
    buf_init(&b, 4 * NOTIFY_TEXT_MAX);
    buf_printf(&b, "Date: %s\r\nFrom: <%.*s>\r\nTo: ", date, SPAN_ARG(c->mail.from));
    for (uint32_t i = 0; i < p->nto; i++) {
        buf_printf(&b, "%s<%s>", i > 0 ? ",\r\n " : "", p->to[i]);
    }
    buf_cstr(&b, "\r\nSubject: ");
    header_text(&b, n->subject);
    buf_printf(
        &b,
        "\r\nMessage-ID: <%.*s@%.*s>\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
        SPAN_ARG(known_by), SPAN_ARG(domain));
    body_base64(&b, n->text);
    p->body = arena_copy(&p->texts, buf_view(&b));
    if (b.failed) {
        p->url = NULL;
    }
    buf_free(&b);
}

static void init_mail(struct post *p, const struct config *c, const struct notice *n)
{
    /* A letter goes to the address that the desk decided on; any other mail to those of the config. */
    const struct span *to = n->way == NOTICE_LETTER ? &n->to : c->mail.to;
    uint32_t nto = n->way == NOTICE_LETTER ? 1 : c->mail.nto;
    if (c->mail.server.len == 0 || nto == 0 || !address_fine(c->mail.from)) {
        return;
    }
    p->url = arena_cstr(&p->texts, c->mail.server);
    p->from = arena_printf(&p->texts, "<%.*s>", SPAN_ARG(c->mail.from));
    p->to = arena_calloc(&p->texts, nto, sizeof *p->to);
    for (uint32_t i = 0; i < nto; i++) {
        if (address_fine(to[i])) {
            p->to[p->nto++] = arena_cstr(&p->texts, to[i]);
        }
    }
    if (p->nto == 0) {
        p->url = NULL;
        return;
    }
    write_mail(p, c, n);
}

void post_init(struct post *p, const struct config *config, const struct notice *n)
{
    memset(p, 0, sizeof *p);
    arena_init(&p->texts, 8192);
    p->way = n->way;
    p->key = arena_copy(&p->texts, n->key);
    if (is_mail(p)) {
        init_mail(p, config, n);
        return;
    }
    struct span url = n->way == NOTICE_WEBHOOK ? config->webhook.url : config->heartbeat_url;
    p->url = url.len == 0 ? NULL : arena_cstr(&p->texts, url);
    p->body = arena_copy(&p->texts, n->text);
}

void post_free(struct post *p)
{
    arena_fini(&p->texts);
}

/* ---- sending ---- */

struct upload {
    struct span left;
};

static size_t on_upload(char *to, size_t size, size_t count, void *arg)
{
    struct upload *u = arg;
    size_t n = size * count < u->left.len ? size * count : u->left.len;
    memcpy(to, u->left.ptr, n);
    u->left = span_sub(u->left, n, u->left.len);
    return n;
}

static size_t on_answer(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    size_t *seen = arg;
    *seen += size * count;
    return *seen > (64 << 10) ? 0 : size * count; /* thrown away; a flood ends the transfer */
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)arg;
    (void)a;
    (void)b;
    (void)c;
    (void)d;
    return atomic_load(&stop_all);
}

static bool set_common(CURL *h, const struct post *p, char *why)
{
    CURLcode rc = curl_easy_setopt(h, CURLOPT_URL, p->url);
    const char *protocols = is_mail(p) ? "smtp,smtps" : "http,https";
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PROTOCOLS_STR, protocols);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_FOLLOWLOCATION, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_PROXY, "");
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_NOSIGNAL, 1L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_CONNECTTIMEOUT_MS, (long)POST_CONNECT_MS);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, (long)POST_WHOLE_MS);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_ERRORBUFFER, why);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_answer);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    return rc == CURLE_OK;
}

static bool set_mail(CURL *h, const struct post *p, struct curl_slist **list, struct upload *u)
{
    for (uint32_t i = 0; i < p->nto; i++) {
        char address[1024];
        (void)snprintf(address, sizeof address, "<%s>", p->to[i]);
        struct curl_slist *next = curl_slist_append(*list, address);
        if (next == NULL) {
            return false;
        }
        *list = next;
    }
    u->left = p->body;
    CURLcode rc = curl_easy_setopt(h, CURLOPT_MAIL_FROM, p->from);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_MAIL_RCPT, *list);
    /* STARTTLS wherever the server offers it, and then with a good certificate. */
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_USE_SSL, (long)CURLUSESSL_TRY);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_READFUNCTION, on_upload);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_READDATA, u);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_UPLOAD, 1L);
    return rc == CURLE_OK;
}

static bool set_json(CURL *h, const struct post *p, struct curl_slist **list)
{
    *list = curl_slist_append(NULL, "Content-Type: application/json");
    CURLcode rc =
        *list == NULL ? CURLE_OUT_OF_MEMORY : curl_easy_setopt(h, CURLOPT_HTTPHEADER, *list);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_USERAGENT, "sereno/" SERENO_VERSION);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_POSTFIELDS, p->body.ptr);
    rc = rc != 0 ? rc : curl_easy_setopt(h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)p->body.len);
    return rc == CURLE_OK;
}

/* Delivered, worth another try, or refused for good: by the status of the other side. */
static void judge(const struct post *p, CURLcode rc, long status, struct post_result *out)
{
    if (is_mail(p)) {
        out->delivered = rc == CURLE_OK;
        out->for_good = !out->delivered && status >= 500 && status < 600;
    } else {
        out->delivered = rc == CURLE_OK && status >= 200 && status < 300;
        out->for_good =
            rc == CURLE_OK && status >= 300 && status < 500 && status != 408 && status != 429;
    }
    if (!out->delivered && out->why[0] == '\0') {
        (void)snprintf(out->why, sizeof out->why, "%s (status %ld)",
                       rc == CURLE_OK ? "the other side refused" : curl_easy_strerror(rc), status);
    }
}

void post_send(struct post *p, struct post_result *out)
{
    _Static_assert(POST_WHY_MAX >= CURL_ERROR_SIZE, "room for libcurl's words");
    struct curl_slist *list = NULL;
    struct upload u = {{0}};
    size_t seen = 0;
    long status = 0;
    memset(out, 0, sizeof *out);
    CURL *h = curl_easy_init();
    bool ready = h != NULL && set_common(h, p, out->why) &&
                 curl_easy_setopt(h, CURLOPT_WRITEDATA, &seen) == CURLE_OK &&
                 (is_mail(p) ? set_mail(h, p, &list, &u) : set_json(h, p, &list));
    if (!ready) {
        out->for_good = true;
        (void)snprintf(out->why, sizeof out->why,
                       "the address or message is not one that can be sent");
    } else {
        CURLcode rc = curl_easy_perform(h);
        (void)curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
        judge(p, rc, status, out);
    }
    curl_slist_free_all(list);
    curl_easy_cleanup(h);
}
