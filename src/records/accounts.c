/* SPDX-License-Identifier: EUPL-1.2 */
/* People, sessions and set-up: see accounts.h. Runs in the keeper. Must never see a password or a
 * token in clear. */
#include "records/accounts.h"

#include <string.h>

#include "base/utf8.h"
#include "records/audit.h"
#include "records/factors.h"
#include "records/people.h"

bool account_name_valid(struct span name)
{
    if (name.len == 0 || name.len > ACCOUNT_NAME_MAX || !utf8_valid(name) ||
        span_trim(name).len != name.len) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
    }
    return true;
}

/* Name as it is compared. */
static struct span name_key(struct span name, char out[2 * ACCOUNT_NAME_MAX])
{
    CHECK(utf8_fold_room(name.len) <= 2 * ACCOUNT_NAME_MAX);
    return span_make(out, utf8_fold(name, out));
}

int account_admin_exists(struct db *db, struct err *e, bool *exists_out)
{
    struct db_stmt *s = NULL;
    int rc = db_query(
        db, "SELECT 1 FROM user_account WHERE role = 'administrator' AND disabled IS NULL LIMIT 1",
        e, &s);
    if (rc == 0) {
        rc = db_step(s, e);
    }
    *exists_out = rc > 0;
    if (rc > 0) {
        db_done(s);
        rc = 0;
    }
    return rc;
}

static void account_read(struct db_stmt *s, struct arena *arena, struct account *out)
{
    out->id = arena_copy(arena, db_col_text(s, 0));
    out->name = arena_copy(arena, db_col_text(s, 1));
    out->password = arena_copy(arena, db_col_text(s, 2));
    out->role = arena_copy(arena, db_col_text(s, 3));
    out->organisation = arena_copy(arena, db_col_text(s, 4));
    out->factor = db_col_i64(s, 5) != 0;
}

/* Column 5 of account_read. */
#define HAS_FACTOR "EXISTS (SELECT 1 FROM second_factor f WHERE f.user_id = u.id AND f.confirmed IS NOT NULL)"

int account_by_name(struct db *db, struct span name, struct arena *arena, struct account *out,
                    struct err *e)
{
    if (!account_name_valid(name)) {
        return err_set(e, ERR_NOT_FOUND, "no such person");
    }
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT u.id, u.name, u.password, u.role, u.organisation, " HAS_FACTOR " FROM user_account u "
                      "WHERE u.name_key = $1 AND u.disabled IS NULL",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    char key[2 * ACCOUNT_NAME_MAX];
    db_bind_text(s, 1, name_key(name, key));
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such person");
    }
    if (rc > 0) {
        account_read(s, arena, out);
        db_done(s);
        rc = 0;
    }
    return rc;
}

int account_name_taken(struct db *db, struct span name, bool *taken_out, struct err *e)
{
    struct db_stmt *s = NULL;
    char key[2 * ACCOUNT_NAME_MAX];
    CHECK(account_name_valid(name));
    int rc = db_query(db, "SELECT 1 FROM user_account WHERE name_key = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, name_key(name, key));
    rc = db_step(s, e);
    *taken_out = rc > 0;
    if (rc > 0) {
        db_done(s);
    }
    return rc < 0 ? rc : 0;
}

static int setup_insert(struct db *db, struct span hash, time_ns now, struct err *e)
{
    bool exists = false;
    int rc = account_admin_exists(db, e, &exists);
    if (rc == 0 && exists) {
        rc = err_set(e, ERR_EXISTS, "there is an administrator already");
    }
    if (rc == 0) {
        rc = db_exec(db, "DELETE FROM setup_token WHERE used IS NULL", e);
    }
    struct db_stmt *s = NULL;
    if (rc == 0) {
        rc = db_query(db, "INSERT INTO setup_token (hash, created, expires) VALUES ($1, $2, $3)", e,
                      &s);
    }
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_i64(s, 2, now);
    db_bind_i64(s, 3, now + SETUP_VALID_S * TIME_SECOND);
    return db_run(s, e);
}

int setup_create(struct db *db, struct span hash, time_ns now, struct err *e)
{
    CHECK(hash.len == ACCOUNT_HASH_BYTES);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, setup_insert(db, hash, now, e), e);
}

int setup_check(struct db *db, struct span hash, time_ns now, struct err *e)
{
    bool exists = false;
    int rc = account_admin_exists(db, e, &exists);
    struct db_stmt *s = NULL;
    if (rc == 0) {
        rc = db_query(db,
                      "SELECT 1 FROM setup_token WHERE hash = $1 AND used IS NULL AND created <= "
                      "$2 AND expires > $2",
                      e, &s);
    }
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_i64(s, 2, now);
    rc = db_step(s, e);
    if (rc > 0) {
        db_done(s);
    }
    if (rc == 0 || (rc > 0 && exists)) {
        return err_set(e, ERR_DENIED,
                       "this set-up link is used up, too old, or was never given out");
    }
    return rc < 0 ? rc : 0;
}

int account_put(struct db *db, const struct account *a, time_ns now, struct err *e)
{
    CHECK(account_name_valid(a->name));
    struct db_stmt *s = NULL;
    int rc = db_query(
        db,
        "INSERT INTO user_account (id, name, name_key, password, role, organisation, created) "
        "VALUES ($1, $2, $3, $4, $5, $6, $7)",
        e, &s);
    if (rc < 0) {
        return rc;
    }
    char key[2 * ACCOUNT_NAME_MAX];
    db_bind_text(s, 1, a->id);
    db_bind_text(s, 2, a->name);
    db_bind_text(s, 3, name_key(a->name, key));
    db_bind_text(s, 4, a->password);
    db_bind_text(s, 5, a->role);
    db_bind_text(s, 6, a->organisation);
    db_bind_i64(s, 7, now);
    return db_run(s, e);
}

static int setup_apply(struct db *db, struct span hash, const struct account *a, time_ns now,
                       struct err *e)
{
    int rc = setup_check(db, hash, now, e);
    struct db_stmt *s = NULL;
    if (rc == 0) {
        rc = db_query(db, "UPDATE setup_token SET used = $1 WHERE hash = $2 AND used IS NULL", e,
                      &s);
    }
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_bytes(s, 2, hash);
    rc = db_run(s, e);
    if (rc == 0) {
        rc = account_put(db, a, now, e);
    }
    if (rc < 0) {
        return rc;
    }
    struct audit_entry entry = {
        .at = now,
        .organisation = a->organisation,
        .who = a->name,
        .what = SPAN("user.created"),
        .subject = a->id,
        .why = SPAN("first administrator, by set-up link"),
        .after = a->role,
    };
    return audit_append(db, &entry, e);
}

int setup_use(struct db *db, struct span hash, struct span name, struct span password, time_ns now,
              char id_out[ID_TEXT_LEN + 1], struct err *e)
{
    CHECK(hash.len == ACCOUNT_HASH_BYTES);
    if (!account_name_valid(name)) {
        return err_set(e, ERR_INVALID, "a name has 1 to %d bytes and no control characters",
                       ACCOUNT_NAME_MAX);
    }
    id_new(now, id_out);
    struct account a = {
        .id = span_of(id_out),
        .name = name,
        .password = password,
        .role = SPAN("administrator"),
        .organisation = SPAN("*"),
    };
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, setup_apply(db, hash, &a, now, e), e);
}

static int create_within(struct db *db, const struct account *a, struct span link_hash,
                         struct span who, time_ns now, struct err *e)
{
    int rc = account_put(db, a, now, e);
    if (rc == 0 && link_hash.len > 0) {
        rc = sign_in_link_insert(db, a->id, link_hash, now, e);
    }
    if (rc < 0) {
        return rc;
    }
    struct audit_entry entry = {
        .at = now,
        .organisation = a->organisation,
        .who = who,
        .what = SPAN("user.created"),
        .subject = a->id,
        .why = a->name,
        .after = a->role,
    };
    return audit_append(db, &entry, e);
}

int account_create_within(struct db *db, const struct account *account, struct span link_hash, struct span who, time_ns now,
                          char id_out[ID_TEXT_LEN + 1], struct err *e)
{
    CHECK(account->role.len > 0 && account->organisation.len > 0 &&
          (account->password.len == 0) != (link_hash.len == 0));
    if (!account_name_valid(account->name)) {
        return err_set(e, ERR_INVALID, "a name has 1 to %d bytes and no control characters",
                       ACCOUNT_NAME_MAX);
    }
    id_new(now, id_out);
    struct account a = *account;
    a.id = span_of(id_out);
    int rc = create_within(db, &a, link_hash, who, now, e);
    return rc == ERR_EXISTS ? err_set(e, ERR_EXISTS, "somebody is called %.*s already",
                                      SPAN_ARG(account->name))
                            : rc;
}

int account_create(struct db *db, const struct account *account, struct span link_hash,
                   struct span who, time_ns now, char id_out[ID_TEXT_LEN + 1], struct err *e)
{
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, account_create_within(db, account, link_hash, who, now, id_out, e), e);
}

/* Leaves room for one more. */
static int session_trim(struct db *db, struct span user_id, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc =
        db_query(db,
                 "DELETE FROM session WHERE user_id = $1 AND hash NOT IN (SELECT hash FROM session "
                 "WHERE user_id = $1 ORDER BY last_seen DESC LIMIT $2)",
                 e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_i64(s, 2, ACCOUNT_SESSIONS_MAX - 1);
    return db_run(s, e);
}

static int session_insert(struct db *db, struct span user_id, struct span hash, struct span address,
                          const struct factor_proof *proof, time_ns now, struct err *e)
{
    bool elsewhere = proof != NULL && proof->kind == FACTOR_PROVIDER;
    int rc = elsewhere ? 0 : factor_prove(db, user_id, proof, now, e);
    rc = rc == 0 ? session_trim(db, user_id, e) : rc;
    struct db_stmt *s = NULL;
    if (rc == 0) {
        rc = db_query(db,
                      "INSERT INTO session (hash, user_id, created, last_seen, address, factor_elsewhere) VALUES "
                      "($1, $2, $3, $3, $4, $5)",
                      e, &s);
    }
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_text(s, 2, user_id);
    db_bind_i64(s, 3, now);
    db_bind_text(s, 4, address);
    db_bind_i64(s, 5, elsewhere);
    rc = db_run(s, e);
    if (rc < 0) {
        return rc;
    }
    struct audit_entry entry = {
        .at = now,
        .organisation = SPAN("*"),
        .who = user_id,
        .what = SPAN("session.started"),
        .subject = user_id,
        .after = address,
    };
    return audit_append(db, &entry, e);
}

int session_create(struct db *db, struct span user_id, struct span hash, struct span address, const struct factor_proof *proof,
                   time_ns now, struct err *e)
{
    CHECK(hash.len == ACCOUNT_HASH_BYTES);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, session_insert(db, user_id, hash, address, proof, now, e), e);
}

static int session_touch(struct db *db, struct span hash, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE session SET last_seen = $1 WHERE hash = $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_bytes(s, 2, hash);
    return db_run(s, e);
}

int session_find(struct db *db, struct span hash, time_ns now, struct arena *arena,
                 struct account *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc =
        db_query(db,
                 "SELECT u.id, u.name, u.password, u.role, u.organisation, (s.factor_elsewhere = 1 OR " HAS_FACTOR "), s.last_seen "
                 "FROM session s JOIN user_account u ON u.id = s.user_id "
                 "WHERE s.hash = $1 AND s.last_seen > $2 AND s.created > $3 AND u.disabled IS NULL",
                 e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_i64(s, 2, now - SESSION_IDLE_S * TIME_SECOND);
    db_bind_i64(s, 3, now - SESSION_MAX_S * TIME_SECOND);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_DENIED, "no such session");
    }
    if (rc < 0) {
        return rc;
    }
    account_read(s, arena, out);
    bool stale = db_col_i64(s, 6) < now - SESSION_TOUCH_S * TIME_SECOND;
    db_done(s);
    return stale ? session_touch(db, hash, now, e) : 0;
}

int session_end(struct db *db, struct span hash, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM session WHERE hash = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    return db_run(s, e);
}

int session_list(struct db *db, struct span user_id, time_ns now, struct arena *arena, struct session_row *out,
                 uint32_t *count_out, struct err *e)
{
    struct db_stmt *s = NULL;
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT hash, created, last_seen, address FROM session WHERE user_id = $1 AND last_seen > $2 AND "
                      "created > $3 ORDER BY last_seen DESC, hash LIMIT $4",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_i64(s, 2, now - SESSION_IDLE_S * TIME_SECOND);
    db_bind_i64(s, 3, now - SESSION_MAX_S * TIME_SECOND);
    db_bind_i64(s, 4, ACCOUNT_SESSIONS_MAX);
    while ((rc = db_step(s, e)) > 0) {
        struct session_row *row = &out[(*count_out)++];
        struct span hash = db_col_bytes(s, 0);
        CHECK(hash.len == ACCOUNT_HASH_BYTES);
        hex_encode((const unsigned char *)hash.ptr, ACCOUNT_SESSION_ID_LEN / 2, row->id);
        row->created = db_col_i64(s, 1);
        row->last_seen = db_col_i64(s, 2);
        row->address = arena_copy(arena, db_col_text(s, 3));
        if (*count_out == ACCOUNT_SESSIONS_MAX) {
            db_done(s);
            return 0;
        }
    }
    return rc;
}

/* The hash whose begin is the id; ids of one person's sessions never meet in 128 random bits. */
static int find_own(struct db *db, struct span user_id, struct span session_id,
                    unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e)
{
    unsigned char begin[ACCOUNT_SESSION_ID_LEN / 2];
    struct db_stmt *s = NULL;
    if (!hex_decode(session_id, begin, sizeof begin)) {
        return err_set(e, ERR_NOT_FOUND, "no such session");
    }
    int rc = db_query(db, "SELECT hash FROM session WHERE user_id = $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    while ((rc = db_step(s, e)) > 0) {
        struct span hash = db_col_bytes(s, 0);
        if (hash.len == ACCOUNT_HASH_BYTES && memcmp(hash.ptr, begin, sizeof begin) == 0) {
            memcpy(hash_out, hash.ptr, ACCOUNT_HASH_BYTES);
            db_done(s);
            return 0;
        }
    }
    return rc < 0 ? rc : err_set(e, ERR_NOT_FOUND, "no such session");
}

/* Of what somebody did with his own account. */
static int audit_own(struct db *db, struct span user_id, const char *what, const char *why, time_ns now, struct err *e)
{
    const struct audit_entry entry = {.at = now, .organisation = SPAN("*"), .who = user_id, .what = span_of(what),
                                      .subject = user_id, .why = span_of(why)};
    return audit_append(db, &entry, e);
}

int session_end_own(struct db *db, struct span user_id, struct span session_id, time_ns now,
                    unsigned char hash_out[ACCOUNT_HASH_BYTES], struct err *e)
{
    int rc = db_begin(db, e);
    if (rc < 0) {
        return rc;
    }
    rc = find_own(db, user_id, session_id, hash_out, e);
    rc = rc == 0 ? session_end(db, span_make((const char *)hash_out, ACCOUNT_HASH_BYTES), e) : rc;
    rc = rc == 0 ? audit_own(db, user_id, "session.ended", "by its person", now, e) : rc;
    return db_end(db, rc, e);
}

static int password_within(struct db *db, struct span user_id, struct span keep_hash, struct span password, time_ns now,
                           struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE user_account SET password = $1 WHERE id = $2 AND disabled IS NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, password);
    db_bind_text(s, 2, user_id);
    rc = db_run(s, e);
    if (rc == 0 && db_changes(db) == 0) {
        rc = err_set(e, ERR_NOT_FOUND, "no such person");
    }
    rc = rc == 0 ? db_query(db, "DELETE FROM session WHERE user_id = $1 AND hash <> $2", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, user_id);
    db_bind_bytes(s, 2, keep_hash);
    rc = db_run(s, e);
    return rc == 0 ? audit_own(db, user_id, "user.password", "changed by its person", now, e) : rc;
}

int account_password_set(struct db *db, struct span user_id, struct span keep_hash, struct span password, time_ns now,
                         struct err *e)
{
    CHECK(keep_hash.len == ACCOUNT_HASH_BYTES && password.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, password_within(db, user_id, keep_hash, password, now, e), e);
}

int session_sweep(struct db *db, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM session WHERE last_seen <= $1 OR created <= $2", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now - SESSION_IDLE_S * TIME_SECOND);
    db_bind_i64(s, 2, now - SESSION_MAX_S * TIME_SECOND);
    return db_run(s, e);
}
