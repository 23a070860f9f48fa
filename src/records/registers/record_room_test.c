/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Imports on the disk: only so many wait at a time, those whose sender went away go and no other, and of stored ones the oldest lose what
 * takes them back, as told.
 */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/test_cases.h"
#include "records/records_test.h"
#include "records/registers/record_import.h"
#include "records/registers/record_room.h"

static struct err e;

static void only_so_much_waits(void **state)
{
    (void)state;
    struct record_room r = {0};
    char id[RECORD_ID_MAX + 1];
    for (int i = 0; i < RECORD_ROOM_IMPORTS; i++) {
        (void)snprintf(id, sizeof id, "i%d", i);
        assert_int_equal(record_room_take(&r, span_of(id), 1000, TEST_NOW, &e), 0);
        assert_int_equal(record_room_take(&r, span_of(id), 1000, TEST_NOW, &e), 0);
    }
    assert_int_equal(record_room_take(&r, SPAN("one more"), 1, TEST_NOW, &e), ERR_LIMIT);
    record_room_done(&r, SPAN("unknown"));
    record_room_done(&r, SPAN("i3"));
    assert_int_equal(record_room_take(&r, SPAN("one more"), 1, TEST_NOW, &e), 0);
    assert_int_equal(record_room_take(&r, SPAN("i4"), (uint64_t)RECORD_ROOM_WAITING, TEST_NOW, &e), ERR_LIMIT);
    for (int i = 0; i < RECORD_ROOM_IMPORTS; i++) {
        (void)snprintf(id, sizeof id, "i%d", i);
        record_room_done(&r, span_of(id));
    }
    record_room_done(&r, SPAN("one more"));
    assert_int_equal(r.nopen, 0);
    assert_int_equal(record_room_take(&r, SPAN("all"), (uint64_t)RECORD_ROOM_WAITING, TEST_NOW, &e), 0);
    assert_int_equal(record_room_take(&r, SPAN("all"), 1, TEST_NOW, &e), ERR_LIMIT);
    assert_int_equal(record_room_take(&r, SPAN(""), 1, TEST_NOW, &e), ERR_INVALID);
}

/* One hidden record of an import, as record_import_add leaves it. */
static void wait_one(struct db *db, const char *import, int64_t place)
{
    char sql[512];
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO record (id, kind, organisation, author, author_name, state, title, fields, tlp, created, changed, version) "
                   "VALUES ('%s/%lld', 'risk', 'town', 'p', 'P', 'open', 'x', '{}', 104, 1, 1, 1);"
                   "INSERT INTO record_import_row VALUES ('%s', %lld, '%s/%lld', 1, x'', x'')",
                   import, (long long)place, import, (long long)place, import, (long long)place);
    assert_int_equal(db_exec(db, sql, &e), 0);
}

static void those_who_left(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct record_room r = {0};
    char left[ID_TEXT_LEN + 1], here[ID_TEXT_LEN + 1];
    bool more = true;
    int slices = 0;
    id_new(TEST_NOW, left);
    id_new(TEST_NOW + TIME_SECOND, here);
    const time_ns idle = RECORD_ROOM_IDLE_S * TIME_SECOND;
    assert_int_equal(record_room_take(&r, span_of(left), 100, TEST_NOW + 2 * TIME_SECOND, &e), 0);
    assert_int_equal(record_room_take(&r, span_of(here), 100, TEST_NOW + 3 * TIME_SECOND, &e), 0);
    for (int i = 0; i < 300; i++) {
        wait_one(db, left, i);
        wait_one(db, here, i);
    }
    assert_int_equal(record_room_sweep(&r, db, TEST_NOW + 2 * TIME_SECOND + idle - 1, &more, &e), 0);
    assert_false(more); /* both are still there */
    assert_int_equal(r.nopen, 2);
    for (more = true; more; slices++) {
        assert_int_equal(record_room_sweep(&r, db, TEST_NOW + 2 * TIME_SECOND + idle, &more, &e), 0);
    }
    assert_int_equal(slices, 3); /* 200, 100, none */
    assert_int_equal(r.nopen, 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record"), 300);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_import_row"), 300);
    /* of a stored one nothing goes, of one that was taken back all that is left */
    char sql[256];
    (void)snprintf(sql, sizeof sql, "INSERT INTO record_import (id, kind, who_id, who, why, at, made, changed) VALUES ('%s', 'risk', 'p', 'P', '', 1, 300, 0)", here);
    assert_int_equal(db_exec(db, sql, &e), 0);
    record_room_done(&r, span_of(here));
    assert_int_equal(record_room_sweep(&r, db, TEST_NOW + TIME_DAY, &more, &e), 0);
    assert_false(more);
    assert_int_equal(db_exec(db, "UPDATE record_import SET undone = 1", &e), 0);
    for (more = true; more;) {
        assert_int_equal(record_room_sweep(&r, db, TEST_NOW + TIME_DAY, &more, &e), 0);
    }
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record"), 0);
    db_close(&db);
}

/* Stored imports of 3,000 records each, of which a change of 100 bytes is kept: three fit. */
static void only_so_much_is_kept(void **state)
{
    (void)state;
    enum { IMPORTS = 5, ROWS = 3000, BACK = 100 };
    const uint64_t room = 3ull * ROWS * (BACK + RECORD_ROOM_ROW) + 10;
    struct db *db = test_db();
    char sql[1000], id[IMPORTS][ID_TEXT_LEN + 1];
    static const int days[IMPORTS] = {50, 40, 29, 20, 10};
    bool more = true;
    for (int i = 0; i < IMPORTS; i++) {
        id_new(TEST_NOW - days[i] * TIME_DAY, id[i]);
        (void)snprintf(sql, sizeof sql,
                       "INSERT INTO record_import (id, kind, who_id, who, why, at, made, changed) VALUES ('%s', 'risk', 'p', 'P', '', %lld, 0, %d);"
                       "INSERT INTO record_import_row WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                       "SELECT '%s', i, 'r' || i, 2, x'', zeroblob(%d) FROM n",
                       id[i], (long long)(TEST_NOW - days[i] * TIME_DAY), ROWS, ROWS - 1, id[i], BACK);
        assert_int_equal(db_exec(db, sql, &e), 0);
    }
    assert_int_equal(record_room_forget(db, TEST_NOW, room, &more, &e), 0);
    assert_true(more);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_import_row"), IMPORTS * ROWS - RECORD_ROOM_SLICE);
    for (int i = 0; more; i++) {
        assert_true(i < 10);
        assert_int_equal(record_room_forget(db, TEST_NOW, room, &more, &e), 0);
    }
    /* the two that are too old anyway; the others fit by a hair */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_import_row"), 3 * ROWS);
    more = true;
    for (int i = 0; more; i++) {
        assert_true(i < 10);
        assert_int_equal(record_room_forget(db, TEST_NOW, room - 100, &more, &e), 0);
    }
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_import_row"), 2 * ROWS);
    struct arena a;
    struct record_import_row rows[RECORD_IMPORTS_SHOWN];
    uint32_t n = 0;
    arena_init(&a, 0);
    assert_int_equal(record_import_list(db, SPAN("risk"), SPAN("p"), TEST_NOW, &a, rows, &n, &e), 0);
    assert_int_equal(n, IMPORTS);
    for (uint32_t i = 0; i < n; i++) {
        assert_int_equal(rows[i].can_undo, i < 2); /* the newest first */
    }
    const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};
    const struct record_importer by = {&all, NULL, NULL};
    const struct record_import_row third = {.id = span_of(id[2]), .kind = SPAN("risk"), .who = SPAN("P"), .who_id = SPAN("p"), .why = SPAN("no")};
    assert_int_equal(record_import_undo(db, &by, &third, TEST_NOW, &e), ERR_EXISTS);
    assert_non_null(strstr(e.text, "not kept any more"));
    arena_fini(&a);
    db_close(&db);
}

int run_record_room_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_so_much_waits),
        cmocka_unit_test(those_who_left),
        cmocka_unit_test(only_so_much_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
