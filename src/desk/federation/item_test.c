/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items: bodies, what may follow on what (P9: only the author's key makes a label wider, and only as a new version;
 * a replay resurrects nothing), tombstones of officers, and previews that agree with the seal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_cases.h"
#include "desk/federation/item.h"
#include "desk/federation/item_policy.h"
#include "desk/federation/test_world.h"

#define ID_A "0197f3c0-0000-7000-8000-00000000000a"
#define ID_B "0197f3c0-0000-7000-8000-00000000000b"
#define NOW (INT64_C(1795723200) * TIME_SECOND)

static const struct {
    const char *body;
    enum fed_refusal expect;
} items[] = {
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":null,\"text\":\"two\\nlines\",\"title\":\"t\",\"version\":1}", FED_TAKEN},
    {"{\"derived\":[\"" ID_B "\"],\"item\":\"" ID_A "\",\"kind\":\"teaser\",\"of\":\"" ID_B "\",\"text\":\"\",\"title\":\"t\",\"version\":9}", FED_TAKEN},
    {"{}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"essay\",\"of\":null,\"text\":\"\",\"title\":\"t\",\"version\":1}", FED_NEWER},
    {"{\"derived\":[],\"item\":\"no-id\",\"kind\":\"story\",\"of\":null,\"text\":\"\",\"title\":\"t\",\"version\":1}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":null,\"text\":\"\",\"title\":\"t\",\"version\":0}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":null,\"text\":\"\",\"title\":\"\",\"version\":1}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":null,\"text\":\"\",\"title\":\"a\\nb\",\"version\":1}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":null,\"text\":\"\\u001b[31m\",\"title\":\"t\",\"version\":1}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":\"" ID_A "\",\"text\":\"\",\"title\":\"t\",\"version\":1}", FED_BODY},
    {"{\"derived\":[1],\"item\":\"" ID_A "\",\"kind\":\"story\",\"of\":null,\"text\":\"\",\"title\":\"t\",\"version\":1}", FED_BODY},
    {"{\"derived\":[],\"item\":\"" ID_A "\",\"kind\":\"story\",\"more\":1,\"of\":null,\"text\":\"\",\"title\":\"t\",\"version\":1}", FED_NEWER},
};

#define LABEL(audience, more, tlp, version) \
    "{\"audience\":" audience ",\"chr\":true,\"item\":\"" ID_A "\"," more "\"pap\":\"RED\",\"tlp\":\"" tlp "\",\"version\":" version "}"
static const struct {
    const char *body;
    enum fed_refusal expect;
} labels[] = {
    {LABEL("{\"all\":true}", "", "RED", "2"), FED_TAKEN},
    {LABEL("{\"all\":true}", "", "PURPLE", "2"), FED_NEWER},
    {LABEL("{\"all\":true,\"moon\":true}", "", "RED", "2"), FED_NEWER},
    {LABEL("{\"all\":true}", "\"once\":true,", "RED", "2"), FED_NEWER},
    {LABEL("null", "", "RED", "2"), FED_BODY},
    {LABEL("{\"all\":true}", "", "RED", "0"), FED_BODY},
    {LABEL("{\"all\":true}", "", "PURPLE", "\"2\""), FED_BODY},
};

static const struct jcs *parse(struct arena *a, const char *text)
{
    struct jcs *v = NULL;
    MUST(jcs_read(a, span_of(text), FED_DEPTH_MAX, &v, NULL));
    return v;
}

static void test_bodies(void **state)
{
    (void)state;
    struct arena a;
    struct err e = {0};
    arena_init(&a, 0);
    for (size_t i = 0; i < ARRAY_LEN(items); i++) {
        struct fed_item_body item;
        struct jcs *back = NULL;
        assert_int_equal(fed_item_read(&a, parse(&a, items[i].body), &item, &e), items[i].expect);
        if (items[i].expect == FED_TAKEN) {
            assert_int_equal(fed_item_write(&a, &item, &back, &e), 0);
            assert_string_equal(jcs_text(&a, back).ptr, items[i].body);
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        struct fed_relabel got;
        assert_int_equal(fed_relabel_read(&a, parse(&a, labels[i].body), &got, &e), labels[i].expect);
        /* of what is held, it is known what it is about */
        assert_true(labels[i].expect == FED_BODY || (got.version == 2 && span_eq(got.id, SPAN(ID_A))));
    }
    struct fed_relabel r;
    struct jcs *o = NULL;
    assert_int_equal(fed_relabel_read(&a, parse(&a, "{\"audience\":{\"all\":true},\"chr\":true,\"item\":\"" ID_A "\",\"pap\":\"RED\",\"tlp\":\"AMBER+STRICT\",\"version\":2}"), &r, &e), FED_TAKEN);
    assert_int_equal(fed_relabel_write(&a, &r, &o, &e), 0);
    r.tlp = SPAN("PURPLE");
    assert_int_equal(fed_relabel_write(&a, &r, &o, &e), ERR_INVALID);
    r.tlp = SPAN("RED");
    r.audience = NULL;
    assert_int_equal(fed_relabel_write(&a, &r, &o, &e), ERR_INVALID);
    struct fed_receipt rc = {SPAN(ID_A), SPAN("00000000000000000000000000000000000000000000000000000000000000ff"), SPAN("removed")};
    assert_int_equal(fed_receipt_write(&a, &rc, &o, &e), 0);
    rc.done = SPAN("eaten");
    assert_int_equal(fed_receipt_write(&a, &rc, &o, &e), ERR_INVALID);
    arena_fini(&a);
}

static void test_tombstones(void **state)
{
    (void)state;
    struct world w;
    struct err e = {0};
    struct fed_tombstone t = {.id = SPAN(ID_A), .reason = SPAN("wrong name")};
    struct jcs *o = NULL;
    world_init(&w, false);
    struct span author = span_of(w.nodes[1].node);
    struct span other = span_of(w.nodes[2].node);
    assert_int_equal(fed_tombstone_write(&w.a, &t, &o, &e), 0);
    assert_int_equal(fed_tombstone_read(&w.a, o, &t, &e), FED_TAKEN);
    assert_true(fed_tombstone_holds(&t, author, author, world_newest(&w)));
    assert_false(fed_tombstone_holds(&t, other, author, world_newest(&w)));
    assert_false(fed_tombstone_holds(&t, SPAN(""), SPAN(""), world_newest(&w)));
    for (int n = 0; n < 2; n++) { /* the same officer twice is one */
        o = fed_tombstone_sign(&w.a, &t, &w.officers[0]);
        assert_int_equal(fed_tombstone_read(&w.a, o, &t, &e), FED_TAKEN);
        assert_false(fed_tombstone_holds(&t, other, author, world_newest(&w)));
    }
    o = fed_tombstone_sign(&w.a, &t, &w.nodes[4].sign); /* no officer */
    assert_int_equal(fed_tombstone_read(&w.a, o, &t, &e), FED_TAKEN);
    assert_int_equal(fed_tombstone_officers(&t, world_newest(&w)), 1);
    o = fed_tombstone_sign(&w.a, &t, &w.officers[2]);
    assert_int_equal(fed_tombstone_read(&w.a, o, &t, &e), FED_TAKEN);
    assert_true(fed_tombstone_holds(&t, other, author, world_newest(&w)));
    /* signatures of one tombstone do not stand under another */
    struct fed_tombstone moved = t;
    moved.id = SPAN(ID_B);
    assert_int_equal(fed_tombstone_write(&w.a, &moved, &o, &e), 0);
    assert_int_equal(fed_tombstone_read(&w.a, o, &moved, &e), FED_TAKEN);
    assert_int_equal(fed_tombstone_officers(&moved, world_newest(&w)), 0);
    world_fini(&w);
}

/* By one's own hand, another's, or two officers': what follows on what. */
static void test_next(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        struct fed_item_known known;
        char what; /* item, label, wider label, tombstone, officers' tombstone */
        char by;   /* a, b */
        int64_t version;
        enum fed_item_step step;
        enum fed_refusal why;
    } cases[] = {
#define HERE {true, false, false, 3, SPAN("a")}
#define GONE {true, true, false, 3, SPAN("a")}
#define BARE_LABEL {true, false, true, 3, SPAN("a")}
#define BARE_STONE {true, true, true, 0, SPAN("a")}
#define BARE_OFFICERS {true, true, true, 0, SPAN("")}
        {"new", {0}, 'i', 'a', 1, FED_ITEM_PUT, FED_TAKEN},
        {"newer", HERE, 'i', 'a', 4, FED_ITEM_PUT, FED_TAKEN},
        {"the same again", HERE, 'i', 'a', 3, FED_ITEM_NOTHING, FED_OLDER},
        {"older", HERE, 'i', 'a', 1, FED_ITEM_NOTHING, FED_OLDER},
        {"another's hand", HERE, 'i', 'b', 4, FED_ITEM_NOTHING, FED_AUTHOR},
        {"after the tombstone", GONE, 'i', 'a', 4, FED_ITEM_NOTHING, FED_RETRACTED},
        {"tombstone first", BARE_STONE, 'i', 'a', 1, FED_ITEM_NOTHING, FED_RETRACTED},
        {"another's tombstone first", BARE_STONE, 'i', 'b', 1, FED_ITEM_PUT, FED_TAKEN},
        {"officers' tombstone first", BARE_OFFICERS, 'i', 'b', 1, FED_ITEM_NOTHING, FED_RETRACTED},
        {"label first", BARE_LABEL, 'i', 'a', 2, FED_ITEM_FILL, FED_TAKEN},
        {"label first, then a newer version", BARE_LABEL, 'i', 'a', 4, FED_ITEM_PUT, FED_TAKEN},
        {"another's label first", BARE_LABEL, 'i', 'b', 2, FED_ITEM_PUT, FED_TAKEN},
        {"tighter", HERE, 'l', 'a', 4, FED_ITEM_LABEL, FED_TAKEN},
        {"tighter, replayed", HERE, 'l', 'a', 3, FED_ITEM_NOTHING, FED_OLDER},
        {"wider", HERE, 'w', 'a', 4, FED_ITEM_NOTHING, FED_WIDENS},
        {"tighter by another", HERE, 'l', 'b', 4, FED_ITEM_NOTHING, FED_AUTHOR},
        {"label of what is gone", GONE, 'l', 'a', 4, FED_ITEM_NOTHING, FED_RETRACTED},
        {"label of what is not here", {0}, 'l', 'a', 4, FED_ITEM_LABEL, FED_TAKEN},
        {"tombstone", HERE, 't', 'a', 0, FED_ITEM_REMOVE, FED_TAKEN},
        {"tombstone again", GONE, 't', 'a', 0, FED_ITEM_NOTHING, FED_RETRACTED},
        {"another's tombstone", HERE, 't', 'b', 0, FED_ITEM_NOTHING, FED_AUTHOR},
        {"officers' tombstone", HERE, 'o', 'b', 0, FED_ITEM_REMOVE, FED_TAKEN},
        {"another's tombstone over a tombstone that came first", BARE_STONE, 't', 'b', 0, FED_ITEM_NOTHING, FED_UNKNOWN_ITEM},
        {"another's label over a tombstone that came first", BARE_STONE, 'l', 'b', 9, FED_ITEM_NOTHING, FED_UNKNOWN_ITEM},
        {"officers' tombstone over another's", BARE_LABEL, 'o', 'b', 0, FED_ITEM_REMOVE, FED_TAKEN},
        {"tombstone of what is not here", {0}, 't', 'b', 0, FED_ITEM_REMOVE, FED_TAKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        enum fed_refusal why = FED_REFUSAL_COUNT;
        struct span by = span_make(&cases[i].by, 1);
        char w = cases[i].what;
        enum fed_item_step step = w == 'i'                 ? fed_item_next(&cases[i].known, by, cases[i].version, &why)
                                  : w == 'l' || w == 'w' ? fed_relabel_next(&cases[i].known, by, cases[i].version, w == 'w', &why)
                                                         : fed_tombstone_next(&cases[i].known, by, w == 'o', &why);
        if (step != cases[i].step || why != cases[i].why) {
            print_message("%s: %d %s\n", cases[i].name, (int)step, fed_refusal_word(why));
        }
        assert_int_equal(step, cases[i].step);
        assert_int_equal(why, cases[i].why);
    }
}

/* Any order, any replay of what an author, a stranger and officers say: content is never that of an older version,
 * never the stranger's, and never there after the author's tombstone. */
static void test_generated_orders(void **state)
{
    (void)state;
    uint64_t s = 77;
    for (uint64_t i = 0; i < test_cases(5000); i++) {
        struct fed_item_known k = {0};
        int64_t best = 0;
        bool stone = false;
        bool authors = false; /* the row is the author's */
        for (int n = 0; n < 30; n++) {
            enum fed_refusal why = FED_TAKEN;
            s = s * 6364136223846793005u + 1442695040888963407u;
            struct span by = (s >> 40) % 3 == 0 ? SPAN("b") : SPAN("a");
            int64_t version = 1 + (int64_t)((s >> 33) % 5);
            uint64_t what = (s >> 50) % 8;
            bool own = span_eq(by, SPAN("a"));
            if (what < 5) {
                enum fed_item_step step = fed_item_next(&k, by, version, &why);
                if (step == FED_ITEM_PUT || step == FED_ITEM_FILL) {
                    assert_false(own && stone);
                    assert_false(own && authors && !k.bare && version <= best);
                    assert_true(own || !authors || k.bare);
                    k = (struct fed_item_known){true, false, false, step == FED_ITEM_FILL ? k.version : version, by};
                }
            } else if (what < 7) {
                if (fed_relabel_next(&k, by, version, (s >> 45) % 2 == 0, &why) == FED_ITEM_LABEL) {
                    k = (struct fed_item_known){true, false, !k.here || !span_eq(k.author, by) || k.bare, version, by};
                }
            } else if (fed_tombstone_next(&k, by, false, &why) == FED_ITEM_REMOVE) {
                k = (struct fed_item_known){true, true, !k.here || !span_eq(k.author, by), 0, by};
            }
            authors = k.here && span_eq(k.author, SPAN("a"));
            stone = authors && k.retracted;
            best = authors ? k.version : 0;
        }
    }
}

static struct fed_marks marks_of(struct world *w, const char *audience, const char *tlp)
{
    return (struct fed_marks){.author = span_of(w->nodes[1].node), .author_person = SPAN("Ann"), .mine = true, .epoch = world_newest(w)->epoch,
                              .tlp = span_of(tlp), .pap = SPAN("AMBER"), .audience = parse(&w->a, audience), .expires_s = w->now_s + 86400};
}

static void test_preview(void **state)
{
    (void)state;
    static const struct {
        const char *audience, *tlp;
        uint32_t organisations, persons, nodes;
        bool seals;
        int rc;
    } cases[] = {
        {"{\"all\":true}", "GREEN", 6, 0, 7, false, 0},
        {"{\"all\":true}", "AMBER", 6, 0, 7, true, 0},
        {"{\"nda\":true}", "AMBER", 2, 0, 3, true, 0},
        {"{\"orgs\":[\"Bville\"]}", "AMBER+STRICT", 1, 0, 2, true, 0},
        {"{\"persons\":[{\"name\":\"Ada\",\"node\":\"ffffffffffffffffffffffffffffffff\"}]}", "RED", 0, 0, 1, true, ERR_DENIED}, /* no such node */
        {"{\"all\":true}", "RED", 0, 0, 1, true, ERR_DENIED},
    };
    struct world w;
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fed_marks marks = marks_of(&w, cases[i].audience, cases[i].tlp);
        struct fed_audience who;
        struct fed_item item;
        struct fed_preview p;
        struct err e = {0};
        fed_audience_read(&w.a, marks.audience, &who);
        fed_item_of_marks(&w.a, &marks, world_newest(&w), &item);
        int rc = fed_item_preview(&w.a, &item, &who, world_newest(&w), NOW, &p, &e);
        if (rc != cases[i].rc) {
            fail_msg("%s %s: %d, %u nodes", cases[i].audience, cases[i].tlp, rc, p.nreaders);
        }
        assert_int_equal(p.organisations, cases[i].organisations);
        assert_int_equal(p.persons, cases[i].persons);
        assert_int_equal(p.nreaders, cases[i].nodes);
        assert_int_equal(p.seals, cases[i].seals);
    }
    world_fini(&w);
}

/* RED: the named person reads at his node; his colleague, the author's colleague, and the hub do not. */
static void test_red_persons(void **state)
{
    (void)state;
    struct world w;
    struct fed_audience who;
    struct fed_item item;
    struct fed_preview p;
    struct fed_peer peer;
    struct err e = {0};
    world_init(&w, false);
    const char *audience = arena_printf(&w.a, "{\"persons\":[{\"name\":\"Ada\",\"node\":\"%s\"}]}", w.nodes[4].node);
    struct fed_marks marks = marks_of(&w, audience, "RED");
    fed_audience_read(&w.a, marks.audience, &who);
    fed_item_of_marks(&w.a, &marks, world_newest(&w), &item);
    assert_int_equal(fed_item_preview(&w.a, &item, &who, world_newest(&w), NOW, &p, &e), 0);
    assert_true(p.persons == 1 && p.organisations == 0 && p.nreaders == 2 && p.seals);
    static const struct {
        uint32_t node;
        const char *person;
        bool mine, reads;
    } people[] = {{4, "Ada", false, true}, {4, "Bob", false, false}, {4, "", false, false}, {5, "Ada", false, false},
                  {0, "Ada", false, false}, {1, "Ann", true, true}, {1, "Abe", true, false}};
    for (size_t i = 0; i < ARRAY_LEN(people); i++) {
        fed_person_of(world_newest(&w), span_of(w.nodes[people[i].node].node), span_of(people[i].person), POLICY_ROLE_ADMINISTRATOR, people[i].mine, &peer);
        assert_int_equal(policy_allows(&peer.reader, &item.item, ACTION_READ, NOW), people[i].reads);
    }
    fed_link_reader(world_newest(&w), span_of(w.nodes[4].node), SPAN("Ada"), true, NOW + TIME_DAY, &peer);
    assert_false(policy_allows(&peer.reader, &item.item, ACTION_READ, NOW));
    assert_false(policy_allows(&peer.reader, &item.item, ACTION_MAIL, NOW));
    world_fini(&w);
}

/* What a personal link shows: the circle's GREEN and CLEAR; nothing that is sealed; nothing once it ended. */
static void test_links(void **state)
{
    (void)state;
    static const struct {
        const char *audience, *tlp;
        bool reads;
    } cases[] = {{"{\"all\":true}", "CLEAR", true}, {"{\"all\":true}", "GREEN", true}, {"{\"all\":true}", "AMBER", false},
                 {"{\"nda\":true}", "GREEN", false}, {"{\"orgs\":[\"Bville\"]}", "GREEN", false}, {"{\"friends\":true}", "GREEN", false}};
    struct world w;
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fed_marks marks = marks_of(&w, cases[i].audience, cases[i].tlp);
        struct fed_item item;
        struct fed_peer peer;
        fed_item_of_marks(&w.a, &marks, world_newest(&w), &item);
        fed_link_reader(world_newest(&w), SPAN("Smalltown"), SPAN("Eve"), true, NOW + 1, &peer);
        assert_int_equal(policy_allows(&peer.reader, &item.item, ACTION_READ, NOW), cases[i].reads);
        assert_false(policy_allows(&peer.reader, &item.item, ACTION_READ, NOW + 1));
    }
    world_fini(&w);
}

static void test_widening(void **state)
{
    (void)state;
    static const struct {
        const char *before, *before_tlp, *after, *after_tlp;
        bool widens;
    } cases[] = {
        {"{\"all\":true}", "GREEN", "{\"all\":true}", "GREEN", false},
        {"{\"all\":true}", "GREEN", "{\"all\":true}", "AMBER", false},
        {"{\"all\":true}", "AMBER", "{\"all\":true}", "GREEN", true},
        {"{\"all\":true}", "GREEN", "{\"all\":true,\"nda\":true}", "GREEN", false},
        {"{\"orgs\":[\"Bville\"]}", "AMBER", "{\"orgs\":[\"Bville\",\"Cville\"]}", "AMBER", true},
        {"{\"orgs\":[\"Bville\",\"Cville\"]}", "AMBER", "{\"orgs\":[\"Cville\"]}", "AMBER", false},
        {"{\"all\":true}", "CLEAR", "{\"all\":true,\"public\":true}", "CLEAR", true},
        {"{\"all\":true}", "GREEN", "{\"orgs\":[\"Bville\"]}", "AMBER", false}, /* who could read as a member */
        {"{\"nda\":true}", "AMBER", "{\"orgs\":[\"Bville\"]}", "AMBER", false},
        {"{\"nda\":true}", "AMBER", "{\"orgs\":[\"Dville\"]}", "AMBER", true}, /* no NDA member */
        {"{\"nda\":true}", "AMBER", "{\"all\":true}", "AMBER", true},
        {"{\"orgs\":[\"Bville\"]}", "GREEN", "{\"all\":true}", "GREEN", true},
        {"{\"orgs\":[\"Bville\"]}", "AMBER", "{\"persons\":[{\"name\":\"Ada\",\"node\":\"6f707172737475767778797a7b7c7d7e\"}]}", "RED", false},
        {"{\"orgs\":[\"Bville\"]}", "AMBER", "{\"persons\":[{\"name\":\"Ada\",\"node\":\"949596979899a9b9c9d9e9f0f1f2f3f4\"}]}", "RED", true},
        {"{\"all\":true}", "GREEN", "{\"all\":true,\"sponsors\":true}", "GREEN", true},
    };
    struct world w;
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fed_marks before = marks_of(&w, cases[i].before, cases[i].before_tlp);
        struct fed_marks after = marks_of(&w, cases[i].after, cases[i].after_tlp);
        if (fed_marks_widen(&w.a, &before, &after, world_newest(&w)) != cases[i].widens) {
            fail_msg("%s %s to %s %s", cases[i].before, cases[i].before_tlp, cases[i].after, cases[i].after_tlp);
        }
    }
    struct fed_marks green = marks_of(&w, "{\"all\":true}", "GREEN");
    struct fed_marks other = green;
    green.chr = true;
    assert_true(fed_marks_widen(&w.a, &green, &other, world_newest(&w))); /* the Chatham House Rule is not dropped */
    other.chr = true;
    other.pap = SPAN("GREEN");
    assert_true(fed_marks_widen(&w.a, &green, &other, world_newest(&w)));
    other.pap = SPAN("RED");
    assert_false(fed_marks_widen(&w.a, &green, &other, world_newest(&w)));
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies),     cmocka_unit_test(test_tombstones), cmocka_unit_test(test_next),
                                       cmocka_unit_test(test_generated_orders), cmocka_unit_test(test_preview), cmocka_unit_test(test_red_persons),
                                       cmocka_unit_test(test_links),      cmocka_unit_test(test_widening)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
