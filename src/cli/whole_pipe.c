/* SPDX-License-Identifier: EUPL-1.2 */
/* Bytes of an export on their way between two processes: see whole.h. */
#include <errno.h>
#include <unistd.h>

#include "cli/whole.h"

const char *const whole_folders[] = {"registers", "roles", "rules", "sources"};
const size_t whole_folder_count = ARRAY_LEN(whole_folders);

int whole_pipe_more(void *from, struct span *out, struct err *e)
{
    struct whole_pipe *p = from;
    ssize_t n;
    do {
        n = read(p->fd, p->piece, WHOLE_PIECE);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return err_set_errno(e, ERR_IO, errno, "the export");
    }
    *out = span_make(p->piece, (size_t)n);
    return 0;
}

int whole_pipe_give(void *ctx, struct span bytes, struct err *e)
{
    const int *fd = ctx;
    while (bytes.len > 0) {
        ssize_t n = write(*fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set_errno(e, errno == EPIPE ? ERR_CLOSED : ERR_IO, errno, "the export");
        }
        bytes = span_sub(bytes, (size_t)n, bytes.len);
    }
    return 0;
}
