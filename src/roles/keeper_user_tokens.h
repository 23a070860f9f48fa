/* SPDX-License-Identifier: EUPL-1.2 */
/* API tokens of people in the keeper: see records/user_tokens.h. */
#ifndef ROLES_KEEPER_USER_TOKENS_H
#define ROLES_KEEPER_USER_TOKENS_H

#include "roles/keeper_fed.h"

/* The answer to ASK_USER_TOKENS and the others of its kind; NULL for another question. */
keeper_answer_fn *keeper_user_token_answer(uint16_t ask);

#endif
