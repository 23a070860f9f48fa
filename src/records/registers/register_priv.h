/* SPDX-License-Identifier: EUPL-1.2 */
/* What the files of records/registers share. */
#ifndef RECORDS_REGISTERS_REGISTER_PRIV_H
#define RECORDS_REGISTERS_REGISTER_PRIV_H

#include "records/registers/register.h"

/* Small letters, digits and _, from a letter on, at most REGISTER_NAME_MAX. */
bool register_name_fits(struct span s);
/* Bit of enum policy_role; ERR_NOT_FOUND. */
int register_role_of(struct span name, uint32_t *out) NODISCARD;
/* x-states; fields and rights of the kind are there. */
int register_read_states(struct arena *a, const struct yaml_node *root, struct register_kind *k, struct err *e) NODISCARD;

#endif
