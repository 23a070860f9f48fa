/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One day packed, encrypted, signed and read back, or what lies at the place of the second copy looked at: on a thread of libuv's
 * pool, which alone touches the file there, its closing too. A disk elsewhere may hold the thread up for as long as it likes: whoever
 * waits sees by `away` and `moved` whether it goes on, and may stop waiting. Called by keeper_copy.c.
 */
#ifndef ROLES_KEEPER_PACK_H
#define ROLES_KEEPER_PACK_H

#include <stdatomic.h>
#include <uv.h>

#include "base/err.h"
#include "roles/copy_file.h"
#include "wire/crypt.h"

#define KEEPER_PACK_TMP "copy.tmp" /* in the data folder: the day's database lies there while it is packed */

struct keeper_pack {
    uv_work_t work;
    char *data_dir;
    int32_t day;
    int fd; /* of the file; -1 once the thread is through */
    enum copy_found found;
    /* while it runs */
    atomic_bool stop;
    atomic_bool away;           /* it is at the file, not at the day's own database */
    atomic_uint_fast64_t moved; /* grows with each piece written or read there */
    void *owner;                /* NULL: nobody waits any more */
    void (*done)(struct keeper_pack *p); /* on the loop; frees it */
    /* what came of it. ERR_NOT_FOUND with a path first: the day itself is gone */
    int rc;
    uint64_t bytes;
    unsigned char hash[CRYPT_HASH_BYTES];
    struct err e;
};

/* Takes fd over. found: COPY_NEW, a file to be written; else one to be looked at. */
struct keeper_pack *keeper_pack_new(const char *data_dir, int32_t day, int fd, enum copy_found found) __attribute__((returns_nonnull));
/* Begins; done is called once, also when owner was set to NULL. */
void keeper_pack_start(struct keeper_pack *p, uv_loop_t *loop, void *owner, void (*done)(struct keeper_pack *p));
/* After done. */
void keeper_pack_free(struct keeper_pack **p);
/* Closes it on the pool: closing may wait for a disk that is not ours. */
void keeper_pack_close_fd(uv_loop_t *loop, int fd);

#endif
