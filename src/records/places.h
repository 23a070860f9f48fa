/* SPDX-License-Identifier: EUPL-1.2 */
/* Whose things a question to the keeper is about (policy/own.h), as a message. Called by the desk and the keeper. */
#ifndef RECORDS_PLACES_H
#define RECORDS_PLACES_H

#include "base/buf.h"
#include "policy/own.h"

void places_encode(struct buf *out, const struct policy_places *p);
/* Spans point into the cursor's bytes. Nobody's, more than there can be, a name that is none, or "*" beside others: c->failed. */
void places_decode(struct cursor *c, struct policy_places *out);

#endif
