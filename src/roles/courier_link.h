/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The courier's carrying of federation links: HTTPS requests to hubs by libcurl on the role's loop, many
 * at once, long polls among them. TLS 1.3, the hub's public key pinned, this node's certificate shown;
 * no redirects, no proxy but the config's, bounded answers that are handed on unread. Every request
 * brings the desk's decision; one without is refused. Addresses that are not public are refused unless
 * the config names their network. Used by courier.c.
 */
#ifndef ROLES_COURIER_LINK_H
#define ROLES_COURIER_LINK_H

#include <uv.h>

#include "base/err.h"
#include "base/span.h"
#include "roles/config.h"

enum {
    LINKS_CONNECT_MS = 10 * 1000,
    LINKS_UNDER_WAY_MAX = 256, /* requests at once: four for each of 64 hubs */
};

struct links;

struct links_host {
    void *arg;
    /* An answer: the encoded body of MSG_FED_CARRIED. */
    void (*carried)(void *arg, uint64_t id, struct span body);
};

struct links *links_new(uv_loop_t *loop, const struct links_host *host);
/* Cancels everything; frees when the loop has let go. */
void links_free(struct links **links);
/* Proxy and allowed networks. */
void links_configure(struct links *links, const struct config *config);
/* The node's TLS key, PEM, as a file that the desk may still be filling: read for each request. Takes fd. */
void links_key(struct links *links, int fd);
/* A body of MSG_FED_CARRY. */
void links_carry(struct links *links, uint64_t id, struct span body);
void links_cancel(struct links *links, uint64_t id);

#endif
