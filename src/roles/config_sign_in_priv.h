/* SPDX-License-Identifier: EUPL-1.2 */
/* What the parts of sign_in share: config_sign_in.c (providers) and config_directory.c (directories) only. */
#ifndef ROLES_CONFIG_SIGN_IN_PRIV_H
#define ROLES_CONFIG_SIGN_IN_PRIV_H

#include "desk/identity/directory.h"
#include "roles/config_sign_in.h"

struct sign_in_reading {
    struct arena *a;
    struct span folder;
    struct err *e;
};

/* ERR_INVALID with the line of `at`. */
int sign_in_wrong(const struct sign_in_reading *r, const struct yaml_node *at, const char *what) NODISCARD;
/* One line of text without control characters, copied. */
int sign_in_text(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, bool required, size_t most, struct span *out) NODISCARD;
/* A path, from the folder of the file on. */
int sign_in_path(const struct sign_in_reading *r, const struct yaml_node *map, const char *key, struct span *out) NODISCARD;
/* roles: [{group: soc, role: analyst, organisation: Ourtown}] */
int sign_in_roles(const struct sign_in_reading *r, const struct yaml_node *map, struct provider_role **out, uint32_t *count_out) NODISCARD;

void sign_in_put_roles(struct buf *out, const struct provider_role *roles, uint32_t n);
void sign_in_get_roles(struct config *c, struct cursor *in, struct provider_role **out, uint32_t *count_out);
struct span sign_in_get_text(struct config *c, struct cursor *in);
/* A count of at most `most`; 0 when it is not. */
uint32_t sign_in_get_count(struct cursor *in, uint32_t most);

/* ldap: in sign_in of sereno.yml; after the providers, whose names it may not take. */
int config_directories_read(const struct sign_in_reading *r, const struct yaml_node *map, struct sign_in *s) NODISCARD;
void config_directories_put(struct buf *out, const struct sign_in *s, bool desk, bool courier);
void config_directories_get(struct config *c, struct cursor *in, struct sign_in *s);

#endif
