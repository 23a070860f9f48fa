/* SPDX-License-Identifier: EUPL-1.2 */
/* Whether the clock may be believed: see trusted_time.h. Runs in the keeper. */
#include "records/trusted_time.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/num.h"
#include "records/audit.h"
#include "records/settings.h"

#define TRUSTED SPAN("time.trusted")

enum { VALUE_MAX = 96 };

const char *trusted_state_name(enum trusted_state state)
{
    static const char *const names[] = {"fits", "ahead", "behind"};
    CHECK((size_t)state < ARRAY_LEN(names));
    return names[state];
}

static enum trusted_state judge(time_ns newest, time_ns now)
{
    const time_ns most = TRUSTED_TIME_DAYS * TIME_DAY;
    if (newest == TIME_NONE) {
        return TIME_FITS;
    }
    return now > newest && now - newest > most ? TIME_AHEAD : newest > now && newest - now > most ? TIME_BEHIND : TIME_FITS;
}

/* "NEWEST DOUBTED STEADY LOOKED", the latter three 0 where there is no doubt. */
static int write_down(struct db *db, const struct trusted_time *t, time_ns now, struct err *e)
{
    char text[VALUE_MAX];
    bool doubts = t->doubted != TIME_NONE;
    int n = snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64, t->newest, doubts ? t->doubted : 0, doubts ? t->steady : 0, doubts ? t->looked : 0);
    CHECK(n > 0 && n < (int)sizeof text);
    return settings_put(db, TRUSTED, span_make(text, (size_t)n), now, e);
}

static bool read_numbers(struct span text, int64_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        ptrdiff_t blank = span_find(text, ' ');
        size_t len = blank < 0 ? text.len : (size_t)blank;
        if ((blank < 0) != (i + 1 == n) || !num_i64(span_sub(text, 0, len), &out[i])) {
            return false;
        }
        text = span_sub(text, len + 1, text.len);
    }
    return true;
}

int trusted_time_get(struct db *db, time_ns now, struct trusted_time *out, struct err *e)
{
    char text[SETTING_MAX];
    struct span value = SPAN("");
    int64_t n[4] = {0};
    *out = (struct trusted_time){TIME_FITS, TIME_NONE, TIME_NONE, TIME_NONE, TIME_NONE};
    int rc = settings_get(db, TRUSTED, text, sizeof text, &value, e);
    if (rc == ERR_NOT_FOUND) {
        return 0;
    }
    if (rc == 0 && (!read_numbers(value, n, ARRAY_LEN(n)) || n[0] <= 0)) {
        rc = err_set(e, ERR_INVALID, "the time that was trusted last cannot be read");
    }
    if (rc == 0) {
        out->newest = n[0];
        out->state = judge(out->newest, now);
        out->doubted = n[1] == 0 ? TIME_NONE : n[1];
        out->steady = n[1] == 0 ? TIME_NONE : n[2];
        out->looked = n[1] == 0 ? TIME_NONE : n[3];
    }
    return rc;
}

/* Newest of all that was noted before anybody asked here; `now` where nothing was. */
static int first_time(struct db *db, time_ns now, time_ns *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COALESCE((SELECT at FROM audit ORDER BY seq DESC LIMIT 1), 0), COALESCE((SELECT MAX(last_event) FROM source_counter), 0)", e, &s);
    rc = rc == 0 ? db_step(s, e) : rc;
    if (rc > 0) {
        time_ns trail = db_col_i64(s, 0), received = db_col_i64(s, 1);
        *out = trail > received ? trail : received;
        *out = *out > 0 ? *out : now;
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

/* A line of the trail, and the time as it is from now on, in one transaction. */
static int note(struct db *db, const struct trusted_time *t, time_ns was, struct span who, struct span what, struct span why, time_ns now, struct err *e)
{
    char before[TIME_TEXT_MAX], after[TIME_TEXT_MAX];
    const struct audit_entry entry = {.at = now, .organisation = SPAN("*"), .who = who, .what = what, .subject = SPAN("retention"), .why = why,
                                      .before = span_of(time_format(was, before)), .after = span_of(time_format(now, after))};
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    rc = audit_append(db, &entry, e);
    rc = rc == 0 ? write_down(db, t, now, e) : rc;
    return db_end(db, rc, e);
}

/* The clock stands far away: that is told once, and that it goes on from there is looked at. */
static int doubt(struct db *db, time_ns now, struct trusted_time *t, struct err *e)
{
    const time_ns most = TRUSTED_TIME_LOOK_S * TIME_SECOND;
    bool told = t->doubted != TIME_NONE, goes_on = told && now >= t->looked && now - t->looked <= most, looked = told && now >= t->looked && now - t->looked < TRUSTED_TIME_STEP_S * TIME_SECOND;
    if (looked) {
        return 0;
    }
    t->doubted = told ? t->doubted : now;
    t->steady = goes_on ? t->steady : now;
    t->looked = now;
    if (!told) {
        return note(db, t, t->newest, SPAN("sereno"), SPAN("retention.waits"), SPAN("the clock stands too far from the time that was counted last"), now, e);
    }
    if (now - t->steady < TRUSTED_TIME_DAYS * TIME_DAY) {
        return write_down(db, t, now, e);
    }
    time_ns was = t->newest;
    *t = (struct trusted_time){TIME_FITS, now, TIME_NONE, TIME_NONE, TIME_NONE};
    return note(db, t, was, SPAN("sereno"), SPAN("retention.goes_on"), SPAN("the clock went on from there for 14 days without a jump, and nobody said that it is wrong"), now, e);
}

int trusted_time_pass(struct db *db, time_ns now, struct trusted_time *out, struct err *e)
{
    int rc = trusted_time_get(db, now, out, e);
    bool first = rc == 0 && out->newest == TIME_NONE;
    if (first) {
        rc = first_time(db, now, &out->newest, e);
        out->state = judge(out->newest, now);
    }
    if (rc != 0) {
        return rc;
    }
    if (out->state != TIME_FITS) {
        return doubt(db, now, out, e);
    }
    if (out->doubted != TIME_NONE) {
        out->doubted = TIME_NONE;
        return note(db, out, out->newest, SPAN("sereno"), SPAN("retention.goes_on"), SPAN("the clock is near the time that was counted last again"), now, e);
    }
    bool moves = now - out->newest >= TRUSTED_TIME_STEP_S * TIME_SECOND;
    out->newest = moves ? now : out->newest;
    return moves || first ? write_down(db, out, now, e) : 0;
}

int trusted_time_confirm(struct db *db, struct span who, struct span why, time_ns now, struct err *e)
{
    struct trusted_time t;
    if (why.len == 0 || why.len > TRUSTED_TIME_WHY_MAX) {
        return err_set(e, ERR_INVALID, "who says that the clock is right gives a reason");
    }
    int rc = trusted_time_get(db, now, &t, e);
    if (rc == 0 && t.state == TIME_FITS) {
        rc = err_set(e, ERR_EXISTS, "nobody doubts the clock");
    }
    if (rc != 0) {
        return rc;
    }
    const struct trusted_time right = {TIME_FITS, now, TIME_NONE, TIME_NONE, TIME_NONE};
    return note(db, &right, t.newest, who, SPAN("retention.clock_confirmed"), why, now, e);
}
