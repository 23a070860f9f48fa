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

static const struct span organisations[] = {SPAN("aldea"), SPAN("borgo"), SPAN("*"), SPAN("")};
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
    return (struct policy_record){organisations[below(4)], people[below(3)], (enum tlp)below(TLP_COUNT + 1)};
}

/* What the clause that records/registers makes of a scope means. */
static bool in_scope(const struct record_scope *s, const struct policy_record *r)
{
    bool own = span_eq(s->organisation, r->organisation);
    bool mine = s->person.len > 0 && span_eq(s->person, r->author);
    uint8_t rank = own ? (mine ? s->own_mine : s->own) : (mine ? s->other_mine : s->other);
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
        policy_record_scope(&reader, &rights, now, &scope);
        bool may = policy_record_allows(&reader, &rights, &r, RECORD_READ, now);
        TRY(may == in_scope(&scope, &r));
        TRY(scope.own_mine >= scope.own && scope.other_mine >= scope.other);
        TRY(!record_scope_empty(&scope) || !may);
        for (uint32_t op = RECORD_CREATE; op <= RECORD_MOVE; op <<= 1) {
            TRY(may || !policy_record_allows(&reader, &rights, &r, (enum record_op)op, now));
        }
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
    TRY(policy_record_hidden(&r, &rights) == 2 && policy_record_fixed(&r, &rights) == 4);
    r.roles |= POLICY_ROLE_AUDITOR; /* what any role opens is open */
    TRY(policy_record_hidden(&r, &rights) == 0 && policy_record_fixed(&r, &rights) == 0);
    r.roles = POLICY_ROLE_OFFICER; /* the file does not know it */
    TRY(!policy_record_allows(&r, &rights, &amber, RECORD_READ, now) && policy_record_hidden(&r, &rights) == UINT64_MAX);
    r.roles = POLICY_ROLE_ADMINISTRATOR;
    r.organisation = SPAN("*");
    r.whole_node = true;
    TRY(policy_record_allows(&r, &rights, &amber, RECORD_MOVE, now) && policy_record_allows(&r, &rights, &foreign, RECORD_CHANGE, now));
    TRY(!policy_record_allows(&r, &rights, &red, RECORD_READ, now) && !policy_record_allows(&r, &rights, &own_red, RECORD_READ, now));
    r.in_house = false;
    TRY(!policy_record_allows(&r, &rights, &amber, RECORD_READ, now));
    return 0;
}

int main(void)
{
    return by_hand() != 0 || generated() != 0;
}
