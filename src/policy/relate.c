/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * How a reader stands to an item under one marking: facts as bits of enum policy_relation. Which of
 * them a label opens is not decided here but in tables.def. See policy.h.
 */
#include "policy/policy_priv.h"

static bool named(const struct span *list, uint32_t n, struct span id)
{
    for (uint32_t i = 0; i < n && id.len > 0; i++) {
        if (span_eq(list[i], id)) {
            return true;
        }
    }
    return false;
}

struct standing policy_standing(const struct policy_membership *m, uint32_t n,
                                const struct policy_circle *circle, time_ns now)
{
    struct standing s = {.denies = REASON_PEER_UNKNOWN, .classes = UINT32_MAX, .was_there = true};
    enum policy_reason denies = REASON_ALLOWED;
    bool found = false;
    /* Two rows for one circle should not be: then what both grant holds. */
    for (uint32_t i = 0; i < n; i++) {
        if (!span_eq(m[i].circle, circle->id) || circle->id.len == 0) {
            continue;
        }
        found = true;
        s.classes &= m[i].classes;
        s.was_there = s.was_there && m[i].since_epoch != 0 && m[i].since_epoch <= circle->epoch;
        if (m[i].state != MEMBER_ACTIVE) {
            denies = REASON_REMOVED;
        } else if (denies == REASON_ALLOWED && m[i].expires != 0 && now >= m[i].expires) {
            denies = REASON_MEMBERSHIP_EXPIRED;
        } else if (denies == REASON_ALLOWED && (m[i].epoch == 0 || m[i].epoch < circle->epoch)) {
            denies = REASON_EPOCH_UNKNOWN;
        }
    }
    if (!found) {
        return (struct standing){.denies = REASON_PEER_UNKNOWN};
    }
    s.denies = denies;
    return s;
}

bool policy_excludes(const struct policy_audience *a, const struct policy_reader *r)
{
    return named(a->excluded, a->nexcluded, r->organisation) ||
           named(a->excluded, a->nexcluded, r->person);
}

bool policy_is_nda(const struct policy_ask *ask, const struct policy_audience *a)
{
    const struct policy_reader *r = ask->reader;
    struct policy_circle carrier = {.id = ask->item->circle, .epoch = ask->item->policy_epoch};
    for (uint32_t i = 0; i <= a->ncircles; i++) {
        const struct policy_circle *c = i < a->ncircles ? &a->circles[i] : &carrier;
        struct standing s = policy_standing(r->memberships, r->nmemberships, c, ask->now);
        if (s.denies == REASON_ALLOWED && (s.classes & MEMBER_NDA) != 0 &&
            (s.classes & MEMBER_SPONSOR) == 0) {
            return true;
        }
    }
    return false;
}

/* What a place in one listed circle makes of a reader. */
static uint32_t in_circle(const struct policy_audience *a, const struct standing *s, bool as_hub,
                          bool listed)
{
    uint32_t bits = 0;
    bool member = (s->classes & (MEMBER_PLAIN | MEMBER_NDA)) != 0;
    bool sponsor = (s->classes & MEMBER_SPONSOR) != 0;
    if (member) {
        bits |= RELATION_BIT(CIRCLE_MEMBER);
    }
    /* Whoever pays for others is no peer of theirs: a sponsor that is also a member reads GREEN, no
     * more by circle. */
    if ((s->classes & MEMBER_NDA) != 0 && !sponsor && s->was_there) {
        bits |= RELATION_BIT(CIRCLE_NDA);
    }
    if (member && !sponsor && s->was_there && listed) {
        bits |= RELATION_BIT(ADDRESSED_ORGANISATION);
    }
    if (sponsor) {
        bits |= RELATION_BIT(SPONSOR_REGISTERED);
    }
    if ((s->classes & MEMBER_CSIRT) != 0) {
        bits |= RELATION_BIT(CSIRT_REGISTERED) | (a->csirt ? RELATION_BIT(CSIRT_LISTED) : 0);
    }
    if ((s->classes & MEMBER_HUB) != 0 && as_hub) {
        bits |= RELATION_BIT(HUB_OPERATOR) | (a->hub ? RELATION_BIT(HUB_LISTED) : 0);
    }
    return bits;
}

static uint32_t by_circles(const struct policy_ask *ask, const struct policy_audience *a,
                           const struct policy_membership *memberships, uint32_t n)
{
    const struct policy_reader *r = ask->reader;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < a->ncircles; i++) {
        struct standing s = policy_standing(memberships, n, &a->circles[i], ask->now);
        if (s.denies == REASON_ALLOWED) {
            bits |=
                in_circle(a, &s, r->hub_operator || r->kind == READER_HUB, a->circles[i].listed);
        }
    }
    return bits;
}

/* Listed csirt and hub of the carrying circle, when no circle is opened as a whole. */
static uint32_t by_carrier(const struct policy_ask *ask, const struct policy_audience *a)
{
    const struct policy_reader *r = ask->reader;
    if (ask->carrier != REASON_ALLOWED || ask->item->circle.len == 0 || (!a->csirt && !a->hub)) {
        return 0;
    }
    struct policy_circle c = {.id = ask->item->circle, .epoch = ask->item->policy_epoch};
    struct standing s = policy_standing(r->memberships, r->nmemberships, &c, ask->now);
    uint32_t listed = RELATION_BIT(CSIRT_LISTED) | RELATION_BIT(HUB_LISTED);
    return in_circle(a, &s, r->hub_operator || r->kind == READER_HUB, false) & listed;
}

static bool by_groups(const struct policy_ask *ask, const struct policy_audience *a)
{
    const struct policy_reader *r = ask->reader;
    for (uint32_t i = 0; i < a->ngroups; i++) {
        if (policy_standing(r->groups, r->ngroups, &a->groups[i], ask->now).denies ==
            REASON_ALLOWED) {
            return true;
        }
    }
    return false;
}

/* By name, which holds only while the organisation is in the circle that carries the item. */
static uint32_t by_name(const struct policy_ask *ask, const struct policy_audience *a)
{
    const struct policy_reader *r = ask->reader;
    uint32_t bits = 0;
    if (by_groups(ask, a)) {
        bits |= RELATION_BIT(ADDRESSED_ORGANISATION);
    }
    if (ask->carrier != REASON_ALLOWED) {
        return bits;
    }
    if (named(a->organisations, a->norganisations, r->organisation)) {
        bits |= RELATION_BIT(ADDRESSED_ORGANISATION);
    }
    if (named(a->sponsors, a->nsponsors, r->organisation)) {
        bits |= RELATION_BIT(SPONSOR_CONSENTED);
    }
    /* A node gets what is for one of its people, sealed to that person. */
    bool node = r->kind == READER_NODE && (ask->action->flags & ACTION_SEALS) != 0;
    for (uint32_t i = 0; i < a->npersons && r->organisation.len > 0; i++) {
        bool here = span_eq(a->persons[i].organisation, r->organisation);
        bool same =
            r->person.len > 0 && span_eq(a->persons[i].id, r->person) && r->kind == READER_PERSON;
        if (here && (node || same)) {
            bits |= RELATION_BIT(LISTED_PERSON);
        }
    }
    return bits;
}

static bool is_client(const struct policy_ask *ask, const struct policy_audience *a)
{
    const struct policy_reader *r = ask->reader;
    struct policy_circle carrier = {.id = ask->item->circle, .epoch = ask->item->policy_epoch};
    const uint32_t addressed = RELATION_BIT(CIRCLE_NDA) | RELATION_BIT(ADDRESSED_ORGANISATION);
    /* Who was put out of a circle, whichever, does not come back as somebody's client. */
    for (uint32_t i = 0; i < r->nmemberships; i++) {
        if (r->memberships[i].state != MEMBER_ACTIVE) {
            return false;
        }
    }
    for (uint32_t i = 0; i < r->nclients_of; i++) {
        const struct policy_provider *p = &r->clients_of[i];
        if (p->organisation.len > 0 && span_eq(p->organisation, ask->item->author_organisation)) {
            return true;
        }
        if (ask->item->circle.len > 0 &&
            policy_standing(p->memberships, p->nmemberships, &carrier, ask->now).denies !=
                REASON_ALLOWED) {
            continue;
        }
        if (named(a->organisations, a->norganisations, p->organisation) ||
            (by_circles(ask, a, p->memberships, p->nmemberships) & addressed) != 0) {
            return true;
        }
    }
    return false;
}

static bool in_hours(const struct policy_grant *g, time_ns now)
{
    int64_t minutes = now / (TIME_SECOND * 60);
    int64_t minute = (minutes % 1440 + 1440) % 1440;
    if (g->from_minute == g->to_minute) {
        return true;
    }
    if (g->from_minute < g->to_minute) {
        return minute >= g->from_minute && minute < g->to_minute;
    }
    return minute >= g->from_minute || minute < g->to_minute;
}

static bool is_grantee(const struct policy_ask *ask)
{
    const struct policy_reader *r = ask->reader;
    const struct policy_item *item = ask->item;
    if (r->kind != READER_PERSON || item->kind <= ITEM_UNKNOWN || item->kind >= ITEM_KIND_COUNT) {
        return false;
    }
    for (uint32_t i = 0; i < r->ngrants; i++) {
        const struct policy_grant *g = &r->grants[i];
        bool scope = (g->kinds >> item->kind & 1) != 0 && (g->actions >> ask->action_id & 1) != 0;
        bool time = ask->now >= g->begins && ask->now < g->ends && in_hours(g, ask->now);
        if (scope && time && !g->revoked && span_eq(g->organisation, item->author_organisation)) {
            return true;
        }
    }
    return false;
}

static uint32_t as_author(const struct policy_ask *ask)
{
    const struct policy_reader *r = ask->reader;
    const struct policy_item *item = ask->item;
    bool same = span_eq(r->organisation, item->author_organisation);
    bool operator_ =
        r->whole_node && item->local && (r->kind == READER_PERSON || r->kind == READER_NODE);
    uint32_t bits = same || operator_ ? RELATION_BIT(AUTHOR_ORGANISATION) : 0;
    if (same && r->kind == READER_PERSON && r->person.len > 0 &&
        span_eq(r->person, item->author_person)) {
        bits |= RELATION_BIT(AUTHOR_PERSON);
    }
    return bits;
}

uint32_t policy_relations(const struct policy_ask *ask, const struct policy_marking *m)
{
    const struct policy_reader *r = ask->reader;
    const struct policy_audience *a = &m->audience;
    uint32_t bits = a->public_ && ask->item->published ? RELATION_BIT(ANYBODY) : 0;
    if (r->kind == READER_ANONYMOUS || r->kind == READER_SYSTEM || r->organisation.len == 0) {
        return bits;
    }
    bits |= as_author(ask);
    bits |= a->house && ask->item->local && r->in_house ? RELATION_BIT(IN_HOUSE) : 0;
    if (ask->carrier ==
        REASON_REMOVED) { /* not even through another circle, group or as a client */
        return bits;
    }
    bits |=
        by_circles(ask, a, r->memberships, r->nmemberships) | by_carrier(ask, a) | by_name(ask, a);
    bits |= is_client(ask, a) ? RELATION_BIT(CLIENT) : 0;
    bits |= is_grantee(ask) ? RELATION_BIT(GRANTEE) : 0;
    return bits;
}
