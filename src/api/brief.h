/* SPDX-License-Identifier: EUPL-1.2 */
/* The brief for the council as a page; the files of api/ and the tests of the policy only. */
#ifndef API_BRIEF_H
#define API_BRIEF_H

#include "desk/govern/brief.h"

struct brief {
    const struct words *words; /* of a language that a person has read through */
    struct span node;
    time_ns at;
    uint32_t nfigures;
    struct brief_figure figures[BRIEF_FIGURES_MAX];
    bool shown[BRIEF_TABLE_COUNT]; /* else it is not for this reader */
    uint32_t nrows[BRIEF_TABLE_COUNT];
    struct brief_row rows[BRIEF_TABLE_COUNT][BRIEF_ROWS_MAX];
};

/* Rows of a table from the keeper's answer to ASK_RECORDS, each only when policy shows it. False: the answer is broken. */
bool brief_rows_take(struct brief *b, enum brief_table t, const struct record_worker *w, struct arena *a, struct cursor *data);
/* Fills a buf that it initialises; the caller frees it. */
void brief_page(struct buf *b, const struct brief *p);

#endif
