/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * An item as a letter to a small member without a node: whether the policy lets it go by mail to this link, and in which
 * words. Pure. Called by the desk when the letter goes.
 */
#ifndef DESK_FEDERATION_LETTER_H
#define DESK_FEDERATION_LETTER_H

#include "desk/federation/membership.h"
#include "policy/policy.h"
#include "records/fed_letter.h"

enum { FED_LETTER_KEY_LEN = 32 /* hex digits; the same for the same letter, so that it is known when it comes again */ };

/* m: newest membership of the item's circle. Sealed items, RED and AMBER never go this way. */
struct policy_decision fed_letter_may(struct arena *a, const struct fed_letter_due *l, const struct fed_membership *m, time_ns now);
void fed_letter_key(const struct fed_letter *l, char out[FED_LETTER_KEY_LEN + 1]);
/* The notice for the courier (desk/notify/notify.h). */
void fed_letter_notice(const struct fed_letter_due *l, const struct fed_membership *m, struct buf *out);

#endif
