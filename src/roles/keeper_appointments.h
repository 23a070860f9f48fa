/* SPDX-License-Identifier: EUPL-1.2 */
/* Appointments in the keeper: whose account somebody's is, and what he is appointed to at each request. See records/appointments.h. */
#ifndef ROLES_KEEPER_APPOINTMENTS_H
#define ROLES_KEEPER_APPOINTMENTS_H

#include "roles/keeper_fed.h"

/* Reads the appointments of an account as they hold now; keeper_seats_encode writes them into the answer that has begun. */
int keeper_seats_read(struct keeper_records *kr, struct span user_id, struct err *e) NODISCARD;
void keeper_seats_encode(struct keeper_records *kr);
/* NULL for another question. */
keeper_answer_fn *keeper_appointment_answer(uint16_t ask);

#endif
