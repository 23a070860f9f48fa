/* SPDX-License-Identifier: EUPL-1.2 */
/* Reads rule and source files without looking into them: see bundle.h. Runs before the sandbox, in super and the CLI. */
#include "roles/bundle.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void bundle_init(struct bundle *b)
{
    memset(b, 0, sizeof *b);
    arena_init(&b->arena, 1 << 20);
}

void bundle_fini(struct bundle *b)
{
    arena_fini(&b->arena);
    vec_free(&b->files);
    vec_free(&b->problems);
}

static void add_problem(struct bundle *b, const char *path, const char *text)
{
    vec_push(&b->problems, (struct bundle_problem){span_of(arena_strdup(&b->arena, path)),
                                                   span_of(arena_strdup(&b->arena, text))});
}

/* Reads size bytes; fewer when the file shrank meanwhile. */
static struct span read_all(struct bundle *b, int fd, size_t size)
{
    char *p = arena_bytes(&b->arena, size + 1);
    size_t n = 0;
    while (n < size) {
        ssize_t r = read(fd, p + n, size - n);
        if (r < 0 && errno == EINTR) {
            continue;
        }
        if (r <= 0) {
            break;
        }
        n += (size_t)r;
    }
    return span_make(p, n);
}

static int add_file(struct bundle *b, enum bundle_kind kind, const char *path, struct err *e)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &st) != 0) {
        add_problem(b, path, strerror(errno));
    } else if (!S_ISREG(st.st_mode)) {
        add_problem(b, path, "not a regular file");
    } else if (st.st_size > BUNDLE_FILE_MAX) {
        add_problem(b, path, "larger than the limit of 4 MiB for one file");
    } else if (b->files.len >= BUNDLE_FILES_MAX ||
               b->bytes + (size_t)st.st_size > BUNDLE_BYTES_MAX) {
        (void)close(fd);
        return err_set(e, ERR_LIMIT, "%s: more than %d files or %d MiB of rules and sources", path,
                       BUNDLE_FILES_MAX, BUNDLE_BYTES_MAX >> 20);
    } else {
        struct span bytes = read_all(b, fd, (size_t)st.st_size);
        b->bytes += bytes.len;
        vec_push(&b->files,
                 (struct bundle_file){kind, span_of(arena_strdup(&b->arena, path)), bytes});
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return 0;
}

static int is_yaml(const struct dirent *d)
{
    struct span name = span_of(d->d_name);
    return d->d_name[0] != '.' && (d->d_type == DT_DIR || d->d_type == DT_UNKNOWN ||
                                   span_ends(name, SPAN(".yml")) || span_ends(name, SPAN(".yaml")) ||
                                   span_ends(name, SPAN(".tsv")));
}

static int add_folder(struct bundle *b, enum bundle_kind kind, const char *path, int depth,
                      struct err *e)
{
    struct dirent **names = NULL;
    int rc = 0;
    if (depth > BUNDLE_DEPTH_MAX) {
        return err_set(e, ERR_LIMIT, "%s: folders nested deeper than %d", path, BUNDLE_DEPTH_MAX);
    }
    int n = scandir(path, &names, is_yaml, alphasort);
    if (n < 0) {
        add_problem(b, path, strerror(errno));
        return 0;
    }
    for (int i = 0; i < n; i++) {
        const char *child = arena_printf(&b->arena, "%s/%s", path, names[i]->d_name);
        struct stat st;
        if (rc == 0 && lstat(child, &st) == 0) {
            if (S_ISDIR(st.st_mode)) {
                rc = add_folder(b, kind, child, depth + 1, e);
            } else if (span_ends(span_of(child), SPAN(".yml")) || span_ends(span_of(child), SPAN(".yaml")) ||
                       (kind == BUNDLE_SOURCE && span_ends(span_of(child), SPAN(".tsv")))) {
                rc = add_file(b, kind, child, e);
            }
        }
        mem_free(names[i]);
    }
    mem_free(names);
    return rc;
}

int bundle_add(struct bundle *b, enum bundle_kind kind, const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return err_set_errno(e, ERR_NOT_FOUND, errno, "%s", path);
    }
    /* "rules/" and "rules" name the same files. */
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/') {
        n--;
    }
    const char *clean = arena_cstr(&b->arena, span_make(path, n));
    return S_ISDIR(st.st_mode) ? add_folder(b, kind, clean, 0, e) : add_file(b, kind, clean, e);
}

void bundle_encode(const struct bundle *b, struct buf *out)
{
    buf_u32(out, (uint32_t)b->files.len);
    for (size_t i = 0; i < b->files.len; i++) {
        buf_u8(out, (uint8_t)b->files.data[i].kind);
        buf_str(out, b->files.data[i].name);
        buf_str(out, b->files.data[i].bytes);
    }
}

int bundle_decode(struct bundle *b, struct span bytes, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    uint32_t n = cursor_u32(&c);
    for (uint32_t i = 0; i < n && !c.failed; i++) {
        uint8_t kind = cursor_u8(&c);
        struct span name = cursor_str(&c);
        struct span text = cursor_str(&c);
        if (kind >= BUNDLE_KINDS || b->files.len >= BUNDLE_FILES_MAX) {
            c.failed = true;
        }
        if (!c.failed) {
            vec_push(&b->files, (struct bundle_file){(enum bundle_kind)kind, name, text});
            b->bytes += text.len;
        }
    }
    return cursor_done(&c) ? 0 : err_set(e, ERR_INVALID, "the bundle of rule files is broken");
}
