/* SPDX-License-Identifier: EUPL-1.2 */
/* Looks at persons, in the keeper: answers to the desk. */
#ifndef ROLES_KEEPER_PRIVACY_H
#define ROLES_KEEPER_PRIVACY_H

#include "roles/keeper_fed.h"

/* NULL: it is no question of these. */
keeper_answer_fn *keeper_privacy_answer(uint16_t ask);

#endif
