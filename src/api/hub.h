/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The hub's listener: HTTPS for member nodes (docs/FEDERATION.md §4), TLS 1.3 only, client certificates
 * of the hub's own authority, one libmicrohttpd daemon on the role's loop beside the desk's own. Reads
 * requests whole and bounded, finds out who asks, and hands them to the engine; a request waits with its
 * connection suspended. Runs in the desk; opens and connects nothing.
 */
#ifndef API_HUB_H
#define API_HUB_H

#include <uv.h>

#include "base/err.h"
#include "base/span.h"
#include "desk/federation/engine.h"

enum {
    HUB_CONNECTIONS_MAX = 10000,    /* 4,000 members with a push beside the pull, with room */
    HUB_IDLE_S = 75,                /* without a byte; a pull that waits is not idle */
    HUB_CONNECTION_BYTES = 8 << 10, /* memory of one connection: header fields and a piece of body */
    HUB_BODIES_BYTES = 96 << 20,    /* of all bodies that are coming in at once */
    HUB_ENROL_BYTES = 64 << 10,     /* body of anything but a push */
    HUB_WAIT_MAX_S = 25,            /* of a pull */
};

struct hub;

struct hub_config {
    uv_loop_t *loop;
    int listen_fd; /* taken over */
    struct span cert, key, authority; /* PEM, each with a zero behind its end */
    struct fed_engine *engine;
};

/* ERR_IO: the daemon does not start, ERR_INVALID: a certificate. Texts are copied. */
int hub_new(const struct hub_config *config, struct err *e, struct hub **out) NODISCARD;
/* Ends all connections, frees. */
void hub_free(struct hub **hub);
/* Open connections. */
unsigned hub_connections(const struct hub *hub);

#endif
