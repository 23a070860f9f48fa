/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to archive/: the hash of a block's originals, which its header holds and the chain signs. There are two, for what is
 * quick differs among processors (docs/decisions/037); a header's format says which one it holds, and both are read for ever.
 *
 * - ARCHIVE_DIGEST_BLAKE2B: BLAKE2b-256 over (u32 length, bytes) of each record in order.
 * - ARCHIVE_DIGEST_SHA256: SHA-256 over the SHA-256 hashes of each 4 KiB of the originals in a row, the last piece being what is
 *   left; of no bytes at all, over nothing. Where one record ends and the next begins is held by the hash of the columns.
 */
#ifndef ARCHIVE_DIGEST_H
#define ARCHIVE_DIGEST_H

#include "archive/archive.h"

enum { DIGEST_PIECE_BYTES = 4096 /* part of the format: pieces can be hashed side by side */ };

/* The one that this processor is quicker with. */
enum archive_digest digest_here(void);

/* Pieces side by side: docs/decisions/058. Not for two threads at once. */
struct digest_lanes;
/* For whoever hashes all that comes: making it takes some 20 ms and a few MB. NULL: not on this processor, or built without. */
struct digest_lanes *digest_lanes_new(void);
void digest_lanes_free(struct digest_lanes **l);
/* SHA-256 of each piece of originals into hashes, which has room for them. False: too few pieces to be worth it, nothing was done. */
bool digest_lanes_pieces(struct digest_lanes *l, struct span originals, unsigned char (*hashes)[ARCHIVE_HASH_BYTES]) NODISCARD;

/* originals: those of the records, in a row. lanes may be NULL. */
void digest_originals(enum archive_digest how, struct span originals, const struct archive_record *const *records, size_t n,
                      struct digest_lanes *lanes, unsigned char out[ARCHIVE_HASH_BYTES]);

#endif
