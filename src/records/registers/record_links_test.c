/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Records that name one another, over generated worlds and readers: what is told of links, of who names a record, of chains and
 * of lists by a link is what policy_record_allows and a walk in plain C say, and nothing comes through a record out of sight.
 */
#include <stdio.h>
#include <string.h>

#include "base/test_cases.h"
#include "records/records_test.h"
#include "records/registers/record_row.h"

static struct err e;

enum { RECORDS = 24, ORGANISATIONS = 3 };
static const char *const organisations[] = {"aldea", "borgo", "*"};
static const char *const people[] = {"ana", "bo"};

static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* Systems that depend on systems; and services that stand on systems: who names whom, as bits. */
struct world {
    struct record_row rows[RECORDS];
    bool service[RECORDS];
    uint32_t names[RECORDS];
    bool seen[RECORDS];
};

static struct span id_of(struct arena *a, uint32_t i)
{
    return span_of(arena_printf(a, "00000000-0000-7000-8000-0000000000%02u", i));
}

static struct record_put put_of(struct arena *a, const struct world *w, uint32_t i)
{
    struct record_put p = {.row = w->rows[i], .who = SPAN("Anna"), .what = SPAN("record.created")};
    p.scope = (struct record_scope){.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};
    p.sight = (struct record_sight){.scope = p.scope, .nkinds = 2, .kinds = {SPAN("system"), SPAN("service")}};
    p.keys[p.nkeys++] = (struct record_key){SPAN("name"), p.row.title};
    for (uint32_t k = 0; k < RECORDS; k++) {
        if ((w->names[i] >> k & 1) != 0) {
            p.links[p.nlinks++] = (struct record_to){w->service[i] ? SPAN("systems") : SPAN("depends_on"), SPAN("system"), id_of(a, k), false};
        }
    }
    return p;
}

static void fill(struct db *db, struct arena *a, struct world *w)
{
    struct record_astray astray;
    for (uint32_t i = 0; i < RECORDS; i++) {
        w->service[i] = i % 4 == 3;
        w->names[i] = 0;
        w->rows[i] = (struct record_row){.id = id_of(a, i), .kind = w->service[i] ? SPAN("service") : SPAN("system"),
                                         .organisation = span_of(organisations[below(2)]), .author = span_of(people[below(2)]),
                                         .author_name = SPAN("Anna"), .state = SPAN("live"), .title = span_of(arena_printf(a, "r%u", i)),
                                         .fields = SPAN("{}"), .tlp = (enum tlp)(TLP_CLEAR + below(5)), .created = 1, .changed = 1, .version = 1};
        struct record_put p = put_of(a, w, i);
        assert_int_equal(record_put(db, &p, &astray, &e), 0);
    }
    for (uint32_t i = 0; i < RECORDS; i++) { /* now that all are there; circles too */
        for (uint32_t n = below(4); n > 0; n--) {
            uint32_t k = below(RECORDS);
            w->names[i] |= w->service[k] ? 0 : 1u << k;
        }
        w->rows[i].version = 2;
        struct record_put p = put_of(a, w, i);
        assert_int_equal(record_put(db, &p, &astray, &e), 0);
    }
}

static uint32_t place_of(struct span id)
{
    return (uint32_t)((id.ptr[34] - '0') * 10 + id.ptr[35] - '0');
}

/* All that a walk reaches, as bits, through what is seen. */
static uint32_t reached(const struct world *w, uint32_t from, bool up)
{
    uint32_t bits = 1u << from;
    for (uint32_t round = 0; round < RECORDS; round++) {
        for (uint32_t i = 0; i < RECORDS; i++) {
            for (uint32_t k = 0; k < RECORDS; k++) {
                bool step = up ? (w->names[k] >> i & 1) != 0 : (w->names[i] >> k & 1) != 0;
                bits |= (bits >> i & 1) != 0 && step && w->seen[k] ? 1u << k : 0;
            }
        }
    }
    return bits;
}

static void check_chain(struct db *db, const struct world *w, const struct record_sight *s, uint32_t from, bool up, struct arena *a)
{
    struct record_step *steps = NULL;
    uint32_t n = 0;
    bool more = true;
    assert_int_equal(record_chain(db, s, w->rows[from].kind, w->rows[from].id, up, a, &steps, &n, &more, &e), 0);
    if (!w->seen[from]) {
        assert_int_equal(n, 0);
        return;
    }
    uint32_t want = reached(w, from, up);
    uint32_t got = 0;
    uint32_t depth[RECORDS] = {0};
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = place_of(steps[i].id);
        bool is_new = (got >> at & 1) == 0;
        got |= 1u << at;
        assert_true(i == 0 ? at == from && steps[i].depth == 0 : steps[i].depth == depth[place_of(steps[i].next)] + 1);
        depth[at] = is_new ? steps[i].depth : depth[at];
        if (i > 0) { /* the link is there */
            uint32_t next = place_of(steps[i].next);
            assert_true(((up ? w->names[at] >> next : w->names[next] >> at) & 1) != 0);
        }
    }
    if (!more) {
        assert_int_equal(got, want);
    } else {
        assert_int_equal(got & ~want, 0);
    }
}

static void check_links(struct db *db, const struct world *w, const struct record_sight *s, uint32_t at, struct arena *a)
{
    struct record_row row = w->rows[at];
    struct record_named named[REGISTER_REFS_MAX];
    int64_t want[2] = {0};
    uint32_t bits = 0;
    assert_int_equal(record_links_read(db, s, a, &row, 1, &e), 0);
    struct cursor c = cursor_of(row.links);
    while (cursor_left(&c) > 0) {
        struct record_link l;
        record_link_decode(&c, &l);
        assert_false(c.failed);
        bits |= 1u << place_of(l.id);
        assert_true(span_eq(l.title, w->rows[place_of(l.id)].title) && span_eq(l.state, SPAN("live")));
    }
    for (uint32_t i = 0; i < RECORDS; i++) {
        assert_int_equal(bits >> i & 1, (w->names[at] >> i & 1) != 0 && w->seen[i]);
        want[w->service[i]] += (w->names[i] >> at & 1) != 0 && w->seen[i];
    }
    assert_int_equal(record_named_by(db, s, row.id, named, &e), 0);
    for (uint32_t i = 0; i < s->nways; i++) {
        assert_int_equal(named[i].count, want[span_eq(s->ways[i].kind, SPAN("service"))]);
        struct record_query q = {.scope = s->scope, .sight = *s, .kind = s->ways[i].kind, .sort = SPAN("name"), .limit = RECORDS, .nfilters = 1};
        struct record_page page;
        q.filters[0] = (struct record_filter){.field = s->ways[i].field, .value = row.id, .target = row.kind};
        assert_int_equal(record_list(db, &q, a, &page, &e), 0);
        assert_int_equal(page.count, w->seen[at] && !w->service[at] ? named[i].count : 0); /* of one out of sight nothing is told */
        assert_int_equal(page.nrows, page.count);
    }
}

static void worlds(void **state)
{
    (void)state;
    uint64_t cases = 12 + test_cases(0) / 1000;
    struct arena a;
    uint64_t seen = 0;
    struct registers *kinds = registers_load(NULL, 0);
    const struct register_kind *k = registers_by_name(kinds, SPAN("system"));
    arena_init(&a, 0);
    for (uint64_t c = 0; c < cases; c++) {
        struct db *db = test_db();
        struct world w;
        rng = c + 1;
        fill(db, &a, &w);
        for (uint32_t r = 0; r < 3; r++) {
            struct policy_reader reader = {.kind = READER_PERSON, .person = span_of(people[below(2)]), .in_house = true,
                                           .organisation = span_of(organisations[below(ORGANISATIONS)]), .roles = POLICY_ROLE_ADMINISTRATOR};
            reader.whole_node = span_eq(reader.organisation, SPAN("*"));
            struct record_sight s = {.nkinds = 2, .kinds = {SPAN("system"), SPAN("service")}, .nways = 2,
                                     .ways = {{SPAN("system"), SPAN("depends_on")}, {SPAN("service"), SPAN("systems")}}};
            policy_record_scope(&reader, &k->rights, TEST_NOW, &s.scope);
            for (uint32_t i = 0; i < RECORDS; i++) {
                const struct policy_record p = {w.rows[i].organisation, w.rows[i].author, w.rows[i].tlp};
                w.seen[i] = policy_record_allows(&reader, &k->rights, &p, RECORD_READ, TEST_NOW);
                seen += w.seen[i];
            }
            for (uint32_t i = 0; i < RECORDS; i++) {
                check_chain(db, &w, &s, i, true, &a);
                check_chain(db, &w, &s, i, false, &a);
                check_links(db, &w, &s, i, &a);
            }
        }
        arena_reset(&a);
        db_close(&db);
    }
    assert_true(seen > cases * RECORDS / 2);
    arena_fini(&a);
    registers_free(&kinds);
}

/* What names a record that its writer cannot read is not stored, and alike where there is none; what he does not see stays. */
static void astray(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct arena a;
    struct world w;
    struct record_astray lost;
    arena_init(&a, 0);
    rng = 5;
    fill(db, &a, &w);
    struct record_put p = put_of(&a, &w, 3);
    int64_t links = test_number(db, "SELECT COUNT(*) FROM record_link");
    p.row.version = 3;
    p.sight.scope = (struct record_scope){.organisation = SPAN("aldea"), .person = SPAN("q"), .own = 4, .own_mine = 5};
    w.rows[1].organisation = SPAN("borgo");
    assert_int_equal(db_exec(db, "UPDATE record SET organisation = 'borgo' WHERE id LIKE '%01'; UPDATE record SET organisation = 'aldea', tlp = 1 WHERE id LIKE '%02'", &e), 0);
    p.nlinks = 4;
    p.links[0] = (struct record_to){SPAN("systems"), SPAN("system"), id_of(&a, 2), false};
    p.links[1] = (struct record_to){SPAN("systems"), SPAN("system"), id_of(&a, 1), false};  /* not his to see */
    p.links[2] = (struct record_to){SPAN("systems"), SPAN("system"), id_of(&a, 77), false}; /* nowhere */
    p.links[3] = (struct record_to){SPAN("systems"), SPAN("supplier"), id_of(&a, 2), false}; /* of another kind */
    assert_int_equal(record_put(db, &p, &lost, &e), ERR_INVALID);
    assert_true(lost.count == 3 && lost.place[0] == 1 && lost.place[1] == 2 && lost.place[2] == 3);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_link"), links);
    p.nlinks = 2;
    p.links[1].kept = true;
    assert_int_equal(record_put(db, &p, &lost, &e), 0);
    assert_int_equal(lost.count, 0);
    assert_int_equal(test_number(db, "SELECT COUNT(*) FROM record_link WHERE record_id LIKE '%03'"), 2);
    arena_fini(&a);
    db_close(&db);
}

/* A chain longer or wider than an answer is cut, and says so. */
static void cut(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct arena a;
    struct record_step *steps = NULL;
    uint32_t n = 0;
    bool more = false;
    arena_init(&a, 0);
    const struct record_sight s = {.scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                                   .nkinds = 1, .kinds = {SPAN("system")}, .nways = 1, .ways = {{SPAN("system"), SPAN("depends_on")}}};
    assert_int_equal(db_exec(db,
                             "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000) "
                             "INSERT INTO record (id, kind, organisation, author, author_name, state, title, fields, tlp, created, changed, version) "
                             "SELECT 'r' || i, 'system', 'o', 'p', 'p', 'live', 't', '{}', 1, 1, 1, 1 FROM n;"
                             "INSERT INTO record_link SELECT id, 'system', 'depends_on', 'o', 'r1' FROM record WHERE id <> 'r1'",
                             &e), 0);
    assert_int_equal(record_chain(db, &s, SPAN("system"), SPAN("r1"), true, &a, &steps, &n, &more, &e), 0);
    assert_true(n == RECORD_CHAIN_MAX && more);
    assert_int_equal(db_exec(db, "DELETE FROM record_link; INSERT INTO record_link SELECT id, 'system', 'depends_on', 'o', 'r' || (substr(id, 2) + 1) "
                                 "FROM record WHERE id <> 'r3000'", &e), 0);
    assert_int_equal(record_chain(db, &s, SPAN("system"), SPAN("r1"), false, &a, &steps, &n, &more, &e), 0);
    assert_true(n == RECORD_CHAIN_DEPTH + 1 && more);
    assert_int_equal(record_chain(db, &s, SPAN("system"), SPAN("r2990"), false, &a, &steps, &n, &more, &e), 0);
    assert_true(n == 11 && !more);
    arena_fini(&a);
    db_close(&db);
}

/* As much as a question may hold, each name elsewhere: more than a statement takes is told, and does not stop the keeper. */
static void wide(void **state)
{
    (void)state;
    struct db *db = test_db();
    struct arena a;
    struct record_step *steps = NULL;
    uint32_t n = 0;
    bool more = false;
    arena_init(&a, 0);
    struct record_sight *s = arena_calloc(&a, 1, sizeof *s);
    s->scope = (struct record_scope){.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 4, .other_mine = 5, .nplaces = POLICY_SEATS_MAX};
    for (uint32_t i = 0; i < POLICY_SEATS_MAX; i++) {
        s->scope.places[i] = (struct record_place){span_of(arena_printf(&a, "o%u", i)), 5, 5};
    }
    for (s->nkinds = 0; s->nkinds < REGISTER_KINDS_MAX; s->nkinds++) {
        s->kinds[s->nkinds] = span_of(s->nkinds == 0 ? "system" : arena_printf(&a, "k%u", s->nkinds));
    }
    for (s->nways = 0; s->nways < REGISTER_REFS_MAX; s->nways++) {
        s->ways[s->nways] = (struct record_way){span_of(arena_printf(&a, "k%u", s->nways)), span_of(arena_printf(&a, "f%u", s->nways))};
    }
    assert_int_equal(db_exec(db,
                             "INSERT INTO record (id, kind, organisation, author, author_name, state, title, fields, tlp, created, changed, version) "
                             "VALUES ('r1', 'system', 'o1', 'p', 'p', 'live', 't', '{}', 1, 1, 1, 1)",
                             &e), 0);
    assert_int_equal(record_chain(db, s, SPAN("system"), SPAN("r1"), true, &a, &steps, &n, &more, &e), ERR_LIMIT);
    s->nways = 8;
    assert_int_equal(record_chain(db, s, SPAN("system"), SPAN("r1"), true, &a, &steps, &n, &more, &e), 0);
    assert_int_equal(n, 1);
    arena_fini(&a);
    db_close(&db);
}

/* A chain costs what hangs on its record, not what there is of links: both ways, for somebody who may follow many kinds of them. */
static void effort(void **state)
{
    (void)state;
    static const char *const ways[] = {"deputy", "depends_on", "owner", "parent", "part_of", "person", "replaces", "risks", "services", "suppliers", "systems", "unit"};
    struct record_sight s = {.scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                             .nkinds = 1, .kinds = {SPAN("system")}};
    uint64_t cost[2][2];
    for (size_t i = 0; i < 2 * ARRAY_LEN(ways); i++) {
        s.ways[s.nways++] = (struct record_way){i < ARRAY_LEN(ways) ? SPAN("service") : SPAN("system"), span_of(ways[i % ARRAY_LEN(ways)])};
    }
    for (int big = 0; big < 2; big++) {
        struct db *db = test_db();
        struct arena a;
        char sql[700];
        arena_init(&a, 0);
        (void)snprintf(sql, sizeof sql,
                       "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) "
                       "INSERT INTO record (id, kind, organisation, author, author_name, state, title, fields, tlp, created, changed, version) "
                       "SELECT 'r' || i, 'system', 'o', 'p', 'p', 'live', 't', '{}', 1, 1, 1, 1 FROM n;"
                       "INSERT INTO record_link SELECT 'r' || (3 * i), 'system', 'depends_on', 'o', 'r' || (3 * i + 1) FROM "
                       "(SELECT CAST(substr(id, 2) AS INTEGER) AS i FROM record) AS numbers WHERE 3 * i < %d",
                       big ? 3000 : 300, big ? 3000 : 300);
        assert_int_equal(db_exec(db, sql, &e), 0);
        for (int up = 0; up < 2; up++) {
            struct record_step *steps = NULL;
            uint32_t n = 0;
            bool more = false;
            uint64_t before = db_effort(db);
            assert_int_equal(record_chain(db, &s, SPAN("system"), up ? SPAN("r31") : SPAN("r30"), up, &a, &steps, &n, &more, &e), 0);
            assert_int_equal(n, 2);
            cost[big][up] = db_effort(db) - before;
        }
        arena_fini(&a);
        db_close(&db);
    }
    assert_true(cost[1][0] < 2 * cost[0][0]);
    assert_true(cost[1][1] < 2 * cost[0][1]);
}

int run_record_links_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(worlds), cmocka_unit_test(astray), cmocka_unit_test(cut), cmocka_unit_test(wide), cmocka_unit_test(effort)};
    return cmocka_run_group_tests_name("links of records", tests, NULL, NULL);
}
