/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * One file of a second copy carried to or from another machine. Blocking: the courier runs it on a thread of libuv's pool,
 * `sereno restore` in a caged child. What is carried is ciphertext; nothing here looks into it, and nothing here opens
 * a file: file and key are fds.
 *
 * A file gets its name there only when all of it is there and compares equal to what was sent; what was begun before lies
 * under another name and is gone on with. A file that has the name already is never changed.
 */
#ifndef ROLES_COPY_REMOTE_H
#define ROLES_COPY_REMOTE_H

#include <stdatomic.h>

#include "roles/copy_file.h"
#include "roles/copy_place.h"
#include "wire/crypt.h"

enum {
    REMOTE_CONNECT_MS = 20 * 1000,
    REMOTE_STALL_MS = 60 * 1000, /* not a byte for so long: the other side is gone */
    REMOTE_PIECE = 256 << 10,    /* bytes read from the file at a time */
    REMOTE_DAYS_MAX = 200000,
};

struct remote_job {
    const struct copy_place *place;
    const char *name;      /* of the file there: copy_name() */
    int fd;                /* read from, or written to, from its start */
    int key_fd;            /* the private key that opens the door; stays the caller's */
    uint64_t max_bytes;    /* fetch: a larger file is not taken */
    bool anywhere;         /* addresses that are not public are fine too: a person typed it */
    const atomic_bool *stop;     /* set by another thread: ends with ERR_CLOSED within a second */
    atomic_uint_fast64_t *moved; /* grows with each byte */
};

/* Before the sandbox: the library reads its tables. */
int remote_preload(struct err *e) NODISCARD;

/* Brings the file there. 0 also when it lies there already, byte for byte. ERR_EXISTS: another file has its name; ERR_DENIED: the
 * server is not the one that was pinned, its address is not allowed, or it does not take the key; ERR_IO, ERR_CLOSED. */
int remote_send(const struct remote_job *job, struct err *e) NODISCARD;
/* Takes it from there. ERR_NOT_FOUND: there is none; ERR_LIMIT: it is larger than max_bytes; else as remote_send. */
int remote_fetch(const struct remote_job *job, struct err *e) NODISCARD;
/* Its size and, when it has room for both, its first and last bytes: what tells whose it is, without the rest. */
struct remote_ends {
    uint64_t size;
    unsigned char head[CRYPT_HEADER_BYTES], tail[CRYPT_TRAILER_BYTES];
};
/* job's fd does not matter. ERR_NOT_FOUND: there is none; ERR_IO also: a part of it is missing; else as remote_send. */
int remote_ends(const struct remote_job *job, struct remote_ends *out, struct err *e) NODISCARD;
/* What lies there. SFTP: names of days, a line each, in no order; what has another name is left out. S3: a page of the names behind
 * `after`, which is empty or a name, as the server wrote it (wire/s3_list.h reads it). job's name and fd do not matter. */
int remote_list(const struct remote_job *job, const char *after, struct buf *out, struct err *e) NODISCARD;

#endif
