/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records as they are stored and sent: one table for all kinds, and beside it their keys, so that a list is filtered, sorted
 * and paged by any of them with an index. Fields are one canonical JSON text. Called by the keeper; the codecs also by the
 * desk. Every question carries the scope of its reader (policy/record.h), which becomes part of its WHERE clause: a record
 * outside of it is as if it were not there.
 */
#ifndef RECORDS_REGISTERS_RECORD_ROW_H
#define RECORDS_REGISTERS_RECORD_ROW_H

#include "base/buf.h"
#include "records/db.h"
#include "records/registers/register.h"

enum {
    RECORD_FILTERS_MAX = 8,    /* of one list */
    RECORD_PAGE_MAX = 200,     /* records of one page */
    RECORD_COUNT_MAX = 1000,   /* counted exactly up to here */
    RECORD_ID_MAX = 64,        /* bytes of an id or account id */
    RECORD_WHY_MAX = 1000,     /* bytes of a reason */
    RECORD_ORGANISATION_MAX = 256,
};

struct record_row {
    struct span id, kind, organisation;
    struct span author;      /* account */
    struct span author_name; /* as it was called then */
    struct span state;
    struct span fields; /* canonical JSON */
    enum tlp tlp;
    time_ns created, changed;
    int64_t version; /* from 1, by one with each change */
};

/* What goes into the tables in one transaction, with its line in the audit trail. */
struct record_put {
    struct record_row row;  /* as it shall be; version 1 = a new one, else it replaces version - 1 */
    struct record_scope scope; /* of who does it: what is replaced must be in it */
    struct span who, why, what; /* what: "record.created", "record.changed", "record.moved" */
    uint32_t nkeys;
    struct record_key keys[REGISTER_KEYS_MAX];
};

enum record_compare { RECORD_EQUAL, RECORD_FROM, RECORD_TO };

struct record_filter {
    struct span field;
    struct span value;
    enum record_compare how;
};

struct record_query {
    struct record_scope scope;
    struct span kind;
    struct span sort; /* a key */
    bool descending;
    uint32_t limit;              /* 1 to RECORD_PAGE_MAX */
    struct span after, after_id; /* key and id of the last one of the page before; id empty = from the start */
    uint32_t nfilters;
    struct record_filter filters[RECORD_FILTERS_MAX];
};

struct record_page {
    int64_t count; /* all that fit, at most RECORD_COUNT_MAX */
    bool uncounted; /* there are more than that */
    bool more;
    struct span last; /* key of the last row */
    uint32_t nrows;
    struct record_row *rows;
};

/* Stores; ERR_EXISTS: it was changed meanwhile (or the id is taken). ERR_NOT_FOUND: not there, or not for him. */
int record_put(struct db *db, const struct record_put *p, struct err *e) NODISCARD;
/* ERR_NOT_FOUND: not there, of another kind, or not for him. Texts live in a. */
int record_get(struct db *db, const struct record_scope *scope, struct span kind, struct span id, struct arena *a,
               struct record_row *out, struct err *e) NODISCARD;
int record_list(struct db *db, const struct record_query *q, struct arena *a, struct record_page *out, struct err *e) NODISCARD;
/* Makes the keys of each kind anew whose lists know other fields than before: at start. */
int record_keys_renew(struct db *db, const struct registers *kinds, time_ns now, struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void record_row_encode(struct buf *out, const struct record_row *r);
void record_row_decode(struct cursor *c, struct record_row *out);
void record_put_encode(struct buf *out, const struct record_put *p);
void record_put_decode(struct cursor *c, struct record_put *out);
void record_query_encode(struct buf *out, const struct record_query *q);
void record_query_decode(struct cursor *c, struct record_query *out);
void record_scope_encode(struct buf *out, const struct record_scope *s);
void record_scope_decode(struct cursor *c, struct record_scope *out);

extern const char record_sql[]; /* its tables, for migrations.c */

#endif
