/* SPDX-License-Identifier: EUPL-1.2 */
/* Codes, requests, officers: see fed_enrol.h. Runs in the keeper; must never see a code in clear, nor
 * an officer's key unsealed. */
#include "records/fed_enrol.h"

#include "records/audit.h"

static int note(struct db *db, struct span who, const char *what, struct span subject,
                struct span why, struct span after, time_ns now, struct err *e)
{
    const struct audit_entry entry = {.at = now,
                                      .organisation = SPAN("*"),
                                      .who = who,
                                      .what = span_of(what),
                                      .subject = subject,
                                      .why = why,
                                      .after = after};
    return audit_append(db, &entry, e);
}

int fed_code_put(struct db *db, const struct fed_code_row *code, struct err *e)
{
    CHECK(db_in_transaction(db));
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_code (hash, circle, org, created, created_by, expires, "
                      "used) VALUES ($1, $2, $3, $4, $5, $6, 0)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, code->hash);
    db_bind_text(s, 2, code->circle);
    db_bind_text(s, 3, code->org);
    db_bind_i64(s, 4, code->created);
    db_bind_text(s, 5, code->created_by);
    db_bind_i64(s, 6, code->expires);
    rc = db_run(s, e);
    return rc < 0 ? rc
                  : note(db, code->created_by, "federation.code", code->circle, SPAN(""), code->org,
                         code->created, e);
}

/* Circle of a code that may be used now, for this organisation; uses it up. */
static int use_code(struct db *db, struct span hash, struct span org, time_ns now,
                    struct arena *arena, struct span *circle_out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT circle FROM fed_code WHERE hash = $1 AND used = 0 AND "
                      "created <= $2 AND expires > $2 AND org = $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_i64(s, 2, now);
    db_bind_text(s, 3, org);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc
                      : err_set(e, ERR_DENIED,
                                "this code is used up, too old, for another organisation, or was "
                                "never given out");
    }
    *circle_out = arena_copy(arena, db_col_text(s, 0));
    db_done(s);
    rc = db_query(db, "UPDATE fed_code SET used = $1 WHERE hash = $2 AND used = 0", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_bytes(s, 2, hash);
    return db_run(s, e);
}

static int count_waiting(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM fed_request WHERE state = 'waiting'", e, &s);
    rc = rc < 0 ? rc : db_step(s, e);
    if (rc > 0) {
        rc = db_col_i64(s, 0) < FED_REQUESTS_OPEN_MAX
                 ? 0
                 : err_set(e, ERR_LIMIT, "too many requests wait for approval");
        db_done(s);
    }
    return rc;
}

static int insert_request(struct db *db, const struct fed_request_row *r, struct span circle,
                          time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_request (id, circle, org, node, sign, seal, csr, state, "
                      "decided_by, candidate, certificate, created, decided) VALUES "
                      "($1, $2, $3, $4, $5, $6, $7, 'waiting', '', $8, '', $9, 0)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    const struct span texts[] = {r->id, circle, r->org, r->node, r->sign, r->seal, r->csr};
    for (int i = 0; i < (int)ARRAY_LEN(texts); i++) {
        db_bind_text(s, i + 1, texts[i]);
    }
    db_bind_bytes(s, 8, SPAN(""));
    db_bind_i64(s, 9, now);
    return db_run(s, e);
}

int fed_request_create(struct db *db, struct span code_hash, const struct fed_request_row *r,
                       time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    struct arena arena;
    struct span circle = SPAN("");
    arena_init(&arena, 1024);
    int rc = count_waiting(db, e);
    rc = rc < 0 ? rc : use_code(db, code_hash, r->org, now, &arena, &circle, e);
    rc = rc < 0 ? rc : insert_request(db, r, circle, now, e);
    rc = rc < 0 ? rc : note(db, r->org, "federation.asked", r->id, r->node, circle, now, e);
    arena_fini(&arena);
    return rc;
}

int fed_request_add(struct db *db, const struct fed_request_row *r, time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    int rc = count_waiting(db, e);
    return rc < 0 ? rc : insert_request(db, r, r->circle, now, e);
}

static const char request_columns[] =
    "SELECT id, circle, org, node, sign, seal, csr, state, decided_by, candidate, certificate, "
    "created, decided FROM fed_request ";

static void read_request(struct db_stmt *s, struct fed_request_row *out)
{
    int i = 0;
#define X(name) out->name = db_col_text(s, i++);
    FED_REQUEST_SPANS(X)
#undef X
#define X(name) out->name = db_col_i64(s, i++);
    FED_REQUEST_NUMBERS(X)
#undef X
}

int fed_request_get(struct db *db, struct span id, struct arena *arena, struct fed_request_row *out,
                    struct err *e)
{
    struct db_stmt *s = NULL;
    const char *sql = arena_printf(arena, "%sWHERE id = $1", request_columns);
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no such request");
    }
    read_request(s, out);
#define X(name) out->name = arena_copy(arena, out->name);
    FED_REQUEST_SPANS(X)
#undef X
    db_done(s);
    return 0;
}

int fed_request_set(struct db *db, const struct fed_request_row *r, struct span who, time_ns now,
                    struct err *e)
{
    CHECK(db_in_transaction(db));
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE fed_request SET state = $1, decided = $2, decided_by = $3, "
                      "candidate = $4, certificate = $5 WHERE id = $6 AND state = 'waiting'",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, r->state);
    db_bind_i64(s, 2, now);
    db_bind_text(s, 3, r->decided_by);
    db_bind_bytes(s, 4, r->candidate);
    db_bind_text(s, 5, r->certificate);
    db_bind_text(s, 6, r->id);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        return err_set(e, ERR_BUSY, "this request was decided meanwhile");
    }
    return rc < 0 ? rc : note(db, who, "federation.request", r->id, r->org, r->state, now, e);
}

void fed_request_encode(struct buf *out, const struct fed_request_row *row)
{
#define X(name) buf_str(out, row->name);
    FED_REQUEST_SPANS(X)
#undef X
#define X(name) buf_u64(out, (uint64_t)row->name);
    FED_REQUEST_NUMBERS(X)
#undef X
}

void fed_request_decode(struct cursor *c, struct fed_request_row *out)
{
#define X(name) out->name = cursor_str(c);
    FED_REQUEST_SPANS(X)
#undef X
#define X(name) out->name = (int64_t)cursor_u64(c);
    FED_REQUEST_NUMBERS(X)
#undef X
}

static void put_count(struct buf *out, size_t at, uint32_t n)
{
    for (unsigned i = 0; i < 4 && !out->failed; i++) {
        out->data[at + i] = (char)(n >> 8 * i & 0xff);
    }
}

int fed_requests_write(struct db *db, struct buf *out, struct err *e)
{
    struct arena arena;
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    arena_init(&arena, 4096);
    buf_u32(out, 0);
    int rc = db_query(db,
                      arena_printf(&arena,
                                   "%sORDER BY CASE state WHEN 'waiting' THEN 0 ELSE 1 END, "
                                   "created DESC LIMIT $1",
                                   request_columns),
                      e, &s);
    if (rc == 0) {
        db_bind_i64(s, 1, FED_REQUESTS_LISTED);
    }
    while (rc >= 0 && (rc = db_step(s, e)) > 0) {
        struct fed_request_row r;
        read_request(s, &r);
        fed_request_encode(out, &r);
        n++;
    }
    put_count(out, at, n);
    arena_fini(&arena);
    return rc;
}

int fed_officer_put(struct db *db, const struct fed_officer_row *o, time_ns now, struct err *e)
{
    CHECK(db_in_transaction(db));
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO fed_officer (user_id, name, key, sealed, created) VALUES "
                      "($1, $2, $3, $4, $5)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, o->user_id);
    db_bind_text(s, 2, o->name);
    db_bind_text(s, 3, o->key);
    db_bind_bytes(s, 4, o->sealed);
    db_bind_i64(s, 5, now);
    rc = db_run(s, e);
    return rc < 0 ? rc
                  : note(db, o->name, "federation.officer", o->user_id, SPAN(""), o->key, now, e);
}

void fed_officer_encode(struct buf *out, const struct fed_officer_row *o)
{
    buf_str(out, o->user_id);
    buf_str(out, o->name);
    buf_str(out, o->key);
    buf_str(out, o->sealed);
}

void fed_officer_decode(struct cursor *c, struct fed_officer_row *out)
{
    out->user_id = cursor_str(c);
    out->name = cursor_str(c);
    out->key = cursor_str(c);
    out->sealed = cursor_str(c);
}

int fed_officers_write(struct db *db, struct buf *out, struct err *e)
{
    struct db_stmt *s = NULL;
    uint32_t n = 0;
    size_t at = out->len;
    buf_u32(out, 0);
    int rc = db_query(db,
                      "SELECT user_id, name, key, sealed FROM fed_officer ORDER BY created, key", e,
                      &s);
    while (rc >= 0 && (rc = db_step(s, e)) > 0) {
        const struct fed_officer_row o = {db_col_text(s, 0), db_col_text(s, 1), db_col_text(s, 2),
                                          db_col_bytes(s, 3)};
        fed_officer_encode(out, &o);
        n++;
    }
    put_count(out, at, n);
    return rc;
}
