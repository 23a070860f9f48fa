/* SPDX-License-Identifier: EUPL-1.2 */
/* Counts for the first page: see today.h. Runs in the keeper; the codecs also in the desk. */
#include "records/today.h"

#include <inttypes.h>

#include "records/registers/record_sql.h"

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* The first column of the first row; steps and ends it. */
static int number_of(struct db_stmt *st, int64_t *out, struct err *e)
{
    int rc = db_step(st, e);
    *out = 0;
    if (rc > 0) {
        *out = db_col_i64(st, 0);
        db_done(st);
    }
    return rc < 0 ? rc : 0;
}

/* ---- alerts ---- */

/* Along an index each, newest first, as lists go; all: of the whole node, where the first rows that are too many are enough. */
static int count_alerts(struct db *db, const struct policy_places *places, enum alert_status status, const struct today_alerts *q, struct today_count *out,
                        struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    bool all = policy_places_whole(places);
    int limit = all ? TODAY_COUNT_MAX + 1 : TODAY_SCAN_MAX;
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*), COALESCE(SUM(CASE WHEN organisation IN (");
    for (uint32_t i = 0; i < places->count; i++) {
        sql_put(&s, i == 0 ? "" : ", ");
        sql_value(&s, places->at[i]);
    }
    buf_printf(&s.text, ") THEN 1 ELSE 0 END), 0) FROM (SELECT organisation FROM alert WHERE status = %d", (int)status);
    if (q->level >= 0) {
        buf_printf(&s.text, " AND level = %d", (int)q->level);
    }
    buf_printf(&s.text, " AND received < %" PRId64 " ORDER BY received DESC LIMIT %d) AS found", q->until, limit);
    int rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? db_step(st, e) : rc;
    if (rc > 0) {
        out->count += db_col_i64(st, all ? 0 : 1);
        out->more = out->more || (!all && db_col_i64(st, 0) == limit);
        db_done(st);
    }
    sql_end(&s);
    return rc < 0 ? rc : 0;
}

int today_alerts_count(struct db *db, const struct policy_places *places, const struct today_alerts *q, struct today_count *out, struct err *e)
{
    CHECK(places->count > 0 && q->level <= LEVEL_CRITICAL);
    *out = (struct today_count){0};
    int rc = count_alerts(db, places, ALERT_NEW, q, out, e);
    rc = rc == 0 ? count_alerts(db, places, ALERT_ACKNOWLEDGED, q, out, e) : rc;
    out->more = out->more || out->count > TODAY_COUNT_MAX;
    out->count = least(out->count, TODAY_COUNT_MAX);
    return rc;
}

/* ---- records ---- */

/* Keys d of the kind whose day, or whose state, is the one asked for; of the reader's organisations alone where he reads no other. */
static void put_keys(struct sql *s, const struct today_due *q, bool by_state)
{
    sql_put(s, "SELECT d.record_id FROM record_key d WHERE d.kind = ");
    sql_value(s, q->kind);
    sql_put(s, " AND d.field = ");
    sql_value(s, by_state ? REGISTER_KEY_STATE : q->field);
    if (q->scope.other == 0 && q->scope.other_mine == 0) {
        sql_put(s, " AND ");
        sql_home(s, &q->scope, "d");
    }
    if (by_state) {
        sql_put(s, " AND d.value = ");
        sql_value(s, q->state);
        return;
    }
    sql_put(s, q->from.len > 0 ? " AND d.value >= " : " AND d.value > ");
    sql_value(s, q->from);
    sql_put(s, " AND d.value <= ");
    sql_value(s, q->to);
}

/* How many such keys there are, at most one more than a count looks at. */
static int keys_there(struct db *db, const struct today_due *q, bool by_state, int64_t *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    sql_begin(&s);
    sql_put(&s, "SELECT COUNT(*) FROM (");
    put_keys(&s, q, by_state);
    buf_printf(&s.text, " LIMIT %d) AS found", TODAY_SCAN_MAX + 1);
    int rc = sql_prepare(db, &s, e, &st);
    rc = rc == 0 ? number_of(st, out, e) : rc;
    sql_end(&s);
    return rc;
}

/*
 * The records that it counts, by `columns` of r; NULL in *out where there are none. *cut: more may be where it did not look.
 * Along what is less, days or states; the other half is looked up row by row.
 */
static int due_rows(struct db *db, const struct today_due *q, const char *columns, const char *rest, struct sql *s, struct db_stmt **out, bool *cut, struct err *e)
{
    int64_t days = 0;
    int64_t states = 0;
    int rc = keys_there(db, q, false, &days, e);
    rc = rc == 0 && days > 0 ? keys_there(db, q, true, &states, e) : rc;
    if (rc < 0 || days == 0 || states == 0) {
        return rc;
    }
    bool by_state = states < days;
    *cut = least(days, states) > TODAY_SCAN_MAX;
    buf_printf(&s->text, "%s FROM (", columns);
    put_keys(s, q, by_state);
    buf_printf(&s->text, " LIMIT %d) AS b CROSS JOIN record r", TODAY_SCAN_MAX);
    sql_put(s, by_state ? " CROSS JOIN record_key v WHERE r.id = b.record_id AND v.record_id = r.id AND v.field = " : " WHERE r.id = b.record_id AND r.state = ");
    sql_value(s, by_state ? q->field : q->state);
    if (by_state) {
        sql_put(s, q->from.len > 0 ? " AND v.value >= " : " AND v.value > ");
        sql_value(s, q->from);
        sql_put(s, " AND v.value <= ");
        sql_value(s, q->to);
    }
    sql_put(s, " AND ");
    sql_scope(s, &q->scope, NULL);
    buf_printf(&s->text, " LIMIT %d%s", TODAY_COUNT_MAX + 1, rest);
    return sql_prepare(db, s, e, out);
}

int today_due_count(struct db *db, const struct today_due *q, struct today_count *out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    bool cut = false;
    *out = (struct today_count){0};
    if (record_scope_empty(&q->scope)) {
        return 0;
    }
    sql_begin(&s);
    int rc = due_rows(db, q, "SELECT COUNT(*) FROM (SELECT 1 AS one", ") AS found", &s, &st, &cut, e);
    rc = rc == 0 && st != NULL ? number_of(st, &out->count, e) : rc;
    sql_end(&s);
    out->more = out->count > TODAY_COUNT_MAX || cut;
    out->count = least(out->count, TODAY_COUNT_MAX);
    return rc;
}

int today_due_records(struct db *db, const struct today_due *q, struct arena *a, struct record_row **out, uint32_t *count_out, bool *more_out, struct err *e)
{
    struct sql s;
    struct db_stmt *st = NULL;
    bool cut = false;
    *count_out = 0;
    *more_out = false;
    *out = arena_calloc(a, TODAY_COUNT_MAX + 1, sizeof **out);
    if (record_scope_empty(&q->scope)) {
        return 0;
    }
    sql_begin(&s);
    int rc = due_rows(db, q, "SELECT " RECORD_COLUMNS, "", &s, &st, &cut, e);
    while (rc == 0 && st != NULL && (rc = db_step(st, e)) > 0) {
        sql_row(st, a, &(*out)[(*count_out)++]);
        rc = 0;
    }
    sql_end(&s);
    *more_out = cut || *count_out > TODAY_COUNT_MAX;
    *count_out -= *count_out > TODAY_COUNT_MAX;
    return rc;
}

/* ---- as messages ---- */

void today_alerts_encode(struct buf *out, const struct today_alerts *q)
{
    buf_u32(out, (uint32_t)q->level);
    buf_u64(out, (uint64_t)q->until);
}

void today_alerts_decode(struct cursor *c, struct today_alerts *out)
{
    out->level = (int32_t)cursor_u32(c);
    out->until = (int64_t)cursor_u64(c);
    c->failed = c->failed || out->level < -1 || out->level > LEVEL_CRITICAL;
}

void today_due_encode(struct buf *out, const struct today_due *q)
{
    record_scope_encode(out, &q->scope);
    const struct span texts[] = {q->kind, q->state, q->field, q->from, q->to};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
}

void today_due_decode(struct cursor *c, struct today_due *out)
{
    struct span *const texts[] = {&out->kind, &out->state, &out->field, &out->from, &out->to};
    static const size_t most[] = {REGISTER_NAME_MAX, REGISTER_NAME_MAX, REGISTER_NAME_MAX, TODAY_DAY_MAX, TODAY_DAY_MAX};
    record_scope_decode(c, &out->scope);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
        c->failed = c->failed || texts[i]->len > most[i];
    }
}

void today_count_encode(struct buf *out, const struct today_count *n)
{
    buf_u32(out, (uint32_t)n->count);
    buf_u8(out, n->more);
}

void today_count_decode(struct cursor *c, struct today_count *out)
{
    uint8_t more = 0;
    out->count = cursor_u32(c);
    more = cursor_u8(c);
    out->more = more != 0;
    c->failed = c->failed || out->count > TODAY_COUNT_MAX || more > 1;
}
