/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Token filters: which words a block may hold, in about half a percent of its bytes, so that a hunt reads only blocks in
 * which it can find something. Pure code. Made by merging (merge.h), beside the watch and once per record; asked by whoever
 * walks the archive (walk.h); made again and compared by `sereno verify`. A block without one is read, that is all.
 *
 * A token is a run of ASCII letters and digits, without case, or two runs with a dot between them (192.0, evil.example).
 * A filter may say "perhaps" of what is not there (about once in 70 tokens), and must never say "no" of a token that
 * a reader of the record could find, in whatever way the record writes it. Therefore (docs/decisions/027):
 * - behind a backslash a run counts also without its first character (\n, \t), and behind \uXXXX and \xHH;
 * - a record that writes letters or digits as escapes, or holds a NUL byte (EVTX, UTF-16), or a character beyond ASCII
 *   that is an ASCII letter without case (U+017F, U+212A), leaves its block without a filter: the block is always read;
 * - values that auditd writes in hex count as what they mean, too.
 */
#ifndef ARCHIVE_FILTER_H
#define ARCHIVE_FILTER_H

#include "archive/archive.h"

enum {
    FILTER_VERSION = 1,
    FILTER_BITS_PER_TOKEN = 10,     /* one "perhaps" in about 70 of what is not there */
    FILTER_TOKENS_MAX = 16384,      /* distinct ones; a block of more is always read: one of 1 MiB has 4,000 to 10,000 */
    FILTER_BUCKET_BYTES = 32,
    FILTER_HEAD_BYTES = 2,          /* version, zero */
    FILTER_MAX_BYTES = FILTER_HEAD_BYTES + FILTER_TOKENS_MAX * FILTER_BITS_PER_TOKEN / 8 + FILTER_BUCKET_BYTES,
    FILTER_CHECK_BYTES = 16,        /* before it in the day file: binds it to its block's header */
    FILTER_FROM_BYTES = 32 * 1024,  /* originals; a smaller block is read as fast as its filter */
    FILTER_ITEMS_MAX = 20000,       /* things one query looks for */
    FILTER_CLAUSES_MAX = 64,        /* of one thing */
    FILTER_CHOICES_MAX = 6,         /* tokens of one clause */
    FILTER_QUERY_MAX_BYTES = 8 * 1024 * 1024,
};

/* ---- tokens ---- */

/* Of one run; text holds ASCII letters and digits only. */
uint64_t filter_token(struct span run);
/* Of two runs that a dot joins. */
uint64_t filter_pair(struct span before, struct span behind);

/* ---- making ---- */

struct filter_builder;
struct filter_builder *filter_builder_new(void);
void filter_builder_free(struct filter_builder **b);
void filter_add(struct filter_builder *b, struct span original);
/* Ends a block: true, and the filter is appended to out; false when it can have none. Empty again in both cases. */
bool filter_finish(struct filter_builder *b, struct buf *out) NODISCARD;
/* All of a block: nothing is appended when the block is small or can have none. */
void filter_of_records(struct filter_builder *b, const struct archive_record *const *records, size_t n,
                       struct buf *out);

/* ---- asking ---- */

struct filter {
    const unsigned char *buckets; /* borrowed */
    uint32_t count;
};
/* As filter_finish makes it, without its check. ERR_INVALID. */
int filter_decode(struct span bytes, struct filter *out, struct err *e) NODISCARD;
bool filter_may_hold(const struct filter *f, uint64_t token);

/* As it lies in the day file: header_hash is that of its block's header bytes. */
void filter_stored(struct buf *out, struct span filter, const unsigned char header_hash[ARCHIVE_HASH_BYTES]);
/* ERR_INVALID: changed, or of another block; then the block has to be read. */
int filter_decode_stored(struct span bytes, const unsigned char header_hash[ARCHIVE_HASH_BYTES],
                         struct filter *out, struct err *e) NODISCARD;

/*
 * What is looked for: any of some things. Of each thing all clauses must hold, of a clause any of its tokens. A thing
 * without clauses may be anywhere.
 */
struct filter_clause {
    uint64_t choices[FILTER_CHOICES_MAX];
    uint32_t count;
};
struct filter_thing {
    const struct filter_clause *clauses;
    uint32_t count;
};
struct filter_query {
    const struct filter_thing *things;
    uint32_t count;
};
void filter_query_encode(struct buf *out, const struct filter_query *q);
int filter_query_decode(struct span bytes, struct arena *arena, struct filter_query *out, struct err *e) NODISCARD;
/* False: surely none of the things is in the filter's block. */
bool filter_query_may_hold(const struct filter_query *q, const struct filter *f);

#endif
