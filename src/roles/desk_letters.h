/* SPDX-License-Identifier: EUPL-1.2 */
/* Items by mail to small members without a node, at the addresses of their personal links; desk_fed.c only. */
#ifndef ROLES_DESK_LETTERS_H
#define ROLES_DESK_LETTERS_H

#include "base/buf.h"
#include "desk/federation/circles.h"
#include "desk/federation/engine.h"

struct desk_letters_host {
    void *arg;
    bool (*ask)(void *arg, struct span question, fed_answer *answer, void *ctx);
    /* Hands a notice (desk/notify/notify.h) to the courier; takes the buffer over. */
    void (*queue)(void *arg, struct buf *notice);
};

/* An item of a circle of this hub is kept: it goes by mail to whom the policy lets have it so. `host` and
 * `circles` must outlive what waits for the keeper: they are the desk's own. */
void desk_letters_item(const struct desk_letters_host *host, const struct fed_circles *circles, struct span circle, struct span id);

#endif
