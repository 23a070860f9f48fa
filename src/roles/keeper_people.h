/* SPDX-License-Identifier: EUPL-1.2 */
/* People in the keeper: a city's own files of roles, accounts and their links. See desk/identity/people_role.h, records/people.h. */
#ifndef ROLES_KEEPER_PEOPLE_H
#define ROLES_KEEPER_PEOPLE_H

#include "roles/keeper_fed.h"

/* Reads DATA/roles. A file that is refused is logged and takes no other with it. */
int keeper_people_open(struct keeper_records *kr, struct err *e) NODISCARD;
/* The answer to ASK_ROLES and the other questions about people; NULL for another question. */
keeper_answer_fn *keeper_people_answer(uint16_t ask);

#endif
