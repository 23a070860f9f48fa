/* SPDX-License-Identifier: EUPL-1.2 */
/* Envelopes as policy sees them: who can open what, what must be sealed, what is taken in; and that
 * sealing and policy agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "desk/federation/envelope_policy.h"
#include "desk/federation/test_world.h"

#define NOW (INT64_C(1795723200) * TIME_SECOND)

/* Author is node 1. Letters of the members that can open it, 'h' the hub; sealed: S. Nodes 1-3 are
 * NDA, 4-6 plain, 7 a sponsor. */
static const struct {
    const char *audience;
    const char *tlp;
    bool nda_circle;
    const char *readers;
    bool seals;
} cases[] = {
    {"{\"all\":true}", "CLEAR", 0, "h234567", 0},
    {"{\"all\":true}", "GREEN", 0, "h23456", 0},
    {"{\"all\":true,\"sponsors\":true}", "GREEN", 0, "h234567", 0},
    {"{\"all\":true}", "AMBER", 0, "h23456", 1},
    {"{\"all\":true}", "AMBER+STRICT", 0, "h23456", 1},
    {"{\"nda\":true}", "AMBER", 0, "23", 1},
    {"{\"nda\":true}", "GREEN", 0, "23", 1},
    {"{\"all\":true}", "GREEN", 1, "23", 1},
    {"{\"orgs\":[\"Bville\",\"Fville\"]}", "AMBER", 0, "26", 1},
    {"{\"nda\":true,\"orgs\":[\"Bville\",\"Fville\"]}", "AMBER", 0, "2", 1},
    {"{\"orgs\":[\"Bville\",\"Hub\"]}", "AMBER", 0, "h2", 0},
    {"{\"orgs\":[\"Nowhere\"]}", "AMBER", 0, "", 1},
    {"{\"orgs\":[\"Region\"]}", "AMBER", 0, "7", 1},
    {"{\"all\":true}", "RED", 0, "", 1},
    {"{\"orgs\":[\"Bville\"]}", "RED", 0, "", 1},
    {"{\"all\":true,\"public\":true}", "CLEAR", 0, "h234567", 0},
};

static void reach_of(struct world *w, const struct fed_item *item, char out[WORLD_NODES + 1])
{
    struct fed_reach *reach;
    uint32_t n = 0;
    size_t len = 0;
    uint32_t yes = fed_policy_reach(&w->a, item, world_newest(w), NOW, &reach, &n);
    assert_int_equal(n, WORLD_NODES - 1);
    for (uint32_t k = 0; k < WORLD_NODES; k++) {
        for (uint32_t i = 0; i < n; i++) {
            if (reach[i].decision.allowed &&
                span_eq(reach[i].member->node, span_of(w->nodes[k].node))) {
                out[len++] = k == 0 ? 'h' : (char)('0' + k);
            }
        }
    }
    out[len] = '\0';
    assert_int_equal(len, yes);
}

static void who_can_open(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct world w;
        struct fed_item item;
        char got[WORLD_NODES + 1];
        world_init(&w, cases[i].nda_circle);
        struct fed_draft d = world_draft(&w, cases[i].audience, cases[i].tlp);
        fed_item_of_draft(&w.a, &d, span_of(w.nodes[1].node), world_newest(&w), &item);
        reach_of(&w, &item, got);
        if (strcmp(got, cases[i].readers) != 0 || fed_policy_seals(&item) != cases[i].seals) {
            fail_msg("%s %s: \"%s\" seals %d", cases[i].audience, cases[i].tlp, got,
                     fed_policy_seals(&item));
        }
        world_fini(&w);
    }
}

static void red_reaches_the_nodes_of_named_persons(void **state)
{
    (void)state;
    struct world w;
    struct fed_item item;
    char got[WORLD_NODES + 1];
    world_init(&w, false);
    const char *who = arena_printf(
        &w.a,
        "{\"persons\":[{\"name\":\"Ada\",\"node\":\"%s\"},{\"name\":\"Hugo\",\"node\":\"%s\"}]}",
        w.nodes[4].node, w.nodes[0].node);
    struct fed_draft d = world_draft(&w, who, "RED");
    fed_item_of_draft(&w.a, &d, span_of(w.nodes[1].node), world_newest(&w), &item);
    reach_of(&w, &item, got);
    assert_string_equal(got, "4"); /* the hub's own person reads at another node, or not at all */
    struct fed_peer peer;
    fed_peer_of(world_newest(&w), span_of(w.nodes[4].node), READER_PERSON, &peer);
    peer.reader.roles = POLICY_ROLE_READ_ONLY;
    peer.reader.person = SPAN("Ada");
    assert_true(policy_allows(&peer.reader, &item.item, ACTION_READ, NOW));
    peer.reader.person = SPAN("Bert");
    assert_false(policy_allows(&peer.reader, &item.item, ACTION_READ, NOW));
    world_fini(&w);
}

/* P4: who is out reads nothing of that epoch on, nor anything older; who joined later nothing AMBER
 * from before. */
static void out_is_out(void **state)
{
    (void)state;
    struct world w;
    struct fed_item item;
    char got[WORLD_NODES + 1];
    world_init(&w, false);
    struct fed_draft d = world_draft(&w, "{\"all\":true}", "AMBER");
    world_set_state(&w, 3, FED_GONE);
    world_set_state(&w, 5, FED_SUSPENDED);
    fed_item_of_draft(&w.a, &d, span_of(w.nodes[1].node), world_newest(&w), &item);
    reach_of(&w, &item, got);
    assert_string_equal(got, "h246");
    world_set_state(&w, 5, FED_ACTIVE); /* back, but since a later epoch than the item's */
    reach_of(&w, &item, got);
    assert_string_equal(got, "h246");
    d = world_draft(&w, "{\"all\":true}", "AMBER");
    fed_item_of_draft(&w.a, &d, span_of(w.nodes[1].node), world_newest(&w), &item);
    reach_of(&w, &item, got);
    assert_string_equal(got, "h2456");
    world_fini(&w);
}

/* Made as GREEN where `tlp` is no label: nobody can make that, but anybody can send it. */
static enum fed_refusal takes(struct world *w, uint32_t self, const char *audience, const char *tlp,
                              bool sealed)
{
    bool label = !policy_label_parse(span_of(tlp)).unknown;
    struct fed_draft d = world_draft(w, audience, label ? tlp : "GREEN");
    struct span text;
    struct fed_envelope env;
    struct err e;
    assert_int_equal(world_make(w, 1, &d, sealed, &text), 0);
    assert_int_equal(fed_envelope_read(&w->a, text, &env, &e), FED_TAKEN);
    env.tlp = span_of(tlp);
    return fed_policy_takes(&w->a, &env, world_newest(w), span_of(w->nodes[self].node), NOW);
}

static void what_is_taken_in(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, false);
    assert_int_equal(takes(&w, 4, "{\"all\":true}", "GREEN", false), FED_TAKEN);
    assert_int_equal(takes(&w, 7, "{\"all\":true}", "GREEN", false), FED_POLICY);
    assert_int_equal(takes(&w, 0, "{\"orgs\":[\"Bville\"]}", "AMBER", true),
                     FED_TAKEN); /* carries it */
    assert_int_equal(takes(&w, 0, "{\"orgs\":[\"Bville\"]}", "AMBER", false), FED_UNSEALED);
    assert_int_equal(takes(&w, 4, "{\"orgs\":[\"Bville\"]}", "AMBER", true), FED_POLICY);
    assert_int_equal(takes(&w, 2, "{\"orgs\":[\"Bville\"]}", "AMBER", true), FED_TAKEN);
    assert_int_equal(takes(&w, 2, "{\"all\":true}", "PURPLE", false), FED_LABEL);
    world_fini(&w);
}

/* What the hub of another circle, member `self` here, may tell its own: PAP_UNKNOWN = nothing. */
static const struct {
    uint32_t self;
    const char *audience, *tlp, *pap;
    bool chr, nda_circle;
    enum pap want;
} onward[] = {
    {4, "{\"all\":true}", "GREEN", "GREEN", 0, 0, PAP_GREEN},
    {4, "{\"all\":true}", "CLEAR", "CLEAR", 0, 0, PAP_GREEN},
    {4, "{\"all\":true}", "GREEN", "RED", 0, 0, PAP_RED},
    {4, "{\"all\":true}", "GREEN", "AMBER", 0, 0, PAP_AMBER},
    {4, "{\"all\":true}", "AMBER", "GREEN", 0, 0, PAP_UNKNOWN},
    {4, "{\"all\":true}", "GREEN", "GREEN", 1, 0, PAP_UNKNOWN},
    {2, "{\"nda\":true}", "GREEN", "GREEN", 0, 0, PAP_UNKNOWN},
    {2, "{\"all\":true}", "GREEN", "GREEN", 0, 1, PAP_UNKNOWN},
    {2, "{\"orgs\":[\"Bville\"]}", "GREEN", "GREEN", 0, 0, PAP_UNKNOWN},
    {7, "{\"all\":true}", "GREEN", "GREEN", 0, 0, PAP_UNKNOWN}, /* a sponsor does not read it */
    {4, "{\"all\":true}", "PURPLE", "GREEN", 0, 0, PAP_UNKNOWN},
};

static void what_is_told_on(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(onward); i++) {
        struct world w;
        struct fed_envelope env;
        struct err e;
        struct span text;
        world_init(&w, onward[i].nda_circle);
        struct fed_draft d = world_draft(&w, onward[i].audience, "GREEN");
        assert_int_equal(world_make(&w, 0, &d, false, &text), 0);
        assert_int_equal(fed_envelope_read(&w.a, text, &env, &e), FED_TAKEN);
        env.tlp = span_of(onward[i].tlp);
        env.pap = span_of(onward[i].pap);
        env.chr = onward[i].chr;
        enum pap got = fed_policy_onward(&w.a, &env, world_newest(&w),
                                         span_of(w.nodes[onward[i].self].node), NOW);
        if (got != onward[i].want) {
            fail_msg("case %zu: %s", i, pap_name(got));
        }
        world_set_state(&w, onward[i].self, FED_GONE);
        assert_int_equal(fed_policy_onward(&w.a, &env, world_newest(&w),
                                           span_of(w.nodes[onward[i].self].node), NOW),
                         PAP_UNKNOWN);
        world_fini(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_can_open),
        cmocka_unit_test(red_reaches_the_nodes_of_named_persons),
        cmocka_unit_test(out_is_out),
        cmocka_unit_test(what_is_taken_in),
        cmocka_unit_test(what_is_told_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
