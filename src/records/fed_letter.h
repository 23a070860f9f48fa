/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Letters to small members without a node: one for each item and personal link with an address, written in the transaction
 * that keeps the item, so that no death of a process loses one or makes two. Whether it may go, and in which words, the
 * desk decides when it goes; what became of it is told back. Called by the keeper; rows also travel to the desk.
 */
#ifndef RECORDS_FED_LETTER_H
#define RECORDS_FED_LETTER_H

#include "records/fed_item.h"

enum {
    FED_LETTERS_AT_ONCE = 32,            /* that are looked at in one go */
    FED_LETTER_TRIES_MAX = 20,           /* handed to the courier, who tries for ten minutes each time */
    FED_LETTER_PAUSE_S = 60,             /* after the first failure; doubles */
    FED_LETTER_PAUSE_MAX_S = 6 * 3600,
    FED_LETTER_KEPT_DAYS = 90,           /* what became of one */
    FED_LETTER_WHY_MAX = 300,            /* bytes */
};

struct fed_letter {
    struct span item, link; /* ids */
    int64_t version, tries;
};

/* Inside a transaction: an item of a circle of this hub is kept. Letters of its older versions that wait are dropped; another
 * hub's circle has none. */
int fed_letter_queue(struct db *db, struct span circle, struct span item, int64_t version, time_ns now, struct err *e) NODISCARD;

/* One that is due, with what it tells and to whom. */
struct fed_letter_due {
    struct fed_letter letter;
    struct fed_item_row item;
    struct fed_link_page page;
};
/* Those whose time has come, longest waiting first; what became pointless is dropped meanwhile: the link ended, the item is gone
 * or over. A transaction of its own. */
int fed_letters_due(struct db *db, time_ns now, struct arena *arena, struct fed_letter_due **out, size_t *count_out,
                    struct err *e) NODISCARD;

/* What became of one: sent; not yet, to be tried again; never, for the reason. */
enum fed_letter_end { FED_LETTER_SENT, FED_LETTER_AGAIN, FED_LETTER_DROPPED, FED_LETTER_ENDS };
/* Inside a transaction. One that does not wait any more stays as it is. */
int fed_letter_set(struct db *db, const struct fed_letter *letter, enum fed_letter_end end, struct span why, time_ns now,
                   struct err *e) NODISCARD;

/* Ended ones go after FED_LETTER_KEPT_DAYS. */
int fed_letter_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

extern const char fed_letter_sql[];

/* What became of the letters that tell of an item, newest version first: for people. used: when the page behind the link was
 * last opened, 0 = never. */
struct fed_letter_row {
    struct span organisation, person, state, why;
    int64_t version, tries, created, ended, used;
};
enum { FED_LETTERS_SHOWN_MAX = 500 };
int fed_letters_write(struct db *db, struct span item, struct buf *out, struct err *e) NODISCARD; /* u32 n, n fed_letter_row */
void fed_letter_row_decode(struct cursor *c, struct fed_letter_row *out);

#endif
