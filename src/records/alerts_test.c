/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of alerts: taken in once, listed in pages without gap or repeat, filtered, counted, changed
 * under locking. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "records/alerts.h"
#include "records/alerts_priv.h"
#include "records/audit.h"
#include "records/correlation.h"
#include "records/records_test.h"

static struct arena arena;

static char put_id[ALERT_ID_LEN + 1]; /* of the newest put */

static void put(struct db *db, int i, enum alert_level level, const char *host,
                const char *organisation)
{
    char rule[32];
    char summary[64];
    (void)snprintf(rule, sizeof rule, "rule-%d", i % 3);
    (void)snprintf(summary, sizeof summary, "Ünusual login number %d", i);
    struct alert a = {.rule_id = span_of(rule),
                      .rule_hash = SPAN("00"),
                      .title = SPAN("Login from far away"),
                      .level = level,
                      .time = TEST_NOW + i,
                      .received = TEST_NOW + i / 4, /* ties, so that the id decides */
                      .last_time = TEST_NOW + i,
                      .count = 2,
                      .organisation = span_of(organisation),
                      .source = SPAN("auth"),
                      .host = span_of(host),
                      .summary = span_of(summary)};
    struct alert_place place = {.day = 20779, .block = 1, .index = i};
    char *id = put_id;
    bool is_new = false;
    struct err e = {0};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(alerts_insert(db, &a, SPAN("detail"), &place, id, &is_new, &e), 0);
    assert_true(is_new);
    /* Told again, as after a lost answer: nothing changes. */
    assert_int_equal(alerts_insert(db, &a, SPAN("other"), &place, id, &is_new, &e), 0);
    assert_false(is_new);
    assert_int_equal(db_commit(db, &e), 0);
}

static struct alert_filter filter_all(uint32_t limit)
{
    return (struct alert_filter){
        .places = {1, {SPAN("*")}}, .limit = limit, .before_received = INT64_MAX};
}

static void pages_have_no_gap(void **state)
{
    (void)state;
    struct db *db = test_db();
    for (int i = 0; i < 23; i++) {
        put(db, i, LEVEL_HIGH, "web1", "lantern");
    }
    struct alert_filter f = filter_all(5);
    size_t seen = 0;
    int64_t last_received = INT64_MAX;
    char last_id[ALERT_ID_LEN + 1] = "~";
    struct alert_page page = {.more = true};
    while (page.more) {
        struct err e = {0};
        assert_int_equal(alerts_list(db, &f, &arena, &page, &e), 0);
        for (size_t i = 0; i < page.count; i++) {
            char id[ALERT_ID_LEN + 1] = "";
            memcpy(id, page.rows[i].id.ptr, ALERT_ID_LEN);
            bool after = page.rows[i].received < last_received ||
                         (page.rows[i].received == last_received && strcmp(id, last_id) < 0);
            assert_true(after);
            last_received = page.rows[i].received;
            memcpy(last_id, id, sizeof id);
            seen++;
        }
        f.before_received = page.last_received;
        f.before_id = page.last_id;
    }
    assert_int_equal(seen, 23);
    db_close(&db);
    arena_reset(&arena);
}

/* Told again with more events in it, the first of which came late. */
static void grows(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct alert a = {.rule_id = SPAN("rule-7"), .rule_hash = SPAN("00"), .title = SPAN("Many"), .level = LEVEL_HIGH, .time = TEST_NOW,
                      .received = TEST_NOW, .last_time = TEST_NOW, .count = 1, .organisation = SPAN("lantern")};
    const struct alert_place place = {.day = 20779, .block = 1, .index = 7};
    const struct {
        uint32_t count;
        time_ns time, last; /* as told */
        uint32_t count_kept;
        time_ns time_kept, last_kept;
    } cases[] = {
        {1, 0, 0, 1, 0, 0},
        {3, 0, 20, 3, 0, 20},
        {4, -15, 20, 4, -15, 20},
        {6, -15, 30, 6, -15, 30},
        {6, -99, 99, 6, -15, 30}, /* not more: an old answer */
        {7, -10, 30, 7, -15, 30}, /* no later first event */
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char id[ALERT_ID_LEN + 1] = "";
        bool is_new = false;
        struct err e = {0};
        struct alert_row row;
        struct span detail;
        a.count = cases[i].count;
        a.time = TEST_NOW + cases[i].time;
        a.last_time = TEST_NOW + cases[i].last;
        assert_int_equal(db_begin(db, &e), 0);
        assert_int_equal(alerts_insert(db, &a, SPAN("detail"), &place, id, &is_new, &e), 0);
        assert_int_equal(db_commit(db, &e), 0);
        assert_int_equal(is_new, i == 0);
        assert_int_equal(alerts_get(db, SPAN("lantern"), span_of(id), &arena, &row, &detail, &e), 0);
        assert_int_equal(row.count, cases[i].count_kept);
        assert_int_equal(row.time, TEST_NOW + cases[i].time_kept);
        assert_int_equal(row.last_time, TEST_NOW + cases[i].last_kept);
    }
    db_close(&db);
    arena_reset(&arena);
}

static void filters_choose(void **state)
{
    (void)state;
    struct db *db = test_db();
    for (int i = 0; i < 12; i++) {
        put(db, i, i % 2 == 0 ? LEVEL_CRITICAL : LEVEL_LOW, i < 4 ? "web1" : "db1",
            i < 6 ? "lantern" : "harbour");
    }
    const struct {
        const char *name;
        struct alert_filter f;
        size_t count;
    } cases[] = {
        {"all", {.places = {1, {SPAN("*")}}}, 12},
        {"organisation", {.places = {1, {SPAN("lantern")}}}, 6},
        {"other organisation", {.places = {1, {SPAN("nobody")}}}, 0},
        {"critical", {.places = {1, {SPAN("*")}}, .levels = 1u << LEVEL_CRITICAL}, 6},
        {"two levels",
         {.places = {1, {SPAN("*")}}, .levels = 1u << LEVEL_CRITICAL | 1u << LEVEL_LOW},
         12},
        {"closed", {.places = {1, {SPAN("*")}}, .statuses = 1u << ALERT_CLOSED}, 0},
        {"new", {.places = {1, {SPAN("*")}}, .statuses = 1u << ALERT_NEW}, 12},
        {"rule", {.places = {1, {SPAN("*")}}, .rule_id = SPAN("rule-1")}, 4},
        {"host", {.places = {1, {SPAN("*")}}, .host = SPAN("web1")}, 4},
        {"host and rule",
         {.places = {1, {SPAN("*")}}, .host = SPAN("web1"), .rule_id = SPAN("rule-0")},
         2},
        {"words", {.places = {1, {SPAN("*")}}, .words = SPAN("  LOGIN  üNUSUAL ")}, 12},
        {"one word", {.places = {1, {SPAN("*")}}, .words = SPAN("web1")}, 4},
        {"word not there", {.places = {1, {SPAN("*")}}, .words = SPAN("login elephant")}, 0},
        {"percent is no wildcard", {.places = {1, {SPAN("*")}}, .words = SPAN("%")}, 0},
        {"quote", {.places = {1, {SPAN("' OR 1=1 --")}}, .words = SPAN("")}, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct alert_filter f = cases[i].f;
        f.limit = 100;
        f.before_received = INT64_MAX;
        struct alert_page page;
        struct err e = {0};
        assert_int_equal(alerts_list(db, &f, &arena, &page, &e), 0);
        if (page.count != cases[i].count || page.more) {
            fail_msg("%s: %zu alerts, expected %zu", cases[i].name, page.count, cases[i].count);
        }
    }
    db_close(&db);
    arena_reset(&arena);
}

static int change(struct db *db, struct span id, enum alert_action action, int64_t revision,
                  struct alert_row *row);

/* What a page must hold, by looking at every row. */
static bool wanted(const struct alert_row *row, const struct alert_filter *f)
{
    return (f->statuses == 0 || (f->statuses >> row->status & 1) != 0) &&
           (f->levels == 0 || (f->levels >> row->level & 1) != 0) &&
           (f->host.len == 0 || span_eq(f->host, row->host)) &&
           (f->rule_id.len == 0 || span_eq(f->rule_id, row->rule_id)) &&
           policy_places_have(&f->places, row->organisation) &&
           (f->words.len == 0 || span_eq(f->words, row->host));
}

static void read_all_pages(struct db *db, struct alert_filter f, int64_t scan_max,
                           const struct alert_page *every)
{
    struct alert_page page = {.more = true};
    struct arena pages_arena;
    struct err e = {0};
    size_t at = 0;
    char last_id[ALERT_ID_LEN];
    arena_init(&pages_arena, 0);
    size_t pages = 0;
    while (page.more) {
        arena_reset(&pages_arena);
        assert_int_equal(alerts_list_bounded(db, &f, scan_max, &pages_arena, &page, &e), 0);
        assert_true(page.count <= f.limit && ++pages < 2000);
        for (size_t i = 0; i < page.count; i++, at++) {
            while (at < every->count && !wanted(&every->rows[at], &f)) {
                at++;
            }
            assert_true(at < every->count);
            assert_true(span_eq(page.rows[i].id, every->rows[at].id));
        }
        f.before_received = page.last_received;
        if (page.last_id.len > 0) {
            memcpy(last_id, page.last_id.ptr, page.last_id.len);
        }
        f.before_id = span_make(last_id, page.last_id.len);
    }
    while (at < every->count) {
        assert_false(wanted(&every->rows[at++], &f));
    }
    arena_fini(&pages_arena);
}

/* Whatever is asked and however short a page is cut, the pages together are exactly the rows that
 * fit, in order. */
static void pages_are_the_whole_truth(void **state)
{
    (void)state;
    static const char *const hosts[] = {"web1", "db1", "mail"};
    struct db *db = test_db();
    struct alert_row row;
    struct alert_page every;
    struct err e = {0};
    for (int i = 0; i < 200; i++) {
        put(db, i, (enum alert_level)(i * 7 % 5), hosts[i * 5 % 3],
            i % 4 == 0 ? "harbour" : i % 4 == 1 ? "lantern/works" : "lantern");
        if (i % 3 != 0) {
            assert_int_equal(change(db, span_of(put_id),
                                    i % 3 == 1 ? ALERT_DO_CLOSE : ALERT_DO_ACKNOWLEDGE, 1, &row),
                             0);
        }
    }
    struct alert_filter all = filter_all(ALERT_PAGE_MAX);
    assert_int_equal(alerts_list(db, &all, &arena, &every, &e), 0);
    assert_int_equal(every.count, 200);
    static const int64_t bounds[] = {1, 3, 20, 1000};
    static const struct policy_places whose[] = {{1, {SPAN("*")}}, {2, {SPAN("lantern"), SPAN("lantern/works")}}, {1, {SPAN("lantern")}},
                                                 {3, {SPAN("nobody"), SPAN("harbour"), SPAN("lantern/works")}}};
    for (uint32_t n = 0; n < 8 * 4 * 2 * 2 * 2 * 4; n += 3) {
        struct alert_filter f = filter_all(n % 3 == 0 ? 3 : n % 3 == 1 ? 17 : 200);
        f.statuses = n & 7;
        f.levels = (n >> 3 & 3) * 5;
        f.host = (n >> 5 & 1) != 0 ? SPAN("db1") : SPAN("");
        f.places = whose[(n >> 6 & 1) * 2 + n % 2];
        f.words = (n >> 7 & 1) != 0 ? SPAN("web1") : SPAN("");
        read_all_pages(db, f, bounds[n >> 8 & 3], &every);
    }
    db_close(&db);
    arena_reset(&arena);
}

static struct alert_counts counts(struct db *db, const char *organisation)
{
    struct alert_counts n;
    struct err e = {0};
    const struct policy_places places = {1, {span_of(organisation)}};
    assert_int_equal(alerts_count(db, &places, TEST_NOW + TIME_SECOND, &n, &e), 0);
    return n;
}

/* Over generated readers with seats: what the list shows and counts is what the policy says of each alert by itself, and so is what opens one. */
static void the_list_is_the_policy(void **state)
{
    (void)state;
    static const char *const towns[] = {"harbour", "lantern", "lantern/works", "*", "nobody"};
    struct db *db = test_db();
    struct alert_page every;
    struct err e = {0};
    uint64_t z = 7, shown = 0;
    for (int i = 0; i < 60; i++) {
        put(db, i, LEVEL_LOW, "web1", towns[i % 3]);
    }
    struct alert_filter f = filter_all(ALERT_PAGE_MAX);
    assert_int_equal(alerts_list(db, &f, &arena, &every, &e), 0);
    for (int n = 0; n < 400; n++) {
        struct policy_seat seats[4];
        struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("p"), .in_house = true, .seats = seats};
        uint32_t draw[16];
        for (size_t i = 0; i < sizeof draw / sizeof draw[0]; i++) {
            z = z * UINT64_C(6364136223846793005) + 1;
            draw[i] = (uint32_t)(z >> 40);
        }
        r.organisation = span_of(towns[draw[0] % 11 % 5]);
        r.whole_node = span_eq(r.organisation, SPAN("*"));
        r.roles = draw[1] % 32;
        r.may = draw[2] % 4;
        r.nseats = draw[3] % 5;
        for (uint32_t i = 0; i < r.nseats; i++) {
            seats[i] = (struct policy_seat){span_of(towns[draw[4 + i] % 13 % 5]), draw[8 + i] % 32, TEST_NOW - 1 + draw[12 + i] % 3, TEST_NOW + 1 - draw[12 + i] / 3 % 2,
                                            draw[12 + i] / 6 % 4};
        }
        int64_t mine = 0;
        struct alert_page page;
        struct alert_counts counted;
        policy_own_places(&r, ITEM_ALERT, ACTION_LIST, POLICY_MAY_WATCH, TEST_NOW, &f.places);
        for (size_t i = 0; i < every.count; i++) {
            struct policy_item item;
            struct policy_marking marking;
            struct alert_row row;
            policy_own_item(&item, &marking, ITEM_ALERT, every.rows[i].organisation);
            bool allowed = policy_own_allows(&r, &item, ACTION_LIST, POLICY_MAY_WATCH, TEST_NOW);
            bool there = f.places.count > 0 && alerts_find(db, &f.places, every.rows[i].id, &arena, &row, NULL, &e) == 0;
            assert_int_equal(allowed, there);
            mine += allowed;
        }
        if (f.places.count > 0) {
            assert_int_equal(alerts_list(db, &f, &arena, &page, &e), 0);
            assert_int_equal(alerts_count(db, &f.places, TEST_NOW, &counted, &e), 0);
            assert_int_equal(page.count, mine);
            assert_int_equal(counted.by_status[ALERT_NEW], mine);
            shown += mine > 0 && mine < 60;
        }
    }
    assert_true(shown > 50);
    db_close(&db);
    arena_reset(&arena);
}

static struct alert_row first(struct db *db)
{
    struct alert_filter f = filter_all(1);
    struct alert_page page;
    struct err e = {0};
    assert_int_equal(alerts_list(db, &f, &arena, &page, &e), 0);
    assert_int_equal(page.count, 1);
    return page.rows[0];
}

static int change(struct db *db, struct span id, enum alert_action action, int64_t revision,
                  struct alert_row *row)
{
    struct alert_change ch = {.id = id,
                              .places = {1, {SPAN("*")}},
                              .action = action,
                              .revision = revision,
                              .who = SPAN("Anna"),
                              .reason = action == ALERT_DO_CLOSE ? SPAN("benign") : SPAN(""),
                              .note = SPAN("seen")};
    struct err e = {0};
    return alerts_change(db, &ch, TEST_NOW, &arena, row, &e);
}

static void life_of_an_alert(void **state)
{
    (void)state;
    struct db *db = test_db();
    put(db, 1, LEVEL_HIGH, "web1", "lantern");
    struct span id = first(db).id;
    struct alert_row row;
    static const struct {
        enum alert_action action;
        int64_t revision;
        int rc;
        enum alert_status status;
        const char *assignee;
    } steps[] = {
        {ALERT_DO_REOPEN, 1, ERR_DENIED, ALERT_NEW, ""},
        {ALERT_DO_ACKNOWLEDGE, 1, 0, ALERT_ACKNOWLEDGED, "Anna"},
        {ALERT_DO_ACKNOWLEDGE, 2, ERR_DENIED, ALERT_ACKNOWLEDGED, "Anna"},
        {ALERT_DO_CLOSE, 1, ERR_BUSY, ALERT_ACKNOWLEDGED, "Anna"},
        {ALERT_DO_CLOSE, 2, 0, ALERT_CLOSED, "Anna"},
        {ALERT_DO_CLOSE, 3, ERR_DENIED, ALERT_CLOSED, "Anna"},
        {ALERT_DO_REOPEN, 3, 0, ALERT_ACKNOWLEDGED, "Anna"},
        {ALERT_DO_REOPEN, 4, 0, ALERT_NEW, ""},
        {ALERT_DO_CLOSE, 5, 0, ALERT_CLOSED, ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        int rc = change(db, id, steps[i].action, steps[i].revision, &row);
        if (rc != steps[i].rc || row.status != steps[i].status ||
            !span_eq(row.assignee, span_of(steps[i].assignee))) {
            fail_msg("step %zu: rc %d status %d", i, rc, (int)row.status);
        }
        assert_true((row.status == ALERT_CLOSED) == (row.closed != TIME_NONE));
    }
    assert_true(span_eq(row.close_reason, SPAN("benign")));
    struct alert_step *life = NULL;
    size_t n = 0;
    struct err e = {0};
    assert_int_equal(alerts_history(db, id, &arena, &life, &n, &e), 0);
    assert_int_equal(n, 6);
    assert_true(span_eq(life[0].what, SPAN("created")));
    assert_true(span_eq(life[2].what, SPAN("closed")));
    assert_true(span_eq(life[2].reason, SPAN("benign")));
    assert_true(span_eq(life[2].note, SPAN("seen")));
    int64_t rows = 0;
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    assert_int_equal(rows, 5);
    struct alert_counts c = counts(db, "*");
    assert_int_equal(c.by_status[ALERT_CLOSED], 1);
    assert_int_equal(c.closed_today, 1);
    db_close(&db);
    arena_reset(&arena);
}

static void counts_follow(void **state)
{
    (void)state;
    struct db *db = test_db();
    assert_true(counts(db, "*").oldest_open == TIME_NONE);
    put(db, 8, LEVEL_HIGH, "web1", "lantern");
    put(db, 1, LEVEL_HIGH, "web1", "harbour");
    struct alert_counts n = counts(db, "*");
    assert_int_equal(n.by_status[ALERT_NEW], 2);
    assert_true(n.oldest_open == TEST_NOW);
    assert_true(counts(db, "lantern").oldest_open == TEST_NOW + 2);
    struct alert_row row;
    assert_int_equal(change(db, first(db).id, ALERT_DO_ACKNOWLEDGE, 1, &row), 0);
    assert_int_equal(counts(db, "lantern").by_status[ALERT_ACKNOWLEDGED], 1);
    assert_true(counts(db, "lantern").oldest_open == TEST_NOW + 2);
    assert_int_equal(counts(db, "harbour").by_status[ALERT_ACKNOWLEDGED], 0);
    assert_int_equal(change(db, first(db).id, ALERT_DO_CLOSE, 2, &row), 0);
    assert_true(counts(db, "lantern").oldest_open == TIME_NONE);
    db_close(&db);
    arena_reset(&arena);
}

static void strangers_see_nothing(void **state)
{
    (void)state;
    struct db *db = test_db();
    put(db, 1, LEVEL_HIGH, "web1", "lantern");
    struct span id = first(db).id;
    struct alert_row row;
    struct span detail;
    struct err e = {0};
    assert_int_equal(alerts_get(db, SPAN("harbour"), id, &arena, &row, &detail, &e), ERR_NOT_FOUND);
    assert_int_equal(alerts_get(db, SPAN("lantern"), id, &arena, &row, &detail, &e), 0);
    assert_true(span_eq(detail, SPAN("detail")));
    assert_int_equal(row.block_day, 20779);
    struct alert_change ch = {
        .id = id, .places = {1, {SPAN("harbour")}}, .revision = 1, .who = SPAN("Eve")};
    assert_int_equal(alerts_change(db, &ch, TEST_NOW, &arena, &row, &e), ERR_NOT_FOUND);
    assert_int_equal(alerts_get(db, SPAN("*"), SPAN("no-such"), &arena, &row, NULL, &e),
                     ERR_NOT_FOUND);
    db_close(&db);
    arena_reset(&arena);
}

static void messages_survive_the_way(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 16);
    struct alert_row row = {
        .id = SPAN("id"), .summary = SPAN("s"), .level = LEVEL_HIGH, .closed = TIME_NONE};
    alert_row_encode(&b, &row);
    for (size_t cut = 0; cut <= b.len; cut++) {
        char *exact = mem_alloc(cut);
        memcpy(exact, b.data, cut);
        struct cursor c = cursor_of(span_make(exact, cut));
        struct alert_row back;
        alert_row_decode(&c, &back);
        assert_true(cursor_done(&c) == (cut == b.len));
        mem_free(exact);
    }
    buf_clear(&b);
    struct alert_filter f = filter_all(ALERT_PAGE_MAX + 1);
    alert_filter_encode(&b, &f);
    struct cursor c = cursor_of(buf_view(&b));
    alert_filter_decode(&c, &f);
    assert_true(c.failed);
    buf_clear(&b);
    struct alert_change ch = {.id = SPAN("i"), .places = {1, {SPAN("*")}}, .who = SPAN("A")};
    alert_change_encode(&b, &ch);
    b.data[4 + 1 + 4 + 4 + 1] = ALERT_ACTION_COUNT;
    c = cursor_of(buf_view(&b));
    alert_change_decode(&c, &ch);
    assert_true(c.failed);
    buf_free(&b);
}

/* One event may complete a correlation for several groups: each is an alert of its own. */
static void groups_have_their_own_id(void **state)
{
    (void)state;
    char ids[3][ALERT_ID_LEN + 1];
    struct alert_place place = {.day = 20779, .block = 1, .index = 2};
    const struct span groups[] = {SPAN(""), SPAN("user=a"), SPAN("user=b")};
    for (size_t i = 0; i < 3; i++) {
        place.group = groups[i];
        alert_make_id(SPAN("rule"), &place, ids[i]);
    }
    assert_string_not_equal(ids[0], ids[1]);
    assert_string_not_equal(ids[1], ids[2]);
}

/* Windows of correlations: in parts, replaced as a whole. */
static void windows_are_replaced(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct err e;
    struct buf b;
    size_t n = CORRELATION_PART_BYTES * 2 + 17;
    char *large = mem_alloc(n);
    memset(large, 'w', n);
    large[n - 1] = '!';
    buf_init(&b, CORRELATION_STATE_MAX);
    assert_int_equal(correlation_state_get(db, &b, &e), 0);
    assert_int_equal(b.len, 0);
    assert_int_equal(correlation_state_put(db, span_make(large, n), &e), 0);
    assert_int_equal(correlation_state_get(db, &b, &e), 0);
    assert_true(span_eq(buf_view(&b), span_make(large, n)));
    assert_int_equal(correlation_state_put(db, SPAN("small"), &e), 0);
    buf_clear(&b);
    assert_int_equal(correlation_state_get(db, &b, &e), 0);
    assert_true(span_eq(buf_view(&b), SPAN("small")));
    buf_free(&b);
    buf_init(&b, 3);
    assert_int_equal(correlation_state_get(db, &b, &e), ERR_LIMIT);
    buf_free(&b);
    mem_free(large);
    db_close(&db);
}

int run_alert_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pages_have_no_gap),
        cmocka_unit_test(pages_are_the_whole_truth),
        cmocka_unit_test(the_list_is_the_policy),
        cmocka_unit_test(grows),
        cmocka_unit_test(filters_choose),
        cmocka_unit_test(life_of_an_alert),
        cmocka_unit_test(counts_follow),
        cmocka_unit_test(strangers_see_nothing),
        cmocka_unit_test(messages_survive_the_way),
        cmocka_unit_test(groups_have_their_own_id),
        cmocka_unit_test(windows_are_replaced),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("records/alerts", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
