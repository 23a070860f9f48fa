/* SPDX-License-Identifier: EUPL-1.2 */
/* What a person writes: fields, previews, and that exactly the readers of the preview can open what is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "desk/federation/compose.h"
#include "desk/federation/test_world.h"

#define ID_A "0197f3c0-0000-7000-8000-00000000000a"

static struct world w;
static struct err e;

static struct fed_author author(uint32_t node)
{
    return (struct fed_author){.keys = &w.nodes[node], .m = world_newest(&w), .own = node == 0, .person = SPAN("ann"), .organisation = SPAN("*"),
                               .now = (time_ns)WORLD_NOW_S * TIME_SECOND};
}

static const struct jcs *doc(const char *text)
{
    struct jcs *v = NULL;
    MUST(jcs_read(&w.a, span_of(text), FED_DEPTH_MAX, &v, &e));
    return v;
}

#define REST "\"kind\":\"story\",\"title\":\"T\",\"text\":\"words of a city\",\"pap\":\"AMBER\",\"circle\":\"isac\"}"
#define RED_TO_2 "{\"tlp\":\"RED\",\"audience\":{\"persons\":[{\"name\":\"Ada\",\"node\":\"6f707172737475767778797a7b7c7d7e\"}]}," REST

static const struct {
    const char *text;
    const char *where; /* NULL: it is fine */
    int rc;
} fields[] = {
    {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true}," REST, NULL, 0},
    {"{\"tlp\":\"tlp:green\",\"audience\":{\"all\":true}," REST, NULL, 0},
    {"{\"tlp\":\"tlpwhite\",\"audience\":{\"all\":true},\"of\":\"0197f3c0-0000-7000-8000-00000000000b\",\"expires\":\"2026-12-31T00:00:00Z\"," REST, NULL, 0},
    {"{\"tlp\":\"PURPLE\",\"audience\":{\"all\":true}," REST, "tlp", ERR_INVALID},
    {"{\"audience\":{\"all\":true}," REST, "tlp", ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{}," REST, "audience", ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{\"friends\":true}," REST, "audience", ERR_INVALID},
    {"{\"tlp\":\"GREEN\"," REST, "audience", ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true},\"of\":\"x\"," REST, "of", ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true},\"expires\":\"2020-12-31T00:00:00Z\"," REST, "expires", ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true},\"expires\":\"soon\"," REST, "expires", ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true},\"more\":1," REST, NULL, ERR_INVALID},
    {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true},\"chr\":1," REST, "chr", ERR_INVALID},
    {"{\"tlp\":\"RED\",\"audience\":{\"all\":true}," REST, NULL, ERR_DENIED},
    {"{\"tlp\":\"AMBER\",\"audience\":{\"orgs\":[\"Nowhere\"]}," REST, NULL, ERR_DENIED},
    {RED_TO_2, NULL, 0},
    {"{\"tlp\":\"RED\",\"audience\":{\"persons\":[{\"name\":\"Ada\",\"organisation\":\"Bville\"}]}," REST, NULL, 0},
    {"{\"tlp\":\"RED\",\"audience\":{\"persons\":[{\"name\":\"Ada\",\"organisation\":\"Nowhere\"}]}," REST, "audience", ERR_INVALID},
    {"{\"tlp\":\"RED\",\"audience\":{\"persons\":[{\"name\":\"Ada\",\"node\":\"x\",\"organisation\":\"Bville\"}]}," REST, "audience", ERR_INVALID},
    {"{\"tlp\":\"RED\",\"audience\":{\"persons\":[\"Ada\"]}," REST, "audience", ERR_INVALID},
};

static void test_fields(void **state)
{
    (void)state;
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
        struct fed_author by = author(1);
        struct fed_composed out;
        int rc = fed_compose_item(&w.a, &by, doc(fields[i].text), SPAN(ID_A), NULL, false, &out, &e);
        if (rc != fields[i].rc || (fields[i].where == NULL) != (out.where == NULL) ||
            (out.where != NULL && strcmp(out.where, fields[i].where) != 0)) {
            fail_msg("%s: %d at %s: %s", fields[i].text, rc, out.where == NULL ? "-" : out.where, e.text);
        }
    }
    world_fini(&w);
}

/* Who can open it, as letters of nodes. */
static void openers(struct span envelope, char out[WORLD_NODES + 1])
{
    struct fed_check c = world_check(&w, true);
    struct fed_envelope env;
    size_t len = 0;
    assert_int_equal(fed_envelope_check(&w.a, envelope, &c, &env, &e), FED_TAKEN);
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        const struct jcs *body = NULL;
        if (fed_envelope_open(&w.a, &env, &w.nodes[i], &body) == FED_TAKEN) {
            out[len++] = (char)('0' + i);
        }
    }
    out[len] = '\0';
}

static void test_preview_is_the_seal(void **state)
{
    (void)state;
    static const struct {
        const char *text, *openers;
        uint32_t organisations, persons;
    } cases[] = {
        {"{\"tlp\":\"GREEN\",\"audience\":{\"all\":true}," REST, "01234567", 6, 0}, /* open: by its label, whoever carries it */
        {"{\"tlp\":\"AMBER\",\"audience\":{\"all\":true}," REST, "0123456", 6, 0},
        {"{\"tlp\":\"AMBER\",\"audience\":{\"nda\":true}," REST, "123", 2, 0},
        {"{\"tlp\":\"AMBER+STRICT\",\"audience\":{\"orgs\":[\"Dville\",\"Eville\"]}," REST, "145", 2, 0},
        {RED_TO_2, "12", 0, 1},
        {"{\"tlp\":\"RED\",\"audience\":{\"persons\":[{\"name\":\"Ada\",\"organisation\":\"Bville\"}]}," REST, "12", 0, 1},
    };
    world_init(&w, false);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct fed_author by = author(1);
        struct fed_composed before, out;
        char got[WORLD_NODES + 1];
        assert_int_equal(fed_compose_item(&w.a, &by, doc(cases[i].text), SPAN(ID_A), NULL, true, &before, &e), 0);
        assert_int_equal(before.envelope.len, 0);
        assert_int_equal(fed_compose_item(&w.a, &by, doc(cases[i].text), SPAN(ID_A), NULL, false, &out, &e), 0);
        openers(out.envelope, got);
        assert_string_equal(got, cases[i].openers);
        assert_int_equal(before.preview.organisations, cases[i].organisations);
        assert_int_equal(before.preview.persons, cases[i].persons);
        assert_int_equal(out.out.npeers, 0); /* to the hub, who carries it */
        assert_true(out.out.reason.len > 0 && out.out.audience.len > 0 && out.row.mine == 1 && out.row.version == 1);
        assert_true(cases[i].openers[0] == '0' || memmem(out.envelope.ptr, out.envelope.len, "words of a city", 15) == NULL);
    }
    struct fed_author hub = author(0);
    struct fed_composed out;
    assert_int_equal(fed_compose_item(&w.a, &hub, doc(cases[2].text), SPAN(ID_A), NULL, false, &out, &e), 0);
    assert_int_equal(out.out.npeers, 3); /* the hub sends to each itself */
    world_fini(&w);
}

static void test_life(void **state)
{
    (void)state;
    struct fed_composed first, next;
    char got[WORLD_NODES + 1];
    world_init(&w, false);
    struct fed_author by = author(1);
    assert_int_equal(fed_compose_item(&w.a, &by, doc("{\"tlp\":\"AMBER\",\"audience\":{\"all\":true}," REST), SPAN(ID_A), NULL, false, &first, &e), 0);
    assert_int_equal(fed_compose_tighten(&w.a, &by, doc("{\"tlp\":\"GREEN\",\"pap\":\"AMBER\",\"audience\":{\"all\":true}}"), &first.row, &next, &e), ERR_DENIED);
    assert_int_equal(fed_compose_tighten(&w.a, &by, doc("{\"tlp\":\"AMBER\",\"pap\":\"AMBER\"}"), &first.row, &next, &e), ERR_INVALID);
    assert_int_equal(fed_compose_tighten(&w.a, &by, doc("{\"tlp\":\"AMBER\",\"pap\":\"AMBER\",\"audience\":{\"nda\":true}}"), &first.row, &next, &e), 0);
    openers(next.envelope, got);
    assert_string_equal(got, "0123456"); /* those who lose it hear of it */
    assert_true(next.row.version == 2 && span_eq(next.row.state, SPAN("tightened")));
    struct fed_composed gone;
    assert_int_equal(fed_compose_retract(&w.a, &by, SPAN("wrong city"), &first.row, &gone, &e), 0);
    openers(gone.envelope, got);
    assert_string_equal(got, "0123456");
    assert_int_equal(fed_compose_retract(&w.a, &by, SPAN("\x01"), &first.row, &gone, &e), ERR_INVALID);
    /* a new version, and one when the membership is over */
    assert_int_equal(fed_compose_item(&w.a, &by, doc("{\"widen\":true,\"tlp\":\"GREEN\",\"audience\":{\"all\":true}," REST), SPAN(""), &next.row, false, &gone, &e), 0);
    assert_int_equal(gone.row.version, 3);
    by.now = world_newest(&w)->expires_s * TIME_SECOND;
    assert_int_equal(fed_compose_item(&w.a, &by, doc("{\"tlp\":\"GREEN\",\"audience\":{\"all\":true}," REST), SPAN(ID_A), NULL, false, &gone, &e), ERR_DENIED);
    world_fini(&w);
}

/* Who gains and who loses by a new version of an item for the organisations D and E (AMBER), and what is said to it. */
static void test_versions(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool widens, narrows;
        int rc;
        const char *where;
    } cases[] = {
        {"{\"tlp\":\"AMBER\",\"audience\":{\"orgs\":[\"Dville\",\"Eville\"]}," REST, false, false, 0, NULL},
        {"{\"tlp\":\"AMBER+STRICT\",\"audience\":{\"orgs\":[\"Dville\",\"Eville\"]}," REST, false, false, 0, NULL},
        {"{\"tlp\":\"AMBER\",\"audience\":{\"orgs\":[\"Dville\"]}," REST, false, true, 0, NULL},
        {"{\"tlp\":\"AMBER\",\"audience\":{\"orgs\":[\"Dville\",\"Eville\",\"Fville\"]}," REST, true, false, ERR_DENIED, NULL},
        {"{\"widen\":false,\"tlp\":\"AMBER\",\"audience\":{\"all\":true}," REST, true, false, ERR_DENIED, NULL},
        {"{\"widen\":true,\"tlp\":\"AMBER\",\"audience\":{\"orgs\":[\"Dville\",\"Eville\",\"Fville\"]}," REST, true, false, 0, NULL},
        {"{\"widen\":true,\"tlp\":\"GREEN\",\"audience\":{\"all\":true}," REST, true, false, 0, NULL},
        {"{\"widen\":true,\"tlp\":\"AMBER\",\"audience\":{\"orgs\":[\"Dville\",\"Fville\"]}," REST, true, true, ERR_DENIED, NULL},
        {"{\"widen\":1,\"tlp\":\"AMBER\",\"audience\":{\"all\":true}," REST, false, false, ERR_INVALID, "widen"},
        {"{\"tlp\":\"AMBER\",\"audience\":{\"all\":true},\"kind\":\"notice\",\"title\":\"T\",\"text\":\"x\",\"pap\":\"AMBER\",\"circle\":\"isac\"}", false, false, ERR_INVALID, "kind"},
        {"{\"tlp\":\"AMBER\",\"audience\":{\"all\":true},\"kind\":\"story\",\"title\":\"T\",\"text\":\"x\",\"pap\":\"AMBER\",\"circle\":\"other\"}", false, false, ERR_INVALID, "circle"},
    };
    world_init(&w, false);
    struct fed_author by = author(1);
    struct fed_composed first, next;
    assert_int_equal(fed_compose_item(&w.a, &by, doc(cases[0].text), SPAN(ID_A), NULL, false, &first, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(fed_compose_item(&w.a, &by, doc(cases[i].text), SPAN(""), &first.row, false, &next, &e), cases[i].rc);
        assert_int_equal(next.widens, cases[i].widens);
        assert_int_equal(next.narrows, cases[i].narrows);
        assert_true(cases[i].where == NULL ? next.where == NULL : next.where != NULL && strcmp(next.where, cases[i].where) == 0);
        assert_true(cases[i].rc != 0 || (next.row.version == 2 && span_eq(next.row.id, SPAN(ID_A)) && span_eq(next.row.state, SPAN("current"))));
        assert_true(cases[i].rc == 0 || next.envelope.len == 0);
    }
    /* A new item has nothing that it could widen. */
    assert_int_equal(fed_compose_item(&w.a, &by, doc(cases[6].text), SPAN(ID_A), NULL, false, &next, &e), ERR_INVALID);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_fields), cmocka_unit_test(test_preview_is_the_seal), cmocka_unit_test(test_life),
                                       cmocka_unit_test(test_versions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
