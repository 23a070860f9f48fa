/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Why SQLite failed, with what the system said: "disk I/O error" alone does not tell a full disk from a broken one. For all
 * who keep databases (archive, records).
 */
#ifndef OS_SQLITE_WHY_H
#define OS_SQLITE_WHY_H

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { SQLITE_WHY_MAX = 512 };

/* The last error of db (NULL: there was no memory for one), of which the system's part is known for files only. Returns out. */
static inline const char *sqlite_why(sqlite3 *db, char out[SQLITE_WHY_MAX])
{
    int code = db == NULL ? SQLITE_NOMEM : sqlite3_errcode(db) & 0xff;
    int number = code == SQLITE_IOERR || code == SQLITE_CANTOPEN ? sqlite3_system_errno(db) : 0;
    (void)snprintf(out, SQLITE_WHY_MAX, "%s%s%s", db == NULL ? "no memory" : sqlite3_errmsg(db), number != 0 ? ": " : "",
                   number != 0 ? strerrordesc_np(number) : "");
    return out;
}

#endif
