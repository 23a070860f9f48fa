/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The properties of the policy over generated readers and items (docs/decisions: one policy): P1 a
 * restriction never widens, P2 every way gives the same answer, P4 who is out reads nothing, P7 a
 * hub's operator reads neither RED nor NDA, P8 what is unknown denies, P9 only the author's key
 * widens; that a combined marking lets nobody pass who would not pass both, and that the preview is
 * the decision. Names come from small pools so that readers and items meet. SERENO_CASES says how
 * many cases; a failure names its seed. P3, P5 and P6 are tried in tests/policy and chr_test.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/test_cases.h"
#include "policy/policy_priv.h"

enum { LIST = 2, MARKINGS = 3, POOL = 4, CASES_DEFAULT = 20000 };

#define NOW (INT64_C(1796040000) * TIME_SECOND)

static const struct span orgs[POOL] = {SPAN("aldea"), SPAN("borgo"), SPAN("casa"), SPAN("dorf")};
static const struct span people[POOL] = {SPAN("ana"), SPAN("bo"), SPAN("carla"), SPAN("dag")};
static const struct span circles[POOL] = {SPAN("north"), SPAN("south"), SPAN(""), SPAN("east")};

struct lists {
    struct policy_circle circles[LIST], groups[LIST];
    struct span organisations[LIST], sponsors[LIST], excluded[LIST];
    struct policy_person persons[LIST];
};
struct item_box {
    struct policy_item item;
    struct policy_marking markings[MARKINGS];
    struct lists lists[MARKINGS];
};
struct reader_box {
    struct policy_reader reader;
    struct policy_membership memberships[LIST], groups[LIST], provided[LIST];
    struct policy_provider provider;
    struct policy_grant grant;
};

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

static bool chance(uint32_t one_in)
{
    return below(one_in) == 0;
}

static void fail(const char *what)
{
    (void)fprintf(stderr, "%s: violated, seed %llu\n", what, (unsigned long long)seed);
    exit(1);
}

/* ---- readers and items ---- */

static struct policy_circle any_circle(void)
{
    uint32_t c = below(8);
    return (struct policy_circle){.id = circles[c < 6 ? c % 2 : 3],
                                  .epoch = chance(40) ? 0 : 1 + below(3),
                                  .listed = chance(3)};
}

static void make_audience(struct policy_audience *a, struct lists *l)
{
    *a = (struct policy_audience){.circles = l->circles,
                                  .ncircles = below(LIST + 1),
                                  .groups = l->groups,
                                  .ngroups = chance(4),
                                  .organisations = l->organisations,
                                  .norganisations = below(LIST + 1),
                                  .persons = l->persons,
                                  .npersons = below(LIST + 1),
                                  .sponsors = l->sponsors,
                                  .nsponsors = chance(4),
                                  .excluded = l->excluded,
                                  .nexcluded = chance(8),
                                  .nda = chance(5),
                                  .csirt = chance(4),
                                  .hub = chance(4),
                                  .house = chance(6),
                                  .public_ = chance(4),
                                  .unknown = chance(60)};
    for (uint32_t i = 0; i < LIST; i++) {
        l->circles[i] = any_circle();
        l->groups[i] = any_circle();
        l->organisations[i] = orgs[below(POOL)];
        l->sponsors[i] = orgs[below(POOL)];
        l->excluded[i] = chance(2) ? orgs[below(POOL)] : people[below(POOL)];
        l->persons[i] = (struct policy_person){people[below(POOL)], orgs[below(POOL)]};
    }
}

static void make_marking(struct policy_marking *m, struct lists *l)
{
    *m = (struct policy_marking){.tlp = (enum tlp)(1 + below(5)),
                                 .pap = (enum pap)below(PAP_COUNT),
                                 .chr = chance(4),
                                 .expires = chance(6) ? NOW - 1 + below(3) : 0};
    if (chance(60)) {
        m->tlp = chance(2) ? TLP_UNKNOWN : (enum tlp)(6 + below(9));
    }
    make_audience(&m->audience, l);
}

static void make_item(struct item_box *b)
{
    uint32_t c = below(POOL);
    b->item =
        (struct policy_item){.kind = (enum item_kind)below(ITEM_KIND_COUNT),
                             .author_organisation = chance(40) ? SPAN("") : orgs[below(POOL)],
                             .author_person = chance(3) ? SPAN("") : people[below(POOL)],
                             .circle = circles[c],
                             .policy_epoch = chance(40) ? 0 : 1 + below(3),
                             .markings = b->markings,
                             .nmarkings = chance(40) ? 0 : 1 + (chance(3) ? below(MARKINGS) : 0),
                             .local = chance(2),
                             .published = chance(3),
                             .retracted = chance(30)};
    for (uint32_t i = 0; i < MARKINGS; i++) {
        make_marking(&b->markings[i], &b->lists[i]);
    }
}

static void make_memberships(struct policy_membership *m, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        m[i] = (struct policy_membership){.circle = circles[chance(6) ? 3 : i % 2],
                                          .classes = chance(3)   ? below(32)
                                                     : chance(2) ? 3u
                                                                 : 1u,
                                          .state = chance(8) ? (enum member_state)below(4)
                                                             : MEMBER_ACTIVE,
                                          .epoch = below(5),
                                          .since_epoch = below(4),
                                          .expires = chance(12) ? NOW - 1 + below(3) : 0};
    }
}

static void make_reader(struct reader_box *b)
{
    static const enum reader_kind kinds[] = {READER_PERSON, READER_PERSON,   READER_PERSON,
                                             READER_NODE,   READER_LINK,     READER_HUB,
                                             READER_SYSTEM, READER_ANONYMOUS};
    b->reader =
        (struct policy_reader){.kind = chance(40) ? (enum reader_kind)below(12) : kinds[below(8)],
                               .person = people[below(POOL)],
                               .organisation = chance(20) ? SPAN("") : orgs[below(POOL)],
                               .whole_node = chance(8),
                               .in_house = chance(4),
                               .hub_operator = chance(5),
                               .roles = chance(6) ? 0 : below(32),
                               .memberships = b->memberships,
                               .nmemberships = below(LIST + 1),
                               .groups = b->groups,
                               .ngroups = below(LIST + 1),
                               .clients_of = &b->provider,
                               .nclients_of = chance(4),
                               .grants = &b->grant,
                               .ngrants = chance(4),
                               .link_ends = NOW + (chance(4) ? -1 : 1),
                               .link_revoked = chance(8)};
    make_memberships(b->memberships, LIST);
    make_memberships(b->groups, LIST);
    make_memberships(b->provided, LIST);
    b->provider = (struct policy_provider){orgs[below(POOL)], b->provided, below(LIST + 1)};
    b->grant = (struct policy_grant){.organisation = orgs[below(POOL)],
                                     .kinds = chance(2) ? UINT32_MAX : below(1 << 16),
                                     .actions = chance(2) ? UINT32_MAX : below(1 << 20),
                                     .begins = NOW - 1 + below(3),
                                     .ends = NOW - 1 + below(3),
                                     .from_minute = (uint16_t)below(1440),
                                     .to_minute = (uint16_t)below(1440),
                                     .revoked = chance(6)};
}

/* ---- restrictions: each leaves the item or the reader with less ---- */

static void drop(uint32_t *n)
{
    *n = *n > 0 ? *n - 1 : 0;
}

/* Not one whose epoch is unknown: that denies everybody, and taking it away is no restriction. */
static void drop_circle(uint32_t *n, const struct policy_circle *list)
{
    if (*n > 0 && list[*n - 1].epoch != 0) {
        drop(n);
    }
}

static void restrict_marking(struct policy_marking *m)
{
    struct policy_audience *a = &m->audience;
    switch (below(14)) {
    case 0:
        m->tlp = tlp_stricter(m->tlp, (enum tlp)(1 + below(5)));
        break;
    case 1:
        m->pap = pap_stricter(m->pap, (enum pap)(1 + below(4)));
        break;
    case 2:
        m->chr = true;
        break;
    case 3:
        m->expires = m->expires == 0 || m->expires > NOW ? NOW : m->expires;
        break;
    case 4:
        drop_circle(&a->ncircles, a->circles);
        break;
    case 5:
        drop_circle(&a->ngroups, a->groups);
        break;
    case 6:
        drop(&a->norganisations);
        break;
    case 7:
        drop(&a->npersons);
        break;
    case 8:
        drop(&a->nsponsors);
        break;
    case 9:
        a->nexcluded = a->nexcluded < LIST ? a->nexcluded + 1 : LIST;
        break;
    case 10:
        a->nda = true;
        break;
    case 11:
        a->csirt = a->hub = false;
        break;
    case 12:
        a->public_ = a->house = false;
        break;
    default:
        a->unknown = true;
        break;
    }
}

static void restrict_item(struct item_box *b)
{
    if (b->item.nmarkings > 0 && !chance(4)) {
        restrict_marking(&b->markings[below(b->item.nmarkings)]);
        return;
    }
    switch (below(4)) {
    case 0:
        b->item.nmarkings = b->item.nmarkings > 0 && b->item.nmarkings < MARKINGS
                                ? b->item.nmarkings + 1
                                : b->item.nmarkings;
        break;
    case 1:
        b->item.published = false;
        break;
    case 2:
        b->item.local = false;
        break;
    default:
        b->item.retracted = true;
        break;
    }
}

/* Out of a circle: suspended, removed, or its file over. */
static void restrict_reader(struct reader_box *b)
{
    switch (below(5)) {
    case 0:
        b->memberships[below(LIST)].state = chance(2) ? MEMBER_REMOVED : MEMBER_SUSPENDED;
        break;
    case 1:
        b->memberships[below(LIST)].expires = NOW;
        break;
    case 2:
        b->grant.revoked = true;
        break;
    case 3:
        b->reader.link_revoked = true;
        break;
    default:
        b->reader.roles = 0;
        break;
    }
}

static void rebase(struct item_box *to, const struct item_box *from)
{
    *to = *from;
    to->item.markings = to->markings; /* lists are not changed, only how much of them counts */
}

/* ---- the properties ---- */

static uint64_t seen[RELATION_COUNT_], reasons_seen[REASON_COUNT_], yes_count;

static void count(struct policy_decision d)
{
    reasons_seen[d.reason]++;
    yes_count += d.allowed ? 1 : 0;
    for (int i = 0; i < RELATION_COUNT_; i++) {
        seen[i] += d.relations >> i & 1;
    }
}

static void p1(const struct reader_box *r, const struct item_box *b)
{
    struct item_box less;
    struct reader_box out = *r;
    rebase(&less, b);
    out.reader.memberships = out.memberships;
    out.reader.grants = &out.grant;
    for (uint32_t n = 1 + below(2); n > 0; n--) {
        restrict_item(&less);
    }
    if (chance(2)) {
        restrict_reader(&out);
    }
    for (int a = 0; a < ACTION_COUNT_; a++) {
        bool before = policy_allows(&r->reader, &b->item, (enum policy_action)a, NOW);
        struct policy_decision after =
            policy_decide(&out.reader, &less.item, (enum policy_action)a, NOW);
        if (after.allowed && !before) {
            fail("P1: a restriction widened");
        }
    }
    for (int u = 0; u < USE_COUNT_; u++) {
        if (policy_may_use(&less.item, (enum policy_use)u).allowed &&
            !policy_may_use(&b->item, (enum policy_use)u).allowed) {
            fail("P1: a restriction allowed a use");
        }
    }
    if (policy_must_seal(&b->item) && !policy_must_seal(&less.item)) {
        fail("P1: a restriction took the seal off");
    }
}

static void p2(const struct reader_box *r, const struct item_box *b)
{
    struct policy_decision read = policy_decide(&r->reader, &b->item, ACTION_READ, NOW);
    count(read);
    for (int a = 0; a < ACTION_COUNT_; a++) {
        const struct action_row *row = policy_action_row((enum policy_action)a);
        struct policy_decision d = policy_decide(&r->reader, &b->item, (enum policy_action)a, NOW);
        bool readable_kind = r->reader.kind < READER_KIND_COUNT && r->reader.kind > 0 &&
                             (policy_action_row(ACTION_READ)->kinds >> r->reader.kind & 1) != 0;
        /* A grant says which actions it is for: the one thing that may differ between ways. */
        bool granted = ((d.relations | read.relations) & RELATION_BIT(GRANTEE)) != 0;
        if ((row->flags & ACTION_SHOWS) != 0 && !granted && d.allowed != read.allowed) {
            fail("P2: two ways of showing differ");
        }
        if ((row->flags & ACTION_SEALS) == 0 && readable_kind && !granted && d.allowed &&
            !read.allowed) {
            fail("P2: a way out is wider than reading");
        }
        if (d.allowed && policy_effective_chr(&b->item) && !d.strip &&
            (d.relations & (RELATION_BIT(AUTHOR_ORGANISATION) | RELATION_BIT(AUTHOR_PERSON))) ==
                0) {
            fail("P5: Chatham House without stripping");
        }
    }
}

static void p4(const struct reader_box *r, const struct item_box *b)
{
    struct reader_box out = *r;
    const uint32_t still =
        RELATION_BIT(AUTHOR_PERSON) | RELATION_BIT(AUTHOR_ORGANISATION) | RELATION_BIT(ANYBODY);
    out.reader.memberships = out.memberships;
    out.reader.nmemberships = 1;
    out.memberships[0] = (struct policy_membership){.circle = b->item.circle,
                                                    .classes = 31,
                                                    .state = MEMBER_REMOVED,
                                                    .epoch = 9,
                                                    .since_epoch = 1};
    for (int a = 0; a < ACTION_COUNT_ && b->item.circle.len > 0; a++) {
        struct policy_decision d = policy_decide(&out.reader, &b->item, (enum policy_action)a, NOW);
        if (d.allowed && (d.relations & still) == 0 &&
            (d.relations & RELATION_BIT(IN_HOUSE)) == 0) {
            fail("P4: who was removed still gets it");
        }
    }
}

static void p7(const struct reader_box *r, const struct item_box *b)
{
    bool hub = r->reader.hub_operator || r->reader.kind == READER_HUB;
    bool closed = policy_effective_tlp(&b->item) == TLP_RED;
    for (uint32_t i = 0; i < b->item.nmarkings; i++) {
        closed = closed || b->markings[i].audience.nda;
    }
    for (int a = 0; hub && closed && a < ACTION_COUNT_; a++) {
        struct policy_decision d = policy_decide(&r->reader, &b->item, (enum policy_action)a, NOW);
        if (d.allowed && !d.must_seal) {
            fail("P7: a hub's operator reads RED or NDA");
        }
    }
}

static void p8(const struct reader_box *r, const struct item_box *b)
{
    struct item_box odd;
    rebase(&odd, b);
    if (odd.item.nmarkings == 0) {
        return;
    }
    struct policy_marking *m = &odd.markings[below(odd.item.nmarkings)];
    switch (below(4)) {
    case 0:
        m->tlp = chance(2) ? TLP_UNKNOWN : (enum tlp)(6 + below(1000));
        break;
    case 1:
        m->audience.unknown = true;
        break;
    case 2:
        odd.item.author_organisation = SPAN("");
        break;
    default:
        odd.item.circle = circles[0];
        odd.item.policy_epoch = 0;
        break;
    }
    for (int a = 0; a < ACTION_COUNT_; a++) {
        struct policy_decision d = policy_decide(&r->reader, &odd.item, (enum policy_action)a, NOW);
        if (d.allowed || (!d.quarantine && d.reason != REASON_RETRACTED)) {
            fail("P8: what is unknown was let through, or not put aside");
        }
    }
}

/* A change that is accepted without the author's key lets nobody read who could not before. */
static void p9(const struct reader_box *r, const struct item_box *b)
{
    struct item_box after;
    rebase(&after, b);
    if (b->item.nmarkings == 0) {
        return;
    }
    if (chance(3)) {
        make_marking(&after.markings[0], &after.lists[0]);
    } else {
        restrict_marking(&after.markings[0]);
    }
    const struct policy_marking *before = &b->markings[0];
    if (!policy_may_change_label(before, &after.markings[0], CHANGER_SOURCE, true).allowed &&
        !policy_may_change_label(before, &after.markings[0], CHANGER_AUTHOR, false).allowed) {
        return;
    }
    for (int a = 0; a < ACTION_COUNT_; a++) {
        if (policy_allows(&r->reader, &after.item, (enum policy_action)a, NOW) &&
            !policy_allows(&r->reader, &b->item, (enum policy_action)a, NOW)) {
            fail("P9: a label was widened without the author's key");
        }
    }
}

static void combined(const struct reader_box *r, const struct item_box *b)
{
    struct span spans[LIST * 6];
    struct policy_person persons[LIST];
    struct policy_circle some[LIST * 2];
    struct policy_room room = {spans,   chance(8) ? below(4) : LIST * 6,
                               persons, chance(8) ? 0 : LIST,
                               some,    chance(8) ? below(2) : LIST * 2};
    struct policy_marking one;
    policy_combine(&b->markings[0], &b->markings[1], &room, &one);
    struct policy_item both = b->item;
    struct policy_item single = b->item;
    both.nmarkings = 2;
    single.markings = &one;
    single.nmarkings = 1;
    for (int a = 0; a < ACTION_COUNT_; a++) {
        if (policy_allows(&r->reader, &single, (enum policy_action)a, NOW) &&
            !policy_allows(&r->reader, &both, (enum policy_action)a, NOW)) {
            fail("combine: somebody passes the sum who would not pass both");
        }
    }
}

static void previewed(const struct reader_box *r, const struct item_box *b)
{
    struct policy_candidate c = {r->reader};
    bool yes = false;
    uint32_t n = policy_audience(&b->item, &c, 1, NOW, &yes);
    if (yes != policy_allows(&r->reader, &b->item, ACTION_READ, NOW) || n != (yes ? 1u : 0u)) {
        fail("the preview differs from the decision");
    }
}

int main(void)
{
    uint64_t cases = test_cases(CASES_DEFAULT);
    for (seed = 1; seed <= cases; seed++) {
        struct reader_box r;
        struct item_box b;
        rng = seed;
        make_reader(&r);
        make_item(&b);
        p1(&r, &b);
        p2(&r, &b);
        p4(&r, &b);
        p7(&r, &b);
        p8(&r, &b);
        p9(&r, &b);
        combined(&r, &b);
        previewed(&r, &b);
    }
    for (int i = 0; i < RELATION_COUNT_; i++) { /* else it would have tried nothing */
        if (seen[i] == 0) {
            (void)fprintf(stderr, "no case was opened by relation %d\n", i);
            return 1;
        }
    }
    (void)printf("%llu cases, %llu readable, 0 violations\n", (unsigned long long)cases,
                 (unsigned long long)yes_count);
    return 0;
}
