/* SPDX-License-Identifier: EUPL-1.2 */
/* Looks at persons, in the keeper: answers to the desk. */
#ifndef ROLES_KEEPER_PRIVACY_H
#define ROLES_KEEPER_PRIVACY_H

#include "roles/keeper_fed.h"

/* NULL: it is no question of these. */
keeper_answer_fn *keeper_privacy_answer(uint16_t ask);
/* What was read of sensitive records since the last time is written, in one transaction: about once a second, and before the records are closed. */
void keeper_reads_flush(struct keeper_records *kr);

#endif
