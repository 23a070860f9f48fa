/* SPDX-License-Identifier: EUPL-1.2 */
/* Picks a command or, when super started us again with --role=, a role. Nothing else happens here. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "roles/role.h"

const struct role_ops *const role_table[] = {&role_ops_compiler, &role_ops_intake, &role_ops_correlator,
                                             &role_ops_keeper, &role_ops_desk, &role_ops_courier,
                                             &role_ops_hunter};
const size_t role_table_count = ARRAY_LEN(role_table);

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        (void)fputs("sereno: the cryptographic library could not start\n", stderr);
        return CLI_UNREAD;
    }
    int status = role_main(argc, argv, role_table, role_table_count);
    return status >= 0 ? status : cli_main(argc, argv);
}
