/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the audit trail keeps of a record's personal fields (x-pii): not their values, but one mark of all of them, a keyed hash
 * under a salt that is the record's own. The values and the salt lie beside the trail in a table that can be erased. The chain goes
 * over the mark, so it holds when they are gone, and it shows a value that is another one. Called by the keeper, and by `sereno verify`.
 */
#ifndef RECORDS_REGISTERS_RECORD_SEAL_H
#define RECORDS_REGISTERS_RECORD_SEAL_H

#include "records/registers/record_row.h"

enum { RECORD_SALT_BYTES = 32, RECORD_MARK_TEXT = 64 /* hex digits of a mark */ };

/* What erases values; a line of the trail with one of these words says when, by whom and by what rule. */
#define RECORD_ERASED SPAN("record.erased")
#define RECORD_UNDONE SPAN("record.import_undone")

/* "kind/id", as the trail calls a record; in a. */
struct span record_subject(struct arena *a, const struct record_row *r);
/*
 * A record as the trail keeps it, in a; what it leaves out is put beside it. Of a kind that no file describes any more, all fields
 * are left out; kinds NULL: none. Inside a transaction.
 */
int record_seal(struct db *db, const struct registers *kinds, const struct record_row *r, struct arena *a, struct span *text_out, struct err *e)
    NODISCARD;
/* The same by one file; k NULL: all fields are left out. */
int record_seal_as(struct db *db, const struct register_kind *k, const struct record_row *r, struct arena *a, struct span *text_out, struct err *e)
    NODISCARD;
/* The values of a mark as JSON, in a; empty: they were erased. */
int record_unseal(struct db *db, struct span id, struct span mark, struct arena *a, struct span *out, struct err *e) NODISCARD;
/* All values that the trail ever had of a record, and their salt. Whoever calls it writes why. Inside a transaction. */
int record_seal_erase(struct db *db, struct span id, struct err *e) NODISCARD;
/*
 * Whether each mark of the trail has the values that it was made of, or a later line that says that they were erased. ERR_INVALID
 * names the first line that has neither. *values_out: marks with values, *erased_out: without.
 */
int record_seal_verify(struct db *db, int64_t *values_out, int64_t *erased_out, struct err *e) NODISCARD;

extern const char record_seal_sql[]; /* its table, for migrations.c */

#endif
