/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Retention over generated records of every kind in the program: what was to go is in no byte of the database's files, all else is;
 * trail and proofs hold, no record lacks a field that it must have, and what is to go can be seen before.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/test_cases.h"
#include "records/audit.h"
#include "records/holds.h"
#include "records/proof.h"
#include "records/records.h"
#include "records/records_test.h"
#include "records/registers/retention_view.h"
#include "records/registers/record_seal.h"
#include "records/registers/record_store.h"

enum { VALUE = 12, SECRETS_MAX = 60000, RECORDS = 900, LATER = 40 * 365 };

static struct err e;
static const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};

/* ---- generated ---- */

static uint64_t seed = 11;

static unsigned draw(unsigned below)
{
    seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407u;
    return (unsigned)(seed >> 33) % below;
}

struct made {
    char id[40];
    const struct register_kind *k;
    int64_t version;
    uint32_t state;
    bool any;  /* it said something of a person once */
    bool goes; /* its state is one in which days count */
};

struct world {
    struct registers *kinds;
    struct db *db;
    struct arena a;
    struct secret {
        char text[VALUE + 1]; /* grows from one to the next */
        size_t owner;
    } secret[SECRETS_MAX];
    size_t nsecrets;
    struct made made[RECORDS];
};

static struct jcs *secret(struct world *w, struct made *m)
{
    m->any = true;
    struct secret *s = &w->secret[w->nsecrets];
    assert_true(w->nsecrets < SECRETS_MAX);
    s->owner = (size_t)(m - w->made);
    (void)snprintf(s->text, sizeof s->text, "ZQX%09zu", ++w->nsecrets * 13007);
    return jcs_new_text(&w->a, span_of(s->text));
}

static struct jcs *value_of(struct world *w, struct made *m, uint32_t place)
{
    const struct register_field *f = &m->k->fields[place];
    bool goes = (m->k->retention.erases >> place & 1) != 0;
    if (place == (uint32_t)m->k->retention.from && !goes) {
        return jcs_new_text(&w->a, SPAN("2026-11-01"));
    }
    if (!goes) {
        return f->ref.len > 0 || f->cell != CELL_TEXT ? NULL : jcs_new_text(&w->a, span_of(arena_printf(&w->a, "%0*d", 1 + (int)draw(300), 7)));
    }
    struct jcs *list = jcs_new_array(&w->a);
    switch (f->cell) {
    case CELL_TEXT:
        return secret(w, m);
    case CELL_TEXTS:
        jcs_add(list, secret(w, m));
        jcs_add(list, secret(w, m));
        return list;
    default:
        jcs_add(list, jcs_new_object(&w->a));
        jcs_set(&w->a, list->first, "name", secret(w, m));
        return list;
    }
}

/* As a list of joiners and leavers notes what it wrote. */
static void listed(struct world *w, const struct made *m, struct span fields)
{
    struct db_stmt *s = NULL;
    const struct span import = span_of(arena_printf(&w->a, "%s-%d", m->id, (int)m->version));
    assert_int_equal(db_query(w->db, "INSERT INTO staff_import (id, organisation, who, why, at) VALUES ($1, 'town', 'Anna', '', 1)", &e, &s), 0);
    db_bind_text(s, 1, import);
    assert_int_equal(db_run(s, &e), 0);
    assert_int_equal(db_query(w->db, "INSERT INTO staff_import_person (import, place, person, account, wrote) VALUES ($1, 0, $2, '', $3)", &e, &s), 0);
    db_bind_text(s, 1, import);
    db_bind_text(s, 2, span_of(m->id));
    db_bind_text(s, 3, fields);
    assert_int_equal(db_run(s, &e), 0);
}

static void put(struct world *w, struct made *m)
{
    struct record_astray astray;
    struct record_put *p = arena_calloc(&w->a, 1, sizeof *p);
    struct jcs *fields = jcs_new_object(&w->a);
    for (uint32_t i = 0; i < m->k->nfields; i++) {
        struct jcs *v = m->k->fields[i].required || i == m->k->title || draw(3) > 0 ? value_of(w, m, i) : NULL;
        if (v != NULL && m->k->fields[i].computed == NULL) {
            jcs_set(&w->a, fields, arena_cstr(&w->a, m->k->fields[i].name), v);
        }
    }
    m->version++;
    m->goes = (m->k->retention.states >> m->state & 1) != 0;
    p->row = (struct record_row){.id = span_of(m->id), .kind = m->k->name, .organisation = SPAN("town"), .author = SPAN("p"), .author_name = SPAN("Anna"),
                                 .state = m->k->states[m->state].id, .title = register_title(m->k, fields), .fields = jcs_text(&w->a, fields),
                                 .tlp = TLP_GREEN, .created = TEST_NOW, .changed = TEST_NOW + m->version, .version = m->version};
    p->scope = all;
    p->who = SPAN("Anna");
    p->what = m->version == 1 ? SPAN("record.created") : SPAN("record.changed");
    p->sealed_by = w->kinds;
    p->nkeys = (uint32_t)register_keys(&w->a, m->k, fields, p->row.organisation, p->row.state, p->row.tlp, p->row.created, p->row.changed, p->keys);
    assert_int_equal(record_put(w->db, p, &astray, &e), 0);
    if (span_eq(m->k->name, SPAN("person"))) {
        listed(w, m, p->row.fields);
    }
}

static struct world *world(const char *path)
{
    struct world *w = mem_alloc(sizeof *w);
    size_t n = 0;
    arena_init(&w->a, 1 << 20);
    w->kinds = registers_load(NULL, 0);
    assert_int_equal(records_open(path, TEST_NOW, &e, &w->db), 0);
    const struct register_kind *k = registers_all(w->kinds, &n);
    for (size_t i = 0; i < RECORDS; i++) {
        struct made *m = &w->made[i];
        do {
            m->k = &k[draw((unsigned)n)];
        } while (m->k->retention.days == 0);
        (void)snprintf(m->id, sizeof m->id, "%08x-0000-7000-8000-%012zx", draw(1u << 30), i);
        m->state = draw(m->k->nstates);
        put(w, m);
        struct made *old = &w->made[draw((unsigned)i + 1)]; /* an older one changes, and its former values are of the past */
        old->state = draw(old->k->nstates);
        put(w, old);
    }
    return w;
}

static void end(struct world *w)
{
    db_close(&w->db);
    registers_free(&w->kinds);
    arena_fini(&w->a);
    mem_free(w);
}

/* Runs to its end, and notes it as the keeper does; returns how many went. */
static uint64_t run(struct db *db, const struct retention_rules *rules, time_ns now)
{
    struct retention_run r = {0};
    bool more = true;
    assert_int_equal(retention_note_rules(db, rules, now, &e), 0);
    while (more) {
        assert_int_equal(retention_step(db, rules, now, &r, &more, &e), 0);
    }
    struct retention_last last = {.begun = now, .ended = now + 1, .erased = r.erased, .passed_by = r.passed_by, .npassed = r.npassed}, again;
    memcpy(last.passed, r.passed, sizeof last.passed);
    assert_int_equal(retention_last_put(db, &last, &e), 0);
    assert_int_equal(retention_last_get(db, &again, &e), 0);
    assert_memory_equal(&again, &last, sizeof last);
    return r.erased;
}

static char *bytes_of(const char *path, const char *suffix, size_t *size_out)
{
    char name[512];
    (void)snprintf(name, sizeof name, "%s%s", path, suffix);
    FILE *f = fopen(name, "rb");
    *size_out = 0;
    if (f == NULL) {
        return NULL;
    }
    assert_int_equal(fseek(f, 0, SEEK_END), 0);
    *size_out = (size_t)ftell(f);
    char *bytes = mem_alloc(*size_out + 1);
    rewind(f);
    assert_true(fread(bytes, 1, *size_out, f) == *size_out);
    (void)fclose(f);
    return bytes;
}

struct looked {
    size_t gone, gone_found, live, live_found;
};

static int by_text(const void *a, const void *b)
{
    return memcmp(a, b, VALUE);
}

/* Looks for each secret in every byte of the files, and counts them by whether they had to go. */
static struct looked look(const char *path, const struct world *w)
{
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    struct looked r = {0};
    bool *found = mem_alloc(w->nsecrets + 1);
    for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
        size_t size = 0;
        char *b = bytes_of(path, suffixes[i], &size);
        for (size_t at = 0; b != NULL && at + VALUE <= size; at++) {
            const struct secret *hit = memcmp(b + at, "ZQX", 3) != 0 ? NULL : bsearch(b + at, w->secret, w->nsecrets, sizeof w->secret[0], by_text);
            if (hit != NULL) {
                found[hit - w->secret] = true;
            }
        }
        mem_free(b);
    }
    for (size_t i = 0; i < w->nsecrets; i++) {
        bool goes = w->made[w->secret[i].owner].goes;
        *(goes ? &r.gone : &r.live) += 1;
        *(goes ? &r.gone_found : &r.live_found) += found[i];
    }
    mem_free(found);
    return r;
}

static void complain(void *ctx, const struct err *why)
{
    (void)ctx;
    fail_msg("%s", why->text);
}

static void step(void *ctx, const char *table, uint64_t rows)
{
    (void)ctx;
    (void)table;
    (void)rows;
}

static void verify(struct db *db, struct looked l)
{
    const struct proof_hooks hooks = {.complain = complain, .step = step};
    struct proof_report report;
    int64_t rows = 0, values = 0, erased = 0;
    assert_int_equal(audit_verify(db, &e, &rows), 0);
    if (record_seal_verify(db, &values, &erased, &e) != 0) {
        fail_msg("%s", e.text);
    }
    assert_true(values > 0 && erased > 0 && l.gone > 0);
    assert_int_equal(proof_verify(db, &hooks, &report, &e), 0);
}

/* Each record that there is: what is left of it lacks nothing that its kind asks for, and no field that goes. */
static void check_fields(struct world *w)
{
    for (size_t i = 0; i < RECORDS; i++) {
        struct made *m = &w->made[i];
        struct record_row row;
        struct jcs *fields = NULL;
        assert_int_equal(record_get(w->db, &all, m->k->name, span_of(m->id), &w->a, &row, &e), 0);
        assert_int_equal(row.version, m->version + (m->goes && m->any));
        assert_int_equal(jcs_read_decimals(&w->a, row.fields, JCS_DEPTH_MAX, &fields, &e), 0);
        for (uint32_t f = 0; f < m->k->nfields; f++) {
            const struct jcs *v = jcs_get(fields, arena_cstr(&w->a, m->k->fields[f].name));
            bool goes = m->goes && (m->k->retention.erases >> f & 1) != 0;
            assert_true(v != NULL || !(m->k->fields[f].required || f == m->k->title) || m->k->fields[f].ref.len > 0 || m->k->fields[f].cell != CELL_TEXT);
            assert_true(!goes || v == NULL || (v->kind == JCS_TEXT && v->text.len == RETENTION_STAND_IN && v->text.ptr[0] == '#'));
        }
        assert_true(span_eq(row.title, register_title(m->k, fields)));
    }
}

static void no_byte_is_left(void **state)
{
    (void)state;
    const char *path = test_path("r.db");
    struct world *w = world(path);
    const struct retention_rules rules = {.kinds = w->kinds};
    assert_int_equal(run(w->db, &rules, TEST_NOW), 0); /* nothing is as old, and the rules are new */
    struct looked before = look(path, w);
    assert_int_equal(before.gone_found, before.gone);
    assert_int_equal(before.live_found, before.live);
    assert_true(before.gone > RECORDS && before.live > RECORDS);
    uint64_t expected = 0;
    for (size_t i = 0; i < RECORDS; i++) {
        expected += w->made[i].goes && w->made[i].any;
    }
    assert_int_equal(run(w->db, &rules, TEST_NOW + LATER * TIME_DAY), expected);
    assert_int_equal(db_wipe(w->db, &e), 0);
    struct looked after = look(path, w);
    assert_int_equal(after.gone_found, 0);
    assert_int_equal(after.live_found, after.live);
    verify(w->db, after);
    check_fields(w);
    assert_int_equal(run(w->db, &rules, TEST_NOW + (LATER + 40) * TIME_DAY), 0); /* what went goes once */
    end(w);
}

/* ---- what is told ---- */

/* Counts them, and asserts that the list, page by page, has just as many; *rows_out, when asked for: these. */
static struct retention_count told(struct world *w, const struct retention_rules *rules, const char *kind, enum retention_which which, int64_t until, struct retention_row **rows_out)
{
    struct retention_count n;
    struct retention_query q = {.kind = span_of(kind), .scope = all, .which = which, .until = until, .limit = 3};
    struct retention_row *all_rows = arena_calloc(&w->a, RECORDS, sizeof *all_rows);
    bool more = true;
    int64_t found = 0;
    assert_int_equal(retention_count(w->db, rules, &q, &n, &e), 0);
    while (more) {
        struct retention_row *rows = NULL;
        uint32_t count = 0;
        assert_int_equal(retention_list(w->db, rules, &q, &w->a, &rows, &count, &more, &e), 0);
        for (uint32_t i = 0; i < count; i++) {
            all_rows[found++] = rows[i];
            assert_true(rows[i].day <= until);
            q.after = rows[i].key;
            q.after_id = rows[i].row.id;
        }
    }
    assert_int_equal(n.count, found);
    if (rows_out != NULL) {
        *rows_out = all_rows;
    }
    return n;
}

/* ---- when ---- */

static void make(struct world *w, const char *kind, const char *leaves, time_ns changed, uint32_t nth)
{
    struct record_put *p = arena_calloc(&w->a, 1, sizeof *p);
    struct record_astray astray;
    struct jcs *fields = jcs_new_object(&w->a);
    const struct register_kind *k = registers_any(w->kinds, span_of(kind));
    jcs_set_text(&w->a, fields, "name", SPAN("Mira Quell"));
    if (leaves != NULL) {
        jcs_set_text(&w->a, fields, "leaves", span_of(leaves));
    }
    p->row = (struct record_row){.id = span_of(arena_printf(&w->a, "00000000-0000-7000-8000-%012x", nth)), .kind = k->name, .organisation = SPAN("town"), .author = SPAN("p"),
                                 .author_name = SPAN("Anna"), .state = SPAN("left"), .title = SPAN("Mira Quell"), .fields = jcs_text(&w->a, fields), .tlp = TLP_GREEN,
                                 .created = changed, .changed = changed, .version = 1};
    p->scope = all;
    p->who = SPAN("Anna");
    p->what = SPAN("record.created");
    p->sealed_by = w->kinds;
    p->nkeys = (uint32_t)register_keys(&w->a, k, fields, p->row.organisation, p->row.state, p->row.tlp, changed, changed, p->keys);
    assert_int_equal(record_put(w->db, p, &astray, &e), 0);
}

static void days(void **state)
{
    (void)state;
    static const struct {
        const char *leaves; /* NULL: nobody wrote it */
        int changed;        /* day, from TEST_NOW */
        int own;            /* days of the city; -1 = as the file says, 365 */
        int noted;          /* since when the rule is here */
        int first;          /* day on which it goes, from TEST_NOW; -1 = never */
    } cases[] = {
        {NULL, 0, -1, 0, 365},         {"2027-01-01", 0, -1, 0, 40 + 365}, {"2020-01-01", 0, -1, 0, 30}, /* late told: it can be seen for 30 days */
        {"2020-01-01", 50, -1, 0, 80}, {"2020-01-01", 0, -1, 100, 130},    {NULL, 0, 10, 0, 10},
        {"2020-01-01", 0, 10, 0, 10},  {NULL, 0, 0, 0, -1},                {"2026-11-30", 0, 400, 0, 408},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world *w = mem_alloc(sizeof *w);
        const struct retention_days own = {SPAN("person"), (uint32_t)(cases[i].own < 0 ? 0 : cases[i].own)};
        struct retention_count due;
        arena_init(&w->a, 0);
        w->kinds = registers_load(NULL, 0);
        w->db = test_db();
        const struct retention_rules rules = {.kinds = w->kinds, .own = &own, .nown = cases[i].own >= 0};
        make(w, "person", cases[i].leaves, TEST_NOW + cases[i].changed * TIME_DAY, 1);
        assert_int_equal(retention_note_rules(w->db, &rules, TEST_NOW + cases[i].noted * TIME_DAY, &e), 0);
        int64_t today = time_day(TEST_NOW);
        due = told(w, &rules, "person", RETENTION_DUE, today + 5000, NULL);
        assert_int_equal(due.count, cases[i].first >= 0);
        assert_int_equal(cases[i].first >= 0 ? due.first - today : -1, cases[i].first);
        if (cases[i].first >= 0) {
            assert_int_equal(told(w, &rules, "person", RETENTION_DUE, today + cases[i].first - 1, NULL).count, 0);
            assert_int_equal(told(w, &rules, "person", RETENTION_DUE, today + cases[i].first, NULL).count, 1);
            assert_int_equal(run(w->db, &rules, TEST_NOW + (cases[i].first - 1) * TIME_DAY), 0);
            assert_int_equal(run(w->db, &rules, TEST_NOW + cases[i].first * TIME_DAY), 1);
            assert_int_equal(test_number(w->db, "SELECT COUNT(*) FROM audit WHERE what = 'record.erased' AND who = 'sereno' AND why LIKE 'person: % days after leaves'"), 1);
        } else {
            assert_int_equal(run(w->db, &rules, TEST_NOW + 5000 * TIME_DAY), 0);
        }
        end(w);
    }
}

/* More than a step of one day: none is passed over. */
static void many(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof *w);
    arena_init(&w->a, 0);
    w->kinds = registers_load(NULL, 0);
    w->db = test_db();
    const struct retention_rules rules = {.kinds = w->kinds};
    for (uint32_t i = 1; i <= 5 * RETENTION_STEP; i++) {
        make(w, "person", "2026-12-01", TEST_NOW, i);
    }
    assert_int_equal(retention_note_rules(w->db, &rules, TEST_NOW, &e), 0);
    assert_int_equal(run(w->db, &rules, TEST_NOW + 400 * TIME_DAY), 5 * RETENTION_STEP);
    assert_int_equal(test_number(w->db, "SELECT COUNT(*) FROM record WHERE title LIKE '#0%' AND fields LIKE '{\"name\":\"#%'"), 5 * RETENTION_STEP);
    end(w);
}

/* A row that was damaged cannot be erased: it is told and passed by, all others go, and once it can be read it goes, too. */
static void one_cannot_go(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof *w);
    struct db_stmt *s = NULL;
    struct retention_row *rows = NULL;
    enum { MANY = 3 * RETENTION_STEP, DAMAGED = 2 };
    const time_ns later = TEST_NOW + 400 * TIME_DAY;
    arena_init(&w->a, 0);
    w->kinds = registers_load(NULL, 0);
    w->db = test_db();
    const struct retention_rules rules = {.kinds = w->kinds};
    for (uint32_t i = 1; i <= MANY; i++) {
        make(w, "person", "2026-12-01", TEST_NOW, i);
    }
    assert_int_equal(retention_note_rules(w->db, &rules, TEST_NOW, &e), 0);
    assert_int_equal(db_query(w->db, "UPDATE record SET fields = '{\"name\":\"Mi' WHERE id LIKE '%000001' OR id LIKE '%00000a'", &e, &s), 0);
    assert_int_equal(db_run(s, &e), 0);
    assert_int_equal(run(w->db, &rules, later), MANY - DAMAGED);
    assert_int_equal(test_number(w->db, "SELECT COUNT(*) FROM record WHERE title LIKE '#0%'"), MANY - DAMAGED);
    assert_int_equal(test_number(w->db, "SELECT COUNT(*) FROM audit WHERE what = 'retention.passed_by' AND who = 'sereno' AND after_value = 'person' AND why <> ''"), DAMAGED);
    assert_int_equal(told(w, &rules, "person", RETENTION_PASSED_BY, 0, &rows).count, DAMAGED);
    assert_true(span_ends(rows[0].row.id, SPAN("000001")) && span_ends(rows[1].row.id, SPAN("00000a")));
    assert_int_equal(told(w, &rules, "person", RETENTION_ERASED, 0, NULL).count, MANY - DAMAGED);
    assert_int_equal(told(w, &rules, "person", RETENTION_DUE, time_day(later), NULL).count, DAMAGED);
    assert_int_equal(run(w->db, &rules, later + TIME_DAY), 0);
    assert_int_equal(db_query(w->db, "UPDATE record SET fields = '{\"leaves\":\"2026-12-01\",\"name\":\"Mira Quell\"}' WHERE title = 'Mira Quell'", &e, &s), 0);
    assert_int_equal(db_run(s, &e), 0);
    assert_int_equal(run(w->db, &rules, later + 2 * TIME_DAY), DAMAGED);
    assert_int_equal(told(w, &rules, "person", RETENTION_PASSED_BY, 0, NULL).count, 0);
    assert_int_equal(told(w, &rules, "person", RETENTION_ERASED, 0, NULL).count, DAMAGED);
    assert_int_equal(audit_verify(w->db, &e, &(int64_t){0}), 0);
    end(w);
}

/* A city's own kind, whose rule takes other fields besides. */
static struct registers *guests(struct arena *a, const char *also)
{
    size_t refused = 0;
    const char *text = arena_printf(a,
                                    "title: Guests\ntype: object\nrequired: [name]\nadditionalProperties: false\nproperties:\n"
                                    "  name: {type: string, maxLength: 40, x-pii: {category: identity}}\n  leaves: {type: string, format: date}\n  car: {type: string}\n"
                                    "x-table: {name: guest, plural: guests, title: name}\nx-tlp: {default: AMBER, max: AMBER}\n"
                                    "x-retention: {from: leaves, days: 365, %swhy: test}\n"
                                    "x-perm: {administrator: {ops: [read, create, change, move]}}\nx-states: {initial: left, list: [{id: left, final: true}]}\n", also);
    const struct register_file own = {SPAN("guest.yml"), span_of(text)};
    struct registers *r = registers_load(&own, 1);
    const struct register_refusal *why = registers_refusals(r, &refused);
    if (refused > 0) {
        fail_msg("%.*s", SPAN_ARG(why->why));
    }
    return r;
}

/* A rule that takes other fields is a new one, with its own 30 days. */
static void other_fields(void **state)
{
    (void)state;
    struct world *w = mem_alloc(sizeof *w);
    arena_init(&w->a, 0);
    w->kinds = guests(&w->a, "");
    w->db = test_db();
    struct registers *wider = guests(&w->a, "also: [car], ");
    const struct retention_rules before = {.kinds = w->kinds}, after = {.kinds = wider};
    make(w, "guest", "2026-12-01", TEST_NOW, 1);
    assert_int_equal(run(w->db, &before, TEST_NOW), 0);
    assert_int_equal(run(w->db, &after, TEST_NOW + 400 * TIME_DAY), 0);
    assert_int_equal(run(w->db, &after, TEST_NOW + 429 * TIME_DAY), 0);
    assert_int_equal(run(w->db, &after, TEST_NOW + 430 * TIME_DAY), 1);
    registers_free(&wider);
    end(w);
}

/* What a hold names stays until it is lifted. */
static void held(void **state)
{
    (void)state;
    static const struct {
        const char *source, *organisation;
        int last_day; /* from TEST_NOW */
        bool holds;
    } cases[] = {
        {"registers", "*", 0, true},          {"registers", "town", 0, true},         {"registers/person", "town", 9, true},
        {"registers", "village", 0, false},   {"registers/person", "town", -1, false}, {"registers/person/00000000-0000-7000-8000-000000000001", "*", 0, true},
        {"registers/supplier", "*", 0, false}, {"", "*", 0, false},                    {"registers/person/00000000-0000-7000-8000-000000000002", "*", 0, false},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world *w = mem_alloc(sizeof *w);
        arena_init(&w->a, 0);
        w->kinds = registers_load(NULL, 0);
        w->db = test_db();
        const struct retention_rules rules = {.kinds = w->kinds};
        int64_t today = time_day(TEST_NOW);
        const struct hold h = {.id = SPAN("h"), .organisation = span_of(cases[i].organisation), .source = span_of(cases[i].source), .first_day = today - 9,
                               .last_day = today + cases[i].last_day, .reason = SPAN("case 47"), .who = SPAN("Anna"), .created = TEST_NOW, .lifted = TIME_NONE};
        make(w, "person", "2026-12-01", TEST_NOW, 1);
        assert_int_equal(hold_set(w->db, &h, &e), 0);
        assert_int_equal(retention_note_rules(w->db, &rules, TEST_NOW, &e), 0);
        struct retention_row *rows = NULL;
        assert_int_equal(told(w, &rules, "person", RETENTION_DUE, today + 400, NULL).count, !cases[i].holds);
        assert_int_equal(told(w, &rules, "person", RETENTION_HELD, today + 400, &rows).count, cases[i].holds);
        assert_true(!cases[i].holds || (span_eq(rows[0].why, SPAN("case 47")) && span_eq(rows[0].who, SPAN("Anna"))));
        assert_int_equal(run(w->db, &rules, TEST_NOW + 400 * TIME_DAY), !cases[i].holds);
        assert_int_equal(hold_lift(w->db, SPAN("*"), SPAN("h"), SPAN("Anna"), SPAN("over"), TEST_NOW, &e), 0);
        assert_int_equal(run(w->db, &rules, TEST_NOW + 400 * TIME_DAY), cases[i].holds);
        end(w);
    }
}

int run_record_retention_tests(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_byte_is_left), cmocka_unit_test(days), cmocka_unit_test(many), cmocka_unit_test(one_cannot_go), cmocka_unit_test(other_fields), cmocka_unit_test(held)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
