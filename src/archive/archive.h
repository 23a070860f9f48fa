/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The archive: what was received, byte for byte, in one SQLite file per UTC day of receipt.
 *
 * intake sorts records into blocks (window.h, block.h); keeper writes all blocks of a window with
 * their alerts and file positions in one transaction (archive_write) and only then acknowledges. A
 * record's address is (day, block, index). Block headers form one hash chain over all days: a body
 * may be purged while its header stays.
 *
 * Day files only go forward: a window that arrives late is kept in the newest file, its headers say
 * when it was received.
 */
#ifndef ARCHIVE_ARCHIVE_H
#define ARCHIVE_ARCHIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/span.h"

#define ARCHIVE_APPLICATION_ID 0x53524e41 /* "SRNA" in the SQLite header */

enum {
    ARCHIVE_FORMAT = 5, /* of day files; newer programs read every older one.
                           1: alerts stood beside the chain. 2: a link holds their hash. 3: small
                           blocks may be merged, their headers are made again from their records.
                           4: merging may leave token filters beside blocks (filter.h).
                           5: a block's header may hold the other hash of originals (digest.h), a
                           body has another sum behind it (packed.h) */
    ARCHIVE_HEADER_FORMAT = 2, /* of a link's bytes; unchanged since day files of format 2; plus its archive_digest */
    ARCHIVE_RECORD_MAX_BYTES = 1024 * 1024, /* one original, DESIGN §4 */
    ARCHIVE_BLOCK_MAX_BYTES =
        1024 * 1024,                   /* originals in one block: what one fetch has to unpack */
    ARCHIVE_BLOCK_RECORDS_MAX = 65536, /* records in one block: bounds its columns */
    ARCHIVE_BLOCK_META_MAX = 4 * 1024 * 1024, /* bytes of a block's columns */
    ARCHIVE_BODY_MAX_BYTES =
        ARCHIVE_BLOCK_MAX_BYTES + ARCHIVE_BLOCK_META_MAX + 64 * 1024, /* compressed, at worst */
    ARCHIVE_WINDOW_BLOCKS_MAX = 4096, /* blocks in one window; many organisations make small ones */
    ARCHIVE_NAME_MAX = 256,           /* bytes of organisation, source, class, host, sender */
    ARCHIVE_HASH_BYTES = 32,          /* BLAKE2b-256, of originals also SHA-256 */
    ARCHIVE_HEADER_MAX_BYTES = 4096,
    ARCHIVE_NOTE_MAX = 2048,               /* bytes of a note's text */
    ARCHIVE_ALERT_MAX_BYTES = 1024 * 1024, /* one encoded alert, opaque here */
    ARCHIVE_POSITION_MAX_BYTES = 4096,
    ARCHIVE_MATCHES_MAX_BYTES = 8 * 1024 * 1024, /* rule matches of one window, opaque here */
};

/* Where a record lies. day: days since 1970-01-01; block counts from 1 within the day, index from 0
 * within the block. */
struct archive_address {
    int32_t day;
    uint32_t block;
    uint32_t index;
};

/* One record as it goes in and comes out. Spans are borrowed. */
struct archive_record {
    struct span organisation;
    struct span source;     /* name in the config */
    struct span class_name; /* what kind of event it is, "windows/process_creation" */
    struct span host;       /* may be empty */
    struct span sender;     /* who brought it: address, file, unit; may be empty */
    time_ns time;
    time_ns received;
    uint32_t flags; /* oddities of receipt that the bytes alone do not show; kept, not read, here */
    uint32_t arrival; /* order within the window it came in; set by the window */
    struct span original;
};

/* Which hash of the originals a block's header holds: digest.h. */
enum archive_digest { ARCHIVE_DIGEST_BLAKE2B = 0, ARCHIVE_DIGEST_SHA256 = 1, ARCHIVE_DIGEST_COUNT };

enum archive_kind {
    ARCHIVE_KIND_BLOCK = 0,
    ARCHIVE_KIND_NOTE = 1,
    ARCHIVE_KIND_ALERTS = 2, /* the alerts of one window: their hash, so that they are chained too */
    ARCHIVE_KIND_PACK = 3, /* records of many small blocks, merged; no link itself: see merge.h */
    ARCHIVE_KIND_COUNT
};

/* One link of the chain. Spans point into what it was decoded from. */
struct archive_header {
    enum archive_kind kind;
    enum archive_digest digest; /* of a block, and of those that a merged one was made of */
    int32_t day; /* of the file it is in */
    uint32_t id;
    struct span organisation, source,
        class_name; /* of a block; a note has its text in `class_name`, alerts their first row */
    uint32_t count; /* records of a block, alerts of a window */
    time_ns time_min, time_max;
    time_ns received_min, received_max;
    uint32_t meta_bytes;      /* columns, unpacked */
    uint32_t originals_bytes; /* originals, unpacked */
    unsigned char
        originals_hash[ARCHIVE_HASH_BYTES]; /* see digest.h; alerts: see archive_alerts_hash */
    unsigned char meta_hash[ARCHIVE_HASH_BYTES];
    unsigned char
        previous[ARCHIVE_HASH_BYTES]; /* hash of the link before; zero for the very first */
};

/* Header bytes as they are hashed and stored. */
void archive_header_encode(struct buf *out, const struct archive_header *h);
int archive_header_decode(struct cursor *c, struct archive_header *out, struct err *e) NODISCARD;
void archive_hash(struct span bytes, unsigned char out[ARCHIVE_HASH_BYTES]);

/* ---- writing: keeper ---- */

struct archive;

struct archive_block_in {
    struct archive_header header; /* day, id and previous are set here, the rest by the packer */
    struct span body;
};

/* An alert on a record of this window, or (placed) on one kept before: the same alert again, with
 * more events folded in. */
struct archive_alert_in {
    bool placed;
    struct archive_address at; /* when placed */
    uint32_t block;            /* else: index into the window's blocks */
    uint32_t index;            /* … and record in that block */
    struct span body;
};

struct archive_position {
    struct span name; /* what is followed */
    struct span value;
};

/* One window: all of it is kept or nothing. (intake, id) makes a repeated window harmless. */
struct archive_window {
    uint64_t intake; /* random number of the intake's start */
    uint64_t id;
    time_ns received;
    const struct archive_block_in *blocks;
    size_t nblocks;
    const struct archive_alert_in *alerts;
    size_t nalerts;
    const struct archive_position *positions;
    size_t npositions;
    struct span matches; /* for correlations, in terms of this window's blocks; empty = none */
};

struct archive_kept {
    int32_t day;
    uint32_t first_block; /* the window's block i is first_block + i */
    bool repeated;        /* it was kept before; nothing was written */
};

/* Opens the folder (made when missing, mode 0700) for one writer. Recovers nothing by itself:
 * SQLite's log does. */
int archive_open(const char *folder, struct archive **out, struct err *e) NODISCARD;
void archive_close(struct archive **a);
/* Durable when it returns 0. ERR_INVALID: the window does not agree with itself; ERR_IO: disk. */
int archive_write(struct archive *a, const struct archive_window *w, struct archive_kept *out,
                  struct err *e) NODISCARD;
/* Ends the days before `today`: the next file is begun, so that nothing comes to theirs any more, whenever it was received and whatever
 * the clock says later. One that holds nothing yet stays. ERR_*: the disk; to be asked again. */
int archive_end_days(struct archive *a, int32_t today, struct err *e) NODISCARD;
/* The day to whose file windows go; the files of those before it get no more. INT32_MIN: none is open. */
int32_t archive_open_day(const struct archive *a);
/* The alerts of `day` up to `row` have been copied to the records; stored with the next window. */
void archive_copied(struct archive *a, int32_t day, uint64_t row);
/* Newest row of the alerts written by the last archive_write; 0 when it wrote none. */
uint64_t archive_last_alert(const struct archive *a);
/*
 * The log of matches that correlations are made of: one row per window that has any, in the order of commit, and ticks,
 * which say that time went on while nothing came. What the correlator has taken into its stored state may go.
 */
struct archive_match_place {
    int32_t day;
    uint64_t row; /* ascending within the day */
};
/* A row without matches. Durable when it returns 0; place_out is where it lies. */
int archive_tick(struct archive *a, time_ns now, struct archive_match_place *place_out, struct err *e) NODISCARD;
/* Rows up to this place are needed no more: they go with the next window. */
void archive_matches_done(struct archive *a, struct archive_match_place upto);
/* Newest position of each followed thing; spans live in scratch. */
int archive_positions(struct archive *a, struct arena *scratch, struct archive_position **out,
                      size_t *count_out, struct err *e) NODISCARD;
/* Deletes day files before `day` and leaves a note of each in the chain. count_out: files deleted.
 */
int archive_retain(struct archive *a, int32_t day, struct span reason, time_ns now,
                   size_t *count_out, struct err *e) NODISCARD;

/* ---- reading: keeper's readers, sereno verify ---- */

struct archive_reader;
int archive_reader_open(const char *folder, struct archive_reader **out, struct err *e) NODISCARD;
void archive_reader_close(struct archive_reader **r);
/* steady: each day is read as it stood when the reader came to it, whatever is written meanwhile. The log of a day that is
 * written cannot be folded in as long, so not for ever. */
void archive_reader_steady(struct archive_reader *r, bool steady);

/* Days that have a file, ascending, in scratch. */
int archive_days(struct archive_reader *r, struct arena *scratch, int32_t **out, size_t *count_out,
                 struct err *e) NODISCARD;
/* Header and packed body of one block in scratch. body.ptr NULL: purged. */
int archive_read_block(struct archive_reader *r, int32_t day, uint32_t block, struct arena *scratch,
                       struct archive_header *header_out, struct span *body_out,
                       struct err *e) NODISCARD;
/* One record in scratch. ERR_NOT_FOUND: no such address; ERR_INVALID: damaged, e names day and
 * block. */
int archive_fetch(struct archive_reader *r, struct archive_address address, struct arena *scratch,
                  struct archive_record *out, struct err *e) NODISCARD;

/* An alert as kept with its window. */
struct archive_alert {
    uint64_t row; /* ascending within the day */
    struct archive_address address;
    struct span body;
};
/* Alerts of one day behind row `after`, at most max, in scratch: for copying them to the records,
 * and again after a crash. */
int archive_alerts(struct archive_reader *r, int32_t day, uint64_t after, size_t max,
                   struct arena *scratch, struct archive_alert **out, size_t *count_out,
                   struct err *e) NODISCARD;

/* Up to which row the alerts of `day` were copied to the records, as far as is known. */
int archive_copied_row(struct archive_reader *r, int32_t day, uint64_t *row_out,
                       struct err *e) NODISCARD;

/* A row of the log of matches. */
struct archive_match {
    struct archive_match_place place;
    uint32_t first_block; /* the window's block i is first_block + i of the same day */
    time_ns received;     /* of the window */
    struct span body;     /* empty: a tick */
};
/* Rows of one day behind row `after`, in scratch: at most max of them, and no more once max_bytes are reached. */
int archive_matches(struct archive_reader *r, int32_t day, uint64_t after, size_t max, size_t max_bytes,
                    struct arena *scratch, struct archive_match **out, size_t *count_out, struct err *e) NODISCARD;
/* Whose block it is, in scratch. ERR_NOT_FOUND: no such block. */
int archive_block_owner(struct archive_reader *r, int32_t day, uint32_t block, struct arena *scratch,
                        struct span *organisation_out, uint32_t *count_out, struct err *e) NODISCARD;

/* The end of the chain as the newest day file has it. ERR_NOT_FOUND: nothing was kept yet. */
struct archive_end {
    int32_t day;
    uint32_t link;
    unsigned char hash[ARCHIVE_HASH_BYTES];
    time_ns received; /* the latest receipt that its newest link speaks of; TIME_NONE: none */
};
int archive_reader_end(struct archive_reader *r, struct archive_end *out, struct err *e) NODISCARD;

struct archive_totals {
    uint64_t days, events, bytes_on_disk;
    int32_t oldest_day; /* -1: empty */
};
/* Adds up all day files; a file that cannot be read counts by its size only. */
int archive_totals(struct archive_reader *r, struct archive_totals *out, struct err *e) NODISCARD;

/* ---- verifying ---- */

struct archive_report {
    uint64_t days, blocks, records, bytes, alerts, notes, purged, bad;
    uint64_t proofs;         /* notes of what was let go whose signature fits */
    uint64_t seals;          /* sealed heads that were found again in the chain, or in a note */
    time_ns sealed_at;       /* of the newest of them; TIME_NONE: none */
    int32_t newest_day;      /* the chain's end */
    uint32_t newest_link;
};
/* What is known from elsewhere of how the archive must end. */
struct archive_witness {
    bool has_newest, has_seal, has_key;
    int32_t newest_day; /* a link that was there, as the records noted it */
    uint32_t newest_link;
    unsigned char newest_hash[ARCHIVE_HASH_BYTES];
    unsigned char seal[ARCHIVE_HASH_BYTES]; /* hash of the last line of seals.jsonl, likewise */
    unsigned char key[32];                  /* public key that seals must carry */
};
struct archive_verify_hooks {
    void *ctx;
    /* Per broken thing: e says which day, block and why. May be NULL, as the next. */
    void (*complain)(void *ctx, const struct err *e);
    /* Before each day's file, of how many. */
    void (*step)(void *ctx, size_t day, size_t days);
};
/* Walks the whole chain, unpacks every body, recomputes every hash, finds every sealed head again. witness may be NULL.
 * 0 = it could be walked; report_out->bad counts faults. */
int archive_verify(struct archive_reader *r, const struct archive_witness *witness,
                   const struct archive_verify_hooks *hooks, struct archive_report *report_out,
                   struct err *e) NODISCARD;

#endif
