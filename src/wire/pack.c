/* SPDX-License-Identifier: EUPL-1.2 */
/* Writing the inside of a backup: see pack.h. */
#include "wire/pack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "base/mem.h"

#define PACK_MAGIC 0x5041434bu

enum { PIECE = 64 * 1024 };

struct pack {
    uint32_t magic;
    pack_give *give;
    void *to;
    const atomic_bool *stop;
    struct archive *tar;
    struct archive_entry *entry;
    struct err why; /* of the writer below, which libarchive cannot pass on */
    struct buf manifest;
    uint64_t files, bytes;
    char piece[PIECE];
};

bool pack_path_is_plain(const char *path)
{
    size_t n = strlen(path);
    size_t part = 0; /* where the part of the path began */
    for (size_t i = 0; i <= n && n <= PACK_PATH_MAX; i++) {
        unsigned char c = (unsigned char)path[i];
        if (c != '/' && c != '\0') {
            if (c < ' ' || c == 0x7f || c == '\\') {
                return false;
            }
            continue;
        }
        size_t len = i - part;
        bool dots = (len == 1 || len == 2) && strncmp(path + part, "..", len) == 0;
        if (len == 0 || dots) {
            return false;
        }
        part = i + 1;
    }
    return n <= PACK_PATH_MAX;
}

static la_ssize_t give(struct archive *tar, void *ctx, const void *data, size_t n)
{
    struct pack *p = ctx;
    if (p->give(p->to, span_make(data, n), &p->why) != 0) {
        archive_set_error(tar, EIO, "%s", p->why.text);
        return -1;
    }
    return (la_ssize_t)n;
}

static int tar_failed(const struct pack *p, const char *path, struct err *e)
{
    if (p->why.code != 0) {
        *e = p->why;
        return p->why.code;
    }
    const char *text = archive_error_string(p->tar);
    return err_set(e, ERR_IO, "%s: %s", path, text == NULL ? "cannot be packed" : text);
}

static struct pack *make(pack_give *to_whom, void *to, bool packed, struct err *e)
{
    struct pack *p = mem_alloc(sizeof *p);
    *p = (struct pack){.magic = PACK_MAGIC, .give = to_whom, .to = to};
    buf_init(&p->manifest, PACK_MANIFEST_MAX);
    p->tar = archive_write_new();
    p->entry = archive_entry_new();
    /* Most of it is packed already, block by block. */
    bool good = p->tar != NULL && p->entry != NULL && archive_write_set_format_pax_restricted(p->tar) == ARCHIVE_OK &&
                (!packed ||
                 (archive_write_add_filter_zstd(p->tar) == ARCHIVE_OK &&
                  archive_write_set_filter_option(p->tar, "zstd", "compression-level", "3") == ARCHIVE_OK)) &&
                archive_write_set_bytes_in_last_block(p->tar, 1) == ARCHIVE_OK && /* no tape: nothing filled up */
                archive_write_open(p->tar, p, NULL, give, NULL) == ARCHIVE_OK;
    if (!good) {
        (void)tar_failed(p, "backup", e);
        pack_free(&p);
    }
    return p;
}

static int give_crypt(void *ctx, struct span bytes, struct err *e)
{
    return crypt_write(ctx, bytes, e);
}

struct pack *pack_new(struct crypt_writer *to, const atomic_bool *stop, struct err *e)
{
    struct pack *p = make(give_crypt, to, true, e);
    if (p != NULL) {
        p->stop = stop;
    }
    return p;
}

struct pack *pack_new_to(pack_give *to_whom, void *ctx, bool packed, struct err *e)
{
    return make(to_whom, ctx, packed, e);
}

static int begin_entry(struct pack *p, const char *path, int64_t size, time_t changed, struct err *e)
{
    archive_entry_clear(p->entry);
    archive_entry_set_pathname(p->entry, path);
    archive_entry_set_filetype(p->entry, AE_IFREG);
    archive_entry_set_perm(p->entry, 0600);
    archive_entry_set_size(p->entry, size);
    archive_entry_set_mtime(p->entry, changed, 0);
    return archive_write_header(p->tar, p->entry) == ARCHIVE_OK ? 0 : tar_failed(p, path, e);
}

static int copy_content(struct pack *p, const char *path, int fd, int64_t size, crypto_hash_sha256_state *hash,
                        struct err *e)
{
    for (int64_t at = 0; at < size;) {
        size_t want = size - at < PIECE ? (size_t)(size - at) : PIECE;
        ssize_t n = pread(fd, p->piece, want, at);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return err_set_errno(e, ERR_IO, errno, "%s", path);
        }
        if (p->stop != NULL && atomic_load(p->stop)) {
            return err_set(e, ERR_CLOSED, "%s: stopped", path);
        }
        if (n == 0) {
            return err_set(e, ERR_TRUNCATED, "%s became shorter while it was read", path);
        }
        (void)crypto_hash_sha256_update(hash, (const unsigned char *)p->piece, (size_t)n);
        if (archive_write_data(p->tar, p->piece, (size_t)n) != n) {
            return tar_failed(p, path, e);
        }
        at += n;
    }
    return 0;
}

int pack_file(struct pack *p, const char *path, int fd, struct err *e)
{
    CHECK_OBJ(p, PACK_MAGIC);
    struct stat st;
    unsigned char sum[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1];
    crypto_hash_sha256_state hash;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return err_set(e, ERR_IO, "%s: no plain file", path);
    }
    (void)crypto_hash_sha256_init(&hash);
    int rc = begin_entry(p, path, st.st_size, st.st_mtime, e);
    rc = rc == 0 ? copy_content(p, path, fd, st.st_size, &hash, e) : rc;
    (void)crypto_hash_sha256_final(&hash, sum);
    hex_encode(sum, sizeof sum, hex);
    buf_printf(&p->manifest, "%s  %s\n", hex, path);
    if (rc == 0 && p->manifest.failed) {
        rc = err_set(e, ERR_LIMIT, "too many files for one backup");
    }
    p->files++;
    p->bytes += (uint64_t)st.st_size;
    return rc;
}

int pack_span(struct pack *p, const char *path, struct span content, struct err *e)
{
    CHECK_OBJ(p, PACK_MAGIC);
    unsigned char sum[crypto_hash_sha256_BYTES];
    char hex[2 * crypto_hash_sha256_BYTES + 1];
    int rc = begin_entry(p, path, (int64_t)content.len, 0, e);
    if (rc == 0 && content.len > 0 &&
        archive_write_data(p->tar, content.ptr, content.len) != (la_ssize_t)content.len) {
        rc = tar_failed(p, path, e);
    }
    (void)crypto_hash_sha256(sum, (const unsigned char *)content.ptr, content.len);
    hex_encode(sum, sizeof sum, hex);
    buf_printf(&p->manifest, "%s  %s\n", hex, path);
    p->files++;
    p->bytes += content.len;
    return rc == 0 && p->manifest.failed ? err_set(e, ERR_LIMIT, "too many files in one") : rc;
}

int pack_end(struct pack *p, struct err *e)
{
    CHECK_OBJ(p, PACK_MAGIC);
    int rc = begin_entry(p, PACK_MANIFEST, (int64_t)p->manifest.len, 0, e);
    if (rc == 0 &&
        archive_write_data(p->tar, p->manifest.data, p->manifest.len) != (la_ssize_t)p->manifest.len) {
        rc = tar_failed(p, PACK_MANIFEST, e);
    }
    return rc == 0 && archive_write_close(p->tar) != ARCHIVE_OK ? tar_failed(p, "end", e) : rc;
}

uint64_t pack_files(const struct pack *p)
{
    return p->files;
}

uint64_t pack_bytes(const struct pack *p)
{
    return p->bytes;
}

struct span pack_manifest(const struct pack *p)
{
    return buf_view(&p->manifest);
}

void pack_free(struct pack **p)
{
    if (*p == NULL) {
        return;
    }
    CHECK_OBJ(*p, PACK_MAGIC);
    /* After a failure libarchive would write what it holds: it is told to let go instead. */
    (void)archive_write_fail((*p)->tar);
    (void)archive_write_free((*p)->tar);
    archive_entry_free((*p)->entry);
    buf_free(&(*p)->manifest);
    mem_free(*p);
    *p = NULL;
}
