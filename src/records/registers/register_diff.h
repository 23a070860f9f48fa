/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What differs between two files of one kind, and what a record of the former is under the new one: fields and states that say what they
 * were called go along. Pure; counted over records and carried out by register_plan.h and register_force.h.
 */
#ifndef RECORDS_REGISTERS_REGISTER_DIFF_H
#define RECORDS_REGISTERS_REGISTER_DIFF_H

#include "records/registers/register.h"

enum { REGISTER_CHANGES_MAX = 2 * RECORD_FIELDS_MAX + 2 * REGISTER_STATES_MAX + 2 * RECORD_FIELDS_MAX + 64 };

enum register_change_what {
#define CHANGE(name, word) CHANGE_##name,
#include "records/registers/changes.def"
#undef CHANGE
    REGISTER_CHANGE_COUNT
};
const char *register_change_word(enum register_change_what what);

struct register_change {
    enum register_change_what what;
    struct span name; /* of the field, state or kind, as the new file calls it, or as the former did where it goes; else part of the file */
    struct span was;  /* of what is renamed */
    struct span how;  /* of a field that changed: its keywords that differ, parted by blanks */
};

struct register_diff {
    const struct register_kind *before, *after; /* before NULL: the kind is new; after NULL: it goes */
    uint32_t count;
    struct register_change list[REGISTER_CHANGES_MAX];
    const struct jcs *defaults; /* by field: what a record gets that lacks a required one */
};

/* Everything lives in a, and points into both kinds. */
void register_diff(struct arena *a, const struct register_kind *before, const struct register_kind *after, struct register_diff *out);
/* Place of the field of today that holds what `name` held before, or -1. */
int register_diff_field(const struct register_diff *d, struct span name);
/* Place of the state of today, or -1. */
int register_diff_state(const struct register_diff *d, struct span id);
/* Whether anything is called otherwise than before. */
bool register_diff_renames(const struct register_diff *d);
/*
 * The fields of a record of before under their names of today; then with what it gets by default. *renamed_out, *filled_out: whether
 * either differs from what was given.
 */
struct jcs *register_diff_carry(struct arena *a, const struct register_diff *d, const struct jcs *fields, bool *renamed_out);
struct jcs *register_diff_fill(struct arena *a, const struct register_diff *d, const struct jcs *fields, bool *filled_out);
/* Only the fields that a kind has and somebody writes: what the schema is asked about. */
struct jcs *register_diff_known(struct arena *a, const struct register_kind *k, const struct jcs *fields);

#endif
