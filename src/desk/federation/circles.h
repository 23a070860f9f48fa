/* SPDX-License-Identifier: EUPL-1.2 */
/* What the interface and the composer must know of the circles of this node; the engine, or a test,
 * fills it in. Answers hold until the caller returns to the loop. */
#ifndef DESK_FEDERATION_CIRCLES_H
#define DESK_FEDERATION_CIRCLES_H

#include "desk/federation/keys.h"
#include "desk/federation/membership.h"

struct fed_circles {
    void *arg;
    const struct fed_keys *(*keys)(void *arg);
    /* Newest membership of a circle, or NULL. *own_out (may be NULL): this node is its hub. */
    const struct fed_membership *(*circle)(void *arg, struct span id, bool *own_out);
    /* Nothing may leave now. */
    bool (*stopped)(void *arg);
    /* An item of this node's own is kept, and something new is in the outbox. id: of the item; empty
     * when it is no new content. */
    void (*sent)(void *arg, struct span circle, struct span id);
};

#endif
