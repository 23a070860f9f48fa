/* SPDX-License-Identifier: EUPL-1.2 */
/* Rights over records: by hand, and that the scope of a list says of every record what the function says, over generated cases. */
#include <stdio.h>

#include "base/test_cases.h"
#include "policy/record.h"

enum { CASES_DEFAULT = 20000 };

static const time_ns now = INT64_C(1796040000) * TIME_SECOND;

/* ---- chance: SplitMix64 ---- */

static uint64_t rng;
static uint64_t seed;

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

#define TRY(condition)                                                                                              \
    do {                                                                                                            \
        if (!(condition)) {                                                                                         \
            (void)fprintf(stderr, "%s:%d: %s, seed %llu\n", __FILE__, __LINE__, #condition, (unsigned long long)seed); \
            return 1;                                                                                               \
        }                                                                                                           \
    } while (0)

static const struct span organisations[] = {SPAN("aldea"), SPAN("borgo"), SPAN("*"), SPAN(""), SPAN("casa"), SPAN("dorf")};
static const struct span people[] = {SPAN("ana"), SPAN("bo"), SPAN("")};

static struct policy_reader any_reader(void)
{
    struct policy_reader r = {.kind = below(8) == 0 ? (enum reader_kind)below(READER_KIND_COUNT) : READER_PERSON,
                              .person = people[below(3)],
                              .organisation = organisations[below(4)],
                              .in_house = below(8) != 0,
                              .roles = below(32)};
    r.whole_node = span_eq(r.organisation, SPAN("*"));
    return r;
}

enum { SEATS = 5 };

/* Most often what opens registers; also without it. */
static uint32_t any_may(void)
{
    return below(256) | (below(4) > 0 ? POLICY_MAY_RECORDS | POLICY_MAY_WRITE : 0);
}

/* Seats that begin or end before, at or after now. */
static uint32_t any_seats(struct policy_seat out[SEATS])
{
    uint32_t n = below(3) == 0 ? 0 : below(SEATS + 1);
    for (uint32_t i = 0; i < n; i++) {
        struct span at = organisations[below(6)];
        at = span_eq(at, SPAN("*")) && below(3) > 0 ? SPAN("aldea") : at;
        out[i] = (struct policy_seat){.organisation = at, .roles = below(32), .begins = now - 1 + (time_ns)below(3), .ends = now - 1 + (time_ns)below(4), .may = any_may()};
    }
    return n;
}

static bool any_whole(const struct policy_seat *seats, uint32_t n)
{
    bool any = false;
    for (uint32_t i = 0; i < n; i++) {
        any = any || span_eq(seats[i].organisation, SPAN("*"));
    }
    return any;
}

/* As a second reading of what policy.h says of a seat: as if he had an account there. Nothing else of him counts. */
static bool allows_plainly(const struct policy_reader *r, const struct record_rights *rights, const struct policy_record *record, enum record_op op)
{
    const uint32_t needs = POLICY_MAY_RECORDS | (op == RECORD_READ ? 0 : POLICY_MAY_WRITE);
    struct policy_reader one = *r;
    one.nseats = 0;
    bool yes = (r->nseats == 0 || (r->may & needs) == needs) && policy_record_allows(&one, rights, record, op, now);
    for (uint32_t i = 0; i < r->nseats; i++) {
        const struct policy_seat *s = &r->seats[i];
        one.organisation = s->organisation;
        one.whole_node = span_eq(s->organisation, SPAN("*"));
        one.roles = s->roles;
        yes = yes || ((s->may & needs) == needs && s->begins <= now && now < s->ends && policy_record_allows(&one, rights, record, op, now));
    }
    return yes;
}

static struct record_rights any_rights(void)
{
    struct record_rights rights = {.nroles = below(RECORD_ROLES_MAX + 1)};
    for (uint32_t i = 0; i < rights.nroles; i++) {
        rights.role[i] = (struct record_role){.role = 1u << i, .ops = below(16), .hidden = below(8), .fixed = below(8)};
    }
    return rights;
}

static struct policy_record any_record(void)
{
    return (struct policy_record){organisations[below(6)], people[below(3)], (enum tlp)below(TLP_COUNT + 1)};
}

/* What the clause that records/registers makes of a scope means. */
static bool in_scope(const struct record_scope *s, const struct policy_record *r)
{
    bool own = span_eq(s->organisation, r->organisation);
    bool mine = s->person.len > 0 && span_eq(s->person, r->author);
    uint8_t rank = own ? (mine ? s->own_mine : s->own) : (mine ? s->other_mine : s->other);
    for (uint32_t i = 0; i < s->nplaces; i++) {
        if (span_eq(s->places[i].organisation, r->organisation)) {
            rank = mine ? s->places[i].mine : s->places[i].all;
        }
    }
    return r->organisation.len > 0 && tlp_rank(r->tlp) <= rank;
}

static int generated(void)
{
    uint64_t cases = test_cases(CASES_DEFAULT);
    uint64_t yes = 0;
    for (seed = 1; seed <= cases; seed++) {
        rng = seed;
        struct policy_reader reader = any_reader();
        struct record_rights rights = any_rights();
        struct policy_record r = any_record();
        struct record_scope scope;
        struct policy_seat seats[SEATS];
        reader.nseats = any_seats(seats);
        reader.seats = seats;
        reader.may = any_may();
        policy_record_scope(&reader, &rights, now, &scope);
        bool may = policy_record_allows(&reader, &rights, &r, RECORD_READ, now);
        TRY(may == in_scope(&scope, &r));
        TRY(scope.own_mine >= scope.own && scope.other_mine >= scope.other);
        TRY(!record_scope_empty(&scope) || !may);
        for (uint32_t op = RECORD_CREATE; op <= RECORD_MOVE; op <<= 1) {
            TRY(may || !policy_record_allows(&reader, &rights, &r, (enum record_op)op, now));
            TRY(policy_record_allows(&reader, &rights, &r, (enum record_op)op, now) == allows_plainly(&reader, &rights, &r, (enum record_op)op));
        }
        TRY(may == allows_plainly(&reader, &rights, &r, RECORD_READ) && may == (policy_record_roles(&reader, &rights, &r, now) != 0));
        struct span home = policy_record_home(&reader, &rights, TLP_AMBER, RECORD_CHANGE, now);
        const struct policy_record mine = {home, reader.person, TLP_AMBER};
        TRY(home.len == 0 || policy_record_allows(&reader, &rights, &mine, RECORD_CHANGE, now));
        TRY(home.len > 0 || r.tlp != TLP_AMBER || !policy_record_allows(&reader, &rights, &r, RECORD_CHANGE, now) || reader.nseats == 0 ||
            !span_eq(r.author, reader.person) || reader.whole_node || any_whole(seats, reader.nseats));
        TRY((policy_record_roles(&reader, &rights, &r, now) & ~policy_record_any_roles(&reader, now)) == 0);
        /* What is said of the kind never shows more than what is said of one record. */
        TRY((policy_record_hidden_of(&reader, &rights, &r, now) & ~policy_record_hidden(&reader, &rights, now)) == 0 || !may);
        TRY(reader.nseats > 0 || !may || (policy_record_hidden_of(&reader, &rights, &r, now) == policy_record_hidden(&reader, &rights, now) &&
                                          policy_record_fixed_of(&reader, &rights, &r, now) == policy_record_fixed(&reader, &rights)));
        /* A grant, a circle or a client opens no record. */
        struct policy_grant grant = {.organisation = r.organisation, .kinds = UINT32_MAX, .actions = UINT32_MAX, .ends = now + 1};
        reader.grants = &grant;
        reader.ngrants = 1;
        TRY(may == policy_record_allows(&reader, &rights, &r, RECORD_READ, now));
        yes += may;
    }
    seed = 0;
    TRY(yes > cases / 50 && yes < cases / 2);
    return 0;
}

static int by_hand(void)
{
    const struct record_rights rights = {
        .nroles = 3,
        .role = {{POLICY_ROLE_ADMINISTRATOR, RECORD_READ | RECORD_CREATE | RECORD_CHANGE | RECORD_MOVE, 0, 1},
                 {POLICY_ROLE_ANALYST, RECORD_READ | RECORD_CHANGE, 2, 4},
                 {POLICY_ROLE_AUDITOR, RECORD_READ, 0, 0}}};
    struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("ana"), .organisation = SPAN("aldea"), .in_house = true,
                              .roles = POLICY_ROLE_ANALYST};
    const struct policy_record amber = {SPAN("aldea"), SPAN("bo"), TLP_AMBER_STRICT};
    const struct policy_record red = {SPAN("aldea"), SPAN("bo"), TLP_RED};
    const struct policy_record own_red = {SPAN("aldea"), SPAN("ana"), TLP_RED};
    const struct policy_record foreign = {SPAN("borgo"), SPAN("ana"), TLP_CLEAR};
    TRY(policy_record_allows(&r, &rights, &amber, RECORD_CHANGE, now) && !policy_record_allows(&r, &rights, &amber, RECORD_CREATE, now));
    TRY(!policy_record_allows(&r, &rights, &red, RECORD_READ, now) && policy_record_allows(&r, &rights, &own_red, RECORD_READ, now));
    TRY(!policy_record_allows(&r, &rights, &foreign, RECORD_READ, now));
    TRY(policy_record_hidden(&r, &rights, now) == 2 && policy_record_fixed(&r, &rights) == 4);
    r.roles |= POLICY_ROLE_AUDITOR; /* what any role opens is open */
    TRY(policy_record_hidden(&r, &rights, now) == 0 && policy_record_fixed(&r, &rights) == 0);
    r.roles = POLICY_ROLE_OFFICER; /* the file does not know it */
    TRY(!policy_record_allows(&r, &rights, &amber, RECORD_READ, now) && policy_record_hidden(&r, &rights, now) == UINT64_MAX);
    r.roles = POLICY_ROLE_ADMINISTRATOR;
    r.organisation = SPAN("*");
    r.whole_node = true;
    TRY(policy_record_allows(&r, &rights, &amber, RECORD_MOVE, now) && policy_record_allows(&r, &rights, &foreign, RECORD_CHANGE, now));
    TRY(!policy_record_allows(&r, &rights, &red, RECORD_READ, now) && !policy_record_allows(&r, &rights, &own_red, RECORD_READ, now));
    r.in_house = false;
    TRY(!policy_record_allows(&r, &rights, &amber, RECORD_READ, now));
    return 0;
}

/* An appointment in a department: its records from the first moment until before the last one, nobody else's, and what he wrote there
 * himself stays behind with it. */
static int seats_by_hand(void)
{
    const struct record_rights rights = {
        .nroles = 2, .role = {{POLICY_ROLE_ANALYST, RECORD_READ, 2, 0}, {POLICY_ROLE_OFFICER, RECORD_READ | RECORD_CHANGE, 1, 4}}};
    const struct policy_seat seat = {SPAN("works"), POLICY_ROLE_OFFICER, now, now + 60 * TIME_SECOND, POLICY_MAY_RECORDS | POLICY_MAY_WRITE};
    struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("ana"), .organisation = SPAN("city"), .in_house = true, .seats = &seat, .nseats = 1, .may = POLICY_MAY_RECORDS | POLICY_MAY_WRITE};
    const struct policy_record here = {SPAN("works"), SPAN("bo"), TLP_AMBER_STRICT};
    const struct policy_record red = {SPAN("works"), SPAN("bo"), TLP_RED};
    const struct policy_record own_red = {SPAN("works"), SPAN("ana"), TLP_RED};
    const struct policy_record above = {SPAN("city"), SPAN("bo"), TLP_AMBER_STRICT};
    const struct policy_record beside = {SPAN("parks"), SPAN("ana"), TLP_CLEAR};
    for (int i = 0; i < 4; i++) {
        time_ns at = now + (time_ns[]){-1, 0, 60 * TIME_SECOND - 1, 60 * TIME_SECOND}[i];
        bool holds = i == 1 || i == 2;
        TRY(policy_record_allows(&r, &rights, &here, RECORD_CHANGE, at) == holds && policy_record_allows(&r, &rights, &own_red, RECORD_READ, at) == holds);
        TRY(!policy_record_allows(&r, &rights, &red, RECORD_READ, at) && !policy_record_allows(&r, &rights, &here, RECORD_MOVE, at));
        TRY(!policy_record_allows(&r, &rights, &above, RECORD_READ, at) && !policy_record_allows(&r, &rights, &beside, RECORD_READ, at));
    }
    r.roles = POLICY_ROLE_ANALYST; /* of the city as well: there he is an analyst and no officer */
    TRY(policy_record_allows(&r, &rights, &above, RECORD_READ, now) && !policy_record_allows(&r, &rights, &above, RECORD_CHANGE, now));
    TRY(policy_record_roles(&r, &rights, &above, now) == POLICY_ROLE_ANALYST && policy_record_roles(&r, &rights, &here, now) == POLICY_ROLE_OFFICER);
    TRY(policy_record_hidden_of(&r, &rights, &above, now) == 2 && policy_record_hidden_of(&r, &rights, &here, now) == 1);
    TRY(policy_record_hidden(&r, &rights, now) == 3 && policy_record_fixed_of(&r, &rights, &here, now) == 4);
    r.in_house = false;
    TRY(!policy_record_allows(&r, &rights, &here, RECORD_READ, now));
    return 0;
}

/* Personal fields: by right, or what was shown; nothing said means masked. */
static int masked(void)
{
    const struct record_rights rights = {.nroles = 1, .role = {{POLICY_ROLE_ANALYST, RECORD_READ, 4, 0}}, .kind = SPAN("person"), .personal = 7};
    const struct record_rights other = {.nroles = 1, .role = {{POLICY_ROLE_ANALYST, RECORD_READ, 4, 0}}, .kind = SPAN("roster"), .personal = 7};
    const struct policy_shown one = {SPAN("person"), SPAN("p1")};
    const struct policy_shown all = {SPAN("person"), SPAN("")};
    const struct policy_record his = {SPAN("aldea"), SPAN("bo"), TLP_AMBER};
    struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("ana"), .organisation = SPAN("aldea"), .in_house = true, .roles = POLICY_ROLE_ANALYST};
    TRY(policy_record_masked(&r, &rights, &his, SPAN("p1"), now) == 3); /* what is hidden is not masked beside */
    TRY(policy_record_hidden(&r, &rights, now) == 7 && policy_record_hidden_by_role(&r, &rights) == 4);
    r.may = POLICY_MAY_PERSONS;
    TRY(policy_record_masked(&r, &rights, &his, SPAN("p1"), now) == 0 && policy_record_hidden(&r, &rights, now) == 4);
    r.may = POLICY_MAY_SHOW;
    r.shown = &one;
    r.nshown = 1;
    TRY(policy_record_masked(&r, &rights, &his, SPAN("p1"), now) == 0 && policy_record_masked(&r, &rights, &his, SPAN("p2"), now) == 3);
    TRY(policy_record_masked(&r, &rights, NULL, SPAN(""), now) == 3 && policy_record_masked(&r, &other, &his, SPAN("p1"), now) == 3);
    TRY(policy_record_hidden(&r, &rights, now) == 7 && policy_record_masked(&r, &rights, NULL, SPAN("p1"), now) == 0);
    r.shown = &all;
    TRY(policy_record_masked(&r, &rights, &his, SPAN("p2"), now) == 0 && policy_record_masked(&r, &rights, NULL, SPAN(""), now) == 0);
    TRY(policy_record_hidden(&r, &rights, now) == 4 && policy_record_sees_persons(&r, &rights, NULL, SPAN(""), now));
    TRY(policy_record_masked(&r, &other, NULL, SPAN(""), now) == 3);
    r.may = 0; /* the right to have it shown is gone: so is what was */
    TRY(policy_record_masked(&r, &rights, &his, SPAN("p2"), now) == 3);
    return 0;
}

/* What the account's role hides and a seat opens is masked there all the same, until the seat itself opens persons: there, while it holds, and
 * nowhere else. */
static int masked_in_a_seat(void)
{
    const struct record_rights rights = {
        .nroles = 2, .role = {{POLICY_ROLE_ANALYST, RECORD_READ, 1, 0}, {POLICY_ROLE_OFFICER, RECORD_READ, 2, 0}}, .kind = SPAN("person"), .personal = 3};
    struct policy_seat seat = {SPAN("works"), POLICY_ROLE_OFFICER, now, now + 1, POLICY_MAY_RECORDS};
    const struct policy_record here = {SPAN("works"), SPAN("bo"), TLP_AMBER};
    const struct policy_record above = {SPAN("city"), SPAN("bo"), TLP_AMBER};
    const struct policy_shown all = {SPAN("person"), SPAN("")};
    struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("ana"), .organisation = SPAN("city"), .in_house = true, .roles = POLICY_ROLE_ANALYST,
                              .seats = &seat, .nseats = 1, .may = POLICY_MAY_RECORDS};
    TRY(policy_record_hidden_of(&r, &rights, &here, now) == 2 && policy_record_masked(&r, &rights, &here, SPAN("p1"), now) == 3);
    TRY(policy_record_hidden_by_role(&r, &rights) == 3 && policy_record_hidden(&r, &rights, now) == 3);
    r.may = POLICY_MAY_RECORDS | POLICY_MAY_PERSONS; /* of the city's records: not of those that he reads by the seat alone */
    TRY(policy_record_masked(&r, &rights, &above, SPAN("p1"), now) == 0 && policy_record_masked(&r, &rights, &here, SPAN("p1"), now) == 3);
    TRY(policy_record_masked(&r, &rights, NULL, SPAN(""), now) == 3);
    r.may = POLICY_MAY_RECORDS;
    seat.may = POLICY_MAY_RECORDS | POLICY_MAY_PERSONS;
    for (int i = 0; i < 2; i++) {
        TRY(policy_record_masked(&r, &rights, &here, SPAN("p1"), now) == 0 && policy_record_masked(&r, &rights, &above, SPAN("p1"), now) == 3);
        TRY(policy_record_masked(&r, &rights, NULL, SPAN(""), now) == 3 && policy_record_masked(&r, &rights, &here, SPAN("p1"), now + 1) == 3);
        seat.may = POLICY_MAY_RECORDS | POLICY_MAY_SHOW; /* and the same of a kind that he had shown */
        r.shown = &all;
        r.nshown = 1;
    }
    r.may = 0; /* an account that may nothing by itself: only the seat counts */
    TRY(policy_record_masked(&r, &rights, NULL, SPAN(""), now) == 0 && policy_record_masked(&r, &rights, NULL, SPAN(""), now + 1) != 0);
    return 0;
}

int main(void)
{
    return by_hand() != 0 || seats_by_hand() != 0 || masked() != 0 || masked_in_a_seat() != 0 || generated() != 0;
}
