/* SPDX-License-Identifier: EUPL-1.2 */
/* `sereno rules learn`. */
#ifndef CLI_RULES_LEARN_H
#define CLI_RULES_LEARN_H

#include "cli/paths.h"

enum { RULES_LEARN_FILES_MAX = 4096 };

/* Learns from the files named and prints the table; values: also whole values, which may name somebody. Exit status. */
int rules_learn(const struct cli_paths *paths, char **names, size_t n, bool values);

#endif
