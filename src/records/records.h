/* SPDX-License-Identifier: EUPL-1.2 */
/* Opens the records of a node: file, migrations, a look at the audit chain. The one entry for
 * keeper and command line. */
#ifndef RECORDS_RECORDS_H
#define RECORDS_RECORDS_H

#include "base/clock.h"
#include "records/db.h"

/* Database at `path`, brought to the version of this program. Refuses a newer one and one whose
 * migration fails. */
int records_open(const char *path, time_ns now, struct err *e, struct db **db_out) NODISCARD;

#endif
