/* SPDX-License-Identifier: EUPL-1.2 */
/* What register_choose.c and register_force.c share. */
#ifndef RECORDS_REGISTERS_REGISTER_FORCE_PRIV_H
#define RECORDS_REGISTERS_REGISTER_FORCE_PRIV_H

#include "records/registers/register_force.h"

/* By which a text is known, as somebody meant it; of none: "gone". */
struct span register_digest(struct arena *a, struct span text);
/* A file that comes with the program. */
bool register_is_shipped(struct span file);

#endif
