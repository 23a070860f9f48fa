/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What appointments make of accounts: over generated worlds and moments each account has exactly the seats that a plain walk over all
 * appointments finds, from the first moment until before the last one; and whose account may be said to be whose.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/test_cases.h"
#include "records/accounts.h"
#include "records/appointments.h"
#include "records/places.h"
#include "records/people.h"
#include "records/records.h"
#include "records/registers/record_row.h"

#define NOW (INT64_C(1795309200) * TIME_SECOND)
#define MINUTE (60 * TIME_SECOND)
enum { DEPARTMENTS = 6, UNITS = 4, PEOPLE = 4, APPOINTMENTS = 9, MINUTES = 12, WORLDS = 60, STEPS = 12, NEVER = 99 };

static struct err e;
static uint64_t rng;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static const char *const towns[] = {"town", "village", "*"};
static const char *const codes[DEPARTMENTS] = {"town/a", "town/a/b", "village/c", "town", "townx/z", "*"};
static const char *const functions[] = {"security_officer", "deputy", "ciso"};
enum { OFFICER, DEPUTY, CISO };

/* Places in the arrays and 1; 0 = none. Times in minutes, as numbers from the first one on. */
struct appointment_made {
    uint32_t town, person, deputy, unit, function, begins, ends;
    bool is_signed;
};

struct world {
    struct db *db;
    struct registers *kinds;
    struct arena a;
    struct {
        uint32_t town;
        bool department, active;
    } departments[DEPARTMENTS];
    struct {
        uint32_t town, part_of;
        bool active;
    } units[UNITS];
    struct {
        uint32_t town, from, to;
        bool left, closed;
    } people[PEOPLE];
    struct appointment_made appointments[APPOINTMENTS];
    int64_t version[4][16];
};

/* ---- writing it ---- */

enum { KIND_ORGANISATION, KIND_UNIT, KIND_PERSON, KIND_APPOINTMENT };
static const char *const kind_names[] = {"organisation", "unit", "person", "appointment"};

static const char *id_of(struct world *w, uint32_t kind, uint32_t i)
{
    return arena_printf(&w->a, "018f0000-0000-7000-8000-%08u%04u", kind, i);
}

static void put(struct world *w, uint32_t kind, uint32_t i, const char *town, const char *state, const char *fields)
{
    static const struct record_scope all = {.organisation = SPAN("*"), .person = SPAN("p"), .own = 5, .own_mine = 5, .other = 5, .other_mine = 5};
    const struct register_kind *k = registers_by_name(w->kinds, span_of(kind_names[kind]));
    struct register_link links[REGISTER_LINKS_MAX];
    struct record_astray astray;
    struct jcs *doc = NULL;
    struct record_put p = {.row = {.id = span_of(id_of(w, kind, i)), .kind = k->name, .organisation = span_of(town), .author = SPAN("p"),
                                   .author_name = SPAN("Ana"), .state = span_of(state), .tlp = TLP_AMBER, .created = NOW,
                                   .changed = NOW + ++w->version[kind][i], .version = w->version[kind][i]},
                           .scope = all, .who = SPAN("Ana"), .what = SPAN("record.changed"),
                           .sight = {.scope = all, .nkinds = 4, .kinds = {SPAN("organisation"), SPAN("unit"), SPAN("person"), SPAN("appointment")}}};
    assert_int_equal(jcs_read_decimals(&w->a, span_of(fields), JCS_DEPTH_MAX, &doc, &e), 0);
    p.row.fields = jcs_text(&w->a, doc);
    p.row.title = register_title(k, doc);
    p.nkeys = (uint32_t)register_keys(&w->a, k, doc, p.row.organisation, p.row.state, p.row.tlp, p.row.created, p.row.changed, p.keys);
    p.nlinks = (uint32_t)register_links(k, doc, links);
    for (uint32_t l = 0; l < p.nlinks; l++) {
        p.links[l] = (struct record_to){links[l].field->name, links[l].field->ref, links[l].target, false};
    }
    if (record_put(w->db, &p, &astray, &e) != 0) {
        fail_msg("%s: %s", kind_names[kind], e.text);
    }
}

static const char *ref(struct world *w, const char *name, uint32_t kind, uint32_t place)
{
    return place == 0 ? "" : arena_printf(&w->a, ",\"%s\":\"%s\"", name, id_of(w, kind, place - 1));
}

static const char *at(struct world *w, const char *name, uint32_t minute)
{
    char text[TIME_TEXT_MAX];
    return minute == NEVER ? "" : arena_printf(&w->a, ",\"%s\":\"%s\"", name, time_format(NOW + minute * MINUTE, text));
}

static void put_person(struct world *w, uint32_t i)
{
    w->people[i].from = below(2) == 0 ? NEVER : below(MINUTES);
    w->people[i].to = w->people[i].from == NEVER || below(3) == 0 ? NEVER : w->people[i].from + 1 + below(4);
    w->people[i].left = below(8) == 0;
    put(w, KIND_PERSON, i, towns[w->people[i].town], w->people[i].left ? "left" : "active",
        arena_printf(&w->a, "{\"name\":\"person %u\"%s%s}", i, at(w, "away_from", w->people[i].from), at(w, "away_until", w->people[i].to)));
}

static void put_appointment(struct world *w, uint32_t i, uint32_t town)
{
    struct appointment_made *m = &w->appointments[i];
    *m = (struct appointment_made){.town = town, .person = 1 + below(PEOPLE), .deputy = below(PEOPLE + 3), .unit = below(UNITS + 3),
                                   .function = below(3), .begins = below(MINUTES), .is_signed = below(4) > 0};
    m->deputy = m->deputy > PEOPLE ? 0 : m->deputy;
    m->unit = m->unit > UNITS ? 0 : m->unit;
    m->ends = below(4) == 0 ? NEVER : m->begins + below(6); /* also one that never holds */
    put(w, KIND_APPOINTMENT, i, towns[town], m->is_signed ? "signed" : below(2) == 0 ? "draft" : "revoked",
        arena_printf(&w->a, "{\"title\":\"t\",\"function\":\"%s\"%s%s%s%s%s}", functions[m->function], ref(w, "person", KIND_PERSON, m->person),
                     ref(w, "deputy", KIND_PERSON, m->deputy), ref(w, "unit", KIND_UNIT, m->unit), at(w, "begins", m->begins), at(w, "ends", m->ends)));
}

static void begin(struct world *w)
{
    memset(w, 0, sizeof *w);
    arena_init(&w->a, 1 << 16);
    w->kinds = registers_load(NULL, 0);
    assert_int_equal(records_open(":memory:", NOW, &e, &w->db), 0);
    for (uint32_t i = 0; i < DEPARTMENTS; i++) {
        w->departments[i].town = below(2) == 0 ? 2 : below(3);
        w->departments[i].department = below(4) > 0;
        w->departments[i].active = below(6) > 0;
        put(w, KIND_ORGANISATION, i, towns[w->departments[i].town], w->departments[i].active ? "active" : "left",
            arena_printf(&w->a, "{\"name\":\"d\",\"code\":\"%s\",\"type\":\"%s\"}", codes[i], w->departments[i].department ? "department" : "city"));
    }
    for (uint32_t i = 0; i < UNITS; i++) {
        w->units[i].town = below(3);
        w->units[i].part_of = below(DEPARTMENTS + 1);
        w->units[i].active = below(6) > 0;
        put(w, KIND_UNIT, i, towns[w->units[i].town], w->units[i].active ? "active" : "closed",
            arena_printf(&w->a, "{\"name\":\"u\"%s}", ref(w, "part_of", KIND_ORGANISATION, w->units[i].part_of)));
    }
    for (uint32_t i = 0; i < PEOPLE; i++) {
        char id[ID_TEXT_LEN + 1];
        const char *name = arena_printf(&w->a, "account %u", i);
        w->people[i].town = below(3);
        put_person(w, i);
        const struct account account = {.name = span_of(name), .password = SPAN("x"), .role = SPAN("appointed"), .organisation = SPAN("*")};
        assert_int_equal(account_create(w->db, &account, SPAN(""), SPAN("Ana"), NOW, id, &e), 0);
        const struct account_person is = {.organisation = SPAN("*"), .user_id = span_of(id), .person = span_of(id_of(w, KIND_PERSON, i)), .who = SPAN("Ana")};
        assert_int_equal(account_person_set(w->db, &is, NOW, &e), 0);
    }
    for (uint32_t i = 0; i < APPOINTMENTS; i++) {
        put_appointment(w, i, below(3));
    }
}

static void end(struct world *w)
{
    db_close(&w->db);
    registers_free(&w->kinds);
    arena_fini(&w->a);
}

/* ---- the plain walk ---- */

static bool within(uint32_t from, uint32_t to, time_ns t)
{
    return from != NEVER && t >= NOW + from * MINUTE && (to == NEVER || t < NOW + to * MINUTE);
}

static bool away(const struct world *w, uint32_t person, time_ns t)
{
    return w->people[person - 1].left || w->people[person - 1].closed || within(w->people[person - 1].from, w->people[person - 1].to, t);
}

/* A town's own name with something behind the slash. */
static bool named_below(const char *code, const char *town)
{
    size_t n = strlen(town);
    return strncmp(code, town, n) == 0 && code[n] == '/' && code[n + 1] != '\0';
}

static const char *place_of(const struct world *w, const struct appointment_made *m)
{
    bool whole = m->town == 2;
    if (m->unit == 0) {
        return towns[m->town];
    }
    uint32_t d = w->units[m->unit - 1].part_of;
    bool unit_fits = w->units[m->unit - 1].active && (w->units[m->unit - 1].town == m->town || w->units[m->unit - 1].town == 2);
    if (!unit_fits || d == 0 || !w->departments[d - 1].active || !w->departments[d - 1].department) {
        return NULL;
    }
    bool told = w->departments[d - 1].town == m->town || w->departments[d - 1].town == 2;
    bool mine = whole || named_below(codes[d - 1], towns[m->town]);
    return told && mine && strcmp(codes[d - 1], "*") != 0 ? codes[d - 1] : NULL;
}

static bool vacant(const struct world *w, const struct appointment_made *m, time_ns t)
{
    for (uint32_t i = 0; i < APPOINTMENTS; i++) {
        const struct appointment_made *o = &w->appointments[i];
        if (o->is_signed && o->function == OFFICER && o->town == m->town && o->unit == m->unit && within(o->begins, o->ends, t) && !away(w, o->person, t)) {
            return false;
        }
    }
    return true;
}

/* Whether somebody has this function in this organisation by an appointment for exactly that. */
static bool has(const struct world *w, uint32_t person, const char *organisation, uint32_t function, time_ns t)
{
    if (w->people[person - 1].left) {
        return false;
    }
    for (uint32_t i = 0; i < APPOINTMENTS; i++) {
        const struct appointment_made *m = &w->appointments[i];
        const char *place = place_of(w, m);
        if (!m->is_signed || !within(m->begins, m->ends, t) || place == NULL || strcmp(place, organisation) != 0) {
            continue;
        }
        if (m->person == person && (m->function == DEPUTY ? function == OFFICER && vacant(w, m, t) : function == m->function)) {
            return true;
        }
        if (m->deputy == person && m->function != DEPUTY && function == m->function && away(w, m->person, t)) {
            return true;
        }
    }
    return false;
}

/* The same, by one for an organisation above: each department that an organisation's registers, or the node's, tell of. */
static bool has_below(const struct world *w, uint32_t person, uint32_t d, uint32_t function, time_ns t)
{
    bool found = false;
    const char *tops[] = {"town", "village", "town/a", "townx/z"};
    for (size_t i = 0; i < ARRAY_LEN(tops); i++) {
        bool told = w->departments[d].town == 2 || strcmp(towns[w->departments[d].town], tops[i]) == 0;
        found = found || (told && w->departments[d].active && w->departments[d].department && named_below(codes[d], tops[i]) && has(w, person, tops[i], function, t));
    }
    return found;
}

/* ---- both ---- */

static bool seated(const struct appointment_seat *seats, uint32_t n, const char *organisation, uint32_t function, bool below_)
{
    bool found = false;
    for (uint32_t i = 0; i < n; i++) {
        found = found || (seats[i].below == below_ && span_eq(seats[i].organisation, span_of(organisation)) &&
                          span_eq(seats[i].function, span_of(functions[function])));
    }
    return found;
}

static void compare(struct world *w, uint32_t person, struct span user, time_ns t, uint64_t tally[2])
{
    static const char *const places[] = {"town", "village", "*", "town/a", "town/a/b", "village/c", "townx/z"};
    struct appointment_seat seats[POLICY_SEATS_MAX];
    bool linked = false;
    uint32_t n = 0;
    assert_int_equal(appointment_seats(w->db, user, t, &w->a, seats, &n, &linked, &e), 0);
    for (uint32_t f = 0; f < ARRAY_LEN(functions); f++) {
        for (size_t i = 0; i < ARRAY_LEN(places); i++) {
            assert_int_equal(seated(seats, n, places[i], f, false), has(w, person, places[i], f, t));
        }
        for (uint32_t d = 0; d < DEPARTMENTS; d++) {
            bool expected = has_below(w, person, d, f, t);
            assert_true(!expected || seated(seats, n, codes[d], f, true) || seated(seats, n, codes[d], f, false));
            assert_true(expected || !seated(seats, n, codes[d], f, true));
        }
    }
    for (uint32_t i = 0; i < n; i++) { /* what it says of its time holds until then */
        assert_true(seats[i].begins <= t && t < seats[i].ends && !span_eq(seats[i].function, SPAN("deputy")));
        time_ns last = seats[i].ends == INT64_MAX ? NOW + 2 * MINUTES * MINUTE : seats[i].ends;
        time_ns some = below(2) == 0 ? last - 1 : t + (time_ns)((double)(last - t) * below(100) / 100);
        for (uint32_t f = 0; f < ARRAY_LEN(functions) && !seats[i].below; f++) {
            if (span_eq(seats[i].function, span_of(functions[f]))) {
                assert_true(has(w, person, arena_cstr(&w->a, seats[i].organisation), f, some));
            }
        }
        tally[seats[i].below]++;
    }
}

static void exactly_within(void **state)
{
    (void)state;
    struct world w;
    uint64_t tally[2] = {0};
    uint64_t worlds = WORLDS + test_cases(0) / 1000;
    for (uint64_t n = 0; n < worlds; n++) {
        struct person *list = NULL;
        uint32_t count = 0;
        bool more = false;
        rng = n + 1;
        begin(&w);
        const struct people_query q = {.organisation = SPAN("*"), .limit = PEOPLE};
        assert_int_equal(people_list(w.db, &q, NOW, &w.a, &list, &count, &more, &e), 0);
        assert_int_equal(count, PEOPLE);
        for (uint32_t step = 0; step < STEPS; step++) {
            uint32_t person = below(PEOPLE);
            time_ns t = NOW + (time_ns)below(MINUTES + 6) * MINUTE + (below(2) == 0 ? 0 : -1); /* a minute's first moment, and the last one before */
            assert_true(span_eq(list[person].record, span_of(id_of(&w, KIND_PERSON, person))));
            compare(&w, person + 1, list[person].id, t, tally);
            uint32_t changed = below(APPOINTMENTS);
            uint32_t other = below(PEOPLE);
            if (below(4) == 0) { /* as a list of leavers does, and takes back */
                const struct person_change ch = {.kind = w.people[other].closed ? PERSON_ENABLE : PERSON_DISABLE, .organisation = SPAN("*"),
                                                 .id = list[other].id, .who = SPAN("Ana")};
                assert_int_equal(person_change(w.db, &ch, NOW, &e), 0);
                w.people[other].closed = !w.people[other].closed;
            }
            if (below(2) == 0) { /* nothing is kept from one question to the next */
                put_appointment(&w, changed, w.appointments[changed].town);
            } else {
                put_person(&w, changed % PEOPLE);
            }
        }
        end(&w);
    }
    assert_true(tally[0] > worlds && tally[1] > worlds / 4);
}

/* ---- whose account ---- */

static void whose(void **state)
{
    (void)state;
    struct world w;
    char ids[3][ID_TEXT_LEN + 1];
    rng = 1;
    memset(&w, 0, sizeof w);
    arena_init(&w.a, 0);
    w.kinds = registers_load(NULL, 0);
    assert_int_equal(records_open(":memory:", NOW, &e, &w.db), 0);
    for (uint32_t i = 0; i < 3; i++) {
        put(&w, KIND_PERSON, i, towns[i], "active", "{\"name\":\"p\"}");
        const struct account account = {.name = span_of(arena_printf(&w.a, "a%u", i)), .password = SPAN("x"), .role = SPAN("appointed"), .organisation = span_of(towns[i])};
        assert_int_equal(account_create(w.db, &account, SPAN(""), SPAN("Ana"), NOW, ids[i], &e), 0);
    }
    const struct {
        const char *asker;
        uint32_t account, person; /* person and 1; 0 = nobody */
        int rc;
    } cases[] = {
        {"town", 1, 2, ERR_NOT_FOUND}, /* another town's account */
        {"town", 0, 2, ERR_NOT_FOUND}, /* another town's record: its appointments are not his to give */
        {"town", 0, 3, ERR_NOT_FOUND}, /* the node's */
        {"town", 0, 1, 0},
        {"town", 0, 1, ERR_EXISTS},
        {"*", 1, 1, ERR_EXISTS}, /* another account is that person's */
        {"*", 1, 3, 0},          /* who is of the whole node may */
        {"town", 0, 0, 0},
        {"town", 0, 0, ERR_EXISTS},
        {"*", 2, 1, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct account_person p = {.organisation = span_of(cases[i].asker), .user_id = span_of(ids[cases[i].account]),
                                         .person = cases[i].person == 0 ? SPAN("") : span_of(id_of(&w, KIND_PERSON, cases[i].person - 1)),
                                         .who = SPAN("Ana"), .why = SPAN("y")};
        assert_int_equal(account_person_set(w.db, &p, NOW, &e), cases[i].rc);
    }
    const struct account_person none = {.organisation = SPAN("*"), .user_id = span_of(ids[0]), .person = SPAN("018f0000-0000-7000-8000-999999999999")};
    assert_int_equal(account_person_set(w.db, &none, NOW, &e), ERR_NOT_FOUND);
    end(&w);
}

/* A kind that is off gives nothing. */
static void off(void **state)
{
    (void)state;
    struct world w;
    struct appointment_seat seats[POLICY_SEATS_MAX];
    bool linked = false;
    struct person *list = NULL;
    uint32_t count = 0, n = 0;
    bool more = false;
    uint64_t found[2] = {0};
    rng = 3;
    begin(&w);
    const struct people_query q = {.organisation = SPAN("*"), .limit = PEOPLE};
    assert_int_equal(people_list(w.db, &q, NOW, &w.a, &list, &count, &more, &e), 0);
    for (int i = 0; i < 2; i++) {
        for (uint32_t m = 0; m < MINUTES * PEOPLE; m++) {
            assert_int_equal(appointment_seats(w.db, list[m % PEOPLE].id, NOW + m / PEOPLE * MINUTE, &w.a, seats, &n, &linked, &e), 0);
            found[i] += n;
        }
        assert_int_equal(db_exec(w.db, "INSERT INTO setting (name, value, changed) VALUES ('register.on.appointment', 'off', 1) ON CONFLICT DO NOTHING", &e), 0);
    }
    assert_true(found[0] > 0);
    assert_int_equal(found[1], 0);
    end(&w);
}

/* A seat as it goes over to the desk: whole, or refused at every length, and so is one that could not be. */
static void messages(void **state)
{
    const struct appointment_seat good = {SPAN("town/a"), SPAN("ciso"), SPAN("018f"), true, NOW, NOW + 1};
    static const char long_name[] = "town/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"; /* 64 bytes */
    static const struct {
        struct span organisation;
        time_ns begins, ends;
        int below; /* as a byte */
        bool fits;
    } cases[] = {
        {SPAN("town/a"), NOW, NOW + 1, 0, true},
        {SPAN("*"), INT64_MIN, INT64_MAX, 1, true},
        {{long_name, APPOINTMENT_PLACE_MAX}, NOW, NOW + 1, 0, true},
        {{long_name, APPOINTMENT_PLACE_MAX + 1}, NOW, NOW + 1, 0, false}, /* with its end */
        {SPAN(""), NOW, NOW + 1, 0, false},
        {SPAN("town/a"), NOW, NOW, 0, false},
        {SPAN("town/a"), NOW, NOW - 1, 0, false},
        {SPAN("town/a"), NOW, NOW + 1, 2, false},
    };
    struct appointment_seat back;
    struct buf b;
    (void)state;
    assert_int_equal(sizeof long_name, APPOINTMENT_PLACE_MAX + 1);
    buf_init(&b, 4096);
    appointment_seat_encode(&b, &good);
    for (size_t len = 0; len <= b.len; len++) {
        struct cursor c = cursor_of(span_sub(buf_view(&b), 0, len));
        appointment_seat_decode(&c, &back);
        assert_int_equal(cursor_done(&c), len == b.len);
    }
    assert_true(span_eq(back.organisation, good.organisation) && span_eq(back.function, good.function) && span_eq(back.record, good.record) && back.below);
    assert_true(back.begins == good.begins && back.ends == good.ends);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        buf_clear(&b);
        buf_str(&b, cases[i].organisation);
        buf_str(&b, good.function);
        buf_str(&b, good.record);
        buf_u8(&b, (uint8_t)cases[i].below);
        buf_u64(&b, (uint64_t)cases[i].begins);
        buf_u64(&b, (uint64_t)cases[i].ends);
        struct cursor c = cursor_of(buf_view(&b));
        appointment_seat_decode(&c, &back);
        assert_int_equal(cursor_done(&c), cases[i].fits);
    }
    buf_free(&b);
}

/* Whose things a question is about: between one organisation and as many as there can be, never nobody's, never "*" and more. */
static void places_as_messages(void **state)
{
    static const struct {
        uint32_t said, count; /* as the message says, and how many follow */
        struct span first;
        bool fits;
    } cases[] = {
        {1, 1, SPAN("*"), true},        {1, 1, SPAN("town"), true}, {2, 2, SPAN("town"), true},
        {2, 2, SPAN("*"), false},       {0, 0, SPAN(""), false},    {1, 1, SPAN(""), false},
        {2, 1, SPAN("town"), false},    {1, 2, SPAN("town"), false}, {POLICY_PLACES_MAX, POLICY_PLACES_MAX, SPAN("town"), true},
        {POLICY_PLACES_MAX + 1, POLICY_PLACES_MAX + 1, SPAN("town"), false},
        {UINT32_MAX, 1, SPAN("town"), false},
        {1, 1, SPAN("a23456789012345678901234567890123456789012345678901234567890123x"), true}, /* 64 bytes */
        {1, 1, SPAN("a23456789012345678901234567890123456789012345678901234567890123xy"), false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct policy_places back;
        struct buf b;
        buf_init(&b, 8192);
        buf_u32(&b, cases[i].said);
        for (uint32_t n = 0; n < cases[i].count; n++) {
            char name[16];
            (void)snprintf(name, sizeof name, "town/%u", n);
            buf_str(&b, n == 0 ? cases[i].first : span_of(name));
        }
        struct cursor c = cursor_of(buf_view(&b));
        places_decode(&c, &back);
        assert_int_equal(cursor_done(&c), cases[i].fits);
        assert_true(!c.failed || back.count == 0);
        for (size_t len = 0; len < b.len && cases[i].fits; len++) {
            c = cursor_of(span_sub(buf_view(&b), 0, len));
            places_decode(&c, &back);
            assert_true(c.failed && back.count == 0);
        }
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(exactly_within), cmocka_unit_test(whose), cmocka_unit_test(off), cmocka_unit_test(messages), cmocka_unit_test(places_as_messages)};
    return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
