/* SPDX-License-Identifier: EUPL-1.2 */
/* Second factors in the keeper: see records/factors.h. */
#ifndef ROLES_KEEPER_FACTORS_H
#define ROLES_KEEPER_FACTORS_H

#include "roles/keeper_fed.h"

/* The answer to ASK_FACTOR and the others of its kind; NULL for another question. */
keeper_answer_fn *keeper_factor_answer(uint16_t ask);

#endif
