/* SPDX-License-Identifier: EUPL-1.2 */
/* How many warnings are kept, and which go: see fed_warnings.h and fed_room.def. Runs in the keeper. */
#include "base/num.h"
#include "records/fed_room.h"
#include "records/fed_warnings_priv.h"
#include "records/settings.h"

#define FORGOTTEN SPAN("federation.warning.forgotten")

/* One that goes. */
struct leaver {
    char id[FED_WARNING_ID_LEN];
    int64_t version;
};

static int remove_row(struct db *db, const struct leaver *l, struct err *e)
{
    static const char *const steps[] = {
        "DELETE FROM fed_warning_step WHERE id = $1",
        "DELETE FROM fed_warning_take WHERE id = $1",
        "DELETE FROM fed_finding_told WHERE warning = $1",
        "DELETE FROM fed_warning WHERE id = $1",
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, steps[i], e, &s);
        if (rc == 0) {
            db_bind_text(s, 1, span_make(l->id, sizeof l->id));
            rc = db_run(s, e);
        }
    }
    return rc;
}

static int remember_version(struct db *db, int64_t version, time_ns now, struct err *e)
{
    char text[SETTING_MAX];
    struct span value = SPAN("");
    int64_t known = 0;
    int rc = settings_get(db, FORGOTTEN, text, sizeof text, &value, e);
    if (rc < 0 && rc != ERR_NOT_FOUND) {
        return rc;
    }
    (void)!num_i64(value, &known);
    return version > known ? settings_put_i64(db, FORGOTTEN, version, now, e) : 0;
}

static int remove_all(struct db *db, const struct leaver *list, size_t n, time_ns now, struct err *e)
{
    int64_t version = 0;
    int rc = 0;
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = remove_row(db, &list[i], e);
        version = list[i].version > version ? list[i].version : version;
    }
    return rc < 0 || n == 0 ? rc : remember_version(db, version, now, e);
}

/* Reads id and version of those that go, and ends the statement. */
static int read_leavers(struct db_stmt *s, struct leaver *out, size_t max, size_t *n_out, struct err *e)
{
    int rc = 0;
    *n_out = 0;
    while (*n_out < max && (rc = db_step(s, e)) > 0) {
        struct span id = db_col_text(s, 0);
        CHECK(id.len == FED_WARNING_ID_LEN);
        memcpy(out[*n_out].id, id.ptr, id.len);
        out[(*n_out)++].version = db_col_i64(s, 1);
    }
    db_done(s);
    return rc < 0 ? rc : 0;
}

/* Those of a circle in the order in which they go. A hub's own go only when they are over: it must know what it told. */
static int leavers_of(struct db *db, const struct fed_warning_row *row, size_t most, struct leaver *out, size_t *n_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT id, version, CASE WHEN withdrawn <> 0 OR expires <= $3 THEN 0 ELSE 1 END AS live FROM fed_warning w "
                      "WHERE circle = $1 AND id <> $2 AND (withdrawn <> 0 OR expires <= $3 OR "
                      "(NOT EXISTS (SELECT 1 FROM fed_warning_take t WHERE t.id = w.id AND t.state = 'taken') AND "
                      "NOT EXISTS (SELECT 1 FROM fed_circle c WHERE c.id = $1 AND c.own = 1))) "
                      "ORDER BY live, updated, id LIMIT $4",
                      e, &s);
    *n_out = 0;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, row->circle);
    db_bind_text(s, 2, row->id);
    db_bind_i64(s, 3, row->updated);
    db_bind_i64(s, 4, (int64_t)most);
    return read_leavers(s, out, most, n_out, e);
}

/* The circle's others. */
static int others(struct db *db, const struct fed_warning_row *row, int64_t *rows_out, int64_t *bytes_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*), COALESCE(SUM(LENGTH(body)), 0) FROM fed_warning WHERE circle = $1 AND id <> $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, row->circle);
    db_bind_text(s, 2, row->id);
    rc = db_step(s, e);
    if (rc > 0) {
        *rows_out = db_col_i64(s, 0);
        *bytes_out = db_col_i64(s, 1);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int fed_warnings_room(struct db *db, const struct fed_warning_row *row, struct err *e)
{
    enum { FIRST_ONE_BY_ONE = 16, THEN = 64 };
    const struct fed_room_of of = {FED_ROOM_WARNINGS, row->circle, SPAN("")};
    struct leaver list[THEN];
    int64_t dropped = 0;
    CHECK(db_in_transaction(db));
    for (int round = 0;; round++) {
        int64_t rows = 0, bytes = 0;
        size_t n = 0;
        int rc = others(db, row, &rows, &bytes, e);
        if (rc < 0) {
            return rc;
        }
        if (rows < fed_room_rows(FED_ROOM_WARNINGS) && bytes + (int64_t)row->body.len <= fed_room_bytes(FED_ROOM_WARNINGS)) {
            return fed_room_note(db, &of, dropped, 0, row->updated, e);
        }
        rc = leavers_of(db, row, round < FIRST_ONE_BY_ONE ? 1 : THEN, list, &n, e);
        rc = rc < 0 ? rc : remove_all(db, list, n, row->updated, e);
        dropped += (int64_t)n;
        if (rc == 0 && n == 0) {
            rc = fed_room_note(db, &of, dropped, 1, row->updated, e);
            rc = rc < 0 ? rc : err_set(e, ERR_LIMIT, "room: so many warnings of this circle are kept already");
        }
        if (rc < 0) {
            return rc;
        }
    }
}

/* So many at once; the next sweep goes on. */
static int sweep(struct db *db, time_ns now, struct err *e)
{
    enum { AT_ONCE = 500 };
    struct leaver *list = NULL;
    struct arena arena;
    struct db_stmt *s = NULL;
    size_t n = 0;
    int rc = db_query(db,
                      "SELECT id, version FROM fed_warning WHERE expires <= $1 OR (withdrawn <> 0 AND updated <= $1) "
                      "ORDER BY updated, id LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    arena_init(&arena, 0);
    list = arena_calloc(&arena, AT_ONCE, sizeof *list);
    db_bind_i64(s, 1, now - FED_WARNING_KEPT_DAYS * TIME_DAY);
    db_bind_i64(s, 2, AT_ONCE);
    rc = read_leavers(s, list, AT_ONCE, &n, e);
    rc = rc < 0 ? rc : remove_all(db, list, n, now, e);
    arena_fini(&arena);
    return rc;
}

int fed_warnings_sweep(struct db *db, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, sweep(db, now, e), e);
}
