/* SPDX-License-Identifier: EUPL-1.2 */
#include "desk/federation/test_world.h"

#include "desk/federation/text.h"

static void fill(unsigned char *bytes, size_t len, unsigned seed)
{
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (unsigned char)(seed * 37 + i);
    }
}

struct span world_org(uint32_t i)
{
    static const char *const names[WORLD_NODES] = {"Hub", "Aville", "Bville", "Cville",
                                                   "Dville", "Eville", "Fville", "Region"};
    return span_of(names[i]);
}

static const struct fed_membership *read_back(struct world *w, struct span text)
{
    struct fed_membership *m = arena_alloc(&w->a, sizeof *m);
    struct err e = {0};
    CHECK(fed_membership_read(&w->a, text, m, &e) == FED_TAKEN);
    return m;
}

void world_init(struct world *w, bool nda)
{
    struct fed_membership m = {.circle = SPAN("isac"), .name = SPAN("City ISAC"), .nda = nda, .quorum = 2,
                               .warn = 2, .show = 5, .epoch = 1, .nofficers = WORLD_OFFICERS, .nmembers = WORLD_NODES};
    *w = (struct world){.now_s = WORLD_NOW_S, .nda = nda};
    arena_init(&w->a, 0);
    m.members = arena_calloc(&w->a, WORLD_NODES, sizeof *m.members);
    m.officers = arena_calloc(&w->a, WORLD_OFFICERS, sizeof *m.officers);
    for (unsigned i = 0; i < WORLD_OFFICERS; i++) {
        unsigned char seed[FED_SEED_BYTES];
        fill(seed, sizeof seed, 100 + i);
        fed_sign_key_make(&w->officers[i], seed);
        m.officers[i].name = span_of(arena_printf(&w->a, "officer %u", i));
        memcpy(m.officers[i].key, w->officers[i].public_key, FED_KEY_BYTES);
    }
    for (unsigned i = 0; i < WORLD_NODES; i++) {
        unsigned char random[FED_NODE_RANDOM_BYTES];
        unsigned char sign[FED_SEED_BYTES];
        unsigned char seal[FED_SEED_BYTES];
        char id[FED_NODE_LEN + 1];
        fill(random, sizeof random, i + 1);
        fill(sign, sizeof sign, 20 + i);
        fill(seal, sizeof seal, 60 + i);
        fed_node_id(random, id);
        fed_keys_make(&w->nodes[i], span_make(id, FED_NODE_LEN), sign, seal);
        struct fed_member *member = &m.members[i];
        *member = (struct fed_member){span_of(w->nodes[i].node), world_org(i), {0}, {0}, FED_MEMBER, FED_ACTIVE, 1};
        memcpy(member->sign, w->nodes[i].sign.public_key, FED_KEY_BYTES);
        memcpy(member->seal, w->nodes[i].seal_public, FED_KEY_BYTES);
        member->classes = i == 0 ? FED_HUB | FED_MEMBER : i <= 3 ? FED_MEMBER | FED_NDA : i < 7 ? FED_MEMBER : FED_SPONSOR;
    }
    m.hub.node = span_of(w->nodes[0].node);
    memcpy(m.hub.sign, w->nodes[0].sign.public_key, FED_KEY_BYTES);
    memcpy(m.hub.seal, w->nodes[0].seal_public, FED_KEY_BYTES);
    m.issued_s = WORLD_NOW_S - 3600;
    m.expires_s = m.issued_s + FED_MEMBERSHIP_LIFE_S;
    world_take(w, &m);
}

void world_fini(struct world *w)
{
    arena_fini(&w->a);
}

const struct fed_membership *world_newest(const struct world *w)
{
    return w->epochs[w->nepochs - 1];
}

struct fed_membership world_next(struct world *w)
{
    struct fed_membership m = *world_newest(w);
    struct fed_member *members = arena_calloc(&w->a, m.nmembers + 1, sizeof *members);
    memcpy(members, m.members, m.nmembers * sizeof *members);
    m.members = members;
    m.epoch++;
    m.issued_s += 60;
    m.expires_s += 60;
    m.root = NULL;
    return m;
}

struct span world_signed(struct world *w, const struct fed_membership *m, uint32_t officers)
{
    struct span text = {0};
    struct err e = {0};
    MUST(fed_membership_draft(&w->a, m, &text, &e));
    MUST(fed_membership_sign(&w->a, text, &w->nodes[0].sign, &text, &e));
    for (uint32_t i = 0; i < officers; i++) {
        MUST(fed_membership_sign(&w->a, text, &w->officers[i], &text, &e));
    }
    return text;
}

void world_take(struct world *w, const struct fed_membership *m)
{
    CHECK(w->nepochs < WORLD_EPOCHS);
    w->epochs[w->nepochs++] = read_back(w, world_signed(w, m, 2));
}

void world_set_state(struct world *w, uint32_t i, enum fed_state state)
{
    struct fed_membership m = world_next(w);
    for (uint32_t n = 0; n < m.nmembers; n++) {
        if (span_eq(m.members[n].node, span_of(w->nodes[i].node))) {
            m.members[n].state = state;
            m.members[n].since = m.epoch;
        }
    }
    world_take(w, &m);
}

struct fed_draft world_draft(struct world *w, const char *audience, const char *tlp)
{
    struct jcs *who = NULL;
    struct jcs *body = jcs_new_object(&w->a);
    MUST(jcs_read(&w->a, span_of(audience), FED_DEPTH_MAX, &who, NULL));
    jcs_set_int(&w->a, body, "n", 7);
    return (struct fed_draft){.type = FED_TYPE_ITEM, .circle = world_newest(w)->circle, .audience = who,
                              .tlp = span_of(tlp), .pap = SPAN("AMBER"), .created_s = w->now_s - 10,
                              .expires_s = w->now_s + 86400, .epoch = world_newest(w)->epoch, .body = body};
}

static enum fed_refusal find_issuer(void *ctx, const struct fed_envelope *env, struct fed_issuer *out)
{
    const struct world *w = ctx;
    return fed_issuer_find(w->epochs, w->nepochs, env, w->now_s, out);
}

struct fed_check world_check(struct world *w, bool at_hub)
{
    return (struct fed_check){.now_s = w->now_s, .at_hub = at_hub, .ctx = w, .issuer = find_issuer};
}

int world_make(struct world *w, uint32_t i, const struct fed_draft *d, bool sealed, struct span *text_out)
{
    struct fed_audience who;
    struct fed_reader *readers = NULL;
    uint32_t n = 0;
    char id[FED_ID_LEN + 1];
    struct err e = {0};
    fed_audience_read(&w->a, d->audience, &who);
    int rc = sealed ? fed_envelope_readers(&w->a, world_newest(w), &who, span_eq(d->tlp, SPAN("RED")),
                                           span_of(w->nodes[i].node), &readers, &n, &e)
                    : 0;
    return rc != 0 ? rc : fed_envelope_make(&w->a, d, &w->nodes[i], readers, n, text_out, id, &e);
}

struct span world_flipped(struct arena *a, struct span text, size_t at, uint64_t bit)
{
    char *copy = arena_bytes(a, text.len + 1);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    copy[at] = (char)(copy[at] ^ (1 << bit % 8));
    return span_make(copy, text.len);
}
