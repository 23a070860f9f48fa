/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which records of a kind fit the filters of a list and are in its reader's sight. Used by record_list.c; runs in the keeper.
 *
 * What has one value stands in the order of ids in an index, and so does what a reader may read: these are gone along side by side, each
 * skipping to where another one is, until more are found than are counted. A range is in the order of its values: whether a record is in it
 * is asked one by one, and where that would be asked too often it is read whole and compared in a map.
 */
#ifndef RECORDS_REGISTERS_RECORD_FITS_H
#define RECORDS_REGISTERS_RECORD_FITS_H

#include "records/registers/record_ask.h"
#include "records/registers/record_set.h"

enum {
    FIT_COUNT_MAX = 5000, /* records that fit a group are counted up to here */
    FIT_FEW_MAX = 1000,   /* that is few */
    FIT_SORT_MAX = 2000,  /* as many are sorted by who asks; of more a page is looked for along the sort key */
};

/* Filters that ask the same keys: of one field, or one that names a record. */
struct fit_group {
    uint32_t first; /* place of its first filter */
    bool one_value;
    int64_t fits; /* at most FIT_COUNT_MAX; of a reader of some organisations alone: in those */
    struct record_run run; /* with one value: its ids */
    struct record_ask ask; /* else: whether a record is in it */
};

struct fits {
    struct db *db;
    const struct record_query *q;
    struct arena *a;
    uint32_t ngroups; /* that which fewest fit first */
    struct fit_group groups[RECORD_FILTERS_MAX];
    int64_t home; /* see fits_count_home */
    struct record_run sight; /* ids that he may read */
    struct record_ask label; /* whether he may read one */
    uint32_t asked;          /* for single records, so far */
    struct span *ids;        /* what fits and is in sight */
    size_t nids, room;
    int64_t counted;
    bool enough;  /* as many were found as are counted */
    bool all;     /* of what fits and is in sight nothing is missing in ids */
    bool mapped;  /* all that fit are in the set */
    bool sighted; /* and nothing that is out of sight */
    bool few_in_sight; /* of the whole kind */
    struct record_set set;
};

/* Counts what fits each group. f is ended by fits_end, also after an error. */
int fits_begin(struct fits *f, struct db *db, const struct record_query *q, struct arena *a, struct err *e) NODISCARD;
void fits_end(struct fits *f);
/* What fits the first group is best asked for all the rest in one statement, until more are found than are counted: it is few, or others are ranges. */
int fits_are_few(struct fits *f, bool *few_out, struct err *e) NODISCARD;
/* Behind fits_are_few. f->counted: more than RECORD_COUNT_MAX, or all that fit, which are in f->ids or in the set. */
int fits_find(struct fits *f, struct err *e) NODISCARD;
/* All that fit into the set; whether they are in sight shows fits_sight_all, which takes away what is not. */
int fits_find_all(struct fits *f, struct err *e) NODISCARD;
int fits_sight_all(struct fits *f, struct err *e) NODISCARD;
bool fits_has(const struct fits *f, struct span id);
/* Whether a record fits all groups but that of the sort key; of his sight nothing is asked. 1, 0, or an error. */
int fits_one(struct fits *f, struct span id, struct err *e) NODISCARD;

/* Without filters: f->home, the keys of a reader who reads some organisations alone, else FIT_COUNT_MAX. */
int fits_count_home(struct fits *f, struct err *e) NODISCARD;
/* All of the kind that he may read, up to RECORD_COUNT_MAX + 1. */
int fits_count_kind(const struct fits *f, int64_t *count_out, struct err *e) NODISCARD;

#endif
