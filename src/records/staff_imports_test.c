/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of lists of the personnel office as stored. */
#include <string.h>

#include "records/records_test.h"
#include "records/staff_persons.h"

static struct arena arena;
static struct err e;

static struct span hash_of(char c)
{
    char *p = arena_bytes(&arena, ACCOUNT_HASH_BYTES);
    memset(p, c, ACCOUNT_HASH_BYTES);
    return span_make(p, ACCOUNT_HASH_BYTES);
}

static struct span person(struct db *db, const char *name, const char *role, const char *organisation)
{
    char id[ID_TEXT_LEN + 1];
    const struct account a = {.name = span_of(name), .password = SPAN("$argon"), .role = span_of(role), .organisation = span_of(organisation)};
    assert_int_equal(account_create(db, &a, SPAN(""), SPAN("Anna"), TEST_NOW, id, &e), 0);
    return arena_copy(&arena, span_of(id));
}

static struct person found(struct db *db, const char *organisation, const char *name)
{
    struct person p = {0};
    assert_int_equal(staff_find(db, span_of(organisation), span_of(name), &arena, &p, &e), 0);
    return p;
}

static const char import_id[] = "019a0000-0000-7000-8000-000000000001";

static int apply(struct db *db, struct staff_change *c, uint32_t n)
{
    const struct staff_import i = {.id = span_of(import_id), .organisation = SPAN("harbour"), .who = SPAN("Anna"), .why = SPAN("November"),
                                   .at = TEST_NOW, .undone = TIME_NONE};
    return staff_import_apply(db, &i, c, n, NULL, &arena, &e);
}

static void undo_as(struct db *db, const char *organisation, time_ns at, int wanted, uint32_t changes)
{
    struct span *ids = NULL;
    uint32_t n = 0;
    const struct record_scope scope = {.organisation = span_of(organisation)};
    const struct record_importer nobody = {&scope, NULL, NULL};
    assert_int_equal(staff_import_undo(db, &nobody, span_of(organisation), span_of(import_id), SPAN("Anna"), at, &arena, &ids, &n, &e), wanted);
    if (wanted == 0) {
        assert_int_equal(n, changes);
    }
}

/* Lea joins, Bo gets another role, Cy leaves. */
static void fill(struct db *db, struct staff_change out[3])
{
    struct span bo = person(db, "Bo", "reader", "harbour");
    struct span cy = person(db, "Cy", "analyst", "harbour");
    out[0] = (struct staff_change){.kind = STAFF_JOINS, .name = SPAN("Lea"), .organisation = SPAN("harbour"), .role = SPAN("reader"), .link_hash = hash_of('l')};
    out[1] = (struct staff_change){.kind = STAFF_ROLE, .id = bo, .role = SPAN("analyst"), .was = SPAN("reader")};
    out[2] = (struct staff_change){.kind = STAFF_LEAVES, .id = cy, .was = SPAN("analyst")};
    assert_int_equal(session_create(db, cy, hash_of('s'), SPAN("::1"), NULL, TEST_NOW, &e), 0);
}

static void done_and_taken_back(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct staff_change c[3];
    struct account a = {0};
    struct staff_import *list = NULL;
    uint32_t n = 0;
    fill(db, c);
    assert_int_equal(apply(db, c, 3), 0);
    assert_true(span_eq(found(db, "harbour", "LEA").id, c[0].id));
    assert_true(span_eq(found(db, "*", "Bo").role, SPAN("analyst")));
    assert_int_not_equal(found(db, "harbour", "Cy").disabled, TIME_NONE);
    assert_int_equal(session_find(db, hash_of('s'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(sign_in_link_check(db, hash_of('l'), TEST_NOW, &arena, &a, &e), 0);
    struct person nobody = {0};
    assert_int_equal(staff_find(db, SPAN("quay"), SPAN("Bo"), &arena, &nobody, &e), ERR_NOT_FOUND);
    assert_int_equal(staff_import_list(db, SPAN("harbour"), &arena, &list, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(list[0].changes, 3);
    assert_int_equal(staff_import_list(db, SPAN("quay"), &arena, &list, &n, &e), 0);
    assert_int_equal(n, 0);
    undo_as(db, "quay", TEST_NOW, ERR_NOT_FOUND, 0);
    undo_as(db, "harbour", TEST_NOW + STAFF_IMPORTS_DAYS * (time_ns)TIME_DAY, ERR_NOT_FOUND, 0);
    undo_as(db, "harbour", TEST_NOW + 1, 0, 3);
    undo_as(db, "harbour", TEST_NOW + 1, ERR_NOT_FOUND, 0);
    assert_int_not_equal(found(db, "harbour", "Lea").disabled, TIME_NONE);
    assert_true(span_eq(found(db, "harbour", "Bo").role, SPAN("reader")));
    assert_int_equal(found(db, "harbour", "Cy").disabled, TIME_NONE);
    assert_int_equal(sign_in_link_check(db, hash_of('l'), TEST_NOW, &arena, &a, &e), ERR_DENIED);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what IN ('staff.imported', 'staff.undone')"), 2);
    db_close(&db);
}

static void all_or_nothing(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct staff_change c[3];
    fill(db, c);
    const struct staff_change taken = c[0];
    c[0].name = SPAN("bo"); /* somebody is called so */
    assert_int_equal(apply(db, c, 3), ERR_EXISTS);
    c[0] = taken;
    c[2].was = SPAN("reader"); /* he has had another role meanwhile */
    assert_int_equal(apply(db, c, 3), ERR_EXISTS);
    c[2].was = SPAN("analyst");
    c[2].id = person(db, "Far", "analyst", "quay"); /* of another organisation */
    assert_int_equal(apply(db, c, 3), ERR_NOT_FOUND);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_account WHERE disabled IS NOT NULL OR name = 'Lea'"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM staff_import"), 0);
    assert_true(span_eq(found(db, "harbour", "Bo").role, SPAN("reader")));
    /* The last administrator of the node stays, and with him all else. */
    struct span root = person(db, "Root", "administrator", "*");
    struct staff_change last[2] = {taken, {.kind = STAFF_LEAVES, .id = root, .was = SPAN("administrator")}};
    const struct staff_import i = {.id = span_of(import_id), .organisation = SPAN("*"), .who = SPAN("Anna"), .at = TEST_NOW, .undone = TIME_NONE};
    assert_int_equal(staff_import_apply(db, &i, last, 2, NULL, &arena, &e), ERR_DENIED);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM user_account WHERE name = 'Lea'"), 0);
    db_close(&db);
}

static void not_over_later_changes(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct staff_change c[3];
    fill(db, c);
    assert_int_equal(apply(db, c, 3), 0);
    const struct person_change later = {.kind = PERSON_ROLE, .organisation = SPAN("*"), .id = c[1].id, .role = SPAN("officer"), .who = SPAN("Anna")};
    assert_int_equal(person_change(db, &later, TEST_NOW, &e), 0);
    undo_as(db, "harbour", TEST_NOW + 1, ERR_EXISTS, 0);
    assert_int_not_equal(found(db, "harbour", "Cy").disabled, TIME_NONE); /* nothing of it was taken back */
    assert_true(span_eq(found(db, "harbour", "Bo").role, SPAN("officer")));
    db_close(&db);
}

static void as_messages(void **state)
{
    (void)state;
    struct buf b;
    struct staff_change c = {0};
    struct staff_import i = {0};
    const struct staff_change change = {STAFF_LEAVES, SPAN("i"), SPAN("n"), SPAN("o"), SPAN(""), SPAN("w"), SPAN("h"), SPAN("y")};
    const struct staff_import import = {SPAN("i"), SPAN("o"), SPAN("w"), SPAN(""), 1, TIME_NONE, 7, 2};
    buf_init(&b, 1024);
    staff_change_encode(&b, &change);
    for (size_t cut = 0; cut <= b.len; cut++) {
        struct cursor at = cursor_of(span_make(b.data, cut));
        staff_change_decode(&at, &c);
        assert_int_equal(cursor_done(&at), cut == b.len);
    }
    assert_true(c.kind == STAFF_LEAVES && span_eq(c.was, change.was) && span_eq(c.link_hash, change.link_hash));
    b.data[0] = STAFF_CHANGE_COUNT;
    struct cursor bad = cursor_of(buf_view(&b));
    staff_change_decode(&bad, &c);
    assert_false(cursor_done(&bad));
    buf_clear(&b);
    staff_import_encode(&b, &import);
    struct cursor at = cursor_of(buf_view(&b));
    staff_import_decode(&at, &i);
    assert_true(cursor_done(&at) && i.changes == 7 && i.people == 2 && i.undone == TIME_NONE && span_eq(i.who, import.who));
    buf_free(&b);
}

int run_staff_import_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(done_and_taken_back),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(not_over_later_changes),
        cmocka_unit_test(as_messages),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("lists of staff", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
