/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Tables of others: text of older encodings becomes UTF-8, and a table with other columns, dates, numbers and words becomes one as
 * sheet.h reads it, by a mapping profile (records/registers/profile.h). A row stays on the line on which it was, so that faults name
 * the line of the file that was sent. Pure; called by the interface.
 *
 * What spreadsheets do is undone with any profile: ="007" is 007, a day that became a number is a day again, thousands are not parted,
 * cells and rows that are empty to the end are not there. What cannot be told stays as it is, and the schema says what is wrong.
 */
#ifndef DESK_GOVERN_MAPPING_H
#define DESK_GOVERN_MAPPING_H

#include "records/registers/profile.h"
#include "wire/csv.h"

/* How a text was read, as words: "utf-8", "utf-16le", "utf-16be", "windows-1252". */
struct mapping_told {
    const char *encoding;
    char separator;
    uint32_t columns, passed_over; /* of the first line */
};

/*
 * UTF-8 of a text: UTF-16 by its mark; Windows-1252 only where old_page says so and it is not UTF-8 (a guess would spoil names for
 * years). Else as it is. ERR_INVALID: UTF-16 with half of a pair, or an odd number of bytes.
 */
int mapping_decode(struct span text, bool old_page, struct arena *a, struct span *out, const char **encoding_out, struct err *e) NODISCARD;

/* The profile of that kind which knows most columns of the first line, all of them unless it passes others over, and the one by which
 * records are known; NULL: the columns are ours, or nobody's. text: UTF-8. */
const struct profile *mapping_guess(const struct profile *list, size_t count, const struct register_kind *k, struct span text, struct arena *a);

/* The table as sheet.h reads it. ERR_INVALID, ERR_LIMIT with e->line: as csv_open, or a column that the profile does not know. */
int mapping_in(const struct profile *p, const struct register_kind *k, struct span text, struct arena *a, struct span *out,
               struct mapping_told *told, struct err *e) NODISCARD;
/* A table as sheet.h writes it as the others have it: their columns and words. begins: its first line names columns. */
int mapping_out(const struct profile *p, const struct register_kind *k, struct span ours, char separator, struct arena *a, struct span *out,
                struct err *e) NODISCARD;

#endif
