/* SPDX-License-Identifier: EUPL-1.2 */
/* Second factors: see factors.h. Runs in the keeper. */
#include "records/factors.h"

#include "records/audit.h"

static int run_for(struct db *db, const char *sql, struct span text, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, sql, e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, text);
    return db_run(s, e);
}

static int audit(struct db *db, struct span organisation, struct span who, const char *what, struct span user_id, struct span why,
                 time_ns now, struct err *e)
{
    const struct audit_entry entry = {.at = now, .organisation = organisation, .who = who, .what = span_of(what),
                                      .subject = user_id, .why = why};
    return audit_append(db, &entry, e);
}

static int audit_own(struct db *db, struct span user_id, const char *what, const char *why, time_ns now, struct err *e)
{
    return audit(db, SPAN("*"), user_id, what, user_id, span_of(why), now, e);
}

int factor_get(struct db *db, struct span user_id, struct arena *arena, struct factor *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT f.box, f.confirmed, f.last_step, f.failures, "
                      "(SELECT COUNT(*) FROM recovery_code c WHERE c.user_id = f.user_id AND c.used IS NULL) "
                      "FROM second_factor f JOIN user_account u ON u.id = f.user_id WHERE f.user_id = $1 AND u.disabled IS NULL",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no second factor");
    }
    if (rc > 0) {
        *out = (struct factor){.box = arena_copy(arena, db_col_bytes(s, 0)),
                               .confirmed = db_col_null(s, 1) ? TIME_NONE : db_col_i64(s, 1),
                               .last_step = db_col_i64(s, 2),
                               .failures = (uint32_t)db_col_i64(s, 3),
                               .codes = (uint32_t)db_col_i64(s, 4)};
        db_done(s);
        rc = 0;
    }
    return rc;
}

/* 1 or 0 whether there is a confirmed one; negative: error. */
static int has_confirmed(struct db *db, struct span user_id, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "SELECT 1 FROM second_factor WHERE user_id = $1 AND confirmed IS NOT NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    rc = db_step(s, e);
    if (rc > 0) {
        db_done(s);
        rc = 1;
    }
    return rc;
}

static int begin_within(struct db *db, struct span user_id, struct span box, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = has_confirmed(db, user_id, e);
    if (rc != 0) {
        return rc < 0 ? rc : err_set(e, ERR_EXISTS, "there is a second factor already");
    }
    rc = run_for(db, "DELETE FROM second_factor WHERE user_id = $1", user_id, e);
    rc = rc == 0 ? db_query(db,
                            "INSERT INTO second_factor (user_id, box, created, last_step, failures) "
                            "SELECT id, $2, $3, -1, 0 FROM user_account WHERE id = $1 AND disabled IS NULL",
                            e, &s)
                 : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_bytes(s, 2, box);
    db_bind_i64(s, 3, now);
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) == 0 ? err_set(e, ERR_NOT_FOUND, "no such person") : rc;
}

int factor_begin(struct db *db, struct span user_id, struct span box, time_ns now, struct err *e)
{
    CHECK(box.len > 0 && box.len <= FACTOR_BOX_MAX);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, begin_within(db, user_id, box, now, e), e);
}

/* Replaces all recovery codes. */
static int put_codes(struct db *db, struct span user_id, struct span hashes, time_ns now, struct err *e)
{
    int rc = run_for(db, "DELETE FROM recovery_code WHERE user_id = $1", user_id, e);
    for (size_t i = 0; rc == 0 && i < FACTOR_CODES; i++) {
        struct db_stmt *s = NULL;
        rc = db_query(db, "INSERT INTO recovery_code (hash, user_id, created) VALUES ($1, $2, $3)", e, &s);
        if (rc == 0) {
            db_bind_bytes(s, 1, span_sub(hashes, i * ACCOUNT_HASH_BYTES, ACCOUNT_HASH_BYTES));
            db_bind_text(s, 2, user_id);
            db_bind_i64(s, 3, now);
            rc = db_run(s, e);
        }
    }
    return rc;
}

static int confirm_row(struct db *db, struct span user_id, struct span box, int64_t step, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE second_factor SET confirmed = $1, last_step = $2, failures = 0 "
                      "WHERE user_id = $3 AND box = $4 AND confirmed IS NULL",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_i64(s, 2, step);
    db_bind_text(s, 3, user_id);
    db_bind_bytes(s, 4, box);
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) == 0 ? err_set(e, ERR_NOT_FOUND, "there is nothing to confirm") : rc;
}

static int confirm_within(struct db *db, struct span user_id, struct span hashes, struct span keep_hash, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = put_codes(db, user_id, hashes, now, e);
    rc = rc == 0 ? db_query(db, "DELETE FROM session WHERE user_id = $1 AND hash <> $2", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_bytes(s, 2, keep_hash);
    rc = db_run(s, e);
    return rc == 0 ? audit_own(db, user_id, "user.factor", "enrolled by its person", now, e) : rc;
}

int factor_confirm(struct db *db, struct span user_id, struct span box, int64_t step, struct span hashes, struct span keep_hash,
                   time_ns now, struct err *e)
{
    CHECK(hashes.len == (size_t)FACTOR_CODES * ACCOUNT_HASH_BYTES && keep_hash.len == ACCOUNT_HASH_BYTES);
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    rc = confirm_row(db, user_id, box, step, now, e);
    rc = rc == 0 ? confirm_within(db, user_id, hashes, keep_hash, now, e) : rc;
    return db_end(db, rc, e);
}

static int use_step(struct db *db, struct span user_id, int64_t step, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "UPDATE second_factor SET last_step = $1, failures = 0 "
                      "WHERE user_id = $2 AND confirmed IS NOT NULL AND last_step < $1 AND failures < $3",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, step);
    db_bind_text(s, 2, user_id);
    db_bind_i64(s, 3, FACTOR_FAILURES_MAX);
    rc = db_run(s, e);
    return rc == 0 && db_changes(db) == 0 ? err_set(e, ERR_DENIED, "this code was used already") : rc;
}

static int use_code(struct db *db, struct span user_id, struct span hash, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE recovery_code SET used = $1 WHERE hash = $2 AND user_id = $3 AND used IS NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_bytes(s, 2, hash);
    db_bind_text(s, 3, user_id);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        return err_set(e, ERR_DENIED, "there is no such recovery code, or it was used");
    }
    rc = rc == 0 ? run_for(db, "UPDATE second_factor SET failures = 0 WHERE user_id = $1", user_id, e) : rc;
    return rc == 0 ? audit_own(db, user_id, "user.recovery_code", "used by its person", now, e) : rc;
}

int factor_prove(struct db *db, struct span user_id, const struct factor_proof *proof, time_ns now, struct err *e)
{
    int rc = has_confirmed(db, user_id, e);
    if (rc < 0) {
        return rc;
    }
    if (rc == 0) {
        return proof == NULL || proof->kind == FACTOR_NONE ? 0 : err_set(e, ERR_DENIED, "there is no second factor");
    }
    switch (proof == NULL ? FACTOR_NONE : proof->kind) {
    case FACTOR_TOTP:
        return use_step(db, user_id, proof->step, e);
    case FACTOR_RECOVERY:
        CHECK(proof->hash.len == ACCOUNT_HASH_BYTES);
        return use_code(db, user_id, proof->hash, now, e);
    default:
        return err_set(e, ERR_DENIED, "the second factor is missing");
    }
}

int factor_failed(struct db *db, struct span user_id, struct err *e)
{
    return run_for(db, "UPDATE second_factor SET failures = failures + 1 WHERE user_id = $1 AND failures < 1000000", user_id, e);
}

/* For what only somebody with a confirmed factor can ask. */
static int prove_confirmed(struct db *db, struct span user_id, const struct factor_proof *proof, time_ns now, struct err *e)
{
    int rc = has_confirmed(db, user_id, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no second factor");
    }
    return rc < 0 ? rc : factor_prove(db, user_id, proof, now, e);
}

int factor_codes_set(struct db *db, struct span user_id, const struct factor_proof *proof, struct span hashes, time_ns now,
                     struct err *e)
{
    CHECK(hashes.len == (size_t)FACTOR_CODES * ACCOUNT_HASH_BYTES);
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    rc = prove_confirmed(db, user_id, proof, now, e);
    rc = rc == 0 ? put_codes(db, user_id, hashes, now, e) : rc;
    rc = rc == 0 ? audit_own(db, user_id, "user.recovery_codes", "made anew by its person", now, e) : rc;
    return db_end(db, rc, e);
}

static int delete_factor(struct db *db, struct span user_id, struct err *e)
{
    int rc = run_for(db, "DELETE FROM recovery_code WHERE user_id = $1", user_id, e);
    return rc == 0 ? run_for(db, "DELETE FROM second_factor WHERE user_id = $1", user_id, e) : rc;
}

int factor_remove(struct db *db, struct span user_id, const struct factor_proof *proof, time_ns now, struct err *e)
{
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    rc = prove_confirmed(db, user_id, proof, now, e);
    rc = rc == 0 ? delete_factor(db, user_id, e) : rc;
    rc = rc == 0 ? audit_own(db, user_id, "user.factor", "removed by its person", now, e) : rc;
    return db_end(db, rc, e);
}

static int reset_within(struct db *db, struct span organisation, struct span user_id, struct span who, struct span why,
                        time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT u.organisation FROM user_account u JOIN second_factor f ON f.user_id = u.id "
                      "WHERE u.id = $1 AND ($2 = '*' OR u.organisation = $2)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_text(s, 2, organisation);
    rc = db_step(s, e);
    if (rc <= 0) {
        return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no such person with a second factor");
    }
    struct arena a;
    arena_init(&a, 0);
    struct span his = arena_copy(&a, db_col_text(s, 0));
    db_done(s);
    rc = delete_factor(db, user_id, e);
    rc = rc == 0 ? run_for(db, "DELETE FROM session WHERE user_id = $1", user_id, e) : rc;
    rc = rc == 0 ? audit(db, his, who, "user.factor_reset", user_id, why, now, e) : rc;
    arena_fini(&a);
    return rc;
}

int factor_reset(struct db *db, struct span organisation, struct span user_id, struct span who, struct span why, time_ns now,
                 struct err *e)
{
    CHECK(organisation.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, reset_within(db, organisation, user_id, who, why, now, e), e);
}

void factor_proof_encode(struct buf *out, const struct factor_proof *p)
{
    buf_u8(out, (uint8_t)p->kind);
    buf_u64(out, (uint64_t)p->step);
    buf_str(out, p->hash);
}

void factor_proof_decode(struct cursor *c, struct factor_proof *out)
{
    uint8_t kind = cursor_u8(c);
    *out = (struct factor_proof){.step = (int64_t)cursor_u64(c)};
    out->hash = cursor_str(c);
    if (kind >= FACTOR_KIND_COUNT || (kind == FACTOR_RECOVERY) != (out->hash.len == ACCOUNT_HASH_BYTES) ||
        (kind == FACTOR_TOTP && out->step < 0)) {
        c->failed = true;
        return;
    }
    out->kind = (enum factor_kind)kind;
}
