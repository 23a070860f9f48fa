/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Constraints over several records: generated records are written, changed and moved one after another, and each is taken or refused as a
 * plain comparison with all others says; what is refused leaves everything as it was.
 */
#include <stdio.h>
#include <string.h>

#include "base/test_cases.h"
#include "records/records_test.h"
#include "records/registers/record_constraint.h"
#include "records/registers/record_import.h"

static const char purse_text[] =
    "title: Purses\n"
    "type: object\n"
    "required: [label]\n"
    "additionalProperties: false\n"
    "properties: {label: {type: string, maxLength: 40}, money: {type: number}}\n"
    "x-table: {name: purse, plural: purses, title: label}\n"
    "x-tlp: {default: AMBER, max: AMBER}\n"
    "x-perm: {administrator: {ops: [read, create, change, move]}}\n"
    "x-states: {initial: open, list: [{id: open, final: true}]}\n";
static const char turn_text[] =
    "title: Turns\n"
    "type: object\n"
    "required: [label]\n"
    "additionalProperties: false\n"
    "properties:\n"
    "  label: {type: string, maxLength: 40}\n"
    "  zone: {type: string, maxLength: 10, x-index: true}\n"
    "  who: {type: string, format: uuid, x-ref: {kind: purse, inverse: turns}}\n"
    "  first: {type: string, format: date, x-index: true}\n"
    "  last: {type: string, format: date, x-index: true}\n"
    "  watch: {enum: [day, night], type: string, x-index: true}\n"
    "  price: {type: number}\n"
    "x-constraints:\n"
    "  apart: {no_overlap: {fields: [zone, who], from: first, to: last, states: [planned, held], when: {watch: [day]}}}\n"
    "  once: {unique_when: {fields: [zone, watch], states: [held]}}\n"
    "  paid: {sum_le: {sum: price, within: who, most: money}}\n"
    "x-table: {name: turn, plural: turns, title: label}\n"
    "x-tlp: {default: AMBER, max: AMBER+STRICT}\n"
    "x-perm: {administrator: {ops: [read, create, change, move]}}\n"
    "x-states: {initial: planned, list: [{id: planned}, {id: held}, {id: gone, final: true}],\n"
    "  transitions: [{from: planned, to: held, roles: [administrator]}, {from: held, to: gone, roles: [administrator]}]}\n";

static const char box_text[] =
    "title: Boxes\n"
    "type: object\n"
    "required: [label]\n"
    "additionalProperties: false\n"
    "properties:\n"
    "  label: {type: string, maxLength: 40}\n"
    "  within: {type: string, format: uuid, x-ref: {kind: box, inverse: boxes}}\n"
    "x-constraints: {below: {tree: {by: within, levels: 4}}}\n"
    "x-table: {name: box, plural: boxes, title: label}\n"
    "x-tlp: {default: AMBER, max: RED}\n"
    "x-perm: {administrator: {ops: [read, create, change, move]}}\n"
    "x-states: {initial: open, list: [{id: open, final: true}]}\n";

enum { BOXES = 9, BOX_LEVELS = 4, TURNS = 14, PURSES = 2, ROUNDS = 3000 };
static const char *const purse_ids[PURSES] = {"018f0000-0000-7000-8000-000000000001", "018f0000-0000-7000-8000-000000000002"};
static const char *const states[] = {"planned", "held", "gone"};
static const char *const towns[] = {"town", "village"};

/* One as the plain comparison knows it; version 0 = not there. */
struct turn {
    int64_t version;
    uint32_t town, zone, who, sort, state, first, last, price; /* 0 = no value, but for town and state */
};

struct world {
    struct db *db;
    struct registers *kinds;
    struct arena a;
    struct turn turns[TURNS];
    uint32_t money[PURSES], money_version[PURSES];
    uint32_t within[BOXES], box_version[BOXES]; /* within: the box above and 1; 0 = none */
};

static struct err e;
static uint64_t rng = 7;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};

static struct record_put put_of(struct world *w, const char *kind, const char *id, const char *town, const char *state, const char *fields, int64_t version)
{
    const struct register_kind *k = registers_by_name(w->kinds, span_of(kind));
    struct register_link links[REGISTER_LINKS_MAX];
    struct jcs *doc = NULL;
    struct record_put p = {.row = {.id = span_of(id), .kind = k->name, .organisation = span_of(town), .author = SPAN("p"), .author_name = SPAN("Anna"),
                                   .state = span_of(state), .fields = span_of(fields), .tlp = TLP_AMBER, .created = TEST_NOW, .changed = TEST_NOW + version,
                                   .version = version},
                           .scope = all, .who = SPAN("Anna"), .what = SPAN("record.changed"), .kinds = w->kinds,
                           .sight = {.scope = all, .nkinds = 3, .kinds = {SPAN("purse"), SPAN("turn"), SPAN("box")}}};
    assert_int_equal(jcs_read_decimals(&w->a, p.row.fields, JCS_DEPTH_MAX, &doc, &e), 0);
    p.row.title = register_title(k, doc);
    p.nkeys = (uint32_t)register_keys(&w->a, k, doc, p.row.organisation, p.row.state, p.row.tlp, p.row.created, p.row.changed, p.keys);
    p.nlinks = (uint32_t)register_links(k, doc, links);
    for (uint32_t i = 0; i < p.nlinks; i++) {
        p.links[i] = (struct record_to){links[i].field->name, links[i].field->ref, links[i].target, false};
    }
    return p;
}

static struct record_put turn_put(struct world *w, uint32_t i, const struct turn *t)
{
    const char *s = arena_printf(&w->a, "{\"label\":\"turn %u\"", i);
    s = t->zone > 0 ? arena_printf(&w->a, "%s,\"zone\":\"z%u\"", s, t->zone) : s;
    s = t->who > 0 ? arena_printf(&w->a, "%s,\"who\":\"%s\"", s, purse_ids[t->who - 1]) : s;
    s = t->sort > 0 ? arena_printf(&w->a, "%s,\"watch\":\"%s\"", s, t->sort == 1 ? "day" : "night") : s;
    s = t->first > 0 ? arena_printf(&w->a, "%s,\"first\":\"2026-11-%02u\"", s, t->first) : s;
    s = t->last > 0 ? arena_printf(&w->a, "%s,\"last\":\"2026-11-%02u\"", s, t->last) : s;
    s = t->price > 0 ? arena_printf(&w->a, "%s,\"price\":%u.%u", s, t->price / 10, t->price % 10) : s;
    return put_of(w, "turn", arena_printf(&w->a, "turn%u", i), towns[t->town], states[t->state], arena_printf(&w->a, "%s}", s), t->version);
}

/* ---- the plain comparison ---- */

static bool days_meet(const struct turn *a, const struct turn *b)
{
    uint32_t a_last = a->last == 0 ? 99 : a->last;
    uint32_t b_last = b->last == 0 ? 99 : b->last;
    return a->first <= b_last && b->first <= a_last;
}

static bool turn_holds(const struct world *w, uint32_t i, const struct turn *t)
{
    uint32_t sum = t->price;
    for (uint32_t j = 0; j < TURNS; j++) {
        const struct turn *o = &w->turns[j];
        if (j == i || o->version == 0 || o->town != t->town) {
            continue;
        }
        bool apart = t->sort == 1 && o->sort == 1 && t->state < 2 && o->state < 2 && t->zone == o->zone && t->who == o->who && (t->zone > 0 || t->who > 0);
        bool once = t->state == 1 && o->state == 1 && t->zone == o->zone && t->sort == o->sort && (t->zone > 0 || t->sort > 0);
        if ((apart && days_meet(t, o)) || once) {
            return false;
        }
        sum += t->who > 0 && o->who == t->who ? o->price : 0;
    }
    return t->who == 0 || t->town != 0 || sum <= w->money[t->who - 1]; /* purses are of the first town */
}

/* ---- steps ---- */

static void try_turn(struct world *w)
{
    uint32_t i = below(TURNS);
    struct turn t = w->turns[i];
    struct record_astray astray;
    if (t.version == 0 || below(3) > 0) {
        t = (struct turn){t.version, t.version == 0 ? (below(4) == 0) : t.town, below(3), below(3), below(3), t.state, below(4) * 4, 0, below(40)};
        t.last = below(3) == 0 ? 0 : (t.first == 0 ? 1 : t.first) + below(5);
    }
    t.state = t.version == 0 ? 0 : below(3);
    t.version++;
    struct record_put p = turn_put(w, i, &t);
    int64_t before = test_number(w->db, "SELECT COUNT(*) + SUM(version) FROM record");
    int rc = record_put(w->db, &p, &astray, &e);
    bool holds = turn_holds(w, i, &t);
    assert_int_equal(rc, holds ? 0 : ERR_INVALID);
    assert_int_equal(astray.breach.there, !holds);
    if (holds) {
        w->turns[i] = t;
        return;
    }
    assert_int_equal(test_number(w->db, "SELECT COUNT(*) + SUM(version) FROM record"), before);
    assert_true(astray.breach.text[0] != '\0' && astray.breach.field[0] != '\0' && astray.breach.id[0] != '\0');
}

static void try_purse(struct world *w)
{
    uint32_t i = below(PURSES);
    uint32_t money = below(100);
    uint32_t sum = 0;
    struct record_astray astray;
    for (uint32_t j = 0; j < TURNS; j++) {
        sum += w->turns[j].version > 0 && w->turns[j].who == i + 1 && w->turns[j].town == 0 ? w->turns[j].price : 0;
    }
    const char *fields = arena_printf(&w->a, "{\"label\":\"purse\",\"money\":%u.%u}", money / 10, money % 10);
    fields = money == 0 ? "{\"label\":\"purse\"}" : fields;
    struct record_put p = put_of(w, "purse", purse_ids[i], towns[0], "open", fields, w->money_version[i] + 1);
    int rc = record_put(w->db, &p, &astray, &e);
    assert_int_equal(rc, sum <= money ? 0 : ERR_INVALID);
    if (rc == 0) {
        w->money[i] = money;
        w->money_version[i]++;
    } else {
        assert_true(astray.breach.there && astray.breach.how == BREACH_SUM && strcmp(astray.breach.field, "money") == 0 && strcmp(astray.breach.name, "paid") == 0);
    }
}

static void begin(struct world *w)
{
    const struct register_file files[] = {
        {SPAN("purse.yml"), span_of(purse_text)}, {SPAN("turn.yml"), span_of(turn_text)}, {SPAN("box.yml"), span_of(box_text)}};
    size_t refused = 0;
    struct record_astray astray;
    memset(w, 0, sizeof *w);
    w->kinds = registers_load(files, ARRAY_LEN(files));
    const struct register_refusal *why = registers_refusals(w->kinds, &refused);
    if (refused > 0) {
        (void)printf("%.*s: %.*s\n", SPAN_ARG(why[0].file), SPAN_ARG(why[0].why));
    }
    assert_int_equal(refused, 0);
    arena_init(&w->a, 1 << 16);
    w->db = test_db();
    for (uint32_t i = 0; i < PURSES; i++) {
        struct record_put p = put_of(w, "purse", purse_ids[i], towns[0], "open", "{\"label\":\"purse\",\"money\":9.5}", 1);
        assert_int_equal(record_put(w->db, &p, &astray, &e), 0);
        w->money[i] = 95;
        w->money_version[i] = 1;
    }
}

static void end(struct world *w)
{
    db_close(&w->db);
    registers_free(&w->kinds);
    arena_fini(&w->a);
}

static void as_compared(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (below(8) == 0) {
            try_purse(&w);
        } else {
            try_turn(&w);
        }
        arena_reset(&w.a);
    }
    end(&w);
}

/* ---- trees ---- */

/* Whether all boxes stand in a tree of at most so many levels; *loop_out: one stands below itself. */
static bool boxes_hold(const struct world *w, bool *loop_out)
{
    bool deep = false;
    *loop_out = false;
    for (uint32_t i = 0; i < BOXES; i++) {
        uint32_t levels = 1;
        uint32_t at = w->within[i];
        for (; at > 0 && levels <= BOXES; at = w->within[at - 1]) {
            levels++;
        }
        *loop_out = *loop_out || at > 0;
        deep = deep || levels > BOX_LEVELS;
    }
    return !deep && !*loop_out;
}

static const char *box_id(struct world *w, uint32_t i)
{
    return arena_printf(&w->a, "018f0000-0000-7000-8000-0000000001%02u", i);
}

static struct record_put box_put(struct world *w, uint32_t i, uint32_t within)
{
    const char *s = within == 0 ? arena_printf(&w->a, "{\"label\":\"box %u\"}", i)
                                : arena_printf(&w->a, "{\"label\":\"box %u\",\"within\":\"%s\"}", i, box_id(w, within - 1));
    return put_of(w, "box", box_id(w, i), towns[i % 2], "open", s, w->box_version[i] + 1);
}

static void try_box(struct world *w, uint32_t taken[3])
{
    struct record_astray astray;
    uint32_t i = below(BOXES);
    uint32_t before = w->within[i];
    bool loop = false;
    bool was = boxes_hold(w, &loop);
    assert_true(was);
    uint32_t within = below(BOXES + 1);
    struct record_put p = box_put(w, i, within);
    w->within[i] = within;
    bool holds = boxes_hold(w, &loop);
    int rc = record_put(w->db, &p, &astray, &e);
    assert_int_equal(rc, holds ? 0 : ERR_INVALID);
    assert_int_equal(astray.breach.there, !holds);
    taken[holds ? 0 : loop ? 1 : 2]++;
    if (holds) {
        w->box_version[i]++;
        return;
    }
    w->within[i] = before;
    assert_string_equal(astray.breach.field, "within");
    assert_int_equal(astray.breach.how, loop ? BREACH_LOOP : BREACH_DEEP);
    assert_string_equal(astray.breach.text, loop ? arena_printf(&w->a, "box %u", within - 1) : "4");
    assert_string_equal(astray.breach.id, box_id(w, within - 1));
}

/* Boxes of two towns put into one another at random: each is taken or refused as walking all of them says. */
static void trees(void **state)
{
    (void)state;
    struct world w;
    struct record_astray astray;
    uint32_t taken[3] = {0};
    begin(&w);
    for (uint32_t i = 0; i < BOXES; i++) {
        struct record_put p = box_put(&w, i, 0);
        assert_int_equal(record_put(w.db, &p, &astray, &e), 0);
        w.box_version[i] = 1;
    }
    for (uint32_t i = 0; i < ROUNDS; i++) {
        try_box(&w, taken);
        arena_reset(&w.a);
    }
    assert_true(taken[0] > 100 && taken[1] > 100 && taken[2] > 100);
    int64_t moves = test_number(w.db, "SELECT COUNT(*) FROM audit WHERE what = 'record.changed' AND before_value LIKE '%box %' AND after_value LIKE '%box %'");
    assert_int_equal(moves, (int64_t)taken[0]); /* with what was and what is */
    end(&w);
}

/* An import that does not hold: within itself, or beside what is there; one that swaps two holds. */
static void imports(void **state)
{
    (void)state;
    struct world w;
    struct record_astray astray = {0};
    begin(&w);
    const struct record_sight sight = {.scope = all, .nkinds = 2, .kinds = {SPAN("purse"), SPAN("turn")}};
    const struct record_importer by = {&all, &sight, w.kinds};
    const struct turn first = {1, 0, 1, 0, 1, 0, 4, 8, 0};
    const struct turn second = {1, 0, 1, 0, 1, 0, 12, 16, 0};
    struct record_import_item item = {.put = turn_put(&w, 0, &first)};
    struct record_import_row row = {.id = SPAN("i1"), .kind = SPAN("turn"), .who = SPAN("Anna"), .who_id = SPAN("p"), .at = TEST_NOW, .made = 2};
    for (uint32_t i = 0; i < 2; i++) { /* two alike, which only meet when both come to be */
        item.put = turn_put(&w, i, &first);
        assert_int_equal(db_begin(w.db, &e), 0);
        assert_int_equal(db_end(w.db, record_import_add(w.db, &by, row.id, i, &item, true, &astray, &e), &e), 0);
        assert_false(astray.breach.there);
    }
    assert_int_equal(record_import_apply(w.db, &by, &row, SPAN("label"), &e), ERR_EXISTS);
    assert_non_null(strstr(e.text, "turn 1"));
    assert_int_equal(test_number(w.db, "SELECT COUNT(*) FROM record WHERE kind = 'turn' AND tlp < 100"), 0);
    struct record_put p = turn_put(&w, 2, &first);
    assert_int_equal(record_put(w.db, &p, &astray, &e), 0);
    item.put = turn_put(&w, 3, &first);
    assert_int_equal(db_begin(w.db, &e), 0);
    assert_int_equal(db_end(w.db, record_import_add(w.db, &by, SPAN("i2"), 0, &item, false, &astray, &e), &e), 0);
    assert_true(astray.breach.there && strcmp(astray.breach.text, "turn 2") == 0 && strcmp(astray.breach.field, "first") == 0);
    p = turn_put(&w, 4, &second);
    assert_int_equal(record_put(w.db, &p, &astray, &e), 0);
    end(&w);
}

int run_record_constraint_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_compared), cmocka_unit_test(trees), cmocka_unit_test(imports)};
    return cmocka_run_group_tests_name("constraints over records", tests, NULL, NULL);
}
