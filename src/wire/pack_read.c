/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reading the inside of a backup: see pack.h. What it says is hostile until its manifest fits; nothing is written
 * outside the one folder, which the cage makes sure of too.
 */
#include "wire/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"

struct unpacking {
    struct crypt_reader *from;
    struct archive *tar;
    int into;
    struct err why; /* of the reader below */
    struct buf found; /* lines as in the manifest, of what was read */
    struct buf listed;
    bool ended; /* the manifest was read: nothing may follow */
    struct unpacked sum;
};

static la_ssize_t take(struct archive *tar, void *ctx, const void **out)
{
    struct unpacking *u = ctx;
    struct span s;
    if (crypt_read(u->from, &s, &u->why) != 0) {
        archive_set_error(tar, EIO, "%s", u->why.text);
        return -1;
    }
    *out = s.ptr;
    return (la_ssize_t)s.len;
}

static int tar_failed(const struct unpacking *u, const char *path, struct err *e)
{
    if (u->why.code != 0) {
        *e = u->why;
        return u->why.code;
    }
    const char *text = archive_error_string(u->tar);
    return err_set(e, ERR_INVALID, "%s: %s", path, text == NULL ? "cannot be unpacked" : text);
}

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

/* Content of the entry: hashed, and written to fd (-1: nowhere) or put into `keep`. */
static int take_content(struct unpacking *u, const char *path, int fd, struct buf *keep, struct err *e)
{
    crypto_hash_sha256_state hash;
    unsigned char sum[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1];
    int64_t expected = 0;
    int rc = 0;
    (void)crypto_hash_sha256_init(&hash);
    for (;;) {
        const void *data = NULL;
        size_t n = 0;
        int64_t at = 0;
        int got = archive_read_data_block(u->tar, &data, &n, &at);
        if (got == ARCHIVE_EOF || rc != 0) {
            break;
        }
        if (got != ARCHIVE_OK || at != expected) { /* no holes: they would be unhashed content */
            return got == ARCHIVE_OK ? err_set(e, ERR_INVALID, "%s has a hole", path) : tar_failed(u, path, e);
        }
        struct span s = span_make(data, n);
        expected += (int64_t)n;
        (void)crypto_hash_sha256_update(&hash, data, n);
        if (keep != NULL) {
            buf_span(keep, s);
            rc = keep->failed ? err_set(e, ERR_LIMIT, "%s is too long", path) : 0;
        } else if (fd >= 0) {
            rc = write_all(fd, path, s, e);
        }
    }
    (void)crypto_hash_sha256_final(&hash, sum);
    hex_encode(sum, sizeof sum, hex);
    if (rc == 0 && keep == NULL) {
        buf_printf(&u->found, "%s  %s\n", hex, path);
        u->sum.files++;
        u->sum.bytes += (uint64_t)expected;
        rc = u->found.failed || u->sum.files > PACK_FILES_MAX
                 ? err_set(e, ERR_LIMIT, "too many files in one backup")
                 : 0;
    }
    return rc;
}

static int take_entry(struct unpacking *u, struct archive_entry *entry, struct err *e)
{
    const char *path = archive_entry_pathname(entry);
    int fd = -1;
    if (path == NULL || !pack_path_is_plain(path)) {
        return err_set(e, ERR_INVALID, "a path in the backup is not one that Sereno writes");
    }
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry) != NULL) {
        return err_set(e, ERR_INVALID, "%s is no plain file", path);
    }
    if (u->ended) {
        return err_set(e, ERR_INVALID, "%s comes behind the manifest", path);
    }
    if (strcmp(path, PACK_MANIFEST) == 0) {
        u->ended = true;
        return take_content(u, path, -1, &u->listed, e);
    }
    int rc = u->into >= 0 ? make_file(u->into, path, &fd, e) : 0;
    rc = rc == 0 ? take_content(u, path, fd, NULL, e) : rc;
    if (rc == 0 && fd >= 0 && fsync(fd) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

static int take_all(struct unpacking *u, struct err *e)
{
    struct archive_entry *entry = NULL;
    int rc = 0;
    while (rc == 0) {
        int got = archive_read_next_header(u->tar, &entry);
        if (got == ARCHIVE_EOF) {
            break;
        }
        rc = got == ARCHIVE_OK ? take_entry(u, entry, e) : tar_failed(u, "backup", e);
    }
    if (rc == 0 && !u->ended) {
        rc = err_set(e, ERR_TRUNCATED, "the backup has no manifest");
    } else if (rc == 0 && (u->found.len != u->listed.len ||
                           (u->found.len > 0 && memcmp(u->found.data, u->listed.data, u->found.len) != 0))) {
        rc = err_set(e, ERR_INVALID, "the files are not those that the manifest lists");
    }
    return rc;
}

/* libarchive stops at the end of the tar: what comes behind must be the end too. */
static int expect_end(struct unpacking *u, struct err *e)
{
    struct span rest;
    do {
        if (crypt_read(u->from, &rest, e) != 0) {
            return e->code;
        }
    } while (rest.len > 0);
    return 0;
}

int pack_read(struct crypt_reader *from, int into, struct unpacked *out, struct err *e)
{
    struct unpacking u = {.from = from, .into = into, .tar = archive_read_new()};
    buf_init(&u.found, PACK_MANIFEST_MAX);
    buf_init(&u.listed, PACK_MANIFEST_MAX);
    bool good = u.tar != NULL && archive_read_support_filter_zstd(u.tar) == ARCHIVE_OK &&
                archive_read_support_format_tar(u.tar) == ARCHIVE_OK &&
                archive_read_open(u.tar, &u, NULL, take, NULL) == ARCHIVE_OK;
    int rc = good ? take_all(&u, e) : tar_failed(&u, "backup", e);
    rc = rc == 0 ? expect_end(&u, e) : rc;
    (void)archive_read_free(u.tar);
    buf_free(&u.found);
    buf_free(&u.listed);
    *out = u.sum;
    return rc;
}
