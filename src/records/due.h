/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records on which something is due, over all kinds, the first day first: along the key due_day (registers/register_due.h), which
 * a record has only where its state lets the day count. Called by the keeper; the codecs also by the desk.
 *
 * Whose a record is (x-owner): of the person that its link leads to, if that person has an account that may sign in: himself, the officer of a
 * unit, the holder of a signed appointment that is not over. Else of the account whose name stands in its text, and of its author.
 */
#ifndef RECORDS_DUE_H
#define RECORDS_DUE_H

#include "records/registers/record_row.h"
#include "records/registers/register_due.h"

enum { DUE_PAGE_MAX = 200 /* records of one page */ };

struct due_kind {
    struct record_scope scope; /* of its reader */
    struct span kind;
    struct span link, link_kind; /* field that names the owner, and what it names; empty = none that he sees */
    struct span text;            /* field that holds the name of one; empty = none that he sees */
};

struct due_query {
    struct span to;              /* the last day that is asked for */
    struct span user, name;      /* account of the reader */
    struct span moment;          /* now, in whole seconds, as keys of times have it */
    bool mine;                   /* only what is his */
    struct record_sight sight;   /* his, by links to owners alone */
    struct span after, after_id; /* day and id of the last one of the page before; id empty = from the start */
    uint32_t limit;              /* 1 to DUE_PAGE_MAX */
    uint32_t nkinds;
    struct due_kind kinds[REGISTER_KINDS_MAX];
};

struct due_row {
    struct span day;
    bool mine;             /* the reader's */
    struct record_row row; /* with the link to its owner, where he may read that */
};

struct due_page {
    bool more;
    uint32_t nrows;
    struct due_row *rows;
};

int due_list(struct db *db, const struct due_query *q, struct arena *a, struct due_page *out, struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void due_query_encode(struct buf *out, const struct due_query *q);
void due_query_decode(struct cursor *c, struct due_query *out);
void due_row_encode(struct buf *out, const struct due_row *r);
void due_row_decode(struct cursor *c, struct due_row *out);

#endif
