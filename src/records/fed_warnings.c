/* SPDX-License-Identifier: EUPL-1.2 */
/* Warnings as rows and messages: see fed_warnings.h. */
#include "records/fed_warnings.h"

#include "records/audit.h"
#include "records/fed_envelope.h"
#include "records/fed_warnings_priv.h"
#include "wire/jcs.h"

/* body: "w.body", or "''" for lists, since bodies are large. */
#define WARNING_SELECT(body)                                                                       \
    "SELECT w.id, w.circle, w.issuer, w.kind, w.value, w.title, " body ", w.published, "           \
    "COALESCE(t.state, 'new'), COALESCE(t.hunt, ''), COALESCE(t.dry_run, 'none'), "                \
    "COALESCE(t.checks, ''), COALESCE((SELECT c.name FROM fed_circle c WHERE c.id = w.circle), "   \
    "''), w.onward, w.version, w.level, w.seen, w.first, w.last, w.withdrawn, "           \
    "w.received, w.updated, w.expires, COALESCE(t.automatic, 0), COALESCE(t.version, 0), "         \
    "COALESCE(t.matched, 0), w.rules, w.indicators FROM fed_warning w LEFT JOIN fed_warning_take t ON t.id = w.id "
enum { WARNING_COLUMN_COUNT = 28 };

static const char *const acts[] = {
#define X(name, word) word,
    FED_WARNING_ACTS(X)
#undef X
};

void fed_warning_encode(struct buf *out, const struct fed_warning_row *row)
{
#define X(name) buf_str(out, row->name);
    FED_WARNING_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_WARNING_NUMBERS(X)
#undef X
}

void fed_warning_decode(struct cursor *c, struct fed_warning_row *out)
{
#define X(name) out->name = cursor_str(c);
    FED_WARNING_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_WARNING_NUMBERS(X)
#undef X
    if (out->id.len != FED_WARNING_ID_LEN || out->body.len > FED_WARNING_BODY_MAX ||
        out->version < 1 || out->version > JCS_INT_MAX || out->level < 0 || out->level > 4 || out->seen < 0 || out->seen > JCS_INT_MAX) {
        c->failed = true;
    }
}

void fed_warning_change_encode(struct buf *out, const struct fed_warning_change *ch)
{
    buf_str(out, ch->id);
    buf_u8(out, (uint8_t)ch->act);
    buf_str(out, ch->who);
    buf_str(out, ch->reason);
    buf_str(out, ch->text);
    buf_u64(out, (uint64_t)ch->matched);
    buf_u8(out, ch->automatic);
}

void fed_warning_change_decode(struct cursor *c, struct fed_warning_change *out)
{
    out->id = cursor_str(c);
    uint8_t act = cursor_u8(c);
    out->act = (enum fed_warning_act)act;
    out->who = cursor_str(c);
    out->reason = cursor_str(c);
    out->text = cursor_str(c);
    out->matched = (int64_t)cursor_u64(c);
    out->automatic = cursor_u8(c) != 0;
    if (act >= FED_WARNING_ACT_COUNT ||
        out->text.len > (act == FED_WARNING_TAKE ? FED_WARNING_FILES_MAX : FED_WARNING_CHECKS_MAX) ||
        out->who.len == 0 || out->matched < 0) {
        c->failed = true;
        out->act = FED_WARNING_FAILED;
    }
}

/* ---- reading ---- */

static void read_row(struct db_stmt *s, struct arena *arena, struct fed_warning_row *out)
{
    int i = 0;
#define X(name) out->name = arena_copy(arena, db_col_text(s, i++));
    FED_WARNING_SPANS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    FED_WARNING_NUMBERS(X)
#undef X
    CHECK(i == WARNING_COLUMN_COUNT);
    out->state = out->withdrawn != 0 ? SPAN("withdrawn") : out->state;
}

int fed_warnings_list(struct db *db, time_ns before, size_t limit, bool brief, struct arena *arena,
                      struct fed_warning_row **rows_out, size_t *count_out, struct err *e)
{
    CHECK(limit > 0 && limit <= FED_WARNING_PAGE_MAX);
    struct db_stmt *s = NULL;
    *count_out = 0;
    *rows_out = arena_calloc(arena, limit, sizeof **rows_out);
    int rc = db_query(
        db,
        brief ? WARNING_SELECT("''") "WHERE w.updated < $1 ORDER BY w.updated DESC, w.id LIMIT $2"
              : WARNING_SELECT("w.body") "WHERE w.updated < $1 ORDER BY w.updated DESC, w.id LIMIT $2",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, before);
    db_bind_i64(s, 2, (int64_t)limit);
    while ((rc = db_step(s, e)) > 0) {
        read_row(s, arena, &(*rows_out)[(*count_out)++]);
    }
    return rc;
}

int fed_warnings_get(struct db *db, struct span id, struct arena *arena,
                     struct fed_warning_row *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, WARNING_SELECT("w.body") "WHERE w.id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc > 0) {
        read_row(s, arena, out);
        db_done(s);
    }
    return rc < 0 ? rc : rc > 0 ? 0 : err_set(e, ERR_NOT_FOUND, "no such warning");
}

/* ---- a version comes ---- */

/* The version known, 0 = none; ERR_DENIED when it is somebody else's warning. */
static int known_version(struct db *db, const struct fed_warning_row *row, int64_t *version_out,
                         struct err *e)
{
    struct db_stmt *s = NULL;
    int rc =
        db_query(db, "SELECT version, issuer, circle FROM fed_warning WHERE id = $1", e, &s);
    *version_out = 0;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, row->id);
    rc = db_step(s, e);
    if (rc > 0) {
        bool same = span_eq(db_col_text(s, 1), row->issuer) &&
                    span_eq(db_col_text(s, 2), row->circle);
        *version_out = db_col_i64(s, 0);
        db_done(s);
        rc = same ? 0 : err_set(e, ERR_DENIED, "this warning is another hub's");
    }
    return rc;
}

/* A new version wants a new dry run; what was taken stays as it was taken, unless it is withdrawn. */
static int renew_take(struct db *db, const struct fed_warning_row *row, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      row->withdrawn != 0
                          ? "UPDATE fed_warning_take SET state = 'withdrawn' WHERE id = $1"
                          : "UPDATE fed_warning_take SET dry_run = 'none', hunt = '', state = CASE "
                            "WHEN state = 'checked' THEN 'new' ELSE state END WHERE id = $1",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, row->id);
        rc = db_run(s, e);
    }
    return rc;
}

int fed_warnings_put(struct db *db, const struct fed_warning_row *row, bool *news_out,
                     struct err *e)
{
    CHECK(db_in_transaction(db));
    int64_t version = 0;
    struct db_stmt *s = NULL;
    *news_out = false;
    int rc = known_version(db, row, &version, e);
    if (rc < 0 || version >= row->version) {
        return rc;
    }
    rc = fed_warnings_room(db, row, e);
    rc = rc < 0 ? rc : db_query(db,
                  "INSERT INTO fed_warning (id, circle, issuer, version, kind, value, title, "
                  "level, seen, first, last, body, withdrawn, received, updated, expires, "
                  "published, rules, indicators, onward) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, "
                  "$11, $12, $13, $14, $15, $16, $17, $18, $19, $20) ON CONFLICT (id) DO UPDATE SET "
                  "version = $4, title = $7, level = $8, seen = $9, first = $10, last = $11, "
                  "body = $12, withdrawn = $13, updated = $15, expires = $16, rules = $18, "
                  "indicators = $19, onward = $20",
                  e, &s);
    if (rc < 0) {
        return rc;
    }
    const struct span texts[] = {row->id, row->circle, row->issuer};
    for (int i = 0; i < 3; i++) {
        db_bind_text(s, i + 1, texts[i]);
    }
    db_bind_i64(s, 4, row->version);
    db_bind_text(s, 5, row->kind);
    db_bind_text(s, 6, row->value);
    db_bind_text(s, 7, row->title);
    const int64_t numbers[] = {row->level, row->seen, row->first, row->last};
    for (int i = 0; i < 4; i++) {
        db_bind_i64(s, i + 8, numbers[i]);
    }
    db_bind_text(s, 12, row->body);
    const int64_t more[] = {row->withdrawn, row->received, row->updated, row->expires};
    for (int i = 0; i < 4; i++) {
        db_bind_i64(s, i + 13, more[i]);
    }
    db_bind_text(s, 17, row->published);
    db_bind_i64(s, 18, row->rules);
    db_bind_i64(s, 19, row->indicators);
    db_bind_text(s, 20, row->onward);
    rc = db_run(s, e);
    *news_out = rc == 0;
    return rc < 0 ? rc : renew_take(db, row, e);
}

int fed_warning_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest,
                      time_ns now, struct err *e)
{
    struct fed_warning_row w;
    bool news = false;
    fed_warning_decode(digest, &w);
    if (!cursor_done(digest)) {
        return err_set(e, ERR_IO, "the desk's digest of a warning is broken");
    }
    w.circle = row->circle;
    w.issuer = row->issuer;
    w.received = w.updated = now;
    w.expires = row->expires;
    return fed_warnings_put(db, &w, &news, e);
}

/* ---- what happens to one here ---- */

static int add_step(struct db *db, const struct fed_warning_change *ch, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_warning_step (id, seq, at, who, what, reason) VALUES ($1, "
                      "(SELECT COALESCE(MAX(seq), 0) + 1 FROM fed_warning_step WHERE id = $1), $2, "
                      "$3, $4, $5)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, ch->id);
    db_bind_i64(s, 2, now);
    db_bind_text(s, 3, ch->who);
    db_bind_text(s, 4, span_of(acts[ch->act]));
    db_bind_text(s, 5, ch->reason);
    rc = db_run(s, e);
    bool decided = ch->act == FED_WARNING_TAKE || ch->act == FED_WARNING_DISMISS;
    struct audit_entry entry = {.at = now,
                                .organisation = SPAN("*"),
                                .who = ch->who,
                                .what = ch->act == FED_WARNING_TAKE ? SPAN("warning.taken")
                                                                    : SPAN("warning.dismissed"),
                                .subject = ch->id,
                                .why = ch->reason,
                                .after = ch->automatic ? SPAN("automatic") : SPAN("by hand")};
    return rc < 0 || !decided ? rc : audit_append(db, &entry, e);
}

static int room_for(struct db *db, const struct fed_warning_change *ch, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT COUNT(*), COALESCE(SUM(LENGTH(body)), 0) FROM fed_warning_take "
                      "WHERE state = 'taken' AND id <> $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, ch->id);
    rc = db_step(s, e);
    if (rc > 0) {
        bool room = db_col_i64(s, 0) < FED_WARNING_TAKEN_MAX &&
                    db_col_i64(s, 1) + (int64_t)ch->text.len <= FED_WARNING_TAKEN_BYTES;
        db_done(s);
        rc = room ? 0
                  : err_set(e, ERR_LIMIT,
                            "so many warnings are in force that another would be too much: dismiss "
                            "one that is no longer needed");
    }
    return rc;
}

/* What the row is afterwards; the words of its state alone. */
static void after_change(const struct fed_warning_change *ch, struct fed_warning_row *r)
{
    switch (ch->act) {
    case FED_WARNING_ASKED:
        r->dry_run = SPAN("running");
        r->hunt = ch->text;
        break;
    case FED_WARNING_DONE:
        r->dry_run = SPAN("done");
        r->matched = ch->matched;
        r->checks = ch->text;
        r->state = span_eq(r->state, SPAN("new")) ? SPAN("checked") : r->state;
        break;
    case FED_WARNING_FAILED:
        r->dry_run = SPAN("failed");
        break;
    case FED_WARNING_TAKE:
        r->state = SPAN("taken");
        r->automatic = ch->automatic;
        r->taken_version = r->version;
        break;
    default:
        r->state = SPAN("dismissed");
        r->automatic = 0;
        break;
    }
}

static int put_take(struct db *db, const struct fed_warning_row *r, struct span rules, time_ns now,
                    struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_warning_take (id, state, automatic, version, hunt, dry_run, "
                      "matched, checks, body, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                      "$10) ON CONFLICT (id) DO UPDATE SET state = $2, automatic = $3, "
                      "version = $4, hunt = $5, dry_run = $6, matched = $7, checks = $8, body = "
                      "COALESCE($9, fed_warning_take.body), changed = $10",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, r->id);
    db_bind_text(s, 2, r->state);
    db_bind_i64(s, 3, r->automatic);
    db_bind_i64(s, 4, r->taken_version);
    db_bind_text(s, 5, r->hunt);
    db_bind_text(s, 6, r->dry_run);
    db_bind_i64(s, 7, r->matched);
    db_bind_text(s, 8, r->checks);
    if (rules.len > 0) {
        db_bind_bytes(s, 9, rules);
    } else {
        db_bind_null(s, 9);
    }
    db_bind_i64(s, 10, now);
    return db_run(s, e);
}

static int change(struct db *db, const struct fed_warning_change *ch, time_ns now,
                  struct arena *arena, struct fed_warning_row *out, struct err *e)
{
    bool take = ch->act == FED_WARNING_TAKE;
    int rc = fed_warnings_get(db, ch->id, arena, out, e);
    if (rc == 0 && out->withdrawn != 0 && take) {
        rc = err_set(e, ERR_DENIED, "the hub took this warning back");
    } else if (rc == 0 && take && out->expires <= now) {
        rc = err_set(e, ERR_DENIED, "this warning is over its date");
    } else if (rc == 0 && take) {
        rc = room_for(db, ch, e);
    }
    if (rc == 0) {
        after_change(ch, out);
        rc = put_take(db, out, take ? ch->text : SPAN(""), now, e);
    }
    return rc < 0 ? rc : add_step(db, ch, now, e);
}

int fed_warnings_change(struct db *db, const struct fed_warning_change *ch, time_ns now,
                        struct arena *arena, struct fed_warning_row *out, struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, change(db, ch, now, arena, out, e), e);
}

int fed_warnings_taken(struct db *db, struct arena *arena, struct fed_warning_row **rows_out,
                       size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    struct fed_warning_row *rows = arena_calloc(arena, FED_WARNING_TAKEN_MAX, sizeof *rows);
    *rows_out = rows;
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT id, body, version FROM fed_warning_take WHERE state = 'taken' "
                      "ORDER BY id LIMIT $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, FED_WARNING_TAKEN_MAX);
    while ((rc = db_step(s, e)) > 0) {
        rows[(*count_out)++] = (struct fed_warning_row){
            .id = arena_copy(arena, db_col_text(s, 0)),
            .body = arena_copy(arena, db_col_bytes(s, 1)),
            .version = db_col_i64(s, 2),
        };
    }
    return rc;
}

int fed_warnings_mark(struct db *db, int64_t *mark_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT COALESCE(MAX(changed), 0) + COALESCE(SUM(CASE WHEN state = 'taken' "
                      "THEN 1 ELSE 0 END), 0) FROM fed_warning_take",
                      e, &s);
    rc = rc < 0 ? rc : db_step(s, e);
    if (rc > 0) {
        *mark_out = db_col_i64(s, 0);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int fed_warnings_expire(struct db *db, time_ns now, size_t *ended_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE fed_warning_take SET state = 'expired', changed = $1 WHERE "
                      "state = 'taken' AND id IN (SELECT id FROM fed_warning WHERE expires <= $1)",
                      e, &s);
    *ended_out = 0;
    if (rc == 0) {
        db_bind_i64(s, 1, now);
        rc = db_run(s, e);
    }
    if (rc == 0) {
        *ended_out = (size_t)db_changes(db);
    }
    return rc;
}

int fed_warnings_steps(struct db *db, struct span id, struct arena *arena,
                       struct fed_warning_step **steps_out, size_t *count_out, struct err *e)
{
    enum { STEPS_MAX = 200 };
    struct db_stmt *s = NULL;
    *steps_out = arena_calloc(arena, STEPS_MAX, sizeof **steps_out);
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT at, who, what, reason FROM fed_warning_step WHERE id = $1 "
                      "ORDER BY seq LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_i64(s, 2, STEPS_MAX);
    while ((rc = db_step(s, e)) > 0) {
        (*steps_out)[(*count_out)++] = (struct fed_warning_step){
            .at = db_col_i64(s, 0),
            .who = arena_copy(arena, db_col_text(s, 1)),
            .what = arena_copy(arena, db_col_text(s, 2)),
            .reason = arena_copy(arena, db_col_text(s, 3)),
        };
    }
    return rc;
}
