/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Private to archive/: bytes packed by zstd with its checksum, then a skippable frame (RFC 8878 §3.1.2) with a hash of the
 * packed bytes. Some bits of a frame can be flipped without a change of what it unpacks to; the hash shows those too. It has no key and
 * guards against damage, not against people (the chain does): XXH3 of 128 bits, before day files of format 5 BLAKE2b.
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
