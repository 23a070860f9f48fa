/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Where a test makes its folder. Called by tests only, of which none is about the disk itself: what is synced there is simulated
 * (tests/faults) or not looked at, so that memory serves as well and no test waits for a disk that others write to.
 */
#ifndef BASE_TEST_FOLDER_H
#define BASE_TEST_FOLDER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { TEST_FOLDER_FREE_MIB = 512, TEST_FOLDER_LEN_MAX = 30 /* bytes of TMPDIR */ };

/* TMPDIR where it is set and short, else a file system in memory with room, else /tmp. */
static inline const char *test_folder_base(void)
{
    const char *said = getenv("TMPDIR");
    struct statvfs v;
    if (said != NULL && strlen(said) <= TEST_FOLDER_LEN_MAX) {
        return said;
    }
    bool room = access("/dev/shm", W_OK) == 0 && statvfs("/dev/shm", &v) == 0 && (uint64_t)v.f_bavail * v.f_frsize >> 20 >= TEST_FOLDER_FREE_MIB;
    return room ? "/dev/shm" : "/tmp";
}

#endif
