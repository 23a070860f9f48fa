/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What must hold over several records at once (x-constraints, register.h), asked inside the transaction that writes one of them, after it
 * was written. Others are those of the same organisation that its writer may read, so what he runs into is never a record that he does
 * not know of: kinds with constraints have no RED ones. A tree alone is asked over all records of its kind, since a loop that closes
 * where somebody cannot look is one as well; he is told of nothing but what he named. Runs in the keeper.
 */
#ifndef RECORDS_REGISTERS_RECORD_CONSTRAINT_H
#define RECORDS_REGISTERS_RECORD_CONSTRAINT_H

#include "records/registers/record_row.h"

enum { CONSTRAINT_ROWS_MAX = 10000 /* others that are looked at; where there are more, it counts as not held */ };

/* Whether anything is asked of records of this kind. */
bool record_constraints_any(const struct registers *kinds, struct span kind);
/* Looks whether all hold for a record as it is or would be; out->there says what does not. scope: of who writes, in its kind. */
int record_constraints_check(struct db *db, const struct registers *kinds, const struct record_row *row, const struct record_scope *scope,
                             struct record_breach *out, struct err *e) NODISCARD;

#endif
