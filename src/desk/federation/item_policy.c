/* SPDX-License-Identifier: EUPL-1.2 */
/* Items and readers in the policy's words: see item_policy.h. Decides nothing itself. */
#include "desk/federation/item_policy.h"

void fed_item_of_marks(struct arena *a, const struct fed_marks *marks, const struct fed_membership *m, struct fed_item *out)
{
    const struct fed_draft d = {.type = FED_TYPE_ITEM, .circle = m->circle, .audience = marks->audience,
                                .tlp = marks->tlp, .pap = marks->pap, .chr = marks->chr,
                                .expires_s = marks->expires_s, .epoch = marks->epoch};
    fed_item_of_draft(a, &d, marks->author, m, out);
    out->item.kind = marks->teaser ? ITEM_TEASER : ITEM_STORY;
    out->item.author_person = marks->author_person;
    out->item.retracted = marks->retracted;
}

void fed_person_of(const struct fed_membership *m, struct span node, struct span person, uint32_t roles, bool mine, struct fed_peer *out)
{
    fed_peer_of(m, node, READER_PERSON, out);
    out->reader.person = person;
    out->reader.roles = roles;
    /* Whoever operates a hub reads there what his own organisation wrote. */
    out->reader.hub_operator = out->reader.hub_operator && !mine;
}

void fed_link_reader(const struct fed_membership *m, struct span organisation, struct span person, bool nda, time_ns ends,
                     struct fed_peer *out)
{
    *out = (struct fed_peer){.reader = {.kind = READER_LINK, .person = person, .organisation = organisation,
                                        .link_ends = ends, .roles = POLICY_ROLE_READ_ONLY}};
    out->place = (struct policy_membership){.circle = m->circle,
                                            .classes = (uint32_t)MEMBER_PLAIN | (nda ? (uint32_t)MEMBER_NDA : 0),
                                            .state = MEMBER_ACTIVE,
                                            .epoch = m->epoch,
                                            .since_epoch = 0, /* no AMBER by circle: no file says since when */
                                            .expires = m->expires_s * TIME_SECOND};
    out->reader.memberships = &out->place;
    out->reader.nmemberships = 1;
}

static int compare_readers(const struct fed_reader *x, struct span node)
{
    return memcmp(x->node.ptr, node.ptr, FED_NODE_LEN);
}

/* Keeps the list sorted, each node once. */
static void add_reader(struct fed_preview *p, const struct fed_member *m)
{
    uint32_t at = p->nreaders;
    while (at > 0 && compare_readers(&p->readers[at - 1], m->node) > 0) {
        at--;
    }
    if (at > 0 && compare_readers(&p->readers[at - 1], m->node) == 0) {
        return;
    }
    memmove(&p->readers[at + 1], &p->readers[at], (p->nreaders - at) * sizeof *p->readers);
    p->readers[at].node = m->node;
    memcpy(p->readers[at].seal, m->seal, FED_KEY_BYTES);
    p->nreaders++;
}

/* Somebody of the organisation, without a name: what most readers are. */
static void add_organisations(const struct fed_item *item, const struct fed_membership *m, time_ns now, struct fed_preview *out)
{
    for (uint32_t i = 0; i < m->nmembers; i++) {
        const struct fed_member *member = &m->members[i];
        struct fed_peer peer;
        if (member->state != FED_ACTIVE || span_eq(member->node, item->item.author_organisation)) {
            continue;
        }
        fed_person_of(m, member->node, SPAN(""), POLICY_ROLE_READ_ONLY, false, &peer);
        struct policy_decision d = policy_decide(&peer.reader, &item->item, ACTION_READ, now);
        out->lines[out->count++] = (struct fed_preview_line){member, SPAN(""), d.allowed, d.reason};
        out->organisations += d.allowed ? 1 : 0;
    }
}

static void add_persons(const struct fed_item *item, const struct fed_audience *who, const struct fed_membership *m, time_ns now,
                        struct fed_preview *out)
{
    for (uint32_t i = 0; i < who->npersons; i++) {
        const struct fed_member *member = fed_membership_find(m, who->persons[i].node);
        struct fed_peer peer;
        if (member == NULL || member->state != FED_ACTIVE) {
            continue;
        }
        fed_person_of(m, member->node, who->persons[i].name, POLICY_ROLE_READ_ONLY, false, &peer);
        struct policy_decision d = policy_decide(&peer.reader, &item->item, ACTION_READ, now);
        out->lines[out->count++] = (struct fed_preview_line){member, who->persons[i].name, d.allowed, d.reason};
        out->persons += d.allowed ? 1 : 0;
    }
}

int fed_item_preview(struct arena *a, const struct fed_item *item, const struct fed_audience *who, const struct fed_membership *m,
                     time_ns now, struct fed_preview *out, struct err *e)
{
    const struct fed_member *author = fed_membership_find(m, item->item.author_organisation);
    struct fed_reach *reach = NULL;
    uint32_t n = 0;
    *out = (struct fed_preview){.seals = fed_policy_seals(item)};
    out->lines = arena_calloc(a, (size_t)m->nmembers + who->npersons, sizeof *out->lines);
    out->readers = arena_calloc(a, (size_t)m->nmembers + 1, sizeof *out->readers);
    if (author == NULL || author->state != FED_ACTIVE) {
        return err_set(e, ERR_DENIED, "this node is no active member of the circle");
    }
    add_organisations(item, m, now, out);
    add_persons(item, who, m, now, out);
    uint32_t nodes = fed_policy_reach(a, item, m, now, &reach, &n);
    for (uint32_t i = 0; i < n; i++) {
        if (reach[i].decision.allowed) {
            add_reader(out, reach[i].member);
        }
    }
    add_reader(out, author);
    return nodes > 0 ? 0 : err_set(e, ERR_DENIED, "nobody but its author could read this");
}

static enum tlp tlp_of(struct span word)
{
    struct label l = policy_label_parse(word);
    return l.what == LABEL_TLP ? l.tlp : TLP_UNKNOWN;
}

static unsigned pap_strictness(struct arena *a, struct span word)
{
    return pap_rank(policy_tag_parse(span_of(arena_printf(a, "pap:%.*s", SPAN_ARG(word)))).pap);
}

/* What reaches people who are not members yet, or no members at all, is compared by its words. */
static bool opens_more(const struct fed_audience *was, const struct fed_audience *is)
{
    bool was_circle = was->all || was->nda;
    bool is_circle = is->all || (is->nda && is->norgs == 0 && is->nnodes == 0 && is->npersons == 0);
    return is->unknown || (is->public_ && !was->public_) || (is->sponsors && !was->sponsors) || (is->csirt && !was->csirt) ||
           (is_circle && !was_circle) || (is->all && !is->nda && was->nda);
}

/* Somebody of this member who reads `after` and did not read `before`. */
static bool gains(const struct fed_item *before, const struct fed_item *after, const struct fed_membership *m, const struct fed_member *member,
                  struct span person, time_ns now)
{
    struct fed_peer peer;
    fed_person_of(m, member->node, person, POLICY_ROLE_READ_ONLY, false, &peer);
    return policy_allows(&peer.reader, &after->item, ACTION_READ, now) && !policy_allows(&peer.reader, &before->item, ACTION_READ, now);
}

bool fed_marks_widen(struct arena *a, const struct fed_marks *before, const struct fed_marks *after, const struct fed_membership *m)
{
    struct fed_item *x = arena_alloc(a, sizeof *x);
    struct fed_item *y = arena_alloc(a, sizeof *y);
    struct fed_audience was, is;
    time_ns now = (m->expires_s - 1) * TIME_SECOND; /* who reads is asked of a membership that holds */
    fed_audience_read(a, before->audience, &was);
    fed_audience_read(a, after->audience, &is);
    if (tlp_rank(tlp_of(after->tlp)) < tlp_rank(tlp_of(before->tlp)) || pap_strictness(a, after->pap) < pap_strictness(a, before->pap) ||
        (before->chr && !after->chr) || opens_more(&was, &is)) {
        return true;
    }
    fed_item_of_marks(a, before, m, x);
    fed_item_of_marks(a, after, m, y);
    x->item.retracted = y->item.retracted = false;
    x->marking.expires = y->marking.expires = 0;
    for (uint32_t i = 0; i < m->nmembers; i++) {
        if (gains(x, y, m, &m->members[i], SPAN(""), now)) {
            return true;
        }
    }
    for (uint32_t i = 0; i < is.npersons; i++) {
        const struct fed_member *member = fed_membership_find(m, is.persons[i].node);
        if (member == NULL || gains(x, y, m, member, is.persons[i].name, now)) {
            return true; /* somebody of whom nothing is known yet */
        }
    }
    return false;
}
