/* SPDX-License-Identifier: EUPL-1.2 */
/* Runs migrations: see migrate.h. Called by records_open in the keeper; must never leave half a
 * migration behind. */
#include "records/migrate.h"

#include <inttypes.h>
#include <stdio.h>

#include "records/proof.h"

static int make_table(struct db *db, struct err *e)
{
    return db_exec(db,
                   "CREATE TABLE IF NOT EXISTS schema_version ("
                   "version BIGINT PRIMARY KEY, name TEXT NOT NULL, applied BIGINT NOT NULL)",
                   e);
}

int migrate_version(struct db *db, struct err *e, int64_t *version_out)
{
    *version_out = 0;
    int rc = make_table(db, e);
    struct db_stmt *s = NULL;
    if (rc == 0) {
        rc = db_query(db, "SELECT COALESCE(MAX(version), 0) FROM schema_version", e, &s);
    }
    if (rc == 0) {
        rc = db_step(s, e);
    }
    if (rc > 0) {
        *version_out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int note_version(struct db *db, int64_t version, const char *name, time_ns now,
                        struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "INSERT INTO schema_version (version, name, applied) VALUES ($1, $2, $3)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, version);
    db_bind_text(s, 2, span_of(name));
    db_bind_i64(s, 3, now);
    return db_run(s, e);
}

static int run_one(struct db *db, const struct migration *m, int64_t version, time_ns now,
                   struct err *e)
{
    int rc = db_exec(db, m->sql, e);
    if (rc == 0) {
        rc = note_version(db, version, m->name, now, e);
    }
    if (rc < 0 && e != NULL) {
        char why[256];
        (void)snprintf(why, sizeof why, "%.255s", e->text);
        return err_set(e, rc, "migration %" PRId64 " (%s) failed and all was undone: %s", version, m->name, why);
    }
    return rc;
}

int migrate_run(struct db *db, const struct migration *list, size_t count, time_ns now,
                struct err *e)
{
    int64_t version = 0;
    int rc = migrate_version(db, e, &version);
    if (rc < 0) {
        return rc;
    }
    if (version > (int64_t)count) {
        return err_set(e, ERR_UNSUPPORTED,
                       "the records have version %" PRId64
                       ", made by a newer program; this one knows %zu. "
                       "Start the newer program, or go back to the copy that it made before it changed them "
                       "(docs/DATA_DIR.md)",
                       version, count);
    }
    if (version == (int64_t)count) {
        return 0;
    }
    /* One transaction for all of them: what the former program left is there whole, or today's. */
    rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = (size_t)version; i < count && rc == 0; i++) {
        rc = run_one(db, &list[i], (int64_t)i + 1, now, e);
    }
    rc = rc == 0 ? proof_renew(db, e) : rc;
    return db_end(db, rc, e);
}
