/* SPDX-License-Identifier: EUPL-1.2 */
/* Lists of the personnel office in the keeper: see records/staff_imports.h. */
#ifndef ROLES_KEEPER_STAFF_H
#define ROLES_KEEPER_STAFF_H

#include "roles/keeper_fed.h"

/* The answer to ASK_STAFF_FIND and the others of its kind; NULL for another question. */
keeper_answer_fn *keeper_staff_answer(uint16_t ask);

#endif
