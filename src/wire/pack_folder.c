/* SPDX-License-Identifier: EUPL-1.2 */
/* Files of a pack into a folder: see pack.h. Nothing is written outside that folder, which the cage makes sure of too. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "wire/pack.h"

/* Makes the folders on the way and the file, which must be new. */
static int make_file(int into, const char *path, int *fd_out, struct err *e)
{
    char part[PACK_PATH_MAX + 1];
    for (const char *slash = strchr(path, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
        memcpy(part, path, (size_t)(slash - path));
        part[slash - path] = '\0';
        if (mkdirat(into, part, 0700) != 0 && errno != EEXIST) {
            return err_set_errno(e, ERR_IO, errno, "folder %s", part);
        }
    }
    *fd_out = openat(into, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    return *fd_out >= 0 ? 0 : err_set_errno(e, errno == EEXIST ? ERR_INVALID : ERR_IO, errno, "%s", path);
}

static int write_all(int fd, const char *path, struct span s, struct err *e)
{
    while (s.len > 0) {
        ssize_t n = write(fd, s.ptr, s.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return err_set_errno(e, ERR_IO, errno, "%s", path);
        }
        s = span_sub(s, (size_t)n, s.len);
    }
    return 0;
}

int pack_folder_begin(void *folder, const char *path, struct err *e)
{
    struct pack_folder *f = folder;
    (void)snprintf(f->path, sizeof f->path, "%s", path);
    return f->into >= 0 ? make_file(f->into, path, &f->fd, e) : 0;
}

int pack_folder_data(void *folder, struct span s, struct err *e)
{
    struct pack_folder *f = folder;
    return f->fd >= 0 ? write_all(f->fd, f->path, s, e) : 0;
}

int pack_folder_end(void *folder, struct err *e)
{
    struct pack_folder *f = folder;
    int rc = f->fd >= 0 && fsync(f->fd) != 0 ? err_set_errno(e, ERR_IO, errno, "%s", f->path) : 0;
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    f->fd = -1;
    return rc;
}

void pack_folder_init(struct pack_folder *f, int into)
{
    *f = (struct pack_folder){.into = into, .fd = -1};
}

void pack_folder_fini(struct pack_folder *f)
{
    if (f->fd >= 0) {
        (void)close(f->fd);
    }
    f->fd = -1;
}

int pack_into_folder(pack_more *more, void *from, int into, struct unpacked *out, struct err *e)
{
    struct pack_folder f;
    const struct pack_visitor visitor = {.ctx = &f, .begin = pack_folder_begin, .data = pack_folder_data, .end = pack_folder_end};
    pack_folder_init(&f, into);
    int rc = pack_walk(more, from, &visitor, out, e);
    pack_folder_fini(&f);
    return rc;
}

static int more_crypt(void *from, struct span *out, struct err *e)
{
    return crypt_read(from, out, e);
}

int pack_read(struct crypt_reader *from, int into, struct unpacked *out, struct err *e)
{
    return pack_into_folder(more_crypt, from, into, out, e);
}
