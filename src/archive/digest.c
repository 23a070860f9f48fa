/* SPDX-License-Identifier: EUPL-1.2 */
/* The hash of a block's originals: see digest.h. Pure code; runs in intake on every byte that comes, and in every reader. */
#define OPENSSL_SUPPRESS_DEPRECATED /* SHA256_* take no memory, no lock and no file: they work in every cage, and 3.x keeps them */
#include "archive/digest.h"

#include <openssl/sha.h>
#include <sodium.h>
#if defined(__x86_64__)
#include <cpuid.h>
#elif defined(__aarch64__)
#include <asm/hwcap.h>
#include <sys/auxv.h>
#endif

static bool has_sha256(void)
{
#if defined(__x86_64__)
    unsigned a = 0;
    unsigned b = 0;
    unsigned c = 0;
    unsigned d = 0;
    return __get_cpuid_count(7, 0, &a, &b, &c, &d) != 0 && (b & bit_SHA) != 0;
#elif defined(__aarch64__)
    return (getauxval(AT_HWCAP) & HWCAP_SHA2) != 0;
#else
    return false;
#endif
}

enum archive_digest digest_here(void)
{
    return has_sha256() ? ARCHIVE_DIGEST_SHA256 : ARCHIVE_DIGEST_BLAKE2B;
}

static void sha256(struct span bytes, unsigned char out[ARCHIVE_HASH_BYTES])
{
    SHA256_CTX c;
    CHECK(SHA256_Init(&c) == 1 && SHA256_Update(&c, bytes.ptr, bytes.len) == 1 && SHA256_Final(out, &c) == 1);
}

static void pieces(struct span originals, struct digest_lanes *lanes, unsigned char out[ARCHIVE_HASH_BYTES])
{
    unsigned char hashes[ARCHIVE_BLOCK_MAX_BYTES / DIGEST_PIECE_BYTES][ARCHIVE_HASH_BYTES];
    size_t n = (originals.len + DIGEST_PIECE_BYTES - 1) / DIGEST_PIECE_BYTES;
    CHECK(n <= ARRAY_LEN(hashes));
    bool done = lanes != NULL && digest_lanes_pieces(lanes, originals, hashes);
    for (size_t i = 0; !done && i < n; i++) {
        sha256(span_sub(originals, i * DIGEST_PIECE_BYTES, DIGEST_PIECE_BYTES), hashes[i]);
    }
    sha256(span_make((const char *)hashes, n * ARCHIVE_HASH_BYTES), out);
}

static void records_one_by_one(struct span originals, const struct archive_record *const *records, size_t n,
                               unsigned char out[ARCHIVE_HASH_BYTES])
{
    crypto_generichash_state state;
    size_t at = 0;
    MUST(crypto_generichash_init(&state, NULL, 0, ARCHIVE_HASH_BYTES));
    for (size_t i = 0; i < n; i++) {
        size_t size = records[i]->original.len;
        unsigned char len[4];
        for (unsigned k = 0; k < 4; k++) {
            len[k] = (unsigned char)(size >> (8 * k));
        }
        CHECK(size <= originals.len - at);
        MUST(crypto_generichash_update(&state, len, sizeof len));
        MUST(crypto_generichash_update(&state, (const unsigned char *)originals.ptr + at, size));
        at += size;
    }
    MUST(crypto_generichash_final(&state, out, ARCHIVE_HASH_BYTES));
}

void digest_originals(enum archive_digest how, struct span originals, const struct archive_record *const *records, size_t n,
                      struct digest_lanes *lanes, unsigned char out[ARCHIVE_HASH_BYTES])
{
    if (how == ARCHIVE_DIGEST_SHA256) {
        pieces(originals, lanes, out);
    } else {
        records_one_by_one(originals, records, n, out);
    }
}
