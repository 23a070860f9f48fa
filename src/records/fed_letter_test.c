/* SPDX-License-Identifier: EUPL-1.2 */
/* Letters to small members: one for each item and link, whatever is tried twice; when they go, and when they no longer do. */
#include "records/fed_letter.h"
#include "records/records_test.h"

static struct db *db;
static struct arena arena;
static struct err e;
static time_ns now;

static void begin(void)
{
    db = test_db();
    arena_init(&arena, 4096);
    now = TEST_NOW;
    MUST(db_exec(db,
                 "INSERT INTO fed_circle VALUES ('c', '*', 'hub', 1, 'C', 'member', 1, 0, 0), ('other', '*', 'x', 0, 'O', 'member', 1, 0, 0)", &e));
}

static void end(void)
{
    arena_fini(&arena);
    db_close(&db);
}

static void link_page(const char *id, const char *circle, const char *mail)
{
    const struct fed_link_page p = {.id = span_of(id), .hash = span_of(id), .account = SPAN("*"), .circle = span_of(circle), .organisation = SPAN("Small"),
                                    .person = span_of(id), .mail = span_of(mail), .created_by = SPAN("a"), .created = now, .expires = now + TIME_DAY};
    MUST(fed_link_page_create(db, &p, &e));
}

static void item(const char *circle, int64_t version, const char *state)
{
    const struct fed_item_row row = {.id = SPAN("i"), .organisation = SPAN("*"), .circle = span_of(circle), .title = SPAN("T"), .body = SPAN("words"),
                                     .tlp = SPAN("GREEN"), .audience = SPAN("{}"), .state = span_of(state), .version = version,
                                     .expires = now + TIME_DAY * 2};
    MUST(db_begin(db, &e));
    int rc = fed_item_put(db, &row, &e);
    MUST(db_end(db, rc < 0 ? rc : fed_letter_queue(db, row.circle, row.id, version, now, &e), &e));
}

static size_t due(struct fed_letter_due **out)
{
    size_t n = 0;
    MUST(fed_letters_due(db, now, &arena, out, &n, &e));
    return n;
}

static void set(const struct fed_letter *l, enum fed_letter_end how)
{
    MUST(db_begin(db, &e));
    MUST(db_end(db, fed_letter_set(db, l, how, SPAN("why"), now, &e), &e));
}

/* What people are shown of them: whom, which version, how it stands and since when. */
static void what_became_of_each(void **state)
{
    (void)state;
    struct fed_letter_due *list;
    struct fed_letter_row r[3];
    struct buf b;
    begin();
    link_page("anna", "c", "a@x");
    link_page("ben", "c", "b@x");
    link_page("carla", "c", "c@x");
    item("c", 1, "current");
    assert_int_equal(due(&list), 3);
    set(&list[0].letter, FED_LETTER_SENT);
    set(&list[1].letter, FED_LETTER_DROPPED);
    MUST(db_exec(db, "UPDATE fed_link_page SET last_used = 5 WHERE id = 'anna'", &e));
    buf_init(&b, 4096);
    MUST(fed_letters_write(db, SPAN("i"), &b, &e));
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(cursor_u32(&c), 3);
    for (int i = 0; i < 3; i++) {
        fed_letter_row_decode(&c, &r[i]);
    }
    assert_true(cursor_done(&c));
    static const struct {
        const char *person, *state, *why;
    } want[] = {{"anna", "sent", "why"}, {"ben", "dropped", "why"}, {"carla", "waiting", ""}};
    for (int i = 0; i < 3; i++) {
        assert_true(span_eq(r[i].person, span_of(want[i].person)));
        assert_true(span_eq(r[i].organisation, SPAN("Small")));
        assert_true(span_eq(r[i].state, span_of(want[i].state)));
        assert_true(span_eq(r[i].why, span_of(want[i].why)));
        assert_int_equal(r[i].version, 1);
        assert_int_equal(r[i].created, now);
        assert_int_equal(r[i].ended, i == 2 ? 0 : now);
    }
    assert_int_equal(r[0].used, 5);
    buf_free(&b);
    end();
}

static void one_for_each_link_of_the_circle(void **state)
{
    (void)state;
    struct fed_letter_due *list;
    begin();
    link_page("eve", "c", "eve@x");
    link_page("finn", "c", "finn@x");
    link_page("nomail", "c", "");
    link_page("away", "other", "away@x");
    item("c", 1, "current");
    item("c", 1, "current"); /* told twice */
    assert_int_equal(due(&list), 2);
    assert_true(span_eq(list[0].page.mail, SPAN("eve@x")) && span_eq(list[0].item.title, SPAN("T")) && list[0].letter.version == 1);
    set(&list[0].letter, FED_LETTER_SENT);
    set(&list[0].letter, FED_LETTER_AGAIN); /* what is sent stays so */
    assert_int_equal(due(&list), 1);
    item("c", 2, "current"); /* finn gets the newer one only, eve a second one */
    assert_int_equal(due(&list), 2);
    assert_true(list[0].letter.version == 2 && list[1].letter.version == 2);
    /* No letter tells of a circle of another hub. */
    MUST(db_exec(db, "DELETE FROM fed_letter; DELETE FROM fed_item", &e));
    item("other", 1, "current");
    assert_int_equal(due(&list), 0);
    end();
}

static void tried_again_and_given_up(void **state)
{
    (void)state;
    struct fed_letter_due *list;
    begin();
    link_page("eve", "c", "eve@x");
    MUST(db_exec(db, "UPDATE fed_link_page SET expires = 9223372036854775807", &e));
    item("c", 1, "current");
    MUST(db_exec(db, "UPDATE fed_item SET expires = 9223372036854775807", &e));
    for (int i = 1; i < FED_LETTER_TRIES_MAX; i++) {
        assert_int_equal(due(&list), 1);
        assert_int_equal(list[0].letter.tries, i - 1);
        set(&list[0].letter, FED_LETTER_AGAIN);
        assert_int_equal(due(&list), 0);
        now += FED_LETTER_PAUSE_MAX_S * TIME_SECOND;
    }
    assert_int_equal(due(&list), 1);
    set(&list[0].letter, FED_LETTER_AGAIN);
    now += TIME_DAY;
    assert_int_equal(due(&list), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_letter WHERE state = 'failed' AND tries = 20 AND why = 'why'"), 1);
    now += FED_LETTER_KEPT_DAYS * TIME_DAY;
    MUST(fed_letter_sweep(db, now, &e));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_letter"), 0);
    end();
}

static void what_became_pointless_does_not_go(void **state)
{
    (void)state;
    static const char *const ends[] = {
        "UPDATE fed_link_page SET revoked = 5", "UPDATE fed_link_page SET expires = 5", "DELETE FROM fed_link_page", "UPDATE fed_item SET state = 'retracted'",
        "UPDATE fed_item SET bare = 1",         "UPDATE fed_item SET expires = 5",      "DELETE FROM fed_item",
    };
    struct fed_letter_due *list;
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        begin();
        link_page("eve", "c", "eve@x");
        item("c", 1, "current");
        MUST(db_exec(db, ends[i], &e));
        assert_int_equal(due(&list), 0);
        assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_letter WHERE state = 'dropped' AND why <> ''"), 1);
        end();
    }
}

int run_fed_letter_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_for_each_link_of_the_circle), cmocka_unit_test(what_became_of_each), cmocka_unit_test(tried_again_and_given_up),
                                       cmocka_unit_test(what_became_pointless_does_not_go)};
    return cmocka_run_group_tests_name("letters", tests, NULL, NULL);
}
