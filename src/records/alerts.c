/* SPDX-License-Identifier: EUPL-1.2 */
/* Alerts taken in and changed: see alerts.h. Runs in the keeper. Must never change a history row.
 */
#include "records/alerts.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>

#include "base/id.h"
#include "records/alerts_priv.h"
#include "records/audit.h"
#include "records/demo.h"
#include "records/fed_signals.h"
#include "records/rules.h"

void alert_make_id(struct span rule_id, const struct alert_place *place, char out[ALERT_ID_LEN + 1])
{
    unsigned char hash[ALERT_ID_LEN / 2];
    struct buf b;
    buf_init(&b, rule_id.len + place->group.len + 64);
    buf_str(&b, rule_id);
    buf_u64(&b, (uint64_t)place->day);
    buf_u64(&b, (uint64_t)place->block);
    buf_u64(&b, (uint64_t)place->index);
    buf_span(&b, place->group);
    CHECK(!b.failed);
    MUST(crypto_generichash(hash, sizeof hash, (const unsigned char *)b.data, b.len, NULL, 0));
    buf_free(&b);
    hex_encode(hash, sizeof hash, out);
}

void alert_row_read(struct db_stmt *s, struct arena *arena, struct alert_row *out)
{
    int i = 0;
#define X(name)                                                                                    \
    out->name = db_col_text(s, i++);                                                               \
    if (arena != NULL) {                                                                           \
        out->name = arena_copy(arena, out->name);                                                  \
    }
    ALERT_ROW_SPANS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    ALERT_ROW_NUMBERS(X)
#undef X
    CHECK(i == ALERT_COLUMN_COUNT);
    out->closed = out->status == ALERT_CLOSED ? out->closed : TIME_NONE;
}

/* Adds `by` to the count of a status. */
static int count_add(struct db *db, struct span organisation, enum alert_status status, int64_t by,
                     struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO alert_count (organisation, status, alerts) VALUES ($1, $2, $3) "
                      "ON CONFLICT (organisation, status) DO UPDATE SET alerts = "
                      "alert_count.alerts + excluded.alerts",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, organisation);
    db_bind_i64(s, 2, status);
    db_bind_i64(s, 3, by);
    return db_run(s, e);
}

static int step_add(struct db *db, struct span alert_id, const struct alert_step *step,
                    struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO alert_history (alert_id, seq, at, who, what, reason, note) "
                      "SELECT $1, COALESCE(MAX(seq), 0) + 1, $2, $3, $4, $5, $6 FROM alert_history "
                      "WHERE alert_id = $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, alert_id);
    db_bind_i64(s, 2, step->at);
    db_bind_text(s, 3, step->who);
    db_bind_text(s, 4, step->what);
    db_bind_text_or_null(s, 5, step->reason);
    db_bind_text_or_null(s, 6, step->note);
    return db_run(s, e);
}

static void bind_alert(struct db_stmt *s, const struct alert *a, struct span id, struct span detail,
                       const struct alert_place *place)
{
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, a->organisation);
    db_bind_text(s, 3, a->rule_id);
    db_bind_text(s, 4, a->rule_hash);
    db_bind_text(s, 5, a->title);
    db_bind_i64(s, 6, a->level);
    db_bind_i64(s, 7, ALERT_NEW);
    db_bind_i64(s, 8, a->time);
    db_bind_i64(s, 9, a->received);
    db_bind_i64(s, 10, a->last_time);
    db_bind_text_or_null(s, 11, a->host);
    db_bind_text_or_null(s, 12, a->user);
    db_bind_text(s, 13, a->source);
    db_bind_text(s, 14, a->product);
    db_bind_text(s, 15, a->category);
    db_bind_text(s, 16, a->service);
    db_bind_i64(s, 17, a->count);
    db_bind_text(s, 18, a->summary);
    db_bind_i64(s, 19, place->day);
    db_bind_i64(s, 20, place->block);
    db_bind_i64(s, 21, place->index);
    db_bind_bytes(s, 22, detail);
}

/* The same alert told again with more events folded in: its numbers grow, an earlier event may have come late. */
static int fold_more(struct db *db, const struct alert *a, struct span id, struct span detail, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE alert SET events = $2, last_time = $3, detail = $4, "
                      "time = CASE WHEN $5 < time THEN $5 ELSE time END "
                      "WHERE id = $1 AND events < $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_i64(s, 2, a->count);
    db_bind_i64(s, 3, a->last_time);
    db_bind_bytes(s, 4, detail);
    db_bind_i64(s, 5, a->time);
    rc = db_run(s, e);
    return rc < 0 || db_changes(db) == 0 || demo_is(a->organisation) ? rc : fed_pending_mark(db, id, a->received, e);
}

int alerts_insert(struct db *db, const struct alert *a, struct span detail,
                  const struct alert_place *place, char id_out[ALERT_ID_LEN + 1], bool *new_out,
                  struct err *e)
{
    CHECK(db_in_transaction(db));
    *new_out = false;
    alert_make_id(a->rule_id, place, id_out);
    if (a->organisation.len == 0) {
        return err_set(e, ERR_INVALID, "an alert without organisation");
    }
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO alert (id, organisation, rule_id, rule_hash, title, level, status, time,"
        " received, last_time, host, user_name, source, product, category, service, events,"
        " summary, revision, block_day, block_id, block_index, detail) VALUES ($1, $2, $3, $4,"
        " $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, 1, $19, $20, $21, $22) "
        "ON CONFLICT (id) DO NOTHING",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    struct span id = span_make(id_out, ALERT_ID_LEN);
    bind_alert(s, a, id, detail, place);
    rc = db_run(s, e);
    if (rc < 0) {
        return rc;
    }
    if (db_changes(db) == 0) {
        return fold_more(db, a, id, detail, e);
    }
    *new_out = true;
    rc = rules_count_alert(db, a->rule_hash, a->count, e);
    if (rc == 0) {
        rc = count_add(db, a->organisation, ALERT_NEW, 1, e);
    }
    if (rc == 0 && !demo_is(a->organisation)) { /* what is invented is told to nobody */
        rc = fed_pending_mark(db, id, a->received, e);
    }
    if (rc < 0) {
        return rc;
    }
    struct alert_step step = {.at = a->received, .who = SPAN("sereno"), .what = SPAN("created")};
    return step_add(db, id, &step, e);
}

int alerts_get(struct db *db, struct span organisation, struct span id, struct arena *arena,
               struct alert_row *row_out, struct span *detail_out, struct err *e)
{
    CHECK(organisation.len > 0);
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT " ALERT_COLUMNS ", detail FROM alert "
                      "WHERE id = $1 AND ($2 = '*' OR organisation = $2)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, organisation);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such alert");
    }
    if (rc > 0) {
        alert_row_read(s, arena, row_out);
        if (detail_out != NULL) {
            *detail_out = arena_copy(arena, db_col_bytes(s, ALERT_COLUMN_COUNT));
        }
        db_done(s);
        rc = 0;
    }
    return rc;
}

int alerts_find(struct db *db, const struct policy_places *places, struct span id, struct arena *arena,
                struct alert_row *row_out, struct span *detail_out, struct err *e)
{
    int rc = ERR_NOT_FOUND;
    CHECK(places->count > 0);
    for (uint32_t i = 0; i < places->count && rc == ERR_NOT_FOUND; i++) {
        rc = alerts_get(db, places->at[i], id, arena, row_out, detail_out, e);
    }
    return rc;
}

int alerts_open_of(struct db *db, struct span rule_id, struct span organisation, struct span source, struct arena *arena,
                   struct alert_row *row_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT " ALERT_COLUMNS " FROM alert WHERE rule_id = $1 AND organisation = $2 AND source = $3 "
                      "AND status <> $4 ORDER BY received DESC, id DESC LIMIT 1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, rule_id);
    db_bind_text(s, 2, organisation);
    db_bind_text(s, 3, source);
    db_bind_i64(s, 4, ALERT_CLOSED);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such alert is open");
    }
    if (rc > 0) {
        alert_row_read(s, arena, row_out);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int alerts_history(struct db *db, struct span id, struct arena *arena,
                   struct alert_step **steps_out, size_t *count_out, struct err *e)
{
    enum {
        STEPS_MAX = 1000
    }; /* shown; a thousand changes of one alert are a mistake of somebody */
    *count_out = 0;
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT at, who, what, reason, note FROM alert_history WHERE alert_id = $1 "
                      "ORDER BY seq LIMIT 1000",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    struct alert_step *steps = arena_calloc(arena, STEPS_MAX, sizeof *steps);
    *steps_out = steps;
    db_bind_text(s, 1, id);
    while ((rc = db_step(s, e)) > 0) {
        CHECK(*count_out < STEPS_MAX);
        steps[(*count_out)++] = (struct alert_step){
            .at = db_col_i64(s, 0),
            .who = arena_copy(arena, db_col_text(s, 1)),
            .what = arena_copy(arena, db_col_text(s, 2)),
            .reason = arena_copy(arena, db_col_text(s, 3)),
            .note = arena_copy(arena, db_col_text(s, 4)),
        };
    }
    return rc;
}

/*
 * What an action makes of an alert. Reopening undoes the last thing: a closed alert goes back to
 * whom it belonged, an acknowledged one back to the queue.
 */
static bool next_state(const struct alert_change *ch, const struct alert_row *row, time_ns now,
                       struct alert_row *next)
{
    *next = *row;
    next->revision++;
    next->closed = TIME_NONE;
    next->close_reason = SPAN("");
    switch (ch->action) {
    case ALERT_DO_ACKNOWLEDGE:
        next->status = ALERT_ACKNOWLEDGED;
        next->assignee = ch->who;
        return row->status == ALERT_NEW;
    case ALERT_DO_CLOSE:
        next->status = ALERT_CLOSED;
        next->close_reason = ch->reason;
        next->closed = now;
        return row->status != ALERT_CLOSED;
    case ALERT_DO_REOPEN:
        if (row->status == ALERT_CLOSED && row->assignee.len > 0) {
            next->status = ALERT_ACKNOWLEDGED;
        } else {
            next->status = ALERT_NEW;
            next->assignee = SPAN("");
        }
        return row->status != ALERT_NEW;
    case ALERT_ACTION_COUNT:
    default:
        UNREACHABLE();
    }
}

static int row_update(struct db *db, const struct alert_row *next, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc =
        db_query(db,
                 "UPDATE alert SET status = $1, assignee = $2, close_reason = $3, closed = $4, "
                 "revision = $5 WHERE id = $6 AND revision = $5 - 1",
                 e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, next->status);
    db_bind_text_or_null(s, 2, next->assignee);
    db_bind_text_or_null(s, 3, next->close_reason);
    if (next->status == ALERT_CLOSED) {
        db_bind_i64(s, 4, next->closed);
    } else {
        db_bind_null(s, 4);
    }
    db_bind_i64(s, 5, next->revision);
    db_bind_text(s, 6, next->id);
    rc = db_run(s, e);
    CHECK(rc < 0 || db_changes(db) == 1); /* the row was read under the same write lock */
    return rc;
}

static int change_note(struct db *db, const struct alert_change *ch, const struct alert_row *row,
                       const struct alert_row *next, time_ns now, struct err *e)
{
    static const char *const words[] = {"acknowledged", "closed", "reopened"};
    struct alert_step step = {
        .at = now,
        .who = ch->who,
        .what = span_of(words[ch->action]),
        .reason = next->close_reason,
        .note = ch->note,
    };
    int rc = step_add(db, row->id, &step, e);
    if (rc < 0) {
        return rc;
    }
    char what[32];
    (void)snprintf(what, sizeof what, "alert.%s", words[ch->action]);
    struct audit_entry entry = {
        .at = now,
        .organisation = row->organisation,
        .who = ch->who,
        .what = span_of(what),
        .subject = row->id,
        .why = ch->note.len > 0 ? ch->note : ch->reason,
        .before = span_of(alert_status_name((enum alert_status)row->status)),
        .after = span_of(alert_status_name((enum alert_status)next->status)),
    };
    return audit_append(db, &entry, e);
}

static int change_apply(struct db *db, const struct alert_change *ch, time_ns now,
                        struct arena *arena, struct alert_row *row_out, struct err *e)
{
    int rc = alerts_find(db, &ch->places, ch->id, arena, row_out, NULL, e);
    if (rc < 0) {
        return rc;
    }
    struct alert_row next;
    if (row_out->revision != ch->revision) {
        return err_set(e, ERR_BUSY, "somebody changed this alert in the meantime");
    }
    if (!next_state(ch, row_out, now, &next)) {
        return err_set(e, ERR_DENIED, "this alert is %s, which does not allow that",
                       alert_status_name((enum alert_status)row_out->status));
    }
    rc = row_update(db, &next, e);
    if (rc == 0) {
        rc = count_add(db, next.organisation, (enum alert_status)row_out->status, -1, e);
    }
    if (rc == 0) {
        rc = count_add(db, next.organisation, (enum alert_status)next.status, 1, e);
    }
    if (rc == 0) {
        rc = change_note(db, ch, row_out, &next, now, e);
    }
    if (rc == 0 && !demo_is(row_out->organisation)) {
        rc = fed_pending_mark(db, row_out->id, now, e);
    }
    if (rc == 0) {
        next.assignee = arena_copy(arena, next.assignee);
        next.close_reason = arena_copy(arena, next.close_reason);
        *row_out = next;
    }
    return rc;
}

int alerts_change(struct db *db, const struct alert_change *ch, time_ns now, struct arena *arena,
                  struct alert_row *row_out, struct err *e)
{
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    return db_end(db, change_apply(db, ch, now, arena, row_out, e), e);
}
