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
            q.kinds[i] = (struct due_kind){.scope = {.organisation = span_of(towns[below(2)]), .person = span_of(people[below(2)]), .own = own, .own_mine = (uint8_t)(own + below(6u - own)),
                                                     .other = other, .other_mine = (uint8_t)(other + below(6u - other))},
                                           .kind = span_of(kinds[i])};
        }
        came += walk(db, &q, all);
    }
    assert_true(came > 1000);
    db_close(&db);
}

/* ---- whose they are ---- */

#define ALL {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5}

/* Of a kind and state, made by somebody, due or not; its keys and its one link. */
static void store(struct db *db, const char *id, const char *kind, const char *state, const char *author, struct record_key key, struct record_to to)
{
    struct record_astray astray = {0};
    const struct record_put p = {.row = {.id = span_of(id), .kind = span_of(kind), .organisation = SPAN("aldea"), .author = span_of(author), .author_name = SPAN("A"),
                                         .state = span_of(state), .title = span_of(id), .fields = SPAN("{}"), .tlp = TLP_AMBER, .created = 1, .changed = 1, .version = 1},
                                 .scope = ALL, .who = SPAN("A"), .what = SPAN("record.created"), .nkeys = 2, .keys = {{REGISTER_KEY_DUE, SPAN("2026-11-05")}, key},
                                 .nlinks = to.id.len > 0, .links = {to}};
    if (record_put(db, &p, &astray, &e) != 0) {
        fail_msg("%s: %s", id, e.text);
    }
}

static void run_sql(struct db *db, const char *sql)
{
    assert_int_equal(db_exec(db, sql, &e), 0);
}

static void account(struct db *db, const char *id, bool disabled, const char *person)
{
    char sql[400];
    (void)snprintf(sql, sizeof sql, "INSERT INTO user_account (id, name, name_key, password, role, organisation, created, disabled) VALUES ('%s', '%s', '%s', '', 'reader', 'aldea', 1, %s)", id, id, id,
                   disabled ? "2" : "NULL");
    run_sql(db, sql);
    (void)snprintf(sql, sizeof sql, "INSERT INTO account_person (user_id, person, created) VALUES ('%s', '%s', 1)", id, person);
    run_sql(db, sql);
}

static const struct {
    const char *id, *kind, *to, *text, *author;
    bool ana, bo; /* whose it is */
} whose[] = {
    {"1", "by_person", "person-ana", "", "bo", true, false},
    {"2", "by_person", "person-ana", "bo", "cy", true, false},       /* the text counts where the link names nobody */
    {"3", "by_person", "person-none", "bo", "ana", true, true},      /* has no account: as if he were not named */
    {"4", "by_person", "person-left", "", "bo", false, true},        /* his account was closed */
    {"5", "by_person", "", "ana", "bo", true, true},
    {"6", "by_person", "", "", "cy", false, false},
    {"7", "by_unit", "unit-ana", "", "bo", true, false},             /* its officer */
    {"8", "by_unit", "unit-none", "", "bo", false, true},
    {"9", "by_act", "act-now", "", "bo", true, false},               /* its holder */
    {"a", "by_act", "act-over", "", "bo", false, true},
    {"b", "by_act", "act-draft", "", "bo", false, true},
    {"c", "by_text", "", "bo", "cy", false, true},
    {"d", "by_text", "", "Bo", "ana", true, false},
};

static void whose_of(struct db *db, const char *user, bool mine_alone, char out[ARRAY_LEN(whose) + 1])
{
    static struct due_query q;
    struct arena a;
    struct due_page page;
    q = (struct due_query){.to = SPAN("2026-12-31"), .user = span_of(user), .name = span_of(user), .moment = SPAN("2026-11-05T08:00:00Z"), .mine = mine_alone, .limit = DUE_PAGE_MAX, .nkinds = 4,
                           .kinds = {{ALL, SPAN("by_person"), SPAN("whose"), SPAN("person"), SPAN("owner")}, {ALL, SPAN("by_unit"), SPAN("whose"), SPAN("unit"), SPAN("")},
                                     {ALL, SPAN("by_act"), SPAN("whose"), SPAN("appointment"), SPAN("")}, {ALL, SPAN("by_text"), SPAN(""), SPAN(""), SPAN("owner")}}};
    size_t n = 0;
    arena_init(&a, 0);
    assert_int_equal(due_list(db, &q, &a, &page, &e), 0);
    assert_true(mine_alone || page.nrows == ARRAY_LEN(whose));
    for (uint32_t i = 0; i < page.nrows; i++) {
        if (page.rows[i].mine) {
            out[n++] = page.rows[i].row.id.ptr[0];
        }
        assert_true(page.rows[i].mine || !mine_alone);
    }
    out[n] = '\0';
    arena_fini(&a);
}

/* A reminder reaches whom the record names, by his account; else who made it, or whose name stands there. */
static void test_whose(void **state)
{
    (void)state;
    struct db *db = NULL;
    char wanted_ana[ARRAY_LEN(whose) + 1] = "", wanted_bo[ARRAY_LEN(whose) + 1] = "", got[ARRAY_LEN(whose) + 1];
    const struct record_key none = {SPAN("x"), SPAN("")};
    const struct record_to nobody = {.id = SPAN("")};
    assert_int_equal(records_open(":memory:", NOW, &e, &db), 0);
    static const char *const persons[] = {"person-ana", "person-none", "person-left", "person-bo"};
    for (size_t i = 0; i < ARRAY_LEN(persons); i++) {
        store(db, persons[i], "person", "active", "cy", none, nobody);
    }
    account(db, "ana", false, "person-ana");
    account(db, "bo", false, "person-bo");
    account(db, "left", true, "person-left");
    store(db, "unit-ana", "unit", "active", "cy", none, (struct record_to){SPAN("officer"), SPAN("person"), SPAN("person-ana"), true});
    store(db, "unit-none", "unit", "active", "cy", none, (struct record_to){SPAN("officer"), SPAN("person"), SPAN("person-none"), true});
    store(db, "act-now", "appointment", "signed", "cy", (struct record_key){SPAN("ends"), SPAN("2026-11-05T08:30:00Z")}, (struct record_to){SPAN("person"), SPAN("person"), SPAN("person-ana"), true});
    store(db, "act-over", "appointment", "signed", "cy", (struct record_key){SPAN("ends"), SPAN("2026-11-05T08:00:00Z")}, (struct record_to){SPAN("person"), SPAN("person"), SPAN("person-ana"), true});
    store(db, "act-draft", "appointment", "draft", "cy", (struct record_key){SPAN("ends"), SPAN("")}, (struct record_to){SPAN("person"), SPAN("person"), SPAN("person-ana"), true});
    for (size_t i = 0; i < ARRAY_LEN(whose); i++) {
        store(db, whose[i].id, whose[i].kind, "open", whose[i].author, (struct record_key){SPAN("owner"), span_of(whose[i].text)},
              (struct record_to){SPAN("whose"), whose[i].kind[3] == 'u' ? SPAN("unit") : whose[i].kind[3] == 'a' ? SPAN("appointment") : SPAN("person"), span_of(whose[i].to), true});
        wanted_ana[strlen(wanted_ana)] = whose[i].ana ? whose[i].id[0] : '\0';
        wanted_bo[strlen(wanted_bo)] = whose[i].bo ? whose[i].id[0] : '\0';
    }
    for (int alone = 0; alone < 2; alone++) {
        whose_of(db, "ana", alone == 1, got);
        assert_string_equal(got, wanted_ana);
        whose_of(db, "bo", alone == 1, got);
        assert_string_equal(got, wanted_bo);
    }
    db_close(&db);
}

static void test_message(void **state)
{
    (void)state;
    struct buf b;
    struct due_query q = {.to = SPAN("2026-12-31"), .after = SPAN("2026-12-01"), .after_id = SPAN("x"), .limit = 3, .mine = true, .user = SPAN("u"), .name = SPAN("Ana"),
                          .nkinds = 1, .kinds = {{{.own = 2, .own_mine = 5}, SPAN("risk"), SPAN("whose"), SPAN("person"), SPAN("owner")}}};
    static struct due_query out;
    buf_init(&b, 4096);
    due_query_encode(&b, &q);
    struct cursor c = cursor_of(buf_view(&b));
    due_query_decode(&c, &out);
    assert_true(cursor_done(&c) && out.limit == 3 && out.nkinds == 1 && out.kinds[0].scope.own_mine == 5 && span_eq(out.kinds[0].kind, SPAN("risk")) && span_eq(out.after_id, SPAN("x")));
    assert_true(out.mine && span_eq(out.user, SPAN("u")) && span_eq(out.name, SPAN("Ana")) && span_eq(out.kinds[0].link_kind, SPAN("person")) && span_eq(out.kinds[0].text, SPAN("owner")));
    q.kinds[0].link_kind = SPAN("system"); /* no kind that stands for a person */
    buf_clear(&b);
    due_query_encode(&b, &q);
    c = cursor_of(buf_view(&b));
    due_query_decode(&c, &out);
    assert_true(c.failed);
    q.kinds[0].link_kind = SPAN("person");
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_list), cmocka_unit_test(test_whose), cmocka_unit_test(test_message)};
    return cmocka_run_group_tests_name("what is due", tests, NULL, NULL);
}
