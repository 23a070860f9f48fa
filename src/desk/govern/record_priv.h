/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of desk/govern share. */
#ifndef DESK_GOVERN_RECORD_PRIV_H
#define DESK_GOVERN_RECORD_PRIV_H

#include "desk/govern/record.h"

/* Faults of fields, as pointers below /fields. */
void record_check(const struct schema_file *schema, const struct jcs *fields, struct arena *a, struct record_faults *f);
/* What a record that `row` names is called, for the reader; empty and masked where that is masked: who had a record shown sees whom it names. */
struct span record_link_title(const struct record_worker *w, const struct record_row *row, const struct record_link *l, bool *masked_out);
/* The transition that leads the reader from the state of this record to another; NULL: none of his. */
const struct register_transition *record_way(const struct record_worker *w, const struct record_row *row, struct span to);
/* Fields of it that he does not see by his roles, and, where fixed_out is not NULL, those that he sees and cannot write; masked ones apart. */
uint64_t record_closed(const struct record_worker *w, const struct record_row *row, uint64_t *fixed_out);
bool record_may(const struct record_worker *w, const struct record_row *row, enum record_op op);
/* Roles in which he reads it, as bits of enum policy_role. */
uint32_t record_roles(const struct record_worker *w, const struct record_row *row);

/* Fields as they are told to the reader for whom the keeper made row->links. */
struct jcs *record_fields_told(const struct register_kind *k, const struct record_row *row, const struct jcs *fields, struct arena *a);
/*
 * With what is worked out of them, as the reader sees it: of records that it names, what the keeper looked at for him and his roles do not hide; one that he may
 * not read is not among them. fields: as stored, or as told.
 */
struct jcs *record_computed(const struct record_worker *w, const struct record_row *row, const struct jcs *fields, struct arena *a);
/* Records that stood there and that the writer does not see stay in `out`. */
void record_links_keep(const struct register_kind *k, const struct record_row *current, const struct jcs *before, struct arena *a,
                       struct jcs *out);
/* out->links; what stood there before and was not sent is not asked for. False: more than REGISTER_LINKS_MAX. */
bool record_links_make(const struct register_kind *k, const struct jcs *fields, const struct jcs *before, const struct jcs *sent,
                       struct arena *a, struct record_put *out);

#endif
