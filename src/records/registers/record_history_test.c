/* SPDX-License-Identifier: EUPL-1.2 */
/* Histories in the database: in order, by pages, with the records that were named then; of nobody who may not read the record today. */
#include <string.h>

#include "base/test_cases.h"
#include "records/audit.h"
#include "records/records_test.h"
#include "records/registers/record_history.h"

static struct err e;

enum { CHANGES = 7 };
#define ALL ((struct record_scope){.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5})
#define SYSTEM "00000000-0000-7000-8000-000000000001"
#define RISK "00000000-0000-7000-8000-000000000002"

static void put(struct db *db, const char *kind, const char *id, const char *fields, enum tlp tlp, int64_t version)
{
    struct record_astray astray;
    struct record_put p = {.row = {.id = span_of(id), .kind = span_of(kind), .organisation = SPAN("town"), .author = SPAN("p"),
                                   .author_name = SPAN("Anna"), .state = SPAN("identified"), .fields = span_of(fields), .tlp = tlp,
                                   .created = TEST_NOW, .changed = TEST_NOW + version, .version = version},
                           .scope = ALL, .who = SPAN("Anna"), .why = SPAN("since"),
                           .what = version == 1 ? SPAN("record.created") : SPAN("record.changed")};
    assert_int_equal(record_put(db, &p, &astray, &e), 0);
}

static struct db *world(struct arena *a)
{
    struct db *db = test_db();
    put(db, "system", SYSTEM, "{\"name\":\"Pumps\"}", TLP_RED, 1);
    for (int64_t i = 1; i <= CHANGES; i++) {
        put(db, "risk", RISK, arena_printf(a, "{\"impact\":%d%s}", (int)i, i == 4 ? ",\"systems\":[\"" SYSTEM "\"]" : ""), i == 2 ? TLP_RED : TLP_AMBER, i);
        put(db, "risk", arena_printf(a, "00000000-0000-7000-8000-00000000001%d", (int)i), "{}", TLP_GREEN, 1); /* another's line between */
    }
    return db;
}

static struct record_sight sight_of(const char *kind)
{
    return (struct record_sight){.scope = ALL, .nkinds = 1, .kinds = {span_of(kind)}};
}

static void pages(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct db *db = world(&a);
    struct registers *kinds = registers_load(NULL, 0);
    const struct record_scope all = ALL;
    const struct record_sight sight = sight_of("system");
    const struct {
        int64_t last;
        uint32_t limit;
        int64_t newest, oldest;
        bool more;
    } cases[] = {{0, 50, 7, 1, false}, {0, 7, 7, 1, false}, {0, 6, 7, 2, true}, {4, 3, 4, 2, true}, {1, 3, 1, 1, false}, {99, 2, 7, 6, true}, {7, 1, 7, 7, true}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record_story s;
        assert_int_equal(record_history(db, &all, &sight, kinds, SPAN("risk"), SPAN(RISK), cases[i].last, cases[i].limit, &a, &s, &e), 0);
        assert_int_equal(s.count, cases[i].newest - cases[i].oldest + 1);
        assert_int_equal(s.more, cases[i].more);
        for (uint32_t n = 0; n < s.count; n++) {
            const struct record_past *p = &s.past[n];
            int64_t number = cases[i].newest - n;
            assert_int_equal(p->number, number);
            assert_int_equal(p->at, TEST_NOW + number);
            assert_int_equal(p->had, number > 1);
            assert_int_equal(p->after.tlp, number == 2 ? TLP_RED : TLP_AMBER);
            assert_true(span_eq(p->who, SPAN("Anna")) && span_eq(p->why, SPAN("since")) && span_eq(p->after.state, SPAN("identified")));
            const char *text = arena_printf(&a, "\"impact\":%d", (int)number);
            assert_non_null(strstr(arena_cstr(&a, p->after.fields), text));
            assert_int_equal(p->after.links.len > 0, number == 4); /* and what it named is told */
            assert_int_equal(p->before.links.len > 0, number == 5);
        }
    }
    registers_free(&kinds);
    db_close(&db);
    arena_fini(&a);
}

static void out_of_sight(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct db *db = world(&a);
    struct registers *kinds = registers_load(NULL, 0);
    const struct record_scope all = ALL;
    const struct record_scope strangers = {.organisation = SPAN("village"), .person = SPAN("q"), .own = 5, .own_mine = 5};
    struct record_sight sight = sight_of("system");
    struct record_story s;
    assert_int_equal(record_history(db, &strangers, &sight, kinds, SPAN("risk"), SPAN(RISK), 0, 50, &a, &s, &e), ERR_NOT_FOUND);
    assert_int_equal(record_history(db, &all, &sight, kinds, SPAN("system"), SPAN(RISK), 0, 50, &a, &s, &e), ERR_NOT_FOUND);
    sight = sight_of("service"); /* he reads no systems */
    assert_int_equal(record_history(db, &all, &sight, kinds, SPAN("risk"), SPAN(RISK), 0, 50, &a, &s, &e), 0);
    for (uint32_t n = 0; n < s.count; n++) {
        assert_int_equal(s.past[n].after.links.len + s.past[n].before.links.len, 0);
    }
    /* A line that cannot be read is told, rather than left out. */
    assert_int_equal(db_exec(db, "UPDATE audit SET after_value = '{}' WHERE subject = 'risk/" RISK "' AND after_value LIKE '%:7}%'", &e), 0);
    assert_int_equal(record_history(db, &all, &sight, kinds, SPAN("risk"), SPAN(RISK), 0, 50, &a, &s, &e), ERR_INVALID);
    registers_free(&kinds);
    db_close(&db);
    arena_fini(&a);
}

/* The same id again, after an import was taken back: what was before belongs to another record. */
static void begun_anew(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct db *db = world(&a);
    struct registers *kinds = registers_load(NULL, 0);
    const struct record_scope all = ALL;
    const struct record_sight sight = sight_of("system");
    struct record_story s;
    assert_int_equal(db_exec(db, "DELETE FROM record_link; DELETE FROM record_key; DELETE FROM record WHERE id = '" RISK "'", &e), 0);
    put(db, "risk", RISK, "{\"impact\":1}", TLP_AMBER, 1);
    put(db, "risk", RISK, "{\"impact\":2}", TLP_AMBER, 2);
    assert_int_equal(record_history(db, &all, &sight, kinds, SPAN("risk"), SPAN(RISK), 0, 50, &a, &s, &e), 0);
    assert_int_equal(s.count, 2);
    assert_false(s.more || s.past[1].had);
    registers_free(&kinds);
    db_close(&db);
    arena_fini(&a);
}

int run_record_history_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(out_of_sight), cmocka_unit_test(begun_anew)};
    return cmocka_run_group_tests_name("histories of records", tests, NULL, NULL);
}
