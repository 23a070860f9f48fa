/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The HTTP server: libmicrohttpd in its strictest mode on the role's libuv loop, one thread. A
 * request is read whole (bounded), checked, dispatched; while the keeper thinks, its connection is
 * suspended. Runs in the desk. Must never block.
 */
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/providers.h"
#include "api/api_priv.h"
#include "api/tls.h"
#include "base/log.h"
#include "base/mem.h"

static const char tls_priorities[] =
    "SECURE128:%SERVER_PRECEDENCE:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2";

struct span api_cookie_name(const struct api *api)
{
    return api->policy.tls ? SPAN("__Host-sereno_session") : SPAN("sereno_session");
}

/* ---- one request ---- */

static void request_free(struct api_request *req)
{
    CHECK_OBJ(req, REQUEST_MAGIC);
    *req->link = req->next;
    if (req->next != NULL) {
        req->next->link = req->link;
    }
    if (req->response != NULL) {
        MHD_destroy_response(req->response);
    }
    if (req->forget != NULL) {
        req->forget(req);
    }
    req->api->documents -= req->is_document;
    if (req->body.len > 0) { /* may hold a password */
        memset(req->body.data, 0, req->body.len);
    }
    buf_free(&req->body);
    arena_fini(&req->arena);
    req->magic = 0;
    mem_free(req);
}

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct api *api = cls;
    struct api_request *req = mem_alloc(sizeof *req);
    req->magic = REQUEST_MAGIC;
    req->api = api;
    req->connection = connection;
    arena_init(&req->arena, 4096);
    buf_init(&req->body, REQUEST_BODY_MAX);
    req->raw_uri = arena_copy(&req->arena, span_of(uri));
    req->next = api->requests;
    req->link = &api->requests;
    if (req->next != NULL) {
        req->next->link = &req->next;
    }
    api->requests = req;
    return req;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct api *api = cls;
    struct api_request *req = *con_cls;
    if (req != NULL) {
        mhd_loop_completed(&api->http, connection, req->unread, why);
        request_free(req);
        *con_cls = NULL;
    }
}

/* Paths are decoded by api/uri, not by the library. */
static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static enum MHD_Result collect_field(void *cls, enum MHD_ValueKind kind, const char *name,
                                     size_t name_len, const char *value, size_t value_len)
{
    struct api_request *req = cls;
    (void)kind;
    if (req->head.count == HEAD_FIELDS_MAX) {
        req->head.overflow = true;
        return MHD_NO;
    }
    req->head.field[req->head.count++] = (struct head_field){
        arena_copy(&req->arena, span_make(name, name_len)),
        arena_copy(&req->arena, span_make(value == NULL ? "" : value, value_len)),
    };
    return MHD_YES;
}

static struct span peer_address(struct api_request *req)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(req->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    char text[INET6_ADDRSTRLEN] = "unknown";
    if (info != NULL && info->client_addr != NULL) {
        const struct sockaddr *sa = info->client_addr;
        if (sa->sa_family == AF_INET) {
            struct sockaddr_in in;
            memcpy(&in, sa, sizeof in);
            (void)inet_ntop(AF_INET, &in.sin_addr, text, sizeof text);
        } else if (sa->sa_family == AF_INET6) {
            struct sockaddr_in6 in6;
            memcpy(&in6, sa, sizeof in6);
            (void)inet_ntop(AF_INET6, &in6.sin6_addr, text, sizeof text);
        }
    }
    return arena_copy(&req->arena, span_of(text));
}

/* Finds the route; answers 404, 405 itself. False when it did. */
static bool find_route(struct api_request *req, struct span method)
{
    char allowed[ROUTE_ALLOWED_MAX];
    req->is_head = span_eq(method, SPAN("HEAD"));
    req->route =
        route_find(req->is_head ? SPAN("GET") : method, req->uri.path, req->param, allowed);
    bool api_path = span_starts(req->uri.path, SPAN("/api/"));
    bool get = span_eq(method, SPAN("GET")) || req->is_head;
    if (req->route != NULL && req->is_head && api_path) {
        req->route = NULL;
        (void)snprintf(allowed, sizeof allowed, "GET");
    }
    if (req->route == NULL && (allowed[0] != '\0' || (!get && !api_path))) {
        respond_error(req, 405, "bad_method", "This address does not take that method.", NULL);
        respond_header(req, "Allow", allowed[0] == '\0' ? "GET" : allowed);
        return false;
    }
    if (req->route == NULL && api_path) {
        respond_error(req, 404, "not_found", "The interface has no such resource.", NULL);
        return false;
    }
    return true;
}

static bool is_large(const struct route *r)
{
    return r != NULL && (r->body == BODY_DOCUMENT || r->body == BODY_TABLE);
}

/* How much body the route takes; answers itself, and says false, when it is too much or too many send one. */
static bool take_body(struct api_request *req, struct span version, bool safe)
{
    req->is_document = is_large(req->route) && req->api->documents < API_DOCUMENTS_MAX;
    req->api->documents += req->is_document;
    req->body.max = !req->is_document ? REQUEST_BODY_MAX : req->route->body == BODY_TABLE ? REQUEST_TABLE_MAX : REQUEST_DOCUMENT_MAX;
    struct head_verdict v =
        head_check(&req->head, &req->api->policy, version, !safe, req->body.max);
    if (v.status == 0 || req->is_document) {
        return true;
    }
    bool busy = is_large(req->route);
    respond_error(req, busy ? 503 : v.status, busy ? "busy" : v.code,
                  busy ? "Too many large requests at a time; try again." : v.message, NULL);
    respond_header(req, "Connection", "close");
    return false;
}

/* First look, before the body: everything that needs no look at it. */
static void begin(struct api_request *req, const char *method, const char *version)
{
    struct err e = {0};
    req->state = REQUEST_BODY;
    req->address = peer_address(req);
    (void)MHD_get_connection_values_n(req->connection, MHD_HEADER_KIND, collect_field, req);
    bool safe = strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
    struct head_verdict v =
        head_check(&req->head, &req->api->policy, span_of(version), !safe, REQUEST_TABLE_MAX);
    if (v.status == 0 && uri_parse(req->raw_uri, &req->arena, &req->uri, &e) < 0) {
        v = (struct head_verdict){e.code == ERR_LIMIT ? 414 : 400, "bad_address", e.text};
        req->uri.path = span_starts(req->raw_uri, SPAN("/api/")) ? SPAN("/api/") : SPAN("/"); /* a page is answered with a page */
    }
    if (v.status != 0) {
        respond_error(req, v.status, v.code, v.message, NULL);
        /* What follows on this connection may not be what we think it is. */
        respond_header(req, "Connection", "close");
        return;
    }
    if (find_route(req, span_of(method))) {
        (void)take_body(req, span_of(version), safe);
    }
}

static enum MHD_Result send_answer(struct api_request *req)
{
    CHECK(req->response != NULL);
    req->state = REQUEST_SENDING;
    enum MHD_Result rc = MHD_queue_response(req->connection, req->status, req->response);
    MHD_destroy_response(req->response);
    req->response = NULL;
    return rc;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **con_cls)
{
    (void)cls;
    (void)connection;
    (void)url;
    struct api_request *req = *con_cls;
    CHECK_OBJ(req, REQUEST_MAGIC);
    if (req->state == REQUEST_HEAD) {
        begin(req, method, version);
        req->unread = req->state == REQUEST_ANSWERED && mhd_has_body(connection);
        return req->state == REQUEST_ANSWERED ? send_answer(req) : MHD_YES;
    }
    if (*data_size > 0) {
        buf_put(&req->body, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (req->state == REQUEST_BODY) {
        req->state = REQUEST_WORKING;
        if (req->api->http.closing) { /* who would wait now, would wait for ever */
            respond_failure(req, ERR_CLOSED, SPAN(""));
        } else if (req->body.failed) {
            respond_error(req, 413, "too_large", "The body is larger than this resource takes.",
                          NULL);
        } else {
            request_dispatch(req);
        }
        if (req->state == REQUEST_WORKING) {
            req->suspended = true;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return req->state == REQUEST_ANSWERED ? send_answer(req) : MHD_YES;
}

static enum MHD_Result on_connect(void *cls, const struct sockaddr *addr, socklen_t len)
{
    struct api *api = cls;
    if (api->admin_exists || api->config.loopback) {
        return MHD_YES;
    }
    if (addr->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof in);
        return ntohl(in.sin_addr.s_addr) >> 24 == 127 ? MHD_YES : MHD_NO;
    }
    if (addr->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, sizeof in6);
        const unsigned char *b = in6.sin6_addr.s6_addr;
        bool mapped = IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) && b[12] == 127;
        return IN6_IS_ADDR_LOOPBACK(&in6.sin6_addr) || mapped ? MHD_YES : MHD_NO;
    }
    return MHD_NO;
}

/* ---- the loop ---- */

static int start_daemon(struct api *api, struct err *e)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG |
                     (api->policy.tls ? MHD_USE_TLS : 0);
    const char *cert = api->policy.tls ? api->config.tls_cert.ptr : NULL;
    const char *key = api->policy.tls ? api->config.tls_key.ptr : NULL;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)tls_priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    api->http.daemon = MHD_start_daemon(
        flags, 0, on_connect, api, on_request, api, MHD_OPTION_EXTERNAL_LOGGER, mhd_loop_log,
        (void *)(uintptr_t)"desk",
        MHD_OPTION_LISTEN_SOCKET, api->config.listen_fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)API_CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)API_CONNECTIONS_PER_ADDRESS,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)API_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
        (size_t)API_HEADER_BYTES, MHD_OPTION_URI_LOG_CALLBACK, on_uri, api,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, api, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_ARRAY, api->policy.tls ? tls : &tls[3], MHD_OPTION_END);
    if (api->http.daemon == NULL) {
        return err_set(e, ERR_IO, "the HTTP server does not start (is the certificate good?)");
    }
    return 0;
}

static void copy_texts(struct api *api)
{
    struct span *texts[] = {&api->config.tls_cert, &api->config.tls_key, &api->config.node_name,
                            &api->config.ingest, &api->config.organisation};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(&api->texts, *texts[i]);
    }
    api->policy.tls = api->config.tls_cert.len > 0;
    api->policy.hosts[api->policy.nhosts++] = api->config.node_name;
}

int api_new(const struct api_config *config, struct err *e, struct api **out)
{
    struct api *api = mem_alloc(sizeof *api);
    api->magic = API_MAGIC;
    api->config = *config;
    api->loop = config->loop;
    arena_init(&api->texts, 0);
    copy_texts(api);
    api->throttle = throttle_new();
    api->providers = providers_new();
    api->token_throttle = throttle_new();
    api->shown = shown_new();
    api->started = clock_now();
    buf_init(&api->pulse, 64 << 10);
    buf_init(&api->roles_json, 1 << 20);
    buf_init(&api->doctor_report, 1 << 20);
    api->doctor_at = TIME_NONE;
    api->doctor_asked = TIME_NONE;
    buf_init(&api->roles_metrics, 1 << 20);
    secret_new(api->form_key);
    streams_init(api);
    int rc = 0;
    if (!config->loopback && !api->policy.tls) {
        rc = err_set(e, ERR_UNSUPPORTED, "the desk listens beyond this machine only with TLS");
    }
    if (rc == 0 && api->policy.tls) {
        rc = tls_describe(api->config.tls_cert, &api->texts, &api->policy, api->fingerprint,
                          sizeof api->fingerprint, e);
    }
    if (rc == 0) {
        rc = start_daemon(api, e);
    }
    if (rc == 0) {
        rc = mhd_loop_join(&api->http, api->loop, e);
    }
    if (rc < 0) {
        api_free(&api);
    }
    *out = api;
    return rc;
}

static void free_memory(void *arg)
{
    struct api *api = arg;
    streams_fini(api);
    throttle_free(&api->throttle);
    providers_free(&api->providers);
    throttle_free(&api->token_throttle);
    shown_free(&api->shown);
    buf_free(&api->pulse);
    buf_free(&api->roles_json);
    buf_free(&api->doctor_report);
    buf_free(&api->roles_metrics);
    registers_free(&api->registers);
    people_roles_free(&api->roles);
    arena_fini(&api->texts);
    api->magic = 0;
    mem_free(api);
}

void api_free(struct api **out)
{
    struct api *api = *out;
    *out = NULL;
    if (api == NULL) {
        return;
    }
    CHECK_OBJ(api, API_MAGIC);
    streams_end(api, NULL);
    for (struct api_request *req = api->requests; req != NULL; req = req->next) {
        if (req->state == REQUEST_WORKING) {
            request_work_abandon(req);
            respond_failure(req, ERR_CLOSED, SPAN(""));
        }
    }
    mhd_loop_end(&api->http, free_memory, api);
}

void api_set_circles(struct api *api, const struct fed_circles *circles)
{
    CHECK_OBJ(api, API_MAGIC);
    api->circles = circles;
}

void api_set_admin_exists(struct api *api, bool exists)
{
    CHECK_OBJ(api, API_MAGIC);
    api->admin_exists = exists;
}

void api_set_demo(struct api *api, bool on)
{
    CHECK_OBJ(api, API_MAGIC);
    api->demo = on;
}

struct span api_fingerprint(const struct api *api)
{
    CHECK_OBJ(api, API_MAGIC);
    return span_of(api->fingerprint);
}

void api_set_node(struct api *api, time_ns started, const char *sandbox, struct span roles_json,
                  struct span roles_metrics)
{
    CHECK_OBJ(api, API_MAGIC);
    api->started = started;
    (void)snprintf(api->sandbox, sizeof api->sandbox, "%s", sandbox);
    buf_clear(&api->roles_json);
    buf_span(&api->roles_json, roles_json);
    buf_clear(&api->roles_metrics);
    buf_span(&api->roles_metrics, roles_metrics);
}

int api_preload(struct err *e)
{
    int rc = gnutls_global_init();
    return rc < 0 ? err_set(e, ERR_IO, "the TLS library does not start: %s", gnutls_strerror(rc))
                  : 0;
}

int api_make_certificate(const char *name, struct buf *cert_pem, struct buf *key_pem, struct err *e)
{
    return tls_make_own(name, cert_pem, key_pem, e);
}

/* ---- questions ---- */

/* Outlives its request if need be: the answer of a keeper that was slow finds nobody, and that is
 * fine. */
static void on_answer(void *ctx, int rc, struct span text, struct cursor *data)
{
    struct api_request *req = ctx;
    CHECK_OBJ(req, REQUEST_MAGIC); /* a waiting request is suspended, so it cannot have gone */
    api_then *then = req->then;
    CHECK(then != NULL && req->state == REQUEST_WORKING);
    req->then = NULL;
    then(req, rc, text, data);
}

void request_ask(struct api_request *req, struct buf *question, api_then *then)
{
    CHECK(req->then == NULL && req->state == REQUEST_WORKING);
    req->then = then;
    if (question->failed) {
        req->then = NULL;
        respond_error(req, 413, "too_large", "The request is too large.", NULL);
    } else if (!req->api->config.ask(req->api->config.arg, buf_view(question), on_answer, req)) {
        req->then = NULL;
        respond_failure(req, ERR_CLOSED, SPAN(""));
    }
}
