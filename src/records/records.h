/* SPDX-License-Identifier: EUPL-1.2 */
/* Opens the records of a node: file, migrations, a look at the audit chain. The one entry for
 * keeper and command line. */
#ifndef RECORDS_RECORDS_H
#define RECORDS_RECORDS_H

#include "base/clock.h"
#include "records/db.h"
#include "records/migrate.h"

enum { RECORDS_PATH_MAX = 4096 /* bytes of a path, with its zero */ };

/*
 * Database at `path`, brought to the version of this program. Where that changes a database that
 * holds something, a copy is made beside it first and synced (records_copy_path), the copies of
 * older versions are removed when all is well. Refuses a newer one, one of which no copy can be
 * made, and one whose migration fails: the database is then as it was, and the error says how to go
 * on.
 */
int records_open(const char *path, time_ns now, struct err *e, struct db **db_out) NODISCARD;

/* The same with a list of migrations of one's own: for tests. */
int records_open_at(const char *path, const struct migration *list, size_t count, time_ns now,
                    struct err *e, struct db **db_out) NODISCARD;

/* Where the copy of the database `path` as it was at `version` lies: "records.before-16.db" beside
 * "records.db" is the one that a migration from 16 left. False when the path is too long. */
bool records_copy_path(const char *path, int64_t version, char out[RECORDS_PATH_MAX]);

#endif
