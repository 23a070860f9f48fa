/* SPDX-License-Identifier: EUPL-1.2 */
/* Opens the records: see records.h. */
#include "records/records.h"

#include "records/migrate.h"

int records_open(const char *path, time_ns now, struct err *e, struct db **db_out)
{
    int rc = db_open(path, e, db_out);
    if (rc < 0) {
        return rc;
    }
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    rc = migrate_run(*db_out, list, count, now, e);
    if (rc < 0) {
        db_close(db_out);
    }
    return rc;
}
