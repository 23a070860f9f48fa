/* SPDX-License-Identifier: EUPL-1.2 */
/* Registers in the keeper: a city's own files, and the records. See records/registers/. */
#ifndef ROLES_KEEPER_REGISTERS_H
#define ROLES_KEEPER_REGISTERS_H

#include "records/registers/record_row.h"
#include "roles/keeper_fed.h"

/* Reads DATA/registers and, where lists of a kind know other fields than before, makes its keys anew. A file that is refused is
 * logged and takes no other with it. */
int keeper_registers_open(struct keeper_records *kr, time_ns now, struct err *e) NODISCARD;
/* The answer to ASK_REGISTERS, ASK_RECORD*; NULL for another question. */
keeper_answer_fn *keeper_register_answer(uint16_t ask);

#endif
