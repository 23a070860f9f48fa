/* SPDX-License-Identifier: EUPL-1.2 */
/* What the program that ran last left in the records, so that the next one can tell what it changes. Keeper; the command
 * line reads it. */
#ifndef ROLES_KEEPER_UPGRADE_H
#define ROLES_KEEPER_UPGRADE_H

#include "base/clock.h"
#include "records/db.h"

/* Settings: its version ("0.1.0"), and its list of defaults (defaults.h). */
#define UPGRADE_VERSION_SETTING "program.version"
#define UPGRADE_DEFAULTS_SETTING "program.defaults"

/* Once at each start: logs and writes into the audit trail another program version and each default that differs from
 * what the last program had, then keeps those of this one; one transaction. Does nothing where nothing differs. */
int keeper_upgrade_note(struct db *db, time_ns now, struct err *e) NODISCARD;

#endif
