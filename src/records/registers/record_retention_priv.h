/* SPDX-License-Identifier: EUPL-1.2 */
/* What record_retention.c and retention_view.c share: what goes is what was told before that it goes. */
#ifndef RECORDS_REGISTERS_RECORD_RETENTION_PRIV_H
#define RECORDS_REGISTERS_RECORD_RETENTION_PRIV_H

#include "records/registers/record_retention.h"
#include "records/registers/record_sql.h"

#define RETENTION_RULE_UNKNOWN (INT64_MAX / 2)

/* The day since when this rule is here; RETENTION_RULE_UNKNOWN: it is not noted yet. a: scratch. */
int retention_rule_since(struct db *db, const struct register_kind *k, uint32_t days, struct arena *a, int64_t *since_out, struct err *e) NODISCARD;
/* Days for which it can be seen that something will go. */
int64_t retention_notice(uint32_t days);
/* " FROM legal_hold h WHERE …": holds that stand over the record r: of all registers, of the kind, or of the record alone; of its organisation or of
 * the node; of days on which it was there. */
void retention_sql_hold(struct sql *q, struct span kind);

#endif
