/* SPDX-License-Identifier: EUPL-1.2 */
/* What the desk has the courier fetch from providers and ask directories, and who waits for it. desk*.c only. */
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
    api_directory_said *said; /* of a directory; then `then` is NULL */
    void *ctx;
};

struct desk_fetches {
    VEC(struct desk_fetch) list;
};

/* For api_config.fetch; arg is the desk. */
bool desk_fetch(void *arg, const struct fetch *f, api_fetched *then, void *ctx);
/* For api_config.directory. */
bool desk_directory(void *arg, const struct directory_ask *q, api_directory_said *said, void *ctx);
/* MSG_DIRECTORY_ANSWER. */
void desk_directory_take(struct desk *d, const struct ipc_msg *msg);
/* MSG_SIGN_IN_FETCHED. */
void desk_fetch_take(struct desk *d, const struct ipc_msg *msg);
/* The courier is gone, or who waits will be: all come to nothing. */
void desk_fetch_fail(struct desk *d);

#endif
