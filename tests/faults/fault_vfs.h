/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A disk that can fail, for tests only: an SQLite VFS over the usual one that keeps every write in the memory of the
 * process until it is synced. A process that is killed so loses what it had not synced, as a machine without power does.
 * It also fails writes, syncs and space on demand, and kills its own process in the middle of any file operation.
 * No program that is installed links this.
 */
#ifndef TESTS_FAULT_VFS_H
#define TESTS_FAULT_VFS_H

#include <stdint.h>

#define FAULT_MAGIC UINT32_C(0x544c4146)

/*
 * What test and program share: a file of these 4-byte words in this order, mapped by both. Countdowns: 0 = off, n = the
 * n-th operation from now; after it fired a countdown stands at 0.
 */
struct fault_page {
    uint32_t magic;
    uint32_t kill_in;       /* operations until SIGKILL to itself */
    uint32_t sync_error_in; /* syncs until one fails: what it should have made durable is gone, as Linux does it */
    uint32_t write_error_in;
    uint32_t full;          /* while not 0: no space (SQLITE_FULL) */
    uint32_t read_only;     /* while not 0: every write is refused */
    uint32_t early_percent; /* of writes that reach the disk at once, before older ones: no order without a sync */
    uint32_t operations;    /* counted: writes, truncations, syncs, and each page that a sync writes */
    uint32_t syncs;
    uint32_t failed;        /* operations that were failed */
    uint32_t unsynced;      /* bytes that a kill now would lose */
    uint32_t seed;
    uint32_t lost;          /* bytes that processes before this one took with them */
    int32_t clock_s;        /* the wall clock of every role is off by so many seconds */
};

/* Maps the page at path and makes the VFS SQLite's default. Aborts when it cannot: a test that tests nothing. */
void fault_vfs_install(const char *path);
/* The mapped page, NULL before fault_vfs_install. */
struct fault_page *fault_vfs_page(void);

#endif
