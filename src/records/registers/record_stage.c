/* SPDX-License-Identifier: EUPL-1.2 */
/* New records of imports on their way: see record_stage.h. Runs in the keeper. */
#include "records/registers/record_stage.h"

#include <stdio.h>

#include "records/registers/record_store.h"

_Static_assert((int)TLP_COUNT < (int)RECORD_HIDDEN, "ranks of labels are below what is added");

int record_stage_put(struct db *db, const struct record_put *p, struct err *e)
{
    int rc = record_row_write(db, &p->row, RECORD_HIDDEN, e);
    rc = rc == 0 ? record_keys_put(db, &p->row, p->keys, p->nkeys, e) : rc;
    return rc == 0 ? record_links_put(db, &p->row, p->links, p->nlinks, e) : rc;
}

/* ---- they come to be ---- */

/* Whether there is a row. 1, 0, or an error. */
static int finds(struct db *db, struct sql *s, struct err *e)
{
    struct db_stmt *st = NULL;
    int rc = sql_prepare(db, s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        db_done(st);
    }
    sql_end(s);
    return rc;
}

static int keys_taken(struct db *db, struct span import, const struct record_scope *scope, struct span field, struct err *e)
{
    struct sql s;
    sql_begin(&s);
    sql_put(&s, "SELECT 1 FROM record_import_row i CROSS JOIN record_key k CROSS JOIN record_key o CROSS JOIN record r WHERE i.import_id = ");
    sql_value(&s, import);
    sql_put(&s, " AND i.version = 1 AND k.record_id = i.record_id AND k.value <> '' AND k.field = ");
    sql_value(&s, field);
    sql_put(&s, " AND o.kind = k.kind AND o.field = k.field AND o.organisation = k.organisation AND o.value = k.value"
                " AND o.record_id <> k.record_id AND r.id = o.record_id AND ");
    sql_scope(&s, scope, NULL);
    sql_put(&s, " LIMIT 1");
    return finds(db, &s, e);
}

static int links_astray(struct db *db, struct span import, const struct record_sight *sight, struct err *e)
{
    struct sql s;
    sql_begin(&s);
    sql_put(&s, "SELECT 1 FROM record_import_row i CROSS JOIN record_link l WHERE i.import_id = ");
    sql_value(&s, import);
    sql_put(&s, " AND i.version = 1 AND l.record_id = i.record_id AND NOT EXISTS (SELECT 1 FROM record r WHERE r.id = l.value AND ");
    sql_sight(&s, sight);
    sql_put(&s, ") LIMIT 1");
    return finds(db, &s, e);
}

static int show(struct db *db, struct span import, int64_t count, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE record SET tlp = tlp - $1 WHERE tlp >= $1 AND id IN "
                      "(SELECT record_id FROM record_import_row WHERE import_id = $2 AND version = 1)",
                      e, &s);
    if (rc == 0) {
        db_bind_i64(s, 1, RECORD_HIDDEN);
        db_bind_text(s, 2, import);
        rc = db_run(s, e);
    }
    return rc == 0 && db_changes(db) != count ? err_set(e, ERR_EXISTS, "what waited of the import is not all there any more") : rc;
}

int record_stage_show(struct db *db, struct span import, int64_t count, const struct record_scope *scope, const struct record_sight *sight,
                      struct span field, struct err *e)
{
    CHECK(db_in_transaction(db));
    int rc = keys_taken(db, import, scope, field, e);
    if (rc > 0) {
        return err_set(e, ERR_EXISTS, "somebody made one of these records meanwhile; look at the file again");
    }
    rc = rc == 0 ? links_astray(db, import, sight, e) : rc;
    if (rc > 0) {
        return err_set(e, ERR_EXISTS, "a record that is named was changed meanwhile; look at the file again");
    }
    return rc == 0 && count > 0 ? show(db, import, count, e) : rc;
}

int record_stage_hide(struct db *db, struct span id, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(db_in_transaction(db));
    int rc = db_query(db, "SELECT 1 FROM record_link WHERE value = $1 AND record_id <> $1 LIMIT 1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, id);
        rc = db_step(s, e);
        if (rc > 0) {
            db_done(s);
            return err_set(e, ERR_EXISTS, "Other records name one of these since; nothing was taken back.");
        }
    }
    rc = rc == 0 ? db_query(db, "UPDATE record SET tlp = tlp + $1 WHERE id = $2", e, &s) : rc;
    if (rc == 0) {
        db_bind_i64(s, 1, RECORD_HIDDEN);
        db_bind_text(s, 2, id);
        rc = db_run(s, e);
    }
    return rc;
}

/* ---- they go ---- */

/* Place of the last one of the next slice; ERR_NOT_FOUND: nothing is left, or the import was stored. */
static int slice_of(struct db *db, struct span import, int64_t *last_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT MAX(place) FROM (SELECT place FROM record_import_row WHERE import_id = $1"
                      " AND NOT EXISTS (SELECT 1 FROM record_import WHERE id = $1 AND undone = 0) ORDER BY place LIMIT $2) AS some",
                      e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, import);
    db_bind_i64(s, 2, RECORD_STAGE_SLICE);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc == 0 ? ERR_NOT_FOUND : rc;
    }
    bool none = db_col_null(s, 0);
    *last_out = db_col_i64(s, 0);
    db_done(s);
    return none ? ERR_NOT_FOUND : 0;
}

#define HIDDEN_ONES                                                                                                                     \
    "(SELECT r.id FROM record_import_row i CROSS JOIN record r WHERE i.import_id = $1 AND i.place <= $2 AND i.version = 1"              \
    " AND r.id = i.record_id AND r.tlp >= 100)"
_Static_assert((int)RECORD_HIDDEN == 100, "as HIDDEN_ONES says");

static int delete_slice(struct db *db, struct span import, int64_t last, struct err *e)
{
    static const char *const statements[] = {
        "DELETE FROM record_key WHERE record_id IN " HIDDEN_ONES,
        "DELETE FROM record_link WHERE record_id IN " HIDDEN_ONES,
        "DELETE FROM record WHERE id IN " HIDDEN_ONES,
        "DELETE FROM record_import_row WHERE import_id = $1 AND place <= $2",
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(statements) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, statements[i], e, &s);
        if (rc == 0) {
            db_bind_text(s, 1, import);
            db_bind_i64(s, 2, last);
            rc = db_run(s, e);
        }
    }
    return rc;
}

int record_stage_sweep(struct db *db, struct span import, bool *more_out, struct err *e)
{
    int64_t last = 0;
    int rc = slice_of(db, import, &last, e);
    *more_out = rc == 0;
    if (rc != 0) {
        return rc == ERR_NOT_FOUND ? 0 : rc;
    }
    rc = db_begin(db, e);
    return rc == 0 ? db_end(db, delete_slice(db, import, last, e), e) : rc;
}

int record_stage_left(struct db *db, struct span after, char out[RECORD_ID_MAX + 1], struct err *e)
{
    struct db_stmt *s = NULL;
    out[0] = '\0';
    int rc = db_query(db,
                      "SELECT import_id FROM record_import_row WHERE import_id > $1 AND import_id NOT IN "
                      "(SELECT id FROM record_import WHERE undone = 0) ORDER BY import_id LIMIT 1",
                      e, &s);
    if (rc != 0) {
        return rc;
    }
    db_bind_text(s, 1, after);
    rc = db_step(s, e);
    if (rc > 0) {
        struct span id = db_col_text(s, 0);
        (void)snprintf(out, RECORD_ID_MAX + 1, "%.*s", SPAN_ARG(id));
        db_done(s);
        rc = 0;
    }
    return rc;
}
