/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Computed fields that look at other records: over generated records, roles and ways from one to another each reader is told exactly what a plain walk
 * over the records and fields that he may read is worth, in a page, alone and in a guard, and it follows when what it looks at changes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "desk/govern/record.h"
#include "records/records.h"

#define NOW (INT64_C(1796040000) * TIME_SECOND)
enum { THINGS = 6, WORLDS = 40, READERS = 12, NONE = -1 };

static const char thing_text[] =
    "title: Things\ntype: object\nrequired: [label]\nadditionalProperties: false\n"
    "properties:\n"
    "  label: {type: string, minLength: 1, maxLength: 40}\n"
    "  level: {type: integer, x-index: true}\n"
    "  word: {type: string, enum: [low, high], x-index: true}\n"
    "  part: {type: number, x-computed: level / 2, x-index: true}\n"
    "x-table: {name: thing, plural: things, title: label}\n"
    "x-tlp: {default: AMBER, max: RED}\n"
    "x-perm:\n"
    "  administrator: {ops: [read, create, change, move]}\n"
    "  analyst: {ops: [read], fields: {level: hidden}}\n"
    "  officer: {ops: [read], fields: {word: hidden}}\n"
    "  auditor: {ops: [read]}\n"
    "x-states: {initial: good, list: [{id: good}, {id: bad, final: true}], transitions: [{from: good, to: bad, roles: [administrator]}]}\n";
static const char watch_text[] =
    "title: Watches\ntype: object\nrequired: [label]\nadditionalProperties: false\n"
    "properties:\n"
    "  label: {type: string, minLength: 1, maxLength: 40}\n"
    "  one: {type: string, format: uuid, x-ref: {kind: thing, inverse: watched}}\n"
    "  many: {type: array, maxItems: 8, uniqueItems: true, items: {type: string, format: uuid}, x-ref: {kind: thing, inverse: watches}}\n"
    "  before: {type: string, format: uuid, x-ref: {kind: watch, inverse: after}}\n"
    "  a_level: {type: integer, x-computed: one.level}\n"
    "  b_state: {type: string, x-computed: one.state}\n"
    "  c_bad: {type: integer, x-computed: count(many.state = 'bad')}\n"
    "  d_total: {type: integer, x-computed: sum(many.level)}\n"
    "  e_most: {type: number, x-computed: max(many.part)}\n"
    "  f_word: {type: boolean, x-computed: \"'high' in [many.word]\"}\n"
    "  g_both: {type: integer, x-computed: count(many.word = 'high' and many.level > 2)}\n"
    "  h_before: {type: string, x-computed: before.state}\n"
    "x-table: {name: watch, plural: watches, title: label}\n"
    "x-tlp: {default: AMBER, max: RED}\n"
    "x-perm:\n"
    "  administrator: {ops: [read, create, change, move]}\n"
    "  analyst: {ops: [read, move]}\n"
    "  officer: {ops: [read]}\n"
    "  reader: {ops: [read]}\n"
    "  auditor: {ops: [read], fields: {many: hidden}}\n"
    "x-states:\n"
    "  initial: open\n"
    "  list: [{id: open}, {id: shut, final: true}]\n"
    "  transitions: [{from: open, to: shut, roles: [administrator, analyst], guard: {properties: {c_bad: {maximum: 0}}}}]\n";

static struct err e;
static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

struct thing {
    struct record_row row;
    int level, word; /* NONE: no value; word: 1 = high */
    bool bad;
};

struct world {
    struct db *db;
    struct arena a;
    struct registers *kinds;
    struct thing things[THINGS];
    struct record_row before, watch;
    int one;      /* NONE, or a place in things */
    uint32_t many; /* bits */
    bool names_before;
};

static const char *const towns[] = {"aldea", "borgo"};
static const char *const people[] = {"ana", "bo"};

static void put(struct world *w, const char *kind, struct record_row *row, const char *fields)
{
    const struct register_kind *k = registers_by_name(w->kinds, span_of(kind));
    struct register_link links[REGISTER_LINKS_MAX];
    struct record_astray astray;
    struct jcs *doc = NULL;
    row->version++;
    row->kind = k->name;
    row->fields = span_of(fields);
    row->created = row->changed = NOW;
    assert_int_equal(jcs_read_decimals(&w->a, row->fields, JCS_DEPTH_MAX, &doc, &e), 0);
    row->title = register_title(k, doc);
    struct record_put p = {.row = *row, .scope = {.organisation = SPAN("*"), .person = row->author, .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                           .who = SPAN("Ana"), .what = row->version == 1 ? SPAN("record.created") : SPAN("record.changed")};
    p.nkeys = (uint32_t)register_keys(&w->a, k, doc, row->organisation, row->state, row->tlp, NOW, NOW, p.keys);
    p.nlinks = (uint32_t)register_links(k, doc, links);
    for (uint32_t i = 0; i < p.nlinks; i++) {
        p.links[i] = (struct record_to){links[i].field->name, links[i].field->ref, links[i].target, true};
    }
    assert_int_equal(record_put(w->db, &p, &astray, &e), 0);
}

static struct record_row any_row(struct world *w, uint32_t i, const char *state)
{
    static const enum tlp labels[] = {TLP_GREEN, TLP_AMBER, TLP_AMBER_STRICT, TLP_RED};
    return (struct record_row){.id = span_of(arena_printf(&w->a, "018f0000-0000-7000-8000-%012u", i)), .organisation = span_of(towns[below(4) == 0]),
                               .author = span_of(people[below(2)]), .author_name = SPAN("Ana"), .state = span_of(state), .tlp = labels[below(4)]};
}

/* Anew, as it may be worth something else now. */
static void put_thing(struct world *w, uint32_t i)
{
    struct thing *t = &w->things[i];
    t->level = below(5) == 0 ? NONE : (int)below(5);
    t->word = (int)below(3) - 1;
    t->bad = below(2) == 0;
    t->row.state = t->bad ? SPAN("bad") : SPAN("good");
    const char *level = t->level == NONE ? "" : arena_printf(&w->a, ",\"level\":%d", t->level);
    put(w, "thing", &t->row, arena_printf(&w->a, "{\"label\":\"t\"%s%s}", level, t->word == NONE ? "" : t->word == 1 ? ",\"word\":\"high\"" : ",\"word\":\"low\""));
}

static void begin(struct world *w)
{
    const struct register_file files[] = {{SPAN("thing.yml"), span_of(thing_text)}, {SPAN("watch.yml"), span_of(watch_text)}};
    memset(w, 0, sizeof *w);
    arena_init(&w->a, 0);
    w->kinds = registers_load(files, 2);
    size_t refused = 0;
    const struct register_refusal *why = registers_refusals(w->kinds, &refused);
    if (refused > 0) {
        fail_msg("%.*s", SPAN_ARG(why[0].why));
    }
    assert_int_equal(registers_by_name(w->kinds, SPAN("watch"))->nlooks, 7);
    assert_int_equal(records_open(":memory:", NOW, &e, &w->db), 0);
    const char *many = "";
    for (uint32_t i = 0; i < THINGS; i++) {
        w->things[i].row = any_row(w, i, "good");
        put_thing(w, i);
        if (below(2) == 0) {
            w->many |= 1u << i;
            many = arena_printf(&w->a, "%s%s\"%.*s\"", many, many[0] == '\0' ? "" : ",", SPAN_ARG(w->things[i].row.id));
        }
    }
    w->one = (int)below(THINGS + 1) - 1;
    w->names_before = below(3) > 0;
    w->before = any_row(w, 50, "shut");
    put(w, "watch", &w->before, "{\"label\":\"b\"}");
    w->watch = any_row(w, 51, "open");
    const char *one = w->one == NONE ? "" : arena_printf(&w->a, ",\"one\":\"%.*s\"", SPAN_ARG(w->things[w->one].row.id));
    const char *before = w->names_before ? arena_printf(&w->a, ",\"before\":\"%.*s\"", SPAN_ARG(w->before.id)) : "";
    put(w, "watch", &w->watch, arena_printf(&w->a, "{\"label\":\"w\"%s,\"many\":[%s]%s}", one, many, before));
}

static bool reads(const struct world *w, const struct policy_reader *r, const struct record_row *row)
{
    const struct policy_record p = {row->organisation, row->author, row->tlp};
    return policy_record_allows(r, &registers_by_name(w->kinds, row->kind)->rights, &p, RECORD_READ, NOW);
}

/* ---- the plain walk ---- */

static int level_of(const struct thing *t, uint32_t role)
{
    return role == POLICY_ROLE_ANALYST ? NONE : t->level;
}

static int word_of(const struct thing *t, uint32_t role)
{
    return role == POLICY_ROLE_OFFICER ? NONE : t->word;
}

static const char *half(struct arena *a, int n)
{
    return arena_printf(a, n % 2 == 0 ? "%d" : "%d.5", n / 2);
}

/* Computed fields as members of JSON, in the order of their names. */
static const char *walked(struct world *w, const struct policy_reader *r, int *bad_out)
{
    const struct thing *one = w->one != NONE && reads(w, r, &w->things[w->one].row) ? &w->things[w->one] : NULL;
    int bad = 0, total = 0, levels = 0, most = 0, high = 0, both = 0;
    const char *text = "";
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct thing *t = &w->things[i];
        int level = level_of(t, r->roles);
        if ((w->many >> i & 1) == 0 || !reads(w, r, &t->row)) {
            continue;
        }
        bad += t->bad;
        levels += level != NONE;
        total += level == NONE ? 0 : level;
        most = level > most ? level : most;
        high += word_of(t, r->roles) == 1;
        both += word_of(t, r->roles) == 1 && level > 2;
    }
    *bad_out = bad;
    if (one != NULL && level_of(one, r->roles) != NONE) {
        text = arena_printf(&w->a, "%s,\"a_level\":%d", text, level_of(one, r->roles));
    }
    text = one == NULL ? text : arena_printf(&w->a, "%s,\"b_state\":\"%s\"", text, one->bad ? "bad" : "good");
    if (r->roles != POLICY_ROLE_AUDITOR) { /* who does not see which they are */
        text = arena_printf(&w->a, "%s,\"c_bad\":%d", text, bad);
        if (levels > 0) {
            text = arena_printf(&w->a, "%s,\"d_total\":%d,\"e_most\":%s", text, total, half(&w->a, most));
        }
        text = arena_printf(&w->a, "%s,\"f_word\":%s,\"g_both\":%d", text, high > 0 ? "true" : "false", both);
    }
    return w->names_before && reads(w, r, &w->before) ? arena_printf(&w->a, "%s,\"h_before\":\"shut\"", text) : text;
}

/* Those of a record as it is told. */
static const char *told(struct world *w, const struct record_worker *who, const struct record_row *row)
{
    const struct jcs *fields = record_fields_now(who, row, &w->a);
    const char *text = "";
    assert_non_null(fields);
    for (const struct jcs *m = fields->first; m != NULL; m = m->next) {
        if (m->key.len > 2 && m->key.ptr[1] == '_') {
            text = arena_printf(&w->a, "%s,\"%.*s\":%.*s", text, SPAN_ARG(m->key), SPAN_ARG(jcs_text(&w->a, m)));
        }
    }
    return text;
}

static struct policy_reader any_reader(uint32_t n)
{
    static const uint32_t roles[] = {POLICY_ROLE_ADMINISTRATOR, POLICY_ROLE_ANALYST, POLICY_ROLE_OFFICER, POLICY_ROLE_READ_ONLY, POLICY_ROLE_AUDITOR};
    return (struct policy_reader){.kind = READER_PERSON, .person = span_of(people[below(2)]), .organisation = span_of(towns[below(4) == 0]), .in_house = true,
                                  .roles = roles[n % ARRAY_LEN(roles)], .may = POLICY_MAY_PERSONS};
}

/* Whether he could read it; then all ways to it tell the same, and what a plain walk tells. */
static bool look(struct world *w, const struct policy_reader *r)
{
    const struct record_worker who = {.kind = registers_by_name(w->kinds, SPAN("watch")), .reader = r, .name = SPAN("Ana"), .now = NOW, .kinds = w->kinds};
    struct record_query *q = arena_calloc(&w->a, 1, sizeof *q);
    struct record_page page;
    struct record_row row;
    struct record_put *moved = arena_calloc(&w->a, 1, sizeof *moved);
    struct record_faults faults;
    struct buf b;
    int bad = 0;
    *q = (struct record_query){.kind = SPAN("watch"), .sort = REGISTER_KEY_CREATED, .limit = 50};
    policy_record_scope(r, &who.kind->rights, NOW, &q->scope);
    record_sight_of(w->kinds, r, NOW, &q->sight);
    q->sight.files = w->kinds;
    if (!reads(w, r, &w->watch)) {
        assert_int_equal(record_get(w->db, &q->scope, q->kind, w->watch.id, &w->a, &row, &e), ERR_NOT_FOUND);
        return false;
    }
    const char *want = walked(w, r, &bad);
    assert_int_equal(record_list(w->db, q, &w->a, &page, &e), 0);
    bool there = false;
    for (uint32_t i = 0; i < page.nrows; i++) {
        if (span_eq(page.rows[i].id, w->watch.id)) {
            there = true;
            assert_string_equal(told(w, &who, &page.rows[i]), want);
        }
    }
    assert_true(there);
    assert_int_equal(record_get(w->db, &q->scope, q->kind, w->watch.id, &w->a, &row, &e), 0);
    assert_int_equal(record_links_read(w->db, &q->sight, &w->a, &row, 1, &e), 0);
    buf_init(&b, 1 << 20); /* as it goes from role to role */
    record_row_encode(&b, &row);
    struct cursor c = cursor_of(arena_copy(&w->a, buf_view(&b)));
    record_row_decode(&c, &row);
    buf_free(&b);
    assert_true(cursor_done(&c));
    assert_string_equal(told(w, &who, &row), want);
    int rc = record_move(&who, &row, SPAN("shut"), SPAN(""), &w->a, moved, &faults);
    assert_int_equal(rc, r->roles == POLICY_ROLE_ADMINISTRATOR || r->roles == POLICY_ROLE_ANALYST ? 0 : ERR_DENIED);
    assert_true(rc != 0 || (faults.count == 0) == (bad == 0)); /* nobody is kept from it by what he does not see */
    return true;
}

static void as_walked(void **state)
{
    (void)state;
    uint32_t read = 0;
    for (uint32_t n = 0; n < WORLDS; n++) {
        struct world w;
        rng = n + 1;
        begin(&w);
        for (uint32_t i = 0; i < READERS; i++) {
            const struct policy_reader r = any_reader(i);
            read += look(&w, &r);
            put_thing(&w, below(THINGS)); /* what looks at it follows */
            read += look(&w, &r);
        }
        db_close(&w.db);
        registers_free(&w.kinds);
        arena_fini(&w.a);
    }
    assert_true(read > WORLDS * READERS / 2);
}

/* More than may be told beside one record: what looks at it is none, and never a part. */
static void too_much(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 0);
    struct registers *kinds = registers_load((const struct register_file[]){{SPAN("thing.yml"), span_of(thing_text)}, {SPAN("watch.yml"), span_of(watch_text)}}, 2);
    const struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("ana"), .organisation = SPAN("aldea"), .in_house = true, .roles = POLICY_ROLE_ADMINISTRATOR};
    const struct record_worker who = {.kind = registers_by_name(kinds, SPAN("watch")), .reader = &r, .name = SPAN("Ana"), .now = NOW, .kinds = kinds};
    for (uint32_t looked = 0; looked < 2; looked++) {
        struct buf b;
        buf_init(&b, 4096);
        struct record_link l = {.field = SPAN("many"), .kind = SPAN("thing"), .id = SPAN("x"), .title = SPAN("t"), .state = SPAN("bad"), .nlooked = who.kind->nlooks};
        for (uint32_t i = 0; i < l.nlooked; i++) {
            l.looked[i] = span_eq(who.kind->looks[i].name, REGISTER_KEY_STATE) && who.kind->looks[i].ref == 2 ? SPAN("bad") : SPAN("");
        }
        record_link_encode(&b, &l);
        l.nlooked = looked == 0 ? 0 : l.nlooked;
        record_link_encode(&b, &l);
        const struct record_row row = {.id = SPAN("w"), .kind = SPAN("watch"), .organisation = SPAN("aldea"), .author = SPAN("ana"), .state = SPAN("open"), .tlp = TLP_AMBER,
                                       .fields = SPAN("{\"label\":\"w\"}"), .links = buf_view(&b)};
        const struct jcs *fields = record_fields_now(&who, &row, &a);
        const struct jcs *bad = jcs_get(fields, "c_bad");
        assert_true(looked == 0 ? bad == NULL : bad != NULL && bad->number == 2);
        assert_null(jcs_get(record_fields_shown(&who, &row, &a), "c_bad")); /* where nobody asked what is looked at */
        buf_free(&b);
    }
    registers_free(&kinds);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_walked), cmocka_unit_test(too_much)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
