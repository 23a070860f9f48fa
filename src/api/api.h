/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The desk's HTTP side: one server on one listening socket, on the role's loop. It asks the keeper
 * through `ask` and is told of news through api_event. It never opens or connects anything.
 */
#ifndef API_API_H
#define API_API_H

#include <stdbool.h>

#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"
#include "desk/identity/directory.h"
#include "desk/identity/fetch.h"
#include "records/ask.h"

struct api;
struct level_report;
struct fed_engine;

/* Before the sandbox: the TLS library reads its tables. */
int api_preload(struct err *e) NODISCARD;

/* A self-signed certificate for `name`, localhost and loopback, and its key: PEM, each with a zero
 * at its end. */
int api_make_certificate(const char *name, struct buf *cert_pem, struct buf *key_pem,
                         struct err *e) NODISCARD;

/* Called once with the answer to a question: the data after code and sentence. rc ERR_CLOSED = the
 * keeper is away. */
typedef void api_answer(void *ctx, int rc, struct span text, struct cursor *data);

/* Called once with what came back of a fetch (status 0: nothing did), never before the fetch returned. */
typedef void api_fetched(void *ctx, const struct fetched *f);

/* Called once with what a directory said, never before the question returned. */
typedef void api_directory_said(void *ctx, const struct directory_answer *f);

struct api_config {
    uv_loop_t *loop;
    int listen_fd;        /* taken over */
    struct span tls_cert; /* PEM with the chain; empty = plain HTTP, for loopback only */
    struct span tls_key;
    bool loopback; /* the socket is reachable from this machine only */
    /* The control socket: whoever can open it owns the data folder, and acts as an administrator
     * without a session. Never for a socket of the network. */
    bool local;
    struct span node_name;
    struct span ingest; /* full address of POST /ingest for people to copy; may be empty */
    struct span organisation;
    void *arg;
    /* Sends a question; the answer comes later, never before this returns. False = cannot be sent
     * now. */
    bool (*ask)(void *arg, struct span question, api_answer *answer, void *ctx);
    /* The federation's engine, NULL while it starts. May be NULL: then there is none. */
    struct fed_engine *(*federation)(void *arg);
    /* How far the community is on its guard; NULL while that is not known. May be NULL. */
    const struct level_report *(*level)(void *arg);
    /* A kind of record was switched: tells every server of this process, this one too. May be NULL: then this is
     * the only one. */
    void (*switched)(void *arg, struct span kind, bool on);
    /* The invented city came or went (records/demo.h): tells every server of this process. May be NULL: then this is the only one. */
    void (*demo)(void *arg, bool on);
    /* Has the courier fetch something from a provider that signs people in. False = cannot be sent now. May be NULL. */
    bool (*fetch)(void *arg, const struct fetch *f, api_fetched *then, void *ctx);
    /* Has the courier ask a directory. False = cannot be sent now. May be NULL. */
    bool (*directory)(void *arg, const struct directory_ask *q, api_directory_said *said, void *ctx);
    /* Has the doctor look at node and machine; what it says comes by api_set_doctor. False = cannot be asked now. May be NULL. */
    bool (*examine)(void *arg);
    /* Somebody is to be shut out, or let in anew: tells every server of this process, as api_signed_out. May be NULL. */
    void (*signed_out)(void *arg, struct span person, struct span credential);
};

/* All texts are copied. ERR_UNSUPPORTED: beyond loopback without TLS; ERR_INVALID: certificate or
 * key. */
int api_new(const struct api_config *config, struct err *e, struct api **out) NODISCARD;
/* Answers what waits with 503, closes all connections, frees. */
void api_free(struct api **api);

/* What the items of the interface need of the circles; NULL = this node is in none (yet). Borrowed
 * until it is set anew. */
struct fed_circles;
void api_set_circles(struct api *api, const struct fed_circles *circles);

/* News of the keeper, as records/ask.h says: u8 kind, body. ERR_INVALID = the keeper broke its
 * word. */
int api_event(struct api *api, struct span body, struct err *e) NODISCARD;

/* A kind of record goes on or off (records/registers/register.h). */
void api_register_switched(struct api *api, struct span kind, bool on);

/* Ends open event streams: all of a person (his id), or those of one session or token (hash); the other is empty. */
void api_signed_out(struct api *api, struct span person, struct span credential);

/* While the invented city is on the node every answer and page says so. */
void api_set_demo(struct api *api, bool on);

/* Until an administrator exists, connections from beyond this machine are turned away. */
void api_set_admin_exists(struct api *api, bool exists);

/* The key under which secrets of second factors are stored: TOTP_KEY_BYTES of DATA/keys/factor.key. Copied. Until it is there
 * whoever has a second factor is told to wait. */
void api_set_factor_key(struct api *api, const unsigned char *key);

/* Who signs people in beside this node itself; none until it is called. Copied. Nothing of a fetch may be under way. */
void api_set_sign_in(struct api *api, const struct sign_in *sign_in);

/* How the roles are, for /status: JSON array of roles, and sandbox "on", "weaker", "off". Copied.
 */
void api_set_node(struct api *api, time_ns started, const char *sandbox, struct span roles_json,
                  struct span roles_metrics);

/* What `sereno doctor --json` said, at which time; report empty: nothing, and why. Copied. */
void api_set_doctor(struct api *api, time_ns at, struct span report, struct span why);

/* A process of the node, for /metrics. */
struct api_role {
    struct span name;
    uint32_t restarts;
};
/* Their lines of /metrics, for api_set_node. */
void api_roles_metrics(struct buf *out, const struct api_role *roles, size_t count);

/* Hash (BLAKE2b-256, hex) of the token that opens /metrics; empty = closed. */
void api_set_metrics(struct api *api, struct span token_hash);

/* SHA-256 fingerprint of the certificate, "AB:CD:…"; empty without TLS. */
struct span api_fingerprint(const struct api *api);

#endif
