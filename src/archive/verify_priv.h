/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to archive/: the walk of verify.c over the chain, and what verify_more.c looks at on the way. */
#ifndef ARCHIVE_VERIFY_PRIV_H
#define ARCHIVE_VERIFY_PRIV_H

#include "archive/db.h"
#include "archive/block.h"
#include "archive/purge_priv.h"
#include "archive/stretch.h"
#include "base/vec.h"

struct sealed {
    struct seal seal;
    bool found;
};

/* Links of the stretch that the walk is in, made again from what they were merged to. */
struct verify_merged {
    bool has, none; /* none: the day has no further one */
    struct arena arena;
    struct stretch stretch;
    struct archive_header *links; /* count 0: not merged, or could not be made again */
    struct block_packer *packer;
};

/* All rows of one day, organisation and source, and whether originals of some are gone. */
struct verify_sum {
    struct purge_sum sum;
    bool gone;
};

/* These, and what notes say. */
struct verify_gone {
    struct arena arena;
    VEC(struct verify_sum) sums;
    VEC(struct span) notes;
};

struct walk {
    struct archive_reader *reader;
    const struct archive_witness *witness; /* NULL: none */
    const struct archive_verify_hooks *hooks;
    struct archive_report *report;
    unsigned char chain[ARCHIVE_HASH_BYTES];
    bool begins_later;       /* the oldest day here follows one that a note says was let go */
    bool started;            /* chain holds the hash of the link before */
    VEC(unsigned char) gone; /* hashes at the ends of deleted days, from notes */
    VEC(int32_t) gone_days;  /* those days */
    VEC(struct sealed) seals; /* as in the file, ascending */
    size_t next_seal;         /* the first that may still come */
    bool newest_found;        /* the link that the witness saw */
    struct verify_merged merged;
    struct verify_gone purged;
    struct filter_builder *filter; /* once one was looked at */
    bool unknown;             /* chain does not hold the hash of the link before: it cannot be made again */
    uint64_t alerts;          /* of this day, that the chain speaks of */
    int32_t day;
    uint32_t id;
};

void verify_bad(struct walk *w, const struct err *e);
/* Complains about a link of the present day; block 0 = about the day. */
void verify_bad_text(struct walk *w, uint32_t block, const char *text);

/* Reads seals.jsonl; complains about lines that are none, out of order, or not the last that the witness saw. */
void verify_seals_load(struct walk *w);
/* After each link: is it a sealed one, or the one the witness saw? */
void verify_seals_at(struct walk *w);
/* At the end: seals and the witness's link that were not met, unless a note says that their day was let go. */
void verify_seals_end(struct walk *w, const int32_t *days, size_t ndays);
/* "deleted 2026-11-02 …": remembers the day. */
void verify_note_day(struct walk *w, struct span text);

/* Goes over the merged links before row `id`, as if their rows stood there. */
void verify_merged_until(struct walk *w, sqlite3 *db, uint32_t id);
/* The row of a merged block: whether a table knows it. Its bytes are looked at with its stretch. */
void verify_merged_pack(struct walk *w, sqlite3 *db, const struct archive_header *h);
void verify_merged_begin(struct walk *w);
void verify_merged_day(struct walk *w);
void verify_merged_end(struct walk *w);

/* The token filter beside a block's row, if there is one: it must be what the records give. */
void verify_filter(struct walk *w, sqlite3 *db, uint32_t id, const unsigned char header_hash[ARCHIVE_HASH_BYTES],
                   const struct block *b);
/* At a day's end: no filter whose block has no records, or is none. */
int verify_filters_whole(struct walk *w, sqlite3 *db, struct err *e) NODISCARD;

/* A row of a block, or of a merged one. gone: without its originals. */
void verify_gone_row(struct walk *w, uint32_t id, const unsigned char hash[ARCHIVE_HASH_BYTES],
                     const struct archive_header *h, bool gone);
/* A note, before the walk: what it speaks of lies in days before it. */
void verify_gone_note(struct walk *w, struct span text);
/* A note's link: counts it, checks its signature. */
void verify_note(struct walk *w, const struct archive_header *h);
/* At the end: is there a proof for all that is gone? */
void verify_gone_end(struct walk *w);

/* The alerts that a link speaks of, row by row. */
void verify_alerts(struct walk *w, sqlite3 *db, const struct archive_header *h, struct arena *scratch);
/* No alert beside those. A file begun by a program that did not chain alerts is let be. */
int verify_alerts_whole(struct walk *w, sqlite3 *db, struct err *e) NODISCARD;

#endif
