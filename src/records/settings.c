/* SPDX-License-Identifier: EUPL-1.2 */
/* Named values: see settings.h. Runs in the keeper. */
#include "records/settings.h"

#include <inttypes.h>
#include <stdio.h>

int settings_get(struct db *db, struct span name, char *text, size_t size, struct span *value_out,
                 struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT value FROM setting WHERE name = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, name);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no setting %.*s", SPAN_ARG(name));
    }
    if (rc < 0) {
        return rc;
    }
    struct span value = db_col_text(s, 0);
    rc = value.len <= size ? 0
                           : err_set(e, ERR_LIMIT, "the setting %.*s is too long", SPAN_ARG(name));
    if (rc == 0) {
        memcpy(text, value.ptr, value.len);
        *value_out = span_make(text, value.len);
    }
    db_done(s);
    return rc;
}

int settings_put(struct db *db, struct span name, struct span value, time_ns now, struct err *e)
{
    if (value.len > SETTING_MAX) {
        return err_set(e, ERR_LIMIT, "a setting has at most %d bytes", SETTING_MAX);
    }
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO setting (name, value, changed) VALUES ($1, $2, $3) "
        "ON CONFLICT (name) DO UPDATE SET value = excluded.value, changed = excluded.changed",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, name);
    db_bind_text(s, 2, value);
    db_bind_i64(s, 3, now);
    return db_run(s, e);
}

int settings_put_i64(struct db *db, struct span name, int64_t value, time_ns now, struct err *e)
{
    char text[32];
    int n = snprintf(text, sizeof text, "%" PRId64, value);
    return settings_put(db, name, span_make(text, (size_t)n), now, e);
}
