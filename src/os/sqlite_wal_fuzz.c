/* SPDX-License-Identifier: EUPL-1.2 */
/* Any bytes as a shared memory file (the first 100) and a log: the look at them ends, says one of its words and changes neither. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/check.h"
#include "os/sqlite_wal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SHM_BYTES = 100, SIZE_MAX_HERE = 256 << 10 };

static char wal[80], shm[80], db[64];

static void put(const char *path, const uint8_t *p, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    CHECK(fd >= 0 && write(fd, p, len) == (ssize_t)len && ftruncate(fd, (off_t)len) == 0);
    (void)close(fd);
}

static void clear(void)
{
    (void)unlink(wal);
    (void)unlink(shm);
    char *slash = strrchr(db, '/');
    *slash = '\0';
    (void)rmdir(db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = {0};
    if (db[0] == '\0') {
        char folder[] = "/tmp/sqlite-wal-fuzz-XXXXXX";
        CHECK(mkdtemp(folder) != NULL);
        (void)snprintf(db, sizeof db, "%s/a.db", folder);
        (void)snprintf(wal, sizeof wal, "%s-wal", db);
        (void)snprintf(shm, sizeof shm, "%s-shm", db);
        (void)atexit(clear);
    }
    if (size < SHM_BYTES || size > SIZE_MAX_HERE) {
        return 0;
    }
    put(shm, data, SHM_BYTES);
    put(wal, data + SHM_BYTES, size - SHM_BYTES);
    int rc = sqlite_wal_check(db, &e);
    CHECK(rc == 0 || (rc == ERR_INVALID && e.text[0] != '\0'));
    return 0;
}
