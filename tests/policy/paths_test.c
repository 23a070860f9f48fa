/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Every way out of the product against the policy, over generated readers and things: the ways are those of
 * src/policy/paths.def, each through its adapter, which runs the code that the product runs.
 *
 *   P2  what a way shows is what the policy allows for its action, and the ways of showing agree with reading
 *   P3  what is not for a reader changes not one byte of what he gets: neither title nor number nor that it exists
 *   P1  a restriction of the thing or of the reader shows nothing more
 *   P4  who was put out of the circle gets nothing of it but his own
 *   P8  an unknown label or audience is shown to nobody
 *   P7  a hub opens neither RED nor NDA
 *
 * A case is one asker and five things. SERENO_CASES says how many, each against all ways; a failure names its seed and ways.
 */
#include <stdio.h>
#include <stdlib.h>

#include <sodium.h>

#include "base/num.h"
#include "base/test_cases.h"
#include "tests/policy/paths.h"

enum { CASES_DEFAULT = 2000, OUT_MAX = 1 << 20, ALL_THINGS = (1 << THINGS) - 1 };

static const struct way {
    const char *name;
    enum policy_action action;
    const struct path_adapter *adapter;
} ways[] = {
#define PATH(class, name, action, adapter) {#class " " #name, ACTION_##action, &adapter_##adapter},
#define PLAIN(class, name, why)
#include "policy/paths.def"
};
enum { WAYS = sizeof ways / sizeof ways[0] };

static uint64_t rng, seed;
static const struct way *way;
static uint64_t shown_yes[WAYS], shown_no[WAYS];
static struct world worlds[CIRCLE_STATES];

static uint32_t below(uint32_t n)
{
    uint64_t z = (rng += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ z >> 31) % n);
}

static bool chance(uint32_t one_in)
{
    return below(one_in) == 0;
}

/* The first way with this one's adapter and action. What it shows and asks is the same call with the same case, so it is tried for all. */
static const struct way *first_of(const struct way *w)
{
    const struct way *first = ways;
    while (first->adapter != w->adapter || first->action != w->action) {
        first++;
    }
    return first;
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s: violated, seed %llu, on\n", what, (unsigned long long)seed);
    for (const struct way *w = ways; w < ways + WAYS; w++) {
        if (first_of(w) == way) {
            (void)fprintf(stderr, "  %s\n", w->name);
        }
    }
    exit(1);
}

/* ---- cases ---- */

static void make_thing(struct thing *t, uint32_t i)
{
    static const struct span organisations[] = {SPAN("aldea"), SPAN("borgo"), SPAN("casa"), SPAN("")};
    *t = (struct thing){.organisation = organisations[below(chance(10) ? 4 : 3)], .brought = chance(3),
                        .issuer = 1 + below(WORLD_NODES - 1), .tlp = below(chance(10) ? 6 : 5), .pap = below(4),
                        .all = chance(2), .nda = chance(4), .sponsors = chance(4), .csirt = chance(4), .public_ = chance(4),
                        .chr = chance(3), .teaser = chance(3), .unknown = chance(20), .orgs = chance(2) ? below(256) : 0,
                        .persons = chance(2) ? below(256) : 0, .expires_s = WORLD_NOW_S + (chance(8) ? -1 : 3600),
                        .epoch = 1 + below(2)};
    if (chance(10)) {
        t->issuer = 0;
    }
    (void)snprintf(t->title, sizeof t->title, "Pl%04xt%02x%c", below(1 << 16), i, 'Q');
}

static void make_case(struct path_case *c, struct arena *arena)
{
    static const struct span organisations[] = {SPAN("*"), SPAN("aldea"), SPAN("borgo"), SPAN("")};
    static const struct span roles[] = {SPAN("administrator"), SPAN("administrator"), SPAN("janitor"), SPAN("")};
    uint32_t state = below(CIRCLE_STATES);
    *c = (struct path_case){.now = (time_ns)WORLD_NOW_S * TIME_SECOND, .arena = arena, .world = &worlds[state],
                            .m = world_newest(&worlds[state]), .self = below(WORLD_NODES),
                            .person = chance(2) ? SPAN("ana") : SPAN("bo"), .roles = chance(5) ? 0 : below(32),
                            .link_nda = chance(2)};
    c->account = (struct account){.id = chance(10) ? SPAN("") : SPAN("u"), .name = c->person, .role = roles[below(4)],
                                  .organisation = organisations[below(4)]};
    for (uint32_t i = 0; i < THINGS; i++) {
        make_thing(&c->things[i], i);
    }
    c->nseats = chance(2) ? 0 : below(CASE_SEATS + 1);
    for (uint32_t i = 0; i < c->nseats; i++) {
        c->seats[i] = (struct policy_seat){organisations[chance(8) ? 0 : 1 + below(2)], chance(5) ? 0 : below(32), c->now - 1 + (time_ns)below(3),
                                           c->now + (time_ns)below(3), chance(4) ? below(8) : POLICY_MAY_WATCH};
    }
}

/* A thing of the case: most often one that was not shown, as no other can be shown by mistake after a restriction of itself. */
static uint32_t thing_to_restrict(uint32_t shown)
{
    uint32_t i = below(THINGS);
    while (shown != ALL_THINGS && (shown >> i & 1) != 0 && !chance(4)) {
        i = (i + 1) % THINGS;
    }
    return i;
}

/* Less for whoever asks: of one thing, or of himself. */
static void restrict_case(struct path_case *c, uint32_t shown)
{
    uint32_t i = thing_to_restrict(shown);
    struct thing *t = &c->things[i];
    c->drawn[i] = (struct drawn){0};
    bool lists = t->orgs != 0 || t->persons != 0;
    switch (below(10)) {
    case 0: t->tlp = t->tlp < 5 ? t->tlp + 1 : 5; break;
    case 1: t->nda = t->nda || t->all || lists; break; /* alone it would open the circle's NDA members */
    case 2: t->sponsors = t->csirt = t->public_ = false; break;
    case 3: t->all = t->all && t->nda && !lists; break;
    case 4: t->expires_s = WORLD_NOW_S - 1; break;
    case 5: t->unknown = true; break;
    case 6: t->orgs &= t->nda && t->persons == 0 ? t->orgs : t->orgs & below(256); break;
    case 7: c->account.role = SPAN("janitor"); break;
    case 8: t->brought = true; break;
    default: c->roles = 0; break;
    }
}

/* ---- properties ---- */

static uint32_t titles_in(const struct path_case *c, const struct buf *out)
{
    uint32_t mask = 0;
    for (uint32_t i = 0; i < THINGS; i++) {
        mask |= out->len > 0 && memmem(out->data, out->len, c->things[i].title, TITLE_LEN) != NULL ? 1u << i : 0;
    }
    return mask;
}

static uint32_t show(struct path_case *c, uint32_t mask, struct buf *out)
{
    buf_clear(out);
    way->adapter->show(c, mask, out);
    CHECK(!out->failed);
    return titles_in(c, out);
}

static bool shows_action(enum policy_action a)
{
    return a == ACTION_LIST || a == ACTION_READ || a == ACTION_SEARCH || a == ACTION_COUNT || a == ACTION_STREAM;
}

/* As this way asks. */
static bool asked(const struct policy_reader *reader, const struct policy_item *item, enum policy_action action, time_ns now)
{
    const uint32_t may = way->adapter->may;
    return may != 0 ? policy_own_allows(reader, item, action, may, now) : policy_allows(reader, item, action, now);
}

/* A thing of this case, which this way showed or not. */
static void p2(const struct path_case *c, bool is, const struct policy_reader *reader, const struct policy_item *item)
{
    bool may = asked(reader, item, way->action, c->now);
    if (is != may) {
        fail(is ? "P2: shown against the policy" : "P2: kept from a reader who may");
    }
    if (shows_action(way->action) && way->action != ACTION_READ && may != asked(reader, item, ACTION_READ, c->now)) {
        fail("P2: this way and reading differ");
    }
    (is ? shown_yes : shown_no)[way - ways]++;
}

/* `whole` is what was shown of all things. */
static void p3(struct path_case *c, uint32_t shown, const struct buf *whole, struct buf *again)
{
    if (shown == ALL_THINGS) {
        return;
    }
    (void)show(c, shown, again);
    if (whole->len != again->len || (whole->len > 0 && memcmp(whole->data, again->data, whole->len) != 0)) {
        fail("P3: what a reader may not see changes what he gets");
    }
}

static void p1(const struct path_case *c, uint32_t shown, struct buf *out)
{
    struct path_case less = *c;
    if (shown == ALL_THINGS) {
        return;
    }
    restrict_case(&less, shown);
    if ((show(&less, ALL_THINGS, out) & ~shown) != 0) {
        fail("P1: a restriction widened");
    }
}

/* Thing i, which was shown. */
static void p4_p7_p8(const struct path_case *c, uint32_t i, const struct policy_reader *reader, const struct policy_item *item)
{
    const struct thing *t = &c->things[i];
    if (item->circle.len == 0) {
        return;
    }
    const struct fed_member *self = fed_membership_find(c->m, reader->organisation);
    if (t->tlp == 5 || t->unknown) {
        fail("P8: unknown, and shown");
    }
    if (self != NULL && self->state != FED_ACTIVE && t->issuer != c->self && !t->public_) {
        fail("P4: out of the circle, and shown");
    }
    if (c->self == 0 && reader->kind != READER_LINK && t->issuer != 0 && (t->tlp == 4 || t->nda)) {
        fail("P7: RED or NDA at the hub");
    }
    if (reader->kind == READER_LINK && (t->tlp >= 4 || t->nda)) {
        fail("P7: RED or NDA on a page that the hub makes");
    }
}

static void one_way(struct path_case *c, struct buf *out, struct buf *again)
{
    uint32_t shown = show(c, ALL_THINGS, out);
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct policy_reader *reader;
        const struct policy_item *item;
        bool is = (shown >> i & 1) != 0;
        way->adapter->ask(c, i, &reader, &item);
        p2(c, is, reader, item);
        if (is) {
            p4_p7_p8(c, i, reader, item);
        }
    }
    p3(c, shown, out, again);
    p1(c, shown, again);
}

/* The same community in five states: as it began; one out and one resting; one of them back; an NDA circle; its hub signed the NDA too. */
static void make_worlds(void)
{
    for (uint32_t i = 0; i < CIRCLE_STATES; i++) {
        world_init(&worlds[i], i == 3);
        if (i == 1 || i == 2) {
            world_set_state(&worlds[i], 3, FED_GONE);
            world_set_state(&worlds[i], 5, FED_SUSPENDED);
        }
        if (i == 2) {
            world_set_state(&worlds[i], 5, FED_ACTIVE);
        }
        if (i == 4) {
            struct fed_membership m = world_next(&worlds[i]);
            for (uint32_t n = 0; n < m.nmembers; n++) {
                m.members[n].classes |= span_eq(m.members[n].node, m.hub.node) ? FED_NDA : 0;
            }
            world_take(&worlds[i], &m);
        }
    }
}

/* usage: paths_test [PART OF]: of the cases every OF-th, from the PART-th on; all of them without. */
int main(int argc, char **argv)
{
    uint64_t cases = test_cases(CASES_DEFAULT);
    int64_t part = 1;
    int64_t of = 1;
    CHECK(argc < 3 || (num_i64(span_of(argv[1]), &part) && num_i64(span_of(argv[2]), &of) && part > 0 && part <= of));
    struct arena arena;
    struct buf out;
    struct buf again;
    CHECK(sodium_init() >= 0);
    make_worlds();
    arena_init(&arena, 1 << 20);
    buf_init(&out, OUT_MAX);
    buf_init(&again, OUT_MAX);
    for (seed = (uint64_t)part; seed <= cases; seed += (uint64_t)of) {
        struct path_case c;
        rng = seed;
        make_case(&c, &arena);
        for (way = ways; way < ways + WAYS; way++) {
            if (way == first_of(way)) {
                one_way(&c, &out, &again);
            }
        }
        arena_reset(&arena);
    }
    int blind = 0;
    for (uint32_t i = 0; i < WAYS; i++) {
        bool always = ways[i].action == ACTION_MAIL || ways[i].action == ACTION_WEBHOOK; /* to the operator: all but nobody's */
        const struct way *first = first_of(&ways[i]);
        if (shown_yes[first - ways] == 0 || (shown_no[first - ways] == 0 && !always)) {
            (void)fprintf(stderr, "%s was never tried both ways\n", ways[i].name);
            blind = 1;
        }
    }
    (void)printf("%llu cases, part %d of %d, against %d ways, 0 violations\n", (unsigned long long)cases, (int)part, (int)of, (int)WAYS);
    buf_free(&out);
    buf_free(&again);
    arena_fini(&arena);
    for (uint32_t i = 0; i < CIRCLE_STATES; i++) {
        world_fini(&worlds[i]);
    }
    return blind;
}
