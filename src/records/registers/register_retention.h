/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How long a record says what it says of persons, as x-retention of a kind has it:
 *
 *   {states: [left], from: leaves, days: 365, also: [text], why: "…"}
 *
 * So many days after the day in `from` (a field with format: date or date-time; nothing there, or no such field: after the last change),
 * while the record is in one of these states (nothing said: the final ones), its personal fields go (x-pii), and those in `also`. The
 * record stays, with its links, and so do records that name it. A required text gets a stand-in, "#" and the end of its id, which
 * says nothing of anybody. days: 0 = nothing goes; why says on what ground, either way.
 *
 * Pure; called by keeper and desk.
 */
#ifndef RECORDS_REGISTERS_REGISTER_RETENTION_H
#define RECORDS_REGISTERS_REGISTER_RETENTION_H

#include "records/registers/register.h"

enum { RETENTION_STAND_IN = 13 /* bytes of "#0123456789ab" */ };

/* Whether it has a field that goes and that is not a stand-in. */
bool register_erasable(const struct register_kind *k, const struct jcs *fields);
/* The key by which lists of what is to go are made: the day from which days count; empty: they do not in this state. Whoever erased a record empties it. */
struct span register_retention_key(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span state, time_ns changed);
/* The fields without those that go; in a. id: of the record. */
struct jcs *register_erased(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span id);

#endif
