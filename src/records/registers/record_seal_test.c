/* SPDX-License-Identifier: EUPL-1.2 */
/* Personal values beside the trail: they are in no line of it, are read back, can go without a break in the chain, and a change of them shows. */
#include <stdio.h>
#include <string.h>

#include "base/test_cases.h"
#include "records/audit.h"
#include "records/records_test.h"
#include "records/registers/record_history.h"
#include "records/registers/record_seal.h"
#include "records/registers/record_store.h"

static struct err e;

#define ALL ((struct record_scope){.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5})
#define PERSON "00000000-0000-7000-8000-000000000001"
#define SUBJECT SPAN("person/" PERSON)

static struct registers *kinds(void)
{
    static struct registers *r;
    r = r == NULL ? registers_load(NULL, 0) : r;
    return r;
}

static void put(struct db *db, const char *kind, const char *fields, int64_t version)
{
    struct record_astray astray;
    struct record_put p = {.row = {.id = SPAN(PERSON), .kind = span_of(kind), .organisation = SPAN("town"), .author = SPAN("p"),
                                   .author_name = SPAN("Anna"), .state = SPAN("active"), .fields = span_of(fields), .tlp = TLP_AMBER,
                                   .created = TEST_NOW, .changed = TEST_NOW + version, .version = version},
                           .scope = ALL, .who = SPAN("Anna"), .why = SPAN("since"), .sealed_by = kinds(),
                           .what = version == 1 ? SPAN("record.created") : SPAN("record.changed")};
    assert_int_equal(record_put(db, &p, &astray, &e), 0);
}

static struct db *world(void)
{
    struct db *db = test_db();
    put(db, "person", "{\"mail\":\"mira@town.example\",\"name\":\"Mira Quell\",\"tags\":[\"night\"]}", 1);
    put(db, "person", "{\"name\":\"Mira Quell\",\"tags\":[\"night\",\"day\"]}", 2);
    put(db, "person", "{\"name\":\"Mira Quell\",\"tags\":[]}", 3);
    return db;
}

static void note_erased(struct db *db)
{
    const struct audit_entry entry = {.at = TEST_NOW + 9, .organisation = SPAN("town"), .who = SPAN("sereno"), .what = RECORD_ERASED, .subject = SUBJECT, .before = SPAN("{}"), .after = SPAN("{}")};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, audit_append(db, &entry, &e), &e), 0);
}

static void erase(struct db *db)
{
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, record_seal_erase(db, SPAN(PERSON), &e), &e), 0);
}

static int verify(struct db *db, int64_t values, int64_t erased)
{
    int64_t v = 0, x = 0, rows = 0;
    int rc = record_seal_verify(db, &v, &x, &e);
    assert_int_equal(audit_verify(db, &e, &rows), 0); /* the chain holds whatever became of the values */
    if (rc == 0) {
        assert_int_equal(v, values);
        assert_int_equal(x, erased);
    }
    return rc;
}

static void the_trail_has_marks(void **state)
{
    (void)state;
    struct db *db = world();
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE before_value || after_value || why LIKE '%Quell%' OR after_value LIKE '%mira@%'"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE after_value LIKE '%night%'"), 2); /* what says nothing of a person stays in it */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM trail_value"), 2); /* three versions, two of which say the same of her */
    assert_int_equal(test_number(db, "SELECT COUNT(DISTINCT salt) FROM trail_value"), 1);
    assert_int_equal(verify(db, 5, 0), 0);
    db_close(&db);
}

static void kinds_without_persons_stay(void **state)
{
    (void)state;
    struct db *db = test_db();
    put(db, "finding", "{\"title\":\"Open door\"}", 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE after_value LIKE '%Open door%'"), 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM trail_value"), 0);
    db_close(&db);
}

static void of_a_kind_that_nobody_knows(void **state)
{
    (void)state;
    struct db *db = test_db();
    put(db, "gone", "{\"anything\":\"Mira Quell\"}", 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE after_value LIKE '%Quell%'"), 0);
    assert_int_equal(verify(db, 1, 0), 0);
    db_close(&db);
}

static void read(struct db *db, struct arena *a, struct record_story *out)
{
    const struct record_scope all = ALL;
    const struct record_sight sight = {.scope = ALL};
    assert_int_equal(record_history(db, &all, &sight, kinds(), SPAN("person"), SPAN(PERSON), 0, 10, a, out, &e), 0);
}

static void histories(void **state)
{
    (void)state;
    struct arena a;
    struct record_story s;
    struct db *db = world();
    arena_init(&a, 0);
    read(db, &a, &s);
    assert_int_equal(s.count, 3);
    assert_string_equal(arena_cstr(&a, s.past[2].after.fields), "{\"mail\":\"mira@town.example\",\"name\":\"Mira Quell\",\"tags\":[\"night\"]}");
    assert_string_equal(arena_cstr(&a, s.past[1].after.fields), "{\"name\":\"Mira Quell\",\"tags\":[\"night\",\"day\"]}");
    assert_false(s.past[0].erased || s.past[1].erased || s.past[2].erased);
    erase(db);
    read(db, &a, &s);
    assert_string_equal(arena_cstr(&a, s.past[2].after.fields), "{\"tags\":[\"night\"]}");
    assert_true(s.past[0].erased && s.past[1].erased && s.past[2].erased);
    arena_fini(&a);
    db_close(&db);
}

static void what_is_gone_must_be_told(void **state)
{
    (void)state;
    struct db *db = world();
    erase(db);
    assert_int_equal(verify(db, 0, 0), ERR_INVALID);
    assert_non_null(strstr(e.text, "row 1 "));
    note_erased(db);
    assert_int_equal(verify(db, 0, 5), 0);
    put(db, "person", "{\"name\":\"Mira again\"}", 4); /* it holds for what was there until then: not for her new name */
    assert_int_equal(verify(db, 2, 5), 0);
    assert_int_equal(db_exec(db, "DELETE FROM trail_value WHERE value LIKE '%again%'", &e), 0);
    assert_int_equal(verify(db, 0, 0), ERR_INVALID);
    db_close(&db);
}

static void changes_show(void **state)
{
    (void)state;
    static const char *const changes[] = {
        "UPDATE trail_value SET value = '{\"name\":\"Mira Quelk\"}' WHERE value LIKE '%mira@%'",
        "UPDATE trail_value SET salt = X'0000000000000000000000000000000000000000000000000000000000000000' WHERE value LIKE '%mira@%'",
        "UPDATE trail_value SET salt = X'00' WHERE value LIKE '%mira@%'",
        "UPDATE trail_value SET record_id = 'x' WHERE value LIKE '%mira@%'",
        "DELETE FROM trail_value WHERE value LIKE '%mira@%'",
    };
    for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
        struct db *db = world();
        assert_int_equal(db_exec(db, changes[i], &e), 0);
        assert_int_equal(verify(db, 0, 0), ERR_INVALID);
        assert_non_null(strstr(e.text, "row 1 "));
        db_close(&db);
    }
}

int run_record_seal_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_trail_has_marks), cmocka_unit_test(kinds_without_persons_stay), cmocka_unit_test(of_a_kind_that_nobody_knows),
        cmocka_unit_test(histories),           cmocka_unit_test(what_is_gone_must_be_told),  cmocka_unit_test(changes_show),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
