/* SPDX-License-Identifier: EUPL-1.2 */
/* How much of imports is kept on the disk: see record_room.h. Runs in the keeper. */
#include "records/registers/record_room.h"

#include <stdio.h>

#include "base/id.h"
#include "records/registers/record_import.h"
#include "records/registers/record_stage.h"

static size_t place_of(const struct record_room *r, struct span import)
{
    size_t i = 0;
    while (i < r->nopen && !span_eq(span_of(r->open[i].id), import)) {
        i++;
    }
    return i;
}

static bool idle(const struct record_room *r, size_t i, time_ns now)
{
    return now - r->open[i].seen >= RECORD_ROOM_IDLE_S * TIME_SECOND;
}

int record_room_take(struct record_room *r, struct span import, uint64_t bytes, time_ns now, struct err *e)
{
    size_t i = place_of(r, import);
    uint64_t waiting = bytes;
    if (import.len == 0 || import.len > RECORD_ID_MAX) {
        return err_set(e, ERR_INVALID, "no name of an import");
    }
    for (size_t k = 0; k < r->nopen; k++) {
        waiting += r->open[k].bytes;
    }
    if (i == RECORD_ROOM_IMPORTS || waiting > RECORD_ROOM_WAITING) {
        return err_set(e, ERR_LIMIT, "Too much is being imported at this moment. Nothing was stored; try again later, or in smaller files.");
    }
    if (i == r->nopen) {
        r->nopen++;
        (void)snprintf(r->open[i].id, sizeof r->open[i].id, "%.*s", SPAN_ARG(import));
        r->open[i].bytes = 0;
    }
    r->open[i].seen = now;
    r->open[i].bytes += bytes;
    return 0;
}

void record_room_done(struct record_room *r, struct span import)
{
    size_t i = place_of(r, import);
    if (i < r->nopen) {
        r->open[i] = r->open[--r->nopen];
    }
}

/* ---- what was left ---- */

/* Whether the sender of this one is still there. */
static bool alive(const struct record_room *r, struct span import, time_ns now)
{
    size_t i = place_of(r, import);
    return i < r->nopen && !idle(r, i, now);
}

static void drop_idle(struct record_room *r, time_ns now)
{
    for (size_t i = 0; i < r->nopen;) {
        if (idle(r, i, now)) {
            r->open[i] = r->open[--r->nopen];
        } else {
            i++;
        }
    }
}

int record_room_sweep(struct record_room *r, struct db *db, time_ns now, bool *more_out, struct err *e)
{
    char next[RECORD_ID_MAX + 1] = "";
    int rc = record_stage_left(db, SPAN(""), next, e);
    *more_out = false;
    while (rc == 0 && next[0] != '\0' && alive(r, span_of(next), now)) {
        char after[RECORD_ID_MAX + 1];
        (void)snprintf(after, sizeof after, "%s", next);
        rc = record_stage_left(db, span_of(after), next, e);
    }
    if (rc == 0 && next[0] != '\0') {
        rc = record_stage_sweep(db, span_of(next), more_out, e);
        *more_out = true; /* another one may be left */
    } else {
        drop_idle(r, now);
    }
    return rc;
}

/* ---- what takes stored ones back ---- */

/* The oldest stored import that has to be forgotten, one that was begun too; empty: none has. */
static int oldest_over(struct db *db, time_ns now, uint64_t kept_max, char out[RECORD_ID_MAX + 1], struct err *e)
{
    char bound[ID_TEXT_LEN + 1];
    struct db_stmt *s = NULL;
    uint64_t kept = 0;
    out[0] = '\0';
    id_new(now - RECORD_IMPORT_UNDO_DAYS * TIME_DAY, bound); /* ids sort by time */
    int rc = db_query(db,
                      "SELECT import_id, SUM(LENGTH(back)), COUNT(*), CASE WHEN import_id < $1 OR MIN(place) > 0 THEN 1 ELSE 0 END FROM record_import_row WHERE import_id IN "
                      "(SELECT id FROM record_import WHERE undone = 0) GROUP BY import_id ORDER BY import_id DESC",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, span_of(bound));
    }
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        struct span id = db_col_text(s, 0);
        kept += (uint64_t)db_col_i64(s, 1) + (uint64_t)db_col_i64(s, 2) * RECORD_ROOM_ROW;
        if (kept > kept_max || db_col_i64(s, 3) != 0) {
            (void)snprintf(out, RECORD_ID_MAX + 1, "%.*s", SPAN_ARG(id));
        }
        rc = 0;
    }
    return rc;
}

static int delete_some(struct db *db, struct span import, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "DELETE FROM record_import_row WHERE import_id = $1 AND place IN "
                      "(SELECT place FROM record_import_row WHERE import_id = $1 ORDER BY place LIMIT $2)",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, import);
        db_bind_i64(s, 2, RECORD_ROOM_SLICE);
        rc = db_run(s, e);
    }
    return rc;
}

int record_room_forget(struct db *db, time_ns now, uint64_t kept_max, bool *more_out, struct err *e)
{
    char id[RECORD_ID_MAX + 1];
    int rc = oldest_over(db, now, kept_max, id, e);
    *more_out = rc == 0 && id[0] != '\0';
    if (!*more_out) {
        return rc;
    }
    rc = db_begin(db, e);
    return rc == 0 ? db_end(db, delete_some(db, span_of(id), e), e) : rc;
}
