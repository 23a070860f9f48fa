/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Who may see and do what with the things of the organisations on this node: alerts, hunts, sources, and what bears on them. A reader is asked
 * for once as what his account is, and once as each of his seats makes him; one of these must say yes to all of the question by itself: it
 * has what the route asks for (enum policy_may), and the policy lets it.
 *
 * A list cannot ask about each of ten million rows, so its WHERE clause is made of places, which are nothing but the answers of the same
 * function about one thing of each organisation; a test compares the two over generated cases. Pure, called by the desk.
 */
#ifndef POLICY_OWN_H
#define POLICY_OWN_H

#include "policy/policy.h"

enum { POLICY_PLACES_MAX = POLICY_SEATS_MAX + 1, POLICY_PLACE_MAX = 64 /* bytes of the name of an organisation, as accounts may carry */ };

/* Organisations of which somebody sees the things; "*" alone = of all on the node; none = of nobody. */
struct policy_places {
    uint32_t count;
    struct span at[POLICY_PLACES_MAX];
};

extern const struct policy_places policy_whole_node; /* "*" */

/* Whether the reader may do this with the item in one of his ways that has all of `may` (bits of enum policy_may; 0 = none: no). */
bool policy_own_allows(const struct policy_reader *reader, const struct policy_item *item, enum policy_action action, uint32_t may, time_ns now);

/* The organisations whose own things of this kind he may do this with; his own first. Borrowed of the reader. */
void policy_own_places(const struct policy_reader *reader, enum item_kind kind, enum policy_action action, uint32_t may, time_ns now,
                       struct policy_places *out);

bool policy_places_have(const struct policy_places *p, struct span organisation);
bool policy_places_whole(const struct policy_places *p);

/* The reader in those of his ways alone that have all of `may`; room is his seats' and must live as long. */
void policy_reader_narrow(const struct policy_reader *reader, uint32_t may, struct policy_seat room[POLICY_SEATS_MAX], struct policy_reader *out);

#endif
