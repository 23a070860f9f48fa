/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * The decision: what stands against it (reader, action, item), then each marking alone, by the
 * tables. See policy.h. A reader passes a marking when one of his relations to the item is opened
 * by its label and nothing vetoes.
 */
#include "policy/policy_priv.h"

/* Bits that tables.def writes as words. */
enum {
    PERSON = 1 << READER_PERSON,
    LINK = 1 << READER_LINK,
    NODE = 1 << READER_NODE,
    HUB = 1 << READER_HUB,
    SYSTEM = 1 << READER_SYSTEM,
    ANONYMOUS = 1 << READER_ANONYMOUS,
    ADMINISTRATOR = POLICY_ROLE_ADMINISTRATOR,
    ANALYST = POLICY_ROLE_ANALYST,
    OFFICER = POLICY_ROLE_OFFICER,
    ANY_ROLE = 0xFF,
    SHOWS = ACTION_SHOWS,
    LEAVES = ACTION_LEAVES,
    SEALS = ACTION_SEALS,
    CARRIES = ACTION_CARRIES,
};

static const struct action_row actions[ACTION_COUNT_] = {
#define ACTION(name, kinds, roles, strictest, flags) {#name, kinds, roles, TLP_##strictest, flags},
#include "policy/tables.def"
#undef ACTION
};

/* By label, the relations that open it. */
static const uint32_t opens[TLP_COUNT] = {
#define RELATION(name, clear, green, amber, strict, red) | (uint32_t)(clear) << RELATION_##name
    [TLP_CLEAR] = 0
#include "policy/tables.def"
#undef RELATION
    ,
#define RELATION(name, clear, green, amber, strict, red) | (uint32_t)(green) << RELATION_##name
    [TLP_GREEN] = 0
#include "policy/tables.def"
#undef RELATION
    ,
#define RELATION(name, clear, green, amber, strict, red) | (uint32_t)(amber) << RELATION_##name
    [TLP_AMBER] = 0
#include "policy/tables.def"
#undef RELATION
    ,
#define RELATION(name, clear, green, amber, strict, red) | (uint32_t)(strict) << RELATION_##name
    [TLP_AMBER_STRICT] = 0
#include "policy/tables.def"
#undef RELATION
    ,
#define RELATION(name, clear, green, amber, strict, red) | (uint32_t)(red) << RELATION_##name
    [TLP_RED] = 0
#include "policy/tables.def"
#undef RELATION
};

static const struct {
    const char *name;
    const char *key;
    bool quarantine;
} reasons[REASON_COUNT_] = {
#define REASON(name, key, quarantine) {#name, key, quarantine},
#include "policy/tables.def"
#undef REASON
};

const char *policy_reason_name(enum policy_reason reason)
{
    return (unsigned)reason < REASON_COUNT_ ? reasons[reason].name : "UNKNOWN";
}

const char *policy_reason_key(enum policy_reason reason)
{
    return (unsigned)reason < REASON_COUNT_ ? reasons[reason].key : "policy.not_addressed";
}

const char *policy_action_name(enum policy_action action)
{
    return (unsigned)action < ACTION_COUNT_ ? actions[action].name : "UNKNOWN";
}

const struct action_row *policy_action_row(enum policy_action action)
{
    return (unsigned)action < ACTION_COUNT_ ? &actions[action] : NULL;
}

uint32_t policy_opens(enum tlp t)
{
    return (unsigned)t < TLP_COUNT ? opens[t] : 0;
}

struct policy_decision policy_denied(enum policy_reason reason)
{
    CHECK(reason != REASON_ALLOWED && (unsigned)reason < REASON_COUNT_);
    return (struct policy_decision){.reason = reason, .quarantine = reasons[reason].quarantine};
}

/* ---- what stands against the item itself, whoever asks ---- */

static bool list_sane(uint32_t n, const void *list)
{
    return n == 0 || (n <= POLICY_LIST_MAX && list != NULL);
}

static enum policy_reason circles_sane(const struct policy_circle *c, uint32_t n)
{
    if (!list_sane(n, c)) {
        return REASON_AUDIENCE_UNKNOWN;
    }
    for (uint32_t i = 0; i < n; i++) {
        if (c[i].id.len == 0) {
            return REASON_AUDIENCE_UNKNOWN;
        }
        if (c[i].epoch == 0) {
            return REASON_EPOCH_UNKNOWN;
        }
    }
    return REASON_ALLOWED;
}

enum policy_reason policy_audience_sane(const struct policy_audience *a)
{
    if (a->unknown || !list_sane(a->norganisations, a->organisations) ||
        !list_sane(a->npersons, a->persons) || !list_sane(a->nsponsors, a->sponsors) ||
        !list_sane(a->nexcluded, a->excluded)) {
        return REASON_AUDIENCE_UNKNOWN;
    }
    enum policy_reason r = circles_sane(a->circles, a->ncircles);
    return r != REASON_ALLOWED ? r : circles_sane(a->groups, a->ngroups);
}

static enum policy_reason item_sane(const struct policy_item *item)
{
    if (item->nmarkings == 0 || item->markings == NULL) {
        return REASON_LABEL_MISSING;
    }
    if (item->nmarkings > POLICY_MARKINGS_MAX) {
        return REASON_AUDIENCE_UNKNOWN;
    }
    if (item->author_organisation.len == 0) {
        return REASON_AUTHOR_UNKNOWN;
    }
    if (item->circle.len > 0 && item->policy_epoch == 0) {
        return REASON_EPOCH_UNKNOWN;
    }
    for (uint32_t i = 0; i < item->nmarkings; i++) {
        if (tlp_rank(item->markings[i].tlp) > tlp_rank(TLP_RED)) {
            return REASON_LABEL_UNKNOWN;
        }
        enum policy_reason r = policy_audience_sane(&item->markings[i].audience);
        if (r != REASON_ALLOWED) {
            return r;
        }
    }
    return item->retracted ? REASON_RETRACTED : REASON_ALLOWED;
}

bool policy_must_seal(const struct policy_item *item)
{
    if (item_sane(item) != REASON_ALLOWED) {
        return true;
    }
    for (uint32_t i = 0; i < item->nmarkings; i++) {
        const struct policy_marking *m = &item->markings[i];
        bool hub_reads = tlp_rank(m->tlp) <= tlp_rank(TLP_GREEN) ||
                         (tlp_rank(m->tlp) < tlp_rank(TLP_RED) && m->audience.hub);
        if (!hub_reads || m->audience.nda) {
            return true;
        }
    }
    return false;
}

/* ---- what stands against this reader or action ---- */

static enum policy_reason reader_sane(const struct policy_reader *r, const struct policy_item *item,
                                      const struct action_row *action, time_ns now)
{
    if (r->kind <= READER_UNKNOWN || r->kind >= READER_KIND_COUNT) {
        return REASON_READER_UNKNOWN;
    }
    if ((action->kinds >> r->kind & 1) == 0) {
        return REASON_NOT_FOR_READER;
    }
    if (tlp_rank(policy_effective_tlp(item)) > tlp_rank(action->strictest)) {
        return REASON_LABEL_TOO_STRICT;
    }
    if (r->kind == READER_LINK && (r->link_revoked || now >= r->link_ends)) {
        return REASON_LINK_ENDED;
    }
    /* A link's page is made by the hub: what the hub cannot read, it cannot show. */
    if (r->kind == READER_LINK && policy_must_seal(item)) {
        return REASON_HUB_NEVER_READS;
    }
    /* Nobody is logged in at a link: a reading that must be recorded cannot be. */
    if (r->kind == READER_LINK && tlp_rank(policy_effective_tlp(item)) >= tlp_rank(TLP_AMBER)) {
        return REASON_LABEL_TOO_STRICT;
    }
    return REASON_ALLOWED;
}

/* Standing in the carrying circle, which all but the author and the world must have. */
static enum policy_reason carrier_denies(const struct policy_reader *r,
                                         const struct policy_item *item, time_ns now)
{
    if (item->circle.len == 0) {
        return REASON_ALLOWED;
    }
    struct policy_circle c = {.id = item->circle, .epoch = item->policy_epoch};
    return policy_standing(r->memberships, r->nmemberships, &c, now).denies;
}

static enum policy_reason marking_denies(const struct policy_ask *ask,
                                         const struct policy_marking *m, uint32_t relations)
{
    const struct policy_reader *r = ask->reader;
    const struct policy_audience *a = &m->audience;
    const uint32_t author = RELATION_BIT(AUTHOR_PERSON) | RELATION_BIT(AUTHOR_ORGANISATION);
    bool hub = r->hub_operator || r->kind == READER_HUB;
    if (policy_excludes(a, r)) {
        return REASON_EXCLUDED;
    }
    if (hub && (m->tlp == TLP_RED || a->nda)) {
        return REASON_HUB_NEVER_READS;
    }
    if ((relations & author) == 0 && m->expires != 0 && ask->now >= m->expires) {
        return REASON_EXPIRED;
    }
    if ((relations & author) == 0 && a->nda && !policy_is_nda(ask, a)) {
        return REASON_NOT_NDA;
    }
    return REASON_ALLOWED;
}

/* Passes one marking, or says why not. */
static enum policy_reason passes(const struct policy_ask *ask, const struct policy_marking *m,
                                 uint32_t *opened)
{
    const struct policy_reader *r = ask->reader;
    uint32_t relations = policy_relations(ask, m);
    if (r->kind == READER_PERSON && (r->roles & ask->action->roles) == 0) {
        relations &= RELATION_BIT(ANYBODY);
    }
    enum policy_reason reason = marking_denies(ask, m, relations);
    if (reason != REASON_ALLOWED) {
        return reason;
    }
    relations &= opens[m->tlp];
    *opened |= relations;
    if (relations != 0) {
        return REASON_ALLOWED;
    }
    if (r->kind == READER_PERSON && (r->roles & ask->action->roles) == 0) {
        return REASON_ROLE_LACKS;
    }
    if (m->tlp == TLP_CLEAR && r->kind == READER_ANONYMOUS) {
        return REASON_NOT_PUBLISHED;
    }
    return ask->carrier != REASON_ALLOWED ? ask->carrier : REASON_NOT_ADDRESSED;
}

/* A hub of the carrying circle takes the envelope though it may not read it; then sealed. */
static bool may_carry(const struct policy_ask *ask)
{
    const struct policy_reader *r = ask->reader;
    if ((ask->action->flags & ACTION_CARRIES) == 0 || r->kind != READER_HUB ||
        ask->item->circle.len == 0) {
        return false;
    }
    struct policy_circle c = {.id = ask->item->circle, .epoch = ask->item->policy_epoch};
    struct standing s = policy_standing(r->memberships, r->nmemberships, &c, ask->now);
    return s.denies == REASON_ALLOWED && (s.classes & MEMBER_HUB) != 0;
}

static struct policy_decision allowed(const struct policy_ask *ask, uint32_t opened)
{
    const uint32_t author = RELATION_BIT(AUTHOR_PERSON) | RELATION_BIT(AUTHOR_ORGANISATION);
    const uint32_t as_organisation = opened & ~RELATION_BIT(LISTED_PERSON);
    struct policy_decision d = {.allowed = true, .reason = REASON_ALLOWED, .relations = opened};
    bool own = (opened & author) != 0;
    bool seals = (ask->action->flags & ACTION_SEALS) != 0;
    d.must_seal = seals && (policy_must_seal(ask->item) || as_organisation == 0);
    d.strip = !own && policy_effective_chr(ask->item);
    d.log_read = !own && tlp_rank(policy_effective_tlp(ask->item)) >= tlp_rank(TLP_AMBER);
    return d;
}

struct policy_decision policy_decide(const struct policy_reader *reader,
                                     const struct policy_item *item, enum policy_action action,
                                     time_ns now)
{
    const struct action_row *row = policy_action_row(action);
    if (row == NULL) {
        return policy_denied(REASON_ACTION_UNKNOWN);
    }
    enum policy_reason reason = item_sane(item);
    if (reason == REASON_ALLOWED) {
        reason = reader_sane(reader, item, row, now);
    }
    if (reason != REASON_ALLOWED) {
        return policy_denied(reason);
    }
    struct policy_ask ask = {.reader = reader,
                             .item = item,
                             .action = row,
                             .action_id = action,
                             .now = now,
                             .carrier = carrier_denies(reader, item, now)};
    /* Nothing travels to whom was put out of the circle, be it public. */
    if ((row->flags & ACTION_SEALS) != 0 && ask.carrier == REASON_REMOVED) {
        return policy_denied(REASON_REMOVED);
    }
    uint32_t opened = 0;
    for (uint32_t i = 0; i < item->nmarkings; i++) {
        reason = passes(&ask, &item->markings[i], &opened);
        if (reason != REASON_ALLOWED) {
            return may_carry(&ask) ? allowed(&ask, 0) : policy_denied(reason);
        }
    }
    const uint32_t author = RELATION_BIT(AUTHOR_PERSON) | RELATION_BIT(AUTHOR_ORGANISATION);
    if (action == ACTION_PUBLISH && (opened & author) == 0) {
        return policy_denied(REASON_NOT_AUTHOR);
    }
    return allowed(&ask, opened);
}

/* ---- own items, uses ---- */

void policy_own_item(struct policy_item *item, struct policy_marking *marking, enum item_kind kind,
                     struct span organisation)
{
    *marking = (struct policy_marking){
        .tlp = policy_label_default(true), .pap = PAP_RED, .place = MARKING_OBJECT};
    *item = (struct policy_item){.kind = kind,
                                 .author_organisation = organisation,
                                 .markings = marking,
                                 .nmarkings = 1,
                                 .local = true};
}

struct policy_decision policy_may_use(const struct policy_item *item, enum policy_use use)
{
    static const enum pap loosest[USE_COUNT_] = {
#define USE(name, pap) PAP_##pap,
#include "policy/tables.def"
#undef USE
    };
    enum policy_reason reason = item_sane(item);
    if (reason != REASON_ALLOWED) {
        return policy_denied(reason);
    }
    if ((unsigned)use >= USE_COUNT_ ||
        pap_rank(policy_effective_pap(item)) > pap_rank(loosest[use])) {
        return policy_denied(REASON_PAP_FORBIDS);
    }
    return (struct policy_decision){.allowed = true};
}
