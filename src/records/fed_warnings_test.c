/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of warnings in the database: versions, what is made of them, how they end. */
#include <string.h>

#include "records/fed_warnings.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

#define ID "0123456789abcdef0123456789abcdef"

static struct fed_warning_row warning_of(int64_t version)
{
    return (struct fed_warning_row){.id = SPAN(ID), .circle = SPAN("c"), .issuer = SPAN("hub"),
                                    .kind = SPAN("rule"), .value = SPAN("r"), .title = SPAN("T"),
                                    .body = version == 1 ? SPAN("{\"one\":1}") : SPAN("{\"two\":2}"),
                                    .version = version, .level = 3, .received = TEST_NOW,
                                    .updated = TEST_NOW + version, .expires = TEST_NOW + TIME_DAY};
}

static bool put(struct db *db, const struct fed_warning_row *row, int want)
{
    bool news = false;
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_warnings_put(db, row, &news, &e), &e), want);
    return news;
}

static struct fed_warning_row act(struct db *db, enum fed_warning_act what, const char *text,
                                  int want)
{
    struct fed_warning_change ch = {.id = SPAN(ID), .act = what, .who = SPAN("anna"),
                                    .reason = SPAN("because"), .text = span_of(text), .matched = 4};
    struct fed_warning_row row = {0};
    int rc = fed_warnings_change(db, &ch, TEST_NOW, &arena, &row, &e);
    if (rc != want) {
        fail_msg("%d: %s", rc, e.text);
    }
    return row;
}

static size_t taken(struct db *db)
{
    struct fed_warning_row *rows = NULL;
    size_t n = 99;
    assert_int_equal(fed_warnings_taken(db, &arena, &rows, &n, &e), 0);
    assert_true(n == 0 || rows[0].body.len > 0);
    return n;
}

static struct fed_warning_row get(struct db *db)
{
    struct fed_warning_row row;
    assert_int_equal(fed_warnings_get(db, SPAN(ID), &arena, &row, &e), 0);
    return row;
}

static void versions_only_grow(void **state)
{
    (void)state;
    struct db *db = test_db();
    arena_init(&arena, 0);
    struct fed_warning_row w = warning_of(2);
    assert_true(put(db, &w, 0));
    assert_false(put(db, &w, 0));
    w = warning_of(1);
    assert_false(put(db, &w, 0));
    assert_int_equal(get(db).version, 2);
    w = warning_of(9);
    w.issuer = SPAN("another hub");
    assert_false(put(db, &w, ERR_DENIED));
    assert_int_equal(get(db).version, 2);
    db_close(&db);
    arena_fini(&arena);
}

static void a_life(void **state)
{
    (void)state;
    struct db *db = test_db();
    arena_init(&arena, 0);
    struct fed_warning_row w = warning_of(1);
    (void)put(db, &w, 0);
    assert_true(span_eq(get(db).state, SPAN("new")));
    assert_true(span_eq(get(db).dry_run, SPAN("none")));
    assert_true(span_eq(act(db, FED_WARNING_ASKED, "hunt-1", 0).dry_run, SPAN("running")));
    struct fed_warning_row r = act(db, FED_WARNING_DONE, "[]", 0);
    assert_true(span_eq(r.state, SPAN("checked")));
    assert_int_equal(r.matched, 4);
    assert_true(span_eq(act(db, FED_WARNING_TAKE, "rules", 0).state, SPAN("taken")));
    assert_int_equal(taken(db), 1);
    /* A new version wants a new dry run; the taken one stays in force until it is taken too. */
    w = warning_of(2);
    assert_true(put(db, &w, 0));
    r = get(db);
    assert_true(span_eq(r.state, SPAN("taken")));
    assert_true(span_eq(r.dry_run, SPAN("none")));
    assert_int_equal(r.taken_version, 1);
    assert_int_equal(taken(db), 1);
    assert_true(span_eq(act(db, FED_WARNING_DISMISS, "", 0).state, SPAN("dismissed")));
    assert_int_equal(taken(db), 0);
    assert_true(span_eq(act(db, FED_WARNING_TAKE, "rules", 0).state, SPAN("taken")));
    assert_int_equal(get(db).taken_version, 2);
    /* The hub takes it back: it ends, and cannot be taken again. */
    w = warning_of(3);
    w.withdrawn = 1;
    assert_true(put(db, &w, 0));
    assert_int_equal(taken(db), 0);
    assert_true(span_eq(get(db).state, SPAN("withdrawn")));
    (void)act(db, FED_WARNING_TAKE, "", ERR_DENIED);
    assert_int_equal(taken(db), 0);
    struct fed_warning_step *steps;
    size_t n;
    assert_int_equal(fed_warnings_steps(db, SPAN(ID), &arena, &steps, &n, &e), 0);
    assert_int_equal(n, 5);
    assert_true(span_eq(steps[4].what, SPAN("taken")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'warning.taken'"), 2);
    db_close(&db);
    arena_fini(&arena);
}

static void they_expire(void **state)
{
    (void)state;
    struct db *db = test_db();
    size_t ended = 0;
    arena_init(&arena, 0);
    struct fed_warning_row w = warning_of(1);
    (void)put(db, &w, 0);
    (void)act(db, FED_WARNING_TAKE, "rules", 0);
    assert_int_equal(fed_warnings_expire(db, TEST_NOW, &ended, &e), 0);
    assert_int_equal(ended, 0);
    assert_int_equal(fed_warnings_expire(db, TEST_NOW + TIME_DAY, &ended, &e), 0);
    assert_int_equal(ended, 1);
    assert_int_equal(taken(db), 0);
    (void)act(db, FED_WARNING_TAKE, "rules", 0); /* at TEST_NOW it was not over */
    db_close(&db);
    arena_fini(&arena);
}

static void rows_travel(void **state)
{
    (void)state;
    struct buf b;
    struct fed_warning_row w = warning_of(1);
    struct fed_warning_row out;
    w.hunt = w.state = w.checks = w.dry_run = w.published = SPAN("x");
    buf_init(&b, 1 << 16);
    fed_warning_encode(&b, &w);
    struct cursor c = cursor_of(buf_view(&b));
    fed_warning_decode(&c, &out);
    assert_true(cursor_done(&c));
    assert_true(span_eq(out.body, w.body));
    assert_int_equal(out.expires, w.expires);
    for (size_t n = 0; n < b.len; n++) {
        c = cursor_of(span_make(b.data, n));
        fed_warning_decode(&c, &out);
        assert_false(cursor_done(&c));
    }
    const int64_t beyond[][2] = {{0, 1}, {INT64_MAX, 1}, {1, -1}, {1, INT64_MAX}}; /* versions and numbers of places that saw it */
    for (size_t i = 0; i < ARRAY_LEN(beyond); i++) {
        buf_clear(&b);
        w.version = beyond[i][0];
        w.seen = beyond[i][1];
        fed_warning_encode(&b, &w);
        c = cursor_of(buf_view(&b));
        fed_warning_decode(&c, &out);
        assert_false(cursor_done(&c));
    }
    buf_free(&b);
}

int run_fed_warning_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_only_grow),
        cmocka_unit_test(a_life),
        cmocka_unit_test(they_expire),
        cmocka_unit_test(rows_travel),
    };
    return cmocka_run_group_tests_name("warnings", tests, NULL, NULL);
}
