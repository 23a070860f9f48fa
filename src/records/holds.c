/* SPDX-License-Identifier: EUPL-1.2 */
/* Legal holds: see holds.h. Runs in the keeper. A hold is never deleted. */
#include "records/holds.h"

#include "records/audit.h"

enum { HOLDS_LISTED_MAX = 5000 };

static int note(struct db *db, const struct hold *h, struct span who, const char *what, struct span why, time_ns at,
                struct err *e)
{
    struct audit_entry entry = {
        .at = at,
        .organisation = h->organisation,
        .who = who,
        .what = span_of(what),
        .subject = h->id,
        .after = why,
    };
    return audit_append(db, &entry, e);
}

static int room(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM legal_hold WHERE lifted IS NULL", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        rc = db_col_i64(s, 0) < HOLDS_MAX ? 0 : err_set(e, ERR_LIMIT, "a node has at most %d holds", HOLDS_MAX);
        db_done(s);
    }
    return rc;
}

static int insert(struct db *db, const struct hold *h, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = room(db, e);
    rc = rc == 0 ? db_query(db,
                            "INSERT INTO legal_hold (id, organisation, source, first_day, last_day, reason, created, "
                            "created_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
                            e, &s)
                 : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, h->id);
    db_bind_text(s, 2, h->organisation);
    db_bind_text(s, 3, h->source);
    db_bind_i64(s, 4, h->first_day);
    db_bind_i64(s, 5, h->last_day);
    db_bind_text(s, 6, h->reason);
    db_bind_i64(s, 7, h->created);
    db_bind_text(s, 8, h->who);
    rc = db_run(s, e);
    return rc < 0 ? rc : note(db, h, h->who, "hold.set", h->reason, h->created, e);
}

int hold_set(struct db *db, const struct hold *h, struct err *e)
{
    if (h->organisation.len == 0 || h->organisation.len > HOLD_NAME_MAX || h->source.len > HOLD_NAME_MAX ||
        h->reason.len == 0 || h->reason.len > HOLD_REASON_MAX || h->first_day > h->last_day ||
        h->first_day < INT32_MIN || h->last_day > INT32_MAX) {
        return err_set(e, ERR_INVALID, "a hold needs a reason, and days that end on or after their first");
    }
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, insert(db, h, e), e);
}

static int lift(struct db *db, const struct hold *h, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE legal_hold SET lifted = $1, lifted_by = $2, lifted_reason = $3 WHERE id = $4 "
                      "AND lifted IS NULL AND ($5 = '*' OR organisation = $5)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, h->lifted);
    db_bind_text(s, 2, h->lifted_by);
    db_bind_text(s, 3, h->lifted_reason);
    db_bind_text(s, 4, h->id);
    db_bind_text(s, 5, h->organisation);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no such hold stands");
    }
    return rc < 0 ? rc : note(db, h, h->lifted_by, "hold.lifted", h->lifted_reason, h->lifted, e);
}

int hold_lift(struct db *db, struct span organisation, struct span id, struct span who, struct span reason,
              time_ns now, struct err *e)
{
    const struct hold h = {
        .id = id, .organisation = organisation, .lifted = now, .lifted_by = who, .lifted_reason = reason};
    if (reason.len == 0 || reason.len > HOLD_REASON_MAX) {
        return err_set(e, ERR_INVALID, "lifting a hold needs a reason");
    }
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, lift(db, &h, e), e);
}

int holds_list(struct db *db, struct span organisation, bool all, struct arena *arena, struct hold **out,
               size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    struct hold *list = arena_calloc(arena, HOLDS_LISTED_MAX, sizeof *list);
    *out = list;
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT id, organisation, source, first_day, last_day, reason, created, created_by, lifted, "
                      "lifted_by, lifted_reason FROM legal_hold WHERE ($1 = '*' OR organisation = $1 OR "
                      "organisation = '*') AND ($2 = 1 OR lifted IS NULL) ORDER BY created DESC, id DESC LIMIT 5000",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, organisation);
    db_bind_i64(s, 2, all);
    while ((rc = db_step(s, e)) > 0) {
        struct hold *h = &list[(*count_out)++];
        h->id = arena_copy(arena, db_col_text(s, 0));
        h->organisation = arena_copy(arena, db_col_text(s, 1));
        h->source = arena_copy(arena, db_col_text(s, 2));
        h->first_day = db_col_i64(s, 3);
        h->last_day = db_col_i64(s, 4);
        h->reason = arena_copy(arena, db_col_text(s, 5));
        h->created = db_col_i64(s, 6);
        h->who = arena_copy(arena, db_col_text(s, 7));
        h->lifted = db_col_null(s, 8) ? TIME_NONE : db_col_i64(s, 8);
        h->lifted_by = db_col_null(s, 9) ? SPAN("") : arena_copy(arena, db_col_text(s, 9));
        h->lifted_reason = db_col_null(s, 10) ? SPAN("") : arena_copy(arena, db_col_text(s, 10));
        if (*count_out == HOLDS_LISTED_MAX) {
            db_done(s);
            return 0;
        }
    }
    return rc;
}

void hold_encode(struct buf *out, const struct hold *h)
{
    buf_str(out, h->id);
    buf_str(out, h->organisation);
    buf_str(out, h->source);
    buf_u64(out, (uint64_t)h->first_day);
    buf_u64(out, (uint64_t)h->last_day);
    buf_str(out, h->reason);
    buf_str(out, h->who);
    buf_u64(out, (uint64_t)h->created);
    buf_u64(out, (uint64_t)h->lifted);
    buf_str(out, h->lifted_by);
    buf_str(out, h->lifted_reason);
}

void hold_decode(struct cursor *c, struct hold *out)
{
    out->id = cursor_str(c);
    out->organisation = cursor_str(c);
    out->source = cursor_str(c);
    out->first_day = (int64_t)cursor_u64(c);
    out->last_day = (int64_t)cursor_u64(c);
    out->reason = cursor_str(c);
    out->who = cursor_str(c);
    out->created = (time_ns)cursor_u64(c);
    out->lifted = (time_ns)cursor_u64(c);
    out->lifted_by = cursor_str(c);
    out->lifted_reason = cursor_str(c);
}
