/* SPDX-License-Identifier: EUPL-1.2 */
/* Adapters of what a node tells by itself, and of envelopes that come: see paths.h. */
#include "desk/federation/finding.h"
#include "desk/federation/text.h"
#include "tests/policy/paths.h"

/* What a hub above told a whole circle as GREEN or CLEAR, for the circles of this one: an envelope of theirs, never sealed.
 * Any list keeps it there, so a shorter one is no restriction of this way: persons make it, which P1 leaves alone. */
static struct fed_envelope told_above(struct path_case *c, uint32_t i)
{
    struct drawn *d = &c->drawn[i];
    struct thing whole = c->things[i];
    whole.orgs = 0;
    if (!d->has_above) {
        d->above = thing_marks(c, &whole);
        d->has_above = true;
    }
    const struct fed_marks marks = d->above;
    struct fed_envelope env = {.type = FED_TYPE_WARNING, .issuer = marks.author, .circle = c->m->circle, .audience = marks.audience,
                               .tlp = marks.tlp, .pap = marks.pap, .chr = marks.chr, .epoch = marks.epoch, .expires_s = marks.expires_s};
    fed_audience_read(c->arena, env.audience, &env.who);
    return env;
}

static void ask_onward(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    const struct thing *t = &c->things[i];
    const struct fed_envelope env = told_above(c, i);
    bool whole = t->all && !t->nda && !c->m->nda && t->persons == 0;
    fed_item_of_envelope(c->arena, &env, c->m, &c->shared);
    fed_peer_of(c->m, case_self(c), whole && t->tlp <= 1 && !t->chr ? READER_NODE : READER_UNKNOWN, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

static void show_onward(struct path_case *c, uint32_t mask, struct buf *out)
{
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct fed_envelope env = told_above(c, i);
        if ((mask >> i & 1) != 0 && fed_policy_onward(c->arena, &env, c->m, case_self(c), c->now) != PAP_UNKNOWN) {
            buf_cstr(out, c->things[i].title);
        }
    }
}
const struct path_adapter adapter_onward = {ask_onward, show_onward, 0};

/* The circle above: the same nodes, but whoever asks is its hub. The own circle's hub, node 0, is a member of it. */
static struct fed_membership above_of(const struct path_case *c)
{
    struct fed_membership above = *c->m;
    above.circle = SPAN("above");
    memset(&above.hub, 0, sizeof above.hub);
    above.hub.node = case_self(c);
    above.nda = c->link_nda;
    return above;
}

/* Things as warnings of the own circle: a teaser, or one whose label or audience is unknown, came from above itself. */
static struct finding finding_of(const struct path_case *c, uint32_t i)
{
    const struct thing *t = &c->things[i];
    return (struct finding){.warning = SPAN("0123456789abcdef0123456789abcdef"), .kind = COMMUNITY_RULE, .value = span_of(t->title),
                            .level = LEVEL_HIGH, .seen = t->pap, .last = c->now / TIME_SECOND / SIGNAL_BUCKET_S,
                            .passed_on = t->teaser || t->unknown || t->tlp == 5};
}

static void ask_finding(struct path_case *c, uint32_t i, const struct policy_reader **reader, const struct policy_item **item)
{
    struct fed_membership *above = arena_alloc(c->arena, sizeof *above);
    const struct finding f = finding_of(c, i);
    struct fed_draft draft;
    struct err e;
    *above = above_of(c);
    MUST(finding_draft(c->arena, above, c->now, &draft, &e));
    fed_item_of_draft(c->arena, &draft, span_of(c->world->nodes[0].node), above, &c->shared);
    fed_peer_of(above, case_self(c), c->m->nda || f.passed_on || c->self == 0 ? READER_UNKNOWN : READER_NODE, &c->peer);
    *reader = &c->peer.reader;
    *item = &c->shared.item;
}

/* The body that would go: nothing of it names a member, whatever is told. */
static void show_finding(struct path_case *c, uint32_t mask, struct buf *out)
{
    const struct fed_membership above = above_of(c);
    for (uint32_t i = 0; i < THINGS; i++) {
        const struct finding f = finding_of(c, i);
        struct signal list[FINDING_PARTS];
        if ((mask >> i & 1) == 0 || !finding_may_go(c->arena, &f, c->m, &above, span_of(c->world->nodes[0].node), c->now)) {
            continue;
        }
        size_t n = finding_signals(&f, c->arena, list);
        struct span body = jcs_text(c->arena, signals_body(c->arena, list, n));
        for (uint32_t k = 0; k < WORLD_NODES; k++) {
            struct span org = world_org(k);
            CHECK(memmem(body.ptr, body.len, org.ptr, org.len) == NULL);
            CHECK(memmem(body.ptr, body.len, c->world->nodes[k].node, FED_NODE_LEN) == NULL);
        }
        buf_span(out, body);
    }
}
const struct path_adapter adapter_finding = {ask_finding, show_finding, 0};
