/* SPDX-License-Identifier: EUPL-1.2 */
/* What the keeper answers about signals and warnings, and the files of rules that were taken;
 * keeper_answers.c and keeper_records.c only. */
#ifndef ROLES_KEEPER_SIGNALS_H
#define ROLES_KEEPER_SIGNALS_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"

struct keeper_records;

/* A question whose number is read; writes the whole answer. NULL: not one of these. */
typedef int keeper_signals_fn(struct keeper_records *kr, struct cursor *c, struct err *e);
keeper_signals_fn *keeper_signals_answer(uint16_t ask);

/*
 * Makes the files below DATA/rules/federation what the records say is taken, and nothing else. True
 * in *changed_out when one was written or removed: super must have the rules compiled again.
 */
int keeper_taken_sync(struct keeper_records *kr, bool *changed_out, struct err *e) NODISCARD;

/* Once a second: warnings that came, and what the hub took back. */
void keeper_signals_tick(struct keeper_records *kr);
/* Warnings over their date end; signals beyond every window go. */
void keeper_signals_sweep(struct keeper_records *kr, time_ns now);

#endif
