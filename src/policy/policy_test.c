/* SPDX-License-Identifier: EUPL-1.2 */
/* Labels, the decision and its tables, combining, changing, publishing: good, bad and edge cases by
 * hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "policy/policy_priv.h"
#include "policy/publish.h"

/* ---- labels ---- */

static void labels_are_read(void **state)
{
    static const struct {
        const char *text;
        enum label_what what;
        int value;
        bool unknown, ambiguous, legacy;
    } cases[] = {
        {"TLP:CLEAR", LABEL_TLP, TLP_CLEAR, 0, 0, 0},
        {"tlp:white", LABEL_TLP, TLP_CLEAR, 0, 0, 1},
        {"tlpwhite", LABEL_TLP, TLP_CLEAR, 0, 0, 1},
        {"WHITE", LABEL_TLP, TLP_CLEAR, 0, 0, 1},
        {" TLP : Green ", LABEL_TLP, TLP_GREEN, 0, 0, 0},
        {"TLP-AMBER", LABEL_TLP, TLP_AMBER, 0, 0, 0},
        {"TLP:AMBER+STRICT", LABEL_TLP, TLP_AMBER_STRICT, 0, 0, 0},
        {"tlp:amber-strict", LABEL_TLP, TLP_AMBER_STRICT, 0, 0, 0},
        {"Amber Strict", LABEL_TLP, TLP_AMBER_STRICT, 0, 0, 0},
        {"tlp=\"red\"", LABEL_TLP, TLP_RED, 0, 0, 0},
        {"[TLP:RED]", LABEL_TLP, TLP_RED, 0, 0, 0},
        {"tlp:ex:chr", LABEL_CHR, 0, 0, 0, 0},
        {"Chatham House Rule", LABEL_CHR, 0, 0, 0, 0},
        {"PAP:RED", LABEL_PAP, PAP_RED, 0, 0, 0},
        {"pap:white", LABEL_PAP, PAP_CLEAR, 0, 0, 1},
        {"PAP:AMBER+STRICT", LABEL_PAP, 0, 1, 0, 0},
        {"marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421", LABEL_TLP, TLP_AMBER, 0, 0, 0},
        {"marking-definition--f88d31f6-486f-44da-b317-01333bde0b82", LABEL_TLP, TLP_AMBER, 0, 1, 1},
        {"marking-definition--613F2E26-407D-48C7-9ECA-B8E91DF99DC9", LABEL_TLP, TLP_CLEAR, 0, 0, 1},
        {"826578e1-40ad-459f-bc73-ede076f81f37", LABEL_TLP, TLP_AMBER_STRICT, 0, 0, 1},
        {"marking-definition--00000000-0000-4000-8000-000000000000", LABEL_TLP, 0, 1, 0, 0},
        {"marking-definition--", LABEL_TLP, 0, 1, 0, 0},
        {"TLP:UNCLEAR", LABEL_TLP, 0, 1, 0, 0},
        {"TLP:CLEAR TLP:RED", LABEL_TLP, 0, 1, 0, 0},
        {"TLP:CLEAR\xe2\x80\x8b", LABEL_TLP, 0, 1, 0, 0},
        {"TLP", LABEL_TLP, 0, 1, 0, 0},
        {"", LABEL_TLP, 0, 1, 0, 0},
        {"purple", LABEL_TLP, 0, 1, 0, 0},
        {"TLP:GREENGREENGREENGREENGREENGREENGREENGREEN", LABEL_TLP, 0, 1, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct label l = policy_label_parse(span_of(cases[i].text));
        int value = l.what == LABEL_TLP ? (int)l.tlp : l.what == LABEL_PAP ? (int)l.pap : 0;
        if (l.what != cases[i].what || value != cases[i].value || l.unknown != cases[i].unknown ||
            l.ambiguous != cases[i].ambiguous || l.legacy != cases[i].legacy) {
            fail_msg("\"%s\": what %d value %d unknown %d ambiguous %d legacy %d", cases[i].text,
                     l.what, value, l.unknown, l.ambiguous, l.legacy);
        }
    }
}

static void a_tag_is_a_label_only_when_it_says_so(void **state)
{
    (void)state;
    assert_int_equal(policy_tag_parse(SPAN("clear")).what, LABEL_NOTHING);
    assert_int_equal(policy_tag_parse(SPAN("red")).what, LABEL_NOTHING);
    assert_int_equal(policy_tag_parse(SPAN("paper trail")).what, LABEL_NOTHING);
    assert_int_equal(policy_tag_parse(SPAN("")).what, LABEL_NOTHING);
    assert_int_equal(policy_tag_parse(SPAN("tlp:green")).tlp, TLP_GREEN);
    assert_int_equal(policy_tag_parse(SPAN("pap:green")).pap, PAP_GREEN);
    assert_true(policy_tag_parse(SPAN("tlp:violet")).unknown);
}

static void names_and_ids_read_back(void **state)
{
    (void)state;
    for (int t = TLP_CLEAR; t < TLP_COUNT; t++) {
        assert_int_equal(policy_label_parse(span_of(tlp_name((enum tlp)t))).tlp, t);
        struct label l = policy_label_parse(span_of(tlp_stix_id((enum tlp)t)));
        assert_true((int)l.tlp == t && !l.legacy && !l.ambiguous);
    }
    assert_null(tlp_stix_id(TLP_UNKNOWN));
    assert_int_equal(tlp_rank((enum tlp)77), tlp_rank(TLP_UNKNOWN));
    assert_int_equal(tlp_stricter(TLP_RED, TLP_UNKNOWN), TLP_UNKNOWN);
    assert_int_equal(policy_label_default(true), TLP_AMBER_STRICT);
    assert_int_equal(policy_label_default(false), TLP_RED);
}

/* ---- the tables ---- */

static void a_stricter_label_opens_no_more(void **state)
{
    (void)state;
    for (int t = TLP_GREEN; t < TLP_COUNT; t++) {
        assert_int_equal(policy_opens((enum tlp)t) & ~policy_opens((enum tlp)(t - 1)), 0);
    }
    assert_int_equal(policy_opens(TLP_UNKNOWN), 0);
    assert_int_equal(policy_opens(TLP_RED),
                     RELATION_BIT(AUTHOR_PERSON) | RELATION_BIT(LISTED_PERSON));
}

/* ---- the matrix of src/policy/README.md, by hand ---- */

#define NOW (INT64_C(1796040000) * TIME_SECOND)
#define EPOCH UINT64_C(7)

static const struct policy_membership plain = {SPAN("c"), MEMBER_PLAIN, MEMBER_ACTIVE, EPOCH, 1, 0};
static const struct policy_membership nda = {
    SPAN("c"), MEMBER_PLAIN | MEMBER_NDA, MEMBER_ACTIVE, EPOCH, 1, 0};
static const struct policy_membership late = {
    SPAN("c"), MEMBER_PLAIN | MEMBER_NDA, MEMBER_ACTIVE, EPOCH + 2, EPOCH + 1, 0};
static const struct policy_membership sponsor = {SPAN("c"), MEMBER_SPONSOR, MEMBER_ACTIVE, EPOCH, 1,
                                                 0};
static const struct policy_membership both = {
    SPAN("c"), MEMBER_SPONSOR | MEMBER_PLAIN | MEMBER_NDA, MEMBER_ACTIVE, EPOCH, 1, 0};
static const struct policy_membership csirt = {SPAN("c"), MEMBER_CSIRT, MEMBER_ACTIVE, EPOCH, 1, 0};
static const struct policy_membership hub = {SPAN("c"), MEMBER_HUB, MEMBER_ACTIVE, EPOCH, 1, 0};
static const struct policy_membership gone = {
    SPAN("c"), MEMBER_PLAIN | MEMBER_NDA, MEMBER_REMOVED, EPOCH + 1, 1, 0};
static const struct policy_membership behind = {
    SPAN("c"), MEMBER_PLAIN | MEMBER_NDA, MEMBER_ACTIVE, EPOCH - 1, 1, 0};
static const struct policy_membership over = {
    SPAN("c"), MEMBER_PLAIN | MEMBER_NDA, MEMBER_ACTIVE, EPOCH, 1, NOW};
static const struct policy_provider listed_provider = {SPAN("listed"), &plain, 1};

#define READER(kind_, org, who, ...)                                                               \
    {                                                                                              \
        .kind = READER_##kind_, .organisation = SPAN(org), .person = SPAN(who),                    \
        .roles = POLICY_ROLE_ANALYST, __VA_ARGS__                                                  \
    }
#define IN(m) .memberships = &(m), .nmemberships = 1

enum who {
    AUTHOR,
    COLLEAGUE,
    NAMED,
    NAMESAKE,
    LISTED,
    NDA,
    LATE,
    PLAIN,
    SPONSOR,
    SPONSOR_MEMBER,
    CONSENTED,
    CSIRT,
    HUB,
    CLIENT,
    GONE,
    BEHIND,
    OVER,
    STRANGER,
    WORLD,
    NO_ROLE,
    WHO_COUNT
};
static const struct policy_reader readers[WHO_COUNT] = {
    [AUTHOR] = READER(PERSON, "author", "ana", IN(plain)),
    [COLLEAGUE] = READER(PERSON, "author", "bo", IN(plain)),
    [NAMED] = READER(PERSON, "other", "carla", IN(plain)),
    [NAMESAKE] = READER(PERSON, "elsewhere", "carla", IN(plain)),
    [LISTED] = READER(PERSON, "listed", "dag", IN(plain)),
    [NDA] = READER(PERSON, "n", "e", IN(nda)),
    [LATE] = READER(PERSON, "late", "e", IN(late)),
    [PLAIN] = READER(PERSON, "p", "f", IN(plain)),
    [SPONSOR] = READER(PERSON, "region", "g", IN(sponsor)),
    [SPONSOR_MEMBER] = READER(PERSON, "nation", "g", IN(both)),
    [CONSENTED] = READER(PERSON, "consented", "g", IN(sponsor)),
    [CSIRT] = READER(PERSON, "csirt", "h", IN(csirt)),
    [HUB] = READER(PERSON, "hub", "i", IN(hub), .hub_operator = true),
    [CLIENT] = READER(PERSON, "client", "j", .clients_of = &listed_provider, .nclients_of = 1),
    [GONE] = READER(PERSON, "gone", "k", IN(gone)),
    [BEHIND] = READER(PERSON, "behind", "l", IN(behind)),
    [OVER] = READER(PERSON, "over", "m", IN(over)),
    [STRANGER] = READER(PERSON, "stranger", "n", .memberships = NULL),
    [WORLD] = {.kind = READER_ANONYMOUS},
    [NO_ROLE] = {.kind = READER_PERSON, .organisation = SPAN("p"), .person = SPAN("o"), IN(plain)},
};

static const struct policy_circle circle = {SPAN("c"), EPOCH, false};
static const struct policy_person carla = {SPAN("carla"), SPAN("other")};
static const struct span listed = SPAN("listed");
static const struct span consented = SPAN("consented");

static struct policy_audience everybody(void)
{
    return (struct policy_audience){.circles = &circle,
                                    .ncircles = 1,
                                    .organisations = &listed,
                                    .norganisations = 1,
                                    .persons = &carla,
                                    .npersons = 1,
                                    .sponsors = &consented,
                                    .nsponsors = 1};
}

static struct policy_item item_of(const struct policy_marking *m)
{
    return (struct policy_item){.kind = ITEM_STORY,
                                .author_organisation = SPAN("author"),
                                .author_person = SPAN("ana"),
                                .circle = SPAN("c"),
                                .policy_epoch = EPOCH,
                                .markings = m,
                                .nmarkings = 1};
}

/* One letter per reader, in the order of enum who: y or -. */
static void answers(const struct policy_item *item, enum policy_action action,
                    char out[WHO_COUNT + 1])
{
    for (int i = 0; i < WHO_COUNT; i++) {
        out[i] = policy_allows(&readers[i], item, action, NOW) ? 'y' : '-';
    }
    out[WHO_COUNT] = '\0';
}

static void the_matrix_holds(void **state)
{
    /* author colleague | named namesake listed | nda late plain | sponsor member-sponsor consented
     * | csirt hub client | gone behind over stranger | world no-role */
    static const struct {
        const char *what;
        enum tlp tlp;
        bool csirt, hub, nda, published;
        const char *want;
    } cases[] = {
        {"RED", TLP_RED, 1, 1, 0, 0, "y-y-----------------"},
        {"STRICT", TLP_AMBER_STRICT, 0, 0, 0, 0, "yyy-yy----y---------"},
        {"STRICT, csirt and hub listed", TLP_AMBER_STRICT, 1, 1, 0, 0, "yyy-yy----yyy-------"},
        {"AMBER", TLP_AMBER, 0, 0, 0, 0, "yyy-yy----y--y------"},
        {"GREEN", TLP_GREEN, 0, 0, 0, 0, "yyyyyyyy-yyyyy------"},
        {"GREEN nda", TLP_GREEN, 0, 0, 1, 0, "yy---yy-------------"},
        {"CLEAR", TLP_CLEAR, 0, 0, 0, 0, "yyyyyyyyyyyyyy------"},
        {"CLEAR published", TLP_CLEAR, 0, 0, 0, 1, "yyyyyyyyyyyyyyyyyyyy"},
        {"GREEN published", TLP_GREEN, 0, 0, 0, 1, "yyyyyyyy-yyyyy------"},
        {"unknown", (enum tlp)9, 1, 1, 0, 1, "--------------------"},
        {"none", TLP_UNKNOWN, 1, 1, 0, 1, "--------------------"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_marking m = {.tlp = cases[i].tlp, .audience = everybody()};
        m.audience.csirt = cases[i].csirt;
        m.audience.hub = cases[i].hub;
        m.audience.nda = cases[i].nda;
        m.audience.public_ = cases[i].published;
        struct policy_item item = item_of(&m);
        item.published = cases[i].published;
        char got[WHO_COUNT + 1];
        answers(&item, ACTION_READ, got);
        if (strcmp(got, cases[i].want) != 0) {
            fail_msg("%s: got %s, want %s", cases[i].what, got, cases[i].want);
        }
    }
}

static void check_reason(const struct policy_reader *r, const struct policy_item *item,
                         enum policy_action action, enum policy_reason want)
{
    struct policy_decision d = policy_decide(r, item, action, NOW);
    if (d.reason != want || d.allowed != (want == REASON_ALLOWED)) {
        fail_msg("got %s, want %s", policy_reason_name(d.reason), policy_reason_name(want));
    }
}

static void a_no_says_why(void **state)
{
    (void)state;
    struct policy_marking m = {.tlp = TLP_GREEN, .audience = everybody()};
    struct policy_item item = item_of(&m);
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_ALLOWED);
    check_reason(&readers[GONE], &item, ACTION_READ, REASON_REMOVED);
    check_reason(&readers[BEHIND], &item, ACTION_READ, REASON_EPOCH_UNKNOWN);
    check_reason(&readers[OVER], &item, ACTION_READ, REASON_MEMBERSHIP_EXPIRED);
    check_reason(&readers[STRANGER], &item, ACTION_READ, REASON_PEER_UNKNOWN);
    check_reason(&readers[NO_ROLE], &item, ACTION_READ, REASON_ROLE_LACKS);
    check_reason(&readers[PLAIN], &item, ACTION_LOG, REASON_NOT_FOR_READER);
    check_reason(&readers[PLAIN], &item, ACTION_COUNT_, REASON_ACTION_UNKNOWN);
    check_reason(&readers[PLAIN], &item, ACTION_PUBLISH, REASON_LABEL_TOO_STRICT);
    check_reason(&(struct policy_reader){0}, &item, ACTION_READ, REASON_READER_UNKNOWN);
    m.expires = NOW;
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_EXPIRED);
    check_reason(&readers[COLLEAGUE], &item, ACTION_READ, REASON_ALLOWED);
    m.expires = NOW + 1;
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_ALLOWED);
    m.audience.excluded = &readers[PLAIN].organisation;
    m.audience.nexcluded = 1;
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_EXCLUDED);
    m.audience.unknown = true;
    check_reason(&readers[AUTHOR], &item, ACTION_READ, REASON_AUDIENCE_UNKNOWN);
    assert_true(policy_decide(&readers[AUTHOR], &item, ACTION_READ, NOW).quarantine);
    m.audience = everybody();
    item.policy_epoch = 0;
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_EPOCH_UNKNOWN);
    item.policy_epoch = EPOCH;
    item.retracted = true;
    check_reason(&readers[AUTHOR], &item, ACTION_READ, REASON_RETRACTED);
    item.retracted = false;
    item.author_organisation = SPAN("");
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_AUTHOR_UNKNOWN);
    item.nmarkings = 0;
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_LABEL_MISSING);
}

static void the_strictest_of_all_markings_wins(void **state)
{
    (void)state;
    struct policy_marking m[2] = {
        {.tlp = TLP_GREEN, .audience = everybody()},
        {.tlp = TLP_RED, .place = MARKING_CONTAINER, .audience = everybody()}};
    struct policy_item item = item_of(m);
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_ALLOWED);
    item.nmarkings = 2;
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_NOT_ADDRESSED);
    check_reason(&readers[COLLEAGUE], &item, ACTION_READ, REASON_NOT_ADDRESSED);
    check_reason(&readers[NAMED], &item, ACTION_READ, REASON_ALLOWED);
    assert_int_equal(policy_effective_tlp(&item), TLP_RED);
    m[1].tlp = TLP_GREEN;
    m[1].audience.ncircles = 0; /* two audiences: a reader must be in both */
    check_reason(&readers[PLAIN], &item, ACTION_READ, REASON_NOT_ADDRESSED);
    check_reason(&readers[LISTED], &item, ACTION_READ, REASON_ALLOWED);
}

static void a_hub_carries_what_it_may_not_read(void **state)
{
    (void)state;
    const struct policy_reader hub_machine = READER(HUB, "hub", "", IN(hub));
    const struct policy_reader other_hub = READER(HUB, "hub", "", IN(plain));
    const struct policy_reader node = READER(NODE, "other", "", IN(plain));
    const struct policy_reader bystander = READER(NODE, "p", "", IN(plain));
    struct policy_marking m = {.tlp = TLP_RED, .audience = everybody()};
    struct policy_item item = item_of(&m);
    struct policy_decision d = policy_decide(&hub_machine, &item, ACTION_RELAY, NOW);
    assert_true(d.allowed && d.must_seal);
    assert_true(!policy_allows(&hub_machine, &item, ACTION_FORWARD, NOW));
    assert_true(!policy_allows(&hub_machine, &item, ACTION_READ, NOW));
    assert_true(!policy_allows(&other_hub, &item, ACTION_RELAY, NOW));
    d = policy_decide(&node, &item, ACTION_RELAY, NOW); /* for carla, sealed to her */
    assert_true(d.allowed && d.must_seal);
    assert_true(!policy_allows(&node, &item, ACTION_READ, NOW));
    assert_true(!policy_allows(&bystander, &item, ACTION_RELAY, NOW));
    m.tlp = TLP_GREEN;
    d = policy_decide(&hub_machine, &item, ACTION_RELAY, NOW);
    assert_true(d.allowed && !d.must_seal);
    m.audience.nda = true;
    d = policy_decide(&hub_machine, &item, ACTION_RELAY, NOW);
    assert_true(d.allowed && d.must_seal);
    m.audience.nda = false;
    m.tlp = TLP_AMBER;
    assert_true(policy_must_seal(&item));
    m.audience.hub = true;
    assert_false(policy_must_seal(&item));
}

static void a_link_shows_until_it_ends(void **state)
{
    (void)state;
    struct policy_reader link = READER(LINK, "p", "f", IN(plain), .link_ends = NOW + 1);
    struct policy_marking m = {.tlp = TLP_GREEN, .audience = everybody()};
    struct policy_item item = item_of(&m);
    check_reason(&link, &item, ACTION_READ, REASON_ALLOWED);
    check_reason(&link, &item, ACTION_MAIL, REASON_ALLOWED);
    check_reason(&link, &item, ACTION_EXPORT, REASON_NOT_FOR_READER);
    m.tlp = TLP_RED;
    check_reason(&link, &item, ACTION_READ, REASON_HUB_NEVER_READS);
    m.tlp = TLP_AMBER; /* read by whom could not be said */
    m.audience.hub = true;
    check_reason(&link, &item, ACTION_READ, REASON_LABEL_TOO_STRICT);
    check_reason(&link, &item, ACTION_MAIL, REASON_LABEL_TOO_STRICT);
    m.audience.hub = false;
    m.tlp = TLP_GREEN;
    link.link_revoked = true;
    check_reason(&link, &item, ACTION_READ, REASON_LINK_ENDED);
    link.link_revoked = false;
    link.link_ends = NOW;
    check_reason(&link, &item, ACTION_READ, REASON_LINK_ENDED);
    link.link_ends = 0; /* no end is no link */
    check_reason(&link, &item, ACTION_READ, REASON_LINK_ENDED);
}

static void a_grant_holds_within_scope_and_hours(void **state)
{
    (void)state;
    struct policy_grant g = {.organisation = SPAN("author"),
                             .kinds = 1u << ITEM_ALERT,
                             .actions = 1u << ACTION_READ,
                             .begins = NOW - 1,
                             .ends = NOW + TIME_DAY};
    struct policy_reader soc = READER(PERSON, "soc", "s", .grants = &g, .ngrants = 1);
    struct policy_marking m;
    struct policy_item item;
    policy_own_item(&item, &m, ITEM_ALERT, SPAN("author"));
    check_reason(&soc, &item, ACTION_READ, REASON_ALLOWED);
    check_reason(&soc, &item, ACTION_LIST, REASON_NOT_ADDRESSED);
    int minute = (int)(NOW / TIME_SECOND / 60 % 1440);
    g.from_minute = (uint16_t)minute;
    g.to_minute = (uint16_t)((minute + 1) % 1440);
    check_reason(&soc, &item, ACTION_READ, REASON_ALLOWED);
    g.from_minute = g.to_minute;
    g.to_minute = (uint16_t)minute;
    check_reason(&soc, &item, ACTION_READ, REASON_NOT_ADDRESSED);
    g.to_minute = g.from_minute;
    g.revoked = true;
    check_reason(&soc, &item, ACTION_READ, REASON_NOT_ADDRESSED);
    g.revoked = false;
    g.ends = NOW;
    check_reason(&soc, &item, ACTION_READ, REASON_NOT_ADDRESSED);
    g.ends = NOW + 1;
    item.author_organisation = SPAN("third"); /* a grant opens the own, not what others sent */
    check_reason(&soc, &item, ACTION_READ, REASON_NOT_ADDRESSED);
}

static void own_alerts_stay_in_the_house(void **state)
{
    (void)state;
    struct policy_marking m;
    struct policy_item item;
    policy_own_item(&item, &m, ITEM_ALERT, SPAN("author"));
    check_reason(&readers[COLLEAGUE], &item, ACTION_LIST, REASON_ALLOWED);
    check_reason(&readers[PLAIN], &item, ACTION_LIST, REASON_NOT_ADDRESSED);
    check_reason(&readers[HUB], &item, ACTION_LIST, REASON_NOT_ADDRESSED);
    struct policy_reader operator_ = READER(PERSON, "*", "root", .whole_node = true);
    check_reason(&operator_, &item, ACTION_LIST, REASON_ALLOWED);
    item.local = false;
    check_reason(&operator_, &item, ACTION_LIST, REASON_NOT_ADDRESSED);
    check_reason(&(struct policy_reader){.kind = READER_SYSTEM}, &item, ACTION_LOG,
                 REASON_LABEL_TOO_STRICT);
}

static void pap_says_what_may_be_done(void **state)
{
    static const struct {
        enum pap pap;
        const char *want; /* search detect look-up resolve fetch probe block act */
    } cases[] = {
        {PAP_RED, "yy------"},   {PAP_AMBER, "yyy-----"},   {PAP_GREEN, "yyyyyyy-"},
        {PAP_CLEAR, "yyyyyyyy"}, {PAP_UNKNOWN, "yy------"}, {(enum pap)9, "yy------"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_marking m = {.tlp = TLP_GREEN, .pap = cases[i].pap};
        struct policy_item item = item_of(&m);
        char got[USE_COUNT_ + 1] = "";
        for (int u = 0; u < USE_COUNT_; u++) {
            got[u] = policy_may_use(&item, (enum policy_use)u).allowed ? 'y' : '-';
        }
        assert_string_equal(got, cases[i].want);
        assert_false(policy_may_use(&item, USE_COUNT_).allowed);
    }
}

static void only_the_author_widens(void **state)
{
    (void)state;
    struct policy_marking amber = {.tlp = TLP_AMBER, .pap = PAP_AMBER, .audience = everybody()};
    struct policy_marking green = amber;
    green.tlp = TLP_GREEN;
    assert_true(policy_may_change_label(&green, &amber, CHANGER_SOURCE, false).allowed);
    assert_true(policy_may_change_label(&green, &amber, CHANGER_AUTHOR, false).allowed);
    assert_false(policy_may_change_label(&green, &amber, CHANGER_OTHER, true).allowed);
    assert_false(policy_may_change_label(&amber, &green, CHANGER_SOURCE, true).allowed);
    assert_false(policy_may_change_label(&amber, &green, CHANGER_AUTHOR, false).allowed);
    assert_true(policy_may_change_label(&amber, &green, CHANGER_AUTHOR, true).allowed);
    green.tlp = TLP_UNKNOWN;
    assert_false(policy_may_change_label(&amber, &green, CHANGER_AUTHOR, true).allowed);
    struct policy_marking more = amber;
    more.audience.hub = true;
    assert_true(policy_widens(&amber, &more) && !policy_widens(&more, &amber));
    more = amber;
    more.audience.norganisations = 0;
    assert_true(!policy_widens(&amber, &more) && policy_widens(&more, &amber));
    more = amber;
    more.expires = NOW;
    assert_true(!policy_widens(&amber, &more) && policy_widens(&more, &amber));
}

static void markings_become_one(void **state)
{
    (void)state;
    struct span spans[4];
    struct policy_person persons[2];
    struct policy_circle circles[2];
    struct policy_room room = {spans, 4, persons, 2, circles, 2};
    struct policy_marking a = {
        .tlp = TLP_GREEN, .pap = PAP_RED, .expires = NOW, .audience = everybody()};
    struct policy_marking b = {
        .tlp = TLP_AMBER, .chr = true, .pap = PAP_GREEN, .audience = everybody()};
    struct policy_marking c;
    b.audience.nsponsors = 0;
    b.audience.excluded = &consented;
    b.audience.nexcluded = 1;
    policy_combine(&a, &b, &room, &c);
    assert_true(c.tlp == TLP_AMBER && c.pap == PAP_RED && c.chr && c.expires == NOW);
    assert_true(c.audience.ncircles == 1 && c.audience.norganisations == 1 &&
                c.audience.npersons == 1);
    assert_true(c.audience.nsponsors == 0 && c.audience.nexcluded == 1 && !c.audience.unknown);
    room = (struct policy_room){0};
    policy_combine(&a, &b, &room, &c); /* no room: narrower, and without its exclusions unknown */
    assert_true(c.audience.ncircles == 0 && c.audience.unknown);
}

static void the_author_sees_who_will_read(void **state)
{
    (void)state;
    struct policy_candidate candidates[WHO_COUNT];
    bool yes[WHO_COUNT];
    struct policy_marking m = {.tlp = TLP_AMBER_STRICT, .audience = everybody()};
    struct policy_item item = item_of(&m);
    for (int i = 0; i < WHO_COUNT; i++) {
        candidates[i].reader = readers[i];
    }
    assert_int_equal(policy_audience(&item, candidates, WHO_COUNT, NOW, yes), 6);
    assert_true(yes[LISTED] && yes[NDA] && yes[CONSENTED] && !yes[PLAIN]);
}

/* ---- publishing counts ---- */

static void counts_are_published_in_steps(void **state)
{
    static const struct {
        uint32_t members, saw, holders;
        bool bound;
        bool warn;
        uint32_t count;
        bool product;
    } cases[] = {
        {20, 1, 0, 0, 0, 0, 0},   {20, 2, 0, 0, 1, 0, 0}, {20, 4, 0, 0, 1, 0, 0},
        {20, 5, 0, 0, 1, 5, 0},   {20, 9, 0, 0, 1, 5, 0}, {20, 10, 0, 0, 1, 10, 0},
        {20, 20, 0, 0, 1, 15, 0}, {20, 5, 4, 0, 1, 5, 0}, {20, 5, 12, 0, 1, 5, 0},
        {20, 2, 4, 1, 0, 0, 0},   {20, 2, 5, 1, 1, 0, 1}, {4, 4, 0, 0, 0, 0, 0},
        {5, 2, 0, 0, 1, 0, 0},    {5, 5, 0, 0, 1, 0, 0},  {9, 9, 0, 0, 1, 0, 0},
        {10, 10, 0, 0, 1, 5, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct policy_published s = {0};
        struct policy_publish_question q = {.members = cases[i].members,
                                            .saw = cases[i].saw,
                                            .holders = cases[i].holders,
                                            .bound = cases[i].bound};
        struct policy_publication p =
            policy_publish_count(&(struct policy_publish_rule){0}, &q, &s);
        if (p.warn != cases[i].warn || p.count != cases[i].count ||
            p.show_product != cases[i].product || p.news != cases[i].warn) {
            fail_msg("case %zu: warn %d count %u product %d", i, p.warn, p.count, p.show_product);
        }
        p = policy_publish_count(&(struct policy_publish_rule){0}, &q, &s);
        assert_false(p.news);
    }
}

static void what_was_told_stays_told(void **state)
{
    (void)state;
    struct policy_published s = {0};
    struct policy_publish_question q = {.members = 20, .saw = 10};
    assert_int_equal(policy_publish_count(&(struct policy_publish_rule){0}, &q, &s).count, 10);
    q.saw = 1; /* signals were retracted: that one was is nobody's business */
    struct policy_publication p = policy_publish_count(&(struct policy_publish_rule){0}, &q, &s);
    assert_true(p.warn && !p.news && p.count == 10);
    s = (struct policy_published){0};
    q.saw = 2; /* no circle may set its thresholds lower than the least */
    p = policy_publish_count(&(struct policy_publish_rule){1, 1, false}, &q, &s);
    assert_true(p.warn && !p.show_count);
    q.saw = 3;
    p = policy_publish_count(&(struct policy_publish_rule){1, 1, false}, &q, &s);
    assert_true(p.news && p.count == 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(labels_are_read),
        cmocka_unit_test(a_tag_is_a_label_only_when_it_says_so),
        cmocka_unit_test(names_and_ids_read_back),
        cmocka_unit_test(a_stricter_label_opens_no_more),
        cmocka_unit_test(the_matrix_holds),
        cmocka_unit_test(a_no_says_why),
        cmocka_unit_test(the_strictest_of_all_markings_wins),
        cmocka_unit_test(a_hub_carries_what_it_may_not_read),
        cmocka_unit_test(a_link_shows_until_it_ends),
        cmocka_unit_test(a_grant_holds_within_scope_and_hours),
        cmocka_unit_test(own_alerts_stay_in_the_house),
        cmocka_unit_test(pap_says_what_may_be_done),
        cmocka_unit_test(only_the_author_widens),
        cmocka_unit_test(markings_become_one),
        cmocka_unit_test(the_author_sees_who_will_read),
        cmocka_unit_test(counts_are_published_in_steps),
        cmocka_unit_test(what_was_told_stays_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
