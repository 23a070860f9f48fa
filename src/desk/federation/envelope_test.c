/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Envelopes: the order of checks with a reason for each, who can open what (P4: whoever is out at an epoch opens
 * nothing that is sealed from it on; P7: the hub's keys open no RED), and that nothing forged is ever taken.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "base/id.h"
#include "base/test_cases.h"
#include "desk/federation/test_world.h"
#include "desk/federation/text.h"

#define ALL "{\"all\":true}"

static enum fed_refusal check(struct world *w, struct span text, bool at_hub, struct fed_envelope *out)
{
    struct fed_check c = world_check(w, at_hub);
    struct err e = {0};
    enum fed_refusal r = fed_envelope_check(&w->a, text, &c, out, &e);
    assert_true(r == FED_TAKEN || e.text[0] != '\0');
    return r;
}

static struct span person(struct world *w, uint32_t i, const char *name)
{
    return span_of(arena_printf(&w->a, "{\"persons\":[{\"name\":\"%s\",\"node\":\"%s\"}]}", name, w->nodes[i].node));
}

static void test_open_and_sealed(void **state)
{
    (void)state;
    struct world w;
    struct fed_envelope env;
    struct span text = {0};
    const struct jcs *body = NULL;
    int64_t n = 0;
    world_init(&w, false);
    struct fed_draft d = world_draft(&w, ALL, "GREEN");
    assert_int_equal(world_make(&w, 1, &d, false, &text), 0);
    assert_int_equal(check(&w, text, true, &env), FED_TAKEN);
    assert_int_equal(env.type, FED_TYPE_ITEM);
    assert_int_equal(env.epoch, 1);
    assert_true(env.who.all && !env.red && !env.chr && span_eq(env.pap, SPAN("AMBER")));
    assert_int_equal(fed_envelope_open(&w.a, &env, &w.nodes[6], &body), FED_TAKEN);
    assert_true(jcs_get_int(body, "n", &n) && n == 7);
    d = world_draft(&w, person(&w, 2, "Ada").ptr, "RED");
    assert_int_equal(world_make(&w, 1, &d, true, &text), 0);
    assert_int_equal(check(&w, text, true, &env), FED_TAKEN);
    assert_true(env.red && env.body == NULL);
    for (uint32_t i = 0; i < WORLD_NODES; i++) {
        enum fed_refusal expect = i == 1 || i == 2 ? FED_TAKEN : FED_NOT_READER;
        assert_int_equal(fed_envelope_open(&w.a, &env, &w.nodes[i], &body), expect);
        assert_int_equal(fed_envelope_sealed_to(&env, span_of(w.nodes[i].node)), expect == FED_TAKEN);
    }
    /* the bytes that travel hold nothing of the body */
    assert_null(memmem(text.ptr, text.len, "\"n\":7", 5));
    /* another's name on one's own key opens nothing either */
    struct fed_keys liar = w.nodes[4];
    memcpy(liar.node, w.nodes[2].node, sizeof liar.node);
    assert_int_equal(fed_envelope_open(&w.a, &env, &liar, &body), FED_BOX);
    world_fini(&w);
}

/* RED is never sealed to the hub, but by people of the hub's own organisation, who write it there. */
static void test_red_and_the_hub(void **state)
{
    (void)state;
    struct world w;
    struct span text = {0};
    struct fed_envelope env;
    const struct jcs *body;
    struct err e;
    char id[FED_ID_LEN + 1];
    world_init(&w, false);
    struct fed_draft d = world_draft(&w, person(&w, 2, "Ada").ptr, "RED");
    for (uint32_t author = 0; author < 2; author++) {
        struct fed_reader readers[] = {{.node = span_of(w.nodes[0].node)}, {.node = span_of(w.nodes[2].node)}};
        memcpy(readers[0].seal, w.nodes[0].seal_public, sizeof readers[0].seal);
        memcpy(readers[1].seal, w.nodes[2].seal_public, sizeof readers[1].seal);
        bool swapped = memcmp(readers[0].node.ptr, readers[1].node.ptr, FED_NODE_LEN) > 0; /* they travel sorted */
        const struct fed_reader sorted[] = {readers[swapped ? 1 : 0], readers[swapped ? 0 : 1]};
        assert_int_equal(fed_envelope_make(&w.a, &d, &w.nodes[author], sorted, 2, &text, id, &e), 0);
        assert_int_equal(check(&w, text, false, &env), author == 0 ? FED_TAKEN : FED_HUB_READS);
        if (author == 0) {
            assert_int_equal(fed_envelope_open(&w.a, &env, &w.nodes[2], &body), FED_TAKEN);
            assert_int_equal(fed_envelope_open(&w.a, &env, &w.nodes[1], &body), FED_NOT_READER);
        }
    }
    world_fini(&w);
}

/* Whom an audience reaches, by label: letters of the nodes that can open it; 'h' is the hub. */
static const struct {
    const char *audience;
    const char *tlp;
    const char *readers; /* NULL: refused */
} audiences[] = {
    {"{\"all\":true}", "GREEN", "h123456"},
    {"{\"all\":true,\"sponsors\":true}", "GREEN", "h1234567"},
    {"{\"nda\":true}", "AMBER", "123"},
    {"{\"all\":true,\"nda\":true}", "AMBER", "123"},
    {"{\"orgs\":[\"Bville\",\"Fville\"]}", "AMBER", "126"},
    {"{\"nda\":true,\"orgs\":[\"Bville\",\"Fville\"]}", "AMBER", "12"},
    {"{\"orgs\":[\"Nowhere\"]}", "AMBER", NULL},
    {"{\"nodes\":[\"05060708090a0b0c0d0e0f1011121314\"]}", "AMBER+STRICT", NULL}, /* no such node */
    {"{\"persons\":[{\"name\":\"Ada\",\"node\":\"HUB\"}]}", "RED", NULL},
    {"{\"all\":true}", "RED", NULL}, /* nobody is named */
    {"{\"orgs\":[\"Bville\"],\"persons\":[{\"name\":\"Ada\",\"node\":\"N3\"}]}", "RED", "13"},
    {"{}", "GREEN", NULL},
    {"{\"orgs\":[]}", "GREEN", NULL},
    {"{\"all\":false}", "GREEN", NULL},
    {"{\"all\":true,\"friends\":true}", "GREEN", NULL},
    {"{\"all\":1}", "GREEN", NULL},
};

static struct span with_nodes(struct world *w, const char *audience)
{
    struct buf b;
    buf_init(&b, 4096);
    for (const char *p = audience; *p != '\0'; p++) {
        if (strncmp(p, "\"HUB\"", 5) == 0 || strncmp(p, "\"N3\"", 4) == 0) {
            buf_printf(&b, "\"%s\"", w->nodes[p[1] == 'H' ? 0 : 3].node);
            p += p[1] == 'H' ? 4 : 3;
        } else {
            buf_u8(&b, (uint8_t)*p);
        }
    }
    struct span text = arena_copy(&w->a, buf_view(&b));
    buf_free(&b);
    return text;
}

static void test_audiences(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(audiences); i++) {
        struct world w;
        struct span text = {0};
        struct fed_envelope env;
        char readers[WORLD_NODES + 1] = "";
        world_init(&w, false);
        struct fed_draft d = world_draft(&w, with_nodes(&w, audiences[i].audience).ptr, audiences[i].tlp);
        int rc = world_make(&w, 1, &d, true, &text);
        assert_int_equal(rc == 0, audiences[i].readers != NULL);
        if (rc == 0) {
            size_t len = 0;
            assert_int_equal(check(&w, text, true, &env), FED_TAKEN);
            for (uint32_t n = 0; n < WORLD_NODES; n++) {
                if (fed_envelope_sealed_to(&env, span_of(w.nodes[n].node))) {
                    readers[len++] = (char)(n == 0 ? 'h' : '0' + n);
                }
            }
            assert_string_equal(readers, audiences[i].readers);
        }
        world_fini(&w);
    }
}

enum twist {
    PLAIN, CUT, LARGE, GZIP, DEEP, TWICE, SPACED, EXTRA, OLD_VERSION, OTHER_ID, OTHER_SIG, STRANGER, OTHER_CIRCLE, EPOCH_AHEAD, EXPIRED,
    AHEAD, SEEN, BAD_TLP, BAD_PAP, BAD_AUDIENCE, RED_OPEN, NDA_OPEN, NEW_TYPE, WARNING_BY_MEMBER, CHANGED_BODY, OVER, OVER_CONTROL,
    SUSPENDED, REMOVED, TOO_LONG_A_LIFE, BODY_AND_SEALED, POLICY_SAYS_NO, CONTROL_UNFILTERED
};

static const struct {
    const char *name;
    enum twist twist;
    enum fed_refusal expect;
} twists[] = {
    {"as it is", PLAIN, FED_TAKEN},
    {"cut in the middle", CUT, FED_SYNTAX},
    {"one byte over the limit", LARGE, FED_OVERSIZED},
    {"compressed: a bomb is nothing but bytes that are no JSON", GZIP, FED_SYNTAX},
    {"nested too deeply", DEEP, FED_SYNTAX},
    {"a key twice", TWICE, FED_SYNTAX},
    {"a blank somewhere", SPACED, FED_NOT_CANONICAL},
    {"a field of its own", EXTRA, FED_SHAPE},
    {"another version", OLD_VERSION, FED_VERSION},
    {"another id", OTHER_ID, FED_ID},
    {"another signature", OTHER_SIG, FED_SIGNATURE},
    {"a changed body under the old id", CHANGED_BODY, FED_ID},
    {"by somebody who is no member", STRANGER, FED_ISSUER},
    {"of another circle", OTHER_CIRCLE, FED_CIRCLE},
    {"under an epoch to come", EPOCH_AHEAD, FED_EPOCH},
    {"expired", EXPIRED, FED_EXPIRED},
    {"six minutes ahead", AHEAD, FED_AHEAD},
    {"a second time", SEEN, FED_SEEN},
    {"a label of TLP 1", BAD_TLP, FED_LABEL},
    {"a PAP that is none", BAD_PAP, FED_LABEL},
    {"an unknown audience", BAD_AUDIENCE, FED_AUDIENCE},
    {"RED and open", RED_OPEN, FED_UNSEALED},
    {"open in an NDA circle", NDA_OPEN, FED_UNSEALED},
    {"an unknown type", NEW_TYPE, FED_TYPE},
    {"a warning by a member", WARNING_BY_MEMBER, FED_AUTHOR},
    {"under a membership that is over", OVER, FED_MEMBERSHIP_EXPIRED},
    {"a control message under a membership that is over", OVER_CONTROL, FED_TAKEN},
    {"by a suspended member", SUSPENDED, FED_SUSPENDED_ISSUER},
    {"by a removed member", REMOVED, FED_REMOVED},
    {"for a thousand years", TOO_LONG_A_LIFE, FED_SHAPE},
    {"open and sealed at once", BODY_AND_SEALED, FED_SHAPE},
    {"the policy says no", POLICY_SAYS_NO, FED_POLICY},
    {"the policy is not asked about control messages", CONTROL_UNFILTERED, FED_TAKEN},
};

/* Signs whatever object it is given, as a member who writes his own program would. */
static struct span signed_by(struct world *w, uint32_t i, struct span json)
{
    static const char *const outside[] = {"id", "sig", NULL};
    struct jcs *o = NULL;
    unsigned char hash[32];
    unsigned char sig[FED_SIG_BYTES];
    char hex[FED_ID_LEN + 1];
    MUST(jcs_read(&w->a, json, JCS_DEPTH_MAX, &o, NULL));
    MUST(jcs_read(&w->a, jcs_text_without(&w->a, o, outside), JCS_DEPTH_MAX, &o, NULL));
    struct span form = jcs_text(&w->a, o);
    crypto_hash_sha256(hash, (const unsigned char *)form.ptr, form.len);
    hex_encode(hash, sizeof hash, hex);
    fed_sign(&w->nodes[i].sign, "sereno-envelope-1\n", form, sig);
    jcs_set_text(&w->a, o, "id", span_of(hex));
    jcs_set_text(&w->a, o, "sig", fed_base64(&w->a, sig, sizeof sig));
    return jcs_text(&w->a, o);
}

static struct span replaced(struct world *w, struct span text, const char *from, const char *to)
{
    const char *hit = memmem(text.ptr, text.len, from, strlen(from));
    CHECK(hit != NULL);
    return span_of(arena_printf(&w->a, "%.*s%s%s", (int)(hit - text.ptr), text.ptr, to, hit + strlen(from)));
}

/* Text changes; `again` tells whether the member signs what came out. */
static const struct {
    enum twist twist;
    const char *from, *to;
    bool again;
} texts[] = {
    {TWICE, "{\"audience\"", "{\"audience\":1,\"audience\"", false},
    {SPACED, "{\"audience\"", "{ \"audience\"", false},
    {EXTRA, "{\"audience\"", "{\"also\":1,\"audience\"", true},
    {OLD_VERSION, "\"v\":1", "\"v\":2", true},
    {CHANGED_BODY, "\"n\":7", "\"n\":8", false},
    {EPOCH_AHEAD, "\"epoch\":1", "\"epoch\":2", true},
    {BAD_TLP, "\"GREEN\"", "\"WHITE\"", true},
    {BAD_PAP, "\"AMBER\"", "\"AMBRE\"", true},
    {BAD_AUDIENCE, "\"all\":true", "\"friends\":true", true},
    {RED_OPEN, "\"GREEN\"", "\"RED\"", true},
    {NEW_TYPE, "\"item\"", "\"hunt\"", true},
    {WARNING_BY_MEMBER, "\"item\"", "\"warning\"", true},
    {OTHER_CIRCLE, "\"isac\"", "\"elsewhere\"", true},
    {TOO_LONG_A_LIFE, "\"expires\":\"2026", "\"expires\":\"3026", true},
    {BODY_AND_SEALED, "\"tlp\"", "\"sealed\":{},\"tlp\"", true},
    {OVER_CONTROL, "\"item\"", "\"hello\"", true},
    {CONTROL_UNFILTERED, "\"item\"", "\"key\"", true},
    {DEEP, "\"n\":7", "\"n\":[[[[[[[[[[[[[[[[7]]]]]]]]]]]]]]]]", true},
};

static struct span twisted(struct world *w, enum twist t, struct span text)
{
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        if (texts[i].twist == t) {
            struct span out = replaced(w, text, texts[i].from, texts[i].to);
            return texts[i].again ? signed_by(w, 1, out) : out;
        }
    }
    switch (t) {
    case CUT:
        return span_sub(text, 0, text.len / 2);
    case GZIP:
        return span_make("\x1f\x8b\x08\0\0\0\0\0\0\3\xed\xc1", 12);
    case LARGE:
        return span_make(arena_alloc(&w->a, FED_ENVELOPE_MAX + 1), FED_ENVELOPE_MAX + 1);
    case OTHER_ID:
        return replaced(w, text, "\"id\":\"", "\"id\":\"00000000000000000000000000000000000000000000000000000000000000ff\",\"ie\":\"");
    default:
        return text;
    }
}

static bool seen_always(void *ctx, const struct fed_envelope *env)
{
    (void)ctx;
    return env->id[0] != '\0';
}

static enum fed_refusal never(void *ctx, const struct fed_envelope *env, const struct fed_issuer *issuer)
{
    (void)ctx;
    return issuer->now == FED_ACTIVE && !env->red ? FED_POLICY : FED_TAKEN;
}

/* The same id field, one digit other; the same signature, one letter other. */
static struct span flipped(struct world *w, struct span text, const char *field)
{
    const char *at = memmem(text.ptr, text.len, field, strlen(field));
    CHECK(at != NULL);
    return world_flipped(&w->a, text, (size_t)(at - text.ptr) + strlen(field) + 3, 0);
}

static void run_twist(size_t i)
{
    struct world w;
    struct fed_envelope env;
    struct span text = {0};
    struct err e = {0};
    enum twist t = twists[i].twist;
    world_init(&w, t == NDA_OPEN);
    struct fed_draft d = world_draft(&w, ALL, "GREEN");
    d.created_s += t == AHEAD ? 10 + FED_CLOCK_AHEAD_S + 1 : 0;
    d.expires_s = t == EXPIRED ? w.now_s : d.expires_s;
    struct fed_keys member = w.nodes[1];
    if (t == STRANGER) {
        memset(w.nodes[1].node, 'f', FED_NODE_LEN);
    }
    MUST(world_make(&w, 1, &d, false, &text));
    w.nodes[1] = member;
    text = t == OTHER_ID ? flipped(&w, text, "\"id\":\"") : t == OTHER_SIG ? flipped(&w, text, "\"sig\":\"") : twisted(&w, t, text);
    if (t == SUSPENDED || t == REMOVED) {
        world_set_state(&w, 1, t == REMOVED ? FED_GONE : FED_SUSPENDED);
    }
    if (t == OVER || t == OVER_CONTROL) {
        struct fed_membership m = world_next(&w);
        m.expires_s = w.now_s - 1;
        world_take(&w, &m);
    }
    struct fed_check c = world_check(&w, true);
    c.seen = t == SEEN ? seen_always : NULL;
    c.policy = t == POLICY_SAYS_NO || t == CONTROL_UNFILTERED ? never : NULL;
    enum fed_refusal r = fed_envelope_check(&w.a, text, &c, &env, &e);
    if (r != twists[i].expect) {
        print_message("%s: %s\n", twists[i].name, fed_refusal_word(r));
    }
    assert_int_equal(r, twists[i].expect);
    world_fini(&w);
}

static void test_twists(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(twists); i++) {
        run_twist(i);
    }
}

/* What a member said while he was in still comes through the hub; what he says afterwards does not. */
static void test_removed_member_late(void **state)
{
    (void)state;
    struct world w;
    struct fed_envelope env;
    struct span early = {0};
    struct span late = {0};
    world_init(&w, false);
    struct fed_draft d = world_draft(&w, ALL, "GREEN");
    d.created_s = w.now_s - 4000; /* before the epoch that removes */
    MUST(world_make(&w, 1, &d, false, &early));
    d.created_s = w.now_s;
    MUST(world_make(&w, 1, &d, false, &late)); /* claims the old epoch */
    world_set_state(&w, 1, FED_GONE);
    assert_int_equal(check(&w, early, false, &env), FED_TAKEN);
    assert_int_equal(check(&w, late, false, &env), FED_REMOVED);
    assert_int_equal(check(&w, early, true, &env), FED_REMOVED);
    assert_int_equal(check(&w, late, true, &env), FED_REMOVED);
    /* nor can he make one under the new epoch: nothing is sealed to or by him */
    d = world_draft(&w, ALL, "GREEN");
    assert_int_equal(world_make(&w, 1, &d, true, &late), ERR_DENIED);
    MUST(world_make(&w, 1, &d, false, &late));
    assert_int_equal(check(&w, late, false, &env), FED_REMOVED);
    world_fini(&w);
}

/* A member whose key was stolen and replaced: the old key signs nothing more. */
static void test_replaced_key(void **state)
{
    (void)state;
    struct world w;
    struct fed_envelope env;
    struct span before = {0};
    struct span stolen = {0};
    unsigned char seed[FED_SEED_BYTES] = {3};
    world_init(&w, false);
    struct fed_draft d = world_draft(&w, ALL, "GREEN");
    d.created_s = w.now_s - 4000;
    MUST(world_make(&w, 1, &d, false, &before));
    d.created_s = w.now_s;
    MUST(world_make(&w, 1, &d, false, &stolen));
    struct fed_membership m = world_next(&w);
    struct fed_keys fresh;
    fed_keys_make(&fresh, span_of(w.nodes[1].node), seed, seed);
    for (uint32_t i = 0; i < m.nmembers; i++) {
        if (span_eq(m.members[i].node, span_of(fresh.node))) {
            memcpy(m.members[i].sign, fresh.sign.public_key, FED_KEY_BYTES);
            m.members[i].since = m.epoch;
        }
    }
    world_take(&w, &m);
    assert_int_equal(check(&w, before, false, &env), FED_TAKEN);
    assert_int_equal(check(&w, stolen, false, &env), FED_SIGNATURE);
    assert_int_equal(check(&w, before, true, &env), FED_SIGNATURE);
    w.nodes[1] = fresh;
    d = world_draft(&w, ALL, "GREEN");
    MUST(world_make(&w, 1, &d, false, &stolen));
    assert_int_equal(check(&w, stolen, true, &env), FED_TAKEN);
    world_fini(&w);
}

static uint64_t next_random(uint64_t *s)
{
    *s ^= *s << 13;
    *s ^= *s >> 7;
    *s ^= *s << 17;
    return *s;
}

static struct span random_audience(struct world *w, uint64_t *s, bool red)
{
    uint64_t kind = next_random(s) % 4;
    uint32_t node = (uint32_t)(next_random(s) % WORLD_NODES);
    if (red || kind == 0) {
        return person(w, node, "Ada");
    }
    return kind == 1   ? SPAN(ALL)
           : kind == 2 ? SPAN("{\"all\":true,\"nda\":true,\"sponsors\":true}")
                       : span_of(arena_printf(&w->a, "{\"orgs\":[\"%s\",\"Cville\"]}", world_org(node).ptr));
}

/* P4 and P7: members come and go over epochs; whatever is sealed opens with exactly its readers' keys, never with the
 * keys of who is out at that epoch, and RED never with the hub's. */
static void test_generated_readers(void **state)
{
    (void)state;
    uint64_t s = 20261126;
    uint64_t cases = test_cases(400);
    for (uint64_t i = 0; i < cases;) {
        struct world w;
        world_init(&w, next_random(&s) % 2 == 0);
        for (uint32_t epoch = 0; epoch < 4 && i < cases; epoch++) {
            if (epoch > 0) {
                world_set_state(&w, 1 + (uint32_t)(next_random(&s) % (WORLD_NODES - 1)),
                                (enum fed_state)(FED_ACTIVE + next_random(&s) % 3));
            }
            for (int n = 0; n < 4; n++, i++) {
                bool red = next_random(&s) % 2 == 0;
                uint32_t author = (uint32_t)(next_random(&s) % WORLD_NODES);
                struct span text = {0};
                struct fed_envelope env;
                const struct jcs *body = NULL;
                struct fed_draft d = world_draft(&w, random_audience(&w, &s, red).ptr, red ? "RED" : "AMBER");
                if (world_make(&w, author, &d, true, &text) != 0) {
                    continue; /* nobody left to read, the author is out, or RED by or for the hub */
                }
                assert_int_equal(check(&w, text, true, &env), FED_TAKEN);
                for (uint32_t k = 0; k < WORLD_NODES; k++) {
                    const struct fed_member *m = fed_membership_find(world_newest(&w), span_of(w.nodes[k].node));
                    bool opens = fed_envelope_open(&w.a, &env, &w.nodes[k], &body) == FED_TAKEN;
                    assert_false(opens && m->state != FED_ACTIVE);
                    assert_false(opens && red && k == 0);
                    assert_true(opens || k != author);
                }
            }
        }
        world_fini(&w);
    }
}

/* One bit of an envelope changed anywhere: never taken, or (impossible) the same bytes. */
static void test_generated_forgery(void **state)
{
    (void)state;
    struct world w;
    struct fed_envelope env;
    struct span texts_[2] = {{0}, {0}};
    uint64_t s = 4711;
    world_init(&w, false);
    struct fed_draft d = world_draft(&w, ALL, "GREEN");
    MUST(world_make(&w, 1, &d, false, &texts_[0]));
    d = world_draft(&w, person(&w, 2, "Ada").ptr, "RED");
    MUST(world_make(&w, 1, &d, true, &texts_[1]));
    for (uint64_t i = 0; i < test_cases(5000); i++) {
        struct world fresh = w;
        arena_init(&fresh.a, 0);
        size_t at = next_random(&s) % texts_[i % 2].len;
        struct span forged = world_flipped(&fresh.a, texts_[i % 2], at, next_random(&s));
        assert_int_not_equal(check(&fresh, forged, true, &env), FED_TAKEN);
        arena_fini(&fresh.a);
    }
    world_fini(&w);
}

static void test_drafts(void **state)
{
    (void)state;
    struct world w;
    struct span text = {0};
    world_init(&w, false);
    const struct fed_draft good = world_draft(&w, ALL, "GREEN");
    for (int i = 0; i < 7; i++) {
        struct fed_draft d = good;
        d.type = i == 0 ? FED_TYPE_OTHER : d.type;
        d.circle = i == 1 ? SPAN("") : d.circle;
        d.tlp = i == 2 ? SPAN("tlp:green") : i == 3 ? SPAN("RED") : d.tlp;
        d.expires_s = i == 4 ? d.created_s : d.expires_s;
        d.epoch = i == 5 ? 0 : d.epoch;
        d.body = i == 6 ? jcs_new_array(&w.a) : d.body;
        assert_int_equal(world_make(&w, 1, &d, false, &text), ERR_INVALID);
    }
    struct jcs *large = jcs_new_object(&w.a);
    char *letters = arena_bytes(&w.a, FED_ENVELOPE_MAX);
    memset(letters, 'a', FED_ENVELOPE_MAX);
    jcs_set_text(&w.a, large, "t", span_make(letters, FED_ENVELOPE_MAX));
    struct fed_draft d = good;
    d.body = large;
    assert_int_equal(world_make(&w, 1, &d, false, &text), ERR_LIMIT);
    world_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_sealed), cmocka_unit_test(test_red_and_the_hub), cmocka_unit_test(test_audiences),          cmocka_unit_test(test_twists),
        cmocka_unit_test(test_removed_member_late), cmocka_unit_test(test_replaced_key), cmocka_unit_test(test_generated_readers),
        cmocka_unit_test(test_generated_forgery), cmocka_unit_test(test_drafts)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
