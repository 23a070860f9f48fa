/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of API tokens as stored. */
#include <string.h>

#include "records/people.h"
#include "records/records_test.h"
#include "records/user_tokens.h"

static struct arena arena;
static struct err e;

static struct span hash_of(char c)
{
    char *p = arena_bytes(&arena, ACCOUNT_HASH_BYTES);
    memset(p, c, ACCOUNT_HASH_BYTES);
    return span_make(p, ACCOUNT_HASH_BYTES);
}

static struct span person(struct db *db, const char *name, const char *organisation)
{
    char id[ID_TEXT_LEN + 1];
    const struct account a = {.name = span_of(name), .password = SPAN("$argon"), .role = SPAN("analyst"), .organisation = span_of(organisation)};
    assert_int_equal(account_create(db, &a, SPAN(""), SPAN("Anna"), TEST_NOW, id, &e), 0);
    return arena_copy(&arena, span_of(id));
}

/* A token of so many days with the id and hash of one letter. */
static int make(struct db *db, struct span user, char letter, int days)
{
    const struct user_token t = {.id = arena_copy(&arena, span_make(&letter, 1)), .user_id = user, .hash = hash_of(letter), .mark = SPAN("sereno_0123"),
                                 .name = SPAN("nightly"), .scopes = SPAN("watch"), .created = TEST_NOW, .expires = TEST_NOW + days * (time_ns)TIME_DAY};
    return user_token_create(db, &t, SPAN("Bo"), &e);
}

static int use(struct db *db, char letter, const char *change, time_ns at)
{
    struct account a = {0};
    struct span scopes = SPAN("");
    const struct user_token_use u = {hash_of(letter), SPAN("::1"), span_of(change)};
    int rc = user_token_find(db, &u, at, &arena, &a, &scopes, &e);
    if (rc == 0) {
        assert_true(span_eq(a.name, SPAN("Bo")) && span_eq(a.role, SPAN("analyst")) && !a.factor);
        assert_true(span_eq(scopes, SPAN("watch")));
    }
    return rc;
}

static void made_and_used(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct span bo = person(db, "Bo", "harbour");
    struct user_token *list = NULL;
    uint32_t n = 0;
    assert_int_equal(make(db, bo, 'a', 2), 0);
    assert_int_equal(make(db, bo, 'a', 2), ERR_EXISTS);
    assert_int_equal(make(db, SPAN("nobody"), 'b', 2), ERR_NOT_FOUND);
    assert_int_equal(use(db, 'a', "", TEST_NOW), 0);
    assert_int_equal(use(db, 'a', "", TEST_NOW + 1), 0);
    assert_int_equal(use(db, 'x', "", TEST_NOW), ERR_NOT_FOUND);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user_token.used'"), 1); /* once a day */
    assert_int_equal(use(db, 'a', "", TEST_NOW + TIME_DAY), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user_token.used'"), 2);
    assert_int_equal(use(db, 'a', "POST /x", TEST_NOW + TIME_DAY), 0);
    assert_int_equal(use(db, 'a', "POST /x", TEST_NOW + TIME_DAY), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user_token.asked' AND why = 'POST /x'"), 2);
    assert_int_equal(user_token_list(db, SPAN("harbour"), bo, &arena, &list, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].used_day, time_day(TEST_NOW) + 1);
    assert_int_equal(list[0].ended, TIME_NONE);
    assert_int_equal(use(db, 'a', "", TEST_NOW + 2 * (time_ns)TIME_DAY - 1), 0);
    assert_int_equal(use(db, 'a', "", TEST_NOW + 2 * (time_ns)TIME_DAY), ERR_DENIED); /* its time is over */
    db_close(&db);
}

static void ended(void **state)
{
    (void)state;
    struct db *db = test_db();
    unsigned char hash[ACCOUNT_HASH_BYTES];
    struct user_token *list = NULL;
    uint32_t n = 0;
    struct span bo = person(db, "Bo", "harbour");
    struct span cy = person(db, "Cy", "quay");
    assert_int_equal(make(db, bo, 'a', 2), 0);
    assert_int_equal(make(db, bo, 'b', 2), 0);
    /* Another's is not there, nor is one of another organisation. */
    assert_int_equal(user_token_end(db, SPAN("*"), cy, SPAN("a"), SPAN("Anna"), TEST_NOW, hash, &e), ERR_NOT_FOUND);
    assert_int_equal(user_token_end(db, SPAN("quay"), bo, SPAN("a"), SPAN("Anna"), TEST_NOW, hash, &e), ERR_NOT_FOUND);
    assert_int_equal(user_token_list(db, SPAN("quay"), bo, &arena, &list, &n, &e), ERR_NOT_FOUND);
    assert_int_equal(use(db, 'a', "", TEST_NOW), 0);
    assert_int_equal(user_token_end(db, SPAN("harbour"), bo, SPAN("a"), SPAN("Anna"), TEST_NOW, hash, &e), 0);
    assert_memory_equal(hash, hash_of('a').ptr, sizeof hash);
    assert_int_equal(user_token_end(db, SPAN("harbour"), bo, SPAN("a"), SPAN("Anna"), TEST_NOW, hash, &e), ERR_NOT_FOUND);
    assert_int_equal(use(db, 'a', "", TEST_NOW), ERR_DENIED);
    assert_int_equal(use(db, 'b', "", TEST_NOW), 0);
    /* Whoever is disabled has none any more, also when he is back. */
    struct person_change c = {.kind = PERSON_DISABLE, .organisation = SPAN("*"), .id = bo, .who = SPAN("Anna")};
    assert_int_equal(person_change(db, &c, TEST_NOW, &e), 0);
    assert_int_equal(use(db, 'b', "", TEST_NOW), ERR_DENIED);
    assert_int_equal(make(db, bo, 'd', 2), ERR_NOT_FOUND);
    c.kind = PERSON_ENABLE;
    assert_int_equal(person_change(db, &c, TEST_NOW, &e), 0);
    assert_int_equal(use(db, 'b', "", TEST_NOW), ERR_DENIED);
    assert_int_equal(make(db, bo, 'd', 2), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user_token.ended'"), 1);
    db_close(&db);
}

static void bounded_and_swept(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct span bo = person(db, "Bo", "harbour");
    for (int i = 0; i < USER_TOKENS_MAX; i++) {
        assert_int_equal(make(db, bo, (char)('A' + i), i == 0 ? 2 : 100), 0);
    }
    assert_int_equal(make(db, bo, 'z', 2), ERR_LIMIT);
    assert_int_equal(user_token_sweep(db, TEST_NOW + 32 * (time_ns)TIME_DAY - 1, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_token"), USER_TOKENS_MAX);
    assert_int_equal(user_token_sweep(db, TEST_NOW + 32 * (time_ns)TIME_DAY, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_token"), USER_TOKENS_MAX - 1);
    db_close(&db);
}

static void as_a_message(void **state)
{
    (void)state;
    struct buf b;
    struct user_token got = {0};
    const struct user_token t = {SPAN("i"), SPAN("u"), SPAN("h"), SPAN("m"), SPAN("n"), SPAN("s"), 1, 2, TIME_NONE, 4};
    buf_init(&b, 1024);
    user_token_encode(&b, &t);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor c = cursor_of(span_make(b.data, cut));
        user_token_decode(&c, &got);
        assert_int_equal(cursor_done(&c), cut == b.len);
    }
    assert_true(span_eq(got.scopes, t.scopes) && got.expires == 2 && got.ended == TIME_NONE && got.used_day == 4);
    buf_free(&b);
}

int run_user_token_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_and_used),
        cmocka_unit_test(ended),
        cmocka_unit_test(bounded_and_swept),
        cmocka_unit_test(as_a_message),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("user tokens", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
