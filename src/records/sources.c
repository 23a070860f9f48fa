/* SPDX-License-Identifier: EUPL-1.2 */
/* Counters of sources: see sources.h. Runs in the keeper; the codec also in the desk. */
#include "records/sources.h"

#define AT(member) offsetof(struct source_row, member)
const struct source_number source_numbers[] = {
    {"events", "source_events_total", "counter", "Records of a source.", SOURCE_NUMBER_COUNT, AT(events)},
    {"dropped", "source_dropped_total", "counter", "Records of a source that could not be taken in.", SOURCE_NUMBER_COUNT, AT(dropped)},
    {"anomalies", "source_anomalies_total", "counter", "Records of a source that were odd.", SOURCE_NUMBER_COUNT, AT(anomalies)},
    {"last_event", "source_last_event_seconds", "gauge", "When the last record of a source came, since 1970.", SOURCE_NUMBER_TIME, AT(last_event)},
    {"dropped_at", "source_last_drop_seconds", "gauge", "When a record of a source was lost last, since 1970.", SOURCE_NUMBER_TIME, AT(dropped_at)},
    {"rate", "source_rate", "gauge", "Records per second of a source, over the last minute.", SOURCE_NUMBER_MILLI, AT(rate_milli)},
    {"lag", "source_lag_seconds", "gauge", "Receipt minus the event's own time, mean of a minute.", SOURCE_NUMBER_MS, AT(lag_ms)},
    {"held", "source_held", "gauge", "1: the source is on hold, intakes crashed over it.", SOURCE_NUMBER_FLAG, AT(held)},
    {"silent", "source_silent", "gauge", "1: longer without a record than its configuration allows.", SOURCE_NUMBER_FLAG, AT(silent)},
};
#undef AT
const size_t source_number_count = ARRAY_LEN(source_numbers);

bool source_number_get(const struct source_row *row, const struct source_number *n, int64_t *out)
{
    const char *at = (const char *)row + n->at;
    if (n->kind == SOURCE_NUMBER_FLAG) {
        bool flag;
        memcpy(&flag, at, sizeof flag);
        *out = flag;
        return true;
    }
    memcpy(out, at, sizeof *out);
    return n->kind == SOURCE_NUMBER_TIME ? *out != TIME_NONE : n->kind != SOURCE_NUMBER_MS || row->lag_events > 0;
}

void source_encode(struct buf *out, const struct source_row *row)
{
    buf_str(out, row->name);
    buf_str(out, row->kind);
    buf_str(out, row->product);
    buf_str(out, row->category);
    buf_str(out, row->service);
    buf_str(out, row->organisation);
    buf_u64(out, (uint64_t)row->events);
    buf_u64(out, (uint64_t)row->dropped);
    buf_u64(out, (uint64_t)row->anomalies);
    buf_u64(out, (uint64_t)row->last_event);
    buf_u64(out, (uint64_t)row->rate_milli);
    for (int why = 0; why < DROP_COUNT; why++) {
        buf_u64(out, (uint64_t)row->drops[why]);
    }
    buf_u64(out, (uint64_t)row->dropped_at);
    buf_u64(out, (uint64_t)row->lag_ms);
    buf_u64(out, (uint64_t)row->lag_events);
    buf_u8(out, row->held);
    buf_u8(out, row->silent);
}

void source_decode(struct cursor *c, struct source_row *out)
{
    out->name = cursor_str(c);
    out->kind = cursor_str(c);
    out->product = cursor_str(c);
    out->category = cursor_str(c);
    out->service = cursor_str(c);
    out->organisation = cursor_str(c);
    out->events = (int64_t)cursor_u64(c);
    out->dropped = (int64_t)cursor_u64(c);
    out->anomalies = (int64_t)cursor_u64(c);
    out->last_event = (time_ns)cursor_u64(c);
    out->rate_milli = (int64_t)cursor_u64(c);
    for (int why = 0; why < DROP_COUNT; why++) {
        out->drops[why] = (int64_t)cursor_u64(c);
    }
    out->dropped_at = (time_ns)cursor_u64(c);
    out->lag_ms = (int64_t)cursor_u64(c);
    out->lag_events = (int64_t)cursor_u64(c);
    out->held = cursor_u8(c) != 0;
    out->silent = cursor_u8(c) != 0;
}

bool source_delta_fits(const struct source_row *row)
{
    int64_t left = row->dropped;
    for (int why = 0; why < DROP_COUNT; why++) {
        if (row->drops[why] < 0 || row->drops[why] > left) {
            return false;
        }
        left -= row->drops[why];
    }
    return row->events >= 0 && row->dropped >= 0 && row->anomalies >= 0 && row->lag_events >= 0 && row->lag_events <= row->events &&
           row->lag_ms >= -SOURCE_LAG_MAX_MS && row->lag_ms <= SOURCE_LAG_MAX_MS;
}

static void bind_time(struct db_stmt *s, int n, time_ns t)
{
    if (t == TIME_NONE) {
        db_bind_null(s, n);
    } else {
        db_bind_i64(s, n, t);
    }
}

static int put_drops(struct db *db, const struct source_row *row, struct err *e)
{
    int rc = 0;
    for (int why = 0; why < DROP_COUNT && rc == 0; why++) {
        struct db_stmt *s = NULL;
        if (row->drops[why] == 0) {
            continue;
        }
        rc = db_query(db,
                      "INSERT INTO source_drop (name, cause, events) VALUES ($1, $2, $3) "
                      "ON CONFLICT (name, cause) DO UPDATE SET events = excluded.events",
                      e, &s);
        if (rc == 0) {
            db_bind_text(s, 1, row->name);
            db_bind_text(s, 2, span_of(drop_word((enum drop_cause)why)));
            db_bind_i64(s, 3, row->drops[why]);
            rc = db_run(s, e);
        }
    }
    return rc;
}

int sources_put(struct db *db, const struct source_row *row, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO source_counter (name, kind, product, category, service, organisation, events,"
        " dropped, anomalies, last_event, dropped_at, rate_milli, lag_ms, lag_events)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) "
        "ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, product = excluded.product,"
        " category = excluded.category, service = excluded.service,"
        " organisation = excluded.organisation, events = excluded.events,"
        " dropped = excluded.dropped, anomalies = excluded.anomalies, last_event = "
        "excluded.last_event, dropped_at = excluded.dropped_at, rate_milli = excluded.rate_milli,"
        " lag_ms = excluded.lag_ms, lag_events = excluded.lag_events",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    const struct span texts[] = {row->name, row->kind, row->product, row->category, row->service, row->organisation};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_text(s, (int)i + 1, texts[i]);
    }
    db_bind_i64(s, 7, row->events);
    db_bind_i64(s, 8, row->dropped);
    db_bind_i64(s, 9, row->anomalies);
    bind_time(s, 10, row->last_event);
    bind_time(s, 11, row->dropped_at);
    db_bind_i64(s, 12, row->rate_milli);
    db_bind_i64(s, 13, row->lag_ms);
    db_bind_i64(s, 14, row->lag_events);
    rc = db_run(s, e);
    return rc == 0 ? put_drops(db, row, e) : rc;
}

static time_ns col_time(struct db_stmt *s, int i)
{
    return db_col_null(s, i) ? TIME_NONE : db_col_i64(s, i);
}

/* Both lists are in the order of names. A cause that this program does not know stays where it is. */
static int list_drops(struct db *db, struct source_row *rows, size_t n, struct err *e)
{
    struct db_stmt *s = NULL;
    size_t at = 0;
    int rc = db_query(db, "SELECT name, cause, events FROM source_drop ORDER BY name, cause", e, &s);
    while (rc == 0 && (rc = db_step(s, e)) > 0) {
        struct span name = db_col_text(s, 0);
        struct span cause = db_col_text(s, 1);
        rc = 0;
        for (size_t from = at; at < n && !span_eq(rows[at].name, name); at++) {
            if (at + 1 == n) { /* a source that is not listed */
                at = from;
                break;
            }
        }
        for (int why = 0; why < DROP_COUNT && at < n && span_eq(rows[at].name, name); why++) {
            if (span_eq(cause, span_of(drop_word((enum drop_cause)why)))) {
                rows[at].drops[why] = db_col_i64(s, 2);
            }
        }
    }
    return rc;
}

int sources_list(struct db *db, struct arena *arena, struct source_row **rows_out,
                 size_t *count_out, struct err *e)
{
    *count_out = 0;
    struct source_row *rows = arena_calloc(arena, SOURCES_MAX, sizeof *rows);
    *rows_out = rows;
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "SELECT name, kind, product, category, service, organisation, events, dropped, anomalies,"
        " last_event, dropped_at, rate_milli, lag_ms, lag_events FROM source_counter ORDER BY name LIMIT $1",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, SOURCES_MAX);
    while ((rc = db_step(s, e)) > 0) {
        CHECK(*count_out < SOURCES_MAX);
        rows[(*count_out)++] = (struct source_row){
            .name = arena_copy(arena, db_col_text(s, 0)),
            .kind = arena_copy(arena, db_col_text(s, 1)),
            .product = arena_copy(arena, db_col_text(s, 2)),
            .category = arena_copy(arena, db_col_text(s, 3)),
            .service = arena_copy(arena, db_col_text(s, 4)),
            .organisation = arena_copy(arena, db_col_text(s, 5)),
            .events = db_col_i64(s, 6),
            .dropped = db_col_i64(s, 7),
            .anomalies = db_col_i64(s, 8),
            .last_event = col_time(s, 9),
            .dropped_at = col_time(s, 10),
            .rate_milli = db_col_i64(s, 11),
            .lag_ms = db_col_i64(s, 12),
            .lag_events = db_col_i64(s, 13),
        };
    }
    return rc == 0 ? list_drops(db, rows, *count_out, e) : rc;
}
