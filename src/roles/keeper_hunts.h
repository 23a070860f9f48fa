/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper's third half: hunts. Keeps their rows, gives each to a free hunter, has its rules compiled (by way of super),
 * reads blocks for it beside the loop, and stores what it counted, so that a hunt goes on at its block after the death of
 * any role. keeper.c owns the process and calls these on its one thread.
 */
#ifndef ROLES_KEEPER_HUNTS_H
#define ROLES_KEEPER_HUNTS_H

#include "records/db.h"
#include "roles/role.h"

struct keeper_hunts;

/* Whether one is under way: while it is, blocks must stay where they are. */
bool keeper_hunts_busy(const struct keeper_hunts *k);

/* Hunts that an earlier keeper left go on. `db` is borrowed. */
int keeper_hunts_open(struct role *r, const char *data_dir, struct db *db,
                      struct keeper_hunts **out, struct err *e) NODISCARD;
/* Stores how far they are. Reading that still runs is not waited for. */
void keeper_hunts_close(struct keeper_hunts **k);

/* A hunter came or, with ch NULL, went. */
void keeper_hunts_hunter(struct keeper_hunts *k, uint32_t instance, struct ipc *ch);
/* The hunter's window is open again. */
void keeper_hunts_ready(struct keeper_hunts *k, uint32_t instance);
/* MSG_HUNT_* of a hunter or super, and the ASK_HUNT_* of the desk: handled, 1; not ours, 0; ERR_INVALID: what came cannot
 * be, its sender is broken. */
int keeper_hunts_message(struct keeper_hunts *k, enum role_id peer, uint32_t instance,
                         struct ipc *ch, struct ipc_msg *msg, struct err *e) NODISCARD;

#endif
