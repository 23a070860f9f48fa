/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Keys of encrypted files, and writing one: see crypt.h. Must never let a key of the file reach
 * anything but the sealed box.
 */
#include "wire/crypt_priv.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/mem.h"

#define CRYPT_WRITER_MAGIC 0x43525057u

enum { CHECKSUM_BYTES = 3, TEXT_BYTES = CRYPT_KEY_BYTES + CHECKSUM_BYTES };

struct crypt_writer {
    uint32_t magic;
    int fd;
    int failed; /* ERR_IO once writing failed */
    bool begun; /* the header is written */
    uint64_t written;
    int (*moved)(void *ctx, uint64_t written, struct err *e); /* NULL: nobody watches */
    void *moved_ctx;
    size_t held; /* bytes of content in chunk */
    unsigned char to[CRYPT_KEY_BYTES];
    crypto_secretstream_xchacha20poly1305_state stream;
    crypto_generichash_state hash;
    unsigned char header[CRYPT_HEADER_BYTES];
    unsigned char chunk[CRYPT_CHUNK];
    unsigned char sealed[CRYPT_CHUNK + CRYPT_MORE];
};

void crypt_pair(unsigned char public_out[CRYPT_KEY_BYTES], unsigned char secret_out[CRYPT_KEY_BYTES])
{
    MUST(crypto_box_keypair(public_out, secret_out));
}

void crypt_public(const unsigned char secret[CRYPT_KEY_BYTES], unsigned char out[CRYPT_KEY_BYTES])
{
    MUST(crypto_scalarmult_base(out, secret));
}

static void checksum(const unsigned char secret[CRYPT_KEY_BYTES], unsigned char out[CHECKSUM_BYTES])
{
    unsigned char hash[CRYPT_HASH_BYTES];
    MUST(crypto_generichash(hash, sizeof hash, secret, CRYPT_KEY_BYTES,
                            (const unsigned char *)CRYPT_MAGIC, sizeof CRYPT_MAGIC));
    memcpy(out, hash, CHECKSUM_BYTES);
}

void crypt_text(const unsigned char secret[CRYPT_KEY_BYTES], char out[CRYPT_TEXT_MAX])
{
    unsigned char all[TEXT_BYTES];
    CHECK(BASE32_TEXT_MAX(TEXT_BYTES) <= CRYPT_TEXT_MAX);
    memcpy(all, secret, CRYPT_KEY_BYTES);
    checksum(secret, all + CRYPT_KEY_BYTES);
    base32_encode(all, sizeof all, out);
    sodium_memzero(all, sizeof all);
}

int crypt_text_read(struct span text, unsigned char secret_out[CRYPT_KEY_BYTES], struct err *e)
{
    unsigned char all[TEXT_BYTES];
    unsigned char sum[CHECKSUM_BYTES];
    int rc = 0;
    if (!base32_decode(text, all, sizeof all)) {
        rc = err_set(e, ERR_INVALID,
                     "a recovery key has 14 groups of four letters or digits (A to Z, 2 to 7)");
    } else {
        checksum(all, sum);
        if (sodium_memcmp(sum, all + CRYPT_KEY_BYTES, sizeof sum) != 0) {
            rc = err_set(e, ERR_INVALID, "the recovery key has a typing mistake: "
                                         "its last group does not fit the others");
        } else {
            memcpy(secret_out, all, CRYPT_KEY_BYTES);
        }
    }
    sodium_memzero(all, sizeof all);
    return rc;
}

struct crypt_writer *crypt_writer_new(int fd, const unsigned char to[CRYPT_KEY_BYTES])
{
    struct crypt_writer *w = mem_alloc(sizeof *w);
    w->magic = CRYPT_WRITER_MAGIC;
    w->fd = fd;
    w->failed = 0;
    w->begun = false;
    w->written = 0;
    w->moved = NULL;
    w->held = 0;
    memcpy(w->to, to, sizeof w->to);
    MUST(crypto_generichash_init(&w->hash, NULL, 0, CRYPT_HASH_BYTES));
    return w;
}

static int put(struct crypt_writer *w, const unsigned char *p, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t done = write(w->fd, p, n);
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            w->failed = ERR_IO;
            return err_set_errno(e, ERR_IO, done == 0 ? EIO : errno, "writing at byte %llu",
                                 (unsigned long long)w->written);
        }
        p += done;
        n -= (size_t)done;
        w->written += (uint64_t)done;
        if (w->moved != NULL) {
            w->failed = w->moved(w->moved_ctx, w->written, e);
            if (w->failed != 0) {
                return w->failed;
            }
        }
    }
    return 0;
}

static int put_hashed(struct crypt_writer *w, const unsigned char *p, size_t n, struct err *e)
{
    MUST(crypto_generichash_update(&w->hash, p, n));
    return put(w, p, n, e);
}

static int begin(struct crypt_writer *w, struct err *e)
{
    unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    unsigned char *h = w->header;
    crypto_secretstream_xchacha20poly1305_keygen(key);
    memcpy(h + CRYPT_AT_MAGIC, CRYPT_MAGIC, CRYPT_MAGIC_BYTES);
    memcpy(h + CRYPT_AT_TO, w->to, CRYPT_KEY_BYTES);
    int rc = crypto_box_seal(h + CRYPT_AT_BOX, key, sizeof key, w->to) == 0
                 ? 0
                 : err_set(e, ERR_INVALID, "the public recovery key is none");
    MUST(crypto_secretstream_xchacha20poly1305_init_push(&w->stream, h + CRYPT_AT_STREAM, key));
    sodium_memzero(key, sizeof key);
    w->begun = true;
    w->failed = rc;
    return rc == 0 ? put_hashed(w, h, CRYPT_HEADER_BYTES, e) : rc;
}

/* Encrypts what is held and writes it. The header belongs to each chunk. */
static int flush(struct crypt_writer *w, unsigned char tag, struct err *e)
{
    unsigned long long n = 0;
    int rc = w->begun ? 0 : begin(w, e);
    if (rc != 0) {
        return rc;
    }
    MUST(crypto_secretstream_xchacha20poly1305_push(&w->stream, w->sealed, &n, w->chunk, w->held,
                                                    w->header, sizeof w->header, tag));
    w->held = 0;
    return put_hashed(w, w->sealed, (size_t)n, e);
}

int crypt_write(struct crypt_writer *w, struct span content, struct err *e)
{
    CHECK_OBJ(w, CRYPT_WRITER_MAGIC);
    int rc = w->failed;
    if (rc != 0) {
        return err_set(e, rc, "an earlier write failed");
    }
    while (content.len > 0 && rc == 0) {
        /* A full chunk waits until more comes: it may be the last. */
        if (w->held == CRYPT_CHUNK) {
            rc = flush(w, 0, e);
        }
        size_t room = CRYPT_CHUNK - w->held;
        size_t n = content.len < room ? content.len : room;
        if (rc == 0) {
            memcpy(w->chunk + w->held, content.ptr, n);
            w->held += n;
            content = span_sub(content, n, content.len);
        }
    }
    return rc;
}

void crypt_signed_text(const unsigned char hash[CRYPT_HASH_BYTES], unsigned char out[CRYPT_SIGNED_BYTES])
{
    memcpy(out, CRYPT_MAGIC, CRYPT_MAGIC_BYTES);
    memcpy(out + CRYPT_MAGIC_BYTES, hash, CRYPT_HASH_BYTES);
}

int crypt_writer_end(struct crypt_writer *w, const unsigned char *seed, struct err *e)
{
    CHECK_OBJ(w, CRYPT_WRITER_MAGIC);
    if (w->failed != 0) {
        return err_set(e, w->failed, "an earlier write failed");
    }
    unsigned char trailer[CRYPT_TRAILER_BYTES] = {0};
    int rc = flush(w, crypto_secretstream_xchacha20poly1305_TAG_FINAL, e);
    MUST(crypto_generichash_final(&w->hash, trailer, CRYPT_HASH_BYTES));
    if (rc == 0 && seed != NULL) {
        unsigned char text[CRYPT_SIGNED_BYTES];
        unsigned char secret[crypto_sign_SECRETKEYBYTES];
        crypt_signed_text(trailer, text);
        MUST(crypto_sign_seed_keypair(trailer + CRYPT_HASH_BYTES, secret, seed));
        MUST(crypto_sign_detached(trailer + CRYPT_HASH_BYTES + CRYPT_KEY_BYTES, NULL, text, sizeof text, secret));
        sodium_memzero(secret, sizeof secret);
    }
    return rc == 0 ? put(w, trailer, sizeof trailer, e) : rc;
}

void crypt_writer_watch(struct crypt_writer *w, int (*moved)(void *ctx, uint64_t written, struct err *e), void *ctx)
{
    CHECK_OBJ(w, CRYPT_WRITER_MAGIC);
    w->moved = moved;
    w->moved_ctx = ctx;
}

uint64_t crypt_written(const struct crypt_writer *w)
{
    CHECK_OBJ(w, CRYPT_WRITER_MAGIC);
    return w->written;
}

void crypt_writer_free(struct crypt_writer **w)
{
    if (*w == NULL) {
        return;
    }
    CHECK_OBJ(*w, CRYPT_WRITER_MAGIC);
    sodium_memzero(*w, sizeof **w);
    mem_free(*w);
    *w = NULL;
}
