/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of people as administrators see them, and of sign-in links. */
#include <string.h>

#include "records/audit.h"
#include "records/people.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

static struct span hash_of(char c)
{
    static char text[256][ACCOUNT_HASH_BYTES];
    memset(text[(unsigned char)c], c, ACCOUNT_HASH_BYTES);
    return span_make(text[(unsigned char)c], ACCOUNT_HASH_BYTES);
}

/* With a password, or with the link of `link`. */
static struct span make(struct db *db, const char *name, const char *role, const char *organisation, char link)
{
    char id[ID_TEXT_LEN + 1];
    const struct account a = {.name = span_of(name), .password = link == 0 ? SPAN("$argon") : SPAN(""), .role = span_of(role),
                              .organisation = span_of(organisation)};
    assert_int_equal(account_create(db, &a, link == 0 ? SPAN("") : hash_of(link), SPAN("Anna"), TEST_NOW, id, &e), 0);
    return arena_copy(&arena, span_of(id));
}

static int change(struct db *db, enum person_change_kind kind, struct span id, const char *role, const char *by)
{
    const struct person_change c = {.kind = kind, .organisation = span_of(by), .id = id, .role = span_of(role),
                                    .who = SPAN("Anna"), .why = SPAN("because")};
    return person_change(db, &c, TEST_NOW + 7, &e);
}

static uint32_t list(struct db *db, const char *organisation, const char *words, struct span after, uint32_t limit,
                     struct person **out, bool *more)
{
    uint32_t n = 0;
    const struct people_query q = {.organisation = span_of(organisation), .words = span_of(words), .after = after, .limit = limit};
    assert_int_equal(people_list(db, &q, TEST_NOW, &arena, out, &n, more, &e), 0);
    return n;
}

static void lists(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct person *p = NULL;
    bool more = true;
    make(db, "bo", "analyst", "harbour", 0);
    make(db, "Anna", "administrator", "*", 0);
    make(db, "Łucja", "reader", "lantern", 'l');
    struct span per = make(db, "100%_per", "reader", "harbour", 0);
    assert_int_equal(list(db, "*", "", SPAN(""), 50, &p, &more), 4);
    assert_false(more);
    assert_true(span_eq(p[0].name, SPAN("100%_per")) && span_eq(p[1].name, SPAN("Anna")) && span_eq(p[2].name, SPAN("bo")));
    assert_true(p[1].password && p[1].link == TIME_NONE && p[1].last_seen == TIME_NONE && p[1].disabled == TIME_NONE);
    assert_true(!p[3].password && p[3].link == TEST_NOW + SIGN_IN_LINK_VALID_S * TIME_SECOND);
    uint32_t n = 0;
    struct people_query only = {.organisation = SPAN("harbour"), .only = per, .limit = 1};
    assert_int_equal(people_list(db, &only, TEST_NOW, &arena, &p, &n, &more, &e), 0);
    assert_true(n == 1 && !more && span_eq(p[0].id, per));
    only.organisation = SPAN("lantern"); /* another's is not there */
    assert_int_equal(people_list(db, &only, TEST_NOW, &arena, &p, &n, &more, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(list(db, "*", "", SPAN(""), 2, &p, &more), 2);
    assert_true(more);
    assert_int_equal(list(db, "*", "", p[1].id, 2, &p, &more), 2);
    assert_false(more);
    assert_true(span_eq(p[0].name, SPAN("bo")));
    assert_int_equal(list(db, "harbour", "", SPAN(""), 50, &p, &more), 2);
    assert_int_equal(list(db, "harbour", "Anna", SPAN(""), 50, &p, &more), 0);
    assert_int_equal(list(db, "*", "NN", SPAN(""), 50, &p, &more), 1);
    assert_int_equal(list(db, "*", "%_", SPAN(""), 50, &p, &more), 1);
    assert_true(span_eq(p[0].id, per));
    assert_int_equal(list(db, "*", "łUC", SPAN(""), 50, &p, &more), 1);
    assert_int_equal(session_create(db, per, hash_of('s'), SPAN("::1"), NULL, TEST_NOW + 3, &e), 0);
    assert_int_equal(list(db, "*", "100", SPAN(""), 1, &p, &more), 1);
    assert_true(p[0].last_seen == TEST_NOW + 3);
    db_close(&db);
}

static void roles_change(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account a;
    struct span anna = make(db, "Anna", "administrator", "*", 0);
    struct span bo = make(db, "Bo", "analyst", "harbour", 0);
    assert_int_equal(change(db, PERSON_ROLE, bo, "reader", "lantern"), ERR_NOT_FOUND); /* another's is not there */
    assert_int_equal(change(db, PERSON_ROLE, SPAN("nobody"), "reader", "*"), ERR_NOT_FOUND);
    assert_int_equal(change(db, PERSON_ROLE, bo, "analyst", "*"), ERR_EXISTS);
    assert_int_equal(change(db, PERSON_ROLE, bo, "reader", "harbour"), 0);
    assert_int_equal(account_by_name(db, SPAN("Bo"), &arena, &a, &e), 0);
    assert_true(span_eq(a.role, SPAN("reader")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.role' AND who = 'Anna' AND why = 'because' "
                                     "AND before_value = 'analyst' AND after_value = 'reader'"), 1);
    assert_int_equal(change(db, PERSON_ROLE, anna, "reader", "*"), ERR_DENIED);
    make(db, "Eve", "administrator", "harbour", 0); /* of one organisation: does not count */
    make(db, "Ida", "administrator", "*", 'i');     /* cannot sign in yet: does not count */
    assert_int_equal(change(db, PERSON_ROLE, anna, "reader", "*"), ERR_DENIED);
    assert_int_equal(change(db, PERSON_DISABLE, anna, "", "*"), ERR_DENIED);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_account WHERE disabled IS NOT NULL"), 0);
    struct span ola = make(db, "Ola", "administrator", "*", 0);
    assert_int_equal(change(db, PERSON_ROLE, anna, "reader", "*"), 0);
    assert_int_equal(change(db, PERSON_DISABLE, ola, "", "*"), ERR_DENIED);
    db_close(&db);
}

static void disabling_ends_all(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account a;
    struct span bo = make(db, "Bo", "analyst", "harbour", 0);
    struct span cy = make(db, "Cy", "analyst", "harbour", 0);
    assert_int_equal(session_create(db, bo, hash_of('b'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(session_create(db, cy, hash_of('c'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(sign_in_link_create(db, SPAN("*"), bo, hash_of('l'), SPAN("Anna"), TEST_NOW, &e), 0);
    assert_int_equal(change(db, PERSON_ENABLE, bo, "", "*"), ERR_EXISTS);
    assert_int_equal(change(db, PERSON_DISABLE, bo, "", "lantern"), ERR_NOT_FOUND);
    assert_int_equal(session_find(db, hash_of('b'), TEST_NOW, &arena, &a, &e), 0);
    assert_int_equal(change(db, PERSON_DISABLE, bo, "", "harbour"), 0);
    assert_int_equal(change(db, PERSON_DISABLE, bo, "", "harbour"), ERR_EXISTS);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM session"), 1);
    assert_int_equal(session_find(db, hash_of('c'), TEST_NOW, &arena, &a, &e), 0);
    assert_int_equal(account_by_name(db, SPAN("Bo"), &arena, &a, &e), ERR_NOT_FOUND);
    assert_int_equal(sign_in_link_check(db, hash_of('l'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(sign_in_link_create(db, SPAN("*"), bo, hash_of('m'), SPAN("Anna"), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(change(db, PERSON_ENABLE, bo, "", "harbour"), 0);
    assert_int_equal(session_find(db, hash_of('b'), TEST_NOW, &arena, &a, &e), ERR_DENIED); /* stays ended */
    assert_int_equal(sign_in_link_check(db, hash_of('l'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(account_by_name(db, SPAN("Bo"), &arena, &a, &e), 0);
    int64_t rows = 0;
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    db_close(&db);
}

static void link_works_once(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account a;
    char id[ID_TEXT_LEN + 1];
    const time_ns late = TEST_NOW + SIGN_IN_LINK_VALID_S * TIME_SECOND;
    struct span bo = make(db, "Bo", "analyst", "harbour", 'a');
    assert_int_equal(account_by_name(db, SPAN("Bo"), &arena, &a, &e), 0);
    assert_int_equal(a.password.len, 0);
    assert_int_equal(sign_in_link_check(db, hash_of('a'), late - 1, &arena, &a, &e), 0);
    assert_true(span_eq(a.name, SPAN("Bo")) && span_eq(a.id, bo));
    assert_int_equal(sign_in_link_check(db, hash_of('a'), late, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(sign_in_link_check(db, hash_of('z'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(sign_in_link_create(db, SPAN("lantern"), bo, hash_of('b'), SPAN("Eve"), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(sign_in_link_check(db, hash_of('a'), TEST_NOW, &arena, &a, &e), 0);
    assert_int_equal(sign_in_link_create(db, SPAN("harbour"), bo, hash_of('b'), SPAN("Anna"), TEST_NOW, &e), 0);
    assert_int_equal(sign_in_link_check(db, hash_of('a'), TEST_NOW, &arena, &a, &e), ERR_DENIED); /* the older one ended */
    assert_int_equal(sign_in_link_use(db, hash_of('b'), SPAN("$new"), late, id, &e), ERR_DENIED);
    assert_int_equal(session_create(db, bo, hash_of('s'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(sign_in_link_use(db, hash_of('b'), SPAN("$new"), TEST_NOW, id, &e), 0);
    assert_true(span_eq(span_of(id), bo));
    assert_int_equal(session_find(db, hash_of('s'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(account_by_name(db, SPAN("Bo"), &arena, &a, &e), 0);
    assert_true(span_eq(a.password, SPAN("$new")));
    assert_int_equal(sign_in_link_use(db, hash_of('b'), SPAN("$again"), TEST_NOW, id, &e), ERR_DENIED);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.password' AND who = 'Bo'"), 1);
    assert_int_equal(sign_in_link_sweep(db, late, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM sign_in_link"), 0);
    db_close(&db);
}

int run_people_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists),
        cmocka_unit_test(roles_change),
        cmocka_unit_test(disabling_ends_all),
        cmocka_unit_test(link_works_once),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("records/people", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
