/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Envelopes, drafts and members as policy sees them, and what follows: who can open a draft,
 * whether it travels sealed, whether this node may take what came. Organisations are their node ids
 * here, so that nobody reads by a name he gave himself. Pure. Called by whoever makes an envelope
 * (preview, sealing, outbox) and by whoever takes one in.
 */
#ifndef DESK_FEDERATION_ENVELOPE_POLICY_H
#define DESK_FEDERATION_ENVELOPE_POLICY_H

#include "desk/federation/envelope.h"
#include "policy/policy.h"

/* An item with its one marking; must not move while it is asked about. */
struct fed_item {
    struct policy_item item;
    struct policy_marking marking;
    struct policy_circle circle;
};

/* What came, or is about to go, under the circle's membership m (of its epoch, else the newest).
 * Lists live in a. A label or audience that is not understood, or without a circle, becomes one
 * that is denied. */
void fed_item_of_envelope(struct arena *a, const struct fed_envelope *env,
                          const struct fed_membership *m, struct fed_item *out);
void fed_item_of_draft(struct arena *a, const struct fed_draft *d, struct span issuer,
                       const struct fed_membership *m, struct fed_item *out);

/* A member of m as a reader: its node, or a person or the hub there when kind says so. Must not
 * move. */
struct fed_peer {
    struct policy_reader reader;
    struct policy_membership place;
};
void fed_peer_of(const struct fed_membership *m, struct span node, enum reader_kind kind,
                 struct fed_peer *out);

/* One member and the policy's word on whether it will be able to open the item. */
struct fed_reach {
    const struct fed_member *member;
    struct policy_decision decision;
};
/* All members of m but the issuer; what a preview shows, and to whom a body is sealed. Returns how
 * many can open it. */
uint32_t fed_policy_reach(struct arena *a, const struct fed_item *item,
                          const struct fed_membership *m, time_ns now, struct fed_reach **out,
                          uint32_t *count_out);

/* Whether its body must be sealed to its readers: RED, NDA, and AMBER that does not list the hub.
 */
bool fed_policy_seals(const struct fed_item *item);

/* Whether `self`, a member of m, takes the envelope in: as one of its readers, or as the circle's
 * hub that carries it. FED_TAKEN, POLICY, LABEL, AUDIENCE, EPOCH. Control messages are not asked
 * about (FED_TAKEN). */
enum fed_refusal fed_policy_takes(struct arena *a, const struct fed_envelope *env,
                                  const struct fed_membership *m, struct span self, time_ns now);

/*
 * Under which PAP a hub, `self`, may tell members of its own circles what this envelope says, in words
 * of its own: PAP_UNKNOWN = not at all. Only what it reads as a member of the envelope's circle, and
 * what its author addressed to that whole circle, as GREEN or CLEAR, without a list, an NDA or the
 * Chatham House Rule. The outcome is never looser than GREEN; who of the own circle reads it is asked again, of
 * each.
 */
enum pap fed_policy_onward(struct arena *a, const struct fed_envelope *env,
                           const struct fed_membership *m, struct span self, time_ns now);

#endif
