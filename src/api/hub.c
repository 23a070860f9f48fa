/* SPDX-License-Identifier: EUPL-1.2 */
/* The hub's listener: see hub.h. Must never block, and never trust what a request says of its sender:
 * the certificate says it. */
#include "api/hub.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

#include "os/mhd_loop.h"
#include "base/arena.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/num.h"
#include "desk/federation/batch.h"

static const char priorities[] = "SECURE128:%SERVER_PRECEDENCE:-VERS-ALL:+VERS-TLS1.3";

enum { HUB_MAGIC = 0x68756221, HUB_REQUEST_MAGIC = 0x68756272 };

struct hub {
    uint32_t magic;
    struct hub_config config;
    struct arena texts;
    struct mhd_loop http;
    size_t bodies; /* bytes */
    unsigned connections;
    struct hub_request *requests;
    bool stopping; /* nothing new waits: the library ends the program over a connection that still does */
};

/* One TLS connection: who it is, found out once. */
struct hub_connection {
    bool looked;
    char node[FED_NODE_LEN + 1]; /* empty: no certificate of ours */
    int64_t until_s;             /* when that certificate ends */
};

enum request_state { HEAD, BODY, WAITING, ANSWERED, SENT };

struct hub_request {
    uint32_t magic;
    struct hub *hub;
    struct MHD_Connection *connection;
    struct hub_request *next, **link;
    struct fed_call call;
    enum request_state state;
    bool suspended;
    bool unread; /* answered before its body was read */
    bool crowded; /* its body is no longer kept: too many come in at once */
    struct buf body;
    size_t body_max;
    char node[FED_NODE_LEN + 1];
    char request[ID_TEXT_LEN + 1];
    char proof[128];
    struct MHD_Response *response;
    unsigned status;
};

/* ---- the life of a request ---- */

static void *on_uri(void *cls, const char *uri, struct MHD_Connection *connection)
{
    struct hub *hub = cls;
    (void)uri;
    struct hub_request *r = mem_alloc(sizeof *r);
    r->magic = HUB_REQUEST_MAGIC;
    r->hub = hub;
    r->connection = connection;
    r->next = hub->requests;
    r->link = &hub->requests;
    if (r->next != NULL) {
        r->next->link = &r->next;
    }
    hub->requests = r;
    return r;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct hub *hub = cls;
    struct hub_request *r = *con_cls;
    if (r == NULL) {
        return;
    }
    CHECK_OBJ(r, HUB_REQUEST_MAGIC);
    mhd_loop_completed(&hub->http, connection, r->unread, why);
    if (r->call.respond != NULL && r->state == WAITING) {
        fed_hub_gone(hub->config.engine, &r->call);
    }
    *r->link = r->next;
    if (r->next != NULL) {
        r->next->link = r->link;
    }
    hub->bodies -= r->body.len;
    buf_free(&r->body);
    if (r->response != NULL) {
        MHD_destroy_response(r->response);
    }
    r->magic = 0;
    mem_free(r);
    *con_cls = NULL;
}

static void set_response(struct hub_request *r, unsigned status, struct span body)
{
    r->status = status;
    r->response = MHD_create_response_from_buffer(body.len, (void *)(uintptr_t)body.ptr,
                                                  MHD_RESPMEM_MUST_COPY);
    CHECK(r->response != NULL);
    (void)MHD_add_response_header(r->response, "Content-Type", "application/json");
    (void)MHD_add_response_header(r->response, "Cache-Control", "no-store");
    if (status == 503) {
        (void)MHD_add_response_header(r->response, "Retry-After", "2");
    }
    r->state = ANSWERED;
}

static void refuse(struct hub_request *r, unsigned status, const char *code)
{
    char text[128];
    int n = snprintf(text, sizeof text, "{\"error\":\"%s\",\"message\":\"\"}", code);
    set_response(r, status, span_make(text, (size_t)n));
}

/* The engine's answer, at once or later. */
static void respond(struct fed_call *call, unsigned status, struct span body)
{
    struct hub_request *r = (struct hub_request *)((char *)call - offsetof(struct hub_request, call));
    CHECK_OBJ(r, HUB_REQUEST_MAGIC);
    set_response(r, status, body);
    r->hub->bodies -= r->body.len;
    buf_clear(&r->body);
    if (r->suspended) {
        r->suspended = false;
        MHD_resume_connection(r->connection);
        mhd_loop_kick(&r->hub->http);
    }
}

/* ---- who asks ---- */

static bool read_node(struct MHD_Connection *connection, char node[FED_NODE_LEN + 1],
                      int64_t *until_s)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    gnutls_session_t session = info == NULL ? NULL : (gnutls_session_t)info->tls_session;
    gnutls_x509_crt_t crt = NULL;
    unsigned n = 0, problems = 0;
    size_t len = FED_NODE_LEN + 1;
    const gnutls_datum_t *list = session == NULL ? NULL : gnutls_certificate_get_peers(session, &n);
    if (list == NULL || n == 0 || gnutls_certificate_verify_peers2(session, &problems) < 0 ||
        problems != 0 || gnutls_x509_crt_init(&crt) < 0) {
        return false;
    }
    bool fine = gnutls_x509_crt_import(crt, &list[0], GNUTLS_X509_FMT_DER) >= 0 &&
                gnutls_x509_crt_get_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, 0, node, &len) >=
                    0 &&
                len == FED_NODE_LEN;
    *until_s = fine ? (int64_t)gnutls_x509_crt_get_expiration_time(crt) : 0;
    gnutls_x509_crt_deinit(crt);
    return fine;
}

static void find_node(struct hub_request *r)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct hub_connection *c = info == NULL ? NULL : info->socket_context;
    if (c == NULL) {
        return;
    }
    if (!c->looked) {
        c->looked = true;
        if (!read_node(r->connection, c->node, &c->until_s)) {
            c->node[0] = '\0';
        }
    }
    memcpy(r->node, c->node, sizeof r->node);
    r->call.certificate_until_s = c->until_s;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct hub *hub = cls;
    (void)connection;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = mem_alloc(sizeof(struct hub_connection));
        hub->connections++;
    } else {
        mem_free(*socket_context);
        *socket_context = NULL;
        hub->connections--;
    }
}

/* ---- what is asked ---- */

#define BASE "/federation/v1/"

static const struct {
    const char *method, *path;
    enum fed_call_kind kind;
    size_t body_max;
} calls[] = {
    {"POST", BASE "enrol", FED_CALL_ENROL, HUB_ENROL_BYTES},
    {"POST", BASE "hello", FED_CALL_HELLO, HUB_ENROL_BYTES},
    {"POST", BASE "push", FED_CALL_PUSH, BATCH_BODY_MAX},
    {"GET", BASE "pull", FED_CALL_PULL, 0},
    {"POST", BASE "renew", FED_CALL_RENEW, HUB_ENROL_BYTES},
};

static int64_t query(struct hub_request *r, const char *name, bool *fine)
{
    const char *text = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
    uint64_t v = 0;
    if (text == NULL || !num_u64(span_of(text), &v) || v > (UINT64_C(1) << 53)) {
        *fine = false;
        return 0;
    }
    return (int64_t)v;
}

static bool find_call(struct hub_request *r, const char *method, const char *path)
{
    static const char enrolled[] = BASE "enrol/";
    bool fine = true;
    for (size_t i = 0; i < ARRAY_LEN(calls); i++) {
        if (strcmp(method, calls[i].method) == 0 && strcmp(path, calls[i].path) == 0) {
            r->call.kind = calls[i].kind;
            r->body_max = calls[i].body_max;
            if (calls[i].kind == FED_CALL_PULL) {
                r->call.epoch = query(r, "epoch", &fine);
                r->call.after = query(r, "after", &fine);
                r->call.wait_s = query(r, "wait", &fine);
                fine = fine && r->call.wait_s <= HUB_WAIT_MAX_S;
            }
            return fine;
        }
    }
    const char *proof =
        MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Sereno-Proof");
    if (strcmp(method, "GET") != 0 || strncmp(path, enrolled, sizeof enrolled - 1) != 0 ||
        strlen(path) != sizeof enrolled - 1 + ID_TEXT_LEN || proof == NULL ||
        strlen(proof) >= sizeof r->proof) {
        return false;
    }
    r->call.kind = FED_CALL_ENROLLED;
    memcpy(r->request, path + sizeof enrolled - 1, ID_TEXT_LEN);
    memcpy(r->proof, proof, strlen(proof));
    r->call.request = span_of(r->request);
    r->call.proof = span_of(r->proof);
    return true;
}

/* The length must be said before, so that it can be refused before. */
static unsigned check_body(struct hub_request *r)
{
    const char *length = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Length");
    const char *coded = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Content-Encoding");
    const char *chunks = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "Transfer-Encoding");
    uint64_t n = 0;
    if (coded != NULL) {
        return 415; /* nothing compressed comes in: what it would grow to is not known */
    }
    if (chunks != NULL || (r->body_max > 0 && length == NULL)) {
        return 411;
    }
    if (length != NULL && (!num_u64(span_of(length), &n) || n > r->body_max)) {
        return 413;
    }
    return r->hub->bodies + n > HUB_BODIES_BYTES ? 503 : 0;
}

static void begin(struct hub_request *r, const char *method, const char *path)
{
    r->state = BODY;
    if (!find_call(r, method, path)) {
        refuse(r, 404, "unknown");
        return;
    }
    unsigned status = check_body(r);
    if (status != 0) {
        refuse(r, status, status == 503 ? "busy" : "shape");
        (void)MHD_add_response_header(r->response, "Connection", "close");
        return;
    }
    buf_init(&r->body, r->body_max + 1);
    find_node(r);
    r->call.node = span_of(r->node);
    bool stranger = r->node[0] == '\0';
    if (stranger && r->call.kind != FED_CALL_ENROL && r->call.kind != FED_CALL_ENROLLED) {
        refuse(r, 403, "certificate");
        (void)MHD_add_response_header(r->response, "Connection", "close");
    }
}

static enum MHD_Result send_answer(struct hub_request *r)
{
    r->state = SENT;
    enum MHD_Result rc = MHD_queue_response(r->connection, r->status, r->response);
    MHD_destroy_response(r->response);
    r->response = NULL;
    return rc;
}

/* Many may have begun while there was room for each: what no longer fits is read on and not kept. */
static void take_body(struct hub_request *r, const char *data, size_t n)
{
    struct hub *hub = r->hub;
    if (r->crowded || hub->bodies + n > HUB_BODIES_BYTES) {
        r->crowded = true;
        hub->bodies -= r->body.len;
        buf_free(&r->body);
        return;
    }
    size_t before = r->body.len;
    buf_put(&r->body, data, n);
    hub->bodies += r->body.len - before;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **con_cls)
{
    struct hub *hub = cls;
    struct hub_request *r = *con_cls;
    (void)version;
    CHECK_OBJ(r, HUB_REQUEST_MAGIC);
    if (r->state == HEAD) {
        begin(r, method, url);
        r->unread = r->state == ANSWERED && mhd_has_body(connection);
        return r->state == ANSWERED ? send_answer(r) : MHD_YES;
    }
    if (*data_size > 0) {
        take_body(r, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (r->state == BODY) {
        r->state = WAITING;
        r->call.body = buf_view(&r->body);
        r->call.respond = respond;
        if (r->crowded) {
            refuse(r, 503, "busy");
        } else if (r->body.failed) {
            refuse(r, 413, "shape");
        } else if (hub->stopping) {
            refuse(r, 503, "stopping");
        } else {
            fed_hub_call(hub->config.engine, &r->call);
        }
        if (r->state == WAITING) {
            r->suspended = true;
            MHD_suspend_connection(connection);
            return MHD_YES;
        }
    }
    return r->state == ANSWERED ? send_answer(r) : MHD_YES;
}

/* ---- the loop ---- */

static int start_daemon(struct hub *hub, struct err *e)
{
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG | MHD_USE_TLS;
    const struct hub_config *c = &hub->config;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)c->cert.ptr},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)c->key.ptr},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)c->authority.ptr},
        {MHD_OPTION_HTTPS_PRIORITIES, 0, (void *)(uintptr_t)priorities},
        {MHD_OPTION_END, 0, NULL},
    };
    hub->http.daemon = MHD_start_daemon(
        flags, 0, NULL, NULL, on_request, hub, MHD_OPTION_EXTERNAL_LOGGER, mhd_loop_log,
        (void *)(uintptr_t)"hub",
        MHD_OPTION_LISTEN_SOCKET, c->listen_fd, MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_CONNECTION_LIMIT, (unsigned)HUB_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)HUB_IDLE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HUB_CONNECTION_BYTES,
        MHD_OPTION_URI_LOG_CALLBACK, on_uri, hub, MHD_OPTION_NOTIFY_COMPLETED, on_completed, hub,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, hub, MHD_OPTION_ARRAY, tls, MHD_OPTION_END);
    return hub->http.daemon != NULL ? 0 : err_set(e, ERR_IO, "the hub's listener does not start");
}

int hub_new(const struct hub_config *config, struct err *e, struct hub **out)
{
    struct hub *hub = mem_alloc(sizeof *hub);
    hub->magic = HUB_MAGIC;
    hub->config = *config;
    arena_init(&hub->texts, 0);
    struct span *const texts[] = {&hub->config.cert, &hub->config.key, &hub->config.authority};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = span_of(arena_cstr(&hub->texts, *texts[i]));
    }
    int rc = start_daemon(hub, e);
    rc = rc < 0 ? rc : mhd_loop_join(&hub->http, config->loop, e);
    if (rc < 0) {
        if (hub->http.daemon == NULL) {
            (void)close(config->listen_fd);
        }
        hub_free(&hub);
    }
    *out = hub;
    return rc;
}

static void free_memory(void *arg)
{
    struct hub *hub = arg;
    arena_fini(&hub->texts);
    hub->magic = 0;
    mem_free(hub);
}

void hub_free(struct hub **out)
{
    struct hub *hub = *out;
    *out = NULL;
    if (hub == NULL) {
        return;
    }
    CHECK_OBJ(hub, HUB_MAGIC);
    hub->stopping = true;
    for (struct hub_request *r = hub->requests; r != NULL; r = r->next) {
        if (r->state == WAITING) {
            fed_hub_gone(hub->config.engine, &r->call);
            refuse(r, 503, "stopping");
            if (r->suspended) {
                r->suspended = false;
                MHD_resume_connection(r->connection);
            }
        }
    }
    mhd_loop_end(&hub->http, free_memory, hub);
}

unsigned hub_connections(const struct hub *hub)
{
    return hub->connections;
}
