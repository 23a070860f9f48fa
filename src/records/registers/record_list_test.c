/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Lists of records: what they show and count, page by page, against the same question asked of every record one by one, over generated
 * questions, with more records than are sorted or kept at once; and that they cost what the answer costs: over every register, every field that
 * lists know and every sort, in steps of the engine, which no machine changes.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* cmocka wants these four before itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "records/records.h"
#include "records/registers/record_row.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)

static struct err e;
static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

/* ---- what is shown ---- */

enum { RECORDS = 12000, FIELDS = 5, TARGETS = 4, QUESTIONS = 600, ASKED_PAGES = 3 };
static const char *const fields[FIELDS] = {"state", "few", "some", "gaps", "each"};
static const char *const towns[] = {"aldea", "borgo", "casa", "dorf"};

struct made {
    uint32_t n;
    char id[8], values[FIELDS][8];
    uint32_t town, tlp, author;
    uint32_t names; /* which of the targets */
};

static struct made made[RECORDS];
/* Records of another kind that these name; not everybody may read all of them. */
static const struct made targets[TARGETS] = {{.id = "t0", .tlp = 1}, {.id = "t1", .tlp = 5, .author = 1}, {.id = "t2", .town = 1, .tlp = 1}, {.id = "t3", .town = 2, .tlp = 3}};

static struct made make(uint32_t n)
{
    struct made m = {.n = n, .town = n % 11 == 0 ? n % 4 : 0, .tlp = n % 13 == 0 ? 5 : 1 + n % 4, .author = n % 3};
    m.names = n % 7 < 4 ? 0 : n % 100 == 0 ? 3 : n % 2 == 0 ? 1 : 2;
    (void)snprintf(m.id, sizeof m.id, "%05u", n);
    (void)snprintf(m.values[0], sizeof m.values[0], "%s", n % 10 == 0 ? "closed" : "open");
    (void)snprintf(m.values[1], sizeof m.values[1], "v%u", n % 2);
    (void)snprintf(m.values[2], sizeof m.values[2], "v%02u", n / 130); /* as days that pass: together with the order of ids */
    (void)snprintf(m.values[3], sizeof m.values[3], "v%02u", n % 50);
    m.values[3][n % 4 == 0 ? 0 : 3] = '\0'; /* some have none */
    (void)snprintf(m.values[4], sizeof m.values[4], "%05u", n * 7919 % 100000);
    return m;
}

static struct db *open_db(void)
{
    struct db *db = NULL;
    assert_int_equal(records_open(":memory:", NOW, &e, &db), 0);
    return db;
}

static void put_row(struct db *db, const struct made *m, const char *kind)
{
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db,
                              "INSERT INTO record (id, kind, organisation, author, author_name, state, fields, tlp, created, changed, version, title) "
                              "VALUES ($1, $2, $3, $4, '', $5, '{}', $6, 1, 1, 1, '')", &e, &s), 0);
    db_bind_text(s, 1, span_of(m->id));
    db_bind_text(s, 2, span_of(kind));
    db_bind_text(s, 3, span_of(towns[m->town]));
    db_bind_text(s, 4, m->author == 0 ? SPAN("ana") : SPAN("bo"));
    db_bind_text(s, 5, span_of(m->values[0]));
    db_bind_i64(s, 6, m->tlp);
    assert_int_equal(db_run(s, &e), 0);
}

/* Of a key or a link, whose tables have the same columns. */
static void put_key(struct db *db, const char *sql, const struct made *m, const char *field, const char *value)
{
    struct db_stmt *s = NULL;
    assert_int_equal(db_query(db, sql, &e, &s), 0);
    db_bind_text(s, 1, span_of(m->id));
    db_bind_text(s, 2, span_of(towns[m->town]));
    db_bind_text(s, 3, span_of(field));
    db_bind_text(s, 4, span_of(value));
    assert_int_equal(db_run(s, &e), 0);
}

static struct db *filled(void)
{
    struct db *db = open_db();
    assert_int_equal(db_begin(db, &e), 0);
    for (uint32_t t = 0; t < TARGETS; t++) {
        put_row(db, &targets[t], "service");
    }
    for (uint32_t n = 0; n < RECORDS; n++) {
        made[n] = make(n);
        put_row(db, &made[n], "risk");
        for (uint32_t f = 0; f < FIELDS; f++) {
            put_key(db, "INSERT INTO record_key (record_id, kind, organisation, field, value) VALUES ($1, 'risk', $2, $3, $4)", &made[n], fields[f], made[n].values[f]);
        }
        put_key(db, "INSERT INTO record_link (record_id, kind, organisation, field, value) VALUES ($1, 'risk', $2, $3, $4)", &made[n], "serves", targets[made[n].names].id);
    }
    assert_int_equal(db_end(db, 0, &e), 0);
    return db;
}

static bool may(const struct record_scope *s, const struct made *m)
{
    struct span town = span_of(towns[m->town]);
    bool home = span_eq(town, s->organisation);
    uint32_t all = home ? s->own : s->other;
    uint32_t mine = home ? s->own_mine : s->other_mine;
    for (uint32_t i = 0; i < s->nplaces; i++) {
        all = span_eq(town, s->places[i].organisation) ? s->places[i].all : all;
        mine = span_eq(town, s->places[i].organisation) ? s->places[i].mine : mine;
    }
    return m->tlp <= all || (m->author == 0 && span_eq(s->person, SPAN("ana")) && m->tlp <= mine);
}

static const char *value_of(const struct made *m, struct span field)
{
    for (uint32_t f = 0; f < FIELDS; f++) {
        if (span_eq(field, span_of(fields[f]))) {
            return m->values[f];
        }
    }
    fail();
    return "";
}

static bool fits(const struct record_query *q, const struct made *m)
{
    for (uint32_t i = 0; i < q->nfilters; i++) {
        if (q->filters[i].target.len > 0) {
            if (!span_eq(q->filters[i].value, span_of(targets[m->names].id)) || !may(&q->sight.scope, &targets[m->names])) {
                return false;
            }
            continue;
        }
        const char *v = value_of(m, q->filters[i].field);
        int order = strcmp(v, q->filters[i].value.ptr);
        bool fit = q->filters[i].how == RECORD_EQUAL ? order == 0 : q->filters[i].how == RECORD_FROM ? order >= 0 : order <= 0 && *v != '\0';
        if (!fit) {
            return false;
        }
    }
    return may(&q->scope, m);
}

static const struct record_query *asked;

static int made_order(const void *a, const void *b)
{
    const struct made *x = *(const struct made *const *)a;
    const struct made *y = *(const struct made *const *)b;
    int order = strcmp(value_of(x, asked->sort), value_of(y, asked->sort));
    order = order != 0 ? order : strcmp(x->id, y->id);
    return asked->descending ? -order : order;
}

static void ask_for(struct record_query *q)
{
    static const struct record_scope scopes[] = {
        {.organisation = SPAN("*"), .person = SPAN("ana"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
        {.organisation = SPAN("*"), .person = SPAN("ana"), .own = 3, .own_mine = 5, .other = 3, .other_mine = 4},
        {.organisation = SPAN("aldea"), .person = SPAN("ana"), .own = 4, .own_mine = 5},
        {.organisation = SPAN("borgo"), .person = SPAN("ana"), .own = 3, .own_mine = 3, .other = 1, .other_mine = 2},
        {.organisation = SPAN("aldea"), .person = SPAN("ana"), .own_mine = 5},
        {.organisation = SPAN("casa"), .person = SPAN("ana"), .own = 4, .own_mine = 5, .nplaces = 2, .places = {{SPAN("aldea"), 3, 3}, {SPAN("dorf"), 0, 5}}},
        {.organisation = SPAN("*"), .person = SPAN("ana"), .own = 1, .own_mine = 1, .other = 1, .other_mine = 1},
        {.organisation = SPAN("*"), .person = SPAN("nobody"), .own_mine = 5, .other_mine = 5},
        {.organisation = SPAN("dorf"), .person = SPAN("ana"), .own_mine = 4, .other = 2, .other_mine = 5, .nplaces = 1, .places = {{SPAN("aldea"), 1, 3}}},
    };
    *q = (struct record_query){.kind = SPAN("risk"), .scope = scopes[below(ARRAY_LEN(scopes))], .sort = span_of(fields[below(FIELDS)]), .descending = below(2) != 0};
    q->limit = 1 + below(60);
    for (uint32_t n = below(4); n > 0; n--) {
        const struct made *like = &made[below(RECORDS)];
        struct span field = below(3) == 0 ? q->sort : span_of(fields[below(FIELDS)]);
        q->filters[q->nfilters++] = (struct record_filter){.field = field, .value = span_of(value_of(like, field)), .how = (enum record_compare)below(3)};
    }
    if (below(8) == 0) { /* a stretch of what it sorts by, which a page may be outside of */
        q->nfilters = 1;
        q->filters[0] = (struct record_filter){.field = q->sort, .value = span_of(value_of(&made[below(RECORDS)], q->sort)), .how = 1 + (enum record_compare)below(2)};
    }
    q->sight = (struct record_sight){.scope = q->scope, .nkinds = 1, .kinds = {SPAN("service")}};
    if (below(4) == 0) {
        q->filters[q->nfilters++] = (struct record_filter){.field = SPAN("serves"), .value = span_of(targets[below(TARGETS)].id), .target = SPAN("service")};
    }
    if (below(3) == 0) { /* a page somewhere, also behind what a filter leaves */
        const struct made *like = &made[below(RECORDS)];
        q->after = span_of(value_of(like, q->sort));
        q->after_id = span_of(like->id);
    }
}

static bool is_behind(const struct record_query *q, const struct made *m)
{
    int order = strcmp(value_of(m, q->sort), q->after.ptr);
    order = order != 0 ? order : strcmp(m->id, q->after_id.ptr);
    return q->descending ? order < 0 : order > 0;
}

static void pages(void **state)
{
    (void)state;
    static const struct made *want[RECORDS];
    struct db *db = filled();
    uint64_t many = 0;
    for (uint32_t c = 0; c < QUESTIONS; c++) {
        struct arena a;
        struct record_query q;
        struct record_page page = {.more = true};
        int64_t count = 0;
        size_t n = 0;
        size_t at = 0;
        rng = c;
        arena_init(&a, 0);
        ask_for(&q);
        for (uint32_t i = 0; i < RECORDS; i++) {
            bool fit = fits(&q, &made[i]);
            count += fit;
            if (fit && (q.after_id.len == 0 || is_behind(&q, &made[i]))) {
                want[n++] = &made[i];
            }
        }
        asked = &q;
        qsort(want, n, sizeof want[0], made_order);
        for (uint32_t p = 0; p < ASKED_PAGES && page.more; p++) {
            assert_int_equal(record_list(db, &q, &a, &page, &e), 0);
            assert_int_equal(page.count, count > RECORD_COUNT_MAX ? RECORD_COUNT_MAX : count);
            assert_int_equal(page.uncounted, count > RECORD_COUNT_MAX);
            assert_int_equal(page.more, n - at > q.limit);
            assert_int_equal(page.nrows, page.more ? q.limit : n - at);
            for (uint32_t i = 0; i < page.nrows; i++) {
                assert_true(span_eq(page.rows[i].id, span_of(want[at++]->id)));
            }
            if (page.nrows > 0) {
                q.after = page.last;
                q.after_id = page.rows[page.nrows - 1].id;
            }
        }
        many += count > 2000;
        arena_fini(&a);
    }
    assert_true(many > QUESTIONS / 4); /* both ways were gone */
    db_close(&db);
}

/* ---- what it costs ---- */

enum {
    OWN = 12,          /* records of each kind of the town that asks */
    NOISE = 240,       /* of each kind of all others */
    STEPS_OWN = 1600,  /* of a list of one town, or of five, whatever others have: a page of twelve and their keys; all records of a kind are 2,000 */
    STEPS_ALL = 16000, /* of a list of the whole node: what fits one filter is at most all 252, each asked for the others, and a page of fifty; all keys are 35,000 */
};

static struct registers *kinds(void)
{
    static struct registers *r;
    r = r == NULL ? registers_load(NULL, 0) : r;
    return r;
}

static void put(struct db *db, struct arena *a, const struct register_kind *k, uint32_t n, const char *town)
{
    struct jcs *none = NULL;
    struct record_astray astray;
    struct record_put *p = arena_calloc(a, 1, sizeof *p);
    *p = (struct record_put){.row = {.id = span_of(arena_printf(a, "%.*s-%05u", SPAN_ARG(k->name), n)), .kind = k->name, .organisation = span_of(town), .author = SPAN("p"),
                                     .state = k->states[n % k->nstates].id, .fields = SPAN("{}"), .tlp = TLP_GREEN, .created = NOW + n, .changed = NOW, .version = 1},
                             .scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                             .who = SPAN("p"), .what = SPAN("record.created")};
    assert_int_equal(jcs_read_decimals(a, SPAN("{}"), JCS_DEPTH_MAX, &none, &e), 0);
    p->nkeys = (uint32_t)register_keys(a, k, none, p->row.organisation, p->row.state, p->row.tlp, p->row.created, p->row.changed, p->keys);
    for (uint32_t i = 5; i < p->nkeys; i++) { /* behind what every record has: fields, some without a value */
        p->keys[i].value = n % 5 == 0 ? SPAN("") : span_of(arena_printf(a, "v%02u", (n * 7 + i) % 23));
    }
    assert_int_equal(record_put(db, p, &astray, &e), 0);
}

static struct db *of_all_kinds(const struct register_kind *k, size_t n, struct arena *a)
{
    struct db *db = open_db();
    for (size_t i = 0; i < n; i++) {
        for (uint32_t r = 0; r < OWN + NOISE; r++) {
            put(db, a, &k[i], r, r < OWN ? "lantern" : towns[r % 4]);
        }
    }
    return db;
}

static void cheap(struct db *db, struct record_query *q, uint64_t most)
{
    struct arena a;
    struct record_page page;
    uint64_t steps = db_effort(db);
    arena_init(&a, 0);
    assert_int_equal(record_list(db, q, &a, &page, &e), 0);
    steps = db_effort(db) - steps;
    if (steps > most) {
        print_error("%.*s by %s%.*s: %" PRIu64 " steps, at most %" PRIu64 "\n", SPAN_ARG(q->kind), q->descending ? "-" : "", SPAN_ARG(q->sort), steps, most);
        for (uint32_t i = 0; i < q->nfilters; i++) {
            print_error("    %.*s %d %.*s\n", SPAN_ARG(q->filters[i].field), (int)q->filters[i].how, SPAN_ARG(q->filters[i].value));
        }
        fail();
    }
    arena_fini(&a);
}

/* Each sort with each filter of one field, and each with a second filter by the field after it. */
static void every_list(struct db *db, const struct register_kind *k, const struct record_scope *scope, uint64_t most)
{
    struct arena a;
    struct jcs *none = NULL;
    struct record_key keys[REGISTER_KEYS_MAX];
    arena_init(&a, 0);
    assert_int_equal(jcs_read_decimals(&a, SPAN("{}"), JCS_DEPTH_MAX, &none, &e), 0);
    uint32_t n = (uint32_t)register_keys(&a, k, none, SPAN("lantern"), k->states[0].id, TLP_GREEN, NOW, NOW, keys);
    for (uint32_t s = 0; s < n; s++) {
        for (uint32_t f = 0; f < n; f++) {
            for (uint32_t how = 0; how < 6; how++) {
                struct record_query q = {.kind = k->name, .scope = *scope, .sort = keys[s].field, .descending = how % 2 != 0, .limit = 50};
                for (uint32_t i = 0; i < 1 + how / 3; i++) {
                    const struct record_key *key = &keys[(f + i) % n];
                    q.filters[q.nfilters++] = (struct record_filter){.field = key->field, .value = (f + i) % n < 5 ? key->value : SPAN("v11"), .how = (enum record_compare)((how + i) % 3)};
                }
                cheap(db, &q, most);
            }
        }
    }
    arena_fini(&a);
}

static void effort(void **state)
{
    (void)state;
    static const struct record_scope own = {.organisation = SPAN("lantern"), .person = SPAN("q"), .own = 3, .own_mine = 5};
    static const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("q"), .own = 3, .own_mine = 5, .other = 3, .other_mine = 5};
    struct record_scope five = own;
    size_t n = 0;
    struct arena a;
    const struct register_kind *k = registers_kinds(kinds(), &n);
    arena_init(&a, 0);
    struct db *db = of_all_kinds(k, n, &a);
    static const struct span nowhere[] = {SPAN("north"), SPAN("east"), SPAN("south"), SPAN("west")};
    for (; five.nplaces < ARRAY_LEN(nowhere); five.nplaces++) {
        five.places[five.nplaces] = (struct record_place){nowhere[five.nplaces], 3, 5};
    }
    for (size_t i = 0; i < n; i++) {
        every_list(db, &k[i], &own, STEPS_OWN);
        every_list(db, &k[i], &five, STEPS_OWN);
        every_list(db, &k[i], &all, STEPS_ALL);
    }
    arena_fini(&a);
    db_close(&db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pages), cmocka_unit_test(effort)};
    return cmocka_run_group_tests_name("lists of records", tests, NULL, NULL);
}
