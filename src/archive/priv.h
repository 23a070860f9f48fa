/* SPDX-License-Identifier: EUPL-1.2 */
/* Private to archive/: the writer's state, shared by archive.c and retention.c. */
#ifndef ARCHIVE_PRIV_H
#define ARCHIVE_PRIV_H

#include <sodium.h>

#include "archive/db.h"
#include "archive/seal.h"

struct archive {
    char *folder;
    sqlite3 *db; /* NULL until a first window */
    int32_t day; /* of db */
    uint32_t next_id;
    unsigned char chain[ARCHIVE_HASH_BYTES]; /* hash of the newest link */
    sqlite3_stmt *put_block, *put_window, *put_alert, *put_position, *find_window, *put_matches;
    struct buf header;
    int32_t copied_day; /* told by archive_copied, not yet stored */
    uint64_t copied_row;
    uint64_t last_alert;
    const struct seal_key *signer; /* of notes; borrowed, may be NULL */
    struct archive_match_place matches_done; /* told by archive_matches_done; row 0 = nothing to do */
};

/* Makes `day`'s file the open one, unless a newer one is. */
int archive_use_day(struct archive *a, int32_t day, struct err *e) NODISCARD;
/* Appends one link inside the caller's transaction. The chain must be put back by the caller when
 * it rolls back. */
int archive_put_link(struct archive *a, const struct archive_header *h, struct span body,
                     struct err *e) NODISCARD;
/* Days that have a file in folder, ascending. */
int archive_list_days(const char *folder, struct arena *scratch, int32_t **out, size_t *count_out,
                      struct err *e) NODISCARD;
/* Lives as long as the reader. */
const char *archive_reader_folder(const struct archive_reader *r);
/* Borrowed connection to one day, until the reader goes to another. */
int archive_reader_day(struct archive_reader *r, int32_t day, sqlite3 **out,
                       struct err *e) NODISCARD;

/* Hash over (i32 day, u32 block, u32 index, u32 length, bytes) of each alert of a window, in the order of their rows. */
void archive_alerts_hash_begin(crypto_generichash_state *s);
void archive_alerts_hash_add(crypto_generichash_state *s, struct archive_address at, struct span body);
void archive_alerts_hash_end(crypto_generichash_state *s, unsigned char out[ARCHIVE_HASH_BYTES]);

#endif
