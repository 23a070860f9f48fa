/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records of registers as people work on them: what somebody sends becomes a record, or the list of its faults, field by field.
 * Pure; called by the interface, which gets records from the keeper and sends them there. Every right is asked of
 * policy/record.h.
 *
 * A change sends all fields that the reader sees; those that he does not see, or may not write, stay as they are.
 */
#ifndef DESK_GOVERN_RECORD_H
#define DESK_GOVERN_RECORD_H

#include "desk/govern/reads.h"
#include "records/registers/record_row.h"
#include "wire/json_write.h"

/* What was sent. */
struct record_input {
    struct span organisation; /* empty = not said; only for a new one */
    struct span why;
    struct span tlp;          /* as written; empty = not said */
    const struct jcs *fields; /* an object */
};

/* Reads a body: {"fields": {…}, "tlp"?, "why"?, "organisation"?}; the last only where `is_new`. ERR_INVALID with a sentence. */
int record_input_read(struct span body, bool is_new, struct arena *a, struct record_input *out, struct err *e) NODISCARD;

/* Who works on it, and when. */
struct record_worker {
    const struct register_kind *kind;
    const struct policy_reader *reader;
    struct span name; /* of the account, for the record and the trail */
    time_ns now;
    const struct registers *kinds; /* all: what he may name; NULL = nothing */
    const struct record_sight *sight; /* his, where it is told once for many records: then what comes out has none of its own */
    struct record_reads *reads; /* what is shown of sensitive records is collected here; NULL = nothing is shown to anybody */
};

/* Faults of a document by JSON Pointer in the body ("/fields/due"); count 0 = none. */
struct record_faults {
    uint32_t count; /* all; the first SCHEMA_FAULTS_MAX are in list */
    struct schema_fault list[SCHEMA_FAULTS_MAX];
};

/*
 * A new record, and one changed (`current` as the keeper has it). 0: out is what is to be stored, or faults->count says why
 * not. ERR_DENIED: not his to do, whatever he sends. Texts live in a.
 */
int record_make(const struct record_worker *w, struct span id, struct span organisation, const struct record_input *in, struct arena *a,
                struct record_put *out, struct record_faults *faults) NODISCARD;
int record_change(const struct record_worker *w, const struct record_row *current, const struct record_input *in, struct arena *a,
                  struct record_put *out, struct record_faults *faults) NODISCARD;
/* Into another state. */
int record_move(const struct record_worker *w, const struct record_row *current, struct span to, struct span why, struct arena *a,
                struct record_put *out, struct record_faults *faults) NODISCARD;

void record_fault(struct record_faults *f, struct span pointer, enum schema_reason reason, struct span limit);
/* No control characters. */
bool record_is_line(struct span s);

/* Which records of all kinds a reader may read, and by which fields he may go from one to another: asked of policy/record.h. */
void record_sight_of(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct record_sight *out);
/* Of its ways only those that lead to this kind; target empty: only those of x-ref stands_on. */
void record_sight_narrow(const struct registers *kinds, struct span target, struct record_sight *s);
/* NULL: there is none. */
const struct register_field *record_way_field(const struct registers *kinds, const struct record_way *way);
/* Faults for what the keeper found to lead nowhere, or not to hold beside other records. */
void record_astray_faults(const struct record_worker *w, const struct record_put *put, const struct record_astray *astray, struct arena *a,
                          struct record_faults *f);

/* Fields, by place, whose values are masked for the reader: of this record, and in what speaks of all of the kind at once. */
uint64_t record_masked(const struct record_worker *w, const struct record_row *row);
uint64_t record_kind_masked(const struct record_worker *w);
/* What a record of any kind is called says who somebody is, and the reader has not had it shown. */
bool record_title_masked(const struct record_worker *w, struct span kind, struct span id);

/* What bears on a record. */
void record_for_policy(const struct record_row *row, struct policy_record *out);
/* Its fields as the reader sees them; NULL: not at all. _now: also what is worked out of records that it names, for a row whose links the keeper told with
 * what is looked at beside them. */
struct jcs *record_fields_shown(const struct record_worker *w, const struct record_row *row, struct arena *a);
struct jcs *record_fields_now(const struct record_worker *w, const struct record_row *row, struct arena *a);
/* Begins an object with a record as a line of a list has it: id, kind, plural, title, state, organisation, tlp, whether its title is masked. The caller ends it.
 * Of its fields, which are returned, the title alone goes out so far. NULL: not for him, and nothing was written. */
const struct jcs *record_line_begin(const struct record_worker *w, const struct record_row *row, struct arena *a, struct json_writer *j);
/* Writes it as the reader may see it, with the records that it names and that he may read; false: not at all, and nothing was written. */
bool record_show(const struct record_worker *w, const struct record_row *row, struct arena *a, struct json_writer *j);

#endif
