/* SPDX-License-Identifier: EUPL-1.2 */
/* A copy of a SQLite database that others read and write meanwhile. Called by `sereno backup`, and before migrations. */
#ifndef RECORDS_DB_COPY_H
#define RECORDS_DB_COPY_H

#include "base/err.h"

enum { DB_COPY_PAGES = 4096 /* copied before a moment's rest, in which a writer may go on */ };

/*
 * Makes `to` (mode 0600; what it held is gone) one moment's state of the database `from`. ERR_NOT_FOUND: there is none;
 * ERR_IO, ERR_INVALID: no database. `to` is whole on disk when this returns 0.
 */
int db_copy(const char *from, const char *to, struct err *e) NODISCARD;

#endif
