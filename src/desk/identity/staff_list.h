/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * A list of the personnel office: who works here, who has left, as CSV (wire/csv.h) with a first line of names. Columns: name
 * (must be there), state (active or left; empty = active), role, organisation; for the record of the person number (by which the office
 * knows him, and by which alone his record is found), person, mail, phone, office, last_day. What a row means for an account is decided here:
 *
 *   active, no account        a new one in its role, with a sign-in link
 *   active, another role      the account gets it (no role said: it keeps its own)
 *   left                      the account is disabled; who has none needs nothing
 *
 * What it means for the person's record: desk/govern/staff_person.h. Nobody is let in again, moved to another organisation, or shut out by himself through a file: such rows are faults. Pure. Called by
 * api; what comes out is done in one transaction (records/staff_imports.h).
 */
#ifndef DESK_IDENTITY_STAFF_LIST_H
#define DESK_IDENTITY_STAFF_LIST_H

#include "desk/identity/people_role.h"
#include "records/staff_imports.h"

enum { STAFF_ROWS_MAX = 10000 };

/* What a row says of the person; empty = nothing. last_day as YYYY-MM-DD. */
struct staff_words {
    struct span number, person, mail, phone, office, last_day;
};

struct staff_row {
    uint32_t line;       /* in the file, from 1 */
    struct span name, role, organisation; /* empty = not said; name trimmed */
    struct staff_words says;
    bool left;
    const char *column;  /* of what is wrong; NULL = nothing is */
    const char *fault;   /* sentence */
};

struct staff_list {
    struct staff_row *rows; /* in the arena */
    uint32_t count;
};

/* Whose list it is: an importer of one organisation ("*" = the whole node). */
struct staff_importer {
    const struct people_roles *roles;
    struct span organisation;
    struct span id; /* of his account */
};

/* The fault of a row that has none yet. */
void staff_row_fault(struct staff_row *row, const char *column, const char *fault);

/* Reads all of it; rows with a fault carry it. ERR_INVALID, ERR_LIMIT with a sentence and e->line: it cannot be taken apart at all. */
int staff_list_read(struct arena *a, struct span text, const struct staff_importer *by, struct staff_list *out, struct err *e) NODISCARD;

/* The organisation of who joins: that of the row, else the importer's own. */
struct span staff_row_home(const struct staff_importer *by, const struct staff_row *row);

/*
 * What a row without a fault makes of an account; found NULL = there is none of this name that the importer may know. True: a
 * change, in *out (no link yet); false: it is so already, or row->fault says why not.
 */
bool staff_row_change(const struct staff_importer *by, struct staff_row *row, const struct person *found, struct staff_change *out);

#endif
