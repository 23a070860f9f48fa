/* SPDX-License-Identifier: EUPL-1.2 */
/* Tests of rule texts, refusals, source counters and settings. */
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/mem.h"
#include "event/alert.h"
#include "records/records_test.h"
#include "records/rule_cost.h"
#include "records/rules.h"
#include "records/settings.h"
#include "records/sources.h"

static struct arena arena;
static struct err e;

static void put(struct db *db, int i, int64_t generation)
{
    char hash[RULE_HASH_LEN + 1];
    char title[32];
    (void)snprintf(hash, sizeof hash, "%064d", i);
    (void)snprintf(title, sizeof title, "Title %02d", i / 2); /* pairs share a title */
    struct rule_row r = {.hash = span_of(hash),
                         .rule_id = SPAN("id"),
                         .title = span_of(title),
                         .file = SPAN("linux/x.yml"),
                         .references = SPAN("[]"),
                         .text = SPAN("title: x\n"),
                         .level = LEVEL_MEDIUM};
    assert_int_equal(rules_put(db, &r, generation, &e), 0);
}

static struct rule_cost_delta delta(int i, uint64_t ns)
{
    struct rule_cost_delta d = {.events = 10, .candidates = 5, .hits = (uint64_t)i, .ns = ns};
    char hash[RULE_HASH_LEN + 1];
    (void)snprintf(hash, sizeof hash, "%064d", i);
    assert_true(hex_decode(span_of(hash), d.hash, sizeof d.hash));
    return d;
}

/* Of this house, loaded now, in any case, the gravest first; a tag is no pattern. */
static void tagged(void **state)
{
    (void)state;
    static const struct {
        const char *id, *tags, *file;
        int level;
        int64_t generation;
    } rules[] = {
        {"low", "[\"attack.t1110\"]", "own/a.yml", LEVEL_LOW, 2},
        {"high", "[\"attack.credential-access\",\"attack.T1110.003\"]", "own/b.yml", LEVEL_HIGH, 2},
        {"brought", "[\"attack.t1110\"]", "federation/x/0.yml", LEVEL_HIGH, 2},
        {"other", "[\"attack.t1111\"]", "own/c.yml", LEVEL_HIGH, 2},
        {"old", "[\"attack.t1110\"]", "own/d.yml", LEVEL_HIGH, 1},
    };
    struct db *db = test_db();
    struct rule_row *rows = NULL;
    size_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        char hash[RULE_HASH_LEN + 1];
        (void)snprintf(hash, sizeof hash, "%064d", (int)i);
        const struct rule_row r = {.hash = span_of(hash), .rule_id = span_of(rules[i].id), .title = SPAN("T"), .file = span_of(rules[i].file),
                                   .references = SPAN("[]"), .tags = span_of(rules[i].tags), .text = SPAN("title: x\n"), .level = rules[i].level};
        assert_int_equal(rules_put(db, &r, rules[i].generation, &e), 0);
    }
    assert_int_equal(rules_switch(db, 2, TEST_NOW, &e), 0);
    assert_int_equal(rules_tagged(db, SPAN("attack.T1110"), &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 2);
    assert_true(span_eq(rows[0].rule_id, SPAN("high")) && span_eq(rows[1].rule_id, SPAN("low")));
    assert_int_equal(rules_tagged(db, SPAN("attack.t9999"), &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(rules_tagged(db, SPAN("attack.%"), &arena, &rows, &n, &e), ERR_INVALID);
    assert_int_equal(rules_tagged(db, SPAN("attack.t_110"), &arena, &rows, &n, &e), ERR_INVALID);
    db_close(&db);
}

/* Costs add up by text, are listed most first, and a stopped rule stays stopped until it is resumed or changed. */
static void costs(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct rule_cost_row *rows = NULL;
    size_t n = 0;
    for (int i = 0; i < 3; i++) {
        put(db, i, 1);
    }
    assert_int_equal(rules_switch(db, 1, TEST_NOW, &e), 0);
    struct rule_cost_delta correlation = delta(2, 0); /* counts add up, what it holds now is what was said last */
    correlation.hits = 0;
    correlation.evicted = 4;
    correlation.windows = 9;
    correlation.state_bytes = 900;
    assert_int_equal(rule_costs_add(db, &correlation, 1, TEST_NOW, &e), 0);
    correlation.windows = 3;
    correlation.state_bytes = 300;
    const struct rule_cost_delta all[] = {delta(0, 100), delta(1, 300), delta(2, 200), delta(1, 50), delta(7, 9)};
    assert_int_equal(rule_costs_add(db, all, ARRAY_LEN(all), TEST_NOW, &e), 0);
    assert_int_equal(rule_costs_list(db, COST_BY_NS, false, 10, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 3); /* 7 is not of the present generation */
    assert_true(rows[0].ns == 350 && rows[0].events == 20 && rows[0].hits == 2 && rows[0].since == TEST_NOW);
    assert_true(rows[1].ns == 200 && rows[2].ns == 100 && span_eq(rows[2].title, SPAN("Title 00")));
    correlation.events = correlation.candidates = 0;
    assert_int_equal(rule_costs_add(db, &correlation, 1, TEST_NOW, &e), 0);
    assert_int_equal(rule_costs_list(db, COST_BY_NS, false, 10, &arena, &rows, &n, &e), 0);
    assert_true(rows[1].evicted == 8 && rows[1].windows == 3 && rows[1].state_bytes == 300 && rows[0].windows == 0);
    assert_int_equal(rule_costs_list(db, COST_BY_HITS, false, 1, &arena, &rows, &n, &e), 0);
    assert_true(n == 1 && rows[0].hits == 2);
    assert_int_equal(rule_costs_list(db, COST_BY_NS, true, 10, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 0);
    assert_int_equal(rule_cost_stop(db, all[2].hash, SPAN("too dear"), TEST_NOW, &e), 0);
    assert_int_equal(rule_cost_stop(db, all[2].hash, SPAN("again"), TEST_NOW, &e), ERR_EXISTS);
    assert_int_equal(rule_costs_list(db, COST_BY_NS, true, 10, &arena, &rows, &n, &e), 0);
    assert_true(n == 1 && span_eq(rows[0].reason, SPAN("too dear")) && rows[0].stopped == TEST_NOW);
    struct buf b;
    struct rule_cost_row back;
    struct rule_cost_delta d;
    buf_init(&b, 4096);
    rule_cost_row_encode(&b, &rows[0]);
    rule_cost_encode(&b, &all[1]);
    struct cursor c = cursor_of(buf_view(&b));
    rule_cost_row_decode(&c, &back);
    rule_cost_decode(&c, &d);
    assert_true(cursor_done(&c) && span_eq(back.reason, SPAN("too dear")) && d.ns == 300);
    buf_clear(&b);
    d.ns = UINT64_MAX;
    rule_cost_encode(&b, &d);
    c = cursor_of(buf_view(&b));
    rule_cost_decode(&c, &d);
    assert_true(c.failed);
    buf_free(&b);
    assert_int_equal(rule_cost_resume(db, SPAN("nobody"), SPAN("Anna"), TEST_NOW, &e), ERR_NOT_FOUND);
    assert_int_equal(rule_cost_resume(db, SPAN("id"), SPAN("Anna"), TEST_NOW, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE what IN ('rule.stopped', 'rule.resumed')"), 2);
    assert_int_equal(rule_cost_stop(db, all[2].hash, SPAN("too dear"), TEST_NOW, &e), 0);
    put(db, 0, 2); /* the others have another text now */
    assert_int_equal(rules_switch(db, 2, TEST_NOW, &e), 0);
    assert_int_equal(rule_costs_prune(db, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM rule_cost"), 1);
    db_close(&db);
}

static void generations(void **state)
{
    (void)state;
    struct db *db = test_db();
    int64_t g = -1;
    assert_int_equal(rules_generation(db, &e, &g), 0);
    assert_int_equal(g, 0);
    for (int i = 0; i < 7; i++) {
        put(db, i, 1);
    }
    struct rule_refusal bad = {SPAN("a.yml"), 7, SPAN("no condition")};
    assert_int_equal(rules_put_refusal(db, &bad, 1, &e), 0);
    struct rule_page page;
    assert_int_equal(rules_list(db, SPAN(""), SPAN(""), SPAN(""), 3, &arena, &page, &e), 0);
    assert_int_equal(page.total, 0); /* nothing is listed before the switch */
    assert_int_equal(rules_switch(db, 1, TEST_NOW, &e), 0);
    size_t seen = 0;
    struct span title = SPAN("");
    struct span hash = SPAN("");
    do {
        assert_int_equal(rules_list(db, SPAN("tITLE"), title, hash, 3, &arena, &page, &e), 0);
        seen += page.count;
        title = page.rows[page.count - 1].title;
        hash = page.rows[page.count - 1].hash;
    } while (page.more);
    assert_int_equal(seen, 7);
    assert_int_equal(rules_list(db, SPAN("02"), SPAN(""), SPAN(""), 9, &arena, &page, &e), 0);
    assert_int_equal(page.count, 2);
    /* A new load brings only one of them: the others are still there for old alerts. */
    put(db, 3, 2);
    assert_int_equal(rules_switch(db, 2, TEST_NOW, &e), 0);
    assert_int_equal(rules_list(db, SPAN(""), SPAN(""), SPAN(""), 9, &arena, &page, &e), 0);
    assert_int_equal(page.total, 1);
    struct rule_row r;
    char old[RULE_HASH_LEN + 1];
    (void)snprintf(old, sizeof old, "%064d", 5);
    assert_int_equal(rules_get(db, span_of(old), &arena, &r, &e), 0);
    assert_true(span_eq(r.text, SPAN("title: x\n")));
    assert_int_equal(rules_count_alert(db, span_of(old), 9, &e), 0);
    assert_int_equal(rules_get(db, span_of(old), &arena, &r, &e), 0);
    assert_int_equal(r.alerts, 1);
    assert_int_equal(r.events, 9);
    assert_int_equal(rules_get(db, SPAN("none"), &arena, &r, &e), ERR_NOT_FOUND);
    struct rule_refusal *refused = NULL;
    size_t n = 9;
    assert_int_equal(rules_refused(db, &arena, &refused, &n, &e), 0);
    assert_int_equal(n, 0);
    db_close(&db);
}

static void rule_messages(void **state)
{
    (void)state;
    char hash[RULE_HASH_LEN + 1];
    (void)snprintf(hash, sizeof hash, "%064d", 1);
    struct rule_row r = {.hash = span_of(hash), .title = SPAN("t"), .level = LEVEL_LOW};
    struct buf b;
    buf_init(&b, 1 << 16);
    rule_encode(&b, &r);
    for (size_t cut = 0; cut <= b.len; cut++) {
        char *exact = mem_alloc(cut);
        memcpy(exact, b.data, cut);
        struct cursor c = cursor_of(span_make(exact, cut));
        struct rule_row back;
        rule_decode(&c, &back);
        assert_true(cursor_done(&c) == (cut == b.len));
        mem_free(exact);
    }
    buf_clear(&b);
    r.level = 17;
    rule_encode(&b, &r);
    struct cursor c = cursor_of(buf_view(&b));
    rule_decode(&c, &r);
    assert_true(c.failed);
    buf_free(&b);
}

static void source_counters(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct source_row row = {
        .name = SPAN("auth"), .kind = SPAN("journal"), .events = 5, .last_event = TIME_NONE, .dropped_at = TIME_NONE};
    assert_int_equal(sources_put(db, &row, &e), 0);
    row.events = 9;
    row.last_event = TEST_NOW;
    assert_int_equal(sources_put(db, &row, &e), 0);
    struct source_row *rows = NULL;
    size_t n = 0;
    assert_int_equal(sources_list(db, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 1);
    assert_int_equal(rows[0].events, 9);
    assert_true(rows[0].last_event == TEST_NOW);
    assert_true(rows[0].dropped_at == TIME_NONE && rows[0].lag_events == 0);
    db_close(&db);
}

/* Drops stand beside their source whatever else is there: sources without any, and causes of a newer program. */
static void source_health(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct source_row *rows = NULL;
    size_t n = 0;
    static const char *const names[] = {"c", "a", "b", "d"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct source_row row = {.name = span_of(names[i]), .events = 1, .last_event = TIME_NONE, .dropped_at = TIME_NONE};
        if (i % 2 == 1) { /* a and d */
            row.dropped = 10 + (int64_t)i;
            row.drops[DROP_BUFFER] = 7;
            row.drops[DROP_REFUSED] = (int64_t)i;
            row.dropped_at = TEST_NOW;
            row.rate_milli = 1500;
            row.lag_ms = -20;
            row.lag_events = 1;
        }
        assert_int_equal(sources_put(db, &row, &e), 0);
    }
    assert_int_equal(db_exec(db, "INSERT INTO source_drop VALUES ('0', 'buffer', 5), ('a', 'a new cause', 5), ('bb', 'buffer', 5), ('e', 'buffer', 5)", &e), 0);
    assert_int_equal(sources_list(db, &arena, &rows, &n, &e), 0);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        bool has = i == 0 || i == 3;
        assert_int_equal(rows[i].drops[DROP_BUFFER], has ? 7 : 0);
        assert_int_equal(rows[i].drops[DROP_REFUSED], i == 0 ? 1 : i == 3 ? 3 : 0);
        assert_true(rows[i].dropped_at == (has ? TEST_NOW : TIME_NONE));
        assert_true(rows[i].rate_milli == (has ? 1500 : 0) && rows[i].lag_ms == (has ? -20 : 0) && rows[i].lag_events == has);
    }
    rows[0].drops[DROP_BUFFER] = 8;
    assert_int_equal(sources_put(db, &rows[0], &e), 0);
    assert_int_equal(sources_list(db, &arena, &rows, &n, &e), 0);
    assert_int_equal(rows[0].drops[DROP_BUFFER], 8);
    db_close(&db);
}

static void source_messages(void **state)
{
    (void)state;
    struct source_row row = {.name = SPAN("n"), .kind = SPAN("k"), .events = 5, .dropped = 3, .drops = {1, 2}, .last_event = 9,
                             .dropped_at = 8, .rate_milli = 7, .lag_ms = -6, .lag_events = 5, .held = true};
    struct source_row got;
    struct buf b;
    int64_t v = 0;
    buf_init(&b, 4096);
    source_encode(&b, &row);
    struct cursor c = cursor_of(buf_view(&b));
    source_decode(&c, &got);
    assert_true(cursor_done(&c));
    assert_memory_equal(got.drops, row.drops, sizeof row.drops);
    assert_true(got.dropped_at == 8 && got.lag_ms == -6 && got.lag_events == 5 && got.held && !got.silent);
    assert_true(source_delta_fits(&got));
    buf_free(&b);
    for (size_t i = 0; i < source_number_count; i++) { /* each is known, and what the row says */
        static const int64_t want[] = {5, 3, 0, 9, 8, 7, -6, 1, 0};
        assert_true(source_number_get(&got, &source_numbers[i], &v));
        assert_true(v == want[i]);
    }
    const struct source_row none = {.last_event = TIME_NONE, .dropped_at = TIME_NONE};
    size_t known = 0;
    for (size_t i = 0; i < source_number_count; i++) {
        known += source_number_get(&none, &source_numbers[i], &v);
    }
    assert_int_equal(known, source_number_count - 3); /* last event, last drop, lag */
    static const struct source_row bad[] = {
        {.events = -1}, {.dropped = -1}, {.anomalies = -1}, {.events = 1, .lag_events = 2}, {.lag_events = -1},
        {.dropped = 1, .drops = {1, 1}}, {.dropped = 1, .drops = {-1, 1}}, {.dropped = INT64_MAX, .drops = {INT64_MAX, INT64_MAX}},
        {.events = 1, .lag_events = 1, .lag_ms = SOURCE_LAG_MAX_MS + 1}, {.events = 1, .lag_events = 1, .lag_ms = INT64_MIN},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(source_delta_fits(&bad[i]));
    }
}

static void settings(void **state)
{
    (void)state;
    struct db *db = test_db();
    char text[8];
    struct span v;
    assert_int_equal(settings_get(db, SPAN("a"), text, sizeof text, &v, &e), ERR_NOT_FOUND);
    assert_int_equal(settings_put(db, SPAN("a"), SPAN("one"), TEST_NOW, &e), 0);
    assert_int_equal(settings_put(db, SPAN("a"), SPAN("two"), TEST_NOW, &e), 0);
    assert_int_equal(settings_get(db, SPAN("a"), text, sizeof text, &v, &e), 0);
    assert_true(span_eq(v, SPAN("two")));
    assert_int_equal(settings_put(db, SPAN("a"), SPAN("far too long"), TEST_NOW, &e), 0);
    assert_int_equal(settings_get(db, SPAN("a"), text, sizeof text, &v, &e), ERR_LIMIT);
    db_close(&db);
}

int run_rule_tests(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(generations),
        cmocka_unit_test(tagged), cmocka_unit_test(costs),
        cmocka_unit_test(rule_messages),
        cmocka_unit_test(source_counters), cmocka_unit_test(source_health), cmocka_unit_test(source_messages),
        cmocka_unit_test(settings),
    };
    arena_init(&arena, 0);
    int failed = cmocka_run_group_tests_name("records/rules", tests, NULL, NULL);
    arena_fini(&arena);
    return failed;
}
