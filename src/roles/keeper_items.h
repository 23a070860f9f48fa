/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Items in the keeper: its answers about them, and what envelopes about them do to the records. The
 * rules are desk/federation/item.h's; here they run inside the transaction that keeps the envelope.
 */
#ifndef ROLES_KEEPER_ITEMS_H
#define ROLES_KEEPER_ITEMS_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "records/fed_envelope.h"

struct keeper_records;

/* The function that answers this question, or NULL: it is none about items. */
typedef int keeper_item_answer_fn(struct keeper_records *kr, struct cursor *c, struct err *e);
keeper_item_answer_fn *keeper_item_answer(uint16_t ask);

/* What is over goes: items, links, letters, reads. */
void keeper_items_sweep(struct keeper_records *kr, time_ns now);

/*
 * Inside a transaction, once per envelope; digest: what its verify function in the desk wrote
 * (desk/federation/item_digest.h). 0: applied, or nothing followed; ERR_DENIED and ERR_INVALID:
 * refused, nothing was changed.
 */
int fed_item_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e) NODISCARD;
int fed_relabel_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e) NODISCARD;
int fed_tombstone_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e) NODISCARD;
int fed_receipt_apply(struct db *db, const struct fed_envelope_row *row, struct cursor *digest, time_ns now, struct err *e) NODISCARD;

#endif
