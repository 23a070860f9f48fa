/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Person records that follow joiners and leavers: found by the account that is said to be the person's, or by the number by which the personnel
 * office knows him, never by a name; changed in the transaction of the list that changes the accounts (staff_imports.h), as an import of the
 * register that is taken back with it and by nobody alone. Which fields a list wrote last is kept beside, so that it writes over nobody else's
 * word. Called by the keeper; what becomes of a record is decided in the desk (desk/govern/staff_person.h).
 */
#ifndef RECORDS_STAFF_PERSONS_H
#define RECORDS_STAFF_PERSONS_H

#include "records/registers/record_import.h"
#include "records/staff_imports.h"

#define STAFF_NUMBER_FIELD "staff_number" /* of the kind */
#define STAFF_PERSON_KIND SPAN("person")

enum {
    STAFF_PERSONS_BATCH = RECORD_IMPORT_BATCH, /* people of one question */
    STAFF_WROTE_MAX = 8 << 10,                 /* bytes of what lists wrote of one person */
    STAFF_NO_CHANGE = 0xffff,                  /* of staff_person_put.change */
};

/* Whose record is looked for. */
struct staff_person_wanted {
    struct span account;              /* id; empty = none */
    struct span organisation, number; /* number empty = only by the account */
    bool left;                        /* then what he is appointed for is told, too */
};

struct staff_person_known {
    uint32_t found; /* 0, 1; 2 = several, or account and number lead to two people */
    bool linked;    /* the account is said to be this person's */
    bool taken;     /* another account is */
    struct record_row row;
    struct span wrote; /* by the last list of which it came: an object of fields as texts; empty = by none */
};

/* Who asks: what he may read of people, and of all kinds. */
int staff_person_find(struct db *db, const struct record_scope *scope, const struct record_sight *sight, const struct staff_person_wanted *wanted,
                      struct arena *a, struct staff_person_known *out, struct err *e) NODISCARD;

/* What a list makes of one person. */
struct staff_person_put {
    uint32_t change;   /* place of the change that makes his account; STAFF_NO_CHANGE: none */
    struct span account; /* his account where no change makes it; empty = he has none */
    struct span person;  /* id of his record */
    bool link;           /* the account is said to be his from now on */
    struct span wrote, why; /* why: of this one; empty = as of the list */
    bool stored;         /* item is to be stored; else only the account is linked */
    struct record_import_item item;
};

/*
 * Stores n of them out of the cursor, and notes what takes them back. changes: of the list, done already. Inside a transaction. ERR_EXISTS: one
 * was changed meanwhile, or has an account by now; ERR_INVALID: the question is broken.
 */
int staff_persons_apply(struct db *db, const struct record_importer *by, const struct staff_import *import, const struct staff_change *changes,
                        uint32_t count, struct cursor *c, uint32_t n, struct err *e) NODISCARD;
/* Takes back what a list did to them; one that did nothing is no error. Inside a transaction. ERR_EXISTS: somebody changed one of them since. */
int staff_persons_undo(struct db *db, const struct record_importer *by, const struct staff_import *import, time_ns now, struct err *e) NODISCARD;

void staff_person_put_encode(struct buf *out, const struct staff_person_put *p);
/* Spans point into the cursor's bytes; out of bounds: c->failed. */
void staff_person_put_decode(struct cursor *c, struct staff_person_put *out);

extern const char staff_person_sql[]; /* its table, for migrations.c */

#endif
