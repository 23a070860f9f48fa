/* SPDX-License-Identifier: EUPL-1.2 */
/* The desk's federation half: keys as they come, the engine, the hub's listener. desk.c only. */
#ifndef ROLES_DESK_FED_H
#define ROLES_DESK_FED_H

#include "desk/federation/circles.h"
#include "desk/federation/engine.h"
#include "desk/federation/warning.h"
#include "os/ipc.h"
#include "roles/role.h"

struct desk_fed;

/* ask: as desk.c's own, for questions of any size; queue: hands a notice to the courier, and takes it
 * over; its number, 0 = not now. */
struct desk_fed *desk_fed_new(struct role *r, bool (*ask)(void *arg, struct span question,
                                                          fed_answer *answer, void *ctx),
                              uint64_t (*queue)(void *arg, struct buf *notice), void *arg);
/* What became of a notice; false: it was no letter. */
bool desk_fed_notice(struct desk_fed *f, uint64_t id, bool delivered, struct span why);
void desk_fed_free(struct desk_fed **f);
/* FD_FED_KEY, FD_LISTEN_HUB: taken over, true. */
bool desk_fed_fd(struct desk_fed *f, struct role_fd *fd);
/* The hub is in the config no more. */
void desk_fed_fd_close(struct desk_fed *f, enum fd_kind kind);
void desk_fed_keeper(struct desk_fed *f);
/* The courier is gone: what it carried comes to nothing. */
void desk_fed_courier_lost(struct desk_fed *f);
void desk_fed_carried(struct desk_fed *f, const struct ipc_msg *msg);
/* NULL until all keys are here. */
/* How far the community is on its guard; NULL while it starts. */
const struct level_report *desk_fed_level(const struct desk_fed *f);
struct fed_engine *desk_fed_engine(struct desk_fed *f);
/* The engine's circles, for items; there from the start, empty until the engine is. */
const struct fed_circles *desk_fed_circles(const struct desk_fed *f);

#endif
