/* SPDX-License-Identifier: EUPL-1.2 */
/* What the records keep of looks at persons: see privacy.h. Runs in the keeper. */
#include "records/privacy.h"

#include "records/audit.h"
#include "records/log_page.h"
#include "records/registers/record_store.h"

void persons_show_encode(struct buf *out, const struct persons_show *s)
{
    buf_str(out, s->kind);
    buf_str(out, s->record);
    buf_str(out, s->organisation);
    buf_str(out, s->who);
    buf_str(out, s->why);
    buf_u64(out, (uint64_t)s->until);
}

void persons_show_decode(struct cursor *c, struct persons_show *out)
{
    out->kind = cursor_str(c);
    out->record = cursor_str(c);
    out->organisation = cursor_str(c);
    out->who = cursor_str(c);
    out->why = cursor_str(c);
    out->until = (time_ns)cursor_u64(c);
}

int persons_show_note(struct db *db, const struct record_scope *scope, const struct persons_show *s, time_ns now, struct arena *a, struct err *e)
{
    struct record_row row;
    char until[TIME_TEXT_MAX];
    if (s->why.len == 0 || s->why.len > PERSONS_WHY_MAX || s->kind.len == 0 || s->kind.len > PERSONS_NAME_MAX || s->until <= now) {
        return err_set(e, ERR_INVALID, "who has persons shown gives a reason");
    }
    int rc = s->record.len == 0 ? 0 : record_get(db, scope, s->kind, s->record, a, &row, e);
    rc = rc == 0 ? db_begin(db, e) : rc;
    if (rc < 0) {
        return rc;
    }
    const char *after = arena_printf(a, "%.*s until %s", SPAN_ARG(s->kind), time_format(s->until, until));
    const struct audit_entry entry = {
        .at = now,
        .organisation = s->organisation,
        .who = s->who,
        .what = SPAN("persons.shown"),
        .subject = s->record.len > 0 ? s->record : s->kind,
        .why = s->why,
        .after = span_of(after),
    };
    return db_end(db, audit_append(db, &entry, e), e);
}

/* ---- searches ---- */

void persons_search_encode(struct buf *out, const struct persons_search *s)
{
    buf_str(out, s->where);
    buf_str(out, s->terms);
    buf_str(out, s->organisation);
    buf_str(out, s->who);
    buf_str(out, s->why);
}

void persons_search_decode(struct cursor *c, struct persons_search *out)
{
    out->where = cursor_str(c);
    out->terms = cursor_str(c);
    out->organisation = cursor_str(c);
    out->who = cursor_str(c);
    out->why = cursor_str(c);
}

int persons_search_note(struct db *db, const struct persons_search *s, time_ns now, struct err *e)
{
    const struct audit_entry entry = {
        .at = now,
        .organisation = s->organisation,
        .who = s->who,
        .what = SPAN("persons.searched"),
        .subject = s->where,
        .why = s->why,
        .after = s->terms,
    };
    if (s->where.len == 0 || s->where.len > PERSONS_NAME_MAX || s->terms.len == 0 || s->terms.len > PERSONS_TERMS_MAX || s->why.len > PERSONS_WHY_MAX) {
        return err_set(e, ERR_INVALID, "a search says where, for what and why");
    }
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, audit_append(db, &entry, e), e);
}

/* ---- who looked ---- */

void persons_look_encode(struct buf *out, const struct persons_look *l)
{
    buf_u64(out, (uint64_t)l->seq);
    buf_u64(out, (uint64_t)l->at);
    buf_str(out, l->organisation);
    buf_str(out, l->who);
    buf_str(out, l->what);
    buf_str(out, l->subject);
    buf_str(out, l->why);
    buf_str(out, l->detail);
}

void persons_look_decode(struct cursor *c, struct persons_look *out)
{
    out->seq = (int64_t)cursor_u64(c);
    out->at = (time_ns)cursor_u64(c);
    out->organisation = cursor_str(c);
    out->who = cursor_str(c);
    out->what = cursor_str(c);
    out->subject = cursor_str(c);
    out->why = cursor_str(c);
    out->detail = cursor_str(c);
}

static void take_look(struct db_stmt *s, struct arena *a, void *to)
{
    struct persons_look *l = to;
    l->seq = db_col_i64(s, 0);
    l->at = db_col_i64(s, 1);
    struct span *texts[] = {&l->organisation, &l->who, &l->what, &l->subject, &l->why, &l->detail};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(a, db_col_text(s, (int)i + 2));
    }
}

int persons_log(struct db *db, const struct policy_places *places, int64_t before, uint32_t limit, struct arena *a, struct persons_look **out, uint32_t *count_out,
                int64_t *next_out, struct err *e)
{
    static const struct log_page page = {
        .newest = "SELECT COALESCE(MAX(seq), 0) FROM audit",
        .rows = "SELECT seq, at, organisation, who, what, subject, why, after_value FROM audit WHERE seq < $1 AND seq >= $2 "
                "AND what IN ('persons.shown', 'persons.searched') ORDER BY seq DESC",
        .scan = PERSONS_LOG_SCAN, .take = take_look, .size = sizeof **out,
    };
    void *rows = NULL;
    CHECK(limit <= PERSONS_LOG_MAX);
    int rc = log_page_read(db, &page, places, before, limit, a, &rows, count_out, next_out, e);
    *out = rows;
    return rc;
}
