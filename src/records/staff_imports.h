/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Joiners and leavers from a list of the personnel office: what of it became of accounts, all in one transaction or nothing, and
 * how that is taken back. Called by the keeper; which changes there are is decided in the desk (desk/identity/staff_list.h).
 */
#ifndef RECORDS_STAFF_IMPORTS_H
#define RECORDS_STAFF_IMPORTS_H

#include "records/people.h"

enum {
    STAFF_CHANGES_MAX = 200,   /* of one import */
    STAFF_LOOK_MAX = 400,      /* names of one question */
    STAFF_IMPORTS_SHOWN = 50,  /* newest first */
    STAFF_IMPORTS_DAYS = 30,   /* so long one can be taken back */
};

enum staff_change_kind { STAFF_JOINS, STAFF_ROLE, STAFF_LEAVES, STAFF_CHANGE_COUNT };

struct staff_change {
    enum staff_change_kind kind;
    struct span id;           /* of the account; of a joiner made by staff_import_apply */
    struct span name;         /* a joiner's */
    struct span organisation; /* a joiner's */
    struct span role;         /* afterwards; of a leaver empty */
    struct span was;          /* role before; of a joiner empty */
    struct span link_hash;    /* of a joiner's sign-in link */
    struct span why;          /* of this one, for the trail; empty = as of the whole import */
};

struct staff_import {
    struct span id;
    struct span organisation; /* of who made it: "*" or one */
    struct span who;
    struct span why; /* may be empty */
    time_ns at;
    time_ns undone;   /* TIME_NONE = not */
    uint32_t changes; /* of accounts; told by lists */
    uint32_t people;  /* records; told by lists */
};

/* What becomes of person records with it: n of them, as staff_persons.h encodes them, and who does it. */
struct record_importer;
struct staff_people {
    const struct record_importer *by;
    struct cursor *c;
    uint32_t n;
};

/* The account of exactly this name as names are compared, also a disabled one. ERR_NOT_FOUND, also for one of another organisation. */
int staff_find(struct db *db, struct span organisation, struct span name, struct arena *arena, struct person *out, struct err *e) NODISCARD;

/*
 * Makes all changes, those of people too (NULL = none); ids of joiners (in the arena) into changes. ERR_EXISTS: an account is not any more as the changes were decided
 * by, or a name is taken; ERR_DENIED: the last administrator; ERR_NOT_FOUND. After an error nothing was changed.
 */
int staff_import_apply(struct db *db, const struct staff_import *import, struct staff_change *changes, uint32_t count,
                       const struct staff_people *people, struct arena *arena, struct err *e) NODISCARD;
/*
 * Takes it back: joiners are disabled, roles are what they were, leavers may sign in again (with no session or token of before).
 * Records of people are as before, too. *ids_out: accounts that changed. ERR_NOT_FOUND, also for one of another organisation, too old or undone; ERR_EXISTS: somebody
 * changed one of its accounts or records since; ERR_DENIED as above. by: who takes it back, as far as records ask.
 */
int staff_import_undo(struct db *db, const struct record_importer *by, struct span organisation, struct span id, struct span who, time_ns now,
                      struct arena *arena, struct span **ids_out, uint32_t *count_out, struct err *e) NODISCARD;
int staff_import_list(struct db *db, struct span organisation, struct arena *arena, struct staff_import **out, uint32_t *count_out,
                      struct err *e) NODISCARD;

void staff_change_encode(struct buf *out, const struct staff_change *c);
/* Spans point into the cursor's bytes. A kind that is none fails the cursor. */
void staff_change_decode(struct cursor *c, struct staff_change *out);
void staff_import_encode(struct buf *out, const struct staff_import *i);
void staff_import_decode(struct cursor *c, struct staff_import *out);

#endif
