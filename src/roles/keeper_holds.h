/* SPDX-License-Identifier: EUPL-1.2 */
/* Legal holds in the keeper: see records/holds.h. */
#ifndef ROLES_KEEPER_HOLDS_H
#define ROLES_KEEPER_HOLDS_H

#include "archive/purge.h"
#include "roles/keeper_fed.h"

/* The answer to ASK_HOLD*; NULL for another question. */
keeper_answer_fn *keeper_hold_answer(uint16_t ask);
/* Those that stand, as retention takes them, in arena. While they cannot be read, nothing may be let go. */
int keeper_holds_standing(struct keeper_records *kr, struct arena *arena, struct purge_hold **out, size_t *count_out,
                          struct err *e) NODISCARD;

#endif
