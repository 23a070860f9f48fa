/* SPDX-License-Identifier: EUPL-1.2 */
/* The node's own things: by hand, and that the places of a list say of every thing what the function says, over generated cases. */
#include <stdio.h>

#include "base/test_cases.h"
#include "policy/own.h"

enum { CASES_DEFAULT = 20000, SEATS = 5 };

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

static const struct span organisations[] = {SPAN("aldea"), SPAN("borgo"), SPAN("*"), SPAN(""), SPAN("aldea/works"), SPAN("dorf")};

static struct policy_reader any_reader(struct policy_seat seats[SEATS])
{
    struct policy_reader r = {.kind = below(8) == 0 ? (enum reader_kind)below(READER_KIND_COUNT) : READER_PERSON,
                              .person = SPAN("ana"),
                              .organisation = organisations[below(4)],
                              .in_house = below(8) != 0,
                              .roles = below(3) == 0 ? 0 : below(32),
                              .may = below(8),
                              .seats = seats,
                              .nseats = below(3) == 0 ? 0 : below(SEATS + 1)};
    r.whole_node = span_eq(r.organisation, SPAN("*"));
    for (uint32_t i = 0; i < r.nseats; i++) {
        struct span at = organisations[below(6)];
        at = span_eq(at, SPAN("*")) && below(4) > 0 ? SPAN("aldea") : at;
        seats[i] = (struct policy_seat){at, below(4) == 0 ? 0 : below(32), now - 1 + (time_ns)below(3), now - 1 + (time_ns)below(4), below(8)};
    }
    return r;
}

/* As a second reading of what policy.h says of a seat: as if he had an account there with no more than its rights. Nothing else of him counts. */
static bool allows_plainly(const struct policy_reader *r, const struct policy_item *item, enum policy_action action, uint32_t may)
{
    struct policy_reader one = *r;
    one.nseats = 0;
    bool yes = (r->may & may) == may && policy_allows(&one, item, action, now);
    for (uint32_t i = 0; i < r->nseats; i++) {
        const struct policy_seat *s = &r->seats[i];
        const struct policy_reader there = {.kind = r->kind, .person = r->person, .organisation = s->organisation, .in_house = r->in_house,
                                            .whole_node = span_eq(s->organisation, SPAN("*")), .roles = s->roles};
        bool is = r->kind == READER_PERSON && r->in_house && s->organisation.len > 0 && s->begins <= now && now < s->ends;
        yes = yes || (is && (s->may & may) == may && policy_allows(&there, item, action, now));
    }
    return yes;
}

static int generated(void)
{
    static const enum policy_action actions[] = {ACTION_LIST, ACTION_READ, ACTION_SEARCH, ACTION_COUNT, ACTION_STREAM, ACTION_HUNT};
    static const enum item_kind kinds[] = {ITEM_ALERT, ITEM_HUNT, ITEM_SOURCE};
    uint64_t cases = test_cases(CASES_DEFAULT);
    uint64_t yes = 0, by_seat = 0;
    for (seed = 1; seed <= cases; seed++) {
        struct policy_seat seats[SEATS];
        struct policy_seat room[POLICY_SEATS_MAX];
        struct policy_item item;
        struct policy_marking marking;
        struct policy_places places;
        struct policy_reader less;
        rng = seed;
        const struct policy_reader r = any_reader(seats);
        const enum policy_action action = actions[below(6)];
        const enum item_kind kind = kinds[below(3)];
        const uint32_t may = 1 + below(7);
        const struct span at = organisations[below(6)];
        policy_own_item(&item, &marking, kind, at);
        bool allowed = policy_own_allows(&r, &item, action, may, now);
        policy_own_places(&r, kind, action, may, now, &places);
        TRY(allowed == policy_places_have(&places, at));
        TRY(allowed == allows_plainly(&r, &item, action, may));
        for (uint32_t i = 0; i < places.count; i++) { /* none twice, nobody's never, and the whole node alone */
            TRY(places.at[i].len > 0 && (places.count == 1 || !span_eq(places.at[i], SPAN("*"))));
            TRY(i == 0 || !span_eq(places.at[i], places.at[0]));
        }
        policy_reader_narrow(&r, may, room, &less);
        TRY(allowed == policy_own_allows(&less, &item, action, may, now) || (r.may & may) != may);
        TRY(!policy_own_allows(&less, &item, action, may, now) || allowed);
        TRY(!policy_own_allows(&r, &item, action, 0, now));
        /* Whatever else he is asked for can only close. */
        TRY(!policy_own_allows(&r, &item, action, may | POLICY_MAY_HUNT, now) || policy_own_allows(&r, &item, action, POLICY_MAY_HUNT, now));
        yes += allowed;
        by_seat += allowed && !span_eq(at, r.organisation) && !r.whole_node;
    }
    seed = 0;
    TRY(yes > cases / 50 && yes < cases / 2 && by_seat > cases / 100);
    return 0;
}

static bool reads(const struct policy_reader *r, const char *organisation, uint32_t may, time_ns at)
{
    struct policy_item item;
    struct policy_marking marking;
    policy_own_item(&item, &marking, ITEM_ALERT, span_of(organisation));
    return policy_own_allows(r, &item, ACTION_READ, may, at);
}

/* An officer of the works hears of what happens there, from the first moment until before the last one, and of nothing above or beside. */
static int by_hand(void)
{
    const struct policy_seat seat = {SPAN("city/works"), POLICY_ROLE_OFFICER, now, now + 60 * TIME_SECOND, POLICY_MAY_WATCH};
    struct policy_reader r = {.kind = READER_PERSON, .person = SPAN("ana"), .organisation = SPAN("city"), .in_house = true, .seats = &seat, .nseats = 1};
    for (int i = 0; i < 4; i++) {
        time_ns at = now + (time_ns[]){-1, 0, 60 * TIME_SECOND - 1, 60 * TIME_SECOND}[i];
        TRY(reads(&r, "city/works", POLICY_MAY_WATCH, at) == (i == 1 || i == 2));
        TRY(!reads(&r, "city", POLICY_MAY_WATCH, at) && !reads(&r, "city/parks", POLICY_MAY_WATCH, at) && !reads(&r, "*", POLICY_MAY_WATCH, at));
        TRY(!reads(&r, "city/works", POLICY_MAY_WORK, at));
    }
    r.roles = POLICY_ROLE_ANALYST; /* of the city as well: its alerts he works on, those of the works he only reads */
    r.may = POLICY_MAY_WATCH | POLICY_MAY_WORK;
    TRY(reads(&r, "city", POLICY_MAY_WORK, now) && !reads(&r, "city/works", POLICY_MAY_WORK, now) && reads(&r, "city/works", POLICY_MAY_WATCH, now));
    r.may = POLICY_MAY_WORK; /* what two ways give together is given by neither */
    TRY(!reads(&r, "city", POLICY_MAY_WATCH | POLICY_MAY_WORK, now) && !reads(&r, "city/works", POLICY_MAY_WATCH | POLICY_MAY_WORK, now));
    return 0;
}

int main(void)
{
    return by_hand() != 0 || generated() != 0;
}
