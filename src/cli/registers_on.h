/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno registers list|on|off`: which kinds of record are on, on the running node, over its control socket. */
#ifndef CLI_REGISTERS_ON_H
#define CLI_REGISTERS_ON_H

#include "cli/cli.h"

/* what: "list", "on" or "off"; kind and why may be NULL. Returns the exit status. */
int registers_on(const struct command *self, const char *data, const char *what, const char *kind, const char *why);

#endif
