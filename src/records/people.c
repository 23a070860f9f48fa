/* SPDX-License-Identifier: EUPL-1.2 */
/* People and their sign-in links: see people.h. Runs in the keeper. */
#include "records/people.h"

#include <string.h>

#include "base/utf8.h"
#include "records/audit.h"
#include "records/user_tokens.h"

/* Text for LIKE ... ESCAPE '\', found anywhere in a name as names are compared. */
static struct span pattern(struct arena *arena, struct span words)
{
    char *folded = arena_bytes(arena, utf8_fold_room(words.len) + 1);
    size_t n = utf8_fold(words, folded);
    char *out = arena_bytes(arena, 2 * n + 3);
    size_t len = 0;
    out[len++] = '%';
    for (size_t i = 0; i < n; i++) {
        if (folded[i] == '%' || folded[i] == '_' || folded[i] == '\\') {
            out[len++] = '\\';
        }
        out[len++] = folded[i];
    }
    out[len++] = '%';
    return span_make(out, len);
}

static time_ns time_or_none(struct db_stmt *s, int i)
{
    return db_col_null(s, i) ? TIME_NONE : db_col_i64(s, i);
}

static void read_person(struct db_stmt *s, struct arena *arena, struct person *p)
{
    p->id = arena_copy(arena, db_col_text(s, 0));
    p->name = arena_copy(arena, db_col_text(s, 1));
    p->role = arena_copy(arena, db_col_text(s, 2));
    p->organisation = arena_copy(arena, db_col_text(s, 3));
    p->created = db_col_i64(s, 4);
    p->disabled = time_or_none(s, 5);
    p->last_seen = time_or_none(s, 6);
    p->link = time_or_none(s, 7);
    p->password = db_col_i64(s, 8) != 0;
    p->factor = db_col_i64(s, 9) != 0;
    p->record = arena_copy(arena, db_col_text(s, 10));
}

int people_list(struct db *db, const struct people_query *q, time_ns now, struct arena *arena, struct person **out,
                uint32_t *count_out, bool *more_out, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(q->limit > 0 && q->limit <= PEOPLE_PAGE_MAX && q->organisation.len > 0 && q->words.len <= PEOPLE_WORDS_MAX);
    *out = arena_calloc(arena, q->limit, sizeof **out);
    *count_out = 0;
    *more_out = false;
    int rc = db_query(db,
                      "SELECT u.id, u.name, u.role, u.organisation, u.created, u.disabled, "
                      "(SELECT MAX(last_seen) FROM session WHERE user_id = u.id), "
                      "(SELECT MAX(expires) FROM sign_in_link WHERE user_id = u.id AND used IS NULL AND expires > $5), "
                      "CASE WHEN u.password = '' THEN 0 ELSE 1 END, "
                      "EXISTS (SELECT 1 FROM second_factor f WHERE f.user_id = u.id AND f.confirmed IS NOT NULL), "
                      "COALESCE((SELECT person FROM account_person WHERE user_id = u.id), '') FROM user_account u "
                      "WHERE ($1 = '*' OR u.organisation = $1) AND u.name_key LIKE $2 ESCAPE '\\' "
                      "AND ($3 = '' OR u.name_key > (SELECT name_key FROM user_account WHERE id = $3)) AND ($6 = '' OR u.id = $6) "
                      "ORDER BY u.name_key LIMIT $4",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, q->organisation);
    db_bind_text(s, 2, pattern(arena, q->words));
    db_bind_text(s, 3, q->after);
    db_bind_i64(s, 4, (int64_t)q->limit + 1);
    db_bind_i64(s, 5, now);
    db_bind_text(s, 6, q->only);
    while ((rc = db_step(s, e)) > 0) {
        if (*count_out == q->limit) {
            *more_out = true;
            db_done(s);
            return 0;
        }
        read_person(s, arena, &(*out)[(*count_out)++]);
    }
    return rc;
}

/* ---- changes ---- */

/* The account as it is, also a disabled one; its texts in fixed room. */
struct before {
    char role[64];
    char name[ACCOUNT_NAME_MAX + 1];
    char organisation[ACCOUNT_NAME_MAX + 1];
    bool disabled;
};

static void keep(struct span text, char *out, size_t room)
{
    size_t n = text.len < room ? text.len : room - 1;
    memcpy(out, text.len == 0 ? "" : text.ptr, n);
    out[n] = '\0';
}

static int find_person(struct db *db, struct span organisation, struct span id, struct before *out, struct err *e)
{
    struct db_stmt *s = NULL;
    *out = (struct before){0};
    int rc = db_query(db,
                      "SELECT role, name, organisation, disabled FROM user_account "
                      "WHERE id = $1 AND ($2 = '*' OR organisation = $2)",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    db_bind_text(s, 2, organisation);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_NOT_FOUND, "no such person");
    }
    if (rc < 0) {
        return rc;
    }
    keep(db_col_text(s, 0), out->role, sizeof out->role);
    keep(db_col_text(s, 1), out->name, sizeof out->name);
    keep(db_col_text(s, 2), out->organisation, sizeof out->organisation);
    out->disabled = !db_col_null(s, 3);
    db_done(s);
    return 0;
}

int person_last_administrator(struct db *db, struct span id, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT 1 FROM user_account WHERE role = 'administrator' AND organisation = '*' AND disabled IS NULL "
                      "AND password <> '' AND id <> $1 LIMIT 1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, id);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_DENIED, "This is the last administrator. Make another one first.");
    }
    if (rc > 0) {
        db_done(s);
        rc = 0;
    }
    return rc;
}

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

static int write_change(struct db *db, const struct person_change *c, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    if (c->kind == PERSON_ENABLE) {
        return run_for(db, "UPDATE user_account SET disabled = NULL WHERE id = $1", c->id, e);
    }
    int rc = db_query(db,
                      c->kind == PERSON_ROLE ? "UPDATE user_account SET role = $2 WHERE id = $1"
                                             : "UPDATE user_account SET disabled = $2 WHERE id = $1",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, c->id);
    if (c->kind == PERSON_ROLE) {
        db_bind_text(s, 2, c->role);
        return db_run(s, e);
    }
    db_bind_i64(s, 2, now);
    rc = db_run(s, e);
    rc = rc == 0 ? run_for(db, "DELETE FROM session WHERE user_id = $1", c->id, e) : rc;
    rc = rc == 0 ? run_for(db, "DELETE FROM sign_in_link WHERE user_id = $1 AND used IS NULL", c->id, e) : rc;
    return rc == 0 ? user_token_end_all(db, c->id, now, e) : rc;
}

int person_change_within(struct db *db, const struct person_change *c, time_ns now, struct err *e)
{
    static const char *const what[] = {"user.role", "user.disabled", "user.enabled"};
    struct before was;
    int rc = find_person(db, c->organisation, c->id, &was, e);
    if (rc < 0) {
        return rc;
    }
    bool same = c->kind == PERSON_ROLE ? span_eq(c->role, span_of(was.role)) : (c->kind == PERSON_DISABLE) == was.disabled;
    if (same) {
        return err_set(e, ERR_EXISTS, "This is so already.");
    }
    bool administers = strcmp(was.role, "administrator") == 0 && strcmp(was.organisation, "*") == 0 && !was.disabled;
    if (administers && c->kind != PERSON_ENABLE) {
        rc = person_last_administrator(db, c->id, e);
    }
    rc = rc == 0 ? write_change(db, c, now, e) : rc;
    if (rc < 0) {
        return rc;
    }
    const struct audit_entry entry = {
        .at = now,
        .organisation = span_of(was.organisation),
        .who = c->who,
        .what = span_of(what[c->kind]),
        .subject = c->id,
        .why = c->why,
        .before = c->kind == PERSON_ROLE ? span_of(was.role) : span_of(was.name),
        .after = c->kind == PERSON_ROLE ? c->role : SPAN(""),
    };
    return audit_append(db, &entry, e);
}

int person_change(struct db *db, const struct person_change *change, time_ns now, struct err *e)
{
    CHECK(change->organisation.len > 0 && change->kind < PERSON_CHANGE_COUNT);
    CHECK((change->kind == PERSON_ROLE) == (change->role.len > 0));
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, person_change_within(db, change, now, e), e);
}

/* ---- links ---- */

int sign_in_link_insert(struct db *db, struct span user_id, struct span hash, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    CHECK(hash.len == ACCOUNT_HASH_BYTES);
    int rc = run_for(db, "DELETE FROM sign_in_link WHERE user_id = $1 AND used IS NULL", user_id, e);
    rc = rc == 0 ? db_query(db, "INSERT INTO sign_in_link (hash, user_id, created, expires) VALUES ($1, $2, $3, $4)", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_text(s, 2, user_id);
    db_bind_i64(s, 3, now);
    db_bind_i64(s, 4, now + SIGN_IN_LINK_VALID_S * TIME_SECOND);
    return db_run(s, e);
}

static int link_within(struct db *db, struct span organisation, struct span id, struct span hash, struct span who,
                       time_ns now, struct err *e)
{
    struct before was;
    int rc = find_person(db, organisation, id, &was, e);
    if (rc == 0 && was.disabled) {
        rc = err_set(e, ERR_NOT_FOUND, "no such person");
    }
    rc = rc == 0 ? sign_in_link_insert(db, id, hash, now, e) : rc;
    if (rc < 0) {
        return rc;
    }
    const struct audit_entry entry = {.at = now, .organisation = span_of(was.organisation), .who = who,
                                      .what = SPAN("user.link"), .subject = id, .why = span_of(was.name)};
    return audit_append(db, &entry, e);
}

int sign_in_link_create(struct db *db, struct span organisation, struct span id, struct span hash, struct span who,
                        time_ns now, struct err *e)
{
    CHECK(organisation.len > 0);
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, link_within(db, organisation, id, hash, who, now, e), e);
}

int sign_in_link_check(struct db *db, struct span hash, time_ns now, struct arena *arena, struct account *out, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db,
                      "SELECT u.id, u.name, u.organisation FROM sign_in_link l JOIN user_account u ON u.id = l.user_id "
                      "WHERE l.hash = $1 AND l.used IS NULL AND l.created <= $2 AND l.expires > $2 AND u.disabled IS NULL",
                      e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_bytes(s, 1, hash);
    db_bind_i64(s, 2, now);
    rc = db_step(s, e);
    if (rc == 0) {
        return err_set(e, ERR_DENIED, "this sign-in link is used up, too old, or was never given out");
    }
    if (rc > 0) {
        *out = (struct account){.id = arena_copy(arena, db_col_text(s, 0)),
                                .name = arena_copy(arena, db_col_text(s, 1)),
                                .organisation = arena_copy(arena, db_col_text(s, 2))};
        db_done(s);
        rc = 0;
    }
    return rc;
}

static int use_within(struct db *db, struct span hash, struct span password, time_ns now, const struct account *a,
                      struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "UPDATE sign_in_link SET used = $1 WHERE hash = $2 AND used IS NULL", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    db_bind_bytes(s, 2, hash);
    rc = db_run(s, e);
    rc = rc == 0 ? db_query(db, "UPDATE user_account SET password = $1 WHERE id = $2", e, &s) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(s, 1, password);
    db_bind_text(s, 2, a->id);
    rc = db_run(s, e);
    rc = rc == 0 ? run_for(db, "DELETE FROM session WHERE user_id = $1", a->id, e) : rc;
    if (rc < 0) {
        return rc;
    }
    const struct audit_entry entry = {.at = now, .organisation = a->organisation, .who = a->name,
                                      .what = SPAN("user.password"), .subject = a->id, .why = SPAN("by sign-in link")};
    return audit_append(db, &entry, e);
}

int sign_in_link_use(struct db *db, struct span hash, struct span password, time_ns now, char id_out[ID_TEXT_LEN + 1],
                     struct err *e)
{
    struct account a = {0};
    struct arena arena;
    CHECK(hash.len == ACCOUNT_HASH_BYTES && password.len > 0);
    arena_init(&arena, 0);
    int rc = db_begin(db, e);
    if (rc == 0) {
        rc = sign_in_link_check(db, hash, now, &arena, &a, e);
        rc = rc == 0 ? use_within(db, hash, password, now, &a, e) : rc;
        rc = db_end(db, rc, e);
    }
    if (rc == 0) {
        CHECK(a.id.len == ID_TEXT_LEN);
        memcpy(id_out, a.id.ptr, ID_TEXT_LEN);
        id_out[ID_TEXT_LEN] = '\0';
    }
    arena_fini(&arena);
    return rc;
}

int sign_in_link_sweep(struct db *db, time_ns now, struct err *e)
{
    struct db_stmt *s = NULL;
    int rc = db_query(db, "DELETE FROM sign_in_link WHERE expires <= $1", e, &s);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(s, 1, now);
    return db_run(s, e);
}

/* ---- wire ---- */

void person_encode(struct buf *out, const struct person *p)
{
    buf_str(out, p->id);
    buf_str(out, p->name);
    buf_str(out, p->role);
    buf_str(out, p->organisation);
    buf_u64(out, (uint64_t)p->created);
    buf_u64(out, (uint64_t)p->disabled);
    buf_u64(out, (uint64_t)p->last_seen);
    buf_u64(out, (uint64_t)p->link);
    buf_u8(out, p->password);
    buf_u8(out, p->factor);
    buf_str(out, p->record);
}

void person_decode(struct cursor *c, struct person *out)
{
    out->id = cursor_str(c);
    out->name = cursor_str(c);
    out->role = cursor_str(c);
    out->organisation = cursor_str(c);
    out->created = (time_ns)cursor_u64(c);
    out->disabled = (time_ns)cursor_u64(c);
    out->last_seen = (time_ns)cursor_u64(c);
    out->link = (time_ns)cursor_u64(c);
    out->password = cursor_u8(c) != 0;
    out->factor = cursor_u8(c) != 0;
    out->record = cursor_str(c);
}
