/* SPDX-License-Identifier: EUPL-1.2 */
/* API tokens of people: see user_tokens.h. Runs in the keeper. Must never see a token in clear. */
#include "records/user_tokens.h"

#include <string.h>

#include "records/audit.h"

enum { LIST_MAX = 2 * USER_TOKENS_MAX };

static int note(struct db *db, struct span organisation, struct span who, const char *what, struct span id, struct span why,
                struct span after, time_ns now, struct err *e)
{
    const struct audit_entry entry = {.at = now, .organisation = organisation, .who = who, .what = span_of(what), .subject = id,
                                      .why = why, .after = after};
    return audit_append(db, &entry, e);
}

/* 0 and the organisation of a person that the asker may know; ERR_NOT_FOUND. enabled: only one who may sign in. */
static int find_person(struct db *db, struct span organisation, struct span user_id, bool enabled, char out[ACCOUNT_NAME_MAX + 1],
                       struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT organisation, disabled FROM user_account WHERE id = $1 AND ($2 = '*' OR organisation = $2)", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_text(s, 2, organisation);
    rc = db_step(s, e);
    if (rc < 0) {
        return rc;
    }
    bool found = rc > 0 && (!enabled || db_col_null(s, 1));
    if (rc > 0) {
        struct span text = db_col_text(s, 0);
        CHECK(text.len <= ACCOUNT_NAME_MAX);
        memcpy(out, text.ptr, text.len);
        out[text.len] = '\0';
        db_done(s);
    }
    return found ? 0 : err_set(e, ERR_NOT_FOUND, "no such person");
}

static int room(struct db *db, struct span user_id, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT COUNT(*) FROM user_token WHERE user_id = $1 AND ended IS NULL AND expires > $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_i64(s, 2, now);
    rc = db_step(s, e);
    if (rc > 0) {
        rc = db_col_i64(s, 0) < USER_TOKENS_MAX ? 0 : err_set(e, ERR_LIMIT, "A person has at most %d tokens. End one first.", USER_TOKENS_MAX);
        db_done(s);
    }
    return rc;
}

static int insert(struct db *db, const struct user_token *t, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "INSERT INTO user_token (id, user_id, hash, mark, name, scopes, created, expires, used_day) "
                      "VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, t->id);
    db_bind_text(s, 2, t->user_id);
    db_bind_bytes(s, 3, t->hash);
    db_bind_text(s, 4, t->mark);
    db_bind_text(s, 5, t->name);
    db_bind_text(s, 6, t->scopes);
    db_bind_i64(s, 7, t->created);
    db_bind_i64(s, 8, t->expires);
    return db_run(s, e);
}

static int create_within(struct db *db, const struct user_token *t, struct span who, struct err *e)
{
    char organisation[ACCOUNT_NAME_MAX + 1];
    int rc = find_person(db, SPAN("*"), t->user_id, true, organisation, e);
    rc = rc == 0 ? room(db, t->user_id, t->created, e) : rc;
    rc = rc == 0 ? insert(db, t, e) : rc;
    return rc == 0 ? note(db, span_of(organisation), who, "user_token.created", t->id, t->name, t->scopes, t->created, e) : rc;
}

int user_token_create(struct db *db, const struct user_token *t, struct span who, struct err *e)
{
    CHECK(t->hash.len == ACCOUNT_HASH_BYTES && t->expires > t->created);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, create_within(db, t, who, e), e);
}

int user_token_list(struct db *db, struct span organisation, struct span user_id, struct arena *arena, struct user_token **out,
                    uint32_t *count_out, struct err *e)
{
    char his[ACCOUNT_NAME_MAX + 1];
    struct db_stmt *s = NULL;
    *count_out = 0;
    *out = arena_calloc(arena, LIST_MAX, sizeof **out);
    int rc = find_person(db, organisation, user_id, false, his, e);
    rc = rc == 0 ? db_query(db,
                            "SELECT id, mark, name, scopes, created, expires, ended, used_day FROM user_token WHERE user_id = $1 "
                            "ORDER BY CASE WHEN ended IS NULL THEN 0 ELSE 1 END, created DESC, id LIMIT $2",
                            e, &s)
                 : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_i64(s, 2, LIST_MAX);
    while ((rc = db_step(s, e)) > 0) {
        (*out)[(*count_out)++] = (struct user_token){
            .id = arena_copy(arena, db_col_text(s, 0)),
            .user_id = user_id,
            .mark = arena_copy(arena, db_col_text(s, 1)),
            .name = arena_copy(arena, db_col_text(s, 2)),
            .scopes = arena_copy(arena, db_col_text(s, 3)),
            .created = db_col_i64(s, 4),
            .expires = db_col_i64(s, 5),
            .ended = db_col_null(s, 6) ? TIME_NONE : db_col_i64(s, 6),
            .used_day = db_col_i64(s, 7),
        };
        if (*count_out == LIST_MAX) {
            db_done(s);
            return 0;
        }
    }
    return rc;
}

static int find_hash(struct db *db, struct span user_id, struct span id, unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT hash FROM user_token WHERE id = $1 AND user_id = $2 AND ended IS NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, user_id);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such token");
    }
    if (rc > 0) {
        struct span hash = db_col_bytes(s, 0);
        CHECK(hash.len == ACCOUNT_HASH_BYTES);
        memcpy(hash_out, hash.ptr, ACCOUNT_HASH_BYTES);
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int end_within(struct db *db, struct span organisation, struct span user_id, struct span id, struct span who, time_ns now,
                      unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e)
{
    char his[ACCOUNT_NAME_MAX + 1];
    struct db_stmt *s = NULL;
    int rc = find_person(db, organisation, user_id, false, his, e);
    rc = rc == 0 ? find_hash(db, user_id, id, hash_out, e) : rc;
    rc = rc == 0 ? db_query(db, "UPDATE user_token SET ended = $1 WHERE id = $2", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, id);
    rc = db_run(s, e);
    return rc == 0 ? note(db, span_of(his), who, "user_token.ended", id, SPAN(""), SPAN(""), now, e) : rc;
}

int user_token_end(struct db *db, struct span organisation, struct span user_id, struct span id, struct span who, time_ns now,
                   unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e)
{
    CHECK(organisation.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, end_within(db, organisation, user_id, id, who, now, hash_out, e), e);
}

int user_token_end_all(struct db *db, struct span user_id, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE user_token SET ended = $1 WHERE user_id = $2 AND ended IS NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_text(s, 2, user_id);
    return db_run(s, e);
}

/* ---- use ---- */

/* A token as it was found; its id in the arena. */
struct found {
    struct span id;
    int64_t used_day;
    bool good;
};

static int look(struct db *db, struct span hash, time_ns now, struct arena *arena, struct account *out, struct span *scopes_out,
                struct found *found, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT t.id, t.scopes, t.used_day, t.expires, t.ended, u.id, u.name, u.role, u.organisation, u.disabled, "
                      "EXISTS (SELECT 1 FROM second_factor f WHERE f.user_id = u.id AND f.confirmed IS NOT NULL) "
                      "FROM user_token t JOIN user_account u ON u.id = t.user_id WHERE t.hash = $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such token");
    }
    if (rc < 0) {
        return rc;
    }
    found->id = arena_copy(arena, db_col_text(s, 0));
    found->used_day = db_col_i64(s, 2);
    found->good = db_col_i64(s, 3) > now && db_col_null(s, 4) && db_col_null(s, 9);
    *scopes_out = arena_copy(arena, db_col_text(s, 1));
    *out = (struct account){.id = arena_copy(arena, db_col_text(s, 5)),
                            .name = arena_copy(arena, db_col_text(s, 6)),
                            .role = arena_copy(arena, db_col_text(s, 7)),
                            .organisation = arena_copy(arena, db_col_text(s, 8)),
                            .factor = db_col_i64(s, 10) != 0};
    db_done(s);
    return 0;
}

static int note_use(struct db *db, const struct found *f, const struct user_token_use *use, const struct account *a, time_ns now,
                    struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = 0;
    if (f->used_day < time_day(now)) {
        rc = db_query(db, "UPDATE user_token SET used_day = $1 WHERE id = $2", e, &s);
        if (rc < 0) {
            return rc;
        }
        db_bind_i64(s, 1, time_day(now));
        db_bind_text(s, 2, f->id);
        rc = db_run(s, e);
        rc = rc == 0 ? note(db, a->organisation, a->name, "user_token.used", f->id, SPAN("first use of the day"), use->address, now, e) : rc;
    }
    if (rc == 0 && use->change.len > 0) {
        rc = note(db, a->organisation, a->name, "user_token.asked", f->id, use->change, use->address, now, e);
    }
    return rc;
}

int user_token_find(struct db *db, const struct user_token_use *use, time_ns now, struct arena *arena, struct account *out,
                    struct span *scopes_out, struct err *e)
{
    struct found f = {0};
    int rc = look(db, use->hash, now, arena, out, scopes_out, &f, e);
    if (rc < 0) {
        return rc;
    }
    if (!f.good) {
        return err_set(e, ERR_DENIED, "this token is over");
    }
    if (f.used_day >= time_day(now) && use->change.len == 0) {
        return 0;
    }
    rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, note_use(db, &f, use, out, now, e), e);
}

int user_token_sweep(struct db *db, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM user_token WHERE expires <= $1 OR ended <= $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now - USER_TOKEN_KEPT_DAYS * (time_ns)TIME_DAY);
    return db_run(s, e);
}

/* ---- as a message ---- */

void user_token_encode(struct buf *out, const struct user_token *t)
{
    const struct span texts[] = {t->id, t->user_id, t->hash, t->mark, t->name, t->scopes};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        buf_str(out, texts[i]);
    }
    buf_u64(out, (uint64_t)t->created);
    buf_u64(out, (uint64_t)t->expires);
    buf_u64(out, (uint64_t)t->ended);
    buf_u64(out, (uint64_t)t->used_day);
}

void user_token_decode(struct cursor *c, struct user_token *out)
{
    struct span *const texts[] = {&out->id, &out->user_id, &out->hash, &out->mark, &out->name, &out->scopes};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        *texts[i] = cursor_str(c);
    }
    out->created = (time_ns)cursor_u64(c);
    out->expires = (time_ns)cursor_u64(c);
    out->ended = (time_ns)cursor_u64(c);
    out->used_day = (int64_t)cursor_u64(c);
}
