/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Days on which something is due, as a reader sees them: of one record, and of a list over all kinds. A day that is made of a field
 * he does not see is none for him, and a kind with such a day is not in his list: its order would tell the field. Pure.
 */
#ifndef DESK_GOVERN_DUE_H
#define DESK_GOVERN_DUE_H

#include "desk/govern/record.h"
#include "records/due.h"

/* No day of the kind is made of a field that is hidden from the reader: he may sort and filter by them. */
bool due_shown(const struct policy_reader *reader, const struct register_kind *k, time_ns now);
/* The member "due" of a record: null, or its first day. fields: those that the reader sees. Nothing where the kind has no days. */
void due_member(const struct record_worker *w, struct span state, const struct jcs *fields, struct arena *a, struct json_writer *j);
/* Kinds that he may list, with his scope in each and the fields that say whose a record is, if he sees them: fills out->kinds and out->sight. */
void due_kinds(const struct registers *kinds, const struct policy_reader *reader, time_ns now, struct due_query *out);
/* The list from the keeper's answer, each record only when policy shows it; w->kind is set for each. False: the answer is broken. */
bool due_document(struct json_writer *j, struct record_worker *w, struct span to, struct arena *a, struct cursor *data);

#endif
