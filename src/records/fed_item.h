/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items as this node keeps them (docs/FEDERATION.md §6): content and label of the newest version, who
 * read which version, what became of what was sent, and the personal links of small members without
 * a node. Called by the keeper; rows also travel to the desk. What may follow on what is decided
 * above (desk/federation/item.h); here is only where it lies.
 */
#ifndef RECORDS_FED_ITEM_H
#define RECORDS_FED_ITEM_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "records/db.h"

enum {
    FED_ITEMS_PAGE_MAX = 200,       /* rows of one answer */
    FED_ITEM_NOTES_MAX = 1000,      /* reads, receipts or changes of one item that are shown */
    FED_LINK_PAGES_MAX = 2000,      /* live links of one node */
    FED_READ_KEPT_DAYS = 400,       /* a year and the time to look back on it */
    FED_LINK_PAGE_DAYS_MAX = 366,   /* life of a link */
    FED_LINK_PAGE_KEPT_DAYS = 30,   /* after it ended */
    FED_ITEM_OVER_DAYS = 1,         /* another's item goes so long after its end */
    FED_ITEM_STONE_DAYS = 5 * 366 + 1, /* what was taken back is known by its id as long as an envelope can live */
};

/*
 * state: "current", "tightened" (its label was), "retracted" (content gone), "quarantined".
 * body: the text. person: who wrote it here (mine). audience, derived: JSON. bare: content never
 * came. sent: nodes it went to.
 */
#define FED_ITEM_SPANS(X)                                                                          \
    X(id) X(organisation) X(circle) X(author) X(author_org) X(person) X(kind) X(title) X(body)     \
        X(of_item) X(derived) X(tlp) X(pap) X(audience) X(envelope) X(state) X(reason)
#define FED_ITEM_NUMBERS(X)                                                                        \
    X(version) X(chr) X(epoch) X(created) X(expires) X(received) X(mine) X(bare) X(sent)
struct fed_item_row {
#define X(name) struct span name;
    FED_ITEM_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_ITEM_NUMBERS(X)
#undef X
};

void fed_item_encode(struct buf *out, const struct fed_item_row *row);
/* Spans point into the cursor. Sets c->failed. */
void fed_item_decode(struct cursor *c, struct fed_item_row *out);

/* What a person does to an item of his own (ASK_ITEM_SEND). */
enum fed_item_change { FED_ITEM_CHANGE_PUT, FED_ITEM_CHANGE_TIGHTEN, FED_ITEM_CHANGE_RETRACT, FED_ITEM_CHANGE_COUNT };

/* ERR_NOT_FOUND. Texts are the arena's. */
int fed_item_get(struct db *db, struct span id, struct arena *arena, struct fed_item_row *out,
                 struct err *e) NODISCARD;
/* Inside a transaction: puts the row in the place of the one with the same id. */
int fed_item_put(struct db *db, const struct fed_item_row *row, struct err *e) NODISCARD;
/* Inside a transaction: content goes; id, author, version, envelope and times stay. */
int fed_item_empty(struct db *db, struct span id, struct span reason, struct err *e) NODISCARD;

struct fed_item_query {
    struct span organisation; /* whose circles; "*" = the whole node */
    struct span words;        /* in title or text; empty = all */
    struct span circle;       /* empty = all */
    int64_t before;           /* received earlier than … */
    struct span before_id;    /* … or at the same time, with a smaller id; "" = from the newest */
    uint32_t limit;
};
/* Newest first, bare ones left out. *more_out: there are older ones. */
int fed_item_list(struct db *db, const struct fed_item_query *q, struct arena *arena,
                  struct fed_item_row **rows_out, size_t *count_out, bool *more_out,
                  struct err *e) NODISCARD;

/* What is noted about an item: kind "read" (what = version), "receipt" (who = node), "change". */
struct fed_item_note {
    struct span item, kind, who, what, why;
    int64_t at;
};
/* Inside a transaction. A receipt replaces the one of the same node. */
int fed_item_note_put(struct db *db, const struct fed_item_note *n, struct err *e) NODISCARD;
/* Oldest first, of one kind. */
int fed_item_notes(struct db *db, struct span item, struct span kind, struct arena *arena,
                   struct fed_item_note **out, size_t *count_out, struct err *e) NODISCARD;
/* How many nodes gave a receipt, and how many of these removed the content. */
int fed_item_receipts(struct db *db, struct span item, int64_t *received_out, int64_t *removed_out,
                      struct err *e) NODISCARD;
/*
 * What officers of this hub took back: a note of kind "stone" (what = id of the tombstone's envelope, why = its reason), and what
 * members answered to it. Writes u32 n, n of str item, str circle, str reason, u64 at, u64 sent, u64 removed; newest first.
 */
enum { FED_STONES_SHOWN_MAX = 200 };
int fed_stones_write(struct db *db, struct buf *out, struct err *e) NODISCARD;
/* Whether this envelope is such a tombstone of this item. */
int fed_stone_is(struct db *db, struct span item, struct span envelope, bool *out, struct err *e) NODISCARD;
/* What is over goes, in a transaction of its own: others' items after their end, this node's own after FED_READ_KEPT_DAYS more;
 * reads after FED_READ_KEPT_DAYS; ids of what was taken back once nothing can bring it again; links that ended. */
int fed_item_sweep(struct db *db, time_ns now, struct err *e) NODISCARD;

/* A personal link of somebody whose organisation has no node. language: of letters, and of the page; empty: as the browser asks. hash: of the token; organisation: of the
 * member as the circle calls it; account: of this node's organisation. */
#define FED_LINK_PAGE_SPANS(X)                                                                     \
    X(id) X(hash) X(account) X(circle) X(organisation) X(person) X(mail) X(created_by)             \
        X(revoked_by) X(language)
#define FED_LINK_PAGE_NUMBERS(X) X(created) X(expires) X(revoked) X(last_used) X(nda)
struct fed_link_page {
#define X(name) struct span name;
    FED_LINK_PAGE_SPANS(X)
#undef X
#define X(name) int64_t name;
    FED_LINK_PAGE_NUMBERS(X)
#undef X
};
void fed_link_page_encode(struct buf *out, const struct fed_link_page *row);
void fed_link_page_decode(struct cursor *c, struct fed_link_page *out);
/* A transaction of its own, with its audit row. ERR_LIMIT. */
int fed_link_page_create(struct db *db, const struct fed_link_page *row, struct err *e) NODISCARD;
/* At once. ERR_NOT_FOUND: none such, or revoked already. */
int fed_link_page_revoke(struct db *db, struct span account, struct span id, struct span who,
                         time_ns now, struct err *e) NODISCARD;
/* By its token's hash, if it lives now; notes that it was used. ERR_DENIED whatever the reason. */
int fed_link_page_find(struct db *db, struct span hash, time_ns now, struct arena *arena,
                       struct fed_link_page *out, struct err *e) NODISCARD;
/* ERR_NOT_FOUND. */
int fed_link_page_get(struct db *db, struct span id, struct arena *arena, struct fed_link_page *out,
                      struct err *e) NODISCARD;
/* Those not revoked, oldest first. */
int fed_link_page_list(struct db *db, struct span account, struct arena *arena,
                       struct fed_link_page **out, size_t *count_out, struct err *e) NODISCARD;

extern const char fed_item_sql[];

#endif
