/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The signed appointments of one account's person, those that hold and those that will, as holder and as deputy, for the page of whoever holds them:
 * what an act says of somebody is his to know, in whichever organisation its record is kept. Called by the keeper; the codecs also by the desk.
 */
#ifndef RECORDS_OWN_APPOINTMENTS_H
#define RECORDS_OWN_APPOINTMENTS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "policy/label.h"
#include "records/db.h"

enum { OWN_APPOINTMENTS_MAX = 64 /* that are told; of more, those made last */ };

struct own_appointment {
    struct span id, organisation;       /* of the record */
    struct span function, role, act;    /* words of the register's file; role and act may be empty */
    struct span unit, person, deputy;   /* what their records are called; empty: none is named */
    struct span author;
    enum tlp tlp;                       /* both of the record: whether he may read it is policy's to say */
    bool as_deputy;                     /* he stands in for `person` */
    time_ns begins, ends;               /* ends INT64_MAX: until it is revoked */
};

struct own_appointments {
    struct span person, name; /* id and title of his record; empty: the account is nobody's, or the kind is off */
    bool more;
    uint32_t count;
    struct own_appointment all[OWN_APPOINTMENTS_MAX];
};

/* Those whose end is after now, by their begin. Texts live in a. */
int own_appointments(struct db *db, struct span user_id, time_ns now, struct arena *a, struct own_appointments *out, struct err *e) NODISCARD;

/* The same of a person record; out->person is its id, out->name is left empty. */
int own_appointments_of(struct db *db, struct span person, time_ns now, struct arena *a, struct own_appointments *out, struct err *e) NODISCARD;

void own_appointments_encode(struct buf *out, const struct own_appointments *o);
/* Spans point into the cursor's bytes; out of bounds: c->failed. */
void own_appointments_decode(struct cursor *c, struct own_appointments *out);

#endif
