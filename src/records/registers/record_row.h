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
#include "wire/jcs.h"

enum {
    RECORD_FILTERS_MAX = 8,    /* of one list */
    RECORD_PAGE_MAX = 200,     /* records of one page */
    RECORD_COUNT_MAX = 1000,   /* counted exactly up to here */
    RECORD_ID_MAX = 64,        /* bytes of an id or account id */
    RECORD_WHY_MAX = 1000,     /* bytes of a reason */
    RECORD_ORGANISATION_MAX = 256,
    RECORD_TITLE_MAX = 4 * REGISTER_TEXT_MAX,
    RECORD_CHAIN_DEPTH = 12,   /* links from one record to another */
    RECORD_CHAIN_MAX = 2000,   /* links of one answer */
};

#define RECORD_VERSION_MAX JCS_INT_MAX /* a version is told as JSON, and one more is counted on it */

struct record_row {
    struct span id, kind, organisation;
    struct span author;      /* account */
    struct span author_name; /* as it was called then */
    struct span state, title;
    struct span fields; /* canonical JSON */
    struct span links;  /* of an answer: records that it names and that the reader may read (record_link_decode, to the end) */
    enum tlp tlp;
    time_ns created, changed;
    int64_t version; /* from 1, by one with each change, to RECORD_VERSION_MAX; 0 = not stored */
};

/* A field that names records of another kind, as a question has it. */
struct record_way {
    struct span kind, field;
};

/* Which records of all kinds a reader may read, and which fields that lead from one to another he sees. */
struct record_sight {
    struct record_scope scope; /* in the kinds below */
    uint32_t nkinds, nways;
    const struct registers *files; /* in the keeper: whose computed fields look at other records; NULL = none do; never sent */
    struct span kinds[REGISTER_KINDS_MAX];
    struct record_way ways[REGISTER_REFS_MAX];
};

/* A record that another one names. */
struct record_link {
    struct span field; /* of the one that names it */
    struct span kind, id, title, state;
    uint32_t nlooked;                       /* as many as the kind of the one that names it has looks, or 0: not looked at */
    struct span looked[REGISTER_LOOKS_MAX]; /* by their place: its key, empty where it has none or another field leads there */
};

/* What a record that is stored names. */
struct record_to {
    struct span field, kind, id;
    bool kept; /* it stood there before and its writer does not see it: not asked for */
};

/* What of a constraint would not hold: BESIDE another record; a SUM that is too much; a tree in which it would stand below itself (LOOP),
 * or that has too many levels (DEEP). */
enum record_breach_how { BREACH_BESIDE, BREACH_SUM, BREACH_LOOP, BREACH_DEEP, BREACH_COUNT };

/* A constraint that would not hold (record_constraint.h), and the record with which. */
struct record_breach {
    bool there;
    enum record_breach_how how; /* text: SUM: how much it may be; DEEP: how many levels; else the title of the other record */
    char name[REGISTER_NAME_MAX + 1], field[REGISTER_NAME_MAX + 1]; /* of the constraint, and of what is to be changed */
    char id[RECORD_ID_MAX + 1], text[RECORD_TITLE_MAX + 1];
};

/* Links of a record that lead to nothing its writer can read, by their place in record_put; else what it runs into. */
struct record_astray {
    uint32_t count;
    uint32_t place[REGISTER_LINKS_MAX];
    struct record_breach breach;
};

/* What goes into the tables in one transaction, with its line in the audit trail. */
struct record_put {
    struct record_row row;  /* as it shall be; version 1 = a new one, else it replaces version - 1 */
    struct record_scope scope; /* of who does it: what is replaced must be in it */
    struct span who, why, what; /* what: "record.created", "record.changed", "record.moved" */
    uint32_t nkeys;
    struct record_key keys[REGISTER_KEYS_MAX];
    struct record_sight sight; /* his, over all kinds */
    uint32_t nlinks;
    struct record_to links[REGISTER_LINKS_MAX];
    const struct registers *kinds; /* whose constraints must hold, in the keeper; NULL = none are asked; never sent */
    const struct registers *sealed_by; /* whose personal fields the trail has marks of alone, in the keeper; NULL = of none; never sent */
};

enum record_compare { RECORD_EQUAL, RECORD_FROM, RECORD_TO };

struct record_filter {
    struct span field;
    struct span value;
    enum record_compare how;
    struct span target; /* kind of the record that the field names, value its id; empty = the field names none */
};

struct record_query {
    struct record_scope scope;
    struct span kind;
    struct span sort; /* a key */
    bool descending;
    uint32_t limit;              /* 1 to RECORD_PAGE_MAX */
    struct span after, after_id; /* key and id of the last one of the page before; id empty = from the start */
    struct record_sight sight; /* only records that he may read are told as links */
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

/* What names a record, by one field of one kind. */
struct record_named {
    struct record_way way;
    int64_t count; /* at most RECORD_COUNT_MAX, then uncounted */
    bool uncounted;
};

/* A record of a chain, and the link that leads to it. */
struct record_step {
    struct span id, kind, title, state;
    struct span next, field; /* the record one nearer to the first, and the field between them; both empty for the first */
    uint32_t depth;          /* links to the first, by the shortest way on which this link lies */
};

/*
 * Stores; ERR_EXISTS: it was changed meanwhile (or the id is taken). ERR_NOT_FOUND: not there, or not for him. With
 * astray->count > 0, or with astray->breach.there, nothing was stored either, and what is returned is ERR_INVALID.
 */
int record_put(struct db *db, const struct record_put *p, struct record_astray *astray, struct err *e) NODISCARD;
/* ERR_NOT_FOUND: not there, of another kind, or not for him. Texts live in a. */
int record_get(struct db *db, const struct record_scope *scope, struct span kind, struct span id, struct arena *a,
               struct record_row *out, struct err *e) NODISCARD;
int record_list(struct db *db, const struct record_query *q, struct arena *a, struct record_page *out, struct err *e) NODISCARD;
/* row->links of each row: those that the sight shows, with what the computed fields of its kind look at (REGISTER_LOOKED_MAX bytes for each row; of what is
 * beyond that nothing is told). */
int record_links_read(struct db *db, const struct record_sight *s, struct arena *a, struct record_row *rows, uint32_t count, struct err *e)
    NODISCARD;
/* How many records name this one, by each way of the sight; out has room for REGISTER_REFS_MAX. */
int record_named_by(struct db *db, const struct record_sight *s, struct span id, struct record_named *out, struct err *e) NODISCARD;
/*
 * What stands on a record (up: it is named along the ways of the sight), or what it stands on, over any number of records
 * between; each of them must be in the sight, else the chain ends before it. The first step is the record itself;
 * *count_out 0: it is not there, or not for him. *more_out: the answer was cut.
 */
int record_chain(struct db *db, const struct record_sight *s, struct span kind, struct span id, bool up, struct arena *a,
                 struct record_step **out, uint32_t *count_out, bool *more_out, struct err *e) NODISCARD;
/* Makes the keys of each kind anew whose lists know other fields than before: at start. */
int record_keys_renew(struct db *db, const struct registers *kinds, time_ns now, struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void record_row_encode(struct buf *out, const struct record_row *r);
void record_row_decode(struct cursor *c, struct record_row *out);
void record_sight_encode(struct buf *out, const struct record_sight *s);
void record_sight_decode(struct cursor *c, struct record_sight *out);
void record_link_encode(struct buf *out, const struct record_link *l);
void record_link_decode(struct cursor *c, struct record_link *out);
void record_step_encode(struct buf *out, const struct record_step *s);
void record_step_decode(struct cursor *c, struct record_step *out);
void record_put_encode(struct buf *out, const struct record_put *p);
void record_put_decode(struct cursor *c, struct record_put *out);
/* What of a put differs from record to record of one import: row, what, keys, links. Decoded, the rest of it is empty. */
void record_part_encode(struct buf *out, const struct record_put *p);
void record_part_decode(struct cursor *c, struct record_put *out);
void record_query_encode(struct buf *out, const struct record_query *q);
void record_query_decode(struct cursor *c, struct record_query *out);
/* As an answer: whether there is one, and which; decoded texts are cut to their bounds. */
void record_breach_encode(struct buf *out, const struct record_breach *b);
void record_breach_decode(struct cursor *c, struct record_breach *out);
void record_scope_encode(struct buf *out, const struct record_scope *s);
void record_scope_decode(struct cursor *c, struct record_scope *out);

extern const char record_sql[], record_link_sql[], record_key_sql[], record_sight_sql[]; /* its tables, for migrations.c */

#endif
