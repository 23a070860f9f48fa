/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The second copy: each day of the archive that is over, sealed and gets no more becomes one file in the folder, or on the server, that the
 * config names (`copy: {folder: …}`, `copy: {url: …}`), encrypted to the recovery key before it leaves, signed with the seal's key.
 * Super makes the file, and names it or has the courier carry it; packing runs on a thread of libuv's pool. One day at a time;
 * what fails is tried again: every half minute, on the network after pauses that grow.
 */
#ifndef ROLES_KEEPER_COPY_H
#define ROLES_KEEPER_COPY_H

#include "records/ask.h"
#include "records/copies.h"
#include "records/db.h"
#include "roles/role.h"

struct keeper_copy;

struct keeper_copy *keeper_copy_open(struct role *r, const char *data_dir, struct db *db, const struct config *config)
    __attribute__((returns_nonnull));
/* Waits for nothing: a day that is being packed is thrown away by itself. */
void keeper_copy_close(struct keeper_copy **k);
/* About once a second; a changed config counts from here on. open_day: to its file windows go, so neither it nor a later one is copied. */
void keeper_copy_tick(struct keeper_copy *k, const struct config *config, time_ns now, int32_t open_day);
/* MSG_COPY_FILE, MSG_COPY_CLOSED, MSG_COPY_GOING; those of a try that is over are let go. */
void keeper_copy_message(struct keeper_copy *k, struct ipc_msg *msg);
/* The fields copy_*. */
void keeper_copy_status(struct keeper_copy *k, struct keeper_status *out);
/* All that there is to tell. Spans live until the config changes. ERR_IO, ERR_INVALID: of the records. */
int keeper_copy_report(struct keeper_copy *k, struct copy_report *out, struct err *e) NODISCARD;

#endif
