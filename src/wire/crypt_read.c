/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Checking and reading an encrypted file: see crypt.h. The file comes from outside: nothing it says
 * is believed before its chunk was opened by the key.
 */
#include "wire/crypt_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define CRYPT_READER_MAGIC 0x43525052u

struct crypt_reader {
    uint32_t magic;
    int fd;
    int failed; /* given again on each later call */
    bool last;  /* the last chunk was read */
    uint64_t at, end; /* of the chunks, in bytes of the file */
    crypto_secretstream_xchacha20poly1305_state stream;
    unsigned char header[CRYPT_HEADER_BYTES];
    unsigned char sealed[CRYPT_CHUNK + CRYPT_MORE];
    unsigned char chunk[CRYPT_CHUNK];
};

/* n bytes from `at`; the file must have them. */
static int get(int fd, uint64_t at, unsigned char *out, size_t n, struct err *e)
{
    while (n > 0) {
        ssize_t got = pread(fd, out, n, (off_t)at);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return err_set_errno(e, ERR_IO, errno, "reading at byte %llu", (unsigned long long)at);
        }
        if (got == 0) {
            return err_set(e, ERR_TRUNCATED, "the file became shorter while it was read");
        }
        out += got;
        at += (uint64_t)got;
        n -= (size_t)got;
    }
    return 0;
}

/* Header, and where the chunks end. */
static int open_file(int fd, unsigned char header[CRYPT_HEADER_BYTES], uint64_t *end_out, struct err *e)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return err_set(e, ERR_IO, "not a file that can be read from any place");
    }
    uint64_t size = (uint64_t)st.st_size;
    size_t known = size < CRYPT_MAGIC_BYTES ? (size_t)size : CRYPT_MAGIC_BYTES;
    int rc = get(fd, 0, header, known, e);
    if (rc == 0 && memcmp(header, CRYPT_MAGIC, known) != 0) {
        return err_set(e, ERR_INVALID, "not an encrypted file of Sereno");
    }
    if (rc == 0 && size < CRYPT_HEADER_BYTES + CRYPT_MORE + CRYPT_TRAILER_BYTES) {
        return err_set(e, ERR_TRUNCATED, "the file ends too early");
    }
    *end_out = size - CRYPT_TRAILER_BYTES;
    return rc == 0 ? get(fd, 0, header, CRYPT_HEADER_BYTES, e) : rc;
}

static int check_trailer(const unsigned char trailer[CRYPT_TRAILER_BYTES], struct crypt_report *out, struct err *e)
{
    const unsigned char *signer = trailer + CRYPT_HASH_BYTES;
    const unsigned char *signature = signer + CRYPT_KEY_BYTES;
    unsigned char text[CRYPT_SIGNED_BYTES];
    if (memcmp(trailer, out->hash, CRYPT_HASH_BYTES) != 0) {
        return err_set(e, ERR_INVALID, "the file was cut, or changed since it was written: its hash does not fit");
    }
    out->is_signed = sodium_is_zero(signer, CRYPT_KEY_BYTES + CRYPT_SIGNATURE_BYTES) == 0;
    memcpy(out->signer, signer, CRYPT_KEY_BYTES);
    crypt_signed_text(out->hash, text);
    if (out->is_signed && crypto_sign_verify_detached(signature, text, sizeof text, signer) != 0) {
        return err_set(e, ERR_INVALID, "the signature does not fit: the file was changed, "
                                       "or signed by another key than it says");
    }
    return 0;
}

int crypt_check(int fd, struct crypt_report *out, struct err *e)
{
    return crypt_check_watched(fd, NULL, NULL, out, e);
}

int crypt_check_watched(int fd, const atomic_bool *stop, atomic_uint_fast64_t *moved, struct crypt_report *out, struct err *e)
{
    unsigned char header[CRYPT_HEADER_BYTES];
    unsigned char trailer[CRYPT_TRAILER_BYTES];
    uint64_t end = 0;
    int rc = open_file(fd, header, &end, e);
    if (rc != 0) {
        return rc;
    }
    unsigned char *piece = mem_alloc(CRYPT_CHUNK);
    crypto_generichash_state hash;
    MUST(crypto_generichash_init(&hash, NULL, 0, CRYPT_HASH_BYTES));
    for (uint64_t at = 0; at < end && rc == 0;) {
        size_t n = end - at < CRYPT_CHUNK ? (size_t)(end - at) : CRYPT_CHUNK;
        rc = get(fd, at, piece, n, e);
        MUST(crypto_generichash_update(&hash, piece, rc == 0 ? n : 0));
        at += n;
        if (moved != NULL) {
            (void)atomic_fetch_add(moved, n);
        }
        if (rc == 0 && stop != NULL && atomic_load(stop)) {
            rc = err_set(e, ERR_CLOSED, "stopped");
        }
    }
    mem_free(piece);
    *out = (struct crypt_report){.bytes = end + CRYPT_TRAILER_BYTES};
    memcpy(out->to, header + CRYPT_AT_TO, CRYPT_KEY_BYTES);
    MUST(crypto_generichash_final(&hash, out->hash, CRYPT_HASH_BYTES));
    rc = rc == 0 ? get(fd, end, trailer, sizeof trailer, e) : rc;
    return rc == 0 ? check_trailer(trailer, out, e) : rc;
}

int crypt_check_ends(uint64_t size, const unsigned char head[CRYPT_HEADER_BYTES], const unsigned char tail[CRYPT_TRAILER_BYTES],
                     struct crypt_report *out, struct err *e)
{
    *out = (struct crypt_report){.bytes = size};
    if (size < CRYPT_HEADER_BYTES + CRYPT_MORE + CRYPT_TRAILER_BYTES) {
        return err_set(e, ERR_TRUNCATED, "the file ends too early");
    }
    if (memcmp(head, CRYPT_MAGIC, CRYPT_MAGIC_BYTES) != 0) {
        return err_set(e, ERR_INVALID, "not an encrypted file of Sereno");
    }
    memcpy(out->to, head + CRYPT_AT_TO, CRYPT_KEY_BYTES);
    memcpy(out->hash, tail, CRYPT_HASH_BYTES);
    return check_trailer(tail, out, e);
}

int crypt_reader_new(int fd, const unsigned char secret[CRYPT_KEY_BYTES], struct crypt_reader **out,
                     struct err *e)
{
    unsigned char key[crypto_secretstream_xchacha20poly1305_KEYBYTES];
    unsigned char ours[CRYPT_KEY_BYTES];
    struct crypt_reader *r = mem_alloc(sizeof *r);
    r->magic = CRYPT_READER_MAGIC;
    r->fd = fd;
    r->failed = 0;
    r->last = false;
    r->at = CRYPT_HEADER_BYTES;
    int rc = open_file(fd, r->header, &r->end, e);
    if (rc == 0) {
        crypt_public(secret, ours);
        const unsigned char *box = r->header + CRYPT_AT_BOX;
        if (sodium_memcmp(ours, r->header + CRYPT_AT_TO, sizeof ours) != 0) {
            rc = err_set(e, ERR_DENIED, "the file was encrypted for another recovery key");
        } else if (crypto_box_seal_open(key, box, CRYPT_BOX_BYTES, ours, secret) != 0 ||
                   crypto_secretstream_xchacha20poly1305_init_pull(&r->stream, r->header + CRYPT_AT_STREAM, key) != 0) {
            rc = err_set(e, ERR_INVALID, "the head of the file was changed");
        }
    }
    sodium_memzero(key, sizeof key);
    if (rc != 0) {
        crypt_reader_free(&r);
    }
    *out = r;
    return rc;
}

/* The chunk at r->at, opened; *tag_out says whether it is the last. */
static int next_chunk(struct crypt_reader *r, struct span *out, unsigned char *tag_out, struct err *e)
{
    uint64_t left = r->end - r->at;
    size_t n = left < sizeof r->sealed ? (size_t)left : sizeof r->sealed;
    unsigned long long got = 0;
    if (n < CRYPT_MORE) {
        return err_set(e, ERR_TRUNCATED, "the file ends before its last chunk");
    }
    int rc = get(r->fd, r->at, r->sealed, n, e);
    if (rc == 0 && crypto_secretstream_xchacha20poly1305_pull(&r->stream, r->chunk, &got, tag_out, r->sealed, n,
                                                              r->header, sizeof r->header) != 0) {
        rc = err_set(e, ERR_INVALID, "the chunk at byte %llu was changed, or is of another file",
                     (unsigned long long)r->at);
    }
    r->at += n;
    *out = span_make((const char *)r->chunk, (size_t)got);
    return rc;
}

int crypt_read(struct crypt_reader *r, struct span *out, struct err *e)
{
    CHECK_OBJ(r, CRYPT_READER_MAGIC);
    unsigned char tag = 0;
    *out = span_make(NULL, 0);
    if (r->failed != 0) {
        return err_set(e, r->failed, "an earlier chunk could not be read");
    }
    if (r->last) {
        return 0;
    }
    int rc = next_chunk(r, out, &tag, e);
    r->last = rc == 0 && tag == crypto_secretstream_xchacha20poly1305_TAG_FINAL;
    if (rc == 0 && r->last != (r->at == r->end)) {
        rc = r->last ? err_set(e, ERR_INVALID, "something follows the last chunk")
                     : err_set(e, ERR_TRUNCATED, "the file ends before its last chunk");
    } else if (rc == 0 && !r->last && out->len == 0) {
        rc = err_set(e, ERR_INVALID, "an empty chunk in the middle");
    }
    r->failed = rc;
    if (rc != 0) {
        *out = span_make(NULL, 0);
    }
    return rc;
}

void crypt_reader_free(struct crypt_reader **r)
{
    if (*r == NULL) {
        return;
    }
    CHECK_OBJ(*r, CRYPT_READER_MAGIC);
    sodium_memzero(*r, sizeof **r);
    mem_free(*r);
    *r = NULL;
}
