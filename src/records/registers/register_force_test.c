/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Files of registers that become others: generated changes over generated records lose nothing that `was` covers, what does not fit is
 * counted as a plain comparison counts it and keeps the former file in force, and the trail is read under today's names.
 */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "records/records_test.h"

#include "records/registers/record_history.h"
#include "records/registers/record_import.h"
#include "records/registers/record_store.h"
#include "records/records.h"
#include "records/registers/register_force.h"

static struct err e;

struct db *test_db(void)
{
    struct db *db = NULL;
    if (records_open(":memory:", TEST_NOW, &e, &db) < 0) {
        fail_msg("%s", e.text);
    }
    return db;
}

int64_t test_number(struct db *db, const char *sql)
{
    struct db_stmt *s = NULL;
    if (db_query(db, sql, &e, &s) < 0 || db_step(s, &e) != 1) {
        fail_msg("%s: %s", sql, e.text);
    }
    int64_t v = db_col_i64(s, 0);
    db_done(s);
    return v;
}

static uint64_t rng = 11;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};

/* A file of one kind with these fields and states; was: what x-table says of it. */
static struct span file_text(struct arena *a, const char *kind, const char *was, const char *required, const char *fields, const char *states)
{
    return span_of(arena_printf(a,
                                "title: Things\ntype: object\nrequired: [label%s]\nadditionalProperties: false\nproperties:\n"
                                "  label: {type: string, minLength: 1, maxLength: 40}\n%sx-table: {name: %s, plural: %ss, title: label%s}\n"
                                "x-perm: {administrator: {ops: [read, create, change, move]}}\nx-tlp: {default: AMBER, max: RED}\n%s",
                                required, fields, kind, kind, was, states));
}

#define STATES "x-states: {initial: open, list: [{id: open}, {id: shut, final: true}], transitions: [{from: open, to: shut, roles: [administrator]}]}\n"

struct town {
    struct db *db;
    struct arena a;
    struct registers *kinds;
    int64_t records;
};

static void begin(struct town *t)
{
    *t = (struct town){.db = test_db()};
    arena_init(&t->a, 0);
}

static void end(struct town *t)
{
    registers_free(&t->kinds);
    arena_fini(&t->a);
    db_close(&t->db);
}

/* A start of the node with this file; whether it is in force now. */
static bool start(struct town *t, struct span text)
{
    const struct register_file own = {SPAN("DATA/registers/thing.yml"), text};
    struct register_choice c;
    if (register_choose(t->db, &t->a, &own, text.len > 0 ? 1 : 0, &c, &e) != 0 || register_force(t->db, &c, TEST_NOW + 5 * TIME_SECOND, &e) != 0 ||
        record_keys_renew(t->db, c.kinds, TEST_NOW, &e) != 0) {
        fail_msg("%s", e.text);
    }
    bool kept = false;
    for (size_t i = 0; i < c.nstored; i++) {
        kept = kept || c.stored[i].kept;
    }
    registers_free(&t->kinds);
    t->kinds = c.kinds;
    c.kinds = NULL;
    register_choice_free(&c);
    return !kept;
}

static void put(struct town *t, const char *kind, const char *id, const char *state, const char *fields, int64_t version, enum tlp tlp)
{
    const struct register_kind *k = registers_by_name(t->kinds, span_of(kind));
    struct record_astray astray;
    struct jcs *doc = NULL;
    assert_non_null(k);
    struct record_put *p = arena_calloc(&t->a, 1, sizeof *p);
    p->row = (struct record_row){.id = span_of(id), .kind = k->name, .organisation = SPAN("town"), .author = SPAN("p"), .author_name = SPAN("Anna"),
                                 .state = span_of(state), .fields = span_of(fields), .tlp = tlp, .created = TEST_NOW, .changed = TEST_NOW + version, .version = version};
    p->scope = all;
    p->who = SPAN("Anna");
    p->why = SPAN("by hand");
    p->what = version == 1 ? SPAN("record.created") : SPAN("record.changed");
    assert_int_equal(jcs_read_decimals(&t->a, p->row.fields, JCS_DEPTH_MAX, &doc, &e), 0);
    p->row.title = register_title(k, doc);
    p->nkeys = (uint32_t)register_keys(&t->a, k, doc, p->row.organisation, p->row.state, p->row.tlp, p->row.created, p->row.changed, p->keys);
    if (record_put(t->db, p, &astray, &e) != 0) {
        fail_msg("%s", e.text);
    }
    t->records += version == 1;
}

static struct record_row get(struct town *t, const char *kind, const char *id)
{
    struct record_row r;
    if (record_get(t->db, &all, span_of(kind), span_of(id), &t->a, &r, &e) != 0) {
        fail_msg("%s/%s: %s", kind, id, e.text);
    }
    return r;
}

static void is_text(struct span is, const char *shall)
{
    if (!span_eq(is, span_of(shall))) {
        fail_msg("is  %.*s\nnot %s", SPAN_ARG(is), shall);
    }
}

#define ID1 "018f0000-0000-7000-8000-000000000001"
#define ID2 "018f0000-0000-7000-8000-000000000002"

/* ---- names ---- */

static void names_go_along(void **state)
{
    (void)state;
    struct town t;
    struct record_story story;
    const struct record_sight sight = {.scope = all, .nkinds = 1, .kinds = {SPAN("gadget")}};
    begin(&t);
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "  colour: {type: string, maxLength: 20, x-index: true}\n", STATES)));
    put(&t, "thing", ID1, "open", "{\"colour\":\"red\",\"label\":\"one\"}", 1, TLP_AMBER);
    put(&t, "thing", ID1, "shut", "{\"colour\":\"blue\",\"label\":\"one\"}", 2, TLP_AMBER);
    put(&t, "thing", ID2, "open", "{\"label\":\"two\"}", 1, TLP_AMBER);
    assert_int_equal(db_exec(t.db, "INSERT INTO setting VALUES ('register.on.thing', 'on', 1)", &e), 0);
    assert_true(start(&t, file_text(&t.a, "gadget", ", was: thing", ", size", "  paint: {type: string, maxLength: 20, x-index: true, x-was: colour}\n  size: {type: integer, default: 3}\n",
                                    "x-states: {initial: open, list: [{id: open}, {id: closed, final: true, was: shut}], transitions: [{from: open, to: closed, roles: [administrator]}]}\n")));
    struct record_row one = get(&t, "gadget", ID1);
    is_text(one.fields, "{\"label\":\"one\",\"paint\":\"blue\",\"size\":3}");
    is_text(one.state, "closed");
    assert_int_equal(one.version, 3); /* the default is a change; another name is none */
    is_text(get(&t, "gadget", ID2).fields, "{\"label\":\"two\",\"size\":3}");
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM record_key WHERE kind = 'thing' OR field = 'colour' OR value = 'shut'"), 0);
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM record_key WHERE kind = 'gadget' AND field = 'paint' AND value = 'blue'"), 1);
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM setting WHERE name IN ('register.on.gadget', 'registers.keys.gadget')"), 2);
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM audit WHERE what = 'register.changed' AND subject = 'gadget' AND before_value = 'thing'"), 1);
    assert_int_equal(record_history(t.db, &all, &sight, t.kinds, SPAN("gadget"), SPAN(ID1), 0, 10, &t.a, &story, &e), 0);
    assert_int_equal(story.count, 3);
    is_text(story.past[2].after.fields, "{\"label\":\"one\",\"paint\":\"red\"}");
    is_text(story.past[1].before.fields, "{\"label\":\"one\",\"paint\":\"red\"}");
    is_text(story.past[1].after.state, "closed");
    is_text(story.past[0].before.fields, "{\"label\":\"one\",\"paint\":\"blue\"}");
    is_text(story.past[0].after.fields, "{\"label\":\"one\",\"paint\":\"blue\",\"size\":3}");
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM audit WHERE subject LIKE 'thing/%' AND after_value LIKE '%colour%'"), 2); /* as it was said */
    end(&t);
}

/* A name that is used again means what it meant when a line was written. */
/* One of an import that the former node never finished: it goes later, and no line of the trail says that it became anything. */
static void what_waits_becomes_nothing(void **state)
{
    (void)state;
    struct town t;
    begin(&t);
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "", STATES)));
    put(&t, "thing", ID1, "open", "{\"label\":\"one\"}", 1, TLP_AMBER);
    put(&t, "thing", ID2, "open", "{\"label\":\"two\"}", 1, TLP_AMBER);
    assert_int_equal(db_exec(t.db, "UPDATE record SET tlp = tlp + 100 WHERE id = '" ID2 "'", &e), 0); /* RECORD_HIDDEN */
    assert_true(start(&t, file_text(&t.a, "thing", "", ", size", "  size: {type: integer, default: 3}\n", STATES)));
    is_text(get(&t, "thing", ID1).fields, "{\"label\":\"one\",\"size\":3}");
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM audit WHERE subject = 'thing/" ID1 "'"), 2);
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM audit WHERE subject = 'thing/" ID2 "'"), 1);
    end(&t);
}

static void a_name_used_again(void **state)
{
    (void)state;
    struct town t;
    struct record_story story;
    const struct record_sight sight = {.scope = all, .nkinds = 1, .kinds = {SPAN("thing")}};
    begin(&t);
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "  a: {type: string, maxLength: 9}\n", STATES)));
    put(&t, "thing", ID1, "open", "{\"a\":\"first\",\"label\":\"one\"}", 1, TLP_AMBER);
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "  b: {type: string, maxLength: 9, x-was: a}\n", STATES)));
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "  b: {type: string, maxLength: 9}\n  a: {type: string, maxLength: 9}\n", STATES)));
    put(&t, "thing", ID1, "open", "{\"a\":\"second\",\"b\":\"first\",\"label\":\"one\"}", 2, TLP_AMBER);
    assert_int_equal(record_history(t.db, &all, &sight, t.kinds, SPAN("thing"), SPAN(ID1), 0, 10, &t.a, &story, &e), 0);
    assert_int_equal(story.count, 2);
    is_text(story.past[1].after.fields, "{\"b\":\"first\",\"label\":\"one\"}");
    is_text(story.past[0].after.fields, "{\"a\":\"second\",\"b\":\"first\",\"label\":\"one\"}");
    end(&t);
}

/* ---- what does not fit ---- */

static const struct register_plan *plan_of(struct town *t, struct register_choice *c, struct span text)
{
    const struct register_file own = {SPAN("DATA/registers/thing.yml"), text};
    assert_int_equal(register_choose(t->db, &t->a, &own, text.len > 0 ? 1 : 0, c, &e), 0);
    for (size_t i = 0; i < c->nstored; i++) {
        if (c->stored[i].there) {
            return c->stored[i].plan;
        }
    }
    return NULL;
}

static void what_does_not_fit_keeps_the_former(void **state)
{
    (void)state;
    struct town t;
    struct register_choice c;
    struct span kinds[REGISTER_KINDS_MAX];
    size_t n = 0;
    const struct register_consent by = {SPAN("*"), SPAN("Anna"), SPAN("the council wants it so"), TEST_NOW};
    begin(&t);
    struct span wide = file_text(&t.a, "thing", "", "", "  note: {type: string, maxLength: 40}\n  size: {type: integer}\n", STATES);
    struct span narrow = file_text(&t.a, "thing", "", "", "  size: {type: integer, maximum: 5}\n", STATES);
    struct span stateless = file_text(&t.a, "thing", "", "", "  note: {type: string, maxLength: 40}\n  size: {type: integer}\n", "x-states: {initial: open, list: [{id: open, final: true}]}\n");
    assert_true(start(&t, wide));
    put(&t, "thing", ID1, "open", "{\"label\":\"one\",\"note\":\"secret words\",\"size\":9}", 1, TLP_AMBER);
    put(&t, "thing", ID2, "shut", "{\"label\":\"two\",\"size\":9}", 1, TLP_RED);
    assert_false(start(&t, narrow)); /* not without being told */
    assert_true(register_field_of(registers_by_name(t.kinds, SPAN("thing")), SPAN("note")) >= 0);
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM register_file WHERE kind = 'thing' AND text LIKE '%note%'"), 1);
    const struct register_plan *p = plan_of(&t, &c, narrow);
    assert_int_equal(p->nmisfits, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct register_misfit *m = &p->misfits[i];
        bool gone = m->how == MISFIT_GONE;
        is_text(m->name, gone ? "note" : "size");
        assert_int_equal(m->count, gone ? 1 : 2);
        assert_int_equal(m->nids, 1); /* RED ones are counted, not named */
        assert_string_equal(m->ids[0], ID1);
    }
    struct buf b;
    struct json_writer j;
    buf_init(&b, 1 << 20);
    json_writer_init(&j, &b);
    register_choice_put(&c, &j);
    register_plan_say(p, &b);
    buf_u8(&b, 0);
    assert_null(strstr(b.data, "secret")); /* values are not told */
    assert_non_null(strstr(b.data, "\"what\":\"field_gone\",\"name\":\"note\""));
    buf_free(&b);
    assert_int_equal(register_consent_put(t.db, &c, &by, kinds, &n, &e), 0);
    assert_int_equal(n, 1);
    register_choice_free(&c);
    assert_false(start(&t, file_text(&t.a, "thing", "", "", "  size: {type: integer, maximum: 4}\n", STATES))); /* another text than was meant */
    assert_true(start(&t, narrow));
    is_text(get(&t, "thing", ID1).fields, "{\"label\":\"one\",\"note\":\"secret words\",\"size\":9}"); /* kept, and not shown */
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM audit WHERE what = 'register.changed' AND who = 'Anna' AND why = 'the council wants it so'"), 1);
    assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM audit WHERE what = 'register.meant'"), 1);
    assert_true(start(&t, narrow));
    assert_true(start(&t, wide));
    assert_false(start(&t, stateless)); /* where should those go that are shut? */
    p = plan_of(&t, &c, stateless);
    assert_true(register_plan_stuck(p));
    assert_int_equal(register_consent_put(t.db, &c, &by, kinds, &n, &e), 0);
    assert_int_equal(n, 0);
    register_choice_free(&c);
    end(&t);
}

static void a_file_that_goes(void **state)
{
    (void)state;
    struct town t;
    struct register_choice c;
    struct span kinds[REGISTER_KINDS_MAX];
    size_t n = 0;
    const struct register_consent by = {SPAN("*"), SPAN("Anna"), SPAN("not needed"), TEST_NOW};
    begin(&t);
    struct span text = file_text(&t.a, "thing", "", "", "", STATES);
    assert_true(start(&t, text));
    assert_true(start(&t, SPAN(""))); /* no record, nothing to lose */
    assert_null(registers_any(t.kinds, SPAN("thing")));
    assert_true(start(&t, text));
    put(&t, "thing", ID1, "open", "{\"label\":\"one\"}", 1, TLP_AMBER);
    assert_false(start(&t, SPAN("")));
    assert_non_null(registers_any(t.kinds, SPAN("thing")));
    assert_false(start(&t, SPAN("title: [broken"))); /* one that cannot be read hides nothing either */
    assert_non_null(registers_any(t.kinds, SPAN("thing")));
    (void)plan_of(&t, &c, SPAN(""));
    assert_int_equal(register_consent_put(t.db, &c, &by, kinds, &n, &e), 0);
    assert_int_equal(n, 1);
    register_choice_free(&c);
    assert_true(start(&t, SPAN("")));
    assert_null(registers_any(t.kinds, SPAN("thing")));
    assert_true(start(&t, text)); /* it comes back, and so do its records */
    is_text(get(&t, "thing", ID1).fields, "{\"label\":\"one\"}");
    end(&t);
}

/* Two kinds do not become one: both stay as they are, and the file that wants it is refused. */
static void two_kinds_stay_two(void **state)
{
    (void)state;
    struct town t;
    struct register_choice c;
    begin(&t);
    const struct register_file two[] = {{SPAN("DATA/registers/a.yml"), file_text(&t.a, "thing", "", "", "", STATES)}, {SPAN("DATA/registers/b.yml"), file_text(&t.a, "other", "", "", "", STATES)}};
    const struct register_file one[] = {{SPAN("DATA/registers/a.yml"), file_text(&t.a, "both", ", was: [thing, other]", "", "", STATES)}};
    for (int round = 0; round < 3; round++) {
        assert_int_equal(register_choose(t.db, &t.a, round == 1 ? one : two, round == 1 ? 1 : 2, &c, &e), 0);
        if (register_force(t.db, &c, TEST_NOW, &e) != 0 || record_keys_renew(t.db, c.kinds, TEST_NOW, &e) != 0) {
            fail_msg("%s", e.text);
        }
        assert_true(registers_any(c.kinds, SPAN("thing")) != NULL && registers_any(c.kinds, SPAN("other")) != NULL && registers_any(c.kinds, SPAN("both")) == NULL);
        registers_free(&t.kinds);
        t.kinds = c.kinds;
        c.kinds = NULL;
        register_choice_free(&c);
        if (round == 0) {
            put(&t, "thing", ID1, "open", "{\"label\":\"one\"}", 1, TLP_AMBER);
            put(&t, "other", ID2, "open", "{\"label\":\"two\"}", 1, TLP_AMBER);
        }
    }
    is_text(get(&t, "thing", ID1).fields, "{\"label\":\"one\"}");
    is_text(get(&t, "other", ID2).fields, "{\"label\":\"two\"}");
    end(&t);
}

/* What an import changed is of the form of before. */
static void older_imports_stay(void **state)
{
    (void)state;
    struct town t;
    struct record_import_row list[RECORD_IMPORTS_SHOWN];
    uint32_t n = 0;
    begin(&t);
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "  a: {type: string, maxLength: 9}\n", STATES)));
    const struct record_sight sight = {.scope = all, .nkinds = 1, .kinds = {SPAN("thing")}};
    const struct record_importer importer = {.scope = &all, .sight = &sight, .kinds = t.kinds};
    const struct record_import_row import = {.id = SPAN(ID2), .kind = SPAN("thing"), .who = SPAN("Anna"), .who_id = SPAN("p"), .at = TEST_NOW};
    assert_int_equal(record_import_apply(t.db, &importer, &import, SPAN("label"), &e), 0);
    assert_int_equal(record_import_list(t.db, SPAN("thing"), SPAN("p"), TEST_NOW + 1, &t.a, list, &n, &e), 0);
    assert_true(n == 1 && list[0].can_undo);
    assert_true(start(&t, file_text(&t.a, "thing", "", "", "  b: {type: string, maxLength: 9, x-was: a}\n", STATES)));
    const struct record_importer again = {.scope = &all, .sight = &sight, .kinds = t.kinds};
    assert_int_equal(record_import_list(t.db, SPAN("thing"), SPAN("p"), TEST_NOW + 1, &t.a, list, &n, &e), 0);
    assert_false(list[0].can_undo);
    assert_int_equal(record_import_undo(t.db, &again, &import, TEST_NOW + 60 * TIME_SECOND, &e), ERR_EXISTS);
    assert_non_null(strstr(e.text, "has changed since"));
    end(&t);
}

/* ---- generated ---- */

enum { GENERATED = 10, FIELDS = 6, THINGS = 25, STEPS = 4 };

/* A field as a plain comparison knows it: its name of today, the one before, and what it may be at most. */
struct field {
    bool there;
    uint32_t name, before, most; /* before: FIELDS_NONE where it is not told */
};

static const char *field_line(struct arena *a, const struct field *f)
{
    const char *was = f->before != f->name ? arena_printf(a, ", x-was: f%u", f->before) : "";
    return arena_printf(a, "  f%u: {type: integer, maximum: %u%s%s}\n", f->name, f->most, f->name % 2 == 0 ? ", x-index: true" : "", was);
}

static const char *lines_of(struct arena *a, const struct field *fields)
{
    const char *text = "";
    for (uint32_t i = 0; i < FIELDS; i++) {
        text = fields[i].there ? arena_printf(a, "%s%s", text, field_line(a, &fields[i])) : text;
    }
    return text;
}

static const char *thing_text(struct arena *a, const struct field *fields, const uint32_t *values, uint32_t thing)
{
    struct jcs *o = jcs_new_object(a);
    jcs_set_text(a, o, "label", span_of(arena_printf(a, "thing %u", thing)));
    for (uint32_t i = 0; i < FIELDS; i++) {
        if (fields[i].there && values[i] > 0) {
            jcs_set_int(a, o, arena_printf(a, "f%u", fields[i].name), values[i]);
        }
    }
    return arena_cstr(a, jcs_text(a, o));
}

/* Some of the fields are called otherwise, and some may be less or more than before. */
static void change_fields(struct field *fields, uint32_t *next, bool narrows)
{
    for (uint32_t i = 0; i < FIELDS; i++) {
        fields[i].before = fields[i].name;
        if (below(3) == 0) {
            fields[i].name = (*next)++;
        }
        fields[i].most = narrows ? 1 + below(9) : 10 + below(9);
    }
}

static void generated_changes(void **state)
{
    (void)state;
    for (uint32_t round = 0; round < GENERATED; round++) {
        struct town t;
        struct field fields[FIELDS];
        uint32_t values[THINGS][FIELDS], next = FIELDS;
        begin(&t);
        for (uint32_t i = 0; i < FIELDS; i++) {
            fields[i] = (struct field){true, i, i, 10};
        }
        assert_true(start(&t, file_text(&t.a, "thing", "", "", lines_of(&t.a, fields), STATES)));
        for (uint32_t i = 0; i < THINGS; i++) {
            for (uint32_t f = 0; f < FIELDS; f++) {
                values[i][f] = below(11);
            }
            put(&t, "thing", arena_printf(&t.a, "018f0000-0000-7000-8000-0000000001%02u", i), "open", thing_text(&t.a, fields, values[i], i), 1, TLP_AMBER);
        }
        for (uint32_t step = 0; step < STEPS; step++) {
            struct field before[FIELDS];
            bool narrows = below(4) == 0;
            int64_t misfits = 0;
            memcpy(before, fields, sizeof before);
            change_fields(fields, &next, narrows);
            for (uint32_t i = 0; i < THINGS * FIELDS; i++) {
                misfits += values[i / FIELDS][i % FIELDS] > fields[i % FIELDS].most;
            }
            struct register_choice c;
            const struct register_plan *p = plan_of(&t, &c, file_text(&t.a, "thing", "", "", lines_of(&t.a, fields), STATES));
            int64_t counted = 0;
            for (uint32_t m = 0; p != NULL && m < p->nmisfits; m++) {
                counted += p->misfits[m].count;
            }
            assert_int_equal(counted, misfits);
            register_choice_free(&c);
            assert_true(start(&t, file_text(&t.a, "thing", "", "", lines_of(&t.a, fields), STATES)) == (misfits == 0));
            if (misfits > 0) {
                memcpy(fields, before, sizeof before);
            }
            for (uint32_t i = 0; i < THINGS; i++) {
                is_text(get(&t, "thing", arena_printf(&t.a, "018f0000-0000-7000-8000-0000000001%02u", i)).fields, thing_text(&t.a, fields, values[i], i));
            }
        }
        assert_int_equal(test_number(t.db, "SELECT COUNT(*) FROM record WHERE version <> 1"), 0);
        end(&t);
    }
}

/* What people would not find out: files that name the same twice. */
static void names_that_do_not_fit(void **state)
{
    (void)state;
    static const char *const fields[] = {
        "  b: {type: integer, x-was: label}\n", "  a: {type: integer}\n  b: {type: integer, x-was: a}\n", "  a: {type: integer, x-was: c}\n  b: {type: integer, x-was: [d, c]}\n",
        "  b: {type: integer, x-was: [a, a]}\n", "  b: {type: integer, x-was: A}\n", "  b: {type: integer, x-was: [a1, a2, a3, a4, a5, a6, a7, a8, a9]}\n"};
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct arena a;
        struct register_kind k;
        arena_init(&a, 0);
        const struct register_file f = {SPAN("x.yml"), file_text(&a, "thing", "", "", fields[i], STATES)};
        if (register_kind_read(&a, &f, &k, &e) == 0) {
            fail_msg("taken: %s", fields[i]);
        }
        assert_non_null(strstr(e.text, "x-was"));
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_that_do_not_fit), cmocka_unit_test(names_go_along),
        cmocka_unit_test(what_waits_becomes_nothing),       cmocka_unit_test(a_name_used_again), cmocka_unit_test(what_does_not_fit_keeps_the_former),
        cmocka_unit_test(a_file_that_goes),      cmocka_unit_test(older_imports_stay), cmocka_unit_test(two_kinds_stay_two), cmocka_unit_test(generated_changes)};
    return cmocka_run_group_tests_name("records/registers files in force", tests, NULL, NULL);
}
