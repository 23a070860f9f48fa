/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A block's body: columns (lengths, arrival, times, hosts, senders, flags), then the originals,
 * packed by zstd with its checksum. Packed in intake (window.c), unpacked in keeper's readers and
 * in hunters, where the bytes are not trusted: every number is checked against the header before
 * memory is taken.
 */
#ifndef ARCHIVE_BLOCK_H
#define ARCHIVE_BLOCK_H

#include "archive/archive.h"

enum { BLOCK_LEVEL_DEFAULT = 2 /* zstd; 1 to 3 cost little and differ by a tenth in size */ };

struct block_packer;
struct block_packer *block_packer_new(int level);
void block_packer_free(struct block_packer **p);
/* Which hash the headers of its blocks hold from now on; by itself the one that this processor is quicker with. */
void block_packer_digest(struct block_packer *p, enum archive_digest digest);
/* For one that packs all that comes: it hashes pieces side by side, where that can be (digest.h). Takes some 20 ms. */
void block_packer_lanes(struct block_packer *p);

/*
 * Packs records[0..n) (1 ≤ n ≤ ARCHIVE_BLOCK_RECORDS_MAX, one organisation, source and class) and
 * appends the body to out. Fills the header but for day, id and previous; its spans are the first
 * record's.
 */
void block_pack(struct block_packer *p, const struct archive_record *const *records, size_t n,
                struct archive_header *header_out, struct buf *out);

/* Where a record of a merged block lay before, and where its address still points. */
struct block_origin {
    uint32_t block;
    uint32_t index;
};

/* As block_pack, for records that lay in several blocks of one day, all of this digest: the header is of ARCHIVE_KIND_PACK. */
void block_pack_merged(struct block_packer *p, const struct archive_record *const *records,
                       const struct block_origin *origins, size_t n, enum archive_digest digest,
                       struct archive_header *header_out, struct buf *out);
/*
 * The header that block_pack made of these records, but for day, id and previous: for showing that
 * a merged block still holds what the chain says. ERR_LIMIT: they never were one block.
 */
int block_header_again(struct block_packer *p, const struct archive_record *const *records, size_t n,
                       enum archive_digest digest, struct archive_header *header_out, struct err *e) NODISCARD;

/* As block_header_again, also for a merged block: origins NULL: none. For showing that records that came in from elsewhere are
 * those of a block. */
int block_content_again(struct block_packer *p, const struct archive_record *const *records, const struct block_origin *origins,
                        size_t n, enum archive_digest digest, struct archive_header *header_out, struct err *e) NODISCARD;

struct block {
    struct archive_record *records;
    const struct block_origin *origins; /* of a merged block; NULL: each record lies at its index */
    size_t count;
    struct span meta;      /* columns, unpacked */
    struct span originals; /* of all records in a row, where they point into */
};

/* Unpacks into scratch. ERR_INVALID with what is wrong; hashes are not checked here. */
int block_unpack(const struct archive_header *h, struct span body, struct arena *scratch,
                 struct block *out, struct err *e) NODISCARD;
/* Recomputes both hashes of an unpacked block. */
int block_check(const struct archive_header *h, const struct block *b, struct err *e) NODISCARD;

#endif
