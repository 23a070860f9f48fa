/* SPDX-License-Identifier: EUPL-1.2 */
/* Issued briefs in the keeper: see records/briefs.h. */
#ifndef ROLES_KEEPER_BRIEFS_H
#define ROLES_KEEPER_BRIEFS_H

#include "roles/keeper_fed.h"

/* The answer to ASK_BRIEF*; NULL for another question. */
keeper_answer_fn *keeper_brief_answer(uint16_t ask);

#endif
