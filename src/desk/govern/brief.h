/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The brief for the council: which records it counts and which it names. Each figure is of one state of one kind, and its address
 * opens the list of exactly those. A figure of a kind that is off, or that the reader may not read, is none. RED is never in it. Pure.
 */
#ifndef DESK_GOVERN_BRIEF_H
#define DESK_GOVERN_BRIEF_H

#include "desk/govern/record.h"
#include "desk/words/words.h"
#include "records/briefs.h"
#include "records/today.h"

enum { BRIEF_FIGURES_MAX = 8, BRIEF_ROWS_MAX = 10 /* of one table */ };

struct brief_figure {
    enum word word;
    uint32_t place; /* among the figures of the brief */
    struct span href; /* the list that it counted */
    struct today_due due;
    struct today_count count; /* once the keeper has told */
};

/* Fills out, which has room for BRIEF_FIGURES_MAX; returns how many. Texts live in a. */
uint32_t brief_figures(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct arena *a, struct brief_figure *out);

/* What the brief names, newest first. */
enum brief_table { BRIEF_ASKED, BRIEF_DECIDED, BRIEF_TABLE_COUNT };

struct brief_row {
    struct span title, href;
    struct span cells[3]; /* of a question: money, consequence, nothing; of a decision: body, day, item */
    enum word decision;   /* of a decision; WORD_COUNT = none stands there */
    enum tlp tlp;
    struct span id, kind;
    int64_t version;
    unsigned char hash[BRIEF_HASH_BYTES]; /* records/briefs.h */
};

/* Its fields in cells, and the one that titles it; what the reader does not see there is empty, or the id. */
void brief_row_hide(const struct register_kind *k, enum brief_table t, uint64_t hidden, struct brief_row *row);
/* Whose records a table names. */
struct span brief_table_kind(enum brief_table t);
/* The question for a table's records; false: there is none for this reader. */
bool brief_query(const struct registers *kinds, const struct policy_reader *reader, time_ns now, enum brief_table t, struct record_query *out);
/* A record as the brief has it; false: it is not for him, or RED. Texts live in a. */
bool brief_row(const struct record_worker *w, enum brief_table t, const struct record_row *row, struct arena *a, struct brief_row *out);

#endif
