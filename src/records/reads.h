/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who read what of sensitive records: a row for each request, kind and organisation, with the ids of the first records and how many there
 * were. Rows are proved (proof.h), and go after READS_KEPT_DAYS. Called by the keeper, which writes what came in a second in one transaction.
 */
#ifndef RECORDS_READS_H
#define RECORDS_READS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"
#include "records/places.h"

enum {
    READS_IDS_MAX = 20,       /* records that a row names; all are counted */
    READS_ID_MAX = 64,        /* bytes of an id */
    READS_GROUPS_MAX = 32,    /* rows of one request */
    READS_KEPT_DAYS = 400,    /* as reads of items that others shared in confidence */
    READS_PAGE_MAX = 200,     /* rows of one page */
    READS_SCAN_MAX = 20000,   /* rows that one page walks over at most */
    READS_WAIT_MAX = 1 << 20, /* bytes that wait to be written; more are refused, and so is what was to be read */
};

struct read_note {
    int64_t number; /* of the row, in the order in which they came; 0 = not stored yet */
    time_ns at;
    struct span organisation; /* whose records; "*" = of more organisations than one request tells apart */
    struct span who;          /* account */
    struct span kind;
    struct span way;          /* list, search, record, history, export, change, brief */
    struct span why;          /* where he gave a reason to have persons shown */
    struct span ids;          /* with blanks between, at most READS_IDS_MAX */
    uint64_t count;
    bool persons, red;        /* personal fields were open in one; one is RED */
};

void read_note_encode(struct buf *out, const struct read_note *n);
/* Spans point into the cursor's bytes. More than its bounds: c->failed. */
void read_note_decode(struct cursor *c, struct read_note *out);

/* Stores it under the next number. Inside a transaction. */
int reads_put(struct db *db, const struct read_note *n, struct err *e) NODISCARD;
/* Newest first, before the number (0 = from the newest on), of records of these places; *next_out: where the next page begins, 0 = there is nothing
 * more; a page may be empty and go on. */
int reads_page(struct db *db, const struct policy_places *places, int64_t before, uint32_t limit, struct arena *a, struct read_note **out,
               uint32_t *count_out, int64_t *next_out, struct err *e) NODISCARD;
/* Those whose days are over go. */
int reads_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

extern const char reads_sql[]; /* its table, for migrations.c */

#endif
