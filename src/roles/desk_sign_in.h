/* SPDX-License-Identifier: EUPL-1.2 */
/* What the desk has the courier fetch from providers, and who waits for it. desk*.c only. */
#ifndef ROLES_DESK_SIGN_IN_H
#define ROLES_DESK_SIGN_IN_H

#include "api/api.h"
#include "base/vec.h"
#include "os/ipc.h"

struct desk;

enum { DESK_FETCHES_MAX = 64 }; /* under way at once */

struct desk_fetch {
    uint64_t id;
    api_fetched *then;
    void *ctx;
};

struct desk_fetches {
    VEC(struct desk_fetch) list;
};

/* For api_config.fetch; arg is the desk. */
bool desk_fetch(void *arg, const struct fetch *f, api_fetched *then, void *ctx);
/* MSG_SIGN_IN_FETCHED. */
void desk_fetch_take(struct desk *d, const struct ipc_msg *msg);
/* The courier is gone, or who waits will be: all come to nothing. */
void desk_fetch_fail(struct desk *d);

#endif
