/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Days on which something is due, as x-due of a kind says:
 *
 *   - {field: due, as: work, states: [open, fixing], remind: [14, 3, 0]}
 *   - {name: test_due, field: next_test, from: tested, every: test_every, as: look, remind: [30, 7]}
 *   - {name: notice_due, from: ends, before: notice_days, as: ends, remind: [30, 7]}
 *
 * `field` holds the day (format: date or date-time, with x-index). Where it may be empty, or there is none, the day is counted:
 * `every` months after the day in `from`, or `before` days before it (each a number, or a field that holds it); then lists know it
 * by `name`. `as`: work to be done by it, something that ends with it, something to be looked at again. `states`: in which it counts;
 * nothing said = all that are not final. `remind`: days before it on which somebody is told, and once more when it is past.
 *
 * A day is one of UTC. Pure; called by desk and keeper.
 */
#ifndef RECORDS_REGISTERS_REGISTER_DUE_H
#define RECORDS_REGISTERS_REGISTER_DUE_H

#include "records/registers/register.h"

enum {
    DUE_DAY_TEXT = 10,    /* bytes of "2026-12-01" */
    DUE_STEP_NONE = -2,   /* nobody is to be told yet */
    DUE_STEP_PAST = -1,   /* the day is over */
};

/* The one that lists know by this name; NULL. */
const struct register_due *register_due_of(const struct register_kind *k, struct span name);
/* "work", "ends", "look" */
const char *register_about_name(enum register_about about) __attribute__((returns_nonnull));
/* Fields of which it is made, by bits of their places: whoever does not see one of them does not see the day. */
uint64_t register_due_fields(const struct register_due *d);
/* The day of a record, in days since 1970-01-01; false: it has none. */
bool register_due_day(const struct register_due *d, const struct register_kind *k, const struct jcs *fields, int64_t *day_out);
/* The first day of those that count in this state and that are made of no hidden field; NULL: none. */
const struct register_due *register_due_first(const struct register_kind *k, const struct jcs *fields, struct span state, uint64_t hidden, int64_t *day_out);
/* The step of its reminders that is reached: days before, the least first; DUE_STEP_PAST, DUE_STEP_NONE. */
int register_due_step(const struct register_due *d, int64_t day, int64_t today);
/* A day as keys have it. */
struct span register_day_text(struct arena *a, int64_t day);
/* Keys of days that are counted, and of the first one; out has room for REGISTER_DUE_MAX + 1. Returns how many. */
size_t register_due_keys(struct arena *a, const struct register_kind *k, const struct jcs *fields, struct span state, struct record_key *out);

#endif
