/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records in the database: their life and trail, lists by every key, keys made anew; and that the WHERE clause of a list shows
 * and counts exactly the records that policy_record_allows would, over generated readers and records.
 */
#include <stdio.h>
#include <string.h>

#include "base/test_cases.h"
#include "records/audit.h"
#include "records/records_test.h"
#include "records/registers/record_row.h"

static struct err e;
static struct record_astray none;

#define ALL ((struct record_scope){.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5})

static struct registers *kinds(void)
{
    static struct registers *r;
    if (r == NULL) {
        r = registers_load(NULL, 0);
    }
    return r;
}

static struct record_put make(struct arena *a, const char *id, const char *organisation, const char *fields, int64_t version)
{
    const struct register_kind *k = registers_by_name(kinds(), SPAN("risk"));
    struct record_put p = {.row = {.id = span_of(id),
                                   .kind = k->name,
                                   .organisation = span_of(organisation),
                                   .author = SPAN("p"),
                                   .author_name = SPAN("Anna"),
                                   .state = SPAN("identified"),
                                   .fields = span_of(fields),
                                   .tlp = TLP_AMBER_STRICT,
                                   .created = TEST_NOW,
                                   .changed = TEST_NOW + version,
                                   .version = version},
                           .scope = ALL,
                           .who = SPAN("Anna"),
                           .what = version == 1 ? SPAN("record.created") : SPAN("record.changed")};
    struct jcs *doc = NULL;
    assert_int_equal(jcs_read_decimals(a, p.row.fields, JCS_DEPTH_MAX, &doc, &e), 0);
    p.nkeys = (uint32_t)register_keys(a, k, doc, p.row.organisation, p.row.state, p.row.tlp, p.row.created, p.row.changed, p.keys);
    return p;
}

static void life(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct arena a;
    struct record_row row;
    int64_t rows = 0;
    const struct record_scope all = ALL;
    arena_init(&a, 0);
    struct record_put p = make(&a, "r1", "town", "{\"impact\":3,\"title\":\"flood\"}", 1);
    assert_int_equal(record_put(db, &p, &none, &e), 0);
    assert_int_equal(record_put(db, &p, &none, &e), ERR_EXISTS); /* the same id */
    assert_int_equal(record_get(db, &all, SPAN("risk"), SPAN("r1"), &a, &row, &e), 0);
    assert_true(span_eq(row.fields, p.row.fields) && row.tlp == TLP_AMBER_STRICT && row.version == 1 && row.created == TEST_NOW);
    assert_int_equal(record_get(db, &all, SPAN("finding"), SPAN("r1"), &a, &row, &e), ERR_NOT_FOUND);
    p = make(&a, "r1", "town", "{\"impact\":4,\"title\":\"flood\"}", 2);
    assert_int_equal(record_put(db, &p, &none, &e), 0);
    assert_int_equal(record_put(db, &p, &none, &e), ERR_EXISTS); /* the version went on */
    p.row.version = 4;
    assert_int_equal(record_put(db, &p, &none, &e), ERR_EXISTS);
    p = make(&a, "r1", "village", "{\"title\":\"flood\"}", 3);
    assert_int_equal(record_put(db, &p, &none, &e), ERR_INVALID); /* it never leaves its organisation */
    p = make(&a, "r2", "town", "{\"title\":\"x\"}", 2);
    assert_int_equal(record_put(db, &p, &none, &e), ERR_NOT_FOUND);
    p = make(&a, "r1", "town", "{\"title\":\"flood\"}", 3);
    p.scope = (struct record_scope){.organisation = SPAN("village"), .person = SPAN("p"), .own = 5, .own_mine = 5};
    assert_int_equal(record_put(db, &p, &none, &e), ERR_NOT_FOUND); /* not his to see */
    p = make(&a, "r3", "town", "{\"title\":\"secret\"}", 1);
    p.scope = (struct record_scope){.organisation = SPAN("town"), .person = SPAN("q"), .own = 3, .own_mine = 5};
    assert_int_equal(record_put(db, &p, &none, &e), ERR_DENIED); /* he could not read it */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record"), 1);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_key WHERE record_id <> 'r1'"), 0);
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    assert_int_equal(rows, 2);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM audit WHERE subject = 'risk/r1' AND after_value LIKE '%\"impact\":4%' "
                                     "AND before_value LIKE '%\"impact\":3%'"), 1);
    arena_fini(&a);
    db_close(&db);
}

/* ---- the clause and the function ---- */

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

enum { RECORDS = 60 };
static const struct span organisations[] = {SPAN("aldea"), SPAN("borgo"), SPAN("casa"), SPAN("dorf"), SPAN("*")};
static const struct span people[] = {SPAN("ana"), SPAN("bo"), SPAN("carla")};

static void fill(struct db *db, struct arena *a, struct record_row rows[RECORDS])
{
    for (uint32_t i = 0; i < RECORDS; i++) {
        const char *id = arena_printf(a, "%02u", i);
        const char *fields = arena_printf(a, "{\"impact\":%u,\"title\":\"t%u\"}", 1 + below(5), below(9));
        struct record_put p = make(a, id, organisations[below(5)].ptr, fields, 1);
        p.row.author = people[below(3)];
        p.row.tlp = (enum tlp)(TLP_CLEAR + below(5));
        rows[i] = p.row;
        assert_int_equal(record_put(db, &p, &none, &e), 0);
    }
}

/* Every page of a list; which records came, as bits, and that the count is theirs. */
static uint64_t listed(struct db *db, struct record_query *q, struct arena *a)
{
    uint64_t bits = 0;
    int64_t n = 0;
    struct record_page page;
    q->after_id = SPAN("");
    do {
        assert_int_equal(record_list(db, q, a, &page, &e), 0);
        assert_false(page.uncounted);
        for (uint32_t i = 0; i < page.nrows; i++) {
            uint32_t place = (uint32_t)((page.rows[i].id.ptr[0] - '0') * 10 + page.rows[i].id.ptr[1] - '0');
            assert_true((bits >> place & 1) == 0); /* none twice */
            bits |= UINT64_C(1) << place;
            n++;
        }
        if (page.nrows > 0) {
            q->after = page.last;
            q->after_id = page.rows[page.nrows - 1].id;
        }
    } while (page.more);
    assert_int_equal(n, page.count);
    return bits;
}

static void clause(void **state)
{
    (void)state;
    static const char *const sorts[] = {"title", "impact", "created", "changed", "state", "tlp", "organisation"};
    const struct register_kind *k = registers_by_name(kinds(), SPAN("risk"));
    struct db *db = test_db();
    struct arena a;
    struct arena scratch;
    struct record_row rows[RECORDS];
    uint64_t cases = 300 + test_cases(0) / 100; /* each asks of sixty records */
    uint64_t seen = 0;
    arena_init(&a, 0);
    arena_init(&scratch, 0);
    rng = 7;
    fill(db, &a, rows);
    for (uint64_t c = 0; c < cases; c++) {
        rng = c + 1;
        struct policy_reader reader = {.kind = READER_PERSON, .person = people[below(3)], .organisation = organisations[below(5)],
                                       .in_house = true, .roles = below(32), .may = below(4) == 0 ? 0 : POLICY_MAY_RECORDS};
        reader.whole_node = span_eq(reader.organisation, SPAN("*"));
        struct policy_seat seats[5];
        reader.seats = seats;
        reader.nseats = below(2) * below(6);
        for (uint32_t i = 0; i < reader.nseats; i++) {
            seats[i] = (struct policy_seat){organisations[below(below(8) == 0 ? 5 : 4)], below(32), TEST_NOW - 1 + (time_ns)below(3), TEST_NOW + (time_ns)below(3),
                                            below(4) == 0 ? 0 : POLICY_MAY_RECORDS};
        }
        struct record_query q = {.kind = k->name, .sort = span_of(sorts[below(ARRAY_LEN(sorts))]), .descending = below(2) != 0,
                                 .limit = 1 + below(25)};
        struct span wanted = register_key_number(&scratch, 1 + below(5));
        if (below(3) == 0) {
            q.filters[q.nfilters++] = (struct record_filter){.field = SPAN("impact"), .value = wanted, .how = (enum record_compare)below(3)};
        }
        if (q.nfilters == 1 && below(2) == 0) { /* "from" beside it: the same keys, and no fewer records than it alone */
            q.filters[q.nfilters++] = (struct record_filter){.field = SPAN("impact"), .value = register_key_number(&scratch, 1), .how = RECORD_FROM};
            q.filters[q.nfilters++] = (struct record_filter){.field = SPAN("state"), .value = SPAN("identified")}; /* as all are */
        }
        policy_record_scope(&reader, &k->rights, TEST_NOW, &q.scope);
        uint64_t got = listed(db, &q, &scratch);
        for (uint32_t i = 0; i < RECORDS; i++) {
            const struct policy_record r = {rows[i].organisation, rows[i].author, rows[i].tlp};
            struct record_row row;
            struct jcs *doc = NULL;
            bool may = policy_record_allows(&reader, &k->rights, &r, RECORD_READ, TEST_NOW);
            assert_int_equal(record_get(db, &q.scope, k->name, rows[i].id, &scratch, &row, &e), may ? 0 : ERR_NOT_FOUND);
            assert_int_equal(jcs_read_decimals(&scratch, rows[i].fields, 4, &doc, &e), 0);
            int way = memcmp(register_key_number(&scratch, jcs_get(doc, "impact")->number).ptr, wanted.ptr, REGISTER_KEY_TEXT);
            bool fits = q.nfilters == 0 || (q.filters[0].how == RECORD_EQUAL ? way == 0 : q.filters[0].how == RECORD_FROM ? way >= 0 : way <= 0);
            assert_int_equal(got >> i & 1, may && fits);
            seen += may;
        }
        arena_reset(&scratch);
    }
    assert_true(seen > cases);
    arena_fini(&a);
    arena_fini(&scratch);
    db_close(&db);
}

static void renewed(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct arena a;
    arena_init(&a, 0);
    assert_int_equal(record_keys_renew(db, kinds(), TEST_NOW, &e), 0);
    for (uint32_t i = 0; i < 1003; i++) { /* more than two batches */
        struct record_put p = make(&a, arena_printf(&a, "r%04u", i), "town", "{\"impact\":2,\"title\":\"t\"}", 1);
        assert_int_equal(record_put(db, &p, &none, &e), 0);
    }
    int64_t keys = test_number(db, "SELECT COUNT(*) FROM record_key");
    assert_int_equal(db_exec(db, "DELETE FROM record_key WHERE field = 'impact'", &e), 0);
    assert_int_equal(record_keys_renew(db, kinds(), TEST_NOW, &e), 0); /* as far as it knows nothing changed */
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_key WHERE field = 'impact'"), 0);
    assert_int_equal(db_exec(db, "UPDATE setting SET value = 'other' WHERE name = 'registers.keys.risk'", &e), 0);
    assert_int_equal(record_keys_renew(db, kinds(), TEST_NOW, &e), 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_key"), keys);
    /* One whose fields are no longer readable stops it, and all stays as it was. */
    assert_int_equal(db_exec(db, "UPDATE setting SET value = 'other' WHERE name = 'registers.keys.risk';"
                                 "UPDATE record SET fields = '{' WHERE id = 'r1001'", &e), 0);
    assert_true(record_keys_renew(db, kinds(), TEST_NOW, &e) < 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_key"), keys);
    arena_fini(&a);
    db_close(&db);
}

/* A list costs what its page costs, not what the register holds. */
static void effort(void **state)
{
    (void)state;
    uint64_t cost[2];
    for (int big = 0; big < 2; big++) {
        struct db *db = test_db();
        struct arena a;
        struct record_page page;
        arena_init(&a, 0);
        for (uint32_t i = 0; i < (big ? 1500u : 150u); i++) {
            struct record_put p = make(&a, arena_printf(&a, "r%04u", i), i % 3 ? "town" : "village", "{\"impact\":2,\"title\":\"t\"}", 1);
            assert_int_equal(record_put(db, &p, &none, &e), 0);
        }
        struct record_query q = {.kind = SPAN("risk"), .sort = SPAN("created"), .limit = 20,
                                 .scope = {.organisation = SPAN("village"), .person = SPAN("p"), .own = 4, .own_mine = 5}};
        q.filters[q.nfilters++] = (struct record_filter){.field = SPAN("state"), .value = SPAN("closed")};
        uint64_t before = db_effort(db);
        assert_int_equal(record_list(db, &q, &a, &page, &e), 0);
        assert_int_equal(page.count, 0);
        cost[big] = db_effort(db) - before;
        arena_fini(&a);
        db_close(&db);
    }
    assert_true(cost[1] < cost[0] + cost[0] / 2);
}

int run_register_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(life), cmocka_unit_test(clause), cmocka_unit_test(renewed), cmocka_unit_test(effort)};
    return cmocka_run_group_tests_name("records of registers", tests, NULL, NULL);
}
