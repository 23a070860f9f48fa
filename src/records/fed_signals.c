/* SPDX-License-Identifier: EUPL-1.2 */
/* Signals as rows and messages: see fed_signals.h. */
#include "records/fed_signals.h"

#include "records/fed_envelope.h"
#include "records/fed_room.h"
#include "wire/jcs.h"

#define SIGNAL_COLUMNS                                                                             \
    "circle, node, organisation, rule, rule_hash, title, techniques, indicators, product, number, " \
    "place, level, bucket, count, received"
enum { SIGNAL_COLUMN_COUNT = 15 };

/* ---- codecs ---- */

void fed_signal_encode(struct buf *out, const struct fed_signal_row *row)
{
#define X(name) buf_str(out, row->name);
    FED_SIGNAL_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_SIGNAL_NUMBERS(X)
#undef X
}

void fed_signal_decode(struct cursor *c, struct fed_signal_row *out)
{
#define X(name) out->name = cursor_str(c);
    FED_SIGNAL_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_SIGNAL_NUMBERS(X)
#undef X
    if (out->number < 1 || out->number > JCS_INT_MAX || out->level < 0 || out->level > LEVEL_CRITICAL || out->count < 0 || out->count > JCS_INT_MAX ||
        out->techniques.len > FED_SIGNAL_TEXT_MAX || out->indicators.len > FED_SIGNAL_TEXT_MAX) {
        c->failed = true;
    }
}

static void told_encode(struct buf *out, const struct fed_told *t)
{
    buf_str(out, t->circle);
    buf_str(out, t->hub);
    buf_str(out, t->indicators);
    buf_u8(out, t->own);
    buf_u64(out, (uint64_t)t->epoch);
    buf_u64(out, (uint64_t)t->expires);
    buf_u64(out, (uint64_t)t->alert_number);
    buf_u64(out, (uint64_t)t->alert_events);
    buf_u64(out, (uint64_t)t->number);
    buf_u64(out, (uint64_t)t->count);
}

/* A number that is counted on with, and told as JSON; 0 where it cannot be. */
static int64_t number_of(struct cursor *c)
{
    uint64_t n = cursor_u64(c);
    c->failed = c->failed || n > JCS_INT_MAX;
    return c->failed ? 0 : (int64_t)n;
}

static void told_decode(struct cursor *c, struct fed_told *t)
{
    t->circle = cursor_str(c);
    t->hub = cursor_str(c);
    t->indicators = cursor_str(c);
    t->own = cursor_u8(c) != 0;
    t->epoch = number_of(c);
    t->expires = (time_ns)cursor_u64(c);
    t->alert_number = number_of(c);
    t->alert_events = number_of(c);
    t->number = number_of(c);
    t->count = number_of(c);
}

void fed_pending_encode(struct buf *out, const struct fed_pending *p)
{
    alert_row_encode(out, &p->alert);
    buf_str(out, p->detail);
    buf_str(out, p->tags);
    buf_str(out, p->rule_file);
    buf_u64(out, (uint64_t)p->stamp);
    buf_u32(out, (uint32_t)p->ntold);
    for (size_t i = 0; i < p->ntold; i++) {
        told_encode(out, &p->told[i]);
    }
}

void fed_pending_decode(struct cursor *c, struct arena *arena, struct fed_pending *out)
{
    alert_row_decode(c, &out->alert);
    out->detail = cursor_str(c);
    out->tags = cursor_str(c);
    out->rule_file = cursor_str(c);
    out->stamp = (int64_t)cursor_u64(c);
    out->ntold = cursor_u32(c);
    if (out->ntold > cursor_left(c) / 32) {
        c->failed = true;
        out->ntold = 0;
    }
    out->told = arena_calloc(arena, out->ntold + 1, sizeof *out->told);
    for (size_t i = 0; i < out->ntold; i++) {
        told_decode(c, &out->told[i]);
    }
}

void fed_tell_encode(struct buf *out, const struct fed_tell *t)
{
    fed_signal_encode(out, &t->signal);
    buf_str(out, t->alert);
    buf_u64(out, (uint64_t)t->events);
}

void fed_tell_decode(struct cursor *c, struct fed_tell *out)
{
    fed_signal_decode(c, &out->signal);
    out->alert = cursor_str(c);
    out->events = (int64_t)cursor_u64(c);
    if (out->events < 0 || out->alert.len != ALERT_ID_LEN) {
        c->failed = true;
    }
}

/* ---- at a hub ---- */

static void read_signal(struct db_stmt *s, struct arena *arena, struct fed_signal_row *out)
{
    int i = 0;
#define X(name) out->name = arena_copy(arena, db_col_text(s, i++));
    FED_SIGNAL_SPANS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    FED_SIGNAL_NUMBERS(X)
#undef X
    CHECK(i == SIGNAL_COLUMN_COUNT);
}

static int next_place(struct db *db, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COALESCE(MAX(place), 0) + 1 FROM fed_signal", e, &s);
    rc = rc < 0 ? rc : db_step(s, e);
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

/* The organisation of a member, its node where that is not known; into text. */
static int organisation_of(struct db *db, struct span circle, struct span node, struct buf *text, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT org FROM fed_member WHERE circle = $1 AND node = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    db_bind_text(s, 2, node);
    rc = db_step(s, e);
    buf_span(text, rc > 0 ? db_col_text(s, 0) : node);
    if (rc > 0) {
        db_done(s);
    }
    return rc < 0 ? rc : text->failed ? err_set(e, ERR_LIMIT, "the name of an organisation is too long") : 0;
}

/* At its place, with its organisation. */
static int put_row(struct db *db, const struct fed_signal_row *r, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_signal (" SIGNAL_COLUMNS ", state) VALUES ($1, $2, $3, $4, $5, $6, $7, "
                      "$8, $9, $10, $11, $12, $13, $14, $15, $16) "
                      "ON CONFLICT (circle, node, number) DO UPDATE SET place = $11, "
                      "rule = $4, rule_hash = $5, title = $6, techniques = $7, "
                      "indicators = $8, product = $9, level = $12, bucket = $13, count = $14",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    int i = 1;
#define X(name) db_bind_text(s, i++, r->name);
    FED_SIGNAL_SPANS(X)
#undef X
#define X(name) db_bind_i64(s, i++, r->name);
    FED_SIGNAL_NUMBERS(X)
#undef X
    db_bind_text(s, i, SPAN(FED_SIGNAL_STATE));
    return db_run(s, e);
}

int fed_signals_put(struct db *db, const struct fed_signal_row *rows, size_t count, struct err *e)
{
    CHECK(db_in_transaction(db));
    struct buf name;
    int64_t place = 0;
    int rc = count == 0 ? 0 : next_place(db, &place, e);
    buf_init(&name, FED_SIGNAL_TEXT_MAX);
    for (size_t i = 0; i < count && rc == 0; i++) {
        struct fed_signal_row r = rows[i];
        bool known = i > 0 && span_eq(r.circle, rows[i - 1].circle) && span_eq(r.node, rows[i - 1].node) && name.len > 0;
        if (r.organisation.len == 0 && !known) {
            buf_clear(&name);
            rc = organisation_of(db, r.circle, r.node, &name, e);
        }
        r.organisation = r.organisation.len == 0 ? buf_view(&name) : r.organisation;
        r.place = place++;
        rc = rc < 0 ? rc : put_row(db, &r, e);
    }
    buf_free(&name);
    return rc;
}

static int count_of(struct db *db, const struct fed_room_of *of, int64_t *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM fed_signal WHERE circle = $1 AND node = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, of->circle);
    db_bind_text(s, 2, of->owner);
    rc = db_step(s, e);
    if (rc > 0) {
        *out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int drop_oldest(struct db *db, const struct fed_room_of *of, int64_t n, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "DELETE FROM fed_signal WHERE circle = $1 AND node = $2 AND place IN (SELECT place FROM fed_signal "
                      "WHERE circle = $1 AND node = $2 ORDER BY place LIMIT $3)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, of->circle);
    db_bind_text(s, 2, of->owner);
    db_bind_i64(s, 3, n);
    return db_run(s, e);
}

/* What is counted is never less than what is there: signals that replace others, and those that the sweep forgot, are in it.
 * Over the limit it is counted exactly, and a sixteenth goes at once, so that this is seldom. */
static int make_room(struct db *db, const struct fed_room_of *of, int64_t more, time_ns now, struct err *e)
{
    const int64_t most = fed_room_rows(FED_ROOM_SIGNALS);
    struct fed_room_row have;
    int64_t n = 0;
    int rc = more == 0 ? 0 : fed_room_add(db, of, more, 0, e);
    rc = rc < 0 ? rc : fed_room_get(db, of, &have, e);
    if (rc < 0 || have.rows <= most) {
        return rc;
    }
    rc = count_of(db, of, &n, e);
    int64_t drop = n > most ? n - most + most / 16 : 0;
    rc = rc < 0 || drop == 0 ? rc : drop_oldest(db, of, drop, e);
    rc = rc < 0 ? rc : fed_room_set(db, of, n - drop, 0, e);
    return rc < 0 ? rc : fed_room_note(db, of, drop, 0, now, e);
}

int fed_signal_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                     time_ns now, struct err *e)
{
    enum { PER_ENVELOPE = 64 };
    struct fed_signal_row signals[PER_ENVELOPE];
    uint32_t n = cursor_u32(digest);
    if (n > PER_ENVELOPE) {
        return err_set(e, ERR_INVALID, "too many signals");
    }
    for (uint32_t i = 0; i < n; i++) {
        struct fed_signal_row *s = &signals[i];
        fed_signal_decode(digest, s);
        if (digest->failed) {
            return err_set(e, ERR_IO, "the desk's digest of a signal is broken");
        }
        s->circle = row->circle;
        s->node = row->issuer;
        s->organisation = SPAN("");
        s->received = now;
    }
    const struct fed_room_of of = {FED_ROOM_SIGNALS, row->circle, row->issuer};
    int rc = fed_signals_put(db, signals, n, e);
    return rc < 0 ? rc : make_room(db, &of, n, now, e);
}

static int read_signals(struct db_stmt *s, struct arena *arena, size_t max,
                        struct fed_signal_row **rows_out, size_t *count_out, struct err *e)
{
    struct fed_signal_row *rows = NULL;
    size_t n = 0, room = 0;
    int rc = 0;
    while ((rc = db_step(s, e)) > 0) {
        CHECK(n < max);
        rows = arena_more(arena, rows, n, &room, sizeof *rows);
        read_signal(s, arena, &rows[n++]);
    }
    *rows_out = rows;
    *count_out = n;
    return rc;
}

int fed_signals_after(struct db *db, int64_t after, int64_t first_bucket, struct arena *arena,
                      struct fed_signal_row **rows_out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    /* EXISTS, not IN: with a list of circles SQLite would read and sort all signals of each, every time. */
    int rc = db_query(db,
                      "SELECT " SIGNAL_COLUMNS " FROM fed_signal WHERE place > $1 AND "
                      "bucket >= $2 AND EXISTS (SELECT 1 FROM fed_circle c WHERE "
                      "c.id = fed_signal.circle AND c.own = 1) ORDER BY place LIMIT $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, after);
    db_bind_i64(s, 2, first_bucket);
    db_bind_i64(s, 3, FED_SIGNALS_BATCH);
    return read_signals(s, arena, FED_SIGNALS_BATCH, rows_out, count_out, e);
}

int fed_signals_of(struct db *db, struct span circle, struct span organisation,
                   int64_t first_bucket, struct arena *arena, struct fed_signal_row **rows_out,
                   size_t *count_out, struct err *e)
{
    enum { NEWEST = 8192 }; /* more of one member are not remembered anyway, or by a count */
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT " SIGNAL_COLUMNS " FROM (SELECT " SIGNAL_COLUMNS " FROM fed_signal "
                      "WHERE circle = $1 AND organisation = $2 AND bucket >= $3 AND count > 0 "
                      "ORDER BY place DESC LIMIT $4) AS newest ORDER BY place",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, circle);
    db_bind_text(s, 2, organisation);
    db_bind_i64(s, 3, first_bucket);
    db_bind_i64(s, 4, NEWEST);
    return read_signals(s, arena, NEWEST, rows_out, count_out, e);
}

int fed_signals_sweep(struct db *db, int64_t first_bucket, struct err *e)
{
    static const char *const steps[] = {
        /* The newest stays, so that places go on growing. */
        "DELETE FROM fed_signal WHERE bucket < $1 AND place < (SELECT MAX(place) FROM fed_signal)",
        ("DELETE FROM fed_told_alert WHERE EXISTS (SELECT 1 FROM fed_told t WHERE t.circle = "
         "fed_told_alert.circle AND t.number = fed_told_alert.number AND t.bucket < $1)"),
        "DELETE FROM fed_told WHERE bucket < $1",
    };
    int rc = 0;
    for (size_t i = 0; i < ARRAY_LEN(steps) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, steps[i], e, &s);
        if (rc == 0) {
            db_bind_i64(s, 1, first_bucket);
            rc = db_run(s, e);
        }
    }
    return rc;
}
