/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of accounts that a provider signs in: who gets which account, what changes with it, who stays out. */
#include <string.h>

#include "records/audit.h"
#include "records/factors.h"
#include "records/people.h"
#include "records/records_test.h"
#include "records/sign_in.h"

static struct arena arena;
static struct err e;

/* What came of the last sign-in. */
static struct account who;
static enum sign_in_outcome outcome;
static bool changed;

static int sign_in(struct db *db, const char *subject, const char *name, const char *role, const char *organisation)
{
    const struct provider_person p = {.provider = SPAN("city"), .issuer = SPAN("https://id.example"), .subject = span_of(subject),
                                      .name = span_of(name), .role = span_of(role), .organisation = span_of(organisation)};
    return provider_sign_in(db, &p, TEST_NOW, &arena, &outcome, &changed, &who, &e);
}

static void fine(struct db *db, const char *subject, const char *name, const char *role, const char *expected)
{
    assert_int_equal(sign_in(db, subject, name, role, "*"), 0);
    assert_int_equal(outcome, SIGN_IN_FINE);
    if (!span_eq(who.name, span_of(expected)) || !span_eq(who.role, span_of(role))) {
        fail_msg("%s: %.*s, %.*s", subject, SPAN_ARG(who.name), SPAN_ARG(who.role));
    }
}

static struct span hash_of(char c)
{
    char *p = arena_bytes(&arena, ACCOUNT_HASH_BYTES);
    memset(p, c, ACCOUNT_HASH_BYTES);
    return span_make(p, ACCOUNT_HASH_BYTES);
}

static int session(struct db *db, char c, const struct factor_proof *proof)
{
    return session_create(db, who.id, hash_of(c), SPAN("::1"), proof, TEST_NOW, &e);
}

static bool has_session(struct db *db, char c)
{
    struct account a;
    return session_find(db, hash_of(c), TEST_NOW, &arena, &a, &e) == 0;
}

static struct span local(struct db *db, const char *name, const char *role)
{
    char id[ID_TEXT_LEN + 1];
    const struct account a = {.name = span_of(name), .password = SPAN("$argon"), .role = span_of(role), .organisation = SPAN("*")};
    assert_int_equal(account_create(db, &a, SPAN(""), SPAN("test"), TEST_NOW, id, &e), 0);
    return arena_copy(&arena, span_of(id));
}

static void names(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct span anna = local(db, "Anna", "administrator");
    fine(db, "1", "anna", "reader", "anna (city)");
    assert_false(span_eq(who.id, anna));
    struct span first = who.id;
    fine(db, "2", "ANNA", "reader", "ANNA (city 2)");
    fine(db, "1", "somebody else by now", "reader", "anna (city)");
    assert_true(span_eq(who.id, first));
    fine(db, "3", "", "reader", "somebody");
    fine(db, "4", "a\nb", "reader", "somebody (city)");
    /* 64 bytes, of which the last character of two is cut */
    fine(db, "5", "012345678901234567890123456789012345678901234567890123456789é", "reader",
         "012345678901234567890123456789012345678901234567890123456789é");
    fine(db, "6", "01234567890123456789012345678901234567890123456789012345678901\xC3\xA9", "reader",
         "01234567890123456789012345678901234567890123456789012345678901\xC3\xA9");
    fine(db, "7", "01234567890123456789012345678901234567890123456789012345678901\xC3\xA9", "reader",
         "012345678901234567890123456789012345678901234567890123456 (city)");
    fine(db, "8", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xC3\xA9" "bcdefg", "reader", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xC3\xA9" "bcdefg");
    fine(db, "9", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\xC3\xA9" "bcdefg", "reader", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (city)"); /* no half character */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_account WHERE password = ''"), 9);
    db_close(&db);
}

static void roles(void **state)
{
    (void)state;
    struct db *db = test_db();
    fine(db, "1", "bo", "reader", "bo");
    assert_false(changed);
    assert_int_equal(session(db, 's', NULL), 0);
    fine(db, "1", "bo", "reader", "bo");
    assert_false(changed);
    fine(db, "1", "bo", "analyst", "bo");
    assert_true(changed && has_session(db, 's'));
    assert_int_equal(sign_in(db, "1", "bo", "analyst", "harbour"), 0);
    assert_true(changed && span_eq(who.organisation, SPAN("harbour")));
    assert_int_equal(sign_in(db, "1", "bo", "", ""), 0); /* no group has a role any more */
    assert_true(outcome == SIGN_IN_NO_ROLE && changed && !has_session(db, 's'));
    assert_int_equal(sign_in(db, "9", "stranger", "", ""), 0);
    assert_true(outcome == SIGN_IN_NO_ROLE && !changed && who.id.len == 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_account"), 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'sign_in.refused'"), 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'sign_in' AND who = 'provider city'"), 4);
    int64_t rows = 0;
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    db_close(&db);
}

static void disabled(void **state)
{
    (void)state;
    struct db *db = test_db();
    fine(db, "1", "bo", "reader", "bo");
    struct person_change c = {.kind = PERSON_DISABLE, .organisation = SPAN("*"), .id = who.id, .who = SPAN("Anna")};
    assert_int_equal(person_change(db, &c, TEST_NOW, &e), 0);
    assert_int_equal(sign_in(db, "1", "bo", "administrator", "*"), 0);
    assert_int_equal(outcome, SIGN_IN_DISABLED);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_account WHERE role = 'reader' AND disabled IS NOT NULL"), 1);
    c.kind = PERSON_ENABLE;
    assert_int_equal(person_change(db, &c, TEST_NOW, &e), 0);
    fine(db, "1", "bo", "administrator", "bo");
    db_close(&db);
}

/* Who is the last to administer with a password stays it, whatever the provider's groups say; who never had one may go. */
static void last_administrator(void **state)
{
    (void)state;
    struct db *db = test_db();
    char id[ID_TEXT_LEN + 1];
    fine(db, "1", "bo", "administrator", "bo");
    struct span bo = who.id;
    fine(db, "1", "bo", "reader", "bo");
    fine(db, "1", "bo", "administrator", "bo");
    assert_int_equal(sign_in_link_create(db, SPAN("*"), bo, hash_of('l'), SPAN("Anna"), TEST_NOW, &e), 0);
    assert_int_equal(sign_in_link_use(db, hash_of('l'), SPAN("$argon"), TEST_NOW, id, &e), 0);
    assert_int_equal(sign_in(db, "1", "bo", "reader", "*"), 0);
    assert_true(outcome == SIGN_IN_FINE && span_eq(who.role, SPAN("administrator")) && !changed);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.role_kept'"), 1);
    (void)local(db, "Anna", "administrator");
    fine(db, "1", "bo", "reader", "bo");
    db_close(&db);
}

/* A provider's second factor is one for a session, and for nothing that needs a code of one's own. */
static void factor_elsewhere(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account a;
    const struct factor_proof elsewhere = {.kind = FACTOR_PROVIDER};
    fine(db, "1", "bo", "reader", "bo");
    assert_int_equal(session(db, 's', NULL), 0);
    assert_int_equal(session(db, 't', &elsewhere), 0);
    assert_int_equal(session_find(db, hash_of('s'), TEST_NOW, &arena, &a, &e), 0);
    assert_false(a.factor);
    assert_int_equal(session_find(db, hash_of('t'), TEST_NOW, &arena, &a, &e), 0);
    assert_true(a.factor);
    assert_int_equal(factor_remove(db, who.id, &elsewhere, TEST_NOW, &e), ERR_NOT_FOUND);
    db_close(&db);
}

/* A directory lets him in nowhere: as without a role, and the trail says why. */
static void barred(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account_way *ways = NULL;
    uint32_t n = 0;
    fine(db, "1", "bo", "reader", "bo");
    struct span bo = who.id;
    assert_int_equal(session(db, 's', NULL), 0);
    const struct provider_person p = {.provider = SPAN("city"), .issuer = SPAN("https://id.example"), .subject = SPAN("1"), .barred = SPAN("locked there")};
    assert_int_equal(provider_sign_in(db, &p, TEST_NOW, &arena, &outcome, &changed, &who, &e), 0);
    assert_true(outcome == SIGN_IN_NO_ROLE && changed && !has_session(db, 's'));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'sign_in.refused' AND after_value = 'locked there'"), 1);
    assert_int_equal(account_ways(db, bo, &arena, &ways, &n, &e), 0);
    assert_true(n == 1 && span_eq(ways[0].issuer, SPAN("https://id.example")) && span_eq(ways[0].subject, SPAN("1")));
    assert_int_equal(account_ways(db, SPAN("nobody"), &arena, &ways, &n, &e), 0);
    assert_int_equal(n, 0);
    db_close(&db);
}

int run_sign_in_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(roles), cmocka_unit_test(disabled),
                                       cmocka_unit_test(last_administrator), cmocka_unit_test(factor_elsewhere), cmocka_unit_test(barred)};
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("records/sign_in", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
