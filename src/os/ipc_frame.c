/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading one frame: see ipc.h. Called by the channel for each frame that arrives, in every role,
 * and by the fuzz target. Knows the header and the table only; must never look into a body.
 */
#include "os/ipc.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/buf.h"

static int frame_refuse(const struct ipc_frame *f, uint32_t len, const char *why, struct err *e)
{
    return err_set(e, ERR_INVALID, "message type %u, %u bytes, %u fds: %s", f->type, len,
                   f->fd_count, why);
}

static int frame_check_fds(const struct ipc_type *row, const struct ipc_frame *f, uint32_t len,
                           struct err *e)
{
    if ((row->flags & (IPC_FD | IPC_FD_MAYBE)) == 0 && f->fd_count != 0) {
        return frame_refuse(f, len, "this type carries no fds", e);
    }
    if ((row->flags & IPC_FD) != 0 && f->fd_count == 0) {
        return frame_refuse(f, len, "this type carries at least one fd", e);
    }
    if (f->fd_count > IPC_FDS_MAX) {
        return frame_refuse(f, len, "too many fds", e);
    }
    return 0;
}

static int frame_check(const struct ipc_table *table, uint32_t from, uint32_t to,
                       const struct ipc_frame *f, uint32_t len, struct err *e)
{
    if (f->type == IPC_TYPE_CREDIT) {
        return len == sizeof(uint64_t) && f->fd_count == 0
                   ? 0
                   : frame_refuse(f, len, "a credit is 8 bytes", e);
    }
    const struct ipc_type *row = f->type < table->count ? &table->types[f->type] : NULL;
    if (row == NULL || row->name == NULL) {
        return frame_refuse(f, len, "no such type", e);
    }
    if ((row->from & from) == 0 || (row->to & to) == 0) {
        return frame_refuse(f, len, "not allowed in this direction", e);
    }
    if (len < row->min_bytes) {
        return frame_refuse(f, len, "shorter than this type ever is", e);
    }
    if (len > row->max_bytes || len > IPC_BODY_MAX) {
        return frame_refuse(f, len, "longer than this type may be", e);
    }
    return frame_check_fds(row, f, len, e);
}

ptrdiff_t ipc_frame_read(const struct ipc_table *table, uint32_t from, uint32_t to, struct span in,
                         struct ipc_frame *out, size_t *need_out, struct err *e)
{
    struct cursor c = cursor_of(in);
    uint32_t len = cursor_u32(&c);
    out->type = cursor_u16(&c);
    out->fd_count = cursor_u16(&c);
    out->id = cursor_u64(&c);
    if (c.failed) {
        if (need_out != NULL) {
            *need_out = IPC_HEADER_BYTES;
        }
        return 0;
    }
    /* Before the body is there, let alone memory for it: a wrong length must not cost anything. */
    int rc = frame_check(table, from, to, out, len, e);
    if (rc != 0) {
        return rc;
    }
    if (need_out != NULL) {
        *need_out = IPC_HEADER_BYTES + (size_t)len;
    }
    if (cursor_left(&c) < len) {
        return 0;
    }
    out->body = cursor_take(&c, len);
    return (ptrdiff_t)(IPC_HEADER_BYTES + (size_t)len);
}
