/* SPDX-License-Identifier: EUPL-1.2 */
/* Counts of the first page, over generated records, alerts and readers: each is what a plain walk over the same rows finds, or says that it stopped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>

#include "records/alerts.h"
#include "records/records.h"
#include "records/today.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)
enum { RECORDS = 300, ALERTS = 200 };

static struct err e;
static uint64_t rng = 7;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static const char *const organisations[] = {"aldea", "borgo"};
static const char *const states[] = {"open", "fixing", "closed"};
static const char *const people[] = {"ana", "bo"};

static struct db *fresh(void)
{
    struct db *db = NULL;
    if (records_open(":memory:", NOW, &e, &db) < 0) {
        fail_msg("%s", e.text);
    }
    return db;
}

/* ---- records ---- */

struct made {
    uint32_t organisation, state, author, day; /* day 0 = none */
    enum tlp tlp;
};

static void day_text(uint32_t day, char out[16])
{
    out[0] = '\0';
    if (day != 0) {
        (void)snprintf(out, 16, "2026-11-%02u", day % 100);
    }
}

static void put_record(struct db *db, uint32_t i, const struct made *m)
{
    char id[40];
    char day[16];
    struct record_astray astray = {0};
    (void)snprintf(id, sizeof id, "00000000-0000-7000-8000-%012u", i);
    day_text(m->day, day);
    struct record_put p = {.row = {.id = span_of(id), .kind = SPAN("finding"), .organisation = span_of(organisations[m->organisation]),
                                   .author = span_of(people[m->author]), .author_name = SPAN("Ana"), .state = span_of(states[m->state]), .title = SPAN("t"),
                                   .fields = SPAN("{}"), .tlp = m->tlp, .created = 1, .changed = 1, .version = 1},
                           .scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                           .who = SPAN("Ana"), .what = SPAN("record.created"), .nkeys = 2,
                           .keys = {{SPAN("due"), span_of(day)}, {REGISTER_KEY_STATE, span_of(states[m->state])}}};
    assert_int_equal(record_put(db, &p, &astray, &e), 0);
}

static bool seen(const struct record_scope *s, const struct made *m)
{
    bool own = span_eq(s->organisation, span_of(organisations[m->organisation]));
    bool mine = span_eq(s->person, span_of(people[m->author]));
    uint8_t most = own ? s->own : s->other;
    uint8_t most_mine = own ? s->own_mine : s->other_mine;
    uint64_t rank = tlp_rank(m->tlp);
    return rank <= most || (mine && rank <= most_mine);
}

static void records_are_counted(void **state)
{
    (void)state;
    static struct made made[RECORDS];
    struct db *db = fresh();
    uint64_t found = 0;
    for (uint32_t i = 0; i < RECORDS; i++) {
        made[i] = (struct made){below(2), below(3), below(2), below(29), (enum tlp)(TLP_CLEAR + below(5))};
        put_record(db, i, &made[i]);
    }
    for (int i = 0; i < 400; i++) {
        char from[16];
        char to[16];
        uint32_t first = below(3) == 0 ? 0 : 1 + below(28);
        uint32_t last = 1 + below(28);
        uint32_t st = below(3);
        int64_t want = 0;
        struct today_count n;
        day_text(first, from);
        day_text(last, to);
        uint8_t other = below(2) == 0 ? 0 : (uint8_t)below(6);
        struct today_due q = {.scope = {.organisation = span_of(organisations[below(2)]), .person = span_of(people[below(2)]), .own = (uint8_t)below(6), .own_mine = 5,
                                        .other = other, .other_mine = other},
                              .kind = SPAN("finding"), .state = span_of(states[st]), .field = SPAN("due"), .from = span_of(from), .to = span_of(to)};
        for (uint32_t r = 0; r < RECORDS; r++) {
            want += made[r].state == st && made[r].day != 0 && made[r].day >= first && made[r].day <= last && seen(&q.scope, &made[r]);
        }
        assert_int_equal(today_due_count(db, &q, &n, &e), 0);
        assert_false(n.more);
        assert_int_equal(n.count, want);
        found += (uint64_t)want;
    }
    assert_true(found > 400);
    const struct today_due nobody = {.kind = SPAN("finding"), .state = SPAN("open"), .field = SPAN("due"), .to = SPAN("2027-01-01")};
    struct today_count n = {1, true};
    assert_int_equal(today_due_count(db, &nobody, &n, &e), 0);
    assert_true(n.count == 0 && !n.more);
    db_close(&db);
}

/* Beyond what lists count exactly it says "more". */
static void many_records(void **state)
{
    (void)state;
    struct db *db = fresh();
    struct today_count n;
    assert_int_equal(db_begin(db, &e), 0);
    int rc = db_exec(db,
                     "WITH RECURSIVE i(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM i WHERE n < 1001)"
                     " INSERT INTO record (id, kind, organisation, author, author_name, state, title, fields, tlp, created, changed, version)"
                     " SELECT 'r' || n, 'finding', 'aldea', 'ana', 'Ana', 'open', 't', '{}', 1, 1, 1, 1 FROM i;"
                     "INSERT INTO record_key (record_id, kind, field, organisation, value) SELECT id, 'finding', 'state', 'aldea', 'open' FROM record;"
                     "INSERT INTO record_key (record_id, kind, field, organisation, value) SELECT id, 'finding', 'due', 'aldea', '2026-01-01' FROM record;",
                     &e);
    assert_int_equal(db_end(db, rc, &e), 0);
    struct today_due q = {.scope = {.organisation = SPAN("aldea"), .person = SPAN("ana"), .own = 5, .own_mine = 5}, .kind = SPAN("finding"), .state = SPAN("open"),
                          .field = SPAN("due"), .to = SPAN("2026-01-01")};
    assert_int_equal(today_due_count(db, &q, &n, &e), 0);
    assert_true(n.more && n.count == TODAY_COUNT_MAX);
    q.to = SPAN("2025-12-31");
    assert_int_equal(today_due_count(db, &q, &n, &e), 0);
    assert_true(!n.more && n.count == 0);
    db_close(&db);
}

/* ---- alerts ---- */

struct rung {
    uint32_t organisation, level, status;
    int64_t received;
};

static void put_alert(struct db *db, uint32_t i, struct rung *r)
{
    char id[ALERT_ID_LEN + 1];
    char sql[160];
    bool is_new = false;
    const struct alert a = {.organisation = span_of(organisations[r->organisation]), .rule_id = SPAN("rule"), .rule_hash = SPAN("hash"), .title = SPAN("t"),
                            .level = (enum alert_level)r->level, .time = r->received, .received = r->received, .last_time = r->received, .count = 1,
                            .source = SPAN("s"), .product = SPAN(""), .category = SPAN(""), .service = SPAN(""), .summary = SPAN("")};
    const struct alert_place place = {.day = 1, .block = 1, .index = i};
    assert_int_equal(db_begin(db, &e), 0);
    assert_int_equal(db_end(db, alerts_insert(db, &a, SPAN("d"), &place, id, &is_new, &e), &e), 0);
    assert_true(is_new);
    (void)snprintf(sql, sizeof sql, "UPDATE alert SET status = %u WHERE id = '%s'", r->status, id);
    assert_int_equal(db_exec(db, sql, &e), 0);
}

static void alerts_are_counted(void **state)
{
    (void)state;
    static struct rung rungs[ALERTS];
    struct db *db = fresh();
    for (uint32_t i = 0; i < ALERTS; i++) {
        rungs[i] = (struct rung){below(2), below(LEVEL_CRITICAL + 1), below(ALERT_STATUS_COUNT), NOW - (int64_t)below(10) * TIME_DAY};
        put_alert(db, i, &rungs[i]);
    }
    static const struct policy_places scopes[] = {{1, {SPAN("aldea")}}, {1, {SPAN("borgo")}}, {1, {SPAN("*")}}, {3, {SPAN("aldea"), SPAN("nobody"), SPAN("borgo")}}};
    for (int i = 0; i < 200; i++) {
        const struct policy_places places = scopes[below(4)];
        struct today_alerts q = {(int32_t)below(LEVEL_CRITICAL + 2) - 1, below(2) == 0 ? INT64_MAX : NOW - (int64_t)below(10) * TIME_DAY};
        struct today_count n;
        int64_t want = 0;
        for (uint32_t r = 0; r < ALERTS; r++) {
            want += rungs[r].status != ALERT_CLOSED && (q.level < 0 || (uint32_t)q.level == rungs[r].level) && rungs[r].received < q.until &&
                    policy_places_have(&places, span_of(organisations[rungs[r].organisation]));
        }
        assert_int_equal(today_alerts_count(db, &places, &q, &n, &e), 0);
        assert_true(n.count == want && !n.more);
        /* and the list that it opens has as many */
        struct arena a;
        struct alert_page page;
        arena_init(&a, 0);
        const struct alert_filter f = {.places = places, .statuses = 1u << ALERT_NEW | 1u << ALERT_ACKNOWLEDGED, .levels = q.level < 0 ? 0 : 1u << q.level,
                                       .limit = ALERT_PAGE_MAX, .before_received = q.until};
        assert_int_equal(alerts_list(db, &f, &a, &page, &e), 0);
        assert_true((int64_t)page.count == want && !page.more);
        arena_fini(&a);
    }
    db_close(&db);
}

/* ---- messages ---- */

static void messages(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    const struct today_alerts alerts = {-1, 5};
    const struct today_due due = {.scope = {.organisation = SPAN("o"), .person = SPAN("p"), .own = 2}, .kind = SPAN("risk"), .state = SPAN("s"), .field = SPAN("f"),
                                  .from = SPAN(""), .to = SPAN("2026-01-01")};
    const struct today_count count = {TODAY_COUNT_MAX, true};
    today_alerts_encode(&b, &alerts);
    today_due_encode(&b, &due);
    today_count_encode(&b, &count);
    for (size_t len = 0; len <= b.len; len++) {
        struct today_alerts ra;
        struct today_due rd;
        struct today_count rc;
        struct cursor c = cursor_of(span_make((const char *)b.data, len));
        today_alerts_decode(&c, &ra);
        today_due_decode(&c, &rd);
        today_count_decode(&c, &rc);
        assert_true(cursor_done(&c) == (len == b.len));
        assert_true(len < b.len || (ra.level == -1 && ra.until == 5 && span_eq(rd.to, due.to) && rc.more && rc.count == TODAY_COUNT_MAX));
    }
    buf_clear(&b);
    today_alerts_encode(&b, &(struct today_alerts){LEVEL_CRITICAL + 1, 0});
    struct today_alerts ra;
    struct cursor c = cursor_of(buf_view(&b));
    today_alerts_decode(&c, &ra);
    assert_true(c.failed);
    buf_clear(&b);
    today_count_encode(&b, &(struct today_count){TODAY_COUNT_MAX + 1, false});
    struct today_count rc;
    c = cursor_of(buf_view(&b));
    today_count_decode(&c, &rc);
    assert_true(c.failed);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(records_are_counted), cmocka_unit_test(many_records), cmocka_unit_test(alerts_are_counted),
                                       cmocka_unit_test(messages)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
