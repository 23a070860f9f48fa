/* SPDX-License-Identifier: EUPL-1.2 */
/* Picks a command or, when super started us again with --role=, a role. Nothing else happens here. */
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

int main(int argc, char **argv)
{
    if (sodium_init() < 0) {
        (void)fputs("sereno: the cryptographic library could not start\n", stderr);
        return CLI_UNREAD;
    }
    return cli_main(argc, argv);
}
