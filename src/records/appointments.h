/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What appointments make of people: records of the kind `appointment` that are signed, read anew at each request, so that rights begin and
 * end with the moment that the act says and nothing has to be switched. An account has them when somebody who manages accounts said
 * whose person record it is. Called by the keeper. What a function gives (roles/) is not known here: seats carry its word.
 *
 *   person    holds it from `begins` until before `ends`; not once his record says that he left
 *   deputy    in an appointment: while its person is away (away_from, away_until of his record), has left, or his account is closed
 *   function "deputy"   for a unit, or the organisation: acts as its security_officer while it has none, or while each that it has is away
 *
 * Where: the organisation in which the appointment was made ("*" = the whole node); with a unit only the department whose records that unit
 * keeps: `part_of` an organisation of type department with a `code`, which begins with the name of the appointing organisation and "/".
 * Whoever keeps a town's registers can so open no other town's, whatever he writes there.
 */
#ifndef RECORDS_APPOINTMENTS_H
#define RECORDS_APPOINTMENTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "policy/policy.h"
#include "records/db.h"

enum {
    APPOINTMENTS_MAX = 200,         /* of one person, looked at */
    APPOINTMENT_HOLDERS_MAX = 2000, /* of one function in one organisation, looked at */
    APPOINTMENT_DEPARTMENTS_MAX = POLICY_SEATS_MAX,
    APPOINTMENT_PLACE_MAX = 64, /* bytes of the name of an organisation, as accounts may carry; a longer one opens nothing */
};

/* Somebody's standing in one organisation by one appointment; until before `ends` nothing about it changes. */
struct appointment_seat {
    struct span organisation;
    struct span function; /* a word of the register's file */
    struct span record;   /* id of the appointment */
    bool below;           /* not the organisation itself: a department below it */
    time_ns begins, ends;
};

/*
 * Of an account, those that hold at `now`, in the order in which they began, departments below after all others; at most POLICY_SEATS_MAX.
 * Nothing where the account is nobody's, or the kind is off; else *linked_out: what it has may change by itself. Texts live in a.
 */
int appointment_seats(struct db *db, struct span user_id, time_ns now, struct arena *a, struct appointment_seat out[POLICY_SEATS_MAX],
                      uint32_t *count_out, bool *linked_out, struct err *e) NODISCARD;

struct account_person {
    struct span organisation; /* of who asks; "*" = any */
    struct span user_id;
    struct span person; /* id of a record; empty = of nobody any more */
    struct span who, why;
};
/*
 * Says whose account it is, with a line in the audit trail. The record must be of the account's own organisation, unless who asks is of the
 * whole node: its appointments become the account's rights. ERR_NOT_FOUND: no such account or record for him; ERR_EXISTS: it is so already,
 * or another account is that person's.
 */
int account_person_set(struct db *db, const struct account_person *p, time_ns now, struct err *e) NODISCARD;
/* The same inside the caller's transaction. */
int account_person_set_within(struct db *db, const struct account_person *p, time_ns now, struct err *e) NODISCARD;

void appointment_seat_encode(struct buf *out, const struct appointment_seat *s);
/* Spans point into the cursor's bytes; one that holds at no time or opens nothing: c->failed. */
void appointment_seat_decode(struct cursor *c, struct appointment_seat *out);

extern const char account_person_sql[]; /* its table, for migrations.c */

#endif
