/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to archive/: bytes packed by zstd, then a skippable frame (RFC 8878 §3.1.2) with a hash of the packed bytes, which shows
 * any change of them, also of bits without which they would unpack to the same. It has no key and guards against damage, not against
 * people (the chain does): XXH3 of 128 bits, before day files of format 5 BLAKE2b. Frames of older programs have zstd's checksum
 * too, which is checked where it stands; it adds nothing to the hash and cost a twentieth of packing.
 */
#ifndef ARCHIVE_PACKED_H
#define ARCHIVE_PACKED_H

#include <zstd.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* A context that packs so. */
ZSTD_CCtx *packed_context(int level) __attribute__((returns_nonnull));
/* Appends to out, which must have room. */
void packed_put(ZSTD_CCtx *zstd, struct span content, struct buf *out);
/* Unpacks into scratch, at most max bytes. ERR_INVALID: damaged, or larger. Bodies of format 1 lack the hash. */
int packed_take(struct span body, size_t max, struct arena *scratch, struct span *out,
                struct err *e) NODISCARD;

#endif
