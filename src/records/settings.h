/* SPDX-License-Identifier: EUPL-1.2 */
/* Named values that the node remembers. Called by the keeper and by the rest of records/. */
#ifndef RECORDS_SETTINGS_H
#define RECORDS_SETTINGS_H

#include "base/clock.h"
#include "records/db.h"

enum { SETTING_MAX = 4096 /* bytes of a value */ };

/* Value into text[size]; ERR_NOT_FOUND, ERR_LIMIT when it does not fit. */
int settings_get(struct db *db, struct span name, char *text, size_t size, struct span *value_out,
                 struct err *e) NODISCARD;
int settings_put(struct db *db, struct span name, struct span value, time_ns now,
                 struct err *e) NODISCARD;
int settings_put_i64(struct db *db, struct span name, int64_t value, time_ns now,
                     struct err *e) NODISCARD;

#endif
