/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Which sensitive records one request shows: those whose personal fields are open in it, and RED ones. Collected where the fields are shown
 * (record_fields_shown), so that no way out can forget it; the request sends it to the keeper before it answers. Pure.
 */
#ifndef DESK_GOVERN_READS_H
#define DESK_GOVERN_READS_H

#include "records/reads.h"
#include "records/registers/record_row.h"

/* Of one kind and organisation. */
struct record_read {
    char kind[REGISTER_NAME_MAX + 1];
    char organisation[RECORD_ORGANISATION_MAX + 1];
    char ids[READS_IDS_MAX][READS_ID_MAX + 1];
    uint64_t count; /* all; the first READS_IDS_MAX are named */
    char last[READS_ID_MAX + 1];
    bool persons, red;
};

struct record_reads {
    struct arena *a; /* of the request */
    uint32_t n;
    struct record_read *of[READS_GROUPS_MAX]; /* the last one stands for all further organisations, as "*" */
};

/* persons: one of its personal fields is among what is shown. NULL collects nothing. */
void record_reads_add(struct record_reads *r, const struct record_row *row, bool persons);
/* One of them as a row; texts live in a. */
void record_reads_note(const struct record_read *r, struct span who, struct span way, struct span why, time_ns now, struct arena *a, struct read_note *out);

#endif
