/* SPDX-License-Identifier: EUPL-1.2 */
/* Shared by fed_warnings*.c only. */
#ifndef RECORDS_FED_WARNINGS_PRIV_H
#define RECORDS_FED_WARNINGS_PRIV_H

#include "records/fed_warnings.h"

/* Makes room for a version of this one, at row->updated. Inside a transaction. ERR_LIMIT: there is none (counted). */
int fed_warnings_room(struct db *db, const struct fed_warning_row *row, struct err *e) NODISCARD;

#endif
