/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to archive/: notes of what went, shared by retention.c, purge.c and verify. */
#ifndef ARCHIVE_PURGE_PRIV_H
#define ARCHIVE_PURGE_PRIV_H

#include <sodium.h>

#include "archive/purge.h"
#include "archive/stretch.h"

enum {
    PURGE_STUB_MAX = 64 << 20, /* bytes of the headers of one unit, unpacked */
    NOTE_TAIL_MAX = 480,       /* bytes of what purge_note_put adds */
};

/* What went, row by row in the order of their ids. */
struct purge_sum {
    int32_t day;
    struct span organisation, source;
    uint64_t rows, records, bytes;
    time_ns from, to; /* receipt */
    crypto_generichash_state digest;
};
void purge_sum_begin(struct purge_sum *s, int32_t day, struct span organisation, struct span source);
void purge_sum_add(struct purge_sum *s, uint32_t id, const unsigned char hash[ARCHIVE_HASH_BYTES],
                   const struct archive_header *h);
/* "purged DAY …": all that a proof says of what went, in one way of writing it. */
void purge_sum_text(const struct purge_sum *s, struct buf *out);

/* A link with this text, the head before it, and (with a signer) key and signature behind. One whose text begins with
 * `about` (a whole note up to a blank) is enough. Inside no transaction. */
int purge_note_put(struct archive *a, struct span about, struct span text, time_ns now,
                   struct err *e) NODISCARD;
enum purge_note_state { NOTE_UNSIGNED, NOTE_SIGNED, NOTE_FORGED };
/* Whether the signature in a note fits. key_out: by which key. */
enum purge_note_state purge_note_check(struct span text, unsigned char key_out[SEAL_KEY_BYTES]);

/*
 * Whether a proof is written in this day whose originals are not gone yet. Until they are, the day is not merged: a proof names rows, and
 * merging would make others of them.
 */
int purge_under_way(sqlite3 *db, bool *out, struct err *e) NODISCARD;

/* The day's file goes, after its note. retention.c */
int retention_drop_day(struct archive *a, int32_t day, struct span reason, time_ns now, struct err *e) NODISCARD;

/* A file and what SQLite keeps beside it: without a note, so only where nothing is in it. */
int retention_delete_day(const char *path, struct err *e) NODISCARD;

/* Headers of the links that a unit holds, packed. */
int purge_stub_make(sqlite3 *db, const struct stretch_unit *unit, struct buf *out, struct err *e) NODISCARD;
typedef int purge_stub_link(void *ctx, const struct archive_header *h, struct err *e);
/* Each of them again, in the order of their ids; previous is zero. Spans live in arena. */
int purge_stub_read(sqlite3 *db, uint32_t pack, struct arena *arena, purge_stub_link *visit, void *ctx,
                    struct err *e) NODISCARD;

#endif
