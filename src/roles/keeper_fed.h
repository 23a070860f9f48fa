/* SPDX-License-Identifier: EUPL-1.2 */
/* What the keeper answers about federation; keeper_answers.c and keeper_records.c only. */
#ifndef ROLES_KEEPER_FED_H
#define ROLES_KEEPER_FED_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct keeper_records;

/* A question whose number is read; writes the whole answer. */
typedef int keeper_answer_fn(struct keeper_records *kr, struct cursor *c, struct err *e);
/* NULL: not one of federation's. */
keeper_answer_fn *keeper_fed_answer(uint16_t ask);
/* What expired goes. */
void keeper_fed_sweep(struct keeper_records *kr, time_ns now);

#endif
