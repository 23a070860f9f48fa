/* SPDX-License-Identifier: EUPL-1.2 */
/* The second copy of the archive, as the records know it: see copies.h. */
#include "records/copies.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "records/settings.h"

enum { VALUE_MAX = COPY_WHY_MAX + 32 };

/* "TIME why", or empty while nothing fails. */
static const char setting_failed[] = "copy.failed";

static int read_failed(struct db *db, struct copy_state *out, struct err *e)
{
    char text[VALUE_MAX];
    struct span value;
    out->failed_at = TIME_NONE;
    out->why[0] = '\0';
    int rc = settings_get(db, span_of(setting_failed), text, sizeof text, &value, e);
    if (rc == ERR_NOT_FOUND || (rc == 0 && value.len == 0)) {
        return 0;
    }
    ptrdiff_t at = rc == 0 ? span_find(value, ' ') : -1;
    if (rc == 0 && (at < 0 || !num_i64(span_sub(value, 0, (size_t)at), &out->failed_at) || value.len - (size_t)at > COPY_WHY_MAX)) {
        return err_set(e, ERR_INVALID, "the setting %s cannot be read", setting_failed);
    }
    if (rc == 0) {
        (void)snprintf(out->why, sizeof out->why, "%.*s", SPAN_ARG(span_sub(value, (size_t)at + 1, value.len)));
    }
    return rc;
}

int copies_failed(struct db *db, struct span why, time_ns now, struct err *e)
{
    struct copy_state before;
    char value[VALUE_MAX];
    int rc = read_failed(db, &before, e);
    time_ns since = rc == 0 && before.failed_at != TIME_NONE ? before.failed_at : now;
    int n = snprintf(value, sizeof value, "%" PRId64 " %.*s", since, (int)(why.len < COPY_WHY_MAX - 1 ? why.len : COPY_WHY_MAX - 1),
                     why.len == 0 ? "" : why.ptr);
    CHECK(n > 0 && n < (int)sizeof value);
    return settings_put(db, span_of(setting_failed), span_make(value, (size_t)n), now, e);
}

static int insert(struct db *db, struct span place, const struct copy_day *day, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO day_copy (place, day, at, bytes, hash) VALUES ($1, $2, $3, $4, $5) "
                      "ON CONFLICT (place, day) DO UPDATE SET at = $3, bytes = $4, hash = $5",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, place);
    db_bind_i64(s, 2, day->day);
    db_bind_i64(s, 3, day->at);
    db_bind_i64(s, 4, day->bytes);
    db_bind_text(s, 5, day->hash);
    rc = db_run(s, e);
    return rc < 0 ? rc : settings_put(db, span_of(setting_failed), SPAN(""), day->at, e);
}

int copies_put(struct db *db, struct span place, const struct copy_day *day, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, insert(db, place, day, e), e);
}

int copies_days(struct db *db, struct span place, struct arena *scratch, int32_t **out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    struct copy_state state;
    *count_out = 0;
    int rc = copies_state(db, place, &state, e);
    size_t room = rc == 0 && state.days > 0 && state.days < COPY_DAYS_MAX ? (size_t)state.days : rc == 0 && state.days > 0 ? COPY_DAYS_MAX : 0;
    *out = arena_calloc(scratch, room, sizeof **out);
    rc = rc == 0 ? db_query(db, "SELECT day FROM day_copy WHERE place = $1 ORDER BY day", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, place);
    while (*count_out < room && (rc = db_step(s, e)) > 0) {
        (*out)[(*count_out)++] = (int32_t)db_col_i64(s, 0);
    }
    db_done(s);
    return rc < 0 ? rc : 0;
}

int copies_rows(struct db *db, struct span place, struct arena *scratch, struct copy_day **out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    struct copy_state state;
    *count_out = 0;
    int rc = copies_state(db, place, &state, e);
    size_t room = rc == 0 && state.days > 0 ? (size_t)(state.days < COPY_DAYS_MAX ? state.days : COPY_DAYS_MAX) : 0;
    *out = arena_calloc(scratch, room, sizeof **out);
    rc = rc == 0 ? db_query(db, "SELECT day, at, bytes, hash FROM day_copy WHERE place = $1 ORDER BY day", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, place);
    while (*count_out < room && (rc = db_step(s, e)) > 0) {
        (*out)[(*count_out)++] = (struct copy_day){.day = (int32_t)db_col_i64(s, 0), .at = db_col_i64(s, 1), .bytes = db_col_i64(s, 2),
                                                   .hash = arena_copy(scratch, db_col_text(s, 3))};
    }
    db_done(s);
    return rc < 0 ? rc : 0;
}

int copies_state(struct db *db, struct span place, struct copy_state *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = (struct copy_state){.newest = INT32_MIN, .at = TIME_NONE, .failed_at = TIME_NONE};
    int rc = db_query(db, "SELECT COUNT(*), COALESCE(SUM(bytes), 0), MAX(day), MAX(at) FROM day_copy WHERE $1 = '' OR place = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, place);
    rc = db_step(s, e);
    if (rc > 0) {
        out->days = db_col_i64(s, 0);
        out->bytes = db_col_i64(s, 1);
        out->newest = out->days > 0 ? (int32_t)db_col_i64(s, 2) : INT32_MIN;
        out->at = out->days > 0 ? db_col_i64(s, 3) : TIME_NONE;
    }
    db_done(s);
    return rc < 0 ? rc : read_failed(db, out, e);
}

/* ---- the report ---- */

enum copy_health copies_health(const struct copy_report *r, time_ns now)
{
    if (r->place.len == 0) {
        return COPY_HEALTH_NONE;
    }
    if (!r->has_key) {
        return COPY_HEALTH_NO_KEY;
    }
    if (r->state.failed_at != TIME_NONE) {
        return COPY_HEALTH_FAILS;
    }
    return r->waiting > 0 && time_day(now) - r->oldest > COPY_LATE_DAYS ? COPY_HEALTH_LATE : COPY_HEALTH_FINE;
}

const char *copy_health_name(enum copy_health h)
{
    static const char *const names[COPY_HEALTH_COUNT] = {"none", "no_key", "fails", "late", "fine"};
    CHECK(h < COPY_HEALTH_COUNT);
    return names[h];
}

const char *copy_place_kind(struct span place)
{
    return span_starts(place, SPAN("sftp://")) ? "sftp" : span_starts(place, SPAN("s3://")) ? "s3" : "folder";
}

void copy_report_encode(struct buf *out, const struct copy_report *r)
{
    buf_str(out, r->place);
    buf_u8(out, r->has_key);
    buf_u64(out, (uint64_t)r->state.days);
    buf_u64(out, (uint64_t)r->state.bytes);
    buf_u32(out, (uint32_t)r->state.newest);
    buf_u64(out, (uint64_t)r->state.at);
    buf_u64(out, (uint64_t)r->state.failed_at);
    buf_str(out, span_of(r->state.why));
    buf_u64(out, (uint64_t)r->waiting);
    buf_u32(out, (uint32_t)r->oldest);
}

void copy_report_decode(struct cursor *c, struct copy_report *out)
{
    out->place = cursor_str(c);
    out->has_key = cursor_u8(c) != 0;
    out->state.days = (int64_t)cursor_u64(c);
    out->state.bytes = (int64_t)cursor_u64(c);
    out->state.newest = (int32_t)cursor_u32(c);
    out->state.at = (time_ns)cursor_u64(c);
    out->state.failed_at = (time_ns)cursor_u64(c);
    struct span why = cursor_str(c);
    out->waiting = (int64_t)cursor_u64(c);
    out->oldest = (int32_t)cursor_u32(c);
    c->failed = c->failed || why.len > COPY_WHY_MAX;
    (void)snprintf(out->state.why, sizeof out->state.why, "%.*s", SPAN_ARG(c->failed ? SPAN("") : why));
}
