/* SPDX-License-Identifier: EUPL-1.2 */
/* Sign-in by a provider: see sign_in.h. Runs in the keeper. */
#include "records/sign_in.h"

#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "records/audit.h"
#include "records/user_tokens.h"
#include "records/people.h"

struct signing {
    struct db *db;
    const struct provider_person *p;
    time_ns now;
    struct arena *arena;
    struct err *e;
};

/* who: the account, or where there is none the provider's subject. */
static int audit(const struct signing *s, struct span id, const char *what, struct span before, struct span after)
{
    const struct audit_entry entry = {
        .at = s->now,
        .organisation = SPAN("*"),
        .who = span_of(arena_printf(s->arena, "provider %.*s", SPAN_ARG(s->p->provider))),
        .what = span_of(what),
        .subject = id.len > 0 ? id : s->p->subject,
        .why = s->p->subject,
        .before = before,
        .after = after,
    };
    return audit_append(s->db, &entry, s->e);
}

/* id empty: nobody is known by that subject. */
static int find(const struct signing *s, struct account *out, bool *disabled_out)
{
    struct db_stmt *q = NULL;
    *out = (struct account){.id = SPAN("")};
    int rc = db_query(s->db,
                      "SELECT u.id, u.name, u.password, u.role, u.organisation, u.disabled, EXISTS (SELECT 1 FROM second_factor f "
                      "WHERE f.user_id = u.id AND f.confirmed IS NOT NULL) FROM provider_account p JOIN user_account u ON u.id = p.user_id "
                      "WHERE p.issuer = $1 AND p.subject = $2",
                      s->e, &q);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(q, 1, s->p->issuer);
    db_bind_text(q, 2, s->p->subject);
    rc = db_step(q, s->e);
    if (rc <= 0) {
        return rc;
    }
    struct span *const texts[] = {&out->id, &out->name, &out->password, &out->role, &out->organisation};
    for (int i = 0; i < (int)ARRAY_LEN(texts); i++) {
        *texts[i] = arena_copy(s->arena, db_col_text(q, i));
    }
    *disabled_out = !db_col_null(q, 5);
    out->factor = db_col_i64(q, 6) != 0;
    db_done(q);
    return 0;
}

/* "anna", or where somebody is called so "anna (city)", "anna (city 2)" …: no account is taken over by its name. */
static int free_name(const struct signing *s, struct span *out)
{
    struct span wanted = account_name_valid(s->p->name) ? s->p->name : SPAN("somebody");
    bool taken = false;
    *out = wanted;
    int rc = account_name_taken(s->db, *out, &taken, s->e);
    for (int i = 1; rc == 0 && taken && i <= SIGN_IN_NAMES_MAX; i++) {
        char number[16] = "";
        if (i > 1) {
            (void)snprintf(number, sizeof number, " %d", i);
        }
        size_t end = s->p->provider.len + strlen(number) + 3;
        struct span begin = span_sub(wanted, 0, ACCOUNT_NAME_MAX - end);
        while (begin.len > 0 && !utf8_valid(begin)) { /* not in the middle of a character */
            begin.len--;
        }
        *out = span_of(arena_printf(s->arena, "%.*s (%.*s%s)", SPAN_ARG(span_trim(begin)), SPAN_ARG(s->p->provider), number));
        rc = account_name_taken(s->db, *out, &taken, s->e);
    }
    return rc == 0 && taken ? err_set(s->e, ERR_EXISTS, "too many people have this name") : rc;
}

static int link_insert(const struct signing *s, struct span id)
{
    struct db_stmt *q = NULL;
    int rc = db_query(s->db, "INSERT INTO provider_account (issuer, subject, user_id, provider, created, used) VALUES ($1, $2, $3, $4, $5, $5)",
                      s->e, &q);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(q, 1, s->p->issuer);
    db_bind_text(q, 2, s->p->subject);
    db_bind_text(q, 3, id);
    db_bind_text(q, 4, s->p->provider);
    db_bind_i64(q, 5, s->now);
    return db_run(q, s->e);
}

static int make(const struct signing *s, struct account *out)
{
    char *id = arena_bytes(s->arena, ID_TEXT_LEN + 1);
    struct span name = SPAN("");
    int rc = free_name(s, &name);
    if (rc < 0) {
        return rc;
    }
    id_new(s->now, id);
    /* no password: nobody signs in with one until an administrator gives him a link */
    *out = (struct account){.id = span_of(id), .name = name, .password = SPAN(""), .role = s->p->role, .organisation = s->p->organisation};
    rc = account_put(s->db, out, s->now, s->e);
    rc = rc == 0 ? link_insert(s, out->id) : rc;
    return rc == 0 ? audit(s, out->id, "user.created", name, s->p->role) : rc;
}

static int touch(const struct signing *s)
{
    struct db_stmt *q = NULL;
    int rc = db_query(s->db, "UPDATE provider_account SET used = $1, provider = $2 WHERE issuer = $3 AND subject = $4", s->e, &q);
    if (rc < 0) {
        return rc;
    }
    db_bind_i64(q, 1, s->now);
    db_bind_text(q, 2, s->p->provider);
    db_bind_text(q, 3, s->p->issuer);
    db_bind_text(q, 4, s->p->subject);
    return db_run(q, s->e);
}

/* The role that the groups give now. The last administrator with a password stays one, and the trail says why. */
static int renew(const struct signing *s, struct account *a, bool *changed_out)
{
    struct db_stmt *q = NULL;
    if (span_eq(a->role, s->p->role) && span_eq(a->organisation, s->p->organisation)) {
        return 0;
    }
    int rc = 0;
    if (span_eq(a->role, SPAN("administrator")) && span_eq(a->organisation, SPAN("*"))) {
        rc = person_last_administrator(s->db, a->id, s->e);
        if (rc == ERR_DENIED && a->password.len > 0) {
            return audit(s, a->id, "user.role_kept", a->role, s->p->role);
        }
        rc = rc == ERR_DENIED ? 0 : rc;
    }
    rc = rc == 0 ? db_query(s->db, "UPDATE user_account SET role = $1, organisation = $2 WHERE id = $3", s->e, &q) : rc;
    if (rc < 0) {
        return rc;
    }
    db_bind_text(q, 1, s->p->role);
    db_bind_text(q, 2, s->p->organisation);
    db_bind_text(q, 3, a->id);
    rc = db_run(q, s->e);
    rc = rc == 0 ? audit(s, a->id, "user.role", span_of(arena_printf(s->arena, "%.*s, %.*s", SPAN_ARG(a->role), SPAN_ARG(a->organisation))),
                         span_of(arena_printf(s->arena, "%.*s, %.*s", SPAN_ARG(s->p->role), SPAN_ARG(s->p->organisation))))
                 : rc;
    a->role = s->p->role;
    a->organisation = s->p->organisation;
    *changed_out = true;
    return rc;
}

static int end_sessions(const struct signing *s, struct span id)
{
    struct db_stmt *q = NULL;
    int rc = db_query(s->db, "DELETE FROM session WHERE user_id = $1", s->e, &q);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(q, 1, id);
    rc = db_run(q, s->e);
    return rc == 0 ? user_token_end_all(s->db, id, s->now, s->e) : rc;
}

static int within(const struct signing *s, enum sign_in_outcome *outcome, bool *changed, struct account *a)
{
    bool disabled = false;
    int rc = find(s, a, &disabled);
    if (rc < 0) {
        return rc;
    }
    bool known = a->id.len > 0;
    if (disabled) {
        *outcome = SIGN_IN_DISABLED;
        return audit(s, a->id, "sign_in.refused", SPAN(""), SPAN("the account is disabled"));
    }
    if (s->p->role.len == 0) {
        *outcome = SIGN_IN_NO_ROLE;
        *changed = known;
        rc = known ? end_sessions(s, a->id) : 0;
        return rc == 0 ? audit(s, a->id, "sign_in.refused", SPAN(""), s->p->barred.len > 0 ? s->p->barred : SPAN("no group has a role")) : rc;
    }
    *outcome = SIGN_IN_FINE;
    rc = known ? touch(s) : make(s, a);
    rc = rc == 0 && known ? renew(s, a, changed) : rc;
    return rc == 0 ? audit(s, a->id, "sign_in", SPAN(""), a->role) : rc;
}

int provider_sign_in(struct db *db, const struct provider_person *p, time_ns now, struct arena *arena, enum sign_in_outcome *outcome_out,
                     bool *changed_out, struct account *out, struct err *e)
{
    const struct signing s = {db, p, now, arena, e};
    CHECK(p->issuer.len > 0 && p->subject.len > 0 && p->provider.len > 0 && p->provider.len <= SIGN_IN_PROVIDER_MAX);
    CHECK((p->role.len > 0) == (p->organisation.len > 0) && (p->role.len == 0 || p->barred.len == 0));
    *outcome_out = SIGN_IN_NO_ROLE;
    *changed_out = false;
    int rc = db_begin(db, e);
    return rc < 0 ? rc : db_end(db, within(&s, outcome_out, changed_out, out), e);
}

int account_ways(struct db *db, struct span user_id, struct arena *arena, struct account_way **out, uint32_t *count_out, struct err *e)
{
    struct db_stmt *q = NULL;
    struct account_way *ways = arena_calloc(arena, SIGN_IN_WAYS_MAX, sizeof *ways);
    *out = ways;
    *count_out = 0;
    int rc = db_query(db, "SELECT issuer, subject FROM provider_account WHERE user_id = $1 ORDER BY created, issuer LIMIT $2", e, &q);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(q, 1, user_id);
    db_bind_i64(q, 2, SIGN_IN_WAYS_MAX);
    while ((rc = db_step(q, e)) > 0 && *count_out < SIGN_IN_WAYS_MAX) {
        ways[(*count_out)++] = (struct account_way){arena_copy(arena, db_col_text(q, 0)), arena_copy(arena, db_col_text(q, 1))};
    }
    if (rc > 0) {
        db_done(q);
    }
    return rc < 0 ? rc : 0;
}

int way_accounts(struct db *db, struct span organisation, struct span issuer, struct arena *arena, struct way_account **out, uint32_t *count_out,
                 struct err *e)
{
    struct db_stmt *q = NULL;
    struct way_account *all = arena_calloc(arena, SIGN_IN_ACCOUNTS_MAX, sizeof *all);
    *out = all;
    *count_out = 0;
    int rc = db_query(db,
                      "SELECT u.id, u.name, u.role, u.organisation, p.subject FROM provider_account p JOIN user_account u ON u.id = p.user_id "
                      "WHERE p.issuer = $1 AND u.disabled IS NULL AND ($2 = '*' OR u.organisation = $2) ORDER BY u.id LIMIT $3",
                      e, &q);
    if (rc < 0) {
        return rc;
    }
    db_bind_text(q, 1, issuer);
    db_bind_text(q, 2, organisation);
    db_bind_i64(q, 3, SIGN_IN_ACCOUNTS_MAX + 1);
    while ((rc = db_step(q, e)) > 0) {
        if (*count_out == SIGN_IN_ACCOUNTS_MAX) {
            db_done(q);
            return err_set(e, ERR_LIMIT, "a directory has more than %d accounts here", SIGN_IN_ACCOUNTS_MAX);
        }
        struct way_account *a = &all[(*count_out)++];
        struct span *const texts[] = {&a->id, &a->name, &a->role, &a->organisation, &a->subject};
        for (int i = 0; i < (int)ARRAY_LEN(texts); i++) {
            *texts[i] = arena_copy(arena, db_col_text(q, i));
        }
    }
    return rc;
}
