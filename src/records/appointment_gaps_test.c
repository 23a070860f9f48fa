/* SPDX-License-Identifier: EUPL-1.2 */
/* Functions that nobody holds: over generated units, appointments and readers a moment lies in a gap exactly when a plain walk finds nobody. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "records/appointment_gaps.h"
#include "records/records.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)
#define MINUTE (60 * TIME_SECOND)
enum { UNITS = 5, APPOINTMENTS = 12, MINUTES = 20, WORLDS = 150, NEVER = 99 };

static struct err e;
static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static const char *const towns[] = {"aldea", "borgo/parks"};
static const char *const types[] = {"", "city", "department", "office"};
static const char *const functions[] = {"security_officer", "ciso", "other"};

struct unit {
    uint32_t town;
    bool active;
    enum tlp tlp;
    uint32_t type;
};

/* What the register of organisations says of a town. */
struct listed {
    bool there;
    enum tlp tlp;
    uint32_t type;
};

struct appointment {
    uint32_t town, unit, function, begins, ends; /* unit and 1; 0 = none */
    bool is_signed;
    enum tlp tlp;
    uint32_t person; /* who has it: is there, has left, has no account any more; as enum gap_why */
};

struct world {
    struct db *db;
    struct arena a;
    struct unit units[UNITS];
    struct listed listed[2];
    struct appointment appointments[APPOINTMENTS];
};

static struct span id_of(struct world *w, uint32_t kind, uint32_t i)
{
    return span_of(arena_printf(&w->a, "018f0000-0000-7000-8000-%08u%04u", kind, i));
}

/* person: whom it names and 1. */
static void put_naming(struct world *w, struct record_row row, const char *field, struct span word, uint32_t type, uint32_t person)
{
    struct record_astray astray;
    row.author = SPAN("p");
    row.author_name = SPAN("Ana");
    row.created = row.changed = NOW;
    row.version = 1;
    struct record_put p = {.row = row,
                           .scope = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5},
                           .who = SPAN("Ana"), .what = SPAN("record.created"), .nkeys = 3,
                           .keys = {{REGISTER_KEY_STATE, row.state}, {span_of(field), word}, {SPAN("type"), span_of(types[type])}},
                           .nlinks = person > 0, .links = {{SPAN("person"), SPAN("person"), person > 0 ? id_of(w, 4, person - 1) : SPAN(""), true}}};
    assert_int_equal(record_put(w->db, &p, &astray, &e), 0);
}

static void put(struct world *w, struct record_row row, const char *field, struct span word, uint32_t type)
{
    put_naming(w, row, field, word, type, 0);
}

static void put_people(struct world *w)
{
    for (uint32_t i = 0; i < GAP_WHY_COUNT; i++) {
        put(w, (struct record_row){.id = id_of(w, 4, i), .kind = SPAN("person"), .organisation = SPAN("aldea"), .state = i == GAP_LEFT ? SPAN("left") : SPAN("active"), .title = SPAN("t"),
                                   .fields = SPAN("{}"), .tlp = TLP_GREEN}, "staff_number", SPAN(""), 0);
        const char *sql = arena_printf(&w->a, "INSERT INTO user_account (id, name, name_key, password, role, organisation, created, disabled) VALUES ('u%u', 'u%u', 'u%u', '', 'reader', 'aldea', 1, %s)",
                                       i, i, i, i == GAP_CLOSED ? "2" : "NULL");
        assert_int_equal(db_exec(w->db, sql, &e), 0);
        sql = arena_printf(&w->a, "INSERT INTO account_person (user_id, person, created) VALUES ('u%u', '%.*s', 1)", i, SPAN_ARG(id_of(w, 4, i)));
        assert_int_equal(db_exec(w->db, sql, &e), 0);
    }
}

static const char *at(struct world *w, const char *name, uint32_t minute)
{
    char text[TIME_TEXT_MAX];
    return minute == NEVER ? "" : arena_printf(&w->a, ",\"%s\":\"%s\"", name, time_format(NOW + minute * MINUTE, text));
}

static void begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    arena_init(&w->a, 0);
    assert_int_equal(records_open(":memory:", NOW, &e, &w->db), 0);
    for (uint32_t i = 0; i < UNITS; i++) {
        w->units[i] = (struct unit){below(2), below(4) > 0, below(4) == 0 ? TLP_AMBER_STRICT : TLP_GREEN, below(4)};
        put(w, (struct record_row){.id = id_of(w, 1, i), .kind = SPAN("unit"), .organisation = span_of(towns[w->units[i].town]),
                                   .state = w->units[i].active ? SPAN("active") : SPAN("closed"), .title = span_of(arena_printf(&w->a, "unit %u", i)),
                                   .fields = SPAN("{}"), .tlp = w->units[i].tlp}, "name", SPAN(""), w->units[i].type);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(towns); i++) {
        struct listed *o = &w->listed[i];
        *o = (struct listed){below(3) > 0, below(3) == 0 ? TLP_AMBER_STRICT : TLP_GREEN, below(4)};
        for (uint32_t n = 0; n < (o->there ? 2u : 0u); n++) { /* the second one is later, and says nothing */
            put(w, (struct record_row){.id = id_of(w, 3, i + 2 * n), .kind = SPAN("organisation"), .organisation = span_of(towns[i]), .state = SPAN("active"),
                                       .title = SPAN("t"), .fields = SPAN("{}"), .tlp = n == 0 ? o->tlp : TLP_RED}, "code", span_of(towns[i]), n == 0 ? o->type : 3);
        }
    }
    put_people(w);
    for (uint32_t i = 0; i < APPOINTMENTS; i++) {
        struct appointment *p = &w->appointments[i];
        *p = (struct appointment){below(2), below(UNITS + 2), below(3), below(MINUTES), 0, below(5) > 0, below(4) == 0 ? TLP_AMBER_STRICT : TLP_GREEN, below(GAP_WHY_COUNT)};
        p->unit = p->unit > UNITS ? 0 : p->unit;
        p->ends = below(4) == 0 ? NEVER : p->begins + below(8);
        const char *unit = p->unit == 0 ? "" : arena_printf(&w->a, ",\"unit\":\"%.*s\"", SPAN_ARG(id_of(w, 1, p->unit - 1)));
        const char *fields = arena_printf(&w->a, "{\"function\":\"%s\"%s%s%s}", functions[p->function], unit, at(w, "begins", p->begins), at(w, "ends", p->ends));
        put_naming(w, (struct record_row){.id = id_of(w, 2, i), .kind = SPAN("appointment"), .organisation = span_of(towns[p->town]),
                                   .state = p->is_signed ? SPAN("signed") : SPAN("draft"), .title = SPAN("t"), .fields = span_of(fields), .tlp = p->tlp},
            "function", span_of(functions[p->function]), 0, p->person + 1);
    }
}

/* What somebody reads: a town's records up to a label, or all of the node. */
static struct record_scope any_scope(uint32_t town)
{
    uint8_t rank = (uint8_t)(below(3) == 0 ? 2 : 4);
    struct record_scope s = {.organisation = town == 2 ? SPAN("*") : span_of(towns[town]), .person = SPAN("q"), .own = rank, .own_mine = 5};
    if (town == 2) {
        s.other = rank;
        s.other_mine = 5;
    }
    return s;
}

static bool reads(const struct record_scope *s, uint32_t town, enum tlp tlp)
{
    return tlp_rank(tlp) <= (span_eq(s->organisation, span_of(towns[town])) ? s->own : s->other);
}

/* Somebody holds it who is there; gone: somebody would who is not there any more. */
static bool is_held_by(const struct world *w, const struct record_scope *s, uint32_t town, uint32_t unit, uint32_t function, uint32_t minute, bool gone)
{
    for (uint32_t i = 0; i < APPOINTMENTS; i++) {
        const struct appointment *p = &w->appointments[i];
        if (p->is_signed && p->town == town && p->unit == unit && p->function == function && reads(s, p->town, p->tlp) && p->begins <= minute &&
            (p->ends == NEVER || minute < p->ends) && (p->person != GAP_NOBODY) == gone) {
            return true;
        }
    }
    return false;
}

static bool is_held(const struct world *w, const struct record_scope *s, uint32_t town, uint32_t unit, uint32_t function, uint32_t minute)
{
    return is_held_by(w, s, town, unit, function, minute, false);
}

/* A stretch says why as one finds it by its minutes. */
static bool says_why(const struct world *w, const struct record_scope *s, const struct gap *g, uint32_t town, uint32_t unit, uint32_t function)
{
    bool gone = false;
    for (uint32_t m = 0; m < MINUTES + 5; m++) {
        gone = gone || (g->from <= NOW + m * MINUTE && NOW + m * MINUTE < g->to && is_held_by(w, s, town, unit, function, m, true));
    }
    return (g->why != GAP_NOBODY) == (gone && span_eq(g->organisation, span_of(towns[town]))); /* of the whole node itself none is appointed */
}

/* The level that a reader knows of. */
static uint32_t level_of(const struct world *w, const struct record_scope *s, uint32_t town)
{
    const struct listed *o = &w->listed[town];
    return o->there && o->type > 0 && reads(s, town, o->tlp) ? o->type : town == 1 ? 2 : 0;
}

static bool is_told(const struct gap_list *found, struct span organisation, struct span unit, uint32_t function, uint32_t minute)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < found->count; i++) {
        const struct gap *g = &found->gaps[i];
        n += span_eq(g->organisation, organisation) && span_eq(g->unit, unit) && span_eq(g->function, span_of(functions[function])) &&
             g->from <= NOW + minute * MINUTE && NOW + minute * MINUTE < g->to;
    }
    assert_true(n < 2); /* stretches do not lie over one another */
    return n > 0;
}

static void as_walked(void **state)
{
    (void)state;
    static struct gap_list found;
    uint64_t tally[2] = {0}, why[GAP_WHY_COUNT] = {0};
    for (uint32_t n = 0; n < WORLDS; n++) {
        struct world w;
        rng = n + 1;
        begin(&w);
        uint32_t town = below(3);
        struct gap_query q = {.units = any_scope(town), .appointments = any_scope(town), .organisations = any_scope(town), .from = NOW,
                              .to = NOW + (MINUTES + 5) * MINUTE, .nfunctions = 2,
                              .functions = {{.word = span_of(functions[0]), .in_unit = true, .nlevels = below(2), .levels = {SPAN("office")}},
                                            {.word = span_of(functions[1]), .nlevels = below(3), .levels = {SPAN("city"), SPAN("department")}}}};
        assert_int_equal(appointment_gaps(w.db, &q, &w.a, &found, &e), 0);
        assert_false(found.more);
        for (uint32_t i = 0; i < found.count; i++) {
            const struct gap *g = &found.gaps[i];
            uint32_t unit = 0;
            for (uint32_t u = 0; u < UNITS; u++) {
                unit = span_eq(g->unit, id_of(&w, 1, u)) ? u + 1 : unit;
            }
            assert_true(says_why(&w, &q.appointments, g, span_eq(g->organisation, span_of(towns[1])), unit, span_eq(g->function, span_of(functions[1]))));
            why[g->why]++;
        }
        for (uint32_t m = 0; m < MINUTES + 5; m++) {
            for (uint32_t u = 0; u < UNITS; u++) {
                bool shown = w.units[u].active && reads(&q.units, w.units[u].town, w.units[u].tlp);
                bool told = is_told(&found, span_of(towns[w.units[u].town]), id_of(&w, 1, u), 0, m);
                bool is_level = q.functions[0].nlevels == 0 || w.units[u].type == 0 || w.units[u].type == 3;
                assert_int_equal(told, shown && is_level && !is_held(&w, &q.appointments, w.units[u].town, u + 1, 0, m));
                assert_false(is_told(&found, span_of(towns[w.units[u].town]), id_of(&w, 1, u), 1, m));
                tally[told]++;
            }
            for (uint32_t t = 0; t < 2; t++) {
                bool shown = town == t;
                for (uint32_t u = 0; u < UNITS; u++) {
                    shown = shown || (w.units[u].town == t && w.units[u].active && reads(&q.units, t, w.units[u].tlp));
                }
                uint32_t level = level_of(&w, &q.organisations, t);
                shown = shown && (q.functions[1].nlevels == 0 || level == 0 || (level <= 2 && level <= q.functions[1].nlevels));
                assert_int_equal(is_told(&found, span_of(towns[t]), SPAN(""), 1, m), shown && !is_held(&w, &q.appointments, t, 0, 1, m));
            }
        }
        db_close(&w.db);
        arena_fini(&w.a);
    }
    assert_true(tally[0] > 1000 && tally[1] > 1000 && why[GAP_NOBODY] > 100 && why[GAP_LEFT] > 5 && why[GAP_CLOSED] > 5);
}

static void messages(void **state)
{
    (void)state;
    struct gap_query q = {.units = any_scope(0), .appointments = any_scope(0), .from = NOW, .to = NOW + TIME_DAY, .nfunctions = 1, .functions = {{.word = SPAN("ciso"), .in_unit = true, .nlevels = 2, .levels = {SPAN("city"), SPAN("nation")}}}};
    const struct gap g = {SPAN("aldea"), SPAN("u"), SPAN("Unit"), SPAN("ciso"), NOW, NOW + 1, GAP_CLOSED};
    struct buf b;
    buf_init(&b, 1 << 16);
    gap_query_encode(&b, &q);
    for (size_t len = 0; len <= b.len; len++) {
        struct gap_query back;
        struct cursor c = cursor_of(span_make((const char *)b.data, len));
        gap_query_decode(&c, &back);
        assert_int_equal(cursor_done(&c), len == b.len);
        assert_true(len < b.len || (back.nfunctions == 1 && span_eq(back.functions[0].word, SPAN("ciso")) && back.functions[0].nlevels == 2 && span_eq(back.functions[0].levels[1], SPAN("nation")) && back.to == q.to));
    }
    for (int i = 0; i < 3; i++) { /* a stretch that is none, or is too long */
        struct gap_query bad = q;
        struct gap_query back;
        bad.to = i == 0 ? NOW : i == 1 ? NOW + (GAP_DAYS_MAX + 1) * (time_ns)TIME_DAY : bad.to;
        bad.from = i == 2 ? -1 : bad.from;
        buf_clear(&b);
        gap_query_encode(&b, &bad);
        struct cursor c = cursor_of(buf_view(&b));
        gap_query_decode(&c, &back);
        assert_true(c.failed && back.nfunctions == 0);
    }
    for (int i = 0; i < 2; i++) { /* a byte that says of the function's place, and how many levels: what they may not be */
        struct gap_query back;
        buf_clear(&b);
        gap_query_encode(&b, &q);
        b.data[b.len - 4 - strlen("nation") - 4 - strlen("city") - 1 - (size_t)i] = GAP_LEVELS_MAX + 1;
        struct cursor c = cursor_of(buf_view(&b));
        gap_query_decode(&c, &back);
        assert_true(c.failed && back.functions[0].nlevels == 0);
    }
    buf_clear(&b);
    gap_encode(&b, &g);
    struct gap back;
    struct cursor c = cursor_of(buf_view(&b));
    gap_decode(&c, &back);
    assert_true(cursor_done(&c) && span_eq(back.title, g.title) && back.to == g.to && span_eq(back.function, g.function) && back.why == GAP_CLOSED);
    buf_clear(&b);
    gap_encode(&b, &(struct gap){.from = NOW, .to = NOW}); /* a gap without length is none */
    c = cursor_of(buf_view(&b));
    gap_decode(&c, &back);
    assert_true(c.failed);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_walked), cmocka_unit_test(messages)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
