/* SPDX-License-Identifier: EUPL-1.2 */
/*
 * Reminders of what is due, by mail to the addresses of the config. What is to be told, and what was, stands in the records
 * (records/reminders.h); here is only the one letter that the courier has. desk.c only.
 */
#ifndef ROLES_DESK_REMINDERS_H
#define ROLES_DESK_REMINDERS_H

#include "roles/desk_priv.h"

/* now: of the monotonic clock. Asks the keeper now and then, where there is a mail server. */
void desk_reminders_tick(struct desk *d, time_ns now);
/* What became of a notice; false: it was no reminder. */
bool desk_reminders_result(struct desk *d, uint64_t notice, bool delivered, struct span why);

#endif
