/* SPDX-License-Identifier: EUPL-1.2 */
/* Fuzz target: the bytes are what another role sent. Once through the pure reader, once through a
 * whole channel. */
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "os/ipc.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { A = 1, B = 2, SOCKET_MAX = 64 << 10 };

static const struct ipc_type types[] = {
    [2] = {"SMALL", A, B, 0, 64, 0},
    [3] = {"BULK", A, B, 1, 4096, IPC_CREDIT},
    [4] = {"FD", A, B, 0, 100, IPC_FD},
    [5] = {"BACK", B, A, 0, 1000, 0},
};
static const struct ipc_table table = {types, ARRAY_LEN(types)};

static size_t read_frames(const char *bytes, size_t size, bool *bad_out)
{
    size_t at = 0, count = 0;
    *bad_out = false;
    while (at < size) {
        struct ipc_frame f;
        size_t need = 0;
        ptrdiff_t n =
            ipc_frame_read(&table, A, B, span_make(bytes + at, size - at), &f, &need, NULL);
        if (n <= 0) {
            *bad_out = n < 0;
            CHECK(n < 0 || need > size - at);
            break;
        }
        CHECK((size_t)n <= size - at && f.body.len + IPC_HEADER_BYTES == (size_t)n);
        CHECK(f.type == IPC_TYPE_CREDIT || f.body.len <= types[f.type].max_bytes);
        at += (size_t)n;
        count += f.type != IPC_TYPE_CREDIT;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool bad = false;
    size_t frames = read_frames((const char *)data, size, &bad);
    if (size > SOCKET_MAX) {
        return 0;
    }
    int fds[2];
    MUST(ipc_pair(fds, NULL));
    const struct ipc_config c = {.table = &table, .self = B, .peer = A, .window_bytes = 2000};
    struct ipc *ch = ipc_new(fds[1], &c);
    CHECK(size == 0 || send(fds[0], data, size, MSG_NOSIGNAL) == (ssize_t)size);
    struct ipc_msg *m = NULL;
    size_t got = 0;
    int rc = 0;
    while ((rc = ipc_next(ch, 0, &m, NULL)) == 0) {
        got++;
    }
    CHECK(rc == ERR_BUSY || rc == ERR_INVALID);
    CHECK(got <= frames && (rc == ERR_INVALID || got == frames) && (!bad || rc == ERR_INVALID));
    ipc_free(&ch);
    (void)close(fds[0]);
    return 0;
}
