/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The whole program once more, on a disk that can fail: SERENO_FAULTS names the file of a struct fault_page. The linker
 * hands sqlite3_initialize here, which the keeper calls and nobody else. Built for tests, never installed.
 */
#include <sqlite3.h>
#include <stdlib.h>

#include "fault_vfs.h"

int __real_sqlite3_initialize(void);
int __wrap_sqlite3_initialize(void);

int __wrap_sqlite3_initialize(void)
{
    const char *path = getenv("SERENO_FAULTS");
    int rc = __real_sqlite3_initialize();
    if (rc == SQLITE_OK && path != NULL && fault_vfs_page() == NULL) {
        fault_vfs_install(path);
    }
    return rc;
}
