/* SPDX-License-Identifier: EUPL-1.2 */
/* A page of a log that only grows at its end, newest first, of those rows that a reader may see. Called by reads.c and privacy.c. */
#ifndef RECORDS_LOG_PAGE_H
#define RECORDS_LOG_PAGE_H

#include "base/arena.h"
#include "records/db.h"
#include "records/places.h"

struct log_page {
    const char *newest; /* asks for the largest number, 0 = there is none */
    const char *rows;   /* those with numbers below $1 and from $2 on, newest first; columns 0 and 2 are the number and the organisation */
    int64_t scan;       /* numbers that one page walks over at most */
    void (*take)(struct db_stmt *s, struct arena *a, void *to); /* one row */
    size_t size;        /* bytes of *to */
};

/*
 * Rows before the number (0 = from the newest on), of organisations of these places. *out: an array in a, of rows as take makes them. *next_out: where
 * the next page begins, 0 = there is nothing more; a page may be empty and go on.
 */
int log_page_read(struct db *db, const struct log_page *of, const struct policy_places *places, int64_t before, uint32_t limit, struct arena *a, void **out,
                  uint32_t *count_out, int64_t *next_out, struct err *e) NODISCARD;

#endif
