/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of signals in the database: what has to be told, what was, what a hub keeps; and the policy
 * of sharing. */
#include <stdio.h>
#include <string.h>

#include "records/alerts.h"
#include "records/audit.h"
#include "records/fed_envelope.h"
#include "records/fed_share.h"
#include "records/fed_signals.h"
#include "records/records_test.h"

static struct arena arena;
static struct err e;

#define NODE "0123456789abcdef0123456789abcdef"
#define HASH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void run(struct db *db, const char *sql)
{
    if (db_exec(db, sql, &e) != 0) {
        fail_msg("%s: %s", sql, e.text);
    }
}

static struct db *with_circle(int own)
{
    char sql[512];
    struct db *db = test_db();
    arena_init(&arena, 0);
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO fed_circle VALUES ('c', 'own', '" NODE "', %d, 'Circle', 'member', "
                   "3, 99, 0);"
                   "INSERT INTO fed_member VALUES ('c', '" NODE "', 'Town A', '', '', '', '', 1)",
                   own);
    run(db, sql);
    return db;
}

static void end(struct db *db)
{
    db_close(&db);
    arena_fini(&arena);
}

static void put_alert(struct db *db, uint32_t count, char id[ALERT_ID_LEN + 1])
{
    struct alert a = {.rule_id = SPAN("rule-1"), .rule_hash = SPAN(HASH), .title = SPAN("T"),
                      .level = LEVEL_HIGH, .time = TEST_NOW, .received = TEST_NOW,
                      .last_time = TEST_NOW, .count = count, .organisation = SPAN("own"),
                      .source = SPAN("auth")};
    struct alert_place place = {.day = 20779, .block = 1, .index = 1};
    bool is_new = false;
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(
        db_end(db, alerts_insert(db, &a, SPAN("detail"), &place, id, &is_new, &e), &e), 0);
}

static struct fed_pending *pending(struct db *db, time_ns now, size_t want)
{
    struct fed_pending *list = NULL;
    size_t n = 99;
    if (fed_pending_list(db, now, &arena, &list, &n, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_int_equal(n, want);
    return list;
}

static void dealt(struct db *db, const struct fed_pending *p, time_ns due)
{
    struct fed_dealt d = {p->alert.id, p->stamp, due};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_pending_done(db, &d, &e), &e), 0);
}

static void nothing_waits_outside_of_circles(void **state)
{
    (void)state;
    char id[ALERT_ID_LEN + 1];
    struct db *db = test_db();
    arena_init(&arena, 0);
    put_alert(db, 1, id);
    (void)pending(db, INT64_MAX, 0);
    end(db);
}

static void an_alert_waits_until_it_is_dealt_with(void **state)
{
    (void)state;
    char id[ALERT_ID_LEN + 1];
    struct db *db = with_circle(0);
    put_alert(db, 1, id);
    struct fed_pending *p = pending(db, TEST_NOW, 1);
    assert_int_equal(p->ntold, 1);
    assert_true(span_eq(p->told[0].circle, SPAN("c")));
    assert_int_equal(p->told[0].epoch, 3);
    assert_int_equal(p->told[0].number, 0);
    assert_true(span_eq(p->detail, SPAN("detail")));
    dealt(db, p, TEST_NOW + 60);
    (void)pending(db, TEST_NOW + 59, 0);
    p = pending(db, TEST_NOW + 60, 1);
    /* It grows while the desk thinks: what was thought is old. */
    put_alert(db, 5, id);
    dealt(db, p, TIME_NONE);
    p = pending(db, TEST_NOW + 60, 1);
    assert_int_equal(p->alert.count, 5);
    dealt(db, p, TIME_NONE);
    (void)pending(db, INT64_MAX, 0);
    /* And when a person changes it. */
    struct alert_change ch = {.id = span_make(id, ALERT_ID_LEN), .places = policy_whole_node,
                              .action = ALERT_DO_ACKNOWLEDGE, .revision = 1, .who = SPAN("anna")};
    struct alert_row row;
    assert_int_equal(alerts_change(db, &ch, TEST_NOW + 99, &arena, &row, &e), 0);
    p = pending(db, TEST_NOW + 99, 1);
    assert_int_equal(p->alert.status, ALERT_ACKNOWLEDGED);
    end(db);
}

/* As a message between keeper and desk. */
static void pending_travels(void **state)
{
    (void)state;
    char id[ALERT_ID_LEN + 1];
    struct buf b;
    struct fed_pending out;
    struct db *db = with_circle(1);
    put_alert(db, 2, id);
    struct fed_pending *p = pending(db, TEST_NOW, 1);
    buf_init(&b, 1 << 16);
    fed_pending_encode(&b, p);
    struct cursor c = cursor_of(buf_view(&b));
    fed_pending_decode(&c, &arena, &out);
    assert_true(cursor_done(&c));
    assert_true(span_eq(out.alert.id, p->alert.id));
    assert_int_equal(out.ntold, 1);
    assert_true(out.told[0].own);
    for (size_t n = 0; n < b.len; n++) { /* cut anywhere: refused */
        c = cursor_of(span_make(b.data, n));
        fed_pending_decode(&c, &arena, &out);
        assert_false(cursor_done(&c));
    }
    int64_t *const numbers[] = {&p->told[0].epoch, &p->told[0].alert_number, &p->told[0].alert_events, &p->told[0].number, &p->told[0].count};
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++) { /* each beyond what can be counted on with */
        const int64_t was = *numbers[i];
        *numbers[i] = i % 2 == 0 ? INT64_MAX : -1;
        buf_clear(&b);
        fed_pending_encode(&b, p);
        c = cursor_of(buf_view(&b));
        fed_pending_decode(&c, &arena, &out);
        assert_false(cursor_done(&c));
        *numbers[i] = was;
    }
    buf_free(&b);
    end(db);
}

static struct fed_signal_row signal_of(int64_t number, int64_t count)
{
    return (struct fed_signal_row){.circle = SPAN("c"), .node = SPAN(NODE), .rule = SPAN("rule-1"),
                                   .rule_hash = SPAN(HASH), .title = SPAN("T"),
                                   .techniques = SPAN("T1110"), .indicators = SPAN("ip 8.8.8.8\n"),
                                   .number = number, .level = LEVEL_HIGH,
                                   .bucket = TEST_NOW / (900 * TIME_SECOND), .count = count};
}

static void what_was_told_is_known(void **state)
{
    (void)state;
    char id[ALERT_ID_LEN + 1];
    struct db *db = with_circle(0);
    put_alert(db, 2, id);
    struct fed_tell t = {.signal = signal_of(7, 2), .alert = span_make(id, ALERT_ID_LEN), .events = 2};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_told_put(db, &t, &e), &e), 0);
    struct fed_pending *p = pending(db, TEST_NOW, 1);
    assert_int_equal(p->told[0].alert_number, 7);
    assert_int_equal(p->told[0].alert_events, 2);
    assert_int_equal(p->told[0].number, 7);
    assert_int_equal(p->told[0].count, 2);
    assert_true(span_eq(p->told[0].indicators, SPAN("ip 8.8.8.8\n")));
    /* Kept as long as it can be corrected. */
    int64_t last = 0;
    int64_t bucket = TEST_NOW / (900 * TIME_SECOND);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_signals_sweep(db, bucket, &e), &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_told_alert"), 1);
    assert_int_equal(fed_told_last(db, SPAN("c"), &last, &e), 0);
    assert_int_equal(last, 7);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_signals_sweep(db, bucket + 1, &e), &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_told_alert"), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_told"), 0);
    end(db);
}

static void apply(struct db *db, const struct fed_signal_row *rows, uint32_t n)
{
    struct buf b;
    buf_init(&b, 1 << 16);
    buf_u32(&b, n);
    for (uint32_t i = 0; i < n; i++) {
        fed_signal_encode(&b, &rows[i]);
    }
    struct fed_envelope_row env = {.circle = SPAN("c"), .issuer = SPAN(NODE)};
    struct cursor c = cursor_of(buf_view(&b));
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_signal_apply(db, &env, &c, TEST_NOW, &e), &e), 0);
    buf_free(&b);
}

static void a_hub_keeps_each_signal_once(void **state)
{
    (void)state;
    struct db *db = with_circle(1);
    struct fed_signal_row rows[] = {signal_of(1, 3), signal_of(2, 1)};
    struct fed_signal_row *got = NULL;
    size_t n = 0;
    apply(db, rows, 2);
    apply(db, rows, 2); /* told again */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal"), 2);
    assert_int_equal(fed_signals_after(db, 0, 0, &arena, &got, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_true(span_eq(got[0].organisation, SPAN("Town A")));
    int64_t place = got[1].place;
    rows[0].count = 0; /* taken back */
    apply(db, rows, 1);
    assert_int_equal(fed_signals_after(db, place, 0, &arena, &got, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(got[0].count, 0);
    assert_int_equal(fed_signals_of(db, SPAN("c"), SPAN("Town A"), 0, &arena, &got, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(got[0].number, 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM fed_signal WHERE state = '" FED_SIGNAL_STATE "'"), 2);
    /* Places go on growing after old ones were forgotten. */
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_signals_sweep(db, INT64_MAX, &e), &e), 0);
    apply(db, rows + 1, 1);
    assert_true(test_number(db, "SELECT MAX(place) FROM fed_signal") > place + 1);
    end(db);
}

/* ---- the policy of sharing ---- */

static struct fed_share_row class_of(const char *id, const char *moment)
{
    return (struct fed_share_row){.id = span_of(id), .moment = span_of(moment)};
}

static void the_first_class_that_fits_decides(void **state)
{
    (void)state;
    const struct span techniques[] = {SPAN("T1110.003")};
    struct fed_share_facts f = {SPAN("c"), SPAN("linux"), SPAN("auth"), LEVEL_HIGH, techniques, 1};
    struct fed_share_row rows[] = {
        class_of("other circle", "at_once"), class_of("other product", "at_once"),
        class_of("other source", "at_once"), class_of("other technique", "at_once"),
        class_of("higher", "at_once"),       class_of("fits", "after_minutes"),
        class_of("all", "never"),
    };
    struct fed_sharing s = {.rows = rows};
    rows[0].circle = SPAN("d");
    rows[1].product = SPAN("windows");
    rows[2].source = SPAN("web");
    rows[3].technique = SPAN("T11"); /* is not T1110 */
    rows[4].level = LEVEL_CRITICAL;
    rows[5].technique = SPAN("t1110");
    rows[5].product = SPAN("Linux");
    rows[5].source = SPAN("auth");
    rows[5].circle = SPAN("c");
    rows[5].level = LEVEL_HIGH;
    rows[5].minutes = 30;
    for (s.count = 0; s.count <= 5; s.count++) { /* without one that fits: the default */
        assert_int_equal(fed_share_decide(&s, &f).moment, FED_AFTER_ACKNOWLEDGEMENT);
    }
    struct fed_share_verdict v = fed_share_decide(&s, &f);
    assert_int_equal(s.count, 6);
    assert_int_equal(v.moment, FED_AFTER_MINUTES);
    assert_int_equal(v.minutes, 30);
    assert_true(span_eq(v.row, SPAN("fits")));
    s.count = 7;
    assert_int_equal(fed_share_decide(&s, &f).moment, FED_AFTER_MINUTES);
    f.level = LEVEL_MEDIUM;
    assert_int_equal(fed_share_decide(&s, &f).moment, FED_NEVER);
    rows[6].moment = SPAN("whenever"); /* a word that nobody knows means never */
    assert_int_equal(fed_share_decide(&s, &f).moment, FED_NEVER);
}

/* The hub asks four times a second: what it asks for costs what is new, not what is kept. */
static void what_is_new_is_found_without_a_look_at_the_rest(void **state)
{
    (void)state;
    enum { NEW = 10 };
    struct db *db = with_circle(1);
    uint64_t effort[2] = {0};
    int64_t number = 0;
    for (int round = 0; round < 2; round++) {
        int64_t want = round == 0 ? 200 : 20000;
        assert_int_equal(db_begin(db, &e), 0);
        while (number < want) {
            const struct fed_signal_row row = {.circle = SPAN("c"), .node = SPAN(NODE),
                                               .rule = SPAN("r"), .number = ++number,
                                               .bucket = 1974000, .count = 1};
            assert_int_equal(fed_signals_put(db, &row, 1, &e), 0);
        }
        assert_int_equal(db_commit(db, &e), 0);
        struct fed_signal_row *got = NULL;
        size_t n = 0;
        uint64_t before = db_effort(db);
        assert_int_equal(fed_signals_after(db, want - NEW, 0, &arena, &got, &n, &e), 0);
        effort[round] = db_effort(db) - before;
        assert_int_equal(n, NEW);
        assert_int_equal(got[0].place, want - NEW + 1);
    }
    assert_true(effort[1] > 0 && effort[1] < 2 * effort[0]);
    end(db);
}

static void sharing_is_kept_and_audited(void **state)
{
    (void)state;
    struct db *db = with_circle(0);
    struct fed_share_row rows[] = {class_of("b", "at_once"), class_of("a", "never")};
    struct fed_sharing s = {.rows = rows, .count = 2, .networks = SPAN("195.1.0.0/16"), .cap = 7,
                            .automatic = true};
    struct fed_sharing got;
    struct buf b;
    assert_int_equal(fed_sharing_put(db, &s, SPAN("anna"), 1000, &e), 0);
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, fed_share_count(db, SPAN("b"), 5, &e), &e), 0);
    rows[1].minutes = 3; /* another class now */
    assert_int_equal(fed_sharing_put(db, &s, SPAN("boris"), 2000, &e), 0);
    assert_int_equal(fed_sharing_get(db, &arena, &got, &e), 0);
    assert_int_equal(got.count, 2);
    assert_int_equal(got.rows[0].since, 1000); /* what stayed keeps its date */
    assert_int_equal(got.rows[0].sent, 5);
    assert_true(span_eq(got.rows[0].changed_by, SPAN("anna")));
    assert_int_equal(got.rows[1].since, 2000);
    assert_int_equal(got.cap, 7);
    assert_true(got.automatic);
    assert_true(span_eq(got.networks, SPAN("195.1.0.0/16")));
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what = 'federation.sharing'"), 2);
    buf_init(&b, 1 << 16);
    fed_sharing_encode(&b, &got);
    struct fed_sharing again;
    struct cursor c = cursor_of(buf_view(&b));
    fed_sharing_decode(&c, &arena, &again);
    assert_true(cursor_done(&c));
    assert_int_equal(again.count, 2);
    buf_free(&b);
    end(db);
}

int run_fed_signal_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_waits_outside_of_circles),
        cmocka_unit_test(an_alert_waits_until_it_is_dealt_with),
        cmocka_unit_test(pending_travels),
        cmocka_unit_test(what_was_told_is_known),
        cmocka_unit_test(a_hub_keeps_each_signal_once),
        cmocka_unit_test(what_is_new_is_found_without_a_look_at_the_rest),
        cmocka_unit_test(the_first_class_that_fits_decides),
        cmocka_unit_test(sharing_is_kept_and_audited),
    };
    return cmocka_run_group_tests_name("signals", tests, NULL, NULL);
}
