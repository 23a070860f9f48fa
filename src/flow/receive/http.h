/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * HTTP ingest: POST /ingest (NDJSON or a JSON array, gzip or not) with a bearer token, GET
 * /healthz. libmicrohttpd in its strictest mode does HTTP; duplicate Content-Length,
 * Transfer-Encoding and Host are refused here. 200 is answered only when the windows that hold the
 * body's records are durable: {"kept":n,"bad":n}.
 */
#ifndef FLOW_RECEIVE_HTTP_H
#define FLOW_RECEIVE_HTTP_H

#include <uv.h>

#include "base/err.h"
#include "flow/receive/receive.h"
#include "flow/receive/tokens.h"

enum {
    HTTP_CONNECTIONS_MAX = 512,
    HTTP_CONNECTIONS_PER_SENDER = 64,
    HTTP_IDLE_S = 60,                   /* seconds without a byte */
    HTTP_CONNECTION_BYTES = 128 * 1024, /* memory of one: request line and headers must fit; half of it is what one read brings of a body */
    HTTP_BODIES_MAX_BYTES = 128 * 1024 * 1024, /* all bodies being read, unpacked: then 429 */
    HTTP_SOURCE_BODIES_MAX_BYTES = HTTP_BODIES_MAX_BYTES / 2, /* those of one source: then 429 for it alone */
    HTTP_RETRY_AFTER_S = 2,
    HTTP_PRESSING_MS = 10, /* a request that begins so soon after the answer before it: its sender has more than it can send */
};

struct http_config {
    int fd;                        /* listening; taken over */
    struct span tls_cert, tls_key; /* PEM; empty = plain HTTP */
    const struct receive_sink *sink;
    const struct tokens *tokens;
    void *ctx;
    /* True while nothing more can be taken from this source: 429. */
    bool (*busy)(void *ctx, uint32_t source);
    /* Number of the window that holds what was handed to the sink last. */
    uint64_t (*window)(void *ctx);
    /* A sender without a token that is known. */
    void (*unknown)(void *ctx);
};

struct http_receiver;
int http_receiver_new(uv_loop_t *loop, const struct http_config *config, struct http_receiver **out,
                      struct err *e) NODISCARD;
/* Stops accepting; call http_receiver_free once the last windows are kept. */
void http_receiver_quiesce(struct http_receiver *h);
void http_receiver_free(struct http_receiver **h);
/* All windows up to and including this number are durable: those who wait for them get their 200.
 */
void http_receiver_kept(struct http_receiver *h, uint64_t window);
/* Requests that wait for a window. */
size_t http_receiver_waiting(const struct http_receiver *h);
/* Whether one of them is of a sender that sends as soon as it is answered, so that the answer's time is what it can send. */
bool http_receiver_pressed(const struct http_receiver *h);

#endif
