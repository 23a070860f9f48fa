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
    pack_more *more;
    void *from;
    struct archive *tar;
    const struct pack_visitor *visitor;
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
    if (u->more(u->from, &s, &u->why) != 0) {
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

/* Content of the entry: hashed, and given to the visitor or put into `keep`. */
static int take_content(struct unpacking *u, const char *path, struct buf *keep, struct err *e)
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
        } else {
            rc = u->visitor->data(u->visitor->ctx, s, e);
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
        return take_content(u, path, &u->listed, e);
    }
    int rc = u->visitor->begin(u->visitor->ctx, path, e);
    rc = rc == 0 ? take_content(u, path, NULL, e) : rc;
    return rc == 0 ? u->visitor->end(u->visitor->ctx, e) : rc;
}

/* Which file it is: lines stand in the order in which the files came. */
static int name_difference(const struct unpacking *u, struct err *e)
{
    struct span found = buf_view(&u->found), listed = buf_view(&u->listed);
    while (found.len > 0) {
        ptrdiff_t n = span_find(found, '\n');
        size_t len = (size_t)n + 1; /* each line that was found has an end */
        if (!span_starts(listed, span_sub(found, 0, len))) {
            struct span line = span_sub(found, 0, (size_t)n);
            return err_set(e, ERR_INVALID, "%.*s is not as the manifest lists it",
                           SPAN_ARG(span_sub(line, 2 * crypto_hash_sha256_BYTES + 2, line.len)));
        }
        found = span_sub(found, len, found.len);
        listed = span_sub(listed, len, listed.len);
    }
    return listed.len == 0 ? 0 : err_set(e, ERR_INVALID, PACK_MANIFEST " lists files that are not there");
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
    }
    return rc == 0 ? name_difference(u, e) : rc;
}

/* libarchive stops at the end of the tar: what comes behind must be the end too. */
static int expect_end(struct unpacking *u, struct err *e)
{
    struct span rest;
    do {
        if (u->more(u->from, &rest, e) != 0) {
            return e->code;
        }
    } while (rest.len > 0);
    return 0;
}

int pack_walk(pack_more *more, void *from, const struct pack_visitor *visitor, struct unpacked *out, struct err *e)
{
    struct unpacking u = {.more = more, .from = from, .visitor = visitor, .tar = archive_read_new()};
    buf_init(&u.found, PACK_MANIFEST_MAX);
    buf_init(&u.listed, PACK_MANIFEST_MAX);
    bool good = u.tar != NULL && archive_read_support_filter_zstd(u.tar) == ARCHIVE_OK &&
                archive_read_support_format_tar(u.tar) == ARCHIVE_OK &&
                archive_read_open(u.tar, &u, NULL, take, NULL) == ARCHIVE_OK;
    int rc = good ? take_all(&u, e) : tar_failed(&u, "backup", e);
    rc = rc == 0 ? expect_end(&u, e) : rc;
    if (rc == 0 && visitor->manifest != NULL) {
        visitor->manifest(visitor->ctx, buf_view(&u.listed));
    }
    (void)archive_read_free(u.tar);
    buf_free(&u.found);
    buf_free(&u.listed);
    *out = u.sum;
    return rc;
}
