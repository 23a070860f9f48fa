/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An encrypted file: anybody who has the public recovery key can write one, whoever has the secret
 * one can read it, and anybody can see whether it is whole and who signed it. For backups and for
 * copies of the archive that leave the machine.
 *
 * Numbers of bytes: 16 magic, 32 public key it is for, 80 the file's own key in a sealed box
 * (X25519, XSalsa20-Poly1305), 24 header of the stream (XChaCha20-Poly1305, libsodium's
 * secretstream); then chunks of CRYPT_CHUNK bytes of content, each 17 longer; the last one is
 * tagged as such, so that a cut is seen; then 32 BLAKE2b of all before, 32 signing key (zero: not
 * signed), 64 Ed25519 signature over "sereno-crypt-1\n" and that hash.
 */
#ifndef WIRE_CRYPT_H
#define WIRE_CRYPT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    CRYPT_KEY_BYTES = 32,     /* public, secret, signing key, seed: each */
    CRYPT_CHUNK = 64 * 1024,  /* bytes of content per chunk */
    CRYPT_HASH_BYTES = 32,
    CRYPT_SIGNATURE_BYTES = 64,
    CRYPT_HEADER_BYTES = 16 + CRYPT_KEY_BYTES + 80 + 24,
    CRYPT_TRAILER_BYTES = CRYPT_HASH_BYTES + CRYPT_KEY_BYTES + CRYPT_SIGNATURE_BYTES,
    CRYPT_TEXT_MAX = 72, /* a secret key as text with zero: 13 groups, a checksum, dashes */
};

/* A new pair: secret is to be shown once and kept by people, never on this machine. */
void crypt_pair(unsigned char public_out[CRYPT_KEY_BYTES], unsigned char secret_out[CRYPT_KEY_BYTES]);
/* The public key of a secret one. */
void crypt_public(const unsigned char secret[CRYPT_KEY_BYTES], unsigned char out[CRYPT_KEY_BYTES]);
/* "ABCD-EFGH-…": base32 (RFC 4648 §6) in groups of four, the last group a checksum. */
void crypt_text(const unsigned char secret[CRYPT_KEY_BYTES], char out[CRYPT_TEXT_MAX]);
/* Reads that text; case, blanks and dashes do not matter. ERR_INVALID: a typing mistake. */
int crypt_text_read(struct span text, unsigned char secret_out[CRYPT_KEY_BYTES], struct err *e) NODISCARD;

struct crypt_writer;
/* fd stays the caller's and is written from where it stands. */
struct crypt_writer *crypt_writer_new(int fd, const unsigned char to[CRYPT_KEY_BYTES])
    __attribute__((returns_nonnull));
/* ERR_IO; after it nothing more is written and each call fails so. */
int crypt_write(struct crypt_writer *w, struct span content, struct err *e) NODISCARD;
/* The last chunk, hash and signature by the Ed25519 seed (NULL: none). The caller syncs. */
int crypt_writer_end(struct crypt_writer *w, const unsigned char *seed, struct err *e) NODISCARD;
/* moved is called after each write, with the bytes of the file so far: to see that it goes on, to sync. Not 0: writing has failed, e
 * says why. */
void crypt_writer_watch(struct crypt_writer *w, int (*moved)(void *ctx, uint64_t written, struct err *e), void *ctx);
/* Bytes of the file so far. */
uint64_t crypt_written(const struct crypt_writer *w);
void crypt_writer_free(struct crypt_writer **w); /* wipes its keys */

/* What anybody can tell of a file without a secret. */
struct crypt_report {
    uint64_t bytes; /* of the file */
    bool is_signed;
    unsigned char to[CRYPT_KEY_BYTES];
    unsigned char signer[CRYPT_KEY_BYTES];
    unsigned char hash[CRYPT_HASH_BYTES];
};
/* Reads the regular file fd whole, from its start. ERR_INVALID: not such a file, or changed: hash or
 * signature do not fit; ERR_TRUNCATED; ERR_IO. */
int crypt_check(int fd, struct crypt_report *out, struct err *e) NODISCARD;
/* The same for a thread that others watch: moved grows with each piece read; ERR_CLOSED soon after stop was set. */
int crypt_check_watched(int fd, const atomic_bool *stop, atomic_uint_fast64_t *moved, struct crypt_report *out, struct err *e) NODISCARD;

/*
 * What the two ends of such a file tell that was not read whole: it has size bytes, these first and these last ones, which count only when it has
 * that many. out->hash is what is signed; whether the bytes between have it crypt_check alone tells. ERR_INVALID, ERR_TRUNCATED.
 */
int crypt_check_ends(uint64_t size, const unsigned char head[CRYPT_HEADER_BYTES], const unsigned char tail[CRYPT_TRAILER_BYTES],
                     struct crypt_report *out, struct err *e) NODISCARD;

struct crypt_reader;
/* Opens the regular file fd, which was checked before. ERR_DENIED: it is for another key. */
int crypt_reader_new(int fd, const unsigned char secret[CRYPT_KEY_BYTES],
                     struct crypt_reader **out, struct err *e) NODISCARD;
/*
 * The next content: *out is borrowed until the next call, empty at the end, which is told only
 * after the last chunk proved to be the last. ERR_INVALID: a chunk was changed; ERR_TRUNCATED.
 */
int crypt_read(struct crypt_reader *r, struct span *out, struct err *e) NODISCARD;
void crypt_reader_free(struct crypt_reader **r);

#endif
