/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of people, sessions, set-up and ingest tokens. */
#include <string.h>

#include "records/accounts.h"
#include "records/audit.h"
#include "records/records_test.h"
#include "records/tokens.h"

static struct arena arena;
static struct err e;

/* 32 bytes of one letter. */
static struct span hash_of(char c)
{
    static char text[256][ACCOUNT_HASH_BYTES];
    memset(text[(unsigned char)c], c, ACCOUNT_HASH_BYTES);
    return span_make(text[(unsigned char)c], ACCOUNT_HASH_BYTES);
}

static void names(void **state)
{
    (void)state;
    static const struct {
        struct span name;
        bool good;
    } cases[] = {
        {{"Anna", 4}, true},
        {{"a", 1}, true},
        {{"Łucja Żak", 11}, true},
        {{"", 0}, false},
        {{" a", 2}, false},
        {{"a\n", 2}, false},
        {{"a\tb", 3}, false},
        {{"a\0b", 3}, false},
        {{"\xff", 1}, false},
        {{"a\x7f", 2}, false},
        {{"0123456789012345678901234567890123456789012345678901234567890123", 64}, true},
        {{"01234567890123456789012345678901234567890123456789012345678901234", 65}, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        if (account_name_valid(cases[i].name) != cases[i].good) {
            fail_msg("name %zu", i);
        }
    }
}

static void setup_link_works_once(void **state)
{
    (void)state;
    struct db *db = test_db();
    char id[ID_TEXT_LEN + 1];
    time_ns late = TEST_NOW + SETUP_VALID_S * TIME_SECOND;
    assert_int_equal(setup_check(db, hash_of('a'), TEST_NOW, &e), ERR_DENIED);
    assert_int_equal(setup_create(db, hash_of('a'), TEST_NOW, &e), 0);
    assert_int_equal(setup_check(db, hash_of('a'), late - 1, &e), 0);
    assert_int_equal(setup_check(db, hash_of('a'), late, &e), ERR_DENIED);
    assert_int_equal(setup_check(db, hash_of('b'), TEST_NOW, &e), ERR_DENIED);
    assert_int_equal(setup_create(db, hash_of('b'), TEST_NOW, &e), 0); /* the first one dies */
    assert_int_equal(setup_check(db, hash_of('a'), TEST_NOW, &e), ERR_DENIED);
    assert_int_equal(setup_use(db, hash_of('b'), SPAN(" "), SPAN("$argon"), TEST_NOW, id, &e),
                     ERR_INVALID);
    assert_int_equal(setup_use(db, hash_of('b'), SPAN("Anna"), SPAN("$argon"), late, id, &e),
                     ERR_DENIED);
    bool exists = true;
    assert_int_equal(account_admin_exists(db, &e, &exists), 0);
    assert_false(exists);
    assert_int_equal(setup_use(db, hash_of('b'), SPAN("Anna"), SPAN("$argon"), TEST_NOW, id, &e),
                     0);
    assert_int_equal(account_admin_exists(db, &e, &exists), 0);
    assert_true(exists);
    assert_int_equal(setup_use(db, hash_of('b'), SPAN("Eve"), SPAN("$argon"), TEST_NOW, id, &e),
                     ERR_DENIED);
    assert_int_equal(setup_create(db, hash_of('c'), TEST_NOW, &e), ERR_EXISTS);
    struct account a;
    assert_int_equal(account_by_name(db, SPAN("aNNA"), &arena, &a, &e), 0);
    assert_true(span_eq(a.name, SPAN("Anna")));
    assert_true(span_eq(a.role, SPAN("administrator")));
    assert_int_equal(account_by_name(db, SPAN("Eve"), &arena, &a, &e), ERR_NOT_FOUND);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.created'"), 1);
    db_close(&db);
}

static struct db *db_with_anna(struct span *id_out)
{
    static char id[ID_TEXT_LEN + 1];
    struct db *db = test_db();
    assert_int_equal(setup_create(db, hash_of('s'), TEST_NOW, &e), 0);
    assert_int_equal(setup_use(db, hash_of('s'), SPAN("Anna"), SPAN("$argon"), TEST_NOW, id, &e),
                     0);
    *id_out = span_of(id);
    return db;
}

static void sessions_end(void **state)
{
    (void)state;
    struct span id;
    struct db *db = db_with_anna(&id);
    struct account a;
    const time_ns idle = SESSION_IDLE_S * TIME_SECOND;
    assert_int_equal(session_create(db, id, hash_of('x'), SPAN("127.0.0.1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(session_find(db, hash_of('x'), TEST_NOW + idle - 1, &arena, &a, &e), 0);
    assert_true(span_eq(a.name, SPAN("Anna")));
    /* Used then, so good for another idle time, but not beyond the week. */
    assert_int_equal(session_find(db, hash_of('x'), TEST_NOW + 2 * idle - 2, &arena, &a, &e), 0);
    assert_int_equal(session_find(db, hash_of('x'), TEST_NOW + 3 * idle, &arena, &a, &e),
                     ERR_DENIED);
    for (time_ns t = TEST_NOW; t < TEST_NOW + SESSION_MAX_S * TIME_SECOND; t += idle / 2) {
        assert_int_equal(db_exec(db, "UPDATE session SET last_seen = 9000000000000000000", &e), 0);
        assert_int_equal(session_find(db, hash_of('x'), t, &arena, &a, &e), 0);
    }
    assert_int_equal(
        session_find(db, hash_of('x'), TEST_NOW + SESSION_MAX_S * TIME_SECOND, &arena, &a, &e),
        ERR_DENIED);
    assert_int_equal(session_sweep(db, TEST_NOW + SESSION_MAX_S * TIME_SECOND, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM session"), 0);
    assert_int_equal(session_create(db, id, hash_of('y'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(session_end(db, hash_of('y'), &e), 0);
    assert_int_equal(session_find(db, hash_of('y'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(session_create(db, id, hash_of('z'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(db_exec(db, "UPDATE user_account SET disabled = 1", &e), 0);
    assert_int_equal(session_find(db, hash_of('z'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    db_close(&db);
}

static void sessions_are_bounded(void **state)
{
    (void)state;
    struct span id;
    struct db *db = db_with_anna(&id);
    struct account a;
    for (int i = 0; i < ACCOUNT_SESSIONS_MAX + 5; i++) {
        assert_int_equal(
            session_create(db, id, hash_of((char)('0' + i)), SPAN("::1"), NULL, TEST_NOW + i, &e), 0);
    }
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM session"), ACCOUNT_SESSIONS_MAX);
    assert_int_equal(session_find(db, hash_of('0'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(session_find(db, hash_of('5'), TEST_NOW, &arena, &a, &e), 0);
    db_close(&db);
}

static void tokens(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct ingest_token t = {.id = SPAN("t1"),
                             .hash = hash_of('t'),
                             .name = SPAN("web servers"),
                             .source = SPAN("web"),
                             .organisation = SPAN("lantern"),
                             .created = TEST_NOW};
    assert_int_equal(tokens_create(db, &t, SPAN("Anna"), &e), 0);
    assert_int_equal(tokens_create(db, &t, SPAN("Anna"), &e), ERR_EXISTS);
    struct ingest_token *list = NULL;
    size_t n = 0;
    assert_int_equal(tokens_list(db, SPAN("harbour"), &arena, &list, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(tokens_used(db, hash_of('t'), TEST_NOW + 5, &e), 0);
    assert_int_equal(tokens_list(db, SPAN("*"), &arena, &list, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_true(list[0].last_used == TEST_NOW + 5);
    assert_true(span_eq(list[0].hash, hash_of('t')));
    assert_int_equal(tokens_revoke(db, SPAN("harbour"), SPAN("t1"), SPAN("Eve"), TEST_NOW, &e),
                     ERR_NOT_FOUND);
    assert_int_equal(tokens_revoke(db, SPAN("lantern"), SPAN("t1"), SPAN("Anna"), TEST_NOW, &e), 0);
    assert_int_equal(tokens_revoke(db, SPAN("lantern"), SPAN("t1"), SPAN("Anna"), TEST_NOW, &e),
                     ERR_NOT_FOUND);
    assert_int_equal(tokens_list(db, SPAN("*"), &arena, &list, &n, &e), 0);
    assert_int_equal(n, 0);
    int64_t rows = 0;
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    assert_int_equal(rows, 2);
    db_close(&db);
}

static int make(struct db *db, const char *name, const char *role, char id[ID_TEXT_LEN + 1])
{
    const struct account a = {.name = span_of(name), .password = SPAN("$argon"), .role = span_of(role),
                              .organisation = SPAN("harbour")};
    return account_create(db, &a, SPAN(""), SPAN("command line"), TEST_NOW, id, &e);
}

static void another_person(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account a;
    char id[ID_TEXT_LEN + 1];
    assert_int_equal(make(db, "Bo", "analyst", id), 0);
    assert_int_equal(make(db, "bo", "administrator", id), ERR_EXISTS);
    assert_non_null(strstr(e.text, "bo"));
    assert_int_equal(make(db, " ", "analyst", id), ERR_INVALID);
    assert_int_equal(account_by_name(db, SPAN("BO"), &arena, &a, &e), 0);
    assert_true(span_eq(a.role, SPAN("analyst")));
    assert_true(span_eq(a.organisation, SPAN("harbour")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.created' AND who = 'command line' "
                                     "AND after_value = 'analyst'"), 1);
    db_close(&db);
}

static void own_sessions(void **state)
{
    (void)state;
    struct span anna;
    struct db *db = db_with_anna(&anna);
    char bo[ID_TEXT_LEN + 1];
    struct account a;
    struct session_row rows[ACCOUNT_SESSIONS_MAX];
    unsigned char hash[ACCOUNT_HASH_BYTES];
    uint32_t n = 0;
    assert_int_equal(make(db, "Bo", "analyst", bo), 0);
    assert_int_equal(session_create(db, anna, hash_of('x'), SPAN("192.0.2.1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(session_create(db, anna, hash_of('y'), SPAN("192.0.2.2"), NULL, TEST_NOW + 5, &e), 0);
    assert_int_equal(session_create(db, anna, hash_of('z'), SPAN("::1"), NULL, TEST_NOW + 6, &e), 0);
    assert_int_equal(session_create(db, span_of(bo), hash_of('b'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
    assert_int_equal(session_list(db, anna, TEST_NOW + 7, &arena, rows, &n, &e), 0);
    assert_int_equal(n, 3);
    assert_string_equal(rows[2].id, "78787878787878787878787878787878");
    assert_true(span_eq(rows[2].address, SPAN("192.0.2.1")) && rows[2].created == TEST_NOW && rows[0].last_seen == TEST_NOW + 6);
    static const char *const none[] = {"", "78", "7878787878787878787878787878787g", "78787878787878787878787878787879",
                                       "787878787878787878787878787878787878", "62626262626262626262626262626262"};
    for (size_t i = 0; i < ARRAY_LEN(none); i++) { /* the last one is Bo's */
        assert_int_equal(session_end_own(db, anna, span_of(none[i]), TEST_NOW, hash, &e), ERR_NOT_FOUND);
    }
    assert_int_equal(session_end_own(db, anna, span_of(rows[2].id), TEST_NOW, hash, &e), 0);
    assert_memory_equal(hash, hash_of('x').ptr, sizeof hash);
    assert_int_equal(session_find(db, hash_of('x'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(account_password_set(db, SPAN("nobody"), hash_of('y'), SPAN("$new"), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(account_password_set(db, anna, hash_of('y'), SPAN("$new"), TEST_NOW, &e), 0);
    assert_int_equal(session_find(db, hash_of('y'), TEST_NOW, &arena, &a, &e), 0);
    assert_int_equal(session_find(db, hash_of('z'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(session_find(db, hash_of('b'), TEST_NOW, &arena, &a, &e), 0);
    assert_int_equal(account_by_name(db, SPAN("anna"), &arena, &a, &e), 0);
    assert_true(span_eq(a.password, SPAN("$new")));
    assert_int_equal(session_list(db, anna, TEST_NOW + SESSION_IDLE_S * TIME_SECOND + 7, &arena, rows, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.password' OR what = 'session.ended'"), 2);
    db_close(&db);
}

int run_account_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names), cmocka_unit_test(another_person), cmocka_unit_test(own_sessions),        cmocka_unit_test(setup_link_works_once),
        cmocka_unit_test(sessions_end), cmocka_unit_test(sessions_are_bounded),
        cmocka_unit_test(tokens),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("records/accounts", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
