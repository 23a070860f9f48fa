/* SPDX-License-Identifier: EUPL-1.2 */
/* Compiled rule sets on disk: see rules_cache.h. Runs in super. Must never map an entry: it may be cut under our eyes. */
#include "roles/rules_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/id.h"
#include "base/mem.h"
#include "os/region.h"
#include "roles/rules_cache_priv.h"

static const char magic[8] = {'S', 'E', 'R', 'R', 'U', 'L', 'E', 'S'};

enum { COPY_BYTES = 1024 * 1024 };

/* ---- the head ---- */

void cache_head_encode(struct buf *out, const struct cache_head *h)
{
    buf_put(out, magic, sizeof magic);
    buf_u32(out, CACHE_VERSION);
    buf_u32(out, 0);
    buf_put(out, h->key, sizeof h->key);
    buf_u64(out, h->address);
    buf_u64(out, h->region_bytes);
    buf_u64(out, h->told_bytes);
}

int cache_head_decode(struct span bytes, struct cache_head *out, struct err *e)
{
    struct cursor c = cursor_of(bytes);
    struct span word = cursor_take(&c, sizeof magic);
    uint32_t version = cursor_u32(&c);
    uint32_t zero = cursor_u32(&c);
    struct span key = cursor_take(&c, sizeof out->key);
    out->address = cursor_u64(&c);
    out->region_bytes = cursor_u64(&c);
    out->told_bytes = cursor_u64(&c);
    if (!cursor_done(&c) || memcmp(word.ptr, magic, sizeof magic) != 0) {
        return err_set(e, ERR_INVALID, "it is no kept rule set");
    }
    if (version != CACHE_VERSION || zero != 0) {
        return err_set(e, ERR_INVALID, "its format is version %u, this program's is %d", version, CACHE_VERSION);
    }
    memcpy(out->key, key.ptr, sizeof out->key);
    if (!region_is_place(out->address) || out->region_bytes == 0 || out->region_bytes > CACHE_BYTES_MAX ||
        out->told_bytes > CACHE_BYTES_MAX - out->region_bytes) {
        return err_set(e, ERR_INVALID, "its head names an address or a size that cannot be");
    }
    return 0;
}

/* ---- opening ---- */

static int read_all(int fd, void *to, size_t n)
{
    char *p = to;
    while (n > 0) {
        ssize_t got = read(fd, p, n);
        if (got == 0) {
            return ERR_INVALID;
        }
        if (got < 0 && errno != EINTR) {
            return ERR_IO;
        }
        p += got > 0 ? got : 0;
        n -= got > 0 ? (size_t)got : 0;
    }
    return 0;
}

static int write_all(int fd, const void *from, size_t n)
{
    const char *p = from;
    while (n > 0) {
        ssize_t put = write(fd, p, n);
        if (put < 0 && errno != EINTR) {
            return ERR_IO;
        }
        p += put > 0 ? put : 0;
        n -= put > 0 ? (size_t)put : 0;
    }
    return 0;
}

/* Reads the secret, or makes one where there is none or one that a crash cut short. */
static int open_secret(struct rules_cache *c, const char *data_dir, struct err *e)
{
    char path[PATH_MAX];
    struct stat st;
    int n = snprintf(path, sizeof path, "%s/keys/rules-cache.key", data_dir);
    if (n >= (int)sizeof path) {
        return err_set(e, ERR_LIMIT, "data folder %s: too long a path", data_dir);
    }
    int fd = open(path, O_RDWR | O_DSYNC | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || fstat(fd, &st) != 0) {
        int rc = err_set_errno(e, ERR_IO, errno, "%s", path);
        if (fd >= 0) {
            (void)close(fd);
        }
        return rc;
    }
    int rc = st.st_size == CACHE_KEY_BYTES ? read_all(fd, c->secret, sizeof c->secret) : ERR_NOT_FOUND;
    if (rc != 0) {
        randombytes_buf(c->secret, sizeof c->secret);
        rc = ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0 ? write_all(fd, c->secret, sizeof c->secret) : ERR_IO;
    }
    rc = rc == 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    (void)close(fd);
    return rc;
}

/* The layout of a region is that of the very program that made it: its bytes are hashed, no number has to be kept up. */
static int hash_program(struct rules_cache *c, const char *program, struct span stamp, struct err *e)
{
    crypto_generichash_state h;
    char *chunk = mem_alloc(COPY_BYTES);
    int fd = open(program, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    ssize_t n = fd < 0 ? -1 : 1;
    MUST(crypto_generichash_init(&h, NULL, 0, sizeof c->program));
    while (n > 0 || (n < 0 && fd >= 0 && errno == EINTR)) {
        n = read(fd, chunk, COPY_BYTES);
        MUST(crypto_generichash_update(&h, (unsigned char *)chunk, n > 0 ? (size_t)n : 0));
    }
    MUST(crypto_generichash_update(&h, (const unsigned char *)stamp.ptr, stamp.len));
    MUST(crypto_generichash_final(&h, c->program, sizeof c->program));
    int rc = n == 0 ? 0 : err_set_errno(e, ERR_IO, errno, "reading %s", program);
    if (fd >= 0) {
        (void)close(fd);
    }
    mem_free(chunk);
    return rc;
}

int rules_cache_open(struct rules_cache *c, const char *data_dir, const char *program, struct span stamp, struct err *e)
{
    char path[PATH_MAX];
    c->dir = -1;
    int n = snprintf(path, sizeof path, "%s/cache", data_dir);
    if (n >= (int)sizeof path) {
        return err_set(e, ERR_LIMIT, "data folder %s: too long a path", data_dir);
    }
    int rc = sodium_init() >= 0 ? open_secret(c, data_dir, e) : err_set(e, ERR_IO, "libsodium could not start");
    rc = rc == 0 ? hash_program(c, program, stamp, e) : rc;
    if (rc == 0 && mkdir(path, 0700) != 0 && errno != EEXIST) {
        rc = err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    if (rc == 0) {
        c->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
        rc = c->dir >= 0 ? 0 : err_set_errno(e, ERR_IO, errno, "%s", path);
    }
    return rc;
}

void rules_cache_close(struct rules_cache *c)
{
    if (c->dir >= 0) {
        (void)close(c->dir);
    }
    sodium_memzero(c->secret, sizeof c->secret);
    c->dir = -1;
}

void rules_cache_key(const struct rules_cache *c, struct span bundle, unsigned char key_out[CACHE_KEY_BYTES])
{
    crypto_generichash_state h;
    MUST(crypto_generichash_init(&h, c->program, sizeof c->program, CACHE_KEY_BYTES));
    MUST(crypto_generichash_update(&h, (const unsigned char *)bundle.ptr, bundle.len));
    MUST(crypto_generichash_final(&h, key_out, CACHE_KEY_BYTES));
}

void cache_name(const unsigned char key[CACHE_KEY_BYTES], char out[CACHE_NAME_MAX])
{
    enum { NAMED = 16 };
    hex_encode(key, NAMED, out);
    memcpy(out + (ptrdiff_t)2 * NAMED, CACHE_SUFFIX, sizeof CACHE_SUFFIX);
}

/* ---- copying under the keyed hash ---- */

/* n bytes of `from` to `to`, through the hash; what was hashed is what was copied, whoever writes to `from` meanwhile. */
static int copy(int from, int to, uint64_t n, crypto_generichash_state *h, char *chunk)
{
    int rc = 0;
    while (n > 0 && rc == 0) {
        size_t some = n < COPY_BYTES ? (size_t)n : COPY_BYTES;
        rc = read_all(from, chunk, some);
        if (rc == 0) {
            MUST(crypto_generichash_update(h, (unsigned char *)chunk, some));
            rc = write_all(to, chunk, some);
        }
        n -= some;
    }
    return rc;
}

static void mac_begin(const struct rules_cache *c, struct span head, crypto_generichash_state *h)
{
    MUST(crypto_generichash_init(h, c->secret, sizeof c->secret, CACHE_MAC_BYTES));
    MUST(crypto_generichash_update(h, (const unsigned char *)head.ptr, head.len));
}

/* ---- taking out ---- */

static int take_parts(const struct rules_cache *c, int fd, struct span head, struct rules_kept *out, struct err *e)
{
    unsigned char want[CACHE_MAC_BYTES], have[CACHE_MAC_BYTES];
    crypto_generichash_state h;
    char *chunk = mem_alloc(COPY_BYTES);
    mac_begin(c, head, &h);
    int rc = read_all(fd, have, sizeof have);
    rc = rc == 0 ? copy(fd, out->region_fd, out->region_bytes, &h, chunk) : rc;
    rc = rc == 0 ? copy(fd, out->told_fd, out->told_bytes, &h, chunk) : rc;
    mem_free(chunk);
    MUST(crypto_generichash_final(&h, want, sizeof want));
    if (rc != 0) {
        return rc == ERR_IO ? err_set_errno(e, rc, errno, "copying it") : err_set(e, rc, "it is cut short");
    }
    if (sodium_memcmp(want, have, sizeof want) != 0) {
        return err_set(e, ERR_INVALID, "its keyed hash is wrong: it was changed, or kept under another key");
    }
    rc = region_seal_stored(out->region_fd, e);
    return rc == 0 ? region_seal_stored(out->told_fd, e) : rc;
}

static int take(const struct rules_cache *c, int fd, const unsigned char *key, struct rules_kept *out, struct err *e)
{
    char bytes[CACHE_HEAD_BYTES];
    struct cache_head head;
    struct stat st;
    int rc = read_all(fd, bytes, sizeof bytes);
    if (rc != 0 || fstat(fd, &st) != 0) {
        return err_set(e, rc == ERR_IO ? ERR_IO : ERR_INVALID, "its head cannot be read");
    }
    rc = cache_head_decode(span_make(bytes, sizeof bytes), &head, e);
    if (rc != 0) {
        return rc;
    }
    if (memcmp(head.key, key, CACHE_KEY_BYTES) != 0) {
        return err_set(e, ERR_INVALID, "it is of other rules than its name says");
    }
    if (!S_ISREG(st.st_mode) ||
        (uint64_t)st.st_size != sizeof bytes + CACHE_MAC_BYTES + head.region_bytes + head.told_bytes) {
        return err_set(e, ERR_INVALID, "it is not as long as its head says");
    }
    *out = (struct rules_kept){head.address, head.region_bytes, head.told_bytes, -1, -1};
    rc = region_create_stored("sereno-rules", &out->region_fd, e);
    rc = rc == 0 ? region_create_stored("sereno-told", &out->told_fd, e) : rc;
    return rc == 0 ? take_parts(c, fd, span_make(bytes, sizeof bytes), out, e) : rc;
}

int rules_cache_get(struct rules_cache *c, const unsigned char key[CACHE_KEY_BYTES], struct rules_kept *out,
                    struct err *e)
{
    char name[CACHE_NAME_MAX];
    cache_name(key, name);
    *out = (struct rules_kept){.region_fd = -1, .told_fd = -1};
    int fd = openat(c->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0 && errno == ENOENT) {
        return ERR_NOT_FOUND;
    }
    int rc = fd < 0 ? err_set_errno(e, ERR_INVALID, errno, "it cannot be opened") : take(c, fd, key, out, e);
    if (rc == 0) {
        (void)futimens(fd, NULL); /* it was used: the last to go */
    } else {
        rules_kept_close(out);
        (void)unlinkat(c->dir, name, 0);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return rc;
}

void rules_kept_close(struct rules_kept *k)
{
    if (k->region_fd >= 0) {
        (void)close(k->region_fd);
    }
    if (k->told_fd >= 0) {
        (void)close(k->told_fd);
    }
    k->region_fd = k->told_fd = -1;
}

/* ---- keeping ---- */

static int put_parts(const struct rules_cache *c, int fd, const struct cache_head *head, const struct rules_kept *kept)
{
    unsigned char mac[CACHE_MAC_BYTES] = {0};
    crypto_generichash_state h;
    struct buf b;
    char *chunk = mem_alloc(COPY_BYTES);
    buf_init(&b, CACHE_HEAD_BYTES);
    cache_head_encode(&b, head);
    CHECK(!b.failed && b.len == CACHE_HEAD_BYTES);
    mac_begin(c, buf_view(&b), &h);
    int rc = write_all(fd, b.data, b.len);
    rc = rc == 0 ? write_all(fd, mac, sizeof mac) : rc;
    rc = rc == 0 && lseek(kept->region_fd, 0, SEEK_SET) == 0 && lseek(kept->told_fd, 0, SEEK_SET) == 0 ? rc : ERR_IO;
    rc = rc == 0 ? copy(kept->region_fd, fd, kept->region_bytes, &h, chunk) : rc;
    rc = rc == 0 ? copy(kept->told_fd, fd, kept->told_bytes, &h, chunk) : rc;
    MUST(crypto_generichash_final(&h, mac, sizeof mac));
    rc = rc == 0 && pwrite(fd, mac, sizeof mac, CACHE_HEAD_BYTES) == (ssize_t)sizeof mac ? rc : ERR_IO;
    buf_free(&b);
    mem_free(chunk);
    return rc;
}

int rules_cache_put(struct rules_cache *c, const unsigned char key[CACHE_KEY_BYTES], const struct rules_kept *kept,
                    struct err *e)
{
    char name[CACHE_NAME_MAX];
    struct cache_head head = {{0}, kept->address, kept->region_bytes, kept->told_bytes};
    struct buf b;
    memcpy(head.key, key, sizeof head.key);
    buf_init(&b, CACHE_HEAD_BYTES);
    cache_head_encode(&b, &head);
    int rc = cache_head_decode(buf_view(&b), &head, e);
    buf_free(&b);
    if (rc != 0) {
        return rc;
    }
    cache_name(key, name);
    cache_sweep(c->dir, name, kept->region_bytes + kept->told_bytes);
    int fd = openat(c->dir, CACHE_UNFINISHED, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) {
        return err_set_errno(e, ERR_IO, errno, "making it");
    }
    rc = put_parts(c, fd, &head, kept) == 0 ? 0 : err_set_errno(e, ERR_IO, errno, "writing it");
    (void)close(fd);
    /* Not synced: what a power cut leaves of it is refused by its hash. */
    if (rc == 0 && renameat(c->dir, CACHE_UNFINISHED, c->dir, name) != 0) {
        rc = err_set_errno(e, ERR_IO, errno, "naming it");
    }
    if (rc != 0) {
        (void)unlinkat(c->dir, CACHE_UNFINISHED, 0);
    }
    return rc;
}
