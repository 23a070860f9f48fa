/* SPDX-License-Identifier: EUPL-1.2 */
/* Items and what is noted about them: see fed_item.h. Runs in the keeper. */
#include "records/fed_item.h"

#include "wire/jcs.h"

const char fed_item_sql[] =
    "CREATE TABLE fed_item ("
    " id TEXT PRIMARY KEY, organisation TEXT NOT NULL, circle TEXT NOT NULL, author TEXT NOT NULL,"
    " author_org TEXT NOT NULL, person TEXT NOT NULL, kind TEXT NOT NULL, title TEXT NOT NULL,"
    " body TEXT NOT NULL, of_item TEXT NOT NULL, derived TEXT NOT NULL, tlp TEXT NOT NULL,"
    " pap TEXT NOT NULL, audience TEXT NOT NULL, envelope TEXT NOT NULL, state TEXT NOT NULL,"
    " reason TEXT NOT NULL, version BIGINT NOT NULL, chr BIGINT NOT NULL, epoch BIGINT NOT NULL,"
    " created BIGINT NOT NULL, expires BIGINT NOT NULL, received BIGINT NOT NULL,"
    " mine BIGINT NOT NULL, bare BIGINT NOT NULL, sent BIGINT NOT NULL);"
    "CREATE INDEX fed_item_received ON fed_item (received, id);"
    /* kind "read": what = version, place = who and version and time; "receipt": place = node; "change" */
    "CREATE TABLE fed_item_read ("
    " item TEXT NOT NULL, kind TEXT NOT NULL, place TEXT NOT NULL, who TEXT NOT NULL,"
    " what TEXT NOT NULL, why TEXT NOT NULL, at BIGINT NOT NULL, PRIMARY KEY (item, kind, place));"
    "CREATE INDEX fed_item_read_at ON fed_item_read (kind, at);"
    "CREATE TABLE fed_link_page ("
    " id TEXT PRIMARY KEY, hash BYTEA NOT NULL UNIQUE, account TEXT NOT NULL, circle TEXT NOT NULL,"
    " organisation TEXT NOT NULL, person TEXT NOT NULL, mail TEXT NOT NULL, created_by TEXT NOT NULL,"
    " revoked_by TEXT NOT NULL, created BIGINT NOT NULL, expires BIGINT NOT NULL,"
    " revoked BIGINT NOT NULL, last_used BIGINT NOT NULL, nda BIGINT NOT NULL);"
    "CREATE INDEX fed_link_page_account ON fed_link_page (account, created);";

#define COMMA_NAME(name) ", " #name

void fed_item_encode(struct buf *out, const struct fed_item_row *row)
{
#define X(name) buf_str(out, row->name);
    FED_ITEM_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_ITEM_NUMBERS(X)
#undef X
}

void fed_item_decode(struct cursor *c, struct fed_item_row *out)
{
#define X(name) out->name = cursor_str(c);
    FED_ITEM_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_ITEM_NUMBERS(X)
#undef X
    c->failed = c->failed || out->version < 0 || out->version > JCS_INT_MAX; /* one more is counted on it */
}

/* The columns in the order of the table above, behind a constant that takes the leading comma. */
#define ITEM_COLUMNS "0" FED_ITEM_SPANS(COMMA_NAME) FED_ITEM_NUMBERS(COMMA_NAME)

static void item_column(struct db_stmt *s, struct arena *arena, struct fed_item_row *out)
{
    int i = 1;
#define X(name) out->name = arena_copy(arena, db_col_text(s, i++));
    FED_ITEM_SPANS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    FED_ITEM_NUMBERS(X)
#undef X
}

int fed_item_get(struct db *db, struct span id, struct arena *arena, struct fed_item_row *out,
                 struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT " ITEM_COLUMNS " FROM fed_item WHERE id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no such item");
    }
    item_column(s, arena, out);
    db_done(s);
    return 0;
}

int fed_item_put(struct db *db, const struct fed_item_row *row, struct err *e)
{
    struct db_stmt *s = NULL;
    int n = 0;
    int rc = db_query(db, "DELETE FROM fed_item WHERE id = $1", e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, row->id);
        rc = db_run(s, e);
    }
    rc = rc < 0 ? rc
                : db_query(db,
                           "INSERT INTO fed_item (id, organisation, circle, author, author_org, "
                           "person, kind, title, body, of_item, derived, tlp, pap, audience, "
                           "envelope, state, reason, version, chr, epoch, created, expires, "
                           "received, mine, bare, sent) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, "
                           "$10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, "
                           "$24, $25, $26)",
                           e, &s);
    if (rc < 0) {
        return rc;
    }
#define X(name) db_bind_text(s, ++n, row->name);
    FED_ITEM_SPANS(X)
#undef X
#define X(name) db_bind_i64(s, ++n, row->name);
    FED_ITEM_NUMBERS(X)
#undef X
    CHECK(n == 26);
    return db_run(s, e);
}

int fed_item_empty(struct db *db, struct span id, struct span reason, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE fed_item SET title = '', body = '', derived = '[]', of_item = '', "
                      "state = 'retracted', reason = $2 WHERE id = $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, reason);
    return db_run(s, e);
}

/* Text for LIKE … ESCAPE '\', found anywhere. */
static struct span pattern(struct arena *arena, struct span words)
{
    char *out = arena_bytes(arena, 2 * words.len + 3);
    size_t len = 0;
    out[len++] = '%';
    for (size_t i = 0; i < words.len; i++) {
        if (words.ptr[i] == '%' || words.ptr[i] == '_' || words.ptr[i] == '\\') {
            out[len++] = '\\';
        }
        out[len++] = words.ptr[i];
    }
    out[len++] = '%';
    out[len] = '\0';
    return span_make(out, len);
}

int fed_item_list(struct db *db, const struct fed_item_query *q, struct arena *arena,
                  struct fed_item_row **rows_out, size_t *count_out, bool *more_out, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(q->limit > 0 && q->limit <= FED_ITEMS_PAGE_MAX && q->organisation.len > 0);
    *rows_out = arena_calloc(arena, q->limit, sizeof **rows_out);
    *count_out = 0;
    *more_out = false;
    int rc = db_query(db,
                      "SELECT " ITEM_COLUMNS " FROM fed_item WHERE bare = 0 "
                      "AND ($1 = '*' OR organisation = $1) AND ($2 = '' OR circle = $2) "
                      "AND ($3 = '' OR received < $4 OR (received = $4 AND id < $3)) "
                      "AND (title LIKE $5 ESCAPE '\\' OR body LIKE $5 ESCAPE '\\') "
                      "ORDER BY received DESC, id DESC LIMIT $6",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, q->organisation);
    db_bind_text(s, 2, q->circle);
    db_bind_text(s, 3, q->before_id);
    db_bind_i64(s, 4, q->before);
    db_bind_text(s, 5, pattern(arena, q->words));
    db_bind_i64(s, 6, (int64_t)q->limit + 1);
    while ((rc = db_step(s, e)) > 0) {
        if (*count_out == q->limit) {
            *more_out = true;
            db_done(s);
            return 0;
        }
        item_column(s, arena, &(*rows_out)[(*count_out)++]);
    }
    return rc;
}

/* ---- notes ---- */

int fed_item_note_put(struct db *db, const struct fed_item_note *n, struct err *e)
{
    struct buf b;
    struct db_stmt *s = NULL;
    buf_init(&b, 512);
    buf_span(&b, span_sub(n->who, 0, 200));
    if (!span_eq(n->kind, SPAN("receipt"))) { /* a node's receipt replaces its last one */
        buf_u8(&b, '/');
        buf_span(&b, span_sub(n->what, 0, 100));
        buf_printf(&b, "/%lld", (long long)n->at);
    }
    int rc = db_query(db,
                      "INSERT INTO fed_item_read (item, kind, place, who, what, why, at) VALUES "
                      "($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (item, kind, place) DO UPDATE SET "
                      "what = excluded.what, why = excluded.why, at = excluded.at",
                      e, &s);
    if (rc == 0) {
        db_bind_text(s, 1, n->item);
        db_bind_text(s, 2, n->kind);
        db_bind_text(s, 3, buf_view(&b));
        db_bind_text(s, 4, n->who);
        db_bind_text(s, 5, n->what);
        db_bind_text(s, 6, n->why);
        db_bind_i64(s, 7, n->at);
        rc = db_run(s, e);
    }
    buf_free(&b);
    return rc;
}

int fed_item_notes(struct db *db, struct span item, struct span kind, struct arena *arena,
                   struct fed_item_note **out, size_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = arena_calloc(arena, FED_ITEM_NOTES_MAX, sizeof **out);
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT who, what, why, at FROM fed_item_read WHERE item = $1 AND kind = $2 "
                      "ORDER BY at, place LIMIT $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, item);
    db_bind_text(s, 2, kind);
    db_bind_i64(s, 3, FED_ITEM_NOTES_MAX);
    while ((rc = db_step(s, e)) > 0) {
        (*out)[(*count_out)++] = (struct fed_item_note){
            .item = item,
            .kind = kind,
            .who = arena_copy(arena, db_col_text(s, 0)),
            .what = arena_copy(arena, db_col_text(s, 1)),
            .why = arena_copy(arena, db_col_text(s, 2)),
            .at = db_col_i64(s, 3),
        };
    }
    return rc;
}

int fed_item_receipts(struct db *db, struct span item, int64_t *received_out, int64_t *removed_out,
                      struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT COUNT(*), COALESCE(SUM(CASE WHEN what = 'removed' THEN 1 ELSE 0 END), "
                      "0) FROM fed_item_read WHERE item = $1 AND kind = 'receipt'",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, item);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc;
    }
    *received_out = db_col_i64(s, 0);
    *removed_out = db_col_i64(s, 1);
    db_done(s);
    return 0;
}

int fed_stone_is(struct db *db, struct span item, struct span envelope, bool *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM fed_item_read WHERE item = $1 AND kind = 'stone' AND what = $2", e, &s);
    *out = false;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, item);
    db_bind_text(s, 2, envelope);
    rc = db_step(s, e);
    *out = rc > 0;
    db_done(s);
    return rc < 0 ? rc : 0;
}

int fed_stones_write(struct db *db, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    buf_u32(out, 0);
    int rc = db_query(db,
                      "SELECT n.item, i.circle, n.why, n.at, (SELECT COUNT(*) FROM fed_out o WHERE o.envelope = n.what), "
                      "(SELECT COUNT(*) FROM fed_item_read r WHERE r.item = n.item AND r.kind = 'receipt' AND r.what = 'removed' AND r.why = n.what) "
                      "FROM fed_item_read n JOIN fed_item i ON i.id = n.item WHERE n.kind = 'stone' ORDER BY n.at DESC, n.item LIMIT $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, FED_STONES_SHOWN_MAX);
    while ((rc = db_step(s, e)) > 0) {
        for (int i = 0; i < 3; i++) {
            buf_str(out, db_col_text(s, i));
        }
        for (int i = 3; i < 6; i++) {
            buf_u64(out, (uint64_t)db_col_i64(s, i));
        }
        n++;
    }
    if (!out->failed) {
        memcpy(out->data + at, &n, sizeof n);
    }
    return rc;
}

int fed_item_sweep(struct db *db, time_ns now, struct err *e)
{
    static const struct {
        const char *sql;
        int64_t days; /* $1 is so long ago */
    } rules[] = {
        {"DELETE FROM fed_item WHERE mine = 0 AND bare = 0 AND state <> 'retracted' AND expires < $1", FED_ITEM_OVER_DAYS},
        {"DELETE FROM fed_item WHERE mine = 1 AND state <> 'retracted' AND expires < $1", FED_READ_KEPT_DAYS},
        {"DELETE FROM fed_item WHERE (bare = 1 OR state = 'retracted') AND expires < $1 AND received < $1", FED_ITEM_STONE_DAYS},
        {"DELETE FROM fed_item_read WHERE kind = 'read' AND at < $1", FED_READ_KEPT_DAYS},
        {"DELETE FROM fed_item_read WHERE kind <> 'read' AND at < $1 AND NOT EXISTS (SELECT 1 FROM fed_item i WHERE i.id = "
         "fed_item_read.item)",
         0},
        {"DELETE FROM fed_link_page WHERE expires < $1 OR (revoked > 0 AND revoked < $1)", FED_LINK_PAGE_KEPT_DAYS},
    };
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    for (size_t i = 0; i < ARRAY_LEN(rules) && rc == 0; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, rules[i].sql, e, &s);
        if (rc == 0) {
            db_bind_i64(s, 1, now - rules[i].days * TIME_DAY);
            rc = db_run(s, e);
        }
    }
    return db_end(db, rc, e);
}
