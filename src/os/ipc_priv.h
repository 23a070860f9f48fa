/* SPDX-License-Identifier: EUPL-1.2 */
/* The inside of a channel, shared by ipc.c (life, loop, blocking), ipc_send.c and ipc_receive.c
 * only. */
#ifndef OS_IPC_PRIV_H
#define OS_IPC_PRIV_H

#include "os/ipc.h"

enum {
    IPC_MAGIC = 0x49504343,
    IPC_NAME_MAX = 32,
    IPC_READ_BYTES = 128 << 10, /* room for one read: two batches */
    IPC_READ_KEEP_BYTES =
        1 << 20, /* a buffer that a large record left behind is given back beyond this */
    IPC_READS_PER_WAKE = 16,           /* then the loop's other handles get their turn */
    IPC_FDS_PENDING = 2 * IPC_FDS_MAX, /* received, not yet claimed by a complete frame */
};

/* A stretch of bytes on its way out; fds leave with its first byte. */
struct ipc_chunk {
    struct ipc_chunk *next;
    size_t len, cap, sent; /* bytes */
    unsigned fd_count;
    int fds[IPC_FDS_MAX];
    char data[];
};

struct ipc {
    uint32_t magic;
    int fd;
    struct ipc_config config;
    char name[IPC_NAME_MAX];
    size_t window_bytes;

    /* out */
    struct ipc_chunk *head, *tail, *spare;
    size_t queued_bytes;
    size_t used_bytes; /* of the other side's window */
    bool blocked;      /* ERR_BUSY was said; on_ready is owed */
    bool write_dead;   /* the other end reads no more; what it sent may still be read */

    /* in */
    char *in;
    size_t in_cap, in_pos, in_len; /* unread bytes are [in_pos, in_len) */
    int pending_fds[IPC_FDS_PENDING];
    unsigned pending_count;
    size_t outstanding_bytes; /* of our window, credit not yet sent */
    size_t released_bytes;    /* done with, credit not yet sent */
    bool has_current;
    size_t current_bytes; /* frame size of the current message */
    size_t current_cost;  /* what it takes of the window, 0 once held */
    struct ipc_msg current;
    bool eof;

    /* loop */
    bool attached, closing, closed_told, want_write;
    unsigned handles_open;
    uv_poll_t poll;
    uv_prepare_t prepare;
};

/* ipc_send.c: writes until the kernel takes no more. 0 (all gone), ERR_BUSY, ERR_CLOSED. */
int ipc_write_some(struct ipc *ch);
void ipc_queue_clear(struct ipc *ch);
/* Gives credit back to the other side once a quarter of the window has gathered. */
void ipc_credit_return(struct ipc *ch, size_t bytes);

/* ipc_receive.c: one read. 1 = bytes came, 0 = none now, ERR_CLOSED at the end, ERR_INVALID for too
 * many fds. */
int ipc_read_some(struct ipc *ch, struct err *e);
/* Makes the next complete frame current. 1, 0 = more bytes needed, ERR_INVALID. Credits are taken
 * in on the way. */
int ipc_take_frame(struct ipc *ch, struct err *e);
/* Closes the fds nobody took, gives the credit back, drops the bytes. */
void ipc_finish_current(struct ipc *ch);
void ipc_drop_pending_fds(struct ipc *ch);

#endif
