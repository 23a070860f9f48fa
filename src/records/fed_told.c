/* SPDX-License-Identifier: EUPL-1.2 */
/* What a node has to tell, and what it told: see fed_signals.h. */
#include "records/alerts.h"
#include "records/fed_signals.h"
#include "records/rules.h"

int fed_pending_mark(struct db *db, struct span alert, time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_pending (alert, due, stamp) SELECT $1, $2, $2 "
                      "WHERE EXISTS (SELECT 1 FROM fed_circle) "
                      "ON CONFLICT (alert) DO UPDATE SET due = $2, stamp = fed_pending.stamp + 1",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, alert);
        db_bind_i64(s, 2, now);
        rc = db_run(s, e);
    }
    return rc;
}

int fed_pending_done(struct db *db, const struct fed_dealt *d, struct err *e)
{
    struct db_stmt *s = NULL;
    bool gone = d->due == TIME_NONE;
    int rc = db_query(db,
                      gone ? "DELETE FROM fed_pending WHERE alert = $1 AND stamp = $2"
                           : "UPDATE fed_pending SET due = $3 WHERE alert = $1 AND stamp = $2",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, d->alert);
        db_bind_i64(s, 2, d->stamp);
        if (!gone) {
            db_bind_i64(s, 3, d->due);
        }
        rc = db_run(s, e);
    }
    return rc;
}

/* What stands for the alert in each circle that the node is in. */
static int list_told(struct db *db, struct fed_pending *p, struct arena *arena, struct err *e)
{
    enum { CIRCLES_MAX = 64 };
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "SELECT c.id, c.hub, c.own, c.epoch, c.expires, a.number, a.events, t.number, t.count, "
        "t.indicators FROM fed_circle c "
        "LEFT JOIN fed_told_alert a ON a.circle = c.id AND a.alert = $1 "
        "LEFT JOIN fed_told t ON t.circle = c.id AND ((a.number IS NOT NULL AND t.number = "
        "a.number) OR (a.number IS NULL AND t.rule_hash = $2 AND t.bucket = $3)) "
        "ORDER BY c.id LIMIT $4",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, p->alert.id);
    db_bind_text(s, 2, p->alert.rule_hash);
    db_bind_i64(s, 3, p->alert.time / (900 * TIME_SECOND));
    db_bind_i64(s, 4, CIRCLES_MAX);
    p->told = arena_calloc(arena, CIRCLES_MAX, sizeof *p->told);
    while ((rc = db_step(s, e)) > 0) {
        p->told[p->ntold++] = (struct fed_told){
            .circle = arena_copy(arena, db_col_text(s, 0)),
            .hub = arena_copy(arena, db_col_text(s, 1)),
            .own = db_col_i64(s, 2) != 0,
            .epoch = db_col_i64(s, 3),
            .expires = db_col_i64(s, 4),
            .alert_number = db_col_i64(s, 5),
            .alert_events = db_col_i64(s, 6),
            .number = db_col_i64(s, 7),
            .count = db_col_i64(s, 8),
            .indicators = arena_copy(arena, db_col_text(s, 9)),
        };
    }
    return rc;
}

/* The alert itself and its rule; a rule that is not known any more has no tags. */
static int fill(struct db *db, struct fed_pending *p, struct span alert, struct arena *arena,
                struct err *e)
{
    struct rule_row rule = {0};
    int rc = alerts_get(db, SPAN("*"), alert, arena, &p->alert, &p->detail, e);
    if (rc == 0 && rules_get(db, p->alert.rule_hash, arena, &rule, NULL) == 0) {
        p->tags = rule.tags;
        p->rule_file = rule.file;
    }
    return rc < 0 ? rc : list_told(db, p, arena, e);
}

int fed_pending_list(struct db *db, time_ns now, struct arena *arena, struct fed_pending **list_out,
                     size_t *count_out, struct err *e)
{
    struct span ids[FED_PENDING_BATCH];
    struct fed_pending *list = arena_calloc(arena, FED_PENDING_BATCH, sizeof *list);
    size_t n = 0;
    struct db_stmt *s = NULL;
    *list_out = list;
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT alert, stamp FROM fed_pending WHERE due <= $1 ORDER BY due, alert "
                      "LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_i64(s, 2, FED_PENDING_BATCH);
    while ((rc = db_step(s, e)) > 0) {
        ids[n] = arena_copy(arena, db_col_text(s, 0));
        list[n++].stamp = db_col_i64(s, 1);
    }
    for (size_t i = 0; i < n && rc == 0; i++) {
        rc = fill(db, &list[i], ids[i], arena, e);
    }
    *count_out = rc == 0 ? n : 0;
    return rc;
}

static int put_alert(struct db *db, const struct fed_tell *t, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_told_alert (alert, circle, number, events) VALUES ($1, $2, "
                      "$3, $4) ON CONFLICT (alert, circle) DO UPDATE SET events = $4",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, t->alert);
        db_bind_text(s, 2, t->signal.circle);
        db_bind_i64(s, 3, t->signal.number);
        db_bind_i64(s, 4, t->events);
        rc = db_run(s, e);
    }
    return rc;
}

int fed_told_put(struct db *db, const struct fed_tell *t, struct err *e)
{
    CHECK(db_in_transaction(db));
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_told (circle, number, rule_hash, bucket, count, indicators) "
                      "VALUES ($1, $2, $3, $4, $5, $6) "
                      "ON CONFLICT (circle, number) DO UPDATE SET count = $5, indicators = $6",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, t->signal.circle);
    db_bind_i64(s, 2, t->signal.number);
    db_bind_text(s, 3, t->signal.rule_hash);
    db_bind_i64(s, 4, t->signal.bucket);
    db_bind_i64(s, 5, t->signal.count);
    db_bind_text(s, 6, t->signal.indicators);
    rc = db_run(s, e);
    return rc < 0 ? rc : put_alert(db, t, e);
}

int fed_told_last(struct db *db, struct span circle, int64_t *number_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COALESCE(MAX(number), 0) FROM fed_told WHERE circle = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    rc = db_step(s, e);
    if (rc > 0) {
        *number_out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}
