/* SPDX-License-Identifier: EUPL-1.2 */
/* Ingest tokens: see tokens.h. Runs in the keeper. Must never see a token in clear. */
#include "records/tokens.h"

#include "records/audit.h"

static int note(struct db *db, struct span organisation, struct span who, const char *what,
                struct span id, struct span name, time_ns now, struct err *e)
{
    struct audit_entry entry = {
        .at = now,
        .organisation = organisation,
        .who = who,
        .what = span_of(what),
        .subject = id,
        .after = name,
    };
    return audit_append(db, &entry, e);
}

static int token_room(struct db *db, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM ingest_token WHERE revoked IS NULL", e, &s);
    if (rc == 0) {
        rc = db_step(s, e);
    }
    if (rc > 0) {
        rc = db_col_i64(s, 0) < TOKENS_MAX
                 ? 0
                 : err_set(e, ERR_LIMIT, "a node has at most %d tokens", TOKENS_MAX);
        db_done(s);
    }
    return rc;
}

static int token_insert(struct db *db, const struct ingest_token *t, struct span who, struct err *e)
{
    int rc = token_room(db, e);
    struct db_stmt *s = NULL;
    if (rc == 0) {
        rc = db_query(
            db,
            "INSERT INTO ingest_token (id, hash, name, source, organisation, created, created_by) "
            "VALUES ($1, $2, $3, $4, $5, $6, $7)",
            e, &s);
    }
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, t->id);
    db_bind_bytes(s, 2, t->hash);
    db_bind_text(s, 3, t->name);
    db_bind_text(s, 4, t->source);
    db_bind_text(s, 5, t->organisation);
    db_bind_i64(s, 6, t->created);
    db_bind_text(s, 7, who);
    rc = db_run(s, e);
    return rc < 0 ? rc
                  : note(db, t->organisation, who, "token.created", t->id, t->name, t->created, e);
}

int tokens_create(struct db *db, const struct ingest_token *t, struct span who, struct err *e)
{
    CHECK(t->organisation.len > 0 && t->hash.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, token_insert(db, t, who, e), e);
}

int tokens_list(struct db *db, struct span organisation, struct arena *arena,
                struct ingest_token **tokens_out, size_t *count_out, struct err *e)
{
    CHECK(organisation.len > 0);
    *count_out = 0;
    struct ingest_token *list = arena_calloc(arena, TOKENS_MAX, sizeof *list);
    *tokens_out = list;
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "SELECT id, hash, name, source, organisation, created, last_used FROM ingest_token "
        "WHERE revoked IS NULL AND ($1 = '*' OR organisation = $1) ORDER BY created, id",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, organisation);
    while ((rc = db_step(s, e)) > 0) {
        if (*count_out == TOKENS_MAX) {
            db_done(s);
            return err_set(e, ERR_LIMIT, "more than %d tokens", TOKENS_MAX);
        }
        list[(*count_out)++] = (struct ingest_token){
            .id = arena_copy(arena, db_col_text(s, 0)),
            .hash = arena_copy(arena, db_col_bytes(s, 1)),
            .name = arena_copy(arena, db_col_text(s, 2)),
            .source = arena_copy(arena, db_col_text(s, 3)),
            .organisation = arena_copy(arena, db_col_text(s, 4)),
            .created = db_col_i64(s, 5),
            .last_used = db_col_null(s, 6) ? TIME_NONE : db_col_i64(s, 6),
        };
    }
    return rc;
}

static int token_end(struct db *db, struct span organisation, struct span id, struct span who,
                     time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE ingest_token SET revoked = $1 WHERE id = $2 AND revoked IS NULL "
                      "AND ($3 = '*' OR organisation = $3)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, id);
    db_bind_text(s, 3, organisation);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no such token");
    }
    return rc < 0 ? rc : note(db, organisation, who, "token.revoked", id, SPAN(""), now, e);
}

int tokens_revoke(struct db *db, struct span organisation, struct span id, struct span who,
                  time_ns now, struct err *e)
{
    CHECK(organisation.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, token_end(db, organisation, id, who, now, e), e);
}

int tokens_used(struct db *db, struct span hash, time_ns at, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE ingest_token SET last_used = $1 WHERE hash = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, at);
    db_bind_bytes(s, 2, hash);
    return db_run(s, e);
}
