/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items and their readers as the policy sees them: the persons of this node, the links of small
 * members, who will be able to read before it is sent ("these 14 organisations"), and to whose keys
 * it is sealed, which is the same answer. Pure; on top of envelope_policy. Called by the desk.
 */
#ifndef DESK_FEDERATION_ITEM_POLICY_H
#define DESK_FEDERATION_ITEM_POLICY_H

#include "desk/federation/envelope_policy.h"

/* What of an item decides who may read it. */
struct fed_marks {
    struct span author;        /* node */
    struct span author_person; /* name of the account that wrote it here; empty elsewhere */
    bool mine;
    bool teaser;
    bool retracted;
    uint64_t epoch;
    struct span tlp, pap;
    bool chr;
    const struct jcs *audience;
    int64_t expires_s;
};

/* m: newest membership of its circle. `out` must not move afterwards. */
void fed_item_of_marks(struct arena *a, const struct fed_marks *marks, const struct fed_membership *m, struct fed_item *out);

/* An account of this node as a reader of an item: `node` is this node's id, person its account's name. */
void fed_person_of(const struct fed_membership *m, struct span node, struct span person, uint32_t roles, bool mine, struct fed_peer *out);
/* A person of a member organisation without a node, by his personal link: a member of the circle in
 * the eyes of its officers, NDA or not, who never reads what is sealed. organisation: as the link says. */
void fed_link_reader(const struct fed_membership *m, struct span organisation, struct span person, bool nda, time_ns ends,
                     struct fed_peer *out);

/* One line of the preview: a member's organisation, or a person of it. */
struct fed_preview_line {
    const struct fed_member *member;
    struct span person; /* empty: the organisation */
    bool reads;
    enum policy_reason reason; /* why not */
};

struct fed_preview {
    struct fed_preview_line *lines;
    uint32_t count;
    uint32_t organisations; /* that will be able to read */
    uint32_t persons;       /* named ones */
    struct fed_reader *readers; /* nodes that can open it, and the author's own; sorted */
    uint32_t nreaders;
    bool seals; /* travels only sealed */
};

/* ERR_DENIED, with a sentence for its author, when nobody but him could read it or he is no active
 * member; the lines are there all the same. */
int fed_item_preview(struct arena *a, const struct fed_item *item, const struct fed_audience *who, const struct fed_membership *m,
                     time_ns now, struct fed_preview *out, struct err *e) NODISCARD;

/* Whether another label would let somebody read, or do, what he could not before (P9): asked of every
 * member and named person, and of the words that reach others. Errs on the side of yes. */
bool fed_marks_widen(struct arena *a, const struct fed_marks *before, const struct fed_marks *after, const struct fed_membership *m);

#endif
