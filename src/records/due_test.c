/* SPDX-License-Identifier: EUPL-1.2 */
/* The list of what is due, over generated records of several kinds and readers: each page by page what a plain walk over the same rows finds, in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "records/due.h"
#include "records/records.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)
enum { RECORDS = 240, KINDS = 3 };

static struct err e;
static uint64_t rng = 11;
static const char *const kinds[KINDS] = {"finding", "risk", "waiver"};
static const char *const towns[] = {"aldea", "borgo"};
static const char *const people[] = {"ana", "bo"};

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

struct made {
    uint32_t kind, town, author;
    enum tlp tlp;
    char id[40], day[16]; /* day empty = none */
};

static void put(struct db *db, uint32_t i, struct made *m)
{
    struct record_astray astray = {0};
    *m = (struct made){below(KINDS), below(2), below(2), (enum tlp)(TLP_CLEAR + below(5)), "", ""};
    (void)snprintf(m->id, sizeof m->id, "00000000-0000-7000-8000-%012u", i);
    if (below(5) > 0) {
        (void)snprintf(m->day, sizeof m->day, "2026-%02u-%02u", 11 + below(2), 1 + below(9));
    }
    const struct record_put p = {.row = {.id = span_of(m->id), .kind = span_of(kinds[m->kind]), .organisation = span_of(towns[m->town]), .author = span_of(people[m->author]),
                                         .author_name = SPAN("Ana"), .state = SPAN("open"), .title = SPAN("t"), .fields = SPAN("{}"), .tlp = m->tlp, .created = 1, .changed = 1, .version = 1},
                                 .scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                                 .who = SPAN("Ana"), .what = SPAN("record.created"), .nkeys = 1, .keys = {{REGISTER_KEY_DUE, span_of(m->day)}}};
    assert_int_equal(record_put(db, &p, &astray, &e), 0);
}

static bool wanted(const struct due_query *q, const struct made *m)
{
    for (uint32_t i = 0; i < q->nkinds; i++) {
        const struct record_scope *s = &q->kinds[i].scope;
        bool own = span_eq(s->organisation, span_of(towns[m->town]));
        bool mine = span_eq(s->person, span_of(people[m->author]));
        uint8_t most = own ? (mine ? s->own_mine : s->own) : (mine ? s->other_mine : s->other);
        if (span_eq(q->kinds[i].kind, span_of(kinds[m->kind]))) {
            return tlp_rank(m->tlp) <= most && m->day[0] != '\0' && strcmp(m->day, q->to.ptr) <= 0;
        }
    }
    return false;
}

/* Every page of it; how many came. */
static uint32_t walk(struct db *db, struct due_query *q, const struct made *all)
{
    struct arena a;
    struct due_page page;
    uint32_t n = 0;
    char before[64] = "";
    bool told[RECORDS] = {false};
    arena_init(&a, 0);
    q->after = q->after_id = SPAN("");
    do {
        assert_int_equal(due_list(db, q, &a, &page, &e), 0);
        assert_true(page.nrows <= q->limit && (page.nrows == q->limit || !page.more));
        for (uint32_t i = 0; i < page.nrows; i++, n++) {
            uint32_t at = (uint32_t)strtoul(page.rows[i].row.id.ptr + 24, NULL, 10);
            char place[64];
            (void)snprintf(place, sizeof place, "%.*s %.*s", SPAN_ARG(page.rows[i].day), SPAN_ARG(page.rows[i].row.id));
            assert_true(strcmp(before, place) < 0);
            memcpy(before, place, sizeof before);
            assert_true(at < RECORDS && !told[at] && wanted(q, &all[at]) && span_eq(page.rows[i].day, span_of(all[at].day)));
            told[at] = true;
            q->after = page.rows[i].day;
            q->after_id = page.rows[i].row.id;
        }
    } while (page.more);
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_true(told[i] == wanted(q, &all[i]));
    }
    arena_fini(&a);
    return n;
}

static void test_list(void **state)
{
    (void)state;
    struct db *db = NULL;
    static struct made all[RECORDS];
    static const uint32_t limits[] = {1, 7, 50, DUE_PAGE_MAX};
    static const char *const ends[] = {"2026-10-31", "2026-11-05", "2026-12-31"};
    uint32_t came = 0;
    assert_int_equal(records_open(":memory:", NOW, &e, &db), 0);
    for (uint32_t i = 0; i < RECORDS; i++) {
        put(db, i, &all[i]);
    }
    for (uint32_t round = 0; round < 60; round++) {
        struct due_query q = {.to = span_of(ends[below(3)]), .limit = limits[below(4)], .nkinds = below(KINDS + 1)};
        for (uint32_t i = 0; i < q.nkinds; i++) {
            uint8_t own = (uint8_t)below(6), other = (uint8_t)(below(2) * below(6));
            q.kinds[i] = (struct due_kind){{.organisation = span_of(towns[below(2)]), .person = span_of(people[below(2)]), .own = own, .own_mine = (uint8_t)(own + below(6u - own)),
                                            .other = other, .other_mine = (uint8_t)(other + below(6u - other))},
                                           span_of(kinds[i])};
        }
        came += walk(db, &q, all);
    }
    assert_true(came > 1000);
    db_close(&db);
}

static void test_message(void **state)
{
    (void)state;
    struct buf b;
    struct due_query q = {.to = SPAN("2026-12-31"), .after = SPAN("2026-12-01"), .after_id = SPAN("x"), .limit = 3, .nkinds = 1, .kinds = {{{.own = 2, .own_mine = 5}, SPAN("risk")}}};
    static struct due_query out;
    buf_init(&b, 4096);
    due_query_encode(&b, &q);
    struct cursor c = cursor_of(buf_view(&b));
    due_query_decode(&c, &out);
    assert_true(cursor_done(&c) && out.limit == 3 && out.nkinds == 1 && out.kinds[0].scope.own_mine == 5 && span_eq(out.kinds[0].kind, SPAN("risk")) && span_eq(out.after_id, SPAN("x")));
    static const uint32_t limits[] = {0, DUE_PAGE_MAX + 1};
    for (size_t i = 0; i < ARRAY_LEN(limits); i++) {
        q.limit = limits[i];
        buf_clear(&b);
        due_query_encode(&b, &q);
        c = cursor_of(buf_view(&b));
        due_query_decode(&c, &out);
        assert_true(c.failed);
    }
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_list), cmocka_unit_test(test_message)};
    return cmocka_run_group_tests_name("what is due", tests, NULL, NULL);
}
