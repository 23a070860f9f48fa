/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The keeper and its disk: a sync that failed is never taken for one that worked. After a failed fsync Linux forgets
 * that the pages were to be written: asked again it says all is well, and shows from memory what is on no disk. So
 * the keeper ends at once (nothing is acked any more), and the next one reads what is durable.
 */
#ifndef ROLES_KEEPER_DISK_H
#define ROLES_KEEPER_DISK_H

#include "base/err.h"

/* Listens to what SQLite reports, of every connection and thread; before sqlite3_initialize. ERR_IO: it does not listen. */
int keeper_disk_watch(struct err *e) NODISCARD;
/*
 * Before any database of DATA is open (closing a file drops the locks a process has on it): what a keeper that died
 * left in memory is put on disk or, where that failed, forgotten. ERR_IO: the disk does not take it.
 */
int keeper_disk_settle(const char *data_dir, struct err *e) NODISCARD;

#endif
