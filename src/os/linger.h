/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The end of a connection that was answered while its request was still coming. Closed at once, the kernel would answer what
 * still comes with a reset, and a client that sends first and reads later would lose the answer with it (RFC 9112 §9.6). So
 * writing is shut down, what still comes is read and dropped, bounded in bytes and in time, and only then it is closed.
 * Called by mhd_loop, which all HTTP servers stand on.
 */
#ifndef OS_LINGER_H
#define OS_LINGER_H

#include <stddef.h>
#include <uv.h>

enum {
    LINGER_MAX = 128,                     /* connections at once; those beyond are closed as they are */
    LINGER_MAX_BYTES = 64 * 1024 * 1024,  /* read and dropped of one connection: twice the largest body */
    LINGER_MAX_MS = 30 * 1000,            /* of one connection, however it sends */
};

struct lingering;

struct linger_set {
    uv_loop_t *loop;
    struct lingering *first;
    size_t count;
};

void linger_init(struct linger_set *l, uv_loop_t *loop);
/* Keeps the connection of fd, which stays the caller's to close, until the other end has closed it or a bound is reached. */
void linger_start(struct linger_set *l, int fd);
/* Closes all. Their memory goes with the loop's next turns. */
void linger_end_all(struct linger_set *l);

#endif
