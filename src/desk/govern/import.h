/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What a row of a table (sheet.h) makes of a record: a new one, a changed one, the same as before, or faults by field. Pure;
 * called by the interface, which asks the keeper for the record that a row is about and has it store what came out.
 *
 * A row is about the record with its id, else about the one whose key (register.h) it has, in the organisation it names; else it
 * is a new one. It may name another state: then ways of the importer lead there, with their guards and reasons, one after another.
 */
#ifndef DESK_GOVERN_IMPORT_H
#define DESK_GOVERN_IMPORT_H

#include "desk/govern/sheet.h"

enum import_outcome { IMPORT_NEW, IMPORT_CHANGED, IMPORT_SAME, IMPORT_FAULTY, IMPORT_OUTCOMES };

/* One row on its way. */
struct import_row {
    struct sheet_row row;
    struct span organisation; /* of the record */
    struct span key;          /* text by which it is known, empty = by its id */
    enum import_outcome outcome;
    struct record_put put, back; /* what is stored; what takes it back (of a changed one) */
    const struct jcs *was, *becomes; /* fields that he sees, before (NULL = a new one) and after */
    struct record_faults faults;
};

/* Which record the row is about: r->organisation and r->key. home: where new ones go that name no other. Faults as sheet_next left them. */
void record_import_key(const struct record_worker *w, struct span home, struct arena *a, struct import_row *r);

/* What the keeper found of it. */
enum import_found { IMPORT_FOUND_NONE, IMPORT_FOUND_ONE, IMPORT_FOUND_SEVERAL, IMPORT_FOUND_KINDS };

/* r->outcome, with put and back or faults. current: of IMPORT_FOUND_ONE, with links as his sight shows them. id: of a new record. */
void record_import(const struct record_worker *w, enum import_found found, const struct record_row *current, struct span id, struct span why,
                   struct arena *a, struct import_row *r);

/* The column of a fault: name of the field, or of what every record has; empty = of the row as a whole. */
struct span record_import_column(const struct schema_fault *f);

#endif
