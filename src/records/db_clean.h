/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What is deleted leaves the file. SQLite overwrites deleted cells and freed pages (secure_delete), but when it spreads the cells of a
 * page over its neighbours, copies of them stay between the list of cells and the cells, where nothing is. This VFS, in front of the
 * engine's own, writes that stretch of each page of the database as zeros. What the engine reads is the same: the stretch is
 * not allocated. The log (WAL) is left alone; its pages come by here when they are written back, and then it is cut (db_wipe).
 *
 * Called by db_sqlite.c and db_writeback.c. Must never change a byte that is allocated: a page that is not wholly as the file format
 * has it (https://www.sqlite.org/fileformat2.html, 1.6) is written as it is.
 */
#ifndef RECORDS_DB_CLEAN_H
#define RECORDS_DB_CLEAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Name to open databases by. Registers it at the first call; ERR_IO where the engine has no VFS. */
int db_clean_vfs(const char **name_out, struct err *e) NODISCARD;
/* Zeros what is not allocated in a page of a b-tree; first: it is page 1 of the file. Any other page is left as it is. Returns whether it is of a b-tree. */
bool db_clean_page(unsigned char *page, size_t size, bool first);

#endif
