/* SPDX-License-Identifier: EUPL-1.2 */
/* Membership files: what is read, what follows on what, and who must have signed it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/test_cases.h"
#include "desk/federation/test_world.h"
#include "desk/federation/text.h"

static enum fed_refusal judge(struct world *w, struct span text, int64_t now_s)
{
    const struct fed_membership *known = world_newest(w);
    struct fed_pin pin = fed_membership_pin(known);
    struct fed_membership next;
    struct err e = {0};
    enum fed_refusal r = fed_membership_read(&w->a, text, &next, &e);
    return r == FED_TAKEN ? fed_membership_judge(known, &pin, &next, now_s) : r;
}

static void test_round(void **state)
{
    (void)state;
    struct world w;
    struct fed_membership back;
    struct err e = {0};
    world_init(&w, true);
    const struct fed_membership *m = world_newest(&w);
    assert_true(m->nda);
    assert_int_equal(m->nmembers, WORLD_NODES);
    assert_int_equal(m->nsigs, 3);
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        const struct fed_member *found = fed_membership_find(m, span_of(w.nodes[i].node));
        assert_non_null(found);
        assert_true(span_eq(found->org, world_org(i)));
        assert_memory_equal(found->seal, w.nodes[i].seal_public, FED_KEY_BYTES);
    }
    assert_null(fed_membership_find(m, SPAN("ffffffffffffffffffffffffffffffff")));
    assert_null(fed_membership_find(m, SPAN("ff")));
    assert_true(fed_membership_signed_by(m, w.nodes[0].sign.public_key));
    assert_true(fed_membership_signed_by(m, w.officers[1].public_key));
    assert_false(fed_membership_signed_by(m, w.officers[2].public_key));
    /* signing twice adds nothing; signatures do not change the hash */
    struct span text = jcs_text(&w.a, m->root);
    assert_int_equal(fed_membership_sign(&w.a, text, &w.officers[1], &text, &e), 0);
    assert_int_equal(fed_membership_sign(&w.a, text, &w.officers[2], &text, &e), 0);
    assert_int_equal(fed_membership_read(&w.a, text, &back, &e), FED_TAKEN);
    assert_int_equal(back.nsigs, 4);
    assert_memory_equal(back.hash, m->hash, sizeof back.hash);
    assert_int_equal(judge(&w, text, w.now_s), FED_SEEN);
    world_fini(&w);
}

enum change {
    NOTHING, ONE_OFFICER, NO_OFFICER, OTHER_HUB, NEW_HUB_KEY, SAME_EPOCH, LOWER, AHEAD, OVER, OTHER_CIRCLE, SINCE_BACK, SINCE_KEPT_ON_CHANGE,
    NEW_OFFICERS, OFFICERS_SIGN_THEMSELVES, TO_NDA, SKIP_EPOCHS, LESS_QUORUM
};

static const struct {
    const char *name;
    enum change change;
    enum fed_refusal expect;
} steps[] = {
    {"a plain next epoch", NOTHING, FED_TAKEN},
    {"epochs may be skipped", SKIP_EPOCHS, FED_TAKEN},
    {"one officer of two", ONE_OFFICER, FED_QUORUM},
    {"no officer", NO_OFFICER, FED_QUORUM},
    {"a file that asks for less still needs what was known", LESS_QUORUM, FED_QUORUM},
    {"signed by a node that is not the hub", OTHER_HUB, FED_HUB_KEY},
    {"the hub's new key, signed by old and new", NEW_HUB_KEY, FED_TAKEN},
    {"another content for the same epoch", SAME_EPOCH, FED_TWO_TRUTHS},
    {"a lower epoch", LOWER, FED_EPOCH_LOWER},
    {"issued in the future", AHEAD, FED_AHEAD},
    {"over its date", OVER, FED_MEMBERSHIP_EXPIRED},
    {"of another circle", OTHER_CIRCLE, FED_CIRCLE},
    {"a member that changed before it was told", SINCE_BACK, FED_SHAPE},
    {"a state that changes without its epoch", SINCE_KEPT_ON_CHANGE, FED_SHAPE},
    {"a circle that becomes another class", TO_NDA, FED_SHAPE},
    {"new officers, brought by the old ones", NEW_OFFICERS, FED_TAKEN},
    {"new officers, brought by themselves", OFFICERS_SIGN_THEMSELVES, FED_QUORUM},
};

static void change(struct world *w, enum change c, struct fed_membership *m, struct fed_sign_key *other)
{
    struct fed_officer *officers = arena_calloc(&w->a, WORLD_OFFICERS, sizeof *officers);
    struct span name = m->name;
    switch (c) {
    case NEW_HUB_KEY:
        memcpy(m->hub.sign, other->public_key, FED_KEY_BYTES);
        break;
    case SAME_EPOCH:
        m->epoch--;
        m->name = SPAN("Another name");
        break;
    case LOWER:
        m->epoch -= 2;
        for (uint32_t i = 0; i < m->nmembers; i++) {
            m->members[i].since = 1;
        }
        break;
    case AHEAD:
        m->issued_s = w->now_s + FED_CLOCK_AHEAD_S + 1;
        break;
    case OVER:
        m->expires_s = w->now_s;
        break;
    case OTHER_CIRCLE:
        m->circle = SPAN("other");
        break;
    case SINCE_BACK:
        m->members[3].since = m->epoch - 1;
        break;
    case SINCE_KEPT_ON_CHANGE:
        m->members[3].state = FED_GONE;
        break;
    case NEW_OFFICERS:
    case OFFICERS_SIGN_THEMSELVES:
        officers[0] = (struct fed_officer){.name = name};
        memcpy(officers[0].key, other->public_key, FED_KEY_BYTES);
        officers[1] = m->officers[2];
        m->officers = officers;
        m->nofficers = 2;
        break;
    case TO_NDA:
        m->nda = true;
        break;
    case SKIP_EPOCHS:
        m->epoch += 3;
        m->members[2].state = FED_GONE;
        m->members[2].since = m->epoch - 1;
        break;
    case LESS_QUORUM:
        m->quorum = 1;
        break;
    default:
        break;
    }
}

static void test_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        struct world w;
        unsigned char seed[FED_SEED_BYTES] = {77};
        struct fed_sign_key other;
        struct span text = {0};
        struct err e = {0};
        enum change c = steps[i].change;
        fed_sign_key_make(&other, seed);
        world_init(&w, false);
        world_set_state(&w, 5, FED_SUSPENDED); /* epoch 2 is known */
        struct fed_membership m = world_next(&w);
        change(&w, c, &m, &other);
        MUST(fed_membership_draft(&w.a, &m, &text, &e));
        MUST(fed_membership_sign(&w.a, text, c == OTHER_HUB ? &w.nodes[1].sign : &w.nodes[0].sign, &text, &e));
        uint32_t officers = c == NO_OFFICER || c == OFFICERS_SIGN_THEMSELVES ? 0 : c == ONE_OFFICER || c == LESS_QUORUM ? 1 : 2;
        for (uint32_t n = 0; n < officers; n++) {
            MUST(fed_membership_sign(&w.a, text, &w.officers[n], &text, &e));
        }
        if (c == NEW_HUB_KEY || c == OFFICERS_SIGN_THEMSELVES) {
            MUST(fed_membership_sign(&w.a, text, &other, &text, &e));
            MUST(fed_membership_sign(&w.a, text, &w.officers[2], &text, &e));
        }
        enum fed_refusal r = judge(&w, text, w.now_s);
        if (r != steps[i].expect) {
            print_message("%s: %s\n", steps[i].name, fed_refusal_word(r));
        }
        assert_int_equal(r, steps[i].expect);
        world_fini(&w);
    }
}

/* The first file of a circle is believed by what was pinned at enrolment. */
static void test_first(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, true);
    struct fed_pin pin = fed_membership_pin(world_newest(&w));
    assert_int_equal(fed_membership_judge(NULL, &pin, world_newest(&w), w.now_s), FED_TAKEN);
    pin.nofficers = 1;
    assert_int_equal(fed_membership_judge(NULL, &pin, world_newest(&w), w.now_s), FED_QUORUM);
    pin = fed_membership_pin(world_newest(&w));
    pin.hub_sign[0] ^= 1;
    assert_int_equal(fed_membership_judge(NULL, &pin, world_newest(&w), w.now_s), FED_HUB_KEY);
    world_fini(&w);
}

static const struct {
    const char *from, *to;
    enum fed_refusal expect;
} shapes[] = {
    {"\"v\":1", "\"v\":2", FED_VERSION},
    {"\"v\":1", "\"v\":\"1\"", FED_VERSION},
    {"\"quorum\":2", "\"quorum\":1", FED_SHAPE}, /* of an NDA circle */
    {"\"quorum\":2", "\"quorum\":4", FED_SHAPE}, /* more than there are officers */
    {"\"class\":\"nda\"", "\"class\":\"all\"", FED_SHAPE},
    {"\"warn\":2", "\"warn\":1", FED_SHAPE},
    {"\"show\":5", "\"show\":1", FED_SHAPE},
    {"\"epoch\":1", "\"epoch\":0", FED_SHAPE},
    {"\"since\":1", "\"since\":2", FED_SHAPE},
    {"\"active\"", "\"here\"", FED_SHAPE},
    {"\"member\",\"hub\"", "\"member\",\"root\"", FED_SHAPE},
    {"\"circle\":\"isac\"", "\"circle\":\"IS AC\"", FED_SHAPE},
    {"\"name\":\"City ISAC\"", "\"name\":\"\"", FED_SHAPE},
    {"\"name\":\"officer 1\"", "\"nome\":\"officer 1\"", FED_SHAPE},
    {"\"expires\":\"2026-12", "\"expires\":\"2025-12", FED_SHAPE},
    {"{\"circle\"", "{\"also\":1,\"circle\"", FED_SHAPE},
    {"{\"circle\"", "{ \"circle\"", FED_NOT_CANONICAL},
    {"{\"circle\"", "[\"circle\"", FED_SYNTAX},
    {"\"sigs\":[", "\"sigs\":[1,", FED_SHAPE},
};

static struct span replaced(struct arena *a, struct span text, const char *from, const char *to)
{
    const char *hit = strstr(text.ptr, from);
    CHECK(hit != NULL);
    return span_of(arena_printf(a, "%.*s%s%s", (int)(hit - text.ptr), text.ptr, to, hit + strlen(from)));
}

static void test_shapes(void **state)
{
    (void)state;
    struct world w;
    struct fed_membership m;
    struct err e = {0};
    world_init(&w, true);
    struct span text = jcs_text(&w.a, world_newest(&w)->root);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        enum fed_refusal r = fed_membership_read(&w.a, replaced(&w.a, text, shapes[i].from, shapes[i].to), &m, &e);
        if (r != shapes[i].expect) {
            print_message("%s: %s\n", shapes[i].to, fed_refusal_word(r));
        }
        assert_int_equal(r, shapes[i].expect);
    }
    char *large = arena_alloc(&w.a, FED_MEMBERSHIP_MAX + 1);
    assert_int_equal(fed_membership_read(&w.a, span_make(large, FED_MEMBERSHIP_MAX + 1), &m, &e), FED_OVERSIZED);
    /* the same member, or officer, twice */
    struct fed_membership next = world_next(&w);
    next.members[next.nmembers++] = next.members[0];
    assert_int_equal(fed_membership_draft(&w.a, &next, &text, &e), ERR_INVALID);
    next = world_next(&w);
    struct fed_officer twice[2] = {next.officers[0], next.officers[0]};
    next.officers = twice;
    next.nofficers = 2;
    assert_int_equal(fed_membership_draft(&w.a, &next, &text, &e), ERR_INVALID);
    world_fini(&w);
}

/* As many members as a circle may have fit their file. */
static void test_largest(void **state)
{
    (void)state;
    struct world w;
    struct span text = {0};
    struct err e = {0};
    world_init(&w, false);
    struct fed_membership m = world_next(&w);
    struct fed_member *many = arena_calloc(&w.a, FED_MEMBERS_MAX, sizeof *many);
    for (uint32_t i = 0; i < FED_MEMBERS_MAX; i++) {
        many[i] = m.members[i % 7];
        many[i].node = span_of(arena_printf(&w.a, "%032x", i));
        many[i].org = span_of(arena_printf(&w.a, "A town with quite some name and number %u", i));
    }
    m.members = many;
    m.nmembers = FED_MEMBERS_MAX;
    assert_int_equal(fed_membership_draft(&w.a, &m, &text, &e), 0);
    assert_true(text.len < FED_MEMBERSHIP_MAX);
    m.nmembers++;
    assert_int_equal(fed_membership_draft(&w.a, &m, &text, &e), ERR_INVALID);
    world_fini(&w);
}

/* Any one byte of a signed file changed: it is not believed. */
static void test_generated_forgery(void **state)
{
    (void)state;
    struct world w;
    world_init(&w, false);
    struct fed_membership m = world_next(&w);
    struct span text = world_signed(&w, &m, 2);
    assert_int_equal(judge(&w, text, w.now_s), FED_TAKEN);
    uint64_t seed = 99;
    size_t sigs = (size_t)(strstr(text.ptr, "\"sigs\"") - text.ptr);
    for (uint64_t i = 0; i < test_cases(3000); i++) {
        struct world fresh = w;
        arena_init(&fresh.a, 0);
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (seed >> 33) % text.len;
        struct span forged = world_flipped(&fresh.a, text, at, seed >> 60);
        enum fed_refusal r = judge(&fresh, forged, w.now_s);
        /* a broken signature beside two good ones is no harm: three signed, hub and two officers are needed */
        assert_true(r != FED_TAKEN && (at < sigs || r != FED_SEEN));
        arena_fini(&fresh.a);
    }
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round), cmocka_unit_test(test_steps),
                                       cmocka_unit_test(test_first), cmocka_unit_test(test_shapes),
                                       cmocka_unit_test(test_largest), cmocka_unit_test(test_generated_forgery)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
