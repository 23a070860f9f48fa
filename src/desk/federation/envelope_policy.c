/* SPDX-License-Identifier: EUPL-1.2 */
/* Between the federation's words and the policy's: see envelope_policy.h. */
#include "desk/federation/envelope_policy.h"

/* A type of envelope without a row in policy/paths.def does not compile, nor does a row without its
 * type. */
enum {
#define ROW_OF_ENVELOPE(name) PATH_OF_ENVELOPE_##name,
#include "policy/paths.def"
    ENVELOPE_ROWS
};
#define TYPE(name, word, control, hub_only) +(PATH_OF_ENVELOPE_##name >= 0)
enum {
    ENVELOPE_TYPES = 0
#include "desk/federation/types.def"
};
#undef TYPE
_Static_assert((int)ENVELOPE_TYPES == (int)ENVELOPE_ROWS,
               "a row of policy/paths.def lacks its type");

_Static_assert((int)FED_MEMBER == (int)MEMBER_PLAIN && (int)FED_NDA == (int)MEMBER_NDA &&
                   (int)FED_SPONSOR == (int)MEMBER_SPONSOR && (int)FED_CSIRT == (int)MEMBER_CSIRT &&
                   (int)FED_HUB == (int)MEMBER_HUB,
               "classes of members are the same bits");

/* What envelope and draft have in common. */
struct labelled {
    enum fed_type type;
    struct span issuer;
    struct span tlp;
    struct span pap;
    bool chr;
    uint64_t epoch;
    int64_t expires_s;
    const struct fed_audience *who;
};

static enum item_kind kind_of(enum fed_type type)
{
    static const enum item_kind kinds[FED_TYPE_COUNT] = {
        [FED_TYPE_SIGNAL] = ITEM_SIGNAL, [FED_TYPE_WARNING] = ITEM_WARNING,
        [FED_TYPE_ITEM] = ITEM_STORY,    [FED_TYPE_TOMBSTONE] = ITEM_STORY,
        [FED_TYPE_RELABEL] = ITEM_STORY, [FED_TYPE_RECEIPT] = ITEM_STORY,
    };
    return type < FED_TYPE_COUNT ? kinds[type] : ITEM_UNKNOWN;
}

/* Nodes listed by themselves, and those of listed organisations. */
static void organisations_of(struct arena *a, const struct fed_audience *who,
                             const struct fed_membership *m, struct policy_audience *out)
{
    struct span *list = arena_calloc(a, (size_t)m->nmembers + 1, sizeof *list);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        bool meant = false;
        for (uint32_t k = 0; k < who->nnodes; k++) {
            meant = meant || span_eq(who->nodes[k], m->members[i].node);
        }
        for (uint32_t k = 0; k < who->norgs; k++) {
            meant = meant || span_eq(who->orgs[k], m->members[i].org);
        }
        if (meant) {
            list[out->norganisations++] = m->members[i].node;
            out->hub = out->hub || span_eq(m->members[i].node, m->hub.node);
        }
    }
    out->organisations = list;
}

/* Consent to sponsors is given for all sponsors of the circle, by name of those there are. */
static void sponsors_of(struct arena *a, const struct fed_membership *m,
                        struct policy_audience *out)
{
    struct span *list = arena_calloc(a, (size_t)m->nmembers + 1, sizeof *list);
    for (uint32_t i = 0; i < m->nmembers; i++) {
        if ((m->members[i].classes & FED_SPONSOR) != 0) {
            list[out->nsponsors++] = m->members[i].node;
        }
    }
    out->sponsors = list;
}

static void persons_of(struct arena *a, const struct fed_audience *who, struct policy_audience *out)
{
    struct policy_person *list = arena_calloc(a, (size_t)who->npersons + 1, sizeof *list);
    for (uint32_t i = 0; i < who->npersons; i++) {
        list[i] = (struct policy_person){.id = who->persons[i].name,
                                         .organisation = who->persons[i].node};
    }
    out->persons = list;
    out->npersons = who->npersons;
}

static void item_of(struct arena *a, const struct labelled *l, const struct fed_membership *m,
                    struct fed_item *out)
{
    const struct fed_audience *who = l->who;
    struct policy_audience *to = &out->marking.audience;
    struct label tlp = policy_label_parse(l->tlp);
    struct label pap = policy_tag_parse(span_of(arena_printf(a, "pap:%.*s", SPAN_ARG(l->pap))));
    bool lists = who->norgs > 0 || who->nnodes > 0 || who->npersons > 0;
    *out = (struct fed_item){.circle = {.id = m->circle, .epoch = l->epoch, .listed = who->all}};
    out->marking.tlp = tlp.what == LABEL_TLP ? tlp.tlp : TLP_UNKNOWN;
    out->marking.pap = pap.pap;
    out->marking.chr = l->chr;
    out->marking.expires = l->expires_s * TIME_SECOND;
    organisations_of(a, who, m, to);
    persons_of(a, who, to);
    if (who->sponsors) {
        sponsors_of(a, m, to);
    }
    if (who->all || (who->nda && !lists)) {
        to->circles = &out->circle;
        to->ncircles = 1;
    }
    to->nda = who->nda || m->nda;
    to->csirt = who->csirt;
    to->public_ = who->public_;
    to->unknown = who->unknown || m->circle.len == 0;
    /* What the hub itself says, and machine signals, which it is there to compare, are for it. */
    to->hub = to->hub || span_eq(l->issuer, m->hub.node) || l->type == FED_TYPE_SIGNAL;
    out->item = (struct policy_item){
        .kind = kind_of(l->type),
        .author_organisation = l->issuer,
        .circle = m->circle,
        .policy_epoch = l->epoch,
        .markings = &out->marking,
        .nmarkings = 1,
        .published = who->public_, /* the author's signature is over it */
    };
}

void fed_item_of_envelope(struct arena *a, const struct fed_envelope *env,
                          const struct fed_membership *m, struct fed_item *out)
{
    struct labelled l = {env->type, env->issuer, env->tlp,       env->pap,
                         env->chr,  env->epoch,  env->expires_s, &env->who};
    item_of(a, &l, m, out);
}

void fed_item_of_draft(struct arena *a, const struct fed_draft *d, struct span issuer,
                       const struct fed_membership *m, struct fed_item *out)
{
    struct fed_audience who = {0};
    fed_audience_read(a, d->audience, &who);
    struct labelled l = {d->type, issuer, d->tlp, d->pap, d->chr, d->epoch, d->expires_s, &who};
    item_of(a, &l, m, out);
}

void fed_peer_of(const struct fed_membership *m, struct span node, enum reader_kind kind,
                 struct fed_peer *out)
{
    static const enum member_state states[] = {
        [FED_STATE_NONE] = MEMBER_STATE_UNKNOWN,
        [FED_ACTIVE] = MEMBER_ACTIVE,
        [FED_SUSPENDED] = MEMBER_SUSPENDED,
        [FED_GONE] = MEMBER_REMOVED,
    };
    const struct fed_member *who = fed_membership_find(m, node);
    *out = (struct fed_peer){.reader = {.kind = kind, .organisation = node}};
    if (who == NULL) {
        return;
    }
    bool hub = span_eq(node, m->hub.node);
    out->place = (struct policy_membership){
        .circle = m->circle,
        .classes = (who->classes & ~(uint32_t)FED_HUB) | (hub ? (uint32_t)MEMBER_HUB : 0),
        .state = (size_t)who->state < ARRAY_LEN(states) ? states[who->state] : MEMBER_STATE_UNKNOWN,
        .epoch = m->epoch,
        .since_epoch = who->since,
        .expires = m->expires_s * TIME_SECOND,
    };
    out->reader.hub_operator = hub;
    out->reader.memberships = &out->place;
    out->reader.nmemberships = 1;
}

uint32_t fed_policy_reach(struct arena *a, const struct fed_item *item,
                          const struct fed_membership *m, time_ns now, struct fed_reach **out,
                          uint32_t *count_out)
{
    struct fed_reach *reach = arena_calloc(a, (size_t)m->nmembers + 1, sizeof *reach);
    uint32_t n = 0;
    uint32_t yes = 0;
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member *member = &m->members[i];
        struct fed_peer peer;
        if (span_eq(member->node, item->item.author_organisation)) {
            continue;
        }
        fed_peer_of(m, member->node, READER_NODE, &peer);
        reach[n].member = member;
        reach[n].decision = policy_decide(&peer.reader, &item->item, ACTION_FORWARD, now);
        yes += reach[n++].decision.allowed ? 1 : 0;
    }
    *out = reach;
    *count_out = n;
    return yes;
}

bool fed_policy_seals(const struct fed_item *item)
{
    return policy_must_seal(&item->item);
}

enum fed_refusal fed_policy_takes(struct arena *a, const struct fed_envelope *env,
                                  const struct fed_membership *m, struct span self, time_ns now)
{
    struct fed_item item;
    struct fed_peer peer;
    if (fed_type_is_control(env->type)) {
        return FED_TAKEN;
    }
    bool hub = span_eq(self, m->hub.node);
    fed_item_of_envelope(a, env, m, &item);
    fed_peer_of(m, self, hub ? READER_HUB : READER_NODE, &peer);
    struct policy_decision d =
        policy_decide(&peer.reader, &item.item, hub ? ACTION_RELAY : ACTION_FORWARD, now);
    if (d.allowed) {
        return d.must_seal && env->sealed == NULL ? FED_UNSEALED : FED_TAKEN;
    }
    switch (d.reason) {
    case REASON_LABEL_UNKNOWN:
    case REASON_LABEL_MISSING:
        return FED_LABEL;
    case REASON_AUDIENCE_UNKNOWN:
        return FED_AUDIENCE;
    case REASON_EPOCH_UNKNOWN:
        return FED_EPOCH;
    default:
        return FED_POLICY;
    }
}

enum pap fed_policy_onward(struct arena *a, const struct fed_envelope *env,
                           const struct fed_membership *m, struct span self, time_ns now)
{
    struct fed_item item;
    struct fed_peer peer;
    const struct fed_audience *who = &env->who;
    fed_item_of_envelope(a, env, m, &item);
    fed_peer_of(m, self, READER_NODE, &peer);
    bool open = item.marking.tlp != TLP_UNKNOWN && tlp_rank(item.marking.tlp) <= tlp_rank(TLP_GREEN);
    bool whole = who->all && !who->unknown && !who->nda && !m->nda && who->norgs == 0 &&
                 who->nnodes == 0 && who->npersons == 0;
    if (!open || !whole || item.marking.chr || env->sealed != NULL ||
        !policy_allows(&peer.reader, &item.item, ACTION_FORWARD, now)) {
        return PAP_UNKNOWN;
    }
    return item.marking.pap == PAP_UNKNOWN ? PAP_RED : pap_stricter(item.marking.pap, PAP_GREEN);
}
