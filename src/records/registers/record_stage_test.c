/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Imports in the database: what waits is nowhere to be seen, comes to be whole or not at all, is taken back whole, and what was never
 * finished goes, also over a restart.
 */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/test_cases.h"
#include "records/audit.h"
#include "records/records_test.h"
#include "records/registers/record_import.h"
#include "records/registers/record_room.h"
#include "records/registers/record_stage.h"

enum { WAITING = 450 /* more than two slices */ };

static struct err e;
static const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};

static struct registers *kinds(void)
{
    static struct registers *r;
    r = r == NULL ? registers_load(NULL, 0) : r;
    return r;
}

static struct record_sight sight(void)
{
    struct record_sight s = {.scope = all, .nkinds = 3};
    s.kinds[0] = SPAN("risk");
    s.kinds[1] = SPAN("service");
    s.kinds[2] = SPAN("finding");
    return s;
}

static struct record_put make(struct arena *a, const char *id, const char *fields, int64_t version)
{
    const struct register_kind *k = registers_by_name(kinds(), SPAN("risk"));
    struct register_link links[REGISTER_LINKS_MAX];
    struct record_put p = {.row = {.id = span_of(arena_cstr(a, span_of(id))), .kind = k->name, .organisation = SPAN("town"), .author = SPAN("p"),
                                   .author_name = SPAN("Anna"), .state = SPAN("identified"), .fields = span_of(fields), .tlp = TLP_AMBER_STRICT,
                                   .created = TEST_NOW, .changed = TEST_NOW + version, .version = version},
                           .scope = all, .who = SPAN("Anna"), .what = SPAN("record.imported"), .sight = sight()};
    struct jcs *doc = NULL;
    assert_int_equal(jcs_read_decimals(a, p.row.fields, JCS_DEPTH_MAX, &doc, &e), 0);
    p.row.title = register_title(k, doc);
    p.nkeys = (uint32_t)register_keys(a, k, doc, p.row.organisation, p.row.state, p.row.tlp, p.row.created, p.row.changed, p.keys);
    p.nlinks = (uint32_t)register_links(k, doc, links);
    for (uint32_t i = 0; i < p.nlinks; i++) {
        p.links[i] = (struct record_to){links[i].field->name, links[i].field->ref, links[i].target, false};
    }
    return p;
}

/* Lets records wait: n new ones, and one change of "kept". */
static void wait_all(struct db *db, struct arena *a, const char *import, uint32_t n)
{
    const struct record_sight s = sight();
    const struct record_importer by = {&all, &s, NULL};
    struct record_astray astray = {0};
    struct record_import_item item;
    for (uint32_t i = 0; i <= n; i++) {
        item = (struct record_import_item){.put = make(a, arena_printf(a, "%s-%04u", import, i), arena_printf(a, "{\"title\":\"t%u\"}", i), 1)};
        if (i == n) {
            item.put = make(a, "kept", "{\"title\":\"after\"}", 2);
            item.back = make(a, "kept", "{\"title\":\"before\"}", 3);
        }
        assert_int_equal(db_begin(db, &e), 0);
        assert_int_equal(db_end(db, record_import_add(db, &by, span_of(import), i, &item, true, &astray, &e), &e), 0);
        assert_int_equal(astray.count, 0);
    }
}

static int apply(struct db *db, const char *import, int64_t made)
{
    const struct record_sight s = sight();
    const struct record_importer by = {&all, &s, kinds()};
    const struct record_import_row row = {.id = span_of(import), .kind = SPAN("risk"), .who = SPAN("Anna"), .who_id = SPAN("p"), .why = SPAN("so"),
                                          .at = TEST_NOW, .made = made, .changed = 1};
    return record_import_apply(db, &by, &row, SPAN("title"), &e);
}

static int undo(struct db *db, const char *import)
{
    const struct record_import_row row = {.id = span_of(import), .kind = SPAN("risk"), .who = SPAN("Anna"), .who_id = SPAN("p"), .why = SPAN("no")};
    const struct record_importer by = {&all, NULL, kinds()};
    return record_import_undo(db, &by, &row, TEST_NOW + 1, &e);
}

static int64_t listed(struct db *db, struct arena *a)
{
    struct record_query q = {.scope = all, .kind = SPAN("risk"), .sort = SPAN("changed"), .limit = 200, .sight = sight()};
    struct record_page page;
    assert_int_equal(record_list(db, &q, a, &page, &e), 0);
    return page.count;
}

static void sweep(struct db *db, const char *import, int slices)
{
    bool more = true;
    int n = 0;
    for (; more; n++) {
        assert_int_equal(record_stage_sweep(db, span_of(import), &more, &e), 0);
    }
    assert_int_equal(n, slices + 1); /* the last one finds nothing */
}

static struct db *begin(struct arena *a)
{
    struct db *db = test_db();
    struct record_astray none = {0};
    struct record_put p = make(a, "kept", "{\"title\":\"before\"}", 1);
    assert_int_equal(record_put(db, &p, &none, &e), 0);
    return db;
}

/* What is stored of records, as one number for each table. */
static void assert_rows(struct db *db, int64_t records, int64_t waiting)
{
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record WHERE kind = 'risk'"), records);
    assert_int_equal(test_number(db, "SELECT COUNT(DISTINCT record_id) FROM record_key"), records);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_import_row"), waiting);
}

static void hidden_until_stored(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct db *db = begin(&a);
    const struct record_sight s = sight();
    struct record_row row;
    struct record_wanted wanted = {.organisation = SPAN("town"), .key = SPAN("t3")};
    uint32_t found = 9;
    int64_t rows = 0;
    wait_all(db, &a, "i1", WAITING);
    assert_rows(db, WAITING + 1, WAITING + 1);
    assert_int_equal(listed(db, &a), 1);
    assert_int_equal(record_get(db, &all, SPAN("risk"), SPAN("i1-0003"), &a, &row, &e), ERR_NOT_FOUND);
    assert_int_equal(record_import_find(db, &all, &s, SPAN("risk"), SPAN("title"), &wanted, &a, &found, &row, &e), 0);
    assert_int_equal(found, 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit"), 1);
    assert_int_equal(apply(db, "i1", WAITING + 1), ERR_EXISTS); /* not as many as were told */
    assert_int_equal(listed(db, &a), 1);
    assert_int_equal(apply(db, "i1", WAITING), 0);
    assert_int_equal(listed(db, &a), WAITING + 1);
    assert_int_equal(record_get(db, &all, SPAN("risk"), SPAN("kept"), &a, &row, &e), 0);
    assert_true(span_eq(row.title, SPAN("after")) && row.version == 2);
    assert_int_equal(record_get(db, &all, SPAN("risk"), SPAN("i1-0003"), &a, &row, &e), 0);
    assert_int_equal(row.tlp, TLP_AMBER_STRICT);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'record.imported' AND why = 'so' AND who = 'Anna'"), WAITING + 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE subject = 'risk/i1-0003' AND after_value LIKE '%\"title\":\"t3\"%AMBER+STRICT%'"), 1);
    sweep(db, "i1", 0); /* of a stored one nothing goes */
    assert_rows(db, WAITING + 1, WAITING + 1);
    assert_int_equal(undo(db, "i1"), 0);
    assert_int_equal(listed(db, &a), 1);
    sweep(db, "i1", 3);
    assert_rows(db, 1, 0);
    assert_int_equal(record_get(db, &all, SPAN("risk"), SPAN("kept"), &a, &row, &e), 0);
    assert_true(span_eq(row.title, SPAN("before")) && row.version == 3);
    assert_int_equal(undo(db, "i1"), ERR_EXISTS);
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    assert_int_equal(rows, 2 * (WAITING + 1) + 1);
    db_close(&db);
    arena_fini(&a);
}

/* Each reason for which all of it stays away. */
static void all_or_nothing(void **state)
{
    (void)state;
    struct arena a;
    struct record_astray none = {0};
    arena_init(&a, 0);
    for (int way = 0; way < 4; way++) {
        struct db *db = begin(&a);
        struct record_put p = make(&a, "other", way == 0 ? "{\"title\":\"t7\"}" : "{\"title\":\"else\"}", 1);
        wait_all(db, &a, "i1", 20);
        assert_int_equal(record_put(db, &p, &none, &e), 0);
        if (way == 1) { /* what it changes was changed */
            p = make(&a, "kept", "{\"title\":\"meanwhile\"}", 2);
            assert_int_equal(record_put(db, &p, &none, &e), 0);
        } else if (way == 2) {
            assert_int_equal(db_exec(db, "UPDATE record_import_row SET put = x'00' WHERE version = 2", &e), 0);
        } else if (way == 3) {
            assert_int_equal(db_exec(db, "DELETE FROM record_import_row WHERE place = 3", &e), 0);
        }
        int rc = apply(db, "i1", 20);
        assert_int_equal(rc, way == 2 ? ERR_INVALID : ERR_EXISTS);
        assert_int_equal(listed(db, &a), 2);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'record.imported'"), way == 1 ? 3 : 2);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_import"), 0);
        if (way != 3) {
            sweep(db, "i1", 1);
            assert_rows(db, 2, 0);
        }
        db_close(&db);
    }
    arena_fini(&a);
}

/* A record that is named while it waits, or that waits and names one whose label went up. */
static void links_of_waiting(void **state)
{
    (void)state;
    struct arena a;
    struct record_astray astray = {0};
    arena_init(&a, 0);
    struct db *db = begin(&a);
    const struct record_sight s = sight();
    struct record_import_item item;
    assert_int_equal(db_exec(db,
                             "INSERT INTO record (id, kind, organisation, author, author_name, state, title, fields, tlp, created, changed, version) "
                             "VALUES ('018f0000-0000-7000-8000-000000000001', 'service', 'town', 'q', 'Q', 'live', 'x', '{}', 4, 1, 1, 1)",
                             &e),
                     0);
    item = (struct record_import_item){
        .put = make(&a, "n", "{\"services\":[\"018f0000-0000-7000-8000-000000000001\"],\"title\":\"n\"}", 1)};
    assert_int_equal(item.put.nlinks, 1);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, record_import_add(db, &(struct record_importer){&all, &s, NULL}, SPAN("i1"), 0, &item, true, &astray, &e), &e), 0);
    assert_int_equal(astray.count, 0);
    wait_all(db, &a, "i2", 0);
    assert_int_equal(db_exec(db, "UPDATE record_import_row SET import_id = 'i1', place = 1 WHERE import_id = 'i2'", &e), 0);
    assert_int_equal(db_exec(db, "UPDATE record SET tlp = 6 WHERE kind = 'service'", &e), 0);
    assert_int_equal(apply(db, "i1", 1), ERR_EXISTS);
    assert_int_equal(db_exec(db, "UPDATE record SET tlp = 4 WHERE kind = 'service'", &e), 0);
    assert_int_equal(apply(db, "i1", 1), 0);
    assert_int_equal(db_exec(db, "UPDATE record_link SET value = 'n' WHERE record_id = 'n'", &e), 0); /* itself: that holds nothing */
    assert_int_equal(db_exec(db, "INSERT INTO record_link VALUES ('kept', 'risk', 'x', 'town', 'n')", &e), 0);
    assert_int_equal(undo(db, "i1"), ERR_EXISTS);
    assert_int_equal(listed(db, &a), 2);
    assert_int_equal(db_exec(db, "DELETE FROM record_link WHERE record_id = 'kept'", &e), 0);
    assert_int_equal(undo(db, "i1"), 0);
    sweep(db, "i1", 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_link"), 0);
    assert_rows(db, 1, 0);
    db_close(&db);
    arena_fini(&a);
}

/* What a node left behind when it ended: before, in the middle and after an import. */
static void swept_after_start(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct db *db = begin(&a);
    char id[ID_TEXT_LEN + 1], later[ID_TEXT_LEN + 1];
    id_new(TEST_NOW - TIME_DAY, id);
    id_new(TEST_NOW + TIME_DAY, later);
    wait_all(db, &a, id, 250);
    assert_int_equal(apply(db, id, 250), 0);
    assert_int_equal(undo(db, id), 0);
    const struct record_sight s = sight();
    struct record_astray astray = {0};
    struct record_import_item item = {.put = make(&a, "left", "{\"title\":\"left\"}", 1)};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, record_import_add(db, &(struct record_importer){&all, &s, NULL}, span_of(later), 0, &item, true, &astray, &e), &e), 0);
    assert_rows(db, 252, 252); /* 250, one that stays, one left */
    struct record_room room = {0};
    int slices = 0;
    for (bool more = true; more; slices++) { /* the clock stood later for the second one */
        assert_int_equal(record_room_sweep(&room, db, TEST_NOW, &more, &e), 0);
    }
    assert_true(slices >= 3); /* never all at once */
    assert_rows(db, 1, 0);
    db_close(&db);
    arena_fini(&a);
}

int run_record_stage_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hidden_until_stored),
        cmocka_unit_test(all_or_nothing),
        cmocka_unit_test(links_of_waiting),
        cmocka_unit_test(swept_after_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
