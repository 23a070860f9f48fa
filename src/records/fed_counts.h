/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The federation in numbers, for machines that watch the node: rooms of all owners together, and the lines of
 * fed_counts.def. No number is of one member or circle. Written by the keeper, read by the desk for /metrics.
 */
#ifndef RECORDS_FED_COUNTS_H
#define RECORDS_FED_COUNTS_H

#include "records/fed_room.h"

enum { FED_COUNT_MOST = 100000 }; /* rows looked at for one number; a number that reads so means "so many or more" */

enum {
    FED_COUNTS = 0
#define FED_COUNT(metric, label, value, help, rows) +1
#include "records/fed_counts.def"
#undef FED_COUNT
};

/* All owners of one kind of room. */
struct fed_room_sum {
    int64_t rows, bytes;      /* of kinds that are counted as they come: envelopes, signals */
    int64_t dropped, refused; /* so far */
    int64_t owners;           /* of whom anything went or was refused */
};

struct fed_counts {
    struct fed_room_sum rooms[FED_ROOM_COUNT];
    int64_t counts[FED_COUNTS]; /* in the order of fed_counts.def */
};

/* A line of fed_counts.def; help is empty but for the first of a metric. */
struct fed_count_line {
    const char *metric, *label, *value, *help;
};
const struct fed_count_line *fed_count_lines(size_t *count_out);
/* Whether rows and bytes of a kind of room are counted as they come. */
bool fed_room_is_counted(enum fed_room r);

int fed_counts_write(struct db *db, struct buf *out, struct err *e) NODISCARD;
/* Sets c->failed. */
void fed_counts_decode(struct cursor *c, struct fed_counts *out);

#endif
