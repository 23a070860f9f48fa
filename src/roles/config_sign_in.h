/* SPDX-License-Identifier: EUPL-1.2 */
/* The part sign_in of sereno.yml: providers that say who somebody is. config*.c only. */
#ifndef ROLES_CONFIG_SIGN_IN_H
#define ROLES_CONFIG_SIGN_IN_H

#include "roles/config.h"
#include "wire/yaml.h"

/* folder: paths in the file are relative to it. ERR_INVALID names the line. */
int config_sign_in_read(struct config *c, const struct yaml_node *root, struct span folder, struct err *e) NODISCARD;
/* A role's part: the desk gets what it decides by, the courier where it may connect and how, the others nothing. */
void config_sign_in_put(struct buf *out, const struct config *c, enum role_id role);
void config_sign_in_get(struct config *c, struct cursor *in);

#endif
