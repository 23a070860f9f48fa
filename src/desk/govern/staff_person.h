/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a list of the personnel office (desk/identity/staff_list.h), or a directory that says who left, makes of somebody's person record:
 *
 *   there is none, he is active       a new one
 *   there is one, he is active        what the list says stands in it, where nothing stood, or what a list wrote last; all else stays
 *   there is one, he left             it goes into the state `left`, with the reason; appointments stay as they are signed
 *   it says that he left, he is active  a fault: nobody comes back through a file
 *
 * Found by his account or his number, never by a name (records/staff_persons.h). Pure; called by api. Rights are those of who imports.
 */
#ifndef DESK_GOVERN_STAFF_PERSON_H
#define DESK_GOVERN_STAFF_PERSON_H

#include "desk/govern/import.h"
#include "desk/identity/staff_list.h"
#include "records/staff_persons.h"

/* Of whom it is told. */
struct staff_subject {
    struct span account;      /* id; empty = he has none, or the list makes it */
    struct span name;         /* of the account: what a new record is called where the list says nothing better */
    struct span organisation; /* of his record */
    struct staff_words says;
    bool left;
    bool has_account; /* now, or by the list */
    struct span why;  /* empty = there is no better reason than the list */
};

struct staff_person {
    enum import_outcome outcome; /* of the record; IMPORT_FAULTY: column and fault */
    bool moved;                  /* it goes into the state of those who left */
    bool link;                   /* the account is said to be this person's */
    const char *column, *fault;
    uint64_t kept;               /* fields, by place, in which stands somebody else's word: they stay */
    struct span person, title, wrote;
    struct record_put put, back; /* back: of a changed one */
    const struct jcs *was, *becomes; /* as import.h */
};

/* id: of a new record. why: as of the whole list; not empty. Texts live in a. */
void staff_person(const struct record_worker *w, const struct staff_subject *s, const struct staff_person_known *known, struct span id, struct span why,
                  struct arena *a, struct staff_person *out);

#endif
