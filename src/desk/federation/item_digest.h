/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What the desk reads out of an opened envelope about an item, coded for the keeper: a whole
 * fed_item_row for item and relabel; str id, str reason, u8 by_officers for a tombstone; str item,
 * str envelope, str done for a receipt. The records never see a body. Pure; the verify functions of
 * the engine, and tests, call it.
 */
#ifndef DESK_FEDERATION_ITEM_DIGEST_H
#define DESK_FEDERATION_ITEM_DIGEST_H

#include "base/buf.h"
#include "desk/federation/envelope.h"

/* m: newest membership of the envelope's circle. FED_TAKEN, BODY, or AUTHOR (a tombstone's officers
 * are too few is for the keeper to see: it knows the author). */
enum fed_refusal fed_item_digest(const struct fed_envelope *env, const struct jcs *body, const struct fed_membership *m, struct arena *a,
                                 struct buf *digest, struct err *e) NODISCARD;

#endif
