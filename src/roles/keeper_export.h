/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Pages of the archive for the desk's exports (archive/export_page.h), read on a thread of libuv's pool. Nothing is held between two
 * pages but the promise that small blocks are not merged meanwhile: an export that lets too long pass finds them merged, and is told so.
 * The first page of each writes who takes what, and why, into the audit trail before anything leaves.
 */
#ifndef ROLES_KEEPER_EXPORT_H
#define ROLES_KEEPER_EXPORT_H

#include "records/db.h"
#include "roles/role.h"

struct keeper_export;

struct keeper_export *keeper_export_open(uv_loop_t *loop, const char *data_dir, struct db *db) __attribute__((returns_nonnull));
/* Waits for nothing: pages that are being read are thrown away by themselves. */
void keeper_export_close(struct keeper_export **k);
/* True when the message is one of these questions; it is answered, now or later. merges: as keeper_archive_merges. */
bool keeper_export_message(struct keeper_export *k, struct ipc *ch, struct ipc_msg *msg, uint64_t merges);
/* Nobody waits for pages any more. */
void keeper_export_desk_lost(struct keeper_export *k);
/* Somebody takes an export, or did a moment ago. */
bool keeper_export_busy(const struct keeper_export *k);

#endif
