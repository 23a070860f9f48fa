/* SPDX-License-Identifier: EUPL-1.2 */
/* Small roles that stand for the real ones in super_test, in the real sandboxes: they note what super hands them. */
#ifndef ROLES_SUPER_FAKES_H
#define ROLES_SUPER_FAKES_H

#include "roles/role.h"

extern const struct role_ops *const super_fakes[];
extern const size_t super_fakes_count;

/* What this run of the node is to show; inherited by the roles. */
const char *super_fakes_mode(void);

#endif
