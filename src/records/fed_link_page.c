/* SPDX-License-Identifier: EUPL-1.2 */
/* Personal links of small members without a node: see fed_item.h. Must never see a token in clear. */
#include "records/audit.h"
#include "records/fed_item.h"

#define COMMA_NAME(name) ", " #name
#define PAGE_COLUMNS "0" FED_LINK_PAGE_SPANS(COMMA_NAME) FED_LINK_PAGE_NUMBERS(COMMA_NAME)

void fed_link_page_encode(struct buf *out, const struct fed_link_page *row)
{
#define X(name) buf_str(out, row->name);
    FED_LINK_PAGE_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_LINK_PAGE_NUMBERS(X)
#undef X
}

void fed_link_page_decode(struct cursor *c, struct fed_link_page *out)
{
#define X(name) out->name = cursor_str(c);
    FED_LINK_PAGE_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_LINK_PAGE_NUMBERS(X)
#undef X
}

static void column(struct db_stmt *s, struct arena *arena, struct fed_link_page *out)
{
    int i = 1;
#define X(name) out->name = arena_copy(arena, db_col_bytes(s, i++));
    FED_LINK_PAGE_SPANS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    FED_LINK_PAGE_NUMBERS(X)
#undef X
}

static int note(struct db *db, const char *what, struct span account, struct span who,
                struct span id, struct span person, time_ns now, struct err *e)
{
    struct audit_entry entry = {.at = now,
                                .organisation = account,
                                .who = who,
                                .what = span_of(what),
                                .subject = id,
                                .after = person};
    return audit_append(db, &entry, e);
}

static int room(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM fed_link_page WHERE revoked = 0", e, &s);
    rc = rc < 0 ? rc : db_step(s, e);
    if (rc > 0) {
        rc = db_col_i64(s, 0) < FED_LINK_PAGES_MAX
                 ? 0
                 : err_set(e, ERR_LIMIT, "a node has at most %d personal links", FED_LINK_PAGES_MAX);
        db_done(s);
    }
    return rc;
}

static int create(struct db *db, const struct fed_link_page *row, struct err *e)
{
    struct db_stmt *s = NULL;
    int n = 0;
    int rc = room(db, e);
    rc = rc < 0 ? rc
                : db_query(db,
                           "INSERT INTO fed_link_page (id, hash, account, circle, organisation, "
                           "person, mail, created_by, revoked_by, language, created, expires, "
                           "revoked, last_used, nda) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                           "$10, $11, $12, $13, $14, $15)",
                           e, &s);
    if (rc < 0) {
        return rc;
    }
#define X(name) db_bind_text(s, ++n, row->name);
    FED_LINK_PAGE_SPANS(X)
#undef X
    db_bind_bytes(s, 2, row->hash);
#define X(name) db_bind_i64(s, ++n, row->name);
    FED_LINK_PAGE_NUMBERS(X)
#undef X
    CHECK(n == 15);
    rc = db_run(s, e);
    return rc < 0 ? rc
                  : note(db, "link_page.created", row->account, row->created_by, row->id,
                         row->person, row->created, e);
}

int fed_link_page_create(struct db *db, const struct fed_link_page *row, struct err *e)
{
    CHECK(row->account.len > 0 && row->hash.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, create(db, row, e), e);
}

static int revoke(struct db *db, struct span account, struct span id, struct span who, time_ns now,
                  struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE fed_link_page SET revoked = $1, revoked_by = $2 WHERE id = $3 AND "
                      "revoked = 0 AND ($4 = '*' OR account = $4)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, who);
    db_bind_text(s, 3, id);
    db_bind_text(s, 4, account);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        return err_set(e, ERR_NOT_FOUND, "there is no such link, or it is revoked already");
    }
    return rc < 0 ? rc : note(db, "link_page.revoked", account, who, id, SPAN(""), now, e);
}

int fed_link_page_revoke(struct db *db, struct span account, struct span id, struct span who,
                         time_ns now, struct err *e)
{
    CHECK(account.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, revoke(db, account, id, who, now, e), e);
}

int fed_link_page_find(struct db *db, struct span hash, time_ns now, struct arena *arena,
                       struct fed_link_page *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT " PAGE_COLUMNS " FROM fed_link_page WHERE hash = $1 AND revoked = 0 "
                      "AND expires > $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_i64(s, 2, now);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_DENIED, "this link is not, or no longer, good");
    }
    column(s, arena, out);
    db_done(s);
    rc = db_query(db, "UPDATE fed_link_page SET last_used = $1 WHERE id = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, out->id);
    return db_run(s, e);
}

int fed_link_page_get(struct db *db, struct span id, struct arena *arena, struct fed_link_page *out,
                      struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT " PAGE_COLUMNS " FROM fed_link_page WHERE id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no such link");
    }
    column(s, arena, out);
    db_done(s);
    return 0;
}

int fed_link_page_list(struct db *db, struct span account, struct arena *arena,
                       struct fed_link_page **out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(account.len > 0);
    *out = arena_calloc(arena, FED_LINK_PAGES_MAX, sizeof **out);
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT " PAGE_COLUMNS " FROM fed_link_page WHERE revoked = 0 AND ($1 = '*' "
                      "OR account = $1) ORDER BY created, id LIMIT $2",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, account);
    db_bind_i64(s, 2, FED_LINK_PAGES_MAX);
    while ((rc = db_step(s, e)) > 0) {
        column(s, arena, &(*out)[(*count_out)++]);
    }
    return rc;
}
