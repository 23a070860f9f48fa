/* SPDX-License-Identifier: EUPL-1.2 */
/* HTTP receiver: see http.h. Runs in intake on the loop's own thread (libmicrohttpd polled from
 * outside, by epoll). */
#include "flow/receive/http.h"

#include <microhttpd.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/vec.h"
#include "flow/receive/body.h"
#include "os/mhd_loop.h"

#define HTTP_MAGIC 0x48545450u

/* One request, from its headers to its answer. */
struct request {
    struct request *next; /* list of those that wait for a window */
    struct MHD_Connection *connection;
    struct body *body;
    uint32_t source;
    unsigned status; /* decided early: an answer that does not wait for the body */
    const char *text;
    bool unread; /* answered before its body was read */
    bool waiting;
    bool presses; /* begun as soon as the request before it was answered */
    uint64_t window;
    uint64_t kept, bad;
    size_t counted; /* bytes of the body counted in bodies_bytes */
    char reason[ERR_TEXT_MAX];
};

/* One connection, from its start to its end. */
struct sender_line {
    time_ns answered; /* monotonic; 0 = nothing yet */
};

struct http_receiver {
    uint32_t magic;
    struct http_config config;
    struct mhd_loop http;
    struct request *waiting;
    size_t nwaiting;
    size_t bodies_bytes;
    VEC(size_t) by_source; /* of bodies_bytes */
    char *cert, *key;
};

/* The request's body has so many bytes now. */
static void count_body(struct http_receiver *h, struct request *q, size_t bytes)
{
    while (h->by_source.len <= q->source) {
        vec_push(&h->by_source, 0);
    }
    h->by_source.data[q->source] += bytes - q->counted;
    h->bodies_bytes += bytes - q->counted;
    q->counted = bytes;
}

static bool bodies_full(const struct http_receiver *h, uint32_t source)
{
    return h->bodies_bytes > HTTP_BODIES_MAX_BYTES ||
           (source < h->by_source.len && h->by_source.data[source] > HTTP_SOURCE_BODIES_MAX_BYTES);
}

/* ends: the connection is closed behind the answer. */
static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *json, bool ends)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(json), (void *)(uintptr_t)json,
                                                             MHD_RESPMEM_MUST_COPY);
    if (r == NULL) {
        return MHD_NO;
    }
    char seconds[16];
    (void)snprintf(seconds, sizeof seconds, "%d", (int)HTTP_RETRY_AFTER_S);
    (void)MHD_add_response_header(r, "Content-Type", "application/json");
    (void)MHD_add_response_header(r, "Cache-Control", "no-store");
    (void)MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    if (ends) {
        (void)MHD_add_response_header(r, "Connection", "close");
    }
    if (status == MHD_HTTP_UNAUTHORIZED) {
        (void)MHD_add_response_header(r, "WWW-Authenticate", "Bearer realm=\"ingest\"");
    } else if (status == MHD_HTTP_TOO_MANY_REQUESTS || status == MHD_HTTP_SERVICE_UNAVAILABLE) {
        (void)MHD_add_response_header(r, "Retry-After", seconds);
    } else if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(r, "Allow", "POST");
    }
    enum MHD_Result rc = MHD_queue_response(connection, status, r);
    MHD_destroy_response(r);
    return rc;
}

static void refuse(struct request *q, unsigned status, const char *text)
{
    if (q->status == 0) {
        q->status = status;
        q->text = text;
    }
}

static enum MHD_Result answer_refusal(struct request *q)
{
    char json[ERR_TEXT_MAX + 32];
    (void)snprintf(json, sizeof json, "{\"error\":\"%s\"}\n", q->text);
    return answer(q->connection, q->status, json, q->unread);
}

/* How often each header comes that must come once (request smuggling lives on two readings of
 * these). */
struct header_counts {
    unsigned length, encoding, host;
};

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct header_counts *n = ctx;
    struct span name = span_of(key);
    (void)kind;
    (void)value;
    n->length += span_eq_nocase(name, SPAN("Content-Length"));
    n->encoding += span_eq_nocase(name, SPAN("Transfer-Encoding"));
    n->host += span_eq_nocase(name, SPAN("Host"));
    return MHD_YES;
}

static bool headers_are_single(struct MHD_Connection *connection)
{
    struct header_counts n = {0};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, count_header, &n);
    return n.length <= 1 && n.encoding <= 1 && n.host <= 1 && n.length + n.encoding <= 1;
}

static struct span header(struct MHD_Connection *connection, const char *name)
{
    const char *value = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
    return value == NULL ? span_make("", 0) : span_of(value);
}

/* What is known before the body is read; refuse() decides. */
static void check_request(struct http_receiver *h, struct request *q, const char *url,
                          const char *method)
{
    struct MHD_Connection *c = q->connection;
    struct span encoding = header(c, "Content-Encoding");
    bool gzip = span_eq_nocase(encoding, SPAN("gzip")) || span_eq_nocase(encoding, SPAN("x-gzip"));
    bool plain = encoding.len == 0 || span_eq_nocase(encoding, SPAN("identity"));
    unsigned long long length = 0;
    struct span length_text = header(c, "Content-Length");
    for (size_t i = 0; i < length_text.len && length <= BODY_MAX_BYTES;
         i++) { /* digits: libmicrohttpd checked */
        length = length * 10 + (unsigned)(length_text.ptr[i] - '0');
    }
    if (!headers_are_single(c)) {
        refuse(q, MHD_HTTP_BAD_REQUEST, "a header that must come once comes twice");
    } else if (strcmp(url, "/ingest") != 0) {
        refuse(q, MHD_HTTP_NOT_FOUND, "there is POST /ingest and GET /healthz");
    } else if (strcmp(method, MHD_HTTP_METHOD_POST) != 0) {
        refuse(q, MHD_HTTP_METHOD_NOT_ALLOWED, "use POST");
    } else if (!tokens_find(h->config.tokens, header(c, "Authorization"), &q->source)) {
        h->config.unknown(h->config.ctx);
        refuse(q, MHD_HTTP_UNAUTHORIZED, "token is missing or not known");
    } else if (!gzip && !plain) {
        refuse(q, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE, "Content-Encoding: gzip or none");
    } else if (length > BODY_MAX_BYTES) {
        refuse(q, MHD_HTTP_CONTENT_TOO_LARGE, "body is larger than 32 MiB");
    } else if (h->config.busy(h->config.ctx, q->source) || bodies_full(h, q->source)) {
        refuse(q, MHD_HTTP_TOO_MANY_REQUESTS, "busy, try again");
    } else {
        q->body = body_new(gzip);
        body_expect(q->body, (size_t)length);
    }
}

static void take_upload(struct http_receiver *h, struct request *q, struct span bytes)
{
    struct err e;
    if (q->body == NULL) {
        return; /* refused already: the rest is read and dropped */
    }
    receive_handles(h->config.sink, q->source, true);
    int rc = body_add(q->body, bytes, &e);
    receive_handles(h->config.sink, q->source, false);
    count_body(h, q, body_bytes(q->body));
    if (rc != 0) {
        (void)snprintf(q->reason, sizeof q->reason, "%s", e.text);
        refuse(q, rc == ERR_LIMIT ? MHD_HTTP_CONTENT_TOO_LARGE : MHD_HTTP_BAD_REQUEST, q->reason);
    } else if (bodies_full(h, q->source)) {
        refuse(q, MHD_HTTP_TOO_MANY_REQUESTS, "busy, try again");
    }
    if (q->status != 0) {
        count_body(h, q, 0);
        body_free(&q->body);
    }
}

static struct span sender_of(struct MHD_Connection *connection, char out[RECEIVE_ADDRESS_MAX])
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    return info == NULL ? span_make("", 0) : receive_address(info->client_addr, out);
}

static enum MHD_Result answer_kept(struct request *q)
{
    char json[96];
    (void)snprintf(json, sizeof json, "{\"kept\":%llu,\"bad\":%llu}\n", (unsigned long long)q->kept,
                   (unsigned long long)q->bad);
    return answer(q->connection, MHD_HTTP_OK, json, false);
}

static struct sender_line *line_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **state, enum MHD_ConnectionNotificationCode code)
{
    (void)cls;
    (void)connection;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *state = mem_alloc(sizeof(struct sender_line));
    } else {
        mem_free(*state);
        *state = NULL;
    }
}

static bool begins_at_once(struct MHD_Connection *connection)
{
    const struct sender_line *l = line_of(connection);
    return l != NULL && l->answered != 0 && clock_mono() - l->answered < HTTP_PRESSING_MS * (TIME_SECOND / 1000);
}

/* The body is complete: its records go on, and the request waits until their windows are kept. */
static enum MHD_Result take_body(struct http_receiver *h, struct request *q)
{
    char address[RECEIVE_ADDRESS_MAX];
    struct err e;
    if (body_end(q->body, &e) != 0) {
        (void)snprintf(q->reason, sizeof q->reason, "%s", e.text);
        refuse(q, MHD_HTTP_BAD_REQUEST, q->reason);
        return answer_refusal(q);
    }
    receive_handles(h->config.sink, q->source, true);
    body_records(q->body, q->source, sender_of(q->connection, address), clock_now(), h->config.sink,
                 &q->kept, &q->bad);
    receive_handles(h->config.sink, q->source, false);
    count_body(h, q, 0);
    body_free(&q->body);
    if (q->kept == 0) {
        return answer_kept(q);
    }
    q->window = h->config.window(h->config.ctx);
    q->waiting = true;
    q->next = h->waiting;
    h->waiting = q;
    h->nwaiting++;
    MHD_suspend_connection(q->connection);
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_size, void **state)
{
    struct http_receiver *h = cls;
    struct request *q = *state;
    (void)version;
    CHECK_OBJ(h, HTTP_MAGIC);
    if (q == NULL) {
        q = mem_alloc(sizeof *q);
        q->connection = connection;
        q->presses = begins_at_once(connection);
        *state = q;
        bool health = strcmp(url, "/healthz") == 0;
        if (health && headers_are_single(connection) &&
            (strcmp(method, MHD_HTTP_METHOD_GET) == 0 ||
             strcmp(method, MHD_HTTP_METHOD_HEAD) == 0)) {
            return answer(connection, MHD_HTTP_OK, "{\"status\":\"ok\"}\n", false);
        }
        check_request(h, q, url, method);
        if (q->status == 0) {
            return MHD_YES;
        }
        /* Refused before the body is read: a large body is not waited for. */
        q->unread = mhd_has_body(connection);
        return answer_refusal(q);
    }
    if (*upload_size > 0) {
        take_upload(h, q, span_make(upload, *upload_size));
        *upload_size = 0;
        return MHD_YES;
    }
    if (q->status != 0) {
        return answer_refusal(q);
    }
    return q->body == NULL ? answer_kept(q) : take_body(h, q);
}

static void forget_waiting(struct http_receiver *h, struct request *q)
{
    for (struct request **at = &h->waiting; *at != NULL; at = &(*at)->next) {
        if (*at == q) {
            *at = q->next;
            h->nwaiting--;
            return;
        }
    }
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    struct http_receiver *h = cls;
    struct request *q = *state;
    struct sender_line *line = line_of(connection);
    if (line != NULL) {
        line->answered = clock_mono();
    }
    if (q != NULL) {
        mhd_loop_completed(&h->http, connection, q->unread, code);
        if (q->waiting) {
            forget_waiting(h, q);
        }
        count_body(h, q, 0);
        body_free(&q->body);
        mem_free(q);
        *state = NULL;
    }
}

void http_receiver_kept(struct http_receiver *h, uint64_t window)
{
    bool any = false;
    for (struct request **at = &h->waiting; *at != NULL;) {
        struct request *q = *at;
        if (q->window > window) {
            at = &q->next;
            continue;
        }
        *at = q->next;
        h->nwaiting--;
        q->waiting = false;
        MHD_resume_connection(q->connection); /* on_request is called again and answers */
        any = true;
    }
    if (any) {
        mhd_loop_run(&h->http); /* at once: this may be the last thing before the end */
    }
}

size_t http_receiver_waiting(const struct http_receiver *h)
{
    return h->nwaiting;
}

bool http_receiver_pressed(const struct http_receiver *h)
{
    const struct request *q = h->waiting;
    while (q != NULL && !q->presses) {
        q = q->next;
    }
    return q != NULL;
}

static char *copy_text(struct span s)
{
    char *to = mem_alloc(s.len + 1);
    if (s.len > 0) {
        memcpy(to, s.ptr, s.len);
    }
    return to;
}

static int start_daemon(struct http_receiver *h, struct err *e)
{
    bool tls = h->config.tls_cert.len > 0;
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)mhd_loop_log, (void *)(uintptr_t) "ingest"},
        {MHD_OPTION_LISTEN_SOCKET, h->config.fd, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {MHD_OPTION_CONNECTION_LIMIT, HTTP_CONNECTIONS_MAX, NULL},
        {MHD_OPTION_PER_IP_CONNECTION_LIMIT, HTTP_CONNECTIONS_PER_SENDER, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, HTTP_IDLE_S, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, HTTP_CONNECTION_BYTES, NULL},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, h},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, h},
        {tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, h->cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, h->key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0,
         (void *)(uintptr_t) "SECURE128:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2"},
        {MHD_OPTION_END, 0, NULL},
    };
    if (tls) {
        flags |= MHD_USE_TLS;
    }
    h->http.daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, h, MHD_OPTION_ARRAY, options,
                                 MHD_OPTION_END);
    return h->http.daemon != NULL ? 0 : err_set(e, ERR_IO, "HTTP receiver could not start");
}

static void free_memory(void *arg)
{
    struct http_receiver *h = arg;
    vec_free(&h->by_source);
    mem_free(h->cert);
    mem_free(h->key);
    h->magic = 0;
    mem_free(h);
}

int http_receiver_new(uv_loop_t *loop, const struct http_config *config, struct http_receiver **out,
                      struct err *e)
{
    struct http_receiver *h = mem_alloc(sizeof *h);
    h->magic = HTTP_MAGIC;
    h->config = *config;
    h->cert = copy_text(config->tls_cert);
    h->key = copy_text(config->tls_key);
    int rc = start_daemon(h, e);
    if (rc == 0) {
        rc = mhd_loop_join(&h->http, loop, e);
    }
    if (rc != 0) {
        mhd_loop_end(&h->http, free_memory, h);
        return rc;
    }
    *out = h;
    return 0;
}

void http_receiver_quiesce(struct http_receiver *h)
{
    (void)MHD_quiesce_daemon(h->http.daemon);
}

void http_receiver_free(struct http_receiver **given)
{
    struct http_receiver *h = *given;
    if (h == NULL) {
        return;
    }
    /* Those who still wait hear that it ends, and will send again. */
    for (struct request *q = h->waiting; q != NULL; q = q->next) {
        q->waiting = false;
        refuse(q, MHD_HTTP_SERVICE_UNAVAILABLE, "ending");
        MHD_resume_connection(q->connection);
    }
    h->waiting = NULL;
    h->nwaiting = 0;
    mhd_loop_end(&h->http, free_memory, h);
    *given = NULL;
}
