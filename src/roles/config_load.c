/* SPDX-License-Identifier: EUPL-1.2 */
/* sereno.yml from its file, or the default: for super, and for commands that look at a node. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "roles/config.h"

static int read_file(const char *path, struct buf *out, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "config %s", path);
    }
    ssize_t n = 0;
    do {
        char *to = buf_room(out, 4096);
        n = to == NULL ? 0 : read(fd, to, 4096);
        if (n > 0) {
            buf_added(out, (size_t)n);
        }
    } while (n > 0 || (n < 0 && errno == EINTR));
    int why = errno;
    (void)close(fd);
    if (out->failed) {
        return err_set(e, ERR_LIMIT, "config %s: larger than %d bytes", path, CONFIG_FILE_MAX);
    }
    return n == 0 ? 0 : err_set_errno(e, ERR_IO, why, "config %s", path);
}

int config_load(struct config *c, const char *path, struct err *e)
{
    struct buf b;
    if (path == NULL) {
        config_default(c);
        return config_check(c, e);
    }
    char *full = realpath(path, NULL);
    buf_init(&b, CONFIG_FILE_MAX);
    int rc = read_file(path, &b, e);
    rc = rc == 0 ? config_read(c, span_of(full == NULL ? path : full), buf_view(&b), e) : rc;
    buf_free(&b);
    mem_free(full);
    return rc;
}
