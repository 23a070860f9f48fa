/* SPDX-License-Identifier: EUPL-1.2 */
/* Who read what of sensitive records: see reads.h. Runs in the keeper. */
#include "records/reads.h"

#include "records/accounts.h"
#include "records/log_page.h"
#include "records/privacy.h"
#include "records/registers/record_row.h"

const char reads_sql[] =
    "CREATE TABLE sensitive_read ("
    " number BIGINT PRIMARY KEY, at BIGINT NOT NULL, organisation TEXT NOT NULL, who TEXT NOT NULL, kind TEXT NOT NULL, way TEXT NOT NULL,"
    " why TEXT NOT NULL, ids TEXT NOT NULL, count BIGINT NOT NULL, persons BIGINT NOT NULL, red BIGINT NOT NULL);"
    "CREATE INDEX sensitive_read_at ON sensitive_read (at);";

void read_note_encode(struct buf *out, const struct read_note *n)
{
    buf_u64(out, (uint64_t)n->number);
    buf_u64(out, (uint64_t)n->at);
    buf_str(out, n->organisation);
    buf_str(out, n->who);
    buf_str(out, n->kind);
    buf_str(out, n->way);
    buf_str(out, n->why);
    buf_str(out, n->ids);
    buf_u64(out, n->count);
    buf_u8(out, n->persons);
    buf_u8(out, n->red);
}

void read_note_decode(struct cursor *c, struct read_note *out)
{
    out->number = (int64_t)cursor_u64(c);
    out->at = (time_ns)cursor_u64(c);
    const struct {
        struct span *text;
        size_t most;
    } texts[] = {{&out->organisation, RECORD_ORGANISATION_MAX}, {&out->who, ACCOUNT_NAME_MAX}, {&out->kind, PERSONS_NAME_MAX}, {&out->way, PERSONS_NAME_MAX},
                 {&out->why, PERSONS_WHY_MAX}, {&out->ids, READS_IDS_MAX * (READS_ID_MAX + 1)}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i].text = cursor_str(c);
        c->failed = c->failed || texts[i].text->len > texts[i].most;
    }
    out->count = cursor_u64(c);
    uint8_t persons = cursor_u8(c);
    uint8_t red = cursor_u8(c);
    out->persons = persons == 1;
    out->red = red == 1;
    c->failed = c->failed || persons > 1 || red > 1 || out->number < 0 || out->count == 0 || out->count > INT64_MAX || out->organisation.len == 0 || out->who.len == 0 || out->kind.len == 0;
}

int reads_put(struct db *db, const struct read_note *n, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(db_in_transaction(db));
    int rc = db_query(db,
                      "INSERT INTO sensitive_read (number, at, organisation, who, kind, way, why, ids, count, persons, red) VALUES "
                      "((SELECT COALESCE(MAX(number), 0) + 1 FROM sensitive_read), $1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
                      e, &s);
    if (rc != 0) {
        return rc;
    }
    const struct span texts[] = {n->organisation, n->who, n->kind, n->way, n->why, n->ids};
    db_bind_i64(s, 1, n->at);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        db_bind_text(s, (int)i + 2, texts[i]);
    }
    db_bind_i64(s, 8, (int64_t)n->count);
    db_bind_i64(s, 9, n->persons);
    db_bind_i64(s, 10, n->red);
    return db_run(s, e);
}

static void take(struct db_stmt *s, struct arena *a, void *to)
{
    struct read_note *n = to;
    struct span *texts[] = {&n->organisation, &n->who, &n->kind, &n->way, &n->why, &n->ids};
    n->number = db_col_i64(s, 0);
    n->at = db_col_i64(s, 1);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(a, db_col_text(s, (int)i + 2));
    }
    n->count = (uint64_t)db_col_i64(s, 8);
    n->persons = db_col_i64(s, 9) != 0;
    n->red = db_col_i64(s, 10) != 0;
}

int reads_page(struct db *db, const struct policy_places *places, int64_t before, uint32_t limit, struct arena *a, struct read_note **out,
               uint32_t *count_out, int64_t *next_out, struct err *e)
{
    static const struct log_page page = {
        .newest = "SELECT COALESCE(MAX(number), 0) FROM sensitive_read",
        .rows = "SELECT number, at, organisation, who, kind, way, why, ids, count, persons, red FROM sensitive_read "
                "WHERE number < $1 AND number >= $2 ORDER BY number DESC",
        .scan = READS_SCAN_MAX, .take = take, .size = sizeof **out,
    };
    void *rows = NULL;
    CHECK(limit <= READS_PAGE_MAX);
    int rc = log_page_read(db, &page, places, before, limit, a, &rows, count_out, next_out, e);
    *out = rows;
    return rc;
}

int reads_sweep(struct db *db, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM sensitive_read WHERE at < $1", e, &s);
    if (rc == 0) {
        db_bind_i64(s, 1, now - READS_KEPT_DAYS * TIME_DAY);
        rc = db_run(s, e);
    }
    return rc;
}
