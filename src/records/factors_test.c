/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of second factors and recovery codes as stored. */
#include <string.h>

#include "records/factors.h"
#include "records/people.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

static struct span bytes_of(char c, size_t len)
{
    char *p = arena_bytes(&arena, len);
    memset(p, c, len);
    return span_make(p, len);
}

static struct span hash_of(char c)
{
    return bytes_of(c, ACCOUNT_HASH_BYTES);
}

/* FACTOR_CODES hashes: of first, the next letter, and so on. */
static struct span codes_from(char first)
{
    char *p = arena_bytes(&arena, (size_t)FACTOR_CODES * ACCOUNT_HASH_BYTES);
    for (int i = 0; i < FACTOR_CODES; i++) {
        memset(p + (size_t)i * ACCOUNT_HASH_BYTES, first + i, ACCOUNT_HASH_BYTES);
    }
    return span_make(p, (size_t)FACTOR_CODES * ACCOUNT_HASH_BYTES);
}

static struct span make(struct db *db, const char *name)
{
    char id[ID_TEXT_LEN + 1];
    const struct account a = {.name = span_of(name), .password = SPAN("$argon"), .role = SPAN("analyst"), .organisation = SPAN("harbour")};
    assert_int_equal(account_create(db, &a, SPAN(""), SPAN("Anna"), TEST_NOW, id, &e), 0);
    return arena_copy(&arena, span_of(id));
}

static int sign_in(struct db *db, struct span id, char session, const struct factor_proof *proof)
{
    return session_create(db, id, hash_of(session), SPAN("::1"), proof, TEST_NOW, &e);
}

/* Bo with a confirmed factor whose step 100 was used, recovery codes A to J, and the session 's'. */
static struct span with_factor(struct db *db)
{
    struct span bo = make(db, "Bo");
    assert_int_equal(sign_in(db, bo, 's', NULL), 0);
    assert_int_equal(factor_begin(db, bo, SPAN("box"), TEST_NOW, &e), 0);
    assert_int_equal(factor_confirm(db, bo, SPAN("box"), 100, codes_from('A'), hash_of('s'), TEST_NOW, &e), 0);
    return bo;
}

static void enrolling(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct factor f;
    struct account a;
    struct span bo = make(db, "Bo");
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), ERR_NOT_FOUND);
    assert_int_equal(factor_begin(db, SPAN("nobody"), SPAN("box"), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(sign_in(db, bo, 's', NULL), 0);
    assert_int_equal(sign_in(db, bo, 't', NULL), 0);
    assert_int_equal(factor_begin(db, bo, SPAN("first"), TEST_NOW, &e), 0);
    assert_int_equal(factor_begin(db, bo, SPAN("box"), TEST_NOW, &e), 0);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), 0);
    assert_true(span_eq(f.box, SPAN("box")) && f.confirmed == TIME_NONE && f.codes == 0);
    assert_int_equal(sign_in(db, bo, 'u', NULL), 0); /* it guards nothing yet */
    assert_int_equal(factor_confirm(db, bo, SPAN("first"), 100, codes_from('A'), hash_of('s'), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(factor_confirm(db, bo, SPAN("box"), 100, codes_from('A'), hash_of('s'), TEST_NOW, &e), 0);
    assert_int_equal(session_find(db, hash_of('s'), TEST_NOW, &arena, &a, &e), 0);
    assert_true(a.factor);
    assert_int_equal(session_find(db, hash_of('t'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(factor_confirm(db, bo, SPAN("box"), 101, codes_from('A'), hash_of('s'), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(factor_begin(db, bo, SPAN("other"), TEST_NOW, &e), ERR_EXISTS);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), 0);
    assert_true(f.confirmed == TEST_NOW && f.last_step == 100 && f.codes == FACTOR_CODES && f.failures == 0);
    assert_int_equal(account_by_name(db, SPAN("bo"), &arena, &a, &e), 0);
    assert_true(a.factor);
    db_close(&db);
}

static void each_code_once(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct factor f;
    struct span bo = with_factor(db);
    const struct factor_proof none = {.kind = FACTOR_NONE};
    const struct factor_proof used = {.kind = FACTOR_TOTP, .step = 100};
    const struct factor_proof next = {.kind = FACTOR_TOTP, .step = 101};
    const struct factor_proof code = {.kind = FACTOR_RECOVERY, .hash = hash_of('C')};
    const struct factor_proof wrong = {.kind = FACTOR_RECOVERY, .hash = hash_of('z')};
    assert_int_equal(sign_in(db, bo, 't', NULL), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 't', &none), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 't', &used), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 't', &wrong), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 't', &next), 0);
    assert_int_equal(sign_in(db, bo, 'u', &next), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 'u', &used), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 'u', &code), 0);
    assert_int_equal(sign_in(db, bo, 'v', &code), ERR_DENIED);
    struct span cy = make(db, "Cy"); /* another's code opens nothing */
    const struct factor_proof other = {.kind = FACTOR_RECOVERY, .hash = hash_of('D')};
    assert_int_equal(sign_in(db, cy, 'w', &other), ERR_DENIED);
    assert_int_equal(sign_in(db, cy, 'w', &none), 0);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), 0);
    assert_true(f.codes == FACTOR_CODES - 1 && f.last_step == 101);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.recovery_code'"), 1);
    db_close(&db);
}

static void too_many_wrong_ones(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct factor f;
    struct span bo = with_factor(db);
    const struct factor_proof next = {.kind = FACTOR_TOTP, .step = 101};
    const struct factor_proof later = {.kind = FACTOR_TOTP, .step = 102};
    const struct factor_proof code = {.kind = FACTOR_RECOVERY, .hash = hash_of('A')};
    for (int i = 0; i < FACTOR_FAILURES_MAX - 1; i++) {
        assert_int_equal(factor_failed(db, bo, &e), 0);
    }
    assert_int_equal(sign_in(db, bo, 't', &next), 0); /* which forgives them */
    for (int i = 0; i < FACTOR_FAILURES_MAX; i++) {
        assert_int_equal(factor_failed(db, bo, &e), 0);
    }
    assert_int_equal(sign_in(db, bo, 'u', &later), ERR_DENIED);
    assert_int_equal(sign_in(db, bo, 'u', &code), 0);
    assert_int_equal(sign_in(db, bo, 'v', &later), 0);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), 0);
    assert_int_equal(f.failures, 0);
    db_close(&db);
}

static void new_codes_and_removing(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct factor f;
    struct span bo = with_factor(db);
    struct span cy = make(db, "Cy");
    const struct factor_proof none = {.kind = FACTOR_NONE};
    const struct factor_proof old = {.kind = FACTOR_RECOVERY, .hash = hash_of('A')};
    const struct factor_proof fresh = {.kind = FACTOR_RECOVERY, .hash = hash_of('a')};
    assert_int_equal(factor_codes_set(db, cy, &none, codes_from('a'), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(factor_remove(db, cy, &none, TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(factor_codes_set(db, bo, &none, codes_from('a'), TEST_NOW, &e), ERR_DENIED);
    assert_int_equal(factor_codes_set(db, bo, &old, codes_from('a'), TEST_NOW, &e), 0);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), 0);
    assert_int_equal(f.codes, FACTOR_CODES);
    const struct factor_proof second = {.kind = FACTOR_RECOVERY, .hash = hash_of('B')};
    assert_int_equal(sign_in(db, bo, 't', &second), ERR_DENIED);
    assert_int_equal(factor_remove(db, bo, &none, TEST_NOW, &e), ERR_DENIED);
    assert_int_equal(factor_remove(db, bo, &fresh, TEST_NOW, &e), 0);
    assert_int_equal(sign_in(db, bo, 't', &none), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM recovery_code"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.factor'"), 2);
    db_close(&db);
}

static void an_administrator_resets(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct account a;
    struct factor f;
    struct span bo = with_factor(db);
    assert_int_equal(factor_reset(db, SPAN("lantern"), bo, SPAN("Eve"), SPAN(""), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(factor_reset(db, SPAN("harbour"), SPAN("nobody"), SPAN("Anna"), SPAN(""), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(session_find(db, hash_of('s'), TEST_NOW, &arena, &a, &e), 0);
    assert_int_equal(factor_reset(db, SPAN("harbour"), bo, SPAN("Anna"), SPAN("lost his telephone"), TEST_NOW, &e), 0);
    assert_int_equal(session_find(db, hash_of('s'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), ERR_NOT_FOUND);
    assert_int_equal(sign_in(db, bo, 't', NULL), 0);
    assert_int_equal(factor_reset(db, SPAN("*"), bo, SPAN("Anna"), SPAN(""), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'user.factor_reset' AND who = 'Anna' AND "
                                     "organisation = 'harbour' AND why = 'lost his telephone'"), 1);
    db_close(&db);
}

static void of_a_disabled_person(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct factor f;
    struct span bo = with_factor(db);
    const struct person_change off = {.kind = PERSON_DISABLE, .organisation = SPAN("*"), .id = bo, .who = SPAN("Anna")};
    assert_int_equal(person_change(db, &off, TEST_NOW, &e), 0);
    assert_int_equal(factor_get(db, bo, &arena, &f, &e), ERR_NOT_FOUND);
    db_close(&db);
}

static void proofs_as_bytes(void **state)
{
    (void)state;
    const struct {
        uint8_t kind;
        int64_t step;
        size_t hash;
        bool good;
    } cases[] = {
        {FACTOR_NONE, 0, 0, true},      {FACTOR_TOTP, 7, 0, true},  {FACTOR_RECOVERY, 0, ACCOUNT_HASH_BYTES, true},
        {FACTOR_TOTP, -1, 0, false},    {FACTOR_RECOVERY, 0, 0, false}, {FACTOR_RECOVERY, 0, ACCOUNT_HASH_BYTES - 1, false},
        {FACTOR_TOTP, 7, ACCOUNT_HASH_BYTES, false}, {FACTOR_KIND_COUNT, 0, 0, false}, {255, 0, 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct buf b;
        struct factor_proof out;
        buf_init(&b, 4096);
        buf_u8(&b, cases[i].kind);
        buf_u64(&b, (uint64_t)cases[i].step);
        buf_str(&b, bytes_of('h', cases[i].hash));
        struct cursor c = cursor_of(buf_view(&b));
        factor_proof_decode(&c, &out);
        if (cursor_done(&c) != cases[i].good) {
            fail_msg("case %zu", i);
        }
        if (cases[i].good) {
            struct buf again;
            buf_init(&again, 4096);
            factor_proof_encode(&again, &out);
            assert_true(span_eq(buf_view(&again), buf_view(&b)));
            buf_free(&again);
        }
        buf_free(&b);
    }
}

int run_factor_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(enrolling),
        cmocka_unit_test(each_code_once),
        cmocka_unit_test(too_many_wrong_ones),
        cmocka_unit_test(new_codes_and_removing),
        cmocka_unit_test(an_administrator_resets),
        cmocka_unit_test(of_a_disabled_person),
        cmocka_unit_test(proofs_as_bytes),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("records/factors", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
