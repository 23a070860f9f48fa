/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A day of the archive in open form, whole, and back: for `sereno export --all` and `sereno import`. Lines of JSON, in three
 * parts of a day: "chain" (about, and the tables of the day file as rows.h writes them: links of the chain, windows, alerts,
 * positions), "records" (each record, with its original, as text where it is UTF-8), and "rest" (blocks that cannot be made again from
 * their records: damaged ones, and such as hold names that are not UTF-8).
 *
 * Coming in, each block is packed anew from its records and must have the header that stands in the chain, byte for byte: so
 * what `sereno verify` says of the one says it of the other. Lines are hostile; a day is one transaction.
 * Runs in the caged processes of these commands.
 */
#ifndef ARCHIVE_WHOLE_H
#define ARCHIVE_WHOLE_H

#include "archive/archive.h"
#include "archive/block.h"

struct archive_whole_totals {
    uint64_t blocks, records, bytes;
    uint64_t damaged; /* blocks whose records cannot be read; their bytes go out as they are */
    uint64_t opaque;  /* blocks that go out with their bytes beside their records */
};

/* One line, its end included, of the part's file of that name ("block", or a source). Lines of one file come one after another. */
typedef int archive_whole_give(void *ctx, const char *part, struct span name, struct span line, struct err *e);
/* All of a day, as it stood when it began. ERR_NOT_FOUND: it went meanwhile. totals are added to. */
int archive_whole_day(struct archive_reader *r, int32_t day, archive_whole_give *give, void *ctx,
                      struct archive_whole_totals *totals, struct err *e) NODISCARD;

struct archive_whole;
/* Days are made in that folder, which must be there. Ended by archive_whole_free, which undoes a day that was not ended. */
struct archive_whole *archive_whole_new(const char *folder);
void archive_whole_free(struct archive_whole **w);
/* A line without its end, of the day, part and file it stands in; parts come in the order chain, records, rest, days ascend.
 * ERR_INVALID, ERR_LIMIT: not what archive_whole_day writes. */
int archive_whole_line(struct archive_whole *w, int32_t day, struct span part, struct span name, struct span line,
                       struct err *e) NODISCARD;
/* The day is whole: blocks that still lack their records are ERR_INVALID. Also called between days by archive_whole_line. */
int archive_whole_end(struct archive_whole *w, struct err *e) NODISCARD;
void archive_whole_totals_of(const struct archive_whole *w, struct archive_whole_totals *out);

/* A record as its line, and back; where: the block it lies in now, 0 = its line is only for reading. Spans live in a. */
struct archive_whole_record {
    uint32_t where;
    struct archive_address at;
    struct archive_record record;
};
void archive_whole_put(const struct archive_whole_record *r, struct arena *a, struct buf *out);
int archive_whole_read(struct span line, struct arena *a, struct archive_whole_record *out, struct err *e) NODISCARD;

#endif
