/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What happened to a record, read from the audit trail: each change with the record as it was before and after. Called by the
 * keeper; the codecs also by the desk, which decides about each of the two by their own label and by field
 * (desk/govern/history.h). A record outside of the reader's scope has no history.
 */
#ifndef RECORDS_REGISTERS_RECORD_HISTORY_H
#define RECORDS_REGISTERS_RECORD_HISTORY_H

#include "records/registers/record_row.h"

enum {
    RECORD_HISTORY_PAGE_MAX = 50, /* changes of one answer: two records of 15,000 bytes each, with their links */
    RECORD_WHAT_MAX = 64,         /* bytes of the word for what was done */
};

/* One change. */
struct record_past {
    int64_t number; /* from 1, in the order in which they were done */
    time_ns at;
    struct span who, what, why; /* as record_put had them */
    bool had;                   /* there is a before; else the record was made by it */
    bool erased;                /* what it said of a person is kept no more (record_seal.h) */
    /* Of the record today but for fields, state and tlp; links: records that it named then and that the reader may read now. */
    struct record_row before, after;
};

struct record_story {
    bool more; /* there are older ones than the last */
    uint32_t count;
    struct record_past *past; /* newest first */
};

/*
 * The changes of a record up to number `last` (0: from the newest on), at most `limit` of them (1 to RECORD_HISTORY_PAGE_MAX). A
 * record made anew under an old id begins anew. kinds: to know which fields name records. ERR_NOT_FOUND: not there, of another
 * kind, or not for him. Texts live in a.
 */
int record_history(struct db *db, const struct record_scope *scope, const struct record_sight *sight, const struct registers *kinds,
                   struct span kind, struct span id, int64_t last, uint32_t limit, struct arena *a, struct record_story *out,
                   struct err *e) NODISCARD;

/* As messages; what is read points into the cursor's bytes, and c->failed tells of anything out of its bounds. */
void record_past_encode(struct buf *out, const struct record_past *p);
void record_past_decode(struct cursor *c, struct record_past *out);

extern const char record_history_sql[]; /* an index, for migrations.c */

#endif
