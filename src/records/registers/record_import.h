/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Imports in the database: what they are to store waits, new records hidden among the others (record_stage.h), until all of it is there, is
 * stored in one transaction, and can be taken back in one, as long as nobody changed any of it since. Called by the keeper for the desk,
 * which decides what each row makes of its record (desk/govern/import.h).
 */
#ifndef RECORDS_REGISTERS_RECORD_IMPORT_H
#define RECORDS_REGISTERS_RECORD_IMPORT_H

#include "records/registers/record_row.h"

enum {
    RECORD_IMPORT_BATCH = 30,    /* records of one question */
    RECORD_IMPORTS_SHOWN = 50,   /* of a list of imports */
    RECORD_IMPORT_UNDO_DAYS = 30 /* then what could take it back is forgotten */
};

/* Which record a row is about. */
struct record_wanted {
    struct span id;                /* or */
    struct span organisation, key; /* value of the kind's key field; all empty = nothing is asked */
};

/* What is to be stored, and what takes it back (of a changed one); the parts alone, see record_part_encode. */
struct record_import_item {
    struct record_put put, back;
};

/* Who imports, as far as it is asked: what he may read of the kind and of all kinds. kinds: whose constraints must hold; NULL = none. */
struct record_importer {
    const struct record_scope *scope;
    const struct record_sight *sight;
    const struct registers *kinds;
};

struct record_import_row {
    struct span id, kind, who, who_id, why;
    time_ns at;
    int64_t made, changed;
    bool undone, can_undo;
};

extern const char record_import_sql[]; /* its tables, for migrations.c */

/*
 * The record that is wanted, as far as the scope shows it: *found_out 0, 1 or 2 (several), out filled where it is 1.
 * field: the key's name.
 */
int record_import_find(struct db *db, const struct record_scope *scope, const struct record_sight *sight, struct span kind, struct span field,
                       const struct record_wanted *wanted, struct arena *a, uint32_t *found_out, struct record_row *out, struct err *e) NODISCARD;

/*
 * Lets one wait as the place-th of an import, unless it names records that are not in the sight (astray->count), or does not hold
 * beside those that are there (astray->breach). keep false: only looks.
 * A new one waits hidden among the records (record_stage.h, whose record_stage_sweep forgets them). Inside a transaction.
 */
int record_import_add(struct db *db, const struct record_importer *by, struct span import, uint64_t place, const struct record_import_item *item, bool keep,
                      struct record_astray *astray, struct err *e) NODISCARD;
/*
 * Stores all that waits, as many as import->made and ->changed say, in one transaction, and notes the import. field: the key's name; a new
 * record whose key meanwhile belongs to another is ERR_EXISTS, as is a record that was changed meanwhile, and one that does not hold beside
 * others, those of the same file too: then nothing was stored.
 */
int record_import_apply(struct db *db, const struct record_importer *by, const struct record_import_row *import, struct span field, struct err *e)
    NODISCARD;
/*
 * Takes an import of this person back, in one transaction; record_stage_sweep then forgets it. ERR_NOT_FOUND: no such import of his;
 * ERR_EXISTS: it was taken back, is too old, or records were changed or named since; the sentence says which.
 */
int record_import_undo(struct db *db, const struct record_importer *by, const struct record_import_row *import, time_ns now, struct err *e) NODISCARD;

/*
 * The same for somebody who changes more than records in one transaction, as lists of the personnel office do (records/staff_persons.h): each is
 * stored as it comes, with what takes it back, and noted at the end. All of it inside the caller's transaction. item->put.why may differ from
 * import->why. ERR_EXISTS: it was changed meanwhile, or names what is not there any more. `item` is written to.
 */
int record_import_put(struct db *db, const struct record_importer *by, const struct record_import_row *import, uint64_t place,
                      struct record_import_item *item, struct arena *a, struct err *e) NODISCARD;
int record_import_note(struct db *db, const struct record_import_row *import, struct err *e) NODISCARD;
int record_import_undo_within(struct db *db, const struct record_importer *by, const struct record_import_row *import, time_ns now, struct err *e)
    NODISCARD;
/* This person's of a kind, newest first; out has room for RECORD_IMPORTS_SHOWN. */
int record_import_list(struct db *db, struct span kind, struct span who_id, time_ns now, struct arena *a, struct record_import_row *out,
                       uint32_t *count_out, struct err *e) NODISCARD;

void record_import_row_encode(struct buf *out, const struct record_import_row *r);
void record_import_row_decode(struct cursor *c, struct record_import_row *out);
void record_import_item_encode(struct buf *out, const struct record_import_item *i);
void record_import_item_decode(struct cursor *c, struct record_import_item *out);

#endif
