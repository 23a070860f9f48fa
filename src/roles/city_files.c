/* SPDX-License-Identifier: EUPL-1.2 */
/* A city's own files: see city_files.h. */
#include "roles/city_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"

void city_file_warn(const struct city_folder *folder, struct span name, uint32_t line, struct span why)
{
    char a[LOG_VALUE_MAX], b[LOG_VALUE_MAX];
    folder->warn(log_value(name, a), line, log_value(why, b));
}

/* A regular file of at most bytes_max bytes, one more where it is longer. */
static bool read_file(const struct city_folder *folder, int dir, const char *name, struct arena *a, struct span *out)
{
    struct stat st;
    int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    bool fine = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    char *text = arena_bytes(a, folder->bytes_max + 1);
    size_t len = 0;
    ssize_t n = 1;
    while (fine && len <= folder->bytes_max && n > 0) {
        n = read(fd, text + len, folder->bytes_max + 1 - len);
        fine = n >= 0;
        len += n > 0 ? (size_t)n : 0;
    }
    if (!fine) {
        city_file_warn(folder, span_of(name), 0, SPAN("cannot be read as a file"));
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    *out = span_make(text, len);
    return fine;
}

static int by_name(const void *a, const void *b)
{
    const struct city_file *x = a, *y = b;
    return strcmp(x->name.ptr, y->name.ptr); /* arena_copy ends them */
}

/* Names, sorted; returns how many of at most files_max. */
static size_t list_names(const struct city_folder *folder, DIR *d, struct arena *a, struct city_file *out)
{
    size_t n = 0;
    for (const struct dirent *de; (de = readdir(d)) != NULL;) {
        struct span name = span_of(de->d_name);
        bool fits = span_ends(name, SPAN(".yml")) || span_ends(name, SPAN(".yaml")) || span_ends(name, SPAN(".json"));
        if (!fits || span_starts(name, SPAN("."))) {
            continue;
        }
        if (n == folder->files_max) {
            city_file_warn(folder, name, 0, SPAN("more files than are read of this folder"));
            continue;
        }
        out[n++].name = arena_copy(a, name);
    }
    qsort(out, n, sizeof *out, by_name);
    return n;
}

int city_files_read(const struct city_folder *folder, struct arena *a, struct city_file *out, size_t *count_out,
                    struct err *e)
{
    const char *path = arena_printf(a, "%s/%s", folder->data_dir, folder->name);
    *count_out = 0;
    DIR *d = opendir(path);
    if (d == NULL) {
        return errno == ENOENT ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    size_t n = list_names(folder, d, a, out);
    for (size_t i = 0; i < n; i++) {
        struct span text;
        if (read_file(folder, dirfd(d), out[i].name.ptr, a, &text)) {
            out[*count_out].name = span_of(arena_printf(a, "DATA/%s/%s", folder->name, out[i].name.ptr));
            out[(*count_out)++].text = text;
        }
    }
    (void)closedir(d);
    return 0;
}
