/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the records keep of looks at persons. Somebody has personal fields shown: who, for which kind or record, why, until when is
 * a row of the audit trail before he sees any of them. Called by the keeper.
 */
#ifndef RECORDS_PRIVACY_H
#define RECORDS_PRIVACY_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "policy/own.h"
#include "policy/record.h"
#include "records/db.h"

enum { PERSONS_WHY_MAX = 500 /* bytes of a reason */, PERSONS_NAME_MAX = 200 };

struct persons_show {
    struct span kind;   /* name of the kind */
    struct span record; /* id; empty = all of the kind */
    struct span organisation, who, why;
    time_ns until;
};

void persons_show_encode(struct buf *out, const struct persons_show *s);
void persons_show_decode(struct cursor *c, struct persons_show *out);

/* Notes it. ERR_NOT_FOUND: no record of that id in the scope; ERR_INVALID: no reason. */
int persons_show_note(struct db *db, const struct record_scope *scope, const struct persons_show *s, time_ns now, struct arena *a, struct err *e) NODISCARD;

/* A search that names a person: where (alerts, a kind's plural), for what. A hunt notes its own (records/hunts.h). */
struct persons_search {
    struct span where, terms;
    struct span organisation, who, why; /* why may be empty: who keeps the registers works by names */
};

void persons_search_encode(struct buf *out, const struct persons_search *s);
void persons_search_decode(struct cursor *c, struct persons_search *out);
/* ERR_INVALID. */
int persons_search_note(struct db *db, const struct persons_search *s, time_ns now, struct err *e) NODISCARD;

enum {
    PERSONS_TERMS_MAX = 500,  /* bytes of what was looked for */
    PERSONS_LOG_MAX = 200,    /* rows of one page */
    PERSONS_LOG_SCAN = 50000, /* rows of the trail that one page walks over at most */
};

/* A row of the trail about looks at persons. */
struct persons_look {
    int64_t seq; /* its place in the trail */
    time_ns at;
    struct span organisation, who;
    struct span what;    /* persons.shown, persons.searched */
    struct span subject; /* the record or kind shown; where was searched: alerts, a register, the id of a hunt */
    struct span why, detail;
};

void persons_look_encode(struct buf *out, const struct persons_look *l);
void persons_look_decode(struct cursor *c, struct persons_look *out);
/*
 * Newest first, before the place, of accounts of these organisations. *next_out: where the next page begins, 0 = there is nothing more; a page may
 * be empty and go on, since it walks over a bounded piece of the trail.
 */
int persons_log(struct db *db, const struct policy_places *places, int64_t before, uint32_t limit, struct arena *a, struct persons_look **out, uint32_t *count_out,
                int64_t *next_out, struct err *e) NODISCARD;

#endif
