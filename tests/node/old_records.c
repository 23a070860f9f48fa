/* SPDX-License-Identifier: EUPL-1.2 */
/* usage: old_records FILE STEPS_BACK: makes records as the program had them that many migrations ago. Prints the version. */
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "records/db.h"
#include "records/migrate.h"

int main(int argc, char **argv)
{
    struct db *db = NULL;
    struct err e = {0};
    size_t count = 0;
    const struct migration *list = migrate_list(&count);
    if (argc != 3) {
        return 2;
    }
    size_t back = strtoul(argv[2], NULL, 10);
    size_t version = back < count ? count - back : 1;
    int rc = db_open(argv[1], &e, &db);
    rc = rc == 0 ? migrate_run(db, list, version, clock_now(), &e) : rc;
    db_close(&db);
    if (rc != 0) {
        (void)fprintf(stderr, "%s\n", e.text);
        return 1;
    }
    (void)printf("%zu\n", version);
    return 0;
}
