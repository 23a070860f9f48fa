/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Framed messages between two roles over a stream socketpair.
 *
 * A frame is a 16-byte header {u32 body length, u16 type, u16 number of fds, u64 id},
 * little-endian, then the body. Many small frames leave in one write of up to 64 KiB; a larger
 * record is a write of its own. Which types exist, who may send them to whom, how small and large a
 * body may be and whether it carries fds stands in one table (roles/messages.def).
 *
 * Back-pressure: bodies of types with IPC_CREDIT use up the receiver's window; it opens again as
 * the receiver is done with them (when its handler returns, or later after ipc_hold). With the
 * window used up ipc_send says ERR_BUSY and on_ready tells when to go on. Types without the flag
 * always go: they are small or rare, or answers.
 *
 * What breaks the table is fatal for the role that sent it: on_closed gets ERR_INVALID, and the
 * caller tells super.
 *
 * Used by all roles; one thread per channel. Works on a libuv loop (ipc_attach) or blocking
 * (ipc_next). Must never interpret a body.
 */
#ifndef OS_IPC_H
#define OS_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"
#include "base/span.h"

enum {
    IPC_HEADER_BYTES = 16,
    IPC_FDS_MAX =
        16, /* per message; the kernel takes 253, we never need more than a batch of files */
    IPC_BODY_MAX = 64 << 20,         /* bytes: no row of the table may go beyond */
    IPC_BATCH_BYTES = 64 << 10,      /* small frames gather to this much per write */
    IPC_WINDOW_BYTES = 32 << 20,     /* default window: two windows of an intake at their worst */
    IPC_QUEUE_MAX_BYTES = 256 << 20, /* unsent bytes; more means the other side is stuck */
    IPC_TYPE_CREDIT =
        1, /* the one type that the channel speaks itself: body u64 bytes given back */
    IPC_TYPE_MAX = 1023,
};

enum ipc_flag {
    IPC_CREDIT = 1,   /* counts against the receiver's window */
    IPC_FD = 2,       /* carries 1 to IPC_FDS_MAX file descriptors */
    IPC_FD_MAYBE = 4, /* carries 0 to IPC_FDS_MAX file descriptors */
};

/* One row of the message table; `name` NULL = no such type. `from`, `to` are sets of role bits. */
struct ipc_type {
    const char *name;
    uint32_t from;
    uint32_t to;
    uint32_t min_bytes;
    uint32_t max_bytes;
    uint32_t flags; /* enum ipc_flag */
};

/* Rows indexed by type number. */
struct ipc_table {
    const struct ipc_type *types;
    size_t count;
};

/* A frame as it lies in bytes. */
struct ipc_frame {
    uint16_t type;
    uint16_t fd_count;
    uint64_t id;
    struct span body;
};

/*
 * Reads one frame from the front of `in`, which came from role bit `from` for role bit `to`.
 * Returns its size in bytes; 0 when more bytes are needed (*need_out, if not NULL, says how many in
 * all); ERR_INVALID when the table forbids it. Pure: this is what the fuzz target feeds.
 */
ptrdiff_t ipc_frame_read(const struct ipc_table *table, uint32_t from, uint32_t to, struct span in,
                         struct ipc_frame *out, size_t *need_out, struct err *e) NODISCARD;

/* A message as the handler gets it. Body and fds are the channel's: they die when the handler
 * returns. */
struct ipc_msg {
    uint16_t type;
    uint64_t id;
    struct span body;
    unsigned fd_count;
    int fds[IPC_FDS_MAX];
};

/* Takes fd number i out of the message (close-on-exec): the caller owns it. -1 when there is none.
 */
int ipc_msg_take_fd(struct ipc_msg *msg, unsigned i) NODISCARD;

struct ipc;

struct ipc_config {
    const struct ipc_table *table;
    uint32_t self;         /* role bit of this process */
    uint32_t peer;         /* role bit of the other end */
    const char *peer_name; /* for log lines; copied */
    size_t window_bytes;   /* the same at both ends; 0 = IPC_WINDOW_BYTES */
    void *arg;
    void (*on_message)(void *arg, struct ipc *ch, struct ipc_msg *msg);
    /* Once: ERR_CLOSED (the other end is gone) or ERR_INVALID (it broke the table). Call ipc_free
     * here or later. */
    void (*on_closed)(void *arg, struct ipc *ch, const struct err *e);
    /* The window is open again after an ERR_BUSY. May be NULL. */
    void (*on_ready)(void *arg, struct ipc *ch);
    /* Closes a duplicate that was sent: of a file whose closing may wait for a disk elsewhere. NULL: it is closed here. */
    void (*close_fd)(void *arg, int fd);
};

/* Takes over fd (a stream socket). Callbacks are needed only for ipc_attach. */
struct ipc *ipc_new(int fd, const struct ipc_config *config) __attribute__((returns_nonnull));

/* Serves the channel on a loop from now on; messages read but not yet handed out come first. 0 or
 * ERR_IO. */
int ipc_attach(struct ipc *ch, uv_loop_t *loop, struct err *e) NODISCARD;

/* Closes the socket; frees now or, when attached, after the loop has let go. NULLs the pointer.
 * Safe in a handler. */
void ipc_free(struct ipc **ch);

/*
 * Queues a message; it leaves at the latest before the loop sleeps next (blocking use: at ipc_flush
 * or ipc_next). 0; ERR_BUSY when a type with IPC_CREDIT meets a used-up window (on_ready follows);
 * ERR_LIMIT for a body beyond the type's maximum or a full queue; ERR_CLOSED. A type that this role
 * may not send is our own bug and aborts.
 */
int ipc_send(struct ipc *ch, uint16_t type, uint64_t id, struct span body) NODISCARD;

/* As ipc_send, for a body in several pieces that would otherwise be copied together first. */
int ipc_send_parts(struct ipc *ch, uint16_t type, uint64_t id, const struct span *parts,
                   size_t count) NODISCARD;

/* As ipc_send with file descriptors, which are duplicated: the caller keeps and may close its own.
 */
int ipc_send_fds(struct ipc *ch, uint16_t type, uint64_t id, struct span body, const int *fds,
                 unsigned fd_count) NODISCARD;

/* False while a message with IPC_CREDIT would be refused with ERR_BUSY. */
bool ipc_ready(const struct ipc *ch);

/* Bytes queued and not yet taken by the kernel. */
size_t ipc_queued_bytes(const struct ipc *ch);

/*
 * In a handler (or after ipc_next): keeps the present message's bytes on the window until
 * ipc_release is called with the number returned. For receivers that only have room again when the
 * work is done, not when the bytes are read.
 */
size_t ipc_hold(struct ipc *ch);
void ipc_release(struct ipc *ch, size_t bytes);

/* Writes what is queued, waiting at most timeout_ms (-1 = as long as it takes, 0 = not at all). 0,
 * ERR_BUSY, ERR_CLOSED. */
int ipc_flush(struct ipc *ch, int timeout_ms);

/*
 * Blocking use: flushes, then waits at most timeout_ms (-1 = for ever) for one message. The
 * previous message's body and fds die with this call. 0; ERR_BUSY on timeout; ERR_CLOSED;
 * ERR_INVALID for a bad frame.
 */
int ipc_next(struct ipc *ch, int timeout_ms, struct ipc_msg **msg_out, struct err *e) NODISCARD;

const char *ipc_peer_name(const struct ipc *ch);

/* A connected pair of stream sockets, close-on-exec, with buffers large enough for a batch. 0 or
 * ERR_IO. */
int ipc_pair(int fds_out[2], struct err *e) NODISCARD;

#endif
