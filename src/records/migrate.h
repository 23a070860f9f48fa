/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Numbered migrations: what turns any older database of records into today's. Run once by the
 * keeper before anything else reads. All that are missing run in one transaction together with their
 * rows in schema_version; a failure leaves the database as it was and the program refuses to start,
 * as it does on a database that a newer program wrote.
 */
#ifndef RECORDS_MIGRATE_H
#define RECORDS_MIGRATE_H

#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "records/db.h"

/* Number n stands at index n-1; a migration that was released is never edited, only followed by
 * another. */
struct migration {
    const char *name;
    const char *sql;
};

/* The list of this program, and its length in *count_out. */
const struct migration *migrate_list(size_t *count_out);

/* Version of the database: 0 = empty. */
int migrate_version(struct db *db, struct err *e, int64_t *version_out) NODISCARD;

/* Brings the database to version `count`; ERR_UNSUPPORTED when it is newer, else the failure of the
 * migration, named. */
int migrate_run(struct db *db, const struct migration *list, size_t count, time_ns now,
                struct err *e) NODISCARD;

#endif
