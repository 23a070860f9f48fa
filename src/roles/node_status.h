/* SPDX-License-Identifier: EUPL-1.2 */
/* How the roles are: what super tells the desk with MSG_NODE_STATUS whenever a role came, went or
 * was restarted. */
#ifndef ROLES_NODE_STATUS_H
#define ROLES_NODE_STATUS_H

#include "base/buf.h"
#include "base/clock.h"

enum {
    NODE_ROLES_MAX = 256 /* processes of one node: an intake per core and a handful of others */
};

enum node_sandbox { NODE_SANDBOX_ON, NODE_SANDBOX_WEAKER, NODE_SANDBOX_OFF, NODE_SANDBOX_COUNT };

struct node_role {
    struct span name; /* "intake" */
    int64_t pid;
    uint32_t restarts; /* since the node started */
};

struct node_status {
    time_ns started;
    enum node_sandbox sandbox;
    uint32_t count;
    struct node_role roles[NODE_ROLES_MAX];
};

void node_status_encode(struct buf *out, const struct node_status *s);
/* Spans point into the message. */
void node_status_decode(struct cursor *c, struct node_status *out);

#endif
