/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Mapping profiles: how a table of another program or another house stands to the fields of one kind of record. Each is a file,
 * shipped in registers/profiles/ or a city's own in DATA/registers/, which begins with "profile:". docs/REGISTERS.md is for
 * those who write them. Read once, with the kinds; desk/govern/mapping.h applies them.
 */
#ifndef RECORDS_REGISTERS_PROFILE_H
#define RECORDS_REGISTERS_PROFILE_H

#include "records/registers/register.h"

enum {
    PROFILES_MAX = 64,
    PROFILE_COLUMNS_MAX = 96, /* of one table, as CSV_COLUMNS_MAX */
    PROFILE_VALUES_MAX = 64,  /* words of one column */
    PROFILE_TEXT_MAX = 200,   /* bytes of a name of a column, or of a word */
};

enum profile_dates { DATES_YMD, DATES_DMY, DATES_MDY };

struct profile_value {
    struct span theirs, ours; /* ours empty: no value */
};

struct profile_column {
    struct span column; /* as they call it; compared without case */
    struct span field;  /* as we do, also id, state, tlp, organisation; empty: passed over */
    struct span list;   /* what parts the entries of a list in a cell: one character */
    uint32_t nvalues;
    struct profile_value *values;
};

struct profile {
    struct span file, name, title, kind;
    bool pass_others;         /* columns that are not named are passed over, else they refuse the table */
    enum profile_dates dates; /* in which order days are written */
    bool decimal_comma, windows_1252;
    uint32_t ncolumns;
    struct profile_column *columns;
    uint32_t nconstants;
    struct profile_column *constants; /* field, and what it becomes in `column` */
};

/* Whether a file is one: its first line that is no comment begins with "profile:". */
bool profile_is(struct span text);
/* Everything lives in a. ERR_* with line and place. */
int profile_read(struct arena *a, const struct register_file *file, struct profile *out, struct err *e) NODISCARD;

/* Those that are in the program. */
extern const struct register_file profile_shipped[];
extern const size_t profile_shipped_count;

/* All that were read, for kinds that are there; good as long as r is. */
const struct profile *registers_profiles(const struct registers *r, size_t *count_out);
/* One by name and of that kind; NULL. */
const struct profile *registers_profile(const struct registers *r, const struct register_kind *k, struct span name);

#endif
