/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * What records say of persons goes when its time is over (records/registers/record_retention.h): a run each day, a few records at each tick, and none
 * while the clock is doubted (records/trusted_time.h). Also the answers to the desk about it.
 */
#ifndef ROLES_KEEPER_RETENTION_H
#define ROLES_KEEPER_RETENTION_H

#include "roles/config.h"
#include "roles/keeper_fed.h"
#include "roles/keeper_records_priv.h"

enum { KEEPER_RETENTION_EVERY_S = 24 * 3600 };

/* Rules as they hold now: those of the registers' files, and the config's own days. */
void keeper_retention_rules(const struct keeper_records *kr, struct retention_rules *out);
/* NULL: it is no question of these. */
keeper_answer_fn *keeper_retention_answer(uint16_t ask);

#endif
