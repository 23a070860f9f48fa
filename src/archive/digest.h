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
/* originals: those of the records, in a row. */
void digest_originals(enum archive_digest how, struct span originals, const struct archive_record *const *records, size_t n,
                      unsigned char out[ARCHIVE_HASH_BYTES]);

#endif
