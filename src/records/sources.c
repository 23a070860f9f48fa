/* SPDX-License-Identifier: EUPL-1.2 */
/* Counters of sources: see sources.h. Runs in the keeper; the codec also in the desk. */
#include "records/sources.h"

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
    out->held = cursor_u8(c) != 0;
    out->silent = cursor_u8(c) != 0;
}

int sources_put(struct db *db, const struct source_row *row, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO source_counter (name, kind, product, category, service, organisation, events,"
        " dropped, anomalies, last_event) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) "
        "ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, product = excluded.product,"
        " category = excluded.category, service = excluded.service,"
        " organisation = excluded.organisation, events = excluded.events,"
        " dropped = excluded.dropped, anomalies = excluded.anomalies, last_event = "
        "excluded.last_event",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, row->name);
    db_bind_text(s, 2, row->kind);
    db_bind_text(s, 3, row->product);
    db_bind_text(s, 4, row->category);
    db_bind_text(s, 5, row->service);
    db_bind_text(s, 6, row->organisation);
    db_bind_i64(s, 7, row->events);
    db_bind_i64(s, 8, row->dropped);
    db_bind_i64(s, 9, row->anomalies);
    if (row->last_event == TIME_NONE) {
        db_bind_null(s, 10);
    } else {
        db_bind_i64(s, 10, row->last_event);
    }
    return db_run(s, e);
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
        " last_event FROM source_counter ORDER BY name LIMIT $1",
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
            .last_event = db_col_null(s, 9) ? TIME_NONE : db_col_i64(s, 9),
        };
    }
    return rc;
}
