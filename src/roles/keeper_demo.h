/* SPDX-License-Identifier: EUPL-1.2 */
/* The invented city in the keeper: what the desk asks of it (records/demo.h), and that nothing of it comes once it is gone. */
#ifndef ROLES_KEEPER_DEMO_H
#define ROLES_KEEPER_DEMO_H

#include "roles/keeper_fed.h"

#include "base/span.h"

/* Reads how far it is. */
int keeper_demo_open(struct keeper_records *kr, struct err *e) NODISCARD;
/* Whether something of this organisation and source is to be passed over: of the invented city while it is not there, or of an earlier load. */
bool keeper_demo_late(const struct keeper_records *kr, struct span organisation, struct span source);
/* The answer to ASK_DEMO and the other questions about it; NULL for another question. */
keeper_answer_fn *keeper_demo_answer(uint16_t ask);

#endif
